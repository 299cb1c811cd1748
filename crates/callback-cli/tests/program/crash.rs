//! `kill -9` while customers ask: what was acknowledged is there after the restart, once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::{Value, json};

use crate::harness::{Program, client, pause};

const CLIENTS: usize = 32;
const ROUNDS: usize = 20;
/// Callbacks acknowledged before the program is killed; it varies by round.
const BEFORE_KILL: usize = 40;

#[test]
fn every_acknowledged_callback_survives_kill_9_and_none_is_there_twice() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let database = folder.path().join("callback.db");
    let mut acknowledged = BTreeSet::new();
    let mut program = Program::start(&database, &[]);
    program.service(json!({}));
    for round in 0..ROUNDS {
        acknowledged.extend(create_until_killed(program, round));
        program = Program::start(&database, &[]);
        let stored = stored(&program);
        let unique: BTreeSet<&String> = stored.iter().collect();
        assert_eq!(unique.len(), stored.len(), "round {round}: a key is there twice");
        let lost: Vec<&String> = acknowledged.iter().filter(|key| !unique.contains(key)).collect();
        assert!(lost.is_empty(), "round {round}: {} lost, such as {:?}", lost.len(), lost.first());
    }
    assert!(acknowledged.len() >= ROUNDS * BEFORE_KILL, "only {}", acknowledged.len());
}

/// Lets clients create until the program is gone; answers the keys that were acknowledged.
fn create_until_killed(program: Program, round: usize) -> Vec<String> {
    let count = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let (url, count) = (format!("{}/v1.0/callbacks", program.url()), Arc::clone(&count));
            thread::spawn(move || create_until_refused(&url, &count, round, number))
        })
        .collect();
    while count.load(Ordering::Relaxed) < BEFORE_KILL + round * 7 {
        pause();
    }
    program.kill();
    clients.into_iter().flat_map(|client| client.join().expect("the client ends")).collect()
}

fn create_until_refused(
    url: &str,
    count: &AtomicUsize,
    round: usize,
    number: usize,
) -> Vec<String> {
    let client = client();
    let mut acknowledged = Vec::new();
    for sequence in 0.. {
        let key = format!("{round}-{number}-{sequence}");
        let body = json!({
            "Target": format!("tel:+4178{round:02}{number:02}{sequence:04}"),
            "ServiceSip": "sip:smoky.car@dev.local",
            "ExternalTaskId": key,
        });
        match client.post(url).send_json(&body) {
            Ok(answer) if answer.status() == 201 => {
                acknowledged.push(key);
                count.fetch_add(1, Ordering::Relaxed);
            }
            Ok(answer) => panic!("the program answered {}", answer.status()),
            Err(_) => break,
        }
    }
    acknowledged
}

fn stored(program: &Program) -> Vec<String> {
    let found = program.post("/v1.0/callbacks/search", &json!({}));
    assert_eq!(found.status, 200);
    let Value::Array(found) = found.body else { panic!("a search answers an array") };
    found
        .iter()
        .map(|callback| callback["ExternalTaskId"].as_str().expect("each has a key").to_owned())
        .collect()
}
