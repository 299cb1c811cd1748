//! The request to change a callback: a JSON merge patch.

use alloc::string::String;
use alloc::vec::Vec;

use serde_json::Value;

use super::create::{self, SERVER_OWNED};
use super::members::Members;
use super::problem::{Problem, Problems};
use super::resolution::Resolution;
use super::value;
use crate::agent::Agent;
use crate::date::Instant;
use crate::lifecycle::{Change, Edit};
use crate::priority::Priority;
use crate::service::Service;
use crate::target::SipAddress;

/// Members that are settled when a callback is made.
const SETTLED: [&str; 6] = [
    "ServiceId",
    "ServiceSip",
    "ExternalTaskId",
    "IncomingServiceSipUri",
    "Supervisor",
    "LeftInQueueTimeInSeconds",
];

/// A request to change a callback, read but not yet held against its service.
#[derive(Clone, Debug)]
pub struct PatchRequest {
    target: Change<String>,
    alternative_target: Change<Option<String>>,
    due: Change<Instant>,
    priority: Change<Priority>,
    max_retries: Change<u32>,
    seconds_between_retries: Change<u32>,
    description: Change<Option<String>>,
    context_url: Change<Option<String>>,
    caller_id: Change<Option<String>>,
    preferred_agent: Change<Option<SipAddress>>,
    problems: Vec<Problem>,
}

impl PatchRequest {
    /// Reads a body and keeps every problem for [`Self::resolve`].
    ///
    /// `null` removes a member that a callback can be without; it is a problem on any other.
    #[must_use]
    pub fn read(body: &Value) -> Self {
        let mut members = Members::of(body);
        let patch = Self {
            target: members.change("Target", value::string),
            alternative_target: members.removable("AlternativeTarget", value::string),
            due: members.change("DueDate", value::date),
            priority: members.change("Priority", value::choice),
            max_retries: members.change("MaxRetries", create::max_retries),
            seconds_between_retries: members.change("SecondsBetweenRetries", create::spacing),
            description: members.removable("Description", create::description),
            context_url: members.removable("ContextUrl", value::web_address),
            caller_id: members.removable("CallerId", value::line),
            preferred_agent: members.removable("PreferredAgent", value::sip_address),
            problems: Vec::new(),
        };
        let message = "the member cannot be changed";
        members.refuse(&SETTLED, "NotPatchable", message);
        members.refuse(&SERVER_OWNED, "NotPatchable", message);
        Self { problems: members.finish(), ..patch }
    }

    /// The user to look up for [`Self::resolve`].
    #[must_use]
    pub const fn preferred_agent(&self) -> Option<&SipAddress> {
        match &self.preferred_agent {
            Change::To(Some(address)) => Some(address),
            Change::To(None) | Change::Keep => None,
        }
    }

    /// Holds the changes against the callback's service.
    ///
    /// `preferred` is the user found by [`Self::preferred_agent`].
    ///
    /// # Errors
    /// All problems of the request, those of the reading included.
    pub fn resolve(self, service: &Service, preferred: Option<&Agent>) -> Result<Edit, Problems> {
        let mut resolution = Resolution::new(service, self.problems);
        let target = match self.target {
            Change::To(text) => resolution.target("Target", &text).map_or(Change::Keep, Change::To),
            Change::Keep => Change::Keep,
        };
        let edit = Edit {
            target,
            alternative_target: and_then(self.alternative_target, |text| {
                resolution.target("AlternativeTarget", &text)
            }),
            due: self.due,
            priority: self.priority,
            max_retries: self.max_retries,
            seconds_between_retries: self.seconds_between_retries,
            description: self.description,
            context_url: self.context_url,
            caller_id: and_then(self.caller_id, |caller_id| resolution.caller_id(caller_id)),
            preferred: and_then(self.preferred_agent, |sip_uri| {
                resolution.preferred(sip_uri, preferred)
            }),
        };
        resolution.finish(Some(edit))
    }
}

/// Checks the value that a member is changed to; a removal needs no check.
fn and_then<T, U>(
    change: Change<Option<T>>,
    check: impl FnOnce(T) -> Option<U>,
) -> Change<Option<U>> {
    match change {
        Change::To(value) => Change::To(value.and_then(check)),
        Change::Keep => Change::Keep,
    }
}
