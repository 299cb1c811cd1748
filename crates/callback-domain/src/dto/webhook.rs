//! Subscriptions to events: the request to make or replace one.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde_json::Value;

use super::members::Members;
use super::problem::{Fault, Problems, complete};
use super::value;
use crate::date::Instant;
use crate::defaults;
use crate::id::ServiceId;

/// Members that only the server sets; they are ignored, so that an answer can be put back.
const SERVER_OWNED: [&str; 8] = [
    "Id",
    "DisabledReason",
    "DisabledAt",
    "FailingSince",
    "CreatedAt",
    "UpdatedAt",
    "Version",
    "Secret",
];
/// Most services of one subscription.
const SERVICES: usize = 1_000;
/// Most names of events of one subscription.
const EVENTS: usize = 100;

/// A subscription as requested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookRequest {
    /// Where events are sent.
    pub url: String,
    /// Only these events; `None` is all.
    pub events: Option<BTreeSet<String>>,
    /// Only what concerns these services; `None` is all.
    pub services: Option<BTreeSet<ServiceId>>,
    /// What it is for, in words.
    pub description: Option<String>,
    /// Whether events are sent.
    pub enabled: bool,
}

impl WebhookRequest {
    /// Reads a body, for a new subscription or to replace one whole.
    ///
    /// `is_event` knows the names of events.
    ///
    /// # Errors
    /// All its problems.
    pub fn read(body: &Value, is_event: impl Fn(&str) -> bool) -> Result<Self, Problems> {
        let mut members = Members::of(body);
        members.ignore(&SERVER_OWNED);
        let url = members.require("Url", value::web_address);
        let events = members.list("Events", EVENTS, |item| {
            let name = value::line(item)?;
            if is_event(&name) {
                return Ok(name);
            }
            Err(Fault::new("UnknownValue", format!("there is no event {name}")))
        });
        let services = members.list("Services", SERVICES, value::guid);
        let description =
            members.read("Description", |value| value::paragraph(value, defaults::TEXT_CHARACTERS));
        let enabled = members.read("Enabled", value::flag).unwrap_or(true);
        for (name, is_empty) in [
            ("Events", events.as_ref().is_some_and(Vec::is_empty)),
            ("Services", services.as_ref().is_some_and(Vec::is_empty)),
        ] {
            if is_empty && members.has_empty_list(name) {
                let message = "an empty list asks for nothing; leave it out to ask for all";
                members.fault(name, Fault::new("Required", message));
            }
        }
        let request = url.map(|url| Self {
            url,
            events: events.map(|names| names.into_iter().collect()),
            services: services.map(|ids| ids.into_iter().collect()),
            description,
            enabled,
        });
        complete(request, members.finish())
    }
}

/// The wish to have events sent once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplayRequest {
    /// Events from this instant on.
    pub since: Instant,
}

impl ReplayRequest {
    /// Reads a body.
    ///
    /// # Errors
    /// All its problems.
    pub fn read(body: &Value) -> Result<Self, Problems> {
        let mut members = Members::of(body);
        let since = members.require("Since", value::date);
        complete(since.map(|since| Self { since }), members.finish())
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use serde_json::json;

    use super::WebhookRequest;

    #[test]
    fn every_problem_of_a_subscription_is_reported_at_once() {
        let body = json!({
            "Url": "ftp://a", "Events": ["Created", "Exploded"], "Services": [], "Enabeld": true,
        });
        let problems = WebhookRequest::read(&body, |name| name == "Created").unwrap_err().0;
        let found: Vec<_> =
            problems.iter().map(|problem| (problem.member.as_str(), problem.code)).collect();
        let expected = [
            ("Url", "InvalidUrl"),
            ("Events[1]", "UnknownValue"),
            ("Services", "Required"),
            ("Enabeld", "UnknownMember"),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn what_is_left_out_asks_for_everything() {
        let read = WebhookRequest::read(&json!({"Url": "https://a/b"}), |_| false).unwrap();
        assert_eq!((read.events, read.services, read.enabled), (None, None, true));
    }
}
