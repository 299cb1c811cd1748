//! Explanations held against what the dispatcher does, on branches of the day.

use std::sync::Arc;

use callback_domain::agent::Distribution;
use callback_domain::callback::PhaseName;
use callback_domain::date::{self, Instant};
use callback_domain::explain::{Explanation, Gate, GateName};
use callback_domain::id::{AgentId, CallbackId};
use callback_engine::clock::Clock;
use callback_engine::command::{Answer, Command, What};
use callback_engine::ledger::Actor;
use callback_engine::memory::MemoryStore;
use callback_engine::mint::Site;
use chrono::TimeDelta;
use rand::RngExt as _;

use super::broken::{Holds, demand};
use super::day::{Day, SetClock};
use super::node::site;

/// How many of those that wait are asked about at a time.
const ASKED: usize = 4;
/// How many deadlines may pass before a gate changes, at most.
const MOST_TICKS: usize = 400;

/// The day as it might go on.
struct Branch {
    store: MemoryStore,
    clock: Arc<SetClock>,
    site: Arc<Site>,
}

impl Branch {
    fn run(&self, what: What) -> Option<Answer> {
        let command = Command { actor: Actor::Dispatcher, site: Arc::clone(&self.site), what };
        self.store.run_now(&command).ok().map(|done| done.answer)
    }

    fn explain(&self, callback: CallbackId, agent: Option<AgentId>) -> Option<Explanation> {
        let Answer::Explanation(found) = self.run(What::Explain { callback, agent })? else {
            return None;
        };
        Some(*found)
    }

    fn tick(&self) {
        while let Some(Answer::Ticked { more: true, .. }) = self.run(What::Tick { limit: 500 }) {}
    }

    /// Lets the clock alone work until just before an instant.
    fn pass_until(&self, at: Instant) -> bool {
        for _ in 0..MOST_TICKS {
            let next = self.store.transact(async |rows| {
                callback_engine::store::Rows::next_deadline(rows).await.ok().flatten()
            });
            let Some(next) = next.filter(|next| *next < at) else { return true };
            self.clock.set(next);
            self.tick();
        }
        false
    }

    fn phase(&self, callback: CallbackId) -> (Option<PhaseName>, Option<AgentId>) {
        let mut found = (None, None);
        self.store.for_each_callback(|one| {
            if one.id == callback {
                found = (Some(one.phase_name()), one.agent());
            }
        });
        found
    }
}

impl Day {
    fn branch(&self, at: Instant) -> Branch {
        let clock = SetClock::at(at);
        let shared = Arc::clone(&clock) as Arc<dyn Clock>;
        let site = site(9, self.manual, at);
        Branch { store: self.store.branch(shared), clock, site }
    }

    /// Asks about some of those that are not over.
    pub(super) fn question(&mut self) {
        if self.mirror.live.is_empty() {
            return;
        }
        for _ in 0..ASKED {
            let at = self.random.random_range(0..self.mirror.live.len());
            let Some(callback) = self.mirror.live.iter().nth(at).copied() else { return };
            let agents: Vec<AgentId> = self.mirror.agents.keys().copied().collect();
            let agent = agents.get(self.random.random_range(0..=agents.len())).copied();
            self.figures.questions += 1;
            let holds = self
                .invariant_explain_agrees_with_the_dispatcher(callback, agent)
                .and_then(|explanation| match explanation {
                    Some(explanation) => explanation.gates.iter().try_for_each(|gate| {
                        self.invariant_gates_change_when_they_say(callback, agent, gate)
                    }),
                    None => Ok(()),
                });
            self.mirror.note(holds);
        }
    }

    /// With every gate open, the next dispatch to this agent offers exactly this; else it does not.
    fn invariant_explain_agrees_with_the_dispatcher(
        &self,
        callback: CallbackId,
        agent: Option<AgentId>,
    ) -> Result<Option<Explanation>, super::broken::Broken> {
        let branch = self.branch(self.now);
        let Some(explanation) = branch.explain(callback, agent) else { return Ok(None) };
        let Some(asked) = explanation.agent else {
            demand!(invariant_explain_agrees_with_the_dispatcher: !explanation.callable,
                "{explanation:?} is for nobody");
            return Ok(Some(explanation));
        };
        let pulls = self
            .mirror
            .agents
            .get(&asked)
            .is_some_and(|agent| agent.distribution == Distribution::Pull);
        let works_after_call = self
            .mirror
            .agents
            .get(&asked)
            .is_some_and(|agent| agent.after_call_work_until.is_some());
        if pulls && works_after_call {
            // To ask for the next task ends the work after a call.
            return Ok(Some(explanation));
        }
        let before = branch.phase(callback);
        let what = if pulls {
            What::Next { agent: asked }
        } else {
            What::Dispatch { services: Vec::new(), agents: vec![asked], limit: 1 }
        };
        branch.run(what);
        let after = branch.phase(callback);
        let offered = before.0 == Some(PhaseName::InQueue) && after.1 == Some(asked);
        demand!(invariant_explain_agrees_with_the_dispatcher: offered == explanation.callable,
            "at {} {asked} {}: {before:?} became {after:?}, and {explanation:?}",
            self.now, if pulls { "pulled" } else { "was asked" });
        Ok(Some(explanation))
    }

    /// The clock alone changes a gate when it says so, and not before.
    fn invariant_gates_change_when_they_say(
        &self,
        callback: CallbackId,
        agent: Option<AgentId>,
        gate: &Gate,
    ) -> Holds {
        let Some(at) = gate.next_change_at else { return Ok(()) };
        let answer = |branch: &Branch| {
            let explanation = branch.explain(callback, agent)?;
            explanation.gates.into_iter().find(|one| one.name == gate.name).map(|one| one.pass)
        };
        let branch = self.branch(self.now);
        if gate.name == GateName::InQueue && !branch.pass_until(at) {
            return Ok(());
        }
        branch.clock.set(date::add(at, TimeDelta::microseconds(-1)).max(self.now));
        demand!(invariant_gates_change_when_they_say: answer(&branch) == Some(gate.pass),
            "{callback} for {agent:?}: {gate:?} changed before {at}, asked at {}", self.now);
        branch.clock.set(at);
        branch.tick();
        demand!(invariant_gates_change_when_they_say: answer(&branch) != Some(gate.pass),
            "{callback} for {agent:?}: {gate:?} did not change at {at}, asked at {}", self.now);
        Ok(())
    }
}
