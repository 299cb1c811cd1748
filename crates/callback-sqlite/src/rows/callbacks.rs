//! Callbacks as rows: every scalar in a column of its own, the phase's facts as JSON.

mod record;

use std::sync::OnceLock;

use callback_domain::callback::Callback;
use callback_domain::id::{AgentId, CallbackId, ServiceId};
use callback_domain::target::TargetKey;
use rusqlite::{Connection, params, params_from_iter};

use super::queue::Standing;
use crate::error::Failure;
use crate::sql::{Answer, all, limit, one, unsigned, write};
use record::{Held, values};

pub(crate) use record::{TABLE, read};

/// Selects what [`read`] reads.
macro_rules! select_callbacks {
    ($($rest:literal),+) => {
        concat!("SELECT ", $crate::rows::callbacks::callback_columns!(), " FROM callbacks ", $($rest),+)
    };
}
/// The columns that [`read`] reads.
macro_rules! callback_columns {
    () => {
        "id, creator, initiator, initiating_session_id, service, target, \
             alternative_target, level, max_retries, seconds_between_retries, due, due_set_at, \
             description, external_task_id, incoming_service_sip_uri, context_url, supervisor, \
             caller_id, preferred_sip_uri, preferred_agent, hold_used_micros, \
             allowed_wait_seconds, retry_count, attempts, dialouts, failures, phase, settled, \
             created_at, updated_at, version"
    };
}
pub(crate) use {callback_columns, select_callbacks};

pub(crate) fn find(connection: &Connection, id: CallbackId) -> Answer<Option<Callback>> {
    one(connection, select_callbacks!("WHERE id = ?1"), params![id.0], read)
}

pub(crate) fn by_external_task_id(
    connection: &Connection,
    external_task_id: &str,
) -> Answer<Option<Callback>> {
    const NEWEST: &str =
        select_callbacks!("WHERE external_task_id = ?1 ORDER BY created_at DESC, id DESC LIMIT 1");
    one(connection, NEWEST, params![external_task_id], read)
}

/// Writes a new callback, which is ready or stands as its phase says.
pub(super) fn insert(connection: &Connection, callback: &Callback, ready: bool) -> Answer<()> {
    let mut values = values(callback);
    if ready {
        make_ready(&mut values);
    }
    let sql = INSERT.get_or_init(|| {
        let names: Vec<&str> = values.iter().map(|(name, _)| *name).collect();
        let marks = vec!["?"; values.len()].join(", ");
        format!("INSERT INTO callbacks ({}) VALUES ({marks})", names.join(", "))
    });
    write(connection, sql, params_from_iter(values.iter().map(|(_, value)| value)))?;
    Ok(())
}

/// The columns are always the same.
static INSERT: OnceLock<String> = OnceLock::new();

fn make_ready(values: &mut [(&'static str, Held<'_>)]) {
    for (name, value) in values {
        if *name == "standing" {
            *value = (Standing::Ready as i64).into();
        }
    }
}

/// What readiness hangs on beside the standing itself.
const POSITION: &[&str] = &["level", "target_key", "standing", "lane", "place"];

/// Writes the columns that differ, so that only their indexes are touched.
///
/// A callback that keeps its position keeps its readiness; one that gets another is parked until
/// its line is refreshed, unless that has been done and it is known to be ready.
pub(super) fn update(
    connection: &Connection,
    before: &Callback,
    callback: &Callback,
    ready: bool,
) -> Answer<()> {
    let (old, mut new) = (values(before), values(callback));
    if ready {
        make_ready(&mut new);
    }
    let pairs = || old.iter().zip(&new);
    let moved = pairs().any(|(old, new)| old != new && POSITION.contains(&new.0));
    let changed: Vec<_> = pairs()
        .filter(|(old, new)| old != new || (moved && new.0 == "standing"))
        .map(|(_, new)| new)
        .collect();
    if changed.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = changed.iter().map(|(name, _)| *name).collect();
    let sql = format!("UPDATE callbacks SET {} = ? WHERE id = ?", names.join(" = ?, "));
    let id = Held::from(callback.id.0);
    let bound = changed.iter().map(|(_, value)| value).chain([&id]);
    match write(connection, &sql, params_from_iter(bound))? {
        0 => Err(Failure::Corrupt {
            table: TABLE,
            column: "id",
            id: callback.id.to_string(),
            cause: "the row is missing".to_owned(),
        }),
        _ => Ok(()),
    }
}

pub(super) fn duplicate(
    connection: &Connection,
    service: ServiceId,
    key: &TargetKey,
) -> Answer<Option<CallbackId>> {
    const OLDEST: &str = "SELECT min(id) FROM callbacks \
        WHERE target_key = ?1 AND standing IN (0, 1, 2, 3) AND service = ?2";
    let found = one(connection, OLDEST, params![key.as_str(), service.0], |row| {
        Ok(row.get::<_, Option<uuid::Uuid>>(0)?)
    })?;
    Ok(found.flatten().map(CallbackId))
}

pub(super) fn live(
    connection: &Connection,
    service: ServiceId,
    after: Option<CallbackId>,
    rows: usize,
) -> Answer<Vec<Callback>> {
    const LIVE: &str =
        select_callbacks!("WHERE service = ?1 AND live = 1 AND id > ?2 ORDER BY id LIMIT ?3");
    let after = after.map(|after| after.0.into_bytes());
    let first: &[u8] = after.as_ref().map_or(&[], |after| after.as_slice());
    all(connection, LIVE, params![service.0, first, limit(rows)], read)
}

pub(super) fn held(
    connection: &Connection,
    agent: AgentId,
    service: Option<ServiceId>,
    rows: usize,
) -> Answer<Vec<Callback>> {
    const HELD: &str = select_callbacks!(
        "WHERE id IN (SELECT held.id FROM services CROSS JOIN callbacks held \
         ON held.service = services.id WHERE services.id = ifnull(?1, services.id) \
         AND held.standing IN (1, 2, 3) AND held.lane = ?2 AND held.place IS NOT NULL) \
         ORDER BY service, id LIMIT ?3"
    );
    let service = service.map(|service| service.0);
    all(connection, HELD, params![service, agent.0, limit(rows)], read)
}

/// How many callbacks of a service are pending or in the queue.
pub(super) fn queued(connection: &Connection, service: ServiceId) -> Answer<u64> {
    const COUNT: &str = "SELECT count(*) FROM callbacks \
        WHERE service = ?1 AND live = 1 AND phase_name IN ('Pending', 'InQueue')";
    let count = one(connection, COUNT, params![service.0], |row| Ok(row.get(0)?))?;
    Ok(unsigned(count.unwrap_or(0)))
}
