//! Why the engine did not do what it was asked.

use callback_domain::dto::Problems;
use callback_domain::id::{CallbackId, ServiceId};
use callback_domain::lifecycle::Refused;

use crate::store::StoreError;

/// Why a use case was not carried out; nothing was changed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// The request has problems, all of them named.
    #[error("{0}")]
    Invalid(Problems),
    /// There is no such callback, or it is already gone.
    #[error("there is no callback {0}")]
    CallbackNotFound(String),
    /// There is no such service.
    #[error("there is no service {0}")]
    ServiceNotFound(String),
    /// There is no such user.
    #[error("there is no user {0}")]
    UserNotFound(String),
    /// There is no such entry of the suppression list.
    #[error("there is no suppression {0}")]
    SuppressionNotFound(String),
    /// There is no such subscription.
    #[error("there is no webhook {0}")]
    WebhookNotFound(String),
    /// There is no such delivery, or none any more.
    #[error("there is no delivery {0}")]
    DeliveryNotFound(String),
    /// The subscription takes nothing at present.
    #[error("webhook {0} is disabled")]
    WebhookDisabled(String),
    /// There are as many subscriptions as are allowed.
    #[error("there are {0} webhooks, and no more are allowed")]
    TooManyWebhooks(usize),
    /// There is no such access key.
    #[error("there is no key {0}")]
    KeyNotFound(String),
    /// The first key of an administrator was asked for, and there is one.
    #[error("there is an active key of an administrator already")]
    AdminKeyExists,
    /// The service is none of those that the caller has to do with.
    #[error("service {0} is out of reach for this key")]
    OutOfScope(ServiceId),
    /// The service places no calls.
    #[error("service {0} places no calls: its direction is Inbound or its cap of sessions is 0")]
    ServiceNotOutbound(ServiceId),
    /// The service already has a callback for this target.
    #[error("callback {0} for the same target is not terminated")]
    DuplicateCallback(CallbackId),
    /// The target must not be called.
    #[error("the target is on the suppression list{}", reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default())]
    TargetSuppressed {
        /// Why, as the list says.
        reason: Option<String>,
    },
    /// The service has as many callbacks waiting as it allows.
    #[error("service {service} has its limit of {limit} callbacks pending or queued")]
    QueueFull {
        /// Which service.
        service: ServiceId,
        /// Its limit.
        limit: u32,
    },
    /// The callback's phase does not allow it.
    #[error("{0}")]
    Refused(Refused),
    /// The version is not the one that was asked for.
    #[error("the version is {current} and not the one asked for")]
    StaleVersion {
        /// The version stored.
        current: u64,
    },
    /// Callbacks or a task still depend on it.
    #[error("{what} is in use: {why}")]
    InUse {
        /// Which service or user.
        what: String,
        /// By what.
        why: &'static str,
    },
    /// The address is another one's already.
    #[error("the address {0} is taken")]
    AddressTaken(String),
    /// The idempotency key was used with another body.
    #[error("the idempotency key was used with another body")]
    IdempotencyKeyReused,
    /// It was done already under this idempotency key, and the secret of it was shown then.
    #[error("{0} was made under this idempotency key, and its secret is shown only once")]
    SecretShown(String),
    /// Items are in the way of a batch that is made whole or not at all.
    #[error("{} of the items cannot be made, so none was", .0.len())]
    BatchRefused(Vec<(usize, Self)>),
    /// A search finds another number than was expected.
    #[error("{found} callbacks are found and not {expected}")]
    CountMismatch {
        /// How many it finds.
        found: u64,
        /// How many were expected.
        expected: u32,
    },
    /// The service was edited while the request was checked; checking again helps.
    #[error("service {0} was edited meanwhile")]
    ServiceChanged(ServiceId),
    /// The store could not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}
