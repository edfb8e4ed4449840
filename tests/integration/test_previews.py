"""Previews: the invoice that would be, without an effect, and with the digest of the one that then is."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from billing import Clock, Life, charge, check_explanation, credits_of, plan_of, tier
from waiting import eventually

APRIL, SIXTEENTH, MAY = "2026-04-01T00:00:00Z", "2026-04-16T00:00:00Z", "2026-05-01T00:00:00Z"
PLAN = {
    "charges": [
        charge("flat", "base", "advance", amount=2900),
        charge("per_unit", "seats", "advance", unit_amount="700.5", free_units="1"),
        charge("graduated", tiers=[tier(100, "1", 50), tier(None, "0.5")], min_amount=100),
    ]
}
SAME = ("customer_id", "reason", "currency", "period_start", "period_end", "issued_at", "subtotal", "discount", "tax",
        "total", "credit_applied", "amount_due", "digest")  # fmt: skip


@pytest.fixture(scope="module")
def org(stack):
    """One organisation for all; each test has a clock of its own."""
    return stack.organisation()


def preview(org, path, body):
    return org.done("POST", path, body)


def next_of(life):
    return preview(life.org, "/v1/invoices/preview", {"subscription_id": life.id})


def change_of(life, **body):
    return preview(life.org, life.path + "/change/preview", body)


def bare(lines):
    """Lines by what a preview's have, too."""
    kept = ("kind", "charge_code", "description", "plan_id", "proration", "amount", "period_start", "period_end",
            "explanation")  # fmt: skip
    return [{name: line[name] for name in kept} for line in lines]


def check_same(previewed, invoice):
    """Field for field, line for line, and by the digest."""
    assert {name: previewed[name] for name in SAME} == {name: invoice[name] for name in SAME}
    assert bare(previewed["lines"]) == bare(invoice["lines"]) and previewed["digest"]
    for line in previewed["lines"]:
        check_explanation(line)


def everything(org, life):
    """All that a preview could have changed."""
    return life.now(), life.customer(), life.invoices(), credits_of(org, life.customer_id), len(org.events())


WISHES = {
    "as it is": {},
    "many seats": {"quantity": 9},
    "by the calendar": {"anchor": "calendar"},
    "on a day": {"anchor": "31", "quantity": 3},
    "with an end": {"end_at": SIXTEENTH},
    "begun before": {"start_at": "2026-03-20T10:00:00Z"},
}


@pytest.mark.parametrize("name", WISHES)
def test_a_new_subscriptions_first_invoice(org, name):
    """What POST /v1/subscriptions with the same body issues, from a clock's moment that does not move."""
    clock, plan_id = Clock(org, APRIL), plan_of(org, **PLAN)
    wish = {"customer_id": clock.customer(), "plan_id": plan_id} | WISHES[name]
    previewed = preview(org, "/v1/invoices/preview", wish)
    assert previewed["subscription_id"] is None and org.invoices_of(wish["customer_id"]) == []
    subscription_id = org.succeed("POST", "/v1/subscriptions", wish)
    invoice = org.invoices_of(wish["customer_id"])[-1]
    assert invoice["subscription_id"] == subscription_id
    check_same(previewed, invoice)


@pytest.mark.parametrize("wish", [{"trial_days": 10}, {"start_at": SIXTEENTH}])
def test_one_that_is_billed_later(org, wish):
    """Of a trial and of a scheduled start: the invoice that they lead to."""
    clock, plan_id = Clock(org, APRIL), plan_of(org, **PLAN)
    wish = {"customer_id": clock.customer(), "plan_id": plan_id, "quantity": 4} | wish
    previewed = preview(org, "/v1/invoices/preview", wish)
    org.succeed("POST", "/v1/subscriptions", wish)
    clock.advance(MAY)
    check_same(previewed, org.invoices_of(wish["customer_id"])[-1])


def test_the_next_invoice_of_a_subscription(org):
    """With what was reported until then; when more is, it is another one and has another digest."""
    life = Life(org, APRIL, PLAN, quantity=5).to(SIXTEENTH).report("120.5")
    before = everything(org, life)
    first = next_of(life)
    assert first == next_of(life) and everything(org, life) == before
    life.report("130.5")
    second = next_of(life)
    assert second["digest"] != first["digest"] and second["total"] == first["total"] + 5
    check_same(second, life.to(MAY).invoices()[-1])


def test_a_preview_is_of_one_moment(stack, org):
    """What is committed while it is read is no part of it: half of a change gives an invoice that nobody gets."""
    life = Life(org, APRIL, PLAN, quantity=5).to(SIXTEENTH).report("120.5")
    before = next_of(life)
    with ThreadPoolExecutor(1) as pool, stack.connect(organisation_id=org.organisation_id) as other:
        with other.transaction():
            other.execute("LOCK TABLE billd.quantities IN ACCESS EXCLUSIVE MODE")
            previewed = pool.submit(next_of, life)
            eventually(lambda: stack.rows("SELECT FROM pg_locks WHERE NOT granted"), "the subscription was read")
            other.execute("UPDATE billd.quantities SET quantity = 500 WHERE subscription_id = %s", (life.id,))
        assert previewed.result() == before
    assert next_of(life)["total"] > before["total"]


CHANGES = {
    "more seats": {"quantity": 12},
    "another plan": {"plan": {"amount": 9900}},
    "another interval": {"plan": {"amount": 99_000, "interval": "year"}},
    "both": {"plan": PLAN, "quantity": 8},
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_changes_invoice(org, name):
    """What the change then issues, with the arrears that it bills; and nothing has happened before."""
    life = Life(org, APRIL, PLAN, quantity=5).to(SIXTEENTH).report("20")
    change = dict(CHANGES[name])
    if "plan" in change:
        change["plan_id"] = life.plan(change.pop("plan"))
    before = everything(org, life)
    previewed = change_of(life, **change)
    assert everything(org, life) == before and previewed["subscription_id"] == life.id
    life.do("change", **change)
    check_same(previewed, life.invoices()[-1])


def test_a_downgrade_shows_what_would_be_credited(org):
    """A negative total, and what the balance would get; its lines are those of the entry then."""
    life = Life(org, APRIL, {"amount": 9000}).to(SIXTEENTH)
    plan_id = plan_of(org, amount=3000)
    previewed = change_of(life, plan_id=plan_id)
    assert (previewed["total"], previewed["credited"], previewed["amount_due"]) == (-3000, 3000, 0)
    life.do("change", plan_id=plan_id)
    (entry,) = credits_of(org, life.customer_id)
    assert entry["amount"] == 3000 and entry["lines"] == previewed["lines"]


def test_a_balance_is_shown_as_it_would_be_used(org):
    """credit_applied and amount_due of the next invoice, and the balance stays until then."""
    life = Life(org, APRIL, {"amount": 9000}).to(SIXTEENTH).do("change", plan_id=plan_of(org, amount=2000))
    previewed = next_of(life)
    assert (previewed["total"], previewed["credit_applied"], previewed["amount_due"]) == (2000, 2000, 0)
    assert life.customer()["credit_balance"] == 3500
    check_same(previewed, life.to(MAY).invoices()[-1])


def test_a_change_at_the_periods_end_shows_the_invoice_behind_it(org):
    """That of the next period, at the new price."""
    life, plan_id = Life(org, APRIL, {"amount": 1000}), plan_of(org, amount=5000)
    previewed = change_of(life, plan_id=plan_id, effective="period_end")
    assert (previewed["total"], previewed["issued_at"]) == (5000, MAY)
    assert life.now()["pending_plan_id"] is None
    life.do("change", plan_id=plan_id, effective="period_end")
    check_same(previewed, life.to(MAY).invoices()[-1])


def test_what_is_refused_is_refused_at_once(org):
    """With the problem that the command would fail with."""
    life = Life(org, APRIL, {"amount": 1000})
    path, other = life.path + "/change/preview", plan_of(org, amount=1, currency="EUR")
    for status, slug, body in (
        (422, "nothing-to-change", {}),
        (409, "currency-mismatch", {"plan_id": other}),
        (404, "plan-not-found", {"plan_id": life.id}),
    ):
        org.refused(status, slug, "POST", path, body)
    wish = {"customer_id": life.customer_id, "plan_id": life.plan_id}
    org.refused(409, "subscription-live-exists", "POST", "/v1/invoices/preview", wish)
    org.refused(404, "customer-not-found", "POST", "/v1/invoices/preview", wish | {"customer_id": life.id})
    life.do("cancel")
    org.refused(409, "subscription-final", "POST", path, {"quantity": 2})
    org.refused(409, "subscription-final", "POST", "/v1/invoices/preview", {"subscription_id": life.id})


def test_another_organisation_previews_nothing_of_mine(stack, org):
    """Its customers, plans and subscriptions are not there."""
    life, other = Life(org, APRIL, {"amount": 1000}), stack.organisation()
    other.refused(404, "subscription-not-found", "POST", life.path + "/change/preview", {"quantity": 2})
    other.refused(404, "subscription-not-found", "POST", "/v1/invoices/preview", {"subscription_id": life.id})
    wish = {"customer_id": life.customer_id, "plan_id": life.plan_id}
    other.refused(404, "customer-not-found", "POST", "/v1/invoices/preview", wish)


# What a preview must have thought of

QUARTER = {"charges": [charge("flat", "base", "advance", amount=9100)], "interval_count": 3}
LATER = {
    "a trial into the calendar": {"anchor": "calendar", "trial_days": 9},
    "a trial into a day of the month": {"anchor": "31", "trial_days": 9, "quantity": 2},
    "a later start with a trial and an end": {"start_at": "2026-04-05T09:00:00Z", "trial_days": 3,
                                              "end_at": "2026-04-29T00:00:00Z"},
    "a later start by the calendar": {"start_at": "2026-04-05T09:00:00Z", "anchor": "calendar"},
}  # fmt: skip


@pytest.mark.parametrize("plan", [PLAN, QUARTER], ids=["month", "quarter"])
@pytest.mark.parametrize("name", LATER)
def test_one_that_is_billed_later_by_its_anchor(org, name, plan):
    """The first invoice, whose period is a part of its natural one."""
    clock = Clock(org, APRIL)
    wish = {"customer_id": clock.customer(timezone="Europe/Vienna"), "plan_id": plan_of(org, **plan)} | LATER[name]
    previewed = preview(org, "/v1/invoices/preview", wish)
    org.succeed("POST", "/v1/subscriptions", wish)
    clock.advance(previewed["issued_at"])
    (invoice,) = org.invoices_of(wish["customer_id"])
    check_same(previewed, invoice)


# The wish of the subscription; commands before; the change; until when it is billed
BEHIND = {
    "in a trial": ({"trial_days": 20}, [], {"quantity": 7}, "2026-04-21T00:00:00Z"),
    "before the start": ({"start_at": "2026-04-21T00:00:00Z"}, [], {"quantity": 7, "plan": QUARTER},
                         "2026-04-21T00:00:00Z"),
    "at the period's end, to another interval": ({}, [], {"plan": QUARTER, "effective": "period_end"}, MAY),
    "at the period's end, on the calendar": ({"anchor": "calendar"}, [], {"plan": QUARTER, "effective": "period_end"},
                                             MAY),
    "in place of a pending one": ({}, [("change", {"quantity": 99, "effective": "period_end"})],
                                  {"quantity": 3, "effective": "period_end"}, MAY),
    "of seats, without proration": ({}, [], {"quantity": 7, "proration": "none"}, MAY),
}  # fmt: skip


@pytest.mark.parametrize("name", BEHIND)
def test_a_change_that_bills_later_shows_the_invoice_behind_it(org, name):
    """With what was reported before it."""
    wish, commands, change, until = BEHIND[name]
    life = Life(org, APRIL, PLAN, quantity=5, **wish).to(SIXTEENTH)
    if life.now()["status"] == "active":
        life.report("140")
    for verb, body in commands:
        life.do(verb, **body)
    body = {key: value for key, value in change.items() if key != "plan"}
    if "plan" in change:
        body["plan_id"] = life.plan(change["plan"])
    before = everything(org, life)
    previewed = change_of(life, **body)
    assert everything(org, life) == before
    life.do("change", **body).to(until)
    check_same(previewed, life.invoices()[-1])


def test_a_change_that_moves_the_period_leaves_its_reports_behind(org):
    """What was reported within the free units is the old version's, though it billed nothing: the next invoice, which
    the preview shows, has none of it.
    """
    free = {"charges": [charge("per_unit", unit_amount="1", free_units="100")]}
    life = Life(org, APRIL, free).to(SIXTEENTH).report("40")
    change = {"plan_id": plan_of(org, charges=[charge("per_unit", unit_amount="2")])}
    previewed = change_of(life, **change)
    assert (previewed["issued_at"], previewed["total"]) == (MAY, 0)
    life.do("change", **change).to(MAY)
    check_same(previewed, life.invoices()[-1])


def test_a_change_is_shown_with_the_balance_that_pays_it(org):
    """In part."""
    life = Life(org, APRIL, {"amount": 9000}).to(SIXTEENTH).do("change", plan_id=plan_of(org, amount=8000))
    dear = plan_of(org, amount=20_000)
    previewed = change_of(life, plan_id=dear)
    assert (previewed["total"], previewed["credit_applied"], previewed["amount_due"]) == (6000, 500, 5500)
    life.do("change", plan_id=dear)
    check_same(previewed, life.invoices()[-1])


def test_a_credit_that_the_balance_cannot_take_is_refused_at_once(stack):
    """As the change would be."""
    org = stack.person().found(settings={"subscriptions_per_customer": "many"})
    most = {"charges": [charge("per_unit", "seats", "advance", unit_amount="9223372036854.775807")]}
    first = Life(org, APRIL, most, quantity=10**6)
    second = f"/v1/subscriptions/{org.subscription(first.customer_id, first.plan_id, quantity=10**6)}"
    first.do("change", quantity=0)
    org.refused(422, "amount-out-of-range", "POST", second + "/change/preview", {"quantity": 0})
    org.fail("amount-out-of-range", "POST", second + "/change", {"quantity": 0})


@pytest.mark.parametrize("setting", ["day", "none"])
def test_the_organisations_way_of_prorating_is_the_previews(stack, setting):
    """Of a first part, and of a change."""
    org = stack.person().found(settings={"proration": setting}, timezone="Europe/Vienna")
    clock, plan_id = Clock(org, "2026-03-27T17:00:00Z"), plan_of(org, **PLAN)
    wish = {"customer_id": clock.customer(), "plan_id": plan_id, "anchor": "calendar", "quantity": 4}
    previewed = preview(org, "/v1/invoices/preview", wish)
    subscription_id = org.succeed("POST", "/v1/subscriptions", wish)
    check_same(previewed, org.invoices_of(wish["customer_id"])[0])
    clock.advance("2026-03-29T01:30:00Z")
    change, path = {"plan_id": plan_of(org, amount=99_000)}, f"/v1/subscriptions/{subscription_id}/change"
    previewed = preview(org, path + "/preview", change)
    org.succeed("POST", path, change)
    clock.advance(previewed["issued_at"])
    check_same(previewed, org.invoices_of(wish["customer_id"])[0])


def test_where_nothing_would_be_billed_there_is_nothing_to_show(org):
    """One that is canceled when its trial ends, one that is paused, one that ends with nothing in arrears."""
    clock = Clock(org, APRIL)
    trial = Life(org, APRIL, PLAN, clock=clock, trial_days=9).do("cancel", effective="period_end")
    paused = Life(org, APRIL, PLAN, clock=clock).do("pause")
    ends = Life(org, APRIL, {"amount": 1000}, clock=clock, end_at=SIXTEENTH)
    for life in (trial, paused, ends):
        org.refused(422, "nothing-billed", "POST", "/v1/invoices/preview", {"subscription_id": life.id})
        later = {"quantity": 2, "effective": "period_end"}
        org.refused(422, "nothing-billed", "POST", life.path + "/change/preview", later)
    ends_with_usage = Life(org, APRIL, PLAN, clock=clock, end_at=SIXTEENTH).report("7")
    previewed = next_of(ends_with_usage)
    clock.advance(SIXTEENTH)
    check_same(previewed, ends_with_usage.invoices()[-1])


def test_a_viewer_may_ask(stack):
    """A preview changes nothing, so it takes no more than to see; the change itself is refused."""
    team = stack.team()
    life, viewer = Life(team.keys["billing"], APRIL, {"amount": 1000}), team.keys["viewer"]
    change = life.path + "/change"
    assert preview(viewer, change + "/preview", {"quantity": 2})["reason"] == "subscription_update"
    assert preview(viewer, "/v1/invoices/preview", {"subscription_id": life.id})["issued_at"] == MAY
    assert viewer.request("POST", change, {"quantity": 2}).status_code == 403
    assert life.now()["quantity"] == 1 and len(life.invoices()) == 1
