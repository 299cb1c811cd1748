//! Who is let in, and what they may see.

use serde_json::json;

use crate::browser::Watch;
use crate::stage::{Stage, sign_in};

#[test]
fn only_a_good_key_signs_in_and_a_sign_out_shuts_the_door() {
    let Some(stage) = Stage::set() else { return };
    let browser = stage.stranger(Watch::Everything);
    browser.go(&stage.at("/console/board"));
    assert!(browser.url().contains("/console/sign-in"), "{}", browser.url());
    browser.see("#key");
    browser.picture("sign-in-1440-light");
    sign_in(&browser, "cbk_wrong");
    browser.read("#key-problem", "not valid");
    sign_in(&browser, &stage.admin);
    browser.see("#live.on");
    assert!(browser.url().ends_with("/console/board"), "{}", browser.url());
    let shown = browser.script("return document.cookie + document.documentElement.outerHTML;", &[]);
    let secret = stage.admin.rsplit('_').next().expect("a key has a secret");
    assert!(!shown.as_str().expect("it is text").contains(secret), "the page shows the key");
    browser.press(".who", "Sign out");
    browser.see("#key");
    browser.go(&stage.at("/console/board"));
    browser.see("#key");
    stage.close_excusing(browser, &["401"]);
}

#[test]
fn an_agent_sees_the_desk_and_no_page_of_others() {
    let Some(stage) = Stage::set() else { return };
    let ada = stage.program.user("ada", &stage.service, json!({}));
    let key = stage.key("Agent", json!({"UserId": ada}));
    let browser = stage.browser(&key, "/console");
    assert!(browser.url().ends_with("/console/desk"), "{}", browser.url());
    let pages = browser.script("return [...document.querySelectorAll('.bar nav a')].length", &[]);
    assert_eq!(pages, 1, "the navigation shows only what may be seen");
    for path in ["board", "supervisor", "setup/services", "setup/keys", "setup/webhooks"] {
        browser.go(&stage.at(&format!("/console/{path}")));
        browser.read("main", "Not allowed");
    }
    browser.picture("forbidden-1440-light");
    stage.close_excusing(browser, &["403"]);
}
