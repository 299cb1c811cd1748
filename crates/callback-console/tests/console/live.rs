//! What an open page is told.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt as _;
use serde_json::json;
use tower::ServiceExt as _;

use crate::harness::{Browser, Installation};

/// A stream as a browser reads it.
struct Stream(Body);

impl Stream {
    async fn open(installation: &Installation, browser: &Browser<'_>) -> Self {
        let cookies: Vec<String> =
            browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = Request::get("/console/live")
            .header("host", "localhost")
            .header("cookie", cookies.join("; "))
            .body(Body::empty());
        let response = installation.router.clone().oneshot(request.unwrap()).await.unwrap();
        assert_eq!(response.status(), 200);
        Self(response.into_body())
    }

    /// The next event; comments that keep the connection are passed over.
    async fn next(&mut self) -> String {
        loop {
            let frame = self.0.frame().await.unwrap().unwrap().into_data().unwrap();
            let text = String::from_utf8(frame.to_vec()).unwrap();
            if !text.starts_with(':') {
                return text;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_burst_is_told_a_few_times_a_second() {
    let installation = Installation::new().await;
    let (service, _) = installation.floor().await;
    let mut stream = Stream::open(&installation, &installation.browser()).await;
    stream.next().await;
    let burst = async {
        for number in 0..400 {
            let body = json!({"Target": format!("tel:+4178{number:04}"), "ServiceId": service});
            installation.api("", "POST", "/v1.0/callbacks", &body).await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let told = async {
        let mut told = 0;
        while let Ok(event) = tokio::time::timeout(Duration::from_secs(2), stream.next()).await {
            assert!(event.contains("event: change"), "{event}");
            told += 1;
        }
        told
    };
    let ((), told) = tokio::join!(burst, told);
    assert!((2..=12).contains(&told), "two seconds of it were told {told} times");
}

#[tokio::test(start_paused = true)]
async fn agents_are_told_of_themselves_only() {
    let installation = Installation::new().await;
    let (service, ann) = installation.floor().await;
    let away = format!("/v1.0/users/{ann}/presence");
    installation.api("", "PUT", &away, &json!({"Presence": "Busy"})).await;
    let admin = installation.key("", "Admin", &json!({})).await;
    let agent = installation.key(&admin, "Agent", &json!({"UserId": ann})).await;
    let browser = installation.signed_in(&agent).await;
    let mut stream = Stream::open(&installation, &browser).await;
    stream.next().await;
    let body = json!({"Target": "tel:+41785550101", "ServiceId": service});
    installation.api(&admin, "POST", "/v1.0/callbacks", &body).await;
    let quiet = tokio::time::timeout(Duration::from_secs(5), stream.next()).await;
    assert!(quiet.is_err(), "the callback is nobody's yet: {quiet:?}");
    installation.api(&admin, "PUT", &away, &json!({"Presence": "Available"})).await;
    let event = stream.next().await;
    assert!(event.contains(&ann), "{event}");
}

#[tokio::test(start_paused = true)]
async fn a_quiet_stream_beats_so_that_a_page_nobody_sees_keeps_its_lease() {
    let installation = Installation::new().await;
    let mut stream = Stream::open(&installation, &installation.browser()).await;
    let began = tokio::time::Instant::now();
    // A stream that begins while the ledger is first read is told of everything twice.
    let mut event = stream.next().await;
    while event.contains("event: change") {
        event = stream.next().await;
    }
    assert!(event.contains("event: beat"), "{event}");
    assert!(began.elapsed() < Duration::from_secs(20), "a lease is good for 60 seconds");
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_with_its_session() {
    let installation = Installation::new().await;
    let admin = installation.key("", "Admin", &json!({})).await;
    let mut browser = installation.signed_in(&admin).await;
    let mut stream = Stream::open(&installation, &browser).await;
    stream.next().await;
    let page = browser.get("/console/board").await;
    browser.submit(&page, "/console/sign-out", &[]).await.leads_to();
    assert!(stream.next().await.contains("event: signed-out"));
}

#[tokio::test(start_paused = true)]
async fn nobody_is_told_without_a_session() {
    let installation = Installation::new().await;
    installation.key("", "Admin", &json!({})).await;
    let request = Request::get("/console/live").header("host", "localhost").body(Body::empty());
    let page = installation.send(request.unwrap()).await;
    assert_eq!(page.leads_to(), "/console/sign-in?then=%2Fconsole%2Flive");
}
