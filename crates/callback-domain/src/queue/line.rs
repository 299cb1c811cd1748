//! One customer's line: its gates, and what waits for it.

use alloc::collections::{BTreeMap, BTreeSet};

use crate::id::{AgentId, ServiceId};
use crate::picking::OrderKey;
use crate::priority::Priority;

use super::Entry;

/// Entries of one line that only their order tells apart, so that only the first can be ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Group {
    pub(super) service: ServiceId,
    pub(super) lane: Option<AgentId>,
    pub(super) priority: Priority,
}

impl Group {
    pub(super) fn of<K>(entry: &Entry<K>) -> Self {
        Self { service: entry.service, lane: entry.lane, priority: entry.priority }
    }
}

/// The entries of one key that are not backed off.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    pub(super) closed: bool,
    pub(super) closed_for: BTreeSet<ServiceId>,
    groups: BTreeMap<Group, BTreeSet<OrderKey>>,
}

impl Line {
    pub(super) fn insert(&mut self, group: Group, order: OrderKey) {
        self.groups.entry(group).or_default().insert(order);
    }

    pub(super) fn remove(&mut self, group: &Group, order: &OrderKey) {
        if let Some(orders) = self.groups.get_mut(group) {
            orders.remove(order);
            if orders.is_empty() {
                self.groups.remove(group);
            }
        }
    }

    pub(super) fn clear(&mut self) {
        self.groups.clear();
    }

    /// The services in which something waits or whose gate is closed; some more than once.
    pub(super) fn services(&self) -> impl Iterator<Item = ServiceId> {
        self.groups.keys().map(|group| group.service).chain(self.closed_for.iter().copied())
    }

    pub(super) fn open_for(&self, service: ServiceId) -> bool {
        !self.closed && !self.closed_for.contains(&service)
    }

    /// The ready front of each of these groups.
    pub(super) fn ready(
        &self,
        among: impl Fn(&Group) -> bool,
    ) -> impl Iterator<Item = (Group, OrderKey)> {
        self.groups
            .iter()
            .filter(move |(group, _)| among(group) && self.open_for(group.service))
            .filter_map(|(group, orders)| Some((*group, *orders.first()?)))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Whether forgetting this line changes nothing.
    pub(super) fn is_default(&self) -> bool {
        !self.closed && self.closed_for.is_empty() && self.groups.is_empty()
    }
}
