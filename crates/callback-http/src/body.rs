//! Bodies: JSON, read whole, or a failure that says where it stopped being JSON.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::IntoResponse as _;
use mime::Mime;
use serde_json::Value;
use tokio::time::timeout;

use crate::problem::ApiError;

/// How long a body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(20);

/// A body of JSON; of members that are named twice, the last counts.
#[derive(Debug)]
pub(crate) struct JsonBody {
    pub(crate) value: Value,
    /// The bytes as they came.
    pub(crate) raw: Bytes,
}

/// A body of JSON that may be left out.
#[derive(Debug)]
pub(crate) struct OptionalJsonBody(pub(crate) Option<Value>);

impl<S: Send + Sync> FromRequest<S> for JsonBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let accepted = accepted(&request);
        let raw = whole(request, state).await?;
        if raw.is_empty() {
            return Err(ApiError::MalformedJson("it is empty".to_owned()));
        }
        accepted?;
        Ok(Self { value: parse(&raw)?, raw })
    }
}

impl<S: Send + Sync> FromRequest<S> for OptionalJsonBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let accepted = accepted(&request);
        let raw = whole(request, state).await?;
        if raw.is_empty() {
            return Ok(Self(None));
        }
        accepted?;
        Ok(Self(Some(parse(&raw)?)))
    }
}

async fn whole<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, ApiError> {
    let arrived = timeout(BODY_TIME, Bytes::from_request(request, state)).await;
    arrived.map_err(|_| ApiError::SlowBody)?.map_err(|rejection| {
        if rejection.into_response().status() == StatusCode::PAYLOAD_TOO_LARGE {
            ApiError::PayloadTooLarge
        } else {
            ApiError::MalformedJson("it did not arrive whole".to_owned())
        }
    })
}

fn parse(raw: &[u8]) -> Result<Value, ApiError> {
    serde_json::from_slice(raw).map_err(|error| ApiError::MalformedJson(error.to_string()))
}

/// Whether the type of the body is one that is read.
///
/// Generated clients label plain JSON in several ways; for a patch the label has a meaning.
fn accepted(request: &Request) -> Result<(), ApiError> {
    let given = media_type(request.headers());
    let given = given.as_ref().filter(|given| {
        given.get_param(mime::CHARSET).is_none_or(|charset| charset == mime::UTF_8)
    });
    let (is_accepted, wanted) = if request.method() == Method::PATCH {
        let names = ["application/merge-patch+json", "application/json"];
        let is_patch = given.is_some_and(|given| names.contains(&given.essence_str()));
        (is_patch, "application/merge-patch+json or application/json")
    } else {
        (given.is_some_and(is_json), "application/json")
    };
    if is_accepted { Ok(()) } else { Err(ApiError::UnsupportedMediaType(wanted)) }
}

fn media_type(headers: &HeaderMap) -> Option<Mime> {
    headers.get(header::CONTENT_TYPE)?.to_str().ok()?.parse().ok()
}

fn is_json(given: &Mime) -> bool {
    let is_text = given.type_() == mime::TEXT || given.type_() == mime::APPLICATION;
    let is_suffixed = given.type_() == mime::APPLICATION && given.suffix() == Some(mime::JSON);
    is_text && given.subtype() == mime::JSON || is_suffixed
}
