//! The commands with which operators back up and restore, run as the document has them.

use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::harness::Program;
use crate::nodes::{fresh_database, skip};

const DOCUMENT: &str = include_str!("../../../../docs/OPERATIONS.md");
const SQLITE_MISSING: &str = "SKIPPED: sqlite3: apt-get install sqlite3";
const DUMP_MISSING: &str = "SKIPPED: pg_dump: apt-get install postgresql-client";

/// The commands of the section: SQLite's backup and restore, then PostgreSQL's.
fn commands() -> [String; 4] {
    let section = DOCUMENT.split("\n## Back up and restore\n").nth(1).expect("there is a section");
    let section = section.split("\n## ").next().expect("it has a text");
    let blocks = section.split("```sh\n").skip(1);
    let blocks: Vec<String> =
        blocks.map(|block| block.split("```").next().expect("it ends").to_owned()).collect();
    blocks.try_into().expect("there are four")
}

fn run(command: &str, database: &str, backup: &Path) {
    let script = format!("set -euo pipefail\n{command}");
    let mut shell = Command::new("bash");
    shell.args(["-c", &script]).env("DATABASE", database).env("BACKUP", backup);
    let ran = shell.output().expect("bash runs");
    assert!(ran.status.success(), "{command}\n{}", String::from_utf8_lossy(&ran.stderr));
}

fn is_missing(program: &str, why: &str) -> bool {
    let missing = Command::new(program).arg("--version").output().is_err();
    if missing {
        skip(why);
    }
    missing
}

/// Takes a backup while the program runs and takes callbacks in; answers those before and after.
fn back_up_while_it_serves(database: &str, backup: &Path, command: &str) -> (String, String) {
    let program = Program::start(Path::new(database), &[]);
    program.service(json!({}));
    let before = program.callback(json!({}));
    program.wait_for_phase(&before, "InQueue");
    run(command, database, backup);
    let after = program.callback(json!({}));
    assert!(program.stop());
    (before, after)
}

fn is_as_it_was_backed_up(database: &str, (before, after): &(String, String)) {
    let program = Program::start(Path::new(database), &[]);
    let found = program.get(&format!("/v1.0/callbacks/{before}"));
    assert_eq!((found.status, &found.body["Phase"]), (200, &json!("InQueue")), "{:?}", found.body);
    assert_eq!(program.get(&format!("/v1.0/callbacks/{after}")).status, 404);
    let history = program.get(&format!("/v1.0/callbacks/{before}/history"));
    assert!(history.body.as_array().is_some_and(|lines| lines.len() >= 2), "{:?}", history.body);
    let more = program.callback(json!({}));
    program.wait_for_phase(&more, "InQueue");
    assert!(program.stop());
}

#[test]
fn a_sqlite_file_is_backed_up_while_it_is_served_and_restored() {
    if is_missing("sqlite3", SQLITE_MISSING) {
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let database = folder.path().join("callback.db").display().to_string();
    let backup = folder.path().join("backup.db");
    let [back_up, restore, _, _] = commands();
    let callbacks = back_up_while_it_serves(&database, &backup, &back_up);
    run(&restore, &database, &backup);
    is_as_it_was_backed_up(&database, &callbacks);
}

#[test]
fn a_postgres_database_is_backed_up_while_it_is_served_and_restored() {
    let name = |kind| format!("callback_program_{kind}_{}", std::process::id());
    let Some(database) = fresh_database(&name("backed_up")) else { return };
    if is_missing("pg_dump", DUMP_MISSING) {
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let backup = folder.path().join("backup.dump");
    let [_, _, back_up, restore] = commands();
    let callbacks = back_up_while_it_serves(&database, &backup, &back_up);
    let empty = fresh_database(&name("restored")).expect("the server is still there");
    run(&restore, &empty, &backup);
    is_as_it_was_backed_up(&empty, &callbacks);
}
