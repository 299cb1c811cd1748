//! The schemas of bodies and answers; names and limits are the domain's own.
//!
//! Tests hold them against real answers, member by member.

mod callbacks;
mod directory;
mod keys;
mod stories;

use callback_domain::attempt::Outcome;
use callback_domain::callback::{PhaseName, TerminationReason};
use callback_domain::lifecycle::Happening;
use callback_domain::priority::Priority;
use callback_engine::ledger::DIRECTORY_EVENTS;

use super::shape::{Shape, one_of};

pub(super) use callbacks::search_members;

/// Every schema by name.
pub(super) fn schemas() -> Vec<(&'static str, Shape)> {
    let mut schemas = callbacks::schemas();
    schemas.extend(stories::schemas());
    schemas.extend(directory::schemas());
    schemas.extend(super::webhooks::schemas());
    schemas.extend(keys::schemas());
    schemas.extend(super::bulk::schemas());
    schemas
}

fn priority() -> Shape {
    one_of(Priority::ALL.map(Priority::name))
}

fn phase() -> Shape {
    one_of(PhaseName::ALL.map(PhaseName::name))
}

fn state() -> Shape {
    one_of(["Pending", "InQueue", "Processing", "Terminated"])
}

fn termination_reason() -> Shape {
    one_of(TerminationReason::ALL.map(TerminationReason::name))
}

fn outcome() -> Shape {
    one_of(Outcome::ALL.iter().map(|outcome| outcome.name()))
}

/// What may happen, by name.
pub(super) fn event_name() -> Shape {
    one_of(Happening::ALL.iter().map(|what| what.name()).chain(DIRECTORY_EVENTS))
}
