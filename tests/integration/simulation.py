"""A world of customers on test clocks: all that they will do in some years, chosen by a seed, and what came of it.

What happens is put straight on the topic of commands, each command with ids and times of its own, so that two worlds of
one seed get the same commands to the byte. What a customer does never depends on what became of it: some of it is
refused, and must be refused in both worlds. Only what is done to invoices names those that there are: the first world
that comes to the end of a round tells them, and each other one gets the same commands.
"""

import hashlib
import random
import uuid
from datetime import UTC, datetime, timedelta

from billing import charge, tier
from simulation_money import COUPONS, RATES, Money, full_coupon, full_rate
from waiting import eventually
from wire import derived_id, encode, partition_of, shard_of

ORGANISATION = "0198a0d2-0000-8000-8000-0000000000aa"
API_KEY = "0198a0d2-0000-8000-8000-0000000000bb"
ACCEPTED_MS = 1_790_000_000_000  # of the first command; each next one a millisecond later
BEGIN, YEARS, ROUNDS = datetime(2026, 1, 28, 9, 30, tzinfo=UTC), 3, 12
PLAN, SUBSCRIPTION, TEST_CLOCK, TAX_RATE = 2, 3, 8, 14  # kinds of ids, common/base/id.h
ZONES = ("Etc/UTC", "America/New_York", "Europe/Vienna", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Sao_Paulo")
TIERS = [tier(10, "700"), tier(100, "650.5", 100), tier(None, "0.000000000001")]


def used(model, code="use", **more):
    return charge(model, code, **more)


SEATS = charge("per_unit", "seats", "advance", unit_amount="999.99", free_units="2")
PLANS = [
    {"interval": "month", "charges": [charge("flat", "base", "advance", amount=2900)]},
    {"interval": "month", "trial_days": 14, "charges": [SEATS, used("graduated", tiers=TIERS, min_amount=500)]},
    {"interval": "month", "charges": [charge("volume", "seats", "advance", tiers=TIERS), used("package", amount=500,
                                                                                            package_size=100)]},
    {"interval": "month", "interval_count": 3, "charges": [charge("flat", "base", "advance", amount=9901), SEATS]},
    {"interval": "year", "charges": [charge("flat", "base", "advance", amount=100_001), used("per_unit",
                                                                                             unit_amount="0.37")]},
    {"interval": "day", "interval_count": 30, "charges": [used("percentage", rate="2.9", fixed_amount=30,
                                                               transaction_max_amount=5000)]},
    {"interval": "week", "interval_count": 2, "charges": [charge("flat", "base", "advance", amount=1),
                                                          used("per_unit", unit_amount="0.5", max_amount=50)]},
]  # fmt: skip
# The charges that are written in full, as the schema has no defaults for records in lists of a plain producer.
CHARGE = {
    "amount": None, "unit_amount": None, "tiers": [], "package_size": None, "rate": None, "fixed_amount": None,
    "transaction_min_amount": None, "transaction_max_amount": None, "free_units": None, "min_amount": None,
    "max_amount": None, "tax_rate_ids": [],
}  # fmt: skip
TIER = {"unit_amount": "0", "flat_amount": 0, "rate": None}


def full(fields):
    charges = [CHARGE | one | {"tiers": [TIER | step for step in one.get("tiers", [])]} for one in fields["charges"]]
    return {"interval_count": 1, "trial_days": 0, "amount": None, "metadata": {}} | fields | {"charges": charges}


class Script:
    """The commands of all rounds, each as (partition, key, value), and where each clock goes at a round's end."""

    def __init__(self, seed, partitions, customers, clocks):
        self.random, self.partitions = random.Random(f"simulation/{seed}"), partitions
        self.money = Money(self, random.Random(f"simulation/{seed}/money"))
        self.made, self.rounds, self.paid = 0, [], []
        self.plans = [self.operation("plan", number) for number in range(len(PLANS))]
        self.rates = [self.operation("rate", number) for number in range(len(RATES))]
        self.rate_ids = [str(derived_id(one, TAX_RATE)) for one in self.rates]
        self.clocks = [self.operation("clock", number) for number in range(clocks)]
        self.clock_ids = [str(derived_id(one, TEST_CLOCK)) for one in self.clocks]
        self.times = [BEGIN + timedelta(hours=7 * number) for number in range(clocks)]
        self.customers = customers
        self.beginnings = self.begin()

    def operation(self, *names):
        return str(uuid.UUID(bytes=hashlib.blake2b(repr(names).encode(), digest_size=16).digest(), version=4))

    def command(self, home, schema, **record):
        """One message: it lies where its home belongs, and names its own operation and time."""
        self.made += 1
        meta = {
            "operation_id": record.pop("operation_id", None) or self.operation("command", self.made),
            "organisation_id": ORGANISATION,
            "actor": f"api_key:{API_KEY}",
            "accepted_at": self.accepted_ms(),
            "idempotency_key": f"key-{self.made}" if self.made % 3 == 0 else None,
            "address": None,
        }
        return partition_of(home, self.partitions), home, encode(schema, {"meta": meta} | record)

    def accepted_ms(self):
        """When the command that is being made was accepted."""
        return ACCEPTED_MS + self.made

    def offer(self):
        """Tax rates, plans and coupons."""
        found = []
        for number, (operation_id, fields) in enumerate(zip(self.rates, RATES, strict=True)):
            rate = full_rate(fields) | {"code": f"rate-{number}"}
            found.append(self.command(ORGANISATION, "CreateTaxRate", operation_id=operation_id, **rate))
        plan_ids = [str(derived_id(one, PLAN)) for one in self.plans]
        for number, fields in enumerate(COUPONS):
            coupon = full_coupon(fields, plan_ids, BEGIN) | {"code": f"coupon-{number}"}
            found.append(self.command(ORGANISATION, "CreateCoupon", **coupon))
        for number, (operation_id, fields) in enumerate(zip(self.plans, PLANS, strict=True)):
            plan = full(fields) | {"code": f"plan-{number}", "name": f"Plan {number}", "currency": "USD"}
            if number % 3 == 0:  # every third plan's first charge has a rate of its own
                plan["charges"][0]["tax_rate_ids"] = [self.rate_ids[number % len(RATES)]]
            found.append(self.command(ORGANISATION, "CreatePlan", operation_id=operation_id, **plan))
        return found

    def begin(self):
        """What all share; clocks; customers: each may name those before it, in other partitions."""
        found, clocks, customers = self.offer(), [], []
        for operation_id, clock_id, now in zip(self.clocks, self.clock_ids, self.times, strict=True):
            fields = {"operation_id": operation_id, "name": None, "now": now}
            clocks.append(self.command(clock_id, "CreateTestClock", **fields))
        for number in range(self.customers):
            clock_id = self.clock_ids[number % len(self.clock_ids)]
            fields = {"name": f"Customer {number}", "external_id": f"{number}", "timezone": self.random.choice(ZONES)}
            empty = {"email": None, "currency": None, "country": None, "metadata": {}}
            terms = self.money.terms(self.rate_ids)
            fields |= terms | empty
            customers.append(self.command(clock_id, "CreateCustomer", test_clock_id=clock_id, **fields))
        return found, clocks, customers

    def live(self, customer_ids):
        """Write the rounds, once the customers have ids: {external_id: id}."""
        shards = [shard_of(clock_id) for clock_id in self.clock_ids]
        step = timedelta(days=YEARS * 365.25 / ROUNDS)
        subscriptions = {number: [] for number in range(self.customers)}
        for turn in range(ROUNDS):
            found = []
            for number in range(self.customers):
                clock = number % len(self.clock_ids)
                home = customer_ids[str(number)]
                mine = subscriptions[number]
                for action in self.actions(mine):
                    found.append(action(self, home, mine, self.times[clock], shards[clock]))
            advances = []
            for clock, clock_id in enumerate(self.clock_ids):
                seconds = int(step.total_seconds() * self.random.uniform(0.7, 1.3))
                self.times[clock] += timedelta(seconds=seconds)
                advances.append(self.command(clock_id, "AdvanceTestClock", test_clock_id=clock_id,
                                             now=self.times[clock]))  # fmt: skip
            prices = [self.reprice()] if turn % 2 else []
            self.rounds.append((prices, found, advances, list(self.times)))
        return self

    def actions(self, mine):
        """What one customer does in one round."""
        if not mine:
            return [Script.subscribe, Script.report]
        count = self.random.choice((0, 0, 1, 1, 2))
        names, weights = zip(*ACTIONS, strict=True)
        return self.random.choices(names, weights, k=count)

    # Each: the customer's id, its subscriptions, the clock's moment, the shard

    def subscribe(self, home, mine, now, shard):
        dice = self.random
        self_made = self.operation("subscription", self.made)
        mine.append(str(derived_id(self_made, SUBSCRIPTION, 0, shard)))
        start = dice.choice((None, None, None, now + timedelta(days=dice.randint(1, 90)),
                             now - timedelta(days=dice.randint(1, 300))))  # fmt: skip
        end = (start or now) + timedelta(days=dice.randint(400, 900), seconds=dice.randint(0, 86_400))
        plan = dice.randrange(len(PLANS))
        anchors = ("start", "start", "calendar", str(dice.randint(1, 31)))
        return self.command(
            home, "CreateSubscription", operation_id=self_made, customer_id=home, plan_id=None,
            plan_code=f"plan-{plan}", quantity=dice.randint(0, 40), start_at=start, metadata={},
            end_at=end if dice.random() < 0.2 else None, trial_days=dice.choice((None, None, 0, 10)),
            anchor=dice.choice(anchors), **self.money.wish(self.rate_ids),
        )  # fmt: skip

    def change(self, home, mine, now, shard):
        dice = self.random
        plan = str(derived_id(dice.choice(self.plans), PLAN)) if dice.random() < 0.6 else None
        quantity = dice.randint(0, 60) if plan is None or dice.random() < 0.5 else None
        return self.command(
            home, "ChangeSubscription", subscription_id=mine[-1], plan_id=plan, quantity=quantity,
            effective=dice.choice(("now", "now", "period_end")), proration=dice.choice(("prorate", "prorate", "none")),
        )  # fmt: skip

    def cancel(self, home, mine, now, shard):
        dice = self.random
        return self.command(
            home, "CancelSubscription", subscription_id=mine[-1], effective=dice.choice(("now", "period_end")),
            credit_unused=dice.random() < 0.5,
        )  # fmt: skip

    def report(self, home, mine, now, shard):
        dice = self.random
        quantity = dice.choice((str(dice.randint(0, 500)), f"{dice.randint(0, 10**8) / 10**6:.6f}"))
        return self.command(
            home, "ReportQuantity", subscription_id=mine[-1], charge_code="use", mode=dice.choice(("set", "add")),
            quantity=quantity, period_start=None,
        )  # fmt: skip

    def move(name):
        def act(self, home, mine, now, shard):
            return self.command(home, name, subscription_id=mine[-1])

        return act

    pause, resume, uncancel = move("PauseSubscription"), move("ResumeSubscription"), move("UncancelSubscription")

    def charge_once(self, home, mine, now, shard):
        return self.money.item(home, self.rate_ids)

    def give(self, home, mine, now, shard):
        return self.money.grant(home)

    def rename(self, home, mine, now, shard):
        names = ("email", "external_id", "country", "tax_exempt", "tax_exempt_reason", "tax_rate_ids", "net_terms_days")
        fields = dict.fromkeys(names)
        return self.command(home, "UpdateCustomer", customer_id=home, name=f"Renamed {self.made}",
                            timezone=self.random.choice(ZONES), metadata={}, **fields)  # fmt: skip

    def reprice(self):
        """A new version of a plan."""
        fields = dict.fromkeys(("name", "interval", "interval_count", "trial_days", "amount"))
        charges = full({"charges": [charge("flat", "base", "advance", amount=self.random.randint(1, 9999)),
                                    used("per_unit", unit_amount="0.75")]})["charges"]  # fmt: skip
        plan_id = str(derived_id(self.random.choice(self.plans), PLAN))
        return self.command(ORGANISATION, "UpdatePlan", plan_id=plan_id, charges=charges, metadata={}, **fields)


ACTIONS = [
    (Script.report, 30),
    (Script.change, 25),
    (Script.subscribe, 8),
    (Script.cancel, 8),
    (Script.uncancel, 4),
    (Script.pause, 6),
    (Script.resume, 9),
    (Script.rename, 5),
    (Script.charge_once, 12),
    (Script.give, 8),
]


class World:
    """A stack of its own that lives a script."""

    def __init__(self, stack, wire, copies=1):
        """copies: how often each command is delivered; a copy comes some commands later."""
        self.stack, self.wire, self.copies = stack, wire, copies
        self.ends = {}

    def found(self):
        """The organisation and its key, with the same ids in every world."""
        self.stack.superuser(
            "INSERT INTO identity.organisations (id, name, currency, timezone, country, settings)"
            f" VALUES ('{ORGANISATION}', 'World', 'USD', 'Etc/UTC', 'US', '{{\"net_terms_days\": \"14\"}}');"
            "INSERT INTO identity.api_keys (organisation_id, id, name, key_hash, role, prefix)"
            f" VALUES ('{ORGANISATION}', '{API_KEY}', 'world', sha256('world'), 'admin', 'billd_live_')"
        )
        return self

    def put(self, messages):
        """Deliver commands, each as often as this world does, and wait until all are past."""
        if self.copies > 1:
            messages = [one for group in batches(messages, 50) for one in group * self.copies]
        for (partition, *_), offset in zip(messages, self.wire.put_all(messages), strict=True):
            self.ends[partition] = max(self.ends.get(partition, 0), offset + 1)
        eventually(self.is_past, f"all {len(messages)} commands are processed", 120, 0.05)

    def is_past(self):
        progress = self.stack.progress()
        return all(progress[partition][0] >= end for partition, end in self.ends.items())

    def select(self, statement, *parameters):
        return self.stack.rows(statement, parameters or None, organisation_id=ORGANISATION)

    def customer_ids(self):
        return dict(self.select("SELECT external_id, id::text FROM billd.customers"))

    def live(self, script):
        for turn, (prices, commands, advances, times) in enumerate(script.rounds):
            # What lies in different partitions has no order but the one in which it is awaited.
            for messages in (prices, commands, advances):
                self.put(messages)
            wanted = dict(zip(script.clock_ids, times, strict=True))
            eventually(lambda wanted=wanted: self.clocks() == wanted, "all clocks have arrived", 180, 0.05)
            self.pay(script, turn)
        return self

    def pay(self, script, turn):
        """What is done to invoices: what is done at once first, then what waits for a provider's answer."""
        for step in range(2):
            place = 2 * turn + step
            if place == len(script.paid):
                script.paid.append(script.money.on_invoices(self.invoices(), step))
            if script.paid[place]:
                self.put(script.paid[place])
            eventually(self.is_settled, "all payments are settled", 120, 0.05)

    def is_settled(self):
        """No payment is on its way, and what told of the last one is past."""
        return self.select("SELECT count(*) FROM billd.payments WHERE settled_at IS NULL") == [(0,)]

    def invoices(self):
        """All that there are, in an order that both worlds have: (id, customer's id, status, what remains, what one
        payment alone brought, [(line's id, what is left of it)]).
        """
        return self.select(
            "SELECT id::text, customer_id::text, status, amount_due - amount_paid - amount_credited, CASE WHEN"
            " (SELECT count(*) FROM billd.payments payment WHERE payment.invoice_id = invoice.id AND kind = 'payment'"
            " AND payment.status = 'succeeded') = 1 THEN amount_paid - amount_refunded ELSE 0 END,"
            " (SELECT coalesce(json_agg(json_build_array(line.id, line.amount - line.discount - line.credited)"
            " ORDER BY line.position), '[]'::json) FROM billd.invoice_lines line WHERE line.invoice_id = invoice.id)"
            " FROM billd.invoices invoice ORDER BY customer_id, sequence"
        )

    def clocks(self):
        """{id: the time of a clock that is ready}"""
        return dict(self.select("SELECT id::text, now FROM billd.test_clocks WHERE status = 'ready'"))

    # What came of it

    TABLES = ("customers", "plans", "plan_versions", "subscriptions", "quantities", "test_clocks", "invoices",
              "invoice_lines", "credit_entries", "operations", "coupons", "tax_rates", "items", "credit_notes",
              "payments", "journal")  # fmt: skip
    # What a provider did comes back at a time of the wall clock's; and whoever redeems a coupon last dates it.
    TOLD = "(SELECT id FROM billd.operations WHERE command = 'record_payment_outcome')"
    WITHOUT = (("operations", "completed_at"), ("coupons", "updated_at"))
    INSTEAD = (
        ("operations", "accepted_at", "CASE WHEN command <> 'record_payment_outcome' THEN accepted_at END"),
        ("journal", "created_ms", "CASE WHEN document_type <> 'payment' THEN created_ms END"),
    )

    def rows(self):
        """{table: its rows as texts, in order}, without what a wall clock writes."""
        found, instead = {}, {(table, name): told for table, name, told in self.INSTEAD}
        for table in self.TABLES:
            columns = [name for (name,) in self.select(
                "SELECT column_name FROM information_schema.columns WHERE table_schema = 'billd' AND table_name = %s"
                " ORDER BY ordinal_position", table) if (table, name) not in self.WITHOUT]  # fmt: skip
            listed = ", ".join(instead.get((table, name), f'"{name}"') for name in columns)
            found[table] = sorted(row for (row,) in self.select(f"SELECT ROW({listed})::text FROM billd.{table}"))
        book = self.stack.rows(
            "SELECT ROW(key, reference, kind, method, amount, currency, outcome, code)::text"
            " FROM simulated_provider.transfers", role="worker",
        )  # fmt: skip
        found["the provider's book"] = sorted(row for (row,) in book)
        return found

    def events(self):
        """Every event but its number: customers' in the order of each, the others by what they are about."""
        order = "key::text, CASE WHEN key = organisation_id THEN subject::text END, number"
        occurred_at = f"CASE WHEN operation_id NOT IN {self.TOLD} THEN occurred_at END"
        told = f"id, type, subject, key, operation_id, {occurred_at}, value"
        return [row for (row,) in self.select(f"SELECT ROW({told})::text FROM billd.outbox ORDER BY {order}")]


def batches(items, size):
    return [items[start : start + size] for start in range(0, len(items), size)]
