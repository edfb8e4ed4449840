-- The public JSON of each resource. A row of a view is what GET answers; `position` and `id` are the keys by which lists are paged.
-- The views run as their owner, whom forced row-level security binds as well.

CREATE VIEW api.customers AS
SELECT organisation_id, created_ms AS position, id,
    json_build_object(
        'id', id, 'name', name, 'email', email, 'external_id', external_id, 'currency', currency, 'country', country,
        'timezone', timezone, 'metadata', metadata, 'credit_balance', credit_balance,
        'created_at', api.rfc3339(created_at), 'updated_at', api.rfc3339(updated_at),
        'archived_at', api.rfc3339(archived_at)) AS json
FROM billd.customers;

CREATE VIEW api.plans AS
SELECT organisation_id, created_ms AS position, id,
    json_build_object(
        'id', id, 'code', code, 'name', name, 'currency', currency, 'interval', interval,
        'interval_count', interval_count, 'amount', amount, 'metadata', metadata,
        'created_at', api.rfc3339(created_at), 'updated_at', api.rfc3339(updated_at),
        'archived_at', api.rfc3339(archived_at)) AS json
FROM billd.plans;

CREATE VIEW api.subscriptions AS
SELECT organisation_id, created_ms AS position, id,
    json_build_object(
        'id', id, 'customer_id', customer_id, 'plan_id', plan_id, 'status', status, 'timezone', timezone,
        'anchor_at', api.rfc3339(anchor_at), 'current_period_start', api.rfc3339(current_period_start),
        'current_period_end', api.rfc3339(current_period_end), 'started_at', api.rfc3339(started_at),
        'cancel_at_period_end', cancel_at_period_end, 'canceled_at', api.rfc3339(canceled_at),
        'ended_at', api.rfc3339(ended_at), 'metadata', metadata,
        'created_at', api.rfc3339(created_at), 'updated_at', api.rfc3339(updated_at)) AS json
FROM billd.subscriptions;

-- position_of_customer pages one customer's invoices.
CREATE VIEW api.invoices AS
SELECT organisation_id, created_ms AS position, id, customer_id, sequence AS position_of_customer,
    json_build_object(
        'id', id, 'customer_id', customer_id, 'subscription_id', subscription_id, 'number', number, 'status', status,
        'reason', reason, 'currency', currency, 'period_start', api.rfc3339(period_start),
        'period_end', api.rfc3339(period_end), 'issued_at', api.rfc3339(issued_at), 'due_at', api.rfc3339(due_at),
        'paid_at', api.rfc3339(paid_at),
        'lines', (SELECT json_agg(json_build_object(
                'id', line.id, 'description', line.description, 'plan_id', line.plan_id, 'quantity', line.quantity,
                'unit_amount', line.unit_amount, 'amount', line.amount,
                'period_start', api.rfc3339(line.period_start), 'period_end', api.rfc3339(line.period_end))
                ORDER BY line.position)
            FROM billd.invoice_lines line
            WHERE line.organisation_id = invoice.organisation_id AND line.invoice_id = invoice.id),
        'discounts', '[]'::json, 'taxes', '[]'::json,
        'subtotal', subtotal, 'discount', discount, 'tax', tax, 'total', total, 'credit_applied', credit_applied,
        'amount_due', amount_due, 'amount_paid', amount_paid,
        'created_at', api.rfc3339(created_at), 'updated_at', api.rfc3339(updated_at)) AS json
FROM billd.invoices invoice;

CREATE VIEW api.operations AS
SELECT organisation_id, id, status, resource_type, resource_id, problem,
    json_build_object(
        'id', id, 'command', command, 'status', status,
        'resource', json_build_object('type', resource_type, 'id', resource_id), 'error', problem,
        'accepted_at', api.rfc3339(accepted_at), 'completed_at', api.rfc3339(completed_at)) AS json
FROM billd.operations;

CREATE VIEW api.events AS
SELECT organisation_id, partition, number, id, type, subject, operation_id, occurred_at, value
FROM billd.outbox;

GRANT SELECT ON api.customers, api.plans, api.subscriptions, api.invoices, api.operations, api.events TO billd_api;

-- How many messages wait for an operator: a figure for /metrics, without whose they are.
CREATE VIEW api.dead_letters_waiting AS
SELECT count(*) AS waiting FROM billd.dead_letters WHERE replayed_at IS NULL;

GRANT SELECT ON api.dead_letters_waiting TO billd_api;
