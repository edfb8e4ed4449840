"""Test clocks: their customers' time, how it is advanced, and what is refused meanwhile."""

import pytest
from billing import Clock, Life, charge, documents_of, plan_of
from waiting import eventually

APRIL, MAY, JUNE = "2026-04-01T00:00:00Z", "2026-05-01T00:00:00Z", "2026-06-01T00:00:00Z"
GHOST = "0198a0d2-0000-8000-8000-000000000001"


def test_a_clock_shows_its_time(org):
    """Ready, at the moment that it was made with; in the list with its name."""
    clock_id = org.succeed("POST", "/v1/test-clocks", {"name": "Black Friday", "now": APRIL})
    clock = org.get(f"/v1/test-clocks/{clock_id}")
    assert (clock["name"], clock["status"], clock["now"], clock["target_at"]) == ("Black Friday", "ready", APRIL, None)
    assert org.all("/v1/test-clocks") == [clock]


def test_its_customers_live_in_its_time(org):
    """What they do happens at the clock's moment; what others do, now."""
    clock = Clock(org, APRIL)
    life = Life(org, APRIL, {"amount": 1}, clock=clock)
    customer = life.customer()
    assert (customer["test_clock_id"], customer["created_at"], life.now()["test_clock_id"]) == (
        clock.id, APRIL, clock.id,
    )  # fmt: skip
    assert life.now()["started_at"] == life.invoices()[0]["issued_at"] == APRIL
    other = org.get(f"/v1/customers/{org.customer()}")
    assert other["test_clock_id"] is None and other["created_at"] > JUNE


def test_advancing_is_a_command_like_any(org):
    """202 with the clock as its resource, pending, then succeeded; its events tell of it."""
    life = Life(org, APRIL, {"amount": 100})
    accepted = life.clock.begin_advance(JUNE)
    assert accepted["resource"] == {"type": "test_clock", "id": life.clock.id}
    operation = org.outcome(accepted["operation_id"])
    assert (operation["status"], operation["command"]) == ("succeeded", "advance_test_clock")
    assert operation["completed_at"] >= operation["accepted_at"]
    assert [at for at, _ in life.billed()] == [APRIL, MAY, JUNE] and life.clock.now() == JUNE
    told = [event for event in org.events() if event["subject"] == life.clock.id]
    assert [event["type"] for event in told] == ["billd.test_clock.created.v1", "billd.test_clock.advanced.v1"]
    assert told[-1]["data"] == org.get(life.clock.path)


def test_prefer_wait_waits_for_all_that_falls_due(org):
    """The answer is the clock where it was sent, and the invoices are there."""
    life = Life(org, APRIL, {"amount": 100, "interval": "day"})
    body = {"now": MAY}
    answer = org.request("POST", life.clock.path + "/advance", body, headers={"Prefer": "wait=30"})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["status"], answer.json()["now"]) == ("ready", MAY)
    assert len(life.invoices()) == 31


def test_the_same_advance_again_is_the_same_operation(org):
    """A retry with its Idempotency-Key, while it runs and when it is done: one operation, one effect."""
    life = Life(org, APRIL, {"amount": 100, "interval": "day"})
    headers = {"Idempotency-Key": "advance-1"}
    first = life.clock.begin_advance("2027-04-01T00:00:00Z", headers=headers)
    again = life.clock.begin_advance("2027-04-01T00:00:00Z", headers=headers)
    assert org.outcome(first["operation_id"])["status"] == "succeeded"
    later = life.clock.begin_advance("2027-04-01T00:00:00Z", headers=headers)
    assert first == again == later and len(life.invoices()) == 366


def test_time_only_goes_forward(org):
    """time-not-later for the same moment, an earlier one, and more than two years ahead."""
    clock = Clock(org, APRIL)
    for to in (APRIL, "2026-03-31T23:59:59Z", "2028-04-02T00:00:01Z"):
        org.fail("time-not-later", "POST", clock.path + "/advance", {"now": to})
    assert clock.now() == APRIL
    clock.advance("2028-04-01T00:00:00Z")


def test_nothing_else_changes_while_it_advances(org, stack):
    """test-clock-advancing for commands of its customers and for another advance, until it is ready."""
    clock, plan_id = Clock(org, APRIL), plan_of(org, amount=1, interval="day")
    lives = [Life(org, APRIL, plan_id, clock=clock) for _ in range(20)]
    with stack.without_worker():
        accepted = clock.begin_advance("2028-03-31T00:00:00Z")
        # In the same partition, so they lie behind it.
        commands = [
            ("POST", lives[0].path + "/cancel", None),
            ("POST", lives[1].path + "/change", {"quantity": 2}),
            ("PATCH", f"/v1/customers/{lives[2].customer_id}", {"name": "Other"}),
            ("POST", clock.path + "/advance", {"now": "2028-03-31T00:00:01Z"}),
        ]
        refused = [org.send(*command) for command in commands]
    for answer in refused:
        org.failed(answer["operation_id"], "test-clock-advancing")
    assert org.outcome(accepted["operation_id"], 120)["status"] == "succeeded"
    for life in lives:
        assert len(life.invoices()) == 731 and life.now()["status"] == "active"
    lives[0].do("cancel")


def test_a_clock_is_seen_advancing(org, stack):
    """Its status and target, while the operation is still pending."""
    clock, plan_id = Clock(org, APRIL), plan_of(org, amount=1, interval="day")
    for _ in range(20):
        Life(org, APRIL, plan_id, clock=clock)
    accepted, seen = clock.begin_advance("2028-03-31T00:00:00Z"), []

    def look():
        seen.append(org.get(clock.path))
        return org.operation(accepted["operation_id"])["status"] != "pending"

    eventually(look, "the advance is done", 120, 0.01)
    assert {found["status"] for found in seen} <= {"ready", "advancing"}
    underway = [found for found in seen if found["status"] == "advancing"]
    assert underway and {found["target_at"] for found in underway} == {"2028-03-31T00:00:00Z"}
    assert clock.now() == "2028-03-31T00:00:00Z"


def test_customers_of_one_clock_keep_step(org):
    """Many with plans of their own: each is billed by its own calendar, in the order of time."""
    clock = Clock(org, "2026-01-31T00:00:00Z")
    plans = [{"amount": 1}, {"amount": 2, "interval": "week"}, {"amount": 3, "interval": "day", "interval_count": 30}]
    lives = [Life(org, "", fields, clock=clock) for fields in plans for _ in range(3)]
    clock.advance("2026-05-31T00:00:00Z")
    counts = [len(life.invoices()) for life in lives]
    assert counts == [5] * 3 + [18] * 3 + [5] * 3
    issued = [event["id"] for event in org.events() if event["type"] == "billd.invoice.issued.v1"]
    assert len(issued) == sum(counts)
    for life in lives:
        assert [at for at, _ in life.billed()] == sorted(at for at, _ in life.billed())


def test_clocks_do_not_see_each_other(org):
    """One goes on, the other stays, and so does real time."""
    plan_id = plan_of(org, amount=1)
    first, second = (Life(org, APRIL, plan_id) for _ in range(2))
    real = org.subscription(org.customer(), plan_id)
    first.to("2027-04-01T00:00:00Z")
    assert (len(first.invoices()), len(second.invoices()), second.clock.now()) == (13, 1, APRIL)
    assert org.get(f"/v1/subscriptions/{real}")["status"] == "active"


def test_an_unknown_clock_is_refused(org):
    """For a customer, and to advance."""
    org.fail("test-clock-not-found", "POST", "/v1/customers", {"name": "A", "test_clock_id": GHOST})
    org.fail("test-clock-not-found", "POST", f"/v1/test-clocks/{GHOST}/advance", {"now": MAY})


def test_another_organisations_clock_is_an_unknown_one(stack, org):
    """Neither seen nor used nor moved."""
    clock, other = Clock(org, APRIL), stack.organisation()
    other.refused(404, "not-found", "GET", clock.path)
    other.fail("test-clock-not-found", "POST", clock.path + "/advance", {"now": MAY})
    other.fail("test-clock-not-found", "POST", "/v1/customers", {"name": "A", "test_clock_id": clock.id})
    assert clock.now() == APRIL and other.all("/v1/test-clocks") == []


@pytest.mark.parametrize("now", ["1969-12-31T23:59:59Z", "2200-01-01T00:00:00Z", "2026-04-01", "now", 5])
def test_a_moment_out_of_form_is_refused_at_once(org, now):
    """422 invalid-body."""
    org.refused(422, "invalid-body", "POST", "/v1/test-clocks", {"now": now}, pointers=["/now"])


def test_a_clock_with_nothing_to_do_arrives_at_once(org):
    """No customers: succeeded all the same, again and again."""
    clock = Clock(org, APRIL)
    for to in (MAY, JUNE, "2028-05-31T00:00:00Z"):
        clock.advance(to)


def test_steps_do_not_matter(org):
    """One customer goes a year at once, another day by day through two months and then on: the same documents."""
    plan = {"charges": [charge("flat", "base", "advance", amount=3000), charge("per_unit", unit_amount="3")]}
    plan_id = plan_of(org, **plan)
    once, often = (Life(org, "2026-01-31T10:00:00Z", plan_id, {"timezone": "Europe/Vienna"}) for _ in range(2))
    for life in (once, often):
        life.report("12.5")
    for day in range(1, 29):
        often.clock.advance(f"2026-02-{day:02}T09:00:00Z")
    for life in (once, often):
        life.to("2027-01-31T10:00:00Z")

    def bare(life):
        """Documents without ids, numbers and digests, which are the customer's own."""
        ids = ("id", "customer_id", "subscription_id", "number", "lines", "digest")
        return [
            {name: value for name, value in one.items() if name not in ids}
            | {"lines": [{name: value for name, value in line.items() if name != "id"} for line in one["lines"]]}
            for one in documents_of(life.org, life.customer_id)
        ]

    assert bare(once) == bare(often) and len(bare(once)) == 13
