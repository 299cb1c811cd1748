//! A program with keys, services and users, and browsers that are signed in.

use std::fs::{File, OpenOptions};
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::browser::{Browser, Driver, Watch};
use crate::harness::{Program, program};

/// A running installation to look at.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) program: Program,
    pub(crate) service: String,
    pub(crate) admin: String,
    driver: Driver,
    _turn: File,
    _folder: TempDir,
}

impl Stage {
    /// Starts everything; `None` without a browser, which was said then.
    pub(crate) fn set() -> Option<Self> {
        Self::set_in_turn(File::lock_shared)
    }

    /// As [`Self::set`], with nothing else of its kind beside it that would disturb a measurement.
    pub(crate) fn set_alone() -> Option<Self> {
        Self::set_in_turn(File::lock)
    }

    fn set_in_turn(take: impl Fn(&File) -> std::io::Result<()>) -> Option<Self> {
        let driver = Driver::start()?;
        let turn = Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser-turn");
        let turn = OpenOptions::new().create(true).truncate(false).write(true).open(turn);
        let turn = turn.expect("the file of turns opens");
        take(&turn).expect("it is our turn");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let database = folder.path().join("callback.db");
        let mut bootstrap = program();
        bootstrap.args(["keys", "bootstrap", "--database"]).arg(&database);
        let made = bootstrap.output().expect("it runs");
        assert!(made.status.success(), "{made:?}");
        let admin = String::from_utf8(made.stdout).expect("a key is text").trim().to_owned();
        let program = Program::start(&database, &[]).with_key(&admin);
        let service = program.service(json!({
            "PreviewTimeInSeconds": 60, "RonaTimeoutInSeconds": 600, "MaxDialoutTimeInSeconds": 60,
            "AfterCallWorkInSeconds": 0,
        }));
        Some(Self { program, service, admin, driver, _turn: turn, _folder: folder })
    }

    /// A key of a role, with more members of the request.
    pub(crate) fn key(&self, role: &str, more: Value) -> String {
        let mut body = json!({"Name": format!("{role} of a test"), "Role": role});
        if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
            body.extend(more);
        }
        let made = self.program.post("/v1.0/keys", &body);
        assert_eq!(made.status, 201, "{made:?}");
        made.body["Key"].as_str().expect("a new key is shown").to_owned()
    }

    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.program.url())
    }

    /// A browser at a page, signed in with a key.
    pub(crate) fn browser(&self, key: &str, path: &str) -> Browser {
        self.browser_with(key, path, Watch::Everything)
    }

    pub(crate) fn browser_with(&self, key: &str, path: &str, watch: Watch) -> Browser {
        let browser = self.stranger(watch);
        browser.go(&self.at(path));
        sign_in(&browser, key);
        browser.see("#live.on");
        browser
    }

    /// A browser that is at no page yet.
    pub(crate) fn stranger(&self, watch: Watch) -> Browser {
        self.driver.open(watch)
    }

    /// Ends a browser, in which nothing may have gone wrong.
    pub(crate) fn close(&self, browser: Browser) {
        browser.close(self.program.url(), &[]);
    }

    /// As [`Self::close`], where the test asked for what a browser complains of.
    pub(crate) fn close_excusing(&self, browser: Browser, excused: &[&str]) {
        browser.close(self.program.url(), excused);
    }
}

pub(crate) fn sign_in(browser: &Browser, key: &str) {
    browser.fill("#key", key);
    browser.press("main", "Sign in");
}
