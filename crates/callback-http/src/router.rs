//! Every path of the API, on one page.

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::{Extension, Router};
use callback_engine::Engine;
use callback_engine::access::Digest;
use ipnet::IpNet;
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::limits::{Limits, RateLimits};
use crate::metrics::Metrics;
use crate::oidc::Oidc;
use crate::permission::Permission;
use crate::problem::ApiError;
use crate::routes::{Routes, delete, get, post, put};
use crate::tail::Tail;
use crate::within::Within;
use crate::{
    bulk, callbacks, document, erasures, events, health, history, keys, metrics, moves, request,
    search, services, shield, suppressions, users, webhooks,
};

/// Longest body of a request, in bytes.
const BODY_BYTES: usize = 64 * 1024;
/// Longest body of an import or a batch, in bytes.
const IMPORT_BYTES: usize = 4 * 1024 * 1024;

/// How the API behaves where installations differ.
#[derive(Clone, Debug)]
pub struct Options {
    /// The status of a creation: 201, or 200 for generated clients that know no other.
    pub create_status: u16,
    /// What is shared with whoever sends webhooks.
    pub webhooks: webhooks::Webhooks,
    /// The digest of a key that lets its holder do everything, beside those that are stored.
    pub admin_key: Option<Digest>,
    /// Whether anybody may do everything while there are no keys; only where nobody else than this
    /// machine can connect.
    pub open_without_keys: bool,
    /// Names beside the loopback ones by which a service without keys may be asked for.
    pub allowed_hosts: Vec<String>,
    /// Origins whose pages may call from a browser, such as `https://crm.example`.
    pub allowed_origins: Vec<String>,
    /// Whether the figures are shown without a key.
    pub metrics_public: bool,
    /// Who tells people by their tokens.
    pub oidc: Option<Oidc>,
    /// How often callers may ask.
    pub rate_limits: RateLimits,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether somebody follows the spans of requests, so that each is told its status.
    pub traced: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            create_status: StatusCode::CREATED.as_u16(),
            webhooks: webhooks::Webhooks::default(),
            admin_key: None,
            open_without_keys: true,
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
            metrics_public: false,
            oidc: None,
            rate_limits: RateLimits::default(),
            trusted_proxies: Vec::new(),
            traced: false,
        }
    }
}

/// What every handler has, cheap to hand on.
#[derive(Clone, Debug)]
pub(crate) struct Api(Arc<Shared>);

impl std::ops::Deref for Api {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

/// What all handlers share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) options: Arc<Options>,
    pub(crate) tail: Arc<Tail>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) limits: Arc<Limits>,
}

/// The API of an engine, which follows its ledger; to be called within a runtime.
pub fn router(engine: Engine, options: Options) -> Router {
    router_with(engine, options, |_| Router::new())
}

/// As [`router`], with pages in front of the API that use it from within the process.
pub fn router_with(
    engine: Engine,
    options: Options,
    pages: impl FnOnce(Within) -> Router,
) -> Router {
    let metrics = Arc::new(Metrics::new(&options.webhooks));
    let tail = Arc::new(Tail::follow(engine.clone(), Arc::clone(&metrics)));
    let limits = Arc::new(Limits::new(options.rate_limits));
    let api = Api(Arc::new(Shared { engine, options: Arc::new(options), tail, metrics, limits }));
    let cors = cors(&api.options.allowed_origins);
    let router = routes()
        .router
        .method_not_allowed_fallback(|| async { ApiError::MethodNotAllowed })
        .fallback(|| async { ApiError::NotFound })
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .layer(Extension(api.clone()))
        .with_state(api.clone());
    let pages = pages(Within::new(api.clone(), router.clone()));
    let router = match cors {
        Some(cors) => router.layer(cors),
        None => router,
    };
    router
        .merge(pages.layer(DefaultBodyLimit::max(BODY_BYTES)))
        .layer(from_fn_with_state(api, request::follow))
        .layer(from_fn(shield::shield))
}

/// Every path of the API with what it needs.
pub(crate) fn routes() -> Routes {
    use Permission::{
        Administer, FollowEvents, ListUsers, MoveTask, Open, ReadCallback, ReadFigures, ReadQueues,
        ReadServices, Suppress, TakeNext, TendUser, UseCallbacks,
    };
    Routes::new()
        .route(
            "/v1.0/callbacks",
            get(UseCallbacks, callbacks::find).post(UseCallbacks, callbacks::create),
        )
        .route("/v1.0/callbacks/search", post(UseCallbacks, search::search))
        .route("/v1.0/callbacks/batch", post(UseCallbacks, bulk::create).body_up_to(IMPORT_BYTES))
        .route("/v1.0/callbacks/cancel", post(UseCallbacks, bulk::cancel))
        .route(
            "/v1.0/callbacks/{id}",
            get(ReadCallback, callbacks::read).patch(UseCallbacks, callbacks::patch),
        )
        .route("/v1.0/callbacks/{id}/cancel", post(UseCallbacks, callbacks::cancel))
        .route("/v1.0/callbacks/{id}/attempts", get(ReadCallback, history::attempts))
        .route("/v1.0/callbacks/{id}/history", get(ReadCallback, history::history))
        .route("/v1.0/callbacks/{id}/explain", get(ReadCallback, history::explain))
        .route("/v1.0/callbacks/{id}/accept", post(MoveTask, moves::accept))
        .route("/v1.0/callbacks/{id}/decline", post(MoveTask, moves::decline))
        .route("/v1.0/callbacks/{id}/dial", post(MoveTask, moves::dial))
        .route("/v1.0/callbacks/{id}/answered", post(MoveTask, moves::answered))
        .route("/v1.0/callbacks/{id}/outcome", post(MoveTask, moves::outcome))
        .route("/v1.0/callbacks/{id}/hangup", post(MoveTask, moves::hang_up))
        .route("/v1.0/callbacks/{id}/heartbeat", post(MoveTask, moves::heartbeat))
        .route(
            "/v1.0/services",
            get(ReadServices, services::list).post(Administer, services::create),
        )
        .route(
            "/v1.0/services/{id}",
            get(ReadServices, services::read)
                .put(Administer, services::replace)
                .delete(Administer, services::delete),
        )
        .route("/v1.0/services/{id}/queue", get(ReadQueues, services::queue))
        .route("/v1.0/users", get(ListUsers, users::list).post(Administer, users::create))
        .route(
            "/v1.0/users/{id}",
            get(TendUser, users::read)
                .put(Administer, users::replace)
                .delete(Administer, users::delete),
        )
        .route("/v1.0/users/{id}/presence", put(TendUser, users::presence))
        .route("/v1.0/users/{id}/rona/reset", post(TendUser, users::reset_rona))
        .route("/v1.0/users/{id}/aftercallwork/end", post(TendUser, users::end_after_call_work))
        .route("/v1.0/users/{id}/task", get(TendUser, users::task))
        .route("/v1.0/users/{id}/next", post(TakeNext, users::next))
        .route(
            "/v1.0/suppressions",
            get(Suppress, suppressions::list).post(Suppress, suppressions::create),
        )
        .route(
            "/v1.0/suppressions/import",
            post(Suppress, suppressions::import).body_up_to(IMPORT_BYTES),
        )
        .route("/v1.0/suppressions/{id}", delete(Suppress, suppressions::delete))
        .route("/v1.0/keys", get(Administer, keys::list).post(Administer, keys::create))
        .route("/v1.0/keys/{id}", get(Administer, keys::read).delete(Administer, keys::revoke))
        .route("/v1.0/events", get(FollowEvents, events::events))
        .route("/v1.0/webhooks", get(Administer, webhooks::list).post(Administer, webhooks::create))
        .route(
            "/v1.0/webhooks/{id}",
            get(Administer, webhooks::read)
                .put(Administer, webhooks::replace)
                .delete(Administer, webhooks::delete),
        )
        .route("/v1.0/webhooks/{id}/secret/rotate", post(Administer, webhooks::rotate))
        .route("/v1.0/webhooks/{id}/test", post(Administer, webhooks::test))
        .route("/v1.0/webhooks/{id}/replay", post(Administer, webhooks::replay))
        .route("/v1.0/webhooks/{id}/deliveries", get(Administer, webhooks::deliveries))
        .route(
            "/v1.0/webhooks/{id}/deliveries/{deliveryId}/replay",
            post(Administer, webhooks::resend),
        )
        .route("/v1.0/erasures", post(Administer, erasures::create))
        .route("/healthz", get(Open, health::alive))
        .route("/readyz", get(Open, health::ready))
        .route("/metrics", get(ReadFigures, metrics::metrics))
        .route("/openapi.json", get(Open, document::json))
        .route("/docs", get(Open, document::page))
        .route("/docs/style.css", get(Open, document::style))
}

/// What lets pages from other origins call; nothing, unless some are allowed.
fn cors(allowed: &[String]) -> Option<CorsLayer> {
    let origins: Vec<HeaderValue> =
        allowed.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()).collect();
    if origins.is_empty() {
        return None;
    }
    let asked = ["x-api-key", "idempotency-key", "prefer", "last-event-id", "x-request-id"];
    let asked = asked.map(HeaderName::from_static).into_iter();
    let shown = [
        "x-total-count",
        "x-request-id",
        "preference-applied",
        "ratelimit-limit",
        "ratelimit-remaining",
        "ratelimit-reset",
    ];
    let shown = shown.map(HeaderName::from_static).into_iter();
    let methods = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    Some(
        CorsLayer::new()
            .allow_origin(AllowOrigin::list(origins))
            .allow_methods(methods)
            .allow_headers(
                asked
                    .chain([header::AUTHORIZATION, header::CONTENT_TYPE, header::IF_MATCH])
                    .collect::<Vec<_>>(),
            )
            .expose_headers(
                shown
                    .chain([
                        header::ETAG,
                        header::LINK,
                        header::LOCATION,
                        header::CONTENT_LOCATION,
                        header::RETRY_AFTER,
                    ])
                    .collect::<Vec<_>>(),
            ),
    )
}
