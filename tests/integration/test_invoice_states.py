"""What becomes of issued invoices: terms, void, uncollectible, numbers by customer and by organisation."""

import pytest
from billing import Life, credits_of, documents_of, plan_of
from money import (
    APRIL,
    GHOST,
    JUNE,
    MAY,
    balances,
    billed,
    fail_to_pay,
    give,
    invoice_of,
    note_of,
    of,
    path_of,
    pay,
    rate_of,
    settings,
    shown,
)


@pytest.fixture(scope="module")
def org(stack):
    return stack.organisation()


def move(org, invoice, verb):
    org.succeed("POST", path_of(invoice, verb))
    return shown(org, invoice)


# Void


def test_a_void_invoice_is_as_if_it_had_not_been(stack):
    """What the balance paid of it comes back, what was booked is booked back, and its number stays its own."""
    org = stack.organisation()
    life = Life(org, APRIL, {"amount": 1000}, tax_rate_ids=[rate_of(org, "10")])
    give(org, life.customer_id, 300)
    invoice = life.to(MAY).invoices()[-1]
    pay(org, life.invoices()[0])
    invoice = move(org, invoice, "void")
    assert (invoice["status"], invoice["voided_at"], invoice["amount_paid"]) == ("void", MAY, 0)
    assert of(credits_of(org, life.customer_id), "reason", "amount") == [
        ("grant", 300), ("invoice", -300), ("invoice_void", 300),
    ]  # fmt: skip
    entries = org.get("/v1/journal", params={"document_id": invoice["id"]})["data"]
    sums = {}
    for entry in entries:
        for posting in entry["postings"]:
            sums[posting["account"]] = sums.get(posting["account"], 0) + posting["amount"]
    assert {entry["reason"] for entry in entries} == {"invoice", "invoice_void"} and set(sums.values()) == {0}
    assert balances(org)["customer_credit"] == -300
    assert invoice_of(org, life.to(JUNE).customer_id)["number"].endswith("-0003")


def test_a_void_invoice_is_final(org):
    life, invoice = billed(org, 1000)
    move(org, invoice, "void")
    for verb in ("void", "mark_uncollectible"):
        org.fail("invoice-final", "POST", path_of(invoice, verb))
    fail_to_pay(org, "invoice-final", invoice)
    org.fail("invoice-final", "POST", "/v1/credit-notes", {"invoice_id": invoice["id"]})
    assert shown(org, invoice)["status"] == "void" and life.now()["status"] == "active"


def test_what_is_paid_is_not_voided(org):
    """In part: a credit note is the way. Whole: it is final."""
    _, invoice = billed(org, 1000)
    assert pay(org, invoice, amount=400)["status"] == "open"
    org.fail("invoice-partly-paid", "POST", path_of(invoice, "void"))
    assert pay(org, invoice)["status"] == "paid"
    for verb in ("void", "mark_uncollectible"):
        org.fail("invoice-final", "POST", path_of(invoice, verb))


def test_what_a_note_has_corrected_is_voided_for_the_rest(stack):
    org = stack.organisation()
    _, invoice = billed(org, 1000, tax_rate_ids=[rate_of(org, "20")])
    note_of(org, invoice, [400])
    invoice = move(org, invoice, "void")
    assert (invoice["amount_credited"], invoice["credited_total"]) == (480, 480)
    assert balances(org) == {}


# Uncollectible


def test_what_is_given_up_is_a_bad_debt(stack):
    """What was paid of it stays paid."""
    org = stack.organisation()
    _, invoice = billed(org, 1000)
    pay(org, invoice, amount=250)
    invoice = move(org, invoice, "mark_uncollectible")
    assert (invoice["status"], invoice["amount_paid"], invoice["uncollectible_at"]) == ("uncollectible", 250, APRIL)
    assert balances(org, account="bad_debt")["bad_debt"] == 750
    assert "receivable" not in balances(org) and balances(org)["cash"] == 250
    for verb in ("void", "mark_uncollectible"):
        org.fail("invoice-final", "POST", path_of(invoice, verb))
    fail_to_pay(org, "invoice-final", invoice)


def test_what_is_not_there_cannot_be_moved(org):
    """Nor what is another organisation's."""
    for verb in ("void", "mark_uncollectible", "pay"):
        body = {"payment_method": "sim_ok"} if verb == "pay" else None
        org.fail("invoice-not-found", "POST", f"/v1/invoices/{GHOST}/{verb}", body)


def test_anothers_invoice_is_not_there(stack, org):
    _, invoice = billed(org, 1000)
    other = stack.organisation()
    other.fail("invoice-not-found", "POST", path_of(invoice, "void"))
    other.fail("invoice-not-found", "POST", path_of(invoice, "pay"), {"payment_method": "sim_ok"})
    other.refused(404, "not-found", "GET", f"/v1/invoices/{invoice['id']}")
    assert shown(org, invoice)["status"] == "open"


def test_moves_are_events(org):
    """With the whole invoice as it then is."""
    life, invoice = billed(org, 1000)
    void = move(org, invoice, "void")
    given_up = move(org, life.to(MAY).invoices()[-1], "mark_uncollectible")
    told = {event["type"]: event["data"] for event in org.events() if event["subject"] in (void["id"], given_up["id"])}
    assert told["billd.invoice.voided.v1"]["status"] == "void"
    assert told["billd.invoice.marked_uncollectible.v1"] == shown(org, given_up)


# Net terms


def test_terms_are_the_customers_else_the_organisations_else_none(stack):
    org = stack.person().found()
    plan_id = plan_of(org, amount=1000)

    def due(**customer):
        life = Life(org, APRIL, plan_id, customer=customer)
        return invoice_of(org, life.customer_id)["due_at"]

    assert due() == APRIL
    settings(org, net_terms_days="14")
    assert (due(), due(net_terms_days=30), due(net_terms_days=0)) == ("2026-04-15T00:00:00Z", MAY, APRIL)


def test_an_issued_invoice_keeps_its_terms(org):
    life = Life(org, APRIL, {"amount": 1000}, customer={"net_terms_days": 10})
    org.succeed("PATCH", f"/v1/customers/{life.customer_id}", {"net_terms_days": 20})
    assert [one["due_at"] for one in life.to(MAY).invoices()] == ["2026-04-11T00:00:00Z", "2026-05-21T00:00:00Z"]


@pytest.mark.parametrize("days", [-1, 366, "10"])
def test_terms_that_cannot_be(org, days):
    org.refused(422, "invalid-body", "POST", "/v1/customers", {"name": "Ada", "net_terms_days": days})


# Numbers


def test_numbers_by_organisation_have_no_gap(stack):
    """Over its customers, who subscribe and renew at once; notes have a series of their own. A customer's invoices
    count for themselves as well.
    """
    org = stack.person().found(settings={"invoice_numbering": "organisation", "invoice_prefix": "ACME"})
    clocks = [Life(org, APRIL, {"amount": 1000}) for _ in range(4)]
    plan_id = clocks[0].plan_id
    lives = org.in_parallel([lambda client, at=life.clock: Life(client, APRIL, plan_id, clock=at)
                             for life in clocks for _ in range(10)])  # fmt: skip
    advances = [life.clock.begin_advance(JUNE)["operation_id"] for life in clocks]
    assert {org.outcome(one, 60)["status"] for one in advances} == {"succeeded"}
    numbers = sorted(invoice["number"] for invoice in org.all("/v1/invoices"))
    assert numbers == [f"ACME-{number:06}" for number in range(1, 44 * 3 + 1)]
    assert len(documents_of(org, lives[0].customer_id, by_customer=False)) == 3
    notes = [note_of(org, invoice_of(org, life.customer_id)) for life in lives[:5]]
    assert [note["number"] for note in notes] == [f"ACME-CN-{number:06}" for number in range(1, 6)]


def test_numbers_change_with_the_setting(stack):
    """From one way to the other and back: each goes on where it was."""
    org = stack.person().found()
    life = Life(org, APRIL, {"amount": 1000})
    prefix = life.invoices()[0]["number"].removesuffix("-0001")
    settings(org, invoice_numbering="organisation")
    life.to(MAY)
    settings(org, invoice_numbering="customer")
    life.to(JUNE)
    numbers = [invoice_of(org, life.customer_id, place)["number"] for place in range(3)]
    assert numbers == [f"{prefix}-0001", "INV-000001", f"{prefix}-0003"]


def test_a_customers_notes_have_its_prefix(org):
    _, invoice = billed(org, 1000)
    prefix = invoice["number"].removesuffix("-0001")
    assert [note_of(org, invoice, [1])["number"] for _ in range(2)] == [f"{prefix}-CN-0001", f"{prefix}-CN-0002"]


def test_a_previews_digest_knows_no_number(stack):
    """In an organisation with a series of its own as well."""
    org = stack.person().found(settings={"invoice_numbering": "organisation"})
    life = Life(org, APRIL, {"amount": 1000})
    preview = org.done("POST", "/v1/invoices/preview", {"subscription_id": life.id})
    life.to(MAY)
    assert invoice_of(org, life.customer_id)["digest"] == preview["digest"]
