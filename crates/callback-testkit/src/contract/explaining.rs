//! Explanations, where they are easily wrong.

use std::sync::Arc;

use callback_domain::agent::{Distribution, Presence};
use callback_domain::callback::Preferred;
use callback_domain::date;
use callback_domain::explain::{Explanation, Gate, GateName};
use callback_domain::id::{AgentId, CallbackId};
use callback_engine::clock::Clock;
use callback_engine::command::{AgentChange, Answer, Motion, What};
use callback_engine::store::Store;

use super::clock::{daily, next_hour};
use super::queueing::suppress;
use super::stage::{ADA, BEN, Stage, sip};

async fn explain(stage: &Stage, callback: CallbackId, agent: Option<AgentId>) -> Explanation {
    match stage.run(What::Explain { callback, agent }).await {
        Answer::Explanation(explanation) => *explanation,
        other => panic!("an explanation answered {other:?}"),
    }
}

async fn gate(stage: &Stage, callback: CallbackId, agent: AgentId, name: GateName) -> Gate {
    let explanation = explain(stage, callback, Some(agent)).await;
    let found = explanation.gates.into_iter().find(|gate| gate.name == name);
    found.expect("every gate is asked")
}

/// Of several suppressions the last to end counts, and one without an end never ends.
pub async fn the_last_suppression_says_when_the_gate_opens(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    let id = stage.queue(Stage::wish(1)).await;
    suppress(&stage, 1, Some(100)).await;
    let later = date::add_seconds(stage.now(), 900);
    suppress_again(&stage, Some(later)).await;
    let asked = gate(&stage, id, ADA, GateName::Suppression).await;
    assert_eq!((asked.pass, asked.next_change_at), (false, Some(later)));
    suppress_again(&stage, None).await;
    let asked = gate(&stage, id, ADA, GateName::Suppression).await;
    assert_eq!((asked.pass, asked.next_change_at), (false, None));
}

async fn suppress_again(stage: &Stage, until: Option<date::Instant>) {
    let listed = stage.store.suppressions(None, 0, 1).await.expect("they are read").remove(0);
    let id = stage.site.mint.random();
    let more = callback_engine::suppression::Suppression { id, until, ..listed };
    stage.run(What::Suppress(vec![more])).await;
}

/// The end of a hold opens the gate for others only.
pub async fn a_hold_for_this_agent_changes_nothing_for_them(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(open).await;
    stage.open(|service| service.preferred_agent_hold_in_seconds = 100).await;
    let mut wish = Stage::wish(1);
    wish.preferred = Some(Preferred { sip_uri: sip("ben"), agent: BEN });
    let id = stage.queue(wish).await;
    let for_ben = gate(&stage, id, BEN, GateName::PreferredAgent).await;
    assert_eq!((for_ben.pass, for_ben.next_change_at), (true, None));
    let for_ada = gate(&stage, id, ADA, GateName::PreferredAgent).await;
    let over = date::add_seconds(stage.now(), 100);
    assert_eq!((for_ada.pass, for_ada.next_change_at), (false, Some(over)));
}

/// An agent who is away is not made ready by the end of the work after a call.
pub async fn only_work_after_a_call_ends_by_the_clock(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(open).await;
    stage.open(|service| service.after_call_work_in_seconds = 30).await;
    let over = stage.queue(Stage::wish(1)).await;
    let id = stage.queue(Stage::wish(2)).await;
    let token = stage.next(ADA).await.expect("something waits").token;
    stage.by(over, Motion::Answered(token)).await;
    stage.by(over, Motion::HangUp(token)).await;
    let at_work = gate(&stage, id, ADA, GateName::EligibleAgent).await;
    let ready = date::add_seconds(stage.now(), 30);
    assert_eq!((at_work.pass, at_work.next_change_at), (false, Some(ready)));
    let change = AgentChange::Presence(Presence::Away);
    stage.run(What::ChangeAgent { agent: ADA, change }).await;
    let away = gate(&stage, id, ADA, GateName::EligibleAgent).await;
    assert_eq!((away.pass, away.next_change_at), (false, None));
}

/// A due date in a closed night lets nothing into the queue before the opening.
pub async fn the_queue_opens_when_the_service_does(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(open).await;
    stage.open(|service| service.opening_hours = Some(daily(20, 21))).await;
    let mut wish = Stage::wish(1);
    wish.due = Some(date::add_seconds(stage.now(), 60));
    let id = stage.create(wish).await;
    let asked = gate(&stage, id, ADA, GateName::InQueue).await;
    let opening = next_hour(stage.now(), 20);
    assert_eq!((asked.pass, asked.next_change_at), (false, Some(opening)));
}

/// Without an agent named, it is the one whom the dispatcher would ask.
pub async fn who_is_pushed_to_is_asked_before_who_pulls(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    let mut ada = stage.agent_row(ADA).await;
    ada.distribution = Distribution::Pull;
    stage.run(What::ReplaceAgent { agent: Box::new(ada), if_version: None }).await;
    let id = stage.queue(Stage::wish(1)).await;
    let explanation = explain(&stage, id, None).await;
    assert_eq!((explanation.agent, explanation.callable), (Some(BEN), true));
    assert_eq!(stage.dispatch().await, 1);
    assert_eq!(stage.callback(id).await.agent(), Some(BEN));
}
