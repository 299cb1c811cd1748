//! What a connection may cost, and for how long.

use std::time::Duration;

use callback_http::Front;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::harness::{ASK, PATIENCE, Server, ask, rest};

async fn closes_within(stream: &mut TcpStream, seconds: std::ops::Range<u64>, why: &str) {
    let began = Instant::now();
    timeout(PATIENCE, rest(stream)).await.expect(why);
    let took = began.elapsed().as_secs();
    assert!(seconds.contains(&took), "{why}: {took} s");
}

#[tokio::test(start_paused = true)]
async fn a_head_that_does_not_come_or_comes_slowly_ends_the_connection() {
    let server = Server::start(Front::default()).await;
    let mut silent = TcpStream::connect(server.address).await.unwrap();
    closes_within(&mut silent, 9..12, "nothing was sent").await;

    let mut slow = TcpStream::connect(server.address).await.unwrap();
    let began = Instant::now();
    slow.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    let mut sent = 0;
    while slow.write_all(b"X-A: b\r\n").await.is_ok() {
        tokio::time::sleep(Duration::from_secs(1)).await;
        sent += 1;
        assert!(sent < 20, "one header a second is let in for ever");
    }
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_kept_for_a_while_and_the_next_head_must_come_at_once() {
    let server = Server::start(Front::default()).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    assert!(ask(&mut stream, ASK).await.starts_with("HTTP/1.1 200"));
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(ask(&mut stream, ASK).await.ends_with("here"), "a minute is no reason to close");
    closes_within(&mut stream, 70..80, "it asks nothing").await;

    let mut stream = TcpStream::connect(server.address).await.unwrap();
    ask(&mut stream, ASK).await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    stream.write_all(b"GET").await.unwrap();
    closes_within(&mut stream, 9..12, "the second head stays incomplete").await;
}

#[tokio::test(start_paused = true)]
async fn heads_that_are_too_long_are_refused() {
    let server = Server::start(Front::default()).await;
    for head in [
        format!("GET / HTTP/1.1\r\nHost: a\r\nX-Long: {}\r\n\r\n", "a".repeat(17 * 1_024)),
        format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(17 * 1_024)),
        format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X-Many: b\r\n".repeat(65)),
    ] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let said = rest(&mut stream).await;
        assert!(said.starts_with("HTTP/1.1 431") || said.starts_with("HTTP/1.1 414"), "{said}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_more_connections_than_are_allowed_are_served_at_once() {
    let server = Server::start(Front { connections: 2, ..Front::default() }).await;
    let mut first = TcpStream::connect(server.address).await.unwrap();
    let mut second = TcpStream::connect(server.address).await.unwrap();
    ask(&mut first, ASK).await;
    ask(&mut second, ASK).await;
    let mut third = TcpStream::connect(server.address).await.unwrap();
    third.write_all(ASK).await.unwrap();
    let mut byte = [0];
    let early = timeout(Duration::from_secs(5), third.read(&mut byte)).await;
    assert!(early.is_err(), "the third has to wait");
    drop(first);
    assert_eq!(third.read(&mut byte).await.unwrap(), 1, "and has its turn");
}

#[tokio::test(start_paused = true)]
async fn the_server_says_nothing_about_itself() {
    let server = Server::start(Front::default()).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let answer = ask(&mut stream, ASK).await.to_lowercase();
    assert!(!answer.contains("\r\nserver:") && !answer.contains("x-powered-by"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_an_answer_and_not_for_the_idle() {
    let server = Server::start(Front::default()).await;
    let mut idle = TcpStream::connect(server.address).await.unwrap();
    ask(&mut idle, ASK).await;
    let mut busy = TcpStream::connect(server.address).await.unwrap();
    let head = "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nwo";
    busy.write_all(head.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let stopping = tokio::spawn(server.stop());
    timeout(Duration::from_secs(1), rest(&mut idle)).await.expect("the idle is closed at once");
    assert!(!stopping.is_finished());
    let answer = ask(&mut busy, b"rds").await;
    assert!(answer.ends_with("words"), "{answer}");
    timeout(Duration::from_secs(1), stopping).await.unwrap().unwrap();
}
