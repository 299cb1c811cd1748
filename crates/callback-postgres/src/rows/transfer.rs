//! Every table as records that are copied from store to store.

use callback_domain::attempt::Attempt;
use callback_domain::id::{AttemptId, CallbackId, NodeId, ServiceId};
use callback_domain::picking::Passes;
use callback_domain::target::TargetKey;
use callback_engine::store::{Claim, Remembered, Rowed, Rows as _, StoreError};
use callback_engine::suppression::Suppression;
use callback_engine::transfer::{Key, Kind, Record, Sequence};
use tokio_postgres::Row;
use tokio_postgres::types::Json;
use uuid::Uuid;

use super::{Owned, PostgresRows, owned, suppression};
use crate::connection::{Parameter, Session};
use crate::failure::Failure;
use crate::ledger;
use crate::records::{column, corrupt, limit, record, signed, unsigned};

/// Every table with the kind of record that carries it; `None` is for those that describe this
/// database and not the installation.
pub(crate) const TABLES: &[(&str, Option<Kind>)] = &[
    ("installation", Some(Kind::Installation)),
    ("services", Some(Kind::Services)),
    ("passes", Some(Kind::Passes)),
    ("recalculations", Some(Kind::Recalculations)),
    ("agent_identities", Some(Kind::Agents)),
    ("agents", Some(Kind::Agents)),
    ("agent_services", Some(Kind::Agents)),
    ("callbacks", Some(Kind::Callbacks)),
    ("claims", Some(Kind::Claims)),
    ("key_wakes", Some(Kind::KeyWakes)),
    ("attempts", Some(Kind::Attempts)),
    ("suppressions", Some(Kind::Suppressions)),
    ("routes", Some(Kind::Routes)),
    ("nodes", Some(Kind::Nodes)),
    ("remembered", Some(Kind::Remembered)),
    ("keys", Some(Kind::AccessKeys)),
    ("webhooks", Some(Kind::Webhooks)),
    ("deliveries", Some(Kind::Deliveries)),
    ("outbox", Some(Kind::Outbox)),
    ("ledger", Some(Kind::Ledger)),
    ("transfer", None),
    ("schema_version", None),
];

/// How the records of a kind are read.
struct Reading {
    first: &'static str,
    next: &'static str,
    read: fn(&Row) -> Rowed<Record>,
}

/// A reading of what is selected, by key.
macro_rules! reading {
    ($select:literal by $keys:literal > $marks:literal, $read:expr) => {
        Reading {
            first: concat!("/* transfer::page */ ", $select, " ORDER BY ", $keys, " LIMIT $1"),
            next: concat!(
                "/* transfer::page */ ",
                $select,
                " WHERE (",
                $keys,
                ") > (",
                $marks,
                ") ORDER BY ",
                $keys,
                " LIMIT $1"
            ),
            read: $read,
        }
    };
}

/// How each kind is read; sequences are no rows.
const fn reading(kind: Kind) -> Option<Reading> {
    Some(match kind {
        Kind::Installation => reading!("SELECT id FROM installation" by "id" > "$2", |row| {
            column(row, "installation", "id").map(Record::Installation)
        }),
        Kind::Services => reading!("SELECT id, record FROM services" by "id" > "$2", |row| {
            record(row, "services").map(Box::new).map(Record::Service)
        }),
        Kind::Passes => reading!(
            "SELECT services.id, ahead FROM services LEFT JOIN passes ON service = services.id"
            by "services.id" > "$2",
            read_passes
        ),
        Kind::Recalculations => reading!(
            "SELECT service, after FROM recalculations" by "service" > "$2",
            |row| {
                let after: Option<Uuid> = column(row, "recalculations", "after")?;
                let service = ServiceId(column(row, "recalculations", "service")?);
                Ok(Record::Recalculation(service, after.map(CallbackId)))
            }
        ),
        Kind::Agents => reading!("SELECT id, record FROM agents" by "id" > "$2", |row| {
            record(row, "agents").map(Box::new).map(Record::Agent)
        }),
        Kind::Callbacks => reading!(
            "SELECT id, ready, record FROM callbacks" by "id" > "$2",
            |row| {
                let callback = Box::new(record(row, "callbacks")?);
                Ok(Record::Callback(callback, column(row, "callbacks", "ready")?))
            }
        ),
        Kind::Claims => reading!(
            "SELECT key, callback, service, attempt FROM claims" by "key" > "$2",
            read_claim
        ),
        Kind::KeyWakes => reading!("SELECT key, at FROM key_wakes" by "key" > "$2", |row| {
            let key = TargetKey::from_stored(column(row, "key_wakes", "key")?);
            Ok(Record::KeyWake(key, column(row, "key_wakes", "at")?))
        }),
        Kind::Attempts => reading!("SELECT id, record FROM attempts" by "id" > "$2", |row| {
            record::<Attempt>(row, "attempts").map(Box::new).map(Record::Attempt)
        }),
        Kind::Suppressions => reading!(
            "SELECT sequence, id, key, service, reason, until, created_at FROM suppressions"
            by "sequence" > "$2",
            |row| {
                let suppression = suppression(row)?;
                Ok(Record::Suppression(suppression.sequence, Box::new(suppression)))
            }
        ),
        Kind::Routes => reading!("SELECT name, record FROM routes" by "name" > "$2", |row| {
            Ok(Record::Route(column(row, "routes", "name")?, record(row, "routes")?))
        }),
        Kind::Nodes => reading!("SELECT id, until FROM nodes" by "id" > "$2", |row| {
            Ok(Record::Node(NodeId(column(row, "nodes", "id")?), column(row, "nodes", "until")?))
        }),
        Kind::AccessKeys => reading!("SELECT id, record FROM keys" by "id" > "$2", |row| {
            record(row, "keys").map(Box::new).map(Record::AccessKey)
        }),
        Kind::Webhooks => reading!("SELECT id, record FROM webhooks" by "id" > "$2", |row| {
            record(row, "webhooks").map(Box::new).map(Record::Webhook)
        }),
        Kind::Deliveries => reading!("SELECT id, record FROM deliveries" by "id" > "$2", |row| {
            record(row, "deliveries").map(Box::new).map(Record::Delivery)
        }),
        Kind::Outbox => reading!("SELECT cursor FROM outbox" by "cursor" > "$2", |row| {
            column(row, "outbox", "cursor").map(unsigned).map(Record::Outbox)
        }),
        Kind::Remembered => reading!(
            "SELECT principal, key, body_hash, at, record FROM remembered"
            by "principal, key" > "$2, $3",
            read_remembered
        ),
        Kind::Ledger => reading!("SELECT * FROM ledger" by "sequence" > "$2", |row| {
            ledger::line(row).map(Box::new).map(Record::Line)
        }),
        Kind::Sequences => return None,
    })
}

/// Records of a kind after a key, by key.
pub(crate) async fn page(
    session: &mut Session,
    kind: Kind,
    after: Option<&Key>,
    rows: usize,
) -> Result<Vec<Record>, StoreError> {
    let Some(reading) = reading(kind) else { return sequences(session, after).await };
    let rows = limit(rows);
    let (sql, key) = match after {
        None => (reading.first, Vec::new()),
        Some(key) => (reading.next, parts(key)),
    };
    let mut parameters: Vec<Parameter<'_>> = vec![&rows];
    parameters.extend(key.iter().map(|part| -> Parameter<'_> { part.as_ref() }));
    let rows = session.query(sql, &parameters).await.map_err(Failure::into_error)?;
    rows.iter().map(reading.read).collect()
}

fn parts(key: &Key) -> Vec<Owned> {
    match key {
        Key::Id(id) => owned![*id],
        Key::Text(text) => owned![text.clone()],
        Key::Pair(one, other) => owned![one.clone(), other.clone()],
        Key::Number(number) => owned![signed(*number)],
    }
}

fn read_passes(row: &Row) -> Rowed<Record> {
    let service = ServiceId(column(row, "passes", "id")?);
    let Some(ahead) = column::<Option<Vec<u8>>>(row, "passes", "ahead")? else {
        return Ok(Record::Passes(service, Passes::default()));
    };
    let wrong = |cause: String| corrupt(row, "passes", "ahead", cause);
    let ahead = <[u8; 7]>::try_from(ahead)
        .map_err(|bytes| wrong(format!("{} bytes are not 7", bytes.len())))?;
    let passes = Passes::try_from(ahead).map_err(|error| wrong(error.to_string()))?;
    Ok(Record::Passes(service, passes))
}

fn read_claim(row: &Row) -> Rowed<Record> {
    let claim = Claim {
        callback: CallbackId(column(row, "claims", "callback")?),
        service: ServiceId(column(row, "claims", "service")?),
        attempt: column::<Option<Uuid>>(row, "claims", "attempt")?.map(AttemptId),
    };
    Ok(Record::Claim(TargetKey::from_stored(column(row, "claims", "key")?), claim))
}

fn read_remembered(row: &Row) -> Rowed<Record> {
    let remembered = Remembered {
        body_hash: column(row, "remembered", "body_hash")?,
        kept: record(row, "remembered")?,
        at: column(row, "remembered", "at")?,
    };
    let principal = column(row, "remembered", "principal")?;
    let key = column(row, "remembered", "key")?;
    Ok(Record::Remembered(principal, key, Box::new(remembered)))
}

/// The names in the database of what gives out a sequence's numbers.
const fn last_of(sequence: Sequence) -> &'static str {
    match sequence {
        Sequence::Ledger => {
            "/* transfer::last */ SELECT \
             CASE WHEN is_called THEN last_value ELSE last_value - 1 END AS last \
             FROM ledger_sequence"
        }
        Sequence::Suppressions => {
            "/* transfer::last */ SELECT \
             CASE WHEN is_called THEN last_value ELSE last_value - 1 END AS last \
             FROM suppressions_sequence_seq"
        }
    }
}

const SET_LAST: &str = "/* transfer::set_last */ \
    SELECT setval(pg_get_serial_sequence($1::text, 'sequence')::regclass, greatest($2::bigint, 1), \
        $2::bigint > 0)";

/// The table that a sequence numbers.
const fn numbered(sequence: Sequence) -> &'static str {
    match sequence {
        Sequence::Ledger => "ledger",
        Sequence::Suppressions => "suppressions",
    }
}

async fn sequences(session: &mut Session, after: Option<&Key>) -> Result<Vec<Record>, StoreError> {
    let mut found = Vec::new();
    for sequence in Sequence::ALL {
        let rows = session.query(last_of(sequence), &[]).await.map_err(Failure::into_error)?;
        let last = rows.first().map_or(Ok(0), |row| column(row, numbered(sequence), "last"))?;
        found.push(Record::Sequence(sequence, unsigned(last)));
    }
    found.retain(|record| after.is_none_or(|after| record.key() > *after));
    Ok(found)
}

pub(crate) async fn count(session: &mut Session, kind: Kind) -> Result<u64, StoreError> {
    let Some((table, _)) = TABLES.iter().find(|(_, of)| *of == Some(kind)) else {
        return Ok(Sequence::ALL.len() as u64);
    };
    let sql = format!("/* transfer::count */ SELECT count(*) FROM {table}");
    let row = session.client.query_one(&sql, &[]).await;
    let row = row.map_err(|error| Failure::of("counting records", &error).into_error())?;
    column(&row, "records", "count").map(unsigned)
}

const PUT_SUPPRESSION: &str = "/* transfer::put suppression */ INSERT INTO suppressions \
    (sequence, id, key, service, reason, until, created_at) OVERRIDING SYSTEM VALUE \
    VALUES ($1, $2, $3, $4, $5, $6, $7)";
const PUT_REMEMBERED: &str = "/* transfer::put remembered */ \
    INSERT INTO remembered (principal, key, body_hash, at, record) VALUES ($1, $2, $3, $4, $5)";
const PUT_LINE: &str = "/* transfer::put line */ INSERT INTO ledger \
    (sequence, kind, subject, service, at, what, from_phase, to_phase, actor, details) \
    OVERRIDING SYSTEM VALUE VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";

impl PostgresRows<'_> {
    /// Writes a record that is not there yet.
    pub(crate) async fn put_record(&mut self, record: Record) -> Rowed<()> {
        match record {
            Record::Installation(id) => {
                let sql = "/* transfer::put installation */ UPDATE installation SET id = $1";
                self.write(sql, owned![id]).await
            }
            Record::Service(service) => self.put_service(&service).await,
            Record::Passes(service, passes) => self.put_passes(service, &passes).await,
            Record::Recalculation(service, after) => self.put_recalculation(service, after).await,
            Record::Agent(agent) => self.put_agent(&agent).await,
            Record::Callback(callback, ready) => {
                self.insert(&callback, ready);
                Ok(())
            }
            Record::Claim(key, claim) => self.put_claim(&key, claim).await,
            Record::KeyWake(key, at) => self.wake_key(&key, at).await,
            Record::Attempt(attempt) => self.put_attempt(&attempt).await,
            Record::Suppression(sequence, suppression) => {
                self.put_suppression_as(sequence, *suppression).await
            }
            Record::Route(name, route) => self.put_route(&name, &route).await,
            Record::Node(node, until) => self.put_node_lease(node, until).await,
            Record::Remembered(principal, key, remembered) => {
                let Remembered { body_hash, kept, at } = *remembered;
                self.write(PUT_REMEMBERED, owned![principal, key, body_hash, at, Json(kept)]).await
            }
            Record::AccessKey(key) => self.put_key(&key).await,
            Record::Webhook(webhook) => self.put_webhook(&webhook).await,
            Record::Delivery(delivery) => self.put_delivery(&delivery).await,
            Record::Outbox(sequence) => self.put_outbox_cursor(sequence).await,
            Record::Line(line) => {
                let (kind, subject) = ledger::subject(line.subject);
                let parameters = owned![
                    signed(line.sequence),
                    kind,
                    subject,
                    line.service.map(|service| service.0),
                    line.at,
                    line.what,
                    line.from.map(|phase| phase.name()),
                    line.to.map(|phase| phase.name()),
                    line.actor,
                    Json(line.details),
                ];
                self.write(PUT_LINE, parameters).await
            }
            Record::Sequence(sequence, last) => {
                self.write(SET_LAST, owned![numbered(sequence), signed(last)]).await
            }
        }
    }

    async fn put_suppression_as(&mut self, sequence: u64, suppression: Suppression) -> Rowed<()> {
        let parameters = owned![
            signed(sequence),
            suppression.id,
            suppression.key.as_str().to_owned(),
            suppression.service_id.map(|service| service.0),
            suppression.reason,
            suppression.until,
            suppression.created_at,
        ];
        self.write(PUT_SUPPRESSION, parameters).await
    }

    /// Notes how far a copy has come.
    pub(crate) async fn note_progress(&mut self, progress: String) -> Rowed<()> {
        let sql = "/* transfer::note */ INSERT INTO transfer (progress) VALUES ($1) \
            ON CONFLICT (one) DO UPDATE SET progress = excluded.progress";
        self.write(sql, owned![progress]).await
    }

    /// Forgets the leases on a store that is to become another installation.
    pub(crate) async fn clear_nodes(&mut self) -> Rowed<()> {
        self.write("/* transfer::clear */ DELETE FROM nodes", owned![]).await
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::database::Database;
    use crate::{Options, PostgresStore};

    #[tokio::test]
    async fn every_table_is_copied_or_named_as_left_out() {
        let Some(database) = Database::make().await else { return };
        drop(
            PostgresStore::connect(&database.address(), Options::default())
                .await
                .expect("it opens"),
        );
        let list = "SELECT table_name::text FROM information_schema.tables \
            WHERE table_schema = current_schema()";
        let rows = database.client().await.query(list, &[]).await.expect("they are listed");
        let tables: BTreeSet<&str> = rows.iter().map(|row| row.get(0)).collect();
        let known: BTreeSet<&str> = TABLES.iter().map(|(table, _)| *table).collect();
        assert_eq!(tables, known);
        database.remove().await;
    }

    #[tokio::test]
    async fn every_sequence_is_copied() {
        let Some(database) = Database::make().await else { return };
        drop(
            PostgresStore::connect(&database.address(), Options::default())
                .await
                .expect("it opens"),
        );
        let list = "SELECT count(*) FROM pg_class WHERE relkind = 'S' \
            AND relnamespace = current_schema()::regnamespace";
        let row = database.client().await.query_one(list, &[]).await.expect("they are counted");
        assert_eq!(unsigned(row.get(0)), Sequence::ALL.len() as u64);
        database.remove().await;
    }

    #[test]
    fn every_kind_of_rows_has_a_table() {
        for kind in Kind::ALL.iter().filter(|kind| reading(**kind).is_some()) {
            assert!(TABLES.iter().any(|(_, of)| of == &Some(*kind)), "{}", kind.name());
        }
    }
}
