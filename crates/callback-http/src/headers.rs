//! Headers that change what a request does.

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use callback_engine::store::Idempotency;
use sha2::{Digest as _, Sha256};

use crate::access::Caller;
use crate::parameters::problem;
use crate::problem::ApiError;

/// Longest idempotency key, in characters.
const KEY_CHARACTERS: usize = 255;
const KEY: &str = "Idempotency-Key";

/// `Idempotency-Key`: the same key, path and body take effect once.
#[derive(Debug)]
pub(crate) struct IdempotencyKey {
    key: Option<String>,
    /// What is asked for, so that a key is not shared between two kinds of things.
    request: String,
}

impl IdempotencyKey {
    /// Under what a request with this body takes effect once, if it came with a key.
    pub(crate) fn of(self, caller: &Caller, body: &[u8]) -> Option<Idempotency> {
        let key = self.key?;
        let digest = Sha256::new_with_prefix(self.request.as_bytes()).chain_update(body);
        let principal = caller.principal().identity.clone();
        Some(Idempotency { principal, key, body_hash: digest.finalize().to_vec() })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let request = format!("{} {}\n", parts.method, parts.uri.path());
        let mut given = parts.headers.get_all(KEY).iter();
        let Some(key) = given.next() else {
            return Ok(Self { key: None, request });
        };
        let readable = key.to_str().ok().filter(|key| {
            (1..=KEY_CHARACTERS).contains(&key.len())
                && key.bytes().all(|byte| byte.is_ascii_graphic())
        });
        match readable {
            Some(key) if given.next().is_none() => Ok(Self { key: Some(key.to_owned()), request }),
            Some(_) => Err(problem(KEY, "Repeated", "the header is given more than once").into()),
            None => {
                let message = "1 to 255 visible ASCII characters are expected";
                Err(problem(KEY, "Malformed", message).into())
            }
        }
    }
}

/// `Prefer: handling=strict`: what would be ignored is refused.
pub(crate) fn prefers_strict(headers: &HeaderMap) -> bool {
    let values = headers.get_all("Prefer").iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split([',', ';'])).any(|preference| {
        preference.split_once('=').is_some_and(|(name, value)| {
            name.trim().eq_ignore_ascii_case("handling")
                && value.trim().trim_matches('"').eq_ignore_ascii_case("strict")
        })
    })
}
