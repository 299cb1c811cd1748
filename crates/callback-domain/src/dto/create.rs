//! The request for a callback.

use alloc::string::String;
use alloc::vec::Vec;

use serde_json::Value;

use super::members::Members;
use super::problem::{Fault, Problem, Problems};
use super::resolution::{Resolution, target_problem};
use super::value;
use crate::agent::Agent;
use crate::callback::Creator;
use crate::date::Instant;
use crate::defaults;
use crate::id::ServiceId;
use crate::lifecycle::NewCallback;
use crate::priority::Priority;
use crate::service::Service;
use crate::target::SipAddress;

/// Members that only the server sets.
pub(super) const SERVER_OWNED: [&str; 14] = [
    "Id",
    "Creator",
    "AppPoolId",
    "InitiatingSessionId",
    "Initiator",
    "State",
    "RetryType",
    "RetryCount",
    "Phase",
    "Agent",
    "TerminationReason",
    "CreatedAt",
    "UpdatedAt",
    "Version",
];

/// Which service a request is about: the id if there is one by it, else the address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceRef {
    /// The id, if one was given.
    pub id: Option<ServiceId>,
    /// The address, if one was given.
    pub sip: Option<SipAddress>,
}

impl ServiceRef {
    /// Reads `ServiceId` and `ServiceSip`; `None` when neither names a service.
    ///
    /// A wrong one of the two is only a problem when it leaves nothing to go by.
    pub(super) fn read(members: &mut Members<'_>) -> Option<Self> {
        let mut faults = Vec::new();
        let mut noted = |name, fault| faults.push((name, fault));
        let id = members.read("ServiceId", |value| Ok(value::guid(value)));
        let id = id.and_then(|id| id.map_err(|fault| noted("ServiceId", fault)).ok());
        let sip = members.read("ServiceSip", |value| Ok(value::sip_address(value)));
        let sip = sip.and_then(|sip| sip.map_err(|fault| noted("ServiceSip", fault)).ok());
        if id.is_some() || sip.is_some() {
            return Some(Self { id, sip });
        }
        for (name, fault) in faults {
            members.fault(name, fault);
        }
        None
    }
}

/// A request for a callback, read but not yet held against its service.
#[derive(Clone, Debug)]
pub struct CreateRequest {
    service: Option<ServiceRef>,
    target: Option<String>,
    alternative_target: Option<String>,
    priority: Option<Priority>,
    max_retries: Option<u32>,
    seconds_between_retries: Option<u32>,
    due: Option<Instant>,
    description: Option<String>,
    external_task_id: Option<String>,
    incoming_service_sip_uri: Option<String>,
    context_url: Option<String>,
    supervisor: Option<String>,
    caller_id: Option<String>,
    preferred_agent: Option<SipAddress>,
    left_in_queue_time_in_seconds: Option<u32>,
    problems: Vec<Problem>,
}

impl CreateRequest {
    /// Reads a body and keeps every problem for [`Self::resolve`].
    ///
    /// Members that only the server sets are ignored, so that an answer can be posted back;
    /// `strict` makes each of them a problem.
    #[must_use]
    pub fn read(body: &Value, strict: bool) -> Self {
        let mut members = Members::of(body);
        // The answer shows what is left of the wait, which is 0 when it is used up.
        let posted_back = !strict && members.has("Id");
        let service = ServiceRef::read(&mut members);
        if service.is_none() && !members.has("ServiceId") && !members.has("ServiceSip") {
            let fault = Fault::new("Required", "a ServiceId or a ServiceSip is required");
            members.fault("ServiceId", fault);
        }
        let request = Self {
            service,
            target: members.require("Target", value::string),
            alternative_target: members.read("AlternativeTarget", value::string),
            priority: members.read("Priority", value::choice),
            max_retries: members.read("MaxRetries", max_retries),
            seconds_between_retries: members.read("SecondsBetweenRetries", spacing),
            due: members.read("DueDate", value::date),
            description: members.read("Description", description),
            external_task_id: members.read("ExternalTaskId", external_task_id),
            incoming_service_sip_uri: members.read("IncomingServiceSipUri", value::line),
            context_url: members.read("ContextUrl", value::web_address),
            supervisor: members.read("Supervisor", value::line),
            caller_id: members.read("CallerId", value::line),
            preferred_agent: members.read("PreferredAgent", value::sip_address),
            left_in_queue_time_in_seconds: members
                .read("LeftInQueueTimeInSeconds", |value| match value.as_u64() {
                    Some(0) if posted_back => Ok(None),
                    Some(_) | None => allowed_wait(value).map(Some),
                })
                .flatten(),
            problems: Vec::new(),
        };
        if strict {
            let given: Vec<_> = SERVER_OWNED.into_iter().filter(|name| members.has(name)).collect();
            members.refuse(&given, "ServerOwned", "only the server sets this member");
        }
        members.ignore(&SERVER_OWNED);
        Self { problems: members.finish(), ..request }
    }

    /// Which service is meant, if the request says so.
    #[must_use]
    pub const fn service(&self) -> Option<&ServiceRef> {
        self.service.as_ref()
    }

    /// The user to look up for [`Self::resolve`].
    #[must_use]
    pub const fn preferred_agent(&self) -> Option<&SipAddress> {
        self.preferred_agent.as_ref()
    }

    /// Holds the request against its service and fills in the defaults.
    ///
    /// `preferred` is the user found by [`Self::preferred_agent`].
    /// `initiator` is the supervisor's name when the creator is the front end.
    ///
    /// # Errors
    /// All problems of the request, those of the reading included.
    pub fn resolve(
        self,
        service: &Service,
        preferred: Option<&Agent>,
        creator: Creator,
        initiator: Option<String>,
    ) -> Result<NewCallback, Problems> {
        let mut resolution = Resolution::new(service, self.problems);
        let target = self.target.and_then(|text| resolution.target("Target", &text));
        let alternative_target =
            self.alternative_target.and_then(|text| resolution.target("AlternativeTarget", &text));
        let caller_id = self.caller_id.and_then(|caller_id| resolution.caller_id(caller_id));
        let preferred =
            self.preferred_agent.and_then(|sip_uri| resolution.preferred(sip_uri, preferred));
        let new = target.map(|target| NewCallback {
            creator,
            initiator,
            service: service.id,
            target,
            alternative_target,
            priority: self.priority.unwrap_or_default(),
            max_retries: self.max_retries.unwrap_or(defaults::MAX_RETRIES),
            seconds_between_retries: self
                .seconds_between_retries
                .unwrap_or(service.seconds_between_retries),
            due: self.due,
            description: self.description,
            external_task_id: self.external_task_id,
            incoming_service_sip_uri: self.incoming_service_sip_uri,
            context_url: self.context_url,
            supervisor: self.supervisor,
            caller_id,
            preferred,
            allowed_wait_seconds: self
                .left_in_queue_time_in_seconds
                .unwrap_or(service.max_queue_time_in_seconds),
        });
        resolution.finish(new)
    }

    /// All problems that can be named without the service; `None` when there are none so far.
    #[must_use]
    pub fn problems_without_service(self) -> Option<Problems> {
        let mut problems = self.problems;
        let targets = [("Target", self.target), ("AlternativeTarget", self.alternative_target)];
        for (member, text) in targets {
            problems.extend(text.and_then(|text| target_problem(member, &text)));
        }
        (!problems.is_empty()).then_some(Problems(problems))
    }
}

pub(super) fn max_retries(value: &Value) -> Result<u32, Fault> {
    value::integer(value, &(0..=defaults::MAX_RETRIES_LIMIT))
}

pub(super) fn spacing(value: &Value) -> Result<u32, Fault> {
    value::integer(value, &(0..=defaults::SECONDS_BETWEEN_RETRIES_LIMIT))
}

pub(super) fn allowed_wait(value: &Value) -> Result<u32, Fault> {
    value::integer(value, &(1..=defaults::MAX_QUEUE_TIME_SECONDS_LIMIT))
}

pub(super) fn description(value: &Value) -> Result<String, Fault> {
    value::paragraph(value, defaults::DESCRIPTION_CHARACTERS)
}

pub(super) fn external_task_id(value: &Value) -> Result<String, Fault> {
    value::text(value, defaults::EXTERNAL_TASK_ID_CHARACTERS)
}
