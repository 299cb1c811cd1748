//! All by keyboard.

use fantoccini::key::Key;

use crate::stage::Stage;

/// Presses a key until the focus is on what a script describes.
fn tab_to(browser: &crate::browser::Browser, what: &str, is_there: &str) {
    for _ in 0..40 {
        let script = format!("const at = document.activeElement; return {is_there};");
        if browser.script(&script, &[]) == true {
            let seen = "const at = document.activeElement; \
                return at.matches(':focus-visible') && getComputedStyle(at).outlineStyle !== 'none';";
            assert_eq!(
                browser.script(seen, &[]),
                true,
                "{what} does not show that it has the focus"
            );
            return;
        }
        browser.keys(&Key::Tab.to_string());
    }
    panic!("the keyboard does not come to {what}");
}

#[test]
fn a_callback_is_made_by_keyboard_alone() {
    let Some(stage) = Stage::set() else { return };
    let browser = stage.browser(&stage.admin, "/console/board");
    tab_to(&browser, "the way to the content", "at.classList.contains('skip')");
    browser.keys(&Key::Enter.to_string());
    tab_to(&browser, "a new callback", "at.pathname === '/console/board/new'");
    browser.keys(&Key::Enter.to_string());
    browser.see("#field-target");
    tab_to(&browser, "the target", "at.id === 'field-target'");
    browser.keys("tel:+41785550101");
    tab_to(&browser, "the service", "at.id === 'field-serviceid'");
    browser.keys("Hot");
    tab_to(&browser, "the priority", "at.id === 'field-priority'");
    browser.keys("High");
    tab_to(&browser, "the button", "at.matches('form .primary')");
    browser.keys(&Key::Enter.to_string());
    browser.see(".drawer");
    browser.read(".drawer", "+41785550101");
    stage.close(browser);
}
