-- What was reported for a period that a change ended in the second in which it began, and billed: the period that began in its place has the same
-- start, and is not what it is for.
ALTER TABLE billd.quantities ADD COLUMN closed boolean NOT NULL DEFAULT false;

-- By how much pauses have moved the natural period since it began, so that what was charged for it before is known as a charge for it. Where one has
-- already, the invoice that began the period says where that ended; the periods behind a resumed one are anchored anew, which tells it from others.
ALTER TABLE billd.subscriptions ADD COLUMN period_moved_s int8 NOT NULL DEFAULT 0 CHECK (period_moved_s >= 0);

ALTER TABLE billd.subscriptions NO FORCE ROW LEVEL SECURITY;
ALTER TABLE billd.invoices NO FORCE ROW LEVEL SECURITY;
UPDATE billd.subscriptions subscription SET period_moved_s = coalesce(extract(epoch FROM natural_end - (
        SELECT least(period_end, natural_end) FROM billd.invoices charged
        WHERE charged.organisation_id = subscription.organisation_id AND charged.subscription_id = subscription.id
            AND reason IN ('subscription_create', 'subscription_cycle')
        ORDER BY period_start DESC LIMIT 1)), 0)
WHERE deferred > 0 AND (period_index < 0 OR realigns);
ALTER TABLE billd.subscriptions FORCE ROW LEVEL SECURITY;
ALTER TABLE billd.invoices FORCE ROW LEVEL SECURITY;
