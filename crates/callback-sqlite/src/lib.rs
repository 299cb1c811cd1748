//! The embedded store: an installation in one SQLite file.
//!
//! One thread writes; commands that wait are committed together, and each is answered after the
//! commit that holds it.
//! Readers have connections of their own and never block the writer.
//! What a command means is the engine's business; here rows are kept, and nothing is decided.

mod store;
mod options;
mod writer;
mod health;
mod readers;
mod recent;
mod search;
mod intervals;
mod rows;
mod transfer;
mod schema;
mod connect;
mod sql;
#[cfg(test)]
mod plans;
mod error;

pub use error::OpenError;
pub use options::Options;
pub use store::SqliteStore;
pub use transfer::SqliteEndpoint;
