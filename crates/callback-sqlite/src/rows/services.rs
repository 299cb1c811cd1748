//! Services as rows, and the recalculations that their edits ask for.

use callback_domain::id::{CallbackId, ServiceId};
use callback_domain::service::Service;
use rusqlite::{Connection, Row, params};
use uuid::Uuid;

use crate::sql::{Answer, Fields, all, json, one, write};

const TABLE: &str = "services";

pub(super) fn read(row: &Row<'_>) -> Answer<Service> {
    let mut fields = Fields::new(row, TABLE, &["id", "body"]);
    fields.take::<Uuid>()?;
    fields.json()
}

pub(super) fn find(connection: &Connection, id: ServiceId) -> Answer<Option<Service>> {
    one(connection, "SELECT id, body FROM services WHERE id = ?1", params![id.0], read)
}

pub(crate) fn by_name(connection: &Connection) -> Answer<Vec<Service>> {
    all(connection, "SELECT id, body FROM services ORDER BY name, id", [], read)
}

pub(super) fn by_sip(connection: &Connection, sip_key: &str) -> Answer<Option<ServiceId>> {
    const FIND: &str = "SELECT id FROM services WHERE sip_key = ?1";
    one(connection, FIND, [sip_key], |row| Ok(ServiceId(row.get(0)?)))
}

pub(super) fn put(connection: &Connection, service: &Service) -> Answer<()> {
    const PUT: &str = "INSERT INTO services (id, name, sip_key, max_attempts_per_day, body) \
        VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (id) DO UPDATE SET name = excluded.name, \
        sip_key = excluded.sip_key, max_attempts_per_day = excluded.max_attempts_per_day, \
        body = excluded.body";
    let key = service.sip_uri.key();
    write(
        connection,
        PUT,
        params![
            service.id.0,
            service.name,
            key.as_str(),
            service.max_attempts_per_target_per_day,
            json(TABLE, service)?,
        ],
    )?;
    Ok(())
}

/// Its passes go with it.
pub(super) fn delete(connection: &Connection, id: ServiceId) -> Answer<()> {
    write(connection, "DELETE FROM services WHERE id = ?1", params![id.0])?;
    Ok(())
}

pub(super) fn capped(connection: &Connection) -> Answer<Vec<(ServiceId, u32)>> {
    const COLUMNS: &[&str] = &["id", "max_attempts_per_day"];
    const CAPPED: &str = "SELECT id, max_attempts_per_day FROM services \
        WHERE max_attempts_per_day IS NOT NULL ORDER BY id";
    all(connection, CAPPED, [], |row| {
        let mut fields = Fields::new(row, TABLE, COLUMNS);
        Ok((ServiceId(fields.take()?), fields.take()?))
    })
}

pub(super) fn recalculations(
    connection: &Connection,
) -> Answer<Vec<(ServiceId, Option<CallbackId>)>> {
    const LIST: &str = "SELECT service, after FROM recalculations ORDER BY service";
    all(connection, LIST, [], |row| {
        let mut fields = Fields::new(row, "recalculations", &["service", "after"]);
        let service = ServiceId(fields.take()?);
        Ok((service, fields.take::<Option<Uuid>>()?.map(CallbackId)))
    })
}

pub(super) fn put_recalculation(
    connection: &Connection,
    service: ServiceId,
    after: Option<CallbackId>,
) -> Answer<()> {
    const PUT: &str = "INSERT INTO recalculations (service, after) VALUES (?1, ?2) \
        ON CONFLICT (service) DO UPDATE SET after = excluded.after";
    write(connection, PUT, params![service.0, after.map(|after| after.0)])?;
    Ok(())
}

pub(super) fn end_recalculation(connection: &Connection, service: ServiceId) -> Answer<()> {
    write(connection, "DELETE FROM recalculations WHERE service = ?1", params![service.0])?;
    Ok(())
}
