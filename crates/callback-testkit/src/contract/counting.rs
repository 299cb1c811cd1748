//! What happened hour by hour.

use std::sync::Arc;

use callback_domain::attempt::Outcome;
use callback_domain::callback::TerminationReason;
use callback_domain::id::ServiceId;
use callback_engine::clock::Clock;
use callback_engine::command::Motion;
use callback_engine::intervals::{Interval, MOST_HOURS};
use callback_engine::store::Store;

use super::stage::{ADA, HOTLINE, Stage};

const OTHER: ServiceId = ServiceId::from_u128(0x52);

/// Two hours: a busy line and one that is never called in the first, the rest in the second.
pub async fn each_hour_has_what_happened_in_it(
    open: impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(&open).await;
    stage.open(|_| {}).await;
    stage.service(OTHER, "other", |_| {}).await;
    let from = stage.now();
    stage.queue(Stage::wish(1)).await;
    stage.pass(10);
    let never = stage.queue(Stage::wish(2)).await;
    let mut elsewhere = Stage::wish(3);
    elsewhere.service = OTHER;
    elsewhere.allowed_wait_seconds = 60;
    stage.queue(elsewhere).await;
    stage.pass(20);
    let busy = stage.next(ADA).await.expect("something waits");
    stage.by(busy.callback.id, Motion::Outcome(busy.token, Outcome::Busy, None)).await;
    stage.pass(3_600);
    stage.tick().await;
    let mut ends = Vec::new();
    while let Some(task) = stage.next(ADA).await {
        ends.push(task.callback.id);
        stage.by(task.callback.id, Motion::Outcome(task.token, Outcome::Completed, None)).await;
    }
    assert_eq!(ends, [busy.callback.id], "the others' waits are over");
    assert_eq!(
        stage.callback(never).await.termination_reason(),
        Some(TerminationReason::QueueTimeExceeded)
    );
    stage.create(Stage::wish(4)).await;

    let mut first = Interval::empty(Some(HOTLINE), 0);
    first.arrivals = 2;
    first.count_outcome(Some(Outcome::Busy), 1);
    first.count_waits(1, 30, 30);
    let mut third = Interval::empty(Some(HOTLINE), 1);
    third.arrivals = 1;
    third.count_outcome(Some(Outcome::Completed), 1);
    third.count_ends(TerminationReason::Completed, 1);
    third.count_ends(TerminationReason::QueueTimeExceeded, 1);
    let mut other = Interval::empty(Some(OTHER), 0);
    other.arrivals = 1;
    let mut other_ended = Interval::empty(Some(OTHER), 1);
    other_ended.broken = 1;
    let found = stage.store.intervals(from, 24).await.expect("hours are read");
    assert_eq!(found, [first, other, third, other_ended]);
}

/// Neither what was before nor what came after, and no more hours than are answered at once.
pub async fn nothing_outside_the_hours_is_counted(
    open: impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(&open).await;
    stage.open(|_| {}).await;
    stage.create(Stage::wish(1)).await;
    stage.pass(1);
    let from = stage.now();
    stage.pass(3_600);
    stage.create(Stage::wish(2)).await;
    assert_eq!(stage.store.intervals(from, 1).await.expect("hours are read"), []);
    assert_eq!(stage.store.intervals(from, 0).await.expect("hours are read"), []);
    stage.pass(i64::from(MOST_HOURS) * 3_600);
    stage.create(Stage::wish(3)).await;
    let found = stage.store.intervals(from, u32::MAX).await.expect("hours are read");
    let arrivals: Vec<_> = found.iter().map(|hour| (hour.hour, hour.arrivals)).collect();
    assert_eq!(arrivals, [(1, 1)]);
}
