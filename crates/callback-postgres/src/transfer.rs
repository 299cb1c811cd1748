//! A database as one end of a copy.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use callback_domain::date::{self, Instant};
use callback_domain::id::NodeId;
use callback_engine::store::StoreError;
use callback_engine::transfer::{End, Endpoint, Key, Kind, Progress, Record, Stage};
use tokio::time::sleep;
use tokio_postgres::Error;

use crate::connection::{Connector, Session};
use crate::failure::Failure;
use crate::locks::class;
use crate::migrations::migrate;
use crate::options::{OpenError, Options};
use crate::records::column;
use crate::rows::{PostgresRows, transfer as rows};

/// How often the lock that others share is tried.
const TRIES: u32 = 20;
/// The pause between tries.
const PAUSE: Duration = Duration::from_millis(100);

/// Every transaction that writes shares this lock, so nobody writes while it is held.
const KEEP_OUT: &str =
    concat!("/* transfer::hold */ SELECT pg_try_advisory_lock(", class!(shape), ", 0) AS held");
const PATIENCE: &str = "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0";
const PROGRESS: &str = "/* transfer::progress */ SELECT progress FROM transfer";
const LIVE_NODE: &str = "/* transfer::live_node */ \
    SELECT id, until FROM nodes WHERE until > clock_timestamp() ORDER BY until DESC LIMIT 1";
const IS_INSTALLED: &str =
    "/* transfer::open */ SELECT to_regclass('schema_version') IS NOT NULL AS installed";

/// A database as one end of a copy.
pub struct PostgresEndpoint {
    session: Session,
    is_held: bool,
}

impl std::fmt::Debug for PostgresEndpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresEndpoint").field("is_held", &self.is_held).finish_non_exhaustive()
    }
}

/// Where a copy into this database came from that was cut off.
pub(crate) async fn unfinished(session: &mut Session) -> Result<Option<String>, StoreError> {
    Ok(noted(session).await?.as_deref().and_then(Progress::unfinished))
}

async fn noted(session: &mut Session) -> Result<Option<String>, StoreError> {
    let rows = session.query(PROGRESS, &[]).await.map_err(Failure::into_error)?;
    rows.first().map(|row| column(row, "transfer", "progress")).transpose()
}

impl PostgresEndpoint {
    /// Opens a database, and makes its schema or brings it up to date first.
    ///
    /// # Errors
    /// As [`PostgresStore::connect`](crate::PostgresStore::connect), and when a source holds nothing.
    pub async fn open(address: &str, end: End, options: &Options) -> Result<Self, OpenError> {
        let connector = Arc::new(Connector::new(address, options)?);
        let mut session = connector.open().await.map_err(OpenError::connecting)?;
        if end == End::Source {
            let rows = session.query(IS_INSTALLED, &[]).await.map_err(Failure::into_error);
            let rows = rows.map_err(OpenError::connecting)?;
            let row = rows.first().ok_or(OpenError::Missing)?;
            let installed: bool =
                column(row, "pg_class", "installed").map_err(OpenError::connecting)?;
            if !installed {
                return Err(OpenError::Missing);
            }
        }
        migrate(&session.client).await?;
        Ok(Self { session, is_held: false })
    }

    async fn execute(&mut self, during: &'static str, sql: &str) -> Result<(), StoreError> {
        let done = self.session.client.batch_execute(sql).await;
        done.map_err(|error| Failure::of(during, &error).into_error())
    }

    /// Writes in one transaction.
    async fn write(&mut self, records: Records, progress: &Progress) -> Result<(), StoreError> {
        self.execute("beginning a batch", "BEGIN").await?;
        let written = self.write_all(records, progress).await;
        let end = if written.is_ok() { "COMMIT" } else { "ROLLBACK" };
        let ended = self.execute("ending a batch", end).await;
        written.and(ended)
    }

    async fn write_all(&mut self, records: Records, progress: &Progress) -> Result<(), StoreError> {
        // Nothing that is copied takes its time from the transaction.
        let mut rows = PostgresRows::writing(&mut self.session, date::EARLIEST);
        match records {
            Records::NoneButClear => rows.clear_nodes().await?,
            Records::These(records) => {
                for record in records {
                    rows.put_record(record).await?;
                }
            }
        }
        rows.note_progress(progress.to_text()).await?;
        rows.flush().await.map(|_| ())
    }
}

/// What is written with a note of the progress.
enum Records {
    NoneButClear,
    These(Vec<Record>),
}

#[async_trait]
impl Endpoint for PostgresEndpoint {
    async fn hold(&mut self, end: End) -> Result<(), StoreError> {
        const DURING: &str = "keeping other processes from writing";
        if self.is_held {
            return Ok(());
        }
        self.execute(DURING, PATIENCE).await?;
        for _ in 0..TRIES {
            let rows = self.session.query(KEEP_OUT, &[]).await.map_err(Failure::into_error)?;
            self.is_held = rows.first().map_or(Ok(false), |row| column(row, "pg_locks", "held"))?;
            if self.is_held {
                break;
            }
            sleep(PAUSE).await;
        }
        if !self.is_held {
            let cause = "another process is writing to the database, or copying it".to_owned();
            return Err(StoreError::Unavailable { during: DURING, cause });
        }
        if end == End::Source {
            // Every page of this run is of one picture.
            self.execute(DURING, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
        }
        Ok(())
    }

    async fn live_node(&mut self) -> Result<Option<(NodeId, Instant)>, StoreError> {
        let rows = self.session.query(LIVE_NODE, &[]).await.map_err(Failure::into_error)?;
        let Some(row) = rows.first() else { return Ok(None) };
        Ok(Some((NodeId(column(row, "nodes", "id")?), column(row, "nodes", "until")?)))
    }

    async fn count(&mut self, kind: Kind) -> Result<u64, StoreError> {
        rows::count(&mut self.session, kind).await
    }

    async fn page(
        &mut self,
        kind: Kind,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        rows::page(&mut self.session, kind, after, limit).await
    }

    async fn progress(&mut self) -> Result<Option<Progress>, StoreError> {
        let Some(text) = noted(&mut self.session).await? else { return Ok(None) };
        Progress::from_text(&text).map(Some).map_err(|cause| StoreError::Corrupt {
            table: "transfer",
            column: "progress",
            id: "true".to_owned(),
            cause,
        })
    }

    async fn begin(&mut self, progress: &Progress) -> Result<(), StoreError> {
        self.write(Records::NoneButClear, progress).await
    }

    async fn put(&mut self, records: Vec<Record>, progress: &Progress) -> Result<(), StoreError> {
        self.write(Records::These(records), progress).await?;
        if progress.stage == Stage::Comparing {
            // The planner knows nothing of what was just written.
            let analysed = self.session.client.batch_execute("ANALYZE").await;
            return analysed.map_err(|error: Error| Failure::of("analysing", &error).into_error());
        }
        Ok(())
    }
}
