//! Sends what a transaction has written, as one statement for each table.

use std::collections::BTreeMap;

use callback_domain::agent::Agent;
use callback_domain::attempt::Attempt;
use callback_domain::callback::Callback;
use callback_domain::date::Instant;
use callback_domain::id::{AgentId, AttemptId, CallbackId, ServiceId};
use callback_domain::picking::Passes;
use callback_engine::ledger::Line;
use callback_engine::store::Rowed;
use tokio_postgres::types::Json;
use uuid::Uuid;

use super::line::Standing;
use super::staff::is_free;
use super::standings::{Lone, Standings};
use super::unsent::{Unsent, Updated};
use super::{PostgresRows, owned};
use crate::ledger;
use crate::records::signed;

const INSERT: &str = "/* PostgresRows::insert_callback */ \
    INSERT INTO callbacks (id, service, key, phase, priority, due, place, lane, backed_off, ready, \
        deadline, agent, reason, creator, external_task_id, caller_id, created_at, updated_at, \
        version, record) \
    SELECT id, service, key, phase, priority, due, place, lane, backed_off, \
        ready OR waits AND ( \
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
            ready, waits) \
    RETURNING id, NOT ready AS others";

/// Somebody else who waits on the line.
///
/// Not `NOT EXISTS`, which the database would answer by reading all that waits.
macro_rules! other {
    () => {
        "(SELECT id FROM callbacks AS other WHERE other.key = new.key \
            AND other.place IS NOT NULL AND NOT other.backed_off AND other.id <> new.id \
            ORDER BY service, lane, priority, place, id LIMIT 1)"
    };
}
/// A callback whose line is open and that is alone on it is ready at once; where others wait, or
/// are left behind, who is first is looked for afterwards.
pub(crate) const UPDATE: &str = concat!(
    "/* PostgresRows::update_callback */ \
    UPDATE callbacks SET key = new.key, phase = new.phase, priority = new.priority, \
        due = new.due, place = new.place, lane = new.lane, backed_off = new.backed_off, \
        ready = CASE WHEN new.waits THEN ",
    other!(),
    " IS NULL ELSE callbacks.ready AND new.stays END, \
        deadline = new.deadline, agent = new.agent, reason = new.reason, \
        caller_id = new.caller_id, updated_at = new.updated_at, version = new.version, \
        written = pg_current_xact_id(), record = new.record \
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::smallint[], $5::timestamptz[], \
        $6::timestamptz[], $7::uuid[], $8::boolean[], $9::boolean[], $10::boolean[], \
        $11::timestamptz[], $12::uuid[], $13::text[], $14::text[], $15::timestamptz[], \
        $16::bigint[], $17::json[], $18::bigint[], $19::boolean[]) \
        AS new (id, key, phase, priority, due, place, lane, backed_off, stays, waits, deadline, \
            agent, reason, caller_id, updated_at, version, record, stored, leaves) \
    WHERE callbacks.id = new.id AND callbacks.version = new.stored \
    RETURNING callbacks.id, CASE WHEN new.waits THEN NOT callbacks.ready WHEN new.leaves THEN ",
    other!(),
    " IS NOT NULL END AS others"
);

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
pub(crate) const CHANGE_AGENTS: &str = "/* PostgresRows::put_agent change */ \
    UPDATE agents SET changes = changes + 1, name = new.name, free = new.free, \
        deadline = new.deadline, record = new.record \
    FROM (SELECT *, (SELECT ctid FROM agents WHERE agents.id = all_new.id \
            ORDER BY changes DESC LIMIT 1) AS at \
        FROM unnest($1::uuid[], $2::text[], $3::boolean[], $4::timestamptz[], $5::json[]) \
            AS all_new (id, name, free, deadline, record)) AS new \
    WHERE agents.ctid = new.at";
const IDLE: &str = "/* PostgresRows::put_agent idle */ \
    UPDATE agent_services SET idle_since = new.idle_since \
    FROM unnest($1::uuid[], $2::timestamptz[]) AS new (agent, idle_since) \
    WHERE agent_services.agent = new.agent";
const PUT_PASSES: &str = "/* PostgresRows::put_passes */ \
    UPDATE passes SET ahead = new.ahead, \
        floors = coalesce(new.floors::timestamptz[], passes.floors), \
        horizon = coalesce(new.horizon::text::xid8, passes.horizon) \
    FROM unnest($1::uuid[], $2::bytea[], $3::text[], $4::bigint[]) \
        AS new (service, ahead, floors, horizon) \
    WHERE passes.service = new.service";

/// Why a transaction runs again when a callback is not as it was read.
pub(super) const MOVED_ON: &str = "a callback has moved on";

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
        let mut lone = unsent.take_lone();
        self.send_claims(&mut unsent).await?;
        self.send_inserted(&unsent.inserted, &mut lone).await?;
        self.send_updated(&unsent.updated, lone).await?;
        self.send_attempts(unsent.attempts).await?;
        self.send_staff(unsent.agents, unsent.idle, unsent.passes).await?;
        self.send_lines(unsent.lines).await?;
        self.send_gates(&unsent.gates).await
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
        lone: &mut BTreeMap<CallbackId, Lone>,
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
            each!(|callback| lone.contains_key(&callback.id)),
        ];
        let lone: BTreeMap<CallbackId, Lone> =
            all.iter().filter_map(|callback| lone.remove_entry(&callback.id)).collect();
        if lone.is_empty() {
            return self.write(INSERT, parameters).await;
        }
        let rows = self.send_query(INSERT, parameters).await?;
        self.standings.push(Standings { rows, count: inserted.len(), lone });
        Ok(())
    }

    /// Writes what has changed.
    async fn send_updated(
        &mut self,
        updated: &BTreeMap<CallbackId, Updated>,
        lone: BTreeMap<CallbackId, Lone>,
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
            each!(|callback| lone.get(&callback.id).is_some_and(Lone::waits)),
            each!(|callback| callback.deadline().map(|(at, _)| at)),
            each!(|callback| callback.agent().map(|agent| agent.0)),
            each!(|callback| callback.termination_reason().map(|reason| reason.name())),
            each!(|callback| callback.caller_id.clone()),
            each!(|callback| callback.updated_at),
            each!(|callback| signed(callback.version)),
            each!(|callback| Json(callback.clone())),
            stored,
            each!(|callback| lone.get(&callback.id).is_some_and(|lone| !lone.waits())),
        ];
        if lone.is_empty() {
            return self.write_guarded(UPDATE, parameters, updated.len(), MOVED_ON).await;
        }
        let rows = self.send_query(UPDATE, parameters).await?;
        self.standings.push(Standings { rows, count: updated.len(), lone });
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
            let (mut services, mut ahead) = (Vec::new(), Vec::new());
            let (mut floors, mut horizons) = (Vec::new(), Vec::new());
            for (service, passes) in passes {
                let (floor, horizon) = self.queues.take_floors(service).unzip();
                services.push(service.0);
                ahead.push(<[u8; 7]>::from(passes).to_vec());
                floors.push(floor);
                horizons.push(horizon);
            }
            self.write(PUT_PASSES, owned![services, ahead, floors, horizons]).await?;
        }
        Ok(())
    }

    async fn send_lines(&mut self, lines: Vec<Line>) -> Rowed<()> {
        if lines.is_empty() {
            return Ok(());
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
        let rows = self.send_query(ledger::APPEND, parameters).await?;
        self.numbering.push(rows);
        Ok(())
    }
}
