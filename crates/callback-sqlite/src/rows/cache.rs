//! What a connection need not read again, as long as it is the only one that writes.

use std::collections::BTreeMap;
use std::sync::Arc;

use callback_domain::agent::Agent;
use callback_domain::callback::{Callback, PhaseName};
use callback_domain::id::{AgentId, CallbackId, ServiceId};
use callback_domain::service::Service;
use rusqlite::Connection;

use super::{agents, callbacks, services};
use crate::recent::{Changed, Recent};
use crate::sql::Answer;

/// Facts of the open transaction and those before it; after a rollback it is to be emptied.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    services: BTreeMap<ServiceId, Arc<Service>>,
    capped: Option<Vec<(ServiceId, u32)>>,
    queued: BTreeMap<ServiceId, u64>,
    agents: BTreeMap<AgentId, Agent>,
    /// Callbacks as they were last committed, shared with readers.
    recent: Arc<Recent>,
    /// What the open transaction has made of callbacks.
    changed: Changed,
}

impl Cache {
    pub(crate) fn beside(recent: Arc<Recent>) -> Self {
        Self { recent, ..Self::default() }
    }

    /// Nothing is known any more but what was committed.
    pub(crate) fn clear(&mut self) {
        *self = Self::beside(Arc::clone(&self.recent));
    }

    /// What the transaction that is about to be committed has made of callbacks.
    pub(crate) fn take_changed(&mut self) -> Changed {
        std::mem::take(&mut self.changed)
    }

    pub(super) fn callback(
        &mut self,
        connection: &Connection,
        id: CallbackId,
    ) -> Answer<Option<Callback>> {
        if let Some(known) = self.changed.get(&id) {
            return Ok(known.as_deref().cloned());
        }
        if let Ok(known) = self.recent.find(id) {
            return Ok(Some(Callback::clone(&known)));
        }
        callbacks::find(connection, id)
    }

    /// Notes what a callback has become.
    pub(super) fn change(&mut self, callback: &Callback) {
        self.changed.insert(callback.id, Some(Arc::new(callback.clone())));
    }

    pub(super) fn remove(&mut self, callbacks: &[CallbackId]) {
        self.changed.extend(callbacks.iter().map(|id| (*id, None)));
    }

    pub(super) fn service(
        &mut self,
        connection: &Connection,
        id: ServiceId,
    ) -> Answer<Option<Arc<Service>>> {
        if let Some(known) = self.services.get(&id) {
            return Ok(Some(Arc::clone(known)));
        }
        let found = services::find(connection, id)?.map(Arc::new);
        self.services.extend(found.iter().map(|service| (id, Arc::clone(service))));
        Ok(found)
    }

    pub(super) fn forget_service(&mut self, id: ServiceId) {
        self.services.remove(&id);
        self.capped = None;
    }

    pub(super) fn agent(&mut self, connection: &Connection, id: AgentId) -> Answer<Option<Agent>> {
        if let Some(known) = self.agents.get(&id) {
            return Ok(Some(known.clone()));
        }
        let found = agents::find(connection, id)?;
        self.agents.extend(found.iter().map(|agent| (id, agent.clone())));
        Ok(found)
    }

    /// An agent as the row is known to be.
    pub(super) fn stored_agent(&self, id: AgentId) -> Option<&Agent> {
        self.agents.get(&id)
    }

    /// Keeps an agent as it was written.
    pub(super) fn keep_agent(&mut self, agent: Agent) {
        self.agents.insert(agent.id, agent);
    }

    pub(super) fn forget_agent(&mut self, id: AgentId) {
        self.agents.remove(&id);
    }

    pub(super) fn capped_services(
        &mut self,
        connection: &Connection,
    ) -> Answer<Vec<(ServiceId, u32)>> {
        if let Some(known) = &self.capped {
            return Ok(known.clone());
        }
        let found = services::capped(connection)?;
        self.capped = Some(found.clone());
        Ok(found)
    }

    /// How many callbacks of a service are pending or in the queue; counted once.
    pub(super) fn queued(&mut self, connection: &Connection, service: ServiceId) -> Answer<u64> {
        if let Some(known) = self.queued.get(&service) {
            return Ok(*known);
        }
        let counted = callbacks::queued(connection, service)?;
        self.queued.insert(service, counted);
        Ok(counted)
    }

    /// Keeps the counts in step with a callback that was written.
    pub(super) fn count_queued(&mut self, before: Option<&Callback>, after: &Callback) {
        let Some(count) = self.queued.get_mut(&after.service) else { return };
        match (before.is_some_and(is_queued), is_queued(after)) {
            (false, true) => *count = count.saturating_add(1),
            (true, false) => *count = count.saturating_sub(1),
            (true, true) | (false, false) => {}
        }
    }
}

fn is_queued(callback: &Callback) -> bool {
    matches!(callback.phase_name(), PhaseName::Pending | PhaseName::InQueue)
}
