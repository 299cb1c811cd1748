//! Attempts: each try to reach a customer has a life of its own, from *requested* to its one *ended*.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::date::{self, Instant};
use crate::defaults;
use crate::id::{AgentId, AttemptId, CallbackId, NodeId, ServiceId};
use crate::priority::UnknownName;
use crate::target::{Target, TargetKey};

macro_rules! outcomes {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// How an attempt came out.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Outcome { $($(#[$doc])* $name),+ }

        impl Outcome {
            /// Every outcome.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The name on the wire.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),+ }
            }
        }
    };
}

outcomes! {
    /// They spoke.
    Completed,
    /// The customer's line was busy.
    Busy,
    /// The customer did not answer.
    NoAnswer,
    /// The customer declined the call.
    Rejected,
    /// The customer's line could not be reached.
    Unreachable,
    /// A machine answered.
    Voicemail,
    /// There is no such number.
    InvalidTarget,
    /// The customer wants no calls.
    OptedOut,
    /// The agent's phone did not answer, or the agent left while the customer's rang.
    AgentUnavailable,
    /// A fault of the driver, the route, the media or the configuration.
    Failed,
    /// Nobody knows what became of it.
    Lost,
    /// It was stopped.
    Cancelled,
    /// It was lost in conversation.
    Unknown,
}

impl Outcome {
    /// Whether it uses up one of the callback's retries.
    #[must_use]
    pub const fn consumes_retry(self) -> bool {
        match self {
            Self::Busy
            | Self::NoAnswer
            | Self::Rejected
            | Self::Unreachable
            | Self::Voicemail
            | Self::Lost => true,
            Self::Completed
            | Self::InvalidTarget
            | Self::OptedOut
            | Self::AgentUnavailable
            | Self::Failed
            | Self::Cancelled
            | Self::Unknown => false,
        }
    }

    /// Whether the outcome shows that the customer's leg had been requested.
    #[must_use]
    pub const fn shows_customer_leg(self) -> bool {
        match self {
            Self::Completed
            | Self::Busy
            | Self::NoAnswer
            | Self::Rejected
            | Self::Unreachable
            | Self::Voicemail
            | Self::InvalidTarget
            | Self::OptedOut
            | Self::Lost
            | Self::Unknown => true,
            Self::AgentUnavailable | Self::Failed | Self::Cancelled => false,
        }
    }

    /// Whether an agent may report it; the others are the machine's own findings.
    #[must_use]
    pub const fn reportable(self) -> bool {
        match self {
            Self::Completed
            | Self::Busy
            | Self::NoAnswer
            | Self::Rejected
            | Self::Unreachable
            | Self::Voicemail
            | Self::InvalidTarget
            | Self::OptedOut
            | Self::AgentUnavailable
            | Self::Failed => true,
            Self::Lost | Self::Cancelled | Self::Unknown => false,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Outcome {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().copied().find(|outcome| outcome.name() == text).ok_or(UnknownName {
            expected: "Completed, Busy, NoAnswer, Rejected, Unreachable, Voicemail, InvalidTarget, OptedOut, AgentUnavailable, Failed, Lost, Cancelled, Unknown",
        })
    }
}

/// What a new attempt needs from outside the machine: its identity and who will place it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// Its identity, fresh.
    pub attempt: AttemptId,
    /// The process that will drive it.
    pub node: NodeId,
    /// The driver that will place it.
    pub driver: String,
    /// What the driver can do.
    pub caps: DriverCaps,
}

/// What a driver of calls can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DriverCaps {
    /// It places calls itself: it rings the agent's phone, then the customer's.
    pub places_calls: bool,
    /// It reports how a call goes on.
    pub reports_progress: bool,
    /// It can end a call that was placed.
    pub can_cancel: bool,
    /// Its calls outlive a restart of the process, and it can be asked about them.
    pub survives_restart: bool,
    /// A person dials and reports; there is nobody to ask after a restart.
    pub human_reports: bool,
}

/// What was decided about an attempt; it may still be open while its stop is carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Verdict {
    /// The outcome.
    pub outcome: Outcome,
    /// When it was decided.
    pub at: Instant,
    /// In words, from the agent or the driver.
    pub detail: Option<String>,
}

/// A durable order to end a call; repeated until the attempt has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Stop {
    /// When it was ordered.
    pub at: Instant,
    /// Why.
    pub why: String,
}

/// One try to reach a customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Attempt {
    /// Its identity; no driver ever dials one twice.
    pub id: AttemptId,
    /// The callback it belongs to.
    pub callback: CallbackId,
    /// 1 for the first of the callback.
    pub number: u32,
    /// The callback's service.
    pub service: ServiceId,
    /// Whose phone rings first.
    pub agent: AgentId,
    /// The address called.
    pub target: Target,
    /// The caller id presented.
    pub caller_id: Option<String>,
    /// The process that drives it.
    pub node: NodeId,
    /// The driver that places it.
    pub driver: String,
    /// What that driver can do.
    pub caps: DriverCaps,
    /// How long the agent's phone may ring.
    pub agent_ring_in_seconds: u32,
    /// How long the customer's phone may ring.
    pub customer_ring_in_seconds: u32,
    /// When the callback had come to its place in the queue.
    pub queued_at: Instant,
    /// When it was written, before the driver was told.
    pub requested_at: Instant,
    /// When the customer's leg was requested.
    pub customer_requested_at: Option<Instant>,
    /// When the customer's phone began to ring.
    pub customer_ringing_at: Option<Instant>,
    /// When both were connected.
    pub connected_at: Option<Instant>,
    /// What was decided about it.
    pub verdict: Option<Verdict>,
    /// The order to end it.
    pub stop: Option<Stop>,
    /// When it ended; open until then.
    pub ended_at: Option<Instant>,
    /// The number of the driver's last report that was taken.
    pub last_report: u32,
    /// Opaque notes of the driver for a resume.
    pub journal: Vec<u8>,
}

impl Attempt {
    /// Whether a phone may still be ringing or off the hook for it.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.ended_at.is_none()
    }

    /// Who is the customer.
    #[must_use]
    pub fn key(&self) -> TargetKey {
        self.target.key()
    }

    /// When an attempt that was told to stop is given up, although its end was never reported:
    /// both phones' ringing times and a grace after the order.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let stop = self.stop.as_ref().filter(|_| self.is_open())?;
        let ringing = if self.connected_at.is_some() {
            0
        } else {
            i64::from(self.agent_ring_in_seconds) + i64::from(self.customer_ring_in_seconds)
        };
        Some(date::add_seconds(stop.at, ringing + i64::from(defaults::STOP_GRACE_SECONDS)))
    }

    /// Writes the verdict, unless there is one.
    pub fn decide(&mut self, outcome: Outcome, detail: Option<String>, now: Instant) {
        if self.verdict.is_none() {
            self.verdict = Some(Verdict { outcome, at: now, detail });
        }
    }

    /// Orders the end of the call, once.
    /// A call that a person dialled ends with the order: there is nothing else to wait for.
    pub fn request_stop(&mut self, why: &str, now: Instant) {
        if !self.is_open() {
            return;
        }
        if self.stop.is_none() {
            self.stop = Some(Stop { at: now, why: why.into() });
        }
        if self.caps.human_reports {
            self.end(now);
        }
    }

    /// Writes the end, once.
    pub fn end(&mut self, now: Instant) {
        if self.ended_at.is_none() {
            self.ended_at = Some(now.max(self.requested_at));
        }
    }

    /// The outcome, once decided.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        self.verdict.as_ref().map(|verdict| verdict.outcome)
    }
}
