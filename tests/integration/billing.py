"""Billing over time: customers on a test clock, plans by charges, and what their documents must always keep."""

import math
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from client import codes

ADVANCE_DAYS = 700  # at a time; the limit is two years


def instant(text):
    return datetime.fromisoformat(text)


def text_of(moment):
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def tier(up_to, unit_amount=None, flat_amount=None, rate=None):
    """One tier; what is None is not told."""
    told = {"unit_amount": unit_amount, "flat_amount": flat_amount, "rate": rate}
    return {"up_to": up_to} | {name: value for name, value in told.items() if value is not None}


def charge(model, code="use", billing="arrears", **more):
    return {"code": code, "name": code.title(), "model": model, "billing": billing} | more


class Clock:
    """A test clock of an organisation, and who lives on it."""

    def __init__(self, org, now):
        self.org = org
        self.id = org.succeed("POST", "/v1/test-clocks", {"now": now})
        self.path = f"/v1/test-clocks/{self.id}"

    def customer(self, **more):
        return self.org.customer(test_clock_id=self.id, **more)

    def now(self):
        return self.org.get(self.path)["now"]

    def begin_advance(self, to, **more):
        """The 202 of an advance."""
        return self.org.send("POST", self.path + "/advance", {"now": to}, **more)

    def advance(self, to, seconds=60):
        """Go there, by as many steps as the limit makes of it; all that falls due on the way is done afterwards."""
        target, at = instant(to), instant(self.now())
        while at < target:
            at = min(target, at + timedelta(days=ADVANCE_DAYS))
            operation = self.org.outcome(self.begin_advance(text_of(at))["operation_id"], seconds)
            assert operation["status"] == "succeeded", operation
        clock = self.org.get(self.path)
        assert (clock["status"], clock["now"], clock["target_at"]) == ("ready", to, None), clock


class Life:
    """One subscription of one customer on a clock, from its creation on."""

    def __init__(self, org, start, plan, customer=None, clock=None, **wish):
        """plan: an id, or the fields of a new one, a month's unless they say otherwise."""
        self.org, self.clock = org, clock or Clock(org, start)
        self.plan_id = plan if isinstance(plan, str) else self.plan(plan)
        self.customer_id = self.clock.customer(**(customer or {}))
        self.id = org.subscription(self.customer_id, self.plan_id, **wish)
        self.path = f"/v1/subscriptions/{self.id}"

    def plan(self, fields):
        return plan_of(self.org, **fields)

    def now(self):
        return self.org.get(self.path)

    def to(self, moment):
        self.clock.advance(moment)
        return self

    def do(self, verb, **body):
        """A command that succeeds: change, cancel, …"""
        self.org.succeed("POST", f"{self.path}/{verb}", body or None)
        return self

    def refused(self, slug, verb, **body):
        return self.org.fail(slug, "POST", f"{self.path}/{verb}", body or None)

    def report(self, quantity, code="use", **more):
        return self.do("quantities", charge_code=code, quantity=str(quantity), **more)

    def invoices(self):
        """All of the customer's, oldest first, each of which keeps what an invoice promises."""
        return documents_of(self.org, self.customer_id)

    def billed(self):
        """[(when issued, [amounts of the lines])], oldest first."""
        return [(one["issued_at"], [line["amount"] for line in one["lines"]]) for one in self.invoices()]

    def customer(self):
        return self.org.get(f"/v1/customers/{self.customer_id}")


def plan_of(org, **fields):
    """A new plan: a month's and in dollars unless told; `amount` or `charges` say what it costs."""
    told = {"code": f"plan-{next(codes)}", "name": "Team", "currency": "USD", "interval": "month"} | fields
    return org.succeed("POST", "/v1/plans", told)


def credits_of(org, customer_id):
    """The entries of a customer's credit balance, oldest first."""
    return sorted(org.all(f"/v1/customers/{customer_id}/credits"), key=lambda entry: entry["sequence"])


def documents_of(org, customer_id, by_customer=True):
    """A customer's invoices, oldest first. Checked: sums, numbers, dates, and the history of the credit balance.
    by_customer: whose numbers they are; else the organisation's.
    """
    invoices = org.invoices_of(customer_id)[::-1]
    for number, invoice in enumerate(invoices, 1):
        check_invoice(invoice)
        assert not by_customer or invoice["number"].endswith(f"-{number:04}"), invoice["number"]
    assert [one["issued_at"] for one in invoices] == sorted(one["issued_at"] for one in invoices)
    check_credits(org, customer_id, invoices)
    return invoices


def check_invoice(invoice):
    """What each invoice promises, whatever it is for, and whatever became of it."""
    lines = invoice["lines"]
    assert invoice["subtotal"] == sum(line["amount"] for line in lines), invoice
    assert invoice["total"] == total_of(invoice) >= 0, invoice
    assert invoice["amount_due"] == invoice["total"] - invoice["credit_applied"] >= 0 <= invoice["credit_applied"]
    check_parts(invoice)
    check_settled(invoice)
    assert invoice["due_at"] >= invoice["issued_at"] and invoice["digest"]
    assert invoice["period_start"] < invoice["period_end"], invoice
    for line in lines:
        assert line["period_start"] < line["period_end"], line
        check_explanation(line)


def total_of(document):
    return document["subtotal"] - document["discount"] + document["tax"] - document["tax_included"]


def check_parts(document):
    """The shares of the lines make the parts of the whole: of each coupon, of each rate."""
    lines = document["lines"]
    assert document["discount"] == sum(part["amount"] for part in document["discounts"]), document
    assert document["tax"] == sum(part["amount"] for part in document["taxes"]), document
    assert document["tax_included"] == sum(part["amount"] for part in document["taxes"] if part["inclusive"]), document
    for name, key in (("discounts", "coupon_id"), ("taxes", "tax_rate_id")):
        parts = {part[key]: part["amount"] for part in document[name]}
        assert len(parts) == len(document[name]), document
        shares = {}
        for share in (share for line in lines for share in line[name]):
            shares[share[key]] = shares.get(share[key], 0) + share["amount"]
        # A coupon that credited lines gave back as much of as the others took is none of the whole's.
        assert {one: amount for one, amount in shares.items() if amount or one in parts} == parts, (name, document)
    for line in lines:
        if "discount" in line:
            assert line["discount"] == sum(share["amount"] for share in line["discounts"]), line
            assert line["tax"] == sum(share["amount"] for share in line["taxes"]), line


def check_settled(invoice):
    """What was paid and credited, never more than there was; paid when nothing remains."""
    paid, credited, status = invoice["amount_paid"], invoice["amount_credited"], invoice["status"]
    remaining = invoice["amount_due"] - paid - credited
    assert remaining >= 0 <= paid and 0 <= credited <= invoice["credited_total"] <= invoice["total"], invoice
    assert 0 <= invoice["amount_refunded"] <= paid, invoice
    assert (status == "paid") == (invoice["paid_at"] is not None), invoice
    assert (status == "void") == (invoice["voided_at"] is not None), invoice
    assert (status == "uncollectible") == (invoice["uncollectible_at"] is not None), invoice
    assert status in ("void", "uncollectible") or (status == "paid") == (remaining == 0), invoice


CREDIT_SIGNS = {"proration": (1,), "invoice": (-1,), "grant": (1, -1), "invoice_void": (1,), "credit_note": (1,),
                "refund_failed": (1,)}  # fmt: skip


def check_credits(org, customer_id, invoices):
    """The balance is the sum of its entries, each entry goes on from the one before, and each has its reason."""
    balance, entries = 0, credits_of(org, customer_id)
    for number, entry in enumerate(entries, 1):
        balance += entry["amount"]
        assert (entry["sequence"], entry["balance_after"]) == (number, balance) and balance >= 0, entry
        assert (entry["amount"] > 0) - (entry["amount"] < 0) in CREDIT_SIGNS[entry["reason"]], entry
        if entry["reason"] in ("invoice", "invoice_void"):
            assert entry["invoice_id"] is not None, entry
        if entry["lines"] is not None:
            check_credit_lines(entry)
    assert org.get(f"/v1/customers/{customer_id}")["credit_balance"] == balance
    applied = {entry["invoice_id"]: -entry["amount"] for entry in entries if entry["reason"] == "invoice"}
    assert applied == {one["id"]: one["credit_applied"] for one in invoices if one["credit_applied"]}


def check_credit_lines(entry):
    """How a proration's amount was made."""
    document = entry | {"subtotal": sum(line["amount"] for line in entry["lines"])}
    assert total_of(document) == -entry["amount"], entry
    check_parts(document)
    for line in entry["lines"]:
        check_explanation(line)


# Explanations: enough to compute an amount again without the rules' code


def rounded(exact):
    """Half away from zero."""
    whole = math.floor(abs(exact) + Fraction(1, 2))
    return whole if exact >= 0 else -whole


def share(why):
    part = why.get("fraction", {"part": 1, "whole": 1})
    assert 0 <= part["part"] < part["whole"] or part == {"part": 1, "whole": 1}, why
    return Fraction(part["part"], part["whole"])


def check_usage(why):
    """What has a price is the quantity less what is free; the tiers share it out, or one takes all."""
    billable = Fraction(why["billable"])
    assert billable == max(Fraction(0), Fraction(why["quantity"]) - Fraction(why.get("free_units", "0"))), why
    tiers = why.get("tiers", [])
    assert not tiers or sum(Fraction(tier["quantity"]) for tier in tiers) == billable, why
    assert why["model"] != "volume" or len(tiers) == 1, why
    if why["model"] != "volume":
        for tier in tiers:
            assert Fraction(tier["quantity"]) <= (tier["up_to"] or billable) - tier["above"], why
    return billable


def charged(why):
    """What a charge comes to before its fraction and its rounding."""
    model = why["model"]
    if model == "flat":
        return Fraction(why["amount"])
    billable = check_usage(why)
    if model == "package":
        assert why["packages"] == math.ceil(billable / why["package_size"]), why
        return Fraction(why["packages"] * why["amount"])
    of_tiers = sum(Fraction(tier["quantity"]) * Fraction(tier["unit_amount"]) + tier["flat_amount"]
                   for tier in why.get("tiers", []))  # fmt: skip
    if model == "per_unit":
        return billable * Fraction(why["unit_amount"])
    if model != "percentage":
        return of_tiers
    if "fees" in why:
        return Fraction(why["fees"])
    by_rate = billable * Fraction(why["rate"]) / 100 if "rate" in why else of_tiers
    return by_rate + why.get("fixed_amount", 0) * why["transactions"]


def check_explanation(line):
    """The line's amount, computed again from nothing but its explanation."""
    why, kind = line["explanation"], line["kind"]
    if kind == "item":
        assert line["amount"] == why["amount"] and line["charge_code"] == "item", line
        return
    assert why["rounding"] == "half_away_from_zero", why
    if kind == "charge":
        assert why["model"] == "flat" or Fraction(why["quantity"]) == Fraction(line["quantity_decimal"]), line
        amount = rounded(charged(why) * share(why))
    else:
        bound = rounded(why["min_amount" if kind == "minimum" else "max_amount"] * share(why))
        amount = bound - why["charged"]
        assert (amount > 0) if kind == "minimum" else (kind == "maximum" and amount < 0), line
    assert line["amount"] == (-amount if why["credit"] else amount), line
