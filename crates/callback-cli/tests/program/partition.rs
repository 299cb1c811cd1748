//! A node that is cut from its PostgreSQL: it stops and says why, the others go on without it, and
//! it comes back by itself.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::Program;
use crate::nodes::fresh_database;
use crate::proxy::Proxy;

/// How long a request may take while nothing comes back from the database.
const BOUND: Duration = Duration::from_secs(30);
/// A node's lease on its attempts, how often the others look, and some room.
const LEASE: Duration = Duration::from_secs(60 + 20 + 15);

/// How often the agent's desk says that it lives.
const BETWEEN_BEATS: Duration = Duration::from_millis(500);

/// Two nodes on one database, the first over a line that can be cut.
struct Pair {
    proxy: Proxy,
    cut: Program,
    whole: Program,
    service: String,
}

impl Pair {
    fn start(name: &str) -> Option<Self> {
        let address = fresh_database(&format!("callback_{name}_{}", std::process::id()))?;
        let whole = Program::start(Path::new(&address), &[]);
        let (proxy, through) = Proxy::before(&address);
        let cut = Program::start(Path::new(&through), &[]);
        let service = whole.service(json!({
            "PreviewTimeInSeconds": 0, "AfterCallWorkInSeconds": 0, "MaxDialoutTimeInSeconds": 600,
        }));
        Some(Self { proxy, cut, whole, service })
    }

    fn pull_user(&self, name: &str) -> String {
        let more = json!({"Distribution": "Pull", "Presence": "Available"});
        self.whole.user(name, &self.service, more)
    }

    fn callback(&self, target: &str) -> String {
        self.whole.callback(json!({"Target": target}))
    }

    /// The node answers 503 in time, to those who read and those who write, and says why.
    fn is_out(&self, user: &str) {
        let began = Instant::now();
        let taken = self.cut.post(&format!("/v1.0/users/{user}/next"), &json!({}));
        assert_eq!(taken.status, 503, "{taken:?}");
        let made = self.cut.post(
            "/v1.0/callbacks",
            &json!({"Target": "tel:+41785550000", "ServiceSip": "sip:smoky.car@dev.local"}),
        );
        assert_eq!(made.status, 503, "{made:?}");
        let read = self.cut.get(&format!("/v1.0/users/{user}/task"));
        assert_eq!(read.status, 503, "{read:?}");
        assert!(began.elapsed() < BOUND, "{:?}", began.elapsed());
        let ready = self.cut.get("/readyz");
        let why = ready.body["detail"].as_str().unwrap_or_default().to_owned();
        assert_eq!(ready.status, 503, "{ready:?}");
        assert!(why.contains("the storage takes no writes: "), "{ready:?}");
        assert_eq!(self.cut.get("/healthz").status, 200);
    }

    /// The node works again, without having been started again.
    fn is_back(&self) {
        self.cut.wait_for("/readyz", |answer| answer.status == 200);
        let user = self.pull_user("back");
        let id = self.callback("tel:+41785550099");
        self.cut.wait_for_phase(&id, "InQueue");
        let task = next(&self.cut, &user);
        assert_eq!(task["Callback"]["Id"], id.as_str());
        report(&self.cut, &task);
    }

    /// Every callback was offered once.
    fn nothing_was_offered_twice(&self, ids: &[&str]) {
        for id in ids {
            let history = self.whole.get(&format!("/v1.0/callbacks/{id}/history")).body;
            let lines = history.as_array().expect("the history is a list");
            let offers = lines.iter().filter(|line| line["Event"] == "Offered").count();
            assert_eq!(offers, 1, "{history}");
        }
    }
}

fn next(node: &Program, user: &str) -> Value {
    let taken = node.post(&format!("/v1.0/users/{user}/next"), &json!({}));
    assert_eq!(taken.status, 200, "{taken:?}");
    taken.body
}

fn report(node: &Program, task: &Value) {
    let id = task["Callback"]["Id"].as_str().expect("a task has a callback");
    let body = json!({"LeaseToken": task["LeaseToken"], "Outcome": "Completed"});
    let ended = node.post(&format!("/v1.0/callbacks/{id}/outcome"), &body);
    assert_eq!(ended.body["TerminationReason"], "Completed", "{ended:?}");
}

#[test]
fn a_node_whose_connections_are_cut_stops_and_comes_back_by_itself() {
    let Some(pair) = Pair::start("cut") else { return };
    let (ada, bob) = (pair.pull_user("ada"), pair.pull_user("bob"));
    let first = pair.callback("tel:+41785550001");
    pair.cut.wait_for_phase(&first, "InQueue");
    let task = next(&pair.cut, &ada);
    pair.proxy.cut();
    pair.is_out(&bob);
    let second = pair.callback("tel:+41785550002");
    pair.whole.wait_for_phase(&second, "InQueue");
    report(&pair.whole, &next(&pair.whole, &bob));
    // The token is good at every node.
    report(&pair.whole, &task);
    pair.proxy.mend();
    pair.is_back();
    pair.nothing_was_offered_twice(&[&first, &second]);
}

#[test]
fn a_node_whose_packets_vanish_stops_in_time_and_its_calls_are_taken_over() {
    let Some(pair) = Pair::start("vanish") else { return };
    let (ada, bob) = (pair.pull_user("ada"), pair.pull_user("bob"));
    let first = pair.callback("tel:+41785550001");
    pair.cut.wait_for_phase(&first, "InQueue");
    let task = next(&pair.cut, &ada);
    let owner = owner(&pair, &first);
    pair.proxy.swallow();
    let began = Instant::now();
    pair.is_out(&bob);
    let second = pair.callback("tel:+41785550002");
    pair.whole.wait_for_phase(&second, "InQueue");
    report(&pair.whole, &next(&pair.whole, &bob));
    // The agent speaks on, and says so; the node that owned the call is silent for a lease.
    while owner == self::owner(&pair, &first) {
        assert!(began.elapsed() < LEASE, "nobody has taken the call over");
        let beat = json!({"LeaseToken": task["LeaseToken"]});
        let path = format!("/v1.0/callbacks/{first}/heartbeat");
        assert_eq!(pair.whole.post(&path, &beat).status, 200);
        std::thread::park_timeout(BETWEEN_BEATS);
    }
    report(&pair.whole, &task);
    pair.proxy.mend();
    pair.is_back();
    pair.nothing_was_offered_twice(&[&first, &second]);
}

/// The node that owns the open attempt of a callback.
fn owner(pair: &Pair, callback: &str) -> String {
    let sql = format!("SELECT node::text FROM attempts WHERE callback = '{callback}'");
    pair.proxy.ask(&sql)
}
