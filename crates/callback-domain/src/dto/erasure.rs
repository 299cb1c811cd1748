//! The request to erase a person's data.

use alloc::string::ToString as _;

use serde_json::Value;

use super::members::Members;
use super::problem::{Fault, Problems, complete};
use super::value;
use crate::target::{Target, TargetKey};

/// Whose data is to be erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErasureRequest {
    /// The person's line.
    pub key: TargetKey,
    /// Whether the wish not to be called is kept.
    pub keep_suppression: bool,
}

impl ErasureRequest {
    /// Reads a body.
    ///
    /// # Errors
    /// All its problems.
    pub fn read(body: &Value) -> Result<Self, Problems> {
        let mut members = Members::of(body);
        let key = members.require("Target", |value| {
            let target = Target::parse(&value::string(value)?, None);
            let wrong =
                |error: crate::target::TargetError| Fault::new(error.code(), error.to_string());
            Ok(target.map_err(wrong)?.key())
        });
        let keep_suppression = members.read("KeepSuppression", value::flag).unwrap_or(true);
        complete(key.map(|key| Self { key, keep_suppression }), members.finish())
    }
}
