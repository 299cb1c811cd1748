//! Who went next: order within a priority, strict first, and the bound on every weighted priority.
//!
//! A callback counts as *certainly ready* at a pick when it waits, nobody has its customer's line,
//! and both have been so for at least the grace.
//! What became ready a moment before the pick is not held against it: its transaction may not have
//! been committed when the pick looked.

use std::collections::BTreeMap;

use super::Verdict;
use crate::crash::evidence::{Callback, PRIORITIES};

const STRICT: usize = 0;
const NOTHING_ELSE: usize = 8;
/// The picks that a weighted level may see go to others while it waits, by level.
///
/// For a weight w these are ⌈(127 − w) / w⌉ + 6: the next pick is its own.
const BOUNDS: [u64; 9] = [0, 7, 9, 13, 21, 37, 69, 133, 0];

/// A place in the queue: due, then identity.
type Place<'e> = (i64, &'e str);

/// Something that waits.
#[derive(Clone, Copy, Debug)]
struct Waiting<'e> {
    target: &'e str,
    since: i64,
}

/// A customer's line.
#[derive(Clone, Copy, Debug, Default)]
struct Reach {
    taken: bool,
    freed: i64,
}

/// One service's queue.
#[derive(Debug, Default)]
struct Queue<'e> {
    levels: [BTreeMap<Place<'e>, Waiting<'e>>; 9],
    /// Weighted picks that a waiting level has seen go to others.
    passed_over: [u64; 9],
}

/// The queues while the ledger is played back.
#[derive(Debug)]
pub(super) struct Picks<'e> {
    grace: i64,
    queues: BTreeMap<&'e str, Queue<'e>>,
    places: BTreeMap<&'e str, i64>,
    lines: BTreeMap<&'e str, Reach>,
    order: Verdict,
    strict: Verdict,
    bound: Verdict,
}

impl<'e> Picks<'e> {
    pub(super) fn new(grace: i64) -> Self {
        Self {
            grace,
            queues: BTreeMap::new(),
            places: BTreeMap::new(),
            lines: BTreeMap::new(),
            order: Verdict::new("within a service and priority, by place"),
            strict: Verdict::new("strict first, NothingElse last, within a service"),
            bound: Verdict::new("a waiting priority is served within its bound"),
        }
    }

    pub(super) fn verdicts(self) -> [Verdict; 3] {
        [self.order, self.strict, self.bound]
    }

    pub(super) fn queued(&mut self, callback: &'e Callback, place: i64, at: i64) {
        self.places.insert(&callback.id, place);
        let queue = self.queues.entry(&callback.service).or_default();
        if let Some(level) = queue.levels.get_mut(callback.level) {
            let waiting = Waiting { target: &callback.target, since: at };
            level.insert((place, &callback.id), waiting);
        }
    }

    pub(super) fn left(&mut self, callback: &'e Callback) {
        let Some(place) = self.places.get(callback.id.as_str()) else { return };
        let queue = self.queues.entry(&callback.service).or_default();
        if let Some(level) = queue.levels.get_mut(callback.level) {
            level.remove(&(*place, callback.id.as_str()));
        }
    }

    pub(super) fn line_taken(&mut self, target: &'e str) {
        self.lines.entry(target).or_default().taken = true;
    }

    pub(super) fn line_freed(&mut self, target: &'e str, at: i64) {
        self.lines.insert(target, Reach { taken: false, freed: at });
    }

    /// A pick was made; the callback still stands in its queue.
    pub(super) fn offered(&mut self, callback: &'e Callback, at: i64) {
        let Some(&place) = self.places.get(callback.id.as_str()) else {
            self.order.demand(false, || format!("{} was offered without waiting", callback.id));
            return;
        };
        let place: Place<'e> = (place, &callback.id);
        let Some(queue) = self.queues.get_mut(callback.service.as_str()) else { return };
        let (lines, grace) = (&self.lines, self.grace);
        let first_ready = |level: &BTreeMap<Place<'e>, Waiting<'e>>| {
            level.iter().find(|(_, waiting)| is_ready(lines, waiting, at, grace)).map(|(at, _)| *at)
        };
        let heads: [Option<Place<'e>>; 9] =
            std::array::from_fn(|level| queue.levels.get(level).and_then(first_ready));
        let head = heads.get(callback.level).copied().flatten();
        self.order.demand(head.is_none_or(|head| head >= place), || {
            format!("{} was offered before {head:?}", callback.id)
        });
        let waits = |level: usize| heads.get(level).copied().flatten();
        let overtaken = match callback.level {
            STRICT => None,
            NOTHING_ELSE => (STRICT..NOTHING_ELSE).find_map(waits),
            _ => waits(STRICT),
        };
        self.strict.demand(overtaken.is_none(), || {
            format!("{} was offered before {overtaken:?}", callback.id)
        });
        if (STRICT + 1..NOTHING_ELSE).contains(&callback.level) {
            let seen = queue.passed_over.iter_mut().zip(&heads).zip(BOUNDS);
            for (level, ((passed, head), bound)) in seen.enumerate() {
                if !(STRICT + 1..NOTHING_ELSE).contains(&level) {
                    continue;
                }
                if level == callback.level || head.is_none() {
                    *passed = 0;
                    continue;
                }
                *passed += 1;
                self.bound.demand(*passed <= bound, || {
                    let name = PRIORITIES.get(level).copied().unwrap_or_default();
                    format!("{name} saw {passed} picks of {} go by, {head:?}", callback.service)
                });
            }
        }
    }
}

fn is_ready(lines: &BTreeMap<&str, Reach>, waiting: &Waiting<'_>, at: i64, grace: i64) -> bool {
    let line = lines.get(waiting.target).copied().unwrap_or_default();
    !line.taken && waiting.since.max(line.freed).saturating_add(grace) <= at
}
