//! The rules that never bend, each a function over the mirror.

use std::collections::BTreeSet;

use callback_domain::attempt::Attempt;
use callback_domain::callback::{Callback, Phase, PhaseName};
use callback_domain::date::{self, Instant};
use callback_domain::hours;
use callback_domain::id::{AgentId, CallbackId};
use callback_engine::ledger::Line;
use callback_engine::memory::MemoryStore;

use super::broken::{Holds, demand};
use super::mirror::{Followed, Mirror};

impl Mirror {
    /// What must hold of one write of a callback.
    pub(super) fn check_callback(&mut self, before: &Followed, after: &Callback) -> Holds {
        Self::invariant_terminated_is_final(&before.callback, after)?;
        Self::invariant_versions_rise_by_one(&before.callback, after)?;
        let (was, is) = (before.callback.phase_name(), after.phase_name());
        if was == PhaseName::Pending && is == PhaseName::InQueue {
            self.invariant_not_before_due(before)?;
        }
        if was == PhaseName::InQueue && is == PhaseName::Offered {
            self.check_offer(before, after)?;
        }
        if was != PhaseName::Dialout && is == PhaseName::Dialout {
            self.invariant_not_called_while_closed(after)?;
        }
        Ok(())
    }

    /// What must hold of one write of an attempt.
    pub(super) fn check_attempt(&self, after: &Attempt) -> Holds {
        match self.attempts.get(&after.id) {
            Some(before) => Self::invariant_an_attempt_ends_once(before, after),
            None => self.invariant_one_call_per_line(after),
        }
    }

    fn invariant_terminated_is_final(before: &Callback, after: &Callback) -> Holds {
        demand!(invariant_terminated_is_final: !before.is_terminated() || before == after,
            "{before:?} became {after:?}");
        demand!(invariant_terminated_is_final:
            after.is_terminated() == after.termination_reason().is_some(), "{after:?}");
        Ok(())
    }

    fn invariant_versions_rise_by_one(before: &Callback, after: &Callback) -> Holds {
        let rise = after.version.wrapping_sub(before.version);
        demand!(invariant_versions_rise_by_one: rise <= 1,
            "{} went from version {} to {}", after.id, before.version, after.version);
        demand!(invariant_versions_rise_by_one: after.updated_at >= before.updated_at,
            "{} was changed before it was changed last", after.id);
        Ok(())
    }

    fn invariant_not_before_due(&self, before: &Followed) -> Holds {
        demand!(invariant_not_before_due: before.callback.due <= self.now,
            "{} entered the queue at {} and was due at {}",
            before.callback.id, self.now, before.callback.due);
        Ok(())
    }

    fn invariant_not_called_while_closed(&self, after: &Callback) -> Holds {
        let service = self.services.get(&after.service);
        demand!(invariant_not_called_while_closed:
            service.is_some_and(|service| hours::is_open(service.hours(), self.now)),
            "{} was called at {}", after.id, self.now);
        Ok(())
    }

    fn invariant_an_attempt_ends_once(before: &Attempt, after: &Attempt) -> Holds {
        demand!(invariant_an_attempt_ends_once:
            before.ended_at.is_none() || before.ended_at == after.ended_at,
            "{before:?} became {after:?}");
        demand!(invariant_an_attempt_ends_once:
            before.verdict.is_none() || before.verdict == after.verdict,
            "{before:?} became {after:?}");
        demand!(invariant_an_attempt_ends_once:
            before.stop.is_none() || before.stop == after.stop,
            "{before:?} became {after:?}");
        Ok(())
    }

    /// No attempt begins on a line or with an agent that another open attempt has.
    fn invariant_one_call_per_line(&self, new: &Attempt) -> Holds {
        for open in self.open.keys().filter_map(|id| self.attempts.get(id)) {
            demand!(invariant_one_call_per_line: open.key() != new.key(),
                "{} begins while {} has the line {}", new.id, open.id, new.key().as_str());
            demand!(invariant_one_call_per_line: open.agent != new.agent,
                "{} begins while {} has the phone of {}", new.id, open.id, new.agent);
        }
        Ok(())
    }

    pub(super) fn invariant_no_more_dial_outs_than_allowed(&self, id: CallbackId) -> Holds {
        let Some(followed) = self.callbacks.get(&id) else { return Ok(()) };
        let allowed = followed.callback.max_retries.saturating_add(1);
        demand!(invariant_no_more_dial_outs_than_allowed: followed.dialouts <= allowed,
            "{id} has {} dial-outs and may have {allowed}", followed.dialouts);
        Ok(())
    }

    pub(super) fn invariant_refused_changes_nothing(&self, refused: bool, writes: u32) -> Holds {
        demand!(invariant_refused_changes_nothing: !refused || writes == 0,
            "a refused command made {writes} writes at {}", self.now);
        Ok(())
    }

    /// An agent has one task and one phone, and the user's row says which.
    pub(super) fn invariant_one_task_per_agent(&self, id: AgentId) -> Holds {
        let tasks: Vec<CallbackId> = self
            .in_hand
            .iter()
            .filter(|(_, (_, agent, _))| *agent == id)
            .map(|(callback, _)| *callback)
            .collect();
        demand!(invariant_one_task_per_agent: tasks.len() <= 1, "{id} has the tasks {tasks:?}");
        let Some(agent) = self.agents.get(&id) else {
            demand!(invariant_one_task_per_agent: tasks.is_empty(), "{id} is gone and has {tasks:?}");
            return Ok(());
        };
        demand!(invariant_one_task_per_agent: agent.task == tasks.first().copied(),
            "{id} has {tasks:?}, and the user's row says {:?}", agent.task);
        let phone = self
            .open
            .keys()
            .find(|open| self.attempts.get(open).is_some_and(|attempt| attempt.agent == id));
        demand!(invariant_one_task_per_agent: agent.attempt == phone.copied(),
            "{id} is on {phone:?}, and the user's row says {:?}", agent.attempt);
        Ok(())
    }

    pub(super) fn invariant_ledger_is_continuous(&self, id: CallbackId, line: &Line) -> Holds {
        let told = self.callbacks.get(&id).and_then(|followed| followed.told);
        demand!(invariant_ledger_is_continuous: line.from == told,
            "{id}: {} leads from {:?}, and the line before led to {told:?}", line.what, line.from);
        Ok(())
    }

    pub(super) fn invariant_ledger_agrees_with_state(followed: &Followed) -> Holds {
        let callback = &followed.callback;
        demand!(invariant_ledger_agrees_with_state:
            followed.told == Some(callback.phase_name()) && followed.lines == callback.version,
            "{} stands in {:?} with version {}, and its {} lines lead to {:?}",
            callback.id, callback.phase_name(), callback.version, followed.lines, followed.told);
        Ok(())
    }

    pub(super) fn invariant_tokens_stay_out_of_the_ledger(&self, line: &Line) -> Holds {
        demand!(invariant_tokens_stay_out_of_the_ledger:
            !line.details.values().any(|value| self.is_token(value)), "{line:?}");
        Ok(())
    }

    /// A call in progress has its open attempt, and an open attempt that lost its callback is
    /// told to stop.
    pub(super) fn invariant_attempts_agree_with_phase(&self, followed: &Followed) -> Holds {
        let callback = &followed.callback;
        if let Some(current) = callback.attempt() {
            let open = self.open.contains_key(&current);
            let attempt = self.attempts.get(&current);
            demand!(invariant_attempts_agree_with_phase:
                open && attempt.is_some_and(|attempt| attempt.stop.is_none()
                    && Some(attempt.agent) == callback.agent() && attempt.callback == callback.id),
                "{callback:?} is on {attempt:?}");
        }
        let strays = self.open.keys().filter_map(|id| self.attempts.get(id)).filter(|attempt| {
            attempt.callback == callback.id && callback.attempt() != Some(attempt.id)
        });
        for stray in strays {
            demand!(invariant_attempts_agree_with_phase: stray.stop.is_some(),
                "{callback:?} left {stray:?} to itself");
        }
        Ok(())
    }

    pub(super) fn invariant_waits_or_has_a_deadline(followed: &Followed) -> Holds {
        let callback = &followed.callback;
        demand!(invariant_waits_or_has_a_deadline:
            callback.is_terminated() || callback.deadline().is_some() || Self::waits(callback),
            "{callback:?}");
        Ok(())
    }

    /// What must hold of everything when nothing is left to do before the next deadline.
    pub(super) fn check_rest(
        &self,
        store: &MemoryStore,
        acknowledged: &BTreeSet<CallbackId>,
    ) -> Holds {
        self.invariant_no_deadline_is_slept_over()?;
        self.invariant_every_stop_comes_to_an_end()?;
        self.invariant_acknowledged_creates_exist(store, acknowledged)?;
        for followed in self.callbacks.values() {
            Self::invariant_ledger_agrees_with_state(followed)?;
            self.invariant_attempts_agree_with_phase(followed)?;
        }
        self.invariant_store_is_what_was_written(store)
    }

    pub(super) fn invariant_no_deadline_is_slept_over(&self) -> Holds {
        for id in &self.live {
            let Some(followed) = self.callbacks.get(id) else { continue };
            let deadline = followed.callback.deadline();
            demand!(invariant_no_deadline_is_slept_over:
                deadline.is_none_or(|(at, _)| at > self.now),
                "{id} at {}: {deadline:?}, {:?}", self.now, followed.callback.phase);
        }
        for agent in self.agents.values() {
            demand!(invariant_no_deadline_is_slept_over:
                agent.deadline().is_none_or(|at| at > self.now), "{agent:?} at {}", self.now);
        }
        Ok(())
    }

    /// A stop is carried out, or the attempt's longest life ends it.
    pub(super) fn invariant_every_stop_comes_to_an_end(&self) -> Holds {
        for attempt in self.open.keys().filter_map(|id| self.attempts.get(id)) {
            demand!(invariant_every_stop_comes_to_an_end:
                attempt.deadline().is_none_or(|at| at > self.now),
                "{} at {}: {attempt:?}", attempt.id, self.now);
        }
        Ok(())
    }

    fn invariant_acknowledged_creates_exist(
        &self,
        store: &MemoryStore,
        acknowledged: &BTreeSet<CallbackId>,
    ) -> Holds {
        let mut missing = acknowledged.clone();
        store.for_each_callback(|callback| {
            missing.remove(&callback.id);
        });
        demand!(invariant_acknowledged_creates_exist: missing.is_empty(),
            "missing at {}: {missing:?}", self.now);
        Ok(())
    }

    fn invariant_store_is_what_was_written(&self, store: &MemoryStore) -> Holds {
        let mut differs = None;
        store.for_each_callback(|callback| {
            let known = self.callbacks.get(&callback.id).map(|followed| &followed.callback);
            if known != Some(callback) {
                differs = Some(format!("{callback:?}, and {known:?} was written"));
            }
        });
        store.for_each_attempt(|attempt| {
            let known = self.attempts.get(&attempt.id);
            if known != Some(attempt) {
                differs = Some(format!("{attempt:?}, and {known:?} was written"));
            }
        });
        demand!(invariant_store_is_what_was_written: differs.is_none(), "{differs:?}");
        Ok(())
    }

    /// When everybody has gone home, every promise has come to an end.
    pub(super) fn invariant_every_promise_comes_to_an_end(&self, limit: Instant) -> Holds {
        let left = self.live.first().and_then(|id| self.callbacks.get(id));
        demand!(invariant_every_promise_comes_to_an_end: left.is_none() && self.open.is_empty(),
            "at {limit}: {} callbacks, among them {left:?}, and the attempts {:?}",
            self.live.len(), self.open);
        Ok(())
    }
}

/// Dial-outs of a line in the rolling day before an instant.
pub(super) fn in_a_day(dialouts: &[Instant], now: Instant) -> usize {
    let since = date::add_seconds(now, -86_400);
    dialouts.iter().filter(|at| **at > since).count()
}

/// The bound on the picks that a waiting level sees go to others.
pub(super) const fn bound(weight: u32) -> u32 {
    (127 - weight).div_ceil(weight) + 7
}

/// Whether the phase has a hold for somebody else.
pub(super) fn is_held_from(phase: &Phase, agent: Option<AgentId>) -> bool {
    matches!(phase, Phase::InQueue { held_for: Some(only), .. } if Some(*only) != agent)
}
