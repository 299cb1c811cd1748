//! The schema, as a list that only grows.

use tokio_postgres::Client;

use crate::OpenError;
use crate::locks::SCHEMA;

/// Every change of the schema, oldest first; what was released is never edited.
const MIGRATIONS: &[&str] = &[include_str!("migrations/0001.sql")];

/// The version of the schema that this program reads and writes.
pub(crate) const VERSION: usize = MIGRATIONS.len();

/// Brings a database to [`VERSION`]; of several processes one does it and the others wait.
pub(crate) async fn migrate(client: &Client) -> Result<(), OpenError> {
    let failed = OpenError::migrating;
    client
        .batch_execute("BEGIN; SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0")
        .await
        .map_err(failed)?;
    let lock = "/* migrate */ SELECT pg_advisory_xact_lock($1, 0)";
    client.execute(lock, &[&SCHEMA]).await.map_err(failed)?;
    let table =
        "/* migrate */ CREATE TABLE IF NOT EXISTS schema_version (version integer NOT NULL)";
    client.batch_execute(table).await.map_err(failed)?;
    let read = "/* migrate */ SELECT coalesce(max(version), 0) FROM schema_version";
    let stored: i32 = client.query_one(read, &[]).await.map_err(failed)?.get(0);
    let found = usize::try_from(stored).unwrap_or(usize::MAX);
    let Some(missing) = MIGRATIONS.get(found..) else {
        return Err(OpenError::NewerSchema { found, known: VERSION });
    };
    for migration in missing {
        client.batch_execute(migration).await.map_err(failed)?;
    }
    if !missing.is_empty() {
        let version = i32::try_from(VERSION).unwrap_or(i32::MAX);
        client.execute("/* migrate */ DELETE FROM schema_version", &[]).await.map_err(failed)?;
        let note = "/* migrate */ INSERT INTO schema_version VALUES ($1)";
        client.execute(note, &[&version]).await.map_err(failed)?;
    }
    // A database that was restored into a younger server counts its transactions anew. Only then
    // is anything touched: other nodes pick from these queues while this one starts.
    let forget = "/* migrate */ UPDATE passes SET floors = NULL, horizon = NULL \
        WHERE horizon > pg_snapshot_xmax(pg_current_snapshot())";
    client.execute(forget, &[]).await.map_err(failed)?;
    client.batch_execute("COMMIT").await.map_err(failed)
}
