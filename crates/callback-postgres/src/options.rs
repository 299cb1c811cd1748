//! How a store is opened, and why it could not be.

use std::time::Duration;

use callback_engine::store::StoreError;

use crate::failure::in_words;

/// How a store uses its database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The name under which the connections appear in the database's own views.
    pub application_name: String,
    /// Connections that run commands.
    pub writers: usize,
    /// Connections that answer reads.
    pub readers: usize,
    /// Commands that share one transaction, at most.
    pub batch: usize,
    /// How long a connection may take to be made.
    pub connect_timeout: Duration,
    /// How long one statement may take.
    pub statement_timeout: Duration,
    /// How long one lock may be awaited before the transaction runs again.
    pub lock_timeout: Duration,
    /// How long a transaction may stand idle before the database ends it, such as for a node
    /// that was cut off.
    pub idle_in_transaction_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            application_name: "callback".to_owned(),
            writers: 4,
            readers: 4,
            batch: 64,
            connect_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(30),
            lock_timeout: Duration::from_secs(3),
            idle_in_transaction_timeout: Duration::from_secs(15),
        }
    }
}

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address of the database is not one.
    #[error("read the address of the database: {0}")]
    Address(String),
    /// Encryption was asked for, which this build does not have.
    #[error(
        "connect to the database with sslmode=require: this program speaks no TLS to PostgreSQL; \
         use a local socket, a private network or a TLS proxy beside it, and sslmode=disable"
    )]
    TlsUnsupported,
    /// The database cannot be reached or lets nobody in.
    #[error("connect to the database: {0}")]
    Connect(String),
    /// The schema was written by a newer program.
    #[error(
        "open the database: its schema has version {found} and this program knows up to {known}; run a newer program"
    )]
    NewerSchema {
        /// The version that was found.
        found: usize,
        /// The newest version that is known.
        known: usize,
    },
    /// A copy into the database was cut off, so that it does not hold everything.
    #[error(
        "open the database: it holds a copy of {0} that is not finished; run the same \
         `callback copy` again to finish it, or drop the database"
    )]
    Unfinished(String),
    /// There is nothing to copy from.
    #[error("open the database: it holds no installation")]
    Missing,
    /// The schema could not be brought up to date.
    #[error("bring the database's schema up to date: {0}")]
    Migrate(String),
}

impl OpenError {
    pub(crate) fn connecting(error: StoreError) -> Self {
        Self::Connect(match error {
            StoreError::Unavailable { cause, .. } | StoreError::Full { cause, .. } => cause,
            StoreError::Corrupt { .. } => error.to_string(),
        })
    }

    #[expect(clippy::needless_pass_by_value, reason = "it is given to map_err")]
    pub(crate) fn migrating(error: tokio_postgres::Error) -> Self {
        Self::Migrate(in_words(&error))
    }
}
