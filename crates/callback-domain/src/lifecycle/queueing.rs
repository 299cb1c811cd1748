//! The part of the life that is spent waiting: due, queued, offered, and back again.

use alloc::vec::Vec;

use chrono::TimeDelta;
use serde_json::Value;

use super::{Change, Edit, Effect, Happening, Step, Why};
use crate::agent::Leave;
use crate::callback::{Budget, Callback, Move, Phase, Settled, TerminationReason, Wait};
use crate::date::{self, Instant};
use crate::defaults;
use crate::hours;
use crate::id::{AgentId, LeaseToken};
use crate::service::Service;

impl Callback {
    /// Due: into the queue, or on to the next opening.
    pub(super) fn come_due(self, policy: &Service, now: Instant) -> Step {
        if hours::is_open(policy.hours(), now) {
            let due = self.due.max(self.due_set_at);
            // However late the clock is looked at, the place is that of the opening that let it in.
            let place = hours::next_opening(policy.hours(), due).map_or(now, |at| at.min(now));
            let phase = self.queued(policy, place, self.fresh_budget(policy), now);
            return self.enter(phase, Happening::Queued, now);
        }
        let later = date::add_seconds(now, i64::from(defaults::CLOSED_POSTPONE_SECONDS));
        let due = hours::next_opening(policy.hours(), now).unwrap_or(later);
        let postponed = Self { due, due_set_at: now, ..self };
        let step = postponed.enter(Phase::Pending, Happening::Postponed, now);
        step.detail("DueDate", date::format(due))
    }

    /// The wait is used up, unless an edit of the service has lengthened it since.
    pub(super) fn exceed_wait(mut self, policy: &Service, now: Instant) -> Step {
        if let Phase::InQueue { wait, .. } = &mut self.phase {
            *wait = Wait::run(wait.budget, wait.since, policy.hours());
            if wait.until.is_none_or(|at| at > now) {
                return self.quietly();
            }
        }
        self.terminate(TerminationReason::QueueTimeExceeded, Happening::WaitExceeded, now)
    }

    pub(super) fn end_back_off(self, now: Instant) -> Result<Step, Why> {
        let Phase::InQueue { place, wait, held_for, .. } = self.phase else {
            return Err(Why::WrongPhase);
        };
        let phase = Phase::InQueue { place, wait, held_for, not_before: None };
        Ok(self.enter(phase, Happening::BackOffEnded, now))
    }

    pub(super) fn end_hold(mut self, now: Instant) -> Result<Step, Why> {
        let Phase::InQueue { place, wait, not_before, .. } = self.phase else {
            return Err(Why::WrongPhase);
        };
        self.hold_used_micros = self.hold_used_micros.saturating_add(wait.budget.hold_micros);
        let phase = Phase::InQueue { place, wait: wait.without_hold(), held_for: None, not_before };
        Ok(self.enter(phase, Happening::HoldEnded, now))
    }

    pub(super) fn offer(
        self,
        policy: &Service,
        agent: AgentId,
        token: LeaseToken,
        now: Instant,
    ) -> Result<Step, Why> {
        let Phase::InQueue { place, wait, held_for, not_before } = self.phase else {
            return Err(Why::WrongPhase);
        };
        if not_before.is_some_and(|at| at > now) {
            return Err(Why::TooEarly);
        }
        if held_for.is_some_and(|only| only != agent) {
            return Err(Why::NotForAgent);
        }
        let until = date::add_seconds(now, i64::from(policy.rona_timeout_in_seconds));
        let phase = Phase::Offered { place, wait, held_for, agent, token, until };
        let step = self.enter(phase, Happening::Offered, now);
        Ok(step
            .detail("Agent", Value::from(alloc::format!("{agent}")))
            .effect(Effect::TakeAgent(agent)))
    }

    pub(super) fn decline(
        mut self,
        policy: &Service,
        token: LeaseToken,
        now: Instant,
    ) -> Result<Step, Why> {
        if self.token() != Some(token) {
            return self.repeated(token, Move::Decline);
        }
        self.settled = Some(Settled { token, by: Move::Decline });
        self.withdraw_offer(policy, Happening::Declined, now)
    }

    pub(super) fn miss_offer(self, policy: &Service, now: Instant) -> Result<Step, Why> {
        self.withdraw_offer(policy, Happening::OfferMissed, now)
    }

    fn withdraw_offer(self, policy: &Service, what: Happening, now: Instant) -> Result<Step, Why> {
        let Phase::Offered { place, wait, held_for, agent, .. } = self.phase else {
            return Err(Why::WrongPhase);
        };
        let left = wait.left(now, policy.hours());
        let step = if left.wait_micros == 0 {
            self.terminate(TerminationReason::QueueTimeExceeded, what, now)
        } else {
            self.enter(Phase::InQueue { place, wait, held_for, not_before: None }, what, now)
        };
        Ok(step
            .detail("Agent", Value::from(alloc::format!("{agent}")))
            .effect(Effect::ReleaseAgent(agent, Leave::Rona)))
    }

    /// Takes it back from an agent who has not dialled yet; nothing is held against them.
    pub(super) fn withdraw(mut self, policy: &Service, now: Instant) -> Result<Step, Why> {
        let (place, budget, agent) = match self.phase {
            Phase::Offered { place, wait, agent, .. } => {
                (place, self.stop_wait(policy, &wait, now), agent)
            }
            Phase::Preview { place, budget, lease, .. } => (place, budget, lease.agent),
            Phase::Pending
            | Phase::InQueue { .. }
            | Phase::Dialout { .. }
            | Phase::Connected { .. }
            | Phase::Terminated { .. } => return Err(Why::WrongPhase),
        };
        let step = self.queue_again(policy, place, budget, None, Happening::Withdrawn, now);
        Ok(step.effect(Effect::ReleaseAgent(agent, Leave::Freed)))
    }

    /// Back to the old place, unless the wait or the allowance is used up.
    pub(super) fn queue_again(
        self,
        policy: &Service,
        place: Instant,
        budget: Budget,
        not_before: Option<Instant>,
        what: Happening,
        now: Instant,
    ) -> Step {
        if budget.wait_micros <= 0 {
            return self.terminate(TerminationReason::QueueTimeExceeded, what, now);
        }
        if self.dialouts > self.max_retries {
            return self.terminate(TerminationReason::RetriesExhausted, what, now);
        }
        let mut phase = self.queued(policy, place, budget, now);
        if let Phase::InQueue { not_before: slot, .. } = &mut phase {
            *slot = not_before;
        }
        self.enter(phase, what, now)
    }

    pub(super) fn terminate(
        self,
        reason: TerminationReason,
        what: Happening,
        now: Instant,
    ) -> Step {
        let step = self.enter(Phase::Terminated { reason, at: now }, what, now);
        step.detail("TerminationReason", reason.name())
    }

    /// Ends the running stretch of the wait and says what is left of it.
    pub(super) fn stop_wait(&mut self, policy: &Service, wait: &Wait, now: Instant) -> Budget {
        let left = wait.left(now, policy.hours());
        let used = wait.budget.hold_micros.saturating_sub(left.hold_micros);
        self.hold_used_micros = self.hold_used_micros.saturating_add(used);
        left
    }

    pub(super) fn edit(mut self, policy: &Service, edit: Edit, now: Instant) -> Result<Step, Why> {
        let mut phase = match self.phase {
            Phase::Pending | Phase::InQueue { .. } => self.phase.clone(),
            Phase::Offered { .. }
            | Phase::Preview { .. }
            | Phase::Dialout { .. }
            | Phase::Connected { .. }
            | Phase::Terminated { .. } => return Err(Why::WrongPhase),
        };
        if let Change::To(max_retries) = edit.max_retries
            && max_retries < self.dialouts
        {
            return Err(Why::AllowanceUsed(self.dialouts));
        }
        let mut changed = Vec::new();
        note(&mut changed, "Target", &mut self.target, edit.target);
        note(
            &mut changed,
            "AlternativeTarget",
            &mut self.alternative_target,
            edit.alternative_target,
        );
        note(&mut changed, "Priority", &mut self.priority, edit.priority);
        note(&mut changed, "MaxRetries", &mut self.max_retries, edit.max_retries);
        note(
            &mut changed,
            "SecondsBetweenRetries",
            &mut self.seconds_between_retries,
            edit.seconds_between_retries,
        );
        note(&mut changed, "Description", &mut self.description, edit.description);
        note(&mut changed, "ContextUrl", &mut self.context_url, edit.context_url);
        note(&mut changed, "CallerId", &mut self.caller_id, edit.caller_id);
        if note(&mut changed, "PreferredAgent", &mut self.preferred, edit.preferred) {
            self.hold_used_micros = 0;
            if let Phase::InQueue { place, wait, not_before, .. } = &phase {
                let not_before = *not_before;
                let budget = Budget {
                    wait_micros: wait.left(now, policy.hours()).wait_micros,
                    hold_micros: self.fresh_budget(policy).hold_micros,
                };
                phase = self.queued(policy, *place, budget, now);
                if let Phase::InQueue { not_before: slot, .. } = &mut phase {
                    *slot = not_before;
                }
            }
        }
        let due = match edit.due {
            // After an attempt the spacing of retries stands, whatever is asked for.
            Change::To(due) if self.attempts > 0 => Change::To(due.max(self.due_set_at)),
            due @ (Change::To(_) | Change::Keep) => due,
        };
        if note(&mut changed, "DueDate", &mut self.due, due) {
            self.due_set_at = self.due_set_at.max(now);
            if self.due > now {
                if let Phase::InQueue { wait, .. } = &phase {
                    self.stop_wait(policy, wait, now);
                }
                phase = Phase::Pending;
            }
        }
        if changed.is_empty() {
            return Ok(self.quietly());
        }
        Ok(self.enter(phase, Happening::Edited, now).detail("Changed", changed))
    }

    pub(super) fn policy_changed(mut self, policy: &Service) -> Result<Step, Why> {
        match &mut self.phase {
            Phase::InQueue { wait, .. } | Phase::Offered { wait, .. } => {
                *wait = Wait::run(wait.budget, wait.since, policy.hours());
            }
            Phase::Pending
            | Phase::Preview { .. }
            | Phase::Dialout { .. }
            | Phase::Connected { .. } => {}
            Phase::Terminated { .. } => return Err(Why::WrongPhase),
        }
        Ok(self.quietly())
    }

    pub(super) fn preferred_gone(mut self, now: Instant) -> Result<Step, Why> {
        let was_preferred = self.preferred.take().is_some();
        match &mut self.phase {
            Phase::InQueue { held_for: Some(_), .. } => return self.end_hold(now),
            Phase::Offered { held_for, wait, .. } => {
                *held_for = None;
                *wait = wait.without_hold();
            }
            Phase::Pending
            | Phase::InQueue { held_for: None, .. }
            | Phase::Preview { .. }
            | Phase::Dialout { .. }
            | Phase::Connected { .. } => {}
            Phase::Terminated { .. } => return Err(Why::WrongPhase),
        }
        if !was_preferred {
            return Ok(self.quietly());
        }
        let phase = self.phase.clone();
        let changed = Value::from(alloc::vec!["PreferredAgent"]);
        Ok(self.enter(phase, Happening::Edited, now).detail("Changed", changed))
    }

    fn fresh_budget(&self, policy: &Service) -> Budget {
        let wait = TimeDelta::seconds(i64::from(self.allowed_wait_seconds));
        let hold = self.preferred.as_ref().map_or(0, |_| {
            let whole = policy.hold(self.allowed_wait_seconds).num_microseconds().unwrap_or(0);
            whole.saturating_sub(self.hold_used_micros).max(0)
        });
        Budget { wait_micros: wait.num_microseconds().unwrap_or(i64::MAX), hold_micros: hold }
    }

    fn queued(&self, policy: &Service, place: Instant, budget: Budget, now: Instant) -> Phase {
        let held_for = self
            .preferred
            .as_ref()
            .filter(|_| budget.hold_micros > 0)
            .map(|preferred| preferred.agent);
        let wait = Wait::run(budget, now, policy.hours());
        Phase::InQueue { place, wait, held_for, not_before: None }
    }
}

impl Wait {
    const fn without_hold(self) -> Self {
        let budget = Budget { wait_micros: self.budget.wait_micros, hold_micros: 0 };
        Self { budget, hold_until: None, ..self }
    }
}

fn note<T: PartialEq>(
    changed: &mut Vec<Value>,
    name: &'static str,
    slot: &mut T,
    change: Change<T>,
) -> bool {
    match change {
        Change::To(value) if value != *slot => {
            *slot = value;
            changed.push(Value::from(name));
            true
        }
        Change::To(_) | Change::Keep => false,
    }
}
