//! What a transaction has written and not yet sent: it goes together, one statement for a table.
//!
//! Whatever looks through an index sends it first, so that it sees what was written.

use std::collections::{BTreeMap, BTreeSet};

use callback_domain::agent::Agent;
use callback_domain::attempt::Attempt;
use callback_domain::callback::Callback;
use callback_domain::date::Instant;
use callback_domain::id::{AgentId, AttemptId, CallbackId, ServiceId};
use callback_domain::picking::Passes;
use callback_domain::target::TargetKey;
use callback_engine::ledger::Line;
use callback_engine::store::{Claim, Gate, Rowed};
use tokio_postgres::Row;
use tokio_postgres::types::Json;
use uuid::Uuid;

use super::line::Standing;
use super::staff::is_free;
use super::{OPEN_LANE, PostgresRows, owned};
use crate::connection::UnderWay;
use crate::failure::Failure;
use crate::ledger;
use crate::records::{column, signed};

const INSERT: &str = "/* PostgresRows::insert_callback */ \
    INSERT INTO callbacks (id, service, key, phase, priority, due, place, lane, backed_off, ready, \
        deadline, agent, reason, creator, external_task_id, caller_id, created_at, updated_at, \
        version, record) \
    SELECT id, service, key, phase, priority, due, place, lane, backed_off, \
        ready OR alone AND ( \
            SELECT id FROM callbacks AS other WHERE other.key = new.key \
                AND other.place IS NOT NULL AND NOT other.backed_off \
            ORDER BY service, lane, priority, place, id LIMIT 1) IS NULL, \
        deadline, agent, reason, creator, external_task_id, caller_id, created_at, updated_at, \
        version, record \
    FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::smallint[], \
        $6::timestamptz[], $7::timestamptz[], $8::uuid[], $9::boolean[], $10::timestamptz[], \
        $11::uuid[], $12::text[], $13::text[], $14::text[], $15::text[], $16::timestamptz[], \
        $17::timestamptz[], $18::bigint[], $19::json[], $20::boolean[], \
        $21::boolean[]) \
        AS new (id, service, key, phase, priority, due, place, lane, backed_off, deadline, agent, \
            reason, creator, external_task_id, caller_id, created_at, updated_at, version, record, \
            ready, alone) \
    RETURNING id, ready";

/// A callback whose line is open and that is alone on it is ready at once; otherwise who is first
/// is looked for afterwards.
///
/// Not `NOT EXISTS`, which the database would answer by reading all that waits.
pub(crate) const UPDATE: &str = "/* PostgresRows::update_callback */ \
    UPDATE callbacks SET key = new.key, phase = new.phase, priority = new.priority, \
        due = new.due, place = new.place, lane = new.lane, backed_off = new.backed_off, \
        ready = CASE WHEN new.alone THEN ( \
                SELECT id FROM callbacks AS other WHERE other.key = new.key \
                    AND other.place IS NOT NULL AND NOT other.backed_off AND other.id <> new.id \
                ORDER BY service, lane, priority, place, id LIMIT 1) IS NULL \
            ELSE callbacks.ready AND new.stays END, \
        deadline = new.deadline, agent = new.agent, reason = new.reason, \
        caller_id = new.caller_id, updated_at = new.updated_at, version = new.version, \
        record = new.record \
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::smallint[], $5::timestamptz[], \
        $6::timestamptz[], $7::uuid[], $8::boolean[], $9::boolean[], $10::boolean[], \
        $11::timestamptz[], $12::uuid[], $13::text[], $14::text[], $15::timestamptz[], \
        $16::bigint[], $17::json[], $18::bigint[]) \
        AS new (id, key, phase, priority, due, place, lane, backed_off, stays, alone, deadline, \
            agent, reason, caller_id, updated_at, version, record, stored) \
    WHERE callbacks.id = new.id AND callbacks.version = new.stored \
    RETURNING callbacks.id, callbacks.ready";

const PUT_ATTEMPTS: &str = "/* PostgresRows::put_attempt */ \
    INSERT INTO attempts (id, callback, number, key, node, open, deadline, customer_requested_at, record) \
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::integer[], $4::text[], $5::uuid[], \
        $6::boolean[], $7::timestamptz[], $8::timestamptz[], $9::json[]) \
    ON CONFLICT (id) DO UPDATE SET \
        node = excluded.node, open = excluded.open, deadline = excluded.deadline, \
        customer_requested_at = excluded.customer_requested_at, record = excluded.record";
const RELEASE_CLAIMS: &str =
    "/* PostgresRows::release_claim */ DELETE FROM claims WHERE key = ANY($1)";
const PUT_CLAIMS: &str = "/* PostgresRows::put_claim */ \
    INSERT INTO claims (key, callback, service, attempt) \
    SELECT * FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::uuid[]) \
    ON CONFLICT (key) DO UPDATE SET attempt = excluded.attempt \
    WHERE claims.callback = excluded.callback";
const CHANGE_AGENTS: &str = "/* PostgresRows::put_agent change */ \
    UPDATE agents SET name = new.name, sip_key = new.sip_key, free = new.free, \
        deadline = new.deadline, record = new.record \
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::boolean[], $5::timestamptz[], $6::json[]) \
        AS new (id, name, sip_key, free, deadline, record) WHERE agents.id = new.id";
const IDLE: &str = "/* PostgresRows::put_agent idle */ \
    UPDATE agent_services SET idle_since = new.idle_since \
    FROM unnest($1::uuid[], $2::timestamptz[]) AS new (agent, idle_since) \
    WHERE agent_services.agent = new.agent";
const PUT_PASSES: &str = "/* PostgresRows::put_passes */ \
    UPDATE passes SET ahead = new.ahead FROM unnest($1::uuid[], $2::bytea[]) AS new (service, ahead) \
    WHERE passes.service = new.service";

/// The front of each group of an open key, found from group to group however many wait in each;
/// then whatever is ready and should not be, and the reverse, is turned over.
pub(crate) const REFRESH: &str = "/* PostgresRows::refresh */ \
    WITH RECURSIVE gate AS ( \
        SELECT key, closed FROM unnest($1::text[], $2::boolean[]) AS gate (key, closed) \
    ), front AS ( \
        SELECT first.* FROM gate CROSS JOIN LATERAL \
        (SELECT id, key, service, lane, priority, ready FROM callbacks \
         WHERE key = gate.key AND place IS NOT NULL AND NOT backed_off \
         ORDER BY service, lane, priority, place, id LIMIT 1) AS first WHERE NOT gate.closed \
        UNION ALL \
        SELECT next.* FROM front CROSS JOIN LATERAL \
        (SELECT id, key, service, lane, priority, ready FROM callbacks \
         WHERE key = front.key AND place IS NOT NULL AND NOT backed_off \
           AND (service, lane, priority) > (front.service, front.lane, front.priority) \
         ORDER BY service, lane, priority, place, id LIMIT 1) AS next \
    ), open AS ( \
        SELECT id, service, lane, ready FROM front WHERE NOT EXISTS ( \
            SELECT FROM unnest($3::text[], $4::uuid[]) AS shut (key, service) \
            WHERE shut.key = front.key AND shut.service = front.service) \
    ), turned AS ( \
        UPDATE callbacks SET ready = NOT ready WHERE id = ANY(ARRAY( \
            SELECT id FROM open WHERE NOT ready \
            UNION ALL \
            SELECT standing.id FROM gate CROSS JOIN LATERAL \
                (SELECT id FROM callbacks WHERE key = gate.key AND ready) AS standing \
            WHERE standing.id NOT IN (SELECT id FROM open))) \
    ) \
    SELECT id, service, lane FROM open";

/// What is written and not yet sent.
#[derive(Default)]
pub(super) struct Unsent {
    /// New callbacks, and whether they are ready.
    inserted: BTreeMap<CallbackId, (Callback, bool)>,
    updated: BTreeMap<CallbackId, Updated>,
    attempts: BTreeMap<AttemptId, Attempt>,
    released: BTreeSet<TargetKey>,
    claims: BTreeMap<TargetKey, Claim>,
    agents: BTreeMap<AgentId, Agent>,
    idle: BTreeMap<AgentId, Option<Instant>>,
    passes: BTreeMap<ServiceId, Passes>,
    lines: Vec<Line>,
    gates: BTreeMap<TargetKey, Gate>,
}

/// Why a transaction runs again when a callback is not as it was read.
const MOVED_ON: &str = "a callback has moved on";

/// Callbacks that were written, of which some may stand ready.
pub(super) struct Standings {
    pub(super) rows: UnderWay<'static>,
    count: usize,
    alone: BTreeMap<CallbackId, Alone>,
}

/// A callback whose line is open and which is the only change to it.
struct Alone {
    service: ServiceId,
    lane: Uuid,
    key: TargetKey,
    gate: Gate,
}

impl Alone {
    fn new(callback: &Callback, gate: Gate) -> Self {
        let lane = Standing::of(callback).lane;
        Self { service: callback.service, lane, key: callback.key(), gate }
    }
}

/// A stored callback that has changed.
struct Updated {
    callback: Callback,
    /// Where it was in the queue it is still.
    stays: bool,
    /// The version that is stored.
    stored: u64,
}

impl Unsent {
    fn is_empty(&self) -> bool {
        let Self {
            inserted,
            updated,
            attempts,
            released,
            claims,
            agents,
            idle,
            passes,
            lines,
            gates,
        } = self;
        inserted.is_empty()
            && updated.is_empty()
            && attempts.is_empty()
            && released.is_empty()
            && claims.is_empty()
            && agents.is_empty()
            && idle.is_empty()
            && passes.is_empty()
            && lines.is_empty()
            && gates.is_empty()
    }

    pub(super) fn insert(&mut self, callback: Callback, ready: bool) {
        self.inserted.insert(callback.id, (callback, ready));
    }

    pub(super) fn update(&mut self, before: &Callback, callback: Callback) {
        if let Some((inserted, _)) = self.inserted.get_mut(&callback.id) {
            *inserted = callback;
            return;
        }
        let stays = before.key() == callback.key()
            && before.priority == callback.priority
            && Standing::of(before) == Standing::of(&callback);
        let update = Updated { callback, stays, stored: before.version };
        match self.updated.get_mut(&update.callback.id) {
            Some(known) => {
                known.stays &= update.stays;
                known.callback = update.callback;
            }
            None => {
                self.updated.insert(update.callback.id, update);
            }
        }
    }

    pub(super) fn put_attempt(&mut self, attempt: Attempt) {
        self.attempts.insert(attempt.id, attempt);
    }

    pub(super) fn put_claim(&mut self, key: TargetKey, claim: Claim) {
        self.claims.insert(key, claim);
    }

    pub(super) fn release_claim(&mut self, key: TargetKey) {
        self.claims.remove(&key);
        self.released.insert(key);
    }

    /// Writes an agent, and since when they wait if that is another instant than before.
    pub(super) fn change_agent(
        &mut self,
        agent: Agent,
        was_since: Option<Instant>,
        idle_since: Option<Instant>,
    ) {
        if was_since != idle_since {
            self.idle.insert(agent.id, idle_since);
        }
        self.agents.insert(agent.id, agent);
    }

    pub(super) fn put_passes(&mut self, service: ServiceId, passes: Passes) {
        self.passes.insert(service, passes);
    }

    pub(super) fn append(&mut self, line: Line) {
        self.lines.push(line);
    }

    pub(super) fn refresh(&mut self, key: TargetKey, gate: Gate) {
        self.gates.insert(key, gate);
    }

    /// Takes the keys off whose only change is one callback that waits and may go: the statement
    /// that writes it settles whether it is ready.
    fn take_alone(&mut self) -> BTreeMap<CallbackId, Gate> {
        let mut written: BTreeMap<TargetKey, Option<&Callback>> = BTreeMap::new();
        for (callback, ready) in self.inserted.values() {
            let alone = (Standing::of(callback).waits() && !ready).then_some(callback);
            written.entry(callback.key()).and_modify(|known| *known = None).or_insert(alone);
        }
        for update in self.updated.values() {
            let waits = Standing::of(&update.callback).waits() && !update.stays;
            let alone = waits.then_some(&update.callback);
            written.entry(update.callback.key()).and_modify(|known| *known = None).or_insert(alone);
        }
        let mut alone = BTreeMap::new();
        self.gates.retain(|key, gate| match written.get(key) {
            Some(Some(callback)) if gate.is_open(callback.service) => {
                alone.insert(callback.id, std::mem::take(gate));
                false
            }
            Some(_) | None => true,
        });
        alone
    }
}

impl PostgresRows<'_> {
    /// Sends what was written, and waits until it is known who stands ready; the rest is awaited
    /// before the commit.
    pub(super) async fn send_unsent(&mut self) -> Rowed<()> {
        self.send_writes().await?;
        self.settle_standings().await
    }

    /// Sends what was written.
    pub(super) async fn send_writes(&mut self) -> Rowed<()> {
        if self.unsent.is_empty() {
            return Ok(());
        }
        let mut unsent = std::mem::take(&mut self.unsent);
        let mut alone = unsent.take_alone();
        self.send_claims(&mut unsent).await?;
        self.send_inserted(&unsent.inserted, &mut alone).await?;
        self.send_updated(&unsent.updated, alone).await?;
        self.send_attempts(unsent.attempts).await?;
        self.send_staff(unsent.agents, unsent.idle, unsent.passes).await?;
        self.send_lines(unsent.lines).await?;
        self.send_gates(&unsent.gates).await
    }

    /// Waits for what was written as being alone on an open line; whoever is not after all is
    /// refreshed.
    pub(super) async fn settle_standings(&mut self) -> Rowed<()> {
        for Standings { rows, count, mut alone } in std::mem::take(&mut self.standings) {
            let rows = match rows.await {
                Ok(rows) => rows,
                Err(error) => return Err(self.fail(Failure::of("writing", &error)).await),
            };
            if rows.len() < count {
                return Err(self.conflict("PostgresRows::update_callback", MOVED_ON).await);
            }
            let mut gates = BTreeMap::new();
            for row in &rows {
                let id = CallbackId(column(row, "callbacks", "id")?);
                let ready: bool = column(row, "callbacks", "ready")?;
                let Some(alone) = alone.remove(&id) else { continue };
                if ready {
                    self.wake(alone.service, alone.lane);
                } else {
                    gates.insert(alone.key, alone.gate);
                }
            }
            self.send_gates(&gates).await?;
        }
        Ok(())
    }

    async fn send_claims(&mut self, unsent: &mut Unsent) -> Rowed<()> {
        let released = std::mem::take(&mut unsent.released);
        if !released.is_empty() {
            let keys: Vec<String> = released.iter().map(|key| key.as_str().to_owned()).collect();
            self.write(RELEASE_CLAIMS, owned![keys]).await?;
        }
        let claims = std::mem::take(&mut unsent.claims);
        if claims.is_empty() {
            return Ok(());
        }
        let (mut keys, mut callbacks, mut services, mut attempts) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (key, claim) in &claims {
            keys.push(key.as_str().to_owned());
            callbacks.push(claim.callback.0);
            services.push(claim.service.0);
            attempts.push(claim.attempt.map(|attempt| attempt.0));
        }
        let all = owned![keys, callbacks, services, attempts];
        self.write_guarded(PUT_CLAIMS, all, claims.len(), "another callback holds the line").await
    }

    async fn send_inserted(
        &mut self,
        inserted: &BTreeMap<CallbackId, (Callback, bool)>,
        alone: &mut BTreeMap<CallbackId, Gate>,
    ) -> Rowed<()> {
        if inserted.is_empty() {
            return Ok(());
        }
        let (all, ready): (Vec<&Callback>, Vec<bool>) =
            inserted.values().map(|(callback, ready)| (callback, *ready)).unzip();
        macro_rules! each {
            ($get:expr) => {
                all.iter().copied().map($get).collect::<Vec<_>>()
            };
        }
        let parameters = owned![
            each!(|callback| callback.id.0),
            each!(|callback| callback.service.0),
            each!(|callback| callback.key().as_str().to_owned()),
            each!(|callback| callback.phase_name().name()),
            each!(|callback| i16::from(callback.priority.level())),
            each!(|callback| callback.due),
            each!(|callback| Standing::of(callback).place),
            each!(|callback| Standing::of(callback).lane),
            each!(|callback| Standing::of(callback).backed_off),
            each!(|callback| callback.deadline().map(|(at, _)| at)),
            each!(|callback| callback.agent().map(|agent| agent.0)),
            each!(|callback| callback.termination_reason().map(|reason| reason.name())),
            each!(|callback| callback.creator.name()),
            each!(|callback| callback.external_task_id.clone()),
            each!(|callback| callback.caller_id.clone()),
            each!(|callback| callback.created_at),
            each!(|callback| callback.updated_at),
            each!(|callback| signed(callback.version)),
            each!(|callback| Json(callback.clone())),
            ready,
            each!(|callback| alone.contains_key(&callback.id)),
        ];
        let alone: BTreeMap<CallbackId, Alone> = all
            .iter()
            .filter_map(|callback| {
                Some((callback.id, Alone::new(callback, alone.remove(&callback.id)?)))
            })
            .collect();
        if alone.is_empty() {
            return self.write(INSERT, parameters).await;
        }
        let rows = self.send_query(INSERT, parameters).await?;
        self.standings.push(Standings { rows, count: inserted.len(), alone });
        Ok(())
    }

    /// Writes what has changed.
    async fn send_updated(
        &mut self,
        updated: &BTreeMap<CallbackId, Updated>,
        mut alone: BTreeMap<CallbackId, Gate>,
    ) -> Rowed<()> {
        if updated.is_empty() {
            return Ok(());
        }
        let all: Vec<&Updated> = updated.values().collect();
        macro_rules! each {
            ($get:expr) => {
                all.iter().map(|update| &update.callback).map($get).collect::<Vec<_>>()
            };
        }
        let stays: Vec<bool> = all.iter().map(|update| update.stays).collect();
        let stored: Vec<i64> = all.iter().map(|update| signed(update.stored)).collect();
        let parameters = owned![
            each!(|callback| callback.id.0),
            each!(|callback| callback.key().as_str().to_owned()),
            each!(|callback| callback.phase_name().name()),
            each!(|callback| i16::from(callback.priority.level())),
            each!(|callback| callback.due),
            each!(|callback| Standing::of(callback).place),
            each!(|callback| Standing::of(callback).lane),
            each!(|callback| Standing::of(callback).backed_off),
            stays,
            each!(|callback| alone.contains_key(&callback.id)),
            each!(|callback| callback.deadline().map(|(at, _)| at)),
            each!(|callback| callback.agent().map(|agent| agent.0)),
            each!(|callback| callback.termination_reason().map(|reason| reason.name())),
            each!(|callback| callback.caller_id.clone()),
            each!(|callback| callback.updated_at),
            each!(|callback| signed(callback.version)),
            each!(|callback| Json(callback.clone())),
            stored,
        ];
        if alone.is_empty() {
            return self.write_guarded(UPDATE, parameters, updated.len(), MOVED_ON).await;
        }
        let alone = all
            .iter()
            .map(|update| &update.callback)
            .filter_map(|callback| {
                Some((callback.id, Alone::new(callback, alone.remove(&callback.id)?)))
            })
            .collect();
        let rows = self.send_query(UPDATE, parameters).await?;
        self.standings.push(Standings { rows, count: updated.len(), alone });
        Ok(())
    }

    async fn send_attempts(&mut self, attempts: BTreeMap<AttemptId, Attempt>) -> Rowed<()> {
        if attempts.is_empty() {
            return Ok(());
        }
        let all: Vec<Attempt> = attempts.into_values().collect();
        macro_rules! each {
            ($get:expr) => {
                all.iter().map($get).collect::<Vec<_>>()
            };
        }
        let parameters = owned![
            each!(|attempt| attempt.id.0),
            each!(|attempt| attempt.callback.0),
            each!(|attempt| i32::try_from(attempt.number).unwrap_or(i32::MAX)),
            each!(|attempt| attempt.key().as_str().to_owned()),
            each!(|attempt| attempt.node.0),
            each!(Attempt::is_open),
            each!(Attempt::deadline),
            each!(|attempt| attempt.customer_requested_at),
            each!(|attempt| Json(attempt.clone())),
        ];
        self.write(PUT_ATTEMPTS, parameters).await
    }

    async fn send_staff(
        &mut self,
        agents: BTreeMap<AgentId, Agent>,
        idle: BTreeMap<AgentId, Option<Instant>>,
        passes: BTreeMap<ServiceId, Passes>,
    ) -> Rowed<()> {
        if !agents.is_empty() {
            let all: Vec<Agent> = agents.into_values().collect();
            macro_rules! each {
                ($get:expr) => {
                    all.iter().map($get).collect::<Vec<_>>()
                };
            }
            let parameters = owned![
                each!(|agent| agent.id.0),
                each!(|agent| agent.name.clone()),
                each!(|agent| agent.sip_uri.key().as_str().to_owned()),
                each!(is_free),
                each!(Agent::deadline),
                each!(|agent| Json(agent.clone())),
            ];
            self.write(CHANGE_AGENTS, parameters).await?;
        }
        if !idle.is_empty() {
            let (agents, since): (Vec<Uuid>, Vec<_>) =
                idle.into_iter().map(|(agent, since)| (agent.0, since)).unzip();
            self.write(IDLE, owned![agents, since]).await?;
        }
        if !passes.is_empty() {
            let (services, ahead): (Vec<Uuid>, Vec<Vec<u8>>) = passes
                .into_iter()
                .map(|(service, passes)| (service.0, <[u8; 7]>::from(passes).to_vec()))
                .unzip();
            self.write(PUT_PASSES, owned![services, ahead]).await?;
        }
        Ok(())
    }

    async fn send_lines(&mut self, lines: Vec<Line>) -> Rowed<()> {
        if lines.is_empty() {
            return Ok(());
        }
        if !self.ledger_is_held {
            self.write(ledger::HOLD, owned![]).await?;
            self.ledger_is_held = true;
        }
        macro_rules! each {
            ($get:expr) => {
                lines.iter().map($get).collect::<Vec<_>>()
            };
        }
        let parameters = owned![
            each!(|line| ledger::subject(line.subject).0),
            each!(|line| ledger::subject(line.subject).1),
            each!(|line| line.service.map(|service| service.0)),
            each!(|line| line.at),
            each!(|line| line.what.clone()),
            each!(|line| line.from.map(|phase| phase.name())),
            each!(|line| line.to.map(|phase| phase.name())),
            each!(|line| line.actor.clone()),
            each!(|line| Json(line.details.clone())),
        ];
        self.write(ledger::APPEND, parameters).await
    }

    async fn send_gates(&mut self, gates: &BTreeMap<TargetKey, Gate>) -> Rowed<()> {
        if gates.is_empty() {
            return Ok(());
        }
        let (mut keys, mut closed) = (Vec::new(), Vec::new());
        let (mut shut_keys, mut shut_services) = (Vec::new(), Vec::new());
        for (key, gate) in gates {
            keys.push(key.as_str().to_owned());
            closed.push(gate.closed);
            for service in &gate.closed_services {
                shut_keys.push(key.as_str().to_owned());
                shut_services.push(service.0);
            }
        }
        let parameters = owned![keys, closed, shut_keys, shut_services];
        let rows = self.send_query(REFRESH, parameters).await?;
        self.refreshes.push(rows);
        Ok(())
    }

    /// Wakes the lanes of rows that may go.
    pub(super) fn wake_all(&mut self, rows: &[Row]) -> Rowed<()> {
        for row in rows {
            let service = ServiceId(column(row, "callbacks", "service")?);
            let lane: Uuid = column(row, "callbacks", "lane")?;
            self.wake(service, lane);
        }
        Ok(())
    }

    fn wake(&mut self, service: ServiceId, lane: Uuid) {
        self.woken.insert((service, (lane != OPEN_LANE).then_some(AgentId(lane))));
    }
}
