//! Who goes next, and what is kept back.

use std::collections::BTreeMap;
use std::sync::Arc;

use callback_domain::attempt::Outcome;
use callback_domain::callback::{PhaseName, Preferred};
use callback_domain::date;
use callback_domain::id::{CallbackId, ServiceId};
use callback_domain::lifecycle::{Change, Edit};
use callback_domain::priority::Priority;
use callback_engine::clock::Clock;
use callback_engine::command::{Answer, Motion, What};
use callback_engine::store::Store;
use callback_engine::suppression::Suppression;
use uuid::Uuid;

use super::stage::{ADA, BEN, HOTLINE, Stage, line, sip};

/// Takes the next task and is done with it at once.
async fn serve(stage: &Stage) -> Option<CallbackId> {
    let task = stage.next(ADA).await?;
    stage.by(task.callback.id, Motion::Answered(task.token)).await;
    stage.by(task.callback.id, Motion::HangUp(task.token)).await;
    Some(task.callback.id)
}

async fn edit(stage: &Stage, id: CallbackId, edit: Edit) {
    let version = stage.service_row(HOTLINE).await.version;
    stage.by(id, Motion::Edit(Box::new(edit), version)).await;
}

pub(super) async fn suppress(stage: &Stage, number: u32, seconds: Option<i64>) -> Uuid {
    let id = Uuid::from_u128(u128::from(number) + 1);
    let suppression = Suppression {
        sequence: 0,
        id,
        key: line(number).key(),
        service_id: None,
        reason: Some("as they wish".to_owned()),
        until: seconds.map(|seconds| date::add_seconds(stage.now(), seconds)),
        created_at: stage.now(),
    };
    stage.run(What::Suppress(vec![suppression])).await;
    id
}

/// Whoever came free in the same moment is not before whoever was free already.
pub async fn what_becomes_ready_goes_to_the_longest_idle(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    let id = stage.queue(Stage::wish(1)).await;
    let what = What::Dispatch { services: vec![HOTLINE], agents: vec![BEN], limit: 8 };
    stage.run(what).await;
    assert_eq!(stage.callback(id).await.agent(), Some(ADA));
}

/// Whoever has something held gets no more than others who have been idle for longer.
pub async fn what_is_held_does_not_bring_its_agent_forward(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(open).await;
    let other = ServiceId::from_u128(0x52);
    stage.service(HOTLINE, "hotline", |_| {}).await;
    stage.service(other, "other", |_| {}).await;
    stage.agent(ADA, "ada", &[HOTLINE, other]).await;
    stage.agent(BEN, "ben", &[HOTLINE, other]).await;
    let mut open_to_all = Stage::wish(1);
    open_to_all.service = other;
    open_to_all.priority = Priority::StrictPriority;
    let open_to_all = stage.queue(open_to_all).await;
    let mut held = Stage::wish(2);
    held.preferred = Some(Preferred { sip_uri: sip("ben"), agent: BEN });
    let held = stage.queue(held).await;
    assert_eq!(stage.dispatch().await, 2);
    assert_eq!(stage.callback(open_to_all).await.agent(), Some(ADA));
    assert_eq!(stage.callback(held).await.agent(), Some(BEN));
}

/// Strict first, then in proportion, and nothing else last.
pub async fn levels_share_by_weight(open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    let levels = [
        (Priority::StrictPriority, 2),
        (Priority::High, 8),
        (Priority::Normal, 4),
        (Priority::Low, 2),
        (Priority::NothingElse, 1),
    ];
    let mut priority_of = BTreeMap::new();
    let mut number = 0;
    for (priority, count) in levels {
        for _ in 0..count {
            let mut wish = Stage::wish(number);
            wish.priority = priority;
            priority_of.insert(stage.queue(wish).await, priority);
            number += 1;
        }
    }
    let mut served = Vec::new();
    while let Some(id) = serve(&stage).await {
        served.push(priority_of[&id]);
    }
    assert_eq!(served[..2], [Priority::StrictPriority; 2]);
    assert_eq!(served[16], Priority::NothingElse);
    for half in [&served[2..9], &served[9..16]] {
        for (priority, share) in [(Priority::High, 4), (Priority::Normal, 2), (Priority::Low, 1)] {
            let count = half.iter().filter(|level| **level == priority).count();
            assert!(count.abs_diff(share) <= 1, "{priority} was served {count} times in {half:?}");
        }
    }
}

/// First due, first served.
pub async fn within_a_level_the_earlier_goes_first(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    let mut made = Vec::new();
    for number in 0..6 {
        made.push(stage.queue(Stage::wish(number)).await);
        stage.pass(1);
    }
    for id in made {
        assert_eq!(serve(&stage).await, Some(id));
    }
}

/// Two wishes of one line wait for each other; other lines do not.
pub async fn one_line_is_called_once_at_a_time(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    let first = stage.queue(Stage::wish(1)).await;
    stage.pass(1);
    let second = stage.queue(Stage::wish(1)).await;
    stage.pass(1);
    let third = stage.queue(Stage::wish(2)).await;
    assert_eq!(stage.dispatch().await, 2);
    assert_eq!(stage.phase(first).await, PhaseName::Offered);
    assert_eq!(stage.phase(second).await, PhaseName::InQueue);
    assert_eq!(stage.phase(third).await, PhaseName::Offered);
    stage.by(first, Motion::Cancel).await;
    assert_eq!(stage.dispatch().await, 1);
    assert_eq!(stage.phase(second).await, PhaseName::Offered);
}

/// A line on the list is parked until it is taken off.
pub async fn a_suppressed_line_waits_until_it_is_free(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    stage.queue(Stage::wish(1)).await;
    let suppression = suppress(&stage, 1, None).await;
    assert_eq!(stage.dispatch().await, 0);
    let done = stage.done(What::Unsuppress { suppression }).await.expect("it is taken off");
    assert!(done.after.services.contains(&HOTLINE), "whoever can take it is woken");
    assert_eq!(stage.dispatch().await, 1);
    assert!(stage.done(What::Unsuppress { suppression }).await.is_err());
}

/// A suppression with an end parks until then.
pub async fn a_suppression_ends_by_the_clock(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    stage.queue(Stage::wish(1)).await;
    suppress(&stage, 1, Some(100)).await;
    stage.pass(99);
    stage.tick().await;
    assert_eq!(stage.dispatch().await, 0);
    let next = stage.store.next_deadline().await.expect("the deadline is read");
    assert_eq!(next, Some(date::add_seconds(stage.now(), 1)));
    stage.pass(1);
    stage.tick().await;
    assert_eq!(stage.dispatch().await, 1);
}

/// No more sessions than the service allows.
pub async fn a_service_caps_its_sessions(open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>) {
    let stage = Stage::manual(open).await;
    stage.open(|service| service.max_concurrent_outbound_sessions = Some(1)).await;
    let one = stage.queue(Stage::wish(1)).await;
    stage.queue(Stage::wish(2)).await;
    assert_eq!(stage.dispatch().await, 1);
    assert_eq!(stage.dispatch().await, 0);
    stage.by(one, Motion::Cancel).await;
    assert_eq!(stage.dispatch().await, 1);
}

/// The cap of attempts on a line counts a rolling day.
pub async fn a_line_is_called_so_often_in_a_day(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(open).await;
    stage.open(|service| service.max_attempts_per_target_per_day = Some(2)).await;
    let mut wish = Stage::wish(1);
    wish.allowed_wait_seconds = 172_800;
    wish.seconds_between_retries = 0;
    let id = stage.queue(wish).await;
    let first = stage.now();
    for _ in 0..2 {
        stage.tick().await;
        let token = stage.next(ADA).await.expect("something waits").token;
        stage.by(id, Motion::Outcome(token, Outcome::Busy, None)).await;
        stage.pass(600);
    }
    stage.tick().await;
    assert_eq!(stage.phase(id).await, PhaseName::InQueue);
    assert_eq!(stage.dispatch().await, 0);
    stage.clock.set(date::add_seconds(first, 86_399));
    stage.tick().await;
    assert_eq!(stage.dispatch().await, 0);
    stage.pass(1);
    stage.tick().await;
    assert_eq!(stage.dispatch().await, 1);
}

/// Its agent only, until the hold is over; then anybody.
pub async fn a_held_callback_waits_for_its_agent(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(open).await;
    stage.open(|service| service.preferred_agent_hold_in_seconds = 100).await;
    let preferred = || Some(Preferred { sip_uri: sip("ben"), agent: BEN });
    let mut wish = Stage::wish(1);
    wish.preferred = preferred();
    let held = stage.queue(wish).await;
    assert!(stage.next(ADA).await.is_none(), "it is held for Ben");
    assert_eq!(stage.dispatch().await, 1);
    assert_eq!(stage.callback(held).await.agent(), Some(BEN));
    stage.by(held, Motion::Cancel).await;
    let mut wish = Stage::wish(2);
    wish.preferred = preferred();
    let other = stage.queue(wish).await;
    stage.pass(100);
    stage.tick().await;
    assert_eq!(stage.next(ADA).await.map(|task| task.callback.id), Some(other));
}

/// A new priority is a new level at the old place.
pub async fn an_edit_of_the_priority_keeps_the_place(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    let one = stage.queue(Stage::wish(1)).await;
    stage.pass(1);
    let other = stage.queue(Stage::wish(2)).await;
    let place = stage.callback(other).await.order();
    edit(&stage, other, Edit { priority: Change::To(Priority::Highest), ..Edit::default() }).await;
    assert_eq!(stage.callback(other).await.order(), place);
    assert_eq!(serve(&stage).await, Some(other));
    assert_eq!(serve(&stage).await, Some(one));
}

/// A new target leaves the old line and waits for the new one.
pub async fn an_edit_of_the_target_moves_to_the_other_line(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    let live = stage.queue(Stage::wish(1)).await;
    let moving = stage.queue(Stage::wish(2)).await;
    assert_eq!(stage.next(ADA).await.map(|task| task.callback.id), Some(live));
    edit(&stage, moving, Edit { target: Change::To(line(1)), ..Edit::default() }).await;
    assert_eq!(stage.dispatch().await, 0, "its new line is live");
    edit(&stage, moving, Edit { target: Change::To(line(3)), ..Edit::default() }).await;
    assert_eq!(stage.dispatch().await, 1);
}

/// A due date in the future takes it out of the queue.
pub async fn a_new_due_date_leaves_the_queue(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    let id = stage.queue(Stage::wish(1)).await;
    let due = date::add_seconds(stage.now(), 900);
    edit(&stage, id, Edit { due: Change::To(due), ..Edit::default() }).await;
    assert_eq!(stage.phase(id).await, PhaseName::Pending);
    assert_eq!(stage.dispatch().await, 0);
    stage.clock.set(due);
    stage.tick().await;
    assert_eq!(stage.callback(id).await.order().map(|order| order.at), Some(due));
}

/// Position and insight count the same queue.
pub async fn positions_and_figures_agree(open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    let mut ids = Vec::new();
    for number in 0..4 {
        ids.push(stage.queue(Stage::wish(number)).await);
        stage.pass(10);
    }
    for (ahead, callback) in (1..).zip(&ids) {
        match stage.run(What::Position { callback: *callback }).await {
            Answer::Position(Some(position)) => assert_eq!(position.position, ahead),
            other => panic!("a position answered {other:?}"),
        }
    }
    stage.dispatch().await;
    match stage.run(What::Insight { service: HOTLINE }).await {
        Answer::Insight(insight) => {
            assert_eq!((insight.waiting, insight.live_sessions), (2, 2));
            assert_eq!(insight.oldest_wait_in_seconds, Some(20));
            assert_eq!((insight.agents.occupied, insight.agents.ready), (2, 0));
        }
        other => panic!("an insight answered {other:?}"),
    }
}
