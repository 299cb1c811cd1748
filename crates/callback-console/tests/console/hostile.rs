//! What strangers wrote is shown as they wrote it, and never as markup or a link that runs.

use serde_json::json;

use crate::harness::{Installation, id};

const MARKUP: &str = "<script>alert(1)</script>\"'&";

#[tokio::test(start_paused = true)]
async fn markup_in_any_member_is_text() {
    let installation = Installation::new().await;
    let service = json!({
        "Name": MARKUP, "SipUri": "sip:hotline@dev.local", "DirectionType": "InboundOutbound",
    });
    let service = id(&installation.api("", "POST", "/v1.0/services", &service).await);
    let user = json!({
        "Name": MARKUP, "SipUri": "sip:ann@dev.local", "Services": [service],
    });
    let ann = id(&installation.api("", "POST", "/v1.0/users", &user).await);
    let body = json!({
        "Target": "tel:+41785550101", "ServiceId": service, "Description": MARKUP,
        "ExternalTaskId": MARKUP, "CallerId": MARKUP, "Supervisor": MARKUP,
        "ContextUrl": "https://crm.example/?q=%22%3E%3Cscript%3E",
    });
    let callback = id(&installation.api("", "POST", "/v1.0/callbacks", &body).await);
    let mut browser = installation.browser();
    let query: String = form_urlencoded::byte_serialize(MARKUP.as_bytes()).collect();
    for address in [
        "/console/board".to_owned(),
        format!("/console/board?open={callback}"),
        format!("/console/board?search={query}&service={query}&agent={query}"),
        "/console/board/new".to_owned(),
        format!("/console/desk?agent={ann}"),
        "/console/desk".to_owned(),
        format!("/console/desk?agent={query}"),
        format!("/console/sign-in?then={query}"),
        format!("/console/{query}"),
    ] {
        let page = browser.get(&address).await;
        page.hides("<script>alert");
        page.hides("value=\"<");
    }
}

#[tokio::test(start_paused = true)]
async fn a_context_that_is_no_web_address_is_refused_and_never_a_link() {
    let installation = Installation::new().await;
    let (service, _) = installation.floor().await;
    let mut browser = installation.browser();
    let form = browser.get("/console/board/new").await;
    for hostile in ["javascript:alert(1)", "data:text/html,x", " javascript:alert(1)"] {
        let fields = [
            ("Target", "tel:+41785550101"),
            ("ServiceId", service.as_str()),
            ("ContextUrl", hostile),
        ];
        let page = browser.submit(&form, "/console/board/new", &fields).await;
        assert_eq!(page.status, 400, "{hostile}");
        page.shows("field-contexturl-problem");
        page.hides("href=\"javascript");
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_answers_from_an_address_that_is_none() {
    let installation = Installation::new().await;
    let mut browser = installation.browser();
    for path in ["/console/nothing", "/console/board/nothing/at/all", "/console/services/../x"] {
        let page = browser.get(path).await;
        assert_eq!(page.status, 404, "{path}");
        page.shows("There is nothing at this address.");
    }
}
