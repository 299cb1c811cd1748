//! What is sent: the body of a delivery, and its signed request.

use callback_domain::date::{self, Instant};
use serde_json::{Value, json};

use super::{Delivery, Secret};
use crate::ledger::{EventDto, Line};

/// A delivery that its holder is to send.
#[derive(Clone, Debug, PartialEq)]
pub struct Outgoing {
    /// Which, with its lease.
    pub delivery: Delivery,
    /// Where to.
    pub url: String,
    /// What it is signed with, the newest first.
    pub secrets: Vec<Secret>,
    /// What it tells; `None` for a trial, and when the ledger no longer has it.
    pub line: Option<Line>,
}

/// One signed request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Where to.
    pub url: String,
    /// `webhook-id`.
    pub id: String,
    /// `webhook-timestamp`: when it is sent, in seconds since 1970.
    pub timestamp: i64,
    /// `webhook-signature`: one for each secret, with spaces between.
    pub signature: String,
    /// JSON.
    pub body: Vec<u8>,
}

impl Outgoing {
    /// The body, the same whenever it is sent; `None` when the ledger no longer has its line.
    ///
    /// It tells what the line tells, and never a lease token, which no line has.
    #[must_use]
    pub fn body(&self) -> Option<Value> {
        let data = match &self.line {
            Some(line) => serde_json::to_value(EventDto::from(line)).ok()?,
            None if self.delivery.is_ping() => json!({ "WebhookId": self.delivery.webhook }),
            None => return None,
        };
        let timestamp = date::format(self.delivery.at);
        Some(json!({ "type": self.delivery.event, "timestamp": timestamp, "data": data }))
    }

    /// The request, signed as of an instant.
    #[must_use]
    pub fn request(&self, now: Instant) -> Option<Request> {
        let body = self.body()?.to_string().into_bytes();
        let (id, timestamp) = (self.delivery.id.to_string(), now.timestamp());
        let signatures: Vec<String> =
            self.secrets.iter().map(|secret| secret.sign(&id, timestamp, &body)).collect();
        let (url, signature) = (self.url.clone(), signatures.join(" "));
        Some(Request { url, id, timestamp, signature, body })
    }
}
