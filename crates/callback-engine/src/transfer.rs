//! An installation as records that every store reads and writes alike, so that it can be copied
//! from one store to another.
//!
//! A record is a value of the domain with what a store keeps beside it and cannot compute.
//! Its canonical form is its JSON as this program writes it, whatever the store keeps it as, so
//! two stores hold the same when the checksums over their records agree.

mod checksum;
mod copying;

use std::fmt;

use async_trait::async_trait;
use callback_domain::agent::Agent;
use callback_domain::attempt::Attempt;
use callback_domain::callback::Callback;
use callback_domain::date::Instant;
use callback_domain::id::{CallbackId, NodeId, ServiceId};
use callback_domain::picking::Passes;
use callback_domain::service::Service;
use callback_domain::target::TargetKey;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::access;
use crate::ledger::Line;
use crate::route::Route;
use crate::store::{Claim, Remembered, StoreError};
use crate::suppression::Suppression;
use crate::webhook::{Delivery, Webhook};

pub use checksum::Tally;
pub use copying::{Compared, CopyError, Doing, Options, Outcome, Seen, copy};

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal,)+) => {
        /// The kinds of records, in the order in which they are copied.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Kind { $($(#[$doc])* $kind,)+ }

        impl Kind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$kind,)+];

            /// Its name, for people.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)+ }
            }
        }
    };
}

kinds! {
    /// The identity of the installation.
    Installation = "installation",
    /// Services.
    Services = "services",
    /// The passes of each service's queue.
    Passes = "passes",
    /// Services whose deadlines are being computed anew.
    Recalculations = "recalculations",
    /// Users, with their services.
    Agents = "users",
    /// Callbacks, with their readiness.
    Callbacks = "callbacks",
    /// Who holds which line.
    Claims = "claims",
    /// When the gates of lines are looked at again.
    KeyWakes = "key wakes",
    /// Attempts.
    Attempts = "attempts",
    /// The suppression list.
    Suppressions = "suppressions",
    /// The standing of routes.
    Routes = "routes",
    /// The leases of nodes.
    Nodes = "nodes",
    /// Answers under idempotency keys.
    Remembered = "remembered answers",
    /// Access keys.
    AccessKeys = "access keys",
    /// Subscriptions to events.
    Webhooks = "webhooks",
    /// What is on its way to them.
    Deliveries = "deliveries",
    /// How far the ledger was handed out to them.
    Outbox = "outbox",
    /// The ledger.
    Ledger = "ledger",
    /// The last numbers that were given out.
    Sequences = "sequences",
}

/// What gives out rising numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Sequence {
    /// The ledger.
    Ledger,
    /// The suppression list.
    Suppressions,
}

impl Sequence {
    /// Every one.
    pub const ALL: [Self; 2] = [Self::Ledger, Self::Suppressions];
}

/// One record of an installation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Record {
    /// The identity of the installation.
    Installation(Uuid),
    /// A service.
    Service(Box<Service>),
    /// The passes of a service's queue; one for each service.
    Passes(ServiceId, Passes),
    /// How far a recalculation has come.
    Recalculation(ServiceId, Option<CallbackId>),
    /// A user.
    Agent(Box<Agent>),
    /// A callback, and whether it is ready, which hangs on the rest of its line.
    Callback(Box<Callback>, bool),
    /// Who holds a line.
    Claim(TargetKey, Claim),
    /// When the gate of a line is looked at again.
    KeyWake(TargetKey, Instant),
    /// An attempt.
    Attempt(Box<Attempt>),
    /// An entry of the suppression list under its number.
    Suppression(u64, Box<Suppression>),
    /// The standing of a route.
    Route(String, Route),
    /// Until when a node lives.
    Node(NodeId, Instant),
    /// What was answered to a principal under a key.
    Remembered(String, String, Box<Remembered>),
    /// An access key, without its secret.
    AccessKey(Box<access::Key>),
    /// A subscription to events.
    Webhook(Box<Webhook>),
    /// One event on its way.
    Delivery(Box<Delivery>),
    /// The last line of the ledger that was handed out.
    Outbox(u64),
    /// A line of the ledger.
    Line(Box<Line>),
    /// The last number that was given out, 0 before the first.
    Sequence(Sequence, u64),
}

/// What orders the records of a kind: bytewise, alike on every store.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Key {
    /// An identity.
    Id(Uuid),
    /// A text.
    Text(String),
    /// A text, then another.
    Pair(String, String),
    /// A number.
    Number(u64),
}

impl Record {
    /// The key of this record among those of its kind.
    #[must_use]
    pub fn key(&self) -> Key {
        match self {
            Self::Installation(id) => Key::Id(*id),
            Self::Service(service) => Key::Id(service.id.0),
            Self::Passes(service, _) | Self::Recalculation(service, _) => Key::Id(service.0),
            Self::Agent(agent) => Key::Id(agent.id.0),
            Self::Callback(callback, _) => Key::Id(callback.id.0),
            Self::Claim(key, _) | Self::KeyWake(key, _) => Key::Text(key.as_str().to_owned()),
            Self::Attempt(attempt) => Key::Id(attempt.id.0),
            Self::Suppression(number, _) => Key::Number(*number),
            Self::Route(name, _) => Key::Text(name.clone()),
            Self::Node(node, _) => Key::Id(node.0),
            Self::Remembered(principal, key, _) => Key::Pair(principal.clone(), key.clone()),
            Self::AccessKey(key) => Key::Id(key.id.0),
            Self::Webhook(webhook) => Key::Id(webhook.id.0),
            Self::Delivery(delivery) => Key::Id(delivery.id.0),
            Self::Outbox(sequence) => Key::Number(*sequence),
            Self::Line(line) => Key::Number(line.sequence),
            Self::Sequence(sequence, _) => Key::Number(match sequence {
                Sequence::Ledger => 1,
                Sequence::Suppressions => 2,
            }),
        }
    }
}

/// How far a copy has come; kept in the target, written with each batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The identity of the source.
    pub installation: Uuid,
    /// The source in words.
    pub source: String,
    /// What the source shows while nobody works on it.
    pub stamp: String,
    /// What is to be done next.
    pub stage: Stage,
}

/// What a copy has to do next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// Records of a kind are to be written.
    Copying {
        /// The kind.
        kind: Kind,
        /// The last record that is written.
        after: Option<Key>,
        /// How many are written.
        records: u64,
    },
    /// Everything is written, and is to be compared.
    Comparing,
    /// Everything was found equal: the target may be used.
    Complete,
}

impl Progress {
    /// The progress as a store keeps it.
    #[must_use]
    pub fn to_text(&self) -> String {
        // Its keys are text, so there is nothing in it that JSON cannot say.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What [`to_text`](Self::to_text) wrote; the reason in words when it cannot be that.
    ///
    /// # Errors
    /// When the text was written by something else, such as a newer program.
    pub fn from_text(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    /// Where a copy came from that is in the way of using a store, in words; `None` when none is.
    #[must_use]
    pub fn unfinished(text: &str) -> Option<String> {
        match Self::from_text(text) {
            Ok(progress) if progress.stage == Stage::Complete => None,
            Ok(progress) => Some(progress.source),
            Err(cause) => Some(format!("a source that is not readable ({cause})")),
        }
    }
}

/// Which end of a copy a store is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It is read, as it is at one instant.
    Source,
    /// It is written.
    Target,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Source => "source",
            Self::Target => "target",
        })
    }
}

/// A store as one end of a copy.
#[async_trait]
pub trait Endpoint: Send {
    /// Keeps everybody else from writing, for as long as this value lives.
    async fn hold(&mut self, end: End) -> Result<(), StoreError>;

    /// A node whose lease has not lapsed, where several may use a store.
    async fn live_node(&mut self) -> Result<Option<(NodeId, Instant)>, StoreError>;

    /// About how many records of a kind there are.
    async fn count(&mut self, kind: Kind) -> Result<u64, StoreError>;

    /// Up to `limit` records of a kind after a key, by key; fewer only when there are no more.
    async fn page(
        &mut self,
        kind: Kind,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError>;

    /// What was noted with the last batch, `None` when nothing was ever copied here.
    async fn progress(&mut self) -> Result<Option<Progress>, StoreError>;

    /// Removes what an unused store holds and a copy does not want, and notes that one has begun.
    async fn begin(&mut self, progress: &Progress) -> Result<(), StoreError>;

    /// Writes new records and notes how far that goes, in one transaction.
    async fn put(&mut self, records: Vec<Record>, progress: &Progress) -> Result<(), StoreError>;
}
