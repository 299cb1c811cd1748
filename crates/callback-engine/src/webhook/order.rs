//! What can be done about webhooks, as data.

use std::collections::{BTreeMap, BTreeSet};

use callback_domain::date::Instant;
use callback_domain::dto::WebhookRequest;
use callback_domain::id::{DeliveryId, WebhookId};
use uuid::Uuid;

use super::{Delivery, DeliveryState, Outgoing, Policy, Posted, Webhook};

/// What is to be done about subscriptions and deliveries.
#[derive(Clone, Debug)]
pub enum Order {
    /// Lists subscriptions.
    List,
    /// Reads a subscription.
    Read(WebhookId),
    /// Makes a subscription.
    Create(WebhookRequest),
    /// Replaces what is configured of a subscription.
    Replace {
        /// Which.
        webhook: WebhookId,
        /// Its new form.
        request: WebhookRequest,
        /// Only in this version.
        if_version: Option<u64>,
    },
    /// Removes a subscription with its deliveries.
    Delete(WebhookId),
    /// Makes a new secret; the one before is used beside it for so many seconds.
    Rotate {
        /// Which.
        webhook: WebhookId,
        /// Seconds.
        overlap_seconds: u32,
    },
    /// Sends a trial.
    Ping(WebhookId),
    /// Lists deliveries, newest first.
    Deliveries {
        /// Of which subscription.
        webhook: WebhookId,
        /// Only in this state.
        state: Option<DeliveryState>,
        /// Only those made before this one.
        before: Option<(Instant, DeliveryId)>,
        /// At most so many.
        limit: usize,
    },
    /// Sends a delivery again.
    Resend {
        /// Of which subscription.
        webhook: WebhookId,
        /// Which.
        delivery: DeliveryId,
    },
    /// Hands lines of the ledger out once more.
    Replay {
        /// To which subscription.
        webhook: WebhookId,
        /// Lines from this instant on.
        since: Instant,
    },
    /// How the deliveries stand.
    Standing,

    /// Hands out the next lines of the ledger.
    HandOut {
        /// At most so many lines.
        limit: usize,
    },
    /// Takes deliveries that are due.
    Claim {
        /// How many of each subscription are being sent by this process.
        busy: BTreeMap<WebhookId, usize>,
        /// How many, and for how long.
        policy: Policy,
    },
    /// Lets go what a process that is gone held.
    Release,
    /// Notes what became of an attempt.
    Settle {
        /// Which delivery.
        delivery: DeliveryId,
        /// The lease under which it was sent.
        lease: Uuid,
        /// What became of it.
        posted: Posted,
        /// What follows.
        policy: Policy,
    },
    /// Removes what was settled before an instant.
    Purge {
        /// The instant.
        before: Instant,
        /// At most so many.
        limit: usize,
    },
}

impl Order {
    /// Whether it changes nothing.
    #[must_use]
    pub const fn only_looks(&self) -> bool {
        match self {
            Self::List | Self::Read(_) | Self::Deliveries { .. } | Self::Standing => true,
            Self::Create(_)
            | Self::Replace { .. }
            | Self::Delete(_)
            | Self::Rotate { .. }
            | Self::Ping(_)
            | Self::Resend { .. }
            | Self::Replay { .. }
            | Self::HandOut { .. }
            | Self::Claim { .. }
            | Self::Release
            | Self::Settle { .. }
            | Self::Purge { .. } => false,
        }
    }
}

/// What such an order answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// A subscription.
    Webhook(Box<Webhook>),
    /// Subscriptions, in the order in which they were made.
    Webhooks(Vec<Webhook>),
    /// A delivery.
    Delivery(Box<Delivery>),
    /// Deliveries, newest first.
    Deliveries(Vec<Delivery>),
    /// How the deliveries stand.
    Standing(Standing),
    /// Lines were handed out.
    HandedOut {
        /// Whether there are more.
        more: bool,
        /// Whether anybody wants any.
        wanted: bool,
    },
    /// Deliveries to be sent.
    Claimed {
        /// Which.
        outgoing: Vec<Outgoing>,
        /// When the next of a subscription with room is due.
        next: Option<Instant>,
    },
    /// An attempt was noted.
    Settled {
        /// The subscription that it has disabled.
        disabled: Option<WebhookId>,
    },
    /// How many were removed, or let go.
    Removed(usize),
}

/// How the deliveries stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Deliveries that are not settled, counted up to a limit.
    pub pending: u64,
    /// When the oldest event happened that is still to reach somebody.
    pub oldest: Option<Instant>,
    /// Subscriptions that take part.
    pub active: BTreeSet<WebhookId>,
}
