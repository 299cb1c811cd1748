//! Erasing a person's data.

use std::sync::Arc;

use callback_domain::callback::PhaseName;
use callback_domain::id::CallbackId;
use callback_domain::target::TargetKey;
use callback_engine::clock::Clock;
use callback_engine::command::{Answer, Create, Motion, What};
use callback_engine::erasure::{Step, Stepped};
use callback_engine::ledger::Subject;
use callback_engine::store::{Idempotency, Store};
use callback_engine::suppression::Suppression;
use uuid::Uuid;

use super::stage::{Stage, line};

async fn step(stage: &Stage, key: &TargetKey, step: Step) -> Stepped {
    match stage.run(What::Erase { key: key.clone(), step: Box::new(step) }).await {
        Answer::Erased(stepped) => stepped,
        other => panic!("an erasure answered {other:?}"),
    }
}

async fn is_gone(stage: &Stage, id: CallbackId) -> bool {
    let found = stage.store.callback(id).await.expect("it is looked for");
    found.is_none() && stage.history(id).await.is_empty() && stage.attempts(id).await.is_empty()
}

/// Callbacks of the person go, by whichever address; those of others stay.
pub async fn a_persons_callbacks_go_and_others_stay(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    let key = line(1).key();
    let waiting = stage.queue(Stage::wish(1)).await;
    let over = stage.create(Stage::wish(1)).await;
    stage.by(over, Motion::Cancel).await;
    let mut behind = Stage::wish(1);
    behind.alternative_target = Some(line(2));
    let behind = stage.create(behind).await;
    let mut instead = Stage::wish(3);
    instead.alternative_target = Some(line(1));
    let instead = stage.create(instead).await;
    let other = stage.create(Stage::wish(4)).await;
    let all = vec![waiting, over, behind, instead, other];
    let done = step(&stage, &key, Step::Callbacks(all.clone())).await;
    assert_eq!(done, Stepped { removed: 4, open: Vec::new(), after: None });
    for id in &all[..4] {
        assert!(is_gone(&stage, *id).await);
    }
    assert!(!is_gone(&stage, other).await);
    assert_eq!(step(&stage, &key, Step::Callbacks(all)).await.removed, 0);
    stage.queue(Stage::wish(1)).await;
}

/// A call that is being placed is told to stop, and its callback goes when it has ended.
pub async fn a_call_is_hung_up_before_its_callback_goes(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::driven(open).await;
    stage.open(|_| {}).await;
    let key = line(1).key();
    let id = stage.queue(Stage::wish(1)).await;
    stage.dispatch().await;
    let token = stage.token(id).await;
    stage.by(id, Motion::Accept(token)).await;
    assert_eq!(stage.phase(id).await, PhaseName::Dialout);
    let done = step(&stage, &key, Step::Callbacks(vec![id])).await;
    assert_eq!((done.removed, done.open), (0, vec![id]));
    assert_eq!(stage.phase(id).await, PhaseName::Terminated);
    stage.pass(3_600);
    stage.tick().await;
    assert_eq!(step(&stage, &key, Step::Callbacks(vec![id])).await.removed, 1);
    assert!(is_gone(&stage, id).await);
}

/// Remembered answers and suppressions of the person go, and the ledger tells that it was done
/// without telling of whom.
pub async fn what_is_kept_about_the_line_goes(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    let key = line(1).key();
    for number in 1..=3 {
        let idempotency = Some(Idempotency {
            principal: "api".to_owned(),
            key: format!("k{number}"),
            body_hash: Vec::new(),
        });
        let create = Create { idempotency, ..stage.ask(Stage::wish(number)).await };
        stage.run(What::Create(Box::new(create))).await;
    }
    let (mut after, mut forgotten, mut steps) = (None, 0, 0);
    loop {
        let done = step(&stage, &key, Step::Answers { after, limit: 1 }).await;
        (after, forgotten, steps) = (done.after, forgotten + done.removed, steps + 1);
        if after.is_none() {
            break;
        }
    }
    assert_eq!((forgotten, steps), (1, 4));
    let entry = |id, number| Suppression {
        sequence: 0,
        id: Uuid::from_u128(id),
        key: line(number).key(),
        service_id: None,
        reason: None,
        until: None,
        created_at: stage.now(),
    };
    stage.run(What::Suppress(vec![entry(1, 1), entry(2, 2)])).await;
    let id = Uuid::from_u128(77);
    let suppressions = vec![Uuid::from_u128(1)];
    let done = step(&stage, &key, Step::Line { id, suppressions, callbacks: 5 }).await;
    assert_eq!(done.removed, 1);
    let left = stage.store.suppressions(None, 0, 10).await.expect("they are read");
    assert_eq!(left.iter().map(|entry| entry.id.as_u128()).collect::<Vec<_>>(), [2]);
    let told = stage.store.ledger(Some(Subject::Erasure(id)), 0, 10).await;
    let [told] = &told.expect("the ledger is read")[..] else { panic!("it is told once") };
    assert_eq!((told.what.as_str(), told.subject.kind()), ("PersonErased", "Erasure"));
    assert_eq!(told.details["Callbacks"], 5);
    assert_eq!(told.details["Suppressions"], 1);
}
