//! What the API refused, as a page.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};

use crate::texts;

/// One thing that is wrong with what was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Which member, as the API names it.
    pub(crate) member: String,
    /// What is wrong, in words.
    pub(crate) message: String,
}

impl Problem {
    /// Whether it belongs beside the field of a name: that member, or an entry of its list.
    pub(crate) fn is_of_field(&self, name: &str) -> bool {
        self.is_within(name, "[") || self.member.eq_ignore_ascii_case(name)
    }

    /// Whether it is about a member, or anything that the member holds.
    pub(crate) fn is_about(&self, name: &str) -> bool {
        self.is_of_field(name) || self.is_within(name, ".")
    }

    fn is_within(&self, name: &str, by: &str) -> bool {
        let beginning = self.member.get(..name.len());
        beginning.is_some_and(|beginning| beginning.eq_ignore_ascii_case(name))
            && self.member.get(name.len()..).is_some_and(|rest| rest.starts_with(by))
    }
}

/// Why the API did not do what a page asked of it.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) status: StatusCode,
    /// The kind of failure, as the API names it.
    pub(crate) code: String,
    pub(crate) title: String,
    pub(crate) message: String,
    /// The callback that is there already.
    pub(crate) existing: Option<String>,
    pub(crate) problems: Vec<Problem>,
    pub(crate) retry_after: Option<HeaderValue>,
}

impl Failure {
    fn of(status: StatusCode, code: &str, title: &str, message: &str) -> Self {
        Self {
            status,
            code: code.to_owned(),
            title: title.to_owned(),
            message: message.to_owned(),
            existing: None,
            problems: Vec::new(),
            retry_after: None,
        }
    }

    pub(crate) fn not_found() -> Self {
        Self::of(StatusCode::NOT_FOUND, "NotFound", texts::NOT_FOUND, texts::NOTHING_HERE)
    }

    pub(crate) fn forbidden(message: &str) -> Self {
        Self::of(StatusCode::FORBIDDEN, "Forbidden", texts::FORBIDDEN, message)
    }

    pub(crate) fn signed_out() -> Self {
        let message = texts::SIGN_IN_FIRST;
        Self::of(StatusCode::UNAUTHORIZED, "Unauthorized", texts::SIGNED_OUT, message)
    }

    pub(crate) fn broken() -> Self {
        let message = texts::BROKEN_ANSWER;
        Self::of(StatusCode::INTERNAL_SERVER_ERROR, "Internal", texts::BROKEN, message)
    }

    /// Whether the failure is about what somebody filled in, so that the form is shown again.
    pub(crate) fn is_of_form(&self) -> bool {
        self.status.is_client_error()
            && ![StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN, StatusCode::NOT_FOUND]
                .contains(&self.status)
    }

    /// What is wrong beside the members that a form shows, or with the form as a whole.
    pub(crate) fn rest(&self, shown: &[&str]) -> Vec<String> {
        let rest: Vec<String> = self
            .problems
            .iter()
            .filter(|problem| !shown.iter().any(|member| problem.is_about(member)))
            .map(|problem| match problem.member.as_str() {
                "" => problem.message.clone(),
                member => format!("{member}: {}", problem.message),
            })
            .collect();
        if self.problems.is_empty() { vec![self.message.clone()] } else { rest }
    }

    /// The failure as what a page consists of.
    pub(crate) fn markup(&self) -> Markup {
        html! {
            section.failure {
                p.failure-status { (self.status.as_u16()) }
                h1 { (self.title) }
                p { (self.message) }
                @if !self.problems.is_empty() {
                    ul {
                        @for problem in &self.problems {
                            li { strong { (problem.member) } " " (problem.message) }
                        }
                    }
                }
                p { a.button href="/console" { (texts::TO_THE_START) } }
            }
        }
    }
}

impl IntoResponse for Failure {
    /// The guard puts the page around it, since it knows whose page it is.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        if let Some(retry) = &self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, retry.clone());
        }
        response.extensions_mut().insert(self);
        response
    }
}
