//! The schema: made once, brought up to date by one of many, never taken from a newer program.

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
