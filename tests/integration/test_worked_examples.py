"""Worked examples from the public documentation of other billing systems, by HTTP and a test clock.

Each row names its source: whose page, which section. Prices, quantities and dates are that page's where it gives them;
what the page leaves to its reader (mostly the year, and the price where it is about dates) is chosen here, and the
result is worked out in a comment beside it. Where billd's rules go another way than the page, the row says so.
"""

from dataclasses import dataclass, field

import pytest
from billing import Life, charge, tier

STRIPE_TIERS = "Stripe, Set up tiered pricing"
STRIPE_CYCLE = "Stripe, Setting the subscription billing cycle date"
STRIPE_PRORATIONS = "Stripe, Prorations, How prorations work"
STRIPE_PACKAGES = "Stripe, Quantity transformation"
STRIPE_CURRENCIES = "Stripe, Supported currencies, Minor units"
LAGO_MODELS = "Lago, Charge models"
LAGO_SUBSCRIPTION = "Lago, Subscriptions, Billing cycles"
KILL_BILL_USAGE = "Kill Bill, Consumable in arrear"

TYPOGRAPHIC = [tier(5, "700"), tier(10, "650"), tier(None, "600")]
API_CALLS = [tier(100, "100"), tier(200, "50"), tier(None, "10")]
LAGO_VOLUME = [tier(10_000, "0.1", 1000), tier(50_000, "0.08", 1000), tier(100_000, "0.06", 1000),
               tier(None, "0.04", 1000)]  # fmt: skip
# Units of a percentage are minor units: the page's first tier ends at 1,000 dollars.
LAGO_PERCENT = [tier(100_000, flat_amount=20_000, rate="1"), tier(1_000_000, flat_amount=30_000, rate="2"),
                tier(None, flat_amount=40_000, rate="3")]  # fmt: skip
VIDEOS = [charge("flat", "box", "advance", amount=3000),
          charge("graduated", "videos", tiers=[tier(5, "200"), tier(None, "100")])]  # fmt: skip


@dataclass
class Example:
    source: str
    plan: dict
    invoices: list  # (when issued, [amounts of the lines]), oldest first
    start: str = "2026-04-01T00:00:00Z"
    steps: list = field(default_factory=list)  # (verb, argument, …), see play
    wish: dict = field(default_factory=dict)  # of the subscription
    zone: str = "Etc/UTC"
    currency: str = "USD"
    balance: int = 0  # the credit balance at the end
    settings: dict = field(default_factory=dict)  # of the organisation


def used(model, quantity, *amounts, source, more=None, start="2026-04-01T00:00:00Z", end="2026-05-01T00:00:00Z"):
    """A month with one charge in arrears, for which a quantity is reported once."""
    return Example(
        source, {"charges": [charge(model, **more)]}, [(start, []), (end, list(amounts))], start,
        [("report", "use", str(quantity)), ("to", end)],
    )  # fmt: skip


def seats(model, quantity, total, source, **more):
    """A charge in advance by the subscription's quantity."""
    plan = {"charges": [charge(model, "seats", "advance", **more)]}
    return Example(source, plan, [("2026-04-01T00:00:00Z", [total])], wish={"quantity": quantity})


def dates(source, start, amounts, steps, **more):
    """A flat price, and when it is invoiced."""
    plan = {"amount": 3100} | more.pop("plan", {})
    return Example(source, plan, amounts, start, steps, **more)


def at_each(moments, amount=3100):
    return [(moment, [amount]) for moment in moments]


MONTH_ENDS_2026 = ["2026-01-31T10:00:00Z", "2026-02-28T10:00:00Z", "2026-03-31T10:00:00Z", "2026-04-30T10:00:00Z",
                   "2026-05-31T10:00:00Z"]  # fmt: skip
MONTH_ENDS_2024 = ["2024-01-31T10:00:00Z", "2024-02-29T10:00:00Z", "2024-03-31T10:00:00Z", "2024-04-30T10:00:00Z"]
LEAP_DAYS = ["2024-02-29T00:00:00Z", "2025-02-28T00:00:00Z", "2026-02-28T00:00:00Z", "2027-02-28T00:00:00Z",
             "2028-02-29T00:00:00Z"]  # fmt: skip
FRIDAYS = ["2022-06-03T08:00:00Z", "2022-06-10T08:00:00Z", "2022-06-17T08:00:00Z", "2022-06-24T08:00:00Z"]

EXAMPLES = {
    # Graduated
    "graduated, 1 unit": seats("graduated", 1, 700, STRIPE_TIERS + ", Graduated pricing", tiers=TYPOGRAPHIC),
    "graduated, a whole tier": seats("graduated", 5, 3500, STRIPE_TIERS + ", Graduated pricing", tiers=TYPOGRAPHIC),
    "graduated, one into tier 2": seats("graduated", 6, 4150, STRIPE_TIERS + ", Graduated pricing", tiers=TYPOGRAPHIC),
    "graduated, 20": seats("graduated", 20, 12_750, STRIPE_TIERS + ", Graduated pricing", tiers=TYPOGRAPHIC),
    "graduated, 25": seats("graduated", 25, 15_750, STRIPE_TIERS + ", Graduated pricing", tiers=TYPOGRAPHIC),
    "graduated, by usage": used("graduated", 6, 4150, source=STRIPE_TIERS, more={"tiers": TYPOGRAPHIC}),
    # 100 · 100 + 100 · 50 + 50 · 10
    "graduated, three tiers": used(
        "graduated", 250, 15_500, source=LAGO_MODELS + ", Graduated", more={"tiers": API_CALLS}
    ),
    # Volume
    "volume, 1 unit": seats("volume", 1, 700, STRIPE_TIERS + ", Volume-based pricing", tiers=TYPOGRAPHIC),
    "volume, a whole tier": seats("volume", 5, 3500, STRIPE_TIERS + ", Volume-based pricing", tiers=TYPOGRAPHIC),
    "volume, one into tier 2": seats("volume", 6, 3900, STRIPE_TIERS + ", Volume-based pricing", tiers=TYPOGRAPHIC),
    "volume, 20": seats("volume", 20, 12_000, STRIPE_TIERS + ", Volume-based pricing", tiers=TYPOGRAPHIC),
    "volume, 25": seats("volume", 25, 15_000, STRIPE_TIERS + ", Volume-based pricing", tiers=TYPOGRAPHIC),
    "volume, fractions of a cent and a flat fee": used(
        "volume", 65_000, 4900, source=LAGO_MODELS + ", Volume", more={"tiers": LAGO_VOLUME}
    ),
    # Per unit
    "per unit": used("per_unit", 1000, 5000, source=LAGO_MODELS + ", Standard", more={"unit_amount": "5"}),
    # Packages
    **{
        f"package of five, {users} users": seats(
            "package", users, amount, STRIPE_PACKAGES + ", table of users", amount=1000, package_size=5
        )
        for users, amount in ((1, 1000), (3, 1000), (5, 1000), (6, 2000), (7, 2000))
    },
    "package, minutes of an hour": used(
        "package",
        150,
        3000,
        source="Stripe, Transform quantities, car rental",
        more={"amount": 1000, "package_size": 60},
    ),
    "package with free units": used(
        "package",
        201,
        1000,
        source=LAGO_MODELS + ", Package",
        more={"amount": 500, "package_size": 100, "free_units": "100"},
    ),
    # Percentages
    # Its fourth transaction, the first that is not free: 0.10 + 1.2 % of 50.
    "percentage and a fee": Example(
        LAGO_MODELS + ", Percentage, table of events",
        {"charges": [charge("percentage", rate="1.2", fixed_amount=10)]},
        [("2026-04-01T00:00:00Z", []), ("2026-05-01T00:00:00Z", [70])],
        steps=[("report", "use", "5000", "add"), ("to", "2026-05-01T00:00:00Z")],
    ),
    # 205.00 + 306.00 + 80.00: three transactions through two tiers, each tier's fee once.
    "percentage by tiers": Example(
        LAGO_MODELS + ", Graduated percentage",
        {"charges": [charge("percentage", tiers=LAGO_PERCENT)]},
        [("2026-04-01T00:00:00Z", []), ("2026-05-01T00:00:00Z", [59_100])],
        steps=[
            *(("report", "use", base, "add") for base in ("50000", "55000", "400000")),
            ("to", "2026-05-01T00:00:00Z"),
        ],
    ),
    # Minimums
    "minimum that is not reached": used(
        "per_unit",
        5000,
        5000,
        5000,
        source="Lago, Charge spending minimum",
        more={"unit_amount": "1", "min_amount": 10_000},
    ),
    "minimum that is reached": used(
        "per_unit",
        10_000,
        10_000,
        source="Lago, Charge spending minimum, the commitment met",
        more={"unit_amount": "1", "min_amount": 10_000},
    ),
    # Advance and arrears on one invoice: 30.00 ahead, and 5 · 2.00 + 2 · 1.00 behind.
    "recurring fee and usage": Example(
        KILL_BILL_USAGE,
        {"charges": VIDEOS},
        [("2026-04-01T00:00:00Z", [3000]), ("2026-05-01T00:00:00Z", [1200, 3000])],
        steps=[("report", "videos", "7"), ("to", "2026-05-01T00:00:00Z")],
    ),
    "recurring fee, in advance": dates(
        "Kill Bill, Catalog examples, IN_ADVANCE billing mode",
        "2026-04-01T00:00:00Z",
        at_each(["2026-04-01T00:00:00Z", "2026-05-01T00:00:00Z"], 2495),
        [("to", "2026-05-01T00:00:00Z")],
        plan={"amount": 2495},
    ),
    "recurring fee, in arrears": Example(
        "Kill Bill, Catalog examples, IN_ARREAR billing mode",
        {"charges": [charge("flat", amount=2495)]},
        [("2026-04-01T00:00:00Z", []), ("2026-05-01T00:00:00Z", [2495])],
        steps=[("to", "2026-05-01T00:00:00Z")],
    ),
    # Anchors
    "31 January": dates(STRIPE_CYCLE, MONTH_ENDS_2026[0], at_each(MONTH_ENDS_2026), [("to", MONTH_ENDS_2026[-1])]),
    "31 January of a leap year": dates(
        STRIPE_CYCLE, MONTH_ENDS_2024[0], at_each(MONTH_ENDS_2024), [("to", MONTH_ENDS_2024[-1])]
    ),
    "29 February, a year": dates(
        STRIPE_CYCLE + ", the last day of the month",
        LEAP_DAYS[0],
        at_each(LEAP_DAYS),
        [("to", LEAP_DAYS[-1])],
        plan={"interval": "year"},
    ),
    "the 2nd of each month": dates(
        STRIPE_CYCLE,
        "2026-09-02T12:00:00Z",
        at_each(["2026-09-02T12:00:00Z", "2026-10-02T12:00:00Z"]),
        [("to", "2026-10-02T12:00:00Z")],
    ),
    "every Friday": dates(STRIPE_CYCLE, FRIDAYS[0], at_each(FRIDAYS), [("to", FRIDAYS[-1])], plan={"interval": "week"}),
    # 17 of May's 31 days, then each first.
    "15 May, anchored on the 1st": dates(
        "Stripe, Set the billing cycle date (Checkout)",
        "2026-05-15T00:00:00Z",
        [("2026-05-15T00:00:00Z", [1700]), *at_each(["2026-06-01T00:00:00Z", "2026-07-01T00:00:00Z"])],
        [("to", "2026-07-01T00:00:00Z")],
        wish={"anchor": "1"},
    ),
    "15 May, anchored on the 1st, proration off": dates(
        "Stripe, Set the billing cycle date (Checkout), proration none: free until then",
        "2026-05-15T00:00:00Z",
        [("2026-05-15T00:00:00Z", [0]), *at_each(["2026-06-01T00:00:00Z"])],
        [("to", "2026-06-01T00:00:00Z")],
        wish={"anchor": "1"},
        settings={"proration": "none"},
    ),
    # 22 of August's 31 days of 50.00.
    "10 August, by the calendar": dates(
        LAGO_SUBSCRIPTION + ", Calendar billing period",
        "2026-08-10T00:00:00Z",
        [("2026-08-10T00:00:00Z", [3548]), ("2026-09-01T00:00:00Z", [5000])],
        [("to", "2026-09-01T00:00:00Z")],
        plan={"amount": 5000},
        wish={"anchor": "calendar"},
        settings={"proration": "day"},
    ),
    "14 July, by the calendar": dates(
        LAGO_SUBSCRIPTION + ", Calendar billing period",
        "2026-07-14T00:00:00Z",
        [("2026-07-14T00:00:00Z", [1800]), *at_each(["2026-08-01T00:00:00Z", "2026-09-01T00:00:00Z"])],
        [("to", "2026-09-01T00:00:00Z")],
        wish={"anchor": "calendar"},
    ),
    "a bill cycle day": dates(
        "Kill Bill, Bill Cycle Day Overrides (blog)",
        "2016-06-01T00:00:00Z",
        at_each(["2016-06-01T00:00:00Z", "2016-07-01T00:00:00Z", "2016-08-01T00:00:00Z"]),
        [("to", "2016-08-01T00:00:00Z")],
        wish={"anchor": "1"},
    ),
    # 14 of the 31 days from 15 May to 15 June.
    "a bill cycle day that is not the start": dates(
        "Kill Bill, Subscription guide, account alignment",
        "2016-06-01T00:00:00Z",
        [("2016-06-01T00:00:00Z", [1400]), *at_each(["2016-06-15T00:00:00Z", "2016-07-15T00:00:00Z"])],
        [("to", "2016-07-15T00:00:00Z")],
        wish={"anchor": "15"},
    ),
    # Trials
    # 25 of April's 30 days of 50.00; Lago invoices it on 1 April, billd when the trial ends.
    "a trial of five days, by the calendar": dates(
        "Lago, Plan model, Trial period",
        "2026-04-01T00:00:00Z",
        [("2026-04-06T00:00:00Z", [4167]), ("2026-05-01T00:00:00Z", [5000])],
        [("to", "2026-05-01T00:00:00Z")],
        plan={"amount": 5000, "trial_days": 5},
        wish={"anchor": "calendar"},
    ),
    "a trial's end is the anchor": dates(
        STRIPE_CYCLE + ", the default anchor with a trial",
        "2026-01-24T00:00:00Z",
        at_each(["2026-01-31T00:00:00Z", "2026-02-28T00:00:00Z", "2026-03-31T00:00:00Z"]),
        [("to", "2026-03-31T00:00:00Z")],
        wish={"trial_days": 7},
    ),
    # Changes
    "upgrade halfway": Example(
        STRIPE_PRORATIONS,
        {"amount": 1000},
        [("2026-04-01T00:00:00Z", [1000]), ("2026-04-16T00:00:00Z", [-500, 1000]), ("2026-05-01T00:00:00Z", [2000])],
        steps=[("to", "2026-04-16T00:00:00Z"), ("change", {"amount": 2000}), ("to", "2026-05-01T00:00:00Z")],
    ),
    # -10.00 + 5.00 go to the balance, which May uses up: Stripe's credits wait for the next invoice as well.
    "downgrade halfway": Example(
        STRIPE_PRORATIONS + ", Credit prorations",
        {"amount": 2000},
        [("2026-04-01T00:00:00Z", [2000]), ("2026-05-01T00:00:00Z", [1000]), ("2026-06-01T00:00:00Z", [1000])],
        steps=[
            ("to", "2026-04-16T00:00:00Z"),
            ("change", {"amount": 1000}),
            ("balance", 500),
            ("to", "2026-06-01T00:00:00Z"),
        ],
    ),
    "downgrade at the period's end": Example(
        "Lago, Upgrades and downgrades, Downgrades behavior",
        {"amount": 2000},
        [("2026-04-01T00:00:00Z", [2000]), ("2026-05-01T00:00:00Z", [1500])],
        steps=[
            ("to", "2026-04-16T00:00:00Z"),
            ("change", {"amount": 1500, "effective": "period_end"}),
            ("to", "2026-05-01T00:00:00Z"),
        ],
    ),
    # Half a month of 20.00 comes back, and a whole year begins: 300.00 - 10.00.
    "from a month to a year": Example(
        "Stripe, Change subscriptions, another interval; prices of Lago, Upgrades and downgrades",
        {"amount": 2000},
        [
            ("2026-04-01T00:00:00Z", [2000]),
            ("2026-04-16T00:00:00Z", [-1000, 30_000]),
            ("2027-04-16T00:00:00Z", [30_000]),
        ],
        steps=[
            ("to", "2026-04-16T00:00:00Z"),
            ("change", {"amount": 30_000, "interval": "year"}),
            ("to", "2027-04-16T00:00:00Z"),
        ],
    ),
    # Five months of 600.00 are used, and the rest of the year is billed to its end, as the one who asks wants it.
    "a year changed in mid-term stays aligned": Example(
        "Kill Bill users, plan change of an annual plan, aligned (2026)",
        {"amount": 36_500, "interval": "year"},
        [
            ("2026-01-01T00:00:00Z", [36_500]),
            ("2026-06-01T00:00:00Z", [-21_400, 42_800]),
            ("2027-01-01T00:00:00Z", [73_000]),
        ],
        start="2026-01-01T00:00:00Z",
        steps=[
            ("to", "2026-06-01T00:00:00Z"),
            ("change", {"amount": 73_000, "interval": "year"}),
            ("to", "2027-01-01T00:00:00Z"),
        ],
    ),
    # Currencies
    "yen have no decimals": dates(
        STRIPE_CURRENCIES,
        "2026-04-01T00:00:00Z",
        at_each(["2026-04-01T00:00:00Z"], 500),
        [],
        plan={"amount": 500, "currency": "JPY"},
        currency="JPY",
    ),
    # Half of 501 yen is 250.5, and rounds away from zero on both lines.
    "half a yen": Example(
        STRIPE_CURRENCIES + "; " + STRIPE_PRORATIONS,
        {"amount": 501, "currency": "JPY"},
        [("2026-04-01T00:00:00Z", [501]), ("2026-04-16T00:00:00Z", [-251, 502])],
        currency="JPY",
        steps=[("to", "2026-04-16T00:00:00Z"), ("change", {"amount": 1003, "currency": "JPY"})],
    ),
    # Stripe rounds 5.124 to tens for its partners; billd keeps all three decimals.
    "dinars have three decimals": dates(
        STRIPE_CURRENCIES + ", Three-decimal currencies",
        "2026-04-01T00:00:00Z",
        at_each(["2026-04-01T00:00:00Z"], 5124),
        [],
        plan={"amount": 5124, "currency": "KWD"},
        currency="KWD",
    ),
    # 16 of 30 days of 5.125: 2.7333…
    "a part of a month in dinars": dates(
        STRIPE_CURRENCIES + ", Three-decimal currencies",
        "2026-04-15T00:00:00Z",
        [("2026-04-15T00:00:00Z", [2733]), ("2026-05-01T00:00:00Z", [5125])],
        [("to", "2026-05-01T00:00:00Z")],
        plan={"amount": 5125, "currency": "KWD"},
        currency="KWD",
        wish={"anchor": "calendar"},
    ),
    # Time zones and daylight saving
    # In San Francisco it is still January for four of its 744 hours; in March clocks go forward.
    "a customer's month is the customer's": dates(
        "Lago, Bill your customers in their timezone (blog)",
        "2023-02-01T04:00:00Z",
        [
            ("2023-02-01T04:00:00Z", [400]),
            *at_each(["2023-02-01T08:00:00Z", "2023-03-01T08:00:00Z", "2023-04-01T07:00:00Z"], 74_400),
        ],
        [("to", "2023-04-01T07:00:00Z")],
        plan={"amount": 74_400},
        wish={"anchor": "calendar"},
        zone="America/Los_Angeles",
    ),
    # Started at 02:30; on 8 March 2026 that hour is left out, and the month begins at 03:30, the next at 02:30 again.
    "an hour that is left out": dates(
        STRIPE_CYCLE + "; in local time, as Lago, Customer's timezone",
        "2026-02-08T07:30:00Z",
        at_each(["2026-02-08T07:30:00Z", "2026-03-08T07:30:00Z", "2026-04-08T06:30:00Z"]),
        [("to", "2026-04-08T06:30:00Z")],
        zone="America/New_York",
    ),
    # 01:30 comes twice on 1 November 2026: the first one counts.
    "an hour that comes twice": dates(
        STRIPE_CYCLE + "; in local time, as Lago, Customer's timezone",
        "2026-10-01T05:30:00Z",
        at_each(["2026-10-01T05:30:00Z", "2026-11-01T05:30:00Z", "2026-12-01T06:30:00Z"]),
        [("to", "2026-12-01T06:30:00Z")],
        zone="America/New_York",
    ),
    # March has 743 hours there: 16 days of them, from 16 March's midnight, are 384; 384 / 743 of 743.00.
    "a part of the month in which clocks go forward": dates(
        LAGO_SUBSCRIPTION + "; by the second, as " + STRIPE_PRORATIONS,
        "2026-03-16T04:00:00Z",
        [("2026-03-16T04:00:00Z", [38_400]), ("2026-04-01T04:00:00Z", [74_300])],
        [("to", "2026-04-01T04:00:00Z")],
        plan={"amount": 74_300},
        wish={"anchor": "calendar"},
        zone="America/New_York",
    ),
}


@pytest.fixture(scope="module")
def organisations(stack):
    """One organisation for each choice of settings."""
    made = {}

    def find(settings):
        key = tuple(sorted(settings.items()))
        if key not in made:
            made[key] = stack.person().found(settings=settings)
        return made[key]

    return find


def play(life, currency, verb, *arguments):
    """One step of an example."""
    if verb == "to":
        life.to(*arguments)
    elif verb == "report":
        code, quantity, *mode = arguments
        life.report(quantity, code, mode=mode[0] if mode else "set")
    elif verb == "change":
        fields = dict(arguments[0])
        effective = fields.pop("effective", "now")
        plan_id = life.plan({"currency": currency} | fields)
        life.do("change", plan_id=plan_id, effective=effective)
    else:
        assert verb == "balance" and life.customer()["credit_balance"] == arguments[0], (verb, arguments)


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_worked_example_comes_out_to_the_minor_unit(organisations, name):
    """Each invoice is issued at its moment, with the lines that the example has; what comes back is the balance."""
    example = EXAMPLES[name]
    org = organisations(example.settings)
    customer = {"timezone": example.zone, "currency": example.currency}
    life = Life(org, example.start, {"currency": example.currency} | example.plan, customer, **example.wish)
    for step in example.steps:
        play(life, example.currency, *step)
    wanted = [(at, sorted(amounts)) for at, amounts in example.invoices]
    assert [(at, sorted(amounts)) for at, amounts in life.billed()] == wanted, example.source
    assert life.customer()["credit_balance"] == example.balance, example.source
    assert {invoice["currency"] for invoice in life.invoices()} == {example.currency}


def test_every_source_is_named():
    """Each row says whose page it is from."""
    for name, example in EXAMPLES.items():
        assert example.source.split(",")[0].split(" users")[0] in ("Stripe", "Lago", "Kill Bill"), name
