//! What is kept for a time, and removed by whoever has the turn.

use callback_domain::date::Instant;
use callback_engine::store::Rowed;

use super::PostgresRows;
use crate::locks::class;
use crate::records::{column, limit as sql_limit};

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

impl PostgresRows<'_> {
    pub(super) async fn turn_to_tidy(&mut self) -> Rowed<bool> {
        let row = self.query_one(TURN, &[]).await?;
        row.map_or(Ok(false), |row| column(&row, "locks", "turn"))
    }

    pub(super) async fn forget_answers(&mut self, before: Instant, limit: usize) -> Rowed<usize> {
        let row = self.query_one(FORGET, &[&before, &sql_limit(limit)]).await?;
        let count = row.map_or(Ok(0), |row| column::<i64>(&row, "remembered", "count"))?;
        Ok(usize::try_from(count).unwrap_or(0))
    }
}
