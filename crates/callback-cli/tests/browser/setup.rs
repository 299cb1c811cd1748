//! An installation is set up on pages.

use serde_json::json;

use crate::stage::Stage;

fn hours(stage: &Stage) -> serde_json::Value {
    stage.program.get(&format!("/v1.0/services/{}", stage.service)).body["OpeningHours"].clone()
}

#[test]
fn opening_hours_are_edited_and_a_mistake_loses_nothing() {
    let Some(stage) = Stage::set() else { return };
    let browser = stage.browser(&stage.admin, "/console/setup/services");
    browser.press("main", "Hotline");
    browser.see("#hours");
    browser.choose("[name='OpeningHours.Mode']", "limited");
    browser.fill("[name='OpeningHours.TimeZone']", "Europe/Zurich");
    browser.fill("[name='OpeningHours.Weekly.Monday.From']", "08:00");
    browser.fill("[name='OpeningHours.Weekly.Monday.To']", "12:00");
    browser.press("#hours", "Add hours: Monday");
    browser.see("[name='OpeningHours.Weekly.Monday.From']:focus");
    browser.fill("[aria-label='Monday from, row 2']", "13:00");
    browser.fill("[aria-label='Monday to, row 2']", "25:00");
    browser.press("#hours", "Copy Monday to Tuesday–Friday");
    browser.see("[aria-label='Friday from, row 2']");
    browser.press("#hours", "Add an exception");
    browser.see("[aria-label='Exception 1: Date']");
    browser.script(
        "document.querySelector(\"[aria-label='Exception 1: Date']\").value = '2026-12-25';",
        &[],
    );
    browser.press("main form", "Save");
    browser.see("#hours .problem");
    browser.read("#week-monday-1-problem", "a time from 00:00 to 24:00 is expected");
    let kept = browser
        .script("return document.querySelector(\"[aria-label='Monday to, row 2']\").value;", &[]);
    assert_eq!(kept, "25:00", "what was typed is still there");
    assert!(hours(&stage).is_null(), "nothing was saved");
    browser.picture("setup-hours-problem-1440-light");
    for day in ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"] {
        browser.fill(&format!("[aria-label='{day} to, row 2']"), "17:00");
    }
    browser.press("main form", "Save");
    browser.read(".notice", "Saved.");
    let saved = hours(&stage);
    assert_eq!(saved["Weekly"].as_array().expect("a week").len(), 10, "{saved}");
    assert_eq!(saved["Exceptions"], json!([{"Date": "2026-12-25", "Intervals": []}]));
    stage.close_excusing(browser, &["400 (Bad Request)"]);
}

#[test]
fn a_key_is_shown_once_and_revoked() {
    let Some(stage) = Stage::set() else { return };
    let browser = stage.browser(&stage.admin, "/console/setup/keys");
    browser.fill("#field-name", "Board of the shift");
    browser.press("main form", "Make the key");
    browser.see("#secret");
    let key = browser.script("return document.querySelector('#secret').value;", &[]);
    let key = key.as_str().expect("a key is shown").to_owned();
    let other = stage.browser(&key, "/console/supervisor");
    browser.reload();
    browser.read("main", "Board of the shift");
    browser.gone("#secret");
    browser.script("window.confirm = () => true;", &[]);
    browser.press("main", "Revoke Board of the shift");
    browser.read("main table", "Revoked");
    // Whoever is signed in by it is put out at once.
    other.see("#key");
    stage.close(browser);
    stage.close_excusing(other, &["401"]);
}

#[test]
fn a_webhook_is_made_tried_and_changed() {
    let Some(stage) = Stage::set() else { return };
    let browser = stage.browser(&stage.admin, "/console/setup/webhooks");
    browser.press("main", "New webhook");
    browser.see("#field-url");
    browser.fill("#field-url", "ftp://nowhere");
    browser.press("main form", "Save");
    browser.see("#field-url[aria-invalid]");
    browser.fill("#field-url", "https://receiver.example.com/callbacks");
    browser.fill("#field-description", "To the CRM");
    browser.press("main form", "Save");
    browser.see("#secret");
    browser.press("main", "Send a trial");
    browser.read("main", "A trial is on its way.");
    browser.read("main table", "Ping");
    browser.fill("#field-description", "To the other CRM");
    browser.press("main form", "Save");
    browser.read("main table", "To the other CRM");
    let listed = stage.program.get("/v1.0/webhooks").body;
    assert_eq!(listed[0]["Description"], "To the other CRM", "{listed}");
    stage.close_excusing(browser, &["400 (Bad Request)"]);
}

#[test]
fn a_supervisor_sets_presences_and_sees_the_queue() {
    let Some(stage) = Stage::set() else { return };
    stage.program.user("ada", &stage.service, json!({}));
    let supervisor = stage.key("Supervisor", json!({"Services": [stage.service]}));
    let browser = stage.browser(&supervisor, "/console/supervisor");
    stage.program.callback(json!({"Priority": "Highest"}));
    browser.read("main .badge[data-word='Highest']", "1");
    browser.press("[aria-label='Presence of ada']", "Available");
    browser.see("[aria-label='Presence of ada'] [value='Available'][aria-pressed='true']");
    browser.read("main", "On a task");
    stage.close(browser);
}
