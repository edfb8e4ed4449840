"""One random case through both sides; a Difference says where they part. Used by Hypothesis and by the bulk alike."""

from fractions import Fraction

import bridge
import cases
import periods
import rules
from rules import Refused


class Difference(AssertionError):
    pass


def outcome(function, *arguments):
    """What it returns, or the name of its refusal."""
    try:
        return function(*arguments)
    except Refused as refused:
        return refused.name


def same(what, case, oracle, domain):
    if oracle != domain:
        raise Difference(f"{what}\n  case    {case!r}\n  oracle  {oracle!r}\n  domain  {domain!r}")


def told(rating):
    """What both sides say of a rating; the exact amount is told cut off at 12 places, and only as far as it goes."""
    if isinstance(rating, str):
        return rating
    exact = rules.cut_off(rating.exact) if rating.exact is not None and rating.exact < rules.DECIMAL_END else None
    return [rating.billable, rating.packages, exact, rating.line, rating.amount, rating.minimum, rating.maximum,
            rating.tiers]  # fmt: skip


def check_rating(charge, usage, part, cap=None):
    version = bridge.Version([charge])
    same("a charge that the oracle takes for valid", charge, 0, version.fault())
    oracle = told(outcome(rules.rate, charge, usage, part, cap))
    same("a rating", (charge, usage, part, cap), oracle, told(outcome(bridge.rate, version, usage, part, cap)))


def check_split(charge, usage, part):
    """What is used and what is not make the whole. Each is rounded for itself, so that two halves may make one more;
    and a whole that is no whole number may lose or gain one.
    """
    if not rules.prorated(charge):
        return
    version = bridge.Version([charge])
    ratings = [outcome(bridge.rate, version, usage, share) for share in (part, 1 - part, Fraction(1))]
    if any(isinstance(rating, str) for rating in ratings):
        return
    used, unused, whole = (rating.amount for rating in ratings)
    exact = rules.rate(charge, usage, Fraction(1)).exact
    if exact.denominator == 1:
        halves = int((exact * part * 2).denominator == 1 and (exact * part).denominator == 2 and ratings[2].line)
        same("used + unused = whole", (charge, usage, part), whole + halves, used + unused)
    else:
        same("used + unused = whole", (charge, usage, part), True, abs(used + unused - whole) <= 1)


def check_transactions(charge, bases):
    version, oracle = bridge.Version([charge]), rules.Usage()
    for base in bases:
        domain = outcome(bridge.transaction, version, oracle, base)
        after = outcome(rules.transaction, charge, oracle, base)
        same("a transaction", (charge, oracle, base), after, domain)
        if isinstance(after, str):
            return
        oracle = after


def check_boundaries(name, at, day, cadence, ks):
    zone = periods.zone_of(name)
    anchor = periods.anchor_at(zone, at, day)
    for k in ks:
        oracle = outcome(periods.boundary, zone, anchor, cadence, k)
        same("a boundary", (name, at, day, cadence, k), oracle, outcome(bridge.boundary, name, at, day, cadence, k))


def check_place(name, anchoring, cadence, at):
    """The natural period, and that the domain's anchor leads to the same ones after it."""
    zone, case = periods.zone_of(name), (name, anchoring, cadence, at)
    oracle, domain = outcome(periods.place, zone, anchoring, cadence, at), outcome(bridge.place, *case)
    if isinstance(oracle, str) or isinstance(domain, str):
        # The calendar has one answer for all that is not possible; which refusal it is, is the life's to say.
        same("a place", case, isinstance(oracle, str), isinstance(domain, str))
        return
    same("a natural period", case, oracle[1], domain[3])
    for k in (0, 1, 2, 5, 12):
        later = outcome(bridge.boundary, name, domain[0], domain[1], cadence, domain[2] + k)
        same(f"natural period {k} later", case, outcome(periods.boundary, zone, oracle[0], cadence, k), later)


def check_days(name, at, days):
    zone = periods.zone_of(name)
    same("a local day", (name, at), periods.day_of(zone, at), bridge.day_of(name, at))
    same("days later", (name, at, days), outcome(periods.plus_days, zone, at, days),
         outcome(bridge.plus_days, name, at, days))  # fmt: skip


def check_fraction(name, natural, middle):
    zone = periods.zone_of(name)
    for proration in bridge.PRORATIONS:
        case = (proration, name, natural, middle)
        parts = (natural[0], middle), (middle, natural[1]), natural
        shares, caps = zip(*(bridge.fractions(proration, name, natural, part) for part in parts), strict=True)
        same("a fraction", case, tuple(periods.fraction(proration, zone, natural, part) for part in parts), shares)
        same("a maximum's", case, tuple(periods.cap(proration, zone, natural, part) for part in parts), caps)
        same("used + unused = whole", case, 1, shares[0] + shares[1])


# ---- Random ones. What they met is counted, so that a test can ask whether all of it was met.


def rating(random, seen):
    charge = cases.charge(random)
    usage, part = cases.usage(random, charge), cases.part(random)
    cap = cases.cap(random, part)
    check_rating(charge, usage, part, cap)
    check_split(charge, usage, part)
    rated = outcome(rules.rate, charge, usage, part, cap)
    seen[charge.model, charge.billing, "refused" if isinstance(rated, str) else "rated"] += 1
    if not isinstance(rated, str):
        seen["minimum"] += rated.minimum > 0
        seen["maximum"] += rated.maximum > 0
        seen["maximum of what costs nothing"] += part == 0 and rated.maximum > 0


def transactions(random, seen):
    charge = cases.charge(random, model="percentage", tiered=0)
    check_transactions(charge, [cases.decimal(random, 6) for _ in range(random.randint(1, 5))])
    seen[rules.bounds_transactions(charge)] += 1


def calendar(random, seen):
    name = cases.zone_name(random)
    at, cadence, anchoring = cases.moment(random, name), cases.cadence(random), cases.anchoring(random)
    day = random.choice([0, 0, 0, 29, 30, 31])
    check_boundaries(name, at, day, cadence, [0, 1, 2, random.randint(3, 60), random.randint(60, 2000)])
    check_place(name, anchoring, cadence, max(at, cases.PLACED_FROM))
    seen[cadence.interval, anchoring if anchoring in ("start", "calendar") else "day"] += 1


def fraction(random, seen):
    name = cases.zone_name(random)
    at = cases.moment(random, name)
    check_days(name, at, random.choice([0, 1, 7, 14, 30, 365, 730, random.randint(0, 73_000)]))
    placed = outcome(periods.place, periods.zone_of(name), cases.anchoring(random), cases.cadence(random), at)
    if not isinstance(placed, str) and placed[1][1] > placed[1][0]:
        check_fraction(name, placed[1], random.randint(*placed[1]))
        seen["fractions"] += 1
