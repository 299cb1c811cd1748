//! The configurator: what forms send, what is wrong with it, and what is shown once.

use serde_json::{Value, json};

use crate::harness::{Browser, Installation, Page, id};

/// What a page's form would send as it is, with some fields changed.
fn filled<'p>(page: &'p Page, changes: &[(&'p str, &'p str)]) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    for part in page.text.split("<input").skip(1) {
        let tag = part.split('>').next().unwrap();
        let of = |name: &str| {
            let (_, rest) = tag.split_once(&format!("{name}=\""))?;
            rest.split_once('"').map(|(value, _)| value.to_owned())
        };
        let is_off = tag.contains("checkbox") && !tag.contains("checked");
        if let (Some(name), false) = (of(" name"), is_off) {
            fields.push((name, of(" value").unwrap_or_default()));
        }
    }
    for part in page.text.split("<select").skip(1) {
        let name = part.split("name=\"").nth(1).unwrap().split('"').next().unwrap();
        let mut options = part.split("</select>").next().unwrap().split("<option");
        let chosen = options.find(|option| option.contains(" selected"));
        let value = chosen.map(|option| option.split('"').nth(1).unwrap()).unwrap_or_default();
        fields.push((name.to_owned(), value.to_owned()));
    }
    fields.retain(|(name, _)| name != "token" && !changes.iter().any(|(other, _)| other == name));
    fields.extend(changes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    fields
}

async fn save(browser: &mut Browser<'_>, page: &Page, to: &str, changes: &[(&str, &str)]) -> Page {
    let fields = filled(page, changes);
    let fields: Vec<(&str, &str)> =
        fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    browser.submit(page, to, &fields).await
}

async fn service(installation: &Installation, id: &str) -> Value {
    installation.api("", "GET", &format!("/v1.0/services/{id}"), &json!(null)).await
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_saved_unchanged_is_as_it_was() {
    let installation = Installation::new().await;
    let (id, _) = installation.floor().await;
    let mut stored = service(&installation, &id).await;
    stored["OpeningHours"] = json!({
        "TimeZone": "Europe/Zurich",
        "Weekly": [{"Day": "Friday", "From": "22:00", "To": "02:00"}],
        "Exceptions": [{"Date": "2026-12-25", "Intervals": []}],
    });
    stored["RetryByOutcome"] = json!({"Busy": {"Retry": true, "DelayInSeconds": 60}});
    stored["MaxConcurrentOutboundSessions"] = json!(7);
    let api = format!("/v1.0/services/{id}");
    let stored = installation.api("", "PUT", &api, &stored).await;
    let path = format!("/console/setup/services/{id}");
    let mut browser = installation.browser();
    let page = browser.get(&path).await;
    let done = save(&mut browser, &page, &path, &[]).await;
    assert_eq!(done.leads_to(), "/console/setup/services?done=saved");
    let mut now = service(&installation, &id).await;
    for member in ["Version", "UpdatedAt"] {
        now[member] = stored[member].clone();
    }
    assert_eq!(now, stored);
}

#[tokio::test(start_paused = true)]
async fn problems_stand_beside_their_fields_and_nothing_is_lost() {
    let installation = Installation::new().await;
    let (id, _) = installation.floor().await;
    let path = format!("/console/setup/services/{id}");
    let mut browser = installation.browser();
    let page = browser.get(&path).await;
    let changes = [
        ("Name", ""),
        ("MaxQueueTimeInSeconds", "an hour"),
        ("RetryByOutcome.Busy.DelayInSeconds", "60"),
        ("OpeningHours.Mode", "limited"),
        ("OpeningHours.TimeZone", "Europe/Nowhere"),
        ("AllowedTargets", "+41*\n<nonsense>"),
    ];
    let refused = save(&mut browser, &page, &path, &changes).await;
    for field in [
        "field-name",
        "field-maxqueuetimeinseconds",
        "field-retrybyoutcome-busy-retry",
        "field-openinghours-timezone",
        "field-allowedtargets",
    ] {
        refused.shows(&format!(r#"id="{field}-problem""#));
    }
    refused.shows(r#"value="an hour""#);
    refused.shows("+41*\n&lt;nonsense&gt;");
    assert_eq!(service(&installation, &id).await["Name"], "Hotline");
}

#[tokio::test(start_paused = true)]
async fn what_somebody_else_saved_meanwhile_is_not_overwritten() {
    let installation = Installation::new().await;
    let (id, _) = installation.floor().await;
    let path = format!("/console/setup/services/{id}");
    let (mut one, mut other) = (installation.browser(), installation.browser());
    let (first, second) = (one.get(&path).await, other.get(&path).await);
    assert_eq!(save(&mut one, &first, &path, &[("Name", "By one")]).await.status, 303);
    let refused = save(&mut other, &second, &path, &[("Name", "By the other")]).await;
    refused.shows(r#"value="By the other""#);
    refused.shows("That did not work.");
    assert_eq!(service(&installation, &id).await["Name"], "By one");
}

#[tokio::test(start_paused = true)]
async fn a_service_in_use_is_not_deleted_and_it_is_said_why() {
    let installation = Installation::new().await;
    let (service, _) = installation.floor().await;
    let body = json!({"Target": "tel:+41785550101", "ServiceId": service});
    installation.api("", "POST", "/v1.0/callbacks", &body).await;
    let path = format!("/console/setup/services/{service}");
    let mut browser = installation.browser();
    let page = browser.get(&path).await;
    let refused = browser.submit(&page, &format!("{path}/delete"), &[]).await;
    refused.shows("That did not work.");
    refused.shows("Hotline");
}

#[tokio::test(start_paused = true)]
async fn users_are_made_changed_and_deleted() {
    let installation = Installation::new().await;
    let (service, _) = installation.floor().await;
    let mut browser = installation.browser();
    let page = browser.get("/console/setup/users/new").await;
    let changes = [("Name", "Ben"), ("SipUri", "sip:ben@dev.local"), ("Services", &service)];
    let made = save(&mut browser, &page, "/console/setup/users/new", &changes).await;
    assert_eq!(made.leads_to(), "/console/setup/users?done=saved");
    let users = installation.api("", "GET", "/v1.0/users", &json!(null)).await;
    let ben = users.as_array().unwrap().iter().find(|user| user["Name"] == "Ben").unwrap();
    assert_eq!((&ben["Services"], &ben["Selectable"]), (&json!([service]), &json!(true)));
    let path = format!("/console/setup/users/{}", id(ben));
    let page = browser.get(&path).await;
    let fields = [
        ("version", ben["Version"].to_string()),
        ("Name", "Ben".to_owned()),
        ("SipUri", "sip:ben@dev.local".to_owned()),
        ("Distribution", "Pull".to_owned()),
    ];
    let fields: Vec<(&str, &str)> =
        fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(browser.submit(&page, &path, &fields).await.status, 303);
    let api = format!("/v1.0/users/{}", id(ben));
    let stored = installation.api("", "GET", &api, &json!(null)).await;
    let expected = (&json!([]), &json!(false), &json!("Pull"));
    assert_eq!((&stored["Services"], &stored["Selectable"], &stored["Distribution"]), expected);
    let page = browser.get(&path).await;
    assert_eq!(browser.submit(&page, &format!("{path}/delete"), &[]).await.status, 303);
    assert_eq!(browser.get(&path).await.status, 404);
}

#[tokio::test(start_paused = true)]
async fn a_key_is_shown_in_the_answer_that_makes_it_and_in_no_other() {
    let installation = Installation::new().await;
    installation.floor().await;
    let admin = installation.key("", "Admin", &json!({})).await;
    let mut browser = installation.signed_in(&admin).await;
    let page = browser.get("/console/setup/keys").await;
    let refused = save(&mut browser, &page, "/console/setup/keys", &[("Role", "Agent")]).await;
    refused.shows(r#"id="field-name-problem""#);
    refused.shows(r#"id="field-userid-problem""#);
    let changes = [("Name", "shop"), ("Role", "Integrator"), ("ExpiresInSeconds", "30")];
    let made = save(&mut browser, &page, "/console/setup/keys", &changes).await;
    assert_eq!(made.headers["cache-control"], "no-store");
    let secret = made.text.split("id=\"secret\"").nth(1).unwrap();
    let secret = secret.split("value=\"").nth(1).unwrap().split('"').next().unwrap();
    assert!(secret.starts_with("cbk_"), "{secret}");
    browser.get("/console/setup/keys").await.hides(secret);
    let keys = installation.api(&admin, "GET", "/v1.0/keys", &json!(null)).await;
    let key = keys.as_array().unwrap().iter().find(|key| key["Name"] == "shop").unwrap();
    assert!(key["ExpiresAt"].as_str().unwrap().starts_with("2026-02-04"), "{key}");
    let to = format!("/console/setup/keys/{}/revoke", id(key));
    let page = browser.get("/console/setup/keys").await;
    assert_eq!(browser.submit(&page, &to, &[]).await.status, 303);
    browser.get("/console/setup/keys").await.shows("Revoked");
}

#[tokio::test(start_paused = true)]
async fn a_webhook_keeps_its_events_and_services() {
    let installation = Installation::new().await;
    let (service, _) = installation.floor().await;
    let mut browser = installation.browser();
    let page = browser.get("/console/setup/webhooks/new").await;
    let to = "/console/setup/webhooks/new";
    let wrong = [("Url", "nowhere"), ("Events", "Created\nNonsense")];
    let refused = save(&mut browser, &page, to, &wrong).await;
    refused.shows(r#"id="field-url-problem""#);
    refused.shows("there is no event Nonsense");
    let right = [
        ("Url", "https://crm.example/hook"),
        ("Events", "Created"),
        ("Services", service.as_str()),
    ];
    let made = save(&mut browser, &page, to, &right).await;
    made.shows("whsec_");
    let stored = installation.api("", "GET", "/v1.0/webhooks", &json!(null)).await;
    let expected = (&json!(["Created"]), &json!([service]), &json!(true));
    assert_eq!((&stored[0]["Events"], &stored[0]["Services"], &stored[0]["Enabled"]), expected);
    let path = format!("/console/setup/webhooks/{}", id(&stored[0]));
    let page = browser.get(&path).await;
    page.hides("whsec_");
    let replayed = browser.submit(&page, &format!("{path}/replay"), &[("Since", "soon")]).await;
    replayed.shows(r#"id="field-since-problem""#);
    let rotated = browser.submit(&page, &format!("{path}/rotate"), &[]).await;
    rotated.shows("whsec_");
    browser.get(&format!("{path}/deliveries?state=Failed")).await.shows("There are no deliveries.");
}
