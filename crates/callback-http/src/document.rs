//! The OpenAPI document, built from what the code knows, and a page that shows it.

mod bulk;
mod operation;
mod page;
mod paths;
mod schemas;
mod security;
mod shape;
mod webhooks;

use std::sync::LazyLock;

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{Components, InfoBuilder, License, OpenApi, OpenApiBuilder};

/// The names under which operations are grouped, with what each group is for.
const TAGS: [(&str, &str); 9] = [
    ("Callbacks", "Promises to call back: made, found, changed, cancelled, and explained."),
    ("Moves", "What an agent or dialler does with a task; each carries its lease token."),
    ("Services", "Hotlines with a SIP address and the rules for their callbacks."),
    ("Users", "Agents and supervisors, their presence and their tasks."),
    ("Suppressions", "Targets that must not be called."),
    ("Keys", "Who may call, and how far they reach."),
    ("Events", "The ledger as it grows."),
    (
        "Webhooks",
        "The ledger sent to whoever subscribes, signed after the Standard Webhooks specification.",
    ),
    ("Operation", "Health, figures, and this document."),
];

/// What the page may do: show itself with its own style, and nothing else.
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
    openapi_document().to_pretty_json().expect("the document holds only what JSON can say")
});

static PAGE: LazyLock<String> = LazyLock::new(|| {
    let document = serde_json::to_value(openapi_document());
    page::page(&document.expect("the document holds only what JSON can say"))
});

/// The OpenAPI 3.1 document of the API.
#[must_use]
pub fn openapi_document() -> OpenApi {
    let license =
        License::builder().name("MIT OR Apache-2.0").identifier(Some("MIT OR Apache-2.0"));
    let info = InfoBuilder::new()
        .title("Callback service")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Callbacks for contact centres: promised, queued, given to agents, called, retried, explained.\n\
             Members and enum values are PascalCase, nulls are written, identities are GUIDs, durations are \
             seconds, and dates are RFC 3339 in UTC.\n\
             Every answer carries `X-Request-Id`; one that is given is repeated.",
        ))
        .license(Some(license.build()));
    let mut components = Components::new();
    components
        .schemas
        .extend(schemas::schemas().into_iter().map(|(name, schema)| (name.to_owned(), schema)));
    components.add_security_schemes_from_iter(security::schemes());
    let tags =
        TAGS.map(|(name, purpose)| TagBuilder::new().name(name).description(Some(purpose)).build());
    OpenApiBuilder::new()
        .info(info.build())
        .paths(paths::paths())
        .components(Some(components))
        .tags(Some(tags))
        .build()
}

/// Answers the document.
pub(crate) async fn json() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT.as_str()).into_response()
}

/// Answers the page that shows it.
pub(crate) async fn page() -> Response {
    shown("text/html; charset=utf-8", PAGE.as_str())
}

/// Answers how the page looks.
pub(crate) async fn style() -> Response {
    shown("text/css; charset=utf-8", page::STYLE)
}

fn shown(kind: &'static str, text: &'static str) -> Response {
    let kind = HeaderValue::from_static(kind);
    ([(header::CONTENT_TYPE, kind), (header::CONTENT_SECURITY_POLICY, PAGE_POLICY)], text)
        .into_response()
}
