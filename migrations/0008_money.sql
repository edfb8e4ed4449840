-- What is owed, and what was paid: coupons, tax rates, items, states of invoices, credit notes, payments, the journal.

-- What is there belongs to organisations that no migration acts for.
ALTER TABLE billd.customers NO FORCE ROW LEVEL SECURITY;
ALTER TABLE billd.plans NO FORCE ROW LEVEL SECURITY;
ALTER TABLE billd.plan_versions NO FORCE ROW LEVEL SECURITY;
ALTER TABLE billd.subscriptions NO FORCE ROW LEVEL SECURITY;
ALTER TABLE billd.invoices NO FORCE ROW LEVEL SECURITY;
ALTER TABLE billd.invoice_lines NO FORCE ROW LEVEL SECURITY;
ALTER TABLE billd.credit_entries NO FORCE ROW LEVEL SECURITY;
ALTER TABLE identity.organisations NO FORCE ROW LEVEL SECURITY;

-- Names of the settings that have a meaning from now on; who had them for something else has the rules' values.
UPDATE identity.organisations SET settings = settings - 'invoice_numbering'
WHERE settings ->> 'invoice_numbering' NOT IN ('customer', 'organisation');
UPDATE identity.organisations SET settings = settings - 'invoice_prefix' WHERE settings ->> 'invoice_prefix' !~ '^[A-Z0-9]{1,12}$';
UPDATE identity.organisations SET settings = settings - 'net_terms_days' WHERE settings ->> 'net_terms_days' !~ '^([0-9]|[1-9][0-9]|[12][0-9]{2}|3[0-5][0-9]|36[0-5])$';
UPDATE identity.organisations SET settings = settings - 'tax_rate_ids' WHERE settings ? 'tax_rate_ids'; -- there are no rates yet
ALTER TABLE identity.organisations
    ADD CHECK (settings ->> 'invoice_numbering' IN ('customer', 'organisation')),
    ADD CHECK (settings ->> 'invoice_prefix' ~ '^[A-Z0-9]{1,12}$'),
    ADD CHECK (settings ->> 'net_terms_days' ~ '^([0-9]|[1-9][0-9]|[12][0-9]{2}|3[0-5][0-9]|36[0-5])$'),
    ADD CHECK (settings ->> 'tax_rate_ids' ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(,[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}){0,4}$');

-- What is taken off. Terms are written once; redemptions is the counter that every worker takes the row's lock for.
CREATE TABLE billd.coupons (
    organisation_id  uuid NOT NULL,
    id               uuid NOT NULL,
    code             text NOT NULL CHECK (code <> ''),
    name             text NOT NULL CHECK (name <> ''),
    percent_off      numeric CHECK (percent_off > 0 AND percent_off <= 100),
    amount_off       int8 CHECK (amount_off > 0), -- minor units
    currency         text CHECK (currency ~ '^[A-Z]{3}$'),
    duration         text NOT NULL CHECK (duration IN ('once', 'repeating', 'forever')),
    duration_periods int8 CHECK (duration_periods > 0),
    max_redemptions  int8 CHECK (max_redemptions > 0),
    redemptions      int8 NOT NULL CHECK (redemptions >= 0),
    redeem_by        timestamptz,
    plan_ids         jsonb NOT NULL CHECK (jsonb_typeof(plan_ids) = 'array'), -- none: all plans
    metadata         jsonb NOT NULL,
    created_ms       int8 NOT NULL,
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    archived_at      timestamptz,
    PRIMARY KEY (organisation_id, id),
    CHECK ((percent_off IS NULL) <> (amount_off IS NULL)),
    CHECK ((amount_off IS NULL) = (currency IS NULL)),
    CHECK ((duration = 'repeating') = (duration_periods IS NOT NULL)),
    CHECK (redemptions <= max_redemptions)
) WITH (fillfactor = 50);

CREATE INDEX coupons_list ON billd.coupons (organisation_id, created_ms, id);
CREATE UNIQUE INDEX coupons_code ON billd.coupons (organisation_id, code) WHERE archived_at IS NULL;

-- Written once, as invoices name them.
CREATE TABLE billd.tax_rates (
    organisation_id uuid NOT NULL,
    id              uuid NOT NULL,
    code            text NOT NULL CHECK (code <> ''),
    name            text NOT NULL CHECK (name <> ''),
    percentage      numeric NOT NULL CHECK (percentage >= 0 AND percentage <= 100),
    inclusive       bool NOT NULL,
    country         text CHECK (country ~ '^[A-Z]{2}$'),
    metadata        jsonb NOT NULL,
    created_ms      int8 NOT NULL,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    archived_at     timestamptz,
    PRIMARY KEY (organisation_id, id)
);

CREATE INDEX tax_rates_list ON billd.tax_rates (organisation_id, created_ms, id);
CREATE UNIQUE INDEX tax_rates_code ON billd.tax_rates (organisation_id, code) WHERE archived_at IS NULL;

-- Each charge names its taxes: those that are there have none of their own.
UPDATE billd.plans SET charges = (SELECT jsonb_agg(charge || '{"tax_rate_ids": []}' ORDER BY place)
    FROM jsonb_array_elements(charges) WITH ORDINALITY c (charge, place));
UPDATE billd.plan_versions SET charges = (SELECT jsonb_agg(charge || '{"tax_rate_ids": []}' ORDER BY place)
    FROM jsonb_array_elements(charges) WITH ORDINALITY c (charge, place));

ALTER TABLE billd.customers
    ADD COLUMN tax_exempt text NOT NULL DEFAULT 'none' CHECK (tax_exempt IN ('none', 'exempt', 'reverse')),
    ADD COLUMN tax_exempt_reason text,
    ADD COLUMN tax_rate_ids jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN net_terms_days int8 CHECK (net_terms_days BETWEEN 0 AND 365), -- none: the organisation's
    ADD COLUMN credit_note_count int8 NOT NULL DEFAULT 0 CHECK (credit_note_count >= 0), -- numbers given so far
    ADD COLUMN items_pending int8 NOT NULL DEFAULT 0 CHECK (items_pending >= 0);         -- that the next invoice takes
ALTER TABLE billd.customers
    ALTER COLUMN tax_exempt DROP DEFAULT, ALTER COLUMN tax_rate_ids DROP DEFAULT,
    ALTER COLUMN credit_note_count DROP DEFAULT, ALTER COLUMN items_pending DROP DEFAULT;

ALTER TABLE billd.subscriptions
    ADD COLUMN discounts jsonb NOT NULL DEFAULT '[]',    -- the coupons that it came with, in their order, and how far each is used up
    ADD COLUMN tax_rate_ids jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN deferred int8 NOT NULL DEFAULT 0 CHECK (deferred >= 0), -- minor units, charged in advance and not earned yet:
    ADD COLUMN deferred_from timestamptz,                -- for the time from here
    ADD COLUMN deferred_until timestamptz,               -- up to here
    ADD CHECK (deferred_from <= deferred_until),
    ADD CHECK (deferred = 0 OR deferred_until IS NOT NULL);
ALTER TABLE billd.subscriptions
    ALTER COLUMN discounts DROP DEFAULT, ALTER COLUMN tax_rate_ids DROP DEFAULT, ALTER COLUMN deferred DROP DEFAULT;

-- One-off items, which the customer's next invoice takes.
CREATE TABLE billd.items (
    organisation_id uuid NOT NULL,
    id              uuid NOT NULL,
    shard           int NOT NULL CHECK (shard BETWEEN 0 AND 1023),
    customer_id     uuid NOT NULL,
    status          text NOT NULL CHECK (status IN ('pending', 'billed', 'canceled')),
    description     text NOT NULL CHECK (description <> ''),
    amount          int8 NOT NULL CHECK (amount > 0),
    currency        text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    tax_rate_ids    jsonb NOT NULL CHECK (jsonb_typeof(tax_rate_ids) = 'array'),
    invoice_id      uuid,   -- what took it: an invoice,
    credit_entry_id uuid,   -- or, where the whole came to less than 0, a credit
    metadata        jsonb NOT NULL,
    created_ms      int8 NOT NULL,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    PRIMARY KEY (organisation_id, id),
    CHECK ((status = 'billed') = (num_nonnulls(invoice_id, credit_entry_id) = 1))
);

CREATE INDEX items_list ON billd.items (organisation_id, customer_id, created_ms, id);
CREATE INDEX items_pending ON billd.items (organisation_id, customer_id, id) WHERE status = 'pending';

-- A discount can be below zero: credited lines give back what was taken off them.
ALTER TABLE billd.invoices
    DROP CONSTRAINT invoices_discount_check,
    DROP CONSTRAINT invoices_check1, -- total
    ADD COLUMN series_sequence int8 CHECK (series_sequence > 0), -- the number in the organisation's series, where it has one
    ADD COLUMN discounts jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN taxes jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN tax_included int8 NOT NULL DEFAULT 0,    -- the part of the tax that the lines contain
    ADD COLUMN tax_exempt text NOT NULL DEFAULT 'none' CHECK (tax_exempt IN ('none', 'exempt', 'reverse')),
    ADD COLUMN tax_exempt_reason text,
    ADD COLUMN amount_credited int8 NOT NULL DEFAULT 0 CHECK (amount_credited >= 0), -- what credit notes took off amount_due
    ADD COLUMN amount_refunded int8 NOT NULL DEFAULT 0 CHECK (amount_refunded >= 0), -- of amount_paid
    ADD COLUMN credited_total int8 NOT NULL DEFAULT 0 CHECK (credited_total >= 0),   -- of all credit notes
    ADD COLUMN payment_id uuid,                          -- the payment that is on its way
    ADD COLUMN voided_at timestamptz,
    ADD COLUMN uncollectible_at timestamptz,
    ADD CONSTRAINT invoices_total CHECK (total = subtotal - discount + tax - tax_included),
    ADD CONSTRAINT invoices_paid CHECK (amount_paid + amount_credited <= amount_due AND amount_refunded <= amount_paid),
    ADD CONSTRAINT invoices_credited CHECK (credited_total <= total AND amount_credited <= credited_total),
    ADD CHECK ((voided_at IS NOT NULL) = (status = 'void')),
    ADD CHECK ((uncollectible_at IS NOT NULL) = (status = 'uncollectible'));
ALTER TABLE billd.invoices
    ALTER COLUMN discounts DROP DEFAULT, ALTER COLUMN taxes DROP DEFAULT, ALTER COLUMN tax_included DROP DEFAULT,
    ALTER COLUMN tax_exempt DROP DEFAULT, ALTER COLUMN amount_credited DROP DEFAULT, ALTER COLUMN amount_refunded DROP DEFAULT,
    ALTER COLUMN credited_total DROP DEFAULT;
CREATE UNIQUE INDEX invoices_series ON billd.invoices (organisation_id, series_sequence) WHERE series_sequence IS NOT NULL;

DROP VIEW api.invoices; -- made anew by the next migration
ALTER TABLE billd.invoice_lines
    DROP CONSTRAINT invoice_lines_kind_check,
    ADD CHECK (kind IN ('charge', 'minimum', 'maximum', 'item')),
    ADD COLUMN deferred bool NOT NULL DEFAULT false,       -- charged in advance: earned over its period
    ADD COLUMN discount int8 NOT NULL DEFAULT 0,           -- the sum of the coupons' shares
    ADD COLUMN discounts jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN tax int8 NOT NULL DEFAULT 0,                -- likewise of the taxes
    ADD COLUMN tax_included int8 NOT NULL DEFAULT 0,
    ADD COLUMN taxes jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN credited int8 NOT NULL DEFAULT 0,           -- of amount - discount, by credit notes
    ADD COLUMN credited_taxes jsonb NOT NULL DEFAULT '[]', -- likewise of each of its taxes
    ALTER COLUMN explanation TYPE json USING explanation::json, -- later events tell it byte for byte as the first one did
    ADD CHECK (credited BETWEEN least(0, amount - discount) AND greatest(0, amount - discount));
ALTER TABLE billd.invoice_lines
    ALTER COLUMN deferred DROP DEFAULT, ALTER COLUMN discount DROP DEFAULT, ALTER COLUMN discounts DROP DEFAULT,
    ALTER COLUMN tax DROP DEFAULT, ALTER COLUMN tax_included DROP DEFAULT, ALTER COLUMN taxes DROP DEFAULT,
    ALTER COLUMN credited DROP DEFAULT, ALTER COLUMN credited_taxes DROP DEFAULT;

ALTER TABLE billd.credit_entries
    DROP CONSTRAINT credit_entries_reason_check,
    ADD CHECK (reason IN ('proration', 'invoice', 'grant', 'invoice_void', 'credit_note', 'refund_failed')),
    ADD COLUMN credit_note_id uuid,
    ADD COLUMN description text,
    ADD COLUMN discount int8 NOT NULL DEFAULT 0,     -- as an invoice's, of what `lines` give back
    ADD COLUMN discounts jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN tax int8 NOT NULL DEFAULT 0,
    ADD COLUMN tax_included int8 NOT NULL DEFAULT 0,
    ADD COLUMN taxes jsonb NOT NULL DEFAULT '[]';
ALTER TABLE billd.credit_entries
    ALTER COLUMN discount DROP DEFAULT, ALTER COLUMN discounts DROP DEFAULT, ALTER COLUMN tax DROP DEFAULT,
    ALTER COLUMN tax_included DROP DEFAULT, ALTER COLUMN taxes DROP DEFAULT;

-- The counters of numbers that go on over an organisation's customers.
CREATE TABLE billd.number_series (
    organisation_id   uuid NOT NULL PRIMARY KEY,
    invoice_count     int8 NOT NULL CHECK (invoice_count >= 0),
    credit_note_count int8 NOT NULL CHECK (credit_note_count >= 0)
) WITH (fillfactor = 50);

-- Corrections of issued invoices. Written once.
CREATE TABLE billd.credit_notes (
    organisation_id uuid NOT NULL,
    id              uuid NOT NULL,
    shard           int NOT NULL CHECK (shard BETWEEN 0 AND 1023),
    customer_id     uuid NOT NULL,
    invoice_id      uuid NOT NULL,
    number          text NOT NULL,
    sequence        int8 NOT NULL CHECK (sequence > 0),          -- of the customer's notes, without gaps
    series_sequence int8 CHECK (series_sequence > 0),            -- of the organisation's, where it has one series
    reason          text,
    currency        text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    lines           jsonb NOT NULL CHECK (jsonb_typeof(lines) = 'array'),
    taxes           jsonb NOT NULL CHECK (jsonb_typeof(taxes) = 'array'),
    subtotal        int8 NOT NULL, -- one of these can be below 0, where credited lines have other rates than charged ones
    tax             int8 NOT NULL,
    tax_included    int8 NOT NULL,
    total           int8 NOT NULL CHECK (total > 0),
    applied         int8 NOT NULL CHECK (applied >= 0),          -- taken off what was still to be paid
    credited        int8 NOT NULL CHECK (credited >= 0),         -- given to the credit balance
    refunded        int8 NOT NULL CHECK (refunded >= 0),         -- to be paid back
    created_ms      int8 NOT NULL,
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (organisation_id, id),
    FOREIGN KEY (organisation_id, invoice_id) REFERENCES billd.invoices,
    CHECK (total = subtotal + tax - tax_included),
    CHECK (total = applied + credited + refunded)
);

CREATE INDEX credit_notes_list ON billd.credit_notes (organisation_id, created_ms, id);
CREATE INDEX credit_notes_invoice ON billd.credit_notes (organisation_id, invoice_id);
CREATE UNIQUE INDEX credit_notes_sequence ON billd.credit_notes (organisation_id, customer_id, sequence);
CREATE UNIQUE INDEX credit_notes_series ON billd.credit_notes (organisation_id, series_sequence) WHERE series_sequence IS NOT NULL;

-- Money that comes, or goes back: a row is committed before a provider is asked, and its id is what the provider knows it by.
CREATE TABLE billd.payments (
    organisation_id uuid NOT NULL,
    id              uuid NOT NULL,
    shard           int NOT NULL CHECK (shard BETWEEN 0 AND 1023),
    customer_id     uuid NOT NULL,
    test_clock_id   uuid,
    invoice_id      uuid NOT NULL,
    kind            text NOT NULL CHECK (kind IN ('payment', 'refund')),
    status          text NOT NULL CHECK (status IN ('processing', 'unknown', 'succeeded', 'failed')),
    payment_method  text NOT NULL CHECK (payment_method <> ''),
    amount          int8 NOT NULL CHECK (amount > 0),
    currency        text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    amount_refunded int8 NOT NULL CHECK (amount_refunded BETWEEN 0 AND amount), -- of a payment, also while it is on its way
    refund_of       uuid,    -- of a refund: the payment
    credit_note_id  uuid,    -- of a refund: why
    reference       text,    -- the provider's; of a manual one the payer's
    failure_code    text,
    operation_id    uuid NOT NULL,      -- who asked for it: written down when it is settled
    accepted_ms     int8 NOT NULL,
    idempotency_key text,
    actor           text,
    address         text,
    request_id      text,
    created_ms      int8 NOT NULL,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    settled_at      timestamptz,
    PRIMARY KEY (organisation_id, id),
    FOREIGN KEY (organisation_id, invoice_id) REFERENCES billd.invoices,
    CHECK ((settled_at IS NOT NULL) = (status IN ('succeeded', 'failed'))),
    CHECK ((kind = 'refund') = (refund_of IS NOT NULL)),
    CHECK ((kind = 'refund') = (credit_note_id IS NOT NULL))
) WITH (fillfactor = 90);

CREATE INDEX payments_list ON billd.payments (organisation_id, created_ms, id);
CREATE INDEX payments_invoice ON billd.payments (organisation_id, invoice_id, created_ms, id);
-- One payment on its way for each invoice: whatever races, nobody is charged twice.
CREATE UNIQUE INDEX payments_in_flight ON billd.payments (organisation_id, invoice_id)
    WHERE kind = 'payment' AND status IN ('processing', 'unknown');
CREATE INDEX payments_unsettled ON billd.payments (shard, created_ms) WHERE status IN ('processing', 'unknown');

-- Double entry: a row is an entry, a column an account; debits are positive, credits negative. Nothing changes an entry.
CREATE TABLE billd.journal (
    organisation_id  uuid NOT NULL,
    id               uuid NOT NULL,
    shard            int NOT NULL CHECK (shard BETWEEN 0 AND 1023),
    customer_id      uuid NOT NULL,
    test_clock_id    uuid,
    reason           text NOT NULL CHECK (reason IN ('invoice', 'invoice_void', 'invoice_uncollectible', 'credit_note', 'credit',
        'payment', 'refund', 'refund_failed', 'revenue')),
    document_type    text NOT NULL CHECK (document_type IN ('invoice', 'credit_note', 'credit_entry', 'payment', 'subscription')),
    document_id      uuid NOT NULL,
    currency         text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    receivable       int8 NOT NULL,
    cash             int8 NOT NULL,
    customer_credit  int8 NOT NULL,
    deferred_revenue int8 NOT NULL,
    revenue          int8 NOT NULL,
    tax_payable      int8 NOT NULL,
    refunds_payable  int8 NOT NULL,
    bad_debt         int8 NOT NULL,
    credits_granted  int8 NOT NULL,
    created_ms       int8 NOT NULL,
    booked_at        timestamptz NOT NULL, -- the moment that it is for
    PRIMARY KEY (organisation_id, id),
    CONSTRAINT journal_balanced CHECK (receivable + cash + customer_credit + deferred_revenue + revenue + tax_payable
        + refunds_payable + bad_debt + credits_granted = 0)
);

CREATE INDEX journal_list ON billd.journal (organisation_id, created_ms, id);
CREATE INDEX journal_document ON billd.journal (organisation_id, document_id);

-- What was booked before there was a journal: receivables and credit balances are opened as they stand.
INSERT INTO billd.journal
SELECT i.organisation_id, i.id, i.shard, i.customer_id, c.test_clock_id, 'invoice', 'invoice', i.id, i.currency,
    i.amount_due, 0, i.credit_applied, 0, -i.total, 0, 0, 0, 0, i.created_ms, i.issued_at
FROM billd.invoices i JOIN billd.customers c ON c.organisation_id = i.organisation_id AND c.id = i.customer_id
WHERE i.total <> 0;
INSERT INTO billd.journal
SELECT e.organisation_id, e.id, e.shard, e.customer_id, c.test_clock_id, 'credit', 'credit_entry', e.id, e.currency,
    0, 0, -e.amount, 0, e.amount, 0, 0, 0, 0, e.created_ms, e.created_at
FROM billd.credit_entries e JOIN billd.customers c ON c.organisation_id = e.organisation_id AND c.id = e.customer_id
WHERE e.reason = 'proration';

-- The book of the simulated provider, which knows nothing of billing: what it was asked for under which key, and what it did.
CREATE SCHEMA simulated_provider;
CREATE TABLE simulated_provider.transfers (
    key       uuid NOT NULL PRIMARY KEY,  -- the caller's: the same key is the same transfer
    reference text NOT NULL,              -- the caller's: what it is for
    kind      text NOT NULL CHECK (kind IN ('payment', 'refund')),
    method    text NOT NULL,
    amount    int8 NOT NULL CHECK (amount > 0),
    currency  text NOT NULL,
    outcome   text NOT NULL CHECK (outcome IN ('succeeded', 'declined')),
    code      text,
    asked     int NOT NULL DEFAULT 1,     -- how often it was asked for
    made_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX transfers_reference ON simulated_provider.transfers (reference, method);
GRANT USAGE ON SCHEMA simulated_provider TO billd_worker;
GRANT SELECT, INSERT, UPDATE ON simulated_provider.transfers TO billd_worker;

ALTER TABLE billd.customers FORCE ROW LEVEL SECURITY;
ALTER TABLE billd.plans FORCE ROW LEVEL SECURITY;
ALTER TABLE billd.plan_versions FORCE ROW LEVEL SECURITY;
ALTER TABLE billd.subscriptions FORCE ROW LEVEL SECURITY;
ALTER TABLE billd.invoices FORCE ROW LEVEL SECURITY;
ALTER TABLE billd.invoice_lines FORCE ROW LEVEL SECURITY;
ALTER TABLE billd.credit_entries FORCE ROW LEVEL SECURITY;
ALTER TABLE identity.organisations FORCE ROW LEVEL SECURITY;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['coupons', 'tax_rates', 'items', 'number_series', 'credit_notes', 'payments', 'journal'] LOOP
        EXECUTE format('ALTER TABLE billd.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY own ON billd.%I USING ((organisation_id = ANY ((SELECT billd.current_organisations())::uuid[])) IS TRUE)', name);
    END LOOP;
END $$;

-- Who lists the organisations, or compares the books of all, is the operator: the owner, and in a transaction that says so.
CREATE POLICY every ON identity.organisations FOR SELECT TO CURRENT_USER
    USING (((SELECT current_setting('billd.every', true)) = 'on') IS TRUE);
-- Whose payments wait for a provider's answer is known only once they are found.
CREATE POLICY due ON billd.payments FOR SELECT TO billd_worker USING (((SELECT current_setting('billd.due', true)) = 'on') IS TRUE);

GRANT SELECT, INSERT, UPDATE ON billd.items, billd.number_series, billd.payments TO billd_worker;
-- Terms that somebody took, documents and entries never change; what may change of them is named.
GRANT SELECT, INSERT ON billd.coupons, billd.tax_rates, billd.credit_notes, billd.journal TO billd_worker;
GRANT UPDATE (redemptions, updated_at, archived_at) ON billd.coupons TO billd_worker;
GRANT UPDATE (updated_at, archived_at) ON billd.tax_rates TO billd_worker;
GRANT UPDATE (status, amount_paid, amount_credited, amount_refunded, credited_total, payment_id, paid_at, voided_at, uncollectible_at,
    updated_at) ON billd.invoices TO billd_worker;
GRANT UPDATE (credited, credited_taxes) ON billd.invoice_lines TO billd_worker;
-- A preview computes what a worker would, from the same rows.
GRANT SELECT ON billd.coupons, billd.tax_rates, billd.items TO billd_api;
