//! Requests about many callbacks at once.

use alloc::vec::Vec;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::members::Members;
use super::moves::CancelReason;
use super::problem::{Fault, Problems};
use super::search::SearchRequest;
use super::value;
use crate::defaults;

/// What a failure of one item does to the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Transaction {
    /// Nothing: each stands for itself.
    #[default]
    Item,
    /// None is made unless all are.
    Batch,
}

/// A request to make many callbacks.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchRequest {
    /// The bodies of their creations, not yet read.
    pub items: Vec<Value>,
    /// What a failure of one does to the others.
    pub transaction: Transaction,
}

impl BatchRequest {
    /// Reads a body.
    ///
    /// # Errors
    /// All its problems; those of the items come later.
    pub fn read(body: &Value) -> Result<Self, Problems> {
        let mut members = Members::of(body);
        let items = members.list("Items", defaults::BATCH_ITEMS, |item| Ok(item.clone()));
        if !members.has("Items") || items.as_ref().is_some_and(Vec::is_empty) {
            members.fault("Items", Fault::new("Required", "at least one item is required"));
        }
        let transaction = members.read("Transaction", value::choice).unwrap_or_default();
        let problems = members.finish();
        match items {
            Some(items) if problems.is_empty() => Ok(Self { items, transaction }),
            Some(_) | None => Err(Problems(problems)),
        }
    }
}

/// A request to cancel whatever a search finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BulkCancelRequest {
    /// What is to be found.
    pub search: SearchRequest,
    /// How many it must find; `None` only looks.
    pub expected_count: Option<u32>,
    /// Why they are taken off the queue.
    pub reason: CancelReason,
}

impl BulkCancelRequest {
    /// Reads a body: the members of a search, with these of its own.
    ///
    /// # Errors
    /// All its problems.
    pub fn read(body: &Value) -> Result<Self, Problems> {
        const OWN: [&str; 3] = ["ExpectedCount", "DryRun", "Reason"];
        /// A page is nothing to cancel by.
        const OF_PAGES: [&str; 4] = ["Limit", "Offset", "OrderBy", "SortOrder"];
        let Value::Object(given) = body else {
            return Err(SearchRequest::read(body).err().unwrap_or(Problems(Vec::new())));
        };
        let (own, search): (Map<_, _>, Map<_, _>) =
            given.clone().into_iter().partition(|(name, _)| OWN.contains(&name.as_str()));
        let own = Value::Object(own);
        let mut members = Members::of(&own);
        let dry_run = members.read("DryRun", value::flag).unwrap_or_default();
        let range = 0..=defaults::BULK_CANCELLED;
        let expected = members.read("ExpectedCount", |value| value::integer(value, &range));
        let reason = members.read("Reason", value::choice).unwrap_or_default();
        if !dry_run && !members.has("ExpectedCount") {
            let why = "an ExpectedCount is required, or DryRun";
            members.fault("ExpectedCount", Fault::new("Required", why));
        }
        let mut problems = members.finish();
        for name in OF_PAGES {
            if search.get(name).is_some_and(|value| !value.is_null()) {
                let why = "whatever is found is cancelled, not a page of it";
                problems.push(Fault::new("NotHere", why).of(name));
            }
        }
        let search = match SearchRequest::read(&Value::Object(search)) {
            Ok(search) if problems.is_empty() => search,
            Ok(_) => return Err(Problems(problems)),
            Err(Problems(found)) => {
                problems.extend(found);
                return Err(Problems(problems));
            }
        };
        Ok(Self { search, expected_count: expected.filter(|_| !dry_run), reason })
    }
}
