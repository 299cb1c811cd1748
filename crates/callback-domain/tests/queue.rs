//! The queue in memory against a list that is searched from end to end.

use std::collections::{BTreeMap, BTreeSet};

use callback_domain::id::{AgentId, CallbackId, ServiceId};
use callback_domain::picking::{Heads, OrderKey, Passes, Pick, choose};
use callback_domain::priority::Priority;
use callback_domain::queue::{Entry, Queue};
use chrono::{DateTime, TimeDelta};
use proptest::prelude::*;

const SERVICES: u8 = 3;
const AGENTS: u8 = 3;
const KEYS: u8 = 4;

fn service(number: u8) -> ServiceId {
    ServiceId::from_u128(u128::from(number))
}

fn agent(number: u8) -> AgentId {
    AgentId::from_u128(u128::from(number))
}

fn order(second: u8, id: u8) -> OrderKey {
    OrderKey {
        at: DateTime::UNIX_EPOCH + TimeDelta::seconds(i64::from(second)),
        id: CallbackId::from_u128(u128::from(id)),
    }
}

#[derive(Clone, Debug)]
enum Operation {
    Enter(Entry<u8>),
    Leave(u8),
    Close(u8),
    Open(u8),
    CloseFor(u8, u8),
    OpenFor(u8, u8),
    /// A bit for each service whose gate is open.
    Refresh(u8, u8),
    /// Picks without taking.
    Pick(u8, u8),
    /// Picks, takes the entry out and closes its key.
    Call(u8, u8),
    SetPasses(u8, Passes),
    Clear,
}

fn entries() -> impl Strategy<Value = Entry<u8>> {
    (
        (0..SERVICES, 0u8..20, 0u8..40, 0u8..9),
        (0..KEYS, prop::option::weighted(0.3, 0..AGENTS), prop::bool::weighted(0.15)),
    )
        .prop_map(|((of, second, id, level), (key, lane, backed_off))| Entry {
            service: service(of),
            order: order(second, id),
            priority: Priority::from_level(level).expect("a level below 9"),
            key,
            lane: lane.map(agent),
            backed_off,
        })
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let one = prop_oneof![
        12 => entries().prop_map(Operation::Enter),
        3 => (0u8..40).prop_map(Operation::Leave),
        1 => (0..KEYS).prop_map(Operation::Close),
        3 => (0..KEYS).prop_map(Operation::Open),
        1 => (0..KEYS, 0..SERVICES).prop_map(|(key, of)| Operation::CloseFor(key, of)),
        2 => (0..KEYS, 0..SERVICES).prop_map(|(key, of)| Operation::OpenFor(key, of)),
        2 => (0..KEYS, 0u8..8).prop_map(|(key, open)| Operation::Refresh(key, open)),
        4 => (0..AGENTS, 0u8..8).prop_map(|(by, of)| Operation::Pick(by, of)),
        6 => (0..AGENTS, 0u8..8).prop_map(|(by, of)| Operation::Call(by, of)),
        1 => (0..SERVICES, (0u8..=1, 0u8..=2, 0u8..=4, 0u8..=8, 0u8..=16, 0u8..=32, 0u8..=64))
            .prop_map(|(of, ahead)| {
                let passes = Passes::try_from(<[u8; 7]>::from(ahead)).expect("within the strides");
                Operation::SetPasses(of, passes)
            }),
    ];
    let one = prop_oneof![150 => one, 1 => Just(Operation::Clear)];
    prop::collection::vec(one, 1..150)
}

fn services(bits: u8) -> impl Iterator<Item = ServiceId> + Clone {
    (0..SERVICES).filter(move |number| bits >> number & 1 == 1).map(service)
}

#[derive(Default)]
struct Model {
    entries: Vec<Entry<u8>>,
    closed: BTreeSet<u8>,
    closed_for: BTreeSet<(u8, ServiceId)>,
    passes: BTreeMap<ServiceId, Passes>,
}

impl Model {
    fn enter(&mut self, entry: Entry<u8>) -> Option<Entry<u8>> {
        let replaced = self.leave(entry.order.id);
        self.entries.push(entry);
        replaced
    }

    fn leave(&mut self, id: CallbackId) -> Option<Entry<u8>> {
        let at = self.entries.iter().position(|entry| entry.order.id == id)?;
        Some(self.entries.remove(at))
    }

    fn refresh(&mut self, key: u8, open: u8) {
        for number in 0..SERVICES {
            let of = service(number);
            let waits =
                |entry: &Entry<u8>| entry.key == key && entry.service == of && !entry.backed_off;
            if open >> number & 1 == 1 {
                self.closed_for.remove(&(key, of));
            } else if self.entries.iter().any(waits) {
                self.closed_for.insert((key, of));
            }
        }
    }

    fn gate_open(&self, key: u8, service: ServiceId) -> bool {
        !self.closed.contains(&key) && !self.closed_for.contains(&(key, service))
    }

    fn is_ready(&self, entry: &Entry<u8>) -> bool {
        let before = |other: &Entry<u8>| {
            !other.backed_off
                && (other.key, other.service, other.lane, other.priority)
                    == (entry.key, entry.service, entry.lane, entry.priority)
                && other.order < entry.order
        };
        !entry.backed_off
            && self.gate_open(entry.key, entry.service)
            && !self.entries.iter().any(before)
    }

    fn heads(&self, service: ServiceId, visible: impl Fn(Option<AgentId>) -> bool) -> Heads {
        self.entries
            .iter()
            .filter(|entry| entry.service == service && visible(entry.lane) && self.is_ready(entry))
            .map(|entry| (entry.priority, entry.order))
            .collect()
    }

    fn passes(&self, service: ServiceId) -> Passes {
        self.passes.get(&service).copied().unwrap_or_default()
    }

    fn pick(
        &mut self,
        agent: AgentId,
        services: impl Iterator<Item = ServiceId>,
    ) -> Option<(ServiceId, Pick)> {
        let views: Vec<(ServiceId, Passes, Heads)> = services
            .map(|service| {
                let heads = self.heads(service, |lane| lane.is_none_or(|lane| lane == agent));
                (service, self.passes(service), heads)
            })
            .collect();
        let (service, pick) =
            choose(views.iter().map(|(service, passes, heads)| (*service, passes, heads)))?;
        self.passes.entry(service).or_default().advance(pick.priority);
        Some((service, pick))
    }
}

/// Does the same to both and compares what they answer.
fn apply(
    queue: &mut Queue<u8>,
    model: &mut Model,
    operation: Operation,
) -> Result<(), TestCaseError> {
    match operation {
        Operation::Enter(entry) => {
            prop_assert_eq!(queue.enter(entry.clone()), model.enter(entry));
        }
        Operation::Leave(id) => {
            let id = CallbackId::from_u128(u128::from(id));
            prop_assert_eq!(queue.leave(id), model.leave(id));
        }
        Operation::Close(key) => {
            queue.close(&key);
            model.closed.insert(key);
        }
        Operation::Open(key) => {
            queue.open(&key);
            model.closed.remove(&key);
        }
        Operation::CloseFor(key, of) => {
            queue.close_for(&key, service(of));
            model.closed_for.insert((key, service(of)));
        }
        Operation::OpenFor(key, of) => {
            queue.open_for(&key, service(of));
            model.closed_for.remove(&(key, service(of)));
        }
        Operation::Refresh(key, open) => {
            queue.refresh(&key, |of| services(open).any(|open| open == of));
            model.refresh(key, open);
        }
        Operation::Pick(by, of) => {
            let picked = queue.pick(agent(by), services(of));
            prop_assert_eq!(picked, model.pick(agent(by), services(of)));
        }
        Operation::Call(by, of) => {
            let picked = queue.pick(agent(by), services(of));
            prop_assert_eq!(picked, model.pick(agent(by), services(of)));
            if let Some((of, pick)) = picked {
                let entry = queue.leave(pick.key.id);
                prop_assert_eq!(&entry, &model.leave(pick.key.id));
                let entry = entry.expect("what is picked waits");
                prop_assert_eq!((entry.service, entry.priority), (of, pick.priority));
                queue.close(&entry.key);
                model.closed.insert(entry.key);
            }
        }
        Operation::SetPasses(of, passes) => {
            queue.set_passes(service(of), passes);
            model.passes.insert(service(of), passes);
        }
        Operation::Clear => {
            queue.clear();
            model.entries.clear();
        }
    }
    Ok(())
}

/// Compares everything that can be seen.
fn agree(queue: &Queue<u8>, model: &Model) -> Result<(), TestCaseError> {
    let mut expected = model.entries.clone();
    expected.sort_by_key(|entry| entry.order.id);
    prop_assert_eq!(queue.iter().cloned().collect::<Vec<_>>(), expected);
    prop_assert_eq!(queue.len(), model.entries.len());
    prop_assert_eq!(queue.is_empty(), model.entries.is_empty());
    for entry in &model.entries {
        prop_assert_eq!(queue.entry(entry.order.id), Some(entry));
        prop_assert_eq!(queue.is_ready(entry.order.id), model.is_ready(entry));
        let ahead = model.entries.iter().filter(|other| {
            (other.service, other.priority) == (entry.service, entry.priority)
                && other.order < entry.order
        });
        prop_assert_eq!(queue.ahead(entry.service, &entry.order, entry.priority), ahead.count());
    }
    for of in services(u8::MAX) {
        prop_assert_eq!(queue.passes(of), model.passes(of));
        for key in 0..KEYS {
            prop_assert_eq!(queue.gate_open(&key, of), model.gate_open(key, of));
        }
        let mut lanes = Vec::new();
        for lane in [None].into_iter().chain((0..AGENTS).map(|number| Some(agent(number)))) {
            let heads = model.heads(of, |other| other == lane);
            prop_assert_eq!(queue.heads(of, lane), heads);
            if !heads.is_empty() {
                lanes.push(lane);
            }
        }
        prop_assert_eq!(queue.has_ready(of), lanes.contains(&None));
        prop_assert_eq!(queue.ready_lanes(of).collect::<Vec<_>>(), lanes);
        let waiting = Priority::ALL.map(|priority| {
            let here = |entry: &&Entry<u8>| entry.service == of && entry.priority == priority;
            model.entries.iter().filter(here).count()
        });
        prop_assert_eq!(queue.waiting(of), waiting);
    }
    Ok(())
}

proptest! {
    #[test]
    fn nothing_is_lost_or_invented_and_a_linear_search_picks_the_same(operations in operations()) {
        let mut queue = Queue::new();
        let mut model = Model::default();
        for operation in operations {
            apply(&mut queue, &mut model, operation)?;
            agree(&queue, &model)?;
        }
    }

    #[test]
    fn everything_that_waits_is_called_once_when_every_gate_opens_again(
        waiting in prop::collection::vec(entries(), 0..40)
    ) {
        let mut queue = Queue::new();
        for entry in waiting {
            queue.enter(Entry { backed_off: false, ..entry });
        }
        let mut left = queue.len();
        while left > 0 {
            let (_, pick) = (0..AGENTS)
                .find_map(|by| queue.pick(agent(by), services(u8::MAX)))
                .expect("while something waits, some agent can have it");
            let entry = queue.leave(pick.key.id).expect("what is picked waits");
            queue.close(&entry.key);
            prop_assert!(!queue.gate_open(&entry.key, entry.service));
            queue.open(&entry.key);
            left -= 1;
            prop_assert_eq!(queue.len(), left);
        }
    }
}

fn normal(second: u8, id: u8, key: u8) -> Entry<u8> {
    Entry {
        service: service(1),
        order: order(second, id),
        priority: Priority::Normal,
        key,
        lane: None,
        backed_off: false,
    }
}

fn next(queue: &mut Queue<u8>, by: u8) -> Option<CallbackId> {
    queue.pick(agent(by), [service(1)]).map(|(_, pick)| pick.key.id)
}

#[test]
fn a_busy_target_is_stepped_over_and_comes_back_at_its_old_place() {
    let mut queue = Queue::new();
    queue.enter(normal(1, 1, 1));
    queue.enter(normal(2, 2, 1));
    queue.enter(normal(3, 3, 2));
    queue.close(&1);
    assert_eq!(next(&mut queue, 0), Some(order(3, 3).id));
    queue.open(&1);
    assert_eq!(next(&mut queue, 0), Some(order(1, 1).id));
}

#[test]
fn a_held_callback_goes_to_its_agent_only() {
    let mut queue = Queue::new();
    queue.enter(Entry { lane: Some(agent(7)), ..normal(1, 1, 1) });
    queue.enter(normal(2, 2, 2));
    assert_eq!(next(&mut queue, 0), Some(order(2, 2).id));
    assert_eq!(next(&mut queue, 7), Some(order(1, 1).id));
}

#[test]
fn a_backed_off_callback_makes_room_for_the_next_of_its_target() {
    let mut queue = Queue::new();
    queue.enter(Entry { backed_off: true, ..normal(1, 1, 1) });
    queue.enter(normal(2, 2, 1));
    assert_eq!(next(&mut queue, 0), Some(order(2, 2).id));
    queue.enter(normal(1, 1, 1));
    assert_eq!(next(&mut queue, 0), Some(order(1, 1).id));
}

#[test]
fn only_the_chosen_service_pays() {
    let mut queue = Queue::new();
    queue.enter(normal(2, 2, 1));
    queue.enter(Entry { service: service(2), ..normal(1, 1, 2) });
    let picked = queue.pick(agent(0), [service(1), service(2)]);
    assert_eq!(picked.map(|(service, _)| service), Some(service(2)));
    assert_eq!(queue.passes(service(1)), Passes::default());
    assert_ne!(queue.passes(service(2)), Passes::default());
}
