//! Agents: read to be changed, and found when they are free.

use callback_domain::agent::{Agent, Distribution};
use callback_domain::id::{AgentId, ServiceId};
use callback_domain::picking::Passes;
use callback_engine::store::Rowed;
use tokio_postgres::Row;
use tokio_postgres::types::Json;
use uuid::Uuid;

use super::{PostgresRows, owned};
use crate::records::{column, corrupt, record};

/// Locks agents in the order in which they are named, each found by its newest version.
macro_rules! agents_locked {
    ($($named:expr),+ $(,)?) => {
        concat!(
            "SELECT agents.id, agents.record FROM ",
            $($named,)+
            " AS named CROSS JOIN LATERAL (SELECT id, record FROM agents WHERE id = named.id \
                ORDER BY changes DESC LIMIT 1 FOR UPDATE) AS agents"
        )
    };
}
pub(super) use agents_locked;

const AGENT: &str = "/* PostgresRows::agent */ \
    SELECT id, record FROM agents WHERE id = $1 ORDER BY changes DESC LIMIT 1";
const AGENT_LOCKED: &str = "/* PostgresRows::agent lock */ \
    SELECT id, record FROM agents WHERE id = $1 ORDER BY changes DESC LIMIT 1 FOR UPDATE";
/// Those who are named stand in order.
pub(crate) const AGENTS_LOCKED: &str = concat!(
    "/* PostgresRows::agents lock */ ",
    agents_locked!("(SELECT id FROM unnest($1::uuid[]) AS id)")
);

const IDENTIFY: &str = "/* PostgresRows::put_agent identity */ \
    INSERT INTO agent_identities (agent, sip_key) VALUES ($1, $2) \
    ON CONFLICT (agent) DO UPDATE SET sip_key = excluded.sip_key";
const PUT: &str = "/* PostgresRows::put_agent */ \
    WITH changed AS ( \
        UPDATE agents SET changes = changes + 1, name = $2, free = $3, deadline = $4, record = $5 \
        WHERE id = $1 RETURNING id) \
    INSERT INTO agents (id, changes, name, free, deadline, record) \
    SELECT $1::uuid, 1, $2::text, $3::boolean, $4::timestamptz, $5::json \
    WHERE NOT EXISTS (SELECT FROM changed)";
const UNASSIGN: &str = "/* PostgresRows::put_agent unassign */ \
    DELETE FROM agent_services WHERE agent = $1 AND service <> ALL($2)";
const ASSIGN: &str = "/* PostgresRows::put_agent assign */ \
    INSERT INTO agent_services (agent, service, idle_since) SELECT $1, service, $3 \
    FROM unnest($2::uuid[]) AS service \
    ON CONFLICT (agent, service) DO UPDATE SET idle_since = excluded.idle_since";

/// Who waits longest, locked as said; nobody is locked before it is their turn.
macro_rules! longest_idle {
    ($lock:literal) => {
        concat!(
            "SELECT agents.id, agents.record FROM ( \
                SELECT agent FROM agent_services WHERE service = $1 AND idle_since IS NOT NULL \
                ORDER BY idle_since, agent) AS at CROSS JOIN LATERAL ( \
                SELECT id, record FROM agents WHERE id = at.agent AND free \
                ORDER BY changes DESC LIMIT 1 ",
            $lock,
            ") AS agents LIMIT 1"
        )
    };
}
/// Those who are being changed just now are passed over: their own change wakes the dispatcher.
pub(crate) const LONGEST_IDLE: &str =
    concat!("/* PostgresRows::longest_idle */ ", longest_idle!("FOR UPDATE SKIP LOCKED"));
/// With nobody else to take, those who are being changed are waited for: they may have been locked
/// and left as they were.
const LONGEST_IDLE_AWAITED: &str =
    concat!("/* PostgresRows::longest_idle awaited */ ", longest_idle!("FOR UPDATE"));
const LONGEST_IDLE_SEEN: &str = "/* PostgresRows::longest_idle seen */ \
    SELECT agent AS id FROM agent_services WHERE service = $1 AND idle_since IS NOT NULL \
    ORDER BY idle_since, agent LIMIT 1";

const FREE_WITH_OWN: &str = "/* PostgresRows::free_agent_with_own */ \
    SELECT at.agent AS id FROM agent_services AS at \
    WHERE at.service = $1 AND at.idle_since IS NOT NULL AND ( \
        SELECT id FROM callbacks WHERE ready AND callbacks.service = $1 AND lane = at.agent \
        ORDER BY callbacks.service, lane, priority, place, id LIMIT 1) IS NOT NULL \
    ORDER BY at.agent LIMIT 1";

const STAFF: &str = "/* PostgresRows::agents_of */ \
    SELECT agents.id, agents.record FROM agent_services AS at CROSS JOIN LATERAL ( \
        SELECT id, record FROM agents WHERE id = at.agent ORDER BY changes DESC LIMIT 1) AS agents \
    WHERE at.service = $1 ORDER BY at.agent";

const LOCK_PASSES: &str = "/* PostgresRows::passes lock */ \
    SELECT service AS id, ahead FROM passes WHERE service = ANY($1) ORDER BY service FOR UPDATE";
const PASSES: &str =
    "/* PostgresRows::passes */ SELECT service AS id, ahead FROM passes WHERE service = ANY($1)";

/// Of services those where somebody waits to be offered something, and of agents those who do.
pub(crate) const TAKERS: &str = "/* PostgresRows::takers */ \
    SELECT service AS id, true AS is_service FROM unnest($1::uuid[]) AS service WHERE EXISTS ( \
        SELECT FROM agent_services AS at WHERE at.service = service.service \
            AND at.idle_since IS NOT NULL) \
    UNION ALL SELECT agent, false FROM unnest($2::uuid[]) AS agent WHERE EXISTS ( \
        SELECT FROM agent_services AS at WHERE at.agent = agent.agent \
            AND at.idle_since IS NOT NULL)";

/// The queues that a round of offers may look at: those of the services, and of whoever is free there.
const QUEUES: &str = "/* PostgresRows::lock_queues */ \
    SELECT unnest($1::uuid[]) AS id \
    UNION SELECT others.service FROM agent_services AS at JOIN agent_services AS others USING (agent) \
        WHERE at.service = ANY($1) AND at.idle_since IS NOT NULL \
    UNION SELECT service FROM agent_services WHERE agent = ANY($2)";

impl PostgresRows<'_> {
    pub(super) async fn one_agent(&mut self, id: AgentId) -> Rowed<Option<Agent>> {
        if let Some(known) = self.agents.get(&id) {
            return Ok(known.clone());
        }
        let sql = if self.locks { AGENT_LOCKED } else { AGENT };
        let row = self.query_one(sql, &[&id.0]).await?;
        let agent: Option<Agent> = row.as_ref().map(|row| record(row, "agents")).transpose()?;
        self.agents.insert(id, agent.clone());
        Ok(agent)
    }

    /// Reads agents that are locked.
    pub(super) fn keep_agents(&mut self, rows: &[Row]) -> Rowed<Vec<Agent>> {
        let mut found = Vec::with_capacity(rows.len());
        for row in rows {
            let agent: Agent = record(row, "agents")?;
            self.agents.insert(agent.id, Some(agent.clone()));
            found.push(agent);
        }
        Ok(found)
    }

    pub(super) async fn put(&mut self, agent: &Agent) -> Rowed<()> {
        self.note_deadline(agent.deadline());
        let known = self.agents.insert(agent.id, Some(agent.clone())).flatten();
        let idle_since = is_free(agent).then_some(agent.idle_since);
        if let Some(known) = known.filter(|known| is_same_but_for_its_state(known, agent)) {
            let was = is_free(&known).then_some(known.idle_since);
            self.unsent.change_agent(agent.clone(), was, idle_since);
            return Ok(());
        }
        self.send_unsent().await?;
        let sip_key = agent.sip_uri.key().as_str().to_owned();
        self.write(IDENTIFY, owned![agent.id.0, sip_key]).await?;
        let parameters = owned![
            agent.id.0,
            agent.name.clone(),
            is_free(agent),
            agent.deadline(),
            Json(agent.clone()),
        ];
        self.write(PUT, parameters).await?;
        let services: Vec<Uuid> = agent.services.iter().map(|service| service.0).collect();
        self.write(UNASSIGN, owned![agent.id.0, services.clone()]).await?;
        self.write(ASSIGN, owned![agent.id.0, services, idle_since]).await
    }

    pub(super) async fn remove(&mut self, id: AgentId) -> Rowed<()> {
        self.send_unsent().await?;
        self.agents.insert(id, None);
        let unassign =
            "/* PostgresRows::delete_agent */ DELETE FROM agent_services WHERE agent = $1";
        self.write(unassign, owned![id.0]).await?;
        let forget =
            "/* PostgresRows::delete_agent */ DELETE FROM agent_identities WHERE agent = $1";
        self.write(forget, owned![id.0]).await?;
        let delete = "/* PostgresRows::delete_agent */ DELETE FROM agents WHERE id = $1";
        self.write(delete, owned![id.0]).await
    }

    pub(super) async fn idlest(&mut self, service: ServiceId) -> Rowed<Option<AgentId>> {
        self.send_unsent().await?;
        if !self.locks {
            let row = self.query_one(LONGEST_IDLE_SEEN, &[&service.0]).await?;
            return row.map(|row| column(&row, "agents", "id").map(AgentId)).transpose();
        }
        let mut rows = self.query(LONGEST_IDLE, &[&service.0]).await?;
        if rows.is_empty() {
            rows = self.query(LONGEST_IDLE_AWAITED, &[&service.0]).await?;
        }
        Ok(self.keep_agents(&rows)?.first().map(|agent| agent.id))
    }

    pub(super) async fn free_with_own(&mut self, service: ServiceId) -> Rowed<Option<AgentId>> {
        self.send_unsent().await?;
        let row = self.query_one(FREE_WITH_OWN, &[&service.0]).await?;
        row.map(|row| column(&row, "agents", "id").map(AgentId)).transpose()
    }

    pub(super) async fn staff(&mut self, service: ServiceId) -> Rowed<Vec<Agent>> {
        self.send_unsent().await?;
        let rows = self.query(STAFF, &[&service.0]).await?;
        crate::records::records(&rows, "agents")
    }

    /// Locks the queues that a round of offers may look at, in one order for all nodes.
    pub(crate) async fn lock_queues(
        &mut self,
        services: &[ServiceId],
        agents: &[AgentId],
    ) -> Rowed<()> {
        let services: Vec<Uuid> = services.iter().map(|service| service.0).collect();
        let agents: Vec<Uuid> = agents.iter().map(|agent| agent.0).collect();
        let mut queues = Vec::new();
        for row in &self.query(QUEUES, &[&services, &agents]).await? {
            queues.push(ServiceId(column(row, "passes", "id")?));
        }
        self.lock_passes(&queues).await
    }

    pub(super) async fn lock_passes(&mut self, services: &[ServiceId]) -> Rowed<()> {
        let missing = services.iter().filter(|service| !self.passes.contains_key(service));
        let missing: Vec<Uuid> = missing.map(|service| service.0).collect();
        if missing.is_empty() || !self.locks {
            return Ok(());
        }
        self.read_passes(LOCK_PASSES, &missing).await
    }

    async fn read_passes(&mut self, sql: &'static str, services: &[Uuid]) -> Rowed<()> {
        for service in services {
            self.passes.insert(ServiceId(*service), Passes::default());
        }
        let rows = self.query(sql, &[&services]).await?;
        self.keep_passes(&rows).map(drop)
    }

    /// Reads the passes of queues that are locked; answers the queues.
    pub(super) fn keep_passes(&mut self, rows: &[Row]) -> Rowed<Vec<ServiceId>> {
        let mut queues = Vec::with_capacity(rows.len());
        for row in rows {
            let service = ServiceId(column(row, "passes", "id")?);
            let ahead: Vec<u8> = column(row, "passes", "ahead")?;
            let wrong = |cause: String| corrupt(row, "passes", "ahead", cause);
            let ahead = <[u8; 7]>::try_from(ahead)
                .map_err(|bytes| wrong(format!("{} bytes are not 7", bytes.len())))?;
            let passes = Passes::try_from(ahead).map_err(|error| wrong(error.to_string()))?;
            self.passes.insert(service, passes);
            queues.push(service);
        }
        Ok(queues)
    }

    pub(super) async fn passes_of(&mut self, service: ServiceId) -> Rowed<Passes> {
        if !self.passes.contains_key(&service) {
            let sql = if self.locks { LOCK_PASSES } else { PASSES };
            self.read_passes(sql, &[service.0]).await?;
        }
        Ok(self.passes.get(&service).copied().unwrap_or_default())
    }
}

/// Where a round of offers can find somebody, and who they are; the others need no look.
///
/// Whoever comes free meanwhile wakes the dispatcher after the commit that frees them.
pub(crate) fn takers(rows: &[Row]) -> Rowed<(Vec<ServiceId>, Vec<AgentId>)> {
    let (mut staffed, mut free) = (Vec::new(), Vec::new());
    for row in rows {
        let id = column(row, "agent_services", "id")?;
        if column(row, "agent_services", "is_service")? {
            staffed.push(ServiceId(id));
        } else {
            free.push(AgentId(id));
        }
    }
    Ok((staffed, free))
}

/// Whether an agent has the same address and the same services.
fn is_same_but_for_its_state(known: &Agent, agent: &Agent) -> bool {
    known.services == agent.services && known.sip_uri.key() == agent.sip_uri.key()
}

/// Whether an agent waits to be offered something; work after a call ends by a tick of its own.
pub(super) fn is_free(agent: &Agent) -> bool {
    agent.distribution == Distribution::Push
        && agent.after_call_work_until.is_none()
        && agent.unready(agent.updated_at).is_none()
}
