"""Credit notes: several for one invoice, up to what is left of each line, to the balance or back as money."""

import pytest
from billing import Life, charge, credits_of
from client import slug
from money import (
    APRIL,
    GHOST,
    MAY,
    amounts,
    balances,
    billed,
    coupon_of,
    give,
    invoice_of,
    note_of,
    of,
    path_of,
    pay,
    payments_of,
    rate_of,
    settled,
    shown,
    transfers,
)

THREE = {"charges": [charge("flat", code, "advance", amount=amount) for code, amount in
                     (("a", 1000), ("b", 333), ("c", 1))]}  # fmt: skip


@pytest.fixture(scope="module")
def org(stack):
    return stack.organisation()


def three_lines(org, **more):
    """An open invoice over 1000, 333 and 1."""
    life = Life(org, APRIL, THREE, **more)
    return life, invoice_of(org, life.customer_id)


def state(invoice):
    names = ("status", "amount_paid", "amount_credited", "amount_refunded", "credited_total")
    return tuple(invoice[name] for name in names)


def refuse(org, slug, invoice, **more):
    return org.fail(slug, "POST", "/v1/credit-notes", {"invoice_id": invoice["id"]} | more)


# Of what is still to be paid


def test_a_note_for_a_part_of_a_line(org):
    """Taken off what is to be paid; its line and the invoice know of it."""
    life, invoice = three_lines(org)
    note = note_of(org, invoice, [400], reason="Late by a week")
    assert of([note], "invoice_id", "customer_id", "reason", "currency") == [
        (invoice["id"], life.customer_id, "Late by a week", "USD"),
    ]  # fmt: skip
    assert of([note], "subtotal", "total", "applied", "credited", "refunded") == [(400, 400, 400, 0, 0)]
    assert of(note["lines"], "line_id", "amount", "description") == [(invoice["lines"][0]["id"], 400, "A")]
    invoice = shown(org, invoice)
    assert state(invoice) == ("open", 0, 400, 0, 400)
    assert [line["credited"] for line in invoice["lines"]] == [400, 0, 0]
    assert credits_of(org, life.customer_id) == [] and pay(org, invoice)["amount_paid"] == 934
    assert note in org.all("/v1/credit-notes")
    assert org.all(f"/v1/invoices/{invoice['id']}/credit-notes") == [note]


def test_a_note_for_all_of_it(org):
    """Without lines: all that is left of each, and it is paid."""
    _, invoice = three_lines(org)
    note_of(org, invoice, [None, 33])
    note = note_of(org, invoice)
    assert [line["amount"] for line in note["lines"]] == [1000, 300, 1]
    assert state(shown(org, invoice)) == ("paid", 0, 1334, 0, 1334)
    refuse(org, "nothing-to-credit", invoice)


def test_notes_never_exceed_what_is_left(org):
    """Of a line; by one more minor unit than there is."""
    _, invoice = three_lines(org)
    line = invoice["lines"][1]["id"]
    refuse(org, "credit-note-too-large", invoice, lines=[{"line_id": line, "amount": 334}])
    note_of(org, invoice, [None, 300])
    refuse(org, "credit-note-too-large", invoice, lines=[{"line_id": line, "amount": 34}])
    note_of(org, invoice, [None, 33])
    refuse(org, "credit-note-too-large", invoice, lines=[{"line_id": line, "amount": 1}])
    assert shown(org, invoice)["credited_total"] == 333


def test_writers_race_for_the_last_of_it(org):
    """Ten notes over 200 each at once, for a line of 1000: five are issued."""
    _, invoice = three_lines(org)
    body = {"invoice_id": invoice["id"], "lines": [{"line_id": invoice["lines"][0]["id"], "amount": 200}]}
    sent = org.in_parallel([lambda client: client.send("POST", "/v1/credit-notes", body)["operation_id"]] * 10)
    outcomes = [org.outcome(one)["status"] for one in sent]
    assert sorted(outcomes) == ["failed"] * 5 + ["succeeded"] * 5
    numbers = sorted(note["number"][-7:] for note in org.all(f"/v1/invoices/{invoice['id']}/credit-notes"))
    assert numbers == [f"CN-{number:04}" for number in range(1, 6)]


def test_notes_that_cannot_be(org):
    life, invoice = three_lines(org)
    line = invoice["lines"][0]["id"]
    other = invoice_of(org, Life(org, APRIL, THREE).customer_id)["lines"][0]["id"]
    for lines in ([{"line_id": GHOST, "amount": 1}], [{"line_id": other, "amount": 1}],
                  [{"line_id": line, "amount": 1}, {"line_id": line, "amount": 2}]):  # fmt: skip
        refuse(org, "invoice-line-not-found", invoice, lines=lines)
    for amount in (0, -1):
        body = {"invoice_id": invoice["id"], "lines": [{"line_id": line, "amount": amount}]}
        org.refused(422, "invalid-body", "POST", "/v1/credit-notes", body)
    org.fail("invoice-not-found", "POST", "/v1/credit-notes", {"invoice_id": GHOST})
    org.refused(404, "not-found", "GET", f"/v1/credit-notes/{GHOST}")
    assert state(shown(org, invoice)) == ("open", 0, 0, 0, 0) and credits_of(org, life.customer_id) == []


# Taxes and discounts


def test_taxes_come_back_in_proportion(org):
    """19 % of 333 is 63: in three parts 21 each, whatever the parts' own tax would round to."""
    _, invoice = three_lines(org, tax_rate_ids=[rate_of(org, "19")])
    assert amounts(invoice) == (1334, 0, 253, 1587)
    tax = invoice["lines"][1]["tax"]
    notes = [note_of(org, invoice, [None, 111]) for _ in range(3)]
    assert sum(note["tax"] for note in notes) == tax and all(note["tax"] in (21, 22) for note in notes)
    whole = note_of(org, invoice)
    assert whole["tax"] == invoice["tax"] - tax
    invoice = shown(org, invoice)
    assert state(invoice) == ("paid", 0, 1587, 0, 1587)
    for line in invoice["lines"]:
        assert [part["amount"] for part in line["credited_taxes"]] == [part["amount"] for part in line["taxes"]]


def test_bit_by_bit_exactly_its_tax_comes_back(org):
    """An inclusive and an exclusive rate, 17 units at a time."""
    rates = [rate_of(org, "7", True), rate_of(org, "8.875")]
    _, invoice = billed(org, 101, tax_rate_ids=rates)
    given, left = [], 101
    while left:
        given.append(note_of(org, invoice, [min(17, left)]))
        left -= min(17, left)
    for name in ("total", "tax"):
        assert sum(note[name] for note in given) == invoice[name]
    assert shown(org, invoice)["status"] == "paid"


def test_what_was_discounted_is_not_credited(org):
    """A line of 1000 with 250 off has 750 to give."""
    _, invoice = billed(org, 1000, coupon_codes=[coupon_of(org, percent_off="25")])
    refuse(org, "credit-note-too-large", invoice, lines=[{"line_id": invoice["lines"][0]["id"], "amount": 751}])
    assert note_of(org, invoice)["total"] == 750


# Of what was paid


def test_what_was_paid_goes_to_the_balance(org):
    """Of a paid invoice, and of what a note is larger than what remains."""
    life, invoice = billed(org, 1000)
    pay(org, invoice, amount=700)
    note = note_of(org, invoice, [500])
    assert of([note], "applied", "credited", "refunded") == [(300, 200, 0)]
    assert state(shown(org, invoice)) == ("paid", 700, 300, 0, 500)
    assert of(credits_of(org, life.customer_id), "reason", "amount", "credit_note_id") == [
        ("credit_note", 200, note["id"]),
    ]  # fmt: skip
    assert life.to(MAY).invoices()[-1]["credit_applied"] == 200


def test_a_refund_goes_back_to_its_payments(stack, org):
    """To the newest first, one for each; the provider's book has them."""
    _, invoice = billed(org, 1000)
    for amount in (300, 700):
        pay(org, invoice, amount=amount)
    note = note_of(org, invoice, [800], refund=True)
    assert of([note], "applied", "credited", "refunded") == [(0, 0, 800)]
    first, second, *refunds = settled(org, invoice)
    assert sorted(of(refunds, "amount", "kind", "status", "refund_of", "credit_note_id")) == [
        (100, "refund", "succeeded", first["id"], note["id"]), (700, "refund", "succeeded", second["id"], note["id"]),
    ]  # fmt: skip
    assert (first["amount_refunded"], second["amount_refunded"]) == (100, 700)
    assert state(shown(org, invoice)) == ("paid", 1000, 0, 800, 800)
    book = transfers(stack, refunds)
    assert sorted(book.values()) == [("refund", 100, "succeeded"), ("refund", 700, "succeeded")]


def test_only_what_came_goes_back(org):
    """Half was paid by the balance: that half goes there."""
    life = Life(org, APRIL, {"amount": 1})
    give(org, life.customer_id, 500)
    life.do("change", plan_id=life.plan({"amount": 1000}), effective="period_end").to(MAY)
    invoice = pay(org, life.invoices()[-1])
    note = note_of(org, invoice, refund=True)
    assert of([note], "total", "credited", "refunded") == [(1000, 500, 500)]
    assert life.customer()["credit_balance"] == 500 and len(settled(org, invoice)) == 2


def test_refunds_are_never_more_than_was_paid(org):
    """Note after note with refund: the sum is what was paid, then nothing is left."""
    _, invoice = billed(org, 1000, tax_rate_ids=[rate_of(org, "20")])
    pay(org, invoice)
    refunded = [note_of(org, invoice, [250], refund=True)["refunded"] for _ in range(4)]
    assert refunded == [300] * 4
    refuse(org, "nothing-to-credit", invoice, refund=True)
    payments = settled(org, invoice)
    assert sum(one["amount"] for one in payments if one["kind"] == "refund") == 1200
    assert state(shown(org, invoice)) == ("paid", 1200, 0, 1200, 1200)


def test_a_manual_payment_is_paid_back_by_hand(stack, org):
    """No provider is asked."""
    _, invoice = billed(org, 1000)
    pay(org, invoice, "manual", reference="Wire 7")
    note_of(org, invoice, refund=True)
    payment, refund = settled(org, invoice)
    assert of([payment, refund], "kind", "payment_method", "status", "amount") == [
        ("payment", "manual", "succeeded", 1000), ("refund", "manual", "succeeded", 1000),
    ]  # fmt: skip
    assert transfers(stack, [payment, refund]) == {}


def test_no_note_while_a_payment_is_on_its_way(org):
    """Refused until its outcome is known; or, where that came first, of what was paid."""
    _, invoice = billed(org, 1000)
    paying = org.send("POST", path_of(invoice, "pay"), {"payment_method": "sim_error"})
    noting = org.send("POST", "/v1/credit-notes", {"invoice_id": invoice["id"]})
    outcome = org.outcome(noting["operation_id"])
    assert org.outcome(paying["operation_id"])["status"] == "succeeded"
    if outcome["error"]:
        assert slug(outcome["error"]) == "payment-in-progress"
        note_of(org, invoice)
    (note,) = org.all(path_of(invoice, "credit-notes"))
    assert of([note], "applied", "credited") == [(0, 1000)] and len(payments_of(org, invoice)) == 1


# Books and events


def test_a_note_is_booked(stack):
    """What was not earned yet comes out of what is deferred, the tax out of what is owed, whatever it is paid by."""
    org = stack.organisation()
    life = Life(org, APRIL, {"amount": 3000}, tax_rate_ids=[rate_of(org, "20")])
    invoice = pay(org, life.invoices()[0])
    life.to("2026-04-11T00:00:00Z")
    note_of(org, invoice, [1500])
    sums = balances(org)
    # Ten days are earned. 20 of 30 are left, so 1000 of the note's 1500 were not earned yet.
    assert sums == {"cash": 3600, "customer_credit": -1800, "deferred_revenue": -1000, "revenue": -500,
                    "tax_payable": -300}  # fmt: skip
    life.to(MAY)
    sums = balances(org)
    assert (sums["deferred_revenue"], sums["revenue"]) == (-3000, -1500)


def test_a_note_is_an_event(org):
    """With the whole note; the invoice behind it as well."""
    _, invoice = billed(org, 1000)
    note = note_of(org, invoice, [10], reason="Goodwill")
    told = [event for event in org.events() if event["subject"] == note["id"]]
    assert [event["type"] for event in told] == ["billd.credit_note.issued.v1"] and told[0]["data"] == note
    behind = [event["data"] for event in org.events() if event["subject"] == invoice["id"]][-1]
    assert behind == shown(org, invoice)
