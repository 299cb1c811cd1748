//! The supervisor's page: how things stand and how the day went, as far as somebody may see.

use serde_json::json;

use crate::harness::{Installation, id};

#[tokio::test(start_paused = true)]
async fn queues_agents_and_the_day_are_shown_without_a_script() {
    let installation = Installation::new().await;
    let (service, user) = installation.floor().await;
    let presence = format!("/v1.0/users/{user}/presence");
    installation.api("", "PUT", &presence, &json!({"Presence": "Away"})).await;
    for number in 0..3 {
        let body = json!({
            "Target": format!("tel:+4178555010{number}"), "ServiceId": service, "Priority": "High",
            "DueDate": "2026-01-05T09:00:00Z",
        });
        installation.api("", "POST", "/v1.0/callbacks", &body).await;
    }
    let mut browser = installation.browser();
    let page = browser.get("/console/supervisor").await;
    page.shows("Hotline");
    page.shows(r#"data-word="High">High <strong>3</strong>"#);
    page.shows("<title>10:00: Arrivals 3</title>");
    page.shows(r#"role="img""#);
    page.shows("Hours are in UTC.");
    page.hides("style=");
    let asked = browser.get("/console/supervisor?day=2026-01-04").await;
    asked.hides("Arrivals 3</title>");
    asked.shows("/console/supervisor?service=&amp;day=2026-01-05");
    browser.get("/console/supervisor?day=soon").await.shows("That is no date");
}

#[tokio::test(start_paused = true)]
async fn a_presence_is_chosen_for_somebody_else() {
    let installation = Installation::new().await;
    let (_, user) = installation.floor().await;
    let mut browser = installation.browser();
    let page = browser.get("/console/supervisor").await;
    let to = format!("/console/supervisor/{user}/presence?service=&day=");
    let done = browser.submit(&page, &to, &[("Presence", "Busy")]).await;
    assert_eq!(done.leads_to(), "/console/supervisor?service=&day=");
    let stored = installation.api("", "GET", &format!("/v1.0/users/{user}"), &json!(null)).await;
    assert_eq!(stored["Presence"], "Busy");
}

#[tokio::test(start_paused = true)]
async fn a_key_for_some_services_sees_the_figures_of_those_alone() {
    let installation = Installation::new().await;
    let (service, _) = installation.floor().await;
    let other = json!({
        "Name": "Secret hotline", "SipUri": "sip:other@dev.local", "DirectionType": "Outbound",
    });
    let other = id(&installation.api("", "POST", "/v1.0/services", &other).await);
    for service in [&service, &other, &other] {
        let body = json!({"Target": "tel:+41785550101", "ServiceId": service});
        installation.api("", "POST", "/v1.0/callbacks", &body).await;
    }
    let admin = installation.key("", "Admin", &json!({})).await;
    let key = installation.key(&admin, "Supervisor", &json!({"Services": [service]})).await;
    let mut browser = installation.signed_in(&key).await;
    for path in ["/console/supervisor", &format!("/console/supervisor?service={other}")] {
        let page = browser.get(path).await;
        page.shows("<title>10:00: Arrivals 1</title>");
        page.hides("Secret hotline");
    }
    let mut all = installation.signed_in(&admin).await;
    all.get("/console/supervisor").await.shows("<title>10:00: Arrivals 3</title>");
    let of_other = all.get(&format!("/console/supervisor?service={other}")).await;
    of_other.shows("<title>10:00: Arrivals 2</title>");
}

#[tokio::test(start_paused = true)]
async fn agents_and_integrators_are_not_let_in() {
    let installation = Installation::new().await;
    let (_, user) = installation.floor().await;
    let admin = installation.key("", "Admin", &json!({})).await;
    let agent = installation.key(&admin, "Agent", &json!({"UserId": user})).await;
    let integrator = installation.key(&admin, "Integrator", &json!({})).await;
    for key in [agent, integrator] {
        let mut browser = installation.signed_in(&key).await;
        for path in ["/console/supervisor", "/console/setup/services", "/console/setup/keys"] {
            assert_eq!(browser.get(path).await.status, 403, "{path}");
        }
    }
}
