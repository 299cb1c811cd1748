//! Every path of the API, on one page.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::routing::{delete, get, post, put};
use callback_engine::Engine;
use callback_engine::ledger::Actor;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::metrics::Metrics;
use crate::problem::ApiError;
use crate::tail::Tail;
use crate::{
    callbacks, document, events, health, history, metrics, moves, request, search, services,
    suppressions, users, webhooks,
};

/// Longest body of a request, in bytes.
const BODY_BYTES: usize = 64 * 1024;
/// Longest body of an import, in bytes.
const IMPORT_BYTES: usize = 4 * 1024 * 1024;

/// How the API behaves where installations differ.
#[derive(Clone, Debug)]
pub struct Options {
    /// The status of a creation: 201, or 200 for generated clients that know no other.
    pub create_status: u16,
    /// The name of whoever calls, for the ledger and for idempotency keys.
    pub principal: String,
    /// What is shared with whoever sends webhooks.
    pub webhooks: webhooks::Webhooks,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            create_status: StatusCode::CREATED.as_u16(),
            principal: "anonymous".to_owned(),
            webhooks: webhooks::Webhooks::default(),
        }
    }
}

/// What every handler has.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    pub(crate) engine: Engine,
    pub(crate) options: Arc<Options>,
    pub(crate) tail: Arc<Tail>,
    pub(crate) metrics: Arc<Metrics>,
}

impl Api {
    /// Who acts, for the ledger.
    pub(crate) fn actor(&self) -> Actor {
        Actor::Api(self.options.principal.clone())
    }
}

/// The API of an engine, which follows its ledger; to be called within a runtime.
pub fn router(engine: Engine, options: Options) -> Router {
    let metrics = Arc::new(Metrics::new(&options.webhooks));
    let tail = Arc::new(Tail::follow(engine.clone(), Arc::clone(&metrics)));
    let api = Api { engine, options: Arc::new(options), tail, metrics };
    let import = post(suppressions::import).layer(DefaultBodyLimit::max(IMPORT_BYTES));
    Router::new()
        .route("/v1.0/callbacks", get(callbacks::find).post(callbacks::create))
        .route("/v1.0/callbacks/search", post(search::search))
        .route("/v1.0/callbacks/{id}", get(callbacks::read).patch(callbacks::patch))
        .route("/v1.0/callbacks/{id}/cancel", post(callbacks::cancel))
        .route("/v1.0/callbacks/{id}/attempts", get(history::attempts))
        .route("/v1.0/callbacks/{id}/history", get(history::history))
        .route("/v1.0/callbacks/{id}/explain", get(history::explain))
        .route("/v1.0/callbacks/{id}/accept", post(moves::accept))
        .route("/v1.0/callbacks/{id}/decline", post(moves::decline))
        .route("/v1.0/callbacks/{id}/dial", post(moves::dial))
        .route("/v1.0/callbacks/{id}/answered", post(moves::answered))
        .route("/v1.0/callbacks/{id}/outcome", post(moves::outcome))
        .route("/v1.0/callbacks/{id}/hangup", post(moves::hang_up))
        .route("/v1.0/callbacks/{id}/heartbeat", post(moves::heartbeat))
        .route("/v1.0/services", get(services::list).post(services::create))
        .route(
            "/v1.0/services/{id}",
            get(services::read).put(services::replace).delete(services::delete),
        )
        .route("/v1.0/services/{id}/queue", get(services::queue))
        .route("/v1.0/users", get(users::list).post(users::create))
        .route("/v1.0/users/{id}", get(users::read).put(users::replace).delete(users::delete))
        .route("/v1.0/users/{id}/presence", put(users::presence))
        .route("/v1.0/users/{id}/rona/reset", post(users::reset_rona))
        .route("/v1.0/users/{id}/aftercallwork/end", post(users::end_after_call_work))
        .route("/v1.0/users/{id}/task", get(users::task))
        .route("/v1.0/users/{id}/next", post(users::next))
        .route("/v1.0/suppressions", get(suppressions::list).post(suppressions::create))
        .route("/v1.0/suppressions/import", import)
        .route("/v1.0/suppressions/{id}", delete(suppressions::delete))
        .route("/v1.0/events", get(events::events))
        .route("/v1.0/webhooks", get(webhooks::list).post(webhooks::create))
        .route(
            "/v1.0/webhooks/{id}",
            get(webhooks::read).put(webhooks::replace).delete(webhooks::delete),
        )
        .route("/v1.0/webhooks/{id}/secret/rotate", post(webhooks::rotate))
        .route("/v1.0/webhooks/{id}/test", post(webhooks::test))
        .route("/v1.0/webhooks/{id}/replay", post(webhooks::replay))
        .route("/v1.0/webhooks/{id}/deliveries", get(webhooks::deliveries))
        .route("/v1.0/webhooks/{id}/deliveries/{deliveryId}/replay", post(webhooks::resend))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::metrics))
        .route("/openapi.json", get(document::json))
        .route("/docs", get(document::page))
        .route("/docs/style.css", get(document::style))
        .method_not_allowed_fallback(|| async { ApiError::MethodNotAllowed })
        .fallback(|| async { ApiError::NotFound })
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .layer(always(header::CACHE_CONTROL, "no-store"))
        .layer(always(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(from_fn_with_state(api.clone(), request::follow))
        .with_state(api)
}

fn always(name: header::HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}
