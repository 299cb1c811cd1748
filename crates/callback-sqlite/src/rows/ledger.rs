//! The ledger.

use callback_domain::callback::PhaseName;
use callback_domain::date;
use callback_domain::id::{AgentId, CallbackId, KeyId, ServiceId, WebhookId};
use callback_engine::ledger::{Line, Subject};
use rusqlite::{Connection, Row, params};
use uuid::Uuid;

use crate::sql::{Answer, Fields, all, json, limit, one, signed, unsigned, write};

const COLUMNS: &[&str] = &[
    "sequence",
    "subject_kind",
    "subject",
    "service",
    "at",
    "what",
    "from_phase",
    "to_phase",
    "actor",
    "details",
];

macro_rules! select_lines {
    ($rest:literal) => {
        concat!(
            "SELECT sequence, subject_kind, subject, service, at, what, from_phase, to_phase, \
             actor, details FROM history ",
            $rest
        )
    };
}

pub(super) fn read(row: &Row<'_>) -> Answer<Line> {
    let mut fields = Fields::new(row, "history", COLUMNS);
    Ok(Line {
        sequence: unsigned(fields.take()?),
        subject: subject(&mut fields)?,
        service: fields.take::<Option<Uuid>>()?.map(ServiceId),
        at: fields.instant()?,
        what: fields.take()?,
        from: fields.maybe_named(&PhaseName::ALL, PhaseName::name)?,
        to: fields.maybe_named(&PhaseName::ALL, PhaseName::name)?,
        actor: fields.take()?,
        details: fields.json()?,
    })
}

fn subject(fields: &mut Fields<'_, '_>) -> Answer<Subject> {
    let kind: i64 = fields.take()?;
    let subject = match kind {
        0 => |id| Subject::Callback(CallbackId(id)),
        1 => |id| Subject::Service(ServiceId(id)),
        2 => |id| Subject::User(AgentId(id)),
        3 => |id| Subject::Webhook(WebhookId(id)),
        4 => |id| Subject::Key(KeyId(id)),
        5 => Subject::Erasure,
        _ => return Err(fields.wrong(&format!("{kind} is no kind of subject"))),
    };
    Ok(subject(fields.take()?))
}

/// The kind and identity of a subject, as [`subject`] reads them.
const fn subject_columns(subject: Subject) -> (i64, Uuid) {
    match subject {
        Subject::Callback(id) => (0, id.0),
        Subject::Service(id) => (1, id.0),
        Subject::User(id) => (2, id.0),
        Subject::Webhook(id) => (3, id.0),
        Subject::Key(id) => (4, id.0),
        Subject::Erasure(id) => (5, id),
    }
}

pub(crate) fn lines(
    connection: &Connection,
    subject: Option<Subject>,
    after: u64,
    rows: usize,
) -> Answer<Vec<Line>> {
    const OF_ALL: &str = select_lines!("WHERE sequence > ?1 ORDER BY sequence LIMIT ?2");
    const OF_ONE: &str = select_lines!(
        "WHERE subject = ?3 AND subject_kind = ?4 AND sequence > ?1 ORDER BY sequence LIMIT ?2"
    );
    let (after, rows) = (signed(after), limit(rows));
    match subject.map(subject_columns) {
        Some((kind, id)) => all(connection, OF_ONE, params![after, rows, id, kind], read),
        None => all(connection, OF_ALL, params![after, rows], read),
    }
}

pub(super) fn line(connection: &Connection, sequence: u64) -> Answer<Option<Line>> {
    one(connection, select_lines!("WHERE sequence = ?1"), params![signed(sequence)], read)
}

pub(super) fn last(connection: &Connection) -> Answer<u64> {
    let last =
        one(connection, "SELECT seq FROM sqlite_sequence WHERE name = 'history'", [], |row| {
            Ok(row.get::<_, Option<i64>>(0)?)
        })?;
    Ok(last.flatten().map_or(0, unsigned))
}

pub(super) fn append(connection: &Connection, line: &Line) -> Answer<()> {
    write_line(connection, line, None)
}

/// Appends a line under the number that it has elsewhere.
pub(super) fn append_as(connection: &Connection, line: &Line) -> Answer<()> {
    write_line(connection, line, Some(signed(line.sequence)))
}

fn write_line(connection: &Connection, line: &Line, sequence: Option<i64>) -> Answer<()> {
    const APPEND: &str = "INSERT INTO history (subject_kind, subject, service, at, what, \
        from_phase, to_phase, actor, details, sequence) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    let (kind, id) = subject_columns(line.subject);
    write(
        connection,
        APPEND,
        params![
            kind,
            id,
            line.service.map(|service| service.0),
            date::micros(line.at),
            line.what,
            line.from.map(PhaseName::name),
            line.to.map(PhaseName::name),
            line.actor,
            json("history", &line.details)?,
            sequence,
        ],
    )?;
    Ok(())
}
