//! How a queue stands: figures for supervisors and for the customer who asks how long it takes.

use callback_domain::id::ServiceId;
use serde::Serialize;

/// Agents of a service by what they can do now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AgentsByState {
    /// Can be given a task now.
    pub ready: u32,
    /// Have a task, or a phone that may still be ringing.
    pub occupied: u32,
    /// At work after a call.
    pub after_call_work: u32,
    /// Redirected on no answer.
    pub rona: u32,
    /// Not available, or not selectable.
    pub away: u32,
}

/// Callbacks of one priority.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct WaitingAt {
    /// The priority.
    pub priority: &'static str,
    /// How many wait.
    pub waiting: u64,
}

/// How a service's queue stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct QueueInsight {
    /// The service.
    pub service_id: ServiceId,
    /// Whether it is open.
    pub open: bool,
    /// All that wait.
    pub waiting: u64,
    /// By priority.
    pub waiting_by_priority: Vec<WaitingAt>,
    /// The longest that anything has been in the queue, in seconds from its place.
    pub oldest_wait_in_seconds: Option<u64>,
    /// Offered or called now.
    pub live_sessions: u32,
    /// Its agents.
    pub agents: AgentsByState,
    /// The wait that a callback entering now at `Normal` may expect, in seconds; `None` without agents.
    pub estimated_wait_in_seconds: Option<u64>,
}

/// Where a callback stands in its queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Position {
    /// 1 for the next of its service and priority.
    pub position: u64,
    /// The wait that it may expect, in seconds; `None` without agents.
    pub estimated_wait_in_seconds: Option<u64>,
}
