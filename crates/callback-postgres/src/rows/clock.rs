//! What is due, shared among nodes: what one has locked, the others pass over.

use callback_domain::attempt::Attempt;
use callback_domain::callback::Callback;
use callback_domain::date::{self, Instant};
use callback_domain::target::TargetKey;
use callback_engine::store::{Due, Rowed};
use tokio_postgres::Row;
use uuid::Uuid;

use super::PostgresRows;
use crate::connection::Parameter;
use crate::locks::class;
use crate::records::{column, limit as sql_limit, record, records};

/// How many times the limit is looked at for lines that nobody has locked.
const PASSED_OVER: i64 = 8;
/// The rest after which a node looks again at what others were moving, in microseconds.
const LOOK_AGAIN_MICROS: i64 = 100_000;
/// How far ahead the next deadline is looked for, in seconds.
macro_rules! window_seconds {
    () => {
        2
    };
}
const WINDOW_MICROS: i64 = window_seconds!() * 1_000_000;

/// Picks what is due and not settled in order, and of that what can be locked at once.
macro_rules! pick {
    ($name:literal, $id:literal, $table:literal, $at:literal) => {
        concat!(
            "/* PostgresRows::due ",
            $name,
            " */ SELECT id, key FROM (SELECT ",
            $id,
            " AS id, key FROM ",
            $table,
            " WHERE ",
            $at,
            " >= $4 AND ",
            $at,
            " <= $1 ORDER BY ",
            $at,
            ", ",
            $id,
            " LIMIT $3) AS due WHERE pg_try_advisory_xact_lock(",
            class!(line),
            ", hashtext(key)) LIMIT $2"
        )
    };
}

pub(crate) const CALLBACKS: &str = pick!("callbacks", "id", "callbacks", "deadline");
const ATTEMPTS: &str = pick!("attempts", "id", "attempts", "deadline");
const KEYS: &str = pick!("keys", "key", "key_wakes", "at");
const AGENTS: &str = "/* PostgresRows::due agents */ \
    SELECT id, record FROM agents WHERE deadline >= $3 AND deadline <= $1 \
    ORDER BY deadline, id LIMIT $2 \
    FOR UPDATE SKIP LOCKED";

// The locks were taken by the statement before, so what these read stands; not by the deadlines.
pub(crate) const CALLBACK_RECORDS: &str = "/* PostgresRows::due callback records */ \
    SELECT id, key, record FROM ( \
        SELECT id, key, record, deadline FROM callbacks WHERE id = ANY($1) OFFSET 0) AS due \
    WHERE deadline <= $2 ORDER BY deadline, id";
const ATTEMPT_RECORDS: &str = "/* PostgresRows::due attempt records */ \
    SELECT id, record FROM ( \
        SELECT id, record, deadline FROM attempts WHERE id = ANY($1) OFFSET 0) AS due \
    WHERE deadline <= $2 ORDER BY deadline, id";
const KEYS_STILL: &str = "/* PostgresRows::due keys still */ \
    SELECT key FROM (SELECT key, at FROM key_wakes WHERE key = ANY($1) OFFSET 0) AS due \
    WHERE at <= $2 ORDER BY at, key";

/// The end of the window in which the next deadline is looked for, when the driver looks again:
/// what was moved away from behind it may still be kept for some old snapshot.
macro_rules! window {
    () => {
        concat!("coalesce($1, statement_timestamp() + interval '", window_seconds!(), " seconds')")
    };
}

/// The earliest deadline that is not settled in the window, or its end.
pub(crate) const NEXT_SOON: &str = concat!(
    "/* PostgresRows::next_deadline */ SELECT clock_timestamp() AS now, least( \
    (SELECT deadline FROM callbacks WHERE deadline >= $2 AND deadline < ",
    window!(),
    " ORDER BY deadline LIMIT 1), \
    (SELECT deadline FROM attempts WHERE deadline >= $2 AND deadline < ",
    window!(),
    " ORDER BY deadline LIMIT 1), \
    (SELECT deadline FROM agents WHERE deadline >= $2 AND deadline < ",
    window!(),
    " ORDER BY deadline LIMIT 1), (SELECT at FROM key_wakes WHERE at >= $2 AND at < ",
    window!(),
    " ORDER BY at LIMIT 1), ",
    window!(),
    ") AS deadline"
);

/// The earliest deadline of all.
pub(crate) const NEXT_DEADLINE: &str = "/* PostgresStore::next_deadline */ SELECT least( \
    (SELECT deadline FROM callbacks WHERE deadline IS NOT NULL ORDER BY deadline LIMIT 1), \
    (SELECT deadline FROM attempts WHERE deadline IS NOT NULL ORDER BY deadline LIMIT 1), \
    (SELECT deadline FROM agents WHERE deadline IS NOT NULL ORDER BY deadline LIMIT 1), \
    (SELECT at FROM key_wakes ORDER BY at LIMIT 1)) AS deadline";

/// The open attempts that may be taken over: those of nodes that are gone.
const ABANDONED: &str = concat!(
    "/* PostgresRows::open_attempts abandoned */ SELECT attempts.id, key FROM attempts \
     LEFT JOIN nodes ON nodes.id = attempts.node \
     WHERE open AND nodes.until > $1 IS NOT TRUE \
       AND pg_try_advisory_xact_lock(",
    class!(line),
    ", hashtext(key))"
);
const OPEN: &str = "/* PostgresRows::open_attempts */ \
    SELECT attempts.id, record FROM attempts LEFT JOIN nodes ON nodes.id = attempts.node \
    WHERE open AND (nodes.until > $1 OR attempts.id = ANY($2) OR NOT $3) ORDER BY attempts.id";

/// The end of the window at an instant.
pub(crate) fn window_end(now: Instant) -> Option<Instant> {
    date::from_micros(date::micros(now).saturating_add(WINDOW_MICROS))
}

impl PostgresRows<'_> {
    pub(super) async fn what_is_due(&mut self, at: Instant, limit: usize) -> Rowed<Due> {
        if self.nothing_due.is_some_and(|known| at <= known) {
            return Ok(Due::default());
        }
        self.send_unsent().await?;
        let most = sql_limit(limit);
        let (callbacks, callback_lines) = self.pick(CALLBACKS, at, most).await?;
        if self.only_callbacks {
            self.lines.extend(callback_lines);
            let rows = self.read_due(CALLBACK_RECORDS, &callbacks, at).await?;
            let due = Due { callbacks: self.callbacks_held(&rows)?, ..Due::default() };
            return self.handed_out(due, at, limit).await;
        }
        let (attempts, attempt_lines) = self.pick(ATTEMPTS, at, most).await?;
        let settled = self.settled;
        let given: [Parameter<'_>; 4] = [&at, &most, &most.saturating_mul(PASSED_OVER), &settled];
        let key_rows = self.query(KEYS, &given).await?;
        let mut keys = Vec::with_capacity(key_rows.len());
        for row in &key_rows {
            keys.push(column::<String>(row, "key_wakes", "key")?);
        }
        let locked = keys.iter().cloned().map(TargetKey::from_stored);
        self.lines.extend(callback_lines.into_iter().chain(attempt_lines).chain(locked));

        let agents = self.query(AGENTS, &[&at, &most, &settled]).await?;
        let agents = self.keep_agents(&agents)?;
        let callbacks = self.read_due(CALLBACK_RECORDS, &callbacks, at).await?;
        let attempts = self.read_due(ATTEMPT_RECORDS, &attempts, at).await?;
        let keys = if keys.is_empty() {
            Vec::new()
        } else {
            self.query(KEYS_STILL, &[&keys, &at]).await?
        };
        let due = Due {
            callbacks: self.callbacks_held(&callbacks)?,
            attempts: records(&attempts, "attempts")?,
            agents,
            keys: keys
                .iter()
                .map(|row| column(row, "key_wakes", "key").map(TargetKey::from_stored))
                .collect::<Rowed<_>>()?,
        };
        let full = [due.callbacks.len(), due.attempts.len(), due.agents.len(), due.keys.len()];
        self.shared_the_due = full.into_iter().all(|found| found < limit);
        self.handed_out(due, at, limit).await
    }

    /// Keeps what is due for whoever asked.
    async fn handed_out(&mut self, due: Due, at: Instant, limit: usize) -> Rowed<Due> {
        self.nothing_due = (due.callbacks.len() < limit).then_some(at);
        self.keep_due(&due);
        let lines: Vec<TargetKey> =
            due.callbacks.iter().map(Callback::key).chain(due.keys.iter().cloned()).collect();
        self.read_lines_ahead(&lines).await?;
        Ok(due)
    }

    fn keep_due(&mut self, due: &Due) {
        for callback in &due.callbacks {
            self.callbacks.insert(callback.id, callback.clone());
        }
        for attempt in &due.attempts {
            self.attempts.insert(attempt.id, attempt.clone());
        }
    }

    async fn pick(
        &mut self,
        sql: &'static str,
        at: Instant,
        most: i64,
    ) -> Rowed<(Vec<Uuid>, Vec<TargetKey>)> {
        let settled = self.settled;
        let given: [Parameter<'_>; 4] = [&at, &most, &most.saturating_mul(PASSED_OVER), &settled];
        let rows = self.query(sql, &given).await?;
        let (mut ids, mut keys) = (Vec::new(), Vec::new());
        for row in &rows {
            ids.push(column(row, "callbacks", "id")?);
            keys.push(TargetKey::from_stored(column(row, "callbacks", "key")?));
        }
        Ok((ids, keys))
    }

    async fn read_due(&mut self, sql: &'static str, ids: &[Uuid], at: Instant) -> Rowed<Vec<Row>> {
        if ids.is_empty() { Ok(Vec::new()) } else { self.query(sql, &[&ids, &at]).await }
    }

    /// The earliest deadline, or when to look for it again; what others are moving just now is
    /// looked at again after a rest.
    pub(super) async fn earliest(&mut self) -> Rowed<Option<Instant>> {
        self.send_unsent().await?;
        let (end, settled) = (window_end(self.now), self.settled);
        let row = self.query_one(NEXT_SOON, &[&end, &settled]).await?;
        let at: Option<Instant> = match &row {
            Some(row) => column(row, "callbacks", "deadline")?,
            None => None,
        };
        let soon = date::from_micros(date::micros(self.now).saturating_add(LOOK_AGAIN_MICROS));
        Ok(match (at, soon) {
            (Some(at), Some(soon)) if self.shared_the_due && at <= self.now => Some(soon),
            (at, _) => at,
        })
    }

    /// Every open attempt, but of those of dead nodes only the ones that nobody is moving: they
    /// are locked, since they may be taken over.
    pub(super) async fn all_open_attempts(&mut self) -> Rowed<Vec<Attempt>> {
        let mut taken: Vec<Uuid> = Vec::new();
        if self.locks {
            for row in &self.query(ABANDONED, &[&self.now.clone()]).await? {
                taken.push(column(row, "attempts", "id")?);
                self.lines.insert(TargetKey::from_stored(column(row, "attempts", "key")?));
            }
        }
        let rows = self.query(OPEN, &[&self.now.clone(), &taken, &self.locks.clone()]).await?;
        rows.iter().map(|row| record(row, "attempts")).collect()
    }
}
