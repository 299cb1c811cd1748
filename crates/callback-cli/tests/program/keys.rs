//! Access keys from the first to the last, with the real program.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Output;

use serde_json::json;

use crate::harness::{Program, program};

/// Makes the first key of a database.
pub(crate) fn bootstrap(database: &str, more: &[&str]) -> String {
    let made = try_bootstrap(database, more);
    assert!(made.status.success(), "{made:?}");
    String::from_utf8(made.stdout).expect("the key is text").trim().to_owned()
}

fn try_bootstrap(database: &str, more: &[&str]) -> Output {
    let mut command = program();
    command.args(["keys", "bootstrap", "--database", database]).args(more);
    command.output().expect("it runs")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn keys_are_made_used_and_revoked() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let database = folder.path().join("callback.db");
    let file = database.to_str().expect("the path is text");
    let admin = bootstrap(file, &[]);
    assert!(admin.starts_with("cbk_") && admin.lines().count() == 1, "{admin}");
    let second = try_bootstrap(file, &[]);
    assert_eq!(second.status.code(), Some(1));
    assert!(said(&second).contains("--another"), "{second:?}");
    bootstrap(file, &["--another", "--name", "spare", "--expires-in", "90d"]);

    // With a key others may connect, too.
    let running = Program::listen("0.0.0.0:0", &database, &[]);
    let in_use = try_bootstrap(file, &["--another"]);
    assert_eq!(in_use.status.code(), Some(1));
    assert!(said(&in_use).contains(file) && in_use.stdout.is_empty(), "{in_use:?}");
    assert_eq!(running.get("/v1.0/services").status, 401);
    assert_eq!(running.get("/healthz").status, 200);

    let keys = |key: &str, arguments: &[&str]| {
        let mut command = program();
        command.arg("keys").args(arguments).args(["--url", running.url()]);
        command.env("CALLBACK_API_KEY", key).output().expect("it runs")
    };
    let refused = keys("wrong", &["list"]);
    assert_eq!(refused.status.code(), Some(3));
    assert!(said(&refused).contains("Unauthorized"), "{refused:?}");
    let made =
        keys(&admin, &["create", "--name", "shop", "--role", "integrator", "--expires-in", "1h"]);
    assert!(made.status.success(), "{made:?}");
    let shop = String::from_utf8_lossy(&made.stdout).trim().to_owned();
    let id = said(&made).split([' ', ';']).nth(1).expect("the id is said").to_owned();
    let wrong = keys(&admin, &["create", "--name", "a", "--role", "agent"]);
    assert_eq!(wrong.status.code(), Some(3));
    let asked = keys(&shop, &["list"]);
    assert_eq!(asked.status.code(), Some(3), "an integrator lists no keys");

    let line = || {
        let listed = keys(&admin, &["list"]);
        assert!(listed.status.success(), "{listed:?}");
        let text = String::from_utf8(listed.stdout).expect("the list is text");
        assert!(!text.contains(&shop) && !text.contains("cbk_"), "{text}");
        assert_eq!(text.lines().count(), 4, "{text}");
        text.lines().find(|line| line.starts_with(&id)).expect("it is listed").to_owned()
    };
    let running_url = running.url().to_owned();
    let client = crate::harness::client();
    let by_shop = || {
        let request = client.get(format!("{running_url}/v1.0/services"));
        let answer = request.header("X-Api-Key", &shop).call().expect("the program answers");
        answer.status().as_u16()
    };
    assert_eq!(by_shop(), 200);
    let began = std::time::Instant::now();
    // Of three instants it has the end of its time, and soon its last use.
    while line().matches('Z').count() < 2 {
        assert!(began.elapsed() < crate::harness::PATIENCE, "its use is not noted: {}", line());
        crate::harness::pause();
    }
    assert!(line().contains("Active"), "{}", line());
    let revoked = keys(&admin, &["revoke", &id]);
    assert!(revoked.status.success(), "{revoked:?}");
    assert_eq!(by_shop(), 401);
    assert!(line().contains("Revoked"), "{}", line());
    assert_eq!(keys(&admin, &["revoke", &id]).status.code(), Some(0));

    assert!(running.stop());
    let again = Program::start(&database, &[]).with_key(&shop);
    assert_eq!(again.get("/v1.0/services").status, 401, "a restart brings no key back");
    assert_eq!(again.with_key(&admin).get("/v1.0/services").status, 200);
}

#[test]
fn a_key_in_a_file_opens_while_the_program_runs_with_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (database, file) = (folder.path().join("callback.db"), folder.path().join("key"));
    let key = "0123456789abcdef0123456789abcdef0123456789abcdef";
    std::fs::write(&file, format!("{key}\n")).expect("the key is written");
    let private = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(&file, private).expect("it is private");
    let named = file.to_str().expect("the path is text");
    let running = Program::listen("0.0.0.0:0", &database, &["--admin-key-file", named]);
    assert_eq!(running.get("/v1.0/keys").status, 401);
    let running = running.with_key(key);
    let made = running.post("/v1.0/keys", &json!({"Name": "first", "Role": "Admin"}));
    assert_eq!(made.status, 201, "{made:?}");
    assert!(running.stop());
    let stored = made.body["Key"].as_str().expect("the key is shown");
    let without = Program::listen("0.0.0.0:0", Path::new(&database), &[]).with_key(key);
    assert_eq!(without.get("/v1.0/keys").status, 401);
    assert_eq!(without.with_key(stored).get("/v1.0/keys").status, 200);
}

#[test]
fn a_key_file_that_others_can_read_is_warned_about() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("key");
    std::fs::write(&file, "0123456789abcdef0123456789abcdef").expect("the key is written");
    let start = |mode| {
        let allowed = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(&file, allowed).expect("the mode is set");
        let mut serve = program();
        serve.arg("serve").env("CALLBACK_ADMIN_KEY_FILE", &file);
        // There is no such folder, so the program ends right after it has read the key.
        let serve = serve.arg("--database").arg(folder.path().join("none/callback.db"));
        let ended = serve.output().expect("it runs");
        assert_eq!(ended.status.code(), Some(1), "{ended:?}");
        said(&ended)
    };
    let warned = start(0o644);
    assert!(warned.contains("mode 644") && warned.contains("600 is expected"), "{warned}");
    assert!(!warned.contains("0123456789abcdef"), "{warned}");
    let silent = start(0o600);
    assert!(!silent.contains("600 is expected"), "{silent}");
}
