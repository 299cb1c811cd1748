//! What a transaction has written and not yet sent: it goes together, one statement for a table.
//!
//! Whatever looks through an index sends it first, so that it sees what was written.

use std::collections::{BTreeMap, BTreeSet};

use callback_domain::agent::Agent;
use callback_domain::attempt::Attempt;
use callback_domain::callback::Callback;
use callback_domain::date::Instant;
use callback_domain::id::{AgentId, AttemptId, CallbackId, ServiceId};
use callback_domain::picking::Passes;
use callback_domain::target::TargetKey;
use callback_engine::ledger::Line;
use callback_engine::store::{Claim, Gate};

use super::line::Standing;
use super::standings::Lone;

/// What is written and not yet sent.
#[derive(Default)]
pub(super) struct Unsent {
    /// New callbacks, and whether they are ready.
    pub(super) inserted: BTreeMap<CallbackId, (Callback, bool)>,
    pub(super) updated: BTreeMap<CallbackId, Updated>,
    pub(super) attempts: BTreeMap<AttemptId, Attempt>,
    pub(super) released: BTreeSet<TargetKey>,
    pub(super) claims: BTreeMap<TargetKey, Claim>,
    pub(super) agents: BTreeMap<AgentId, Agent>,
    pub(super) idle: BTreeMap<AgentId, Option<Instant>>,
    pub(super) passes: BTreeMap<ServiceId, Passes>,
    pub(super) lines: Vec<Line>,
    pub(super) gates: BTreeMap<TargetKey, Gate>,
}

/// A stored callback that has changed.
pub(super) struct Updated {
    pub(super) callback: Callback,
    /// Where it was in the queue it is still.
    pub(super) stays: bool,
    /// The version that is stored.
    pub(super) stored: u64,
}

impl Unsent {
    pub(super) fn is_empty(&self) -> bool {
        let Self {
            inserted,
            updated,
            attempts,
            released,
            claims,
            agents,
            idle,
            passes,
            lines,
            gates,
        } = self;
        inserted.is_empty()
            && updated.is_empty()
            && attempts.is_empty()
            && released.is_empty()
            && claims.is_empty()
            && agents.is_empty()
            && idle.is_empty()
            && passes.is_empty()
            && lines.is_empty()
            && gates.is_empty()
    }

    pub(super) fn insert(&mut self, callback: Callback, ready: bool) {
        self.inserted.insert(callback.id, (callback, ready));
    }

    pub(super) fn update(&mut self, before: &Callback, callback: Callback) {
        if let Some((inserted, _)) = self.inserted.get_mut(&callback.id) {
            *inserted = callback;
            return;
        }
        let stays = before.key() == callback.key()
            && before.priority == callback.priority
            && Standing::of(before) == Standing::of(&callback);
        let update = Updated { callback, stays, stored: before.version };
        match self.updated.get_mut(&update.callback.id) {
            Some(known) => {
                known.stays &= update.stays;
                known.callback = update.callback;
            }
            None => {
                self.updated.insert(update.callback.id, update);
            }
        }
    }

    pub(super) fn put_attempt(&mut self, attempt: Attempt) {
        self.attempts.insert(attempt.id, attempt);
    }

    pub(super) fn put_claim(&mut self, key: TargetKey, claim: Claim) {
        self.claims.insert(key, claim);
    }

    pub(super) fn release_claim(&mut self, key: TargetKey) {
        self.claims.remove(&key);
        self.released.insert(key);
    }

    /// Writes an agent, and since when they wait if that is another instant than before.
    pub(super) fn change_agent(
        &mut self,
        agent: Agent,
        was_since: Option<Instant>,
        idle_since: Option<Instant>,
    ) {
        if was_since != idle_since {
            self.idle.insert(agent.id, idle_since);
        }
        self.agents.insert(agent.id, agent);
    }

    pub(super) fn put_passes(&mut self, service: ServiceId, passes: Passes) {
        self.passes.insert(service, passes);
    }

    pub(super) fn append(&mut self, line: Line) {
        self.lines.push(line);
    }

    pub(super) fn refresh(&mut self, key: TargetKey, gate: Gate) {
        self.gates.insert(key, gate);
    }

    /// Takes the keys off whose only change is one callback that comes to wait and may go, or that
    /// waits no more: the statement that writes it tells whether anybody else waits there.
    pub(super) fn take_lone(&mut self) -> BTreeMap<CallbackId, Lone> {
        let mut written: BTreeMap<TargetKey, Option<&Callback>> = BTreeMap::new();
        let inserted = self.inserted.values().map(|(callback, ready)| {
            let waits = Standing::of(callback).waits();
            (callback, waits && !ready)
        });
        let updated = self.updated.values().map(|Updated { callback, stays, .. }| {
            let standing = Standing::of(callback);
            (callback, standing.place.is_none() || standing.waits() && !stays)
        });
        for (callback, is_told) in inserted.chain(updated) {
            let told = is_told.then_some(callback);
            written.entry(callback.key()).and_modify(|known| *known = None).or_insert(told);
        }
        let mut lone = BTreeMap::new();
        self.gates.retain(|key, gate| match written.get(key) {
            Some(Some(callback))
                if !Standing::of(callback).waits() || gate.is_open(callback.service) =>
            {
                lone.insert(callback.id, Lone::new(callback, std::mem::take(gate)));
                false
            }
            Some(_) | None => true,
        });
        lone
    }
}
