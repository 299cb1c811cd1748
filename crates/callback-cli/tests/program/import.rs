//! Many callbacks at once: in, out, and in again.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use serde_json::{Value, json};

use crate::client::{ask, lines, said, table};
use crate::harness::{PATIENCE, Program, pause, program};

const LINES: usize = 2_000;

/// A file in which every hundredth line cannot be a callback.
fn csv(path: &Path) -> usize {
    let mut text = "Target,ServiceSip,DueDate,ExternalTaskId,MaxRetries\n".to_owned();
    for number in 1..=LINES {
        let target =
            if number % 100 == 0 { "nobody".to_owned() } else { format!("tel:+4178{number:07}") };
        let _infallible =
            writeln!(text, "{target},sip:smoky.car@dev.local,2099-01-01T00:00:00Z,task-{number},2");
    }
    std::fs::write(path, text).expect("the file is written");
    LINES / 100
}

fn refused(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).expect("there is a report");
    text.lines().map(|line| serde_json::from_str(line).expect("it is JSON")).collect()
}

#[test]
fn an_import_that_was_killed_goes_on_and_makes_nothing_twice() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let running = Program::start(&folder.path().join("callback.db"), &[]);
    let url = running.url();
    running.service(json!({}));
    let file = folder.path().join("many.csv");
    let bad = csv(&file);
    let (state, report) =
        (folder.path().join("many.csv.state"), folder.path().join("many.csv.refused"));
    let named = file.to_str().expect("the path is text");
    let mut command = program();
    command.args(["import", named, "--url", url, "--parallel", "2"]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut killed = command.spawn().expect("it runs");
    let began = Instant::now();
    let acknowledged = || std::fs::read_to_string(&state).map_or(0, |text| text.lines().count());
    while acknowledged() < 200 {
        assert!(began.elapsed() < PATIENCE, "nothing is acknowledged");
        pause();
    }
    killed.kill().expect("it is killed");
    killed.wait().expect("it is gone");
    let before = acknowledged();
    assert!(before < LINES - bad, "it was killed too late");
    // As if the last acknowledgements had been lost: the service still knows the lines.
    let text = std::fs::read_to_string(&state).expect("there is a state");
    let kept: Vec<&str> = text.lines().take(before - 50).collect();
    std::fs::write(&state, kept.join("\n") + "\n").expect("it is shortened");
    let resumed = ask(url, &["import", named, "--output", "json"]);
    assert_eq!(resumed.status.code(), Some(1), "{}", said(&resumed));
    let counts: Value = serde_json::from_slice(&resumed.stdout).expect("it is JSON");
    assert_eq!(counts["Refused"], bad, "{counts}");
    assert_eq!(counts["AcknowledgedBefore"], kept.len() - 1, "{counts}");
    let told: Vec<_> = refused(&report).iter().map(|line| line["Line"].clone()).collect();
    let expected: Vec<_> = (1..=bad).map(|number| json!(number * 100 + 1)).collect();
    assert_eq!(told, expected);
    assert_eq!(refused(&report)[0]["Code"], "ValidationFailed");
    assert_eq!(refused(&report)[0]["Record"]["ExternalTaskId"], "task-100");
    let found = lines(url, &["search"]);
    assert_eq!(found.len(), LINES - bad);
    let tasks: BTreeSet<_> =
        found.iter().map(|found| found["ExternalTaskId"].to_string()).collect();
    assert_eq!(tasks.len(), LINES - bad, "each line is one callback");
    assert_eq!(lines(url, &["search", "--limit", "1999"]).len(), 1_980);
    assert_eq!(lines(url, &["search", "--limit", "7", "--offset", "1970"]).len(), 7);
}

#[test]
fn what_is_exported_can_be_imported() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let running = Program::start(&folder.path().join("callback.db"), &[]);
    let url = running.url();
    running.service(json!({}));
    for number in 0..5 {
        running.callback(json!({
            "Target": format!("tel:+4178000000{number}"), "ExternalTaskId": format!("t{number}"),
            "Description": "a \"quoted\" text,\nin two lines", "DueDate": "2099-01-01T00:00:00Z",
            "Priority": "Low", "MaxRetries": number, "CallerId": if number == 0 { Value::Null } else { "+41".into() },
        }));
    }
    let kept = [
        "Target",
        "ExternalTaskId",
        "Description",
        "DueDate",
        "Priority",
        "MaxRetries",
        "CallerId",
        "ServiceId",
    ];
    let essence = || {
        let found = lines(url, &["search", "--state", "pending", "--order-by", "ExternalTaskId"]);
        found.iter().map(|found| kept.map(|name| found[name].clone())).collect::<Vec<_>>()
    };
    let mut before = essence();
    assert_eq!(before.len(), 5);
    for form in ["csv", "ndjson"] {
        let file = folder.path().join(format!("out.{form}"));
        std::fs::write(&file, table(url, &["export", "--format", form, "--state", "pending"]))
            .expect("the file is written");
        for found in lines(url, &["search", "--state", "pending"]) {
            table(url, &["cancel", found["Id"].as_str().expect("it has an id")]);
        }
        table(url, &["import", file.to_str().expect("the path is text")]);
        let mut after = essence();
        before.sort_by_key(|callback| callback[1].to_string());
        after.sort_by_key(|callback| callback[1].to_string());
        assert_eq!(after, before, "{form}");
    }
}

#[test]
fn lines_can_come_from_standard_input() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let running = Program::start(&folder.path().join("callback.db"), &[]);
    running.service(json!({}));
    let file = folder.path().join("lines");
    let line = "{\"Target\": \"tel:+41780000001\", \"ServiceSip\": \"sip:smoky.car@dev.local\"}\n{broken\n";
    std::fs::write(&file, line).expect("the file is written");
    let mut command = program();
    command.args(["import", "-", "--url", running.url()]);
    command.stdin(std::fs::File::open(&file).expect("it opens")).current_dir(folder.path());
    let ended = command.output().expect("it runs");
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(said(&ended).contains("line 2: "), "{ended:?}");
    assert_eq!(lines(running.url(), &["search"]).len(), 1);
}
