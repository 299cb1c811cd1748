//! The database goes away and comes back; nothing here has to be restarted.

use callback_domain::search::Query;
use callback_engine::Error;
use callback_engine::store::{Store as _, StoreError};
use callback_postgres::{OpenError, Options, PostgresStore};
use serde_json::json;

use crate::database::Database;
use crate::scene::Node;

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_database_is_an_error_and_a_fault_until_it_is_back() {
    let Some(database) = Database::make().await else { return };
    let node = Node::open(&database, 1).await;
    let service = node.service(1, json!({})).await;
    node.create(&service, json!({})).await.unwrap();
    assert_eq!(node.store.fault(), None);

    database.shut().await;
    let failed = node.create(&service, json!({})).await;
    assert!(matches!(failed, Err(Error::Store(StoreError::Unavailable { .. }))), "{failed:?}");
    assert!(node.store.count(&Query::default()).await.is_err());
    assert!(node.store.fault().is_some());

    database.open().await;
    let is_back = async || node.store.count(&Query::default()).await.is_ok();
    while !is_back().await || node.store.fault().is_some() {
        tokio::task::yield_now().await;
    }
    node.create(&service, json!({})).await.unwrap();
    assert_eq!(node.store.count(&Query::default()).await.unwrap(), 2);
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_died_while_idle_are_replaced_unnoticed() {
    let Some(database) = Database::make().await else { return };
    let node = Node::open(&database, 1).await;
    let service = node.service(1, json!({})).await;
    for _ in 0..4 {
        database.cut_all().await;
        node.create(&service, json!({})).await.unwrap();
        node.tick().await.unwrap();
    }
    assert_eq!(node.store.count(&Query::default()).await.unwrap(), 4);
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_while_connections_were_cut_is_there_once() {
    let Some(database) = Database::make().await else { return };
    let node = Node::open(&database, 1).await;
    let service = node.service(1, json!({})).await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (node, service) = (node.clone(), service.clone());
        tasks.spawn(async move {
            let mut made = Vec::new();
            for _ in 0..20 {
                made.extend(node.create(&service, json!({})).await.ok().map(|made| made.id));
            }
            made
        });
    }
    let mut acknowledged = Vec::new();
    while let Some(made) = {
        database.cut_all().await;
        tasks.join_next().await
    } {
        acknowledged.extend(made.unwrap());
    }
    while node.store.now().await.is_err() {
        tokio::task::yield_now().await;
    }
    for id in &acknowledged {
        assert!(node.store.callback(*id).await.unwrap().is_some(), "{id} is gone");
    }
    assert!(!acknowledged.is_empty());
    database.remove().await;
}

#[tokio::test]
async fn encryption_that_is_not_there_is_refused_and_not_left_out() {
    let address = "postgres://somebody@127.0.0.1:1/nothing?sslmode=require";
    let refused = PostgresStore::connect(address, Options::default()).await;
    assert!(matches!(refused, Err(OpenError::TlsUnsupported)));
}
