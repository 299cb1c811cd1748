//! What is counted while a round runs.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Counters of one round, shared by all its threads.
#[derive(Debug)]
pub(crate) struct Figures {
    refused: AtomicU64,
    unanswered: AtomicU64,
    writes: AtomicU64,
    gap: Mutex<Gap>,
    counts: Mutex<BTreeMap<&'static str, u64>>,
}

/// The longest time between two writes that were acknowledged.
#[derive(Debug)]
struct Gap {
    last: Instant,
    longest: Duration,
    watched: bool,
}

impl Figures {
    pub(crate) fn new() -> Self {
        let gap = Gap { last: Instant::now(), longest: Duration::ZERO, watched: true };
        Self {
            refused: AtomicU64::new(0),
            unanswered: AtomicU64::new(0),
            writes: AtomicU64::new(0),
            gap: Mutex::new(gap),
            counts: Mutex::default(),
        }
    }

    /// A request was answered 503.
    pub(crate) fn note_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// A request's connection broke, or nobody listened.
    pub(crate) fn note_unanswered(&self) {
        self.unanswered.fetch_add(1, Ordering::Relaxed);
    }

    /// A write was acknowledged.
    pub(crate) fn note_write(&self) {
        self.writes.fetch_add(1, Ordering::Relaxed);
        let mut gap = self.gap();
        let now = Instant::now();
        if gap.watched {
            gap.longest = gap.longest.max(now.saturating_duration_since(gap.last));
        }
        gap.last = now;
    }

    /// Nothing breaks from now on, so a silence is no outage any more.
    pub(crate) fn stop_watching(&self) {
        self.gap().watched = false;
    }

    /// Counts something by its name.
    pub(crate) fn count(&self, what: &'static str) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(what).or_default() += 1;
    }

    pub(crate) fn counted(&self, what: &str) -> u64 {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.get(what).copied().unwrap_or(0)
    }

    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    pub(crate) fn unanswered(&self) -> u64 {
        self.unanswered.load(Ordering::Relaxed)
    }

    pub(crate) fn writes(&self) -> u64 {
        self.writes.load(Ordering::Relaxed)
    }

    /// The longest time in which no write was acknowledged, while there was always one to do.
    pub(crate) fn longest_outage(&self) -> Duration {
        self.gap().longest
    }

    fn gap(&self) -> MutexGuard<'_, Gap> {
        self.gap.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
