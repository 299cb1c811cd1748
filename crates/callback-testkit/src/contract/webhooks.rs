//! Webhooks: what is handed out, in which order it is sent, and when it is given up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use callback_domain::callback::PhaseName;
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

use super::stage::{HOTLINE, Stage};

/// Another service than the hotline.
const OTHER: ServiceId = ServiceId::from_u128(0x52);

impl Stage {
    async fn order(&self, order: Order) -> Result<Reply, Error> {
        match self.done(What::Webhooks(Box::new(order))).await?.answer {
            Answer::Webhooks(reply) => Ok(*reply),
            other => panic!("an order about webhooks answered {other:?}"),
        }
    }

    async fn webhook_by(&self, order: Order) -> Webhook {
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

    async fn claim(&self) -> Vec<Outgoing> {
        self.claim_beside(BTreeMap::new()).await
    }

    async fn claim_beside(&self, busy: BTreeMap<WebhookId, usize>) -> Vec<Outgoing> {
        let order = Order::Claim { busy, policy: policy() };
        match self.order(order).await.expect("deliveries are taken") {
            Reply::Claimed { outgoing, .. } => outgoing,
            other => panic!("a claim answered {other:?}"),
        }
    }

    async fn next_due(&self) -> Option<date::Instant> {
        let order = Order::Claim { busy: BTreeMap::new(), policy: policy() };
        match self.order(order).await.expect("deliveries are taken") {
            Reply::Claimed { outgoing, next } if outgoing.is_empty() => next,
            other => panic!("something was due: {other:?}"),
        }
    }

    async fn answer(&self, sent: &Outgoing, status: u16) -> Option<WebhookId> {
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
    async fn deliver_all(&self) -> Vec<Outgoing> {
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

    async fn ended_callback(&self, line: u32) -> CallbackId {
        let id = self.queue(Self::wish(line)).await;
        self.by(id, Motion::Cancel).await;
        id
    }
}

fn policy() -> Policy {
    Policy::default()
}

fn everything() -> WebhookRequest {
    WebhookRequest {
        url: "https://receiver.example/hooks".to_owned(),
        events: None,
        services: None,
        description: None,
        enabled: true,
    }
}

fn events_of(sent: &[Outgoing], callback: CallbackId) -> Vec<&str> {
    let about = sent.iter().filter(|one| one.delivery.subject == Subject::Callback(callback));
    about.map(|one| one.delivery.event.as_str()).collect()
}

/// Every line that was written after the subscription is sent, those of one callback in order.
pub async fn what_happens_is_sent_once_and_in_order(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    stage.ended_callback(1).await;
    stage.pass(1);
    let webhook = stage.subscribe(|_| {}).await;
    let ids = [stage.ended_callback(2).await, stage.ended_callback(3).await];
    stage.hand_out().await;
    stage.hand_out().await;
    let sent = stage.deliver_all().await;
    for id in ids {
        assert_eq!(events_of(&sent, id), ["Created", "Queued", "Cancelled"]);
    }
    assert_eq!(sent.len(), 7, "and the subscription itself: {sent:?}");
    let distinct: BTreeSet<_> = sent.iter().map(|one| one.delivery.id).collect();
    assert_eq!(distinct.len(), 7);
    for one in &sent {
        let line = one.line.as_ref().expect("the ledger has it");
        assert_eq!((line.sequence, &line.what), (one.delivery.sequence, &one.delivery.event));
        let body = one.body().expect("it has a body");
        assert_eq!(body["type"], one.delivery.event.as_str());
        assert_eq!(body["data"]["Event"], body["type"]);
        assert_eq!(body["timestamp"], body["data"]["At"]);
    }
    assert_eq!(stage.next_due().await, None);
    let delivered = stage.deliveries(webhook, Some(DeliveryState::Delivered)).await;
    assert_eq!(delivered.len(), 7);
    assert_eq!(stage.deliveries(webhook, None).await, delivered);
    let last = delivered[0].last.as_ref().expect("it was answered");
    assert_eq!((last.status, last.detail.as_str()), (Some(204), "said"));
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

/// A failure is repeated after pauses that double, and holds back its own callback only.
pub async fn a_failure_is_repeated_and_holds_back_its_own_callback(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    let only = |request: &mut WebhookRequest| request.services = Some(BTreeSet::from([HOTLINE]));
    let webhook = stage.subscribe(only).await;
    let (one, other) = (stage.ended_callback(1).await, stage.ended_callback(2).await);
    stage.hand_out().await;
    let first = stage.claim().await;
    assert_eq!(first.len(), 2, "the fronts of both");
    let of = |sent: &[Outgoing], callback| {
        let about = Subject::Callback(callback);
        sent.iter().find(|one| one.delivery.subject == about).expect("it is there").clone()
    };
    stage.answer(&of(&first, other), 200).await;
    let mut failing = of(&first, one);
    let sent = {
        stage.answer(&failing, 500).await;
        stage.deliver_all().await
    };
    assert_eq!(events_of(&sent, other), ["Queued", "Cancelled"]);
    assert!(events_of(&sent, one).is_empty());
    for attempt in 1..=12_i32 {
        let due = stage.next_due().await.expect("it is repeated");
        let pause = (due - stage.now()).num_milliseconds();
        let least = (5_000 << (attempt - 1)).min(6 * 3_600_000);
        assert!((least..=least + least / 4).contains(&pause), "attempt {attempt}: {pause} ms");
        stage.clock.set(due);
        let again = stage.claim().await;
        assert_eq!(again.len(), 1);
        assert_eq!(again[0].delivery.id, failing.delivery.id);
        assert_eq!(again[0].delivery.attempts, u32::try_from(attempt).unwrap_or(0) + 1);
        assert_eq!(again[0].body(), failing.body());
        failing = again[0].clone();
        stage.answer(&failing, 302).await;
    }
    stage.pass(86_400);
    stage.answer(&stage.claim().await[0], 200).await;
    assert_eq!(events_of(&stage.deliver_all().await, one), ["Queued", "Cancelled"]);
    assert!(stage.deliveries(webhook, Some(DeliveryState::Pending)).await.is_empty());
}

/// What fails for three days is given up, and what follows it is sent.
pub async fn what_fails_for_days_is_given_up(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    let only = |request: &mut WebhookRequest| request.services = Some(BTreeSet::from([HOTLINE]));
    let webhook = stage.subscribe(only).await;
    let id = stage.ended_callback(1).await;
    stage.hand_out().await;
    let (began, mut attempts) = (stage.now(), 0);
    loop {
        let batch = stage.claim().await;
        if let [one] = &batch[..] {
            if one.delivery.event != "Created" {
                break;
            }
            attempts += 1;
            assert_eq!(stage.answer(one, 503).await, None);
        }
        if stage.deliveries(webhook, Some(DeliveryState::Failed)).await.is_empty() {
            stage.clock.set(stage.next_due().await.expect("it is repeated"));
        }
    }
    let days = (stage.now() - began).num_hours();
    assert!((60..=72).contains(&days), "after {days} hours");
    assert!((20..30).contains(&attempts), "after {attempts} attempts");
    let failed = stage.deliveries(webhook, Some(DeliveryState::Failed)).await;
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].subject, Subject::Callback(id));
}

/// A sender that dies loses its lease; another sends, and what the dead one reports late is no harm.
pub async fn a_lease_that_lapses_is_another_ones(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    let webhook = stage.subscribe(|request| request.events = Some(created_only())).await;
    stage.create(Stage::wish(1)).await;
    stage.hand_out().await;
    let [dead] = &stage.claim().await[..] else { panic!("one is due") };
    assert!(stage.claim().await.is_empty(), "it is held");
    stage.pass(i64::from(policy().lease_seconds) - 1);
    assert!(stage.claim().await.is_empty(), "it is held still");
    stage.pass(1);
    let [other] = &stage.claim().await[..] else { panic!("it is due again") };
    assert_eq!(other.delivery.id, dead.delivery.id);
    stage.answer(dead, 500).await;
    let pending = stage.deliveries(webhook, Some(DeliveryState::Pending)).await;
    assert_eq!(pending[0].lease, other.delivery.lease, "a late failure is nobody's");
    stage.answer(dead, 200).await;
    assert_eq!(stage.deliveries(webhook, Some(DeliveryState::Delivered)).await.len(), 1);
    stage.answer(other, 500).await;
    assert_eq!(stage.deliveries(webhook, Some(DeliveryState::Delivered)).await.len(), 1);

    stage.create(Stage::wish(2)).await;
    stage.hand_out().await;
    assert_eq!(stage.claim().await.len(), 1);
    assert_eq!(stage.order(Order::Release).await, Ok(Reply::Removed(1)));
    assert_eq!(stage.claim().await.len(), 1, "a process that is alone need not wait");
}

/// One process sends only so many at a time to one subscription.
pub async fn so_many_are_sent_at_a_time(open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    let webhook = stage.subscribe(|request| request.events = Some(created_only())).await;
    for line in 0..12 {
        stage.create(Stage::wish(line)).await;
    }
    stage.hand_out().await;
    assert_eq!(stage.claim_beside(BTreeMap::from([(webhook, 5)])).await.len(), 3);
    assert!(stage.claim_beside(BTreeMap::from([(webhook, 8)])).await.is_empty());
    assert_eq!(stage.claim().await.len(), 8);
    assert_eq!(stage.claim().await.len(), 1);
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

/// What is sent again has the id that it had, from the list of deliveries or from the ledger.
pub async fn what_is_sent_again_has_its_old_id(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    let only = |request: &mut WebhookRequest| request.services = Some(BTreeSet::from([HOTLINE]));
    let webhook = stage.subscribe(only).await;
    let early = stage.ended_callback(1).await;
    stage.pass(3_600);
    let since = stage.now();
    let late = stage.ended_callback(2).await;
    stage.hand_out().await;
    let first = stage.deliver_all().await;
    let ids = |sent: &[Outgoing], callback| -> Vec<_> {
        let about = Subject::Callback(callback);
        let sent = sent.iter().filter(|one| one.delivery.subject == about);
        sent.map(|one| one.delivery.id).collect()
    };
    let delivery = ids(&first, early)[1];
    stage.order(Order::Resend { webhook, delivery }).await.expect("it is sent again");
    let again = stage.deliver_all().await;
    assert_eq!(again.len(), 1);
    assert_eq!((again[0].delivery.id, again[0].delivery.attempts), (delivery, 1));
    assert_eq!(
        again[0].body(),
        first.iter().find(|one| one.delivery.id == delivery).expect("it was sent").body()
    );

    // What is no longer there is made anew from the ledger.
    stage.pass(8 * 86_400);
    let purge = Order::Purge { before: stage.now(), limit: 100 };
    assert_eq!(stage.order(purge).await, Ok(Reply::Removed(6)));
    assert!(stage.deliveries(webhook, None).await.is_empty());
    stage.webhook_by(Order::Replay { webhook, since }).await;
    stage.hand_out().await;
    let replayed = stage.deliver_all().await;
    assert_eq!(events_of(&replayed, late), ["Created", "Queued", "Cancelled"]);
    assert_eq!(ids(&replayed, late), ids(&first, late));
    assert!(events_of(&replayed, early).is_empty());
    assert_eq!(stage.webhook_by(Order::Read(webhook)).await.replay, None);
    let unknown = Order::Resend { webhook, delivery };
    assert!(matches!(stage.order(unknown).await, Err(Error::DeliveryNotFound(_))));
}

/// A trial is sent once, and its failure is no failure of the subscription.
pub async fn a_trial_is_sent_once(open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    let webhook = stage.subscribe(|request| request.events = Some(created_only())).await;
    for status in [500, 200] {
        stage.order(Order::Ping(webhook)).await.expect("a trial is made");
        let [ping] = &stage.claim().await[..] else { panic!("the trial is due") };
        let body = ping.body().expect("it has a body");
        assert_eq!(body["type"], "Ping");
        assert_eq!(body["data"]["WebhookId"], webhook.to_string());
        stage.answer(ping, status).await;
        assert_eq!(stage.next_due().await, None);
        assert_eq!(stage.webhook_by(Order::Read(webhook)).await.failing_since, None);
    }
    assert_eq!(stage.deliveries(webhook, Some(DeliveryState::Failed)).await.len(), 1);
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

/// Deliveries are listed newest first, in pages that join, and figures agree with them.
pub async fn deliveries_are_listed_and_counted(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    let webhook = stage.subscribe(|request| request.events = Some(created_only())).await;
    let oldest = date::add_seconds(stage.now(), 0);
    for line in 0..7 {
        let id = stage.create(Stage::wish(line)).await;
        assert_eq!(stage.phase(id).await, PhaseName::Pending);
        stage.hand_out().await;
        stage.pass(1);
    }
    for one in stage.claim_beside(BTreeMap::from([(webhook, 5)])).await {
        stage.answer(&one, 200).await;
    }
    let all = stage.deliveries(webhook, None).await;
    let mut joined = Vec::new();
    let mut before = None;
    loop {
        let order = Order::Deliveries { webhook, state: None, before, limit: 2 };
        let Ok(Reply::Deliveries(page)) = stage.order(order).await else { panic!("no page") };
        let Some(last) = page.last() else { break };
        before = Some((last.created_at, last.id));
        joined.extend(page);
    }
    assert_eq!(joined, all);
    assert!(all.windows(2).all(|pair| pair[0].created_at > pair[1].created_at));
    let Ok(Reply::Standing(standing)) = stage.order(Order::Standing).await else {
        panic!("no standing")
    };
    assert_eq!((standing.pending, standing.active), (4, BTreeSet::from([webhook])));
    assert_eq!(standing.oldest, Some(date::add_seconds(oldest, 3)));
}

fn created_only() -> BTreeSet<String> {
    BTreeSet::from(["Created".to_owned()])
}
