//! What goes wrong with a file, and what that says about the store.

use std::path::PathBuf;

use callback_engine::store::StoreError;
use rusqlite::ErrorCode;
use rusqlite::ffi;

/// Why a store was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The SQLite built into the program is older than this store needs.
    #[error("the program was built with SQLite {found}, and 3.51.3 or newer is needed")]
    OldSqlite {
        /// Its version.
        found: &'static str,
    },
    /// Another process, or this one, has it open.
    #[error("{} is in use by another process, which holds the lock on {}", path.display(), lock.display())]
    InUse {
        /// The database.
        path: PathBuf,
        /// The file whose lock is held.
        lock: PathBuf,
    },
    /// The lock file could not be used.
    #[error("the lock file {} cannot be used", path.display())]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is something else.
    #[error("{} is not a database of this program", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A newer program wrote the file.
    #[error("{} has schema {found}, and this program knows schemas up to {known}; use the newer program", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The schema of the file.
        found: u32,
        /// The newest schema of this program.
        known: u32,
    },
    /// The file cannot be written beside by readers, as on some network drives.
    #[error("the file system of {} does not allow write-ahead logging (journal mode is {mode})", path.display())]
    NoWriteAheadLog {
        /// The file.
        path: PathBuf,
        /// The mode that SQLite chose instead.
        mode: String,
    },
    /// A copy into the file was cut off, so that it does not hold everything.
    #[error(
        "{} holds a copy of {from} that is not finished; run the same `callback copy` again to \
         finish it, or remove the file", path.display()
    )]
    Unfinished {
        /// The file.
        path: PathBuf,
        /// Where the copy came from.
        from: String,
    },
    /// There is no file to copy from.
    #[error("there is no file {}", path.display())]
    Missing {
        /// Where it would be.
        path: PathBuf,
    },
    /// The operating system gives no randomness for the identity of the installation.
    #[error("the operating system gives no randomness")]
    NoRandomness,
    /// The writer's thread could not be started.
    #[error("the writer's thread cannot be started")]
    Thread(#[source] std::io::Error),
    /// SQLite refused.
    #[error("failed while {during}")]
    Sqlite {
        /// What was being done.
        during: &'static str,
        /// Why.
        source: rusqlite::Error,
    },
}

/// Why something was not read or written, before it is said during what.
#[derive(Debug)]
pub(crate) enum Failure {
    Sqlite(rusqlite::Error),
    Corrupt { table: &'static str, column: &'static str, id: String, cause: String },
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl Failure {
    pub(crate) fn during(self, during: &'static str) -> StoreError {
        match self {
            Self::Corrupt { table, column, id, cause } => {
                StoreError::Corrupt { table, column, id, cause }
            }
            Self::Sqlite(error) => {
                let cause = error.to_string();
                match Trouble::of(&error) {
                    Trouble::Full => StoreError::Full { during, cause },
                    Trouble::Passing | Trouble::Busy | Trouble::Broken => {
                        StoreError::Unavailable { during, cause }
                    }
                }
            }
        }
    }

    pub(crate) fn trouble(&self) -> Trouble {
        match self {
            Self::Sqlite(error) => Trouble::of(error),
            Self::Corrupt { .. } => Trouble::Passing,
        }
    }
}

/// What an error says about the writes that follow, the worst last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Trouble {
    /// Nothing: it concerns one command.
    #[default]
    Passing,
    /// Somebody else holds a lock on the file.
    Busy,
    /// There is no room; it comes back.
    Full,
    /// Nobody knows any more what is on the disk.
    Broken,
}

impl Trouble {
    pub(crate) fn of(error: &rusqlite::Error) -> Self {
        // The index of the log could not grow: no room, and nothing durable is lost with it.
        if error.sqlite_extended_error_code() == Some(ffi::SQLITE_IOERR_SHMSIZE) {
            return Self::Full;
        }
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            Some(
                ErrorCode::SystemIoFailure | ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase,
            ) => Self::Broken,
            Some(_) | None => Self::Passing,
        }
    }

    /// The same for a commit, which has either happened or not: what is unknown about it is fatal.
    pub(crate) fn of_commit(error: &rusqlite::Error) -> Self {
        match Self::of(error) {
            known @ (Self::Busy | Self::Full) => known,
            Self::Passing | Self::Broken => Self::Broken,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(extended_code: i32) -> rusqlite::Error {
        rusqlite::Error::SqliteFailure(ffi::Error::new(extended_code), None)
    }

    #[test]
    fn a_failed_write_to_the_disk_breaks_the_store() {
        for code in [
            ffi::SQLITE_IOERR,
            ffi::SQLITE_IOERR_FSYNC,
            ffi::SQLITE_IOERR_WRITE,
            ffi::SQLITE_CORRUPT,
            ffi::SQLITE_NOTADB,
        ] {
            assert_eq!(Trouble::of(&error(code)), Trouble::Broken, "code {code}");
            assert_eq!(Trouble::of_commit(&error(code)), Trouble::Broken, "code {code}");
        }
    }

    #[test]
    fn a_full_disk_and_a_lock_are_no_breakage_even_at_the_commit() {
        for code in [ffi::SQLITE_FULL, ffi::SQLITE_IOERR_SHMSIZE] {
            assert_eq!(Trouble::of_commit(&error(code)), Trouble::Full, "code {code}");
        }
        for code in [ffi::SQLITE_BUSY, ffi::SQLITE_BUSY_SNAPSHOT, ffi::SQLITE_LOCKED] {
            assert_eq!(Trouble::of_commit(&error(code)), Trouble::Busy, "code {code}");
        }
    }

    #[test]
    fn any_other_error_breaks_the_store_only_at_the_commit() {
        for code in [ffi::SQLITE_CONSTRAINT_UNIQUE, ffi::SQLITE_NOMEM, ffi::SQLITE_TOOBIG] {
            assert_eq!(Trouble::of(&error(code)), Trouble::Passing, "code {code}");
            assert_eq!(Trouble::of_commit(&error(code)), Trouble::Broken, "code {code}");
        }
    }

    #[test]
    fn a_full_store_is_told_apart_from_one_that_is_away() {
        let full = Failure::from(error(ffi::SQLITE_FULL)).during("writing a callback");
        assert!(matches!(full, StoreError::Full { during: "writing a callback", .. }), "{full:?}");
        let away = Failure::from(error(ffi::SQLITE_BUSY)).during("beginning a transaction");
        assert!(matches!(away, StoreError::Unavailable { .. }), "{away:?}");
    }
}
