"""What the release before charges left in a database, after the migration that brings them."""

import uuid

import programs
import pytest

CHARGES = 7  # the migration's number
EARLIER = """
INSERT INTO identity.organisations (id, name, currency, timezone, settings) VALUES (%(org)s, 'Ltd.', 'USD', 'Etc/UTC',
    '{"proration": "hourly", "subscriptions_per_customer": "many", "footer": "Thank you."}');
INSERT INTO billd.customers VALUES (%(org)s, %(customer)s, 5, 'Ada', NULL, NULL, 'USD', NULL, 'Etc/UTC', '{}', 'ADA',
    2, 0, now(), 1, now(), now(), NULL);
INSERT INTO billd.plans VALUES (%(org)s, %(plan)s, 'basic', 'The "basic" one', 'USD', 'day', 30, 2900, '{}', 1, now(),
    now(), NULL);
INSERT INTO billd.subscriptions SELECT %(org)s, id, 5, %(customer)s, %(plan)s, status, 'Etc/UTC', '2026-04-01', 0,
    '2026-04-01', '2026-05-01', '2026-04-01', false, ended, ended, '{}', 1, now(), now()
    FROM (VALUES (%(live)s::uuid, 'active', NULL), (%(ended)s, 'canceled', '2026-04-09'::timestamptz))
    s (id, status, ended);
INSERT INTO billd.invoices SELECT %(org)s, id, 5, %(customer)s, id, 'ADA-' || number, number, 'subscription_create',
    'open', 'USD', '2026-04-01', '2026-05-01', now(), now(), NULL, 2900, 0, 0, 2900, 0, 2900, 0, 1, now(), now()
    FROM (SELECT id, row_number() OVER () AS number FROM billd.subscriptions) s;
INSERT INTO billd.invoice_lines SELECT %(org)s, id, 1, id, 'The "basic" one', %(plan)s, 1, 2900, 2900, period_start,
    period_end FROM billd.invoices;
"""


@pytest.fixture(scope="module")
def upgraded(stack):
    """A database of the release before, with rows, migrated: a connection that sees them, and their ids."""
    names = ("org", "customer", "plan", "live", "ended")
    ids = {name: str(uuid.uuid4()) for name in names}
    stack.superuser("CREATE DATABASE upgraded OWNER billd_owner")
    files = sorted((programs.ROOT / "migrations").glob("*.sql"))
    with stack.connect("owner", ids["org"], database="upgraded") as connection:
        for file in files[: CHARGES - 1]:
            connection.execute(file.read_text())
        for statement in EARLIER.split(";\n"):
            connection.execute(statement, ids)
        for file in files[CHARGES - 1 :]:
            with connection.transaction():
                connection.execute(file.read_text())
        yield connection, ids
    stack.superuser("DROP DATABASE upgraded WITH (FORCE)")


def test_a_plan_has_one_version_with_one_flat_charge(upgraded):
    """It has the plan's id, and costs what the plan did."""
    connection, ids = upgraded
    (plan,) = connection.execute("SELECT json FROM api.plans").fetchone()
    (version,) = connection.execute("SELECT json FROM api.plan_versions").fetchone()
    assert (plan["version"], plan["version_id"], plan["amount"], plan["trial_days"]) == (1, ids["plan"], 2900, 0)
    assert (version["id"], version["plan_id"], version["charges"]) == (ids["plan"], ids["plan"], plan["charges"])
    (charge,) = plan["charges"]
    told = {name: value for name, value in charge.items() if value not in (None, [])}
    assert told == {"code": "base", "name": 'The "basic" one', "model": "flat", "billing": "advance", "amount": 2900}


def test_what_lives_renews_and_what_has_ended_does_not(upgraded):
    """Due at the end of the period that was billed; nothing of it has moved."""
    connection, ids = upgraded
    due = dict(connection.execute("SELECT id::text, api.rfc3339(due_at) FROM billd.subscriptions").fetchall())
    assert due == {ids["live"]: "2026-05-01T00:00:00Z", ids["ended"]: None}
    for (one,) in connection.execute("SELECT json FROM api.subscriptions").fetchall():
        assert (one["plan_version_id"], one["quantity"], one["anchor"]) == (ids["plan"], 1, "start")
        assert one["current_period_start"] == one["anchor_at"] == "2026-04-01T00:00:00Z"


def test_an_old_invoice_says_what_it_said(upgraded):
    """With the fields that are new as far as they are known."""
    connection, _ = upgraded
    invoices = [row[0] for row in connection.execute("SELECT json FROM api.invoices").fetchall()]
    assert [(one["total"], one["digest"]) for one in invoices] == [(2900, None)] * 2
    for invoice in invoices:
        (line,) = invoice["lines"]
        assert (line["kind"], line["charge_code"], line["proration"]) == ("charge", "base", False)
        assert (line["amount"], line["quantity"], line["quantity_decimal"]) == (2900, 1, "1")
        assert line["explanation"] is None


def test_a_setting_that_has_a_meaning_now_and_not_its_value_is_gone(upgraded):
    """The others stay."""
    connection, _ = upgraded
    (settings,) = connection.execute("SELECT settings FROM identity.organisations").fetchone()
    assert settings == {"subscriptions_per_customer": "many", "footer": "Thank you."}


@pytest.mark.parametrize(
    "table", ["plan_versions", "quantities", "test_clocks", "credit_entries", "customers", "subscriptions"]
)
def test_row_level_security_is_forced_afterwards(upgraded, table):
    """Also where the migration itself had to see all rows."""
    connection, _ = upgraded
    forced = connection.execute(
        "SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = %s::regclass", [f"billd.{table}"]
    ).fetchone()
    assert forced == (True, True)
    connection.execute("SELECT set_config('billd.organisations', '{}', false)")
    try:
        assert connection.execute(f"SELECT count(*) FROM billd.{table}").fetchone() == (0,)
    finally:
        org = upgraded[1]["org"]
        connection.execute("SELECT set_config('billd.organisations', %s, false)", ["{" + org + "}"])
