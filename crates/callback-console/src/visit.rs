//! One request of somebody's browser, once it is known whose.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::Method;
use axum::http::request::Parts;
use axum::response::Response;
use callback_domain::id::AgentId;
use callback_engine::Engine;
use callback_engine::access::{Principal, Proof, Role, SessionToken};
use callback_http::{Permission, Within};
use serde_json::Value;

use crate::ask::{Answer, Question, ask};
use crate::failure::Failure;
use crate::form::Filled;

/// What every page has.
#[derive(Clone, Debug)]
pub(crate) struct Console {
    pub(crate) within: Within,
}

impl Console {
    pub(crate) const fn new(within: Within) -> Self {
        Self { within }
    }
}

/// A request of somebody who may see the page.
#[derive(Clone, Debug)]
pub(crate) struct Visit(pub(crate) Arc<Visitor>);

/// Who asks, and how.
#[derive(Debug)]
pub(crate) struct Visitor {
    pub(crate) console: Console,
    /// `None` on pages for whoever is not signed in.
    pub(crate) principal: Option<Principal>,
    /// By what they are signed in.
    pub(crate) session: Option<SessionToken>,
    /// What their forms carry, so that no other page can send one.
    pub(crate) token: String,
    /// The path and the query that they asked for.
    pub(crate) address: String,
    /// Whether only what is within the frame is asked for, by a script.
    pub(crate) only_content: bool,
    /// Whether they asked by TLS.
    pub(crate) is_secured: bool,
}

impl<S: Send + Sync> FromRequestParts<S> for Visit {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let found = parts.extensions.get::<Self>().cloned();
        Ok(found.expect("every route of the console has a guard, which leaves its visit"))
    }
}

impl Visit {
    /// The engine, for reads of which the API has no answer; whoever uses it asks the API first.
    pub(crate) fn engine(&self) -> &Engine {
        self.0.console.within.engine()
    }

    /// Whether somebody may do something, as far as their role goes.
    pub(crate) fn may(&self, permission: Permission) -> bool {
        self.0
            .principal
            .as_ref()
            .is_some_and(|principal| permission.roles().contains(&principal.role))
    }

    /// The role of whoever asks.
    pub(crate) fn role(&self) -> Option<Role> {
        self.0.principal.as_ref().map(|principal| principal.role)
    }

    /// The user that somebody is, by their key.
    pub(crate) fn agent(&self) -> Option<AgentId> {
        self.0.principal.as_ref().and_then(|principal| principal.agent)
    }

    /// Whether they were let in by nothing, since there are no keys.
    pub(crate) fn is_keyless(&self) -> bool {
        self.0.principal.as_ref().is_some_and(|principal| principal.proof == Proof::Nothing)
    }

    /// Reads from the API.
    pub(crate) async fn get(&self, path: &str) -> Result<Value, Failure> {
        Ok(ask(self, Question::new(Method::GET, path, None)).await?.body)
    }

    /// Sends something to the API.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Value,
    ) -> Result<Answer, Failure> {
        ask(self, Question::new(method, path, Some(body))).await
    }

    /// Sends something to the API that holds only for one version of what it changes.
    pub(crate) async fn send_if(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        version: Option<&str>,
    ) -> Result<Answer, Failure> {
        ask(self, Question { version, ..Question::new(method, path, body) }).await
    }

    /// Sends something to the API that takes effect once, however often it is sent.
    pub(crate) async fn send_once(
        &self,
        path: &str,
        body: Value,
        once: Option<&str>,
    ) -> Result<Answer, Failure> {
        ask(self, Question { once, ..Question::new(Method::POST, path, Some(body)) }).await
    }
}

impl FromRequestParts<Console> for Filled {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &Console) -> Result<Self, Response> {
        let found = parts.extensions.get::<Self>().cloned();
        Ok(found.unwrap_or_default())
    }
}
