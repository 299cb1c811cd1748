//! The rows of one open transaction.
//!
//! What a transaction has locked cannot change under it, so it is read once, and for all commands
//! of a batch together.
//! Writes are kept until something looks through an index, or until the end; then they go as one
//! statement for each table, sent one after another without waiting: the connection keeps their
//! order, so that later statements see them, and a write costs no round trip.

mod ahead;
mod clock;
mod keys;
mod line;
mod outbox;
mod port;
mod queues;
mod remembered;
mod retention;
mod routes;
mod sending;
mod services;
mod staff;
mod standings;
mod suppressions;
pub(crate) mod transfer;
mod unsent;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use callback_domain::agent::Agent;
use callback_domain::attempt::Attempt;
use callback_domain::callback::Callback;
use callback_domain::date::{self, Instant};
use callback_domain::id::{AgentId, AttemptId, CallbackId, ServiceId};
use callback_domain::picking::Passes;
use callback_domain::service::Service;
use callback_domain::target::TargetKey;
use callback_engine::ledger::Line;
use callback_engine::route::Route;
use callback_engine::store::{Claim, Rowed, StoreError};
use callback_engine::suppression::Suppression;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Row};
use uuid::Uuid;

use self::queues::Queues;
use self::standings::Standings;
use self::unsent::Unsent;
use crate::connection::{Asked, Parameter, Sent, Session, UnderWay, name, send_off};
use crate::failure::{Failure, follows_another};
use crate::fate::Trace;

/// The lane of what anybody may have.
const OPEN_LANE: Uuid = Uuid::nil();
/// Writes that are under way at most.
const WRITES_UNDER_WAY: usize = 256;

const TRANSACTION: &str =
    "/* writer::commit */ SELECT pg_current_xact_id_if_assigned()::text AS id";

/// Lanes in which something became ready.
pub(crate) type Woken = BTreeSet<(ServiceId, Option<AgentId>)>;

/// A parameter of a write that is under way.
type Owned = Box<dyn ToSql + Sync + Send>;

/// The parameters of a write.
macro_rules! owned {
    ($($value:expr),* $(,)?) => { vec![$(Box::new($value) as crate::rows::Owned),*] };
}
use owned;

pub(crate) use ahead::{Ahead, Answers};
pub(crate) use clock::{NEXT_DEADLINE, NEXT_SOON, window_end};
pub(crate) use keys::KEYS;
pub(crate) use staff::{TAKERS, takers};
pub(crate) use suppressions::suppression;
#[cfg(test)]
pub(crate) use {
    ahead::HEADS_SERVED,
    clock::{CALLBACK_RECORDS, CALLBACKS as CALLBACKS_DUE},
    outbox::{DUE as DELIVERIES_DUE, FIRST_PENDING, LISTED as DELIVERIES_LISTED},
    queues::HEADS,
    retention::{ENDED, FORGET},
    sending::{CHANGE_AGENTS, UPDATE},
    staff::{AGENTS_LOCKED, LONGEST_IDLE},
    standings::REFRESH,
};

/// A write that was sent.
struct Write {
    sql: &'static str,
    /// How many rows it must have touched, and why, in words for when it has not.
    guard: Option<(usize, &'static str)>,
    result: Sent<u64>,
}

/// The rows of one open transaction.
pub(crate) struct PostgresRows<'a> {
    session: &'a mut Session,
    now: Instant,
    locks: bool,
    unsent: Unsent,
    writes: Vec<Write>,
    /// Who stands ready after a write, when that is not yet known.
    standings: Vec<Standings>,
    /// Refreshed lines, of which it is not yet known what may go.
    refreshes: Vec<UnderWay<'static>>,
    failure: Option<Failure>,
    /// Lanes in which something became ready.
    woken: Woken,
    /// Lines that are locked.
    lines: HashSet<TargetKey>,
    callbacks: HashMap<CallbackId, Callback>,
    attempts: HashMap<AttemptId, Attempt>,
    claims: HashMap<TargetKey, Option<Claim>>,
    suppressed: HashMap<TargetKey, Vec<Suppression>>,
    queues: Queues,
    passes: HashMap<ServiceId, Passes>,
    services: HashMap<ServiceId, Option<Arc<Service>>>,
    agents: HashMap<AgentId, Option<Agent>>,
    routes: HashMap<String, (Option<serde_json::Value>, Route)>,
    capped: Option<Vec<(ServiceId, u32)>>,
    /// What tells the transaction's number: lines that are being appended, or the question alone.
    numbering: Vec<UnderWay<'static>>,
    /// What was appended to the ledger first.
    first_line: Option<Line>,
    shared_the_due: bool,
    /// Before this instant nothing is due.
    settled: Instant,
    /// The earliest deadline that was written.
    earliest_written: Option<Instant>,
    /// Up to when all that was due has been handed out.
    nothing_due: Option<Instant>,
    /// Who runs this transaction moves nothing that is due but callbacks.
    only_callbacks: bool,
}

impl<'a> PostgresRows<'a> {
    /// Rows of a transaction that may write, and locks what it reads to decide.
    pub(crate) fn writing(session: &'a mut Session, now: Instant) -> Self {
        Self::new(session, now, true)
    }

    /// Rows of a transaction that only reads.
    pub(crate) fn reading(session: &'a mut Session, now: Instant) -> Self {
        Self::new(session, now, false)
    }

    fn new(session: &'a mut Session, now: Instant, locks: bool) -> Self {
        Self {
            session,
            now,
            locks,
            unsent: Unsent::default(),
            writes: Vec::new(),
            standings: Vec::new(),
            refreshes: Vec::new(),
            failure: None,
            woken: BTreeSet::new(),
            lines: HashSet::new(),
            callbacks: HashMap::new(),
            attempts: HashMap::new(),
            claims: HashMap::new(),
            suppressed: HashMap::new(),
            queues: Queues::default(),
            passes: HashMap::new(),
            services: HashMap::new(),
            agents: HashMap::new(),
            routes: HashMap::new(),
            capped: None,
            numbering: Vec::new(),
            first_line: None,
            shared_the_due: false,
            settled: date::EARLIEST,
            earliest_written: None,
            nothing_due: None,
            only_callbacks: false,
        }
    }

    /// The earliest deadline that was written.
    pub(crate) const fn earliest_written(&self) -> Option<Instant> {
        self.earliest_written
    }

    /// What made the transaction useless, if anything did.
    pub(crate) fn failure(&mut self) -> Option<Failure> {
        self.failure.take()
    }

    /// Sends every write and waits for all; only then may the transaction be committed.
    ///
    /// Answers the lanes in which something became ready, and what the transaction leaves behind,
    /// if anything.
    pub(crate) async fn flush(&mut self) -> Rowed<(Woken, Option<Trace>)> {
        self.send_writes().await?;
        if self.numbering.is_empty() {
            let number = self.send_query(TRANSACTION, Vec::new()).await?;
            self.numbering.push(number);
        }
        self.settle_standings().await?;
        self.await_writes().await?;
        for refresh in std::mem::take(&mut self.refreshes) {
            match refresh.await {
                Ok(rows) => self.wake_all(&rows)?,
                Err(error) => return Err(self.fail(Failure::of("refreshing", &error)).await),
            }
        }
        let trace = self.trace().await?;
        Ok((std::mem::take(&mut self.woken), trace))
    }

    /// What the transaction leaves behind, when all its lines are appended.
    async fn trace(&mut self) -> Rowed<Option<Trace>> {
        let mut number = None;
        for numbered in std::mem::take(&mut self.numbering) {
            match numbered.await {
                Ok(rows) => number = rows.first().and_then(|row| row.get("id")),
                Err(error) => return Err(self.fail(Failure::of("appending", &error)).await),
            }
        }
        Ok(number.map(|number| Trace { number, line: self.first_line.take() }))
    }

    async fn await_writes(&mut self) -> Rowed<()> {
        for write in std::mem::take(&mut self.writes) {
            let result = write.result.await;
            self.settle(write.sql, write.guard, result).await?;
        }
        Ok(())
    }

    async fn settle(
        &mut self,
        sql: &'static str,
        guard: Option<(usize, &'static str)>,
        result: Result<u64, Error>,
    ) -> Rowed<()> {
        match (result, guard) {
            (Err(error), _) => Err(self.fail(Failure::of(name(sql), &error)).await),
            (Ok(touched), Some((rows, why))) if touched < rows as u64 => {
                Err(self.conflict(name(sql), why).await)
            }
            (Ok(_), _) => Ok(()),
        }
    }

    /// Makes the transaction run again, since another was in the way.
    async fn conflict(&mut self, during: &'static str, why: &str) -> StoreError {
        self.fail(Failure::conflict(during, why)).await
    }

    /// Notes why the transaction is useless; what failed first is the cause of the rest.
    async fn fail(&mut self, failure: Failure) -> StoreError {
        let mut cause = failure;
        let mut errors = Vec::new();
        for write in std::mem::take(&mut self.writes) {
            errors.extend(write.result.await.err().map(|error| (name(write.sql), error)));
        }
        for standings in std::mem::take(&mut self.standings) {
            errors.extend(standings.rows.await.err().map(|error| ("writing", error)));
        }
        for refresh in std::mem::take(&mut self.refreshes) {
            errors.extend(refresh.await.err().map(|error| ("refreshing", error)));
        }
        for numbered in std::mem::take(&mut self.numbering) {
            errors.extend(numbered.await.err().map(|error| ("appending", error)));
        }
        let first = errors.iter().find(|(_, error)| !follows_another(error));
        if let Some((during, error)) = first {
            cause = Failure::of(during, error);
        }
        let error = cause.clone().into_error();
        self.failure.get_or_insert(cause);
        error
    }

    async fn query(&mut self, sql: &'static str, parameters: &[Parameter<'_>]) -> Rowed<Vec<Row>> {
        match self.session.query(sql, parameters).await {
            Ok(rows) => Ok(rows),
            Err(failure) => Err(self.fail(failure).await),
        }
    }

    async fn query_all(&mut self, asked: &[Asked<'_>]) -> Rowed<Vec<Vec<Row>>> {
        match self.session.query_all(asked).await {
            Ok(rows) => Ok(rows),
            Err(failure) => Err(self.fail(failure).await),
        }
    }

    /// Sends a statement whose rows are looked at later.
    async fn send_query(
        &mut self,
        sql: &'static str,
        parameters: Vec<Owned>,
    ) -> Rowed<UnderWay<'static>> {
        let statement = match self.session.prepare(sql).await {
            Ok(statement) => statement,
            Err(error) => return Err(self.fail(Failure::of(name(sql), &error)).await),
        };
        let client = Arc::clone(&self.session.client);
        let rows = send_off(Box::pin(async move {
            let given: Vec<Parameter<'_>> = parameters.iter().map(|value| &**value as _).collect();
            client.query(&statement, &given).await
        }));
        Ok(rows.await)
    }

    async fn query_one(
        &mut self,
        sql: &'static str,
        parameters: &[Parameter<'_>],
    ) -> Rowed<Option<Row>> {
        Ok(self.query(sql, parameters).await?.into_iter().next())
    }

    /// Locks by the first statement, when this transaction locks, and reads by the second.
    async fn lock_and_read(
        &mut self,
        lock: (&'static str, &[Parameter<'_>]),
        read: (&'static str, &[Parameter<'_>]),
    ) -> Rowed<(Vec<Row>, Vec<Row>)> {
        if !self.locks {
            return Ok((Vec::new(), self.query(read.0, read.1).await?));
        }
        match self.session.query_both(lock, read).await {
            Ok(both) => Ok(both),
            Err(failure) => Err(self.fail(failure).await),
        }
    }

    async fn write(&mut self, sql: &'static str, parameters: Vec<Owned>) -> Rowed<()> {
        self.send(sql, parameters, None).await
    }

    /// A write that must touch so many rows, or else the transaction runs again.
    async fn write_guarded(
        &mut self,
        sql: &'static str,
        parameters: Vec<Owned>,
        rows: usize,
        why: &'static str,
    ) -> Rowed<()> {
        self.send(sql, parameters, Some((rows, why))).await
    }

    async fn send(
        &mut self,
        sql: &'static str,
        parameters: Vec<Owned>,
        guard: Option<(usize, &'static str)>,
    ) -> Rowed<()> {
        let statement = match self.session.prepare(sql).await {
            Ok(statement) => statement,
            Err(error) => return Err(self.fail(Failure::of(name(sql), &error)).await),
        };
        let client = Arc::clone(&self.session.client);
        let write: Sent<u64> =
            Box::pin(async move { client.execute_raw(&statement, parameters).await });
        self.writes.push(Write { sql, guard, result: send_off(write).await });
        if self.writes.len() >= WRITES_UNDER_WAY {
            self.await_writes().await?;
        }
        Ok(())
    }
}
