"""Operations: pending, done, unknown; and Prefer: wait, which answers as a synchronous API would."""

import threading
import time
import uuid

import pytest
from waiting import PATIENCE

WAIT = {"Prefer": "wait=10"}


def test_an_operation_is_pending_until_a_worker_ran(stack, org):
    """With the worker stopped, GET says pending without any row; with it back, succeeded."""
    with stack.without_worker():
        accepted = org.send("POST", "/v1/customers", {"name": "Ada"})
        operation = org.operation(accepted["operation_id"])
        assert operation["id"] == accepted["operation_id"] and operation["status"] == "pending"
        assert stack.rows("SELECT FROM billd.operations", organisation_id=org.organisation_id) == []
        org.refused(404, "not-found", "GET", f"/v1/customers/{accepted['resource']['id']}")
    assert org.outcome(accepted["operation_id"])["status"] == "succeeded"
    assert org.get(f"/v1/customers/{accepted['resource']['id']}")["name"] == "Ada"


@pytest.mark.parametrize("wait", [{}, {"Prefer": "wait=1"}])
def test_an_operation_that_was_never_handed_out_is_unknown(org, wait):
    """404 at once, also with Prefer: wait: random ids, and a real id with one bit changed."""
    real = org.send("POST", "/v1/customers", {"name": "Ada"})["operation_id"]
    changed = real[:-1] + ("0" if real[-1] != "0" else "1")
    for operation_id in (str(uuid.uuid4()), changed):
        org.refused(404, "not-found", "GET", f"/v1/operations/{operation_id}", headers=wait)


def test_another_organisations_operation_is_unknown(stack, org):
    """404 while it is pending and when it is done."""
    stranger = stack.organisation()
    with stack.without_worker():
        operation_id = org.send("POST", "/v1/customers", {"name": "Ada"})["operation_id"]
        stranger.refused(404, "not-found", "GET", f"/v1/operations/{operation_id}")
    org.outcome(operation_id)
    stranger.refused(404, "not-found", "GET", f"/v1/operations/{operation_id}")


def test_waiting_for_a_creation_answers_with_the_resource(org):
    """201 with what GET shows, and its Location."""
    answer = org.request("POST", "/v1/customers", {"name": "Ada"}, headers=WAIT)
    assert answer.status_code == 201, answer.text
    customer = answer.json()
    assert customer["name"] == "Ada" and customer == org.get(f"/v1/customers/{customer['id']}")


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_waiting_for_a_change_answers_with_the_resource(org, method):
    """200 with the resource after it."""
    customer_id = org.customer()
    answer = org.request(
        method, f"/v1/customers/{customer_id}", {"name": "B"} if method == "PATCH" else None, headers=WAIT
    )
    assert answer.status_code == 200, answer.text
    assert answer.json() == org.get(f"/v1/customers/{customer_id}")
    assert (answer.json()["name"] == "B") == (method == "PATCH")


@pytest.mark.parametrize(
    ("status", "slug", "change"),
    [
        (404, "customer-not-found", {"customer_id": "0198a0d2-0000-8000-8000-000000000001"}),
        (404, "plan-not-found", {"plan_id": "0198a0d2-0000-8000-8000-000000000001"}),
        (409, "subscription-live-exists", {}),
    ],
)
def test_waiting_for_a_refusal_answers_with_the_problem(org, status, slug, change):
    """The refusal's own status and type."""
    customer_id, plan_id = org.customer(), org.plan()
    org.subscription(customer_id, plan_id)
    body = {"customer_id": customer_id, "plan_id": plan_id} | change
    org.refused(status, slug, "POST", "/v1/subscriptions", body, headers=WAIT)


def test_waiting_ends_when_time_is_over(stack, org):
    """With the worker stopped: 202 after the time that was named, not before and not much later."""
    with stack.without_worker():
        began = time.monotonic()
        accepted = org.send("POST", "/v1/customers", {"name": "Ada"}, headers={"Prefer": "wait=1"})
        assert 0.9 <= time.monotonic() - began < 4 * PATIENCE
        began = time.monotonic()
        path = f"/v1/operations/{accepted['operation_id']}"
        assert org.get(path, headers={"Prefer": "wait=1"})["status"] == "pending"
        assert 0.9 <= time.monotonic() - began < 4 * PATIENCE
    assert org.outcome(accepted["operation_id"])["status"] == "succeeded"


def test_waiting_for_an_operation_answers_when_it_is_done(org):
    """GET of an operation with Prefer: wait gives its outcome, well before the time is over."""
    operation_id = org.send("POST", "/v1/customers", {"name": "Ada"})["operation_id"]
    began = time.monotonic()
    operation = org.get(f"/v1/operations/{operation_id}", headers={"Prefer": "wait=30"})
    assert time.monotonic() - began < 10 * PATIENCE
    assert (operation["id"], operation["status"]) == (operation_id, "succeeded")


def test_many_can_wait_at_once(stack, org):
    """40 waiters, while no worker runs, all get their answer when it is back."""
    answers = []

    def wait_for_one():
        answers.append(org.twin().request("POST", "/v1/customers", {"name": "W"}, headers={"Prefer": "wait=30"}))

    with stack.without_worker():
        threads = [threading.Thread(target=wait_for_one) for _ in range(40)]
        for thread in threads:
            thread.start()
        # The api is as quick for others while they wait.
        assert org.get("/v1/plans")["data"] == []
    for thread in threads:
        thread.join(40 * PATIENCE)
    assert [answer.status_code for answer in answers] == [201] * 40


@pytest.mark.parametrize(
    "prefer", ["wait", "wait=", "wait=x", "wait=-1", "respond-async", "wait=99999999999", "wait=0", ";;,=,"]
)
def test_a_preference_that_makes_no_sense_is_ignored(org, prefer):
    """A preference is never an error: 202 or, when it is capped, an outcome."""
    answer = org.request("POST", "/v1/customers", {"name": "Ada"}, headers={"Prefer": prefer})
    assert answer.status_code in (201, 202), answer.text
