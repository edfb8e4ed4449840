"""A world of customers on test clocks: all that they will do in some years, chosen by a seed, and what came of it.

What happens is put straight on the topic of commands, each command with ids and times of its own, so that two worlds of
one seed get the same commands to the byte. What a customer does never depends on what became of it: some of it is
refused, and must be refused in both worlds.
"""

import hashlib
import random
import uuid
from datetime import UTC, datetime, timedelta

from billing import charge, tier
from waiting import eventually
from wire import derived_id, encode, partition_of, shard_of

ORGANISATION = "0198a0d2-0000-8000-8000-0000000000aa"
API_KEY = "0198a0d2-0000-8000-8000-0000000000bb"
ACCEPTED_MS = 1_790_000_000_000  # of the first command; each next one a millisecond later
BEGIN, YEARS, ROUNDS = datetime(2026, 1, 28, 9, 30, tzinfo=UTC), 3, 12
PLAN, SUBSCRIPTION, TEST_CLOCK = 2, 3, 8  # kinds of ids, common/base/id.h
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
    "max_amount": None,
}  # fmt: skip
TIER = {"unit_amount": "0", "flat_amount": 0, "rate": None}


def full(fields):
    charges = [CHARGE | one | {"tiers": [TIER | step for step in one.get("tiers", [])]} for one in fields["charges"]]
    return {"interval_count": 1, "trial_days": 0, "amount": None, "metadata": {}} | fields | {"charges": charges}


class Script:
    """The commands of all rounds, each as (partition, key, value), and where each clock goes at a round's end."""

    def __init__(self, seed, partitions, customers, clocks):
        self.random, self.partitions = random.Random(f"simulation/{seed}"), partitions
        self.made, self.rounds = 0, []
        self.plans = [self.operation("plan", number) for number in range(len(PLANS))]
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
            "accepted_at": ACCEPTED_MS + self.made,
            "idempotency_key": f"key-{self.made}" if self.made % 3 == 0 else None,
            "address": None,
        }
        return partition_of(home, self.partitions), home, encode(schema, {"meta": meta} | record)

    def begin(self):
        """Plans, clocks and customers."""
        found = []
        for number, (operation_id, fields) in enumerate(zip(self.plans, PLANS, strict=True)):
            plan = full(fields) | {"code": f"plan-{number}", "name": f"Plan {number}", "currency": "USD"}
            found.append(self.command(ORGANISATION, "CreatePlan", operation_id=operation_id, **plan))
        for operation_id, clock_id, now in zip(self.clocks, self.clock_ids, self.times, strict=True):
            fields = {"operation_id": operation_id, "name": None, "now": now}
            found.append(self.command(clock_id, "CreateTestClock", **fields))
        for number in range(self.customers):
            clock_id = self.clock_ids[number % len(self.clock_ids)]
            fields = {"name": f"Customer {number}", "external_id": f"{number}", "timezone": self.random.choice(ZONES)}
            empty = {"email": None, "currency": None, "country": None, "metadata": {}}
            found.append(self.command(clock_id, "CreateCustomer", test_clock_id=clock_id, **fields, **empty))
        return found

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
            anchor=dice.choice(anchors),
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

    def rename(self, home, mine, now, shard):
        fields = dict.fromkeys(("email", "external_id", "country"))
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
            "INSERT INTO identity.organisations (id, name, currency, timezone, country)"
            f" VALUES ('{ORGANISATION}', 'World', 'USD', 'Etc/UTC', 'US');"
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
        for prices, commands, advances, times in script.rounds:
            # What lies in different partitions has no order but the one in which it is awaited.
            for messages in (prices, commands, advances):
                self.put(messages)
            wanted = dict(zip(script.clock_ids, times, strict=True))
            eventually(lambda wanted=wanted: self.clocks() == wanted, "all clocks have arrived", 180, 0.05)
        return self

    def clocks(self):
        """{id: the time of a clock that is ready}"""
        return dict(self.select("SELECT id::text, now FROM billd.test_clocks WHERE status = 'ready'"))

    # What came of it

    TABLES = ("customers", "plans", "plan_versions", "subscriptions", "quantities", "test_clocks", "invoices",
              "invoice_lines", "credit_entries", "operations")  # fmt: skip

    def rows(self):
        """{table: its rows as texts, in order}, without what a wall clock writes."""
        found = {}
        for table in self.TABLES:
            columns = [name for (name,) in self.select(
                "SELECT column_name FROM information_schema.columns WHERE table_schema = 'billd' AND table_name = %s"
                " AND column_name <> 'completed_at' ORDER BY ordinal_position", table)]  # fmt: skip
            listed = ", ".join(f'"{name}"' for name in columns)
            found[table] = sorted(row for (row,) in self.select(f"SELECT ROW({listed})::text FROM billd.{table}"))
        return found

    def events(self):
        """Every event but its number: customers' in the order of each, the others by what they are about."""
        order = "key::text, CASE WHEN key = organisation_id THEN subject::text END, number"
        told = "id, type, subject, key, operation_id, occurred_at, value"
        return [row for (row,) in self.select(f"SELECT ROW({told})::text FROM billd.outbox ORDER BY {order}")]


def batches(items, size):
    return [items[start : start + size] for start in range(0, len(items), size)]
