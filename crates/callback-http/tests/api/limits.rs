//! Who asks too often: known callers by their key, others by where they ask from.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use callback_engine::access::Digest;
use callback_http::{Options, Rate, RateLimits};

use crate::access::FILE;
use crate::harness::{Answer, Installation, memory, pass};

async fn limited(per_key: Option<Rate>, per_address: Option<Rate>) -> Installation {
    let options = Options {
        admin_key: Some(Digest::of(FILE.as_bytes())),
        rate_limits: RateLimits { per_key, per_address },
        trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
        ..Options::default()
    };
    Installation::on(memory(), options).await
}

async fn from(api: &Installation, peer: &str, key: &str, path: &str) -> Answer {
    let mut request = Request::get(path).header("Authorization", format!("Bearer {key}"));
    let peer = match peer.split_once(" for ") {
        Some((proxy, address)) => {
            request = request.header("X-Forwarded-For", address);
            proxy
        }
        None => peer,
    };
    let peer = SocketAddr::new(peer.parse().unwrap(), 4_711);
    let request = request.extension(ConnectInfo(peer)).body(Body::empty()).unwrap();
    api.send(request).await
}

#[tokio::test(start_paused = true)]
async fn a_key_has_its_rate_and_is_told_where_it_stands() {
    let api = limited(Rate::new(1, 3), None).await;
    let path = "/v1.0/services";
    for remaining in ["2", "1", "0"] {
        let answer = from(&api, "192.0.2.1", FILE, path).await;
        assert_eq!(answer.header("ratelimit-limit"), "3");
        assert_eq!(answer.header("ratelimit-remaining"), remaining);
        answer.expect(200);
    }
    let answer = from(&api, "192.0.2.2", FILE, path).await;
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(answer.header("ratelimit-remaining"), "0");
    assert_eq!(answer.header("ratelimit-reset"), "1");
    answer.refused(429, "TooManyRequests");
    assert_eq!(from(&api, "192.0.2.1", FILE, "/healthz").await.status.as_u16(), 200);
    pass(Duration::from_secs(1)).await;
    from(&api, "192.0.2.1", FILE, path).await.expect(200);
}

#[tokio::test(start_paused = true)]
async fn an_address_that_guesses_is_refused_unheard_and_others_are_not() {
    let api = limited(None, Rate::new(1, 3)).await;
    let path = "/v1.0/services";
    from(&api, "192.0.2.1", FILE, path).await.expect(200);
    for guess in ["one", "two"] {
        from(&api, "192.0.2.1", guess, path).await.refused(401, "Unauthorized");
    }
    from(&api, "192.0.2.1", "three", path).await.refused(429, "TooManyRequests");
    let page = Request::get("/docs").extension(ConnectInfo(SocketAddr::from(([192, 0, 2, 1], 1))));
    api.send(page.body(Body::empty()).unwrap()).await.refused(429, "TooManyRequests");
    from(&api, "192.0.2.1", FILE, path).await.expect(200);
    from(&api, "192.0.2.2", "four", path).await.refused(401, "Unauthorized");
    for probe in ["/healthz", "/readyz"] {
        assert_eq!(from(&api, "192.0.2.1", "five", probe).await.status.as_u16(), 200);
    }
    let figures = Request::get("/metrics").header("Authorization", format!("Bearer {FILE}"));
    let text = api.text(figures.body(Body::empty()).unwrap()).await;
    assert!(text.contains("callback_http_refused_total{limit=\"address\"} 2"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_right_key_is_not_found_out_by_who_guesses_too_often() {
    let api = limited(None, Rate::new(1, 2)).await;
    for guess in ["one", "two"] {
        from(&api, "192.0.2.1", guess, "/v1.0/services").await.refused(401, "Unauthorized");
    }
    let answer = from(&api, "192.0.2.1", FILE, "/v1.0/services").await;
    answer.refused(429, "TooManyRequests");
}

#[tokio::test(start_paused = true)]
async fn the_address_is_the_one_that_a_trusted_proxy_names() {
    let api = limited(None, Rate::new(1, 1)).await;
    let path = "/v1.0/services";
    from(&api, "10.0.0.1 for 192.0.2.1", "a", path).await.refused(401, "Unauthorized");
    from(&api, "10.0.0.1 for 192.0.2.2", "a", path).await.refused(401, "Unauthorized");
    from(&api, "10.0.0.1 for 192.0.2.1", "a", path).await.refused(429, "TooManyRequests");
    from(&api, "203.0.113.1 for 192.0.2.7", "a", path).await.refused(401, "Unauthorized");
    from(&api, "203.0.113.1 for 192.0.2.8", "a", path).await.refused(429, "TooManyRequests");
}
