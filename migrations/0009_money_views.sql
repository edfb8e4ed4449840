-- The public JSON of what is owed and paid: the same form as the events'. A percentage is a text, as every decimal number is.

CREATE OR REPLACE VIEW api.customers AS
SELECT organisation_id, created_ms AS position, id,
    json_build_object(
        'id', id, 'name', name, 'email', email, 'external_id', external_id, 'currency', currency, 'country', country,
        'timezone', timezone, 'test_clock_id', test_clock_id, 'tax_exempt', tax_exempt, 'tax_exempt_reason', tax_exempt_reason,
        'tax_rate_ids', tax_rate_ids, 'net_terms_days', net_terms_days, 'metadata', metadata, 'credit_balance', credit_balance,
        'created_at', api.rfc3339(created_at), 'updated_at', api.rfc3339(updated_at),
        'archived_at', api.rfc3339(archived_at)) AS json
FROM billd.customers;

-- Charges as they are shown: those that were written before there were taxes name no rates.
CREATE FUNCTION api.charges(charges jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (SELECT coalesce(jsonb_agg('{"tax_rate_ids": []}'::jsonb || charge ORDER BY place), '[]')
    FROM jsonb_array_elements(charges) WITH ORDINALITY listed(charge, place));

CREATE OR REPLACE VIEW api.plans AS
SELECT organisation_id, created_ms AS position, id,
    json_build_object(
        'id', id, 'version_id', version_id, 'version', version, 'code', code, 'name', name, 'currency', currency, 'interval', interval,
        'interval_count', interval_count, 'trial_days', trial_days, 'amount', amount, 'charges', api.charges(charges),
        'metadata', metadata, 'created_at', api.rfc3339(created_at), 'updated_at', api.rfc3339(updated_at),
        'archived_at', api.rfc3339(archived_at)) AS json
FROM billd.plans;

CREATE OR REPLACE VIEW api.plan_versions AS
SELECT organisation_id, plan_id, version::int8 AS position, id,
    json_build_object(
        'id', id, 'plan_id', plan_id, 'version', version, 'currency', currency, 'interval', interval,
        'interval_count', interval_count, 'trial_days', trial_days, 'charges', api.charges(charges),
        'created_at', api.rfc3339(created_at)) AS json
FROM billd.plan_versions;

-- A subscription's discounts as they are shown: without what they are computed with inside a period.
CREATE FUNCTION api.discounts(discounts jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (SELECT coalesce(jsonb_agg(discount - ARRAY['covers', 'given', 'given_part', 'given_whole'] ORDER BY place), '[]')
    FROM jsonb_array_elements(discounts) WITH ORDINALITY listed(discount, place));

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
        'pending_version_id', pending_version_id, 'pending_quantity', pending_quantity,
        'discounts', api.discounts(discounts), 'tax_rate_ids', tax_rate_ids, 'billing_problem', billing_problem,
        'metadata', metadata, 'created_at', api.rfc3339(created_at), 'updated_at', api.rfc3339(updated_at)) AS json
FROM billd.subscriptions;

CREATE OR REPLACE VIEW api.invoices AS
SELECT organisation_id, created_ms AS position, id, customer_id, sequence AS position_of_customer,
    json_build_object(
        'id', id, 'customer_id', customer_id, 'subscription_id', subscription_id, 'number', number, 'status', status,
        'reason', reason, 'currency', currency, 'period_start', api.rfc3339(period_start),
        'period_end', api.rfc3339(period_end), 'issued_at', api.rfc3339(issued_at), 'due_at', api.rfc3339(due_at),
        'paid_at', api.rfc3339(paid_at), 'voided_at', api.rfc3339(voided_at), 'uncollectible_at', api.rfc3339(uncollectible_at),
        'tax_exempt', tax_exempt, 'tax_exempt_reason', tax_exempt_reason,
        'lines', (SELECT coalesce(json_agg(json_build_object(
                'id', line.id, 'kind', line.kind, 'charge_code', line.charge_code, 'description', line.description,
                'plan_id', line.plan_id, 'proration', line.proration, 'quantity', line.quantity,
                'quantity_decimal', line.quantity_decimal::text, 'unit_amount', line.unit_amount,
                'unit_amount_decimal', line.unit_amount_decimal::text, 'amount', line.amount, 'discount', line.discount,
                'discounts', line.discounts, 'tax', line.tax, 'tax_included', line.tax_included, 'taxes', line.taxes,
                'credited', line.credited, 'credited_taxes', line.credited_taxes, 'deferred', line.deferred,
                'period_start', api.rfc3339(line.period_start), 'period_end', api.rfc3339(line.period_end),
                'explanation', line.explanation)
                ORDER BY line.position), '[]'::json)
            FROM billd.invoice_lines line
            WHERE line.organisation_id = invoice.organisation_id AND line.invoice_id = invoice.id),
        'discounts', discounts, 'taxes', taxes, 'subtotal', subtotal, 'discount', discount, 'tax', tax, 'tax_included', tax_included,
        'total', total, 'credit_applied', credit_applied, 'amount_due', amount_due, 'amount_paid', amount_paid,
        'amount_credited', amount_credited, 'amount_refunded', amount_refunded, 'credited_total', credited_total,
        'payment_id', payment_id, 'digest', digest,
        'created_at', api.rfc3339(created_at), 'updated_at', api.rfc3339(updated_at)) AS json
FROM billd.invoices invoice;

CREATE OR REPLACE VIEW api.credit_entries AS
SELECT organisation_id, customer_id, sequence AS position, id,
    json_build_object(
        'id', id, 'customer_id', customer_id, 'sequence', sequence, 'reason', reason, 'amount', amount,
        'balance_after', balance_after, 'currency', currency, 'subscription_id', subscription_id, 'invoice_id', invoice_id,
        'credit_note_id', credit_note_id, 'description', description, 'lines', lines, 'discount', discount, 'discounts', discounts,
        'tax', tax, 'tax_included', tax_included, 'taxes', taxes, 'created_at', api.rfc3339(created_at)) AS json
FROM billd.credit_entries;

-- One is shown by its id.
CREATE UNIQUE INDEX credit_entries_id ON billd.credit_entries (organisation_id, id);

CREATE VIEW api.coupons AS
SELECT organisation_id, created_ms AS position, id,
    json_build_object(
        'id', id, 'code', code, 'name', name, 'percent_off', trim_scale(percent_off)::text, 'amount_off', amount_off,
        'currency', currency, 'duration', duration, 'duration_periods', duration_periods, 'max_redemptions', max_redemptions,
        'redemptions', redemptions, 'redeem_by', api.rfc3339(redeem_by), 'plan_ids', plan_ids, 'metadata', metadata,
        'created_at', api.rfc3339(created_at), 'updated_at', api.rfc3339(updated_at),
        'archived_at', api.rfc3339(archived_at)) AS json
FROM billd.coupons;

CREATE VIEW api.tax_rates AS
SELECT organisation_id, created_ms AS position, id,
    json_build_object(
        'id', id, 'code', code, 'name', name, 'percentage', trim_scale(percentage)::text, 'inclusive', inclusive,
        'country', country, 'metadata', metadata, 'created_at', api.rfc3339(created_at), 'updated_at', api.rfc3339(updated_at),
        'archived_at', api.rfc3339(archived_at)) AS json
FROM billd.tax_rates;

CREATE VIEW api.items AS
SELECT organisation_id, customer_id, created_ms AS position, id,
    json_build_object(
        'id', id, 'customer_id', customer_id, 'status', status, 'description', description, 'amount', amount,
        'currency', currency, 'tax_rate_ids', tax_rate_ids, 'invoice_id', invoice_id, 'credit_entry_id', credit_entry_id,
        'metadata', metadata, 'created_at', api.rfc3339(created_at), 'updated_at', api.rfc3339(updated_at)) AS json
FROM billd.items;

CREATE VIEW api.credit_notes AS
SELECT organisation_id, created_ms AS position, id, invoice_id,
    json_build_object(
        'id', id, 'customer_id', customer_id, 'invoice_id', invoice_id, 'number', number, 'reason', reason, 'currency', currency,
        'lines', lines, 'taxes', taxes, 'subtotal', subtotal, 'tax', tax, 'tax_included', tax_included, 'total', total,
        'applied', applied, 'credited', credited, 'refunded', refunded, 'created_at', api.rfc3339(created_at)) AS json
FROM billd.credit_notes;

CREATE VIEW api.payments AS
SELECT organisation_id, created_ms AS position, id, invoice_id,
    json_build_object(
        'id', id, 'customer_id', customer_id, 'test_clock_id', test_clock_id, 'invoice_id', invoice_id, 'kind', kind,
        'status', status, 'payment_method', payment_method, 'amount', amount, 'currency', currency,
        'amount_refunded', amount_refunded, 'refund_of', refund_of, 'credit_note_id', credit_note_id, 'reference', reference,
        'failure_code', failure_code, 'created_at', api.rfc3339(created_at), 'updated_at', api.rfc3339(updated_at),
        'settled_at', api.rfc3339(settled_at)) AS json
FROM billd.payments;

-- An entry is shown by the accounts that it moves; each is a column, too, by which lists are narrowed.
CREATE VIEW api.journal AS
SELECT organisation_id, created_ms AS position, id, document_id, receivable, cash, customer_credit, deferred_revenue, revenue,
    tax_payable, refunds_payable, bad_debt, credits_granted,
    json_build_object(
        'id', id, 'reason', reason, 'document_type', document_type, 'document_id', document_id, 'customer_id', customer_id,
        'test_clock_id', test_clock_id, 'currency', currency,
        'postings', (SELECT coalesce(json_agg(json_build_object('account', account, 'amount', amount) ORDER BY place), '[]'::json)
            FROM (VALUES (1, 'receivable', receivable), (2, 'cash', cash), (3, 'customer_credit', customer_credit),
                (4, 'deferred_revenue', deferred_revenue), (5, 'revenue', revenue), (6, 'tax_payable', tax_payable),
                (7, 'refunds_payable', refunds_payable), (8, 'bad_debt', bad_debt), (9, 'credits_granted', credits_granted)
            ) posting(place, account, amount)
            WHERE amount <> 0),
        'booked_at', api.rfc3339(booked_at), 'created_at', api.rfc3339(to_timestamp(created_ms / 1000))) AS json
FROM billd.journal;

GRANT SELECT ON api.invoices, api.coupons, api.tax_rates, api.items, api.credit_notes, api.payments, api.journal TO billd_api;
