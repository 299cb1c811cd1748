//! An installation in memory behind a router, and what it answers.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use callback_domain::date::{self, Instant};
use callback_engine::clock::RuntimeClock;
use callback_engine::dialer::ManualDialer;
use callback_engine::memory::MemoryStore;
use callback_engine::mint::Mint;
use callback_engine::store::Store;
use callback_engine::{Engine, Running};
use callback_http::{Options, router};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use uuid::Uuid;

pub(crate) const INSTALLATION: Uuid = Uuid::from_u128(0x9925_c9b8_8924_49df_ac77_f48d_c35f_40da);
pub(crate) const START: &str = "2019-06-25T07:31:00Z";
pub(crate) const JSON: &str = "application/json";
pub(crate) const NOBODY: &str = "00000000-0000-0000-0000-00000000dead";

pub(crate) fn start() -> Instant {
    date::parse(START).unwrap()
}

/// A running installation.
pub(crate) struct Installation {
    pub(crate) router: Router,
    pub(crate) engine: Engine,
    _running: Running,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Installation {
    pub(crate) async fn new() -> Self {
        Self::with(Options::default()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        Self::on(memory(), options).await
    }

    pub(crate) async fn on(store: Arc<dyn Store>, options: Options) -> Self {
        let dialer = Arc::new(ManualDialer);
        let (engine, running) = Engine::start_shared(store, dialer, Mint::seeded(1)).await.unwrap();
        Self { router: router(engine.clone(), options), engine, _running: running }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body =
            if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// What is answered, as text.
    pub(crate) async fn text(&self, request: Request<Body>) -> String {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Request::delete(path).body(Body::empty()).unwrap()).await
    }

    /// A POST without a body.
    pub(crate) async fn poke(&self, path: &str) -> Answer {
        self.send(Request::post(path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.with_headers(Method::POST, path, &[], body).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Answer {
        self.with_headers(Method::PUT, path, &[], body).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.with_headers(Method::PATCH, path, &[], body).await
    }

    pub(crate) async fn with_headers(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("Content-Type", JSON);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    /// The hotline of the use case, open always; answers its id.
    pub(crate) async fn hotline(&self) -> String {
        self.service(&json!({})).await
    }

    /// The hotline with other settings.
    pub(crate) async fn service(&self, settings: &Value) -> String {
        let mut body = json!({
            "Name": "Hotline",
            "SipUri": "sip:smoky.car@dev.local",
            "DirectionType": "InboundOutbound",
        });
        merge(&mut body, settings);
        self.post("/v1.0/services", &body).await.expect(201)["Id"].as_str().unwrap().to_owned()
    }

    /// An available agent of a service.
    pub(crate) async fn agent(&self, service: &str, settings: &Value) -> String {
        let mut body = json!({
            "Name": "Ann",
            "SipUri": "sip:ann@dev.local",
            "Services": [service],
            "Presence": "Available",
        });
        merge(&mut body, settings);
        self.post("/v1.0/users", &body).await.expect(201)["Id"].as_str().unwrap().to_owned()
    }

    /// A callback of the hotline; answers it.
    pub(crate) async fn callback(&self, settings: &Value) -> Value {
        let mut body =
            json!({"Target": "sip:smoky.qq@dev.local", "ServiceSip": "sip:smoky.car@dev.local"});
        merge(&mut body, settings);
        self.post("/v1.0/callbacks", &body).await.expect(201)
    }
}

impl Answer {
    /// The body of an answer with this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self.body
    }

    /// The body of a refusal with this status and code, which is a problem document.
    #[track_caller]
    pub(crate) fn refused(self, status: u16, code: &str) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        assert_eq!(self.headers["content-type"], "application/problem+json");
        let body = self.body;
        assert_eq!(body["Error"]["Code"], code, "{body}");
        assert_eq!(body["status"], status);
        for member in ["type", "title", "detail"] {
            assert!(body[member].as_str().is_some_and(|text| !text.is_empty()), "{body}");
        }
        assert_eq!(body["Error"]["Message"], body["detail"]);
        assert!(body["Error"]["Details"].is_array());
        body
    }

    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    /// Where `Link` leads.
    pub(crate) fn next(&self) -> Option<String> {
        let link = self.headers.get("link")?.to_str().ok()?;
        link.strip_prefix('<')?.strip_suffix(">; rel=\"next\"").map(str::to_owned)
    }
}

pub(crate) fn memory() -> Arc<MemoryStore> {
    Arc::new(MemoryStore::new(INSTALLATION, Arc::new(RuntimeClock::starting_at(start()))))
}

pub(crate) fn id(body: &Value) -> &str {
    body["Id"].as_str().unwrap()
}

pub(crate) fn merge(body: &mut Value, settings: &Value) {
    let members = settings.as_object().unwrap().clone();
    body.as_object_mut().unwrap().extend(members);
}

/// Members and codes of the problems named in a refusal.
pub(crate) fn details(body: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let details = body["Error"]["Details"].as_array().unwrap().iter();
    details.map(|problem| (text(&problem["Member"]), text(&problem["Code"]))).collect()
}

/// Lets the engine do all that is due; the clock is paused, so this takes no time.
pub(crate) async fn settle() {
    pass(Duration::from_millis(1)).await;
}

/// Lets time pass on the paused clock.
pub(crate) async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}
