"""Migrations: once, in order, one at a time, and never one that was altered."""

import threading

import programs
import pytest


@pytest.fixture
def scratch(stack):
    """An empty database of its own: the settings to reach it."""
    name = "scratch"
    stack.superuser(f"CREATE DATABASE {name} OWNER billd_owner")
    url = stack.database_urls["owner"].rsplit("/", 1)[0] + "/" + name
    yield {"BILLD_DATABASE_URL": url}
    stack.superuser(f"DROP DATABASE {name} WITH (FORCE)")


def files():
    return sorted(path.name for path in (programs.ROOT / "migrations").glob("*.sql"))


def test_status_tells_what_is_applied(stack, scratch):
    """All pending, then all applied."""
    before = stack.billd("migrate", "status", **scratch)
    stack.billd("migrate", "up", **scratch)
    after = stack.billd("migrate", "status", **scratch)
    assert [row.split() for row in before.splitlines()] == [["pending", file] for file in files()]
    assert [row.split()[-1] for row in after.splitlines()] == files()
    assert "pending" not in after


def test_up_a_second_time_does_nothing(stack, scratch):
    """The database is the same afterwards."""
    stack.billd("migrate", "up", **scratch)
    before = applied(stack)
    stack.billd("migrate", "up", **scratch)
    assert applied(stack) == before and len(before) == len(files())


def test_two_at_a_time_do_it_once(stack, scratch):
    """An advisory lock: both succeed, each migration is applied once."""
    results = []
    threads = [
        threading.Thread(
            target=lambda: results.append(programs.run("billd", "migrate", "up", env=stack.settings("owner") | scratch))
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [done.returncode for done in results] == [0] * 4, [done.stderr for done in results]
    assert len(applied(stack)) == len(files())


def test_a_migration_that_was_altered_after_it_was_applied_is_refused(stack, scratch):
    """Its checksum is not the one that was recorded: an error that names it, and nothing is applied."""
    stack.billd("migrate", "up", **scratch)
    table = history_table(stack)
    with stack.connect("owner", database="scratch") as connection:
        column, type_ = connection.execute(
            "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = %s::regclass"
            " AND attnum > 0 AND attname ~ 'checksum|hash|sha'", [table]
        ).fetchone()  # fmt: skip
        other = "decode(repeat('00', 32), 'hex')" if type_ == "bytea" else "repeat('0', 64)"
        first = connection.execute(f"SELECT * FROM {table} ORDER BY 1 LIMIT 1").fetchone()[0]
        connection.execute(
            f"UPDATE {table} SET {column} = {other} WHERE {first_column(connection, table)} = %s", [first]
        )
    said = stack.billd("migrate", "up", expect=2, **scratch)
    assert files()[0] in said and "changed" in said, said


def history_table(stack):
    with stack.connect("owner", database="scratch") as connection:
        (name,) = connection.execute(
            "SELECT format('%I.%I', nspname, relname) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace"
            " WHERE relkind = 'r' AND relname ~ 'migration'"
        ).fetchone()
    return name


def first_column(connection, table):
    (name,) = connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum = 1", [table]
    ).fetchone()
    return name


def applied(stack):
    table = history_table(stack)
    with stack.connect("owner", database="scratch") as connection:
        return connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()


def test_a_worker_refuses_a_database_that_is_not_migrated(stack, scratch):
    """It ends with an error and does not begin."""
    settings = stack.settings("worker") | {
        "BILLD_DATABASE_URL": stack.database_urls["worker"].rsplit("/", 1)[0] + "/scratch",
    }
    stack.superuser("GRANT CONNECT ON DATABASE scratch TO billd_worker")
    done = programs.run("billd-worker", env=settings, timeout=30)
    assert done.returncode in (1, 2), done.stderr


def test_foreign_keys_are_checked_by_their_keys_from_the_first_row_on(stack, scratch):
    """A session keeps the plan of such a check: of an empty table's indexes, it must be the one that stays right."""
    stack.billd("migrate", "up", **scratch)
    with stack.connect("owner", database="scratch") as connection:
        connection.execute("SET plan_cache_mode = force_generic_plan")
        connection.execute("SET enable_seqscan = off")  # as the worker has it
        connection.execute("SET enable_bitmapscan = off")
        keys = connection.execute(
            "SELECT conname, confrelid::regclass::text, conindid::regclass::text,"
            " (SELECT array_agg(attname::text ORDER BY place) FROM unnest(confkey) WITH ORDINALITY k(number, place)"
            "  JOIN pg_attribute ON attrelid = confrelid AND attnum = number)"
            " FROM pg_constraint WHERE contype = 'f'"
        ).fetchall()
        assert len(keys) >= 4, keys
        for name, table, index, columns in keys:
            condition = " AND ".join(f"{column} = ${number}" for number, column in enumerate(columns, 1))
            types = ", ".join(["uuid"] * len(columns))
            connection.execute(
                f"PREPARE {name} ({types}) AS SELECT 1 FROM ONLY {table} WHERE {condition} FOR KEY SHARE"
            )
            plan = connection.execute(f"EXPLAIN EXECUTE {name} ({', '.join(['NULL'] * len(columns))})").fetchall()
            assert any(f"using {index.split('.')[-1]} on" in line for (line,) in plan), (name, plan)
