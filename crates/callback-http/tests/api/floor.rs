//! An agent's whole path by HTTP.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Installation, NOBODY, details, id, pass, settle};

struct Floor {
    api: Installation,
    service: String,
    agent: String,
}

impl Floor {
    async fn new(distribution: &str) -> Self {
        let api = Installation::new().await;
        let service = api.hotline().await;
        let agent = api.agent(&service, &json!({"Distribution": distribution})).await;
        Self { api, service, agent }
    }

    async fn task(&self) -> Value {
        self.api.get(&format!("/v1.0/users/{}/task", self.agent)).await.expect(200)
    }

    async fn moves(&self, task: &Value, path: &str, more: &Value) -> crate::harness::Answer {
        let mut body = json!({"LeaseToken": task["LeaseToken"]});
        crate::harness::merge(&mut body, more);
        self.api.post(&format!("/v1.0/callbacks/{}/{path}", id(&task["Callback"])), &body).await
    }

    async fn user(&self) -> Value {
        self.api.get(&format!("/v1.0/users/{}", self.agent)).await.expect(200)
    }
}

#[tokio::test(start_paused = true)]
async fn an_agent_takes_a_callback_from_offer_to_completion() {
    let floor = Floor::new("Push").await;
    let made = floor.api.callback(&json!({})).await;
    settle().await;

    let offer = floor.task().await;
    assert_eq!(offer["Callback"]["Id"], made["Id"]);
    assert_eq!(offer["Callback"]["Phase"], "Offered");
    assert_eq!((&offer["LeaseUntil"], &offer["AttemptId"]), (&Value::Null, &Value::Null));
    assert_eq!(floor.user().await["Task"], made["Id"]);

    let preview = floor.moves(&offer, "accept", &json!({})).await.expect(200);
    assert_eq!(preview["Callback"]["State"], "Processing");
    assert!(preview["LeaseUntil"].is_string());
    assert_eq!(preview["LeaseToken"], offer["LeaseToken"]);

    let dialled = floor.moves(&offer, "dial", &json!({})).await.expect(200);
    assert_eq!(dialled["Callback"]["Phase"], "Dialout");
    assert!(dialled["AttemptId"].is_string());
    let again = floor.moves(&offer, "dial", &json!({})).await.expect(200);
    assert_eq!(again["AttemptId"], dialled["AttemptId"]);

    let answered = floor.moves(&offer, "answered", &json!({})).await.expect(200);
    assert_eq!(answered["Callback"]["Phase"], "Connected");
    pass(Duration::from_secs(50)).await;
    let alive = floor.moves(&offer, "heartbeat", &json!({})).await.expect(200);
    assert_ne!(alive["LeaseUntil"], answered["LeaseUntil"]);
    assert_eq!(alive["Callback"]["Version"], answered["Callback"]["Version"]);

    let done = floor.moves(&offer, "hangup", &json!({})).await.expect(200);
    assert_eq!(
        (&done["State"], &done["TerminationReason"]),
        (&json!("Terminated"), &json!("Completed"))
    );
    let again = floor.moves(&offer, "hangup", &json!({})).await.expect(200);
    assert_eq!(again["Version"], done["Version"]);

    assert!(floor.user().await["AfterCallWorkUntil"].is_string());
    let ended = format!("/v1.0/users/{}/aftercallwork/end", floor.agent);
    assert_eq!(floor.api.poke(&ended).await.expect(200)["AfterCallWorkUntil"], Value::Null);
    assert_eq!(floor.user().await["Task"], Value::Null);
    let none = floor.api.get(&format!("/v1.0/users/{}/task", floor.agent)).await;
    assert_eq!(none.status.as_u16(), 204);

    let path = format!("/v1.0/callbacks/{}", id(&made));
    let attempts = floor.api.get(&format!("{path}/attempts")).await.expect(200);
    assert_eq!(attempts.as_array().unwrap().len(), 1);
    assert_eq!((&attempts[0]["Number"], &attempts[0]["Outcome"]), (&json!(1), &json!("Completed")));
    let history = floor.api.get(&format!("{path}/history")).await.expect(200);
    let events: Vec<_> =
        history.as_array().unwrap().iter().map(|line| line["Event"].as_str().unwrap()).collect();
    assert_eq!(events.first(), Some(&"Created"));
    assert!(events.ends_with(&["Dialled", "Connected", "HungUp"]), "{events:?}");
    assert_eq!(history[0]["Actor"], "api:anonymous");
    let text = history.to_string();
    assert!(
        !text.contains(offer["LeaseToken"].as_str().unwrap()),
        "the token is told to nobody else"
    );
}

#[tokio::test(start_paused = true)]
async fn a_pulling_agent_asks_for_the_next_task() {
    let floor = Floor::new("Pull").await;
    let next = format!("/v1.0/users/{}/next", floor.agent);
    assert_eq!(floor.api.poke(&next).await.status.as_u16(), 204);
    let made = floor.api.callback(&json!({})).await;
    settle().await;
    let none = floor.api.get(&format!("/v1.0/users/{}/task", floor.agent)).await;
    assert_eq!(none.status.as_u16(), 204, "a pulling agent is never offered anything");
    let task = floor.api.poke(&next).await.expect(200);
    assert_eq!(task["Callback"]["Id"], made["Id"]);
    assert_eq!(task["Callback"]["Phase"], "Preview");
    assert_eq!(floor.api.poke(&next).await.expect(200)["LeaseToken"], task["LeaseToken"]);
    let done = floor.moves(&task, "dial", &json!({})).await.expect(200);
    assert_eq!(done["Callback"]["Phase"], "Dialout");
    let out = json!({"Outcome": "Busy", "Detail": "engaged"});
    let retry = floor.moves(&task, "outcome", &out).await.expect(200);
    assert_eq!((&retry["State"], &retry["RetryCount"]), (&json!("Pending"), &json!(1)));
    floor.api.poke(&format!("/v1.0/users/{NOBODY}/next")).await.refused(404, "UserNotFound");
}

#[tokio::test(start_paused = true)]
async fn a_move_needs_the_token_and_the_phase() {
    let floor = Floor::new("Push").await;
    let made = floor.api.callback(&json!({})).await;
    let path = format!("/v1.0/callbacks/{}", id(&made));
    let token = json!({"LeaseToken": NOBODY});
    for name in ["accept", "decline", "dial", "answered", "hangup", "heartbeat"] {
        floor.api.post(&format!("{path}/{name}"), &token).await.refused(409, "LeaseLost");
        let refused = floor.api.post(&format!("{path}/{name}"), &json!({})).await;
        let found = details(&refused.refused(400, "ValidationFailed"));
        assert_eq!(found, [("LeaseToken".to_owned(), "Required".to_owned())]);
    }
    settle().await;
    let offer = floor.task().await;
    floor.moves(&offer, "answered", &json!({})).await.refused(409, "WrongPhase");
    let lost = json!({"Outcome": "Lost"});
    floor.moves(&offer, "outcome", &lost).await.refused(400, "ValidationFailed");
    floor.moves(&offer, "outcome", &json!({})).await.refused(400, "ValidationFailed");
}

#[tokio::test(start_paused = true)]
async fn a_repeated_move_of_a_task_that_went_on_does_not_learn_the_next_token() {
    let floor = Floor::new("Push").await;
    floor.api.callback(&json!({})).await;
    settle().await;
    let offer = floor.task().await;
    let declined = floor.moves(&offer, "decline", &json!({})).await.expect(200);
    assert_eq!(declined["Phase"], "InQueue");
    assert_eq!(floor.user().await["Rona"], true);
    let reset = format!("/v1.0/users/{}/rona/reset", floor.agent);
    assert_eq!(floor.api.poke(&reset).await.expect(200)["Rona"], false);
    settle().await;
    let second = floor.task().await;
    assert_ne!(second["LeaseToken"], offer["LeaseToken"]);
    let repeated = floor.moves(&offer, "decline", &json!({})).await;
    assert!(!repeated.body.to_string().contains(second["LeaseToken"].as_str().unwrap()));
}

#[tokio::test(start_paused = true)]
async fn a_queue_and_a_place_in_it_can_be_seen() {
    let floor = Floor::new("Pull").await;
    let mut made = Vec::new();
    for _ in 0..3 {
        made.push(floor.api.callback(&json!({"Priority": "Low"})).await);
        settle().await;
    }
    let queue = floor.api.get(&format!("/v1.0/services/{}/queue", floor.service)).await.expect(200);
    assert_eq!((&queue["Waiting"], &queue["Agents"]["Ready"]), (&json!(3), &json!(1)));
    let path = format!("/v1.0/callbacks/{}", id(&made[2]));
    let placed = floor.api.get(&format!("{path}?expand=position")).await;
    assert!(placed.headers.contains_key("etag"));
    let placed = placed.expect(200);
    assert_eq!(placed["Position"], 3);
    assert!(placed["EstimatedWaitInSeconds"].is_u64());
    assert_eq!(placed["Id"], made[2]["Id"]);
    assert!(floor.api.get(&path).await.expect(200).get("Position").is_none());
    let later = floor.api.callback(&json!({"DueDate": "2019-07-01T00:00"})).await;
    let path = format!("/v1.0/callbacks/{}?expand=position", id(&later));
    assert_eq!(floor.api.get(&path).await.expect(200)["Position"], Value::Null);
}

#[tokio::test(start_paused = true)]
async fn an_explanation_names_the_gate_that_is_shut() {
    let floor = Floor::new("Pull").await;
    let made = floor.api.callback(&json!({"DueDate": "2019-06-25T08:31:00Z"})).await;
    let path = format!("/v1.0/callbacks/{}/explain", id(&made));
    let told = floor.api.get(&path).await.expect(200);
    assert_eq!(told["Callable"], false);
    let shut = told["Gates"].as_array().unwrap().iter().find(|gate| gate["Pass"] == false).unwrap();
    assert_eq!(
        (&shut["Name"], &shut["NextChangeAt"]),
        (&json!("InQueue"), &json!("2019-06-25T08:31:00Z"))
    );
    let asked = floor.api.get(&format!("{path}?agent={}", floor.agent)).await.expect(200);
    assert_eq!(asked["Agent"], floor.agent.as_str());
    floor.api.get(&format!("{path}?agent={NOBODY}")).await.refused(404, "UserNotFound");
    floor.api.get(&format!("{path}?agent=ann")).await.refused(404, "UserNotFound");
}

#[tokio::test(start_paused = true)]
async fn the_history_comes_in_pages() {
    let floor = Floor::new("Push").await;
    let made = floor.api.callback(&json!({})).await;
    settle().await;
    let whole = floor.api.get(&format!("/v1.0/callbacks/{}/history", id(&made))).await.expect(200);
    let whole = whole.as_array().unwrap().clone();
    assert!(whole.len() >= 3);
    let mut path = Some(format!("/v1.0/callbacks/{}/history?limit=1", id(&made)));
    let mut read = Vec::new();
    while let Some(page) = path {
        let answer = floor.api.get(&page).await;
        path = answer.next();
        read.extend(answer.expect(200).as_array().unwrap().clone());
    }
    assert_eq!(read, whole);
}
