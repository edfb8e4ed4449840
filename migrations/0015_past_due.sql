-- What a subscription's payments stand by: its latest invoice, which alone makes it past due, and active again.

ALTER TABLE billd.subscriptions
    ADD COLUMN latest_invoice_id uuid; -- of its invoices that with the highest number; none before the first

-- What is there belongs to organisations that no migration acts for.
ALTER TABLE billd.subscriptions NO FORCE ROW LEVEL SECURITY;
ALTER TABLE billd.invoices NO FORCE ROW LEVEL SECURITY;
UPDATE billd.subscriptions s SET latest_invoice_id = i.id
FROM (SELECT DISTINCT ON (organisation_id, subscription_id) organisation_id, subscription_id, id
    FROM billd.invoices ORDER BY organisation_id, subscription_id, sequence DESC) i
WHERE (i.organisation_id, i.subscription_id) = (s.organisation_id, s.id);
ALTER TABLE billd.subscriptions FORCE ROW LEVEL SECURITY;
ALTER TABLE billd.invoices FORCE ROW LEVEL SECURITY;

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
        'discounts', api.discounts(discounts), 'tax_rate_ids', tax_rate_ids, 'latest_invoice_id', latest_invoice_id,
        'billing_problem', billing_problem, 'metadata', metadata, 'created_at', api.rfc3339(created_at),
        'updated_at', api.rfc3339(updated_at)) AS json
FROM billd.subscriptions;
