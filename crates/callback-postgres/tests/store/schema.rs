//! The schema: made once, brought up to date by one of many, never taken from a newer program.

use std::time::Duration;

use callback_engine::store::Store as _;
use callback_postgres::{OpenError, Options, PostgresStore};

use crate::database::Database;

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_start_together_make_one_installation() {
    let Some(database) = Database::make().await else { return };
    let address = database.address();
    let starts = (0..6).map(|_| {
        let address = address.clone();
        tokio::spawn(async move { PostgresStore::connect(&address, Options::default()).await })
    });
    let mut installations = Vec::new();
    for start in starts.collect::<Vec<_>>() {
        installations.push(start.await.unwrap().unwrap().installation().await.unwrap());
    }
    installations.dedup();
    assert_eq!(installations.len(), 1);
    database.remove().await;
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let Some(database) = Database::make().await else { return };
    drop(PostgresStore::connect(&database.address(), Options::default()).await.unwrap());
    let client = database.client().await;
    client.batch_execute("UPDATE schema_version SET version = version + 1").await.unwrap();
    let refused = PostgresStore::connect(&database.address(), Options::default()).await;
    assert!(matches!(refused, Err(OpenError::NewerSchema { .. })), "{refused:?}");
    database.remove().await;
}

const PICKED: &str = "INSERT INTO passes (service, ahead, floors, horizon) \
    VALUES (gen_random_uuid(), '', array_fill(now(), ARRAY[9]), \
        pg_snapshot_xmin(pg_current_snapshot()))";

#[tokio::test]
async fn a_node_starts_while_others_pick() {
    let Some(database) = Database::make().await else { return };
    drop(PostgresStore::connect(&database.address(), Options::default()).await.unwrap());
    let client = database.client().await;
    client.batch_execute(PICKED).await.unwrap();
    client.batch_execute("BEGIN; SELECT FROM passes FOR UPDATE").await.unwrap();
    let address = database.address();
    let start = PostgresStore::connect(&address, Options::default());
    let started = tokio::time::timeout(Duration::from_secs(30), start).await;
    drop(started.expect("it waits for nobody").unwrap());
    client.batch_execute("COMMIT").await.unwrap();
    let kept = client.query_one("SELECT floors IS NOT NULL FROM passes", &[]).await.unwrap();
    assert!(kept.get::<_, bool>(0), "floors that hold are kept");
    database.remove().await;
}

#[tokio::test]
async fn floors_of_another_server_are_forgotten() {
    let Some(database) = Database::make().await else { return };
    drop(PostgresStore::connect(&database.address(), Options::default()).await.unwrap());
    let client = database.client().await;
    client.batch_execute(PICKED).await.unwrap();
    let ahead = "UPDATE passes SET horizon = '4611686018427387904'";
    client.batch_execute(ahead).await.unwrap();
    drop(PostgresStore::connect(&database.address(), Options::default()).await.unwrap());
    let left = client.query_one("SELECT count(floors) FROM passes", &[]).await.unwrap();
    assert_eq!(left.get::<_, i64>(0), 0);
    database.remove().await;
}
