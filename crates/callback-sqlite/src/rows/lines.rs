//! Customers' lines and who holds them, and the routes that lead there.

use callback_domain::id::{AttemptId, CallbackId, ServiceId};
use callback_domain::target::TargetKey;
use callback_engine::route::Route;
use callback_engine::store::Claim;
use rusqlite::{Connection, params};
use uuid::Uuid;

use crate::sql::{Answer, Fields, json, one, write};

pub(super) fn claim(connection: &Connection, key: &TargetKey) -> Answer<Option<Claim>> {
    const COLUMNS: &[&str] = &["target_key", "callback", "service", "attempt"];
    const FIND: &str =
        "SELECT target_key, callback, service, attempt FROM claims WHERE target_key = ?1";
    one(connection, FIND, params![key.as_str()], |row| {
        let mut fields = Fields::new(row, "claims", COLUMNS);
        fields.take::<String>()?;
        Ok(Claim {
            callback: CallbackId(fields.take()?),
            service: ServiceId(fields.take()?),
            attempt: fields.take::<Option<Uuid>>()?.map(AttemptId),
        })
    })
}

pub(super) fn put_claim(connection: &Connection, key: &TargetKey, claim: Claim) -> Answer<()> {
    const PUT: &str = "INSERT INTO claims (target_key, callback, service, attempt) \
        VALUES (?1, ?2, ?3, ?4) ON CONFLICT (target_key) DO UPDATE SET \
        callback = excluded.callback, service = excluded.service, attempt = excluded.attempt";
    let attempt = claim.attempt.map(|attempt| attempt.0);
    write(connection, PUT, params![key.as_str(), claim.callback.0, claim.service.0, attempt])?;
    Ok(())
}

pub(super) fn release_claim(connection: &Connection, key: &TargetKey) -> Answer<()> {
    write(connection, "DELETE FROM claims WHERE target_key = ?1", params![key.as_str()])?;
    Ok(())
}

pub(super) fn claims_up_to(connection: &Connection, service: ServiceId, limit: u32) -> Answer<u32> {
    const COUNT: &str = "SELECT count(*) FROM (SELECT 1 FROM claims WHERE service = ?1 LIMIT ?2)";
    let count = one(connection, COUNT, params![service.0, limit], |row| Ok(row.get(0)?))?;
    Ok(count.unwrap_or(0))
}

pub(super) fn route(connection: &Connection, name: &str) -> Answer<Route> {
    let found = one(connection, "SELECT name, body FROM routes WHERE name = ?1", [name], |row| {
        let mut fields = Fields::new(row, "routes", &["name", "body"]);
        fields.take::<String>()?;
        fields.json()
    })?;
    Ok(found.unwrap_or_default())
}

pub(super) fn put_route(connection: &Connection, name: &str, route: &Route) -> Answer<()> {
    const PUT: &str = "INSERT INTO routes (name, body) VALUES (?1, ?2) \
        ON CONFLICT (name) DO UPDATE SET body = excluded.body";
    write(connection, PUT, params![name, json("routes", route)?])?;
    Ok(())
}
