//! What happened, hour by hour: the figures that a day is judged by.
//!
//! Callbacks and attempts are counted in the hour in which they were made, which their identities
//! tell, so that stores find them without an index of their own for it.

use std::sync::Arc;

use callback_domain::attempt::Outcome;
use callback_domain::callback::TerminationReason;
use callback_domain::date::{self, Instant};
use callback_domain::id::ServiceId;
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::access::Scope;
use crate::engine::Engine;
use crate::error::Error;

/// The most hours that are answered at once.
pub const MOST_HOURS: u32 = 48;

/// The length of an interval.
pub const SECONDS: i64 = 3_600;

/// Seconds for which figures that were read are answered again: pages that follow what happens ask
/// for them often, and a whole day is much to read.
const GOOD_FOR_SECONDS: i64 = 10;

/// The figures that were read last.
#[derive(Debug, Default)]
pub(crate) struct Recent(Mutex<Option<Known>>);

#[derive(Debug)]
struct Known {
    read_at: Instant,
    from: Instant,
    hours: u32,
    intervals: Arc<[Interval]>,
}

/// What happened in one hour, of one service or of several together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interval {
    /// The service, `None` for several together.
    pub service: Option<ServiceId>,
    /// Which hour from the first, 0 for that.
    pub hour: u32,
    /// Callbacks that were made.
    pub arrivals: u64,
    /// Attempts that were requested in the hour and are decided, by the place of their outcome in
    /// [`Outcome::ALL`].
    pub outcomes: [u64; Outcome::ALL.len()],
    /// Callbacks that were called for the first time.
    pub first_calls: u64,
    /// The waits of those from their place in the queue to that call, together, in seconds.
    pub waited_seconds: u64,
    /// The longest of those waits, in seconds.
    pub longest_wait_seconds: u64,
    /// Callbacks that were over after a conversation.
    pub kept: u64,
    /// Callbacks whose allowed wait was used up.
    pub broken: u64,
}

impl Interval {
    /// An hour in which nothing happened yet.
    #[must_use]
    pub fn empty(service: Option<ServiceId>, hour: u32) -> Self {
        Self { service, hour, ..Self::default() }
    }

    /// Counts attempts of one outcome, `None` while they are undecided.
    pub fn count_outcome(&mut self, outcome: Option<Outcome>, attempts: u64) {
        let place = Outcome::ALL.iter().position(|known| Some(*known) == outcome);
        if let Some(count) = place.and_then(|place| self.outcomes.get_mut(place)) {
            *count += attempts;
        }
    }

    /// Counts the waits of callbacks that were called for the first time.
    pub fn count_waits(&mut self, calls: u64, seconds: u64, longest: u64) {
        self.first_calls += calls;
        self.waited_seconds += seconds;
        self.longest_wait_seconds = self.longest_wait_seconds.max(longest);
    }

    /// Counts callbacks that were over for a reason: kept after a conversation, broken when the
    /// wait was used up, neither otherwise.
    pub fn count_ends(&mut self, reason: TerminationReason, callbacks: u64) {
        match reason {
            TerminationReason::Completed | TerminationReason::OptedOut => self.kept += callbacks,
            TerminationReason::QueueTimeExceeded => self.broken += callbacks,
            TerminationReason::Cancelled
            | TerminationReason::RetriesExhausted
            | TerminationReason::InvalidTarget
            | TerminationReason::FulfilledElsewhere => {}
        }
    }

    /// How often an outcome came out.
    #[must_use]
    pub fn outcome(&self, outcome: Outcome) -> u64 {
        let place = Outcome::ALL.iter().position(|known| *known == outcome);
        place.and_then(|place| self.outcomes.get(place)).copied().unwrap_or(0)
    }

    /// The wait to the first call on average, in seconds; `None` without one.
    #[must_use]
    pub const fn average_wait_seconds(&self) -> Option<u64> {
        self.waited_seconds.checked_div(self.first_calls)
    }

    /// Takes the figures of another service for the same hour in.
    pub fn add(&mut self, other: &Self) {
        self.arrivals += other.arrivals;
        for (sum, more) in self.outcomes.iter_mut().zip(other.outcomes) {
            *sum += more;
        }
        self.count_waits(other.first_calls, other.waited_seconds, other.longest_wait_seconds);
        self.kept += other.kept;
        self.broken += other.broken;
    }
}

/// The instant at which an hour begins.
#[must_use]
pub fn beginning(from: Instant, hour: u32) -> Instant {
    date::add_seconds(from, i64::from(hour) * SECONDS)
}

/// The least identity that can have been made at an instant.
#[must_use]
pub fn least_identity(at: Instant) -> Uuid {
    let millis = u128::try_from(at.timestamp_millis()).unwrap_or(0);
    Uuid::from_u128(millis << 80)
}

impl Engine {
    /// What happened in each of so many hours from an instant on, over all services of a scope
    /// together; one for each hour.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn intervals(
        &self,
        scope: &Scope,
        from: Instant,
        hours: u32,
    ) -> Result<Vec<Interval>, Error> {
        let hours = hours.min(MOST_HOURS);
        let mut together: Vec<Interval> =
            (0..hours).map(|hour| Interval::empty(None, hour)).collect();
        for interval in self.recent_intervals(from, hours).await?.iter() {
            let sum = usize::try_from(interval.hour).ok().and_then(|hour| together.get_mut(hour));
            if let Some(sum) = sum
                && scope.holds_of(interval.service)
            {
                sum.add(interval);
            }
        }
        Ok(together)
    }

    /// The figures of every service; whoever asks shortly after somebody else gets the same.
    async fn recent_intervals(&self, from: Instant, hours: u32) -> Result<Arc<[Interval]>, Error> {
        let mut recent = self.recent().0.lock().await;
        let now = self.store().now().await?;
        if let Some(known) = &*recent
            && (known.from, known.hours) == (from, hours)
            && (known.read_at..date::add_seconds(known.read_at, GOOD_FOR_SECONDS)).contains(&now)
        {
            return Ok(Arc::clone(&known.intervals));
        }
        let intervals: Arc<[Interval]> = self.store().intervals(from, hours).await?.into();
        *recent = Some(Known { read_at: now, from, hours, intervals: Arc::clone(&intervals) });
        Ok(intervals)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_average_needs_a_call() {
        let mut interval = Interval::default();
        assert_eq!(interval.average_wait_seconds(), None);
        interval.count_waits(2, 30, 20);
        assert_eq!(interval.average_wait_seconds(), Some(15));
    }

    #[test]
    fn an_identity_is_not_less_than_the_least_of_its_instant() {
        let at = date::parse("2026-01-05T10:00:00.123Z").unwrap();
        let identity = crate::mint::Mint::seeded(1).timed(at);
        assert!(identity >= least_identity(at));
        assert!(identity < least_identity(date::add_seconds(at, 1)));
    }
}
