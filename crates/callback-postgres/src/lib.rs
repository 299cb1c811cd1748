//! The store on PostgreSQL: any number of processes share one database, and none of them leads.
//!
//! Commands run in transactions of the writers, each on a connection of its own;
//! creations that wait at the same time share a transaction.
//! Locks make several nodes do what one would; hints wake the others early, and polling
//! makes up for hints that are lost.
//! Time is the database's, read once at the beginning of each transaction, so that the clocks of
//! nodes need not agree.
//! The ledger is numbered so that its readers never skip a line, however late it is committed.

mod options;
mod store;
mod writer;
mod jobs;
mod rows;
mod transfer;
mod locks;
mod ledger;
mod search;
mod intervals;
mod hints;
mod snapshots;
mod settled;
mod connection;
mod failure;
mod fate;
mod glance;
mod records;
mod migrations;

pub use options::{OpenError, Options};
pub use store::PostgresStore;
pub use transfer::PostgresEndpoint;

#[cfg(test)]
#[path = "../tests/store/database.rs"]
#[expect(dead_code, reason = "the other tests use more of it")]
mod database;
#[cfg(test)]
mod plans;
