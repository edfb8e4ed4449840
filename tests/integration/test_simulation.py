"""Hundreds of customers, or thousands, on some dozens of test clocks, with random commands, over three simulated years.

The same commands are lived twice, in two databases: by one worker with large batches, and by two workers with small
ones that get every command twice. Both must end in the same rows, byte for byte, and in books that add up.

    SIMULATION_SEED       which commands; another one each time unless told, and shown
    SIMULATION_CUSTOMERS  how many customers
"""

import os
import random

import pytest
from programs import number_told
from simulation import Script, World
from stack import PARTITIONS, Stack
from wire import Wire

CLOCKS = 40
SEED = os.environ.get("SIMULATION_SEED") or str(random.randrange(10**9))
CUSTOMERS = int(number_told("SIMULATION_CUSTOMERS", 800, 1))
QUICK = {"BILLD_DUE_INTERVAL_MS": 20}
# How each of the two worlds is lived: settings of each worker, and how often each command is delivered.
LARGE = ([QUICK], 1)
SMALL = ([QUICK | {"BILLD_BATCH_MAX": 23}, QUICK | {"BILLD_BATCH_MAX": 5}], 2)


def live(script, workers, copies, kept_logs):
    """A world from its beginning to its end: its rows and events, and what its books break."""
    stack = Stack()
    try:
        stack.start_servers()
        for number, settings in enumerate(workers):
            stack.others.append(stack.make_worker(f"worker-{number}", **settings).start())
        world = World(stack, Wire(stack.bootstrap, PARTITIONS), copies).found()
        for stage in script.beginnings:
            world.put(stage)
        if not script.rounds:
            script.live(world.customer_ids())
        world.live(script)
        assert all(worker.is_running() for worker in stack.others)
        assert world.select("SELECT count(*) FROM billd.dead_letters") == [(0,)]
        broken = {law: world.select(sql) for law, sql in LAWS.items()}
        kept_logs.extend(f"{law}: {rows[:3]}" for law, rows in broken.items() if rows)
        return world.rows(), world.events(), scale(world)
    finally:
        stack.end()
        stack.remove(keep_logs=False)


def scale(world):
    """How much happened: invoices, what became of them, operations by outcome."""
    much = {name: world.select(f"SELECT count(*) FROM {what}")[0][0] for name, what in HAPPENED.items()}
    return much | dict(world.select("SELECT status, count(*) FROM billd.operations GROUP BY 1"))


HAPPENED = {
    "invoices": "billd.invoices",
    "discounted": "billd.invoices WHERE discount <> 0",
    "taxed": "billd.invoices WHERE tax <> 0",
    "paid in parts": "billd.invoices WHERE amount_paid > 0 AND status = 'open'",
    "void": "billd.invoices WHERE status = 'void'",
    "given up": "billd.invoices WHERE status = 'uncollectible'",
    "items": "billd.items WHERE status = 'billed'",
    "grants": "billd.credit_entries WHERE reason = 'grant'",
    "notes": "billd.credit_notes",
    "refunds": "billd.payments WHERE kind = 'refund' AND status = 'succeeded'",
    "declined": "billd.payments WHERE status = 'failed'",
    "unknown once": "billd.outbox WHERE type = 'billd.payment.unknown.v1'",
    "earned by time": "billd.journal WHERE reason = 'revenue'",
    "past due": "billd.outbox WHERE type = 'billd.subscription.past_due.v1'",
    "recovered": "billd.outbox WHERE type = 'billd.subscription.recovered.v1'",
}
# Each selects what breaks it.
LAWS = {
    "an invoice's sums are those of its lines": """
        SELECT invoice.id, invoice.subtotal, sum(line.amount) FROM billd.invoices invoice
        LEFT JOIN billd.invoice_lines line ON line.invoice_id = invoice.id
        GROUP BY invoice.organisation_id, invoice.id
        HAVING invoice.subtotal <> coalesce(sum(line.amount), 0) OR invoice.discount <> coalesce(sum(line.discount), 0)
            OR invoice.tax <> coalesce(sum(line.tax), 0) OR invoice.tax_included <> coalesce(sum(line.tax_included), 0)
            OR invoice.total <> invoice.subtotal - invoice.discount + invoice.tax - invoice.tax_included""",
    "and of its discounts and taxes": """
        SELECT id FROM billd.invoices
        WHERE discount <> (SELECT coalesce(sum((part ->> 'amount')::int8), 0) FROM jsonb_array_elements(discounts) part)
           OR tax <> (SELECT coalesce(sum((part ->> 'amount')::int8), 0) FROM jsonb_array_elements(taxes) part)
           OR tax_included <> (SELECT coalesce(sum((part ->> 'amount')::int8), 0) FROM jsonb_array_elements(taxes) part
                WHERE (part ->> 'inclusive')::bool)""",
    "a line's shares make its discount and its tax": """
        SELECT id FROM billd.invoice_lines
        WHERE discount <> (SELECT coalesce(sum((part ->> 'amount')::int8), 0) FROM jsonb_array_elements(discounts) part)
           OR tax <> (SELECT coalesce(sum((part ->> 'amount')::int8), 0) FROM jsonb_array_elements(taxes) part)""",
    "each part of an invoice is the sum of its lines' shares": """
        SELECT invoice.id, whole.name, whole.amount FROM billd.invoices invoice CROSS JOIN LATERAL (
            SELECT part ->> 'tax_rate_id' AS name, (part ->> 'amount')::int8 AS amount
            FROM jsonb_array_elements(taxes) part
            UNION ALL SELECT part ->> 'coupon_id', (part ->> 'amount')::int8
            FROM jsonb_array_elements(discounts) part) whole
        WHERE amount <> (SELECT coalesce(sum((share ->> 'amount')::int8), 0) FROM billd.invoice_lines line
            CROSS JOIN LATERAL jsonb_array_elements(line.taxes || line.discounts) share
            WHERE line.invoice_id = invoice.id AND whole.name IN (share ->> 'tax_rate_id', share ->> 'coupon_id'))""",
    "who is exempt pays no tax": """
        SELECT id FROM billd.invoices WHERE tax_exempt <> 'none' AND (tax <> 0 OR taxes <> '[]')""",
    "a coupon was redeemed by those who have it": """
        SELECT id, redemptions FROM billd.coupons coupon WHERE redemptions <> (SELECT count(*) FROM billd.subscriptions
            CROSS JOIN LATERAL jsonb_array_elements(discounts) discount
            WHERE (discount ->> 'coupon_id')::uuid = coupon.id) OR redemptions > max_redemptions""",
    "an item is billed once, as it was, or waits": """
        SELECT item.id, item.status, count(line.id) FROM billd.items item
        LEFT JOIN billd.invoice_lines line ON (line.explanation ->> 'item_id')::uuid = item.id
            AND line.amount = item.amount AND line.invoice_id = item.invoice_id
        GROUP BY item.organisation_id, item.id
        HAVING count(line.id) <> (item.invoice_id IS NOT NULL)::int""",
    "a customer counts its items that wait": """
        SELECT id, items_pending FROM billd.customers customer WHERE items_pending <> (SELECT count(*)
            FROM billd.items WHERE customer_id = customer.id AND status = 'pending')""",
    "invoices of a customer are numbered without gaps": """
        SELECT * FROM (SELECT customer_id, sequence, row_number() OVER (PARTITION BY customer_id ORDER BY sequence)
            AS place FROM billd.invoices) AS numbered WHERE sequence <> place""",
    "invoices of a subscription are numbered in the order of their dates": """
        SELECT * FROM (SELECT subscription_id, sequence, issued_at, lag(issued_at) OVER (
            PARTITION BY subscription_id ORDER BY sequence) AS before FROM billd.invoices) AS dated
        WHERE issued_at < before""",
    "a customer counts its invoices and its credits": """
        SELECT id FROM billd.customers
        LEFT JOIN (SELECT customer_id, count(*) AS invoices FROM billd.invoices GROUP BY 1) AS invoiced
            ON invoiced.customer_id = id
        LEFT JOIN (SELECT customer_id, count(*) AS credits FROM billd.credit_entries GROUP BY 1) AS credited
            ON credited.customer_id = id
        WHERE invoice_count <> coalesce(invoices, 0) OR credit_count <> coalesce(credits, 0)""",
    "a balance is the sum of its entries, and never negative on the way": """
        SELECT * FROM (SELECT customer_id, sequence, balance_after, row_number() OVER by_number AS place,
            sum(amount) OVER by_number AS sum FROM billd.credit_entries WINDOW by_number AS (
            PARTITION BY customer_id ORDER BY sequence)) AS running
        WHERE balance_after <> sum OR sequence <> place OR balance_after < 0""",
    "the last balance is the customer's": """
        SELECT id, credit_balance, sum FROM billd.customers
        LEFT JOIN (SELECT customer_id, sum(amount) FROM billd.credit_entries GROUP BY 1) AS booked ON customer_id = id
        WHERE credit_balance <> coalesce(sum, 0)""",
    "what an invoice took from the balance is an entry": """
        SELECT invoice.id, credit_applied, entry.amount FROM billd.invoices invoice
        FULL JOIN (SELECT invoice_id, amount FROM billd.credit_entries WHERE reason = 'invoice') entry
            ON entry.invoice_id = invoice.id
        WHERE coalesce(-entry.amount, 0) IS DISTINCT FROM credit_applied""",
    "an invoice is paid when nothing remains, and never more than there was": """
        SELECT id FROM billd.invoices WHERE amount_due <> total - credit_applied OR amount_due < 0
           OR amount_paid + amount_credited > amount_due OR amount_refunded > amount_paid OR credited_total > total
           OR (status = 'open' AND amount_paid + amount_credited = amount_due)
           OR (status = 'paid' AND amount_paid + amount_credited <> amount_due)
           OR (status = 'void' AND amount_paid <> 0)
           OR (status = 'paid') <> (paid_at IS NOT NULL) OR payment_id IS NOT NULL""",
    "what was paid are its payments, and what was refunded its refunds": """
        SELECT id, amount_paid, amount_refunded FROM billd.invoices invoice
        WHERE amount_paid <> (SELECT coalesce(sum(amount), 0) FROM billd.payments
                WHERE invoice_id = invoice.id AND kind = 'payment' AND status = 'succeeded')
           OR amount_refunded <> (SELECT coalesce(sum(amount), 0) FROM billd.payments
                WHERE invoice_id = invoice.id AND kind = 'refund' AND status = 'succeeded')""",
    "a payment is refunded by its refunds, up to what came": """
        SELECT id FROM billd.payments payment WHERE kind = 'payment' AND (amount_refunded > amount OR amount_refunded <>
            (SELECT coalesce(sum(amount), 0) FROM billd.payments
                WHERE refund_of = payment.id AND status = 'succeeded'))""",
    "the provider did what was asked of it, once": """
        SELECT coalesce(payment.id, transfer.key) FROM simulated_provider.transfers transfer
        FULL JOIN (SELECT * FROM billd.payments WHERE payment_method <> 'manual') payment ON payment.id = transfer.key
        WHERE (payment.kind, payment.amount, payment.status = 'succeeded')
            IS DISTINCT FROM (transfer.kind, transfer.amount, transfer.outcome = 'succeeded')""",
    "notes make what was credited of an invoice and of its lines": """
        SELECT id, credited_total FROM billd.invoices invoice
        WHERE credited_total <> (SELECT coalesce(sum(total), 0) FROM billd.credit_notes WHERE invoice_id = invoice.id)
           OR amount_credited <>
                (SELECT coalesce(sum(applied), 0) FROM billd.credit_notes WHERE invoice_id = invoice.id)
        UNION ALL SELECT id, credited FROM billd.invoice_lines line WHERE credited <> (
            SELECT coalesce(sum((part ->> 'amount')::int8), 0) FROM billd.credit_notes note
            CROSS JOIN LATERAL jsonb_array_elements(note.lines) part
            WHERE note.invoice_id = line.invoice_id AND (part ->> 'line_id')::uuid = line.id)""",
    "of a line that notes have credited altogether, its taxes have come back": """
        SELECT id FROM billd.invoice_lines WHERE credited = amount - discount AND credited <> 0 AND tax <> (
            SELECT coalesce(sum((part ->> 'amount')::int8), 0) FROM jsonb_array_elements(credited_taxes) part)""",
    "notes of a customer are numbered without gaps": """
        SELECT * FROM (SELECT customer_id, sequence, row_number() OVER (PARTITION BY customer_id ORDER BY sequence)
            AS place FROM billd.credit_notes) AS numbered WHERE sequence <> place""",
    "every entry balances": """
        SELECT id FROM billd.journal WHERE receivable + cash + customer_credit + deferred_revenue + revenue
            + tax_payable + refunds_payable + bad_debt + credits_granted <> 0""",
    "the journal's receivables are what remains of invoices": """
        SELECT customer_id, booked, open FROM (SELECT customer_id, sum(receivable) AS booked
            FROM billd.journal GROUP BY 1) AS journal
        FULL JOIN (SELECT customer_id, sum(amount_due - amount_paid - amount_credited) FILTER (
            WHERE status IN ('open', 'paid')) AS open FROM billd.invoices GROUP BY 1) AS invoiced USING (customer_id)
        WHERE coalesce(booked, 0) <> coalesce(open, 0)""",
    "the journal's credit is the customers' balances": """
        SELECT id, credit_balance FROM billd.customers customer WHERE credit_balance <> (
            SELECT coalesce(-sum(customer_credit), 0) FROM billd.journal WHERE customer_id = customer.id)""",
    "the journal's cash is what came, less what went back": """
        SELECT customer_id, sum(cash) FROM billd.journal journal GROUP BY 1 HAVING sum(cash) <> (
            SELECT coalesce(sum(CASE kind WHEN 'payment' THEN amount ELSE -amount END), 0) FROM billd.payments
            WHERE status = 'succeeded' AND customer_id = journal.customer_id)""",
    "no refund is on its way": "SELECT sum(refunds_payable) FROM billd.journal HAVING sum(refunds_payable) <> 0",
    "what is deferred is the subscriptions'": """
        SELECT customer_id, sum(deferred_revenue) FROM billd.journal journal GROUP BY 1
        HAVING -sum(deferred_revenue) <>
            (SELECT coalesce(sum(deferred), 0) FROM billd.subscriptions WHERE customer_id = journal.customer_id)""",
    "the tax that is owed is the documents'": """
        SELECT customer_id, sum(tax_payable) FROM billd.journal journal GROUP BY 1 HAVING -sum(tax_payable) <>
            (SELECT coalesce(sum(tax), 0) FROM billd.invoices
                WHERE status <> 'void' AND customer_id = journal.customer_id)
            + (SELECT coalesce(sum(tax), 0) FROM billd.credit_entries WHERE customer_id = journal.customer_id)
            - (SELECT coalesce(sum(note.tax), 0) FROM billd.credit_notes note JOIN billd.invoices invoice
                ON invoice.id = note.invoice_id AND status <> 'void' WHERE note.customer_id = journal.customer_id)""",
    "what has ended has earned all of it": """
        SELECT id, deferred FROM billd.subscriptions WHERE status IN ('canceled', 'expired') AND deferred <> 0""",
    "what an entry is about exists, and has one": """
        SELECT journal.id, document_type FROM billd.journal journal
        LEFT JOIN (SELECT id FROM billd.invoices UNION ALL SELECT id FROM billd.credit_notes
            UNION ALL SELECT id FROM billd.credit_entries UNION ALL SELECT id FROM billd.payments
            UNION ALL SELECT id FROM billd.subscriptions) document ON document.id = document_id
        WHERE document.id IS NULL
        UNION ALL SELECT id, 'invoice' FROM billd.invoices invoice WHERE total <> 0 AND NOT EXISTS (
            SELECT FROM billd.journal WHERE document_id = invoice.id AND reason = 'invoice')
        UNION ALL SELECT id, 'note' FROM billd.credit_notes note WHERE (SELECT count(*) FROM billd.journal
            WHERE document_id = note.id AND reason = 'credit_note') <> 1""",
    "one invoice for each subscription and period": """
        SELECT subscription_id, period_start FROM billd.invoices
        WHERE reason IN ('subscription_create', 'subscription_cycle') GROUP BY 1, 2 HAVING count(*) > 1""",
    "invoiced periods do not overlap, but where a change began a new one": """
        SELECT * FROM (SELECT subscription_id, period_start, lag(period_end) OVER (
            PARTITION BY subscription_id ORDER BY period_start) AS before
            FROM billd.invoices WHERE reason IN ('subscription_create', 'subscription_cycle')) AS periods
        WHERE period_start < before AND subscription_id NOT IN (SELECT subject FROM billd.outbox
            WHERE type = 'billd.subscription.changed.v1')""",
    "the period that runs is the one that was invoiced last, or what a pause or a change made of it": """
        SELECT id, current_period_start FROM billd.subscriptions JOIN (SELECT subscription_id, max(period_start)
            FROM billd.invoices WHERE reason IN ('subscription_create', 'subscription_cycle') GROUP BY 1) AS invoiced
            ON subscription_id = id WHERE status = 'active' AND current_period_start < max""",
    "a subscription names its latest invoice": """
        SELECT id, latest_invoice_id FROM billd.subscriptions subscription WHERE latest_invoice_id IS DISTINCT FROM (
            SELECT id FROM billd.invoices WHERE customer_id = subscription.customer_id
            AND subscription_id = subscription.id ORDER BY sequence DESC LIMIT 1)""",
    "who is past due owes its latest invoice, and a payment failed": """
        SELECT subscription.id FROM billd.subscriptions subscription JOIN billd.invoices latest
            ON latest.id = latest_invoice_id WHERE subscription.status = 'past_due' AND (latest.status <> 'open'
            OR NOT EXISTS (SELECT FROM billd.outbox WHERE subject = subscription.id
                AND type = 'billd.subscription.past_due.v1'))""",
    "who is active owes nothing that was declined, unless it was paused": """
        SELECT subscription.id FROM billd.subscriptions subscription JOIN billd.invoices latest
            ON latest.id = latest_invoice_id WHERE subscription.status = 'active' AND latest.status = 'open'
            AND EXISTS (SELECT FROM billd.payments WHERE invoice_id = latest.id AND status = 'failed')
            AND NOT EXISTS (SELECT FROM billd.outbox WHERE subject = subscription.id
                AND type = 'billd.subscription.resumed.v1')""",
    "nothing is left that fell due": """
        SELECT subscription.id, due_at, clock.now FROM billd.subscriptions subscription
        JOIN billd.test_clocks clock ON clock.id = test_clock_id WHERE due_at <= clock.now""",
    "one live subscription of a customer": """
        SELECT customer_id FROM billd.subscriptions WHERE status IN ('scheduled', 'trialing', 'active', 'past_due',
            'paused') GROUP BY 1 HAVING count(*) > 1""",
    "an invoice has its event, once": """
        SELECT invoice.id, count(event.id) FROM billd.invoices invoice
        LEFT JOIN billd.outbox event ON event.subject = invoice.id AND type = 'billd.invoice.issued.v1'
        GROUP BY invoice.organisation_id, invoice.id HAVING count(event.id) <> 1""",
    "events are numbered without gaps": """
        SELECT partition, max(number), count(*) FROM billd.outbox GROUP BY 1 HAVING max(number) <> count(*)""",
}


def first_difference(one, other):
    """Where two lists of rows part."""
    strange, hidden = sorted(set(one) - set(other))[:2], sorted(set(other) - set(one))[:2]
    return f"{len(one)} and {len(other)} rows; only in the first: {strange}; only in the second: {hidden}"


@pytest.fixture(scope="module")
def worlds():
    """Both worlds' ends: [(rows, events, scale)], and what broke laws."""
    print(f"SIMULATION_SEED={SEED} SIMULATION_CUSTOMERS={CUSTOMERS}")
    script, broken = Script(SEED, PARTITIONS, CUSTOMERS, CLOCKS), []
    return [live(script, *way, broken) for way in (LARGE, SMALL)], broken


def test_the_books_add_up_after_three_years(worlds):
    """Every law, in both worlds; and enough has happened for it to mean something."""
    ends, broken = worlds
    assert broken == [], SEED
    for _, _, much in ends:
        assert much["invoices"] > 5 * CUSTOMERS and much["failed"] > CUSTOMERS / 10, (SEED, much)
        assert CUSTOMERS < 200 or min(much.values()) > 0, (SEED, much)


def test_batches_workers_and_repeats_change_nothing(worlds):
    """The same rows, byte for byte, in every table."""
    (one, _, _), (other, _, _) = worlds[0]
    for table, rows in one.items():
        assert rows == other[table] or pytest.fail(f"seed {SEED}, {table}: {first_difference(rows, other[table])}")
        assert rows, table


def test_both_worlds_tell_the_same_events(worlds):
    """To the byte, and each customer's in the same order."""
    (_, one, _), (_, other, _) = worlds[0]
    assert one == other or pytest.fail(f"seed {SEED}: {first_difference(one, other)}")
