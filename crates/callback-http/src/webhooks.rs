//! Webhooks: subscriptions made, replaced, tried and removed, and their deliveries.

mod network;
mod send;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use callback_domain::date::{self, Instant};
use callback_domain::dto::{ReplayRequest, WebhookRequest};
use callback_domain::id::{DeliveryId, ServiceId, WebhookId};
use callback_engine::Error;
use callback_engine::webhook::{Delivery, DeliveryState, Order, Reply, Webhook};
use serde::Serialize;
use uuid::Uuid;

use crate::access::Caller;
use crate::body::JsonBody;
use crate::etag::{self, IfMatch};
use crate::events::is_event;
use crate::headers::IdempotencyKey;
use crate::parameters::{Parameters, problem};
use crate::path::{Named, identity};
use crate::problem::ApiError;
use crate::router::Api;

pub use self::network::Networks;
pub use self::send::{Limits, Sender, SenderError, Tally};

/// Most deliveries of one answer.
const DELIVERIES: u64 = 1_000;
/// Deliveries of an answer unless another number is asked for.
const DEFAULT_DELIVERIES: u64 = 100;
/// Seconds in a day.
const DAY: u32 = 86_400;

/// What the API shares with whoever sends webhooks.
#[derive(Clone, Debug)]
pub struct Webhooks {
    /// Where they may be sent.
    pub networks: Networks,
    /// What became of those that were sent.
    pub tally: Tally,
    /// Seconds for which the old secret signs too after a rotation.
    pub overlap_seconds: u32,
}

impl Default for Webhooks {
    fn default() -> Self {
        Self { networks: Networks::default(), tally: Tally::default(), overlap_seconds: DAY }
    }
}

/// A subscription in an answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct WebhookDto<'a> {
    id: WebhookId,
    url: &'a str,
    events: Option<Vec<&'a str>>,
    services: Option<Vec<ServiceId>>,
    description: Option<&'a str>,
    enabled: bool,
    disabled_reason: Option<&'a str>,
    disabled_at: Option<String>,
    failing_since: Option<String>,
    created_at: String,
    updated_at: String,
    version: u64,
    /// Answered only to whoever has just made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

impl<'a> From<&'a Webhook> for WebhookDto<'a> {
    fn from(webhook: &'a Webhook) -> Self {
        let events = webhook.events.as_ref();
        Self {
            id: webhook.id,
            url: &webhook.url,
            events: events.map(|names| names.iter().map(String::as_str).collect()),
            services: webhook.services.as_ref().map(|ids| ids.iter().copied().collect()),
            description: webhook.description.as_deref(),
            enabled: webhook.enabled,
            disabled_reason: webhook.disabled_reason.as_deref(),
            disabled_at: webhook.disabled_at.map(date::format),
            failing_since: webhook.failing_since.map(date::format),
            created_at: date::format(webhook.created_at),
            updated_at: date::format(webhook.updated_at),
            version: webhook.version,
            secret: None,
        }
    }
}

/// A delivery in an answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DeliveryDto<'a> {
    id: DeliveryId,
    event: &'a str,
    event_id: Option<String>,
    event_at: String,
    subject: SubjectDto,
    state: DeliveryState,
    attempts: u32,
    next_attempt_at: Option<String>,
    last_status: Option<u16>,
    last_answer: Option<&'a str>,
    created_at: String,
    settled_at: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SubjectDto {
    kind: &'static str,
    id: Uuid,
}

impl<'a> From<&'a Delivery> for DeliveryDto<'a> {
    fn from(delivery: &'a Delivery) -> Self {
        let waits = delivery.front && delivery.lease.is_none();
        let (kind, id) = (delivery.subject.kind(), delivery.subject.id());
        Self {
            id: delivery.id,
            event: &delivery.event,
            event_id: (!delivery.is_ping()).then(|| delivery.sequence.to_string()),
            event_at: date::format(delivery.at),
            subject: SubjectDto { kind, id },
            state: delivery.state,
            attempts: delivery.attempts,
            next_attempt_at: waits.then(|| date::format(delivery.due)),
            last_status: delivery.last.as_ref().and_then(|last| last.status),
            last_answer: delivery.last.as_ref().map(|last| last.detail.as_str()),
            created_at: date::format(delivery.created_at),
            settled_at: delivery.settled_at.map(date::format),
        }
    }
}

/// Every subscription, in the order in which they were made.
pub(crate) async fn list(State(api): State<Api>, caller: Caller) -> Result<Response, ApiError> {
    let Reply::Webhooks(webhooks) = api.engine.webhooks(caller.actor(), Order::List).await? else {
        unreachable!("a list of webhooks has an answer of its own")
    };
    Ok(Json(webhooks.iter().map(WebhookDto::from).collect::<Vec<_>>()).into_response())
}

/// Makes a subscription; its secret is answered here and never again.
pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    key: IdempotencyKey,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let request = checked(&api, &body)?;
    let once = key.of(&caller, &body.raw);
    let order = Order::Create(request);
    let Reply::Webhook(webhook) = api.engine.webhooks_once(caller.actor(), order, once).await?
    else {
        unreachable!("the order answers the webhook")
    };
    let location = [(header::LOCATION, format!("/v1.0/webhooks/{}", webhook.id))];
    Ok((StatusCode::CREATED, location, show_secret(&webhook)).into_response())
}

/// One subscription.
pub(crate) async fn read(
    State(api): State<Api>,
    caller: Caller,
    Named(id): Named<WebhookId>,
) -> Result<Response, ApiError> {
    Ok(show(&one(&api, &caller, Order::Read(id)).await?))
}

/// Replaces a subscription whole; enabling one that was disabled sends what is pending.
pub(crate) async fn replace(
    State(api): State<Api>,
    caller: Caller,
    Named(id): Named<WebhookId>,
    condition: IfMatch,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let if_version = condition.against(one(&api, &caller, Order::Read(id)).await?.version)?;
    let request = checked(&api, &body)?;
    Ok(show(&one(&api, &caller, Order::Replace { webhook: id, request, if_version }).await?))
}

/// Removes a subscription with its deliveries.
pub(crate) async fn delete(
    State(api): State<Api>,
    caller: Caller,
    Named(id): Named<WebhookId>,
    condition: IfMatch,
) -> Result<StatusCode, ApiError> {
    condition.against(one(&api, &caller, Order::Read(id)).await?.version)?;
    api.engine.webhooks(caller.actor(), Order::Delete(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes a new secret; for a while the old one signs too.
pub(crate) async fn rotate(
    State(api): State<Api>,
    caller: Caller,
    Named(webhook): Named<WebhookId>,
) -> Result<Response, ApiError> {
    let overlap_seconds = api.options.webhooks.overlap_seconds;
    let webhook = one(&api, &caller, Order::Rotate { webhook, overlap_seconds }).await?;
    Ok(show_secret(&webhook))
}

/// Sends a trial.
pub(crate) async fn test(
    State(api): State<Api>,
    caller: Caller,
    Named(id): Named<WebhookId>,
) -> Result<Response, ApiError> {
    accepted(&api, &caller, Order::Ping(id)).await
}

/// Sends what happened since an instant once more.
pub(crate) async fn replay(
    State(api): State<Api>,
    caller: Caller,
    Named(webhook): Named<WebhookId>,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let ReplayRequest { since } = ReplayRequest::read(&body.value)?;
    let webhook = one(&api, &caller, Order::Replay { webhook, since }).await?;
    Ok((StatusCode::ACCEPTED, show(&webhook)).into_response())
}

/// Sends one delivery again.
pub(crate) async fn resend(
    State(api): State<Api>,
    caller: Caller,
    Path((webhook, delivery)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let (webhook, delivery) = (identity(&webhook)?, identity(&delivery)?);
    accepted(&api, &caller, Order::Resend { webhook, delivery }).await
}

/// Deliveries, newest first, of `?state=` or of all; `Link` leads to the next page.
pub(crate) async fn deliveries(
    State(api): State<Api>,
    caller: Caller,
    Named(webhook): Named<WebhookId>,
    mut parameters: Parameters,
) -> Result<Response, ApiError> {
    let state = parameters.text("state");
    let before = parameters.text("before");
    let limit = parameters.number("limit", &(1..=DELIVERIES), DEFAULT_DELIVERIES);
    parameters.finish()?;
    let state = state.map(|name| state_named(&name)).transpose()?;
    let before = before.map(|text| place_of(&text)).transpose()?;
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let order = Order::Deliveries { webhook, state, before, limit: most.saturating_add(1) };
    let Reply::Deliveries(mut found) = api.engine.webhooks(caller.actor(), order).await? else {
        unreachable!("a list of deliveries has an answer of its own")
    };
    let more = found.len() > most;
    found.truncate(most);
    let shown = Json(found.iter().map(DeliveryDto::from).collect::<Vec<_>>());
    match found.last().filter(|_| more) {
        Some(last) => {
            let mut path = format!(
                "/v1.0/webhooks/{webhook}/deliveries?before={:x}-{}&limit={limit}",
                date::micros(last.created_at),
                last.id.0.simple(),
            );
            if let Some(state) = state {
                path.push_str("&state=");
                path.push_str(state.name());
            }
            Ok(([(header::LINK, format!("<{path}>; rel=\"next\""))], shown).into_response())
        }
        None => Ok(shown.into_response()),
    }
}

fn state_named(name: &str) -> Result<DeliveryState, ApiError> {
    let found = DeliveryState::ALL.into_iter().find(|state| state.name() == name);
    found.ok_or_else(|| {
        let message = "the accepted values are Pending, Delivered, Failed";
        problem("state", "UnknownValue", message).into()
    })
}

fn place_of(text: &str) -> Result<(Instant, DeliveryId), ApiError> {
    let place = text.split_once('-').and_then(|(micros, id)| {
        let at = date::from_micros(i64::from_str_radix(micros, 16).ok()?)?;
        Some((at, id.parse().ok()?))
    });
    place.ok_or_else(|| problem("before", "Malformed", "what Link gave is expected").into())
}

/// The request, with its problems and the one that only this installation finds.
fn checked(api: &Api, body: &JsonBody) -> Result<WebhookRequest, ApiError> {
    let request = WebhookRequest::read(&body.value, is_event)?;
    match api.options.webhooks.networks.objection(&request.url) {
        Some(why) => Err(problem("Url", "AddressNotAllowed", why).into()),
        None => Ok(request),
    }
}

async fn one(api: &Api, caller: &Caller, order: Order) -> Result<Webhook, Error> {
    let Reply::Webhook(webhook) = api.engine.webhooks(caller.actor(), order).await? else {
        unreachable!("the order answers the webhook")
    };
    Ok(*webhook)
}

async fn accepted(api: &Api, caller: &Caller, order: Order) -> Result<Response, ApiError> {
    let Reply::Delivery(delivery) = api.engine.webhooks(caller.actor(), order).await? else {
        unreachable!("the order answers the delivery")
    };
    Ok((StatusCode::ACCEPTED, Json(DeliveryDto::from(&*delivery))).into_response())
}

fn show(webhook: &Webhook) -> Response {
    let tag = etag::tag(webhook.version);
    ([(header::ETAG, tag)], Json(WebhookDto::from(webhook))).into_response()
}

fn show_secret(webhook: &Webhook) -> Response {
    let secret = Some(webhook.secret.shown());
    let shown = Json(WebhookDto { secret, ..WebhookDto::from(webhook) });
    ([(header::ETAG, etag::tag(webhook.version))], shown).into_response()
}
