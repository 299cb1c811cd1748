//! The store on a real PostgreSQL.

#![expect(
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "what the tests' own helpers cannot do fails the test, or says why it could not run"
)]

mod basics;
mod commits;
mod crowd;
mod database;
mod erasing;
mod history;
mod line;
mod loss;
mod racing;
mod scene;
mod settled;
mod schema;
