//! Questions to the API, within the process.

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, header};
use axum::response::Response;
use callback_http::Glance;
use http_body_util::BodyExt as _;
use serde_json::Value;

use crate::failure::{Failure, Problem};
use crate::visit::Visit;

/// What the API answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) headers: HeaderMap,
    /// `null` when there is none.
    pub(crate) body: Value,
}

/// One question.
#[derive(Debug)]
pub(crate) struct Question<'q> {
    pub(crate) method: Method,
    pub(crate) path: &'q str,
    pub(crate) body: Option<Value>,
    /// Makes it hold only for one version of what it changes.
    pub(crate) version: Option<&'q str>,
    /// Makes it take effect once.
    pub(crate) once: Option<&'q str>,
    pub(crate) glance: Option<Glance>,
}

impl<'q> Question<'q> {
    pub(crate) const fn new(method: Method, path: &'q str, body: Option<Value>) -> Self {
        Self { method, path, body, version: None, once: None, glance: None }
    }
}

/// Asks for whoever visits.
pub(crate) async fn ask(visit: &Visit, question: Question<'_>) -> Result<Answer, Failure> {
    let Some(principal) = &visit.0.principal else { return Err(Failure::signed_out()) };
    let is_patch = question.method == Method::PATCH;
    let mut request = Request::builder().method(question.method).uri(question.path);
    if let Some(version) = question.version {
        request = request.header(header::IF_MATCH, format!("\"{version}\""));
    }
    if let Some(once) = question.once {
        request = request.header("idempotency-key", once);
    }
    let request = match question.body {
        Some(body) => {
            let kind = if is_patch { "application/merge-patch+json" } else { "application/json" };
            request.header(header::CONTENT_TYPE, kind).body(Body::from(body.to_string()))
        }
        None => request.body(Body::empty()),
    };
    // What somebody typed may be in it.
    let Ok(mut request) = request else { return Err(Failure::not_found()) };
    if let Some(glance) = question.glance {
        request.extensions_mut().insert(glance);
    }
    read(visit.0.console.within.ask(principal, request).await).await
}

/// Reads an answer of the API whole, or as the failure that it tells of.
pub(crate) async fn read(response: Response) -> Result<Answer, Failure> {
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.map_err(|_| Failure::broken())?.to_bytes();
    let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    if parts.status.is_success() {
        return Ok(Answer { headers: parts.headers, body });
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

/// Why the API refused to let somebody in.
pub(crate) async fn refusal(response: Response) -> Failure {
    match read(response).await {
        Err(failure) => failure,
        Ok(_) => Failure::broken(),
    }
}
