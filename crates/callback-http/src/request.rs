//! What every request goes through: a name in the log, a limit of time, and a task of its own.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use callback_engine::engine::spawn_to_the_end;
use futures_util::FutureExt as _;
use tokio::time::{Instant, timeout};
use tracing::Instrument as _;

use crate::problem::ApiError;
use crate::router::Api;

/// How long a request may take until its answer begins.
const REQUEST_TIME: Duration = Duration::from_secs(30);
/// Longest name of a request that is taken from outside, in characters.
const ID_CHARACTERS: usize = 128;
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Names the request, runs it, and logs it by its route; addresses may hold customers' numbers.
pub(crate) async fn follow(State(api): State<Api>, request: Request, next: Next) -> Response {
    let id =
        given_id(request.headers()).unwrap_or_else(|| api.engine.site().mint.random().to_string());
    let route = request.extensions().get::<MatchedPath>().map(|route| route.as_str().to_owned());
    let span = tracing::info_span!(
        "request",
        id,
        method = %request.method(),
        route = route.as_deref().unwrap_or("none"),
        caller = tracing::field::Empty,
        status = tracing::field::Empty,
    );
    async {
        let began = Instant::now();
        let method = request.method().clone();
        let mut response = to_its_end(request, next).await;
        let route = route.as_deref().unwrap_or("none");
        api.metrics.answered(&method, route, response.status(), began.elapsed());
        let status = response.status().as_u16();
        if api.options.traced {
            tracing::Span::current().record("status", status);
        }
        let milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::debug!(status, milliseconds, "answered");
        if let Ok(id) = HeaderValue::from_str(&id) {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        response
    }
    .instrument(span)
    .await
}

fn given_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(REQUEST_ID)?.to_str().ok()?;
    let is_plain = id.bytes().all(|byte| byte.is_ascii_graphic());
    (is_plain && (1..=ID_CHARACTERS).contains(&id.len())).then(|| id.to_owned())
}

/// Runs a request in a task of its own: a caller who goes away, or whose time is over,
/// must not stop a command between its commit and its effects.
async fn to_its_end(request: Request, next: Next) -> Response {
    if *request.method() == Method::GET {
        // Nothing is left half done by a read.
        let answering = AssertUnwindSafe(next.run(request)).catch_unwind();
        return match timeout(REQUEST_TIME, answering).await {
            Ok(Ok(response)) => response,
            Ok(Err(_)) => ApiError::Panicked.into_response(),
            Err(_) => ApiError::Timeout.into_response(),
        };
    }
    let answering = async move { next.run(request).await }.in_current_span();
    let task = spawn_to_the_end(answering);
    match timeout(REQUEST_TIME, task).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => ApiError::Panicked.into_response(),
        Err(_) => ApiError::Timeout.into_response(),
    }
}
