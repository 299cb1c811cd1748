//! The way from the ledger to the subscribers: handed out, taken, sent, settled, removed.

use std::collections::BTreeMap;

use callback_domain::date::{self, Instant};
use callback_domain::id::{DeliveryId, WebhookId};
use chrono::TimeDelta;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::Work;
use crate::error::Error;
use crate::ledger::Line;
use crate::store::{Rows, StoreError};
use crate::webhook::{Delivery, DeliveryState, Outgoing, Policy, Posted, Replay, Reply, Webhook};

/// Seconds by which lines may lie out of the order of their instants.
const DISORDER_SECONDS: i64 = 300;

impl<R: Rows> Work<'_, R> {
    /// Nothing that happened while nobody wanted anything is handed out.
    pub(super) async fn begin_handing_out(&mut self) -> Result<(), StoreError> {
        let webhooks = self.rows.webhooks().await?;
        if webhooks.iter().any(Webhook::is_active) {
            return Ok(());
        }
        if self.rows.outbox_cursor().await?.is_some() {
            let end = self.rows.last_line().await?;
            self.rows.put_outbox_cursor(end).await?;
        }
        Ok(())
    }

    pub(super) async fn hand_out(&mut self, limit: usize) -> Result<Reply, Error> {
        let webhooks = self.rows.webhooks().await?;
        if !webhooks.iter().any(Webhook::is_active) {
            return Ok(Reply::HandedOut { more: false, wanted: false });
        }
        let Some(cursor) = self.rows.outbox_cursor().await? else {
            return Ok(Reply::HandedOut { more: false, wanted: true });
        };
        let lines = self.rows.lines_after(cursor, limit).await?;
        for line in &lines {
            for webhook in &webhooks {
                if webhook.is_active() && line.at >= webhook.enabled_at && webhook.wants(line) {
                    self.hand_to(line, webhook.id, false).await?;
                }
            }
        }
        if let Some(last) = lines.last() {
            self.rows.put_outbox_cursor(last.sequence).await?;
        }
        let mut more = lines.len() >= limit;
        for webhook in webhooks {
            if let Some(replay) = webhook.replay.filter(|_| webhook.is_active()) {
                more |= self.hand_out_again(webhook.id, replay, limit).await?;
            }
        }
        Ok(Reply::HandedOut { more, wanted: true })
    }

    /// A batch of a repetition; answers whether it goes on.
    async fn hand_out_again(
        &mut self,
        id: WebhookId,
        seen: Replay,
        limit: usize,
    ) -> Result<bool, StoreError> {
        let Some(mut webhook) = self.rows.webhook(id).await? else { return Ok(false) };
        if webhook.replay != Some(seen) {
            return Ok(true);
        }
        let lines = self.rows.lines_after(seen.after, limit).await?;
        for line in lines.iter().filter(|line| line.sequence <= seen.until) {
            if line.at >= seen.since && webhook.wants(line) {
                self.hand_to(line, id, true).await?;
            }
        }
        let last = lines.last().map(|line| line.sequence).filter(|last| *last < seen.until);
        webhook.replay = last.map(|after| Replay { after, ..seen });
        self.rows.put_webhook(&webhook).await?;
        Ok(webhook.replay.is_some())
    }

    /// The last line that lies surely before an instant; lines are nearly in the order of theirs.
    pub(super) async fn last_line_before(
        &mut self,
        since: Instant,
        end: u64,
    ) -> Result<u64, StoreError> {
        let since = date::add_seconds(since, -DISORDER_SECONDS);
        let (mut before, mut beyond) = (0, end);
        while before < beyond {
            let middle = before + (beyond - before) / 2;
            match self.rows.lines_after(middle, 1).await?.first() {
                Some(line) if line.at < since && line.sequence <= end => before = line.sequence,
                Some(_) | None => beyond = middle,
            }
        }
        Ok(before)
    }

    async fn hand_to(
        &mut self,
        line: &Line,
        webhook: WebhookId,
        again: bool,
    ) -> Result<(), StoreError> {
        let fresh = Delivery::of(line, webhook, self.now);
        match self.rows.delivery(fresh.id).await? {
            Some(known) if again => drop(self.reopen(known).await?),
            Some(_) => {}
            None => drop(self.enqueue(fresh).await?),
        }
        Ok(())
    }

    /// Puts a delivery in its place: it is the front unless something before it is pending.
    pub(super) async fn enqueue(&mut self, mut delivery: Delivery) -> Result<Delivery, StoreError> {
        let first = self.rows.first_pending(delivery.webhook, delivery.subject).await?;
        delivery.front = true;
        if let Some(mut first) = first {
            if first.order() < delivery.order() {
                delivery.front = false;
            } else {
                first.front = false;
                self.rows.put_delivery(&first).await?;
            }
        }
        self.rows.put_delivery(&delivery).await?;
        self.after.deliveries = true;
        Ok(delivery)
    }

    /// Makes a settled delivery pending once more; a pending one is sent at once.
    pub(super) async fn reopen(&mut self, mut delivery: Delivery) -> Result<Delivery, StoreError> {
        if delivery.state == DeliveryState::Pending {
            if delivery.lease.is_none() {
                (delivery.due, delivery.attempts, delivery.give_up_at) = (self.now, 0, None);
                self.rows.put_delivery(&delivery).await?;
                self.after.deliveries = true;
            }
            return Ok(delivery);
        }
        delivery.state = DeliveryState::Pending;
        (delivery.due, delivery.attempts, delivery.give_up_at) = (self.now, 0, None);
        (delivery.settled_at, delivery.lease) = (None, None);
        self.enqueue(delivery).await
    }

    pub(super) async fn claim_deliveries(
        &mut self,
        busy: &BTreeMap<WebhookId, usize>,
        policy: &Policy,
    ) -> Result<Reply, Error> {
        let (mut outgoing, mut next) = (Vec::new(), None::<Instant>);
        for webhook in self.rows.webhooks().await? {
            let room = policy.at_once.saturating_sub(busy.get(&webhook.id).copied().unwrap_or(0));
            if room == 0 || !webhook.is_active() {
                continue;
            }
            let due = self.rows.due_deliveries(webhook.id, room).await?;
            let is_full = due.len() >= room;
            for delivery in due {
                outgoing.push(self.take_delivery(delivery, &webhook, policy).await?);
            }
            if !is_full {
                next = next.into_iter().chain(self.rows.next_delivery(webhook.id).await?).min();
            }
        }
        Ok(Reply::Claimed { outgoing, next })
    }

    async fn take_delivery(
        &mut self,
        mut delivery: Delivery,
        webhook: &Webhook,
        policy: &Policy,
    ) -> Result<Outgoing, StoreError> {
        let later = |seconds: u32| date::add_seconds(self.now, i64::from(seconds));
        delivery.lease = Some(self.site.mint.random());
        delivery.due = later(policy.lease_seconds);
        delivery.attempts = delivery.attempts.saturating_add(1);
        let give_up_at = delivery.give_up_at.unwrap_or_else(|| later(policy.give_up_seconds));
        delivery.give_up_at = Some(give_up_at);
        self.rows.put_delivery(&delivery).await?;
        let line = match delivery.sequence {
            0 => None,
            sequence => self.rows.line(sequence).await?,
        };
        let secrets = webhook.secrets(self.now);
        Ok(Outgoing { delivery, url: webhook.url.clone(), secrets, line })
    }

    /// What a process that is gone held is due at once.
    pub(super) async fn release_deliveries(&mut self) -> Result<Reply, Error> {
        const BATCH: usize = 1_000;
        let held = self.rows.held_deliveries(BATCH).await?;
        let released = held.len();
        for mut delivery in held {
            (delivery.lease, delivery.due) = (None, self.now);
            self.rows.put_delivery(&delivery).await?;
        }
        self.after.deliveries |= released > 0;
        Ok(Reply::Removed(released))
    }

    /// A success counts whoever reports it; a failure only when it is the holder's.
    pub(super) async fn settle_delivery(
        &mut self,
        id: DeliveryId,
        lease: Uuid,
        posted: &Posted,
        policy: &Policy,
    ) -> Result<Reply, Error> {
        let nothing = Reply::Settled { disabled: None };
        let Some(mut delivery) = self.rows.delivery(id).await? else { return Ok(nothing) };
        let counts = posted.is_success() || delivery.lease == Some(lease);
        if delivery.state != DeliveryState::Pending || !counts {
            return Ok(nothing);
        }
        let [chance, ..] = self.site.mint.secret();
        let next = if posted.is_success() {
            None
        } else {
            policy.next(&delivery, posted, self.now, chance)
        };
        delivery.lease = None;
        delivery.last = Some(posted.clone());
        match next {
            Some(due) => delivery.due = due,
            None => {
                let success = posted.is_success();
                delivery.state =
                    if success { DeliveryState::Delivered } else { DeliveryState::Failed };
                (delivery.front, delivery.settled_at) = (false, Some(self.now));
            }
        }
        self.rows.put_delivery(&delivery).await?;
        if next.is_none() {
            self.promote(&delivery).await?;
        }
        let disabled = if delivery.is_ping() && !posted.is_success() {
            None
        } else {
            self.note_standing(delivery.webhook, posted, policy).await?
        };
        Ok(Reply::Settled { disabled })
    }

    /// The next of the same subject may go.
    async fn promote(&mut self, settled: &Delivery) -> Result<(), StoreError> {
        let next = self.rows.first_pending(settled.webhook, settled.subject).await?;
        if let Some(mut next) = next.filter(|next| !next.front) {
            next.front = true;
            self.rows.put_delivery(&next).await?;
        }
        Ok(())
    }

    /// Notes when a subscription began to fail, and disables one that has failed for too long.
    async fn note_standing(
        &mut self,
        id: WebhookId,
        posted: &Posted,
        policy: &Policy,
    ) -> Result<Option<WebhookId>, StoreError> {
        let webhooks = self.rows.webhooks().await?;
        let Some(seen) = webhooks.iter().find(|webhook| webhook.id == id) else { return Ok(None) };
        let patience = TimeDelta::seconds(i64::from(policy.disable_seconds));
        let reason = |webhook: &Webhook| {
            if posted.is_success() || !webhook.is_active() {
                None
            } else if posted.is_gone() {
                Some("the receiver answered 410 Gone")
            } else {
                let since = webhook.failing_since?;
                (self.now - since >= patience).then_some("every attempt failed for too long")
            }
        };
        let is_as_noted = posted.is_success() == seen.failing_since.is_none();
        if is_as_noted && reason(seen).is_none() {
            return Ok(None);
        }
        let Some(mut webhook) = self.rows.webhook(id).await? else { return Ok(None) };
        let Some(why) = reason(&webhook) else {
            if posted.is_success() {
                webhook.failing_since = None;
            } else {
                webhook.failing_since.get_or_insert(self.now);
            }
            self.rows.put_webhook(&webhook).await?;
            return Ok(None);
        };
        (webhook.enabled, webhook.disabled_at) = (false, Some(self.now));
        webhook.disabled_reason = Some(why.to_owned());
        self.touch_webhook(&mut webhook);
        let details = Map::from_iter([("Reason".to_owned(), Value::from(why))]);
        self.write_webhook(&webhook, "WebhookDisabled", details).await?;
        Ok(Some(id))
    }

    pub(super) async fn purge_deliveries(
        &mut self,
        before: Instant,
        limit: usize,
    ) -> Result<Reply, Error> {
        let mut removed = self.rows.purge_settled(before, limit).await?;
        for webhook in self.rows.webhooks().await? {
            if webhook.removed {
                let gone = self.rows.purge_webhook(webhook.id, limit).await?;
                removed += gone;
                if gone == 0 {
                    self.rows.delete_webhook(webhook.id).await?;
                }
            }
        }
        Ok(Reply::Removed(removed))
    }
}
