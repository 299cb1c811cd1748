//! Reading rows: a row that cannot be what was written says which.

use callback_engine::store::{Rowed, StoreError};
use serde::de::DeserializeOwned;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Json};
use uuid::Uuid;

/// A column of a row whose first column is its identity.
pub(crate) fn column<'a, T: FromSql<'a>>(
    row: &'a Row,
    table: &'static str,
    column: &'static str,
) -> Rowed<T> {
    row.try_get(column).map_err(|error| {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        corrupt(row, table, column, cause.unwrap_or_else(|| error.to_string()))
    })
}

/// The whole value of a row.
pub(crate) fn record<T: DeserializeOwned>(row: &Row, table: &'static str) -> Rowed<T> {
    column::<Json<T>>(row, table, "record").map(|Json(value)| value)
}

/// The whole values of rows.
pub(crate) fn records<T: DeserializeOwned>(rows: &[Row], table: &'static str) -> Rowed<Vec<T>> {
    rows.iter().map(|row| record(row, table)).collect()
}

pub(crate) fn corrupt(
    row: &Row,
    table: &'static str,
    column: &'static str,
    cause: String,
) -> StoreError {
    let id = row
        .try_get::<_, Uuid>(0)
        .map(|id| id.to_string())
        .or_else(|_| row.try_get::<_, i64>(0).map(|number| number.to_string()))
        .or_else(|_| row.try_get::<_, String>(0))
        .unwrap_or_default();
    StoreError::Corrupt { table, column, id, cause }
}

/// A count that the database keeps signed.
pub(crate) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// A number for the database, which keeps it signed.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A limit for the database.
pub(crate) fn limit(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
