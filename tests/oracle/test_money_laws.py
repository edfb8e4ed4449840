"""What holds of discounts, taxes, notes and payments whatever the bill: asked of the domain, which each call compares
with the oracle.
"""

import contextlib
import random
from dataclasses import replace
from fractions import Fraction

import bridge
import cases
import cases_money
import compare_life
import compare_money
import notes
import pytest
import seeds
from assessment import Discount, Item, Rate, Setup
from rules import INT64_MAX, Charge, Usage

START = 1_767_225_600  # 2026
MONTH_S = 31 * 86400


def source(name):
    return random.Random(f"{seeds.SEED}/{name}")


def advance_version(drawn, number, rates):
    """A plan of its own whose charges are all in advance, each with rates or without."""

    def small(source):
        return cases.whole(source, 10**6)

    charges = []
    while len(charges) < drawn.randint(1, 4):
        one = cases.charge(drawn, len(charges), make_amount=small)
        if one.billing == "advance":
            charges.append(replace(one, rates=cases_money.some(drawn, rates, 0.3)))
    return bridge.Version(charges, number=number, plan=number)


def world(drawn):
    """A customer, some terms, and two plans."""
    setup = cases_money.setup(drawn)
    numbers = [rate.number for rate in setup.rates]
    versions = [advance_version(drawn, number, numbers) for number in (1, 2)]
    return setup, versions, cases_money.discounts(drawn, (1, 2)), cases_money.some(drawn, numbers, 0.3)


def totals(pair):
    """Every bill's total of a pair from now on, as they come."""
    found = []
    note = pair.note

    def keep(owed):
        found.append(owed.assessed)
        note(owed)

    pair.note = keep
    return found


def test_there_and_back_within_a_second_costs_nothing():
    """Discounts and taxes come back as they were taken: with plans of theirs, used up or not, by percent or amount.
    Where several terms meet, a discount's last unit may come off another line on the way back, whose next discount or
    tax is another: no more than that. The same of a discount that the way there is the first that has any for it; it
    then has used that period.
    """
    drawn, seen = source("there and back"), 0
    for _ in range(seeds.many(1500)):
        setup, versions, discounts, rates = world(drawn)
        pair = compare_life.Pair("Etc/UTC", drawn.choice(bridge.PRORATIONS), versions, setup, discounts, rates)
        if isinstance(pair.create(START, versions[0], drawn.randint(0, 50), None, None, 0, "start"), str):
            continue
        quantity, now = pair.life.quantity, START + drawn.randint(0, MONTH_S - 1)
        bills = totals(pair)
        before, unused = pair.life.discounts, [one.lasts and not one.covers for one in pair.life.discounts]
        there = pair.change(now, versions[1], drawn.randint(0, 50), "now", True)
        back = there if isinstance(there, str) else pair.change(now, versions[0], quantity, "now", True)
        if isinstance(back, str):
            continue
        several = discounts and len(discounts) + len(setup.rates) > 1
        last_units = len(discounts) + 2 if several or any(unused) else 0
        for sums in ([bill.total for bill in bills], [bill.tax for bill in bills], [bill.discount for bill in bills]):
            assert abs(sum(sums)) <= last_units, (pair.history, bills)
        for was, one, free in zip(before, pair.life.discounts, unused, strict=True):
            assert one.left == was.left or (free and one.covers and one.left == was.left - 1), (was, one, pair.history)
        seen += any(bill.discount for bill in bills)
    assert seen or seeds.FACTOR < 1


def base(amount):
    return [Charge(0, "flat", "advance", amount=amount)]


PER_SEAT = [Charge(0, "per_unit", "advance", unit_amount=Fraction(1000))]
USED = [Charge(1, "per_unit", "arrears", unit_amount=Fraction(1))]
HALF_OFF_ONCE = Discount(1, Fraction(50), None, (), 1)
FIFTH_OFF = Discount(1, Fraction(20), None, (), None)
HALF_OFF = Discount(2, Fraction(50), None, (), None)


def amount_off(amount):
    return Discount(1, None, amount, (), 1)


# What a plan and the one that it is changed to in the middle of a period charge, with how many seats; discounts; and
# the totals: of its beginning, of the change, and of one back in the same second.
INSIDE = {
    "one that is used up is not taken off usage": (
        (base(1000) + USED, 1), (base(1000) + USED, 1), [HALF_OFF_ONCE], [500, 100_000, 0]),
    "an upgrade from a plan for nothing": ((base(0), 1), (base(3000), 1), [FIFTH_OFF], [0, 1200, -1200]),
    "and once an amount": ((base(0), 1), (base(3000), 1), [amount_off(1000)], [0, 500, -500]),
    "seats where there were none": ((PER_SEAT, 0), (PER_SEAT, 10), [FIFTH_OFF], [0, 4000, -4000]),
    "usage alone": ((USED, 1), (base(0) + USED, 1), [FIFTH_OFF], [0, 80_000, 0]),
    "and once": ((USED, 1), (base(0) + USED, 1), [HALF_OFF_ONCE], [0, 50_000, 0]),
    "more than the first one takes": (
        (base(3000), 1), (base(10_000), 1), [amount_off(3000), HALF_OFF], [0, 1750, -1750]),
}  # fmt: skip


@pytest.mark.parametrize("name", INSIDE)
def test_what_is_good_is_taken_off_inside_a_period(name):
    before, after, discounts, wanted = INSIDE[name]
    versions = [bridge.Version(charges, number=number, plan=number)
                for number, (charges, _) in enumerate((before, after), 1)]  # fmt: skip
    pair = compare_life.Pair("Etc/UTC", "second", versions, discounts=discounts)
    bills = totals(pair)
    pair.create(START, versions[0], before[1], None, None, 0, "start")
    pair.reported = {1: Usage(Fraction(100_000))} if USED[0] in before[0] else {}
    for version, (_, quantity) in zip(reversed(versions), (after, before), strict=True):
        pair.change(START + MONTH_S // 2, version, quantity, "now", True)
    found = [bill.total for bill in bills]
    assert found + [0] * (len(wanted) - len(found)) == wanted, pair.history


def test_usage_has_the_same_discount_before_a_change_as_before_a_cancel():
    """To another version, or ended, in the same second of the same life: a percentage that is good is taken off what
    was used, one that is used up is not. Shares of other lines move last units.
    """
    drawn, seen = source("usage before a change"), 0
    for _ in range(seeds.many(1000)):
        cadence = cases.cadence(drawn)
        versions = [compare_life.version(drawn, number, number, cadence) for number in (1, 2)]
        discounts = [one for one in cases_money.discounts(drawn, (1, 2)) if one.percent is not None]
        proration, seed, taken = drawn.choice(bridge.PRORATIONS), drawn.random(), []
        for verb, arguments in (("change", (versions[1], None, "now", True)), ("cancel", ("now", False))):
            pair = compare_life.Pair("Etc/UTC", proration, versions, discounts=discounts)
            now = used_for_a_while(random.Random(seed), pair)
            bills = totals(pair)
            if now is None or isinstance(getattr(pair, verb)(now, *arguments), str):
                break
            taken.append(off_usage(bills, len(discounts)))
        if len(taken) == 2:
            (change, lines), (cancel, _) = taken
            for one, other in zip(change, cancel, strict=True):
                assert abs(one - other) <= lines * len(discounts), (pair.history, taken)
            seen += any(cancel)
    assert seen or seeds.FACTOR < 1


def used_for_a_while(drawn, pair):
    """A life begins, goes on, and uses something: a moment inside its period. None where that was refused."""
    step = pair.create(START, pair.versions[0], cases.whole(drawn, 100), None, None, 0, "start")
    for _ in range(drawn.randint(0, 3)):
        if isinstance(step, str):
            return None
        compare_life.report(drawn, pair)
        step = pair.due()
    if isinstance(step, str):
        return None
    compare_life.report(drawn, pair)
    return drawn.randint(pair.life.period[0] + 1, pair.life.period[1] - 1)


def off_usage(bills, discounts):
    """What each discount took off charges in arrears, and how many lines these are."""
    lines = [one for bill in bills for one in bill.lines if one.line.billing == "arrears"]
    return [sum(one.shares[place] for one in lines) for place in range(discounts)], len(lines)


def wander(drawn, pair, now):
    """Changes, pauses and items, each paid for in proportion; then the end, which gives back what is unused."""
    with contextlib.suppress(compare_life.Ended):
        for _ in range(drawn.randint(0, 8)):
            now = drawn.choice([now, compare_life.later(drawn, pair.life, now)])
            compare_life.catch_up(drawn, pair, now)
            pair.items += cases_money.items(drawn, pair.setup, 5)
            pauses = ["pause", "resume"] if pair.proration == "second" else []
            verb = drawn.choice(["change", "change", "change", *pauses])
            if verb == "change":
                to, quantity = drawn.choice([None, *pair.versions]), drawn.choice([None, 0, 1, cases.whole(drawn, 100)])
                pair.change(now, to, quantity, "now", True)
            else:
                getattr(pair, verb)(now)
        now = drawn.choice([now, compare_life.later(drawn, pair.life, now)])
        compare_life.catch_up(drawn, pair, now)
        pair.cancel(now, "now", True)


def test_nobody_gets_back_more_than_was_billed():
    """Coupons, taxes, trials, pauses, backdated starts, quantities of 0, plans there and back and to other intervals:
    whoever ends with all that is unused given back has been billed something, or nothing, and never less. Each line's
    roundings, of its price, discounts and taxes, may be against it. Pauses only by seconds: one moves the period to
    other times of day, and by days a day that was used may then be unused again, and is given back.
    """
    drawn, seen = source("more than was billed"), 0
    for _ in range(seeds.many(1500)):
        setup, cadences = cases_money.setup(drawn), [cases.cadence(drawn) for _ in range(2)]
        numbers = [rate.number for rate in setup.rates]
        versions = [compare_life.version(drawn, number, number, cadences[number == 3], numbers) for number in (1, 2, 3)]
        proration, discounts = drawn.choice(["second", "day"]), cases_money.discounts(drawn, (1, 2, 3))
        rates = cases_money.some(drawn, numbers, 0.3)
        pair = compare_life.Pair("Etc/UTC", proration, versions, setup, discounts, rates)
        bills = totals(pair)
        start = drawn.choice([None, None, START - cases.whole(drawn, 100 * 86400)])
        pair.create(START, versions[0], drawn.choice([0, 1, 5, 50]), start, None, drawn.choice([None, 0, 3]),
                    drawn.choice(["start", "start", "calendar"]))  # fmt: skip
        if pair.life is None:
            continue
        wander(drawn, pair, START)
        roundings = sum(len(bill.lines) for bill in bills) * (1 + len(discounts) + len(setup.rates))
        assert sum(bill.total for bill in bills) >= -roundings // 2 - 1, (pair.history, bills)
        seen += any(bill.total < 0 for bill in bills)
    assert seen or seeds.FACTOR < 1


def test_the_order_of_lines_changes_no_sum():
    """Neither what a discount takes off, nor what a rate comes to, nor the total."""
    drawn = source("orders")
    for _ in range(seeds.many(1000)):
        setup, versions, discounts, rates = world(drawn)
        charges = list(versions[0].charges)
        quantity, sums = drawn.randint(0, 50), []
        for _ in range(2):
            pair = compare_life.Pair("Etc/UTC", "second", [bridge.Version(charges)], setup, discounts, rates)
            bills = totals(pair)
            pair.create(START, pair.versions[0], quantity, None, None, 0, "start")
            sums.append([(bill.total, bill.discounts, sorted(bill.taxes)) for bill in bills])
            drawn.shuffle(charges)
        # A rate's lines do not know their order; lines that one discount splits in ties, another sees.
        if len(discounts) < 2:
            assert [total for total, *_ in sums[0]] == [total for total, *_ in sums[1]] or mixed(setup), sums


def mixed(setup):
    """Whether a last unit on this line or that one makes a difference: where lines have different taxes."""
    return len(setup.rates) > 1


def test_nine_different_sums_of_inclusive_rates_are_too_many():
    rates = tuple(Rate(number, Fraction(number), True) for number in range(1, 10))
    versions = [bridge.Version([Charge(0, "flat", "advance", amount=100)])]
    for count, refusal in ((8, None), (9, "TAX_TOO_MIXED")):
        pair = compare_life.Pair("Etc/UTC", "second", versions, Setup(rates, customer=(1,)))
        pair.items = [Item(number, 1000, (number,)) for number in range(2, count + 1)]
        step = pair.create(START, versions[0], 1, None, None, 0, "start")
        assert (step if isinstance(step, str) else None) == refusal


def test_what_does_not_fit_is_refused():
    """A tax on top of the largest amount, and an item beside it; a discount brings it back into range."""
    most = INT64_MAX * 3 // 5
    taxed, half = Setup((Rate(1, Fraction(100), False),), organisation=(1,)), Discount(1, Fraction(50), None, (), None)
    for amount, setup, items, discounts, refused in (
        (INT64_MAX, Setup(), [], (), False),
        (most, taxed, [], (), True),
        (INT64_MAX, Setup(), [Item(1, 1)], (), True),
        (most, taxed, [], (half, half), False),
    ):
        versions = [bridge.Version([Charge(0, "flat", "advance", amount=amount)])]
        pair = compare_life.Pair("Etc/UTC", "second", versions, setup, discounts)
        pair.items = list(items)
        step = pair.create(START, versions[0], 1, None, None, 0, "start")
        assert (step == "AMOUNT_OUT_OF_RANGE") == refused, (setup, items, discounts)


def test_a_rate_that_is_not_there_is_refused():
    versions = [bridge.Version([Charge(0, "flat", "advance", amount=100)])]
    pair = compare_life.Pair("Etc/UTC", "second", versions, Setup((Rate(1, Fraction(5), False),), customer=(1, 2)))
    assert pair.create(START, versions[0], 1, None, None, 0, "start") == "TAX_RATE_NOT_FOUND"


def test_parts_of_several_notes_make_the_whole():
    """A line that is credited bit by bit: its taxes come back to the unit, and the invoice's total with them."""
    drawn = source("notes")
    for _ in range(seeds.many(1000)):
        one, rates = cases_money.invoice(drawn)
        if any(line.net < 0 for line in one.lines) or one.total == 0:
            continue
        total = 0
        for line in one.lines:
            left = line.net
            while left:
                amount = drawn.randint(1, left)
                before = one.credited_total
                after, found = compare_money.check_note(one, rates, [(line.number, amount)], drawn.random() < 0.5)
                if found == "NOTHING_TO_CREDIT":  # a unit whose tax is all of it
                    amount = left
                    after, found = compare_money.check_note(one, rates, [(line.number, amount)], False)
                if found != "issued":
                    break
                one, left, total = after, left - amount, total + after.credited_total - before
        if all(line.left == 0 for line in one.lines):
            assert (one.credited_total, total) == (one.total, one.total), one
            assert all(line.credited_taxes == tuple(tax for _, _, tax in line.taxes) for line in one.lines if line.net)


METHODS = {
    "manual": True, "sim_ok": True, "sim_declined": True, "sim_insufficient_funds": True, "sim_error": True,
    "sim_fail_n_then_ok:0": True, "sim_fail_n_then_ok:7": True, "sim_fail_n_then_ok:99": True,
    "sim_fail_n_then_ok:100": False, "sim_fail_n_then_ok:": False, "sim_fail_n_then_ok:-1": False,
    "sim_fail_n_then_ok:1x": False, "sim_fail_n_then_ok": False, "sim_okay": False, "SIM_OK": False, "": False,
    "card": False,
}  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
def test_methods(method):
    known = METHODS[method]
    assert notes.method_is_known(method) == known == bridge.C.bridge_payment_method(method.encode())


def test_every_state_of_a_payment():
    compare_money.check_settlements()
