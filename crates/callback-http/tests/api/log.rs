//! What is logged of requests, and what is not.

use std::cell::RefCell;
use std::io::{self, Write};

use serde_json::json;

use crate::access::{FILE, Floor, ask};
use crate::harness::{Installation, NOBODY};

thread_local! {
    /// What was logged on this thread, which is that of one test.
    static LINES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

struct Lines;

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LINES.with_borrow_mut(|lines| lines.extend(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_is_logged_by_its_route_and_never_with_a_number() {
    // For the whole process: what other threads find unheard would stay unheard here too.
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(|| Lines)
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let api = Installation::new().await;
    api.hotline().await;
    let wish = json!({"Target": "tel:+41785556677", "ExternalTaskId": "+41785556677"});
    let made = api.callback(&wish).await;
    api.get("/v1.0/callbacks?externalTaskId=%2B41785556677").await.expect(200);
    api.get("/v1.0/callbacks/+41785556677").await.refused(404, "CallbackNotFound");
    api.get("/+41785556677").await.refused(404, "NotFound");
    api.post("/v1.0/suppressions", &json!({"Target": "tel:+41785556677"})).await.expect(201);
    api.post("/v1.0/callbacks", &made).await.refused(409, "TargetSuppressed");
    api.post("/v1.0/callbacks/search", &wish).await.expect(200);
    let token = json!({"LeaseToken": NOBODY, "Detail": "+41785556677"});
    let path = format!("/v1.0/callbacks/{NOBODY}/accept");
    api.post(&path, &token).await.refused(400, "ValidationFailed");
    let floor = Floor::new().await;
    let made = floor.key("Supervisor", json!({})).await;
    for path in ["/v1.0/services", "/v1.0/keys", "/v1.0/none"] {
        ask(&floor.api, &made, "GET", path, &json!(null)).await;
        ask(&floor.api, &format!("{made}0"), "GET", path, &json!(null)).await;
    }
    let secret = made.rsplit('_').next().unwrap();
    let told = ask(&floor.api, FILE, "GET", "/v1.0/keys", &json!(null)).await.expect(200);
    assert!(!told.to_string().contains(secret));
    let text = String::from_utf8(LINES.take()).unwrap();
    assert!(text.contains("/v1.0/callbacks/{id}/accept"), "{text}");
    assert!(text.contains("status=409"), "{text}");
    assert!(text.contains("caller=\"key:"), "{text}");
    assert!(!text.contains(secret) && !text.contains(FILE), "{text}");
    assert!(!text.contains("5556677"), "{text}");
    assert!(!text.contains(NOBODY), "{text}");
}
