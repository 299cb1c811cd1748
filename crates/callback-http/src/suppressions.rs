//! The suppression list: read in pages, added to one by one or by import, taken from.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use callback_domain::date::{self, Instant};
use callback_domain::dto::{Problem, Problems, SuppressionRequest};
use callback_domain::id::ServiceId;
use callback_domain::service::Service;
use callback_domain::target::{Target, TargetKey};
use callback_engine::Error;
use callback_engine::access::Scope;
use callback_engine::command::What;
use callback_engine::store::StoreError;
use callback_engine::suppression::Suppression;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::access::{self, Caller};
use crate::body::JsonBody;
use crate::headers::IdempotencyKey;
use crate::parameters::{Parameters, problem};
use crate::path::Named;
use crate::problem::ApiError;
use crate::router::Api;

/// Most entries of one answer.
const ENTRIES: u64 = 1_000;
/// Entries of an answer unless another number is asked for.
const DEFAULT_ENTRIES: u64 = 100;
/// Entries read at once while those of some services are looked for.
const SCANNED: usize = 1_000;
/// Most entries of one import.
const IMPORTED: usize = 10_000;
/// Problems of an import that are named.
const PROBLEMS_NAMED: usize = 100;

/// An entry in an answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SuppressionDto<'a> {
    id: Uuid,
    target_key: &'a TargetKey,
    service_id: Option<ServiceId>,
    reason: Option<&'a str>,
    until: Option<String>,
    created_at: String,
}

impl<'a> From<&'a Suppression> for SuppressionDto<'a> {
    fn from(entry: &'a Suppression) -> Self {
        Self {
            id: entry.id,
            target_key: &entry.key,
            service_id: entry.service_id,
            reason: entry.reason.as_deref(),
            until: entry.until.map(date::format),
            created_at: date::format(entry.created_at),
        }
    }
}

/// The list in order of entry, of `?target=` or of all; `Link` leads to the next page.
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    mut parameters: Parameters,
) -> Result<Response, ApiError> {
    let target = parameters.text("target");
    let after = parameters.number("after", &(0..=u64::MAX), 0);
    let limit = parameters.number("limit", &(1..=ENTRIES), DEFAULT_ENTRIES);
    parameters.finish()?;
    let target = target.map(|text| Target::parse(&text, None)).transpose();
    let key = target.map_err(|error| problem("target", error.code(), &error.to_string()))?;
    let key = key.map(|target| target.key());
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut entries = read(&api, caller.scope(), key.as_ref(), after, limit + 1).await?;
    let more = entries.len() > limit;
    entries.truncate(limit);
    let shown = Json(entries.iter().map(SuppressionDto::from).collect::<Vec<_>>());
    match entries.last().filter(|_| more) {
        Some(last) => {
            // A target is not repeated in the link: the caller adds it, as to the first page.
            let path = format!("/v1.0/suppressions?after={}&limit={limit}", last.sequence);
            Ok(([(header::LINK, format!("<{path}>; rel=\"next\""))], shown).into_response())
        }
        None => Ok(shown.into_response()),
    }
}

/// Adds one entry.
pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    key: IdempotencyKey,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let once = key.of(&caller, &body.raw);
    let request = SuppressionRequest::read(&body.value)?;
    let service = match request.service {
        Some(id) => Some(api.engine.service(id).await?),
        None => None,
    };
    let now = api.engine.now().await?;
    check_scope(&caller, request.service)?;
    let entry = entry(&api, request, service.as_deref(), now)?;
    let stored = api.engine.suppress(caller.actor(), vec![entry], once).await?;
    let shown = stored.first().map(|entry| Json(SuppressionDto::from(entry)).into_response());
    Ok((StatusCode::CREATED, shown.unwrap_or_default()).into_response())
}

/// Adds up to 10,000 entries, all or none.
pub(crate) async fn import(
    State(api): State<Api>,
    caller: Caller,
    key: IdempotencyKey,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let once = key.of(&caller, &body.raw);
    let Value::Array(items) = body.value else {
        return Err(problem("", "WrongType", "a list is expected").into());
    };
    if items.len() > IMPORTED {
        let message = format!("at most {IMPORTED} items are accepted");
        return Err(problem("", "TooLong", &message).into());
    }
    let services = api.engine.store().services().await?;
    let services = services.into_iter().map(|service| (service.id, service)).collect();
    let now = api.engine.now().await?;
    let (mut entries, mut problems) = (Vec::with_capacity(items.len()), Vec::new());
    for (index, item) in items.iter().enumerate() {
        match imported(&api, item, &services, now) {
            Ok(entry) => entries.push(entry),
            Err(Problems(found)) => {
                problems.extend(found.into_iter().map(|problem| at(index, problem)));
            }
        }
    }
    if let Some(more @ 1..) = problems.len().checked_sub(PROBLEMS_NAMED) {
        problems.truncate(PROBLEMS_NAMED);
        problems.push(problem("", "MoreProblems", &format!("there are {more} more problems")));
    }
    if !problems.is_empty() {
        return Err(Problems(problems).into());
    }
    for entry in &entries {
        check_scope(&caller, entry.service_id)?;
    }
    let imported = api.engine.import(caller.actor(), entries, once).await?;
    Ok((StatusCode::CREATED, Json(json!({ "Imported": imported }))).into_response())
}

/// Takes an entry off the list.
pub(crate) async fn delete(
    State(api): State<Api>,
    caller: Caller,
    Named(suppression): Named<Uuid>,
) -> Result<StatusCode, ApiError> {
    api.engine.carry_out(caller.actor(), What::Unsuppress { suppression }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Entries within a scope; what is passed over on the way is read in pieces.
async fn read(
    api: &Api,
    scope: &Scope,
    key: Option<&TargetKey>,
    mut after: u64,
    wanted: usize,
) -> Result<Vec<Suppression>, StoreError> {
    let rows = if *scope == Scope::All { wanted } else { SCANNED };
    let mut found = Vec::new();
    loop {
        let entries = api.engine.store().suppressions(key, after, rows).await?;
        let ended = entries.len() < rows;
        after = entries.last().map_or(after, |last| last.sequence);
        found.extend(entries.into_iter().filter(|entry| scope.holds_of(entry.service_id)));
        if ended || found.len() >= wanted {
            found.truncate(wanted);
            return Ok(found);
        }
    }
}

/// Whoever has to do with some services suppresses for one of them, and not for all.
fn check_scope(caller: &Caller, service: Option<ServiceId>) -> Result<(), ApiError> {
    if caller.scope().holds_of(service) {
        return Ok(());
    }
    Err(service.map_or_else(access::out_of_reach, |service| Error::OutOfScope(service).into()))
}

fn imported(
    api: &Api,
    item: &Value,
    services: &BTreeMap<ServiceId, Service>,
    now: Instant,
) -> Result<Suppression, Problems> {
    let request = SuppressionRequest::read(item)?;
    let service = request.service.map(|id| {
        let unknown = || problem("ServiceId", "ServiceNotFound", "there is no such service");
        services.get(&id).ok_or_else(|| Problems(vec![unknown()]))
    });
    entry(api, request, service.transpose()?, now)
}

fn entry(
    api: &Api,
    request: SuppressionRequest,
    service: Option<&Service>,
    now: Instant,
) -> Result<Suppression, Problems> {
    Ok(Suppression {
        sequence: 0,
        id: api.engine.site().mint.timed(now),
        key: request.key(service)?,
        service_id: request.service,
        reason: request.reason,
        until: request.until,
        created_at: now,
    })
}

fn at(index: usize, problem: Problem) -> Problem {
    let dot = if problem.member.is_empty() { "" } else { "." };
    Problem { member: format!("[{index}]{dot}{}", problem.member), ..problem }
}
