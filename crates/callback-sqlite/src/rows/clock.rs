//! What the clock moves: deadlines, lines to be looked at again, leases of nodes.

use callback_domain::date::{self, Instant};
use callback_domain::id::NodeId;
use callback_domain::target::TargetKey;
use callback_engine::store::Due;
use rusqlite::{Connection, params};
use uuid::Uuid;

use super::callbacks::{self, select_callbacks};
use super::{agents, attempts};
use crate::sql::{Answer, Fields, all, limit, one, write};

/// Seconds after which the lapsed lease of a node is forgotten.
const FORGOTTEN_SECONDS: i64 = 86_400;

pub(crate) const DUE_CALLBACKS: &str =
    select_callbacks!("WHERE deadline <= ?1 ORDER BY deadline, id LIMIT ?2");

pub(super) fn due(connection: &Connection, at: Instant, rows: usize) -> Answer<Due> {
    const ATTEMPTS: &str =
        "SELECT id, body FROM attempts WHERE deadline <= ?1 ORDER BY deadline, id LIMIT ?2";
    const AGENTS: &str =
        "SELECT id, body FROM agents WHERE deadline <= ?1 ORDER BY deadline, id LIMIT ?2";
    const KEYS: &str =
        "SELECT target_key FROM key_wakes WHERE at <= ?1 ORDER BY at, target_key LIMIT ?2";
    let params = params![date::micros(at), limit(rows)];
    Ok(Due {
        callbacks: all(connection, DUE_CALLBACKS, params, callbacks::read)?,
        attempts: all(connection, ATTEMPTS, params, attempts::read)?,
        agents: all(connection, AGENTS, params, agents::read)?,
        keys: all(connection, KEYS, params, |row| Ok(TargetKey::from_stored(row.get(0)?)))?,
    })
}

pub(crate) fn next_deadline(connection: &Connection) -> Answer<Option<Instant>> {
    const TABLES: &[&str] = &[
        "SELECT deadline FROM callbacks WHERE deadline IS NOT NULL ORDER BY deadline LIMIT 1",
        "SELECT deadline FROM attempts WHERE deadline IS NOT NULL ORDER BY deadline LIMIT 1",
        "SELECT deadline FROM agents WHERE deadline IS NOT NULL ORDER BY deadline LIMIT 1",
        "SELECT at FROM key_wakes ORDER BY at LIMIT 1",
    ];
    let mut earliest: Option<Instant> = None;
    for sql in TABLES {
        let found =
            one(connection, sql, [], |row| Fields::new(row, "deadlines", &["deadline"]).instant())?;
        earliest = match (earliest, found) {
            (Some(known), Some(at)) => Some(known.min(at)),
            (known, at) => known.or(at),
        };
    }
    Ok(earliest)
}

pub(super) fn wake_key(connection: &Connection, key: &TargetKey, at: Instant) -> Answer<()> {
    const WAKE: &str = "INSERT INTO key_wakes (target_key, at) VALUES (?1, ?2) \
        ON CONFLICT (target_key) DO UPDATE SET at = excluded.at WHERE excluded.at < at";
    write(connection, WAKE, params![key.as_str(), date::micros(at)])?;
    Ok(())
}

pub(super) fn unwake_key(connection: &Connection, key: &TargetKey) -> Answer<()> {
    write(connection, "DELETE FROM key_wakes WHERE target_key = ?1", params![key.as_str()])?;
    Ok(())
}

pub(super) fn node_lease(connection: &Connection, node: NodeId) -> Answer<Option<Instant>> {
    const FIND: &str = "SELECT id, until FROM nodes WHERE id = ?1";
    one(connection, FIND, params![node.0], |row| {
        let mut fields = Fields::new(row, "nodes", &["id", "until"]);
        fields.take::<Uuid>()?;
        fields.instant()
    })
}

pub(super) fn put_node_lease(
    connection: &Connection,
    node: NodeId,
    until: Instant,
    now: Instant,
) -> Answer<()> {
    const PUT: &str = "INSERT INTO nodes (id, until) VALUES (?1, ?2) \
        ON CONFLICT (id) DO UPDATE SET until = excluded.until";
    let oldest = date::add_seconds(now, -FORGOTTEN_SECONDS);
    write(connection, "DELETE FROM nodes WHERE until < ?1", params![date::micros(oldest)])?;
    write(connection, PUT, params![node.0, date::micros(until)])?;
    Ok(())
}
