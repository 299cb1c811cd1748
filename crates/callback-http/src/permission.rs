//! What a route needs, and which roles have it: the one table of who may do what.

use callback_engine::access::Role;

/// What somebody must be allowed to do, to be let through to a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// Nothing: anybody may, without a key.
    Open,
    /// To make, find, change and cancel callbacks.
    UseCallbacks,
    /// To read a callback with its attempts, history and explanation; agents, that of their task.
    ReadCallback,
    /// To move a task; agents, their own.
    MoveTask,
    /// To read services; agents, those they belong to.
    ReadServices,
    /// To see how queues stand.
    ReadQueues,
    /// To follow the events.
    FollowEvents,
    /// To list users.
    ListUsers,
    /// To look after a user, with their presence and task; agents, themselves.
    TendUser,
    /// To take the next task; agents, theirs.
    TakeNext,
    /// To read and change the suppression list.
    Suppress,
    /// To read the figures of the installation.
    ReadFigures,
    /// To set up services, users and keys.
    Administer,
}

impl Permission {
    /// The roles that have it.
    #[must_use]
    pub const fn roles(self) -> &'static [Role] {
        use Role::{Admin, Agent, Integrator, Supervisor};
        match self {
            Self::Open | Self::ReadCallback | Self::ReadServices => {
                &[Integrator, Agent, Supervisor, Admin]
            }
            Self::UseCallbacks | Self::ReadQueues | Self::FollowEvents => {
                &[Integrator, Supervisor, Admin]
            }
            Self::TendUser => &[Agent, Supervisor, Admin],
            Self::MoveTask | Self::TakeNext => &[Agent, Admin],
            Self::ListUsers | Self::Suppress | Self::ReadFigures => &[Supervisor, Admin],
            Self::Administer => &[Admin],
        }
    }
}
