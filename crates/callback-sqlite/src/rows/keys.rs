//! Access keys as rows.

use callback_domain::date;
use callback_domain::id::KeyId;
use callback_engine::access::Key;
use rusqlite::{Connection, Row, params};
use uuid::Uuid;

use crate::sql::{Answer, Fields, all, json, one, write};

const TABLE: &str = "keys";

pub(super) fn read(row: &Row<'_>) -> Answer<Key> {
    let mut fields = Fields::new(row, TABLE, &["id", "body"]);
    fields.take::<Uuid>()?;
    fields.json()
}

pub(super) fn find(connection: &Connection, id: KeyId) -> Answer<Option<Key>> {
    one(connection, "SELECT id, body FROM keys WHERE id = ?1", params![id.0], read)
}

pub(crate) fn list(connection: &Connection) -> Answer<Vec<Key>> {
    all(connection, "SELECT id, body FROM keys ORDER BY id", [], read)
}

pub(super) fn put(connection: &Connection, key: &Key) -> Answer<()> {
    const PUT: &str = "INSERT INTO keys (id, created_at, body) VALUES (?1, ?2, ?3) \
        ON CONFLICT (id) DO UPDATE SET body = excluded.body";
    write(connection, PUT, params![key.id.0, date::micros(key.created_at), json(TABLE, key)?])?;
    Ok(())
}
