//! Services: listed, made, replaced, removed, and how their queues stand.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use callback_domain::dto::ServiceRequest;
use callback_domain::id::ServiceId;
use callback_domain::service::Service;
use callback_engine::command::What;
use callback_engine::insight::QueueInsight;

use crate::access::Caller;
use crate::body::JsonBody;
use crate::etag::{self, IfMatch};
use crate::headers::IdempotencyKey;
use crate::path::Named;
use crate::problem::ApiError;
use crate::router::Api;

/// Every service within reach, by name.
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
) -> Result<Json<Vec<Service>>, ApiError> {
    let mut services = api.engine.store().services().await?;
    services.retain(|service| caller.scope().holds(service.id));
    Ok(Json(services))
}

/// Makes a service.
pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    key: IdempotencyKey,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let once = key.of(&caller, &body.raw);
    let request = ServiceRequest::read(&body.value)?;
    let service = api.engine.create_service_once(caller.actor(), request, once).await?;
    let location = format!("/v1.0/services/{}", service.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], show(&service)).into_response())
}

/// One service.
pub(crate) async fn read(
    State(api): State<Api>,
    Named(id): Named<ServiceId>,
) -> Result<Response, ApiError> {
    Ok(show(&*api.engine.service(id).await?))
}

/// Replaces a service whole; what is left out has its default again.
pub(crate) async fn replace(
    State(api): State<Api>,
    caller: Caller,
    Named(id): Named<ServiceId>,
    condition: IfMatch,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let version = condition.against(api.engine.service(id).await?.version)?;
    let request = ServiceRequest::read(&body.value)?;
    Ok(show(&api.engine.replace_service(caller.actor(), id, request, version).await?))
}

/// Removes a service that nothing depends on.
pub(crate) async fn delete(
    State(api): State<Api>,
    caller: Caller,
    Named(id): Named<ServiceId>,
    condition: IfMatch,
) -> Result<StatusCode, ApiError> {
    condition.against(api.engine.service(id).await?.version)?;
    api.engine.carry_out(caller.actor(), What::DeleteService { service: id }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How the queue stands.
pub(crate) async fn queue(
    State(api): State<Api>,
    Named(id): Named<ServiceId>,
) -> Result<Json<QueueInsight>, ApiError> {
    Ok(Json(*api.engine.insight(id).await?))
}

fn show(service: &Service) -> Response {
    ([(header::ETAG, etag::tag(service.version))], Json(service)).into_response()
}
