"""Several workers, crashes and stops amid a backlog: each command has one outcome, nothing is lost or doubled."""

import signal

import programs
import pytest
from client import slug
from prometheus_client.parser import text_string_to_metric_families
from waiting import eventually
from wire import EVENTS, headers

pytestmark = pytest.mark.usefixtures("breaks_servers")

# So that a backlog takes many transactions, and whoever waits for ever is not helped.
SMALL_BATCHES = {"BILLD_BATCH_MAX": 2, "BILLD_STATEMENT_TIMEOUT_MS": 600_000}
CUSTOMERS = 80


@pytest.fixture
def second(stack):
    """Another worker, not started yet."""
    worker = stack.make_worker("worker-2", **SMALL_BATCHES)
    yield worker
    worker.end()


@pytest.fixture
def first(stack):
    """The stack's worker replaced by one with small batches, not started yet."""
    stack.worker.stop()
    worker = stack.make_worker("worker-small", **SMALL_BATCHES)
    yield worker
    worker.end()


def backlog(org, plan_id):
    """Accepted, not processed: for each customer create, subscribe, cancel, subscribe, and a third to be refused."""

    def one(client, number):
        created = client.send("POST", "/v1/customers", {"name": f"{number}", "external_id": f"{number}"})
        body = {"customer_id": created["resource"]["id"], "plan_id": plan_id}
        first = client.send("POST", "/v1/subscriptions", body)
        canceled = client.send("POST", f"/v1/subscriptions/{first['resource']['id']}/cancel")
        return [created, first, canceled, *(client.send("POST", "/v1/subscriptions", body) for _ in range(2))]

    return org.in_parallel([lambda client, number=number: one(client, number) for number in range(CUSTOMERS)])


WANTED = ["succeeded", "succeeded", "succeeded", "succeeded", "failed"]
EVENTS_OF_ONE = 1 + 2 * 2 + 1  # the customer; two subscriptions, each with its invoice; a cancelling


def check(stack, org, wire, accepted):
    """After all is done: what must hold whatever happened on the way."""
    for mine in accepted:
        statuses = [org.outcome(answer["operation_id"], 120)["status"] for answer in mine]
        assert statuses == WANTED
        invoices = org.invoices_of(mine[0]["resource"]["id"])
        assert [invoice["number"][-4:] for invoice in invoices] == ["0002", "0001"]
        assert [invoice["subscription_id"] for invoice in invoices[::-1]] == [
            mine[1]["resource"]["id"],
            mine[3]["resource"]["id"],
        ]
    operations = stack.rows("SELECT count(*) FROM billd.operations", organisation_id=org.organisation_id)[0][0]
    assert operations == len(accepted) * len(WANTED) + 1

    count = CUSTOMERS * EVENTS_OF_ONE + 1
    assert len(org.events()) == count
    ids = [headers(message)["ce_id"] for message in wire.await_events(org.organisation_id, count, 60)]
    assert len(set(ids)) == count
    check_sequences(stack, wire)


def check_sequences(stack, wire):
    """Event numbers of each partition are 1, 2, 3, … in the database and, repeats aside, on the topic in order."""
    numbers = {}
    for message in wire.read_all(EVENTS):
        numbers.setdefault(message.partition(), []).append(int(headers(message)["ce_sequence"]))
    for partition, (_, given, published) in stack.progress().items():
        stored = stack.rows(
            "SELECT count(*), coalesce(max(number), 0) FROM billd.outbox WHERE partition = %s",
            [partition],
            role="worker",
        )
        assert stored == [(given, given)] and published <= given
        first_seen = list(dict.fromkeys(numbers.get(partition, [])))
        assert first_seen == sorted(first_seen)
        assert len(first_seen) == (first_seen or [0])[-1], f"a gap in partition {partition}"


def done(stack):
    """How many messages all partitions are past."""
    return sum(offset for offset, _, _ in stack.progress().values())


def await_first_commit(stack):
    """Until a worker that was just started has committed something; quick, so that what follows comes amid its work."""
    with stack.connect("worker") as connection:

        def offsets():
            return connection.execute("SELECT sum(next_offset) FROM billd.progress").fetchone()[0]

        before = offsets()
        eventually(lambda: offsets() > before, "the worker commits", 60, 0.001)


def with_worker(stack, org):
    """A plan, made while the stack's own worker runs for a moment."""
    stack.worker.start()
    plan_id = org.plan()
    stack.worker.stop()
    return plan_id


def test_killing_a_worker_amid_a_backlog_loses_and_doubles_nothing(stack, org, wire, first):
    """kill -9 three times on the way; the next worker goes on where the last commit was."""
    plan_id = with_worker(stack, org)
    accepted = backlog(org, plan_id)
    end = done(stack) + sum(len(mine) for mine in accepted)
    for _ in range(3):
        first.start(wait=False)
        await_first_commit(stack)
        first.kill()
        assert done(stack) < end, "the backlog was done before the kill: it is too small for this test"
    first.start()
    check(stack, org, wire, accepted)


def test_a_clean_stop_and_start_amid_a_backlog_loses_and_doubles_nothing(stack, org, wire, first):
    """SIGTERM on the way: exit 0, and the next one finishes."""
    plan_id = with_worker(stack, org)
    accepted = backlog(org, plan_id)
    end = done(stack) + sum(len(mine) for mine in accepted)
    first.start(wait=False)
    await_first_commit(stack)
    assert first.stop() == 0
    assert done(stack) < end, "the backlog was done before the stop: it is too small for this test"
    first.start()
    check(stack, org, wire, accepted)


def counted_by(worker, name):
    """A metric of a worker, all its series together."""
    families = text_string_to_metric_families(programs.fetch(worker.url + "/metrics").text)
    return sum(sample.value for family in families if family.name == name for sample in family.samples)


def processed_by(worker):
    """How many commands a worker has processed."""
    return counted_by(worker, "billd_commands")


def customers_waiting(org, names):
    """Customers whose commands are accepted: the answers."""

    def one(client, name):
        return client.send("POST", "/v1/customers", {"name": name})

    return org.in_parallel([lambda client, name=name: one(client, name) for name in names])


def test_a_batch_that_cannot_be_stored_undoes_none_beside_it(stack, org, wire, first):
    """While one is stored the next is decided; where one fails, both are tried again, and the culprit alone dies."""
    names = ["doomed" if number % 9 == 4 else "fine" for number in range(3 * CUSTOMERS)]
    accepted = customers_waiting(org, names)
    stack.superuser("ALTER TABLE billd.customers ADD CONSTRAINT doomed CHECK (name <> 'doomed') NOT VALID")
    try:
        first.start()
        statuses = [org.outcome(answer["operation_id"], 120)["status"] for answer in accepted]
    finally:
        stack.superuser("ALTER TABLE billd.customers DROP CONSTRAINT doomed")
    assert statuses == ["failed" if name == "doomed" else "succeeded" for name in names]
    assert counted_by(first, "billd_batches_overlapped") > 0
    assert len(org.all("/v1/customers")) == names.count("fine")
    check_sequences(stack, wire)


def test_batches_that_want_the_same_id_of_their_own(stack, org, wire, first):
    """An external id is one customer's, whichever partition he is in: one of each three has it, the others are told."""

    def one(client, number):
        return client.send("POST", "/v1/customers", {"name": "one", "external_id": f"{number // 3}"})

    wishes = [lambda client, number=number: one(client, number) for number in range(3 * CUSTOMERS)]
    accepted = org.in_parallel(wishes, threads=3)
    first.start()
    operations = [org.outcome(answer["operation_id"], 120) for answer in accepted]
    statuses = [operation["status"] for operation in operations]
    assert [statuses[i : i + 3].count("succeeded") for i in range(0, len(statuses), 3)] == [1] * CUSTOMERS
    refused = {slug(operation["error"]) for operation in operations if operation["status"] == "failed"}
    assert refused == {"external-id-taken"}
    assert counted_by(first, "billd_batches_overlapped") > 0
    check_sequences(stack, wire)


def test_batches_that_redeem_the_same_coupon_wait_for_each_other(stack, org, first):
    """Its row is one that all partitions share: it is redeemed as often as it may be, whatever fails, and nobody waits
    for ever."""
    stack.worker.start()
    plan_id, room = org.plan(), CUSTOMERS // 2
    coupon_id = org.succeed(
        "POST", "/v1/coupons", {"code": "ALL", "name": "All", "percent_off": "10", "max_redemptions": room}
    )
    customers = org.in_parallel([lambda client: client.customer()] * CUSTOMERS)
    stack.worker.stop()

    def subscribe(client, customer_id):
        wish = {"customer_id": customer_id, "plan_id": plan_id, "coupon_codes": ["ALL"]}
        return client.send("POST", "/v1/subscriptions", wish)

    accepted = org.in_parallel([lambda client, one=one: subscribe(client, one) for one in customers])
    doomed = "{" + ",".join(customers[4::9]) + "}"
    stack.superuser(
        f"ALTER TABLE billd.subscriptions ADD CONSTRAINT doomed CHECK (customer_id <> ALL ('{doomed}')) NOT VALID"
    )
    try:
        first.start()
        statuses = [org.outcome(answer["operation_id"], 120)["status"] for answer in accepted]
    finally:
        stack.superuser("ALTER TABLE billd.subscriptions DROP CONSTRAINT doomed")
    assert (statuses.count("succeeded"), statuses.count("failed")) == (room, CUSTOMERS - room)
    assert set(statuses[4::9]) == {"failed"}
    assert org.get(f"/v1/coupons/{coupon_id}")["redemptions"] == room
    assert counted_by(first, "billd_batches_overlapped") > 0


def test_two_workers_share_the_work_and_take_over_from_each_other(stack, org, wire, second):
    """Both process commands; when one stops, the other does all; when it is killed, the first does all again."""
    second.start()

    def both_work():
        for _ in range(20):
            org.customer()
        return processed_by(second) > 0

    eventually(both_work, "the second worker processes commands", 60)
    before = processed_by(stack.worker)
    for _ in range(40):
        org.customer()
    assert processed_by(stack.worker) > before, "the first one has still something to do"

    assert stack.worker.stop() == 0
    for _ in range(40):
        org.customer()
    second.kill()
    stack.worker.start()
    for _ in range(40):
        org.send("POST", "/v1/customers", {"name": "later"})
    eventually(lambda: len(org.all("/v1/customers")) >= 140, "the first worker took everything over", 90, 0.2)
    check_sequences(stack, wire)


def test_a_worker_that_stood_still_harms_nothing(stack, org, wire, second):
    """SIGSTOP until its partitions are another's, then SIGCONT: what it held is dropped, nothing is doubled."""
    plan_id = org.plan()
    stack.worker.signal(signal.SIGSTOP)
    accepted = backlog(org, plan_id)
    second.start()
    eventually(
        lambda: org.operation(accepted[-1][-1]["operation_id"])["status"] != "pending", "the other took over", 120, 0.2
    )
    stack.worker.signal(signal.SIGCONT)
    check(stack, org, wire, accepted)
