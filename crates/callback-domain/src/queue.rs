//! The queue in memory, over all services: for embedders, and for the store that keeps nothing.
//!
//! Every callback that waits for an agent is an [`Entry`].
//! An entry is *ready* when it may go now: it is not backed off, the gate of its key is open for
//! its service, and nothing is before it in its group, which is everything of the same key,
//! service, lane and priority.
//! All others are parked under what blocks them and come back at their old place, so that a pick
//! walks past nothing, however much one busy target or one absent agent keeps waiting.

mod levels;
mod line;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use chrono::{DateTime, Utc};

use crate::id::{AgentId, CallbackId, ServiceId};
use crate::picking::{Heads, LEVELS, OrderKey, Passes, Pick, choose};
use crate::priority::Priority;

use levels::Levels;
use line::{Group, Line};

/// A callback that waits in the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<K> {
    /// The service whose queue it is.
    pub service: ServiceId,
    /// Its place; `order.id` is the callback.
    pub order: OrderKey,
    /// Its level.
    pub priority: Priority,
    /// Whose line it calls; entries of one key exclude each other.
    pub key: K,
    /// The only agent who may have it; `None` is the open lane.
    pub lane: Option<AgentId>,
    /// Not ready before it is entered again without this.
    pub backed_off: bool,
}

/// Who waits, who is ready, and who is next; each operation costs O(log n).
///
/// `K` tells customers' lines apart.
/// Gates start open, and stay as they were set while nothing is queued under their key.
#[derive(Clone, Debug)]
pub struct Queue<K> {
    entries: BTreeMap<CallbackId, Entry<K>>,
    lines: BTreeMap<K, Line>,
    waiting: BTreeMap<ServiceId, Levels>,
    ready: BTreeMap<(ServiceId, Option<AgentId>), Levels>,
    passes: BTreeMap<ServiceId, Passes>,
}

impl<K> Default for Queue<K> {
    fn default() -> Self {
        Self {
            entries: BTreeMap::new(),
            lines: BTreeMap::new(),
            waiting: BTreeMap::new(),
            ready: BTreeMap::new(),
            passes: BTreeMap::new(),
        }
    }
}

impl<K: Ord + Clone> Queue<K> {
    /// An empty queue with every gate open.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets a callback wait, and returns the entry of the same callback that this one replaces.
    pub fn enter(&mut self, entry: Entry<K>) -> Option<Entry<K>> {
        let replaced = self.leave(entry.order.id);
        self.waiting.entry(entry.service).or_default().insert(entry.priority, entry.order);
        if !entry.backed_off {
            let group = Group::of(&entry);
            self.change(
                &entry.key,
                |line| line.insert(group, entry.order),
                |found| *found == group,
            );
        }
        self.entries.insert(entry.order.id, entry);
        replaced
    }

    /// Takes a callback off the queue.
    pub fn leave(&mut self, id: CallbackId) -> Option<Entry<K>> {
        let entry = self.entries.remove(&id)?;
        if let Some(levels) = self.waiting.get_mut(&entry.service) {
            levels.remove(entry.priority, &entry.order);
            if levels.is_empty() {
                self.waiting.remove(&entry.service);
            }
        }
        if !entry.backed_off {
            let group = Group::of(&entry);
            self.change(
                &entry.key,
                |line| line.remove(&group, &entry.order),
                |found| *found == group,
            );
        }
        Some(entry)
    }

    /// Removes every entry; gates and passes stay.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.waiting.clear();
        self.ready.clear();
        self.lines.retain(|_, line| {
            line.clear();
            !line.is_default()
        });
    }

    /// Parks everything of this key in every service, such as while the customer's line is live.
    pub fn close(&mut self, key: &K) {
        self.change(key, |line| line.closed = true, |_| true);
    }

    /// Undoes [`close`](Self::close); gates closed for single services stay closed.
    pub fn open(&mut self, key: &K) {
        self.change(key, |line| line.closed = false, |_| true);
    }

    /// Parks everything of this key in one service, such as while it is suppressed there.
    pub fn close_for(&mut self, key: &K, service: ServiceId) {
        self.change(
            key,
            |line| {
                line.closed_for.insert(service);
            },
            |group| group.service == service,
        );
    }

    /// Undoes [`close_for`](Self::close_for).
    pub fn open_for(&mut self, key: &K, service: ServiceId) {
        self.change(
            key,
            |line| {
                line.closed_for.remove(&service);
            },
            |group| group.service == service,
        );
    }

    /// Sets anew the gate of each service in which this key waits or was closed.
    ///
    /// This is [`open_for`](Self::open_for) and [`close_for`](Self::close_for) for a caller who
    /// works its gates out when asked, to be called after each change of what they depend on and
    /// after [`enter`](Self::enter); it does not undo [`close`](Self::close).
    pub fn refresh(&mut self, key: &K, gate_open: impl Fn(ServiceId) -> bool) {
        let Some(line) = self.lines.get(key) else {
            return;
        };
        let services: BTreeSet<ServiceId> = line.services().collect();
        for service in services {
            if gate_open(service) {
                self.open_for(key, service);
            } else {
                self.close_for(key, service);
            }
        }
    }

    /// Whether a callback of this key and service could be ready.
    #[must_use]
    pub fn gate_open(&self, key: &K, service: ServiceId) -> bool {
        self.lines.get(key).is_none_or(|line| line.open_for(service))
    }

    /// Chooses who goes next to this agent among these services, and lets the chosen level pay.
    ///
    /// The entry stays where it is: the caller lets it [`leave`](Self::leave), and closes its key
    /// for as long as the customer's line is taken.
    pub fn pick(
        &mut self,
        agent: AgentId,
        services: impl IntoIterator<Item = ServiceId>,
    ) -> Option<(ServiceId, Pick)> {
        let views: Vec<(ServiceId, Passes, Heads)> = services
            .into_iter()
            .map(|service| {
                let own = self.heads(service, Some(agent));
                (service, self.passes(service), self.heads(service, None).merge(&own))
            })
            .collect();
        let (service, pick) =
            choose(views.iter().map(|(service, passes, heads)| (*service, passes, heads)))?;
        self.passes.entry(service).or_default().advance(pick.priority);
        Some((service, pick))
    }

    /// The best ready callback of each level in exactly this lane of a service.
    #[must_use]
    pub fn heads(&self, service: ServiceId, lane: Option<AgentId>) -> Heads {
        self.ready.get(&(service, lane)).map(Levels::heads).unwrap_or_default()
    }

    /// Whether a service has something that is ready for anybody.
    #[must_use]
    pub fn has_ready(&self, service: ServiceId) -> bool {
        self.ready.contains_key(&(service, None))
    }

    /// The lanes of a service in which something is ready, the open lane first.
    pub fn ready_lanes(&self, service: ServiceId) -> impl Iterator<Item = Option<AgentId>> + '_ {
        let last = Some(AgentId::from_u128(u128::MAX));
        self.ready.range((service, None)..=(service, last)).map(|((_, lane), _)| *lane)
    }

    /// The services and lanes in which something of this key is ready.
    pub fn ready_of(&self, key: &K) -> impl Iterator<Item = (ServiceId, Option<AgentId>)> + '_ {
        let ready = self.lines.get(key).map(|line| line.ready(|_| true));
        ready.into_iter().flatten().map(|(group, _)| (group.service, group.lane))
    }

    /// Whether anything of this key waits without being backed off.
    #[must_use]
    pub fn waits(&self, key: &K) -> bool {
        self.lines.get(key).is_some_and(|line| !line.is_empty())
    }

    /// The earliest place of a service's queue, of any priority, ready or not.
    #[must_use]
    pub fn earliest(&self, service: ServiceId) -> Option<DateTime<Utc>> {
        self.waiting.get(&service)?.heads().iter().map(|(_, order)| order.at).min()
    }

    /// Whether this callback may go now for someone.
    #[must_use]
    pub fn is_ready(&self, id: CallbackId) -> bool {
        self.entries.get(&id).is_some_and(|entry| {
            self.ready
                .get(&(entry.service, entry.lane))
                .is_some_and(|levels| levels.contains(entry.priority, &entry.order))
        })
    }

    /// The passes of a service's queue; those of a queue that was never picked from if unknown.
    #[must_use]
    pub fn passes(&self, service: ServiceId) -> Passes {
        self.passes.get(&service).copied().unwrap_or_default()
    }

    /// Restores the passes of a service's queue.
    pub fn set_passes(&mut self, service: ServiceId, passes: Passes) {
        self.passes.insert(service, passes);
    }

    /// How many callbacks of a service wait at each level, ready or not.
    #[must_use]
    pub fn waiting(&self, service: ServiceId) -> [usize; LEVELS] {
        self.waiting.get(&service).map(Levels::counts).unwrap_or_default()
    }

    /// How many callbacks of a service and priority wait, ready or not, before this place.
    ///
    /// Costs as much as it counts.
    #[must_use]
    pub fn ahead(&self, service: ServiceId, order: &OrderKey, priority: Priority) -> usize {
        self.waiting.get(&service).map_or(0, |levels| levels.before(priority, order))
    }

    /// The entry of a callback.
    #[must_use]
    pub fn entry(&self, id: CallbackId) -> Option<&Entry<K>> {
        self.entries.get(&id)
    }

    /// Every entry, by callback.
    pub fn iter(&self) -> impl Iterator<Item = &Entry<K>> {
        self.entries.values()
    }

    /// How many callbacks wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Changes a line, and carries what that does to the fronts of these groups over to `ready`.
    fn change(
        &mut self,
        key: &K,
        change: impl FnOnce(&mut Line),
        touched: impl Fn(&Group) -> bool,
    ) {
        let line = self.lines.entry(key.clone()).or_default();
        let before: Vec<(Group, OrderKey)> = line.ready(&touched).collect();
        change(line);
        let after: Vec<(Group, OrderKey)> = line.ready(&touched).collect();
        if line.is_default() {
            self.lines.remove(key);
        }
        for (group, order) in before {
            let lane = (group.service, group.lane);
            if let Some(levels) = self.ready.get_mut(&lane) {
                levels.remove(group.priority, &order);
                if levels.is_empty() {
                    self.ready.remove(&lane);
                }
            }
        }
        for (group, order) in after {
            let levels = self.ready.entry((group.service, group.lane)).or_default();
            levels.insert(group.priority, order);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: u128, backed_off: bool) -> Entry<u8> {
        Entry {
            service: ServiceId::from_u128(1),
            order: OrderKey { at: DateTime::UNIX_EPOCH, id: CallbackId::from_u128(id) },
            priority: Priority::Normal,
            key: 7,
            lane: id.is_multiple_of(2).then(|| AgentId::from_u128(id)),
            backed_off,
        }
    }

    #[test]
    fn an_emptied_queue_holds_on_to_nothing() {
        let mut queue = Queue::new();
        for id in 0..20 {
            queue.enter(entry(id, id.is_multiple_of(3)));
        }
        queue.close(&7);
        queue.close_for(&7, ServiceId::from_u128(1));
        for id in 0..20 {
            queue.leave(CallbackId::from_u128(id));
        }
        assert!(!queue.gate_open(&7, ServiceId::from_u128(1)));
        queue.open(&7);
        assert!(!queue.gate_open(&7, ServiceId::from_u128(1)));
        queue.refresh(&7, |_| true);
        assert!(queue.gate_open(&7, ServiceId::from_u128(1)));
        assert!(queue.entries.is_empty() && queue.lines.is_empty());
        assert!(queue.waiting.is_empty() && queue.ready.is_empty());
    }

    #[test]
    fn only_the_front_of_a_group_is_indexed_as_ready() {
        let mut queue = Queue::new();
        for id in 0..1000 {
            queue.enter(Entry { lane: None, ..entry(id, false) });
        }
        let ready: usize = queue.ready.values().flat_map(Levels::counts).sum();
        assert_eq!(ready, 1);
        queue.close(&7);
        assert!(queue.ready.is_empty());
    }
}
