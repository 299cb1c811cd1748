//! Services by HTTP.

use axum::http::Method;
use serde_json::json;

use crate::harness::{Installation, NOBODY, details, id};

#[tokio::test(start_paused = true)]
async fn a_service_is_made_read_replaced_and_removed() {
    let api = Installation::new().await;
    let body =
        json!({"Name": "Hotline", "SipUri": "sip:hot@dev.local", "DirectionType": "Outbound"});
    let made = api.post("/v1.0/services", &body).await;
    assert_eq!(made.header("etag"), "\"1\"");
    let path = made.header("location").to_owned();
    let made = made.expect(201);
    assert_eq!(made["MaxQueueTimeInSeconds"], 3600);
    assert_eq!(api.get(&path).await.expect(200), made);
    assert_eq!(api.get("/v1.0/services").await.expect(200), json!([made]));

    let mut edited = made.clone();
    edited["MaxQueued"] = json!(5);
    let stale = [("If-Match", "\"9\"")];
    api.with_headers(Method::PUT, &path, &stale, &edited).await.refused(412, "StaleVersion");
    let fresh = [("If-Match", "\"1\"")];
    let replaced = api.with_headers(Method::PUT, &path, &fresh, &edited).await;
    assert_eq!(replaced.header("etag"), "\"2\"");
    assert_eq!(replaced.expect(200)["MaxQueued"], 5);
    let defaults = api.put(&path, &body).await.expect(200);
    assert!(defaults["MaxQueued"].is_null(), "what is left out has its default again");

    let deleted = api.delete(&path).await;
    assert_eq!(deleted.status.as_u16(), 204);
    api.get(&path).await.refused(404, "ServiceNotFound");
    api.put(&path, &body).await.refused(404, "ServiceNotFound");
    api.delete(&path).await.refused(404, "ServiceNotFound");
}

#[tokio::test(start_paused = true)]
async fn an_address_belongs_to_one_service() {
    let api = Installation::new().await;
    api.hotline().await;
    let body =
        json!({"Name": "Two", "SipUri": "SIP:Smoky.Car@DEV.local", "DirectionType": "Outbound"});
    api.post("/v1.0/services", &body).await.refused(409, "AddressTaken");
}

#[tokio::test(start_paused = true)]
async fn a_service_with_waiting_callbacks_stays() {
    let api = Installation::new().await;
    let service = api.hotline().await;
    let made = api.callback(&json!({})).await;
    let path = format!("/v1.0/services/{service}");
    api.delete(&path).await.refused(409, "InUse");
    api.poke(&format!("/v1.0/callbacks/{}/cancel", id(&made))).await.expect(200);
    assert_eq!(api.delete(&path).await.status.as_u16(), 204);
    let kept = api.get(&format!("/v1.0/callbacks/{}", id(&made))).await.expect(200);
    assert_eq!(kept["ServiceId"], service.as_str());
    let found = api.post("/v1.0/callbacks/search", &json!({})).await.expect(200);
    assert_eq!(found, json!([kept]));
}

#[tokio::test(start_paused = true)]
async fn a_request_for_a_service_names_its_problems() {
    let api = Installation::new().await;
    let body = json!({"Name": " ", "SipUri": "tel:1", "Direction": "Outbound"});
    let refused = api.post("/v1.0/services", &body).await.refused(400, "ValidationFailed");
    let members: Vec<_> = details(&refused).into_iter().map(|(member, _)| member).collect();
    assert_eq!(members, ["Name", "SipUri", "DirectionType", "Direction"]);
    api.get(&format!("/v1.0/services/{NOBODY}/queue")).await.refused(404, "ServiceNotFound");
}
