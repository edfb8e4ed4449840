"""A customer's life: created, changed, archived, and what each leaves alone."""

import pytest


def test_a_customer_has_what_it_was_given(org):
    """Every field comes back as it was sent, with nothing lost of Unicode."""
    given = {
        "name": "Åsa Ünïcödé 漢字 🙂",
        "email": "asa@example.com",
        "external_id": "crm-1042",
        "currency": "JPY",
        "country": "SE",
        "timezone": "Europe/Stockholm",
        "metadata": {"segment": "smb", "note": 'quotes " and \\ and {}'},
    }
    customer_id = org.succeed("POST", "/v1/customers", given)
    customer = org.get(f"/v1/customers/{customer_id}")
    assert {name: customer[name] for name in given} == given
    assert customer["id"] == customer_id and customer["credit_balance"] == 0
    assert customer["created_at"] == customer["updated_at"] and customer["archived_at"] is None


def test_currency_time_zone_default_to_the_organisation(stack):
    """A customer that names neither is billed in its organisation's currency and time zone."""
    org = stack.organisation(currency="EUR", timezone="Europe/Vienna", country="AT")
    customer = org.get(f"/v1/customers/{org.customer()}")
    assert (customer["currency"], customer["timezone"]) == ("EUR", "Europe/Vienna")
    assert customer["email"] is None and customer["external_id"] is None and customer["metadata"] == {}


def test_an_update_changes_what_is_given_and_nothing_else(org):
    """Metadata merges pair by pair; an empty text takes away what may be empty."""
    customer_id = org.customer(
        email="ada@example.com", external_id="a", country="US", metadata={"keep": "1", "change": "2", "drop": "3"}
    )
    before = org.get(f"/v1/customers/{customer_id}")
    org.succeed(
        "PATCH",
        f"/v1/customers/{customer_id}",
        {"name": "Ada King", "email": "", "metadata": {"change": "4", "drop": "", "new": "5"}},
    )
    after = org.get(f"/v1/customers/{customer_id}")
    assert after.pop("updated_at") >= before.pop("updated_at")
    assert after == before | {
        "name": "Ada King",
        "email": None,
        "metadata": {"keep": "1", "change": "4", "new": "5"},
    }

    org.succeed("PATCH", f"/v1/customers/{customer_id}", {"external_id": "", "country": "", "timezone": "Asia/Tokyo"})
    last = org.get(f"/v1/customers/{customer_id}")
    assert (last["external_id"], last["country"], last["timezone"]) == (None, None, "Asia/Tokyo")
    assert last["name"] == "Ada King"


def test_metadata_cannot_grow_beyond_its_limit_by_updates(org):
    """50 pairs are the limit of what a customer holds, however they came."""
    customer_id = org.customer(metadata={f"a{i}": "x" for i in range(50)})
    accepted = org.send("PATCH", f"/v1/customers/{customer_id}", {"metadata": {f"b{i}": "x" for i in range(50)}})
    operation = org.outcome(accepted["operation_id"])
    assert len(org.get(f"/v1/customers/{customer_id}")["metadata"]) <= 50, operation


def test_an_archived_customer_is_read_and_nothing_more(org):
    """Archiving cancels the live subscription at once and keeps the documents; any later command is refused."""
    customer_id, plan_id = org.customer(external_id="x"), org.plan()
    subscription_id = org.subscription(customer_id, plan_id)
    assert org.succeed("DELETE", f"/v1/customers/{customer_id}") == customer_id

    customer = org.get(f"/v1/customers/{customer_id}")
    assert customer["archived_at"] is not None
    subscription = org.get(f"/v1/subscriptions/{subscription_id}")
    assert subscription["status"] == "canceled" and subscription["ended_at"] == subscription["canceled_at"]
    assert len(org.invoices_of(customer_id)) == 1
    assert customer_id in [item["id"] for item in org.all("/v1/customers")]

    org.fail("customer-archived", "PATCH", f"/v1/customers/{customer_id}", {"name": "B"})
    org.fail("customer-archived", "POST", "/v1/subscriptions", {"customer_id": customer_id, "plan_id": plan_id})
    assert org.get(f"/v1/customers/{customer_id}") == customer


def test_archiving_twice_is_told_apart(org):
    """The second archiving either changes nothing or is refused; archived_at stays."""
    customer_id = org.customer()
    org.succeed("DELETE", f"/v1/customers/{customer_id}")
    first = org.get(f"/v1/customers/{customer_id}")["archived_at"]
    org.fail("customer-archived", "DELETE", f"/v1/customers/{customer_id}")
    assert org.get(f"/v1/customers/{customer_id}")["archived_at"] == first


def test_an_external_id_names_one_customer(org):
    """A second customer cannot take it, nor by an update; its holder may send it again; archiving frees it."""
    holder, other = org.customer(external_id="crm-1"), org.customer(external_id="crm-2")
    org.fail("external-id-taken", "POST", "/v1/customers", {"name": "B", "external_id": "crm-1"})
    org.fail("external-id-taken", "PATCH", f"/v1/customers/{other}", {"external_id": "crm-1"})
    assert org.get(f"/v1/customers/{other}")["external_id"] == "crm-2"
    org.succeed("PATCH", f"/v1/customers/{holder}", {"external_id": "crm-1", "name": "Same"})

    org.succeed("DELETE", f"/v1/customers/{holder}")
    assert org.customer(external_id="crm-1") != holder


def test_the_same_external_id_at_once_is_given_once(org):
    """Of many creations that race for one external_id, on several partitions, exactly one succeeds."""
    body = {"name": "Racer", "external_id": "the-one"}
    accepted = org.in_parallel([lambda client: client.send("POST", "/v1/customers", body) for _ in range(24)])
    operations = [org.outcome(answer["operation_id"]) for answer in accepted]
    assert sorted(operation["status"] for operation in operations) == ["failed"] * 23 + ["succeeded"]
    types = {operation["error"]["type"].rsplit("/", 1)[-1] for operation in operations if operation["error"]}
    assert types == {"external-id-taken"}
    assert len(org.all("/v1/customers")) == 1


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_a_command_for_an_unknown_customer_fails(org, method):
    """The ingress knows no customers, so it accepts; the operation fails with customer-not-found."""
    body = {"name": "B"} if method == "PATCH" else None
    org.fail("customer-not-found", method, "/v1/customers/0198a0d2-0000-8000-8000-000000000001", body)


def test_each_change_of_a_customer_is_an_event_in_order(org):
    """created, updated, archived: three events with the state after each."""
    customer_id = org.customer(name="One")
    org.succeed("PATCH", f"/v1/customers/{customer_id}", {"name": "Two"})
    org.succeed("DELETE", f"/v1/customers/{customer_id}")
    events = [event for event in org.events() if event["subject"] == customer_id]
    assert [(event["type"], event["data"]["name"]) for event in events] == [
        ("billd.customer.created.v1", "One"),
        ("billd.customer.updated.v1", "Two"),
        ("billd.customer.archived.v1", "Two"),
    ]
    assert events[-1]["data"] == org.get(f"/v1/customers/{customer_id}")
