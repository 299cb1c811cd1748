//! Idempotency keys on whatever makes something.

use axum::http::Method;
use callback_engine::access::Digest;
use callback_http::Options;
use serde_json::{Value, json};

use crate::access::FILE;
use crate::harness::{Answer, Installation, id, memory};

const KEY: [(&str, &str); 1] = [("Idempotency-Key", "k")];

async fn made(api: &Installation, path: &str, body: &Value) -> Answer {
    api.with_headers(Method::POST, path, &KEY, body).await
}

#[tokio::test(start_paused = true)]
async fn whatever_is_made_under_a_key_is_made_once() {
    let service = json!({"Name": "A", "SipUri": "sip:a@b", "DirectionType": "Outbound"});
    let user = json!({"Name": "U", "SipUri": "sip:u@b"});
    let entry = json!({"Target": "tel:+41785556677"});
    let cases = [
        ("/v1.0/services", service, "/v1.0/services"),
        ("/v1.0/users", user, "/v1.0/users"),
        ("/v1.0/suppressions", entry.clone(), "/v1.0/suppressions"),
        ("/v1.0/suppressions/import", json!([entry, entry]), "/v1.0/suppressions"),
    ];
    for (path, body, list) in cases {
        let api = Installation::new().await;
        let first = made(&api, path, &body).await;
        let before = api.get(list).await.expect(200);
        let again = made(&api, path, &body).await;
        assert_eq!((first.status, &first.body), (again.status, &again.body), "{path}");
        assert_eq!(first.headers.get("location"), again.headers.get("location"), "{path}");
        assert_eq!(first.status, 201, "{path}");
        assert_eq!(api.get(list).await.expect(200), before, "{path}");
        let mut other = body;
        if let Value::Array(items) = &mut other {
            items.truncate(1);
        } else if path.ends_with("suppressions") {
            other["Reason"] = json!("asked");
        } else {
            other["Name"] = json!("B");
        }
        made(&api, path, &other).await.refused(409, "IdempotencyKeyReused");
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_is_not_shared_between_kinds_of_things() {
    let api = Installation::new().await;
    let entry = json!({"Target": "tel:+41785556677"});
    made(&api, "/v1.0/suppressions", &entry).await.expect(201);
    made(&api, "/v1.0/users", &entry).await.refused(400, "ValidationFailed");
    let user = json!({"Name": "U", "SipUri": "sip:u@b"});
    made(&api, "/v1.0/users", &user).await.refused(409, "IdempotencyKeyReused");
}

#[tokio::test(start_paused = true)]
async fn a_repetition_that_would_show_a_secret_names_what_was_made() {
    let options = Options { admin_key: Some(Digest::of(FILE.as_bytes())), ..Options::default() };
    let api = Installation::on(memory(), options).await;
    let cases = [
        ("/v1.0/keys", json!({"Name": "crm", "Role": "Integrator"})),
        ("/v1.0/webhooks", json!({"Url": "https://receiver.example/hooks"})),
    ];
    for (path, body) in cases {
        let bearer = format!("Bearer {FILE}");
        let headers = [("Authorization", bearer.as_str()), ("Idempotency-Key", path)];
        let send = async || api.with_headers(Method::POST, path, &headers, &body).await;
        let first = send().await.expect(201);
        let again = send().await;
        assert!(again.body["detail"].as_str().unwrap().contains(id(&first)), "{path}");
        again.refused(409, "SecretShown");
        let with = [headers[0]];
        let list = api.with_headers(Method::GET, path, &with, &Value::Null).await.expect(200);
        assert_eq!(list.as_array().unwrap().len(), 1, "{path}");
        assert!(!list.to_string().contains("Secret"), "{path}");
    }
}
