//! The request to search for callbacks.

use alloc::string::String;
use alloc::vec;

use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::create::{self, ServiceRef};
use super::members::Members;
use super::problem::{Fault, Problems};
use super::resolution::target_problem;
use super::value;
use crate::callback::{Creator, PhaseName, State, TerminationReason};
use crate::date::Instant;
use crate::id::AgentId;
use crate::priority::Priority;
use crate::search::{Column, Query};
use crate::service::Service;
use crate::target::{CountryCode, SipAddress, Target, TargetKey};

/// Which way the answer is sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum SortOrder {
    /// Smallest first.
    #[default]
    Ascending,
    /// Largest first.
    Descending,
}

/// Which user a search is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgentRef {
    /// By identity.
    Id(AgentId),
    /// By address.
    Sip(SipAddress),
}

/// A request to search for callbacks; whatever is absent does not narrow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchRequest {
    target: Option<String>,
    /// The service that calls back.
    pub service: Option<ServiceRef>,
    /// The state.
    pub state: Option<State>,
    /// The phase.
    pub phase: Option<PhaseName>,
    /// Who made it.
    pub creator: Option<Creator>,
    /// The installation; any other than this one has no callbacks here.
    pub app_pool_id: Option<Uuid>,
    /// Earliest due date, included.
    pub start: Option<Instant>,
    /// Latest due date, included.
    pub end: Option<Instant>,
    /// Most callbacks in the answer; `None` is no limit.
    pub limit: Option<u32>,
    /// Callbacks left out at the beginning.
    pub offset: u32,
    /// What the answer is sorted by.
    pub order_by: Column,
    /// Which way.
    pub sort_order: SortOrder,
    /// The caller's own key.
    pub external_task_id: Option<String>,
    /// The caller id presented.
    pub caller_id: Option<String>,
    /// How urgent.
    pub priority: Option<Priority>,
    /// The user who is asked, or whose task it is.
    pub agent: Option<AgentRef>,
    /// Why it is over.
    pub termination_reason: Option<TerminationReason>,
}

impl SearchRequest {
    /// Reads a body.
    ///
    /// # Errors
    /// All problems that can be named without a service.
    pub fn read(body: &Value) -> Result<Self, Problems> {
        let mut members = Members::of(body);
        let request = Self {
            target: members.read("Target", value::string),
            service: ServiceRef::read(&mut members),
            state: members.read("State", value::choice),
            phase: members.read("Phase", value::choice),
            creator: members.read("Creator", creator),
            app_pool_id: members.read("AppPoolId", value::guid),
            start: members.read("StartDate", value::date),
            end: members.read("EndDate", value::date),
            limit: members.read("Limit", count).filter(|limit| *limit > 0),
            offset: members.read("Offset", count).unwrap_or_default(),
            order_by: members.read("OrderBy", value::choice).unwrap_or_default(),
            sort_order: members.read("SortOrder", value::choice).unwrap_or_default(),
            external_task_id: members.read("ExternalTaskId", create::external_task_id),
            caller_id: members.read("CallerId", value::line),
            priority: members.read("Priority", value::choice),
            agent: members.read("Agent", agent),
            termination_reason: members.read("TerminationReason", value::choice),
        };
        let mut problems = members.finish();
        if let Some(text) = &request.target {
            let problem = if request.service.is_some() {
                target_problem("Target", text)
            } else {
                request.key(None).err()
            };
            problems.extend(problem);
        }
        if problems.is_empty() { Ok(request) } else { Err(Problems(problems)) }
    }

    /// The query for the stores, once service and user are found.
    ///
    /// # Errors
    /// A telephone number without `+` is a problem when the service cannot complete it.
    pub fn resolve(
        self,
        service: Option<&Service>,
        agent: Option<AgentId>,
    ) -> Result<Query, Problems> {
        let code = service.and_then(|service| service.default_country_code);
        let target = self.key(code).map_err(|problem| Problems(vec![problem]))?;
        Ok(Query {
            target,
            service: service.map(|service| service.id),
            within: None,
            live: false,
            state: self.state,
            phase: self.phase,
            creator: self.creator,
            priority: self.priority,
            agent,
            reason: self.termination_reason,
            external_task_id: self.external_task_id,
            caller_id: self.caller_id,
            due_from: self.start,
            due_to: self.end,
            order_by: self.order_by,
            descending: self.sort_order == SortOrder::Descending,
        })
    }

    fn key(
        &self,
        default_country_code: Option<CountryCode>,
    ) -> Result<Option<TargetKey>, super::Problem> {
        let Some(text) = &self.target else { return Ok(None) };
        match Target::parse(text, default_country_code) {
            Ok(target) => Ok(Some(target.key())),
            Err(error) => Err(Fault::from(error).of("Target")),
        }
    }
}

/// `Luware.API` is how the same creator is spelt elsewhere.
fn creator(value: &Value) -> Result<Creator, Fault> {
    if value.as_str() == Some("Luware.API") {
        return Ok(Creator::Api);
    }
    value::choice(value)
}

fn agent(value: &Value) -> Result<AgentRef, Fault> {
    value::guid(value).map(AgentRef::Id).or_else(|fault| match value::sip_address(value) {
        Ok(address) => Ok(AgentRef::Sip(address)),
        Err(_) if fault.code == "WrongType" => Err(fault),
        Err(_) => {
            Err(Fault::new("InvalidAgent", "a guid or the SIP address of a user is expected"))
        }
    })
}

fn count(value: &Value) -> Result<u32, Fault> {
    value::integer(value, &value::COUNT)
}
