//! The part of the life in which somebody is called.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{Effect, Happening, Step, Why};
use crate::agent::Leave;
use crate::attempt::{Attempt, Start};
use crate::callback::{Callback, Lease, Leg, Phase};
use crate::date::{self, Instant};
use crate::defaults;
use crate::hours;
use crate::id::{AttemptId, LeaseToken};
use crate::service::Service;

impl Callback {
    pub(super) fn accept(
        mut self,
        policy: &Service,
        token: LeaseToken,
        start: &Start,
        now: Instant,
    ) -> Result<Step, Why> {
        if self.token() != Some(token) {
            return Err(Why::LeaseLost);
        }
        let Phase::Offered { place, wait, agent, .. } = self.phase else {
            return Ok(self.quietly());
        };
        let budget = self.stop_wait(policy, &wait, now);
        let lease = Lease { agent, token, until: lease_end(now) };
        let seconds = policy.preview_time_in_seconds;
        let until = date::add_seconds(now, i64::from(seconds));
        let previewing =
            self.enter(Phase::Preview { place, budget, lease, until }, Happening::Accepted, now);
        if seconds > 0 {
            return Ok(previewing);
        }
        let dialled = previewing.callback.clone().place_call(policy, start, now)?;
        Ok(previewing.then(dialled))
    }

    pub(super) fn dial(
        self,
        policy: &Service,
        token: LeaseToken,
        start: &Start,
        now: Instant,
    ) -> Result<Step, Why> {
        if self.token() != Some(token) {
            return Err(Why::LeaseLost);
        }
        match self.phase {
            Phase::Preview { .. } => self.place_call(policy, start, now),
            Phase::Dialout { .. } | Phase::Connected { .. } => Ok(self.quietly()),
            Phase::Pending
            | Phase::InQueue { .. }
            | Phase::Offered { .. }
            | Phase::Terminated { .. } => Err(Why::WrongPhase),
        }
    }

    /// From preview to the phones; back to the queue when the service has closed meanwhile.
    pub(super) fn place_call(
        mut self,
        policy: &Service,
        start: &Start,
        now: Instant,
    ) -> Result<Step, Why> {
        let Phase::Preview { place, budget, lease, .. } = self.phase else {
            return Err(Why::WrongPhase);
        };
        if !hours::is_open(policy.hours(), now) || !policy.takes_callbacks() {
            let step =
                self.queue_again(policy, place, budget, None, Happening::ClosedBeforeDial, now);
            return Ok(step.effect(Effect::ReleaseAgent(lease.agent, Leave::Freed)));
        }
        let (leg, seconds) = if start.caps.places_calls {
            (Leg::Agent, policy.rona_timeout_in_seconds)
        } else {
            self.dialouts = self.dialouts.saturating_add(1);
            (Leg::Customer, policy.max_dialout_time_in_seconds)
        };
        self.attempts = self.attempts.saturating_add(1);
        let attempt = Attempt {
            id: start.attempt,
            callback: self.id,
            number: self.attempts,
            service: self.service,
            agent: lease.agent,
            target: self.called().clone(),
            caller_id: self.caller_id.clone(),
            node: start.node,
            driver: start.driver.clone(),
            caps: start.caps,
            agent_ring_in_seconds: policy.rona_timeout_in_seconds,
            customer_ring_in_seconds: policy.max_dialout_time_in_seconds,
            queued_at: place,
            requested_at: now,
            customer_requested_at: (leg == Leg::Customer).then_some(now),
            customer_ringing_at: None,
            connected_at: None,
            verdict: None,
            stop: None,
            ended_at: None,
            last_report: 0,
            journal: Vec::new(),
        };
        let phase = Phase::Dialout {
            place,
            budget,
            lease: Lease { until: lease_end(now), ..lease },
            attempt: attempt.id,
            leg,
            until: date::add_seconds(now, i64::from(seconds)),
        };
        let number = attempt.number;
        let step = self.enter(phase, Happening::Dialled, now);
        Ok(step.detail("Attempt", number).effect(Effect::OpenAttempt(Box::new(attempt))))
    }

    pub(super) fn agent_answered(
        mut self,
        policy: &Service,
        reported: AttemptId,
        now: Instant,
    ) -> Result<Step, Why> {
        let Phase::Dialout { place, budget, lease, attempt, leg, .. } = self.phase else {
            return Err(Why::WrongPhase);
        };
        if attempt != reported {
            return Err(Why::OtherAttempt);
        }
        if leg == Leg::Customer {
            return Ok(self.quietly());
        }
        self.dialouts = self.dialouts.saturating_add(1);
        let until = date::add_seconds(now, i64::from(policy.max_dialout_time_in_seconds));
        let phase = Phase::Dialout { place, budget, lease, attempt, leg: Leg::Customer, until };
        let step = self.enter(phase, Happening::AgentAnswered, now);
        Ok(step.effect(Effect::NoteCustomerRequested(attempt)))
    }

    pub(super) fn connected(self, reported: AttemptId, now: Instant) -> Result<Step, Why> {
        let (Phase::Dialout { attempt, .. } | Phase::Connected { attempt, .. }) = self.phase else {
            return Err(Why::WrongPhase);
        };
        if attempt != reported {
            return Err(Why::OtherAttempt);
        }
        Ok(self.connect(now))
    }

    pub(super) fn answered(self, token: LeaseToken, now: Instant) -> Result<Step, Why> {
        if self.token() != Some(token) {
            return Err(Why::LeaseLost);
        }
        match self.phase {
            Phase::Dialout { .. } | Phase::Connected { .. } => Ok(self.connect(now)),
            Phase::Pending
            | Phase::InQueue { .. }
            | Phase::Offered { .. }
            | Phase::Preview { .. }
            | Phase::Terminated { .. } => Err(Why::WrongPhase),
        }
    }

    /// From dial-out to conversation; a conversation stays what it is.
    fn connect(mut self, now: Instant) -> Step {
        let Phase::Dialout { lease, attempt, leg, .. } = self.phase else {
            return self.quietly();
        };
        let skipped = leg == Leg::Agent;
        if skipped {
            self.dialouts = self.dialouts.saturating_add(1);
        }
        let phase = Phase::Connected {
            lease: Lease { until: lease_end(now), ..lease },
            attempt,
            since: now,
        };
        let mut step = self.enter(phase, Happening::Connected, now);
        if skipped {
            step = step.effect(Effect::NoteCustomerRequested(attempt));
        }
        step.effect(Effect::NoteConnected(attempt))
    }

    pub(super) fn heartbeat(self, token: LeaseToken, now: Instant) -> Result<Step, Why> {
        if self.token() != Some(token) {
            return Err(Why::LeaseLost);
        }
        Ok(self.extend_lease(now).quietly())
    }

    pub(super) fn renew(self, reported: AttemptId, now: Instant) -> Result<Step, Why> {
        if self.attempt().ok_or(Why::WrongPhase)? != reported {
            return Err(Why::OtherAttempt);
        }
        Ok(self.extend_lease(now).quietly())
    }

    fn extend_lease(mut self, now: Instant) -> Self {
        match &mut self.phase {
            Phase::Preview { lease, .. }
            | Phase::Dialout { lease, .. }
            | Phase::Connected { lease, .. } => lease.until = lease.until.max(lease_end(now)),
            Phase::Pending
            | Phase::InQueue { .. }
            | Phase::Offered { .. }
            | Phase::Terminated { .. } => {}
        }
        self
    }
}

impl Step {
    /// Two steps that one event makes: the first's ledger line, with what the second added.
    fn then(self, second: Self) -> Self {
        let version = self.callback.version;
        let entry = match (self.entry, second.entry) {
            (Some(first), Some(second)) => {
                let mut details = first.details;
                details.extend(second.details);
                Some(super::Entry { to: second.to, details, ..first })
            }
            (first, None) => first,
            (None, second) => second,
        };
        let mut effects = self.effects;
        effects.extend(second.effects);
        Self { callback: Callback { version, ..second.callback }, entry, effects }
    }
}

fn lease_end(now: Instant) -> Instant {
    date::add_seconds(now, i64::from(defaults::LEASE_SECONDS))
}
