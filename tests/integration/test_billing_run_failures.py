"""What a billing run cannot bill: it fails alone, is listed with its reason, and is billed once it is mended."""

from datetime import timedelta

import pytest
from billing import charge, documents_of, instant, plan_of, text_of
from money import GHOST
from runs import (
    DAY,
    ahead,
    all_published,
    check_laws,
    check_report,
    check_same,
    checked_run,
    daily,
    fingerprints,
    moments,
    rows_of,
    run_of,
    series,
)

pytestmark = pytest.mark.usefixtures("by_hand")


HUGE = charge("per_unit", unit_amount="999999999999999")
METERED = charge("per_unit", unit_amount="7")


def test_one_whose_amount_overflows_fails_alone(stack, org):
    """It is parked and listed with its reason, the others are billed; what is wrong mended, the next run bills it."""
    huge, plan_id = plan_of(org, charges=[HUGE], interval="day"), daily(org)
    bad, others = org.customer(), [org.customer() for _ in range(5)]
    bad_id = org.subscription(bad, huge)
    start = instant(org.get(f"/v1/subscriptions/{bad_id}")["started_at"])
    for customer_id in others:
        org.subscription(customer_id, plan_id)
    report_use(org, bad_id, "999999999999999")
    to = start + DAY + timedelta(hours=1)
    dry_run, dry = run_of(org, to, dry_run=True)
    run, report = checked_run(stack, org, to)
    check_same(dry, report)
    assert run.reasons() == dry_run.reasons() == {bad_id: "amount-out-of-range"} and report["failed"] == 1
    (failure,) = run.failures()
    assert (failure["customer_id"], failure["due_at"]) == (bad, text_of(start + DAY))
    assert all(len(series(org, customer_id)) == 2 for customer_id in others) and len(series(org, bad)) == 1
    assert org.get(f"/v1/subscriptions/{bad_id}")["billing_problem"] == "amount-out-of-range"
    check_fails_again(stack, org, bad_id, to)

    report_use(org, bad_id, "3", start)
    _, mended = checked_run(stack, org, to)
    assert (mended["invoiced"], mended["failed"]) == (1, 0)
    assert org.get(f"/v1/subscriptions/{bad_id}")["billing_problem"] is None
    assert [one["total"] for one in documents_of(org, bad)] == [0, 3 * 999999999999999]
    assert checked_run(stack, org, to)[1]["invoiced"] == 0
    check_laws(stack, org)


def report_use(org, subscription_id, quantity, period_start=None):
    body = {"charge_code": "use", "quantity": quantity}
    body |= {"period_start": text_of(period_start)} if period_start else {}
    org.succeed("POST", f"/v1/subscriptions/{subscription_id}/quantities", body)


def check_fails_again(stack, org, subscription_id, to):
    """A run tries again what is parked; what fails for the same reason makes a row of that run, and nothing else."""
    tables = ("subscriptions", "customers", "invoices")
    before = fingerprints(stack, org, tables)
    told = [event for event in org.events() if event["subject"] == subscription_id]
    run, report = checked_run(stack, org, to)
    assert (report["failed"], report["invoiced"], report["due"]) == (1, 0, 1)
    assert list(run.reasons()) == [subscription_id]
    assert fingerprints(stack, org, tables) == before
    assert [event for event in org.events() if event["subject"] == subscription_id] == told


# How a row becomes impossible, as the superuser, and how it is mended; {id}: the subscription's, {customer}: its one's.
IMPOSSIBLE = {
    "another currency": ("UPDATE billd.customers SET currency = 'EUR' WHERE id = '{customer}'",
                         "UPDATE billd.customers SET currency = 'USD' WHERE id = '{customer}'"),
    "a plan's version that is gone": (
        "UPDATE billd.subscriptions SET plan_version_id = '" + GHOST + "' WHERE id = '{id}'",
        "UPDATE billd.subscriptions SET plan_version_id = '{version}' WHERE id = '{id}'"),
    "a row that cannot be stored": (
        "ALTER TABLE billd.invoices ADD CONSTRAINT broken_run CHECK (customer_id <> '{customer}') NOT VALID",
        "ALTER TABLE billd.invoices DROP CONSTRAINT IF EXISTS broken_run"),
    "one that cannot even be parked": (
        "ALTER TABLE billd.subscriptions ADD CONSTRAINT broken_run CHECK (id <> '{id}') NOT VALID",
        "ALTER TABLE billd.subscriptions DROP CONSTRAINT IF EXISTS broken_run"),
}  # fmt: skip


@pytest.mark.parametrize("way", IMPOSSIBLE)
def test_one_whose_rows_are_impossible_fails_alone(stack, org, way):
    """Listed with a reason, and no other goes without its invoice; mended, the next run bills it once."""
    plan_id, others = daily(org), [org.customer() for _ in range(9)]
    bad, start = org.customer(), ahead(hours=1)
    bad_id = org.subscription(bad, plan_id, start_at=text_of(start))
    for customer_id in others:
        org.subscription(customer_id, plan_id, start_at=text_of(start))
    version = stack.superuser(f"SELECT plan_version_id FROM billd.subscriptions WHERE id = '{bad_id}'")
    names = {"id": bad_id, "customer": bad, "version": version}
    spoil, mend = (sql.format(**names) for sql in IMPOSSIBLE[way])
    stack.superuser("SET session_replication_role = replica; " + spoil)
    try:
        run, report = run_of(org, start + DAY)
        assert report["failed"] == 1 and list(run.reasons()) == [bad_id], report
        check_report(stack, org, run, report)
        assert all(series(org, customer_id) == moments(start, 2) for customer_id in others)
        assert rows_of(stack, org, "SELECT 1 FROM billd.invoices WHERE customer_id = %s", bad) == []
        all_published(stack)  # whatever the parts that its chunk was halved into had
    finally:
        stack.superuser("SET session_replication_role = replica; " + mend)
    _, report = checked_run(stack, org, start + DAY)
    assert (report["invoiced"], report["failed"]) == (2, 0)
    assert series(org, bad) == moments(start, 2)
    check_laws(stack, org)


def test_one_that_is_too_far_behind_is_left_and_listed(stack, org):
    """More periods than invoices_max: none of them is billed by this run, and all by one that may."""
    plan_id, start = daily(org), ahead(hours=1)
    far, near = org.customer(), org.customer()
    far_id = org.subscription(far, plan_id, start_at=text_of(start))
    org.subscription(near, plan_id, start_at=text_of(start + 6 * DAY))
    to = start + 9 * DAY
    for dry_run in (True, False):
        run, report = run_of(org, to, invoices_max=4, dry_run=dry_run)
        assert run.reasons() == {far_id: "billing-behind"} and report["invoices_max"] == 4
        assert (report["failed"], report["invoiced"]) == (1, 4)
    assert series(org, far) == [] and series(org, near) == moments(start + 6 * DAY, 4)
    assert org.get(f"/v1/subscriptions/{far_id}")["billing_problem"] is None
    _, report = checked_run(stack, org, to, invoices_max=10)
    assert (report["failed"], report["invoiced"]) == (0, 10) and series(org, far) == moments(start, 10)


def test_one_that_changes_on_the_way_is_counted_by_what_it_changes_to(stack, org):
    """Behind, with another plan from its period's end on: each period by its own prices, and no worker stumbles."""
    metered, flat, customer_id = plan_of(org, charges=[METERED], interval="day"), daily(org, amount=250), org.customer()
    subscription_id = org.subscription(customer_id, metered)
    start = instant(org.get(f"/v1/subscriptions/{subscription_id}")["started_at"])
    report_use(org, subscription_id, "3")
    change = {"plan_id": flat, "effective": "period_end"}
    org.succeed("POST", f"/v1/subscriptions/{subscription_id}/change", change)
    to = start + 5 * DAY
    for dry_run in (True, False):
        run, report = run_of(org, to, invoices_max=4, dry_run=dry_run)
        assert run.reasons() == {subscription_id: "billing-behind"} and report["invoiced"] == 0
    _, report = checked_run(stack, org, to, invoices_max=5)
    assert (report["failed"], report["invoiced"]) == (0, 5)
    assert sorted(one["subtotal"] for one in org.invoices_of(customer_id))[-5:] == [250, 250, 250, 250, 3 * 7 + 250]


def test_one_that_was_parked_and_is_too_far_behind_is_billed_later(stack, org):
    """Mended, but with more periods than this run may bill: it stays as it is, and a run that may bills all."""
    customer_id = org.customer()
    subscription_id = org.subscription(customer_id, plan_of(org, charges=[HUGE], interval="day"))
    start = instant(org.get(f"/v1/subscriptions/{subscription_id}")["started_at"])
    report_use(org, subscription_id, "999999999999999")
    run_of(org, start + DAY)
    report_use(org, subscription_id, "1", start)
    to = start + 9 * DAY
    run, report = run_of(org, to, invoices_max=2)
    assert run.reasons() == {subscription_id: "billing-behind"} and report["invoiced"] == 0
    _, report = checked_run(stack, org, to)
    assert (report["failed"], report["invoiced"]) == (0, 9) and series(org, customer_id) == moments(start, 10)
    check_laws(stack, org)


def test_hundreds_of_periods_of_one(stack, org):
    """More than one catching-up does at once."""
    start, customer_id = ahead(hours=1), org.customer()
    org.subscription(customer_id, daily(org), start_at=text_of(start))
    _, dry = run_of(org, invoices_max=1000, dry_run=True, as_of=start + 330 * DAY)
    _, report = checked_run(stack, org, invoices_max=1000, as_of=start + 330 * DAY)
    check_same(dry, report)
    assert report["invoiced"] == 331 and series(org, customer_id) == moments(start, 331)
