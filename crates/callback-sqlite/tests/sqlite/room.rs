//! A disk without room.

use callback_domain::priority::Priority;
use callback_domain::search::Query;
use callback_engine::command::What;
use callback_engine::error::Error;
use callback_engine::store::{Store as _, StoreError};

use crate::floor::{Floor, wish};

#[tokio::test]
async fn a_full_disk_loses_nothing_leaves_nothing_half_done_and_recovers() {
    let floor = Floor::open();
    let service = floor.service().await;
    floor.store.limit_pages(80).await.expect("it is limited");
    let mut made = 0;
    let refused = loop {
        let create = wish(made + 1, service, Priority::Normal);
        match floor.run(What::Create(Box::new(create))).await {
            Ok(_) => made += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, Error::Store(StoreError::Full { .. })), "{refused}");
    let fault = floor.store.fault().expect("it is full");
    assert!(fault.contains("no room left"), "{fault}");
    assert_eq!(floor.store.count(&Query::default()).await.map(u128::from), Ok(made));
    let lines = floor.store.ledger(None, 0, usize::MAX).await.expect("the ledger is read");
    assert_eq!(lines.len() as u128, made + 1, "one line for each callback, one for the service");

    floor.store.limit_pages(100_000).await.expect("it is limited");
    let create = wish(made + 1, service, Priority::Normal);
    floor.run(What::Create(Box::new(create))).await.expect("there is room again");
    assert_eq!(floor.store.fault(), None);
    let floor = floor.reopen();
    assert_eq!(floor.store.count(&Query::default()).await.map(u128::from), Ok(made + 1));
}
