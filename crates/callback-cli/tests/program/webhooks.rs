//! Webhooks of the real program: killed in the middle, and shared by two.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use ureq::http::{HeaderMap, HeaderName};

use crate::client::{lines, table};
use crate::harness::{PATIENCE, Program, pause};
use crate::nodes::fresh_database;

/// Settings for receivers on this host and little patience.
const SETTINGS: &str = "[webhooks]\nallow_private = true\ntimeout_seconds = 1\n\
                        first_retry_seconds = 0\nlongest_retry_seconds = 1\n";
const CALLBACKS: usize = 30;

/// A request as it came, and whether it was acknowledged.
#[derive(Clone, Debug)]
struct Received {
    headers: HeaderMap,
    body: Vec<u8>,
    taken: bool,
}

/// A receiver that refuses every third request, for as long as the test runs.
struct Receiver {
    url: String,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Receiver {
    fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let url = format!("http://{}/hooks", listener.local_addr().expect("it is bound"));
        let received = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&received);
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let kept = Arc::clone(&kept);
                thread::spawn(move || take(connection, &kept));
            }
        });
        Self { url, received }
    }

    fn received(&self) -> Vec<Received> {
        self.received.lock().expect("nobody panics").clone()
    }

    fn taken(&self) -> usize {
        self.received().iter().filter(|one| one.taken).count()
    }

    fn wait_for(&self, taken: usize) {
        let began = Instant::now();
        while self.taken() < taken {
            assert!(began.elapsed() < PATIENCE, "only {} of {taken}", self.taken());
            pause();
        }
    }

    /// What was acknowledged first, by callback, with every signature checked.
    fn told(&self, secret: &str) -> BTreeMap<String, Vec<String>> {
        let verifier = standardwebhooks::Webhook::new(secret).expect("the secret is one");
        let (mut seen, mut told) = (BTreeSet::new(), BTreeMap::<String, Vec<String>>::new());
        for one in self.received() {
            verifier.verify(&one.body, &one.headers).expect("the signature is right");
            let body: Value = serde_json::from_slice(&one.body).expect("the body is JSON");
            let id = one.headers["webhook-id"].to_str().expect("the id is text").to_owned();
            if one.taken && body["data"]["Subject"]["Kind"] == "Callback" && seen.insert(id) {
                let subject = body["data"]["Subject"]["Id"].as_str().expect("it has a subject");
                let event = body["type"].as_str().expect("it has a type");
                told.entry(subject.to_owned()).or_default().push(event.to_owned());
            }
        }
        told
    }
}

fn take(mut connection: TcpStream, received: &Mutex<Vec<Received>>) -> Option<()> {
    let (mut read, mut piece) = (Vec::new(), [0; 4096]);
    let (head, body) = loop {
        let count = connection.read(&mut piece).ok().filter(|count| *count > 0)?;
        read.extend_from_slice(&piece[..count]);
        let Some(end) = read.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&read[..end]).into_owned();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?;
        if read.len() >= end + 4 + length.parse::<usize>().ok()? {
            break (head, read[end + 4..].to_vec());
        }
    };
    let mut headers = HeaderMap::new();
    for (name, value) in head.lines().filter_map(|line| line.split_once(": ")) {
        let name: HeaderName = name.parse().ok()?;
        headers.insert(name, value.parse().ok()?);
    }
    let taken = {
        let mut all = received.lock().ok()?;
        let taken = all.len() % 3 != 1;
        all.push(Received { headers, body, taken });
        taken
    };
    // Time for a kill to come in between, and for another process to take its share.
    thread::park_timeout(Duration::from_millis(15));
    let status = if taken { "204 No Content" } else { "503 Busy" };
    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    connection.write_all(answer.as_bytes()).ok()
}

fn settings(folder: &TempDir) -> PathBuf {
    let file = folder.path().join("callback.toml");
    std::fs::write(&file, SETTINGS).expect("the settings are written");
    file
}

fn subscribe(program: &Program, url: &str) -> (String, String) {
    let made = program.post("/v1.0/webhooks", &json!({"Url": url}));
    assert_eq!(made.status, 201, "{:?}", made.body);
    let text = |name: &str| made.body[name].as_str().expect("it has one").to_owned();
    (text("Id"), text("Secret"))
}

fn ended_callback(program: &Program, number: usize) -> String {
    let id = program.callback(json!({"Target": format!("tel:+4178555{number:04}")}));
    program.wait_for_phase(&id, "InQueue");
    let ended = program.post(&format!("/v1.0/callbacks/{id}/cancel"), &json!({}));
    assert_eq!(ended.status, 200, "{:?}", ended.body);
    id
}

/// Waits until nothing is on its way, and holds what arrived against the ledger.
fn assert_all_arrived(
    program: &Program,
    receiver: &Receiver,
    hook: &(String, String),
    ids: &[String],
) {
    let (webhook, secret) = hook;
    let told_all = || {
        let told = receiver.told(secret);
        ids.iter().all(|id| told.get(id).is_some_and(|events| events.len() >= 3))
    };
    let began = Instant::now();
    while !told_all() {
        assert!(began.elapsed() < PATIENCE, "events are missing: {:?}", receiver.told(secret));
        pause();
    }
    let path = format!("/v1.0/webhooks/{webhook}/deliveries?state=Pending");
    program.wait_for(&path, |answer| answer.body == json!([]));
    let told = receiver.told(secret);
    for id in ids {
        let history = program.get(&format!("/v1.0/callbacks/{id}/history")).body;
        let lines = history.as_array().expect("it is a list").iter();
        let events: Vec<&str> = lines.map(|line| line["Event"].as_str().expect("a name")).collect();
        assert_eq!(told[id], events, "in order, and none is missing");
    }
    let path = format!("/v1.0/webhooks/{webhook}/deliveries?state=Failed");
    assert_eq!(program.get(&path).body, json!([]));
}

#[test]
fn no_event_is_lost_when_the_program_is_killed_while_it_sends() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let database = folder.path().join("callback.db");
    let settings = settings(&folder);
    let more = ["--config", settings.to_str().expect("the path is text")];
    let receiver = Receiver::open();
    let mut program = Program::start(&database, &more);
    program.service(json!({}));
    let hook = subscribe(&program, &receiver.url);
    let mut ids = Vec::new();
    for round in 0..3 {
        ids.extend((0..CALLBACKS / 3).map(|number| ended_callback(&program, round * 100 + number)));
        receiver.wait_for(10 * round + 5);
        program.kill();
        program = Program::start(&database, &more);
    }
    assert_all_arrived(&program, &receiver, &hook, &ids);
}

#[test]
fn two_nodes_share_the_sending_and_a_killed_one_loses_nothing() {
    let name = format!("callback_webhooks_{}", std::process::id());
    let Some(address) = fresh_database(&name) else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let settings = settings(&folder);
    let more = ["--config", settings.to_str().expect("the path is text")];
    let receiver = Receiver::open();
    let one = Program::start(Path::new(&address), &more);
    let other = Program::start(Path::new(&address), &more);
    one.service(json!({}));
    let hook = subscribe(&one, &receiver.url);
    let mut ids = Vec::new();
    for number in 0..CALLBACKS {
        ids.push(ended_callback(if number % 2 == 0 { &one } else { &other }, number));
    }
    for node in [&one, &other] {
        node.wait_for("/readyz", |_| delivered(node) > 0);
    }
    one.kill();
    for number in CALLBACKS..CALLBACKS + 5 {
        ids.push(ended_callback(&other, number));
    }
    assert_all_arrived(&other, &receiver, &hook, &ids);
}

/// How many deliveries a node says that it has made.
fn delivered(node: &Program) -> u64 {
    let figures = node.text("/metrics");
    let mark = "callback_webhook_deliveries_total{outcome=\"Delivered\"} ";
    let line = figures.lines().find_map(|line| line.strip_prefix(mark));
    line.expect("the figure is there").parse().expect("it is a number")
}

#[test]
fn webhooks_are_kept_by_commands() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let settings = settings(&folder);
    let more = ["--config", settings.to_str().expect("the path is text")];
    let program = Program::start(&folder.path().join("callback.db"), &more);
    program.service(json!({}));
    let receiver = Receiver::open();
    let url = program.url();
    let one = |arguments: &[&str]| {
        let mut lines = lines(url, &[&["webhooks"], arguments].concat());
        assert_eq!(lines.len(), 1, "{arguments:?}: {lines:?}");
        lines.remove(0)
    };
    let made = one(&["create", "--receiver", &receiver.url, "--event", "Created"]);
    let (id, secret) = (made["Id"].as_str().expect("an id"), made["Secret"].as_str().expect("one"));
    assert_eq!(one(&["list"])["Id"], made["Id"]);
    table(url, &["webhooks", "test", id]);
    receiver.wait_for(1);
    program.callback(json!({}));
    receiver.wait_for(2);
    let delivered = || lines(url, &["webhooks", "deliveries", id, "--state", "delivered"]);
    let began = Instant::now();
    while delivered().is_empty() {
        assert!(began.elapsed() < PATIENCE, "nothing is settled");
        pause();
    }
    let delivery = delivered().remove(0);
    assert_eq!(delivery["Event"], "Created", "{delivery}");
    let delivery = delivery["Id"].as_str().expect("it has an id").to_owned();
    table(url, &["webhooks", "replay", id, "--delivery", &delivery]);
    receiver.wait_for(3);
    table(url, &["webhooks", "replay", id, "--since", "2026-01-05T10:00:00Z"]);
    receiver.wait_for(4);
    assert_eq!(receiver.told(secret).len(), 1, "all of it tells of one callback");
    let rotated = one(&["rotate-secret", id]);
    assert_ne!(rotated["Secret"], made["Secret"]);
    let updated = one(&["update", id, "--enabled", "false", "--clear", "Events"]);
    assert_eq!((&updated["Enabled"], &updated["Events"]), (&json!(false), &Value::Null));
    assert_eq!(one(&["get", id])["Url"], receiver.url);
    table(url, &["webhooks", "delete", id]);
    assert!(lines(url, &["webhooks", "list"]).is_empty());
}
