"""Money and charges by billing-rules' text ("Money and rounding", "Charges"): exact fractions, rounded once.

Written from the rules and from what the headers of common/domain promise, never from its C.
"""

from dataclasses import dataclass, field
from fractions import Fraction

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
SCALE = 10**12  # a price and a quantity have up to 12 places
DECIMAL_END = 10**15  # and lie below this


class Refused(Exception):
    """The rules say no; the name is refusal.def's."""

    def __init__(self, name):
        super().__init__(name)
        self.name = name


@dataclass(frozen=True)
class Tier:
    up_to: int | None
    unit_amount: Fraction = Fraction(0)
    flat_amount: int = 0
    rate: Fraction = Fraction(0)


@dataclass(frozen=True)
class Charge:
    """None where the model does not use it."""

    code: int
    model: str
    billing: str
    amount: int | None = None
    unit_amount: Fraction | None = None
    tiers: tuple[Tier, ...] = ()
    package_size: int | None = None
    rate: Fraction | None = None
    fixed_amount: int | None = None
    transaction_min: int | None = None
    transaction_max: int | None = None
    free_units: Fraction = Fraction(0)
    min_amount: int | None = None
    max_amount: int | None = None
    rates: tuple[int, ...] = ()  # numbers of tax rates


@dataclass(frozen=True)
class Usage:
    quantity: Fraction = Fraction(0)
    transactions: int = 0
    fees: Fraction = Fraction(0)


@dataclass
class Rating:
    billable: Fraction
    packages: int
    exact: Fraction
    line: bool
    amount: int
    minimum: int
    maximum: int
    tiers: list = field(default_factory=list)  # (above, up_to, quantity, price, flat_amount)


def half_away(exact):
    """To a whole number, half away from zero."""
    whole = (abs(exact) * 2 + 1) // 2
    return int(whole if exact >= 0 else -whole)


def cut_off(exact):
    """To 12 places, towards zero, of what is not negative."""
    return Fraction(exact * SCALE // 1, SCALE)


def int64(value):
    if not INT64_MIN < value <= INT64_MAX:
        raise Refused("AMOUNT_OUT_OF_RANGE")
    return value


def is_tiered(charge):
    return bool(charge.tiers)


def bounds_transactions(charge):
    return charge.transaction_min is not None or charge.transaction_max is not None


def graduated(charge, billable, price_of):
    """Each tier's units at its price, and what each that is entered costs by itself. The first one always is."""
    met, above = [], 0
    for tier in charge.tiers:
        if above and billable <= above:
            break
        inside = (billable if tier.up_to is None else min(billable, Fraction(tier.up_to))) - above
        met.append((above, tier.up_to, inside, price_of(tier), tier.flat_amount))
        above = tier.up_to
    return met


def volume(charge, billable):
    """All units at the price of the tier that they reach."""
    above = 0
    for tier in charge.tiers:
        if tier.up_to is None or billable <= tier.up_to:
            return [(above, tier.up_to, billable, tier.unit_amount, tier.flat_amount)]
        above = tier.up_to
    raise AssertionError("the last tier has no end")


def tiers_met(charge, billable):
    if charge.model == "volume":
        return volume(charge, billable)
    if charge.model == "graduated":
        return graduated(charge, billable, lambda tier: tier.unit_amount)
    if charge.model == "percentage" and charge.tiers:
        return graduated(charge, billable, lambda tier: tier.rate / 100)
    return []


def packages_of(charge, billable):
    return -int(-billable // charge.package_size) if charge.model == "package" else 0


def price(charge, usage, billable, met):
    """What it comes to for a whole period, before any rounding."""
    if charge.model == "flat":
        return Fraction(charge.amount)
    if charge.model == "per_unit":
        return billable * charge.unit_amount
    if charge.model == "package":
        return Fraction(packages_of(charge, billable) * charge.amount)
    if charge.model == "percentage" and bounds_transactions(charge):
        return usage.fees
    total = sum((quantity * unit + flat for _, _, quantity, unit, flat in met), Fraction(0))
    if charge.model == "percentage":
        total += (charge.fixed_amount or 0) * usage.transactions
        if not charge.tiers:
            total += billable * charge.rate / 100
    return total


def makes_line(charge, usage, billable):
    """At quantity 0, free units taken off first, a tiered charge still owes its first tier's flat_amount; a flat one
    has no quantity; and transactions cost their fixed amounts whatever their base."""
    if charge.model == "flat" or is_tiered(charge):
        return True
    if bounds_transactions(charge):
        return billable > 0 or usage.fees > 0
    return billable > 0 or usage.transactions * (charge.fixed_amount or 0) > 0


def prorated(charge):
    """In advance as a whole; in arrears only what time alone makes."""
    return charge.billing == "advance" or charge.model == "flat"


def rate(charge, usage, part, cap=None):
    """The charge for that usage in that part of a period; of its maximum this has `cap`, or as much if not told."""
    cap = part if cap is None else cap
    billable = usage.quantity if charge.model == "flat" else max(Fraction(0), usage.quantity - charge.free_units)
    met = tiers_met(charge, billable)
    exact = price(charge, usage, billable, met)
    line = makes_line(charge, usage, billable)
    amount = int64(half_away(exact * part if prorated(charge) else exact)) if line else 0
    minimum = maximum = 0
    if charge.min_amount is not None:
        minimum = int64(max(0, half_away(charge.min_amount * part) - amount))
    if charge.max_amount is not None and cap > 0:  # no time bounds nothing
        maximum = int64(max(0, amount - half_away(charge.max_amount * cap)))
    return Rating(billable, packages_of(charge, billable), exact, line, amount, minimum, maximum, met)


def transaction(charge, usage, base):
    """One more transaction: its fee counts for itself where single ones are bounded."""

    def above_free(quantity):
        return max(Fraction(0), quantity - charge.free_units)

    after = Usage(usage.quantity + base, usage.transactions + 1, usage.fees)
    if bounds_transactions(charge):
        fee = (above_free(after.quantity) - above_free(usage.quantity)) * charge.rate / 100
        fee += charge.fixed_amount or 0
        if charge.transaction_min is not None:
            fee = max(fee, Fraction(charge.transaction_min))
        if charge.transaction_max is not None:
            fee = min(fee, Fraction(charge.transaction_max))
        after = Usage(after.quantity, after.transactions, usage.fees + cut_off(fee))
    if after.quantity >= DECIMAL_END or after.fees >= DECIMAL_END or after.transactions > INT64_MAX:
        raise Refused("AMOUNT_OUT_OF_RANGE")
    return after


@dataclass(frozen=True)
class Line:
    """Of an item, the code is its number, and what follows the amount is not used."""

    kind: str
    credit: bool
    proration: bool
    version: int
    code: int
    start: int
    end: int
    amount: int
    billing: str = field(default="", compare=False)
    plan: int = field(default=0, compare=False)
    share: Fraction = field(default=Fraction(1), compare=False)  # of the natural period
    rates: tuple[int, ...] = field(default=(), compare=False)


def bill(
    version, billing, period, part, cap, quantity=0, reported=None, used_only=False, credit=False, proration=False
):
    """The lines of one part: of each charge its own, then that of its bound."""
    lines = []
    for charge in version.charges:
        if charge.billing != billing:
            continue
        usage = Usage(Fraction(quantity)) if billing == "advance" else (reported or {}).get(charge.code, Usage())
        if used_only and usage == Usage():
            continue
        rated = rate(charge, usage, part, cap)
        amounts = [
            ("charge", rated.amount if rated.line and (rated.amount or not proration) else None),
            ("minimum", rated.minimum or None),
            ("maximum", -rated.maximum or None),
        ]
        sign = -1 if credit else 1
        for kind, amount in amounts:
            if amount is not None:
                facts = (version.number, charge.code, *period, sign * amount, billing, version.plan, part, charge.rates)
                lines.append(Line(kind, credit, proration, *facts))
    return lines


def total(lines):
    """Each sum on the way has to fit as well."""
    so_far = 0
    for line in lines:
        so_far = int64(so_far + line.amount)
    return so_far
