//! The console through its router: what a browser is answered, and who is let in.

#![expect(clippy::unwrap_used, reason = "a test that panics fails")]

mod harness;
mod sign_in;
mod forms;
mod board;
mod desk;
mod setup;
mod supervisor;
mod hostile;
mod live;
