//! What the program's log says of customers: nothing, at any level.

use std::io::Read as _;
use std::process::{Child, Stdio};
use std::time::Instant;

use serde_json::{Value, json};

use crate::harness::{PATIENCE, client, pause, program};

const NUMBER: &str = "+41785556677";

/// A program that does not outlive its test.
struct Ending(Child);

impl Drop for Ending {
    fn drop(&mut self) {
        let _gone = self.0.kill().is_ok() && self.0.wait().is_ok();
    }
}

#[test]
fn a_customer_is_nowhere_in_the_log() {
    for level in ["info", "debug"] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it has an address").to_string();
        drop(listener);
        let mut running = Ending(
            program()
                .args(["serve", "--listen", &address, "--database"])
                .arg(folder.path().join("callback.db"))
                .env("RUST_LOG", level)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .expect("the program starts"),
        );
        let began = Instant::now();
        while client().get(format!("http://{address}/healthz")).call().is_err() {
            assert!(began.elapsed() < PATIENCE, "the program does not answer");
            pause();
        }
        let post = |path: &str, body: &Value| {
            let sent = client().post(format!("http://{address}{path}")).send_json(body);
            sent.expect("the program answers").status().as_u16()
        };
        let get = |path: &str| {
            let sent = client().get(format!("http://{address}{path}")).call();
            sent.expect("the program answers").status().as_u16()
        };
        let hotline = json!({"Name": "Hotline", "SipUri": "sip:hotline@dev.local",
            "DirectionType": "InboundOutbound"});
        assert_eq!(post("/v1.0/services", &hotline), 201);
        let wish = json!({"Target": format!("tel:{NUMBER}"), "ServiceSip": "sip:hotline@dev.local",
            "ExternalTaskId": NUMBER, "Description": format!("call {NUMBER}"),
            "CallerId": NUMBER, "ContextUrl": format!("https://crm.example/?number={NUMBER}")});
        assert_eq!(post("/v1.0/callbacks", &wish), 201);
        assert_eq!(post("/v1.0/callbacks", &json!({"Target": NUMBER, "MaxRetries": NUMBER})), 400);
        assert_eq!(
            post("/v1.0/callbacks/search", &json!({"Target": format!("tel:{NUMBER}")})),
            200
        );
        assert_eq!(get("/v1.0/callbacks?externalTaskId=%2B41785556677"), 200);
        assert_eq!(get("/v1.0/callbacks/+41785556677"), 404);
        assert_eq!(get("/+41785556677?target=%2B41785556677"), 404);
        let listed = json!({"Target": format!("tel:{NUMBER}"), "Reason": NUMBER});
        assert_eq!(post("/v1.0/suppressions", &listed), 201);
        assert_eq!(post("/v1.0/callbacks", &wish), 409);
        running.0.kill().expect("the program is killed");
        let mut log = String::new();
        let mut pipe = running.0.stderr.take().expect("standard error is piped");
        pipe.read_to_string(&mut log).expect("the log is text");
        assert!(!log.contains("5556677"), "{log}");
        assert_eq!(log.contains("answered"), level == "debug", "{log}");
    }
}
