//! What became of a callback so far, and why it is not being called now.

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use callback_domain::dto::AttemptDto;
use callback_domain::explain::Explanation;
use callback_domain::id::{AgentId, CallbackId};
use callback_engine::ledger::{LineDto, Subject};

use crate::access::{self, Caller};
use crate::parameters::Parameters;
use crate::path::{Named, identity};
use crate::problem::ApiError;
use crate::router::Api;

/// Lines in one answer unless fewer are asked for, and at most.
const LINES: u64 = 1_000;

/// The attempts, first to last.
pub(crate) async fn attempts(
    State(api): State<Api>,
    Named(id): Named<CallbackId>,
) -> Result<Response, ApiError> {
    api.engine.callback(id).await?;
    let attempts = api.engine.store().attempts(id).await?;
    let attempts: Vec<AttemptDto<'_>> = attempts.iter().map(AttemptDto::from).collect();
    Ok(Json(attempts).into_response())
}

/// The lines of the ledger, first to last; `?after=` the id of the last one that is known.
pub(crate) async fn history(
    State(api): State<Api>,
    Named(id): Named<CallbackId>,
    mut parameters: Parameters,
) -> Result<Response, ApiError> {
    let after = parameters.number("after", &(0..=u64::MAX), 0);
    let limit = parameters.number("limit", &(1..=LINES), LINES);
    parameters.finish()?;
    api.engine.callback(id).await?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let subject = Some(Subject::Callback(id));
    let mut lines = api.engine.store().ledger(subject, after, limit.saturating_add(1)).await?;
    let more = lines.len() > limit;
    lines.truncate(limit);
    let shown = Json(lines.iter().map(LineDto::from).collect::<Vec<_>>());
    match lines.last().filter(|_| more) {
        Some(last) => {
            let path =
                format!("/v1.0/callbacks/{id}/history?after={}&limit={limit}", last.sequence);
            Ok(([(header::LINK, format!("<{path}>; rel=\"next\""))], shown).into_response())
        }
        None => Ok(shown.into_response()),
    }
}

/// Every gate between the callback and its call, for `?agent=` or for whomever would be asked.
pub(crate) async fn explain(
    State(api): State<Api>,
    caller: Caller,
    Named(id): Named<CallbackId>,
    mut parameters: Parameters,
) -> Result<Json<Explanation>, ApiError> {
    let agent = parameters.text("agent");
    parameters.finish()?;
    let agent = agent.map(|text| identity::<AgentId>(&text)).transpose()?;
    if let Some(agent) = agent {
        access::check_user(&api, &caller, agent).await?;
    }
    Ok(Json(*api.engine.explain(id, agent).await?))
}
