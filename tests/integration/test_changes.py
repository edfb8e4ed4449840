"""Changes: of plan, quantity, interval and price, now and at the period's end, and what each puts on which invoice."""

import pytest
from billing import Clock, Life, charge, credits_of, plan_of, tier

APRIL, TENTH, SIXTEENTH, MAY, JUNE = (
    "2026-04-01T00:00:00Z", "2026-04-11T00:00:00Z", "2026-04-16T00:00:00Z", "2026-05-01T00:00:00Z",
    "2026-06-01T00:00:00Z",
)  # fmt: skip
SEATS = {"charges": [charge("per_unit", "seats", "advance", unit_amount="300")]}
USAGE = {"charges": [charge("flat", "base", "advance", amount=3000), charge("per_unit", unit_amount="1")]}


@pytest.fixture(scope="module")
def org(stack):
    """One organisation, that prorates by the second."""
    return stack.organisation()


def lines_at(life, moment):
    """[(code, amount, proration, start, end)] of the one invoice of a moment."""
    (invoice,) = [found for found in life.invoices() if found["issued_at"] == moment]
    names = ("charge_code", "amount", "proration", "period_start", "period_end")
    return [tuple(line[name] for name in names) for line in invoice["lines"]]


def cost(life):
    """All that was invoiced, less what lies on the balance and was not used."""
    return sum(one["amount_due"] for one in life.invoices()) - life.customer()["credit_balance"]


# Now


def test_an_upgrade_credits_the_old_and_charges_the_new_rest(org):
    """Two lines for the rest of the period, each rounded for itself, at once; the period stays."""
    life = Life(org, APRIL, {"amount": 1000}).to(TENTH)
    before = life.now()
    life.do("change", plan_id=plan_of(org, amount=2000))
    # 20 of 30 days: 666.67 and 1333.33
    assert lines_at(life, TENTH) == [("base", -667, True, TENTH, MAY), ("base", 1333, True, TENTH, MAY)]
    change = life.invoices()[-1]
    assert (change["reason"], change["total"]) == ("subscription_update", 666)
    after = life.now()
    names = ("anchor_at", "current_period_start", "current_period_end")
    assert {name: before[name] for name in names} == {name: after[name] for name in names}
    assert life.to(MAY).billed()[-1] == (MAY, [2000])


def test_a_downgrade_is_kept_for_the_next_invoices(org):
    """The balance covers what it can of each, which is paid when nothing is left due."""
    life = Life(org, APRIL, {"amount": 30_000}).to(TENTH).do("change", plan_id=plan_of(org, amount=9000))
    assert len(life.invoices()) == 1 and life.customer()["credit_balance"] == 20_000 - 6000
    life.to(JUNE)
    _, may, june = life.invoices()
    assert (may["total"], may["credit_applied"], may["amount_due"], may["status"]) == (9000, 9000, 0, "paid")
    assert may["paid_at"] == may["issued_at"] == MAY
    assert (june["total"], june["credit_applied"], june["amount_due"], june["status"]) == (9000, 5000, 4000, "open")
    assert [entry["amount"] for entry in credits_of(org, life.customer_id)] == [14_000, -9000, -5000]
    assert life.customer()["credit_balance"] == 0


def test_more_and_fewer_seats(org):
    """A quantity alone is a change as well; charges in advance follow it."""
    life = Life(org, APRIL, SEATS, quantity=10).to(SIXTEENTH).do("change", quantity=14)
    assert [line[1] for line in lines_at(life, SIXTEENTH)] == [-1500, 2100]
    life.do("change", quantity=0)
    assert life.customer()["credit_balance"] == 2100
    assert life.to(MAY).billed()[-1] == (MAY, []) and life.now()["quantity"] == 0


def test_without_proration_the_change_costs_nothing_now(org):
    """proration none of the request: the next period has the new price."""
    life = Life(org, APRIL, SEATS, quantity=10).to(TENTH).do("change", quantity=20, proration="none")
    assert life.now()["quantity"] == 20
    assert life.to(MAY).billed() == [(APRIL, [3000]), (MAY, [6000])]


def test_there_and_back_within_a_second_costs_nothing(org):
    """What is charged by the first comes back by the second, to the unit, whatever rounding did."""
    other = plan_of(org, charges=[charge("per_unit", "seats", "advance", unit_amount="700.1")])
    life = Life(org, APRIL, SEATS, quantity=7).to("2026-04-09T13:07:11Z")
    before = cost(life)
    for _ in range(3):
        life.do("change", plan_id=other).do("change", plan_id=life.plan_id)
    assert cost(life) == before
    assert life.to(MAY).billed()[-1] == (MAY, [2100])


def test_a_change_at_the_boundary_finds_the_new_period(org):
    """In the second in which a period begins the whole of it is exchanged."""
    life = Life(org, APRIL, {"amount": 1000}).to(MAY).do("change", plan_id=plan_of(org, amount=2500))
    found = [(one["issued_at"], one["reason"], one["total"]) for one in life.invoices()[1:]]
    assert found == [(MAY, "subscription_cycle", 1000), (MAY, "subscription_update", 1500)]


def test_arrears_of_the_old_version_are_billed_up_to_the_change(org):
    """On the change's invoice; what is reported afterwards is the new plan's."""
    life = Life(org, APRIL, USAGE).to(SIXTEENTH).report("40")
    dearer = [charge("flat", "base", "advance", amount=6000), charge("per_unit", unit_amount="2")]
    life.do("change", plan_id=plan_of(org, charges=dearer))
    assert sorted(lines_at(life, SIXTEENTH)) == [
        ("base", -1500, True, SIXTEENTH, MAY),
        ("base", 3000, True, SIXTEENTH, MAY),
        ("use", 40, True, APRIL, SIXTEENTH),
    ]
    life.report("10").to(MAY)
    assert sorted(lines_at(life, MAY)) == [("base", 6000, False, MAY, JUNE), ("use", 20, False, SIXTEENTH, MAY)]


def test_what_is_used_in_the_second_in_which_a_period_begins_is_billed_once(org):
    """By the plan that is left in that second, and not again when it comes back."""
    life = Life(org, APRIL, USAGE).report("40")
    life.do("change", plan_id=plan_of(org, amount=5000)).do("change", plan_id=life.plan_id)
    assert life.billed()[1:] == [(APRIL, [40, -3000, 5000])]
    next_one = org.request("POST", "/v1/invoices/preview", {"subscription_id": life.id}).json()
    assert [line["amount"] for line in next_one["lines"]] == [3000]
    life.report("2")
    assert [one["quantity"] for one in org.all(life.path + "/quantities")] == ["2", "40"]
    assert life.to(MAY).billed()[-1] == (MAY, [2, 3000])


def test_minimums_are_prorated_with_their_period(org):
    """Half of April's minimum for each half."""
    plan = {"charges": [charge("per_unit", unit_amount="1", min_amount=1000)]}
    life = Life(org, APRIL, plan).to(SIXTEENTH).report("100")
    life.do("change", plan_id=plan_of(org, **plan))
    assert [line[1] for line in lines_at(life, SIXTEENTH)] == [100, 400]
    assert [line[1] for line in lines_at(life.to(MAY), MAY)] == [500]


def test_another_interval_begins_a_full_period(org):
    """What is left of the old one is credited, the new one is charged whole, and the change is the anchor."""
    life = Life(org, "2026-01-31T10:00:00Z", {"amount": 2800}).to("2026-02-14T10:00:00Z")
    life.do("change", plan_id=plan_of(org, amount=30_000, interval="year"))
    after = life.now()
    assert (after["anchor_at"], after["current_period_end"]) == ("2026-02-14T10:00:00Z", "2027-02-14T10:00:00Z")
    assert lines_at(life, "2026-02-14T10:00:00Z") == [
        ("base", -1400, True, "2026-02-14T10:00:00Z", "2026-02-28T10:00:00Z"),
        ("base", 30_000, False, "2026-02-14T10:00:00Z", "2027-02-14T10:00:00Z"),
    ]


def test_tiers_are_prorated_as_a_whole(org):
    """Five of 700 and one of 650, of which half a month comes back, against ten seats' half."""
    tiers = [tier(5, "700"), tier(10, "650"), tier(None, "600")]
    plan = {"charges": [charge("graduated", "seats", "advance", tiers=tiers)]}
    life = Life(org, APRIL, plan, quantity=6).to(SIXTEENTH).do("change", quantity=10)
    assert [line[1] for line in lines_at(life, SIXTEENTH)] == [-2075, 3375]


# At the period's end


def test_a_change_at_the_periods_end_waits(org):
    """Shown as pending, billed from the boundary on, and told as an update."""
    life, dearer = Life(org, APRIL, {"amount": 1000}), plan_of(org, amount=5000)
    life.do("change", plan_id=dearer, quantity=3, effective="period_end")
    pending = life.now()
    assert (pending["plan_id"], pending["pending_plan_id"], pending["pending_quantity"]) == (life.plan_id, dearer, 3)
    assert life.to(MAY).billed() == [(APRIL, [1000]), (MAY, [5000])]
    after = life.now()
    assert (after["plan_id"], after["quantity"], after["pending_plan_id"], after["pending_quantity"]) == (
        dearer, 3, None, None,
    )  # fmt: skip


def test_a_later_change_takes_the_place_of_an_earlier_one(org):
    """Of two at the period's end the second counts; one back to what is takes it away; one now as well."""
    life = Life(org, APRIL, {"amount": 1000})
    first, second = plan_of(org, amount=2000), plan_of(org, amount=3000)
    life.do("change", plan_id=first, effective="period_end").do("change", plan_id=second, effective="period_end")
    assert life.now()["pending_plan_id"] == second
    assert life.to(MAY).billed()[-1] == (MAY, [3000])
    life.do("change", plan_id=first, effective="period_end")
    life.do("change", plan_id=second, quantity=1, effective="period_end")
    assert life.now()["pending_plan_id"] is None
    assert life.to(JUNE).billed()[-1] == (JUNE, [3000])


def test_another_interval_at_the_periods_end(org):
    """The year begins at the boundary, which is its anchor."""
    life = Life(org, APRIL, {"amount": 1000})
    life.do("change", plan_id=plan_of(org, amount=9000, interval="year"), effective="period_end")
    life.to("2027-05-01T00:00:00Z")
    assert life.billed() == [(APRIL, [1000]), (MAY, [9000]), ("2027-05-01T00:00:00Z", [9000])]


def test_a_paused_one_changes_for_the_periods_end(org):
    """It takes effect at the first boundary after the pause."""
    life = Life(org, APRIL, {"amount": 3000}).to(TENTH).do("pause")
    life.do("change", plan_id=plan_of(org, amount=6000), effective="period_end").to(JUNE).do("resume")
    assert life.to("2026-06-21T00:00:00Z").billed() == [(APRIL, [3000]), ("2026-06-21T00:00:00Z", [6000])]


def test_a_cancellation_wins_over_a_pending_change(org):
    """At the boundary it ends, and the other plan is never billed."""
    life = Life(org, APRIL, {"amount": 1000})
    life.do("change", plan_id=plan_of(org, amount=2000), effective="period_end").do("cancel", effective="period_end")
    assert life.to(JUNE).billed() == [(APRIL, [1000])] and life.now()["status"] == "canceled"


# Versions


def test_a_new_price_is_for_new_subscriptions(org):
    """Who subscribes stays on the version that he took, until he is moved, now or at the period's end."""
    clock, plan_id = Clock(org, APRIL), plan_of(org, amount=1000)
    stays, moves, waits = (Life(org, APRIL, plan_id, clock=clock) for _ in range(3))
    org.succeed("PATCH", f"/v1/plans/{plan_id}", {"amount": 2500})
    plan = org.get(f"/v1/plans/{plan_id}")
    assert (plan["version"], plan["amount"]) == (2, 2500) and plan["version_id"] != plan_id
    new = Life(org, APRIL, plan_id, clock=clock)
    assert new.now()["plan_version_id"] == plan["version_id"] != stays.now()["plan_version_id"] == plan_id
    clock.advance(SIXTEENTH)
    moves.do("change", plan_id=plan_id)
    waits.do("change", plan_id=plan_id, effective="period_end")
    clock.advance(MAY)
    assert stays.billed() == [(APRIL, [1000]), (MAY, [1000])]
    assert new.billed() == [(APRIL, [2500]), (MAY, [2500])]
    assert moves.billed() == [(APRIL, [1000]), (SIXTEENTH, [-500, 1250]), (MAY, [2500])]
    assert waits.billed() == [(APRIL, [1000]), (MAY, [2500])]
    assert {life.now()["plan_version_id"] for life in (moves, waits)} == {plan["version_id"]}


def test_each_change_of_prices_is_a_version(org, stack):
    """1, 2, 3, … with all that they had; a name alone makes none; nothing of an old one changes."""
    plan_id = plan_of(org, amount=1000)
    prices = [{"amount": 1}, {"interval": "year"}, {"interval_count": 2}, {"trial_days": 3}, SEATS]
    for number, changes in enumerate(prices, 2):
        org.succeed("PATCH", f"/v1/plans/{plan_id}", changes)
        assert org.get(f"/v1/plans/{plan_id}")["version"] == number, changes
    org.succeed("PATCH", f"/v1/plans/{plan_id}", {"name": "Other", "metadata": {"a": "b"}})
    plan = org.get(f"/v1/plans/{plan_id}")
    assert (plan["version"], plan["interval"], plan["interval_count"], plan["trial_days"]) == (6, "year", 2, 3)
    assert plan["charges"][0]["code"] == "seats" and plan["amount"] == 0
    rows = stack.rows(
        "SELECT version, interval, interval_count, trial_days, charges -> 0 ->> 'amount' FROM billd.plan_versions"
        " WHERE plan_id = %s ORDER BY version",
        [plan_id],
        organisation_id=org.organisation_id,
    )
    assert rows == [(1, "month", 1, 0, "1000"), (2, "month", 1, 0, "1"), (3, "year", 1, 0, "1"), (4, "year", 2, 0, "1"),
                    (5, "year", 2, 3, "1"), (6, "year", 2, 3, None)]  # fmt: skip


# The organisation's way of prorating


def test_by_whole_days_the_day_of_the_change_counts(stack):
    """At noon of the 16th in Vienna 15 days are left, and one may change on each of them to the last."""
    org = stack.person().found(settings={"proration": "day"}, timezone="Europe/Vienna")
    start = "2026-03-31T22:00:00Z"  # midnight there
    clock = Clock(org, start)
    noon, last = (Life(org, start, {"amount": 3000}, clock=clock) for _ in range(2))
    dearer = plan_of(org, amount=6000)
    clock.advance("2026-04-16T10:00:00Z")
    noon.do("change", plan_id=dearer)
    assert [line[1] for line in lines_at(noon, "2026-04-16T10:00:00Z")] == [-1500, 3000]
    clock.advance("2026-04-30T21:59:59Z")
    last.do("change", plan_id=dearer)
    assert [line[1] for line in lines_at(last, "2026-04-30T21:59:59Z")] == [-100, 200]


def test_without_proration_nothing_is_prorated(stack):
    """Setting none: a change costs nothing now, and a first partial period is free."""
    org = stack.person().found(settings={"proration": "none"})
    life = Life(org, SIXTEENTH, {"amount": 3000}, anchor="calendar")
    assert life.billed() == [(SIXTEENTH, [0])]
    life.to(TENTH.replace("-04-", "-05-")).do("change", plan_id=plan_of(org, amount=9000))
    assert life.to(JUNE).billed() == [(SIXTEENTH, [0]), (MAY, [3000]), (JUNE, [9000])]
    assert life.customer()["credit_balance"] == 0


def test_each_change_is_an_event_with_its_documents(org):
    """changed, its invoice with the whole document, and the credit that a downgrade leaves."""
    life = Life(org, APRIL, {"amount": 1000}).to(SIXTEENTH)
    life.do("change", plan_id=plan_of(org, amount=3000)).do("change", plan_id=life.plan_id)
    told = [event for event in org.events() if life.id in (event["subject"], event["data"].get("subscription_id"))]
    kinds = [event["type"].removeprefix("billd.").removesuffix(".v1") for event in told]
    assert kinds == ["subscription.created", "invoice.issued", "subscription.changed", "invoice.issued",
                     "subscription.changed", "credit.recorded"]  # fmt: skip
    assert told[3]["data"] == life.invoices()[1]
    assert told[5]["data"] == credits_of(org, life.customer_id)[0]
    assert told[4]["data"]["plan_id"] == life.plan_id
