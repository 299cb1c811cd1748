//! Every default and limit, each with its unit and where it comes from.
//!
//! "LUCS" means that the documentation of the LUCS callback API states the value;
//! "ours" means that it is silent and this project chose.

/// Retries after a first unsuccessful dial-out; LUCS.
pub const MAX_RETRIES: u32 = 3;
/// Most retries that a request may ask for; ours.
pub const MAX_RETRIES_LIMIT: u32 = 100;
/// Seconds between the end of an attempt and the next; ours.
pub const SECONDS_BETWEEN_RETRIES: u32 = 300;
/// Longest spacing of retries, in seconds (a week); ours.
pub const SECONDS_BETWEEN_RETRIES_LIMIT: u32 = 604_800;
/// Seconds that a callback may wait in the queue; LUCS.
pub const MAX_QUEUE_TIME_SECONDS: u32 = 3_600;
/// Longest allowed wait, in seconds (two days); LUCS.
pub const MAX_QUEUE_TIME_SECONDS_LIMIT: u32 = 172_800;
/// Seconds an agent has to take an offer before it counts as redirected on no answer; ours.
pub const RONA_TIMEOUT_SECONDS: u32 = 20;
/// Seconds of preview before the call is placed; ours.
pub const PREVIEW_TIME_SECONDS: u32 = 30;
/// Seconds the customer's phone may ring; ours.
pub const MAX_DIALOUT_TIME_SECONDS: u32 = 30;
/// Seconds of work after a call in which an agent is offered nothing; ours.
pub const AFTER_CALL_WORK_SECONDS: u32 = 30;
/// Seconds for which a callback is held for its preferred agent; ours.
pub const PREFERRED_AGENT_HOLD_SECONDS: u32 = 600;
/// Longest time-out of an agent's or customer's step that a service may set, in seconds; ours.
pub const STEP_TIMEOUT_SECONDS_LIMIT: u32 = 3_600;
/// Longest preferred-agent hold that a service may set, in seconds; ours.
pub const PREFERRED_AGENT_HOLD_SECONDS_LIMIT: u32 = 172_800;
/// Seconds that a lease lasts from preview on, unless a heartbeat extends it; ours.
pub const LEASE_SECONDS: u32 = 60;
/// Seconds before an attempt of unknown fate is followed by another; ours.
pub const LOST_RETRY_SECONDS: u32 = 120;
/// Seconds by which the due date moves while a service is closed and its calendar names no opening; LUCS.
pub const CLOSED_POSTPONE_SECONDS: u32 = 3_600;
/// First back-off after a failed attempt, in seconds; it doubles with each further failure; ours.
pub const BACK_OFF_SECONDS: u32 = 1;
/// Longest back-off after failed attempts, in seconds; ours.
pub const BACK_OFF_SECONDS_LIMIT: u32 = 60;
/// Failures in a row on one route after which it is tried by one attempt at a time; ours.
pub const BREAKER_FAILURES: u32 = 3;
/// Seconds after a stop was requested for which a target and an agent still belong to an attempt
/// whose end was never reported; ringing times are added; ours.
pub const STOP_GRACE_SECONDS: u32 = 60;
/// Longest description shown to the agent, in characters; LUCS.
pub const DESCRIPTION_CHARACTERS: usize = 150;
/// Longest key of the caller's own, in characters; ours.
pub const EXTERNAL_TASK_ID_CHARACTERS: usize = 255;
/// Longest other text member, in characters; ours.
pub const TEXT_CHARACTERS: usize = 255;
/// Longest context URL, in characters; ours.
pub const CONTEXT_URL_CHARACTERS: usize = 2_048;
/// Days for which a terminated callback stays readable; ours.
pub const RETENTION_DAYS: u32 = 90;
/// Most callbacks that one request makes.
pub const BATCH_ITEMS: usize = 1_000;
/// Most callbacks that one request cancels.
pub const BULK_CANCELLED: u32 = 10_000;
