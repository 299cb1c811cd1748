//! The request to put a line on the suppression list.

use alloc::string::{String, ToString as _};
use alloc::vec;

use serde_json::Value;

use super::members::Members;
use super::problem::{Fault, Problems, complete};
use super::resolution::target_problem;
use super::value;
use crate::date::Instant;
use crate::defaults;
use crate::id::ServiceId;
use crate::service::Service;
use crate::target::{Target, TargetKey};

/// A line that must not be called, read but not yet held against its service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuppressionRequest {
    target: String,
    /// The service it holds for; `None` is all.
    pub service: Option<ServiceId>,
    /// Why, in words.
    pub reason: Option<String>,
    /// When it ends; `None` is never.
    pub until: Option<Instant>,
}

impl SuppressionRequest {
    /// Reads a body, or one item of an import.
    ///
    /// # Errors
    /// All problems that can be named without the service.
    pub fn read(body: &Value) -> Result<Self, Problems> {
        let mut members = Members::of(body);
        let target = members.require("Target", value::string);
        let service = members.read("ServiceId", value::guid);
        let reason =
            members.read("Reason", |value| value::paragraph(value, defaults::TEXT_CHARACTERS));
        let until = members.read("Until", value::date);
        let mut problems = members.finish();
        problems.extend(target.as_ref().and_then(|text| target_problem("Target", text)));
        complete(target.map(|target| Self { target, service, reason, until }), problems)
    }

    /// Whose line it is.
    ///
    /// # Errors
    /// A telephone number without `+` is a problem when the service cannot complete it.
    pub fn key(&self, service: Option<&Service>) -> Result<TargetKey, Problems> {
        let code = service.and_then(|service| service.default_country_code);
        let target = Target::parse(&self.target, code).map_err(|error| {
            Problems(vec![Fault::new(error.code(), error.to_string()).of("Target")])
        })?;
        Ok(target.key())
    }
}
