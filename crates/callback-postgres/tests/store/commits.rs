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
        line.break_at_commit(lost);
        let callback = node.create(&service, json!({})).await.unwrap();
        assert!(line.has_broken());
        assert_eq!(times_created(&node, callback.id).await, 1, "{lost:?}");
        assert_eq!(node.store.count(&Query::default()).await.unwrap(), made);
    }
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_of_many_that_is_not_heard_of_happens_once() {
    let Some(database) = Database::make().await else { return };
    let (line, address) = Line::to(&database.address()).await;
    let node = Node::open_at(&address, 1, Options::default()).await;
    let service = node.service(1, json!({})).await;
    for (made, lost) in [(16, Lost::Answer), (32, Lost::Commit)] {
        line.break_at_commit(lost);
        let mut creations = JoinSet::new();
        for _ in 0..16 {
            let (node, service) = (node.clone(), service.clone());
            creations.spawn(async move { node.create(&service, json!({})).await });
        }
        for created in creations.join_all().await {
            assert_eq!(times_created(&node, created.unwrap().id).await, 1, "{lost:?}");
        }
        assert!(line.has_broken());
        assert_eq!(node.store.count(&Query::default()).await.unwrap(), made);
    }
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_leaves_no_line_in_the_ledger_is_answered_as_unknown() {
    let Some(database) = Database::make().await else { return };
    let (line, address) = Line::to(&database.address()).await;
    let node = Node::open_at(&address, 1, Options::default()).await;
    line.break_at_commit(Lost::Answer);
    let renewed = node.run(What::Renew { attempts: Vec::new() }).await;
    assert!(line.has_broken());
    assert!(matches!(renewed, Err(Error::Store(StoreError::Unavailable { .. }))), "{renewed:?}");
    node.run(What::Renew { attempts: Vec::new() }).await.unwrap();
    database.remove().await;
}
