//! The suppression list as rows.

use callback_domain::date::{self, Instant};
use callback_domain::id::ServiceId;
use callback_domain::target::TargetKey;
use callback_engine::suppression::Suppression;
use rusqlite::{Connection, Row, params};
use uuid::Uuid;

use crate::sql::{Answer, Fields, all, limit, one, signed, unsigned, write};

const COLUMNS: &[&str] =
    &["sequence", "id", "target_key", "service", "reason", "until", "created_at"];

macro_rules! select_suppressions {
    ($rest:literal) => {
        concat!(
            "SELECT sequence, id, target_key, service, reason, until, created_at \
             FROM suppressions ",
            $rest
        )
    };
}

pub(super) fn read(row: &Row<'_>) -> Answer<Suppression> {
    let mut fields = Fields::new(row, "suppressions", COLUMNS);
    Ok(Suppression {
        sequence: unsigned(fields.take()?),
        id: fields.take()?,
        key: TargetKey::from_stored(fields.take()?),
        service_id: fields.take::<Option<Uuid>>()?.map(ServiceId),
        reason: fields.take()?,
        until: fields.maybe_instant()?,
        created_at: fields.instant()?,
    })
}

/// Those of a line that have not ended.
pub(super) fn standing(
    connection: &Connection,
    key: &TargetKey,
    now: Instant,
) -> Answer<Vec<Suppression>> {
    const STANDING: &str = select_suppressions!(
        "WHERE target_key = ?1 AND (until IS NULL OR until > ?2) ORDER BY sequence"
    );
    all(connection, STANDING, params![key.as_str(), date::micros(now)], read)
}

pub(crate) fn list(
    connection: &Connection,
    key: Option<&TargetKey>,
    after: u64,
    rows: usize,
) -> Answer<Vec<Suppression>> {
    const OF_ALL: &str = select_suppressions!("WHERE sequence > ?1 ORDER BY sequence LIMIT ?2");
    const OF_ONE: &str =
        select_suppressions!("WHERE target_key = ?3 AND sequence > ?1 ORDER BY sequence LIMIT ?2");
    let (after, rows) = (signed(after), limit(rows));
    match key {
        Some(key) => all(connection, OF_ONE, params![after, rows, key.as_str()], read),
        None => all(connection, OF_ALL, params![after, rows], read),
    }
}

pub(crate) fn find(connection: &Connection, id: Uuid) -> Answer<Option<Suppression>> {
    one(connection, select_suppressions!("WHERE id = ?1"), params![id], read)
}

pub(super) fn put(connection: &Connection, suppression: &Suppression) -> Answer<u64> {
    const PUT: &str = "INSERT INTO suppressions \
        (id, target_key, service, reason, until, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    write(
        connection,
        PUT,
        params![
            suppression.id,
            suppression.key.as_str(),
            suppression.service_id.map(|service| service.0),
            suppression.reason,
            suppression.until.map(date::micros),
            date::micros(suppression.created_at),
        ],
    )?;
    Ok(unsigned(connection.last_insert_rowid()))
}

/// Writes an entry under the number that it has elsewhere.
pub(super) fn put_as(
    connection: &Connection,
    sequence: u64,
    suppression: &Suppression,
) -> Answer<()> {
    const PUT: &str = "INSERT INTO suppressions \
        (sequence, id, target_key, service, reason, until, created_at) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    write(
        connection,
        PUT,
        params![
            signed(sequence),
            suppression.id,
            suppression.key.as_str(),
            suppression.service_id.map(|service| service.0),
            suppression.reason,
            suppression.until.map(date::micros),
            date::micros(suppression.created_at),
        ],
    )?;
    Ok(())
}

pub(super) fn delete(connection: &Connection, id: Uuid) -> Answer<Option<Suppression>> {
    let found = find(connection, id)?;
    if found.is_some() {
        write(connection, "DELETE FROM suppressions WHERE id = ?1", params![id])?;
    }
    Ok(found)
}
