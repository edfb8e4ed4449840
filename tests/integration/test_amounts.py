"""Amounts near the ends of 64 bits, by HTTP: refused before anything has happened, or parked, said, and mended."""

import pytest
from billing import Clock, Life, charge, credits_of, plan_of

APRIL, SIXTEENTH, MAY, JUNE, JULY = (f"2026-{day}T00:00:00Z" for day in ("04-01", "04-16", "05-01", "06-01", "07-01"))
MOST, MILLION = 2**63 - 1, 1_000_000
MILLIONTH = "9223372036854.775807"  # a million of them is the most
USE = {"charges": [charge("per_unit", unit_amount=MILLIONTH)]}
SEATS = {"charges": [charge("per_unit", "seats", "advance", unit_amount=MILLIONTH)]}


@pytest.fixture(scope="module")
def org(stack):
    return stack.organisation()


def test_the_most_is_billed_to_the_unit(org):
    """2^63 - 1, in advance and in arrears."""
    life = Life(org, APRIL, SEATS, quantity=MILLION).to(MAY)
    assert life.billed() == [(APRIL, [MOST]), (MAY, [MOST])]
    assert Life(org, APRIL, USE).report(MILLION).to(MAY).billed()[-1] == (MAY, [MOST])


@pytest.mark.parametrize("amount", [10**15, MOST, -1, 0.5])
def test_a_price_has_its_own_limits(org, amount):
    """Of 15 digits: only with a quantity does it come near 64 bits."""
    body = {"code": "beyond", "name": "Beyond", "currency": "USD", "interval": "month", "amount": amount}
    org.refused(422, "invalid-body", "POST", "/v1/plans", body, pointers=["/amount"])


def test_a_change_between_the_largest_amounts(org):
    """Credited and charged side by side, of which the sum is in range, down to its last unit."""
    life = Life(org, APRIL, SEATS, quantity=MILLION).to(SIXTEENTH).do("change", quantity=MILLION - 1)
    (entry,) = credits_of(org, life.customer_id)
    # Half of 2^63 - 1, half of a unit rounded up; and half of 999,999 seats' 9223362813482738952.224193
    assert [line["amount"] for line in entry["lines"]] == [-(2**62), 4_611_681_406_741_369_476]
    assert entry["amount"] == 2**62 - 4_611_681_406_741_369_476


def test_a_credit_that_the_balance_cannot_take_is_refused(stack):
    """What two subscriptions were charged comes back to one balance, which has room for one: nothing has changed."""
    org = stack.person().found(settings={"subscriptions_per_customer": "many"})
    clock = Clock(org, APRIL)
    first = Life(org, APRIL, SEATS, clock=clock, quantity=MILLION)
    second = f"/v1/subscriptions/{org.subscription(first.customer_id, first.plan_id, quantity=MILLION)}"
    first.do("change", quantity=0)
    before = first.customer(), org.get(second), first.invoices()
    assert before[0]["credit_balance"] == MOST
    org.fail("amount-out-of-range", "POST", second + "/change", {"quantity": 0})
    org.fail("amount-out-of-range", "POST", second + "/cancel", {"credit_unused": True})
    assert (first.customer(), org.get(second), first.invoices()) == before
    first.do("change", quantity=1)
    assert first.customer()["credit_balance"] == MOST - 9_223_372_036_855


def test_two_lines_in_arrears_that_do_not_fit_park_and_are_mended(org):
    """Each fits, not both: parked at the boundary, nothing billed, until what was reported is put right."""
    life = Life(org, APRIL, {"charges": [charge("per_unit", code, unit_amount=MILLIONTH) for code in ("one", "two")]})
    life.report(MILLION, "one").report(MILLION, "two").to(JUNE)
    parked = life.now()
    assert (parked["status"], parked["billing_problem"]) == ("active", "amount-out-of-range")
    assert (parked["current_period_start"], parked["current_period_end"]) == (APRIL, MAY)
    assert len(life.invoices()) == 1
    life.refused("period-not-open", "quantities", charge_code="two", quantity="0")
    life.report("0", "two", period_start=APRIL)
    # A report alone sets nothing going; a change does.
    life.do("change", quantity=1).to("2026-06-01T00:00:01Z")
    assert life.now()["billing_problem"] is None
    assert life.billed() == [(APRIL, []), (MAY, [MOST]), (JUNE, [])]


def test_one_that_is_parked_and_canceled_is_billed_no_more(org):
    """While what it owes is out of range the cancellation is refused; put right, it is the last invoice."""
    life = Life(org, APRIL, USE).report("1000001").to(JUNE)
    life.refused("amount-out-of-range", "cancel")
    assert life.now()["status"] == "active" and life.now()["billing_problem"] == "amount-out-of-range"
    life.report("2", period_start=APRIL).do("cancel")
    assert life.now()["status"] == "canceled"
    assert [lines for _, lines in life.billed()] == [[], [18_446_744_073_710]]


def test_one_that_was_over_while_it_was_paused_can_be_mended(org):
    """What it owes up to its pause is out of range at its end: put right by name, it is canceled with its invoice."""
    life = Life(org, APRIL, USE, end_at=JUNE).report("1000001").to(SIXTEENTH).do("pause")
    life.refused("period-not-open", "quantities", charge_code="use", quantity="2", period_start=APRIL)
    life.to(JULY)
    assert (life.now()["status"], life.now()["billing_problem"]) == ("paused", "amount-out-of-range")
    life.refused("subscription-state", "resume")
    life.refused("amount-out-of-range", "cancel")
    life.refused("period-not-open", "quantities", charge_code="use", quantity="2")
    life.report("2", period_start=APRIL).do("cancel")
    assert (life.now()["status"], life.now()["ended_at"]) == ("canceled", JULY)
    (line,) = life.invoices()[-1]["lines"]
    assert (line["amount"], line["period_start"], line["period_end"]) == (18_446_744_073_710, APRIL, SIXTEENTH)


def test_a_sum_of_reports_that_is_no_quantity_is_refused(org):
    """Each is in form, and together they have too many digits: what was there before stays."""
    life = Life(org, APRIL, {"charges": [charge("per_unit", unit_amount="0.000001")]})
    most = "999999999999999.5"
    life.report(most)
    life.refused("amount-out-of-range", "quantities", charge_code="use", quantity="0.5", mode="add")
    life.report("0.499999", mode="add")
    assert life.to(MAY).billed()[-1] == (MAY, [10**9])


def test_an_advance_that_would_be_out_of_range_refuses_the_change(org):
    """The subscription, its invoices and its balance are as they were."""
    charges = [charge("per_unit", "seats", "advance", unit_amount=str(10**15 - 1))]
    life = Life(org, APRIL, {"charges": charges}, quantity=9000).to(SIXTEENTH)
    before = life.now(), life.invoices(), life.customer()
    for body in ({"quantity": 1_000_000}, {"quantity": 1_000_000, "effective": "now"}):
        life.refused("amount-out-of-range", "change", **body)
        org.refused(422, "amount-out-of-range", "POST", life.path + "/change/preview", body)
    assert (life.now(), life.invoices(), life.customer()) == before


def test_a_pending_change_that_cannot_be_billed_is_parked_and_replaced(org):
    """Accepted for the period's end, out of range there; the old terms go on once it is taken back."""
    charges = [charge("per_unit", "seats", "advance", unit_amount=str(10**15 - 1))]
    life = Life(org, APRIL, {"charges": charges}, quantity=1).do("change", quantity=1_000_000, effective="period_end")
    life.to(JUNE)
    assert life.now()["billing_problem"] == "amount-out-of-range" and len(life.invoices()) == 1
    life.do("change", quantity=1, effective="period_end").to("2026-06-01T00:00:01Z")
    assert [one["issued_at"] for one in life.invoices()] == [APRIL, MAY, JUNE]
    assert life.now()["billing_problem"] is None


FIRSTS = {"a start": {"start_at": MAY}, "a trial's end": {"trial_days": 30}}


@pytest.mark.parametrize("name", FIRSTS)
def test_a_first_period_that_cannot_be_billed_is_parked_and_mended(org, name):
    """Nothing is billed when it is made, so it is its moment that is refused; a change bills it, dated then."""
    life = Life(org, APRIL, SEATS, quantity=MILLION).do("cancel")
    later = Life(org, APRIL, SEATS, quantity=MILLION + 1, **FIRSTS[name]).to(JUNE)
    parked = later.now()
    assert (parked["status"], parked["billing_problem"]) in (
        ("scheduled", "amount-out-of-range"), ("trialing", "amount-out-of-range"),
    )  # fmt: skip
    assert later.billed() == [] and len(life.invoices()) == 1
    later.do("change", quantity=MILLION).to("2026-06-01T00:00:01Z")
    assert later.billed() == [(MAY, [MOST]), (JUNE, [MOST])] and later.now()["status"] == "active"


def test_one_that_is_parked_keeps_the_clock_and_its_neighbours_going(org):
    """The clock arrives, and whoever else lives on it is billed in time."""
    clock = Clock(org, APRIL)
    stuck, fine = Life(org, APRIL, USE, clock=clock), Life(org, APRIL, {"amount": 100}, clock=clock)
    stuck.report("9000000")
    clock.advance(JULY)
    assert stuck.now()["billing_problem"] == "amount-out-of-range"
    assert [at for at, _ in fine.billed()] == [APRIL, MAY, JUNE, JULY]


def test_a_balance_is_never_negative_and_each_invoice_uses_it(org):
    """A balance of one invoice and a half: the first is paid, the second in part, the third not (documents_of checks
    each entry)."""
    life = Life(org, APRIL, {"amount": 6000}).to(SIXTEENTH).do("change", plan_id=plan_of(org, amount=1200))
    assert life.customer()["credit_balance"] == 2400
    life.to("2026-08-01T00:00:00Z")
    assert [(one["total"], one["credit_applied"], one["status"]) for one in life.invoices()[1:]] == [
        (1200, 1200, "paid"), (1200, 1200, "paid"), (1200, 0, "open"), (1200, 0, "open"),
    ]  # fmt: skip
    assert [entry["balance_after"] for entry in credits_of(org, life.customer_id)] == [2400, 1200, 0]
