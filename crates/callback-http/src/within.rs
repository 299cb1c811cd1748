//! The API from within the process, for pages that people use in a browser.
//!
//! Pages ask what any other client asks, on behalf of somebody whom they let in: permissions, limits,
//! validation and messages are those of the API, since they are the API's.

use std::fmt;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use callback_engine::Engine;
use callback_engine::access::{Credential, Digest, Principal, SessionToken};
use callback_engine::engine::access::Denied;
use tower_service::Service as _;

use crate::access::{self, AdmittedBefore};
use crate::address;
use crate::changes::Changes;
use crate::origin;
use crate::problem::ApiError;
use crate::router::Api;
use crate::serve::{Secured, Stopping};

/// The header in which proxies say by what they were asked.
const FORWARDED_PROTO: &str = "x-forwarded-proto";

/// How an installation lets people in.
#[derive(Clone, Debug)]
pub enum Door {
    /// Anybody may come in, since there are no keys and nobody else can connect.
    Open(Principal),
    /// People sign in by a key.
    Keyed,
    /// Nobody may, until there is a key.
    Shut,
}

/// The API for pages of the same process.
#[derive(Clone)]
pub struct Within {
    api: Api,
    router: Router,
}

impl fmt::Debug for Within {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Within").field("engine", &self.api.engine).finish_non_exhaustive()
    }
}

impl Within {
    pub(crate) const fn new(api: Api, router: Router) -> Self {
        Self { api, router }
    }

    /// The engine beneath the API.
    #[must_use]
    pub const fn engine(&self) -> &Engine {
        &self.api.engine
    }

    /// Asks the API on behalf of somebody who was let in.
    pub async fn ask(&self, principal: &Principal, mut request: Request<Body>) -> Response {
        request.extensions_mut().insert(AdmittedBefore(principal.clone()));
        let mut router = self.router.clone();
        match router.call(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }

    /// How people come in, and whether the browser that asks may at all.
    ///
    /// # Errors
    /// A response that says why the request is refused.
    pub async fn door(&self, parts: &Parts) -> Result<Door, Box<Response>> {
        let found = async {
            if !access::is_keyless(&self.api).await? {
                return Ok(Door::Keyed);
            }
            origin::check(parts, &self.api.options)?;
            Ok(access::anybody(&self.api).map_or(Door::Shut, Door::Open))
        };
        found.await.map_err(refusal)
    }

    /// Refuses what a page from elsewhere posts.
    ///
    /// # Errors
    /// A response that says why.
    pub fn check_post(&self, parts: &Parts) -> Result<(), Box<Response>> {
        origin::check_post(parts, &self.api.options).map_err(refusal)
    }

    /// Signs somebody in by their key; `Err` within says why the key opens nothing.
    ///
    /// # Errors
    /// A response that says why it cannot be told.
    pub async fn sign_in(
        &self,
        parts: &Parts,
        key: &str,
    ) -> Result<Result<SessionToken, &'static str>, Box<Response>> {
        let signed = async {
            access::count_stranger(&self.api, parts)?;
            if self.api.options.admin_key.as_ref() == Some(&Digest::of(key.as_bytes())) {
                return Ok(Err(
                    "this is the operator's own key; make an access key with it, and sign in by that",
                ));
            }
            let Some(credential) = Credential::parse(key) else {
                return Ok(Err("the key is not valid"));
            };
            Ok(match self.api.engine.open_session(&credential).await? {
                Ok((_, token)) => Ok(token),
                Err(Denied::Unknown) => Err("the key is not valid"),
                Err(Denied::Expired) => Err("the key has expired"),
                Err(Denied::Revoked) => Err("the key was revoked"),
            })
        };
        signed.await.map_err(refusal)
    }

    /// Whom a session stands for; an unknown one counts against where it comes from.
    ///
    /// # Errors
    /// A response that says why it cannot be told.
    pub async fn admit(
        &self,
        parts: &Parts,
        token: &SessionToken,
    ) -> Result<Option<Principal>, Box<Response>> {
        let admitted = async {
            let found = self.api.engine.admit_session(token).await?;
            if found.is_none() {
                access::count_stranger(&self.api, parts)?;
            }
            Ok(found)
        };
        admitted.await.map_err(refusal)
    }

    /// Whether the browser asked by TLS, of this process or of a trusted proxy.
    #[must_use]
    pub fn is_secured(&self, parts: &Parts) -> bool {
        let forwarded = parts.headers.get(FORWARDED_PROTO);
        parts.extensions.get::<Secured>().is_some()
            || address::is_of_proxy(parts, &self.api.options.trusted_proxies)
                && forwarded.is_some_and(|proto| proto.as_bytes().eq_ignore_ascii_case(b"https"))
    }

    /// What changes from now on, as far as somebody may know of it.
    #[must_use]
    pub fn changes(&self, parts: &Parts, principal: Principal) -> Changes {
        Changes::new(&self.api, principal, parts.extensions.get::<Stopping>().cloned())
    }
}

fn refusal(error: ApiError) -> Box<Response> {
    Box::new(error.into_response())
}
