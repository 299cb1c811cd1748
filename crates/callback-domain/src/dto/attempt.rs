//! Attempts, as answers show them.

use serde::Serialize;

use crate::attempt::{Attempt, Outcome};
use crate::date::Instant;
use crate::id::{AgentId, AttemptId, CallbackId, ServiceId};
use crate::target::Target;

/// An attempt in an answer; absent members are written as `null`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AttemptDto<'a> {
    /// Its identity.
    pub id: AttemptId,
    /// The callback it belongs to.
    pub callback_id: CallbackId,
    /// 1 for the first of the callback.
    pub number: u32,
    /// The callback's service.
    pub service_id: ServiceId,
    /// Whose phone rings first.
    pub agent: AgentId,
    /// The address called.
    pub target: &'a Target,
    /// The caller id presented.
    pub caller_id: Option<&'a str>,
    /// What places it.
    pub driver: &'a str,
    /// When it began.
    #[serde(serialize_with = "super::date::write")]
    pub started_at: Instant,
    /// When the customer's leg was requested.
    #[serde(serialize_with = "super::date::write_optional")]
    pub customer_requested_at: Option<Instant>,
    /// When the customer's phone began to ring.
    #[serde(serialize_with = "super::date::write_optional")]
    pub customer_ringing_at: Option<Instant>,
    /// When both were connected.
    #[serde(serialize_with = "super::date::write_optional")]
    pub connected_at: Option<Instant>,
    /// When it ended.
    #[serde(serialize_with = "super::date::write_optional")]
    pub ended_at: Option<Instant>,
    /// How it came out, once that is decided; a stop may still be under way then.
    pub outcome: Option<Outcome>,
    /// The outcome in words.
    pub detail: Option<&'a str>,
    /// When its end was ordered.
    #[serde(serialize_with = "super::date::write_optional")]
    pub stop_requested_at: Option<Instant>,
    /// Why its end was ordered.
    pub stop_reason: Option<&'a str>,
}

impl<'a> From<&'a Attempt> for AttemptDto<'a> {
    fn from(attempt: &'a Attempt) -> Self {
        Self {
            id: attempt.id,
            callback_id: attempt.callback,
            number: attempt.number,
            service_id: attempt.service,
            agent: attempt.agent,
            target: &attempt.target,
            caller_id: attempt.caller_id.as_deref(),
            driver: &attempt.driver,
            started_at: attempt.requested_at,
            customer_requested_at: attempt.customer_requested_at,
            customer_ringing_at: attempt.customer_ringing_at,
            connected_at: attempt.connected_at,
            ended_at: attempt.ended_at,
            outcome: attempt.outcome(),
            detail: attempt.verdict.as_ref().and_then(|verdict| verdict.detail.as_deref()),
            stop_requested_at: attempt.stop.as_ref().map(|stop| stop.at),
            stop_reason: attempt.stop.as_ref().map(|stop| stop.why.as_str()),
        }
    }
}
