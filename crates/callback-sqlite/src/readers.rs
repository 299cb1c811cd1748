//! Connections that only read: each read borrows one, off the runtime's own threads.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use callback_engine::command::{Command, Done};
use callback_engine::error::Error;
use callback_engine::store::StoreError;
use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::connect::Exclusive;
use crate::error::Failure;
use crate::health::Health;
use crate::rows::SqliteRows;
use crate::rows::cache::Cache;
use crate::sql::Answer;

/// The pool; reads that find no connection wait for one in their order.
pub(crate) struct Readers {
    idle: Arc<Idle>,
    permits: Arc<Semaphore>,
}

struct Idle {
    connections: Mutex<Vec<Connection>>,
    /// Reads may outlive the store; until then the file is not another process's.
    _exclusive: Arc<Exclusive>,
}

impl Idle {
    fn connections(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that goes back however the read ends.
struct Borrowed {
    connection: Option<Connection>,
    idle: Arc<Idle>,
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        self.idle.connections().extend(self.connection.take());
    }
}

impl Readers {
    pub(crate) fn new(connections: Vec<Connection>, exclusive: Arc<Exclusive>) -> Self {
        let permits = Arc::new(Semaphore::new(connections.len()));
        let idle = Idle { connections: Mutex::new(connections), _exclusive: exclusive };
        Self { idle: Arc::new(idle), permits }
    }

    /// One read of rows.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        during: &'static str,
        work: impl FnOnce(&Connection) -> Answer<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.borrow(during, move |connection| {
            work(connection).map_err(|failure| failure.during(during))
        })
        .await
        .and_then(std::convert::identity)
    }

    /// One read of a row or two by a key, on the caller's own thread when a connection is idle: it
    /// is over sooner than another thread would have been woken.
    pub(crate) async fn look<T: Send + 'static>(
        &self,
        during: &'static str,
        work: impl FnOnce(&Connection) -> Answer<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() else {
            return self.read(during, work).await;
        };
        let idle = Arc::clone(&self.idle);
        let connection = idle.connections().pop();
        let borrowed = Borrowed { connection, idle };
        let answer = borrowed.connection.as_ref().map(work);
        drop(borrowed);
        drop(permit);
        let lost = || StoreError::Unavailable { during, cause: "no connection is left".to_owned() };
        answer.ok_or_else(lost)?.map_err(|failure| failure.during(during))
    }

    /// A command that only looks, over one state of the rows.
    pub(crate) async fn run(&self, health: Arc<Health>, command: Command) -> Result<Done, Error> {
        const DURING: &str = "looking at the rows";
        let failed = |error| Error::Store(Failure::Sqlite(error).during(DURING));
        self.borrow(DURING, move |connection| {
            connection.execute_batch("BEGIN").map_err(failed)?;
            let mut cache = Cache::default();
            let answer = SqliteRows::new(connection, &mut cache, health.now()).run(&command);
            connection.execute_batch("ROLLBACK").map_err(failed)?;
            answer
        })
        .await?
    }

    async fn borrow<T: Send + 'static>(
        &self,
        during: &'static str,
        work: impl FnOnce(&mut Connection) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let unavailable = |cause: String| StoreError::Unavailable { during, cause };
        let permit = Arc::clone(&self.permits)
            .acquire_owned()
            .await
            .map_err(|closed| unavailable(closed.to_string()))?;
        let idle = Arc::clone(&self.idle);
        let read = tokio::task::spawn_blocking(move || {
            let connection = idle.connections().pop();
            let mut borrowed = Borrowed { connection, idle };
            let answer = borrowed.connection.as_mut().map(work);
            drop(borrowed);
            drop(permit);
            answer
        });
        let answer = read.await.map_err(|stopped| unavailable(stopped.to_string()))?;
        answer.ok_or_else(|| unavailable("no connection is left".to_owned()))
    }
}
