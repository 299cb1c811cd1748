//! Agents: who can be offered a callback, and when.

use alloc::collections::BTreeSet;
use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::date::{self, Instant};
use crate::id::{AgentId, AttemptId, CallbackId, ServiceId};
use crate::target::SipAddress;

/// What an agent says of their own readiness.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Presence {
    /// Ready for work.
    Available,
    /// At work on something else.
    Busy,
    /// Not at the desk.
    Away,
    /// Not signed in.
    #[default]
    Offline,
}

/// How tasks reach an agent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Distribution {
    /// The dispatcher offers them.
    #[default]
    Push,
    /// The agent takes the next one.
    Pull,
}

/// A user who takes callbacks, with the live facts of their desk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Agent {
    /// Identity.
    pub id: AgentId,
    /// What people call them.
    pub name: String,
    /// Their phone, unique in the installation.
    pub sip_uri: SipAddress,
    /// The services they work for.
    pub services: BTreeSet<ServiceId>,
    /// Whether they may be chosen at all.
    pub selectable: bool,
    /// How tasks reach them.
    pub distribution: Distribution,
    /// What they say of themselves.
    pub presence: Presence,
    /// Redirected on no answer: they missed or declined an offer, and get none until this is cleared.
    pub rona: bool,
    /// Since when they have been without work; the longest idle is served first.
    pub idle_since: Instant,
    /// The end of their work after the last call, when it was set.
    pub after_call_work_until: Option<Instant>,
    /// The callback in their hands.
    pub task: Option<CallbackId>,
    /// The attempt that still occupies their phone.
    pub attempt: Option<AttemptId>,
    /// When the user was made.
    pub created_at: Instant,
    /// When the user last changed.
    pub updated_at: Instant,
    /// Rises with each change.
    pub version: u64,
}

/// Why an agent cannot be given a task now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Unready {
    /// Presence is not `Available`.
    NotAvailable,
    /// The user is not selectable.
    NotSelectable,
    /// Redirected on no answer.
    Rona,
    /// Has a task, or a phone that may still be ringing.
    Occupied,
    /// At work after a call.
    AfterCallWork,
}

/// How an agent leaves a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// The task was taken from them; nothing is held against them.
    Freed,
    /// They missed or declined it, or were lost with it.
    Rona,
}

impl Agent {
    /// A user with all defaults, offline.
    #[must_use]
    pub const fn new(id: AgentId, name: String, sip_uri: SipAddress, now: Instant) -> Self {
        Self {
            id,
            name,
            sip_uri,
            services: BTreeSet::new(),
            selectable: true,
            distribution: Distribution::Push,
            presence: Presence::Offline,
            rona: false,
            idle_since: now,
            after_call_work_until: None,
            task: None,
            attempt: None,
            created_at: now,
            updated_at: now,
            version: 1,
        }
    }

    /// Why this agent cannot be given a task now, `None` when they can.
    #[must_use]
    pub fn unready(&self, now: Instant) -> Option<Unready> {
        if self.presence != Presence::Available {
            Some(Unready::NotAvailable)
        } else if !self.selectable {
            Some(Unready::NotSelectable)
        } else if self.rona {
            Some(Unready::Rona)
        } else if self.task.is_some() || self.attempt.is_some() {
            Some(Unready::Occupied)
        } else if self.after_call_work_until.is_some_and(|until| until > now) {
            Some(Unready::AfterCallWork)
        } else {
            None
        }
    }

    /// When the clock alone ends the work after a call.
    #[must_use]
    pub const fn deadline(&self) -> Option<Instant> {
        self.after_call_work_until
    }

    /// Ends the work after a call, by the clock or by the agent; they are idle from then on.
    pub fn finish_after_call_work(&mut self, now: Instant) {
        if let Some(until) = self.after_call_work_until.take() {
            self.idle_since = until.min(now);
            self.touch(now);
        }
    }

    /// Sets the presence; choosing one also clears RONA.
    pub fn choose_presence(&mut self, presence: Presence, now: Instant) {
        if presence == Presence::Available && (self.presence != Presence::Available || self.rona) {
            self.idle_since = now;
        }
        self.presence = presence;
        self.rona = false;
        self.touch(now);
    }

    /// Clears RONA.
    pub fn reset_rona(&mut self, now: Instant) {
        if self.rona {
            self.rona = false;
            self.idle_since = now;
            self.touch(now);
        }
    }

    /// Takes a task into their hands.
    pub fn take(&mut self, callback: CallbackId, now: Instant) {
        self.task = Some(callback);
        self.touch(now);
    }

    /// Lets go of the task.
    /// Work after a call is timed from the end of the attempt, see [`Self::end_attempt`].
    pub fn leave(&mut self, leave: Leave, now: Instant) {
        self.task = None;
        self.rona |= leave == Leave::Rona;
        self.touch(now);
    }

    /// Frees the phone at the end of an attempt, and starts the work after it.
    pub fn end_attempt(&mut self, after_call_work_seconds: u32, now: Instant) {
        self.attempt = None;
        if after_call_work_seconds > 0 && !self.rona {
            self.after_call_work_until =
                Some(date::add_seconds(now, i64::from(after_call_work_seconds)));
        } else {
            self.idle_since = now;
        }
        self.touch(now);
    }

    /// Notes a change.
    pub fn touch(&mut self, now: Instant) {
        self.updated_at = self.updated_at.max(now);
        self.version += 1;
    }
}
