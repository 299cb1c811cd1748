//! Every page, as people see it: by axe-core's rules, in light and in dark, on small and on large
//! screens.

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::stage::Stage;

/// Rules of WCAG 2.2 A and AA for accessibility, vendored for tests.
const AXE: &str = include_str!("axe/axe.min.js");

const RUN: &str = "const done = arguments[arguments.length - 1]; \
    axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'], \
        resultTypes: ['violations']}) \
    .then((found) => done(found.violations.map((one) => ({rule: one.id, impact: one.impact, help: one.help, \
        nodes: one.nodes.map((node) => node.html + ' ' + node.failureSummary)})))) \
    .catch((error) => done([{rule: 'axe', impact: 'critical', help: String(error), nodes: []}]));";

/// What axe-core, which is in the page already, finds wrong with it as it is now, but for what is
/// of minor weight.
fn violations(browser: &Browser) -> Vec<Value> {
    let found = browser.script_later(RUN, &[]);
    let found = found.as_array().expect("axe answers a list");
    found.iter().filter(|one| one["impact"] != "minor").cloned().collect()
}

/// Whether something sticks out to the right of the screen.
fn too_wide(browser: &Browser) -> Value {
    let script = "const room = document.documentElement.clientWidth; \
        if (document.documentElement.scrollWidth <= room) return []; \
        return [...document.querySelectorAll('body *')].filter((one) => \
            one.getBoundingClientRect().right > room + 1 && one.checkVisibility()).slice(0, 5) \
            .map((one) => one.outerHTML.slice(0, 120));";
    browser.script(script, &[])
}

/// A floor on which there is something of everything.
fn furnish(stage: &Stage) -> String {
    let program = &stage.program;
    let path = format!("/v1.0/services/{}", stage.service);
    let mut hotline = program.get(&path).body;
    let days = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    let week = days.map(|day| json!({"Day": day, "From": "00:00", "To": "24:00"}));
    hotline["OpeningHours"] = json!({
        "TimeZone": "Europe/Zurich",
        "Weekly": week,
        "Exceptions": [
            {"Date": "2030-12-25", "Intervals": []},
            {"Date": "2030-12-31", "Intervals": [{"From": "08:00", "To": "12:00"}]},
        ],
    });
    hotline["RetryByOutcome"] = json!({"Busy": {"Retry": true, "DelayInSeconds": 0}});
    assert_eq!(program.put(&path, &hotline).status, 200);
    let sales = program.service(json!({
        "Name": "Sales", "SipUri": "sip:sales@dev.local", "AfterCallWorkInSeconds": 0,
        "RonaTimeoutInSeconds": 600,
    }));
    let names =
        ["Ada Lovelace", "Ben Okri", "Clara Zetkin", "Dorothea von Rodde", "Émilie du Châtelet"];
    let users: Vec<String> = (0..)
        .zip(names)
        .map(|(number, name)| {
            let services =
                if number % 2 == 0 { vec![&stage.service, &sales] } else { vec![&stage.service] };
            program.user(
                &format!("agent{number}"),
                &stage.service,
                json!({"Name": name, "Services": services}),
            )
        })
        .collect();
    let targets = (0..40).map(|number| {
        let priority = ["Normal", "High", "Highest", "Low", "StrictPriority", "Normal"][number % 6];
        let due = if number % 5 == 4 { json!("2099-01-01T09:00:00Z") } else { Value::Null };
        json!({
            "Target": format!("tel:+4178555{:04}", 100 + number), "Priority": priority, "DueDate": due,
            "ServiceSip": if number % 3 == 0 { "sip:sales@dev.local" } else { "sip:smoky.car@dev.local" },
            "Description": if number % 2 == 0 { json!("Wants to talk about the invoice of October") } else { Value::Null },
            "SecondsBetweenRetries": 0,
        })
    });
    for body in targets {
        assert_eq!(program.post("/v1.0/callbacks", &body).status, 201);
    }
    let presence = |user: &str, presence: &str| {
        let path = format!("/v1.0/users/{user}/presence");
        assert_eq!(program.put(&path, &json!({"Presence": presence})).status, 200);
    };
    presence(&users[0], "Available");
    for outcome in
        ["Completed", "Busy", "Completed", "NoAnswer", "Voicemail", "Completed", "OptedOut"]
    {
        let task = program.wait_for_task(&users[0]);
        let id = task["Callback"]["Id"].as_str().expect("a task has a callback").to_owned();
        let token = &task["LeaseToken"];
        for (step, more) in
            [("accept", Value::Null), ("dial", Value::Null), ("outcome", json!(outcome))]
        {
            let mut body = json!({"LeaseToken": token});
            if !more.is_null() {
                body["Outcome"] = more;
            }
            let done = program.post(&format!("/v1.0/callbacks/{id}/{step}"), &body);
            assert_eq!(done.status, 200, "{step}: {:?}", done.body);
        }
    }
    presence(&users[1], "Away");
    presence(&users[2], "Available");
    let declined = program.wait_for_task(&users[2]);
    let id = declined["Callback"]["Id"].as_str().expect("a task has a callback");
    let token = json!({"LeaseToken": declined["LeaseToken"]});
    assert_eq!(program.post(&format!("/v1.0/callbacks/{id}/decline"), &token).status, 200);
    presence(&users[3], "Busy");
    let task = program.wait_for_task(&users[0]);
    task["Callback"]["Id"].as_str().expect("a task has a callback").to_owned()
}

#[test]
fn every_page_is_accessible_and_fits_in_light() {
    look_at_every_page("light", &[360, 1440, 1920]);
}

#[test]
fn every_page_is_accessible_and_fits_in_dark() {
    look_at_every_page("dark", &[360, 1440]);
}

fn look_at_every_page(scheme: &str, widths: &[u32]) {
    let Some(stage) = Stage::set() else { return };
    let browser = stage.browser(&stage.admin, "/console/board");
    browser.colours(scheme);
    let mut wrong = Vec::new();
    for (name, path) in pages(&stage) {
        browser.go(&stage.at(&path));
        browser.see("main h1, main h2");
        browser.script(AXE, &[]);
        for width in widths {
            browser.size(*width, if *width == 360 { 780 } else { 1000 });
            let wide = too_wide(&browser);
            if wide.as_array().is_some_and(|wide| !wide.is_empty()) {
                wrong.push(format!("{name} at {width}: {wide}"));
            }
            if *width != 1920 {
                let found = violations(&browser);
                wrong.extend(found.iter().map(|one| format!("{name} at {width}: {one:#}")));
            }
            browser.whole_picture(&format!("{name}-{width}-{scheme}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    stage.close(browser);
}

/// Every page with a name for its pictures.
fn pages(stage: &Stage) -> Vec<(&'static str, String)> {
    let callback = furnish(stage);
    let webhook = json!({"Url": "https://crm.example.com/callbacks", "Description": "To the CRM"});
    let webhook = stage.program.post("/v1.0/webhooks", &webhook).body;
    let webhook = webhook["Id"].as_str().expect("a webhook has an id").to_owned();
    let users = stage.program.get("/v1.0/users").body;
    let user = users[0]["Id"].as_str().expect("a user has an id").to_owned();
    let service = &stage.service;
    stage.key("Integrator", json!({"Services": [service]}));
    vec![
        ("board", "/console/board".to_owned()),
        ("board-open", format!("/console/board?open={callback}")),
        ("board-new", "/console/board/new".to_owned()),
        ("desk", format!("/console/desk?agent={user}")),
        ("supervisor", "/console/supervisor".to_owned()),
        ("setup-services", "/console/setup/services".to_owned()),
        ("setup-service", format!("/console/setup/services/{service}")),
        ("setup-service-new", "/console/setup/services/new".to_owned()),
        ("setup-users", "/console/setup/users".to_owned()),
        ("setup-user", format!("/console/setup/users/{user}")),
        ("setup-user-new", "/console/setup/users/new".to_owned()),
        ("setup-keys", "/console/setup/keys".to_owned()),
        ("setup-webhooks", "/console/setup/webhooks".to_owned()),
        ("setup-webhook", format!("/console/setup/webhooks/{webhook}")),
        ("setup-webhook-new", "/console/setup/webhooks/new".to_owned()),
        ("setup-deliveries", format!("/console/setup/webhooks/{webhook}/deliveries")),
    ]
}
