//! Identities: one newtype for each noun, so that two of them are never mixed up.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// Builds an identity from its number; tests and seeds use it.
            #[must_use]
            pub const fn from_u128(number: u128) -> Self {
                Self(Uuid::from_u128(number))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::from_str(text).map(Self)
            }
        }
    )+};
}

ids! {
    /// A callback.
    CallbackId,
    /// A contact-centre service: a hotline with a SIP address.
    ServiceId,
    /// An agent or supervisor.
    AgentId,
    /// One attempt to reach the customer.
    AttemptId,
    /// A running process of the service.
    NodeId,
    /// A subscription to events.
    WebhookId,
    /// One event on its way to one subscriber.
    DeliveryId,
    /// An access key.
    KeyId,
    /// The proof that a task was handed to whoever shows it; never logged, never in the ledger.
    LeaseToken,
}
