//! Starting the program and talking to it.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use ureq::Agent;

/// How long anything here may take before the test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A running program.
#[derive(Debug)]
pub(crate) struct Program {
    child: Child,
    url: String,
    client: Agent,
    key: Option<String>,
}

/// What the program answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_callback"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CALLBACK_") {
            command.env_remove(name);
        }
    }
    command
}

pub(crate) fn client() -> Agent {
    let config = Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE));
    config.build().new_agent()
}

impl Program {
    /// Starts `serve` on a database and any free port, and waits until it answers.
    pub(crate) fn start(database: &Path, more: &[&str]) -> Self {
        Self::start_as(program(), database, more)
    }

    /// As [`Self::start`], by a command that was made ready.
    pub(crate) fn start_as(command: Command, database: &Path, more: &[&str]) -> Self {
        Self::listen_as(command, "127.0.0.1:0", database, more)
    }

    /// As [`Self::start`], on another address.
    pub(crate) fn listen(address: &str, database: &Path, more: &[&str]) -> Self {
        Self::listen_as(program(), address, database, more)
    }

    fn listen_as(mut command: Command, address: &str, database: &Path, more: &[&str]) -> Self {
        let mut child = command
            .args(["serve", "--listen", address, "--log-format", "json", "--database"])
            .arg(database)
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let log = BufReader::new(child.stderr.take().expect("standard error is piped"));
        let mut lines = log.lines();
        let mut seen = String::new();
        let address = loop {
            let Some(Ok(line)) = lines.next() else { panic!("the program ended:\n{seen}") };
            let entry: Value = serde_json::from_str(&line).unwrap_or_default();
            if let Some(address) = entry["fields"]["address"].as_str() {
                break address.replace("0.0.0.0", "127.0.0.1");
            }
            seen.push_str(&line);
            seen.push('\n');
        };
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, url: format!("http://{address}"), client: client(), key: None }
    }

    /// The same program, asked with a key.
    pub(crate) fn with_key(mut self, key: &str) -> Self {
        self.key = Some(key.to_owned());
        self
    }

    fn keyed<B>(&self, request: ureq::RequestBuilder<B>) -> ureq::RequestBuilder<B> {
        match &self.key {
            Some(key) => request.header("Authorization", format!("Bearer {key}")),
            None => request,
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends the program as a power cut would.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("the program is killed");
        self.child.wait().expect("the program is gone");
    }

    /// Asks the program to stop, and waits until it has.
    pub(crate) fn stop(mut self) -> bool {
        let pid = self.child.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs");
        assert!(asked.success());
        self.child.wait().expect("the program ends").success()
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        Answer::of(self.keyed(self.client.get(format!("{}{path}", self.url))).call())
    }

    /// What a path answers, as text.
    pub(crate) fn text(&self, path: &str) -> String {
        let answer = self.client.get(format!("{}{path}", self.url)).call();
        let mut answer = answer.expect("the program answers");
        answer.body_mut().read_to_string().expect("the answer is text")
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.keyed(self.client.post(format!("{}{path}", self.url))).send_json(body))
    }

    pub(crate) fn put(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.keyed(self.client.put(format!("{}{path}", self.url))).send_json(body))
    }

    pub(crate) fn delete(&self, path: &str) -> Answer {
        Answer::of(self.keyed(self.client.delete(format!("{}{path}", self.url))).call())
    }

    /// Makes a service and answers its id.
    pub(crate) fn service(&self, more: Value) -> String {
        let body = json!({
            "Name": "Hotline", "SipUri": "sip:smoky.car@dev.local", "DirectionType": "InboundOutbound",
        });
        self.make("/v1.0/services", body, more)
    }

    /// Makes a user of a service and answers the id.
    pub(crate) fn user(&self, name: &str, service: &str, more: Value) -> String {
        let body =
            json!({"Name": name, "SipUri": format!("sip:{name}@dev.local"), "Services": [service]});
        self.make("/v1.0/users", body, more)
    }

    /// Asks for a callback and answers its id.
    pub(crate) fn callback(&self, more: Value) -> String {
        let body =
            json!({"Target": "sip:smoky.qq@dev.local", "ServiceSip": "sip:smoky.car@dev.local"});
        self.make("/v1.0/callbacks", body, more)
    }

    fn make(&self, path: &str, mut body: Value, more: Value) -> String {
        if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
            body.extend(more);
        }
        let made = self.post(path, &body);
        assert_eq!(made.status, 201, "{:?}", made.body);
        made.body["Id"].as_str().expect("the answer has an id").to_owned()
    }

    /// Reads a path until the answer is as wanted.
    pub(crate) fn wait_for(&self, path: &str, wanted: impl Fn(&Answer) -> bool) -> Answer {
        let began = Instant::now();
        loop {
            let answer = self.get(path);
            if wanted(&answer) {
                return answer;
            }
            assert!(began.elapsed() < PATIENCE, "{path} stays {answer:?}");
            pause();
        }
    }

    pub(crate) fn wait_for_phase(&self, callback: &str, phase: &str) -> Value {
        let path = format!("/v1.0/callbacks/{callback}");
        self.wait_for(&path, |answer| answer.body["Phase"] == phase).body
    }

    /// Waits for the task of a user.
    pub(crate) fn wait_for_task(&self, user: &str) -> Value {
        self.wait_for(&format!("/v1.0/users/{user}/task"), |answer| answer.status == 200).body
    }
}

/// A short pause between two looks at a real process, which has no event to wait for.
pub(crate) fn pause() {
    std::thread::park_timeout(Duration::from_millis(10));
}

impl Drop for Program {
    fn drop(&mut self) {
        let _gone = self.child.kill().is_ok() && self.child.wait().is_ok();
    }
}

impl Answer {
    fn of(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Self {
        let mut answer = answer.expect("the program answers");
        let status = answer.status().as_u16();
        let text = answer.body_mut().read_to_string().expect("the answer is text");
        Self { status, body: serde_json::from_str(&text).unwrap_or_default() }
    }
}
