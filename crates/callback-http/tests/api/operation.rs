//! Health, headers of every answer, every endpoint's presence, and stopping.

use axum::body::Body;
use axum::http::{Method, Request};
use callback_http::serve;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::harness::{Installation, NOBODY};

#[tokio::test(start_paused = true)]
async fn a_process_that_serves_is_alive_and_ready() {
    let api = Installation::new().await;
    for path in ["/healthz", "/readyz"] {
        assert_eq!(api.get(path).await.status.as_u16(), 200);
    }
}

#[tokio::test(start_paused = true)]
async fn every_answer_carries_the_headers_that_all_carry() {
    let api = Installation::new().await;
    for path in ["/healthz", "/v1.0/services", "/nowhere", "/v1.0/callbacks/x"] {
        let answer = api.get(path).await;
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        for absent in ["strict-transport-security", "server", "access-control-allow-origin"] {
            assert!(!answer.headers.contains_key(absent), "{path}: {absent}");
        }
        assert!(!answer.header("x-request-id").is_empty(), "{path}");
    }
    let (first, second) = (api.get("/healthz").await, api.get("/healthz").await);
    assert_ne!(first.header("x-request-id"), second.header("x-request-id"));
    let named = [("X-Request-Id", "trace-7")];
    let answer = api.with_headers(Method::GET, "/healthz", &named, &json!(null)).await;
    assert_eq!(answer.header("x-request-id"), "trace-7");
}

#[tokio::test(start_paused = true)]
async fn every_endpoint_is_there() {
    let api = Installation::new().await;
    let callback = format!("/v1.0/callbacks/{NOBODY}");
    let service = format!("/v1.0/services/{NOBODY}");
    let user = format!("/v1.0/users/{NOBODY}");
    let mut endpoints = vec![
        ("GET", "/v1.0/callbacks".to_owned()),
        ("POST", "/v1.0/callbacks".to_owned()),
        ("POST", "/v1.0/callbacks/search".to_owned()),
        ("GET", callback.clone()),
        ("PATCH", callback.clone()),
        ("GET", "/v1.0/services".to_owned()),
        ("POST", "/v1.0/services".to_owned()),
        ("GET", service.clone()),
        ("PUT", service.clone()),
        ("DELETE", service.clone()),
        ("GET", format!("{service}/queue")),
        ("GET", "/v1.0/users".to_owned()),
        ("POST", "/v1.0/users".to_owned()),
        ("GET", user.clone()),
        ("PUT", user.clone()),
        ("DELETE", user.clone()),
        ("PUT", format!("{user}/presence")),
        ("POST", format!("{user}/rona/reset")),
        ("POST", format!("{user}/aftercallwork/end")),
        ("GET", format!("{user}/task")),
        ("POST", format!("{user}/next")),
        ("GET", "/v1.0/suppressions".to_owned()),
        ("POST", "/v1.0/suppressions".to_owned()),
        ("POST", "/v1.0/suppressions/import".to_owned()),
        ("DELETE", format!("/v1.0/suppressions/{NOBODY}")),
        ("GET", "/v1.0/events?from=then".to_owned()),
        ("GET", "/openapi.json".to_owned()),
        ("GET", "/healthz".to_owned()),
        ("GET", "/readyz".to_owned()),
    ];
    for name in ["attempts", "history", "explain"] {
        endpoints.push(("GET", format!("{callback}/{name}")));
    }
    for name in
        ["cancel", "accept", "decline", "dial", "answered", "outcome", "hangup", "heartbeat"]
    {
        endpoints.push(("POST", format!("{callback}/{name}")));
    }
    for (method, path) in endpoints {
        let request = Request::builder().method(method).uri(&path).body(Body::empty()).unwrap();
        let answer = api.send(request).await;
        let code = answer.body["Error"]["Code"].as_str().unwrap_or_default();
        assert!(!["NotFound", "MethodNotAllowed"].contains(&code), "{method} {path}: {code}");
        assert!(answer.status.as_u16() < 500, "{method} {path}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_request_has_the_headers_of_a_get() {
    let api = Installation::new().await;
    let request = Request::head("/v1.0/services").body(Body::empty()).unwrap();
    let answer = api.send(request).await;
    assert_eq!(answer.header("content-type"), "application/json");
    assert!(answer.body.is_null());
}

#[tokio::test]
async fn a_request_that_was_accepted_is_answered_before_the_stop() {
    let api = Installation::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(serve(listener, api.router.clone(), async move {
        let _dropped = stopped.await.is_err();
    }));
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut first = [0; 1_024];
    let read = connection.read(&mut first).await.unwrap();
    assert!(first[..read].starts_with(b"HTTP/1.1 200"));

    let head = "POST /v1.0/callbacks/search HTTP/1.1\r\nHost: localhost\r\n\
        Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{";
    connection.write_all(head.as_bytes()).await.unwrap();
    tokio::task::yield_now().await;
    stop.send(()).unwrap();
    tokio::task::yield_now().await;
    connection.write_all(b"}").await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.ends_with("[]"), "{answer}");
    server.await.unwrap().unwrap();
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
}
