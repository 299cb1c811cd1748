//! Users: listed, made, replaced, removed; their presence and their tasks.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use callback_domain::agent::Agent;
use callback_domain::dto::{PresenceRequest, UserDto, UserRequest};
use callback_domain::id::AgentId;
use callback_engine::command::{AgentChange, Task, What};

use crate::access::Caller;
use crate::answer::Shown;
use crate::body::{JsonBody, OptionalJsonBody};
use crate::etag::{self, IfMatch};
use crate::headers::IdempotencyKey;
use crate::path::Named;
use crate::problem::ApiError;
use crate::router::Api;

/// Every user within reach, by name.
pub(crate) async fn list(State(api): State<Api>, caller: Caller) -> Result<Response, ApiError> {
    let agents = api.engine.store().agents().await?.into_iter();
    let agents: Vec<Agent> = agents.filter_map(|agent| caller.sees(agent)).collect();
    Ok(Json(agents.iter().map(UserDto::from).collect::<Vec<_>>()).into_response())
}

/// Makes a user.
pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    key: IdempotencyKey,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let once = key.of(&caller, &body.raw);
    let request = UserRequest::read(&body.value)?;
    let agent = api.engine.create_agent_once(caller.actor(), request, once).await?;
    let location = format!("/v1.0/users/{}", agent.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], show(&caller, agent)).into_response())
}

/// One user.
pub(crate) async fn read(
    State(api): State<Api>,
    caller: Caller,
    Named(id): Named<AgentId>,
) -> Result<Response, ApiError> {
    Ok(show(&caller, api.engine.agent(id).await?))
}

/// Replaces what is configured of a user; a presence that differs is chosen with it.
pub(crate) async fn replace(
    State(api): State<Api>,
    caller: Caller,
    Named(id): Named<AgentId>,
    condition: IfMatch,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let version = condition.against(api.engine.agent(id).await?.version)?;
    let request = UserRequest::read(&body.value)?;
    let agent = api.engine.replace_agent(caller.actor(), id, request, version).await?;
    Ok(show(&caller, agent))
}

/// Removes a user without a task.
pub(crate) async fn delete(
    State(api): State<Api>,
    caller: Caller,
    Named(id): Named<AgentId>,
    condition: IfMatch,
) -> Result<StatusCode, ApiError> {
    condition.against(api.engine.agent(id).await?.version)?;
    api.engine.carry_out(caller.actor(), What::DeleteAgent { agent: id }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Chooses a presence, which also clears RONA.
pub(crate) async fn presence(
    State(api): State<Api>,
    caller: Caller,
    Named(id): Named<AgentId>,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let PresenceRequest { presence } = PresenceRequest::read(&body.value)?;
    Ok(show(&caller, changed(&api, &caller, id, AgentChange::Presence(presence)).await?))
}

/// Clears RONA.
pub(crate) async fn reset_rona(
    State(api): State<Api>,
    caller: Caller,
    Named(id): Named<AgentId>,
    _: OptionalJsonBody,
) -> Result<Response, ApiError> {
    Ok(show(&caller, changed(&api, &caller, id, AgentChange::ResetRona).await?))
}

/// Ends the work after a call early.
pub(crate) async fn end_after_call_work(
    State(api): State<Api>,
    caller: Caller,
    Named(id): Named<AgentId>,
    _: OptionalJsonBody,
) -> Result<Response, ApiError> {
    Ok(show(&caller, changed(&api, &caller, id, AgentChange::EndAfterCallWork).await?))
}

/// The task in the user's hands; 204 without one within reach.
pub(crate) async fn task(
    State(api): State<Api>,
    caller: Caller,
    Named(id): Named<AgentId>,
) -> Result<Response, ApiError> {
    let task = api.engine.task(id).await?;
    show_task(&api, task.filter(|task| caller.scope().holds(task.callback.service))).await
}

/// The user's next task, accepted; 204 when there is none.
pub(crate) async fn next(
    State(api): State<Api>,
    caller: Caller,
    Named(id): Named<AgentId>,
    _: OptionalJsonBody,
) -> Result<Response, ApiError> {
    show_task(&api, api.engine.next(caller.actor(), id).await?).await
}

async fn changed(
    api: &Api,
    caller: &Caller,
    agent: AgentId,
    change: AgentChange,
) -> Result<Agent, ApiError> {
    Ok(api.engine.agent_answer(caller.actor(), What::ChangeAgent { agent, change }).await?)
}

async fn show_task(api: &Api, task: Option<Box<Task>>) -> Result<Response, ApiError> {
    let Some(task) = task else { return Ok(StatusCode::NO_CONTENT.into_response()) };
    let shown = Shown::new(&api.engine, task.callback).await?;
    let dto = shown.task();
    Ok(dto
        .map_or_else(|| StatusCode::NO_CONTENT.into_response(), |task| Json(task).into_response()))
}

fn show(caller: &Caller, agent: Agent) -> Response {
    let tag = etag::tag(agent.version);
    let shown = caller.sees(agent);
    ([(header::ETAG, tag)], Json(shown.as_ref().map(UserDto::from))).into_response()
}
