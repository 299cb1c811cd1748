-- Identities are kept as uuid, instants as timestamptz (microseconds), text that is ordered as "C".
-- `record` is the whole value; the columns beside it are what statements look for, written with it.
-- The nil uuid in `lane` is the open lane, so that a lane is compared like any other column.

CREATE TABLE installation (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  made_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
INSERT INTO installation DEFAULT VALUES;

-- Where a copy into this database came from, and how far it has come; empty when there was none.
CREATE TABLE transfer (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  progress text NOT NULL
);

CREATE TABLE services (
  id uuid PRIMARY KEY,
  name text COLLATE "C" NOT NULL,
  sip_key text COLLATE "C" NOT NULL UNIQUE,
  attempts_cap integer,
  record json NOT NULL
);
CREATE INDEX services_capped ON services (id) WHERE attempts_cap IS NOT NULL;

-- Locked for as long as a service's queue is picked from.
-- Whatever is ready in the open lane and was written before `horizon` has a place at its level's
-- floor or behind it; so a pick need not walk past what was taken and is kept for an old snapshot.
CREATE TABLE passes (
  service uuid PRIMARY KEY,
  ahead bytea NOT NULL,
  floors timestamptz[],
  horizon xid8
) WITH (fillfactor = 50);

CREATE TABLE recalculations (
  service uuid PRIMARY KEY,
  after uuid
);

CREATE TABLE agent_identities (
  agent uuid PRIMARY KEY,
  sip_key text COLLATE "C" NOT NULL UNIQUE
);

-- Changed with every task, so old versions pile up while somebody holds an old snapshot.
-- By the count of changes the newest comes first, and nothing here is unique, which would have every
-- change look at all of them.
CREATE TABLE agents (
  id uuid NOT NULL,
  changes bigint NOT NULL,
  name text COLLATE "C" NOT NULL,
  free boolean NOT NULL,
  deadline timestamptz,
  record json NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX agents_newest ON agents (id, changes DESC);
CREATE INDEX agents_deadline ON agents (deadline, id) WHERE deadline IS NOT NULL;

-- `idle_since` only while the agent waits to be offered something.
CREATE TABLE agent_services (
  agent uuid NOT NULL,
  service uuid NOT NULL,
  idle_since timestamptz,
  PRIMARY KEY (agent, service)
) WITH (fillfactor = 50);
CREATE INDEX agent_services_staff ON agent_services (service, agent);
CREATE INDEX agent_services_idle ON agent_services (service, idle_since, agent)
  WHERE idle_since IS NOT NULL;

CREATE TABLE callbacks (
  id uuid PRIMARY KEY,
  service uuid NOT NULL,
  key text COLLATE "C" NOT NULL,
  phase text COLLATE "C" NOT NULL,
  priority smallint NOT NULL,
  due timestamptz NOT NULL,
  place timestamptz,
  lane uuid NOT NULL,
  backed_off boolean NOT NULL,
  ready boolean NOT NULL,
  deadline timestamptz,
  agent uuid,
  reason text COLLATE "C",
  creator text COLLATE "C" NOT NULL,
  external_task_id text COLLATE "C",
  caller_id text COLLATE "C",
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  version bigint NOT NULL,
  -- The transaction that has set where it stands.
  written xid8 NOT NULL DEFAULT pg_current_xact_id(),
  record json NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
-- Searches.
CREATE INDEX callbacks_due ON callbacks (due, id);
CREATE INDEX callbacks_service_due ON callbacks (service, due, id);
CREATE INDEX callbacks_key ON callbacks (key, due, id);
CREATE INDEX callbacks_external_task_id ON callbacks (external_task_id, created_at, id)
  WHERE external_task_id IS NOT NULL;
CREATE INDEX callbacks_live_due ON callbacks (phase, due, id) WHERE phase <> 'Terminated';
-- What is over, for its time of retention.
CREATE INDEX callbacks_ended ON callbacks (updated_at, id) WHERE phase = 'Terminated';
CREATE INDEX callbacks_agent ON callbacks (agent) WHERE agent IS NOT NULL;
-- What is alive, by service.
CREATE INDEX callbacks_live ON callbacks (service, id) INCLUDE (phase) WHERE phase <> 'Terminated';
CREATE INDEX callbacks_live_key ON callbacks (key, service, id) WHERE phase <> 'Terminated';
-- The clock.
CREATE INDEX callbacks_deadline ON callbacks (deadline, id) WHERE deadline IS NOT NULL;
-- The queue: only what waits is in these.
CREATE INDEX callbacks_ready ON callbacks (service, lane, priority, place, id) WHERE ready;
-- Not `WHERE ready`: on a young table the planner would take these for the heads of queues, and walk
-- past all that waits.
CREATE INDEX callbacks_written
  ON callbacks (service, lane, priority, (CASE WHEN ready THEN written END))
  WHERE CASE WHEN ready THEN written END IS NOT NULL;
CREATE INDEX callbacks_ready_key ON callbacks ((CASE WHEN ready THEN key END))
  WHERE CASE WHEN ready THEN key END IS NOT NULL;
CREATE INDEX callbacks_line ON callbacks (key, service, lane, priority, place, id)
  WHERE place IS NOT NULL AND NOT backed_off;
CREATE INDEX callbacks_waiting ON callbacks (service, priority, place, id) WHERE place IS NOT NULL;
CREATE INDEX callbacks_held ON callbacks (lane, service, id)
  WHERE place IS NOT NULL AND lane <> '00000000-0000-0000-0000-000000000000';

CREATE TABLE claims (
  key text COLLATE "C" PRIMARY KEY,
  callback uuid NOT NULL,
  service uuid NOT NULL,
  attempt uuid
);
CREATE INDEX claims_service ON claims (service);

CREATE TABLE key_wakes (
  key text COLLATE "C" PRIMARY KEY,
  at timestamptz NOT NULL
);
CREATE INDEX key_wakes_at ON key_wakes (at, key);

CREATE TABLE attempts (
  id uuid PRIMARY KEY,
  callback uuid NOT NULL,
  number integer NOT NULL,
  key text COLLATE "C" NOT NULL,
  node uuid NOT NULL,
  open boolean NOT NULL,
  deadline timestamptz,
  customer_requested_at timestamptz,
  record json NOT NULL,
  UNIQUE (callback, number)
);
CREATE INDEX attempts_open ON attempts (id) WHERE open;
CREATE INDEX attempts_deadline ON attempts (deadline, id) WHERE deadline IS NOT NULL;
CREATE INDEX attempts_dialouts ON attempts (key, customer_requested_at)
  WHERE customer_requested_at IS NOT NULL;

CREATE TABLE suppressions (
  sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id uuid NOT NULL UNIQUE,
  key text COLLATE "C" NOT NULL,
  service uuid,
  reason text,
  until timestamptz,
  created_at timestamptz NOT NULL
);
CREATE INDEX suppressions_key ON suppressions (key, sequence);

CREATE TABLE routes (
  name text COLLATE "C" PRIMARY KEY,
  record jsonb NOT NULL
);

CREATE TABLE nodes (
  id uuid PRIMARY KEY,
  until timestamptz NOT NULL
);

CREATE TABLE remembered (
  principal text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  body_hash bytea NOT NULL,
  at timestamptz NOT NULL,
  record json NOT NULL,
  PRIMARY KEY (principal, key)
);
CREATE INDEX remembered_at ON remembered (at);

CREATE TABLE ledger (
  sequence bigint GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME ledger_sequence) PRIMARY KEY,
  kind text COLLATE "C" NOT NULL,
  subject uuid NOT NULL,
  service uuid,
  at timestamptz NOT NULL,
  what text NOT NULL,
  from_phase text,
  to_phase text,
  actor text NOT NULL,
  details json NOT NULL
);
CREATE INDEX ledger_subject ON ledger (subject, kind, sequence);

-- How far the ledger was handed out to webhooks.
CREATE TABLE outbox (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  cursor bigint NOT NULL
);
INSERT INTO outbox (cursor) VALUES (0);

CREATE TABLE webhooks (
  id uuid PRIMARY KEY,
  record json NOT NULL
);

-- `front_due` only for the first that is pending of its webhook and subject.
CREATE TABLE deliveries (
  id uuid PRIMARY KEY,
  webhook uuid NOT NULL,
  sequence bigint NOT NULL,
  subject uuid NOT NULL,
  state text COLLATE "C" NOT NULL,
  front_due timestamptz,
  held boolean NOT NULL,
  created_at timestamptz NOT NULL,
  settled_at timestamptz,
  record json NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
CREATE INDEX deliveries_due ON deliveries (webhook, front_due, id) WHERE front_due IS NOT NULL;
CREATE INDEX deliveries_pending ON deliveries (webhook, subject, sequence, id)
  WHERE state = 'Pending';
CREATE INDEX deliveries_held ON deliveries (id) WHERE held;
CREATE INDEX deliveries_listed ON deliveries (webhook, state, created_at, id);
CREATE INDEX deliveries_subject ON deliveries (subject);
CREATE INDEX deliveries_settled ON deliveries (settled_at) WHERE settled_at IS NOT NULL;
-- A key's secret is not here, only its digest.
CREATE TABLE keys (
  id uuid PRIMARY KEY,
  created_at timestamptz NOT NULL,
  record json NOT NULL
);
