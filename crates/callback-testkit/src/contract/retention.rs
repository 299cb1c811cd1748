//! Callbacks that are over are removed when their time has come.

use std::sync::Arc;

use callback_domain::attempt::Outcome;
use callback_domain::id::CallbackId;
use callback_engine::clock::Clock;
use callback_engine::command::{Answer, Motion, What};
use callback_engine::store::Store;

use super::stage::{ADA, Stage};

const DAY: i64 = 86_400;

async fn tidy(stage: &Stage, limit: usize, terminated_days: u32) -> (usize, bool) {
    match stage.run(What::Tidy { limit, terminated_days }).await {
        Answer::Tidied { purged, more, .. } => (purged, more),
        other => panic!("tidying answered {other:?}"),
    }
}

async fn cancelled(stage: &Stage, number: u32) -> CallbackId {
    let id = stage.create(Stage::wish(number)).await;
    stage.by(id, Motion::Cancel).await;
    id
}

/// After so many days, the earliest first and so many at a time; what lives, and what may still
/// ring, stays.
pub async fn what_ended_long_ago_is_removed_with_its_story(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    let called = stage.queue(Stage::wish(1)).await;
    let task = stage.next(ADA).await;
    let token = match task {
        Some(task) => task.token,
        None => {
            stage.dispatch().await;
            let token = stage.token(called).await;
            stage.by(called, Motion::Accept(token)).await;
            token
        }
    };
    stage.by(called, Motion::Answered(token)).await;
    stage.by(called, Motion::Outcome(token, Outcome::Completed, None)).await;
    assert_eq!(stage.attempts(called).await.len(), 1);
    stage.pass(60);
    let mut old = vec![called];
    for number in 2..5 {
        old.push(cancelled(&stage, number).await);
        stage.pass(1);
    }
    let living = stage.create(Stage::wish(9)).await;
    stage.pass(DAY);
    let recent = cancelled(&stage, 5).await;
    stage.pass(9 * DAY + 10);

    assert_eq!(tidy(&stage, 10, 0).await, (0, false));
    assert_eq!(tidy(&stage, 10, 11).await, (0, false));
    assert_eq!(tidy(&stage, 3, 10).await, (3, true));
    for id in &old[..3] {
        assert_eq!(stage.store.callback(*id).await.expect("it is looked for"), None);
        assert!(stage.attempts(*id).await.is_empty());
        assert!(stage.history(*id).await.is_empty());
    }
    assert_eq!(stage.callback(old[3]).await.id, old[3]);
    assert_eq!(tidy(&stage, 3, 10).await, (1, false));
    assert_eq!(tidy(&stage, 3, 10).await, (0, false));
    for id in [living, recent] {
        assert_eq!(stage.callback(id).await.id, id);
        assert!(!stage.history(id).await.is_empty());
    }
    assert_eq!(stage.store.attempts(called).await.expect("attempts are read"), []);
}

/// Numbers that are gone are passed over, and none is given twice.
pub async fn the_ledger_is_read_over_its_gaps(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    let first = cancelled(&stage, 1).await;
    let kept = stage.create(Stage::wish(2)).await;
    let last = cancelled(&stage, 3).await;
    let all = stage.store.ledger(None, 0, 1_000).await.expect("the ledger is read");
    let end = all.last().expect("there are lines").sequence;
    stage.pass(2 * DAY);
    assert_eq!(tidy(&stage, 10, 1).await, (2, false));
    let left = stage.store.ledger(None, 0, 1_000).await.expect("the ledger is read");
    let gone = [first, last].map(|id| id.0);
    assert!(left.iter().all(|line| !gone.contains(&line.subject.id())));
    assert!(left.len() < all.len());
    let before = left.last().expect("there are lines").sequence;
    assert!(before < end);
    let made = stage.create(Stage::wish(4)).await;
    let rest = stage.store.ledger(None, before, 1_000).await.expect("the ledger is read");
    assert_eq!(rest.iter().map(|line| line.subject.id()).collect::<Vec<_>>(), [made.0]);
    assert!(rest[0].sequence > end, "{} was given before", rest[0].sequence);
    assert_eq!(stage.history(kept).await.len(), 1);
    let from_the_gap = stage.store.ledger(None, end, 1_000).await.expect("the ledger is read");
    assert_eq!(from_the_gap, rest);
}
