//! The store: commands to the writer, reads to the readers.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use callback_domain::agent::Agent;
use callback_domain::attempt::Attempt;
use callback_domain::callback::Callback;
use callback_domain::date::Instant;
use callback_domain::id::CallbackId;
use callback_domain::search::{Cursor, Query};
use callback_domain::service::Service;
use callback_domain::target::TargetKey;
use callback_engine::access::Key;
use callback_engine::command::{Command, Done};
use callback_engine::commits::Commits;
use callback_engine::error::Error;
use callback_engine::intervals::Interval;
use callback_engine::ledger::{Line, Subject};
use callback_engine::store::{Store, StoreError};
use callback_engine::suppression::Suppression;
use uuid::Uuid;

use crate::connect::{self, Exclusive};
use crate::error::OpenError;
use crate::health::Health;
use crate::intervals;
use crate::options::Options;
use crate::readers::Readers;
use crate::recent::Recent;
use crate::rows::{agents, attempts, callbacks, clock, keys, ledger, services, suppressions};
use crate::search;
use crate::transfer;
use crate::writer::Writer;

/// An installation in one SQLite file, used by this process alone.
///
/// Dropping it finishes the commands that were accepted, and closes the file.
pub struct SqliteStore {
    // Dropped first: a writer that closes last leaves no log behind.
    readers: Readers,
    writer: Writer,
    health: Arc<Health>,
    recent: Arc<Recent>,
    installation: Uuid,
    path: PathBuf,
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore").field("path", &self.path).finish_non_exhaustive()
    }
}

impl SqliteStore {
    /// Opens the file, or makes it; blocks while it does.
    ///
    /// # Errors
    /// When another process uses it, when it is not a database of this program or one of a newer
    /// program, and when SQLite cannot open it.
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Self, OpenError> {
        let path = connect::resolved(path.as_ref());
        let exclusive = Arc::new(Exclusive::take(&path)?);
        let connection = connect::writer(&path, &options)?;
        if let Some(from) = transfer::unfinished(&connection)? {
            return Err(OpenError::Unfinished { path, from });
        }
        let installation = connection
            .query_row("SELECT id FROM installation", [], |row| row.get(0))
            .map_err(|source| OpenError::Sqlite { during: "reading the installation", source })?;
        let readers = (0..options.readers.max(1))
            .map(|_| connect::reader(&path, &options))
            .collect::<Result<Vec<_>, _>>()?;
        let health = Arc::new(Health::new(options.clock));
        let readers = Readers::new(readers, Arc::clone(&exclusive));
        let recent = Arc::new(Recent::default());
        let writer =
            Writer::start(connection, Arc::clone(&health), Arc::clone(&recent), exclusive)?;
        Ok(Self { readers, writer, health, recent, installation, path })
    }

    /// Copies the log of recent writes into the file and empties it.
    ///
    /// # Errors
    /// When a reader keeps the log in use, or the disk fails.
    pub async fn checkpoint(&self) -> Result<(), StoreError> {
        self.writer.checkpoint().await
    }

    /// Writes the installation as it is now into a new file, while it goes on working.
    ///
    /// # Errors
    /// When the file exists already and is not empty, or cannot be written.
    pub async fn backup(&self, to: impl Into<PathBuf>) -> Result<(), StoreError> {
        const DURING: &str = "writing a backup";
        let (from, to) = (self.path.clone(), to.into());
        let written = tokio::task::spawn_blocking(move || connect::copy(&from, &to)).await;
        let unavailable = |cause: String| StoreError::Unavailable { during: DURING, cause };
        written.map_err(|stopped| unavailable(stopped.to_string()))?.map_err(unavailable)
    }

    /// Limits the pages of 4 KiB that the file may have, from now on.
    ///
    /// # Errors
    /// When the writer has stopped.
    pub async fn limit_pages(&self, pages: u32) -> Result<(), StoreError> {
        self.writer.limit_pages(pages).await
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn run(&self, command: Command) -> Result<Done, Error> {
        if command.what.only_looks() {
            return self.readers.run(Arc::clone(&self.health), command).await;
        }
        self.writer.run(command).await
    }

    async fn now(&self) -> Result<Instant, StoreError> {
        Ok(self.health.now())
    }

    fn is_exclusive(&self) -> bool {
        true
    }

    fn fault(&self) -> Option<String> {
        self.health.fault()
    }

    fn commits(&self) -> &Commits {
        &self.health.commits
    }

    async fn installation(&self) -> Result<Uuid, StoreError> {
        Ok(self.installation)
    }

    async fn callback(&self, id: CallbackId) -> Result<Option<Callback>, StoreError> {
        let missed = match self.recent.find(id) {
            Ok(found) => return Ok(Some(Arc::unwrap_or_clone(found))),
            Err(missed) => missed,
        };
        let find = move |rows: &_| callbacks::find(rows, id);
        let found = self.readers.look("reading a callback", find).await?.map(Arc::new);
        if let Some(found) = &found {
            self.recent.keep(missed, Arc::clone(found));
        }
        Ok(found.map(Arc::unwrap_or_clone))
    }

    async fn callback_by_external_task_id(
        &self,
        external_task_id: &str,
    ) -> Result<Option<Callback>, StoreError> {
        let external_task_id = external_task_id.to_owned();
        self.readers
            .look("reading a callback", move |rows| {
                callbacks::by_external_task_id(rows, &external_task_id)
            })
            .await
    }

    async fn page(
        &self,
        query: &Query,
        after: Option<&Cursor>,
        offset: u64,
        limit: usize,
    ) -> Result<Vec<Callback>, StoreError> {
        let search = search::page(query, after, offset, limit);
        self.readers.read("searching callbacks", move |rows| search.callbacks(rows)).await
    }

    async fn count(&self, query: &Query) -> Result<u64, StoreError> {
        let search = search::count(query);
        self.readers.read("counting callbacks", move |rows| search.number(rows)).await
    }

    async fn services(&self) -> Result<Vec<Service>, StoreError> {
        self.readers.read("reading services", services::by_name).await
    }

    async fn agents(&self) -> Result<Vec<Agent>, StoreError> {
        self.readers.read("reading users", agents::by_name).await
    }

    async fn attempts(&self, callback: CallbackId) -> Result<Vec<Attempt>, StoreError> {
        self.readers.read("reading attempts", move |rows| attempts::of(rows, callback)).await
    }

    async fn ledger(
        &self,
        subject: Option<Subject>,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Line>, StoreError> {
        self.readers
            .read("reading the ledger", move |rows| ledger::lines(rows, subject, after, limit))
            .await
    }

    async fn suppressions(
        &self,
        key: Option<&TargetKey>,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Suppression>, StoreError> {
        let key = key.cloned();
        self.readers
            .read("reading suppressions", move |rows| {
                suppressions::list(rows, key.as_ref(), after, limit)
            })
            .await
    }

    async fn suppression(&self, id: Uuid) -> Result<Option<Suppression>, StoreError> {
        self.readers.read("reading a suppression", move |rows| suppressions::find(rows, id)).await
    }

    async fn intervals(&self, from: Instant, hours: u32) -> Result<Vec<Interval>, StoreError> {
        self.readers.read("reading the hours", move |rows| intervals::of(rows, from, hours)).await
    }

    async fn keys(&self) -> Result<Vec<Key>, StoreError> {
        self.readers.read("reading keys", keys::list).await
    }

    async fn next_deadline(&self) -> Result<Option<Instant>, StoreError> {
        self.readers.read("reading the next deadline", clock::next_deadline).await
    }
}
