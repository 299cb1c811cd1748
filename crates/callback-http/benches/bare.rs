//! A server that does nothing: axum answers the bytes of one callback from memory, whatever is
//! asked, so that `callback bench get --address` finds what the framework and the machine can do.
//!
//! `cargo bench -p callback-http --bench bare -- 127.0.0.1:8099` serves until it is killed.

use axum::Router;
use axum::http::{Method, StatusCode, header};

const CALLBACK: &str = r#"{"Id":"01a20589-64c6-781d-a77a-e3911453bbea","Creator":"API","Target":"tel:+41780000000001","AlternativeTarget":null,"ServiceId":"01a20589-64b9-718f-9632-2342e2d40592","ServiceSip":null,"Priority":"Normal","MaxRetries":3,"SecondsBetweenRetries":300,"DueDate":"2026-11-22T23:13:40.106652Z","Description":"asked to be called back about an order that has not arrived, and about the bill that came in its place","ExternalTaskId":"bench-00001706-0-1","IncomingServiceSipUri":null,"ContextUrl":"https://crm.example/customers/0/orders/1?from=callback","Supervisor":null,"CallerId":"tel:+41445556677","PreferredAgent":null,"LeftInQueueTimeInSeconds":172800,"AppPoolId":"01a20589-64b9-718f-9632-2342e2d40593","InitiatingSessionId":null,"Initiator":null,"State":"InQueue","RetryType":"SingleSession","RetryCount":0,"Phase":"InQueue","Agent":null,"TerminationReason":null,"CreatedAt":"2026-11-22T23:13:40.106652Z","UpdatedAt":"2026-11-22T23:13:40.106652Z","Version":2}"#;

async fn answer(
    method: Method,
) -> (StatusCode, [(header::HeaderName, &'static str); 1], &'static str) {
    let status = if method == Method::POST { StatusCode::CREATED } else { StatusCode::OK };
    (status, [(header::CONTENT_TYPE, "application/json")], CALLBACK)
}

#[tokio::main]
async fn main() {
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    let address = words.next().unwrap_or_else(|| "127.0.0.1:8099".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await.expect("the address is free");
    axum::serve(listener, Router::new().fallback(answer)).await.expect("it serves");
}
