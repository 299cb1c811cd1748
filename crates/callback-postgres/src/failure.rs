//! What went wrong in a transaction, and what that asks of the writer.

use callback_engine::store::StoreError;
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

/// What went wrong in a transaction.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// Another transaction was in the way; running again helps.
    Conflict(StoreError),
    /// The connection is gone; another one may help.
    Lost(StoreError),
    /// Whether the transaction was committed cannot be told, so that it must not run again.
    Untold(StoreError),
    /// Nothing that running again would change.
    Other(StoreError),
}

impl Failure {
    pub(crate) fn of(during: &'static str, error: &Error) -> Self {
        let cause = in_words(error);
        let unavailable = StoreError::Unavailable { during, cause: cause.clone() };
        let Some(state) = error.code() else {
            return if error.is_closed() || is_io(error) {
                Self::Lost(unavailable)
            } else {
                Self::Other(unavailable)
            };
        };
        let again = [
            SqlState::T_R_SERIALIZATION_FAILURE,
            SqlState::T_R_DEADLOCK_DETECTED,
            SqlState::LOCK_NOT_AVAILABLE,
            SqlState::UNIQUE_VIOLATION,
        ];
        let gone = [
            SqlState::ADMIN_SHUTDOWN,
            SqlState::CRASH_SHUTDOWN,
            SqlState::CANNOT_CONNECT_NOW,
            SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
        ];
        if again.contains(state) {
            Self::Conflict(unavailable)
        } else if gone.contains(state) || state.code().starts_with("08") {
            Self::Lost(unavailable)
        } else if *state == SqlState::DISK_FULL {
            Self::Other(StoreError::Full { during, cause })
        } else {
            Self::Other(unavailable)
        }
    }

    pub(crate) fn conflict(during: &'static str, cause: &str) -> Self {
        Self::Conflict(StoreError::Unavailable { during, cause: cause.to_owned() })
    }

    pub(crate) fn into_error(self) -> StoreError {
        match self {
            Self::Conflict(error)
            | Self::Lost(error)
            | Self::Untold(error)
            | Self::Other(error) => error,
        }
    }
}

/// Whether a statement failed only because one before it in the transaction had.
pub(crate) fn follows_another(error: &Error) -> bool {
    error.code() == Some(&SqlState::IN_FAILED_SQL_TRANSACTION)
}

fn is_io(error: &Error) -> bool {
    std::error::Error::source(error).is_some_and(|source| source.is::<std::io::Error>())
}

/// The error with its cause; the library keeps what the database said in the cause.
pub(crate) fn in_words(error: &Error) -> String {
    match (error.as_db_error(), std::error::Error::source(error)) {
        (Some(said), _) => format!("{} ({})", said.message(), said.code().code()),
        (None, Some(cause)) => format!("{error}: {cause}"),
        (None, None) => error.to_string(),
    }
}
