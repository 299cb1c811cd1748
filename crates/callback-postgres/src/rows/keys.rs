//! Access keys: a key is locked while it is changed, so that a note of its use undoes no revocation.

use callback_domain::id::KeyId;
use callback_engine::access::Key;
use callback_engine::store::Rowed;
use tokio_postgres::types::Json;

use super::{PostgresRows, owned};
use crate::records::{record, records};

/// Every access key, first to last.
pub(crate) const KEYS: &str = "/* PostgresRows::keys */ SELECT id, record FROM keys ORDER BY id";

const KEY: &str = "/* PostgresRows::key */ SELECT id, record FROM keys WHERE id = $1";
const KEY_LOCKED: &str =
    "/* PostgresRows::key lock */ SELECT id, record FROM keys WHERE id = $1 FOR UPDATE";
const PUT: &str = "/* PostgresRows::put_key */ \
    INSERT INTO keys (id, created_at, record) VALUES ($1, $2, $3) \
    ON CONFLICT (id) DO UPDATE SET record = excluded.record";

impl PostgresRows<'_> {
    pub(super) async fn one_key(&mut self, id: KeyId) -> Rowed<Option<Key>> {
        let sql = if self.locks { KEY_LOCKED } else { KEY };
        let row = self.query_one(sql, &[&id.0]).await?;
        row.map(|row| record(&row, "keys")).transpose()
    }

    pub(super) async fn all_keys(&mut self) -> Rowed<Vec<Key>> {
        records(&self.query(KEYS, &[]).await?, "keys")
    }

    pub(super) async fn write_key(&mut self, key: &Key) -> Rowed<()> {
        self.write(PUT, owned![key.id.0, key.created_at, Json(key.clone())]).await
    }
}
