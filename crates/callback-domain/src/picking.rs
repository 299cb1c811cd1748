//! Who is next: the one place that knows what the shares of the priorities mean.
//!
//! The policy sees only the first ready callback of each level, its [`Heads`], and remembers only
//! [`Passes`], so every store can use it inside its own transaction.

use core::cmp::Reverse;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::id::CallbackId;
use crate::priority::Priority;

/// How many levels there are, one for each priority.
pub const LEVELS: usize = Priority::ALL.len();

const WEIGHTED: usize = Priority::WEIGHTED.len();

/// What one pick costs each weighted level: the heaviest weight divided by its own.
const STRIDES: [u8; WEIGHTED] = [1, 2, 4, 8, 16, 32, 64];

/// A place in the queue; orders the callbacks of one priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderKey {
    /// When the callback became due as scheduled, or the opening that let it in.
    pub at: DateTime<Utc>,
    /// Decides between callbacks of one instant.
    pub id: CallbackId,
}

/// The best ready callback of each level, by [`Priority::level`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heads([Option<OrderKey>; LEVELS]);

impl Heads {
    /// The head of one level.
    #[must_use]
    pub fn head(&self, priority: Priority) -> Option<OrderKey> {
        self.0[usize::from(priority.level())]
    }

    /// Puts a ready callback forward; it becomes the head of its level if nothing is before it.
    pub fn offer(&mut self, priority: Priority, key: OrderKey) {
        let head = &mut self.0[usize::from(priority.level())];
        *head = Some(head.map_or(key, |standing| standing.min(key)));
    }

    /// The heads of two lanes taken together, such as the open lane and an agent's own.
    #[must_use]
    pub fn merge(mut self, other: &Self) -> Self {
        for (priority, key) in other.iter() {
            self.offer(priority, key);
        }
        self
    }

    /// Whether nothing is ready at any level.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    /// The heads that there are, most urgent first.
    pub fn iter(&self) -> impl Iterator<Item = (Priority, OrderKey)> + '_ {
        Priority::ALL.into_iter().zip(self.0).filter_map(|(priority, head)| Some((priority, head?)))
    }
}

impl From<[Option<OrderKey>; LEVELS]> for Heads {
    fn from(heads: [Option<OrderKey>; LEVELS]) -> Self {
        Self(heads)
    }
}

impl FromIterator<(Priority, OrderKey)> for Heads {
    fn from_iter<I: IntoIterator<Item = (Priority, OrderKey)>>(ready: I) -> Self {
        let mut heads = Self::default();
        for (priority, key) in ready {
            heads.offer(priority, key);
        }
        heads
    }
}

/// The callback that goes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pick {
    /// The level that is served.
    pub priority: Priority,
    /// The head of that level.
    pub key: OrderKey,
}

/// How far each weighted level's pass lies ahead of the virtual time of one service's queue.
///
/// Among the waiting levels the smallest pass is served, on a tie the more urgent level, and grows
/// by its stride (1, 2, 4 … 64 for the weights 64 … 1).
/// The pass last served is the queue's virtual time, and a level that was empty re-enters at no
/// less than it.
///
/// Passes are kept as distances from the virtual time, which makes two things plain.
/// The numbers never grow: a distance lies between 0 and the level's stride.
/// And nobody has to notice when a level was empty: whatever waits at a pick lies no nearer than
/// the level served, so moving the virtual time forward brings only absent levels below zero, where
/// they are held at zero, which *is* the re-entry.
/// A level that empties and refills between two picks therefore gains and loses nothing.
///
/// - While the set of waiting levels does not change, each gets its weight over a round, give or
///   take one; a round is as many picks as the weights of the set add up to.
/// - Whatever comes and goes, a level of weight *w* that waits is served within
///   ⌈(127 − w) / w⌉ + 7 picks: its pass is at most one stride away, and within a stride *s* a
///   level of stride *t* can be served at most ⌊*s* / *t*⌋ + 1 times.
/// - A level that was away has neither credit nor debt beyond the one stride it last paid.
///
/// The bound counts the weighted picks that see the level.
/// A level that is ready for one agent only is absent from the picks of all others, so it re-enters
/// at the virtual time like any other: it saves up nothing while its agent is busy, and delays
/// nobody beyond the bound, but is itself promised no number of picks until it is open to all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "[u8; WEIGHTED]", into = "[u8; WEIGHTED]")]
pub struct Passes {
    ahead: [u8; WEIGHTED],
}

impl Passes {
    /// Chooses for one service, without serving: strict first, then by pass, `NothingElse` last.
    #[must_use]
    pub fn pick(&self, heads: &Heads) -> Option<Pick> {
        let pick = |priority| heads.head(priority).map(|key| Pick { priority, key });
        pick(Priority::StrictPriority)
            .or_else(|| {
                Priority::WEIGHTED
                    .into_iter()
                    .zip(self.ahead)
                    .filter_map(|(priority, ahead)| Some((ahead, pick(priority)?)))
                    .min_by_key(|(ahead, _)| *ahead)
                    .map(|(_, pick)| pick)
            })
            .or_else(|| pick(Priority::NothingElse))
    }

    /// Lets a level pay for the pick it was just given by [`pick`](Self::pick).
    ///
    /// The two priorities outside the sharing pay nothing and change nothing.
    pub fn advance(&mut self, served: Priority) {
        let Some(served) = Priority::WEIGHTED.iter().position(|level| *level == served) else {
            return;
        };
        let moved = self.ahead[served];
        for ahead in &mut self.ahead {
            *ahead = ahead.saturating_sub(moved);
        }
        self.ahead[served] = STRIDES[served];
    }
}

impl From<Passes> for [u8; WEIGHTED] {
    fn from(passes: Passes) -> Self {
        passes.ahead
    }
}

impl TryFrom<[u8; WEIGHTED]> for Passes {
    type Error = PassTooFar;

    fn try_from(ahead: [u8; WEIGHTED]) -> Result<Self, PassTooFar> {
        let levels = Priority::WEIGHTED.into_iter().zip(ahead).zip(STRIDES);
        for ((priority, ahead), stride) in levels {
            if ahead > stride {
                return Err(PassTooFar { priority, ahead, stride });
            }
        }
        Ok(Self { ahead })
    }
}

/// A stored pass that no sequence of picks can lead to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the pass of {priority} lies {ahead} ahead, more than its stride of {stride}")]
pub struct PassTooFar {
    /// The level.
    pub priority: Priority,
    /// Its stored distance from the virtual time.
    pub ahead: u8,
    /// The greatest distance it can have.
    pub stride: u8,
}

/// Chooses among the services of one agent.
///
/// A strict head goes first, then the pick with the smallest order key among those the services
/// make for themselves; `NothingElse` goes only if no service has anything else.
/// The caller advances the passes of the service that comes back, and of no other.
pub fn choose<'a, S>(
    services: impl IntoIterator<Item = (S, &'a Passes, &'a Heads)>,
) -> Option<(S, Pick)> {
    services
        .into_iter()
        .filter_map(|(service, passes, heads)| Some((service, passes.pick(heads)?)))
        .min_by_key(|(_, pick)| {
            let strict = pick.priority == Priority::StrictPriority;
            let nothing_else = pick.priority == Priority::NothingElse;
            (Reverse(strict), nothing_else, pick.key)
        })
}
