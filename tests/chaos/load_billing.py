"""What the load sends about billing: subscriptions that fall due at once, many periods behind or in a few seconds, and
all that can be done to one; test clocks, and who lives on them.

What falls due by itself does so within the round, or a day later at the earliest: so that there is an end to wait for.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime

import load_money

DAY = 86400
SOON = (1, 6)  # seconds until something falls due
# Days since a start in the past, each a period; the last are more than one command waits for.
BEHIND = (1, 1, 1, 2, 2, 3, 7, 20, 130)
CLOCKS_MAX = 2  # that a caller has
CLOCK_BEGAN = 1_767_139_200  # 31 December 2025: the months to come are short ones, too
USE = {"code": "use", "name": "Use", "billing": "arrears"}
SEATS = {"code": "seats", "name": "Seats"}
TIERS = [
    {"up_to": 3, "unit_amount": "700", "flat_amount": 100}, {"up_to": 10, "unit_amount": "650.5"},
    {"up_to": None, "unit_amount": "0.000000000001"},
]  # fmt: skip
DEAR = {"code": "dear", "name": "Dear", "billing": "arrears", "model": "per_unit", "unit_amount": "9999999999999"}
# name: the fields of a plan. Those of a day fall due within the round.
PLANS = {
    "daily": {"interval": "day", "charges": [
        SEATS | {"model": "per_unit", "unit_amount": "500"}, USE | {"model": "per_unit", "unit_amount": "0.37"}, DEAR]},
    "daily-packs": {"interval": "day", "charges": [
        SEATS | {"model": "volume", "tiers": TIERS}, USE | {"model": "package", "amount": 500, "package_size": 100}]},
    "trial": {"interval": "day", "trial_days": 2, "charges": [SEATS | {"model": "flat", "amount": 2900}]},
    "monthly": {"interval": "month", "charges": [
        SEATS | {"model": "graduated", "tiers": TIERS, "free_units": "1", "min_amount": 900},
        USE | {"model": "percentage", "rate": "2.9", "fixed_amount": 30, "transaction_max_amount": 5000}]},
    "monthly-flat": {"interval": "month", "charges": [SEATS | {"model": "flat", "amount": 9901}]},
}  # fmt: skip


@dataclass
class Clock:
    """A test clock, and where it was sent last."""

    tenant: object
    id: str
    at: int


def text(seconds):
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def plan_bodies():
    return [(name, {"code": name, "name": name.title(), "currency": "USD"} | body) for name, body in PLANS.items()]


def newcomer(caller, customer):
    """One without a subscription as far as the caller knows, else the given one."""
    free = [known for known in caller.known if not known.subscriptions and known.clock is None]
    return caller.random.choice(free) if free else customer


def subscribe(caller, customer, plan, **body):
    body = {"customer_id": customer.id, "plan_id": customer.tenant.priced[plan]} | body
    body |= load_money.of_a_subscription(caller, customer.tenant)
    if caller.random.random() < 0.5:
        body["quantity"] = caller.random.randrange(0, 13)
    return caller.post(customer, "/v1/subscriptions", body)


def begin_in_the_past(caller, customer):
    """Each day since then is a period that is over, and the next one is soon."""
    customer = newcomer(caller, customer)
    start = time.time() - caller.random.choice(BEHIND) * DAY + caller.random.randrange(*SOON)
    return subscribe(caller, customer, caller.random.choice(("daily", "daily-packs")), start_at=text(start))


def try_out(caller, customer):
    """A trial that is over soon."""
    start = time.time() - PLANS["trial"]["trial_days"] * DAY + caller.random.randrange(*SOON)
    return subscribe(caller, newcomer(caller, customer), "trial", start_at=text(start))


def begin_later(caller, customer):
    """A start that comes soon; sometimes an end, too."""
    start = time.time() + caller.random.randrange(*SOON)
    more = {"end_at": text(start + caller.random.randrange(*SOON))} if caller.random.random() < 0.3 else {}
    plan = caller.random.choice(("daily", "monthly", "monthly-flat"))
    return subscribe(caller, newcomer(caller, customer), plan, start_at=text(start), **more)


def begin_now(caller, customer):
    """On the calendar, on a day of the month, or from now on."""
    anchor = caller.random.choice(("start", "calendar", "31"))
    return subscribe(caller, newcomer(caller, customer), caller.random.choice(("monthly", "monthly-flat")),
                     anchor=anchor)  # fmt: skip


def about(caller, customer, verb, body=None):
    """Of the caller's customers one with a subscription, mostly the first: later ones were often refused."""
    if not customer.subscriptions:
        owners = [known for known in caller.known if known.subscriptions]
        if not owners:
            return begin_now(caller, customer)
        customer = caller.random.choice(owners)
    first = caller.random.random() < 0.6
    one = customer.subscriptions[0] if first else caller.random.choice(customer.subscriptions)
    body = body(customer) if callable(body) else body
    return caller.post(customer, f"/v1/subscriptions/{one}/{verb}", body)


def change(caller, customer):
    def body(owner):
        plans = owner.tenant.priced
        plan = plans[caller.random.choice([name for name in plans if caller.falls_due or name.startswith("monthly")])]
        wish = caller.random.choice(({"plan_id": plan}, {"quantity": caller.random.randrange(0, 20)}))
        wish = wish | {"effective": caller.random.choice(("now", "now", "period_end"))}
        return wish | ({"proration": "none"} if caller.random.random() < 0.2 else {})

    return about(caller, customer, "change", body)


def cancel_for_credit(caller, customer):
    return about(caller, customer, "cancel", {"effective": "now", "credit_unused": True})


def cancel_at_the_end(caller, customer):
    return about(caller, customer, "cancel", {"effective": "period_end"})


def uncancel(caller, customer):
    return about(caller, customer, "uncancel")


def pause(caller, customer):
    return about(caller, customer, "pause")


def resume(caller, customer):
    return about(caller, customer, "resume")


def report(caller, customer):
    """Set or added; a little of what is dear is more than 64 bits hold, and parks the subscription."""
    if caller.random.random() < 0.03:
        return about(caller, customer, "quantities", {"charge_code": "dear", "quantity": "99999999"})
    quantity = str(caller.random.choice((0, 1, 100, 123_456)))
    mode = caller.random.choice(("set", "add"))
    return about(caller, customer, "quantities", {"charge_code": "use", "quantity": quantity, "mode": mode})


# Test clocks


def clock(caller, customer):
    """A clock, then who lives on it, then what they have, and time that passes."""
    if len(caller.clocks) < CLOCKS_MAX:
        return caller.post(customer, "/v1/test-clocks", {"now": text(CLOCK_BEGAN)})
    one = caller.random.choice(caller.clocks)
    living = [known for known in caller.known if known.clock == one.id]
    if len(living) < 2:
        return caller.post(one, "/v1/customers", {"name": caller.text("Timeless"), "test_clock_id": one.id})
    chosen = caller.random.choice(living)
    if not chosen.subscriptions:
        plan = caller.random.choice(list(PLANS))
        return subscribe(caller, chosen, plan)
    if caller.random.random() < 0.5:
        about_life = (change, cancel_for_credit, pause, resume, report)
        about_money = (load_money.pay, load_money.pay, load_money.credit_note, load_money.void, load_money.item)
        return caller.random.choice(about_life + about_money)(caller, chosen)
    days = caller.random.choice((1, 3, 31, 200))
    request = caller.post(one, f"/v1/test-clocks/{one.id}/advance", {"now": text(one.at + days * DAY)})
    request.clock = one
    return request


# How often each is sent, compared with the others: load.ACTIONS.
LIFE_ACTIONS = (
    (6, begin_now),
    (6, change),
    (2, cancel_for_credit),
    (3, cancel_at_the_end),
    (3, uncancel),
    (4, pause),
    (5, resume),
    (6, report),
)
DUE_ACTIONS = (
    (9, begin_in_the_past),
    (4, try_out),
    (4, begin_later),
    (14, clock),
)
