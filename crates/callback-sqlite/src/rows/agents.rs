//! Users as rows, and who of them is free for which service.

use std::collections::BTreeSet;

use callback_domain::agent::{Agent, Distribution};
use callback_domain::date;
use callback_domain::id::{AgentId, ServiceId};
use rusqlite::{Connection, Row, params};
use uuid::Uuid;

use super::queue;
use crate::sql::{Answer, Fields, all, json, one, write};

const TABLE: &str = "agents";

pub(super) fn read(row: &Row<'_>) -> Answer<Agent> {
    let mut fields = Fields::new(row, TABLE, &["id", "body"]);
    fields.take::<Uuid>()?;
    fields.json()
}

pub(super) fn find(connection: &Connection, id: AgentId) -> Answer<Option<Agent>> {
    one(connection, "SELECT id, body FROM agents WHERE id = ?1", params![id.0], read)
}

pub(crate) fn by_name(connection: &Connection) -> Answer<Vec<Agent>> {
    all(connection, "SELECT id, body FROM agents ORDER BY name, id", [], read)
}

pub(super) fn by_sip(connection: &Connection, sip_key: &str) -> Answer<Option<AgentId>> {
    const FIND: &str = "SELECT id FROM agents WHERE sip_key = ?1";
    one(connection, FIND, [sip_key], |row| Ok(AgentId(row.get(0)?)))
}

pub(super) fn of(connection: &Connection, service: ServiceId) -> Answer<Vec<Agent>> {
    const OF: &str = "SELECT agents.id, agents.body FROM agent_services CROSS JOIN agents \
        ON agents.id = agent_services.agent WHERE agent_services.service = ?1 \
        ORDER BY agent_services.agent";
    all(connection, OF, params![service.0], read)
}

/// Writes an agent; of one whose row is known, only what differs.
pub(super) fn put(connection: &Connection, stored: Option<&Agent>, agent: &Agent) -> Answer<()> {
    // What can be looked up by is written only when it differs; most writes change the body alone.
    const BODY: &str = "UPDATE agents SET body = ?2 WHERE id = ?1 \
        AND name = ?3 AND sip_key = ?4 AND deadline IS ?5";
    const WHOLE: &str = "INSERT INTO agents (id, body, name, sip_key, deadline) \
        VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (id) DO UPDATE SET body = excluded.body, \
        name = excluded.name, sip_key = excluded.sip_key, deadline = excluded.deadline";
    let body = json(TABLE, agent)?;
    let deadline = agent.deadline().map(date::micros);
    let key = agent.sip_uri.key();
    let values = params![agent.id.0, body, agent.name, key.as_str(), deadline];
    if write(connection, BODY, values)? == 0 {
        write(connection, WHOLE, values)?;
    }
    let is_same = |stored: &Agent| {
        stored.services == agent.services && free_since(stored) == free_since(agent)
    };
    if stored.is_some_and(is_same) { Ok(()) } else { put_services(connection, agent) }
}

fn put_services(connection: &Connection, agent: &Agent) -> Answer<()> {
    const LIST: &str = "SELECT service FROM agent_services WHERE agent = ?1";
    const REMOVE: &str = "DELETE FROM agent_services WHERE agent = ?1 AND service = ?2";
    const ADD: &str = "INSERT INTO agent_services (agent, service) VALUES (?1, ?2)";
    const FREE: &str = "UPDATE agent_services SET idle_since = ?2 \
        WHERE agent = ?1 AND idle_since IS NOT ?2";
    let stored: BTreeSet<ServiceId> =
        all(connection, LIST, params![agent.id.0], |row| Ok(ServiceId(row.get(0)?)))?
            .into_iter()
            .collect();
    for left in stored.difference(&agent.services) {
        write(connection, REMOVE, params![agent.id.0, left.0])?;
    }
    for joined in agent.services.difference(&stored) {
        write(connection, ADD, params![agent.id.0, joined.0])?;
    }
    write(connection, FREE, params![agent.id.0, free_since(agent)])?;
    Ok(())
}

fn free_since(agent: &Agent) -> Option<i64> {
    is_free(agent).then(|| date::micros(agent.idle_since))
}

/// Whether the dispatcher may offer something; work after a call ends by a tick of its own.
fn is_free(agent: &Agent) -> bool {
    agent.distribution == Distribution::Push
        && agent.after_call_work_until.is_none()
        && agent.unready(agent.updated_at).is_none()
}

pub(super) fn delete(connection: &Connection, id: AgentId) -> Answer<()> {
    write(connection, "DELETE FROM agents WHERE id = ?1", params![id.0])?;
    Ok(())
}

pub(crate) const LONGEST_IDLE: &str = "SELECT agent FROM agent_services \
    WHERE service = ?1 AND idle_since IS NOT NULL ORDER BY idle_since, agent LIMIT 1";

pub(super) fn longest_idle(connection: &Connection, service: ServiceId) -> Answer<Option<AgentId>> {
    one(connection, LONGEST_IDLE, params![service.0], |row| Ok(AgentId(row.get(0)?)))
}

pub(super) fn free_with_own(
    connection: &Connection,
    service: ServiceId,
) -> Answer<Option<AgentId>> {
    const FREE: &str = "SELECT 1 FROM agent_services \
        WHERE agent = ?1 AND service = ?2 AND idle_since IS NOT NULL";
    queue::ready_agents(connection, service, |agent| {
        Ok(one(connection, FREE, params![agent.0, service.0], |_| Ok(()))?.is_some())
    })
}
