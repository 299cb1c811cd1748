//! A store with a clock, a process, and the few words the examples need.

use std::sync::Arc;

use callback_domain::agent::{Agent, Presence};
use callback_domain::attempt::Attempt;
use callback_domain::callback::{Callback, Creator, PhaseName};
use callback_domain::date::{self, Instant};
use callback_domain::id::{AgentId, CallbackId, LeaseToken, ServiceId};
use callback_domain::lifecycle::NewCallback;
use callback_domain::priority::Priority;
use callback_domain::service::{DirectionType, Service};
use callback_domain::target::{SipAddress, Target};
use callback_engine::clock::Clock;
use callback_engine::command::{
    AgentChange, Answer, Command, Create, Done, Motion, Report, Task, What,
};
use callback_engine::error::Error;
use callback_engine::ledger::{Actor, Line, Subject};
use callback_engine::mint::Site;
use callback_engine::store::Store;

use crate::sim::{SetClock, morning, site};

/// A store at a virtual time.
pub struct Stage {
    /// The store.
    pub store: Arc<dyn Store>,
    /// Its clock.
    pub clock: Arc<SetClock>,
    /// The process.
    pub site: Arc<Site>,
}

/// The service of most examples.
pub(super) const HOTLINE: ServiceId = ServiceId::from_u128(0x51);
/// The agent of most examples.
pub(super) const ADA: AgentId = AgentId::from_u128(0xA1);
/// Another agent.
pub(super) const BEN: AgentId = AgentId::from_u128(0xA2);

impl std::fmt::Debug for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stage").field("clock", &self.clock).finish_non_exhaustive()
    }
}

impl Stage {
    /// An empty store where agents dial.
    pub async fn manual(open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>) -> Self {
        Self::with(open, true).await
    }

    /// An empty store with a driver that places calls.
    pub async fn driven(open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>) -> Self {
        Self::with(open, false).await
    }

    async fn with(open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>, manual: bool) -> Self {
        let clock = SetClock::at(morning());
        let store = open(Arc::clone(&clock) as Arc<dyn Clock>).await;
        Self { store, clock, site: site(7, manual, morning()) }
    }

    pub(super) fn pass(&self, seconds: i64) {
        self.clock.set(date::add_seconds(self.clock.now(), seconds));
    }

    pub(super) fn now(&self) -> Instant {
        self.clock.now()
    }

    pub(super) async fn done(&self, what: What) -> Result<Done, Error> {
        let site = Arc::clone(&self.site);
        self.store.run(Command { actor: Actor::Operator, site, what }).await
    }

    pub(super) async fn run(&self, what: What) -> Answer {
        let told = format!("{what:?}");
        match self.done(what).await {
            Ok(done) => done.answer,
            Err(error) => panic!("{told} was refused: {error}"),
        }
    }

    /// A hotline with this policy, and Ada and Ben at their desks.
    pub(super) async fn open(&self, policy: impl FnOnce(&mut Service)) {
        self.service(HOTLINE, "hotline", policy).await;
        for (id, name) in [(ADA, "ada"), (BEN, "ben")] {
            self.agent(id, name, &[HOTLINE]).await;
        }
    }

    pub(super) async fn service(
        &self,
        id: ServiceId,
        name: &str,
        policy: impl FnOnce(&mut Service),
    ) {
        let mut service = Service::new(
            id,
            name.to_owned(),
            sip(name),
            DirectionType::InboundOutbound,
            self.now(),
        );
        service.preview_time_in_seconds = 0;
        service.after_call_work_in_seconds = 0;
        policy(&mut service);
        self.run(What::CreateService(Box::new(service))).await;
    }

    pub(super) async fn agent(&self, id: AgentId, name: &str, services: &[ServiceId]) {
        let mut agent = Agent::new(id, name.to_owned(), sip(name), self.now());
        agent.services = services.iter().copied().collect();
        self.run(What::CreateAgent(Box::new(agent))).await;
        let change = AgentChange::Presence(Presence::Available);
        self.run(What::ChangeAgent { agent: id, change }).await;
        // Whoever came first has been idle for longest.
        self.pass(1);
    }

    pub(super) async fn agent_row(&self, id: AgentId) -> Agent {
        let agents = self.store.agents().await.expect("users are read");
        agents.into_iter().find(|agent| agent.id == id).expect("the user is there")
    }

    pub(super) async fn service_row(&self, id: ServiceId) -> Service {
        let services = self.store.services().await.expect("services are read");
        services.into_iter().find(|service| service.id == id).expect("the service is there")
    }

    /// A wish to be called on this line.
    pub(super) fn wish(number: u32) -> NewCallback {
        NewCallback {
            creator: Creator::Api,
            initiator: None,
            service: HOTLINE,
            target: line(number),
            alternative_target: None,
            priority: Priority::Normal,
            max_retries: 3,
            seconds_between_retries: 300,
            due: None,
            description: None,
            external_task_id: None,
            incoming_service_sip_uri: None,
            context_url: None,
            supervisor: None,
            caller_id: None,
            preferred: None,
            allowed_wait_seconds: 3_600,
        }
    }

    pub(super) async fn ask(&self, new: NewCallback) -> Create {
        let service = self.service_row(new.service).await;
        let id = self.site.callback(self.now());
        Create {
            new,
            id,
            service_version: service.version,
            idempotency: None,
            dry_run: false,
            enters: false,
        }
    }

    pub(super) async fn create(&self, new: NewCallback) -> CallbackId {
        match self.run(What::Create(Box::new(self.ask(new).await))).await {
            Answer::Created(callback) => callback.id,
            other => panic!("a creation answered {other:?}"),
        }
    }

    /// Makes a callback and lets the clock bring it into the queue.
    pub(super) async fn queue(&self, new: NewCallback) -> CallbackId {
        let id = self.create(new).await;
        self.tick().await;
        assert_eq!(self.phase(id).await, PhaseName::InQueue);
        id
    }

    pub(super) async fn tick(&self) {
        while let Answer::Ticked { more: true, .. } = self.run(What::Tick { limit: 100 }).await {}
    }

    pub(super) async fn dispatch(&self) -> usize {
        let services = self.store.services().await.expect("services are read");
        let services = services.into_iter().map(|service| service.id).collect();
        let what = What::Dispatch { services, agents: Vec::new(), limit: 100 };
        match self.run(what).await {
            Answer::Dispatched { offers, .. } => offers,
            other => panic!("a dispatch answered {other:?}"),
        }
    }

    pub(super) async fn callback(&self, id: CallbackId) -> Callback {
        let found = self.store.callback(id).await.expect("a callback is read");
        found.expect("the callback is there")
    }

    pub(super) async fn phase(&self, id: CallbackId) -> PhaseName {
        self.callback(id).await.phase_name()
    }

    pub(super) async fn token(&self, id: CallbackId) -> LeaseToken {
        self.callback(id).await.token().expect("somebody has the task")
    }

    pub(super) async fn attempts(&self, id: CallbackId) -> Vec<Attempt> {
        self.store.attempts(id).await.expect("attempts are read")
    }

    pub(super) async fn history(&self, id: CallbackId) -> Vec<Line> {
        let subject = Some(Subject::Callback(id));
        self.store.ledger(subject, 0, usize::MAX >> 1).await.expect("the ledger is read")
    }

    pub(super) async fn try_by(&self, id: CallbackId, by: Motion) -> Result<Callback, Error> {
        match self.done(What::Move { callback: id, by, if_version: None }).await?.answer {
            Answer::Callback(callback) => Ok(*callback),
            other => panic!("a move answered {other:?}"),
        }
    }

    pub(super) async fn by(&self, id: CallbackId, by: Motion) -> Callback {
        let told = format!("{by:?}");
        match self.try_by(id, by).await {
            Ok(callback) => callback,
            Err(error) => panic!("{told} was refused: {error}"),
        }
    }

    pub(super) async fn report(&self, id: CallbackId, number: u32, report: Report) {
        let attempt = self.attempts(id).await.pop().expect("there is an attempt").id;
        self.run(What::Report { attempt, number, report }).await;
    }

    pub(super) async fn next(&self, agent: AgentId) -> Option<Task> {
        match self.run(What::Next { agent }).await {
            Answer::Task(task) => task.map(|task| *task),
            other => panic!("the next task answered {other:?}"),
        }
    }

    pub(super) async fn end_after_call_work(&self, agent: AgentId) {
        let change = AgentChange::EndAfterCallWork;
        self.run(What::ChangeAgent { agent, change }).await;
    }
}

pub(super) fn sip(user: &str) -> SipAddress {
    SipAddress::parse(&format!("sip:{user}@example.org")).expect("the address is a SIP URI")
}

pub(super) fn line(number: u32) -> Target {
    let text = format!("tel:+41785{number:06}");
    Target::parse(&text, None).expect("the line is a number")
}
