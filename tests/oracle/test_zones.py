"""Time zones: the programs' tables of transitions, and what zoneinfo says of each."""

import bridge
import cases
import periods
import pytest


def test_every_zone_has_the_same_transitions_on_both_sides():
    names = cases.zone_names()
    assert len(names) > 400
    different = [name for name in names if bridge.zone_read(name) != periods.transitions(name)]
    assert not different


@pytest.mark.parametrize(
    ("name", "moment", "offset"),
    [
        ("Europe/Vienna", 0, 3600),
        ("Europe/Vienna", periods.LAST, 3600),
        ("America/New_York", 5_000_000_000, -14400),
        ("Pacific/Apia", 1_325_239_200, 50_400),
    ],
)
def test_tables_by_hand(name, moment, offset):
    """A few that anybody can look up: by the table that the library was given."""
    first, table = periods.transitions(name)
    assert [first, *(after for at, after in table if at <= moment)][-1] == offset
