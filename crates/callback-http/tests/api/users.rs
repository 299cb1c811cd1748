//! Users by HTTP.

use axum::http::Method;
use serde_json::json;

use crate::harness::{Installation, NOBODY, settle};

#[tokio::test(start_paused = true)]
async fn a_user_is_made_read_replaced_and_removed() {
    let api = Installation::new().await;
    let service = api.hotline().await;
    let body = json!({"Name": "Ann", "SipUri": "sip:ann@dev.local", "Services": [service]});
    let made = api.post("/v1.0/users", &body).await;
    assert_eq!(made.header("etag"), "\"1\"");
    let path = made.header("location").to_owned();
    let made = made.expect(201);
    assert_eq!((&made["Presence"], &made["Distribution"]), (&json!("Offline"), &json!("Push")));
    assert_eq!(api.get(&path).await.expect(200), made);
    assert_eq!(api.get("/v1.0/users").await.expect(200), json!([made]));

    let edit =
        json!({"Name": "Ann B", "SipUri": "sip:ann@dev.local", "Presence": "Away", "Services": []});
    let stale = [("If-Match", "\"2\"")];
    api.with_headers(Method::PUT, &path, &stale, &edit).await.refused(412, "StaleVersion");
    let edited = api.put(&path, &edit).await.expect(200);
    assert_eq!((&edited["Name"], &edited["Presence"]), (&json!("Ann B"), &json!("Away")));
    assert_eq!(edited["Services"], json!([]));

    assert_eq!(api.delete(&path).await.status.as_u16(), 204);
    api.get(&path).await.refused(404, "UserNotFound");
}

#[tokio::test(start_paused = true)]
async fn presence_is_chosen() {
    let api = Installation::new().await;
    let service = api.hotline().await;
    let agent = api.agent(&service, &json!({"Presence": "Away"})).await;
    let path = format!("/v1.0/users/{agent}/presence");
    let chosen = api.put(&path, &json!({"Presence": "Available"})).await.expect(200);
    assert_eq!(chosen["Presence"], "Available");
    api.put(&path, &json!({"Presence": "available"})).await.refused(400, "ValidationFailed");
    let unknown = format!("/v1.0/users/{NOBODY}/presence");
    api.put(&unknown, &json!({"Presence": "Away"})).await.refused(404, "UserNotFound");
}

#[tokio::test(start_paused = true)]
async fn a_user_with_a_task_stays() {
    let api = Installation::new().await;
    let service = api.hotline().await;
    let agent = api.agent(&service, &json!({})).await;
    api.callback(&json!({})).await;
    settle().await;
    api.delete(&format!("/v1.0/users/{agent}")).await.refused(409, "InUse");
}

#[tokio::test(start_paused = true)]
async fn a_user_has_an_address_of_their_own_and_services_that_exist() {
    let api = Installation::new().await;
    let service = api.hotline().await;
    api.agent(&service, &json!({})).await;
    let twin = json!({"Name": "Bob", "SipUri": "sip:Ann@dev.local"});
    api.post("/v1.0/users", &twin).await.refused(409, "AddressTaken");
    let lost = json!({"Name": "Bob", "SipUri": "sip:bob@dev.local", "Services": [NOBODY]});
    api.post("/v1.0/users", &lost).await.refused(404, "ServiceNotFound");
}
