//! What the installation must look like, kept beside it from the writes as they were meant.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use callback_domain::agent::Agent;
use callback_domain::attempt::Attempt;
use callback_domain::callback::{Callback, Phase, PhaseName};
use callback_domain::date::Instant;
use callback_domain::id::{AgentId, AttemptId, CallbackId, LeaseToken, ServiceId};
use callback_domain::picking::{OrderKey, Passes};
use callback_domain::service::Service;
use callback_domain::target::TargetKey;
use callback_engine::ledger::{Line, Subject};
use callback_engine::route::Route;
use callback_engine::suppression::Suppression;
use serde_json::Value;
use uuid::Uuid;

use super::broken::{Broken, Holds};

/// A callback, and what the invariants remember of its life.
#[derive(Clone, Debug)]
pub(super) struct Followed {
    pub(super) callback: Callback,
    pub(super) key: TargetKey,
    /// Lines of the ledger about it.
    pub(super) lines: u64,
    /// The phase that its last line leads to.
    pub(super) told: Option<PhaseName>,
    /// Attempts whose customer's leg was requested.
    pub(super) dialouts: u32,
    /// The end of the spacing after its last attempt.
    pub(super) spaced_until: Option<Instant>,
}

/// The truth as it was decided, and everything found wrong.
#[derive(Debug, Default)]
pub(super) struct Mirror {
    pub(super) now: Instant,
    /// When the clock's work was last done completely.
    pub(super) ticked: Instant,
    /// Whether an agent asked for the next task in the running command.
    pub(super) pulling: bool,
    pub(super) callbacks: BTreeMap<CallbackId, Box<Followed>>,
    pub(super) live: BTreeSet<CallbackId>,
    pub(super) queue: BTreeMap<(ServiceId, u8), BTreeSet<OrderKey>>,
    /// Callbacks in an agent's hands, with whose line they are for.
    pub(super) in_hand: BTreeMap<CallbackId, (ServiceId, AgentId, TargetKey)>,
    pub(super) attempts: BTreeMap<AttemptId, Attempt>,
    /// Attempts that have not ended, with the line that they hold.
    pub(super) open: BTreeMap<AttemptId, TargetKey>,
    pub(super) dialouts: BTreeMap<TargetKey, Vec<Instant>>,
    pub(super) agents: BTreeMap<AgentId, Agent>,
    pub(super) services: BTreeMap<ServiceId, Arc<Service>>,
    pub(super) recalculating: BTreeSet<ServiceId>,
    pub(super) suppressions: BTreeMap<TargetKey, Vec<Suppression>>,
    pub(super) route: Route,
    pub(super) passes: BTreeMap<ServiceId, Passes>,
    /// The passes before the pick that is under way.
    pub(super) passes_before: Option<(ServiceId, Passes)>,
    /// Weighted picks that a level has seen go to others, by service and level.
    pub(super) passed_over: BTreeMap<(ServiceId, u8), u32>,
    pub(super) tokens: BTreeSet<LeaseToken>,
    pub(super) touched_callbacks: BTreeSet<CallbackId>,
    pub(super) touched_agents: BTreeSet<AgentId>,
    writes: u32,
    broken: Option<Broken>,
}

impl Mirror {
    /// The first thing that was found wrong.
    pub(super) const fn broken(&self) -> Option<&Broken> {
        self.broken.as_ref()
    }

    pub(super) fn note(&mut self, holds: Holds) {
        if let (Err(broken), None) = (holds, &self.broken) {
            self.broken = Some(broken);
        }
    }

    pub(super) fn begin(&mut self, now: Instant, pulling: bool) {
        self.now = now;
        self.pulling = pulling;
        self.writes = 0;
        self.touched_callbacks.clear();
        self.touched_agents.clear();
    }

    /// Asks what must hold when a command is over.
    pub(super) fn end(&mut self, refused: bool) {
        let holds = self.invariant_refused_changes_nothing(refused, self.writes);
        self.note(holds);
        for id in std::mem::take(&mut self.touched_callbacks) {
            let holds = self.whole(id);
            self.note(holds);
        }
        let holds =
            self.touched_agents.iter().try_for_each(|id| self.invariant_one_task_per_agent(*id));
        self.note(holds);
    }

    fn whole(&self, id: CallbackId) -> Holds {
        let Some(followed) = self.callbacks.get(&id) else { return Ok(()) };
        Self::invariant_ledger_agrees_with_state(followed)?;
        self.invariant_attempts_agree_with_phase(followed)?;
        Self::invariant_waits_or_has_a_deadline(followed)
    }

    pub(super) const fn note_write(&mut self) {
        self.writes += 1;
    }

    pub(super) fn any_token(&self) -> Option<LeaseToken> {
        self.tokens.last().copied()
    }

    pub(super) fn write_callback(&mut self, after: &Callback) {
        self.writes += 1;
        let id = after.id;
        self.touched_callbacks.insert(id);
        let before = self.callbacks.remove(&id);
        if let Some(before) = &before {
            let checked = self.check_callback(before, after);
            self.note(checked);
        }
        let mut followed = match before {
            Some(before) => {
                self.unlist(&before.callback);
                let spaced_until = self.spacing(&before, after);
                let key = if before.callback.called() == after.called() {
                    before.key.clone()
                } else {
                    after.key()
                };
                let mut followed = before;
                followed.callback.clone_from(after);
                followed.key = key;
                followed.spaced_until = spaced_until;
                followed
            }
            None => Box::new(Followed {
                callback: after.clone(),
                key: after.key(),
                lines: 0,
                told: None,
                dialouts: 0,
                spaced_until: None,
            }),
        };
        if followed.callback.is_terminated() {
            followed.spaced_until = None;
        }
        self.list(after, &followed.key);
        self.callbacks.insert(id, followed);
    }

    fn list(&mut self, callback: &Callback, key: &TargetKey) {
        if !callback.is_terminated() {
            self.live.insert(callback.id);
        }
        self.tokens.extend(callback.token());
        if let Some(order) = callback.order() {
            let level = (callback.service, callback.priority.level());
            self.queue.entry(level).or_default().insert(order);
        }
        if let Some(agent) = callback.agent() {
            self.in_hand.insert(callback.id, (callback.service, agent, key.clone()));
        }
    }

    fn unlist(&mut self, callback: &Callback) {
        self.live.remove(&callback.id);
        if let Some(order) = callback.order()
            && let Some(orders) = self.queue.get_mut(&(callback.service, callback.priority.level()))
        {
            orders.remove(&order);
        }
        self.in_hand.remove(&callback.id);
    }

    /// The least spacing begins when an attempt that counts has come out.
    fn spacing(&self, before: &Followed, after: &Callback) -> Option<Instant> {
        let was = before.callback.phase_name();
        let retries = after.retry_count > before.callback.retry_count;
        if retries && matches!(was, PhaseName::Dialout | PhaseName::Connected) {
            let service = self.services.get(&after.service)?;
            let least = service
                .retry_by_outcome
                .values()
                .filter_map(|rule| rule.delay_in_seconds)
                .fold(after.seconds_between_retries, u32::min);
            return Some(callback_domain::date::add_seconds(self.now, i64::from(least)));
        }
        // Somebody who sets the due date anew means it.
        if after.due != before.callback.due && was == after.phase_name() {
            return None;
        }
        before.spaced_until
    }

    pub(super) fn write_attempt(&mut self, after: &Attempt) {
        self.writes += 1;
        let checked = self.check_attempt(after);
        self.note(checked);
        let before = self.attempts.insert(after.id, after.clone());
        if after.is_open() {
            self.open.insert(after.id, after.key());
        } else {
            self.open.remove(&after.id);
        }
        self.touched_callbacks.insert(after.callback);
        self.touched_agents.insert(after.agent);
        let requested = before.as_ref().and_then(|before| before.customer_requested_at);
        if let (None, Some(at)) = (requested, after.customer_requested_at) {
            self.dialouts.entry(after.key()).or_default().push(at);
            if let Some(followed) = self.callbacks.get_mut(&after.callback) {
                followed.dialouts += 1;
            }
            let holds = self.invariant_no_more_dial_outs_than_allowed(after.callback);
            self.note(holds);
        }
    }

    pub(super) fn write_agent(&mut self, agent: &Agent) {
        self.writes += 1;
        self.touched_agents.insert(agent.id);
        self.agents.insert(agent.id, agent.clone());
    }

    pub(super) fn remove_agent(&mut self, id: AgentId) {
        self.writes += 1;
        self.agents.remove(&id);
    }

    pub(super) fn write_service(&mut self, service: &Service) {
        self.writes += 1;
        self.services.insert(service.id, Arc::new(service.clone()));
    }

    pub(super) fn remove_service(&mut self, id: ServiceId) {
        self.writes += 1;
        self.services.remove(&id);
    }

    pub(super) fn begin_recalculation(&mut self, service: ServiceId) {
        self.writes += 1;
        self.recalculating.insert(service);
    }

    pub(super) fn end_recalculation(&mut self, service: ServiceId) {
        self.writes += 1;
        self.recalculating.remove(&service);
    }

    pub(super) fn write_suppression(&mut self, suppression: &Suppression) {
        self.writes += 1;
        self.suppressions.entry(suppression.key.clone()).or_default().push(suppression.clone());
    }

    pub(super) fn remove_suppression(&mut self, id: Uuid) {
        self.writes += 1;
        for listed in self.suppressions.values_mut() {
            listed.retain(|suppression| suppression.id != id);
        }
    }

    pub(super) fn write_route(&mut self, route: &Route) {
        self.writes += 1;
        self.route = route.clone();
    }

    pub(super) fn write_passes(&mut self, service: ServiceId, passes: &Passes) {
        self.writes += 1;
        let before = self.passes.insert(service, *passes).unwrap_or_default();
        self.passes_before = Some((service, before));
    }

    pub(super) fn write_line(&mut self, line: &Line) {
        self.writes += 1;
        let holds = self.invariant_tokens_stay_out_of_the_ledger(line);
        self.note(holds);
        let Subject::Callback(id) = line.subject else { return };
        self.touched_callbacks.insert(id);
        let holds = self.invariant_ledger_is_continuous(id, line);
        self.note(holds);
        if let Some(followed) = self.callbacks.get_mut(&id) {
            followed.lines += 1;
            followed.told = line.to;
        }
    }

    /// Whether a text of the ledger is a token that was ever given.
    pub(super) fn is_token(&self, value: &Value) -> bool {
        value
            .as_str()
            .filter(|text| text.len() == 36)
            .and_then(|text| text.parse::<LeaseToken>().ok())
            .is_some_and(|token| self.tokens.contains(&token))
    }

    /// Sessions of a service: what is in somebody's hands, and attempts that outlived that.
    pub(super) fn sessions(&self, service: ServiceId) -> usize {
        let in_hand = self.in_hand.values().filter(|(of, ..)| *of == service).count();
        let stray = self.open.keys().filter_map(|id| self.attempts.get(id)).filter(|attempt| {
            attempt.service == service
                && self
                    .callbacks
                    .get(&attempt.callback)
                    .is_none_or(|followed| followed.callback.attempt() != Some(attempt.id))
        });
        in_hand + stray.count()
    }

    /// Another callback in somebody's hands, or an open attempt, that holds this line.
    pub(super) fn line_taken(&self, key: &TargetKey, but: CallbackId) -> bool {
        let mut in_hand = self.in_hand.iter();
        in_hand.any(|(id, (.., line))| *id != but && line == key)
            || self.open.values().any(|line| line == key)
    }

    /// Whether a callback waits in the queue.
    pub(super) const fn waits(callback: &Callback) -> bool {
        matches!(callback.phase, Phase::InQueue { .. })
    }
}
