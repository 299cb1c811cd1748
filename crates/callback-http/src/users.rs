//! Users: listed, made, replaced, removed; their presence and their tasks.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use callback_domain::agent::Agent;
use callback_domain::dto::{PresenceRequest, UserDto, UserRequest};
use callback_domain::id::AgentId;
use callback_engine::command::{AgentChange, Task, What};
use callback_engine::ledger::Actor;

use crate::answer::Shown;
use crate::body::{JsonBody, OptionalJsonBody};
use crate::etag::{self, IfMatch};
use crate::path::Named;
use crate::problem::ApiError;
use crate::router::Api;

/// Every user, by name.
pub(crate) async fn list(State(api): State<Api>) -> Result<Response, ApiError> {
    let agents = api.engine.store().agents().await?;
    Ok(Json(agents.iter().map(UserDto::from).collect::<Vec<_>>()).into_response())
}

/// Makes a user.
pub(crate) async fn create(State(api): State<Api>, body: JsonBody) -> Result<Response, ApiError> {
    let request = UserRequest::read(&body.value)?;
    let agent = api.engine.create_agent(api.actor(), request).await?;
    let location = format!("/v1.0/users/{}", agent.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], show(&agent)).into_response())
}

/// One user.
pub(crate) async fn read(
    State(api): State<Api>,
    Named(id): Named<AgentId>,
) -> Result<Response, ApiError> {
    Ok(show(&api.engine.agent(id).await?))
}

/// Replaces what is configured of a user; a presence that differs is chosen with it.
pub(crate) async fn replace(
    State(api): State<Api>,
    Named(id): Named<AgentId>,
    condition: IfMatch,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let version = condition.against(api.engine.agent(id).await?.version)?;
    let request = UserRequest::read(&body.value)?;
    Ok(show(&api.engine.replace_agent(api.actor(), id, request, version).await?))
}

/// Removes a user without a task.
pub(crate) async fn delete(
    State(api): State<Api>,
    Named(id): Named<AgentId>,
    condition: IfMatch,
) -> Result<StatusCode, ApiError> {
    condition.against(api.engine.agent(id).await?.version)?;
    api.engine.carry_out(api.actor(), What::DeleteAgent { agent: id }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Chooses a presence, which also clears RONA.
pub(crate) async fn presence(
    State(api): State<Api>,
    Named(id): Named<AgentId>,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let PresenceRequest { presence } = PresenceRequest::read(&body.value)?;
    Ok(show(&changed(&api, id, AgentChange::Presence(presence)).await?))
}

/// Clears RONA.
pub(crate) async fn reset_rona(
    State(api): State<Api>,
    Named(id): Named<AgentId>,
    _: OptionalJsonBody,
) -> Result<Response, ApiError> {
    Ok(show(&changed(&api, id, AgentChange::ResetRona).await?))
}

/// Ends the work after a call early.
pub(crate) async fn end_after_call_work(
    State(api): State<Api>,
    Named(id): Named<AgentId>,
    _: OptionalJsonBody,
) -> Result<Response, ApiError> {
    Ok(show(&changed(&api, id, AgentChange::EndAfterCallWork).await?))
}

/// The task in the user's hands; 204 without one.
pub(crate) async fn task(
    State(api): State<Api>,
    Named(id): Named<AgentId>,
) -> Result<Response, ApiError> {
    show_task(&api, api.engine.task(id).await?).await
}

/// The user's next task, accepted; 204 when there is none.
pub(crate) async fn next(
    State(api): State<Api>,
    Named(id): Named<AgentId>,
    _: OptionalJsonBody,
) -> Result<Response, ApiError> {
    show_task(&api, api.engine.next(Actor::Agent(id), id).await?).await
}

async fn changed(api: &Api, agent: AgentId, change: AgentChange) -> Result<Agent, ApiError> {
    Ok(api.engine.agent_answer(api.actor(), What::ChangeAgent { agent, change }).await?)
}

async fn show_task(api: &Api, task: Option<Box<Task>>) -> Result<Response, ApiError> {
    let Some(task) = task else { return Ok(StatusCode::NO_CONTENT.into_response()) };
    let shown = Shown::new(&api.engine, task.callback).await?;
    let dto = shown.task();
    Ok(dto
        .map_or_else(|| StatusCode::NO_CONTENT.into_response(), |task| Json(task).into_response()))
}

fn show(agent: &Agent) -> Response {
    ([(header::ETAG, etag::tag(agent.version))], Json(UserDto::from(agent))).into_response()
}
