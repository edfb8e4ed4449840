"""A plan's life: its code and currency never change, and an archived one takes no new subscriptions."""

import pytest

GIVEN = {
    "code": "basic-30d",
    "name": "Basic",
    "currency": "KWD",
    "interval": "month",
    "interval_count": 3,
    "amount": 999_999_999_999_999,
    "metadata": {"tier": "1"},
}


def test_a_plan_has_what_it_was_given(org):
    """Every field comes back, up to the largest amount."""
    plan_id = org.succeed("POST", "/v1/plans", GIVEN)
    plan = org.get(f"/v1/plans/{plan_id}")
    assert {name: plan[name] for name in GIVEN} == GIVEN
    assert plan["id"] == plan_id and plan["archived_at"] is None


def test_a_plan_counts_one_interval_unless_told(org):
    """interval_count is 1, metadata is empty."""
    body = {name: GIVEN[name] for name in ("code", "name", "currency", "interval", "amount")}
    plan = org.get(f"/v1/plans/{org.succeed('POST', '/v1/plans', body)}")
    assert (plan["interval_count"], plan["metadata"]) == (1, {})


def test_an_update_of_name_and_metadata_changes_nothing_else(org):
    """Code and currency are not even fields of the command; prices make a version (test_changes.py)."""
    plan_id = org.succeed("POST", "/v1/plans", GIVEN)
    before = org.get(f"/v1/plans/{plan_id}")
    org.succeed("PATCH", f"/v1/plans/{plan_id}", {"name": "Basic (2026)", "metadata": {"tier": "", "b": "2"}})
    after = org.get(f"/v1/plans/{plan_id}")
    assert after.pop("updated_at") >= before.pop("updated_at")
    assert after == before | {"name": "Basic (2026)", "metadata": {"b": "2"}}
    for field in ({"code": "other"}, {"currency": "USD"}):
        pointers = [f"/{name}" for name in field]
        org.refused(422, "invalid-body", "PATCH", f"/v1/plans/{plan_id}", field, pointers=pointers)


def test_an_archived_plan_takes_no_new_subscription(org):
    """The subscriptions that it has go on; by id it is archived, by code it is not there any more."""
    plan_id = org.plan(code="old")
    before = org.subscription(org.customer(), plan_id)
    org.succeed("DELETE", f"/v1/plans/{plan_id}")
    assert org.get(f"/v1/plans/{plan_id}")["archived_at"] is not None
    assert org.get(f"/v1/subscriptions/{before}")["status"] == "active"

    customer_id = org.customer()
    org.fail("plan-archived", "POST", "/v1/subscriptions", {"customer_id": customer_id, "plan_id": plan_id})
    assert org.invoices_of(customer_id) == []
    org.fail("plan-archived", "DELETE", f"/v1/plans/{plan_id}")


def test_a_code_names_one_plan(org):
    """Taken while its plan is not archived; free afterwards, and then it names the new one."""
    first = org.plan(code="team", amount=100)
    org.fail("plan-code-taken", "POST", "/v1/plans", GIVEN | {"code": "team"})
    org.succeed("DELETE", f"/v1/plans/{first}")
    second = org.plan(code="team", amount=200)
    customer_id = org.customer()
    org.succeed("POST", "/v1/subscriptions", {"customer_id": customer_id, "plan_code": "team"})
    (invoice,) = org.invoices_of(customer_id)
    assert (invoice["lines"][0]["plan_id"], invoice["total"]) == (second, 200)


@pytest.mark.parametrize("by", [{"plan_id": "0198a0d2-0000-8000-8000-000000000001"}, {"plan_code": "none-such"}])
def test_an_unknown_plan_fails_the_subscription(org, by):
    """By id and by code: plan-not-found, and nothing was made."""
    customer_id = org.customer()
    org.fail("plan-not-found", "POST", "/v1/subscriptions", {"customer_id": customer_id} | by)
    assert org.all("/v1/subscriptions") == [] and org.invoices_of(customer_id) == []


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_a_command_for_an_unknown_plan_fails(org, method):
    """plan-not-found."""
    body = {"name": "B"} if method == "PATCH" else None
    org.fail("plan-not-found", method, "/v1/plans/0198a0d2-0000-8000-8000-000000000001", body)


def test_each_change_of_a_plan_is_an_event_in_order(org):
    """created, updated, archived."""
    plan_id = org.plan(name="One")
    org.succeed("PATCH", f"/v1/plans/{plan_id}", {"name": "Two"})
    org.succeed("DELETE", f"/v1/plans/{plan_id}")
    events = org.events()
    assert [(event["type"], event["data"]["name"]) for event in events] == [
        ("billd.plan.created.v1", "One"),
        ("billd.plan.updated.v1", "Two"),
        ("billd.plan.archived.v1", "Two"),
    ]
    assert events[-1]["data"] == org.get(f"/v1/plans/{plan_id}")
