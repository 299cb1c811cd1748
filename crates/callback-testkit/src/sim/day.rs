//! The day itself: its clock, its events in order of time, and its end.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use callback_domain::attempt::Attempt;
use callback_domain::callback::Callback;
use callback_domain::date::{self, Instant};
use callback_domain::id::{AgentId, AttemptId, CallbackId};
use callback_domain::service::Service;
use callback_domain::target::Target;
use callback_engine::clock::Clock;
use callback_engine::command::{Report, What};
use callback_engine::ledger::Actor;
use callback_engine::memory::MemoryStore;
use callback_engine::mint::Mint;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use uuid::Uuid;

use super::broken::{Broken, Holds, demand};
use super::desk::Desk;
use super::figures::Figures;
use super::floor::{self, DAY_SECONDS, Floor};
use super::mirror::Mirror;
use super::node::Node;
use super::phones::Phones;
use super::record::Recorded;

/// Seconds after the last wish by which every promise has come to its end.
const DRAIN_SECONDS: i64 = 12 * 86_400;

/// A clock that shows what it was set to.
#[derive(Debug)]
pub struct SetClock(AtomicI64);

impl SetClock {
    /// A clock that shows this.
    #[must_use]
    pub fn at(now: Instant) -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(date::micros(now))))
    }

    /// Lets it show this.
    pub fn set(&self, now: Instant) {
        self.0.store(date::micros(now), Ordering::Relaxed);
    }
}

impl Clock for SetClock {
    fn now(&self) -> Instant {
        date::from_micros(self.0.load(Ordering::Relaxed)).unwrap_or(date::LATEST)
    }
}

/// What is going to happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Happens {
    /// The engine's driver wakes.
    Beat,
    /// The engine renews its leases.
    KeepAlive,
    /// The process dies.
    Crash,
    /// A new process starts.
    Restart,
    /// Every call fails from now on, or no longer.
    Outage(bool),
    /// A customer asks to be called.
    Create,
    /// A callback is cancelled, edited, or done otherwise.
    Meddle(CallbackId),
    /// An operator changes something.
    Operate,
    /// An agent looks at the desk.
    Look(AgentId),
    /// An agent who had vanished comes back.
    Return(AgentId),
    /// The phones report.
    Says { attempt: AttemptId, number: u32, report: Report },
    /// The phones hear that they are to stop.
    Stops(AttemptId),
}

#[derive(Debug, PartialEq, Eq)]
struct Planned {
    at: Instant,
    number: u64,
    what: Happens,
}

impl Ord for Planned {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

impl PartialOrd for Planned {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// A day under way.
pub(super) struct Day {
    pub(super) floor: Floor,
    pub(super) seed: u64,
    pub(super) random: StdRng,
    pub(super) clock: Arc<SetClock>,
    pub(super) now: Instant,
    pub(super) store: MemoryStore,
    pub(super) mirror: Mirror,
    pub(super) node: Option<Node>,
    pub(super) starts: u64,
    pub(super) pulses: u64,
    /// Where the identities of callbacks come from.
    pub(super) customers: Mint,
    /// Everything that was run, if it is wanted.
    pub(super) chronicle: Option<Vec<Recorded>>,
    pub(super) manual: bool,
    pub(super) phones: Phones,
    pub(super) desks: BTreeMap<AgentId, Desk>,
    pub(super) services: Vec<Service>,
    pub(super) lines: Vec<Target>,
    pub(super) wishes: u32,
    pub(super) acknowledged: BTreeSet<CallbackId>,
    pub(super) suppressions: Vec<Uuid>,
    pub(super) figures: Figures,
    pub(super) events: Option<Vec<String>>,
    pub(super) outage: Option<bool>,
    planned: BinaryHeap<Reverse<Planned>>,
    numbers: u64,
}

/// Simulates a day.
///
/// # Errors
/// The first invariant that did not hold, with the events up to there if they were wanted.
pub fn run(seed: u64, floor: &Floor, record: bool) -> Result<Figures, (Broken, Vec<String>)> {
    let mut day = Day::new(seed, floor.clone(), record);
    let held = day.pass();
    match held {
        Ok(()) => Ok(day.figures),
        Err(broken) => Err((broken, day.events.unwrap_or_default())),
    }
}

/// Simulates a day and tells what is left of it: its callbacks and their attempts.
///
/// # Errors
/// The first invariant that did not hold.
pub fn aftermath(seed: u64, floor: &Floor) -> Result<(Vec<Callback>, Vec<Attempt>), Broken> {
    let mut day = Day::new(seed, floor.clone(), false);
    day.pass()?;
    let (mut callbacks, mut attempts) = (Vec::new(), Vec::new());
    day.store.for_each_callback(|callback| callbacks.push(callback.clone()));
    day.store.for_each_attempt(|attempt| attempts.push(attempt.clone()));
    Ok((callbacks, attempts))
}

/// Simulates a day and tells every command that was run, and what is left of it.
///
/// # Errors
/// The first invariant that did not hold.
pub fn chronicle(seed: u64, floor: &Floor) -> Result<(Vec<Recorded>, MemoryStore), Broken> {
    let mut day = Day::new(seed, floor.clone(), false);
    day.chronicle = Some(Vec::new());
    day.pass()?;
    Ok((day.chronicle.unwrap_or_default(), day.store))
}

impl Day {
    fn new(seed: u64, floor: Floor, record: bool) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let now = floor::morning();
        let clock = SetClock::at(now);
        let shared = Arc::clone(&clock) as Arc<dyn Clock>;
        let drawn = random.random_bool(0.3);
        let manual = floor.manual.unwrap_or(drawn);
        let lines = floor::lines(&mut random, floor.callbacks);
        Self {
            wishes: floor.callbacks,
            floor,
            seed,
            random,
            clock,
            now,
            store: MemoryStore::new(Uuid::from_u128(u128::from(seed)), shared),
            mirror: Mirror::default(),
            node: None,
            starts: 0,
            pulses: 0,
            customers: Mint::seeded(!seed),
            chronicle: None,
            manual,
            phones: Phones::default(),
            desks: BTreeMap::new(),
            services: Vec::new(),
            lines,
            acknowledged: BTreeSet::new(),
            suppressions: Vec::new(),
            figures: Figures::default(),
            events: record.then(Vec::new),
            outage: None,
            planned: BinaryHeap::new(),
            numbers: 0,
        }
    }

    fn pass(&mut self) -> Holds {
        self.open();
        let end = date::add_seconds(floor::morning(), DAY_SECONDS + DRAIN_SECONDS);
        while let Some(next) = self.next() {
            demand!(invariant_time_goes_forward: next.at >= self.now, "{next:?} at {}", self.now);
            if next.at > end {
                break;
            }
            self.now = next.at;
            self.clock.set(self.now);
            self.tell(|| format!("{:?}", next.what));
            self.happen(next.what);
            if let Some(broken) = self.mirror.broken() {
                return Err(broken.clone());
            }
            if self.wishes == 0 && self.mirror.live.is_empty() && self.mirror.open.is_empty() {
                break;
            }
        }
        self.close(end)
    }

    /// Services and users come to be, and the day's wishes and mishaps are drawn.
    fn open(&mut self) {
        self.start_node();
        let services = floor::services(&mut self.random, self.now);
        for service in &services {
            self.run(Actor::Operator, What::CreateService(Box::new(service.clone())));
        }
        self.services = services;
        for agent in floor::agents(&mut self.random, &self.services, self.now) {
            self.hire(agent);
        }
        for _ in 0..self.floor.callbacks {
            self.plan_within(DAY_SECONDS, Happens::Create);
        }
        if self.floor.faults {
            for _ in 0..self.random.random_range(5..30) {
                self.plan_within(DAY_SECONDS, Happens::Operate);
            }
            for _ in 0..self.random.random_range(0..4) {
                self.plan_within(DAY_SECONDS, Happens::Crash);
            }
            if self.random.random_bool(0.1) {
                let from = self.random.random_range(0..DAY_SECONDS);
                let length = self.random.random_range(60..3_600);
                self.plan(from * 1_000, Happens::Outage(true));
                self.plan((from + length) * 1_000, Happens::Outage(false));
            }
        }
        if let Some((from, length)) = self.floor.outage {
            self.plan(i64::from(from) * 1_000, Happens::Outage(true));
            self.plan(i64::from(from + length) * 1_000, Happens::Outage(false));
        }
        self.plan(20_000, Happens::KeepAlive);
    }

    fn close(&mut self, end: Instant) -> Holds {
        if let Some(broken) = self.mirror.broken() {
            return Err(broken.clone());
        }
        self.mirror.check_rest(&self.store, &self.acknowledged)?;
        self.mirror.invariant_every_promise_comes_to_an_end(end)?;
        self.figures.days = 1;
        for followed in self.mirror.callbacks.values() {
            if let Some(reason) = followed.callback.termination_reason() {
                *self.figures.ended.entry(reason).or_default() += 1;
            }
            self.figures.retries += u64::from(followed.callback.retry_count);
        }
        self.figures.creates = self.mirror.callbacks.len() as u64;
        Ok(())
    }

    fn happen(&mut self, what: Happens) {
        match what {
            Happens::Beat => self.beat(),
            Happens::KeepAlive => self.keep_alive(),
            Happens::Crash => self.crash(),
            Happens::Restart => self.start_node(),
            Happens::Outage(on) => self.outage = on.then_some(true),
            Happens::Create => self.create(),
            Happens::Meddle(callback) => self.meddle(callback),
            Happens::Operate => self.operate(),
            Happens::Look(agent) => self.look(agent),
            Happens::Return(agent) => self.come_back(agent),
            Happens::Says { attempt, number, report } => self.phones_say(attempt, number, report),
            Happens::Stops(attempt) => self.phones_stop(attempt),
        }
    }

    /// The next event; the driver's own waking comes before others of its instant.
    fn next(&mut self) -> Option<Planned> {
        let beat = self.node.as_ref().and_then(|node| node.beat_at).map(|at| at.max(self.now));
        let first = self.planned.peek().map(|Reverse(planned)| planned.at);
        match (beat, first) {
            (Some(beat), first) if first.is_none_or(|first| beat <= first) => {
                Some(Planned { at: beat, number: 0, what: Happens::Beat })
            }
            (_, _) => self.planned.pop().map(|Reverse(planned)| planned),
        }
    }

    /// Plans something for so many milliseconds from now.
    pub(super) fn plan(&mut self, millis: i64, what: Happens) {
        self.numbers += 1;
        let at = date::add(self.now, chrono::TimeDelta::milliseconds(millis));
        self.planned.push(Reverse(Planned { at, number: self.numbers, what }));
    }

    fn plan_within(&mut self, seconds: i64, what: Happens) {
        let millis = self.random.random_range(0..seconds * 1_000);
        self.plan(millis, what);
    }

    /// Whether something happens that happens so often in a thousand.
    pub(super) fn chance(&mut self, per_mille: u32) -> bool {
        self.random.random_range(0..1_000) < per_mille
    }

    /// Whether a fault happens, on floors that have them.
    pub(super) fn fault(&mut self, per_mille: u32) -> bool {
        self.floor.faults && self.chance(per_mille)
    }

    pub(super) fn millis(&mut self, least: i64, most: i64) -> i64 {
        self.random.random_range(least..=most)
    }

    pub(super) fn tell(&mut self, what: impl FnOnce() -> String) {
        if let Some(events) = &mut self.events {
            events.push(format!("{} {}", date::format(self.now), what()));
        }
    }
}
