//! Many at once.

use std::collections::BTreeSet;
use std::sync::Arc;

use callback_domain::id::AgentId;
use callback_domain::search::Query;
use callback_engine::clock::Clock;
use callback_engine::command::{Answer, Command, What};
use callback_engine::ledger::Actor;
use callback_engine::store::Store;
use tokio::task::JoinSet;

use super::stage::{HOTLINE, Stage};

/// No two agents get one task, and every task is had.
pub async fn thirty_two_tasks_share_a_queue(open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>) {
    let stage = Stage::manual(open).await;
    stage.service(HOTLINE, "hotline", |_| {}).await;
    let agents: Vec<AgentId> = (0..32).map(|number| AgentId::from_u128(0xB00 + number)).collect();
    for (number, agent) in agents.iter().enumerate() {
        stage.agent(*agent, &format!("agent{number}"), &[HOTLINE]).await;
    }
    for number in 0..20 {
        stage.queue(Stage::wish(number)).await;
    }
    let mut tasks = JoinSet::new();
    for agent in agents {
        let (store, site) = (Arc::clone(&stage.store), Arc::clone(&stage.site));
        let what = What::Next { agent };
        tasks.spawn(
            async move { store.run(Command { actor: Actor::Agent(agent), site, what }).await },
        );
    }
    let (mut had, mut keys) = (BTreeSet::new(), BTreeSet::new());
    while let Some(done) = tasks.join_next().await {
        match done.expect("the task ends").expect("the next task is asked for").answer {
            Answer::Task(Some(task)) => {
                assert!(had.insert(task.callback.id), "{} was given twice", task.callback.id);
                assert!(keys.insert(task.callback.key()));
            }
            Answer::Task(None) => {}
            other => panic!("the next task answered {other:?}"),
        }
    }
    assert_eq!(had.len(), 20);
}

/// Nothing that was answered is missing.
pub async fn thirty_two_creates_all_arrive(open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    let mut tasks = JoinSet::new();
    for number in 0..32 {
        let what = What::Create(Box::new(stage.ask(Stage::wish(number)).await));
        let (store, site) = (Arc::clone(&stage.store), Arc::clone(&stage.site));
        tasks.spawn(async move { store.run(Command { actor: Actor::Operator, site, what }).await });
    }
    while let Some(done) = tasks.join_next().await {
        assert!(done.expect("the task ends").is_ok());
    }
    let count = stage.store.count(&Query::default()).await;
    assert_eq!(count.expect("callbacks are counted"), 32);
}
