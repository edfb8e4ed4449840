"""Cases that a random run found, or in which the two sides once differed: kept, as a next run may not draw them.

Each row has a sentence for a name. What is right stands in billing-rules, and where that is silent in the headers.
"""

from fractions import Fraction

from periods import Cadence
from rules import Charge, Tier, Usage

MONTH, WEEK, YEAR = Cadence("month", 1), Cadence("week", 1), Cadence("year", 1)
WHOLE = Fraction(1)

# (charge, usage, part of a period); and what of its maximum this has, if not as much
RATINGS = {
    "free units that leave nothing make no line": (
        Charge(0, "per_unit", "arrears", unit_amount=Fraction(3, 10), free_units=Fraction(100), max_amount=6128),
        Usage(Fraction(13917, 10000)), WHOLE,
    ),
    "and the period's minimum is owed all the same": (
        Charge(0, "per_unit", "arrears", unit_amount=Fraction(3, 10), free_units=Fraction(100), min_amount=23),
        Usage(Fraction(5947, 500)), Fraction(1, 3),
    ),
    "transactions without a base, which cost nothing each, make no line": (
        Charge(0, "percentage", "arrears", rate=Fraction(2453, 100), fixed_amount=0),
        Usage(Fraction(0), 679), WHOLE,
    ),
    "transactions whose base is all free still cost their fixed amounts": (
        Charge(0, "percentage", "arrears", rate=Fraction(5), fixed_amount=7, free_units=Fraction(10)),
        Usage(Fraction(9), 3), WHOLE,
    ),
    "a tiered charge owes its first flat amount at 0, whole in arrears": (
        Charge(0, "graduated", "arrears", tiers=(Tier(101, Fraction(1), 46), Tier(None, Fraction(1), 5))),
        Usage(), Fraction(1, 2),
    ),
    "the end of a tier, and a millionth above it": (
        Charge(0, "volume", "arrears", tiers=(Tier(100, Fraction(2)), Tier(None, Fraction(1)))),
        Usage(100 + Fraction(1, 10**6)), WHOLE,
    ),
    "time that costs nothing has no minimum, but a maximum": (
        Charge(0, "per_unit", "arrears", unit_amount=Fraction(1), min_amount=500, max_amount=10_000),
        Usage(Fraction(10**6)), Fraction(0), Fraction(28_800, 2_592_000),
    ),
    "half of an odd amount is rounded up": (Charge(0, "flat", "advance", amount=5), Usage(Fraction(1)), Fraction(1, 2)),
}  # fmt: skip

# (zone, anchoring, cadence, moment)
PLACES = {
    "a first of the month without a midnight": ("Asia/Thimphu", "calendar", Cadence("month", 120), 560086378),
    "the same where summer began on 1 May": ("Atlantic/Stanley", "calendar", Cadence("month", 120), 420681076),
    "a first of October without a midnight: those after it are at midnight again": (
        "America/Asuncion", "calendar", MONTH, 1506865000,
    ),
    "clocks that go back over the midnight that a period has begun at": (
        "America/St_Johns", "calendar", Cadence("day", 1), 1162088940,
    ),
    "Monday for weeks, for two weeks the last one as well": (
        "Europe/Vienna", "calendar", Cadence("week", 2), 1_700_000_000,
    ),
    "the 31st in February, with 31 March after it": ("Etc/UTC", "31", MONTH, 1_709_251_199),
    "a yearly plan on a day of the month": ("Asia/Tokyo", "15", YEAR, 1_700_000_000),
}  # fmt: skip

# (zone, natural period, the moment that divides it)
SPLITS = {
    "a day that clocks go back over": ("America/St_Johns", (1162087200, 1162177200), 1162088940),
    "a day moved by a pause to where it has 23 hours": ("America/New_York", (1205038800, 1205121600), 1205100000),
}

BASE = Charge(0, "flat", "advance", amount=3000)
SEATS = Charge(1, "graduated", "advance", tiers=(Tier(5, Fraction(700)), Tier(None, Fraction(650), 90)))
USED = Charge(2, "per_unit", "arrears", unit_amount=Fraction(4, 10000), min_amount=55)
DEAR = Charge(2, "per_unit", "arrears", unit_amount=Fraction(10**6))
SETUP = Charge(3, "volume", "arrears", tiers=(Tier(75, Fraction(0), 7), Tier(None, Fraction(1, 4))))
CAPPED = Charge(2, "per_unit", "arrears", unit_amount=Fraction(1), max_amount=10_000)
BEGIN = 1_706_697_000  # 31 January 2024, 10:30 UTC
DAY = 86400

# (zone, setting, versions as (charges, cadence, plan), steps): each step is a function of compare_life.Pair, and what
# it is given; versions by number. Between two steps everything falls due that does.
LIVES = {
    "a trial that was paused is over when it was paused": (
        "Etc/UTC", "second", [((BASE,), MONTH, 1)],
        [("create", BEGIN, 1, 1, None, None, 30, "start"), ("pause", BEGIN + 2 * DAY), ("resume", BEGIN + 9 * DAY)],
    ),
    "canceled in the second in which a period begins, with something reported in it": (
        "Etc/UTC", "second", [((BASE, USED, SETUP), MONTH, 1)],
        [
            ("create", BEGIN, 1, 1, None, None, 0, "start"),
            ("report", {2: Usage(Fraction(99999))}),
            ("cancel", BEGIN, "now", True),
        ],
    ),
    "changed in that second, there and back, with something reported before each": (
        "Etc/UTC", "second", [((BASE, USED, SETUP), MONTH, 1), ((BASE,), MONTH, 2), ((BASE,), WEEK, 3)],
        [
            ("create", BEGIN, 1, 1, None, None, 0, "start"),
            ("report", {2: Usage(Fraction(99999))}),
            ("change", BEGIN, 2, None, "now", True),
            ("change", BEGIN, 1, None, "now", True),
            ("report", {2: Usage(Fraction(99999)), 3: Usage(Fraction(80))}),
            ("change", BEGIN, 3, None, "now", False),
            ("change", BEGIN, 1, None, "now", False),
            ("report", {2: Usage()}),
            ("change", BEGIN, 2, None, "now", True),
            ("cancel", BEGIN + 40 * DAY, "now", True),
        ],
    ),
    "and with nothing": (
        "Etc/UTC", "second", [((BASE, USED, SETUP), MONTH, 1)],
        [("create", BEGIN, 1, 1, None, None, 0, "start"), ("cancel", BEGIN, "now", False)],
    ),
    "to another version and back in one second": (
        "Asia/Kathmandu", "day", [((BASE, USED), MONTH, 1), ((SEATS, SETUP), MONTH, 2)],
        [
            ("create", BEGIN, 1, 3, None, None, 0, "31"),
            ("report", {2: Usage(Fraction(12))}),
            ("change", BEGIN + 5 * DAY, 2, 12, "now", True),
            ("change", BEGIN + 5 * DAY, 1, 3, "now", True),
            ("cancel", BEGIN + 45 * DAY, "now", True),
        ],
    ),
    "another interval: a full new period from now, which is the anchor": (
        "America/New_York", "second", [((BASE, USED), MONTH, 1), ((SEATS,), YEAR, 2)],
        [
            ("create", BEGIN, 1, 1, None, None, 0, "calendar"),
            ("change", BEGIN + 20 * DAY, 2, 7, "now", True),
            ("change", BEGIN + 400 * DAY, 1, None, "period_end", True),
            ("cancel", BEGIN + 800 * DAY, "period_end", False),
            ("uncancel", BEGIN + 800 * DAY + 1),
        ],
    ),
    "a day of the month does not go with weeks, unless the change is a new anchor": (
        "Europe/Vienna", "none", [((BASE,), MONTH, 1), ((SEATS,), WEEK, 2)],
        [
            ("create", BEGIN, 1, 1, None, None, 0, "15"),
            ("change", BEGIN + 3 * DAY, 2, None, "period_end", True),
            ("change", BEGIN + 3 * DAY, 2, None, "now", True),
        ],
    ),
    "paused twice, ended while paused": (
        "Australia/Lord_Howe", "day", [((BASE, USED), MONTH, 1)],
        [
            ("create", BEGIN, 1, 1, None, BEGIN + 90 * DAY, 0, "start"),
            ("pause", BEGIN + 3 * DAY), ("resume", BEGIN + 13 * DAY), ("pause", BEGIN + 13 * DAY),
            ("resume", BEGIN + 13 * DAY), ("pause", BEGIN + 80 * DAY), ("uncancel", BEGIN + 91 * DAY),
        ],
    ),
    "what could not be billed waits for a change, which is one for the period's end": (
        "Etc/UTC", "second", [((BASE, USED), MONTH, 1), ((SEATS, USED), MONTH, 2)],
        [
            ("create", BEGIN, 1, 1, None, None, 0, "start"),
            ("change", BEGIN + DAY, 2, 10**9, "period_end", True),
            ("report", {2: Usage(Fraction(10**15 - 1))}),
            ("change", BEGIN + 40 * DAY, 2, 1, "now", True),
            ("cancel", BEGIN + 41 * DAY, "now", False),
        ],
    ),
    "nothing is prorated: nor is the maximum of a period that begins inside": (
        "Etc/UTC", "none", [((CAPPED,), MONTH, 1)],
        [
            ("create", BEGIN - 10 * DAY, 1, 1, None, None, 0, "calendar"),
            ("report", {2: Usage(Fraction(10**6))}),
            ("uncancel", BEGIN + DAY),
        ],
    ),
    "nor that of what follows a change": (
        "Etc/UTC", "none", [((BASE,), MONTH, 1), ((CAPPED,), MONTH, 2)],
        [
            ("create", BEGIN, 1, 1, None, None, 0, "start"),
            ("change", BEGIN + DAY, 2, None, "now", True),
            ("report", {2: Usage(Fraction(10**6))}),
            ("uncancel", BEGIN + 40 * DAY),
        ],
    ),
    "by days, a part within one has a maximum by its seconds": (
        "Europe/Vienna", "day", [((CAPPED,), MONTH, 1)],
        [
            ("create", BEGIN, 1, 1, None, None, 0, "start"),
            ("report", {2: Usage(Fraction(10**6))}),
            ("cancel", BEGIN + 8 * 3600, "now", False),
        ],
    ),
    "one that was over while it was paused, and could not be billed, has nothing to go on with": (
        "America/Maceio", "none", [((BASE, DEAR), MONTH, 1)],
        [
            ("create", BEGIN, 1, 1, None, BEGIN + 20 * DAY, 0, "start"),
            ("report", {2: Usage(Fraction(10**15 - 1))}),
            ("pause", BEGIN + 5 * DAY),
            ("resume", BEGIN + 20 * DAY),
            ("resume", BEGIN + 30 * DAY),
            ("cancel", BEGIN + 30 * DAY, "now", False),
        ],
    ),
}  # fmt: skip
