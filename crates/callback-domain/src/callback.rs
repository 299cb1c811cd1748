//! The callback: the promise, and the phase it is in.

mod phase;
mod wait;

use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::attempt::Outcome;
use crate::date::Instant;
use crate::hours::OpeningHours;
use crate::id::{AgentId, AttemptId, CallbackId, LeaseToken, ServiceId};
use crate::picking::OrderKey;
use crate::priority::Priority;
use crate::target::{SipAddress, Target, TargetKey};

pub use phase::{Lease, Leg, Phase, PhaseName, State, TerminationReason};
pub use wait::{Budget, Wait};

/// Who made a callback.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Creator {
    /// A caller of the API.
    #[default]
    #[serde(rename = "API")]
    Api,
    /// The front end, for a supervisor.
    WebService,
    /// A workflow.
    WfActivity,
}

impl Creator {
    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Api => "API",
            Self::WebService => "WebService",
            Self::WfActivity => "WfActivity",
        }
    }
}

/// The move that ended a lease, kept so that its repetition is recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// The token it was made with.
    pub token: LeaseToken,
    /// Which move it was.
    pub by: Move,
}

/// The moves of an agent or dialler that end a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Move {
    /// The offer was declined.
    Decline,
    /// The call was hung up.
    HangUp,
    /// An outcome was reported.
    Outcome(Outcome),
}

/// Whom a callback is for first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preferred {
    /// The address that was asked for.
    pub sip_uri: SipAddress,
    /// The user it belongs to.
    pub agent: AgentId,
}

/// A customer's wish to be called, complete and checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Callback {
    /// Its identity.
    pub id: CallbackId,
    /// Who made it.
    pub creator: Creator,
    /// The supervisor who made it in the front end.
    pub initiator: Option<String>,
    /// The session it came from.
    pub initiating_session_id: Option<String>,
    /// The service that calls back.
    pub service: ServiceId,
    /// The customer's address.
    pub target: Target,
    /// Called instead of `target` when set.
    pub alternative_target: Option<Target>,
    /// How urgent it is.
    pub priority: Priority,
    /// Retries allowed after the first attempt.
    pub max_retries: u32,
    /// Least spacing of attempts, from the end of one.
    pub seconds_between_retries: u32,
    /// When it enters the queue.
    pub due: Instant,
    /// When that due date was set, or after an attempt the earliest that spacing allows;
    /// a due date further back gives no earlier place.
    pub due_set_at: Instant,
    /// Shown to the agent.
    pub description: Option<String>,
    /// The caller's own key.
    pub external_task_id: Option<String>,
    /// The service the customer called at first.
    pub incoming_service_sip_uri: Option<String>,
    /// Opened for the agent.
    pub context_url: Option<String>,
    /// As given.
    pub supervisor: Option<String>,
    /// Presented on the call.
    pub caller_id: Option<String>,
    /// Whom it is for first.
    pub preferred: Option<Preferred>,
    /// How much of the hold is used up, in microseconds; retries do not renew it.
    pub hold_used_micros: i64,
    /// The allowed wait.
    pub allowed_wait_seconds: u32,
    /// Retries used.
    pub retry_count: u32,
    /// Attempts begun.
    pub attempts: u32,
    /// Attempts whose customer's leg was requested; never more than 1 + `max_retries`.
    pub dialouts: u32,
    /// Failed attempts in a row.
    pub failures: u32,
    /// Where it stands.
    pub phase: Phase,
    /// The last move that ended a lease.
    pub settled: Option<Settled>,
    /// When it was made.
    pub created_at: Instant,
    /// When it last changed.
    pub updated_at: Instant,
    /// Rises by one with each accepted step.
    pub version: u64,
}

/// Why a callback has to be looked at when its deadline passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Timer {
    /// The agent's or dialler's lease is lost.
    LeaseLost,
    /// The allowed wait is used up.
    WaitOver,
    /// The due date has come.
    Due,
    /// The back-off after a failed attempt is over.
    BackOffOver,
    /// The preferred agent's hold is over.
    HoldOver,
    /// The agent did not take the offer.
    OfferMissed,
    /// The preview is over.
    PreviewOver,
    /// The agent's phone rang for too long.
    AgentRangOut,
    /// The customer's phone rang for too long.
    CustomerRangOut,
}

impl Callback {
    /// The address that is called.
    #[must_use]
    pub fn called(&self) -> &Target {
        self.alternative_target.as_ref().unwrap_or(&self.target)
    }

    /// Who is called: two callbacks with one key are for the same line.
    #[must_use]
    pub fn key(&self) -> TargetKey {
        self.called().key()
    }

    /// The phase without its facts.
    #[must_use]
    pub const fn phase_name(&self) -> PhaseName {
        match self.phase {
            Phase::Pending => PhaseName::Pending,
            Phase::InQueue { .. } => PhaseName::InQueue,
            Phase::Offered { .. } => PhaseName::Offered,
            Phase::Preview { .. } => PhaseName::Preview,
            Phase::Dialout { .. } => PhaseName::Dialout,
            Phase::Connected { .. } => PhaseName::Connected,
            Phase::Terminated { .. } => PhaseName::Terminated,
        }
    }

    /// The state that the LUCS API shows.
    #[must_use]
    pub const fn state(&self) -> State {
        self.phase_name().state()
    }

    /// Whether it is over.
    #[must_use]
    pub const fn is_terminated(&self) -> bool {
        matches!(self.phase, Phase::Terminated { .. })
    }

    /// The agent who is asked, or whose task it is.
    #[must_use]
    pub const fn agent(&self) -> Option<AgentId> {
        match &self.phase {
            Phase::Offered { agent, .. } => Some(*agent),
            Phase::Preview { lease, .. }
            | Phase::Dialout { lease, .. }
            | Phase::Connected { lease, .. } => Some(lease.agent),
            Phase::Pending | Phase::InQueue { .. } | Phase::Terminated { .. } => None,
        }
    }

    /// The token that moves of this task must carry.
    #[must_use]
    pub const fn token(&self) -> Option<LeaseToken> {
        match &self.phase {
            Phase::Offered { token, .. } => Some(*token),
            Phase::Preview { lease, .. }
            | Phase::Dialout { lease, .. }
            | Phase::Connected { lease, .. } => Some(lease.token),
            Phase::Pending | Phase::InQueue { .. } | Phase::Terminated { .. } => None,
        }
    }

    /// When the lease is lost, in the phases that have one.
    #[must_use]
    pub const fn lease_until(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Preview { lease, .. }
            | Phase::Dialout { lease, .. }
            | Phase::Connected { lease, .. } => Some(lease.until),
            Phase::Pending
            | Phase::InQueue { .. }
            | Phase::Offered { .. }
            | Phase::Terminated { .. } => None,
        }
    }

    /// The attempt that this phase is about.
    #[must_use]
    pub const fn attempt(&self) -> Option<AttemptId> {
        match &self.phase {
            Phase::Dialout { attempt, .. } | Phase::Connected { attempt, .. } => Some(*attempt),
            Phase::Pending
            | Phase::InQueue { .. }
            | Phase::Offered { .. }
            | Phase::Preview { .. }
            | Phase::Terminated { .. } => None,
        }
    }

    /// Why it is over, once it is.
    #[must_use]
    pub const fn termination_reason(&self) -> Option<TerminationReason> {
        match self.phase {
            Phase::Terminated { reason, .. } => Some(reason),
            Phase::Pending
            | Phase::InQueue { .. }
            | Phase::Offered { .. }
            | Phase::Preview { .. }
            | Phase::Dialout { .. }
            | Phase::Connected { .. } => None,
        }
    }

    /// Its place among its equals, while it waits in the queue.
    #[must_use]
    pub const fn order(&self) -> Option<OrderKey> {
        match self.phase {
            Phase::InQueue { place, .. } => Some(OrderKey { at: place, id: self.id }),
            Phase::Pending
            | Phase::Offered { .. }
            | Phase::Preview { .. }
            | Phase::Dialout { .. }
            | Phase::Connected { .. }
            | Phase::Terminated { .. } => None,
        }
    }

    /// What is left of the allowed wait at an instant, rounded up to whole seconds.
    #[must_use]
    pub fn wait_left_seconds(&self, at: Instant, calendar: Option<&OpeningHours>) -> u32 {
        let micros = match &self.phase {
            Phase::Pending => return self.allowed_wait_seconds,
            Phase::InQueue { wait, .. } | Phase::Offered { wait, .. } => {
                wait.left(at, calendar).wait_micros
            }
            Phase::Preview { budget, .. } | Phase::Dialout { budget, .. } => budget.wait_micros,
            Phase::Connected { .. } | Phase::Terminated { .. } => 0,
        };
        u32::try_from(micros.max(0).unsigned_abs().div_ceil(1_000_000)).unwrap_or(u32::MAX)
    }

    /// When to look at it next, and why; `None` when only an event can move it.
    #[must_use]
    pub fn deadline(&self) -> Option<(Instant, Timer)> {
        match &self.phase {
            Phase::Pending => Some((self.due, Timer::Due)),
            Phase::InQueue { wait, held_for, not_before, .. } => [
                wait.until.map(|at| (at, Timer::WaitOver)),
                not_before.map(|at| (at, Timer::BackOffOver)),
                held_for.and(wait.hold_until).map(|at| (at, Timer::HoldOver)),
            ]
            .into_iter()
            .flatten()
            .min(),
            Phase::Offered { until, .. } => Some((*until, Timer::OfferMissed)),
            Phase::Preview { lease, until, .. } => {
                Some((lease.until, Timer::LeaseLost).min((*until, Timer::PreviewOver)))
            }
            Phase::Dialout { lease, leg, until, .. } => {
                let timer = match leg {
                    Leg::Agent => Timer::AgentRangOut,
                    Leg::Customer => Timer::CustomerRangOut,
                };
                Some((lease.until, Timer::LeaseLost).min((*until, timer)))
            }
            Phase::Connected { lease, .. } => Some((lease.until, Timer::LeaseLost)),
            Phase::Terminated { .. } => None,
        }
    }
}
