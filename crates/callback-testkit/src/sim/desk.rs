//! The agents: they accept, decline, miss, dial, report, hang up, go away and vanish.

use callback_domain::agent::{Agent, Distribution, Presence};
use callback_domain::attempt::Outcome;
use callback_domain::callback::{Callback, Phase};
use callback_domain::hours;
use callback_domain::id::{AgentId, LeaseToken};
use callback_engine::command::{AgentChange, Motion, What};
use callback_engine::error::Error;
use callback_engine::ledger::Actor;
use rand::RngExt as _;

use super::day::{Day, Happens};

/// What is remembered of an agent between two looks at the desk.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Desk {
    /// Gone without a word.
    vanished: bool,
    /// A look is planned.
    looks: bool,
    /// The offer that is not going to be answered, or the preview that is left to pass.
    ignores: Option<LeaseToken>,
}

impl Day {
    pub(super) fn hire(&mut self, agent: Agent) {
        let id = agent.id;
        if let Some(Ok(_)) = self.run(Actor::Operator, What::CreateAgent(Box::new(agent))) {
            self.desks.insert(id, Desk::default());
            self.change_agent(id, AgentChange::Presence(Presence::Available));
            self.look_after(id, 0, 30_000);
        }
    }

    /// Whoever was touched by a command has something to look at.
    pub(super) fn notice_agents(&mut self) {
        for agent in std::mem::take(&mut self.mirror.touched_agents) {
            self.look_after(agent, 500, 9_000);
        }
    }

    fn look_after(&mut self, agent: AgentId, least: i64, most: i64) {
        let Some(desk) = self.desks.get_mut(&agent) else { return };
        if !desk.looks {
            desk.looks = true;
            let millis = self.millis(least, most);
            self.plan(millis, Happens::Look(agent));
        }
    }

    pub(super) fn change_agent(&mut self, agent: AgentId, change: AgentChange) {
        self.run(Actor::Agent(agent), What::ChangeAgent { agent, change });
    }

    pub(super) fn come_back(&mut self, agent: AgentId) {
        if let Some(desk) = self.desks.get_mut(&agent) {
            desk.vanished = false;
            self.change_agent(agent, AgentChange::Presence(Presence::Available));
            self.look_after(agent, 500, 5_000);
        }
    }

    pub(super) fn look(&mut self, id: AgentId) {
        let Some(desk) = self.desks.get_mut(&id) else { return };
        desk.looks = false;
        if desk.vanished {
            return;
        }
        if self.node.is_none() {
            return self.look_after(id, 1_000, 20_000);
        }
        let Some(agent) = self.mirror.agents.get(&id).cloned() else {
            self.desks.remove(&id);
            return;
        };
        let task = agent.task.and_then(|task| self.mirror.callbacks.get(&task));
        if let Some(callback) = task.map(|followed| followed.callback.clone()) {
            return self.work(id, &callback);
        }
        if agent.presence != Presence::Available || agent.rona {
            if self.chance(400) {
                let change = if agent.rona && self.chance(500) {
                    AgentChange::ResetRona
                } else {
                    AgentChange::Presence(Presence::Available)
                };
                self.change_agent(id, change);
            }
            return self.look_after(id, 5_000, 90_000);
        }
        if agent.after_call_work_until.is_some() && self.chance(100) {
            self.change_agent(id, AgentChange::EndAfterCallWork);
        }
        if self.floor.faults && self.chance(8) {
            let away = [Presence::Busy, Presence::Away, Presence::Offline];
            let presence = away[self.random.random_range(0..away.len())];
            self.change_agent(id, AgentChange::Presence(presence));
            return self.look_after(id, 20_000, 900_000);
        }
        if agent.distribution == Distribution::Pull {
            self.pull(&agent);
        } else if self.chance(5) {
            self.run(Actor::Agent(id), What::Next { agent: id });
        }
    }

    fn pull(&mut self, agent: &Agent) {
        let id = agent.id;
        let waiting: Vec<_> = agent
            .services
            .iter()
            .filter(|id| {
                let first = (**id, 0);
                let mut levels = self.mirror.queue.range(first..=(**id, u8::MAX));
                levels.any(|(_, orders)| !orders.is_empty())
            })
            .filter_map(|id| self.mirror.services.get(id))
            .collect();
        let now = self.now;
        let opens = waiting.iter().filter_map(|service| hours::next_opening(service.hours(), now));
        let opens = opens.min();
        let waits = opens.is_some_and(|at| at <= now);
        if let Some(at) = opens.filter(|at| *at > now) {
            // Nobody asks all night, but now and then somebody does.
            let until = (at - now).num_milliseconds();
            let least = if self.chance(100) { 0 } else { until };
            return self.look_after(id, least, until + 60_000);
        }
        if waits {
            let answer = self.run(Actor::Agent(id), What::Next { agent: id });
            if let Some(Err(error)) = answer {
                self.unexpected("the next task", &error);
            }
            self.look_after(id, 3_000, 30_000);
        } else {
            self.look_after(id, 10_000, 120_000);
        }
    }

    fn vanish(&mut self, id: AgentId) {
        self.tell(|| format!("    {id} vanishes"));
        if let Some(desk) = self.desks.get_mut(&id) {
            desk.vanished = true;
        }
        let millis = self.millis(60_000, 1_800_000);
        self.plan(millis, Happens::Return(id));
    }

    /// One move with the task in hand.
    fn work(&mut self, id: AgentId, callback: &Callback) {
        let Some(token) = callback.token() else { return };
        if self.fault(10) {
            return self.vanish(id);
        }
        let ignores = self.desks.get(&id).is_some_and(|desk| desk.ignores == Some(token));
        match &callback.phase {
            Phase::Offered { .. } if ignores => {}
            Phase::Offered { .. } => match self.random.random_range(0..100) {
                0..5 => self.by(id, callback, Motion::Decline(token)),
                5..9 => self.ignore(id, token),
                _ => {
                    self.by(id, callback, Motion::Accept(token));
                    if self.chance(50) {
                        self.by(id, callback, Motion::Accept(token));
                    }
                }
            },
            Phase::Preview { .. } => {
                if !ignores && self.chance(600) {
                    self.by(id, callback, Motion::Dial(token));
                } else {
                    self.ignore(id, token);
                    self.by(id, callback, Motion::Heartbeat(token));
                }
                self.look_after(id, 2_000, 15_000);
            }
            Phase::Dialout { .. } => {
                self.dialling(id, callback, token);
                self.look_after(id, 2_000, 15_000);
            }
            Phase::Connected { .. } => {
                self.talking(id, callback, token);
                self.look_after(id, 5_000, 40_000);
            }
            Phase::Pending | Phase::InQueue { .. } | Phase::Terminated { .. } => {}
        }
    }

    fn ignore(&mut self, id: AgentId, token: LeaseToken) {
        if let Some(desk) = self.desks.get_mut(&id) {
            desk.ignores = Some(token);
        }
    }

    fn dialling(&mut self, id: AgentId, callback: &Callback, token: LeaseToken) {
        if !self.manual {
            if self.fault(10) {
                self.by(id, callback, Motion::Outcome(token, Outcome::Voicemail, None));
            }
            return;
        }
        match self.random.random_range(0..100) {
            0..40 => self.by(id, callback, Motion::Answered(token)),
            40..70 => {
                let outcome = Outcome::ALL[self.random.random_range(0..Outcome::ALL.len())];
                let detail = Some("as the agent says".to_owned());
                self.by(id, callback, Motion::Outcome(token, outcome, detail.clone()));
                if self.chance(100) {
                    self.by(id, callback, Motion::Outcome(token, outcome, detail));
                }
            }
            _ => self.by(id, callback, Motion::Heartbeat(token)),
        }
    }

    fn talking(&mut self, id: AgentId, callback: &Callback, token: LeaseToken) {
        let roll = self.random.random_range(0..100);
        if self.manual || self.floor.faults {
            match roll {
                0..30 if self.manual => {
                    self.by(id, callback, Motion::HangUp(token));
                    if self.chance(100) {
                        self.by(id, callback, Motion::HangUp(token));
                    }
                }
                30..35 if self.manual => {
                    self.by(id, callback, Motion::Outcome(token, Outcome::OptedOut, None));
                }
                35..40 => self.by(id, callback, Motion::Outcome(token, Outcome::Voicemail, None)),
                40..45 => self.by(id, callback, Motion::HangUp(token)),
                _ => self.by(id, callback, Motion::Heartbeat(token)),
            }
        }
    }

    /// A move, which may come too late; any other refusal would be wrong.
    fn by(&mut self, id: AgentId, callback: &Callback, by: Motion) {
        let by = if self.fault(5) { self.mistaken(by) } else { by };
        let what = What::Move { callback: callback.id, by, if_version: None };
        match self.run(Actor::Agent(id), what) {
            None | Some(Ok(_) | Err(Error::Refused(_))) => {}
            Some(Err(error)) => self.unexpected("an agent's move", &error),
        }
    }

    /// The same move with somebody else's token.
    fn mistaken(&mut self, by: Motion) -> Motion {
        let token = self.mirror.any_token().unwrap_or(LeaseToken::from_u128(7));
        match by {
            Motion::Accept(_) => Motion::Accept(token),
            Motion::Decline(_) => Motion::Decline(token),
            Motion::Dial(_) => Motion::Dial(token),
            Motion::Answered(_) => Motion::Answered(token),
            Motion::Outcome(_, outcome, detail) => Motion::Outcome(token, outcome, detail),
            Motion::HangUp(_) => Motion::HangUp(token),
            Motion::Heartbeat(_) => Motion::Heartbeat(token),
            Motion::Cancel => Motion::Cancel,
            Motion::Fulfil => Motion::Fulfil,
            Motion::Edit(edit, version) => Motion::Edit(edit, version),
        }
    }
}
