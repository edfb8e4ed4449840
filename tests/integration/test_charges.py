"""Charges: what each model takes and refuses, what it comes to, and that a line's explanation says why."""

from decimal import Decimal

import pytest
from billing import Clock, Life, charge, plan_of, tier

APRIL, MAY, JUNE = "2026-04-01T00:00:00Z", "2026-05-01T00:00:00Z", "2026-06-01T00:00:00Z"
STEPS = [tier(10, "5"), tier(20, "4"), tier(None, "3")]

GOOD = {
    "flat": charge("flat", amount=100),
    "per_unit": charge("per_unit", unit_amount="1"),
    "graduated": charge("graduated", tiers=STEPS),
    "volume": charge("volume", tiers=STEPS),
    "package": charge("package", amount=100, package_size=10),
    "percentage": charge("percentage", rate="2.9"),
}


def without(model, *names):
    return {name: value for name, value in GOOD[model].items() if name not in names}


# One fault each: the charges, and the field that the detail must name.
INVALID = {
    "a code that comes twice": ([GOOD["flat"], GOOD["per_unit"]], "code"),
    "flat needs an amount": ([without("flat", "amount")], "amount"),
    "per_unit needs a unit_amount": ([without("per_unit", "unit_amount")], "unit_amount"),
    "graduated needs tiers": ([without("graduated", "tiers")], "tiers"),
    "volume needs tiers": ([without("volume", "tiers")], "tiers"),
    "package needs an amount": ([without("package", "amount")], "amount"),
    "package needs a package_size": ([without("package", "package_size")], "package_size"),
    "percentage needs a rate or tiers": ([without("percentage", "rate")], "rate"),
    "flat takes no unit_amount": ([GOOD["flat"] | {"unit_amount": "1"}], "unit_amount"),
    "flat takes no tiers": ([GOOD["flat"] | {"tiers": STEPS}], "tiers"),
    "flat takes no free_units": ([GOOD["flat"] | {"free_units": "1"}], "free_units"),
    "per_unit takes no amount": ([GOOD["per_unit"] | {"amount": 1}], "amount"),
    "per_unit takes no tiers": ([GOOD["per_unit"] | {"tiers": STEPS}], "tiers"),
    "per_unit takes no package_size": ([GOOD["per_unit"] | {"package_size": 1}], "package_size"),
    "per_unit takes no rate": ([GOOD["per_unit"] | {"rate": "1"}], "rate"),
    "per_unit takes no fixed_amount": ([GOOD["per_unit"] | {"fixed_amount": 1}], "fixed_amount"),
    "graduated takes no unit_amount": ([GOOD["graduated"] | {"unit_amount": "1"}], "unit_amount"),
    "graduated takes no rate": ([GOOD["graduated"] | {"rate": "1"}], "rate"),
    "volume takes no package_size": ([GOOD["volume"] | {"package_size": 1}], "package_size"),
    "package takes no unit_amount": ([GOOD["package"] | {"unit_amount": "1"}], "unit_amount"),
    "package takes no transaction_min_amount": (
        [GOOD["package"] | {"transaction_min_amount": 1}], "transaction_min_amount",
    ),
    "percentage takes no unit_amount": ([GOOD["percentage"] | {"unit_amount": "1"}], "unit_amount"),
    "percentage takes no amount": ([GOOD["percentage"] | {"amount": 1}], "amount"),
    "a percentage has no base in advance": ([GOOD["percentage"] | {"billing": "advance"}], "billing"),
    "tiers that overlap": ([charge("graduated", tiers=[tier(10, "5"), tier(5, "4"), tier(None, "3")])], "tiers"),
    "tiers of which one is empty": ([charge("volume", tiers=[tier(5, "5"), tier(5, "4"), tier(None, "3")])], "tiers"),
    "a last tier that ends": ([charge("graduated", tiers=[tier(5, "5"), tier(10, "4")])], "tiers"),
    "a tier behind the one without an end": ([charge("volume", tiers=[tier(None, "5"), tier(10, "4")])], "tiers"),
    "a minimum above its maximum": ([GOOD["per_unit"] | {"min_amount": 2, "max_amount": 1}], "min_amount"),
    "a transaction's minimum above its maximum": (
        [GOOD["percentage"] | {"transaction_min_amount": 2, "transaction_max_amount": 1}], "transaction_min_amount",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def org(stack):
    """One organisation for all rows."""
    return stack.organisation()


@pytest.fixture(scope="module")
def april(org):
    """A clock that stays at the first of April."""
    return Clock(org, APRIL)


def body(charges, code):
    return {"code": code, "name": "X", "currency": "USD", "interval": "month", "charges": charges}


@pytest.mark.parametrize("name", INVALID)
def test_charges_that_no_plan_can_have_are_refused(org, name):
    """charge-invalid, naming the charge and its field, when the plan is created and when it is changed."""
    charges, field = INVALID[name]
    code = f"bad-{list(INVALID).index(name)}"
    problem = org.fail("charge-invalid", "POST", "/v1/plans", body(charges, code))
    assert field in problem["detail"] and problem["status"] == 422, problem
    plan_id = plan_of(org, amount=1)
    assert field in org.fail("charge-invalid", "PATCH", f"/v1/plans/{plan_id}", {"charges": charges})["detail"]
    plan = org.get(f"/v1/plans/{plan_id}")
    assert (plan["version"], plan["amount"]) == (1, 1)
    assert not [found for found in org.all("/v1/plans") if found["code"] == code]


# What is wrong by itself is told at once, with its place.
OUT_OF_FORM = {
    "thirteen decimals": ("per_unit", {"unit_amount": "0.0000000000001"}, "unit_amount"),
    "sixteen digits": ("per_unit", {"unit_amount": "1000000000000000"}, "unit_amount"),
    "a negative price": ("per_unit", {"unit_amount": "-1"}, "unit_amount"),
    "an exponent": ("per_unit", {"unit_amount": "1e3"}, "unit_amount"),
    "no digit before the point": ("per_unit", {"unit_amount": ".5"}, "unit_amount"),
    "no digit behind the point": ("per_unit", {"unit_amount": "5."}, "unit_amount"),
    "a leading zero": ("per_unit", {"unit_amount": "01"}, "unit_amount"),
    "a space": ("per_unit", {"unit_amount": " 1"}, "unit_amount"),
    "no number": ("per_unit", {"unit_amount": "NaN"}, "unit_amount"),
    "a price that is a fraction of JSON": ("per_unit", {"unit_amount": 0.5}, "unit_amount"),
    "eleven places of a rate": ("percentage", {"rate": "0.00000000001"}, "rate"),
    "seven places of free units": ("per_unit", {"free_units": "0.0000001"}, "free_units"),
    "a package of nothing": ("package", {"package_size": 0}, "package_size"),
    "a negative amount": ("flat", {"amount": -1}, "amount"),
    "an unknown model": ("flat", {"model": "dynamic"}, "model"),
    "an unknown billing": ("flat", {"billing": "later"}, "billing"),
    "an unknown field": ("flat", {"discount": 1}, "discount"),
}


@pytest.mark.parametrize("name", OUT_OF_FORM)
def test_a_charge_out_of_form_is_refused_at_once(org, name):
    """422 invalid-body with the field's pointer."""
    model, changes, field = OUT_OF_FORM[name]
    charges = [GOOD["flat"] | {"code": "first"}, GOOD[model] | changes]
    org.refused(422, "invalid-body", "POST", "/v1/plans", body(charges, "x"), pointers=[f"/charges/1/{field}"])


def test_a_plan_has_charges_or_an_amount(org):
    """Both, or neither, are refused; more charges or tiers than a plan may have, too."""
    both = body([GOOD["flat"]], "both") | {"amount": 1}
    for wrong in (both, body([], "neither")):
        answer = org.request("POST", "/v1/plans", wrong)
        if answer.status_code == 202:
            org.failed(answer.json()["operation_id"], "charge-invalid")
        else:
            assert answer.status_code == 422, answer.text
    many = [charge("flat", f"c{number}", amount=1) for number in range(21)]
    org.refused(422, "invalid-body", "POST", "/v1/plans", body(many, "many"), pointers=["/charges"])
    tiers = [*(tier(number, "1") for number in range(1, 51)), tier(None, "1")]
    org.refused(
        422, "invalid-body", "POST", "/v1/plans", body([charge("volume", tiers=tiers)], "tiers"),
        pointers=["/charges/0/tiers"],
    )  # fmt: skip


def test_a_plan_shows_its_charges_as_given(org):
    """Every field of every model comes back, decimals without needless zeros; the amount is its flat advance."""
    charges = [
        charge("flat", "base", "advance", amount=2900),
        charge("flat", "support", "advance", amount=100),
        charge("per_unit", "seats", "advance", unit_amount="0.000000000001", free_units="0.000001"),
        charge("graduated", "calls", tiers=[tier(10, "5.50", 3), tier(None, "3")], min_amount=1, max_amount=2),
        charge("package", "packs", amount=100, package_size=10),
        charge("percentage", "fees", rate="2.9000000001", fixed_amount=30, transaction_min_amount=1,
               transaction_max_amount=2),
    ]  # fmt: skip
    plan = org.get(f"/v1/plans/{org.succeed('POST', '/v1/plans', body(charges, 'whole'))}")
    assert (plan["version"], plan["version_id"], plan["amount"]) == (1, plan["id"], 3000)
    for given, shown in zip(charges, plan["charges"], strict=True):
        wanted = given | ({"tiers": shown["tiers"]} if "tiers" in given else {})
        assert {name: shown[name] for name in given} == wanted
    first, last = plan["charges"][3]["tiers"]
    assert (first["up_to"], Decimal(first["unit_amount"]), first["flat_amount"]) == (10, Decimal("5.5"), 3)
    assert (last["up_to"], last["unit_amount"], last["flat_amount"]) == (None, "3", 0)


def test_a_price_may_be_a_whole_number_of_json(org):
    """700 is "700"."""
    plan_id = plan_of(org, charges=[charge("per_unit", unit_amount=700)])
    assert org.get(f"/v1/plans/{plan_id}")["charges"][0]["unit_amount"] == "700"


# What a month comes to: the charge, the reports, and the lines {kind: amount}.
BY_TIERS = charge("graduated", tiers=[tier(100, "1", 500), tier(200, "10", 300), tier(None, "2")])
BY_VOLUME = BY_TIERS | {"model": "volume"}
RATED = {
    "a fraction of a cent, many times": (charge("per_unit", unit_amount="0.0004"), ["1000000"], {"charge": 400}),
    "half a cent rounds up": (charge("per_unit", unit_amount="0.5"), ["1"], {"charge": 1}),
    "one and a half rounds up": (charge("per_unit", unit_amount="0.5"), ["3"], {"charge": 2}),
    "just under half rounds down": (charge("per_unit", unit_amount="0.499999999999"), ["3"], {"charge": 1}),
    "twelve places": (charge("per_unit", unit_amount="0.000000000001"), ["999999999999999"], {"charge": 1000}),
    "six places of a quantity": (charge("per_unit", unit_amount="1000000"), ["0.000001"], {"charge": 1}),
    "the largest amounts": (
        charge("per_unit", unit_amount="9223372036854.775807"), ["1000000"], {"charge": 9_223_372_036_854_775_807},
    ),
    "flat, whatever was used": (charge("flat", amount=700), [], {"charge": 700}),
    "per unit, nothing used": (charge("per_unit", unit_amount="1"), [], {}),
    "package, nothing used": (GOOD["package"], [], {}),
    "percentage, nothing used": (GOOD["percentage"], [], {}),
    "graduated, nothing used, owes the first tier's fee": (BY_TIERS, [], {"charge": 500}),
    "volume, nothing used, owes the first tier's fee": (BY_VOLUME, [], {"charge": 500}),
    "graduated, to the end of tier 1": (BY_TIERS, ["100"], {"charge": 600}),
    "graduated, half a unit into tier 2": (BY_TIERS, ["100.5"], {"charge": 905}),
    "graduated, into tier 3": (BY_TIERS, ["201"], {"charge": 500 + 100 + 300 + 1000 + 2}),
    "volume, to the end of tier 1": (BY_VOLUME, ["100"], {"charge": 600}),
    "volume, half a unit into tier 2": (BY_VOLUME, ["100.5"], {"charge": 1305}),
    "free units": (charge("per_unit", unit_amount="3", free_units="10"), ["12.5"], {"charge": 8}),
    "free units shift the tiers": (BY_TIERS | {"free_units": "100"}, ["150"], {"charge": 550}),
    "a package begun": (charge("package", amount=500, package_size=100, free_units="100"), ["100.000001"],
                        {"charge": 500}),
    "packages to the last unit": (charge("package", amount=500, package_size=100), ["200"], {"charge": 1000}),
    "a minimum": (charge("per_unit", unit_amount="1", min_amount=100), ["30"], {"charge": 30, "minimum": 70}),
    "a minimum, nothing used": (charge("per_unit", unit_amount="1", min_amount=100), [], {"minimum": 100}),
    "a minimum that is met": (charge("per_unit", unit_amount="1", min_amount=100), ["100"], {"charge": 100}),
    "a maximum": (charge("per_unit", unit_amount="1", max_amount=100), ["130"], {"charge": 130, "maximum": -30}),
    "a maximum of nothing": (charge("per_unit", unit_amount="1", max_amount=0), ["5"], {"charge": 5, "maximum": -5}),
    "percent": (charge("percentage", rate="1.5"), ["10000"], {"charge": 150}),
    "percent, ten places": (charge("percentage", rate="0.0000000001"), ["500000000000"], {"charge": 1}),
    "percent and a fee for each transaction": (
        charge("percentage", rate="1.5", fixed_amount=30), ["+4000", "+6000"], {"charge": 210},
    ),
    "transactions, each bounded": (
        charge("percentage", rate="1", transaction_min_amount=100, transaction_max_amount=200),
        ["+5000", "+15000", "+50000"], {"charge": 450},
    ),
    "what is told again replaces what was": (charge("per_unit", unit_amount="1"), ["10", "7"], {"charge": 7}),
    "what is added comes on top": (charge("per_unit", unit_amount="1"), ["10", "+7", "+0.5"], {"charge": 18}),
}  # fmt: skip


@pytest.mark.parametrize("name", RATED)
def test_a_month_comes_to_what_the_rules_say(org, name):
    """The lines of the month's charge, each rounded once (invoices() computes each again from its explanation)."""
    rated, reports, wanted = RATED[name]
    life = Life(org, APRIL, {"charges": [rated]})
    for quantity in reports:
        life.report(quantity.removeprefix("+"), mode="add" if quantity.startswith("+") else "set")
    first, second = life.to(MAY).invoices()
    assert first["lines"] == [] and (first["total"], first["status"]) == (0, "paid")
    assert {line["kind"]: line["amount"] for line in second["lines"]} == wanted
    for line in second["lines"]:
        assert (line["charge_code"], line["period_start"], line["period_end"]) == ("use", APRIL, MAY)


def test_an_amount_that_does_not_fit_parks_the_subscription(org):
    """Beyond 64 bits nothing is wrapped around: no invoice, the subscription says why, and what is mended goes on."""
    life = Life(org, APRIL, {"charges": [charge("per_unit", unit_amount="9223372036854.775808")]})
    life.report("1000000").to(JUNE)
    assert len(life.invoices()) == 1
    assert life.now()["billing_problem"] == "amount-out-of-range"
    assert life.now()["current_period_start"] == APRIL


def test_an_amount_that_does_not_fit_is_refused(org, april):
    """The same in advance: amount-out-of-range, and no subscription."""
    plan_id = plan_of(org, charges=[charge("per_unit", "seats", "advance", unit_amount="999999999999999")])
    wish = {"customer_id": april.customer(), "plan_id": plan_id, "quantity": 10_000}
    org.fail("amount-out-of-range", "POST", "/v1/subscriptions", wish)
    assert org.invoices_of(wish["customer_id"]) == []


def test_a_sum_of_lines_that_does_not_fit_is_refused(org, april):
    """Two lines that fit each, and not together."""
    half = "4611686018427.387904"  # a million times is half of 2^63
    charges = [charge("per_unit", code, "advance", unit_amount=half) for code in ("a", "b")]
    wish = {"customer_id": april.customer(), "plan_id": plan_of(org, charges=charges), "quantity": 1_000_000}
    org.fail("amount-out-of-range", "POST", "/v1/subscriptions", wish)


# Which quantities can be reported


def test_a_quantity_needs_a_charge_in_arrears(org):
    """charge-not-found for an unknown code, and for a charge in advance."""
    charges = [charge("per_unit", "seats", "advance", unit_amount="1"), charge("per_unit", unit_amount="1")]
    life = Life(org, APRIL, {"charges": charges})
    for code in ("none-such", "seats"):
        life.refused("charge-not-found", "quantities", charge_code=code, quantity="1")
    life.report("1")


def test_a_quantity_is_for_the_period_that_is_open(org):
    """period-not-open for one that is billed, or to come; the running one may be named."""
    life = Life(org, APRIL, {"charges": [GOOD["per_unit"]]})
    life.report("5", period_start=APRIL)
    life.refused("period-not-open", "quantities", charge_code="use", quantity="9", period_start=MAY)
    life.to(MAY)
    life.refused("period-not-open", "quantities", charge_code="use", quantity="9", period_start=APRIL)
    life.report("7", period_start=MAY).to(JUNE)
    assert [amounts for _, amounts in life.billed()] == [[], [5], [7]]


@pytest.mark.parametrize("quantity", ["-1", "1.0000001", "1000000000000000", "", "1,5", "x"])
def test_a_quantity_out_of_form_is_refused_at_once(org, april, quantity):
    """422 invalid-body; its pointer is the quantity."""
    life = Life(org, APRIL, {"charges": [GOOD["per_unit"]]}, clock=april)
    body = {"charge_code": "use", "quantity": quantity}
    org.refused(422, "invalid-body", "POST", life.path + "/quantities", body, pointers=["/quantity"])


def test_quantities_that_race_all_count(org):
    """Thirty added at the same time: the sum, whatever their order."""
    life = Life(org, APRIL, {"charges": [GOOD["per_unit"]]})
    more = {"charge_code": "use", "quantity": "1.5", "mode": "add"}
    accepted = org.in_parallel([lambda client: client.send("POST", life.path + "/quantities", more)] * 30)
    assert {org.outcome(answer["operation_id"])["status"] for answer in accepted} == {"succeeded"}
    assert life.to(MAY).billed()[1] == (MAY, [45])


def test_a_reports_retry_counts_once(org):
    """The same Idempotency-Key again adds nothing."""
    life = Life(org, APRIL, {"charges": [GOOD["per_unit"]]})
    more = {"charge_code": "use", "quantity": "10", "mode": "add"}
    for _ in range(3):
        org.succeed("POST", life.path + "/quantities", more, headers={"Idempotency-Key": "report-1"})
    assert life.to(MAY).billed()[1] == (MAY, [10])


def test_an_explanation_tells_what_a_line_was_made_of(org):
    """Inputs, the tiers that were met, the fraction of the period, the rounding: in the invoice as in its event."""
    plan = {"charges": [charge("flat", "base", "advance", amount=3100), BY_TIERS | {"free_units": "50"}]}
    life = Life(org, "2026-03-16T00:00:00Z", plan, anchor="calendar")
    life.report("175.5").to(APRIL)
    first, second = life.invoices()
    why = first["lines"][0]["explanation"]
    seconds = {"part": 16 * 86_400, "whole": 31 * 86_400}
    assert (why["model"], why["billing"], why["amount"], why["fraction"]) == ("flat", "advance", 3100, seconds)
    usage = next(line for line in second["lines"] if line["charge_code"] == "use")
    why = usage["explanation"]
    assert (why["quantity"], why["free_units"], why["billable"]) == ("175.5", "50", "125.5")
    assert why["tiers"] == [
        {"above": 0, "up_to": 100, "quantity": "100", "unit_amount": "1", "flat_amount": 500},
        {"above": 100, "up_to": 200, "quantity": "25.5", "unit_amount": "10", "flat_amount": 300},
    ]
    assert (why["exact"], why["rounding"], usage["amount"]) == ("1155", "half_away_from_zero", 1155)
    told = [event["data"] for event in org.events() if event["subject"] == second["id"]]
    assert told[0]["lines"] == second["lines"] and told[0]["digest"] == second["digest"]
