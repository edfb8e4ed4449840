"""PostgreSQL or Kafka is away for a while: what still works, what is said, and that all is well by itself again."""

import socket
import time

import programs
import pytest
from client import at_once
from stack import free_ports
from waiting import PATIENCE, eventually

pytestmark = pytest.mark.usefixtures("breaks_servers")


def health(stack):
    answer = programs.fetch(stack.url + "/health")
    return answer.status_code, answer.json()


def retry_after(answer):
    assert int(answer.headers["Retry-After"]) > 0, answer.headers


def test_with_postgresql_down_commands_are_accepted_and_take_effect_later(stack, org):
    """202 for a known key, 503 with Retry-After for reads; when it is back, everything accepted is done."""
    plan_id = org.plan()
    stack.script("postgres", "stop")
    try:
        status, parts = eventually(
            lambda: health(stack) if health(stack)[0] == 503 else None, "/health notices that the database is down", 15
        )
        assert parts["database"] != "ok" and parts["kafka"] == "ok" and parts["status"] != "ok", (status, parts)
        assert programs.answers(stack.url + "/health/live")

        created = org.send("POST", "/v1/customers", {"name": "Ada"})
        bought = org.send("POST", "/v1/subscriptions", {"customer_id": created["resource"]["id"], "plan_id": plan_id})
        # Its time is up before there is an outcome, so it is pending, as without a wait.
        org.send("POST", "/v1/customers", {"name": "Bea"}, headers={"Prefer": "wait=1"})
        for path in ("/v1/plans", f"/v1/plans/{plan_id}", "/v1/events"):
            retry_after(org.refused(503, "database-unavailable", "GET", path))
        stranger = stack.client(org.organisation_id, "billd_live_" + "A" * 43)
        retry_after(stranger.refused(503, "database-unavailable", "POST", "/v1/customers", {"name": "x"}))
        assert stack.worker.is_running(), programs.tail(stack.worker.log)
    finally:
        stack.script("postgres", "start")

    for accepted in (created, bought):
        assert outcome_again(org, accepted)["status"] == "succeeded"
    eventually(lambda: len(org.all("/v1/customers")) == 2, "both customers are there")
    (invoice,) = org.invoices_of(created["resource"]["id"])
    assert invoice["number"].endswith("-0001")
    eventually(lambda: health(stack)[0] == 200, "/health is well again", 15)


def outcome_again(org, accepted):
    """The outcome, while answers may still be 503."""

    def done():
        answer = org.request("GET", f"/v1/operations/{accepted['operation_id']}")
        assert answer.status_code in (200, 503), answer.text
        return answer.json() if answer.status_code == 200 and answer.json()["status"] != "pending" else None

    return eventually(done, "an operation that was accepted without a database is done", 60, 0.1)


def test_a_database_that_says_nothing_is_told_to_every_caller(stack, org):
    """It accepts connections, and no more: each request has its 503, however long that takes to be known. The deadline
    is for headers, which came at once, and not for how long it is looked up who sent them."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(100)
        host = f"127.0.0.1:{silent.getsockname()[1]}"
        url = stack.database_urls["api"].replace(f"127.0.0.1:{stack.postgres_port}", host)
        assert host in url, url
        port = free_ports(1)[0]
        api = stack.make_api("api-silent", port, BILLD_DATABASE_URL=url, BILLD_HEADER_TIMEOUT_MS=500)
        stack.others.append(api)
        try:
            api.start(wait=False)
            there = org.at(f"http://127.0.0.1:{port}")
            eventually(lambda: programs.answers(there.url + "/health/live"), "it lives")

            def ask(method, *body):
                retry_after(there.twin().refused(503, "database-unavailable", method, "/v1/customers", *body))

            at_once(*[lambda: ask("GET"), lambda: ask("POST", {"name": "Ada"})] * 10)
        finally:
            api.end()
            stack.others.remove(api)


def test_who_waits_is_answered_in_time_whatever_the_database_does(stack, org):
    """It stands still: the wait ends soon after its time, and what was asked for is pending."""
    wait = {"Prefer": "wait=1"}
    with stack.without_worker(), stack.another_api() as api:
        there = org.at(api.ready_url.removesuffix("/health"))
        there.send("POST", "/v1/customers", {"name": "Ada"}, headers=wait)  # opens the connection
        with stack.frozen_connections():
            began = time.monotonic()
            there.send("POST", "/v1/customers", {"name": "Bea"}, headers=wait)
            assert time.monotonic() - began < 4 * PATIENCE


def test_a_crash_of_postgresql_amid_commands_loses_and_doubles_nothing(stack, org):
    """SIGKILL to every process of the server while commands pour in: each has one outcome and one effect."""
    accepted = [org.send("POST", "/v1/customers", {"name": f"{i}"}) for i in range(30)]
    stack.script("postgres", "kill")
    accepted += [org.send("POST", "/v1/customers", {"name": f"{i}"}) for i in range(30, 60)]
    stack.script("postgres", "start")
    accepted += [org.send("POST", "/v1/customers", {"name": f"{i}"}) for i in range(60, 90)]
    for answer in accepted:
        assert outcome_again(org, answer)["status"] == "succeeded"
    customers = eventually_list(org, "/v1/customers")
    assert sorted(int(customer["name"]) for customer in customers) == list(range(90))
    assert len({event["subject"] for event in org.events()}) == len(org.events()) == 90


def eventually_list(org, path):
    eventually(lambda: org.request("GET", path).status_code == 200, f"{path} is readable")
    return org.all(path)


def test_with_kafka_down_commands_are_refused_and_reads_work(stack, org):
    """503 queue-unavailable with Retry-After within the deadline; /health names Kafka; it recovers by itself."""
    customer_id = org.customer()
    stack.script("kafka", "kill")
    try:
        began = time.monotonic()
        retry_after(org.refused(503, "queue-unavailable", "POST", "/v1/plans", plan("while-down")))
        assert time.monotonic() - began < 20 * PATIENCE
        assert org.get(f"/v1/customers/{customer_id}")["id"] == customer_id
        _, parts = eventually(
            lambda: health(stack) if health(stack)[0] == 503 else None, "/health notices that Kafka is down", 15
        )
        assert parts["kafka"] != "ok" and parts["database"] == "ok", parts
        assert stack.api.is_running() and stack.worker.is_running()
        eventually(lambda: "\nbilld_kafka_up 0\n" in metrics_of(stack.worker), "the worker tells it, too", 30)
    finally:
        stack.script("kafka", "start")

    def accepted_again():
        answer = org.request("POST", "/v1/plans", plan("afterwards"), headers={"Idempotency-Key": "again"})
        return answer if answer.status_code == 202 else None

    answer = eventually(accepted_again, "commands are accepted again", 60, 0.2)
    assert org.outcome(answer.json()["operation_id"], 60)["status"] == "succeeded"
    codes = [item["code"] for item in org.all("/v1/plans")]
    assert codes.count("afterwards") == 1 and codes.count("while-down") <= 1
    eventually(lambda: health(stack)[0] == 200, "/health is well again", 30)
    eventually(lambda: "\nbilld_kafka_up 1\n" in metrics_of(stack.worker), "the worker has it again", 30)


def metrics_of(worker):
    return programs.fetch(worker.url + "/metrics").text


def plan(code):
    return {"code": code, "name": "P", "currency": "USD", "interval": "day", "amount": 1}


def test_events_of_before_a_crash_of_kafka_are_all_there_afterwards(stack, org, wire):
    """Commands that are done while events cannot go out: they go out later, each."""
    accepted = [org.send("POST", "/v1/customers", {"name": f"{i}"}) for i in range(40)]
    stack.script("kafka", "kill")
    stack.script("kafka", "start")
    for answer in accepted:
        assert org.outcome(answer["operation_id"], 60)["status"] == "succeeded"
    messages = wire.await_events(org.organisation_id, 40, 60)
    assert len({message.key() for message in messages}) == 40
