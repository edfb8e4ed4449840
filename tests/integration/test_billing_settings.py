"""The settings of an organisation that billing goes by."""

import pytest
from billing import Life
from money import APRIL, GHOST, invoice_of, rate_of, settings


@pytest.fixture(scope="module")
def org(stack):
    return stack.organisation()


def path(org):
    return f"/v1/organisations/{org.organisation_id}"


BAD = [
    ("invoice_numbering", "series"), ("invoice_prefix", "acme"), ("invoice_prefix", "A" * 13),
    ("invoice_prefix", "A-1"), ("net_terms_days", "366"), ("net_terms_days", "-1"), ("net_terms_days", "007"),
    ("net_terms_days", "soon"), ("tax_rate_ids", "vat"), ("tax_rate_ids", GHOST), ("tax_rate_ids", f"{GHOST},{GHOST}"),
    ("tax_rate_ids", GHOST.upper()), ("proration", "week"), ("subscriptions_per_customer", "two"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), BAD)
def test_what_is_no_value(org, name, value):
    before = org.get(path(org))
    org.refused(422, "invalid-body", "PATCH", path(org), {"settings": {name: value}}, [f"/settings/{name}"])
    assert org.get(path(org)) == before


def test_a_new_organisation_has_no_tax_rates(stack, org):
    """It cannot name another's."""
    body = {
        "name": "Second",
        "currency": "EUR",
        "timezone": "Europe/Vienna",
        "settings": {"tax_rate_ids": rate_of(org, "1")},
    }
    stack.person().refused(422, "invalid-body", "POST", "/v1/organisations", body, ["/settings/tax_rate_ids"])


def test_tax_rates(org):
    """Each is the organisation's and there; one that is archived by then stays, and is not taken anew."""
    kept, new = rate_of(org, "1"), rate_of(org, "2")
    settings(org, tax_rate_ids=kept)
    org.succeed("DELETE", f"/v1/tax-rates/{kept}")
    settings(org, tax_rate_ids=f"{new},{kept}")
    life = Life(org, APRIL, {"amount": 1000})
    assert [tax["amount"] for tax in invoice_of(org, life.customer_id)["taxes"]] == [20, 10]
    settings(org, tax_rate_ids=new)
    org.refused(
        422, "invalid-body", "PATCH", path(org), {"settings": {"tax_rate_ids": kept}}, ["/settings/tax_rate_ids"]
    )
    settings(org, tax_rate_ids="")
    assert "tax_rate_ids" not in org.get(path(org))["settings"]


def test_they_take_effect(org):
    settings(org, invoice_numbering="organisation", invoice_prefix="ACME", net_terms_days="14")
    invoice = invoice_of(org, Life(org, APRIL, {"amount": 1000}).customer_id)
    assert invoice["number"] == "ACME-000001" and invoice["due_at"] == "2026-04-15T00:00:00Z"
    settings(org, invoice_numbering="", invoice_prefix="", net_terms_days="")
    invoice = invoice_of(org, Life(org, APRIL, {"amount": 1000}).customer_id)
    assert invoice["number"].endswith("-0001") and invoice["due_at"] == invoice["issued_at"]


@pytest.mark.parametrize(
    "query", ["account=sales", "account=", "document_id=x", "account=cash&account=cash", "reason=x"]
)
def test_the_journals_filters_are_checked(org, query):
    org.refused(400, "bad-parameter", "GET", f"/v1/journal?{query}")


def test_a_filter_is_of_its_list(org):
    org.refused(400, "bad-parameter", "GET", "/v1/payments?account=cash")


def test_what_waits_has_what_was_made(org):
    """201 with the item, 200 with the invoice that is paid, 402 where the provider declines."""
    life = Life(org, APRIL, {"amount": 1000})
    wait = {"Prefer": "wait=20"}
    for what, body in (
        ("items", {"amount": 5, "description": "Setup"}),
        ("credits", {"amount": 5, "description": "Sorry"}),
    ):
        answer = org.request("POST", f"/v1/customers/{life.customer_id}/{what}", body, headers=wait)
        assert answer.status_code == 201, answer.text
        assert org.get(answer.headers["Location"]) == answer.json()
        assert answer.json()["customer_id"] == life.customer_id
    pay = f"/v1/invoices/{invoice_of(org, life.customer_id)['id']}/pay"
    org.refused(402, "payment-declined", "POST", pay, {"payment_method": "sim_declined"}, headers=wait)
    answer = org.request("POST", pay, {"payment_method": "sim_ok"}, headers=wait)
    assert answer.status_code == 200 and answer.json()["status"] == "paid", answer.text
