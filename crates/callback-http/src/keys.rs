//! Access keys: made, listed, revoked; a key itself is in the answer that makes it, and in no other.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use callback_domain::date::{self, Instant};
use callback_domain::dto::KeyRequest;
use callback_domain::id::{AgentId, KeyId, ServiceId};
use callback_engine::access::{Key, Proof, Role, Standing};
use serde::Serialize;

use crate::access::Caller;
use crate::body::JsonBody;
use crate::headers::IdempotencyKey;
use crate::path::Named;
use crate::problem::ApiError;
use crate::router::Api;

/// A key in an answer, without what opens anything.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct KeyDto<'a> {
    id: KeyId,
    name: &'a str,
    role: Role,
    user_id: Option<AgentId>,
    services: Option<&'a BTreeSet<ServiceId>>,
    standing: Standing,
    created_at: String,
    created_by: &'a str,
    expires_at: Option<String>,
    revoked_at: Option<String>,
    last_used_at: Option<String>,
}

/// A key that was just made, with its text.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct NewKeyDto<'a> {
    #[serde(flatten)]
    stored: KeyDto<'a>,
    key: String,
}

impl<'a> KeyDto<'a> {
    fn new(key: &'a Key, now: Instant) -> Self {
        Self {
            id: key.id,
            name: &key.name,
            role: key.role,
            user_id: key.agent,
            services: key.services.as_ref(),
            standing: key.standing(now),
            created_at: date::format(key.created_at),
            created_by: &key.created_by,
            expires_at: key.expires_at.map(date::format),
            revoked_at: key.revoked_at.map(date::format),
            last_used_at: key.last_used_at.map(date::format),
        }
    }
}

/// Every key that was ever made, first to last.
pub(crate) async fn list(State(api): State<Api>) -> Result<Response, ApiError> {
    let (keys, now) = (api.engine.store().keys().await?, api.engine.now().await?);
    let shown: Vec<_> = keys.iter().map(|key| KeyDto::new(key, now)).collect();
    Ok(Json(shown).into_response())
}

/// Makes a key and shows it, once.
///
/// The first is not made here: whoever may connect to an installation without keys is not yet known
/// to run it.
pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    key: IdempotencyKey,
    body: JsonBody,
) -> Result<Response, ApiError> {
    if caller.principal().proof == Proof::Nothing {
        let why = "the first key is made where the database is: stop the service and run `callback \
                   keys bootstrap --database …`, or name a key in CALLBACK_ADMIN_KEY_FILE";
        return Err(ApiError::Forbidden(why.to_owned()));
    }
    let request = KeyRequest::read(&body.value)?;
    let once = key.of(&caller, &body.raw);
    let (key, credential) = api.engine.create_key(caller.actor(), request, once).await?;
    let stored = KeyDto::new(&key, key.created_at);
    let location = format!("/v1.0/keys/{}", key.id);
    let shown = Json(NewKeyDto { stored, key: credential.reveal() });
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], shown).into_response())
}

/// One key.
pub(crate) async fn read(
    State(api): State<Api>,
    Named(id): Named<KeyId>,
) -> Result<Response, ApiError> {
    let (key, now) = (api.engine.key(id).await?, api.engine.now().await?);
    Ok(Json(KeyDto::new(&key, now)).into_response())
}

/// Revokes a key, for good; it is still listed.
pub(crate) async fn revoke(
    State(api): State<Api>,
    caller: Caller,
    Named(id): Named<KeyId>,
) -> Result<StatusCode, ApiError> {
    api.engine.revoke_key(caller.actor(), id).await?;
    Ok(StatusCode::NO_CONTENT)
}
