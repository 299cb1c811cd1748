//! The OpenAPI document against the router and against real answers.

use std::collections::BTreeSet;
use std::path::PathBuf;

use axum::body::Body;
use axum::http::{Method, Request};
use callback_http::openapi_document;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::events::Reader;
use crate::harness::{Installation, NOBODY, id, settle};

const METHODS: [&str; 6] = ["get", "post", "put", "patch", "delete", "trace"];

fn document() -> Value {
    serde_json::to_value(openapi_document()).unwrap()
}

fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            found.push((method.clone(), path.clone(), operation.clone()));
        }
    }
    found
}

fn schema(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// What is wrong with a value by a schema; objects have exactly the members of theirs.
fn faults(document: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    if let Some(name) = schema["$ref"].as_str() {
        let named = document.pointer(name.strip_prefix('#').unwrap());
        let named = named.unwrap_or_else(|| panic!("{name} is missing"));
        return faults(document, named, value, at);
    }
    if let Some(either) = schema["oneOf"].as_array() {
        let all: Vec<_> = either.iter().map(|one| faults(document, one, value, at)).collect();
        let fits = all.iter().filter(|faults| faults.is_empty()).count();
        return if fits == 1 { Vec::new() } else { all.concat() };
    }
    let mut found = Vec::new();
    if let Some(choices) = schema["enum"].as_array() {
        if !choices.contains(value) {
            found.push(format!("{at}: {value} is none of the choices"));
        }
        return found;
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let kinds = schema["type"].as_array();
    let allowed = kinds.map_or(schema["type"] == kind, |kinds| kinds.contains(&json!(kind)));
    if !allowed {
        found.push(format!("{at}: {kind} is not {}", schema["type"]));
    }
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        found.extend(faults(document, &schema["items"], item, &format!("{at}[{index}]")));
    }
    let Some(members) = value.as_object() else { return found };
    if schema["additionalProperties"] == true {
        return found;
    }
    for name in schema["required"].as_array().into_iter().flatten() {
        if !members.contains_key(name.as_str().unwrap()) {
            found.push(format!("{at}.{name} is missing"));
        }
    }
    for (name, member) in members {
        let at = format!("{at}.{name}");
        match (&schema["properties"][name], &schema["additionalProperties"]) {
            (Value::Null, Value::Null) => found.push(format!("{at} is not in the schema")),
            (Value::Null, others) => found.extend(faults(document, others, member, &at)),
            (own, _) => found.extend(faults(document, own, member, &at)),
        }
    }
    found
}

#[track_caller]
fn fits(document: &Value, name: &str, value: &Value) {
    assert_eq!(faults(document, &schema(name), value, name), Vec::<String>::new());
}

async fn code_of(api: &Installation, method: &str, path: &str) -> String {
    let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
    let path = path.replace("{id}", NOBODY).replace("{deliveryId}", NOBODY);
    // A stream would not end.
    let path = if path == "/v1.0/events" { format!("{path}?from=then") } else { path };
    let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
    let response = api.router.clone().oneshot(request).await.unwrap();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    body["Error"]["Code"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test(start_paused = true)]
async fn the_router_has_every_operation_of_the_document_and_no_other() {
    let api = Installation::new().await;
    let document = document();
    let documented: BTreeSet<(String, String)> =
        operations(&document).into_iter().map(|(method, path, _)| (method, path)).collect();
    let source = include_str!("../../src/router.rs");
    let routes = source.split(".route(").skip(1).filter_map(|rest| rest.split('"').nth(1));
    let paths: BTreeSet<&str> = documented.iter().map(|(_, path)| path.as_str()).collect();
    assert_eq!(routes.collect::<BTreeSet<_>>(), paths);
    for path in paths {
        for method in METHODS {
            let code = code_of(&api, method, path).await;
            let is_there = !["NotFound", "MethodNotAllowed"].contains(&code.as_str());
            let is_documented = documented.contains(&(method.to_owned(), path.to_owned()));
            assert_eq!(is_there, is_documented, "{method} {path}: {code}");
        }
    }
}

#[test]
fn every_operation_is_named_once_grouped_and_has_answers() {
    let document = document();
    let tags: Vec<_> =
        document["tags"].as_array().unwrap().iter().map(|tag| tag["name"].clone()).collect();
    let mut names = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        assert!(names.insert(operation["operationId"].to_string()), "{method} {path}");
        assert!(tags.contains(&operation["tags"][0]), "{method} {path}");
        assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()));
        let answers = operation["responses"].as_object().unwrap();
        assert!(answers.keys().any(|status| status.starts_with('2')), "{method} {path}");
        let writes = ["post", "put", "patch", "delete"].contains(&method.as_str());
        let is_search = path.ends_with("/search");
        assert_eq!(answers.contains_key("507"), writes && !is_search, "{method} {path}");
        for (status, answer) in answers {
            let is_problem = answer["content"].get("application/problem+json").is_some();
            assert_eq!(is_problem, !status.starts_with('2'), "{method} {path} {status}");
        }
    }
}

#[test]
fn a_condition_that_is_malformed_or_fails_has_a_documented_answer() {
    let document = document();
    let mut seen = 0;
    for (method, path, operation) in operations(&document) {
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        if parameters.into_iter().any(|parameter| parameter["name"] == "If-Match") {
            for status in ["400", "412"] {
                assert!(operation["responses"].get(status).is_some(), "{method} {path} {status}");
            }
            seen += 1;
        }
    }
    assert!(seen >= 8, "{seen}");
}

#[test]
fn every_reference_leads_to_a_schema_and_every_schema_is_used() {
    let document = document();
    let text = document.to_string();
    let mark = "\"#/components/schemas/";
    let used: BTreeSet<&str> =
        text.split(mark).skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    let known: BTreeSet<&str> =
        document["components"]["schemas"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(used, known);
}

#[test]
fn every_example_fits_its_schema() {
    let document = document();
    let mut seen = 0;
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        for example in schema["examples"].as_array().into_iter().flatten() {
            fits(&document, name, example);
            seen += 1;
        }
    }
    assert!(seen >= 15, "{seen}");
}

#[tokio::test(start_paused = true)]
async fn examples_of_requests_are_accepted() {
    let (api, document) = (Installation::new().await, document());
    let example = |name: &str| document["components"]["schemas"][name]["examples"][0].clone();
    api.post("/v1.0/services", &example("ServiceBody")).await.expect(201);
    api.post("/v1.0/users", &example("UserBody")).await.expect(201);
    let made = api.post("/v1.0/callbacks", &example("CreateCallback")).await.expect(201);
    api.post("/v1.0/callbacks/search", &example("SearchCallbacks")).await.expect(200);
    let path = format!("/v1.0/callbacks/{}", id(&made));
    let patch = &document["paths"]["/v1.0/callbacks/{id}"]["patch"]["requestBody"]["content"];
    api.patch(&path, &patch["application/json"]["example"]).await.expect(200);
    api.post(&format!("{path}/cancel"), &example("CancelCallback")).await.expect(200);
    api.post("/v1.0/suppressions", &example("SuppressionBody")).await.expect(201);
    let made = api.post("/v1.0/webhooks", &example("WebhookBody")).await.expect(201);
    let path = format!("/v1.0/webhooks/{}/replay", id(&made));
    api.post(&path, &example("WebhookReplay")).await.expect(202);
}

#[tokio::test(start_paused = true)]
async fn real_answers_have_exactly_the_members_of_their_schemas() {
    let (api, document) = (Installation::new().await, document());
    let settings = json!({
        "OpeningHours": {
            "TimeZone": "Europe/Zurich",
            "Weekly": [{"Day": "Tuesday", "From": "00:00", "To": "24:00"}],
            "Exceptions": [{"Date": "2019-12-25", "Intervals": [{"From": "08:00", "To": "09:00"}]}],
        },
        "RetryByOutcome": {"Busy": {"Retry": true, "DelayInSeconds": 5}},
        "AllowedTargets": ["*"], "DuplicatePolicy": "Reject",
    });
    let service = api.service(&settings).await;
    let path = format!("/v1.0/services/{service}");
    fits(&document, "Service", &api.get(&path).await.expect(200));
    let mut events = Reader::open(&api, "?from=start", None).await;
    fits(&document, "Event", &events.event().await.data);
    let agent = api.agent(&service, &json!({})).await;
    fits(&document, "Event", &events.event().await.data);
    let made = api.callback(&json!({"ExternalTaskId": "a"})).await;
    fits(&document, "Callback", &made);
    let duplicate = json!({"Target": made["Target"], "ServiceId": service});
    let refused = api.post("/v1.0/callbacks", &duplicate).await.refused(409, "DuplicateCallback");
    fits(&document, "Problem", &refused);
    let invalid = api.post("/v1.0/callbacks", &json!({})).await.refused(400, "ValidationFailed");
    fits(&document, "Problem", &invalid);
    settle().await;

    let path = format!("/v1.0/callbacks/{}", id(&made));
    let placed = api.get(&format!("{path}?expand=position")).await.expect(200);
    fits(&document, "CallbackWithPosition", &placed);
    let user = api.get(&format!("/v1.0/users/{agent}")).await.expect(200);
    fits(&document, "User", &user);
    let offer = api.get(&format!("/v1.0/users/{agent}/task")).await.expect(200);
    fits(&document, "Task", &offer);
    let token = json!({"LeaseToken": offer["LeaseToken"]});
    for name in ["accept", "dial", "answered"] {
        let task = api.post(&format!("{path}/{name}"), &token).await.expect(200);
        fits(&document, "Task", &task);
    }
    let done = api.post(&format!("{path}/hangup"), &token).await.expect(200);
    fits(&document, "Callback", &done);
    for (name, of) in [("attempts", "Attempt"), ("history", "HistoryLine")] {
        let listed = api.get(&format!("{path}/{name}")).await.expect(200);
        assert!(!listed.as_array().unwrap().is_empty());
        listed.as_array().unwrap().iter().for_each(|item| fits(&document, of, item));
    }
    fits(&document, "Explanation", &api.get(&format!("{path}/explain")).await.expect(200));
    let queue = api.get(&format!("/v1.0/services/{service}/queue")).await.expect(200);
    fits(&document, "QueueInsight", &queue);
    let entry = json!({"Target": "tel:+41785550009", "Until": "2030-01-01T00:00"});
    fits(&document, "Suppression", &api.post("/v1.0/suppressions", &entry).await.expect(201));
    let import = api.post("/v1.0/suppressions/import", &json!([entry])).await.expect(201);
    fits(&document, "ImportedSuppressions", &import);
    let line = events.event().await;
    fits(&document, "Event", &line.data);

    let body = json!({"Url": "https://receiver.example/x", "Services": [service]});
    let made = api.post("/v1.0/webhooks", &body).await.expect(201);
    fits(&document, "WebhookWithSecret", &made);
    let path = format!("/v1.0/webhooks/{}", id(&made));
    fits(&document, "Webhook", &api.get(&path).await.expect(200));
    fits(&document, "Delivery", &api.poke(&format!("{path}/test")).await.expect(202));
    let listed = api.get(&format!("{path}/deliveries")).await.expect(200);
    fits(&document, "Delivery", &listed[0]);
}

#[test]
fn a_schema_that_lacks_a_member_is_found_out() {
    let mut document = document();
    let problem = json!({"Member": "a", "Code": "b", "Message": "c"});
    fits(&document, "Detail", &problem);
    let detail = &mut document["components"]["schemas"]["Detail"];
    detail["properties"].as_object_mut().unwrap().remove("Code");
    assert_eq!(faults(&document, &schema("Detail"), &problem, "it").len(), 1);
    let lacking = json!({"Member": "a", "Message": "c"});
    assert_eq!(faults(&document, &schema("Detail"), &lacking, "it").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_document_that_is_served_is_the_one_that_is_checked_in() {
    let api = Installation::new().await;
    let answer = api.get("/openapi.json").await;
    assert_eq!(answer.header("content-type"), "application/json");
    let served = answer.expect(200);
    assert!(served["openapi"].as_str().unwrap().starts_with("3.1"));
    let current = format!("{}\n", openapi_document().to_pretty_json().unwrap());
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &current).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == current, "docs/openapi.json is stale; UPDATE_DOCS=1 writes it anew");
    assert_eq!(served, serde_json::from_str::<Value>(&kept).unwrap());
}

#[tokio::test(start_paused = true)]
async fn the_page_shows_every_operation_and_fetches_nothing_from_elsewhere() {
    let api = Installation::new().await;
    let fetch = async |path: &str| {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = api.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status().as_u16(), 200);
        let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (policy, String::from_utf8(bytes.to_vec()).unwrap())
    };
    let (policy, page) = fetch("/docs").await;
    assert!(policy.starts_with("default-src 'none'; style-src 'self';"), "{policy}");
    assert!(!policy.contains("unsafe"));
    for (_, path, operation) in operations(&document()) {
        assert!(page.contains(&path), "{path}");
        assert!(page.contains(&format!("id={}", operation["operationId"])), "{path}");
    }
    for name in document()["components"]["schemas"].as_object().unwrap().keys() {
        assert!(page.contains(&format!("id=\"schema-{name}\"")), "{name}");
    }
    for elsewhere in ["http://", "src=", "<script", "<style", "style=\"", "onclick"] {
        assert!(!page.contains(elsewhere), "{elsewhere}");
    }
    let (_, style) = fetch("/docs/style.css").await;
    assert!(!style.contains("url(") && !style.contains("@import"));
}
