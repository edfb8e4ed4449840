-- Charges, calendars and changes: plans with versions, subscriptions that renew by themselves, quantities, test clocks, credit balances.

-- What is there belongs to organisations that no migration acts for.
ALTER TABLE billd.customers NO FORCE ROW LEVEL SECURITY;
ALTER TABLE billd.plans NO FORCE ROW LEVEL SECURITY;
ALTER TABLE billd.subscriptions NO FORCE ROW LEVEL SECURITY;
ALTER TABLE billd.invoice_lines NO FORCE ROW LEVEL SECURITY;
ALTER TABLE identity.organisations NO FORCE ROW LEVEL SECURITY;

-- Two names of the settings have a meaning from now on; who had them for something else has the rules' values.
UPDATE identity.organisations SET settings = settings - 'subscriptions_per_customer'
WHERE settings ->> 'subscriptions_per_customer' NOT IN ('one', 'many');
UPDATE identity.organisations SET settings = settings - 'proration'
WHERE settings ->> 'proration' NOT IN ('second', 'day', 'none');
ALTER TABLE identity.organisations
    ADD CHECK (settings ->> 'subscriptions_per_customer' IN ('one', 'many')),
    ADD CHECK (settings ->> 'proration' IN ('second', 'day', 'none'));

ALTER TABLE billd.customers
    ADD COLUMN test_clock_id uuid,                 -- whose time it lives in
    ADD COLUMN credit_count int8 NOT NULL DEFAULT 0 CHECK (credit_count >= 0), -- entries of its balance's history
    ADD CHECK (credit_balance >= 0);
ALTER TABLE billd.customers ALTER COLUMN credit_count DROP DEFAULT;

-- The current version's prices; the versions themselves follow.
ALTER TABLE billd.plans
    ADD COLUMN version_id uuid,
    ADD COLUMN version int NOT NULL DEFAULT 1 CHECK (version > 0),
    ADD COLUMN trial_days int NOT NULL DEFAULT 0 CHECK (trial_days >= 0),
    ADD COLUMN charges jsonb;
UPDATE billd.plans SET version_id = id, charges = jsonb_build_array(jsonb_build_object(
    'code', 'base', 'name', name, 'model', 'flat', 'billing', 'advance', 'amount', amount, 'unit_amount', NULL, 'tiers', '[]'::jsonb,
    'package_size', NULL, 'rate', NULL, 'fixed_amount', NULL, 'transaction_min_amount', NULL, 'transaction_max_amount', NULL,
    'free_units', NULL, 'min_amount', NULL, 'max_amount', NULL));
ALTER TABLE billd.plans
    ALTER COLUMN version_id SET NOT NULL,
    ALTER COLUMN charges SET NOT NULL,
    ALTER COLUMN version DROP DEFAULT,
    ALTER COLUMN trial_days DROP DEFAULT;

-- Written once: who subscribes stays on the version that he took.
CREATE TABLE billd.plan_versions (
    organisation_id uuid NOT NULL,
    id              uuid NOT NULL,      -- of the first version: the plan's
    plan_id         uuid NOT NULL,
    version         int NOT NULL CHECK (version > 0),
    currency        text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    interval        text NOT NULL CHECK (interval IN ('day', 'week', 'month', 'year')),
    interval_count  int NOT NULL CHECK (interval_count > 0),
    trial_days      int NOT NULL CHECK (trial_days >= 0),
    charges         jsonb NOT NULL CHECK (jsonb_typeof(charges) = 'array'),
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (organisation_id, id),
    UNIQUE (organisation_id, plan_id, version)
);
INSERT INTO billd.plan_versions
SELECT organisation_id, id, id, 1, currency, interval, interval_count, 0, charges, created_at FROM billd.plans;

ALTER TABLE billd.subscriptions
    ADD COLUMN test_clock_id uuid,        -- the customer's
    ADD COLUMN live_slot uuid,            -- of its customer's live subscriptions: none where there may be one, else its id
    ADD COLUMN plan_version_id uuid,
    ADD COLUMN quantity int8 NOT NULL DEFAULT 1 CHECK (quantity >= 0),
    ADD COLUMN anchor text NOT NULL DEFAULT 'start',
    ADD COLUMN anchor_day int NOT NULL DEFAULT 0 CHECK (anchor_day BETWEEN 0 AND 31),
    ADD COLUMN realigns bool NOT NULL DEFAULT false, -- the next period begins inside its natural one
    ADD COLUMN natural_start timestamptz, -- the natural period that the current one lies in
    ADD COLUMN natural_end timestamptz,
    ADD COLUMN trial_start timestamptz,
    ADD COLUMN trial_end timestamptz,
    ADD COLUMN end_at timestamptz,
    ADD COLUMN paused_at timestamptz,
    ADD COLUMN pending_plan_id uuid,      -- what it changes to when the period ends
    ADD COLUMN pending_version_id uuid,
    ADD COLUMN pending_quantity int8,
    ADD COLUMN due_at timestamptz,        -- when something falls due next
    ADD COLUMN billing_problem text,      -- why what fell due could not be billed
    DROP CONSTRAINT subscriptions_period_index_check,
    ADD CHECK (period_index >= -1),
    ADD CHECK ((trial_start IS NULL) = (trial_end IS NULL)),
    ADD CHECK ((pending_plan_id IS NULL) = (pending_version_id IS NULL)),
    ADD CHECK ((paused_at IS NOT NULL) = (status = 'paused')),
    ADD CHECK (due_at IS NULL OR ended_at IS NULL);
UPDATE billd.subscriptions SET plan_version_id = plan_id, natural_start = current_period_start, natural_end = current_period_end,
    due_at = CASE WHEN ended_at IS NULL THEN current_period_end END;
ALTER TABLE billd.subscriptions
    ALTER COLUMN plan_version_id SET NOT NULL,
    ALTER COLUMN natural_start SET NOT NULL,
    ALTER COLUMN natural_end SET NOT NULL,
    ALTER COLUMN quantity DROP DEFAULT,
    ALTER COLUMN anchor DROP DEFAULT,
    ALTER COLUMN anchor_day DROP DEFAULT,
    ALTER COLUMN realigns DROP DEFAULT,
    ADD CHECK (natural_start < natural_end AND natural_start <= current_period_start AND current_period_end <= natural_end);

-- Who has something due that is tried alone, as workers died here: the end of the customer's or the clock's id, and how
-- often it was. Apart from the suspected message, as one must not make the other forgotten.
ALTER TABLE billd.progress
    ADD COLUMN due_suspect int8 NOT NULL DEFAULT 0,
    ADD COLUMN due_suspect_attempts int NOT NULL DEFAULT 0;

-- One live subscription per customer, or any number side by side where the organisation lets it.
DROP INDEX billd.subscriptions_one_live;
CREATE UNIQUE INDEX subscriptions_one_live ON billd.subscriptions (organisation_id, customer_id, live_slot) NULLS NOT DISTINCT
    WHERE status IN ('scheduled', 'trialing', 'active', 'past_due', 'paused');
-- What falls due: looked up by shard, as each belongs to the worker of its partition.
CREATE INDEX subscriptions_due ON billd.subscriptions (shard, due_at) WHERE due_at IS NOT NULL AND test_clock_id IS NULL;
CREATE INDEX subscriptions_due_on_clock ON billd.subscriptions (test_clock_id, due_at)
    WHERE due_at IS NOT NULL AND test_clock_id IS NOT NULL;

-- What was reported for a charge in arrears and a period.
CREATE TABLE billd.quantities (
    organisation_id uuid NOT NULL,
    subscription_id uuid NOT NULL,
    id              uuid NOT NULL,
    charge_code     text NOT NULL,
    period_start    timestamptz NOT NULL, -- of the period that it is for
    quantity        numeric NOT NULL CHECK (quantity >= 0),
    transactions    int8 NOT NULL CHECK (transactions >= 0),
    fees            numeric NOT NULL CHECK (fees >= 0), -- of transactions that are bounded each
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    PRIMARY KEY (organisation_id, subscription_id, id)
) WITH (fillfactor = 90);

CREATE INDEX quantities_list ON billd.quantities (organisation_id, subscription_id, created_at, id);

CREATE TABLE billd.test_clocks (
    organisation_id         uuid NOT NULL,
    id                      uuid NOT NULL,
    shard                   int NOT NULL CHECK (shard BETWEEN 0 AND 1023), -- its customers' as well
    name                    text,
    status                  text NOT NULL CHECK (status IN ('ready', 'advancing')),
    now                     timestamptz NOT NULL,
    target_at               timestamptz,
    advance_operation_id    uuid,
    advance_accepted_ms     int8 NOT NULL,
    advance_idempotency_key text,
    advance_actor           text,
    advance_address         text,
    advance_request_id      text,
    created_ms              int8 NOT NULL,
    created_at              timestamptz NOT NULL,
    updated_at              timestamptz NOT NULL,
    PRIMARY KEY (organisation_id, id),
    CHECK ((status = 'advancing') = (target_at IS NOT NULL)),
    CHECK ((status = 'advancing') = (advance_operation_id IS NOT NULL))
) WITH (fillfactor = 90);

CREATE INDEX test_clocks_list ON billd.test_clocks (organisation_id, created_ms, id);
CREATE INDEX test_clocks_advancing ON billd.test_clocks (shard) WHERE status = 'advancing';

-- How each customer's credit balance came about.
CREATE TABLE billd.credit_entries (
    organisation_id uuid NOT NULL,
    customer_id     uuid NOT NULL,
    sequence        int8 NOT NULL CHECK (sequence > 0), -- of the customer's entries, without gaps
    id              uuid NOT NULL,
    shard           int NOT NULL CHECK (shard BETWEEN 0 AND 1023),
    reason          text NOT NULL CHECK (reason IN ('proration', 'invoice')),
    amount          int8 NOT NULL CHECK (amount <> 0),
    balance_after   int8 NOT NULL CHECK (balance_after >= 0),
    currency        text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    subscription_id uuid,
    invoice_id      uuid,
    lines           jsonb,
    created_ms      int8 NOT NULL,
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (organisation_id, customer_id, sequence)
);

ALTER TABLE billd.invoices
    DROP CONSTRAINT invoices_reason_check,
    ADD CHECK (reason IN ('subscription_create', 'subscription_cycle', 'subscription_update', 'subscription_cancel', 'subscription_end')),
    ADD COLUMN digest text;
-- A subscription is invoiced once for each period that begins, and once at its end.
DROP INDEX billd.invoices_period;
CREATE UNIQUE INDEX invoices_period ON billd.invoices
    (organisation_id, subscription_id, period_start, (reason IN ('subscription_create', 'subscription_cycle')))
    WHERE reason <> 'subscription_update';

ALTER TABLE billd.invoice_lines
    ADD COLUMN kind text NOT NULL DEFAULT 'charge' CHECK (kind IN ('charge', 'minimum', 'maximum')),
    ADD COLUMN charge_code text NOT NULL DEFAULT 'base',
    ADD COLUMN proration bool NOT NULL DEFAULT false,
    ADD COLUMN quantity_decimal numeric,
    ADD COLUMN unit_amount_decimal numeric,
    ADD COLUMN explanation jsonb;
UPDATE billd.invoice_lines SET quantity_decimal = quantity;
ALTER TABLE billd.invoice_lines
    ALTER COLUMN quantity_decimal SET NOT NULL,
    ALTER COLUMN kind DROP DEFAULT,
    ALTER COLUMN charge_code DROP DEFAULT,
    ALTER COLUMN proration DROP DEFAULT;

ALTER TABLE billd.customers FORCE ROW LEVEL SECURITY;
ALTER TABLE billd.plans FORCE ROW LEVEL SECURITY;
ALTER TABLE billd.subscriptions FORCE ROW LEVEL SECURITY;
ALTER TABLE billd.invoice_lines FORCE ROW LEVEL SECURITY;
ALTER TABLE identity.organisations FORCE ROW LEVEL SECURITY;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['plan_versions', 'quantities', 'test_clocks', 'credit_entries'] LOOP
        EXECUTE format('ALTER TABLE billd.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY own ON billd.%I USING ((organisation_id = ANY ((SELECT billd.current_organisations())::uuid[])) IS TRUE)', name);
    END LOOP;
END $$;

-- Whose subscriptions and clocks wait for a worker is known only once they are found: a transaction that says so sees them all.
CREATE POLICY due ON billd.subscriptions FOR SELECT TO billd_worker USING (((SELECT current_setting('billd.due', true)) = 'on') IS TRUE);
CREATE POLICY due ON billd.test_clocks FOR SELECT TO billd_worker USING (((SELECT current_setting('billd.due', true)) = 'on') IS TRUE);

GRANT SELECT, INSERT, UPDATE ON billd.quantities, billd.test_clocks TO billd_worker;
-- Prices that somebody took, and what was booked, never change.
GRANT SELECT, INSERT ON billd.plan_versions, billd.credit_entries TO billd_worker;
-- A preview computes what a worker would, from the same rows.
GRANT SELECT ON billd.customers, billd.plans, billd.plan_versions, billd.subscriptions, billd.quantities, billd.test_clocks TO billd_api;

-- Public JSON.

CREATE OR REPLACE VIEW api.customers AS
SELECT organisation_id, created_ms AS position, id,
    json_build_object(
        'id', id, 'name', name, 'email', email, 'external_id', external_id, 'currency', currency, 'country', country,
        'timezone', timezone, 'test_clock_id', test_clock_id, 'metadata', metadata, 'credit_balance', credit_balance,
        'created_at', api.rfc3339(created_at), 'updated_at', api.rfc3339(updated_at),
        'archived_at', api.rfc3339(archived_at)) AS json
FROM billd.customers;

CREATE OR REPLACE VIEW api.plans AS
SELECT organisation_id, created_ms AS position, id,
    json_build_object(
        'id', id, 'version_id', version_id, 'version', version, 'code', code, 'name', name, 'currency', currency, 'interval', interval,
        'interval_count', interval_count, 'trial_days', trial_days, 'amount', amount, 'charges', charges, 'metadata', metadata,
        'created_at', api.rfc3339(created_at), 'updated_at', api.rfc3339(updated_at),
        'archived_at', api.rfc3339(archived_at)) AS json
FROM billd.plans;

CREATE OR REPLACE VIEW api.subscriptions AS
SELECT organisation_id, created_ms AS position, id,
    json_build_object(
        'id', id, 'customer_id', customer_id, 'test_clock_id', test_clock_id, 'plan_id', plan_id, 'plan_version_id', plan_version_id,
        'quantity', quantity, 'status', status, 'timezone', timezone, 'anchor', anchor,
        'anchor_at', api.rfc3339(anchor_at), 'current_period_start', api.rfc3339(current_period_start),
        'current_period_end', api.rfc3339(current_period_end), 'started_at', api.rfc3339(started_at),
        'trial_start', api.rfc3339(trial_start), 'trial_end', api.rfc3339(trial_end), 'end_at', api.rfc3339(end_at),
        'cancel_at_period_end', cancel_at_period_end, 'canceled_at', api.rfc3339(canceled_at),
        'ended_at', api.rfc3339(ended_at), 'paused_at', api.rfc3339(paused_at), 'pending_plan_id', pending_plan_id,
        'pending_version_id', pending_version_id, 'pending_quantity', pending_quantity, 'billing_problem', billing_problem,
        'metadata', metadata, 'created_at', api.rfc3339(created_at), 'updated_at', api.rfc3339(updated_at)) AS json
FROM billd.subscriptions;

CREATE OR REPLACE VIEW api.invoices AS
SELECT organisation_id, created_ms AS position, id, customer_id, sequence AS position_of_customer,
    json_build_object(
        'id', id, 'customer_id', customer_id, 'subscription_id', subscription_id, 'number', number, 'status', status,
        'reason', reason, 'currency', currency, 'period_start', api.rfc3339(period_start),
        'period_end', api.rfc3339(period_end), 'issued_at', api.rfc3339(issued_at), 'due_at', api.rfc3339(due_at),
        'paid_at', api.rfc3339(paid_at),
        'lines', (SELECT coalesce(json_agg(json_build_object(
                'id', line.id, 'kind', line.kind, 'charge_code', line.charge_code, 'description', line.description,
                'plan_id', line.plan_id, 'proration', line.proration, 'quantity', line.quantity,
                'quantity_decimal', line.quantity_decimal::text, 'unit_amount', line.unit_amount,
                'unit_amount_decimal', line.unit_amount_decimal::text, 'amount', line.amount,
                'period_start', api.rfc3339(line.period_start), 'period_end', api.rfc3339(line.period_end),
                'explanation', line.explanation)
                ORDER BY line.position), '[]'::json)
            FROM billd.invoice_lines line
            WHERE line.organisation_id = invoice.organisation_id AND line.invoice_id = invoice.id),
        'discounts', '[]'::json, 'taxes', '[]'::json,
        'subtotal', subtotal, 'discount', discount, 'tax', tax, 'total', total, 'credit_applied', credit_applied,
        'amount_due', amount_due, 'amount_paid', amount_paid, 'digest', digest,
        'created_at', api.rfc3339(created_at), 'updated_at', api.rfc3339(updated_at)) AS json
FROM billd.invoices invoice;

CREATE VIEW api.plan_versions AS
SELECT organisation_id, plan_id, version::int8 AS position, id,
    json_build_object(
        'id', id, 'plan_id', plan_id, 'version', version, 'currency', currency, 'interval', interval,
        'interval_count', interval_count, 'trial_days', trial_days, 'charges', charges,
        'created_at', api.rfc3339(created_at)) AS json
FROM billd.plan_versions;

-- Paged by (created_at, id), which there is an index for.
CREATE VIEW api.quantities AS
SELECT organisation_id, subscription_id, created_at, id,
    json_build_object(
        'id', id, 'subscription_id', subscription_id, 'charge_code', charge_code, 'period_start', api.rfc3339(period_start),
        'quantity', quantity::text, 'transactions', transactions, 'created_at', api.rfc3339(created_at),
        'updated_at', api.rfc3339(updated_at)) AS json
FROM billd.quantities;

CREATE VIEW api.test_clocks AS
SELECT organisation_id, created_ms AS position, id,
    json_build_object(
        'id', id, 'name', name, 'status', status, 'now', api.rfc3339(now), 'target_at', api.rfc3339(target_at),
        'created_at', api.rfc3339(created_at), 'updated_at', api.rfc3339(updated_at)) AS json
FROM billd.test_clocks;

CREATE VIEW api.credit_entries AS
SELECT organisation_id, customer_id, sequence AS position, id,
    json_build_object(
        'id', id, 'customer_id', customer_id, 'sequence', sequence, 'reason', reason, 'amount', amount,
        'balance_after', balance_after, 'currency', currency, 'subscription_id', subscription_id, 'invoice_id', invoice_id,
        'lines', lines, 'created_at', api.rfc3339(created_at)) AS json
FROM billd.credit_entries;

GRANT SELECT ON api.plan_versions, api.quantities, api.test_clocks, api.credit_entries TO billd_api;
