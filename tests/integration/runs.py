"""Billing runs as tests start and judge them: the report beside the tables, and customers by the thousand."""

import contextlib
import hashlib
import random
import uuid
from datetime import UTC, datetime, timedelta

from billing import charge, documents_of, instant, plan_of, text_of, tier
from money import coupon_of, rate_of
from waiting import eventually
from wire import derived_id, encode, meta, partition_of, shard_of

CUSTOMER, SUBSCRIPTION = 1, 3  # kinds of ids, common/base/id.h
SUMS = ("invoices", "subtotal", "discount", "tax", "total", "credit_applied", "amount_due")
OPEN, OVER = ("running", "paused"), ("canceled", "finished")
LIMIT_SECONDS = 60
DAY = timedelta(days=1)


def ahead(**span):
    """That long from now, to the second."""
    return datetime.now(UTC).replace(microsecond=0) + timedelta(**span)


# Nothing is billed by itself, but by runs; which wait for little.
BY_HAND = {"BILLD_BILLING": "manual", "BILLD_DUE_MARGIN_MS": 500, "BILLD_RUNS_INTERVAL_MS": 50}


def by_hand(worker):
    worker.settings |= BY_HAND
    return worker


@contextlib.contextmanager
def billing_by_hand(stack, **more):
    """Meanwhile the stack's worker bills nothing by itself in real time."""
    before = dict(stack.worker.settings)
    stack.worker.stop()
    by_hand(stack.worker).settings.update(more)
    try:
        yield stack.worker.start()
    finally:
        stack.worker.end()
        stack.worker.settings = before
        stack.ensure()


# What most of their tests need


def daily(org, **fields):
    return plan_of(org, **{"amount": 100, "interval": "day"} | fields)


def series(org, customer_id):
    return [one["issued_at"] for one in documents_of(org, customer_id)]


def moments(start, count, step=DAY):
    return [text_of(start + number * step) for number in range(count)]


# Runs


class Run:
    """One run of an organisation, from its start on."""

    def __init__(self, org, as_of=None, headers=None, **wish):
        self.org = org
        told = wish | ({"as_of": as_of if isinstance(as_of, str) else text_of(as_of)} if as_of else {})
        self.accepted = org.send("POST", "/v1/billing-runs", told, headers=headers)
        self.id = self.accepted["resource"]["id"]

    @classmethod
    def known(cls, org, run_id, operation_id):
        """One whose command was put on the topic."""
        run = cls.__new__(cls)
        run.org, run.id, run.accepted = org, run_id, {"operation_id": operation_id}
        return run

    @property
    def path(self):
        return f"/v1/billing-runs/{self.id}"

    def started(self):
        """It, once its command has succeeded."""
        operation = self.org.outcome(self.accepted["operation_id"], LIMIT_SECONDS, from_topic=True)
        assert operation["status"] == "succeeded", operation
        return self

    def now(self):
        return self.org.get(self.path)

    def done(self):
        """How many subscriptions it has done."""
        return self.now()["done"]

    def over(self, seconds=LIMIT_SECONDS):
        """Its report, once it is over, while servers may be away."""
        self.started()

        def look():
            answer = self.org.request("GET", self.path)
            assert answer.status_code in (200, 503), answer.text
            return answer.json() if answer.status_code == 200 and answer.json()["status"] in OVER else None

        return eventually(look, f"billing run {self.id} is over", seconds, 0.05)

    def move(self, verb):
        """pause, resume, cancel"""
        self.org.succeed("POST", f"{self.path}/{verb}")
        return self

    def failures(self):
        return self.org.all(f"{self.path}/failures")

    def reasons(self):
        """{subscription's id: why it was not billed}"""
        return {failure["subscription_id"]: failure["reason"] for failure in self.failures()}


def run_of(org, as_of=None, seconds=LIMIT_SECONDS, **wish):
    """A run that comes to its end: it, and its report."""
    run = Run(org, as_of, **wish)
    report = run.over(seconds)
    assert report["status"] == "finished", report
    return run, report


def checked_run(stack, org, as_of=None, seconds=LIMIT_SECONDS, **wish):
    """A real run with nothing beside it: it, and its report, which says what is in the tables."""
    run, report = run_of(org, as_of, seconds, **wish)
    check_report(stack, org, run, report)
    assert report["done"] == report["due"] - report["failed"], report
    return run, report


# A report beside what is there

OF_RUN = """
SELECT currency, {plan} count(*), sum(subtotal), sum(discount), sum(tax), sum(total), sum(credit_applied),
    sum(amount_due)
FROM billd.invoices invoice {join} WHERE billing_run_id = %s GROUP BY {group} ORDER BY {group}
"""
# An invoice counts for the plan of the period that it begins, which its last lines are of; one without lines, for its
# subscription's.
BY_PLAN = {
    "plan": "coalesce(line.plan_id, subscription.plan_id)::text,",
    "join": "JOIN billd.subscriptions subscription ON subscription.organisation_id = invoice.organisation_id"
            " AND subscription.id = subscription_id LEFT JOIN LATERAL (SELECT plan_id FROM billd.invoice_lines l"
            " WHERE l.organisation_id = invoice.organisation_id AND l.invoice_id = invoice.id AND plan_id IS NOT NULL"
            " ORDER BY position DESC LIMIT 1) line ON true",
    "group": "1, 2",
}  # fmt: skip
BY_CURRENCY = {"plan": "", "join": "", "group": "1"}
# What the journal has of a run's invoices: a total of 0 is not booked.
BOOKED = """
SELECT invoice.currency, sum(entry.receivable + entry.customer_credit), sum(entry.receivable),
    sum(entry.customer_credit)
FROM billd.invoices invoice JOIN billd.journal entry ON entry.organisation_id = invoice.organisation_id
    AND entry.document_id = invoice.id AND entry.reason = 'invoice'
WHERE billing_run_id = %s GROUP BY 1 ORDER BY 1
"""


def rows_of(stack, org, statement, *parameters):
    return stack.rows(statement, parameters or None, organisation_id=org.organisation_id)


def sums_of(one):
    return tuple(one[name] for name in SUMS)


def check_report(stack, org, run, report):
    """A finished real run's sums are those of its invoices, and of what the journal says of these."""
    assert report["books"] == "balanced" and not report["dry_run"], report
    totals = {total["currency"]: sums_of(total) for total in report["totals"]}
    found = {currency: tuple(map(int, sums))
             for currency, *sums in rows_of(stack, org, OF_RUN.format(**BY_CURRENCY), run.id)}  # fmt: skip
    assert totals == found, report
    assert report["amount_by_currency"] == {currency: sums[4] for currency, sums in found.items()}
    assert report["invoiced"] == sum(sums[0] for sums in found.values())
    told = {(one["currency"], one["plan_id"]): sums_of(one) for one in report["plans"]}
    assert told == {(currency, plan_id): tuple(map(int, sums)) for currency, plan_id, *sums
                    in rows_of(stack, org, OF_RUN.format(**BY_PLAN), run.id)}  # fmt: skip
    check_plans(report)
    booked = {currency: tuple(map(int, sums)) for currency, *sums in rows_of(stack, org, BOOKED, run.id)}
    assert booked == {currency: (sums[4], sums[6], sums[5]) for currency, sums in found.items() if sums[4]}
    assert len(run.failures()) == report["failed"]


def check_plans(report):
    """By plan and by currency it comes to the same."""
    for total in report["totals"]:
        mine = [sums_of(plan) for plan in report["plans"] if plan["currency"] == total["currency"]]
        assert tuple(map(sum, zip(*mine, strict=True))) == sums_of(total), report


def what_it_did(report):
    names = ("as_of", "due", "done", "invoiced", "failed", "totals", "plans", "amount_by_currency", "digest")
    return {name: report[name] for name in names}


def check_same(dry, real):
    """A dry run said what the real run then did."""
    assert what_it_did(dry) == what_it_did(real)
    assert dry["dry_run"] and not real["dry_run"] and dry["books"] is None


# What must hold of an organisation, whatever its runs went through. Each selects what breaks it.
LAWS = {
    "one invoice for each subscription and period": """
        SELECT subscription_id, period_start FROM billd.invoices
        WHERE reason IN ('subscription_create', 'subscription_cycle') GROUP BY 1, 2 HAVING count(*) > 1""",
    "an invoice's sums are those of its lines": """
        SELECT invoice.id FROM billd.invoices invoice LEFT JOIN billd.invoice_lines line
            ON line.organisation_id = invoice.organisation_id AND line.invoice_id = invoice.id
        GROUP BY invoice.organisation_id, invoice.id HAVING invoice.subtotal <> coalesce(sum(line.amount), 0)
            OR invoice.discount <> coalesce(sum(line.discount), 0) OR invoice.tax <> coalesce(sum(line.tax), 0)""",
    "invoices of a customer are numbered without gaps": """
        SELECT * FROM (SELECT customer_id, sequence, row_number() OVER (PARTITION BY customer_id ORDER BY sequence)
            AS place FROM billd.invoices) AS numbered WHERE sequence <> place""",
    "invoices of a subscription are numbered in the order of their dates": """
        SELECT * FROM (SELECT subscription_id, sequence, issued_at, lag(issued_at) OVER (
            PARTITION BY subscription_id ORDER BY sequence) AS before FROM billd.invoices) AS dated
        WHERE issued_at < before""",
    "a customer counts its invoices": """
        SELECT id FROM billd.customers customer WHERE invoice_count <> (SELECT count(*) FROM billd.invoices
            WHERE customer_id = customer.id)""",
    "every entry balances, and an invoice has one": """
        SELECT id FROM billd.journal WHERE receivable + cash + customer_credit + deferred_revenue + revenue
            + tax_payable + refunds_payable + bad_debt + credits_granted <> 0
        UNION ALL SELECT invoice.id FROM billd.invoices invoice WHERE (SELECT count(*) FROM billd.journal
            WHERE document_id = invoice.id AND reason = 'invoice') <> (total <> 0)::int""",
    "an entry is booked once": "SELECT id FROM billd.journal GROUP BY organisation_id, id HAVING count(*) > 1",
    "an invoice has its event, once": """
        SELECT invoice.id FROM billd.invoices invoice LEFT JOIN billd.outbox event
            ON event.organisation_id = invoice.organisation_id AND event.subject = invoice.id
            AND type = 'billd.invoice.issued.v1'
        GROUP BY invoice.organisation_id, invoice.id HAVING count(event.id) <> 1""",
    "an invoice is by a run that there is, no dry one, and not behind where it ends": """
        SELECT invoice.id FROM billd.invoices invoice LEFT JOIN billd.billing_runs run
            ON run.organisation_id = invoice.organisation_id AND run.id = billing_run_id
        WHERE billing_run_id IS NOT NULL AND (run.id IS NULL OR run.dry_run OR issued_at > run.as_of)""",
    "a run is through with all of its parts, and what they add up to is its report": """
        SELECT run.id FROM billd.billing_runs run LEFT JOIN billd.billing_run_parts part
            ON part.organisation_id = run.organisation_id AND part.run_id = run.id
        WHERE status = 'finished' GROUP BY run.organisation_id, run.id
        HAVING bool_or(part.finished_at IS NULL) OR run.due <> sum(part.due) OR run.done <> sum(part.done)
            OR run.invoiced <> sum(part.invoiced) OR run.failed <> sum(part.failed)""",
    "a part lists what failed": """
        SELECT part.run_id, part.part FROM billd.billing_run_parts part WHERE failed <> (SELECT count(*)
            FROM billd.billing_run_failures failure WHERE failure.run_id = part.run_id AND failure.part = part.part)""",
}  # fmt: skip
EVENTS_LAW = "SELECT partition, max(number), count(*) FROM billd.outbox GROUP BY 1 HAVING max(number) <> count(*)"


def all_published(stack):
    """Wait until no event is left in the outbox alone."""

    def is_published():
        return all(events == published for _, events, published in stack.progress().values())

    eventually(is_published, "all events are published", LIMIT_SECONDS)


def check_laws(stack, org):
    all_published(stack)
    broken = {law: found for law, sql in LAWS.items() if (found := rows_of(stack, org, sql)[:3])}
    assert not broken, broken
    assert stack.rows(EVENTS_LAW, role="worker") == []


def left_due(stack, org, as_of):
    """Its subscriptions in real time that have something due up to then."""
    return rows_of(
        stack, org, "SELECT id::text, due_at FROM billd.subscriptions WHERE test_clock_id IS NULL AND due_at <= %s",
        instant(as_of) if isinstance(as_of, str) else as_of,
    )  # fmt: skip


# Customers by the thousand


class Mass:
    """Customers with a subscription each, straight on the topic: number n has the fields that customer(n) and wish(n)
    give. Their ids follow from the seed."""

    def __init__(self, org, seed, count, plan_ids, customer=None, wish=None, accepted_ms=None):
        self.org, self.count, self.plan_ids, self.accepted_ms = org, count, plan_ids, accepted_ms
        self.random = random.Random(f"mass/{org.organisation_id}/{seed}")
        self.customer, self.wish = customer or (lambda n: {}), wish or (lambda n: {})
        self.members = []  # (customer's id, subscription's id)

    def operation(self):
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def command(self, home, schema, partitions, operation_id=None, **fields):
        told = meta(self.org, operation_id or self.operation(), self.accepted_ms)
        value = encode(schema, {"meta": told} | fields)
        return partition_of(home, partitions), home, value

    def messages(self, partitions):
        """All the commands that make it."""
        found = []
        for number in range(self.count):
            wanted = self.operation()
            home = str(derived_id(wanted, CUSTOMER))
            fields = {"name": f"Customer {number}"} | self.customer(number)
            found.append(self.command(home, "CreateCustomer", partitions, wanted, **fields))
            found.append(self.subscribe(home, number, partitions))
        return found

    def subscribe(self, home, number, partitions):
        wanted = self.operation()
        plan_id = self.plan_ids[number % len(self.plan_ids)]
        self.members.append((home, str(derived_id(wanted, SUBSCRIPTION, 0, shard_of(home)))))
        fields = {"customer_id": home, "plan_id": plan_id} | self.wish(number)
        return self.command(home, "CreateSubscription", partitions, wanted, **fields)

    def make(self, stack, wire):
        deliver(stack, wire, self.messages(wire.partitions))
        assert len(self.members) == int(rows_of(
            stack, self.org, "SELECT count(*) FROM billd.subscriptions WHERE id = ANY (%s::uuid[])",
            [one for _, one in self.members])[0][0])  # fmt: skip
        return self


class Crowd(Mass):
    """Many subscriptions of one customer."""

    def messages(self, partitions):
        wanted = self.operation()
        self.home = str(derived_id(wanted, CUSTOMER))
        first = self.command(self.home, "CreateCustomer", partitions, wanted, name="Crowd")
        return [first, *(self.subscribe(self.home, number, partitions) for number in range(self.count))]


def deliver(stack, wire, messages, seconds=180):
    """Put commands on the topic, and wait until all are past."""
    ends = {}
    for start in range(0, len(messages), 20_000):
        some = messages[start : start + 20_000]
        for (partition, *_), offset in zip(some, wire.put_all(some), strict=True):
            ends[partition] = max(ends.get(partition, 0), offset + 1)

    def are_past():
        progress = stack.progress()
        return all(progress[partition][0] >= end for partition, end in ends.items())

    eventually(are_past, f"{len(messages)} commands are processed", seconds, 0.05)


def allow_many(stack, org):
    """More than one live subscription of a customer."""
    stack.superuser(
        'UPDATE identity.organisations SET settings = settings || \'{"subscriptions_per_customer": "many"}\' '
        f"WHERE id = '{org.organisation_id}'"
    )


TIERS = [tier(5, "700"), tier(10, "650"), tier(None, "600")]
PLANS = [
    [charge("flat", "base", "advance", amount=2900)],
    [charge("per_unit", "seats", "advance", unit_amount="12.5"), charge("graduated", "calls", "advance", tiers=TIERS)],
    [charge("flat", "base", "advance", amount=900), charge("volume", "disk", "advance", tiers=TIERS),
     charge("package", "mails", "advance", amount=500, package_size=10)],
]  # fmt: skip


class Shop:
    """An organisation with three plans, five models, tax and a coupon, and whoever buys there."""

    def __init__(self, stack, wire, interval="day", count=1):
        self.stack, self.wire, self.org = stack, wire, stack.organisation()
        self.plan_ids = [plan_of(self.org, interval=interval, interval_count=count, charges=charges)
                         for charges in PLANS]  # fmt: skip
        self.coupon = coupon_of(self.org, percent_off="15", duration="forever")
        self.rate_id = rate_of(self.org, "8.25")

    def wish(self, start, apart=1):
        """All with tax, a third with a coupon; they begin at `start`, so many seconds apart within an hour."""

        def fields(number):
            moment = start + timedelta(seconds=number * apart % 3600)
            told = {"start_at": moment, "quantity": 1 + number % 20, "tax_rate_ids": [self.rate_id]}
            return told | ({"coupon_codes": [self.coupon]} if number % 3 == 1 else {})

        return fields

    def fill(self, count, start, seed=0, **more):
        """So many customers, the first period of whose subscriptions begins then."""
        return Mass(self.org, seed, count, self.plan_ids, wish=self.wish(start), **more).make(self.stack, self.wire)


# In the way of runs

PACE = """
CREATE OR REPLACE FUNCTION public.slow_chunk() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_sleep({seconds});
    RETURN NULL;
END $$;
"""
SLOW = """
DROP TRIGGER IF EXISTS slow_chunk ON billd.billing_run_parts;
CREATE TRIGGER slow_chunk AFTER UPDATE ON billd.billing_run_parts FOR EACH STATEMENT
    EXECUTE FUNCTION public.slow_chunk();
"""
QUICK = "DROP TRIGGER IF EXISTS slow_chunk ON billd.billing_run_parts; DROP FUNCTION IF EXISTS public.slow_chunk();"


def pace(stack, seconds):
    """From now on a chunk of a run takes so much longer, within slow_chunks."""
    stack.superuser(PACE.format(seconds=seconds))


@contextlib.contextmanager
def slow_chunks(stack, seconds=0.3):
    """Every chunk of a run takes that much longer, and so takes fewer customers: runs last, and can be met midway."""
    stack.superuser(PACE.format(seconds=seconds) + SLOW)
    try:
        yield
    finally:
        stack.ensure()
        stack.superuser(QUICK)


def midway(run, least=1, seconds=LIMIT_SECONDS):
    """Wait until so many are done, and it still runs."""
    eventually(lambda: run.done() >= least, f"billing run {run.id} has done {least}", seconds)
    assert run.now()["status"] == "running", run.now()


def chunks_in_hand_are_done(stack):
    """A run that was paused or canceled begins no further chunk; those that its runners had begun come to their end."""
    busy = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'billd_worker' AND state <> 'idle'"
    eventually(lambda: stack.superuser(busy).strip() == "0", "no worker is in a transaction")


def reconcile(stack, org):
    """The operator's own look at the books finds nothing."""
    return stack.billd("reconcile", "--organisation", org.organisation_id, timeout=600)


# Rows, to be compared


def fingerprints(stack, org, tables):
    """{table: a digest of the organisation's rows}"""
    found = {}
    for table in tables:
        texts = sorted(text for (text,) in rows_of(stack, org, f"SELECT ROW(t.*)::text FROM billd.{table} t"))
        found[table] = len(texts), hashlib.sha256("\n".join(texts).encode()).hexdigest()
    return found
