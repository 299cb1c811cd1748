//! Figures for Prometheus: what was asked, what the ledger tells, and how things stand now.
//!
//! Labels are names that the code knows, routes, statuses and ids of services: nothing that grows
//! with customers or callers.

mod promises;
mod standing;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use callback_engine::ledger::Line;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use self::promises::Promises;
use crate::router::Api;
use crate::webhooks::Webhooks;

const KIND: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PREFIX: &str = "callback";
/// Upper bounds of the buckets of durations, in seconds.
const BUCKETS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];
/// Methods that are told apart; a caller may invent others.
const METHODS: [Method; 7] = [
    Method::GET,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::HEAD,
    Method::OPTIONS,
];

/// Whose limits there are; they are shown before anybody is refused.
const LIMITS: [&str; 2] = ["key", "address"];

/// Names and values of a figure's labels.
type Labels<const N: usize> = [(&'static str, String); N];

/// What is counted while the program runs.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Labels<3>, Counter>,
    refused: Family<Labels<1>, Counter>,
    durations: Family<Labels<2>, Histogram, Buckets>,
    promises: Mutex<Promises>,
}

/// Makes histograms of durations.
#[derive(Clone, Debug)]
struct Buckets;

impl MetricConstructor<Histogram> for Buckets {
    fn new_metric(&self) -> Histogram {
        Histogram::new(BUCKETS)
    }
}

impl Metrics {
    pub(crate) fn new(webhooks: &Webhooks) -> Self {
        let mut registry = Registry::with_prefix(PREFIX);
        let requests = Family::default();
        registry.register(
            "http_requests",
            "Requests answered, by route pattern",
            Family::clone(&requests),
        );
        let refused = Family::<Labels<1>, Counter>::default();
        registry.register(
            "http_refused",
            "Requests refused because there were too many, by whose limit it was",
            Family::clone(&refused),
        );
        for limit in LIMITS {
            refused.get_or_create(&[("limit", limit.to_owned())]).inc_by(0);
        }
        let durations = Family::new_with_constructor(Buckets);
        registry.register_with_unit(
            "http_request_duration",
            "Time until an answer begins",
            Unit::Seconds,
            Family::clone(&durations),
        );
        let sent = "Requests sent to webhooks by this process, by what became of them";
        registry.register("webhook_deliveries", sent, webhooks.tally.family());
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The program", build);
        let promises = Mutex::new(Promises::new(&mut registry));
        Self { registry, requests, refused, durations, promises }
    }

    /// Counts an answered request.
    pub(crate) fn answered(
        &self,
        method: &Method,
        route: &str,
        status: StatusCode,
        duration: Duration,
    ) {
        let method = if METHODS.contains(method) { method.as_str() } else { "other" };
        let (method, route) = (("method", method.to_owned()), ("route", route.to_owned()));
        let status = ("status", status.as_str().to_owned());
        self.requests.get_or_create(&[method.clone(), route.clone(), status]).inc();
        self.durations.get_or_create(&[method, route]).observe(duration.as_secs_f64());
    }

    /// Counts a request beyond a limit, that of a `key` or an `address`.
    pub(crate) fn refused(&self, limit: &'static str) {
        self.refused.get_or_create(&[("limit", limit.to_owned())]).inc();
    }

    /// Counts a line of the ledger.
    pub(crate) fn note(&self, line: &Line) {
        self.promises.lock().unwrap_or_else(PoisonError::into_inner).note(line);
    }
}

/// Answers all figures; what the store cannot tell is left out, and its fault shown.
pub(crate) async fn metrics(State(api): State<Api>) -> Response {
    let mut now = Registry::with_prefix(PREFIX);
    standing::register(&api, &mut now).await;
    let mut text = String::new();
    for registry in [&api.metrics.registry, &now] {
        encode_registry(&mut text, registry).expect("a string takes all that is written");
    }
    encode_eof(&mut text).expect("a string takes all that is written");
    ([(header::CONTENT_TYPE, KIND)], text).into_response()
}
