"""Random plans, quantities, calendars and lives through both sides: many of them, and some that Hypothesis makes
smaller when they differ.
"""

import collections

import bulk
import compare_money
import hypothesis
import pytest
import seeds
from hypothesis import strategies

# Kind: how many in a run.
COUNTS = {
    "rating": 60_000, "transactions": 10_000, "calendar": 20_000, "fraction": 12_000, "life": 18_000, "split": 20_000,
    "coupon": 5000, "invoice": 8000, "book": 5000, "taken_back": 5000,
}  # fmt: skip
EXAMPLES = {
    "rating": 1500, "transactions": 500, "calendar": 1500, "fraction": 1000, "life": 300, "split": 1000, "coupon": 300,
    "invoice": 300, "book": 200, "taken_back": 200,
}  # fmt: skip

MODELS = ["flat", "per_unit", "graduated", "volume", "package"]
# What has to be among that many, or the cases do not try what they should: tests/oracle/cases.py.
MUST_SEE = {
    "rating": [
        "minimum",
        "maximum",
        "maximum of what costs nothing",
        *((model, billing, how) for model in MODELS for billing in ("advance", "arrears") for how in ("rated",)),
        *((model, "arrears", "refused") for model in ("per_unit", "graduated", "volume", "package")),
        ("percentage", "arrears", "rated"),
        ("percentage", "arrears", "refused"),
    ],
    "transactions": [True, False],
    "calendar": [
        (interval, how) for interval in ("day", "week", "month", "year") for how in ("start", "calendar", "day")
    ],
    "fraction": ["fractions"],
    "life": [
        *(("issued", reason) for reason in (None, "create", "cycle", "update", "cancel", "end")),
        *(("create", refusal) for refusal in ("START_TOO_EARLY", "ANCHOR_NOT_POSSIBLE", "END_TOO_EARLY")),
        *(("change", refusal) for refusal in ("NOTHING_TO_CHANGE", "SUBSCRIPTION_STATE", "ANCHOR_NOT_POSSIBLE")),
        *((verb, "SUBSCRIPTION_FINAL") for verb in ("change", "cancel", "uncancel", "pause", "resume")),
        *((verb, "SUBSCRIPTION_STATE") for verb in ("pause", "resume")),
        ("uncancel", "NOT_CANCELING"),
        ("due", "AMOUNT_OUT_OF_RANGE"),
        (None, "created", "scheduled"),
        (None, "created", "trialing"),
        (None, "created", "active"),
        ("scheduled", "started", "trialing"),
        ("scheduled", "started", "active"),
        ("scheduled", "changed", "scheduled"),
        ("scheduled", "canceled", "canceled"),
        ("trialing", "trial_ended", "active"),
        ("trialing", "changed", "trialing"),
        ("trialing", "paused", "paused"),
        ("trialing", "canceled", "canceled"),
        ("active", "renewed", "active"),
        ("active", "earned", "active"),
        ("active", "changed", "active"),
        ("active", "updated", "active"),
        ("active", "paused", "paused"),
        ("active", "canceled", "canceled"),
        ("active", "expired", "expired"),
        ("paused", "updated", "paused"),
        ("paused", "resumed", "active"),
        ("paused", "canceled", "canceled"),
        ("resume", "canceled"),
        ("day kept", "resumed"),
        ("day kept", "renewed"),
        *((what, by) for what in ("discounted", "taxed", "item") for by in (True, False)),
        *(("given back", kind) for kind in ("charge", "minimum", "maximum")),
        ("used up", True),
    ],
    "split": [*(("parts", count) for count in range(3)), ("weights", True), ("weights", False)],
    "coupon": ["once", "repeating", "forever", "COUPON_EXPIRED", "COUPON_EXHAUSTED", "COUPON_NOT_APPLICABLE"],
    "invoice": [
        *(("note", found) for found in ("issued", "INVOICE_FINAL", "PAYMENT_IN_PROGRESS", "INVOICE_LINE_NOT_FOUND",
                                        "CREDIT_NOTE_TOO_LARGE", "NOTHING_TO_CREDIT")),
        *(("begin", found) for found in ("done", "PAYMENT_METHOD_UNKNOWN", "PAYMENT_IN_PROGRESS", "INVOICE_FINAL",
                                         "PAYMENT_TOO_LARGE", "PAYMENTS_TOO_MANY")),
        *(("pay", found) for found in ("done", "INVOICE_FINAL", "PAYMENT_TOO_LARGE")),
        *(("void", found) for found in ("done", "INVOICE_FINAL", "PAYMENT_IN_PROGRESS", "INVOICE_PARTLY_PAID")),
        *(("uncollectible", found) for found in ("done", "INVOICE_FINAL", "PAYMENT_IN_PROGRESS")),
    ],
    "book": compare_money.BOOKS,
    "taken_back": [(final, deferred) for final in (True, False) for deferred in (True, False)],
}  # fmt: skip


@pytest.mark.parametrize("kind", COUNTS)
def test_many_random_cases(kind):
    """Equal to the minor unit; and they met what they are for."""
    result = bulk.run(seeds.SEED, kind, seeds.many(COUNTS[kind]))
    assert not result.differences, "\n".join(result.differences)
    if seeds.FACTOR >= 1:
        assert result.cases == seeds.many(COUNTS[kind])
        missing = [what for what in MUST_SEE[kind] if not result.seen[what]]
        assert not missing, f"of {result.cases} cases none met {missing}"


def test_that_is_more_than_100_000():
    assert sum(COUNTS.values()) >= 100_000


@pytest.mark.parametrize("kind", COUNTS)
def test_cases_of_hypothesis(kind):
    """The same, drawn by Hypothesis, which looks for the smallest case that differs."""

    @hypothesis.seed(seeds.SEED)
    @hypothesis.settings(
        max_examples=seeds.many(EXAMPLES[kind]),
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(strategies.randoms(use_true_random=False))
    def differ(random):
        bulk.CASES[kind](random, collections.Counter())

    differ()
