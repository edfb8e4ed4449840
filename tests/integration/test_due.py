"""What falls due in real time: done by the workers by themselves, once, in order, whoever dies meanwhile."""

import itertools
import random
import time
from datetime import UTC, datetime, timedelta

import pytest
from billing import charge, documents_of, instant, plan_of, text_of
from waiting import PATIENCE, eventually
from wire import EVENTS, headers

pytestmark = pytest.mark.usefixtures("breaks_servers")

# A worker keeps this far behind the clock, as what was accepted before may still come (worker/due.h).
MARGIN_SECONDS = 5
LIMIT_SECONDS = 60


def ago(**span):
    """That long before now, to the second."""
    return datetime.now(UTC).replace(microsecond=0) - timedelta(**span)


def daily(org, **fields):
    return plan_of(org, **{"amount": 100, "interval": "day"} | fields)


def await_count(org, customer_id, count, seconds=LIMIT_SECONDS):
    """The customer's invoices, oldest first, once there are that many."""
    eventually(lambda: len(org.invoices_of(customer_id)) >= count, f"{customer_id} has {count} invoices", seconds, 0.1)
    return documents_of(org, customer_id)


def check_series(org, customer_id, start, count, step=timedelta(days=1)):
    """One invoice for each period, in order, each dated when its period began."""
    found = documents_of(org, customer_id)
    wanted = [text_of(start + number * step) for number in range(count + 1)]
    assert [(one["period_start"], one["period_end"]) for one in found] == list(itertools.pairwise(wanted))
    assert [one["issued_at"] for one in found] == wanted[:-1]
    return found


def backdated(org, count, days, plan_id=None):
    """Customers that have subscribed days ago, a little apart: [(customer's id, start)]; nothing is awaited."""
    plan_id = plan_id or daily(org)
    starts = [ago(days=days, hours=-1, seconds=7 * number) for number in range(count)]

    def begin(client, start):
        customer_id = client.send("POST", "/v1/customers", {"name": text_of(start)})["resource"]["id"]
        wish = {"customer_id": customer_id, "plan_id": plan_id, "start_at": text_of(start)}
        client.send("POST", "/v1/subscriptions", wish)
        return customer_id, start

    return org.in_parallel([lambda client, start=start: begin(client, start) for start in starts])


def check_all(stack, org, wire, begun, count):
    """Every customer has its whole series and no more, in the tables, over HTTP and as events."""
    own = {"organisation_id": org.organisation_id}
    total = len(begun) * count
    eventually(
        lambda: stack.rows("SELECT count(*) FROM billd.invoices", **own)[0][0] >= total,
        f"{total} invoices are there", 180, 0.2,
    )  # fmt: skip
    time.sleep(2.5)  # time for one too many
    for customer_id, start in begun:
        check_series(org, customer_id, start, count)
    assert stack.rows("SELECT count(*) FROM billd.invoices", **own) == [(total,)]
    issued = [event["subject"] for event in org.events() if event["type"] == "billd.invoice.issued.v1"]
    assert len(issued) == len(set(issued)) == total
    check_topic(stack, org, wire, total)


def check_topic(stack, org, wire, total):
    """The events of each partition are numbered without gaps, and on the topic in order; repeats are repeats."""
    eventually(
        lambda: all(given == published for _, given, published in stack.progress().values()),
        "everything is published", 60, 0.1,
    )  # fmt: skip
    numbers, issued = {}, set()
    for message in wire.read_all(EVENTS):
        told = headers(message)
        numbers.setdefault(message.partition(), []).append(int(told["ce_sequence"]))
        if told["ce_organisationid"] == org.organisation_id and told["ce_type"] == "billd.invoice.issued.v1":
            issued.add(told["ce_subject"])
    assert len(issued) == total
    for partition, (_, given, _) in stack.progress().items():
        first_seen = list(dict.fromkeys(numbers.get(partition, [])))
        assert first_seen == list(range(1, given + 1)), f"partition {partition}"


# By itself


def test_a_period_that_ends_is_renewed_by_itself(org):
    """No request, no message: a few seconds after its end the next one is billed, dated at its beginning."""
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=4)
    customer_id = org.customer()
    subscription_id = org.subscription(customer_id, daily(org), start_at=text_of(end - timedelta(days=1)))
    assert len(org.invoices_of(customer_id)) == 1
    await_count(org, customer_id, 2, MARGIN_SECONDS + 20)
    late = datetime.now(UTC) - end
    assert late < timedelta(seconds=(MARGIN_SECONDS + 10) * PATIENCE), f"{late} after its moment"
    check_series(org, customer_id, end - timedelta(days=1), 2)
    subscription = org.get(f"/v1/subscriptions/{subscription_id}")
    assert subscription["current_period_start"] == text_of(end)
    told = [event["type"] for event in org.events() if event["subject"] == subscription_id]
    assert told == ["billd.subscription.created.v1", "billd.subscription.renewed.v1"]


def test_starts_trials_and_ends_come_by_themselves(org):
    """Each at its moment, within seconds."""
    soon = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=5)
    plan_id, day = daily(org), timedelta(days=1)
    ways = {
        "active": {"start_at": text_of(soon)},
        "active after a trial": {"start_at": text_of(soon - day), "trial_days": 1},
        "expired": {"start_at": text_of(soon - day / 2), "end_at": text_of(soon)},
    }
    ids = {name: org.subscription(org.customer(), plan_id, **wish) for name, wish in ways.items()}
    before = {name: org.get(f"/v1/subscriptions/{one}")["status"] for name, one in ids.items()}
    assert before == {"active": "scheduled", "active after a trial": "trialing", "expired": "active"}
    for name, one in ids.items():
        path, wanted = f"/v1/subscriptions/{one}", name.split()[0]
        eventually(lambda path=path, wanted=wanted: org.get(path)["status"] == wanted, name, LIMIT_SECONDS, 0.1)
    ends = {name: org.get(f"/v1/subscriptions/{one}") for name, one in ids.items()}
    assert ends["expired"]["ended_at"] == ends["active"]["current_period_start"] == text_of(soon)
    assert ends["active after a trial"]["anchor_at"] == text_of(soon)


def test_what_was_noted_for_the_periods_end_comes_by_itself(org):
    """A cancellation, and a change that is pending."""
    soon = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=6)
    start, plan_id, other_id = text_of(soon - timedelta(days=1)), daily(org), daily(org, amount=700)
    leaves, moves = (org.subscription(org.customer(), plan_id, start_at=start) for _ in range(2))
    org.succeed("POST", f"/v1/subscriptions/{leaves}/cancel", {"effective": "period_end"})
    org.succeed("POST", f"/v1/subscriptions/{moves}/change", {"plan_id": other_id, "effective": "period_end"})
    path = f"/v1/subscriptions/{leaves}"
    eventually(lambda: org.get(path)["status"] == "canceled", "it is canceled", LIMIT_SECONDS, 0.1)
    assert org.get(path)["ended_at"] == text_of(soon)
    moved = org.get(f"/v1/subscriptions/{moves}")["customer_id"]
    assert [one["total"] for one in await_count(org, moved, 2)] == [100, 700]


def test_a_command_finds_done_what_fell_due_before_it(org):
    """A cancellation behind two periods' ends that nobody has seen to yet: they are billed first."""
    plan_id = plan_of(org, charges=[charge("flat", "base", "advance", amount=100)], interval="day")
    start, customer_id = ago(days=2, minutes=1), org.customer()
    created = org.send(
        "POST", "/v1/subscriptions", {"customer_id": customer_id, "plan_id": plan_id, "start_at": text_of(start)}
    )
    canceled = org.send("POST", f"/v1/subscriptions/{created['resource']['id']}/cancel")
    assert org.outcome(canceled["operation_id"])["status"] == "succeeded"
    check_series(org, customer_id, start, 3)
    assert org.get(f"/v1/subscriptions/{created['resource']['id']}")["status"] == "canceled"


def test_who_is_many_periods_behind_waits(org):
    """Hundreds of periods are done in chunks; a command before they are done is refused, and then it is not."""
    start, customer_id = ago(days=365), org.customer()
    created = org.send(
        "POST", "/v1/subscriptions", {"customer_id": customer_id, "plan_id": daily(org), "start_at": text_of(start)}
    )
    path = f"/v1/subscriptions/{created['resource']['id']}"
    early = org.send("POST", path + "/change", {"quantity": 2})
    assert org.outcome(created["operation_id"])["status"] == "succeeded"
    org.failed(early["operation_id"], "billing-behind")
    await_count(org, customer_id, 366)
    check_series(org, customer_id, start, 366)
    org.succeed("POST", path + "/change", {"quantity": 2})


def test_periods_that_passed_while_no_worker_ran_are_billed_in_order(stack, org):
    """Late by days in the tables, as if the worker had been stopped since: one invoice for each, with its own date."""
    customer_id = org.customer()
    subscription_id = org.subscription(customer_id, daily(org))
    start = instant(org.get(f"/v1/subscriptions/{subscription_id}")["started_at"])
    columns = {
        "subscriptions": ("anchor_at", "current_period_start", "current_period_end", "natural_start", "natural_end",
                          "started_at", "due_at"),
        "invoices": ("period_start", "period_end", "issued_at", "due_at"),
    }  # fmt: skip
    with stack.without_worker():
        for table, names in columns.items():
            back = ", ".join(f"{name} = {name} - interval '9 days'" for name in names)
            where = f"'{subscription_id}' IN (id{', subscription_id' if table == 'invoices' else ''})"
            stack.superuser(f"UPDATE billd.{table} SET {back} WHERE {where}")
    await_count(org, customer_id, 10)
    check_series(org, customer_id, start - timedelta(days=9), 10)


def test_one_that_cannot_be_billed_keeps_nobody_waiting(org):
    """It is parked, with the reason and an event; others of the same moment are billed."""
    huge = plan_of(org, charges=[charge("per_unit", unit_amount="999999999999999")], interval="day")
    soon = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=6)
    start = text_of(soon - timedelta(days=1))
    bad, good = org.customer(), org.customer()
    bad_id = org.subscription(bad, huge, start_at=start)
    org.subscription(good, daily(org), start_at=start)
    report = {"charge_code": "use", "quantity": "999999999999999"}
    org.succeed("POST", f"/v1/subscriptions/{bad_id}/quantities", report)
    await_count(org, good, 2)
    path = f"/v1/subscriptions/{bad_id}"
    eventually(lambda: org.get(path)["billing_problem"] == "amount-out-of-range", "it is parked", LIMIT_SECONDS, 0.1)
    assert len(org.invoices_of(bad)) == 1
    told = [event["type"].split(".")[2] for event in org.events() if event["subject"] == bad_id]
    assert told == ["created", "parked"]


# Under faults

CUSTOMERS, DAYS = 60, 40


def test_a_restart_amid_due_work_loses_and_doubles_nothing(stack, org, wire):
    """The worker is stopped and started while it bills a backlog of periods."""
    begun = backdated(org, CUSTOMERS, DAYS)
    for _ in range(3):
        time.sleep(0.4)
        assert stack.worker.stop() == 0
        stack.worker.start()
    check_all(stack, org, wire, begun, DAYS)


def test_a_worker_killed_amid_due_work_loses_and_doubles_nothing(stack, org, wire):
    """kill -9, again and again, at moments of no choice."""
    begun, dice = backdated(org, CUSTOMERS, DAYS), random.Random(6)
    for _ in range(6):
        time.sleep(dice.uniform(0.05, 0.8))
        stack.worker.kill()
        stack.worker.start()
    check_all(stack, org, wire, begun, DAYS)


def test_two_workers_share_due_work(stack, org, wire):
    """Small batches, one of them killed amid it: each period once, and both have done some."""
    small = {"BILLD_BATCH_MAX": 2}
    plan_id = daily(org)
    with stack.without_worker():
        begun = backdated(org, CUSTOMERS, DAYS, plan_id)
        workers = [stack.make_worker(f"worker-due-{number}", **small).start() for number in range(2)]
        try:
            time.sleep(2)
            workers[0].kill()
            check_all(stack, org, wire, begun, DAYS)
            workers[0].start()
        finally:
            for worker in workers:
                worker.end()


def test_commands_and_due_work_mix(stack, org, wire):
    """While a backlog of periods is billed, others' commands are answered, and each takes effect once."""
    begun, plan_id = backdated(org, CUSTOMERS, DAYS), daily(org)
    accepted = []
    for number in range(40):
        customer_id = org.send("POST", "/v1/customers", {"name": f"{number}"})["resource"]["id"]
        accepted.append(org.send("POST", "/v1/subscriptions", {"customer_id": customer_id, "plan_id": plan_id}))
    for answer in accepted:
        assert org.outcome(answer["operation_id"], 60)["status"] == "succeeded"
    eventually(
        lambda: all(len(org.invoices_of(customer_id)) >= DAYS for customer_id, _ in begun), "all is billed", 120, 0.5
    )
    for customer_id, start in begun:
        check_series(org, customer_id, start, DAYS)
