//! The cost of a pick, of a step, and of reading a request, by how much waits.
//!
//! `cargo bench -p callback-domain`

use callback_domain::attempt::{DriverCaps, Start};
use callback_domain::callback::{Callback, Creator};
use callback_domain::date::{self, Instant};
use callback_domain::dto::CreateRequest;
use callback_domain::id::{AgentId, AttemptId, CallbackId, NodeId, ServiceId};
use callback_domain::lifecycle::Event;
use callback_domain::picking::OrderKey;
use callback_domain::priority::Priority;
use callback_domain::queue::{Entry, Queue};
use callback_domain::service::{DirectionType, Service};
use divan::{Bencher, black_box};
use serde_json::{Value, json};

fn main() {
    divan::main();
}

const SERVICE: ServiceId = ServiceId::from_u128(1);
const AGENT: AgentId = AgentId::from_u128(2);
const WAITING: [u32; 3] = [1_000, 100_000, 1_000_000];

fn at(second: u32) -> Instant {
    date::add_seconds(date::EARLIEST, i64::from(second))
}

fn entry(number: u32, key: u32) -> Entry<u32> {
    let level = u8::try_from(number % 9).unwrap_or(0);
    Entry {
        service: SERVICE,
        order: OrderKey { at: at(number), id: CallbackId::from_u128(u128::from(number)) },
        priority: Priority::from_level(level).unwrap_or_default(),
        key,
        lane: None,
        backed_off: false,
    }
}

fn pick_and_requeue(queue: &mut Queue<u32>, next: &mut u32) {
    if let Some((_, pick)) = queue.pick(AGENT, [SERVICE])
        && let Some(mut taken) = queue.leave(pick.key.id)
    {
        *next += 1;
        taken.order.at = at(*next);
        queue.enter(taken);
    }
}

/// A pick, and the callback's return at the end of its level.
#[divan::bench(args = WAITING, sample_count = 1_000, sample_size = 50)]
fn pick_with_so_many_waiting(bencher: Bencher<'_, '_>, waiting: u32) {
    let mut queue = Queue::new();
    for number in 0..waiting {
        queue.enter(entry(number, number));
    }
    let mut next = waiting;
    bencher.bench_local(|| pick_and_requeue(&mut queue, &mut next));
}

/// The same, with so many callbacks for one busy line at the head of the queue.
#[divan::bench(args = [0, 10_000, 100_000], sample_count = 1_000, sample_size = 50)]
fn pick_behind_so_many_blocked(bencher: Bencher<'_, '_>, blocked: u32) {
    let mut queue = Queue::new();
    queue.close(&u32::MAX);
    for number in 0..blocked {
        queue.enter(entry(number, u32::MAX));
    }
    for number in blocked..blocked + 1_000 {
        queue.enter(entry(number, number));
    }
    let mut next = blocked + 1_000;
    bencher.bench_local(|| pick_and_requeue(&mut queue, &mut next));
}

fn service() -> Service {
    let address = "sip:smoky.car@dev.local".parse().expect("the address is valid");
    Service::new(SERVICE, "Hotline".into(), address, DirectionType::InboundOutbound, date::EARLIEST)
}

fn request() -> Value {
    json!({
        "Target": "sip:smoky.qq@dev.local", "SecondsBetweenRetries": 0,
        "Priority": "StrictPriority", "ServiceSip": "sip:smoky.car@dev.local",
    })
}

fn callback() -> Callback {
    let new = CreateRequest::read(&request(), false)
        .resolve(&service(), None, Creator::Api, None)
        .expect("the request is valid");
    Callback::create(new, CallbackId::from_u128(3), date::EARLIEST).callback
}

fn start() -> Start {
    Start {
        attempt: AttemptId::from_u128(4),
        node: NodeId::from_u128(5),
        driver: "bench".into(),
        caps: DriverCaps {
            places_calls: true,
            reports_progress: true,
            can_cancel: true,
            survives_restart: false,
            human_reports: false,
        },
    }
}

/// From `Pending` into the queue.
#[divan::bench]
fn step(bencher: Bencher<'_, '_>) {
    let service = service();
    bencher
        .with_inputs(|| (callback(), Event::Tick { start: start() }))
        .bench_values(|(callback, event)| callback.step(&service, event, date::EARLIEST));
}

/// A documented creation, from text to its checked members.
#[divan::bench]
fn read_a_creation(bencher: Bencher<'_, '_>) {
    let (service, text) = (service(), request().to_string());
    bencher.bench(|| {
        let body: Value = serde_json::from_str(black_box(&text)).expect("the text is JSON");
        CreateRequest::read(&body, false).resolve(&service, None, Creator::Api, None)
    });
}
