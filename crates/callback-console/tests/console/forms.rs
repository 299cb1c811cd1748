//! Forms are taken from the console's own pages only, and say what is wrong beside the field.

use serde_json::json;

use crate::harness::Installation;

#[tokio::test(start_paused = true)]
async fn a_form_without_the_token_of_its_browser_is_refused() {
    let installation = Installation::new().await;
    let (service, _) = installation.floor().await;
    let admin = installation.key("", "Admin", &json!({})).await;
    let mut browser = installation.signed_in(&admin).await;
    let mut other = installation.signed_in(&admin).await;
    let of_other = other.get("/console/board/new").await.field("token").unwrap();
    let fields = format!("Target=tel%3A%2B41785550101&ServiceId={service}");
    for form in [fields.clone(), format!("{fields}&token=0"), format!("{fields}&token={of_other}")]
    {
        let page = browser.post("/console/board/new", form, &[]).await;
        assert_eq!(page.status, 403);
        page.shows("The form is from another session");
    }
    let found = installation.api(&admin, "POST", "/v1.0/callbacks/search", &json!({})).await;
    assert_eq!(found, json!([]));
}

#[tokio::test(start_paused = true)]
async fn a_form_from_another_site_is_refused_even_with_its_token() {
    let installation = Installation::new().await;
    installation.floor().await;
    let mut browser = installation.browser();
    let token = browser.get("/console/board/new").await.field("token").unwrap();
    let form = format!("Target=tel%3A%2B41785550101&token={token}");
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        let page = browser.post("/console/board/new", form.clone(), &[(name, value)]).await;
        assert_eq!(page.status, 403, "{name}: {value}");
    }
}

#[tokio::test(start_paused = true)]
async fn signing_in_takes_a_token_too() {
    let installation = Installation::new().await;
    let admin = installation.key("", "Admin", &json!({})).await;
    let mut browser = installation.browser();
    browser.get("/console/sign-in").await;
    let page = browser.post("/console/sign-in", format!("key={admin}"), &[]).await;
    assert_eq!(page.status, 403);
    assert!(!browser.cookies.contains_key("callback-session"));
}

#[tokio::test(start_paused = true)]
async fn what_the_api_says_of_a_member_stands_beside_its_field() {
    let installation = Installation::new().await;
    let (service, _) = installation.floor().await;
    let mut browser = installation.browser();
    let form = browser.get("/console/board/new").await;
    let fields = [
        ("Target", "nonsense"),
        ("ServiceId", service.as_str()),
        ("MaxRetries", "many"),
        ("Description", "kept & shown again"),
    ];
    let page = browser.submit(&form, "/console/board/new", &fields).await;
    assert_eq!(page.status, 400);
    let body = json!({"Target": "nonsense", "ServiceId": service, "MaxRetries": "many"});
    let refused = {
        let request = axum::http::Request::post("/v1.0/callbacks")
            .header("content-type", "application/json")
            .body(axum::body::Body::from(body.to_string()));
        installation.send(request.unwrap()).await
    };
    let refused: serde_json::Value = serde_json::from_str(&refused.text).unwrap();
    let details = refused["Error"]["Details"].as_array().unwrap();
    assert_eq!(details.len(), 2);
    for detail in details {
        let member = detail["Member"].as_str().unwrap().to_lowercase();
        let message = detail["Message"].as_str().unwrap().replace('<', "&lt;").replace('>', "&gt;");
        let (_, beside) = page
            .text
            .split_once(&format!("id=\"field-{member}-problem\""))
            .unwrap_or_else(|| panic!("{member} has no problem beside it: {}", page.text));
        assert!(beside.split("</div>").next().unwrap().contains(&message), "{message}");
    }
    page.shows("value=\"kept &amp; shown again\"");
    page.shows("<details open>");
}

#[tokio::test(start_paused = true)]
async fn a_form_that_is_sent_twice_takes_effect_once() {
    let installation = Installation::new().await;
    let (service, _) = installation.floor().await;
    let mut browser = installation.browser();
    let form = browser.get("/console/board/new").await;
    let once = form.field("once").unwrap();
    let fields = [("Target", "tel:+41785550101"), ("ServiceId", service.as_str()), ("once", &once)];
    let first = browser.submit(&form, "/console/board/new", &fields).await;
    let second = browser.submit(&form, "/console/board/new", &fields).await;
    assert_eq!(first.leads_to(), second.leads_to());
    let found = installation.api("", "POST", "/v1.0/callbacks/search", &json!({})).await;
    assert_eq!(found.as_array().unwrap().len(), 1);
    assert_eq!(found[0]["Creator"], "WebService");
    assert_eq!(found[0]["Initiator"], "anonymous");
}

#[tokio::test(start_paused = true)]
async fn pages_allow_no_script_of_others_and_carry_none_of_their_own() {
    let installation = Installation::new().await;
    installation.floor().await;
    let mut browser = installation.browser();
    for path in ["/console/board", "/console/board/new", "/console/desk", "/console/nothing"] {
        let page = browser.get(path).await;
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        page.hides(" style=");
        page.hides(" onclick=");
        for script in page.text.split("<script").skip(1) {
            assert!(script.starts_with(" type=\"module\" src=\"/console/assets/"), "{script}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn files_are_kept_for_good_under_the_name_of_their_content() {
    let installation = Installation::new().await;
    let mut browser = installation.browser();
    let page = browser.get("/console/board").await;
    for part in page.text.split("/console/assets/").skip(1) {
        let name = part.split('"').next().unwrap();
        let file = browser.get(&format!("/console/assets/{name}")).await;
        assert_eq!(file.status, 200, "{name}");
        assert!(file.headers["cache-control"].to_str().unwrap().contains("immutable"));
        assert!(!file.headers.contains_key("set-cookie"));
    }
    assert_eq!(browser.get("/console/assets/console-0.js").await.status, 404);
}
