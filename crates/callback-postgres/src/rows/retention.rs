//! What is kept for a time, and removed by whoever has the turn.

use callback_domain::date::Instant;
use callback_domain::id::CallbackId;
use callback_domain::target::TargetKey;
use callback_engine::store::{Remembered, Rowed};
use tokio_postgres::Row;
use uuid::Uuid;

use super::{PostgresRows, owned};
use crate::locks::class;
use crate::records::{column, limit as sql_limit, record};

const TURN: &str = concat!(
    "/* PostgresRows::tidy_turn */ SELECT 0 AS id, pg_try_advisory_xact_lock(",
    class!(tidying),
    ", 0) AS turn"
);
/// The oldest go first.
pub(crate) const FORGET: &str = "/* PostgresRows::forget_remembered */ \
    WITH gone AS (DELETE FROM remembered WHERE ctid = ANY(ARRAY( \
        SELECT ctid FROM remembered WHERE at <= $1 ORDER BY at LIMIT $2)) RETURNING 1) \
    SELECT 0 AS id, count(*) FROM gone";

/// Earliest first.
pub(crate) const ENDED: &str = "/* PostgresRows::ended_before */ \
    SELECT id FROM callbacks WHERE phase = 'Terminated' AND updated_at < $1 \
      AND NOT EXISTS (SELECT FROM attempts WHERE callback = callbacks.id AND open) \
    ORDER BY updated_at, id LIMIT $2";
const REMOVE: [&str; 4] = [
    "/* PostgresRows::remove deliveries */ DELETE FROM deliveries WHERE subject = ANY($1)",
    "/* PostgresRows::remove lines */ \
        DELETE FROM ledger WHERE subject = ANY($1) AND kind = 'Callback'",
    "/* PostgresRows::remove attempts */ DELETE FROM attempts WHERE callback = ANY($1)",
    "/* PostgresRows::remove callbacks */ DELETE FROM callbacks WHERE id = ANY($1)",
];

impl PostgresRows<'_> {
    pub(super) async fn ended(&mut self, before: Instant, limit: usize) -> Rowed<Vec<CallbackId>> {
        self.send_unsent().await?;
        let rows = self.query(ENDED, &[&before, &sql_limit(limit)]).await?;
        rows.iter().map(|row| column(row, "callbacks", "id").map(CallbackId)).collect()
    }

    pub(super) async fn remove_with_all(&mut self, ids: &[CallbackId]) -> Rowed<()> {
        if ids.is_empty() {
            return Ok(());
        }
        self.send_unsent().await?;
        for id in ids {
            self.callbacks.remove(id);
        }
        self.attempts.retain(|_, attempt| !ids.contains(&attempt.callback));
        for sql in REMOVE {
            let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
            self.write(sql, owned![ids]).await?;
        }
        Ok(())
    }

    pub(super) async fn turn_to_tidy(&mut self) -> Rowed<bool> {
        let row = self.query_one(TURN, &[]).await?;
        row.map_or(Ok(false), |row| column(&row, "locks", "turn"))
    }

    pub(super) async fn forget_answers(&mut self, before: Instant, limit: usize) -> Rowed<usize> {
        let row = self.query_one(FORGET, &[&before, &sql_limit(limit)]).await?;
        let count = row.map_or(Ok(0), |row| column::<i64>(&row, "remembered", "count"))?;
        Ok(usize::try_from(count).unwrap_or(0))
    }

    pub(super) async fn remove_ended_attempts(&mut self, key: &TargetKey) -> Rowed<()> {
        const GONE: &str = "/* PostgresRows::remove_attempts_to */ \
            DELETE FROM attempts WHERE key = $1 AND NOT open";
        self.send_unsent().await?;
        self.attempts.retain(|_, attempt| attempt.is_open());
        self.write(GONE, owned![key.as_str().to_owned()]).await
    }

    pub(super) async fn answers_after(
        &mut self,
        after: Option<(String, String)>,
        limit: usize,
    ) -> Rowed<Vec<(String, String, Remembered)>> {
        const AFTER: &str = "/* PostgresRows::remembered_after */ \
            SELECT principal, key, body_hash, at, record FROM remembered \
            WHERE (principal, key) > ($1, $2) ORDER BY principal, key LIMIT $3";
        let (principal, key) = after.unwrap_or_default();
        let rows = self.query(AFTER, &[&principal, &key, &sql_limit(limit)]).await?;
        let whole = |row: &Row| {
            let known = Remembered {
                body_hash: column(row, "remembered", "body_hash")?,
                kept: record(row, "remembered")?,
                at: column(row, "remembered", "at")?,
            };
            Ok((column(row, "remembered", "principal")?, column(row, "remembered", "key")?, known))
        };
        rows.iter().map(whole).collect()
    }
}
