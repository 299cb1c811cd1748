//! The writers: each takes what waits, runs it in one transaction, and answers after the commit.
//!
//! Commands of one kind that wait together share a transaction.
//! After a conflict a batch is taken apart, and each command runs again alone until it is through;
//! when nobody can tell whether it was committed, nothing runs again.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use callback_domain::date::Instant;
use callback_domain::id::{AgentId, ServiceId};
use callback_engine::clock::Clock;
use callback_engine::command::{Command, Done, What};
use callback_engine::commits::Commits;
use callback_engine::hint::Hint;
use callback_engine::store::StoreError;
use callback_engine::{Error, work};
use tokio::sync::mpsc::UnboundedSender;

use crate::connection::{Connector, Session};
use crate::failure::Failure;
use crate::fate::{Fate, Trace, fate};
use crate::glance::{Glance, glance};
use crate::jobs::{Job, Jobs};
use crate::locks::class;
use crate::rows::{Ahead, Answers, PostgresRows};
use crate::settled::Settled;

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

/// Whether a command edits what all others rely on, so that it runs while no other does.
fn edits_the_shape(what: &What) -> bool {
    matches!(
        what.bare(),
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
    /// The connection was lost during the commit of the transaction that was to leave this.
    Unknown(Trace, Vec<Result<Done, Error>>, StoreError),
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
    pub(crate) commits: Arc<Commits>,
    pub(crate) settled: Arc<Settled>,
}

impl Writer {
    pub(crate) async fn work(mut self) {
        loop {
            let batch = self.jobs.next(self.batch).await;
            let ended = batch.ended();
            self.carry_out(batch.jobs).await;
            self.jobs.done(ended);
        }
    }

    async fn carry_out(&mut self, jobs: Vec<Job>) {
        let (commands, answers): (Vec<_>, Vec<_>) =
            jobs.into_iter().map(|job| (job.command, job.answer)).unzip();
        let mut results = self.together(&commands).await.into_iter();
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

    /// Runs several commands in one transaction; answers nothing when each is to run alone.
    async fn together(&mut self, commands: &[Command]) -> Vec<Result<Done, Error>> {
        if commands.len() < 2 {
            return Vec::new();
        }
        match self.once(commands).await {
            Ok(results) => results,
            Err(Failure::Untold(error)) => {
                commands.iter().map(|_| Err(error.clone().into())).collect()
            }
            Err(Failure::Conflict(_) | Failure::Lost(_) | Failure::Other(_)) => Vec::new(),
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
            None => self.connector.open_to_write().await.map_err(Failure::Other)?,
        };
        match self.transact(&mut session, commands).await {
            Ran::Through(results) => {
                self.session = Some(session);
                Ok(results)
            }
            Ran::Failed(failure) => {
                let rolled_back = session.client.batch_execute("ROLLBACK").await;
                match (&failure, rolled_back) {
                    (Failure::Lost(error), _) => self.connector.note_lost(error.to_string()),
                    (_, Ok(())) => self.session = Some(session),
                    (_, Err(_)) => {}
                }
                Err(failure)
            }
            Ran::Unknown(trace, results, error) => {
                self.connector.note_lost(error.to_string());
                match self.fate(&trace).await {
                    Fate::Committed => Ok(results),
                    Fate::Undone => Err(Failure::Lost(error)),
                    Fate::UnderWay | Fate::Untold => Err(Failure::Untold(error)),
                }
            }
        }
    }

    async fn transact(&self, session: &mut Session, commands: &[Command]) -> Ran {
        let clock = self.clock.as_deref();
        let less;
        let commands = match commands {
            [command] => match glance(session, command, clock, &self.settled).await {
                Ok(Glance::Nothing(done)) => return Ran::Through(vec![Ok(done)]),
                Ok(Glance::Less(command)) => {
                    less = command;
                    std::slice::from_ref(&less)
                }
                Ok(Glance::All) => commands,
                Err(failure) => return Ran::Failed(failure),
            },
            _ => commands,
        };
        let alone = commands.iter().any(|command| edits_the_shape(&command.what));
        let shape = if alone { HOLD_THE_SHAPE } else { SHARE_THE_SHAPE };
        let ahead = Ahead::of(commands, self.settled.until());
        let (now, answers) = match begin(session, shape, &ahead).await {
            Ok(begun) => begun,
            Err(failure) => return Ran::Failed(failure),
        };
        self.connector.note_time(now);
        let now = clock.map_or(now, Clock::now);
        let mut rows = PostgresRows::writing(session, now);
        match run(&mut rows, commands, &ahead, answers).await {
            Ok((results, trace)) => {
                let earliest = rows.earliest_written();
                drop(rows);
                let ran = commit(session, results, trace).await;
                if let Some(earliest) = earliest {
                    self.settled.wrote(earliest, self.connector.time());
                }
                if matches!(ran, Ran::Through(_)) {
                    self.commits.note(commands.len());
                }
                ran
            }
            Err(error) => Ran::Failed(rows.failure().unwrap_or(Failure::Other(error))),
        }
    }

    /// What became of a transaction; asked until it is over, or patience is.
    async fn fate(&mut self, trace: &Trace) -> Fate {
        let mut pause = FIRST_PAUSE;
        for _ in 0..QUESTIONS {
            if let Ok(mut session) = self.connector.open_to_write().await {
                let fate = fate(&mut session, trace).await;
                if !session.is_lost() {
                    self.session = Some(session);
                }
                if let Ok(fate @ (Fate::Committed | Fate::Undone | Fate::Untold)) = fate {
                    return fate;
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        Fate::Untold
    }
}

/// Runs commands and writes what they have changed; answers what the transaction leaves behind,
/// too.
async fn run(
    rows: &mut PostgresRows<'_>,
    commands: &[Command],
    ahead: &Ahead,
    answers: Answers,
) -> Result<(Vec<Result<Done, Error>>, Option<Trace>), StoreError> {
    rows.keep_ahead(ahead, answers).await?;
    let mut results = Vec::with_capacity(commands.len());
    for command in commands {
        if let What::Dispatch { services, agents, .. } = &command.what {
            rows.lock_queues(services, agents).await?;
        }
        let result = work::run(rows, command).await;
        if let Err(Error::Store(error)) = result {
            return Err(error);
        }
        results.push(result);
    }
    let (woken, trace) = rows.flush().await?;
    wake(&mut results, woken);
    Ok((results, trace))
}

/// Has the first command that did something wake whom the transaction woke.
fn wake(results: &mut [Result<Done, Error>], woken: BTreeSet<(ServiceId, Option<AgentId>)>) {
    let Some(done) = results.iter_mut().find_map(|result| result.as_mut().ok()) else { return };
    for (service, agent) in woken {
        match agent {
            Some(agent) => done.after.agents.insert(agent),
            None => done.after.services.insert(service),
        };
    }
}

/// Begins a transaction, and asks with that for what its commands will need.
async fn begin(
    session: &mut Session,
    shape: &'static str,
    ahead: &Ahead,
) -> Result<(Instant, Answers), Failure> {
    let (first, answers) = ahead.begin(session, shape).await?;
    let nothing = || {
        Failure::Other(StoreError::Unavailable {
            during: "beginning",
            cause: "the database did not tell the time".to_owned(),
        })
    };
    let now = first.first().ok_or_else(nothing)?.try_get("now");
    Ok((now.map_err(|error| Failure::of("beginning", &error))?, answers))
}

async fn commit(
    session: &mut Session,
    results: Vec<Result<Done, Error>>,
    trace: Option<Trace>,
) -> Ran {
    let Err(error) = session.client.batch_execute("COMMIT").await else {
        return Ran::Through(results);
    };
    match (Failure::of("committing", &error), trace) {
        (Failure::Lost(error), Some(trace)) => Ran::Unknown(trace, results, error),
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
