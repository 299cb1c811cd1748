//! Searching callbacks: the query that every store runs, and the place where a page ends.
//!
//! The functions here are the definition; a store that answers with SQL agrees with them.

mod cursor;

use alloc::collections::BTreeSet;
use alloc::string::{String, ToString as _};
use core::cmp::Ordering;
use core::fmt;

use serde::Deserialize;

use crate::callback::{Callback, Creator, PhaseName, State, TerminationReason};
use crate::date::{self, Instant};
use crate::id::{AgentId, ServiceId};
use crate::priority::Priority;
use crate::target::TargetKey;

pub use cursor::{Cursor, CursorError};

macro_rules! columns {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// What an answer can be sorted by: the stored scalar members of a callback.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
        pub enum Column { $($(#[$doc])* $name),+ }

        impl Column {
            /// Every column.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The name on the wire.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),+ }
            }
        }
    };
}

columns! {
    /// Its identity, as text.
    Id,
    /// Who made it, by name.
    Creator,
    /// The session it came from.
    InitiatingSessionId,
    /// The supervisor who made it.
    Initiator,
    /// The state, by name.
    State,
    /// Retries used.
    RetryCount,
    /// The customer's address in normal form.
    Target,
    /// The address called instead, in normal form.
    AlternativeTarget,
    /// Retries allowed.
    MaxRetries,
    /// Spacing of attempts.
    SecondsBetweenRetries,
    /// The service, as text.
    ServiceId,
    /// The service called at first.
    IncomingServiceSipUri,
    /// How urgent, by level: `StrictPriority` is 0.
    Priority,
    /// What is opened for the agent.
    ContextUrl,
    /// When it enters the queue.
    #[default]
    DueDate,
    /// As given.
    Supervisor,
    /// Shown to the agent.
    Description,
    /// The caller's own key.
    ExternalTaskId,
    /// Presented on the call.
    CallerId,
    /// The address of whom it is for first.
    PreferredAgent,
    /// The phase, by name.
    Phase,
    /// Who is asked or has the task, as text.
    Agent,
    /// Why it is over, by name.
    TerminationReason,
    /// When it was made.
    CreatedAt,
    /// When it last changed.
    UpdatedAt,
    /// Its version.
    Version,
}

/// What a callback is sorted by, in the order of these variants.
///
/// Instants are microseconds since 1970, text is compared by its UTF-8 bytes, and identities are
/// text in lower case with hyphens, whose order is that of their 16 bytes.
/// Descending reverses all of it, so nothing comes last then.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SortValue {
    /// Nothing.
    Null,
    /// A number or an instant.
    Integer(i64),
    /// Text, a name or an identity.
    Text(String),
}

/// Which callbacks are wanted, and in which order; every condition that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// The key of the address that is called: the alternative target, where there is one.
    pub target: Option<TargetKey>,
    /// The service that calls back.
    pub service: Option<ServiceId>,
    /// One of these services calls back.
    pub within: Option<BTreeSet<ServiceId>>,
    /// Whether only those that are not terminated are wanted.
    pub live: bool,
    /// The state.
    pub state: Option<State>,
    /// The phase.
    pub phase: Option<PhaseName>,
    /// Who made it.
    pub creator: Option<Creator>,
    /// How urgent.
    pub priority: Option<Priority>,
    /// Who is asked or has the task.
    pub agent: Option<AgentId>,
    /// Why it is over.
    pub reason: Option<TerminationReason>,
    /// The caller's own key, exactly.
    pub external_task_id: Option<String>,
    /// The caller id, exactly.
    pub caller_id: Option<String>,
    /// Earliest due date, included.
    pub due_from: Option<Instant>,
    /// Latest due date, included.
    pub due_to: Option<Instant>,
    /// What the answer is sorted by; callbacks that agree in it are sorted by identity.
    pub order_by: Column,
    /// Whether the order is reversed, that of the identities too.
    pub descending: bool,
}

impl Query {
    /// Whether a callback is wanted.
    #[must_use]
    pub fn matches(&self, callback: &Callback) -> bool {
        fn agrees<T: PartialEq>(wanted: Option<&T>, found: Option<&T>) -> bool {
            wanted.is_none() || wanted == found
        }
        agrees(self.target.as_ref(), Some(&callback.key()))
            && agrees(self.service.as_ref(), Some(&callback.service))
            && self.within.as_ref().is_none_or(|within| within.contains(&callback.service))
            && !(self.live && callback.is_terminated())
            && agrees(self.state.as_ref(), Some(&callback.state()))
            && agrees(self.phase.as_ref(), Some(&callback.phase_name()))
            && agrees(self.creator.as_ref(), Some(&callback.creator))
            && agrees(self.priority.as_ref(), Some(&callback.priority))
            && agrees(self.agent.as_ref(), callback.agent().as_ref())
            && agrees(self.reason.as_ref(), callback.termination_reason().as_ref())
            && agrees(self.external_task_id.as_ref(), callback.external_task_id.as_ref())
            && agrees(self.caller_id.as_ref(), callback.caller_id.as_ref())
            && self.due_from.is_none_or(|from| from <= callback.due)
            && self.due_to.is_none_or(|to| callback.due <= to)
    }

    /// What a callback is sorted by.
    #[must_use]
    pub fn sort_value(&self, callback: &Callback) -> SortValue {
        match self.order_by {
            Column::Id => text(callback.id),
            Column::Creator => text(callback.creator.name()),
            Column::InitiatingSessionId => optional(callback.initiating_session_id.as_ref()),
            Column::Initiator => optional(callback.initiator.as_ref()),
            Column::State => text(callback.state().name()),
            Column::RetryCount => SortValue::Integer(callback.retry_count.into()),
            Column::Target => text(&callback.target),
            Column::AlternativeTarget => optional(callback.alternative_target.as_ref()),
            Column::MaxRetries => SortValue::Integer(callback.max_retries.into()),
            Column::SecondsBetweenRetries => {
                SortValue::Integer(callback.seconds_between_retries.into())
            }
            Column::ServiceId => text(callback.service),
            Column::IncomingServiceSipUri => optional(callback.incoming_service_sip_uri.as_ref()),
            Column::Priority => SortValue::Integer(callback.priority.level().into()),
            Column::ContextUrl => optional(callback.context_url.as_ref()),
            Column::DueDate => instant(callback.due),
            Column::Supervisor => optional(callback.supervisor.as_ref()),
            Column::Description => optional(callback.description.as_ref()),
            Column::ExternalTaskId => optional(callback.external_task_id.as_ref()),
            Column::CallerId => optional(callback.caller_id.as_ref()),
            Column::PreferredAgent => {
                optional(callback.preferred.as_ref().map(|preferred| &preferred.sip_uri))
            }
            Column::Phase => text(callback.phase_name().name()),
            Column::Agent => optional(callback.agent().as_ref()),
            Column::TerminationReason => {
                optional(callback.termination_reason().map(TerminationReason::name).as_ref())
            }
            Column::CreatedAt => instant(callback.created_at),
            Column::UpdatedAt => instant(callback.updated_at),
            Column::Version => {
                SortValue::Integer(i64::try_from(callback.version).unwrap_or(i64::MAX))
            }
        }
    }

    /// Where a callback stands in the answer.
    #[must_use]
    pub fn place(&self, callback: &Callback) -> Cursor {
        Cursor { value: self.sort_value(callback), id: callback.id }
    }

    /// Which of two places comes first in the answer.
    #[must_use]
    pub fn order(&self, left: &Cursor, right: &Cursor) -> Ordering {
        let ascending = (&left.value, left.id).cmp(&(&right.value, right.id));
        if self.descending { ascending.reverse() } else { ascending }
    }

    /// A number that differs for queries that differ, so that a cursor knows its own.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let mut hash = Fingerprint::new();
        hash.add(self.target.as_ref().map(TargetKey::as_str));
        hash.add(self.service.map(|id| id.to_string()).as_deref());
        hash.add(self.state.map(State::name));
        hash.add(self.phase.map(PhaseName::name));
        hash.add(self.creator.map(Creator::name));
        hash.add(self.priority.map(Priority::name));
        hash.add(self.agent.map(|id| id.to_string()).as_deref());
        hash.add(self.reason.map(TerminationReason::name));
        hash.add(self.external_task_id.as_deref());
        hash.add(self.caller_id.as_deref());
        hash.add(self.due_from.map(|at| date::micros(at).to_string()).as_deref());
        hash.add(self.due_to.map(|at| date::micros(at).to_string()).as_deref());
        hash.add(Some(self.order_by.name()));
        hash.add(self.descending.then_some(""));
        if self.live {
            hash.add(Some("live"));
        }
        for service in self.within.iter().flatten() {
            hash.add(Some(&service.to_string()));
        }
        hash.0
    }
}

fn text(value: impl fmt::Display) -> SortValue {
    SortValue::Text(value.to_string())
}

fn optional(value: Option<&impl fmt::Display>) -> SortValue {
    value.map_or(SortValue::Null, text)
}

const fn instant(at: Instant) -> SortValue {
    SortValue::Integer(date::micros(at))
}

/// FNV-1a over values in a fixed order, each with its length, so that no two lists run together.
struct Fingerprint(u64);

impl Fingerprint {
    const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn add(&mut self, value: Option<&str>) {
        let length = value.map_or(0, |value| value.len() as u64 + 1);
        for byte in length.to_le_bytes().iter().chain(value.unwrap_or_default().as_bytes()) {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}
