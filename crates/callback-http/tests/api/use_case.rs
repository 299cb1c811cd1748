//! The use case "Manage callbacks", body for body.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::{INSTALLATION, Installation, START, id, settle};

fn vector(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn members(body: &Value) -> BTreeSet<&str> {
    body.as_object().unwrap().keys().map(String::as_str).collect()
}

/// Members that the documented answer does not have.
const BEYOND: [&str; 7] =
    ["PreferredAgent", "Phase", "Agent", "TerminationReason", "CreatedAt", "UpdatedAt", "Version"];

#[tokio::test(start_paused = true)]
async fn the_documented_use_case_works_body_for_body() {
    let request = vector(include_str!("../vectors/create.request.json"));
    let documented = vector(include_str!("../vectors/create.response.json"));
    let wanted = vector(include_str!("../vectors/search.request.json"));
    let api = Installation::new().await;
    let service = api.hotline().await;

    let answer = api.post("/v1.0/callbacks", &request).await;
    assert_eq!(answer.header("etag"), "\"1\"");
    let location = answer.header("location").to_owned();
    let made = answer.expect(201);
    assert_eq!(location, format!("/v1.0/callbacks/{}", id(&made)));

    let expected: BTreeSet<&str> = members(&documented).into_iter().chain(BEYOND).collect();
    assert_eq!(members(&made), expected);
    for (member, value) in documented.as_object().unwrap() {
        match member.as_str() {
            "Id" => {}
            "ServiceId" => assert_eq!(made[member], service.as_str()),
            "AppPoolId" => assert_eq!(made[member], INSTALLATION.to_string()),
            "DueDate" => assert_eq!(made[member], START),
            _ => assert_eq!(&made[member], value, "{member}"),
        }
    }

    settle().await;
    let again = api.post("/v1.0/callbacks", &request).await.expect(201);
    assert_ne!(again["Id"], made["Id"]);

    settle().await;
    let read = api.get(&location).await.expect(200);
    assert_eq!(read["State"], "InQueue");
    assert_eq!(read["Id"], made["Id"]);

    let found = api.post("/v1.0/callbacks/search", &wanted).await;
    assert_eq!(found.header("x-total-count"), "2");
    let found = found.expect(200);
    assert_eq!(found.as_array().unwrap().len(), 2);
    assert_eq!(members(&found[0]), expected);
    assert_eq!(found[0], api.get(&location).await.body);

    let cancelled = api.poke(&format!("{location}/cancel")).await.expect(200);
    assert_eq!(cancelled["State"], "Terminated");
    assert_eq!(cancelled["TerminationReason"], "Cancelled");
    api.poke(&format!("{location}/cancel")).await.refused(404, "CallbackNotFound");
    assert_eq!(api.get(&location).await.expect(200)["State"], "Terminated");
    let found = api.post("/v1.0/callbacks/search", &wanted).await.expect(200);
    assert_eq!(found.as_array().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_answer_can_be_posted_back() {
    let api = Installation::new().await;
    api.hotline().await;
    let made = api.callback(&json!({"Description": "again"})).await;
    let again = api.post("/v1.0/callbacks", &made).await.expect(201);
    assert_ne!(again["Id"], made["Id"]);
    assert_eq!(again["Description"], "again");
}

#[tokio::test(start_paused = true)]
async fn dates_in_every_accepted_spelling_mean_the_same_instant() {
    let api = Installation::new().await;
    api.hotline().await;
    let dates = vector(include_str!("../vectors/dates.json"));
    for pair in dates["accepted"].as_array().unwrap() {
        let made = api.callback(&json!({"DueDate": pair[0]})).await;
        assert_eq!(made["DueDate"], pair[1], "{}", pair[0]);
    }
    for text in dates["refused"].as_array().unwrap() {
        let body =
            json!({"Target": "sip:a@b", "ServiceSip": "sip:smoky.car@dev.local", "DueDate": text});
        let refused = api.post("/v1.0/callbacks", &body).await.refused(400, "ValidationFailed");
        assert_eq!(refused["Error"]["Details"][0]["Member"], "DueDate", "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_newest_callback_is_found_by_external_task_id_and_any_by_id() {
    let api = Installation::new().await;
    api.hotline().await;
    let old = api.callback(&json!({"ExternalTaskId": "case 7/8"})).await;
    settle().await;
    let new = api.callback(&json!({"ExternalTaskId": "case 7/8"})).await;
    let found = api.get("/v1.0/callbacks?externalTaskId=case%207%2F8").await;
    assert!(found.headers.contains_key("etag"));
    assert_eq!(found.expect(200)["Id"], new["Id"]);
    let by_id = api.get(&format!("/v1.0/callbacks?externalTaskId={}", id(&old))).await.expect(200);
    assert_eq!(by_id["Id"], old["Id"]);
    api.get("/v1.0/callbacks?externalTaskId=case").await.refused(404, "CallbackNotFound");
}
