//! An installation that moves to another store while rare things are under way in it.

use std::sync::Arc;

use callback_domain::attempt::Outcome;
use callback_domain::callback::{PhaseName, Preferred};
use callback_domain::date;
use callback_domain::dto::Role;
use callback_domain::id::AgentId;
use callback_engine::clock::Clock;
use callback_engine::command::{Answer, Create, Report, What};
use callback_engine::store::{Idempotency, Store};

use super::clock::{daily, next_hour};
use super::keys;
use super::stage::{ADA, BEN, HOTLINE, Stage, sip};

const CLEO: AgentId = AgentId::from_u128(0xA3);

/// A conversation, a hold, a back-off, a remembered answer and half a recalculation go on as they would have.
pub async fn what_is_half_done_goes_on(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
    moved: &impl AsyncFn(Arc<dyn Store>, Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::driven(open).await;
    stage.open(|service| service.preferred_agent_hold_in_seconds = 100).await;
    let access = keys::key(&stage, 1, Role::Admin);
    stage.run(keys::make(&access)).await;
    let webhook = stage.subscribe(|_| {}).await;
    let failed = stage.queue(Stage::wish(1)).await;
    stage.next(ADA).await.expect("something waits");
    let ended =
        Report::Ended { outcome: Outcome::Failed, detail: None, retry_after_seconds: Some(9) };
    stage.report(failed, 1, ended).await;
    let mut wish = Stage::wish(2);
    wish.preferred = Some(Preferred { sip_uri: sip("ben"), agent: BEN });
    let held = stage.queue(wish).await;
    stage.agent(CLEO, "cleo", &[HOTLINE]).await;
    let connected = stage.queue(Stage::wish(4)).await;
    stage.next(CLEO).await.expect("something waits");
    stage.report(connected, 1, Report::AgentAnswered).await;
    stage.report(connected, 2, Report::Connected).await;
    assert_eq!(stage.phase(connected).await, PhaseName::Connected);
    let mut wish = Stage::wish(3);
    wish.due = Some(date::add_seconds(stage.now(), 3_600));
    let idempotency = Some(Idempotency {
        principal: "api".to_owned(),
        key: "k".to_owned(),
        body_hash: b"one".to_vec(),
    });
    let create = Create { idempotency, ..stage.ask(wish).await };
    let answered = stage.run(What::Create(Box::new(create.clone()))).await;
    let mut service = stage.service_row(HOTLINE).await;
    let closes = next_hour(stage.now(), 9);
    let hour = u8::try_from(closes.timestamp().rem_euclid(86_400) / 3_600).expect("it is an hour");
    service.opening_hours = Some(daily(0, hour));
    stage.run(What::ReplaceService { service: Box::new(service), if_version: None }).await;
    let begun = stage.run(What::Recalculate { limit: 1 }).await;
    assert_eq!(begun, Answer::Ticked { moved: 1, more: true });

    stage.hand_out().await;
    let on_their_way = stage.deliveries(webhook, None).await;
    assert!(!on_their_way.is_empty());
    let mut before = Vec::new();
    for callback in [failed, held] {
        for agent in [None, Some(ADA), Some(BEN)] {
            before.push(stage.run(What::Explain { callback, agent }).await);
        }
    }
    let Stage { store, clock, site } = stage;
    let store = moved(store, Arc::clone(&clock) as Arc<dyn Clock>).await;
    let stage = Stage { store, clock, site };
    let mut after = Vec::new();
    for callback in [failed, held] {
        for agent in [None, Some(ADA), Some(BEN)] {
            after.push(stage.run(What::Explain { callback, agent }).await);
        }
    }
    assert_eq!(after, before);
    assert_eq!(stage.store.keys().await.expect("keys are read"), [access]);
    assert_eq!(stage.deliveries(webhook, None).await, on_their_way);

    assert_eq!(stage.run(What::Create(Box::new(create))).await, answered);
    let rest = stage.run(What::Recalculate { limit: 10 }).await;
    assert_eq!(rest, Answer::Ticked { moved: 3, more: false });
    let ended =
        Report::Ended { outcome: Outcome::Completed, detail: None, retry_after_seconds: None };
    stage.report(connected, 3, ended).await;
    assert_eq!(stage.phase(connected).await, PhaseName::Terminated);
    assert!(stage.next(ADA).await.is_none(), "one is held for Ben, one backs off");
    assert_eq!(stage.dispatch().await, 1);
    assert_eq!(stage.callback(held).await.agent(), Some(BEN));
    stage.pass(9);
    stage.tick().await;
    assert_eq!(stage.dispatch().await, 1);
    assert_eq!(stage.callback(failed).await.agent(), Some(ADA));
}
