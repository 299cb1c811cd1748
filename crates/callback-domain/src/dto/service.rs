//! The request to make a service, or to replace one.

use alloc::collections::BTreeMap;

use chrono::DateTime;
use serde_json::Value;

use super::members::Members;
use super::problem::{Fault, Problems, complete};
use super::{create, value};
use crate::attempt::Outcome;
use crate::date::Instant;
use crate::defaults;
use crate::id::ServiceId;
use crate::service::{RetryRule, Service};
use crate::target::{CountryCode, TargetPattern};

/// Members that only the server sets; they are ignored, so that an answer can be put back.
const SERVER_OWNED: [&str; 4] = ["Id", "CreatedAt", "UpdatedAt", "Version"];
/// Most caller ids, and most patterns, of one service.
const LIST_ITEMS: usize = 1_000;

/// A service as requested; whatever was not named has its default.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceRequest {
    /// Its identity, instants and version mean nothing yet.
    draft: Service,
}

impl ServiceRequest {
    /// Reads a body, for a new service or to replace one whole.
    ///
    /// # Errors
    /// All its problems.
    pub fn read(body: &Value) -> Result<Self, Problems> {
        let mut members = Members::of(body);
        members.ignore(&SERVER_OWNED);
        let name = members.require("Name", value::name);
        let sip_uri = members.require("SipUri", value::sip_address);
        let direction_type = members.require("DirectionType", value::choice);
        let service = name.zip(sip_uri).zip(direction_type).map(|((name, sip_uri), direction)| {
            let nobody = ServiceId::from_u128(0);
            Service::new(nobody, name, sip_uri, direction, DateTime::UNIX_EPOCH)
        });
        let mut draft = Draft { members, service };
        draft.policy();
        let draft = draft.finish()?;
        Ok(Self { draft })
    }

    /// The new service.
    #[must_use]
    pub fn into_service(self, id: ServiceId, now: Instant) -> Service {
        Service { id, created_at: now, updated_at: now, version: 1, ..self.draft }
    }

    /// The service that takes the place of another: the same one, edited.
    #[must_use]
    pub fn replace(self, service: &Service, now: Instant) -> Service {
        Service {
            id: service.id,
            created_at: service.created_at,
            updated_at: now.max(service.updated_at),
            version: service.version.saturating_add(1),
            ..self.draft
        }
    }
}

/// A service that takes shape; `None` when it cannot, while the rest is read for its problems.
struct Draft<'a> {
    members: Members<'a>,
    service: Option<Service>,
}

impl<'a> Draft<'a> {
    /// Reads everything that has a default.
    fn policy(&mut self) {
        self.set("MaxConcurrentOutboundSessions", optional(count), |service| {
            &mut service.max_concurrent_outbound_sessions
        });
        self.set("MaxQueueTimeInSeconds", create::allowed_wait, |service| {
            &mut service.max_queue_time_in_seconds
        });
        self.set("SecondsBetweenRetries", create::spacing, |service| {
            &mut service.seconds_between_retries
        });
        self.set("RonaTimeoutInSeconds", ringing, |service| &mut service.rona_timeout_in_seconds);
        self.set("PreviewTimeInSeconds", pause, |service| &mut service.preview_time_in_seconds);
        self.set("MaxDialoutTimeInSeconds", ringing, |service| {
            &mut service.max_dialout_time_in_seconds
        });
        self.set("AfterCallWorkInSeconds", pause, |service| {
            &mut service.after_call_work_in_seconds
        });
        self.set("PreferredAgentHoldInSeconds", hold, |service| {
            &mut service.preferred_agent_hold_in_seconds
        });
        self.set("DuplicatePolicy", value::choice, |service| &mut service.duplicate_policy);
        self.set("MaxAttemptsPerTargetPerDay", optional(count), |service| {
            &mut service.max_attempts_per_target_per_day
        });
        self.set("DefaultCountryCode", optional(country_code), |service| {
            &mut service.default_country_code
        });
        self.set("MaxQueued", optional(count), |service| &mut service.max_queued);
        let opening_hours = self.members.opening_hours();
        self.put(opening_hours.map(Some), |service| &mut service.opening_hours);
        let caller_ids = self.members.list("CallerIds", LIST_ITEMS, value::name);
        self.put(caller_ids, |service| &mut service.caller_ids);
        let allowed_targets = self.members.list("AllowedTargets", LIST_ITEMS, pattern);
        self.put(allowed_targets.map(Some), |service| &mut service.allowed_targets);
        let retry_by_outcome = self.members.object("RetryByOutcome", retry_by_outcome);
        self.put(retry_by_outcome, |service| &mut service.retry_by_outcome);
    }

    fn set<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&'a Value) -> Result<T, Fault>,
        place: fn(&mut Service) -> &mut T,
    ) {
        let value = self.members.read(name, read);
        self.put(value, place);
    }

    fn put<T>(&mut self, value: Option<T>, place: fn(&mut Service) -> &mut T) {
        if let Some((service, value)) = self.service.as_mut().zip(value) {
            *place(service) = value;
        }
    }

    fn finish(self) -> Result<Service, Problems> {
        complete(self.service, self.members.finish())
    }
}

fn optional<T>(
    read: impl FnOnce(&Value) -> Result<T, Fault>,
) -> impl FnOnce(&Value) -> Result<Option<T>, Fault> {
    |value| read(value).map(Some)
}

fn count(value: &Value) -> Result<u32, Fault> {
    value::integer(value, &value::COUNT)
}

fn ringing(value: &Value) -> Result<u32, Fault> {
    value::integer(value, &(1..=defaults::STEP_TIMEOUT_SECONDS_LIMIT))
}

fn pause(value: &Value) -> Result<u32, Fault> {
    value::integer(value, &(0..=defaults::STEP_TIMEOUT_SECONDS_LIMIT))
}

fn hold(value: &Value) -> Result<u32, Fault> {
    value::integer(value, &(0..=defaults::PREFERRED_AGENT_HOLD_SECONDS_LIMIT))
}

fn country_code(value: &Value) -> Result<CountryCode, Fault> {
    Ok(CountryCode::parse(&value::string(value)?)?)
}

fn pattern(value: &Value) -> Result<TargetPattern, Fault> {
    Ok(TargetPattern::parse(&value::string(value)?)?)
}

/// A rule for each outcome that consumes a retry; the others are never retried, or always.
fn retry_by_outcome(members: &mut Members<'_>) -> BTreeMap<Outcome, RetryRule> {
    let mut rules = BTreeMap::new();
    for outcome in Outcome::ALL {
        let name = outcome.name();
        if !outcome.consumes_retry() {
            members.refuse(&[name], "NotAllowed", "this outcome does not consume a retry");
        } else if let Some(Some(rule)) = members.object(name, retry_rule) {
            rules.insert(*outcome, rule);
        }
    }
    rules
}

fn retry_rule(members: &mut Members<'_>) -> Option<RetryRule> {
    let retry = members.require("Retry", value::flag);
    let delay_in_seconds = members.read("DelayInSeconds", create::spacing);
    retry.map(|retry| RetryRule { retry, delay_in_seconds })
}
