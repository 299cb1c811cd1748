//! The API as its callers see it: requests in, answers out, through the router.

#![expect(clippy::unwrap_used, reason = "a test that panics fails")]

mod access;
mod bulk;
mod conditions;
mod creation;
mod document;
mod erasures;
mod events;
mod failures;
mod floor;
mod harness;
mod hostile;
mod keys;
mod limits;
mod log;
mod metrics;
mod oidc;
mod once;
mod operation;
mod search;
mod services;
mod suppressions;
mod use_case;
mod users;
mod webhooks;
