//! What was erased is in no row of any table.

use callback_engine::command::What;
use callback_engine::erasure::Step;
use callback_engine::store::{Idempotency, Store as _};
use serde_json::json;
use uuid::Uuid;

use crate::database::Database;
use crate::scene::Node;

async fn rows_with(database: &Database, digits: &str) -> Vec<String> {
    let client = database.client().await;
    let tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'";
    let mut found = Vec::new();
    for row in client.query(tables, &[]).await.unwrap() {
        let table: String = row.get(0);
        let rows = format!("SELECT rows::text FROM {table} AS rows");
        for row in client.query(&rows, &[]).await.unwrap() {
            let text: String = row.get(0);
            if text.contains(digits) {
                found.push(format!("{table}: {text}"));
            }
        }
    }
    found
}

#[tokio::test]
async fn what_was_erased_is_in_no_row() {
    const DIGITS: &str = "41785556677";
    let Some(database) = Database::make().await else { return };
    let node = Node::open(&database, 1).await;
    let service = node.service(1, json!({})).await;
    let (mut ids, mut key) = (Vec::new(), None);
    for number in 0..5 {
        let idempotency = Some(Idempotency {
            principal: "shop".to_owned(),
            key: format!("order-{number}"),
            body_hash: Vec::new(),
        });
        let made = node.create_once(&service, json!({}), idempotency).await.unwrap();
        key = Some(made.key());
        ids.push(made.id);
    }
    node.tick().await.unwrap();
    assert!(rows_with(&database, DIGITS).await.len() >= 10);
    let key = key.unwrap();
    let steps = [
        Step::Callbacks(ids),
        Step::Answers { after: None, limit: 100 },
        Step::Line { id: Uuid::from_u128(1), suppressions: Vec::new(), callbacks: 5 },
    ];
    for step in steps {
        let what = What::Erase { key: key.clone(), step: Box::new(step) };
        node.run(what).await.unwrap();
    }
    assert_eq!(rows_with(&database, DIGITS).await, Vec::<String>::new());
    assert!(node.store.fault().is_none());
    database.remove().await;
}
