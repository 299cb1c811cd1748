//! A file as one end of a copy.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use callback_domain::date::Instant;
use callback_domain::id::NodeId;
use callback_engine::clock::SystemClock;
use callback_engine::store::StoreError;
use callback_engine::transfer::{End, Endpoint, Key, Kind, Progress, Record};
use rusqlite::{Connection, TransactionBehavior};

use crate::connect::{self, Exclusive};
use crate::error::OpenError;
use crate::options::Options;
use crate::rows::transfer as rows;
use crate::sql::{Answer, one, write};

/// The page cache while a file is written, in KiB: what is copied touches every index everywhere.
const CACHE_KIB: i64 = 256 << 10;

/// A file as one end of a copy, used by this process alone.
pub struct SqliteEndpoint {
    // Closed before the lock is let go.
    connection: Option<Connection>,
    _exclusive: Exclusive,
}

impl std::fmt::Debug for SqliteEndpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteEndpoint").finish_non_exhaustive()
    }
}

/// Where a copy into this file came from that was cut off.
pub(crate) fn unfinished(connection: &Connection) -> Result<Option<String>, OpenError> {
    match connection.query_row(PROGRESS, [], |row| row.get::<_, String>(0)) {
        Ok(text) => Ok(Progress::unfinished(&text)),
        Err(rusqlite::Error::QueryReturnedNoRows) => Ok(None),
        Err(source) => {
            Err(OpenError::Sqlite { during: "looking for a copy that was cut off", source })
        }
    }
}

const PROGRESS: &str = "SELECT progress FROM transfer";
const NOTE: &str = "INSERT INTO transfer (one, progress) VALUES (1, ?1) \
    ON CONFLICT (one) DO UPDATE SET progress = excluded.progress";

impl SqliteEndpoint {
    /// Opens a file, and makes one that is to be written; blocks while it does.
    ///
    /// # Errors
    /// As [`SqliteStore::open`](crate::SqliteStore::open), and when a source is not there.
    pub fn open(path: impl AsRef<Path>, end: End) -> Result<Self, OpenError> {
        let path = connect::resolved(path.as_ref());
        if end == End::Source && !path.is_file() {
            return Err(OpenError::Missing { path });
        }
        let exclusive = Exclusive::take(&path)?;
        let connection = connect::writer(&path, &Options::new(Arc::new(SystemClock)))?;
        connection
            .pragma_update(None, "cache_size", -CACHE_KIB)
            .map_err(|source| OpenError::Sqlite { during: "setting up the connection", source })?;
        Ok(Self { connection: Some(connection), _exclusive: exclusive })
    }

    /// Works on the connection on a thread that may block.
    async fn with<T: Send + 'static>(
        &mut self,
        during: &'static str,
        work: impl FnOnce(&mut Connection) -> Answer<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let gone = |cause: String| StoreError::Unavailable { during, cause };
        let Some(mut connection) = self.connection.take() else {
            return Err(gone("an earlier use of the file was cut off".to_owned()));
        };
        let worked = tokio::task::spawn_blocking(move || {
            let answer = work(&mut connection);
            (connection, answer)
        });
        let (connection, answer) = worked.await.map_err(|stopped| gone(stopped.to_string()))?;
        self.connection = Some(connection);
        answer.map_err(|failure| failure.during(during))
    }
}

#[async_trait]
impl Endpoint for SqliteEndpoint {
    async fn hold(&mut self, end: End) -> Result<(), StoreError> {
        self.with("beginning a copy", move |connection| {
            if end == End::Source {
                connection.pragma_update(None, "query_only", true)?;
            }
            Ok(())
        })
        .await
    }

    /// The lock on the file says more than leases.
    async fn live_node(&mut self) -> Result<Option<(NodeId, Instant)>, StoreError> {
        Ok(None)
    }

    async fn count(&mut self, kind: Kind) -> Result<u64, StoreError> {
        self.with("counting records", move |connection| rows::count(connection, kind)).await
    }

    async fn page(
        &mut self,
        kind: Kind,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        let after = after.cloned();
        self.with("reading records", move |connection| {
            rows::page(connection, kind, after.as_ref(), limit)
        })
        .await
    }

    async fn progress(&mut self) -> Result<Option<Progress>, StoreError> {
        let during = "reading how far a copy has come";
        let text =
            self.with(during, |connection| one(connection, PROGRESS, [], |row| Ok(row.get(0)?)));
        let Some(text) = text.await? else { return Ok(None) };
        let text: String = text;
        Progress::from_text(&text).map(Some).map_err(|cause| StoreError::Corrupt {
            table: "transfer",
            column: "progress",
            id: "1".to_owned(),
            cause,
        })
    }

    async fn begin(&mut self, progress: &Progress) -> Result<(), StoreError> {
        let text = progress.to_text();
        self.with("beginning a copy", move |connection| {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            rows::clear(&transaction)?;
            write(&transaction, NOTE, [text])?;
            Ok(transaction.commit()?)
        })
        .await
    }

    async fn put(&mut self, records: Vec<Record>, progress: &Progress) -> Result<(), StoreError> {
        let text = progress.to_text();
        self.with("writing records", move |connection| {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            for record in &records {
                rows::put(&transaction, record)?;
            }
            write(&transaction, NOTE, [text])?;
            Ok(transaction.commit()?)
        })
        .await
    }
}
