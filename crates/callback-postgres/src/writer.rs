//! The writers: each takes what waits, runs it in one transaction, and answers after the commit.
//!
//! Creations that wait together share a transaction: they lock nothing that another creation
//! locks unless duplicates are refused, so the batch costs one commit and cannot block itself.
//! Everything else runs alone, so that no transaction keeps more lines and agents from the other
//! nodes than its command needs.
//! After a conflict a batch is taken apart, and each command runs again alone until it is through.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use callback_domain::date::Instant;
use callback_engine::clock::Clock;
use callback_engine::command::{Command, Done, What};
use callback_engine::hint::Hint;
use callback_engine::store::StoreError;
use callback_engine::{Error, work};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Notify, oneshot};

use crate::connection::{Connector, Session};
use crate::failure::Failure;
use crate::locks::class;
use crate::records::column;
use crate::rows::PostgresRows;

/// How long a command is run again after conflicts.
const PATIENCE: Duration = Duration::from_secs(10);
/// The first pause after a conflict; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
/// The longest pause after a conflict.
const LONGEST_PAUSE: Duration = Duration::from_millis(250);
/// How often the fate of a commit is asked for.
const QUESTIONS: u32 = 20;

const SHARE_THE_SHAPE: &str = concat!(
    "/* writer::begin */ SELECT pg_advisory_xact_lock_shared(",
    class!(shape),
    ", 0), clock_timestamp() AS now"
);
const HOLD_THE_SHAPE: &str = concat!(
    "/* writer::begin alone */ SELECT pg_advisory_xact_lock(",
    class!(shape),
    ", 0), clock_timestamp() AS now"
);
const TRANSACTION: &str =
    "/* writer::commit */ SELECT pg_current_xact_id_if_assigned()::text AS id";
const FATE: &str = "/* writer::fate */ SELECT pg_xact_status($1::text::xid8) AS fate";

/// A command and who waits for its answer.
pub(crate) struct Job {
    pub(crate) command: Command,
    pub(crate) answer: oneshot::Sender<Result<Done, Error>>,
}

/// Commands that wait for a writer.
#[derive(Default)]
pub(crate) struct Jobs {
    waiting: Mutex<VecDeque<Job>>,
    arrival: Notify,
}

impl Jobs {
    pub(crate) fn push(&self, job: Job) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push_back(job);
        self.arrival.notify_one();
    }

    /// The next command, or the creations that wait in a row.
    async fn next(&self, batch: usize) -> Vec<Job> {
        loop {
            let arrival = self.arrival.notified();
            let found = self.take(batch);
            if !found.is_empty() {
                return found;
            }
            arrival.await;
        }
    }

    fn take(&self, batch: usize) -> Vec<Job> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let creations = waiting.iter().take_while(|job| is_creation(&job.command.what)).count();
        let taken = creations.clamp(1, batch.max(1)).min(waiting.len());
        waiting.drain(..taken).collect()
    }
}

const fn is_creation(what: &What) -> bool {
    matches!(what, What::Create(_))
}

/// Whether a command edits what all others rely on, so that it runs while no other does.
const fn edits_the_shape(what: &What) -> bool {
    matches!(
        what,
        What::CreateService(_)
            | What::ReplaceService { .. }
            | What::DeleteService { .. }
            | What::CreateAgent(_)
            | What::ReplaceAgent { .. }
            | What::DeleteAgent { .. }
            | What::CreateKey(_)
    )
}

/// What a transaction came to.
enum Ran {
    Through(Vec<Result<Done, Error>>),
    Failed(Failure),
    /// The connection was lost during the commit of this transaction.
    Unknown(String, Vec<Result<Done, Error>>, StoreError),
}

/// One writer with its connection.
pub(crate) struct Writer {
    pub(crate) connector: Arc<Connector>,
    pub(crate) jobs: Arc<Jobs>,
    pub(crate) hints: UnboundedSender<Hint>,
    pub(crate) batch: usize,
    /// Tells the time instead of the database.
    pub(crate) clock: Option<Arc<dyn Clock>>,
    pub(crate) session: Option<Session>,
}

impl Writer {
    pub(crate) async fn work(mut self) {
        loop {
            let jobs = self.jobs.next(self.batch).await;
            self.carry_out(jobs).await;
        }
    }

    async fn carry_out(&mut self, jobs: Vec<Job>) {
        let (commands, answers): (Vec<_>, Vec<_>) =
            jobs.into_iter().map(|job| (job.command, job.answer)).unzip();
        let together = if commands.len() > 1 { self.once(&commands).await.ok() } else { None };
        let mut results = together.unwrap_or_default().into_iter();
        for (command, answer) in commands.into_iter().zip(answers) {
            let result = match results.next() {
                Some(result) => result,
                None => self.alone(&command).await,
            };
            if let Ok(done) = &result {
                let hint = Hint::from(&done.after);
                if !hint.is_empty() {
                    // The courier ends with the store.
                    self.hints.send(hint).ok();
                }
            }
            // Whoever asked may have gone; what was done stays done.
            answer.send(result).ok();
        }
    }

    /// Runs a command until it is through, or it is clear that it will not be.
    async fn alone(&mut self, command: &Command) -> Result<Done, Error> {
        let began = tokio::time::Instant::now();
        let (mut pause, mut reconnected) = (FIRST_PAUSE, false);
        loop {
            match self.once(std::slice::from_ref(command)).await {
                Ok(results) => match results.into_iter().next() {
                    Some(result) => return result,
                    None => unreachable!("one command has one result"),
                },
                Err(Failure::Conflict(error)) => {
                    if began.elapsed() > PATIENCE {
                        return Err(error.into());
                    }
                    tracing::debug!(%error, "another transaction was in the way; running again");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                // A connection that had been idle may have died long ago.
                Err(Failure::Lost(_)) if !reconnected => reconnected = true,
                Err(failure) => return Err(failure.into_error().into()),
            }
        }
    }

    /// Runs commands in one transaction.
    async fn once(&mut self, commands: &[Command]) -> Result<Vec<Result<Done, Error>>, Failure> {
        let mut session = match self.session.take().filter(|session| !session.is_lost()) {
            Some(session) => session,
            None => self.connector.open().await.map_err(Failure::Other)?,
        };
        match transact(&mut session, commands, self.clock.as_deref()).await {
            Ran::Through(results) => {
                self.session = Some(session);
                Ok(results)
            }
            Ran::Failed(failure) => {
                let rolled_back = session.client.batch_execute("ROLLBACK").await;
                match (&failure, rolled_back) {
                    (Failure::Lost(error), _) => self.connector.note_lost(error.to_string()),
                    (Failure::Conflict(_) | Failure::Other(_), Ok(())) => {
                        self.session = Some(session);
                    }
                    (Failure::Conflict(_) | Failure::Other(_), Err(_)) => {}
                }
                Err(failure)
            }
            Ran::Unknown(transaction, results, error) => {
                self.connector.note_lost(error.to_string());
                match self.fate(&transaction).await {
                    Some(true) => Ok(results),
                    Some(false) => Err(Failure::Lost(error)),
                    None => Err(Failure::Other(error)),
                }
            }
        }
    }

    /// Whether a transaction was committed, `None` when the database cannot be asked.
    async fn fate(&mut self, transaction: &str) -> Option<bool> {
        let mut pause = FIRST_PAUSE;
        for _ in 0..QUESTIONS {
            if let Ok(mut session) = self.connector.open().await {
                let rows = session.query(FATE, &[&transaction]).await.ok()?;
                let fate: Option<String> = column(rows.first()?, "transactions", "fate").ok()?;
                self.session = Some(session);
                match fate.as_deref() {
                    Some("committed") => return Some(true),
                    Some("aborted") => return Some(false),
                    Some(_) | None => {}
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        None
    }
}

async fn transact(session: &mut Session, commands: &[Command], clock: Option<&dyn Clock>) -> Ran {
    let alone = commands.iter().any(|command| edits_the_shape(&command.what));
    let shape = if alone { HOLD_THE_SHAPE } else { SHARE_THE_SHAPE };
    let now = match begin(session, shape).await {
        Ok(now) => now,
        Err(failure) => return Ran::Failed(failure),
    };
    let now = clock.map_or(now, Clock::now);
    let mut rows = PostgresRows::writing(session, now);
    let mut results = Vec::with_capacity(commands.len());
    for command in commands {
        let result = match lock_ahead(&mut rows, command).await {
            Ok(()) => work::run(&mut rows, command).await,
            Err(error) => Err(Error::Store(error)),
        };
        if let Err(Error::Store(error)) = result {
            return Ran::Failed(rows.failure().unwrap_or(Failure::Other(error)));
        }
        results.push(result);
    }
    if let Err(error) = rows.flush().await {
        return Ran::Failed(rows.failure().unwrap_or(Failure::Other(error)));
    }
    drop(rows);
    commit(session, results).await
}

async fn begin(session: &mut Session, shape: &'static str) -> Result<Instant, Failure> {
    let statement = session.prepare(shape).await;
    let statement = statement.map_err(|error| Failure::of("beginning", &error))?;
    let (began, rows) = tokio::join!(
        session.client.batch_execute("BEGIN ISOLATION LEVEL READ COMMITTED"),
        session.client.query_one(&statement, &[]),
    );
    began.map_err(|error| Failure::of("beginning", &error))?;
    let row = rows.map_err(|error| Failure::of("beginning", &error))?;
    row.try_get("now").map_err(|error| Failure::of("beginning", &error))
}

/// Locks what is locked in an order of its own, before anything else.
async fn lock_ahead(rows: &mut PostgresRows<'_>, command: &Command) -> Result<(), StoreError> {
    if let What::Dispatch { services, agents, .. } = &command.what {
        rows.lock_queues(services, agents).await
    } else if let What::Next { agent } = &command.what {
        rows.lock_queues(&[], &[*agent]).await
    } else {
        Ok(())
    }
}

async fn commit(session: &mut Session, results: Vec<Result<Done, Error>>) -> Ran {
    let transaction = match session.query(TRANSACTION, &[]).await {
        Ok(rows) => rows.first().and_then(|row| row.get::<_, Option<String>>("id")),
        Err(failure) => return Ran::Failed(failure),
    };
    let Err(error) = session.client.batch_execute("COMMIT").await else {
        return Ran::Through(results);
    };
    match (Failure::of("committing", &error), transaction) {
        (Failure::Lost(error), Some(transaction)) => Ran::Unknown(transaction, results, error),
        // Nothing was written, so nothing is in doubt.
        (Failure::Lost(_), None) => Ran::Through(results),
        (failure, _) => Ran::Failed(failure),
    }
}

/// Runs a command that only reads, over one picture of the whole installation.
pub(crate) async fn look(
    session: &mut Session,
    command: &Command,
    clock: Option<&dyn Clock>,
) -> Result<Done, Error> {
    let failed = |error: &tokio_postgres::Error| Failure::of("reading", error).into_error();
    let began = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
    session.client.batch_execute(began).await.map_err(|error| failed(&error))?;
    let sql = "/* writer::look */ SELECT clock_timestamp() AS now";
    let rows = session.query(sql, &[]).await.map_err(Failure::into_error)?;
    let row = rows.first().ok_or_else(|| StoreError::Unavailable {
        during: "reading",
        cause: "the database did not tell the time".to_owned(),
    })?;
    let now = row.try_get("now").map_err(|error| failed(&error))?;
    let now = clock.map_or(now, Clock::now);
    let mut rows = PostgresRows::reading(session, now);
    let done = work::run(&mut rows, command).await;
    drop(rows);
    let ended = session.client.batch_execute("COMMIT").await;
    match (done, ended) {
        (Ok(_), Err(error)) => Err(failed(&error).into()),
        (done, _) => done,
    }
}

/// Whether a command only reads.
pub(crate) const fn only_looks(what: &What) -> bool {
    matches!(
        what,
        What::Survey
            | What::Task { .. }
            | What::Explain { .. }
            | What::Position { .. }
            | What::Insight { .. }
    )
}
