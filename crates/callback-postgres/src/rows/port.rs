//! The port itself: each question of the engine, as one statement where that is possible.

use std::sync::Arc;

use callback_domain::agent::Agent;
use callback_domain::attempt::Attempt;
use callback_domain::callback::Callback;
use callback_domain::date::Instant;
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

use super::{PostgresRows, owned};
use crate::locks::class;
use crate::records::{column, corrupt, limit as sql_limit, record, records, unsigned};

const LOCK_QUEUE_LENGTH: &str = concat!(
    "/* PostgresRows::queued_up_to lock */ SELECT pg_advisory_xact_lock(",
    class!(queue_length),
    ", hashtext($1::uuid::text))"
);
const QUEUED: &str = "/* PostgresRows::queued_up_to */ SELECT count(*) FROM ( \
    SELECT FROM callbacks WHERE service = $1 AND phase <> 'Terminated' \
      AND phase IN ('Pending', 'InQueue') LIMIT $2) AS queued";
const HELD: &str = "/* PostgresRows::held_callbacks */ SELECT id, record FROM callbacks \
    WHERE place IS NOT NULL AND lane <> '00000000-0000-0000-0000-000000000000' AND lane = $1 \
      AND ($2::uuid IS NULL OR service = $2) ORDER BY service, id LIMIT $3";
const LOCK_LINE_OF_ATTEMPT: &str = concat!(
    "/* PostgresRows::attempt lock */ SELECT key, pg_advisory_xact_lock(",
    class!(line),
    ", hashtext(key)) FROM attempts WHERE id = $1"
);
const ATTEMPT: &str = "/* PostgresRows::attempt */ SELECT id, record FROM attempts WHERE id = $1";
const WAITING: &str = "/* PostgresRows::waiting */ \
    SELECT priority, count(*), min(place) AS place FROM callbacks \
    WHERE service = $1 AND place IS NOT NULL GROUP BY priority";
const READY_SERVICES: &str = "/* PostgresRows::ready_services */ \
    SELECT id FROM services WHERE EXISTS ( \
        SELECT FROM callbacks WHERE ready AND callbacks.service = services.id) ORDER BY id";

impl Rows for PostgresRows<'_> {
    fn now(&self) -> Instant {
        self.now
    }

    async fn callback(&mut self, id: CallbackId) -> Rowed<Option<Callback>> {
        self.one_callback(id).await
    }

    async fn insert_callback(&mut self, callback: &Callback) -> Rowed<()> {
        self.insert(callback, false);
        Ok(())
    }

    async fn update_callback(&mut self, before: &Callback, callback: &Callback) -> Rowed<()> {
        self.update(before, callback);
        Ok(())
    }

    async fn has_live_callbacks(&mut self, service: ServiceId) -> Rowed<bool> {
        self.send_unsent().await?;
        let sql = "/* PostgresRows::has_live_callbacks */ SELECT FROM callbacks \
            WHERE service = $1 AND phase <> 'Terminated' LIMIT 1";
        Ok(self.query_one(sql, &[&service.0]).await?.is_some())
    }

    async fn live_duplicate(
        &mut self,
        service: ServiceId,
        key: &TargetKey,
    ) -> Rowed<Option<CallbackId>> {
        self.send_unsent().await?;
        self.lock_line(key).await?;
        let sql = "/* PostgresRows::live_duplicate */ SELECT id FROM callbacks \
            WHERE key = $2 AND service = $1 AND phase <> 'Terminated' ORDER BY id LIMIT 1";
        let row = self.query_one(sql, &[&service.0, &key.as_str()]).await?;
        row.map(|row| column(&row, "callbacks", "id").map(CallbackId)).transpose()
    }

    async fn queued_up_to(&mut self, service: ServiceId, limit: u32) -> Rowed<u32> {
        self.send_unsent().await?;
        let lock: &[crate::connection::Parameter<'_>] = &[&service.0];
        let (_, rows) = self
            .lock_and_read((LOCK_QUEUE_LENGTH, lock), (QUEUED, &[&service.0, &i64::from(limit)]))
            .await?;
        count(rows.first())
    }

    async fn live_callbacks(
        &mut self,
        service: ServiceId,
        after: Option<CallbackId>,
        limit: usize,
    ) -> Rowed<Vec<Callback>> {
        self.live(service, after, limit).await
    }

    async fn held_callbacks(
        &mut self,
        agent: AgentId,
        service: Option<ServiceId>,
        limit: usize,
    ) -> Rowed<Vec<Callback>> {
        self.send_unsent().await?;
        let service = service.map(|service| service.0);
        records(&self.query(HELD, &[&agent.0, &service, &sql_limit(limit)]).await?, "callbacks")
    }

    async fn due(&mut self, at: Instant, limit: usize) -> Rowed<Due> {
        self.what_is_due(at, limit).await
    }

    async fn next_deadline(&mut self) -> Rowed<Option<Instant>> {
        self.earliest().await
    }

    async fn heads(&mut self, service: ServiceId, lane: Option<AgentId>) -> Rowed<Heads> {
        self.heads_of(service, lane).await
    }

    async fn refresh(
        &mut self,
        key: &TargetKey,
        gate: &Gate,
    ) -> Rowed<Vec<(ServiceId, Option<AgentId>)>> {
        self.lock_line(key).await?;
        self.refresh_line(key, gate);
        // Told at the commit.
        Ok(Vec::new())
    }

    async fn waits(&mut self, key: &TargetKey) -> Rowed<bool> {
        self.send_unsent().await?;
        let sql = "/* PostgresRows::waits */ SELECT FROM callbacks \
            WHERE key = $1 AND place IS NOT NULL AND NOT backed_off LIMIT 1";
        Ok(self.query_one(sql, &[&key.as_str()]).await?.is_some())
    }

    async fn wake_key(&mut self, key: &TargetKey, at: Instant) -> Rowed<()> {
        self.note_deadline(Some(at));
        let sql = "/* PostgresRows::wake_key */ INSERT INTO key_wakes AS stored (key, at) \
            VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET at = excluded.at \
            WHERE excluded.at < stored.at";
        self.write(sql, owned![key.as_str().to_owned(), at]).await
    }

    async fn unwake_key(&mut self, key: &TargetKey) -> Rowed<()> {
        let sql = "/* PostgresRows::unwake_key */ DELETE FROM key_wakes WHERE key = $1";
        self.write(sql, owned![key.as_str().to_owned()]).await
    }

    async fn ready_services(&mut self) -> Rowed<Vec<ServiceId>> {
        self.send_unsent().await?;
        let rows = self.query(READY_SERVICES, &[]).await?;
        rows.iter().map(|row| column(row, "services", "id").map(ServiceId)).collect()
    }

    async fn passes(&mut self, service: ServiceId) -> Rowed<Passes> {
        self.passes_of(service).await
    }

    async fn put_passes(&mut self, service: ServiceId, passes: &Passes) -> Rowed<()> {
        self.passes.insert(service, *passes);
        self.unsent.put_passes(service, *passes);
        Ok(())
    }

    async fn waiting(&mut self, service: ServiceId) -> Rowed<([u64; 9], Option<Instant>)> {
        self.send_unsent().await?;
        let (mut counts, mut earliest) = ([0; 9], None::<Instant>);
        for row in &self.query(WAITING, &[&service.0]).await? {
            let level: i16 = column(row, "callbacks", "priority")?;
            let slot = usize::try_from(level).ok().and_then(|level| counts.get_mut(level));
            let Some(slot) = slot else {
                return Err(corrupt(row, "callbacks", "priority", format!("{level} is none")));
            };
            *slot = unsigned(column(row, "callbacks", "count")?);
            let place: Instant = column(row, "callbacks", "place")?;
            earliest = Some(earliest.map_or(place, |known| known.min(place)));
        }
        Ok((counts, earliest))
    }

    async fn ahead(
        &mut self,
        service: ServiceId,
        priority: Priority,
        order: OrderKey,
    ) -> Rowed<u64> {
        self.send_unsent().await?;
        let sql = "/* PostgresRows::ahead */ SELECT count(*) FROM callbacks \
            WHERE service = $1 AND priority = $2 AND place IS NOT NULL AND (place, id) < ($3, $4)";
        let level = i16::from(priority.level());
        let row = self.query_one(sql, &[&service.0, &level, &order.at, &order.id.0]).await?;
        count(row.as_ref()).map(u64::from)
    }

    async fn claim(&mut self, key: &TargetKey) -> Rowed<Option<Claim>> {
        self.claim_of(key).await
    }

    async fn put_claim(&mut self, key: &TargetKey, claim: Claim) -> Rowed<()> {
        self.claims.insert(key.clone(), Some(claim));
        self.unsent.put_claim(key.clone(), claim);
        Ok(())
    }

    async fn release_claim(&mut self, key: &TargetKey) -> Rowed<()> {
        self.claims.insert(key.clone(), None);
        self.unsent.release_claim(key.clone());
        Ok(())
    }

    async fn claims_up_to(&mut self, service: ServiceId, limit: u32) -> Rowed<u32> {
        self.send_unsent().await?;
        let sql = "/* PostgresRows::claims_up_to */ SELECT count(*) FROM ( \
            SELECT FROM claims WHERE service = $1 LIMIT $2) AS held";
        count(self.query_one(sql, &[&service.0, &i64::from(limit)]).await?.as_ref())
    }

    async fn attempt(&mut self, id: AttemptId) -> Rowed<Option<Attempt>> {
        if let Some(known) = self.attempts.get(&id) {
            return Ok(Some(known.clone()));
        }
        let (locked, found) =
            self.lock_and_read((LOCK_LINE_OF_ATTEMPT, &[&id.0]), (ATTEMPT, &[&id.0])).await?;
        for row in &locked {
            self.lines.insert(TargetKey::from_stored(column(row, "attempts", "key")?));
        }
        let attempt: Option<Attempt> =
            found.first().map(|row| record(row, "attempts")).transpose()?;
        self.attempts.extend(attempt.clone().map(|attempt| (id, attempt)));
        Ok(attempt)
    }

    async fn put_attempt(&mut self, attempt: &Attempt) -> Rowed<()> {
        self.note_deadline(attempt.deadline());
        self.attempts.insert(attempt.id, attempt.clone());
        self.unsent.put_attempt(attempt.clone());
        Ok(())
    }

    async fn open_attempts(&mut self) -> Rowed<Vec<Attempt>> {
        self.send_unsent().await?;
        self.all_open_attempts().await
    }

    async fn dialouts_since(
        &mut self,
        key: &TargetKey,
        since: Instant,
        limit: u32,
    ) -> Rowed<Vec<Instant>> {
        self.send_unsent().await?;
        let sql = "/* PostgresRows::dialouts_since */ SELECT id, customer_requested_at AS at \
            FROM attempts WHERE key = $1 AND customer_requested_at > $2 \
            ORDER BY customer_requested_at DESC LIMIT $3";
        let rows = self.query(sql, &[&key.as_str(), &since, &i64::from(limit)]).await?;
        rows.iter().map(|row| column(row, "attempts", "at")).collect()
    }

    async fn service(&mut self, id: ServiceId) -> Rowed<Option<Arc<Service>>> {
        self.one_service(id).await
    }

    async fn service_by_sip(&mut self, sip_uri: &str) -> Rowed<Option<ServiceId>> {
        self.service_at(sip_uri).await
    }

    async fn put_service(&mut self, service: &Service) -> Rowed<()> {
        self.write_service(service).await
    }

    async fn delete_service(&mut self, id: ServiceId) -> Rowed<()> {
        self.remove_service(id).await
    }

    async fn capped_services(&mut self) -> Rowed<Vec<(ServiceId, u32)>> {
        self.all_capped().await
    }

    async fn recalculations(&mut self) -> Rowed<Vec<(ServiceId, Option<CallbackId>)>> {
        self.all_recalculations().await
    }

    async fn put_recalculation(
        &mut self,
        service: ServiceId,
        after: Option<CallbackId>,
    ) -> Rowed<()> {
        self.write_recalculation(service, after).await
    }

    async fn end_recalculation(&mut self, service: ServiceId) -> Rowed<()> {
        self.remove_recalculation(service).await
    }

    async fn agent(&mut self, id: AgentId) -> Rowed<Option<Agent>> {
        self.one_agent(id).await
    }

    async fn agent_by_sip(&mut self, sip_uri: &str) -> Rowed<Option<AgentId>> {
        let sql = "/* PostgresRows::agent_by_sip */ SELECT agent AS id FROM agent_identities WHERE sip_key = $1";
        let row = self.query_one(sql, &[&sip_uri]).await?;
        row.map(|row| column(&row, "agents", "id").map(AgentId)).transpose()
    }

    async fn put_agent(&mut self, agent: &Agent) -> Rowed<()> {
        self.put(agent).await
    }

    async fn delete_agent(&mut self, id: AgentId) -> Rowed<()> {
        self.remove(id).await
    }

    async fn longest_idle(&mut self, service: ServiceId) -> Rowed<Option<AgentId>> {
        self.idlest(service).await
    }

    async fn free_agent_with_own(&mut self, service: ServiceId) -> Rowed<Option<AgentId>> {
        self.free_with_own(service).await
    }

    async fn agents_of(&mut self, service: ServiceId) -> Rowed<Vec<Agent>> {
        self.staff(service).await
    }

    async fn suppressions_of(&mut self, key: &TargetKey) -> Rowed<Vec<Suppression>> {
        self.suppressed_on(key).await
    }

    async fn put_suppression(&mut self, suppression: &Suppression) -> Rowed<u64> {
        self.write_suppression(suppression).await
    }

    async fn delete_suppression(&mut self, id: Uuid) -> Rowed<Option<Suppression>> {
        self.remove_suppression(id).await
    }

    async fn key(&mut self, id: KeyId) -> Rowed<Option<Key>> {
        self.one_key(id).await
    }

    async fn keys(&mut self) -> Rowed<Vec<Key>> {
        self.all_keys().await
    }

    async fn put_key(&mut self, key: &Key) -> Rowed<()> {
        self.write_key(key).await
    }

    async fn route(&mut self, name: &str) -> Rowed<Route> {
        self.route_to(name).await
    }

    async fn put_route(&mut self, name: &str, route: &Route) -> Rowed<()> {
        self.write_route(name, route).await
    }

    async fn node_lease(&mut self, node: NodeId) -> Rowed<Option<Instant>> {
        let sql = "/* PostgresRows::node_lease */ SELECT id, until FROM nodes WHERE id = $1";
        let row = self.query_one(sql, &[&node.0]).await?;
        row.map(|row| column(&row, "nodes", "until")).transpose()
    }

    async fn put_node_lease(&mut self, node: NodeId, until: Instant) -> Rowed<()> {
        let sql = "/* PostgresRows::put_node_lease */ INSERT INTO nodes (id, until) \
            VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET until = excluded.until";
        self.write(sql, owned![node.0, until]).await
    }

    async fn remembered(&mut self, principal: &str, key: &str) -> Rowed<Option<Remembered>> {
        self.answer_under(principal, key).await
    }

    async fn remember(&mut self, idempotency: &Idempotency, kept: &Kept) -> Rowed<()> {
        self.keep_answer(idempotency, kept).await
    }

    async fn tidy_turn(&mut self) -> Rowed<bool> {
        self.turn_to_tidy().await
    }

    async fn ended_before(&mut self, before: Instant, limit: usize) -> Rowed<Vec<CallbackId>> {
        self.ended(before, limit).await
    }

    async fn remove_callbacks(&mut self, ids: &[CallbackId]) -> Rowed<()> {
        self.remove_with_all(ids).await
    }

    async fn remove_attempts_to(&mut self, key: &TargetKey) -> Rowed<()> {
        self.remove_ended_attempts(key).await
    }

    async fn remembered_after(
        &mut self,
        after: Option<(String, String)>,
        limit: usize,
    ) -> Rowed<Vec<(String, String, Remembered)>> {
        self.answers_after(after, limit).await
    }

    async fn forget(&mut self, principal: &str, key: &str) -> Rowed<()> {
        self.remove_answer(principal, key).await
    }

    async fn forget_remembered(&mut self, before: Instant, limit: usize) -> Rowed<usize> {
        self.forget_answers(before, limit).await
    }

    async fn append(&mut self, line: &Line) -> Rowed<()> {
        self.first_line.get_or_insert_with(|| line.clone());
        self.unsent.append(line.clone());
        Ok(())
    }

    async fn lines_after(&mut self, sequence: u64, limit: usize) -> Rowed<Vec<Line>> {
        self.lines(sequence, limit).await
    }

    async fn line(&mut self, sequence: u64) -> Rowed<Option<Line>> {
        self.one_line(sequence).await
    }

    async fn last_line(&mut self) -> Rowed<u64> {
        self.ledger_end().await
    }

    async fn outbox_cursor(&mut self) -> Rowed<Option<u64>> {
        self.cursor().await
    }

    async fn put_outbox_cursor(&mut self, sequence: u64) -> Rowed<()> {
        self.put_cursor(sequence).await
    }

    async fn webhooks(&mut self) -> Rowed<Vec<Webhook>> {
        self.all_webhooks().await
    }

    async fn webhook(&mut self, id: WebhookId) -> Rowed<Option<Webhook>> {
        self.one_webhook(id).await
    }

    async fn put_webhook(&mut self, webhook: &Webhook) -> Rowed<()> {
        self.write_webhook(webhook).await
    }

    async fn delete_webhook(&mut self, id: WebhookId) -> Rowed<()> {
        self.remove_webhook(id).await
    }

    async fn delivery(&mut self, id: DeliveryId) -> Rowed<Option<Delivery>> {
        self.one_delivery(id).await
    }

    async fn first_pending(
        &mut self,
        webhook: WebhookId,
        subject: Subject,
    ) -> Rowed<Option<Delivery>> {
        self.first_of_group(webhook, subject).await
    }

    async fn put_delivery(&mut self, delivery: &Delivery) -> Rowed<()> {
        self.write_delivery(delivery).await
    }

    async fn due_deliveries(&mut self, webhook: WebhookId, limit: usize) -> Rowed<Vec<Delivery>> {
        self.fronts(webhook, limit).await
    }

    async fn next_delivery(&mut self, webhook: WebhookId) -> Rowed<Option<Instant>> {
        self.next_front(webhook).await
    }

    async fn held_deliveries(&mut self, limit: usize) -> Rowed<Vec<Delivery>> {
        self.held(limit).await
    }

    async fn deliveries(
        &mut self,
        webhook: WebhookId,
        state: DeliveryState,
        before: Option<(Instant, DeliveryId)>,
        limit: usize,
    ) -> Rowed<Vec<Delivery>> {
        self.listed(webhook, state, before, limit).await
    }

    async fn pending_deliveries(
        &mut self,
        webhook: WebhookId,
        limit: usize,
    ) -> Rowed<(u64, Option<Instant>)> {
        self.pending(webhook, limit).await
    }

    async fn purge_settled(&mut self, before: Instant, limit: usize) -> Rowed<usize> {
        self.purge_before(before, limit).await
    }

    async fn purge_webhook(&mut self, webhook: WebhookId, limit: usize) -> Rowed<usize> {
        self.purge_of(webhook, limit).await
    }
}

fn count(row: Option<&tokio_postgres::Row>) -> Rowed<u32> {
    let Some(row) = row else { return Ok(0) };
    column::<i64>(row, "callbacks", "count").map(|count| u32::try_from(count).unwrap_or(u32::MAX))
}
