"""Payments while workers die at each line, and providers are asked again: never charged twice, never lost."""

import signal

import programs
import pytest
from money import balances, billed, path_of, payments_of, provider_away, settled, shown, transfers, unknown
from prometheus_client.parser import text_string_to_metric_families

pytestmark = pytest.mark.usefixtures("breaks_servers")

CHAOS = programs.ROOT / "build/chaos"
AMOUNT = 2900

# Where the payer's thread kills its process: before it asks, when the provider has booked, when its answer is here,
# when that is told; over the first payment and over a later one.
PAYER_POINTS = [f"{point}:{time}" for point in ("paying", "transferred", "paid", "telling") for time in (1, 3)]
# Where the worker does: over the commands that begin payments, and over those that have their outcomes.
BATCH_POINTS = ["loaded:1", "committed:1", "loaded:2", "storing:2", "committing:2", "committed:2"]


def check_charged_once(stack, org, invoice, outcome="succeeded"):
    """One attempt, one transfer, and the invoice says the same."""
    payments = payments_of(org, invoice)
    assert [(one["kind"], one["status"], one["amount"]) for one in payments] == [("payment", outcome, AMOUNT)]
    booked = "succeeded" if outcome == "succeeded" else "declined"
    assert transfers(stack, payments) == {payments[0]["id"]: ("payment", AMOUNT, booked)}
    paid = AMOUNT if outcome == "succeeded" else 0
    invoice = shown(org, invoice)
    assert (invoice["amount_paid"], invoice["payment_id"]) == (paid, None)
    assert invoice["status"] == ("paid" if paid else "open")


def check_refunded_once(stack, org, invoice):
    """The money came once, and went back once."""
    payments = settled(org, invoice)
    assert [(one["kind"], one["status"]) for one in payments] == [("payment", "succeeded"), ("refund", "succeeded")]
    assert sorted(transfers(stack, payments).values()) == [
        ("payment", AMOUNT, "succeeded"), ("refund", AMOUNT, "succeeded"),
    ]  # fmt: skip


def metric(worker, name):
    families = text_string_to_metric_families(programs.fetch(worker.url + "/metrics").text)
    return next(sample.value for family in families for sample in family.samples if sample.name == name)


def cash_of(org):
    return balances(org, account="cash").get("cash", 0)


@pytest.mark.parametrize("point", PAYER_POINTS + BATCH_POINTS)
def test_wherever_a_worker_dies_money_moves_once(stack, point):
    """Payments that succeed, are declined, get no answer, and go back: the next worker gives each its one outcome."""
    org = stack.organisation()
    good, bad, silent, returned = (billed(org, AMOUNT)[1] for _ in range(4))
    org.succeed("POST", path_of(returned, "pay"), {"payment_method": "sim_error"})
    worker = stack.make_worker(f"worker-{point.replace(':', '-')}", BILLD_CRASH=point)
    worker.binaries = CHAOS
    with stack.without_worker():
        worker.start()
        try:
            answers = [
                org.send("POST", path_of(invoice, "pay"), {"payment_method": method})
                for invoice, method in ((good, "sim_ok"), (bad, "sim_declined"), (silent, "sim_error"))
            ]
            org.send("POST", "/v1/credit-notes", {"invoice_id": returned["id"], "refund": True})
            assert worker.wait() == -signal.SIGKILL
        finally:
            worker.end()
    operations = [org.outcome(answer["operation_id"]) for answer in answers]
    assert [one["status"] for one in operations] == ["succeeded", "failed", "succeeded"]
    assert operations[1]["error"]["type"].endswith("/payment-declined")
    check_charged_once(stack, org, good)
    check_charged_once(stack, org, bad, "failed")
    check_charged_once(stack, org, silent)
    check_refunded_once(stack, org, returned)
    assert cash_of(org) == 2 * AMOUNT


def test_a_database_that_is_away_loses_no_payment(stack):
    """PostgreSQL stops while payments are on their way, and so do the provider and its book."""
    org = stack.organisation()
    invoices = [billed(org, AMOUNT)[1] for _ in range(20)]
    with stack.without_worker():
        answers = [
            org.send("POST", path_of(invoice, "pay"), {"payment_method": method})
            for invoice, method in zip(invoices, ["sim_ok", "sim_error"] * 10, strict=True)
        ]
    stack.script("postgres", "stop")
    stack.script("postgres", "start")
    for answer in answers:
        assert org.outcome(answer["operation_id"])["status"] == "succeeded"
    for invoice in invoices:
        check_charged_once(stack, org, invoice)
    assert cash_of(org) == 20 * AMOUNT


def test_two_workers_with_a_partition_each_way(stack):
    """Partitions move while payments are asked for: each is charged once, whoever asks."""
    org = stack.organisation()
    invoices = [billed(org, AMOUNT)[1] for _ in range(30)]
    other = stack.make_worker("worker-beside")
    answers = []
    try:
        for number, invoice in enumerate(invoices):
            if number == 10:
                other.start()
            if number == 20:
                assert other.stop() == 0
            answers.append(org.send("POST", path_of(invoice, "pay"), {"payment_method": "sim_error"}))
    finally:
        other.end()
    for answer in answers:
        assert org.outcome(answer["operation_id"])["status"] == "succeeded"
    for invoice in invoices:
        check_charged_once(stack, org, invoice)
    assert cash_of(org) == 30 * AMOUNT


def test_an_unknown_one_is_asked_for_before_anything_is_tried(stack):
    """The provider had charged it: it is asked what it did, and not to charge again."""
    org = stack.organisation()
    _, invoice = billed(org, AMOUNT)
    org.succeed("POST", path_of(invoice, "pay"), {"payment_method": "sim_error"})
    (payment,) = payments_of(org, invoice)
    asked = stack.rows(
        "SELECT asked FROM simulated_provider.transfers WHERE key = %s::uuid", [payment["id"]], role="worker"
    )
    assert asked == [(1,)]
    told = [event["type"] for event in org.events() if event["subject"] == payment["id"]]
    assert told == ["billd.payment.created.v1", "billd.payment.unknown.v1", "billd.payment.succeeded.v1"]


def test_a_provider_that_is_away_is_asked_again(stack):
    """Its payments are unknown until it is back; then each is charged once, and the others did not wait."""
    org = stack.organisation()
    _, invoice = billed(org, AMOUNT)
    _, other = billed(org, AMOUNT)
    with provider_away(stack):
        answer = org.send("POST", path_of(invoice, "pay"), {"payment_method": "sim_ok"})
        unknown(org, invoice)
        org.fail("payment-in-progress", "POST", path_of(invoice, "pay"), {"payment_method": "manual"})
        org.succeed("POST", path_of(other, "pay"), {"payment_method": "manual"})
        assert org.operation(answer["operation_id"])["status"] == "pending"
        assert metric(stack.worker, "billd_payments_oldest_seconds") >= 0
    assert org.outcome(answer["operation_id"])["status"] == "succeeded"
    check_charged_once(stack, org, invoice)
    assert cash_of(org) == 2 * AMOUNT


def test_a_key_that_another_command_took_meanwhile(stack):
    """A payment's operation is written when it is settled; that its key is another's by then does not keep it open."""
    org = stack.organisation()
    _, invoice = billed(org, AMOUNT)
    headers = {"Idempotency-Key": "once-for-both"}
    with stack.another_api() as api, provider_away(stack):
        answer = org.send("POST", path_of(invoice, "pay"), {"payment_method": "sim_ok"}, headers=headers)
        unknown(org, invoice)
        other = org.at(f"http://127.0.0.1:{api.settings['BILLD_PORT']}")
        taken = other.send("POST", "/v1/customers", {"name": "Bea"}, headers=headers)
        assert org.outcome(taken["operation_id"])["status"] == "succeeded"
    assert org.outcome(answer["operation_id"])["status"] == "succeeded"
    check_charged_once(stack, org, invoice)


def test_a_payment_that_is_asked_for_again_is_one(stack):
    """The same request again, while the first one is on its way and behind that, is the same operation."""
    org = stack.organisation()
    _, invoice = billed(org, AMOUNT)
    request = ("POST", path_of(invoice, "pay"), {"payment_method": "sim_error"})
    headers = {"Idempotency-Key": "paid-once"}
    with stack.without_worker():
        first = org.send(*request, headers=headers)
        assert org.send(*request, headers=headers) == first
    assert org.outcome(first["operation_id"])["status"] == "succeeded"
    assert org.send(*request, headers=headers) == first
    check_charged_once(stack, org, invoice)
