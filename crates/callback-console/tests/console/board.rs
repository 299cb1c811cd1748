//! The board: narrowed, searched, sorted, paged, and changed.

use serde_json::{Value, json};

use crate::harness::{Browser, Installation, Page, id};

async fn callback(installation: &Installation, service: &str, more: &Value) -> String {
    let mut body = json!({"Target": "tel:+41785550101", "ServiceId": service});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    id(&installation.api("", "POST", "/v1.0/callbacks", &body).await)
}

/// The ids of the rows that a page shows, first to last.
fn rows(page: &Page) -> Vec<String> {
    let parts = page.text.split("<tr data-key=\"").skip(1);
    parts.map(|part| part.split('"').next().unwrap().to_owned()).collect()
}

async fn busy(installation: &Installation) -> String {
    let (service, ann) = installation.floor().await;
    let path = format!("/v1.0/users/{ann}/presence");
    installation.api("", "PUT", &path, &json!({"Presence": "Busy"})).await;
    service
}

#[tokio::test(start_paused = true)]
async fn what_is_over_is_left_out_unless_it_is_asked_for() {
    let installation = Installation::new().await;
    let service = busy(&installation).await;
    let open = callback(&installation, &service, &json!({})).await;
    let over = callback(&installation, &service, &json!({})).await;
    installation.api("", "POST", &format!("/v1.0/callbacks/{over}/cancel"), &json!({})).await;
    let mut browser = installation.browser();
    assert_eq!(rows(&browser.get("/console/board").await), *std::slice::from_ref(&open));
    assert_eq!(
        rows(&browser.get("/console/board?state=Terminated").await),
        *std::slice::from_ref(&over)
    );
    assert_eq!(rows(&browser.get("/console/board?state=All").await).len(), 2);
    let found = browser.get(&format!("/console/board?search={over}")).await;
    assert_eq!(rows(&found), [over], "what is searched for is found whatever became of it");
}

#[tokio::test(start_paused = true)]
async fn every_filter_narrows() {
    let installation = Installation::new().await;
    let service = busy(&installation).await;
    let high = callback(&installation, &service, &json!({"Priority": "High"})).await;
    let other = json!({"Target": "sip:bo@dev.local", "ExternalTaskId": "CRM-7"});
    let other = callback(&installation, &service, &other).await;
    let later =
        callback(&installation, &service, &json!({"DueDate": "2026-01-06T10:00:00Z"})).await;
    let mut browser = installation.browser();
    for (query, expected) in [
        ("priority=High", vec![&high]),
        ("state=Pending", vec![&later]),
        ("search=bo%40dev.local", vec![&other]),
        ("search=CRM-7", vec![&other]),
        ("search=%2B41+78+555+01+01", vec![&high, &later]),
        (&format!("service={service}&state=InQueue"), vec![&high, &other]),
        ("search=nobody-knows", vec![]),
    ] {
        let page = browser.get(&format!("/console/board?{query}")).await;
        assert_eq!(page.status, 200);
        let (mut shown, mut expected) = (rows(&page), expected);
        shown.sort();
        expected.sort();
        assert_eq!(shown.iter().collect::<Vec<_>>(), expected, "{query}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_asked_is_said_and_not_an_error_page() {
    let installation = Installation::new().await;
    let mut browser = installation.browser();
    for query in ["service=nonsense", "sort=Nonsense", "cursor=nonsense", "state=Nonsense"] {
        let page = browser.get(&format!("/console/board?{query}")).await;
        assert_eq!(page.status, 200, "{query}");
        page.shows("search-problem");
    }
}

#[tokio::test(start_paused = true)]
async fn pages_join_without_gap_and_lead_back() {
    let installation = Installation::new().await;
    let service = busy(&installation).await;
    for number in 0..120 {
        callback(&installation, &service, &json!({"Target": format!("tel:+4178{number:04}")}))
            .await;
    }
    let mut browser = installation.browser();
    let mut seen = Vec::new();
    let mut address = "/console/board".to_owned();
    let mut pages = Vec::new();
    loop {
        let page = browser.get(&address).await;
        seen.extend(rows(&page));
        pages.push(rows(&page));
        let Some(next) = link(&page, "next") else {
            let back = browser.get(&link(&page, "prev").unwrap()).await;
            assert_eq!(rows(&back), pages[1]);
            break;
        };
        address = next;
    }
    let sizes: Vec<usize> = pages.iter().map(Vec::len).collect();
    assert_eq!(sizes, [50, 50, 20]);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 120);
}

fn link(page: &Page, relation: &str) -> Option<String> {
    let (_, rest) = page.text.split_once(&format!("rel=\"{relation}\" href=\""))?;
    rest.split_once('"').map(|(address, _)| address.replace("&amp;", "&"))
}

/// Opens a callback and answers the page with its forms.
async fn opened(browser: &mut Browser<'_>, callback: &str) -> Page {
    browser.get(&format!("/console/board?open={callback}")).await
}

#[tokio::test(start_paused = true)]
async fn an_open_callback_tells_its_story() {
    let installation = Installation::new().await;
    let service = busy(&installation).await;
    let callback = callback(&installation, &service, &json!({"Description": "the boiler"})).await;
    let page = opened(&mut installation.browser(), &callback).await;
    for text in ["the boiler", "An agent is ready", "Created", "None yet.", "Cancel callback"] {
        page.shows(text);
    }
    let gone = opened(&mut installation.browser(), "00000000-0000-0000-0000-00000000dead").await;
    assert_eq!(gone.status, 200, "the list is there all the same");
    gone.shows("Callback not found");
}

#[tokio::test(start_paused = true)]
async fn a_callback_is_cancelled_and_the_view_stays() {
    let installation = Installation::new().await;
    let service = busy(&installation).await;
    let callback = callback(&installation, &service, &json!({})).await;
    let mut browser = installation.browser();
    let page = browser.get(&format!("/console/board?state=All&open={callback}")).await;
    let view = page.field("view").unwrap().replace("&amp;", "&");
    let fields = [("view", view.as_str()), ("Reason", "FulfilledElsewhere")];
    let to = format!("/console/board/{callback}/cancel");
    let done = browser.submit(&page, &to, &fields).await;
    assert_eq!(done.leads_to(), format!("/console/board?state=All&open={callback}"));
    let body = json!({});
    let known = installation.api("", "GET", &format!("/v1.0/callbacks/{callback}"), &body).await;
    assert_eq!(known["TerminationReason"], "FulfilledElsewhere");
    let again = browser.submit(&page, &to, &fields).await;
    assert_eq!(again.status, 404);
    again.shows("That did not work.");
}

#[tokio::test(start_paused = true)]
async fn a_callback_is_put_off_and_made_more_urgent() {
    let installation = Installation::new().await;
    let service = busy(&installation).await;
    let callback = callback(&installation, &service, &json!({})).await;
    let mut browser = installation.browser();
    let page = opened(&mut browser, &callback).await;
    let was = |name: &str| page.field(&format!("was-{name}")).unwrap();
    let (due, priority, version) =
        (was("DueDate"), was("Priority"), page.field("version").unwrap());
    let to = format!("/console/board/{callback}/edit");
    let fields = [
        ("version", version.as_str()),
        ("was-DueDate", &due),
        ("DueDate", "2026-01-06T08:00"),
        ("was-Priority", &priority),
        ("Priority", "StrictPriority"),
    ];
    browser.submit(&page, &to, &fields).await.leads_to();
    let path = format!("/v1.0/callbacks/{callback}");
    let known = installation.api("", "GET", &path, &json!({})).await;
    assert_eq!(known["DueDate"], "2026-01-06T08:00:00Z");
    assert_eq!(
        (&known["Phase"], &known["Priority"]),
        (&json!("Pending"), &json!("StrictPriority"))
    );
    let stale = browser.submit(&page, &to, &fields).await;
    assert_eq!(stale.status, 412, "somebody changed it meanwhile");
    stale.shows("That did not work.");
}
