//! Moves callbacks through time.
//!
//! **For each event: step, store, then perform the effects.**
//!
//! The domain decides, a [`Store`](store::Store) keeps, and the [`Engine`] carries out: it turns what
//! callers want into [`Command`](command::Command)s, has the store run each in one transaction,
//! and only after the commit tells drivers and sleepers.

pub mod engine;
pub mod command;
pub mod commits;
pub mod dialer;
pub mod store;
pub mod remembered;
pub mod bulk;
pub mod erasure;
pub mod work;
pub mod memory;
pub mod simulator;
pub mod ledger;
pub mod hint;
pub mod route;
pub mod suppression;
pub mod access;
pub mod webhook;
pub mod insight;
pub mod intervals;
pub mod transfer;
pub mod clock;
pub mod mint;
pub mod error;

pub use engine::{Engine, Parts, Running};
pub use error::Error;
