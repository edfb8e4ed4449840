"""Previews of customers of whom something fell due and is not done: a command does it first, and so does a preview."""

from datetime import timedelta

import pytest
from billing import Clock, charge, check_parts, instant, plan_of, text_of
from money import APRIL, MAY, SIXTEENTH, coupon_of, give, one_off, settings
from runs import CUSTOMER, DAY, SUBSCRIPTION, Mass, ahead, daily, deliver, rows_of
from wire import derived_id, shard_of

pytestmark = pytest.mark.usefixtures("by_hand")

AMOUNTS = ("reason", "currency", "discounts", "taxes", "subtotal", "discount", "tax", "total", "credit_applied",
           "amount_due")  # fmt: skip
# Of what begins at a moment that is told, and not with the command.
SAME = (*AMOUNTS, "period_start", "period_end", "issued_at", "due_at", "digest")
LINE = ("kind", "charge_code", "description", "plan_id", "amount", "discount", "discounts", "tax", "taxes")
START = timedelta(days=-3, hours=-1)


def zone_of_noon():
    """Where noon is near, so that no local day ends between a customer's start, a preview and its command."""
    east = 12 - ahead().hour
    return f"Etc/GMT{-east:+d}"


@pytest.fixture
def org(stack):
    """Customers may have many subscriptions, and whole days are prorated, so that a second makes no difference."""
    org = stack.organisation()
    settings(org, subscriptions_per_customer="many", proration="day")
    return org


class Past:
    """A customer of some days ago, whose commands of then are done, and nothing that fell due since."""

    def __init__(self, stack, wire, org):
        self.stack, self.wire, self.org, self.start = stack, wire, org, ahead() + START
        self.mass = Mass(org, "past", 0, [], accepted_ms=int(self.start.timestamp() * 1000))
        wanted = self.mass.operation()
        self.id = str(derived_id(wanted, CUSTOMER))
        self.do("CreateCustomer", wanted, name="Ada Lovelace", timezone=zone_of_noon())

    def do(self, schema, operation_id=None, **fields):
        deliver(self.stack, self.wire, [
            self.mass.command(self.id, schema, self.wire.partitions, operation_id, **fields)])  # fmt: skip
        return self

    def subscription(self, plan_id, **fields):
        wanted = self.mass.operation()
        self.do("CreateSubscription", wanted, customer_id=self.id, plan_id=plan_id, **fields)
        return str(derived_id(wanted, SUBSCRIPTION, 0, shard_of(self.id)))

    def give(self, amount):
        return self.do("GiveCredit", customer_id=self.id, amount=amount, description="Goodwill")

    def item(self, amount):
        return self.do("CreateItem", customer_id=self.id, amount=amount, description="Setup")

    def rows(self):
        """All that a preview could have changed."""
        tables = {"customers": "id", "subscriptions": "customer_id", "invoices": "customer_id", "items": "customer_id"}
        statement = "SELECT t::text FROM billd.{} t WHERE {} = %s ORDER BY 1"
        return [rows_of(self.stack, self.org, statement.format(*one), self.id) for one in tables.items()]


@pytest.fixture
def past(stack, wire, org):
    return Past(stack, wire, org)


def other_uses_the_balance(past):
    """250 of it, by three renewals of 100."""
    past.subscription(daily(past.org))
    past.give(250)


def other_uses_some_of_it(past):
    past.subscription(daily(past.org))
    past.give(450)


def other_takes_the_item(past):
    past.subscription(daily(past.org))
    past.item(777)


def other_becomes_a_credit(past):
    """As the item that it takes along is one of more than it costs."""
    past.subscription(daily(past.org))
    past.item(-380)


def others_trial_ends(past):
    past.subscription(daily(past.org), trial_days=2)
    past.give(150)


def other_begins(past):
    past.subscription(daily(past.org), start_at=int((past.start + DAY).timestamp() * 1000))
    past.give(150)


def other_ends(past):
    """And takes no more of the balance."""
    ends = past.subscription(daily(past.org))
    past.give(250).do("CancelSubscription", subscription_id=ends, effective="period_end")


def other_has_a_coupon(past):
    """Which is used up by its first renewal, so that the balance pays more of the others."""
    code = coupon_of(past.org, percent_off="50", duration="repeating", duration_periods=2)
    past.subscription(daily(past.org), coupon_codes=[code])
    past.give(300)


def other_cannot_be_billed(past):
    """It is parked, and leaves the balance and the item alone; they are left for the one behind it."""
    huge = [charge("per_unit", unit_amount="9000000000000")]
    parked = past.subscription(plan_of(past.org, charges=huge, interval="day"))
    past.do("ReportQuantity", subscription_id=parked, charge_code="use", quantity="900000000000")
    past.give(250)


def many_others(past):
    """In the order in which they fall due."""
    for amount in (10, 20, 30):
        past.subscription(daily(past.org, amount=amount))
    past.item(5)
    past.give(140)


BEHIND = [other_uses_the_balance, other_uses_some_of_it, other_takes_the_item, other_becomes_a_credit,
          others_trial_ends, other_begins, other_ends, other_has_a_coupon, other_cannot_be_billed,
          many_others]  # fmt: skip


def bare(document, names):
    lines = [{name: line[name] for name in LINE} for line in document["lines"]]
    return {name: document[name] for name in names} | {"lines": lines}


def previewed(past, path, body):
    """Without an effect."""
    before = past.rows()
    shown = past.org.done("POST", path, body)
    assert past.rows() == before
    check_parts(shown)
    return shown


@pytest.mark.parametrize("plant", BEHIND)
def test_a_new_subscription_is_billed_behind_the_others(past, org, plant):
    plant(past)
    code = coupon_of(org, amount_off=30, currency="USD")
    wish = {"customer_id": past.id, "plan_id": plan_of(org, amount=900), "coupon_codes": [code],
            "start_at": text_of(ahead(hours=-1))}  # fmt: skip
    shown = previewed(past, "/v1/invoices/preview", wish)
    made = org.succeed("POST", "/v1/subscriptions", wish)
    (invoice,) = (one for one in org.invoices_of(past.id) if one["subscription_id"] == made)
    assert bare(shown, SAME) == bare(org.get(f"/v1/invoices/{invoice['id']}"), SAME)


@pytest.mark.parametrize("plant", BEHIND)
@pytest.mark.parametrize("wish", [{}, {"start_at": DAY / 2}], ids=["a month's", "begun in between"])
def test_a_change_is_billed_behind_the_others(past, org, plant, wish):
    """Also of one whose own first period fell due between theirs."""
    told = {name: int((past.start + value).timestamp() * 1000) for name, value in wish.items()}
    changed = past.subscription(plan_of(org, amount=3000), **told)
    plant(past)
    path, change = f"/v1/subscriptions/{changed}/change", {"plan_id": plan_of(org, amount=9000)}
    shown = previewed(past, path + "/preview", change)
    org.succeed("POST", path, change)
    (invoice,) = (one for one in org.invoices_of(past.id) if one["reason"] == "subscription_update")
    assert bare(shown, AMOUNTS) == bare(org.get(f"/v1/invoices/{invoice['id']}"), AMOUNTS)


def test_a_coupon_that_is_used_up_by_what_fell_due_is_not_shown_again(past, org):
    """One for a single period, of a subscription that is renewed first, and then changed."""
    once = coupon_of(org, percent_off="20", duration="once")
    changed = past.subscription(daily(org, amount=700), coupon_codes=[once])
    path, change = f"/v1/subscriptions/{changed}/change", {"plan_id": daily(org, amount=5000)}
    shown = previewed(past, path + "/preview", change)
    org.succeed("POST", path, change)
    (invoice,) = (one for one in org.invoices_of(past.id) if one["reason"] == "subscription_update")
    assert shown["discount"] == 0
    assert bare(shown, AMOUNTS) == bare(org.get(f"/v1/invoices/{invoice['id']}"), AMOUNTS)


def test_a_change_behind_which_nothing_can_be_billed_either_says_why(past, org):
    """What fell due before it cannot be billed: the command parks it, changes it, and parks it again."""
    huge = [charge("flat", "base", "advance", amount=100), charge("per_unit", unit_amount="9000000000000")]
    changed = past.subscription(plan_of(org, charges=huge, interval="day"))
    past.do("ReportQuantity", subscription_id=changed, charge_code="use", quantity="900000000000")
    past.subscription(daily(org))
    past.give(250)
    path, change = f"/v1/subscriptions/{changed}/change", {"quantity": 0}
    org.refused(422, "amount-out-of-range", "POST", path + "/preview", change)
    org.succeed("POST", path, change)
    assert org.get(f"/v1/subscriptions/{changed}")["billing_problem"] == "amount-out-of-range"


def test_one_that_has_ended_stands_in_nobodys_way(stack, wire, org):
    """Where a customer may have one only: it was to end with a period that is over."""
    settings(org, subscriptions_per_customer="one")
    past = Past(stack, wire, org)
    other_ends(past)
    wish = {"customer_id": past.id, "plan_id": plan_of(org, amount=900), "start_at": text_of(ahead(hours=-1))}
    shown = previewed(past, "/v1/invoices/preview", wish)
    made = org.succeed("POST", "/v1/subscriptions", wish)
    (invoice,) = (one for one in org.invoices_of(past.id) if one["subscription_id"] == made)
    assert bare(shown, SAME) == bare(org.get(f"/v1/invoices/{invoice['id']}"), SAME)


# Ahead


@pytest.mark.parametrize("interval", ["day", "week", "month"])
def test_the_next_invoice_stands_behind_those_of_others_that_come_first(org, interval):
    """What these take until then, it will not find; its own order among those of the same moment counts."""
    clock = Clock(org, APRIL)
    customer_id = clock.customer()
    asked = [org.subscription(customer_id, plan_of(org, amount=1000 + number)) for number in range(2)]
    org.subscription(customer_id, plan_of(org, amount=60, interval=interval), start_at=SIXTEENTH)
    one_off(org, customer_id, 333)
    give(org, customer_id, 1500)
    shown = [org.done("POST", "/v1/invoices/preview", {"subscription_id": one}) for one in asked]
    clock.advance(MAY)
    for one, document in zip(asked, shown, strict=True):
        (invoice,) = (two for two in org.invoices_of(customer_id)
                      if (two["subscription_id"], two["issued_at"]) == (one, MAY))  # fmt: skip
        assert bare(document, SAME) == bare(org.get(f"/v1/invoices/{invoice['id']}"), SAME)


def test_a_start_too_long_ago_for_a_clock_is_refused_at_once(org):
    """As nobody would come back for what is due on a clock that stands still."""
    clock, plan_id = Clock(org, APRIL), daily(org)
    wish = {"customer_id": clock.customer(), "plan_id": plan_id}
    for days, refused in ((100, False), (101, True)):
        body = wish | {"start_at": text_of(instant(APRIL) - timedelta(days=days))}
        if refused:
            org.refused(422, "start-too-early", "POST", "/v1/invoices/preview", body)
            org.fail("start-too-early", "POST", "/v1/subscriptions", body)
        else:
            assert org.done("POST", "/v1/invoices/preview", body)["total"] == 100
