//! A customer's line: its lock, its callbacks, and which of them are ready.

use std::collections::BTreeSet;

use callback_domain::callback::{Callback, Phase};
use callback_domain::id::{AgentId, CallbackId, ServiceId};
use callback_domain::picking::{Heads, OrderKey};
use callback_domain::priority::Priority;
use callback_domain::target::TargetKey;
use callback_engine::store::{Gate, Rowed};
use tokio_postgres::Row;
use tokio_postgres::types::Json;
use uuid::Uuid;

use super::{OPEN_LANE, PostgresRows, owned};
use crate::failure::Failure;
use crate::locks::class;
use crate::records::{column, corrupt, limit as sql_limit, record, signed};

/// Locks the lines of keys.
const LOCK_LINES: &str = concat!(
    "/* PostgresRows::lock_lines */ SELECT pg_advisory_xact_lock(",
    class!(line),
    ", hashtext(key)) FROM unnest($1::text[]) AS key"
);

const LOCK_LINE_OF: &str = concat!(
    "/* PostgresRows::callback lock */ SELECT key, pg_advisory_xact_lock(",
    class!(line),
    ", hashtext(key)) FROM callbacks WHERE id = $1"
);

const CALLBACK: &str =
    "/* PostgresRows::callback */ SELECT id, key, ready, record FROM callbacks WHERE id = $1";

const INSERT: &str = "/* PostgresRows::insert_callback */ \
    INSERT INTO callbacks (id, service, key, phase, priority, due, place, lane, backed_off, ready, \
        deadline, agent, reason, creator, external_task_id, caller_id, created_at, updated_at, \
        version, record) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $20, $10, $11, $12, $13, $14, $15, $16, $17, \
        $18, $19)";

const UPDATE: &str = "/* PostgresRows::update_callback */ \
    UPDATE callbacks SET key = $2, phase = $3, priority = $4, due = $5, place = $6, lane = $7, \
        backed_off = $8, ready = ready AND $9, deadline = $10, agent = $11, reason = $12, \
        caller_id = $13, updated_at = $14, version = $15, record = $16 \
    WHERE id = $1 AND version = $17";

const LIVE: &str = "/* PostgresRows::live_callbacks */ \
    SELECT id, key FROM callbacks WHERE service = $1 AND phase <> 'Terminated' AND id > $2 \
    ORDER BY id LIMIT $3";

const LIVE_RECORDS: &str = "/* PostgresRows::live_callbacks records */ \
    SELECT id, key, record FROM callbacks WHERE id = ANY($1) AND phase <> 'Terminated' ORDER BY id";

/// The front of each group of a key, found from group to group however many wait in each; then
/// whatever is ready and should not be, and the reverse, is turned over.
pub(crate) const REFRESH: &str = "/* PostgresRows::refresh */ \
    WITH RECURSIVE front AS ( \
        (SELECT id, service, lane, priority, ready FROM callbacks \
         WHERE key = $1 AND place IS NOT NULL AND NOT backed_off \
         ORDER BY service, lane, priority, place, id LIMIT 1) \
        UNION ALL \
        SELECT next.* FROM front CROSS JOIN LATERAL \
        (SELECT id, service, lane, priority, ready FROM callbacks \
         WHERE key = $1 AND place IS NOT NULL AND NOT backed_off \
           AND (service, lane, priority) > (front.service, front.lane, front.priority) \
         ORDER BY service, lane, priority, place, id LIMIT 1) AS next \
    ), open AS ( \
        SELECT id, service, lane, ready FROM front WHERE NOT $2 AND service <> ALL($3) \
    ), turned AS ( \
        UPDATE callbacks SET ready = NOT ready WHERE id = ANY(ARRAY( \
            SELECT id FROM open WHERE NOT ready \
            UNION ALL \
            SELECT id FROM callbacks WHERE key = $1 AND ready AND id NOT IN (SELECT id FROM open))) \
    ) \
    SELECT id, service, lane FROM open";

/// One seek for each level, among what is ready only.
pub(crate) const HEADS: &str = "/* PostgresRows::heads */ \
    SELECT head.id, level::smallint AS priority, head.place \
    FROM generate_series(0, 8) AS level CROSS JOIN LATERAL ( \
        SELECT id, place FROM callbacks \
        WHERE ready AND service = $1 AND lane = $2 AND priority = level::smallint \
        ORDER BY place, id LIMIT 1) AS head";

impl PostgresRows<'_> {
    /// Locks a customer's line until the end of the transaction.
    pub(super) async fn lock_line(&mut self, key: &TargetKey) -> Rowed<()> {
        self.lock_lines(std::slice::from_ref(key)).await
    }

    pub(super) async fn lock_lines(&mut self, keys: &[TargetKey]) -> Rowed<()> {
        let missing: BTreeSet<&TargetKey> =
            keys.iter().filter(|key| self.locks && !self.lines.contains(*key)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let texts: Vec<&str> = missing.iter().map(|key| key.as_str()).collect();
        let missing: Vec<TargetKey> = missing.into_iter().cloned().collect();
        self.query(LOCK_LINES, &[&texts]).await?;
        self.lines.extend(missing);
        Ok(())
    }

    /// Whether the line of a row is locked, when this transaction locks.
    pub(super) fn holds(&self, key: &TargetKey) -> bool {
        !self.locks || self.lines.contains(key)
    }

    pub(super) async fn one_callback(&mut self, id: CallbackId) -> Rowed<Option<Callback>> {
        let (locked, mut found) =
            self.lock_and_read((LOCK_LINE_OF, &[&id.0]), (CALLBACK, &[&id.0])).await?;
        for row in &locked {
            self.lines.insert(TargetKey::from_stored(column(row, "callbacks", "key")?));
        }
        loop {
            let Some(row) = found.first() else { return Ok(None) };
            let key = TargetKey::from_stored(column(row, "callbacks", "key")?);
            if self.holds(&key) {
                break;
            }
            // Its target was edited while the line was awaited.
            self.lock_line(&key).await?;
            found = self.query(CALLBACK, &[&id.0]).await?;
        }
        let Some(row) = found.first() else { return Ok(None) };
        let ready: bool = column(row, "callbacks", "ready")?;
        if self.heads.remove(&id) && self.locks && !ready {
            let gone = Failure::conflict("PostgresRows::callback", "the head of a queue was taken");
            return Err(self.fail(gone).await);
        }
        record(row, "callbacks").map(Some)
    }

    pub(super) async fn insert(&mut self, callback: &Callback) -> Rowed<()> {
        self.insert_as(callback, false).await
    }

    /// Writes a callback that stands in its line as it stood elsewhere.
    pub(super) async fn insert_as(&mut self, callback: &Callback, ready: bool) -> Rowed<()> {
        let at = Standing::of(callback);
        let parameters = owned![
            callback.id.0,
            callback.service.0,
            callback.key().as_str().to_owned(),
            callback.phase_name().name(),
            i16::from(callback.priority.level()),
            callback.due,
            at.place,
            at.lane,
            at.backed_off,
            callback.deadline().map(|(at, _)| at),
            callback.agent().map(|agent| agent.0),
            callback.termination_reason().map(|reason| reason.name()),
            callback.creator.name(),
            callback.external_task_id.clone(),
            callback.caller_id.clone(),
            callback.created_at,
            callback.updated_at,
            signed(callback.version),
            Json(callback.clone()),
            ready,
        ];
        self.write(INSERT, parameters).await
    }

    pub(super) async fn update(&mut self, before: &Callback, callback: &Callback) -> Rowed<()> {
        let at = Standing::of(callback);
        let stays = before.key() == callback.key()
            && before.priority == callback.priority
            && Standing::of(before) == at;
        let parameters = owned![
            callback.id.0,
            callback.key().as_str().to_owned(),
            callback.phase_name().name(),
            i16::from(callback.priority.level()),
            callback.due,
            at.place,
            at.lane,
            at.backed_off,
            stays,
            callback.deadline().map(|(at, _)| at),
            callback.agent().map(|agent| agent.0),
            callback.termination_reason().map(|reason| reason.name()),
            callback.caller_id.clone(),
            callback.updated_at,
            signed(callback.version),
            Json(callback.clone()),
            signed(before.version),
        ];
        self.write_guarded(UPDATE, parameters, "the callback has moved on").await
    }

    /// The live callbacks of a service after an id; fewer than the limit only when there are no more.
    pub(super) async fn live(
        &mut self,
        service: ServiceId,
        after: Option<CallbackId>,
        limit: usize,
    ) -> Rowed<Vec<Callback>> {
        let mut after = after.map_or(Uuid::nil(), |after| after.0);
        let mut found: Vec<Callback> = Vec::new();
        while found.len() < limit {
            let left = sql_limit(limit - found.len());
            let rows = self.query(LIVE, &[&service.0, &after, &left]).await?;
            let Some(last) = rows.last() else { break };
            after = column(last, "callbacks", "id")?;
            let ids = self.lock_lines_of(&rows, "callbacks").await?;
            let rows = self.query(LIVE_RECORDS, &[&ids]).await?;
            found.extend(self.callbacks_held(&rows)?);
        }
        Ok(found)
    }

    /// Locks the lines of rows and answers their identities.
    async fn lock_lines_of(&mut self, rows: &[Row], table: &'static str) -> Rowed<Vec<Uuid>> {
        let (mut ids, mut keys) = (Vec::new(), Vec::new());
        for row in rows {
            ids.push(column(row, table, "id")?);
            keys.push(TargetKey::from_stored(column(row, table, "key")?));
        }
        self.lock_lines(&keys).await?;
        Ok(ids)
    }

    /// The callbacks of rows whose lines are locked; others have moved to another line just now.
    pub(super) fn callbacks_held(&self, rows: &[Row]) -> Rowed<Vec<Callback>> {
        let mut found = Vec::with_capacity(rows.len());
        for row in rows {
            if self.holds(&TargetKey::from_stored(column(row, "callbacks", "key")?)) {
                found.push(record(row, "callbacks")?);
            }
        }
        Ok(found)
    }

    pub(super) async fn heads_of(
        &mut self,
        service: ServiceId,
        lane: Option<AgentId>,
    ) -> Rowed<Heads> {
        self.lock_passes(&[service]).await?;
        let lane = lane.map_or(OPEN_LANE, |agent| agent.0);
        let rows = self.query(HEADS, &[&service.0, &lane]).await?;
        let mut heads = Heads::default();
        for row in &rows {
            let level: i16 = column(row, "callbacks", "priority")?;
            let priority = u8::try_from(level).ok().and_then(Priority::from_level);
            let Some(priority) = priority else {
                return Err(corrupt(row, "callbacks", "priority", format!("{level} is none")));
            };
            let id = CallbackId(column(row, "callbacks", "id")?);
            self.heads.insert(id);
            heads.offer(priority, OrderKey { at: column(row, "callbacks", "place")?, id });
        }
        Ok(heads)
    }

    pub(super) async fn refresh_line(
        &mut self,
        key: &TargetKey,
        gate: &Gate,
    ) -> Rowed<Vec<(ServiceId, Option<AgentId>)>> {
        self.lock_line(key).await?;
        let closed: Vec<Uuid> = gate.closed_services.iter().map(|service| service.0).collect();
        let rows = self.query(REFRESH, &[&key.as_str(), &gate.closed, &closed]).await?;
        let mut lanes = Vec::with_capacity(rows.len());
        for row in &rows {
            let lane: Uuid = column(row, "callbacks", "lane")?;
            let lane = (lane != OPEN_LANE).then_some(AgentId(lane));
            lanes.push((ServiceId(column(row, "callbacks", "service")?), lane));
        }
        Ok(lanes)
    }
}

/// Where a callback stands in the queue, as its columns say it.
#[derive(PartialEq)]
struct Standing {
    place: Option<callback_domain::date::Instant>,
    lane: Uuid,
    backed_off: bool,
}

impl Standing {
    fn of(callback: &Callback) -> Self {
        match &callback.phase {
            Phase::InQueue { place, held_for, not_before, .. } => Self {
                place: Some(*place),
                lane: held_for.map_or(OPEN_LANE, |agent| agent.0),
                backed_off: not_before.is_some(),
            },
            Phase::Pending
            | Phase::Offered { .. }
            | Phase::Preview { .. }
            | Phase::Dialout { .. }
            | Phase::Connected { .. }
            | Phase::Terminated { .. } => Self { place: None, lane: OPEN_LANE, backed_off: false },
        }
    }
}
