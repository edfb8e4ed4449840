"""Previews of what is owed: with items, discounts and taxes, and with the digest of the invoice that then is."""

import pytest
from billing import Clock, Life, charge, check_parts, plan_of
from client import slug
from money import APRIL, GHOST, JUNE, MAY, SIXTEENTH, coupon_by, coupon_of, give, invoice_of, one_off, rate_of, settings

SAME = ("period_start", "period_end", "issued_at", "due_at", "tax_exempt", "tax_exempt_reason", "discounts", "taxes",
        "subtotal", "discount", "tax", "tax_included", "total", "credit_applied", "amount_due", "digest")  # fmt: skip
LINE = ("kind", "charge_code", "description", "amount", "discount", "discounts", "tax", "tax_included", "taxes")
CHARGES = [charge("flat", "base", "advance", amount=2999), charge("per_unit", "seats", "advance", unit_amount="333.3")]


@pytest.fixture(scope="module")
def org(stack):
    return stack.organisation()


def preview(org, **wish):
    return org.done("POST", "/v1/invoices/preview", wish)


def check_same(previewed, invoice):
    assert {name: previewed[name] for name in SAME} == {name: invoice[name] for name in SAME}
    bare = [[{name: line[name] for name in LINE} for line in one["lines"]] for one in (previewed, invoice)]
    assert bare[0] == bare[1]
    check_parts(previewed)


def wishes(org):
    """What a new subscription comes with, each in its own way."""
    twenty, ten = coupon_of(org, percent_off="20"), coupon_of(org, amount_off=1000, currency="USD", duration="forever")
    vat, sales = rate_of(org, "19.6", inclusive=True), rate_of(org, "7.25")
    return [
        {"coupon_codes": [twenty]},
        {"coupon_codes": [ten, twenty], "tax_rate_ids": [sales]},
        {"coupon_codes": [twenty, ten], "tax_rate_ids": [vat, sales], "quantity": 7},
        {"tax_rate_ids": [vat], "anchor": "calendar", "start_at": "2026-03-20T10:00:00Z"},
    ]


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("exempt", ["none", "reverse"])
def test_a_new_subscriptions_first_invoice(org, number, exempt):
    clock, wish = Clock(org, APRIL), wishes(org)[number]
    told = {"tax_exempt": exempt, "tax_exempt_reason": "Art. 196" if exempt == "reverse" else None}
    wish |= {"plan_id": plan_of(org, charges=CHARGES), "customer_id": clock.customer(net_terms_days=14, **told)}
    one_off(org, wish["customer_id"], 501)
    give(org, wish["customer_id"], 40)
    previewed = preview(org, **wish)
    org.succeed("POST", "/v1/subscriptions", wish)
    first = invoice_of(org, wish["customer_id"], 0)
    assert previewed["discounts"] or "coupon_codes" not in wish
    assert bool(previewed["taxes"]) == (exempt == "none" and "tax_rate_ids" in wish)
    check_same(previewed, first)


def test_the_next_invoices(org):
    """Coupons are used up from one to the next; what waits is taken along, and the organisation's taxes count."""
    mine = org
    rate_id = rate_of(mine, "19")
    settings(mine, tax_rate_ids=rate_id, net_terms_days="30")
    try:
        codes = [coupon_of(mine, percent_off="50", duration="repeating", duration_periods=2)]
        life = Life(mine, APRIL, {"amount": 2999}, coupon_codes=codes)
        for month, discount in ((MAY, 1550), (JUNE, 0)):
            one_off(mine, life.customer_id, 101)
            previewed = preview(mine, subscription_id=life.id)
            assert previewed["discount"] == discount and previewed["taxes"][0]["tax_rate_id"] == rate_id
            check_same(previewed, life.to(month).invoices()[-1])
    finally:
        settings(mine, tax_rate_ids="", net_terms_days="")


@pytest.mark.parametrize("terms", [{"percent_off": "25"}, {"amount_off": 700, "currency": "USD"}])
@pytest.mark.parametrize("amount", [6000, 1000])
def test_a_change_inside_a_discounted_period(org, terms, amount):
    """What the coupon gave to the credited time comes back: to the invoice, or to the credit that it becomes."""
    code = coupon_of(org, duration="forever", **terms)
    life = Life(org, APRIL, {"amount": 3000}, coupon_codes=[code], tax_rate_ids=[rate_of(org, "10")])
    change = {"plan_id": plan_of(org, amount=amount)}
    life.to(SIXTEENTH)
    previewed = org.done("POST", life.path + "/change/preview", change)
    life.do("change", **change)
    if previewed["total"] >= 0:
        check_same(previewed, life.invoices()[-1])
    else:
        entry = org.all(f"/v1/customers/{life.customer_id}/credits")[0]
        assert previewed["digest"] is None and previewed["credited"] == entry["amount"]
        for name in ("discount", "discounts", "tax", "taxes", "tax_included"):
            assert previewed[name] == entry[name], name


def test_periods_that_are_behind_use_a_coupon_up(org):
    """The first of three periods has it; what waited is on the first as well, and the balance is used there."""
    clock, code = Clock(org, APRIL), coupon_of(org, percent_off="50")
    customer_id = clock.customer()
    give(org, customer_id, 100)
    wish = {"customer_id": customer_id, "plan_id": plan_of(org, amount=1000), "coupon_codes": [code],
            "start_at": "2026-01-15T00:00:00Z"}  # fmt: skip
    subscription_id = org.succeed("POST", "/v1/subscriptions", wish)
    found = [(one["discount"], one["credit_applied"]) for one in org.invoices_of(customer_id)[::-1]]
    assert found == [(500, 100), (0, 0), (0, 0)]
    assert preview(org, subscription_id=subscription_id)["discount"] == 0


def test_what_is_refused(org):
    clock, plan_id = Clock(org, APRIL), plan_of(org, amount=1000)
    wish = {"customer_id": clock.customer(), "plan_id": plan_id}
    code, gone, late = (
        coupon_of(org, percent_off="5", **more) for more in ({}, {}, {"redeem_by": "2026-03-01T00:00:00Z"})
    )
    rate_id, old = rate_of(org, "1"), rate_of(org, "2")
    org.succeed("DELETE", f"/v1/coupons/{coupon_by(org, gone)['id']}")
    org.succeed("DELETE", f"/v1/tax-rates/{old}")
    for status, type_slug, more in (
        (404, "coupon-not-found", {"coupon_codes": ["nobody-s"]}),
        (404, "coupon-not-found", {"coupon_codes": [code, gone]}),
        (409, "coupon-expired", {"coupon_codes": [late]}),
        (404, "tax-rate-not-found", {"tax_rate_ids": [rate_id, GHOST]}),
        (409, "tax-rate-archived", {"tax_rate_ids": [old]}),
    ):
        org.refused(status, type_slug, "POST", "/v1/invoices/preview", wish | more)
    for more in ({"coupon_codes": ["x"] * 11}, {"coupon_codes": "x"}, {"tax_rate_ids": ["x"]}):
        assert slug(org.request("POST", "/v1/invoices/preview", wish | more).json()) == "invalid-body"
