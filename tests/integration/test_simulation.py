"""Thousands of customers on some dozens of test clocks, with random commands, over three simulated years.

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
CUSTOMERS = int(number_told("SIMULATION_CUSTOMERS", 2000, 1))
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
        world.put(script.beginnings)
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
    """How much happened: invoices, operations by outcome."""
    (invoices,) = world.select("SELECT count(*) FROM billd.invoices")[0]
    return {"invoices": invoices} | dict(world.select("SELECT status, count(*) FROM billd.operations GROUP BY 1"))


# Each selects what breaks it.
LAWS = {
    "an invoice's total is the sum of its lines": """
        SELECT invoice.id, total, sum(line.amount) FROM billd.invoices invoice
        LEFT JOIN billd.invoice_lines line ON line.invoice_id = invoice.id
        GROUP BY invoice.organisation_id, invoice.id, total, subtotal
        HAVING total <> coalesce(sum(line.amount), 0) OR subtotal <> total""",
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
    "nothing due is paid, all else is open": """
        SELECT id FROM billd.invoices WHERE amount_due <> total - credit_applied OR amount_due < 0
           OR (amount_due = 0) <> (status = 'paid') OR (status = 'paid') <> (paid_at IS NOT NULL)""",
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
