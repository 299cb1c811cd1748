//! The store as the engine sees it.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use callback_domain::agent::Agent;
use callback_domain::attempt::Attempt;
use callback_domain::callback::Callback;
use callback_domain::date::Instant;
use callback_domain::id::CallbackId;
use callback_domain::search::{Cursor, Query};
use callback_domain::service::Service;
use callback_domain::target::TargetKey;
use callback_engine::Error;
use callback_engine::access::Key;
use callback_engine::clock::Clock;
use callback_engine::command::{Command, Done};
use callback_engine::commits::Commits;
use callback_engine::hint::Hint;
use callback_engine::intervals::Interval;
use callback_engine::ledger::{Line, Subject};
use callback_engine::store::{Store, StoreError};
use callback_engine::suppression::Suppression;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinSet;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::connection::{Connector, Parameter, Session};
use crate::failure::Failure;
use crate::hints::Courier;
use crate::intervals;
use crate::jobs::{Job, Jobs};
use crate::ledger;
use crate::migrations::migrate;
use crate::options::{OpenError, Options};
use crate::records::{column, limit as sql_limit, record, records, signed, unsigned};
use crate::rows::{KEYS, NEXT_DEADLINE, suppression};
use crate::search::Search;
use crate::settled::Settled;
use crate::transfer;
use crate::writer::{Writer, look};

/// Commands that may wait at one time; others wait for room.
const WAITING_COMMANDS: usize = 4_096;

/// An installation on PostgreSQL, shared with any number of other processes.
pub struct PostgresStore {
    connector: Arc<Connector>,
    /// Tells the time instead of the database.
    clock: Option<Arc<dyn Clock>>,
    installation: Uuid,
    jobs: Arc<Jobs>,
    room: Semaphore,
    readers: Semaphore,
    idle: Mutex<Vec<Session>>,
    hints: Mutex<Option<UnboundedReceiver<Hint>>>,
    commits: Arc<Commits>,
    _tasks: JoinSet<()>,
}

impl std::fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresStore")
            .field("installation", &self.installation)
            .finish_non_exhaustive()
    }
}

impl PostgresStore {
    /// Opens an installation, and makes it or brings its schema up to date first.
    ///
    /// `address` is a URL such as `postgres://user:password@host/database`, or `key=value` pairs
    /// as for libpq.
    ///
    /// # Errors
    /// [`OpenError`] says why the store cannot be used.
    pub async fn connect(address: &str, options: Options) -> Result<Self, OpenError> {
        Self::open(address, options, None).await
    }

    /// As [`connect`](Self::connect), but by another clock than the database's, for simulations.
    ///
    /// # Errors
    /// [`OpenError`] says why the store cannot be used.
    pub async fn connect_with_clock(
        address: &str,
        options: Options,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        Self::open(address, options, Some(clock)).await
    }

    async fn open(
        address: &str,
        options: Options,
        clock: Option<Arc<dyn Clock>>,
    ) -> Result<Self, OpenError> {
        let connector = Arc::new(Connector::new(address, &options)?);
        let connect = OpenError::connecting;
        let mut session = connector.open().await.map_err(connect)?;
        migrate(&session.client).await?;
        if let Some(from) = transfer::unfinished(&mut session).await.map_err(connect)? {
            return Err(OpenError::Unfinished(from));
        }
        let sql = "/* PostgresStore::connect */ SELECT id FROM installation";
        let rows =
            session.query(sql, &[]).await.map_err(|failure| connect(failure.into_error()))?;
        let row = rows
            .first()
            .ok_or_else(|| OpenError::Migrate("the table installation is empty".to_owned()))?;
        let installation = column(row, "installation", "id").map_err(connect)?;

        let jobs = Arc::new(Jobs::default());
        let commits = Arc::<Commits>::default();
        let settled = Arc::<Settled>::default();
        let (outbox, told) = unbounded_channel();
        let (inbox, heard) = unbounded_channel();
        let mut tasks = JoinSet::new();
        for _ in 0..options.writers.max(1) {
            let writer = Writer {
                connector: Arc::clone(&connector),
                jobs: Arc::clone(&jobs),
                hints: outbox.clone(),
                batch: options.batch,
                clock: clock.clone(),
                session: None,
                commits: Arc::clone(&commits),
                settled: Arc::clone(&settled),
            };
            tasks.spawn(writer.work());
        }
        let courier =
            Courier { connector: Arc::clone(&connector), installation, outbox: told, inbox };
        tasks.spawn(courier.run());
        Ok(Self {
            connector,
            clock,
            installation,
            jobs,
            room: Semaphore::new(WAITING_COMMANDS),
            readers: Semaphore::new(options.readers.max(1)),
            idle: Mutex::new(vec![session]),
            hints: Mutex::new(Some(heard)),
            commits,
            _tasks: tasks,
        })
    }

    /// Asks with a connection of the readers'; one that was lost while idle is replaced once.
    async fn ask(&self, question: Question<'_>) -> Result<Vec<Row>, StoreError> {
        let _permit = self.readers.acquire().await.map_err(stopped)?;
        let mut retried = false;
        loop {
            let mut session = self.session().await?;
            match question.ask(&mut session).await {
                Ok(rows) => {
                    self.keep(session);
                    return Ok(rows);
                }
                Err(Failure::Lost(_)) if !retried => retried = true,
                Err(failure) => {
                    let error = failure.into_error();
                    self.keep_or_note(session, &error);
                    return Err(error);
                }
            }
        }
    }

    async fn ask_one(
        &self,
        sql: &'static str,
        parameters: &[Parameter<'_>],
    ) -> Result<Option<Row>, StoreError> {
        let rows = self.ask(Question::Statement(sql, parameters)).await?;
        Ok(rows.into_iter().next())
    }

    /// Runs a command that only reads.
    async fn look(&self, command: &Command) -> Result<Done, Error> {
        let _permit = self.readers.acquire().await.map_err(stopped)?;
        let mut retried = false;
        loop {
            let mut session = self.session().await?;
            match look(&mut session, command, self.clock.as_deref()).await {
                Err(Error::Store(_)) if session.is_lost() && !retried => retried = true,
                Err(Error::Store(error)) => {
                    // What state the transaction is in is not known.
                    if session.is_lost() {
                        self.connector.note_lost(error.to_string());
                    }
                    return Err(error.into());
                }
                done => {
                    self.keep(session);
                    return done;
                }
            }
        }
    }

    async fn session(&self) -> Result<Session, StoreError> {
        while let Some(session) = self.idle().pop() {
            if !session.is_lost() {
                return Ok(session);
            }
        }
        self.connector.open().await
    }

    fn keep(&self, session: Session) {
        self.idle().push(session);
    }

    fn keep_or_note(&self, session: Session, error: &StoreError) {
        if session.is_lost() {
            self.connector.note_lost(error.to_string());
        } else {
            self.keep(session);
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Session>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a reader asks.
#[derive(Clone, Copy)]
enum Question<'a> {
    Statement(&'static str, &'a [Parameter<'a>]),
    Search(&'a Search),
    Ledger(Option<Subject>, u64, usize),
}

impl Question<'_> {
    async fn ask(self, session: &mut Session) -> Result<Vec<Row>, Failure> {
        match self {
            Self::Statement(sql, parameters) => session.query(sql, parameters).await,
            Self::Search(search) => {
                let found = session.client.query(&search.sql, &search.given()).await;
                found.map_err(|error| Failure::of("searching", &error))
            }
            Self::Ledger(subject, after, limit) => {
                ledger::read(session, subject, after, limit).await
            }
        }
    }
}

fn stopped<E: std::fmt::Display>(error: E) -> StoreError {
    StoreError::Unavailable { during: "waiting for a connection", cause: error.to_string() }
}

#[async_trait]
impl Store for PostgresStore {
    async fn run(&self, command: Command) -> Result<Done, Error> {
        if command.what.only_looks() {
            return self.look(&command).await;
        }
        let _room = self.room.acquire().await.map_err(stopped)?;
        let (answer, answered) = oneshot::channel();
        self.jobs.push(Job { command, answer });
        answered.await.map_err(|error| Error::Store(stopped(error)))?
    }

    async fn now(&self) -> Result<Instant, StoreError> {
        if let Some(clock) = &self.clock {
            return Ok(clock.now());
        }
        if let Some(time) = self.connector.time() {
            return Ok(time);
        }
        let sql = "/* PostgresStore::now */ SELECT clock_timestamp() AS now";
        let row = self.ask_one(sql, &[]).await?;
        let row = row.ok_or_else(|| stopped("the database did not tell the time"))?;
        let time = column(&row, "clock", "now")?;
        self.connector.note_time(time);
        Ok(time)
    }

    fn is_exclusive(&self) -> bool {
        false
    }

    fn fault(&self) -> Option<String> {
        self.connector.fault()
    }

    fn hints(&self) -> Option<UnboundedReceiver<Hint>> {
        self.hints.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn commits(&self) -> &Commits {
        &self.commits
    }

    async fn installation(&self) -> Result<Uuid, StoreError> {
        Ok(self.installation)
    }

    async fn callback(&self, id: CallbackId) -> Result<Option<Callback>, StoreError> {
        let sql = "/* PostgresStore::callback */ SELECT id, record FROM callbacks WHERE id = $1";
        let row = self.ask_one(sql, &[&id.0]).await?;
        row.map(|row| record(&row, "callbacks")).transpose()
    }

    async fn callback_by_external_task_id(
        &self,
        external_task_id: &str,
    ) -> Result<Option<Callback>, StoreError> {
        let sql = "/* PostgresStore::callback_by_external_task_id */ \
            SELECT id, record FROM callbacks WHERE external_task_id = $1 \
            ORDER BY created_at DESC, id DESC LIMIT 1";
        let row = self.ask_one(sql, &[&external_task_id]).await?;
        row.map(|row| record(&row, "callbacks")).transpose()
    }

    async fn page(
        &self,
        query: &Query,
        after: Option<&Cursor>,
        offset: u64,
        limit: usize,
    ) -> Result<Vec<Callback>, StoreError> {
        let search = Search::page(query, after, offset, sql_limit(limit));
        records(&self.ask(Question::Search(&search)).await?, "callbacks")
    }

    async fn count(&self, query: &Query) -> Result<u64, StoreError> {
        let search = Search::count(query);
        let rows = self.ask(Question::Search(&search)).await?;
        rows.first().map_or(Ok(0), |row| column(row, "callbacks", "count").map(unsigned))
    }

    async fn services(&self) -> Result<Vec<Service>, StoreError> {
        let sql = "/* PostgresStore::services */ SELECT id, record FROM services ORDER BY name, id";
        records(&self.ask(Question::Statement(sql, &[])).await?, "services")
    }

    async fn agents(&self) -> Result<Vec<Agent>, StoreError> {
        let sql = "/* PostgresStore::agents */ SELECT id, record FROM agents ORDER BY name, id";
        records(&self.ask(Question::Statement(sql, &[])).await?, "agents")
    }

    async fn attempts(&self, callback: CallbackId) -> Result<Vec<Attempt>, StoreError> {
        let sql = "/* PostgresStore::attempts */ \
            SELECT id, record FROM attempts WHERE callback = $1 ORDER BY number";
        records(&self.ask(Question::Statement(sql, &[&callback.0])).await?, "attempts")
    }

    async fn ledger(
        &self,
        subject: Option<Subject>,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Line>, StoreError> {
        let rows = self.ask(Question::Ledger(subject, after, limit)).await?;
        rows.iter().map(ledger::line).collect()
    }

    async fn suppressions(
        &self,
        key: Option<&TargetKey>,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Suppression>, StoreError> {
        const ALL: &str = "/* PostgresStore::suppressions */ SELECT * FROM suppressions \
            WHERE sequence > $1 ORDER BY sequence LIMIT $2";
        const OF_KEY: &str = "/* PostgresStore::suppressions of a key */ SELECT * FROM suppressions \
            WHERE sequence > $1 AND key = $3 ORDER BY sequence LIMIT $2";
        let (after, limit) = (signed(after), sql_limit(limit));
        let rows = match key.map(TargetKey::as_str) {
            Some(key) => self.ask(Question::Statement(OF_KEY, &[&after, &limit, &key])).await?,
            None => self.ask(Question::Statement(ALL, &[&after, &limit])).await?,
        };
        rows.iter().map(suppression).collect()
    }

    async fn suppression(&self, id: Uuid) -> Result<Option<Suppression>, StoreError> {
        let sql = "/* PostgresStore::suppression */ SELECT * FROM suppressions WHERE id = $1";
        let row = self.ask_one(sql, &[&id]).await?;
        row.as_ref().map(suppression).transpose()
    }

    async fn intervals(&self, from: Instant, hours: u32) -> Result<Vec<Interval>, StoreError> {
        let (least, ends) = intervals::bounds(from, hours);
        let until = callback_engine::intervals::beginning(from, hours);
        let parameters: [Parameter<'_>; 4] = [&least, &ends, &from, &until];
        intervals::read(&self.ask(Question::Statement(intervals::HOURS, &parameters)).await?)
    }

    async fn keys(&self) -> Result<Vec<Key>, StoreError> {
        records(&self.ask(Question::Statement(KEYS, &[])).await?, "keys")
    }

    async fn next_deadline(&self) -> Result<Option<Instant>, StoreError> {
        let row = self.ask_one(NEXT_DEADLINE, &[]).await?;
        row.map_or(Ok(None), |row| column(&row, "callbacks", "deadline"))
    }
}
