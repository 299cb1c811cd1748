//! What services and users are called.

use callback_domain::priority::Priority;
use callback_http::Permission;
use serde_json::Value;

use crate::failure::Failure;
use crate::show::{items, text, words};
use crate::visit::Visit;

/// The services and users within somebody's reach.
#[derive(Debug)]
pub(crate) struct Names {
    pub(super) services: Vec<Value>,
    /// Empty for whoever may not list them.
    pub(super) users: Vec<Value>,
}

impl Names {
    pub(super) async fn read(visit: &Visit) -> Result<Self, Failure> {
        let services = visit.get("/v1.0/services").await?;
        let users = if visit.may(Permission::ListUsers) {
            visit.get("/v1.0/users").await?
        } else {
            Value::Null
        };
        Ok(Self { services: items(&services).to_vec(), users: items(&users).to_vec() })
    }

    /// What a service is called.
    pub(super) fn service<'n>(&'n self, id: &'n str) -> &'n str {
        name(&self.services, id)
    }

    /// What a user is called.
    pub(super) fn user<'n>(&'n self, id: &'n str) -> &'n str {
        name(&self.users, id)
    }

    /// Choices of a member of each: its value and the name.
    pub(super) fn choices(list: &[Value], member: &str) -> Vec<(String, String)> {
        let choice =
            |entry: &Value| (text(entry, member).to_owned(), text(entry, "Name").to_owned());
        list.iter().map(choice).collect()
    }
}

/// The name of whoever has an identity, or the beginning of that.
fn name<'n>(list: &'n [Value], id: &'n str) -> &'n str {
    let found = list.iter().find(|entry| text(entry, "Id") == id);
    found.map_or_else(|| id.get(..8).unwrap_or(id), |entry| text(entry, "Name"))
}

/// Every priority, the highest first.
pub(crate) fn priorities() -> Vec<(String, String)> {
    let all = (0..9).filter_map(Priority::from_level);
    all.map(|priority| (priority.name().to_owned(), words(priority.name()))).collect()
}
