//! Who may do what: every operation of the document, for every role and every kind of key.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use callback_engine::access::Digest;
use callback_http::{Options, openapi_document};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::harness::{Answer, Installation, JSON, NOBODY, id, memory, pass, settle};

/// The key in the operator's file.
pub(crate) const FILE: &str = "the-operator-chose-these-words-for-a-key";

/// What an operation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    /// Nothing that is kept from anybody.
    Open,
    /// Something with a service, by its id.
    Callback,
    Service,
    User,
    Suppression,
    /// What is made, found or listed within reach.
    List,
    /// The installation as a whole.
    All,
    /// A key.
    Key,
    /// A webhook, or a delivery to it.
    Webhook,
}

use About::{All, Callback, Key, List, Open, Service, Suppression, User, Webhook};

/// The table: I integrator, A agent, S supervisor, X administrator.
const ROWS: [(&str, &str, &str, About); 58] = [
    ("get", "/v1.0/callbacks", "ISX", List),
    ("post", "/v1.0/callbacks", "ISX", List),
    ("post", "/v1.0/callbacks/search", "ISX", List),
    ("post", "/v1.0/callbacks/batch", "ISX", List),
    ("post", "/v1.0/callbacks/cancel", "ISX", List),
    ("get", "/v1.0/callbacks/{id}", "IASX", Callback),
    ("patch", "/v1.0/callbacks/{id}", "ISX", Callback),
    ("post", "/v1.0/callbacks/{id}/cancel", "ISX", Callback),
    ("get", "/v1.0/callbacks/{id}/attempts", "IASX", Callback),
    ("get", "/v1.0/callbacks/{id}/history", "IASX", Callback),
    ("get", "/v1.0/callbacks/{id}/explain", "IASX", Callback),
    ("post", "/v1.0/callbacks/{id}/accept", "AX", Callback),
    ("post", "/v1.0/callbacks/{id}/decline", "AX", Callback),
    ("post", "/v1.0/callbacks/{id}/dial", "AX", Callback),
    ("post", "/v1.0/callbacks/{id}/answered", "AX", Callback),
    ("post", "/v1.0/callbacks/{id}/outcome", "AX", Callback),
    ("post", "/v1.0/callbacks/{id}/hangup", "AX", Callback),
    ("post", "/v1.0/callbacks/{id}/heartbeat", "AX", Callback),
    ("get", "/v1.0/services", "IASX", List),
    ("post", "/v1.0/services", "X", All),
    ("get", "/v1.0/services/{id}", "IASX", Service),
    ("put", "/v1.0/services/{id}", "X", Service),
    ("delete", "/v1.0/services/{id}", "X", Service),
    ("get", "/v1.0/services/{id}/queue", "ISX", Service),
    ("get", "/v1.0/users", "SX", List),
    ("post", "/v1.0/users", "X", All),
    ("get", "/v1.0/users/{id}", "ASX", User),
    ("put", "/v1.0/users/{id}", "X", User),
    ("delete", "/v1.0/users/{id}", "X", User),
    ("put", "/v1.0/users/{id}/presence", "ASX", User),
    ("post", "/v1.0/users/{id}/rona/reset", "ASX", User),
    ("post", "/v1.0/users/{id}/aftercallwork/end", "ASX", User),
    ("get", "/v1.0/users/{id}/task", "ASX", User),
    ("post", "/v1.0/users/{id}/next", "AX", User),
    ("get", "/v1.0/suppressions", "SX", List),
    ("post", "/v1.0/suppressions", "SX", List),
    ("post", "/v1.0/suppressions/import", "SX", List),
    ("delete", "/v1.0/suppressions/{id}", "SX", Suppression),
    ("get", "/v1.0/keys", "X", All),
    ("post", "/v1.0/keys", "X", All),
    ("get", "/v1.0/keys/{id}", "X", Key),
    ("delete", "/v1.0/keys/{id}", "X", Key),
    ("get", "/v1.0/events", "ISX", List),
    ("get", "/v1.0/webhooks", "X", All),
    ("post", "/v1.0/webhooks", "X", All),
    ("get", "/v1.0/webhooks/{id}", "X", Webhook),
    ("put", "/v1.0/webhooks/{id}", "X", Webhook),
    ("delete", "/v1.0/webhooks/{id}", "X", Webhook),
    ("post", "/v1.0/webhooks/{id}/secret/rotate", "X", Webhook),
    ("post", "/v1.0/webhooks/{id}/test", "X", Webhook),
    ("post", "/v1.0/webhooks/{id}/replay", "X", Webhook),
    ("get", "/v1.0/webhooks/{id}/deliveries", "X", Webhook),
    ("post", "/v1.0/webhooks/{id}/deliveries/{deliveryId}/replay", "X", Webhook),
    ("post", "/v1.0/erasures", "X", All),
    ("get", "/healthz", "", Open),
    ("get", "/readyz", "", Open),
    ("get", "/metrics", "SX", All),
    ("get", "/openapi.json", "", Open),
];
const PAGES: [&str; 2] = ["/docs", "/docs/style.css"];

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Through,
    Unauthorized,
    Forbidden,
    Hidden,
}

/// Two services with a user each, and a callback in the hands of the first one's.
pub(crate) struct Floor {
    pub(crate) api: Installation,
    pub(crate) services: [String; 2],
    pub(crate) users: [String; 2],
    pub(crate) task: Value,
    webhook: String,
    delivery: String,
}

impl Floor {
    pub(crate) async fn new() -> Self {
        let options =
            Options { admin_key: Some(Digest::of(FILE.as_bytes())), ..Options::default() };
        let api = Installation::on(memory(), options).await;
        let (mut services, mut users) = (Vec::new(), Vec::new());
        for name in ["one", "other"] {
            let body = json!({
                "Name": name, "SipUri": format!("sip:{name}@dev.local"),
                "DirectionType": "InboundOutbound", "PreviewTimeInSeconds": 600,
            });
            let made = ask(&api, FILE, "POST", "/v1.0/services", &body).await.expect(201);
            let service = id(&made).to_owned();
            let body = json!({
                "Name": name, "SipUri": format!("sip:u.{name}@dev.local"),
                "Services": [service], "Presence": "Available",
            });
            let made = ask(&api, FILE, "POST", "/v1.0/users", &body).await.expect(201);
            users.push(id(&made).to_owned());
            let body = json!({"Target": format!("tel:+4178555000{}", services.len()),
                "ServiceId": service, "ExternalTaskId": "T"});
            ask(&api, FILE, "POST", "/v1.0/callbacks", &body).await.expect(201);
            services.push(service);
            settle().await;
        }
        let path = format!("/v1.0/users/{}/task", users[0]);
        let task = ask(&api, FILE, "GET", &path, &Value::Null).await.expect(200);
        let [services, users] = [services, users].map(|list| list.try_into().unwrap());
        let body = json!({"Url": "https://hooks.example/"});
        let made = ask(&api, FILE, "POST", "/v1.0/webhooks", &body).await.expect(201);
        let webhook = id(&made).to_owned();
        let path = format!("/v1.0/webhooks/{webhook}/test");
        let sent = ask(&api, FILE, "POST", &path, &Value::Null).await.expect(202);
        let delivery = id(&sent).to_owned();
        Self { api, services, users, task, webhook, delivery }
    }

    pub(crate) async fn key(&self, role: &str, more: Value) -> String {
        self.made(role, more).await["Key"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn made(&self, role: &str, more: Value) -> Value {
        let mut body = json!({"Name": role, "Role": role});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        ask(&self.api, FILE, "POST", "/v1.0/keys", &body).await.expect(201)
    }

    pub(crate) fn callback(&self) -> &str {
        id(&self.task["Callback"])
    }

    /// An identity for a path, of the first service or its user.
    async fn named(&self, about: About) -> String {
        match about {
            Callback => self.callback().to_owned(),
            Service => self.services[0].clone(),
            User => self.users[0].clone(),
            Suppression => {
                let body = json!({"Target": "sip:never@b", "ServiceId": self.services[0]});
                let made = ask(&self.api, FILE, "POST", "/v1.0/suppressions", &body).await;
                id(&made.expect(201)).to_owned()
            }
            Key => id(&self.made("Supervisor", json!({})).await).to_owned(),
            Webhook => self.webhook.clone(),
            Open | List | All => NOBODY.to_owned(),
        }
    }

    async fn fate(&self, key: Option<&str>, row: &(&str, &str, &str, About)) -> Fate {
        let (method, path, _, about) = *row;
        let path = path.replace("{id}", &self.named(about).await);
        let path = path.replace("{deliveryId}", &self.delivery);
        let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
        // Nothing is changed: the version is none that was, the token nobody's.
        let body = match method {
            Method::POST if about == Callback && !path.ends_with("cancel") => {
                json!({"LeaseToken": NOBODY, "Outcome": "Busy"}).to_string()
            }
            _ => String::new(),
        };
        let body = if path.ends_with("/outcome") {
            body
        } else {
            body.replace(",\"Outcome\":\"Busy\"", "")
        };
        let mut request = Request::builder().method(method).uri(&path);
        request = request.header("Content-Type", JSON).header("If-Match", "\"999999\"");
        if let Some(key) = key {
            request = request.header("Authorization", format!("Bearer {key}"));
        }
        let request = request.body(Body::from(body)).unwrap();
        let response = self.api.router.clone().oneshot(request).await.unwrap();
        let challenge = response.headers().contains_key("www-authenticate");
        let status = response.status().as_u16();
        assert_eq!(challenge, status == 401, "{path}");
        assert!(status < 500, "{path}: {status}");
        match status {
            401 => Fate::Unauthorized,
            403 => Fate::Forbidden,
            404 => Fate::Hidden,
            _ => Fate::Through,
        }
    }
}

pub(crate) async fn ask(
    api: &Installation,
    key: &str,
    method: &str,
    path: &str,
    body: &Value,
) -> Answer {
    let bearer = format!("Bearer {key}");
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    api.with_headers(method, path, &[("Authorization", &bearer)], body).await
}

#[tokio::test(start_paused = true)]
async fn every_operation_lets_through_whom_the_table_says_and_nobody_else() {
    let floor = Floor::new().await;
    let document = serde_json::to_value(openapi_document()).unwrap();
    let mut documented = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            documented.insert((method.as_str(), path.as_str()));
        }
    }
    let mut rows: Vec<_> = ROWS.to_vec();
    rows.extend(PAGES.map(|page| ("get", page, "", Open)));
    let tabled: BTreeSet<_> = rows.iter().map(|(method, path, ..)| (*method, *path)).collect();
    assert_eq!(tabled, documented, "every operation has a row");

    let [one, other] = [&floor.services[0], &floor.services[1]];
    let revoked = floor.made("Admin", json!({})).await;
    let path = format!("/v1.0/keys/{}", id(&revoked));
    let answer = ask(&floor.api, FILE, "DELETE", &path, &Value::Null).await;
    assert_eq!(answer.status.as_u16(), 204);
    let expired = floor.key("Admin", json!({"ExpiresInSeconds": 1})).await;
    pass(Duration::from_secs(1)).await;
    let forged = format!("{}0", &expired[..expired.len() - 1]);
    let shut = [
        None,
        Some("wrong".to_owned()),
        Some(forged),
        Some(expired),
        Some(revoked["Key"].as_str().unwrap().to_owned()),
    ];
    let whole = [
        ('I', floor.key("Integrator", json!({})).await),
        ('A', floor.key("Agent", json!({"UserId": floor.users[0]})).await),
        ('S', floor.key("Supervisor", json!({})).await),
        ('X', floor.key("Admin", json!({})).await),
        ('X', FILE.to_owned()),
    ];
    let own = [
        ('I', floor.key("Integrator", json!({"Services": [one]})).await),
        ('S', floor.key("Supervisor", json!({"Services": [one]})).await),
    ];
    let foreign = [
        ('I', floor.key("Integrator", json!({"Services": [other]})).await),
        ('S', floor.key("Supervisor", json!({"Services": [other]})).await),
        ('A', floor.key("Agent", json!({"UserId": floor.users[1]})).await),
    ];
    let mut asked = 0;
    for row in &rows {
        let (method, path, roles, about) = *row;
        let mut expect = async |key: Option<&str>, wanted: Fate, who: &str| {
            asked += 1;
            assert_eq!(floor.fate(key, row).await, wanted, "{who}: {method} {path}");
        };
        for key in &shut {
            let wanted = if about == Open { Fate::Through } else { Fate::Unauthorized };
            expect(key.as_deref(), wanted, "shut").await;
        }
        let by_role = |role: char, granted: Fate| match about {
            Open => Fate::Through,
            Callback | Service | User | Suppression | List | All | Key | Webhook => {
                if roles.contains(role) { granted } else { Fate::Forbidden }
            }
        };
        for (role, key) in &whole {
            expect(Some(key), by_role(*role, Fate::Through), &format!("whole {role}")).await;
        }
        for (role, key) in &own {
            let granted = if about == All { Fate::Forbidden } else { Fate::Through };
            expect(Some(key), by_role(*role, granted), &format!("own {role}")).await;
        }
        for (role, key) in &foreign {
            let granted = match about {
                Open | List => Fate::Through,
                All => Fate::Forbidden,
                Callback | Service | User | Suppression | Key | Webhook => Fate::Hidden,
            };
            expect(Some(key), by_role(*role, granted), &format!("foreign {role}")).await;
        }
        let listed = &document["paths"][path][method];
        let names = [('I', "Integrator"), ('A', "Agent"), ('S', "Supervisor"), ('X', "Admin")];
        let named = names.iter().filter(|(role, _)| roles.contains(*role));
        let named: Vec<_> = named.map(|(_, name)| *name).collect();
        if about == Open {
            assert_eq!(listed["security"], json!([]), "{path}");
        } else {
            assert_eq!(listed["x-roles"], json!(named), "{method} {path}");
            assert_eq!(listed["security"], json!([{"Bearer": []}, {"ApiKey": []}]), "{path}");
        }
    }
    assert_eq!(asked, rows.len() * 15);
}
