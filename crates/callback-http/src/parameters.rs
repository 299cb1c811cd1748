//! The parameters of a query, read one after the other while problems are collected.

use std::ops::RangeInclusive;

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use callback_domain::dto::{Problem, Problems};

use crate::path::echo;
use crate::problem::ApiError;

/// Unknown parameters that are named.
const UNKNOWN_NAMED: usize = 20;

/// Parameters that are not yet read; names are taken in any case.
#[derive(Debug)]
pub(crate) struct Parameters {
    given: Vec<(String, String)>,
    asked: Vec<&'static str>,
    problems: Vec<Problem>,
}

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let given = Query::try_from_uri(&parts.uri);
        let Query(given) =
            given.map_err(|_| problem("", "Malformed", "the query cannot be read"))?;
        Ok(Self { given, asked: Vec::new(), problems: Vec::new() })
    }
}

impl Parameters {
    /// Takes a parameter as it is.
    pub(crate) fn text(&mut self, name: &'static str) -> Option<String> {
        let mut found = self.texts(name);
        if found.len() > 1 {
            self.problems.push(problem(name, "Repeated", "the parameter is given more than once"));
        }
        found.pop()
    }

    /// Takes a parameter that may be repeated.
    pub(crate) fn texts(&mut self, name: &'static str) -> Vec<String> {
        self.asked.push(name);
        let found = self.given.extract_if(.., |(given, _)| given.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value).collect()
    }

    /// Takes a parameter that may not be absent or empty.
    pub(crate) fn required(&mut self, name: &'static str) -> String {
        let value = self.text(name).unwrap_or_default();
        if value.is_empty() {
            self.problems.push(problem(name, "Required", "a value is required"));
        }
        value
    }

    /// Takes `true` or `false`.
    pub(crate) fn flag(&mut self, name: &'static str) -> bool {
        match self.text(name).as_deref() {
            Some("true" | "True") => return true,
            Some("false" | "False") | None => {}
            Some(_) => self.problems.push(problem(name, "WrongType", "true or false is expected")),
        }
        false
    }

    /// Takes a whole number within bounds.
    pub(crate) fn number(
        &mut self,
        name: &'static str,
        range: &RangeInclusive<u64>,
        default: u64,
    ) -> u64 {
        let Some(text) = self.text(name) else { return default };
        let number = text.parse().ok().filter(|number| range.contains(number));
        number.unwrap_or_else(|| {
            let message =
                format!("an integer from {} to {} is expected", range.start(), range.end());
            self.problems.push(problem(name, "OutOfRange", &message));
            default
        })
    }

    /// Takes one of several words.
    pub(crate) fn word(&mut self, name: &'static str, word: &str) -> bool {
        let given = self.text(name);
        if given.as_deref().is_some_and(|given| given != word) {
            let message = format!("the accepted value is {word}");
            self.problems.push(problem(name, "UnknownValue", &message));
        }
        given.is_some()
    }

    /// Reports everything that was wrong, with the parameters that nobody asked for.
    pub(crate) fn finish(self) -> Result<(), ApiError> {
        let Self { given, asked, mut problems } = self;
        for (name, _) in given.iter().take(UNKNOWN_NAMED) {
            let message = format!("the parameter is unknown; known here: {}", asked.join(", "));
            problems.push(problem(&echo(name), "UnknownParameter", &message));
        }
        if problems.is_empty() { Ok(()) } else { Err(Problems(problems).into()) }
    }
}

/// A problem with something outside the body.
pub(crate) fn problem(member: &str, code: &'static str, message: &str) -> Problem {
    Problem { member: member.to_owned(), code, message: message.to_owned() }
}
