//! The figures: that they are right, that their labels are bounded, and that what reads them exists.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::events::Reader;
use crate::harness::{Installation, id, pass, settle};

/// Samples by name with labels.
type Samples = BTreeMap<String, f64>;

async fn text(api: &Installation) -> String {
    let request = Request::get("/metrics").body(Body::empty()).unwrap();
    let response = api.router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
    let kind = response.headers()["content-type"].to_str().unwrap();
    assert!(kind.starts_with("application/openmetrics-text"));
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

async fn scrape(api: &Installation) -> Samples {
    let text = text(api).await;
    assert!(text.ends_with("# EOF\n"));
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    let sample = |line: &str| {
        let (name, value) = line.rsplit_once(' ').unwrap();
        (name.to_owned(), value.parse().unwrap())
    };
    samples.map(sample).collect()
}

/// The value of a figure of a service; 0 when it is not there.
fn value(samples: &Samples, name: &str, service: &str, more: &str) -> u64 {
    let more = if more.is_empty() { String::new() } else { format!(",{more}") };
    let key = format!("callback_{name}{{service=\"{service}\"{more}}}");
    let value = samples.get(&key).copied().unwrap_or_default();
    format!("{value}").parse().unwrap()
}

struct Floor {
    api: Installation,
    service: String,
    agent: String,
}

impl Floor {
    async fn new(settings: &Value) -> Self {
        let api = Installation::new().await;
        let mut all = json!({"PreviewTimeInSeconds": 0, "AfterCallWorkInSeconds": 0});
        crate::harness::merge(&mut all, settings);
        let service = api.service(&all).await;
        let agent = api.agent(&service, &json!({"Distribution": "Pull"})).await;
        Self { api, service, agent }
    }

    /// The agent takes the next task and makes these moves.
    async fn work(&self, moves: &[(&str, Value)]) {
        settle().await;
        let task = self.api.poke(&format!("/v1.0/users/{}/next", self.agent)).await.expect(200);
        for (name, more) in moves {
            let mut body = json!({"LeaseToken": task["LeaseToken"]});
            crate::harness::merge(&mut body, more);
            let path = format!("/v1.0/callbacks/{}/{name}", id(&task["Callback"]));
            self.api.post(&path, &body).await.expect(200);
        }
        settle().await;
    }

    async fn scrape(&self) -> Samples {
        settle().await;
        scrape(&self.api).await
    }
}

#[tokio::test(start_paused = true)]
async fn callbacks_attempts_and_promises_are_counted() {
    let floor = Floor::new(&json!({})).await;
    for _ in 0..4 {
        floor.api.callback(&json!({})).await;
    }
    floor.work(&[("answered", json!({})), ("hangup", json!({}))]).await;
    floor.work(&[("outcome", json!({"Outcome": "Completed"}))]).await;
    floor.work(&[("outcome", json!({"Outcome": "InvalidTarget"}))]).await;
    floor.work(&[("answered", json!({}))]).await;
    let samples = floor.scrape().await;
    let is = |name: &str, more: &str| value(&samples, name, &floor.service, more);
    assert_eq!(is("created_total", ""), 4);
    assert_eq!(is("attempts_started_total", ""), 4);
    assert_eq!(is("attempts_ended_total", "outcome=\"Completed\""), 2);
    assert_eq!(is("attempts_ended_total", "outcome=\"InvalidTarget\""), 1);
    assert_eq!(is("terminated_total", "reason=\"Completed\""), 2);
    assert_eq!(is("terminated_total", "reason=\"InvalidTarget\""), 1);
    assert_eq!(is("promises_total", "kept=\"yes\""), 2);
    assert_eq!(is("promises_total", "kept=\"no\""), 0);
    assert_eq!(is("live_sessions", ""), 1);
    assert_eq!(is("agents", "state=\"Occupied\""), 1);
}

#[tokio::test(start_paused = true)]
async fn a_promise_is_broken_only_if_nobody_was_ever_connected() {
    let floor = Floor::new(&json!({"MaxQueueTimeInSeconds": 60, "SecondsBetweenRetries": 0})).await;
    floor.api.callback(&json!({})).await;
    // A machine answers; the callback waits again, and its wait is used up.
    floor.work(&[("answered", json!({})), ("outcome", json!({"Outcome": "Voicemail"}))]).await;
    floor.api.callback(&json!({"Target": "tel:+41785556677"})).await;
    pass(Duration::from_secs(90)).await;
    let cancelled = floor.api.callback(&json!({})).await;
    settle().await;
    floor.api.poke(&format!("/v1.0/callbacks/{}/cancel", id(&cancelled))).await.expect(200);
    let samples = floor.scrape().await;
    let is = |name: &str, more: &str| value(&samples, name, &floor.service, more);
    assert_eq!(is("attempts_ended_total", "outcome=\"Voicemail\""), 1);
    assert_eq!(is("terminated_total", "reason=\"QueueTimeExceeded\""), 2);
    assert_eq!(is("terminated_total", "reason=\"Cancelled\""), 1);
    assert_eq!(is("attempts_ended_total", "outcome=\"Cancelled\""), 0);
    assert_eq!(is("promises_total", "kept=\"yes\""), 1);
    assert_eq!(is("promises_total", "kept=\"no\""), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_taken_off_the_queue_counts_as_cancelled() {
    let floor = Floor::new(&json!({})).await;
    let made = floor.api.callback(&json!({})).await;
    floor.work(&[("answered", json!({}))]).await;
    floor.api.poke(&format!("/v1.0/callbacks/{}/cancel", id(&made))).await.expect(200);
    let samples = floor.scrape().await;
    let is = |name: &str, more: &str| value(&samples, name, &floor.service, more);
    assert_eq!(is("attempts_ended_total", "outcome=\"Cancelled\""), 1);
    assert_eq!(is("terminated_total", "reason=\"Cancelled\""), 1);
    assert_eq!(is("promises_total", "kept=\"yes\""), 1);
}

#[tokio::test(start_paused = true)]
async fn queues_are_shown_as_they_stand() {
    let floor = Floor::new(&json!({})).await;
    for priority in ["Low", "Low", "StrictPriority"] {
        floor.api.callback(&json!({"Priority": priority})).await;
    }
    floor.api.callback(&json!({"DueDate": "2030-01-01T00:00"})).await;
    pass(Duration::from_secs(30)).await;
    let _reader = Reader::open(&floor.api, "", None).await;
    let samples = floor.scrape().await;
    let is = |name: &str, more: &str| value(&samples, name, &floor.service, more);
    assert_eq!(is("queue_waiting", "priority=\"Low\""), 2);
    assert_eq!(is("queue_waiting", "priority=\"StrictPriority\""), 1);
    assert_eq!(is("queue_waiting", "priority=\"Normal\""), 0);
    assert_eq!(is("queue_oldest_wait_seconds", ""), 30);
    assert_eq!(is("agents", "state=\"Ready\""), 1);
    assert_eq!(is("service_open", ""), 1);
    assert_eq!(is("service_name", "name=\"Hotline\""), 1);
    assert_eq!(samples["callback_event_readers"], 1.0);
    assert_eq!(samples["callback_store_fault"], 0.0);
    let build = format!("callback_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"));
    assert_eq!(samples[&build], 1.0);
}

#[tokio::test(start_paused = true)]
async fn what_is_removed_after_its_retention_is_counted() {
    let floor = Floor::new(&json!({"MaxQueueTimeInSeconds": 172_800})).await;
    for _ in 0..3 {
        floor.api.callback(&json!({})).await;
    }
    floor.work(&[("outcome", json!({"Outcome": "Completed"}))]).await;
    floor.work(&[("outcome", json!({"Outcome": "Completed"}))]).await;
    floor.api.engine.retain_terminated(1);
    pass(Duration::from_secs(23 * 3600)).await;
    assert_eq!(floor.scrape().await["callback_purged_total"], 0.0);
    pass(Duration::from_secs(2 * 3600)).await;
    assert_eq!(floor.scrape().await["callback_purged_total"], 2.0);
}

#[tokio::test(start_paused = true)]
async fn commits_are_counted_by_how_many_commands_shared_them() {
    let floor = Floor::new(&json!({})).await;
    let before = floor.scrape().await;
    floor.api.callback(&json!({})).await;
    let after = floor.scrape().await;
    let grew = |name: &str| {
        let name = format!("callback_commit_batch_size_{name}");
        after[&name] - before[&name]
    };
    // In memory every command is committed alone.
    assert!(grew("count") >= 1.0);
    for name in ["sum", "bucket{le=\"1.0\"}", "bucket{le=\"512.0\"}", "bucket{le=\"+Inf\"}"] {
        assert_eq!(grew(name), grew("count"), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_removed_leaves_no_figures() {
    let floor = Floor::new(&json!({})).await;
    floor.api.callback(&json!({})).await;
    floor.work(&[("answered", json!({})), ("hangup", json!({}))]).await;
    assert!(text(&floor.api).await.contains(&floor.service));
    let path = format!("/v1.0/services/{}", floor.service);
    floor.api.delete(&path).await.expect(204);
    settle().await;
    assert!(!text(&floor.api).await.contains(&floor.service));
}

#[tokio::test(start_paused = true)]
async fn labels_do_not_grow_with_what_callers_send() {
    let floor = Floor::new(&json!({})).await;
    let send = async |method: &str, path: String| {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        let response = floor.api.router.clone().oneshot(request).await.unwrap();
        response.into_body().collect().await.unwrap();
    };
    let first = async || {
        send("BREW", "/v1.0/callbacks/x".to_owned()).await;
        send("GET", "/nowhere".to_owned()).await;
        send("GET", "/v1.0/callbacks/x".to_owned()).await;
        floor.api.callback(&json!({"Target": "tel:+41785550000"})).await;
        floor.scrape().await;
        floor.scrape().await.len()
    };
    let before = first().await;
    for number in 0..50 {
        send(&format!("BREW{number}"), format!("/v1.0/callbacks/{number}")).await;
        send("GET", format!("/nowhere/{number}")).await;
        send("GET", format!("/v1.0/callbacks/{number}?a={number}")).await;
        floor.api.callback(&json!({"Target": format!("tel:+4178555{number:04}")})).await;
    }
    assert_eq!(floor.scrape().await.len(), before);
    let samples = floor.scrape().await;
    let labels: BTreeSet<&str> = samples
        .keys()
        .filter_map(|name| name.split_once('{'))
        .flat_map(|(_, labels)| labels.trim_end_matches('}').split(','))
        .filter_map(|label| label.split_once('='))
        .map(|(name, _)| name)
        .collect();
    let known = [
        "le", "limit", "method", "name", "outcome", "priority", "route", "service", "state",
        "status", "version",
    ];
    assert_eq!(labels, known.into());
    assert!(!text(&floor.api).await.contains("4178555"), "no target is a label");
    let made =
        "callback_http_requests_total{method=\"POST\",route=\"/v1.0/callbacks\",status=\"201\"}";
    assert_eq!(samples[made], 51.0);
    let refused = "callback_http_requests_total{method=\"other\",route=\"/v1.0/callbacks/{id}\",status=\"405\"}";
    assert_eq!(samples[refused], 51.0);
    let took = "callback_http_request_duration_seconds_count{method=\"GET\",route=\"none\"}";
    assert_eq!(samples[took], 51.0);
}

#[tokio::test(start_paused = true)]
async fn the_dashboard_and_the_alerts_name_only_figures_that_exist() {
    let floor = Floor::new(&json!({"MaxQueueTimeInSeconds": 60})).await;
    floor.api.callback(&json!({})).await;
    floor.work(&[("answered", json!({})), ("hangup", json!({}))]).await;
    let samples = floor.scrape().await;
    let known: BTreeSet<&str> =
        samples.keys().map(|name| name.split('{').next().unwrap()).collect();
    let dashboard = include_str!("../../../../docs/grafana-dashboard.json");
    let panels: Value = serde_json::from_str(dashboard).unwrap();
    assert!(panels["panels"].as_array().unwrap().len() >= 8);
    let alerts = include_str!("../../../../docs/alerts.yml");
    let letters = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let mut named = BTreeSet::new();
    for words in [dashboard, alerts].map(|text| text.split(move |letter| !letters(letter))) {
        named.extend(words.filter(|word| word.starts_with("callback_")));
    }
    assert!(named.len() >= 10, "{named:?}");
    assert_eq!(named.difference(&known).collect::<Vec<_>>(), Vec::<&&str>::new());
}
