//! The allowed wait and the preferred agent's hold: one clock, which runs while the service is open.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::date::Instant;
use crate::hours::{self, OpeningHours};

/// What is left of the allowed wait and of the preferred agent's hold.
/// Both run on one clock, which runs only while the service is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Left of the allowed wait, in microseconds.
    pub wait_micros: i64,
    /// Left of the hold, in microseconds; 0 when there is none.
    pub hold_micros: i64,
}

/// The wait while it runs: a budget, counted from an instant.
/// The instants at which it ends are kept beside it, as the calendar gave them when last asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// When this stretch began.
    pub since: Instant,
    /// What was left then.
    pub budget: Budget,
    /// When the allowed wait ends; `None` when the calendar never lets it.
    pub until: Option<Instant>,
    /// When the hold ends; `None` when there is none, or when the calendar never lets it.
    pub hold_until: Option<Instant>,
}

impl Wait {
    /// Lets a budget run from an instant under a calendar.
    #[must_use]
    pub fn run(budget: Budget, since: Instant, calendar: Option<&OpeningHours>) -> Self {
        let after =
            |micros| hours::after_open_time(calendar, since, TimeDelta::microseconds(micros));
        Self {
            since,
            budget,
            until: after(budget.wait_micros),
            hold_until: (budget.hold_micros > 0).then(|| after(budget.hold_micros)).flatten(),
        }
    }

    /// What is left at an instant.
    #[must_use]
    pub fn left(&self, at: Instant, calendar: Option<&OpeningHours>) -> Budget {
        let used = hours::open_between(calendar, self.since, at.max(self.since))
            .num_microseconds()
            .unwrap_or(i64::MAX);
        Budget {
            wait_micros: self.budget.wait_micros.saturating_sub(used).max(0),
            hold_micros: self.budget.hold_micros.saturating_sub(used).max(0),
        }
    }
}
