//! Webhooks, and what is on its way to them.
//!
//! One transaction at a time hands the ledger out: it holds the row of the cursor.
//! The deliveries of one webhook and subject have a lock, as a customer's line has: what settles
//! one, and so promotes the next, and what adds one do not pass each other by.
//! Whoever sends takes rows with SKIP LOCKED and needs no such lock.

use callback_domain::date::{self, Instant};
use callback_domain::id::{DeliveryId, WebhookId};
use callback_engine::ledger::{Line, Subject};
use callback_engine::store::Rowed;
use callback_engine::webhook::{Delivery, DeliveryState, Webhook};
use tokio_postgres::types::Json;
use uuid::Uuid;

use super::{PostgresRows, owned};
use crate::ledger;
use crate::locks::class;
use crate::records::{column, limit as sql_limit, record, records, signed, unsigned};

const CURSOR: &str = "/* PostgresRows::outbox_cursor */ SELECT one, cursor FROM outbox";
const CURSOR_LOCKED: &str =
    "/* PostgresRows::outbox_cursor lock */ SELECT one, cursor FROM outbox FOR UPDATE SKIP LOCKED";
const WEBHOOKS: &str = "/* PostgresRows::webhooks */ SELECT id, record FROM webhooks";
const WEBHOOKS_LOCKED: &str =
    "/* PostgresRows::webhooks lock */ SELECT id, record FROM webhooks FOR KEY SHARE";
const WEBHOOK: &str = "/* PostgresRows::webhook */ SELECT id, record FROM webhooks WHERE id = $1";
const WEBHOOK_LOCKED: &str = "/* PostgresRows::webhook lock */ \
    SELECT id, record FROM webhooks WHERE id = $1 FOR NO KEY UPDATE";
const LOCK_GROUP: &str = concat!(
    "/* PostgresRows::first_pending lock */ SELECT pg_advisory_xact_lock(",
    class!(deliveries),
    ", hashtext($1::uuid::text || $2::uuid::text))"
);
const LOCK_GROUP_OF: &str = concat!(
    "/* PostgresRows::delivery lock */ SELECT pg_advisory_xact_lock(",
    class!(deliveries),
    ", hashtext(webhook::text || subject::text)) FROM deliveries WHERE id = $1"
);
const DELIVERY: &str =
    "/* PostgresRows::delivery */ SELECT id, record FROM deliveries WHERE id = $1";
const DELIVERY_LOCKED: &str =
    "/* PostgresRows::delivery row */ SELECT id, record FROM deliveries WHERE id = $1 FOR UPDATE";
pub(crate) const FIRST_PENDING: &str = "/* PostgresRows::first_pending */ \
    SELECT id, record FROM deliveries \
    WHERE webhook = $1 AND subject = $2 AND state = 'Pending' ORDER BY sequence, id LIMIT 1 \
    FOR UPDATE";
const PUT: &str = "/* PostgresRows::put_delivery */ INSERT INTO deliveries \
    (id, webhook, sequence, subject, state, front_due, held, created_at, settled_at, record) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (id) DO UPDATE SET \
    state = excluded.state, front_due = excluded.front_due, held = excluded.held, \
    settled_at = excluded.settled_at, record = excluded.record";
pub(crate) const DUE: &str = "/* PostgresRows::due_deliveries */ \
    SELECT id, record FROM deliveries WHERE webhook = $1 AND front_due <= $2 \
    ORDER BY front_due, id LIMIT $3 FOR UPDATE SKIP LOCKED";
const NEXT: &str = "/* PostgresRows::next_delivery */ SELECT id, front_due FROM deliveries \
    WHERE webhook = $1 AND front_due IS NOT NULL ORDER BY front_due LIMIT 1";
const HELD: &str = "/* PostgresRows::held_deliveries */ SELECT id, record FROM deliveries \
    WHERE held ORDER BY id LIMIT $1";
pub(crate) const LISTED: &str = "/* PostgresRows::deliveries */ SELECT id, record FROM deliveries \
    WHERE webhook = $1 AND state = $2 AND (created_at, id) < ($3, $4) \
    ORDER BY created_at DESC, id DESC LIMIT $5";
const COUNT: &str = "/* PostgresRows::pending_deliveries */ SELECT count(*) FROM ( \
    SELECT FROM deliveries WHERE webhook = $1 AND state = 'Pending' LIMIT $2) AS pending";
const OLDEST: &str = "/* PostgresRows::pending_deliveries oldest */ \
    SELECT id, created_at FROM deliveries \
    WHERE webhook = $1 AND state = 'Pending' ORDER BY created_at, id LIMIT 1";
const PURGE_SETTLED: &str = "/* PostgresRows::purge_settled */ DELETE FROM deliveries \
    WHERE id IN (SELECT id FROM deliveries WHERE settled_at < $1 \
        LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING id";
const PURGE_WEBHOOK: &str = "/* PostgresRows::purge_webhook */ DELETE FROM deliveries \
    WHERE id IN (SELECT id FROM deliveries WHERE webhook = $1 LIMIT $2) RETURNING id";

impl PostgresRows<'_> {
    pub(super) async fn lines(&mut self, after: u64, limit: usize) -> Rowed<Vec<Line>> {
        match ledger::read(self.session, None, after, limit).await {
            Ok(rows) => rows.iter().map(ledger::line).collect(),
            Err(failure) => Err(self.fail(failure).await),
        }
    }

    pub(super) async fn one_line(&mut self, sequence: u64) -> Rowed<Option<Line>> {
        let sql = "/* PostgresRows::line */ SELECT * FROM ledger WHERE sequence = $1";
        let row = self.query_one(sql, &[&signed(sequence)]).await?;
        row.as_ref().map(ledger::line).transpose()
    }

    pub(super) async fn ledger_end(&mut self) -> Rowed<u64> {
        match ledger::end(self.session).await {
            Ok(end) => Ok(unsigned(end)),
            Err(failure) => Err(self.fail(failure).await),
        }
    }

    pub(super) async fn cursor(&mut self) -> Rowed<Option<u64>> {
        let sql = if self.locks { CURSOR_LOCKED } else { CURSOR };
        let row = self.query_one(sql, &[]).await?;
        row.map(|row| column(&row, "outbox", "cursor").map(unsigned)).transpose()
    }

    pub(super) async fn put_cursor(&mut self, sequence: u64) -> Rowed<()> {
        let sql = "/* PostgresRows::put_outbox_cursor */ UPDATE outbox SET cursor = $1";
        self.write(sql, owned![signed(sequence)]).await
    }

    pub(super) async fn all_webhooks(&mut self) -> Rowed<Vec<Webhook>> {
        let sql = if self.locks { WEBHOOKS_LOCKED } else { WEBHOOKS };
        let mut webhooks: Vec<Webhook> = records(&self.query(sql, &[]).await?, "webhooks")?;
        webhooks.sort_by_key(|webhook| (webhook.created_at, webhook.id));
        Ok(webhooks)
    }

    pub(super) async fn one_webhook(&mut self, id: WebhookId) -> Rowed<Option<Webhook>> {
        let sql = if self.locks { WEBHOOK_LOCKED } else { WEBHOOK };
        let row = self.query_one(sql, &[&id.0]).await?;
        row.map(|row| record(&row, "webhooks")).transpose()
    }

    pub(super) async fn write_webhook(&mut self, webhook: &Webhook) -> Rowed<()> {
        let sql = "/* PostgresRows::put_webhook */ INSERT INTO webhooks (id, record) \
            VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET record = excluded.record";
        self.write(sql, owned![webhook.id.0, Json(webhook.clone())]).await
    }

    pub(super) async fn remove_webhook(&mut self, id: WebhookId) -> Rowed<()> {
        let sql = "/* PostgresRows::delete_webhook */ DELETE FROM webhooks WHERE id = $1";
        self.write(sql, owned![id.0]).await
    }

    pub(super) async fn one_delivery(&mut self, id: DeliveryId) -> Rowed<Option<Delivery>> {
        let read = if self.locks { DELIVERY_LOCKED } else { DELIVERY };
        let (_, found) = self.lock_and_read((LOCK_GROUP_OF, &[&id.0]), (read, &[&id.0])).await?;
        found.first().map(|row| record(row, "deliveries")).transpose()
    }

    pub(super) async fn first_of_group(
        &mut self,
        webhook: WebhookId,
        subject: Subject,
    ) -> Rowed<Option<Delivery>> {
        let subject = subject.id();
        let group: &[crate::connection::Parameter<'_>] = &[&webhook.0, &subject];
        let (_, found) = self.lock_and_read((LOCK_GROUP, group), (FIRST_PENDING, group)).await?;
        found.first().map(|row| record(row, "deliveries")).transpose()
    }

    pub(super) async fn write_delivery(&mut self, delivery: &Delivery) -> Rowed<()> {
        let parameters = owned![
            delivery.id.0,
            delivery.webhook.0,
            signed(delivery.sequence),
            delivery.subject.id(),
            delivery.state.name(),
            delivery.front.then_some(delivery.due),
            delivery.lease.is_some(),
            delivery.created_at,
            delivery.settled_at,
            Json(delivery.clone()),
        ];
        self.write(PUT, parameters).await
    }

    pub(super) async fn fronts(
        &mut self,
        webhook: WebhookId,
        limit: usize,
    ) -> Rowed<Vec<Delivery>> {
        let now = self.now;
        records(&self.query(DUE, &[&webhook.0, &now, &sql_limit(limit)]).await?, "deliveries")
    }

    pub(super) async fn next_front(&mut self, webhook: WebhookId) -> Rowed<Option<Instant>> {
        let row = self.query_one(NEXT, &[&webhook.0]).await?;
        row.map(|row| column(&row, "deliveries", "front_due")).transpose()
    }

    pub(super) async fn held(&mut self, limit: usize) -> Rowed<Vec<Delivery>> {
        records(&self.query(HELD, &[&sql_limit(limit)]).await?, "deliveries")
    }

    pub(super) async fn listed(
        &mut self,
        webhook: WebhookId,
        state: DeliveryState,
        before: Option<(Instant, DeliveryId)>,
        limit: usize,
    ) -> Rowed<Vec<Delivery>> {
        let (at, id) = before.unwrap_or((date::LATEST, DeliveryId(Uuid::max())));
        let (state, limit) = (state.name(), sql_limit(limit));
        let parameters: &[crate::connection::Parameter<'_>] =
            &[&webhook.0, &state, &at, &id.0, &limit];
        records(&self.query(LISTED, parameters).await?, "deliveries")
    }

    pub(super) async fn pending(
        &mut self,
        webhook: WebhookId,
        limit: usize,
    ) -> Rowed<(u64, Option<Instant>)> {
        let row = self.query_one(COUNT, &[&webhook.0, &sql_limit(limit)]).await?;
        let count = row.map_or(Ok(0), |row| column(&row, "deliveries", "count"))?;
        let row = self.query_one(OLDEST, &[&webhook.0]).await?;
        let oldest = row.map(|row| column(&row, "deliveries", "created_at")).transpose()?;
        Ok((unsigned(count), oldest))
    }

    pub(super) async fn purge_before(&mut self, before: Instant, limit: usize) -> Rowed<usize> {
        Ok(self.query(PURGE_SETTLED, &[&before, &sql_limit(limit)]).await?.len())
    }

    pub(super) async fn purge_of(&mut self, webhook: WebhookId, limit: usize) -> Rowed<usize> {
        Ok(self.query(PURGE_WEBHOOK, &[&webhook.0, &sql_limit(limit)]).await?.len())
    }
}
