//! Rows over the state in memory; every answer is there at once.

use std::ops::Bound;
use std::sync::Arc;

use callback_domain::agent::Agent;
use callback_domain::attempt::Attempt;
use callback_domain::callback::Callback;
use callback_domain::date::{self, Instant};
use callback_domain::id::{
    AgentId, AttemptId, CallbackId, DeliveryId, KeyId, NodeId, ServiceId, WebhookId,
};
use callback_domain::picking::{Heads, OrderKey, Passes};
use callback_domain::priority::Priority;
use callback_domain::service::Service;
use callback_domain::target::TargetKey;
use uuid::Uuid;

use super::state::State;
use crate::access::Key;
use crate::ledger::{Line, Subject};
use crate::remembered::{Kept, REMEMBERED_SECONDS};
use crate::route::Route;
use crate::store::{Claim, Due, Gate, Idempotency, Remembered, Rowed, Rows};
use crate::suppression::Suppression;
use crate::webhook::{Delivery, DeliveryState, Webhook};

/// The rows of an installation in memory.
pub struct MemoryRows<'a> {
    pub(super) state: &'a mut State,
    pub(super) now: Instant,
}

impl std::fmt::Debug for MemoryRows<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryRows").field("now", &self.now).finish_non_exhaustive()
    }
}

impl Rows for MemoryRows<'_> {
    fn now(&self) -> Instant {
        self.now
    }

    async fn callback(&mut self, id: CallbackId) -> Rowed<Option<Callback>> {
        Ok(self.state.callbacks.get(&id).cloned())
    }

    async fn insert_callback(&mut self, callback: &Callback) -> Rowed<()> {
        self.state.put_callback(callback);
        Ok(())
    }

    async fn update_callback(&mut self, _before: &Callback, callback: &Callback) -> Rowed<()> {
        self.state.put_callback(callback);
        Ok(())
    }

    async fn has_live_callbacks(&mut self, service: ServiceId) -> Rowed<bool> {
        let first = (service, CallbackId::from_u128(0));
        Ok(self.state.live.range(first..).next().is_some_and(|(found, _)| *found == service))
    }

    async fn live_duplicate(
        &mut self,
        service: ServiceId,
        key: &TargetKey,
    ) -> Rowed<Option<CallbackId>> {
        let first = (service, key.clone(), CallbackId::from_u128(0));
        let found = self.state.live_by_key.range(first..).next();
        Ok(found.filter(|(at, of, _)| *at == service && of == key).map(|(_, _, id)| *id))
    }

    async fn queued_up_to(&mut self, service: ServiceId, limit: u32) -> Rowed<u32> {
        Ok(self.state.queued.get(&service).copied().unwrap_or(0).min(limit))
    }

    async fn live_callbacks(
        &mut self,
        service: ServiceId,
        after: Option<CallbackId>,
        limit: usize,
    ) -> Rowed<Vec<Callback>> {
        let first = after.map_or(Bound::Included((service, CallbackId::from_u128(0))), |after| {
            Bound::Excluded((service, after))
        });
        let ids = self.state.live.range((first, Bound::Unbounded));
        Ok(ids
            .take_while(|(found, _)| *found == service)
            .filter_map(|(_, id)| self.state.callbacks.get(id).cloned())
            .take(limit)
            .collect())
    }

    async fn held_callbacks(
        &mut self,
        agent: AgentId,
        service: Option<ServiceId>,
        limit: usize,
    ) -> Rowed<Vec<Callback>> {
        let first = (agent, ServiceId::from_u128(0), CallbackId::from_u128(0));
        let ids = self.state.held.range(first..).take_while(|(found, ..)| *found == agent);
        Ok(ids
            .filter(|(_, found, _)| service.is_none_or(|only| only == *found))
            .filter_map(|(_, _, id)| self.state.callbacks.get(id).cloned())
            .take(limit)
            .collect())
    }

    async fn due(&mut self, at: Instant, limit: usize) -> Rowed<Due> {
        let state = &*self.state;
        let callbacks = state.deadlines.iter().take_while(|(due, _)| *due <= at);
        let attempts = state.attempt_deadlines.iter().take_while(|(due, _)| *due <= at);
        let agents = state.agent_deadlines.iter().take_while(|(due, _)| *due <= at);
        let keys = state.key_wakes.iter().filter(|(_, due)| **due <= at);
        Ok(Due {
            callbacks: callbacks
                .filter_map(|(_, id)| state.callbacks.get(id).cloned())
                .take(limit)
                .collect(),
            attempts: attempts
                .filter_map(|(_, id)| state.attempts.get(id).cloned())
                .take(limit)
                .collect(),
            agents: agents
                .filter_map(|(_, id)| state.agents.get(id).cloned())
                .take(limit)
                .collect(),
            keys: keys.map(|(key, _)| key.clone()).take(limit).collect(),
        })
    }

    async fn next_deadline(&mut self) -> Rowed<Option<Instant>> {
        Ok(self.state.next_deadline())
    }

    async fn heads(&mut self, service: ServiceId, lane: Option<AgentId>) -> Rowed<Heads> {
        Ok(self.state.queue.heads(service, lane))
    }

    async fn refresh(
        &mut self,
        key: &TargetKey,
        gate: &Gate,
    ) -> Rowed<Vec<(ServiceId, Option<AgentId>)>> {
        self.state.queue.refresh(key, |service| gate.is_open(service));
        Ok(self.state.queue.ready_of(key).collect())
    }

    async fn waits(&mut self, key: &TargetKey) -> Rowed<bool> {
        Ok(self.state.queue.waits(key))
    }

    async fn wake_key(&mut self, key: &TargetKey, at: Instant) -> Rowed<()> {
        let wake = self.state.key_wakes.entry(key.clone()).or_insert(at);
        *wake = at.min(*wake);
        Ok(())
    }

    async fn unwake_key(&mut self, key: &TargetKey) -> Rowed<()> {
        self.state.key_wakes.remove(key);
        Ok(())
    }

    async fn ready_services(&mut self) -> Rowed<Vec<ServiceId>> {
        let services = self.state.services.keys().copied();
        Ok(services.filter(|id| self.state.queue.ready_lanes(*id).next().is_some()).collect())
    }

    async fn passes(&mut self, service: ServiceId) -> Rowed<Passes> {
        Ok(self.state.queue.passes(service))
    }

    async fn put_passes(&mut self, service: ServiceId, passes: &Passes) -> Rowed<()> {
        self.state.queue.set_passes(service, *passes);
        Ok(())
    }

    async fn waiting(&mut self, service: ServiceId) -> Rowed<([u64; 9], Option<Instant>)> {
        let counts = self.state.queue.waiting(service).map(|count| count as u64);
        Ok((counts, self.state.queue.earliest(service)))
    }

    async fn ahead(
        &mut self,
        service: ServiceId,
        priority: Priority,
        order: OrderKey,
    ) -> Rowed<u64> {
        Ok(self.state.queue.ahead(service, &order, priority) as u64)
    }

    async fn claim(&mut self, key: &TargetKey) -> Rowed<Option<Claim>> {
        Ok(self.state.claims.get(key).copied())
    }

    async fn put_claim(&mut self, key: &TargetKey, claim: Claim) -> Rowed<()> {
        if self.state.claims.insert(key.clone(), claim).is_none() {
            *self.state.sessions.entry(claim.service).or_default() += 1;
        }
        Ok(())
    }

    async fn release_claim(&mut self, key: &TargetKey) -> Rowed<()> {
        if let Some(claim) = self.state.claims.remove(key)
            && let Some(sessions) = self.state.sessions.get_mut(&claim.service)
        {
            *sessions = sessions.saturating_sub(1);
        }
        Ok(())
    }

    async fn claims_up_to(&mut self, service: ServiceId, limit: u32) -> Rowed<u32> {
        Ok(self.state.sessions.get(&service).copied().unwrap_or(0).min(limit))
    }

    async fn attempt(&mut self, id: AttemptId) -> Rowed<Option<Attempt>> {
        Ok(self.state.attempts.get(&id).cloned())
    }

    async fn put_attempt(&mut self, attempt: &Attempt) -> Rowed<()> {
        self.state.put_attempt(attempt);
        Ok(())
    }

    async fn open_attempts(&mut self) -> Rowed<Vec<Attempt>> {
        let ids = self.state.open_attempts.iter();
        Ok(ids.filter_map(|id| self.state.attempts.get(id).cloned()).collect())
    }

    async fn dialouts_since(
        &mut self,
        key: &TargetKey,
        since: Instant,
        limit: u32,
    ) -> Rowed<Vec<Instant>> {
        let first = (key.clone(), since, AttemptId::from_u128(u128::MAX));
        let last = (key.clone(), date::LATEST, AttemptId::from_u128(u128::MAX));
        let found = self.state.dialouts.range((Bound::Excluded(first), Bound::Included(last)));
        Ok(found
            .rev()
            .map(|(_, at, _)| *at)
            .take(usize::try_from(limit).unwrap_or(usize::MAX))
            .collect())
    }

    async fn service(&mut self, id: ServiceId) -> Rowed<Option<Arc<Service>>> {
        Ok(self.state.services.get(&id).map(Arc::clone))
    }

    async fn service_by_sip(&mut self, sip_uri: &str) -> Rowed<Option<ServiceId>> {
        let mut services = self.state.services.values();
        Ok(services.find(|service| service.sip_uri.key().as_str() == sip_uri).map(|found| found.id))
    }

    async fn put_service(&mut self, service: &Service) -> Rowed<()> {
        self.state.services.insert(service.id, Arc::new(service.clone()));
        Ok(())
    }

    async fn delete_service(&mut self, id: ServiceId) -> Rowed<()> {
        self.state.services.remove(&id);
        self.state.queue.set_passes(id, Passes::default());
        Ok(())
    }

    async fn capped_services(&mut self) -> Rowed<Vec<(ServiceId, u32)>> {
        let services = self.state.services.values();
        Ok(services
            .filter_map(|service| Some((service.id, service.max_attempts_per_target_per_day?)))
            .collect())
    }

    async fn recalculations(&mut self) -> Rowed<Vec<(ServiceId, Option<CallbackId>)>> {
        Ok(self.state.recalculations.iter().map(|(id, after)| (*id, *after)).collect())
    }

    async fn put_recalculation(
        &mut self,
        service: ServiceId,
        after: Option<CallbackId>,
    ) -> Rowed<()> {
        self.state.recalculations.insert(service, after);
        Ok(())
    }

    async fn end_recalculation(&mut self, service: ServiceId) -> Rowed<()> {
        self.state.recalculations.remove(&service);
        Ok(())
    }

    async fn agent(&mut self, id: AgentId) -> Rowed<Option<Agent>> {
        Ok(self.state.agents.get(&id).cloned())
    }

    async fn agent_by_sip(&mut self, sip_uri: &str) -> Rowed<Option<AgentId>> {
        let mut agents = self.state.agents.values();
        Ok(agents.find(|agent| agent.sip_uri.key().as_str() == sip_uri).map(|found| found.id))
    }

    async fn put_agent(&mut self, agent: &Agent) -> Rowed<()> {
        self.state.put_agent(agent);
        Ok(())
    }

    async fn delete_agent(&mut self, id: AgentId) -> Rowed<()> {
        self.state.remove_agent(id);
        Ok(())
    }

    async fn longest_idle(&mut self, service: ServiceId) -> Rowed<Option<AgentId>> {
        let first = (service, date::EARLIEST, AgentId::from_u128(0));
        let found = self.state.free.range(first..).next();
        Ok(found.filter(|(of, ..)| *of == service).map(|(_, _, agent)| *agent))
    }

    async fn free_agent_with_own(&mut self, service: ServiceId) -> Rowed<Option<AgentId>> {
        let state = &*self.state;
        let is_free = |id: &AgentId| {
            state
                .agents
                .get(id)
                .is_some_and(|agent| state.free.contains(&(service, agent.idle_since, agent.id)))
        };
        Ok(state.queue.ready_lanes(service).flatten().find(is_free))
    }

    async fn agents_of(&mut self, service: ServiceId) -> Rowed<Vec<Agent>> {
        let agents = self.state.agents.values();
        Ok(agents.filter(|agent| agent.services.contains(&service)).cloned().collect())
    }

    async fn suppressions_of(&mut self, key: &TargetKey) -> Rowed<Vec<Suppression>> {
        let listed = self.state.suppressed.range((key.clone(), 0)..=(key.clone(), u64::MAX));
        Ok(listed
            .filter_map(|(_, sequence)| self.state.suppressions.get(sequence))
            .filter(|listed| listed.until.is_none_or(|until| until > self.now))
            .cloned()
            .collect())
    }

    async fn put_suppression(&mut self, suppression: &Suppression) -> Rowed<u64> {
        self.state.last_suppression += 1;
        let sequence = self.state.last_suppression;
        let listed = Suppression { sequence, ..suppression.clone() };
        self.state.suppressed.insert((listed.key.clone(), sequence));
        self.state.suppressions.insert(sequence, listed);
        Ok(sequence)
    }

    async fn delete_suppression(&mut self, id: Uuid) -> Rowed<Option<Suppression>> {
        let listed = self.state.suppressions.values().find(|listed| listed.id == id).cloned();
        if let Some(listed) = &listed {
            self.state.suppressions.remove(&listed.sequence);
            self.state.suppressed.remove(&(listed.key.clone(), listed.sequence));
        }
        Ok(listed)
    }

    async fn key(&mut self, id: KeyId) -> Rowed<Option<Key>> {
        Ok(self.state.keys.get(&id).cloned())
    }

    async fn keys(&mut self) -> Rowed<Vec<Key>> {
        Ok(self.state.keys.values().cloned().collect())
    }

    async fn put_key(&mut self, key: &Key) -> Rowed<()> {
        self.state.keys.insert(key.id, key.clone());
        Ok(())
    }

    async fn route(&mut self, name: &str) -> Rowed<Route> {
        Ok(self.state.routes.get(name).cloned().unwrap_or_default())
    }

    async fn put_route(&mut self, name: &str, route: &Route) -> Rowed<()> {
        self.state.routes.insert(name.to_owned(), route.clone());
        Ok(())
    }

    async fn node_lease(&mut self, node: NodeId) -> Rowed<Option<Instant>> {
        Ok(self.state.nodes.get(&node).copied())
    }

    async fn put_node_lease(&mut self, node: NodeId, until: Instant) -> Rowed<()> {
        self.state.nodes.insert(node, until);
        Ok(())
    }

    async fn remembered(&mut self, principal: &str, key: &str) -> Rowed<Option<Remembered>> {
        let known = self.state.remembered.get(&(principal.to_owned(), key.to_owned()));
        let oldest = date::add_seconds(self.now, -REMEMBERED_SECONDS);
        Ok(known.filter(|known| known.at > oldest).cloned())
    }

    async fn remember(&mut self, idempotency: &Idempotency, kept: &Kept) -> Rowed<()> {
        let remembered = Remembered {
            body_hash: idempotency.body_hash.clone(),
            kept: kept.clone(),
            at: self.now,
        };
        let key = (idempotency.principal.clone(), idempotency.key.clone());
        self.state.remembered.insert(key, remembered);
        Ok(())
    }

    async fn tidy_turn(&mut self) -> Rowed<bool> {
        Ok(true)
    }

    async fn ended_before(&mut self, before: Instant, limit: usize) -> Rowed<Vec<CallbackId>> {
        let state = &*self.state;
        let is_open = |id: CallbackId| {
            let mut attempts = state.attempts_of.range((id, 0)..=(id, u32::MAX));
            attempts.any(|(_, attempt)| state.open_attempts.contains(attempt))
        };
        let ended = state.callbacks.values().filter(|found| {
            found.is_terminated() && found.updated_at < before && !is_open(found.id)
        });
        let mut ended: Vec<_> = ended.map(|found| (found.updated_at, found.id)).collect();
        ended.sort_unstable();
        Ok(ended.into_iter().map(|(_, id)| id).take(limit).collect())
    }

    async fn remove_callbacks(&mut self, ids: &[CallbackId]) -> Rowed<()> {
        for id in ids {
            self.state.remove_callback(*id);
            let about = Subject::Callback(*id);
            self.state.outbox.remove(|found| found.subject == about, usize::MAX);
        }
        let is_gone = |line: &Line| ids.iter().any(|id| line.subject == Subject::Callback(*id));
        self.state.ledger.retain(|line| !is_gone(line));
        Ok(())
    }

    async fn remove_attempts_to(&mut self, key: &TargetKey) -> Rowed<()> {
        self.state.remove_attempts_to(key);
        Ok(())
    }

    async fn remembered_after(
        &mut self,
        after: Option<(String, String)>,
        limit: usize,
    ) -> Rowed<Vec<(String, String, Remembered)>> {
        let first = after.map_or(Bound::Unbounded, Bound::Excluded);
        let page = self.state.remembered.range((first, Bound::Unbounded)).take(limit);
        let whole = |((principal, key), known): (&(String, String), &Remembered)| {
            (principal.clone(), key.clone(), known.clone())
        };
        Ok(page.map(whole).collect())
    }

    async fn forget(&mut self, principal: &str, key: &str) -> Rowed<()> {
        self.state.remembered.remove(&(principal.to_owned(), key.to_owned()));
        Ok(())
    }

    async fn forget_remembered(&mut self, before: Instant, limit: usize) -> Rowed<usize> {
        let old = self.state.remembered.iter().filter(|(_, known)| known.at <= before);
        let old: Vec<_> = old.map(|(key, _)| key.clone()).take(limit).collect();
        for key in &old {
            self.state.remembered.remove(key);
        }
        Ok(old.len())
    }

    async fn append(&mut self, line: &Line) -> Rowed<()> {
        self.state.last_line += 1;
        let sequence = self.state.last_line;
        self.state.ledger.push(Line { sequence, ..line.clone() });
        Ok(())
    }

    async fn lines_after(&mut self, sequence: u64, limit: usize) -> Rowed<Vec<Line>> {
        let ledger = &self.state.ledger;
        let first = ledger.partition_point(|line| line.sequence <= sequence);
        Ok(ledger[first..].iter().take(limit).cloned().collect())
    }

    async fn line(&mut self, sequence: u64) -> Rowed<Option<Line>> {
        let found = self.state.ledger.binary_search_by_key(&sequence, |line| line.sequence);
        Ok(found.ok().and_then(|index| self.state.ledger.get(index)).cloned())
    }

    async fn last_line(&mut self) -> Rowed<u64> {
        Ok(self.state.last_line)
    }

    async fn outbox_cursor(&mut self) -> Rowed<Option<u64>> {
        Ok(Some(self.state.outbox.cursor))
    }

    async fn put_outbox_cursor(&mut self, sequence: u64) -> Rowed<()> {
        self.state.outbox.cursor = sequence;
        Ok(())
    }

    async fn webhooks(&mut self) -> Rowed<Vec<Webhook>> {
        Ok(self.state.outbox.webhooks())
    }

    async fn webhook(&mut self, id: WebhookId) -> Rowed<Option<Webhook>> {
        Ok(self.state.outbox.webhooks.get(&id).cloned())
    }

    async fn put_webhook(&mut self, webhook: &Webhook) -> Rowed<()> {
        self.state.outbox.webhooks.insert(webhook.id, webhook.clone());
        Ok(())
    }

    async fn delete_webhook(&mut self, id: WebhookId) -> Rowed<()> {
        self.state.outbox.webhooks.remove(&id);
        Ok(())
    }

    async fn delivery(&mut self, id: DeliveryId) -> Rowed<Option<Delivery>> {
        Ok(self.state.outbox.deliveries.get(&id).cloned())
    }

    async fn first_pending(
        &mut self,
        webhook: WebhookId,
        subject: Subject,
    ) -> Rowed<Option<Delivery>> {
        Ok(self.state.outbox.first_pending(webhook, subject))
    }

    async fn put_delivery(&mut self, delivery: &Delivery) -> Rowed<()> {
        self.state.outbox.put(delivery);
        Ok(())
    }

    async fn due_deliveries(&mut self, webhook: WebhookId, limit: usize) -> Rowed<Vec<Delivery>> {
        Ok(self.state.outbox.due(webhook, self.now, limit))
    }

    async fn next_delivery(&mut self, webhook: WebhookId) -> Rowed<Option<Instant>> {
        Ok(self.state.outbox.next(webhook))
    }

    async fn held_deliveries(&mut self, limit: usize) -> Rowed<Vec<Delivery>> {
        let deliveries = self.state.outbox.deliveries.values();
        Ok(deliveries.filter(|found| found.lease.is_some()).take(limit).cloned().collect())
    }

    async fn deliveries(
        &mut self,
        webhook: WebhookId,
        state: DeliveryState,
        before: Option<(Instant, DeliveryId)>,
        limit: usize,
    ) -> Rowed<Vec<Delivery>> {
        Ok(self.state.outbox.listed(webhook, state, before, limit))
    }

    async fn pending_deliveries(
        &mut self,
        webhook: WebhookId,
        limit: usize,
    ) -> Rowed<(u64, Option<Instant>)> {
        Ok(self.state.outbox.pending(webhook, limit))
    }

    async fn purge_settled(&mut self, before: Instant, limit: usize) -> Rowed<usize> {
        let is_old = |found: &Delivery| found.settled_at.is_some_and(|at| at < before);
        Ok(self.state.outbox.remove(is_old, limit))
    }

    async fn purge_webhook(&mut self, webhook: WebhookId, limit: usize) -> Rowed<usize> {
        Ok(self.state.outbox.remove(|found| found.webhook == webhook, limit))
    }
}
