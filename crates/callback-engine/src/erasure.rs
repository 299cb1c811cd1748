//! A person's data is erased from every table, in steps of bounded transactions.

use callback_domain::callback::Callback;
use callback_domain::id::CallbackId;
use callback_domain::target::TargetKey;
use uuid::Uuid;

use crate::bulk::Placed;
use crate::remembered::Kept;

/// One step of an erasure.
#[derive(Clone, Debug)]
pub enum Step {
    /// Cancels what lives and removes what has ended, of these callbacks.
    Callbacks(Vec<CallbackId>),
    /// Forgets remembered answers about the person, among so many after one.
    Answers {
        /// The last that was looked at, by principal and key.
        after: Option<(String, String)>,
        /// At most so many.
        limit: usize,
    },
    /// Removes what is kept about the line itself, and tells the ledger that it was done.
    Line {
        /// The identity of the erasure.
        id: Uuid,
        /// The entries of the suppression list that go.
        suppressions: Vec<Uuid>,
        /// How many callbacks were removed before.
        callbacks: usize,
    },
}

/// What a step came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stepped {
    /// How many rows were removed.
    pub removed: usize,
    /// Callbacks that cannot be removed before their call has ended.
    pub open: Vec<CallbackId>,
    /// Where the next step goes on, if there is one.
    pub after: Option<(String, String)>,
}

/// What an erasure came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erased {
    /// Its identity, under which the ledger has it.
    pub id: Uuid,
    /// Callbacks that were removed.
    pub callbacks: usize,
    /// Entries of the suppression list that were removed.
    pub suppressions: usize,
    /// Remembered answers that were forgotten.
    pub answers: usize,
}

/// Whether a callback is about a person, by the address that is called or by the one that it
/// stands in for.
#[must_use]
pub fn concerns(callback: &Callback, key: &TargetKey) -> bool {
    let alternative = callback.alternative_target.as_ref();
    callback.target.key() == *key || alternative.is_some_and(|other| other.key() == *key)
}

/// Whether a remembered answer is about a person.
#[must_use]
pub fn tells_of(kept: &Kept, key: &TargetKey) -> bool {
    match kept {
        Kept::Created(callback) | Kept::Existing(callback) => concerns(callback, key),
        Kept::Suppression(entry) => entry.key == *key,
        Kept::Batch(placed) => placed.iter().any(|placed| match placed {
            Placed::New(callback) | Placed::Existing(callback) => concerns(callback, key),
            Placed::Refused(told) => told.to_string().contains(key.as_str()),
        }),
        Kept::Service(_) | Kept::User(_) | Kept::Imported(_) | Kept::Key(_) | Kept::Webhook(_) => {
            false
        }
    }
}
