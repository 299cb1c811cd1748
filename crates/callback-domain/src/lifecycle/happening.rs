//! What a step was: the words of the ledger, each named in one place.

use serde::{Deserialize, Serialize};

macro_rules! happenings {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// What a step was, for the ledger.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Happening { $($(#[$doc])* $name),+ }

        impl Happening {
            /// Every happening.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The name on the wire.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),+ }
            }
        }
    };
}

happenings! {
    /// It was made.
    Created,
    /// It came due and entered the queue.
    Queued,
    /// It came due while the service was closed.
    Postponed,
    /// Its allowed wait was used up.
    WaitExceeded,
    /// It may be offered again after a failed attempt.
    BackOffEnded,
    /// It is open to all agents.
    HoldEnded,
    /// An agent was asked.
    Offered,
    /// The agent took it.
    Accepted,
    /// The agent declined it.
    Declined,
    /// The agent did not answer the offer.
    OfferMissed,
    /// The agent or dialler was lost.
    LeaseLost,
    /// The call was requested.
    Dialled,
    /// The service closed before the call was placed.
    ClosedBeforeDial,
    /// It was taken back from the agent, since the line may not be called.
    Withdrawn,
    /// The agent's phone was answered.
    AgentAnswered,
    /// They speak.
    Connected,
    /// The attempt came to its end.
    AttemptEnded,
    /// The agent hung up.
    HungUp,
    /// It was cancelled.
    Cancelled,
    /// The customer was helped in another way.
    FulfilledElsewhere,
    /// Members were changed.
    Edited,
}
