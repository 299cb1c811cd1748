//! The lines of the API's documentation, run as they stand.

use std::process::Command;

use serde_json::Value;

use crate::harness::{Program, client};

#[test]
fn the_lines_of_the_api_document_work_one_after_the_other() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (key, file) = ("0123456789abcdef0123456789abcdef", folder.path().join("key"));
    std::fs::write(&file, key).expect("the key is written");
    let file = file.to_str().expect("the path is text");
    let database = folder.path().join("callback.db");
    let program = Program::start(&database, &["--admin-key-file", file]);
    let document = include_str!("../../../../docs/API.md");
    let lines = shell_lines(document).replace("URL=http://127.0.0.1:8080", "URL=$RUNNING");
    let lines = lines.replace("KEY=cbk_…", "KEY=$RUNNING_KEY");
    let script = format!("set -euo pipefail\n{lines}");
    let ran = Command::new("bash")
        .args(["-c", &script])
        .env("RUNNING", program.url())
        .env("RUNNING_KEY", key)
        .output()
        .expect("bash and curl are there");
    let (said, wrong) =
        (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{wrong}\nafter:\n{said}");
    assert!(said.contains("\"TerminationReason\":\"Completed\""), "{said}");
    assert!(said.contains("\"TerminationReason\":\"FulfilledElsewhere\""), "{said}");
    let missing = never_answered_well(&figures(&program, key));
    assert!(missing.is_empty(), "no line of the document asks for {missing:#?}");
}

fn figures(program: &Program, key: &str) -> String {
    let request = client().get(format!("{}/metrics", program.url()));
    let answer = request.header("Authorization", format!("Bearer {key}")).call();
    answer.expect("it answers").body_mut().read_to_string().expect("figures are text")
}

/// The operations that no request had a good answer from, by what the program counted.
fn never_answered_well(figures: &str) -> Vec<String> {
    let document = include_str!("../../../../docs/openapi.json");
    let document: Value = serde_json::from_str(document).expect("it is JSON");
    let counted: Vec<&str> =
        figures.lines().filter(|line| line.starts_with("callback_http_requests_total{")).collect();
    let mut missing = Vec::new();
    for (path, item) in document["paths"].as_object().expect("there are paths") {
        for method in item.as_object().expect("there are methods").keys() {
            let (method, route) =
                (format!("method=\"{}\"", method.to_uppercase()), format!("route=\"{path}\""));
            let asked = counted.iter().any(|line| {
                line.contains(&method) && line.contains(&route) && line.contains("status=\"2")
            });
            if !asked {
                missing.push(format!("{method} {path}"));
            }
        }
    }
    missing
}

fn shell_lines(document: &str) -> String {
    let mut inside = false;
    let mut lines = String::new();
    for line in document.lines() {
        match line {
            "```sh" => inside = true,
            "```" => inside = false,
            _ if inside => {
                lines.push_str(line);
                lines.push('\n');
            }
            _ => {}
        }
    }
    lines
}
