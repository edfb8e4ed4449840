"""Payments: what each method does, in part and whole, by hand, and never twice whatever dies in between."""

import pytest
from client import at_once, slug
from money import (
    APRIL,
    GHOST,
    MAY,
    balances,
    billed,
    fail_to_pay,
    invoice_of,
    note_of,
    of,
    path_of,
    pay,
    payments_of,
    provider_away,
    settled,
    shown,
    tell,
    transfers,
    unknown,
)
from waiting import eventually
from wire import COMMAND_SCHEMAS, COMMANDS, decode


@pytest.fixture(scope="module")
def org(stack):
    return stack.organisation()


def to_pay(org, amount=1000):
    return billed(org, amount)[1]


# What each method does


def test_a_payment_that_succeeds(stack, org):
    """The operation is done when the money is there; the invoice is paid, and the provider has it once."""
    invoice = to_pay(org)
    paid = pay(org, invoice, "sim_ok")
    assert (paid["status"], paid["amount_paid"], paid["paid_at"], paid["payment_id"]) == ("paid", 1000, APRIL, None)
    (payment,) = payments_of(org, invoice)
    assert of([payment], "kind", "status", "payment_method", "amount", "currency") == [
        ("payment", "succeeded", "sim_ok", 1000, "USD"),
    ]  # fmt: skip
    assert of([payment], "invoice_id", "failure_code", "amount_refunded") == [(invoice["id"], None, 0)]
    assert payment["settled_at"] and payment["reference"]
    assert org.get(f"/v1/payments/{payment['id']}") == payment and payment in org.all("/v1/payments")
    assert transfers(stack, [payment]) == {payment["id"]: ("payment", 1000, "succeeded")}


def test_prefer_wait_waits_for_the_money(org):
    invoice = to_pay(org)
    body = {"payment_method": "sim_ok"}
    answer = org.request("POST", path_of(invoice, "pay"), body, headers={"Prefer": "wait=30"})
    assert answer.status_code == 200 and answer.json()["status"] == "paid", answer.text


DECLINED = {"sim_declined": "card_declined", "sim_insufficient_funds": "insufficient_funds"}


@pytest.mark.parametrize("method", DECLINED)
def test_a_payment_that_is_declined(stack, org, method):
    """payment-declined with its reason; nothing is paid, and another can be tried."""
    invoice = to_pay(org)
    problem = fail_to_pay(org, "payment-declined", invoice, method)
    assert problem["status"] == 402
    (payment,) = payments_of(org, invoice)
    assert of([payment], "status", "failure_code", "amount") == [("failed", DECLINED[method], 1000)]
    assert transfers(stack, [payment])[payment["id"]][2] == "declined"
    assert (shown(org, invoice)["status"], shown(org, invoice)["payment_id"]) == ("open", None)
    assert pay(org, invoice, "sim_ok")["status"] == "paid"


def test_declined_as_often_as_it_says(org):
    """N times for this invoice, then it succeeds."""
    invoice = to_pay(org)
    for _ in range(2):
        fail_to_pay(org, "payment-declined", invoice, "sim_fail_n_then_ok:2")
    assert pay(org, invoice, "sim_fail_n_then_ok:2")["status"] == "paid"
    assert [payment["status"] for payment in payments_of(org, invoice)] == ["failed", "failed", "succeeded"]
    assert pay(org, to_pay(org), "sim_fail_n_then_ok:0")["status"] == "paid"


def test_no_answer_is_a_state_of_its_own(stack, org):
    """Unknown, until the provider said what it did: which was done, and done once."""
    invoice = to_pay(org)
    assert pay(org, invoice, "sim_error")["status"] == "paid"
    (payment,) = settled(org, invoice)
    assert payment["status"] == "succeeded" and transfers(stack, [payment])[payment["id"]][1] == 1000
    told = [event["type"] for event in org.events() if event["subject"] == payment["id"]]
    assert told == [f"billd.payment.{state}.v1" for state in ("created", "unknown", "succeeded")]


# Parts


def test_in_parts(org):
    """Open until nothing remains; the last part is all that does."""
    invoice = to_pay(org)
    for amount, paid in ((1, 1), (399, 400), (500, 900)):
        found = pay(org, invoice, amount=amount)
        assert (found["status"], found["amount_paid"]) == ("open", paid)
    assert pay(org, invoice)["amount_paid"] == 1000
    assert [payment["amount"] for payment in payments_of(org, invoice)] == [1, 399, 500, 100]


def test_nothing_is_overpaid(org):
    invoice = to_pay(org)
    fail_to_pay(org, "payment-too-large", invoice, amount=1001)
    pay(org, invoice, amount=600)
    fail_to_pay(org, "payment-too-large", invoice, amount=401)
    pay(org, invoice, amount=400)
    fail_to_pay(org, "invoice-final", invoice, amount=1)
    fail_to_pay(org, "invoice-final", invoice)
    assert len(payments_of(org, invoice)) == 2


def test_up_to_100_attempts(org):
    """Those that were declined count, and the 101st is refused however it is paid; a credit note ends it still."""
    invoice = to_pay(org)
    for _ in range(2):
        fail_to_pay(org, "payment-declined", invoice, "sim_declined")
    body = {"payment_method": "manual", "amount": 1}
    sent = [org.send("POST", path_of(invoice, "pay"), body)["operation_id"] for _ in range(99)]
    outcomes = [org.outcome(one) for one in sent]
    assert [one["status"] for one in outcomes] == ["succeeded"] * 98 + ["failed"]
    assert slug(outcomes[-1]["error"]) == "payments-too-many"
    for method in ("manual", "sim_ok"):
        fail_to_pay(org, "payments-too-many", invoice, method)
    assert len(payments_of(org, invoice)) == 100
    assert (shown(org, invoice)["status"], shown(org, invoice)["amount_paid"]) == ("open", 98)
    note = note_of(org, invoice)
    assert (note["total"], note["applied"], note["credited"]) == (1000, 902, 98)
    assert shown(org, invoice)["status"] == "paid"


def test_by_hand(stack, org):
    """At once, with what the payer wrote; no provider is asked."""
    invoice = to_pay(org)
    assert pay(org, invoice, "manual", amount=400, reference="Wire 4711")["amount_paid"] == 400
    (payment,) = payments_of(org, invoice)
    assert of([payment], "status", "payment_method", "reference") == [("succeeded", "manual", "Wire 4711")]
    assert transfers(stack, [payment]) == {}
    assert pay(org, invoice, "sim_ok")["status"] == "paid"


@pytest.mark.parametrize("method", ["card", "sim_fail_n_then_ok", "sim_fail_n_then_ok:100", "SIM_OK"])
def test_methods_that_are_none(org, method):
    invoice = to_pay(org)
    fail_to_pay(org, "payment-method-unknown", invoice, method)
    assert payments_of(org, invoice) == []


def test_bodies_that_cannot_be(org):
    invoice = to_pay(org)
    for body in ({}, {"payment_method": "sim_ok", "amount": 0}, {"payment_method": "sim_ok", "amount": -5},
                 {"payment_method": ""}):  # fmt: skip
        org.refused(422, "invalid-body", "POST", path_of(invoice, "pay"), body)
    org.refused(404, "not-found", "GET", f"/v1/payments/{GHOST}")


# What a provider said, as it stands on the topic


def test_what_is_told_of_a_settled_payment(org, wire):
    """payment-settled, whatever is told, of one that came and of one that did not; nothing changes."""
    invoice = to_pay(org)
    fail_to_pay(org, "payment-declined", invoice, "sim_declined")
    pay(org, invoice, amount=300)
    pay(org, invoice, "manual", amount=200)
    payments, before = payments_of(org, invoice), shown(org, invoice)
    for payment in payments:
        for outcome in ("succeeded", "failed", "unknown"):
            told = tell(org, wire, payment, outcome, reference="another", failure_code="another")
            org.failed(told, "payment-settled", from_topic=True)
    assert (payments_of(org, invoice), shown(org, invoice)) == (payments, before)


def test_what_is_told_of_no_payment(stack, org, wire):
    """payment-not-found: of an id that is none, or with another's invoice, customer or organisation."""
    theirs = stack.organisation()
    life, invoice = billed(org, 1000)
    life.to(MAY)
    later = invoice_of(org, life.customer_id)
    with provider_away(stack):
        accepted = org.send("POST", path_of(invoice, "pay"), {"payment_method": "sim_ok"})
        unknown(org, invoice)
        (payment,) = payments_of(org, invoice)
        for asker, more in (
            (org, {"payment_id": invoice["id"]}),
            (org, {"invoice_id": later["id"]}),
            (org, {"invoice_id": GHOST}),
            (org, {"customer_id": GHOST}),
            (theirs, {}),
        ):
            told = tell(asker, wire, payment, "succeeded", **more)
            asker.failed(told, "payment-not-found", from_topic=True)
        assert (shown(org, invoice)["amount_paid"], shown(org, later)["amount_paid"]) == (0, 0)
        assert of(payments_of(org, invoice), "id", "status") == [(payment["id"], "unknown")]
    assert org.outcome(accepted["operation_id"])["status"] == "succeeded"
    assert transfers(stack, [payment]) == {payment["id"]: ("payment", 1000, "succeeded")}


def test_told_twice_is_once(stack, org, wire):
    """The very message again: its operation is as it was, and nothing is told."""
    invoice = to_pay(org)
    before = pay(org, invoice, "sim_ok", amount=300)
    (payment,) = payments_of(org, invoice)
    (message,) = [one for one in wire.read_all(COMMANDS) if tells_of(one.value(), payment)]
    _, record = decode(message.value(), COMMAND_SCHEMAS)
    operation_id = record["meta"]["operation_id"]
    operation = org.operation(operation_id)
    assert (operation["status"], record["outcome"]) == ("succeeded", "succeeded")
    assert record["reference"] == payment["reference"]
    events = org.events()
    partition, offset = wire.put(message.key().decode(), message.value(), message.partition(), message.headers())
    eventually(lambda: stack.progress()[partition][0] > offset, f"partition {partition} goes on behind {offset}")
    assert (payments_of(org, invoice), shown(org, invoice), org.events()) == ([payment], before, events)
    assert org.operation(operation_id) == operation


def tells_of(value, payment):
    """Whether it is what a provider said of a payment; other tests put there what nobody can read."""
    mark = COMMAND_SCHEMAS["RecordPaymentOutcome"][1]
    return (value or b"")[2:10] == mark and str(decode(value, COMMAND_SCHEMAS)[1]["payment_id"]) == payment["id"]


# Never twice


def test_payers_race(stack, org):
    """Eight at once for all that remains: one is charged, the others are refused, and nothing is paid twice."""
    invoice = to_pay(org)
    body = {"payment_method": "sim_ok"}
    clients = [org.twin() for _ in range(8)]
    sent = at_once(*(lambda one=one: one.send("POST", path_of(invoice, "pay"), body) for one in clients))
    outcomes = [org.outcome(accepted["operation_id"]) for accepted in sent]
    assert sorted(one["status"] for one in outcomes) == ["failed"] * 7 + ["succeeded"]
    reasons = {slug(one["error"]) for one in outcomes if one["error"]}
    assert reasons <= {"payment-in-progress", "invoice-final"}
    payments = settled(org, invoice)
    assert sum(amount for _, amount, _ in transfers(stack, payments).values()) == 1000 and len(payments) == 1


def test_a_retry_pays_once(stack, org):
    """The same request with its key, before and after it is settled: one operation, one payment."""
    invoice = to_pay(org)
    headers, body = {"Idempotency-Key": f"pay-{invoice['id']}"}, {"payment_method": "sim_ok", "amount": 300}
    sent = [org.send("POST", path_of(invoice, "pay"), body, headers=headers)["operation_id"] for _ in range(3)]
    assert org.outcome(sent[0])["status"] == "succeeded"
    sent.append(org.send("POST", path_of(invoice, "pay"), body, headers=headers)["operation_id"])
    assert len(set(sent)) == 1 and shown(org, invoice)["amount_paid"] == 300
    assert len(payments_of(org, invoice)) == len(transfers(stack, payments_of(org, invoice))) == 1


def test_while_one_is_on_its_way(stack, org):
    """The worker dies after the attempt was noted: nothing else changes the invoice, and the next one settles it."""
    invoice = to_pay(org)
    sent = [org.send("POST", path_of(invoice, verb), {"payment_method": "sim_error"} if verb == "pay" else None)
            for verb in ("pay", "void", "mark_uncollectible")]  # fmt: skip
    try:
        eventually(lambda: payments_of(org, invoice), "the attempt is noted")
        stack.worker.kill()
    finally:
        stack.ensure()
    first, *others = [org.outcome(one["operation_id"], 60) for one in sent]
    assert first["status"] == "succeeded" and shown(org, invoice)["status"] == "paid"
    reasons = {slug(one["error"]) for one in others}
    assert reasons <= {"payment-in-progress", "invoice-final"}
    (payment,) = settled(org, invoice)
    assert transfers(stack, [payment]) == {payment["id"]: ("payment", 1000, "succeeded")}


def test_a_worker_that_dies_again_and_again_charges_once(stack, org):
    """Ten invoices by all methods, killed at odd moments."""
    methods = ["sim_ok", "sim_error", "sim_declined", "sim_ok", "sim_error"] * 2
    invoices = [to_pay(org) for _ in methods]
    sent = [org.send("POST", path_of(invoice, "pay"), {"payment_method": method})["operation_id"]
            for invoice, method in zip(invoices, methods, strict=True)]  # fmt: skip
    try:
        for _ in range(3):
            stack.worker.kill()
            stack.worker.start()
    finally:
        stack.ensure()
    for invoice, method, one in zip(invoices, methods, sent, strict=True):
        declined = method == "sim_declined"
        operation, (payment,) = org.outcome(one, 60), settled(org, invoice)
        assert operation["status"] == payment["status"] == ("failed" if declined else "succeeded"), method
        outcome = "declined" if declined else "succeeded"
        assert transfers(stack, [payment]) == {payment["id"]: ("payment", 1000, outcome)}
        assert shown(org, invoice)["amount_paid"] == (0 if declined else 1000)


def test_cash_is_what_the_provider_has(stack):
    """The journal's cash is the provider's book and what came by hand, less what went back."""
    org = stack.organisation()
    invoices = [to_pay(org) for _ in range(4)]
    pay(org, invoices[0], "sim_ok", amount=250)
    pay(org, invoices[1], "sim_error")
    fail_to_pay(org, "payment-declined", invoices[2], "sim_declined")
    pay(org, invoices[3], "manual", amount=70)
    org.succeed("POST", "/v1/credit-notes", {"invoice_id": invoices[1]["id"], "refund": True})
    payments = [one for invoice in invoices for one in settled(org, invoice)]
    book = sum(amount if kind == "payment" else -amount
               for kind, amount, outcome in transfers(stack, payments).values() if outcome == "succeeded")  # fmt: skip
    assert book == 250 and balances(org)["cash"] == book + 70


def test_its_states_are_events(org):
    """Each with the whole payment, and the invoice's behind it."""
    invoice = to_pay(org)
    fail_to_pay(org, "payment-declined", invoice, "sim_declined")
    pay(org, invoice, amount=100)
    paid = pay(org, invoice)
    payments = {payment["id"]: payment for payment in payments_of(org, invoice)}
    told = [event for event in org.events() if event["subject"] in {invoice["id"], *payments}]
    kinds = [event["type"].removeprefix("billd.").removesuffix(".v1") for event in told]
    assert kinds[0] == "invoice.issued" and kinds.count("invoice.paid") == 1
    assert [kind for kind in kinds if kind.startswith("payment.")] == [
        "payment.created", "payment.failed", "payment.created", "payment.succeeded", "payment.created",
        "payment.succeeded",
    ]  # fmt: skip
    last = {event["subject"]: event["data"] for event in told}
    assert last == payments | {invoice["id"]: paid}
