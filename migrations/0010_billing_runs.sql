-- Billing runs: an operator's "do all that is due", what it came to, and what it could not do.

-- A run moves by commands alone; its parts, totals and failures are written by the chunks that do it, in their own transactions.
CREATE TABLE billd.billing_runs (
    organisation_id uuid NOT NULL,
    id              uuid NOT NULL,
    shard           int NOT NULL CHECK (shard BETWEEN 0 AND 1023), -- the organisation's
    as_of           timestamptz NOT NULL,        -- what falls due up to and with this moment is done
    dry_run         bool NOT NULL,               -- computed, and nothing of it stored
    invoices_max    int8 NOT NULL CHECK (invoices_max > 0), -- of one subscription; one that is further behind is left and listed
    trigger         text NOT NULL CHECK (trigger IN ('request', 'schedule')),
    status          text NOT NULL CHECK (status IN ('running', 'paused', 'canceled', 'finished')),
    -- What it came to, as it was closed; while it is on its way its parts say how far it is.
    due             int8 NOT NULL CHECK (due >= 0),      -- subscriptions that were due when it came to their partition
    done            int8 NOT NULL CHECK (done >= 0),     -- that it did
    invoiced        int8 NOT NULL CHECK (invoiced >= 0), -- invoices
    failed          int8 NOT NULL CHECK (failed >= 0),   -- subscriptions that it could not bill
    totals          jsonb NOT NULL CHECK (jsonb_typeof(totals) = 'array'), -- by currency
    digest          text,                        -- of all its invoices, whatever their order; a dry run has the real one's
    books           text CHECK (books IN ('balanced', 'unbalanced')), -- whether invoices and journal say the same; a dry run has neither
    created_ms      int8 NOT NULL,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    finished_at     timestamptz,
    PRIMARY KEY (organisation_id, id),
    CHECK ((finished_at IS NOT NULL) = (status IN ('canceled', 'finished')))
) WITH (fillfactor = 50);

CREATE INDEX billing_runs_list ON billd.billing_runs (organisation_id, created_ms, id);
-- What each worker looks at, page by page; and how many an organisation has open.
CREATE INDEX billing_runs_running ON billd.billing_runs (created_ms, id) WHERE status = 'running';
CREATE INDEX billing_runs_open ON billd.billing_runs (organisation_id) WHERE status IN ('running', 'paused');

-- How far a run is in one partition of the command log. The owner of the partition alone writes it, under the lock of its progress.
CREATE TABLE billd.billing_run_parts (
    organisation_id uuid NOT NULL,
    run_id          uuid NOT NULL,
    part            int NOT NULL CHECK (part BETWEEN 0 AND 1023),  -- the partition
    -- Where it goes on: the shard, and in a dry run, which leaves what it did as it was, behind which subscription there.
    shard           int NOT NULL CHECK (shard BETWEEN 0 AND 1024), -- 1024: behind the last
    after_due_at    timestamptz,
    after_id        uuid,
    due             int8 NOT NULL DEFAULT 0 CHECK (due >= 0),
    done            int8 NOT NULL DEFAULT 0 CHECK (done >= 0),
    invoiced        int8 NOT NULL DEFAULT 0 CHECK (invoiced >= 0),
    failed          int8 NOT NULL DEFAULT 0 CHECK (failed >= 0),
    digest          numeric NOT NULL DEFAULT 0,  -- the sum of the invoices' digests as numbers, modulo 2^128
    first_due_at    timestamptz,                 -- the earliest moment that an invoice of it is issued at
    first_invoices  jsonb NOT NULL DEFAULT '[]', -- of a dry run: the first that it would issue
    started_at      timestamptz NOT NULL DEFAULT now(),
    finished_at     timestamptz,
    PRIMARY KEY (organisation_id, run_id, part)
) WITH (fillfactor = 50);

-- Sums of invoices of a run, by the plan that their subscriptions are on.
CREATE TABLE billd.billing_run_totals (
    organisation_id uuid NOT NULL,
    run_id          uuid NOT NULL,
    part            int NOT NULL,
    plan_id         uuid NOT NULL,
    currency        text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    invoices        int8 NOT NULL,
    subtotal        numeric NOT NULL, -- minor units; sums of many int8
    discount        numeric NOT NULL,
    tax             numeric NOT NULL,
    total           numeric NOT NULL,
    credit_applied  numeric NOT NULL,
    amount_due      numeric NOT NULL,
    PRIMARY KEY (organisation_id, run_id, part, plan_id, currency)
) WITH (fillfactor = 50);

-- Subscriptions that a run could not bill. It leaves each alone from then on; the next run tries it again.
CREATE TABLE billd.billing_run_failures (
    organisation_id uuid NOT NULL,
    run_id          uuid NOT NULL,
    subscription_id uuid NOT NULL,
    part            int NOT NULL,
    customer_id     uuid NOT NULL,
    due_at          timestamptz NOT NULL, -- since when
    reason          text NOT NULL,        -- a problem's slug
    detail          text,
    failed_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organisation_id, run_id, subscription_id)
);

ALTER TABLE billd.invoices
    ADD COLUMN billing_run_id uuid; -- the run that made it; none: a command, or what falls due by itself

-- Nothing may delete a subscription or an invoice, and what is inserted was made from one in hand: two look-ups for each invoice and
-- each line (17 of the 72 microseconds that an invoice takes to insert) never found anything. `billd reconcile` looks instead.
ALTER TABLE billd.invoices DROP CONSTRAINT invoices_organisation_id_subscription_id_fkey;
ALTER TABLE billd.invoice_lines DROP CONSTRAINT invoice_lines_organisation_id_invoice_id_fkey;

-- What falls due is taken in the order of due_at, then id, of a million that fall due in one second, too.
DROP INDEX billd.subscriptions_due, billd.subscriptions_due_on_clock;
CREATE INDEX subscriptions_due ON billd.subscriptions (shard, due_at, id) WHERE due_at IS NOT NULL AND test_clock_id IS NULL;
CREATE INDEX subscriptions_due_on_clock ON billd.subscriptions (test_clock_id, due_at, id)
    WHERE due_at IS NOT NULL AND test_clock_id IS NOT NULL;
-- A run looks for what is due of its organisation alone, however much the others have.
CREATE INDEX subscriptions_due_of ON billd.subscriptions (organisation_id, shard, due_at, id)
    WHERE due_at IS NOT NULL AND test_clock_id IS NULL;
-- What is parked and may be tried again: few, if any.
CREATE INDEX subscriptions_parked ON billd.subscriptions (organisation_id, shard, id) WHERE billing_problem IS NOT NULL;
CREATE INDEX subscriptions_parked_of ON billd.subscriptions (organisation_id, customer_id) WHERE billing_problem IS NOT NULL;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['billing_runs', 'billing_run_parts', 'billing_run_totals', 'billing_run_failures'] LOOP
        EXECUTE format('ALTER TABLE billd.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY own ON billd.%I USING ((organisation_id = ANY ((SELECT billd.current_organisations())::uuid[])) IS TRUE)', name);
        -- Whose runs are on their way is known only once they are found.
        EXECUTE format('CREATE POLICY due ON billd.%I FOR SELECT TO billd_worker USING (((SELECT current_setting(''billd.due'', true)) = ''on'') IS TRUE)', name);
    END LOOP;
END $$;
GRANT SELECT, INSERT ON billd.billing_runs, billd.billing_run_parts, billd.billing_run_totals, billd.billing_run_failures TO billd_worker;
-- What was asked for never changes.
GRANT UPDATE (status, due, done, invoiced, failed, totals, digest, books, updated_at, finished_at) ON billd.billing_runs TO billd_worker;
GRANT UPDATE (shard, after_due_at, after_id, due, done, invoiced, failed, digest, first_due_at, first_invoices, finished_at)
    ON billd.billing_run_parts TO billd_worker;
GRANT UPDATE (invoices, subtotal, discount, tax, total, credit_applied, amount_due) ON billd.billing_run_totals TO billd_worker;
