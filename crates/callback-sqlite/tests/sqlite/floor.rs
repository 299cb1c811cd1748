//! What the tests stand on: a clock that is set by hand, and commands.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use callback_domain::agent::{Agent, Presence};
use callback_domain::attempt::DriverCaps;
use callback_domain::callback::Creator;
use callback_domain::date::{self, Instant};
use callback_domain::id::{AgentId, CallbackId, NodeId, ServiceId};
use callback_domain::lifecycle::NewCallback;
use callback_domain::priority::Priority;
use callback_domain::service::{DirectionType, Service};
use callback_engine::clock::Clock;
use callback_engine::command::{AgentChange, Command, Create, Done, What};
use callback_engine::error::Error;
use callback_engine::ledger::Actor;
use callback_engine::mint::{Mint, Site};
use callback_engine::store::Store as _;
use callback_sqlite::{Options, SqliteStore};
use tempfile::TempDir;

/// A clock that is set by hand.
#[derive(Debug)]
pub(crate) struct Hand(AtomicI64);

impl Hand {
    pub(crate) fn at_noon() -> Arc<Self> {
        let noon = date::parse("2026-01-05T12:00:00Z").expect("the date is valid");
        Arc::new(Self(AtomicI64::new(date::micros(noon))))
    }

    pub(crate) fn advance(&self, micros: i64) {
        self.0.fetch_add(micros, Ordering::Relaxed);
    }
}

impl Clock for Hand {
    fn now(&self) -> Instant {
        date::from_micros(self.0.load(Ordering::Relaxed)).expect("the instant is valid")
    }
}

pub(crate) fn site(seed: u64) -> Arc<Site> {
    let caps = DriverCaps {
        places_calls: false,
        reports_progress: false,
        can_cancel: false,
        survives_restart: true,
        human_reports: true,
    };
    let node = NodeId::from_u128(1);
    Arc::new(Site { node, driver: "manual".to_owned(), caps, mint: Mint::seeded(seed) })
}

/// A store in a folder of its own.
pub(crate) struct Floor {
    pub(crate) folder: TempDir,
    pub(crate) clock: Arc<Hand>,
    pub(crate) site: Arc<Site>,
    pub(crate) store: SqliteStore,
}

impl Floor {
    pub(crate) fn open() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let clock = Hand::at_noon();
        let path = folder.path().join("callback.db");
        let store =
            SqliteStore::open(path, Options::new(Arc::<Hand>::clone(&clock))).expect("it opens");
        Self { folder, clock, site: site(1), store }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("callback.db")
    }

    /// Closes the file and opens it again.
    pub(crate) fn reopen(self) -> Self {
        let path = self.path();
        let Self { folder, clock, site, store } = self;
        drop(store);
        let store =
            SqliteStore::open(path, Options::new(Arc::<Hand>::clone(&clock))).expect("it opens");
        Self { folder, clock, site, store }
    }

    pub(crate) async fn run(&self, what: What) -> Result<Done, Error> {
        let actor = Actor::Operator;
        self.store.run(Command { actor, site: Arc::clone(&self.site), what }).await
    }

    pub(crate) async fn service(&self) -> ServiceId {
        let service = service(1);
        let id = service.id;
        self.run(What::CreateService(Box::new(service))).await.expect("it is made");
        id
    }

    pub(crate) async fn agent(&self, services: &[ServiceId]) -> AgentId {
        let agent = agent(1, services);
        let id = agent.id;
        self.run(What::CreateAgent(Box::new(agent))).await.expect("it is made");
        let change = AgentChange::Presence(Presence::Available);
        self.run(What::ChangeAgent { agent: id, change }).await.expect("presence is taken");
        id
    }

    /// Lets everything that is due happen.
    pub(crate) async fn tick(&self) {
        self.clock.advance(1);
        self.run(What::Tick { limit: 10_000 }).await.expect("the clock moves");
    }
}

pub(crate) fn service(number: u128) -> Service {
    Service::new(
        ServiceId::from_u128(number),
        format!("Service {number}"),
        format!("sip:service{number}@dev.local").parse().expect("the address is valid"),
        DirectionType::InboundOutbound,
        date::EARLIEST,
    )
}

pub(crate) fn agent(number: u128, services: &[ServiceId]) -> Agent {
    let address = format!("sip:agent{number}@dev.local").parse().expect("the address is valid");
    let name = format!("Agent {number}");
    let mut agent = Agent::new(AgentId::from_u128(number), name, address, date::EARLIEST);
    agent.services.extend(services);
    agent
}

pub(crate) fn wish(number: u128, service: ServiceId, priority: Priority) -> Create {
    Create {
        new: NewCallback {
            creator: Creator::Api,
            initiator: None,
            service,
            target: format!("tel:+4178555{number:05}").parse().expect("the target is valid"),
            alternative_target: None,
            priority,
            max_retries: 3,
            seconds_between_retries: 300,
            due: None,
            description: None,
            external_task_id: Some(format!("T-{number}")),
            incoming_service_sip_uri: None,
            context_url: None,
            supervisor: None,
            caller_id: None,
            preferred: None,
            allowed_wait_seconds: 3_600,
        },
        id: CallbackId::from_u128(number),
        service_version: 1,
        idempotency: None,
        dry_run: false,
        enters: false,
    }
}
