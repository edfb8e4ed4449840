"""Lists: newest first, page by page, without a gap or a repeat also while more is added."""

import uuid

import pytest


@pytest.fixture(scope="module")
def many(stack):
    """An organisation with 45 customers, the ids in the order of their creation."""
    org = stack.organisation()
    ids = [org.send("POST", "/v1/customers", {"name": f"{i}"}) for i in range(45)]
    for accepted in ids:
        assert org.outcome(accepted["operation_id"])["status"] == "succeeded"
    return org, [accepted["resource"]["id"] for accepted in ids]


@pytest.mark.parametrize("limit", [1, 7, 15, 44, 45, 46, 100])
def test_pages_show_each_row_once_newest_first(many, limit):
    """Whatever the page size; every page but the last is full."""
    org, ids = many
    pages = list(org.pages("/v1/customers", limit))
    assert [item["id"] for page in pages for item in page] == ids[::-1]
    assert all(len(page) == limit for page in pages[:-1]) and 0 < len(pages[-1]) <= limit


def test_a_page_has_20_rows_unless_told(many):
    """The default."""
    org, ids = many
    page = org.get("/v1/customers")
    assert [item["id"] for item in page["data"]] == ids[:-21:-1] and page["next_cursor"]


def test_a_list_of_nothing_ends_at_once(org):
    """No rows, no cursor."""
    for path in ("customers", "plans", "subscriptions", "invoices"):
        assert org.get(f"/v1/{path}") == {"data": [], "next_cursor": None}


def test_invoices_of_a_customer_that_is_not_there_are_not_found(org):
    """404, where a customer without invoices has an empty list."""
    org.refused(404, "not-found", "GET", f"/v1/customers/{uuid.uuid4()}/invoices")
    assert org.invoices_of(org.customer()) == []


def test_what_is_added_meanwhile_moves_nothing(org):
    """A new row between two pages comes before the first: the second page goes on where it was."""
    ids = [org.customer(name=str(i)) for i in range(6)]
    first = org.get("/v1/customers", params={"limit": 3})
    org.customer(name="late")
    second = org.get("/v1/customers", params={"limit": 3, "cursor": first["next_cursor"]})
    assert [item["id"] for item in first["data"] + second["data"]] == ids[::-1]


def test_a_customers_invoices_are_paged_newest_first(org):
    """By number, from the latest."""
    customer_id, plan_id = org.customer(), org.plan()
    for _ in range(5):
        subscription_id = org.subscription(customer_id, plan_id)
        org.succeed("POST", f"/v1/subscriptions/{subscription_id}/cancel")
    pages = list(org.pages(f"/v1/customers/{customer_id}/invoices", 2))
    assert [[invoice["number"][-4:] for invoice in page] for page in pages] == [
        ["0005", "0004"],
        ["0003", "0002"],
        ["0001"],
    ]
    assert sorted(invoice["id"] for invoice in org.all("/v1/invoices", 2)) == sorted(
        invoice["id"] for page in pages for invoice in page
    )


def test_events_are_paged_oldest_first_by_after(many):
    """Each event once; the last cursor finds what comes later, and nothing twice."""
    org, ids = many
    found, after, pages = [], None, 0
    while True:
        page = org.get("/v1/events", params={"limit": 10} | ({"after": after} if after else {}))
        found += page["data"]
        pages += 1
        after = page["next_cursor"] or after
        if len(page["data"]) < 10:
            break
    assert sorted(event["subject"] for event in found) == sorted(ids) and pages == 5
    assert len({event["id"] for event in found}) == 45

    org.succeed("PATCH", f"/v1/customers/{ids[0]}", {"name": "changed"})
    later = org.get("/v1/events", params={"after": after})["data"]
    assert [event["type"] for event in later] == ["billd.customer.updated.v1"]
    org.succeed("PATCH", f"/v1/customers/{ids[0]}", {"name": "0"})
