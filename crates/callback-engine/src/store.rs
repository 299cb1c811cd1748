//! The ports to storage: what the engine asks of a [`Store`], and the [`Rows`] a store lends to
//! one transaction.
//!
//! A store runs a [`Command`] inside a transaction of its own by calling [`work::run`](crate::work::run)
//! over its rows, commits, and only then answers.
//! So what a command means is written once, and stores differ only in how rows are kept.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use callback_domain::agent::Agent;
use callback_domain::attempt::Attempt;
use callback_domain::callback::Callback;
use callback_domain::date::Instant;
use callback_domain::id::{
    AgentId, AttemptId, CallbackId, DeliveryId, KeyId, NodeId, ServiceId, WebhookId,
};
use callback_domain::picking::{Heads, OrderKey, Passes};
use callback_domain::priority::Priority;
use callback_domain::search::{Cursor, Query};
use callback_domain::service::Service;
use callback_domain::target::TargetKey;
use serde::Serialize;
use tokio::sync::mpsc::UnboundedReceiver;
use uuid::Uuid;

use crate::access::Key;
use crate::command::{Command, Done};
use crate::commits::Commits;
use crate::error::Error;
use crate::hint::Hint;
use crate::intervals::Interval;
use crate::ledger::{Line, Subject};
use crate::remembered::Kept;
use crate::route::Route;
use crate::suppression::Suppression;
use crate::webhook::{Delivery, DeliveryState, Webhook};

pub use crate::remembered::Remembered;

/// What went wrong in a store, and during what.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The store cannot be reached or has stopped; nothing was changed.
    #[error("the store is unavailable during {during}: {cause}")]
    Unavailable {
        /// What was being done.
        during: &'static str,
        /// Why, in words.
        cause: String,
    },
    /// There is no room left; nothing was changed.
    #[error("the store is full during {during}: {cause}")]
    Full {
        /// What was being done.
        during: &'static str,
        /// Why, in words.
        cause: String,
    },
    /// A row cannot be what was written.
    #[error("row {id} of table {table} is corrupt in column {column}: {cause}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row.
        id: String,
        /// Why, in words.
        cause: String,
    },
}

/// Durable storage for an installation.
///
/// Reads see everything that was answered before they began.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Runs a command in one transaction and answers after its commit.
    async fn run(&self, command: Command) -> Result<Done, Error>;

    /// The time that transactions of this store would see now.
    async fn now(&self) -> Result<Instant, StoreError>;

    /// Whether no other process can use the same storage, so that every other node is known dead.
    fn is_exclusive(&self) -> bool;

    /// Why the store takes no writes at present, `None` when it does.
    fn fault(&self) -> Option<String>;

    /// How many commands shared each commit.
    fn commits(&self) -> &Commits;

    /// What other nodes on the same storage tell; asked for once, by the engine.
    fn hints(&self) -> Option<UnboundedReceiver<Hint>> {
        None
    }

    /// The identity of this installation, made with its storage.
    async fn installation(&self) -> Result<Uuid, StoreError>;

    /// One callback.
    async fn callback(&self, id: CallbackId) -> Result<Option<Callback>, StoreError>;

    /// The newest callback with this external task id.
    async fn callback_by_external_task_id(
        &self,
        external_task_id: &str,
    ) -> Result<Option<Callback>, StoreError>;

    /// Up to `limit` callbacks of a search after a cursor, in its order, the first `offset` skipped.
    async fn page(
        &self,
        query: &Query,
        after: Option<&Cursor>,
        offset: u64,
        limit: usize,
    ) -> Result<Vec<Callback>, StoreError>;

    /// How many callbacks a search finds.
    async fn count(&self, query: &Query) -> Result<u64, StoreError>;

    /// Every service, by name.
    async fn services(&self) -> Result<Vec<Service>, StoreError>;

    /// Every user, by name.
    async fn agents(&self) -> Result<Vec<Agent>, StoreError>;

    /// The attempts of a callback, first to last.
    async fn attempts(&self, callback: CallbackId) -> Result<Vec<Attempt>, StoreError>;

    /// Up to `limit` lines of the ledger after a sequence number, of one subject or of all.
    async fn ledger(
        &self,
        subject: Option<Subject>,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Line>, StoreError>;

    /// Up to `limit` entries of the suppression list after a sequence number, of one line or of all.
    async fn suppressions(
        &self,
        key: Option<&TargetKey>,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Suppression>, StoreError>;

    /// One entry of the suppression list.
    async fn suppression(&self, id: Uuid) -> Result<Option<Suppression>, StoreError>;

    /// What happened in each of so many hours from an instant on, up to
    /// [`MOST_HOURS`](crate::intervals::MOST_HOURS), by service; hours without anything are left out.
    async fn intervals(&self, from: Instant, hours: u32) -> Result<Vec<Interval>, StoreError>;

    /// Every access key that was ever made, first to last.
    async fn keys(&self) -> Result<Vec<Key>, StoreError>;

    /// The earliest deadline of anything stored, `None` when nothing waits for the clock.
    async fn next_deadline(&self) -> Result<Option<Instant>, StoreError>;
}

/// A remembered answer to a request that must not take effect twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// Who asked.
    pub principal: String,
    /// The key they chose.
    pub key: String,
    /// A digest of what they sent, and where.
    pub body_hash: Vec<u8>,
}

/// Who holds a customer's line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Claim {
    /// The callback that was offered.
    pub callback: CallbackId,
    /// Its service; its sessions are counted by claims.
    pub service: ServiceId,
    /// The attempt that holds the line, once there is one.
    pub attempt: Option<AttemptId>,
}

/// Where a key's callbacks may go at present.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gate {
    /// Closed for every service: the line is live.
    pub closed: bool,
    /// Closed for these services: suppressed there, or over the cap of attempts.
    pub closed_services: BTreeSet<ServiceId>,
}

impl Gate {
    /// Whether a callback of this service may go.
    #[must_use]
    pub fn is_open(&self, service: ServiceId) -> bool {
        !self.closed && !self.closed_services.contains(&service)
    }
}

/// What is due: everything whose deadline is not after an instant.
#[derive(Debug, Default)]
pub struct Due {
    /// Callbacks.
    pub callbacks: Vec<Callback>,
    /// Attempts that were told to stop and never reported their end.
    pub attempts: Vec<Attempt>,
    /// Agents at the end of their work after a call.
    pub agents: Vec<Agent>,
    /// Lines whose gate changes by the clock alone.
    pub keys: Vec<TargetKey>,
}

/// A result inside a transaction.
pub type Rowed<T> = Result<T, StoreError>;

macro_rules! rows {
    ($($(#[$doc:meta])* fn $name:ident($($arg:ident: $kind:ty),* $(,)?) -> $answer:ty;)+) => {
        /// The rows of one open transaction.
        ///
        /// Everything written is seen by later reads of the same transaction.
        /// An error aborts the whole command; a command that is refused has written nothing.
        pub trait Rows: Send {
            /// The time of this transaction.
            fn now(&self) -> Instant;

            $($(#[$doc])*
            fn $name(&mut self, $($arg: $kind),*) -> impl Future<Output = Rowed<$answer>> + Send;)+
        }
    };
}

rows! {
    /// One callback.
    fn callback(id: CallbackId) -> Option<Callback>;
    /// Writes a new callback.
    fn insert_callback(callback: &Callback) -> ();
    /// Writes a changed callback; `before` is what is stored now.
    ///
    /// Entering the queue, a callback is not ready until its key is refreshed.
    fn update_callback(before: &Callback, callback: &Callback) -> ();
    /// Whether a service has a callback that is not terminated.
    fn has_live_callbacks(service: ServiceId) -> bool;
    /// A callback of the service and key that is not terminated, the oldest first.
    fn live_duplicate(service: ServiceId, key: &TargetKey) -> Option<CallbackId>;
    /// How many callbacks of a service are pending or in the queue, counted up to a limit.
    fn queued_up_to(service: ServiceId, limit: u32) -> u32;
    /// Up to `limit` callbacks of a service that are not terminated, by id, after an id.
    fn live_callbacks(service: ServiceId, after: Option<CallbackId>, limit: usize) -> Vec<Callback>;
    /// Up to `limit` queued callbacks held for an agent, of one service or of all.
    fn held_callbacks(agent: AgentId, service: Option<ServiceId>, limit: usize) -> Vec<Callback>;
    /// What is due at an instant, each kind up to `limit`, earliest first.
    fn due(at: Instant, limit: usize) -> Due;
    /// The earliest deadline of anything stored, or some earlier instant at which to ask again.
    fn next_deadline() -> Option<Instant>;

    /// The best ready callback of each level in exactly one lane of a service.
    fn heads(service: ServiceId, lane: Option<AgentId>) -> Heads;
    /// Makes the fronts of a key's groups ready where the gate is open, and nothing else of it.
    ///
    /// A group is everything of the key that waits without back-off in one service, lane and
    /// priority; its front is the first by order key.
    /// Answers the lanes in which the key is ready now; a store that puts this off until the
    /// commit answers none here, and adds them to what follows from the command.
    fn refresh(key: &TargetKey, gate: &Gate) -> Vec<(ServiceId, Option<AgentId>)>;
    /// Whether anything of a key waits in the queue.
    fn waits(key: &TargetKey) -> bool;
    /// Has the key's gate looked at again at an instant; the earliest wish stands.
    fn wake_key(key: &TargetKey, at: Instant) -> ();
    /// Forgets the wish of [`Rows::wake_key`].
    fn unwake_key(key: &TargetKey) -> ();
    /// Services with something ready in any lane.
    fn ready_services() -> Vec<ServiceId>;
    /// The passes of a service's queue.
    fn passes(service: ServiceId) -> Passes;
    /// Writes the passes of a service's queue.
    fn put_passes(service: ServiceId, passes: &Passes) -> ();
    /// Callbacks waiting per priority, and the earliest place.
    fn waiting(service: ServiceId) -> ([u64; 9], Option<Instant>);
    /// How many callbacks of a service and priority wait before a place, ready or not.
    fn ahead(service: ServiceId, priority: Priority, order: OrderKey) -> u64;

    /// Who holds a line.
    fn claim(key: &TargetKey) -> Option<Claim>;
    /// Takes or passes on a line; there is one holder at a time.
    fn put_claim(key: &TargetKey, claim: Claim) -> ();
    /// Lets a line go.
    fn release_claim(key: &TargetKey) -> ();
    /// How many lines a service holds, counted up to a limit.
    fn claims_up_to(service: ServiceId, limit: u32) -> u32;

    /// One attempt.
    fn attempt(id: AttemptId) -> Option<Attempt>;
    /// Writes an attempt, new or changed.
    fn put_attempt(attempt: &Attempt) -> ();
    /// Every attempt that has not ended.
    fn open_attempts() -> Vec<Attempt>;
    /// When the customer's leg was requested for a key since an instant, latest first, up to `limit`.
    fn dialouts_since(key: &TargetKey, since: Instant, limit: u32) -> Vec<Instant>;

    /// One service.
    fn service(id: ServiceId) -> Option<Arc<Service>>;
    /// The service with an address.
    fn service_by_sip(sip_uri: &str) -> Option<ServiceId>;
    /// Writes a service, new or changed.
    fn put_service(service: &Service) -> ();
    /// Removes a service and its passes.
    fn delete_service(id: ServiceId) -> ();
    /// Services that cap attempts per line and day, with their caps.
    fn capped_services() -> Vec<(ServiceId, u32)>;
    /// Services whose callbacks' deadlines are to be computed anew, and how far that has come.
    fn recalculations() -> Vec<(ServiceId, Option<CallbackId>)>;
    /// Notes how far it has come; the first call starts it.
    fn put_recalculation(service: ServiceId, after: Option<CallbackId>) -> ();
    /// Notes that it is done.
    fn end_recalculation(service: ServiceId) -> ();

    /// One agent.
    fn agent(id: AgentId) -> Option<Agent>;
    /// The agent with an address.
    fn agent_by_sip(sip_uri: &str) -> Option<AgentId>;
    /// Writes an agent, new or changed.
    fn put_agent(agent: &Agent) -> ();
    /// Removes an agent.
    fn delete_agent(id: AgentId) -> ();
    /// The push agent of a service who can be given a task and has been idle for longest.
    fn longest_idle(service: ServiceId) -> Option<AgentId>;
    /// A push agent who can be given a task and for whom something of a service is held and ready.
    fn free_agent_with_own(service: ServiceId) -> Option<AgentId>;
    /// Every agent of a service.
    fn agents_of(service: ServiceId) -> Vec<Agent>;

    /// Suppressions of a line that have not ended.
    fn suppressions_of(key: &TargetKey) -> Vec<Suppression>;
    /// Writes a suppression; answers its sequence number.
    fn put_suppression(suppression: &Suppression) -> u64;
    /// Removes a suppression and answers it.
    fn delete_suppression(id: Uuid) -> Option<Suppression>;

    /// One access key, to be changed.
    fn key(id: KeyId) -> Option<Key>;
    /// Every access key, first to last.
    fn keys() -> Vec<Key>;
    /// Writes an access key, new or changed.
    fn put_key(key: &Key) -> ();

    /// The standing of a route.
    fn route(name: &str) -> Route;
    /// Writes the standing of a route.
    fn put_route(name: &str, route: &Route) -> ();

    /// Until when a node said that it lives.
    fn node_lease(node: NodeId) -> Option<Instant>;
    /// Notes that a node lives until an instant.
    fn put_node_lease(node: NodeId, until: Instant) -> ();

    /// What was answered to an idempotency key.
    fn remembered(principal: &str, key: &str) -> Option<Remembered>;
    /// Remembers an answer.
    fn remember(idempotency: &Idempotency, kept: &Kept) -> ();
    /// Whether this transaction is the one that tidies; no other does until its end.
    fn tidy_turn() -> bool;
    /// Up to `limit` callbacks that ended before an instant and have no open attempt, earliest first.
    fn ended_before(before: Instant, limit: usize) -> Vec<CallbackId>;
    /// Removes callbacks with their attempts, their lines of the ledger, and what is on its way
    /// about them; nothing of them may be open.
    fn remove_callbacks(ids: &[CallbackId]) -> ();
    /// Removes the attempts to a line that have ended.
    fn remove_attempts_to(key: &TargetKey) -> ();
    /// Up to `limit` remembered answers after one, by principal and key, with both.
    fn remembered_after(
        after: Option<(String, String)>,
        limit: usize,
    ) -> Vec<(String, String, Remembered)>;
    /// Forgets one answer.
    fn forget(principal: &str, key: &str) -> ();
    /// Forgets up to `limit` answers that were given before an instant; answers how many.
    fn forget_remembered(before: Instant, limit: usize) -> usize;

    /// Appends a line to the ledger; its sequence number is given by the store.
    fn append(line: &Line) -> ();
    /// Up to `limit` lines after a number, before which none can appear any more.
    fn lines_after(sequence: u64, limit: usize) -> Vec<Line>;
    /// One line of the ledger.
    fn line(sequence: u64) -> Option<Line>;
    /// The last number at or below which no line can appear any more.
    fn last_line() -> u64;

    /// How far the ledger was handed out to webhooks; `None` while another process does it.
    fn outbox_cursor() -> Option<u64>;
    /// Moves it, after it was read in the same transaction.
    fn put_outbox_cursor(sequence: u64) -> ();
    /// Every webhook, removed ones too, in the order in which they were made; none goes meanwhile.
    fn webhooks() -> Vec<Webhook>;
    /// One webhook, to be changed.
    fn webhook(id: WebhookId) -> Option<Webhook>;
    /// Writes a webhook, new or changed.
    fn put_webhook(webhook: &Webhook) -> ();
    /// Removes a webhook that has no deliveries.
    fn delete_webhook(id: WebhookId) -> ();

    /// One delivery, to be changed, and with it those of its webhook and subject.
    fn delivery(id: DeliveryId) -> Option<Delivery>;
    /// The first delivery of a webhook and subject that is pending.
    fn first_pending(webhook: WebhookId, subject: Subject) -> Option<Delivery>;
    /// Writes a delivery, new or changed.
    fn put_delivery(delivery: &Delivery) -> ();
    /// Up to `limit` fronts of a webhook that are due, earliest first; not what others just take.
    fn due_deliveries(webhook: WebhookId, limit: usize) -> Vec<Delivery>;
    /// When the next front of a webhook is due.
    fn next_delivery(webhook: WebhookId) -> Option<Instant>;
    /// Up to `limit` deliveries that somebody holds.
    fn held_deliveries(limit: usize) -> Vec<Delivery>;
    /// Up to `limit` deliveries of a webhook in a state, made before one, newest first.
    fn deliveries(
        webhook: WebhookId,
        state: DeliveryState,
        before: Option<(Instant, DeliveryId)>,
        limit: usize,
    ) -> Vec<Delivery>;
    /// How many deliveries of a webhook are pending, counted up to a limit, and since when the oldest.
    fn pending_deliveries(webhook: WebhookId, limit: usize) -> (u64, Option<Instant>);
    /// Removes up to `limit` deliveries that were settled before an instant; answers how many.
    fn purge_settled(before: Instant, limit: usize) -> usize;
    /// Removes up to `limit` deliveries of a webhook; answers how many.
    fn purge_webhook(webhook: WebhookId, limit: usize) -> usize;
}
