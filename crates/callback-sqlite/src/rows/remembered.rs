//! Answers under idempotency keys.

use callback_domain::date::{self, Instant};
use callback_engine::remembered::{Kept, REMEMBERED_SECONDS};
use callback_engine::store::{Idempotency, Remembered};
use rusqlite::{Connection, params};

use crate::sql::{Answer, Fields, all, json, limit, one, write};

/// The oldest go first.
pub(crate) const FORGET: &str = "DELETE FROM idempotency WHERE rowid IN \
    (SELECT rowid FROM idempotency WHERE at <= ?1 ORDER BY at LIMIT ?2)";

pub(super) fn find(
    connection: &Connection,
    principal: &str,
    key: &str,
    now: Instant,
) -> Answer<Option<Remembered>> {
    const COLUMNS: &[&str] = &["key", "body_hash", "answer", "at"];
    const FIND: &str = "SELECT key, body_hash, answer, at FROM idempotency \
        WHERE principal = ?1 AND key = ?2 AND at > ?3";
    let oldest = date::micros(date::add_seconds(now, -REMEMBERED_SECONDS));
    one(connection, FIND, params![principal, key, oldest], |row| {
        let mut fields = Fields::new(row, "idempotency", COLUMNS);
        fields.take::<String>()?;
        let (body_hash, kept) = (fields.take()?, fields.json()?);
        Ok(Remembered { body_hash, kept, at: fields.instant()? })
    })
}

pub(super) fn put(
    connection: &Connection,
    idempotency: &Idempotency,
    kept: &Kept,
    now: Instant,
) -> Answer<()> {
    const PUT: &str = "INSERT INTO idempotency (principal, key, body_hash, answer, at) \
        VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (principal, key) DO UPDATE SET \
        body_hash = excluded.body_hash, answer = excluded.answer, at = excluded.at";
    let Idempotency { principal, key, body_hash } = idempotency;
    let answer = json("idempotency", kept)?;
    write(connection, PUT, params![principal, key, body_hash, answer, date::micros(now)])?;
    Ok(())
}

pub(super) fn forget(connection: &Connection, before: Instant, rows: usize) -> Answer<usize> {
    write(connection, FORGET, params![date::micros(before), limit(rows)])
}

pub(super) fn after(
    connection: &Connection,
    after: Option<&(String, String)>,
    rows: usize,
) -> Answer<Vec<(String, String, Remembered)>> {
    const COLUMNS: &[&str] = &["principal", "key", "body_hash", "answer", "at"];
    const AFTER: &str = "SELECT principal, key, body_hash, answer, at FROM idempotency \
        WHERE (principal, key) > (?1, ?2) ORDER BY principal, key LIMIT ?3";
    let (principal, key) = after.map_or(("", ""), |(principal, key)| (principal, key));
    all(connection, AFTER, params![principal, key, limit(rows)], |row| {
        let mut fields = Fields::new(row, "idempotency", COLUMNS);
        let (principal, key) = (fields.take()?, fields.take()?);
        let (body_hash, kept) = (fields.take()?, fields.json()?);
        Ok((principal, key, Remembered { body_hash, kept, at: fields.instant()? }))
    })
}

pub(super) fn drop(connection: &Connection, principal: &str, key: &str) -> Answer<()> {
    const DROP: &str = "DELETE FROM idempotency WHERE principal = ?1 AND key = ?2";
    write(connection, DROP, params![principal, key])?;
    Ok(())
}
