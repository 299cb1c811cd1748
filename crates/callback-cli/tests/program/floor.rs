//! The floor over HTTP with real time and small time-outs, with an agent who dials by hand.

use serde_json::{Value, json};

use crate::harness::{Answer, Program};

struct Desk {
    program: Program,
    user: String,
}

impl Desk {
    fn open(database: &std::path::Path) -> Self {
        let program = Program::start(database, &[]);
        let service = program.service(json!({
            "PreviewTimeInSeconds": 60, "RonaTimeoutInSeconds": 60, "MaxDialoutTimeInSeconds": 60,
            "AfterCallWorkInSeconds": 0,
        }));
        let user = program.user("ada", &service, json!({}));
        let desk = Self { program, user };
        desk.available();
        desk
    }

    fn available(&self) {
        let path = format!("/v1.0/users/{}/presence", self.user);
        assert_eq!(self.program.put(&path, &json!({"Presence": "Available"})).status, 200);
    }

    fn act(&self, callback: &str, by: &str, token: &Value, more: Value) -> Answer {
        let mut body = json!({"LeaseToken": token});
        if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
            body.extend(more);
        }
        self.program.post(&format!("/v1.0/callbacks/{callback}/{by}"), &body)
    }

    /// Waits for the offer, and takes it as far as the dial-out; answers the token.
    fn dial(&self, callback: &str) -> Value {
        let task = self.program.wait_for_task(&self.user);
        assert_eq!(task["Callback"]["Id"], callback);
        let token = task["LeaseToken"].clone();
        assert_eq!(self.act(callback, "accept", &token, json!({})).status, 200);
        assert_eq!(self.act(callback, "dial", &token, json!({})).status, 200);
        token
    }

    fn callback(&self, id: &str) -> Value {
        self.program.get(&format!("/v1.0/callbacks/{id}")).body
    }

    fn attempts(&self, id: &str) -> Vec<Value> {
        let answer = self.program.get(&format!("/v1.0/callbacks/{id}/attempts")).body;
        let Value::Array(attempts) = answer else { panic!("attempts are an array") };
        attempts
    }
}

fn outcome(outcome: &str) -> Value {
    json!({"Outcome": outcome})
}

#[test]
fn busy_then_no_answer_then_answered_ends_completed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let desk = Desk::open(&folder.path().join("callback.db"));
    let id = desk.program.callback(json!({"SecondsBetweenRetries": 0}));
    for missed in ["Busy", "NoAnswer"] {
        let token = desk.dial(&id);
        assert_eq!(desk.act(&id, "outcome", &token, outcome(missed)).status, 200);
    }
    let token = desk.dial(&id);
    assert_eq!(desk.act(&id, "answered", &token, json!({})).status, 200);
    assert_eq!(desk.callback(&id)["Phase"], "Connected");
    let ended = desk.act(&id, "hangup", &token, json!({}));
    assert_eq!(ended.body["TerminationReason"], "Completed", "{:?}", ended.body);
    assert_eq!(
        desk.act(&id, "hangup", &token, json!({})).status,
        200,
        "a repeated move is answered"
    );
    let outcomes: Vec<Value> =
        desk.attempts(&id).iter().map(|attempt| attempt["Outcome"].clone()).collect();
    assert_eq!(outcomes, ["Busy", "NoAnswer", "Completed"]);
}

#[test]
fn three_retries_then_the_promise_ends_exhausted() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let desk = Desk::open(&folder.path().join("callback.db"));
    let id = desk.program.callback(json!({"SecondsBetweenRetries": 0}));
    for retry in 0..4 {
        assert_eq!(desk.callback(&id)["RetryCount"], retry);
        let token = desk.dial(&id);
        desk.act(&id, "outcome", &token, outcome("NoAnswer"));
    }
    assert_eq!(desk.callback(&id)["TerminationReason"], "RetriesExhausted");
    assert_eq!(desk.attempts(&id).len(), 4);
}

#[test]
fn a_declined_callback_keeps_its_place_and_the_agent_goes_to_rona() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let desk = Desk::open(&folder.path().join("callback.db"));
    let first = desk.program.callback(json!({}));
    let task = desk.program.wait_for_task(&desk.user);
    let second = desk.program.callback(json!({"Target": "tel:+41785550002"}));
    desk.program.wait_for_phase(&second, "InQueue");
    assert_eq!(desk.act(&first, "decline", &task["LeaseToken"], json!({})).status, 200);
    let user = desk.program.get(&format!("/v1.0/users/{}", desk.user)).body;
    assert_eq!(user["Rona"], true, "{user}");
    let lost = desk.act(&first, "accept", &task["LeaseToken"], json!({}));
    assert_eq!((lost.status, &lost.body["Error"]["Code"]), (409, &json!("LeaseLost")));
    desk.available();
    let task = desk.program.wait_for_task(&desk.user);
    assert_eq!(task["Callback"]["Id"], first.as_str(), "the older one comes first again");
}

#[test]
fn a_callback_can_be_cancelled_in_every_phase() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let desk = Desk::open(&folder.path().join("callback.db"));
    for phase in ["Pending", "InQueue", "Offered", "Preview", "Dialout", "Connected"] {
        bring_to(&desk, phase, |desk, id| {
            let ended = desk.program.post(&format!("/v1.0/callbacks/{id}/cancel"), &json!({}));
            assert_eq!(
                ended.body["TerminationReason"], "Cancelled",
                "in {phase}: {:?}",
                ended.body
            );
            let again = desk.program.post(&format!("/v1.0/callbacks/{id}/cancel"), &json!({}));
            assert_eq!(again.status, 404);
            assert!(desk.attempts(id).iter().all(|attempt| !attempt["EndedAt"].is_null()));
        });
    }
}

/// Makes a callback, brings it into a phase, and looks at it there.
fn bring_to(desk: &Desk, phase: &str, look: impl FnOnce(&Desk, &str)) {
    let presence = format!("/v1.0/users/{}/presence", desk.user);
    let waits = matches!(phase, "Pending" | "InQueue");
    let wanted = if waits { "Away" } else { "Available" };
    assert_eq!(desk.program.put(&presence, &json!({"Presence": wanted})).status, 200);
    let due =
        if phase == "Pending" { json!({"DueDate": "2099-01-01T00:00:00Z"}) } else { json!({}) };
    let id = desk.program.callback(due);
    match phase {
        "Offered" => drop(desk.program.wait_for_task(&desk.user)),
        "Preview" => {
            let task = desk.program.wait_for_task(&desk.user);
            desk.act(&id, "accept", &task["LeaseToken"], json!({}));
        }
        "Dialout" => drop(desk.dial(&id)),
        "Connected" => {
            let token = desk.dial(&id);
            desk.act(&id, "answered", &token, json!({}));
        }
        _ => {}
    }
    desk.program.wait_for_phase(&id, phase);
    look(desk, &id);
}

#[test]
fn every_phase_comes_back_after_kill_9_and_no_attempt_is_made_twice() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for phase in ["Pending", "InQueue", "Offered", "Preview", "Dialout", "Connected"] {
        let database = folder.path().join(format!("{phase}.db"));
        let desk = Desk::open(&database);
        let mut known = String::new();
        bring_to(&desk, phase, |_, id| id.clone_into(&mut known));
        let before = desk.callback(&known);
        let attempts = desk.attempts(&known);
        let Desk { program, user } = desk;
        program.kill();
        let desk = Desk { program: Program::start(&database, &[]), user };
        let after = desk.callback(&known);
        assert_eq!(after["Phase"], before["Phase"], "in {phase}");
        assert_eq!(desk.attempts(&known), attempts, "in {phase}");
        if matches!(phase, "Offered" | "Preview" | "Dialout" | "Connected") {
            let task = desk.program.get(&format!("/v1.0/users/{}/task", desk.user));
            assert_eq!(task.status, 200, "in {phase} the agent still has the task");
            let alive = desk.act(&known, "heartbeat", &task.body["LeaseToken"], json!({}));
            assert_eq!(alive.status, 200, "in {phase}: {:?}", alive.body);
        }
    }
}

#[test]
fn an_unanswered_offer_is_lost_after_the_rona_time() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let program = Program::start(&folder.path().join("callback.db"), &[]);
    let service = program.service(json!({"RonaTimeoutInSeconds": 1}));
    let user = program.user("ada", &service, json!({}));
    let id = program.callback(json!({}));
    program.wait_for_phase(&id, "InQueue");
    program.put(&format!("/v1.0/users/{user}/presence"), &json!({"Presence": "Available"}));
    let task = program.wait_for_task(&user);
    program.wait_for_phase(&id, "InQueue");
    let late = program
        .post(&format!("/v1.0/callbacks/{id}/accept"), &json!({"LeaseToken": task["LeaseToken"]}));
    assert_eq!((late.status, &late.body["Error"]["Code"]), (409, &json!("LeaseLost")));
}
