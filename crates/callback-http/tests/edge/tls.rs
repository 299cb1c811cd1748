//! TLS: who is let in how, and what becomes of new files.

use std::sync::Arc;

use callback_domain::date::EARLIEST;
use callback_engine::Engine;
use callback_engine::clock::RuntimeClock;
use callback_engine::dialer::ManualDialer;
use callback_engine::memory::MemoryStore;
use callback_engine::mint::Mint;
use callback_http::{Certificates, Front, Options, router};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::{Duration, Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use uuid::Uuid;

use crate::harness::{ASK, Files, PATIENCE, Server, ask, rest};

fn front(files: &Files) -> Front {
    let certificates = Certificates::load(files.cert(), files.key()).unwrap();
    Front { certificates: Some(certificates), ..Front::default() }
}

async fn connect(
    server: &Server,
    trusted: &CertificateDer<'static>,
    versions: &[&'static SupportedProtocolVersion],
    protocols: &[&str],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    let stream = TcpStream::connect(server.address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

#[tokio::test]
async fn both_versions_are_spoken_and_http_1_is_agreed_on() {
    let files = Files::new();
    let made = files.write();
    let server = Server::start(front(&files)).await;
    for version in [&TLS12, &TLS13] {
        let mut stream =
            connect(&server, made.cert.der(), &[version], &["h2", "http/1.1"]).await.unwrap();
        let (_, session) = stream.get_ref();
        assert_eq!(session.alpn_protocol(), Some(&b"http/1.1"[..]));
        assert_eq!(session.protocol_version(), Some(version.version));
        assert!(ask(&mut stream, ASK).await.ends_with("here"));
        assert!(ask(&mut stream, ASK).await.ends_with("here"), "the connection is kept");
    }
    assert!(connect(&server, made.cert.der(), &[&TLS13], &["h2"]).await.is_err());
    let mut plain = TcpStream::connect(server.address).await.unwrap();
    plain.write_all(ASK).await.unwrap();
    assert!(!rest_bytes(&mut plain).await.starts_with(b"HTTP/1.1 200"));
}

async fn rest_bytes(stream: &mut TcpStream) -> Vec<u8> {
    use tokio::io::AsyncReadExt as _;
    let mut bytes = Vec::new();
    let _reset = stream.read_to_end(&mut bytes).await.is_err();
    bytes
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_does_not_come_ends_the_connection() {
    let files = Files::new();
    files.write();
    let server = Server::start(front(&files)).await;
    let mut silent = TcpStream::connect(server.address).await.unwrap();
    let began = Instant::now();
    timeout(PATIENCE, rest(&mut silent)).await.unwrap();
    assert!((9..12).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
}

#[tokio::test]
async fn new_files_serve_new_connections_and_leave_the_old_ones() {
    let files = Files::new();
    let first = files.write();
    let front = front(&files);
    let certificates = front.certificates.clone().unwrap();
    let server = Server::start(front).await;
    let mut old = connect(&server, first.cert.der(), &[&TLS13], &[]).await.unwrap();
    ask(&mut old, ASK).await;
    let second = files.write();
    certificates.reload();
    assert!(connect(&server, first.cert.der(), &[&TLS13], &[]).await.is_err());
    let mut new = connect(&server, second.cert.der(), &[&TLS13], &[]).await.unwrap();
    assert!(ask(&mut new, ASK).await.ends_with("here"));
    assert!(ask(&mut old, ASK).await.ends_with("here"), "the old connection goes on");
    for bad in
        ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
    {
        std::fs::write(files.cert(), bad).unwrap();
        certificates.reload();
        assert!(connect(&server, second.cert.der(), &[&TLS13], &[]).await.is_ok(), "{bad:?}");
    }
}

#[tokio::test]
async fn files_that_change_are_noticed_without_being_told() {
    let files = Files::new();
    files.write();
    let server = Server::start(front(&files)).await;
    let second = files.write();
    // Another length tells them apart even within one tick of the file system's clock.
    let text = std::fs::read_to_string(files.cert()).unwrap();
    std::fs::write(files.cert(), format!("renewed\n{text}")).unwrap();
    tokio::time::pause();
    let began = Instant::now();
    while connect(&server, second.cert.der(), &[&TLS13], &[]).await.is_err() {
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(began.elapsed() < PATIENCE, "the new certificate is never shown");
    }
}

#[test]
fn what_is_wrong_with_the_files_is_said_and_never_what_is_in_them() {
    let files = Files::new();
    let first = files.write();
    let key = first.signing_key.serialize_pem();
    let wrong = |why: &str, named: std::path::PathBuf| {
        let error = Certificates::load(files.cert(), files.key()).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
        assert!(error.contains(named.to_str().unwrap()), "{error}");
        assert!(!key.lines().any(|line| line.len() > 30 && error.contains(line)), "{error}");
    };
    std::fs::write(files.key(), "").unwrap();
    wrong("holds no private key in PEM", files.key());
    std::fs::write(files.key(), first.cert.pem()).unwrap();
    wrong("holds no private key in PEM", files.key());
    let other = rcgen::KeyPair::generate().unwrap();
    std::fs::write(files.key(), other.serialize_pem()).unwrap();
    wrong("holds another key", files.key());
    std::fs::remove_file(files.key()).unwrap();
    wrong("cannot be read", files.key());
    std::fs::write(files.key(), &key).unwrap();
    std::fs::write(files.cert(), &key).unwrap();
    wrong("holds no certificate in PEM", files.cert());
    std::fs::write(files.cert(), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        .unwrap();
    wrong("that is none", files.cert());
    std::fs::write(files.cert(), "-----BEGIN CERTIFICATE-----\n!").unwrap();
    wrong("no proper PEM", files.cert());
}

#[tokio::test]
async fn browsers_are_told_to_stay_with_tls_only_where_it_is_spoken() {
    let files = Files::new();
    let made = files.write();
    for front in [front(&files), Front::default()] {
        let is_secured = front.certificates.is_some();
        let store =
            MemoryStore::new(Uuid::from_u128(1), Arc::new(RuntimeClock::starting_at(EARLIEST)));
        let dialer = Arc::new(ManualDialer);
        let started = Engine::start_shared(Arc::new(store), dialer, Mint::seeded(1)).await;
        let (engine, _running) = started.unwrap();
        let server = Server::serve(front, router(engine, Options::default())).await;
        let health = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
        let answer = if is_secured {
            let mut stream = connect(&server, made.cert.der(), &[&TLS13], &[]).await.unwrap();
            ask(&mut stream, health).await
        } else {
            ask(&mut TcpStream::connect(server.address).await.unwrap(), health).await
        };
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert_eq!(answer.contains("strict-transport-security: max-age="), is_secured, "{answer}");
    }
}
