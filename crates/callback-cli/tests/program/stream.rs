//! A search over everything keeps the program small.

use std::io::Read as _;
use std::path::Path;

use rusqlite::Connection;
use serde_json::json;

use crate::harness::{Program, client};

const STORED: usize = 200_000;
const MOST_RESIDENT_KIB: u64 = 100 * 1_024;

#[test]
fn a_search_over_200_000_callbacks_needs_less_than_100_mib() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let database = folder.path().join("callback.db");
    let program = Program::start(&database, &[]);
    program.service(json!({}));
    program.callback(json!({"DueDate": "2099-01-01T00:00:00Z", "Description": "one of many"}));
    assert!(program.stop());
    multiply(&database);
    let program = Program::start(&database, &[]);
    let answer = client()
        .post(format!("{}/v1.0/callbacks/search", program.url()))
        .send_json(json!({}))
        .expect("the program answers");
    assert_eq!(answer.headers()["x-total-count"], STORED.to_string().as_str());
    let (mut text, mut most) = (Vec::new(), 0);
    let mut reader = answer.into_body().into_reader();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = reader.read(&mut buffer).expect("the answer goes on");
        if read == 0 {
            break;
        }
        text.extend_from_slice(&buffer[..read]);
        most = most.max(resident_kib(program.pid()));
    }
    let found: Vec<serde::de::IgnoredAny> = serde_json::from_slice(&text).expect("it is an array");
    assert_eq!(found.len(), STORED);
    assert!(most < MOST_RESIDENT_KIB, "{most} KiB resident");
    println!("{STORED} callbacks streamed, {most} KiB resident at most");
}

/// Copies the one stored callback until there are as many as wanted, each with an identity of its own.
fn multiply(database: &Path) {
    let connection = Connection::open(database).expect("the file opens");
    let mut columns = connection.prepare("PRAGMA table_info(callbacks)").expect("it has the table");
    let names: Vec<String> = columns
        .query_map([], |row| row.get("name"))
        .expect("the table has columns")
        .collect::<Result<_, _>>()
        .expect("columns have names");
    let values: Vec<&str> = names
        .iter()
        .map(|name| if name == "id" { "randomblob(16)" } else { name.as_str() })
        .collect();
    let copies = format!(
        "WITH RECURSIVE copies (number) AS (SELECT 2 UNION ALL SELECT number + 1 FROM copies WHERE number < {STORED})
         INSERT INTO callbacks ({}) SELECT {} FROM callbacks, copies",
        names.join(", "),
        values.join(", "),
    );
    assert_eq!(connection.execute(&copies, []).expect("the copies are made"), STORED - 1);
}

fn resident_kib(pid: u32) -> u64 {
    let status =
        std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process is there");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it has a size");
    line.trim().trim_end_matches(" kB").parse().expect("the size is a number")
}
