//! The wire: requests are read from JSON here, answers are written to it.
//!
//! A request is read whole before it is judged, so that every problem of it is reported at once.
//! An explicit `null` means absent, nothing is coerced, and an unknown member is a problem.

#![expect(
    clippy::module_name_repetitions,
    reason = "the wire calls it CallbackDto, and the suffix tells each shape from the noun it shows"
)]

mod attempt;
mod bulk;
mod callback;
mod create;
mod date;
mod erasure;
mod key;
mod members;
mod moves;
mod nearest;
mod patch;
mod problem;
mod resolution;
mod search;
mod service;
mod suppression;
mod user;
mod value;
mod webhook;

pub use attempt::AttemptDto;
pub use bulk::{BatchRequest, BulkCancelRequest, Transaction};
pub use callback::{CallbackDto, TaskDto};
pub use create::{CreateRequest, ServiceRef};
pub use erasure::ErasureRequest;
pub use key::{KeyRequest, Role};
pub use moves::{CancelReason, CancelRequest, MoveRequest, OutcomeRequest, PresenceRequest};
pub use patch::PatchRequest;
pub use problem::{Problem, Problems};
pub use search::{AgentRef, SearchRequest, SortOrder};
pub use service::ServiceRequest;
pub use suppression::SuppressionRequest;
pub use user::{UserDto, UserRequest};
pub use webhook::{ReplayRequest, WebhookRequest};
