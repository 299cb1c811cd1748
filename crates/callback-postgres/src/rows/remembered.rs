//! Answers that are remembered under the keys of those who may ask again.

use callback_domain::date;
use callback_engine::remembered::{Kept, REMEMBERED_SECONDS};
use callback_engine::store::{Idempotency, Remembered, Rowed};
use tokio_postgres::types::Json;

use super::{PostgresRows, owned};
use crate::locks::class;
use crate::records::{column, record};

const LOCK_IDEMPOTENCY: &str = concat!(
    "/* PostgresRows::remembered lock */ SELECT pg_advisory_xact_lock(",
    class!(idempotency),
    ", hashtext($1 || chr(31) || $2))"
);
const REMEMBERED: &str = "/* PostgresRows::remembered */ SELECT principal, body_hash, at, record \
    FROM remembered WHERE principal = $1 AND key = $2 AND at > $3";
const REMEMBER: &str = "/* PostgresRows::remember */ \
    INSERT INTO remembered (principal, key, body_hash, at, record) VALUES ($1, $2, $3, $4, $5) \
    ON CONFLICT (principal, key) DO UPDATE SET body_hash = excluded.body_hash, at = excluded.at, \
        record = excluded.record";

impl PostgresRows<'_> {
    pub(super) async fn answer_under(
        &mut self,
        principal: &str,
        key: &str,
    ) -> Rowed<Option<Remembered>> {
        let oldest = date::add_seconds(self.now, -REMEMBERED_SECONDS);
        let (_, rows) = self
            .lock_and_read(
                (LOCK_IDEMPOTENCY, &[&principal, &key]),
                (REMEMBERED, &[&principal, &key, &oldest]),
            )
            .await?;
        let Some(row) = rows.first() else { return Ok(None) };
        Ok(Some(Remembered {
            body_hash: column(row, "remembered", "body_hash")?,
            kept: record(row, "remembered")?,
            at: column(row, "remembered", "at")?,
        }))
    }

    pub(super) async fn keep_answer(
        &mut self,
        idempotency: &Idempotency,
        kept: &Kept,
    ) -> Rowed<()> {
        let parameters = owned![
            idempotency.principal.clone(),
            idempotency.key.clone(),
            idempotency.body_hash.clone(),
            self.now,
            Json(kept.clone()),
        ];
        self.write(REMEMBER, parameters).await
    }

    pub(super) async fn remove_answer(&mut self, principal: &str, key: &str) -> Rowed<()> {
        let sql = "/* PostgresRows::forget */ DELETE FROM remembered \
            WHERE principal = $1 AND key = $2";
        self.write(sql, owned![principal.to_owned(), key.to_owned()]).await
    }
}
