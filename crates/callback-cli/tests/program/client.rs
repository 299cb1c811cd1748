//! Everything that the API offers, asked for by the program's own commands.

use std::io::{BufRead as _, BufReader};
use std::process::{Output, Stdio};

use serde_json::{Value, json};

use crate::harness::{Program, program};

/// Runs a command against a service.
pub(crate) fn ask(url: &str, arguments: &[&str]) -> Output {
    let mut command = program();
    command.args(arguments).env("CALLBACK_URL", url).stdin(Stdio::null());
    command.output().expect("it runs")
}

pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What a command answers as a table.
pub(crate) fn table(url: &str, arguments: &[&str]) -> String {
    let output = ask(url, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", said(&output));
    let text = String::from_utf8(output.stdout).expect("a table is text");
    assert!(!text.contains('\u{1b}'), "colours are for terminals: {text}");
    text
}

/// What a command answers as JSON, line by line.
pub(crate) fn lines(url: &str, arguments: &[&str]) -> Vec<Value> {
    let text = table(url, &[arguments, &["--output", "json"]].concat());
    text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
}

fn one(url: &str, arguments: &[&str]) -> Value {
    let mut lines = lines(url, arguments);
    assert_eq!(lines.len(), 1, "{arguments:?}: {lines:?}");
    lines.remove(0)
}

const HOTLINE: &str = "sip:hotline@dev.local";

fn hotline(url: &str) {
    let members = ["--name", "Hotline", "--sip-uri", HOTLINE, "--direction-type", "outbound"];
    one(url, &[&["services", "create"], &members[..]].concat());
}

#[test]
fn a_callback_lives_by_commands_only() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let running = Program::start(&folder.path().join("callback.db"), &[]);
    let url = running.url();
    hotline(url);
    let create = [
        "create",
        "--service-sip",
        HOTLINE,
        "--target",
        "tel:+41785556677",
        "--priority",
        "high",
        "--external-task-id",
        "order 1",
        "--due",
        "2099-01-01T00:00:00Z",
    ];
    let tried = one(url, &[&create[..], &["--dry-run"]].concat());
    assert_eq!(tried["Priority"], "High");
    assert!(lines(url, &["search"]).is_empty(), "a dry run makes nothing");
    let keyed = [&create[..], &["--idempotency-key", "k1"]].concat();
    let made = one(url, &keyed);
    assert_eq!(one(url, &keyed)["Id"], made["Id"]);
    let id = made["Id"].as_str().expect("it has an id");
    assert_eq!(one(url, &["get", "order 1"])["Id"], *id);
    assert!(table(url, &["get", id]).contains("ExternalTaskId            order 1"));
    let searched = table(url, &["search", "--state", "pending", "--service-sip", HOTLINE]);
    assert!(searched.starts_with("ID ") && searched.contains(id), "{searched}");
    assert_eq!(searched.lines().count(), 2);
    let stale = ask(url, &["reschedule", id, "--priority", "low", "--if-version", "9"]);
    assert_eq!(stale.status.code(), Some(3));
    assert!(said(&stale).contains("412 StaleVersion"), "{}", said(&stale));
    let moved =
        one(url, &["reschedule", "order 1", "--due", "2098-01-01T00:00:00Z", "--if-version", "1"]);
    assert_eq!(moved["DueDate"], "2098-01-01T00:00:00Z");
    assert!(table(url, &["explain", "order 1"]).contains("[FAIL] InQueue"));
    assert_eq!(one(url, &["explain", id])["Callable"], false);
    let cancelled = one(url, &["cancel", "order 1", "--reason", "fulfilledelsewhere"]);
    assert_eq!(cancelled["TerminationReason"], "FulfilledElsewhere");
    assert_eq!(ask(url, &["cancel", id]).status.code(), Some(3), "it is over");
    let events: Vec<_> = lines(url, &["history", id]);
    assert_eq!(events.len(), 3, "{events:?}");
    assert!(table(url, &["history", id]).contains("api:anonymous"));
    assert!(table(url, &["attempts", id]).starts_with("NUMBER"));
    assert!(lines(url, &["attempts", id]).is_empty());
    assert_eq!(lines(url, &["watch", id]), events, "what is over is shown and watched no longer");
}

#[test]
fn wrong_members_are_named_and_wrong_usage_has_its_own_exit_code() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let running = Program::start(&folder.path().join("callback.db"), &[]);
    let url = running.url();
    hotline(url);
    let refused =
        ask(url, &["create", "--service-sip", HOTLINE, "--target", "x", "--max-retries", "101"]);
    assert_eq!(refused.status.code(), Some(3));
    let text = said(&refused);
    assert!(text.contains("400 ValidationFailed"), "{text}");
    assert!(text.contains("\n  Target: ") && text.contains("\n  MaxRetries: "), "{text}");
    assert_eq!(text.matches("0 to 100").count(), 1, "nothing is said twice: {text}");
    for wrong in
        [&["create"][..], &["reschedule", "x"], &["search", "--state", "gone"], &["nothing"]]
    {
        assert_eq!(ask(url, wrong).status.code(), Some(2), "{wrong:?}");
    }
    let nobody = ask("http://127.0.0.1:1", &["services", "list"]);
    assert_eq!(nobody.status.code(), Some(4));
}

#[test]
fn a_person_is_erased_only_when_it_is_said_twice() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let running = Program::start(&folder.path().join("callback.db"), &[]);
    let url = running.url();
    hotline(url);
    let create = [
        "create",
        "--service-sip",
        HOTLINE,
        "--target",
        "tel:+41791234567",
        "--description",
        "sofa",
    ];
    let made = one(url, &create);
    let id = made["Id"].as_str().expect("it has an id");
    let erase = ["erase", "--target", "tel:+41791234567"];
    let refused = ask(url, &erase);
    assert!(!refused.status.success());
    assert!(said(&refused).contains("nothing was erased") && said(&refused).contains("--yes"));
    assert_eq!(one(url, &["get", id])["Description"], "sofa");
    let erased = table(url, &[&erase[..], &["--yes"]].concat());
    assert!(erased.contains("erased: 1 callbacks"), "{erased}");
    assert_eq!(ask(url, &["get", id]).status.code(), Some(3));
    let again = one(url, &[&erase[..], &["--yes"]].concat());
    assert_eq!(again["Callbacks"], 0);
}

#[test]
fn services_users_and_suppressions_are_set_up_by_commands() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let running = Program::start(&folder.path().join("callback.db"), &[]);
    let url = running.url();
    hotline(url);
    assert!(table(url, &["services", "list"]).contains("Hotline"));
    let service = one(url, &["services", "get", "hotline"]);
    let updated =
        one(url, &["services", "update", HOTLINE, "--max-queued", "7", "--caller-id", "+41"]);
    assert_eq!((&updated["MaxQueued"], &updated["CallerIds"]), (&json!(7), &json!(["+41"])));
    let cleared = one(url, &["services", "update", HOTLINE, "--clear", "MaxQueued"]);
    assert_eq!((&cleared["MaxQueued"], &cleared["CallerIds"]), (&Value::Null, &json!(["+41"])));
    let create =
        ["users", "create", "--name", "Ann", "--sip-uri", "sip:ann@x", "--service", HOTLINE];
    let ann = one(url, &create);
    assert_eq!(ann["Services"], json!([service["Id"]]));
    assert_eq!(one(url, &["users", "presence", "Ann", "available"])["Presence"], "Available");
    let pull = one(url, &["users", "update", "sip:ann@x", "--distribution", "pull"]);
    assert_eq!((&pull["Distribution"], &pull["Presence"]), (&json!("Pull"), &json!("Available")));
    assert_eq!(one(url, &["users", "rona-reset", "Ann"])["Rona"], false);
    assert!(table(url, &["users", "list"]).contains("Ann"));
    assert_eq!(one(url, &["users", "get", "Ann"])["Id"], ann["Id"]);
    let entry = one(
        url,
        &["suppressions", "add", "tel:+417855", "--reason", "asked", "--service", HOTLINE],
    );
    let listed = table(url, &["suppressions", "list", "--target", "tel:+417855"]);
    assert!(listed.contains("asked") && listed.contains("for good"), "{listed}");
    assert!(lines(url, &["suppressions", "list", "--target", "tel:+417856"]).is_empty());
    table(url, &["suppressions", "remove", entry["Id"].as_str().expect("it has an id")]);
    assert!(lines(url, &["suppressions", "list"]).is_empty());
    assert_eq!(one(url, &["users", "delete", "Ann"])["Removed"], true);
    table(url, &["services", "delete", "Hotline"]);
    assert!(lines(url, &["services", "list"]).is_empty());
}

#[test]
fn a_file_applied_twice_changes_once_and_a_dry_run_never() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let running = Program::start(&folder.path().join("callback.db"), &[]);
    let url = running.url();
    hotline(url);
    let file = folder.path().join("floor.toml");
    std::fs::write(
        &file,
        "[[services]]\nName = 'Sales'\nSipUri = 'sip:sales@x'\nDirectionType = 'Outbound'\nRonaTimeoutInSeconds = 5\n\
         [[users]]\nName = 'Ann'\nSipUri = 'sip:ann@x'\nServices = ['Sales']\nPresence = 'Available'\n",
    )
    .expect("the file is written");
    let file = file.to_str().expect("the path is text");
    let apply =
        |more: &[&str]| ask(url, &[&["apply", "-f", file, "--output", "json"], more].concat());
    for _ in 0..2 {
        let dry = apply(&["--dry-run"]);
        assert_eq!(dry.status.code(), Some(5), "{}", said(&dry));
        assert_eq!(String::from_utf8_lossy(&dry.stdout).lines().count(), 2);
        assert_eq!(lines(url, &["services", "list"]).len(), 1, "a dry run changes nothing");
    }
    assert_eq!(apply(&[]).status.code(), Some(0));
    one(url, &["users", "presence", "Ann", "away"]);
    let again = apply(&[]);
    assert_eq!((again.status.code(), again.stdout.len()), (Some(0), 0), "{again:?}");
    assert_eq!(apply(&["--dry-run"]).status.code(), Some(0));
    let user = one(url, &["users", "get", "Ann"]);
    assert_eq!((&user["Presence"], &user["Version"]), (&json!("Away"), &json!(2)));
    assert_eq!(lines(url, &["services", "list"]).len(), 2, "nothing is removed unasked");
    let pruned = table(url, &["apply", "-f", file, "--prune"]);
    assert_eq!(pruned, format!("- service {HOTLINE}\n"));
    assert_eq!(lines(url, &["services", "list"]).len(), 1);
}

#[test]
fn what_the_configuration_declares_is_there_before_anybody_is_served() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let database = folder.path().join("callback.db");
    let file = folder.path().join("callback.toml");
    let config = file.to_str().expect("the path is text");
    let declare = |after_call_work: u32| {
        let text = format!(
            "[retention]\nterminated_days = 30\n\
             [[services]]\nName = 'Hotline'\nSipUri = '{HOTLINE}'\nDirectionType = 'Outbound'\n\
             AfterCallWorkInSeconds = {after_call_work}\n\
             [[users]]\nName = 'Ann'\nSipUri = 'sip:ann@dev.local'\nServices = ['Hotline']\n\
             Presence = 'Available'\n"
        );
        std::fs::write(&file, text).expect("it is written");
    };
    declare(7);
    let running = Program::start(&database, &["--config", config]);
    let service = one(running.url(), &["services", "get", "hotline"]);
    assert_eq!(service["AfterCallWorkInSeconds"], 7);
    let user = one(running.url(), &["users", "get", "Ann"]);
    assert_eq!(
        (&user["Services"], &user["Presence"]),
        (&json!([service["Id"]]), &json!("Available"))
    );
    let away = ["users", "presence", "Ann", "away"];
    assert_eq!(one(running.url(), &away)["Presence"], "Away");
    // The same file is a declaration for `apply`, which finds nothing to change.
    let same = ask(running.url(), &["apply", "-f", config, "--dry-run"]);
    assert_eq!(same.status.code(), Some(0), "{}", said(&same));
    assert!(running.stop());

    declare(9);
    let running = Program::start(&database, &["--config", config]);
    let changed = one(running.url(), &["services", "get", "hotline"]);
    assert_eq!((&changed["Id"], &changed["AfterCallWorkInSeconds"]), (&service["Id"], &json!(9)));
    let same = one(running.url(), &["users", "get", "Ann"]);
    assert_eq!((&same["Id"], &same["Presence"]), (&user["Id"], &json!("Away")));
    assert!(running.stop());

    std::fs::write(&file, "[[services]]\nName = 'Hotline'\nSipUr = 'x'\n").expect("written");
    let checked = ask("", &["config", "check", "--config", config]);
    assert_eq!(checked.status.code(), Some(1));
    assert!(
        said(&checked).contains("[[services]] number 1 (Hotline): SipUr"),
        "{}",
        said(&checked)
    );
}

#[test]
fn settings_are_checked_and_shown_without_passwords() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("callback.toml");
    let check = |text: &str| {
        std::fs::write(&file, text).expect("the file is written");
        let mut command = program();
        command.args(["config", "check", "--config"]).arg(&file).output().expect("it runs")
    };
    let good = check("database = 'postgres://ann:hush@db/callback'\n");
    let shown = String::from_utf8_lossy(&good.stdout).into_owned();
    assert!(good.status.success() && shown.contains("127.0.0.1:8080"), "{good:?}");
    assert!(shown.contains("ann:***@db") && !shown.contains("hush"), "{shown}");
    let bad = check("listen = 'x'\nlisen = 'y'\n[compat]\ncreate_status = 7\n");
    let text = said(&bad);
    assert_eq!(bad.status.code(), Some(1), "{text}");
    for key in ["\n  listen: ", "\n  lisen: ", "\n  compat: "] {
        assert!(text.contains(key), "{key} in {text}");
    }
}

#[test]
fn watching_goes_on_over_a_restart_and_shows_each_event_once() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let database = folder.path().join("callback.db");
    let first = Program::start(&database, &[]);
    let (url, address) = (first.url().to_owned(), first.url().replace("http://", ""));
    hotline(&url);
    let mut command = program();
    command.args([
        "watch",
        "--kind",
        "callback",
        "--from-start",
        "--output",
        "json",
        "--url",
        &url,
    ]);
    let mut watching =
        command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it runs");
    let mut events = BufReader::new(watching.stdout.take().expect("it is piped")).lines();
    let mut next = || -> Value {
        let line = events.next().expect("the stream goes on").expect("it is read");
        serde_json::from_str(&line).expect("it is JSON")
    };
    let create = |number: u32| {
        let (target, due) = (format!("tel:+4178555{number:04}"), "2099-01-01T00:00:00Z");
        let create = ["create", "--service-sip", HOTLINE, "--target", &target, "--due", due];
        one(&url, &create)["Id"].clone()
    };
    for number in 0..3 {
        let id = create(number);
        assert_eq!(next()["Subject"]["Id"], id);
    }
    first.kill();
    let _again = Program::listen(&address, &database, &[]);
    for number in 3..6 {
        let id = create(number);
        let event = next();
        assert_eq!((&event["Event"], &event["Subject"]["Id"]), (&json!("Created"), &id));
    }
    watching.kill().expect("it is stopped");
    watching.wait().expect("it is gone");
}

#[test]
fn keys_open_and_their_lack_is_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let database = folder.path().join("callback.db");
    let admin = crate::keys::bootstrap(database.to_str().expect("the path is text"), &[]);
    let running = Program::start(&database, &[]);
    let url = running.url();
    let keyless = ask(url, &["search"]);
    assert_eq!(keyless.status.code(), Some(3));
    let text = said(&keyless);
    assert!(text.contains("401 Unauthorized") && text.contains("CALLBACK_API_KEY"), "{text}");
    let key =
        one(url, &["keys", "create", "--name", "a", "--role", "integrator", "--api-key", &admin]);
    let key = key["Key"].as_str().expect("the key is shown");
    assert!(lines(url, &["search", "--api-key", key]).is_empty());
    let beyond = ask(url, &["users", "list", "--api-key", key]);
    let text = said(&beyond);
    assert_eq!(beyond.status.code(), Some(3));
    assert!(text.contains("403 Forbidden") && text.contains("role"), "{text}");
    assert!(!text.contains(key), "{text}");
}
