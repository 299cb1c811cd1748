//! Who calls, and how far they reach: the guard that every route but the open ones stands behind.
//!
//! A role lets through to a route as the router's page says.
//! Somebody with less than the whole installation, an agent or the holder of a key for some
//! services, is then held against what the path names; what is out of reach is answered as if it
//! were not there.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;
use callback_domain::agent::Agent;
use callback_domain::callback::Callback;
use callback_domain::id::{AgentId, CallbackId, LeaseToken, ServiceId};
use callback_engine::Error;
use callback_engine::access::{Credential, Digest, Principal, Proof, Role, Scope};
use callback_engine::engine::access::Denied;
use callback_engine::ledger::Actor;
use uuid::Uuid;

use crate::limits::{self, Standing};
use crate::path::Named;
use crate::permission::Permission;
use crate::problem::ApiError;
use crate::router::Api;
use crate::{address, origin};

/// The other header that a key may come in.
const API_KEY: &str = "x-api-key";

/// Somebody who was let through to the route.
#[derive(Clone, Debug)]
pub(crate) struct Caller(Arc<Principal>);

/// The mark of a request that a page makes within the process for somebody whom it let in.
#[derive(Clone, Debug)]
pub(crate) struct AdmittedBefore(pub(crate) Principal);

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        // An open route knows nobody.
        parts.extensions.get::<Self>().cloned().ok_or(ApiError::Unauthorized("a key is required"))
    }
}

impl Caller {
    pub(crate) fn principal(&self) -> &Principal {
        &self.0
    }

    pub(crate) fn scope(&self) -> &Scope {
        &self.0.scope
    }

    /// Who acts, for the ledger.
    pub(crate) fn actor(&self) -> Actor {
        self.0.actor()
    }

    /// Whether a user is within reach.
    fn tends(&self, agent: &Agent) -> bool {
        match (self.0.role, self.scope()) {
            (Role::Agent, _) => self.0.agent == Some(agent.id),
            (Role::Integrator | Role::Supervisor | Role::Admin, Scope::All) => true,
            (Role::Integrator | Role::Supervisor | Role::Admin, Scope::Only(services)) => {
                !services.is_disjoint(&agent.services)
            }
        }
    }

    /// A user as this caller sees them, `None` when they are out of reach.
    pub(crate) fn sees(&self, mut agent: Agent) -> Option<Agent> {
        if !self.tends(&agent) {
            return None;
        }
        if self.0.role != Role::Agent {
            agent.services.retain(|service| self.scope().holds(*service));
        }
        Some(agent)
    }

    fn reads(&self, callback: &Callback) -> bool {
        if self.0.role == Role::Agent {
            return self.0.agent.is_some() && callback.agent() == self.0.agent;
        }
        self.scope().holds(callback.service)
    }

    /// Whether a move may be made: agents move their own task, or repeat the move that ended it.
    pub(crate) fn moves(&self, callback: &Callback, token: LeaseToken) -> bool {
        let repeats = callback.settled.is_some_and(|settled| settled.token == token);
        self.reads(callback) || self.0.role == Role::Agent && repeats
    }

    /// Whether something may be out of reach at all.
    fn is_limited(&self) -> bool {
        self.0.role == Role::Agent || *self.scope() != Scope::All
    }
}

/// Lets a request through, or says why not.
pub(crate) async fn guard(
    State(needs): State<Permission>,
    Extension(api): Extension<Api>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let (mut parts, body) = request.into_parts();
    if needs == Permission::Open {
        let path = parts.extensions.get::<MatchedPath>();
        if path.is_none_or(|path| limits::counts(path.as_str())) {
            count_stranger(&api, &parts)?;
        }
        return Ok(next.run(Request::from_parts(parts, body)).await);
    }
    let admitted_before = parts.extensions.get::<AdmittedBefore>().cloned();
    let keyless = admitted_before.is_none() && is_keyless(&api).await?;
    if keyless {
        origin::check(&parts, &api.options)?;
    }
    let is_public = needs == Permission::ReadFigures && api.options.metrics_public;
    let mut standing = None;
    if is_public {
        count_stranger(&api, &parts)?;
    } else {
        let principal = match admitted_before {
            Some(AdmittedBefore(principal)) => principal,
            None if keyless => anybody(&api)?,
            None => admitted(&api, &parts).await?,
        };
        // Whoever is let in by nothing is on this machine, and has no name.
        if principal.proof != Proof::Nothing {
            tracing::Span::current().record("caller", principal.identity.as_str());
            standing = count_principal(&api, &principal)?;
        }
        let caller = limited(&api, needs, principal, &mut parts).await?;
        parts.extensions.insert(caller);
    }
    let mut response = next.run(Request::from_parts(parts, body)).await;
    if let Some(standing) = standing {
        standing.show(response.headers_mut());
    }
    Ok(response)
}

/// Whether there is nothing by which anybody could be told from anybody else.
pub(crate) async fn is_keyless(api: &Api) -> Result<bool, ApiError> {
    let has_others = api.options.admin_key.is_some() || api.options.oidc.is_some();
    Ok(!has_others && api.engine.is_keyless().await?)
}

/// Counts a request of somebody who is not known against where it comes from.
pub(crate) fn count_stranger(api: &Api, parts: &Parts) -> Result<(), ApiError> {
    let address = address::of(parts, &api.options.trusted_proxies);
    api.limits.of_stranger(address).map_err(|standing| {
        api.metrics.refused("address");
        ApiError::TooManyRequests(standing)
    })
}

fn count_principal(api: &Api, principal: &Principal) -> Result<Option<Standing>, ApiError> {
    api.limits.of_principal(&principal.identity).map_err(|standing| {
        api.metrics.refused("key");
        ApiError::TooManyRequests(standing)
    })
}

/// Everybody is let in while there are no keys, where nobody else can connect.
pub(crate) fn anybody(api: &Api) -> Result<Principal, ApiError> {
    if api.options.open_without_keys {
        return Ok(Principal::anonymous());
    }
    let why = "there are no access keys yet; `callback keys bootstrap` makes the first";
    Err(ApiError::Unauthorized(why))
}

async fn admitted(api: &Api, parts: &Parts) -> Result<Principal, ApiError> {
    let presented = presented(&parts.headers);
    let known = presented.as_ref().is_ok_and(|token| token.is_some_and(|it| api.limits.knows(it)));
    if !known {
        count_stranger(api, parts)?;
    }
    let Some(token) = presented? else {
        let why = "a key is required, as Authorization: Bearer KEY or as X-Api-Key: KEY";
        return Err(ApiError::Unauthorized(why));
    };
    let admitted = by_token(api, token).await;
    match &admitted {
        Ok(_) => api.limits.remember(token),
        Err(ApiError::Unauthorized(_)) => api.limits.forget(token),
        // It is not known whether the token is good.
        Err(_) => {}
    }
    admitted
}

/// Whom a token stands for: each kind of token is tried in its turn.
async fn by_token(api: &Api, token: &str) -> Result<Principal, ApiError> {
    if api.options.admin_key.as_ref() == Some(&Digest::of(token.as_bytes())) {
        return Ok(Principal::of_file());
    }
    if let Some(oidc) = &api.options.oidc
        && !Credential::is_like(token)
    {
        return oidc.admit(&api.engine, token).await;
    }
    let why = match Credential::parse(token) {
        Some(credential) => match api.engine.admit(&credential).await? {
            Ok(principal) => return Ok(principal),
            Err(Denied::Unknown) => "the key is not valid",
            Err(Denied::Expired) => "the key has expired",
            Err(Denied::Revoked) => "the key was revoked",
        },
        None => "the key is not valid",
    };
    Err(ApiError::Unauthorized(why))
}

/// The token that was presented, in one header and once.
fn presented(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let bearer = headers.get_all(header::AUTHORIZATION).iter().map(|value| {
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    let plain = headers.get_all(API_KEY).iter().map(|value| value.to_str().ok().map(str::trim));
    let mut given = bearer.chain(plain);
    match (given.next(), given.next()) {
        (None, _) => Ok(None),
        (Some(Some(token)), None) if !token.is_empty() => Ok(Some(token)),
        (Some(_), None) => Err(ApiError::Unauthorized("the key cannot be read")),
        (Some(_), Some(_)) => Err(ApiError::Unauthorized("more than one key was given")),
    }
}

/// Holds a principal against the route and what the path names.
async fn limited(
    api: &Api,
    needs: Permission,
    mut principal: Principal,
    parts: &mut Parts,
) -> Result<Caller, ApiError> {
    if !needs.roles().contains(&principal.role) {
        let why = format!("the role {} may not do this", principal.role.name());
        return Err(ApiError::Forbidden(why));
    }
    if let (Some(agent), Permission::ReadServices) = (principal.agent, needs) {
        let services = agent_of(api, agent).await?.map(|agent| agent.services);
        principal.scope = Scope::Only(services.unwrap_or_default());
    }
    let caller = Caller(Arc::new(principal));
    if !caller.is_limited() {
        return Ok(caller);
    }
    if needs == Permission::ReadFigures {
        return Err(out_of_reach());
    }
    let path = parts.extensions.get::<MatchedPath>().cloned();
    let mut names = path.as_ref().map_or("", |path| path.as_str()).split('/').skip(2);
    match (names.next(), names.next()) {
        (Some("callbacks"), Some("{id}")) => {
            let Named(id) = Named::<CallbackId>::from_request_parts(parts, &()).await?;
            // Agents' moves are held against their lease token, too, which is in the body.
            if needs != Permission::MoveTask || caller.0.role != Role::Agent {
                let found = api.engine.callback(id).await?;
                within(caller.reads(&found), || Error::CallbackNotFound(id.to_string()))?;
            }
        }
        (Some("services"), Some("{id}")) => {
            let Named(id) = Named::<ServiceId>::from_request_parts(parts, &()).await?;
            within(caller.scope().holds(id), || Error::ServiceNotFound(id.to_string()))?;
        }
        (Some("users"), Some("{id}")) => {
            let Named(id) = Named::<AgentId>::from_request_parts(parts, &()).await?;
            check_user(api, &caller, id).await?;
        }
        (Some("suppressions"), Some("{id}")) => {
            let Named(id) = Named::<Uuid>::from_request_parts(parts, &()).await?;
            let found = api.engine.store().suppression(id).await?;
            let reached = found.is_some_and(|entry| caller.scope().holds_of(entry.service_id));
            within(reached, || Error::SuppressionNotFound(id.to_string()))?;
        }
        // What is made and listed here is held against the scope by its handler.
        (Some("callbacks" | "services" | "users" | "suppressions" | "events"), None)
        | (Some("callbacks"), Some("search" | "batch" | "cancel"))
        | (Some("suppressions"), Some("import")) => {}
        // Nothing is known of what else a path may be about.
        (_, _) => return Err(out_of_reach()),
    }
    Ok(caller)
}

/// Refuses a user who is out of a caller's reach, as if there were none.
pub(crate) async fn check_user(api: &Api, caller: &Caller, id: AgentId) -> Result<(), ApiError> {
    if !caller.is_limited() {
        return Ok(());
    }
    let found = agent_of(api, id).await?;
    within(found.is_some_and(|agent| caller.tends(&agent)), || Error::UserNotFound(id.to_string()))
}

/// What is about all services, to somebody who has to do with some.
pub(crate) fn out_of_reach() -> ApiError {
    ApiError::Forbidden("this is about all services, and the key is for some".to_owned())
}

async fn agent_of(api: &Api, id: AgentId) -> Result<Option<Agent>, ApiError> {
    match api.engine.agent(id).await {
        Ok(agent) => Ok(Some(agent)),
        Err(Error::UserNotFound(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn within(reached: bool, missing: impl FnOnce() -> Error) -> Result<(), ApiError> {
    if reached { Ok(()) } else { Err(missing().into()) }
}
