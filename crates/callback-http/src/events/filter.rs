//! Which events a reader wants.

use std::collections::BTreeSet;

use callback_domain::dto::Problems;
use callback_domain::id::ServiceId;
use callback_domain::lifecycle::Happening;
use callback_engine::access::{Principal, Role, Scope};
use callback_engine::ledger::{DIRECTORY_EVENTS, Subject};
use serde::Deserialize as _;
use serde_json::Value;

use crate::parameters::{Parameters, problem};
use crate::path::echo;
use crate::tail::Entry;

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Callback,
    Service,
    User,
    Webhook,
    Key,
}

impl From<Subject> for Kind {
    fn from(subject: Subject) -> Self {
        match subject {
            Subject::Callback(_) => Self::Callback,
            Subject::Service(_) => Self::Service,
            Subject::User(_) => Self::User,
            Subject::Webhook(_) => Self::Webhook,
            Subject::Key(_) | Subject::Erasure(_) => Self::Key,
        }
    }
}

/// What an event must be to be sent; an empty set asks for nothing in particular.
#[derive(Debug, Default)]
pub(super) struct Filter {
    services: BTreeSet<ServiceId>,
    kinds: BTreeSet<Kind>,
    names: BTreeSet<String>,
    /// The services of whoever reads.
    scope: Scope,
    /// Whether whoever reads may know of keys and webhooks.
    administers: bool,
}

impl Filter {
    /// Reads the parameters of a filter, each of which may be repeated.
    pub(super) fn read(parameters: &mut Parameters, reader: &Principal) -> Result<Self, Problems> {
        let (scope, administers) = (reader.scope.clone(), reader.role == Role::Admin);
        let mut filter = Self { scope, administers, ..Self::default() };
        let mut problems = Vec::new();
        for text in parameters.texts("service") {
            match text.parse() {
                Ok(service) => drop(filter.services.insert(service)),
                Err(_) => problems.push(problem("service", "WrongType", "a GUID is expected")),
            }
        }
        for text in parameters.texts("kind") {
            let kind = match text.as_str() {
                "callback" => Kind::Callback,
                "service" => Kind::Service,
                "user" => Kind::User,
                "webhook" => Kind::Webhook,
                "key" => Kind::Key,
                _ => {
                    let message = "the accepted values are callback, service, user, webhook, key";
                    problems.push(problem("kind", "UnknownValue", message));
                    continue;
                }
            };
            filter.kinds.insert(kind);
        }
        for text in parameters.texts("event") {
            if is_event(&text) {
                filter.names.insert(text);
            } else {
                let message = format!("there is no event {}", echo(&text));
                problems.push(problem("event", "UnknownValue", &message));
            }
        }
        if problems.is_empty() { Ok(filter) } else { Err(Problems(problems)) }
    }

    pub(super) fn passes(&self, entry: &Entry) -> bool {
        let wanted_service =
            || entry.service.is_some_and(|service| self.services.contains(&service));
        self.scope.holds_of(entry.service)
            && (self.administers || !matches!(entry.kind, Kind::Key | Kind::Webhook))
            && (self.services.is_empty() || wanted_service())
            && (self.kinds.is_empty() || self.kinds.contains(&entry.kind))
            && (self.names.is_empty() || self.names.contains(&entry.name))
    }
}

/// Whether the ledger knows such an event.
pub(crate) fn is_event(name: &str) -> bool {
    DIRECTORY_EVENTS.contains(&name) || Happening::deserialize(Value::from(name)).is_ok()
}
