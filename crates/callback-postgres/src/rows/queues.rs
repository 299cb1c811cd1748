//! The heads of queues: read for as many picks as are expected, and kept while nothing is added.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use callback_domain::callback::Callback;
use callback_domain::date::Instant;
use callback_domain::id::{AgentId, CallbackId, ServiceId};
use callback_domain::picking::{Heads, OrderKey, Passes};
use callback_domain::priority::Priority;
use callback_domain::target::TargetKey;
use callback_engine::store::Rowed;
use tokio_postgres::Row;
use uuid::Uuid;

use super::line::Standing;
use super::{OPEN_LANE, PostgresRows};
use crate::records::{column, corrupt, limit as sql_limit, record};

/// How much of a level is read at once.
pub(super) const DEEPEST: usize = 16;

/// The heads of the open lanes of what is `served`: for each level one seek from its floor on, and
/// whatever was written since the floor was found and lies below it.
///
/// The pair of place and id, and the order of what is late, leave one index each to choose: on a
/// young table all look alike to the planner, and others walk past all that waits.
macro_rules! open_heads {
    ($served:literal, $depth:literal) => {
        concat!(
            "SELECT head.id, served.service, floor.level AS priority, head.place, head.key, \
                pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS horizon \
            FROM ",
            $served,
            " AS served LEFT JOIN passes USING (service) \
            CROSS JOIN LATERAL ( \
                SELECT level::smallint, coalesce(known, '-infinity') AS place, \
                    CASE WHEN known IS NOT NULL THEN passes.horizon END AS horizon \
                FROM generate_series(0, 8) AS level CROSS JOIN LATERAL ( \
                    SELECT CASE WHEN passes.horizon <= pg_snapshot_xmin(pg_current_snapshot()) \
                        THEN passes.floors[level + 1] END AS known) AS known) AS floor \
            CROSS JOIN LATERAL ( \
                (SELECT id, place, key FROM callbacks \
                WHERE ready AND service = served.service \
                    AND lane = '00000000-0000-0000-0000-000000000000' \
                    AND priority = floor.level \
                    AND (place, id) >= (floor.place, '00000000-0000-0000-0000-000000000000') \
                ORDER BY place, id LIMIT ",
            $depth,
            ") UNION ALL \
                SELECT id, place, key FROM ( \
                    SELECT id, place, key FROM callbacks \
                    WHERE service = served.service \
                        AND lane = '00000000-0000-0000-0000-000000000000' \
                        AND priority = floor.level \
                        AND CASE WHEN ready THEN written END >= floor.horizon \
                    ORDER BY CASE WHEN ready THEN written END OFFSET 0) AS late \
                WHERE place < floor.place) AS head"
        )
    };
}
pub(super) use open_heads;

pub(crate) const HEADS: &str =
    concat!("/* PostgresRows::heads */ ", open_heads!("(SELECT $1::uuid AS service)", "$2"));
/// One seek for each level of an agent's lane.
const HEADS_OWN: &str = "/* PostgresRows::heads own */ \
    SELECT head.id, level::smallint AS priority, head.place, head.key \
    FROM generate_series(0, 8) AS level CROSS JOIN LATERAL ( \
        SELECT id, place, key FROM callbacks \
        WHERE ready AND service = $1 AND lane = $2 AND priority = level::smallint \
        ORDER BY place, id LIMIT $3) AS head";
const OWN_LANES: &str = "/* PostgresRows::heads own lanes */ \
    SELECT lane FROM unnest($2::uuid[]) AS lane WHERE ( \
        SELECT id FROM callbacks WHERE ready AND service = $1 AND callbacks.lane = lane.lane \
        ORDER BY service, callbacks.lane, priority, place, id LIMIT 1) IS NOT NULL";
pub(super) const PICKED: &str = "/* PostgresRows::heads picked */ \
    SELECT id, key, ready, record FROM callbacks WHERE id = ANY($1)";

/// What is ready, best first, as far as it was read.
#[derive(Default)]
struct Level {
    ready: VecDeque<(OrderKey, TargetKey)>,
    /// There is more than was read.
    goes_on: bool,
}

/// The queues that were looked at.
#[derive(Default)]
pub(super) struct Queues {
    lanes: HashMap<(ServiceId, Uuid), [Level; 9]>,
    /// Read without a lock on their line, and so not sure to be there still.
    unsure: HashSet<CallbackId>,
    /// Services in which it is known for whom of the pullers something is held.
    probed: HashSet<ServiceId>,
    /// Who takes tasks in this transaction.
    pub(super) pullers: Vec<Uuid>,
    /// Below what nothing was ready in open lanes, to be written with their passes.
    floors: HashMap<ServiceId, Floors>,
}

/// The places of the heads that were read, by level, and before which transaction all were seen.
struct Floors {
    places: [Option<Instant>; 9],
    horizon: i64,
}

impl Queues {
    /// The heads of a lane, if they are known.
    fn heads(&self, service: ServiceId, lane: Uuid) -> Option<Heads> {
        let levels = self.lanes.get(&(service, lane))?;
        let mut heads = Heads::default();
        for (level, priority) in levels.iter().zip(Priority::ALL) {
            match level.ready.front() {
                Some((order, _)) => heads.offer(priority, *order),
                None if level.goes_on => return None,
                None => {}
            }
        }
        Some(heads)
    }

    /// What the policy picks from the open lane, one after another, if nothing intervenes.
    fn expected(
        &self,
        service: ServiceId,
        mut passes: Passes,
        most: usize,
    ) -> Vec<(CallbackId, TargetKey)> {
        let Some(levels) = self.lanes.get(&(service, OPEN_LANE)) else { return Vec::new() };
        let mut next = [0; 9];
        let mut picks = Vec::with_capacity(most);
        while picks.len() < most {
            let heads: Heads = levels
                .iter()
                .zip(next)
                .zip(Priority::ALL)
                .filter_map(|((level, at), priority)| {
                    level.ready.get(at).map(|(order, _)| (priority, *order))
                })
                .collect();
            let Some(pick) = passes.pick(&heads) else { break };
            passes.advance(pick.priority);
            let at = usize::from(pick.priority.level());
            if let Some((order, key)) = levels[at].ready.get(next[at]) {
                picks.push((order.id, key.clone()));
            }
            next[at] += 1;
        }
        picks
    }

    /// Something may have become ready that was not read.
    pub(super) fn forget(&mut self) {
        self.lanes.clear();
        self.probed.clear();
    }

    /// A line has closed: what waits on it is not ready any more.
    pub(super) fn close(&mut self, key: &TargetKey) {
        for level in self.lanes.values_mut().flatten() {
            level.ready.retain(|(_, ready)| ready != key);
        }
    }

    /// A callback has left its place.
    pub(super) fn leave(&mut self, callback: &Callback) {
        let at = Standing::of(callback);
        if !at.waits() {
            return;
        }
        if let Some(levels) = self.lanes.get_mut(&(callback.service, at.lane)) {
            let level = &mut levels[usize::from(callback.priority.level())];
            level.ready.retain(|(order, _)| order.id != callback.id);
        }
    }

    /// The floors of a service's levels as an array in SQL, and their horizon.
    pub(super) fn take_floors(&mut self, service: ServiceId) -> Option<(String, i64)> {
        let Floors { places, horizon } = self.floors.remove(&service)?;
        let places = places.map(|place| match place {
            Some(place) => place.to_rfc3339(),
            None => "infinity".to_owned(),
        });
        Some((format!("{{{}}}", places.join(",")), horizon))
    }

    /// Keeps the heads of an open lane, which were read in no order.
    fn set_in_order(&mut self, service: ServiceId, horizon: i64) {
        let levels = self.lanes.entry((service, OPEN_LANE)).or_default();
        for level in levels.iter_mut() {
            level.ready.make_contiguous().sort_unstable_by_key(|(order, _)| *order);
        }
        let places =
            std::array::from_fn(|level| levels[level].ready.front().map(|(order, _)| order.at));
        self.floors.insert(service, Floors { places, horizon });
    }

    fn drop_all(&mut self, gone: &HashSet<CallbackId>) {
        for level in self.lanes.values_mut().flatten() {
            level.ready.retain(|(order, _)| !gone.contains(&order.id));
        }
    }

    /// Whether a callback is a head that another transaction may have taken; asked once.
    pub(super) fn is_unsure(&mut self, id: CallbackId) -> bool {
        self.unsure.remove(&id)
    }
}

impl PostgresRows<'_> {
    pub(super) async fn heads_of(
        &mut self,
        service: ServiceId,
        lane: Option<AgentId>,
    ) -> Rowed<Heads> {
        let lane = lane.map_or(OPEN_LANE, |agent| agent.0);
        if let Some(heads) = self.queues.heads(service, lane) {
            return Ok(heads);
        }
        self.lock_passes(&[service]).await?;
        self.send_unsent().await?;
        if lane != OPEN_LANE {
            self.probe_own_lanes(service).await?;
            if let Some(heads) = self.queues.heads(service, lane) {
                return Ok(heads);
            }
        }
        let depth = self.queues.pullers.len().clamp(1, DEEPEST);
        self.read_lane(service, lane, depth).await?;
        if lane == OPEN_LANE && depth > 1 {
            self.read_picks_ahead(&[service]).await?;
        }
        Ok(self.queues.heads(service, lane).unwrap_or_default())
    }

    /// Finds out for whom of the pullers nothing is held, in one go.
    async fn probe_own_lanes(&mut self, service: ServiceId) -> Rowed<()> {
        if self.queues.pullers.len() < 2 || !self.queues.probed.insert(service) {
            return Ok(());
        }
        let pullers = self.queues.pullers.clone();
        let mut held = HashSet::new();
        for row in &self.query(OWN_LANES, &[&service.0, &pullers]).await? {
            held.insert(column::<Uuid>(row, "callbacks", "lane")?);
        }
        for lane in pullers.into_iter().filter(|lane| !held.contains(lane)) {
            self.queues.lanes.insert((service, lane), Default::default());
        }
        Ok(())
    }

    async fn read_lane(&mut self, service: ServiceId, lane: Uuid, depth: usize) -> Rowed<()> {
        self.queues.lanes.insert((service, lane), Default::default());
        if lane == OPEN_LANE {
            let rows = self.query(HEADS, &[&service.0, &sql_limit(depth)]).await?;
            return self.keep_open_heads(depth, &rows);
        }
        for row in &self.query(HEADS_OWN, &[&service.0, &lane, &sql_limit(depth)]).await? {
            self.keep_head(service, lane, depth, row)?;
        }
        Ok(())
    }

    /// Keeps the heads of open lanes, and where the next transaction may begin to look.
    fn keep_open_heads(&mut self, depth: usize, heads: &[Row]) -> Rowed<()> {
        let mut horizons: BTreeMap<ServiceId, i64> = BTreeMap::new();
        for row in heads {
            let service = ServiceId(column(row, "callbacks", "service")?);
            self.keep_head(service, OPEN_LANE, depth, row)?;
            horizons.insert(service, column(row, "passes", "horizon")?);
        }
        for (service, horizon) in horizons {
            self.queues.set_in_order(service, horizon);
        }
        Ok(())
    }

    /// Keeps the heads of queues, and which of the pullers have nothing of their own there.
    pub(super) fn keep_lanes(
        &mut self,
        queues: &[ServiceId],
        own: &[Row],
        heads: &[Row],
    ) -> Rowed<()> {
        let mut held: HashSet<(ServiceId, Uuid)> = HashSet::new();
        for row in own {
            let service = ServiceId(column(row, "agent_services", "service")?);
            held.insert((service, column(row, "agent_services", "agent")?));
        }
        for service in queues {
            self.queues.probed.insert(*service);
            self.queues.lanes.insert((*service, OPEN_LANE), Default::default());
            for puller in &self.queues.pullers {
                if !held.contains(&(*service, *puller)) {
                    self.queues.lanes.insert((*service, *puller), Default::default());
                }
            }
        }
        self.keep_open_heads(self.queues.pullers.len().clamp(1, DEEPEST), heads)
    }

    fn keep_head(&mut self, service: ServiceId, lane: Uuid, depth: usize, row: &Row) -> Rowed<()> {
        let number: i16 = column(row, "callbacks", "priority")?;
        let id = CallbackId(column(row, "callbacks", "id")?);
        let order = OrderKey { at: column(row, "callbacks", "place")?, id };
        let key = TargetKey::from_stored(column(row, "callbacks", "key")?);
        let levels = self.queues.lanes.entry((service, lane)).or_default();
        let level = usize::try_from(number).ok().and_then(|number| levels.get_mut(number));
        let Some(level) = level else {
            return Err(corrupt(row, "callbacks", "priority", format!("{number} is none")));
        };
        level.ready.push_back((order, key));
        level.goes_on = level.ready.len() >= depth;
        if !self.callbacks.contains_key(&id) {
            self.queues.unsure.insert(id);
        }
        Ok(())
    }

    /// Locks and reads what the policy will pick; what is gone by now is left out.
    pub(super) async fn read_picks_ahead(&mut self, services: &[ServiceId]) -> Rowed<()> {
        let (mut ids, mut keys) = (Vec::new(), Vec::new());
        for service in services {
            let passes = self.passes_of(*service).await?;
            for (id, key) in self.queues.expected(*service, passes, self.queues.pullers.len()) {
                if self.locks && !self.callbacks.contains_key(&id) {
                    ids.push(id);
                    keys.push(key);
                }
            }
        }
        if ids.is_empty() {
            return Ok(());
        }
        let texts: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        let mut gone: HashSet<CallbackId> = ids.into_iter().collect();
        for row in &self.lock_and_read_lines(&keys, &texts).await? {
            let id = CallbackId(column(row, "callbacks", "id")?);
            let key = TargetKey::from_stored(column(row, "callbacks", "key")?);
            if self.holds(&key) && column(row, "callbacks", "ready")? {
                self.callbacks.insert(id, record(row, "callbacks")?);
                self.queues.unsure.remove(&id);
                gone.remove(&id);
            }
        }
        self.queues.drop_all(&gone);
        Ok(())
    }
}
