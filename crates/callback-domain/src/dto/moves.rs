//! The short requests: an agent's moves, presence, and cancelling.

use alloc::string::String;

use serde::Deserialize;
use serde_json::Value;

use super::members::Members;
use super::problem::{Fault, Problems, complete};
use super::value;
use crate::agent::Presence;
use crate::attempt::Outcome;
use crate::defaults;
use crate::id::LeaseToken;

/// A move that carries only its proof: accept, decline, dial, answered, hang-up or heartbeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MoveRequest {
    /// The proof.
    pub lease_token: LeaseToken,
}

/// The report of how an attempt came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutcomeRequest {
    /// The proof.
    pub lease_token: LeaseToken,
    /// How it came out; one that may be reported.
    pub outcome: Outcome,
    /// In words.
    pub detail: Option<String>,
}

/// The choice of a presence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PresenceRequest {
    /// The presence.
    pub presence: Presence,
}

/// Why a callback is taken off the queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum CancelReason {
    /// It is not wanted any more.
    #[default]
    Cancelled,
    /// The customer was helped in another way.
    FulfilledElsewhere,
}

/// The request to take a callback off the queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CancelRequest {
    /// Why.
    pub reason: CancelReason,
}

impl MoveRequest {
    /// Reads a body.
    ///
    /// # Errors
    /// All its problems.
    pub fn read(body: &Value) -> Result<Self, Problems> {
        let mut members = Members::of(body);
        let lease_token = members.require("LeaseToken", value::guid);
        complete(lease_token.map(|lease_token| Self { lease_token }), members.finish())
    }
}

impl OutcomeRequest {
    /// Reads a body.
    ///
    /// # Errors
    /// All its problems.
    pub fn read(body: &Value) -> Result<Self, Problems> {
        let mut members = Members::of(body);
        let lease_token = members.require("LeaseToken", value::guid);
        let outcome = members.require("Outcome", reportable);
        let detail =
            members.read("Detail", |value| value::paragraph(value, defaults::TEXT_CHARACTERS));
        let request = lease_token.zip(outcome).map(|(lease_token, outcome)| Self {
            lease_token,
            outcome,
            detail,
        });
        complete(request, members.finish())
    }
}

impl PresenceRequest {
    /// Reads a body.
    ///
    /// # Errors
    /// All its problems.
    pub fn read(body: &Value) -> Result<Self, Problems> {
        let mut members = Members::of(body);
        let presence = members.require("Presence", value::choice);
        complete(presence.map(|presence| Self { presence }), members.finish())
    }
}

impl CancelRequest {
    /// Reads a body, which may be absent.
    ///
    /// # Errors
    /// All its problems.
    pub fn read(body: Option<&Value>) -> Result<Self, Problems> {
        let Some(body) = body.filter(|body| !body.is_null()) else { return Ok(Self::default()) };
        let mut members = Members::of(body);
        let reason = members.read("Reason", value::choice).unwrap_or_default();
        complete(Some(Self { reason }), members.finish())
    }
}

fn reportable(value: &Value) -> Result<Outcome, Fault> {
    let outcome: Outcome = value::choice(value)?;
    if outcome.reportable() {
        return Ok(outcome);
    }
    Err(Fault::new("NotAllowed", "this outcome is found by the service and cannot be reported"))
}
