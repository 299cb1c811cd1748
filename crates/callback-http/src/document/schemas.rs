//! The schemas of bodies and answers; names and limits are the domain's own.
//!
//! Tests hold them against real answers, member by member.

mod callbacks;
mod directory;
mod stories;

use callback_domain::attempt::Outcome;
use callback_domain::callback::{PhaseName, TerminationReason};
use callback_domain::lifecycle::Happening;
use callback_domain::priority::Priority;
use callback_engine::ledger::DIRECTORY_EVENTS;

use super::shape::{Shape, one_of};

/// What may happen to a callback.
const HAPPENINGS: [Happening; 21] = [
    Happening::Created,
    Happening::Queued,
    Happening::Postponed,
    Happening::WaitExceeded,
    Happening::BackOffEnded,
    Happening::HoldEnded,
    Happening::Offered,
    Happening::Accepted,
    Happening::Declined,
    Happening::OfferMissed,
    Happening::LeaseLost,
    Happening::Dialled,
    Happening::ClosedBeforeDial,
    Happening::Withdrawn,
    Happening::AgentAnswered,
    Happening::Connected,
    Happening::AttemptEnded,
    Happening::HungUp,
    Happening::Cancelled,
    Happening::FulfilledElsewhere,
    Happening::Edited,
];

/// Every schema by name.
pub(super) fn schemas() -> Vec<(&'static str, Shape)> {
    let mut schemas = callbacks::schemas();
    schemas.extend(stories::schemas());
    schemas.extend(directory::schemas());
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
    one_of(HAPPENINGS.map(Happening::name).into_iter().chain(DIRECTORY_EVENTS))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize as _;
    use serde_json::Value;

    use super::*;

    #[test]
    fn every_happening_is_listed() {
        let refused = Happening::deserialize(Value::from("Nothing")).unwrap_err().to_string();
        let (_, known) = refused.split_once("expected one of ").unwrap();
        let listed = HAPPENINGS.map(|what| format!("`{}`", what.name())).join(", ");
        assert_eq!(known, listed);
    }
}
