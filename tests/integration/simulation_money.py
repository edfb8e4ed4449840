"""What the customers of a simulated world have to do with money: coupons, taxes, items, credit, notes and payments.

Coupons have no limit here: which of two partitions redeems the last one is not for commands to say.
"""

from datetime import timedelta

RATES = [
    {"name": "VAT", "percentage": "19.6", "inclusive": True},
    {"name": "Sales tax", "percentage": "8.875", "inclusive": False},
    {"name": "City", "percentage": "0.3333", "inclusive": False},
    {"name": "Reduced", "percentage": "7", "inclusive": True},
]
COUPONS = [
    {"percent_off": "10", "duration": "forever"},
    {"percent_off": "33.3333", "duration": "repeating", "duration_periods": 3},
    {"percent_off": "100", "duration": "once"},
    {"amount_off": 1000, "currency": "USD", "duration": "forever"},
    {"amount_off": 50_001, "currency": "USD", "duration": "repeating", "duration_periods": 5},
    {"amount_off": 7, "currency": "USD", "duration": "once", "plans": (0, 3, 6)},
    {"percent_off": "50", "duration": "forever", "plans": (1, 2)},
    {"percent_off": "5", "duration": "once", "redeem_days": 300},
    {"amount_off": 100, "currency": "EUR", "duration": "once"},  # which nobody here can have
]
METHODS = ("sim_ok", "sim_ok", "sim_error", "sim_declined", "sim_insufficient_funds", "sim_fail_n_then_ok:1", "card")


def full_rate(fields):
    return {"country": None, "metadata": {}} | fields


def full_coupon(fields, plan_ids, begin):
    """plans: by their numbers; redeem_days: so long behind the beginning."""
    told = {name: value for name, value in fields.items() if name not in ("plans", "redeem_days")}
    empty = dict.fromkeys(("percent_off", "amount_off", "currency", "duration_periods", "max_redemptions"))
    days = fields.get("redeem_days")
    return empty | told | {
        "name": "Coupon", "metadata": {}, "plan_ids": [plan_ids[number] for number in fields.get("plans", ())],
        "redeem_by": begin + timedelta(days=days) if days else None,
    }  # fmt: skip


class Money:
    """The commands of one script that are about money, by dice of their own."""

    def __init__(self, script, dice):
        self.script, self.random = script, dice

    def some_of(self, rate_ids, probability):
        dice = self.random
        return dice.sample(rate_ids, dice.randint(1, 3)) if dice.random() < probability else []

    def terms(self, rate_ids):
        """A new customer's."""
        dice = self.random
        exempt = dice.choice(["none"] * 8 + ["exempt", "reverse"])
        return {
            "tax_exempt": exempt, "tax_exempt_reason": None if exempt == "none" else "ATU12345678",
            "tax_rate_ids": self.some_of(rate_ids, 0.5), "net_terms_days": dice.choice((None, None, 0, 30)),
        }  # fmt: skip

    def wish(self, rate_ids):
        """What a new subscription comes with; now and then a coupon twice, which is refused."""
        dice = self.random
        count = dice.choice((0, 0, 1, 1, 2, 3))
        codes = [f"coupon-{dice.randrange(len(COUPONS))}" for _ in range(count)]
        return {"coupon_codes": codes, "tax_rate_ids": self.some_of(rate_ids, 0.2)}

    def item(self, home, rate_ids):
        dice = self.random
        return self.script.command(
            home, "CreateItem", customer_id=home, amount=dice.choice((1, 99, dice.randint(1, 100_000))), currency=None,
            description="Setup", tax_rate_ids=self.some_of(rate_ids, 0.3), metadata={},
        )  # fmt: skip

    def grant(self, home):
        amount = self.random.choice((1, 500, self.random.randint(1, 20_000), -100, -7))
        return self.script.command(
            home, "GiveCredit", customer_id=home, amount=amount, currency=None, description="Goodwill"
        )

    # What is done to invoices. One thing for each customer in a step: what is told of it must come in one order.

    def on_invoices(self, invoices, step):
        """The commands of one step; the first has all that is done at once, the second what asks a provider."""
        found, seen = [], set()
        for invoice in self.random.sample(invoices, min(len(invoices), 1 + len(invoices) // 4)):
            if invoice[1] in seen:
                continue
            seen.add(invoice[1])
            found.append(self.by_provider(*invoice) if step else self.at_once(*invoice))
        return found

    def by_provider(self, invoice_id, home, status, remaining, paid, lines):
        """A payment; or a note that pays back what one payment brought."""
        if status == "paid" and paid > 0:
            return self.note(invoice_id, home, lines, refund=True)
        return self.pay(invoice_id, home, self.random.choice(METHODS), remaining)

    def at_once(self, invoice_id, home, status, remaining, paid, lines):
        kind = self.random.choice(("note", "note", "manual", "manual", "manual", "VoidInvoice", "MarkUncollectible"))
        if kind == "note":
            return self.note(invoice_id, home, lines, refund=False)
        if kind == "manual":
            return self.pay(invoice_id, home, "manual", remaining)
        return self.script.command(home, kind, invoice_id=invoice_id)

    def pay(self, invoice_id, home, method, remaining):
        """All of it, a part, or too much."""
        amount = self.random.choice((None, None, max(1, remaining // 3), max(1, remaining), remaining + 1))
        return self.script.command(
            home, "PayInvoice", invoice_id=invoice_id, payment_method=method, amount=amount, reference=None
        )

    def note(self, invoice_id, home, lines, refund):
        """All that is left, or of some lines a part, or one unit too much."""
        dice = self.random
        wishes = []
        if dice.random() < 0.7:
            for line_id, left in lines:
                if left > 0 and dice.random() < 0.6:
                    amount = dice.choice((1, left, max(1, left // 2), max(1, left // 3), left + (dice.random() < 0.1)))
                    wishes.append({"line_id": line_id, "amount": amount})
        return self.script.command(
            home, "CreateCreditNote", invoice_id=invoice_id, lines=wishes, reason=None, refund=refund
        )
