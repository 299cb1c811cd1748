//! Customers: callbacks of every kind, asked for while things break.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat};
use serde_json::{Value, json};

use super::client::{Answer, Client};
use super::journal::Journal;
use super::random::Random;
use super::stage::Stage;
use super::time;

const PRIORITIES: [&str; 9] = super::evidence::PRIORITIES;

/// What the threads that create share.
pub(crate) struct Load {
    pub(crate) stage: Arc<Stage>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) callbacks: u64,
    pub(crate) seed: u64,
    /// The number of the next callback.
    pub(crate) next: AtomicU64,
    /// Set while enough callbacks wait.
    pub(crate) enough: AtomicBool,
    /// Set when the round is given up.
    pub(crate) over: AtomicBool,
}

impl Load {
    /// Creates until all callbacks have been asked for.
    pub(crate) fn create(&self, client: &mut Client) {
        loop {
            if self.over.load(Ordering::Relaxed) {
                return;
            }
            if self.enough.load(Ordering::Relaxed) {
                thread::sleep(Duration::from_millis(20));
                continue;
            }
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= self.callbacks {
                return;
            }
            let mut random = Random::new(self.seed, number);
            if random.percent(1) {
                self.ask_nonsense(client, &mut random);
            } else {
                self.ask(client, number, &mut random);
            }
        }
    }

    /// How many have been asked for.
    pub(crate) fn asked(&self) -> u64 {
        self.next.load(Ordering::Relaxed).min(self.callbacks)
    }

    pub(crate) fn is_done(&self) -> bool {
        self.next.load(Ordering::Relaxed) >= self.callbacks
    }

    fn ask(&self, client: &mut Client, number: u64, random: &mut Random) {
        let body = self.body(number, random);
        let key = random.percent(50).then(|| format!("key-{number}"));
        let path = "/v1.0/callbacks";
        let gone = || self.over.load(Ordering::Relaxed);
        let answer = match &key {
            Some(key) => client.insist(path, &body, Some(key), gone),
            // Without a key a repetition could be a second callback, so it is left at one.
            None => client.post(path, &body).ok(),
        };
        let Some(answer) = answer else { return };
        let Some(id) = self.acknowledged(&answer, key.as_deref()) else { return };
        if let Some(key) = key.filter(|_| random.percent(10)) {
            let again = client.insist(path, &body, Some(&key), gone);
            again.and_then(|answer| self.acknowledged(&answer, Some(&key)));
        }
        if random.percent(3) {
            if random.percent(70) {
                thread::sleep(Duration::from_millis(random.below(400)));
            }
            self.cancel(client, &id);
        }
    }

    /// Writes down what was promised.
    fn acknowledged(&self, answer: &Answer, key: Option<&str>) -> Option<String> {
        let id = answer.body["Id"].as_str().filter(|_| answer.status == 201);
        let mut told = self.journal.told();
        let Some(id) = id else {
            told.odd.push(format!("a creation was answered {} {}", answer.status, answer.body));
            return None;
        };
        told.created.insert(id.to_owned());
        if let Some(key) = key {
            told.keys.entry(key.to_owned()).or_default().insert(id.to_owned());
        }
        Some(id.to_owned())
    }

    fn cancel(&self, client: &mut Client, id: &str) {
        let path = format!("/v1.0/callbacks/{id}/cancel");
        let Ok(answer) = client.post(&path, &json!({})) else { return };
        let mut told = self.journal.told();
        match (answer.status, answer.body["TerminationReason"].as_str()) {
            (200, Some("Cancelled")) => {
                told.cancelled.insert(id.to_owned());
            }
            (404, _) => {}
            _ => told.odd.push(format!("a cancellation was answered {answer:?}")),
        }
    }

    fn ask_nonsense(&self, client: &mut Client, random: &mut Random) {
        let service = self.stage.services.first().map(|service| service.id.as_str());
        let (body, expected) = match random.below(4) {
            0 => (json!({"Target": "nobody at all", "ServiceId": service}), 400),
            1 => (json!({"Target": "sip:a@dev.local", "ServiceSip": "sip:none@dev.local"}), 404),
            2 => {
                (json!({"Target": "sip:a@dev.local", "ServiceId": service, "MaxRetries": 101}), 400)
            }
            _ => (
                json!({"Target": "sip:a@dev.local", "ServiceId": service, "Prioritty": "Low"}),
                400,
            ),
        };
        let Ok(answer) = client.post("/v1.0/callbacks", &body) else { return };
        let mut told = self.journal.told();
        told.nonsense += 1;
        if answer.status != expected {
            told.odd.push(format!("{body} was answered {} {}", answer.status, answer.body));
        }
    }

    fn body(&self, number: u64, random: &mut Random) -> Value {
        let service = random.one_of(&self.stage.services).map(|service| service.id.as_str());
        let priority = random.one_of(&PRIORITIES).copied().unwrap_or("Normal");
        // Most customers ask once, some several times, and a few again and again.
        let line = match random.below(10) {
            0 => random.below(40),
            1..=3 => 1_000 + random.below((self.callbacks / 10).max(1)),
            _ => 1_000_000 + number,
        };
        let due = random.percent(10).then(|| {
            let at = time::now_micros() + 1_000_000 * random.between(1, 8).cast_signed();
            DateTime::from_timestamp_micros(at)
                .map(|at| at.to_rfc3339_opts(SecondsFormat::Micros, true))
        });
        json!({
            "Target": format!("tel:+4178{line:07}"),
            "ServiceId": service,
            "Priority": priority,
            "MaxRetries": random.below(3),
            "SecondsBetweenRetries": random.between(0, 2),
            "DueDate": due,
            // Where the due date is told once it has moved with a retry.
            "Description": due,
            "ExternalTaskId": format!("callback-{number}"),
            "LeftInQueueTimeInSeconds": random.percent(2).then(|| random.between(1, 6)),
        })
    }
}
