"""More of the sample of checker_sample.py: coupons, taxes, items, credits, payments by each way, credit notes, invoices
that are voided or given up, and the provider's book."""

import uuid

from checker_index import OUTCOME_KIND, OUTCOMES, milliseconds
from checker_sample import PARTITIONS, World, encode, iso, meta_of
from evidence import COMMAND_MARKS
from wire import derived_id, partition_of, shard_of

DECLINED = {"sim_declined": "card_declined", "sim_fail_n_then_ok:1": "card_declined"}


class MoneyWorld(World):
    # What creations make

    def create_coupon(self, meta, row, record, now):
        row |= {"redemptions": 0, "archived_at": None}
        self.event(meta, "coupon.created", row["id"], now)

    def create_tax_rate(self, meta, row, record, now):
        row |= {"archived_at": None}
        self.event(meta, "tax_rate.created", row["id"], now)

    def create_item(self, meta, row, record, now):
        row |= {"status": "pending", "currency": "USD", "invoice_id": None, "credit_entry_id": None}
        _, customer = self.resources[row["customer_id"]]
        customer["items_pending"] += 1
        customer["updated_at"] = max(customer["updated_at"], iso(now))
        self.event(meta, "item.created", row["id"], now)

    def create_credit_entry(self, meta, row, record, now):
        _, customer = self.resources[record["customer_id"]]
        self.credit(meta, customer, record["amount"], now, "grant", row, description=record["description"])

    def create_credit_note(self, meta, row, record, now):
        """Over all that is left of the lines that it names, or of all lines."""
        _, invoice = self.resources[record["invoice_id"]]
        _, customer = self.resources[invoice["customer_id"]]
        named = {line["line_id"]: line["amount"] for line in record["lines"]}
        lines, paid = [], invoice["status"] == "open"
        for line in invoice["lines"]:
            left = line["amount"] - line["discount"] - line["credited"]
            assert named.get(line["id"], left) == left, "all of it, as its taxes are to come back"
            if left and (not named or line["id"] in named):
                line |= {"credited": line["credited"] + left, "credited_taxes": line["taxes"]}
                part = {name: line[name] for name in ("description", "tax", "tax_included", "taxes")}
                lines.append(part | {"line_id": line["id"], "amount": left})
        customer["credit_note_count"] += 1
        sums = {name: sum(line[name] for line in lines) for name in ("tax", "tax_included")}
        sums["subtotal"] = sum(line["amount"] for line in lines)
        total = sums["total"] = sums["subtotal"] + sums["tax"]
        sums["applied"] = min(total, invoice["amount_due"] - invoice["amount_paid"] - invoice["amount_credited"])
        sums["refunded"] = min(total - sums["applied"], invoice["amount_paid"]) if record["refund"] else 0
        sums["credited"] = total - sums["applied"] - sums["refunded"]
        number = f"{customer['number_prefix']}-CN-{customer['credit_note_count']:04}"
        row |= sums | {
            "lines": lines, "customer_id": customer["id"], "number": number, "currency": "USD",
            "sequence": customer["credit_note_count"], "series_sequence": None,
            "taxes": [tax | {"taxable": sums["subtotal"], "amount": sums["tax"]} for tax in invoice["taxes"]],
        }  # fmt: skip
        invoice["amount_credited"] += sums["applied"]
        invoice["amount_refunded"] += sums["refunded"]
        invoice["credited_total"] += total
        paid = paid and self.settle(invoice, now)
        invoice["updated_at"] = iso(now)
        self.book(customer, "credit_note", "credit_note", row["id"], now, receivable=-sums["applied"],
                  customer_credit=-sums["credited"], refunds_payable=-sums["refunded"], tax_payable=sums["tax"],
                  revenue=sums["subtotal"])  # fmt: skip
        self.event(meta, "credit_note.issued", row["id"], now)
        self.event(meta, "invoice.paid" if paid else "invoice.updated", invoice["id"], now)
        if sums["credited"]:
            self.credit(meta, customer, sums["credited"], now, "credit_note", invoice_id=invoice["id"],
                        credit_note_id=row["id"])  # fmt: skip
        if sums["refunded"]:
            self.refund(meta, invoice, row, now)
        self.stand(meta, invoice, now)

    def invoice(self, meta, subscription, plan, now, reason="subscription_create"):
        super().invoice(meta, subscription, plan, now, reason)
        self.stand(meta, self.resources[subscription["latest_invoice_id"]][1], self.moment(meta, now))

    def stand(self, meta, invoice, now, failed=False):
        """What its latest invoice makes of a subscription."""
        _, row = self.resources[invoice["subscription_id"]]
        owes = invoice["status"] == "open"
        moves = {("active", True): "past_due", ("past_due", False): "recovered"}
        what = moves.get((row["status"], owes))
        if what is None or (owes and not failed) or invoice["id"] != row["latest_invoice_id"]:
            return
        row |= {"status": "past_due" if owes else "active", "updated_at": max(row["updated_at"], iso(now))}
        self.event(meta, f"subscription.{what}", row["id"], now)

    # Payments

    def settle(self, invoice, now):
        """Whether nothing remains of it; then it is paid."""
        if invoice["amount_due"] > invoice["amount_paid"] + invoice["amount_credited"]:
            return False
        invoice |= {"status": "paid", "paid_at": iso(now)}
        return True

    def payment(self, meta, invoice, now, method, amount, kind="payment", **more):
        """A payment or refund that begins: its row."""
        row = {
            "organisation_id": meta["organisation_id"], "id": self.new_id(), "customer_id": invoice["customer_id"],
            "test_clock_id": None, "invoice_id": invoice["id"], "kind": kind, "status": "processing",
            "payment_method": method, "amount": amount, "currency": "USD", "amount_refunded": 0, "refund_of": None,
            "credit_note_id": None, "reference": None, "failure_code": None, "operation_id": meta["operation_id"],
            "accepted_ms": now, "created_ms": now, "created_at": iso(now), "updated_at": iso(now), "settled_at": None,
        } | more  # fmt: skip
        self.evidence.tables["payments"].append(row)
        self.resources[row["id"]] = "payment", row
        self.event(meta, "payment.created", row["id"], now)
        return row

    def transfer(self, payment, outcome):
        self.evidence.tables["transfers"].append(
            {
                "key": payment["id"], "reference": payment["invoice_id"], "kind": payment["kind"],
                "method": payment["payment_method"], "amount": payment["amount"], "currency": payment["currency"],
                "outcome": outcome, "code": None, "asked": 1,
            }
        )  # fmt: skip

    def outcome(self, payment, outcome):
        """What a worker tells of a payment, and what comes of it."""
        customer_id, now = payment["customer_id"], int(self.now() * 1000)
        one = str(derived_id(payment["id"], OUTCOME_KIND, OUTCOMES[outcome], shard_of(customer_id)))
        meta = {
            "operation_id": one, "organisation_id": payment["organisation_id"], "actor": "system:payments",
            "accepted_at": now, "idempotency_key": None, "address": None,
        }  # fmt: skip
        code = DECLINED[payment["payment_method"]] if outcome == "failed" else None
        reference = f"sim_{payment['id']}" if outcome == "succeeded" else None
        record = {"meta": meta, "payment_id": payment["id"], "outcome": outcome, "reference": reference}
        record |= {"failure_code": code, "customer_id": customer_id, "invoice_id": payment["invoice_id"]}
        value = encode(COMMAND_MARKS, "RecordPaymentOutcome", record)
        self.put(partition_of(customer_id, PARTITIONS), customer_id.encode(), value)
        row = {
            "organisation_id": payment["organisation_id"], "id": one, "command": "record_payment_outcome",
            "status": "succeeded", "resource_type": "payment", "resource_id": payment["id"], "problem": None,
            "idempotency_key": None, "accepted_at": iso(now), "completed_at": iso(now + 7),
        }  # fmt: skip
        self.operations[one] = row
        self.evidence.tables["operations"].append(row)
        payment |= {"status": outcome, "updated_at": iso(now), "failure_code": code}
        if reference:
            payment["reference"] = reference
        if outcome == "unknown":
            self.event(meta, "payment.unknown", payment["id"], now)
        else:
            self.come(meta, payment, now)

    def come(self, meta, payment, now):
        """The end of a payment or refund."""
        _, invoice = self.resources[payment["invoice_id"]]
        _, customer = self.resources[payment["customer_id"]]
        payment |= {"updated_at": iso(now), "settled_at": iso(now)}
        invoice |= {"updated_at": iso(now), "payment_id": None}
        came, amount = payment["status"] == "succeeded", payment["amount"]
        if came and payment["kind"] == "refund":
            self.book(customer, "refund", "payment", payment["id"], now, refunds_payable=amount, cash=-amount)
        elif came:
            self.book(customer, "payment", "payment", payment["id"], now, receivable=-amount, cash=amount)
        self.event(meta, f"payment.{payment['status']}", payment["id"], now)
        if came and payment["kind"] == "payment":
            invoice["amount_paid"] += amount
            self.event(meta, "invoice.paid" if self.settle(invoice, now) else "invoice.updated", invoice["id"], now)
        self.stand(meta, invoice, now, failed=payment["status"] == "failed")

    def refund(self, meta, invoice, note, now):
        """To its one payment that has as much."""
        payments = [row for row in self.evidence.tables["payments"] if row["invoice_id"] == invoice["id"]]
        paid = next(row for row in payments if row["status"] == "succeeded" and row["amount"] >= note["refunded"])
        paid |= {"amount_refunded": note["refunded"], "updated_at": iso(now)}
        more = {"kind": "refund", "refund_of": paid["id"], "credit_note_id": note["id"]}
        self.payment(meta, invoice, now, paid["payment_method"], note["refunded"], **more)

    def pay(self, invoice, method, amount=None, tells=()):
        """A command to pay it, by what the provider then tells."""
        fails = "failed" in tells
        body = {"payment_method": method} | ({"amount": amount} if amount else {})
        path, whose = f"/v1/invoices/{invoice['id']}/pay", {"home": invoice["customer_id"], "into": invoice["id"]}
        what = {"key": str(uuid.UUID(int=self.made)), "refusal": "payment-declined" if fails else None}
        operation_id, _ = self.send(invoice["organisation_id"], "POST", path, body, **whose, **what)
        meta, now = meta_of(self, operation_id), milliseconds(self.operations[operation_id]["accepted_at"])
        payment = self.payment(meta, invoice, now, method, amount or invoice["amount_due"] - invoice["amount_paid"])
        if method == "manual":
            payment["status"] = "succeeded"
            self.come(meta, payment, now)
            return
        invoice |= {"payment_id": payment["id"], "updated_at": iso(now)}
        self.transfer(payment, "declined" if fails else "succeeded")
        for outcome in tells:
            self.outcome(payment, outcome)

    def move(self, invoice, verb):
        """It is voided or given up."""
        home, one = invoice["customer_id"], invoice["id"]
        path = f"/v1/invoices/{one}/{verb}"
        operation_id, _ = self.send(invoice["organisation_id"], "POST", path, home=home, into=one)
        meta, now = meta_of(self, operation_id), milliseconds(self.operations[operation_id]["accepted_at"])
        _, customer = self.resources[home]
        due, credit, tax = invoice["amount_due"], invoice["credit_applied"], invoice["tax"]
        if verb == "void":
            invoice |= {"status": "void", "voided_at": iso(now)}
            self.book(customer, "invoice_void", "invoice", one, now, receivable=-due, customer_credit=-credit,
                      tax_payable=tax, revenue=due + credit - tax)  # fmt: skip
            self.event(meta, "invoice.voided", one, now)
            if credit:
                self.credit(meta, customer, credit, now, "invoice_void", invoice_id=one)
        else:
            invoice |= {"status": "uncollectible", "uncollectible_at": iso(now)}
            self.book(customer, "invoice_uncollectible", "invoice", one, now, receivable=-due, bad_debt=due)
            self.event(meta, "invoice.marked_uncollectible", one, now)
        self.stand(meta, invoice, now)


def billed(world, organisation_id, plan, items=(), credit=0, coupons=(), **customer):
    """A new customer's first invoice."""
    _, one = world.send(organisation_id, "POST", "/v1/customers", {"name": "Payer"} | customer)
    for amount in items:
        body = {"amount": amount, "description": "Setup"}
        world.send(organisation_id, "POST", f"/v1/customers/{one}/items", body, home=one)
    if credit:
        body = {"amount": credit, "description": "Goodwill"}
        world.send(organisation_id, "POST", f"/v1/customers/{one}/credits", body, home=one)
    body = {"customer_id": one, "plan_id": plan, "coupon_codes": list(coupons)}
    world.send(organisation_id, "POST", "/v1/subscriptions", body, home=one)
    invoices = world.evidence.tables["invoices"]
    return one, next(row for row in reversed(invoices) if row["customer_id"] == one)


def owe_and_pay(world, a, plan):
    """Each way in which an invoice comes to its end."""
    coupon = {"code": "fifth", "name": "Fifth", "percent_off": "20", "duration": "forever", "max_redemptions": 2}
    world.send(a, "POST", "/v1/coupons", coupon, home=a)
    rate = {"code": "vat", "name": "VAT", "percentage": "10"}
    _, rate_id = world.send(a, "POST", "/v1/tax-rates", rate, home=a)
    _, old = world.send(a, "POST", "/v1/tax-rates", rate | {"code": "old"}, home=a)
    world.send(a, "DELETE", f"/v1/tax-rates/{old}", home=a, into=old)

    taxed = {"tax_rate_ids": [rate_id], "coupons": ["fifth"]}
    _, first = billed(world, a, plan, items=(100, 100), credit=500, **taxed)
    world.pay(first, "sim_declined", tells=["failed"])
    world.pay(first, "sim_error", 1000, tells=["unknown", "succeeded"])
    world.pay(first, "manual")
    line = first["lines"][1]
    note = {"invoice_id": first["id"], "refund": True, "lines": [{"line_id": line["id"], "amount": 80}]}
    world.send(a, "POST", "/v1/credit-notes", note, home=first["customer_id"])
    refund = world.evidence.tables["payments"][-1]
    world.transfer(refund, "succeeded")
    world.outcome(refund, "succeeded")
    note = {"invoice_id": first["id"]}
    world.send(a, "POST", "/v1/credit-notes", note, home=first["customer_id"])

    other, second = billed(world, a, plan, credit=700, **taxed)
    world.move(second, "void")
    body = {"customer_id": other, "plan_id": plan, "coupon_codes": ["fifth"]}
    world.send(a, "POST", "/v1/subscriptions", body, home=other, refusal="coupon-exhausted")
    _, third = billed(world, a, plan)
    world.move(third, "mark_uncollectible")
    _, fourth = billed(world, a, plan, tax_exempt="reverse", tax_exempt_reason="Article 196")
    world.pay(fourth, "sim_fail_n_then_ok:1", tells=["failed"])
    world.pay(fourth, "sim_fail_n_then_ok:1", tells=["succeeded"])
    waiting, fifth = billed(world, a, plan)
    world.send(a, "POST", "/v1/credit-notes", {"invoice_id": fifth["id"]}, home=waiting)
    _, sixth = billed(world, a, plan)
    world.pay(sixth, "sim_declined", tells=["failed"])
    body = {"amount": 50, "description": "Later"}
    world.send(a, "POST", f"/v1/customers/{waiting}/items", body, home=waiting)
