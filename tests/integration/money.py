"""Coupons, tax rates, notes, payments and the journal, as tests make and read them."""

import contextlib
import uuid

from billing import Life, check_invoice
from client import codes
from waiting import eventually
from wire import encode, meta

APRIL, SIXTEENTH, MAY, JUNE, JULY = (
    "2026-04-01T00:00:00Z", "2026-04-16T00:00:00Z", "2026-05-01T00:00:00Z", "2026-06-01T00:00:00Z",
    "2026-07-01T00:00:00Z",
)  # fmt: skip
GHOST = "0198a0d2-0000-8000-8000-000000000001"


def coupon_of(org, **terms):
    """A new coupon: its code."""
    told = {"code": f"COUPON-{next(codes)}", "name": "Welcome"} | terms
    org.succeed("POST", "/v1/coupons", told)
    return told["code"]


def coupon_by(org, code):
    """The coupon's document."""
    return next(coupon for coupon in org.all("/v1/coupons") if coupon["code"] == code)


def rate_of(org, percentage, inclusive=False, **more):
    """A new tax rate: its id."""
    told = {"code": f"rate-{next(codes)}", "name": "VAT", "percentage": percentage, "inclusive": inclusive}
    return org.succeed("POST", "/v1/tax-rates", told | more)


def one_off(org, customer_id, amount, **more):
    """A new item: its id."""
    body = {"amount": amount, "description": "Setup"} | more
    return org.succeed("POST", f"/v1/customers/{customer_id}/items", body)


def give(org, customer_id, amount):
    body = {"amount": amount, "description": "Goodwill"}
    return org.succeed("POST", f"/v1/customers/{customer_id}/credits", body)


def settings(org, **more):
    """Settings of the organisation from now on."""
    org.done("PATCH", f"/v1/organisations/{org.organisation_id}", {"settings": more})


def of(documents, *names):
    return [tuple(one[name] for name in names) for one in documents]


# Invoices


def invoice_of(org, customer_id, place=-1):
    """One of a customer's invoices, by its place in time; checked."""
    invoice = org.invoices_of(customer_id)[::-1][place]
    check_invoice(invoice)
    return invoice


def billed(org, amount, **more):
    """A customer with one open invoice over one line: its life and invoice."""
    life = Life(org, APRIL, {"amount": amount}, **more)
    return life, invoice_of(org, life.customer_id)


def shown(org, invoice):
    """It, as it is now; checked."""
    found = org.get(f"/v1/invoices/{invoice['id']}")
    check_invoice(found)
    return found


def amounts(invoice):
    """(subtotal, discount, tax, total)"""
    return tuple(invoice[name] for name in ("subtotal", "discount", "tax", "total"))


# Payments


def path_of(invoice, verb):
    return f"/v1/invoices/{invoice['id']}/{verb}"


def pay(org, invoice, method="sim_ok", **more):
    """Pay it, and wait until that is settled: the invoice as it then is."""
    org.succeed("POST", path_of(invoice, "pay"), {"payment_method": method} | more)
    return shown(org, invoice)


def fail_to_pay(org, slug, invoice, method="sim_ok", **more):
    return org.fail(slug, "POST", path_of(invoice, "pay"), {"payment_method": method} | more)


def payments_of(org, invoice):
    """Its payments and refunds, oldest first."""
    return org.all(path_of(invoice, "payments"))[::-1]


def transfers(stack, payments):
    """What the provider's book has of them: {key: (kind, amount, outcome)}"""
    keys = [payment["id"] for payment in payments]
    rows = stack.rows(
        "SELECT key::text, kind, amount, outcome FROM simulated_provider.transfers WHERE key = ANY (%s::uuid[])",
        [keys],
        role="worker",
    )
    return {key: tuple(facts) for key, *facts in rows}


def settled(org, invoice):
    """Its payments and refunds, once none is on its way."""

    def none_on_its_way():
        found = payments_of(org, invoice)
        return found if all(one["settled_at"] for one in found) else None

    return eventually(none_on_its_way, "all payments are settled")


@contextlib.contextmanager
def provider_away(stack):
    """It takes nothing, and answers nothing."""
    stack.superuser("REVOKE INSERT ON simulated_provider.transfers FROM billd_worker")
    try:
        yield
    finally:
        stack.superuser("GRANT INSERT ON simulated_provider.transfers TO billd_worker")


def unknown(org, invoice):
    """Once its only payment got no answer."""
    return eventually(lambda: [one["status"] for one in payments_of(org, invoice)] == ["unknown"], "no answer")


def tell(org, wire, payment, outcome, **more):
    """Say on the topic, as a worker does, what the provider made of a payment: the operation's id."""
    record = {"meta": meta(org, actor="system:payments"), "outcome": outcome, "reference": None, "failure_code": None}
    record |= {"payment_id": payment["id"]} | {name: payment[name] for name in ("customer_id", "invoice_id")} | more
    shard = int.from_bytes(uuid.UUID(record["payment_id"]).bytes[6:8], "big") & 0x3FF
    wire.put(record["customer_id"], encode("RecordPaymentOutcome", record), shard % wire.partitions)
    return record["meta"]["operation_id"]


# Credit notes


def note_of(org, invoice, amounts=(), **more):
    """A new note over amounts of the invoice's lines, in their order; None: not that line. All of it without."""
    body = {"invoice_id": invoice["id"]} | more
    if amounts:
        body["lines"] = [{"line_id": line["id"], "amount": amount}
                         for line, amount in zip(invoice["lines"], amounts, strict=False) if amount]  # fmt: skip
    note = org.get(f"/v1/credit-notes/{org.succeed('POST', '/v1/credit-notes', body)}")
    check_note(note)
    return note


def check_note(note):
    lines = note["lines"]
    assert note["subtotal"] == sum(line["amount"] for line in lines), note
    assert note["tax"] == sum(line["tax"] for line in lines) == sum(part["amount"] for part in note["taxes"]), note
    assert note["total"] == note["subtotal"] + note["tax"] - note["tax_included"] > 0, note
    assert note["total"] == note["applied"] + note["credited"] + note["refunded"], note


# The journal


def journal_of(org, **filters):
    """Its entries, oldest first: (reason, {account: amount}); each balances."""
    found = []
    for entry in all_entries(org, filters):
        postings = {posting["account"]: posting["amount"] for posting in entry["postings"]}
        assert sum(postings.values()) == 0 and 0 not in postings.values(), entry
        found.append((entry["reason"], postings))
    return found


def all_entries(org, filters=None):
    """Every page, oldest first."""
    found, cursor = [], None
    while True:
        params = (filters or {}) | {"limit": 100} | ({"cursor": cursor} if cursor else {})
        page = org.get("/v1/journal", params=params)
        found += page["data"]
        cursor = page["next_cursor"]
        if cursor is None:
            return found[::-1]


def balances(org, **filters):
    """{account: the sum of its postings}, without those of 0."""
    sums = {}
    for _, postings in journal_of(org, **filters):
        for account, amount in postings.items():
            sums[account] = sums.get(account, 0) + amount
    return {account: amount for account, amount in sums.items() if amount}
