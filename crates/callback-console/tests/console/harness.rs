//! An installation in memory behind the console, and browsers with their cookies.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use callback_domain::date;
use callback_domain::dto::KeyRequest;
use callback_engine::clock::RuntimeClock;
use callback_engine::dialer::ManualDialer;
use callback_engine::ledger::Actor;
use callback_engine::memory::MemoryStore;
use callback_engine::mint::Mint;
use callback_engine::{Engine, Running};
use callback_http::{Options, router_with};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use uuid::Uuid;

/// A running installation.
pub(crate) struct Installation {
    pub(crate) router: Router,
    pub(crate) engine: Engine,
    _running: Running,
}

/// A page, or another answer.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

/// A browser: it keeps cookies, and says where its forms come from.
pub(crate) struct Browser<'i> {
    installation: &'i Installation,
    pub(crate) cookies: BTreeMap<String, String>,
}

impl Installation {
    pub(crate) async fn new() -> Self {
        Self::with(Options::default()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let clock = RuntimeClock::starting_at(date::parse("2026-01-05T10:00:00Z").unwrap());
        let store = Arc::new(MemoryStore::new(Uuid::from_u128(1), Arc::new(clock)));
        let parts = Engine::start_shared(store, Arc::new(ManualDialer), Mint::seeded(1)).await;
        let (engine, running) = parts.unwrap();
        let router = router_with(engine.clone(), options, callback_console::console);
        Self { router, engine, _running: running }
    }

    pub(crate) fn browser(&self) -> Browser<'_> {
        Browser { installation: self, cookies: BTreeMap::new() }
    }

    /// A browser whose owner signed in by a key.
    pub(crate) async fn signed_in(&self, key: &str) -> Browser<'_> {
        let mut browser = self.browser();
        let page = browser.sign_in(key).await;
        assert_eq!(page.status, 303, "{}", page.text);
        browser
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Page {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Page { status: parts.status, headers: parts.headers, text }
    }

    /// Asks the API; with a key once there is one.
    pub(crate) async fn api(&self, key: &str, method: &str, path: &str, body: &Value) -> Value {
        let mut request = Request::builder().method(method).uri(path);
        if !key.is_empty() {
            request = request.header("x-api-key", key);
        }
        let request = request.header("content-type", "application/json");
        let page = self.send(request.body(Body::from(body.to_string())).unwrap()).await;
        assert!(page.status.is_success(), "{method} {path}: {}", page.text);
        serde_json::from_str(&page.text).unwrap_or_default()
    }

    /// The hotline with an agent who is there; answers both ids.
    pub(crate) async fn floor(&self) -> (String, String) {
        let service = json!({
            "Name": "Hotline", "SipUri": "sip:hotline@dev.local", "DirectionType": "InboundOutbound",
        });
        let service = id(&self.api("", "POST", "/v1.0/services", &service).await);
        let user = json!({
            "Name": "Ann", "SipUri": "sip:ann@dev.local", "Services": [service],
            "Presence": "Available",
        });
        (service, id(&self.api("", "POST", "/v1.0/users", &user).await))
    }

    /// A key of a role; the first is made where the store is.
    pub(crate) async fn key(&self, admin: &str, role: &str, more: &Value) -> String {
        let mut body = json!({"Name": format!("the {role}"), "Role": role});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        if admin.is_empty() {
            let request = KeyRequest::read(&body).unwrap();
            let made = self.engine.create_key(Actor::Operator, request, None).await;
            return made.unwrap().1.reveal();
        }
        let made = self.api(admin, "POST", "/v1.0/keys", &body).await;
        made["Key"].as_str().unwrap().to_owned()
    }
}

impl Browser<'_> {
    pub(crate) async fn get(&mut self, path: &str) -> Page {
        self.send(Request::get(path), Body::empty()).await
    }

    /// Sends the form of a page, with its token and what was filled in.
    pub(crate) async fn submit(&mut self, page: &Page, to: &str, fields: &[(&str, &str)]) -> Page {
        let token = page.field("token").expect("a page with a form has its token");
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("token", &token).extend_pairs(fields);
        self.post(to, form.finish(), &[]).await
    }

    pub(crate) async fn post(&mut self, to: &str, form: String, more: &[(&str, &str)]) -> Page {
        let mut request = Request::post(to)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("origin", "http://localhost")
            .header("sec-fetch-site", "same-origin");
        for (name, value) in more {
            request
                .headers_mut()
                .unwrap()
                .insert(axum::http::HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
        }
        self.send(request, Body::from(form)).await
    }

    pub(crate) async fn sign_in(&mut self, key: &str) -> Page {
        let page = self.get("/console/sign-in").await;
        self.submit(&page, "/console/sign-in", &[("key", key)]).await
    }

    async fn send(&mut self, request: axum::http::request::Builder, body: Body) -> Page {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = request.header("host", "localhost").header("cookie", cookies.join("; "));
        let page = self.installation.send(request.body(body).unwrap()).await;
        for cookie in page.headers.get_all("set-cookie") {
            let (pair, rest) = cookie.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if rest.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        page
    }
}

impl Page {
    /// What a field of the page holds, the first of its name.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        let (_, rest) = self.text.split_once(&format!("name=\"{name}\" value=\""))?;
        rest.split_once('"').map(|(value, _)| value.to_owned())
    }

    pub(crate) fn leads_to(&self) -> &str {
        assert_eq!(self.status, 303, "{}", self.text);
        self.headers["location"].to_str().unwrap()
    }

    #[track_caller]
    pub(crate) fn shows(&self, text: &str) {
        assert!(self.text.contains(text), "{text:?} is not in {}", self.text);
    }

    #[track_caller]
    pub(crate) fn hides(&self, text: &str) {
        assert!(!self.text.contains(text), "{text:?} is in {}", self.text);
    }
}

pub(crate) fn id(body: &Value) -> String {
    body["Id"].as_str().unwrap().to_owned()
}
