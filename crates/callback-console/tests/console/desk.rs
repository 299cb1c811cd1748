//! The desk: from the offer to the outcome, by forms alone.

use serde_json::json;

use crate::harness::{Browser, Installation, Page, id};

const DESK: &str = "/console/desk";

/// Makes a move of the task that a page shows.
async fn make(browser: &mut Browser<'_>, page: &Page, name: &str, more: &[(&str, &str)]) -> Page {
    let fields: Vec<(&str, String)> = ["agent", "callback", "LeaseToken"]
        .into_iter()
        .map(|name| (name, page.field(name).unwrap_or_default()))
        .collect();
    let mut fields: Vec<(&str, &str)> =
        fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    fields.extend(more);
    browser.submit(page, &format!("{DESK}/task/{name}"), &fields).await
}

#[tokio::test(start_paused = true)]
async fn a_callback_goes_from_the_board_over_the_desk_to_its_end() {
    let installation = Installation::new().await;
    let (service, ann) = installation.floor().await;
    let admin = installation.key("", "Admin", &json!({})).await;
    let supervisor = installation.key(&admin, "Supervisor", &json!({})).await;
    let agent = installation.key(&admin, "Agent", &json!({"UserId": ann})).await;
    let mut board = installation.signed_in(&supervisor).await;
    let mut desk = installation.signed_in(&agent).await;
    desk.get(DESK).await.shows("No task");

    let form = board.get("/console/board/new").await;
    let fields = [
        ("Target", "+41 78 555 01 01"),
        ("ServiceId", service.as_str()),
        ("Description", "about the boiler"),
        ("ContextUrl", "https://crm.example/7"),
    ];
    let made = board.submit(&form, "/console/board/new", &fields).await;
    let made = made.leads_to().to_owned();
    let page = offered(&mut desk).await;
    page.shows("A callback for you");
    page.shows("data-offer=");
    let accepted = make(&mut desk, &page, "accept", &[]).await;
    assert_eq!(accepted.leads_to(), DESK);

    let page = desk.get(DESK).await;
    for text in [
        "Before the call",
        "about the boiler",
        "<a href=\"https://crm.example/7\" target=\"_blank\" rel=\"noopener noreferrer\">",
    ] {
        page.shows(text);
    }
    page.hides("href=\"tel:");
    make(&mut desk, &page, "dial", &[]).await.leads_to();
    let page = desk.get(DESK).await;
    page.shows("Calls are placed by hand here");
    page.shows("<a class=\"dial\" href=\"tel:+41785550101\">");
    make(&mut desk, &page, "answered", &[]).await.leads_to();
    let page = desk.get(DESK).await;
    page.shows("In conversation");
    make(&mut desk, &page, "hangup", &[]).await.leads_to();

    desk.get(DESK).await.shows("After-call work:");
    let page = board.get(&made).await;
    page.shows("Completed");
    page.hides("Cancel callback");
}

/// The desk once there is an offer, which the driver makes in its own time.
async fn offered(desk: &mut Browser<'_>) -> Page {
    for _ in 0..50 {
        let page = desk.get(DESK).await;
        if page.text.contains("LeaseToken") {
            return page;
        }
        tokio::time::advance(std::time::Duration::from_millis(100)).await;
        tokio::task::yield_now().await;
    }
    panic!("nothing was offered")
}

#[tokio::test(start_paused = true)]
async fn a_declined_offer_is_told_and_taken_back() {
    let installation = Installation::new().await;
    let (service, ann) = installation.floor().await;
    let body = json!({"Target": "tel:+41785550101", "ServiceId": service});
    installation.api("", "POST", "/v1.0/callbacks", &body).await;
    let admin = installation.key("", "Admin", &json!({})).await;
    let agent = installation.key(&admin, "Agent", &json!({"UserId": ann})).await;
    let mut desk = installation.signed_in(&agent).await;
    let page = offered(&mut desk).await;
    make(&mut desk, &page, "decline", &[]).await.leads_to();
    let missed = desk.get(DESK).await;
    missed.shows("You missed or declined a task");
    let late = make(&mut desk, &page, "accept", &[]).await;
    assert!(late.status.is_client_error(), "{}", late.status);
    late.shows("That did not work.");
    desk.submit(&missed, &format!("{DESK}/rona"), &[]).await.leads_to();
    offered(&mut desk).await.hides("You missed or declined a task");
}

#[tokio::test(start_paused = true)]
async fn an_outcome_is_reported_with_its_words() {
    let installation = Installation::new().await;
    let (service, ann) = installation.floor().await;
    let body = json!({"Target": "tel:+41785550101", "ServiceId": service, "MaxRetries": 0});
    let callback = id(&installation.api("", "POST", "/v1.0/callbacks", &body).await);
    let admin = installation.key("", "Admin", &json!({})).await;
    let agent = installation.key(&admin, "Agent", &json!({"UserId": ann})).await;
    let mut desk = installation.signed_in(&agent).await;
    let page = offered(&mut desk).await;
    make(&mut desk, &page, "accept", &[]).await.leads_to();
    make(&mut desk, &page, "dial", &[]).await.leads_to();
    let more = [("Outcome", "Busy"), ("Detail", "engaged")];
    make(&mut desk, &page, "outcome", &more).await.leads_to();
    let path = format!("/v1.0/callbacks/{callback}/attempts");
    let attempts = installation.api(&admin, "GET", &path, &json!({})).await;
    assert_eq!(
        (&attempts[0]["Outcome"], &attempts[0]["Detail"]),
        (&json!("Busy"), &json!("engaged"))
    );
}

#[tokio::test(start_paused = true)]
async fn without_keys_the_desk_asks_whose_it_is() {
    let installation = Installation::new().await;
    let (_, ann) = installation.floor().await;
    let mut browser = installation.browser();
    browser.get(DESK).await.shows("Whose desk?");
    let address = format!("{DESK}?agent={ann}");
    let page = browser.get(&address).await;
    page.shows("Desk of Ann");
    let fields = [("agent", ann.as_str()), ("Presence", "Away")];
    let chosen = browser.submit(&page, &format!("{DESK}/presence"), &fields).await;
    assert_eq!(chosen.leads_to(), address);
    browser.get(&address).await.shows("value=\"Away\" aria-pressed=\"true\"");
}

#[tokio::test(start_paused = true)]
async fn whoever_pulls_takes_the_next_task() {
    let installation = Installation::new().await;
    let (service, _) = installation.floor().await;
    let puller = json!({
        "Name": "Pia", "SipUri": "sip:pia@dev.local", "Services": [service],
        "Presence": "Available", "Distribution": "Pull",
    });
    let pia = id(&installation.api("", "POST", "/v1.0/users", &puller).await);
    let mut browser = installation.browser();
    let address = format!("{DESK}?agent={pia}");
    let page = browser.get(&address).await;
    page.shows("Take the next task");
    let ann = installation.api("", "GET", "/v1.0/users", &json!({})).await;
    let ann = id(ann.as_array().unwrap().iter().find(|user| user["Name"] == "Ann").unwrap());
    let path = format!("/v1.0/users/{ann}/presence");
    installation.api("", "PUT", &path, &json!({"Presence": "Offline"})).await;
    let body = json!({"Target": "tel:+41785550101", "ServiceId": service});
    installation.api("", "POST", "/v1.0/callbacks", &body).await;
    browser.submit(&page, &format!("{DESK}/next"), &[("agent", pia.as_str())]).await.leads_to();
    browser.get(&address).await.shows("Before the call");
}

#[tokio::test(start_paused = true)]
async fn an_open_desk_keeps_its_lease() {
    let installation = Installation::new().await;
    let (service, ann) = installation.floor().await;
    let body = json!({"Target": "tel:+41785550101", "ServiceId": service});
    let callback = id(&installation.api("", "POST", "/v1.0/callbacks", &body).await);
    let admin = installation.key("", "Admin", &json!({})).await;
    let agent = installation.key(&admin, "Agent", &json!({"UserId": ann})).await;
    let mut desk = installation.signed_in(&agent).await;
    let page = offered(&mut desk).await;
    make(&mut desk, &page, "accept", &[]).await.leads_to();
    make(&mut desk, &page, "dial", &[]).await.leads_to();
    make(&mut desk, &page, "answered", &[]).await.leads_to();
    for _ in 0..12 {
        tokio::time::sleep(std::time::Duration::from_secs(15)).await;
        desk.get(DESK).await.shows("In conversation");
    }
    let path = format!("/v1.0/callbacks/{callback}");
    let known = installation.api(&admin, "GET", &path, &json!({})).await;
    assert_eq!(known["Phase"], "Connected");
}
