//! Users: the request to make or replace one, and the answer.

use alloc::collections::BTreeSet;
use alloc::string::String;

use serde::Serialize;
use serde_json::Value;

use super::members::Members;
use super::problem::{Problems, complete};
use super::value;
use crate::agent::{Agent, Distribution, Presence};
use crate::date::Instant;
use crate::id::{AgentId, CallbackId, ServiceId};
use crate::target::SipAddress;

/// Members that only the server sets; they are ignored, so that an answer can be put back.
const SERVER_OWNED: [&str; 8] =
    ["Id", "Rona", "IdleSince", "Task", "AfterCallWorkUntil", "CreatedAt", "UpdatedAt", "Version"];
/// Most services of one user.
const SERVICES: usize = 1_000;

/// A user as requested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRequest {
    /// What people call them.
    pub name: String,
    /// Their phone.
    pub sip_uri: SipAddress,
    /// The services they work for.
    pub services: BTreeSet<ServiceId>,
    /// Whether they may be chosen at all.
    pub selectable: bool,
    /// How tasks reach them.
    pub distribution: Distribution,
    /// The presence to choose; `None` leaves it as it is, offline at first.
    pub presence: Option<Presence>,
}

impl UserRequest {
    /// Reads a body, for a new user or to replace one whole.
    ///
    /// # Errors
    /// All its problems.
    pub fn read(body: &Value) -> Result<Self, Problems> {
        let mut members = Members::of(body);
        members.ignore(&SERVER_OWNED);
        let name = members.require("Name", value::name);
        let sip_uri = members.require("SipUri", value::sip_address);
        let services = members.list("Services", SERVICES, value::guid).unwrap_or_default();
        let selectable = members.read("Selectable", value::flag).unwrap_or(true);
        let distribution = members.read("Distribution", value::choice).unwrap_or_default();
        let presence = members.read("Presence", value::choice);
        let request = name.zip(sip_uri).map(|(name, sip_uri)| Self {
            name,
            sip_uri,
            services: services.into_iter().collect(),
            selectable,
            distribution,
            presence,
        });
        complete(request, members.finish())
    }

    /// The new user.
    #[must_use]
    pub fn into_agent(self, id: AgentId, now: Instant) -> Agent {
        Agent {
            services: self.services,
            selectable: self.selectable,
            distribution: self.distribution,
            presence: self.presence.unwrap_or_default(),
            ..Agent::new(id, self.name, self.sip_uri, now)
        }
    }

    /// The user that takes the place of another: the same one, edited.
    ///
    /// The live facts of the desk stay; a presence that differs is chosen, which also clears RONA.
    #[must_use]
    pub fn replace(self, agent: &Agent, now: Instant) -> Agent {
        let mut replaced = Agent {
            name: self.name,
            sip_uri: self.sip_uri,
            services: self.services,
            selectable: self.selectable,
            distribution: self.distribution,
            ..agent.clone()
        };
        match self.presence {
            Some(presence) if presence != agent.presence => replaced.choose_presence(presence, now),
            Some(_) | None => replaced.touch(now),
        }
        replaced
    }
}

/// A user in an answer; absent members are written as `null`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct UserDto<'a> {
    /// Identity.
    pub id: AgentId,
    /// What people call them.
    pub name: &'a str,
    /// Their phone.
    pub sip_uri: &'a SipAddress,
    /// The services they work for.
    pub services: &'a BTreeSet<ServiceId>,
    /// Whether they may be chosen at all.
    pub selectable: bool,
    /// How tasks reach them.
    pub distribution: Distribution,
    /// What they say of themselves.
    pub presence: Presence,
    /// Redirected on no answer.
    pub rona: bool,
    /// Since when they have been without work.
    #[serde(serialize_with = "super::date::write")]
    pub idle_since: Instant,
    /// The callback in their hands.
    pub task: Option<CallbackId>,
    /// The end of their work after the last call.
    #[serde(serialize_with = "super::date::write_optional")]
    pub after_call_work_until: Option<Instant>,
    /// When the user was made.
    #[serde(serialize_with = "super::date::write")]
    pub created_at: Instant,
    /// When the user last changed.
    #[serde(serialize_with = "super::date::write")]
    pub updated_at: Instant,
    /// Rises with each change.
    pub version: u64,
}

impl<'a> From<&'a Agent> for UserDto<'a> {
    fn from(agent: &'a Agent) -> Self {
        Self {
            id: agent.id,
            name: &agent.name,
            sip_uri: &agent.sip_uri,
            services: &agent.services,
            selectable: agent.selectable,
            distribution: agent.distribution,
            presence: agent.presence,
            rona: agent.rona,
            idle_since: agent.idle_since,
            task: agent.task,
            after_call_work_until: agent.after_call_work_until,
            created_at: agent.created_at,
            updated_at: agent.updated_at,
            version: agent.version,
        }
    }
}
