"""Periods by billing-rules' text ("Periods"), with zoneinfo and dateutil. Moments are seconds since the epoch.

Written from the rules and from what calendar.h and proration.h promise, never from their C.
"""

import bisect
import functools
import zoneinfo
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

from dateutil.relativedelta import relativedelta
from rules import Refused

FIRST, LAST = 0, 7258118399  # 1970-01-01T00:00:00Z to 2199-12-31T23:59:59Z
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND, DAY, MONTH = timedelta(seconds=1), timedelta(days=1), 12


@functools.cache
def zone_of(name):
    return zoneinfo.ZoneInfo(name)


def local_of(zone, moment):
    """The wall clock, without a zone."""
    return (EPOCH + timedelta(seconds=moment)).astimezone(zone).replace(tzinfo=None)


def moment_of(zone, local):
    """fold=0 is our rule: a time that is not moves forward by the gap, one that comes twice is the first."""
    return (local.replace(tzinfo=zone, fold=0) - EPOCH) // SECOND


def in_range(moment):
    if not FIRST <= moment <= LAST:
        raise Refused("TIME_OUT_OF_RANGE")
    return moment


@dataclass(frozen=True)
class Cadence:
    interval: str
    count: int


@dataclass(frozen=True)
class Anchor:
    """Boundary 0 on the wall clock, on which day of a month the others lie, and the moment of boundary 0."""

    local: datetime
    day: int
    at: int


def anchor_at(zone, at, day=0):
    local = local_of(zone, at)
    return Anchor(local, day or local.day, at)


def on_day(local, day):
    """That day of the same month, or the last one that it has."""
    return local + relativedelta(day=day)


def local_boundary(anchor, cadence, k):
    steps = k * cadence.count
    if cadence.interval in ("day", "week"):
        return anchor.local + relativedelta(**{cadence.interval + "s": steps})
    months = steps * (12 if cadence.interval == "year" else 1)
    return on_day(anchor.local + relativedelta(months=months), anchor.day)


def boundary(zone, anchor, cadence, k):
    """The start of period k, always from the anchor."""
    if k == 0:
        return anchor.at
    try:
        return in_range(moment_of(zone, local_boundary(anchor, cadence, k)))
    except (OverflowError, ValueError) as error:  # a year after 9999
        raise Refused("TIME_OUT_OF_RANGE") from error


def period(zone, anchor, cadence, k):
    return boundary(zone, anchor, cadence, k), boundary(zone, anchor, cadence, k + 1)


def stands_in(anchor, cadence, local):
    """Whether a period that ends on that day does so because the month has none that the anchor asks for."""
    by_month = cadence.interval in ("month", "year")
    return by_month and local.day < anchor.day and on_day(local, anchor.day) == local


def day_behind(zone, anchor, cadence, end, moved):
    """On which day boundaries lie behind an end that others are to follow from, and that was moved for it: 0 is its
    own. A short month takes nothing from the anchor, so where both ends only stand in for its day, that stays."""
    return anchor.day if all(stands_in(anchor, cadence, local_of(zone, at)) for at in (end, moved)) else 0


def place(zone, anchoring, cadence, at, day=0):
    """(anchor, natural period) of what runs at that moment. The anchoring is "start", "calendar" or a day's number."""
    if anchoring == "start":
        anchor = anchor_at(zone, at, day)
    else:
        # Clocks that go back over midnight show the day before again, when the next one's midnight has been.
        today = local_of(zone, at).date()
        begins = [natural_begin(anchoring, cadence, day) for day in (today + DAY, today)]
        local = next(local for local in begins if moment_of(zone, local) <= at)
        begin = moment_of(zone, local)
        anchor = Anchor(local, int(anchoring) if anchoring != "calendar" else local.day, in_range(begin))
    return anchor, period(zone, anchor, cadence, 0)


def natural_begin(anchoring, cadence, day):
    """The last midnight, up to that local day, on which the anchoring lets a period begin."""
    if anchoring != "calendar":
        if cadence.interval in ("day", "week"):
            raise Refused("ANCHOR_NOT_POSSIBLE")
        this = on_day(day, int(anchoring))
        return midnight(this if this <= day else on_day(day - relativedelta(months=1), int(anchoring)))
    if cadence.interval == "day":
        return midnight(day)
    if cadence.interval == "week":
        return midnight(day - DAY * day.weekday())
    if cadence.interval == "year":
        return midnight(day.replace(month=1, day=1))
    months = cadence.count if MONTH % cadence.count == 0 else 1
    return midnight(day.replace(month=day.month - (day.month - 1) % months, day=1))


def midnight(day):
    return datetime(day.year, day.month, day.day)


def day_of(zone, moment):
    """The local day, as days since 1970-01-01."""
    return (local_of(zone, moment).date() - date(1970, 1, 1)).days


def plus_days(zone, at, days):
    if days == 0:
        return at
    return in_range(moment_of(zone, local_of(zone, at) + DAY * days))


def fraction(proration, zone, natural, part):
    """What a part is of the natural period that it lies in."""
    if proration == "none":
        return Fraction(int(part[0] == natural[0] and part[1] > part[0]))
    if proration == "day":
        first, end = (day_of(zone, moment) for moment in natural)
        if end > first:
            # Clocks that go back over midnight show the day before again: no part begins before the whole does.
            days = [min(end, max(first, day_of(zone, moment))) for moment in part]
            return Fraction(max(0, days[1] - days[0]), end - first)
    return Fraction(part[1] - part[0], natural[1] - natural[0])


def cap(proration, zone, natural, part):
    """What of a period's maximum a part has: that of its price, and if its time costs nothing, some all the same. Where
    nothing is prorated no maximum is, either; a part of a day has its seconds'; and no time, none.
    """
    if part[0] == part[1]:
        return Fraction(0)
    if proration == "none":
        return Fraction(1)
    return fraction(proration, zone, natural, part) or fraction("second", zone, natural, part)


# ---- The same zone as a table of offsets, for the side that has no zoneinfo.
STEP = 6 * 86400  # no zone has ever changed twice within it (Brazil's shortest summer: a week less an hour)


@functools.cache
def transitions(name):
    """(offset before the first, [(from then on, offset)]), found by asking the zone itself."""
    zone = zone_of(name)

    def offset(moment):
        return int(datetime.fromtimestamp(moment, zone).utcoffset().total_seconds())

    first = before = offset(FIRST)
    table = []
    for low in range(FIRST, LAST, STEP):
        high = min(low + STEP, LAST)
        if (after := offset(high)) != before:
            change = bisect.bisect_left(range(low, high + 1), 1, key=lambda moment: int(offset(moment) == after)) + low
            table.append((change, after))
            before = after
    return first, tuple(table)
