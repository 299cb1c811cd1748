//! The one thread that writes: commands that wait are committed together, each is answered after.
//!
//! A command that is refused has written nothing and does not disturb its neighbours.
//! When one fails in the rows, all of its transaction is undone and each command gets one of its own.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use callback_engine::command::{Command, Done};
use callback_engine::error::Error;
use callback_engine::store::StoreError;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::connect::Exclusive;
use crate::error::{Failure, OpenError, Trouble};
use crate::health::{Fault, Health, stopped};
use crate::recent::Recent;
use crate::rows::SqliteRows;
use crate::rows::cache::Cache;

/// The most commands of one transaction.
const BATCH: usize = 512;
/// How many more may wait before callers do.
const QUEUE: usize = 4_096;

type Ran = Result<Done, Error>;

/// What the thread is asked to do.
enum Job {
    Run(Box<Command>, oneshot::Sender<Ran>),
    Checkpoint(oneshot::Sender<Result<(), StoreError>>),
    LimitPages(u32, oneshot::Sender<Result<(), StoreError>>),
}

/// The handle on the thread; dropping it finishes what was accepted, and closes the file.
pub(crate) struct Writer {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(crate) fn start(
        connection: Connection,
        health: Arc<Health>,
        recent: Arc<Recent>,
        exclusive: Arc<Exclusive>,
    ) -> Result<Self, OpenError> {
        let (jobs, waiting) = mpsc::channel(QUEUE);
        let thread = thread::Builder::new()
            .name("callback-sqlite".to_owned())
            .spawn(move || {
                let last = LastWord(health);
                let cache = Cache::beside(Arc::clone(&recent));
                let health = Arc::clone(&last.0);
                let mut at_work = AtWork { connection, cache, recent, health };
                at_work.serve(waiting);
                drop(at_work);
                drop(exclusive);
            })
            .map_err(OpenError::Thread)?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    pub(crate) async fn run(&self, command: Command) -> Ran {
        let (answer, answered) = oneshot::channel();
        self.hand_over(Job::Run(Box::new(command), answer)).await?;
        answered.await.unwrap_or_else(|_| Err(Error::Store(stopped())))
    }

    pub(crate) async fn checkpoint(&self) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        self.hand_over(Job::Checkpoint(answer)).await?;
        answered.await.unwrap_or_else(|_| Err(stopped()))
    }

    pub(crate) async fn limit_pages(&self, pages: u32) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        self.hand_over(Job::LimitPages(pages, answer)).await?;
        answered.await.unwrap_or_else(|_| Err(stopped()))
    }

    async fn hand_over(&self, job: Job) -> Result<(), StoreError> {
        let jobs = self.jobs.as_ref().ok_or_else(stopped)?;
        jobs.send(job).await.map_err(|_| stopped())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the writer's thread has panicked");
        }
    }
}

/// Says that the writer is gone, however it went.
struct LastWord(Arc<Health>);

impl Drop for LastWord {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.fail(Fault::Stopped);
        }
    }
}

/// The thread's own.
struct AtWork {
    connection: Connection,
    cache: Cache,
    recent: Arc<Recent>,
    health: Arc<Health>,
}

/// A transaction that was undone, and the error of the command that was the reason.
struct Undone {
    trouble: Trouble,
    error: Error,
}

impl Undone {
    fn new(trouble: Trouble, during: &'static str, error: rusqlite::Error) -> Self {
        Self { trouble, error: Error::Store(Failure::Sqlite(error).during(during)) }
    }
}

impl AtWork {
    fn serve(&mut self, mut waiting: mpsc::Receiver<Job>) {
        let mut jobs = Vec::with_capacity(BATCH);
        while waiting.blocking_recv_many(&mut jobs, BATCH) > 0 {
            let mut batch = Vec::with_capacity(jobs.len());
            for job in jobs.drain(..) {
                match job {
                    Job::Run(command, answer) => batch.push((command, answer)),
                    Job::Checkpoint(answer) => {
                        self.run_batch(std::mem::take(&mut batch));
                        tell(answer, self.checkpoint());
                    }
                    Job::LimitPages(pages, answer) => {
                        self.run_batch(std::mem::take(&mut batch));
                        tell(answer, self.limit_pages(pages));
                    }
                }
            }
            self.run_batch(batch);
        }
        if let Err(error) = self.checkpoint() {
            tracing::warn!(%error, "failed to copy the log into the file; the next start does it");
        }
    }

    fn run_batch(&mut self, batch: Vec<(Box<Command>, oneshot::Sender<Ran>)>) {
        let (commands, answers): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
        for (answer, ran) in answers.into_iter().zip(self.run_all(&commands)) {
            tell(answer, ran);
        }
    }

    /// One answer for each command, in their order.
    fn run_all(&mut self, commands: &[Box<Command>]) -> Vec<Ran> {
        if commands.is_empty() {
            return Vec::new();
        }
        let mut standing = self.health.refusal().map(Error::Store);
        if standing.is_none() {
            match self.transact(commands) {
                Ok(answers) => return answers,
                Err(undone) if commands.len() == 1 || lasts(undone.trouble) => {
                    standing = Some(undone.error);
                }
                Err(_) => {}
            }
        }
        let mut answers = Vec::with_capacity(commands.len());
        for command in commands {
            if let Some(error) = &standing {
                answers.push(Err(error.clone()));
                continue;
            }
            match self.transact(std::slice::from_ref(command)) {
                Ok(answer) => answers.extend(answer),
                Err(undone) => {
                    standing = lasts(undone.trouble).then(|| undone.error.clone());
                    answers.push(Err(undone.error));
                }
            }
        }
        answers
    }

    /// Runs commands in one transaction: all of them, or none.
    fn transact(&mut self, commands: &[Box<Command>]) -> Result<Vec<Ran>, Undone> {
        let written = self.connection.total_changes();
        let ran = self.begin().and_then(|()| self.run_each(commands)).and_then(|answers| {
            self.commit()?;
            Ok(answers)
        });
        match ran {
            Ok(answers) => {
                self.health.commits.note(commands.len());
                if self.connection.total_changes() != written {
                    self.health.recover();
                }
                Ok(answers)
            }
            Err(undone) => Err(self.undo(undone)),
        }
    }

    fn begin(&self) -> Result<(), Undone> {
        let begun = self.say("BEGIN IMMEDIATE");
        begun.map_err(|error| Undone::new(Trouble::of(&error), "beginning a transaction", error))
    }

    fn run_each(&mut self, commands: &[Box<Command>]) -> Result<Vec<Ran>, Undone> {
        let now = self.health.now();
        let mut answers = Vec::with_capacity(commands.len());
        for command in commands {
            let written = self.connection.total_changes();
            let mut rows = SqliteRows::new(&mut self.connection, &mut self.cache, now);
            let answer = rows.run(command);
            let trouble = rows.trouble();
            match answer {
                Err(error @ Error::Store(_)) => return Err(Undone { trouble, error }),
                // A refusal that wrote nevertheless is undone with all of its transaction.
                Err(error) if self.connection.total_changes() != written => {
                    return Err(Undone { trouble, error });
                }
                answer => answers.push(answer),
            }
        }
        Ok(answers)
    }

    fn commit(&mut self) -> Result<(), Undone> {
        let changed = self.cache.take_changed();
        let committed = self.recent.during(changed, || self.say("COMMIT"));
        committed.map_err(|error| Undone::new(Trouble::of_commit(&error), "committing", error))
    }

    /// Runs a statement without an answer, which is read only once.
    fn say(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute([]).map(|_| ())
    }

    fn undo(&mut self, mut undone: Undone) -> Undone {
        self.cache.clear();
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            undone = Undone::new(Trouble::Broken, "undoing a transaction", error);
        }
        match undone.trouble {
            Trouble::Broken => self.health.fail(Fault::Broken(undone.error.to_string())),
            Trouble::Full => self.health.fail(Fault::Full(undone.error.to_string())),
            Trouble::Passing | Trouble::Busy => {}
        }
        undone
    }

    /// Copies the log into the file and empties it, as far as readers allow.
    fn checkpoint(&self) -> Result<(), StoreError> {
        let copied = self
            .connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
        let during = "copying the log into the file";
        match copied {
            Ok(0) => Ok(()),
            Ok(_) => Err(StoreError::Unavailable { during, cause: "a reader is busy".to_owned() }),
            Err(error) => Err(Failure::Sqlite(error).during(during)),
        }
    }

    fn limit_pages(&self, pages: u32) -> Result<(), StoreError> {
        let limited = self.connection.pragma_update(None, "max_page_count", pages);
        limited.map_err(|error| Failure::Sqlite(error).during("limiting the pages"))
    }
}

/// Whether the next command would meet the same, and perhaps wait for it again.
const fn lasts(trouble: Trouble) -> bool {
    match trouble {
        Trouble::Busy | Trouble::Broken => true,
        Trouble::Passing | Trouble::Full => false,
    }
}

/// Answers, unless nobody waits for it any more.
fn tell<T>(answer: oneshot::Sender<T>, value: T) {
    let _heard = answer.send(value).is_ok();
}

#[cfg(test)]
mod tests;
