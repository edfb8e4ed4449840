"""What a worker does when it takes partitions over and something is not as it should be: messages over which workers
died, a topic or a database that is not the one it knows. It never skips anything."""

import re

import pytest
from client import slug
from programs import fetch, tail
from stack import PARTITIONS
from waiting import eventually
from wire import headers, partition_of

pytestmark = pytest.mark.usefixtures("breaks_servers")


def execute(stack, statement, parameters=None):
    with stack.connect("owner") as connection:
        connection.execute(statement, parameters)


def refuses_to_work(stack, *words, **settings):
    """A worker started now ends with exit code 1, and its last log line has these words."""
    worker = stack.make_worker("worker-refusing", **settings).start(wait=False)
    try:
        code = worker.wait(40)
    finally:
        worker.end()
    last = tail(worker.log, 1)
    assert code == 1, last
    for word in words:
        assert word in last, last


def test_a_message_over_which_workers_died_becomes_a_dead_letter_and_its_neighbours_commit(stack, org):
    with stack.without_worker():
        first = org.send("POST", "/v1/customers", {"name": "over whom workers died"})
        second = org.send("POST", "/v1/plans", {
            "code": "neighbour", "name": "N", "currency": "USD", "interval": "day", "amount": 1})  # fmt: skip
        partition = partition_of(first["resource"]["id"], PARTITIONS)
        # What four deaths over its next message leave behind.
        execute(stack, "UPDATE billd.progress SET attempts = 9, suspect_offset = next_offset, suspect_attempts = 3 "
                       "WHERE partition = %s", [partition])  # fmt: skip

    failed = org.outcome(first["operation_id"])
    assert failed["status"] == "failed" and slug(failed["error"]) == "dead-letter", failed
    assert failed["resource"]["id"] == first["resource"]["id"]
    assert org.outcome(second["operation_id"])["status"] == "succeeded"
    ((offset, reason),) = stack.rows(
        'SELECT "offset", reason FROM billd.dead_letters WHERE operation_id = %s', [first["operation_id"]]
    )
    assert "workers died over it" in reason

    # Its cause was mended: the replay is an operation of its own, as the outcome of the first is final.
    stack.billd("dead-letters", "replay", str(partition), str(offset))
    names = [customer["name"] for customer in wait_for_customers(org, 1)]
    assert names == ["over whom workers died"]
    assert org.operation(first["operation_id"])["status"] == "failed"


def test_what_a_worker_survives_is_no_death(stack, org):
    """Tried alone, and given up by the database again and again: the command is not condemned for that."""
    settings, tries = stack.worker.settings, 6
    with stack.without_worker():
        accepted = org.send("POST", "/v1/customers", {"name": "behind another's row"})
        execute(stack, "UPDATE billd.progress SET attempts = 9")
        stack.worker.settings = settings | {"BILLD_STATEMENT_TIMEOUT_MS": 300, "BILLD_BACKOFF_MAX_MS": 100}
        try:
            with stack.connect("owner", org.organisation_id) as connection, connection.transaction(force_rollback=True):
                connection.execute(
                    "INSERT INTO billd.operations (organisation_id, id, command, status, resource_type, resource_id,"
                    " accepted_at) VALUES (%s, %s, 'x', 'succeeded', 'x', %s, now())",
                    [org.organisation_id, accepted["operation_id"], accepted["resource"]["id"]])  # fmt: skip
                stack.worker.start()
                eventually(lambda: retries(stack.worker) >= tries, f"it was tried {tries} times", 60)
            assert org.outcome(accepted["operation_id"], 30)["status"] == "succeeded"
        finally:
            stack.worker.stop()
            stack.worker.settings = settings


def retries(worker):
    told = fetch(worker.url + "/metrics").text
    return int(re.search(r"^billd_batch_retries_total (\d+)$", told, re.MULTILINE)[1])


def wait_for_customers(org, count):
    def there():
        data = org.get("/v1/customers")["data"]
        return data if len(data) >= count else None

    return eventually(there, f"{count} customers", 30)


def test_messages_that_are_tried_alone_without_harm_end_the_suspicion(stack, org):
    with stack.without_worker():
        accepted = [org.send("POST", "/v1/customers", {"name": f"{number}"}) for number in range(20)]
        execute(stack, "UPDATE billd.progress SET attempts = 9")
    for answer in accepted:
        assert org.outcome(answer["operation_id"])["status"] == "succeeded"
    stack.worker.stop()
    assert stack.rows("SELECT max(attempts) FROM billd.progress WHERE next_offset > 0") == [(0,)]


def test_a_topic_whose_last_message_is_another_one_stops_the_worker(stack, org):
    created = org.send("POST", "/v1/customers", {"name": "processed"})
    org.outcome(created["operation_id"])
    partition = partition_of(created["resource"]["id"], PARTITIONS)
    with stack.without_worker():
        ((right,),) = stack.rows("SELECT last_hash FROM billd.progress WHERE partition = %s", [partition])
        change = "UPDATE billd.progress SET last_hash = %s WHERE partition = %s"
        execute(stack, change, [bytes(16), partition])
        refuses_to_work(stack, f"partition {partition} ", "another message", "docs/operation.md")
        execute(stack, change, [right, partition])


def test_an_offset_that_kafka_does_not_have_stops_the_worker(stack, org):
    with stack.without_worker():
        ((right, mark),) = stack.rows("SELECT next_offset, last_hash FROM billd.progress WHERE partition = 0")
        change = "UPDATE billd.progress SET next_offset = %s, last_hash = %s WHERE partition = 0"
        execute(stack, change, [right + 1_000_000, None])
        refuses_to_work(stack, "partition 0 ", "nothing was skipped", "docs/operation.md")
        execute(stack, change, [right, mark])


def test_another_kafka_cluster_stops_the_worker(stack):
    with stack.without_worker():
        ((right,),) = stack.rows("SELECT cluster_id FROM billd.progress WHERE partition = 0")
        execute(stack, "UPDATE billd.progress SET cluster_id = 'another'")
        refuses_to_work(stack, "the Kafka cluster another", "docs/operation.md")
        execute(stack, "UPDATE billd.progress SET cluster_id = %s", [right])


def test_another_number_of_partitions_stops_the_worker_before_it_touches_a_command(stack):
    with stack.without_worker():
        refuses_to_work(stack, "BILLD_PARTITIONS is", BILLD_PARTITIONS=PARTITIONS * 2)


def test_topics_that_were_made_again_are_adopted(stack):
    """Every partition begins with its first message, event numbers go on, old dead letters make room and stay."""
    with stack.without_worker():
        # As it is put back below, nobody meets the old commands again.
        progress = stack.rows("SELECT * FROM billd.progress ORDER BY partition")
        execute(stack, "CREATE TABLE billd.kept AS SELECT * FROM billd.progress")
        execute(stack, "CREATE TABLE billd.kept_letters AS SELECT * FROM billd.dead_letters")
        try:
            execute(stack, "DELETE FROM billd.dead_letters")
            execute(stack, "INSERT INTO billd.dead_letters (partition, \"offset\", reason, value) VALUES "
                           "(0, 0, 'a', 'x'), (0, 7, 'b', 'x'), (0, -2, 'older', 'x'), (1, 0, 'c', 'x')")  # fmt: skip
            execute(stack, "UPDATE billd.progress SET cluster_id = 'another', attempts = 3")
            said = stack.billd("topics", "apply", expect=2)
            assert "another" in said, said
            said = stack.billd("topics", "adopt", expect=2, BILLD_PARTITIONS="16")
            assert "progress of 8 partitions" in said, said

            stack.billd("topics", "adopt")
            rows = stack.rows("SELECT DISTINCT next_offset, last_hash IS NULL, attempts FROM billd.progress")
            assert rows == [(0, True, 0)]
            numbers = "SELECT partition, event_number, published_number, cluster_id FROM billd.{} ORDER BY 1"
            assert stack.rows(numbers.format("progress")) == stack.rows(numbers.format("kept"))
            letters = stack.rows('SELECT partition, "offset", reason FROM billd.dead_letters ORDER BY 1, 2')
            assert letters == [(0, -4, "b"), (0, -3, "a"), (0, -2, "older"), (1, -1, "c")]
            assert "b" in stack.billd("dead-letters", "show", "0", "-4")
            stack.billd("topics", "adopt")
            assert stack.rows('SELECT partition, "offset", reason FROM billd.dead_letters ORDER BY 1, 2') == letters
        finally:
            execute(stack, "DELETE FROM billd.progress")
            execute(stack, "INSERT INTO billd.progress SELECT * FROM billd.kept")
            execute(stack, "DELETE FROM billd.dead_letters")
            execute(stack, "INSERT INTO billd.dead_letters SELECT * FROM billd.kept_letters")
            execute(stack, "DROP TABLE billd.kept, billd.kept_letters")
        assert stack.rows("SELECT * FROM billd.progress ORDER BY partition") == progress


def test_an_idle_worker_notices_that_its_database_forgot_commands(stack, org):
    """As after a restored backup: it goes back and processes them again, without another effect."""
    created = org.send("POST", "/v1/customers", {"name": "once"})
    org.outcome(created["operation_id"])
    partition = partition_of(created["resource"]["id"], PARTITIONS)
    ((end,),) = stack.rows("SELECT next_offset FROM billd.progress WHERE partition = %s", [partition])
    back = "UPDATE billd.progress SET next_offset = next_offset - 1, last_hash = NULL WHERE partition = %s"
    execute(stack, back, [partition])
    eventually(lambda: stack.progress()[partition][0] == end, "the worker went back and on again", 30)
    assert [customer["name"] for customer in org.all("/v1/customers")] == ["once"]
    assert len(org.events()) == 1


def test_a_number_that_an_older_database_gives_anew_is_published(stack, wire, org):
    """As after a failover to an older standby under a running worker: it published that number for another event."""
    created = org.send("POST", "/v1/customers", {"name": "forgotten"})
    org.outcome(created["operation_id"])
    wire.await_events(org.organisation_id, 1)
    partition = partition_of(created["resource"]["id"], PARTITIONS)
    stack.superuser(f"DELETE FROM billd.outbox o USING billd.progress p WHERE p.partition = {partition} "
                    "AND o.partition = p.partition AND o.number = p.event_number; "
                    "UPDATE billd.progress SET event_number = event_number - 1, "
                    f"published_number = event_number - 1 WHERE partition = {partition}")  # fmt: skip
    changed = org.send("PATCH", f"/v1/customers/{created['resource']['id']}", {"name": "given anew"})
    assert org.outcome(changed["operation_id"])["status"] == "succeeded"
    events = [headers(message) for message in wire.await_events(org.organisation_id, 2)]
    assert len({event["ce_id"] for event in events}) == 2
    assert len({event["ce_sequence"] for event in events}) == 1
    eventually(lambda: len(set(stack.progress()[partition][1:])) == 1, "what is published is noted", 30)
