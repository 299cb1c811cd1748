//! An installation moves from database to database, whatever cuts the copy off.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use callback_domain::callback::Creator;
use callback_domain::dto::{CreateRequest, ServiceRequest};
use callback_domain::id::{CallbackId, NodeId, ServiceId};
use callback_engine::clock::{Clock, SystemClock};
use callback_engine::command::{Command, Create, What};
use callback_engine::ledger::Actor;
use callback_engine::mint::{Mint, Site};
use callback_engine::store::Store;
use callback_engine::transfer::{End, Endpoint, Kind, Options, Record, copy};
use callback_postgres::{PostgresEndpoint, PostgresStore};
use callback_sqlite::{SqliteEndpoint, SqliteStore};
use callback_testkit::contract::days::again_moved;
use callback_testkit::contract::moving::what_is_half_done_goes_on;
use rusqlite::Connection;
use serde_json::json;
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio_postgres::NoTls;

use crate::harness::{PATIENCE, Program, pause, program};
use crate::nodes::fresh_database;

/// Enough for a copy to be cut off many times.
const MANY: u64 = 20_000;

/// A fresh database for a test and one purpose in it.
fn database(purpose: &str) -> Option<String> {
    fresh_database(&format!("callback_copy_{}_{purpose}", std::process::id()))
}

fn copied(from: &str, to: &str, more: &[&str]) -> Output {
    program().args(["copy", "--from", from, "--to", to]).args(more).output().expect("it runs")
}

fn said(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!("{}{}", String::from_utf8_lossy(out), String::from_utf8_lossy(err))
}

/// The kinds with their counts and checksums, as a copy prints them.
fn table(output: &Output) -> Vec<String> {
    assert!(output.status.success(), "{}", said(output));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let rows: Vec<String> =
        text.lines().filter(|line| line.ends_with("  yes")).map(ToOwned::to_owned).collect();
    assert_eq!(rows.len(), Kind::ALL.len(), "{text}");
    rows
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the path is text")
}

/// Where an installation is during a day that moves.
enum Place {
    File(PathBuf),
    Database(String),
}

impl Place {
    async fn end(&self, end: End) -> Box<dyn Endpoint> {
        match self {
            Self::File(path) => Box::new(SqliteEndpoint::open(path, end).expect("it opens")),
            Self::Database(address) => {
                let options = callback_postgres::Options::default();
                Box::new(PostgresEndpoint::open(address, end, &options).await.expect("it opens"))
            }
        }
    }

    async fn store(&self, clock: Arc<dyn Clock>) -> Arc<dyn Store> {
        match self {
            Self::File(path) => {
                let options = callback_sqlite::Options::new(clock);
                Arc::new(SqliteStore::open(path, options).expect("it opens"))
            }
            Self::Database(address) => {
                let options = callback_postgres::Options::default();
                let store = PostgresStore::connect_with_clock(address, options, clock).await;
                Arc::new(store.expect("it opens"))
            }
        }
    }
}

/// The places of an installation that moves back and forth, and what it went through.
struct Journey<'a> {
    places: Vec<Place>,
    moves: AtomicUsize,
    seen: &'a Mutex<BTreeSet<String>>,
}

impl<'a> Journey<'a> {
    fn new(
        name: &str,
        moves: usize,
        folder: &Path,
        seen: &'a Mutex<BTreeSet<String>>,
    ) -> Option<Self> {
        let places = (0..=moves).map(|number| match number % 2 {
            0 => Some(Place::File(folder.join(format!("{name}-{number}.db")))),
            _ => database(&format!("{name}_{number}")).map(Place::Database),
        });
        Some(Self { places: places.collect::<Option<_>>()?, moves: AtomicUsize::new(0), seen })
    }

    async fn begin(&self, clock: Arc<dyn Clock>) -> Arc<dyn Store> {
        self.places[0].store(clock).await
    }

    async fn go_on(&self, store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Arc<dyn Store> {
        drop(store);
        let number = self.moves.fetch_add(1, Ordering::Relaxed);
        move_on(&self.places[number], &self.places[number + 1], self.seen).await;
        self.places[number + 1].store(clock).await
    }
}

/// Every answer of a simulated day is what it would have been without the moves: picks, offers,
/// explanations, deadlines and what is remembered.
#[test]
fn a_day_that_moves_back_and_forth_goes_as_if_it_had_stayed() {
    const MOVES: usize = 4;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let seen: Mutex<BTreeSet<String>> = Mutex::default();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    for (seed, manual) in [(31, false), (32, true)] {
        let journey = Journey::new(&format!("day_{seed}"), MOVES, folder.path(), &seen);
        let Some(journey) = journey else { return };
        let first = async |clock| journey.begin(clock).await;
        let moved = async |store, clock| journey.go_on(store, clock).await;
        runtime.block_on(again_moved(&first, &moved, MOVES, seed, manual));
    }
    let Some(journey) = Journey::new("half", 1, folder.path(), &seen) else { return };
    let first = async |clock| journey.begin(clock).await;
    let moved = async |store, clock| journey.go_on(store, clock).await;
    runtime.block_on(what_is_half_done_goes_on(&first, &moved));
    // The days were worth moving.
    let seen = seen.into_inner().expect("nobody panicked");
    let phases = ["Pending", "InQueue", "Offered", "Preview", "Dialout", "Connected", "Terminated"];
    let more = ["ready", "not ready", "held", "backing off", "open attempt", "ended attempt"];
    let kinds = Kind::ALL.iter().map(|kind| kind.name());
    let wanted = phases.into_iter().chain(more).chain(kinds);
    let missing: Vec<&str> = wanted.filter(|name| !seen.contains(*name)).collect();
    assert_eq!(missing, Vec::<&str>::new());
}

async fn move_on(from: &Place, to: &Place, seen: &Mutex<BTreeSet<String>>) {
    let (mut source, mut target) = (from.end(End::Source).await, to.end(End::Target).await);
    let options = Options { source: "a place".to_owned(), is_stopped: false };
    let outcome = copy(&mut *source, &mut *target, &options, &mut |_| {}).await;
    let outcome = outcome.expect("it is copied");
    assert_eq!(outcome.different().count(), 0, "{outcome:?}");
    let mut found = BTreeSet::new();
    for kind in Kind::ALL.iter().copied() {
        for record in source.page(kind, None, 10_000).await.expect("it is read") {
            found.insert(kind.name().to_owned());
            found.extend(facts(&record));
        }
    }
    seen.lock().expect("nobody panicked").extend(found);
}

/// What a day is to have gone through while it was moved.
fn facts(record: &Record) -> Vec<String> {
    let mut facts = Vec::new();
    if let Record::Callback(callback, ready) = record {
        let callback = serde_json::to_value(callback).expect("it has a JSON form");
        let phase = &callback["phase"];
        facts.extend(phase["phase"].as_str().map(ToOwned::to_owned));
        if phase["phase"] == "InQueue" {
            facts.push(if *ready { "ready" } else { "not ready" }.to_owned());
            facts.extend((!phase["held_for"].is_null()).then(|| "held".to_owned()));
            facts.extend((!phase["not_before"].is_null()).then(|| "backing off".to_owned()));
        }
    } else if let Record::Attempt(attempt) = record {
        facts.push(if attempt.is_open() { "open attempt" } else { "ended attempt" }.to_owned());
    }
    facts
}

#[test]
fn what_was_promised_is_kept_by_the_copy() {
    let Some(address) = database("served") else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (one, back) = (folder.path().join("one.db"), folder.path().join("back.db"));
    let running = Program::start(&one, &[]);
    let service = running.service(json!({"PreviewTimeInSeconds": 0, "AfterCallWorkInSeconds": 0}));
    let user = running.user("ada", &service, json!({}));
    let id = running.callback(json!({"ExternalTaskId": "x"}));
    running.wait_for_phase(&id, "InQueue");
    let path = format!("/v1.0/callbacks/{id}");
    let before = running.get(&path).body;
    let refused = copied(text(&one), &address, &[]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("in use by another process"), "{}", said(&refused));
    assert!(running.stop());

    let there = table(&copied(text(&one), &address, &[]));
    let running = Program::start(Path::new(&address), &[]);
    let after = running.get(&path).body;
    assert_eq!(
        (&before["Version"], &before["AppPoolId"]),
        (&after["Version"], &after["AppPoolId"])
    );
    let presence = format!("/v1.0/users/{user}/presence");
    assert_eq!(running.put(&presence, &json!({"Presence": "Available"})).status, 200);
    running.wait_for_task(&user);
    let more = running.callback(json!({"Target": "sip:another@dev.local"}));
    let used = copied(&address, text(&back), &[]);
    assert_eq!(used.status.code(), Some(1));
    assert!(said(&used).contains("use the source: node "), "{}", said(&used));
    assert!(said(&used).contains("--nodes-are-stopped"), "{}", said(&used));
    assert!(running.stop());

    let here = table(&copied(&address, text(&back), &["--nodes-are-stopped"]));
    assert_ne!(there, here, "the installation was used between the copies");
    let running = Program::start(&back, &[]);
    for id in [&id, &more] {
        assert_eq!(running.get(&format!("/v1.0/callbacks/{id}")).status, 200);
    }
    running.callback(json!({"Target": "sip:a.third@dev.local"}));
}

#[test]
fn a_copy_there_and_back_has_the_same_checksums() {
    let Some(address) = database("round") else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (one, back) = (folder.path().join("one.db"), folder.path().join("back.db"));
    let running = Program::start(&one, &["--demo"]);
    let began = Instant::now();
    let search = json!({"State": "Terminated", "Limit": 1});
    while running.post("/v1.0/callbacks/search", &search).body == json!([]) {
        assert!(began.elapsed() < PATIENCE * 2, "nothing ends");
        pause();
    }
    running.kill();
    let there = table(&copied(text(&one), &address, &[]));
    let here = table(&copied(&address, text(&back), &["--nodes-are-stopped"]));
    assert_eq!(there, here);
    let again = copied(text(&one), &address, &[]);
    assert_eq!(table(&again), there);
    assert!(said(&again).contains("the copy was complete already"), "{}", said(&again));
}

/// Fills a file with callbacks of different lines and priorities.
fn fill(path: &Path, callbacks: u64) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let options = callback_sqlite::Options::new(Arc::clone(&clock));
    let store = Arc::new(SqliteStore::open(path, options).expect("it opens"));
    let caps = callback_domain::attempt::DriverCaps {
        places_calls: false,
        reports_progress: false,
        can_cancel: false,
        survives_restart: true,
        human_reports: true,
    };
    let mint = Mint::seeded(7);
    let site =
        Arc::new(Site { node: NodeId::from_u128(7), driver: "manual".to_owned(), caps, mint });
    let run = |what| {
        let (store, site) = (Arc::clone(&store), Arc::clone(&site));
        async move { store.run(Command { actor: Actor::Operator, site, what }).await }
    };
    let body = json!({
        "Name": "Hotline", "SipUri": "sip:smoky.car@dev.local", "DirectionType": "InboundOutbound",
    });
    let service = ServiceRequest::read(&body).expect("it is valid");
    let service = service.into_service(ServiceId::from_u128(1), clock.now());
    runtime.block_on(async {
        run(What::CreateService(Box::new(service.clone()))).await.expect("it is made");
        let mut under_way = JoinSet::new();
        for number in 0..callbacks {
            let priorities = ["High", "Normal", "Low"];
            let body = json!({
                "Target": format!("tel:+4178{:07}", number), "ServiceId": service.id.to_string(),
                "Priority": priorities[usize::try_from(number % 3).expect("it is small")],
                "ExternalTaskId": format!("task {number}"), "Description": "wants to know",
            });
            let request = CreateRequest::read(&body, false);
            let new = request.resolve(&service, None, Creator::Api, None).expect("it is valid");
            let id = CallbackId(site.mint.timed(clock.now()));
            let service_version = service.version;
            let create = Create {
                new,
                id,
                service_version,
                idempotency: None,
                dry_run: false,
                enters: false,
            };
            under_way.spawn(run(What::Create(Box::new(create))));
            if under_way.len() >= 512 {
                under_way.join_next().await;
            }
        }
        while let Some(done) = under_way.join_next().await {
            done.expect("it ends").expect("it is made");
        }
    });
}

/// Kills copies at different moments, then lets one come to its end.
fn killed_and_resumed(from: &str, to: &str, written: &dyn Fn() -> u64, more: &[&str]) {
    for kill in 1..=4 {
        let start = || {
            let mut copy = program();
            copy.args(["copy", "--from", from, "--to", to]).args(more);
            copy.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts")
        };
        let mut child = start();
        let began = Instant::now();
        while written() < MANY * kill / 6 {
            assert!(began.elapsed() < PATIENCE * 4, "nothing is copied");
            // The database may not have noticed yet that the one before is dead.
            if child.try_wait().expect("it is asked").is_some() {
                child = start();
            }
            thread::sleep(Duration::from_millis(2));
        }
        child.kill().expect("it is killed");
        child.wait().expect("it is gone");
        let refused =
            program().args(["serve", "--listen", "127.0.0.1:0", "--database", to]).output();
        let refused = refused.expect("it runs");
        assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
        assert!(said(&refused).contains("that is not finished; run the same `callback copy`"));
    }
    let last = copied(from, to, more);
    let rows = table(&last);
    assert!(rows.iter().any(|row| row.contains(&format!("{MANY}"))), "{rows:?}");
    let text = said(&last);
    let records: Vec<u64> = text
        .lines()
        .filter(|line| line.contains(" written now, "))
        .flat_map(|line| line.split_whitespace().filter_map(|word| word.parse().ok()))
        .collect();
    assert!(records[1] < records[0] && records[1] > 0, "it went on where it was: {text}");
}

fn count_in_file(path: &Path) -> u64 {
    let Ok(connection) = Connection::open_with_flags(
        path,
        rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY | rusqlite::OpenFlags::SQLITE_OPEN_NO_MUTEX,
    ) else {
        return 0;
    };
    let count = connection.query_row("SELECT count(*) FROM callbacks", [], |row| row.get(0));
    count.map_or(0, i64::unsigned_abs)
}

#[test]
fn copies_that_are_killed_go_on_where_they_were() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (one, other) = (folder.path().join("one.db"), folder.path().join("other.db"));
    fill(&one, MANY);
    killed_and_resumed(text(&one), text(&other), &|| count_in_file(&other), &[]);
    let Some(address) = database("killed") else { return };
    killed_and_resumed(text(&one), &address, &|| count_in_database(&address), &[]);
    let back = folder.path().join("back.db");
    killed_and_resumed(&address, text(&back), &|| count_in_file(&back), &["--nodes-are-stopped"]);
    let [there, here] = [&other, &back].map(|path| table(&copied(text(&one), text(path), &[])));
    assert_eq!(there, here);
}

fn on_a_database<T>(address: &str, work: impl AsyncFnOnce(tokio_postgres::Client) -> T) -> T {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let (client, connection) =
            tokio_postgres::connect(address, NoTls).await.expect("the server answers");
        tokio::spawn(connection);
        work(client).await
    })
}

fn count_in_database(address: &str) -> u64 {
    on_a_database(address, async |client| {
        let row = client.query_one("SELECT count(*) FROM callbacks", &[]).await;
        row.map_or(0, |row| row.get::<_, i64>(0)).unsigned_abs()
    })
}

#[test]
fn a_row_that_was_changed_in_the_target_is_found_and_its_kind_is_named() {
    let Some(address) = database("changed") else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let one = folder.path().join("one.db");
    fill(&one, 50);
    table(&copied(text(&one), &address, &[]));
    on_a_database(&address, async |client| {
        let change = "UPDATE ledger SET actor = 'nobody' WHERE sequence = 3";
        assert_eq!(client.execute(change, &[]).await.expect("it is changed"), 1);
    });
    let changed = copied(text(&one), &address, &[]);
    assert_eq!(changed.status.code(), Some(1));
    assert!(said(&changed).contains("differ in ledger;"), "{}", said(&changed));
    assert_eq!(said(&changed).matches("NO: the target has 51").count(), 1, "{}", said(&changed));
}

#[test]
fn what_cannot_be_copied_says_why() {
    let folder: TempDir = tempfile::tempdir().expect("a temporary folder");
    let paths = ["one.db", "other.db", "nothing.db", "new.db"].map(|name| folder.path().join(name));
    let [one, other, nothing, new] = paths.each_ref().map(|path| text(path));
    fill(Path::new(one), 3);
    fill(Path::new(other), 3);
    for (from, to, why) in [
        (nothing, new, "there is no file"),
        (one, one, "it is both the source and the target"),
        (one, other, "it already holds services; name an empty database"),
    ] {
        let refused = copied(from, to, &[]);
        assert_eq!(refused.status.code(), Some(1));
        assert!(said(&refused).contains(why), "{why}: {}", said(&refused));
    }
    let Some(empty) = database("empty") else { return };
    let refused = copied(&empty, new, &[]);
    assert!(said(&refused).contains("it holds no installation"), "{}", said(&refused));
}
