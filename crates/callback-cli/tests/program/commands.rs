//! What the program says to people.

use serde_json::json;

use crate::harness::{Program, program};

#[test]
fn an_address_other_than_loopback_is_refused_without_keys() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let database = folder.path().join("callback.db");
    let mut serve = program();
    serve.args(["serve", "--listen", "0.0.0.0:0", "--database"]).arg(database);
    let refused = serve.output().expect("it runs");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("0.0.0.0:0") && said.contains("loopback"), "{said}");
}

#[test]
fn explain_prints_a_checklist_and_refusals_have_their_own_exit_codes() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let running = Program::start(&folder.path().join("callback.db"), &[]);
    running.service(json!({}));
    let id = running.callback(json!({}));
    running.wait_for_phase(&id, "InQueue");
    let explain = |id: &str, url: &str| {
        program().args(["explain", id, "--url", url]).output().expect("it runs")
    };
    let explained = explain(&id, running.url());
    let text = String::from_utf8_lossy(&explained.stdout);
    assert!(explained.status.success(), "{explained:?}");
    assert!(text.contains("it is not being called"), "{text}");
    assert!(text.contains("[pass] InQueue") && text.contains("[FAIL] EligibleAgent"), "{text}");
    let unknown = explain("0f3cf4cd-71f9-4224-a415-3aa5b37bfd59", running.url());
    assert_eq!(unknown.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("CallbackNotFound"));
    let nobody = explain(&id, "http://127.0.0.1:1");
    assert_eq!(nobody.status.code(), Some(4));
}

#[test]
fn the_demonstration_brings_callbacks_to_an_end() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let running = Program::start(&folder.path().join("callback.db"), &["--demo"]);
    let services = running.get("/v1.0/services").body;
    assert_eq!(services.as_array().map(Vec::len), Some(3), "{services}");
    let ended = |answer: &crate::harness::Answer| answer.status == 200;
    running.wait_for("/readyz", ended);
    let began = std::time::Instant::now();
    loop {
        let found =
            running.post("/v1.0/callbacks/search", &json!({"State": "Processing", "Limit": 1}));
        if found.body.as_array().is_some_and(|found| !found.is_empty()) {
            break;
        }
        assert!(began.elapsed() < crate::harness::PATIENCE, "nobody works on the floor");
        crate::harness::pause();
    }
}
