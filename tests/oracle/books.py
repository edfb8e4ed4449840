"""The journal by its header's text: what each document and movement books, and what is earned when.

Written from what journal.h promises, never from its C. An entry is a dictionary of accounts; debits are positive.
"""

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction

from rules import INT64_MAX, half_away

ACCOUNTS = ["receivable", "cash", "customer_credit", "deferred_revenue", "revenue", "tax_payable", "refunds_payable",
            "bad_debt", "credits_granted"]  # fmt: skip
FINAL = ("canceled", "expired")
NOTES = ("updated", "parked")  # steps that only note something


@dataclass(frozen=True)
class Deferral:
    """Charged in advance and not earned yet: for the time from begin to end."""

    amount: int = 0
    begin: int | None = None
    end: int | None = None

    def earned(self, at):
        if self.end is None or at >= self.end:
            return self.amount
        if at <= self.begin:
            return 0
        return half_away(self.amount * Fraction(at - self.begin, self.end - self.begin))


@dataclass
class Earnings:
    earned: int = 0
    deferred: int = 0


def between(least, value, most):
    return min(max(value, least), most)


def earnings(assessed, begins_another=False):
    """What of a bill's lines is earned at once, and what over time: without taxes and discounts.

    What comes back of a period that is over, as another begins, had all been earned.
    """
    found = Earnings()
    for one in assessed.lines:
        net = one.left - one.included
        if one.line.billing == "advance" and not (begins_another and one.line.credit):
            found.deferred += net
        else:
            found.earned += net
    return found


def earned_by(had, before, after, event, at, begins_another):
    """What was earned of what was deferred. A period that another follows has ended, when it was to or before."""
    if begins_another:
        return had.amount
    if event == "resumed" and had.amount:
        whole = had.end - had.begin
        lost = whole - max(after.period[1] - at, 0)  # what end_at leaves of what it was paused with
        return half_away(had.amount * Fraction(lost, whole)) if whole else had.amount
    paused_at = before.paused_at if before is not None else None
    return had.earned(at if paused_at is None else min(at, paused_at))


def step(before, after, event, at, issued, turns=False):
    """(what was earned by time, the deferral behind it, the earnings of what was issued as they are booked)."""
    had = before.deferral if before is not None else Deferral()
    if event in NOTES:
        return 0, had, issued
    by_time = earned_by(had, before, after, event, at, turns and after.status not in FINAL)
    if after.status in FINAL and issued.deferred > 0:  # nothing is left of its time
        issued = Earnings(issued.earned + issued.deferred, 0)
    left = had.amount - by_time + issued.deferred
    over = left - between(0, left, INT64_MAX)  # what cannot be deferred was earned; what is not there comes out of that
    left -= over
    issued = Earnings(issued.earned + over, issued.deferred - over)
    if after.status in FINAL:
        return by_time + left, Deferral(), issued
    return by_time, Deferral(left, at, after.period[1]), issued


def taken_back(subscription_deferred, natural, current_end, moved, period, net, at):
    """Of what is taken back of a line that was charged in advance: how much was not earned yet.

    Its period is of the time when it was charged. Since then pauses may have moved it, up to so many seconds.
    """
    begin, end = period
    if begin + moved < natural[0] or not end <= current_end <= end + moved:  # for another period than the current one
        return 0
    behind = Fraction(min(max(current_end - at, 0), end - begin), end - begin)
    return min(half_away(net * behind), subscription_deferred)


# ---- Entries.


def entry(**amounts):
    assert sum(amounts.values()) == 0, amounts
    return Counter(amounts)


def invoice(amount_due, credit_applied, tax, issued):
    return entry(receivable=amount_due, customer_credit=credit_applied, tax_payable=-tax,
                 deferred_revenue=-issued.deferred, revenue=-issued.earned)  # fmt: skip


def credit(amount, tax, issued):
    """A bill below 0 went to the balance; its taxes are below 0 as well."""
    return entry(customer_credit=-amount, tax_payable=-tax, deferred_revenue=-issued.deferred, revenue=-issued.earned)


def grant(amount):
    return entry(customer_credit=-amount, credits_granted=amount)


def revenue(earned):
    return entry(deferred_revenue=earned, revenue=-earned)


def credit_note(note, from_deferred):
    net = note.subtotal - note.included
    return entry(receivable=-note.applied, customer_credit=-note.credited, refunds_payable=-note.refunded,
                 tax_payable=note.tax, deferred_revenue=from_deferred, revenue=net - from_deferred)  # fmt: skip


def void(remaining, credit_applied, tax_left, from_deferred):
    net = remaining + credit_applied - tax_left
    return entry(receivable=-remaining, customer_credit=-credit_applied, tax_payable=tax_left,
                 deferred_revenue=from_deferred, revenue=net - from_deferred)  # fmt: skip


def uncollectible(remaining):
    return entry(receivable=-remaining, bad_debt=remaining)


def payment(amount):
    return entry(cash=amount, receivable=-amount)


def refund(amount):
    return entry(refunds_payable=amount, cash=-amount)


def refund_failed(amount):
    return entry(refunds_payable=amount, customer_credit=-amount)
