//! Nodes whose clocks are wrong: the database's clock is the one that counts.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, SecondsFormat};
use serde_json::{Value, json};

use crate::harness::{Program, client, pause, program};
use crate::nodes::{fresh_database, skip};

const SKIPPED: &str = "SKIPPED: clocks that are wrong: apt-get install libfaketime";
const SECOND: i64 = 1_000_000;
/// How late a deadline may be kept; less than the clocks are wrong.
const LATE: i64 = 4 * SECOND;
/// How wrong the clocks of the nodes are, in seconds.
const SKEWS: [i64; 3] = [5, -5, 0];

/// The library that makes a program believe in another time.
fn library() -> Option<PathBuf> {
    let found = fs::read_dir("/usr/lib").ok()?.flatten();
    let mut libraries = found.map(|entry| entry.path().join("faketime/libfaketimeMT.so.1"));
    libraries.find(|library| library.is_file())
}

/// A node whose wall clock is wrong by so many seconds; its timers run as ever.
fn start(database: &str, library: &Path, skew: i64) -> Program {
    let mut command = program();
    command.env("LD_PRELOAD", library);
    command.env("FAKETIME", format!("{skew:+}s")).env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    Program::start_as(command, Path::new(database), &[])
}

fn now() -> i64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970");
    i64::try_from(since_1970.as_micros()).expect("the clock is sane")
}

fn micros(value: &Value) -> i64 {
    let text = value.as_str().expect("an instant is text");
    DateTime::parse_from_rfc3339(text).expect("an instant").timestamp_micros()
}

/// How far a node's own clock is from ours, in seconds, by the date of its answers.
fn skew_of(node: &Program) -> i64 {
    let answer = client().get(format!("{}/healthz", node.url())).call().expect("it answers");
    let date = answer.headers()["date"].to_str().expect("a date is text");
    let date = DateTime::parse_from_rfc2822(date).expect("a date");
    date.timestamp() - now() / SECOND
}

/// When a callback's ledger tells of an event for the first time.
fn told(node: &Program, callback: &str, event: &str) -> i64 {
    let path = format!("/v1.0/callbacks/{callback}/history");
    let of = |answer: &Value| {
        let lines = answer.as_array().cloned().unwrap_or_default();
        lines.into_iter().find(|line| line["Event"] == event)
    };
    let history = node.wait_for(&path, |answer| of(&answer.body).is_some()).body;
    micros(&of(&history).expect("it was waited for")["At"])
}

/// A callback is taken at its due date and not before, whoever made it and whoever is asked.
fn is_never_called_before_due(nodes: &[&Program], user: &str) {
    for maker in nodes {
        let due = now() + 3 * SECOND;
        let text = DateTime::from_timestamp_micros(due).expect("an instant");
        let text = text.to_rfc3339_opts(SecondsFormat::Micros, true);
        let id = maker.callback(json!({"DueDate": text}));
        let path = format!("/v1.0/users/{user}/next");
        let (node, task) = nodes
            .iter()
            .cycle()
            .find_map(|node| {
                let taken = node.post(&path, &json!({}));
                pause();
                (taken.status == 200).then_some((node, taken.body))
            })
            .expect("somebody gives the task");
        assert!(now() >= due, "{} µs early", due - now());
        assert!(now() <= due + LATE, "{} µs late", now() - due);
        assert!(told(node, &id, "Offered") >= due);
        let report = json!({"LeaseToken": task["LeaseToken"], "Outcome": "Completed"});
        assert_eq!(node.post(&format!("/v1.0/callbacks/{id}/outcome"), &report).status, 200);
    }
}

/// A wait and an offer last as long as they may, by the database's clock.
fn keeps_its_deadlines(node: &Program, service: &str, name: &str) {
    let waits = node.callback(json!({"LeftInQueueTimeInSeconds": 2}));
    let lasted = told(node, &waits, "WaitExceeded") - told(node, &waits, "Queued");
    assert!((2 * SECOND..2 * SECOND + LATE).contains(&lasted), "the wait lasted {lasted} µs");

    let user = node.user(name, service, json!({"Presence": "Available"}));
    let offered = node.callback(json!({}));
    let lasted = told(node, &offered, "OfferMissed") - told(node, &offered, "Offered");
    assert!((3 * SECOND..3 * SECOND + LATE).contains(&lasted), "the offer lasted {lasted} µs");
    assert_eq!(node.get(&format!("/v1.0/users/{user}")).body["Rona"], true);
    let cancel = format!("/v1.0/callbacks/{offered}/cancel");
    assert_eq!(node.post(&cancel, &json!({})).status, 200);
}

/// The events of all callbacks up to a last one: id, callback and instant.
fn events(node: &Program, last: &str) -> Vec<(String, String, i64)> {
    let url = format!("{}/v1.0/events?from=start&kind=callback", node.url());
    let stream = client().get(url).call().expect("the events are streamed");
    let mut found = Vec::new();
    let mut id = String::new();
    for line in BufReader::new(stream.into_body().into_reader()).lines() {
        let line = line.expect("the stream goes on");
        if let Some(given) = line.strip_prefix("id:") {
            given.trim().clone_into(&mut id);
        }
        let Some(data) = line.strip_prefix("data:") else { continue };
        let event: Value = serde_json::from_str(data.trim()).expect("an event is JSON");
        let subject = event["Subject"]["Id"].as_str().expect("a subject has an id").to_owned();
        let over = subject == last && event["Event"] == "Cancelled";
        found.push((id.clone(), subject, micros(&event["At"])));
        if over {
            return found;
        }
    }
    panic!("the stream ended early")
}

#[test]
fn nodes_whose_clocks_are_wrong_go_by_the_clock_of_the_database() {
    let Some(library) = library() else { return skip(SKIPPED) };
    let name = format!("callback_skew_{}", std::process::id());
    let Some(address) = fresh_database(&name) else { return };
    let nodes = SKEWS.map(|skew| start(&address, &library, skew));
    for (node, skew) in nodes.iter().zip(SKEWS) {
        let found = skew_of(node);
        assert!((found - skew).abs() <= 1, "a clock is wrong by {found} s instead of {skew} s");
    }
    let [fast, slow, right] = nodes;
    let service = right.service(json!({
        "PreviewTimeInSeconds": 0, "AfterCallWorkInSeconds": 0, "RonaTimeoutInSeconds": 3,
    }));
    let user =
        right.user("ada", &service, json!({"Distribution": "Pull", "Presence": "Available"}));
    is_never_called_before_due(&[&fast, &slow, &right], &user);
    keeps_its_deadlines(&fast, &service, "bob");
    keeps_its_deadlines(&slow, &service, "cleo");

    let last = slow.callback(json!({"DueDate": "2099-01-01T00:00"}));
    let cancel = format!("/v1.0/callbacks/{last}/cancel");
    assert_eq!(fast.post(&cancel, &json!({})).status, 200);
    let seen = events(&right, &last);
    assert_eq!(events(&fast, &last), seen);
    assert_eq!(events(&slow, &last), seen);
    assert!(seen.is_sorted_by_key(|(id, ..)| id.clone()), "{seen:?}");
    // One thing after the other was done, at nodes that disagree by ten seconds.
    assert!(seen.is_sorted_by_key(|(.., at)| *at), "{seen:?}");

    // Nobody else is there to keep the deadlines in time, or to keep them too early.
    right.kill();
    fast.kill();
    keeps_its_deadlines(&slow, &service, "dora");
    let fast = start(&address, &library, 5);
    slow.kill();
    keeps_its_deadlines(&fast, &service, "eve");
}
