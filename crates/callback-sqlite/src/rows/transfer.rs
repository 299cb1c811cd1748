//! Every table as records that are copied from store to store.

use callback_domain::date;
use callback_domain::id::{CallbackId, NodeId, ServiceId};
use callback_domain::target::TargetKey;
use callback_engine::store::{Claim, Remembered};
use callback_engine::transfer::{Key, Kind, Record, Sequence};
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params, params_from_iter};
use uuid::Uuid;

use super::callbacks::callback_columns;
use super::queue::Standing;
use super::{
    agents, attempts, callbacks, clock, keys, ledger, lines, outbox, queue, services, suppressions,
};
use crate::sql::{Answer, Fields, all, json, limit, one, signed, unsigned, write};

/// Every table with the kind of record that carries it; `None` is for those that describe this
/// file and not the installation.
///
/// The first table of a kind is the one that is counted.
pub(crate) const TABLES: &[(&str, Option<Kind>)] = &[
    ("installation", Some(Kind::Installation)),
    ("services", Some(Kind::Services)),
    // One record for each service, whether it was picked from or not.
    ("services", Some(Kind::Passes)),
    ("passes", Some(Kind::Passes)),
    ("recalculations", Some(Kind::Recalculations)),
    ("agents", Some(Kind::Agents)),
    ("agent_services", Some(Kind::Agents)),
    ("callbacks", Some(Kind::Callbacks)),
    ("claims", Some(Kind::Claims)),
    ("key_wakes", Some(Kind::KeyWakes)),
    ("attempts", Some(Kind::Attempts)),
    ("suppressions", Some(Kind::Suppressions)),
    ("routes", Some(Kind::Routes)),
    ("nodes", Some(Kind::Nodes)),
    ("idempotency", Some(Kind::Remembered)),
    ("keys", Some(Kind::AccessKeys)),
    ("webhooks", Some(Kind::Webhooks)),
    ("deliveries", Some(Kind::Deliveries)),
    ("outbox", Some(Kind::Outbox)),
    ("history", Some(Kind::Ledger)),
    ("sqlite_sequence", Some(Kind::Sequences)),
    ("transfer", None),
];

pub(crate) fn count(connection: &Connection, kind: Kind) -> Answer<u64> {
    let Some((table, _)) = TABLES.iter().find(|(_, of)| *of == Some(kind)) else { return Ok(0) };
    let count = one(connection, &format!("SELECT count(*) FROM {table}"), [], |row| {
        Ok(unsigned(row.get(0)?))
    })?;
    Ok(count.unwrap_or(0))
}

/// Records of a kind after a key, by key.
pub(crate) fn page(
    connection: &Connection,
    kind: Kind,
    after: Option<&Key>,
    rows: usize,
) -> Answer<Vec<Record>> {
    let page = Page { connection, after, rows };
    match kind {
        Kind::Installation => page
            .of("SELECT id FROM installation", "id", |row| Ok(Record::Installation(row.get(0)?))),
        Kind::Services => page.of("SELECT id, body FROM services", "id", |row| {
            services::read(row).map(Box::new).map(Record::Service)
        }),
        Kind::Passes => page.of(
            "SELECT services.id, passes.passes FROM services \
             LEFT JOIN passes ON passes.service = services.id",
            "services.id",
            |row| {
                let mut fields = Fields::new(row, "passes", &["service", "passes"]);
                let service = ServiceId(fields.take()?);
                Ok(Record::Passes(service, fields.maybe_json()?.unwrap_or_default()))
            },
        ),
        Kind::Recalculations => {
            page.of("SELECT service, after FROM recalculations", "service", |row| {
                let mut fields = Fields::new(row, "recalculations", &["service", "after"]);
                let service = ServiceId(fields.take()?);
                let after = fields.take::<Option<Uuid>>()?.map(CallbackId);
                Ok(Record::Recalculation(service, after))
            })
        }
        Kind::Agents => page.of("SELECT id, body FROM agents", "id", |row| {
            agents::read(row).map(Box::new).map(Record::Agent)
        }),
        Kind::Callbacks => page.of(
            concat!("SELECT ", callback_columns!(), ", standing AS standing FROM callbacks"),
            "id",
            |row| {
                let standing: Option<i64> = row.get("standing")?;
                let ready = standing == Some(Standing::Ready as i64);
                Ok(Record::Callback(Box::new(callbacks::read(row)?), ready))
            },
        ),
        Kind::Claims => page.of(
            "SELECT target_key, callback, service, attempt FROM claims",
            "target_key",
            read_claim,
        ),
        Kind::KeyWakes => page.of("SELECT target_key, at FROM key_wakes", "target_key", |row| {
            let mut fields = Fields::new(row, "key_wakes", &["target_key", "at"]);
            let key = TargetKey::from_stored(fields.take()?);
            Ok(Record::KeyWake(key, fields.instant()?))
        }),
        Kind::Attempts => page.of("SELECT id, body FROM attempts", "id", |row| {
            attempts::read(row).map(Box::new).map(Record::Attempt)
        }),
        Kind::Suppressions => page.of(
            "SELECT sequence, id, target_key, service, reason, until, created_at \
             FROM suppressions",
            "sequence",
            |row| {
                let suppression = suppressions::read(row)?;
                Ok(Record::Suppression(suppression.sequence, Box::new(suppression)))
            },
        ),
        Kind::Routes => page.of("SELECT name, body FROM routes", "name", |row| {
            let mut fields = Fields::new(row, "routes", &["name", "body"]);
            Ok(Record::Route(fields.take()?, fields.json()?))
        }),
        Kind::Nodes => page.of("SELECT id, until FROM nodes", "id", |row| {
            let mut fields = Fields::new(row, "nodes", &["id", "until"]);
            Ok(Record::Node(NodeId(fields.take()?), fields.instant()?))
        }),
        Kind::AccessKeys => page.of("SELECT id, body FROM keys", "id", |row| {
            keys::read(row).map(Box::new).map(Record::AccessKey)
        }),
        Kind::Webhooks => page.of("SELECT id, body FROM webhooks", "id", |row| {
            outbox::body(row, "webhooks").map(Box::new).map(Record::Webhook)
        }),
        Kind::Deliveries => page.of("SELECT id, body FROM deliveries", "id", |row| {
            outbox::body(row, "deliveries").map(Box::new).map(Record::Delivery)
        }),
        Kind::Outbox => page.of("SELECT cursor FROM outbox", "cursor", |row| {
            Ok(Record::Outbox(unsigned(row.get(0)?)))
        }),
        Kind::Remembered => page.of(
            "SELECT principal, key, body_hash, answer, at FROM idempotency",
            "principal, key",
            read_remembered,
        ),
        Kind::Ledger => page.of(
            "SELECT sequence, subject_kind, subject, service, at, what, from_phase, to_phase, \
             actor, details FROM history",
            "sequence",
            |row| ledger::read(row).map(Box::new).map(Record::Line),
        ),
        Kind::Sequences => sequences(connection, after),
    }
}

/// Writes a record that is not there yet.
pub(crate) fn put(connection: &Connection, record: &Record) -> Answer<()> {
    const NODE: &str = "INSERT INTO nodes (id, until) VALUES (?1, ?2)";
    match record {
        Record::Installation(id) => {
            write(connection, "UPDATE installation SET id = ?1", params![id])?;
            Ok(())
        }
        Record::Service(service) => services::put(connection, service),
        Record::Passes(service, passes) => queue::put_passes(connection, *service, *passes),
        Record::Recalculation(service, after) => {
            services::put_recalculation(connection, *service, *after)
        }
        Record::Agent(agent) => agents::put(connection, None, agent),
        Record::Callback(callback, ready) => callbacks::insert(connection, callback, *ready),
        Record::Claim(key, claim) => lines::put_claim(connection, key, *claim),
        Record::KeyWake(key, at) => clock::wake_key(connection, key, *at),
        Record::Attempt(attempt) => attempts::put(connection, attempt, false),
        Record::Suppression(sequence, suppression) => {
            suppressions::put_as(connection, *sequence, suppression)
        }
        Record::Route(name, route) => lines::put_route(connection, name, route),
        Record::Node(node, until) => {
            write(connection, NODE, params![node.0, date::micros(*until)])?;
            Ok(())
        }
        Record::Remembered(principal, key, remembered) => {
            put_remembered(connection, principal, key, remembered)
        }
        Record::AccessKey(key) => keys::put(connection, key),
        Record::Webhook(webhook) => outbox::put_webhook(connection, webhook),
        Record::Delivery(delivery) => outbox::put(connection, delivery),
        Record::Outbox(sequence) => outbox::put_cursor(connection, *sequence),
        Record::Line(line) => ledger::append_as(connection, line),
        Record::Sequence(sequence, last) => put_sequence(connection, *sequence, *last),
    }
}

/// Forgets the leases on a store that is to become another installation.
pub(crate) fn clear(connection: &Connection) -> Answer<()> {
    write(connection, "DELETE FROM nodes", [])?;
    Ok(())
}

struct Page<'a> {
    connection: &'a Connection,
    after: Option<&'a Key>,
    rows: usize,
}

impl Page<'_> {
    fn of(
        &self,
        select: &str,
        key: &str,
        read: impl FnMut(&Row<'_>) -> Answer<Record>,
    ) -> Answer<Vec<Record>> {
        let mut values = match self.after {
            None => Vec::new(),
            Some(Key::Id(id)) => vec![Value::Blob(id.as_bytes().to_vec())],
            Some(Key::Text(text)) => vec![Value::Text(text.clone())],
            Some(Key::Pair(one, other)) => {
                vec![Value::Text(one.clone()), Value::Text(other.clone())]
            }
            Some(Key::Number(number)) => vec![Value::Integer(signed(*number))],
        };
        let after = match values.len() {
            0 => String::new(),
            marks => format!("WHERE ({key}) > ({})", vec!["?"; marks].join(", ")),
        };
        values.push(Value::Integer(limit(self.rows)));
        let sql = format!("{select} {after} ORDER BY {key} LIMIT ?");
        all(self.connection, &sql, params_from_iter(values), read)
    }
}

fn read_claim(row: &Row<'_>) -> Answer<Record> {
    const COLUMNS: &[&str] = &["target_key", "callback", "service", "attempt"];
    let mut fields = Fields::new(row, "claims", COLUMNS);
    let key = TargetKey::from_stored(fields.take()?);
    Ok(Record::Claim(
        key,
        Claim {
            callback: CallbackId(fields.take()?),
            service: ServiceId(fields.take()?),
            attempt: fields.take::<Option<Uuid>>()?.map(callback_domain::id::AttemptId),
        },
    ))
}

fn read_remembered(row: &Row<'_>) -> Answer<Record> {
    const COLUMNS: &[&str] = &["principal", "key", "body_hash", "answer", "at"];
    let mut fields = Fields::new(row, "idempotency", COLUMNS);
    let (principal, key) = (fields.take()?, fields.take()?);
    let remembered =
        Remembered { body_hash: fields.take()?, kept: fields.json()?, at: fields.instant()? };
    Ok(Record::Remembered(principal, key, Box::new(remembered)))
}

fn put_remembered(
    connection: &Connection,
    principal: &str,
    key: &str,
    remembered: &Remembered,
) -> Answer<()> {
    const PUT: &str = "INSERT INTO idempotency (principal, key, body_hash, answer, at) \
        VALUES (?1, ?2, ?3, ?4, ?5)";
    let answer = json("idempotency", &remembered.kept)?;
    let at = date::micros(remembered.at);
    write(connection, PUT, params![principal, key, remembered.body_hash, answer, at])?;
    Ok(())
}

/// The table that a sequence numbers.
const fn numbered(sequence: Sequence) -> &'static str {
    match sequence {
        Sequence::Ledger => "history",
        Sequence::Suppressions => "suppressions",
    }
}

fn sequences(connection: &Connection, after: Option<&Key>) -> Answer<Vec<Record>> {
    const LAST: &str = "SELECT seq FROM sqlite_sequence WHERE name = ?1";
    let mut found = Vec::new();
    for sequence in Sequence::ALL {
        let last = one(connection, LAST, [numbered(sequence)], |row| Ok(row.get(0)?))?;
        found.push(Record::Sequence(sequence, unsigned(last.unwrap_or(0))));
    }
    found.retain(|record| after.is_none_or(|after| record.key() > *after));
    Ok(found)
}

fn put_sequence(connection: &Connection, sequence: Sequence, last: u64) -> Answer<()> {
    let table = numbered(sequence);
    write(connection, "DELETE FROM sqlite_sequence WHERE name = ?1", [table])?;
    let put = "INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)";
    write(connection, put, params![table, signed(last)])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_table_is_copied_or_named_as_left_out() {
        let connection = Connection::open_in_memory().expect("memory is there");
        connection.execute_batch(include_str!("../schema/1.sql")).expect("the schema is made");
        let list = "SELECT name FROM sqlite_schema WHERE type = 'table' \
            AND (name = 'sqlite_sequence' OR name NOT LIKE 'sqlite\\_%' ESCAPE '\\')";
        let tables: BTreeSet<String> = all(&connection, list, [], |row| Ok(row.get(0)?))
            .expect("they are listed")
            .into_iter()
            .collect();
        let known: BTreeSet<String> = TABLES.iter().map(|(table, _)| (*table).to_owned()).collect();
        assert_eq!(tables, known);
    }

    #[test]
    fn every_kind_has_a_table() {
        for kind in Kind::ALL {
            assert!(TABLES.iter().any(|(_, of)| of == &Some(*kind)), "{}", kind.name());
        }
    }
}
