"""What the api itself adds to billing: its settings, lists of what billing leaves behind, and waiting for a clock."""

import uuid

import pytest
from billing import Clock, Life, charge

NEW = {"name": "Example Ltd.", "currency": "USD", "timezone": "Etc/UTC"}
MONTH = "2026-04-01T00:00:00Z"

# Settings

BAD_SETTINGS = [
    ({"proration": "hourly"}, ["/settings/proration"]),
    ({"proration": "Second"}, ["/settings/proration"]),
    ({"subscriptions_per_customer": "2"}, ["/settings/subscriptions_per_customer"]),
    (
        {"proration": "none ", "subscriptions_per_customer": "all", "footer": "Thank you."},
        ["/settings/proration", "/settings/subscriptions_per_customer"],
    ),
]


@pytest.mark.parametrize(("settings", "pointers"), BAD_SETTINGS, ids=[str(row[0]) for row in BAD_SETTINGS])
def test_a_setting_that_billing_cannot_go_by_is_refused(stack, settings, pointers):
    """422, at each place, and the good ones beside it have no effect either."""
    person = stack.person()
    person.refused(422, "invalid-body", "POST", "/v1/organisations", NEW | {"settings": settings}, pointers)
    assert person.get("/v1/organisations")["data"] == []
    client = person.found(**NEW, settings={"proration": "day"})
    path = f"/v1/organisations/{client.organisation_id}"
    client.refused(422, "invalid-body", "PATCH", path, {"settings": settings}, pointers)
    assert client.get(path)["settings"] == {"proration": "day"}


def test_a_setting_is_taken_away_where_it_was_set(stack):
    """By an empty value; a new organisation has nothing to take away, and all other names are its own."""
    person = stack.person()
    empty = NEW | {"settings": {"proration": ""}}
    person.refused(422, "invalid-body", "POST", "/v1/organisations", empty, ["/settings/proration"])
    own = {"Proration": "hourly", "prorations": "x"}
    client = person.found(**NEW, settings=own | {"proration": "none", "subscriptions_per_customer": "many"})
    path = f"/v1/organisations/{client.organisation_id}"
    assert client.get(path)["settings"] == own | {"proration": "none", "subscriptions_per_customer": "many"}
    changed = client.done("PATCH", path, {"settings": {"proration": "", "subscriptions_per_customer": "one"}})
    assert changed["settings"] == own | {"subscriptions_per_customer": "one"}


def test_the_database_holds_the_settings_as_well(stack, org):
    """Whoever writes them."""
    for name, value in (("proration", "hourly"), ("subscriptions_per_customer", "none")):
        with pytest.raises(Exception, match="check constraint"):
            stack.rows(
                "UPDATE identity.organisations SET settings = jsonb_build_object(%s::text, %s::text) RETURNING id",
                [name, value], organisation_id=org.organisation_id,
            )  # fmt: skip


# Lists


@pytest.fixture
def usage(org):
    """A month with a charge in arrears, on a clock."""
    return Life(org, MONTH, {"charges": [charge("per_unit", code, unit_amount="2") for code in ("a", "b", "c")]})


def test_a_plan_lists_its_versions(org):
    """Newest first, page by page; what is no price makes none."""
    plan_id = org.plan(interval="month", interval_count=1, amount=1000)
    for amount in (2000, 3000):
        org.succeed("PATCH", f"/v1/plans/{plan_id}", {"amount": amount})
    org.succeed("PATCH", f"/v1/plans/{plan_id}", {"name": "Another name"})
    pages = list(org.pages(f"/v1/plans/{plan_id}/versions", 2))
    assert [[one["version"] for one in page] for page in pages] == [[3, 2], [1]]
    versions = [one for page in pages for one in page]
    assert [one["charges"][0]["amount"] for one in versions] == [3000, 2000, 1000]
    assert versions[-1]["id"] == plan_id and {one["plan_id"] for one in versions} == {plan_id}
    plan = org.get(f"/v1/plans/{plan_id}")
    assert (plan["version"], plan["version_id"], plan["charges"]) == (3, versions[0]["id"], versions[0]["charges"])


def test_a_subscription_lists_what_was_reported(org, usage):
    """One row for a charge and a period, newest first, also of those that were reported in the same second."""
    assert org.get(f"{usage.path}/quantities") == {"data": [], "next_cursor": None}
    for code in "abc":
        usage.report("1.5", code)
    usage.to("2026-04-02T00:00:00Z").report(7, "b")
    pages = list(org.pages(f"{usage.path}/quantities", 1))
    assert all(len(page) == 1 for page in pages) and len(pages) == 3
    reported = {one["charge_code"]: one for page in pages for one in page}
    assert {code: one["quantity"] for code, one in reported.items()} == {"a": "1.5", "b": "7", "c": "1.5"}
    assert {one["period_start"] for one in reported.values()} == {MONTH}
    usage.to("2026-05-02T00:00:00Z").report(1, "c")
    newest = org.get(f"{usage.path}/quantities")["data"][0]
    assert (newest["charge_code"], newest["period_start"]) == ("c", "2026-05-01T00:00:00Z")
    assert len(org.all(f"{usage.path}/quantities")) == 4


def test_a_customer_lists_how_its_balance_came_about(org):
    """Newest first, page by page; the last entry has the balance."""
    life = Life(org, MONTH, {"amount": 3000})
    cheaper = life.plan({"amount": 1000})
    life.to("2026-04-16T00:00:00Z").do("change", plan_id=cheaper)
    life.to("2026-06-01T00:00:00Z")
    path = f"/v1/customers/{life.customer_id}/credits"
    pages = list(org.pages(path, 1))
    entries = [one for page in pages for one in page]
    assert all(len(page) == 1 for page in pages)
    assert [(one["sequence"], one["reason"], one["amount"], one["balance_after"]) for one in entries] == [
        (2, "invoice", -1000, 0),
        (1, "proration", 1000, 1000),
    ]
    assert [line["amount"] for line in entries[1]["lines"]] == [-1500, 500]
    assert life.customer()["credit_balance"] == 0
    assert org.get(f"/v1/customers/{org.customer()}/credits") == {"data": [], "next_cursor": None}


def test_test_clocks_are_shown_and_listed(org):
    """As any resource."""
    assert org.get("/v1/test-clocks") == {"data": [], "next_cursor": None}
    ids = [Clock(org, MONTH).id for _ in range(3)]
    assert [one["id"] for page in org.pages("/v1/test-clocks", 2) for one in page] == ids[::-1]
    clock = org.get(f"/v1/test-clocks/{ids[0]}")
    assert (clock["id"], clock["status"], clock["now"], clock["target_at"]) == (ids[0], "ready", MONTH, None)


NOTHING = [
    "/v1/plans/{}/versions", "/v1/subscriptions/{}/quantities", "/v1/customers/{}/credits", "/v1/test-clocks/{}"
]  # fmt: skip


@pytest.mark.parametrize("path", NOTHING)
def test_lists_of_what_is_not_there_are_not_found(stack, org, path):
    """404, where one that has nothing has an empty list; and so for another organisation's."""
    org.refused(404, "not-found", "GET", path.format(uuid.uuid4()))
    life = Life(org, MONTH, {"amount": 3000})
    of = {"plans": life.plan_id, "subscriptions": life.id, "customers": life.customer_id, "test-clocks": life.clock.id}
    mine = path.format(of[path.split("/")[2]])
    org.get(mine)
    stack.organisation().refused(404, "not-found", "GET", mine)


def test_a_cursor_of_one_list_is_none_of_another(org, usage):
    """Though both are a position and an id."""
    for code in "ab":
        usage.report(1, code)
    cursor = org.get(f"{usage.path}/quantities", params={"limit": 1})["next_cursor"]
    others = [f"/v1/plans/{usage.plan_id}/versions", f"/v1/customers/{usage.customer_id}/credits", "/v1/test-clocks"]
    for path in others:
        org.refused(400, "bad-cursor", "GET", path, params={"cursor": cursor})


# Waiting


def test_who_waits_for_a_clock_is_told_when_it_arrives(org):
    """The message is processed long before its operation is over; a year of days is on the way."""
    life = Life(org, MONTH, {"amount": 100, "interval": "day"})
    to = "2027-04-01T00:00:00Z"
    answer = org.request("POST", life.clock.path + "/advance", {"now": to}, headers={"Prefer": "wait=30"})
    assert answer.status_code == 200 and answer.headers["Preference-Applied"] == "wait", answer.text
    assert (answer.json()["status"], answer.json()["now"]) == ("ready", to)
    assert len(org.invoices_of(life.customer_id)) == 366


def test_an_operation_that_advances_is_pending_until_then(org):
    """And can be waited for like any other."""
    life = Life(org, MONTH, {"amount": 100, "interval": "day"})
    accepted = life.clock.begin_advance("2027-04-01T00:00:00Z")
    operation = org.get(f"/v1/operations/{accepted['operation_id']}", headers={"Prefer": "wait=30"})
    assert operation["status"] == "succeeded" and operation["resource"] == {"type": "test_clock", "id": life.clock.id}
    assert len(org.invoices_of(life.customer_id)) == 366
