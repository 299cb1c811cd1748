//! Searches as SQL; the domain's functions on [`Query`] are the definition.

use callback_domain::callback::{PhaseName, State};
use callback_domain::date;
use callback_domain::search::{Column, Cursor, Query, SortValue};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::connection::Parameter;
use crate::records::signed;

/// A statement that is put together for one search.
pub(crate) struct Search {
    pub(crate) sql: String,
    parameters: Vec<Box<dyn ToSql + Sync + Send>>,
}

/// What a column sorts by, so that its values are compared as [`SortValue`]s are.
enum Kind {
    Identity,
    Integer,
    Instant,
    Text,
}

impl Search {
    /// Counts what a query finds.
    pub(crate) fn count(query: &Query) -> Self {
        let mut search = Self {
            sql: "/* PostgresStore::count */ SELECT count(*) FROM callbacks WHERE true".to_owned(),
            parameters: Vec::new(),
        };
        search.filter(query);
        search
    }

    /// A page of a query after a cursor.
    pub(crate) fn page(query: &Query, after: Option<&Cursor>, offset: u64, limit: i64) -> Self {
        let mut search = Self {
            sql: "/* PostgresStore::page */ SELECT id, record FROM callbacks WHERE true".to_owned(),
            parameters: Vec::new(),
        };
        search.filter(query);
        if let Some(cursor) = after {
            search.seek(query, cursor);
        }
        let (expression, _) = expression(query.order_by);
        let (direction, nulls) =
            if query.descending { ("DESC", "NULLS LAST") } else { ("ASC", "NULLS FIRST") };
        let nulls = if may_be_null(query.order_by) { nulls } else { "" };
        if matches!(query.order_by, Column::Id) {
            search.sql.push_str(&format!(" ORDER BY id {direction}"));
        } else {
            search
                .sql
                .push_str(&format!(" ORDER BY {expression} {direction} {nulls}, id {direction}"));
        }
        search.sql.push_str(" LIMIT ");
        search.push(limit);
        if offset > 0 {
            search.sql.push_str(" OFFSET ");
            search.push(signed(offset));
        }
        search
    }

    /// What the statement is given.
    pub(crate) fn given(&self) -> Vec<Parameter<'_>> {
        let given = self.parameters.iter();
        given.map(|parameter| -> Parameter<'_> { &**parameter }).collect()
    }

    /// Appends a parameter's place.
    fn push(&mut self, value: impl ToSql + Sync + Send + 'static) {
        self.parameters.push(Box::new(value));
        self.sql.push_str(&format!("${}", self.parameters.len()));
    }

    fn and(&mut self, condition: &str, value: impl ToSql + Sync + Send + 'static) {
        self.sql.push_str(" AND ");
        self.sql.push_str(condition);
        self.push(value);
    }

    fn filter(&mut self, query: &Query) {
        if let Some(target) = &query.target {
            self.and("key = ", target.as_str().to_owned());
        }
        if let Some(service) = query.service {
            self.and("service = ", service.0);
        }
        if let Some(within) = &query.within {
            let services: Vec<Uuid> = within.iter().map(|service| service.0).collect();
            self.and("service = ANY(", services);
            self.sql.push(')');
        }
        if let Some(state) = query.state {
            match phases(state).as_slice() {
                [only] => self.sql.push_str(&format!(" AND phase = '{only}'")),
                some => self.sql.push_str(&format!(" AND phase IN ('{}')", some.join("', '"))),
            }
            self.among_the_living(state != State::Terminated);
        }
        if query.live {
            self.among_the_living(true);
        }
        if let Some(phase) = query.phase {
            self.and("phase = ", phase.name());
            self.among_the_living(phase != PhaseName::Terminated);
        }
        if let Some(creator) = query.creator {
            self.and("creator = ", creator.name());
        }
        if let Some(priority) = query.priority {
            self.and("priority = ", i16::from(priority.level()));
        }
        if let Some(agent) = query.agent {
            self.and("agent = ", agent.0);
        }
        if let Some(reason) = query.reason {
            self.and("reason = ", reason.name());
        }
        if let Some(external_task_id) = &query.external_task_id {
            self.and("external_task_id = ", external_task_id.clone());
        }
        if let Some(caller_id) = &query.caller_id {
            self.and("caller_id = ", caller_id.clone());
        }
        if let Some(from) = query.due_from {
            self.and("due >= ", from);
        }
        if let Some(to) = query.due_to {
            self.and("due <= ", to);
        }
    }

    /// Says what follows from the phase, so that the index over what lives can be used.
    fn among_the_living(&mut self, lives: bool) {
        if lives {
            self.sql.push_str(" AND phase <> 'Terminated'");
        }
    }

    /// Keeps to what comes after a place.
    fn seek(&mut self, query: &Query, cursor: &Cursor) {
        let (expression, kind) = expression(query.order_by);
        let after = if query.descending { "<" } else { ">" };
        let nullable = may_be_null(query.order_by);
        let id = cursor.id.0;
        match (&cursor.value, kind) {
            (SortValue::Null, _) => {
                // Nothing comes first, or last when descending.
                self.and(&format!("({expression} IS NULL AND id {after} "), id);
                self.sql.push_str(match query.descending {
                    true => ")",
                    false => "",
                });
                if !query.descending {
                    self.sql.push_str(&format!(" OR {expression} IS NOT NULL)"));
                }
            }
            (SortValue::Integer(number), Kind::Integer) => {
                self.seek_value(expression, after, *number, id, nullable && query.descending);
            }
            (SortValue::Integer(micros), Kind::Instant) => {
                let at = date::from_micros(*micros).unwrap_or(if *micros < 0 {
                    date::EARLIEST
                } else {
                    date::LATEST
                });
                self.seek_value(expression, after, at, id, nullable && query.descending);
            }
            (SortValue::Text(text), Kind::Identity) => match Uuid::try_parse(text) {
                Ok(value) => self.and(&format!("{expression} {after} "), value),
                Err(_) => self.and(&format!("{expression}::text {after} "), text.clone()),
            },
            (SortValue::Text(text), Kind::Text) => {
                self.seek_value(expression, after, text.clone(), id, nullable && query.descending);
            }
            // A cursor of another kind of value: numbers come before text.
            (SortValue::Integer(_), Kind::Identity | Kind::Text) => {
                self.sql.push_str(if query.descending { " AND false" } else { "" });
            }
            (SortValue::Text(_), Kind::Integer | Kind::Instant) => {
                self.sql.push_str(if query.descending { "" } else { " AND false" });
            }
        }
    }

    fn seek_value(
        &mut self,
        expression: &str,
        after: &str,
        value: impl ToSql + Sync + Send + 'static,
        id: Uuid,
        or_null: bool,
    ) {
        self.sql.push_str(&format!(" AND (({expression}, id) {after} ("));
        self.push(value);
        self.sql.push_str(", ");
        self.push(id);
        self.sql.push_str("))");
        if or_null {
            let end = self.sql.len() - 1;
            self.sql.insert_str(end, &format!(" OR {expression} IS NULL"));
        }
    }
}

fn phases(state: State) -> Vec<&'static str> {
    let phases = PhaseName::ALL.into_iter().filter(|phase| phase.state() == state);
    phases.map(PhaseName::name).collect()
}

/// What is compared for a column, and as what.
const fn expression(column: Column) -> (&'static str, Kind) {
    match column {
        Column::Id => ("id", Kind::Identity),
        Column::Creator => ("creator", Kind::Text),
        Column::InitiatingSessionId => {
            ("(record->>'initiating_session_id') COLLATE \"C\"", Kind::Text)
        }
        Column::Initiator => ("(record->>'initiator') COLLATE \"C\"", Kind::Text),
        Column::State => (
            "(CASE WHEN phase IN ('InQueue', 'Offered') THEN 'InQueue' \
             WHEN phase IN ('Preview', 'Dialout', 'Connected') THEN 'Processing' \
             ELSE phase END) COLLATE \"C\"",
            Kind::Text,
        ),
        Column::RetryCount => ("(record->>'retry_count')::bigint", Kind::Integer),
        Column::Target => ("(record->>'target') COLLATE \"C\"", Kind::Text),
        Column::AlternativeTarget => ("(record->>'alternative_target') COLLATE \"C\"", Kind::Text),
        Column::MaxRetries => ("(record->>'max_retries')::bigint", Kind::Integer),
        Column::SecondsBetweenRetries => {
            ("(record->>'seconds_between_retries')::bigint", Kind::Integer)
        }
        Column::ServiceId => ("service::text COLLATE \"C\"", Kind::Text),
        Column::IncomingServiceSipUri => {
            ("(record->>'incoming_service_sip_uri') COLLATE \"C\"", Kind::Text)
        }
        Column::Priority => ("priority::bigint", Kind::Integer),
        Column::ContextUrl => ("(record->>'context_url') COLLATE \"C\"", Kind::Text),
        Column::DueDate => ("due", Kind::Instant),
        Column::Supervisor => ("(record->>'supervisor') COLLATE \"C\"", Kind::Text),
        Column::Description => ("(record->>'description') COLLATE \"C\"", Kind::Text),
        Column::ExternalTaskId => ("external_task_id", Kind::Text),
        Column::CallerId => ("caller_id", Kind::Text),
        Column::PreferredAgent => ("(record->'preferred'->>'sip_uri') COLLATE \"C\"", Kind::Text),
        Column::Phase => ("phase", Kind::Text),
        Column::Agent => ("agent::text COLLATE \"C\"", Kind::Text),
        Column::TerminationReason => ("reason", Kind::Text),
        Column::CreatedAt => ("created_at", Kind::Instant),
        Column::UpdatedAt => ("updated_at", Kind::Instant),
        Column::Version => ("version", Kind::Integer),
    }
}

const fn may_be_null(column: Column) -> bool {
    match column {
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
        | Column::TerminationReason => true,
        Column::Id
        | Column::Creator
        | Column::State
        | Column::RetryCount
        | Column::Target
        | Column::MaxRetries
        | Column::SecondsBetweenRetries
        | Column::ServiceId
        | Column::Priority
        | Column::DueDate
        | Column::Phase
        | Column::CreatedAt
        | Column::UpdatedAt
        | Column::Version => false,
    }
}
