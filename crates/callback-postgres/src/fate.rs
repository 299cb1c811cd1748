//! Whether a transaction was committed when the connection was lost during its commit.
//!
//! Its number alone does not tell.
//! When the server dies before anything of a transaction is on the disk, the number is given out
//! once more after the restart, and `pg_xact_status` speaks of somebody else's transaction.
//! "Aborted" is true of ours all the same, since nothing of it is there; "committed" is true of
//! ours only when a line of the ledger is there that nobody else can have written.

use callback_engine::ledger::Line;
use tokio_postgres::error::SqlState;

use crate::connection::Session;
use crate::failure::Failure;
use crate::ledger;
use crate::records::column;

const STATUS: &str = "/* fate::STATUS */ SELECT pg_xact_status($1::text::xid8) AS status";
const LINE: &str = "/* fate::LINE */ \
    SELECT EXISTS (SELECT FROM ledger WHERE subject = $1 AND kind = $2 AND at = $3 AND what = $4 \
        AND xmin = xid($5::text::xid8)) AS written";

/// What a transaction leaves behind when it is committed.
#[derive(Debug)]
pub(crate) struct Trace {
    pub(crate) number: String,
    /// A line of the ledger, if it has written any.
    pub(crate) line: Option<Line>,
}

/// What became of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Committed,
    /// Nothing of it is there, and nothing will be.
    Undone,
    UnderWay,
    /// It left nothing by which it could be told from another of the same number.
    Untold,
}

/// Asks what became of the transaction that was to leave a trace.
pub(crate) async fn fate(session: &mut Session, trace: &Trace) -> Result<Fate, Failure> {
    let failed = |error| Failure::of("asking for a commit", &error);
    let statement = session.prepare(STATUS).await.map_err(failed)?;
    let row = match session.client.query_one(&statement, &[&trace.number]).await {
        Ok(row) => row,
        // After a restart the server does not yet know the number again.
        Err(error) if error.code() == Some(&SqlState::INVALID_PARAMETER_VALUE) => {
            return Ok(Fate::Undone);
        }
        Err(error) => return Err(failed(error)),
    };
    match row.try_get("status").map_err(failed)? {
        Some("in progress") => return Ok(Fate::UnderWay),
        Some("aborted") => return Ok(Fate::Undone),
        // Committed, or so long ago that the server has forgotten it.
        Some(_) | None => {}
    }
    let Some(line) = &trace.line else { return Ok(Fate::Untold) };
    let (kind, subject) = ledger::subject(line.subject);
    let rows = session.query(LINE, &[&subject, &kind, &line.at, &line.what, &trace.number]).await?;
    let written = match rows.first() {
        Some(row) => column(row, "ledger", "written").map_err(Failure::Other)?,
        None => false,
    };
    Ok(if written { Fate::Committed } else { Fate::Undone })
}

#[cfg(test)]
mod tests;
