//! The life of a callback: which event may happen in which phase, and what follows.
//!
//! [`Callback::step`] is pure: time and the service's live policy come in as values,
//! and what has to be done besides storing the callback comes out as [`Effect`]s.

mod calling;
mod ending;
mod happening;
mod queueing;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use serde_json::{Map, Value};

use crate::agent::Leave;
use crate::attempt::{Attempt, Outcome, Start};
use crate::callback::{
    Callback, Creator, Move, Phase, PhaseName, Preferred, TerminationReason, Timer,
};
use crate::date::Instant;
use crate::id::{AgentId, AttemptId, CallbackId, LeaseToken, ServiceId};
use crate::priority::Priority;
use crate::service::Service;
use crate::target::Target;

pub use ending::back_off_seconds;
pub use happening::Happening;

/// What happens to a callback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The deadline has passed; `start` is used when that begins a call.
    Tick {
        /// A fresh attempt.
        start: Start,
    },
    /// The dispatcher offers it to an agent.
    Offer {
        /// Who is asked.
        agent: AgentId,
        /// The proof, fresh.
        token: LeaseToken,
    },
    /// The agent takes the offer; `start` is used when there is no preview.
    Accept {
        /// The proof.
        token: LeaseToken,
        /// A fresh attempt.
        start: Start,
    },
    /// The agent declines the offer.
    Decline {
        /// The proof.
        token: LeaseToken,
    },
    /// The agent ends the preview and wants the call placed.
    Dial {
        /// The proof.
        token: LeaseToken,
        /// A fresh attempt.
        start: Start,
    },
    /// The driver reports that the agent's phone was answered; the customer's leg is requested.
    AgentAnswered {
        /// Which attempt.
        attempt: AttemptId,
    },
    /// The driver reports that both are connected.
    Connected {
        /// Which attempt.
        attempt: AttemptId,
    },
    /// The agent reports that the customer answered.
    Answered {
        /// The proof.
        token: LeaseToken,
    },
    /// The driver reports the end of an attempt.
    Ended {
        /// Which attempt.
        attempt: AttemptId,
        /// How it came out.
        outcome: Outcome,
        /// In words.
        detail: Option<String>,
        /// The least number of seconds before another attempt, as the network asked.
        retry_after_seconds: Option<u32>,
    },
    /// The agent reports how the attempt came out.
    Report {
        /// The proof.
        token: LeaseToken,
        /// How it came out.
        outcome: Outcome,
        /// In words.
        detail: Option<String>,
    },
    /// The agent hangs up.
    HangUp {
        /// The proof.
        token: LeaseToken,
    },
    /// The agent or dialler is alive.
    Heartbeat {
        /// The proof.
        token: LeaseToken,
    },
    /// The driver of the attempt is alive.
    Renew {
        /// Which attempt.
        attempt: AttemptId,
    },
    /// Somebody takes the callback off the queue, or hangs it up.
    Cancel,
    /// The customer was helped in another way.
    Fulfil,
    /// Somebody changes its members.
    Edit(Box<Edit>),
    /// The line may not be called any more: what is not yet dialled is taken back.
    Withdraw,
    /// The service was edited; deadlines are computed anew.
    PolicyChanged,
    /// The preferred agent is no longer a user of the service.
    PreferredGone,
}

impl Event {
    /// The name, as the generated table and refusals show it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Tick { .. } => "Tick",
            Self::Offer { .. } => "Offer",
            Self::Accept { .. } => "Accept",
            Self::Decline { .. } => "Decline",
            Self::Dial { .. } => "Dial",
            Self::AgentAnswered { .. } => "AgentAnswered",
            Self::Connected { .. } => "Connected",
            Self::Answered { .. } => "Answered",
            Self::Ended { .. } => "Ended",
            Self::Report { .. } => "Report",
            Self::HangUp { .. } => "HangUp",
            Self::Heartbeat { .. } => "Heartbeat",
            Self::Renew { .. } => "Renew",
            Self::Cancel => "Cancel",
            Self::Fulfil => "Fulfil",
            Self::Edit(_) => "Edit",
            Self::Withdraw => "Withdraw",
            Self::PolicyChanged => "PolicyChanged",
            Self::PreferredGone => "PreferredGone",
        }
    }
}

/// A member that an edit leaves or replaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Change<T> {
    /// Stays as it is.
    #[default]
    Keep,
    /// Becomes this.
    To(T),
}

/// New values for members of a callback.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edit {
    /// The customer's address.
    pub target: Change<Target>,
    /// The address called instead.
    pub alternative_target: Change<Option<Target>>,
    /// When it enters the queue.
    pub due: Change<Instant>,
    /// How urgent it is.
    pub priority: Change<Priority>,
    /// Retries allowed.
    pub max_retries: Change<u32>,
    /// Spacing of attempts.
    pub seconds_between_retries: Change<u32>,
    /// Shown to the agent.
    pub description: Change<Option<String>>,
    /// Opened for the agent.
    pub context_url: Change<Option<String>>,
    /// Presented on the call.
    pub caller_id: Change<Option<String>>,
    /// Whom it is for first.
    pub preferred: Change<Option<Preferred>>,
}

/// What follows from a step besides the stored callback, in the order in which it is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The agent has the task in their hands.
    TakeAgent(AgentId),
    /// The agent lets go of the task.
    ReleaseAgent(AgentId, Leave),
    /// An attempt begins: write it, and after that have it placed.
    OpenAttempt(Box<Attempt>),
    /// The customer's leg of the attempt was requested.
    NoteCustomerRequested(AttemptId),
    /// The attempt connected both.
    NoteConnected(AttemptId),
    /// The attempt has ended.
    EndAttempt {
        /// Which.
        attempt: AttemptId,
        /// How.
        outcome: Outcome,
        /// In words.
        detail: Option<String>,
    },
    /// The attempt is given up: write verdict and order to stop, and after that have it stopped.
    StopAttempt {
        /// Which.
        attempt: AttemptId,
        /// How it counts.
        outcome: Outcome,
        /// In words.
        detail: Option<String>,
        /// Why it is stopped.
        why: &'static str,
    },
    /// The called line wants no calls from this service any more.
    Suppress,
}

/// One line of the ledger about a callback, without who did it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What happened.
    pub what: Happening,
    /// The phase before; `None` when it was made.
    pub from: Option<PhaseName>,
    /// The phase after.
    pub to: PhaseName,
    /// Facts, by wire name; never a lease token.
    pub details: Map<String, Value>,
}

/// An accepted event: the next callback, its line in the ledger, and what else follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The callback after the event.
    pub callback: Callback,
    /// Its line in the ledger; `None` for a heartbeat, a repetition, or a computed change.
    pub entry: Option<Entry>,
    /// What else follows.
    pub effects: Vec<Effect>,
}

/// Why an event was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// The phase has no such event.
    #[error("this phase has no such event")]
    WrongPhase,
    /// The token is not, or no longer, that of this task.
    #[error("the lease token is not, or no longer, the one of this task")]
    LeaseLost,
    /// The deadline has not passed.
    #[error("the deadline has not passed")]
    TooEarly,
    /// The attempt is not the one in progress.
    #[error("the attempt is not the one in progress")]
    OtherAttempt,
    /// The outcome cannot be reported here.
    #[error("the outcome {0} cannot be reported in this phase")]
    Outcome(Outcome),
    /// Fewer retries than have been used.
    #[error("{0} attempts were made already, which leaves no call within the new MaxRetries")]
    AllowanceUsed(u32),
    /// It is held for, or was offered to, somebody else.
    #[error("the callback is not open to this agent")]
    NotForAgent,
}

/// A refused event; it changed nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("event {event} was refused in phase {}: {why}", phase.name())]
pub struct Refused {
    /// The phase in which it came.
    pub phase: PhaseName,
    /// The event.
    pub event: &'static str,
    /// Why.
    pub why: Why,
}

/// The checked members of a new callback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCallback {
    /// Who makes it.
    pub creator: Creator,
    /// The supervisor, for `WebService`.
    pub initiator: Option<String>,
    /// The service that calls back.
    pub service: ServiceId,
    /// The customer's address.
    pub target: Target,
    /// Called instead when set.
    pub alternative_target: Option<Target>,
    /// How urgent it is.
    pub priority: Priority,
    /// Retries allowed.
    pub max_retries: u32,
    /// Spacing of attempts.
    pub seconds_between_retries: u32,
    /// When it enters the queue; `None` is now.
    pub due: Option<Instant>,
    /// Shown to the agent.
    pub description: Option<String>,
    /// The caller's own key.
    pub external_task_id: Option<String>,
    /// The service called at first.
    pub incoming_service_sip_uri: Option<String>,
    /// Opened for the agent.
    pub context_url: Option<String>,
    /// As given.
    pub supervisor: Option<String>,
    /// Presented on the call.
    pub caller_id: Option<String>,
    /// Whom it is for first.
    pub preferred: Option<Preferred>,
    /// The allowed wait.
    pub allowed_wait_seconds: u32,
}

impl Callback {
    /// Makes a callback; it begins `Pending`.
    #[must_use]
    pub fn create(new: NewCallback, id: CallbackId, now: Instant) -> Step {
        let callback = Self {
            id,
            creator: new.creator,
            initiator: new.initiator,
            initiating_session_id: None,
            service: new.service,
            target: new.target,
            alternative_target: new.alternative_target,
            priority: new.priority,
            max_retries: new.max_retries,
            seconds_between_retries: new.seconds_between_retries,
            due: new.due.unwrap_or(now),
            due_set_at: now,
            description: new.description,
            external_task_id: new.external_task_id,
            incoming_service_sip_uri: new.incoming_service_sip_uri,
            context_url: new.context_url,
            supervisor: new.supervisor,
            caller_id: new.caller_id,
            preferred: new.preferred,
            hold_used_micros: 0,
            allowed_wait_seconds: new.allowed_wait_seconds,
            retry_count: 0,
            attempts: 0,
            dialouts: 0,
            failures: 0,
            phase: Phase::Pending,
            settled: None,
            created_at: now,
            updated_at: now,
            version: 1,
        };
        let entry = Entry {
            what: Happening::Created,
            from: None,
            to: PhaseName::Pending,
            details: Map::new(),
        };
        Step { callback, entry: Some(entry), effects: Vec::new() }
    }

    /// Moves the callback by one event, or refuses it and changes nothing.
    ///
    /// `now` never runs behind the last change: an earlier instant counts as that one.
    ///
    /// # Errors
    /// [`Refused`] names the phase, the event and the reason.
    pub fn step(self, policy: &Service, event: Event, now: Instant) -> Result<Step, Refused> {
        let refused =
            Refused { phase: self.phase_name(), event: event.name(), why: Why::WrongPhase };
        let now = now.max(self.updated_at);
        let outcome = match event {
            Event::Tick { start } => self.tick(policy, &start, now),
            Event::Offer { agent, token } => self.offer(policy, agent, token, now),
            Event::Accept { token, start } => self.accept(policy, token, &start, now),
            Event::Decline { token } => self.decline(policy, token, now),
            Event::Dial { token, start } => self.dial(policy, token, &start, now),
            Event::AgentAnswered { attempt } => self.agent_answered(policy, attempt, now),
            Event::Connected { attempt } => self.connected(attempt, now),
            Event::Answered { token } => self.answered(token, now),
            Event::Ended { attempt, outcome, detail, retry_after_seconds } => {
                self.ended(policy, attempt, outcome, detail, retry_after_seconds, now)
            }
            Event::Report { token, outcome, detail } => {
                self.report(policy, token, outcome, detail, now)
            }
            Event::HangUp { token } => self.hang_up(token, now),
            Event::Heartbeat { token } => self.heartbeat(token, now),
            Event::Renew { attempt } => self.renew(attempt, now),
            Event::Cancel => self.abandon(Happening::Cancelled, TerminationReason::Cancelled, now),
            Event::Fulfil => self.abandon(
                Happening::FulfilledElsewhere,
                TerminationReason::FulfilledElsewhere,
                now,
            ),
            Event::Edit(edit) => self.edit(policy, *edit, now),
            Event::Withdraw => self.withdraw(policy, now),
            Event::PolicyChanged => self.policy_changed(policy),
            Event::PreferredGone => self.preferred_gone(now),
        };
        outcome.map_err(|why| Refused { why, ..refused })
    }

    /// The deadline has passed: each timer has one consequence.
    fn tick(self, policy: &Service, start: &Start, now: Instant) -> Result<Step, Why> {
        let Some((at, timer)) = self.deadline() else { return Err(Why::WrongPhase) };
        if at > now {
            return Err(Why::TooEarly);
        }
        match timer {
            Timer::Due => Ok(self.come_due(policy, now)),
            Timer::WaitOver => Ok(self.exceed_wait(policy, now)),
            Timer::BackOffOver => self.end_back_off(now),
            Timer::HoldOver => self.end_hold(now),
            Timer::OfferMissed => self.miss_offer(policy, now),
            Timer::PreviewOver => self.place_call(policy, start, now),
            Timer::AgentRangOut => self.give_up(policy, Outcome::AgentUnavailable, now),
            Timer::CustomerRangOut => self.give_up(policy, Outcome::NoAnswer, now),
            Timer::LeaseLost => self.lose_lease(policy, now),
        }
    }

    /// Notes an accepted step: the new phase, one version more, and its line in the ledger.
    fn enter(self, phase: Phase, what: Happening, now: Instant) -> Step {
        let from = Some(self.phase_name());
        let callback =
            Self { phase, updated_at: now, version: self.version.saturating_add(1), ..self };
        let to = callback.phase_name();
        Step {
            callback,
            entry: Some(Entry { what, from, to, details: Map::new() }),
            effects: Vec::new(),
        }
    }

    /// A computed change or a repetition: nothing for the ledger.
    const fn quietly(self) -> Step {
        Step { callback: self, entry: None, effects: Vec::new() }
    }

    /// A move with a token that the phase no longer knows: the repetition of the move that ended
    /// the lease is answered again, anything else has lost it.
    fn repeated(self, token: LeaseToken, by: Move) -> Result<Step, Why> {
        match self.settled {
            Some(settled) if settled.token == token && settled.by == by => Ok(self.quietly()),
            Some(_) | None => Err(Why::LeaseLost),
        }
    }
}

impl Step {
    fn detail(mut self, name: &str, value: impl Into<Value>) -> Self {
        if let Some(entry) = &mut self.entry {
            entry.details.insert(name.into(), value.into());
        }
        self
    }

    fn effect(mut self, effect: Effect) -> Self {
        self.effects.push(effect);
        self
    }
}
