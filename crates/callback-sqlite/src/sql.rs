//! Statements and the values of their rows; a value that cannot be what was written is reported
//! with table, column and row.

use std::fmt::Display;
use std::str::FromStr;

use callback_domain::date::{self, Instant};
use rusqlite::types::{FromSql, ValueRef};
use rusqlite::{Connection, Params, Row};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::error::Failure;

pub(crate) type Answer<T> = Result<T, Failure>;

/// The first row of a query.
pub(crate) fn one<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnOnce(&Row<'_>) -> Answer<T>,
) -> Answer<Option<T>> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    rows.next()?.map(read).transpose()
}

/// Every row of a query.
pub(crate) fn all<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    mut read: impl FnMut(&Row<'_>) -> Answer<T>,
) -> Answer<Vec<T>> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(row)?);
    }
    Ok(found)
}

/// Runs a statement that writes, and answers how many rows it changed.
pub(crate) fn write(connection: &Connection, sql: &str, params: impl Params) -> Answer<usize> {
    Ok(connection.prepare_cached(sql)?.execute(params)?)
}

/// A limit as SQLite takes it.
pub(crate) fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(crate) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// The text of a value that is kept whole.
pub(crate) fn json(table: &'static str, value: &impl Serialize) -> Answer<String> {
    serde_json::to_string(value).map_err(|error| Failure::Corrupt {
        table,
        column: "(being written)",
        id: String::new(),
        cause: error.to_string(),
    })
}

/// The values of a row, taken one after another in the order of the columns.
pub(crate) struct Fields<'r, 's> {
    row: &'r Row<'s>,
    table: &'static str,
    columns: &'static [&'static str],
    next: usize,
}

impl<'r, 's> Fields<'r, 's> {
    pub(crate) fn new(
        row: &'r Row<'s>,
        table: &'static str,
        columns: &'static [&'static str],
    ) -> Self {
        Self { row, table, columns, next: 0 }
    }

    /// The next value as it is.
    pub(crate) fn take<T: FromSql>(&mut self) -> Answer<T> {
        let at = self.next;
        self.next += 1;
        self.row.get(at).map_err(|error| self.corrupt(at, &error))
    }

    pub(crate) fn instant(&mut self) -> Answer<Instant> {
        let micros = self.take()?;
        date::from_micros(micros).ok_or_else(|| self.wrong(&format!("{micros} is no instant")))
    }

    pub(crate) fn maybe_instant(&mut self) -> Answer<Option<Instant>> {
        let Some(micros) = self.take::<Option<i64>>()? else { return Ok(None) };
        let at = date::from_micros(micros);
        at.map(Some).ok_or_else(|| self.wrong(&format!("{micros} is no instant")))
    }

    /// The next value, read from its text.
    pub(crate) fn parsed<T: FromStr<Err: Display>>(&mut self) -> Answer<T> {
        let text: String = self.take()?;
        text.parse().map_err(|error: T::Err| self.wrong(&error))
    }

    pub(crate) fn maybe_parsed<T: FromStr<Err: Display>>(&mut self) -> Answer<Option<T>> {
        let Some(text) = self.take::<Option<String>>()? else { return Ok(None) };
        text.parse().map(Some).map_err(|error: T::Err| self.wrong(&error))
    }

    pub(crate) fn json<T: DeserializeOwned>(&mut self) -> Answer<T> {
        let text: String = self.take()?;
        serde_json::from_str(&text).map_err(|error| self.wrong(&error))
    }

    pub(crate) fn maybe_json<T: DeserializeOwned>(&mut self) -> Answer<Option<T>> {
        let Some(text) = self.take::<Option<String>>()? else { return Ok(None) };
        serde_json::from_str(&text).map(Some).map_err(|error| self.wrong(&error))
    }

    /// The next value as one of a set of names.
    pub(crate) fn named<T: Copy>(
        &mut self,
        all: &[T],
        name: impl Fn(T) -> &'static str,
    ) -> Answer<T> {
        let text: String = self.take()?;
        let found = all.iter().copied().find(|known| name(*known) == text);
        found.ok_or_else(|| self.wrong(&format!("{text:?} is no name that is known")))
    }

    pub(crate) fn maybe_named<T: Copy>(
        &mut self,
        all: &[T],
        name: impl Fn(T) -> &'static str,
    ) -> Answer<Option<T>> {
        let Some(text) = self.take::<Option<String>>()? else { return Ok(None) };
        let found = all.iter().copied().find(|known| name(*known) == text);
        found.map(Some).ok_or_else(|| self.wrong(&format!("{text:?} is no name that is known")))
    }

    /// The value that was taken last cannot be what was written.
    pub(crate) fn wrong(&self, cause: &impl Display) -> Failure {
        self.corrupt(self.next.saturating_sub(1), cause)
    }

    fn corrupt(&self, at: usize, cause: &impl Display) -> Failure {
        Failure::Corrupt {
            table: self.table,
            column: self.columns.get(at).copied().unwrap_or("?"),
            id: self.id(),
            cause: cause.to_string(),
        }
    }

    /// The first column in words: it is what rows are found by.
    fn id(&self) -> String {
        match self.row.get_ref(0) {
            Ok(ValueRef::Blob(bytes)) => match Uuid::from_slice(bytes) {
                Ok(id) => id.to_string(),
                Err(_) => format!("{bytes:02x?}"),
            },
            Ok(ValueRef::Text(text)) => String::from_utf8_lossy(text).into_owned(),
            Ok(ValueRef::Integer(number)) => number.to_string(),
            Ok(ValueRef::Null | ValueRef::Real(_)) | Err(_) => "?".to_owned(),
        }
    }
}
