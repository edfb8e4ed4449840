"""Worked examples of others' public documentation, each with where it stands: what they come to here is what they say.

Where an example's product has a term that billd has not, the sentence says what stands for it.
"""

import pytest
from billing import Life, charge
from money import APRIL, MAY, amounts, coupon_of, give, invoice_of, note_of, of, one_off, pay, rate_of, shown


@pytest.fixture(scope="module")
def org(stack):
    return stack.organisation()


def flat(*prices):
    """A plan of flat charges."""
    return {"charges": [charge("flat", f"line-{n}", "advance", amount=price) for n, price in enumerate(prices)]}


def first(org, plan, **more):
    return invoice_of(org, Life(org, APRIL, plan, **more).customer_id, 0)


# Tax


# HMRC, "Calculating VAT for VAT-inclusive and VAT-exclusive prices"
# http://www.hmrc.gov.uk/vat/forms-rates/rates/calculating.htm
HMRC = {
    "standard rate on 100 pounds": ("20", False, 10_000, 2000, 12_000),
    "reduced rate on 100 pounds": ("5", False, 10_000, 500, 10_500),
    "standard rate in 120 pounds: a sixth": ("20", True, 12_000, 2000, 12_000),
    # The VAT fraction as https://www.reference.com/business-finance/calculate-vat-backwards-72908b73df51a807 has it
    "reduced rate in 105 pounds: a twenty-first": ("5", True, 10_500, 500, 10_500),
}


@pytest.mark.parametrize("name", HMRC)
def test_hmrc_vat_in_and_on_a_price(org, name):
    percentage, inclusive, price, vat, total = HMRC[name]
    invoice = first(org, flat(price), tax_rate_ids=[rate_of(org, percentage, inclusive)])
    assert amounts(invoice) == (price, 0, vat, total) and invoice["tax_included"] == (vat if inclusive else 0)


def test_a_fraction_of_seven_forty_sevenths(org):
    """https://www.bookkeepers.org.uk/Forum/?cid=0&page=1&tid=85461: 235 with 17.5 % inside is 200 and 35."""
    invoice = first(org, flat(23_500), tax_rate_ids=[rate_of(org, "17.5", True)])
    assert (invoice["tax"], invoice["taxes"][0]["taxable"]) == (3500, 20_000)


# Coupons with tax


def test_flexprice_coupons_tax_and_wallet(org):
    """https://docs.flexprice.io/docs/invoices/calculation, "Worked example": 80.00 of API calls and a fee of 20.00;
    25 % off the calls, then 10.00 off; 8.25 % of 70.00 is 5.78; 5.00 of the wallet: 70.78. The fee is an item here, so
    that the first coupon, which names a plan, is for the calls alone; the wallet is the credit balance.
    """
    life = Life(org, APRIL, flat(8000))
    calls = coupon_of(org, percent_off="25", plan_ids=[life.plan_id])
    ten = coupon_of(org, amount_off=1000, currency="USD")
    customer_id = life.clock.customer(tax_rate_ids=[rate_of(org, "8.25")])
    one_off(org, customer_id, 2000, description="Flat monthly fee")
    give(org, customer_id, 500)
    org.subscription(customer_id, life.plan_id, coupon_codes=[calls, ten])
    invoice = invoice_of(org, customer_id)
    assert [part["amount"] for part in invoice["discounts"]] == [2000, 1000]
    assert amounts(invoice) == (10_000, 3000, 578, 7578) and invoice["taxes"][0]["taxable"] == 7000
    assert (invoice["credit_applied"], invoice["amount_due"]) == (500, 7078)


def test_flexprice_two_coupons_chain(org):
    """https://docs.flexprice.io/docs/invoices/billing-calculation-order, "Coupon chaining": twice 10 % is 19 %."""
    codes = [coupon_of(org, percent_off="10") for _ in range(2)]
    assert first(org, flat(10_000), coupon_codes=codes)["discount"] == 1900


def test_flexprice_zero_floor(org):
    """The same page, "Zero-floor rule": nothing below zero, and the excess is not carried to the next period."""
    code = coupon_of(org, amount_off=15_000, currency="USD")
    life = Life(org, APRIL, flat(10_000), coupon_codes=[code], tax_rate_ids=[rate_of(org, "8.25")]).to(MAY)
    assert [amounts(invoice) for invoice in life.invoices()] == [(10_000, 10_000, 0, 0), (10_000, 0, 825, 10_825)]


VOUCHERS = {"ten percent": {"percent_off": "10"}, "ten dollars": {"amount_off": 1000, "currency": "USD"}}


@pytest.mark.parametrize("name", VOUCHERS)
def test_open_food_network_voucher_with_tax_inside(org, name):
    """https://github.com/openfoodfoundation/openfoodnetwork/issues/10432, "Tax included in price": 100 with 5 of tax
    inside; a voucher of 10 % or of 10 makes 90, with 4.50.
    """
    lines = [charge("flat", "taxed", "advance", amount=5500, tax_rate_ids=[rate_of(org, "10", True)]),
             charge("flat", "free", "advance", amount=4500)]  # fmt: skip
    invoice = first(org, {"charges": lines}, coupon_codes=[coupon_of(org, **VOUCHERS[name])])
    assert amounts(invoice) == (10_000, 1000, 450, 9000)


def test_lago_coupons_are_taken_off_before_tax(org):
    """https://getlago.com/changelog/coupons-before-tax, with the amounts of
    https://www.getlago.com/changelog/nvoice-calculation-method: 50 and 20, less 10, is 60; 10 % of it is 6.
    """
    code = coupon_of(org, amount_off=1000, currency="USD")
    invoice = first(org, flat(5000, 2000), coupon_codes=[code], tax_rate_ids=[rate_of(org, "10")])
    assert amounts(invoice) == (7000, 1000, 600, 6600)


# Chargebee, "Coupon not included in proration calculation"
# http://chargebee.com/docs/billing/2.0/kb/billing/coupon-not-included-in-proration-calculation


def more_in_the_same_period(org, **terms):
    """A plan of 100.00 and one more of it at once, with a coupon: the totals of both invoices."""
    seats = {"charges": [charge("per_unit", "seats", "advance", unit_amount="10000")]}
    life = Life(org, APRIL, seats, coupon_codes=[coupon_of(org, **terms)]).do("change", quantity=2)
    return [invoice["total"] for invoice in life.invoices()]


def test_chargebee_a_percentage_is_of_each_invoice_in_the_period(org):
    """10 % off 100 is 90; another 100 is 90 again: 180 in all, 10 % off 200."""
    assert more_in_the_same_period(org, percent_off="10") == [9000, 9000]


def test_chargebee_a_fixed_amount_is_once_in_a_period(org):
    """When the first invoice has used it, the next one in the period has none of it."""
    assert more_in_the_same_period(org, amount_off=1000, currency="USD") == [9000, 10_000]


# The last cent


def shares(org, amount, *weights):
    """How a coupon over an amount is spread over charges in that proportion."""
    code = coupon_of(org, amount_off=amount, currency="USD")
    return [line["discount"] for line in first(org, flat(*weights), coupon_codes=[code])["lines"]]


def test_moneyphp_allocates_by_ratio(org):
    """https://moneyphp.org/en/latest/features/allocation.html: 5 cents by 70 and 30, by 30 and 70; 8.00 by three."""
    assert (shares(org, 5, 70, 30), shares(org, 5, 30, 70)) == ([4, 1], [2, 3])
    assert shares(org, 800, 1000, 1000, 1000) == [267, 267, 266]


def test_fowler_hundred_by_three(org):
    """https://stackoverflow.com/questions/1679292: Fowler's money, 100 by (1, 1, 1) is 34, 33, 33."""
    assert shares(org, 100, 100, 100, 100) == [34, 33, 33]


# Several notes


def test_seradex_one_of_two_items_is_credited(org):
    """https://seradex.com/Help/applying_credits_to_invoices.htm: two items at 50.00; one credited, 50.00 remain. When
    it has been paid, what is credited is the customer's.
    """
    life = Life(org, APRIL, flat(5000, 5000))
    invoice = life.invoices()[0]
    assert note_of(org, invoice, [5000])["applied"] == 5000
    invoice = pay(org, invoice)
    assert (invoice["amount_paid"], invoice["status"]) == (5000, "paid")
    note = note_of(org, invoice, [None, 2000])
    assert (note["applied"], note["credited"], life.customer()["credit_balance"]) == (0, 2000, 2000)


def test_stripe_several_notes_before_and_behind_the_payment(org):
    """https://docs.stripe.com/api/credit_notes/create: "You may issue multiple credit notes for an invoice"; each first
    reduces what remains, and the excess is refunded or credited. By a T-shirt of 10.99, as in its preview's example.
    """
    life = Life(org, APRIL, flat(1099))
    invoice = life.invoices()[0]
    before = note_of(org, invoice, [99])
    pay(org, invoice, amount=600)
    across = note_of(org, invoice, [500])
    behind = note_of(org, invoice, [500], refund=True)
    assert of([before, across, behind], "total", "applied", "credited", "refunded") == [
        (99, 99, 0, 0), (500, 400, 100, 0), (500, 0, 0, 500),
    ]  # fmt: skip
    invoice = shown(org, invoice)
    assert (invoice["credited_total"], invoice["amount_credited"], invoice["amount_refunded"]) == (1099, 499, 500)


# Reverse charge


def test_a_service_across_a_border(org):
    """https://euvatkit.com/reverse-charge-examples/, "EU B2B service": a German freelancer to a French company that has
    a VAT number: invoiced without German VAT, with the wording. https://www.fyboard.com/tools/fyinvoice/vat has the
    same retainer beside a domestic one: the same net price, with the note in the place of the tax.
    """
    rate_id = rate_of(org, "19", country="DE")
    wording = "Reverse charge, Article 196 VAT Directive 2006/112/EC; FR40303265045"
    at_home = {"country": "DE", "tax_rate_ids": [rate_id]}
    abroad = {"country": "FR", "tax_rate_ids": [rate_id], "tax_exempt": "reverse", "tax_exempt_reason": wording}
    domestic, foreign = (first(org, flat(240_000), customer=customer) for customer in (at_home, abroad))
    assert amounts(domestic) == (240_000, 0, 45_600, 285_600) and domestic["tax_exempt"] == "none"
    assert amounts(foreign) == (240_000, 0, 0, 240_000) and foreign["taxes"] == []
    assert (foreign["tax_exempt"], foreign["tax_exempt_reason"]) == ("reverse", wording)


def test_without_a_vat_number_there_is_no_reverse_charge(org):
    """The same page, "missing VAT number": whoever only says that he is a business is charged."""
    invoice = first(org, flat(10_000), customer={"country": "IT", "tax_rate_ids": [rate_of(org, "21", country="ES")]})
    assert amounts(invoice) == (10_000, 0, 2100, 12_100)
