//! What stores take for what is asked of them, in memory and on SQLite, one request at a time.
//!
//! A pick is a dispatch that offers the best callback to the only free agent, and a decline that
//! puts it back, by how much waits and how much is not yet due; on SQLite each of its three
//! commands is committed on its own.
//! Compare the medians: `cargo bench -p callback-sqlite --bench store`

use std::sync::Arc;

use callback_domain::agent::{Agent, Presence};
use callback_domain::attempt::{DriverCaps, Outcome};
use callback_domain::callback::Creator;
use callback_domain::date::{self, Instant};
use callback_domain::id::{AgentId, CallbackId, NodeId, ServiceId};
use callback_domain::lifecycle::NewCallback;
use callback_domain::priority::Priority;
use callback_domain::search::Query;
use callback_domain::service::{DirectionType, Service};
use callback_engine::clock::Clock;
use callback_engine::command::{AgentChange, Answer, Command, Create, Motion, What};
use callback_engine::ledger::Actor;
use callback_engine::memory::MemoryStore;
use callback_engine::mint::{Mint, Site};
use callback_engine::store::Store;
use callback_sqlite::{Options, SqliteStore};
use divan::Bencher;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use uuid::Uuid;

fn main() {
    divan::main();
}

const SERVICE: ServiceId = ServiceId::from_u128(1);
const AGENT: AgentId = AgentId::from_u128(2);
/// How many creations go to the store at once.
const AT_ONCE: u32 = 500;

/// How much waits, and how much is not yet due.
#[derive(Clone, Copy)]
struct Backlog {
    waiting: u32,
    future: u32,
}

impl std::fmt::Display for Backlog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} waiting, {} not due", self.waiting, self.future)
    }
}

const BACKLOGS: [Backlog; 4] = [
    Backlog { waiting: 1_000, future: 0 },
    Backlog { waiting: 100_000, future: 0 },
    Backlog { waiting: 1_000_000, future: 0 },
    Backlog { waiting: 1_000, future: 1_000_000 },
];

/// A clock that stands still.
struct Noon;

impl Clock for Noon {
    fn now(&self) -> Instant {
        noon()
    }
}

fn noon() -> Instant {
    date::parse("2026-01-05T12:00:00Z").expect("the date is valid")
}

fn site() -> Arc<Site> {
    let caps = DriverCaps {
        places_calls: false,
        reports_progress: false,
        can_cancel: false,
        survives_restart: true,
        human_reports: true,
    };
    let node = NodeId::from_u128(1);
    Arc::new(Site { node, driver: "manual".to_owned(), caps, mint: Mint::seeded(1) })
}

/// A store with a backlog, and one agent who is free.
struct Floor {
    runtime: Runtime,
    store: Arc<dyn Store>,
    site: Arc<Site>,
    _folder: Option<TempDir>,
}

impl Floor {
    fn in_memory(backlog: Backlog) -> Self {
        let store = Arc::new(MemoryStore::new(Uuid::from_u128(1), Arc::new(Noon)));
        Self::with(store, None, backlog)
    }

    fn on_sqlite(backlog: Backlog) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let options = Options::new(Arc::new(Noon));
        let store = SqliteStore::open(folder.path().join("bench.db"), options).expect("it opens");
        Self::with(Arc::new(store), Some(folder), backlog)
    }

    fn with(
        store: Arc<dyn Store>,
        folder: Option<TempDir>,
        Backlog { waiting, future }: Backlog,
    ) -> Self {
        let runtime =
            tokio::runtime::Builder::new_current_thread().build().expect("a runtime starts");
        let floor = Self { runtime, store, site: site(), _folder: folder };
        let address = "sip:smoky.car@dev.local".parse().expect("the address is valid");
        let direction = DirectionType::InboundOutbound;
        let mut service = Service::new(SERVICE, "Hotline".into(), address, direction, noon());
        service.preview_time_in_seconds = 0;
        service.after_call_work_in_seconds = 0;
        floor.run(What::CreateService(Box::new(service)));
        floor.fill(0..waiting, noon());
        floor.fill(waiting..waiting + future, date::add_seconds(noon(), 86_400));
        while let Answer::Ticked { more: true, .. } = floor.run(What::Tick { limit: 2_000 }) {}
        let address = "sip:ada@dev.local".parse().expect("the address is valid");
        let mut agent = Agent::new(AGENT, "Ada".into(), address, noon());
        agent.services.insert(SERVICE);
        agent.presence = Presence::Available;
        floor.run(What::CreateAgent(Box::new(agent)));
        floor
    }

    fn run(&self, what: What) -> Answer {
        self.runtime.block_on(run(&self.store, &self.site, what))
    }

    fn fill(&self, numbers: std::ops::Range<u32>, due: Instant) {
        let numbers: Vec<u32> = numbers.collect();
        for batch in numbers.chunks(AT_ONCE as usize) {
            let creations: Vec<_> = batch
                .iter()
                .map(|number| {
                    let (store, site) = (Arc::clone(&self.store), Arc::clone(&self.site));
                    let create = creation(*number, due);
                    self.runtime.spawn(async move { run(&store, &site, create).await })
                })
                .collect();
            self.runtime.block_on(async {
                for creation in creations {
                    creation.await.expect("the creation ends");
                }
            });
        }
    }

    fn turn(&self) {
        self.run(What::Dispatch { services: vec![], agents: vec![AGENT], limit: 1 });
        let Answer::Task(Some(task)) = self.run(What::Task { agent: AGENT }) else {
            panic!("nothing was offered")
        };
        let by = Motion::Decline(task.token);
        self.run(What::Move { callback: task.callback.id, by, if_version: None });
        self.run(What::ChangeAgent { agent: AGENT, change: AgentChange::ResetRona });
    }
}

async fn run(store: &Arc<dyn Store>, site: &Arc<Site>, what: What) -> Answer {
    let command = Command { actor: Actor::Operator, site: Arc::clone(site), what };
    store.run(command).await.expect("the command is carried out").answer
}

fn creation(number: u32, due: Instant) -> What {
    let level = u8::try_from(number % 9).unwrap_or(0);
    let target = format!("tel:+4178{number:08}");
    let new = NewCallback {
        creator: Creator::Api,
        initiator: None,
        service: SERVICE,
        target: target.parse().expect("the target is valid"),
        alternative_target: None,
        priority: Priority::from_level(level).unwrap_or_default(),
        max_retries: 3,
        seconds_between_retries: 300,
        due: Some(due),
        description: None,
        external_task_id: None,
        incoming_service_sip_uri: None,
        context_url: None,
        supervisor: None,
        caller_id: None,
        preferred: None,
        allowed_wait_seconds: 172_800,
    };
    let id = CallbackId::from_u128(u128::from(number) + 1_000);
    What::Create(Box::new(Create {
        new,
        id,
        service_version: 1,
        idempotency: None,
        dry_run: false,
        enters: false,
    }))
}

#[divan::bench(args = BACKLOGS, sample_count = 300, sample_size = 1)]
fn pick_in_memory(bencher: Bencher<'_, '_>, backlog: Backlog) {
    let floor = Floor::in_memory(backlog);
    bencher.bench_local(|| floor.turn());
}

#[divan::bench(args = BACKLOGS, sample_count = 300, sample_size = 1)]
fn pick_on_sqlite(bencher: Bencher<'_, '_>, backlog: Backlog) {
    let floor = Floor::on_sqlite(backlog);
    bencher.bench_local(|| floor.turn());
}

const SOME: Backlog = Backlog { waiting: 1_000, future: 0 };

/// The stores, with a thousand callbacks that wait.
#[derive(Clone, Copy, Debug)]
enum Which {
    Memory,
    Sqlite,
}

const STORES: [Which; 2] = [Which::Memory, Which::Sqlite];

impl Which {
    fn floor(self) -> Floor {
        match self {
            Self::Memory => Floor::in_memory(SOME),
            Self::Sqlite => Floor::on_sqlite(SOME),
        }
    }
}

#[divan::bench(args = STORES, sample_count = 500, sample_size = 1)]
fn create(bencher: Bencher<'_, '_>, which: Which) {
    let floor = which.floor();
    let mut number = SOME.waiting;
    bencher.bench_local(|| {
        number += 1;
        floor.run(creation(number, noon()))
    });
}

/// An agent takes the best, and reports how it came out.
#[divan::bench(args = STORES, sample_count = 500, sample_size = 1)]
fn take_and_end(bencher: Bencher<'_, '_>, which: Which) {
    let floor = which.floor();
    bencher.bench_local(|| {
        let Answer::Task(Some(task)) = floor.run(What::Next { agent: AGENT }) else {
            panic!("nothing was there to take")
        };
        let by = Motion::Outcome(task.token, Outcome::Completed, None);
        floor.run(What::Move { callback: task.callback.id, by, if_version: None })
    });
}

#[divan::bench(args = STORES)]
fn get(bencher: Bencher<'_, '_>, which: Which) {
    let floor = which.floor();
    let mut number = 0;
    bencher.bench_local(|| {
        number = (number + 1) % SOME.waiting;
        let id = CallbackId::from_u128(u128::from(number) + 1_000);
        floor.runtime.block_on(floor.store.callback(id)).expect("it is read")
    });
}

/// The first page of a service, and how many there are.
#[divan::bench(args = STORES)]
fn search(bencher: Bencher<'_, '_>, which: Which) {
    let floor = which.floor();
    let query = Query { service: Some(SERVICE), ..Query::default() };
    bencher.bench_local(|| {
        floor.runtime.block_on(async {
            let page = floor.store.page(&query, None, 0, 20).await.expect("it is read");
            (page, floor.store.count(&query).await.expect("it is counted"))
        })
    });
}
