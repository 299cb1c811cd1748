//! Erasing a person's data over the API.

use axum::http::Method;
use serde_json::{Value, json};

use crate::harness::{Installation, settle};

const PATH: &str = "/v1.0/erasures";
const PERSON: &str = "tel:+41785556677";

#[tokio::test(start_paused = true)]
async fn nothing_is_left_of_a_person_but_their_wish_not_to_be_called() {
    let api = Installation::new().await;
    let service = api.hotline().await;
    let body = json!({"Target": PERSON, "ServiceId": service});
    let key = [("Idempotency-Key", "k")];
    for _ in 0..2 {
        api.with_headers(Method::POST, "/v1.0/callbacks", &key, &body).await.expect(201);
    }
    let other = json!({"Target": "tel:+41785550000", "ServiceId": service});
    let batch = json!({"Items": [body, other]});
    api.with_headers(Method::POST, "/v1.0/callbacks/batch", &[("Idempotency-Key", "b")], &batch)
        .await
        .expect(200);
    api.post("/v1.0/suppressions", &json!({"Target": PERSON})).await.expect(201);
    settle().await;
    let done = api.post(PATH, &json!({"Target": "sip:+41785556677@trunk;user=phone"})).await;
    let done = done.expect(200);
    let figures = (&done["Callbacks"], &done["Answers"], &done["Suppressions"]);
    assert_eq!(figures, (&json!(2), &json!(2), &json!(0)));
    let found = api.post("/v1.0/callbacks/search", &json!({})).await.expect(200);
    assert_eq!(found.as_array().unwrap().len(), 1);
    assert!(!found.to_string().contains("5556677"));
    let kept = api.get("/v1.0/suppressions").await.expect(200);
    assert_eq!(kept.as_array().unwrap().len(), 1);
    let body = json!({"Target": PERSON, "KeepSuppression": false});
    assert_eq!(api.post(PATH, &body).await.expect(200)["Suppressions"], 1);
    assert_eq!(api.get("/v1.0/suppressions").await.expect(200), json!([]));
}

#[tokio::test(start_paused = true)]
async fn an_erasure_names_somebody() {
    let api = Installation::new().await;
    for wrong in [json!({}), json!({"Target": "tel:0785556677"}), json!({"Target": 7}), Value::Null]
    {
        api.post(PATH, &wrong).await.refused(400, "ValidationFailed");
    }
}
