//! What the clock does.

use std::sync::Arc;

use callback_domain::attempt::Outcome;
use callback_domain::callback::{PhaseName, TerminationReason};
use callback_domain::date::{self, Instant};
use callback_domain::hours::{Interval, LocalTime, OpeningHours, WeeklyInterval};
use callback_engine::clock::Clock;
use callback_engine::command::{Answer, Motion, What};
use callback_engine::store::Store;
use chrono::Weekday;

use super::stage::{ADA, HOTLINE, Stage};

/// Open each day from one hour to another, in universal time.
pub(super) fn daily(from: u8, to: u8) -> OpeningHours {
    let time = |hour| LocalTime::new(hour, 0).expect("the hour is one");
    let interval = Interval::new(time(from), time(to)).expect("it begins before midnight");
    let days = [
        Weekday::Mon,
        Weekday::Tue,
        Weekday::Wed,
        Weekday::Thu,
        Weekday::Fri,
        Weekday::Sat,
        Weekday::Sun,
    ];
    let weekly = days.map(|day| WeeklyInterval { day, interval }).to_vec();
    OpeningHours::new(chrono_tz::Tz::UTC, weekly, Vec::new()).expect("the week is plain")
}

/// The next full hour of this number after an instant.
pub(super) fn next_hour(after: Instant, hour: i64) -> Instant {
    let midnight = after.timestamp().div_euclid(86_400) * 86_400;
    let today = date::from_micros((midnight + hour * 3_600) * 1_000_000).expect("it is a date");
    if today > after { today } else { date::add_seconds(today, 86_400) }
}

/// On its due date, not before.
pub async fn a_callback_comes_due(open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    let mut wish = Stage::wish(1);
    wish.due = Some(date::add_seconds(stage.now(), 60));
    let id = stage.create(wish).await;
    stage.pass(59);
    stage.tick().await;
    assert_eq!(stage.phase(id).await, PhaseName::Pending);
    stage.pass(1);
    stage.tick().await;
    assert_eq!(stage.phase(id).await, PhaseName::InQueue);
}

/// Its wait used up, it is over.
pub async fn the_allowed_wait_ends(open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    let mut wish = Stage::wish(1);
    wish.allowed_wait_seconds = 60;
    let id = stage.queue(wish).await;
    stage.pass(60);
    stage.tick().await;
    let reason = stage.callback(id).await.termination_reason();
    assert_eq!(reason, Some(TerminationReason::QueueTimeExceeded));
}

/// Due while the service is closed, it becomes due when it opens.
pub async fn a_closed_service_postpones(open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>) {
    let stage = Stage::manual(open).await;
    stage.open(|service| service.opening_hours = Some(daily(20, 21))).await;
    let id = stage.create(Stage::wish(1)).await;
    stage.tick().await;
    let callback = stage.callback(id).await;
    let opening = next_hour(stage.now(), 20);
    assert_eq!((callback.phase_name(), callback.due), (PhaseName::Pending, opening));
    stage.clock.set(opening);
    stage.tick().await;
    assert_eq!(stage.phase(id).await, PhaseName::InQueue);
    assert_eq!(stage.dispatch().await, 1);
}

/// By a tick of its own the agent is free again.
pub async fn work_after_a_call_ends(open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>) {
    let stage = Stage::manual(open).await;
    stage.open(|service| service.after_call_work_in_seconds = 30).await;
    let one = stage.queue(Stage::wish(1)).await;
    stage.queue(Stage::wish(2)).await;
    let token = stage.next(ADA).await.expect("something waits").token;
    stage.by(one, Motion::Answered(token)).await;
    stage.by(one, Motion::HangUp(token)).await;
    let agent = stage.agent_row(ADA).await;
    assert_eq!(agent.after_call_work_until, Some(date::add_seconds(stage.now(), 30)));
    stage.pass(30);
    stage.tick().await;
    let agent = stage.agent_row(ADA).await;
    assert_eq!((agent.after_call_work_until, agent.idle_since), (None, stage.now()));
    let other = stage.queue(Stage::wish(3)).await;
    let token = stage.next(ADA).await.expect("something waits").token;
    assert_ne!(stage.callback(other).await.token(), Some(token));
    stage.end_after_call_work(ADA).await;
}

/// An attempt whose end is never told is given up.
pub async fn a_stop_that_nobody_answers_ends_by_the_clock(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::driven(open).await;
    stage.open(|_| {}).await;
    let id = stage.queue(Stage::wish(1)).await;
    let other = stage.queue(Stage::wish(1)).await;
    stage.next(ADA).await.expect("something waits");
    stage.by(id, Motion::Cancel).await;
    let deadline = stage.attempts(id).await[0].deadline().expect("the stop has a deadline");
    assert_eq!(stage.dispatch().await, 0);
    stage.clock.set(deadline);
    stage.tick().await;
    let attempt = stage.attempts(id).await.remove(0);
    assert_eq!((attempt.is_open(), attempt.outcome()), (false, Some(Outcome::Cancelled)));
    assert_eq!(stage.dispatch().await, 1);
    assert_eq!(stage.phase(other).await, PhaseName::Offered);
}

/// A batch that was full says so.
pub async fn a_tick_says_when_more_is_due(open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    for number in 0..7 {
        stage.create(Stage::wish(number)).await;
    }
    for (moved, more) in [(3, true), (3, true), (1, false)] {
        let answer = stage.run(What::Tick { limit: 3 }).await;
        assert_eq!(answer, Answer::Ticked { moved, more });
    }
}

/// A process that starts hears of what was stored before it.
pub async fn a_survey_tells_the_earliest_deadline(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    let id = stage.create(Stage::wish(1)).await;
    stage.pass(600);
    let survey = stage.done(What::Survey).await.expect("the survey is made");
    assert_eq!(survey.after.deadline, Some(stage.callback(id).await.due));
}

/// Of callbacks, attempts, agents and lines.
pub async fn the_next_deadline_is_the_earliest(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(open).await;
    stage.open(|service| service.after_call_work_in_seconds = 5).await;
    let next = async || stage.store.next_deadline().await.expect("the deadline is read");
    assert_eq!(next().await, None);
    let mut late = Stage::wish(1);
    late.due = Some(date::add_seconds(stage.now(), 500));
    let late = stage.create(late).await;
    assert_eq!(next().await, Some(stage.callback(late).await.due));
    let soon = stage.queue(Stage::wish(2)).await;
    let token = stage.next(ADA).await.expect("something waits").token;
    assert_eq!(next().await, stage.callback(soon).await.deadline().map(|(at, _)| at));
    stage.by(soon, Motion::Answered(token)).await;
    stage.by(soon, Motion::HangUp(token)).await;
    assert_eq!(next().await, Some(date::add_seconds(stage.now(), 5)));
}

/// After an edit, every live callback's deadline is computed again, however many there are.
pub async fn an_edit_of_the_hours_moves_deadlines_in_batches(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.push(stage.queue(Stage::wish(number)).await);
    }
    let before = stage.callback(ids[0]).await.deadline();
    let mut service = stage.service_row(HOTLINE).await;
    let closes = next_hour(stage.now(), 9);
    let hour = u8::try_from(closes.timestamp().rem_euclid(86_400) / 3_600).expect("it is an hour");
    service.opening_hours = Some(daily(0, hour));
    let edit = What::ReplaceService { service: Box::new(service), if_version: None };
    assert!(stage.done(edit).await.expect("it is replaced").after.recalculate);
    let mut moved = 0;
    loop {
        match stage.run(What::Recalculate { limit: 2 }).await {
            Answer::Ticked { moved: some, more } => {
                moved += some;
                if !more {
                    break;
                }
            }
            other => panic!("a recalculation answered {other:?}"),
        }
    }
    assert_eq!(moved, 5);
    for id in ids {
        let after = stage.callback(id).await.deadline();
        assert!(after > before, "{after:?} is not later than {before:?}");
    }
    let again = stage.run(What::Recalculate { limit: 2 }).await;
    assert_eq!(again, Answer::Ticked { moved: 0, more: false });
}
