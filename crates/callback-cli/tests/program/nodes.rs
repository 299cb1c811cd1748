//! Several programs on one PostgreSQL database: what one takes in, another works, and a killed one
//! loses nothing.

use std::env;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio_postgres::NoTls;

use crate::harness::{Program, program};

const SKIPPED: &str = "SKIPPED: PostgreSQL: apt-get install postgresql and run cargo xtask test, \
                       or name a server in CALLBACK_TEST_POSTGRES";

/// The address of a fresh database; `None` when there is no server, which is said where it is heard.
pub(crate) fn fresh_database(name: &str) -> Option<String> {
    let Some(server) = env::var_os("CALLBACK_TEST_POSTGRES") else {
        skip(SKIPPED);
        return None;
    };
    let server = server.into_string().expect("the address is text");
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let (client, connection) =
            tokio_postgres::connect(&server, NoTls).await.expect("the server answers");
        tokio::spawn(connection);
        for statement in
            [format!("DROP DATABASE IF EXISTS {name}"), format!("CREATE DATABASE {name}")]
        {
            client.batch_execute(&statement).await.expect("the database is made");
        }
    });
    server.rsplit_once('/').map(|(host, _)| format!("{host}/{name}"))
}

/// Says where it is heard that a test cannot run.
pub(crate) fn skip(why: &str) {
    if let Some(log) = env::var_os("CALLBACK_SKIP_LOG") {
        let log = OpenOptions::new().append(true).create(true).open(log);
        writeln!(log.expect("the log opens"), "{why}").expect("the log is written");
    }
}

#[test]
fn two_nodes_share_a_database_and_a_killed_one_loses_nothing() {
    let name = format!("callback_program_{}", std::process::id());
    let Some(address) = fresh_database(&name) else { return };
    let migrated = program().args(["migrate", "--database", &address]).output().expect("it runs");
    assert!(migrated.status.success(), "{migrated:?}");
    let (one, other) =
        (Program::start(Path::new(&address), &[]), Program::start(Path::new(&address), &[]));
    let service = one.service(json!({"PreviewTimeInSeconds": 0, "AfterCallWorkInSeconds": 0}));
    let user = other.user("ada", &service, json!({}));
    let id = one.callback(json!({}));
    other.wait_for_phase(&id, "InQueue");
    let presence = format!("/v1.0/users/{user}/presence");
    assert_eq!(one.put(&presence, &json!({"Presence": "Available"})).status, 200);
    let task = other.wait_for_task(&user);
    one.kill();
    let token = json!({"LeaseToken": task["LeaseToken"]});
    assert_eq!(other.post(&format!("/v1.0/callbacks/{id}/accept"), &token).status, 200);
    let report = json!({"LeaseToken": task["LeaseToken"], "Outcome": "Completed"});
    let ended = other.post(&format!("/v1.0/callbacks/{id}/outcome"), &report);
    assert_eq!(ended.body["TerminationReason"], "Completed", "{:?}", ended.body);
    let again = Program::start(Path::new(&address), &[]);
    let seen = again.get(&format!("/v1.0/callbacks/{id}"));
    assert_eq!(seen.body["TerminationReason"], "Completed", "{:?}", seen.body);
}

#[test]
fn a_key_that_one_node_revokes_is_shut_on_the_other_within_two_seconds() {
    let name = format!("callback_program_keys_{}", std::process::id());
    let Some(address) = fresh_database(&name) else { return };
    let admin = crate::keys::bootstrap(&address, &[]);
    let start = || Program::start(Path::new(&address), &[]);
    let (one, other) = (start().with_key(&admin), start().with_key(&admin));
    let made = one.post("/v1.0/keys", &json!({"Name": "short", "Role": "Supervisor"})).body;
    let other = other.with_key(made["Key"].as_str().expect("the key is shown"));
    let services = "/v1.0/services";
    let began = Instant::now();
    other.wait_for(services, |answer| answer.status == 200);
    assert!(began.elapsed() < Duration::from_secs(2), "a new key is known: {:?}", began.elapsed());
    let path = format!("/v1.0/keys/{}", made["Id"].as_str().expect("it has an id"));
    assert_eq!(one.delete(&path).status, 204);
    let began = Instant::now();
    other.wait_for(services, |answer| answer.status == 401);
    let taken = began.elapsed();
    assert!(taken < Duration::from_secs(2), "{taken:?}");
    println!("a revocation reached the other node in {taken:?}");
}
