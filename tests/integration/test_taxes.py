"""Tax rates: exclusive and inclusive ones, several on a line, whose they are, and who is exempt."""

import pytest
from billing import Life, charge, credits_of, plan_of
from money import APRIL, GHOST, MAY, SIXTEENTH, amounts, coupon_of, invoice_of, of, one_off, rate_of, settings


@pytest.fixture(scope="module")
def org(stack):
    """One organisation without rates of its own."""
    return stack.organisation()


def taxed(org, *rates, plan=None, **more):
    """A life whose subscription has these rates."""
    return Life(org, APRIL, plan or {"amount": 1000}, tax_rate_ids=list(rates), **more)


def first(life):
    return invoice_of(life.org, life.customer_id, 0)


# The thing itself


def test_a_rate_has_what_it_was_given(org):
    given = {"code": "vat-fr", "name": "TVA", "percentage": "19.6", "inclusive": True, "country": "FR",
             "metadata": {"a": "b"}}  # fmt: skip
    rate = org.get(f"/v1/tax-rates/{org.succeed('POST', '/v1/tax-rates', given)}")
    assert {name: rate[name] for name in given} == given and rate["archived_at"] is None
    assert rate in org.all("/v1/tax-rates")
    org.fail("tax-rate-code-taken", "POST", "/v1/tax-rates", given)


def test_an_archived_rate_is_nobodys_anew(org):
    """Who has it keeps it, and its code is free."""
    rate_id = rate_of(org, "10", code="old-10")
    life = taxed(org, rate_id)
    org.succeed("DELETE", f"/v1/tax-rates/{rate_id}")
    assert org.get(f"/v1/tax-rates/{rate_id}")["archived_at"]
    assert [invoice["tax"] for invoice in life.to(MAY).invoices()] == [100, 100]
    wish = {"customer_id": org.customer(), "plan_id": life.plan_id, "tax_rate_ids": [rate_id]}
    org.fail("tax-rate-archived", "POST", "/v1/subscriptions", wish)
    org.fail("tax-rate-archived", "POST", "/v1/customers", {"name": "Ada", "tax_rate_ids": [rate_id]})
    rate_of(org, "11", code="old-10")


@pytest.mark.parametrize("percentage", ["100.1", "-1", "1.23456", "ten", ""])
def test_percentages_that_cannot_be(org, percentage):
    body = {"code": "never", "name": "VAT", "percentage": percentage}
    answer = org.request("POST", "/v1/tax-rates", body)
    if answer.status_code == 202:
        org.failed(answer.json()["operation_id"], "tax-rate-invalid")
    else:
        assert answer.status_code == 422, answer.text


def test_a_rate_that_is_not_there(org):
    """Refused wherever it is named, and nothing is made."""
    customer_id, plan_id = org.customer(), plan_of(org, amount=1)
    org.refused(404, "not-found", "GET", f"/v1/tax-rates/{GHOST}")
    org.fail("tax-rate-not-found", "DELETE", f"/v1/tax-rates/{GHOST}")
    for path, body in (
        ("/v1/customers", {"name": "Ada"}),
        ("/v1/subscriptions", {"customer_id": customer_id, "plan_id": plan_id}),
        (f"/v1/customers/{customer_id}/items", {"amount": 1, "description": "Setup"}),
    ):
        org.fail("tax-rate-not-found", "POST", path, body | {"tax_rate_ids": [GHOST]})
    fields = {"code": "ghosts", "name": "Ghosts", "currency": "USD", "interval": "month"}
    charges = [charge("flat", "base", "advance", amount=1, tax_rate_ids=[GHOST])]
    org.fail("tax-rate-not-found", "POST", "/v1/plans", fields | {"charges": charges})


def test_another_organisations_rate_is_one_that_is_not_there(stack, org):
    rate_id = rate_of(org, "10")
    stack.organisation().fail("tax-rate-not-found", "POST", "/v1/customers", {"name": "Ada", "tax_rate_ids": [rate_id]})


# What they come to


def test_an_exclusive_rate_is_added(org):
    rate_id = rate_of(org, "19.6")
    invoice = first(taxed(org, rate_id))
    assert amounts(invoice) == (1000, 0, 196, 1196) and invoice["amount_due"] == 1196
    (tax,) = invoice["taxes"]
    assert {name: tax[name] for name in ("tax_rate_id", "name", "percentage", "inclusive", "taxable", "amount")} == {
        "tax_rate_id": rate_id, "name": "VAT", "percentage": "19.6", "inclusive": False, "taxable": 1000, "amount": 196,
    }  # fmt: skip


def test_an_inclusive_rate_is_contained(org):
    """119.00 with 19 % inside is 100.00 and 19.00; the total stays."""
    invoice = first(taxed(org, rate_of(org, "19", True), plan={"amount": 11_900}))
    assert amounts(invoice) == (11_900, 0, 1900, 11_900)
    assert (invoice["tax_included"], invoice["taxes"][0]["taxable"]) == (1900, 10_000)


def test_several_on_a_line_are_of_the_same_base(org):
    """Never tax on tax: exclusive ones of what is left without the contained one."""
    rates = [rate_of(org, "20", True), rate_of(org, "5"), rate_of(org, "9.975")]
    invoice = first(taxed(org, *rates, plan={"amount": 12_000}))
    assert [tax["amount"] for tax in invoice["taxes"]] == [2000, 500, 998]
    assert [tax["taxable"] for tax in invoice["taxes"]] == [10_000] * 3
    assert amounts(invoice) == (12_000, 0, 3498, 13_498)


def test_a_rate_is_rounded_once(org):
    """Three lines of 333 at 19 %: 189.81 is 190, not three times 63."""
    plan = {"charges": [charge("flat", code, "advance", amount=333) for code in ("a", "b", "c")]}
    invoice = first(taxed(org, rate_of(org, "19"), plan=plan))
    assert [line["tax"] for line in invoice["lines"]] == [64, 63, 63] and invoice["tax"] == 190


def test_taxes_are_behind_discounts(org):
    """20 % off 1000, then 25 % on 800."""
    code = coupon_of(org, percent_off="20")
    invoice = first(taxed(org, rate_of(org, "25"), coupon_codes=[code]))
    assert amounts(invoice) == (1000, 200, 200, 1000)


def test_what_is_credited_has_its_tax_back(org):
    """A downgrade: 1500 less 500, and 10 % of it."""
    life = taxed(org, rate_of(org, "10"), plan={"amount": 3000}).to(SIXTEENTH)
    life.do("change", plan_id=plan_of(org, amount=1000))
    (entry,) = credits_of(org, life.customer_id)
    assert (entry["amount"], entry["tax"], entry["tax_included"]) == (1100, -100, 0)
    may = life.to(MAY).invoices()[-1]
    assert (may["total"], may["credit_applied"], may["status"]) == (1100, 1100, "paid")


def test_a_rate_of_0_is_shown(org):
    """It is a rate, and comes to nothing."""
    invoice = first(taxed(org, rate_of(org, "0")))
    assert of(invoice["taxes"], "percentage", "taxable", "amount") == [("0", 1000, 0)]
    assert invoice["total"] == 1000


def test_too_many_inclusive_mixtures(org):
    """Eight sums of inclusive rates are as many as one invoice has; what has one too many is parked."""
    rates = [rate_of(org, str(percent), True) for percent in range(1, 10)]
    life = Life(org, APRIL, {"amount": 1000}, tax_rate_ids=rates[:1])
    for rate_id in rates[1:]:
        one_off(org, life.customer_id, 1000, tax_rate_ids=[rate_id])
    life.to(MAY)
    assert life.now()["billing_problem"] == "tax-too-mixed" and len(life.invoices()) == 1


# Whose they are


def test_charge_before_subscription_before_customer_before_organisation(stack):
    """The nearest one wins, and wins whole."""
    org = stack.person().found(country="FR")
    rates = [rate_of(org, percent) for percent in ("1", "2", "3", "4")]
    settings(org, tax_rate_ids=rates[3])
    bare, own = (charge("flat", code, "advance", amount=10_000, **more)
                 for code, more in (("bare", {}), ("own", {"tax_rate_ids": [rates[0]]})))  # fmt: skip
    plan_id = plan_of(org, charges=[bare, own])

    def of_lines(customer, **wish):
        life = Life(org, APRIL, plan_id, customer=customer, **wish)
        one_off(org, life.customer_id, 10_000)
        invoice = life.to(MAY).invoices()[-1]
        return {line["charge_code"]: line["tax"] for line in invoice["lines"]}

    named = {"tax_rate_ids": [rates[2]]}
    assert of_lines({}) == {"bare": 400, "own": 100, "item": 400}
    assert of_lines(named) == {"bare": 300, "own": 100, "item": 300}
    assert of_lines(named, tax_rate_ids=[rates[1]]) == {"bare": 200, "own": 100, "item": 300}
    assert of_lines({}, tax_rate_ids=rates[:2]) == {"bare": 300, "own": 100, "item": 400}


def test_an_item_has_its_own(org):
    own = rate_of(org, "50")
    life = Life(org, APRIL, {"amount": 1000}, customer={"tax_rate_ids": [rate_of(org, "10")]})
    one_off(org, life.customer_id, 100, tax_rate_ids=[own])
    assert [line["tax"] for line in life.to(MAY).invoices()[-1]["lines"]] == [100, 50]


def test_a_customers_rates_can_be_changed(org):
    """From the next invoice on; an issued one stays."""
    life = Life(org, APRIL, {"amount": 1000}, customer={"tax_rate_ids": [rate_of(org, "10")]})
    path = f"/v1/customers/{life.customer_id}"
    org.succeed("PATCH", path, {"tax_rate_ids": [rate_of(org, "20")]})
    life.to(MAY)
    org.succeed("PATCH", path, {"tax_rate_ids": []})
    life.to("2026-06-01T00:00:00Z")
    assert [invoice["tax"] for invoice in life.invoices()] == [100, 200, 0]


def test_a_new_version_has_other_rates(org):
    """Who is on the old one keeps the old one's."""
    plan_id = plan_of(org, charges=[charge("flat", "base", "advance", amount=1000, tax_rate_ids=[rate_of(org, "10")])])
    old = Life(org, APRIL, plan_id)
    charges = [charge("flat", "base", "advance", amount=1000, tax_rate_ids=[rate_of(org, "20")])]
    org.succeed("PATCH", f"/v1/plans/{plan_id}", {"charges": charges})
    new = Life(org, APRIL, plan_id)
    assert [invoice["tax"] for invoice in old.to(MAY).invoices()] == [100, 100] and first(new)["tax"] == 200


# Who is exempt


@pytest.mark.parametrize("exempt", ["exempt", "reverse"])
def test_who_is_exempt_pays_prices_as_they_are(org, exempt):
    """Also those that contain a tax; the invoice has the reason."""
    reason = "Reverse charge, article 196; ATU12345678"
    life = taxed(org, rate_of(org, "20", True), rate_of(org, "5"), customer={"tax_exempt": exempt,
                                                                            "tax_exempt_reason": reason})  # fmt: skip
    invoice = first(life)
    assert amounts(invoice) == (1000, 0, 0, 1000) and invoice["taxes"] == []
    assert (invoice["tax_exempt"], invoice["tax_exempt_reason"]) == (exempt, reason)


def test_who_is_no_longer_exempt(org):
    """The invoice before keeps what it says."""
    life = taxed(org, rate_of(org, "10"), customer={"tax_exempt": "exempt", "tax_exempt_reason": "Embassy"})
    org.succeed("PATCH", f"/v1/customers/{life.customer_id}", {"tax_exempt": "none", "tax_exempt_reason": ""})
    before, after = life.to(MAY).invoices()
    assert (before["tax"], before["tax_exempt"], before["tax_exempt_reason"]) == (0, "exempt", "Embassy")
    assert (after["tax"], after["tax_exempt"], after["tax_exempt_reason"]) == (100, "none", None)


# Previews and currencies


def test_a_preview_has_the_invoices_taxes(org):
    """To the digest, with discounts, an item and a contained rate."""
    code = coupon_of(org, percent_off="12.5", duration="forever")
    life = taxed(org, rate_of(org, "20", True), rate_of(org, "8.875"), plan={"amount": 9999}, coupon_codes=[code])
    one_off(org, life.customer_id, 777, tax_rate_ids=[rate_of(org, "7")])
    preview = org.done("POST", "/v1/invoices/preview", {"subscription_id": life.id})
    invoice = life.to(MAY).invoices()[-1]
    for name in ("subtotal", "discount", "tax", "tax_included", "total", "taxes", "discounts", "digest"):
        assert preview[name] == invoice[name], name


CURRENCIES = {"USD": 100, "JPY": 1, "KWD": 1000}


def test_currencies_side_by_side(org):
    """Each in its own minor unit: 99 dollars, yen and dinars at 8.875 %, 10 % off before it."""
    rate_id, found = rate_of(org, "8.875"), {}
    for currency, units in CURRENCIES.items():
        plan_id = plan_of(org, amount=99 * units, currency=currency)
        wish = {"tax_rate_ids": [rate_id], "coupon_codes": [coupon_of(org, percent_off="10")]}
        invoice = first(Life(org, APRIL, plan_id, customer={"currency": currency}, **wish))
        found[currency] = (invoice["currency"], *amounts(invoice))
    assert found == {
        "USD": ("USD", 9900, 990, 791, 9701),
        "JPY": ("JPY", 99, 10, 8, 97),
        "KWD": ("KWD", 99_000, 9900, 7908, 97_008),
    }
