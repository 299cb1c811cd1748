//! Questions to the API, within the process.

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use axum::response::Response;
use callback_http::Uncounted;
use http_body_util::BodyExt as _;
use serde_json::Value;

use crate::failure::{Failure, Problem};
use crate::visit::Visit;

/// What the API answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// `null` when there is none.
    pub(crate) body: Value,
}

/// Asks for whoever visits; `version` makes it hold only for that version.
pub(crate) async fn ask(
    visit: &Visit,
    method: Method,
    path: &str,
    body: Option<Value>,
    version: Option<&str>,
) -> Result<Answer, Failure> {
    let Some(principal) = &visit.0.principal else { return Err(Failure::signed_out()) };
    let mut request = Request::builder().method(&method).uri(path);
    if let Some(version) = version {
        request = request.header(header::IF_MATCH, format!("\"{version}\""));
    }
    let kind =
        if method == Method::PATCH { "application/merge-patch+json" } else { "application/json" };
    let request = match body {
        Some(body) => {
            let request = request.header(header::CONTENT_TYPE, kind);
            request.body(Body::from(body.to_string()))
        }
        None => request.body(Body::empty()),
    };
    // The path may hold what somebody typed.
    let Ok(mut request) = request else { return Err(Failure::not_found()) };
    request.extensions_mut().insert(Uncounted);
    let response = visit.0.console.within.ask(principal, request).await;
    read(response).await
}

/// Reads an answer of the API whole, or as the failure that it tells of.
pub(crate) async fn read(response: Response) -> Result<Answer, Failure> {
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.map_err(|_| Failure::broken())?.to_bytes();
    let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    if parts.status.is_success() {
        return Ok(Answer { status: parts.status, headers: parts.headers, body });
    }
    let error = &body["Error"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let details = error["Details"].as_array().map(Vec::as_slice).unwrap_or_default();
    Err(Failure {
        status: parts.status,
        code: text(&error["Code"]),
        title: text(&body["title"]),
        message: text(&error["Message"]),
        existing: body["ExistingCallbackId"].as_str().map(str::to_owned),
        problems: details
            .iter()
            .map(|detail| Problem {
                member: text(&detail["Member"]),
                message: text(&detail["Message"]),
            })
            .collect(),
        retry_after: parts.headers.get(header::RETRY_AFTER).cloned(),
    })
}
