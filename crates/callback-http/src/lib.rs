//! The HTTP API: requests are read, run by the engine, and answered as JSON.
//!
//! Every failure, the framework's own included, has the one body of `problem`.

#![deny(missing_docs)]

mod router;
mod serve;
mod routes;
mod permission;
mod access;
mod origin;
mod within;
mod changes;
mod address;
mod limits;
mod oidc;
mod shield;
mod request;
mod callbacks;
mod search;
mod bulk;
mod erasures;
mod moves;
mod history;
mod services;
mod users;
mod suppressions;
mod keys;
mod webhooks;
mod events;
mod tail;
mod metrics;
mod health;
mod document;
mod answer;
mod body;
mod path;
mod parameters;
mod headers;
mod etag;
mod problem;

pub use changes::{Change, Changes};
pub use document::openapi_document;
pub use ipnet::IpNet;
pub use limits::{Rate, RateLimits};
pub use oidc::{KeySource, Oidc, OidcError, OidcOptions};
pub use permission::Permission;
pub use router::{Options, router, router_with};
pub use search::Glance;
pub use serve::{CONNECTIONS, Certificates, Front, TlsError, serve, serve_behind};
pub use webhooks::{Limits, Networks, Sender, SenderError, Tally, Webhooks};
pub use within::{Door, Within};
