"""Billing runs: everything due, each at its own moment, as it would be billed by itself; and the report of it."""

from datetime import timedelta

import pytest
from billing import Clock, charge, documents_of, instant, plan_of, text_of
from money import coupon_of, give, one_off, rate_of
from planted_runs import listed
from runs import (
    DAY,
    Mass,
    Run,
    Shop,
    ahead,
    check_laws,
    check_same,
    checked_run,
    daily,
    fingerprints,
    left_due,
    moments,
    rows_of,
    run_of,
    series,
)

pytestmark = pytest.mark.usefixtures("by_hand")


def runs_of(stack, org, customer_id):
    """Which run made each of its invoices, in their order; None: no run."""
    return [run for (run,) in rows_of(
        stack, org, "SELECT billing_run_id::text FROM billd.invoices WHERE customer_id = %s ORDER BY sequence",
        customer_id)]  # fmt: skip


def since(stack, wire, org, start):
    """A customer who subscribed then, by the day; nothing of what fell due since is billed."""
    accepted_ms = int(start.timestamp() * 1000)
    return Mass(org, start, 1, [daily(org)], accepted_ms=accepted_ms).make(stack, wire).members[0][0]


# What a run bills


def test_a_run_bills_all_that_was_due_when_it_was_started(stack, wire, org):
    """Several periods behind give one invoice each, in order, each dated at its beginning; and nothing early."""
    start = ahead(days=-3, hours=-1)
    late, current = since(stack, wire, org, start), org.customer()
    org.subscription(current, daily(org))
    assert len(series(org, late)) == 1  # nothing is billed by itself
    run, report = checked_run(stack, org)
    assert series(org, late) == moments(start, 4) and len(series(org, current)) == 1
    assert runs_of(stack, org, late) == [None] + 3 * [run.id]
    assert (report["due"], report["done"], report["invoiced"], report["failed"]) == (1, 1, 3, 0)
    assert report["amount_by_currency"] == {"USD": 300} and report["trigger"] == "request"
    assert report["as_of"] <= report["created_at"] == report["started_at"] <= report["finished_at"]
    check_laws(stack, org)


def test_a_run_ends_with_its_moment(stack, org):
    """A second before a period's end nothing is due; at it, it is."""
    start = ahead(hours=1)
    customer_id = org.customer()
    org.subscription(customer_id, daily(org), start_at=text_of(start))
    for as_of, count in ((start - timedelta(seconds=1), 0), (start, 1), (start + 2 * DAY - timedelta(seconds=1), 2),
                         (start + 2 * DAY, 3)):  # fmt: skip
        _, report = checked_run(stack, org, as_of)
        assert series(org, customer_id) == moments(start, count), as_of
        assert report["as_of"] == text_of(as_of)
        assert left_due(stack, org, as_of) == []
    check_laws(stack, org)


def test_a_run_of_the_past_leaves_what_fell_due_behind_it(stack, wire, org):
    """As of a moment days ago."""
    start = ahead(days=-6, hours=-1)
    customer_id = since(stack, wire, org, start)
    checked_run(stack, org, start + 3 * DAY)
    assert series(org, customer_id) == moments(start, 4)
    checked_run(stack, org)
    assert series(org, customer_id) == moments(start, 7)


def test_nothing_due_is_a_run_too(stack, org):
    """Of an organisation without subscriptions: finished, with zeros."""
    _, report = checked_run(stack, org)
    assert [report[name] for name in ("due", "done", "invoiced", "failed")] == 4 * [0]
    assert report["totals"] == report["plans"] == [] and report["amount_by_currency"] == {}


def test_customers_on_test_clocks_are_no_part_of_it(stack, org):
    """They live in their own time; and what is on a clock comes by itself all the same."""
    clock = Clock(org, text_of(ahead(hours=-2)))
    customer_id, other = clock.customer(), org.customer()
    for one in (customer_id, other):
        org.subscription(one, daily(org))
    _, report = checked_run(stack, org, ahead(days=3))
    assert report["due"] == 1 and len(series(org, customer_id)) == 1 and len(series(org, other)) == 4
    start = instant(clock.now())
    clock.advance(text_of(start + 2 * DAY))
    assert series(org, customer_id) == moments(start, 3)


def test_other_organisations_are_no_part_of_it(stack, org):
    """Nor do they see it."""
    stranger = stack.organisation()
    customer_id = stranger.customer()
    stranger.subscription(customer_id, daily(stranger))
    run, report = checked_run(stack, org, ahead(days=5))
    assert report["due"] == 0 and len(series(stranger, customer_id)) == 1
    stranger.refused(404, "not-found", "GET", run.path)
    assert stranger.all("/v1/billing-runs") == [] and org.all("/v1/billing-runs") == [listed(report)]


def test_a_command_still_bills_first_what_fell_due_of_its_customer(stack, wire, org):
    """Also where nothing is billed by itself; the run then finds nothing left of it."""
    start = ahead(days=-2, hours=-1)
    customer_id = since(stack, wire, org, start)
    assert series(org, customer_id) == moments(start, 1)
    give(org, customer_id, 5)
    assert series(org, customer_id) == moments(start, 3)
    _, report = checked_run(stack, org)
    assert report["due"] == report["invoiced"] == 0


# The same as by itself


USED = charge("graduated", "use", "arrears", tiers=[
    {"up_to": 10, "unit_amount": "700"}, {"up_to": None, "unit_amount": "0.33"}])  # fmt: skip


KINDS = {
    "monthly": {},
    "on the 31st": {"anchor": "31"},
    "by the calendar": {"anchor": "calendar"},
    "a trial": {"trial_days": 45},
    "a start": {"start_at": 20},
    "an end": {"end_at": 47},
    "canceled": {"then": ("cancel", {"effective": "period_end"})},
    "moved": {"then": ("change", {"plan_id": "both", "quantity": 3, "effective": "period_end"})},
    "fewer": {"plan_id": "both", "quantity": 9, "then": ("change", {"quantity": 2, "effective": "period_end"})},
    "used": {"plan_id": "used", "then": ("quantities", {"charge_code": "use", "quantity": "1234.5678"})},
    "unused": {"plan_id": "used"},
    "both": {"plan_id": "both", "then": ("quantities", {"charge_code": "use", "quantity": "7"})},
    "a year": {"plan_id": "year"},
    "discounts and taxes": {"coupons": True, "taxes": True},
    "discounts of what is used": {"plan_id": "both", "coupons": True},
    "an item": {"taxes": True, "item": 1234},
    "credit": {"credit": 5000},
    "another zone": {"zone": "Australia/Lord_Howe", "anchor": "30"},
}  # fmt: skip


class Lives:
    """Subscriptions of every kind, each begun ten days ago, with what is noted for their future."""

    def __init__(self, org):
        self.org, self.start = org, ahead(days=-10)
        self.flat, self.used = plan_of(org, amount=2900), plan_of(org, charges=[USED])
        self.both = plan_of(org, charges=[charge("flat", "base", "advance", amount=999), USED])
        self.year = plan_of(org, amount=100_001, interval="year")
        self.coupons = [coupon_of(org, percent_off="33.3333", duration="repeating", duration_periods=2),
                        coupon_of(org, amount_off=700, currency="USD", duration="forever")]  # fmt: skip
        self.rates = [rate_of(org, "19.6", True), rate_of(org, "8.875")]

    def live(self, customer, kind):
        """Begin one: its customer's id. customer: makes one."""
        org, told = self.org, KINDS[kind]
        start = self.start + timedelta(days=told.get("start_at", 0))
        customer_id = customer(**({"timezone": told["zone"]} if "zone" in told else {}))
        wish = {name: told[name] for name in ("anchor", "trial_days", "quantity") if name in told}
        wish |= {"coupon_codes": self.coupons} if "coupons" in told else {}
        wish |= {"tax_rate_ids": self.rates} if "taxes" in told else {}
        wish |= {"end_at": text_of(start + timedelta(days=told["end_at"]))} if "end_at" in told else {}
        plan_id = getattr(self, told.get("plan_id", "flat"))
        subscription_id = org.subscription(customer_id, plan_id, start_at=text_of(start), **wish)
        verb, body = told.get("then", (None, None))
        if verb:
            body = body | ({"plan_id": getattr(self, body["plan_id"])} if "plan_id" in body else {})
            org.succeed("POST", f"/v1/subscriptions/{subscription_id}/{verb}", body)
        if "item" in told:
            one_off(org, customer_id, told["item"])
        if "credit" in told:
            give(org, customer_id, told["credit"])
        return customer_id


# What differs between two customers with the same life: names, what has names in it, and when commands came.
NAMES = ("id", "number", "customer_id", "subscription_id", "invoice_id", "item_id", "latest_invoice_id", "created_at",
         "updated_at", "canceled_at", "test_clock_id", "billing_run_id", "digest")  # fmt: skip


def without_names(document):
    if isinstance(document, list):
        return [without_names(one) for one in document]
    if isinstance(document, dict):
        return {name: without_names(value) for name, value in document.items() if name not in NAMES}
    return document


def differences(one, other, path=""):
    """Where two documents part."""
    if isinstance(one, dict) and isinstance(other, dict) and set(one) == set(other):
        for name in one:
            yield from differences(one[name], other[name], f"{path}/{name}")
    elif isinstance(one, list | tuple) and isinstance(other, list | tuple) and len(one) == len(other):
        for place, (mine, others) in enumerate(zip(one, other, strict=True)):
            yield from differences(mine, others, f"{path}/{place}")
    elif one != other:
        yield path, one, other


def told_of(org, customer_id):
    """All that there is of a customer: its documents, its balance, and where its subscriptions are."""
    subscriptions = [one for one in org.all("/v1/subscriptions") if one["customer_id"] == customer_id]
    balance = org.get(f"/v1/customers/{customer_id}")["credit_balance"]
    return without_names(documents_of(org, customer_id)), balance, without_names(subscriptions)


def test_a_run_makes_the_invoices_that_come_by_themselves(stack, org):
    """Every kind of life twice: on a test clock, and billed by runs, up to the same moment."""
    lives = Lives(org)
    clock, to = Clock(org, text_of(ahead())), text_of(ahead(days=100))
    pairs = {kind: (lives.live(clock.customer, kind), lives.live(org.customer, kind)) for kind in KINDS}
    clock.advance(to)
    run_of(org, ahead(days=31))  # which changes nothing
    run, report = checked_run(stack, org, to)
    assert report["failed"] == 0 and run.failures() == []
    for kind, (by_itself, by_run) in pairs.items():
        told = told_of(org, by_itself)
        assert list(differences(told, told_of(org, by_run))) == [], kind
        assert told[0], kind
    journals = [rows_of(stack, org, "SELECT sum(receivable), sum(customer_credit), sum(deferred_revenue), sum(revenue),"
                        f" sum(tax_payable) FROM billd.journal WHERE test_clock_id IS {where}")
                for where in ("NULL", "NOT NULL")]  # fmt: skip
    assert journals[0] == journals[1]
    check_laws(stack, org)


def test_who_is_paused_is_not_billed(stack, org):
    """And is again, once it is resumed."""
    customer_id = org.customer()
    path = f"/v1/subscriptions/{org.subscription(customer_id, daily(org))}"
    org.succeed("POST", path + "/pause")
    _, report = checked_run(stack, org, ahead(days=5))
    assert report["invoiced"] == 0 and len(series(org, customer_id)) == 1
    org.succeed("POST", path + "/resume")
    checked_run(stack, org, ahead(days=7))
    assert len(series(org, customer_id)) > 1
    check_laws(stack, org)


# Dry runs

# What a run may write of; outbox and operations are looked at by themselves.
TABLES = ("customers", "subscriptions", "quantities", "items", "coupons", "invoices", "invoice_lines", "credit_entries",
          "journal", "credit_notes", "payments", "number_series", "plans", "test_clocks")  # fmt: skip


def test_a_dry_run_says_what_the_real_one_does_and_writes_nothing(stack, wire):
    """Its report and digest are those of the run that follows; no row, event or number of anything else changes."""
    shop = Shop(stack, wire)
    org, start = shop.org, ahead(hours=1)
    mass, to = shop.fill(150, start), ahead(days=4)
    for customer_id, _ in mass.members[:30]:
        give(org, customer_id, 4321)
    before = fingerprints(stack, org, TABLES)
    told = [event for event in org.events() if ".billing_run." not in event["type"]]
    first, dry = run_of(org, to, dry_run=True)
    _, again = run_of(org, to, dry_run=True)
    assert fingerprints(stack, org, TABLES) == before
    assert [event for event in org.events() if ".billing_run." not in event["type"]] == told
    assert dry["invoiced"] == 150 * 4 and dry["done"] == dry["due"] == 150 and first.failures() == []
    check_plans_of(dry)
    _, real = checked_run(stack, org, to)
    check_same(dry, real)
    check_same(again, real)
    check_first_invoices(org, mass, dry)
    _, nothing = run_of(org, to, dry_run=True)
    assert nothing["due"] == nothing["invoiced"] == 0 and nothing["digest"] != dry["digest"]
    check_laws(stack, org)


def check_plans_of(report):
    assert len(report["plans"]) == 3 and all(plan["tax"] > 0 for plan in report["plans"])
    assert report["totals"][0]["discount"] > 0 and report["totals"][0]["credit_applied"] > 0


def check_first_invoices(org, mass, dry):
    """What it showed are the earliest invoices, as the real run then issued them."""
    shown = dry["first_invoices"]
    assert 0 < len(shown) <= 20
    found = {}
    for one in shown:
        if one["customer_id"] not in found:
            found[one["customer_id"]] = {real["issued_at"]: real for real in org.invoices_of(one["customer_id"])}
        real = found[one["customer_id"]][one["issued_at"]]
        for name in set(one) & set(real) - {"created_at", "updated_at", "billing_run_id"}:
            assert one[name] == real[name], (name, one, real)
    earliest = sorted(real["issued_at"] for customer_id, _ in mass.members for real in org.invoices_of(customer_id))
    assert sorted(one["issued_at"] for one in shown) <= earliest[: len(shown)]


def test_a_dry_run_of_one_who_is_behind(stack, org):
    """Period after period, with a balance that is used up on the way and a coupon that ends."""
    customer_id, start = org.customer(), ahead(hours=1)
    code = coupon_of(org, percent_off="50", duration="repeating", duration_periods=4)
    org.subscription(customer_id, daily(org), start_at=text_of(start), coupon_codes=[code])
    org.succeed("POST", f"/v1/customers/{customer_id}/items", {"amount": 77, "description": "Setup"})
    give(org, customer_id, 333)
    to = start + 9 * DAY
    _, dry = run_of(org, to, dry_run=True)
    _, real = checked_run(stack, org, to)
    check_same(dry, real)
    assert dry["totals"][0]["credit_applied"] == 333 and dry["invoiced"] == 10


# The difference to the run before


def test_a_report_shows_the_difference_to_the_run_before(stack, org):
    """By currency and by plan, with its sign; dry and canceled runs are no runs before."""
    one, other = daily(org), daily(org, amount=70)
    for plan_id in (one, other, other):
        org.subscription(org.customer(), plan_id)
    first, report = checked_run(stack, org, ahead(days=2))
    assert report["previous"] is None
    run_of(org, ahead(days=9), dry_run=True)
    _, second = checked_run(stack, org, ahead(days=3))
    previous = second["previous"]
    assert (previous["id"], previous["as_of"]) == (first.id, report["as_of"])
    (total,) = previous["totals"]
    assert (total["currency"], total["invoices"], total["total"]) == ("USD", -3, -240)
    by_plan = {plan["plan_id"]: (plan["invoices"], plan["total"]) for plan in previous["plans"]}
    assert by_plan == {one: (-1, -100), other: (-2, -140)}


# What is told of it


def test_a_runs_events_tell_its_life(stack, org):
    """Started, paused, resumed, finished; the last has its sums."""
    customer_id = org.customer()
    org.subscription(customer_id, daily(org))
    run = Run(org, ahead(days=2))
    org.outcome(run.accepted["operation_id"])
    report = run.over()
    told = [event for event in org.events() if event["subject"] == run.id]
    assert [event["type"].split(".")[2] for event in told] == ["started", "finished"]
    assert told[-1]["data"]["totals"] == report["totals"] and told[-1]["data"]["digest"] == report["digest"]
    assert org.get("/v1/billing-runs")["data"][0]["id"] == run.id
