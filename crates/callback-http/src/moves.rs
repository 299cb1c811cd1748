//! The moves of an agent or dialler; each carries the lease token of its task.
//!
//! A move answers the task while the callback is still in the same hands, else the callback:
//! `accept`, `dial`, `answered` and `heartbeat` keep it, `decline`, `outcome` and `hangup` end it.
//! A `dial` after closing time puts the callback back into the queue, so it answers the callback.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use callback_domain::dto::{MoveRequest, OutcomeRequest};
use callback_domain::id::{CallbackId, LeaseToken};
use callback_engine::Error;
use callback_engine::access::Role;
use callback_engine::command::Motion;

use crate::access::Caller;
use crate::answer::Shown;
use crate::body::JsonBody;
use crate::path::Named;
use crate::problem::ApiError;
use crate::router::Api;

macro_rules! moves {
    ($($(#[$doc:meta])* $name:ident is $motion:ident;)+) => {$(
        $(#[$doc])*
        pub(crate) async fn $name(
            State(api): State<Api>,
            caller: Caller,
            Named(id): Named<CallbackId>,
            body: JsonBody,
        ) -> Result<Response, ApiError> {
            let token = MoveRequest::read(&body.value)?.lease_token;
            move_by(&api, &caller, id, token, Motion::$motion(token)).await
        }
    )+};
}

moves! {
    /// Takes the offer.
    accept is Accept;
    /// Declines the offer; the agent is in RONA afterwards.
    decline is Decline;
    /// Ends the preview and has the call placed.
    dial is Dial;
    /// Says that the customer answered.
    answered is Answered;
    /// Ends the conversation.
    hang_up is HangUp;
    /// Says that agent or dialler is alive, which extends the lease.
    heartbeat is Heartbeat;
}

/// Says how the attempt came out.
pub(crate) async fn outcome(
    State(api): State<Api>,
    caller: Caller,
    Named(id): Named<CallbackId>,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let OutcomeRequest { lease_token, outcome, detail } = OutcomeRequest::read(&body.value)?;
    move_by(&api, &caller, id, lease_token, Motion::Outcome(lease_token, outcome, detail)).await
}

async fn move_by(
    api: &Api,
    caller: &Caller,
    id: CallbackId,
    token: LeaseToken,
    motion: Motion,
) -> Result<Response, ApiError> {
    if caller.principal().role == Role::Agent {
        let found = api.engine.callback(id).await?;
        if !caller.moves(&found, token) {
            return Err(Error::CallbackNotFound(id.to_string()).into());
        }
    }
    let callback = api.engine.move_callback(caller.actor(), id, motion, None).await?;
    let shown = Shown::new(&api.engine, callback).await?;
    // A repeated move of an earlier task must not learn the token of the present one.
    match shown.task().filter(|task| task.lease_token == token) {
        Some(task) => Ok(Json(task).into_response()),
        None => Ok(shown.into_response()),
    }
}
