//! Attempts as rows: the whole as JSON, and columns to find them by.

use callback_domain::attempt::Attempt;
use callback_domain::date::{self, Instant};
use callback_domain::id::{AttemptId, CallbackId};
use callback_domain::target::TargetKey;
use rusqlite::{Connection, Row, params};
use uuid::Uuid;

use crate::sql::{Answer, Fields, all, json, one, write};

const TABLE: &str = "attempts";

pub(super) fn read(row: &Row<'_>) -> Answer<Attempt> {
    let mut fields = Fields::new(row, TABLE, &["id", "body"]);
    fields.take::<Uuid>()?;
    fields.json()
}

pub(super) fn find(connection: &Connection, id: AttemptId) -> Answer<Option<Attempt>> {
    one(connection, "SELECT id, body FROM attempts WHERE id = ?1", params![id.0], read)
}

pub(crate) fn of(connection: &Connection, callback: CallbackId) -> Answer<Vec<Attempt>> {
    const OF: &str = "SELECT id, body FROM attempts WHERE callback = ?1 ORDER BY number";
    all(connection, OF, params![callback.0], read)
}

pub(super) fn open(connection: &Connection) -> Answer<Vec<Attempt>> {
    const OPEN: &str = "SELECT id, body FROM attempts WHERE open = 1 ORDER BY id";
    all(connection, OPEN, [], read)
}

/// Most writes to a row that is there change the body alone; then no index is touched.
pub(super) fn put(connection: &Connection, attempt: &Attempt, is_stored: bool) -> Answer<()> {
    const BODY: &str = "UPDATE attempts SET body = ?2 WHERE id = ?1 \
        AND customer_requested_at IS ?3 AND deadline IS ?4 AND open = ?5";
    const WHOLE: &str = "INSERT INTO attempts (id, body, customer_requested_at, deadline, open, \
        callback, number, target_key) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) \
        ON CONFLICT (id) DO UPDATE SET body = excluded.body, \
        customer_requested_at = excluded.customer_requested_at, deadline = excluded.deadline, \
        open = excluded.open";
    let body = json(TABLE, attempt)?;
    let requested = attempt.customer_requested_at.map(date::micros);
    let deadline = attempt.deadline().map(date::micros);
    let is_open = attempt.is_open();
    let short = params![attempt.id.0, body, requested, deadline, is_open];
    if is_stored && write(connection, BODY, short)? > 0 {
        return Ok(());
    }
    let key = attempt.key();
    write(
        connection,
        WHOLE,
        params![
            attempt.id.0,
            body,
            requested,
            deadline,
            is_open,
            attempt.callback.0,
            attempt.number,
            key.as_str(),
        ],
    )?;
    Ok(())
}

pub(super) fn dialouts_since(
    connection: &Connection,
    key: &TargetKey,
    since: Instant,
    limit: u32,
) -> Answer<Vec<Instant>> {
    const SINCE: &str = "SELECT customer_requested_at FROM attempts \
        WHERE target_key = ?1 AND customer_requested_at > ?2 \
        ORDER BY customer_requested_at DESC LIMIT ?3";
    all(connection, SINCE, params![key.as_str(), date::micros(since), limit], |row| {
        Fields::new(row, TABLE, &["customer_requested_at"]).instant()
    })
}
