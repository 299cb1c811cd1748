//! What is logged of requests, and what is not.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use crate::harness::{Installation, NOBODY};

/// Everything that was logged.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_is_logged_by_its_route_and_never_with_a_number() {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(lines.clone())
        .finish();
    let _logging = tracing::subscriber::set_default(subscriber);
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
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("/v1.0/callbacks/{id}/accept"), "{text}");
    assert!(text.contains("status=409"), "{text}");
    assert!(!text.contains("5556677"), "{text}");
    assert!(!text.contains(NOBODY), "{text}");
}
