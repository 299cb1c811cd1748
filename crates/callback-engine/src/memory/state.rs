//! What an installation in memory holds, and the indexes beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use callback_domain::agent::{Agent, Distribution};
use callback_domain::attempt::Attempt;
use callback_domain::callback::{Callback, Phase, PhaseName};
use callback_domain::date::Instant;
use callback_domain::id::{AgentId, AttemptId, CallbackId, KeyId, NodeId, ServiceId};
use callback_domain::queue::{Entry, Queue};
use callback_domain::service::Service;
use callback_domain::target::TargetKey;

use super::outbox::Outbox;
use crate::access::Key;
use crate::ledger::Line;
use crate::route::Route;
use crate::store::{Claim, Remembered};
use crate::suppression::Suppression;

#[derive(Clone, Default)]
pub(super) struct State {
    pub(super) latest: Instant,
    pub(super) callbacks: BTreeMap<CallbackId, Callback>,
    pub(super) live: BTreeSet<(ServiceId, CallbackId)>,
    pub(super) live_by_key: BTreeSet<(ServiceId, TargetKey, CallbackId)>,
    pub(super) queued: BTreeMap<ServiceId, u32>,
    pub(super) held: BTreeSet<(AgentId, ServiceId, CallbackId)>,
    pub(super) queue: Queue<TargetKey>,
    pub(super) deadlines: BTreeSet<(Instant, CallbackId)>,
    pub(super) key_wakes: BTreeMap<TargetKey, Instant>,
    pub(super) claims: BTreeMap<TargetKey, Claim>,
    pub(super) sessions: BTreeMap<ServiceId, u32>,
    pub(super) attempts: BTreeMap<AttemptId, Attempt>,
    pub(super) attempts_of: BTreeMap<(CallbackId, u32), AttemptId>,
    pub(super) open_attempts: BTreeSet<AttemptId>,
    pub(super) attempt_deadlines: BTreeSet<(Instant, AttemptId)>,
    pub(super) dialouts: BTreeSet<(TargetKey, Instant, AttemptId)>,
    pub(super) services: BTreeMap<ServiceId, Arc<Service>>,
    pub(super) recalculations: BTreeMap<ServiceId, Option<CallbackId>>,
    pub(super) agents: BTreeMap<AgentId, Agent>,
    pub(super) free: BTreeSet<(ServiceId, Instant, AgentId)>,
    pub(super) agent_deadlines: BTreeSet<(Instant, AgentId)>,
    pub(super) suppressions: BTreeMap<u64, Suppression>,
    pub(super) last_suppression: u64,
    pub(super) suppressed: BTreeSet<(TargetKey, u64)>,
    pub(super) keys: BTreeMap<KeyId, Key>,
    pub(super) routes: BTreeMap<String, Route>,
    pub(super) nodes: BTreeMap<NodeId, Instant>,
    pub(super) remembered: BTreeMap<(String, String), Remembered>,
    /// By number; where lines were removed, numbers are missing.
    pub(super) ledger: Vec<Line>,
    pub(super) last_line: u64,
    pub(super) outbox: Outbox,
}

impl State {
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        [
            self.deadlines.first().map(|(at, _)| *at),
            self.attempt_deadlines.first().map(|(at, _)| *at),
            self.agent_deadlines.first().map(|(at, _)| *at),
            self.key_wakes.values().min().copied(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    pub(super) fn put_callback(&mut self, callback: &Callback) {
        if let Some(before) = self.callbacks.get(&callback.id).cloned() {
            self.unlist_callback(&before);
        }
        self.list_callback(callback);
        self.callbacks.insert(callback.id, callback.clone());
    }

    fn list_callback(&mut self, callback: &Callback) {
        let (service, id, key) = (callback.service, callback.id, callback.key());
        self.deadlines.extend(callback.deadline().map(|(at, _)| (at, id)));
        if callback.is_terminated() {
            return;
        }
        self.live.insert((service, id));
        self.live_by_key.insert((service, key.clone(), id));
        if is_queued(callback) {
            *self.queued.entry(service).or_default() += 1;
        }
        if let (Phase::InQueue { held_for, not_before, .. }, Some(order)) =
            (&callback.phase, callback.order())
        {
            self.held.extend(held_for.map(|agent| (agent, service, id)));
            self.queue.enter(Entry {
                service,
                order,
                priority: callback.priority,
                key,
                lane: *held_for,
                backed_off: not_before.is_some(),
            });
        }
    }

    fn unlist_callback(&mut self, before: &Callback) {
        let (service, id) = (before.service, before.id);
        if let Some((at, _)) = before.deadline() {
            self.deadlines.remove(&(at, id));
        }
        self.live.remove(&(service, id));
        self.live_by_key.remove(&(service, before.key(), id));
        if is_queued(before)
            && let Some(count) = self.queued.get_mut(&service)
        {
            *count = count.saturating_sub(1);
        }
        if let Phase::InQueue { held_for, .. } = before.phase {
            if let Some(agent) = held_for {
                self.held.remove(&(agent, service, id));
            }
            self.queue.leave(id);
        }
    }

    /// Removes a callback with everything that was written about it.
    pub(super) fn remove_callback(&mut self, id: CallbackId) {
        let Some(gone) = self.callbacks.remove(&id) else { return };
        self.unlist_callback(&gone);
        let attempts = self.attempts_of.range((id, 0)..=(id, u32::MAX));
        let attempts: Vec<_> = attempts.map(|(at, attempt)| (*at, *attempt)).collect();
        for (_, attempt) in attempts {
            self.remove_attempt(attempt);
        }
    }

    /// Removes the attempts to a line that have ended.
    pub(super) fn remove_attempts_to(&mut self, key: &TargetKey) {
        let gone = self.attempts.values().filter(|found| !found.is_open() && found.key() == *key);
        let gone: Vec<AttemptId> = gone.map(|found| found.id).collect();
        for attempt in gone {
            self.remove_attempt(attempt);
        }
    }

    fn remove_attempt(&mut self, attempt: AttemptId) {
        self.open_attempts.remove(&attempt);
        let Some(gone) = self.attempts.remove(&attempt) else { return };
        self.attempts_of.remove(&(gone.callback, gone.number));
        if let Some(at) = gone.deadline() {
            self.attempt_deadlines.remove(&(at, attempt));
        }
        if let Some(at) = gone.customer_requested_at {
            self.dialouts.remove(&(gone.key(), at, attempt));
        }
    }

    pub(super) fn put_attempt(&mut self, attempt: &Attempt) {
        let (id, key) = (attempt.id, attempt.key());
        if let Some(before) = self.attempts.insert(id, attempt.clone()) {
            if let Some(at) = before.deadline() {
                self.attempt_deadlines.remove(&(at, id));
            }
            if let Some(at) = before.customer_requested_at {
                self.dialouts.remove(&(before.key(), at, id));
            }
        }
        self.attempts_of.insert((attempt.callback, attempt.number), id);
        self.attempt_deadlines.extend(attempt.deadline().map(|at| (at, id)));
        self.dialouts.extend(attempt.customer_requested_at.map(|at| (key, at, id)));
        if attempt.is_open() {
            self.open_attempts.insert(id);
        } else {
            self.open_attempts.remove(&id);
        }
    }

    pub(super) fn put_agent(&mut self, agent: &Agent) {
        self.remove_agent(agent.id);
        self.agent_deadlines.extend(agent.deadline().map(|at| (at, agent.id)));
        if is_free(agent) {
            let places =
                agent.services.iter().map(|service| (*service, agent.idle_since, agent.id));
            self.free.extend(places);
        }
        self.agents.insert(agent.id, agent.clone());
    }

    pub(super) fn remove_agent(&mut self, id: AgentId) {
        let Some(before) = self.agents.remove(&id) else { return };
        if let Some(at) = before.deadline() {
            self.agent_deadlines.remove(&(at, id));
        }
        for service in before.services {
            self.free.remove(&(service, before.idle_since, id));
        }
    }
}

/// Whether an agent waits to be offered something; work after a call ends by a tick of its own.
fn is_free(agent: &Agent) -> bool {
    agent.distribution == Distribution::Push
        && agent.after_call_work_until.is_none()
        && agent.unready(agent.updated_at).is_none()
}

fn is_queued(callback: &Callback) -> bool {
    matches!(callback.phase_name(), PhaseName::Pending | PhaseName::InQueue)
}
