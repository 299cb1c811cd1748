//! The cost of a pick, of a step, of reading a request and of writing an answer.
//!
//! `cargo bench -p callback-domain` takes the time of each; `cargo xtask instructions` counts the
//! instructions of the [`PIECES`], which it runs by `--turns TURNS NAME`.

#![expect(clippy::print_stdout, reason = "the names of the pieces are printed")]

use callback_domain::attempt::{DriverCaps, Start};
use callback_domain::callback::{Callback, Creator};
use callback_domain::date::{self, Instant};
use callback_domain::dto::{CallbackDto, CreateRequest};
use callback_domain::id::{AgentId, AttemptId, CallbackId, LeaseToken, NodeId, ServiceId};
use callback_domain::lifecycle::{Event, NewCallback};
use callback_domain::picking::{Heads, OrderKey, Passes};
use callback_domain::priority::Priority;
use callback_domain::queue::{Entry, Queue};
use callback_domain::service::{DirectionType, Service};
use divan::{Bencher, black_box};
use serde_json::{Value, json};
use uuid::Uuid;

/// A name, and what does so many turns after its preparations.
type Piece = (&'static str, fn(u32));

/// What is counted.
const PIECES: [Piece; 8] = [
    ("step: into the queue", |turns| {
        let (service, callback) = (service(), callback());
        for _ in 0..turns {
            let tick = Event::Tick { start: start() };
            black_box(callback.clone().step(&service, tick, date::EARLIEST)).ok();
        }
    }),
    ("step: a whole life", |turns| {
        let (service, callback) = (service(), callback());
        for _ in 0..turns {
            black_box(live(callback.clone(), &service));
        }
    }),
    ("picking: one of nine heads", |turns| {
        let heads = heads();
        let mut passes = Passes::default();
        for _ in 0..turns {
            if let Some(pick) = black_box(passes.pick(&heads)) {
                passes.advance(pick.priority);
            }
        }
    }),
    ("queue: pick and requeue, 1,000 waiting", |turns| pick_often(1_000, turns)),
    ("queue: pick and requeue, 100,000 waiting", |turns| pick_often(100_000, turns)),
    ("dto: read a creation", |turns| {
        let (service, text) = (service(), request().to_string());
        for _ in 0..turns {
            black_box(read(&text, &service));
        }
    }),
    ("dto: write a callback", |turns| {
        let callbacks = [callback()];
        for _ in 0..turns {
            black_box(written(&callbacks));
        }
    }),
    ("dto: write 100 callbacks", |turns| {
        let callbacks = vec![callback(); 100];
        for _ in 0..turns {
            black_box(written(&callbacks));
        }
    }),
];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> =
        words.iter().map(String::as_str).filter(|word| *word != "--bench").collect();
    match words[..] {
        ["--pieces"] => {
            let names = PIECES.map(|(name, _)| name);
            println!("{}", names.join("\n"));
        }
        ["--turns", turns, name] => {
            let turns = turns.parse().expect("turns are a number");
            let piece = PIECES.iter().find(|(known, _)| *known == name);
            piece.expect("the name is among the pieces").1(turns);
        }
        _ => divan::main(),
    }
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

fn pick_often(waiting: u32, turns: u32) {
    let mut queue = Queue::new();
    for number in 0..waiting {
        queue.enter(entry(number, number));
    }
    let mut next = waiting;
    for _ in 0..turns {
        pick_and_requeue(&mut queue, &mut next);
    }
}

/// One callback waits at each level.
fn heads() -> Heads {
    Priority::ALL
        .into_iter()
        .zip(1..)
        .map(|(priority, number)| {
            (priority, OrderKey { at: at(number), id: CallbackId::from_u128(number.into()) })
        })
        .collect()
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
    Callback::create(
        read(&request().to_string(), &service()),
        CallbackId::from_u128(3),
        date::EARLIEST,
    )
    .callback
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

/// From `Pending` to the end of a conversation.
fn live(callback: Callback, service: &Service) -> Callback {
    let (token, attempt) = (LeaseToken::from_u128(6), start().attempt);
    let events = [
        Event::Tick { start: start() },
        Event::Offer { agent: AGENT, token },
        Event::Accept { token, start: start() },
        Event::Dial { token, start: start() },
        Event::AgentAnswered { attempt },
        Event::Connected { attempt },
        Event::HangUp { token },
    ];
    events.into_iter().fold(callback, |callback, event| {
        let step = callback.step(service, event, date::EARLIEST);
        step.expect("the event is possible").callback
    })
}

/// A documented creation, from text to its checked members.
fn read(text: &str, service: &Service) -> NewCallback {
    let body: Value = serde_json::from_str(text).expect("the text is JSON");
    let read = CreateRequest::read(&body, false).resolve(service, None, Creator::Api, None);
    read.expect("the request is valid")
}

fn written(callbacks: &[Callback]) -> String {
    let shown: Vec<_> = callbacks
        .iter()
        .map(|callback| CallbackDto::new(callback, Uuid::from_u128(7), 172_800))
        .collect();
    serde_json::to_string(&shown).expect("callbacks are written")
}

/// From `Pending` to the end of a conversation.
#[divan::bench]
fn step_through_a_life(bencher: Bencher<'_, '_>) {
    let service = service();
    bencher.with_inputs(callback).bench_values(|callback| live(callback, &service));
}

/// One of nine heads.
#[divan::bench]
fn pick_a_level(bencher: Bencher<'_, '_>) {
    let heads = heads();
    bencher.with_inputs(Passes::default).bench_values(|passes| passes.pick(black_box(&heads)));
}

/// Answers, to text.
#[divan::bench(args = [1, 100])]
fn write_callbacks(bencher: Bencher<'_, '_>, count: usize) {
    let callbacks = vec![callback(); count];
    bencher.bench(|| written(black_box(&callbacks)));
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
    bencher.bench(|| read(black_box(&text), &service));
}
