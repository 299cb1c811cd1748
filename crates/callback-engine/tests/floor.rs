//! The running engine on virtual time: nothing here waits for a real clock.

use std::sync::Arc;
use std::time::Duration;

use callback_domain::agent::Presence;
use callback_domain::attempt::Outcome;
use callback_domain::callback::{Callback, Creator, PhaseName, TerminationReason};
use callback_domain::date::{self, Instant};
use callback_domain::dto::{CreateRequest, ServiceRequest, UserRequest};
use callback_domain::id::{AgentId, CallbackId, ServiceId};
use callback_engine::access::Scope;
use callback_engine::clock::{Clock, RuntimeClock};
use callback_engine::command::{AgentChange, Motion, What};
use callback_engine::dialer::{Dialer, ManualDialer};
use callback_engine::engine::requests::{Created, Creation};
use callback_engine::ledger::Actor;
use callback_engine::memory::MemoryStore;
use callback_engine::mint::Mint;
use callback_engine::simulator::{Habits, Odds, Plan, SimulatedDialer, work_the_floor};
use callback_engine::store::Store;
use callback_engine::suppression::Suppression;
use callback_engine::{Engine, Running};
use serde_json::{Value, json};
use tokio::time::sleep;
use uuid::Uuid;

fn noon() -> Instant {
    date::parse("2026-01-05T12:00:00Z").expect("the date is valid")
}

struct Floor {
    engine: Engine,
    store: Arc<MemoryStore>,
    running: Running,
}

impl Floor {
    async fn open(dialer: Arc<dyn Dialer>) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(RuntimeClock::starting_at(noon()));
        Self::on(Arc::new(MemoryStore::new(Uuid::from_u128(1), clock)), dialer, 1).await
    }

    async fn on(store: Arc<MemoryStore>, dialer: Arc<dyn Dialer>, seed: u64) -> Self {
        let shared = Arc::clone(&store) as Arc<dyn Store>;
        let (engine, running) =
            Engine::start_shared(shared, dialer, Mint::seeded(seed)).await.expect("it starts");
        Self { engine, store, running }
    }

    async fn service(&self, more: Value) -> ServiceId {
        let mut body = json!({
            "Name": "Hotline", "SipUri": "sip:smoky.car@dev.local", "DirectionType": "InboundOutbound",
        });
        merge(&mut body, more);
        let request = ServiceRequest::read(&body).expect("the service is valid");
        self.engine.create_service(Actor::Operator, request).await.expect("it is made").id
    }

    async fn agent(&self, name: &str, service: ServiceId, more: Value) -> AgentId {
        let mut body = json!({
            "Name": name, "SipUri": format!("sip:{name}@dev.local"), "Services": [service.to_string()],
        });
        merge(&mut body, more);
        let request = UserRequest::read(&body).expect("the user is valid");
        self.engine.create_agent(Actor::Operator, request).await.expect("it is made").id
    }

    async fn available(&self, agent: AgentId) {
        let change = AgentChange::Presence(Presence::Available);
        let what = What::ChangeAgent { agent, change };
        self.engine.run(Actor::Agent(agent), what).await.expect("presence is taken");
    }

    async fn create(&self, more: Value) -> CallbackId {
        let mut body =
            json!({"Target": "sip:smoky.qq@dev.local", "ServiceSip": "sip:smoky.car@dev.local"});
        merge(&mut body, more);
        let creation = Creation {
            creator: Creator::Api,
            initiator: None,
            idempotency: None,
            dry_run: false,
            within: Scope::All,
        };
        let request = CreateRequest::read(&body, false);
        match self.engine.create(Actor::Operator, request, creation).await.expect("it is made") {
            Created::New(callback) | Created::Existing(callback) => callback.id,
        }
    }

    async fn callback(&self, id: CallbackId) -> Callback {
        self.engine.callback(id).await.expect("it is there")
    }
}

fn merge(body: &mut Value, more: Value) {
    if let (Value::Object(body), Value::Object(more)) = (body, more) {
        body.extend(more);
    }
}

fn manual() -> Arc<dyn Dialer> {
    Arc::new(ManualDialer)
}

#[tokio::test(start_paused = true)]
async fn a_callback_enters_the_queue_when_it_is_due() {
    let floor = Floor::open(manual()).await;
    floor.service(json!({})).await;
    let id = floor.create(json!({"DueDate": "2026-01-05T14:00:00Z"})).await;
    sleep(Duration::from_secs(2 * 3_600 - 1)).await;
    assert_eq!(floor.callback(id).await.phase_name(), PhaseName::Pending);
    sleep(Duration::from_secs(2)).await;
    assert_eq!(floor.callback(id).await.phase_name(), PhaseName::InQueue);
}

#[tokio::test(start_paused = true)]
async fn a_due_date_is_kept_over_a_restart() {
    let floor = Floor::open(manual()).await;
    floor.service(json!({})).await;
    let id = floor.create(json!({"DueDate": "2026-01-05T14:00:00Z"})).await;
    let Floor { engine, store, running } = floor;
    running.stop().await;
    drop(engine);
    sleep(Duration::from_secs(3 * 3_600)).await;
    let floor = Floor::on(store, manual(), 2).await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(floor.callback(id).await.phase_name(), PhaseName::InQueue);
}

#[tokio::test(start_paused = true)]
async fn a_callback_whose_wait_is_over_ends_queue_time_exceeded() {
    let floor = Floor::open(manual()).await;
    floor.service(json!({})).await;
    let id = floor.create(json!({"LeftInQueueTimeInSeconds": 60})).await;
    sleep(Duration::from_secs(59)).await;
    assert_eq!(floor.callback(id).await.phase_name(), PhaseName::InQueue);
    sleep(Duration::from_secs(2)).await;
    let reason = floor.callback(id).await.termination_reason();
    assert_eq!(reason, Some(TerminationReason::QueueTimeExceeded));
}

#[tokio::test(start_paused = true)]
async fn a_free_agent_is_offered_what_waits_and_goes_to_rona_without_an_answer() {
    let floor = Floor::open(manual()).await;
    let service = floor.service(json!({})).await;
    let id = floor.create(json!({})).await;
    let agent = floor.agent("ada", service, json!({})).await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(floor.callback(id).await.phase_name(), PhaseName::InQueue);
    floor.available(agent).await;
    sleep(Duration::from_millis(10)).await;
    assert_eq!(floor.callback(id).await.agent(), Some(agent));
    sleep(Duration::from_secs(21)).await;
    assert_eq!(floor.callback(id).await.phase_name(), PhaseName::InQueue);
    assert!(floor.engine.agent(agent).await.expect("the agent is there").rona);
}

#[tokio::test(start_paused = true)]
async fn a_worked_floor_brings_every_promise_to_one_end() {
    let dialer = SimulatedDialer::new(Plan::default(), 7);
    let floor = Floor::open(Arc::new(dialer)).await;
    let service =
        floor.service(json!({"PreviewTimeInSeconds": 2, "AfterCallWorkInSeconds": 3})).await;
    let mut agents = Vec::new();
    for name in ["ada", "ben", "chloe"] {
        agents.push(floor.agent(name, service, json!({})).await);
    }
    agents.push(floor.agent("dario", service, json!({"Distribution": "Pull"})).await);
    let _floor = work_the_floor(&floor.engine, agents, Habits::default(), 7);
    let mut made = Vec::new();
    for number in 0..60 {
        let target = format!("tel:+4178555{number:04}");
        let body = json!({"Target": target, "SecondsBetweenRetries": 30, "LeftInQueueTimeInSeconds": 7200});
        made.push(floor.create(body).await);
        sleep(Duration::from_secs(5)).await;
    }
    sleep(Duration::from_secs(4 * 3_600)).await;
    let mut completed = 0;
    for id in made {
        let callback = floor.callback(id).await;
        assert!(callback.is_terminated(), "{callback:?}");
        completed += u32::from(callback.termination_reason() == Some(TerminationReason::Completed));
        let attempts = floor.store.attempts(id).await.expect("attempts are read");
        assert!(attempts.iter().all(|attempt| !attempt.is_open()), "{attempts:?}");
    }
    assert!(completed > 30, "{completed} of 60 were completed");
}

#[tokio::test(start_paused = true)]
async fn nobody_answers_and_the_retries_are_exhausted() {
    let odds = Odds { outcomes: vec![(Outcome::NoAnswer, 1)], ..Odds::default() };
    let plan = Plan { everywhere: odds, ..Plan::default() };
    let floor = Floor::open(Arc::new(SimulatedDialer::new(plan, 3))).await;
    let service =
        floor.service(json!({"PreviewTimeInSeconds": 0, "AfterCallWorkInSeconds": 0})).await;
    let agent = floor.agent("ada", service, json!({})).await;
    let habits = Habits { declines_percent: 0, misses_percent: 0, ..Habits::default() };
    let _floor = work_the_floor(&floor.engine, vec![agent], habits, 1);
    let id = floor.create(json!({"SecondsBetweenRetries": 600})).await;
    sleep(Duration::from_secs(2 * 3_600)).await;
    let callback = floor.callback(id).await;
    assert_eq!(callback.termination_reason(), Some(TerminationReason::RetriesExhausted));
    let attempts = floor.store.attempts(id).await.expect("attempts are read");
    assert_eq!(attempts.len(), 4);
    for (one, next) in attempts.iter().zip(&attempts[1..]) {
        let ended = one.ended_at.expect("the attempt has ended");
        assert!((next.requested_at - ended).num_seconds() >= 600, "{one:?} {next:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_offered_or_previewed_on_a_line_that_is_suppressed_is_taken_back() {
    for accepted in [false, true] {
        let floor = Floor::open(manual()).await;
        let service = floor.service(json!({})).await;
        let agent = floor.agent("ada", service, json!({})).await;
        floor.available(agent).await;
        let id = floor.create(json!({})).await;
        sleep(Duration::from_secs(1)).await;
        let offered = floor.callback(id).await;
        let token = offered.token().expect("it is offered");
        if accepted {
            let by = Motion::Accept(token);
            let moved = floor.engine.move_callback(Actor::Agent(agent), id, by, None).await;
            assert_eq!(moved.expect("it is accepted").phase_name(), PhaseName::Preview);
        }
        let suppression = Suppression {
            sequence: 0,
            id: Uuid::from_u128(9),
            key: offered.key(),
            service_id: None,
            reason: None,
            until: None,
            created_at: noon(),
        };
        let listed = What::Suppress(vec![suppression]);
        floor.engine.run(Actor::Operator, listed).await.expect("it is listed");
        sleep(Duration::from_secs(120)).await;
        assert_eq!(floor.callback(id).await.phase_name(), PhaseName::InQueue);
        assert_eq!(floor.engine.agent(agent).await.expect("the agent is there").task, None);
        assert!(floor.store.attempts(id).await.expect("attempts are read").is_empty());
        let what = What::Unsuppress { suppression: Uuid::from_u128(9) };
        floor.engine.run(Actor::Operator, what).await.expect("it is taken off");
        sleep(Duration::from_secs(1)).await;
        assert_eq!(floor.callback(id).await.agent(), Some(agent));
    }
}
