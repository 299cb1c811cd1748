//! The store in memory keeps the contract.

use std::future::{Ready, ready};
use std::sync::Arc;

use callback_engine::clock::Clock;
use callback_engine::memory::MemoryStore;
use callback_engine::store::Store;
use uuid::Uuid;

fn open(clock: Arc<dyn Clock>) -> Ready<Arc<dyn Store>> {
    ready(Arc::new(MemoryStore::new(Uuid::from_u128(1), clock)))
}

callback_testkit::store_contract!(open);
