//! Two nodes on one database do what one would do.

use std::collections::BTreeSet;

use callback_domain::callback::{Callback, PhaseName};
use callback_domain::id::{AgentId, CallbackId};
use callback_domain::search::Query;
use callback_engine::Error;
use callback_engine::command::{Answer, Motion, What};
use callback_engine::store::{Idempotency, Store as _};
use serde_json::json;
use tokio::task::JoinSet;

use crate::database::Database;
use crate::scene::Node;

const TASKS: u32 = 16;
const ROUNDS: u32 = 12;
const AGENTS: u32 = 6;

#[tokio::test(flavor = "multi_thread")]
async fn no_line_and_no_agent_is_taken_twice_however_many_nodes_race() {
    let Some(database) = Database::make().await else { return };
    let nodes = [Node::open(&database, 1).await, Node::open(&database, 2).await];
    let cap = json!({"MaxConcurrentOutboundSessions": 4});
    let services = [nodes[0].service(1, cap).await, nodes[0].service(2, json!({})).await];
    for number in 1..=AGENTS {
        nodes[0].agent(number, &[&services[0], &services[1]]).await;
    }
    let mut tasks = JoinSet::new();
    for task in 0..2 * TASKS {
        let node = nodes[(task % 2) as usize].clone();
        let services = services.clone();
        tasks.spawn(async move { race(&node, &services, task).await });
    }
    let mut acknowledged = BTreeSet::new();
    while let Some(made) = tasks.join_next().await {
        acknowledged.extend(made.unwrap());
    }
    let query = Query::default();
    let stored = nodes[0].store.page(&query, None, 0, 10_000).await.unwrap();
    let stored_ids: BTreeSet<CallbackId> = stored.iter().map(|callback| callback.id).collect();
    assert_eq!(stored_ids, acknowledged);
    invariants_hold(&stored);
    database.remove().await;
}

/// What many callers and the engine do at once; answers what was acknowledged.
async fn race(
    node: &Node,
    services: &[callback_domain::service::Service; 2],
    task: u32,
) -> Vec<CallbackId> {
    let mut made = Vec::new();
    for round in 0..ROUNDS {
        let service = &services[((task + round) % 2) as usize];
        // Few lines, so that they are fought over.
        let target = format!("tel:+4178555{:04}", (task * 7 + round) % 11);
        made.push(node.create(service, json!({"Target": target})).await.unwrap().id);
        match (task + round) % 4 {
            0 => {
                node.tick().await.unwrap();
            }
            1 => {
                node.dispatch(&[&services[0], &services[1]]).await.unwrap();
                let query = Query::default();
                let seen = node.store.page(&query, None, 0, 10_000).await.unwrap();
                invariants_hold(&seen);
            }
            2 => {
                let agent = AgentId::from_u128(u128::from(1 + (task + round) % AGENTS));
                let next = node.run(What::Next { agent }).await.unwrap();
                let Answer::Task(task) = next else { panic!("{next:?}") };
                if let Some(task) = task {
                    let _moved = node.move_by(task.callback.id, Motion::HangUp(task.token)).await;
                }
            }
            _ => match node.move_by(made[made.len() / 2], Motion::Cancel).await {
                Ok(_) | Err(Error::CallbackNotFound(_)) => {}
                Err(error) => panic!("{error}"),
            },
        }
    }
    made
}

/// What holds in any picture of the installation that one statement gives.
pub(crate) fn invariants_hold(callbacks: &[Callback]) {
    let live = callbacks.iter().filter(|callback| {
        let phase = callback.phase_name();
        phase != PhaseName::Pending && phase != PhaseName::InQueue && phase != PhaseName::Terminated
    });
    let (mut lines, mut agents) = (BTreeSet::new(), BTreeSet::new());
    let mut of_the_first = 0;
    for callback in live {
        assert!(lines.insert(callback.key()), "two live callbacks for {}", callback.key());
        assert!(agents.insert(callback.agent()), "two tasks for {:?}", callback.agent());
        of_the_first += usize::from(callback.service.0.as_u128() == 1);
    }
    assert!(of_the_first <= 4, "the cap of sessions is passed: {of_the_first}");
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_keys_and_duplicates_hold_across_nodes() {
    let Some(database) = Database::make().await else { return };
    let nodes = [Node::open(&database, 1).await, Node::open(&database, 2).await];
    let limited = nodes[0].service(1, json!({"MaxQueued": 5})).await;
    let once = nodes[0].service(2, json!({"DuplicatePolicy": "ReturnExisting"})).await;
    let remembering = nodes[0].service(3, json!({})).await;
    let (mut full, mut same, mut known) = (JoinSet::new(), JoinSet::new(), JoinSet::new());
    for task in 0..TASKS {
        for node in &nodes {
            let (one, other, third) = (node.clone(), node.clone(), node.clone());
            let services = (limited.clone(), once.clone(), remembering.clone());
            let target = json!({"Target": format!("tel:+417855500{task:02}")});
            full.spawn(async move { one.create(&services.0, target).await });
            same.spawn(async move { other.create(&services.1, json!({})).await });
            let idempotency = Idempotency {
                principal: "one".to_owned(),
                key: "key".to_owned(),
                body_hash: vec![1],
            };
            known.spawn(async move {
                third.create_once(&services.2, json!({}), Some(idempotency)).await
            });
        }
    }
    let accepted = full.join_all().await.into_iter().filter(Result::is_ok).count();
    assert_eq!(accepted, 5);
    let answers = same.join_all().await.into_iter().map(|made| made.unwrap().id);
    assert_eq!(answers.collect::<BTreeSet<_>>().len(), 1);
    let answers = known.join_all().await.into_iter().map(|made| made.unwrap().id);
    assert_eq!(answers.collect::<BTreeSet<_>>().len(), 1);
    assert_eq!(nodes[0].store.count(&Query::default()).await.unwrap(), 5 + 1 + 1);
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadlock_is_run_again_and_nobody_hears_of_it() {
    let Some(database) = Database::make().await else { return };
    let node = Node::open(&database, 1).await;
    let service = node.service(1, json!({})).await;
    let made = node.create(&service, json!({})).await.unwrap();
    let agent = node.agent(1, &[&service]).await;
    node.tick().await.unwrap();
    node.dispatch(&[&service]).await.unwrap();
    let token = node.callback(made.id).await.token().unwrap();
    // Somebody else has the agent and wants the line, the move has the line and wants the agent.
    let other = database.client().await;
    other.batch_execute("BEGIN").await.unwrap();
    other.execute("SELECT FROM agents WHERE id = $1 FOR UPDATE", &[&agent.0]).await.unwrap();
    let mover = node.clone();
    let moved = tokio::spawn(async move { mover.move_by(made.id, Motion::Decline(token)).await });
    database.wait_for_a_waiter().await;
    let line = "SELECT pg_advisory_xact_lock(212860930, hashtext($1))";
    let taken = other.execute(line, &[&made.key().as_str()]).await;
    other.batch_execute("ROLLBACK").await.unwrap();
    // One of the two is the victim; the move comes through in any case.
    drop(taken);
    assert_eq!(moved.await.unwrap().unwrap().phase_name(), PhaseName::InQueue);
    database.remove().await;
}
