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
//! Commands of one kind that wait together run as a batch, in one transaction, which takes the
//! locks of all of them before it runs the first; so does a command that comes alone.
//!
//! | Batch | Locks, in this order |
//! | --- | --- |
//! | changes: creations, moves and reports | the shape; the lines of the callbacks and attempts, and those on which one enters the queue, in the order of keys; the agents who have these callbacks, in the order of ids; then, one creation after the other, what remembers it, counts or looks for duplicates |
//! | agents who take tasks | the shape; the queues of all their services, in the order of ids; the agents, in the order of ids; the lines of what the policy will pick, in the order of keys |
//! | a round of offers, always alone | the shape; the queues of all services that its agents share, in the order of ids; then each agent and line as it goes |
//! | what the clock moves, always alone | the shape; lines and agents with `try` or SKIP LOCKED, so that nodes share the work |
//!
//! So two batches of one kind never wait for each other in a ring, on one node or on several.
//! On one node agents who take tasks go in one batch at a time, since a second one would wait for
//! the queues of the first; of changes two may be under way.
//!
//! Moves go from lines to agents and takers from agents to lines, but rarely to the same ones:
//! moves lock agents who have a task and lines of callbacks in hand, takers lock agents who are
//! free and lines that nobody has.
//! An agent who asks again for the task in hand while it ends meets both.
//! What such rings are left is found by the database's deadlock detection; that transaction is
//! rolled back, and a batch is taken apart: each of its commands runs again by itself.
//!
//! Where a lock is not enough, a write says what it has read, and runs again with its transaction
//! if that is gone: a callback is written over the version that was read, a claim only over one of
//! the same callback, and a route only over the standing that was read.
//! A head is read before its line is locked and may be gone by then; the pick goes on without it,
//! or runs again when it was the only one.
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
