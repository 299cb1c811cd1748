//! Agents: each works one task after the other and reports until somebody has heard it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::client::{Answer, Client};
use super::figures::Figures;
use super::journal::Journal;
use super::stage::User;

/// Outcomes that agents report, with how many of a hundred they are.
const OUTCOMES: [(&str, u64); 8] = [
    ("Completed", 72),
    ("Busy", 8),
    ("NoAnswer", 8),
    ("Voicemail", 4),
    ("Rejected", 3),
    ("Unreachable", 3),
    ("InvalidTarget", 1),
    ("AgentUnavailable", 1),
];
/// How long an agent without a task waits before asking again.
const REST_MILLIS: (u64, u64) = (40, 120);
/// Looks without a task after which an agent asks for RONA to be cleared.
const LOOKS_BEFORE_RESET: u32 = 6;

/// One agent at work.
pub(crate) struct Worker {
    pub(crate) user: User,
    pub(crate) client: Client,
    pub(crate) journal: Arc<Journal>,
    pub(crate) figures: Arc<Figures>,
    pub(crate) over: Arc<AtomicBool>,
}

impl Worker {
    /// Works until the round is over.
    pub(crate) fn work(mut self) {
        let mut looks = 0;
        while !self.is_over() {
            if self.turn() {
                looks = 0;
                continue;
            }
            looks += 1;
            if looks % LOOKS_BEFORE_RESET == 0 {
                let path = format!("/v1.0/users/{}/rona/reset", self.user.id);
                // Whoever is not heard now asks again soon.
                drop(self.client.post(&path, &json!({})));
            }
            let rest = self.client.random().between(REST_MILLIS.0, REST_MILLIS.1);
            thread::sleep(Duration::from_millis(rest * u64::from(looks.min(4))));
        }
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Looks for a task and works it; answers whether there was one.
    fn turn(&mut self) -> bool {
        let user = &self.user.id;
        let looked = if self.user.pulls {
            self.client.post(&format!("/v1.0/users/{user}/next"), &json!({}))
        } else {
            self.client.get(&format!("/v1.0/users/{user}/task"))
        };
        let Ok(answer) = looked else { return false };
        match answer.status {
            200 => self.handle(answer.body),
            204 => return false,
            _ => self.note_odd("looking for a task", &answer),
        }
        true
    }

    fn handle(&mut self, task: Value) {
        let task = if task["Callback"]["Phase"] == "Offered" {
            let roll = self.client.random().below(100);
            if roll == 0 {
                self.figures.count("offers missed");
                thread::sleep(Duration::from_secs(6));
                return;
            }
            if roll < 3 {
                self.figures.count("offers declined");
                self.say(&task, "decline", None);
                return;
            }
            match self.say(&task, "accept", None) {
                Some(accepted) if accepted.status == 200 => accepted.body,
                Some(_) | None => return,
            }
        } else {
            task
        };
        // An acceptance that was repeated too late answers the callback and no task.
        if task["AttemptId"].is_string() {
            self.call(&task);
        }
    }

    /// Speaks with the customer and tells how it came out.
    fn call(&mut self, task: &Value) {
        let Some(attempt) = task["AttemptId"].as_str() else { return };
        thread::sleep(Duration::from_millis(self.client.random().below(30)));
        let outcome = self.draw();
        let told = if outcome == "Completed" && self.client.random().percent(25) {
            self.say(task, "answered", None);
            self.say(task, "hangup", None)
        } else {
            self.say(task, "outcome", Some(outcome))
        };
        if told.is_some_and(|answer| answer.status == 200) {
            self.figures.count("calls reported");
            self.journal.told().reported.insert(attempt.to_owned(), outcome);
        }
        if self.client.random().percent(3) {
            // A report that is repeated changes nothing, whatever was heard of the first.
            self.say(task, "outcome", Some(outcome));
        }
    }

    /// Makes a move until it is answered; 409 and 404 mean that the task is no longer ours.
    fn say(&mut self, task: &Value, what: &str, outcome: Option<&str>) -> Option<Answer> {
        let id = task["Callback"]["Id"].as_str()?;
        let mut body = json!({"LeaseToken": task["LeaseToken"]});
        if let Some(outcome) = outcome {
            body["Outcome"] = outcome.into();
        }
        let over = Arc::clone(&self.over);
        let gone = move || over.load(Ordering::Relaxed);
        let path = format!("/v1.0/callbacks/{id}/{what}");
        let answer = self.client.insist(&path, &body, None, gone)?;
        match answer.status {
            200 => {}
            404 | 409 => self.figures.count("moves too late"),
            _ => self.note_odd(what, &answer),
        }
        Some(answer)
    }

    fn draw(&mut self) -> &'static str {
        let mut roll = self.client.random().below(100);
        for (outcome, share) in OUTCOMES {
            match roll.checked_sub(share) {
                Some(rest) => roll = rest,
                None => return outcome,
            }
        }
        "Completed"
    }

    fn note_odd(&self, during: &str, answer: &Answer) {
        let said = format!("{during} was answered {} {}", answer.status, answer.body);
        self.journal.told().odd.push(said);
    }
}
