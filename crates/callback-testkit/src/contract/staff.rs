//! Services and users.

use std::sync::Arc;

use callback_domain::agent::{Agent, Distribution, Presence};
use callback_domain::attempt::Outcome;
use callback_domain::id::{AgentId, ServiceId};
use callback_domain::service::{DirectionType, RetryRule, Service};
use callback_engine::clock::Clock;
use callback_engine::command::{AgentChange, Answer, Motion, What};
use callback_engine::error::Error;
use callback_engine::store::Store;

use super::stage::{ADA, BEN, HOTLINE, Stage, sip};

/// A service is read back whole, replaced by version, and gone when it is removed.
pub async fn services_are_made_replaced_and_removed(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    let mut service = stage.service_row(HOTLINE).await;
    service.name = "Ünïcode".to_owned();
    service.direction_type = DirectionType::Outbound;
    service.max_attempts_per_target_per_day = Some(3);
    service.caller_ids = vec!["+41440000000".to_owned()];
    service
        .retry_by_outcome
        .insert(Outcome::Busy, RetryRule { retry: true, delay_in_seconds: Some(60) });
    let replace = |version| What::ReplaceService {
        service: Box::new(service.clone()),
        if_version: Some(version),
    };
    assert_eq!(stage.done(replace(9)).await, Err(Error::StaleVersion { current: 1 }));
    let Answer::Service(replaced) = stage.run(replace(1)).await else { panic!("no service") };
    assert_eq!(replaced.version, 2);
    assert_eq!(stage.service_row(HOTLINE).await, *replaced);
    assert_eq!((&replaced.name, &replaced.caller_ids), (&service.name, &service.caller_ids));
    stage.run(What::DeleteService { service: HOTLINE }).await;
    assert!(stage.store.services().await.expect("services are read").is_empty());
    assert!(stage.agent_row(ADA).await.services.is_empty());
    let again = stage.done(What::DeleteService { service: HOTLINE }).await;
    assert!(matches!(again, Err(Error::ServiceNotFound(_))));
}

/// What is configured is replaced, what is live stays.
pub async fn users_are_made_replaced_and_removed(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    let stored = stage.agent_row(ADA).await;
    let mut new = stored.clone();
    new.name = "Ada L.".to_owned();
    new.distribution = Distribution::Pull;
    new.selectable = false;
    new.rona = true;
    let what = What::ReplaceAgent { agent: Box::new(new), if_version: Some(stored.version) };
    stage.run(what.clone()).await;
    let replaced = stage.agent_row(ADA).await;
    let configured = (replaced.name.as_str(), replaced.distribution, replaced.selectable);
    assert_eq!(configured, ("Ada L.", Distribution::Pull, false));
    assert!(!replaced.rona);
    let stale = stage.done(what).await;
    assert_eq!(stale, Err(Error::StaleVersion { current: replaced.version }));
    stage.run(What::DeleteAgent { agent: ADA }).await;
    assert!(matches!(stage.done(What::Next { agent: ADA }).await, Err(Error::UserNotFound(_))));
    stage.queue(Stage::wish(1)).await;
    assert_eq!(stage.dispatch().await, 1, "Ben is still there");
}

/// A service with live callbacks stays, and so does a user with a task.
pub async fn what_is_in_use_is_not_removed(open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    let id = stage.queue(Stage::wish(1)).await;
    stage.dispatch().await;
    let service = stage.done(What::DeleteService { service: HOTLINE }).await;
    assert!(matches!(service, Err(Error::InUse { .. })), "{service:?}");
    let user = stage.done(What::DeleteAgent { agent: ADA }).await;
    assert!(matches!(user, Err(Error::InUse { .. })), "{user:?}");
    stage.by(id, Motion::Cancel).await;
    stage.run(What::DeleteAgent { agent: ADA }).await;
    stage.run(What::DeleteService { service: HOTLINE }).await;
    assert_eq!(stage.callback(id).await.service, HOTLINE);
}

/// No two services and no two users have one address, however it is written.
pub async fn an_address_is_one_ones(open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    let (direction, now) = (DirectionType::Outbound, stage.now());
    let id = ServiceId::from_u128(0x99);
    let service = Service::new(id, "again".to_owned(), sip("HOTLINE"), direction, now);
    let key_of = |address: &callback_domain::target::SipAddress| address.key();
    let taken = key_of(&service.sip_uri) == key_of(&sip("hotline"));
    let answer = stage.done(What::CreateService(Box::new(service))).await;
    assert_eq!(matches!(answer, Err(Error::AddressTaken(_))), taken, "{answer:?}");
    let agent = Agent::new(AgentId::from_u128(0x99), "again".to_owned(), sip("ben"), now);
    let answer = stage.done(What::CreateAgent(Box::new(agent))).await;
    assert!(matches!(answer, Err(Error::AddressTaken(_))), "{answer:?}");
    let mut ben = stage.agent_row(BEN).await;
    ben.sip_uri = sip("benjamin");
    stage.run(What::ReplaceAgent { agent: Box::new(ben), if_version: None }).await;
    let agent = Agent::new(AgentId::from_u128(0x99), "again".to_owned(), sip("ben"), now);
    stage.run(What::CreateAgent(Box::new(agent))).await;
}

/// Lists are in order of names, and presence is kept.
pub async fn lists_are_by_name(open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    for (number, name) in [(3, "zoe"), (4, "Zoe"), (5, "al")] {
        stage.service(ServiceId::from_u128(number), &format!("{name}{number}"), |_| {}).await;
        stage.agent(AgentId::from_u128(number), &format!("{name}{number}"), &[HOTLINE]).await;
    }
    let services = stage.store.services().await.expect("services are read");
    let names: Vec<_> = services.iter().map(|service| service.name.as_str()).collect();
    assert_eq!(names, ["Zoe4", "al5", "hotline", "zoe3"]);
    let agents = stage.store.agents().await.expect("users are read");
    let names: Vec<_> = agents.iter().map(|agent| agent.name.as_str()).collect();
    assert_eq!(names, ["Zoe4", "ada", "al5", "ben", "zoe3"]);
    let change = AgentChange::Presence(Presence::Away);
    stage.run(What::ChangeAgent { agent: ADA, change }).await;
    assert_eq!(stage.agent_row(ADA).await.presence, Presence::Away);
}

/// A callback that is over can still be asked about when its service is gone.
pub async fn what_is_over_outlives_its_service(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    let id = stage.queue(Stage::wish(1)).await;
    let token = stage.next(ADA).await.expect("something waits").token;
    stage.by(id, Motion::Answered(token)).await;
    let over = stage.by(id, Motion::HangUp(token)).await;
    stage.run(What::DeleteService { service: HOTLINE }).await;
    assert_eq!(stage.by(id, Motion::HangUp(token)).await, over, "it is the same move again");
    let late = stage.try_by(id, Motion::Heartbeat(token)).await;
    assert!(matches!(late, Err(Error::Refused(_))), "{late:?}");
    let again = stage.try_by(id, Motion::Cancel).await;
    assert!(matches!(again, Err(Error::CallbackNotFound(_))), "{again:?}");
    match stage.run(What::Explain { callback: id, agent: None }).await {
        Answer::Explanation(explanation) => assert!(!explanation.callable),
        other => panic!("an explanation answered {other:?}"),
    }
    assert_eq!(stage.run(What::Position { callback: id }).await, Answer::Position(None));
}
