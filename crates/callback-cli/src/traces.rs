//! Requests as traces for a collector of OpenTelemetry, over OTLP by HTTP.
//!
//! What is sent is which route was asked, by which role, and how that went; no line of the log goes
//! with it, since lines may hold what customers said.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::ensure;
use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::{FutureExt, SpanKind, Status, TracerProvider as _};
use opentelemetry::{Key, Value};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, SpanData};
use serde::{Deserialize, Serialize};

/// How long the collector may take for what it is sent.
const EXPORT_TIME: Duration = Duration::from_secs(10);
/// The span of a request.
const REQUEST: &str = "request";

/// Where traces are sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Otlp {
    /// The collector, such as `http://127.0.0.1:4318`; without one nothing is sent.
    endpoint: Option<String>,
    /// Headers that go with each export, such as the collector's key.
    headers: HashMap<String, String>,
}

impl Otlp {
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let Some(endpoint) = &self.endpoint else { return Ok(()) };
        ensure!(
            endpoint.starts_with("http://") || endpoint.starts_with("https://"),
            "otlp.endpoint is {endpoint}, and not such as http://127.0.0.1:4318"
        );
        Ok(())
    }

    /// What sends traces, if a collector is named.
    pub(crate) fn traces(&self) -> anyhow::Result<Option<Traces>> {
        let Some(endpoint) = &self.endpoint else { return Ok(None) };
        // The exporter's own client asks the process for it.
        let _already = rustls::crypto::ring::default_provider().install_default().is_err();
        let exporter = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
            .with_headers(self.headers.clone())
            .with_timeout(EXPORT_TIME)
            .build();
        let exporter = anyhow::Context::with_context(exporter, || {
            format!("failed to prepare traces for {endpoint}")
        })?;
        let resource = Resource::builder()
            .with_service_name("callback")
            .with_attribute(opentelemetry::KeyValue::new(
                "service.version",
                env!("CARGO_PKG_VERSION"),
            ))
            .build();
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(Conventional(exporter))
            .with_resource(resource)
            .build();
        Ok(Some(Traces(provider)))
    }
}

/// What sends traces; they are gathered and go in batches.
#[derive(Clone, Debug)]
pub(crate) struct Traces(SdkTracerProvider);

impl Traces {
    pub(crate) fn tracer(&self) -> SdkTracer {
        self.0.tracer("callback")
    }

    /// Sends what is left; to be called outside of any runtime.
    pub(crate) fn stop(&self) {
        if let Err(error) = self.0.shutdown_with_timeout(EXPORT_TIME) {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
}

/// Has each request's span belong to the trace that its `traceparent` names.
pub(crate) fn joined(router: Router) -> Router {
    router.layer(from_fn(async |request: Request, next: Next| -> Response {
        let headers: HashMap<String, String> = ["traceparent", "tracestate"]
            .into_iter()
            .filter_map(|name| {
                let value = request.headers().get(name)?.to_str().ok()?;
                Some((name.to_owned(), value.to_owned()))
            })
            .collect();
        let context = TraceContextPropagator::new().extract(&headers);
        FutureExt::with_context(next.run(request), context).await
    }))
}

/// Names what is sent by the conventions of OpenTelemetry for servers of HTTP.
#[derive(Debug)]
struct Conventional(SpanExporter);

impl opentelemetry_sdk::trace::SpanExporter for Conventional {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.export(batch.into_iter().map(conventional).collect()).await
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.0.set_resource(resource);
    }
}

fn conventional(mut span: SpanData) -> SpanData {
    if span.name != REQUEST {
        return span;
    }
    span.span_kind = SpanKind::Server;
    let mut name = (String::new(), String::new());
    for attribute in &mut span.attributes {
        let renamed = match attribute.key.as_str() {
            "method" => {
                name.0 = attribute.value.to_string();
                "http.request.method"
            }
            "route" => {
                name.1 = attribute.value.to_string();
                "http.route"
            }
            "status" => {
                if matches!(attribute.value, Value::I64(500..)) {
                    span.status = Status::error("");
                }
                "http.response.status_code"
            }
            "id" => "http.request.header.x-request-id",
            _ => continue,
        };
        attribute.key = Key::from_static_str(renamed);
    }
    span.name = format!("{} {}", name.0, name.1).into();
    span
}
