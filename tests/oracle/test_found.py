"""Both sides on the rows of found.py."""

import bridge
import compare
import compare_life
import found
import pytest


def rows(table):
    return pytest.mark.parametrize("row", table.values(), ids=table.keys())


@rows(found.RATINGS)
def test_ratings(row):
    compare.check_rating(*row)
    compare.check_split(*row[:3])


@rows(found.PLACES)
def test_places(row):
    compare.check_place(*row)


@rows(found.SPLITS)
def test_splits(row):
    compare.check_fraction(*row)


@rows(found.LIVES)
def test_lives(row):
    name, proration, plans, steps = row
    versions = [bridge.Version(charges, cadence, number, plan)
                for number, (charges, cadence, plan) in enumerate(plans, 1)]  # fmt: skip
    pair = compare_life.Pair(name, proration, versions)
    for verb, *arguments in steps:
        if verb == "report":
            pair.reported = dict(arguments[0])
            continue
        now = arguments[0]
        while pair.life is not None and pair.life.due_at is not None and pair.life.due_at <= now:
            refusal = pair.due()
            if isinstance(refusal, str):
                pair.park(refusal)
        if verb in ("create", "change"):
            arguments[1] = versions[arguments[1] - 1]
        getattr(pair, verb)(*arguments)
