//! The lines of the API's documentation, run as they stand.

use std::process::Command;

use crate::harness::Program;

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
