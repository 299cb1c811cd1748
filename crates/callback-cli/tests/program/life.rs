//! Deadlines for real: due dates and waits on the wall clock, and over a restart.

use std::time::SystemTime;

use callback_domain::date;
use serde_json::json;

use crate::harness::Program;

fn in_seconds(seconds: i64) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is after 1970");
    let micros = i64::try_from(now.as_micros()).expect("the time fits");
    date::format(date::add_seconds(date::from_micros(micros).expect("the time is usual"), seconds))
}

#[test]
fn a_future_due_date_is_kept_over_a_restart_and_an_old_wait_ends() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let database = folder.path().join("callback.db");
    let program = Program::start(&database, &[]);
    program.service(json!({}));
    let soon = program.callback(json!({"DueDate": in_seconds(2)}));
    let short =
        program.callback(json!({"LeftInQueueTimeInSeconds": 1, "Target": "tel:+41785550001"}));
    assert_eq!(program.get(&format!("/v1.0/callbacks/{soon}")).body["State"], "Pending");
    let ended = program.wait_for_phase(&short, "Terminated");
    assert_eq!(ended["TerminationReason"], "QueueTimeExceeded");
    program.kill();
    let program = Program::start(&database, &[]);
    assert_eq!(program.wait_for_phase(&soon, "InQueue")["State"], "InQueue");
    assert!(program.stop(), "a program that is asked to stop ends well");
}

#[test]
fn a_second_program_on_the_same_file_is_told_so() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let database = folder.path().join("callback.db");
    let _first = Program::start(&database, &[]);
    let second = crate::harness::program()
        .args(["serve", "--listen", "127.0.0.1:0", "--database"])
        .arg(&database)
        .output()
        .expect("the program runs");
    let said = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(1), "{said}");
    assert!(said.contains("callback.db") && said.contains("another process"), "{said}");
}
