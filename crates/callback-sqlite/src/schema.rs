//! The schema as a list of migrations that only grows.

use std::path::Path;

use callback_engine::mint::Mint;
use rusqlite::{Connection, params};

use crate::error::OpenError;

/// Marks a file as ours: `CBCK`.
const APPLICATION_ID: i32 = 0x4342_434b;

/// Each brings the schema from its position in the list to the next; what was released stays as it is.
const MIGRATIONS: &[&str] = &[include_str!("schema/1.sql")];

/// The newest schema.
fn newest() -> u32 {
    u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX)
}

/// Refuses files of other programs and of newer ones; changes nothing.
pub(crate) fn check(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let foreign = || OpenError::Foreign { path: path.to_owned() };
    let during = "looking at whose file it is";
    let application: i32 =
        number(connection, "PRAGMA application_id").map_err(|error| {
            match error.sqlite_error_code() {
                Some(rusqlite::ErrorCode::NotADatabase) => foreign(),
                Some(_) | None => OpenError::Sqlite { during, source: error },
            }
        })?;
    let failed = |source| OpenError::Sqlite { during, source };
    let found = version(connection).map_err(failed)?;
    let tables: i32 = number(connection, "SELECT count(*) FROM sqlite_schema").map_err(failed)?;
    let fresh = application == 0 && found == 0 && tables == 0;
    if application != APPLICATION_ID && !fresh {
        return Err(foreign());
    }
    let known = newest();
    if found > known {
        return Err(OpenError::Newer { path: path.to_owned(), found, known });
    }
    Ok(())
}

/// Brings the schema up to date, each step in a transaction of its own.
pub(crate) fn migrate(connection: &mut Connection) -> Result<(), OpenError> {
    let failed = |source| OpenError::Sqlite { during: "bringing the schema up to date", source };
    let found = version(connection).map_err(failed)?;
    for (migration, from) in MIGRATIONS.iter().zip(0..).skip(found as usize) {
        let transaction = connection.transaction().map_err(failed)?;
        transaction.execute_batch(migration).map_err(failed)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(failed)?;
        transaction.pragma_update(None, "user_version", from + 1_u32).map_err(failed)?;
        if from == 0 {
            let mint = Mint::unpredictable().map_err(|_| OpenError::NoRandomness)?;
            transaction
                .execute("INSERT INTO installation (id) VALUES (?1)", params![mint.random()])
                .map_err(failed)?;
        }
        transaction.commit().map_err(failed)?;
    }
    Ok(())
}

fn version(connection: &Connection) -> rusqlite::Result<u32> {
    number(connection, "PRAGMA user_version")
}

fn number<T: rusqlite::types::FromSql>(connection: &Connection, sql: &str) -> rusqlite::Result<T> {
    connection.query_row(sql, [], |row| row.get(0))
}
