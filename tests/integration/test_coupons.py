"""Coupons: what they take off which lines, for how many periods and subscriptions, and who may not have one."""

import pytest
from billing import Life, charge, credits_of, plan_of
from client import at_once, slug
from money import (
    APRIL,
    GHOST,
    JULY,
    JUNE,
    MAY,
    SIXTEENTH,
    amounts,
    coupon_by,
    coupon_of,
    invoice_of,
    of,
    one_off,
)


@pytest.fixture(scope="module")
def org(stack):
    """One organisation for all; each test has coupons and customers of its own."""
    return stack.organisation()


def life_with(org, *coupon_codes, plan=None, **more):
    return Life(org, APRIL, plan or {"amount": 1000}, coupon_codes=list(coupon_codes), **more)


def totals(life):
    return [invoice["total"] for invoice in life.invoices()]


# The thing itself


def test_a_coupon_has_what_it_was_given(org):
    plan_id = plan_of(org, amount=1)
    given = {
        "code": "SUMMER-5", "name": "Summer", "percent_off": "12.5", "duration": "repeating", "duration_periods": 3,
        "max_redemptions": 5, "redeem_by": "2099-01-01T00:00:00Z", "plan_ids": [plan_id], "metadata": {"by": "Ada"},
    }  # fmt: skip
    coupon = org.get(f"/v1/coupons/{org.succeed('POST', '/v1/coupons', given)}")
    assert {name: coupon[name] for name in given} == given
    assert (coupon["amount_off"], coupon["currency"], coupon["archived_at"], coupon["redemptions"]) == (
        None, None, None, 0,
    )  # fmt: skip
    assert coupon in org.all("/v1/coupons")


def test_an_archived_coupon_is_nobodys_any_more(org):
    """Its code is free for another, and who has it keeps it."""
    code = coupon_of(org, percent_off="10", duration="forever")
    coupon, life = coupon_by(org, code), life_with(org, code)
    org.succeed("DELETE", f"/v1/coupons/{coupon['id']}")
    assert org.get(f"/v1/coupons/{coupon['id']}")["archived_at"]
    assert totals(life.to(MAY)) == [900, 900]
    wish = {"customer_id": org.customer(), "plan_id": life.plan_id, "coupon_codes": [code]}
    org.fail("coupon-not-found", "POST", "/v1/subscriptions", wish)
    coupon_of(org, code=code, percent_off="50")
    assert totals(life_with(org, code)) == [500]


FAULTS = {
    "neither percentage nor amount": ({}, None),
    "both": ({"percent_off": "10", "amount_off": 5, "currency": "USD"}, None),
    "more than all": ({"percent_off": "100.0001"}, "coupon-invalid"),
    "nothing": ({"percent_off": "0"}, "coupon-invalid"),
    "too exact a percentage": ({"percent_off": "1.23456"}, None),
    "an amount without its currency": ({"amount_off": 5}, "coupon-invalid"),
    "a currency without an amount": ({"percent_off": "5", "currency": "USD"}, "coupon-invalid"),
    "an amount of 0": ({"amount_off": 0, "currency": "USD"}, None),
    "repeating, and for how long?": ({"percent_off": "5", "duration": "repeating"}, "coupon-invalid"),
    "once, for three periods": ({"percent_off": "5", "duration_periods": 3}, "coupon-invalid"),
    "no redemptions": ({"percent_off": "5", "max_redemptions": 0}, None),
    "a duration that is none": ({"percent_off": "5", "duration": "twice"}, None),
}


@pytest.mark.parametrize("name", FAULTS)
def test_terms_that_cannot_be(org, name):
    """Refused at once by the schema, or by the rules."""
    terms, refusal = FAULTS[name]
    body = {"code": "NEVER", "name": "Never"} | terms
    if refusal is None:
        org.refused(422, "invalid-body", "POST", "/v1/coupons", body)
    else:
        org.fail(refusal, "POST", "/v1/coupons", body)


def test_a_code_names_one_coupon(org):
    code = coupon_of(org, percent_off="10")
    org.fail("coupon-code-taken", "POST", "/v1/coupons", {"code": code, "name": "Again", "percent_off": "20"})


# What it takes off


def test_a_percentage_of_all_lines(org):
    """Spread over them, to the last unit; each line says which coupon took what."""
    plan = {"charges": [charge("flat", code, "advance", amount=333) for code in ("a", "b", "c")]}
    code = coupon_of(org, percent_off="10")
    invoice = invoice_of(org, life_with(org, code, plan=plan).customer_id)
    # 99.9 is 100: a third of it each is 33.3, and the last unit is the first line's
    assert amounts(invoice) == (999, 100, 0, 899)
    assert [line["discount"] for line in invoice["lines"]] == [34, 33, 33]
    coupon = coupon_by(org, code)
    assert of(invoice["discounts"], "coupon_id", "code", "name", "amount") == [(coupon["id"], code, "Welcome", 100)]
    assert invoice["lines"][0]["discounts"] == [{"coupon_id": coupon["id"], "amount": 34}]


def test_an_amount_is_spread_by_the_lines(org):
    plan = {"charges": [charge("flat", "a", "advance", amount=900), charge("flat", "b", "advance", amount=100)]}
    code = coupon_of(org, amount_off=105, currency="USD")
    invoice = invoice_of(org, life_with(org, code, plan=plan).customer_id)
    # 94.5 and 10.5: the earlier one has the last unit
    assert [line["discount"] for line in invoice["lines"]] == [95, 10]


def test_never_below_zero(org):
    """The rest of an amount lapses: the next period has no more of it. A total of 0 is paid at once."""
    life = life_with(org, coupon_of(org, amount_off=1500, currency="USD", duration="forever"))
    first, second = life.to(MAY).invoices()
    for invoice in (first, second):
        assert amounts(invoice) == (1000, 1000, 0, 0)
        assert (invoice["status"], invoice["amount_due"]) == ("paid", 0) and invoice["paid_at"] == invoice["issued_at"]


def test_several_take_what_those_before_them_left(org):
    """In the order of the subscription: 10 % of 1000, then 10 % of 900, then 100 off."""
    tenth, another = coupon_of(org, percent_off="10"), coupon_of(org, percent_off="10")
    fixed = coupon_of(org, amount_off=100, currency="USD")
    invoice = invoice_of(org, life_with(org, tenth, another, fixed).customer_id)
    assert [part["amount"] for part in invoice["discounts"]] == [100, 90, 100]
    invoice = invoice_of(org, life_with(org, fixed, tenth, another).customer_id)
    assert [part["amount"] for part in invoice["discounts"]] == [100, 90, 81]


def test_only_the_plans_that_it_is_for(org):
    """A change to another one leaves it behind, and a one-off item is nobody's plan's."""
    plan_id, other = plan_of(org, amount=1000), plan_of(org, amount=4000)
    code = coupon_of(org, percent_off="50", plan_ids=[plan_id], duration="forever")
    life = life_with(org, code, plan=plan_id)
    one_off(org, life.customer_id, 300)
    life.to(MAY)
    assert of(life.invoices(), "subtotal", "discount") == [(1000, 500), (1300, 500)]
    life.do("change", plan_id=other)
    assert of(life.to(JUNE).invoices()[2:], "subtotal", "discount") == [(3000, -500), (4000, 0)]


def test_one_without_plans_is_for_items_too(org):
    life = life_with(org, coupon_of(org, percent_off="50", duration="forever"))
    one_off(org, life.customer_id, 300)
    assert of(life.to(MAY).invoices(), "subtotal", "discount") == [(1000, 500), (1300, 650)]


# For how long


DURATIONS = {
    "once": ({"duration": "once"}, [500, 1000, 1000, 1000]),
    "unless told": ({}, [500, 1000, 1000, 1000]),
    "repeating": ({"duration": "repeating", "duration_periods": 2}, [500, 500, 1000, 1000]),
    "forever": ({"duration": "forever"}, [500, 500, 500, 500]),
}


@pytest.mark.parametrize("name", DURATIONS)
def test_for_how_many_periods(org, name):
    terms, wanted = DURATIONS[name]
    life = life_with(org, coupon_of(org, percent_off="50", **terms))
    assert totals(life.to(JULY)) == wanted
    (discount,) = life.now()["discounts"]
    assert discount["periods_left"] == {"forever": None}.get(name, 0)


def test_a_trial_uses_nothing_up(org):
    """Nor does a period in which there is nothing to take off."""
    seats = {"charges": [charge("per_unit", "seats", "advance", unit_amount="100")]}
    life = life_with(org, coupon_of(org, percent_off="50"), plan=seats, quantity=0, trial_days=10)
    life.to("2026-04-20T00:00:00Z").do("change", quantity=10, effective="period_end")
    assert of(life.to("2026-06-20T00:00:00Z").invoices(), "subtotal", "discount") == [(0, 0), (1000, 500), (1000, 0)]


def test_changes_inside_a_covered_period_are_covered(org):
    """Of 3000 with 1000 off, half a month comes back as 1000, and half of 6000 has the same 500 off."""
    for code in (coupon_of(org, amount_off=1000, currency="USD"), coupon_of(org, percent_off="33.3333")):
        life = life_with(org, code, plan={"amount": 3000}).to(SIXTEENTH)
        life.do("change", plan_id=plan_of(org, amount=6000))
        change = life.invoices()[1]
        assert [line["amount"] for line in change["lines"]] == [-1500, 3000]
        wanted = [-500, 500] if "1000" in str(coupon_by(org, code)["amount_off"]) else [-500, 1000]
        assert [line["discount"] for line in change["lines"]] == wanted
        assert of(life.to(MAY).invoices()[2:], "subtotal", "discount") == [(6000, 0)]


USAGE = charge("per_unit", "calls", unit_amount="1")
SEATS = charge("per_unit", "seats", "advance", unit_amount="1000")
FLAT = charge("flat", "base", "advance", amount=1000)
FIFTH = {"percent_off": "20", "duration": "forever"}
# Coupons; the charges of a plan and of the one that it is changed to in the middle of a period, with how many seats;
# and (subtotal, discount) of the change.
INSIDE = {
    "once, and used up: not off usage": ([{"percent_off": "50"}], [FLAT, USAGE], 1, [FLAT, USAGE], 1, (100_000, 0)),
    "from a plan for nothing": ([FIFTH], [FLAT | {"amount": 0}], 1, [FLAT | {"amount": 3000}], 1, (1500, 300)),
    "from no seats to ten": ([FIFTH], [SEATS], 0, [SEATS], 10, (5000, 1000)),
    "of usage alone": ([FIFTH], [USAGE], 1, [USAGE], 1, (100_000, 20_000)),
    "more than the one before it takes": (
        [{"amount_off": 3000, "currency": "USD"}, {"percent_off": "50", "duration": "forever"}],
        [FLAT | {"amount": 3000}], 1, [FLAT | {"amount": 10_000}], 1, (3500, 1750),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", INSIDE)
def test_what_is_good_is_taken_off_changes_inside_a_period(org, name):
    """And what is used up is not; a change back in the same second gives back what it cost, and usage stays."""
    terms, before, few, after, many, wanted = INSIDE[name]
    codes = [coupon_of(org, **one) for one in terms]
    life = life_with(org, *codes, plan={"charges": before}, quantity=few).to(SIXTEENTH)
    if USAGE in before:
        life.report(100_000, "calls")
    life.do("change", plan_id=plan_of(org, charges=after), quantity=many)
    (change,) = of(life.invoices()[1:], "subtotal", "discount")
    assert change == wanted
    life.do("change", plan_id=life.plan_id, quantity=few)
    assert life.customer()["credit_balance"] == (0 if USAGE in before else wanted[0] - wanted[1])


def test_what_was_taken_off_does_not_come_back(org):
    """Who paid 2000 of 3000 and cancels at once gets 2000."""
    life = life_with(org, coupon_of(org, amount_off=1000, currency="USD"), plan={"amount": 3000})
    life.do("cancel", credit_unused=True)
    (entry,) = credits_of(org, life.customer_id)
    assert (entry["amount"], entry["discount"]) == (2000, -1000)


def test_a_change_there_and_back_costs_nothing(org):
    """With a percentage and an amount at once."""
    codes = [coupon_of(org, percent_off="15", duration="forever"), coupon_of(org, amount_off=777, currency="USD")]
    life = life_with(org, *codes, plan={"amount": 9901}).to("2026-04-09T13:07:11Z")
    before = sum(one["amount_due"] for one in life.invoices())
    life.do("change", plan_id=plan_of(org, amount=1234)).do("change", plan_id=life.plan_id)
    assert sum(one["amount_due"] for one in life.invoices()) - life.customer()["credit_balance"] == before


# Who may have it


def test_what_is_refused(org):
    """Each for its reason, and nothing is redeemed."""
    gone = coupon_of(org, percent_off="5", redeem_by="2026-03-31T23:59:59Z")
    last = coupon_of(org, percent_off="5", redeem_by=APRIL)
    euros, once = coupon_of(org, amount_off=5, currency="EUR"), coupon_of(org, percent_off="5", max_redemptions=1)
    others = coupon_of(org, percent_off="5", plan_ids=[plan_of(org, amount=1)])
    life = life_with(org, once, last)
    plan_id, clock = life.plan_id, life.clock
    for refusal, codes in (
        ("coupon-not-found", ["NO-SUCH-CODE"]),
        ("coupon-expired", [gone]),
        ("coupon-exhausted", [once]),
        ("coupon-not-applicable", [euros]),
        ("coupon-not-applicable", [others]),
        ("coupon-twice", [last, last]),
    ):
        wish = {"customer_id": clock.customer(), "plan_id": plan_id, "coupon_codes": codes}
        org.fail(refusal, "POST", "/v1/subscriptions", wish)
        assert org.invoices_of(wish["customer_id"]) == []
    redeemed = {code: coupon_by(org, code)["redemptions"] for code in (gone, last, euros, once, others)}
    assert redeemed == {gone: 0, last: 1, euros: 0, once: 1, others: 0}
    org.refused(404, "not-found", "GET", f"/v1/coupons/{GHOST}")
    org.fail("coupon-not-found", "DELETE", f"/v1/coupons/{GHOST}")


def test_a_refused_subscription_redeems_nothing(org):
    """What it could have had is there for another."""
    code = coupon_of(org, percent_off="5", max_redemptions=1)
    wish = {"customer_id": org.customer(currency="EUR"), "plan_id": plan_of(org, amount=1), "coupon_codes": [code]}
    org.fail("currency-mismatch", "POST", "/v1/subscriptions", wish)
    assert coupon_by(org, code)["redemptions"] == 0
    life_with(org, code)
    assert coupon_by(org, code)["redemptions"] == 1


def test_a_retry_redeems_once(org):
    """The same request again, with its key: one subscription, one redemption."""
    code = coupon_of(org, percent_off="5")
    wish = {"customer_id": org.customer(), "plan_id": plan_of(org, amount=1), "coupon_codes": [code]}
    headers = {"Idempotency-Key": f"redeem-{code}"}
    assert len({org.succeed("POST", "/v1/subscriptions", wish, headers=headers) for _ in range(3)}) == 1
    assert coupon_by(org, code)["redemptions"] == 1


def test_a_preview_redeems_nothing(org):
    """And says what the invoice then says."""
    code = coupon_of(org, percent_off="30", max_redemptions=1)
    life = Life(org, APRIL, {"amount": 999})
    wish = {"customer_id": life.clock.customer(), "plan_id": life.plan_id, "coupon_codes": [code]}
    previews = [org.done("POST", "/v1/invoices/preview", wish) for _ in range(3)]
    assert coupon_by(org, code)["redemptions"] == 0
    org.succeed("POST", "/v1/subscriptions", wish)
    invoice = invoice_of(org, wish["customer_id"])
    assert amounts(invoice) == (999, 300, 0, 699)
    assert {preview["digest"] for preview in previews} == {invoice["digest"]}
    wish["customer_id"] = life.clock.customer()
    org.refused(409, "coupon-exhausted", "POST", "/v1/invoices/preview", wish)


LIMIT, WISHES = 37, 100


def test_the_limit_holds_over_partitions_and_workers(stack, org):
    """100 subscriptions at once, of customers in all partitions, by two workers: 37 get it, no more and no fewer."""
    code, plan_id = coupon_of(org, percent_off="50", max_redemptions=LIMIT), plan_of(org, amount=1000)
    customers = org.in_parallel([lambda client: client.customer()] * WISHES)
    second = stack.make_worker("coupons-second")
    stack.others.append(second.start())
    try:
        wishes = [{"customer_id": one, "plan_id": plan_id, "coupon_codes": [code]} for one in customers]
        clients = [org.twin() for _ in range(10)]

        def ask(client, mine):
            return [client.send("POST", "/v1/subscriptions", wish)["operation_id"] for wish in mine]

        asked = at_once(*(lambda i=i: ask(clients[i], wishes[i::10]) for i in range(10)))
        outcomes = [org.outcome(operation_id) for found in asked for operation_id in found]
    finally:
        second.end()
        stack.others.remove(second)
    failed = [slug(one["error"]) for one in outcomes if one["status"] == "failed"]
    assert failed == ["coupon-exhausted"] * (WISHES - LIMIT)
    assert coupon_by(org, code)["redemptions"] == LIMIT
    discounted = [one for one in customers if any(invoice["discount"] for invoice in org.invoices_of(one))]
    assert len(discounted) == LIMIT
