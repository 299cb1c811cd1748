//! The suppression list: lines that must not be called.

use callback_domain::date::Instant;
use callback_domain::id::ServiceId;
use callback_domain::target::TargetKey;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A line that must not be called, by one service or by all, until an instant or for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Suppression {
    /// Its number, rising; 0 until the store gives one.
    #[serde(skip)]
    pub sequence: u64,
    /// Its identity.
    pub id: Uuid,
    /// Whose line it is.
    pub key: TargetKey,
    /// The service it holds for; `None` is all.
    pub service_id: Option<ServiceId>,
    /// Why, in words.
    pub reason: Option<String>,
    /// When it ends; `None` is never.
    pub until: Option<Instant>,
    /// When it was made.
    pub created_at: Instant,
}

impl Suppression {
    /// Whether it holds for a service at an instant.
    #[must_use]
    pub fn holds(&self, service: ServiceId, at: Instant) -> bool {
        self.service_id.is_none_or(|only| only == service)
            && self.until.is_none_or(|until| until > at)
    }
}
