-- Identities are 16 bytes, instants are microseconds since 1970, levels are 0 (StrictPriority) to 8.

CREATE TABLE installation (
    id BLOB NOT NULL
) STRICT;

-- Where a copy into this file came from, and how far it has come; empty when there was none.
CREATE TABLE transfer (
    one      INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    progress TEXT NOT NULL
) STRICT;

-- Rows are wide, so they lie in a rowid table: a clustered index of such rows would be deep.
CREATE TABLE callbacks (
    id                       BLOB NOT NULL PRIMARY KEY,
    creator                  TEXT NOT NULL,
    initiator                TEXT,
    initiating_session_id    TEXT,
    service                  BLOB NOT NULL,
    target                   TEXT NOT NULL,
    alternative_target       TEXT,
    level                    INTEGER NOT NULL,
    max_retries              INTEGER NOT NULL,
    seconds_between_retries  INTEGER NOT NULL,
    due                      INTEGER NOT NULL,
    due_set_at               INTEGER NOT NULL,
    description              TEXT,
    external_task_id         TEXT,
    incoming_service_sip_uri TEXT,
    context_url              TEXT,
    supervisor               TEXT,
    caller_id                TEXT,
    preferred_sip_uri        TEXT,
    preferred_agent          BLOB,
    hold_used_micros         INTEGER NOT NULL,
    allowed_wait_seconds     INTEGER NOT NULL,
    retry_count              INTEGER NOT NULL,
    attempts                 INTEGER NOT NULL,
    dialouts                 INTEGER NOT NULL,
    failures                 INTEGER NOT NULL,
    phase                    TEXT NOT NULL,
    settled                  TEXT,
    created_at               INTEGER NOT NULL,
    updated_at               INTEGER NOT NULL,
    version                  INTEGER NOT NULL,
    -- What follows is for finding only; it is never read back into a callback.
    target_key               TEXT NOT NULL,
    phase_name               TEXT NOT NULL,
    live                     INTEGER NOT NULL,
    deadline                 INTEGER,
    agent                    BLOB,
    reason                   TEXT,
    -- 0 live but not queued, 1 backing off, 2 parked, 3 ready, NULL terminated.
    standing                 INTEGER,
    -- Set in the queue only; the open lane is 16 zero bytes, so that row values can be compared.
    lane                     BLOB,
    place                    INTEGER
) STRICT;

-- The default order of searches.
CREATE INDEX callbacks_by_due ON callbacks (due, id);
-- The same of one service.
CREATE INDEX callbacks_by_service ON callbacks (service, due, id);
-- What the clock moves next.
CREATE INDEX callbacks_by_deadline ON callbacks (deadline, id) WHERE deadline IS NOT NULL;
-- The queue: heads of the ready, waiting counts, lanes of those who hold something.
CREATE INDEX callbacks_by_place ON callbacks (service, standing, lane, level, place, id)
    WHERE place IS NOT NULL;
-- A line's callbacks: its ready ones, the groups of its parked ones, duplicates, and searches by target.
-- Whatever one customer's callbacks do stays on neighbouring entries.
CREATE INDEX callbacks_by_target ON callbacks (target_key, standing, service, lane, level, place, id);
-- What a service still has to do.
CREATE INDEX callbacks_live ON callbacks (service, id) WHERE live = 1;
-- What is over, for its time of retention.
CREATE INDEX callbacks_ended ON callbacks (updated_at, id) WHERE live = 0;
-- The callers' own keys, the newest callback of one last.
CREATE INDEX callbacks_by_external_task_id ON callbacks (external_task_id, created_at, id)
    WHERE external_task_id IS NOT NULL;

-- The primary key is what holds *one call at a time per customer*.
CREATE TABLE claims (
    target_key TEXT NOT NULL PRIMARY KEY,
    callback   BLOB NOT NULL,
    service    BLOB NOT NULL,
    attempt    BLOB
) STRICT, WITHOUT ROWID;
CREATE INDEX claims_by_service ON claims (service);

CREATE TABLE attempts (
    id                    BLOB NOT NULL PRIMARY KEY,
    callback              BLOB NOT NULL REFERENCES callbacks (id),
    number                INTEGER NOT NULL,
    target_key            TEXT NOT NULL,
    customer_requested_at INTEGER,
    deadline              INTEGER,
    open                  INTEGER NOT NULL,
    body                  TEXT NOT NULL
) STRICT;
CREATE INDEX attempts_by_callback ON attempts (callback, number);
CREATE INDEX attempts_by_deadline ON attempts (deadline, id) WHERE deadline IS NOT NULL;
CREATE INDEX attempts_open ON attempts (id) WHERE open = 1;
CREATE INDEX attempts_by_target ON attempts (target_key, customer_requested_at, id)
    WHERE customer_requested_at IS NOT NULL;

-- AUTOINCREMENT: a number that was given is never given again, even when the ledger was emptied.
CREATE TABLE history (
    sequence     INTEGER PRIMARY KEY AUTOINCREMENT,
    subject_kind INTEGER NOT NULL,
    subject      BLOB NOT NULL,
    service      BLOB,
    at           INTEGER NOT NULL,
    what         TEXT NOT NULL,
    from_phase   TEXT,
    to_phase     TEXT,
    actor        TEXT NOT NULL,
    details      TEXT NOT NULL
) STRICT;
CREATE INDEX history_by_subject ON history (subject, subject_kind);

CREATE TABLE services (
    id                   BLOB NOT NULL PRIMARY KEY,
    name                 TEXT NOT NULL,
    sip_key              TEXT NOT NULL UNIQUE,
    max_attempts_per_day INTEGER,
    body                 TEXT NOT NULL
) STRICT;

CREATE TABLE passes (
    service BLOB NOT NULL PRIMARY KEY REFERENCES services (id) ON DELETE CASCADE,
    passes  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE recalculations (
    service BLOB NOT NULL PRIMARY KEY,
    after   BLOB
) STRICT, WITHOUT ROWID;

CREATE TABLE agents (
    id       BLOB NOT NULL PRIMARY KEY,
    name     TEXT NOT NULL,
    sip_key  TEXT NOT NULL UNIQUE,
    deadline INTEGER,
    body     TEXT NOT NULL
) STRICT;
CREATE INDEX agents_by_deadline ON agents (deadline, id) WHERE deadline IS NOT NULL;

-- idle_since is set while the dispatcher may offer this agent something.
CREATE TABLE agent_services (
    agent      BLOB NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
    service    BLOB NOT NULL,
    idle_since INTEGER,
    PRIMARY KEY (agent, service)
) STRICT, WITHOUT ROWID;
CREATE INDEX agent_services_by_service ON agent_services (service, agent);
CREATE INDEX agent_services_free ON agent_services (service, idle_since, agent)
    WHERE idle_since IS NOT NULL;

CREATE TABLE suppressions (
    sequence   INTEGER PRIMARY KEY AUTOINCREMENT,
    id         BLOB NOT NULL UNIQUE,
    target_key TEXT NOT NULL,
    service    BLOB,
    reason     TEXT,
    until      INTEGER,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX suppressions_by_target ON suppressions (target_key);

CREATE TABLE key_wakes (
    target_key TEXT NOT NULL PRIMARY KEY,
    at         INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX key_wakes_by_at ON key_wakes (at);

CREATE TABLE routes (
    name TEXT NOT NULL PRIMARY KEY,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE nodes (
    id    BLOB NOT NULL PRIMARY KEY,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE idempotency (
    principal TEXT NOT NULL,
    key       TEXT NOT NULL,
    body_hash BLOB NOT NULL,
    answer    TEXT NOT NULL,
    at        INTEGER NOT NULL,
    PRIMARY KEY (principal, key)
) STRICT;
CREATE INDEX idempotency_by_at ON idempotency (at);

-- How far the ledger was handed out to webhooks.
CREATE TABLE outbox (
    cursor INTEGER NOT NULL
) STRICT;
INSERT INTO outbox (cursor) VALUES (0);

CREATE TABLE webhooks (
    id   BLOB NOT NULL PRIMARY KEY,
    body TEXT NOT NULL
) STRICT;

CREATE TABLE deliveries (
    id         BLOB NOT NULL PRIMARY KEY,
    webhook    BLOB NOT NULL,
    sequence   INTEGER NOT NULL,
    subject    BLOB NOT NULL,
    state      TEXT NOT NULL,
    -- Set for the first that is pending of its webhook and subject.
    front_due  INTEGER,
    held       INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    settled_at INTEGER,
    body       TEXT NOT NULL
) STRICT;
-- What is sent next.
CREATE INDEX deliveries_due ON deliveries (webhook, front_due, id) WHERE front_due IS NOT NULL;
-- What follows it.
CREATE INDEX deliveries_pending ON deliveries (webhook, subject, sequence, id)
    WHERE state = 'Pending';
CREATE INDEX deliveries_held ON deliveries (id) WHERE held = 1;
CREATE INDEX deliveries_listed ON deliveries (webhook, state, created_at, id);
-- What is removed with its subject.
CREATE INDEX deliveries_by_subject ON deliveries (subject);
CREATE INDEX deliveries_settled ON deliveries (settled_at) WHERE settled_at IS NOT NULL;
-- A key's secret is not here, only its digest.
CREATE TABLE keys (
    id         BLOB NOT NULL PRIMARY KEY,
    created_at INTEGER NOT NULL,
    body       TEXT NOT NULL
) STRICT;
