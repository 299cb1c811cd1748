//! A customer's line: its lock, its callbacks, and which of them are ready.

use std::collections::BTreeSet;

use callback_domain::callback::{Callback, Phase};
use callback_domain::date::Instant;
use callback_domain::id::{CallbackId, ServiceId};
use callback_domain::target::TargetKey;
use callback_engine::store::{Gate, Rowed};
use tokio_postgres::Row;
use uuid::Uuid;

use super::{OPEN_LANE, PostgresRows};
use crate::locks::class;
use crate::records::{column, limit as sql_limit, record};

/// Locks the lines of keys.
pub(super) const LOCK_LINES: &str = concat!(
    "/* PostgresRows::lock_lines */ SELECT key, pg_advisory_xact_lock(",
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

const LIVE: &str = "/* PostgresRows::live_callbacks */ \
    SELECT id, key FROM callbacks WHERE service = $1 AND phase <> 'Terminated' AND id > $2 \
    ORDER BY id LIMIT $3";

const LIVE_RECORDS: &str = "/* PostgresRows::live_callbacks records */ \
    SELECT id, key, record FROM callbacks WHERE id = ANY($1) AND phase <> 'Terminated' ORDER BY id";

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
        if let Some(known) = self.callbacks.get(&id) {
            return Ok(Some(known.clone()));
        }
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
        if self.queues.is_unsure(id) && self.locks && !ready {
            return Err(self
                .conflict("PostgresRows::callback", "the head of a queue was taken")
                .await);
        }
        let callback: Callback = record(row, "callbacks")?;
        self.callbacks.insert(id, callback.clone());
        Ok(Some(callback))
    }

    /// Writes a callback, which stands ready in its line only when it did so elsewhere.
    pub(super) fn insert(&mut self, callback: &Callback, ready: bool) {
        self.note_deadline(callback.deadline().map(|(at, _)| at));
        self.callbacks.insert(callback.id, callback.clone());
        self.unsent.insert(callback.clone(), ready);
    }

    pub(super) fn update(&mut self, before: &Callback, callback: &Callback) {
        self.note_deadline(callback.deadline().map(|(at, _)| at));
        self.queues.leave(before);
        self.callbacks.insert(callback.id, callback.clone());
        self.unsent.update(before, callback.clone());
    }

    /// What was written may have become due meanwhile.
    pub(super) fn note_deadline(&mut self, deadline: Option<Instant>) {
        let Some(deadline) = deadline else { return };
        self.earliest_written =
            Some(self.earliest_written.map_or(deadline, |earliest| earliest.min(deadline)));
        if self.nothing_due.is_some_and(|at| deadline <= at) {
            self.nothing_due = None;
        }
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
        self.send_unsent().await?;
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

    pub(super) fn refresh_line(&mut self, key: &TargetKey, gate: &Gate) {
        if gate.closed {
            self.queues.close(key);
        } else {
            self.queues.forget();
        }
        self.unsent.refresh(key.clone(), gate.clone());
    }
}

/// Where a callback stands in the queue, as its columns say it.
#[derive(PartialEq)]
pub(super) struct Standing {
    pub(super) place: Option<Instant>,
    pub(super) lane: Uuid,
    pub(super) backed_off: bool,
}

impl Standing {
    /// Whether it waits without back-off.
    pub(super) const fn waits(&self) -> bool {
        self.place.is_some() && !self.backed_off
    }

    pub(super) fn of(callback: &Callback) -> Self {
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
