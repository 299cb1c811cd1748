//! Connections: the lock that keeps other processes out, and how SQLite is set up.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::error::OpenError;
use crate::options::Options;
use crate::schema;

/// Older ones have a race between a checkpoint and a write, after which a file could be corrupt.
const OLDEST_SQLITE: i32 = 3_051_003;

/// Pages of the log after which it is copied into the file.
///
/// The same few pages (the ends of indexes, the users) are written by nearly every transaction and
/// copied once per checkpoint, so a long log saves most of that, and fewer callers wait for the
/// copying; 32,000 pages are 125 MiB, which is read back in well under a second after a crash.
const CHECKPOINT_PAGES: u32 = 32_000;
/// What the log's file shrinks to after a burst, in bytes.
const LOG_BYTES: u32 = 160 << 20;
/// More than there are different statements.
const STATEMENTS: usize = 512;
/// The page cache of the writer, in KiB.
const WRITER_CACHE_KIB: i64 = 32 << 10;
/// The page cache of each reader, in KiB.
const READER_CACHE_KIB: i64 = 8 << 10;

/// Keeps other processes out for as long as it lives.
#[derive(Debug)]
pub(crate) struct Exclusive {
    _lock: File,
}

impl Exclusive {
    pub(crate) fn take(path: &Path) -> Result<Self, OpenError> {
        let mut name = path.as_os_str().to_owned();
        name.push(".lock");
        let lock = PathBuf::from(name);
        let unusable = |source| OpenError::Lock { path: lock.clone(), source };
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock)
            .map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _lock: file }),
            Err(TryLockError::WouldBlock) => {
                Err(OpenError::InUse { path: path.to_owned(), lock: lock.clone() })
            }
            Err(TryLockError::Error(source)) => Err(unusable(source)),
        }
    }
}

/// The file behind a path, so that a link and its target share one lock.
pub(crate) fn resolved(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// Refuses a SQLite that is too old.
pub(crate) fn check_sqlite(version: i32) -> Result<(), OpenError> {
    if version < OLDEST_SQLITE {
        return Err(OpenError::OldSqlite { found: rusqlite::version() });
    }
    Ok(())
}

/// The connection that writes, on a file with the newest schema.
pub(crate) fn writer(path: &Path, options: &Options) -> Result<Connection, OpenError> {
    check_sqlite(rusqlite::version_number())?;
    let failed = |source| OpenError::Sqlite { during: "opening the file", source };
    let mut connection = open(path, OpenFlags::SQLITE_OPEN_CREATE, options.busy_timeout)?;
    schema::check(&connection, path)?;
    let mode: String =
        connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).map_err(failed)?;
    if !mode.eq_ignore_ascii_case("wal") {
        return Err(OpenError::NoWriteAheadLog { path: path.to_owned(), mode });
    }
    // FULL: an answered command survives a power cut, not just a crash.
    set(&connection, "synchronous", "FULL")?;
    set(&connection, "foreign_keys", true)?;
    // What is removed leaves no bytes behind in the file.
    set(&connection, "secure_delete", true)?;
    set(&connection, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    set(&connection, "journal_size_limit", LOG_BYTES)?;
    set(&connection, "cache_size", -WRITER_CACHE_KIB)?;
    schema::migrate(&mut connection)?;
    if let Some(pages) = options.max_pages {
        set(&connection, "max_page_count", pages)?;
    }
    Ok(connection)
}

/// A connection that only reads, on a file that the writer has prepared.
pub(crate) fn reader(path: &Path, options: &Options) -> Result<Connection, OpenError> {
    let connection = open(path, OpenFlags::empty(), options.busy_timeout)?;
    set(&connection, "cache_size", -READER_CACHE_KIB)?;
    set(&connection, "query_only", true)?;
    Ok(connection)
}

/// Writes a copy of the file as it is now, while others go on with it; the reason in words if not.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<(), String> {
    let name = to.to_str().ok_or_else(|| format!("{} is not UTF-8", to.display()))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(from, flags).map_err(|error| error.to_string())?;
    connection.execute("VACUUM INTO ?1", [name]).map_err(|error| error.to_string())?;
    // SQLite leaves the copy to the system; a backup is to be on the disk.
    File::open(to).and_then(|copy| copy.sync_all()).map_err(|error| error.to_string())
}

fn open(path: &Path, more: OpenFlags, busy: Duration) -> Result<Connection, OpenError> {
    let failed = |source| OpenError::Sqlite { during: "opening the file", source };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | more;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_timeout(busy).map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Without it, a statement with a partial index in sight may be planned anew at each binding.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(failed)?;
    set(&connection, "trusted_schema", false)?;
    set(&connection, "temp_store", "MEMORY")?;
    Ok(connection)
}

fn set(
    connection: &Connection,
    pragma: &'static str,
    value: impl rusqlite::ToSql,
) -> Result<(), OpenError> {
    connection
        .pragma_update(None, pragma, value)
        .map_err(|source| OpenError::Sqlite { during: "setting up the connection", source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_sqlite_is_new_enough_and_an_older_one_is_refused() {
        check_sqlite(rusqlite::version_number()).expect("the bundled one is new enough");
        let refused = check_sqlite(3_051_002).expect_err("it is too old");
        assert!(refused.to_string().contains("3.51.3 or newer is needed"), "{refused}");
    }
}
