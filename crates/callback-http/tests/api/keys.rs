//! Access keys: how far each reaches, how it is presented, and what becomes of it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use callback_engine::access::Digest;
use callback_http::Options;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::access::{FILE, Floor, ask};
use crate::harness::{Installation, NOBODY, id, memory, pass};

#[tokio::test(start_paused = true)]
async fn a_key_for_one_service_finds_nothing_of_another() {
    let floor = Floor::new().await;
    let [one, other] = [&floor.services[0], &floor.services[1]];
    for service in [one, other] {
        let body = json!({"Target": "sip:never@b", "ServiceId": service});
        ask(&floor.api, FILE, "POST", "/v1.0/suppressions", &body).await.expect(201);
    }
    let everywhere = json!({"Target": "sip:nowhere@b"});
    let global = ask(&floor.api, FILE, "POST", "/v1.0/suppressions", &everywhere).await.expect(201);
    for (own, user, services) in
        [(one, &floor.users[0], json!([one])), (other, &floor.users[1], json!([other]))]
    {
        let key = floor.key("Supervisor", json!({"Services": services})).await;
        let get = async |path: &str| ask(&floor.api, &key, "GET", path, &Value::Null).await;
        let all = ask(&floor.api, &key, "POST", "/v1.0/callbacks/search", &json!({})).await;
        assert_eq!(all.header("x-total-count"), "1");
        let all = all.expect(200);
        assert_eq!(all.as_array().unwrap().len(), 1);
        assert_eq!(&all[0]["ServiceId"], own);
        let found = get("/v1.0/callbacks?externalTaskId=T").await.expect(200);
        assert_eq!(&found["ServiceId"], own, "the newest of its own");
        let foreign = if own == one { other } else { one };
        let body = json!({"ServiceId": foreign});
        let none = ask(&floor.api, &key, "POST", "/v1.0/callbacks/search", &body).await;
        assert_eq!(none.expect(200), json!([]));
        let ids = |list: Value| {
            let list = list.as_array().unwrap().iter();
            list.map(|one| id(one).to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(ids(get("/v1.0/services").await.expect(200)), [own.as_str()]);
        assert_eq!(ids(get("/v1.0/users").await.expect(200)), [user.as_str()]);
        let listed = get("/v1.0/suppressions").await.expect(200);
        assert_eq!(listed.as_array().unwrap().len(), 1);
        assert_eq!(&listed[0]["ServiceId"], own);
        for body in [&everywhere, &json!({"Target": "sip:never@b", "ServiceId": foreign})] {
            let refused = ask(&floor.api, &key, "POST", "/v1.0/suppressions", body).await;
            refused.refused(403, "Forbidden");
            let list = json!([body]);
            let refused = ask(&floor.api, &key, "POST", "/v1.0/suppressions/import", &list).await;
            refused.refused(403, "Forbidden");
        }
        let path = format!("/v1.0/suppressions/{}", id(&global));
        let gone = ask(&floor.api, &key, "DELETE", &path, &Value::Null).await;
        gone.refused(404, "SuppressionNotFound");
        let asked = format!("/v1.0/callbacks/{}/explain?agent=", id(&all[0]));
        get(&format!("{asked}{user}")).await.expect(200);
        let stranger = if user == &floor.users[0] { &floor.users[1] } else { &floor.users[0] };
        get(&format!("{asked}{stranger}")).await.refused(404, "UserNotFound");
    }
    let both = floor.key("Integrator", json!({"Services": [one, other]})).await;
    let page = json!({"Limit": 1});
    let first = ask(&floor.api, &both, "POST", "/v1.0/callbacks/search", &page).await;
    assert_eq!(first.header("x-total-count"), "2");
    let next = first.next().unwrap();
    let wider = floor.key("Integrator", json!({})).await;
    let other_query = ask(&floor.api, &wider, "POST", &next, &page).await;
    other_query.refused(400, "ValidationFailed");
    let second = ask(&floor.api, &both, "POST", &next, &page).await.expect(200);
    assert_eq!(second.as_array().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_key_for_one_service_makes_nothing_for_another() {
    let floor = Floor::new().await;
    let key = floor.key("Integrator", json!({"Services": [floor.services[0]]})).await;
    let body = |service: &str| json!({"Target": "sip:a@b", "ServiceId": service});
    let path = "/v1.0/callbacks";
    ask(&floor.api, &key, "POST", path, &body(&floor.services[0])).await.expect(201);
    for foreign in [
        body(&floor.services[1]),
        json!({"Target": "sip:a@b", "ServiceSip": "sip:other@dev.local"}),
    ] {
        ask(&floor.api, &key, "POST", path, &foreign).await.refused(403, "Forbidden");
        let dry = ask(&floor.api, &key, "POST", "/v1.0/callbacks?dryRun=true", &foreign).await;
        dry.refused(403, "Forbidden");
    }
    // What is out of reach and what there is not are answered in the same words.
    let all = ask(
        &floor.api,
        FILE,
        "POST",
        "/v1.0/callbacks/search",
        &json!({"ServiceId": floor.services[1]}),
    )
    .await;
    let foreign = id(&all.expect(200)[0]).to_owned();
    let mut told = BTreeSet::new();
    for unknown in [&foreign, NOBODY] {
        for (method, rest) in [("GET", ""), ("PATCH", ""), ("POST", "/cancel"), ("GET", "/history")]
        {
            let path = format!("{path}/{unknown}{rest}");
            let refused = ask(&floor.api, &key, method, &path, &json!({"Nonsense": 1})).await;
            let body = refused.refused(404, "CallbackNotFound");
            told.insert(body.to_string().replace(unknown, ""));
        }
    }
    assert_eq!(told.len(), 1, "{told:?}");
    let patch = json!({"ServiceId": floor.services[1]});
    let own = format!("{path}/{}", floor.callback());
    let refused = ask(&floor.api, &key, "PATCH", &own, &patch).await;
    assert!(refused.status.is_client_error(), "a callback stays with its service");
}

#[tokio::test(start_paused = true)]
async fn an_agent_works_on_its_task_and_repeats_its_last_move() {
    let floor = Floor::new().await;
    let key = floor.key("Agent", json!({"UserId": floor.users[0]})).await;
    let rival = floor.key("Agent", json!({"UserId": floor.users[1]})).await;
    let token = json!({"LeaseToken": floor.task["LeaseToken"]});
    let path = |rest: &str| format!("/v1.0/callbacks/{}{rest}", floor.callback());
    let accept = ask(&floor.api, &rival, "POST", &path("/accept"), &token).await;
    accept.refused(404, "CallbackNotFound");
    ask(&floor.api, &key, "POST", &path("/accept"), &token).await.expect(200);
    ask(&floor.api, &key, "POST", &path("/dial"), &token).await.expect(200);
    let report = json!({"LeaseToken": floor.task["LeaseToken"], "Outcome": "Completed"});
    for _ in 0..2 {
        let ended = ask(&floor.api, &key, "POST", &path("/outcome"), &report).await.expect(200);
        assert_eq!(ended["TerminationReason"], "Completed");
    }
    ask(&floor.api, &key, "GET", &path(""), &Value::Null).await.refused(404, "CallbackNotFound");
    let seen = ask(&floor.api, FILE, "GET", &path("/history"), &Value::Null).await.expect(200);
    let actor = format!("agent:{}", floor.users[0]);
    assert!(seen.as_array().unwrap().iter().any(|line| line["Actor"] == actor), "{seen}");
    let own = ask(&floor.api, &key, "GET", "/v1.0/services", &Value::Null).await.expect(200);
    assert_eq!(own.as_array().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_key_comes_in_one_header_and_never_in_the_address() {
    let floor = Floor::new().await;
    let key = floor.key("Supervisor", json!({})).await;
    let status = async |path: &str, headers: &[(&str, &str)]| {
        let mut request = Request::get(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        floor.api.send(request.body(Body::empty()).unwrap()).await.status.as_u16()
    };
    let services = "/v1.0/services";
    let bearer = format!("bEaReR {key}");
    assert_eq!(status(services, &[("Authorization", &bearer)]).await, 200);
    assert_eq!(status(services, &[("X-Api-Key", &key)]).await, 200);
    let basic = format!("Basic {key}");
    for headers in [
        vec![("Authorization", basic.as_str())],
        vec![("Authorization", key.as_str())],
        vec![("Authorization", "Bearer ")],
        vec![("X-Api-Key", "")],
        vec![("Authorization", bearer.as_str()), ("X-Api-Key", key.as_str())],
        vec![("X-Api-Key", key.as_str()), ("X-Api-Key", key.as_str())],
        vec![("X-Api-Key", "\u{fc}")],
        vec![("Cookie", key.as_str())],
    ] {
        assert_eq!(status(services, &headers).await, 401, "{headers:?}");
    }
    for name in ["access_token", "api_key", "key", "token", "X-Api-Key"] {
        assert_eq!(status(&format!("{services}?{name}={key}"), &[]).await, 401, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_is_shown_once_noted_when_used_and_shut_at_once_when_revoked() {
    let floor = Floor::new().await;
    let made = floor.made("Supervisor", json!({"ExpiresInSeconds": 3_600})).await;
    let (path, key) = (format!("/v1.0/keys/{}", id(&made)), made["Key"].as_str().unwrap());
    let read = async || ask(&floor.api, FILE, "GET", &path, &Value::Null).await.expect(200);
    let fresh = read().await;
    assert!(fresh.get("Key").is_none() && fresh["LastUsedAt"].is_null(), "{fresh}");
    assert_eq!(fresh["CreatedBy"], "api:admin-key-file");
    assert_eq!(
        (&fresh["Standing"], &fresh["ExpiresAt"]),
        (&json!("Active"), &json!("2019-06-25T08:31:00.002Z"))
    );
    let bearer = format!("Bearer {key}");
    let request = Request::get("/v1.0/events").header("Authorization", &bearer);
    let stream = floor.api.router.clone().oneshot(request.body(Body::empty()).unwrap()).await;
    let stream = stream.unwrap();
    assert_eq!(stream.status().as_u16(), 200);
    pass(Duration::from_secs(2)).await;
    let used = read().await["LastUsedAt"].clone();
    assert!(used.is_string());
    pass(Duration::from_secs(30)).await;
    ask(&floor.api, key, "GET", "/v1.0/services", &Value::Null).await.expect(200);
    pass(Duration::from_secs(2)).await;
    assert_eq!(read().await["LastUsedAt"], used, "once a minute");
    pass(Duration::from_secs(30)).await;
    ask(&floor.api, key, "GET", "/v1.0/services", &Value::Null).await.expect(200);
    pass(Duration::from_secs(2)).await;
    assert_ne!(read().await["LastUsedAt"], used);

    for _ in 0..2 {
        let gone = ask(&floor.api, FILE, "DELETE", &path, &Value::Null).await;
        assert_eq!(gone.status.as_u16(), 204);
    }
    let refused = ask(&floor.api, key, "GET", "/v1.0/services", &Value::Null).await;
    let refused = refused.refused(401, "Unauthorized");
    assert_eq!(refused["detail"], "the key was revoked");
    let rest = tokio::time::timeout(Duration::from_secs(5), stream.into_body().collect()).await;
    let rest = rest.expect("the stream ends").unwrap().to_bytes();
    assert!(!String::from_utf8_lossy(&rest).contains("KeyRevoked"), "only administrators see keys");
    assert_eq!(read().await["Standing"], "Revoked");
    let unknown = format!("/v1.0/keys/{NOBODY}");
    let unknown = ask(&floor.api, FILE, "DELETE", &unknown, &Value::Null).await;
    unknown.refused(404, "KeyNotFound");
}

#[tokio::test(start_paused = true)]
async fn an_idempotency_key_belongs_to_the_key_and_not_to_its_name() {
    let floor = Floor::new().await;
    let [one, namesake] =
        [floor.key("Integrator", json!({})).await, floor.key("Integrator", json!({})).await];
    let body = json!({"Target": "sip:a@b", "ServiceId": floor.services[0]});
    let make = async |key: &str| {
        let bearer = format!("Bearer {key}");
        let headers = [("Authorization", bearer.as_str()), ("Idempotency-Key", "same")];
        let made = floor.api.with_headers(Method::POST, "/v1.0/callbacks", &headers, &body).await;
        id(&made.expect(201)).to_owned()
    };
    let first = make(&one).await;
    assert_eq!(make(&one).await, first);
    assert_ne!(make(&namesake).await, first);
    let path = format!("/v1.0/callbacks/{first}/history");
    let told = ask(&floor.api, FILE, "GET", &path, &Value::Null).await.expect(200);
    assert_eq!(told[0]["Actor"], "api:Integrator");
}

#[tokio::test(start_paused = true)]
async fn without_keys_only_this_machine_and_this_origin_are_answered() {
    let api = Installation::new().await;
    let told = async |headers: &[(&str, &str)]| {
        let path = "/v1.0/callbacks/search";
        api.with_headers(Method::POST, path, headers, &json!({})).await
    };
    told(&[("Host", "localhost:8080")]).await.expect(200);
    told(&[("Host", "127.0.0.1:8080"), ("Origin", "http://127.0.0.1:8080")]).await.expect(200);
    told(&[("Host", "evil.example:8080")]).await.refused(403, "Forbidden");
    for origin in ["http://evil.example", "null", "http://localhost:3000"] {
        let refused = told(&[("Host", "localhost:8080"), ("Origin", origin)]).await;
        assert!(!refused.headers.contains_key("access-control-allow-origin"));
        refused.refused(403, "Forbidden");
    }
    let body = json!({"Name": "first", "Role": "Admin"});
    let refused = api.post("/v1.0/keys", &body).await.refused(403, "Forbidden");
    assert!(refused["detail"].as_str().unwrap().contains("callback keys bootstrap"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn without_keys_nobody_is_let_in_where_others_can_connect() {
    let options = Options { open_without_keys: false, ..Options::default() };
    let api = Installation::with(options).await;
    let refused = api.get("/v1.0/services").await.refused(401, "Unauthorized");
    assert!(refused["detail"].as_str().unwrap().contains("bootstrap"), "{refused}");
    let alive = api.get("/healthz").await;
    assert_eq!(alive.status.as_u16(), 200);
}

#[tokio::test(start_paused = true)]
async fn a_service_whose_keys_are_all_revoked_is_not_open() {
    let store = memory();
    let options = || Options { admin_key: Some(Digest::of(FILE.as_bytes())), ..Options::default() };
    let with_file = Installation::on(Arc::clone(&store) as Arc<_>, options()).await;
    let body = json!({"Name": "only", "Role": "Admin"});
    let made = ask(&with_file, FILE, "POST", "/v1.0/keys", &body).await.expect(201);
    let path = format!("/v1.0/keys/{}", id(&made));
    ask(&with_file, FILE, "DELETE", &path, &Value::Null).await;
    let without = Installation::on(store, Options::default()).await;
    without.get("/v1.0/services").await.refused(401, "Unauthorized");
}

#[tokio::test(start_paused = true)]
async fn pages_call_from_origins_that_are_allowed_and_from_no_other() {
    let options = Options {
        admin_key: Some(Digest::of(FILE.as_bytes())),
        allowed_origins: vec!["https://crm.example".to_owned()],
        metrics_public: true,
        ..Options::default()
    };
    let api = Installation::on(memory(), options).await;
    let ask = async |method: &str, origin: &str| {
        let request = Request::builder().method(method).uri("/v1.0/services");
        let request = request.header("Origin", origin).header("X-Api-Key", FILE);
        let request = request
            .header("Access-Control-Request-Method", "GET")
            .header("Access-Control-Request-Headers", "x-api-key");
        api.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    };
    for method in ["GET", "OPTIONS"] {
        let allowed = ask(method, "https://crm.example").await;
        assert_eq!(allowed.status().as_u16(), 200);
        assert_eq!(allowed.headers()["access-control-allow-origin"], "https://crm.example");
        let other = ask(method, "https://evil.example").await;
        assert!(!other.headers().contains_key("access-control-allow-origin"), "{method}");
    }
    let figures = Request::get("/metrics").body(Body::empty()).unwrap();
    let figures = api.router.clone().oneshot(figures).await.unwrap();
    assert_eq!(figures.status().as_u16(), 200, "metrics_public");
    let plain = Floor::new().await;
    let request = Request::builder().method("OPTIONS").uri("/v1.0/services");
    let request = request.header("Origin", "https://crm.example").body(Body::empty()).unwrap();
    plain.api.send(request).await.refused(405, "MethodNotAllowed");
}
