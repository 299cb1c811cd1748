//! The ledger: numbered while transactions run, read so that no line is ever skipped.
//!
//! Numbers come from a sequence when a line is written, so a transaction that commits late can
//! make a line visible below lines that were read long ago.
//! A reader who goes on from the last number it saw would skip that line.
//! So every transaction that writes lines first takes a shared lock whose *name* is the last
//! number that had been given out, its floor, and keeps it until its end; the database lists
//! locks to everybody, those of open transactions too.
//!
//! A reader takes three steps, each a statement of its own:
//! it reads the last number given out, *last*;
//! it reads the lowest floor of all transactions under way, *floor*;
//! it reads the lines up to *min(last, floor)*.
//!
//! Nothing can appear at or below that mark afterwards.
//! Take any line that the third step does not see although it will be committed, with number *n*.
//! If *n* was given out after the first step, *n > last*.
//! Otherwise its transaction had taken its lock before the first step, since it takes the lock
//! before it asks for numbers, and is not yet over, since what is committed becomes visible before
//! its locks are released; so the second step saw that lock, and *n > floor*, because the floor was
//! read before *n* was given out.
//! Either way *n* lies above the mark.
//!
//! The history of one subject is read without the mark: its lines are written under one lock after
//! the other, so they are numbered in the order in which they are committed.

use callback_domain::callback::PhaseName;
use callback_domain::id::{AgentId, CallbackId, KeyId, ServiceId, WebhookId};
use callback_engine::ledger::{Line, Subject};
use callback_engine::store::{Rowed, StoreError};
use tokio_postgres::Row;
use tokio_postgres::types::Json;
use uuid::Uuid;

use crate::connection::Session;
use crate::failure::Failure;
use crate::records::{column, corrupt, limit as sql_limit, signed, unsigned};

/// Takes the shared lock that is named after the last number given out, and appends lines; answers
/// the number of the transaction with each.
///
/// The lines are sorted, which takes all of them and so the lock, before the first asks for its
/// number.
pub(crate) const APPEND: &str = "/* ledger::APPEND */ \
    WITH held AS MATERIALIZED ( \
        SELECT pg_advisory_xact_lock_shared((3249::bigint << 48) | last) FROM ( \
            SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END AS last \
            FROM ledger_sequence) AS given) \
    INSERT INTO ledger (kind, subject, service, at, what, from_phase, to_phase, actor, details) \
    SELECT kind, subject, service, at, what, from_phase, to_phase, actor, details \
    FROM held CROSS JOIN unnest($1::text[], $2::uuid[], $3::uuid[], $4::timestamptz[], \
        $5::text[], $6::text[], $7::text[], $8::text[], $9::json[]) WITH ORDINALITY \
        AS new (kind, subject, service, at, what, from_phase, to_phase, actor, details, number) \
    ORDER BY number RETURNING pg_current_xact_id()::text AS id";

const LAST: &str = "/* ledger::LAST */ \
    SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END AS last FROM ledger_sequence";

const FLOOR: &str = "/* ledger::FLOOR */ \
    SELECT min(((classid::bigint & 65535) << 32) | objid::bigint) AS floor FROM pg_locks \
    WHERE locktype = 'advisory' AND objsubid = 1 AND classid::bigint >> 16 = 3249 \
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

const ALL: &str = "/* ledger::ALL */ SELECT * FROM ledger \
    WHERE sequence > $1 AND sequence <= $2 ORDER BY sequence LIMIT $3";

const OF_SUBJECT: &str = "/* ledger::OF_SUBJECT */ SELECT * FROM ledger \
    WHERE subject = $1 AND kind = $2 AND sequence > $3 ORDER BY sequence LIMIT $4";

/// A subject as its columns.
pub(crate) const fn subject(subject: Subject) -> (&'static str, Uuid) {
    (subject.kind(), subject.id())
}

/// Lines after a number; of all subjects, only those before which nothing can appear any more.
pub(crate) async fn read(
    session: &mut Session,
    only: Option<Subject>,
    after: u64,
    limit: usize,
) -> Result<Vec<Row>, Failure> {
    let (after, limit) = (signed(after), sql_limit(limit));
    if let Some(only) = only {
        let (kind, id) = subject(only);
        return session.query(OF_SUBJECT, &[&id, &kind, &after, &limit]).await;
    }
    let mark = end(session).await?;
    session.query(ALL, &[&after, &mark, &limit]).await
}

/// The mark: the last number at or below which nothing can appear any more.
pub(crate) async fn end(session: &mut Session) -> Result<i64, Failure> {
    let (last, floor) = session.query_both((LAST, &[]), (FLOOR, &[])).await?;
    let number = |rows: &[Row]| rows.first().and_then(|row| row.get::<_, Option<i64>>(0));
    let last = number(&last).unwrap_or(0);
    Ok(number(&floor).map_or(last, |floor| floor.min(last)))
}

/// Reads a row of the ledger.
pub(crate) fn line(row: &Row) -> Rowed<Line> {
    const TABLE: &str = "ledger";
    let kind: &str = column(row, TABLE, "kind")?;
    let id: Uuid = column(row, TABLE, "subject")?;
    let subject = match kind {
        "Callback" => Subject::Callback(CallbackId(id)),
        "Service" => Subject::Service(ServiceId(id)),
        "User" => Subject::User(AgentId(id)),
        "Webhook" => Subject::Webhook(WebhookId(id)),
        "Key" => Subject::Key(KeyId(id)),
        "Erasure" => Subject::Erasure(id),
        other => return Err(corrupt(row, TABLE, "kind", format!("{other} is none"))),
    };
    let Json(details) = column(row, TABLE, "details")?;
    Ok(Line {
        sequence: unsigned(column(row, TABLE, "sequence")?),
        subject,
        service: column::<Option<Uuid>>(row, TABLE, "service")?.map(ServiceId),
        at: column(row, TABLE, "at")?,
        what: column(row, TABLE, "what")?,
        from: phase(row, "from_phase")?,
        to: phase(row, "to_phase")?,
        actor: column(row, TABLE, "actor")?,
        details,
    })
}

fn phase(row: &Row, name: &'static str) -> Result<Option<PhaseName>, StoreError> {
    let Some(text) = column::<Option<&str>>(row, "ledger", name)? else { return Ok(None) };
    let found = PhaseName::ALL.into_iter().find(|phase| phase.name() == text);
    found.map(Some).ok_or_else(|| corrupt(row, "ledger", name, format!("{text} is none")))
}
