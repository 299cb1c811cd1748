//! Rows that are watched: every write is told to the [`Mirror`], and can be falsified on its way.

use std::sync::Arc;

use callback_domain::agent::Agent;
use callback_domain::attempt::Attempt;
use callback_domain::callback::{Callback, Phase};
use callback_domain::date::{self, Instant};
use callback_domain::id::{
    AgentId, AttemptId, CallbackId, DeliveryId, KeyId, NodeId, ServiceId, WebhookId,
};
use callback_domain::picking::{Heads, OrderKey, Passes};
use callback_domain::priority::Priority;
use callback_domain::service::Service;
use callback_domain::target::TargetKey;
use callback_engine::access::Key;
use callback_engine::ledger::{Line, Subject};
use callback_engine::remembered::Kept;
use callback_engine::route::Route;
use callback_engine::store::{Claim, Due, Gate, Idempotency, Remembered, Rowed, Rows};
use callback_engine::suppression::Suppression;
use callback_engine::webhook::{Delivery, DeliveryState, Webhook};
use uuid::Uuid;

use super::mirror::Mirror;
use super::sabotage::Sabotage;

/// Rows whose writes the mirror sees as they were meant.
pub(super) struct Watched<'a, R> {
    pub(super) inner: &'a mut R,
    pub(super) mirror: &'a mut Mirror,
    pub(super) sabotage: Option<Sabotage>,
}

impl<R> Watched<'_, R> {
    fn is(&self, sabotage: Sabotage) -> bool {
        self.sabotage == Some(sabotage)
    }

    fn falsified(&self, callback: &Callback) -> Callback {
        let mut callback = callback.clone();
        match self.sabotage {
            Some(Sabotage::ForgetTermination) if callback.is_terminated() => {
                callback.phase = Phase::Pending;
                callback.due = date::add_seconds(callback.updated_at, 600);
            }
            Some(Sabotage::ForgetRetries) => {
                callback.retry_count = 0;
                callback.dialouts = 0;
            }
            Some(Sabotage::ForgetHold) => {
                if let Phase::InQueue { held_for, .. } = &mut callback.phase {
                    *held_for = None;
                }
            }
            Some(Sabotage::ForgetBackOff) => {
                if let Phase::InQueue { not_before, .. } = &mut callback.phase {
                    *not_before = None;
                }
            }
            Some(_) | None => {}
        }
        callback
    }
}

impl<R: Rows> Rows for Watched<'_, R> {
    fn now(&self) -> Instant {
        self.inner.now()
    }

    async fn insert_callback(&mut self, callback: &Callback) -> Rowed<()> {
        self.mirror.write_callback(callback);
        if self.is(Sabotage::LoseCreate) && callback.id.0.as_u128().is_multiple_of(50) {
            return Ok(());
        }
        if self.is(Sabotage::DueAtOnce) {
            let hurried = Callback { due: callback.created_at, ..callback.clone() };
            return self.inner.insert_callback(&hurried).await;
        }
        self.inner.insert_callback(callback).await
    }

    async fn update_callback(&mut self, before: &Callback, callback: &Callback) -> Rowed<()> {
        self.mirror.write_callback(callback);
        let falsified = self.falsified(callback);
        self.inner.update_callback(before, &falsified).await
    }

    async fn due(&mut self, at: Instant, limit: usize) -> Rowed<Due> {
        self.inner.due(at, limit).await
    }

    async fn refresh(
        &mut self,
        key: &TargetKey,
        gate: &Gate,
    ) -> Rowed<Vec<(ServiceId, Option<AgentId>)>> {
        if self.is(Sabotage::OpenEveryGate) {
            return self.inner.refresh(key, &Gate::default()).await;
        }
        self.inner.refresh(key, gate).await
    }

    async fn wake_key(&mut self, key: &TargetKey, at: Instant) -> Rowed<()> {
        self.mirror.note_write();
        self.inner.wake_key(key, at).await
    }

    async fn unwake_key(&mut self, key: &TargetKey) -> Rowed<()> {
        self.mirror.note_write();
        self.inner.unwake_key(key).await
    }

    async fn put_passes(&mut self, service: ServiceId, passes: &Passes) -> Rowed<()> {
        self.mirror.write_passes(service, passes);
        if self.is(Sabotage::ForgetPasses) {
            return Ok(());
        }
        self.inner.put_passes(service, passes).await
    }

    async fn put_claim(&mut self, key: &TargetKey, claim: Claim) -> Rowed<()> {
        self.mirror.note_write();
        if self.is(Sabotage::ForgetClaim) {
            return Ok(());
        }
        self.inner.put_claim(key, claim).await
    }

    async fn release_claim(&mut self, key: &TargetKey) -> Rowed<()> {
        self.mirror.note_write();
        self.inner.release_claim(key).await
    }

    async fn put_attempt(&mut self, attempt: &Attempt) -> Rowed<()> {
        self.mirror.write_attempt(attempt);
        if self.is(Sabotage::ForgetStop) {
            return self.inner.put_attempt(&Attempt { stop: None, ..attempt.clone() }).await;
        }
        self.inner.put_attempt(attempt).await
    }

    async fn service(&mut self, id: ServiceId) -> Rowed<Option<Arc<Service>>> {
        let found = self.inner.service(id).await?;
        if self.is(Sabotage::IgnoreHours) {
            let open =
                |service: Arc<Service>| Service { opening_hours: None, ..Service::clone(&service) };
            return Ok(found.map(|service| Arc::new(open(service))));
        }
        Ok(found)
    }

    async fn put_service(&mut self, service: &Service) -> Rowed<()> {
        self.mirror.write_service(service);
        self.inner.put_service(service).await
    }

    async fn delete_service(&mut self, id: ServiceId) -> Rowed<()> {
        self.mirror.remove_service(id);
        self.inner.delete_service(id).await
    }

    async fn put_recalculation(
        &mut self,
        service: ServiceId,
        after: Option<CallbackId>,
    ) -> Rowed<()> {
        self.mirror.begin_recalculation(service);
        self.inner.put_recalculation(service, after).await
    }

    async fn end_recalculation(&mut self, service: ServiceId) -> Rowed<()> {
        self.mirror.end_recalculation(service);
        self.inner.end_recalculation(service).await
    }

    async fn put_agent(&mut self, agent: &Agent) -> Rowed<()> {
        self.mirror.write_agent(agent);
        if self.is(Sabotage::ForgetTask) {
            return self
                .inner
                .put_agent(&Agent { task: None, attempt: None, ..agent.clone() })
                .await;
        }
        self.inner.put_agent(agent).await
    }

    async fn delete_agent(&mut self, id: AgentId) -> Rowed<()> {
        self.mirror.remove_agent(id);
        self.inner.delete_agent(id).await
    }

    async fn put_suppression(&mut self, suppression: &Suppression) -> Rowed<u64> {
        self.mirror.write_suppression(suppression);
        self.inner.put_suppression(suppression).await
    }

    async fn delete_suppression(&mut self, id: Uuid) -> Rowed<Option<Suppression>> {
        self.mirror.remove_suppression(id);
        self.inner.delete_suppression(id).await
    }

    async fn put_route(&mut self, name: &str, route: &Route) -> Rowed<()> {
        self.mirror.write_route(route);
        self.inner.put_route(name, route).await
    }

    async fn put_node_lease(&mut self, node: NodeId, until: Instant) -> Rowed<()> {
        self.mirror.note_write();
        self.inner.put_node_lease(node, until).await
    }

    async fn remember(&mut self, idempotency: &Idempotency, kept: &Kept) -> Rowed<()> {
        self.mirror.note_write();
        self.inner.remember(idempotency, kept).await
    }

    async fn tidy_turn(&mut self) -> Rowed<bool> {
        self.inner.tidy_turn().await
    }

    async fn ended_before(&mut self, before: Instant, limit: usize) -> Rowed<Vec<CallbackId>> {
        self.inner.ended_before(before, limit).await
    }

    async fn remove_callbacks(&mut self, ids: &[CallbackId]) -> Rowed<()> {
        self.mirror.note_write();
        self.inner.remove_callbacks(ids).await
    }

    async fn remove_attempts_to(&mut self, key: &TargetKey) -> Rowed<()> {
        self.mirror.note_write();
        self.inner.remove_attempts_to(key).await
    }

    async fn remembered_after(
        &mut self,
        after: Option<(String, String)>,
        limit: usize,
    ) -> Rowed<Vec<(String, String, Remembered)>> {
        self.inner.remembered_after(after, limit).await
    }

    async fn forget(&mut self, principal: &str, key: &str) -> Rowed<()> {
        self.mirror.note_write();
        self.inner.forget(principal, key).await
    }

    async fn forget_remembered(&mut self, before: Instant, limit: usize) -> Rowed<usize> {
        self.mirror.note_write();
        self.inner.forget_remembered(before, limit).await
    }

    async fn append(&mut self, line: &Line) -> Rowed<()> {
        if self.is(Sabotage::LeakToken)
            && let Some(token) = self.mirror.any_token()
        {
            let mut leaking = line.clone();
            leaking.details.insert("Token".to_owned(), token.to_string().into());
            self.mirror.write_line(&leaking);
            return self.inner.append(&leaking).await;
        }
        self.mirror.write_line(line);
        self.inner.append(line).await
    }

    async fn callback(&mut self, id: CallbackId) -> Rowed<Option<Callback>> {
        self.inner.callback(id).await
    }

    async fn has_live_callbacks(&mut self, service: ServiceId) -> Rowed<bool> {
        self.inner.has_live_callbacks(service).await
    }

    async fn live_duplicate(
        &mut self,
        service: ServiceId,
        key: &TargetKey,
    ) -> Rowed<Option<CallbackId>> {
        self.inner.live_duplicate(service, key).await
    }

    async fn queued_up_to(&mut self, service: ServiceId, limit: u32) -> Rowed<u32> {
        self.inner.queued_up_to(service, limit).await
    }

    async fn live_callbacks(
        &mut self,
        service: ServiceId,
        after: Option<CallbackId>,
        limit: usize,
    ) -> Rowed<Vec<Callback>> {
        self.inner.live_callbacks(service, after, limit).await
    }

    async fn held_callbacks(
        &mut self,
        agent: AgentId,
        service: Option<ServiceId>,
        limit: usize,
    ) -> Rowed<Vec<Callback>> {
        self.inner.held_callbacks(agent, service, limit).await
    }

    async fn next_deadline(&mut self) -> Rowed<Option<Instant>> {
        self.inner.next_deadline().await
    }

    async fn heads(&mut self, service: ServiceId, lane: Option<AgentId>) -> Rowed<Heads> {
        self.inner.heads(service, lane).await
    }

    async fn waits(&mut self, key: &TargetKey) -> Rowed<bool> {
        self.inner.waits(key).await
    }

    async fn ready_services(&mut self) -> Rowed<Vec<ServiceId>> {
        self.inner.ready_services().await
    }

    async fn passes(&mut self, service: ServiceId) -> Rowed<Passes> {
        self.inner.passes(service).await
    }

    async fn waiting(&mut self, service: ServiceId) -> Rowed<([u64; 9], Option<Instant>)> {
        self.inner.waiting(service).await
    }

    async fn ahead(
        &mut self,
        service: ServiceId,
        priority: Priority,
        order: OrderKey,
    ) -> Rowed<u64> {
        self.inner.ahead(service, priority, order).await
    }

    async fn claim(&mut self, key: &TargetKey) -> Rowed<Option<Claim>> {
        self.inner.claim(key).await
    }

    async fn claims_up_to(&mut self, service: ServiceId, limit: u32) -> Rowed<u32> {
        self.inner.claims_up_to(service, limit).await
    }

    async fn attempt(&mut self, id: AttemptId) -> Rowed<Option<Attempt>> {
        self.inner.attempt(id).await
    }

    async fn open_attempts(&mut self) -> Rowed<Vec<Attempt>> {
        self.inner.open_attempts().await
    }

    async fn dialouts_since(
        &mut self,
        key: &TargetKey,
        since: Instant,
        limit: u32,
    ) -> Rowed<Vec<Instant>> {
        self.inner.dialouts_since(key, since, limit).await
    }

    async fn service_by_sip(&mut self, sip_uri: &str) -> Rowed<Option<ServiceId>> {
        self.inner.service_by_sip(sip_uri).await
    }

    async fn capped_services(&mut self) -> Rowed<Vec<(ServiceId, u32)>> {
        self.inner.capped_services().await
    }

    async fn recalculations(&mut self) -> Rowed<Vec<(ServiceId, Option<CallbackId>)>> {
        self.inner.recalculations().await
    }

    async fn agent(&mut self, id: AgentId) -> Rowed<Option<Agent>> {
        self.inner.agent(id).await
    }

    async fn agent_by_sip(&mut self, sip_uri: &str) -> Rowed<Option<AgentId>> {
        self.inner.agent_by_sip(sip_uri).await
    }

    async fn longest_idle(&mut self, service: ServiceId) -> Rowed<Option<AgentId>> {
        self.inner.longest_idle(service).await
    }

    async fn free_agent_with_own(&mut self, service: ServiceId) -> Rowed<Option<AgentId>> {
        self.inner.free_agent_with_own(service).await
    }

    async fn agents_of(&mut self, service: ServiceId) -> Rowed<Vec<Agent>> {
        self.inner.agents_of(service).await
    }

    async fn suppressions_of(&mut self, key: &TargetKey) -> Rowed<Vec<Suppression>> {
        self.inner.suppressions_of(key).await
    }

    async fn key(&mut self, id: KeyId) -> Rowed<Option<Key>> {
        self.inner.key(id).await
    }

    async fn keys(&mut self) -> Rowed<Vec<Key>> {
        self.inner.keys().await
    }

    async fn put_key(&mut self, key: &Key) -> Rowed<()> {
        self.mirror.note_write();
        self.inner.put_key(key).await
    }

    async fn route(&mut self, name: &str) -> Rowed<Route> {
        self.inner.route(name).await
    }

    async fn node_lease(&mut self, node: NodeId) -> Rowed<Option<Instant>> {
        self.inner.node_lease(node).await
    }

    async fn remembered(&mut self, principal: &str, key: &str) -> Rowed<Option<Remembered>> {
        self.inner.remembered(principal, key).await
    }

    async fn lines_after(&mut self, sequence: u64, limit: usize) -> Rowed<Vec<Line>> {
        self.inner.lines_after(sequence, limit).await
    }

    async fn line(&mut self, sequence: u64) -> Rowed<Option<Line>> {
        self.inner.line(sequence).await
    }

    async fn last_line(&mut self) -> Rowed<u64> {
        self.inner.last_line().await
    }

    async fn outbox_cursor(&mut self) -> Rowed<Option<u64>> {
        self.inner.outbox_cursor().await
    }

    async fn put_outbox_cursor(&mut self, sequence: u64) -> Rowed<()> {
        self.mirror.note_write();
        self.inner.put_outbox_cursor(sequence).await
    }

    async fn webhooks(&mut self) -> Rowed<Vec<Webhook>> {
        self.inner.webhooks().await
    }

    async fn webhook(&mut self, id: WebhookId) -> Rowed<Option<Webhook>> {
        self.inner.webhook(id).await
    }

    async fn put_webhook(&mut self, webhook: &Webhook) -> Rowed<()> {
        self.mirror.note_write();
        self.inner.put_webhook(webhook).await
    }

    async fn delete_webhook(&mut self, id: WebhookId) -> Rowed<()> {
        self.mirror.note_write();
        self.inner.delete_webhook(id).await
    }

    async fn delivery(&mut self, id: DeliveryId) -> Rowed<Option<Delivery>> {
        self.inner.delivery(id).await
    }

    async fn first_pending(
        &mut self,
        webhook: WebhookId,
        subject: Subject,
    ) -> Rowed<Option<Delivery>> {
        self.inner.first_pending(webhook, subject).await
    }

    async fn put_delivery(&mut self, delivery: &Delivery) -> Rowed<()> {
        self.mirror.note_write();
        self.inner.put_delivery(delivery).await
    }

    async fn due_deliveries(&mut self, webhook: WebhookId, limit: usize) -> Rowed<Vec<Delivery>> {
        self.inner.due_deliveries(webhook, limit).await
    }

    async fn next_delivery(&mut self, webhook: WebhookId) -> Rowed<Option<Instant>> {
        self.inner.next_delivery(webhook).await
    }

    async fn held_deliveries(&mut self, limit: usize) -> Rowed<Vec<Delivery>> {
        self.inner.held_deliveries(limit).await
    }

    async fn deliveries(
        &mut self,
        webhook: WebhookId,
        state: DeliveryState,
        before: Option<(Instant, DeliveryId)>,
        limit: usize,
    ) -> Rowed<Vec<Delivery>> {
        self.inner.deliveries(webhook, state, before, limit).await
    }

    async fn pending_deliveries(
        &mut self,
        webhook: WebhookId,
        limit: usize,
    ) -> Rowed<(u64, Option<Instant>)> {
        self.inner.pending_deliveries(webhook, limit).await
    }

    async fn purge_settled(&mut self, before: Instant, limit: usize) -> Rowed<usize> {
        self.mirror.note_write();
        self.inner.purge_settled(before, limit).await
    }

    async fn purge_webhook(&mut self, webhook: WebhookId, limit: usize) -> Rowed<usize> {
        self.mirror.note_write();
        self.inner.purge_webhook(webhook, limit).await
    }
}
