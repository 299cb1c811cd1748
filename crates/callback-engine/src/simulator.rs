//! A floor without phones and people: a driver that plays calls, and agents who work by themselves.
//!
//! Demonstrations, tests and load use it; everything it does is drawn from a seed.

mod dialer;
mod floor;

use std::collections::BTreeMap;
use std::time::Duration;

use callback_domain::attempt::Outcome;
use callback_domain::id::ServiceId;
use rand::RngExt as _;
use rand::rngs::StdRng;

pub use dialer::SimulatedDialer;
pub use floor::{Habits, work_the_floor};

/// How calls of one service come out, and how long their parts take.
#[derive(Clone, Debug)]
pub struct Odds {
    /// Outcomes with their weights.
    pub outcomes: Vec<(Outcome, u32)>,
    /// How long the agent's phone rings.
    pub agent_rings: Span,
    /// How long the customer's phone rings.
    pub customer_rings: Span,
    /// How long they speak.
    pub talks: Span,
}

/// A range of durations, both ends included.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// The shortest.
    pub least: Duration,
    /// The longest.
    pub most: Duration,
}

impl Span {
    /// From so many to so many milliseconds.
    #[must_use]
    pub const fn millis(least: u64, most: u64) -> Self {
        Self { least: Duration::from_millis(least), most: Duration::from_millis(most) }
    }

    fn draw(self, random: &mut StdRng) -> Duration {
        random.random_range(self.least..=self.most.max(self.least))
    }
}

impl Default for Odds {
    fn default() -> Self {
        Self {
            outcomes: vec![
                (Outcome::Completed, 60),
                (Outcome::NoAnswer, 15),
                (Outcome::Busy, 10),
                (Outcome::Voicemail, 6),
                (Outcome::Rejected, 3),
                (Outcome::Unreachable, 3),
                (Outcome::AgentUnavailable, 1),
                (Outcome::InvalidTarget, 1),
                (Outcome::OptedOut, 1),
            ],
            agent_rings: Span::millis(500, 2_000),
            customer_rings: Span::millis(2_000, 9_000),
            talks: Span::millis(5_000, 25_000),
        }
    }
}

impl Odds {
    fn draw(&self, random: &mut StdRng) -> Outcome {
        let whole: u32 = self.outcomes.iter().map(|(_, weight)| weight).sum();
        let mut left = random.random_range(0..whole.max(1));
        for (outcome, weight) in &self.outcomes {
            match left.checked_sub(*weight) {
                Some(rest) => left = rest,
                None => return *outcome,
            }
        }
        Outcome::Completed
    }
}

/// The odds of every service.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Where nothing else is said.
    pub everywhere: Odds,
    /// For single services.
    pub by_service: BTreeMap<ServiceId, Odds>,
}

impl Plan {
    fn odds(&self, service: ServiceId) -> &Odds {
        self.by_service.get(&service).unwrap_or(&self.everywhere)
    }
}
