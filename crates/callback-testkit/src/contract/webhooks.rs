//! Webhooks: who subscribes to what, with which secrets, and until when.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use callback_domain::date;
use callback_domain::dto::WebhookRequest;
use callback_domain::id::{CallbackId, ServiceId, WebhookId};
use callback_engine::clock::Clock;
use callback_engine::command::{Answer, Motion, What};
use callback_engine::error::Error;
use callback_engine::ledger::Subject;
use callback_engine::store::Store;
use callback_engine::webhook::{
    Delivery, DeliveryState, Order, Outgoing, Policy, Posted, Reply, Webhook,
};

use super::stage::Stage;

/// Another service than the hotline.
const OTHER: ServiceId = ServiceId::from_u128(0x52);

impl Stage {
    pub(super) async fn order(&self, order: Order) -> Result<Reply, Error> {
        match self.done(What::Webhooks(Box::new(order))).await?.answer {
            Answer::Webhooks(reply) => Ok(*reply),
            other => panic!("an order about webhooks answered {other:?}"),
        }
    }

    pub(super) async fn webhook_by(&self, order: Order) -> Webhook {
        match self.order(order).await.expect("the order is carried out") {
            Reply::Webhook(webhook) => *webhook,
            other => panic!("there is no webhook in {other:?}"),
        }
    }

    pub(super) async fn subscribe(&self, narrow: impl FnOnce(&mut WebhookRequest)) -> WebhookId {
        let mut request = everything();
        narrow(&mut request);
        self.webhook_by(Order::Create(request)).await.id
    }

    pub(super) async fn hand_out(&self) {
        for _ in 0..1_000 {
            let handed = self.order(Order::HandOut { limit: 3 }).await.expect("it is handed out");
            if !matches!(handed, Reply::HandedOut { more: true, .. }) {
                return;
            }
        }
        panic!("handing out does not come to its end");
    }

    pub(super) async fn claim(&self) -> Vec<Outgoing> {
        self.claim_beside(BTreeMap::new()).await
    }

    pub(super) async fn claim_beside(&self, busy: BTreeMap<WebhookId, usize>) -> Vec<Outgoing> {
        let order = Order::Claim { busy, policy: policy() };
        match self.order(order).await.expect("deliveries are taken") {
            Reply::Claimed { outgoing, .. } => outgoing,
            other => panic!("a claim answered {other:?}"),
        }
    }

    pub(super) async fn next_due(&self) -> Option<date::Instant> {
        let order = Order::Claim { busy: BTreeMap::new(), policy: policy() };
        match self.order(order).await.expect("deliveries are taken") {
            Reply::Claimed { outgoing, next } if outgoing.is_empty() => next,
            other => panic!("something was due: {other:?}"),
        }
    }

    pub(super) async fn answer(&self, sent: &Outgoing, status: u16) -> Option<WebhookId> {
        let posted =
            Posted { status: Some(status), detail: "said".to_owned(), retry_after_seconds: None };
        let delivery = sent.delivery.id;
        let lease = sent.delivery.lease.expect("what is sent is held");
        let order = Order::Settle { delivery, lease, posted, policy: policy() };
        match self.order(order).await.expect("the attempt is noted") {
            Reply::Settled { disabled } => disabled,
            other => panic!("a settlement answered {other:?}"),
        }
    }

    /// Sends everything that can be sent now, to receivers that take it; answers it in order.
    pub(super) async fn deliver_all(&self) -> Vec<Outgoing> {
        let mut sent = Vec::new();
        loop {
            let batch = self.claim().await;
            if batch.is_empty() {
                return sent;
            }
            for one in &batch {
                self.answer(one, 204).await;
            }
            sent.extend(batch);
        }
    }

    pub(super) async fn deliveries(
        &self,
        webhook: WebhookId,
        state: Option<DeliveryState>,
    ) -> Vec<Delivery> {
        let order = Order::Deliveries { webhook, state, before: None, limit: 1_000 };
        match self.order(order).await.expect("deliveries are listed") {
            Reply::Deliveries(found) => found,
            other => panic!("a list answered {other:?}"),
        }
    }

    pub(super) async fn ended_callback(&self, line: u32) -> CallbackId {
        let id = self.queue(Self::wish(line)).await;
        self.by(id, Motion::Cancel).await;
        id
    }
}

pub(super) fn policy() -> Policy {
    Policy::default()
}

pub(super) fn everything() -> WebhookRequest {
    WebhookRequest {
        url: "https://receiver.example/hooks".to_owned(),
        events: None,
        services: None,
        description: None,
        enabled: true,
    }
}

pub(super) fn events_of(sent: &[Outgoing], callback: CallbackId) -> Vec<&str> {
    let about = sent.iter().filter(|one| one.delivery.subject == Subject::Callback(callback));
    about.map(|one| one.delivery.event.as_str()).collect()
}

pub(super) fn created_only() -> BTreeSet<String> {
    BTreeSet::from(["Created".to_owned()])
}

/// A subscription gets the events and services that it names.
pub async fn a_subscription_gets_what_it_asks_for(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    stage.service(OTHER, "other", |_| {}).await;
    stage
        .subscribe(|request| {
            request.events = Some(BTreeSet::from(["Created".to_owned(), "UserEdited".to_owned()]));
            request.services = Some(BTreeSet::from([OTHER]));
        })
        .await;
    stage.ended_callback(1).await;
    let mut wish = Stage::wish(2);
    wish.service = OTHER;
    let id = stage.create(wish).await;
    stage.hand_out().await;
    let sent = stage.deliver_all().await;
    assert_eq!(events_of(&sent, id), ["Created"]);
    assert_eq!(sent.len(), 1, "{sent:?}");
    let nowhere = BTreeSet::from([ServiceId::from_u128(9)]);
    let unknown = WebhookRequest { services: Some(nowhere), ..everything() };
    let refused = stage.order(Order::Create(unknown)).await;
    assert!(matches!(refused, Err(Error::ServiceNotFound(_))), "{refused:?}");
}

/// A receiver that is gone, or fails for days, is disabled with a line in the ledger.
pub async fn who_fails_for_long_or_is_gone_is_disabled(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    let gone = stage.subscribe(|request| request.events = Some(created_only())).await;
    stage.create(Stage::wish(1)).await;
    stage.hand_out().await;
    let [sent] = &stage.claim().await[..] else { panic!("one is due") };
    assert_eq!(stage.answer(sent, 410).await, Some(gone));
    let webhook = stage.webhook_by(Order::Read(gone)).await;
    assert!(!webhook.enabled && webhook.disabled_at == Some(stage.now()));
    assert!(webhook.disabled_reason.is_some_and(|reason| reason.contains("410")));
    let refused = stage.order(Order::Ping(gone)).await;
    assert!(matches!(refused, Err(Error::WebhookDisabled(_))), "{refused:?}");

    let failing = stage.subscribe(|request| request.events = Some(created_only())).await;
    for day in 0..6 {
        stage.create(Stage::wish(10 + day)).await;
        stage.hand_out().await;
        let mut disabled = BTreeSet::new();
        for one in stage.claim().await {
            disabled.extend(stage.answer(&one, 500).await);
        }
        assert_eq!(disabled.contains(&failing), day == 5, "day {day}");
        stage.pass(86_400);
    }
    let about = Some(Subject::Webhook(failing));
    let lines = stage.store.ledger(about, 0, 100).await.expect("the ledger is read");
    let told: Vec<_> = lines.iter().map(|line| line.what.as_str()).collect();
    assert_eq!(told, ["WebhookCreated", "WebhookDisabled"]);
    assert!(stage.claim().await.is_empty(), "nothing is sent to it");
    let pending = stage.deliveries(failing, Some(DeliveryState::Pending)).await.len();
    assert!(pending > 0);
    stage.create(Stage::wish(99)).await;

    stage.pass(1);
    let order = Order::Replace {
        webhook: failing,
        request: WebhookRequest { events: Some(created_only()), ..everything() },
        if_version: None,
    };
    let enabled = stage.webhook_by(order).await;
    assert!(enabled.enabled && enabled.disabled_at.is_none() && enabled.failing_since.is_none());
    let id = stage.create(Stage::wish(100)).await;
    stage.hand_out().await;
    let sent = stage.deliver_all().await;
    assert_eq!(events_of(&sent, id), ["Created"]);
    assert_eq!(
        sent.len(),
        pending + 1,
        "what was pending goes on, what happened meanwhile was not noted"
    );
}

/// After a rotation both secrets sign until the overlap is over.
pub async fn both_secrets_sign_until_the_overlap_is_over(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    let before = stage
        .webhook_by(Order::Create(WebhookRequest { events: Some(created_only()), ..everything() }));
    let before = before.await;
    let order = Order::Rotate { webhook: before.id, overlap_seconds: 86_400 };
    let after = stage.webhook_by(order).await;
    assert_ne!(before.secret, after.secret);
    stage.create(Stage::wish(1)).await;
    stage.hand_out().await;
    let [sent] = &stage.claim().await[..] else { panic!("one is due") };
    assert_eq!(sent.secrets, [after.secret.clone(), before.secret]);
    let request = sent.request(stage.now()).expect("it can be sent");
    assert_eq!(request.signature.split(' ').count(), 2);
    stage.answer(sent, 200).await;
    stage.pass(86_400);
    stage.create(Stage::wish(2)).await;
    stage.hand_out().await;
    let [sent] = &stage.claim().await[..] else { panic!("one is due") };
    assert_eq!(sent.secrets, [after.secret]);
}

/// A subscription that is removed goes with its deliveries, a few at a time.
pub async fn a_webhook_goes_with_its_deliveries(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    let webhook = stage.subscribe(|request| request.events = Some(created_only())).await;
    let kept = stage.subscribe(|request| request.events = Some(created_only())).await;
    for line in 0..5 {
        stage.create(Stage::wish(line)).await;
    }
    stage.hand_out().await;
    stage.order(Order::Delete(webhook)).await.expect("it is removed");
    let gone = stage.order(Order::Read(webhook)).await;
    assert!(matches!(gone, Err(Error::WebhookNotFound(_))), "{gone:?}");
    let again = stage.order(Order::Delete(webhook)).await;
    assert!(matches!(again, Err(Error::WebhookNotFound(_))), "{again:?}");
    let mut removed = Vec::new();
    for _ in 0..5 {
        match stage.order(Order::Purge { before: stage.now(), limit: 2 }).await {
            Ok(Reply::Removed(count)) => removed.push(count),
            other => panic!("a purge answered {other:?}"),
        }
    }
    assert_eq!(removed, [2, 2, 1, 0, 0]);
    let sent = stage.deliver_all().await;
    assert_eq!(sent.len(), 5);
    assert!(sent.iter().all(|one| one.delivery.webhook == kept));
    match stage.order(Order::List).await.expect("they are listed") {
        Reply::Webhooks(listed) => {
            assert_eq!(listed.iter().map(|one| one.id).collect::<Vec<_>>(), [kept]);
        }
        other => panic!("a list answered {other:?}"),
    }
}
