//! Small words for operations: what is asked, what is answered, what is refused.

use axum::http::StatusCode;
use serde_json::Value;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{OperationBuilder, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::{ContentBuilder, HttpMethod, Required, Response, ResponseBuilder};

use super::shape::{Shape, count, guid, named, text, text_up_to};

const JSON: &str = "application/json";
/// Statuses of what goes wrong on our side of any request.
const OURS: [u16; 2] = [500, 503];
/// Statuses of a body that cannot be taken.
const OF_A_BODY: [u16; 4] = [400, 408, 413, 415];

/// An operation at its path.
pub(super) struct Operation {
    pub(super) method: HttpMethod,
    pub(super) path: &'static str,
    pub(super) building: OperationBuilder,
}

/// Begins an operation; the path may name an `{id}`.
pub(super) fn operation(
    method: HttpMethod,
    path: &'static str,
    (tag, id): (&str, &str),
    summary: &str,
) -> Operation {
    let mut building =
        OperationBuilder::new().tag(tag).operation_id(Some(id)).summary(Some(summary));
    if path.contains("{id}") {
        let identity = ParameterBuilder::new().name("id").parameter_in(ParameterIn::Path);
        let identity = identity.required(Required::True).schema(Some(guid()));
        building = building.parameter(identity);
    }
    Operation { method, path, building }
}

/// An answer that succeeds.
pub(super) struct Answer {
    status: u16,
    building: ResponseBuilder,
}

/// An answer in JSON.
pub(super) fn json(status: u16, meaning: &str, shape: Shape) -> Answer {
    typed(status, meaning, JSON, shape)
}

/// An answer of another type.
pub(super) fn typed(status: u16, meaning: &str, kind: &str, shape: Shape) -> Answer {
    let content = ContentBuilder::new().schema(Some(shape)).build();
    let building = ResponseBuilder::new().description(meaning).content(kind, content);
    Answer { status, building }
}

/// An answer without a body.
pub(super) fn empty(status: u16, meaning: &str) -> Answer {
    Answer { status, building: ResponseBuilder::new().description(meaning) }
}

impl Answer {
    fn header(mut self, name: &str, shape: Shape, meaning: &str) -> Self {
        let header = HeaderBuilder::new().schema(Some(shape)).description(Some(meaning)).build();
        self.building = self.building.header(name, header);
        self
    }

    pub(super) fn etag(self) -> Self {
        self.header("ETag", text(), "The version, in quotes; for `If-Match`.")
    }

    pub(super) fn location(self) -> Self {
        self.header("Location", text(), "The path of what was made.")
    }

    pub(super) fn content_location(self) -> Self {
        self.header(
            "Content-Location",
            text(),
            "The path of the callback that stood there already.",
        )
    }

    pub(super) fn preference_applied(self) -> Self {
        self.header("Preference-Applied", text(), "`handling=strict`, when that was asked for.")
    }

    pub(super) fn link(self) -> Self {
        self.header("Link", text(), "`<…>; rel=\"next\"`, when there is more.")
    }

    pub(super) fn total(self) -> Self {
        self.header("X-Total-Count", count(), "How many were found.")
    }
}

impl Operation {
    pub(super) fn says(mut self, description: &str) -> Self {
        self.building = self.building.description(Some(description));
        self
    }

    /// Takes an idempotency key.
    pub(super) fn once(self) -> Self {
        self.header(
            "Idempotency-Key",
            text_up_to(255),
            "The same key, path and body take effect once in 24 hours, and are answered alike.",
        )
    }

    /// Names another parameter of the path.
    pub(super) fn within(mut self, name: &str) -> Self {
        let identity = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Path);
        let identity = identity.required(Required::True).schema(Some(guid()));
        self.building = self.building.parameter(identity);
        self
    }

    fn parameter(mut self, place: ParameterIn, name: &str, shape: Shape, meaning: &str) -> Self {
        self.building = self.building.parameter(parameter(place, name, shape, meaning));
        self
    }

    pub(super) fn query(self, name: &str, shape: Shape, meaning: &str) -> Self {
        self.parameter(ParameterIn::Query, name, shape, meaning)
    }

    pub(super) fn header(self, name: &str, shape: Shape, meaning: &str) -> Self {
        self.parameter(ParameterIn::Header, name, shape, meaning)
    }

    pub(super) fn if_match(self) -> Self {
        self.header("If-Match", text(), "Refuses with 412 unless one of these versions is stored.")
            .refuses(&[400, 412])
    }

    /// Takes a body.
    pub(super) fn body(self, shape: &Shape, is_required: bool) -> Self {
        self.bodies(&[JSON], shape, is_required, None)
    }

    /// Takes a body of one of several types, with an example if its schema has none.
    pub(super) fn bodies(
        mut self,
        kinds: &[&str],
        shape: &Shape,
        is_required: bool,
        example: Option<&Value>,
    ) -> Self {
        let required = if is_required { Required::True } else { Required::False };
        let mut body = RequestBodyBuilder::new().required(Some(required));
        for kind in kinds {
            let content = ContentBuilder::new().schema(Some(shape.clone()));
            body = body.content(*kind, content.example(example.cloned()).build());
        }
        self.building = self.building.request_body(Some(body.build()));
        self.refuses(&OF_A_BODY)
    }

    pub(super) fn answers(mut self, answer: Answer) -> Self {
        let status = answer.status.to_string();
        self.building = self.building.response(status, answer.building.build());
        self
    }

    pub(super) fn refuses(mut self, statuses: &[u16]) -> Self {
        for status in statuses {
            self.building = self.building.response(status.to_string(), refusal(*status));
        }
        self
    }

    /// Ends the description of what only reads.
    pub(super) fn reads(self) -> Self {
        self.refuses(&OURS)
    }

    /// Ends the description of what writes.
    pub(super) fn writes(self) -> Self {
        self.refuses(&OURS).refuses(&[507])
    }
}

fn parameter(place: ParameterIn, name: &str, shape: Shape, meaning: &str) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(Required::False)
        .description(Some(meaning))
        .schema(Some(shape))
        .build()
}

/// A failure; which codes there are is said by its status.
fn refusal(status: u16) -> Response {
    let name = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    let content = ContentBuilder::new().schema(Some(named("Problem"))).build();
    let meaning = format!("{}: {}", name.unwrap_or("Refused"), codes(status));
    let mut refusal =
        ResponseBuilder::new().description(meaning).content("application/problem+json", content);
    if status == 401 {
        let scheme = HeaderBuilder::new().schema(Some(text()));
        let scheme = scheme.description(Some("`Bearer`."));
        refusal = refusal.header("WWW-Authenticate", scheme.build());
    }
    if matches!(status, 429 | 503 | 507) {
        let seconds = HeaderBuilder::new().schema(Some(count()));
        let seconds = seconds.description(Some("Seconds after which to try again."));
        refusal = refusal.header("Retry-After", seconds.build());
    }
    if status == 429 {
        for (name, meaning) in [
            ("RateLimit-Limit", "Requests at once after a rest, with `TooManyRequests`."),
            ("RateLimit-Remaining", "How many of them are left."),
            ("RateLimit-Reset", "Seconds until there are more."),
        ] {
            let header = HeaderBuilder::new().schema(Some(count())).description(Some(meaning));
            refusal = refusal.header(name, header.build());
        }
    }
    refusal.build()
}

const fn codes(status: u16) -> &'static str {
    match status {
        400 => "`MalformedJson`, `ValidationFailed`, `BatchRefused`",
        401 => "`Unauthorized`",
        403 => "`Forbidden`",
        404 => {
            "`CallbackNotFound`, `ServiceNotFound`, `UserNotFound`, `SuppressionNotFound`, \
             `WebhookNotFound`, `DeliveryNotFound`, `KeyNotFound`"
        }
        408 => "`Timeout`",
        409 => {
            "`ServiceNotOutbound`, `DuplicateCallback`, `TargetSuppressed`, `InUse`, `AddressTaken`, \
             `WrongPhase`, `LeaseLost`, `IdempotencyKeyReused`, `SecretShown`, `ServiceChanged`, `BatchRefused`, `CountMismatch`, `WebhookDisabled`, \
             `TooManyWebhooks`"
        }
        412 => "`StaleVersion`",
        413 => "`PayloadTooLarge`",
        415 => "`UnsupportedMediaType`",
        429 => "`TooManyRequests`, `QueueFull`",
        503 => "`StorageUnavailable`, `Timeout`",
        507 => "`StorageFull`",
        _ => "`Internal`",
    }
}
