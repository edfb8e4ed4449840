"""Billing runs over much: one customer with ten thousand subscriptions, and thousands beside live commands."""

import itertools
from datetime import timedelta
from pathlib import Path

import pytest
from billing import plan_of
from runs import (
    Crowd,
    Run,
    Shop,
    ahead,
    allow_many,
    check_laws,
    check_report,
    deliver,
    left_due,
    rows_of,
    run_of,
)
from wire import shard_of

pytestmark = pytest.mark.usefixtures("by_hand")

CROWD, MEMORY_MB = 10_000, 128
THOUSANDS, DAYS = 3_000, 6


def peak_mb(program):
    """What its memory came to at the most."""
    lines = Path(f"/proc/{program.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def elsewhere(org, wire, customer_id, beside=False):
    """A customer in another partition than that one; or in the same."""
    return next(one for one in iter(org.customer, None)
                if (shard_of(one) % wire.partitions == shard_of(customer_id) % wire.partitions) is beside)  # fmt: skip


def test_one_customer_with_ten_thousand_subscriptions(stack, wire, org):
    """One run bills all, in the order of what fell due, with numbers without gaps and bounded memory; meanwhile others
    are answered."""
    allow_many(stack, org)
    plan_id, start = plan_of(org, amount=100, interval="day"), ahead(hours=2)
    # A few at each second: the order within a second is that of ids.
    crowd = Crowd(org, 1, CROWD, [plan_id], wish=lambda n: {"start_at": start + timedelta(seconds=n * 7919 % 1000)})
    crowd.make(stack, wire)
    to = start + timedelta(minutes=30)
    other = elsewhere(org, wire, crowd.home)
    # A dry run computes what is due of a customer together, and so much it cannot.
    dry, told = run_of(org, to, dry_run=True)
    assert (told["invoiced"], {one["reason"] for one in dry.failures()}) == (0, {"due-too-much"})
    run = Run(org, to).started()
    org.subscription(other, plan_id)
    report = run.over(120)
    assert (report["status"], report["due"], report["done"]) == ("finished", CROWD, CROWD), report
    assert (report["invoiced"], report["failed"]) == (CROWD, 0)
    check_report(stack, org, run, report)
    found = rows_of(stack, org, "SELECT sequence, number, issued_at, subscription_id FROM billd.invoices"
                    " WHERE customer_id = %s ORDER BY sequence", crowd.home)  # fmt: skip
    assert [one[0] for one in found] == list(range(1, CROWD + 1))
    assert [one[2:] for one in found] == sorted(one[2:] for one in found)
    assert len({one[1] for one in found}) == CROWD
    assert left_due(stack, org, to) == []
    check_laws(stack, org)
    assert peak_mb(stack.worker) < MEMORY_MB


def test_who_is_parked_amid_thousands_of_another_is_tried(stack, wire, org):
    """More is parked of a customer than is looked at together, and one of another stands between them, by its id."""
    allow_many(stack, org)
    start, count = ahead(hours=2), 4_001
    crowd = Crowd(org, 1, count, [plan_of(org, amount=100, interval="day")], wish=lambda n: {"start_at": start})
    numbers = itertools.chain(range(0, 2 * count + 1, 2), [7])
    crowd.operation = lambda: "{:08x}-{:04x}-4000-8000-000000000000".format(*divmod(next(numbers), 1 << 16))
    crowd.make(stack, wire)
    other = elsewhere(org, wire, crowd.home, beside=True)
    deliver(stack, wire, [crowd.subscribe(other, 0, wire.partitions)])
    ids = [one for _, one in crowd.members]
    assert sorted(ids).index(ids[-1]) == 3
    stack.superuser("UPDATE billd.subscriptions SET billing_problem = 'dead-letter', due_at = NULL"
                    f" WHERE organisation_id = '{org.organisation_id}'")  # fmt: skip
    run, report = run_of(org, start + timedelta(minutes=30), 120)
    assert (report["due"], report["invoiced"], report["failed"]) == (count + 1, count + 1, 0), report
    check_report(stack, org, run, report)


def test_live_commands_go_on_beside_a_run(stack, wire):
    """While thousands are billed others' commands are done, each in its turn, and the run goes on beside them."""
    shop, start = Shop(stack, wire), ahead(hours=2)
    org, to = shop.org, start + timedelta(days=DAYS - 1, hours=1)
    shop.fill(THOUSANDS, start)
    other = stack.organisation()
    run, seen = Run(org, to).started(), []
    for _ in itertools.count():
        other.subscription(other.customer(), other_plan(other))
        told = run.now()
        if told["status"] != "running":
            break
        seen.append(told["done"])
    report = run.over()
    check_report(stack, org, run, report)
    assert report["invoiced"] == THOUSANDS * DAYS
    # Three commands each time: an idle worker does one in some milliseconds.
    assert len(seen) >= 5, "hardly a command was done before the run was over"
    assert seen == sorted(seen) and len(set(seen)) >= 3, "the run stood still meanwhile"
    check_laws(stack, org)
    _, nothing = run_of(org, to)
    assert nothing["due"] == 0


def other_plan(other):
    return plan_of(other, amount=5, interval="day")
