//! Many callbacks at once, over the API.

use axum::http::Method;
use serde_json::{Value, json};

use crate::access::{FILE, Floor, ask};
use crate::harness::{Installation, NOBODY, details, id, settle};

const BATCH: &str = "/v1.0/callbacks/batch";
const CANCEL: &str = "/v1.0/callbacks/cancel";

fn wish(number: u32) -> Value {
    json!({"Target": format!("tel:+4178555{number:04}"), "ServiceSip": "sip:smoky.car@dev.local"})
}

async fn total(api: &Installation) -> Value {
    let answer = api.post("/v1.0/callbacks/search", &json!({})).await;
    answer.header("x-total-count").parse::<u64>().unwrap().into()
}

#[tokio::test(start_paused = true)]
async fn every_item_of_a_batch_has_an_answer_of_its_own() {
    let api = Installation::new().await;
    api.service(&json!({"DuplicatePolicy": "Reject"})).await;
    let elsewhere = json!({"Target": "tel:+41785551111", "ServiceId": NOBODY});
    let items = json!([wish(1), {"Target": 7, "Serv": 1}, wish(1), elsewhere, wish(2)]);
    let results = api.post(BATCH, &json!({"Items": items})).await.expect(200);
    let results = results["Results"].as_array().unwrap().clone();
    let statuses: Vec<_> =
        results.iter().map(|result| result["Status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [201, 400, 409, 404, 201]);
    for (index, result) in results.iter().enumerate() {
        assert_eq!(result["Index"], index);
    }
    assert_eq!(results[2]["ExistingCallbackId"], results[0]["Callback"]["Id"]);
    assert_eq!(results[2]["Error"]["Code"], "DuplicateCallback");
    assert_eq!(results[3]["Error"]["Code"], "ServiceNotFound");
    assert!(results[1]["Error"]["Details"].as_array().unwrap().len() >= 2);
    assert_eq!(total(&api).await, 2);
    let path = format!("/v1.0/callbacks/{}", id(&results[4]["Callback"]));
    assert_eq!(api.get(&path).await.expect(200)["Target"], "tel:+41785550002");
}

#[tokio::test(start_paused = true)]
async fn a_whole_batch_names_everything_in_its_way_and_makes_nothing() {
    let api = Installation::new().await;
    api.service(&json!({"DuplicatePolicy": "Reject"})).await;
    let whole = |items: Value| json!({"Items": items, "Transaction": "Batch"});
    let refused = api.post(BATCH, &whole(json!([wish(1), {}, wish(1)]))).await;
    let named = refused.refused(400, "BatchRefused");
    let members: Vec<_> = named["Error"]["Details"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| problem["Member"].as_str().unwrap())
        .collect();
    assert_eq!(members, ["Items[1].ServiceId", "Items[1].Target", "Items[2]"]);
    let twice = api.post(BATCH, &whole(json!([wish(1), wish(1)]))).await;
    let twice = twice.refused(409, "BatchRefused");
    let told = ("Items[1]".to_owned(), "DuplicateCallback".to_owned());
    assert_eq!(details(&twice), [told]);
    assert_eq!(total(&api).await, 0);
    api.post(BATCH, &whole(json!([wish(1), wish(2)]))).await.expect(200);
    assert_eq!(total(&api).await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_bounded_dry_strict_and_made_once() {
    let api = Installation::new().await;
    api.hotline().await;
    for wrong in [json!({}), json!({"Items": []}), json!({"Items": 7}), json!([])] {
        api.post(BATCH, &wrong).await.refused(400, "ValidationFailed");
    }
    let many = |count: u32| json!({"Items": (0..count).map(wish).collect::<Vec<_>>()});
    api.post(BATCH, &many(1_001)).await.refused(400, "ValidationFailed");
    let dry = api.post(&format!("{BATCH}?dryRun=true"), &many(2)).await.expect(200);
    assert_eq!(dry["Results"][1]["Status"], 200);
    assert_eq!(total(&api).await, 0);
    let key = [("Idempotency-Key", "import-7")];
    let first = api.with_headers(Method::POST, BATCH, &key, &many(1_000)).await.expect(200);
    assert_eq!(api.with_headers(Method::POST, BATCH, &key, &many(1_000)).await.expect(200), first);
    assert_eq!(total(&api).await, 1_000);
    let other = api.with_headers(Method::POST, BATCH, &key, &many(3)).await;
    other.refused(409, "IdempotencyKeyReused");
    let strict = [("Prefer", "handling=strict")];
    let mut posted_back = wish(1);
    posted_back["Id"] = json!(NOBODY);
    let body = json!({"Items": [posted_back]});
    let refused = api.with_headers(Method::POST, BATCH, &strict, &body).await;
    assert_eq!(refused.header("preference-applied"), "handling=strict");
    let refused = refused.expect(200);
    assert_eq!(refused["Results"][0]["Error"]["Details"][0]["Code"], "ServerOwned");
}

#[tokio::test(start_paused = true)]
async fn what_is_found_is_cancelled_when_it_is_as_many_as_expected() {
    let api = Installation::new().await;
    api.hotline().await;
    let items: Vec<_> = (0..1_000).map(wish).collect();
    for _ in 0..2 {
        api.post(BATCH, &json!({"Items": items})).await.expect(200);
    }
    settle().await;
    let found = api.post(CANCEL, &json!({"DryRun": true})).await.expect(200);
    assert_eq!((&found["Count"], &found["Cancelled"]), (&json!(2_000), &json!(0)));
    assert_eq!(found["Ids"].as_array().unwrap().len(), 100);
    let refused = api.post(CANCEL, &json!({"ExpectedCount": 3})).await;
    let told = refused.refused(409, "CountMismatch");
    assert_eq!(told["detail"], "2000 callbacks are found and not 3");
    let one =
        json!({"Target": "tel:+41785550007", "ExpectedCount": 2, "Reason": "FulfilledElsewhere"});
    assert_eq!(api.post(CANCEL, &one).await.expect(200)["Cancelled"], 2);
    api.post(CANCEL, &one).await.refused(409, "CountMismatch");
    let rest = api.post(CANCEL, &json!({"ExpectedCount": 1_998})).await.expect(200);
    assert_eq!((&rest["Cancelled"], &rest["MovedOn"]), (&json!(1_998), &json!([])));
    let over = json!({"State": "Terminated", "DryRun": true});
    assert_eq!(api.post(CANCEL, &over).await.expect(200)["Count"], 0);
    assert_eq!(api.post(CANCEL, &json!({"ExpectedCount": 0})).await.expect(200)["Count"], 0);
    for wrong in [
        json!({}),
        json!({"ExpectedCount": 10_001}),
        json!({"ExpectedCount": 1, "Limit": 1}),
        json!({"DryRun": "yes"}),
        json!({"ExpectedCount": 1, "Serv": 1}),
        json!([]),
    ] {
        api.post(CANCEL, &wrong).await.refused(400, "ValidationFailed");
    }
}

#[tokio::test(start_paused = true)]
async fn bulk_reaches_no_further_than_the_key() {
    let floor = Floor::new().await;
    let key = floor.key("Integrator", json!({"Services": [floor.services[1]]})).await;
    let items = json!([
        {"Target": "tel:+41785552222", "ServiceId": floor.services[0]},
        {"Target": "tel:+41785552222", "ServiceId": floor.services[1]},
    ]);
    let made = ask(&floor.api, &key, "POST", BATCH, &json!({"Items": items})).await.expect(200);
    assert_eq!(
        (&made["Results"][0]["Status"], &made["Results"][1]["Status"]),
        (&json!(403), &json!(201))
    );
    let found = ask(&floor.api, &key, "POST", CANCEL, &json!({"DryRun": true})).await.expect(200);
    assert_eq!(found["Count"], 2);
    let done = ask(&floor.api, &key, "POST", CANCEL, &json!({"ExpectedCount": 2})).await;
    assert_eq!(done.expect(200)["Cancelled"], 2);
    let left = ask(&floor.api, FILE, "POST", CANCEL, &json!({"DryRun": true})).await.expect(200);
    assert_eq!(left["Count"], 1);
}
