-- What row-level security costs a read. A policy's sub-select is a plan of its own, made ready and torn down with each execution, for each table:
-- nothing to a worker's load of hundreds of rows, but 5 % of what it takes to show one invoice with its lines. So the api, which shows few rows at
-- a time, has a policy that looks for the row's organisation in the setting as it stands (measured, of 85 µs for such a read: 5 µs by the
-- sub-selects, 2 µs by this).

-- Whether this transaction acts for an organisation: billd.organisations names it. Ids are written in the one form that PostgreSQL gives them, so
-- none is found within another. It costs a row as much as the setting is long: the programs that name hundreds of organisations keep to
-- billd.current_organisations().
CREATE FUNCTION billd.acts_for(organisation_id uuid) RETURNS bool
LANGUAGE sql STABLE PARALLEL SAFE
RETURN strpos(current_setting('billd.organisations', true), organisation_id::text) > 0;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['customers', 'plans', 'plan_versions', 'subscriptions', 'quantities', 'test_clocks', 'coupons', 'tax_rates', 'items',
            'credit_entries', 'invoices', 'invoice_lines', 'credit_notes', 'payments', 'journal'] LOOP
        EXECUTE format('ALTER POLICY own ON billd.%I TO billd_owner, billd_worker', name);
        EXECUTE format('CREATE POLICY shown ON billd.%I FOR SELECT TO billd_api USING (billd.acts_for(organisation_id))', name);
    END LOOP;

    -- What they show is read as who asks, whom that policy binds. A view that is replaced must say so again.
    FOREACH name IN ARRAY ARRAY['customers', 'plans', 'plan_versions', 'subscriptions', 'quantities', 'test_clocks', 'coupons', 'tax_rates', 'items',
            'credit_entries', 'invoices', 'credit_notes', 'payments', 'journal'] LOOP
        EXECUTE format('ALTER VIEW api.%I SET (security_invoker = true)', name);
    END LOOP;
END $$;

GRANT SELECT ON billd.credit_entries, billd.invoices, billd.invoice_lines, billd.credit_notes, billd.payments, billd.journal TO billd_api;
