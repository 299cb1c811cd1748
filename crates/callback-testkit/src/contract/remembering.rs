//! Answers under idempotency keys.

use std::sync::Arc;

use callback_domain::agent::Agent;
use callback_domain::dto::WebhookRequest;
use callback_domain::id::{AgentId, KeyId, ServiceId};
use callback_domain::service::{DirectionType, DuplicatePolicy, Service};
use callback_engine::access::Role;
use callback_engine::clock::Clock;
use callback_engine::command::{Answer, Command, Create, Motion, What};
use callback_engine::error::Error;
use callback_engine::ledger::Actor;
use callback_engine::store::{Idempotency, Store};
use callback_engine::suppression::Suppression;
use callback_engine::webhook::{Order, Reply};
use uuid::Uuid;

use super::keys;
use super::stage::{Stage, line, sip};

fn under(key: &str, body: &[u8]) -> Idempotency {
    Idempotency { principal: "api".to_owned(), key: key.to_owned(), body_hash: body.to_vec() }
}

fn once(key: &str, what: What) -> What {
    What::Once { idempotency: under(key, key.as_bytes()), what: Box::new(what) }
}

fn service(stage: &Stage, number: u128) -> What {
    let (name, at) = (format!("s{number}"), stage.now());
    let (id, address) = (ServiceId::from_u128(number), sip(&name));
    let new = Service::new(id, name, address, DirectionType::InboundOutbound, at);
    What::CreateService(Box::new(new))
}

fn user(stage: &Stage, number: u128) -> What {
    let name = format!("u{number}");
    let address = sip(&name);
    let new = Agent::new(AgentId::from_u128(number), name, address, stage.now());
    What::CreateAgent(Box::new(new))
}

fn suppressions(stage: &Stage, numbers: impl IntoIterator<Item = u32>) -> What {
    let one = |number: u32| Suppression {
        sequence: 0,
        id: Uuid::from_u128(u128::from(number)),
        key: line(number).key(),
        service_id: None,
        reason: None,
        until: None,
        created_at: stage.now(),
    };
    What::Suppress(numbers.into_iter().map(one).collect())
}

/// Services, users and suppressions are made once, and the repetition is answered alike.
pub async fn whatever_is_made_under_a_key_is_made_once(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(open).await;
    let first = stage.run(once("service", service(&stage, 50))).await;
    stage.pass(60);
    assert_eq!(stage.run(once("service", service(&stage, 51))).await, first);
    assert_eq!(stage.store.services().await.expect("services are read").len(), 1);

    let first = stage.run(once("user", user(&stage, 60))).await;
    assert_eq!(stage.run(once("user", user(&stage, 61))).await, first);
    assert_eq!(stage.store.agents().await.expect("users are read").len(), 1);

    let shown = |answer| match answer {
        Answer::Suppressions(list) => list.into_iter().map(|entry| entry.id).collect::<Vec<_>>(),
        other => panic!("a suppression answered {other:?}"),
    };
    let first = shown(stage.run(once("suppress", suppressions(&stage, [1]))).await);
    assert_eq!(shown(stage.run(once("suppress", suppressions(&stage, [2]))).await), first);
    stage.run(once("import", suppressions(&stage, 10..40))).await;
    let again = stage.run(once("import", suppressions(&stage, 40..70))).await;
    assert_eq!(again, Answer::Imported(30));
    let listed = stage.store.suppressions(None, 0, 1_000).await.expect("they are read");
    assert_eq!(listed.len(), 31);

    let reused = What::Once {
        idempotency: under("user", b"another body"),
        what: Box::new(user(&stage, 62)),
    };
    assert_eq!(stage.done(reused).await, Err(Error::IdempotencyKeyReused));
}

/// Under `ReturnExisting` the repetition answers what the first answered, whatever came after.
pub async fn an_existing_callback_is_remembered(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(open).await;
    stage.open(|service| service.duplicate_policy = DuplicatePolicy::ReturnExisting).await;
    let standing = stage.create(Stage::wish(1)).await;
    let idempotency = Some(under("k", b"one"));
    let create = Create { idempotency, ..stage.ask(Stage::wish(1)).await };
    let first = stage.run(What::Create(Box::new(create.clone()))).await;
    assert!(matches!(&first, Answer::Existing(found) if found.id == standing));
    stage.by(standing, Motion::Cancel).await;
    assert_eq!(stage.run(What::Create(Box::new(create))).await, first);
}

/// What was shown once is not kept: the repetition makes nothing and names what was made.
pub async fn a_secret_is_not_shown_again(open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>) {
    let stage = Stage::manual(open).await;
    let key = |number| once("key", keys::make(&keys::key(&stage, number, Role::Admin)));
    stage.run(key(1)).await;
    let named = format!("key {}", KeyId::from_u128(1));
    assert_eq!(stage.done(key(2)).await, Err(Error::SecretShown(named)));
    assert_eq!(stage.store.keys().await.expect("keys are read").len(), 1);

    let webhook = || {
        let request = WebhookRequest {
            url: "https://example.org/hook".to_owned(),
            events: None,
            services: None,
            description: None,
            enabled: true,
        };
        once("webhook", What::Webhooks(Box::new(Order::Create(request))))
    };
    let Answer::Webhooks(reply) = stage.run(webhook()).await else { panic!("nothing was made") };
    let Reply::Webhook(made) = *reply else { panic!("no webhook was made") };
    let named = format!("webhook {}", made.id);
    assert_eq!(stage.done(webhook()).await, Err(Error::SecretShown(named)));
    let list = stage.run(What::Webhooks(Box::new(Order::List))).await;
    let Answer::Webhooks(list) = list else { panic!("no list was answered") };
    assert!(matches!(&*list, Reply::Webhooks(all) if all.len() == 1));
}

/// Requests side by side under one key make one user.
pub async fn one_key_at_a_time_makes_one_user(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(open).await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 1..=16 {
        let (store, site) = (Arc::clone(&stage.store), Arc::clone(&stage.site));
        let what = once("user", user(&stage, number));
        tasks.spawn(async move { store.run(Command { actor: Actor::Operator, site, what }).await });
    }
    let mut made = std::collections::BTreeSet::new();
    while let Some(done) = tasks.join_next().await {
        match done.expect("the task ends").expect("it is taken").answer {
            Answer::Agent(agent) => made.insert(agent.id),
            other => panic!("a creation answered {other:?}"),
        };
    }
    assert_eq!(made.len(), 1);
    assert_eq!(stage.store.agents().await.expect("users are read").len(), 1);
}

/// After a day answers are removed, the oldest first and so many at a time.
pub async fn old_answers_are_forgotten_in_batches(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(open).await;
    for number in 0..5 {
        stage.run(once(&format!("k{number}"), user(&stage, 100 + number))).await;
    }
    let tidied = async |limit| match stage.run(What::Tidy { limit, terminated_days: 0 }).await {
        Answer::Tidied { forgotten, more, .. } => (forgotten, more),
        other => panic!("tidying answered {other:?}"),
    };
    assert_eq!(tidied(10).await, (0, false));
    stage.pass(86_400);
    stage.run(once("fresh", user(&stage, 200))).await;
    assert_eq!(tidied(3).await, (3, true));
    assert_eq!(tidied(3).await, (2, false));
    let again = stage.run(once("fresh", user(&stage, 201))).await;
    assert!(matches!(again, Answer::Agent(agent) if agent.id == AgentId::from_u128(200)));
}
