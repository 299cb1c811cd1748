//! What can be done to an installation, as data: a store runs it in one transaction.

use std::sync::Arc;

use callback_domain::agent::{Agent, Presence};
use callback_domain::attempt::{Attempt, Outcome};
use callback_domain::callback::Callback;
use callback_domain::date::Instant;
use callback_domain::explain::Explanation;
use callback_domain::id::{AgentId, AttemptId, CallbackId, KeyId, LeaseToken, ServiceId};
use callback_domain::lifecycle::{Edit, NewCallback};
use callback_domain::service::Service;
use callback_domain::target::TargetKey;
use uuid::Uuid;

use crate::access::{Key, SessionChange};
use crate::bulk::{Batch, Placed, Withdrawal};
use crate::erasure;
use crate::insight::{Position, QueueInsight};
use crate::ledger::Actor;
use crate::mint::Site;
use crate::store::Idempotency;
use crate::suppression::Suppression;
use crate::webhook;

/// A use case with all that it needs; the same command may be run again after a conflict.
#[derive(Clone, Debug)]
pub struct Command {
    /// Who causes it.
    pub actor: Actor,
    /// The process that runs it.
    pub site: Arc<Site>,
    /// What to do.
    pub what: What,
}

/// What a command does.
#[derive(Clone, Debug)]
pub enum What {
    /// Makes a callback.
    Create(Box<Create>),
    /// Moves a callback by an event.
    Move {
        /// Which.
        callback: CallbackId,
        /// How.
        by: Motion,
        /// Only in this version.
        if_version: Option<u64>,
    },
    /// Lets the clock do what is due.
    Tick {
        /// At most so many of each kind.
        limit: usize,
    },
    /// Offers what is ready to whoever is free.
    Dispatch {
        /// Services in whose open lane something became ready, or a gate opened.
        services: Vec<ServiceId>,
        /// Agents who became free, or for whom something became ready.
        agents: Vec<AgentId>,
        /// At most so many offers.
        limit: usize,
    },
    /// Lists every service and agent for whom something is ready, for a start.
    Survey,
    /// Gives an agent their next task.
    Next {
        /// Who asks.
        agent: AgentId,
    },
    /// Takes a driver's report on an attempt.
    Report {
        /// Which attempt.
        attempt: AttemptId,
        /// Its number, rising from 1 for each attempt; a number that was passed is not taken again.
        number: u32,
        /// What the driver says.
        report: Report,
    },
    /// Says that this node lives, and that its attempts do.
    Renew {
        /// Attempts that its driver still has.
        attempts: Vec<AttemptId>,
    },
    /// Takes over the open attempts of nodes that are no more, and lists what is to be stopped.
    TakeOver {
        /// Every other node is known to be dead.
        alone: bool,
    },
    /// Computes deadlines anew after a service's edit.
    Recalculate {
        /// At most so many callbacks.
        limit: usize,
    },
    /// Makes a service.
    CreateService(Box<Service>),
    /// Replaces a service.
    ReplaceService {
        /// Its new form; identity as stored.
        service: Box<Service>,
        /// Only in this version.
        if_version: Option<u64>,
    },
    /// Removes a service.
    DeleteService {
        /// Which.
        service: ServiceId,
    },
    /// Makes a user.
    CreateAgent(Box<Agent>),
    /// Replaces what is configured of a user, and chooses a presence that differs; other live facts stay.
    ReplaceAgent {
        /// Its new form; identity as stored.
        agent: Box<Agent>,
        /// Only in this version.
        if_version: Option<u64>,
    },
    /// Removes a user.
    DeleteAgent {
        /// Which.
        agent: AgentId,
    },
    /// Changes the live facts of a user.
    ChangeAgent {
        /// Which.
        agent: AgentId,
        /// How.
        change: AgentChange,
    },
    /// Puts lines on the suppression list.
    Suppress(Vec<Suppression>),
    /// Takes an entry off the suppression list.
    Unsuppress {
        /// Which.
        suppression: Uuid,
    },
    /// Makes an access key.
    CreateKey(Box<NewKey>),
    /// Revokes an access key.
    RevokeKey {
        /// Which.
        key: KeyId,
    },
    /// Begins, uses or ends a session of somebody who signed in by a key.
    Session {
        /// By which.
        key: KeyId,
        /// What becomes of it.
        change: SessionChange,
    },
    /// Notes when access keys were used, sorted by key.
    UseKeys(Vec<(KeyId, Instant)>),
    /// The task in an agent's hands.
    Task {
        /// Whose.
        agent: AgentId,
    },
    /// Why a callback is not being called.
    Explain {
        /// Which.
        callback: CallbackId,
        /// For whom; `None` asks for whomever the dispatcher would ask.
        agent: Option<AgentId>,
    },
    /// Where a callback stands in its queue.
    Position {
        /// Which.
        callback: CallbackId,
    },
    /// How a service's queue stands.
    Insight {
        /// Which.
        service: ServiceId,
    },
    /// Something about webhooks.
    Webhooks(Box<webhook::Order>),
    /// Does what makes something, once under an idempotency key.
    Once {
        /// Remembers the answer under a key.
        idempotency: Idempotency,
        /// What to do.
        what: Box<Self>,
    },
    /// Makes many callbacks.
    CreateBatch(Box<Batch>),
    /// Cancels callbacks that a search has found.
    CancelThese(Box<Withdrawal>),
    /// Erases a person's data, one step of it.
    Erase {
        /// The person's line.
        key: TargetKey,
        /// Which step.
        step: Box<erasure::Step>,
    },
    /// Removes what is kept for a time only, when nobody else does so just now.
    Tidy {
        /// At most so many of each kind.
        limit: usize,
        /// Days for which terminated callbacks are kept; 0 is for good.
        terminated_days: u32,
    },
}

impl What {
    /// What is done, without the key under which it is done once.
    #[must_use]
    pub fn bare(&self) -> &Self {
        if let Self::Once { what, .. } = self { what.bare() } else { self }
    }

    /// Whether it writes nothing, so that it need not wait for whoever writes.
    #[must_use]
    pub const fn only_looks(&self) -> bool {
        match self {
            Self::Survey
            | Self::Task { .. }
            | Self::Explain { .. }
            | Self::Position { .. }
            | Self::Insight { .. } => true,
            Self::Webhooks(order) => order.only_looks(),
            Self::Create(_)
            | Self::Move { .. }
            | Self::Tick { .. }
            | Self::Dispatch { .. }
            | Self::Next { .. }
            | Self::Report { .. }
            | Self::Renew { .. }
            | Self::TakeOver { .. }
            | Self::Recalculate { .. }
            | Self::CreateService(_)
            | Self::ReplaceService { .. }
            | Self::DeleteService { .. }
            | Self::CreateAgent(_)
            | Self::ReplaceAgent { .. }
            | Self::DeleteAgent { .. }
            | Self::ChangeAgent { .. }
            | Self::Suppress(_)
            | Self::Unsuppress { .. }
            | Self::CreateKey(_)
            | Self::RevokeKey { .. }
            | Self::Session { .. }
            | Self::UseKeys(_)
            | Self::Once { .. }
            | Self::CreateBatch(_)
            | Self::CancelThese(_)
            | Self::Erase { .. }
            | Self::Tidy { .. } => false,
        }
    }
}

/// A callback to be made.
#[derive(Clone, Debug)]
pub struct Create {
    /// Its checked members.
    pub new: NewCallback,
    /// Its identity.
    pub id: CallbackId,
    /// The version of the service against which the members were checked.
    pub service_version: u64,
    /// Remembers the answer under a key.
    pub idempotency: Option<Idempotency>,
    /// Checks only.
    pub dry_run: bool,
    /// Brings it into the queue at once when it is due, rather than at the clock's next turn.
    pub enters: bool,
}

/// An access key to be made.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// The key.
    pub key: Key,
    /// Only where there is no active key of an administrator.
    pub only_admin: bool,
}

/// An event from outside, without what the transaction adds to it.
#[derive(Clone, Debug)]
pub enum Motion {
    /// The agent takes the offer.
    Accept(LeaseToken),
    /// The agent declines the offer.
    Decline(LeaseToken),
    /// The agent wants the call placed.
    Dial(LeaseToken),
    /// The agent reports that the customer answered.
    Answered(LeaseToken),
    /// The agent reports an outcome.
    Outcome(LeaseToken, Outcome, Option<String>),
    /// The agent hangs up.
    HangUp(LeaseToken),
    /// The agent or dialler is alive.
    Heartbeat(LeaseToken),
    /// Somebody cancels it.
    Cancel,
    /// The customer was helped in another way.
    Fulfil,
    /// Somebody changes members, checked against a version of the service.
    Edit(Box<Edit>, u64),
}

/// What a driver reports about an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// The agent's phone was answered; the customer's leg is being requested.
    AgentAnswered,
    /// The customer's phone rings.
    CustomerRinging,
    /// Both are connected.
    Connected,
    /// Opaque notes, kept for a resume.
    Journal(Vec<u8>),
    /// It has ended; only the first end counts.
    Ended {
        /// How.
        outcome: Outcome,
        /// In words.
        detail: Option<String>,
        /// The least number of seconds before another attempt, as the network asked.
        retry_after_seconds: Option<u32>,
    },
}

/// A change of a user's live facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgentChange {
    /// They choose a presence.
    Presence(Presence),
    /// RONA is cleared.
    ResetRona,
    /// They end their work after a call early.
    EndAfterCallWork,
}

/// A callback in an agent's hands.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// The callback.
    pub callback: Callback,
    /// The proof that moves must carry.
    pub token: LeaseToken,
    /// When the lease is lost.
    pub lease_until: Option<Instant>,
    /// The attempt, once there is one.
    pub attempt: Option<AttemptId>,
}

/// What a command answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// A callback was made, or would be.
    Created(Box<Callback>),
    /// The callback that stood there already is the answer.
    Existing(Box<Callback>),
    /// A callback after its move.
    Callback(Box<Callback>),
    /// What the clock did.
    Ticked {
        /// How many things moved.
        moved: usize,
        /// Whether the limit was reached, so that more may be due.
        more: bool,
    },
    /// How many offers were made, and whether the limit was reached.
    Dispatched {
        /// Offers made.
        offers: usize,
        /// Whether the limit was reached.
        more: bool,
    },
    /// An agent's task, if there is one.
    Task(Option<Box<Task>>),
    /// Open attempts of this node.
    Attempts {
        /// Just taken over from a dead node.
        taken: Vec<Attempt>,
        /// Told to stop, and still open.
        stopping: Vec<Attempt>,
    },
    /// A service.
    Service(Box<Service>),
    /// A user.
    Agent(Box<Agent>),
    /// Entries of the suppression list.
    Suppressions(Vec<Suppression>),
    /// How many entries were put on the suppression list before, under the same key.
    Imported(usize),
    /// An access key.
    Key(Box<Key>),
    /// Why a callback is not being called.
    Explanation(Box<Explanation>),
    /// Where a callback stands.
    Position(Option<Position>),
    /// How a queue stands.
    Insight(Box<QueueInsight>),
    /// Something about webhooks.
    Webhooks(Box<webhook::Reply>),
    /// What each item of a batch came to, in their order.
    Batch(Vec<Placed>),
    /// Callbacks were cancelled.
    Withdrawn {
        /// Those that had moved on.
        moved_on: Vec<CallbackId>,
    },
    /// What a step of an erasure came to.
    Erased(erasure::Stepped),
    /// What was removed.
    Tidied {
        /// Remembered answers that were forgotten.
        forgotten: usize,
        /// Callbacks that were removed.
        purged: usize,
        /// Whether a limit was reached, so that more may be left.
        more: bool,
    },
    /// Done, with nothing to tell.
    Done,
}

/// What is to be done after the commit, and whom to wake.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct After {
    /// Attempts to be placed.
    pub start: Vec<Attempt>,
    /// Attempts to be stopped.
    pub stop: Vec<Attempt>,
    /// Services to dispatch: something became ready, a gate opened, or an agent came free.
    pub services: std::collections::BTreeSet<ServiceId>,
    /// Agents to dispatch to.
    pub agents: std::collections::BTreeSet<AgentId>,
    /// Services to dispatch when a gate of theirs opens by the clock.
    pub later: Vec<(Instant, ServiceId)>,
    /// The earliest deadline that was written.
    pub deadline: Option<Instant>,
    /// Lines of the ledger that were appended.
    pub lines: usize,
    /// Callbacks' deadlines are to be computed anew after a service's edit.
    pub recalculate: bool,
    /// Services were made, edited or removed.
    pub services_edited: bool,
    /// Access keys were made or revoked.
    pub keys_edited: bool,
    /// Lines whose suppression or claim changed; a hint for those who watch.
    pub keys: Vec<TargetKey>,
    /// Webhooks were changed, so that there may be something to hand out.
    pub webhooks: bool,
    /// There is something new to deliver.
    pub deliveries: bool,
}

impl After {
    /// Notes a deadline that was written.
    pub fn note_deadline(&mut self, at: Option<Instant>) {
        self.deadline = match (self.deadline, at) {
            (Some(known), Some(at)) => Some(known.min(at)),
            (known, at) => known.or(at),
        };
    }
}

/// A command's answer, and what follows from it.
#[derive(Clone, Debug, PartialEq)]
pub struct Done {
    /// The answer.
    pub answer: Answer,
    /// What follows.
    pub after: After,
}
