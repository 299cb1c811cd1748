//! The connection breaks during a commit: what was committed is not done again, what was not is.

use callback_domain::id::CallbackId;
use callback_domain::search::Query;
use callback_engine::Error;
use callback_engine::command::What;
use callback_engine::ledger::Subject;
use callback_engine::store::{Store as _, StoreError};
use callback_postgres::Options;
use serde_json::json;
use tokio::task::JoinSet;

use crate::database::Database;
use crate::line::{Line, Lost};
use crate::scene::Node;

async fn times_created(node: &Node, callback: CallbackId) -> usize {
    let lines = node.store.ledger(Some(Subject::Callback(callback)), 0, 100).await.unwrap();
    lines.iter().filter(|line| line.what == "Created").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_is_not_heard_of_happens_once() {
    let Some(database) = Database::make().await else { return };
    let (line, address) = Line::to(&database.address()).await;
    let node = Node::open_at(&address, 1, Options::default()).await;
    let service = node.service(1, json!({})).await;
    for (made, lost) in [(1, Lost::Answer), (2, Lost::Commit)] {
        line.break_at_commit(0, lost);
        let callback = node.create(&service, json!({})).await.unwrap();
        assert!(line.has_broken());
        assert_eq!(times_created(&node, callback.id).await, 1, "{lost:?}");
        assert_eq!(node.store.count(&Query::default()).await.unwrap(), made);
    }
    database.remove().await;
}

/// One thread, so that all who ask have asked when they are let.
#[tokio::test]
async fn a_commit_of_many_that_is_not_heard_of_happens_once() {
    const TOGETHER: usize = 15;
    let Some(database) = Database::make().await else { return };
    let (line, address) = Line::to(&database.address()).await;
    let node = Node::open_at(&address, 1, Options::default()).await;
    let service = node.service(1, json!({})).await;
    let holder = database.client().await;
    for (made, lost) in [(1 + TOGETHER, Lost::Answer), (2 + 2 * TOGETHER, Lost::Commit)] {
        node.store.now().await.unwrap();
        holder.batch_execute("BEGIN; LOCK TABLE services").await.unwrap();
        let create = || {
            let (node, service) = (node.clone(), service.clone());
            async move { node.create(&service, json!({})).await }
        };
        let first = tokio::spawn(create());
        database.wait_for_a_waiter().await;
        let mut others = JoinSet::new();
        for _ in 0..TOGETHER {
            others.spawn(create());
        }
        tokio::task::yield_now().await;
        line.break_at_commit(1, lost);
        holder.batch_execute("COMMIT").await.unwrap();
        first.await.unwrap().unwrap();
        for created in others.join_all().await {
            let id = created.unwrap().id;
            assert_eq!(times_created(&node, id).await, 1, "{lost:?}");
        }
        assert!(line.has_broken());
        assert_eq!(node.store.count(&Query::default()).await.unwrap(), made as u64);
    }
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_leaves_no_line_in_the_ledger_is_answered_as_unknown() {
    let Some(database) = Database::make().await else { return };
    let (line, address) = Line::to(&database.address()).await;
    let node = Node::open_at(&address, 1, Options::default()).await;
    line.break_at_commit(0, Lost::Answer);
    let renewed = node.run(What::Renew { attempts: Vec::new() }).await;
    assert!(line.has_broken());
    assert!(matches!(renewed, Err(Error::Store(StoreError::Unavailable { .. }))), "{renewed:?}");
    node.run(What::Renew { attempts: Vec::new() }).await.unwrap();
    database.remove().await;
}
