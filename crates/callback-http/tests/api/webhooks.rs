//! Subscriptions over the API.

use callback_http::{Networks, Options, Webhooks};
use serde_json::{Value, json};

use crate::harness::{Installation, NOBODY, details, id};

const URL: &str = "https://receiver.example/hooks?key=1";

async fn subscribed(api: &Installation, more: Value) -> Value {
    let mut body = json!({"Url": URL});
    crate::harness::merge(&mut body, &more);
    api.post("/v1.0/webhooks", &body).await.expect(201)
}

#[tokio::test(start_paused = true)]
async fn a_webhook_is_made_read_replaced_and_removed() {
    let api = Installation::new().await;
    let answer = api.post("/v1.0/webhooks", &json!({"Url": URL, "Events": ["Created"]})).await;
    let path = answer.header("location").to_owned();
    let made = answer.expect(201);
    assert_eq!(path, format!("/v1.0/webhooks/{}", id(&made)));
    assert_eq!(
        (&made["Url"], &made["Events"], &made["Enabled"]),
        (&json!(URL), &json!(["Created"]), &json!(true))
    );
    let read = api.get(&path).await;
    assert_eq!(read.header("etag"), "\"1\"");
    let read = read.expect(200);
    assert!(read.get("Secret").is_none(), "a secret is shown once");
    assert_eq!(api.get("/v1.0/webhooks").await.expect(200), json!([read]));

    let mut body = read.clone();
    body["Enabled"] = json!(false);
    let replaced = api.put(&path, &body).await.expect(200);
    assert_eq!((&replaced["Enabled"], &replaced["Version"]), (&json!(false), &json!(2)));
    assert!(replaced["DisabledAt"].is_string() && replaced["DisabledReason"].is_null());
    api.poke(&format!("{path}/test")).await.refused(409, "WebhookDisabled");
    let stale = [("If-Match", "\"1\"")];
    let refused = api.with_headers(axum::http::Method::PUT, &path, &stale, &body).await;
    refused.refused(412, "StaleVersion");
    body["Enabled"] = json!(true);
    assert!(api.put(&path, &body).await.expect(200)["DisabledAt"].is_null());
    api.delete(&path).await.expect(204);
    api.get(&path).await.refused(404, "WebhookNotFound");
    assert_eq!(api.get("/v1.0/webhooks").await.expect(200), json!([]));
    api.get("/v1.0/webhooks/x").await.refused(404, "WebhookNotFound");
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_answered_when_it_is_made_and_rotated_only() {
    let api = Installation::new().await;
    let made = subscribed(&api, json!({})).await;
    let path = format!("/v1.0/webhooks/{}", id(&made));
    let rotated = api.poke(&format!("{path}/secret/rotate")).await.expect(200);
    let (old, new) = (made["Secret"].as_str().unwrap(), rotated["Secret"].as_str().unwrap());
    for secret in [old, new] {
        assert!(secret.starts_with("whsec_"));
        standardwebhooks::Webhook::new(secret).unwrap();
    }
    assert_ne!(old, new);
    let events = api.get("/v1.0/webhooks").await.expect(200).to_string();
    assert!(!events.contains("whsec_"));
}

#[tokio::test(start_paused = true)]
async fn an_address_inside_is_refused_unless_the_configuration_allows_it() {
    let api = Installation::new().await;
    for url in ["http://127.0.0.1/", "http://0x7f.1/", "http://[::1]/", "http://localhost:80/"] {
        let refused = api.post("/v1.0/webhooks", &json!({"Url": url})).await;
        let refused = refused.refused(400, "ValidationFailed");
        assert_eq!(details(&refused), [("Url".to_owned(), "AddressNotAllowed".to_owned())]);
        assert!(refused.to_string().contains("webhooks.allow_private"));
    }
    let networks = Networks { allow_private: true, ..Networks::default() };
    let webhooks = Webhooks { networks, ..Webhooks::default() };
    let api = Installation::with(Options { webhooks, ..Options::default() }).await;
    api.post("/v1.0/webhooks", &json!({"Url": "http://127.0.0.1:1/"})).await.expect(201);
}

#[tokio::test(start_paused = true)]
async fn problems_of_a_subscription_are_named() {
    let api = Installation::new().await;
    let body = json!({"Url": "x", "Events": ["Nothing"], "Srevices": null});
    let refused = api.post("/v1.0/webhooks", &body).await.refused(400, "ValidationFailed");
    let found = details(&refused);
    for member in ["Url", "Events[0]", "Srevices"] {
        assert!(found.iter().any(|(named, _)| named == member), "{found:?}");
    }
    let body = json!({"Url": URL, "Services": [NOBODY]});
    api.post("/v1.0/webhooks", &body).await.refused(404, "ServiceNotFound");
    for number in 0..100 {
        subscribed(&api, json!({"Description": number.to_string()})).await;
    }
    let body = json!({"Url": URL});
    api.post("/v1.0/webhooks", &body).await.refused(409, "TooManyWebhooks");
}

#[tokio::test(start_paused = true)]
async fn deliveries_are_listed_in_pages_and_sent_again() {
    let api = Installation::new().await;
    let made = subscribed(&api, json!({})).await;
    let path = format!("/v1.0/webhooks/{}", id(&made));
    let mut pings = Vec::new();
    for _ in 0..5 {
        let ping = api.poke(&format!("{path}/test")).await.expect(202);
        assert_eq!((&ping["Event"], &ping["State"]), (&json!("Ping"), &json!("Pending")));
        pings.insert(0, id(&ping).to_owned());
        crate::harness::settle().await;
    }
    let mut next = Some(format!("{path}/deliveries?limit=2&state=Pending"));
    let mut found = Vec::new();
    while let Some(page) = next {
        let answer = api.get(&page).await;
        next = answer.next();
        let listed = answer.expect(200);
        found.extend(listed.as_array().unwrap().iter().map(|one| id(one).to_owned()));
    }
    assert_eq!(found, pings);
    assert_eq!(api.get(&format!("{path}/deliveries?state=Failed")).await.expect(200), json!([]));
    for wrong in ["state=Lost", "before=x", "limit=0", "stat=Failed"] {
        let refused = api.get(&format!("{path}/deliveries?{wrong}")).await;
        refused.refused(400, "ValidationFailed");
    }
    let again = format!("{path}/deliveries/{}/replay", pings[0]);
    assert_eq!(id(&api.poke(&again).await.expect(202)), pings[0]);
    api.poke(&format!("{path}/deliveries/{NOBODY}/replay")).await.refused(404, "DeliveryNotFound");
    api.post(&format!("{path}/replay"), &json!({})).await.refused(400, "ValidationFailed");
    let since = json!({"Since": "2019-01-01T00:00:00Z"});
    api.post(&format!("{path}/replay"), &since).await.expect(202);
}
