//! Requests from outside: read, held against the installation, and turned into commands.

use std::sync::Arc;

use callback_domain::agent::Agent;
use callback_domain::callback::{Callback, Creator};
use callback_domain::dto::{
    AgentRef, CreateRequest, PatchRequest, SearchRequest, ServiceRef, ServiceRequest, UserRequest,
};
use callback_domain::id::{AgentId, CallbackId, ServiceId};
use callback_domain::search::{Column, Query};
use callback_domain::service::Service;
use callback_domain::target::SipAddress;

use super::Engine;
use crate::access::Scope;
use crate::command::{Answer, Create, Motion, What};
use crate::error::Error;
use crate::ledger::Actor;
use crate::store::Idempotency;

/// How often a request is held against a service anew when the service was edited meanwhile.
const CHECKS: usize = 5;

/// Who makes a callback, and how.
#[derive(Clone, Debug)]
pub struct Creation {
    /// What makes it.
    pub creator: Creator,
    /// The supervisor's name, for the front end.
    pub initiator: Option<String>,
    /// Remembers the answer under a key.
    pub idempotency: Option<Idempotency>,
    /// Checks only.
    pub dry_run: bool,
    /// Only for these services.
    pub within: Scope,
}

/// What a creation came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Created {
    /// A callback was made, or would be.
    New(Box<Callback>),
    /// The one that stood there already.
    Existing(Box<Callback>),
}

impl Engine {
    /// Makes a callback.
    ///
    /// # Errors
    /// [`Error::Invalid`] names every problem of the request; others say why it was refused.
    pub async fn create(
        &self,
        actor: Actor,
        request: CreateRequest,
        creation: Creation,
    ) -> Result<Created, Error> {
        for _ in 0..CHECKS {
            match self.create_once(actor.clone(), request.clone(), creation.clone()).await {
                Err(Error::ServiceChanged(_)) => {}
                done => return done,
            }
        }
        self.create_once(actor, request, creation).await
    }

    async fn create_once(
        &self,
        actor: Actor,
        request: CreateRequest,
        creation: Creation,
    ) -> Result<Created, Error> {
        let create = self.resolve(request, &creation, None).await?;
        let create = Create { idempotency: creation.idempotency, enters: true, ..create };
        let answer = self.run(actor, What::Create(Box::new(create))).await?;
        if let Answer::Existing(callback) = answer {
            return Ok(Created::Existing(callback));
        }
        let Answer::Created(callback) = answer else {
            unreachable!("a creation answers a callback")
        };
        Ok(Created::New(callback))
    }

    /// Holds a request for a callback against its service; without users at hand they are read.
    pub(super) async fn resolve(
        &self,
        request: CreateRequest,
        creation: &Creation,
        agents: Option<&[Agent]>,
    ) -> Result<Create, Error> {
        let service = match request.service() {
            Some(wanted) => self.service_named(wanted).await,
            None => Err(Error::ServiceNotFound(String::new())),
        };
        let service = match service {
            Ok(service) => service,
            Err(error) => {
                return Err(request.problems_without_service().map_or(error, Error::Invalid));
            }
        };
        if !creation.within.holds(service.id) {
            return Err(Error::OutOfScope(service.id));
        }
        let preferred = match agents {
            Some(agents) => super::bulk::preferred(&request, agents),
            None => self.agent_named(request.preferred_agent()).await?,
        };
        let new = request
            .resolve(&service, preferred.as_ref(), creation.creator, creation.initiator.clone())
            .map_err(Error::Invalid)?;
        Ok(Create {
            new,
            id: self.site().callback(self.now().await?),
            service_version: service.version,
            idempotency: None,
            dry_run: creation.dry_run,
            // Many at once would keep as many lines locked, where others write too.
            enters: self.store().is_exclusive(),
        })
    }

    /// Changes members of a callback.
    ///
    /// # Errors
    /// [`Error::Invalid`] names every problem of the request; others say why it was refused.
    pub async fn patch(
        &self,
        actor: Actor,
        id: CallbackId,
        request: PatchRequest,
        if_version: Option<u64>,
    ) -> Result<Callback, Error> {
        for _ in 0..CHECKS {
            match self.patch_once(actor.clone(), id, request.clone(), if_version).await {
                Err(Error::ServiceChanged(_)) => {}
                done => return done,
            }
        }
        self.patch_once(actor, id, request, if_version).await
    }

    async fn patch_once(
        &self,
        actor: Actor,
        id: CallbackId,
        request: PatchRequest,
        if_version: Option<u64>,
    ) -> Result<Callback, Error> {
        let callback = self.callback(id).await?;
        let service = self.service(callback.service).await?;
        let preferred = self.agent_named(request.preferred_agent()).await?;
        let edit = request.resolve(&service, preferred.as_ref()).map_err(Error::Invalid)?;
        self.move_callback(actor, id, Motion::Edit(Box::new(edit), service.version), if_version)
            .await
    }

    /// Moves a callback by an event from outside.
    ///
    /// # Errors
    /// Why it was refused.
    pub async fn move_callback(
        &self,
        actor: Actor,
        callback: CallbackId,
        by: Motion,
        if_version: Option<u64>,
    ) -> Result<Callback, Error> {
        let answer = self.run(actor, What::Move { callback, by, if_version }).await?;
        let Answer::Callback(callback) = answer else {
            unreachable!("a move answers the callback")
        };
        Ok(*callback)
    }

    /// One callback.
    ///
    /// # Errors
    /// [`Error::CallbackNotFound`].
    pub async fn callback(&self, id: CallbackId) -> Result<Callback, Error> {
        let found = self.store().callback(id).await?;
        found.ok_or_else(|| Error::CallbackNotFound(id.to_string()))
    }

    /// The newest callback with this id or this external task id.
    ///
    /// # Errors
    /// [`Error::CallbackNotFound`].
    pub async fn callback_by_text(&self, text: &str) -> Result<Callback, Error> {
        let by_id = match text.parse::<CallbackId>() {
            Ok(id) => self.store().callback(id).await?,
            Err(_) => None,
        };
        let by_key = self.store().callback_by_external_task_id(text).await?;
        let found = by_id.into_iter().chain(by_key);
        let newest = found.max_by_key(|callback| (callback.created_at, callback.id));
        newest.ok_or_else(|| Error::CallbackNotFound(text.to_owned()))
    }

    /// As [`Self::callback_by_text`], among the callbacks of some services.
    ///
    /// # Errors
    /// [`Error::CallbackNotFound`].
    pub async fn callback_by_text_within(
        &self,
        text: &str,
        scope: &Scope,
    ) -> Result<Callback, Error> {
        if *scope == Scope::All {
            return self.callback_by_text(text).await;
        }
        let by_id = match text.parse::<CallbackId>() {
            Ok(id) => self.store().callback(id).await?,
            Err(_) => None,
        };
        let by_id = by_id.filter(|found| scope.holds(found.service));
        let newest = Query {
            external_task_id: Some(text.to_owned()),
            order_by: Column::CreatedAt,
            descending: true,
            ..Query::default()
        };
        let by_key = match within(newest, scope) {
            Some(query) => self.store().page(&query, None, 0, 1).await?,
            None => Vec::new(),
        };
        let found = by_id.into_iter().chain(by_key);
        let newest = found.max_by_key(|callback| (callback.created_at, callback.id));
        newest.ok_or_else(|| Error::CallbackNotFound(text.to_owned()))
    }

    /// As [`Self::query`], among the callbacks of some services.
    ///
    /// # Errors
    /// [`Error::Invalid`] names every problem of the request.
    pub async fn query_within(
        &self,
        request: SearchRequest,
        scope: &Scope,
    ) -> Result<Option<Query>, Error> {
        Ok(self.query(request).await?.and_then(|query| within(query, scope)))
    }

    /// The query that a search asks for; `None` when it can find nothing.
    ///
    /// # Errors
    /// [`Error::Invalid`] names every problem of the request.
    pub async fn query(&self, request: SearchRequest) -> Result<Option<Query>, Error> {
        if request.app_pool_id.is_some_and(|pool| pool != self.installation()) {
            return Ok(None);
        }
        let service = match &request.service {
            Some(wanted) => match self.service_named(wanted).await {
                Ok(service) => Some(service),
                Err(Error::ServiceNotFound(_)) => return Ok(None),
                Err(error) => return Err(error),
            },
            None => None,
        };
        let agent = match &request.agent {
            Some(AgentRef::Id(id)) => Some(*id),
            Some(AgentRef::Sip(address)) => match self.agent_named(Some(address)).await? {
                Some(agent) => Some(agent.id),
                None => return Ok(None),
            },
            None => None,
        };
        request.resolve(service.as_deref(), agent).map(Some).map_err(Error::Invalid)
    }

    /// One service.
    ///
    /// # Errors
    /// [`Error::ServiceNotFound`].
    pub async fn service(&self, id: ServiceId) -> Result<Arc<Service>, Error> {
        let services = self.services().await?;
        services.by_id(id).cloned().ok_or_else(|| Error::ServiceNotFound(id.to_string()))
    }

    /// The service meant: the one with the id if there is one, else the one with the address.
    async fn service_named(&self, wanted: &ServiceRef) -> Result<Arc<Service>, Error> {
        let services = self.services().await?;
        let by_id = wanted.id.and_then(|id| services.by_id(id));
        let by_sip = || services.by_sip(wanted.sip.as_ref()?);
        by_id.or_else(by_sip).cloned().ok_or_else(|| {
            let id = wanted.id.map(|id| id.to_string());
            let sip = wanted.sip.as_ref().map(|sip| sip.as_str().to_owned());
            Error::ServiceNotFound(sip.or(id).unwrap_or_default())
        })
    }

    async fn agent_named(&self, address: Option<&SipAddress>) -> Result<Option<Agent>, Error> {
        let Some(address) = address else { return Ok(None) };
        let key = address.key();
        let agents = self.store().agents().await?;
        Ok(agents.into_iter().find(|agent| agent.sip_uri.key() == key))
    }

    /// Makes a service.
    ///
    /// # Errors
    /// Why it was refused.
    pub async fn create_service(
        &self,
        actor: Actor,
        request: ServiceRequest,
    ) -> Result<Service, Error> {
        self.create_service_once(actor, request, None).await
    }

    /// As [`Self::create_service`], once under an idempotency key if there is one.
    ///
    /// # Errors
    /// Why it was refused.
    pub async fn create_service_once(
        &self,
        actor: Actor,
        request: ServiceRequest,
        once: Option<Idempotency>,
    ) -> Result<Service, Error> {
        let now = self.now().await?;
        let service = request.into_service(ServiceId(self.site().mint.timed(now)), now);
        let answer = self.run_once(actor, What::CreateService(Box::new(service)), once).await?;
        Ok(service_of(answer))
    }

    /// Replaces a service.
    ///
    /// # Errors
    /// Why it was refused.
    pub async fn replace_service(
        &self,
        actor: Actor,
        id: ServiceId,
        request: ServiceRequest,
        if_version: Option<u64>,
    ) -> Result<Service, Error> {
        let stored = self.service(id).await?;
        let service = Box::new(request.replace(&stored, self.now().await?));
        self.service_answer(actor, What::ReplaceService { service, if_version }).await
    }

    async fn service_answer(&self, actor: Actor, what: What) -> Result<Service, Error> {
        Ok(service_of(self.run(actor, what).await?))
    }

    /// One user.
    ///
    /// # Errors
    /// [`Error::UserNotFound`].
    pub async fn agent(&self, id: AgentId) -> Result<Agent, Error> {
        let agents = self.store().agents().await?;
        let found = agents.into_iter().find(|agent| agent.id == id);
        found.ok_or_else(|| Error::UserNotFound(id.to_string()))
    }

    /// Makes a user.
    ///
    /// # Errors
    /// Why it was refused.
    pub async fn create_agent(&self, actor: Actor, request: UserRequest) -> Result<Agent, Error> {
        self.create_agent_once(actor, request, None).await
    }

    /// As [`Self::create_agent`], once under an idempotency key if there is one.
    ///
    /// # Errors
    /// Why it was refused.
    pub async fn create_agent_once(
        &self,
        actor: Actor,
        request: UserRequest,
        once: Option<Idempotency>,
    ) -> Result<Agent, Error> {
        let now = self.now().await?;
        let agent = request.into_agent(AgentId(self.site().mint.timed(now)), now);
        let answer = self.run_once(actor, What::CreateAgent(Box::new(agent)), once).await?;
        Ok(agent_of(answer))
    }

    /// Replaces what is configured of a user.
    ///
    /// # Errors
    /// Why it was refused.
    pub async fn replace_agent(
        &self,
        actor: Actor,
        id: AgentId,
        request: UserRequest,
        if_version: Option<u64>,
    ) -> Result<Agent, Error> {
        let stored = self.agent(id).await?;
        let agent = Box::new(request.replace(&stored, self.now().await?));
        self.agent_answer(actor, What::ReplaceAgent { agent, if_version }).await
    }

    /// Runs a change of a user.
    ///
    /// # Errors
    /// Why it was refused.
    pub async fn agent_answer(&self, actor: Actor, what: What) -> Result<Agent, Error> {
        Ok(agent_of(self.run(actor, what).await?))
    }
}

fn service_of(answer: Answer) -> Service {
    let Answer::Service(service) = answer else { unreachable!("the change answers the service") };
    *service
}

fn agent_of(answer: Answer) -> Agent {
    let Answer::Agent(agent) = answer else { unreachable!("the change answers the user") };
    *agent
}

/// The query for what is within a scope; `None` when that is nothing.
pub(super) fn within(mut query: Query, scope: &Scope) -> Option<Query> {
    let Scope::Only(services) = scope else { return Some(query) };
    if let Some(service) = query.service {
        return services.contains(&service).then_some(query);
    }
    let mut several = services.iter();
    match (several.next(), several.next()) {
        (None, _) => None,
        (Some(only), None) => {
            query.service = Some(*only);
            Some(query)
        }
        (Some(_), Some(_)) => {
            query.within = Some(services.clone());
            Some(query)
        }
    }
}
