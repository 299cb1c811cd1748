//! Users: made, edited, removed, and what they say of themselves.

use callback_domain::agent::Agent;
use callback_domain::id::{AgentId, ServiceId};
use serde_json::{Map, Value};

use super::Work;
use crate::command::{AgentChange, Answer};
use crate::error::Error;
use crate::ledger::Subject;
use crate::store::Rows;

impl<R: Rows> Work<'_, R> {
    pub(super) async fn create_agent(&mut self, agent: &Agent) -> Result<Answer, Error> {
        self.check_agent(agent).await?;
        self.rows.put_agent(agent).await?;
        self.append(Subject::User(agent.id), None, "UserCreated", Map::new()).await?;
        self.after.agents.insert(agent.id);
        Ok(Answer::Agent(Box::new(agent.clone())))
    }

    pub(super) async fn replace_agent(
        &mut self,
        agent: &Agent,
        if_version: Option<u64>,
    ) -> Result<Answer, Error> {
        let mut stored = self.agent(agent.id).await?;
        if let Some(version) = if_version
            && version != stored.version
        {
            return Err(Error::StaleVersion { current: stored.version });
        }
        self.check_agent(agent).await?;
        let left: Vec<ServiceId> = stored.services.difference(&agent.services).copied().collect();
        stored.name.clone_from(&agent.name);
        stored.sip_uri.clone_from(&agent.sip_uri);
        stored.services.clone_from(&agent.services);
        stored.selectable = agent.selectable;
        stored.distribution = agent.distribution;
        if agent.presence == stored.presence {
            stored.touch(self.now);
        } else {
            stored.choose_presence(agent.presence, self.now);
        }
        self.rows.put_agent(&stored).await?;
        for service in left {
            self.release_held(agent.id, Some(service)).await?;
        }
        self.append(Subject::User(agent.id), None, "UserEdited", Map::new()).await?;
        self.after.agents.insert(agent.id);
        Ok(Answer::Agent(Box::new(stored)))
    }

    pub(super) async fn delete_agent(&mut self, id: AgentId) -> Result<Answer, Error> {
        let stored = self.agent(id).await?;
        if stored.task.is_some() || stored.attempt.is_some() {
            return Err(Error::InUse {
                what: format!("user {id}"),
                why: "a task of theirs is live",
            });
        }
        self.rows.delete_agent(id).await?;
        self.release_held(id, None).await?;
        self.append(Subject::User(id), None, "UserDeleted", Map::new()).await?;
        Ok(Answer::Done)
    }

    pub(super) async fn change_agent(
        &mut self,
        id: AgentId,
        change: AgentChange,
    ) -> Result<Answer, Error> {
        let before = self.agent(id).await?;
        let mut agent = before.clone();
        let (what, details) = match change {
            AgentChange::Presence(presence) => {
                agent.choose_presence(presence, self.now);
                let presence = Value::from(format!("{presence:?}"));
                ("PresenceChosen", Map::from_iter([("Presence".to_owned(), presence)]))
            }
            AgentChange::ResetRona => {
                agent.reset_rona(self.now);
                ("RonaReset", Map::new())
            }
            AgentChange::EndAfterCallWork => {
                agent.finish_after_call_work(self.now);
                ("AfterCallWorkEnded", Map::new())
            }
        };
        if agent.version != before.version {
            self.rows.put_agent(&agent).await?;
            self.append(Subject::User(id), None, what, details).await?;
            self.after.agents.insert(id);
        }
        Ok(Answer::Agent(Box::new(agent)))
    }

    async fn agent(&mut self, id: AgentId) -> Result<Agent, Error> {
        let found = self.rows.agent(id).await?;
        found.ok_or_else(|| Error::UserNotFound(id.to_string()))
    }

    async fn check_agent(&mut self, agent: &Agent) -> Result<(), Error> {
        let address = agent.sip_uri.key();
        let holder = self.rows.agent_by_sip(address.as_str()).await?;
        if holder.is_some_and(|holder| holder != agent.id) {
            return Err(Error::AddressTaken(agent.sip_uri.as_str().to_owned()));
        }
        for service in &agent.services {
            self.service(*service).await?;
        }
        Ok(())
    }
}
