"""More of the sample of checker_sample.py: what falls due, credit, quantities, a pause, and a test clock."""

from checker_index import due_cause, milliseconds
from checker_sample import PARTITIONS, PERIOD_MS, explained, iso, meta_of
from wire import partition_of

DAY_MS = 86_400_000


def fall_due(world, one, plan_id, kind="renewed", **fields):
    """A step of a subscription, at its moment, under a name of its own."""
    _, row = world.resources[one]
    at = milliseconds(row["due_at"])
    meta = {"organisation_id": row["organisation_id"], "operation_id": due_cause(one, at)}
    if kind == "renewed":
        start, end = row["current_period_end"], iso(at + PERIOD_MS)
        row |= {"current_period_start": start, "current_period_end": end, "due_at": end}
        row["latest_invoice_id"] = world.new_id()
    row |= fields | {"updated_at": max(row["updated_at"], iso(at))}
    world.event(meta, f"subscription.{kind}", one, at)
    if kind == "renewed":
        world.invoice(meta, row, world.resources[plan_id][1], at, "subscription_cycle")


def command(world, organisation_id, one, verb, body=None):
    """What is done to a subscription that is there: (meta, its row, the command's time)."""
    _, row = world.resources[one]
    path = f"/v1/subscriptions/{one}/{verb}"
    operation_id, _ = world.send(organisation_id, "POST", path, body, home=row["customer_id"], into=one)
    return meta_of(world, operation_id), row, milliseconds(world.operations[operation_id]["accepted_at"])


def backdated(world, organisation_id, plan, back_ms):
    """A customer's subscription since some time: (customer, subscription)."""
    _, customer = world.send(organisation_id, "POST", "/v1/customers", {"name": "Late"})
    start = (world.time() * 1000 - back_ms) // 1000 * 1000
    body = {"customer_id": customer, "plan_id": plan, "start_at": iso(start)}
    _, one = world.send(organisation_id, "POST", "/v1/subscriptions", body, home=customer)
    return customer, one


def live_through(world, organisation_id, plan):
    """Two periods behind; then changed for credit, which the next invoice uses up; paused, resumed, ended."""
    customer, one = backdated(world, organisation_id, plan, 2 * PERIOD_MS + DAY_MS)
    fall_due(world, one, plan)
    fall_due(world, one, plan)
    meta, row, now = command(world, organisation_id, one, "quantities", {"charge_code": "use", "quantity": "12"})
    quantity = {
        "organisation_id": organisation_id, "id": world.new_id(), "subscription_id": one, "charge_code": "use",
        "period_start": row["current_period_start"], "quantity": 12, "transactions": 1, "created_at": iso(now),
        "updated_at": iso(now), "created_ms": now,
    }  # fmt: skip
    world.evidence.tables["quantities"].append(quantity)
    world.resources[quantity["id"]] = "quantity", quantity
    world.event(meta, "quantity.reported", quantity["id"], now)

    meta, row, now = command(world, organisation_id, one, "change", {"quantity": 0})
    row |= {"quantity": 0, "updated_at": iso(now)}
    world.event(meta, "subscription.changed", one, now)
    lines = [credit_line(row, 900)]
    _, owner = world.resources[customer]
    world.credit(meta, owner, 900, now, "proration", lines=lines, subscription_id=one)

    meta, row, now = command(world, organisation_id, one, "pause")
    row |= {"status": "paused", "paused_at": iso(now), "updated_at": iso(now), "due_at": None}
    world.event(meta, "subscription.paused", one, now)
    meta, row, later = command(world, organisation_id, one, "resume")
    for name in ("current_period_start", "current_period_end"):
        row[name] = iso(milliseconds(row[name]) + later - now)
    quantity |= {"period_start": row["current_period_start"], "updated_at": iso(later)}
    row |= {"status": "active", "paused_at": None, "updated_at": iso(later), "due_at": row["current_period_end"]}
    world.event(meta, "subscription.resumed", one, later)

    command(world, organisation_id, one, "cancel", {"effective": "now"})
    body = {"customer_id": customer, "plan_id": plan}
    world.send(organisation_id, "POST", "/v1/subscriptions", body, home=customer)


def recover(world, organisation_id, plan):
    """Past due, and renewed for what its credit pays."""
    customer, one = backdated(world, organisation_id, plan, PERIOD_MS + DAY_MS)
    (invoice,) = (row for row in world.evidence.tables["invoices"] if row["subscription_id"] == one)
    world.pay(invoice, "sim_declined", tells=["failed"])
    body = {"amount": 2900, "description": "Sorry"}
    world.send(organisation_id, "POST", f"/v1/customers/{customer}/credits", body, home=customer)
    fall_due(world, one, plan)


def credit_line(row, amount):
    return {
        "kind": "charge", "charge_code": "base", "amount": -amount, "quantity": 1, "quantity_decimal": "1",
        "proration": True, "period_start": row["updated_at"], "period_end": row["current_period_end"],
        "discounts": [], "taxes": [],
        "explanation": explained(amount * 2, credit=True, fraction={"part": 1, "whole": 2}),
    }  # fmt: skip


def on_a_clock(world, organisation_id, plan):
    """A clock that is advanced past a period of who lives on it, and a subscription that was parked."""
    began = world.time() * 1000
    _, clock = world.send(organisation_id, "POST", "/v1/test-clocks", {"now": iso(began)})
    body = {"name": "Timeless", "test_clock_id": clock}
    customer = world.new_id()
    while partition_of(customer, PARTITIONS) != partition_of(clock, PARTITIONS):
        customer = world.new_id()
    world.send(organisation_id, "POST", "/v1/customers", body, into=customer)
    body = {"customer_id": customer, "plan_id": plan}
    _, one = world.send(organisation_id, "POST", "/v1/subscriptions", body, home=customer)
    target = began + 3 * PERIOD_MS // 2
    path = f"/v1/test-clocks/{clock}/advance"
    operation_id, _ = world.send(organisation_id, "POST", path, {"now": iso(target)}, home=clock, into=clock)
    fall_due(world, one, plan)
    _, row = world.resources[clock]
    row |= {"now": iso(target), "updated_at": world.operations[operation_id]["accepted_at"]}
    world.event(meta_of(world, operation_id), "test_clock.advanced", clock,
                milliseconds(world.operations[operation_id]["accepted_at"]))  # fmt: skip
    _, late = backdated(world, organisation_id, plan, PERIOD_MS + DAY_MS)
    fall_due(world, late, plan, "parked", billing_problem="amount-out-of-range", due_at=None)
