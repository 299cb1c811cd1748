//! Versions, conditions on them, and patches.

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::{Value, json};

use crate::harness::{Answer, Installation, NOBODY, details, id, settle};

async fn patch_if(api: &Installation, path: &str, tag: &str, body: &Value) -> Answer {
    api.with_headers(Method::PATCH, path, &[("If-Match", tag)], body).await
}

#[tokio::test(start_paused = true)]
async fn a_patch_needs_the_version_it_was_made_for() {
    let api = Installation::new().await;
    api.hotline().await;
    let made = api.callback(&json!({"DueDate": "2019-06-26T00:00"})).await;
    let path = format!("/v1.0/callbacks/{}", id(&made));
    let change = json!({"Description": "call after lunch", "Priority": "High"});
    let patched = patch_if(&api, &path, "\"1\"", &change).await;
    assert_eq!(patched.header("etag"), "\"2\"");
    let patched = patched.expect(200);
    assert_eq!(patched["Description"], "call after lunch");
    assert_eq!((&patched["Version"], &patched["Priority"]), (&json!(2), &json!("High")));
    for stale in ["\"1\"", "W/\"2\"", "\"x\"", "\"1\", \"3\"", "\"18446744073709551616\""] {
        let refused = patch_if(&api, &path, stale, &change).await;
        refused.refused(412, "StaleVersion");
    }
    for malformed in ["2", "\"2", "*, \"2\""] {
        let refused = patch_if(&api, &path, malformed, &change).await;
        let refused = refused.refused(400, "ValidationFailed");
        assert_eq!(refused["Error"]["Details"][0]["Member"], "If-Match");
    }
    let removed = patch_if(&api, &path, "\"1\", \"2\"", &json!({"Description": null})).await;
    assert_eq!(removed.expect(200)["Description"], Value::Null);
    let any = patch_if(&api, &path, "*", &json!({"Priority": "Low"})).await;
    assert_eq!(any.expect(200)["Version"], 4);
    let tag = api.get(&path).await;
    assert_eq!(tag.header("etag"), "\"4\"");
}

#[tokio::test(start_paused = true)]
async fn a_patch_is_taken_in_both_of_its_types_and_in_no_other() {
    let api = Installation::new().await;
    api.hotline().await;
    let made = api.callback(&json!({})).await;
    let path = format!("/v1.0/callbacks/{}", id(&made));
    for (kind, status) in [
        ("application/json", 200),
        ("application/merge-patch+json", 200),
        ("application/merge-patch+json; charset=UTF-8", 200),
        ("application/json-patch+json", 415),
        ("text/json", 415),
        ("application/merge-patch+json; charset=latin1", 415),
    ] {
        let request = Request::patch(&path).header("Content-Type", kind);
        let request = request.body(Body::from(r#"{"Description":"x"}"#)).unwrap();
        assert_eq!(api.send(request).await.status.as_u16(), status, "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_settled_or_gone_cannot_be_patched() {
    let api = Installation::new().await;
    api.hotline().await;
    let made = api.callback(&json!({})).await;
    let path = format!("/v1.0/callbacks/{}", id(&made));
    let refused = api.patch(&path, &json!({"State": "Terminated", "Target": null, "Foo": 1})).await;
    let mut found = details(&refused.refused(400, "ValidationFailed"));
    found.sort();
    let expected = [("Foo", "UnknownMember"), ("State", "NotPatchable"), ("Target", "Required")];
    assert_eq!(found, expected.map(|(member, code)| (member.to_owned(), code.to_owned())));
    api.poke(&format!("{path}/cancel")).await.expect(200);
    api.patch(&path, &json!({"Priority": "High"})).await.refused(409, "WrongPhase");
    let unknown = format!("/v1.0/callbacks/{NOBODY}");
    api.patch(&unknown, &json!({"Priority": "High"})).await.refused(404, "CallbackNotFound");
}

#[tokio::test(start_paused = true)]
async fn a_future_due_date_takes_a_callback_out_of_the_queue() {
    let api = Installation::new().await;
    api.hotline().await;
    let made = api.callback(&json!({})).await;
    settle().await;
    let path = format!("/v1.0/callbacks/{}", id(&made));
    assert_eq!(api.get(&path).await.expect(200)["State"], "InQueue");
    let moved = api.patch(&path, &json!({"DueDate": "2019-06-26T07:00:00Z"})).await.expect(200);
    assert_eq!(
        (&moved["State"], &moved["DueDate"]),
        (&json!("Pending"), &json!("2019-06-26T07:00:00Z"))
    );
}

#[tokio::test(start_paused = true)]
async fn cancelling_takes_a_reason_and_a_condition() {
    let api = Installation::new().await;
    api.hotline().await;
    let made = api.callback(&json!({})).await;
    let path = format!("/v1.0/callbacks/{}/cancel", id(&made));
    let stale = [("If-Match", "\"7\"")];
    api.with_headers(Method::POST, &path, &stale, &json!({})).await.refused(412, "StaleVersion");
    let gone = api.post(&path, &json!({"Reason": "FulfilledElsewhere"})).await.expect(200);
    assert_eq!(gone["TerminationReason"], "FulfilledElsewhere");
    api.poke(&format!("/v1.0/callbacks/{NOBODY}/cancel")).await.refused(404, "CallbackNotFound");
}
