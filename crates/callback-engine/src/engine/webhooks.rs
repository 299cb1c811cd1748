//! The driver of webhooks: it hands the ledger out, sends what is due, and removes what is old.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use callback_domain::date;
use callback_domain::id::WebhookId;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::Engine;
use crate::command::{Answer, What};
use crate::error::Error;
use crate::ledger::Actor;
use crate::store::Idempotency;
use crate::webhook::{Order, Outgoing, Policy, Post, Posted, Reply};

/// Lines that one transaction hands out.
const LINES: usize = 100;
/// How long lines may gather before they are handed out.
const GATHER: Duration = Duration::from_millis(10);
/// How often to look for what nobody told of.
const LOOK_AROUND: Duration = Duration::from_secs(5);
/// The shortest rest before looking for deliveries that are due.
const SHORTEST_REST: Duration = Duration::from_millis(5);
/// The pause after the store could not be reached.
const STORE_PAUSE: Duration = Duration::from_millis(500);
/// Deliveries that one transaction removes.
const PURGED: usize = 500;
/// How often old deliveries are looked for.
const PURGE_PERIOD: Duration = Duration::from_secs(60);

/// What wakes the two loops.
#[derive(Debug, Default)]
pub(super) struct Bells {
    outbox: Notify,
    deliveries: Notify,
}

impl Bells {
    pub(super) fn ring(&self, webhooks: bool, deliveries: bool) {
        if webhooks {
            self.outbox.notify_one();
        }
        if webhooks || deliveries {
            self.deliveries.notify_one();
        }
    }
}

/// The tasks that serve webhooks; dropping it ends them.
#[derive(Debug)]
pub struct Delivering {
    tasks: JoinSet<()>,
}

impl Delivering {
    /// Ends the tasks and waits until they are gone; what was being sent is sent again.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

impl Engine {
    /// Serves the webhooks of the installation, beside any other process that does.
    pub fn deliver(&self, post: Arc<dyn Post>, policy: Policy) -> Delivering {
        let mut tasks = JoinSet::new();
        tasks.spawn(self.clone().hand_out());
        tasks.spawn(self.clone().send_out(post, policy));
        tasks.spawn(self.clone().purge(policy));
        Delivering { tasks }
    }

    /// Carries out an order about webhooks.
    ///
    /// # Errors
    /// Why it was refused.
    pub async fn webhooks(&self, actor: Actor, order: Order) -> Result<Reply, Error> {
        let Answer::Webhooks(reply) = self.run(actor, What::Webhooks(Box::new(order))).await?
        else {
            unreachable!("an order about webhooks has an answer of its own")
        };
        Ok(*reply)
    }

    /// As [`Self::webhooks`], once under an idempotency key if there is one.
    ///
    /// # Errors
    /// Why it was refused.
    pub async fn webhooks_once(
        &self,
        actor: Actor,
        order: Order,
        once: Option<Idempotency>,
    ) -> Result<Reply, Error> {
        let what = What::Webhooks(Box::new(order));
        let Answer::Webhooks(reply) = self.run_once(actor, what, once).await? else {
            unreachable!("an order about webhooks has an answer of its own")
        };
        Ok(*reply)
    }

    async fn hand_out(self) {
        let mut growth = self.ledger_growth();
        loop {
            growth.mark_unchanged();
            let handed = self.webhooks(Actor::Timer, Order::HandOut { limit: LINES }).await;
            match handed {
                Ok(Reply::HandedOut { more: true, .. }) => {}
                Ok(Reply::HandedOut { wanted: true, .. }) => {
                    let _woken = timeout(LOOK_AROUND, async {
                        tokio::select! {
                            _ = growth.changed() => sleep(GATHER).await,
                            () = self.0.bells.outbox.notified() => {}
                        }
                    })
                    .await;
                }
                Ok(_) => {
                    let _woken = timeout(LOOK_AROUND, self.0.bells.outbox.notified()).await;
                }
                Err(error) => {
                    tracing::error!(%error, "failed to hand the ledger out; trying again");
                    sleep(STORE_PAUSE).await;
                }
            }
        }
    }

    async fn send_out(self, post: Arc<dyn Post>, policy: Policy) {
        if self.store().is_exclusive() {
            self.release().await;
        }
        let mut flying = JoinSet::new();
        let mut busy = BTreeMap::<WebhookId, usize>::new();
        loop {
            let order = Order::Claim { busy: busy.clone(), policy };
            let rest = match self.webhooks(Actor::Timer, order).await {
                Ok(Reply::Claimed { outgoing, next }) => {
                    for one in outgoing {
                        *busy.entry(one.delivery.webhook).or_default() += 1;
                        flying.spawn(self.clone().send(one, Arc::clone(&post), policy));
                    }
                    match (next, self.now().await) {
                        (Some(at), Ok(now)) => (at - now).to_std().unwrap_or(Duration::ZERO),
                        (None, _) | (_, Err(_)) => LOOK_AROUND,
                    }
                }
                Ok(_) => LOOK_AROUND,
                Err(error) => {
                    tracing::error!(%error, "failed to look for deliveries; trying again");
                    STORE_PAUSE
                }
            };
            let landed = tokio::select! {
                Some(landed) = flying.join_next() => Some(landed),
                () = self.0.bells.deliveries.notified() => None,
                () = sleep(rest.clamp(SHORTEST_REST, LOOK_AROUND)) => None,
            };
            let mut landed = landed;
            while let Some(one) = landed {
                match one {
                    Ok(webhook) => {
                        if let Some(count) = busy.get_mut(&webhook) {
                            *count = count.saturating_sub(1);
                        }
                    }
                    Err(error) => tracing::error!(%error, "a delivery was not sent to its end"),
                }
                landed = flying.try_join_next();
            }
        }
    }

    async fn release(&self) {
        loop {
            match self.webhooks(Actor::Timer, Order::Release).await {
                Ok(Reply::Removed(1..)) => {}
                Ok(_) => return,
                Err(error) => {
                    tracing::error!(%error, "failed to take deliveries over; trying again");
                    sleep(STORE_PAUSE).await;
                }
            }
        }
    }

    /// Sends one delivery and notes what became of it.
    async fn send(self, one: Outgoing, post: Arc<dyn Post>, policy: Policy) -> WebhookId {
        let (delivery, webhook) = (one.delivery.id, one.delivery.webhook);
        let Some(lease) = one.delivery.lease else { return webhook };
        let lapses = Instant::now() + Duration::from_secs(u64::from(policy.lease_seconds));
        let request = match self.now().await {
            Ok(now) => one.request(now),
            // Its lease lapses, and it is sent again.
            Err(_) => return webhook,
        };
        let posted = match request {
            Some(request) => post.post(request).await,
            None => Posted {
                status: None,
                detail: "the ledger no longer has the event".to_owned(),
                retry_after_seconds: None,
            },
        };
        tracing::debug!(%webhook, %delivery, status = posted.status, "sent");
        loop {
            let order = Order::Settle { delivery, lease, posted: posted.clone(), policy };
            match self.webhooks(Actor::Timer, order).await {
                Ok(Reply::Settled { disabled: Some(webhook) }) => {
                    tracing::warn!(%webhook, status = posted.status, "a webhook was disabled");
                    return webhook;
                }
                Ok(_) => return webhook,
                // Its lease has lapsed, and it is sent again.
                Err(_) if Instant::now() > lapses => return webhook,
                Err(error) => {
                    tracing::error!(%error, %delivery, "failed to note a delivery; trying again");
                    sleep(STORE_PAUSE).await;
                }
            }
        }
    }

    async fn purge(self, policy: Policy) {
        loop {
            let removed = match self.now().await {
                Ok(now) => {
                    let before = date::add_seconds(now, -i64::from(policy.keep_seconds));
                    self.webhooks(Actor::Timer, Order::Purge { before, limit: PURGED }).await
                }
                Err(error) => Err(error.into()),
            };
            match removed {
                Ok(Reply::Removed(1..)) => sleep(GATHER).await,
                Ok(_) => sleep(PURGE_PERIOD).await,
                Err(error) => {
                    tracing::warn!(%error, "failed to remove old deliveries; trying again");
                    sleep(PURGE_PERIOD).await;
                }
            }
        }
    }
}
