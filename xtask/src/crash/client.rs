//! Talking to the program over HTTP, to whichever process answers.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use serde_json::Value;
use ureq::Agent;

use super::figures::Figures;
use super::processes::Addresses;
use super::random::Random;

/// How long one request may take; longer than the service takes to give up on its database.
const PATIENCE: Duration = Duration::from_secs(20);
/// The pause before a request is tried again at another process.
const PAUSE: Duration = Duration::from_millis(60);
/// How many pauses the pause may grow to.
const LONGEST_PAUSE: u32 = 5;

/// What the program answered.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) total: Option<u64>,
}

/// Why there is no answer that says something about the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Silence {
    /// No process took the request.
    NotSent,
    /// It may have taken effect: the connection broke, or the storage was away.
    Unknown,
}

/// One client; each thread has its own.
pub(crate) struct Client {
    agent: Agent,
    addresses: Addresses,
    figures: Arc<Figures>,
    random: Random,
}

impl Client {
    pub(crate) fn new(addresses: Addresses, figures: Arc<Figures>, random: Random) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(Duration::from_secs(2)))
            .timeout_global(Some(PATIENCE));
        Self { agent: config.build().new_agent(), addresses, figures, random }
    }

    /// The draws of this client's thread.
    pub(crate) const fn random(&mut self) -> &mut Random {
        &mut self.random
    }

    pub(crate) fn get(&mut self, path: &str) -> Result<Answer, Silence> {
        let Some(url) = self.url(path) else { return Err(Silence::NotSent) };
        self.heard(self.agent.get(url).call(), false)
    }

    pub(crate) fn post(&mut self, path: &str, body: &Value) -> Result<Answer, Silence> {
        self.post_with_key(path, body, None)
    }

    pub(crate) fn post_with_key(
        &mut self,
        path: &str,
        body: &Value,
        key: Option<&str>,
    ) -> Result<Answer, Silence> {
        let Some(url) = self.url(path) else { return Err(Silence::NotSent) };
        let mut request = self.agent.post(url);
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        self.heard(request.send_json(body), true)
    }

    /// Posts what may be repeated until some process says something about it, or it is time to go.
    pub(crate) fn insist(
        &mut self,
        path: &str,
        body: &Value,
        key: Option<&str>,
        gone: impl Fn() -> bool,
    ) -> Option<Answer> {
        for tries in 1.. {
            match self.post_with_key(path, body, key) {
                Ok(answer) => return Some(answer),
                Err(_) if gone() => return None,
                Err(_) => thread::sleep(PAUSE * tries.min(LONGEST_PAUSE)),
            }
        }
        None
    }

    /// The path at one of the processes that run.
    fn url(&mut self, path: &str) -> Option<String> {
        let running = self.addresses.running();
        match self.random.one_of(&running) {
            Some(address) => Some(format!("{address}{path}")),
            None => {
                thread::sleep(PAUSE);
                None
            }
        }
    }

    fn heard(
        &self,
        answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
        writes: bool,
    ) -> Result<Answer, Silence> {
        let Ok(mut answer) = answer else {
            self.figures.note_unanswered();
            return Err(Silence::Unknown);
        };
        let status = answer.status().as_u16();
        let total = answer.headers().get("x-total-count").and_then(|value| value.to_str().ok());
        let total = total.and_then(|text| text.parse().ok());
        let Ok(text) = answer.body_mut().read_to_string() else {
            self.figures.note_unanswered();
            return Err(Silence::Unknown);
        };
        if status == 503 {
            self.figures.note_refused();
            return Err(Silence::Unknown);
        }
        if writes && status < 300 {
            self.figures.note_write();
        }
        Ok(Answer { status, body: serde_json::from_str(&text).unwrap_or_default(), total })
    }
}
