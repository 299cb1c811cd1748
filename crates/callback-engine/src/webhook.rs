//! Webhooks: subscriptions to the ledger, and the deliveries that are on their way to them.
//!
//! The form is that of the Standard Webhooks specification.
//! The ledger is the source: one step hands its lines out, in their order, as one delivery for
//! each subscription that wants the line, and moves its cursor in the same transaction.
//! A delivery holds no body; that is made from the line whenever it is sent, so a repetition says
//! the same under the same id.

mod message;
mod order;
mod secret;

use std::collections::BTreeSet;

use async_trait::async_trait;
use callback_domain::date::{self, Instant};
use callback_domain::id::{DeliveryId, ServiceId, WebhookId};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::{Builder, Uuid};

use crate::ledger::{Line, Subject};

pub use message::{Outgoing, Request};
pub use order::{Order, Reply, Standing};
pub use secret::Secret;

/// What a trial delivery is called.
pub const PING: &str = "Ping";

/// A subscription to events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// Its identity.
    pub id: WebhookId,
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
    /// Since when, for lines that were written before.
    pub enabled_at: Instant,
    /// Why it was disabled, when nobody did it.
    pub disabled_reason: Option<String>,
    /// When it was disabled.
    pub disabled_at: Option<Instant>,
    /// The first failure since the last success.
    pub failing_since: Option<Instant>,
    /// What deliveries are signed with.
    pub secret: Secret,
    /// The secret before, and until when deliveries are signed with it too.
    pub previous_secret: Option<(Secret, Instant)>,
    /// A repetition that was asked for and is not through.
    pub replay: Option<Replay>,
    /// Removed; only its deliveries are still to go.
    pub removed: bool,
    /// When it was made.
    pub created_at: Instant,
    /// When it was last changed.
    pub updated_at: Instant,
    /// Rises with each change.
    pub version: u64,
}

/// Lines of the ledger that are handed out once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replay {
    /// Lines from this instant on.
    pub since: Instant,
    /// How far it has come.
    pub after: u64,
    /// The last line; what follows is handed out anyway.
    pub until: u64,
}

impl Webhook {
    /// Whether a line is sent to it at all.
    #[must_use]
    pub fn wants(&self, line: &Line) -> bool {
        let among = |services: &BTreeSet<ServiceId>| {
            line.service.is_some_and(|service| services.contains(&service))
        };
        self.events.as_ref().is_none_or(|events| events.contains(&line.what))
            && self.services.as_ref().is_none_or(among)
    }

    /// Whether deliveries are made and sent.
    #[must_use]
    pub const fn is_active(&self) -> bool {
        self.enabled && !self.removed
    }

    /// The secrets that deliveries are signed with at an instant.
    pub fn secrets(&self, now: Instant) -> Vec<Secret> {
        let previous = self.previous_secret.iter().filter(|(_, until)| *until > now);
        std::iter::once(&self.secret).chain(previous.map(|(secret, _)| secret)).cloned().collect()
    }
}

/// How far a delivery has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum DeliveryState {
    /// It is to be sent, or being sent.
    Pending,
    /// The receiver has acknowledged it.
    Delivered,
    /// It was given up.
    Failed,
}

impl DeliveryState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Delivered, Self::Failed];

    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Delivered => "Delivered",
            Self::Failed => "Failed",
        }
    }
}

/// One event on its way to one subscriber.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Its identity, which the receiver sees; the same whenever the same line is sent again.
    pub id: DeliveryId,
    /// To whom.
    pub webhook: WebhookId,
    /// The line of the ledger; 0 for a trial.
    pub sequence: u64,
    /// What it is about; deliveries of one subject are sent in the order of their lines.
    pub subject: Subject,
    /// What happened.
    pub event: String,
    /// When that was.
    pub at: Instant,
    /// How far it has come.
    pub state: DeliveryState,
    /// Whether it is the first that is pending of its subject, which alone may be sent.
    pub front: bool,
    /// When it is sent next; while it is being sent, when its lease lapses.
    pub due: Instant,
    /// Held by whoever sends it.
    pub lease: Option<Uuid>,
    /// How often it was sent.
    pub attempts: u32,
    /// When it is given up; set by the first attempt.
    pub give_up_at: Option<Instant>,
    /// What became of the last attempt.
    pub last: Option<Posted>,
    /// When it was made.
    pub created_at: Instant,
    /// When it was delivered or given up.
    pub settled_at: Option<Instant>,
}

impl Delivery {
    /// A line on its way, due at once.
    #[must_use]
    pub fn of(line: &Line, webhook: WebhookId, now: Instant) -> Self {
        let id = delivery_id(webhook, line.sequence);
        Self::pending(id, webhook, line.sequence, (line.subject, &line.what, line.at), now)
    }

    /// A trial, due at once.
    #[must_use]
    pub fn ping(id: DeliveryId, webhook: WebhookId, now: Instant) -> Self {
        Self::pending(id, webhook, 0, (Subject::Webhook(webhook), PING, now), now)
    }

    fn pending(
        id: DeliveryId,
        webhook: WebhookId,
        sequence: u64,
        (subject, event, at): (Subject, &str, Instant),
        now: Instant,
    ) -> Self {
        Self {
            id,
            webhook,
            sequence,
            subject,
            event: event.to_owned(),
            at,
            state: DeliveryState::Pending,
            front: false,
            due: now,
            lease: None,
            attempts: 0,
            give_up_at: None,
            last: None,
            created_at: now,
            settled_at: None,
        }
    }

    /// Whether it is a trial rather than a line of the ledger.
    #[must_use]
    pub const fn is_ping(&self) -> bool {
        self.sequence == 0
    }

    /// Where it stands among those of its subject.
    #[must_use]
    pub const fn order(&self) -> (u64, DeliveryId) {
        (self.sequence, self.id)
    }
}

/// The id under which a line is sent to a subscriber, now and whenever it is sent again.
fn delivery_id(webhook: WebhookId, sequence: u64) -> DeliveryId {
    let mut digest = Sha256::new();
    digest.update(webhook.0.as_bytes());
    digest.update(sequence.to_be_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.finalize()[..16]);
    DeliveryId(Builder::from_custom_bytes(bytes).into_uuid())
}

/// What became of one attempt at a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posted {
    /// The status that was answered; `None` when nothing was.
    pub status: Option<u16>,
    /// The beginning of the answer, or why there was none.
    pub detail: String,
    /// Seconds for which the receiver asks to be left alone.
    pub retry_after_seconds: Option<u32>,
}

impl Posted {
    /// Whether the receiver has acknowledged.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        matches!(self.status, Some(200..=299))
    }

    /// Whether the receiver wants nothing any more.
    #[must_use]
    pub const fn is_gone(&self) -> bool {
        matches!(self.status, Some(410))
    }
}

/// Sends one request; the only thing here that touches a network.
#[async_trait]
pub trait Post: Send + Sync + 'static {
    /// Sends it, within a time of its own, and says what became of it.
    async fn post(&self, request: Request) -> Posted;
}

/// How deliveries are repeated, and when they are given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Seconds until the first repetition; they double with each.
    pub first_pause_seconds: u32,
    /// The longest pause, in seconds.
    pub longest_pause_seconds: u32,
    /// Seconds from the first attempt after which a delivery is given up.
    pub give_up_seconds: u32,
    /// Seconds without a success after which a failing subscription is disabled.
    pub disable_seconds: u32,
    /// Seconds for which a delivery is its sender's; longer than any attempt.
    pub lease_seconds: u32,
    /// Seconds for which what was delivered or given up is kept.
    pub keep_seconds: u32,
    /// Deliveries that one process sends to one subscription at a time.
    pub at_once: usize,
}

impl Default for Policy {
    fn default() -> Self {
        const HOUR: u32 = 3_600;
        const DAY: u32 = 24 * HOUR;
        Self {
            first_pause_seconds: 5,
            longest_pause_seconds: 6 * HOUR,
            give_up_seconds: 3 * DAY,
            disable_seconds: 5 * DAY,
            lease_seconds: 30,
            keep_seconds: 7 * DAY,
            at_once: 8,
        }
    }
}

impl Policy {
    /// The pause after so many attempts, with up to a quarter more by chance (`0..=255`).
    #[must_use]
    pub fn pause(&self, attempts: u32, chance: u8) -> TimeDelta {
        let doublings = attempts.saturating_sub(1).min(31);
        let seconds = u64::from(self.first_pause_seconds).saturating_mul(1 << doublings);
        let seconds = seconds.min(u64::from(self.longest_pause_seconds));
        let millis = seconds.saturating_mul(1_000);
        let more = millis.saturating_mul(u64::from(chance)) / 1_020;
        TimeDelta::milliseconds(i64::try_from(millis.saturating_add(more)).unwrap_or(i64::MAX))
    }

    /// When a failed delivery is sent next; `None` gives it up.
    #[must_use]
    pub fn next(
        &self,
        delivery: &Delivery,
        posted: &Posted,
        now: Instant,
        chance: u8,
    ) -> Option<Instant> {
        let asked = posted.retry_after_seconds.unwrap_or(0).min(self.longest_pause_seconds);
        let pause = self.pause(delivery.attempts, chance);
        let next = date::add(now, pause.max(TimeDelta::seconds(i64::from(asked))));
        let in_time = delivery.give_up_at.is_none_or(|end| next <= end);
        (in_time && !posted.is_gone() && !delivery.is_ping()).then_some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_vary_by_a_quarter() {
        let policy = Policy { longest_pause_seconds: 60, ..Policy::default() };
        let seconds: Vec<i64> = (1..7).map(|n| policy.pause(n, 0).num_seconds()).collect();
        assert_eq!(seconds, [5, 10, 20, 40, 60, 60]);
        assert_eq!(policy.pause(1, 255).num_milliseconds(), 6_250);
        assert_eq!(policy.pause(u32::MAX, 0).num_seconds(), 60);
    }

    #[test]
    fn a_line_has_one_id_for_each_subscriber() {
        let (one, other) = (WebhookId::from_u128(1), WebhookId::from_u128(2));
        assert_eq!(delivery_id(one, 7), delivery_id(one, 7));
        assert_ne!(delivery_id(one, 7), delivery_id(one, 8));
        assert_ne!(delivery_id(one, 7), delivery_id(other, 7));
    }
}
