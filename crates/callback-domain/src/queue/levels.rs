//! Places in the queue, level by level.

use alloc::collections::BTreeSet;

use crate::picking::{Heads, LEVELS, OrderKey};
use crate::priority::Priority;

#[derive(Clone, Debug, Default)]
pub(super) struct Levels([BTreeSet<OrderKey>; LEVELS]);

impl Levels {
    pub(super) fn insert(&mut self, priority: Priority, order: OrderKey) {
        self.0[usize::from(priority.level())].insert(order);
    }

    pub(super) fn remove(&mut self, priority: Priority, order: &OrderKey) {
        self.0[usize::from(priority.level())].remove(order);
    }

    pub(super) fn contains(&self, priority: Priority, order: &OrderKey) -> bool {
        self.0[usize::from(priority.level())].contains(order)
    }

    pub(super) fn before(&self, priority: Priority, order: &OrderKey) -> usize {
        self.0[usize::from(priority.level())].range(..order).count()
    }

    pub(super) fn counts(&self) -> [usize; LEVELS] {
        self.0.each_ref().map(BTreeSet::len)
    }

    pub(super) fn heads(&self) -> Heads {
        Heads::from(self.0.each_ref().map(|level| level.first().copied()))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(BTreeSet::is_empty)
    }
}
