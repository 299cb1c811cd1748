//! Connections: made, named, kept within time-outs, and found again after a loss.

use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use callback_domain::date;
use callback_engine::store::StoreError;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::NoTlsStream;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, Connection, Error, NoTls, Row, Socket, Statement};

use crate::failure::{Failure, in_words};
use crate::options::{OpenError, Options};

/// The first pause after a connection could not be made; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause between attempts at a connection.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How long a reading of the database's clock is gone by, on this process's own.
const FRESH: Duration = Duration::from_secs(1);
/// How often the database is asked for a sign of life.
const SIGN_EVERY: Duration = Duration::from_secs(3);
/// How long the sign may take before all connections are given up.
const SIGN_WITHIN: Duration = Duration::from_secs(10);
/// How long sent bytes may go unconfirmed, and how often a silent line is tried.
const UNCONFIRMED: Duration = Duration::from_secs(15);
const TRIED_EVERY: Duration = Duration::from_secs(5);

/// What a statement is given.
pub(crate) type Parameter<'a> = &'a (dyn ToSql + Sync);

/// A statement and what it is given.
pub(crate) type Asked<'a> = (&'static str, &'a [Parameter<'a>]);

/// What a statement that was sent comes to.
pub(crate) type Sent<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;

/// Rows that are under way.
pub(crate) type UnderWay<'a> = Pin<Box<dyn Future<Output = Result<Vec<Row>, Error>> + Send + 'a>>;

/// Makes connections, and knows whether the database is there.
#[derive(Debug)]
pub(crate) struct Connector {
    config: Config,
    settings: String,
    connect_timeout: Duration,
    health: Mutex<Health>,
    time: Mutex<Option<Reading>>,
    /// Counts how often all connections were given up together.
    given_up: watch::Sender<u64>,
}

/// The database's clock, read at a moment of this process.
#[derive(Clone, Copy, Debug)]
struct Reading {
    time: date::Instant,
    at: Instant,
}

/// How the last attempt at a connection went.
#[derive(Debug, Default)]
struct Health {
    fault: Option<String>,
    pause: Option<Duration>,
    not_before: Option<Instant>,
}

impl Connector {
    pub(crate) fn new(address: &str, options: &Options) -> Result<Self, OpenError> {
        let mut config: Config =
            address.parse().map_err(|error| OpenError::Address(in_words(&error)))?;
        if config.get_ssl_mode() == SslMode::Require {
            return Err(OpenError::TlsUnsupported);
        }
        config
            .application_name(&options.application_name)
            .connect_timeout(options.connect_timeout)
            .tcp_user_timeout(UNCONFIRMED)
            .keepalives_idle(UNCONFIRMED)
            .keepalives_interval(TRIED_EVERY)
            .keepalives_retries(3);
        let settings = format!(
            "SET statement_timeout = {}; SET lock_timeout = {}; \
             SET idle_in_transaction_session_timeout = {}; SET timezone = 'UTC'; \
             SET jit = off; SET enable_seqscan = off; SET enable_hashjoin = off; \
             SET enable_mergejoin = off",
            options.statement_timeout.as_millis(),
            options.lock_timeout.as_millis(),
            options.idle_in_transaction_timeout.as_millis(),
        );
        Ok(Self {
            config,
            settings,
            connect_timeout: options.connect_timeout,
            health: Mutex::default(),
            time: Mutex::default(),
            given_up: watch::Sender::new(0),
        })
    }

    /// Why the database cannot be reached, as last seen.
    pub(crate) fn fault(&self) -> Option<String> {
        self.health().fault.clone()
    }

    /// Notes that a connection was lost, until the next one is made.
    pub(crate) fn note_lost(&self, cause: String) {
        self.health().fault.get_or_insert(cause);
    }

    /// Ends every session, since the database gives no sign of life: whoever waits for an answer
    /// over one of them is told so, and the next sessions are made anew.
    fn give_up(&self, cause: String) {
        self.note_lost(cause);
        self.given_up.send_modify(|times| *times += 1);
    }

    /// Asks for a sign of life again and again over a connection that has little else to do;
    /// ends, with the cause, when there is none.
    ///
    /// A network that swallows packets leaves every connection waiting without an error, so all
    /// of them are given up then.
    pub(crate) async fn listen_for_life(&self, client: &Client) -> String {
        loop {
            tokio::time::sleep(SIGN_EVERY).await;
            match timeout(SIGN_WITHIN, client.simple_query("")).await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return in_words(&error),
                Err(_) => {
                    let cause =
                        format!("the database gives no sign of life within {SIGN_WITHIN:?}");
                    self.give_up(cause.clone());
                    return cause;
                }
            }
        }
    }

    /// A connection and what drives it; the caller polls the latter.
    pub(crate) async fn dial(
        &self,
    ) -> Result<(Client, Connection<Socket, NoTlsStream>), StoreError> {
        let refused = |cause| StoreError::Unavailable { during: "connecting", cause };
        {
            let health = self.health();
            let waits = health.not_before.is_some_and(|at| at > Instant::now());
            if let (true, Some(fault)) = (waits, &health.fault) {
                return Err(refused(fault.clone()));
            }
        }
        // The library's own limit ends with the handshake of TCP, before the database has spoken.
        let connected = timeout(self.connect_timeout, self.config.connect(NoTls)).await;
        let connected = connected.map_or_else(
            |_| Err(format!("the database says nothing within {:?}", self.connect_timeout)),
            |connected| connected.map_err(|error| in_words(&error)),
        );
        match connected {
            Ok(connected) => {
                *self.health() = Health::default();
                Ok(connected)
            }
            Err(cause) => {
                let mut health = self.health();
                let pause =
                    health.pause.map_or(FIRST_PAUSE, |pause| (pause * 2).min(LONGEST_PAUSE));
                health.fault = Some(cause.clone());
                health.pause = Some(pause);
                health.not_before = Some(Instant::now() + pause);
                Err(refused(cause))
            }
        }
    }

    /// A session, ready for statements.
    pub(crate) async fn open(&self) -> Result<Session, StoreError> {
        let mut given_up = self.given_up.subscribe();
        let (client, connection) = self.dial().await?;
        tokio::spawn(async move {
            let ended = tokio::select! {
                ended = connection => ended,
                // A session outlives the connector that made it.
                Ok(()) = given_up.changed() => return,
            };
            if let Err(error) = ended {
                tracing::debug!(error = in_words(&error), "a connection to the database ended");
            }
        });
        self.prepare_session(&client).await?;
        Ok(Session { client: Arc::new(client), statements: HashMap::new() })
    }

    /// A session for transactions that write: their statements are few, each finds its rows by
    /// an index whatever it is given, and so each is planned once.
    pub(crate) async fn open_to_write(&self) -> Result<Session, StoreError> {
        let session = self.open().await?;
        let set = session.client.batch_execute("SET plan_cache_mode = force_generic_plan").await;
        set.map_err(|error| Failure::of("connecting", &error).into_error())?;
        Ok(session)
    }

    /// Sets the time-outs of a fresh connection that somebody polls.
    pub(crate) async fn prepare_session(&self, client: &Client) -> Result<(), StoreError> {
        let set = client.batch_execute(&self.settings).await;
        set.map_err(|error| Failure::of("connecting", &error).into_error())
    }

    /// Notes what the database's clock shows just now.
    pub(crate) fn note_time(&self, time: date::Instant) {
        let reading = Reading { time, at: Instant::now() };
        *self.time.lock().unwrap_or_else(PoisonError::into_inner) = Some(reading);
    }

    /// What the database's clock shows, by a reading that is fresh enough; none after a loss.
    pub(crate) fn time(&self) -> Option<date::Instant> {
        if self.fault().is_some() {
            return None;
        }
        let reading = (*self.time.lock().unwrap_or_else(PoisonError::into_inner))?;
        let since = reading.at.elapsed();
        let micros = i64::try_from(since.as_micros()).unwrap_or(i64::MAX);
        let time = date::from_micros(date::micros(reading.time).saturating_add(micros));
        time.filter(|_| since < FRESH)
    }

    fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection with its prepared statements.
pub(crate) struct Session {
    pub(crate) client: Arc<Client>,
    statements: HashMap<&'static str, Statement>,
}

impl Session {
    pub(crate) fn is_lost(&self) -> bool {
        self.client.is_closed()
    }

    /// The statement, prepared once for each connection.
    pub(crate) async fn prepare(&mut self, sql: &'static str) -> Result<Statement, Error> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(sql).await?;
        self.statements.insert(sql, statement.clone());
        Ok(statement)
    }

    pub(crate) async fn query(
        &mut self,
        sql: &'static str,
        parameters: &[Parameter<'_>],
    ) -> Result<Vec<Row>, Failure> {
        let failed = |error: Error| Failure::of(name(sql), &error);
        let statement = self.prepare(sql).await.map_err(failed)?;
        self.client.query(&statement, parameters).await.map_err(failed)
    }

    /// Sends two statements in one go; the second sees what the first has waited for.
    pub(crate) async fn query_both(
        &mut self,
        first: Asked<'_>,
        second: Asked<'_>,
    ) -> Result<(Vec<Row>, Vec<Row>), Failure> {
        let mut both = self.query_all(&[first, second]).await?.into_iter();
        Ok((both.next().unwrap_or_default(), both.next().unwrap_or_default()))
    }

    /// Sends statements in one go; each sees what those before it have waited for.
    pub(crate) async fn query_all(
        &mut self,
        asked: &[Asked<'_>],
    ) -> Result<Vec<Vec<Row>>, Failure> {
        self.send_all(None, asked).await
    }

    /// Begins a transaction, and sends its first statements with that.
    pub(crate) async fn begin(&mut self, asked: &[Asked<'_>]) -> Result<Vec<Vec<Row>>, Failure> {
        self.send_all(Some("BEGIN ISOLATION LEVEL READ COMMITTED"), asked).await
    }

    async fn send_all(
        &mut self,
        begin: Option<&'static str>,
        asked: &[Asked<'_>],
    ) -> Result<Vec<Vec<Row>>, Failure> {
        let failed = |sql| move |error: Error| Failure::of(name(sql), &error);
        let mut statements = Vec::with_capacity(asked.len());
        for (sql, _) in asked {
            statements.push(self.prepare(sql).await.map_err(failed(sql))?);
        }
        let client = &self.client;
        let begun = begin.map(|begin| -> (&'static str, UnderWay<'_>) {
            let begun = async move { client.batch_execute(begin).await.map(|()| Vec::new()) };
            ("/* beginning */", Box::pin(begun))
        });
        let questions = statements.iter().zip(asked).map(|(statement, (sql, parameters))| {
            let rows: UnderWay<'_> = Box::pin(client.query(statement, parameters));
            (*sql, rows)
        });
        let mut under_way = Vec::with_capacity(asked.len() + 1);
        for (sql, mut rows) in begun.into_iter().chain(questions) {
            let at_once = first_poll(&mut rows).await;
            under_way.push((sql, rows, at_once));
        }
        let mut answers = Vec::with_capacity(under_way.len());
        for (sql, rows, at_once) in under_way {
            let rows = match at_once {
                Some(rows) => rows,
                None => rows.await,
            };
            answers.push(rows.map_err(failed(sql))?);
        }
        if begin.is_some() {
            answers.remove(0);
        }
        Ok(answers)
    }
}

/// Polls once, which puts a statement on its way; answers what is there at once.
pub(crate) async fn first_poll<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    poll_fn(|context| {
        Poll::Ready(match Pin::new(&mut *future).poll(context) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        })
    })
    .await
}

/// Puts a statement on its way and takes its answer as it comes, whoever waits for it and when.
///
/// A connection holds back every later answer while one that is longer than its small buffer is
/// not taken.
pub(crate) async fn send_off<T: Send + 'static>(mut statement: Sent<T>) -> Sent<T> {
    if let Some(answer) = first_poll(&mut statement).await {
        return Box::pin(std::future::ready(answer));
    }
    let taken = tokio::spawn(statement);
    Box::pin(async move {
        match taken.await {
            Ok(answer) => answer,
            Err(ended) => match ended.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // Only a runtime that ends takes a task away, and with it whoever waits here.
                Err(_) => std::future::pending().await,
            },
        }
    })
}

/// The name of a statement: what its leading comment says.
pub(crate) fn name(sql: &'static str) -> &'static str {
    let named = sql.strip_prefix("/* ").and_then(|rest| rest.split_once(" */"));
    named.map_or("a statement", |(name, _)| name)
}

#[cfg(test)]
mod tests;
