"""The rules that the database itself holds, also against its owner."""

import psycopg
import pytest


@pytest.fixture
def owned(stack, org):
    """A customer with a live subscription, and the owner's connection to its rows."""
    customer_id = org.customer()
    subscription_id = org.subscription(customer_id, org.plan())
    with stack.connect("owner", org.organisation_id) as connection:
        yield connection, customer_id, subscription_id


def copy(connection, table, row_id, **changes):
    """Insert a copy of a row with other values in some columns."""
    columns = [name for (name,) in connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped", [table]
    )]  # fmt: skip
    values = ", ".join(changes.get(name, f'"{name}"') for name in columns)
    names = ", ".join(f'"{name}"' for name in columns)
    return connection.execute(f"INSERT INTO {table} ({names}) SELECT {values} FROM {table} WHERE id = %s", [row_id])


NEW = {"id": "gen_random_uuid()"}


def test_a_copy_that_breaks_no_rule_is_taken(owned):
    """So that the refusals below are those of the rules: an ended subscription beside the live one, another period."""
    connection, _, subscription_id = owned
    ended = NEW | {"status": "'canceled'", "ended_at": "now()", "due_at": "NULL"}
    assert copy(connection, "billd.subscriptions", subscription_id, **ended).rowcount == 1
    (invoice_id,) = connection.execute("SELECT id FROM billd.invoices").fetchone()
    later = NEW | {"sequence": "2", "period_start": "period_end", "period_end": "period_end + interval '1 day'"}
    assert copy(connection, "billd.invoices", invoice_id, **later).rowcount == 1


def test_a_second_live_subscription_is_refused(owned):
    """subscriptions_one_live."""
    connection, _, subscription_id = owned
    with pytest.raises(psycopg.errors.UniqueViolation, match="subscriptions_one_live"):
        copy(connection, "billd.subscriptions", subscription_id, **NEW)


def test_a_second_invoice_for_a_period_is_refused(owned):
    """invoices_period."""
    connection, *_ = owned
    (invoice_id,) = connection.execute("SELECT id FROM billd.invoices").fetchone()
    with pytest.raises(psycopg.errors.UniqueViolation, match="invoices_period"):
        copy(connection, "billd.invoices", invoice_id, **NEW, sequence="2")


def test_a_number_that_was_given_is_refused(owned):
    """invoices_sequence."""
    connection, *_ = owned
    (invoice_id,) = connection.execute("SELECT id FROM billd.invoices").fetchone()
    with pytest.raises(psycopg.errors.UniqueViolation, match="invoices_sequence"):
        copy(
            connection, "billd.invoices", invoice_id, **NEW,
            period_start="period_end", period_end="period_end + interval '1 day'",
        )  # fmt: skip


def test_a_total_that_its_parts_do_not_give_is_refused(owned):
    """A CHECK holds the sum."""
    connection, *_ = owned
    with pytest.raises(psycopg.errors.CheckViolation):
        connection.execute("UPDATE billd.invoices SET total = total + 1")


def test_an_operation_has_one_outcome(owned):
    """The same id a second time is refused."""
    connection, _, subscription_id = owned
    (operation_id,) = connection.execute(
        "SELECT id FROM billd.operations WHERE resource_id = %s", [subscription_id]
    ).fetchone()
    with pytest.raises(psycopg.errors.UniqueViolation, match="operations_pkey"):
        copy(connection, "billd.operations", operation_id)


@pytest.mark.parametrize("table", ["plan_versions", "credit_entries", "invoices", "invoice_lines"])
def test_what_was_agreed_or_booked_cannot_be_changed_by_a_worker(stack, owned, org, table):
    """Its role may add, and neither update nor delete."""
    with stack.connect("worker", org.organisation_id) as connection:
        for statement in (f"UPDATE billd.{table} SET id = id", f"DELETE FROM billd.{table}"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)


def test_a_balance_cannot_be_negative(owned):
    """A CHECK of the customer's."""
    connection, customer_id, _ = owned
    with pytest.raises(psycopg.errors.CheckViolation):
        connection.execute("UPDATE billd.customers SET credit_balance = -1 WHERE id = %s", [customer_id])
