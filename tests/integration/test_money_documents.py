"""What is shown is what was told: every document has the form of its events, and says what the last one said."""

import pytest
from billing import Life, plan_of
from money import (
    APRIL,
    MAY,
    SIXTEENTH,
    billed,
    coupon_of,
    give,
    invoice_of,
    note_of,
    one_off,
    path_of,
    pay,
    rate_of,
    settled,
)  # fmt: skip

PATHS = {
    "customer": "customers", "plan": "plans", "subscription": "subscriptions", "invoice": "invoices",
    "coupon": "coupons", "tax_rate": "tax-rates", "item": "items", "credit_note": "credit-notes",
    "payment": "payments", "credit": "credits",
}  # fmt: skip


@pytest.fixture(scope="module")
def org(stack):
    """An organisation in which everything happened that documents tell of."""
    org = stack.organisation()
    rates = [rate_of(org, "19.6", country="FR"), rate_of(org, "5", inclusive=True)]
    limits = {"max_redemptions": 3, "redeem_by": "2030-01-01T00:00:00Z"}
    codes = [coupon_of(org, percent_off="12.5", metadata={"a": "b"}, **limits),
             coupon_of(org, amount_off=500, currency="USD", duration="repeating", duration_periods=3)]  # fmt: skip
    customer = {"tax_exempt_reason": "None yet", "net_terms_days": 10, "tax_rate_ids": rates[:1]}
    charge = {"code": "base", "name": "Base", "model": "flat", "amount": 3000, "tax_rate_ids": rates}
    life = Life(org, APRIL, {"charges": [charge]}, customer=customer, coupon_codes=codes, tax_rate_ids=rates[1:])
    one_off(org, life.customer_id, 250, tax_rate_ids=rates[1:], metadata={"c": "d"})
    give(org, life.customer_id, 120)
    first = pay(org, invoice_of(org, life.customer_id), amount=1000)
    org.fail("payment-declined", "POST", path_of(first, "pay"), {"payment_method": "sim_declined"})
    first = pay(org, first, "manual", reference="transfer 4711")
    note_of(org, first, [500], reason="Broken", refund=True)
    settled(org, first)
    life.to(SIXTEENTH).do("change", plan_id=plan_of(org, amount=100))
    life.to(MAY)
    for verb in ("void", "mark_uncollectible"):
        _, invoice = billed(org, 700, tax_rate_ids=rates)
        org.succeed("POST", path_of(invoice, verb))
    org.succeed("DELETE", f"/v1/tax-rates/{rates[0]}")
    org.succeed("DELETE", f"/v1/coupons/{org.all('/v1/coupons')[0]['id']}")
    return org


def last_told(org):
    """{(kind, id): what its last event said}"""
    told = {}
    for event in org.events():
        kind = event["type"].split(".")[1]
        if kind in PATHS:
            told[kind, event["subject"]] = event["data"]
    return told


# Counted in the row by what has an event of its own: a credit, a subscription, a refund.
SILENT = {"customer": {"credit_balance", "updated_at"}, "coupon": {"redemptions", "updated_at"},
          "payment": {"amount_refunded", "updated_at"}}  # fmt: skip


@pytest.mark.parametrize("kind", PATHS)
def test_the_last_event(org, kind):
    told = {subject: data for (of, subject), data in last_told(org).items() if of == kind}
    assert told, f"no {kind} was told of"
    for subject, data in told.items():
        shown = org.get(f"/v1/{PATHS[kind]}/{subject}")
        assert set(shown) == set(data), kind
        different = {name for name in data if shown[name] != data[name]}
        assert different <= SILENT.get(kind, set()), {name: (shown[name], data[name]) for name in different}


@pytest.mark.parametrize("kind", ["coupon", "tax_rate", "payment", "credit_note", "invoice"])
def test_lists_have_them_all(org, kind):
    listed = org.all(f"/v1/{PATHS[kind]}", limit=2)
    assert {one["id"] for one in listed} >= {subject for of, subject in last_told(org) if of == kind}
    assert all(one == org.get(f"/v1/{PATHS[kind]}/{one['id']}") for one in listed)


def test_lists_of_an_invoice_and_a_customer(org):
    notes, payments = org.all("/v1/credit-notes"), org.all("/v1/payments")
    for invoice in org.all("/v1/invoices"):
        path = f"/v1/invoices/{invoice['id']}"
        for name, all_of_them in (("credit-notes", notes), ("payments", payments)):
            wanted = [one for one in all_of_them if one["invoice_id"] == invoice["id"]]
            assert org.all(f"{path}/{name}", limit=1) == wanted
    items = [item for one in org.all("/v1/customers") for item in org.all(f"/v1/customers/{one['id']}/items")]
    assert [item["status"] for item in items] == ["billed"]


def test_what_is_not_there(org):
    ghost = "0198a0d2-0000-8000-8000-000000000001"
    for path in PATHS.values():
        org.refused(404, "not-found", "GET", f"/v1/{path}/{ghost}")
    for path in (f"invoices/{ghost}/payments", f"invoices/{ghost}/credit-notes", f"customers/{ghost}/items"):
        org.refused(404, "not-found", "GET", f"/v1/{path}")
