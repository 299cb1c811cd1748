//! The row of one callback, both ways.

use callback_domain::callback::{Callback, Creator, Phase, Preferred, Settled};
use callback_domain::date;
use callback_domain::id::{AgentId, CallbackId, ServiceId};
use callback_domain::priority::Priority;
use callback_domain::target::Target;
use rusqlite::types::{Null, ToSql, ToSqlOutput, Value, ValueRef};
use rusqlite::{Error, Row};
use serde::Serialize;
use uuid::Uuid;

use crate::rows::queue::Standing;
use crate::sql::{Answer, Fields, signed, unsigned};

pub(crate) const TABLE: &str = "callbacks";

/// The columns that make a callback, as they are selected.
const COLUMNS: &[&str] = &[
    "id",
    "creator",
    "initiator",
    "initiating_session_id",
    "service",
    "target",
    "alternative_target",
    "level",
    "max_retries",
    "seconds_between_retries",
    "due",
    "due_set_at",
    "description",
    "external_task_id",
    "incoming_service_sip_uri",
    "context_url",
    "supervisor",
    "caller_id",
    "preferred_sip_uri",
    "preferred_agent",
    "hold_used_micros",
    "allowed_wait_seconds",
    "retry_count",
    "attempts",
    "dialouts",
    "failures",
    "phase",
    "settled",
    "created_at",
    "updated_at",
    "version",
];

const CREATORS: &[Creator] = &[Creator::Api, Creator::WebService, Creator::WfActivity];

pub(crate) fn read(row: &Row<'_>) -> Answer<Callback> {
    let mut fields = Fields::new(row, TABLE, COLUMNS);
    Ok(Callback {
        id: CallbackId(fields.take()?),
        creator: fields.named(CREATORS, Creator::name)?,
        initiator: fields.take()?,
        initiating_session_id: fields.take()?,
        service: ServiceId(fields.take()?),
        target: fields.parsed()?,
        alternative_target: fields.maybe_parsed()?,
        priority: priority(&mut fields)?,
        max_retries: fields.take()?,
        seconds_between_retries: fields.take()?,
        due: fields.instant()?,
        due_set_at: fields.instant()?,
        description: fields.take()?,
        external_task_id: fields.take()?,
        incoming_service_sip_uri: fields.take()?,
        context_url: fields.take()?,
        supervisor: fields.take()?,
        caller_id: fields.take()?,
        preferred: preferred(&mut fields)?,
        hold_used_micros: fields.take()?,
        allowed_wait_seconds: fields.take()?,
        retry_count: fields.take()?,
        attempts: fields.take()?,
        dialouts: fields.take()?,
        failures: fields.take()?,
        phase: fields.json()?,
        settled: fields.maybe_json()?,
        created_at: fields.instant()?,
        updated_at: fields.instant()?,
        version: unsigned(fields.take()?),
    })
}

fn priority(fields: &mut Fields<'_, '_>) -> Answer<Priority> {
    let level: u8 = fields.take()?;
    Priority::from_level(level).ok_or_else(|| fields.wrong(&format!("there is no level {level}")))
}

fn preferred(fields: &mut Fields<'_, '_>) -> Answer<Option<Preferred>> {
    let sip_uri = fields.maybe_parsed()?;
    let agent: Option<Uuid> = fields.take()?;
    match (sip_uri, agent) {
        (Some(sip_uri), Some(agent)) => Ok(Some(Preferred { sip_uri, agent: AgentId(agent) })),
        (None, None) => Ok(None),
        (Some(_), None) | (None, Some(_)) => {
            Err(fields.wrong(&"an address and a user belong together"))
        }
    }
}

/// The value of a column; what is dear to write is put into words only when it goes into the file.
#[derive(Debug)]
pub(super) enum Held<'a> {
    Plain(ToSqlOutput<'a>),
    Phase(&'a Phase),
    Settled(Option<&'a Settled>),
    Key(&'a Target),
}

impl PartialEq for Held<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Plain(one), Self::Plain(other)) => one == other,
            (Self::Phase(one), Self::Phase(other)) => one == other,
            (Self::Settled(one), Self::Settled(other)) => one == other,
            (Self::Key(one), Self::Key(other)) => one == other || one.key() == other.key(),
            (Self::Plain(_) | Self::Phase(_) | Self::Settled(_) | Self::Key(_), _) => false,
        }
    }
}

impl ToSql for Held<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match self {
            Self::Plain(value) => value.to_sql(),
            Self::Phase(phase) => in_words(phase),
            Self::Settled(settled) => settled.map_or_else(|| Ok(Null.into()), in_words),
            Self::Key(target) => Ok(target.key().as_str().to_owned().into()),
        }
    }
}

impl<'a, T: Into<ToSqlOutput<'a>>> From<T> for Held<'a> {
    fn from(value: T) -> Self {
        Self::Plain(value.into())
    }
}

fn in_words(value: &impl Serialize) -> rusqlite::Result<ToSqlOutput<'static>> {
    let words = serde_json::to_string(value);
    words.map(Into::into).map_err(|error| Error::ToSqlConversionFailure(error.into()))
}

/// Every column of a callback with its value, always in the same order.
pub(super) fn values(callback: &Callback) -> Vec<(&'static str, Held<'_>)> {
    // Without wildcards: a member that is added must find its column.
    let Callback {
        id,
        creator,
        initiator,
        initiating_session_id,
        service,
        target,
        alternative_target,
        priority,
        max_retries,
        seconds_between_retries,
        due,
        due_set_at,
        description,
        external_task_id,
        incoming_service_sip_uri,
        context_url,
        supervisor,
        caller_id,
        preferred,
        hold_used_micros,
        allowed_wait_seconds,
        retry_count,
        attempts,
        dialouts,
        failures,
        phase,
        settled,
        created_at,
        updated_at,
        version,
    } = callback;
    let order = callback.order();
    let lane = match phase {
        Phase::InQueue { held_for, .. } => Some(held_for.map_or(Uuid::nil(), |agent| agent.0)),
        Phase::Pending
        | Phase::Offered { .. }
        | Phase::Preview { .. }
        | Phase::Dialout { .. }
        | Phase::Connected { .. }
        | Phase::Terminated { .. } => None,
    };
    let reason = callback.termination_reason().map(|reason| reason.name());
    vec![
        ("id", id.0.into()),
        ("creator", text(creator.name())),
        ("initiator", maybe_text(initiator.as_deref())),
        ("initiating_session_id", maybe_text(initiating_session_id.as_deref())),
        ("service", service.0.into()),
        ("target", text(target.as_str())),
        ("alternative_target", maybe_text(alternative_target.as_ref().map(|it| it.as_str()))),
        ("level", priority.level().into()),
        ("max_retries", (*max_retries).into()),
        ("seconds_between_retries", (*seconds_between_retries).into()),
        ("due", date::micros(*due).into()),
        ("due_set_at", date::micros(*due_set_at).into()),
        ("description", maybe_text(description.as_deref())),
        ("external_task_id", maybe_text(external_task_id.as_deref())),
        ("incoming_service_sip_uri", maybe_text(incoming_service_sip_uri.as_deref())),
        ("context_url", maybe_text(context_url.as_deref())),
        ("supervisor", maybe_text(supervisor.as_deref())),
        ("caller_id", maybe_text(caller_id.as_deref())),
        ("preferred_sip_uri", maybe_text(preferred.as_ref().map(|it| it.sip_uri.as_str()))),
        ("preferred_agent", maybe(preferred.as_ref().map(|it| it.agent.0))),
        ("hold_used_micros", (*hold_used_micros).into()),
        ("allowed_wait_seconds", (*allowed_wait_seconds).into()),
        ("retry_count", (*retry_count).into()),
        ("attempts", (*attempts).into()),
        ("dialouts", (*dialouts).into()),
        ("failures", (*failures).into()),
        ("phase", Held::Phase(phase)),
        ("settled", Held::Settled(settled.as_ref())),
        ("created_at", date::micros(*created_at).into()),
        ("updated_at", date::micros(*updated_at).into()),
        ("version", signed(*version).into()),
        ("target_key", Held::Key(callback.called())),
        ("phase_name", text(callback.phase_name().name())),
        ("live", i64::from(!callback.is_terminated()).into()),
        ("deadline", maybe(callback.deadline().map(|(at, _)| date::micros(at)))),
        ("agent", maybe(callback.agent().map(|agent| agent.0))),
        ("reason", maybe_text(reason)),
        ("standing", maybe(Standing::unrefreshed(callback).map(|standing| standing as i64))),
        ("lane", maybe(lane)),
        ("place", maybe(order.map(|order| date::micros(order.at)))),
    ]
}

fn text(text: &str) -> Held<'_> {
    Held::Plain(ToSqlOutput::Borrowed(ValueRef::from(text)))
}

fn maybe_text(value: Option<&str>) -> Held<'_> {
    value.map_or_else(|| Null.into(), text)
}

fn maybe<'a>(value: Option<impl Into<Value>>) -> Held<'a> {
    Held::Plain(ToSqlOutput::Owned(value.map_or(Value::Null, Into::into)))
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    #[test]
    fn what_is_selected_is_what_is_read() {
        let connection = Connection::open_in_memory().expect("memory is there");
        connection.execute_batch(include_str!("../../schema/1.sql")).expect("the schema is made");
        let statement =
            connection.prepare(crate::rows::callbacks::select_callbacks!("")).expect("it is valid");
        assert_eq!(statement.column_names().collect::<Vec<_>>(), COLUMNS);
    }
}
