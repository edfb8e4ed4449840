"""What the release before discounts, taxes and payments left in a database, after the migration that brings them."""

import uuid

import programs
import pytest

MONEY = 8  # the migration's number
CHARGE = """{"code": "%s", "name": "Seats", "model": "per_unit", "billing": "advance", "amount": null,
    "unit_amount": "0.5", "tiers": [], "package_size": null, "rate": null, "fixed_amount": null,
    "transaction_min_amount": null, "transaction_max_amount": null, "free_units": null, "min_amount": null,
    "max_amount": null}"""
EARLIER = """
INSERT INTO identity.organisations (id, name, currency, timezone, settings) VALUES (%(org)s, 'Ltd.', 'USD',
    'Etc/UTC', '{"invoice_numbering": "yearly", "invoice_prefix": "ACME", "net_terms_days": "366",
    "tax_rate_ids": "11111111-1111-4111-8111-111111111111", "proration": "day"}');
INSERT INTO billd.customers (organisation_id, id, shard, name, currency, timezone, metadata, number_prefix,
    invoice_count, credit_balance, credit_count, latest_at, created_ms, created_at, updated_at, test_clock_id)
    VALUES (%(org)s, %(customer)s, 5, 'Ada', 'USD', 'Etc/UTC', '{}', 'ADA', 3, 500, 2, now(), 1, now(), now(),
    %(clock)s);
INSERT INTO billd.plans (organisation_id, id, code, name, currency, interval, interval_count, amount, metadata,
    created_ms, created_at, updated_at, version_id, version, trial_days, charges) VALUES (%(org)s, %(plan)s,
    'basic', 'Basic', 'USD', 'day', 30, 0, '{}', 1, now(), now(), %(plan)s, 1, 0, %(charges)s);
INSERT INTO billd.plan_versions SELECT organisation_id, id, id, 1, currency, interval, interval_count, 0,
    charges, created_at FROM billd.plans;
INSERT INTO billd.subscriptions (organisation_id, id, shard, customer_id, plan_id, plan_version_id, quantity,
    status, timezone, anchor, anchor_at, anchor_day, period_index, realigns, current_period_start,
    current_period_end, natural_start, natural_end, started_at, cancel_at_period_end, metadata, created_ms,
    created_at, updated_at, due_at) VALUES (%(org)s, %(subscription)s, 5, %(customer)s, %(plan)s, %(plan)s, 1,
    'active', 'Etc/UTC', 'start', '2026-04-01', 0, 0, false, '2026-06-30', '2026-07-30', '2026-06-30',
    '2026-07-30', '2026-04-01', false, '{}', 1, now(), now(), '2026-07-30');
INSERT INTO billd.invoices (organisation_id, id, shard, customer_id, subscription_id, number, sequence, reason,
    status, currency, period_start, period_end, issued_at, due_at, paid_at, subtotal, discount, tax, total,
    credit_applied, amount_due, amount_paid, created_ms, created_at, updated_at) SELECT %(org)s, id, 5,
    %(customer)s, %(subscription)s, 'ADA-000' || n, n, 'subscription_cycle', status, 'USD',
    '2026-04-01'::timestamptz + n * interval '30 days', '2026-05-01'::timestamptz + n * interval '30 days',
    '2026-05-01', '2026-05-01', paid_at, total, 0, 0, total, credit, total - credit, 0, n, now(), now() FROM
    (VALUES (%(open)s::uuid, 1, 'open', NULL::timestamptz, 2900, 400), (%(covered)s, 2, 'paid', '2026-05-01',
    100, 100), (%(free)s, 3, 'paid', '2026-05-01', 0, 0)) i (id, n, status, paid_at, total, credit);
INSERT INTO billd.invoice_lines (organisation_id, invoice_id, position, id, description, plan_id, quantity,
    unit_amount, amount, period_start, period_end, kind, charge_code, proration, quantity_decimal) SELECT
    %(org)s, id, 1, gen_random_uuid(), 'Seats', %(plan)s, 1, 0, total, period_start, period_end, 'charge',
    'seats', false, 1 FROM billd.invoices;
INSERT INTO billd.credit_entries (organisation_id, customer_id, sequence, id, shard, reason, amount,
    balance_after, currency, created_ms, created_at) SELECT %(org)s, %(customer)s, n, id, 5, reason, amount,
    balance, 'USD', n, now() FROM (VALUES (1, %(credit)s::uuid, 'proration', 1000, 1000), (2, gen_random_uuid(),
    'invoice', -400, 600), (3, gen_random_uuid(), 'invoice', -100, 500)) e (n, id, reason, amount, balance);
"""
ACCOUNTS = (
    "receivable, cash, customer_credit, deferred_revenue, revenue, tax_payable, refunds_payable, bad_debt,"
    " credits_granted"
)


@pytest.fixture(scope="module")
def upgraded(stack):
    """A database of the release before, with rows, migrated: a connection that sees them, and their ids."""
    names = ("org", "customer", "clock", "plan", "subscription", "open", "covered", "free", "credit")
    ids = {name: str(uuid.uuid4()) for name in names}
    ids["charges"] = f"[{CHARGE % 'seats'}, {CHARGE % 'calls'}]"
    stack.superuser("CREATE DATABASE upgraded_money OWNER billd_owner")
    files = sorted((programs.ROOT / "migrations").glob("*.sql"))
    with stack.connect("owner", ids["org"], database="upgraded_money") as connection:
        for file in files[: MONEY - 1]:
            connection.execute(file.read_text())
        for statement in EARLIER.split(";\n"):
            connection.execute(statement, ids)
        # No migration acts for an organisation.
        with stack.connect("owner", database="upgraded_money") as migrating:
            for file in files[MONEY - 1 :]:
                with migrating.transaction():
                    migrating.execute(file.read_text())
        yield connection, ids
    stack.superuser("DROP DATABASE upgraded_money WITH (FORCE)")


def test_charges_name_no_taxes_and_stand_in_their_order(upgraded):
    """In plans and in their versions, whose rows the programs themselves never change."""
    connection, _ = upgraded
    for table in ("plans", "plan_versions"):
        (charges,) = connection.execute(f"SELECT charges FROM billd.{table}").fetchone()
        assert [(charge["code"], charge["tax_rate_ids"]) for charge in charges] == [("seats", []), ("calls", [])]


def test_what_is_there_has_neither_discounts_nor_taxes(upgraded):
    """And owes what it did."""
    connection, ids = upgraded
    assert connection.execute(
        "SELECT tax_exempt, tax_rate_ids, net_terms_days, credit_note_count, items_pending FROM billd.customers"
    ).fetchone() == ("none", [], None, 0, 0)
    assert connection.execute(
        "SELECT discounts, tax_rate_ids, deferred, deferred_from, deferred_until FROM billd.subscriptions"
    ).fetchone() == ([], [], 0, None, None)
    rows = connection.execute(
        "SELECT id::text, discounts, taxes, tax_included, tax_exempt, amount_credited, credited_total, amount_due"
        " FROM billd.invoices"
    ).fetchall()
    assert {row[0]: row[7] for row in rows} == {ids["open"]: 2500, ids["covered"]: 0, ids["free"]: 0}
    assert {repr(row[1:7]) for row in rows} == {repr(([], [], 0, "none", 0, 0))}
    lines = connection.execute(
        "SELECT deferred, discount, discounts, tax, taxes, credited, credited_taxes FROM billd.invoice_lines"
    ).fetchall()
    assert lines == [(False, 0, [], 0, [], 0, [])] * 3


def test_the_journal_opens_with_what_stood_in_the_books(upgraded):
    """What is still to be paid, and the credit balance; nothing is deferred, as all of it was taken for earned."""
    connection, ids = upgraded
    rows = connection.execute(
        f"SELECT document_id::text, test_clock_id::text, {ACCOUNTS} FROM billd.journal"
    ).fetchall()
    assert {row[0]: row[2:] for row in rows} == {
        ids["open"]: (2500, 0, 400, 0, -2900, 0, 0, 0, 0),
        ids["covered"]: (0, 0, 100, 0, -100, 0, 0, 0, 0),
        ids["credit"]: (0, 0, -1000, 0, 1000, 0, 0, 0, 0),
    }
    assert {row[1] for row in rows} == {ids["clock"]}
    totals = "SELECT sum(receivable), sum(customer_credit) FROM billd.journal"
    assert connection.execute(totals).fetchone() == (2500, -500)


def test_each_subscription_names_its_latest_invoice(upgraded):
    """That with the highest number, and not the newest that is owed."""
    connection, ids = upgraded
    (latest,) = connection.execute("SELECT latest_invoice_id::text FROM billd.subscriptions").fetchone()
    assert latest == ids["free"]


def test_a_setting_that_has_a_meaning_now_and_not_its_value_is_gone(upgraded):
    """The others stay."""
    connection, _ = upgraded
    (settings,) = connection.execute("SELECT settings FROM identity.organisations").fetchone()
    assert settings == {"invoice_prefix": "ACME", "proration": "day"}


@pytest.mark.parametrize(
    "table",
    [
        *("coupons", "tax_rates", "items", "number_series", "credit_notes", "payments", "journal"),
        *("customers", "plans", "plan_versions", "subscriptions", "invoices", "invoice_lines", "credit_entries"),
    ],
)
def test_row_level_security_is_forced_afterwards(upgraded, table):
    """Also where the migration itself had to see all rows."""
    connection, _ = upgraded
    forced = connection.execute(
        "SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = %s::regclass", [f"billd.{table}"]
    ).fetchone()
    assert forced == (True, True)


@pytest.mark.parametrize(
    ("account", "amount"), [("receivable", 1), ("cash", -1), ("deferred_revenue", 9_000_000_000_000_000_000)]
)
def test_an_unbalanced_entry_is_refused(upgraded, account, amount):
    """Whoever writes it, the owner too."""
    connection, ids = upgraded
    values = ", ".join(str(amount if name == account else 0) for name in ACCOUNTS.split(", "))
    with pytest.raises(Exception, match="journal_balanced"), connection.transaction():
        connection.execute(
            f"INSERT INTO billd.journal SELECT %(org)s, gen_random_uuid(), 5, %(customer)s, NULL, 'payment', 'payment',"
            f" gen_random_uuid(), 'USD', {values}, 1, now()",
            ids,
        )
