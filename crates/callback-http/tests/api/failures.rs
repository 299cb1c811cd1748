//! A store that fails: what callers are told, and that it is told to nobody as success.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use axum::http::Request;
use callback_domain::agent::Agent;
use callback_domain::attempt::Attempt;
use callback_domain::callback::Callback;
use callback_domain::date::Instant;
use callback_domain::id::CallbackId;
use callback_domain::search::{Cursor, Query};
use callback_domain::service::Service;
use callback_domain::target::TargetKey;
use callback_engine::Error;
use callback_engine::access::Key;
use callback_engine::command::{Command, Done};
use callback_engine::commits::Commits;
use callback_engine::intervals::Interval;
use callback_engine::ledger::{Line, Subject};
use callback_engine::memory::MemoryStore;
use callback_engine::store::{Store, StoreError};
use callback_engine::suppression::Suppression;
use callback_http::Options;
use http_body_util::BodyExt as _;
use serde_json::json;
use tower::ServiceExt as _;
use uuid::Uuid;

use crate::harness::{Installation, JSON, id, memory};

/// What goes wrong with every use of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    None,
    Unavailable,
    Full,
    Corrupt,
    Slow,
    Panic,
}

/// A store in memory that can be made to fail.
struct Troubled {
    inner: Arc<MemoryStore>,
    trouble: Mutex<Trouble>,
}

impl Troubled {
    fn new() -> Arc<Self> {
        Arc::new(Self { inner: memory(), trouble: Mutex::new(Trouble::None) })
    }

    fn now_has(&self, trouble: Trouble) {
        *self.trouble.lock().unwrap() = trouble;
    }

    async fn suffer(&self) -> Result<(), StoreError> {
        let (during, cause) = ("a test", "secret words".to_owned());
        let trouble = *self.trouble.lock().unwrap();
        match trouble {
            Trouble::None => Ok(()),
            Trouble::Unavailable => Err(StoreError::Unavailable { during, cause }),
            Trouble::Full => Err(StoreError::Full { during, cause }),
            Trouble::Corrupt => {
                Err(StoreError::Corrupt { table: "t", column: "c", id: "1".to_owned(), cause })
            }
            Trouble::Slow => {
                tokio::time::sleep(Duration::from_secs(3_600)).await;
                Ok(())
            }
            Trouble::Panic => panic!("a test panics on purpose"),
        }
    }
}

#[async_trait]
impl Store for Troubled {
    async fn run(&self, command: Command) -> Result<Done, Error> {
        self.suffer().await?;
        self.inner.run(command).await
    }

    async fn now(&self) -> Result<Instant, StoreError> {
        self.inner.now().await
    }

    fn is_exclusive(&self) -> bool {
        true
    }

    fn fault(&self) -> Option<String> {
        let full = *self.trouble.lock().unwrap() == Trouble::Full;
        full.then(|| "no space left on device".to_owned())
    }

    fn commits(&self) -> &Commits {
        self.inner.commits()
    }

    async fn installation(&self) -> Result<Uuid, StoreError> {
        self.inner.installation().await
    }

    async fn callback(&self, id: CallbackId) -> Result<Option<Callback>, StoreError> {
        self.suffer().await?;
        self.inner.callback(id).await
    }

    async fn callback_by_external_task_id(
        &self,
        key: &str,
    ) -> Result<Option<Callback>, StoreError> {
        self.suffer().await?;
        self.inner.callback_by_external_task_id(key).await
    }

    async fn page(
        &self,
        query: &Query,
        after: Option<&Cursor>,
        offset: u64,
        limit: usize,
    ) -> Result<Vec<Callback>, StoreError> {
        self.suffer().await?;
        self.inner.page(query, after, offset, limit).await
    }

    async fn count(&self, query: &Query) -> Result<u64, StoreError> {
        self.suffer().await?;
        self.inner.count(query).await
    }

    async fn services(&self) -> Result<Vec<Service>, StoreError> {
        self.suffer().await?;
        self.inner.services().await
    }

    async fn agents(&self) -> Result<Vec<Agent>, StoreError> {
        self.suffer().await?;
        self.inner.agents().await
    }

    async fn attempts(&self, callback: CallbackId) -> Result<Vec<Attempt>, StoreError> {
        self.suffer().await?;
        self.inner.attempts(callback).await
    }

    async fn ledger(
        &self,
        subject: Option<Subject>,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Line>, StoreError> {
        self.suffer().await?;
        self.inner.ledger(subject, after, limit).await
    }

    async fn suppressions(
        &self,
        key: Option<&TargetKey>,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Suppression>, StoreError> {
        self.suffer().await?;
        self.inner.suppressions(key, after, limit).await
    }

    async fn suppression(&self, id: Uuid) -> Result<Option<Suppression>, StoreError> {
        self.suffer().await?;
        self.inner.suppression(id).await
    }

    async fn intervals(&self, from: Instant, hours: u32) -> Result<Vec<Interval>, StoreError> {
        self.suffer().await?;
        self.inner.intervals(from, hours).await
    }

    async fn keys(&self) -> Result<Vec<Key>, StoreError> {
        self.suffer().await?;
        self.inner.keys().await
    }

    async fn next_deadline(&self) -> Result<Option<Instant>, StoreError> {
        self.inner.next_deadline().await
    }
}

#[tokio::test(start_paused = true)]
async fn each_trouble_of_the_store_has_its_answer_and_passes() {
    let store = Troubled::new();
    let api = Installation::on(Arc::clone(&store) as Arc<dyn Store>, Options::default()).await;
    api.hotline().await;
    let made = api.callback(&json!({})).await;
    let path = format!("/v1.0/callbacks/{}", id(&made));
    for (trouble, status, code) in [
        (Trouble::Unavailable, 503, "StorageUnavailable"),
        (Trouble::Full, 507, "StorageFull"),
        (Trouble::Corrupt, 500, "Internal"),
        (Trouble::Slow, 503, "Timeout"),
        (Trouble::Panic, 500, "Internal"),
    ] {
        store.now_has(trouble);
        let answers = [
            api.get(&path).await,
            api.post("/v1.0/callbacks", &made).await,
            api.post("/v1.0/callbacks/search", &json!({})).await,
            api.get("/v1.0/services").await,
        ];
        for answer in answers {
            assert_eq!(answer.headers.contains_key("retry-after"), status != 500, "{trouble:?}");
            assert!(answer.headers.contains_key("x-request-id"), "{trouble:?}");
            let body = answer.refused(status, code);
            assert!(!body.to_string().contains("secret"), "the store's words stay in the log");
        }
        api.get("/healthz").await.expect(200);
        store.now_has(Trouble::None);
        api.get(&path).await.expect(200);
    }
}

#[tokio::test(start_paused = true)]
async fn readiness_names_the_stores_fault() {
    let store = Troubled::new();
    let api = Installation::on(Arc::clone(&store) as Arc<dyn Store>, Options::default()).await;
    api.get("/readyz").await.expect(200);
    store.now_has(Trouble::Full);
    let body = api.get("/readyz").await.refused(503, "StorageUnavailable");
    assert!(body["detail"].as_str().unwrap().contains("no space left on device"));
    store.now_has(Trouble::None);
    api.get("/readyz").await.expect(200);
}

#[tokio::test(start_paused = true)]
async fn a_failure_in_the_middle_breaks_the_answer_instead_of_ending_it() {
    let store = Troubled::new();
    let api = Installation::on(Arc::clone(&store) as Arc<dyn Store>, Options::default()).await;
    api.hotline().await;
    for _ in 0..600 {
        api.callback(&json!({})).await;
    }
    let request = Request::post("/v1.0/callbacks/search").header("Content-Type", JSON);
    let request = request.body(Body::from("{}")).unwrap();
    let response = api.router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
    let mut body = response.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert!(first.starts_with(b"[{") && !first.ends_with(b"]"));
    store.now_has(Trouble::Unavailable);
    assert!(body.frame().await.unwrap().is_err());
    store.now_has(Trouble::None);
    api.post("/v1.0/callbacks/search", &json!({})).await.expect(200);
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_events_reads_one_batch_ahead_and_breaks_with_the_store() {
    let store = Troubled::new();
    let first = Installation::on(Arc::clone(&store) as Arc<dyn Store>, Options::default()).await;
    first.hotline().await;
    for _ in 0..600 {
        first.callback(&json!({"DueDate": "2030-01-01T00:00"})).await;
    }
    // Another one, whose tail begins after all that.
    let api = Installation::on(Arc::clone(&store) as Arc<dyn Store>, Options::default()).await;
    let request = Request::get("/v1.0/events?from=start").body(Body::empty()).unwrap();
    let response = api.router.clone().oneshot(request).await.unwrap();
    let mut body = response.into_body();
    for _ in 0..2 {
        body.frame().await.unwrap().unwrap();
    }
    store.now_has(Trouble::Unavailable);
    let mut rest = 0;
    while body.frame().await.unwrap().is_ok() {
        rest += 1;
    }
    assert_eq!(rest, 99, "of the batch of a hundred, one was taken before");
    assert!(body.frame().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_comes_is_not_waited_for() {
    let api = Installation::new().await;
    let silence = futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>();
    let request = Request::post("/v1.0/callbacks/search").header("Content-Type", JSON);
    let request = request.body(Body::from_stream(silence)).unwrap();
    api.send(request).await.refused(408, "Timeout");
    let torn = futures_util::stream::iter([Err::<Vec<u8>, _>(std::io::Error::other("torn"))]);
    let request = Request::post("/v1.0/callbacks/search").header("Content-Type", JSON);
    let request = request.body(Body::from_stream(torn)).unwrap();
    api.send(request).await.refused(400, "MalformedJson");
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_goes_away_does_not_stop_what_was_begun() {
    let store = Troubled::new();
    let api = Installation::on(Arc::clone(&store) as Arc<dyn Store>, Options::default()).await;
    let body =
        json!({"Name": "Hotline", "SipUri": "sip:hot@dev.local", "DirectionType": "Outbound"});
    store.now_has(Trouble::Slow);
    api.post("/v1.0/services", &body).await.refused(503, "Timeout");
    store.now_has(Trouble::None);
    assert_eq!(api.get("/v1.0/services").await.expect(200), json!([]));
    tokio::time::sleep(Duration::from_secs(4_000)).await;
    assert_eq!(api.get("/v1.0/services").await.expect(200).as_array().unwrap().len(), 1);
}
