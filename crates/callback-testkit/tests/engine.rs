//! The running engine on virtual time, its process dying again and again.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use callback_domain::agent::{Agent, Distribution};
use callback_domain::attempt::{Attempt, Outcome};
use callback_domain::callback::{Callback, Creator, PhaseName};
use callback_domain::date::{self, Instant};
use callback_domain::dto::CreateRequest;
use callback_domain::id::{AgentId, CallbackId, ServiceId};
use callback_domain::service::{DirectionType, Service};
use callback_domain::target::SipAddress;
use callback_engine::Engine;
use callback_engine::access::Scope;
use callback_engine::clock::{Clock, RuntimeClock};
use callback_engine::command::What;
use callback_engine::dialer::Dialer;
use callback_engine::engine::requests::{Created, Creation};
use callback_engine::error::Error;
use callback_engine::ledger::Actor;
use callback_engine::memory::MemoryStore;
use callback_engine::mint::Mint;
use callback_engine::simulator::{Habits, Odds, Plan, SimulatedDialer, Span, work_the_floor};
use callback_engine::store::Store;
use callback_testkit::sim::morning;
use serde_json::json;
use tokio::time::sleep;
use uuid::Uuid;

const HOTLINE: ServiceId = ServiceId::from_u128(1);

fn sip(user: &str) -> SipAddress {
    SipAddress::parse(&format!("sip:{user}@example.org")).expect("the address is a SIP URI")
}

async fn open_floor(engine: &Engine) -> Vec<AgentId> {
    let (kind, now) = (DirectionType::InboundOutbound, morning());
    let mut service = Service::new(HOTLINE, "Hotline".to_owned(), sip("hotline"), kind, now);
    service.preview_time_in_seconds = 3;
    service.after_call_work_in_seconds = 5;
    let what = What::CreateService(Box::new(service));
    engine.run(Actor::Operator, what).await.expect("the service is made");
    let mut agents = Vec::new();
    for number in 0..5_u128 {
        let id = AgentId::from_u128(100 + number);
        let name = format!("agent{number}");
        let mut agent = Agent::new(id, name.clone(), sip(&name), now);
        agent.services.insert(HOTLINE);
        if number == 4 {
            agent.distribution = Distribution::Pull;
        }
        let what = What::CreateAgent(Box::new(agent));
        engine.run(Actor::Operator, what).await.expect("the user is made");
        agents.push(id);
    }
    agents
}

/// Makes a callback, unless the customer wants no calls any more.
async fn create(engine: &Engine, number: u32, due: Option<Instant>) -> Option<CallbackId> {
    let body = json!({
        "Target": format!("tel:+4178555{:04}", number % 40),
        "ServiceSip": "sip:hotline@example.org",
        "SecondsBetweenRetries": 60,
        "LeftInQueueTimeInSeconds": 7200,
        "DueDate": due.map(date::format),
    });
    let creation = Creation {
        creator: Creator::Api,
        initiator: None,
        idempotency: None,
        dry_run: false,
        within: Scope::All,
    };
    let request = CreateRequest::read(&body, false);
    match engine.create(Actor::Operator, request, creation).await {
        Ok(Created::New(callback) | Created::Existing(callback)) => Some(callback.id),
        Err(Error::TargetSuppressed { .. }) => None,
        Err(error) => panic!("a creation was refused: {error}"),
    }
}

/// No two attempts of a line overlap, and no agent has two at a time.
fn nothing_overlaps(attempts: &[Attempt]) {
    for (at, one) in attempts.iter().enumerate() {
        for other in &attempts[at + 1..] {
            let ended = one.ended_at.expect("every attempt has ended");
            let apart = other.requested_at >= ended
                || other.ended_at.is_some_and(|ended| ended <= one.requested_at);
            let shared = one.key() == other.key() || one.agent == other.agent;
            assert!(apart || !shared, "{one:?} and {other:?} overlap");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_process_that_dies_every_few_minutes_keeps_every_promise() {
    let clock: Arc<dyn Clock> = Arc::new(RuntimeClock::starting_at(morning()));
    let store = Arc::new(MemoryStore::new(Uuid::from_u128(1), clock));
    let (mut made, mut agents) = (BTreeSet::new(), Vec::new());
    for life in 0..12_u32 {
        let dialer: Arc<dyn Dialer> = Arc::new(SimulatedDialer::new(Plan::default(), life.into()));
        let shared = Arc::clone(&store) as Arc<dyn Store>;
        let mint = Mint::seeded(life.into());
        let (engine, running) =
            Engine::start_shared(shared, dialer, mint).await.expect("it starts");
        if agents.is_empty() {
            agents = open_floor(&engine).await;
        }
        let habits = Habits::default();
        let mut floor = work_the_floor(&engine, agents.clone(), habits, u64::from(life));
        for number in 0..12 {
            made.extend(create(&engine, life * 12 + number, None).await);
            sleep(Duration::from_millis(u64::from(7_919 * (life + 1) % 20_011))).await;
        }
        if life == 11 {
            sleep(Duration::from_secs(6 * 3_600)).await;
        }
        floor.shutdown().await;
        running.stop().await;
        drop(engine);
        sleep(Duration::from_secs(u64::from(life) * 5)).await;
    }
    let (mut callbacks, mut attempts): (Vec<Callback>, Vec<Attempt>) = (Vec::new(), Vec::new());
    store.for_each_callback(|callback| callbacks.push(callback.clone()));
    store.for_each_attempt(|attempt| attempts.push(attempt.clone()));
    assert_eq!(callbacks.iter().map(|one| one.id).collect::<BTreeSet<_>>(), made);
    for callback in &callbacks {
        assert!(callback.is_terminated(), "{callback:?}");
        assert!(callback.dialouts <= callback.max_retries + 1, "{callback:?}");
    }
    assert!(attempts.len() > 100, "{} attempts", attempts.len());
    nothing_overlaps(&attempts);
    let ids: BTreeSet<_> = attempts.iter().map(|one| one.id).collect();
    assert_eq!(ids.len(), attempts.len());
}

/// What was due while there was no process is done at once when there is one again.
#[tokio::test(start_paused = true)]
async fn what_came_due_in_between_is_not_left_for_the_next_deadline() {
    let clock: Arc<dyn Clock> = Arc::new(RuntimeClock::starting_at(morning()));
    let store = Arc::new(MemoryStore::new(Uuid::from_u128(1), clock));
    let talks = Span::millis(600_000, 600_000);
    let odds = Odds { outcomes: vec![(Outcome::Completed, 1)], talks, ..Odds::default() };
    let plan = Plan { everywhere: odds, ..Plan::default() };
    let dialer = SimulatedDialer::new(plan, 1);
    let start = async |seed| {
        let shared = Arc::clone(&store) as Arc<dyn Store>;
        let dialer: Arc<dyn Dialer> = Arc::new(dialer.clone());
        Engine::start_shared(shared, dialer, Mint::seeded(seed)).await.expect("it starts")
    };
    let (engine, running) = start(1).await;
    let agents = open_floor(&engine).await;
    let mut floor = work_the_floor(&engine, agents, Habits::default(), 1);
    let talking = create(&engine, 1, None).await.expect("the line is not suppressed");
    let connected = async || {
        let callback = engine.callback(talking).await.expect("it is there");
        callback.phase_name() == PhaseName::Connected
    };
    while !connected().await {
        sleep(Duration::from_millis(100)).await;
    }
    floor.shutdown().await;
    let due = date::add_seconds(engine.now().await.expect("the time is read"), 30);
    let late = create(&engine, 2, Some(due)).await.expect("the line is not suppressed");
    running.stop().await;
    sleep(Duration::from_secs(40)).await;
    // The call went on, so the first deadline that the new process writes is its lease's.
    let (engine, _running) = start(2).await;
    sleep(Duration::from_millis(10)).await;
    let callback = engine.callback(late).await.expect("it is there");
    assert_ne!(callback.phase_name(), PhaseName::Pending, "{callback:?}");
}
