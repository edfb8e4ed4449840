"""Idempotency-Key: the same request again has one effect, another request with the same key is refused."""

import contextlib
import uuid

from waiting import eventually
from wire import encode, meta

BODY = {"name": "Ada"}


def keyed(key=None):
    return {"Idempotency-Key": key or str(uuid.uuid4())}


def test_the_same_request_again_is_the_same_operation(org):
    """Before and after the outcome: the same ids, and one customer."""
    headers = keyed()
    first = org.send("POST", "/v1/customers", BODY, headers=headers)
    again = org.send("POST", "/v1/customers", BODY, headers=headers)
    org.outcome(first["operation_id"])
    later = org.send("POST", "/v1/customers", BODY, headers=headers)
    assert first == again == later
    assert len(org.all("/v1/customers")) == 1 and len(org.events()) == 1


def test_a_hundred_parallel_requests_with_one_key_have_one_effect(org):
    """100 at once: one operation, one customer, one event."""
    headers = keyed()
    accepted = org.in_parallel(
        [lambda client: client.send("POST", "/v1/customers", BODY, headers=headers) for _ in range(100)], threads=50
    )
    assert len({answer["operation_id"] for answer in accepted}) == 1
    assert org.outcome(accepted[0]["operation_id"])["status"] == "succeeded"
    # Something behind them in every partition: when it is done, so are they.
    for operation in [org.send("POST", "/v1/customers", {"name": f"{i}"}) for i in range(40)]:
        org.outcome(operation["operation_id"])
    assert [customer["name"] for customer in org.all("/v1/customers")].count("Ada") == 1
    assert [event["data"]["name"] for event in org.events()].count("Ada") == 1


def test_requests_without_a_key_are_all_different(org):
    """The same body three times: three customers."""
    assert len({org.customer() for _ in range(3)}) == 3 == len(org.all("/v1/customers"))


def test_the_same_key_with_another_body_is_refused(org):
    """422 idempotency-key-reused: for another body, another path, another method."""
    headers, customer_id = keyed(), org.customer()
    org.send("POST", "/v1/customers", BODY, headers=headers)
    refused = ("idempotency-key-reused",)
    org.refused(422, *refused, "POST", "/v1/customers", {"name": "Bea"}, headers=headers)
    org.refused(422, *refused, "PATCH", f"/v1/customers/{customer_id}", BODY, headers=headers)
    org.refused(422, *refused, "DELETE", f"/v1/customers/{customer_id}", headers=headers)
    assert org.get(f"/v1/customers/{customer_id}")["archived_at"] is None


@contextlib.contextmanager
def nothing_signs(stack):
    """No key of commands is good meanwhile."""
    kept = stack.rows("SELECT name, retires_at::text FROM identity.signing_keys WHERE purpose = 'command'")
    stack.rows("UPDATE identity.signing_keys SET retires_at = now() WHERE purpose = 'command' RETURNING name")
    try:
        yield
    finally:
        for name, retires_at in kept:
            stack.rows(
                "UPDATE identity.signing_keys SET retires_at = %s::timestamptz WHERE purpose = 'command' AND name = %s"
                " RETURNING name",
                (retires_at, name),
            )


def test_a_key_of_what_was_not_accepted_is_free(stack, org):
    """Refused before it was queued: the corrected request may have the same key, at the same api."""

    def asked(name, headers):
        return org.request("POST", "/v1/customers", {"name": name}, headers=headers).status_code

    headers, of_one_accepted = keyed(), keyed()
    org.send("POST", "/v1/customers", BODY, headers=of_one_accepted)
    with nothing_signs(stack):
        eventually(lambda: asked("Ada", keyed()) == 503, "nothing is signed any more")
        assert asked("Adda", headers) == 503
        assert asked("Ada", of_one_accepted) == 503
    eventually(lambda: asked("Ada", keyed()) == 202, "commands are signed again")
    assert asked("Ada", headers) == 202
    assert asked("Bea", headers) == 422
    assert asked("Bea", of_one_accepted) == 422, "it was accepted before"


def test_two_organisations_may_use_the_same_key(stack, org):
    """A key belongs to its organisation."""
    other, headers = stack.organisation(), keyed()
    mine = org.send("POST", "/v1/customers", BODY, headers=headers)
    theirs = other.send("POST", "/v1/customers", {"name": "Bea"}, headers=headers)
    assert mine["operation_id"] != theirs["operation_id"]
    for client, accepted in ((org, mine), (other, theirs)):
        assert client.outcome(accepted["operation_id"])["status"] == "succeeded"


def test_another_api_knows_the_same_operation(stack, org):
    """A retry at another process is still the same operation; another body fails at the latest in the worker."""
    headers = keyed()
    with stack.another_api() as api:
        other = org.at(f"http://127.0.0.1:{api.settings['BILLD_PORT']}")
        first = org.send("POST", "/v1/customers", BODY, headers=headers)
        assert other.send("POST", "/v1/customers", BODY, headers=headers) == first
        org.outcome(first["operation_id"])

        fresh = keyed()
        accepted = org.send("POST", "/v1/customers", BODY, headers=fresh)
        org.outcome(accepted["operation_id"])
        answer = other.request("POST", "/v1/customers", {"name": "Bea"}, headers=fresh)
        if answer.status_code == 202:
            other.failed(answer.json()["operation_id"], "idempotency-key-reused")
        else:
            assert answer.status_code == 422, answer.text
    assert sorted(customer["name"] for customer in org.all("/v1/customers")) == ["Ada", "Ada"]


def put_plan(wire, org, number, operation_id, key):
    """A CreatePlan straight on the topic."""
    plan = {"code": f"c{number}", "name": "P", "currency": "USD", "interval": "day", "interval_count": 1, "amount": 1}
    command = {"meta": meta(org, operation_id, key=key), "metadata": {}} | plan
    wire.put(org.organisation_id, encode("CreatePlan", command))


def test_the_worker_refuses_a_reused_key_itself(org, wire):
    """Two commands on the topic with one key and different operations: the second fails, without an effect."""
    key, first, second = (str(uuid.uuid4()) for _ in range(3))
    put_plan(wire, org, 1, first, key)
    assert org.outcome(first, from_topic=True)["status"] == "succeeded"
    put_plan(wire, org, 2, second, key)
    org.failed(second, "idempotency-key-reused", from_topic=True)
    assert [plan["code"] for plan in org.all("/v1/plans")] == ["c1"]


def test_the_worker_refuses_a_reused_key_within_one_batch(stack, org, wire):
    """The same, when both lie side by side and are taken together."""
    key, first, second = (str(uuid.uuid4()) for _ in range(3))
    with stack.without_worker():
        put_plan(wire, org, 1, first, key)
        put_plan(wire, org, 2, second, key)
    org.failed(second, "idempotency-key-reused", from_topic=True)
    assert org.outcome(first)["status"] == "succeeded"
    assert [plan["code"] for plan in org.all("/v1/plans")] == ["c1"]


def test_the_same_command_at_two_offsets_has_one_effect(stack, org, wire):
    """Twice in one batch, and once more when it is long done: one plan, one event, the first outcome."""
    operation_id = str(uuid.uuid4())
    with stack.without_worker():
        put_plan(wire, org, 1, operation_id, None)
        put_plan(wire, org, 1, operation_id, None)
    operation = org.outcome(operation_id, from_topic=True)
    assert operation["status"] == "succeeded"
    put_plan(wire, org, 1, operation_id, None)
    org.plan(code="behind")
    assert org.operation(operation_id) == operation
    assert sorted(plan["code"] for plan in org.all("/v1/plans")) == ["behind", "c1"]
    assert len(org.events()) == 2
