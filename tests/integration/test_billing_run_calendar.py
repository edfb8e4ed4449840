"""Billing runs over the calendar: a dozen zones, month ends, a leap day and daylight saving, against tests/oracle.

All of it happens in 2020 and 2021, a leap year and a year after: commands say when they were accepted, so runs do, too.
"""

import uuid
from datetime import UTC, date, datetime, time, timedelta

import periods
import pytest
from billing import plan_of, text_of
from runs import Mass, Run, check_laws, check_report, deliver, rows_of
from wire import derived_id, encode, meta, partition_of, shard_of

pytestmark = pytest.mark.usefixtures("by_hand")

BILLING_RUN = 20  # a kind of ids, common/base/id.h
BEGIN, END = date(2020, 1, 29), datetime(2021, 4, 8, tzinfo=UTC)
# Each with a time of day that clocks skip there in spring, where they skip one, or repeat in autumn.
ZONES = {
    "Etc/UTC": time(0, 0),
    "Europe/Berlin": time(2, 30),
    "Europe/Dublin": time(1, 30),
    "America/New_York": time(2, 30),
    "America/St_Johns": time(2, 15),
    "America/Sao_Paulo": time(0, 30),
    "Africa/Casablanca": time(2, 59, 59),
    "Asia/Tehran": time(0, 30),
    "Asia/Kathmandu": time(23, 59, 59),
    "Australia/Lord_Howe": time(2, 10),
    "Pacific/Chatham": time(3, 0),
    "Pacific/Apia": time(3, 30),
}
# Interval, count, anchor, and so many days behind BEGIN it starts.
WAYS = [
    ("day", 1, "start", 0),
    ("week", 2, "start", 4),
    ("month", 1, "start", 2),  # 31 January
    ("month", 1, "29", 5),
    ("month", 1, "30", 5),
    ("month", 1, "31", 9),
    ("month", 3, "calendar", 9),
    ("year", 1, "start", 31),  # 29 February
]


def moment(at):
    return (at - periods.EPOCH) // periods.SECOND


def at(second):
    return periods.EPOCH + periods.SECOND * second


def start_of(zone_name, days):
    """The local time of day of that zone, so many days behind BEGIN."""
    local = datetime.combine(BEGIN + timedelta(days=days), ZONES[zone_name])
    return periods.moment_of(periods.zone_of(zone_name), local)


def boundaries(zone_name, way):
    """When each invoice of it is issued, by the oracle, up to END."""
    interval, count, anchoring, days = way
    zone, cadence, start = periods.zone_of(zone_name), periods.Cadence(interval, count), start_of(zone_name, days)
    anchor, _ = periods.place(zone, anchoring, cadence, start)
    found, number = [start], 1
    while (begins := periods.boundary(zone, anchor, cadence, number)) <= moment(END):
        found.append(begins)
        number += 1
    return found


def run_as_of(stack, wire, org, as_of):
    """A run that was started a day before the moment up to which it bills: its report, as it must be."""
    operation_id = str(uuid.uuid4())
    told = meta(org, operation_id, accepted_ms=(as_of - 86_400) * 1000)
    wish = {"meta": told, "as_of": at(as_of), "dry_run": False, "invoices_max": 400}
    home = org.organisation_id
    deliver(stack, wire, [(partition_of(home, wire.partitions), home, encode("StartBillingRun", wish))])
    run = Run.known(org, str(derived_id(operation_id, BILLING_RUN, 0, shard_of(home))), operation_id)
    report = run.over()
    assert (report["status"], report["as_of"], report["failed"]) == ("finished", text_of(at(as_of)), 0), report
    check_report(stack, org, run, report)
    return report


def turns_of(found):
    """The boundaries at which a wall clock's day is not 86,400 seconds long."""
    return [found[n] for n in range(1, len(found)) if found[n] - found[n - 1] != 86_400]


def edges(wanted):
    """Moments to run as of: where clocks change in each zone, the leap day, the last of a month, a year's end."""
    chosen = set()
    for (zone_name, way), found in wanted.items():
        if way == WAYS[0]:
            chosen.update(turns_of(found)[:1])
        if zone_name in ("Asia/Kathmandu", "Pacific/Apia") and way in WAYS[4:6]:
            chosen.add(found[1])  # 29 February
        if zone_name == "America/New_York" and way == WAYS[7]:
            chosen.add(found[1])  # 28 February a year later
    return sorted(chosen)


def issued(stack, org):
    """{subscription's id: when its invoices were issued}"""
    return {one: sorted(moment(issued_at) for issued_at in several) for one, several in rows_of(
        stack, org, "SELECT subscription_id::text, array_agg(issued_at) FROM billd.invoices GROUP BY 1")}  # fmt: skip


def test_each_is_billed_at_its_own_moment_and_never_early(stack, wire, org):
    """A second before an edge it is not billed, at the edge it is; and so is everybody else, by the oracle."""
    plans = {(interval, count): plan_of(org, amount=100, interval=interval, interval_count=count)
             for interval, count, *_ in WAYS}  # fmt: skip
    cases = [(zone_name, way) for zone_name in ZONES for way in WAYS]
    wanted = {case: boundaries(*case) for case in cases}
    mass = Mass(
        org, 1, len(cases), [plans[way[:2]] for _, way in cases],
        customer=lambda n: {"timezone": cases[n][0]},
        wish=lambda n: {"anchor": cases[n][1][2], "start_at": at(start_of(cases[n][0], cases[n][1][3])),
                        "end_at": END + timedelta(days=1)},
        accepted_ms=moment(datetime.combine(BEGIN, time(), UTC) - timedelta(days=3)) * 1000,
    ).make(stack, wire)  # fmt: skip
    assert issued(stack, org) == {}
    chosen = edges(wanted)
    assert len(chosen) >= 10
    for edge in chosen:
        for as_of in (edge - 1, edge):
            run_as_of(stack, wire, org, as_of)
            found = issued(stack, org)
            for case, (_, subscription_id) in zip(cases, mass.members, strict=True):
                due = [one for one in wanted[case] if one <= as_of]
                assert found.get(subscription_id, []) == due, (case, text_of(at(as_of)))
    run_as_of(stack, wire, org, moment(END))
    found = issued(stack, org)
    assert [found[one] for _, one in mass.members] == [wanted[case] for case in cases]
    check_laws(stack, org)
