//! Many callbacks at once: made as one batch, cancelled as a search finds them.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use callback_domain::callback::{Callback, Creator};
use callback_domain::dto::{
    BatchRequest, BulkCancelRequest, CallbackDto, CreateRequest, Transaction,
};
use callback_domain::id::CallbackId;
use callback_domain::service::Service;
use callback_engine::bulk::Placed;
use callback_engine::engine::requests::Creation;
use callback_engine::store::StoreError;
use serde::Serialize;
use serde_json::{Value, json};

use crate::access::Caller;
use crate::body::JsonBody;
use crate::headers::{IdempotencyKey, prefers_strict};
use crate::parameters::Parameters;
use crate::problem::{ApiError, told};
use crate::router::Api;

/// Makes up to 1,000 callbacks in one transaction; every item has an answer of its own.
pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    headers: HeaderMap,
    key: IdempotencyKey,
    mut parameters: Parameters,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let dry_run = parameters.flag("dryRun");
    parameters.finish()?;
    let strict = prefers_strict(&headers);
    let BatchRequest { items, transaction } = BatchRequest::read(&body.value)?;
    let creation = Creation {
        creator: Creator::Api,
        initiator: None,
        idempotency: key.of(&caller, &body.raw).filter(|_| !dry_run),
        dry_run,
        within: caller.scope().clone(),
    };
    let requests = items.iter().map(|item| CreateRequest::read(item, strict)).collect();
    let whole = transaction == Transaction::Batch;
    let placed = api.engine.create_batch(caller.actor(), requests, creation, whole, told).await?;
    let made = if dry_run { StatusCode::OK.as_u16() } else { api.options.create_status };
    let results = results(&api, placed, made).await?;
    let mut response = Json(json!({ "Results": results })).into_response();
    if strict {
        let applied = HeaderValue::from_static("handling=strict");
        response.headers_mut().insert("Preference-Applied", applied);
    }
    Ok(response)
}

async fn results(api: &Api, placed: Vec<Placed>, made: u16) -> Result<Vec<Value>, StoreError> {
    let (services, now) = (api.engine.services().await?, api.engine.now().await?);
    let shown = |callback: &Callback| {
        let service = services.by_id(callback.service);
        let hours = service.and_then(|service| Service::hours(service));
        let left = callback.wait_left_seconds(now, hours);
        json!(CallbackDto::new(callback, api.engine.installation(), left))
    };
    let results = placed.into_iter().enumerate().map(|(index, placed)| match placed {
        Placed::New(callback) => {
            json!({"Index": index, "Status": made, "Callback": shown(&callback)})
        }
        Placed::Existing(callback) => {
            let status = StatusCode::OK.as_u16();
            json!({"Index": index, "Status": status, "Callback": shown(&callback)})
        }
        Placed::Refused(mut told) => {
            told["Index"] = json!(index);
            told
        }
    });
    Ok(results.collect())
}

/// What a search for cancelling came to.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct BulkCancelDto {
    count: u64,
    ids: Vec<CallbackId>,
    cancelled: usize,
    moved_on: Vec<CallbackId>,
}

/// Cancels whatever a search finds, when it is as many as the caller expects.
pub(crate) async fn cancel(
    State(api): State<Api>,
    caller: Caller,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let request = BulkCancelRequest::read(&body.value)?;
    let done = api.engine.cancel_found(caller.actor(), request, caller.scope()).await?;
    let shown = BulkCancelDto {
        count: done.found,
        ids: done.ids,
        cancelled: done.cancelled,
        moved_on: done.moved_on,
    };
    Ok(Json(shown).into_response())
}
