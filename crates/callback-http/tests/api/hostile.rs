//! Requests that nobody should make: each has its status and code, and the service goes on.

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::json;

use crate::harness::{Installation, JSON, NOBODY, id};

/// A request and its answer: method, path, content type, body, status, code.
type Row = (&'static str, String, Option<&'static str>, Vec<u8>, u16, &'static str);

fn row(method: &'static str, path: &str, body: &str, status: u16, code: &'static str) -> Row {
    (method, path.to_owned(), Some(JSON), body.as_bytes().to_vec(), status, code)
}

fn typed(kind: Option<&'static str>, body: &[u8], status: u16, code: &'static str) -> Row {
    ("POST", "/v1.0/callbacks/search".to_owned(), kind, body.to_vec(), status, code)
}

const CALLBACKS: &str = "/v1.0/callbacks";
const SEARCH: &str = "/v1.0/callbacks/search";

fn paths() -> Vec<Row> {
    let nobody = format!("{CALLBACKS}/{NOBODY}");
    let mut rows = vec![
        row("GET", "/", "", 404, "NotFound"),
        row("GET", "/v1.0", "", 404, "NotFound"),
        row("GET", "/v2.0/callbacks", "", 404, "NotFound"),
        row("GET", "/v1.0/callbacks/", "", 404, "NotFound"),
        row("GET", "/V1.0/Callbacks", "", 404, "NotFound"),
        row("GET", "/v1.0/callbacks//attempts", "", 404, "CallbackNotFound"),
        row("GET", "/v1.0/callbacks/../users", "", 404, "NotFound"),
        row("GET", "/%00", "", 404, "NotFound"),
        row("GET", "/v1.0/callbacks/a/b/c/d", "", 404, "NotFound"),
        row("GET", &format!("/{}", "x".repeat(8_000)), "", 404, "NotFound"),
        row("GET", "/v1.0/callbacks/1", "", 404, "CallbackNotFound"),
        row("GET", "/v1.0/callbacks/%FF", "", 404, "CallbackNotFound"),
        row("GET", "/v1.0/callbacks/%00", "", 404, "CallbackNotFound"),
        row("GET", "/v1.0/callbacks/%2e%2e%2fusers", "", 404, "CallbackNotFound"),
        row("GET", "/v1.0/callbacks/'%20OR%201=1--", "", 404, "CallbackNotFound"),
        row("GET", &format!("{CALLBACKS}/{}", "a".repeat(5_000)), "", 404, "CallbackNotFound"),
        row("GET", &nobody, "", 404, "CallbackNotFound"),
        row("GET", &format!("{nobody}/history"), "", 404, "CallbackNotFound"),
        row("GET", &format!("{nobody}/attempts"), "", 404, "CallbackNotFound"),
        row("GET", &format!("{nobody}/explain"), "", 404, "CallbackNotFound"),
        row("POST", &format!("{CALLBACKS}/x/cancel"), "", 404, "CallbackNotFound"),
        row("POST", &format!("{CALLBACKS}/x/accept"), "{}", 404, "CallbackNotFound"),
        row("GET", "/v1.0/services/none", "", 404, "ServiceNotFound"),
        row("GET", "/v1.0/users/none", "", 404, "UserNotFound"),
        row("GET", "/v1.0/users/%FF/task", "", 404, "UserNotFound"),
        row("DELETE", "/v1.0/suppressions/none", "", 404, "SuppressionNotFound"),
    ];
    for (method, path) in [
        ("DELETE", CALLBACKS),
        ("PUT", CALLBACKS),
        ("GET", SEARCH),
        ("TRACE", CALLBACKS),
        ("OPTIONS", CALLBACKS),
        ("BREW", SEARCH),
        ("POST", "/v1.0/services/x/queue"),
        ("PATCH", "/v1.0/services/x"),
        ("GET", "/v1.0/users/x/next"),
        ("POST", "/healthz"),
    ] {
        rows.push(row(method, path, "", 405, "MethodNotAllowed"));
    }
    rows
}

fn queries() -> Vec<Row> {
    [
        ("GET", CALLBACKS, ""),
        ("GET", "/v1.0/callbacks?externalTaskId=", ""),
        ("GET", "/v1.0/callbacks?externalTaskId=a&externalTaskId=b", ""),
        ("GET", "/v1.0/callbacks?externalTaskID=a&x=1", ""),
        ("POST", "/v1.0/callbacks?dryRun=maybe", "{}"),
        ("POST", "/v1.0/callbacks?dryRum=true", "{}"),
        ("POST", "/v1.0/callbacks/search?cursor=AAAA", "{}"),
        ("POST", "/v1.0/callbacks/search?cursor=%00%FF", "{}"),
        ("POST", "/v1.0/callbacks/search?cursor=", "{}"),
        ("POST", "/v1.0/callbacks/search?limit=1", "{}"),
        ("GET", "/v1.0/suppressions?limit=0", ""),
        ("GET", "/v1.0/suppressions?limit=1001", ""),
        ("GET", "/v1.0/suppressions?after=-1", ""),
        ("GET", "/v1.0/suppressions?after=99999999999999999999", ""),
        ("GET", "/v1.0/suppressions?target=tel:%00", ""),
    ]
    .map(|(method, path, body)| row(method, path, body, 400, "ValidationFailed"))
    .into()
}

fn bodies() -> Vec<Row> {
    let deep = format!("{}{}", "[".repeat(100_000 / 2), "]".repeat(10));
    let deep_object = "{\"a\":".repeat(200);
    let malformed: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b" ".to_vec(),
        b"{".to_vec(),
        b"{}{}".to_vec(),
        b"{\"a\":}".to_vec(),
        b"{'a':1}".to_vec(),
        b"{\"a\":1,}".to_vec(),
        b"nul".to_vec(),
        b"NaN".to_vec(),
        b"1e999".to_vec(),
        b"\xef\xbb\xbf{}".to_vec(),
        b"{\"Target\":\"\xff\xfe\"}".to_vec(),
        b"{\"Target\":\"\\ud800\"}".to_vec(),
        b"{\"Target\":\"a\nb\"}".to_vec(),
        b"\0\0\0\0".to_vec(),
        "{}".encode_utf16().flat_map(u16::to_le_bytes).collect(),
        b"Target=sip:a@b".to_vec(),
        deep.into_bytes(),
        deep_object.into_bytes(),
    ];
    let mut rows: Vec<Row> =
        malformed.iter().map(|body| typed(Some(JSON), body, 400, "MalformedJson")).collect();
    for body in ["null", "[]", "7", "\"x\"", "true"] {
        rows.push(row("POST", SEARCH, body, 400, "ValidationFailed"));
    }
    rows.extend([
        typed(None, b"{}", 415, "UnsupportedMediaType"),
        typed(Some("text/plain"), b"{}", 415, "UnsupportedMediaType"),
        typed(Some("application/x-www-form-urlencoded"), b"a=b", 415, "UnsupportedMediaType"),
        typed(Some("multipart/form-data; boundary=x"), b"--x--", 415, "UnsupportedMediaType"),
        typed(Some("application/json; charset=utf-16"), b"{}", 415, "UnsupportedMediaType"),
        typed(Some("application/xml"), b"<a/>", 415, "UnsupportedMediaType"),
        typed(Some("json"), b"{}", 415, "UnsupportedMediaType"),
        typed(Some(JSON), &vec![b' '; 64 * 1024 + 1], 413, "PayloadTooLarge"),
        row(
            "POST",
            "/v1.0/suppressions/import",
            &" ".repeat(4 * 1024 * 1024 + 1),
            413,
            "PayloadTooLarge",
        ),
    ]);
    rows
}

fn members() -> Vec<Row> {
    let long = format!("{{\"Target\":\"sip:{}@b\"}}", "a".repeat(60_000));
    [
        (CALLBACKS, "{}"),
        (CALLBACKS, r#"{"Target":null,"ServiceSip":null}"#),
        (CALLBACKS, r#"{"Target":"sip:a@b"}"#),
        (CALLBACKS, r#"{"Target":"sip:a\u0000@b","ServiceSip":"sip:smoky.car@dev.local"}"#),
        (CALLBACKS, r#"{"Target":"sip:a@b\r\nX: y","ServiceSip":"sip:smoky.car@dev.local"}"#),
        (CALLBACKS, r#"{"Target":"http://a","ServiceSip":"sip:smoky.car@dev.local"}"#),
        (CALLBACKS, r#"{"Target":"tel:123","ServiceSip":"sip:smoky.car@dev.local"}"#),
        (CALLBACKS, r#"{"Target":["sip:a@b"],"ServiceSip":"sip:smoky.car@dev.local"}"#),
        (CALLBACKS, r#"{"Target":"sip:a@b","ServiceSip":"sip:smoky.car@dev.local","MaxRetries":-1}"#),
        (CALLBACKS, r#"{"Target":"sip:a@b","ServiceSip":"sip:smoky.car@dev.local","MaxRetries":1.5}"#),
        (CALLBACKS, r#"{"Target":"sip:a@b","ServiceSip":"sip:smoky.car@dev.local","MaxRetries":"3"}"#),
        (CALLBACKS, r#"{"Target":"sip:a@b","ServiceSip":"sip:smoky.car@dev.local","MaxRetries":99999999999999999999}"#),
        (CALLBACKS, r#"{"Target":"sip:a@b","ServiceSip":"sip:smoky.car@dev.local","DueDate":"0001-01-01T00:00:00Z"}"#),
        (CALLBACKS, r#"{"Target":"sip:a@b","ServiceSip":"sip:smoky.car@dev.local","DueDate":0}"#),
        (CALLBACKS, r#"{"Target":"sip:a@b","ServiceSip":"sip:smoky.car@dev.local","Description":"\u0000"}"#),
        (CALLBACKS, r#"{"Target":"sip:a@b","ServiceSip":"sip:smoky.car@dev.local","PreferredAgent":"sip:nobody@b"}"#),
        (CALLBACKS, r#"{"Target":"sip:a@b","ServiceSip":"sip:smoky.car@dev.local","__proto__":{}}"#),
        (CALLBACKS, r#"{"Target":"sip:a@b","Target":7,"ServiceSip":"sip:smoky.car@dev.local"}"#),
        (CALLBACKS, &long),
        (SEARCH, r#"{"State":"Queued"}"#),
        (SEARCH, r#"{"State":{"$ne":null}}"#),
        (SEARCH, r#"{"Limit":-1}"#),
        (SEARCH, r#"{"Offset":1e3}"#),
        (SEARCH, r#"{"OrderBy":"Id; DROP TABLE callbacks"}"#),
        (SEARCH, r#"{"SortOrder":"Up"}"#),
        (SEARCH, r#"{"StartDate":"yesterday"}"#),
        (SEARCH, r#"{"ServiceId":"hotline"}"#),
        (SEARCH, r#"{"Agent":"Ann"}"#),
        ("/v1.0/services", "{}"),
        ("/v1.0/users", r#"{"Name":"x","SipUri":"sip:x@b","Services":"all"}"#),
        ("/v1.0/suppressions", r#"{"Target":"sip:a@b","Until":"never"}"#),
        ("/v1.0/suppressions/import", r#"{"0":{}}"#),
    ]
    .map(|(path, body)| row("POST", path, body, 400, "ValidationFailed"))
    .into()
}

#[tokio::test(start_paused = true)]
async fn every_hostile_request_has_its_answer_and_the_service_goes_on() {
    let api = Installation::new().await;
    api.hotline().await;
    let made = api.callback(&json!({})).await;
    let normal = format!("{CALLBACKS}/{}", id(&made));
    let rows = [paths(), queries(), bodies(), members()].concat();
    assert!(rows.len() >= 60);
    for (method, path, kind, body, status, code) in rows {
        let shown = format!("{method} {path:.80} {:.80}", String::from_utf8_lossy(&body));
        let mut request = Request::builder().method(Method::from_bytes(method.as_bytes()).unwrap());
        request = request.uri(&path);
        if let Some(kind) = kind {
            request = request.header("Content-Type", kind);
        }
        let answer = api.send(request.body(Body::from(body)).unwrap()).await;
        let told = (answer.status.as_u16(), answer.body["Error"]["Code"].as_str());
        assert_eq!(told, (status, Some(code)), "{shown}: {}", answer.body);
        assert_eq!(answer.headers.contains_key("allow"), status == 405, "{shown}");
        assert!(answer.body.to_string().len() < 10_000, "{shown}");
        answer.refused(status, code);
        api.get(&normal).await.expect(200);
    }
    assert_eq!(api.post(SEARCH, &json!({})).await.header("x-total-count"), "1");
}

#[tokio::test(start_paused = true)]
async fn hostile_headers_are_refused_or_ignored() {
    let api = Installation::new().await;
    api.hotline().await;
    let body = json!({"Target": "sip:a@b", "ServiceSip": "sip:smoky.car@dev.local"});
    let long = "k".repeat(256);
    for key in ["", " ", "a b", "schl\u{fc}ssel", &long] {
        let headers = [("Idempotency-Key", key)];
        let refused = api.with_headers(Method::POST, CALLBACKS, &headers, &body).await;
        let refused = refused.refused(400, "ValidationFailed");
        assert_eq!(refused["Error"]["Details"][0]["Member"], "Idempotency-Key");
    }
    let twice = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")];
    let refused = api.with_headers(Method::POST, CALLBACKS, &twice, &body).await;
    refused.refused(400, "ValidationFailed");
    let longest = "k".repeat(255);
    let headers =
        [("Idempotency-Key", longest.as_str()), ("Prefer", "\u{fc}=;,="), ("Expect", "x")];
    api.with_headers(Method::POST, CALLBACKS, &headers, &body).await.expect(201);
    for odd in ["a b", "", &"i".repeat(129)] {
        let answer =
            api.with_headers(Method::POST, SEARCH, &[("X-Request-Id", odd)], &json!({})).await;
        assert_ne!(answer.header("x-request-id"), odd);
        answer.expect(200);
    }
}

#[tokio::test(start_paused = true)]
async fn malformed_json_is_shown_by_line_and_column() {
    let api = Installation::new().await;
    let request = Request::post(SEARCH).header("Content-Type", JSON);
    let answer = api.send(request.body(Body::from("{\n  \"a\": ?}")).unwrap()).await;
    let body = answer.refused(400, "MalformedJson");
    assert!(body["detail"].as_str().unwrap().contains("line 2 column 8"), "{body}");
}

#[tokio::test(start_paused = true)]
async fn json_is_taken_under_the_labels_of_generated_clients() {
    let api = Installation::new().await;
    for kind in
        [JSON, "Application/JSON; Charset=\"UTF-8\"", "text/json", "application/json-patch+json"]
    {
        let request = Request::post(SEARCH).header("Content-Type", kind);
        let answer = api.send(request.body(Body::from("{}")).unwrap()).await;
        assert_eq!(answer.status.as_u16(), 200, "{kind}");
    }
}
