//! What the program says became of everything: callbacks, ledger and attempts, read over the API.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};
use ureq::Agent;

use super::time::micros;

/// The priorities, most urgent first.
pub(crate) const PRIORITIES: [&str; 9] = [
    "StrictPriority",
    "Highest",
    "VeryHigh",
    "High",
    "Normal",
    "Low",
    "VeryLow",
    "Lowest",
    "NothingElse",
];
/// Longest answer that is read.
const BYTES: u64 = 1 << 31;
/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(300);
/// Threads that read attempts.
const READERS: usize = 8;

/// A callback as it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Callback {
    pub(crate) id: String,
    pub(crate) service: String,
    pub(crate) target: String,
    /// 0 for `StrictPriority` to 8 for `NothingElse`.
    pub(crate) level: usize,
    pub(crate) max_retries: usize,
    /// When it was first to enter the queue, which is its first place there, in microseconds.
    pub(crate) due: i64,
    pub(crate) external: Option<String>,
    pub(crate) phase: String,
    pub(crate) reason: Option<String>,
    pub(crate) version: usize,
}

/// A line of the ledger about a callback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) callback: String,
    pub(crate) event: String,
    pub(crate) before: Option<String>,
    pub(crate) after: String,
    /// Microseconds, by the clock of the store.
    pub(crate) at: i64,
    pub(crate) agent: Option<String>,
    pub(crate) attempt: Option<usize>,
    pub(crate) due: Option<i64>,
    pub(crate) reason: Option<String>,
}

/// An attempt as it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attempt {
    pub(crate) id: String,
    pub(crate) callback: String,
    pub(crate) number: usize,
    pub(crate) agent: String,
    pub(crate) target: String,
    pub(crate) started: i64,
    pub(crate) customer_called: bool,
    pub(crate) ended: Option<i64>,
    pub(crate) outcome: Option<String>,
}

/// Everything that is looked at after a round.
#[derive(Clone, Debug, Default)]
pub(crate) struct Evidence {
    pub(crate) callbacks: BTreeMap<String, Callback>,
    /// Identities that a search answered more than once.
    pub(crate) doubled: Vec<String>,
    /// In the order of the ledger.
    pub(crate) lines: Vec<Line>,
    pub(crate) attempts: Vec<Attempt>,
}

/// Reads everything from one process.
pub(crate) fn gather(address: &str, service: &str) -> anyhow::Result<Evidence> {
    let agent = Agent::config_builder().timeout_global(Some(PATIENCE)).build().new_agent();
    let marker = mark_the_end(&agent, address, service)?;
    let mut evidence = Evidence::default();
    let mut found = agent
        .post(format!("{address}/v1.0/callbacks/search"))
        .send_json(json!({}))
        .context("failed to search for all callbacks")?;
    let found: Vec<Value> = found
        .body_mut()
        .with_config()
        .limit(BYTES)
        .read_json()
        .context("failed to read all callbacks")?;
    for value in &found {
        let callback = callback(value).with_context(|| format!("cannot use {value}"))?;
        if callback.id == marker {
            continue;
        }
        if let Some(twice) = evidence.callbacks.insert(callback.id.clone(), callback) {
            evidence.doubled.push(twice.id);
        }
    }
    evidence.lines = ledger(&agent, address, &marker)?;
    let ids: Vec<&str> = evidence.callbacks.keys().map(String::as_str).collect();
    evidence.attempts = attempts(&agent, address, &ids)?;
    Ok(evidence)
}

/// Makes and cancels one more callback, whose last line tells a reader of events where to stop.
fn mark_the_end(agent: &Agent, address: &str, service: &str) -> anyhow::Result<String> {
    let body = json!({
        "Target": "sip:the.end@dev.local", "ServiceId": service,
        "DueDate": "2099-01-01T00:00:00Z",
    });
    let made: Value = agent
        .post(format!("{address}/v1.0/callbacks"))
        .send_json(body)
        .context("failed to mark the end of the ledger")?
        .body_mut()
        .read_json()
        .context("failed to mark the end of the ledger")?;
    let id = made["Id"].as_str().context("the marker has no id")?.to_owned();
    agent
        .post(format!("{address}/v1.0/callbacks/{id}/cancel"))
        .send_json(json!({}))
        .context("failed to mark the end of the ledger")?;
    Ok(id)
}

/// All lines about callbacks, from the stream of events.
fn ledger(agent: &Agent, address: &str, marker: &str) -> anyhow::Result<Vec<Line>> {
    let url = format!("{address}/v1.0/events?from=start&kind=callback");
    let events = agent.get(url).call().context("failed to follow the events")?;
    let mut lines = Vec::new();
    for text in BufReader::new(events.into_body().into_reader()).lines() {
        let text = text.context("the stream of events broke")?;
        let Some(data) = text.strip_prefix("data:") else { continue };
        let value: Value = serde_json::from_str(data.trim()).context("an event is not JSON")?;
        let line = line(&value).with_context(|| format!("cannot use {value}"))?;
        if line.callback != marker {
            lines.push(line);
        } else if line.after == "Terminated" {
            return Ok(lines);
        }
    }
    bail!("the stream of events ended before the marker")
}

fn attempts(agent: &Agent, address: &str, ids: &[&str]) -> anyhow::Result<Vec<Attempt>> {
    let next = AtomicUsize::new(0);
    let found = Mutex::new(Vec::new());
    let read = || -> anyhow::Result<()> {
        while let Some(id) = ids.get(next.fetch_add(1, Ordering::Relaxed)) {
            let url = format!("{address}/v1.0/callbacks/{id}/attempts");
            let mut answer = agent.get(url).call().context("failed to read attempts")?;
            let values: Vec<Value> =
                answer.body_mut().read_json().context("failed to read attempts")?;
            for value in &values {
                let attempt = attempt(value).with_context(|| format!("cannot use {value}"))?;
                ensure!(attempt.callback == *id, "{} is not of {id}", attempt.id);
                found.lock().unwrap_or_else(PoisonError::into_inner).push(attempt);
            }
        }
        Ok(())
    };
    thread::scope(|scope| {
        let readers: Vec<_> = (0..READERS).map(|_| scope.spawn(read)).collect();
        for reader in readers {
            match reader.join() {
                Ok(done) => done?,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok::<(), anyhow::Error>(())
    })?;
    Ok(found.into_inner().unwrap_or_else(PoisonError::into_inner))
}

fn callback(value: &Value) -> Option<Callback> {
    let text = |member: &str| value[member].as_str().map(str::to_owned);
    let priority = value["Priority"].as_str()?;
    // The load writes the due date into the description, since a retry moves the member.
    // One that was over when the callback was made counts from then on.
    let created = value["CreatedAt"].as_str().and_then(micros)?;
    let due = value["Description"].as_str().and_then(micros).unwrap_or(created).max(created);
    Some(Callback {
        id: text("Id")?,
        service: text("ServiceId")?,
        target: text("Target")?,
        level: PRIORITIES.iter().position(|known| *known == priority)?,
        max_retries: number(&value["MaxRetries"])?,
        due,
        external: text("ExternalTaskId"),
        phase: text("Phase")?,
        reason: text("TerminationReason"),
        version: number(&value["Version"])?,
    })
}

fn line(value: &Value) -> Option<Line> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let details = &value["Details"];
    Some(Line {
        callback: text(&value["Subject"]["Id"])?,
        event: text(&value["Event"])?,
        before: text(&value["PhaseBefore"]),
        after: text(&value["PhaseAfter"])?,
        at: micros(value["At"].as_str()?)?,
        agent: text(&details["Agent"]),
        attempt: number(&details["Attempt"]),
        due: details["DueDate"].as_str().and_then(micros),
        reason: text(&details["TerminationReason"]),
    })
}

fn attempt(value: &Value) -> Option<Attempt> {
    let text = |member: &str| value[member].as_str().map(str::to_owned);
    Some(Attempt {
        id: text("Id")?,
        callback: text("CallbackId")?,
        number: number(&value["Number"])?,
        agent: text("Agent")?,
        target: text("Target")?,
        started: micros(value["StartedAt"].as_str()?)?,
        customer_called: value["CustomerRequestedAt"].is_string(),
        ended: value["EndedAt"].as_str().and_then(micros),
        outcome: text("Outcome"),
    })
}

fn number(value: &Value) -> Option<usize> {
    usize::try_from(value.as_u64()?).ok()
}
