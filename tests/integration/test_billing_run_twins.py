"""The same commands in two worlds: one in which all falls due by itself, one in which a run does it.

Both must have the same rows, to the byte.

SIMULATION_SEED  which commands; another one each time unless told, and shown
"""

import os
import random
from datetime import UTC, datetime, timedelta

import pytest
from runs import Run, billing_by_hand, check_laws, check_report, left_due
from simulation import ORGANISATION, PLANS, ZONES, Script, World
from stack import PARTITIONS, Stack
from waiting import eventually
from wire import Wire, derived_id, shard_of

SEED = os.environ.get("SIMULATION_SEED") or str(random.randrange(10**9))
CUSTOMERS, ROUNDS, DAYS = 150, 8, 25  # days from round to round
CUSTOMER = 1  # a kind of ids, common/base/id.h


class RealTime(Script):
    """A script without clocks: its commands were accepted over the last months."""

    def __init__(self, seed, partitions, customers):
        self.now = datetime.now(UTC).replace(microsecond=0) - timedelta(days=ROUNDS * DAYS)
        super().__init__(seed, partitions, customers, clocks=0)
        self.commands = self.go_on()

    def command(self, home, schema, **record):
        self.now += timedelta(milliseconds=1)
        return super().command(home, schema, **record)

    def accepted_ms(self):
        return int(self.now.timestamp() * 1000)

    def begin(self):
        """What all share; and the customers."""
        found, self.homes, customers = self.offer(), [], []
        for number in range(self.customers):
            operation_id = self.operation("customer", number)
            self.homes.append(str(derived_id(operation_id, CUSTOMER)))
            fields = {"name": f"Customer {number}", "external_id": f"{number}", "timezone": self.random.choice(ZONES)}
            customers.append(self.command(self.homes[-1], "CreateCustomer", operation_id=operation_id, **fields,
                                          **self.money.terms(self.rate_ids)))  # fmt: skip
        return found, customers

    def go_on(self):
        """Everything that all of them do, round by round."""
        found, subscriptions = [], [[] for _ in self.homes]
        for _ in range(ROUNDS):
            for home, mine in zip(self.homes, subscriptions, strict=True):
                for action in self.actions(mine):
                    found.append(action(self, home, mine, self.now, shard_of(home)))
            self.now += timedelta(days=DAYS) - timedelta(hours=1)
        return found


class Twin(World):
    """A world whose rows are compared but for who made an invoice."""

    TABLES = ("customers", "subscriptions", "quantities", "invoices", "invoice_lines", "credit_entries", "coupons",
              "items", "journal")  # fmt: skip
    WITHOUT = (*World.WITHOUT, ("invoices", "billing_run_id"))
    organisation_id = ORGANISATION

    def begin(self, script):
        for stage in script.beginnings:
            self.put(stage)
        return self

    def told(self):
        """All its rows and events, by their table, but for those of runs."""
        found = self.rows()
        del found["the provider's book"]
        runs = dict(self.select("SELECT id::text, 1 FROM billd.billing_runs"))
        found["events"] = [event for event in self.events() if not any(run in event for run in runs)]
        return found


def by_itself(script):
    """The world in which all comes by itself: what there is of it, and the moment up to which it is."""
    stack = Stack()
    try:
        stack.start_servers()
        worker = stack.make_worker("worker-by-itself", BILLD_DUE_INTERVAL_MS=20).start()
        stack.others.append(worker)
        world = Twin(stack, Wire(stack.bootstrap, PARTITIONS)).found().begin(script)
        # What falls due is done behind the last command, as far as it is known: so all are there before one is done.
        worker.stop()
        world.wire.put_all(script.commands)
        worker.start()
        world.put(script.commands[-1:])
        while True:
            until = datetime.now(UTC).replace(microsecond=0)
            eventually(lambda until=until: not left_due(stack, world, until), "all that is due is done", 120, 0.2)
            assert worker.stop() == 0
            until = datetime.now(UTC).replace(microsecond=0)
            if not left_due(stack, world, until):
                return world.told(), until
            worker.start()
    finally:
        stack.end()
        stack.remove(keep_logs=False)


def first_difference(one, other):
    strange, hidden = sorted(set(one) - set(other))[:2], sorted(set(other) - set(one))[:2]
    return f"{len(one)} and {len(other)} rows; only by itself: {strange}; only by the run: {hidden}"


def test_a_run_makes_the_rows_that_come_by_themselves(stack, wire):
    """Every table and every event, after months of random commands: changes, pauses, coupons, taxes, items, credit."""
    print(f"SIMULATION_SEED={SEED}")
    script = RealTime(SEED, PARTITIONS, CUSTOMERS)
    alone, until = by_itself(script)
    with billing_by_hand(stack):
        world = Twin(stack, wire).found().begin(script)
        world.put(script.commands)
        org = stack.client(ORGANISATION, stack.api_key(ORGANISATION))
        due = len(left_due(stack, org, until))
        dry = Run(org, until, dry_run=True, invoices_max=1000).over()
        run = Run(org, until, invoices_max=1000)
        report = run.over()
        by_run = world.told()
    assert due == report["due"] == dry["due"] > CUSTOMERS / 3 and report["invoiced"] > CUSTOMERS / 2
    assert (dry["digest"], dry["totals"]) == (report["digest"], report["totals"])
    check_report(stack, org, run, report)
    assert len(PLANS) >= len(report["plans"]) > 3
    for table, rows in alone.items():
        assert rows == by_run[table] or pytest.fail(f"{table}: {first_difference(rows, by_run[table])}")
    check_laws(stack, org)
