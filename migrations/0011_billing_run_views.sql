-- The public JSON of billing runs: the form of their events, and what a run is known to have come to, while it is on its way, too.

-- A sum as it is shown: none where it passes 64 bits.
CREATE FUNCTION api.minor(amount numeric) RETURNS int8
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN abs(amount) <= 9223372036854775807 THEN amount::int8 END;

-- Sums of invoices, added up by currency, and by plan where that is wanted, less what is taken from them. A sum is none where a part of it is.
CREATE FUNCTION api.run_sums(added jsonb, taken jsonb, by_plan bool) RETURNS json
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
    SELECT coalesce(json_agg(
        CASE WHEN by_plan THEN json_build_object(
            'plan_id', plan, 'currency', currency, 'invoices', invoices, 'subtotal', subtotal, 'discount', discount, 'tax', tax,
            'total', total, 'credit_applied', credit_applied, 'amount_due', amount_due)
        ELSE json_build_object(
            'currency', currency, 'invoices', invoices, 'subtotal', subtotal, 'discount', discount, 'tax', tax,
            'total', total, 'credit_applied', credit_applied, 'amount_due', amount_due) END
        ORDER BY plan, currency), '[]')
    FROM (
        SELECT CASE WHEN by_plan THEN plan_id END AS plan, currency, api.minor(sum(sign * invoices)) AS invoices,
            api.minor(CASE WHEN count(subtotal) = count(*) THEN sum(sign * subtotal) END) AS subtotal,
            api.minor(CASE WHEN count(discount) = count(*) THEN sum(sign * discount) END) AS discount,
            api.minor(CASE WHEN count(tax) = count(*) THEN sum(sign * tax) END) AS tax,
            api.minor(CASE WHEN count(total) = count(*) THEN sum(sign * total) END) AS total,
            api.minor(CASE WHEN count(credit_applied) = count(*) THEN sum(sign * credit_applied) END) AS credit_applied,
            api.minor(CASE WHEN count(amount_due) = count(*) THEN sum(sign * amount_due) END) AS amount_due
        FROM (VALUES (1, added), (-1, taken)) side(sign, sums)
        CROSS JOIN LATERAL jsonb_to_recordset(side.sums) AS listed(
            plan_id uuid, currency text, invoices numeric, subtotal numeric, discount numeric, tax numeric, total numeric,
            credit_applied numeric, amount_due numeric)
        GROUP BY plan, currency
    ) sums
);

-- What the invoices of each run come to, by plan, as api.run_sums takes it. Nobody's but the view's below.
CREATE VIEW api.billing_run_plans AS
SELECT organisation_id, run_id,
    jsonb_agg(jsonb_build_object(
        'plan_id', plan_id, 'currency', currency, 'invoices', invoices, 'subtotal', subtotal, 'discount', discount, 'tax', tax,
        'total', total, 'credit_applied', credit_applied, 'amount_due', amount_due)) AS sums
FROM (
    SELECT organisation_id, run_id, plan_id, currency, sum(invoices) AS invoices, sum(subtotal) AS subtotal, sum(discount) AS discount,
        sum(tax) AS tax, sum(total) AS total, sum(credit_applied) AS credit_applied, sum(amount_due) AS amount_due
    FROM billd.billing_run_totals
    GROUP BY organisation_id, run_id, plan_id, currency
) by_plan
GROUP BY organisation_id, run_id;

-- Two objects as one, in this order.
CREATE FUNCTION api.joined(head json, tail json) RETURNS json
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (left(head::text, -1) || ', ' || substr(tail::text, 2))::json;

-- What a list shows. A run that is finished shows what it was closed with; any other what its parts and their totals say by now. `is_over`: nothing
-- of it changes any more. `mark`: the same as long as nothing of it has changed, and cheap. Both it and the JSON cost nothing where they are not asked for.
CREATE VIEW api.billing_run_summaries AS
SELECT run.organisation_id, run.created_ms AS position, run.id, run.status IN ('canceled', 'finished') AS is_over,
    (SELECT concat_ws(' ', run.status, extract(epoch FROM run.updated_at), count(*), count(p.finished_at), sum(p.due), sum(p.done),
            sum(p.invoiced), sum(p.failed))
        FROM billd.billing_run_parts p
        WHERE p.organisation_id = run.organisation_id AND p.run_id = run.id) AS mark,
    (SELECT json_build_object(
            'id', run.id, 'as_of', api.rfc3339(run.as_of), 'dry_run', run.dry_run, 'invoices_max', run.invoices_max,
            'trigger', run.trigger, 'status', run.status,
            'due', CASE run.status WHEN 'finished' THEN run.due ELSE part.due END,
            'done', CASE run.status WHEN 'finished' THEN run.done ELSE part.done END,
            'invoiced', CASE run.status WHEN 'finished' THEN run.invoiced ELSE part.invoiced END,
            'failed', CASE run.status WHEN 'finished' THEN run.failed ELSE part.failed END,
            'amount_by_currency', (SELECT coalesce(json_object_agg(listed.currency, listed.total ORDER BY listed.currency), '{}')
                FROM json_to_recordset(total.shown) AS listed(currency text, total int8)),
            'totals', total.shown, 'digest', run.digest, 'books', run.books,
            'parts', json_build_object(
                'all', (SELECT count(*) FROM billd.progress), 'begun', part.begun, 'finished', part.finished),
            'started_at', api.rfc3339(run.created_at), 'created_at', api.rfc3339(run.created_at),
            'updated_at', api.rfc3339(run.updated_at), 'finished_at', api.rfc3339(run.finished_at))
        FROM (
            SELECT count(*) AS begun, count(finished_at) AS finished, coalesce(sum(due), 0)::int8 AS due,
                coalesce(sum(done), 0)::int8 AS done, coalesce(sum(invoiced), 0)::int8 AS invoiced, coalesce(sum(failed), 0)::int8 AS failed
            FROM billd.billing_run_parts p
            WHERE p.organisation_id = run.organisation_id AND p.run_id = run.id
        ) part
        CROSS JOIN (
            -- Computed once, whatever names it: hence OFFSET 0.
            SELECT api.run_sums(CASE run.status WHEN 'finished' THEN run.totals ELSE coalesce((
                    SELECT jsonb_agg(by_currency)
                    FROM (SELECT currency, sum(invoices) AS invoices, sum(subtotal) AS subtotal, sum(discount) AS discount, sum(tax) AS tax,
                            sum(total) AS total, sum(credit_applied) AS credit_applied, sum(amount_due) AS amount_due
                        FROM billd.billing_run_totals t
                        WHERE t.organisation_id = run.organisation_id AND t.run_id = run.id
                        GROUP BY currency) by_currency), '[]') END, '[]', false) AS shown
            OFFSET 0
        ) total) AS json
FROM billd.billing_runs run;

-- The whole of one: what depends on how many plans there are, too.
CREATE VIEW api.billing_runs AS
SELECT run.organisation_id, run.id, listed.is_over, listed.mark,
    api.joined(listed.json, json_build_object(
        'plans', api.run_sums(plan.sums, '[]', true),
        -- What is different to the previous real run, once there is something to compare.
        'previous', (SELECT json_build_object(
                'id', earlier.id, 'as_of', api.rfc3339(earlier.as_of),
                'totals', api.run_sums(run.totals, earlier.totals, false),
                'plans', api.run_sums(plan.sums, coalesce(
                    (SELECT sums FROM api.billing_run_plans p
                    WHERE p.organisation_id = earlier.organisation_id AND p.run_id = earlier.id), '[]'), true))
            FROM (SELECT * FROM billd.billing_runs r
                WHERE run.status = 'finished' AND r.organisation_id = run.organisation_id AND r.status = 'finished' AND NOT r.dry_run
                AND r.finished_at <= run.finished_at AND (r.created_ms, r.id) < (run.created_ms, run.id)
                ORDER BY r.created_ms DESC, r.id DESC LIMIT 1) earlier),
        'first_invoices', (SELECT coalesce(json_agg(invoice ORDER BY invoice ->> 'issued_at', invoice ->> 'subscription_id', place), '[]')
            FROM (SELECT listed.invoice, listed.place
                FROM billd.billing_run_parts p
                CROSS JOIN LATERAL jsonb_array_elements(p.first_invoices) WITH ORDINALITY listed(invoice, place)
                WHERE p.organisation_id = run.organisation_id AND p.run_id = run.id
                ORDER BY listed.invoice ->> 'issued_at', listed.invoice ->> 'subscription_id', listed.place LIMIT 20) first))) AS json
FROM billd.billing_runs run
JOIN api.billing_run_summaries listed ON listed.organisation_id = run.organisation_id AND listed.id = run.id
-- Computed once, whatever names it: hence OFFSET 0.
LEFT JOIN LATERAL (
    SELECT coalesce((SELECT p.sums FROM api.billing_run_plans p
        WHERE p.organisation_id = run.organisation_id AND p.run_id = run.id), '[]') AS sums
    OFFSET 0
) plan ON true;

-- Listed by subscription, of which each run names one once.
CREATE VIEW api.billing_run_failures AS
SELECT organisation_id, run_id, subscription_id AS id,
    json_build_object(
        'subscription_id', subscription_id, 'customer_id', customer_id, 'due_at', api.rfc3339(due_at), 'reason', reason,
        'detail', detail, 'failed_at', api.rfc3339(failed_at)) AS json
FROM billd.billing_run_failures;

GRANT SELECT ON api.billing_run_summaries, api.billing_runs, api.billing_run_failures TO billd_api;
