//! Webhooks over real connections, to a receiver that fails in every way and comes back.

#![expect(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that panics, or has an answer of another kind, fails"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use callback_domain::callback::Creator;
use callback_domain::dto::{CreateRequest, ServiceRequest, WebhookRequest};
use callback_domain::id::CallbackId;
use callback_engine::access::Scope;
use callback_engine::clock::SystemClock;
use callback_engine::command::Motion;
use callback_engine::dialer::ManualDialer;
use callback_engine::engine::requests::{Created, Creation};
use callback_engine::ledger::{Actor, Subject};
use callback_engine::memory::MemoryStore;
use callback_engine::mint::Mint;
use callback_engine::store::Store;
use callback_engine::webhook::{DeliveryState, Order, Policy, Post as _, Reply, Request, Webhook};
use callback_engine::{Engine, Running};
use callback_http::{Limits, Networks, Sender, Tally};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use uuid::Uuid;

/// How long anything here may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a receiver may take.
const TOTAL: Duration = Duration::from_millis(250);

/// What a receiver does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Mood {
    Takes,
    TakesWithLongAnswer,
    Fails,
    Redirects,
    HangsUp,
    Sleeps,
}

/// A request as it came.
#[derive(Clone, Debug)]
struct Received {
    path: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
    mood: Mood,
}

/// A receiver, until it is dropped.
struct Receiver {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
    _tasks: JoinSet<()>,
}

impl Receiver {
    async fn open(address: &str, mood: impl Fn(usize) -> Mood + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let received = Arc::new(Mutex::new(Vec::new()));
        let (kept, mood) = (Arc::clone(&received), Arc::new(mood));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((connection, _)) = listener.accept().await {
                let (kept, mood) = (Arc::clone(&kept), Arc::clone(&mood));
                connections.spawn(async move {
                    let _closed = take(connection, address, &kept, &*mood).await;
                });
            }
        });
        Self { address, received, _tasks: tasks }
    }

    fn url(&self) -> String {
        format!("http://{}/hooks", self.address)
    }

    fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

/// Takes one request and answers it, or does not.
async fn take(
    mut connection: TcpStream,
    own: SocketAddr,
    received: &Mutex<Vec<Received>>,
    mood: &(dyn Fn(usize) -> Mood + Send + Sync),
) -> Option<()> {
    let mut read = Vec::new();
    let (head, body) = loop {
        if connection.read_buf(&mut read).await.ok()? == 0 {
            return None;
        }
        let Some(end) = read.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { continue };
        let head = String::from_utf8(read[..end].to_vec()).unwrap();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.unwrap().parse().unwrap();
        if read.len() >= end + 4 + length {
            break (head, read[end + 4..].to_vec());
        }
    };
    let mut lines = head.lines();
    let path = lines.next().unwrap().split(' ').nth(1).unwrap().to_owned();
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let mood = {
        let mut all = received.lock().unwrap();
        let mood = mood(all.len());
        all.push(Received { path, headers, body, mood });
        mood
    };
    let answer = match mood {
        Mood::Takes => "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n".to_owned(),
        Mood::TakesWithLongAnswer => {
            // Longer than is read, and never whole.
            format!("HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n{}", "x".repeat(40_000))
        }
        Mood::Fails => {
            "HTTP/1.1 500 Oops\r\nContent-Length: 4\r\nConnection: close\r\n\r\nsick".to_owned()
        }
        Mood::Redirects => format!(
            "HTTP/1.1 307 Elsewhere\r\nLocation: http://{own}/trap\r\nContent-Length: 0\r\n\r\n"
        ),
        Mood::HangsUp => return None,
        Mood::Sleeps => {
            tokio::time::sleep(PATIENCE).await;
            return None;
        }
    };
    connection.write_all(answer.as_bytes()).await.ok()
}

/// An installation in memory that delivers with hardly a pause.
struct Installation {
    engine: Engine,
    store: Arc<MemoryStore>,
    _running: Running,
    _delivering: callback_engine::engine::webhooks::Delivering,
}

impl Installation {
    async fn new() -> Self {
        let store = Arc::new(MemoryStore::new(Uuid::from_u128(1), Arc::new(SystemClock)));
        let shared = Arc::clone(&store) as Arc<dyn Store>;
        let started = Engine::start_shared(shared, Arc::new(ManualDialer), Mint::seeded(3));
        let (engine, running) = started.await.unwrap();
        let policy =
            Policy { first_pause_seconds: 0, longest_pause_seconds: 0, ..Policy::default() };
        let delivering = engine.deliver(Arc::new(sender(&inside())), policy);
        let body = json!({
            "Name": "Hotline", "SipUri": "sip:smoky.car@dev.local", "DirectionType": "Outbound",
        });
        let service = ServiceRequest::read(&body).unwrap();
        engine.create_service(Actor::Operator, service).await.unwrap();
        Self { engine, store, _running: running, _delivering: delivering }
    }

    async fn subscribe(&self, url: String) -> Webhook {
        let request =
            WebhookRequest { url, events: None, services: None, description: None, enabled: true };
        match self.engine.webhooks(Actor::Operator, Order::Create(request)).await.unwrap() {
            Reply::Webhook(webhook) => *webhook,
            other => panic!("a creation answered {other:?}"),
        }
    }

    async fn ended_callback(&self, number: usize) -> CallbackId {
        let body = json!({
            "Target": format!("tel:+4178555{number:04}"), "ServiceSip": "sip:smoky.car@dev.local",
        });
        let request = CreateRequest::read(&body, false);
        let creation = Creation {
            creator: Creator::Api,
            initiator: None,
            idempotency: None,
            dry_run: false,
            within: Scope::All,
        };
        let created = self.engine.create(Actor::Operator, request, creation).await.unwrap();
        let Created::New(callback) = created else { panic!("it is there already") };
        self.engine
            .move_callback(Actor::Operator, callback.id, Motion::Cancel, None)
            .await
            .unwrap();
        callback.id
    }

    async fn history(&self, callback: CallbackId) -> Vec<String> {
        let subject = Some(Subject::Callback(callback));
        let lines = self.store.ledger(subject, 0, 100).await.unwrap();
        lines.into_iter().map(|line| line.what).collect()
    }

    /// Waits until nothing is on its way any more.
    async fn all_delivered(&self, webhook: &Webhook, at_least: usize) {
        let count = async |state| {
            let order = Order::Deliveries {
                webhook: webhook.id,
                state: Some(state),
                before: None,
                limit: 9_999,
            };
            match self.engine.webhooks(Actor::Operator, order).await.unwrap() {
                Reply::Deliveries(found) => found.len(),
                other => panic!("a list answered {other:?}"),
            }
        };
        wait_for(async || {
            count(DeliveryState::Pending).await == 0
                && count(DeliveryState::Delivered).await >= at_least
        })
        .await;
        assert_eq!(count(DeliveryState::Failed).await, 0);
    }
}

/// Waits for a condition of the real world, which has no event to wait for.
async fn wait_for(condition: impl AsyncFn() -> bool) {
    let began = Instant::now();
    while !condition().await {
        assert!(began.elapsed() < PATIENCE, "it does not come to pass");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn inside() -> Networks {
    Networks { allow_private: true, ..Networks::default() }
}

fn sender(networks: &Networks) -> Sender {
    Sender::new(networks, &Tally::default(), Limits { total: TOTAL }).unwrap()
}

/// The body, if the signature is right by somebody else's implementation.
fn verified(received: &Received, secret: &str) -> Value {
    let mut headers = axum::http::HeaderMap::new();
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        headers.insert(name, received.headers[name].parse().unwrap());
    }
    let verifier = standardwebhooks::Webhook::new(secret).unwrap();
    verifier.verify(&received.body, &headers).unwrap();
    serde_json::from_slice(&received.body).unwrap()
}

#[tokio::test]
async fn every_event_arrives_in_order_at_a_receiver_that_fails_in_every_way() {
    const CALLBACKS: usize = 40;
    let installation = Installation::new().await;
    let moods = |number: usize| match (number * 7) % 13 {
        _ if number > 150 => Mood::Takes,
        0 | 5 => Mood::Fails,
        1 => Mood::Redirects,
        2 | 8 => Mood::HangsUp,
        3 => Mood::Sleeps,
        4 => Mood::TakesWithLongAnswer,
        _ => Mood::Takes,
    };
    let first = Receiver::open("127.0.0.1:0", moods).await;
    let webhook = installation.subscribe(first.url()).await;
    let mut ids = Vec::new();
    for number in 0..CALLBACKS / 2 {
        ids.push(installation.ended_callback(number).await);
    }
    wait_for(async || first.received().len() > 20).await;
    let (address, until_it_closed) = (first.address.to_string(), Arc::clone(&first.received));
    drop(first);
    for number in CALLBACKS / 2..CALLBACKS {
        ids.push(installation.ended_callback(number).await);
    }
    let second = Receiver::open(&address, moods).await;
    installation.all_delivered(&webhook, CALLBACKS * 2).await;
    let mut received = until_it_closed.lock().unwrap().clone();
    received.extend(second.received());

    let secret = webhook.secret.shown();
    let mut seen = BTreeSet::new();
    let mut told = BTreeMap::<String, Vec<String>>::new();
    for one in &received {
        assert_eq!(one.path, "/hooks", "no redirect is followed");
        assert_eq!(one.headers["content-type"], "application/json");
        let body = verified(one, &secret);
        let taken = matches!(one.mood, Mood::Takes | Mood::TakesWithLongAnswer);
        if taken && seen.insert(one.headers["webhook-id"].clone()) {
            let subject = body["data"]["Subject"]["Id"].as_str().unwrap().to_owned();
            told.entry(subject).or_default().push(body["type"].as_str().unwrap().to_owned());
        }
    }
    for id in &ids {
        assert_eq!(told[&id.to_string()], installation.history(*id).await);
    }
    let moods: BTreeSet<Mood> = received.iter().map(|one| one.mood).collect();
    assert_eq!(moods.len(), 6, "every way was tried: {moods:?}");
}

#[tokio::test]
async fn a_rotated_secret_and_the_old_one_both_verify() {
    let installation = Installation::new().await;
    let receiver = Receiver::open("127.0.0.1:0", |_| Mood::Takes).await;
    let old = installation.subscribe(receiver.url()).await;
    let order = Order::Rotate { webhook: old.id, overlap_seconds: 60 };
    let new = match installation.engine.webhooks(Actor::Operator, order).await.unwrap() {
        Reply::Webhook(webhook) => *webhook,
        other => panic!("a rotation answered {other:?}"),
    };
    installation.ended_callback(1).await;
    installation.all_delivered(&old, 3).await;
    let received = receiver.received();
    let last = received.last().unwrap();
    assert_eq!(verified(last, &old.secret.shown()), verified(last, &new.secret.shown()));
}

#[tokio::test]
async fn what_is_inside_is_not_reached_by_number_or_by_name() {
    let receiver = Receiver::open("127.0.0.1:0", |_| Mood::Takes).await;
    let port = receiver.address.port();
    let request = |url: String| Request {
        url,
        id: "a".to_owned(),
        timestamp: 1,
        signature: "v1,x".to_owned(),
        body: b"{}".to_vec(),
    };
    let closed = sender(&Networks::default());
    for host in ["127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]"] {
        let posted = closed.post(request(format!("http://{host}:{port}/?secret=1"))).await;
        assert_eq!(posted.status, None, "{host}");
        assert!(posted.detail.contains("may be reached"), "{host}: {}", posted.detail);
        assert!(!posted.detail.contains("secret"), "{}", posted.detail);
    }
    assert!(receiver.received().is_empty());
    let allowed = vec!["127.0.0.0/8".parse().unwrap()];
    let open = sender(&Networks { allowed, ..Networks::default() });
    for host in ["127.0.0.1", "localhost"] {
        let posted = open.post(request(format!("http://{host}:{port}/"))).await;
        assert_eq!(posted.status, Some(204), "{host}: {}", posted.detail);
    }
}

#[tokio::test]
async fn an_answer_is_kept_in_short_and_a_slow_receiver_is_left() {
    let receiver = Receiver::open("127.0.0.1:0", |number| match number {
        0 => Mood::TakesWithLongAnswer,
        1 => Mood::Fails,
        _ => Mood::Sleeps,
    })
    .await;
    let sender = sender(&inside());
    let request = || Request {
        url: receiver.url(),
        id: "a".to_owned(),
        timestamp: 1,
        signature: "v1,x".to_owned(),
        body: b"{}".to_vec(),
    };
    let long = sender.post(request()).await;
    assert_eq!((long.status, long.detail.as_str()), (Some(200), "x".repeat(1024).as_str()));
    let failed = sender.post(request()).await;
    assert_eq!((failed.status, failed.detail.as_str()), (Some(500), "sick"));
    let began = Instant::now();
    assert_eq!(sender.post(request()).await.status, None);
    assert!(began.elapsed() < PATIENCE / 2);
}
