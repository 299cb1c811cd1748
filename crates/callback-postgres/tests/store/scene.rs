//! A node on a database, and commands in short.

use std::sync::Arc;

use callback_domain::agent::Presence;
use callback_domain::attempt::DriverCaps;
use callback_domain::callback::{Callback, Creator};
use callback_domain::dto::{CreateRequest, ServiceRequest, UserRequest};
use callback_domain::id::{AgentId, CallbackId, NodeId, ServiceId};
use callback_domain::service::Service;
use callback_engine::Error;
use callback_engine::command::{AgentChange, Answer, Command, Create, Done, Motion, What};
use callback_engine::ledger::Actor;
use callback_engine::mint::{Mint, Site};
use callback_engine::store::{Idempotency, Store as _};
use callback_postgres::{Options, PostgresStore};
use serde_json::{Value, json};

use crate::database::Database;

/// One process on a shared database.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) store: Arc<PostgresStore>,
    site: Arc<Site>,
}

impl Node {
    pub(crate) async fn open(database: &Database, number: u64) -> Self {
        Self::open_with(database, number, Options::default()).await
    }

    pub(crate) async fn open_with(database: &Database, number: u64, options: Options) -> Self {
        Self::open_at(&database.address(), number, options).await
    }

    pub(crate) async fn open_at(address: &str, number: u64, options: Options) -> Self {
        let store = PostgresStore::connect(address, options).await.unwrap();
        let caps = DriverCaps {
            places_calls: false,
            reports_progress: false,
            can_cancel: false,
            survives_restart: true,
            human_reports: true,
        };
        let node = NodeId::from_u128(u128::from(number));
        let site = Site { node, driver: "manual".to_owned(), caps, mint: Mint::seeded(number) };
        Self { store: Arc::new(store), site: Arc::new(site) }
    }

    pub(crate) async fn done(&self, what: What) -> Result<Done, Error> {
        let site = Arc::clone(&self.site);
        self.store.run(Command { actor: Actor::Operator, site, what }).await
    }

    pub(crate) async fn run(&self, what: What) -> Result<Answer, Error> {
        self.done(what).await.map(|done| done.answer)
    }

    pub(crate) async fn service(&self, number: u32, more: Value) -> Service {
        let mut body = json!({
            "Name": format!("Hotline {number}"),
            "SipUri": format!("sip:hotline{number}@dev.local"),
            "DirectionType": "Outbound",
        });
        merge(&mut body, more);
        let now = self.store.now().await.unwrap();
        let id = ServiceId::from_u128(u128::from(number));
        let service = ServiceRequest::read(&body).unwrap().into_service(id, now);
        let answer = self.run(What::CreateService(Box::new(service))).await.unwrap();
        let Answer::Service(service) = answer else { panic!("{answer:?}") };
        *service
    }

    pub(crate) async fn agent(&self, number: u32, services: &[&Service]) -> AgentId {
        let services: Vec<String> = services.iter().map(|service| service.id.to_string()).collect();
        let body = json!({
            "Name": format!("Agent {number}"),
            "SipUri": format!("sip:agent{number}@dev.local"),
            "Services": services,
        });
        let now = self.store.now().await.unwrap();
        let id = AgentId::from_u128(u128::from(number));
        let agent = UserRequest::read(&body).unwrap().into_agent(id, now);
        self.run(What::CreateAgent(Box::new(agent))).await.unwrap();
        let change = AgentChange::Presence(Presence::Available);
        self.run(What::ChangeAgent { agent: id, change }).await.unwrap();
        id
    }

    pub(crate) async fn create(&self, service: &Service, more: Value) -> Result<Callback, Error> {
        self.create_once(service, more, None).await
    }

    /// A callback that is left to the clock, also when it is due.
    pub(crate) async fn create_pending(
        &self,
        service: &Service,
        more: Value,
    ) -> Result<Callback, Error> {
        let create = Create { enters: false, ..self.asked(service, more, None).await? };
        self.make(create).await
    }

    pub(crate) async fn create_once(
        &self,
        service: &Service,
        more: Value,
        idempotency: Option<Idempotency>,
    ) -> Result<Callback, Error> {
        self.make(self.asked(service, more, idempotency).await?).await
    }

    async fn asked(
        &self,
        service: &Service,
        more: Value,
        idempotency: Option<Idempotency>,
    ) -> Result<Create, Error> {
        let mut body = json!({"Target": "tel:+41785556677", "ServiceId": service.id.to_string()});
        merge(&mut body, more);
        let request = CreateRequest::read(&body, false);
        let new = request.resolve(service, None, Creator::Api, None).map_err(Error::Invalid)?;
        let id = CallbackId(self.site.mint.timed(self.store.now().await?));
        let service_version = service.version;
        Ok(Create { new, id, service_version, idempotency, dry_run: false, enters: true })
    }

    async fn make(&self, create: Create) -> Result<Callback, Error> {
        let answer = self.run(What::Create(Box::new(create))).await?;
        let (Answer::Created(callback) | Answer::Existing(callback)) = answer else {
            panic!("{answer:?}")
        };
        Ok(*callback)
    }

    pub(crate) async fn tick(&self) -> Result<usize, Error> {
        let answer = self.run(What::Tick { limit: 50 }).await?;
        let Answer::Ticked { moved, .. } = answer else { panic!("{answer:?}") };
        Ok(moved)
    }

    pub(crate) async fn dispatch(&self, services: &[&Service]) -> Result<usize, Error> {
        let services = services.iter().map(|service| service.id).collect();
        let answer = self.run(What::Dispatch { services, agents: Vec::new(), limit: 16 }).await?;
        let Answer::Dispatched { offers, .. } = answer else { panic!("{answer:?}") };
        Ok(offers)
    }

    pub(crate) async fn move_by(
        &self,
        callback: CallbackId,
        by: Motion,
    ) -> Result<Callback, Error> {
        let answer = self.run(What::Move { callback, by, if_version: None }).await?;
        let Answer::Callback(callback) = answer else { panic!("{answer:?}") };
        Ok(*callback)
    }

    pub(crate) async fn callback(&self, id: CallbackId) -> Callback {
        self.store.callback(id).await.unwrap().unwrap()
    }
}

fn merge(body: &mut Value, more: Value) {
    if let (Value::Object(body), Value::Object(more)) = (body, more) {
        body.extend(more);
    }
}
