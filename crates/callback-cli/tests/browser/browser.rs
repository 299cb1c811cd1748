//! A real Chromium without a window, driven over WebDriver, and what it can be asked.

use std::collections::BTreeSet;
use std::env;
use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fantoccini::elements::Element;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder};
use serde_json::{Map, Value, json};
use tokio::runtime::Runtime;
use ureq::http::Method;

use crate::harness::{PATIENCE, client, pause};

const SKIPPED: &str = "SKIPPED: Chromium: apt-get install chromium chromium-driver";

/// Where Debian and others put the browser; the driver is looked for on the path.
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

/// The driver of browsers; its browsers end with it.
#[derive(Debug)]
pub(crate) struct Driver {
    child: Child,
    url: String,
    browser: PathBuf,
}

/// One browser with cookies of its own.
#[derive(Debug)]
pub(crate) struct Browser {
    runtime: Runtime,
    client: Client,
    requests: BTreeSet<String>,
    watched: bool,
}

/// What a browser notes of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Watch {
    /// Console messages and every request.
    Everything,
    /// Console messages; noting requests costs time, which a measurement would see.
    Console,
}

impl Driver {
    /// Starts the driver; `None` without a browser, which is said where it is heard.
    pub(crate) fn start() -> Option<Self> {
        let found = on_path("chromedriver")
            .and_then(|driver| Some((driver, BROWSERS.into_iter().find_map(on_path)?)));
        let Some((driver, browser)) = found else {
            skip();
            return None;
        };
        Some(Self::launch(&driver, browser))
    }

    fn launch(driver: &Path, browser: PathBuf) -> Self {
        let mut child = Command::new(driver)
            .args(["--port=0", "--log-level=SEVERE"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the driver starts");
        let said = BufReader::new(child.stdout.take().expect("standard output is piped"));
        let mut lines = said.lines().map_while(Result::ok);
        let port = lines
            .find_map(|line| {
                let (_, port) = line.split_once("successfully on port ")?;
                port.trim_end_matches('.').parse::<u16>().ok()
            })
            .expect("the driver says where it listens");
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, url: format!("http://127.0.0.1:{port}"), browser }
    }

    /// Opens a browser that nobody has used before.
    pub(crate) fn open(&self, watch: Watch) -> Browser {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        let mut logs = json!({"browser": "ALL"});
        if watch == Watch::Everything {
            logs["performance"] = json!("ALL");
        }
        let wanted = json!({
            "goog:loggingPrefs": logs,
            "goog:chromeOptions": {
                "binary": self.browser,
                "args": [
                    "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu",
                    "--hide-scrollbars", "--force-color-profile=srgb", "--lang=en-GB",
                    "--no-first-run", "--disable-background-networking", "--disable-sync",
                    "--disable-component-update", "--mute-audio",
                    "--autoplay-policy=no-user-gesture-required",
                    // Whatever a page asked of another host would fail, and be noted.
                    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
                ],
            },
        });
        let Value::Object(wanted) = wanted else { unreachable!("it is written as an object") };
        let wanted: Map<String, Value> = wanted;
        let client = runtime
            .block_on(ClientBuilder::new(plain()).capabilities(wanted).connect(&self.url))
            .expect("the browser opens");
        let watched = watch == Watch::Everything;
        let browser = Browser { runtime, client, requests: BTreeSet::new(), watched };
        browser.size(1440, 900);
        browser.colours("light");
        browser
    }
}

/// Connections without encryption: the driver listens on this machine alone.
fn plain() -> hyper_util::client::legacy::connect::HttpConnector {
    hyper_util::client::legacy::connect::HttpConnector::new()
}

impl Drop for Driver {
    fn drop(&mut self) {
        // It closes its browsers when it is asked, and leaves them running when it is killed.
        let _asked = client().get(format!("{}/shutdown", self.url)).call();
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(5) && matches!(self.child.try_wait(), Ok(None))
        {
            pause();
        }
        let _gone = self.child.kill().is_ok() && self.child.wait().is_ok();
    }
}

impl Browser {
    /// Goes to an address and waits until it is loaded.
    pub(crate) fn go(&self, url: &str) {
        self.runtime.block_on(self.client.goto(url)).expect("the page loads");
    }

    /// Loads the page anew.
    pub(crate) fn reload(&self) {
        self.runtime.block_on(self.client.refresh()).expect("the page loads");
    }

    /// The address at which it is.
    pub(crate) fn url(&self) -> String {
        self.runtime.block_on(self.client.current_url()).expect("it is somewhere").to_string()
    }

    pub(crate) fn title(&self) -> String {
        self.runtime.block_on(self.client.title()).expect("a page has a title")
    }

    /// Runs a script in the page and answers what it returns.
    pub(crate) fn script(&self, script: &str, arguments: &[Value]) -> Value {
        let ran = self.runtime.block_on(self.client.execute(script, arguments.to_vec()));
        ran.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// As [`Self::script`], by a script that calls its last argument with the answer.
    pub(crate) fn script_later(&self, script: &str, arguments: &[Value]) -> Value {
        let ran = self.runtime.block_on(self.client.execute_async(script, arguments.to_vec()));
        ran.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// Waits until a script answers neither null nor false, and answers that.
    pub(crate) fn until(&self, what: &str, script: &str, arguments: &[Value]) -> Value {
        let began = Instant::now();
        loop {
            // Between two pages there may be nothing to run a script in.
            let ran = self.runtime.block_on(self.client.execute(script, arguments.to_vec()));
            if let Ok(answer) = ran
                && !matches!(answer, Value::Null | Value::Bool(false))
            {
                return answer;
            }
            if began.elapsed() > PATIENCE {
                let (url, text) = (self.url(), self.text("body"));
                panic!("still not {what} at {url}:\n{text}");
            }
            pause();
        }
    }

    /// Waits for an element that can be seen.
    pub(crate) fn see(&self, css: &str) {
        self.until(&format!("seen: {css}"), SEEN, &[json!(css)]);
    }

    /// Waits until an element's text has this in it.
    pub(crate) fn read(&self, css: &str, text: &str) {
        let script = "const [css, text] = arguments; \
            return [...document.querySelectorAll(css)].some((one) => one.innerText.includes(text));";
        self.until(&format!("read: {text} in {css}"), script, &[json!(css), json!(text)]);
    }

    /// Waits until nothing matches.
    pub(crate) fn gone(&self, css: &str) {
        let script = "return document.querySelector(arguments[0]) === null;";
        self.until(&format!("gone: {css}"), script, &[json!(css)]);
    }

    /// The text of the first element that matches, empty without one.
    pub(crate) fn text(&self, css: &str) -> String {
        let script = "return document.querySelector(arguments[0])?.innerText ?? '';";
        let text = self.script(script, &[json!(css)]);
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Clicks an element as a mouse does.
    pub(crate) fn click(&self, css: &str) {
        let found = "const one = document.querySelector(arguments[0]); \
            return one?.checkVisibility() ? one : null;";
        self.click_found(&format!("seen: {css}"), found, &[json!(css)]);
    }

    /// Clicks the button or link with this text that can be seen, within an element.
    pub(crate) fn press(&self, within: &str, name: &str) {
        let found = "const [within, name] = arguments; \
            const named = (one) => !one.ariaHidden \
                && (one.getAttribute('aria-label') ?? one.innerText).trim() === name; \
            const all = document.querySelectorAll(`${within} button, ${within} a, ${within} summary`); \
            const found = [...all].find((one) => one.checkVisibility() && named(one)); \
            found?.scrollIntoView({block: 'center'}); \
            return found ?? null;";
        let what = format!("there: {name} in {within}");
        self.click_found(&what, found, &[json!(within), json!(name)]);
    }

    /// Clicks what a script finds; a page that follows what happens may put another in its place
    /// meanwhile, which is then found instead.
    fn click_found(&self, what: &str, script: &str, arguments: &[Value]) {
        const IDENTITY: &str = "element-6066-11e4-a52e-4f735466cecf";
        let began = Instant::now();
        loop {
            let found = self.until(what, script, arguments);
            let identity = found[IDENTITY].as_str().expect("an element was found").to_owned();
            let element = Element::from_element_id(self.client.clone(), identity.into());
            match self.runtime.block_on(element.click()) {
                Ok(()) => return,
                Err(error) if error.is_stale_element_reference() && began.elapsed() < PATIENCE => {}
                Err(error) => panic!("{what}: {error}"),
            }
        }
    }

    /// Types into a field in place of what it holds.
    pub(crate) fn fill(&self, css: &str, text: &str) {
        self.see(css);
        let empty = "const one = document.querySelector(arguments[0]); one.scrollIntoView({block: 'center'}); one.focus(); one.value = '';";
        self.script(empty, &[json!(css)]);
        self.runtime.block_on(async {
            let found = self.client.find(fantoccini::Locator::Css(css)).await;
            let element = found.unwrap_or_else(|error| panic!("{css}: {error}"));
            element.send_keys(text).await.unwrap_or_else(|error| panic!("{css}: {error}"));
        });
    }

    /// Chooses of a list by value.
    pub(crate) fn choose(&self, css: &str, value: &str) {
        self.see(css);
        let script = "const [css, value] = arguments; \
            const one = document.querySelector(css); one.value = value; \
            one.dispatchEvent(new Event('input', {bubbles: true})); \
            one.dispatchEvent(new Event('change', {bubbles: true})); \
            return one.value === value;";
        assert_eq!(self.script(script, &[json!(css), json!(value)]), true, "{css} has no {value}");
    }

    /// Types keys where the focus is; see [`fantoccini::key::Key`].
    pub(crate) fn keys(&self, keys: &str) {
        self.runtime.block_on(async {
            let element = self.client.active_element().await.expect("something has the focus");
            element.send_keys(keys).await.expect("keys are typed");
        });
    }

    /// Gives the page this much room.
    pub(crate) fn size(&self, width: u32, height: u32) {
        let size =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", &size);
    }

    /// Has the page believe that the person likes it `light` or `dark`.
    pub(crate) fn colours(&self, scheme: &str) {
        let features = json!({"media": "", "features": [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]});
        self.devtools("Emulation.setEmulatedMedia", &features);
    }

    /// Writes what can be seen to `target/screenshots/`.
    pub(crate) fn picture(&self, name: &str) {
        let folder = screenshots();
        std::fs::create_dir_all(&folder).expect("the folder is made");
        let picture = self.runtime.block_on(self.client.screenshot()).expect("a picture is taken");
        std::fs::write(folder.join(format!("{name}.png")), picture).expect("it is written");
    }

    /// As [`Self::picture`], of the page from top to bottom.
    pub(crate) fn whole_picture(&self, name: &str) {
        let script = "return [window.innerWidth, window.innerHeight, \
            Math.min(4000, document.documentElement.scrollHeight)];";
        let room = self.script(script, &[]);
        let pixels = |at: usize| room[at].as_u64().and_then(|pixels| u32::try_from(pixels).ok());
        let [width, height, whole] = [0, 1, 2].map(|at| pixels(at).expect("a page has a size"));
        self.size(width, whole.max(height));
        self.picture(name);
        self.size(width, height);
    }

    /// Asks the browser itself.
    pub(crate) fn devtools(&self, command: &str, parameters: &Value) -> Value {
        let asked = json!({"cmd": command, "params": parameters});
        self.ask("goog/cdp/execute", &asked)
    }

    fn ask(&self, path: &'static str, body: &Value) -> Value {
        let asked = Asked { path, body: body.to_string() };
        let answer = self.runtime.block_on(self.client.issue_cmd(asked));
        answer.unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Every address that was asked for until now, this far.
    fn requests(&mut self) -> &BTreeSet<String> {
        let noted = self.ask("se/log", &json!({"type": "performance"}));
        for entry in noted.as_array().into_iter().flatten() {
            let message = entry["message"].as_str().unwrap_or_default();
            let message: Value = serde_json::from_str(message).unwrap_or_default();
            let message = &message["message"];
            if message["method"] == "Network.requestWillBeSent"
                && let Some(url) = message["params"]["request"]["url"].as_str()
            {
                self.requests.insert(url.to_owned());
            }
        }
        &self.requests
    }

    /// Ends the browser; nothing may have been complained of on its console, and no other host
    /// asked for anything.
    ///
    /// `excused` are parts of messages that belong to what the test did.
    pub(crate) fn close(mut self, own: &str, excused: &[&str]) {
        let said = self.ask("se/log", &json!({"type": "browser"}));
        let complaints: Vec<&Value> = (said.as_array().into_iter().flatten())
            .filter(|entry| entry["level"] == "SEVERE" || entry["level"] == "WARNING")
            .filter(|entry| {
                let message = entry["message"].as_str().unwrap_or_default();
                !excused.iter().any(|excuse| message.contains(excuse))
            })
            .collect();
        assert!(complaints.is_empty(), "{complaints:#?}");
        if self.watched {
            let requests = self.requests();
            assert!(requests.iter().any(|url| url.starts_with(own)), "{requests:?}");
            let foreign: Vec<_> = requests
                .iter()
                .filter(|url| !url.starts_with(own) && !url.starts_with("data:"))
                .collect();
            assert!(foreign.is_empty(), "asked of others: {foreign:?}");
        }
        self.runtime.block_on(self.client.close()).expect("the browser closes");
    }
}

const SEEN: &str = "const one = document.querySelector(arguments[0]); \
    return one !== null && one.checkVisibility();";

/// Where the pictures go.
pub(crate) fn screenshots() -> PathBuf {
    let below = Path::new(env!("CARGO_TARGET_TMPDIR"));
    below.parent().expect("it lies in the target directory").join("screenshots")
}

/// A command of this driver's own.
#[derive(Debug)]
struct Asked {
    path: &'static str,
    body: String,
}

impl WebDriverCompatibleCommand for Asked {
    fn endpoint(
        &self,
        base_url: &url::Url,
        session_id: Option<&str>,
    ) -> Result<url::Url, url::ParseError> {
        let session = session_id.unwrap_or_default();
        base_url.join(&format!("session/{session}/{}", self.path))
    }

    fn method_and_body(&self, _: &url::Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.clone()))
    }
}

/// Says where it is heard that a test cannot run.
#[expect(clippy::print_stderr, reason = "whoever runs the test alone reads it there")]
fn skip() {
    eprintln!("{SKIPPED}");
    if let Some(log) = env::var_os("CALLBACK_SKIP_LOG") {
        let log = OpenOptions::new().append(true).create(true).open(log);
        writeln!(log.expect("the log opens"), "{SKIPPED}").expect("the log is written");
    }
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}
