"""What falls due and cannot be stored, or kills workers: its neighbours are billed, and it is set aside."""

import signal
import time
from datetime import UTC, datetime, timedelta

import programs
import pytest
from billing import Clock, plan_of, text_of
from prometheus_client.parser import text_string_to_metric_families
from waiting import eventually

pytestmark = pytest.mark.usefixtures("breaks_servers")

LIMIT_SECONDS = 60
CHAOS = programs.ROOT / "build/chaos"


def due_soon(org, plan_id, customer_id, seconds=6):
    """A subscription whose first period is nearly over."""
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=seconds)
    return org.subscription(customer_id, plan_id, start_at=text_of(end - timedelta(days=1)))


def await_invoices(org, customer_id, count):
    eventually(lambda: len(org.invoices_of(customer_id)) == count, f"{count} invoices", LIMIT_SECONDS, 0.1)


def metric(worker, name):
    families = text_string_to_metric_families(programs.fetch(worker.url + "/metrics").text)
    return next(sample.value for family in families for sample in family.samples if sample.name == name)


@pytest.fixture
def broken(stack):
    """Make a table refuse the rows of a customer, as a bug of ours would; mended at the end."""
    made = []

    def refuse(table, condition):
        name = f"broken_{len(made)}"
        stack.superuser(f"ALTER TABLE billd.{table} ADD CONSTRAINT {name} CHECK ({condition}) NOT VALID")
        made.append(f"ALTER TABLE billd.{table} DROP CONSTRAINT IF EXISTS {name}")

    yield refuse
    for mend in made:
        stack.superuser(mend)


def test_one_that_cannot_be_stored_is_parked_and_its_neighbours_are_billed(stack, org, broken):
    """The chunk is halved until it stands alone: its neighbours are billed, and it says why it is not."""
    plan_id = plan_of(org, amount=100, interval="day")
    customers = [org.customer() for _ in range(7)]
    ids = [due_soon(org, plan_id, customer_id) for customer_id in customers]
    broken("invoices", f"customer_id <> '{customers[3]}' OR sequence < 2")
    failed = metric(stack.worker, "billd_due_failed_total")
    for number, customer_id in enumerate(customers):
        if number != 3:
            await_invoices(org, customer_id, 2)
    path = f"/v1/subscriptions/{ids[3]}"
    eventually(lambda: org.get(path)["billing_problem"] == "dead-letter", "it is parked", LIMIT_SECONDS, 0.1)
    assert len(org.invoices_of(customers[3])) == 1
    assert org.get(path)["status"] == "active"
    assert metric(stack.worker, "billd_due_failed_total") == failed + 1
    told = [event["type"].split(".")[2] for event in org.events() if event["subject"] == ids[3]]
    assert told == ["created", "parked"]


def test_one_that_cannot_even_be_parked_is_left_alone(stack, org, broken):
    """Neither invoice nor note can be written: the others go on, nothing spins, and a restart tries again."""
    plan_id = plan_of(org, amount=100, interval="day")
    bad, good = org.customer(), org.customer()
    bad_id, _ = due_soon(org, plan_id, bad), due_soon(org, plan_id, good)
    broken("subscriptions", f"id <> '{bad_id}' OR (billing_problem IS NULL AND period_index = 0)")
    failed = metric(stack.worker, "billd_due_failed_total")
    await_invoices(org, good, 2)
    eventually(lambda: metric(stack.worker, "billd_due_failed_total") == failed + 1, "it failed", LIMIT_SECONDS, 0.1)
    time.sleep(3)
    assert metric(stack.worker, "billd_due_failed_total") == failed + 1
    assert metric(stack.worker, "billd_due_oldest_seconds") >= 3
    assert len(org.invoices_of(bad)) == 1 and org.get(f"/v1/subscriptions/{bad_id}")["billing_problem"] is None
    other = org.customer()
    org.subscription(other, plan_id)
    await_invoices(org, other, 1)

    stack.superuser("ALTER TABLE billd.subscriptions DROP CONSTRAINT broken_0")
    assert stack.worker.stop() == 0
    stack.worker.start()
    await_invoices(org, bad, 2)


def test_a_clock_with_one_that_cannot_be_stored_arrives(org, broken):
    """Parking counts as done: the operation succeeds, and the others on the clock are billed to the end."""
    clock = Clock(org, "2026-01-01T00:00:00Z")
    plan_id = plan_of(org, amount=100)
    bad, good = clock.customer(), clock.customer()
    bad_id, _ = org.subscription(bad, plan_id), org.subscription(good, plan_id)
    broken("invoices", f"customer_id <> '{bad}' OR sequence < 3")
    clock.advance("2026-06-01T00:00:00Z")
    assert len(org.invoices_of(good)) == 6
    assert len(org.invoices_of(bad)) <= 2
    assert org.get(f"/v1/subscriptions/{bad_id}")["billing_problem"] == "dead-letter"


@pytest.mark.parametrize("busy", [False, True], ids=["quiet", "busy"])
def test_one_over_whom_workers_die_is_parked(stack, org, busy):
    """Partitions over which workers died are done one customer at a time; after three more deaths it is not tried,
    whatever commands every partition has in between."""
    plan_id = plan_of(org, amount=100, interval="day")
    bad, good = org.customer(name="doomed"), org.customer()
    bad_id, _ = due_soon(org, plan_id, bad, 8), due_soon(org, plan_id, good, 8)
    worker = stack.make_worker("worker-doomed", BILLD_ABORT_ON="doomed")
    worker.binaries = CHAOS
    deaths = 0
    with stack.without_worker():
        stack.superuser("UPDATE billd.progress SET attempts = 9")
        time.sleep(16)  # until both are due, less the workers' margin: who finds nothing due ends the suspicion
        worker.start(wait=False)
        try:
            until = time.monotonic() + 150
            while org.get(f"/v1/subscriptions/{bad_id}")["billing_problem"] is None:
                assert time.monotonic() < until, f"not parked after {deaths} deaths"
                if worker.process.poll() is not None:
                    assert worker.process.returncode == -signal.SIGABRT
                    deaths += 1
                    assert deaths <= 3
                    for _ in range(60 if busy else 0):
                        org.send("POST", "/v1/customers", {"name": "in between"})
                    worker.start(wait=False)
                time.sleep(0.2)
        finally:
            worker.end()
    assert deaths == 3
    await_invoices(org, good, 2)
    assert len(org.invoices_of(bad)) == 1


def allow_many(stack, org):
    stack.superuser(
        'UPDATE identity.organisations SET settings = settings || \'{"subscriptions_per_customer": "many"}\' '
        f"WHERE id = '{org.organisation_id}'"
    )


def begin_many(org, customer_id, plan_id, count, **wish):
    """So many subscriptions of a customer; done with when the last one is, as they go one way."""
    for _ in range(count):
        answer = org.send("POST", "/v1/subscriptions", {"customer_id": customer_id, "plan_id": plan_id} | wish)
    assert org.outcome(answer["operation_id"])["status"] == "succeeded"


def test_many_that_are_left_alone_take_nobodys_place(stack, org, broken):
    """A customer fills a whole look by itself, and cannot even be parked: who falls due behind it is billed."""
    allow_many(stack, org)
    plan_id = plan_of(org, amount=100, interval="day")
    bad = org.customer()
    partition = f"SELECT shard % 8 FROM billd.customers WHERE id = '{bad}'"
    good = next(
        one
        for one in (org.customer() for _ in range(200))
        if stack.superuser(partition) == stack.superuser(partition.replace(bad, one))
    )
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=15)
    begin_many(org, bad, plan_id, 100, start_at=text_of(end - timedelta(days=1)))
    due_soon(org, plan_id, good, 15)
    broken("subscriptions", f"customer_id <> '{bad}' OR (billing_problem IS NULL AND period_index = 0)")
    await_invoices(org, good, 2)
    assert metric(stack.worker, "billd_due_oldest_seconds") > 0
    stack.superuser("ALTER TABLE billd.subscriptions DROP CONSTRAINT broken_0")
    assert stack.worker.stop() == 0
    stack.worker.start()
    await_invoices(org, bad, 200)


def test_what_does_not_fit_into_memory_together_is_done_in_parts(stack, org):
    """Four customers with much in their rows, due at once: too much for one transaction, not for one each."""
    count, each = 4, 50
    allow_many(stack, org)
    plan_id = plan_of(org, amount=100, interval="day")
    customers = [org.customer() for _ in range(count)]
    org.in_parallel([lambda client, one=one: begin_many(client, one, plan_id, each) for one in customers])
    of_ours = f"WHERE organisation_id = '{org.organisation_id}'"
    changes = {
        "invoices": ("period_start", "period_end", "issued_at"),
        "customers": ("latest_at",),
        "subscriptions": ("anchor_at", "current_period_start", "current_period_end", "natural_start", "natural_end",
                          "started_at", "due_at"),
    }  # fmt: skip
    with stack.without_worker():
        note = "jsonb_build_object('note', repeat('x', 500000))"
        stack.superuser(f"UPDATE billd.subscriptions SET metadata = {note} {of_ours}")
        for table, columns in changes.items():
            back = ", ".join(f"{name} = {name} - interval '25 hours'" for name in columns)
            stack.superuser(f"UPDATE billd.{table} SET {back} {of_ours}")
    waits = f"SELECT count(*) FROM billd.subscriptions {of_ours} AND due_at < now() - interval '6 s'"
    eventually(lambda: stack.superuser(waits) == "0", "all is billed", LIMIT_SECONDS, 0.5)
    for one in customers:
        invoices = f"SELECT count(*) FROM billd.invoices WHERE customer_id = '{one}'"
        assert stack.superuser(invoices) == str(2 * each)
