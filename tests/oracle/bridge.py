"""The C domain as a shared library, in the oracle's words (bridge.h)."""

import ctypes
import functools
import os
import pathlib
import re
from array import array
from fractions import Fraction

import periods
from rules import SCALE, Rating, Refused, Usage

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIBRARY = os.environ.get("ORACLE_LIBRARY", str(ROOT / "build/oracle/libbilld_domain.so"))
NONE = -(2**63)
MODELS = ["flat", "per_unit", "graduated", "volume", "package", "percentage"]
BILLINGS = ["advance", "arrears"]
INTERVALS = ["day", "week", "month", "year"]
PRORATIONS = ["second", "day", "none"]
OUT_WORDS = 65_536

REFUSALS = ["NONE", *re.findall(r"^REFUSAL\((\w+),", (ROOT / "common/domain/refusal.def").read_text(), re.MULTILINE)]
STATES_FILE = (ROOT / "common/domain/subscription_states.def").read_text()
STATES = re.findall(r'^STATE\(\w+, "(\w+)"', STATES_FILE, re.MULTILINE)

Words = ctypes.POINTER(ctypes.c_int64)
SIGNATURES = {
    "bridge_zone_new": (ctypes.c_void_p, [Words, ctypes.c_size_t]),
    "bridge_zone_read": (ctypes.c_size_t, [ctypes.c_char_p, Words, ctypes.c_size_t]),
    "bridge_version_size": (ctypes.c_size_t, [ctypes.c_size_t]),
    "bridge_version_make": (ctypes.c_void_p, [ctypes.c_void_p, Words, ctypes.c_size_t]),
    "bridge_version_check": (ctypes.c_int64, [ctypes.c_void_p]),
    "bridge_rate": (ctypes.c_size_t, [ctypes.c_void_p, Words, ctypes.c_size_t, Words, ctypes.c_size_t]),
    "bridge_transaction": (ctypes.c_size_t, [ctypes.c_void_p, Words, ctypes.c_size_t, Words, ctypes.c_size_t]),
    "bridge_fraction": (None, [ctypes.c_void_p, Words, ctypes.c_size_t, Words]),
    "bridge_boundary": (ctypes.c_bool, [ctypes.c_void_p, Words, ctypes.c_size_t, Words]),
    "bridge_place": (ctypes.c_bool, [ctypes.c_void_p, Words, ctypes.c_size_t, Words]),
    "bridge_day": (ctypes.c_int64, [ctypes.c_void_p, ctypes.c_int64]),
    "bridge_plus_days": (ctypes.c_bool, [ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, Words]),
    "bridge_life_size": (ctypes.c_size_t, []),
    "bridge_life_make": (ctypes.c_void_p, [ctypes.c_void_p, Words, ctypes.c_size_t]),
    "bridge_life_call": (
        ctypes.c_size_t,
        [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, Words, ctypes.c_size_t, Words, ctypes.c_size_t],
    ),
    "bridge_split": (ctypes.c_size_t, [Words, ctypes.c_size_t, Words, ctypes.c_size_t]),
    "bridge_spread": (ctypes.c_size_t, [Words, ctypes.c_size_t, Words, ctypes.c_size_t]),
    "bridge_redeem": (ctypes.c_size_t, [Words, ctypes.c_size_t, Words, ctypes.c_size_t]),
    "bridge_credit_note": (ctypes.c_size_t, [Words, ctypes.c_size_t, Words, ctypes.c_size_t]),
    "bridge_invoice_move": (ctypes.c_size_t, [Words, ctypes.c_size_t, Words, ctypes.c_size_t]),
    "bridge_payment_settle": (ctypes.c_int64, [ctypes.c_int64, ctypes.c_int64]),
    "bridge_payment_method": (ctypes.c_bool, [ctypes.c_char_p]),
    "bridge_deferral_take": (ctypes.c_int64, [Words, ctypes.c_size_t]),
    "bridge_journal": (ctypes.c_size_t, [Words, ctypes.c_size_t, Words, ctypes.c_size_t]),
}


def load(path):
    library = ctypes.CDLL(path)
    for name, (result, arguments) in SIGNATURES.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


C = load(LIBRARY)
OUT = (ctypes.c_int64 * OUT_WORDS)()


def words_of(words):
    """An array that ctypes can pass, and its length."""
    return (ctypes.c_int64 * len(words)).from_buffer(array("q", words)), len(words)


def signed(word):
    return word - 2**64 if word >= 2**63 else word


def aligned(size):
    """Memory for the library that lives as long as what is returned first, and where it begins."""
    memory = ctypes.create_string_buffer(size + 16)
    return memory, (ctypes.addressof(memory) + 15) & ~15


def decimal_words(value):
    """None is none; else a multiple of 10^-12."""
    units = -1 if value is None else value * SCALE
    assert units == int(units), "more places than a decimal has"
    return [int(units) >> 64, signed(int(units) & (2**64 - 1))]


def decimal_from(high, low):
    units = (high << 64) | (low & (2**64 - 1))
    return None if units < 0 else Fraction(units, SCALE)


def or_none(value):
    return NONE if value is None else value


def none_or(word):
    return None if word == NONE else word


def list_words(numbers):
    return [len(numbers), *numbers]


@functools.cache
def zone(name):
    """The library's zone, of the transitions that zoneinfo has."""
    first, table = periods.transitions(name)
    return C.bridge_zone_new(*words_of([first, *(word for row in table for word in row)]))


def zone_read(name):
    """The transitions as the programs read them; those that change nothing left out."""
    length = C.bridge_zone_read(name.encode(), OUT, OUT_WORDS)
    first, table = OUT[0], []
    for i in range(1, length, 2):
        if OUT[i + 1] != (table[-1][1] if table else first):
            table.append((OUT[i], OUT[i + 1]))
    return (first, tuple(table)) if length else None


# ---- Plans.


def charge_words(charge):
    words = [charge.code, MODELS.index(charge.model), BILLINGS.index(charge.billing), or_none(charge.amount)]
    words += decimal_words(charge.unit_amount)
    words += [or_none(charge.package_size), *decimal_words(charge.rate), or_none(charge.fixed_amount)]
    words += [or_none(charge.transaction_min), or_none(charge.transaction_max)]
    words += decimal_words(charge.free_units or None)
    words += [or_none(charge.min_amount), or_none(charge.max_amount), *list_words(charge.rates), len(charge.tiers)]
    for tier in charge.tiers:
        unit, percent = tier.unit_amount, tier.rate
        words += [or_none(tier.up_to), *decimal_words(None if charge.model == "percentage" else unit)]
        words += [tier.flat_amount, *decimal_words(percent if charge.model == "percentage" else None)]
    return words


class Version:
    """A plan's version that the library holds as well."""

    def __init__(self, charges, cadence=None, number=1, plan=1, trial_days=0):
        self.charges, self.number, self.plan, self.trial_days = tuple(charges), number, plan, trial_days
        self.cadence = cadence or periods.Cadence("month", 1)
        words = [number, plan, INTERVALS.index(self.cadence.interval), self.cadence.count, trial_days, len(charges)]
        for charge in charges:
            words += charge_words(charge)
        tiers = sum(len(charge.tiers) for charge in charges)
        self.memory, address = aligned(C.bridge_version_size(tiers))
        self.handle = C.bridge_version_make(address, *words_of(words))

    def __repr__(self):
        return f"Version({list(self.charges)!r}, {self.cadence!r}, {self.number}, {self.plan}, {self.trial_days})"

    def fault(self):
        return C.bridge_version_check(self.handle)


# ---- Each of the oracle's functions, by the library. They raise the same Refused.


def usage_words(usage):
    return [*decimal_words(usage.quantity), usage.transactions, *decimal_words(usage.fees)]


def refuse(word):
    if word:
        raise Refused(REFUSALS[word])


def rate(version, usage, part, cap=None):
    cap = part if cap is None else cap
    words = [*usage_words(usage), *part.as_integer_ratio(), *cap.as_integer_ratio()]
    length = C.bridge_rate(version.handle, *words_of(words), OUT, OUT_WORDS)
    refuse(OUT[0])
    line, amount, minimum, maximum, packages, *decimals = OUT[1:10]
    tiers = [
        (OUT[i], none_or(OUT[i + 1]), decimal_from(*OUT[i + 2 : i + 4]), decimal_from(*OUT[i + 4 : i + 6]), OUT[i + 6])
        for i in range(10, length, 7)
    ]
    billable, exact = decimal_from(*decimals[:2]), decimal_from(*decimals[2:])
    return Rating(billable, packages, exact, bool(line), amount, minimum, maximum, tiers)


def transaction(version, usage, base):
    C.bridge_transaction(version.handle, *words_of([*usage_words(usage), *decimal_words(base)]), OUT, OUT_WORDS)
    refuse(OUT[0])
    return Usage(decimal_from(OUT[1], OUT[2]), OUT[3], decimal_from(OUT[4], OUT[5]))


def fractions(proration, name, natural, part):
    """What a part is of its natural period: its price's share, and its maximum's."""
    C.bridge_fraction(zone(name), *words_of([PRORATIONS.index(proration), *natural, *part]), OUT)
    return Fraction(OUT[0], OUT[1]), Fraction(OUT[2], OUT[3])


def cadence_words(cadence):
    return [INTERVALS.index(cadence.interval), cadence.count]


def boundary(name, at, day, cadence, k):
    if not C.bridge_boundary(zone(name), *words_of([at, day, *cadence_words(cadence), k]), OUT):
        raise Refused("TIME_OUT_OF_RANGE")
    return OUT[0]


def place(name, anchoring, cadence, at):
    """(moment of boundary 0, its day, number of the natural period, the natural period)."""
    kind = {"start": 0, "calendar": 1}.get(anchoring, 2)
    words = [kind, int(anchoring) if kind == 2 else 0, *cadence_words(cadence), at]
    if not C.bridge_place(zone(name), *words_of(words), OUT):
        raise Refused("TIME_OUT_OF_RANGE")
    return OUT[0], OUT[1], OUT[2], (OUT[3], OUT[4])


def day_of(name, moment):
    return C.bridge_day(zone(name), moment)


def plus_days(name, at, days):
    if not C.bridge_plus_days(zone(name), at, days, OUT):
        raise Refused("TIME_OUT_OF_RANGE")
    return OUT[0]
