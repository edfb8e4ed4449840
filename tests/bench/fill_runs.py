"""Subscriptions for billing runs: three plans, five pricing models, a third with a coupon, all with tax, all due.

A customer for each plan, with the coupon and without, is made by the API. SQL makes the others from their rows, under
ids as the API would give them; the runs are about these alone.
"""

import hashlib
import time

import psycopg
from billing import plan_of
from money import coupon_of, rate_of
from runs import PLANS
from wire import shard_of

DAY_S = 86_400
AGE_S = 40 * DAY_S  # since when the customers are there
LAG_S, SPREAD_S = 60, 60  # what is due last lies so long back, and the others up to so much longer
PERIOD_DAYS = 30
QUANTITY = 12
SQL_SECONDS = 1800  # for what is done with a million rows
# What a run writes, and what is left of others: each turn begins with none of it.
EMPTY = (
    "billing_runs", "billing_run_parts", "billing_run_totals", "billing_run_failures", "customers", "subscriptions",
    "invoices", "invoice_lines", "journal", "operations", "outbox", "credit_notes", "payments",
)  # fmt: skip
# Columns that are moved so far back that the subscription is due.
MOVED = (
    "anchor_at", "current_period_start", "current_period_end", "started_at", "natural_start", "natural_end",
    "deferred_from", "deferred_until", "due_at", "created_at", "updated_at",
)  # fmt: skip


def id_of(created_ms, digest, shard):
    """A UUIDv8 as common/base/id.h lays them out, as text."""
    raw = bytearray(created_ms.to_bytes(6, "big") + digest[6:16])
    raw[6] = 0x80 | (raw[6] & 0x0C) | shard >> 8
    raw[7] = shard & 0xFF
    raw[8] = 0x80 | (raw[8] & 0x3F)
    text = raw.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def ids_of(created_ms, number):
    """(customer's id, subscription's id, the customer's shard)"""
    digest = hashlib.blake2b(b"%d" % number, digest_size=32).digest()
    customer = id_of(created_ms, digest[:16], 0)
    shard = shard_of(customer)
    return customer, id_of(created_ms, digest[16:], shard), shard


class Pool:
    """`count` customers with a subscription each, kept in the schema bench. restore() puts the first of them into empty
    tables, as they were."""

    def __init__(self, bed, count):
        self.bed, self.count = bed, count
        began = time.monotonic()
        templates = self.templates()
        now = int(time.time())
        self.as_of = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now - LAG_S + 1))
        self.make_ids(now)
        self.multiply(templates, now)
        self.seconds = time.monotonic() - began

    def superuser(self, sql):
        return self.bed.stack.script("postgres", "psql", "-qAt", "-d", "billd", "-c", sql, timeout=SQL_SECONDS)

    def templates(self):
        """Customers' ids: of each plan two without the coupon, and one with it."""
        org = self.bed.org
        rate = rate_of(org, "8.25")
        coupon = coupon_of(org, percent_off="15", duration="forever")
        found = []
        for charges in PLANS:
            plan = plan_of(org, charges=charges, interval="day", interval_count=PERIOD_DAYS)
            for coupons in ([], [], [coupon]):
                customer = org.customer(email="ada@example.org", timezone="Etc/UTC", tax_rate_ids=[rate])
                more = {"coupon_codes": coupons} if coupons else {}
                org.subscription(customer, plan, quantity=QUANTITY, **more)
                found.append(customer)
        return found

    def make_ids(self, now):
        first_ms = (now - AGE_S) * 1000
        with psycopg.connect(self.bed.database_url) as connection:
            connection.execute(
                "DROP TABLE IF EXISTS bench.run_ids; CREATE UNLOGGED TABLE bench.run_ids "
                "(number int8, created_ms int8, customer uuid, subscription uuid, shard int)"
            )
            with connection.cursor().copy("COPY bench.run_ids FROM STDIN") as copy:
                for number in range(self.count):
                    copy.write_row((number, first_ms + number, *ids_of(first_ms + number, number)))

    def columns(self, table, changed):
        """What is inserted into it, and what each column is filled with."""
        names = self.superuser(
            f"SELECT quote_ident(attname) FROM pg_attribute WHERE attrelid = 'billd.{table}'::regclass "
            "AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
        ).split()
        assert set(changed) <= set(names), set(changed) - set(names)
        return ", ".join(f"{changed.get(name, f't.{name}')} AS {name}" for name in names)

    def multiply(self, templates, now):
        moved = {name: f"t.{name} - v.back" for name in MOVED}
        own = {"shard": "k.shard", "created_ms": "k.created_ms"}
        # The invoices of before a turn are gone.
        ids = {"id": "k.subscription", "customer_id": "k.customer", "latest_invoice_id": "NULL::uuid"}
        subscriptions = self.columns("subscriptions", moved | own | ids)
        customers = self.columns("customers", own | {
            "id": "k.customer", "name": "'Customer ' || k.number", "invoice_count": "0",
            "number_prefix": "upper(substr(md5(k.customer::text), 1, 12))", "latest_at": "t.latest_at - v.back",
            "created_at": "t.created_at - v.back", "updated_at": "t.updated_at - v.back",
        })  # fmt: skip
        listed = ", ".join(f"({place}, '{customer}'::uuid)" for place, customer in enumerate(templates))
        due = f"(to_timestamp({now - LAG_S}) - make_interval(secs => k.number % {SPREAD_S}))"
        source = (
            f"FROM bench.run_ids k JOIN (VALUES {listed}) w(place, customer) ON w.place = k.number % {len(templates)} "
            "JOIN billd.subscriptions s ON s.customer_id = w.customer "
            f"CROSS JOIN LATERAL (SELECT s.due_at - {due} AS back) v "
        )
        for table, selected, template in (
            ("subscriptions", subscriptions, "billd.subscriptions t ON t.id = s.id"),
            ("customers", customers, "billd.customers t ON t.id = s.customer_id"),
        ):
            self.superuser(
                f"DROP TABLE IF EXISTS bench.run_{table}; CREATE UNLOGGED TABLE bench.run_{table} AS "
                f"SELECT k.number AS run_number, {selected} {source} JOIN {template} ORDER BY k.number;"
                f"CREATE INDEX ON bench.run_{table} (run_number)"
            )

    def empty(self):
        names = ", ".join(f"billd.{name}" for name in EMPTY)
        self.superuser(f"TRUNCATE {names} CASCADE")

    def restore(self, count):
        """Empty tables, but for the first `count` subscriptions and their customers. No worker may run."""
        self.empty()
        for table in ("customers", "subscriptions"):
            names = self.superuser(
                f"SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute "
                f"WHERE attrelid = 'billd.{table}'::regclass AND attnum > 0 AND NOT attisdropped"
            )
            # Foreign keys hold, as all rows are made from such.
            self.superuser(
                f"SET session_replication_role = replica; INSERT INTO billd.{table} ({names}) "
                f"SELECT {names} FROM bench.run_{table} WHERE run_number < {count} ORDER BY run_number"
            )
            self.superuser(f"VACUUM ANALYZE billd.{table}")
        self.superuser("CHECKPOINT")
