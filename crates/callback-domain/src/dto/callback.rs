//! Callbacks and tasks, as answers show them.

use serde::Serialize;
use uuid::Uuid;

use crate::callback::{Callback, Creator, PhaseName, State, TerminationReason};
use crate::date::Instant;
use crate::id::{AgentId, AttemptId, CallbackId, LeaseToken, ServiceId};
use crate::priority::Priority;
use crate::target::{SipAddress, Target};

/// A callback in an answer; absent members are written as `null`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CallbackDto<'c> {
    /// Its identity.
    pub id: CallbackId,
    /// Who made it.
    pub creator: Creator,
    /// What is left of the allowed wait at the moment of the answer.
    pub left_in_queue_time_in_seconds: u32,
    /// The installation.
    pub app_pool_id: Uuid,
    /// The session it came from.
    pub initiating_session_id: Option<&'c str>,
    /// The supervisor who made it.
    pub initiator: Option<&'c str>,
    /// The state.
    pub state: State,
    /// Always `SingleSession`.
    pub retry_type: &'static str,
    /// Retries used.
    pub retry_count: u32,
    /// The customer's address.
    pub target: &'c Target,
    /// The address called instead.
    pub alternative_target: Option<&'c Target>,
    /// Retries allowed.
    pub max_retries: u32,
    /// Spacing of attempts.
    pub seconds_between_retries: u32,
    /// The service that calls back.
    pub service_id: ServiceId,
    /// Always `None`: the service is named by its id.
    pub service_sip: Option<&'c SipAddress>,
    /// The service called at first.
    pub incoming_service_sip_uri: Option<&'c str>,
    /// How urgent.
    pub priority: Priority,
    /// Opened for the agent.
    pub context_url: Option<&'c str>,
    /// When it enters the queue.
    #[serde(serialize_with = "super::date::write")]
    pub due_date: Instant,
    /// As given.
    pub supervisor: Option<&'c str>,
    /// Shown to the agent.
    pub description: Option<&'c str>,
    /// The caller's own key.
    pub external_task_id: Option<&'c str>,
    /// Presented on the call.
    pub caller_id: Option<&'c str>,
    /// Whom it is for first.
    pub preferred_agent: Option<&'c SipAddress>,
    /// The phase.
    pub phase: PhaseName,
    /// Who is asked, or whose task it is.
    pub agent: Option<AgentId>,
    /// Why it is over.
    pub termination_reason: Option<TerminationReason>,
    /// When it was made.
    #[serde(serialize_with = "super::date::write")]
    pub created_at: Instant,
    /// When it last changed.
    #[serde(serialize_with = "super::date::write")]
    pub updated_at: Instant,
    /// Rises with each change.
    pub version: u64,
}

impl<'c> CallbackDto<'c> {
    /// Shows a callback of an installation, with what is left of its wait in seconds.
    #[must_use]
    pub fn new(callback: &'c Callback, app_pool_id: Uuid, left_seconds: u32) -> Self {
        Self {
            id: callback.id,
            creator: callback.creator,
            left_in_queue_time_in_seconds: left_seconds,
            app_pool_id,
            initiating_session_id: callback.initiating_session_id.as_deref(),
            initiator: callback.initiator.as_deref(),
            state: callback.state(),
            retry_type: "SingleSession",
            retry_count: callback.retry_count,
            target: &callback.target,
            alternative_target: callback.alternative_target.as_ref(),
            max_retries: callback.max_retries,
            seconds_between_retries: callback.seconds_between_retries,
            service_id: callback.service,
            service_sip: None,
            incoming_service_sip_uri: callback.incoming_service_sip_uri.as_deref(),
            priority: callback.priority,
            context_url: callback.context_url.as_deref(),
            due_date: callback.due,
            supervisor: callback.supervisor.as_deref(),
            description: callback.description.as_deref(),
            external_task_id: callback.external_task_id.as_deref(),
            caller_id: callback.caller_id.as_deref(),
            preferred_agent: callback.preferred.as_ref().map(|preferred| &preferred.sip_uri),
            phase: callback.phase_name(),
            agent: callback.agent(),
            termination_reason: callback.termination_reason(),
            created_at: callback.created_at,
            updated_at: callback.updated_at,
            version: callback.version,
        }
    }
}

/// A callback in an agent's hands, with the proof that their moves carry.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TaskDto<'c> {
    /// The callback.
    pub callback: CallbackDto<'c>,
    /// The proof.
    pub lease_token: LeaseToken,
    /// When the lease is lost unless a heartbeat extends it; `None` while the callback is offered.
    #[serde(serialize_with = "super::date::write_optional")]
    pub lease_until: Option<Instant>,
    /// The attempt in progress.
    pub attempt_id: Option<AttemptId>,
}

impl<'c> TaskDto<'c> {
    /// Shows a callback as a task; `None` when it is in nobody's hands.
    #[must_use]
    pub fn new(callback: &'c Callback, app_pool_id: Uuid, left_seconds: u32) -> Option<Self> {
        Some(Self {
            lease_token: callback.token()?,
            lease_until: callback.lease_until(),
            attempt_id: callback.attempt(),
            callback: CallbackDto::new(callback, app_pool_id, left_seconds),
        })
    }
}
