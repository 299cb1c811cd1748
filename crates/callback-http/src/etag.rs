//! Versions as entity tags, and the condition that a caller puts on one.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use callback_engine::Error;

use crate::parameters::problem;
use crate::problem::ApiError;

/// The tag of a version.
pub(crate) fn tag(version: u64) -> HeaderValue {
    HeaderValue::try_from(format!("\"{version}\""))
        .expect("digits between quotes are a header's value")
}

/// `If-Match`: which versions the caller means.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum IfMatch {
    /// Whatever is stored.
    Any,
    /// One of these; weak tags and tags of somebody else are none.
    Versions(Vec<u64>),
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let mut given = Vec::new();
        for value in parts.headers.get_all(header::IF_MATCH) {
            let text = value.to_str().map_err(|_| malformed())?;
            given.extend(text.split(',').map(str::trim).filter(|tag| !tag.is_empty()));
        }
        match given.as_slice() {
            [] | ["*"] => Ok(Self::Any),
            tags => {
                let versions = tags.iter().filter_map(|tag| version(tag).transpose());
                versions.collect::<Result<_, _>>().map(Self::Versions)
            }
        }
    }
}

impl IfMatch {
    /// The version to insist on, given the one that is stored.
    ///
    /// # Errors
    /// [`Error::StaleVersion`] when none of the versions meant is stored.
    pub(crate) fn against(&self, current: u64) -> Result<Option<u64>, Error> {
        match self {
            Self::Any => Ok(None),
            Self::Versions(meant) if meant.contains(&current) => Ok(Some(current)),
            Self::Versions(_) => Err(Error::StaleVersion { current }),
        }
    }
}

/// The version that a tag stands for; `None` when it cannot match.
fn version(tag: &str) -> Result<Option<u64>, ApiError> {
    let (is_weak, opaque) = tag.strip_prefix("W/").map_or((false, tag), |opaque| (true, opaque));
    let inner = opaque.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let inner = inner.filter(|inner| !inner.contains('"')).ok_or_else(malformed)?;
    let is_ours = !is_weak && inner.bytes().all(|byte| byte.is_ascii_digit());
    Ok(is_ours.then(|| inner.parse().ok()).flatten())
}

fn malformed() -> ApiError {
    problem("If-Match", "Malformed", "a list of entity tags, or *, is expected").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_strong_tags_of_ours_stand_for_a_version() {
        for (tag, meant) in [
            ("\"3\"", Some(3)),
            ("W/\"3\"", None),
            ("\"abc\"", None),
            ("\"\"", None),
            ("\"+3\"", None),
            ("\"99999999999999999999\"", None),
        ] {
            assert_eq!(version(tag).unwrap(), meant, "{tag}");
        }
        for tag in ["3", "\"3", "3\"", "\"", "W/3", "\"1\"2\"", "*"] {
            assert!(version(tag).is_err(), "{tag}");
        }
    }

    #[test]
    fn a_condition_holds_for_each_version_it_names() {
        let condition = IfMatch::Versions(vec![1, 3]);
        assert_eq!(condition.against(3), Ok(Some(3)));
        assert_eq!(condition.against(2), Err(Error::StaleVersion { current: 2 }));
        assert_eq!(IfMatch::Any.against(2), Ok(None));
    }
}
