//! What the service has to say about a request for a callback.

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::problem::{Fault, Problem, Problems, complete};
use crate::agent::Agent;
use crate::callback::Preferred;
use crate::service::Service;
use crate::target::{SipAddress, Target};

/// A request held against its service; problems are added to those of the reading.
#[derive(Debug)]
pub(super) struct Resolution<'s> {
    service: &'s Service,
    problems: Vec<Problem>,
}

impl<'s> Resolution<'s> {
    pub(super) const fn new(service: &'s Service, problems: Vec<Problem>) -> Self {
        Self { service, problems }
    }

    /// An address that the service may call.
    pub(super) fn target(&mut self, member: &str, text: &str) -> Option<Target> {
        match Target::parse(text, self.service.default_country_code) {
            Ok(target) if self.allows(&target) => return Some(target),
            Ok(_) => {
                let message = "the service may not call this address";
                self.problems.push(Fault::new("TargetNotAllowed", message).of(member));
            }
            Err(error) => self.problems.push(Fault::from(error).of(member)),
        }
        None
    }

    /// A caller id that the service may present.
    pub(super) fn caller_id(&mut self, caller_id: String) -> Option<String> {
        let listed = &self.service.caller_ids;
        if listed.is_empty() || listed.contains(&caller_id) {
            return Some(caller_id);
        }
        let message = "the caller id is not on the service's list";
        self.problems.push(Fault::new("CallerIdNotAllowed", message).of("CallerId"));
        None
    }

    /// A user of the service; `agent` is who was found by the address.
    pub(super) fn preferred(
        &mut self,
        sip_uri: SipAddress,
        agent: Option<&Agent>,
    ) -> Option<Preferred> {
        match agent.filter(|agent| agent.services.contains(&self.service.id)) {
            Some(agent) => Some(Preferred { sip_uri, agent: agent.id }),
            None => {
                let message = "nobody with this address is a user of the service";
                self.problems.push(Fault::new("NotAUser", message).of("PreferredAgent"));
                None
            }
        }
    }

    /// The result, if nothing was wrong with it.
    pub(super) fn finish<T>(self, result: Option<T>) -> Result<T, Problems> {
        complete(result, self.problems)
    }

    fn allows(&self, target: &Target) -> bool {
        self.service
            .allowed_targets
            .as_ref()
            .is_none_or(|patterns| patterns.iter().any(|pattern| pattern.matches(target)))
    }
}

/// What is wrong with an address, as far as that can be said without its service.
pub(super) fn target_problem(member: &str, text: &str) -> Option<Problem> {
    use crate::target::TargetError::CountryCodeNeeded;
    let error = Target::parse(text, None).err().filter(|error| *error != CountryCodeNeeded)?;
    Some(Fault::new(error.code(), error.to_string()).of(member))
}
