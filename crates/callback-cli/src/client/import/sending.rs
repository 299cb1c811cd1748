//! One line on its way to the service.

use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};
use ureq::http::Method;

use super::super::api::Api;
use super::super::failure::{Refused, Unreachable};
use super::records::Record;

/// How often a line is sent before the import breaks off.
const TRIES: u32 = 6;
/// The pause after the first failure; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(500);
/// The longest pause, whatever the service asks for.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What became of a line.
#[derive(Debug)]
pub(super) enum Fate {
    /// It is a callback now, with this id.
    Created(String),
    /// It was one before.
    Skipped,
    /// It cannot become one.
    Refused(Refused),
}

/// Sends a line; an error means that others would fail as well.
pub(super) fn send(api: &Api, hash: &str, record: &Record) -> anyhow::Result<Fate> {
    let body = match &record.body {
        Ok(body) => body,
        Err(problem) => return Ok(Fate::Refused(malformed(problem))),
    };
    let key = format!("import-{hash}-{}", record.line);
    let mut pause = PAUSE;
    for tried in 1.. {
        let headers = [("Idempotency-Key", key.as_str())];
        let failure = match api.send(Method::POST, "/v1.0/callbacks", Some(body), &headers) {
            Ok(answer) => {
                let id = answer.json()?["Id"].as_str().map(str::to_owned);
                return Ok(Fate::Created(id.context("the service answered no id")?));
            }
            Err(failure) => failure,
        };
        let again = match failure.downcast_ref::<Refused>() {
            Some(refused) => match refused.status {
                401 | 507 => return Err(failure),
                408 | 429 | 500..=599 => {
                    let asked = refused.retry_after_seconds.map(Duration::from_secs);
                    Some(asked.unwrap_or(pause).max(pause))
                }
                _ => None,
            },
            None if failure.downcast_ref::<Unreachable>().is_some() => Some(pause),
            None => return Err(failure),
        };
        match again {
            Some(again) if tried < TRIES => std::thread::sleep(again.min(LONGEST_PAUSE)),
            // A full queue concerns this line; anything else that lasts concerns them all.
            Some(_) | None => {
                let failure = failure.downcast::<Refused>()?;
                let is_this_line = failure.status < 500 && failure.status != 408;
                return if is_this_line { Ok(Fate::Refused(failure)) } else { Err(failure.into()) };
            }
        }
        pause = pause.saturating_mul(2);
    }
    anyhow::bail!("a line was tried without end")
}

fn malformed(problem: &str) -> Refused {
    Refused {
        status: 400,
        code: "MalformedLine".to_owned(),
        message: problem.to_owned(),
        details: json!([]),
        retry_after_seconds: None,
    }
}

/// A refused line as the report tells it.
pub(super) fn told(record: &Record, refused: &Refused) -> Value {
    let shown = match &record.body {
        Ok(body) => body.clone(),
        Err(_) => record.text.clone().into(),
    };
    json!({
        "Line": record.line,
        "Code": refused.code,
        "Message": refused.message,
        "Details": refused.details,
        "Record": shown,
    })
}
