//! What the campaign was told: it holds the program to its answers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Answers that bind the program, by what they were about.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    /// Callbacks whose creation was acknowledged.
    pub(crate) created: BTreeSet<String>,
    /// For each idempotency key, the callbacks that were answered.
    pub(crate) keys: BTreeMap<String, BTreeSet<String>>,
    /// Callbacks whose cancellation was acknowledged.
    pub(crate) cancelled: BTreeSet<String>,
    /// Attempts whose outcome was reported and acknowledged.
    pub(crate) reported: BTreeMap<String, &'static str>,
    /// Requests that make no sense.
    pub(crate) nonsense: u64,
    /// Answers that should not be.
    pub(crate) odd: Vec<String>,
}

/// The same while the round runs, shared by its threads.
#[derive(Debug, Default)]
pub(crate) struct Journal(Mutex<Told>);

impl Journal {
    pub(crate) fn told(&self) -> MutexGuard<'_, Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
