//! What the ledger tells of callbacks: made, called, over, and whether the promise was kept.

use std::collections::BTreeSet;

use callback_domain::attempt::Outcome;
use callback_domain::callback::{PhaseName, TerminationReason};
use callback_domain::id::{CallbackId, ServiceId};
use callback_domain::lifecycle::Happening;
use callback_engine::ledger::{Line, Subject};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use serde::Deserialize as _;
use serde_json::Value;

use super::Labels;

/// Callbacks that are remembered as connected and not yet over.
const REMEMBERED: usize = 100_000;

/// Counters by service, from the moment at which the program began to follow the ledger.
#[derive(Debug)]
pub(super) struct Promises {
    created: Family<Labels<1>, Counter>,
    started: Family<Labels<1>, Counter>,
    ended: Family<Labels<2>, Counter>,
    terminated: Family<Labels<2>, Counter>,
    settled: Family<Labels<2>, Counter>,
    /// Callbacks that were connected once and wait again, after a machine had answered.
    connected: BTreeSet<CallbackId>,
}

impl Promises {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let promises = Self {
            created: Family::default(),
            started: Family::default(),
            ended: Family::default(),
            terminated: Family::default(),
            settled: Family::default(),
            connected: BTreeSet::new(),
        };
        let clone = Family::clone;
        registry.register("created", "Callbacks made", clone(&promises.created));
        registry.register("attempts_started", "Attempts requested", clone(&promises.started));
        let clone = Family::clone;
        let ended = "Attempts whose outcome was decided";
        registry.register("attempts_ended", ended, clone(&promises.ended));
        registry.register("terminated", "Callbacks over, by reason", clone(&promises.terminated));
        let settled = "Callbacks that were connected before they were over, or whose wait was used up \
            without that";
        registry.register("promises", settled, clone(&promises.settled));
        promises
    }

    pub(super) fn note(&mut self, line: &Line) {
        match line.subject {
            Subject::Callback(callback) => {
                if let Some(service) = line.service
                    && let Ok(what) = Happening::deserialize(Value::from(line.what.as_str()))
                {
                    self.note_callback(callback, service, what, line);
                }
            }
            Subject::Service(service) if line.what == "ServiceDeleted" => self.forget(service),
            Subject::Service(_)
            | Subject::User(_)
            | Subject::Webhook(_)
            | Subject::Key(_)
            | Subject::Erasure(_) => {}
        }
    }

    fn note_callback(
        &mut self,
        callback: CallbackId,
        service: ServiceId,
        what: Happening,
        line: &Line,
    ) {
        if what == Happening::Created {
            self.created.get_or_create(&[of(service)]).inc();
        }
        if line.details.contains_key("Attempt") {
            self.started.get_or_create(&[of(service)]).inc();
        }
        let outcome = outcome(what, line);
        if let Some(outcome) = outcome {
            let label = ("outcome", outcome.name().to_owned());
            self.ended.get_or_create(&[of(service), label]).inc();
        }
        let was_connected = line.from == Some(PhaseName::Connected)
            || matches!(outcome, Some(Outcome::Completed | Outcome::OptedOut));
        if line.to == Some(PhaseName::Terminated) {
            self.note_end(callback, service, was_connected, line);
        } else if was_connected && self.connected.len() < REMEMBERED {
            self.connected.insert(callback);
        }
    }

    /// A callback is over: kept if it was ever connected, broken if its wait was used up instead.
    fn note_end(
        &mut self,
        callback: CallbackId,
        service: ServiceId,
        was_connected: bool,
        line: &Line,
    ) {
        let Some(reason) = reason(line) else { return };
        let label = ("reason", reason.name().to_owned());
        self.terminated.get_or_create(&[of(service), label]).inc();
        let kept = self.connected.remove(&callback) || was_connected;
        if kept || reason == TerminationReason::QueueTimeExceeded {
            self.settled.get_or_create(&promise(service, kept)).inc();
        }
    }

    /// Drops the figures of a service that is no more.
    fn forget(&self, service: ServiceId) {
        self.created.remove(&[of(service)]);
        self.started.remove(&[of(service)]);
        for outcome in Outcome::ALL {
            self.ended.remove(&[of(service), ("outcome", outcome.name().to_owned())]);
        }
        for reason in TerminationReason::ALL {
            self.terminated.remove(&[of(service), ("reason", reason.name().to_owned())]);
        }
        for kept in [true, false] {
            self.settled.remove(&promise(service, kept));
        }
    }
}

fn of(service: ServiceId) -> (&'static str, String) {
    ("service", service.to_string())
}

fn promise(service: ServiceId, kept: bool) -> Labels<2> {
    [of(service), ("kept", if kept { "yes" } else { "no" }.to_owned())]
}

fn reason(line: &Line) -> Option<TerminationReason> {
    let name = line.details.get("TerminationReason")?.as_str()?;
    TerminationReason::ALL.into_iter().find(|reason| reason.name() == name)
}

/// The outcome that a line decided; some lines only imply it.
fn outcome(what: Happening, line: &Line) -> Option<Outcome> {
    if let Some(named) = line.details.get("Outcome") {
        return named.as_str()?.parse().ok();
    }
    let in_a_call = matches!(line.from, Some(PhaseName::Dialout | PhaseName::Connected));
    match what {
        Happening::HungUp => Some(Outcome::Completed),
        Happening::Cancelled | Happening::FulfilledElsewhere => {
            in_a_call.then_some(Outcome::Cancelled)
        }
        Happening::Created
        | Happening::Queued
        | Happening::Postponed
        | Happening::WaitExceeded
        | Happening::BackOffEnded
        | Happening::HoldEnded
        | Happening::Offered
        | Happening::Accepted
        | Happening::Declined
        | Happening::OfferMissed
        | Happening::LeaseLost
        | Happening::Dialled
        | Happening::ClosedBeforeDial
        | Happening::Withdrawn
        | Happening::AgentAnswered
        | Happening::Connected
        | Happening::AttemptEnded
        | Happening::Edited => None,
    }
}
