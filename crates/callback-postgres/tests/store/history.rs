//! The ledger: whoever reads on from the last number misses nothing.

use callback_domain::id::AgentId;
use callback_engine::command::What;
use callback_engine::ledger::Subject;
use callback_engine::store::Store as _;
use serde_json::json;

use crate::database::Database;
use crate::scene::Node;

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_is_committed_late_is_not_skipped() {
    let Some(database) = Database::make().await else { return };
    let (slow, quick) = (Node::open(&database, 1).await, Node::open(&database, 2).await);
    let service = slow.service(1, json!({})).await;
    slow.agent(1, &[&service]).await;
    let second = slow.agent(2, &[&service]).await;
    slow.create(&service, json!({})).await.unwrap();
    slow.tick().await.unwrap();
    let before = quick.store.ledger(None, 0, 1_000).await.unwrap();
    let last = before.last().unwrap().sequence;

    // The slow transaction has written its lines and waits for an agent whom somebody holds.
    let other = database.client().await;
    other.batch_execute("BEGIN").await.unwrap();
    other.execute("SELECT FROM agents WHERE id = $1 FOR UPDATE", &[&second.0]).await.unwrap();
    let dispatch = What::Dispatch { services: vec![service.id], agents: vec![second], limit: 9 };
    let slow_one = slow.clone();
    let dispatched = tokio::spawn(async move { slow_one.run(dispatch).await });
    database.wait_for_a_waiter().await;

    let later = quick.create_pending(&service, json!({})).await.unwrap();
    let of_it = quick.store.ledger(Some(Subject::Callback(later.id)), 0, 9).await.unwrap();
    assert_eq!(of_it.len(), 1, "its own history shows it at once");
    let seen = quick.store.ledger(None, last, 1_000).await.unwrap();
    assert_eq!(seen, [], "nothing may be read past lines that are still to come");

    other.batch_execute("ROLLBACK").await.unwrap();
    dispatched.await.unwrap().unwrap();
    let seen = quick.store.ledger(None, last, 1_000).await.unwrap();
    assert_eq!(seen.last(), of_it.last());
    assert!(seen.len() > 1 && seen[0].sequence < of_it[0].sequence, "the late line is there");
    assert!(seen.is_sorted_by_key(|line| line.sequence));
    let whole = quick.store.ledger(None, 0, 1_000).await.unwrap();
    assert_eq!(whole, [before, seen].concat());
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_beside_many_writers_reads_every_line_once() {
    let Some(database) = Database::make().await else { return };
    let nodes = [Node::open(&database, 1).await, Node::open(&database, 2).await];
    let service = nodes[0].service(1, json!({})).await;
    let mut writers = tokio::task::JoinSet::new();
    for task in 0..12_usize {
        let (node, service) = (nodes[task % 2].clone(), service.clone());
        writers.spawn(async move {
            for _ in 0..12 {
                node.create(&service, json!({})).await.unwrap();
                node.tick().await.unwrap();
            }
        });
    }
    let mut read = Vec::new();
    let mut writing = true;
    while writing {
        writing = tokio::select! {
            biased;
            done = writers.join_next() => done.is_some(),
            () = std::future::ready(()) => true,
        };
        let after = read.last().map_or(0, |line: &callback_engine::ledger::Line| line.sequence);
        read.extend(nodes[0].store.ledger(None, after, 7).await.unwrap());
    }
    loop {
        let after = read.last().map_or(0, |line: &callback_engine::ledger::Line| line.sequence);
        let more = nodes[0].store.ledger(None, after, 100).await.unwrap();
        if more.is_empty() {
            break;
        }
        read.extend(more);
    }
    assert_eq!(read, nodes[1].store.ledger(None, 0, 100_000).await.unwrap());
    assert!(read.len() > 12 * 12);
    database.remove().await;
}

#[tokio::test]
async fn other_nodes_are_told_what_was_committed() {
    let Some(database) = Database::make().await else { return };
    let (teller, hearer) = (Node::open(&database, 1).await, Node::open(&database, 2).await);
    let mut heard = hearer.store.hints().unwrap();
    assert!(hearer.store.hints().is_none(), "there is one who hears");
    database.wait_for_listeners(2).await;
    let service = teller.service(1, json!({})).await;
    let agent = teller.agent(1, &[&service]).await;
    let mut told = heard.recv().await.unwrap();
    while !told.agents.contains(&agent) {
        told.merge(heard.recv().await.unwrap());
    }
    assert!(told.lines && told.services_edited && !told.survey);
    assert_ne!(agent, AgentId::from_u128(0));
    database.remove().await;
}
