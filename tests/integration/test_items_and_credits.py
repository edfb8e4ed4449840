"""One-off items, which the next invoice takes or somebody takes back, and the credit balance, never below zero."""

from datetime import UTC, datetime, timedelta

import pytest
from billing import Life, credits_of, documents_of, plan_of
from money import APRIL, GHOST, JUNE, MAY, SIXTEENTH, balances, billed, give, invoice_of, of, one_off, rate_of
from waiting import eventually


@pytest.fixture(scope="module")
def org(stack):
    return stack.organisation()


# Items


def test_an_item_is_on_the_next_invoice(org):
    """Pending until then, billed by it, and never again."""
    life, _ = billed(org, 1000)
    item_id = one_off(org, life.customer_id, 4900, description="Setup of 3 seats", metadata={"job": "7"})
    item = org.get(f"/v1/items/{item_id}")
    names = ("customer_id", "status", "amount", "currency", "description", "invoice_id", "metadata")
    assert of([item], *names) == [(life.customer_id, "pending", 4900, "USD", "Setup of 3 seats", None, {"job": "7"})]
    may, june = life.to(JUNE).invoices()[1:]
    assert of(may["lines"], "kind", "charge_code", "amount", "description", "plan_id", "quantity") == [
        ("charge", "base", 1000, "Team", life.plan_id, 1), ("item", "item", 4900, "Setup of 3 seats", life.plan_id, 1),
    ]  # fmt: skip
    assert may["total"] == 5900 and june["total"] == 1000
    item = org.get(f"/v1/items/{item_id}")
    assert (item["status"], item["invoice_id"]) == ("billed", may["id"])
    assert org.all(f"/v1/customers/{life.customer_id}/items") == [item]


def test_items_come_in_the_order_in_which_they_were_made(org):
    life, _ = billed(org, 1000)
    for amount in (5, 3, 8, 1):
        one_off(org, life.customer_id, amount)
    life.to(MAY)
    assert [line["amount"] for line in life.invoices()[-1]["lines"]] == [1000, 5, 3, 8, 1]


def test_a_change_takes_them_too(org):
    """The next invoice is the next one, whatever it is for; where the whole comes to less than 0, a credit."""
    life, _ = billed(org, 3000)
    life.to(SIXTEENTH)
    up = one_off(org, life.customer_id, 100)
    life.do("change", plan_id=plan_of(org, amount=6000))
    assert life.invoices()[-1]["total"] == 1600
    down = one_off(org, life.customer_id, 200)
    life.do("change", plan_id=plan_of(org, amount=1000))
    (entry,) = credits_of(org, life.customer_id)
    assert entry["amount"] == 2500 - 200
    items = [org.get(f"/v1/items/{one}") for one in (up, down)]
    assert of(items, "status", "invoice_id", "credit_entry_id") == [
        ("billed", life.invoices()[-1]["id"], None), ("billed", None, entry["id"]),
    ]  # fmt: skip


def test_a_preview_shows_them_and_leaves_them(org):
    life, _ = billed(org, 1000)
    item_id = one_off(org, life.customer_id, 77)
    preview = org.done("POST", "/v1/invoices/preview", {"subscription_id": life.id})
    assert preview["total"] == 1077 and org.get(f"/v1/items/{item_id}")["status"] == "pending"
    assert life.to(MAY).invoices()[-1]["digest"] == preview["digest"]


def test_up_to_100_wait(org):
    """The 101st is refused; when they are billed there is room again."""
    life, _ = billed(org, 1000)
    path, body = f"/v1/customers/{life.customer_id}/items", {"amount": 1, "description": "One"}
    sent = [org.send("POST", path, body)["operation_id"] for _ in range(101)]
    outcomes = [org.outcome(one)["status"] for one in sent]
    assert sorted(outcomes) == ["failed"] + ["succeeded"] * 100
    org.fail("items-too-many", "POST", path, body)
    invoice = life.to(MAY).invoices()[-1]
    assert (len(invoice["lines"]), invoice["total"]) == (101, 1100)
    org.succeed("POST", path, body)


def test_items_that_cannot_be(org):
    customer_id = org.customer()
    path, body = f"/v1/customers/{customer_id}/items", {"amount": 1, "description": "One"}
    for fault in ({"amount": 0}, {"amount": -1}, {"amount": 1.5}, {"description": ""}):
        org.refused(422, "invalid-body", "POST", path, body | fault)
    org.fail("currency-mismatch", "POST", path, body | {"currency": "EUR"})
    org.fail("customer-not-found", "POST", f"/v1/customers/{GHOST}/items", body)
    org.refused(404, "not-found", "GET", f"/v1/items/{GHOST}")
    org.succeed("DELETE", f"/v1/customers/{customer_id}")
    org.fail("customer-archived", "POST", path, body)


# Taken back


def take_back(org, item_id):
    """Its document, once it is canceled."""
    assert org.succeed("DELETE", f"/v1/items/{item_id}") == item_id
    return org.get(f"/v1/items/{item_id}")


def test_an_item_is_taken_back(org):
    """The next invoice is without it; it stays in the list, and its operation and event say so."""
    life, _ = billed(org, 1000)
    kept, gone = (one_off(org, life.customer_id, amount) for amount in (7, 4900))
    answer = org.request("DELETE", f"/v1/items/{gone}", headers={"Prefer": "wait=10"})
    item = org.get(f"/v1/items/{gone}")
    assert (answer.status_code, answer.json()) == (200, item)
    assert of([item], "status", "amount", "invoice_id", "credit_entry_id") == [("canceled", 4900, None, None)]
    preview = org.done("POST", "/v1/invoices/preview", {"subscription_id": life.id})
    may = life.to(MAY).invoices()[-1]
    assert may["total"] == preview["total"] == 1007 and may["digest"] == preview["digest"]
    assert of(org.all(f"/v1/customers/{life.customer_id}/items"), "id", "status") == [
        (gone, "canceled"), (kept, "billed"),
    ]  # fmt: skip
    told = [event["type"] for event in org.events() if event["subject"] == gone]
    assert told == ["billd.item.created.v1", "billd.item.canceled.v1"]


def test_items_that_cannot_be_taken_back(stack, org):
    """What an invoice has, what is taken back already, what is not there, and what is another's."""
    life, _ = billed(org, 1000)
    on_invoice, gone = (one_off(org, life.customer_id, amount) for amount in (1, 2))
    take_back(org, gone)
    life.to(MAY)
    for item_id in (on_invoice, gone):
        org.fail("item-not-pending", "DELETE", f"/v1/items/{item_id}")
    other = stack.organisation()
    foreign = one_off(other, other.customer(), 3)
    for item_id in (GHOST, foreign):
        org.fail("item-not-found", "DELETE", f"/v1/items/{item_id}")
    assert other.get(f"/v1/items/{foreign}")["status"] == "pending"
    org.refused(404, "not-found", "DELETE", "/v1/items/nothing")


def test_what_fell_due_before_has_taken_it(org):
    """In real time: the renewal is billed first, whoever notices it."""
    customer_id = org.customer()
    start = datetime.now(UTC) - timedelta(days=1) + timedelta(seconds=2)
    plan_id = plan_of(org, amount=10, interval="day")
    item_id = one_off(org, customer_id, 5)
    org.succeed("POST", "/v1/subscriptions", {"customer_id": customer_id, "plan_id": plan_id,
                                              "start_at": start.strftime("%Y-%m-%dT%H:%M:%SZ")})  # fmt: skip
    assert org.get(f"/v1/items/{item_id}")["status"] == "billed"
    late = one_off(org, customer_id, 6)
    eventually(lambda: datetime.now(UTC) > start + timedelta(days=1, seconds=1), "it is due", 10, 0.1)
    org.fail("item-not-pending", "DELETE", f"/v1/items/{late}")
    assert of(org.invoices_of(customer_id), "total") == [(16,), (15,)]


def test_there_is_room_for_another(org):
    """Of 100 that wait one is taken back: one more can wait, and not two."""
    customer_id = org.customer()
    path, body = f"/v1/customers/{customer_id}/items", {"amount": 1, "description": "One"}
    sent = [org.send("POST", path, body)["operation_id"] for _ in range(100)]
    items = [org.outcome(one)["resource"]["id"] for one in sent]
    take_back(org, items[50])
    org.succeed("POST", path, body)
    org.fail("items-too-many", "POST", path, body)


def test_takers_race_with_the_next_invoice(org):
    """Ten items, each wanted back twice while a change bills them: taken back once, or billed."""
    life, _ = billed(org, 1000)
    items = [one_off(org, life.customer_id, 10) for _ in range(10)]
    wishes = [("DELETE", f"/v1/items/{item_id}", None) for item_id in items * 2]
    wishes.insert(7, ("POST", f"{life.path}/change", {"plan_id": plan_of(org, amount=2000)}))
    jobs = [lambda client, wish=wish: client.send(*wish)["operation_id"] for wish in wishes]
    outcomes = [org.outcome(one)["status"] for one in org.in_parallel(jobs)]
    found = [org.get(f"/v1/items/{item_id}") for item_id in items]
    canceled = sum(item["status"] == "canceled" for item in found)
    invoice = life.invoices()[-1]
    assert outcomes.count("succeeded") == canceled + 1
    assert {item["invoice_id"] for item in found if item["status"] == "billed"} <= {invoice["id"]}
    assert sum(line["kind"] == "item" for line in invoice["lines"]) == 10 - canceled


def test_a_renewal_that_an_item_held_up(org):
    """Their taxes are too many for one invoice: some taken back, and the subscription changed, it is billed."""
    rates = [rate_of(org, str(percent), True) for percent in range(1, 11)]
    life = Life(org, APRIL, {"amount": 1000}, tax_rate_ids=rates[:1])
    items = [one_off(org, life.customer_id, 1000, tax_rate_ids=[rate_id]) for rate_id in rates[1:]]
    life.to(MAY)
    assert life.now()["billing_problem"] == "tax-too-mixed" and len(life.invoices()) == 1
    for item_id in items[5:]:
        take_back(org, item_id)
    # Like a report that puts a quantity right, it sets nothing going; a change does.
    assert life.now()["billing_problem"] == "tax-too-mixed" and len(life.invoices()) == 1
    life.do("change", quantity=1, effective="period_end").to(JUNE)
    assert life.now()["billing_problem"] is None
    assert of(life.invoices(), "issued_at", "total") == [(APRIL, 1000), (MAY, 6000), (JUNE, 1000)]
    assert {item["status"] for item in map(org.get, (f"/v1/items/{one}" for one in items[:5]))} == {"billed"}


# Credit


def test_a_grant_pays_the_next_invoices(org):
    """With its description in the history, and its own document."""
    life, _ = billed(org, 1000)
    entry_id = give(org, life.customer_id, 1500)
    entry = org.get(f"/v1/credits/{entry_id}")
    assert of([entry], "reason", "amount", "balance_after", "description", "currency") == [
        ("grant", 1500, 1500, "Goodwill", "USD"),
    ]  # fmt: skip
    may, june = life.to(JUNE).invoices()[1:]
    assert of([may, june], "total", "credit_applied", "amount_due", "status") == [
        (1000, 1000, 0, "paid"), (1000, 500, 500, "open"),
    ]  # fmt: skip
    assert of(credits_of(org, life.customer_id), "reason", "amount", "invoice_id") == [
        ("grant", 1500, None), ("invoice", -1000, may["id"]), ("invoice", -500, june["id"]),
    ]  # fmt: skip


def test_the_balance_is_never_below_zero(org):
    """What is there can be taken back, and no more than that."""
    customer_id = org.customer()
    path = f"/v1/customers/{customer_id}/credits"
    org.fail("credit-insufficient", "POST", path, {"amount": -1, "description": "Back"})
    give(org, customer_id, 100)
    org.fail("credit-insufficient", "POST", path, {"amount": -101, "description": "Back"})
    give(org, customer_id, -100)
    assert org.get(f"/v1/customers/{customer_id}")["credit_balance"] == 0
    documents_of(org, customer_id)


def test_credits_that_cannot_be(org):
    customer_id = org.customer()
    path = f"/v1/customers/{customer_id}/credits"
    org.refused(422, "invalid-body", "POST", path, {"amount": 0, "description": "Nothing"})
    org.refused(422, "invalid-body", "POST", path, {"amount": 5})
    org.fail("currency-mismatch", "POST", path, {"amount": 5, "description": "Euros", "currency": "EUR"})
    org.fail("customer-not-found", "POST", f"/v1/customers/{GHOST}/credits", {"amount": 5, "description": "Nobody"})
    org.refused(404, "not-found", "GET", f"/v1/credits/{GHOST}")


def test_takers_race_for_a_balance(org):
    """Twenty take 10 of 100 at once: ten get it."""
    customer_id = org.customer()
    give(org, customer_id, 100)
    body = {"amount": -10, "description": "Race"}
    path = f"/v1/customers/{customer_id}/credits"
    sent = org.in_parallel([lambda client: client.send("POST", path, body)["operation_id"]] * 20)
    outcomes = [org.outcome(one)["status"] for one in sent]
    assert sorted(outcomes) == ["failed"] * 10 + ["succeeded"] * 10
    assert org.get(f"/v1/customers/{customer_id}")["credit_balance"] == 0
    documents_of(org, customer_id)


def test_a_grant_is_booked(stack):
    """Given for nothing, and used by an invoice."""
    org = stack.organisation()
    life, _ = billed(org, 1000)
    give(org, life.customer_id, 300)
    give(org, life.customer_id, -50)
    life.to(MAY)
    assert invoice_of(org, life.customer_id)["credit_applied"] == 250
    sums = balances(org)
    assert (sums["credits_granted"], sums["receivable"], sums.get("customer_credit", 0)) == (250, 1750, 0)


def test_of_a_time_when_it_was_given(org):
    """A subscription's first invoice has what was there before it."""
    clock = Life(org, APRIL, {"amount": 1}).clock
    customer_id = clock.customer()
    give(org, customer_id, 400)
    org.subscription(customer_id, plan_of(org, amount=1000))
    assert of([invoice_of(org, customer_id)], "credit_applied", "amount_due") == [(400, 600)]
