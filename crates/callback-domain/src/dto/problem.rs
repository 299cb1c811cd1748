//! What is wrong with a request.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::Serialize;

use crate::hours::HoursProblem;
use crate::target::TargetError;

/// One thing that is wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Problem {
    /// Which member, with a dot for each level below; empty for the body as a whole.
    pub member: String,
    /// The kind of problem, in `PascalCase`.
    pub code: &'static str,
    /// What is wrong, in words.
    pub message: String,
}

/// Everything that is wrong with a request; never empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let member = if self.member.is_empty() { "the body" } else { &self.member };
        write!(f, "{member}: {}", self.message)
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl core::error::Error for Problem {}

impl core::error::Error for Problems {}

/// What is wrong with a value, before it is known which member it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Fault {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub(super) fn wrong_type(expected: &str) -> Self {
        Self::new("WrongType", alloc::format!("{expected} is expected"))
    }

    pub(super) fn of(self, member: impl Into<String>) -> Problem {
        Problem { member: member.into(), code: self.code, message: self.message }
    }
}

impl From<TargetError> for Fault {
    fn from(error: TargetError) -> Self {
        Self::new(error.code(), alloc::format!("{error}"))
    }
}

impl From<HoursProblem> for Problem {
    fn from(problem: HoursProblem) -> Self {
        Self { member: problem.member, code: problem.code, message: problem.message }
    }
}

/// The request, if nothing was wrong with it; an incomplete one has its problems.
pub(super) fn complete<T>(request: Option<T>, problems: Vec<Problem>) -> Result<T, Problems> {
    match request {
        Some(request) if problems.is_empty() => Ok(request),
        Some(_) | None => Err(Problems(problems)),
    }
}
