//! Erasures of persons' data.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use callback_domain::dto::ErasureRequest;
use serde_json::json;

use crate::access::Caller;
use crate::body::JsonBody;
use crate::problem::ApiError;
use crate::router::Api;

/// Erases what is kept about a person.
pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let request = ErasureRequest::read(&body.value)?;
    let done = api.engine.erase(caller.actor(), request).await?;
    let shown = json!({
        "Id": done.id, "Callbacks": done.callbacks, "Suppressions": done.suppressions,
        "Answers": done.answers,
    });
    Ok(Json(shown).into_response())
}
