"""Issued invoices: credit notes for them, and what becomes of them, by billing-rules' text ("Invoices", "Payments").

Written from the rules and from what credit_note.h, invoice.h and payment.h promise, never from their C.
"""

from dataclasses import dataclass, replace
from fractions import Fraction

import rules
from rules import Refused, half_away

ATTEMPTS_MAX = 100
METHODS = ("manual", "sim_ok", "sim_declined", "sim_insufficient_funds", "sim_error")
FAILS_THEN_OK = "sim_fail_n_then_ok:"


@dataclass(frozen=True)
class Line:
    """`net` is its amount less its discount. A tax is (rate's number, inclusive, amount)."""

    number: int
    net: int
    taxes: tuple = ()
    credited: int = 0
    credited_taxes: tuple = ()  # amounts

    @property
    def left(self):
        return self.net - self.credited


@dataclass(frozen=True)
class Invoice:
    status: str
    lines: tuple
    total: int
    amount_due: int
    paid: int = 0
    credited: int = 0  # of amount_due
    refunded: int = 0
    credited_total: int = 0
    on_its_way: bool = False  # a payment is

    @property
    def remaining(self):
        if self.status in ("void", "uncollectible"):
            return 0
        return self.amount_due - self.paid - self.credited

    def settled(self):
        """Paid when nothing remains."""
        return replace(self, status="paid") if self.status == "open" and self.remaining == 0 else self


@dataclass(frozen=True)
class Note:
    lines: tuple  # (line's number, amount, amounts of its taxes)
    subtotal: int
    tax: int
    included: int
    total: int
    applied: int
    credited: int
    refunded: int


def tax_behind(tax, net, credited):
    """What of a line's tax has come back when so much of the line has."""
    return half_away(Fraction(tax * credited, net)) if net else 0


def issue_note(invoice, wishes, refund):
    """wishes: [(line's number, amount)]; none: all that is left. (the note, the invoice behind it)."""
    if invoice.status in ("void", "uncollectible"):
        raise Refused("INVOICE_FINAL")
    if invoice.on_its_way:
        raise Refused("PAYMENT_IN_PROGRESS")
    asked = dict(wishes)
    if len(asked) < len(wishes) or not set(asked) <= {line.number for line in invoice.lines}:
        raise Refused("INVOICE_LINE_NOT_FOUND")
    if not wishes:
        asked = {line.number: line.left for line in invoice.lines if line.left}
    if wishes and any(asked.get(line.number, 0) > max(0, line.left) for line in invoice.lines):
        raise Refused("CREDIT_NOTE_TOO_LARGE")
    credited, after, tax, included = [], [], 0, 0
    for line in invoice.lines:
        amount = asked.get(line.number, 0)
        if amount:
            line, back = credit_line(line, amount)
            credited.append((line.number, amount, back))
            tax += sum(back)
            included += sum(amount for amount, (_, inside, _) in zip(back, line.taxes, strict=True) if inside)
        after.append(line)
    subtotal = sum(amount for _, amount, _ in credited)
    total = subtotal + tax - included
    if total > invoice.total - invoice.credited_total:
        raise Refused("CREDIT_NOTE_TOO_LARGE")
    if total <= 0:
        raise Refused("NOTHING_TO_CREDIT")
    applied = min(total, invoice.remaining)
    refunded = min(total - applied, invoice.paid - invoice.refunded) if refund else 0
    note = Note(tuple(credited), subtotal, tax, included, total, applied, total - applied - refunded, refunded)
    after = replace(invoice, lines=tuple(after), credited=invoice.credited + applied,
                    refunded=invoice.refunded + refunded, credited_total=invoice.credited_total + total)  # fmt: skip
    return note, after.settled()


def credit_line(line, amount):
    """(the line behind it, what comes back of each of its taxes)."""
    credited = line.credited + amount
    before = line.credited_taxes or (0,) * len(line.taxes)
    now = tuple(tax_behind(tax, line.net, credited) for _, _, tax in line.taxes)
    back = tuple(later - earlier for later, earlier in zip(now, before, strict=True))
    return replace(line, credited=credited, credited_taxes=now), back


# ---- States.


def method_is_known(method):
    if method.startswith(FAILS_THEN_OK):
        count = method.removeprefix(FAILS_THEN_OK)
        return count.isascii() and count.isdigit() and len(count) <= 2 and str(int(count)) == count
    return method in METHODS


def begin_payment(invoice, attempts, method, amount):
    """Whether it can begin: how much it is over."""
    if not method_is_known(method):
        raise Refused("PAYMENT_METHOD_UNKNOWN")
    if invoice.on_its_way:
        raise Refused("PAYMENT_IN_PROGRESS")
    if invoice.status != "open":
        raise Refused("INVOICE_FINAL")
    if amount is not None and amount > invoice.remaining:
        raise Refused("PAYMENT_TOO_LARGE")
    if attempts >= ATTEMPTS_MAX:
        raise Refused("PAYMENTS_TOO_MANY")
    return invoice.remaining if amount is None else amount


def pay(invoice, amount):
    if invoice.status != "open":
        raise Refused("INVOICE_FINAL")
    if amount > invoice.remaining:
        raise Refused("PAYMENT_TOO_LARGE")
    return replace(invoice, paid=rules.int64(invoice.paid + amount)).settled()


def leave(invoice, status):
    """Void it, or give it up."""
    if invoice.status != "open":
        raise Refused("INVOICE_FINAL")
    if invoice.on_its_way:
        raise Refused("PAYMENT_IN_PROGRESS")
    if status == "void" and invoice.paid:
        raise Refused("INVOICE_PARTLY_PAID")
    return replace(invoice, status=status)


def settle_payment(status, to):
    """A payment's states: what it did is final."""
    if status in ("succeeded", "failed"):
        raise Refused("PAYMENT_SETTLED")
    return to
