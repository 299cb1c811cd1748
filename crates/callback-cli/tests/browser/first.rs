use crate::browser::{Driver, Watch};

#[test]
fn it_opens() {
    let Some(driver) = Driver::start() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let program = crate::harness::Program::start(&folder.path().join("c.db"), &[]);
    let browser = driver.open(Watch::Everything);
    browser.go(&format!("{}/docs", program.url()));
    browser.picture("docs");
    browser.close(program.url(), &[]);
}
