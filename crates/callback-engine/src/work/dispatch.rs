//! Who gets what next: offers to push agents, and the next task of a pull agent.

use std::sync::Arc;

use callback_domain::agent::{Agent, Distribution};
use callback_domain::callback::Callback;
use callback_domain::id::{AgentId, ServiceId};
use callback_domain::lifecycle::Event;
use callback_domain::picking::{Heads, Passes, Pick, choose};
use callback_domain::service::Service;

use super::Work;
use super::gates::ServiceGate;
use crate::command::{Answer, Task};
use crate::error::Error;
use crate::store::{Rows, StoreError};

/// Due callbacks that a pulling agent brings into the queue before looking at it.
const PULL_PROMOTIONS: usize = 64;

impl<R: Rows> Work<'_, R> {
    pub(super) async fn dispatch(
        &mut self,
        services: &[ServiceId],
        agents: &[AgentId],
        limit: usize,
    ) -> Result<Answer, Error> {
        let mut offers = 0;
        // What has just become ready for anybody is for whoever has been idle for longest, so it
        // goes first; whoever has something of their own or has just come free gets what is left.
        for service in services {
            while offers < limit && self.offer_open(*service).await? {
                offers += 1;
            }
        }
        for service in services {
            while offers < limit && self.offer_held(*service).await? {
                offers += 1;
            }
        }
        for agent in self.by_idleness(agents).await? {
            if offers < limit {
                offers += usize::from(self.offer_to(agent).await?);
            }
        }
        Ok(Answer::Dispatched { offers, more: offers >= limit })
    }

    async fn by_idleness(&mut self, agents: &[AgentId]) -> Result<Vec<AgentId>, StoreError> {
        let mut known = Vec::with_capacity(agents.len());
        for id in agents {
            known.extend(self.rows.agent(*id).await?.map(|agent| (agent.idle_since, *id)));
        }
        known.sort_unstable();
        Ok(known.into_iter().map(|(_, id)| id).collect())
    }

    pub(super) async fn survey(&mut self) -> Result<Answer, Error> {
        self.wake_all().await?;
        // Commands before the driver's first tick note only the deadlines that they write.
        self.after.note_deadline(self.rows.next_deadline().await?);
        self.after.recalculate = !self.rows.recalculations().await?.is_empty();
        Ok(Answer::Done)
    }

    /// Offers a service's next callback to whoever has been idle for longest.
    async fn offer_open(&mut self, id: ServiceId) -> Result<bool, Error> {
        if !self.takes_offers(id).await? || self.rows.heads(id, None).await?.is_empty() {
            return Ok(false);
        }
        match self.rows.longest_idle(id).await? {
            Some(agent) => self.offer_to(agent).await,
            None => Ok(false),
        }
    }

    /// Offers to a free agent for whom something of a service is held.
    async fn offer_held(&mut self, id: ServiceId) -> Result<bool, Error> {
        if !self.takes_offers(id).await? {
            return Ok(false);
        }
        match self.rows.free_agent_with_own(id).await? {
            Some(agent) => self.offer_to(agent).await,
            None => Ok(false),
        }
    }

    /// Offers an agent of the push kind the best of all their services.
    async fn offer_to(&mut self, id: AgentId) -> Result<bool, Error> {
        let Some(agent) = self.rows.agent(id).await? else { return Ok(false) };
        if agent.distribution == Distribution::Pull || agent.unready(self.now).is_some() {
            return Ok(false);
        }
        Ok(self.take_best(&agent).await?.is_some())
    }

    /// Picks for an agent by the policy, and offers; the passes advance with the offer.
    async fn take_best(&mut self, agent: &Agent) -> Result<Option<Callback>, Error> {
        let Some((service, pick, probe)) = self.best_for(agent).await? else { return Ok(None) };
        let mut passes = self.rows.passes(service.id).await?;
        let before_pick = passes;
        passes.advance(pick.priority);
        if passes != before_pick {
            self.rows.put_passes(service.id, &passes).await?;
        }
        let before = self.callback(pick.key.id).await?;
        if probe {
            let mut route = self.rows.route(&self.site.driver).await?;
            route.probe = Some(before.id);
            self.rows.put_route(&self.site.driver, &route).await?;
        }
        let offer = Event::Offer { agent: agent.id, token: self.site.token() };
        Ok(Some(self.must_step(before, offer).await?))
    }

    /// What the policy gives this agent now: its service, the pick, and whether it tries a route.
    pub(super) async fn best_for(
        &mut self,
        agent: &Agent,
    ) -> Result<Option<(Arc<Service>, Pick, bool)>, StoreError> {
        let mut queues: Vec<(Arc<Service>, bool, Passes, Heads)> = Vec::new();
        for id in &agent.services {
            let Some(service) = self.rows.service(*id).await? else { continue };
            let own = self.rows.heads(*id, Some(agent.id)).await?;
            let heads = self.rows.heads(*id, None).await?.merge(&own);
            if heads.is_empty() {
                continue;
            }
            let probe = match self.service_gate(&service).await? {
                ServiceGate::Open => false,
                ServiceGate::Probe => true,
                ServiceGate::Until(at) => {
                    self.after.later.extend(at.map(|at| (at, *id)));
                    continue;
                }
                ServiceGate::Capped | ServiceGate::Probing => continue,
            };
            let passes = self.rows.passes(*id).await?;
            queues.push((service, probe, passes, heads));
        }
        let views =
            queues.iter().enumerate().map(|(at, (_, _, passes, heads))| (at, passes, heads));
        let Some((at, pick)) = choose(views) else { return Ok(None) };
        let (service, probe, ..) = queues.swap_remove(at);
        Ok(Some((service, pick, probe)))
    }

    async fn takes_offers(&mut self, id: ServiceId) -> Result<bool, StoreError> {
        let Some(service) = self.rows.service(id).await? else { return Ok(false) };
        Ok(match self.service_gate(&service).await? {
            ServiceGate::Open | ServiceGate::Probe => true,
            ServiceGate::Until(at) => {
                self.after.later.extend(at.map(|at| (at, id)));
                false
            }
            ServiceGate::Capped | ServiceGate::Probing => false,
        })
    }

    /// The next task: the one in hand, the standing offer accepted, or the best of the queue.
    pub(super) async fn next(&mut self, id: AgentId) -> Result<Answer, Error> {
        let stored = self.rows.agent(id).await?;
        let mut agent = stored.ok_or_else(|| Error::UserNotFound(id.to_string()))?;
        if let Some(task) = agent.task {
            let callback = self.callback(task).await?;
            return Ok(Answer::Task(task_of(self.accept(callback).await?)));
        }
        if agent.after_call_work_until.is_some() {
            agent.finish_after_call_work(self.now);
            self.rows.put_agent(&agent).await?;
        }
        self.promote_due(PULL_PROMOTIONS).await?;
        if agent.unready(self.now).is_some() {
            return Ok(Answer::Task(None));
        }
        match self.take_best(&agent).await? {
            Some(offered) => Ok(Answer::Task(task_of(self.accept(offered).await?))),
            None => Ok(Answer::Task(None)),
        }
    }

    /// Accepts an offer in its agent's name; anything further along stays as it is.
    async fn accept(&mut self, callback: Callback) -> Result<Callback, Error> {
        match callback.token() {
            Some(token) => {
                let event = Event::Accept { token, start: self.site.start(self.now) };
                Ok(self.must_step(callback, event).await?)
            }
            None => Ok(callback),
        }
    }

    pub(super) async fn task(&mut self, id: AgentId) -> Result<Answer, Error> {
        let stored = self.rows.agent(id).await?;
        let agent = stored.ok_or_else(|| Error::UserNotFound(id.to_string()))?;
        match agent.task {
            Some(task) => Ok(Answer::Task(task_of(self.callback(task).await?))),
            None => Ok(Answer::Task(None)),
        }
    }
}

fn task_of(callback: Callback) -> Option<Box<Task>> {
    let token = callback.token()?;
    let (lease_until, attempt) = (callback.lease_until(), callback.attempt());
    Some(Box::new(Task { callback, token, lease_until, attempt }))
}
