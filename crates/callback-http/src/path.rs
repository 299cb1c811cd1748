//! Identities in paths.

use std::str::FromStr;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use callback_domain::id::{AgentId, CallbackId, DeliveryId, KeyId, ServiceId, WebhookId};
use callback_engine::Error;
use uuid::Uuid;

use crate::problem::ApiError;

/// Characters of a name from outside that are echoed.
const ECHOED_CHARACTERS: usize = 64;

/// The identity in a path; text that is no identity names nothing, so it is not found.
#[derive(Debug)]
pub(crate) struct Named<T>(pub(crate) T);

/// An identity that says what is missing when it names nothing.
pub(crate) trait Identity: FromStr {
    fn not_found(text: String) -> Error;
}

impl Identity for CallbackId {
    fn not_found(text: String) -> Error {
        Error::CallbackNotFound(text)
    }
}

impl Identity for ServiceId {
    fn not_found(text: String) -> Error {
        Error::ServiceNotFound(text)
    }
}

impl Identity for AgentId {
    fn not_found(text: String) -> Error {
        Error::UserNotFound(text)
    }
}

impl Identity for WebhookId {
    fn not_found(text: String) -> Error {
        Error::WebhookNotFound(text)
    }
}

impl Identity for DeliveryId {
    fn not_found(text: String) -> Error {
        Error::DeliveryNotFound(text)
    }
}

impl Identity for KeyId {
    fn not_found(text: String) -> Error {
        Error::KeyNotFound(text)
    }
}

impl Identity for Uuid {
    fn not_found(text: String) -> Error {
        Error::SuppressionNotFound(text)
    }
}

/// Reads an identity.
pub(crate) fn identity<T: Identity>(text: &str) -> Result<T, Error> {
    text.parse().map_err(|_| T::not_found(echo(text)))
}

impl<T: Identity, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let text = Path::<String>::from_request_parts(parts, state).await;
        let Path(text) = text.map_err(|_| T::not_found("by this path".to_owned()))?;
        Ok(Self(identity(&text)?))
    }
}

/// The beginning of a text from outside, without control characters.
pub(crate) fn echo(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(ECHOED_CHARACTERS).collect()
}
