//! Routes and their breaker: when calls fail for reasons of our own, the queue is spared.

use callback_domain::date::{self, Instant};
use callback_domain::defaults;
use callback_domain::id::CallbackId;
use callback_domain::lifecycle::back_off_seconds;
use serde::{Deserialize, Serialize};

/// How calls on one route have been going.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Failures in a row.
    pub failures: u32,
    /// Nothing is offered on a broken route before this.
    pub not_before: Option<Instant>,
    /// The one callback that tries a broken route.
    pub probe: Option<CallbackId>,
}

/// Whether a route takes a call now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteGate {
    /// It does.
    Open,
    /// It takes one call, to see.
    Probe,
    /// Not before this instant.
    Until(Instant),
    /// Not before the one call that tries it has come out.
    Probing(CallbackId),
}

impl Route {
    /// Whether it takes a call now.
    #[must_use]
    pub fn gate(&self, now: Instant) -> RouteGate {
        if self.failures < defaults::BREAKER_FAILURES {
            return RouteGate::Open;
        }
        match (self.not_before, self.probe) {
            (Some(at), _) if at > now => RouteGate::Until(at),
            (_, Some(probe)) => RouteGate::Probing(probe),
            (_, None) => RouteGate::Probe,
        }
    }

    /// A call failed for reasons of the route.
    /// Calls that were already under way when the route broke count only once.
    pub fn fail(&mut self, now: Instant) {
        self.probe = None;
        if self.failures >= defaults::BREAKER_FAILURES && self.not_before.is_some_and(|at| at > now)
        {
            return;
        }
        self.failures = self.failures.saturating_add(1);
        let seconds = back_off_seconds(self.failures);
        self.not_before = Some(date::add_seconds(now, i64::from(seconds)));
    }

    /// A call went through.
    pub fn succeed(&mut self) {
        *self = Self::default();
    }

    /// The callback that was to try the route came back without a call.
    pub fn release_probe(&mut self, callback: CallbackId) {
        if self.probe == Some(callback) {
            self.probe = None;
        }
    }
}
