//! What is due is found although a process begins to look where it ended last.

use std::time::{Duration, Instant};

use callback_domain::callback::PhaseName;
use serde_json::json;
use tokio::time::sleep;

use crate::database::Database;
use crate::scene::Node;

/// Far longer than it takes until a look begins at the beginning.
const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn what_is_written_as_long_due_is_seen_at_once_by_who_wrote_it() {
    let Some(database) = Database::make().await else { return };
    let node = Node::open(&database, 1).await;
    let service = node.service(1, json!({})).await;
    assert_eq!(node.tick().await.unwrap(), 0);
    for line in 0..3 {
        let target = format!("tel:+4178555{line:04}");
        let more = json!({"Target": target, "DueDate": "2020-01-01T00:00:00Z"});
        node.create_pending(&service, more).await.unwrap();
        assert_eq!(node.tick().await.unwrap(), 1);
    }
    database.remove().await;
}

#[tokio::test]
async fn what_a_process_left_that_is_gone_is_found_by_another() {
    let Some(database) = Database::make().await else { return };
    let here = Node::open(&database, 1).await;
    let there = Node::open(&database, 2).await;
    let service = there.service(1, json!({})).await;
    assert_eq!(here.tick().await.unwrap(), 0);
    let past = json!({"DueDate": "2020-01-01T00:00:00Z"});
    let left = there.create_pending(&service, past).await.unwrap().id;
    drop(there);
    let began = Instant::now();
    while here.tick().await.unwrap() == 0 {
        assert!(began.elapsed() < PATIENCE, "nobody looks for it");
        sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(here.callback(left).await.phase_name(), PhaseName::InQueue);
    database.remove().await;
}
