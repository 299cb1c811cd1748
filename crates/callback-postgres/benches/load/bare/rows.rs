//! The rows in which ours keeps a callback, its attempt, its line, its agent and its history, written
//! by hand: each move is one statement.
//!
//! Records have about as many bytes as ours have.
//! What is picked is the first by priority and place; nobody asks for opening hours, suppressions,
//! caps, or who else waits on the line.

use async_trait::async_trait;
use callback_postgres::{Options, PostgresStore};
use serde_json::{Value, json};
use tokio_postgres::types::Json;
use tokio_postgres::{Client, Statement};
use uuid::Uuid;

use super::Session;
use crate::database::Database;

const AGENTS: &str = "INSERT INTO agents (id, changes, name, free, record) \
    SELECT id, 1, id::text, false, $2 FROM unnest($1::uuid[]) AS id";

const CREATE: &str = "\
    WITH made AS ( \
        INSERT INTO callbacks (id, service, key, phase, priority, due, place, lane, backed_off, \
            ready, deadline, creator, created_at, updated_at, version, record) \
        VALUES ($1, $2, $3, 'InQueue', $4, now(), now(), \
            '00000000-0000-0000-0000-000000000000', false, true, now() + interval '48 hours', \
            'API', now(), now(), 2, $5) \
        RETURNING id, service) \
    INSERT INTO ledger (kind, subject, service, at, what, from_phase, to_phase, actor, details) \
    SELECT 'Callback', id, service, now(), what, from_phase, to_phase, actor, '{}' \
    FROM made, (VALUES ('Created', NULL, 'Pending', 'operator'), \
        ('Queued', 'Pending', 'InQueue', 'timer')) AS line (what, from_phase, to_phase, actor)";
const TAKE: &str = "\
    WITH head AS ( \
        SELECT id, key, record FROM callbacks \
        WHERE ready AND service = $1 AND lane = '00000000-0000-0000-0000-000000000000' \
        ORDER BY service, lane, priority, place, id LIMIT 1 FOR UPDATE SKIP LOCKED), \
    moved AS ( \
        UPDATE callbacks SET phase = 'Dialout', place = NULL, ready = false, \
            deadline = now() + interval '30 seconds', agent = $2, updated_at = now(), \
            version = version + 2, written = pg_current_xact_id(), record = $4 \
        FROM head WHERE callbacks.id = head.id), \
    claimed AS ( \
        INSERT INTO claims (key, callback, service, attempt) SELECT key, id, $1, $3 FROM head), \
    called AS ( \
        INSERT INTO attempts (id, callback, number, key, node, open, deadline, \
            customer_requested_at, record) \
        SELECT $3, id, 1, key, $1, true, now() + interval '4 hours', now(), $5 FROM head), \
    busy AS ( \
        UPDATE agents SET changes = changes + 1, record = $6 \
        WHERE id = $2 AND EXISTS (SELECT FROM head)), \
    told AS ( \
        INSERT INTO ledger (kind, subject, service, at, what, from_phase, to_phase, actor, details) \
        SELECT 'Callback', id, $1, now(), what, from_phase, to_phase, 'agent:' || $2, details \
        FROM head, (VALUES ('Offered', 'InQueue', 'Offered', json_build_object('Agent', $2)), \
            ('Accepted', 'Offered', 'Dialout', json_build_object('Attempt', 1))) \
            AS line (what, from_phase, to_phase, details)) \
    SELECT id, key, record FROM head";
const END: &str = "\
    WITH moved AS ( \
        UPDATE callbacks SET phase = 'Terminated', reason = 'Completed', deadline = NULL, \
            agent = NULL, updated_at = now(), version = version + 1, \
            written = pg_current_xact_id(), record = $4 \
        WHERE id = $1 RETURNING id, service, key), \
    freed AS (DELETE FROM claims USING moved WHERE claims.key = moved.key), \
    called AS (UPDATE attempts SET open = false, deadline = NULL, record = $5 WHERE id = $3), \
    idle AS (UPDATE agents SET changes = changes + 1, record = $6 WHERE id = $2) \
    INSERT INTO ledger (kind, subject, service, at, what, from_phase, to_phase, actor, details) \
    SELECT 'Callback', id, service, now(), 'AttemptEnded', 'Dialout', 'Terminated', \
        'agent:' || $2, \
        json_build_object('Outcome', 'Completed', 'TerminationReason', 'Completed') FROM moved";

const SERVICE: Uuid = Uuid::from_u128(1);

pub(super) struct Rows {
    client: Client,
    agent: Uuid,
    create: Statement,
    take: Statement,
    end: Statement,
}

/// A record of so many bytes.
fn record(bytes: usize) -> Json<Value> {
    Json(json!({ "record": "x".repeat(bytes - 13) }))
}

/// What was made later has a higher one, as with those that carry the time.
fn identity(kind: u128, number: u32) -> Uuid {
    Uuid::from_u128(kind << 64 | u128::from(number))
}

pub(super) async fn prepare(database: &Database, clients: usize) -> anyhow::Result<()> {
    drop(PostgresStore::connect(&database.address(), Options::default()).await?);
    let agents: Vec<Uuid> = (0..).take(clients).map(|agent| identity(2, agent)).collect();
    database.client().await?.execute(AGENTS, &[&agents, &record(410)]).await?;
    Ok(())
}

impl Rows {
    pub(super) async fn open(database: &Database, agent: u32) -> anyhow::Result<Self> {
        let client = database.client().await?;
        // As ours does: a plan of a young table is kept.
        client.batch_execute("SET plan_cache_mode = force_generic_plan; SET jit = off").await?;
        client.batch_execute("SET enable_seqscan = off").await?;
        let create = client.prepare(CREATE).await?;
        let take = client.prepare(TAKE).await?;
        let end = client.prepare(END).await?;
        Ok(Self { client, agent: identity(2, agent), create, take, end })
    }
}

#[async_trait]
impl Session for Rows {
    async fn create(&self, number: u32) -> anyhow::Result<()> {
        let id = identity(3, number);
        let key = format!("+4178{number:08}");
        let level = i16::try_from(number % 9)?;
        self.client.execute(&self.create, &[&id, &SERVICE, &key, &level, &record(1_050)]).await?;
        Ok(())
    }

    async fn take_and_end(&self, number: u32) -> anyhow::Result<()> {
        let attempt = identity(4, number);
        let (moved, called, busy) = (record(1_155), record(727), record(480));
        let taken = self
            .client
            .query_opt(&self.take, &[&SERVICE, &self.agent, &attempt, &moved, &called, &busy])
            .await?;
        if let Some(row) = taken {
            let id: Uuid = row.get(0);
            let (moved, called, idle) = (record(950), record(890), record(410));
            self.client
                .execute(&self.end, &[&id, &self.agent, &attempt, &moved, &called, &idle])
                .await?;
        }
        Ok(())
    }
}
