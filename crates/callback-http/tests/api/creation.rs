//! Creation beyond the use case: keys, dry runs, strictness, and why it is refused.

use axum::http::Method;
use callback_http::Options;
use serde_json::{Value, json};

use crate::harness::{Installation, NOBODY, details, id, settle};

const PATH: &str = "/v1.0/callbacks";

fn wish() -> Value {
    json!({"Target": "sip:smoky.qq@dev.local", "ServiceSip": "sip:smoky.car@dev.local"})
}

async fn total(api: &Installation) -> Value {
    let answer = api.post("/v1.0/callbacks/search", &json!({})).await;
    answer.header("x-total-count").parse::<u64>().unwrap().into()
}

#[tokio::test(start_paused = true)]
async fn a_key_takes_effect_once() {
    let api = Installation::new().await;
    api.hotline().await;
    let key = [("Idempotency-Key", "order-1")];
    let first = api.with_headers(Method::POST, PATH, &key, &wish()).await;
    settle().await;
    let second = api.with_headers(Method::POST, PATH, &key, &wish()).await;
    assert_eq!((first.status, second.status), (201.try_into().unwrap(), 201.try_into().unwrap()));
    assert_eq!(first.headers["location"], second.headers["location"]);
    assert_eq!(first.headers["etag"], second.headers["etag"]);
    assert_eq!(first.body, second.body);
    assert_eq!(total(&api).await, 1);

    let other = json!({"Target": "sip:other@dev.local", "ServiceSip": "sip:smoky.car@dev.local"});
    api.with_headers(Method::POST, PATH, &key, &other).await.refused(409, "IdempotencyKeyReused");
    let another = [("Idempotency-Key", "order-2")];
    api.with_headers(Method::POST, PATH, &another, &wish()).await.expect(201);
    assert_eq!(total(&api).await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_refused_creation_does_not_use_up_its_key() {
    let api = Installation::new().await;
    let key = [("Idempotency-Key", "k")];
    api.with_headers(Method::POST, PATH, &key, &wish()).await.refused(404, "ServiceNotFound");
    api.hotline().await;
    api.with_headers(Method::POST, PATH, &key, &wish()).await.expect(201);
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_checks_and_makes_nothing() {
    let api = Installation::new().await;
    api.hotline().await;
    let path = "/v1.0/callbacks?dryRun=true";
    let key = [("Idempotency-Key", "k")];
    let dry = api.with_headers(Method::POST, path, &key, &wish()).await;
    assert!(!dry.headers.contains_key("location"));
    let dry = dry.expect(200);
    assert_eq!(dry["MaxRetries"], 3);
    assert_eq!(total(&api).await, 0);
    api.get(&format!("{PATH}/{}", id(&dry))).await.refused(404, "CallbackNotFound");
    api.post(path, &json!({"Target": "x"})).await.refused(400, "ValidationFailed");
    let made = api.with_headers(Method::POST, PATH, &key, &wish()).await.expect(201);
    let dry = api.with_headers(Method::POST, path, &key, &wish()).await.expect(200);
    assert_ne!(dry["Id"], made["Id"], "a dry run does not look at the key");
    api.post("/v1.0/callbacks?dryRun=false", &wish()).await.expect(201);
}

#[tokio::test(start_paused = true)]
async fn a_strict_request_may_name_no_member_of_the_servers() {
    let api = Installation::new().await;
    api.hotline().await;
    let mut body = wish();
    body["State"] = json!("Pending");
    api.post(PATH, &body).await.expect(201);
    for strict in ["handling=strict", "respond-async, Handling=\"strict\""] {
        let headers = [("Prefer", strict)];
        let refused = api.with_headers(Method::POST, PATH, &headers, &body).await;
        let refused = refused.refused(400, "ValidationFailed");
        assert_eq!(details(&refused), [("State".to_owned(), "ServerOwned".to_owned())]);
        let made = api.with_headers(Method::POST, PATH, &headers, &wish()).await;
        assert_eq!(made.header("preference-applied"), "handling=strict");
        made.expect(201);
    }
}

#[tokio::test(start_paused = true)]
async fn the_status_of_a_creation_can_be_200() {
    let api = Installation::with(Options { create_status: 200, ..Options::default() }).await;
    api.hotline().await;
    let made = api.post(PATH, &wish()).await;
    assert!(made.headers.contains_key("location"));
    made.expect(200);
}

#[tokio::test(start_paused = true)]
async fn every_problem_is_named_at_once_with_the_nearest_known_member() {
    let api = Installation::new().await;
    api.hotline().await;
    let body = json!({
        "target": "sip:a@b",
        "ServiceSip": "sip:smoky.car@dev.local",
        "Priority": "Urgent",
        "MaxRetries": 101,
        "Description": "x".repeat(151),
        "ContextUrl": "javascript:alert(1)",
    });
    let refused = api.post(PATH, &body).await.refused(400, "ValidationFailed");
    let expected = [
        ("Target", "Required"),
        ("Priority", "UnknownValue"),
        ("MaxRetries", "OutOfRange"),
        ("Description", "TooLong"),
        ("ContextUrl", "InvalidUrl"),
        ("target", "UnknownMember"),
    ];
    let found = details(&refused);
    for (member, code) in expected {
        assert!(found.contains(&(member.to_owned(), code.to_owned())), "{member} in {found:?}");
    }
    assert_eq!(found.len(), expected.len());
    let unknown = refused["Error"]["Details"].as_array().unwrap().last().unwrap();
    assert!(unknown["Message"].as_str().unwrap().ends_with("nearest known one is Target"));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_not_outbound_takes_no_callbacks() {
    for settings in
        [json!({"DirectionType": "Inbound"}), json!({"MaxConcurrentOutboundSessions": 0})]
    {
        let api = Installation::new().await;
        api.service(&settings).await;
        api.post(PATH, &wish()).await.refused(409, "ServiceNotOutbound");
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_service_is_not_found() {
    let api = Installation::new().await;
    let body = json!({"Target": "sip:a@b", "ServiceId": NOBODY});
    api.post(PATH, &body).await.refused(404, "ServiceNotFound");
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_is_refused_and_the_existing_callback_named() {
    let api = Installation::new().await;
    api.service(&json!({"DuplicatePolicy": "Reject"})).await;
    let made = api.callback(&json!({})).await;
    let refused = api.post(PATH, &wish()).await.refused(409, "DuplicateCallback");
    assert_eq!(refused["ExistingCallbackId"], made["Id"]);
    assert!(refused["detail"].as_str().unwrap().contains(id(&made)));
    api.poke(&format!("{PATH}/{}/cancel", id(&made))).await.expect(200);
    api.post(PATH, &wish()).await.expect(201);
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_is_answered_with_the_existing_callback() {
    let api = Installation::new().await;
    api.service(&json!({"DuplicatePolicy": "ReturnExisting"})).await;
    let made = api.callback(&json!({})).await;
    let existing = api.post(PATH, &wish()).await.expect(200);
    assert_eq!(existing["Id"], made["Id"]);
    assert_eq!(total(&api).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_refuses_and_says_when_to_try_again() {
    let api = Installation::new().await;
    api.service(&json!({"MaxQueued": 2})).await;
    api.callback(&json!({})).await;
    let second = api.callback(&json!({})).await;
    let full = api.post(PATH, &wish()).await;
    assert!(full.header("retry-after").parse::<u32>().unwrap() > 0);
    full.refused(429, "QueueFull");
    api.poke(&format!("{PATH}/{}/cancel", id(&second))).await.expect(200);
    api.post(PATH, &wish()).await.expect(201);
}
