//! The store in one SQLite file keeps the contract of every store.

use std::future::{Ready, ready};
use std::sync::Arc;

use callback_engine::clock::Clock;
use callback_engine::store::Store;
use callback_sqlite::{Options, SqliteStore};
use tempfile::TempDir;

/// A store in a directory of its own, which on Unix may go while the file in it is open.
fn open(clock: Arc<dyn Clock>) -> Ready<Arc<dyn Store>> {
    let directory = TempDir::new().expect("a directory is made");
    let file = directory.path().join("callback.db");
    let store = SqliteStore::open(file, Options::new(clock)).expect("the store opens");
    ready(Arc::new(store))
}

callback_testkit::store_contract!(open);
