//! Many callbacks at once: made in one transaction, cancelled in several.

use callback_domain::callback::Callback;
use callback_domain::id::CallbackId;
use callback_domain::search::Query;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::command::Create;
use crate::error::Error;

/// How a refusal is told to whoever asked; it is remembered as it was told.
pub type Tell = fn(&Error) -> Value;

/// Callbacks to be made.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Each of them, or why it is none; none has an idempotency key of its own.
    pub items: Vec<Result<Create, Error>>,
    /// Whether none is made unless all are.
    pub whole: bool,
    /// Checks only.
    pub dry_run: bool,
    /// How refusals of single items are told.
    pub tell: Tell,
}

/// What one item of a batch came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Placed {
    /// A callback was made, or would be.
    New(Box<Callback>),
    /// The one that stood there already.
    Existing(Box<Callback>),
    /// None, in the words that were asked for.
    Refused(Value),
}

/// Callbacks to be taken off the queue.
#[derive(Clone, Debug)]
pub struct Withdrawal {
    /// Which, as they were found.
    pub callbacks: Vec<CallbackId>,
    /// What they must still be found by.
    pub query: Query,
    /// Whether the customers were helped in another way.
    pub fulfilled: bool,
}

/// What a search for cancelling came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cancelled {
    /// How many were found.
    pub found: u64,
    /// The first of them.
    pub ids: Vec<CallbackId>,
    /// How many were cancelled.
    pub cancelled: usize,
    /// Those that had moved on before they could be.
    pub moved_on: Vec<CallbackId>,
}
