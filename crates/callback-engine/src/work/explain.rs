//! Explanations and figures, from the same rows and the same gates as the dispatcher's decisions.

use callback_domain::agent::{Agent, Distribution, Unready};
use callback_domain::callback::{Callback, Phase};
use callback_domain::date::Instant;
use callback_domain::explain::{RouteFact, Surroundings, explain};
use callback_domain::hours;
use callback_domain::id::{AgentId, CallbackId, ServiceId};
use callback_domain::picking::OrderKey;
use callback_domain::priority::Priority;
use callback_domain::service::Service;

use super::Work;
use crate::command::Answer;
use crate::error::Error;
use crate::insight::{AgentsByState, Position, QueueInsight, WaitingAt};
use crate::route::RouteGate;
use crate::store::{Rows, StoreError};

impl<R: Rows> Work<'_, R> {
    pub(super) async fn explain(
        &mut self,
        id: CallbackId,
        agent: Option<AgentId>,
    ) -> Result<Answer, Error> {
        let callback = self.callback(id).await?;
        let service = self.service_of(&callback).await?;
        let staff = self.rows.agents_of(service.id).await?;
        let asked = match agent {
            Some(agent) => {
                let found = self.rows.agent(agent).await?;
                Some(found.ok_or_else(|| Error::UserNotFound(agent.to_string()))?)
            }
            None => self.agent_in_question(&callback, &staff).await?,
        };
        let around = self.surroundings(&callback, &service, asked.as_ref(), &staff).await?;
        let explanation = explain(&callback, &service, &around, self.now);
        Ok(Answer::Explanation(Box::new(explanation)))
    }

    /// Whom the dispatcher would ask: the one it is held for, else whoever has been idle longest.
    async fn agent_in_question(
        &mut self,
        callback: &Callback,
        staff: &[Agent],
    ) -> Result<Option<Agent>, StoreError> {
        if let Phase::InQueue { held_for: Some(only), .. } = callback.phase {
            return self.rows.agent(only).await;
        }
        let now = self.now;
        let ready = staff.iter().filter(|agent| agent.unready(now).is_none());
        let pulls = |agent: &Agent| agent.distribution == Distribution::Pull;
        Ok(ready.min_by_key(|agent| (pulls(agent), agent.idle_since, agent.id)).cloned())
    }

    async fn surroundings(
        &mut self,
        callback: &Callback,
        service: &Service,
        agent: Option<&Agent>,
        staff: &[Agent],
    ) -> Result<Surroundings, StoreError> {
        let key = callback.key();
        let site = self.site;
        let route = match self.rows.route(&site.driver).await?.gate(self.now) {
            RouteGate::Open | RouteGate::Probe => RouteFact::Open,
            RouteGate::Until(at) => RouteFact::Until(at),
            RouteGate::Probing(probe) => RouteFact::Probing(probe),
        };
        let over_frequency_until = match service.max_attempts_per_target_per_day {
            Some(cap) => self.over_frequency_until(&key, cap).await?,
            None => None,
        };
        let suppressed = self.suppressed_until(callback).await?;
        let order = callback.order();
        let ahead = match order {
            Some(order) => {
                let own = self.rows.ahead(service.id, callback.priority, order).await?;
                self.goes_first(service.id, callback.priority, own).await?
            }
            None => 0,
        };
        let unready = agent.and_then(|agent| self.why_not(agent, service.id));
        let picked = match (agent, order, unready) {
            (Some(agent), Some(order), None) => {
                self.best_for(agent).await?.is_some_and(|(_, pick, _)| pick.key == order)
            }
            (_, Some(order), _) => self.is_next_of(service.id, callback.priority, order).await?,
            (_, None, _) => false,
        };
        Ok(Surroundings {
            sessions: self.rows.claims_up_to(service.id, u32::MAX).await?,
            route,
            line_held_by: self.rows.claim(&key).await?.map(|claim| claim.callback),
            suppressed,
            over_frequency_until,
            agent: agent.map(|agent| agent.id),
            agent_unready: match agent {
                Some(_) => unready,
                None => Some("no agent of the service can take a task"),
            },
            agent_ready_at: match agent {
                Some(agent) => self.ready_at(agent, service.id),
                None => staff.iter().filter_map(|agent| self.ready_at(agent, service.id)).min(),
            },
            ready_agents: staff.iter().filter(|agent| agent.unready(self.now).is_none()).count(),
            picked,
            ahead,
            start: self.site.start(self.now),
        })
    }

    /// Suppressed, until the last suppression that holds has ended.
    async fn suppressed_until(
        &mut self,
        callback: &Callback,
    ) -> Result<Option<Option<Instant>>, StoreError> {
        let (now, service) = (self.now, callback.service);
        let found = self.rows.suppressions_of(&callback.key()).await?;
        let holding = found.into_iter().filter(|suppression| suppression.holds(service, now));
        Ok(holding
            .map(|suppression| suppression.until)
            .reduce(|one, other| one.zip(other).map(|(one, other)| one.max(other))))
    }

    /// When the clock alone makes an agent ready: only work after a call ends by it.
    fn ready_at(&self, agent: &Agent, service: ServiceId) -> Option<Instant> {
        let after_call_work = agent.distribution == Distribution::Push
            && agent.unready(self.now) == Some(Unready::AfterCallWork);
        let works = after_call_work && agent.services.contains(&service);
        agent.after_call_work_until.filter(|_| works)
    }

    fn why_not(&self, agent: &Agent, service: ServiceId) -> Option<&'static str> {
        if !agent.services.contains(&service) {
            return Some("the agent is not assigned to the service");
        }
        let unready = agent.unready(self.now).filter(|unready| {
            // Taking the next task ends the work after a call.
            *unready != Unready::AfterCallWork || agent.distribution == Distribution::Push
        });
        unready.map(|unready| match unready {
            Unready::NotAvailable => "the agent's presence is not Available",
            Unready::NotSelectable => "the agent is not selectable",
            Unready::Rona => "the agent is in RONA",
            Unready::Occupied => "the agent has a task or a phone that may still be ringing",
            Unready::AfterCallWork => "the agent is at work after a call",
        })
    }

    /// Whether the policy would serve this place next if any agent of this service came free.
    async fn is_next_of(
        &mut self,
        service: ServiceId,
        priority: Priority,
        order: OrderKey,
    ) -> Result<bool, StoreError> {
        let heads = self.rows.heads(service, None).await?;
        let pick = self.rows.passes(service).await?.pick(&heads);
        Ok(pick.is_some_and(|pick| pick.priority == priority && pick.key == order))
    }

    pub(super) async fn position(&mut self, id: CallbackId) -> Result<Answer, Error> {
        let callback = self.callback(id).await?;
        let Some(order) = callback.order() else { return Ok(Answer::Position(None)) };
        let service = self.service_of(&callback).await?;
        let ahead = self.rows.ahead(service.id, callback.priority, order).await?;
        let estimated_wait_in_seconds = self.estimate(&service, callback.priority, ahead).await?;
        Ok(Answer::Position(Some(Position {
            position: ahead.saturating_add(1),
            estimated_wait_in_seconds,
        })))
    }

    pub(super) async fn insight(&mut self, id: ServiceId) -> Result<Answer, Error> {
        let service = self.service(id).await?;
        let (by_priority, oldest) = self.rows.waiting(id).await?;
        let normal = by_priority[usize::from(Priority::Normal.level())];
        let estimated = self.estimate(&service, Priority::Normal, normal).await?;
        let agents = self.agents_by_state(id).await?;
        let now = self.now;
        let waited = |place: Instant| {
            let waited = (now - place).num_seconds();
            u64::try_from(waited).unwrap_or(0)
        };
        Ok(Answer::Insight(Box::new(QueueInsight {
            service_id: id,
            open: hours::is_open(service.hours(), self.now),
            waiting: by_priority.iter().sum(),
            waiting_by_priority: Priority::ALL
                .into_iter()
                .zip(by_priority)
                .map(|(priority, waiting)| WaitingAt { priority: priority.name(), waiting })
                .collect(),
            oldest_wait_in_seconds: oldest.map(waited),
            live_sessions: self.rows.claims_up_to(id, u32::MAX).await?,
            agents,
            estimated_wait_in_seconds: estimated,
        })))
    }

    async fn agents_by_state(&mut self, id: ServiceId) -> Result<AgentsByState, StoreError> {
        let mut states = AgentsByState::default();
        for agent in self.rows.agents_of(id).await? {
            let state = match agent.unready(self.now) {
                None => &mut states.ready,
                Some(Unready::Occupied) => &mut states.occupied,
                Some(Unready::AfterCallWork) => &mut states.after_call_work,
                Some(Unready::Rona) => &mut states.rona,
                Some(Unready::NotAvailable | Unready::NotSelectable) => &mut states.away,
            };
            *state += 1;
        }
        Ok(states)
    }

    /// How many of a service go first by the shares of the priorities, given how many of one's own.
    async fn goes_first(
        &mut self,
        service: ServiceId,
        priority: Priority,
        ahead: u64,
    ) -> Result<u64, StoreError> {
        let (waiting, _) = self.rows.waiting(service).await?;
        let levels = Priority::ALL.into_iter().zip(waiting);
        Ok(levels.map(|(level, waiting)| goes_before(priority, level, ahead, waiting)).sum())
    }

    /// The wait to expect with `ahead` callbacks of one's own priority before one:
    /// the time that a task takes by the service's settings, times the tasks that go first
    /// by the shares of the priorities, divided among the agents at work.
    async fn estimate(
        &mut self,
        service: &Service,
        priority: Priority,
        ahead: u64,
    ) -> Result<Option<u64>, StoreError> {
        let states = self.agents_by_state(service.id).await?;
        let working = u64::from(states.ready + states.occupied + states.after_call_work);
        if working == 0 {
            return Ok(None);
        }
        let before = self.goes_first(service.id, priority, ahead).await?;
        let task_seconds = u64::from(service.preview_time_in_seconds)
            + u64::from(service.max_dialout_time_in_seconds)
            + u64::from(service.after_call_work_in_seconds);
        let rounds = before.saturating_sub(u64::from(states.ready)).div_ceil(working);
        Ok(Some(rounds.saturating_mul(task_seconds.max(1))))
    }
}

/// How many of another level's callbacks go before one with `ahead` of its own before it.
fn goes_before(own: Priority, level: Priority, ahead: u64, waiting: u64) -> u64 {
    if level == own {
        return ahead;
    }
    match (own.weight(), level.weight()) {
        (Some(own), Some(level)) => {
            let share = ahead.saturating_add(1).saturating_mul(u64::from(level)) / u64::from(own);
            share.min(waiting)
        }
        (_, _) if level < own => waiting,
        (_, _) => 0,
    }
}
