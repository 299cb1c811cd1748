//! The queue as rows: what is ready is found by seeks, and nothing that is parked is walked past.

use std::collections::BTreeMap;

use callback_domain::callback::{Callback, Phase};
use callback_domain::date::{self, Instant};
use callback_domain::id::{AgentId, CallbackId, ServiceId};
use callback_domain::picking::{Heads, LEVELS, OrderKey, Passes};
use callback_domain::priority::Priority;
use callback_domain::target::TargetKey;
use callback_engine::store::Gate;
use rusqlite::{Connection, Row, params};
use uuid::Uuid;

use crate::sql::{Answer, Fields, all, json, one, unsigned, write};

/// How a live callback stands to the queue; the numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Not in the queue.
    Elsewhere = 0,
    /// In the queue, backing off.
    BackingOff = 1,
    /// In the queue, behind another of its group or a closed gate.
    Parked = 2,
    /// May go now.
    Ready = 3,
}

impl Standing {
    /// The standing of a callback before its line is refreshed, `None` when it is over.
    pub(super) const fn unrefreshed(callback: &Callback) -> Option<Self> {
        match &callback.phase {
            Phase::InQueue { not_before: Some(_), .. } => Some(Self::BackingOff),
            Phase::InQueue { not_before: None, .. } => Some(Self::Parked),
            Phase::Pending
            | Phase::Offered { .. }
            | Phase::Preview { .. }
            | Phase::Dialout { .. }
            | Phase::Connected { .. } => Some(Self::Elsewhere),
            Phase::Terminated { .. } => None,
        }
    }
}

/// What is below every lane, and below every service.
const BELOW: &[u8] = &[];

fn lane_bytes(lane: Option<AgentId>) -> Uuid {
    lane.map_or(Uuid::nil(), |agent| agent.0)
}

fn lane_of(bytes: Uuid) -> Option<AgentId> {
    (!bytes.is_nil()).then_some(AgentId(bytes))
}

/// From level to level by one seek each: as many as there are levels with something ready, and one.
pub(crate) const NEXT_HEAD: &str = "SELECT id, level, place FROM callbacks \
    WHERE service = ?1 AND standing = 3 AND lane = ?2 AND level >= ?3 AND place IS NOT NULL \
    ORDER BY level, place, id LIMIT 1";

pub(super) fn heads(
    connection: &Connection,
    service: ServiceId,
    lane: Option<AgentId>,
) -> Answer<Heads> {
    let mut heads = Heads::default();
    let mut from = 0_u8;
    while usize::from(from) < LEVELS {
        let params = params![service.0, lane_bytes(lane), from];
        let Some((priority, order)) = one(connection, NEXT_HEAD, params, read_head)? else { break };
        heads.offer(priority, order);
        from = priority.level() + 1;
    }
    Ok(heads)
}

fn read_head(row: &Row<'_>) -> Answer<(Priority, OrderKey)> {
    let mut fields = Fields::new(row, "callbacks", &["id", "level", "place"]);
    let id = CallbackId(fields.take()?);
    let priority = level(&mut fields)?;
    Ok((priority, OrderKey { at: fields.instant()?, id }))
}

fn level(fields: &mut Fields<'_, '_>) -> Answer<Priority> {
    let level: u8 = fields.take()?;
    Priority::from_level(level).ok_or_else(|| fields.wrong(&format!("there is no level {level}")))
}

/// Service, lane and level.
type Group = (ServiceId, Uuid, Priority);

const GROUPED: &[&str] = &["id", "service", "lane", "level", "place"];

fn read_member(row: &Row<'_>) -> Answer<(Group, OrderKey)> {
    let mut fields = Fields::new(row, "callbacks", GROUPED);
    let id = CallbackId(fields.take()?);
    let group = (ServiceId(fields.take()?), fields.take()?, level(&mut fields)?);
    Ok((group, OrderKey { at: fields.instant()?, id }))
}

/// Most customers wait for one thing, so this is asked first.
pub(crate) const ANOTHER_OF_KEY: &str = "SELECT 1 FROM callbacks \
    WHERE target_key = ?1 AND standing BETWEEN 2 AND 3 AND id <> ?2 LIMIT 1";

pub(crate) const READY_OF_KEY: &str = "SELECT id, service, lane, level, place FROM callbacks \
    WHERE target_key = ?1 AND standing = 3 AND id <> ?2";

/// From group to group by one seek each.
pub(crate) const NEXT_FRONT: &str = "SELECT id, service, lane, level, place FROM callbacks \
    WHERE target_key = ?1 AND standing = 2 AND (service, lane, level) > (?2, ?3, ?4) \
    AND id <> ?5 ORDER BY service, lane, level, place, id LIMIT 1";

/// A callback that is not yet written while its line is refreshed.
#[derive(Debug)]
pub(super) struct Incoming {
    id: CallbackId,
    /// Where it waits, when it comes into the line.
    member: Option<(Group, OrderKey)>,
}

impl Incoming {
    /// What a callback means for a line.
    pub(super) fn of(callback: &Callback, key: &TargetKey) -> Self {
        let waits =
            callback.key() == *key && Standing::unrefreshed(callback) == Some(Standing::Parked);
        let lane = match &callback.phase {
            Phase::InQueue { held_for, .. } => lane_bytes(*held_for),
            Phase::Pending
            | Phase::Offered { .. }
            | Phase::Preview { .. }
            | Phase::Dialout { .. }
            | Phase::Connected { .. }
            | Phase::Terminated { .. } => Uuid::nil(),
        };
        let group = (callback.service, lane, callback.priority);
        let order = callback.order().filter(|_| waits);
        Self { id: callback.id, member: order.map(|order| (group, order)) }
    }
}

/// What came of a refreshed line.
#[derive(Debug)]
pub(super) struct Refreshed {
    /// Where something is ready now.
    pub(super) lanes: Vec<(ServiceId, Option<AgentId>)>,
    pub(super) is_incoming_ready: bool,
}

pub(super) fn refresh(
    connection: &Connection,
    key: &TargetKey,
    gate: &Gate,
    incoming: Option<&Incoming>,
) -> Answer<Refreshed> {
    let beside = incoming.map(|incoming| incoming.id.0.into_bytes());
    let beside: &[u8] = beside.as_ref().map_or(BELOW, |id| id.as_slice());
    let another = one(connection, ANOTHER_OF_KEY, params![key.as_str(), beside], |_| Ok(()))?;
    let ready = match another {
        Some(()) => all(connection, READY_OF_KEY, params![key.as_str(), beside], read_member)?,
        None => Vec::new(),
    };
    let member = incoming.and_then(|incoming| incoming.member);
    let mut fronts: BTreeMap<Group, OrderKey> = BTreeMap::new();
    if !gate.closed {
        if another.is_some() {
            fronts = parked_fronts(connection, key, beside)?;
        }
        for (group, order) in ready.iter().chain(&member) {
            let front = fronts.entry(*group).or_insert(*order);
            *front = (*front).min(*order);
        }
        fronts.retain(|(service, ..), _| gate.is_open(*service));
    }
    for (group, order) in &ready {
        if fronts.get(group) != Some(order) {
            stand(connection, order.id, Standing::Parked)?;
        }
    }
    let is_front = |(group, order): (Group, OrderKey)| fronts.get(&group) == Some(&order);
    let is_incoming_ready = member.is_some_and(is_front);
    for (group, order) in &fronts {
        if !ready.contains(&(*group, *order)) && member != Some((*group, *order)) {
            stand(connection, order.id, Standing::Ready)?;
        }
    }
    let mut lanes: Vec<_> =
        fronts.keys().map(|(service, lane, _)| (*service, lane_of(*lane))).collect();
    lanes.dedup();
    Ok(Refreshed { lanes, is_incoming_ready })
}

fn parked_fronts(
    connection: &Connection,
    key: &TargetKey,
    beside: &[u8],
) -> Answer<BTreeMap<Group, OrderKey>> {
    let mut fronts = BTreeMap::new();
    let first = params![key.as_str(), BELOW, BELOW, -1, beside];
    let mut found = one(connection, NEXT_FRONT, first, read_member)?;
    while let Some((group, order)) = found {
        fronts.insert(group, order);
        let (service, lane, priority) = group;
        let after = params![key.as_str(), service.0, lane, priority.level(), beside];
        found = one(connection, NEXT_FRONT, after, read_member)?;
    }
    Ok(fronts)
}

fn stand(connection: &Connection, id: CallbackId, standing: Standing) -> Answer<()> {
    const STAND: &str = "UPDATE callbacks SET standing = ?2 WHERE id = ?1";
    write(connection, STAND, params![id.0, standing as i64])?;
    Ok(())
}

pub(super) fn waits(connection: &Connection, key: &TargetKey) -> Answer<bool> {
    const WAITS: &str =
        "SELECT 1 FROM callbacks WHERE target_key = ?1 AND standing IN (2, 3) LIMIT 1";
    Ok(one(connection, WAITS, params![key.as_str()], |_| Ok(()))?.is_some())
}

pub(super) fn ready_services(connection: &Connection) -> Answer<Vec<ServiceId>> {
    const READY: &str = "SELECT id FROM services WHERE EXISTS (SELECT 1 FROM callbacks \
        WHERE callbacks.service = services.id AND standing = 3 AND place IS NOT NULL) ORDER BY id";
    all(connection, READY, [], |row| Ok(ServiceId(row.get(0)?)))
}

/// The next lane after one in which callbacks of a service stand so.
pub(crate) const NEXT_LANE: &str = "SELECT lane FROM callbacks \
    WHERE service = ?1 AND standing = ?2 AND lane > ?3 AND place IS NOT NULL \
    ORDER BY lane LIMIT 1";

/// The agents for whom something of a service is held and ready, by one seek each.
pub(super) fn ready_agents(
    connection: &Connection,
    service: ServiceId,
    mut chosen: impl FnMut(AgentId) -> Answer<bool>,
) -> Answer<Option<AgentId>> {
    let mut last = Uuid::nil();
    while let Some(lane) = next_lane(connection, service, Standing::Ready, last.as_bytes())? {
        if chosen(AgentId(lane))? {
            return Ok(Some(AgentId(lane)));
        }
        last = lane;
    }
    Ok(None)
}

fn next_lane(
    connection: &Connection,
    service: ServiceId,
    standing: Standing,
    after: &[u8],
) -> Answer<Option<Uuid>> {
    let params = params![service.0, standing as i64, after];
    one(connection, NEXT_LANE, params, |row| Ok(row.get(0)?))
}

pub(super) fn passes(connection: &Connection, service: ServiceId) -> Answer<Passes> {
    const FIND: &str = "SELECT service, passes FROM passes WHERE service = ?1";
    let found = one(connection, FIND, params![service.0], |row| {
        let mut fields = Fields::new(row, "passes", &["service", "passes"]);
        fields.take::<Uuid>()?;
        fields.json()
    })?;
    Ok(found.unwrap_or_default())
}

pub(super) fn put_passes(
    connection: &Connection,
    service: ServiceId,
    passes: Passes,
) -> Answer<()> {
    const PUT: &str = "INSERT INTO passes (service, passes) VALUES (?1, ?2) \
        ON CONFLICT (service) DO UPDATE SET passes = excluded.passes";
    write(connection, PUT, params![service.0, json("passes", &passes)?])?;
    Ok(())
}

pub(super) fn waiting(
    connection: &Connection,
    service: ServiceId,
) -> Answer<([u64; LEVELS], Option<Instant>)> {
    const WAITING: &str = "SELECT level, count(*), min(place) FROM callbacks \
        WHERE service = ?1 AND standing IN (1, 2, 3) AND place IS NOT NULL GROUP BY level";
    let levels = all(connection, WAITING, params![service.0], |row| {
        let mut fields = Fields::new(row, "callbacks", &["level", "count(*)", "place"]);
        let priority = level(&mut fields)?;
        Ok((priority, unsigned(fields.take()?), fields.instant()?))
    })?;
    let mut counts = [0; LEVELS];
    for (priority, count, _) in &levels {
        counts[usize::from(priority.level())] = *count;
    }
    Ok((counts, levels.iter().map(|(.., earliest)| *earliest).min()))
}

pub(super) fn ahead(
    connection: &Connection,
    service: ServiceId,
    priority: Priority,
    order: OrderKey,
) -> Answer<u64> {
    const BEFORE: &str = "SELECT count(*) FROM callbacks \
        WHERE service = ?1 AND standing = ?2 AND lane = ?3 AND level = ?4 \
        AND place IS NOT NULL AND (place, id) < (?5, ?6)";
    let mut ahead = 0_u64;
    for standing in [Standing::BackingOff, Standing::Parked, Standing::Ready] {
        let mut lane = next_lane(connection, service, standing, BELOW)?;
        while let Some(here) = lane {
            let place = date::micros(order.at);
            let level = priority.level();
            let params = params![service.0, standing as i64, here, level, place, order.id.0];
            let count = one(connection, BEFORE, params, |row| Ok(row.get(0)?))?;
            ahead = ahead.saturating_add(unsigned(count.unwrap_or(0)));
            lane = next_lane(connection, service, standing, here.as_bytes())?;
        }
    }
    Ok(ahead)
}
