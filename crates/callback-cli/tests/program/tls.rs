//! Encryption with the real program, asked by its own commands.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Instant;

use crate::harness::{PATIENCE, Program, pause, program};

/// Writes a new certificate for loopback with its key.
fn certify(folder: &Path) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("it is made");
    std::fs::write(folder.join("cert.pem"), made.cert.pem()).expect("it is written");
    std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem())
        .expect("it is written");
}

fn list(url: &str, trusted: &Path) -> Output {
    let mut command = program();
    command.args(["keys", "list", "--url", url]).env("SSL_CERT_FILE", trusted);
    command.output().expect("it runs")
}

#[test]
fn the_program_serves_by_tls_and_renews_its_certificate_when_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    certify(folder);
    let [cert, key] = ["cert.pem", "key.pem"].map(|name| folder.join(name));
    let paths = [&cert, &key].map(|file| file.to_str().expect("the path is text"));
    let more = ["--tls-cert", paths[0], "--tls-key", paths[1]];
    let running = Program::start(&folder.join("callback.db"), &more);
    let url = running.url().replace("http://", "https://");
    let trusted = folder.join("trusted.pem");
    std::fs::copy(&cert, &trusted).expect("it is copied");
    let asked = list(&url, &trusted);
    assert!(asked.status.success(), "{asked:?}");

    certify(folder);
    std::fs::copy(&cert, &trusted).expect("it is copied");
    let pid = running.pid().to_string();
    assert!(Command::new("kill").args(["-HUP", &pid]).status().expect("kill runs").success());
    let began = Instant::now();
    while !list(&url, &trusted).status.success() {
        assert!(began.elapsed() < PATIENCE, "the new certificate is not shown");
        pause();
    }
    assert!(running.stop(), "a program that is asked to stop ends well");
}

#[test]
fn what_is_missing_for_tls_is_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let refused = |more: &[&str]| {
        let mut command = program();
        let database = folder.path().join("callback.db");
        command.args(["serve", "--listen", "127.0.0.1:0", "--database"]).arg(database).args(more);
        let ended = command.output().expect("the program runs");
        assert_eq!(ended.status.code(), Some(1), "{ended:?}");
        String::from_utf8_lossy(&ended.stderr).into_owned()
    };
    assert!(refused(&["--tls-cert", "/nowhere.pem"]).contains("tls.key"));
    assert!(refused(&["--tls-key", "/nowhere.pem"]).contains("tls.cert"));
    let said = refused(&["--tls-cert", "/nowhere.pem", "--tls-key", "/nowhere.pem"]);
    assert!(said.contains("/nowhere.pem cannot be read"), "{said}");
}
