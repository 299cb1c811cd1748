//! Signing in and out, and what each role sees.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use callback_engine::access::IDLE_SECONDS;
use callback_http::Options;
use serde_json::json;

use crate::harness::Installation;

#[tokio::test(start_paused = true)]
async fn without_keys_everybody_on_this_machine_is_in() {
    let installation = Installation::new().await;
    let mut browser = installation.browser();
    assert_eq!(browser.get("/").await.leads_to(), "/console/board");
    let page = browser.get("/console/board").await;
    assert_eq!(page.status, 200);
    page.shows("No keys yet");
    page.hides("Sign out");
}

#[tokio::test(start_paused = true)]
async fn a_page_of_another_name_is_refused_without_keys() {
    let installation = Installation::new().await;
    let request = Request::get("/console/board").header("host", "evil.example");
    let page = installation.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(page.status, 403);
}

#[tokio::test(start_paused = true)]
async fn whoever_is_not_signed_in_is_led_to_it_and_back() {
    let installation = Installation::new().await;
    let admin = installation.key("", "Admin", &json!({})).await;
    let mut browser = installation.browser();
    let page = browser.get("/console/board?state=All").await;
    assert_eq!(page.leads_to(), "/console/sign-in?then=%2Fconsole%2Fboard%3Fstate%3DAll");
    let form = browser.get("/console/sign-in?then=%2Fconsole%2Fboard%3Fstate%3DAll").await;
    let then = form.field("then").unwrap();
    let fields = [("key", admin.as_str()), ("then", &then)];
    let page = browser.submit(&form, "/console/sign-in", &fields).await;
    assert_eq!(page.leads_to(), "/console/board?state=All");
    browser.get("/console/board").await.shows("the Admin");
}

#[tokio::test(start_paused = true)]
async fn nobody_is_led_out_of_the_console() {
    let installation = Installation::new().await;
    let admin = installation.key("", "Admin", &json!({})).await;
    for elsewhere in [
        "https://evil.example/",
        "//evil.example",
        "/console/../x",
        "/console\\evil",
        "/v1.0/users",
    ] {
        let mut browser = installation.browser();
        let form = browser.get("/console/sign-in").await;
        let fields = [("key", admin.as_str()), ("then", elsewhere)];
        let page = browser.submit(&form, "/console/sign-in", &fields).await;
        let to = page.leads_to();
        assert!(to == "/console" || to.starts_with("/console/"), "{elsewhere} leads to {to}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_cookie_is_kept_from_scripts_and_other_sites_and_is_not_the_key() {
    let installation = Installation::new().await;
    let admin = installation.key("", "Admin", &json!({})).await;
    let mut browser = installation.browser();
    let page = browser.sign_in(&admin).await;
    let cookie = page.headers["set-cookie"].to_str().unwrap();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("Secure"), "the browser asked without TLS: {cookie}");
    let session = &browser.cookies["callback-session"];
    assert!(!session.contains(admin.rsplit('_').next().unwrap()));
    let request = Request::get("/v1.0/users").header("x-api-key", session);
    let answer = installation.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, 401, "a session is no key");
    let request =
        Request::get("/v1.0/users").header("cookie", format!("callback-session={session}"));
    let answer = installation.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, 401, "the API takes no cookie");
}

#[tokio::test(start_paused = true)]
async fn a_wrong_key_is_told_beside_the_field_and_opens_nothing() {
    let installation = Installation::new().await;
    installation.key("", "Admin", &json!({})).await;
    let mut browser = installation.browser();
    let page = browser.sign_in("cbk_nonsense").await;
    assert_eq!(page.status, 401);
    page.shows("the key is not valid");
    page.shows("aria-describedby=\"key-problem\"");
    assert!(!browser.cookies.contains_key("callback-session"));
}

#[tokio::test(start_paused = true)]
async fn a_session_ends_at_sign_out_wherever_its_cookie_is() {
    let installation = Installation::new().await;
    let admin = installation.key("", "Admin", &json!({})).await;
    let mut browser = installation.signed_in(&admin).await;
    let page = browser.get("/console/board").await;
    let copy = browser.cookies.clone();
    assert_eq!(
        browser.submit(&page, "/console/sign-out", &[]).await.leads_to(),
        "/console/sign-in"
    );
    let mut thief = installation.browser();
    thief.cookies = copy;
    thief.get("/console/board").await.leads_to();
}

#[tokio::test(start_paused = true)]
async fn a_session_ends_with_its_key() {
    let installation = Installation::new().await;
    let admin = installation.key("", "Admin", &json!({})).await;
    let made = json!({"Name": "floor", "Role": "Supervisor"});
    let made = installation.api(&admin, "POST", "/v1.0/keys", &made).await;
    let mut browser = installation.signed_in(made["Key"].as_str().unwrap()).await;
    assert_eq!(browser.get("/console/board").await.status, 200);
    let path = format!("/v1.0/keys/{}", made["Id"].as_str().unwrap());
    installation.api(&admin, "DELETE", &path, &json!({})).await;
    browser.get("/console/board").await.leads_to();
}

#[tokio::test(start_paused = true)]
async fn a_session_that_rests_is_over() {
    let installation = Installation::new().await;
    let admin = installation.key("", "Admin", &json!({})).await;
    let mut browser = installation.signed_in(&admin).await;
    let half = Duration::from_secs(IDLE_SECONDS.unsigned_abs() / 2 + 60);
    for _ in 0..3 {
        tokio::time::advance(half).await;
        assert_eq!(browser.get("/console/board").await.status, 200, "it is in use");
    }
    tokio::time::advance(half * 2).await;
    browser.get("/console/board").await.leads_to();
}

#[tokio::test(start_paused = true)]
async fn agents_see_their_desk_and_no_other_page() {
    let installation = Installation::new().await;
    let (_, ann) = installation.floor().await;
    let ben = json!({"Name": "Ben", "SipUri": "sip:ben@dev.local", "Services": []});
    let ben = installation.api("", "POST", "/v1.0/users", &ben).await;
    let ben = ben["Id"].as_str().unwrap();
    let admin = installation.key("", "Admin", &json!({})).await;
    let key = installation.key(&admin, "Agent", &json!({"UserId": ann})).await;
    let mut browser = installation.signed_in(&key).await;
    assert_eq!(browser.get("/console").await.leads_to(), "/console/desk");
    let desk = browser.get(&format!("/console/desk?agent={ben}")).await;
    desk.shows("Desk of Ann");
    desk.hides("href=\"/console/board\"");
    let page = browser.get("/console/board").await;
    assert_eq!(page.status, 403);
    page.shows("Your key does not allow this page.");
    let fields = [("Target", "tel:+41785550101")];
    assert_eq!(browser.submit(&desk, "/console/board/new", &fields).await.status, 403);
}

#[tokio::test(start_paused = true)]
async fn supervisors_have_the_board_and_no_desk() {
    let installation = Installation::new().await;
    let admin = installation.key("", "Admin", &json!({})).await;
    let key = installation.key(&admin, "Supervisor", &json!({})).await;
    let mut browser = installation.signed_in(&key).await;
    let page = browser.get("/console/board").await;
    assert_eq!(page.status, 200);
    page.hides("href=\"/console/desk\"");
    assert_eq!(browser.get("/console/desk").await.status, 403);
}

#[tokio::test(start_paused = true)]
async fn a_key_for_some_services_sees_no_callback_of_others() {
    let installation = Installation::new().await;
    let (hotline, _) = installation.floor().await;
    let other = json!({
        "Name": "Other", "SipUri": "sip:other@dev.local", "DirectionType": "InboundOutbound",
    });
    let other = installation.api("", "POST", "/v1.0/services", &other).await;
    for (service, target) in
        [(hotline.as_str(), "tel:+4178111"), (other["Id"].as_str().unwrap(), "tel:+4178222")]
    {
        let body = json!({"Target": target, "ServiceId": service});
        installation.api("", "POST", "/v1.0/callbacks", &body).await;
    }
    let admin = installation.key("", "Admin", &json!({})).await;
    let key = installation.key(&admin, "Supervisor", &json!({"Services": [hotline]})).await;
    let page = installation.signed_in(&key).await.get("/console/board").await;
    page.shows("tel:+4178111");
    page.hides("tel:+4178222");
    page.hides("Other");
}

#[tokio::test(start_paused = true)]
async fn behind_a_trusted_tls_proxy_cookies_are_for_tls_only() {
    let options =
        Options { trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()], ..Options::default() };
    let installation = Installation::with(options).await;
    for (peer, proto, is_secured) in [
        ("10.0.0.7:1", Some("https"), true),
        ("10.0.0.7:1", Some("http"), false),
        ("10.0.0.7:1", None, false),
        ("192.0.2.1:1", Some("https"), false),
    ] {
        let mut request = Request::get("/console/sign-in").header("host", "localhost");
        if let Some(proto) = proto {
            request = request.header("x-forwarded-proto", proto);
        }
        let mut request = request.body(Body::empty()).unwrap();
        request.extensions_mut().insert(ConnectInfo(peer.parse::<SocketAddr>().unwrap()));
        let page = installation.send(request).await;
        let cookie = page.headers["set-cookie"].to_str().unwrap();
        let is_of_host = cookie.starts_with("__Host-callback-visitor=");
        assert_eq!((is_of_host, cookie.contains("; Secure")), (is_secured, is_secured), "{cookie}");
    }
}
