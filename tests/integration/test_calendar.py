"""Periods in the customer's time zone, against zoneinfo and dateutil.

A subscription begins now, or when its test clock says: so come the edges of the calendar, the ends of months, leap
years, and the hours that daylight saving skips or repeats.
"""

import itertools
import uuid
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from billing import Life
from dateutil.relativedelta import relativedelta
from wire import encode, meta

ZONES = ["Etc/UTC", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia"]
INTERVALS = [("day", 30), ("day", 1), ("week", 2), ("month", 1), ("month", 3), ("year", 1)]
CADENCES = {"day": "days", "week": "weeks", "month": "months", "year": "years"}


def period_end(start, zone, interval, count):
    """The local clock goes on by the interval; zoneinfo's fold 0 is the rule for hours that are not, or twice."""
    local = start.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    later = local + relativedelta(**{CADENCES[interval]: count})
    return later.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC)


def test_the_first_period_ends_where_the_calendar_says(org):
    """Every interval in five zones, beginning now."""
    plans = [org.plan(interval=interval, interval_count=count) for interval, count in INTERVALS]
    for zone, (plan_id, (interval, count)) in itertools.product(ZONES, zip(plans, INTERVALS, strict=True)):
        customer = org.send("POST", "/v1/customers", {"name": zone, "timezone": zone})["resource"]["id"]
        accepted = org.send("POST", "/v1/subscriptions", {"customer_id": customer, "plan_id": plan_id})
        assert org.outcome(accepted["operation_id"])["status"] == "succeeded"
        subscription = org.get(f"/v1/subscriptions/{accepted['resource']['id']}")
        start, end = (datetime.fromisoformat(subscription[f"current_period_{name}"]) for name in ("start", "end"))
        assert end == period_end(start, zone, interval, count), (zone, interval, count, subscription)


# Zone, when it begins in UTC, interval, count, and where it must end, by hand.
EDGES = {
    "31 January to 28 February": ("Etc/UTC", "2026-01-31T10:00:00Z", "month", 1, "2026-02-28T10:00:00Z"),
    "31 January to 29 February": ("Etc/UTC", "2024-01-31T10:00:00Z", "month", 1, "2024-02-29T10:00:00Z"),
    "29 February to 28 February": ("Etc/UTC", "2024-02-29T00:00:00Z", "year", 1, "2025-02-28T00:00:00Z"),
    "31 August to 30 November": ("Etc/UTC", "2025-08-31T23:59:59Z", "month", 3, "2025-11-30T23:59:59Z"),
    "the local day counts, not UTC's": ("America/New_York", "2026-02-01T03:00:00Z", "month", 1, "2026-03-01T03:00:00Z"),
    "across spring, the time of day stays": (
        "America/New_York",
        "2026-03-01T15:00:00Z",
        "day",
        30,
        "2026-03-31T14:00:00Z",
    ),
    "across autumn, the time of day stays": (
        "Europe/Vienna",
        "2025-10-20T06:30:00Z",
        "week",
        1,
        "2025-10-27T07:30:00Z",
    ),
    "a local time that is skipped moves on": (
        "America/New_York",
        "2026-02-08T07:30:00Z",
        "month",
        1,
        "2026-03-08T07:30:00Z",
    ),
    "a local time that comes twice is the first": (
        "America/New_York",
        "2025-10-02T05:30:00Z",
        "month",
        1,
        "2025-11-02T05:30:00Z",
    ),
    "a zone that moves by half an hour": (
        "Australia/Lord_Howe",
        "2025-09-05T15:45:00Z",
        "month",
        1,
        "2025-10-05T15:15:00Z",
    ),
    "the day that Samoa never had": ("Pacific/Apia", "2011-11-30T22:00:00Z", "month", 1, "2011-12-30T22:00:00Z"),
    "3660 days": ("Etc/UTC", "2020-02-29T12:00:00Z", "day", 3660, "2030-03-08T12:00:00Z"),
}


@pytest.mark.parametrize(("zone", "begin", "interval", "count", "end"), EDGES.values(), ids=EDGES.keys())
def test_edges_of_the_calendar(org, zone, begin, interval, count, end):
    """A subscription that begins at a moment of the past, on a test clock."""
    life = Life(org, begin, {"amount": 1, "interval": interval, "interval_count": count}, {"timezone": zone})
    subscription = life.now()
    assert (subscription["current_period_start"], subscription["current_period_end"]) == (begin, end)
    start = datetime.fromisoformat(begin)
    assert datetime.fromisoformat(end) == period_end(start, zone, interval, count), "the table and zoneinfo disagree"
    (invoice,) = life.invoices()
    assert (invoice["period_start"], invoice["period_end"], invoice["issued_at"]) == (begin, end, begin)


def test_a_period_beyond_the_calendar_is_refused(org, wire):
    """time-out-of-range; the customer stays usable."""
    plan_id = org.plan(interval="year", interval_count=3660)
    customer_id = org.customer()
    org.fail("time-out-of-range", "POST", "/v1/subscriptions", {"customer_id": customer_id, "plan_id": plan_id})
    org.subscription(customer_id, org.plan())


def test_a_customers_time_never_goes_back(org, wire):
    """A command stamped earlier than one before it takes the later time: ingress clocks differ."""
    customer_id = org.customer()
    before = org.get(f"/v1/customers/{customer_id}")["updated_at"]
    operation_id = str(uuid.uuid4())
    command = {
        "meta": meta(org, operation_id, accepted_ms=1_000_000_000_000),
        "customer_id": customer_id, "name": "Later", "email": None, "external_id": None, "country": None,
        "timezone": None, "metadata": {},
    }  # fmt: skip
    wire.put(customer_id, encode("UpdateCustomer", command))
    org.outcome(operation_id, from_topic=True)
    customer = org.get(f"/v1/customers/{customer_id}")
    assert customer["name"] == "Later" and customer["updated_at"] >= before
