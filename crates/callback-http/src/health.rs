//! Whether the process lives, and whether it can do its work.

use axum::extract::State;
use axum::http::StatusCode;

use crate::problem::ApiError;
use crate::router::Api;

/// 200 as long as the process serves at all.
pub(crate) async fn alive() -> StatusCode {
    StatusCode::OK
}

/// 200 while the store takes writes; else 503, naming its fault.
pub(crate) async fn ready(State(api): State<Api>) -> Result<StatusCode, ApiError> {
    if let Some(fault) = api.engine.store().fault() {
        return Err(ApiError::NotReady(fault));
    }
    api.engine.now().await.map_err(|error| ApiError::NotReady(error.to_string()))?;
    Ok(StatusCode::OK)
}
