//! The request to make an access key.

use alloc::collections::BTreeSet;
use alloc::string::String;

use core::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::members::Members;
use super::problem::{Fault, Problems, complete};
use super::value;
use crate::id::{AgentId, ServiceId};

/// Services that a key may name.
const SERVICES: usize = 100;
/// How long a key may be good, in seconds: up to ten years.
const LIFE: RangeInclusive<u32> = 1..=315_360_000;

/// What the holder of a key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Role {
    /// A system that asks for callbacks and follows them.
    Integrator,
    /// One agent with the tasks of one user.
    Agent,
    /// Somebody who watches over agents and queues.
    Supervisor,
    /// Whoever runs the installation.
    Admin,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 4] = [Self::Integrator, Self::Agent, Self::Supervisor, Self::Admin];

    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Integrator => "Integrator",
            Self::Agent => "Agent",
            Self::Supervisor => "Supervisor",
            Self::Admin => "Admin",
        }
    }
}

/// A key that somebody wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRequest {
    /// What people call it; the ledger shows it.
    pub name: String,
    /// What its holder is.
    pub role: Role,
    /// The user whose tasks an agent's key is for.
    pub user: Option<AgentId>,
    /// The only services that it is for; `None` is all.
    pub services: Option<BTreeSet<ServiceId>>,
    /// For how long it is good; `None` is until it is revoked.
    pub expires_in_seconds: Option<u32>,
}

impl KeyRequest {
    /// Reads a body.
    ///
    /// # Errors
    /// All problems at once.
    pub fn read(body: &Value) -> Result<Self, Problems> {
        let mut members = Members::of(body);
        let name = members.require("Name", value::name);
        let role = members.require("Role", value::choice::<Role>);
        let user = members.read("UserId", value::guid);
        let services = members.list("Services", SERVICES, value::guid);
        let expires_in_seconds =
            members.read("ExpiresInSeconds", |seconds| value::integer(seconds, &LIFE));
        if let Some(role) = role {
            check_role(&mut members, role);
        }
        if services.as_ref().is_some_and(|services| services.is_empty()) {
            let message = "at least one service is expected; without the member all are meant";
            members.fault("Services", Fault::new("Required", message));
        }
        let services = services.map(|services| services.into_iter().collect());
        let request = name.zip(role).map(|(name, role)| Self {
            name,
            role,
            user,
            services,
            expires_in_seconds,
        });
        complete(request, members.finish())
    }
}

/// A user belongs to an agent's key and to no other; an agent's services are those of the user, and
/// an administrator's all.
fn check_role(members: &mut Members<'_>, role: Role) {
    if role == Role::Agent && !members.has("UserId") {
        members.fault("UserId", Fault::new("Required", "an agent's key is for one user"));
    }
    if role != Role::Agent && members.has("UserId") {
        members.fault("UserId", Fault::new("NotForRole", "only an agent's key is for one user"));
    }
    if matches!(role, Role::Agent | Role::Admin) && members.has("Services") {
        let message = "only the keys of integrators and supervisors are limited to services";
        members.fault("Services", Fault::new("NotForRole", message));
    }
}
