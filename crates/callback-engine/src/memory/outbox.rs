//! Webhooks and their deliveries in memory, and the indexes beside them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use callback_domain::date::Instant;
use callback_domain::id::{DeliveryId, WebhookId};

use crate::ledger::Subject;
use crate::webhook::{Delivery, DeliveryState, Webhook};

#[derive(Clone, Default)]
pub(super) struct Outbox {
    pub(super) cursor: u64,
    pub(super) webhooks: BTreeMap<WebhookId, Webhook>,
    pub(super) deliveries: BTreeMap<DeliveryId, Delivery>,
    fronts: BTreeSet<(WebhookId, Instant, DeliveryId)>,
    pending: BTreeSet<(WebhookId, Subject, u64, DeliveryId)>,
}

impl Outbox {
    pub(super) fn webhooks(&self) -> Vec<Webhook> {
        let mut webhooks: Vec<Webhook> = self.webhooks.values().cloned().collect();
        webhooks.sort_by_key(|webhook| (webhook.created_at, webhook.id));
        webhooks
    }

    pub(super) fn put(&mut self, delivery: &Delivery) {
        self.unlist(delivery.id);
        let Delivery { id, webhook, subject, sequence, due, .. } = *delivery;
        if delivery.state == DeliveryState::Pending {
            self.pending.insert((webhook, subject, sequence, id));
        }
        if delivery.front {
            self.fronts.insert((webhook, due, id));
        }
        self.deliveries.insert(id, delivery.clone());
    }

    fn unlist(&mut self, id: DeliveryId) {
        let Some(before) = self.deliveries.get(&id) else { return };
        self.pending.remove(&(before.webhook, before.subject, before.sequence, id));
        self.fronts.remove(&(before.webhook, before.due, id));
    }

    pub(super) fn first_pending(&self, webhook: WebhookId, subject: Subject) -> Option<Delivery> {
        let first = (webhook, subject, 0, DeliveryId::from_u128(0));
        let found = self.pending.range(first..).next();
        let found = found.filter(|(of, about, ..)| *of == webhook && *about == subject);
        self.deliveries.get(&found?.3).cloned()
    }

    pub(super) fn due(&self, webhook: WebhookId, now: Instant, limit: usize) -> Vec<Delivery> {
        let fronts = self.fronts_of(webhook).take_while(|(_, due, _)| *due <= now);
        fronts.filter_map(|(_, _, id)| self.deliveries.get(id).cloned()).take(limit).collect()
    }

    pub(super) fn next(&self, webhook: WebhookId) -> Option<Instant> {
        self.fronts_of(webhook).next().map(|(_, due, _)| *due)
    }

    fn fronts_of(
        &self,
        webhook: WebhookId,
    ) -> impl Iterator<Item = &(WebhookId, Instant, DeliveryId)> {
        let first = (webhook, Instant::default(), DeliveryId::from_u128(0));
        self.fronts.range(first..).take_while(move |(of, ..)| *of == webhook)
    }

    pub(super) fn listed(
        &self,
        webhook: WebhookId,
        state: DeliveryState,
        before: Option<(Instant, DeliveryId)>,
        limit: usize,
    ) -> Vec<Delivery> {
        let place = |found: &Delivery| (found.created_at, found.id);
        let mut listed: Vec<&Delivery> = self
            .deliveries
            .values()
            .filter(|found| found.webhook == webhook && found.state == state)
            .filter(|found| before.is_none_or(|before| place(found) < before))
            .collect();
        listed.sort_by_key(|found| Reverse(place(found)));
        listed.into_iter().take(limit).cloned().collect()
    }

    pub(super) fn pending(&self, webhook: WebhookId, limit: usize) -> (u64, Option<Instant>) {
        let pending = self
            .deliveries
            .values()
            .filter(|found| found.webhook == webhook && found.state == DeliveryState::Pending);
        let oldest = pending.clone().map(|found| found.created_at).min();
        (pending.take(limit).count() as u64, oldest)
    }

    pub(super) fn remove(&mut self, which: impl Fn(&Delivery) -> bool, limit: usize) -> usize {
        let found = self.deliveries.values().filter(|found| which(found)).take(limit);
        let found: Vec<DeliveryId> = found.map(|found| found.id).collect();
        for id in &found {
            self.unlist(*id);
            self.deliveries.remove(id);
        }
        found.len()
    }
}
