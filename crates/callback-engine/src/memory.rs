//! The store that keeps nothing beyond the process: the model for the others, and the fast one
//! for tests and simulations.

mod intervals;
mod outbox;
mod rows;
mod state;

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use callback_domain::agent::Agent;
use callback_domain::attempt::Attempt;
use callback_domain::callback::Callback;
use callback_domain::date::Instant;
use callback_domain::id::CallbackId;
use callback_domain::search::{Cursor, Query};
use callback_domain::service::Service;
use callback_domain::target::TargetKey;
use uuid::Uuid;

use crate::access::Key;
use crate::clock::Clock;
use crate::command::{Command, Done};
use crate::commits::Commits;
use crate::error::Error;
use crate::intervals::Interval;
use crate::ledger::{Line, Subject};
use crate::store::{Store, StoreError};
use crate::suppression::Suppression;
use crate::work;

use self::state::State;

pub use self::rows::MemoryRows;

/// An installation in memory.
pub struct MemoryStore {
    clock: Arc<dyn Clock>,
    installation: Uuid,
    state: Mutex<State>,
    commits: Commits,
}

impl std::fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryStore")
            .field("installation", &self.installation)
            .finish_non_exhaustive()
    }
}

impl MemoryStore {
    /// An empty installation.
    #[must_use]
    pub fn new(installation: Uuid, clock: Arc<dyn Clock>) -> Self {
        Self { clock, installation, state: Mutex::default(), commits: Commits::default() }
    }

    /// Runs a command without a runtime: nothing here ever waits.
    ///
    /// # Errors
    /// As [`work::run`].
    pub fn run_now(&self, command: &Command) -> Result<Done, Error> {
        self.commits.note(1);
        self.transact(async |rows| work::run(rows, command).await)
    }

    /// Lends the rows to work of one's own, as one transaction and without a runtime.
    ///
    /// Nothing is rolled back: work that fails is to have written nothing.
    pub fn transact<T>(&self, work: impl AsyncFnOnce(&mut MemoryRows<'_>) -> T) -> T {
        let mut state = self.state();
        let now = self.clock.now().max(state.latest);
        state.latest = now;
        let mut rows = MemoryRows { state: &mut state, now };
        immediate(work(&mut rows))
    }

    /// The same installation once more, under another clock: what happens to one is not seen by
    /// the other.
    #[must_use]
    pub fn branch(&self, clock: Arc<dyn Clock>) -> Self {
        let state = Mutex::new(self.state().clone());
        Self { clock, installation: self.installation, state, commits: Commits::default() }
    }

    /// Looks at every callback, in order of identity.
    pub fn for_each_callback(&self, look: impl FnMut(&Callback)) {
        self.state().callbacks.values().for_each(look);
    }

    /// Looks at every attempt, in order of identity.
    pub fn for_each_attempt(&self, look: impl FnMut(&Attempt)) {
        self.state().attempts.values().for_each(look);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The result of a future that never waits.
fn immediate<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return value;
        }
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn run(&self, command: Command) -> Result<Done, Error> {
        self.run_now(&command)
    }

    async fn now(&self) -> Result<Instant, StoreError> {
        Ok(self.clock.now().max(self.state().latest))
    }

    fn is_exclusive(&self) -> bool {
        true
    }

    fn fault(&self) -> Option<String> {
        None
    }

    fn commits(&self) -> &Commits {
        &self.commits
    }

    async fn installation(&self) -> Result<Uuid, StoreError> {
        Ok(self.installation)
    }

    async fn callback(&self, id: CallbackId) -> Result<Option<Callback>, StoreError> {
        Ok(self.state().callbacks.get(&id).cloned())
    }

    async fn callback_by_external_task_id(
        &self,
        external_task_id: &str,
    ) -> Result<Option<Callback>, StoreError> {
        let state = self.state();
        let found = state
            .callbacks
            .values()
            .filter(|callback| callback.external_task_id.as_deref() == Some(external_task_id))
            .max_by_key(|callback| (callback.created_at, callback.id));
        Ok(found.cloned())
    }

    async fn page(
        &self,
        query: &Query,
        after: Option<&Cursor>,
        offset: u64,
        limit: usize,
    ) -> Result<Vec<Callback>, StoreError> {
        let state = self.state();
        let mut found: Vec<_> = state
            .callbacks
            .values()
            .filter(|callback| query.matches(callback))
            .map(|callback| (query.sort_value(callback), callback))
            .filter(|(value, callback)| {
                after.is_none_or(|cursor| {
                    let position = (value, callback.id).cmp(&(&cursor.value, cursor.id));
                    if query.descending { position.is_lt() } else { position.is_gt() }
                })
            })
            .collect();
        found.sort_by(|(one, a), (other, b)| {
            let order = (one, a.id).cmp(&(other, b.id));
            if query.descending { order.reverse() } else { order }
        });
        let skipped = usize::try_from(offset).unwrap_or(usize::MAX);
        Ok(found.into_iter().skip(skipped).take(limit).map(|(_, found)| found.clone()).collect())
    }

    async fn count(&self, query: &Query) -> Result<u64, StoreError> {
        let state = self.state();
        Ok(state.callbacks.values().filter(|callback| query.matches(callback)).count() as u64)
    }

    async fn services(&self) -> Result<Vec<Service>, StoreError> {
        let state = self.state();
        let mut services: Vec<Service> =
            state.services.values().map(|service| Service::clone(service)).collect();
        services.sort_by(|a, b| (&a.name, a.id).cmp(&(&b.name, b.id)));
        Ok(services)
    }

    async fn agents(&self) -> Result<Vec<Agent>, StoreError> {
        let mut agents: Vec<Agent> = self.state().agents.values().cloned().collect();
        agents.sort_by(|a, b| (&a.name, a.id).cmp(&(&b.name, b.id)));
        Ok(agents)
    }

    async fn attempts(&self, callback: CallbackId) -> Result<Vec<Attempt>, StoreError> {
        let state = self.state();
        let mut attempts: Vec<Attempt> = state
            .attempts_of
            .range((callback, 0)..=(callback, u32::MAX))
            .filter_map(|(_, id)| state.attempts.get(id).cloned())
            .collect();
        attempts.sort_by_key(|attempt| attempt.number);
        Ok(attempts)
    }

    async fn ledger(
        &self,
        subject: Option<Subject>,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Line>, StoreError> {
        let state = self.state();
        let first = state.ledger.partition_point(|line| line.sequence <= after);
        let lines = state.ledger[first..].iter();
        let wanted = lines.filter(|line| subject.is_none_or(|only| line.subject == only));
        Ok(wanted.take(limit).cloned().collect())
    }

    async fn suppressions(
        &self,
        key: Option<&TargetKey>,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Suppression>, StoreError> {
        let state = self.state();
        let listed = state.suppressions.values().filter(|listed| listed.sequence > after);
        let wanted = listed.filter(|listed| key.is_none_or(|only| listed.key == *only));
        Ok(wanted.take(limit).cloned().collect())
    }

    async fn suppression(&self, id: Uuid) -> Result<Option<Suppression>, StoreError> {
        Ok(self.state().suppressions.values().find(|listed| listed.id == id).cloned())
    }

    async fn intervals(&self, from: Instant, hours: u32) -> Result<Vec<Interval>, StoreError> {
        Ok(intervals::of(&self.state(), from, hours))
    }

    async fn keys(&self) -> Result<Vec<Key>, StoreError> {
        Ok(self.state().keys.values().cloned().collect())
    }

    async fn next_deadline(&self) -> Result<Option<Instant>, StoreError> {
        Ok(self.state().next_deadline())
    }
}
