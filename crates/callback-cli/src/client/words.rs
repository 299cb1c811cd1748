//! The names that members of the API take, whatever case they are typed in.

use clap::builder::{PossibleValuesParser, TypedValueParser};

/// Priorities, the most urgent first.
pub(crate) const PRIORITIES: &[&str] = &[
    "StrictPriority",
    "Highest",
    "VeryHigh",
    "High",
    "Normal",
    "Low",
    "VeryLow",
    "Lowest",
    "NothingElse",
];
/// States of a callback.
pub(crate) const STATES: &[&str] = &["Pending", "InQueue", "Processing", "Terminated"];
/// Phases of a callback.
pub(crate) const PHASES: &[&str] =
    &["Pending", "InQueue", "Offered", "Preview", "Dialout", "Connected", "Terminated"];
/// Why a callback is over.
pub(crate) const REASONS: &[&str] = &[
    "Completed",
    "Cancelled",
    "QueueTimeExceeded",
    "RetriesExhausted",
    "InvalidTarget",
    "OptedOut",
    "FulfilledElsewhere",
];
/// Which way calls of a service go.
pub(crate) const DIRECTIONS: &[&str] = &["Inbound", "Outbound", "InboundOutbound"];
/// What a second callback for one target gets.
pub(crate) const DUPLICATES: &[&str] = &["Allow", "Reject", "ReturnExisting"];
/// How a user gets tasks.
pub(crate) const DISTRIBUTIONS: &[&str] = &["Push", "Pull"];
/// Whether a user is there.
pub(crate) const PRESENCES: &[&str] = &["Available", "Busy", "Away", "Offline"];

/// Reads one of some names; to be used with `ignore_case`.
pub(crate) fn one_of(names: &'static [&'static str]) -> impl TypedValueParser<Value = String> {
    PossibleValuesParser::new(names).map(|typed| {
        let same = names.iter().find(|name| name.eq_ignore_ascii_case(&typed));
        same.map_or_else(|| typed.clone(), |name| (*name).to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use callback_domain::callback::{PhaseName, TerminationReason};
    use callback_domain::priority::Priority;

    #[test]
    fn the_names_are_those_of_the_trade() {
        assert_eq!(PRIORITIES, Priority::ALL.map(Priority::name));
        assert_eq!(PHASES, PhaseName::ALL.map(PhaseName::name));
        assert_eq!(REASONS, TerminationReason::ALL.map(TerminationReason::name));
    }
}
