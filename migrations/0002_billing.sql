-- Customers, plans, subscriptions and invoices.
--
-- organisation_id comes first in every key, so that the tables can be distributed by it. There are no foreign keys to plans and
-- organisations: their rows are shared by every worker, the lock that such a key takes on them is contended, and nothing deletes them.
-- created_ms orders lists (newest first); ids cannot, as some are derived from an idempotency key.

CREATE TABLE billd.customers (
    organisation_id uuid NOT NULL,
    id              uuid NOT NULL,
    shard           int NOT NULL CHECK (shard BETWEEN 0 AND 1023),
    name            text NOT NULL CHECK (name <> ''),
    email           text,
    external_id     text,
    currency        text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    country         text CHECK (country ~ '^[A-Z]{2}$'),
    timezone        text NOT NULL,
    metadata        jsonb NOT NULL,
    number_prefix   text NOT NULL,   -- begins each of its invoices' numbers
    invoice_count   int8 NOT NULL CHECK (invoice_count >= 0), -- numbers given so far
    credit_balance  int8 NOT NULL,   -- minor units
    latest_at       timestamptz NOT NULL, -- the customer's time: the latest that a command of it has seen
    created_ms      int8 NOT NULL,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    archived_at     timestamptz,
    PRIMARY KEY (organisation_id, id)
) WITH (fillfactor = 90);

CREATE INDEX customers_list ON billd.customers (organisation_id, created_ms, id);
CREATE UNIQUE INDEX customers_external_id ON billd.customers (organisation_id, external_id) WHERE archived_at IS NULL;

CREATE TABLE billd.plans (
    organisation_id uuid NOT NULL,
    id              uuid NOT NULL,
    code            text NOT NULL CHECK (code <> ''),
    name            text NOT NULL CHECK (name <> ''),
    currency        text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    interval        text NOT NULL CHECK (interval IN ('day', 'week', 'month', 'year')),
    interval_count  int NOT NULL CHECK (interval_count > 0),
    amount          int8 NOT NULL CHECK (amount >= 0), -- minor units a period, in advance
    metadata        jsonb NOT NULL,
    created_ms      int8 NOT NULL,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    archived_at     timestamptz,
    PRIMARY KEY (organisation_id, id)
);

CREATE INDEX plans_list ON billd.plans (organisation_id, created_ms, id);
CREATE UNIQUE INDEX plans_code ON billd.plans (organisation_id, code) WHERE archived_at IS NULL;

CREATE TABLE billd.subscriptions (
    organisation_id      uuid NOT NULL,
    id                   uuid NOT NULL,
    shard                int NOT NULL CHECK (shard BETWEEN 0 AND 1023),
    customer_id          uuid NOT NULL,
    plan_id              uuid NOT NULL,
    status               text NOT NULL CHECK (status IN
        ('scheduled', 'trialing', 'active', 'past_due', 'paused', 'canceled', 'expired')),
    timezone             text NOT NULL, -- in which its periods are computed
    anchor_at            timestamptz NOT NULL, -- boundary 0
    period_index         int NOT NULL CHECK (period_index >= 0),
    current_period_start timestamptz NOT NULL,
    current_period_end   timestamptz NOT NULL,
    started_at           timestamptz NOT NULL,
    cancel_at_period_end bool NOT NULL,
    canceled_at          timestamptz,
    ended_at             timestamptz,
    metadata             jsonb NOT NULL,
    created_ms           int8 NOT NULL,
    created_at           timestamptz NOT NULL,
    updated_at           timestamptz NOT NULL,
    PRIMARY KEY (organisation_id, id),
    FOREIGN KEY (organisation_id, customer_id) REFERENCES billd.customers,
    CHECK (current_period_start < current_period_end),
    CHECK ((ended_at IS NOT NULL) = (status IN ('canceled', 'expired')))
) WITH (fillfactor = 90);

CREATE INDEX subscriptions_list ON billd.subscriptions (organisation_id, created_ms, id);
-- One live subscription per customer: the rule that no race can break.
CREATE UNIQUE INDEX subscriptions_one_live ON billd.subscriptions (organisation_id, customer_id)
    WHERE status IN ('scheduled', 'trialing', 'active', 'past_due', 'paused');

CREATE TABLE billd.invoices (
    organisation_id uuid NOT NULL,
    id              uuid NOT NULL,
    shard           int NOT NULL CHECK (shard BETWEEN 0 AND 1023),
    customer_id     uuid NOT NULL,
    subscription_id uuid NOT NULL,
    number          text NOT NULL,
    sequence        int8 NOT NULL CHECK (sequence > 0), -- of the customer's invoices, without gaps
    reason          text NOT NULL CHECK (reason IN ('subscription_create')),
    status          text NOT NULL CHECK (status IN ('open', 'paid', 'void', 'uncollectible')),
    currency        text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    period_start    timestamptz NOT NULL,
    period_end      timestamptz NOT NULL,
    issued_at       timestamptz NOT NULL,
    due_at          timestamptz NOT NULL,
    paid_at         timestamptz,
    subtotal        int8 NOT NULL,
    discount        int8 NOT NULL CHECK (discount >= 0),
    tax             int8 NOT NULL,
    total           int8 NOT NULL,
    credit_applied  int8 NOT NULL,
    amount_due      int8 NOT NULL,
    amount_paid     int8 NOT NULL CHECK (amount_paid >= 0),
    created_ms      int8 NOT NULL,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    PRIMARY KEY (organisation_id, id),
    FOREIGN KEY (organisation_id, subscription_id) REFERENCES billd.subscriptions,
    CHECK (period_start < period_end),
    CHECK (total = subtotal - discount + tax),
    CHECK (amount_due = total - credit_applied),
    CHECK ((paid_at IS NOT NULL) = (status = 'paid'))
);

CREATE INDEX invoices_list ON billd.invoices (organisation_id, created_ms, id);
-- Serves the customer's list as well.
CREATE UNIQUE INDEX invoices_sequence ON billd.invoices (organisation_id, customer_id, sequence);
-- A subscription is invoiced once for each period.
CREATE UNIQUE INDEX invoices_period ON billd.invoices (organisation_id, subscription_id, period_start);

CREATE TABLE billd.invoice_lines (
    organisation_id uuid NOT NULL,
    invoice_id      uuid NOT NULL,
    position        int NOT NULL CHECK (position > 0),
    id              uuid NOT NULL,
    description     text NOT NULL,
    plan_id         uuid NOT NULL,
    quantity        int8 NOT NULL CHECK (quantity >= 0),
    unit_amount     int8 NOT NULL,
    amount          int8 NOT NULL,
    period_start    timestamptz NOT NULL,
    period_end      timestamptz NOT NULL,
    PRIMARY KEY (organisation_id, invoice_id, position),
    FOREIGN KEY (organisation_id, invoice_id) REFERENCES billd.invoices,
    CHECK (period_start < period_end)
);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['customers', 'plans', 'subscriptions', 'invoices', 'invoice_lines'] LOOP
        EXECUTE format('ALTER TABLE billd.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY own ON billd.%I USING ((organisation_id = ANY ((SELECT billd.current_organisations())::uuid[])) IS TRUE)', name);
    END LOOP;
END $$;

GRANT SELECT, INSERT, UPDATE ON billd.customers, billd.plans, billd.subscriptions TO billd_worker;
-- An issued invoice never changes.
GRANT SELECT, INSERT ON billd.invoices, billd.invoice_lines TO billd_worker;
