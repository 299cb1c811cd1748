//! The contract of all stores, on a real PostgreSQL.

#[path = "store/database.rs"]
#[expect(
    dead_code,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "it is the other tests' own, who use more of it; what it cannot do fails the test"
)]
mod database;

use std::sync::Arc;

use callback_engine::clock::Clock;
use callback_engine::memory::MemoryStore;
use callback_engine::store::Store;
use callback_postgres::{Options, PostgresStore};
use uuid::Uuid;

use crate::database::Database;

async fn open(clock: Arc<dyn Clock>) -> Arc<dyn Store> {
    let Some(database) = Database::make().await else {
        // The test has been noted as skipped; the contract has no words for it.
        return Arc::new(MemoryStore::new(Uuid::from_u128(1), clock));
    };
    let address = database.address();
    let store = PostgresStore::connect_with_clock(&address, Options::default(), clock);
    Arc::new(store.await.expect("the server is there"))
}

callback_testkit::store_contract!(open);
