//! Lines of the ledger as JSON: told in one form, wherever they are read or sent.

use callback_domain::callback::PhaseName;
use callback_domain::date;
use callback_domain::id::ServiceId;
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{Line, Subject};

/// A line as the history of its subject shows it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct LineDto<'a> {
    id: String,
    at: String,
    event: &'a str,
    phase_before: Option<PhaseName>,
    phase_after: Option<PhaseName>,
    actor: &'a str,
    details: &'a Map<String, Value>,
}

impl<'a> From<&'a Line> for LineDto<'a> {
    fn from(line: &'a Line) -> Self {
        Self {
            id: line.sequence.to_string(),
            at: date::format(line.at),
            event: &line.what,
            phase_before: line.from,
            phase_after: line.to,
            actor: &line.actor,
            details: &line.details,
        }
    }
}

/// A line with what it is about, as events show it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct EventDto<'a> {
    #[serde(flatten)]
    line: LineDto<'a>,
    subject: SubjectDto,
    service: Option<ServiceId>,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct SubjectDto {
    kind: &'static str,
    id: Uuid,
}

impl From<Subject> for SubjectDto {
    fn from(subject: Subject) -> Self {
        Self { kind: subject.kind(), id: subject.id() }
    }
}

impl<'a> From<&'a Line> for EventDto<'a> {
    fn from(line: &'a Line) -> Self {
        Self { line: LineDto::from(line), subject: line.subject.into(), service: line.service }
    }
}
