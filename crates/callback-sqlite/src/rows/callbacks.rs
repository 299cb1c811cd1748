//! Callbacks as rows: every scalar in a column of its own, the phase's facts as JSON.

use callback_domain::callback::{Callback, Creator, Phase, Preferred};
use callback_domain::date;
use callback_domain::id::{AgentId, CallbackId, ServiceId};
use callback_domain::priority::Priority;
use callback_domain::target::TargetKey;
use rusqlite::types::{ToSqlOutput, Value};
use rusqlite::{Connection, Row, ToSql, params, params_from_iter};
use uuid::Uuid;

use super::queue::{self, Standing};
use crate::error::Failure;
use crate::sql::{Answer, Fields, all, json, limit, one, unsigned, write};

const TABLE: &str = "callbacks";

/// The columns that make a callback, in the order of [`read`].
macro_rules! columns {
    ($($name:literal),+ $(,)?) => {
        const COLUMNS: &[&str] = &[$($name),+];
        /// Selects what [`read`] reads.
        macro_rules! select {
            ($rest:literal) => { concat!("SELECT ", columns!(@list $($name),+), " FROM callbacks ", $rest) };
        }
    };
    (@list $first:literal $(, $name:literal)*) => { concat!($first $(, ", ", $name)*) };
}

pub(crate) const SELECTED: &str = "id, creator, initiator, initiating_session_id, service, target, \
    alternative_target, level, max_retries, seconds_between_retries, due, due_set_at, description, \
    external_task_id, incoming_service_sip_uri, context_url, supervisor, caller_id, \
    preferred_sip_uri, preferred_agent, hold_used_micros, allowed_wait_seconds, retry_count, \
    attempts, dialouts, failures, phase, settled, created_at, updated_at, version";
