//! The rows of one open transaction; every answer is there at once.

pub(crate) mod agents;
pub(crate) mod attempts;
pub(crate) mod cache;
pub(crate) mod callbacks;
pub(crate) mod clock;
pub(crate) mod keys;
pub(crate) mod ledger;
pub(crate) mod lines;
pub(crate) mod outbox;
pub(crate) mod queue;
pub(crate) mod remembered;
pub(crate) mod retention;
pub(crate) mod services;
pub(crate) mod suppressions;
pub(crate) mod transfer;
mod unwritten;

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use callback_domain::agent::Agent;
use callback_domain::attempt::Attempt;
use callback_domain::callback::Callback;
use callback_domain::date::Instant;
use callback_domain::id::{
    AgentId, AttemptId, CallbackId, DeliveryId, KeyId, NodeId, ServiceId, WebhookId,
};
use callback_domain::picking::{Heads, OrderKey, Passes};
use callback_domain::priority::Priority;
use callback_domain::service::Service;
use callback_domain::target::TargetKey;
use callback_engine::access::Key;
use callback_engine::command::{Command, Done};
use callback_engine::error::Error;
use callback_engine::ledger::{Line, Subject};
use callback_engine::remembered::Kept;
use callback_engine::route::Route;
use callback_engine::store::{Claim, Due, Gate, Idempotency, Remembered, Rowed, Rows, StoreError};
use callback_engine::suppression::Suppression;
use callback_engine::webhook::{Delivery, DeliveryState, Webhook};
use callback_engine::work;
use rusqlite::Connection;
use uuid::Uuid;

use crate::error::Trouble;
use crate::sql::Answer;
use cache::Cache;
use unwritten::Unwritten;

/// The rows of a transaction that its maker has begun and will end.
pub(crate) struct SqliteRows<'a> {
    connection: &'a mut Connection,
    cache: &'a mut Cache,
    now: Instant,
    trouble: Trouble,
    unwritten: Unwritten,
}

impl<'a> SqliteRows<'a> {
    pub(crate) fn new(connection: &'a mut Connection, cache: &'a mut Cache, now: Instant) -> Self {
        Self { connection, cache, now, trouble: Trouble::Passing, unwritten: Unwritten::default() }
    }

    /// Runs a command to its end, and writes what it has changed.
    ///
    /// Also what a refused one has, so that whoever counts changes finds it.
    pub(crate) fn run(&mut self, command: &Command) -> Result<Done, Error> {
        let answer =
            match pin!(work::run(self, command)).poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(answer) => answer,
                Poll::Pending => Err(Error::Store(StoreError::Unavailable {
                    during: "running a command",
                    cause: "it waits for something other than rows".to_owned(),
                })),
            };
        if !matches!(answer, Err(Error::Store(_))) {
            self.during("writing what has changed", |_, _| Ok(()))?;
        }
        answer
    }

    /// The worst that has happened so far.
    pub(crate) fn trouble(&self) -> Trouble {
        self.trouble
    }

    /// Does something to rows that others may have been noted for, after those are written.
    fn during<T>(
        &mut self,
        what: &'static str,
        work: impl FnOnce(&Connection, &mut Cache) -> Answer<T>,
    ) -> Rowed<T> {
        self.beside(what, |rows, cache, unwritten| {
            unwritten.write(rows, cache)?;
            work(rows, cache)
        })
    }

    /// Does something that callbacks, attempts and agents have no part in, or only those in hand.
    fn beside<T>(
        &mut self,
        what: &'static str,
        work: impl FnOnce(&Connection, &mut Cache, &mut Unwritten) -> Answer<T>,
    ) -> Rowed<T> {
        work(self.connection, self.cache, &mut self.unwritten).map_err(|failure| {
            self.trouble = self.trouble.max(failure.trouble());
            failure.during(what)
        })
    }
}

impl Rows for SqliteRows<'_> {
    fn now(&self) -> Instant {
        self.now
    }

    async fn callback(&mut self, id: CallbackId) -> Rowed<Option<Callback>> {
        self.beside("reading a callback", |rows, cache, unwritten| match unwritten.callback(id) {
            Some(known) => Ok(Some(known.clone())),
            None => cache.callback(rows, id),
        })
    }

    async fn insert_callback(&mut self, callback: &Callback) -> Rowed<()> {
        self.beside("writing a new callback", |rows, cache, unwritten| {
            unwritten.insert(rows, callback)?;
            cache.change(callback);
            cache.count_queued(None, callback);
            Ok(())
        })
    }

    async fn update_callback(&mut self, before: &Callback, callback: &Callback) -> Rowed<()> {
        self.beside("writing a callback", |rows, cache, unwritten| {
            unwritten.update(rows, before, callback)?;
            cache.change(callback);
            cache.count_queued(Some(before), callback);
            Ok(())
        })
    }

    async fn has_live_callbacks(&mut self, service: ServiceId) -> Rowed<bool> {
        self.during("looking for live callbacks", |rows, _| {
            Ok(!callbacks::live(rows, service, None, 1)?.is_empty())
        })
    }

    async fn live_duplicate(
        &mut self,
        service: ServiceId,
        key: &TargetKey,
    ) -> Rowed<Option<CallbackId>> {
        self.during("looking for a duplicate", |rows, _| callbacks::duplicate(rows, service, key))
    }

    async fn queued_up_to(&mut self, service: ServiceId, limit: u32) -> Rowed<u32> {
        self.during("counting what is queued", |rows, cache| {
            let queued = cache.queued(rows, service)?;
            Ok(u32::try_from(queued).unwrap_or(u32::MAX).min(limit))
        })
    }

    async fn live_callbacks(
        &mut self,
        service: ServiceId,
        after: Option<CallbackId>,
        limit: usize,
    ) -> Rowed<Vec<Callback>> {
        self.during("reading live callbacks", |rows, _| {
            callbacks::live(rows, service, after, limit)
        })
    }

    async fn held_callbacks(
        &mut self,
        agent: AgentId,
        service: Option<ServiceId>,
        limit: usize,
    ) -> Rowed<Vec<Callback>> {
        self.during("reading held callbacks", |rows, _| {
            callbacks::held(rows, agent, service, limit)
        })
    }

    async fn due(&mut self, at: Instant, limit: usize) -> Rowed<Due> {
        self.during("reading what is due", |rows, _| clock::due(rows, at, limit))
    }

    async fn next_deadline(&mut self) -> Rowed<Option<Instant>> {
        self.during("reading the next deadline", |rows, _| clock::next_deadline(rows))
    }

    async fn heads(&mut self, service: ServiceId, lane: Option<AgentId>) -> Rowed<Heads> {
        self.during("reading the heads of a queue", |rows, _| queue::heads(rows, service, lane))
    }

    async fn refresh(
        &mut self,
        key: &TargetKey,
        gate: &Gate,
    ) -> Rowed<Vec<(ServiceId, Option<AgentId>)>> {
        self.beside("making callbacks ready", |rows, _, unwritten| {
            let incoming = unwritten.incoming(rows, key)?;
            let refreshed = queue::refresh(rows, key, gate, incoming.as_ref())?;
            unwritten.stand(key, refreshed.is_incoming_ready);
            Ok(refreshed.lanes)
        })
    }

    async fn waits(&mut self, key: &TargetKey) -> Rowed<bool> {
        self.during("looking for what waits", |rows, _| queue::waits(rows, key))
    }

    async fn wake_key(&mut self, key: &TargetKey, at: Instant) -> Rowed<()> {
        self.beside("noting when a line is looked at", |rows, _, _| clock::wake_key(rows, key, at))
    }

    async fn unwake_key(&mut self, key: &TargetKey) -> Rowed<()> {
        self.beside("forgetting when a line is looked at", |rows, _, _| {
            clock::unwake_key(rows, key)
        })
    }

    async fn ready_services(&mut self) -> Rowed<Vec<ServiceId>> {
        self.during("looking for what is ready", |rows, _| queue::ready_services(rows))
    }

    async fn passes(&mut self, service: ServiceId) -> Rowed<Passes> {
        self.beside("reading passes", |rows, _, _| queue::passes(rows, service))
    }

    async fn put_passes(&mut self, service: ServiceId, passes: &Passes) -> Rowed<()> {
        self.beside("writing passes", |rows, _, _| queue::put_passes(rows, service, *passes))
    }

    async fn waiting(&mut self, service: ServiceId) -> Rowed<([u64; 9], Option<Instant>)> {
        self.during("counting what waits", |rows, _| queue::waiting(rows, service))
    }

    async fn ahead(
        &mut self,
        service: ServiceId,
        priority: Priority,
        order: OrderKey,
    ) -> Rowed<u64> {
        self.during("counting what is ahead", |rows, _| {
            queue::ahead(rows, service, priority, order)
        })
    }

    async fn claim(&mut self, key: &TargetKey) -> Rowed<Option<Claim>> {
        self.beside("reading a claim", |rows, _, _| lines::claim(rows, key))
    }

    async fn put_claim(&mut self, key: &TargetKey, claim: Claim) -> Rowed<()> {
        self.beside("writing a claim", |rows, _, _| lines::put_claim(rows, key, claim))
    }

    async fn release_claim(&mut self, key: &TargetKey) -> Rowed<()> {
        self.beside("releasing a claim", |rows, _, _| lines::release_claim(rows, key))
    }

    async fn claims_up_to(&mut self, service: ServiceId, limit: u32) -> Rowed<u32> {
        self.beside("counting claims", |rows, _, _| lines::claims_up_to(rows, service, limit))
    }

    async fn attempt(&mut self, id: AttemptId) -> Rowed<Option<Attempt>> {
        self.beside("reading an attempt", |rows, _, unwritten| unwritten.attempt(rows, id))
    }

    async fn put_attempt(&mut self, attempt: &Attempt) -> Rowed<()> {
        self.beside("writing an attempt", |_, _, unwritten| {
            unwritten.put_attempt(attempt);
            Ok(())
        })
    }

    async fn open_attempts(&mut self) -> Rowed<Vec<Attempt>> {
        self.during("reading open attempts", |rows, _| attempts::open(rows))
    }

    async fn dialouts_since(
        &mut self,
        key: &TargetKey,
        since: Instant,
        limit: u32,
    ) -> Rowed<Vec<Instant>> {
        self.during("reading dial-outs", |rows, _| {
            attempts::dialouts_since(rows, key, since, limit)
        })
    }

    async fn service(&mut self, id: ServiceId) -> Rowed<Option<Arc<Service>>> {
        self.beside("reading a service", |rows, cache, _| cache.service(rows, id))
    }

    async fn service_by_sip(&mut self, sip_uri: &str) -> Rowed<Option<ServiceId>> {
        self.during("looking for a service", |rows, _| services::by_sip(rows, sip_uri))
    }

    async fn put_service(&mut self, service: &Service) -> Rowed<()> {
        self.during("writing a service", |rows, cache| {
            cache.forget_service(service.id);
            services::put(rows, service)
        })
    }

    async fn delete_service(&mut self, id: ServiceId) -> Rowed<()> {
        self.during("removing a service", |rows, cache| {
            cache.forget_service(id);
            services::delete(rows, id)
        })
    }

    async fn capped_services(&mut self) -> Rowed<Vec<(ServiceId, u32)>> {
        self.beside("reading caps of attempts", |rows, cache, _| cache.capped_services(rows))
    }

    async fn recalculations(&mut self) -> Rowed<Vec<(ServiceId, Option<CallbackId>)>> {
        self.during("reading what is recalculated", |rows, _| services::recalculations(rows))
    }

    async fn put_recalculation(
        &mut self,
        service: ServiceId,
        after: Option<CallbackId>,
    ) -> Rowed<()> {
        self.during("noting what is recalculated", |rows, _| {
            services::put_recalculation(rows, service, after)
        })
    }

    async fn end_recalculation(&mut self, service: ServiceId) -> Rowed<()> {
        self.during("ending a recalculation", |rows, _| services::end_recalculation(rows, service))
    }

    async fn agent(&mut self, id: AgentId) -> Rowed<Option<Agent>> {
        self.beside("reading a user", |rows, cache, unwritten| match unwritten.agent(id) {
            Some(known) => Ok(Some(known.clone())),
            None => cache.agent(rows, id),
        })
    }

    async fn agent_by_sip(&mut self, sip_uri: &str) -> Rowed<Option<AgentId>> {
        self.during("looking for a user", |rows, _| agents::by_sip(rows, sip_uri))
    }

    async fn put_agent(&mut self, agent: &Agent) -> Rowed<()> {
        self.beside("writing a user", |_, _, unwritten| {
            unwritten.put_agent(agent);
            Ok(())
        })
    }

    async fn delete_agent(&mut self, id: AgentId) -> Rowed<()> {
        self.during("removing a user", |rows, cache| {
            cache.forget_agent(id);
            agents::delete(rows, id)
        })
    }

    async fn longest_idle(&mut self, service: ServiceId) -> Rowed<Option<AgentId>> {
        self.during("looking for a free user", |rows, _| agents::longest_idle(rows, service))
    }

    async fn free_agent_with_own(&mut self, service: ServiceId) -> Rowed<Option<AgentId>> {
        self.during("looking for a free user", |rows, _| agents::free_with_own(rows, service))
    }

    async fn agents_of(&mut self, service: ServiceId) -> Rowed<Vec<Agent>> {
        self.during("reading the users of a service", |rows, _| agents::of(rows, service))
    }

    async fn suppressions_of(&mut self, key: &TargetKey) -> Rowed<Vec<Suppression>> {
        let now = self.now;
        self.beside("reading suppressions", |rows, _, _| suppressions::standing(rows, key, now))
    }

    async fn put_suppression(&mut self, suppression: &Suppression) -> Rowed<u64> {
        self.during("writing a suppression", |rows, _| suppressions::put(rows, suppression))
    }

    async fn delete_suppression(&mut self, id: Uuid) -> Rowed<Option<Suppression>> {
        self.during("removing a suppression", |rows, _| suppressions::delete(rows, id))
    }

    async fn key(&mut self, id: KeyId) -> Rowed<Option<Key>> {
        self.during("reading a key", |rows, _| keys::find(rows, id))
    }

    async fn keys(&mut self) -> Rowed<Vec<Key>> {
        self.during("reading keys", |rows, _| keys::list(rows))
    }

    async fn put_key(&mut self, key: &Key) -> Rowed<()> {
        self.during("writing a key", |rows, _| keys::put(rows, key))
    }

    async fn route(&mut self, name: &str) -> Rowed<Route> {
        self.beside("reading a route", |rows, _, _| lines::route(rows, name))
    }

    async fn put_route(&mut self, name: &str, route: &Route) -> Rowed<()> {
        self.beside("writing a route", |rows, _, _| lines::put_route(rows, name, route))
    }

    async fn node_lease(&mut self, node: NodeId) -> Rowed<Option<Instant>> {
        self.during("reading a node's lease", |rows, _| clock::node_lease(rows, node))
    }

    async fn put_node_lease(&mut self, node: NodeId, until: Instant) -> Rowed<()> {
        let now = self.now;
        self.during("writing a node's lease", |rows, _| {
            clock::put_node_lease(rows, node, until, now)
        })
    }

    async fn remembered(&mut self, principal: &str, key: &str) -> Rowed<Option<Remembered>> {
        let now = self.now;
        self.during("reading a remembered answer", |rows, _| {
            remembered::find(rows, principal, key, now)
        })
    }

    async fn remember(&mut self, idempotency: &Idempotency, kept: &Kept) -> Rowed<()> {
        let now = self.now;
        self.during("remembering an answer", |rows, _| {
            remembered::put(rows, idempotency, kept, now)
        })
    }

    async fn tidy_turn(&mut self) -> Rowed<bool> {
        Ok(true)
    }

    async fn ended_before(&mut self, before: Instant, limit: usize) -> Rowed<Vec<CallbackId>> {
        self.during("looking for what is old", |rows, _| retention::ended(rows, before, limit))
    }

    async fn remove_callbacks(&mut self, ids: &[CallbackId]) -> Rowed<()> {
        self.during("removing callbacks", |rows, cache| {
            cache.remove(ids);
            retention::remove(rows, ids)
        })
    }

    async fn remove_attempts_to(&mut self, key: &TargetKey) -> Rowed<()> {
        self.during("removing attempts", |rows, _| retention::remove_attempts_to(rows, key))
    }

    async fn remembered_after(
        &mut self,
        after: Option<(String, String)>,
        limit: usize,
    ) -> Rowed<Vec<(String, String, Remembered)>> {
        self.during("reading answers", |rows, _| remembered::after(rows, after.as_ref(), limit))
    }

    async fn forget(&mut self, principal: &str, key: &str) -> Rowed<()> {
        self.during("forgetting an answer", |rows, _| remembered::drop(rows, principal, key))
    }

    async fn forget_remembered(&mut self, before: Instant, limit: usize) -> Rowed<usize> {
        self.during("forgetting answers", |rows, _| remembered::forget(rows, before, limit))
    }

    async fn append(&mut self, line: &Line) -> Rowed<()> {
        self.beside("appending to the ledger", |rows, _, _| ledger::append(rows, line))
    }

    async fn lines_after(&mut self, sequence: u64, limit: usize) -> Rowed<Vec<Line>> {
        self.during("reading the ledger", |rows, _| ledger::lines(rows, None, sequence, limit))
    }

    async fn line(&mut self, sequence: u64) -> Rowed<Option<Line>> {
        self.during("reading a line of the ledger", |rows, _| ledger::line(rows, sequence))
    }

    async fn last_line(&mut self) -> Rowed<u64> {
        self.during("reading the end of the ledger", |rows, _| ledger::last(rows))
    }

    async fn outbox_cursor(&mut self) -> Rowed<Option<u64>> {
        self.during("reading the outbox", |rows, _| outbox::cursor(rows))
    }

    async fn put_outbox_cursor(&mut self, sequence: u64) -> Rowed<()> {
        self.during("moving the outbox", |rows, _| outbox::put_cursor(rows, sequence))
    }

    async fn webhooks(&mut self) -> Rowed<Vec<Webhook>> {
        self.during("reading webhooks", |rows, _| outbox::webhooks(rows))
    }

    async fn webhook(&mut self, id: WebhookId) -> Rowed<Option<Webhook>> {
        self.during("reading a webhook", |rows, _| outbox::webhook(rows, id))
    }

    async fn put_webhook(&mut self, webhook: &Webhook) -> Rowed<()> {
        self.during("writing a webhook", |rows, _| outbox::put_webhook(rows, webhook))
    }

    async fn delete_webhook(&mut self, id: WebhookId) -> Rowed<()> {
        self.during("removing a webhook", |rows, _| outbox::delete_webhook(rows, id))
    }

    async fn delivery(&mut self, id: DeliveryId) -> Rowed<Option<Delivery>> {
        self.during("reading a delivery", |rows, _| outbox::delivery(rows, id))
    }

    async fn first_pending(
        &mut self,
        webhook: WebhookId,
        subject: Subject,
    ) -> Rowed<Option<Delivery>> {
        self.during("looking for what is pending", |rows, _| {
            outbox::first_pending(rows, webhook, subject)
        })
    }

    async fn put_delivery(&mut self, delivery: &Delivery) -> Rowed<()> {
        self.during("writing a delivery", |rows, _| outbox::put(rows, delivery))
    }

    async fn due_deliveries(&mut self, webhook: WebhookId, limit: usize) -> Rowed<Vec<Delivery>> {
        let now = self.now;
        self.during("reading what is sent next", |rows, _| outbox::due(rows, webhook, now, limit))
    }

    async fn next_delivery(&mut self, webhook: WebhookId) -> Rowed<Option<Instant>> {
        self.during("reading when to send next", |rows, _| outbox::next(rows, webhook))
    }

    async fn held_deliveries(&mut self, limit: usize) -> Rowed<Vec<Delivery>> {
        self.during("reading what is being sent", |rows, _| outbox::held(rows, limit))
    }

    async fn deliveries(
        &mut self,
        webhook: WebhookId,
        state: DeliveryState,
        before: Option<(Instant, DeliveryId)>,
        limit: usize,
    ) -> Rowed<Vec<Delivery>> {
        self.during("reading deliveries", |rows, _| {
            outbox::listed(rows, webhook, state, before, limit)
        })
    }

    async fn pending_deliveries(
        &mut self,
        webhook: WebhookId,
        limit: usize,
    ) -> Rowed<(u64, Option<Instant>)> {
        self.during("counting deliveries", |rows, _| outbox::pending(rows, webhook, limit))
    }

    async fn purge_settled(&mut self, before: Instant, limit: usize) -> Rowed<usize> {
        self.during("removing old deliveries", |rows, _| outbox::purge_settled(rows, before, limit))
    }

    async fn purge_webhook(&mut self, webhook: WebhookId, limit: usize) -> Rowed<usize> {
        self.during("removing a webhook's deliveries", |rows, _| {
            outbox::purge_webhook(rows, webhook, limit)
        })
    }
}

#[cfg(test)]
pub(crate) mod tests;
