//! Traces of the real program, as a collector of OpenTelemetry receives them.

use std::sync::mpsc::{Receiver, channel};
use std::thread;

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Attribute;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use prost::Message as _;
use serde_json::json;
use tempfile::TempDir;

use crate::harness::{Program, client, program};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

/// A collector, for as long as the test runs: its address, and the exports that it takes.
fn collector() -> (String, Receiver<Bytes>) {
    let (keep, exports) = channel();
    let (tell, address) = channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime starts").block_on(async move {
            let take = move |body: Bytes| async move { keep.send(body).expect("the test waits") };
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
            tell.send(listener.local_addr().expect("it is bound")).expect("the test waits");
            let router = Router::new().route("/v1/traces", post(take));
            axum::serve(listener, router).await.expect("it serves");
        });
    });
    (format!("http://{}", address.recv().expect("it listens")), exports)
}

fn text(attributes: &[KeyValue], key: &str) -> String {
    let found = attributes.iter().find(|attribute| attribute.key == key);
    let value = found.and_then(|attribute| attribute.value.as_ref()?.value.clone());
    match value {
        Some(Attribute::StringValue(text)) => text,
        Some(Attribute::IntValue(number)) => number.to_string(),
        other => panic!("{key} is {other:?} among {attributes:?}"),
    }
}

#[test]
fn requests_are_traced_as_part_of_the_callers_trace_and_without_what_customers_said() {
    let (endpoint, exports) = collector();
    let folder = TempDir::new().expect("a folder is made");
    let config = folder.path().join("callback.toml");
    std::fs::write(&config, format!("[otlp]\nendpoint = '{endpoint}'\n")).expect("it is written");
    let config = config.to_str().expect("the path is text");
    // Everything is logged, so that anything could go along.
    let mut command = program();
    command.env("RUST_LOG", "trace");
    let program = Program::start_as(command, &folder.path().join("a.db"), &["--config", config]);
    program.service(json!({}));
    let said = json!({"Target": "tel:+41791234567", "Description": "the blue sofa"});
    let path = format!("{}/v1.0/callbacks/{}", program.url(), program.callback(said));
    let caller = format!("00-{TRACE}-{CALLER}-01");
    let read = client().get(&path).header("traceparent", &caller).call().expect("it answers");
    assert_eq!(read.status(), 200);
    assert!(program.stop(), "it ends well");

    let (mut spans, mut resources): (Vec<Span>, Vec<KeyValue>) = (Vec::new(), Vec::new());
    for export in exports.try_iter() {
        for said in ["41791234567", "791234567", "blue sofa"] {
            let found = export.windows(said.len()).any(|part| part == said.as_bytes());
            assert!(!found, "{said} is sent to the collector");
        }
        let export = ExportTraceServiceRequest::decode(export).expect("it is an export");
        for resource in export.resource_spans {
            resources.extend(resource.resource.expect("there is a resource").attributes);
            spans.extend(resource.scope_spans.into_iter().flat_map(|scope| scope.spans));
        }
    }
    assert_eq!(text(&resources, "service.name"), "callback");
    let created = spans.iter().find(|span| span.name == "POST /v1.0/callbacks");
    assert_eq!(
        text(&created.expect("it is traced").attributes, "http.response.status_code"),
        "201"
    );
    let read = spans.iter().find(|span| span.name == "GET /v1.0/callbacks/{id}");
    let read = read.expect("it is traced");
    assert_eq!(read.kind(), SpanKind::Server);
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    assert_eq!((hex(&read.trace_id), hex(&read.parent_span_id)), (TRACE.into(), CALLER.into()));
    assert_eq!(text(&read.attributes, "http.route"), "/v1.0/callbacks/{id}");
    assert_eq!(text(&read.attributes, "http.request.method"), "GET");
}
