//! Where a callback stands, with the facts of each phase, and the names that are told of it.

use serde::{Deserialize, Serialize};

use super::{Budget, Wait};
use crate::date::Instant;
use crate::id::{AgentId, AttemptId, LeaseToken};

/// The four states of the LUCS API; derived from the phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum State {
    /// Not yet due.
    Pending,
    /// Waiting, or offered to an agent.
    InQueue,
    /// In an agent's hands.
    Processing,
    /// Over.
    Terminated,
}

impl State {
    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::InQueue => "InQueue",
            Self::Processing => "Processing",
            Self::Terminated => "Terminated",
        }
    }
}

/// The phases without their facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PhaseName {
    /// Not yet due.
    Pending,
    /// Waiting in the queue.
    InQueue,
    /// Offered to an agent.
    Offered,
    /// The agent reads it.
    Preview,
    /// The phones ring.
    Dialout,
    /// They speak.
    Connected,
    /// Over.
    Terminated,
}

impl PhaseName {
    /// Every phase, in the order of a callback's life.
    pub const ALL: [Self; 7] = [
        Self::Pending,
        Self::InQueue,
        Self::Offered,
        Self::Preview,
        Self::Dialout,
        Self::Connected,
        Self::Terminated,
    ];

    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::InQueue => "InQueue",
            Self::Offered => "Offered",
            Self::Preview => "Preview",
            Self::Dialout => "Dialout",
            Self::Connected => "Connected",
            Self::Terminated => "Terminated",
        }
    }

    /// The state that the LUCS API shows for this phase.
    #[must_use]
    pub const fn state(self) -> State {
        match self {
            Self::Pending => State::Pending,
            Self::InQueue | Self::Offered => State::InQueue,
            Self::Preview | Self::Dialout | Self::Connected => State::Processing,
            Self::Terminated => State::Terminated,
        }
    }
}

/// Why a callback is over; exactly one, always.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TerminationReason {
    /// They spoke.
    Completed,
    /// Somebody cancelled it.
    Cancelled,
    /// The allowed wait was used up.
    QueueTimeExceeded,
    /// Every allowed attempt was made.
    RetriesExhausted,
    /// There is no such number.
    InvalidTarget,
    /// The customer wants no calls.
    OptedOut,
    /// The customer was helped in another way.
    FulfilledElsewhere,
}

impl TerminationReason {
    /// Every reason.
    pub const ALL: [Self; 7] = [
        Self::Completed,
        Self::Cancelled,
        Self::QueueTimeExceeded,
        Self::RetriesExhausted,
        Self::InvalidTarget,
        Self::OptedOut,
        Self::FulfilledElsewhere,
    ];

    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Completed => "Completed",
            Self::Cancelled => "Cancelled",
            Self::QueueTimeExceeded => "QueueTimeExceeded",
            Self::RetriesExhausted => "RetriesExhausted",
            Self::InvalidTarget => "InvalidTarget",
            Self::OptedOut => "OptedOut",
            Self::FulfilledElsewhere => "FulfilledElsewhere",
        }
    }
}

/// Whose phone an attempt waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Leg {
    /// The agent's, which rings first.
    Agent,
    /// The customer's.
    Customer,
}

/// A task in an agent's hands, proven by its token and kept alive by heartbeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Whose task it is.
    pub agent: AgentId,
    /// The proof.
    pub token: LeaseToken,
    /// When it is lost, unless extended.
    pub until: Instant,
}

/// Where a callback stands; each phase owns its facts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase")]
pub enum Phase {
    /// Waits for its due date.
    Pending,
    /// Waits for an agent.
    InQueue {
        /// What orders it among its equals, with its id.
        place: Instant,
        /// The running wait.
        wait: Wait,
        /// The only agent who may have it, until the hold is over.
        held_for: Option<AgentId>,
        /// Not offered before this, after a failed attempt.
        not_before: Option<Instant>,
    },
    /// An agent is asked to take it.
    Offered {
        /// Its place, should it come back.
        place: Instant,
        /// The running wait.
        wait: Wait,
        /// The only agent who may have it, until the hold is over.
        held_for: Option<AgentId>,
        /// Who is asked.
        agent: AgentId,
        /// The proof of the offer.
        token: LeaseToken,
        /// When the agent counts as not answering.
        until: Instant,
    },
    /// The agent reads it before the call.
    Preview {
        /// Its place, should it come back.
        place: Instant,
        /// What was left of the wait when it stopped.
        budget: Budget,
        /// Whose task it is.
        lease: Lease,
        /// When the call is placed without being asked.
        until: Instant,
    },
    /// The call is being placed.
    Dialout {
        /// Its place, should it come back.
        place: Instant,
        /// What was left of the wait when it stopped.
        budget: Budget,
        /// Whose task it is.
        lease: Lease,
        /// The attempt that rings.
        attempt: AttemptId,
        /// Whose phone is awaited.
        leg: Leg,
        /// How long.
        until: Instant,
    },
    /// They speak.
    Connected {
        /// Whose task it is.
        lease: Lease,
        /// The attempt that connected them.
        attempt: AttemptId,
        /// Since when.
        since: Instant,
    },
    /// Over, for good.
    Terminated {
        /// Why.
        reason: TerminationReason,
        /// When.
        at: Instant,
    },
}
