"""The last of the sample of checker_sample.py: billing runs, real and dry, that bill, fail, stand still and end."""

from checker_index import milliseconds
from checker_sample import PARTITIONS, PERIOD_MS, begin, encode, iso, meta_of
from checker_sample_billing import DAY_MS, backdated, fall_due, live_through, on_a_clock, recover
from checker_sample_money import MoneyWorld, owe_and_pay
from evidence import COMMAND_MARKS
from wire import derived_id, partition_of, shard_of

SUMS = ("subtotal", "discount", "tax", "total", "credit_applied", "amount_due")
COUNTS = ("due", "done", "invoiced", "failed")
NOTHING = dict.fromkeys(COUNTS, 0) | {"totals": [], "digest": None, "books": None, "finished_at": None}


def make():
    """(history, evidence) of two organisations in which each kind of thing happened once or twice."""
    world = RunsWorld()
    one, plan = begin(world)
    live_through(world, one, plan)
    on_a_clock(world, one, plan)
    owe_and_pay(world, one, plan)
    recover(world, one, plan)
    bill_in_runs(world, one, plan)
    world.sample()
    history, evidence = world.finish()
    show_runs(world, evidence)
    return history, evidence


class RunsWorld(MoneyWorld):
    def __init__(self):
        super().__init__()
        self.reports = {}  # {run's id: [what its parts come to, its failures]}

    def create_billing_run(self, meta, row, record, now):
        row |= NOTHING | {"trigger": "request", "status": "running"}
        row["as_of"] = iso((record["as_of"] or now) // 1000 * 1000)
        self.event(meta, "billing_run.started", row["id"], now)

    def start(self, organisation_id, **body):
        _, one = self.send(organisation_id, "POST", "/v1/billing-runs", body, home=organisation_id)
        return one

    def move(self, what, verb, told=None, status=None):
        """An invoice's, or a run's, which is named by its id: how it is told, and what it is then."""
        if not isinstance(what, str):
            return super().move(what, verb)
        _, row = self.resources[what]
        path, home = f"/v1/billing-runs/{what}/{verb}", row["organisation_id"]
        operation_id, _ = self.send(home, "POST", path, home=home, into=what)
        meta, now = meta_of(self, operation_id), milliseconds(self.operations[operation_id]["accepted_at"])
        row |= {"status": status or told, "updated_at": iso(now)}
        row["finished_at"] = iso(now) if told == "canceled" else None
        return self.event(meta, f"billing_run.{told}", what, now)

    def refuse(self, what, verb, refusal, organisation_id=None):
        _, row = self.resources[what]
        home = organisation_id or row["organisation_id"]
        path = f"/v1/billing-runs/{what}/{verb}"
        self.send(home, "POST", path, home=home, into=what, refusal=refusal)

    def bill(self, run_id, subscription, plan):
        """Its invoice for the period that is due."""
        fall_due(self, subscription, plan)
        invoice = self.evidence.tables["invoices"][-1]
        invoice["billing_run_id"] = run_id
        return invoice

    def report(self, run_id, invoices=(), failures=(), through=PARTITIONS):
        """What a run came to in its partitions, of which the first so many are through."""
        _, row = self.resources[run_id]
        whose = {"organisation_id": row["organisation_id"], "run_id": run_id}
        tables, added = self.evidence.tables, {}
        for part in range(PARTITIONS):
            mine = [one for one in invoices if partition_of(one["customer_id"], PARTITIONS) == part]
            failed = [one for one in failures if one["part"] == part]
            counts = (len(mine) + len(failed), len(mine), len(mine), len(failed))
            tables["billing_run_parts"].append(
                whose | dict(zip(COUNTS, counts, strict=True)) | {
                    "part": part, "shard": 1024 if part < through else part, "after_due_at": None, "after_id": None,
                    "digest": sum(int(one["digest"], 16) for one in mine), "first_invoices": [],
                    "first_due_at": min((one["issued_at"] for one in mine), default=None),
                    "started_at": row["created_at"], "finished_at": row["updated_at"] if part < through else None,
                }
            )  # fmt: skip
            if mine:
                plan_id = mine[0]["lines"][-1]["plan_id"]
                tables["billing_run_totals"].append(
                    whose | {"part": part, "plan_id": plan_id, "currency": "USD"} | added_up(mine)
                )
                added["plan_id"] = plan_id
        tables["billing_run_failures"] += [whose | one for one in failures]
        totals = [{"currency": "USD"} | added_up(invoices)] if invoices else []
        self.reports[run_id] = {
            "due": len(invoices) + len(failures), "done": len(invoices), "invoiced": len(invoices),
            "failed": len(failures), "totals": totals, "plans": [added | total for total in totals],
            "parts": {"all": PARTITIONS, "begun": PARTITIONS, "finished": through}, "previous": None,
        }, failures  # fmt: skip

    def finish_run(self, run_id, digest):
        """A worker tells that it is through."""
        _, row = self.resources[run_id]
        home, now = row["organisation_id"], int(self.now() * 1000)
        one = str(derived_id(run_id, 21, 0, shard_of(home)))
        meta = {
            "operation_id": one, "organisation_id": home, "actor": "system:runs", "accepted_at": now,
            "idempotency_key": None, "address": None,
        }  # fmt: skip
        told = {name: self.reports[run_id][0][name] for name in (*COUNTS, "totals")}
        told |= {"digest": f"{digest:032x}", "books": None if row["dry_run"] else "balanced"}
        value = encode(COMMAND_MARKS, "FinishBillingRun", told | {"meta": meta, "billing_run_id": run_id})
        self.put(partition_of(home, PARTITIONS), home.encode(), value)
        self.operations[one] = {
            "organisation_id": home, "id": one, "command": "finish_billing_run", "status": "succeeded",
            "resource_type": "billing_run", "resource_id": run_id, "problem": None, "idempotency_key": None,
            "accepted_at": iso(now), "completed_at": iso(now + 7),
        }  # fmt: skip
        self.evidence.tables["operations"].append(self.operations[one])
        row |= told | {"status": "finished", "updated_at": iso(now), "finished_at": iso(now)}
        self.event(meta, "billing_run.finished", run_id, now)


def added_up(invoices):
    return {"invoices": len(invoices)} | {name: sum(one[name] for one in invoices) for name in SUMS}


def failure(world, customer, subscription, reason, due_at):
    return {
        "subscription_id": subscription, "part": partition_of(customer, PARTITIONS), "customer_id": customer,
        "due_at": due_at, "reason": reason, "detail": None, "failed_at": iso(world.time() * 1000),
    }  # fmt: skip


def bill_in_runs(world, a, plan):
    """One that is held for a while, and what one subscription of it parks; one after it, of which one is too far
    behind; a dry one; one that is canceled midway, and one that nobody resumes."""
    _, late = backdated(world, a, plan, PERIOD_MS + DAY_MS)
    owner, dear = backdated(world, a, plan, PERIOD_MS + DAY_MS)
    first = world.start(a, invoices_max=2)
    world.move(first, "pause", "paused")
    world.refuse(first, "pause", "billing-run-not-running")
    world.move(first, "resume", "resumed", "running")
    due_at = world.resources[dear][1]["due_at"]
    fall_due(world, dear, plan, "parked", billing_problem="amount-out-of-range", due_at=None)
    parked = failure(world, owner, dear, "amount-out-of-range", due_at)
    invoice = world.bill(first, late, plan)
    world.report(first, [invoice], [parked])
    world.finish_run(first, 0xD1)
    world.refuse(first, "resume", "billing-run-final")
    world.refuse(first, "cancel", "billing-run-not-found", world.evidence.tables["organisations"][1]["id"])

    _, late = backdated(world, a, plan, PERIOD_MS + DAY_MS)
    debtor, behind = backdated(world, a, plan, 3 * PERIOD_MS + DAY_MS)
    second = world.start(a, invoices_max=1, as_of=iso(world.time() * 1000 - DAY_MS // 2))
    far = failure(world, debtor, behind, "billing-behind", world.resources[behind][1]["due_at"])
    invoices = [world.bill(second, late, plan)]
    world.report(second, invoices, [parked, far])
    world.finish_run(second, 0xD1)
    world.reports[second][0]["previous"] = {"id": first, "totals": [{"currency": "USD"} | dict.fromkeys(
        ("invoices", *SUMS), 0)]}  # fmt: skip
    for _ in range(3):
        fall_due(world, behind, plan)

    dry = world.start(a, dry_run=True)
    world.refuse(dry, "resume", "billing-run-not-paused")
    world.report(dry, invoices, [parked])
    world.finish_run(dry, 0xD1)
    world.reports[dry][0]["previous"] = world.reports[second][0]["previous"] | {"id": second}

    _, late = backdated(world, a, plan, PERIOD_MS + DAY_MS)
    gone = world.start(a)
    world.report(gone, [world.bill(gone, late, plan)], through=1)
    world.move(gone, "cancel", "canceled")
    still = world.start(a)
    world.move(still, "pause", "paused")
    world.report(still, through=0)
    ahead = {"as_of": iso((world.time() + 400 * 86_400) * 1000)}
    world.send(a, "POST", "/v1/billing-runs", ahead, home=a, refusal="as-of-too-far-ahead")


def show_runs(world, evidence):
    """As the API does: in lists and one by one."""
    for lists in evidence.lists.values():
        for run in lists["billing_runs"]:
            report, failures = world.reports[run["id"]]
            run |= {name: report[name] for name in (*COUNTS, "totals")}
            amounts = {"amount_by_currency": {one["currency"]: one["total"] for one in report["totals"]}}
            evidence.reports[run["id"]] = [run | report | amounts, [dict(one) for one in failures]]
