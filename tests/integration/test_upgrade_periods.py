"""What a release that did not know how far pauses had moved a period left, after the migration that keeps it."""

import uuid

import programs
import pytest
from test_upgrade_money import CHARGE, EARLIER, MONEY

# The period that was charged as 30 June to 30 July: where it lies, its number, whether it realigns, what is deferred,
# and by how much it was moved.
JULY, MOVED = ("2026-06-30", "2026-07-30"), ("2026-07-10 01:00Z", "2026-08-09 01:00Z")
CASES = {
    "one that was never paused": (*JULY, 3, False, 2900, 0),
    "one that was resumed": (*MOVED, -1, False, 2900, 10 * 86400 + 3600),
    "one off the calendar": (*MOVED, 2, True, 1, 10 * 86400 + 3600),
    "one that has nothing to be taken back": (*MOVED, -1, False, 0, 0),
}
MOVE = """
UPDATE billd.subscriptions SET (natural_start, natural_end, current_period_start, current_period_end, due_at,
    deferred_from, deferred_until, period_index, realigns, deferred) = (%(start)s, %(end)s, %(start)s, %(end)s, %(end)s,
    %(start)s, %(end)s, %(index)s, %(realigns)s, %(deferred)s)
"""
REPORT = """
INSERT INTO billd.quantities (organisation_id, subscription_id, id, charge_code, period_start, quantity, transactions,
    fees, created_at, updated_at) SELECT organisation_id, id, gen_random_uuid(), 'calls', current_period_start, 1, 1, 0,
    now(), now() FROM billd.subscriptions
"""


@pytest.mark.parametrize("name", CASES)
def test_a_period_is_known_to_have_moved(stack, name):
    """By the invoice that began it; a report is for its period as ever."""
    *found, wanted = CASES[name]
    names = ("org", "customer", "clock", "plan", "subscription", "open", "covered", "free", "credit")
    ids = {one: str(uuid.uuid4()) for one in names} | {"charges": f"[{CHARGE % 'seats'}]"}
    files = sorted((programs.ROOT / "migrations").glob("*.sql"))
    at = next(place for place, file in enumerate(files) if "period_moved_s" in file.read_text())
    stack.superuser("CREATE DATABASE upgraded_periods OWNER billd_owner")
    try:
        with stack.connect("owner", ids["org"], database="upgraded_periods") as connection:
            for file in files[: MONEY - 1]:
                connection.execute(file.read_text())
            for statement in EARLIER.split(";\n"):
                connection.execute(statement, ids)
            for file in files[MONEY - 1 : at]:
                connection.execute(file.read_text())
            connection.execute(MOVE, dict(zip(("start", "end", "index", "realigns", "deferred"), found, strict=True)))
            connection.execute(REPORT)
            with connection.transaction():
                connection.execute(files[at].read_text())
            assert connection.execute("SELECT period_moved_s FROM billd.subscriptions").fetchone() == (wanted,)
            assert connection.execute("SELECT closed FROM billd.quantities").fetchone() == (False,)
    finally:
        stack.superuser("DROP DATABASE upgraded_periods WITH (FORCE)")
