//! The ledger: one line for each accepted step, written in the step's own transaction.

use callback_domain::callback::PhaseName;
use callback_domain::date::Instant;
use callback_domain::id::{AgentId, CallbackId, KeyId, ServiceId, WebhookId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

mod wire;

pub use wire::{EventDto, LineDto};

/// What happens to services, users, webhooks and keys; what happens to callbacks is the domain's to
/// name.
pub const DIRECTORY_EVENTS: [&str; 18] = [
    "ServiceCreated",
    "ServiceEdited",
    "ServiceDeleted",
    "UserCreated",
    "UserEdited",
    "UserDeleted",
    "PresenceChosen",
    "RonaSet",
    "RonaReset",
    "AfterCallWorkEnded",
    "WebhookCreated",
    "WebhookEdited",
    "WebhookSecretRotated",
    "WebhookDisabled",
    "WebhookDeleted",
    "KeyCreated",
    "KeyRevoked",
    "PersonErased",
];

/// What a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Subject {
    /// A callback.
    Callback(CallbackId),
    /// A service.
    Service(ServiceId),
    /// A user.
    User(AgentId),
    /// A subscription to events.
    Webhook(WebhookId),
    /// An access key.
    Key(KeyId),
    /// The erasure of a person's data.
    Erasure(Uuid),
}

impl Subject {
    /// The kind on the wire.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Callback(_) => "Callback",
            Self::Service(_) => "Service",
            Self::User(_) => "User",
            Self::Webhook(_) => "Webhook",
            Self::Key(_) => "Key",
            Self::Erasure(_) => "Erasure",
        }
    }

    /// Which of its kind.
    #[must_use]
    pub const fn id(self) -> Uuid {
        match self {
            Self::Callback(CallbackId(id))
            | Self::Service(ServiceId(id))
            | Self::User(AgentId(id))
            | Self::Webhook(WebhookId(id))
            | Self::Key(KeyId(id))
            | Self::Erasure(id) => id,
        }
    }
}

/// Who caused a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Actor {
    /// A caller of the API, by the name of the access key.
    Api(String),
    /// The agent whose task it is.
    Agent(AgentId),
    /// The dispatcher.
    Dispatcher,
    /// The clock.
    Timer,
    /// A driver of calls, by its name.
    Driver(String),
    /// The operator, by configuration or command line.
    Operator,
}

impl Actor {
    /// The actor in words, as the ledger shows it.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::Api(name) => format!("api:{name}"),
            Self::Agent(agent) => format!("agent:{agent}"),
            Self::Dispatcher => "dispatcher".to_owned(),
            Self::Timer => "timer".to_owned(),
            Self::Driver(name) => format!("driver:{name}"),
            Self::Operator => "operator".to_owned(),
        }
    }
}

/// One line of the ledger.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// Its number, rising; 0 until the store gives one.
    pub sequence: u64,
    /// What it is about.
    pub subject: Subject,
    /// The service it concerns, for filters; `None` for users and keys.
    pub service: Option<ServiceId>,
    /// When.
    pub at: Instant,
    /// What happened, PascalCase.
    pub what: String,
    /// The phase before, for callbacks.
    pub from: Option<PhaseName>,
    /// The phase after, for callbacks.
    pub to: Option<PhaseName>,
    /// Who caused it, as [`Actor::label`] gives it.
    pub actor: String,
    /// Facts by wire name.
    pub details: Map<String, Value>,
}
