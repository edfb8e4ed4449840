"""The judge judged: quiet where all is well, and each rule catches what it is there for."""

import copy
import random
import threading
import time
from dataclasses import replace

import checker
import checker_breaks
import checker_breaks_billing
import checker_breaks_events
import checker_breaks_money
import checker_breaks_runs
import evidence
import history as records
import pytest
from checker_breaks_events import move_an_offset_back
from checker_changes import attempt, command_of, first_create, row
from checker_index import RESTORED, TOPIC_AGAIN, told_operation
from checker_sample_runs import make
from history import Attempt, Fault, Poison, Progress, Sight

BREAKS = [
    *checker_breaks.BREAKS, *checker_breaks_billing.BREAKS, *checker_breaks_money.BREAKS,
    *checker_breaks_runs.BREAKS, *checker_breaks_events.BREAKS,
]  # fmt: skip


@pytest.fixture(scope="module")
def sample():
    return make()


@pytest.fixture
def world(sample):
    """A sample of the test's own."""
    return copy.deepcopy(sample)


def violations(history, found):
    return [str(violation) for violation in checker.check(history, found)]


def test_nothing_is_wrong_where_all_is_well(world):
    """The sample has each kind of record, and breaks no rule."""
    history, found = world
    assert {type(record) for record in history} == {Attempt, Sight, Progress, Poison}
    assert all(found.tables.values()) and all(found.topics.values()) and found.operations and found.lists
    assert violations(history, found) == []


@pytest.mark.parametrize(
    ("breaks", "rule"), BREAKS, ids=[f"{breaks.__name__.replace('_', ' ')}: {rule}" for breaks, rule in BREAKS]
)
def test_what_is_broken_is_caught(world, breaks, rule):
    history, found = world
    breaks(history, found)
    caught = checker.check(history, found)
    assert rule in {violation.rule for violation in caught}
    assert [violation for violation in caught if violation.text.startswith(checker.UNJUDGED)] == []


def test_every_rule_catches_something():
    """And each stands in the table once, with a sentence that says what must hold."""
    names = [name for name, _, _ in checker.RULES]
    assert len(set(names)) == len(names) and {rule for _, rule in BREAKS} == set(names)
    assert all(sentence.endswith(".") for _, _, sentence in checker.RULES)


def test_a_rule_that_finds_much_tells_a_bounded_part(world):
    history, found = world
    found.tables["operations"].clear()
    told = [violation for violation in checker.check(history, found) if violation.rule == "one-outcome"]
    assert len(told) == checker.TOLD_MAX + 1 and told[-1].text == "… and more"


# What looks odd and is right


def test_a_restored_database_may_begin_again(world):
    """Progress moves back and operations are pending again, when a fault says so; no other outcome than before."""
    history, found = world
    sight = next(record for record in history if isinstance(record, Sight))
    first, last = sight.until + 1, max(record.at for record in history)
    pending = {"id": sight.operation_id, "status": "pending"}
    history.append(Sight(last + 3, sight.organisation_id, sight.operation_id, 200, pending, last + 4))
    move_an_offset_back(history, found)
    assert {violation.rule for violation in checker.check(history, found)} == {
        "final-stays-final",
        "progress-goes-forward",
    }
    history += [Fault(first, RESTORED, "begins"), Fault(last + 10, RESTORED, "ends")]
    row(found, "operations", id=sight.operation_id)["completed_at"] = "2031-01-01T00:00:00+00:00"
    found.operations[sight.operation_id][1]["completed_at"] = "2031-01-01T00:00:00Z"
    assert violations(history, found) == []
    sight.answer["resource"] = {"type": "customer", "id": sight.operation_id}
    assert {violation.rule for violation in checker.check(history, found)} == {"final-stays-final"}


def test_another_topic_has_offsets_of_its_own(world):
    """Offsets may move back then, and event numbers may not."""
    history, found = world
    at = [record for record in history if isinstance(record, Progress)][-1].at
    move_an_offset_back(history, found)
    history.append(Fault(at + 0.5, TOPIC_AGAIN, "the topic is made again"))
    assert violations(history, found) == []
    sample = [record for record in history if isinstance(record, Progress)][-1]
    partition = max(sample.partitions, key=lambda number: sample.partitions[number][1])
    sample.partitions[partition][1] -= 1
    assert {violation.rule for violation in checker.check(history, found)} == {"progress-goes-forward"}


def test_a_command_that_kills_workers_may_be_set_aside(world):
    """Accepted by the API, failed as a dead letter, and known to the driver as poison: one outcome like any other."""
    history, found = world
    gone = attempt(history, "/v1/customers", status=202, idempotency_key="c5")
    operation_id = told_operation(gone)
    refused = next(record for record in history if isinstance(record, Attempt) and record.status == 422)
    assert refused.idempotency_key != gone.idempotency_key
    message, _, _ = command_of(found, operation_id)
    history.append(Poison(gone.at + 1, message.partition, message.offset, "it aborts workers"))
    rules = {violation.rule for violation in checker.check(history, found)}
    assert rules == {"poison-is-set-aside"}, "the place is poison now, and nothing was set aside"


def test_what_others_do_on_the_same_servers_is_not_judged(world):
    """Another organisation's rows, commands and dead letters, of which the history knows nothing."""
    history, found = world
    b = found.tables["organisations"][1]["id"]
    ours = [record for record in history if getattr(record, "organisation_id", None) != b]
    assert len(ours) < len(history)
    found.operations = {told_operation(record): found.operations[told_operation(record)] for record in ours
                        if isinstance(record, Attempt) and told_operation(record)}  # fmt: skip
    del found.lists[b]
    assert violations(ours, found) == []


def test_a_look_whose_end_is_unknown_accuses_nobody(world):
    """Two looks may have crossed on their way, if only their beginnings were noted."""
    history, found = world
    sight = next(record for record in history if isinstance(record, Sight))
    pending = {"id": sight.operation_id, "status": "pending"}
    late = Sight(sight.until + 1, sight.organisation_id, sight.operation_id, 200, pending, sight.until + 2)
    assert violations([*history, late], found) != []
    sight.until = None
    assert violations([*history, late], found) == []
    assert violations([*history, replace(late, at=late.at + 1000)], found) != []


def test_files_hold_the_whole_judgement(world, tmp_path, capsys):
    """What is written is read again, and the program says the same as check()."""
    history, found = world
    paths = [str(tmp_path / "history.jsonl"), str(tmp_path / "evidence.json.gz")]
    records.write(paths[0], history)
    evidence.save(paths[1], found)
    assert records.read(paths[0]) == history and evidence.load(paths[1]) == found
    assert checker.main(paths) == 0 and "0 violations" in capsys.readouterr().out
    first = told_operation(first_create(history))
    found.tables["operations"].remove(row(found, "operations", id=first))
    evidence.save(paths[1], found)
    assert checker.main(paths) == 1 and f"one-outcome: operation {first}" in capsys.readouterr().out
    assert checker.main([]) == 2


# The real thing


class Caller(threading.Thread):
    """A client that sends good and bad requests, with and without keys, and notes each answer."""

    def __init__(self, number, client, history):
        super().__init__(daemon=True)
        self.number, self.client, self.history = number, client, history
        self.random = random.Random(number)
        self.failure = None

    def send(self, method, path, body=None, key=None, wait=False):
        attempt = Attempt(time.time(), self.client.organisation_id, method, path, body, key)
        headers = ({"Idempotency-Key": key} if key else {}) | ({"Prefer": "wait=10"} if wait else {})
        answer = self.client.request(method, path, body, headers=headers)
        attempt.status, attempt.answer = answer.status_code, answer.json()
        self.history.append(attempt)
        return attempt.answer

    def run(self):
        try:
            plan = {"code": f"plan-{self.number}", "name": "Plan", "currency": "USD", "interval": "month"}
            plan_id = self.send("POST", "/v1/plans", plan | {"amount": self.random.choice((0, 700))}, wait=True)["id"]
            self.send("POST", "/v1/plans", plan | {"amount": 1}, wait=True)
            for number in range(25):
                self.customer(number, plan_id)
        except Exception as error:  # else the thread would take it along
            self.failure = error

    def customer(self, number, plan_id):
        key = f"{self.number}-{number}" if number % 2 else None
        body = {"name": f"Zoë {number}\u2028", "external_id": f"{self.number}-{number % 20}"}
        customer_id = self.send("POST", "/v1/customers", body, key)["resource"]["id"]
        for again in [body, {"name": "Another"}] if key else []:
            self.send("POST", "/v1/customers", again, key)
        order = {"customer_id": customer_id}
        order |= {"plan_id": plan_id} if number % 3 else {"plan_code": f"plan-{self.number}"}
        first = self.send("POST", "/v1/subscriptions", order)["resource"]["id"]
        self.send("POST", "/v1/subscriptions", order, wait=number % 5 == 0)
        effective = self.random.choice(("now", "period_end"))
        self.send("POST", f"/v1/subscriptions/{first}/cancel", {"effective": effective}, wait=number % 4 == 0)
        self.send("POST", "/v1/subscriptions", order)
        path = f"/v1/customers/{customer_id}"
        self.send("PATCH", path, {"email": "z@example.com", "metadata": {"a": "b"}}, wait=number % 7 == 0)
        self.send("PATCH", path, {"email": "", "metadata": {"a": ""}})
        if number % 6 == 0:
            self.send("DELETE", path)
        self.send("POST", "/v1/customers", {"nme": "unknown field"})


def test_a_real_load_without_faults_breaks_no_rule(stack, tmp_path):
    """Two organisations, four callers and an observer; and the evidence can be kept."""
    clients = {client.organisation_id: client for client in (stack.organisation(), stack.organisation())}
    history = []
    observer = evidence.Observer(stack, clients, history)
    observer.start()
    callers = [Caller(number, list(clients.values())[number % 2].twin(), history) for number in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    observer.stop()
    assert [caller.failure for caller in callers] == [None] * 4
    evidence.quiet(stack, 60)
    found = evidence.collect(stack, history)

    assert violations(history, found) == []
    assert {Attempt, Sight, Progress} == {type(record) for record in history}
    outcomes = [row["status"] for row in found.tables["operations"] if row["organisation_id"] in clients]
    assert outcomes.count("succeeded") > 400 and outcomes.count("failed") > 50
    evidence.save(tmp_path / "evidence.json.gz", found)
    assert evidence.load(tmp_path / "evidence.json.gz") == found


def test_what_is_left_is_told(stack, org):
    """With no worker it is never quiet, and the message says where what lies."""
    with stack.without_worker():
        org.send("POST", "/v1/customers", {"name": "Ada"})
        with pytest.raises(AssertionError, match=r"partition \d+: at offset \d+ of \d+"):
            evidence.quiet(stack, 0.1)
    evidence.quiet(stack, 30)
