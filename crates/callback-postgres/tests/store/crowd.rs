//! Batches under races: many agents of two nodes at once, and batches that do not go through whole.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use callback_domain::attempt::Outcome;
use callback_domain::callback::PhaseName;
use callback_domain::dto::UserRequest;
use callback_domain::id::{AgentId, CallbackId};
use callback_domain::search::Query;
use callback_domain::service::Service;
use callback_engine::Error;
use callback_engine::command::{Answer, Motion, Task, What};
use callback_engine::ledger::Subject;
use callback_engine::store::Store as _;
use callback_postgres::Options;
use serde_json::json;
use tokio::task::JoinSet;

use crate::database::Database;
use crate::racing::invariants_hold;
use crate::scene::Node;

/// Agents of each node.
const AGENTS: u32 = 32;
/// Callbacks that each agent makes.
const MADE: u32 = 8;
/// Lines that all callbacks share.
const LINES: u32 = 60;

async fn service(node: &Node) -> Service {
    node.service(7, json!({"PreviewTimeInSeconds": 0, "AfterCallWorkInSeconds": 0})).await
}

async fn puller(node: &Node, service: &Service, number: u32) -> AgentId {
    let body = json!({
        "Name": format!("Agent {number}"), "SipUri": format!("sip:agent{number}@dev.local"),
        "Services": [service.id.to_string()], "Distribution": "Pull", "Presence": "Available",
    });
    let id = AgentId::from_u128(u128::from(number) + 1);
    let agent = UserRequest::read(&body).unwrap().into_agent(id, node.store.now().await.unwrap());
    node.run(What::CreateAgent(Box::new(agent))).await.unwrap();
    id
}

async fn next(node: &Node, agent: AgentId) -> Option<Box<Task>> {
    let answer = node.run(What::Next { agent }).await.unwrap();
    let Answer::Task(task) = answer else { panic!("{answer:?}") };
    task
}

fn completed(task: &Task) -> Motion {
    Motion::Outcome(task.token, Outcome::Completed, None)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_on_two_nodes_ends_every_callback_exactly_once() {
    let Some(database) = Database::make().await else { return };
    let nodes = [Node::open(&database, 1).await, Node::open(&database, 2).await];
    let service = service(&nodes[0]).await;
    let all = (2 * AGENTS * MADE) as usize;
    let ended = Arc::new(AtomicUsize::new(0));
    let mut crowd = JoinSet::new();
    for number in 0..2 * AGENTS {
        let (node, service) = (nodes[(number % 2) as usize].clone(), service.clone());
        let (agent, ended) = (puller(&node, &service, number).await, Arc::clone(&ended));
        crowd.spawn(async move {
            let (mut made, mut done) = (Vec::new(), Vec::new());
            let mut lines = (number * MADE..(number + 1) * MADE).map(|line| line % LINES);
            while ended.load(Ordering::Relaxed) < all {
                if let Some(line) = lines.next() {
                    let target = json!({"Target": format!("tel:+4178555{line:04}")});
                    made.push(node.create(&service, target).await.unwrap().id);
                }
                if let Some(task) = next(&node, agent).await {
                    node.move_by(task.callback.id, completed(&task)).await.unwrap();
                    ended.fetch_add(1, Ordering::Relaxed);
                    done.push(task.callback.id);
                }
            }
            (made, done)
        });
    }
    while ended.load(Ordering::Relaxed) < all {
        invariants_hold(&nodes[1].store.page(&Query::default(), None, 0, 10_000).await.unwrap());
    }
    let (mut made, mut done) = (BTreeSet::new(), Vec::new());
    while let Some(one) = crowd.join_next().await {
        let (its, ends) = one.unwrap();
        made.extend(its);
        done.extend(ends);
    }
    assert_eq!((made.len(), done.len()), (all, all));
    assert_eq!(done.into_iter().collect::<BTreeSet<CallbackId>>(), made);
    let mut ends: BTreeMap<CallbackId, usize> = BTreeMap::new();
    for line in nodes[0].store.ledger(None, 0, 100_000).await.unwrap() {
        if let (Subject::Callback(id), Some(PhaseName::Terminated)) = (line.subject, line.to) {
            *ends.entry(id).or_default() += 1;
        }
    }
    assert_eq!(ends, made.into_iter().map(|id| (id, 1)).collect());
    let held = "SELECT (SELECT count(*) FROM claims) + (SELECT count(*) FROM attempts WHERE open)";
    let client = database.client().await;
    assert_eq!(client.query_one(held, &[]).await.unwrap().get::<_, i64>(0), 0);
    database.remove().await;
}

/// Picks go on from where the last one found the heads, and nobody slow is left behind there.
#[tokio::test]
async fn what_becomes_ready_late_is_found_before_what_was_passed() {
    let Some(database) = Database::make().await else { return };
    let node = Node::open(&database, 1).await;
    let service = service(&node).await;
    let mut made = Vec::new();
    for line in 0..4 {
        let target = json!({"Target": format!("tel:+4178555{line:04}")});
        made.push(node.create(&service, target).await.unwrap().id);
    }
    let taken = async |number| {
        let agent = puller(&node, &service, number).await;
        next(&node, agent).await.map(|task| task.callback.id)
    };
    let first = made[0].0;
    let mut slow = database.client().await;
    slow.execute("UPDATE callbacks SET ready = false WHERE id = $1", &[&first]).await.unwrap();
    let transaction = slow.transaction().await.unwrap();
    let ready = "UPDATE callbacks SET ready = true, written = pg_current_xact_id() WHERE id = $1";
    transaction.execute(ready, &[&first]).await.unwrap();
    assert_eq!(taken(1).await, Some(made[1]));
    assert_eq!(taken(2).await, Some(made[2]));
    let passed = "SELECT count(*) FROM callbacks JOIN passes USING (service) \
        WHERE callbacks.id = $1 AND place < floors[priority + 1]";
    let passed: i64 = database.client().await.query_one(passed, &[&first]).await.unwrap().get(0);
    assert_eq!(passed, 1, "the floor lies behind it");
    transaction.commit().await.unwrap();
    assert_eq!(taken(3).await, Some(made[0]));
    assert_eq!(taken(4).await, Some(made[3]));
    assert_eq!(taken(5).await, None);
    database.remove().await;
}

/// A node with one writer, and tasks in hand: all moves that wait for it go in one batch.
async fn with_tasks(database: &Database, count: u32, options: Options) -> (Node, Vec<Box<Task>>) {
    let node = Node::open_with(database, 1, Options { writers: 1, ..options }).await;
    let service = service(&node).await;
    let mut tasks = Vec::new();
    for number in 0..count {
        let agent = puller(&node, &service, number).await;
        let target = json!({"Target": format!("tel:+4178555{number:04}")});
        node.create(&service, target).await.unwrap();
        tasks.push(next(&node, agent).await.unwrap());
    }
    (node, tasks)
}

#[tokio::test]
async fn a_refused_command_leaves_the_others_of_its_batch_done() {
    let Some(database) = Database::make().await else { return };
    let (node, tasks) = with_tasks(&database, 12, Options::default()).await;
    let mut moves = JoinSet::new();
    for (at, task) in tasks.iter().enumerate() {
        let (node, id) = (node.clone(), task.callback.id);
        // Every third gives the token of another task.
        let token = if at % 3 == 2 { tasks[at - 1].token } else { task.token };
        let by = Motion::Outcome(token, Outcome::Completed, None);
        moves.spawn(async move { (at, node.move_by(id, by).await) });
    }
    while let Some(moved) = moves.join_next().await {
        let (at, result) = moved.unwrap();
        let stored = node.callback(tasks[at].callback.id).await.phase_name();
        if at % 3 == 2 {
            assert!(matches!(result, Err(Error::Refused(_))), "{result:?}");
            assert_eq!(stored, tasks[at].callback.phase_name());
        } else {
            assert_eq!(result.unwrap().phase_name(), PhaseName::Terminated);
            assert_eq!(stored, PhaseName::Terminated);
        }
    }
    let transactions =
        "SELECT count(DISTINCT xmin::text) FROM callbacks WHERE phase = 'Terminated'";
    let count: i64 = database.client().await.query_one(transactions, &[]).await.unwrap().get(0);
    assert!(count <= 2, "the moves did not go together but in {count} transactions");
    database.remove().await;
}

#[tokio::test]
async fn a_batch_that_meets_a_conflict_is_taken_apart() {
    let Some(database) = Database::make().await else { return };
    let lock_timeout = Duration::from_millis(200);
    let (node, tasks) =
        with_tasks(&database, 8, Options { lock_timeout, ..Options::default() }).await;
    let other = database.client().await;
    let last = tasks[7].callback.agent().unwrap();
    other.batch_execute("BEGIN").await.unwrap();
    other.execute("SELECT FROM agents WHERE id = $1 FOR UPDATE", &[&last.0]).await.unwrap();
    let mut moves = Vec::new();
    for task in tasks {
        let node = node.clone();
        moves.push(tokio::spawn(
            async move { node.move_by(task.callback.id, completed(&task)).await },
        ));
    }
    let blocked = moves.pop().unwrap();
    for moved in moves {
        assert_eq!(moved.await.unwrap().unwrap().phase_name(), PhaseName::Terminated);
    }
    assert!(!blocked.is_finished());
    other.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(blocked.await.unwrap().unwrap().phase_name(), PhaseName::Terminated);
    database.remove().await;
}
