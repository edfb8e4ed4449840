"""What holds whatever the plan, the zone and the moment: asked of the domain alone."""

import random
from fractions import Fraction

import bridge
import cases
import compare_life
import periods
import pytest
import rules
import seeds
from rules import INT64_MAX, Charge, Refused, Tier, Usage

YEARS = 50
# Cadence: how many periods 50 years have, and in how many zones (days are many).
TILED = {
    periods.Cadence("day", 1): (YEARS * 365 + 12, 40),
    periods.Cadence("day", 30): (YEARS * 12 + 8, None),
    periods.Cadence("week", 1): (YEARS * 52 + 8, 150),
    periods.Cadence("month", 1): (YEARS * 12, None),
    periods.Cadence("month", 3): (YEARS * 4, None),
    periods.Cadence("year", 1): (YEARS, None),
}


def source(name):
    return random.Random(f"{seeds.SEED}/{name}")


@pytest.mark.parametrize("cadence", TILED, ids=str)
def test_periods_tile_50_years(cadence):
    """Without gap or overlap in every zone, from any anchor: boundaries ascend, and each lies on the local day that the
    calendar says. Only a day that a zone left out has an empty period.
    """
    count, zones = TILED[cadence]
    drawn = source(f"tile {cadence}")
    names = cases.zone_names()
    for name in names if zones is None else drawn.sample(names, min(len(names), zones)):
        zone, at = periods.zone_of(name), cases.moment(drawn, name, 0, 1_600_000_000)
        anchor, before = periods.anchor_at(zone, at), None
        for k in range(count + 1):
            boundary = bridge.boundary(name, at, 0, cadence, k)
            day = (periods.local_boundary(anchor, cadence, k).date() - periods.date(1970, 1, 1)).days
            skipped = bridge.day_of(name, boundary) - day
            assert skipped in (0, 1), (name, at, cadence, k)
            if before is not None:
                empty = boundary == before and cadence == periods.Cadence("day", 1)
                assert boundary > before or (empty and left_out(zone, day - 1)), (name, at, cadence, k)
            before = boundary


def left_out(zone, day):
    """Whether that local day, or the one before it, never was."""
    noon = periods.datetime(1970, 1, 1, 12) + periods.DAY * day
    return any(
        periods.day_of(zone, periods.moment_of(zone, noon - back * periods.DAY)) != day - back for back in (0, 1)
    )


def test_a_day_that_never_was_is_the_empty_period():
    """Samoa, 30 December 2011: the law above must have something to make an exception for."""
    at = periods.moment_of(periods.zone_of("Pacific/Apia"), periods.datetime(2011, 12, 28, 9))
    day = periods.Cadence("day", 1)
    assert [bridge.boundary("Pacific/Apia", at, 0, day, k + 1) - bridge.boundary("Pacific/Apia", at, 0, day, k)
            for k in range(4)] == [86400, 86400, 0, 86400]  # fmt: skip


def there_and_back(drawn):
    """The sum of what a change and its contrary cost in the same second, of a life that has come somewhere; or None."""
    versions = compare_life.versions(drawn)
    cadence = versions[0].cadence
    versions = [compare_life.version(drawn, number, number, cadence) for number in (1, 2)]
    pair = compare_life.Pair(cases.zone_name(drawn), drawn.choice(bridge.PRORATIONS), versions)
    now = cases.moment(drawn, pair.name, cases.PLACED_FROM, 40 * compare_life.YEAR)
    created = pair.create(
        now, versions[0], cases.whole(drawn, 1000), None, None, 0, drawn.choice(["start", "calendar"])
    )
    if isinstance(created, str):
        return None
    now = drawn.randint(now, pair.life.period[1] - 1)
    quantity = pair.life.quantity
    there = pair.change(now, versions[1], cases.whole(drawn, 1000), "now", True)
    if isinstance(there, str):
        return None
    back = pair.change(now, versions[0], quantity, "now", True)
    advance = {(version.number, c.code) for version in versions for c in version.charges if c.billing == "advance"}
    return sum(line.amount for step in (there, back) for line in step.lines if (line.version, line.code) in advance)


def test_a_change_there_and_back_within_a_second_costs_nothing():
    """Of what is billed in advance; what was used so far is billed in arrears by either."""
    drawn = source("there and back")
    costs = [there_and_back(drawn) for _ in range(seeds.many(500))]
    assert any(cost is not None for cost in costs)
    assert {cost for cost in costs if cost is not None} == {0}


LONGER = [*(periods.Cadence("month", count) for count in (2, 3, 6)), periods.Cadence("year", 1)]


def over_a_short_month(drawn, day):
    """A life from that day of January, paused for less than an hour or changed to another interval before February's
    last; its zone, and when its next periods begin. By day, and after the last skipped one: no clock moves a date.
    """
    cadences = periods.Cadence("month", 1), drawn.choice(LONGER)
    prices = [Charge(0, "flat", "advance", amount=1000)]
    versions = [bridge.Version(prices, cadence, number, number, 0) for number, cadence in enumerate(cadences, 1)]
    pair = compare_life.Pair(cases.zone_name(drawn), drawn.choice(bridge.PRORATIONS), versions)
    at = periods.datetime(drawn.randint(2013, 2060), 1, day, drawn.randint(4, 20), drawn.randint(0, 59))
    now = periods.moment_of(pair.zone, at)
    pair.create(now, versions[0], 1, None, None, 0, "start")
    todo = drawn.choice([["pause"], ["change"], ["pause", "change"], ["change", "pause"], ["pause", "pause"]])
    for what in todo:
        now += drawn.randint(1, 13 * 86400)
        if what == "change":
            pair.change(now, versions[1], None, "period_end", True)
        else:
            pair.pause(now)
            now += drawn.randint(1, 1800)
            pair.resume(now)
    steps = [pair.due() for _ in range(60)]
    return pair.zone, [step.at for step in steps if step.event == "renewed"]


@pytest.mark.parametrize("day", [29, 30, 31])
def test_a_short_month_moves_no_anchor(day):
    """Whatever is anchored anew at its last day lies on the day that it began on, where the month has it."""
    drawn = source(f"short months {day}")
    for _ in range(seeds.many(60)):
        zone, begins = over_a_short_month(drawn, day)
        assert len(begins) > 2
        for local in (periods.local_of(zone, at) for at in begins):
            assert local == periods.on_day(local, day), (zone, begins)


def huge_charges():
    """Each model with a price near the end of what an amount can be, and how many units it takes to pass it."""
    most = INT64_MAX
    yield Charge(0, "flat", "advance", amount=most), 1, None
    yield Charge(0, "package", "advance", amount=most, package_size=1), 1, 2
    yield Charge(0, "package", "arrears", amount=most // 2, package_size=7), 14, 15
    yield Charge(0, "per_unit", "advance", unit_amount=Fraction(10**15 - 1)), 9223, 9224
    yield Charge(0, "per_unit", "arrears", unit_amount=Fraction(10**15 - 1, 10**12)), 10**15 - 1, None
    yield Charge(0, "graduated", "advance", tiers=(Tier(1, Fraction(1), most - 2), Tier(None, Fraction(1), 0))), 2, 3
    yield Charge(0, "volume", "advance", tiers=(Tier(None, Fraction(10**14), 0),)), 92233, 92234
    yield Charge(0, "percentage", "arrears", rate=Fraction(1), fixed_amount=most // 3), 3, 4


@pytest.mark.parametrize(("charge", "fits", "passes"), list(huge_charges()))
def test_nothing_wraps_near_the_ends_of_what_fits(charge, fits, passes):
    """The last quantity that fits is exact, the next one is refused."""
    version = bridge.Version([charge])

    def usage(quantity):
        return Usage(Fraction(0), quantity) if charge.model == "percentage" else Usage(Fraction(quantity))

    assert bridge.rate(version, usage(fits), Fraction(1)).amount == rules.rate(charge, usage(fits), Fraction(1)).amount
    assert 0 < bridge.rate(version, usage(fits), Fraction(1)).amount <= INT64_MAX
    if passes is not None:
        for refused in (lambda: bridge.rate(version, usage(passes), Fraction(1)),
                        lambda: rules.rate(charge, usage(passes), Fraction(1))):  # fmt: skip
            with pytest.raises(Refused, match="AMOUNT_OUT_OF_RANGE"):
                refused()


def test_a_total_that_does_not_fit_is_refused():
    """Two charges that fit, and whose sum does not: on both sides, as compare_life holds them together."""
    charges = [Charge(code, "flat", "advance", amount=INT64_MAX - 1 + code) for code in range(2)]
    pair = compare_life.Pair("Etc/UTC", "second", [bridge.Version(charges)])
    assert pair.create(0, pair.versions[0], 1, None, None, 0, "start") == "AMOUNT_OUT_OF_RANGE"


def test_a_period_beyond_the_calendar_is_refused():
    pair = compare_life.Pair("Etc/UTC", "second", [bridge.Version([Charge(0, "flat", "advance", amount=1)])])
    assert pair.create(periods.LAST - 86400, pair.versions[0], 1, None, None, 0, "start") == "TIME_OUT_OF_RANGE"
