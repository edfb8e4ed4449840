"""Past due: what a failed payment of its latest invoice makes of a subscription, and what makes it active again."""

import pytest
from billing import Clock, Life, charge, plan_of
from client import codes
from money import (
    APRIL,
    JUNE,
    MAY,
    SIXTEENTH,
    billed,
    fail_to_pay,
    give,
    invoice_of,
    note_of,
    path_of,
    pay,
    payments_of,
    provider_away,
    shown,
    tell,
    unknown,
)

STANDING = ("past_due", "recovered")


@pytest.fixture(scope="module")
def org(stack):
    return stack.organisation()


def decline(org, invoice):
    fail_to_pay(org, "payment-declined", invoice, "sim_declined")


def owing(org, **more):
    """A subscription that is past due, and the invoice it owes."""
    life, invoice = billed(org, 1000, **more)
    decline(org, invoice)
    assert life.now()["status"] == "past_due"
    return life, invoice


def told_of(org, life):
    """What events told of its standing."""
    kinds = [event["type"].split(".")[2] for event in org.events() if event["subject"] == life.id]
    return [kind for kind in kinds if kind in STANDING]


# There and back


def test_a_payment_that_fails_makes_it_past_due(org):
    """With one event, because of what the provider said, that tells it as it then is; money makes it active again."""
    life, invoice = billed(org, 1000)
    before = life.now()
    assert (before["status"], before["latest_invoice_id"]) == ("active", invoice["id"])
    decline(org, invoice)
    after = life.now()
    assert after == before | {"status": "past_due", "updated_at": after["updated_at"]}
    decline(org, invoice)
    assert told_of(org, life) == ["past_due"] and life.now() == after
    (event,) = [one for one in org.events() if one["type"] == "billd.subscription.past_due.v1"
                and one["subject"] == life.id]  # fmt: skip
    assert event["data"] == after
    cause = org.get(f"/v1/operations/{event['operationid']}")
    assert (cause["command"], cause["status"]) == ("record_payment_outcome", "succeeded")
    assert pay(org, invoice)["status"] == "paid"
    assert life.now()["status"] == "active" and told_of(org, life) == list(STANDING)


def test_a_part_does_not_recover_it(org):
    life, invoice = billed(org, 1000)
    pay(org, invoice, amount=400)
    decline(org, invoice)
    assert life.now()["status"] == "past_due"
    pay(org, invoice, amount=500)
    assert life.now()["status"] == "past_due"
    pay(org, invoice, "manual")
    assert life.now()["status"] == "active"


WAYS = {
    "void": lambda org, invoice: org.succeed("POST", path_of(invoice, "void")),
    "uncollectible": lambda org, invoice: org.succeed("POST", path_of(invoice, "mark_uncollectible")),
    "paid": note_of,
}


@pytest.mark.parametrize("status", WAYS)
def test_what_else_leaves_nothing_to_pay(org, status):
    """Void, given up, or credited."""
    life, invoice = owing(org)
    WAYS[status](org, invoice)
    assert shown(org, invoice)["status"] == status
    assert life.now()["status"] == "active" and told_of(org, life) == list(STANDING)


def test_no_answer_is_no_failure(stack, org, wire):
    """It is what it was until the provider says what became of it."""
    life, invoice = billed(org, 1000)
    with provider_away(stack):
        accepted = org.send("POST", path_of(invoice, "pay"), {"payment_method": "sim_ok"})
        unknown(org, invoice)
        assert life.now()["status"] == "active"
        (payment,) = payments_of(org, invoice)
        tell(org, wire, payment, "failed", failure_code="card_declined")
        assert org.outcome(accepted["operation_id"])["status"] == "failed"
    assert life.now()["status"] == "past_due"


# Newer invoices


def test_it_goes_on_being_billed(org):
    """It renews as ever, and what there is to pay is the newer invoice."""
    life, first = owing(org)
    second = life.to(MAY).invoices()[-1]
    now = life.now()
    assert (now["status"], now["current_period_start"], now["latest_invoice_id"]) == ("past_due", MAY, second["id"])
    assert second["issued_at"] == MAY and second["status"] == "open"
    pay(org, first)
    assert life.now()["status"] == "past_due"
    pay(org, second)
    assert life.now()["status"] == "active" and told_of(org, life) == list(STANDING)


def test_an_older_invoice_says_nothing(org):
    life, first = billed(org, 1000)
    life.to(MAY)
    decline(org, first)
    assert life.now()["status"] == "active" and told_of(org, life) == []
    decline(org, life.invoices()[-1])
    assert life.now()["status"] == "past_due"


def test_a_newer_invoice_that_is_paid_at_once(org):
    """By the balance: nothing is owed for it, whatever the one before says."""
    life, first = owing(org)
    give(org, life.customer_id, 1000)
    life.to(MAY)
    assert (life.now()["status"], shown(org, first)["status"]) == ("active", "open")
    assert told_of(org, life) == list(STANDING)
    assert [one["status"] for one in life.to(JUNE).invoices()] == ["open", "paid", "open"]
    assert life.now()["status"] == "active"


def test_what_a_change_is_invoiced_for_is_the_latest(org):
    seats = charge("per_unit", "seats", "advance", unit_amount="1000")
    life = Life(org, APRIL, {"charges": [seats]})
    first = invoice_of(org, life.customer_id)
    life.clock.advance(SIXTEENTH)
    second = life.do("change", quantity=3).invoices()[-1]
    assert second["reason"] == "subscription_update" and life.now()["latest_invoice_id"] == second["id"]
    decline(org, second)
    pay(org, first)
    assert life.now()["status"] == "past_due"
    # A credit is no invoice.
    life.do("change", quantity=1)
    assert (life.now()["status"], life.now()["latest_invoice_id"]) == ("past_due", second["id"])
    pay(org, second)
    assert life.now()["status"] == "active"


# Every command takes it as it takes one that is active

COMMANDS = [
    ("change", {"quantity": 2}, "past_due"),
    ("change", {"quantity": 2, "effective": "period_end"}, "past_due"),
    ("cancel", {}, "canceled"),
    ("cancel", {"effective": "period_end"}, "past_due"),
    ("pause", {}, "paused"),
    ("quantities", {"charge_code": "use", "quantity": "7"}, "past_due"),
]
REFUSALS = [("uncancel", "not-canceling"), ("resume", "subscription-state")]


def test_commands_on_it(org):
    charges = [charge("per_unit", "seats", "advance", unit_amount="1000"), charge("per_unit", unit_amount="3")]
    clock, plan_id = Clock(org, APRIL), plan_of(org, charges=charges)
    lives = [Life(org, APRIL, plan_id, clock=clock) for _ in COMMANDS]
    for life, (verb, body, status) in zip(lives, COMMANDS, strict=True):
        decline(org, invoice_of(org, life.customer_id))
        assert life.do(verb, **body).now()["status"] == status, (verb, body)
    for verb, slug in REFUSALS:
        lives[0].refused(slug, verb)
    clock.advance(MAY)
    statuses = [life.now()["status"] for life in lives]
    assert statuses == ["past_due", "past_due", "canceled", "canceled", "paused", "past_due"]
    amounts = [[line["amount"] for line in life.invoices()[-1]["lines"]] for life in lives]
    assert amounts == [[2000], [2000], [1000], [1000], [1000], [21, 1000]]


# Who has left


@pytest.mark.parametrize(("verb", "status"), [("cancel", "canceled"), ("pause", "paused")])
def test_outcomes_behind_an_end_or_a_pause(org, verb, status):
    """Change nothing of it, whether money came or not."""
    for settle in (decline, pay):
        life, invoice = owing(org) if settle is pay else billed(org, 1000)
        life.do(verb)
        before = life.now()
        assert before["status"] == status
        settle(org, invoice)
        assert life.now() == before


def test_one_that_is_resumed_is_active(org):
    """As the table of states has it; the next attempt tells."""
    life, invoice = owing(org)
    assert life.do("pause").do("resume").now()["status"] == "active"
    decline(org, invoice)
    assert life.now()["status"] == "past_due" and told_of(org, life) == ["past_due", "past_due"]


def test_it_does_not_expire_while_it_owes(org):
    """At its end it is canceled; its invoice can be paid after that."""
    life, invoice = billed(org, 1000, end_at="2026-04-20T00:00:00Z")
    decline(org, invoice)
    life.to(MAY)
    assert (life.now()["status"], life.now()["ended_at"]) == ("canceled", "2026-04-20T00:00:00Z")
    assert pay(org, invoice)["status"] == "paid" and life.now()["status"] == "canceled"


def test_others_are_left_as_they_are(stack):
    """Of one customer's subscriptions the one whose invoice it is, in one batch with the others'."""
    org = stack.person().found(settings={"subscriptions_per_customer": "many"})
    clock = Clock(org, APRIL)
    customer = clock.customer(name=f"Many {next(codes)}")
    plan = Life(org, APRIL, {"amount": 1000}, clock=clock).plan_id
    ids = [org.subscription(customer, plan) for _ in range(3)]
    invoices = {one["subscription_id"]: one for one in org.invoices_of(customer)}
    sent = [org.send("POST", path_of(invoices[one], "pay"), {"payment_method": "sim_declined"}) for one in ids[:2]]
    assert {org.outcome(one["operation_id"])["status"] for one in sent} == {"failed"}
    statuses = [org.get(f"/v1/subscriptions/{one}")["status"] for one in ids]
    assert statuses == ["past_due", "past_due", "active"]
    assert invoice_of(org, customer)["status"] == "open"
