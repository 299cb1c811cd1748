//! Webhooks, and what is on its way to them.

use callback_domain::date::{self, Instant};
use callback_domain::id::{DeliveryId, WebhookId};
use callback_engine::ledger::Subject;
use callback_engine::webhook::{Delivery, DeliveryState, Webhook};
use rusqlite::{Connection, Row, params};
use serde::de::DeserializeOwned;

use crate::sql::{Answer, Fields, all, json, limit, one, signed, unsigned, write};

pub(crate) const DUE: &str = "SELECT id, body FROM deliveries \
    WHERE webhook = ?1 AND front_due <= ?2 ORDER BY front_due, id LIMIT ?3";
pub(crate) const NEXT: &str = "SELECT front_due FROM deliveries \
    WHERE webhook = ?1 AND front_due IS NOT NULL ORDER BY front_due LIMIT 1";
pub(crate) const FIRST_PENDING: &str = "SELECT id, body FROM deliveries \
    WHERE webhook = ?1 AND subject = ?2 AND state = 'Pending' ORDER BY sequence, id LIMIT 1";
pub(crate) const LISTED: &str = "SELECT id, body FROM deliveries \
    WHERE webhook = ?1 AND state = ?2 AND (created_at, id) < (?3, ?4) \
    ORDER BY created_at DESC, id DESC LIMIT ?5";
pub(crate) const SETTLED: &str = "SELECT id FROM deliveries WHERE settled_at < ?1 LIMIT ?2";

pub(super) fn cursor(connection: &Connection) -> Answer<Option<u64>> {
    let cursor = one(connection, "SELECT cursor FROM outbox", [], |row| Ok(row.get::<_, i64>(0)?))?;
    Ok(cursor.map(unsigned))
}

pub(super) fn put_cursor(connection: &Connection, sequence: u64) -> Answer<()> {
    write(connection, "UPDATE outbox SET cursor = ?1", params![signed(sequence)])?;
    Ok(())
}

pub(super) fn webhooks(connection: &Connection) -> Answer<Vec<Webhook>> {
    let mut found: Vec<Webhook> =
        all(connection, "SELECT id, body FROM webhooks", [], |row| body(row, "webhooks"))?;
    found.sort_by_key(|webhook| (webhook.created_at, webhook.id));
    Ok(found)
}

pub(super) fn webhook(connection: &Connection, id: WebhookId) -> Answer<Option<Webhook>> {
    const FIND: &str = "SELECT id, body FROM webhooks WHERE id = ?1";
    one(connection, FIND, params![id.0], |row| body(row, "webhooks"))
}

pub(super) fn put_webhook(connection: &Connection, webhook: &Webhook) -> Answer<()> {
    const PUT: &str = "INSERT INTO webhooks (id, body) VALUES (?1, ?2) \
        ON CONFLICT (id) DO UPDATE SET body = excluded.body";
    write(connection, PUT, params![webhook.id.0, json("webhooks", webhook)?])?;
    Ok(())
}

pub(super) fn delete_webhook(connection: &Connection, id: WebhookId) -> Answer<()> {
    write(connection, "DELETE FROM webhooks WHERE id = ?1", params![id.0])?;
    Ok(())
}

pub(super) fn delivery(connection: &Connection, id: DeliveryId) -> Answer<Option<Delivery>> {
    const FIND: &str = "SELECT id, body FROM deliveries WHERE id = ?1";
    one(connection, FIND, params![id.0], |row| body(row, "deliveries"))
}

pub(super) fn first_pending(
    connection: &Connection,
    webhook: WebhookId,
    subject: Subject,
) -> Answer<Option<Delivery>> {
    let of = params![webhook.0, subject.id()];
    one(connection, FIRST_PENDING, of, |row| body(row, "deliveries"))
}

pub(super) fn put(connection: &Connection, delivery: &Delivery) -> Answer<()> {
    const PUT: &str = "INSERT INTO deliveries \
        (id, webhook, sequence, subject, state, front_due, held, created_at, settled_at, body) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (id) DO UPDATE SET \
        state = excluded.state, front_due = excluded.front_due, held = excluded.held, \
        settled_at = excluded.settled_at, body = excluded.body";
    write(
        connection,
        PUT,
        params![
            delivery.id.0,
            delivery.webhook.0,
            signed(delivery.sequence),
            delivery.subject.id(),
            delivery.state.name(),
            delivery.front.then(|| date::micros(delivery.due)),
            delivery.lease.is_some(),
            date::micros(delivery.created_at),
            delivery.settled_at.map(date::micros),
            json("deliveries", delivery)?,
        ],
    )?;
    Ok(())
}

pub(super) fn due(
    connection: &Connection,
    webhook: WebhookId,
    now: Instant,
    rows: usize,
) -> Answer<Vec<Delivery>> {
    let of = params![webhook.0, date::micros(now), limit(rows)];
    all(connection, DUE, of, |row| body(row, "deliveries"))
}

pub(super) fn next(connection: &Connection, webhook: WebhookId) -> Answer<Option<Instant>> {
    one(connection, NEXT, params![webhook.0], |row| {
        Fields::new(row, "deliveries", &["front_due"]).instant()
    })
}

pub(super) fn held(connection: &Connection, rows: usize) -> Answer<Vec<Delivery>> {
    const HELD: &str = "SELECT id, body FROM deliveries WHERE held = 1 ORDER BY id LIMIT ?1";
    all(connection, HELD, params![limit(rows)], |row| body(row, "deliveries"))
}

pub(super) fn listed(
    connection: &Connection,
    webhook: WebhookId,
    state: DeliveryState,
    before: Option<(Instant, DeliveryId)>,
    rows: usize,
) -> Answer<Vec<Delivery>> {
    let (at, id) = before.unwrap_or((date::LATEST, DeliveryId::from_u128(u128::MAX)));
    let of = params![webhook.0, state.name(), date::micros(at), id.0, limit(rows)];
    all(connection, LISTED, of, |row| body(row, "deliveries"))
}

pub(super) fn pending(
    connection: &Connection,
    webhook: WebhookId,
    rows: usize,
) -> Answer<(u64, Option<Instant>)> {
    const COUNT: &str = "SELECT count(*) FROM (SELECT 1 FROM deliveries \
        WHERE webhook = ?1 AND state = 'Pending' LIMIT ?2)";
    const OLDEST: &str = "SELECT created_at FROM deliveries \
        WHERE webhook = ?1 AND state = 'Pending' ORDER BY created_at, id LIMIT 1";
    let of = params![webhook.0, limit(rows)];
    let count = one(connection, COUNT, of, |row| Ok(row.get::<_, i64>(0)?))?;
    let oldest = one(connection, OLDEST, params![webhook.0], |row| {
        Fields::new(row, "deliveries", &["created_at"]).instant()
    })?;
    Ok((count.map_or(0, unsigned), oldest))
}

pub(super) fn purge_settled(
    connection: &Connection,
    before: Instant,
    rows: usize,
) -> Answer<usize> {
    let purge = format!("DELETE FROM deliveries WHERE id IN ({SETTLED})");
    write(connection, &purge, params![date::micros(before), limit(rows)])
}

pub(super) fn purge_webhook(
    connection: &Connection,
    webhook: WebhookId,
    rows: usize,
) -> Answer<usize> {
    const PURGE: &str = "DELETE FROM deliveries WHERE id IN \
        (SELECT id FROM deliveries WHERE webhook = ?1 LIMIT ?2)";
    write(connection, PURGE, params![webhook.0, limit(rows)])
}

pub(super) fn body<T: DeserializeOwned>(row: &Row<'_>, table: &'static str) -> Answer<T> {
    let mut fields = Fields::new(row, table, &["id", "body"]);
    fields.take::<uuid::Uuid>()?;
    fields.json()
}
