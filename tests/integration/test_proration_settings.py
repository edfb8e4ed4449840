"""The organisation's ways of prorating, over days on which clocks change, over periods that are cut, and to the end."""

import pytest
from billing import Clock, Life, charge, credits_of, plan_of

APRIL, SIXTEENTH, MAY, JUNE = (f"2026-{day}T00:00:00Z" for day in ("04-01", "04-16", "05-01", "06-01"))
BASE = {"charges": [charge("flat", "base", "advance", amount=3000)]}
BOUNDED = charge("per_unit", unit_amount="1", min_amount=600, max_amount=9000)
MIXED = {"charges": [charge("flat", "base", "advance", amount=3000), BOUNDED]}


@pytest.fixture(scope="module")
def by_day(stack):
    return stack.person().found(settings={"proration": "day"}, timezone="Europe/Vienna")


@pytest.fixture(scope="module")
def undivided(stack):
    return stack.person().found(settings={"proration": "none"})


def amounts(life):
    return [(at, sum(lines)) for at, lines in life.billed()]


# By whole local days

# Start, wish, price of a month, and (when, amount) of each invoice up to where it goes. All in Vienna.
BY_DAY = {
    "the last four days of March, one of which has 23 hours": (
        "2026-03-28T22:30:00Z", {"anchor": "calendar"}, 3100, "2026-04-30T22:00:00Z",
        [("2026-03-28T22:30:00Z", 400), ("2026-03-31T22:00:00Z", 3100), ("2026-04-30T22:00:00Z", 3100)],
    ),
    "the last seven days of October, one of which has 25 hours": (
        "2026-10-24T22:00:00Z", {"anchor": "calendar"}, 3100, "2026-10-31T23:00:00Z",
        [("2026-10-24T22:00:00Z", 700), ("2026-10-31T23:00:00Z", 3100)],
    ),
    "the hour that comes twice, the second time": (
        "2026-10-25T01:30:00Z", {"anchor": "calendar"}, 3100, "2026-10-31T23:00:00Z",
        [("2026-10-25T01:30:00Z", 700), ("2026-10-31T23:00:00Z", 3100)],
    ),
    "a second before midnight, and still that day": (
        "2026-04-29T21:59:59Z", {"anchor": "calendar"}, 3000, "2026-04-30T22:00:00Z",
        [("2026-04-29T21:59:59Z", 200), ("2026-04-30T22:00:00Z", 3000)],
    ),
    "an end cuts at the day on which it lies": (
        "2026-03-31T22:00:00Z", {"end_at": "2026-04-10T10:00:00Z"}, 3000, "2026-04-30T22:00:00Z",
        [("2026-03-31T22:00:00Z", 900)],
    ),
    "an end on the day of the start costs nothing": (
        "2026-03-31T22:00:00Z", {"end_at": "2026-04-01T10:00:00Z"}, 3000, "2026-04-30T22:00:00Z",
        [("2026-03-31T22:00:00Z", 0)],
    ),
    "cut at both ends": (
        "2026-03-28T10:00:00Z", {"anchor": "calendar", "end_at": "2026-03-30T22:00:01Z"}, 3100, "2026-04-30T22:00:00Z",
        [("2026-03-28T10:00:00Z", 300)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BY_DAY)
def test_by_days_each_local_day_counts_once(by_day, name):
    """Whatever its hours: the day on which a part begins is in it, that on which it ends is not."""
    start, wish, price, until, wanted = BY_DAY[name]
    assert amounts(Life(by_day, start, {"amount": price}, **wish).to(until)) == wanted


def test_by_days_a_cut_period_is_divided_without_rest(by_day):
    """1 to 10 April of a month that ends on the 10th: changed on the 5th, four days are used and five are exchanged."""
    start, fifth = "2026-03-31T22:00:00Z", "2026-04-05T09:00:00Z"
    life = Life(by_day, start, {"amount": 3000}, end_at="2026-04-10T10:00:00Z").to(fifth)
    life.do("change", plan_id=plan_of(by_day, amount=6000))
    assert life.billed() == [(start, [900]), (fifth, [-500, 1000])]
    life.do("cancel", credit_unused=True)
    (entry,) = credits_of(by_day, life.customer_id)
    assert entry["amount"] == 1000 == sum(one["total"] for one in life.invoices()) - 400


def test_by_days_a_period_that_was_paused_over_the_change_of_clocks(by_day):
    """A day's period, moved by a pause to where the day has 23 hours: nothing is lost, nothing is charged twice."""
    start = "2026-03-27T23:00:00Z"  # midnight of Saturday, the 28th
    plan = {"interval": "day", "amount": 1000}
    life = Life(by_day, start, plan).to("2026-03-28T11:00:00Z").do("pause").to("2026-03-28T22:00:00Z").do("resume")
    after = life.now()
    assert (after["current_period_start"], after["current_period_end"]) == ("2026-03-28T10:00:00Z",
                                                                           "2026-03-29T10:00:00Z")  # fmt: skip
    life.do("change", plan_id=plan_of(by_day, interval="day", amount=2000))
    # A period that begins on the 28th has one day, and on the 28th that is left.
    assert life.billed() == [(start, [1000]), ("2026-03-28T22:00:00Z", [-1000, 2000])]


# None


def test_undivided_a_period_that_is_cut_costs_the_whole(undivided):
    """At its end; a part before the first boundary is free."""
    cut = Life(undivided, APRIL, BASE, end_at=SIXTEENTH).to(MAY)
    assert amounts(cut) == [(APRIL, 3000)]
    both = Life(undivided, "2026-04-10T00:00:00Z", BASE, anchor="calendar", end_at="2026-05-16T00:00:00Z").to(JUNE)
    assert amounts(both) == [("2026-04-10T00:00:00Z", 0), (MAY, 3000)]


def test_undivided_a_change_gives_and_takes_nothing(undivided):
    """Neither dearer nor cheaper, nor on cancellation; in the second in which the period begins all is exchanged."""
    life = Life(undivided, APRIL, BASE)
    life.do("change", plan_id=plan_of(undivided, amount=5000))
    assert life.billed() == [(APRIL, [3000]), (APRIL, [-3000, 5000])]
    life.to(SIXTEENTH).do("change", plan_id=plan_of(undivided, amount=100)).do("cancel", credit_unused=True)
    assert len(life.invoices()) == 2 and credits_of(undivided, life.customer_id) == []


def test_undivided_another_interval_begins_whole(undivided):
    """The year is charged, and nothing of the month comes back."""
    life = Life(undivided, APRIL, BASE).to(SIXTEENTH)
    life.do("change", plan_id=plan_of(undivided, amount=30_000, interval="year"))
    assert life.billed() == [(APRIL, [3000]), (SIXTEENTH, [30_000])]
    assert life.now()["current_period_end"] == "2027-04-16T00:00:00Z"


def test_undivided_a_periods_minimum_is_owed_once(undivided):
    """By the version that it began with; the one that follows inside of it has no minimum, and the whole maximum."""
    life = Life(undivided, APRIL, MIXED).to(SIXTEENTH).report("100")
    life.do("change", plan_id=plan_of(undivided, **MIXED)).report("9500").to(MAY)
    assert [lines for _, lines in life.billed()] == [[3000], [100, 500], [9500, -500, 3000]]


# What is used in time that costs nothing has a maximum

CAPPED = {"charges": [charge("per_unit", unit_amount="1", max_amount=10_000)]}


def test_undivided_a_part_before_the_first_boundary_has_the_whole_maximum(undivided):
    life = Life(undivided, "2026-04-10T00:00:00Z", CAPPED, anchor="calendar").report("1000000").to(MAY)
    assert life.billed()[-1] == (MAY, [1_000_000, -990_000])


def test_by_days_a_part_within_one_has_a_maximum_by_its_seconds(by_day):
    start, evening = "2026-06-01T07:00:00Z", "2026-06-01T15:00:00Z"
    life = Life(by_day, start, CAPPED).report("1000000").to(evening).do("cancel")
    assert life.billed()[-1] == (evening, [1_000_000, 111 - 1_000_000])


# By the second, for comparison, and what a request may say


@pytest.fixture(scope="module")
def org(stack):
    return stack.organisation()


def test_there_and_back_with_bounds_costs_nothing(org):
    """Minimums and maximums in advance are exchanged as the charges that they bound."""
    bounded = [charge("per_unit", "low", "advance", unit_amount="33.3", min_amount=1001),
               charge("per_unit", "high", "advance", unit_amount="777.7", max_amount=2003)]  # fmt: skip
    other = plan_of(org, charges=[charge("per_unit", "low", "advance", unit_amount="0.7", min_amount=77)])
    life = Life(org, APRIL, {"charges": bounded}, quantity=7).to("2026-04-23T17:01:59Z")
    before = paid(life)
    life.do("change", plan_id=other, quantity=3).do("change", plan_id=life.plan_id, quantity=7)
    life.do("change", quantity=9).do("change", quantity=7)
    assert paid(life) == before
    assert life.to(MAY).billed()[-1] == (MAY, [233, 768, 5444, -3441])


def test_there_and_back_is_free_when_a_balance_pays_in_between(org):
    """What the first change takes from the balance, the second one gives back."""
    life = Life(org, APRIL, {"amount": 9000}).to("2026-04-11T07:13:57Z")
    life.do("change", plan_id=plan_of(org, amount=1000))
    balance, dear = life.customer()["credit_balance"], plan_of(org, amount=7777)
    now_on = life.now()["plan_id"]
    life.do("change", plan_id=dear)
    upgrade = life.invoices()[-1]
    assert 0 < upgrade["credit_applied"] == upgrade["total"] and upgrade["status"] == "paid"
    life.do("change", plan_id=now_on)
    assert life.customer()["credit_balance"] == balance
    life.do("change", plan_id=plan_of(org, amount=90_000))
    assert life.customer()["credit_balance"] == 0 < life.invoices()[-1]["amount_due"]
    life.do("change", plan_id=now_on)
    assert paid(life) == 9000 - balance


def paid(life):
    """All that was invoiced, less what lies on the balance."""
    return sum(one["amount_due"] for one in life.invoices()) - life.customer()["credit_balance"]


def test_a_flat_charge_shows_what_a_change_of_quantity_exchanges(org):
    """Its lines make 0, and so does their invoice, which is paid at once."""
    life = Life(org, APRIL, BASE).to(SIXTEENTH).do("change", quantity=5)
    update = life.invoices()[-1]
    assert [line["amount"] for line in update["lines"]] == [-1500, 1500]
    assert (update["total"], update["status"], update["reason"]) == (0, "paid", "subscription_update")


# Currencies without and with three decimals: a minor unit is what is rounded to

CURRENCIES = {"JPY": (1000, 3333, [-667, 2222]), "KWD": (12_345, 54_321, [-8230, 36_214])}


@pytest.mark.parametrize("currency", CURRENCIES)
def test_a_change_is_rounded_to_the_currencys_minor_unit(stack, currency):
    """Twenty of thirty days, in yen and in thousandths of a dinar."""
    old, new, wanted = CURRENCIES[currency]
    org = stack.organisation(currency=currency)
    eleventh, plan = "2026-04-11T00:00:00Z", {"currency": currency}
    life = Life(org, APRIL, plan | {"amount": old}).to(eleventh)
    life.do("change", plan_id=plan_of(org, amount=new, **plan))
    assert life.billed() == [(APRIL, [old]), (eleventh, wanted)]
    assert {one["currency"] for one in life.invoices()} == {currency}
    life.do("change", plan_id=plan_of(org, amount=old, **plan))
    (entry,) = credits_of(org, life.customer_id)
    assert (entry["currency"], entry["amount"]) == (currency, sum(wanted))


def test_two_currencies_never_meet_on_a_balance(org):
    """A customer has one from its creation on; a plan in another is no plan for it."""
    clock = Clock(org, APRIL)
    life = Life(org, APRIL, {"amount": 9000}, clock=clock).to(SIXTEENTH)
    life.do("change", plan_id=plan_of(org, amount=1000)).do("cancel", credit_unused=True)
    euro = plan_of(org, amount=1000, currency="EUR")
    wish = {"customer_id": life.customer_id, "plan_id": euro}
    org.fail("currency-mismatch", "POST", "/v1/subscriptions", wish)
    org.refused(422, "invalid-body", "PATCH", f"/v1/customers/{life.customer_id}", {"currency": "EUR"})
    assert {entry["currency"] for entry in credits_of(org, life.customer_id)} == {"USD"}
