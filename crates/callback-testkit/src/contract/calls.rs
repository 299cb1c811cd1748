//! Tasks and calls: every move of an agent and every report of a driver.

use std::sync::Arc;

use callback_domain::attempt::Outcome;
use callback_domain::callback::{PhaseName, TerminationReason};
use callback_domain::id::LeaseToken;
use callback_engine::clock::Clock;
use callback_engine::command::{Answer, Command, Motion, Report, What};
use callback_engine::error::Error;
use callback_engine::ledger::Actor;
use callback_engine::store::Store;

use super::stage::{ADA, Stage};
use crate::sim;

/// Offer, accept, dial, answer, hang up; each step has its line in the history.
pub async fn a_task_goes_from_offer_to_hang_up(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(open).await;
    stage.open(|service| service.preview_time_in_seconds = 30).await;
    let id = stage.queue(Stage::wish(1)).await;
    assert_eq!(stage.dispatch().await, 1);
    assert_eq!(stage.callback(id).await.agent(), Some(ADA));
    let token = stage.token(id).await;
    stage.by(id, Motion::Accept(token)).await;
    assert_eq!(stage.phase(id).await, PhaseName::Preview);
    stage.by(id, Motion::Heartbeat(token)).await;
    stage.by(id, Motion::Dial(token)).await;
    assert_eq!(stage.phase(id).await, PhaseName::Dialout);
    let task = match stage.run(What::Task { agent: ADA }).await {
        Answer::Task(task) => *task.expect("Ada has a task"),
        other => panic!("a task answered {other:?}"),
    };
    assert_eq!((task.callback.id, task.token), (id, token));
    stage.by(id, Motion::Answered(token)).await;
    assert_eq!(stage.phase(id).await, PhaseName::Connected);
    stage.by(id, Motion::HangUp(token)).await;
    let callback = stage.callback(id).await;
    assert_eq!(callback.termination_reason(), Some(TerminationReason::Completed));
    let attempts = stage.attempts(id).await;
    assert_eq!(attempts.len(), 1);
    assert_eq!(attempts[0].outcome(), Some(Outcome::Completed));
    assert!(!attempts[0].is_open() && attempts[0].connected_at.is_some());
    let told: Vec<String> = stage.history(id).await.into_iter().map(|line| line.what).collect();
    assert_eq!(
        told,
        ["Created", "Queued", "Offered", "Accepted", "Dialled", "Connected", "HungUp"]
    );
    assert_eq!(callback.version, told.len() as u64);
    assert_eq!(stage.agent_row(ADA).await.task, None);
}

/// Each move again with the same token is answered, and is no step.
pub async fn a_repeated_move_changes_nothing(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(open).await;
    stage.open(|service| service.preview_time_in_seconds = 30).await;
    let id = stage.queue(Stage::wish(1)).await;
    stage.dispatch().await;
    let token = stage.token(id).await;
    for by in [
        Motion::Accept(token),
        Motion::Dial(token),
        Motion::Answered(token),
        Motion::Outcome(token, Outcome::Voicemail, Some("beep".to_owned())),
    ] {
        let first = stage.by(id, by.clone()).await;
        assert_eq!(stage.by(id, by).await, first);
    }
    assert_eq!(stage.history(id).await.len() as u64, stage.callback(id).await.version);
}

/// Somebody else's token moves nothing.
pub async fn a_wrong_token_is_refused_and_changes_nothing(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    let id = stage.queue(Stage::wish(1)).await;
    stage.dispatch().await;
    let before = stage.callback(id).await;
    let token = LeaseToken::from_u128(99);
    for by in [
        Motion::Accept(token),
        Motion::Decline(token),
        Motion::Dial(token),
        Motion::Answered(token),
        Motion::Outcome(token, Outcome::Busy, None),
        Motion::HangUp(token),
        Motion::Heartbeat(token),
    ] {
        let answer = stage.try_by(id, by).await;
        assert!(matches!(answer, Err(Error::Refused(_))), "{answer:?}");
    }
    assert_eq!(stage.callback(id).await, before);
    assert_eq!(stage.history(id).await.len() as u64, before.version);
}

/// A change that names another version is not made.
pub async fn a_stale_version_is_refused(open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    let id = stage.queue(Stage::wish(1)).await;
    let what = |version| What::Move { callback: id, by: Motion::Cancel, if_version: Some(version) };
    assert_eq!(stage.done(what(1)).await, Err(Error::StaleVersion { current: 2 }));
    assert!(stage.done(what(2)).await.is_ok());
    assert!(matches!(
        stage.done(what(3)).await,
        Err(Error::CallbackNotFound(_)) | Err(Error::StaleVersion { .. })
    ));
}

/// Declined, it keeps its place, and the agent is in RONA until that is cleared.
pub async fn a_decline_brings_it_back_to_its_place(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    let id = stage.queue(Stage::wish(1)).await;
    let place = stage.callback(id).await.order();
    stage.dispatch().await;
    stage.by(id, Motion::Decline(stage.token(id).await)).await;
    let callback = stage.callback(id).await;
    assert_eq!((callback.phase_name(), callback.order()), (PhaseName::InQueue, place));
    assert!(stage.agent_row(ADA).await.rona);
    assert_eq!(stage.dispatch().await, 1);
    assert_ne!(stage.callback(id).await.agent(), Some(ADA));
}

/// The spacing counts from the end of the attempt, and the retry has a new place.
pub async fn an_outcome_that_counts_makes_a_retry(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    let id = stage.queue(Stage::wish(1)).await;
    let token = stage.next(ADA).await.expect("something waits").token;
    stage.pass(10);
    stage.by(id, Motion::Outcome(token, Outcome::Busy, None)).await;
    let callback = stage.callback(id).await;
    assert_eq!((callback.phase_name(), callback.retry_count), (PhaseName::Pending, 1));
    assert_eq!((callback.due - stage.now()).num_seconds(), 300);
    stage.pass(299);
    stage.tick().await;
    assert_eq!(stage.phase(id).await, PhaseName::Pending);
    stage.pass(1);
    stage.tick().await;
    assert_eq!(stage.phase(id).await, PhaseName::InQueue);
}

/// After the first attempt and all retries it is over.
pub async fn the_last_retry_exhausts(open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    let mut wish = Stage::wish(1);
    wish.max_retries = 1;
    let id = stage.queue(wish).await;
    for _ in 0..2 {
        stage.tick().await;
        let token = stage.next(ADA).await.expect("something waits").token;
        stage.by(id, Motion::Outcome(token, Outcome::NoAnswer, None)).await;
        stage.pass(300);
    }
    let reason = stage.callback(id).await.termination_reason();
    assert_eq!(reason, Some(TerminationReason::RetriesExhausted));
    let numbers: Vec<u32> = stage.attempts(id).await.iter().map(|one| one.number).collect();
    assert_eq!(numbers, [1, 2]);
}

/// Whoever wants no calls gets none, whoever asks for one.
pub async fn an_opt_out_suppresses_the_line(open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    let id = stage.queue(Stage::wish(1)).await;
    let other = stage.queue(Stage::wish(1)).await;
    let token = stage.next(ADA).await.expect("something waits").token;
    stage.by(id, Motion::Answered(token)).await;
    stage.by(id, Motion::Outcome(token, Outcome::OptedOut, None)).await;
    let reason = stage.callback(id).await.termination_reason();
    assert_eq!(reason, Some(TerminationReason::OptedOut));
    let key = stage.callback(id).await.key();
    let listed = stage.store.suppressions(Some(&key), 0, 10).await.expect("they are read");
    assert_eq!(listed.len(), 1);
    assert_eq!(stage.dispatch().await, 0);
    assert_eq!(stage.phase(other).await, PhaseName::InQueue);
    let third = What::Create(Box::new(stage.ask(Stage::wish(1)).await));
    assert!(matches!(stage.done(third).await, Err(Error::TargetSuppressed { .. })));
}

/// Cancelled at once, but line and agent stay taken until the call has ended.
pub async fn cancel_stops_the_attempt_and_holds_the_line_until_its_end(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::driven(open).await;
    stage.open(|_| {}).await;
    let id = stage.queue(Stage::wish(1)).await;
    let other = stage.queue(Stage::wish(1)).await;
    stage.next(ADA).await.expect("something waits");
    let done = stage.done(What::Move { callback: id, by: Motion::Cancel, if_version: None }).await;
    let stopped = done.expect("it is cancelled").after.stop;
    assert_eq!(stopped.len(), 1);
    let reason = stage.callback(id).await.termination_reason();
    assert_eq!(reason, Some(TerminationReason::Cancelled));
    assert!(stage.attempts(id).await[0].is_open());
    assert_eq!(stage.dispatch().await, 0, "the line is still live");
    assert!(stage.agent_row(ADA).await.attempt.is_some());
    let ended =
        Report::Ended { outcome: Outcome::Cancelled, detail: None, retry_after_seconds: None };
    stage.report(id, 5, ended).await;
    assert!(!stage.attempts(id).await[0].is_open());
    assert_eq!(stage.dispatch().await, 1);
    assert_eq!(stage.phase(other).await, PhaseName::Offered);
}

/// Late, doubled and reordered reports change nothing.
pub async fn reports_are_taken_once_and_in_order(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::driven(open).await;
    stage.open(|_| {}).await;
    let id = stage.queue(Stage::wish(1)).await;
    stage.next(ADA).await.expect("something waits");
    stage.report(id, 1, Report::AgentAnswered).await;
    stage.pass(2);
    stage.report(id, 2, Report::CustomerRinging).await;
    stage.report(id, 3, Report::Journal(vec![0, 255, 7])).await;
    stage.report(id, 2, Report::Connected).await;
    assert_eq!(stage.phase(id).await, PhaseName::Dialout, "the number was passed already");
    stage.report(id, 4, Report::Connected).await;
    assert_eq!(stage.phase(id).await, PhaseName::Connected);
    let before = stage.callback(id).await;
    stage.report(id, 1, Report::AgentAnswered).await;
    assert_eq!(stage.callback(id).await, before);
    let ended =
        Report::Ended { outcome: Outcome::Completed, detail: None, retry_after_seconds: None };
    stage.report(id, 5, ended.clone()).await;
    let over = stage.callback(id).await;
    stage.report(id, 6, ended).await;
    assert_eq!(stage.callback(id).await, over);
    let attempt = stage.attempts(id).await.remove(0);
    assert_eq!((attempt.journal, attempt.last_report), (vec![0, 255, 7], 5));
    assert!(attempt.customer_requested_at < attempt.customer_ringing_at);
}

/// A renewal extends the lease; without one the fate of the call is unknown.
pub async fn a_driver_that_lives_keeps_the_lease(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::driven(open).await;
    stage.open(|_| {}).await;
    let id = stage.queue(Stage::wish(1)).await;
    stage.next(ADA).await.expect("something waits");
    stage.report(id, 1, Report::Connected).await;
    let attempts: Vec<_> = stage.attempts(id).await.iter().map(|one| one.id).collect();
    for _ in 0..5 {
        stage.pass(40);
        stage.run(What::Renew { attempts: attempts.clone() }).await;
        stage.tick().await;
        assert_eq!(stage.phase(id).await, PhaseName::Connected);
    }
    stage.pass(61);
    stage.tick().await;
    let reason = stage.callback(id).await.termination_reason();
    assert_eq!(reason, Some(TerminationReason::Completed));
    assert_eq!(stage.attempts(id).await[0].outcome(), Some(Outcome::Unknown));
}

/// Our own faults cost no retry, only a pause.
pub async fn a_failed_attempt_pauses_without_a_retry(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::driven(open).await;
    stage.open(|_| {}).await;
    let id = stage.queue(Stage::wish(1)).await;
    let place = stage.callback(id).await.order();
    stage.next(ADA).await.expect("something waits");
    let ended =
        Report::Ended { outcome: Outcome::Failed, detail: None, retry_after_seconds: Some(9) };
    stage.report(id, 1, ended).await;
    let callback = stage.callback(id).await;
    assert_eq!((callback.order(), callback.retry_count), (place, 0));
    assert_eq!(stage.dispatch().await, 0);
    stage.pass(9);
    stage.tick().await;
    assert_eq!(stage.dispatch().await, 1);
}

/// Open attempts of a dead node go to the node that asks, those to be stopped among them.
pub async fn a_new_node_takes_over_what_the_old_one_left(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::driven(open).await;
    stage.open(|_| {}).await;
    stage.run(What::Renew { attempts: Vec::new() }).await;
    let id = stage.queue(Stage::wish(1)).await;
    stage.next(ADA).await.expect("something waits");
    stage.by(id, Motion::Cancel).await;
    let successor = sim::site(8, false, stage.now());
    let take_over = async |alone| {
        let (site, what) = (Arc::clone(&successor), What::TakeOver { alone });
        let command = Command { actor: Actor::Operator, site, what };
        match stage.store.run(command).await.expect("it takes over").answer {
            Answer::Attempts { taken, stopping } => (taken, stopping),
            other => panic!("a take-over answered {other:?}"),
        }
    };
    assert_eq!(take_over(false).await, (vec![], vec![]), "the old node may live");
    let (taken, stopping) = take_over(true).await;
    assert_eq!((taken.len(), stopping.len()), (1, 1));
    assert_eq!(stage.attempts(id).await[0].node, successor.node);
    let (taken, stopping) = take_over(true).await;
    assert_eq!((taken.len(), stopping.len()), (0, 1), "the stop is still to be carried out");
}

/// Helped in another way, in whatever phase.
pub async fn a_fulfilled_callback_is_over(open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    let id = stage.queue(Stage::wish(1)).await;
    stage.dispatch().await;
    stage.by(id, Motion::Fulfil).await;
    let reason = stage.callback(id).await.termination_reason();
    assert_eq!(reason, Some(TerminationReason::FulfilledElsewhere));
    assert_eq!(stage.agent_row(ADA).await.task, None);
    assert!(matches!(stage.try_by(id, Motion::Cancel).await, Err(Error::CallbackNotFound(_))));
}
