//! The edge of the service over real connections: encryption, time limits, who stands in front.

#![expect(clippy::unwrap_used, reason = "a test that panics fails")]

mod connections;
mod harness;
mod tls;
