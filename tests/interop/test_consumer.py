"""An outside consumer: confluent-kafka and fastavro with the published schemas read every event there is."""

import uuid
from collections import Counter
from datetime import datetime

import pytest
from confluent_kafka import Consumer
from waiting import eventually
from wire import EVENTS, decode, headers, partition_of, shard_of

# By the kind that an event's type names: the schema of its value, and what can happen to it.
TYPES = {
    "customer": ("Customer", {"created", "updated", "archived"}),
    "plan": ("Plan", {"created", "updated", "archived"}),
    "subscription": (
        "Subscription",
        {"created", "started", "trial_ended", "renewed", "changed", "updated", "paused", "resumed", "canceled"}
        | {"expired", "parked", "earned"},
    ),
    "invoice": ("Invoice", {"issued", "paid", "updated", "voided", "marked_uncollectible"}),
    "coupon": ("Coupon", {"created", "archived"}),
    "tax_rate": ("TaxRate", {"created", "archived"}),
    "item": ("Item", {"created", "billed", "canceled"}),
    "credit_note": ("CreditNote", {"issued"}),
    "payment": ("Payment", {"created", "unknown", "succeeded", "failed"}),
    "quantity": ("Quantity", {"reported"}),
    "credit": ("CreditEntry", {"recorded"}),
    "test_clock": ("TestClock", {"created", "advanced"}),
    "billing_run": ("BillingRun", {"started", "paused", "resumed", "canceled", "finished"}),
}


@pytest.fixture
def busy(stack):
    """An organisation in which everything has happened once."""
    org = stack.organisation("Interop", currency="EUR", timezone="Europe/Vienna", country="AT")
    customer_id, plan_id = org.customer(metadata={"ключ": "значение 🙂"}), org.plan(currency="EUR", amount=0)
    org.succeed("PATCH", f"/v1/customers/{customer_id}", {"name": "Ünïcödé"})
    org.succeed("PATCH", f"/v1/plans/{plan_id}", {"name": "Gratis"})
    subscription_id = org.subscription(customer_id, plan_id)
    org.succeed("POST", f"/v1/subscriptions/{subscription_id}/cancel", {"effective": "period_end"})
    org.succeed("POST", f"/v1/subscriptions/{subscription_id}/cancel")
    org.succeed("DELETE", f"/v1/customers/{customer_id}")
    org.succeed("DELETE", f"/v1/plans/{plan_id}")
    return org


def test_a_consumer_group_reads_every_event_by_its_schema(stack, busy, wire):
    """With nothing but schemas/: each value decodes to its last byte, each header and key is as CloudEvents has it."""
    wanted = len(busy.events())
    consumer = Consumer(
        {
            "bootstrap.servers": stack.bootstrap,
            "group.id": f"interop-{uuid.uuid4()}",
            "auto.offset.reset": "earliest",
        }
    )
    consumer.subscribe([EVENTS])
    seen = {}
    try:

        def all_of_ours():
            message = consumer.poll(0.2)
            if message is not None:
                assert message.error() is None, message.error()
                ce = check(message, wire.partitions)
                if ce["ce_organisationid"] == busy.organisation_id:
                    seen[ce["ce_id"]] = message
            return len(seen) >= wanted

        eventually(all_of_ours, f"{wanted} events of the organisation came", 60, 0)
    finally:
        consumer.close()
    kinds = Counter(headers(message)["ce_type"] for message in seen.values())
    told = {f"billd.{kind}.{what}.v1" for kind, (_, whats) in TYPES.items() for what in whats}
    assert set(kinds) <= told
    for kind in (
        "customer.created",
        "customer.updated",
        "customer.archived",
        "plan.archived",
        "subscription.canceled",
        "invoice.issued",
    ):
        assert kinds[f"billd.{kind}.v1"] == 1, kinds


def check(message, partitions):
    """What each message on billd.events promises, whoever's it is."""
    ce = headers(message)
    name, record = decode(message.value())
    _, kind, what, version = ce["ce_type"].split(".")
    schema, whats = TYPES[kind]
    assert (schema, version) == (name, "v1") and what in whats
    assert ce["ce_specversion"] == "1.0" and ce["ce_source"] and ce["content-type"] == "application/avro"
    assert str(record["id"]) == ce["ce_subject"]
    assert datetime.fromisoformat(ce["ce_time"]).tzinfo
    for name in ("ce_id", "ce_organisationid", "ce_operationid"):
        assert str(uuid.UUID(ce[name])) == ce[name]
    key = message.key().decode()
    # A quantity does not name its customer.
    if kind != "quantity":
        ours = kind in ("plan", "coupon", "tax_rate", "billing_run")
        assert key == (ce["ce_organisationid"] if ours else str(record.get("customer_id", record["id"])))
    assert message.partition() == partition_of(key, partitions)
    # The id of what belongs to a customer carries the customer's shard in ten of its bits.
    sharded = {"subscription", "invoice", "quantity", "credit", "item", "credit_note", "payment", "billing_run"}
    if kind in sharded and record["id"].version == 8:  # and was not put there by a test
        assert int.from_bytes(record["id"].bytes[6:8], "big") & 0x3FF == shard_of(key)
    if kind == "invoice":
        net = sum(line["amount"] for line in record["lines"]) - record["discount"] - record["tax_included"]
        assert record["total"] == net + record["tax"]
        assert record["amount_due"] == record["total"] - record["credit_applied"]
    return ce


def test_events_of_one_subject_come_in_the_order_in_which_they_happened(busy, wire):
    """Within a partition ce_sequence rises, and a resource's states follow each other."""
    messages = wire.await_events(busy.organisation_id, len(busy.events()))
    by_partition = {}
    for message in messages:
        by_partition.setdefault(message.partition(), []).append(int(headers(message)["ce_sequence"]))
    assert all(numbers == sorted(numbers) for numbers in by_partition.values())
    whats = [
        headers(message)["ce_type"].split(".")[2]
        for message in messages
        if headers(message)["ce_type"].startswith("billd.customer")
    ]
    assert list(dict.fromkeys(whats)) == ["created", "updated", "archived"]
