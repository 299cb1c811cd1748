//! A contact-centre service: a hotline with a SIP address and the rules for its callbacks.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::attempt::Outcome;
use crate::date::Instant;
use crate::defaults;
use crate::hours::OpeningHours;
use crate::id::ServiceId;
use crate::target::{CountryCode, SipAddress, TargetPattern};

/// Which way calls of a service go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DirectionType {
    /// Takes calls only; refuses callbacks.
    Inbound,
    /// Places calls only.
    Outbound,
    /// Both.
    InboundOutbound,
}

/// What happens when a callback is asked for twice for one target of one service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum DuplicatePolicy {
    /// Another callback is made.
    #[default]
    Allow,
    /// The request is refused and the existing callback named.
    Reject,
    /// The existing callback is the answer.
    ReturnExisting,
}

/// What a service does after one outcome, instead of the callback's own spacing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct RetryRule {
    /// Whether to try again at all.
    pub retry: bool,
    /// Seconds from the end of the attempt; `None` leaves the callback's own spacing.
    pub delay_in_seconds: Option<u32>,
}

/// A service and its live policy; this is also its form on the wire.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Service {
    /// Its identity.
    pub id: ServiceId,
    /// What people call it.
    pub name: String,
    /// Its address, unique in the installation.
    pub sip_uri: SipAddress,
    /// Which way its calls go.
    pub direction_type: DirectionType,
    /// Callbacks offered or called at one time; `None` is no limit, 0 allows none.
    pub max_concurrent_outbound_sessions: Option<u32>,
    /// Allowed wait of a callback that names none.
    pub max_queue_time_in_seconds: u32,
    /// Spacing of retries for a callback that names none.
    pub seconds_between_retries: u32,
    /// How long an agent may leave an offer, or a ringing phone, unanswered.
    pub rona_timeout_in_seconds: u32,
    /// Preview before the call is placed; 0 dials at once.
    pub preview_time_in_seconds: u32,
    /// How long the customer's phone may ring.
    pub max_dialout_time_in_seconds: u32,
    /// Pause for an agent after an attempt.
    pub after_call_work_in_seconds: u32,
    /// How long a callback is held for its preferred agent.
    pub preferred_agent_hold_in_seconds: u32,
    /// When it may call; `None` is always.
    pub opening_hours: Option<OpeningHours>,
    /// What a second request for the same target gets.
    pub duplicate_policy: DuplicatePolicy,
    /// Exceptions from the callback's own retry spacing.
    pub retry_by_outcome: BTreeMap<Outcome, RetryRule>,
    /// Attempts on one target in any 24 hours; `None` is no limit.
    pub max_attempts_per_target_per_day: Option<u32>,
    /// Completes `tel:` numbers without `+`.
    pub default_country_code: Option<CountryCode>,
    /// Caller ids that may be presented; empty allows any.
    pub caller_ids: Vec<String>,
    /// Patterns of targets that may be called; `None` allows any.
    pub allowed_targets: Option<Vec<TargetPattern>>,
    /// Callbacks that may be pending or queued at one time; `None` is no limit.
    pub max_queued: Option<u32>,
    /// When it was made.
    pub created_at: Instant,
    /// When it was last edited.
    pub updated_at: Instant,
    /// Rises with each edit.
    pub version: u64,
}

impl Service {
    /// A service with all defaults; unique in its `id`, `name` and `sip_uri`.
    #[must_use]
    pub const fn new(
        id: ServiceId,
        name: String,
        sip_uri: SipAddress,
        direction_type: DirectionType,
        now: Instant,
    ) -> Self {
        Self {
            id,
            name,
            sip_uri,
            direction_type,
            max_concurrent_outbound_sessions: None,
            max_queue_time_in_seconds: defaults::MAX_QUEUE_TIME_SECONDS,
            seconds_between_retries: defaults::SECONDS_BETWEEN_RETRIES,
            rona_timeout_in_seconds: defaults::RONA_TIMEOUT_SECONDS,
            preview_time_in_seconds: defaults::PREVIEW_TIME_SECONDS,
            max_dialout_time_in_seconds: defaults::MAX_DIALOUT_TIME_SECONDS,
            after_call_work_in_seconds: defaults::AFTER_CALL_WORK_SECONDS,
            preferred_agent_hold_in_seconds: defaults::PREFERRED_AGENT_HOLD_SECONDS,
            opening_hours: None,
            duplicate_policy: DuplicatePolicy::Allow,
            retry_by_outcome: BTreeMap::new(),
            max_attempts_per_target_per_day: None,
            default_country_code: None,
            caller_ids: Vec::new(),
            allowed_targets: None,
            max_queued: None,
            created_at: now,
            updated_at: now,
            version: 1,
        }
    }

    /// Whether it takes callbacks at all: it calls out and its cap of sessions is not 0.
    #[must_use]
    pub fn takes_callbacks(&self) -> bool {
        self.direction_type != DirectionType::Inbound
            && self.max_concurrent_outbound_sessions != Some(0)
    }

    /// Its opening hours, `None` when it is always open.
    #[must_use]
    pub const fn hours(&self) -> Option<&OpeningHours> {
        self.opening_hours.as_ref()
    }

    /// How long a callback with this allowed wait is held for its preferred agent:
    /// never more than half of the wait.
    #[must_use]
    pub fn hold(&self, allowed_wait_seconds: u32) -> TimeDelta {
        let hold = TimeDelta::seconds(i64::from(self.preferred_agent_hold_in_seconds));
        hold.min(TimeDelta::seconds(i64::from(allowed_wait_seconds)) / 2)
    }
}
