//! Many callbacks at once.

use std::sync::Arc;

use callback_domain::callback::{PhaseName, TerminationReason};
use callback_domain::search::Query;
use callback_domain::service::DuplicatePolicy;
use callback_engine::bulk::{Batch, Placed, Withdrawal};
use callback_engine::clock::Clock;
use callback_engine::command::{Answer, Create, Motion, What};
use callback_engine::error::Error;
use callback_engine::store::{Idempotency, Store};
use serde_json::json;

use super::stage::{HOTLINE, Stage};

async fn batch(stage: &Stage, lines: &[u32], whole: bool) -> Batch {
    let mut items: Vec<Result<Create, Error>> = Vec::new();
    for line in lines {
        items.push(Ok(stage.ask(Stage::wish(*line)).await));
    }
    Batch { items, whole, dry_run: false, tell: |error| json!(error.to_string()) }
}

async fn placed(stage: &Stage, batch: Batch) -> Vec<Placed> {
    match stage.run(What::CreateBatch(Box::new(batch))).await {
        Answer::Batch(placed) => placed,
        other => panic!("a batch answered {other:?}"),
    }
}

async fn total(stage: &Stage) -> u64 {
    stage.store.count(&Query::default()).await.expect("callbacks are counted")
}

/// Items stand for themselves, and each is held against those before it.
pub async fn a_batch_makes_what_can_be_made(open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>) {
    let stage = Stage::manual(open).await;
    stage
        .open(|service| {
            service.duplicate_policy = DuplicatePolicy::Reject;
            service.max_queued = Some(3);
        })
        .await;
    let standing = stage.create(Stage::wish(9)).await;
    let mut wanted = batch(&stage, &[1, 1, 9, 2, 3], false).await;
    wanted.items.push(Err(Error::OutOfScope(HOTLINE)));
    let placed = placed(&stage, wanted).await;
    let Placed::New(first) = &placed[0] else { panic!("{placed:?}") };
    assert_eq!(placed[1], Placed::Refused(json!(Error::DuplicateCallback(first.id).to_string())));
    assert_eq!(placed[2], Placed::Refused(json!(Error::DuplicateCallback(standing).to_string())));
    assert!(matches!(placed[3], Placed::New(_)), "{placed:?}");
    let full = Error::QueueFull { service: HOTLINE, limit: 3 };
    assert_eq!(placed[4], Placed::Refused(json!(full.to_string())));
    assert_eq!(placed[5], Placed::Refused(json!(Error::OutOfScope(HOTLINE).to_string())));
    assert_eq!(total(&stage).await, 3);
    assert_eq!(stage.callback(first.id).await, **first);
    assert_eq!(stage.history(first.id).await.len(), 1);
}

/// A batch that is made whole or not at all leaves nothing when one item is in the way.
pub async fn a_whole_batch_is_all_or_nothing(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(open).await;
    stage.open(|service| service.duplicate_policy = DuplicatePolicy::Reject).await;
    let standing = stage.create(Stage::wish(9)).await;
    let refused = What::CreateBatch(Box::new(batch(&stage, &[1, 2, 9], true).await));
    let why = vec![(2, Error::DuplicateCallback(standing))];
    assert_eq!(stage.done(refused).await, Err(Error::BatchRefused(why)));
    assert_eq!(total(&stage).await, 1);
    let dry = Batch { dry_run: true, ..batch(&stage, &[1, 2], true).await };
    assert_eq!(placed(&stage, dry).await.len(), 2);
    assert_eq!(total(&stage).await, 1);
    assert_eq!(placed(&stage, batch(&stage, &[1, 2, 3], true).await).await.len(), 3);
    assert_eq!(total(&stage).await, 4);
}

/// Under one key a batch is made once, its refusals included in what is repeated.
pub async fn a_batch_under_a_key_is_made_once(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(open).await;
    stage.open(|service| service.duplicate_policy = DuplicatePolicy::ReturnExisting).await;
    let once = async || {
        let mut wanted = batch(&stage, &[1, 2, 1], false).await;
        wanted.items.push(Err(Error::OutOfScope(HOTLINE)));
        let idempotency = Idempotency {
            principal: "api".to_owned(),
            key: "k".to_owned(),
            body_hash: b"body".to_vec(),
        };
        let what = Box::new(What::CreateBatch(Box::new(wanted)));
        stage.run(What::Once { idempotency, what }).await
    };
    let first = once().await;
    let Answer::Batch(placed) = &first else { panic!("a batch answered {first:?}") };
    let (Placed::New(made), Placed::Existing(again)) = (&placed[0], &placed[2]) else {
        panic!("{placed:?}")
    };
    assert_eq!(made, again);
    assert_eq!(once().await, first);
    assert_eq!(total(&stage).await, 2);
}

/// What was found is cancelled, and what has moved on meanwhile is left as it is.
pub async fn what_was_found_is_cancelled_unless_it_moved_on(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    let mut callbacks = Vec::new();
    for number in 1..=4 {
        callbacks.push(stage.create(Stage::wish(number)).await);
    }
    stage.by(callbacks[1], Motion::Fulfil).await;
    let query = Query { live: true, service: Some(HOTLINE), ..Query::default() };
    assert_eq!(stage.store.count(&query).await.expect("they are counted"), 3);
    let page = stage.store.page(&query, None, 0, 10).await.expect("they are read");
    assert_eq!(page.len(), 3);
    let withdrawal = Withdrawal { callbacks: callbacks.clone(), query, fulfilled: false };
    let answer = stage.run(What::CancelThese(Box::new(withdrawal))).await;
    assert_eq!(answer, Answer::Withdrawn { moved_on: vec![callbacks[1]] });
    for (index, id) in callbacks.iter().enumerate() {
        let found = stage.callback(*id).await;
        assert_eq!(found.phase_name(), PhaseName::Terminated);
        let reason = if index == 1 {
            TerminationReason::FulfilledElsewhere
        } else {
            TerminationReason::Cancelled
        };
        assert_eq!(found.termination_reason(), Some(reason));
    }
}
