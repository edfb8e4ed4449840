"""What is owed of a bill: items, discounts and taxes, by billing-rules' text ("Invoices").

Written from the rules and from what coupon.h and assessment.h promise, never from their C. Nothing that is given is
changed: what comes out is new.
"""

from dataclasses import dataclass, replace
from fractions import Fraction

import rules
import splits
from rules import Refused, half_away, int64

DENOMINATORS_MAX = 8


# ---- What is agreed.


@dataclass(frozen=True)
class Coupon:
    number: int
    percent: Fraction | None = None
    amount: int | None = None
    currency: str | None = None
    duration: str = "forever"
    periods: int | None = None  # of a repeating one
    redemptions_max: int | None = None
    redemptions: int = 0
    redeem_by: int | None = None
    archived: bool = False
    plans: tuple[int, ...] = ()


@dataclass(frozen=True)
class Discount:
    """A coupon as a subscription took it. `given` was taken off the charges in advance of the part `given_of` of the
    natural period that runs.
    """

    coupon: int
    percent: Fraction | None
    amount: int | None
    plans: tuple[int, ...]
    left: int | None  # periods; None: any number
    covers: bool = False
    given: int = 0
    given_of: Fraction = Fraction(0)

    def is_for(self, line):
        return not self.plans or line.plan in self.plans

    @property
    def lasts(self):
        return self.left is None or self.left > 0


def redeem(coupon, plan, currency, now):
    """What a subscription takes of it."""
    if coupon.archived or (coupon.redeem_by is not None and now > coupon.redeem_by):
        raise Refused("COUPON_EXPIRED")
    if coupon.redemptions_max is not None and coupon.redemptions >= coupon.redemptions_max:
        raise Refused("COUPON_EXHAUSTED")
    if coupon.amount is not None and coupon.currency != currency:
        raise Refused("COUPON_NOT_APPLICABLE")
    if coupon.plans and plan not in coupon.plans:
        raise Refused("COUPON_NOT_APPLICABLE")
    left = {"once": 1, "repeating": coupon.periods, "forever": None}[coupon.duration]
    return Discount(coupon.number, coupon.percent, coupon.amount, coupon.plans, left)


@dataclass(frozen=True)
class Rate:
    number: int
    percentage: Fraction
    inclusive: bool


@dataclass(frozen=True)
class Item:
    number: int
    amount: int
    rates: tuple[int, ...] = ()


@dataclass(frozen=True)
class Setup:
    """Who is billed: rates by their numbers, and whose are whose."""

    rates: tuple[Rate, ...] = ()
    exempt: str = "none"
    customer: tuple[int, ...] = ()
    organisation: tuple[int, ...] = ()

    def rate(self, number):
        for rate in self.rates:
            if rate.number == number:
                return rate
        raise Refused("TAX_RATE_NOT_FOUND")


# ---- What comes of it.


@dataclass
class Owed:
    """A line, and what is left of it."""

    line: rules.Line
    shares: list[int]  # of each discount
    taxes: list  # (rate's number, amount)
    included: int = 0

    @property
    def left(self):
        return self.line.amount - sum(self.shares)

    @property
    def tax(self):
        return sum(amount for _, amount in self.taxes)


@dataclass
class Assessed:
    lines: list
    discounts: list  # what each takes off
    taxes: list  # (rate's number, taxable, amount)
    discounts_after: tuple

    @property
    def subtotal(self):
        return sum(owed.line.amount for owed in self.lines)

    @property
    def discount(self):
        return sum(self.discounts)

    @property
    def tax(self):
        return sum(amount for _, _, amount in self.taxes)

    @property
    def included(self):
        return sum(owed.included for owed in self.lines)

    @property
    def total(self):
        return self.subtotal - self.discount + self.tax - self.included


def assess(setup, lines, turns, period, discounts, rates, items):
    """lines: of the bill. turns: a period begins or ends. discounts and rates: the subscription's. items: those that
    are pending.
    """
    lines = [*lines, *(item_line(item, period) for item in items)]
    owed = [Owed(line, [], []) for line in lines]
    rules.total(lines)
    after = [take(discount, owed, turns) for discount in discounts]
    taken = [int64(sum(one.shares[i] for one in owed)) for i in range(len(discounts))]
    taxes = tax(setup, owed, rates) if setup.exempt == "none" else []
    assessed = Assessed(owed, taken, taxes, tuple(after))
    for one in owed:  # also where a bound brings it all back
        int64(one.tax)
    for amount in (assessed.subtotal, assessed.discount, assessed.tax, assessed.included, assessed.total):
        int64(amount)
    # Whatever the signs.
    int64(sum(abs(one.line.amount) + sum(abs(amount) for _, amount in one.taxes) for one in owed))
    return assessed


def item_line(item, period):
    return rules.Line("item", False, False, 0, item.number, *period, item.amount, rates=item.rates)


def in_advance(line):
    return line.billing == "advance" and not line.credit


# ---- A charge and its bound count as one.


def grouped(owed):
    """The lines, each bound with that of its charge."""
    groups = []
    for one in owed:
        if groups and is_bound_of(one.line, groups[-1][-1].line):
            groups[-1].append(one)
        else:
            groups.append([one])
    return groups


def is_bound_of(line, before):
    if line.kind not in ("minimum", "maximum") or before.kind != "charge":
        return False
    return replace(line, kind="charge", amount=before.amount) == before


def left_of(lines):
    return sum(one.left for one in lines)


def over_lines(groups, shares):
    """(line, its share) of each: a charge's share is spread over its line and its bound's."""
    for group, share in zip(groups, shares, strict=True):
        if len(group) == 1 or not share:
            yield group[0], share
            yield from ((one, 0) for one in group[1:])
        else:
            yield from zip(group, splits.spread(share, [one.left for one in group]), strict=True)


# ---- Discounts.


def take(discount, owed, turns):
    """Take one discount off what those before it left: each line gets its share. The discount as it is behind it."""
    remaining = next((one.line.share for one in owed if one.line.billing == "advance" and one.line.proration), 0)
    mine = [one for one in owed if discount.is_for(one.line)]
    for one in owed:
        one.shares.append(0)
    unused = discount.lasts and not discount.covers  # for the period that runs
    if discount.percent is not None:
        take_percent(discount, mine, turns)
    else:
        take_amount(discount, mine, turns or unused, remaining)
    charged = [one for one in mine if not one.line.credit]
    taken = sum(one.shares[-1] for one in charged)
    if turns or (unused and taken > 0):
        return begun(discount, charged, taken)
    return gone_on(discount, remaining)


def take_percent(discount, mine, turns):
    """Of the sum of its lines."""
    groups = grouped([one for one in mine if has_percent(discount, one.line, turns)])
    _, shares = splits.split([left_of(group) * discount.percent / 100 for group in groups])
    for one, share in list(over_lines(groups, shares)):
        one.shares[-1] = share


def has_percent(discount, line, turns):
    """A percentage is taken off every invoice while it is good for a period. Where the one that runs was its last, only
    what that period was charged in advance goes on with it: credited, and charged instead.
    """
    if line.credit:
        return discount.covers
    if discount.lasts:
        return True
    return discount.covers and not turns and line.proration and in_advance(line)


def take_amount(discount, mine, begins, remaining):
    """Credited lines give back what was taken off them. The same is taken off what is charged in their place, or the
    whole amount off the lines of the first invoice of a period that has any for it.
    """
    back = given_for(discount, remaining)
    credited = [one for one in mine if one.line.credit]
    charged = [one for one in mine if not one.line.credit]
    take_off(credited, min(back, -sum(one.left for one in credited)), -1)
    if begins:
        take_off(charged, min(discount.amount, left_of(charged)) if discount.lasts else 0)
    else:
        prorated = [one for one in charged if one.line.proration and in_advance(one.line)]
        take_off(prorated, min(back, left_of(prorated)))


def take_off(lines, amount, sign=1):
    """In proportion to what is left of the lines; the rest lapses."""
    if amount <= 0:
        return
    groups = grouped(lines)
    shares = splits.spread(sign * amount, [left_of(group) for group in groups])
    for one, share in list(over_lines(groups, shares)):
        one.shares[-1] = share


def given_for(discount, remaining):
    """What of it is for the rest of the period."""
    if not discount.given or not remaining:
        return 0
    return half_away(discount.given * min(1, remaining / discount.given_of))


def gone_on(discount, remaining):
    """Inside a period, it gives for what remains of it; no less when the new lines are less."""
    if not remaining or not discount.given:
        return discount
    return replace(discount, given=given_for(discount, remaining), given_of=remaining)


def begun(discount, charged, taken):
    """A period began or ended, or had its first invoice that anything was taken off: one is used up if it was."""
    advance = [one for one in charged if in_advance(one.line)]
    given = sum(one.shares[-1] for one in advance) if discount.amount is not None else 0
    left = discount.left
    if taken > 0 and left is not None:
        left -= 1
    given_of = advance[-1].line.share if given > 0 else Fraction(0)
    return replace(discount, left=left, covers=taken > 0, given=max(0, given), given_of=given_of)


def lapsed(discount):
    """A period began or ended without an invoice: nothing was taken off, so nothing is covered."""
    return replace(discount, covers=False, given=0, given_of=Fraction(0))


# ---- Taxes.


def rates_of(setup, one, subscription):
    charges = one.line.kind != "item"
    for numbers in (one.line.rates, subscription if charges else (), setup.customer, setup.organisation):
        if numbers:
            return [setup.rate(number) for number in numbers]
    return []


def tax(setup, owed, subscription):
    """Each rate on the sum of its lines' bases, rounded once, and spread over them."""
    of_line = [rates_of(setup, one, subscription) for one in owed]
    contained = [1 + sum(rate.percentage for rate in rates if rate.inclusive) / 100 for rates in of_line]
    if len({part for part, rates in zip(contained, of_line, strict=True) if rates}) > DENOMINATORS_MAX:
        raise Refused("TAX_TOO_MIXED")
    prices = {id(one): part for one, part in zip(owed, contained, strict=True)}
    named = list(dict.fromkeys(rate for rates in of_line for rate in rates))
    amounts, wholes = {}, {}
    for rate in named:
        groups = grouped([one for one, rates in zip(owed, of_line, strict=True) if rate in rates])
        bases = [left_of(group) / Fraction(prices[id(group[0])]) for group in groups]
        wholes[rate], shares = splits.split([base * rate.percentage / 100 for base in bases])
        amounts |= {(id(one), rate): share for one, share in over_lines(groups, shares)}
    for one, rates in zip(owed, of_line, strict=True):
        one.taxes = [(rate.number, amounts[id(one), rate]) for rate in rates]
        one.included = sum(amounts[id(one), rate] for rate in rates if rate.inclusive)
    return [(rate.number, taxable(owed, of_line, rate), wholes[rate]) for rate in named]


def taxable(owed, of_line, rate):
    """What its lines leave without the taxes that they contain."""
    return int64(sum(one.left - one.included for one, rates in zip(owed, of_line, strict=True) if rate in rates))
