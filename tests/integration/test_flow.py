"""The flow of the README from outside: customer, plan, subscription, invoice, events."""

import json
import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from wire import EVENT_SCHEMAS, decode, headers, partition_of

NEW_YORK = ZoneInfo("America/New_York")
RESOURCES = {"customer": "customers", "plan": "plans", "subscription": "subscriptions", "invoice": "invoices"}


def instant(text):
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", text), text
    return datetime.fromisoformat(text)


@pytest.fixture
def bought(org):
    """An organisation in which one customer has bought one plan."""
    customer_id = org.succeed(
        "POST",
        "/v1/customers",
        {
            "name": "Ada Lovelace",
            "email": "ada@example.com",
            "currency": "USD",
            "country": "US",
            "timezone": "America/New_York",
            "metadata": {"segment": "smb", "ünï": "cödé"},
        },
    )
    plan_id = org.succeed(
        "POST",
        "/v1/plans",
        {"code": "team", "name": "Team", "currency": "USD", "interval": "day", "interval_count": 30, "amount": 2900},
    )
    accepted = org.send("POST", "/v1/subscriptions", {"customer_id": customer_id, "plan_id": plan_id})
    operation = org.outcome(accepted["operation_id"])
    return org, customer_id, plan_id, accepted, operation


def test_a_subscription_goes_from_pending_to_succeeded_with_its_invoice(bought):
    """USD 29.00 every 30 days: the operation succeeds, and the invoice that it made is right in every field."""
    org, customer_id, plan_id, accepted, operation = bought

    assert accepted["resource"]["type"] == "subscription"
    assert operation["command"] == "create_subscription"
    assert operation["status"] == "succeeded" and operation["error"] is None
    assert operation["resource"] == accepted["resource"]
    assert instant(operation["accepted_at"]) <= instant(operation["completed_at"])

    subscription = org.get(f"/v1/subscriptions/{accepted['resource']['id']}")
    start, end = (instant(subscription[f"current_period_{which}"]) for which in ("start", "end"))
    assert subscription["status"] == "active" and subscription["timezone"] == "America/New_York"
    assert subscription["anchor_at"] == subscription["started_at"] == subscription["current_period_start"]
    # 30 local days later at the same time of day, whatever daylight saving does between.
    local = start.astimezone(NEW_YORK).replace(tzinfo=None) + timedelta(days=30)
    assert end == local.replace(tzinfo=NEW_YORK)

    (invoice,) = org.invoices_of(customer_id)
    assert invoice == org.get(f"/v1/invoices/{invoice['id']}")
    (line,) = invoice["lines"]
    assert re.fullmatch(r"[0-9A-Z]{12}-0001", invoice["number"])
    assert invoice["customer_id"] == customer_id and invoice["subscription_id"] == subscription["id"]
    assert (invoice["status"], invoice["reason"], invoice["currency"]) == ("open", "subscription_create", "USD")
    assert (invoice["period_start"], invoice["period_end"]) == (
        subscription["current_period_start"],
        subscription["current_period_end"],
    )
    assert invoice["issued_at"] == invoice["due_at"] == invoice["period_start"] and invoice["paid_at"] is None
    assert {name: invoice[name] for name in ("subtotal", "discount", "tax", "total", "credit_applied")} == {
        "subtotal": 2900, "discount": 0, "tax": 0, "total": 2900, "credit_applied": 0,
    }  # fmt: skip
    assert (invoice["amount_due"], invoice["amount_paid"]) == (2900, 0)
    assert invoice["discounts"] == [] and invoice["taxes"] == []
    assert (line["plan_id"], line["quantity"], line["unit_amount"], line["amount"]) == (plan_id, 1, 2900, 2900)
    assert (line["period_start"], line["period_end"]) == (invoice["period_start"], invoice["period_end"])
    assert line["description"]


def test_the_invoice_is_in_the_lists_of_its_organisation(bought):
    """GET /v1/invoices and /v1/customers/{id}/invoices show the same invoice; another customer's list is empty."""
    org, customer_id, *_ = bought
    other_id = org.customer(name="Bea")
    assert org.all("/v1/invoices") == org.invoices_of(customer_id)
    assert org.invoices_of(other_id) == []


def test_events_come_out_on_kafka_as_cloud_events(bought, wire):
    """Each change is one event: ce_* headers, the customer's or organisation's key, a value by the published schema."""
    org, customer_id, *_ = bought
    messages = wire.await_events(org.organisation_id, 4)
    seen = {}
    for message in messages:
        ce = headers(message)
        name, record = decode(message.value())
        seen[ce["ce_type"]] = ce, name, record, message
        assert ce["ce_specversion"] == "1.0" and ce["ce_id"] and ce["ce_source"]
        assert ce["ce_organisationid"] == org.organisation_id
        assert ce["ce_subject"] == str(record["id"])
        assert datetime.fromisoformat(ce["ce_time"])
        assert int(ce["ce_sequence"]) > 0
        assert message.partition() == partition_of(message.key().decode(), wire.partitions)
    assert set(seen) == {
        "billd.customer.created.v1",
        "billd.plan.created.v1",
        "billd.subscription.created.v1",
        "billd.invoice.issued.v1",
    }
    for event_type, (_, name, _, message) in seen.items():
        assert name == event_type.split(".")[1].capitalize()
        assert message.key().decode() == (org.organisation_id if name == "Plan" else customer_id)
    assert len({ce["ce_id"] for ce, *_ in seen.values()}) == 4


def test_events_have_the_content_of_the_resources(bought, wire):
    """What an event tells is what GET of its subject tells."""
    org, *_ = bought
    for message in wire.await_events(org.organisation_id, 4):
        name, record = decode(message.value())
        assert public_form(record) == org.get(f"/v1/{RESOURCES[name.lower()]}/{record['id']}")


def public_form(value):
    """A decoded record as the API's JSON writes it."""
    if isinstance(value, dict):
        # An explanation is JSON within Avro.
        return {name: json.loads(item) if name == "explanation" else public_form(item) for name, item in value.items()}
    if isinstance(value, list):
        return [public_form(item) for item in value]
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    return value if value is None or isinstance(value, bool | int) else str(value)


def test_events_over_http_are_those_on_kafka(bought, wire):
    """GET /v1/events tells the same ids, types and contents, oldest first, and goes on behind any of them."""
    org, *_ = bought
    messages = {headers(message)["ce_id"]: message for message in wire.await_events(org.organisation_id, 4)}
    events = org.events()
    assert {event["id"] for event in events} == set(messages)
    for event in events:
        ce, (_, record) = headers(messages[event["id"]]), decode(messages[event["id"]].value())
        assert (event["type"], event["subject"]) == (ce["ce_type"], ce["ce_subject"])
        assert event["data"] == public_form(record)
    kinds = [event["type"].split(".")[1] for event in events]
    assert kinds.index("subscription") < kinds.index("invoice")

    first = org.get("/v1/events", params={"limit": 1})
    assert [event["id"] for event in first["data"]] == [events[0]["id"]]
    rest = org.get("/v1/events", params={"after": first["next_cursor"]})
    assert [event["id"] for event in rest["data"]] == [event["id"] for event in events[1:]]


def test_published_schemas_are_those_of_the_repository():
    """Every kind of resource has an event schema, and no two share a fingerprint."""
    # Told by test_changes.py, test_due.py, test_test_clocks.py and the tests of money and of billing runs.
    others = {"CreditEntry", "Quantity", "TestClock", "Coupon", "TaxRate", "Item", "CreditNote", "Payment"}
    others.add("BillingRun")
    assert {name.lower() for name in set(EVENT_SCHEMAS) - others} == set(RESOURCES)
    assert len({mark for _, mark in EVENT_SCHEMAS.values()}) == len(EVENT_SCHEMAS)
