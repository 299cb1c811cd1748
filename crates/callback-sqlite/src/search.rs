//! Searches as SQL: columns and conditions come from here alone, whatever is searched for is bound.

use callback_domain::callback::{Callback, Creator, PhaseName, State, TerminationReason};
use callback_domain::date;
use callback_domain::search::{Column, Cursor, Query, SortValue};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use uuid::Uuid;

use crate::rows::callbacks::{self, select_callbacks};
use crate::sql::{Answer, all, one, signed, unsigned};

/// A statement with what is bound to it.
#[derive(Debug)]
pub(crate) struct Search {
    pub(crate) sql: String,
    bound: Vec<Value>,
}

impl Search {
    pub(crate) fn callbacks(&self, connection: &Connection) -> Answer<Vec<Callback>> {
        all(connection, &self.sql, params_from_iter(&self.bound), callbacks::read)
    }

    pub(crate) fn number(&self, connection: &Connection) -> Answer<u64> {
        let params = params_from_iter(&self.bound);
        let number = one(connection, &self.sql, params, |row| Ok(row.get(0)?))?;
        Ok(unsigned(number.unwrap_or(0)))
    }

    fn add(&mut self, sql: &str) {
        self.sql.push_str(sql);
    }

    fn bind(&mut self, condition: &str, value: impl Into<Value>) {
        self.add(" AND ");
        self.add(condition);
        self.bound.push(value.into());
    }
}

pub(crate) fn count(query: &Query) -> Search {
    let mut search =
        Search { sql: "SELECT count(*) FROM callbacks WHERE 1".to_owned(), bound: Vec::new() };
    conditions(&mut search, query, false);
    search
}

pub(crate) fn page(query: &Query, after: Option<&Cursor>, offset: u64, limit: usize) -> Search {
    let mut search = Search { sql: select_callbacks!("WHERE 1").to_owned(), bound: Vec::new() };
    conditions(&mut search, query, true);
    if let Some(cursor) = after {
        begin_after(&mut search, query, cursor);
    }
    let direction = if query.descending { " DESC" } else { "" };
    let column = sorted_by(query.order_by);
    search.add(&format!(" ORDER BY {column}{direction}, id{direction} LIMIT ? OFFSET ?"));
    search.bound.push(Value::Integer(crate::sql::limit(limit)));
    search.bound.push(Value::Integer(signed(offset)));
    search
}

fn conditions(search: &mut Search, query: &Query, is_page: bool) {
    // Without wildcards: a condition that is added must find its SQL.
    let Query {
        target,
        service,
        within,
        live,
        state,
        phase,
        creator,
        priority,
        agent,
        reason,
        external_task_id,
        caller_id,
        due_from,
        due_to,
        order_by: _,
        descending: _,
    } = query;
    if let Some(target) = target {
        search.bind("target_key = ?", target.as_str().to_owned());
    }
    if let Some(service) = service {
        search.bind("service = ?", service.0);
    }
    if let Some(within) = within {
        let marks = vec!["?"; within.len()].join(", ");
        // A page walks on in its order past other services; a sort of all that is left would be
        // made anew for each page.
        search.add(&format!(" AND {}service IN ({marks})", if is_page { "+" } else { "" }));
        search.bound.extend(within.iter().map(|service| Value::from(service.0)));
    }
    if *live {
        search.add(" AND live = 1");
    }
    if let Some(state) = state {
        search.add(match state {
            State::Pending => " AND live = 1 AND phase_name = 'Pending'",
            State::InQueue => " AND live = 1 AND phase_name IN ('InQueue', 'Offered')",
            State::Processing => {
                " AND live = 1 AND phase_name IN ('Preview', 'Dialout', 'Connected')"
            }
            State::Terminated => " AND phase_name = 'Terminated'",
        });
    }
    if let Some(phase) = phase {
        if *phase != PhaseName::Terminated {
            search.add(" AND live = 1");
        }
        search.bind("phase_name = ?", phase.name().to_owned());
    }
    if let Some(creator) = creator {
        search.bind("creator = ?", Creator::name(*creator).to_owned());
    }
    if let Some(priority) = priority {
        search.bind("level = ?", i64::from(priority.level()));
    }
    if let Some(agent) = agent {
        search.bind("agent = ?", agent.0);
    }
    if let Some(reason) = reason {
        search.bind("reason = ?", TerminationReason::name(*reason).to_owned());
    }
    if let Some(external_task_id) = external_task_id {
        search.bind("external_task_id = ?", external_task_id.clone());
    }
    if let Some(caller_id) = caller_id {
        search.bind("caller_id = ?", caller_id.clone());
    }
    if let Some(from) = due_from {
        search.bind("due >= ?", date::micros(*from));
    }
    if let Some(to) = due_to {
        search.bind("due <= ?", date::micros(*to));
    }
}

/// The rows after a place, in the order of the search; nothing comes before everything.
fn begin_after(search: &mut Search, query: &Query, cursor: &Cursor) {
    let column = sorted_by(query.order_by);
    let value = match &cursor.value {
        SortValue::Null => {
            search.add(&match query.descending {
                true => format!(" AND {column} IS NULL AND id < ?"),
                false => format!(" AND ({column} IS NOT NULL OR id > ?)"),
            });
            search.bound.push(cursor.id.0.into());
            return;
        }
        SortValue::Integer(number) => Value::Integer(*number),
        SortValue::Text(text) => match Uuid::try_parse(text) {
            Ok(id) if is_identity(query.order_by) => id.into(),
            Ok(_) | Err(_) => Value::Text(text.clone()),
        },
    };
    search.add(&match (query.descending, is_nullable(query.order_by)) {
        (false, _) => format!(" AND ({column}, id) > (?, ?)"),
        (true, false) => format!(" AND ({column}, id) < (?, ?)"),
        (true, true) => format!(" AND (({column}, id) < (?, ?) OR {column} IS NULL)"),
    });
    search.bound.extend([value, cursor.id.0.into()]);
}

/// What a column of the search is in SQL.
const fn sorted_by(column: Column) -> &'static str {
    match column {
        Column::Id => "id",
        Column::Creator => "creator",
        Column::InitiatingSessionId => "initiating_session_id",
        Column::Initiator => "initiator",
        Column::State => {
            "CASE phase_name WHEN 'Offered' THEN 'InQueue' WHEN 'Preview' THEN 'Processing' \
             WHEN 'Dialout' THEN 'Processing' WHEN 'Connected' THEN 'Processing' \
             ELSE phase_name END"
        }
        Column::RetryCount => "retry_count",
        Column::Target => "target",
        Column::AlternativeTarget => "alternative_target",
        Column::MaxRetries => "max_retries",
        Column::SecondsBetweenRetries => "seconds_between_retries",
        Column::ServiceId => "service",
        Column::IncomingServiceSipUri => "incoming_service_sip_uri",
        Column::Priority => "level",
        Column::ContextUrl => "context_url",
        Column::DueDate => "due",
        Column::Supervisor => "supervisor",
        Column::Description => "description",
        Column::ExternalTaskId => "external_task_id",
        Column::CallerId => "caller_id",
        Column::PreferredAgent => "preferred_sip_uri",
        Column::Phase => "phase_name",
        Column::Agent => "agent",
        Column::TerminationReason => "reason",
        Column::CreatedAt => "created_at",
        Column::UpdatedAt => "updated_at",
        Column::Version => "version",
    }
}

/// Whether a column holds identities, which are bytes here and text in the search.
const fn is_identity(column: Column) -> bool {
    matches!(column, Column::Id | Column::ServiceId | Column::Agent)
}

const fn is_nullable(column: Column) -> bool {
    matches!(
        column,
        Column::InitiatingSessionId
            | Column::Initiator
            | Column::AlternativeTarget
            | Column::IncomingServiceSipUri
            | Column::ContextUrl
            | Column::Supervisor
            | Column::Description
            | Column::ExternalTaskId
            | Column::CallerId
            | Column::PreferredAgent
            | Column::Agent
            | Column::TerminationReason
    )
}
