//! Making callbacks.

use std::sync::Arc;

use callback_domain::callback::{Creator, PhaseName};
use callback_domain::id::CallbackId;
use callback_domain::service::DuplicatePolicy;
use callback_engine::clock::Clock;
use callback_engine::command::{Answer, Command, Create, Motion, What};
use callback_engine::error::Error;
use callback_engine::ledger::Actor;
use callback_engine::store::{Idempotency, Store};

use super::stage::{HOTLINE, Stage};

/// A callback is read back as it was answered, with its first line of the ledger.
pub async fn a_create_is_read_back(open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    let mut wish = Stage::wish(1);
    wish.creator = Creator::WebService;
    wish.initiator = Some("Grace".to_owned());
    wish.description = Some("ünïcode \"and\" quotes".to_owned());
    wish.context_url = Some("https://example.org/?a=b".to_owned());
    wish.incoming_service_sip_uri = Some("sip:in@example.org".to_owned());
    wish.supervisor = Some("sip:grace@example.org".to_owned());
    wish.caller_id = Some("+41440000000".to_owned());
    wish.external_task_id = Some("task-1".to_owned());
    wish.alternative_target = Some(super::stage::line(2));
    let create = stage.ask(wish).await;
    let Answer::Created(answered) = stage.run(What::Create(Box::new(create))).await else {
        panic!("nothing was made");
    };
    assert_eq!(stage.callback(answered.id).await, *answered);
    assert_eq!(answered.phase_name(), PhaseName::Pending);
    let history = stage.history(answered.id).await;
    assert_eq!(history.iter().map(|line| line.what.as_str()).collect::<Vec<_>>(), ["Created"]);
    assert_eq!((history[0].from, history[0].to), (None, Some(PhaseName::Pending)));
    let unknown = stage.store.callback(CallbackId::from_u128(404)).await;
    assert_eq!(unknown.expect("a callback is looked for"), None);
}

/// The same wish twice makes two.
pub async fn doing_it_again_makes_another(open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    let one = stage.create(Stage::wish(1)).await;
    let other = stage.create(Stage::wish(1)).await;
    assert_ne!(one, other);
}

/// A dry run answers and leaves nothing.
pub async fn a_dry_run_writes_nothing(open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    let create = Create { dry_run: true, ..stage.ask(Stage::wish(1)).await };
    let id = create.id;
    assert!(matches!(stage.run(What::Create(Box::new(create))).await, Answer::Created(_)));
    assert_eq!(stage.store.callback(id).await.expect("a callback is looked for"), None);
    assert!(stage.history(id).await.is_empty());
}

/// Of several callbacks with one external id, the one made last.
pub async fn the_newest_of_an_external_task_id_is_found(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    let mut last = None;
    for number in 0..3 {
        let mut wish = Stage::wish(number);
        wish.external_task_id = Some("task-7".to_owned());
        last = Some(stage.create(wish).await);
        stage.pass(1);
    }
    let found = stage.store.callback_by_external_task_id("task-7").await;
    assert_eq!(found.expect("it is looked for").map(|found| found.id), last);
    let none = stage.store.callback_by_external_task_id("task-8").await;
    assert_eq!(none.expect("it is looked for"), None);
}

fn key(name: &str, body: &[u8]) -> Idempotency {
    Idempotency { principal: "api".to_owned(), key: name.to_owned(), body_hash: body.to_vec() }
}

/// The same key gives the same answer, for a day, whatever became of the callback.
pub async fn a_key_answers_the_same_again(open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    let create = Create { idempotency: Some(key("k", b"one")), ..stage.ask(Stage::wish(1)).await };
    let first = stage.run(What::Create(Box::new(create.clone()))).await;
    let Answer::Created(callback) = &first else { panic!("nothing was made") };
    stage.by(callback.id, Motion::Cancel).await;
    stage.pass(3_600);
    let again = Create { id: stage.site.callback(stage.now()), ..create.clone() };
    assert_eq!(stage.run(What::Create(Box::new(again))).await, first);
    stage.pass(86_400);
    let later = Create { id: stage.site.callback(stage.now()), ..create };
    assert_ne!(stage.run(What::Create(Box::new(later))).await, first);
}

/// A key belongs to its body, and to whoever chose it.
pub async fn a_key_with_another_body_is_refused(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    let one = Create { idempotency: Some(key("k", b"one")), ..stage.ask(Stage::wish(1)).await };
    stage.run(What::Create(Box::new(one))).await;
    let other = Create { idempotency: Some(key("k", b"other")), ..stage.ask(Stage::wish(2)).await };
    let answer = stage.done(What::Create(Box::new(other.clone()))).await;
    assert_eq!(answer, Err(Error::IdempotencyKeyReused));
    let elsewhere = Idempotency {
        principal: "somebody else".to_owned(),
        key: "k".to_owned(),
        body_hash: b"other".to_vec(),
    };
    let theirs = Create { idempotency: Some(elsewhere), ..other };
    assert!(stage.done(What::Create(Box::new(theirs))).await.is_ok());
}

/// Requests side by side under one key make one callback.
pub async fn one_key_at_a_time_makes_one_callback(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let create =
            Create { idempotency: Some(key("k", b"one")), ..stage.ask(Stage::wish(1)).await };
        let (store, site) = (Arc::clone(&stage.store), Arc::clone(&stage.site));
        let what = What::Create(Box::new(create));
        tasks.spawn(async move { store.run(Command { actor: Actor::Operator, site, what }).await });
    }
    let mut made = std::collections::BTreeSet::new();
    while let Some(done) = tasks.join_next().await {
        match done.expect("the task ends").expect("the creation is taken").answer {
            Answer::Created(callback) => made.insert(callback.id),
            other => panic!("a creation answered {other:?}"),
        };
    }
    assert_eq!(made.len(), 1);
}

/// Above its limit of waiting callbacks a service takes no more.
pub async fn a_full_queue_refuses(open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>) {
    let stage = Stage::manual(open).await;
    stage.open(|service| service.max_queued = Some(2)).await;
    let one = stage.create(Stage::wish(1)).await;
    stage.queue(Stage::wish(2)).await;
    let third = What::Create(Box::new(stage.ask(Stage::wish(3)).await));
    let answer = stage.done(third.clone()).await;
    assert_eq!(answer, Err(Error::QueueFull { service: HOTLINE, limit: 2 }));
    stage.by(one, Motion::Cancel).await;
    assert!(stage.done(third).await.is_ok());
}

/// The policy decides what a second wish for a line gets.
pub async fn duplicates_are_rejected_or_returned_as_the_service_wants(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(open).await;
    stage.open(|service| service.duplicate_policy = DuplicatePolicy::Reject).await;
    let first = stage.create(Stage::wish(1)).await;
    let again = What::Create(Box::new(stage.ask(Stage::wish(1)).await));
    assert_eq!(stage.done(again).await, Err(Error::DuplicateCallback(first)));
    let mut service = stage.service_row(HOTLINE).await;
    service.duplicate_policy = DuplicatePolicy::ReturnExisting;
    stage.run(What::ReplaceService { service: Box::new(service), if_version: None }).await;
    let again = What::Create(Box::new(stage.ask(Stage::wish(1)).await));
    match stage.run(again).await {
        Answer::Existing(existing) => assert_eq!(existing.id, first),
        other => panic!("a duplicate answered {other:?}"),
    }
    stage.create(Stage::wish(2)).await;
}

/// What is over stands in nobody's way.
pub async fn a_terminated_callback_is_no_duplicate(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(open).await;
    stage.open(|service| service.duplicate_policy = DuplicatePolicy::Reject).await;
    let first = stage.create(Stage::wish(1)).await;
    stage.by(first, Motion::Cancel).await;
    stage.create(Stage::wish(1)).await;
}

/// Members that were checked against an older service are checked again.
pub async fn a_service_that_changed_meanwhile_is_told(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    let create = stage.ask(Stage::wish(1)).await;
    let service = Box::new(stage.service_row(HOTLINE).await);
    stage.run(What::ReplaceService { service, if_version: None }).await;
    let answer = stage.done(What::Create(Box::new(create))).await;
    assert_eq!(answer, Err(Error::ServiceChanged(HOTLINE)));
}
