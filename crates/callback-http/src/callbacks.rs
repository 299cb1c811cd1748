//! Callbacks: made, read, changed, cancelled.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use callback_domain::callback::Creator;
use callback_domain::dto::{CallbackDto, CancelReason, CancelRequest, CreateRequest, PatchRequest};
use callback_domain::id::CallbackId;
use callback_engine::Error;
use callback_engine::command::Motion;
use callback_engine::engine::requests::{Created, Creation};
use serde::Serialize;

use crate::access::{AdmittedBefore, Caller};
use crate::answer::Shown;
use crate::body::{JsonBody, OptionalJsonBody};
use crate::etag::{self, IfMatch};
use crate::headers::{IdempotencyKey, prefers_strict};
use crate::parameters::Parameters;
use crate::path::{Named, echo};
use crate::problem::ApiError;
use crate::router::Api;

/// Makes a callback: 201, or 200 for the existing one, and for a dry run.
///
/// The same idempotency key with the same body has the same answer; a dry run takes no key.
pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    page: Option<Extension<AdmittedBefore>>,
    headers: HeaderMap,
    key: IdempotencyKey,
    mut parameters: Parameters,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let dry_run = parameters.flag("dryRun");
    parameters.finish()?;
    let strict = prefers_strict(&headers);
    let idempotency = key.of(&caller, &body.raw).filter(|_| !dry_run);
    let (creator, initiator) = match page {
        Some(_) => (Creator::WebService, Some(caller.principal().name.clone())),
        None => (Creator::Api, None),
    };
    let creation =
        Creation { creator, initiator, idempotency, dry_run, within: caller.scope().clone() };
    let request = CreateRequest::read(&body.value, strict);
    let mut response = match api.engine.create(caller.actor(), request, creation).await? {
        Created::New(callback) if dry_run => {
            Json(Shown::new(&api.engine, *callback).await?.dto()).into_response()
        }
        Created::New(callback) => {
            let location = location(callback.id);
            let status = StatusCode::from_u16(api.options.create_status);
            let shown = Shown::new(&api.engine, *callback).await?;
            let status = status.unwrap_or(StatusCode::CREATED);
            (status, [(header::LOCATION, location)], shown).into_response()
        }
        Created::Existing(callback) => {
            let location = location(callback.id);
            let shown = Shown::new(&api.engine, *callback).await?;
            ([(header::CONTENT_LOCATION, location)], shown).into_response()
        }
    };
    if strict {
        let applied = HeaderValue::from_static("handling=strict");
        response.headers_mut().insert("Preference-Applied", applied);
    }
    Ok(response)
}

/// One callback; `?expand=position` adds its place and the wait that it may expect.
pub(crate) async fn read(
    State(api): State<Api>,
    Named(id): Named<CallbackId>,
    mut parameters: Parameters,
) -> Result<Response, ApiError> {
    let with_position = parameters.word("expand", "position");
    parameters.finish()?;
    let shown = Shown::new(&api.engine, api.engine.callback(id).await?).await?;
    if !with_position {
        return Ok(shown.into_response());
    }
    let found = api.engine.position(id).await?;
    let placed = Placed {
        callback: shown.dto(),
        position: found.map(|found| found.position),
        estimated_wait_in_seconds: found.and_then(|found| found.estimated_wait_in_seconds),
    };
    Ok(([(header::ETAG, etag::tag(shown.callback.version))], Json(placed)).into_response())
}

/// A callback with its place; both are `null` while it does not wait in the queue.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Placed<'c> {
    #[serde(flatten)]
    callback: CallbackDto<'c>,
    position: Option<u64>,
    estimated_wait_in_seconds: Option<u64>,
}

/// The callback with an id or else with an external task id, the newest of several.
pub(crate) async fn find(
    State(api): State<Api>,
    caller: Caller,
    mut parameters: Parameters,
) -> Result<Shown, ApiError> {
    let text = parameters.required("externalTaskId");
    parameters.finish()?;
    if text.contains(char::is_control) {
        return Err(Error::CallbackNotFound(echo(&text)).into());
    }
    let found = api.engine.callback_by_text_within(&text, caller.scope()).await?;
    Ok(Shown::new(&api.engine, found).await?)
}

/// Changes members of a callback that waits: a JSON merge patch.
pub(crate) async fn patch(
    State(api): State<Api>,
    caller: Caller,
    Named(id): Named<CallbackId>,
    condition: IfMatch,
    body: JsonBody,
) -> Result<Shown, ApiError> {
    let version = condition.against(api.engine.callback(id).await?.version)?;
    let request = PatchRequest::read(&body.value);
    let changed = api.engine.patch(caller.actor(), id, request, version).await?;
    Ok(Shown::new(&api.engine, changed).await?)
}

/// Takes a callback off the queue, or hangs it up; one that is gone already is not found.
pub(crate) async fn cancel(
    State(api): State<Api>,
    caller: Caller,
    Named(id): Named<CallbackId>,
    condition: IfMatch,
    OptionalJsonBody(body): OptionalJsonBody,
) -> Result<Shown, ApiError> {
    let motion = match CancelRequest::read(body.as_ref())?.reason {
        CancelReason::Cancelled => Motion::Cancel,
        CancelReason::FulfilledElsewhere => Motion::Fulfil,
    };
    let version = condition.against(api.engine.callback(id).await?.version)?;
    let gone = api.engine.move_callback(caller.actor(), id, motion, version).await?;
    Ok(Shown::new(&api.engine, gone).await?)
}

fn location(id: CallbackId) -> String {
    format!("/v1.0/callbacks/{id}")
}
