//! Failures as answers: the only place that picks a status, and the only place that logs a failure.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use callback_domain::dto::{Problem, Problems};
use callback_domain::id::CallbackId;
use callback_domain::lifecycle::Why;
use callback_engine::Error;
use callback_engine::store::StoreError;
use serde::Serialize;
use serde_json::{Value, json};

use crate::limits::Standing;

/// Seconds after which a caller may try again what failed for want of storage or time.
const RETRY_SECONDS: u64 = 5;
/// Seconds after which a full queue may have room.
const QUEUE_RETRY_SECONDS: u64 = 60;

/// Why a request is not answered as it wished.
#[derive(Debug)]
pub(crate) enum ApiError {
    /// The engine refused or failed.
    Engine(Error),
    /// The body is no JSON, or did not arrive whole.
    MalformedJson(String),
    /// The body is longer than this path takes.
    PayloadTooLarge,
    /// The body is of a type that this path does not take.
    UnsupportedMediaType(&'static str),
    /// Nobody that is known calls, for this reason.
    Unauthorized(&'static str),
    /// Whoever calls may not, for this reason.
    Forbidden(String),
    /// Whoever calls has called too often.
    TooManyRequests(Standing),
    /// There is no such path.
    NotFound,
    /// The path has no such method.
    MethodNotAllowed,
    /// The body did not arrive in time.
    SlowBody,
    /// The answer was not ready in time.
    Timeout,
    /// The store takes no writes, for this reason.
    NotReady(String),
    /// The handler panicked.
    Panicked,
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        Self::Engine(error)
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self::Engine(Error::Store(error))
    }
}

impl From<Problems> for ApiError {
    fn from(problems: Problems) -> Self {
        Self::Engine(Error::Invalid(problems))
    }
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        Problems(vec![problem]).into()
    }
}

/// The body of every failure: RFC 9457, with the older shape as an extension.
#[derive(Serialize)]
struct Body {
    r#type: String,
    title: String,
    status: u16,
    detail: String,
    #[serde(rename = "ExistingCallbackId", skip_serializing_if = "Option::is_none")]
    existing: Option<CallbackId>,
    #[serde(rename = "Error")]
    error: ErrorMember,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ErrorMember {
    code: &'static str,
    message: String,
    details: Vec<Problem>,
}

impl ApiError {
    fn status_and_code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Engine(error) => engine_status_and_code(error),
            Self::MalformedJson(_) => (StatusCode::BAD_REQUEST, "MalformedJson"),
            Self::PayloadTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "PayloadTooLarge"),
            Self::UnsupportedMediaType(_) => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType")
            }
            Self::Unauthorized(_) => (StatusCode::UNAUTHORIZED, "Unauthorized"),
            Self::Forbidden(_) => (StatusCode::FORBIDDEN, "Forbidden"),
            Self::TooManyRequests(_) => (StatusCode::TOO_MANY_REQUESTS, "TooManyRequests"),
            Self::NotFound => (StatusCode::NOT_FOUND, "NotFound"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed"),
            Self::SlowBody => (StatusCode::REQUEST_TIMEOUT, "Timeout"),
            Self::Timeout => (StatusCode::SERVICE_UNAVAILABLE, "Timeout"),
            Self::NotReady(_) => (StatusCode::SERVICE_UNAVAILABLE, "StorageUnavailable"),
            Self::Panicked => (StatusCode::INTERNAL_SERVER_ERROR, "Internal"),
        }
    }

    /// What the caller reads; the store's own words stay in the log.
    fn message(&self) -> String {
        match self {
            Self::Engine(Error::Store(error)) => match error {
                StoreError::Unavailable { .. } => {
                    "the storage cannot be reached at present".to_owned()
                }
                StoreError::Full { .. } => "the storage is full".to_owned(),
                StoreError::Corrupt { .. } => "a stored row cannot be read".to_owned(),
            },
            Self::Engine(error) => error.to_string(),
            Self::MalformedJson(why) => format!("the body is not JSON: {why}"),
            Self::PayloadTooLarge => "the body is longer than is accepted here".to_owned(),
            Self::UnsupportedMediaType(accepted) => {
                format!("the body's Content-Type is not accepted; accepted is {accepted} in UTF-8")
            }
            Self::Unauthorized(why) => (*why).to_owned(),
            Self::Forbidden(why) => why.clone(),
            Self::TooManyRequests(standing) => {
                format!("too many requests; try again in {} s", standing.retry_seconds())
            }
            Self::NotFound => "there is nothing at this path".to_owned(),
            Self::MethodNotAllowed => "this path does not take this method".to_owned(),
            Self::SlowBody => "the body did not arrive in time".to_owned(),
            Self::Timeout => {
                "the answer was not ready in time; the request may still take effect".to_owned()
            }
            Self::NotReady(fault) => format!("the storage takes no writes: {fault}"),
            Self::Panicked => "something went wrong that should not be possible".to_owned(),
        }
    }

    fn retry_seconds(&self) -> Option<u64> {
        if let Self::TooManyRequests(standing) = self {
            return Some(standing.retry_seconds());
        }
        match self.status_and_code().0 {
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::INSUFFICIENT_STORAGE => {
                Some(RETRY_SECONDS)
            }
            StatusCode::TOO_MANY_REQUESTS => Some(QUEUE_RETRY_SECONDS),
            _ => None,
        }
    }

    fn existing(&self) -> Option<CallbackId> {
        if let Self::Engine(Error::DuplicateCallback(existing)) = self {
            Some(*existing)
        } else {
            None
        }
    }

    /// Every problem that has a place in the request.
    fn details(self) -> Vec<Problem> {
        match self {
            Self::Engine(Error::Invalid(Problems(found))) => found,
            Self::Engine(Error::BatchRefused(items)) => {
                items.into_iter().flat_map(|(index, item)| item_problems(index, item)).collect()
            }
            Self::Engine(_)
            | Self::MalformedJson(_)
            | Self::PayloadTooLarge
            | Self::UnsupportedMediaType(_)
            | Self::Unauthorized(_)
            | Self::Forbidden(_)
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::SlowBody
            | Self::Timeout
            | Self::NotReady(_)
            | Self::TooManyRequests(_)
            | Self::Panicked => Vec::new(),
        }
    }

    /// Writes a failure of ours to the log, with the cause that the caller is not told.
    pub(crate) fn log(&self) {
        let (status, code) = self.status_and_code();
        if !status.is_server_error() {
            return;
        }
        if let Self::Engine(error) = self {
            tracing::error!(code, %error, "failed to answer a request");
        } else {
            tracing::error!(code, error = self.message(), "failed to answer a request");
        }
    }
}

fn engine_status_and_code(error: &Error) -> (StatusCode, &'static str) {
    match error {
        Error::Invalid(_) => (StatusCode::BAD_REQUEST, "ValidationFailed"),
        Error::CallbackNotFound(_) => (StatusCode::NOT_FOUND, "CallbackNotFound"),
        Error::ServiceNotFound(_) => (StatusCode::NOT_FOUND, "ServiceNotFound"),
        Error::UserNotFound(_) => (StatusCode::NOT_FOUND, "UserNotFound"),
        Error::SuppressionNotFound(_) => (StatusCode::NOT_FOUND, "SuppressionNotFound"),
        Error::WebhookNotFound(_) => (StatusCode::NOT_FOUND, "WebhookNotFound"),
        Error::DeliveryNotFound(_) => (StatusCode::NOT_FOUND, "DeliveryNotFound"),
        Error::WebhookDisabled(_) => (StatusCode::CONFLICT, "WebhookDisabled"),
        Error::TooManyWebhooks(_) => (StatusCode::CONFLICT, "TooManyWebhooks"),
        Error::KeyNotFound(_) => (StatusCode::NOT_FOUND, "KeyNotFound"),
        Error::AdminKeyExists => (StatusCode::CONFLICT, "AdminKeyExists"),
        Error::OutOfScope(_) => (StatusCode::FORBIDDEN, "Forbidden"),
        Error::ServiceNotOutbound(_) => (StatusCode::CONFLICT, "ServiceNotOutbound"),
        Error::DuplicateCallback(_) => (StatusCode::CONFLICT, "DuplicateCallback"),
        Error::TargetSuppressed { .. } => (StatusCode::CONFLICT, "TargetSuppressed"),
        Error::QueueFull { .. } => (StatusCode::TOO_MANY_REQUESTS, "QueueFull"),
        Error::Refused(refused) => match refused.why {
            Why::LeaseLost => (StatusCode::CONFLICT, "LeaseLost"),
            Why::WrongPhase
            | Why::TooEarly
            | Why::OtherAttempt
            | Why::Outcome(_)
            | Why::AllowanceUsed(_)
            | Why::NotForAgent => (StatusCode::CONFLICT, "WrongPhase"),
        },
        Error::StaleVersion { .. } => (StatusCode::PRECONDITION_FAILED, "StaleVersion"),
        Error::InUse { .. } => (StatusCode::CONFLICT, "InUse"),
        Error::AddressTaken(_) => (StatusCode::CONFLICT, "AddressTaken"),
        Error::IdempotencyKeyReused => (StatusCode::CONFLICT, "IdempotencyKeyReused"),
        Error::BatchRefused(items) => {
            let invalid = items.iter().any(|(_, item)| matches!(item, Error::Invalid(_)));
            let status = if invalid { StatusCode::BAD_REQUEST } else { StatusCode::CONFLICT };
            (status, "BatchRefused")
        }
        Error::CountMismatch { .. } => (StatusCode::CONFLICT, "CountMismatch"),
        Error::SecretShown(_) => (StatusCode::CONFLICT, "SecretShown"),
        Error::ServiceChanged(_) => (StatusCode::CONFLICT, "ServiceChanged"),
        Error::Store(StoreError::Unavailable { .. }) => {
            (StatusCode::SERVICE_UNAVAILABLE, "StorageUnavailable")
        }
        Error::Store(StoreError::Full { .. }) => (StatusCode::INSUFFICIENT_STORAGE, "StorageFull"),
        Error::Store(StoreError::Corrupt { .. }) => (StatusCode::INTERNAL_SERVER_ERROR, "Internal"),
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        self.log();
        let (status, code) = self.status_and_code();
        let (message, retry, existing) = (self.message(), self.retry_seconds(), self.existing());
        let standing =
            if let Self::TooManyRequests(standing) = self { Some(standing) } else { None };
        let details = self.details();
        let body = Body {
            r#type: format!("/problems/{}", words(code, '-').to_ascii_lowercase()),
            title: words(code, ' '),
            status: status.as_u16(),
            detail: message.clone(),
            existing,
            error: ErrorMember { code, message, details },
        };
        let mut response = (status, Json(body)).into_response();
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        if status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        if let Some(standing) = standing {
            standing.show(response.headers_mut());
        }
        if let Some(seconds) = retry {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// What is wrong with an item of a batch, with its place there.
fn item_problems(index: usize, item: Error) -> Vec<Problem> {
    let refusal = ApiError::from(item);
    let ((_, code), message) = (refusal.status_and_code(), refusal.message());
    let found = refusal.details();
    if found.is_empty() {
        return vec![Problem { member: format!("Items[{index}]"), code, message }];
    }
    let dot = |member: &str| if member.is_empty() { "" } else { "." };
    let placed = |problem: Problem| {
        let member = format!("Items[{index}]{}{}", dot(&problem.member), problem.member);
        Problem { member, ..problem }
    };
    found.into_iter().map(placed).collect()
}

/// A refusal of one item of a batch, as it would be told alone.
pub(crate) fn told(error: &Error) -> Value {
    let refusal = ApiError::from(error.clone());
    let ((status, code), message) = (refusal.status_and_code(), refusal.message());
    let (existing, details) = (refusal.existing(), refusal.details());
    let mut told =
        json!({"Status": status.as_u16(), "Error": ErrorMember { code, message, details }});
    if let Some(existing) = existing {
        told["ExistingCallbackId"] = json!(existing);
    }
    told
}

/// A code in words: `CallbackNotFound` is `Callback not found`.
fn words(code: &str, between: char) -> String {
    let mut words = String::with_capacity(code.len() + 4);
    for character in code.chars() {
        if character.is_ascii_uppercase() && !words.is_empty() {
            words.push(between);
            words.push(character.to_ascii_lowercase());
        } else {
            words.push(character);
        }
    }
    words
}
