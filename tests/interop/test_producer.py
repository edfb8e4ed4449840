"""An outside producer: a command made with fastavro, put by Kafka's own partitioning, has its outcome like any."""

import uuid

import pytest
from confluent_kafka import Producer
from wire import COMMAND_SCHEMAS, COMMANDS, decode, derived_id, encode, headers, meta, murmur2, partition_of

# From Kafka's own tests of its Java client (UtilsTest).
MURMUR2 = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}
CUSTOMER = 1


@pytest.mark.parametrize(("text", "hash_"), MURMUR2.items())
def test_the_hash_of_these_tests_is_that_of_kafka(text, hash_):
    """Signed, as Java prints it."""
    assert murmur2(text) == hash_ % 2**32


def customer_command(org, operation_id):
    return encode("CreateCustomer", {
        "meta": meta(org, operation_id),
        "name": "From outside 🙂",
        "email": "outside@example.com",
        "external_id": None,
        "currency": "EUR",
        "country": None,
        "timezone": "Asia/Tokyo",
        "metadata": {"from": "python"},
    })  # fmt: skip


def test_a_command_from_outside_has_its_outcome(org, wire):
    """A CreateCustomer straight on the topic: operation, resource and event are as if the api had sent it."""
    operation_id = str(uuid.uuid4())
    customer_id = str(derived_id(operation_id, CUSTOMER))
    wire.put(customer_id, customer_command(org, operation_id))
    operation = org.outcome(operation_id, from_topic=True)
    assert (operation["status"], operation["command"]) == ("succeeded", "create_customer")
    assert operation["resource"] == {"type": "customer", "id": customer_id}
    customer = org.get(f"/v1/customers/{customer_id}")
    assert (customer["name"], customer["currency"], customer["timezone"]) == ("From outside 🙂", "EUR", "Asia/Tokyo")
    assert customer["metadata"] == {"from": "python"}

    (message,) = wire.await_events(org.organisation_id, 1)
    ce, (_, record) = headers(message), decode(message.value())
    assert (ce["ce_subject"], ce["ce_operationid"], ce["ce_type"]) == (
        customer_id,
        operation_id,
        "billd.customer.created.v1",
    )
    assert record["name"] == customer["name"] and message.key().decode() == customer_id


def test_librdkafkas_own_partitioner_agrees(stack, org, wire):
    """A client set to murmur2 that names no partition puts a command where it belongs."""
    producer, placed = Producer({"bootstrap.servers": stack.bootstrap, "partitioner": "murmur2_random"}), []
    operations = [str(uuid.uuid4()) for _ in range(20)]
    for operation_id in operations:
        customer_id = str(derived_id(operation_id, CUSTOMER))
        producer.produce(
            COMMANDS, customer_command(org, operation_id), customer_id,
            on_delivery=lambda error, message: placed.append((error, message.key().decode(), message.partition())),
        )  # fmt: skip
    assert producer.flush(30) == 0
    assert {error for error, _, _ in placed} == {None}
    assert [partition_of(key, wire.partitions) for _, key, _ in placed] == [partition for _, _, partition in placed]
    for operation_id in operations:
        assert org.outcome(operation_id, from_topic=True)["status"] == "succeeded"


def test_the_api_puts_commands_where_any_client_would(org, wire):
    """Each message of the api has the key by which it was routed, lies on its partition, and decodes by its schema."""
    customer_id, plan_id = org.customer(), org.plan()
    subscription_id = org.subscription(customer_id, plan_id)
    org.succeed("POST", f"/v1/subscriptions/{subscription_id}/cancel")
    seen = {}
    for message in wire.read_all(COMMANDS):
        try:
            name, record = decode(message.value(), COMMAND_SCHEMAS)
        except Exception:  # other tests put rubbish there
            continue
        if str(record["meta"]["organisation_id"]) == org.organisation_id:
            seen[name] = message, record
    assert set(seen) == {"CreateCustomer", "CreatePlan", "CreateSubscription", "CancelSubscription"}
    expected = partition_of(customer_id, wire.partitions)
    for name in ("CreateCustomer", "CreateSubscription", "CancelSubscription"):
        assert seen[name][0].partition() == expected, name
    assert seen["CreateCustomer"][0].key().decode() == seen["CreateSubscription"][0].key().decode() == customer_id
    message, record = seen["CreatePlan"]
    assert message.key().decode() == org.organisation_id
    assert message.partition() == partition_of(org.organisation_id, wire.partitions)
    assert record["meta"]["actor"].startswith("api_key:") and record["code"]
    assert derived_id(record["meta"]["operation_id"], 2) == uuid.UUID(plan_id)
    assert all(headers(message)["billd_request_id"] for message, _ in seen.values())
