//! What transactions of several nodes lock, so that together they do what one node would do.
//!
//! Transactions are READ COMMITTED: a statement sees whatever was committed before it began.
//! So a statement that decides something comes after a statement that has locked what it decides
//! about, and the lock stands until the commit.
//!
//! | Lock | Taken by | Keeps out |
//! | --- | --- | --- |
//! | the installation's shape, shared or exclusive | every write, shared, first of all; edits of services and users, and new keys, exclusive | a creation under a service that is just being edited or deleted, an assignment that ends while it is used, an address that is taken twice |
//! | a service's row of `passes` | the dispatcher and pulling agents, before they look at its heads | two picks of one head, a cap of sessions that is passed together |
//! | an agent's row | whoever reads an agent to change it | two tasks for one agent |
//! | a key's row | whoever revokes it or notes its use | a note that undoes a revocation |
//! | a customer's line, by the hash of its key | whoever moves a callback or an attempt of that line, or reads its claim, duplicates or gate to decide | two holders of one line, siblings that are both the front of their group, a move of a row that has moved on |
//! | an idempotency key, by its hash | creations under it | two of a thing for one key |
//! | the turn to tidy, tried | whoever removes what is old; others do not | two who remove the same |
//! | the length of a service's queue | creations, where the service limits it | a limit that is passed together |
//! | the row of `outbox` | whoever hands the ledger out to webhooks; others pass by | a line that is handed out twice, or out of order |
//! | the deliveries of a webhook and subject, by hash | whoever adds one or settles one | one that nobody promotes when the one before it is settled |
//! | a delivery's row | whoever sends it, with SKIP LOCKED, or settles it | two senders of one delivery |
//! | a webhook's row, against deletion or against changes | whoever hands out; whoever edits or disables it | deliveries of a webhook that is no more |
//!
//! All but rows are transaction-scoped advisory locks: they write nothing, and go with the
//! transaction however it ends.
//! A line's lock stands for all rows of that line, so callbacks and attempts need none of their own;
//! a callback whose target was edited while its lock was awaited is read again under its new line.
//!
//! Locks are taken in the order of the table where that is possible: the dispatcher locks the
//! queues of all services that its agents share, sorted, before it looks at any of them, and what
//! the clock moves is taken with `try` or SKIP LOCKED, so that nodes share the work.
//! A move locks its line before it knows the agent, and so against the order; the dispatcher only
//! locks agents who are free and lines that nobody has, which moves do not.
//! What is left is found by the database's deadlock detection, and that transaction runs again.
//!
//! A head is read before its line is locked and may be gone by then; the store notices that and
//! runs the command again.
//! The standing of a route is read without a lock, as every offer does, and written only if it is
//! still what was read.

/// Edits of the schema.
pub(crate) const SCHEMA: i32 = 0x0CB0_0000;

/// `pg_advisory_xact_lock(class, number)` in SQL, where the class tells the kinds apart.
macro_rules! class {
    (shape) => {
        "212860929"
    };
    (line) => {
        "212860930"
    };
    (idempotency) => {
        "212860931"
    };
    (queue_length) => {
        "212860932"
    };
    (deliveries) => {
        "212860933"
    };
    (tidying) => {
        "212860934"
    };
}
pub(crate) use class;
