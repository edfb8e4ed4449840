"""A subscription's life: one live one per customer, cancelled now or at its period's end, numbered invoices."""

import pytest

GHOST = "0198a0d2-0000-8000-8000-000000000001"


def test_a_second_live_subscription_is_refused(org):
    """One live subscription per customer, and no second invoice."""
    customer_id, plan_id = org.customer(), org.plan()
    org.subscription(customer_id, plan_id)
    body = {"customer_id": customer_id, "plan_id": plan_id}
    org.fail("subscription-live-exists", "POST", "/v1/subscriptions", body)
    assert len(org.all("/v1/subscriptions")) == len(org.invoices_of(customer_id)) == 1


def test_subscriptions_that_race_for_a_customer_give_one(org):
    """Of 24 parallel requests one succeeds, with one invoice."""
    customer_id, plan_id = org.customer(), org.plan()
    body = {"customer_id": customer_id, "plan_id": plan_id}
    accepted = org.in_parallel([lambda client: client.send("POST", "/v1/subscriptions", body) for _ in range(24)])
    operations = [org.outcome(answer["operation_id"]) for answer in accepted]
    assert sorted(operation["status"] for operation in operations) == ["failed"] * 23 + ["succeeded"]
    (invoice,) = org.invoices_of(customer_id)
    (winner,) = [operation for operation in operations if operation["status"] == "succeeded"]
    assert invoice["subscription_id"] == winner["resource"]["id"]


def test_cancel_now_ends_it(org):
    """Canceled at once; the invoice stays as it was."""
    customer_id = org.customer()
    subscription_id = org.subscription(customer_id, org.plan(), metadata={"a": "1"})
    before = org.invoices_of(customer_id)
    assert org.succeed("POST", f"/v1/subscriptions/{subscription_id}/cancel", {}) == subscription_id
    subscription = org.get(f"/v1/subscriptions/{subscription_id}")
    assert subscription["status"] == "canceled" and subscription["metadata"] == {"a": "1"}
    assert subscription["ended_at"] == subscription["canceled_at"] is not None
    assert org.invoices_of(customer_id) == before


def test_cancel_at_period_end_keeps_it_until_then(org):
    """It stays active, asking again changes nothing that counts, and cancelling now overrides the wish."""
    subscription_id = org.subscription(org.customer(), org.plan())
    path = f"/v1/subscriptions/{subscription_id}"
    for _ in range(2):
        org.succeed("POST", path + "/cancel", {"effective": "period_end"})
        subscription = org.get(path)
        assert (subscription["status"], subscription["cancel_at_period_end"]) == ("active", True)
        assert subscription["canceled_at"] is not None and subscription["ended_at"] is None
    org.succeed("POST", path + "/cancel", {"effective": "now"})
    subscription = org.get(path)
    assert subscription["status"] == "canceled" and subscription["ended_at"] is not None


@pytest.mark.parametrize("effective", ["now", "period_end"])
def test_a_canceled_subscription_is_final(org, effective):
    """Cancelling again is refused and changes nothing."""
    path = f"/v1/subscriptions/{org.subscription(org.customer(), org.plan())}"
    org.succeed("POST", path + "/cancel")
    before = org.get(path)
    org.fail("subscription-final", "POST", path + "/cancel", {"effective": effective})
    assert org.get(path) == before


def test_a_subscription_still_canceling_counts_as_live(org):
    """Until its period ends, no second one."""
    customer_id, plan_id = org.customer(), org.plan()
    org.succeed(
        "POST", f"/v1/subscriptions/{org.subscription(customer_id, plan_id)}/cancel", {"effective": "period_end"}
    )
    body = {"customer_id": customer_id, "plan_id": plan_id}
    org.fail("subscription-live-exists", "POST", "/v1/subscriptions", body)


def test_a_new_subscription_after_a_canceled_one_gets_the_next_number(org):
    """Invoices of a customer are numbered 0001, 0002, … with one prefix; a refused command takes none."""
    customer_id, plan_id, other_id = org.customer(), org.plan(), org.customer()
    for _ in range(3):
        subscription_id = org.subscription(customer_id, plan_id)
        org.fail(
            "subscription-live-exists", "POST", "/v1/subscriptions", {"customer_id": customer_id, "plan_id": plan_id}
        )
        org.succeed("POST", f"/v1/subscriptions/{subscription_id}/cancel")
    numbers = [invoice["number"].split("-") for invoice in org.invoices_of(customer_id)]
    assert [number[1] for number in numbers] == ["0003", "0002", "0001"]
    assert len({number[0] for number in numbers}) == 1

    org.subscription(other_id, plan_id)
    (other,) = org.invoices_of(other_id)
    assert other["number"].split("-")[1] == "0001" and other["number"].split("-")[0] != numbers[0][0]


def test_a_plan_that_costs_nothing_gives_a_paid_invoice(org):
    """A total of 0 is paid at once."""
    customer_id = org.customer()
    org.subscription(customer_id, org.plan(amount=0))
    (invoice,) = org.invoices_of(customer_id)
    assert (invoice["status"], invoice["total"], invoice["amount_due"]) == ("paid", 0, 0)
    assert invoice["paid_at"] == invoice["issued_at"] and invoice["number"].endswith("-0001")


def test_a_plan_in_another_currency_is_refused(org):
    """currency-mismatch, and nothing was made."""
    customer_id, plan_id = org.customer(currency="EUR"), org.plan(currency="USD")
    body = {"customer_id": customer_id, "plan_id": plan_id}
    org.fail("currency-mismatch", "POST", "/v1/subscriptions", body)
    assert org.invoices_of(customer_id) == []


def test_unknown_ids_are_refused_by_name(org):
    """An unknown customer comes before an unknown plan; an unknown subscription cannot be canceled."""
    org.fail("customer-not-found", "POST", "/v1/subscriptions", {"customer_id": GHOST, "plan_id": GHOST})
    org.fail("subscription-not-found", "POST", f"/v1/subscriptions/{GHOST}/cancel")


def test_an_id_of_another_kind_is_not_found(org):
    """A customer's id is no subscription's, a plan's no customer's."""
    customer_id, plan_id = org.customer(), org.plan()
    org.fail("subscription-not-found", "POST", f"/v1/subscriptions/{customer_id}/cancel")
    org.fail("customer-not-found", "POST", "/v1/subscriptions", {"customer_id": plan_id, "plan_id": plan_id})
    org.refused(404, "not-found", "GET", f"/v1/invoices/{customer_id}")


def test_a_forged_id_of_another_shard_is_not_found(org):
    """An id with the shard bits of another partition reaches a worker that must not touch the row."""
    subscription_id = org.subscription(org.customer(), org.plan())
    shard = int(subscription_id[15:18], 16) & 0x3FF
    for other in range(8):
        forged = (
            subscription_id[:15]
            + f"{int(subscription_id[15:18], 16) & 0xC00 | shard ^ other:03x}"
            + subscription_id[18:]
        )
        if other:
            org.fail("subscription-not-found", "POST", f"/v1/subscriptions/{forged}/cancel")
    assert org.get(f"/v1/subscriptions/{subscription_id}")["status"] == "active"


def test_commands_for_one_customer_apply_in_their_order(org):
    """Sent without waiting for each other: the last update wins, and a subscription sees the time zone before it."""
    plan_id = org.plan()
    created = org.send("POST", "/v1/customers", {"name": "0", "timezone": "Etc/UTC"})
    customer_id = created["resource"]["id"]
    for i in range(1, 20):
        last = org.send("PATCH", f"/v1/customers/{customer_id}", {"name": str(i)})
    org.send("PATCH", f"/v1/customers/{customer_id}", {"timezone": "Asia/Tokyo"})
    bought = org.send("POST", "/v1/subscriptions", {"customer_id": customer_id, "plan_id": plan_id})
    canceled = org.send("POST", f"/v1/subscriptions/{bought['resource']['id']}/cancel")
    for answer in (created, last, bought, canceled):
        assert org.outcome(answer["operation_id"])["status"] == "succeeded"
    assert org.get(f"/v1/customers/{customer_id}")["name"] == "19"
    assert org.get(f"/v1/subscriptions/{bought['resource']['id']}")["timezone"] == "Asia/Tokyo"


def test_each_change_of_a_subscription_is_an_event(org):
    """created with its invoice, updated by the wish to cancel, canceled."""
    subscription_id = org.subscription(org.customer(), org.plan())
    org.succeed("POST", f"/v1/subscriptions/{subscription_id}/cancel", {"effective": "period_end"})
    org.succeed("POST", f"/v1/subscriptions/{subscription_id}/cancel", {"effective": "now"})
    events = [event for event in org.events() if event["subject"] == subscription_id]
    assert [event["type"] for event in events] == [
        "billd.subscription.created.v1",
        "billd.subscription.updated.v1",
        "billd.subscription.canceled.v1",
    ]
    assert events[-1]["data"] == org.get(f"/v1/subscriptions/{subscription_id}")
