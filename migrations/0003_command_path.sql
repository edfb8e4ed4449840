-- What the command path itself keeps: how far each partition is, what became of each command, what is to be published, and what was
-- set aside.

-- One row for each partition of billd.commands, made by `billd topics apply`. The truth about offsets: a worker moves next_offset in the
-- transaction of its batch, and only from where it began.
CREATE TABLE billd.progress (
    partition        int PRIMARY KEY CHECK (partition BETWEEN 0 AND 1023),
    cluster_id       text NOT NULL,             -- of the Kafka cluster that the offsets belong to
    next_offset      int8 NOT NULL DEFAULT 0 CHECK (next_offset >= 0),
    last_hash        bytea,                     -- of the message at next_offset - 1, by which a recreated topic is told
    event_number     int8 NOT NULL DEFAULT 0,   -- the last one given; events of a partition are numbered without gaps
    published_number int8 NOT NULL DEFAULT 0,   -- all events up to this one are on billd.events
    attempts         int NOT NULL DEFAULT 0,    -- times the partition was taken over since a batch of it last committed
    suspect_offset   int8 NOT NULL DEFAULT -1,  -- the message that is being tried alone, and how often it was
    suspect_attempts int NOT NULL DEFAULT 0,
    CHECK (published_number <= event_number)
) WITH (fillfactor = 50);

-- The outcome of each command. A command that met no worker yet has no row.
CREATE TABLE billd.operations (
    organisation_id uuid NOT NULL,
    id              uuid NOT NULL,
    command         text NOT NULL,
    status          text NOT NULL CHECK (status IN ('succeeded', 'failed')),
    resource_type   text NOT NULL,
    resource_id     uuid NOT NULL,
    problem         jsonb,           -- RFC 9457, when it failed
    idempotency_key text,            -- of the first operation that came with it
    accepted_at     timestamptz NOT NULL,
    completed_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organisation_id, id),
    CHECK ((problem IS NOT NULL) = (status = 'failed'))
);

CREATE UNIQUE INDEX operations_idempotency_key ON billd.operations (organisation_id, idempotency_key)
    WHERE idempotency_key IS NOT NULL;

-- The events of each partition, in the order of their numbers: what GET /v1/events shows, and what a worker publishes that takes over
-- from one that died between its commit and its publishing.
CREATE TABLE billd.outbox (
    organisation_id uuid NOT NULL,
    partition       int NOT NULL,
    number          int8 NOT NULL,
    id              uuid NOT NULL,
    type            text NOT NULL,   -- billd.invoice.issued.v1
    subject         uuid NOT NULL,   -- the id of what changed
    key             uuid NOT NULL,   -- Kafka's key: the customer, or the organisation
    operation_id    uuid NOT NULL,   -- the cause
    occurred_at     timestamptz NOT NULL,
    value           bytea NOT NULL,  -- Avro, single-object encoding, as it is published
    PRIMARY KEY (organisation_id, partition, number)
);

CREATE UNIQUE INDEX outbox_number ON billd.outbox (partition, number);

-- Messages that no worker could process, as they came. `billd dead-letters` shows and replays them.
CREATE TABLE billd.dead_letters (
    partition       int NOT NULL,
    "offset"        int8 NOT NULL,
    organisation_id uuid,            -- when it could be read
    operation_id    uuid,
    reason          text NOT NULL,
    key             bytea,
    value           bytea,
    died_at         timestamptz NOT NULL DEFAULT now(),
    published       bool NOT NULL DEFAULT false, -- it is on billd.dead_letters
    replayed_at     timestamptz,
    PRIMARY KEY (partition, "offset")
);

CREATE INDEX dead_letters_unpublished ON billd.dead_letters (partition) WHERE NOT published;

ALTER TABLE billd.operations ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON billd.operations USING ((organisation_id = ANY ((SELECT billd.current_organisations())::uuid[])) IS TRUE);

ALTER TABLE billd.outbox ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON billd.outbox USING ((organisation_id = ANY ((SELECT billd.current_organisations())::uuid[])) IS TRUE);
-- A worker that takes a partition over publishes what lies there, whosever it is.
CREATE POLICY publish ON billd.outbox FOR SELECT TO billd_worker USING (true);

-- A dead letter is the operators': who sent it may not be known. The ingress's role sees only how many there are (0004).
ALTER TABLE billd.dead_letters ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY operators ON billd.dead_letters TO billd_worker, billd_owner USING (true);

GRANT SELECT, UPDATE ON billd.progress TO billd_worker;
GRANT SELECT (partition, next_offset, event_number, published_number) ON billd.progress TO billd_api;
GRANT SELECT, INSERT ON billd.operations, billd.outbox TO billd_worker;
GRANT SELECT, INSERT, UPDATE (published) ON billd.dead_letters TO billd_worker;
