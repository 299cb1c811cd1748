//! Subscriptions to events: made, replaced, tried, removed.

use callback_domain::date::{self, Instant};
use callback_domain::dto::WebhookRequest;
use callback_domain::id::{DeliveryId, WebhookId};
use serde_json::{Map, Value};

use super::Work;
use crate::command::Answer;
use crate::error::Error;
use crate::ledger::Subject;
use crate::store::{Rows, StoreError};
use crate::webhook::{Delivery, DeliveryState, Order, Replay, Reply, Secret, Standing, Webhook};

/// Most subscriptions of an installation.
const WEBHOOKS: usize = 100;
/// How far the pending deliveries of one subscription are counted.
const COUNTED: usize = 10_000;

impl<R: Rows> Work<'_, R> {
    pub(super) async fn webhooks(&mut self, order: &Order) -> Result<Answer, Error> {
        let reply = match order {
            Order::List => Reply::Webhooks(self.standing_webhooks().await?),
            Order::Read(id) => Reply::Webhook(Box::new(self.webhook(*id).await?)),
            Order::Create(request) => self.create_webhook(request).await?,
            Order::Replace { webhook, request, if_version } => {
                self.replace_webhook(*webhook, request, *if_version).await?
            }
            Order::Delete(id) => self.delete_webhook(*id).await?,
            Order::Rotate { webhook, overlap_seconds } => {
                self.rotate_secret(*webhook, *overlap_seconds).await?
            }
            Order::Ping(id) => self.ping(*id).await?,
            Order::Deliveries { webhook, state, before, limit } => {
                self.list_deliveries(*webhook, *state, *before, *limit).await?
            }
            Order::Resend { webhook, delivery } => self.resend(*webhook, *delivery).await?,
            Order::Replay { webhook, since } => self.replay(*webhook, *since).await?,
            Order::Standing => self.standing().await?,
            Order::HandOut { limit } => self.hand_out(*limit).await?,
            Order::Claim { busy, policy } => self.claim_deliveries(busy, policy).await?,
            Order::Release => self.release_deliveries().await?,
            Order::Settle { delivery, lease, posted, policy } => {
                self.settle_delivery(*delivery, *lease, posted, policy).await?
            }
            Order::Purge { before, limit } => self.purge_deliveries(*before, *limit).await?,
        };
        Ok(Answer::Webhooks(Box::new(reply)))
    }

    async fn standing_webhooks(&mut self) -> Result<Vec<Webhook>, StoreError> {
        let mut webhooks = self.rows.webhooks().await?;
        webhooks.retain(|webhook| !webhook.removed);
        Ok(webhooks)
    }

    pub(super) async fn webhook(&mut self, id: WebhookId) -> Result<Webhook, Error> {
        let found = self.rows.webhook(id).await?.filter(|webhook| !webhook.removed);
        found.ok_or_else(|| Error::WebhookNotFound(id.to_string()))
    }

    async fn create_webhook(&mut self, request: &WebhookRequest) -> Result<Reply, Error> {
        self.check_services(request).await?;
        if self.standing_webhooks().await?.len() >= WEBHOOKS {
            return Err(Error::TooManyWebhooks(WEBHOOKS));
        }
        let webhook = Webhook {
            id: WebhookId(self.site.mint.timed(self.now)),
            url: request.url.clone(),
            events: request.events.clone(),
            services: request.services.clone(),
            description: request.description.clone(),
            enabled: request.enabled,
            enabled_at: self.now,
            disabled_reason: None,
            disabled_at: (!request.enabled).then_some(self.now),
            failing_since: None,
            secret: Secret::new(self.site.mint.secret()),
            previous_secret: None,
            replay: None,
            removed: false,
            created_at: self.now,
            updated_at: self.now,
            version: 1,
        };
        if webhook.enabled {
            self.begin_handing_out().await?;
        }
        self.write_webhook(&webhook, "WebhookCreated", Map::new()).await?;
        Ok(Reply::Webhook(Box::new(webhook)))
    }

    async fn replace_webhook(
        &mut self,
        id: WebhookId,
        request: &WebhookRequest,
        if_version: Option<u64>,
    ) -> Result<Reply, Error> {
        let mut webhook = self.webhook(id).await?;
        if if_version.is_some_and(|version| version != webhook.version) {
            return Err(Error::StaleVersion { current: webhook.version });
        }
        self.check_services(request).await?;
        webhook.url.clone_from(&request.url);
        webhook.events.clone_from(&request.events);
        webhook.services.clone_from(&request.services);
        webhook.description.clone_from(&request.description);
        if request.enabled && !webhook.enabled {
            self.begin_handing_out().await?;
            (webhook.enabled, webhook.enabled_at) = (true, self.now);
            (webhook.disabled_at, webhook.disabled_reason) = (None, None);
            webhook.failing_since = None;
        } else if !request.enabled && webhook.enabled {
            (webhook.enabled, webhook.disabled_at) = (false, Some(self.now));
        }
        self.touch_webhook(&mut webhook);
        self.write_webhook(&webhook, "WebhookEdited", Map::new()).await?;
        Ok(Reply::Webhook(Box::new(webhook)))
    }

    /// Its deliveries go in small batches, and the row with the last of them.
    async fn delete_webhook(&mut self, id: WebhookId) -> Result<Reply, Error> {
        let mut webhook = self.webhook(id).await?;
        (webhook.removed, webhook.enabled) = (true, false);
        self.touch_webhook(&mut webhook);
        self.write_webhook(&webhook, "WebhookDeleted", Map::new()).await?;
        Ok(Reply::Removed(1))
    }

    async fn rotate_secret(&mut self, id: WebhookId, overlap: u32) -> Result<Reply, Error> {
        let mut webhook = self.webhook(id).await?;
        let until = date::add_seconds(self.now, i64::from(overlap));
        let fresh = Secret::new(self.site.mint.secret());
        let before = std::mem::replace(&mut webhook.secret, fresh);
        webhook.previous_secret = (overlap > 0).then_some((before, until));
        self.touch_webhook(&mut webhook);
        self.write_webhook(&webhook, "WebhookSecretRotated", Map::new()).await?;
        Ok(Reply::Webhook(Box::new(webhook)))
    }

    async fn ping(&mut self, id: WebhookId) -> Result<Reply, Error> {
        self.active_webhook(id).await?;
        let ping = Delivery::ping(DeliveryId(self.site.mint.timed(self.now)), id, self.now);
        let delivery = self.enqueue(ping).await?;
        Ok(Reply::Delivery(Box::new(delivery)))
    }

    async fn list_deliveries(
        &mut self,
        webhook: WebhookId,
        state: Option<DeliveryState>,
        before: Option<(Instant, DeliveryId)>,
        limit: usize,
    ) -> Result<Reply, Error> {
        self.webhook(webhook).await?;
        let mut found = Vec::new();
        for one in DeliveryState::ALL {
            if state.is_none_or(|only| only == one) {
                found.extend(self.rows.deliveries(webhook, one, before, limit).await?);
            }
        }
        found.sort_by_key(|delivery| std::cmp::Reverse((delivery.created_at, delivery.id)));
        found.truncate(limit);
        Ok(Reply::Deliveries(found))
    }

    async fn resend(&mut self, webhook: WebhookId, id: DeliveryId) -> Result<Reply, Error> {
        self.webhook(webhook).await?;
        let found = self.rows.delivery(id).await?;
        let found = found.filter(|delivery| delivery.webhook == webhook);
        let delivery = found.ok_or_else(|| Error::DeliveryNotFound(id.to_string()))?;
        let delivery = self.reopen(delivery).await?;
        Ok(Reply::Delivery(Box::new(delivery)))
    }

    /// The lines are handed out in batches that survive a crash.
    async fn replay(&mut self, id: WebhookId, since: Instant) -> Result<Reply, Error> {
        let mut webhook = self.active_webhook(id).await?;
        let until = self.rows.last_line().await?;
        let after = self.last_line_before(since, until).await?;
        webhook.replay = Some(Replay { since, after, until });
        self.after.webhooks = true;
        self.rows.put_webhook(&webhook).await?;
        Ok(Reply::Webhook(Box::new(webhook)))
    }

    async fn standing(&mut self) -> Result<Reply, Error> {
        let mut standing = Standing::default();
        for webhook in self.rows.webhooks().await? {
            if !webhook.is_active() {
                continue;
            }
            let (pending, oldest) = self.rows.pending_deliveries(webhook.id, COUNTED).await?;
            standing.pending += pending;
            standing.oldest = standing.oldest.into_iter().chain(oldest).min();
            standing.active.insert(webhook.id);
        }
        if !standing.active.is_empty()
            && let Some(cursor) = self.rows.outbox_cursor().await?
        {
            let waiting = self.rows.lines_after(cursor, 1).await?;
            let next = waiting.first().map(|line| line.at);
            standing.oldest = standing.oldest.into_iter().chain(next).min();
        }
        Ok(Reply::Standing(standing))
    }

    async fn active_webhook(&mut self, id: WebhookId) -> Result<Webhook, Error> {
        let webhook = self.webhook(id).await?;
        if webhook.enabled { Ok(webhook) } else { Err(Error::WebhookDisabled(id.to_string())) }
    }

    async fn check_services(&mut self, request: &WebhookRequest) -> Result<(), Error> {
        for service in request.services.iter().flatten() {
            self.service(*service).await?;
        }
        Ok(())
    }

    pub(super) fn touch_webhook(&self, webhook: &mut Webhook) {
        webhook.updated_at = self.now.max(webhook.updated_at);
        webhook.version = webhook.version.saturating_add(1);
    }

    pub(super) async fn write_webhook(
        &mut self,
        webhook: &Webhook,
        what: &str,
        details: Map<String, Value>,
    ) -> Result<(), StoreError> {
        self.after.webhooks = true;
        self.rows.put_webhook(webhook).await?;
        self.append(Subject::Webhook(webhook.id), None, what, details).await
    }
}
