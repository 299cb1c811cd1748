//! A search over everything keeps the program small.

use std::io::Read as _;

use serde_json::json;

use crate::harness::{Program, client};

const STORED: usize = 200_000;
const BATCH_CLIENTS: usize = 32;
const MOST_RESIDENT_KIB: u64 = 100 * 1_024;

#[test]
fn a_search_over_200_000_callbacks_needs_less_than_100_mib() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let program = Program::start(&folder.path().join("callback.db"), &[]);
    program.service(json!({}));
    fill(&program);
    let answer = client()
        .post(format!("{}/v1.0/callbacks/search", program.url()))
        .send_json(json!({}))
        .expect("the program answers");
    assert_eq!(answer.headers()["x-total-count"], STORED.to_string().as_str());
    let mut found = 0;
    let mut most = 0;
    let mut reader = answer.into_body().into_reader();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = reader.read(&mut buffer).expect("the answer goes on");
        if read == 0 {
            break;
        }
        // Every answer begins with its Id and names it once.
        found += count_ids(&buffer[..read]);
        most = most.max(resident_kib(program.pid()));
    }
    assert!(found >= STORED - STORED / 1_000 && found <= STORED, "{found} found");
    assert!(most < MOST_RESIDENT_KIB, "{most} KiB resident");
    println!("{STORED} callbacks streamed, {most} KiB resident at most");
}

/// Counts whole occurrences of the first member's name; one cut by the end of a read is not counted.
fn count_ids(bytes: &[u8]) -> usize {
    bytes.windows(6).filter(|window| *window == b"{\"Id\":").count()
}

fn fill(program: &Program) {
    let clients: Vec<_> = (0..BATCH_CLIENTS)
        .map(|number| {
            let url = format!("{}/v1.0/callbacks", program.url());
            std::thread::spawn(move || {
                let client = client();
                for sequence in 0..STORED / BATCH_CLIENTS {
                    let body = json!({
                        "Target": format!("tel:+4178{number:02}{sequence:06}"),
                        "ServiceSip": "sip:smoky.car@dev.local",
                        "DueDate": "2099-01-01T00:00:00Z",
                        "Description": "one of many",
                    });
                    let answer = client.post(&url).send_json(&body).expect("the program answers");
                    assert_eq!(answer.status(), 201);
                }
            })
        })
        .collect();
    for client in clients {
        client.join().expect("the client ends");
    }
}

fn resident_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process is there");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it has a size");
    line.trim().trim_end_matches(" kB").parse().expect("the size is a number")
}
