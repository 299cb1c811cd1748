//! Bugs that can be planted, so that each invariant is seen to catch one.

/// A bug between the engine and its rows, or between a commit and its effects.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub enum Sabotage {
    /// Some created callbacks are not written.
    LoseCreate,
    /// Termination is not written.
    ForgetTermination,
    /// Used retries are not written.
    ForgetRetries,
    /// A customer's line is never taken.
    ForgetClaim,
    /// A key's gates are always open.
    OpenEveryGate,
    /// Tasks of agents are not written.
    ForgetTask,
    /// A due date in the future is taken as now.
    DueAtOnce,
    /// The pause after a failed attempt is not written.
    ForgetBackOff,
    /// Every service is always open.
    IgnoreHours,
    /// Orders to stop are not written.
    ForgetStop,
    /// The preferred agent's hold is not written.
    ForgetHold,
    /// Passes are not written.
    ForgetPasses,
    /// The ledger shows lease tokens.
    LeakToken,
    /// Every attempt is given to the driver twice.
    StartTwice,
    /// Nobody is told that something became ready.
    SleepOn,
    /// The clock's deadlines are not told to the driver.
    ForgetDeadlines,
}
