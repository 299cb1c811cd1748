//! Callbacks whose time is over, and everything that was written about them.

use callback_domain::date::{self, Instant};
use callback_domain::id::CallbackId;
use callback_domain::target::TargetKey;
use rusqlite::{Connection, params};
use uuid::Uuid;

use crate::sql::{Answer, all, limit, write};

/// Earliest first.
pub(crate) const ENDED: &str = "SELECT id FROM callbacks WHERE live = 0 AND updated_at < ?1 \
    AND NOT EXISTS (SELECT 1 FROM attempts WHERE callback = callbacks.id AND open = 1) \
    ORDER BY updated_at, id LIMIT ?2";
pub(crate) const REMOVE: [&str; 4] = [
    "DELETE FROM deliveries WHERE subject = ?1",
    "DELETE FROM history WHERE subject = ?1 AND subject_kind = 0",
    "DELETE FROM attempts WHERE callback = ?1",
    "DELETE FROM callbacks WHERE id = ?1",
];

pub(super) fn ended(
    connection: &Connection,
    before: Instant,
    rows: usize,
) -> Answer<Vec<CallbackId>> {
    all(connection, ENDED, params![date::micros(before), limit(rows)], |row| {
        Ok(CallbackId(row.get::<_, Uuid>(0)?))
    })
}

pub(super) fn remove(connection: &Connection, ids: &[CallbackId]) -> Answer<()> {
    for id in ids {
        for sql in REMOVE {
            write(connection, sql, params![id.0])?;
        }
    }
    Ok(())
}

pub(super) fn remove_attempts_to(connection: &Connection, key: &TargetKey) -> Answer<()> {
    const GONE: &str = "DELETE FROM attempts WHERE target_key = ?1 AND open = 0";
    write(connection, GONE, params![key.as_str()])?;
    Ok(())
}
