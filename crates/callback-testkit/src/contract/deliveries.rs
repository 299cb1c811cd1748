//! Deliveries: what is handed out, in which order it is sent, and when it is given up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use callback_domain::callback::PhaseName;
use callback_domain::date;
use callback_domain::dto::WebhookRequest;
use callback_engine::clock::Clock;
use callback_engine::error::Error;
use callback_engine::ledger::Subject;
use callback_engine::store::Store;
use callback_engine::webhook::{DeliveryState, Order, Outgoing, Reply};

use super::stage::{HOTLINE, Stage};
use super::webhooks::{created_only, events_of, policy};

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
