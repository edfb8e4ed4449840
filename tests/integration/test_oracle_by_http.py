"""Random lives by HTTP and a test clock, beside the oracle's: the same documents, states and balances to the unit.

tests/oracle compares the domain with its own computation, with nothing between them. Here there is all that lies
between a request and its invoice: the schema, the topic, the worker, the rows, what falls due, the views. And before
each step there are previews, of the next invoice and of each change: what then is billed is what they said. With
coupons, taxes and one-off items.
"""

import os
import random
from dataclasses import dataclass, replace
from fractions import Fraction

import cases
import cases_money
import life as lives
import owed
import periods
import pytest
import rules
from billing import Clock, credits_of, documents_of, instant, plan_of, text_of
from client import slug
from money import coupon_of, rate_of
from rules import Refused, Usage
from which_seed import SEED

LIVES, STEPS = int(os.environ.get("ORACLE_LIVES") or 10), 9
DAY, YEAR = 86_400, 31_556_952
FROM = 1_577_836_800  # 2020
SETTINGS = ["second", "day", "none"]


@pytest.fixture(scope="module")
def organisations(stack):
    """One for each way of prorating."""
    return {setting: stack.person().found(settings={"proration": setting}) for setting in SETTINGS}


@dataclass(frozen=True)
class Version:
    """A plan's only version, as the oracle asks for one."""

    charges: tuple
    cadence: periods.Cadence
    number: int
    trial_days: int
    plan_id: str

    @property
    def plan(self):
        """Each has a plan of its own."""
        return self.number


def text(moment):
    return None if moment is None else text_of(periods.EPOCH + periods.SECOND * moment)


def moment(told):
    return (instant(told) - periods.EPOCH) // periods.SECOND


def decimal(exact):
    """A price or quantity of up to 12 places, as the api takes it: without zeros at its end."""
    whole, rest = divmod(int(exact * rules.SCALE), rules.SCALE)
    return f"{whole}.{rest:012}".rstrip("0").rstrip(".")


def code(number):
    return f"charge-{number}"


def body_of(charge, rate_ids):
    """What POST /v1/plans takes for a charge; what is None is not told."""
    tiers = [{"up_to": tier.up_to, "flat_amount": tier.flat_amount}
             | ({"rate": decimal(tier.rate)} if charge.model == "percentage"
                else {"unit_amount": decimal(tier.unit_amount)}) for tier in charge.tiers]  # fmt: skip
    fields = {
        "code": code(charge.code), "name": "Charge", "model": charge.model, "billing": charge.billing,
        "amount": charge.amount, "package_size": charge.package_size, "fixed_amount": charge.fixed_amount,
        "unit_amount": None if charge.unit_amount is None else decimal(charge.unit_amount),
        "rate": None if charge.rate is None else decimal(charge.rate),
        "free_units": decimal(charge.free_units) if charge.free_units else None, "tiers": tiers or None,
        "transaction_min_amount": charge.transaction_min, "transaction_max_amount": charge.transaction_max,
        "min_amount": charge.min_amount, "max_amount": charge.max_amount,
        "tax_rate_ids": [rate_ids[number] for number in charge.rates] or None,
    }  # fmt: skip
    return {name: value for name, value in fields.items() if value is not None}


def make_version(org, drawn, number, cadence, rate_ids):
    charges = [cases.charge(drawn, n, make_amount=lambda source: cases.whole(source, 10**7))
               for n in range(drawn.randint(1, 4))]  # fmt: skip
    charges = tuple(replace(one, rates=cases_money.some(drawn, list(rate_ids), 0.2)) for one in charges)
    trial_days = drawn.choice([0, 0, 0, 14])
    plan_id = plan_of(org, interval=cadence.interval, interval_count=cadence.count, trial_days=trial_days,
                      charges=[body_of(charge, rate_ids) for charge in charges])  # fmt: skip
    return Version(charges, cadence, number, trial_days, plan_id)


class Pair:
    """One subscription, and what the oracle says of it."""

    def __init__(self, org, setting, drawn):
        self.org, self.drawn, self.name = org, drawn, cases.zone_name(drawn)
        self.setting, self.zone = setting, periods.zone_of(self.name)
        self.now = drawn.randint(FROM, FROM + 15 * YEAR)
        if drawn.random() < 0.4:
            self.now = cases.moment(drawn, self.name, FROM, FROM + 15 * YEAR)
        self.setup = replace(cases_money.setup(drawn), organisation=())
        rates = self.setup.rates
        self.rate_ids = {one.number: rate_of(org, decimal(one.percentage), one.inclusive) for one in rates}
        cadence, other = cases.cadence(drawn), cases.cadence(drawn)
        self.versions = [make_version(org, drawn, n, at, self.rate_ids)
                         for n, at in enumerate((cadence, cadence, other), 1)]  # fmt: skip
        self.clock = Clock(org, text(self.now))
        self.customer_id = self.clock.customer(timezone=self.name, tax_exempt=self.setup.exempt,
                                               tax_rate_ids=self.ids(self.setup.customer))  # fmt: skip
        self.rates = cases_money.some(drawn, list(self.rate_ids), 0.3)
        # One that names plans names the first, or no subscription could have it.
        self.discounts = tuple(replace(one, plans=tuple(sorted({1, *one.plans}))) if one.plans else one
                               for one in cases_money.discounts(drawn, (1, 2, 3)))  # fmt: skip
        self.codes, self.items = [self.coupon(one) for one in self.discounts], []
        self.life, self.path, self.reported = None, None, {}
        self.invoices, self.entries, self.balance = [], [], 0
        self.expected = None  # of the last preview

    def ids(self, numbers):
        return [self.rate_ids[number] for number in numbers]

    def coupon(self, discount):
        """The code of a coupon with these terms."""
        duration = {None: "forever", 1: "once"}.get(discount.left, "repeating")
        terms = {"percent_off": discount.percent and decimal(discount.percent), "amount_off": discount.amount,
                 "currency": discount.amount and "USD", "duration": duration,
                 "duration_periods": discount.left if duration == "repeating" else None,
                 "plan_ids": [self.versions[number - 1].plan_id for number in discount.plans] or None}  # fmt: skip
        return coupon_of(self.org, **{name: value for name, value in terms.items() if value is not None})

    def terms(self):
        return lives.Terms(self.zone, self.setting, self.reported)

    # Both sides

    def owe(self, step):
        """What is owed of the oracle's step."""
        if self.life is None:
            step = replace(step, after=replace(step.after, discounts=self.discounts, rates=self.rates))
        return owed.owe(self.setup, self.life, step, self.items)

    def take(self, verb, found):
        """The oracle's step becomes what is: its bill goes to the books."""
        step = found.step
        before, self.life = self.life, step.after
        if before is not None and verb != "resume" and before.period[0] != step.after.period[0]:
            self.reported = {}
        if step.reason is None:
            return
        self.items = []
        bill = found.assessed
        total, sums = bill.total, (bill.discount, bill.tax, bill.included)
        lines = [line_of(one) for one in bill.lines]
        if total < 0:
            self.balance -= total
            self.entries.append((text(step.at), -total, lines))
            return
        applied = min(self.balance, total)
        self.balance -= applied
        self.invoices.append((text(step.at), step.reason, *map(text, step.period), lines, sums, total, applied))
        if applied:
            self.entries.append((text(step.at), -applied, None))

    def catch_up(self):
        while self.life is not None and self.life.due_at is not None and self.life.due_at <= self.now:
            try:
                found = self.owe(lives.due(self.terms(), self.life))
            except Refused as refused:
                found = self.owe(lives.park(self.life, refused.name))
            self.take("due", found)

    def both(self, verb, function, path, body):
        """A command on both sides: granted by both, or refused by both for the same reason."""
        try:
            step, wanted = self.owe(function()), "succeeded"
        except Refused as refused:
            step, wanted = None, refused.name.lower().replace("_", "-")
        accepted = self.org.send("POST", path, body)
        operation = self.org.outcome(accepted["operation_id"])
        found = slug(operation["error"]) if operation["error"] else operation["status"]
        assert found == wanted, (verb, body, self.life)
        if step is not None:
            self.take(verb, step)
        return accepted["resource"]["id"] if step is not None else None

    # Commands

    def create(self):
        drawn, now = self.drawn, self.now
        start = drawn.choice([None, None, now + cases.whole(drawn, 40 * DAY), now - cases.whole(drawn, 360 * DAY)])
        end_at = drawn.choice([None, None, None, now + 1 + drawn.randint(0, 2 * YEAR)])
        trial_days, anchor = drawn.choice([None, None, 0, 3, 30]), cases.anchoring(drawn)
        quantity = drawn.choice([0, 1, 1, cases.whole(drawn, 1000)])
        body = {
            "customer_id": self.customer_id, "plan_id": self.versions[0].plan_id, "quantity": quantity,
            "start_at": text(start), "end_at": text(end_at), "trial_days": trial_days, "anchor": anchor,
            "coupon_codes": self.codes, "tax_rate_ids": self.ids(self.rates),
        }  # fmt: skip
        subscription_id = self.both(
            "create",
            lambda: lives.create(self.terms(), self.versions[0], quantity, now, start, end_at, trial_days, anchor),
            "/v1/subscriptions",
            {name: value for name, value in body.items() if value is not None},
        )
        self.path = subscription_id and f"/v1/subscriptions/{subscription_id}"

    def change(self):
        version = self.drawn.choice([None, *self.versions])
        quantity = self.drawn.choice([None, cases.whole(self.drawn, 1000)])
        effective, prorate = self.drawn.choice(["now", "period_end"]), self.drawn.random() < 0.8
        told = {"plan_id": version and version.plan_id, "quantity": quantity, "effective": effective,
                "proration": None if prorate else "none"}  # fmt: skip
        body = {name: value for name, value in told.items() if value is not None}
        self.expected = self.preview(self.path + "/change/preview", body)
        before = len(self.invoices), len(self.entries)
        self.both(
            "change",
            lambda: lives.change(self.terms(), self.life, self.now, version, quantity, effective, prorate),
            self.path + "/change",
            body,
        )
        if (len(self.invoices), len(self.entries)) != before:
            assert self.expected["issued_at"] == text(self.now), (body, self.expected)
            self.check_expected()

    def cancel(self):
        effective = "now" if self.drawn.random() < 0.1 else "period_end"
        unused = self.drawn.random() < 0.5
        self.both(
            "cancel",
            lambda: lives.cancel(self.terms(), self.life, self.now, effective, unused),
            self.path + "/cancel",
            {"effective": effective, "credit_unused": unused},
        )

    def simple(self, verb):
        functions = {
            "uncancel": lambda: lives.uncancel(self.life, self.now),
            "pause": lambda: lives.pause(self.life, self.now),
            "resume": lambda: lives.resume(self.terms(), self.life, self.now),
        }
        self.both(verb, functions[verb], f"{self.path}/{verb}", None)

    def report(self):
        """Of some charges in arrears, once or as two transactions."""
        if self.life.status != "active" or self.life.parked:
            return
        for charge in self.life.version.charges:
            if charge.billing != "arrears" or charge.model == "flat" or self.drawn.random() < 0.4:
                continue
            for mode in self.drawn.choice([["set"], ["add"], ["set", "add"]]):
                quantity = cases.quantity_of(self.drawn, charge) % 10**9
                quantity = Fraction(int(quantity * 10**6), 10**6)
                before = Usage() if mode == "set" else self.reported.get(charge.code, Usage())
                body = {"charge_code": code(charge.code), "quantity": decimal(quantity), "mode": mode}
                self.org.succeed("POST", self.path + "/quantities", body)
                taken_back = mode == "set" and quantity == 0
                self.reported[charge.code] = before if taken_back else rules.transaction(charge, before, quantity)

    def charge_once(self):
        """Now and then an item or two, which the next bill takes."""
        for item in cases_money.items(self.drawn, self.setup, 5):
            body = {"amount": item.amount, "description": "Setup", "tax_rate_ids": self.ids(item.rates)}
            self.org.succeed("POST", f"/v1/customers/{self.customer_id}/items", body)
            self.items.append(item)

    # Previews

    def preview(self, path, body):
        """The document, or the slug of the problem."""
        answer = self.org.request("POST", path, body)
        return answer.json() if answer.status_code == 200 else slug(answer.json())

    def check_expected(self):
        """What was previewed is what was billed, if its moment has come; where nothing was, nothing is."""
        if isinstance(self.expected, str) or instant(self.expected["issued_at"]) > instant(text(self.now)):
            return
        if self.expected["total"] < 0:
            entry = credits_of(self.org, self.customer_id)[-1]
            assert (entry["amount"], entry["lines"]) == (self.expected["credited"], self.expected["lines"])
            return
        digests = [invoice["digest"] for invoice in documents_of(self.org, self.customer_id)]
        assert self.expected["digest"] in digests, self.expected

    # The way

    def later(self):
        due, kind = self.life.due_at, self.drawn.random()
        if kind < 0.6 and due is not None and self.now < due <= self.now + 2 * YEAR:
            return due + self.drawn.choice([-1, 0, 0, 1])
        return self.now + 1 + cases.whole(self.drawn, 100 * DAY)

    def go(self):
        if self.drawn.random() < 0.9 or (self.life.due_at is not None and self.life.due_at <= self.now):
            self.advance(max(self.now + 1, self.later()))
        self.compare()

    def advance(self, to):
        """As time goes by: the next invoice is the one that was previewed, or there is none. What is overdue, as it
        began before it was made, may have been done before the preview came or after it: then that tells nothing.
        """
        overdue = self.life.due_at is not None and self.life.due_at <= self.now
        self.expected = self.preview("/v1/invoices/preview", {"subscription_id": self.path.rsplit("/", 1)[-1]})
        before, self.now = len(self.invoices), to
        self.clock.advance(text(self.now))
        self.catch_up()
        if overdue:
            return
        if len(self.invoices) > before:
            assert self.expected["issued_at"] == self.invoices[before][0], self.expected
        self.check_expected()

    def play(self):
        while self.life is None:  # what one wish is refused for, the next one is not
            self.create()
        for _ in range(STEPS):
            self.go()
            if self.life.status in lives.FINAL and self.drawn.random() < 0.7:
                break
            self.report()
            self.charge_once()
            verb = self.drawn.choice(["change", "change", "change", "cancel", "uncancel", "pause", "resume", None])
            if self.life.status == "paused" and self.drawn.random() < 0.7:
                verb = "resume"
            if verb in ("change", "cancel"):
                getattr(self, verb)()
            elif verb:
                self.simple(verb)
        self.advance(self.now + 40 * DAY)
        self.compare()
        return self

    # What must be the same

    def compare(self):
        now, life = self.org.get(self.path), self.life
        version, quantity = life.pending or (None, None)
        wanted = {
            "status": life.status, "quantity": life.quantity, "plan_id": life.version.plan_id,
            "current_period_start": text(life.period[0]), "current_period_end": text(life.period[1]),
            "end_at": text(life.end_at), "ended_at": text(life.ended_at), "paused_at": text(life.paused_at),
            "canceled_at": text(life.canceled_at), "cancel_at_period_end": life.cancels, "pending_quantity": quantity,
            "pending_plan_id": version and version.plan_id,
            "billing_problem": life.parked and life.parked.lower().replace("_", "-"),
        }  # fmt: skip
        assert {name: now[name] for name in wanted} == wanted
        assert [told(invoice) for invoice in documents_of(self.org, self.customer_id)] == self.invoices
        entries = [(entry["created_at"], entry["amount"], lines_of(entry) if entry["lines"] else None)
                   for entry in credits_of(self.org, self.customer_id)]  # fmt: skip
        assert entries == self.entries
        assert self.org.get(f"/v1/customers/{self.customer_id}")["credit_balance"] == self.balance


def line_of(one):
    """An oracle's line, and its shares of discounts and taxes."""
    line = one.line
    name = "item" if line.kind == "item" else code(line.code)
    shares = [share for share in one.shares if share], [amount for _, amount in one.taxes if amount]
    return line.kind, name, line.proration, text(line.start), text(line.end), line.amount, *shares


def lines_of(document):
    names = ("kind", "charge_code", "proration", "period_start", "period_end", "amount")
    parts = ("discounts", "taxes")
    return [(*(line[name] for name in names),
             *([share["amount"] for share in line[part] if share["amount"]] for part in parts))
            for line in document["lines"]]  # fmt: skip


def told(invoice):
    sums = tuple(invoice[name] for name in ("discount", "tax", "tax_included"))
    return (invoice["issued_at"], invoice["reason"].removeprefix("subscription_"), invoice["period_start"],
            invoice["period_end"], lines_of(invoice), sums, invoice["total"], invoice["credit_applied"])  # fmt: skip


@pytest.mark.parametrize("setting", SETTINGS)
def test_random_lives_are_billed_as_the_oracle_says(organisations, setting):
    """ORACLE_SEED repeats a run, ORACLE_LIVES makes it longer."""
    billed = 0
    for number in range(LIVES):
        name = f"ORACLE_SEED={SEED} {setting} {number}"
        try:
            pair = Pair(organisations[setting], setting, random.Random(f"{SEED}/{setting}/{number}")).play()
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from error
        billed += sum(bool(lines) for *_, lines, _, _, _ in pair.invoices)
    assert billed >= LIVES, f"ORACLE_SEED={SEED}: too little was billed to tell anything"
