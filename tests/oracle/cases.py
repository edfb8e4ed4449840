"""Random plans, quantities and calendars, from any random.Random: a plain one for the bulk, Hypothesis' own elsewhere.

Edges are drawn often: zero, the ends of tiers, one unit beside them, and the ends of what fits.
"""

import contextlib
import functools
import zoneinfo
from fractions import Fraction

import periods
import rules
from rules import INT64_MAX, Charge, Tier, Usage

MODELS = ["flat", "per_unit", "graduated", "volume", "package", "percentage"]
INTERVALS = ["day", "week", "month", "year"]
COUNTS = {
    "day": [1, 1, 7, 14, 30, 90, 365],
    "week": [1, 1, 2, 4, 13],
    "month": [1, 1, 1, 2, 3, 5, 6, 12],
    "year": [1, 1, 2, 3],
}
ODD_COUNTS = {"day": 3660, "week": 520, "month": 240, "year": 20}


# A natural period that begins where a zone left out midnight is anchored at an earlier one, which has to lie after
# 1970. So periods are placed on the calendar from the time on from which the longest (ODD_COUNTS) have one.
PLACED_FROM = 21 * 366 * 86400


@functools.cache
def zone_names():
    """Those of places: a machine's own zone, and the one of a machine that has none, are not."""
    return sorted(zoneinfo.available_timezones() - {"Factory", "localtime", "posixrules"})


def whole(random, top):
    """0 to a top whose size is itself random: as many small numbers as large ones."""
    return random.randint(0, random.choice([1, 10, 100, 10_000, 1_000_000, top]))


def decimal(random, places, top=10**9):
    scale = 10 ** random.randint(0, places)
    return Fraction(whole(random, top) * scale + random.randint(0, scale - 1), scale)


def amount(random):
    """Minor units: now and then near the end of what fits."""
    if random.random() < 0.01:
        return INT64_MAX - random.randint(0, 3)
    return whole(random, 10**12)


def maybe(random, probability, make):
    return make() if random.random() < probability else None


# ---- Charges.


def tiers(random, model):
    ends, end = [], 0
    for _ in range(random.choice([0, 1, 1, 2, 3, 5, 49])):
        end += 1 + whole(random, 10_000)
        ends.append(end)
    return tuple(
        Tier(
            up_to,
            unit_amount=decimal(random, 12, 10**6) if model != "percentage" else Fraction(0),
            flat_amount=random.choice([0, 0, whole(random, 10**6)]),
            rate=decimal(random, 10, 100) if model == "percentage" else Fraction(0),
        )
        for up_to in [*ends, None]
    )


def bounds(random, probability, make):
    low, high = maybe(random, probability, make), maybe(random, probability, make)
    return (high, low) if None not in (low, high) and low > high else (low, high)


def charge(random, code=0, model=None, tiered=0.4, make_amount=amount):
    model = model or random.choice(MODELS)
    billing = "arrears" if model == "percentage" else random.choice(["advance", "arrears"])
    fields = {}
    if model in ("flat", "package"):
        fields["amount"] = make_amount(random)
    if model == "package":
        fields["package_size"] = 1 + whole(random, 10**6)
    if model == "per_unit":
        fields["unit_amount"] = decimal(random, 12)
    if model in ("graduated", "volume"):
        fields["tiers"] = tiers(random, model)
    if model == "percentage":
        fields["fixed_amount"] = random.choice([None, 0, whole(random, 1000), whole(random, 1000), make_amount(random)])
        if random.random() < tiered:
            fields["tiers"] = tiers(random, model)
        else:
            fields["rate"] = decimal(random, 10, 100)
            low, high = bounds(random, 0.3, lambda: whole(random, 1000))
            fields |= {"transaction_min": low, "transaction_max": high}
    if model != "flat":
        fields["free_units"] = maybe(random, 0.3, lambda: decimal(random, 6, 10_000)) or Fraction(0)
    low, high = bounds(random, 0.2, lambda: make_amount(random))
    return Charge(code, model, billing, min_amount=low, max_amount=high, **fields)


def quantity_of(random, charge):
    """Near an end of a tier, of what is free, or of a package, as often as anywhere."""
    places = 6 if charge.billing == "arrears" else 0
    ends = [tier.up_to for tier in charge.tiers if tier.up_to is not None]
    if charge.package_size is not None:
        ends.append(charge.package_size * random.randint(0, 5))
    if random.random() < 0.1:
        return Fraction(0)
    if ends and random.random() < 0.5:
        step = Fraction(random.choice([-1, 0, 0, 1]), 10 ** random.randint(0, places))
        near = random.choice(ends) + random.choice([0, charge.free_units]) + step
        return max(Fraction(0), near if charge.billing == "arrears" else Fraction(int(near)))
    if random.random() < 0.02:
        return Fraction(10**15 - 1) if charge.billing == "arrears" else Fraction(10**9)
    return decimal(random, places)


def usage(random, charge):
    if charge.model != "percentage":
        return Usage(quantity_of(random, charge))
    if not rules.bounds_transactions(charge):
        quantity = quantity_of(random, charge)
        return Usage(quantity, 0 if quantity == 0 and random.random() < 0.8 else 1 + whole(random, 10_000))
    used = Usage()
    with contextlib.suppress(rules.Refused):
        for _ in range(random.randint(0, 4)):
            used = rules.transaction(charge, used, decimal(random, 6))
    return used


def part(random):
    """A fraction of a period: seconds of months and years, days, all or nothing."""
    whole_s = random.choice([28, 30, 31, 365, 366, 86400, 2_419_200, 2_678_400, 31_622_400])
    return random.choice([Fraction(1), Fraction(random.choice([0, random.randint(0, whole_s)]), whole_s)])


def cap(random, part):
    """What of a maximum that part has: as much, unless it costs nothing."""
    return part or random.choice([Fraction(0), Fraction(1), Fraction(random.randint(1, 86400), 2_592_000)])


# ---- Calendars.


def zone_name(random):
    return random.choice(zone_names())


def cadence(random):
    interval = random.choice(["day", "week", "month", "month", "month", "year"])
    count = ODD_COUNTS[interval] if random.random() < 0.02 else random.choice(COUNTS[interval])
    return periods.Cadence(interval, count)


def moment(random, name, first=0, last=4_102_444_800):
    """Any second, or one near a change of the zone's clocks, or the end of a local month."""
    kind = random.random()
    if kind < 0.3:
        _, table = periods.transitions(name)
        changes = [at for at, _ in table if first <= at <= last]
        if changes:
            return min(last, max(first, random.choice(changes) + random.randint(-90_000, 90_000)))
    at = random.randint(first, last)
    if kind < 0.6:
        local = periods.local_of(periods.zone_of(name), at)
        local = periods.on_day(local, random.choice([1, 28, 29, 30, 31]))
        if random.random() < 0.3:
            local = local.replace(hour=0, minute=0, second=0)
        return min(last, max(first, periods.moment_of(periods.zone_of(name), local)))
    return at


def anchoring(random):
    return random.choice(["start", "start", "calendar", str(random.choice([1, 15, 28, 29, 30, 31]))])
