"""Billing runs twice, at once, paused, resumed, canceled, and beside live commands: each period is billed once."""

from datetime import timedelta

import pytest
from billing import text_of
from client import at_once, slug
from money import GHOST
from planted_runs import listed
from runs import (
    DAY,
    Run,
    Shop,
    ahead,
    check_laws,
    check_report,
    check_same,
    checked_run,
    chunks_in_hand_are_done,
    daily,
    left_due,
    midway,
    rows_of,
    run_of,
    series,
    slow_chunks,
)

pytestmark = pytest.mark.usefixtures("by_hand")


# Twice, and at once


def test_the_same_run_started_twice_is_one(stack, org):
    """By the same Idempotency-Key, at the same time and afterwards."""
    org.subscription(org.customer(), daily(org))
    wish, headers = {"as_of": text_of(ahead(days=3))}, {"Idempotency-Key": "close-of-business"}
    start = lambda: org.twin().send("POST", "/v1/billing-runs", wish, headers=headers)  # noqa: E731
    answers = at_once(*[start] * 4)
    run = Run(org, wish["as_of"], headers=headers)
    assert {answer["resource"]["id"] for answer in answers} == {run.id}
    report = run.over()
    check_report(stack, org, run, report)
    assert Run(org, wish["as_of"], headers=headers).over() == report
    assert org.all("/v1/billing-runs") == [listed(report)] and report["invoiced"] == 3


def test_runs_at_once_bill_each_period_once(stack, wire):
    """Three of the same moment, a later one and a dry one: between them they bill all, nobody twice."""
    shop, start = Shop(stack, wire), ahead(hours=2)
    org = shop.org
    shop.fill(200, start)
    to = start + timedelta(days=2, hours=1)
    with slow_chunks(stack, 0.1):
        runs = [Run(org, as_of, dry_run=dry) for as_of, dry in ((to, False), (to, False), (to + DAY, False), (to, True),
                                                                (to, False))]  # fmt: skip
        reports = [run.over() for run in runs]
    real = [(run, report) for run, report in zip(runs, reports, strict=True) if not report["dry_run"]]
    for run, report in real:
        check_report(stack, org, run, report)
        assert report["failed"] == 0
    assert sum(report["invoiced"] for _, report in real) == 200 * 4
    assert left_due(stack, org, to + DAY) == []
    check_laws(stack, org)


# Pause, resume, cancel


def test_a_run_is_paused_and_goes_on(stack, wire):
    """Midway: nothing moves while it is paused; resumed, it does the rest, and its report is of all of it."""
    shop, start = Shop(stack, wire), ahead(hours=2)
    org, to = shop.org, start + timedelta(hours=1)
    shop.fill(300, start)
    _, dry = run_of(org, to, dry_run=True)
    with slow_chunks(stack):
        run = Run(org, to).started()
        midway(run)
        run.move("pause")
        chunks_in_hand_are_done(stack)
        count = "SELECT count(*) FROM billd.invoices"
        before = rows_of(stack, org, count)
        paused = run.now()
        assert paused["status"] == "paused" and 0 < before[0][0] < 300, before
        other = org.customer()  # others' commands go on
        org.subscription(other, shop.plan_ids[0])
        assert rows_of(stack, org, count)[0][0] == before[0][0] + 1 and run.now()["status"] == "paused"
        assert (run.now()["done"], run.now()["finished_at"]) == (paused["done"], None)
        run.move("resume")
    report = run.over()
    check_report(stack, org, run, report)
    check_same(dry, report)
    check_laws(stack, org)


def test_a_run_is_canceled(stack, wire):
    """What it has done stays done, the rest is left to the next; it never moves again."""
    shop, start = Shop(stack, wire), ahead(hours=2)
    org, to = shop.org, start + timedelta(hours=1)
    shop.fill(300, start)
    with slow_chunks(stack):
        run = Run(org, to).started()
        midway(run)
        run.move("cancel")
        chunks_in_hand_are_done(stack)
    report = run.over()
    assert report["status"] == "canceled" and report["finished_at"] is not None
    done = rows_of(stack, org, "SELECT count(*) FROM billd.invoices WHERE billing_run_id = %s", run.id)[0][0]
    assert 0 < done < 300
    for verb in ("pause", "resume", "cancel"):
        problem = org.outcome(org.send("POST", f"{run.path}/{verb}")["operation_id"])
        assert problem["status"] == "failed", (verb, problem)
    _, rest = checked_run(stack, org, to)
    assert rest["invoiced"] == 300 - done and left_due(stack, org, to) == []
    assert rest["previous"] is None
    check_laws(stack, org)


# Beside live commands


def test_commands_on_the_same_customers_meanwhile(stack, wire):
    """Cancellations, changes, credits and pauses while a run goes over them: nobody is billed twice or forgotten."""
    shop, start = Shop(stack, wire), ahead(days=-1, hours=2)
    org, to = shop.org, ahead(days=2)
    mass = shop.fill(240, start)
    ways = [
        lambda one: ("POST", f"/v1/subscriptions/{one[1]}/cancel"),
        lambda one: ("POST", f"/v1/subscriptions/{one[1]}/change", {"quantity": 33}),
        lambda one: ("POST", f"/v1/customers/{one[0]}/credits", {"amount": 99, "description": "Sorry"}),
        lambda one: ("POST", f"/v1/subscriptions/{one[1]}/pause"),
        None,  # left alone
    ]
    chosen = [(one, ways[number % len(ways)]) for number, one in enumerate(mass.members)]
    with slow_chunks(stack, 0.1):
        run = Run(org, to).started()
        midway(run)
        told = [way(one) for one, way in chosen if way]
        for answer in org.in_parallel([lambda client, told=one: client.send(*told) for one in told]):
            assert org.outcome(answer["operation_id"])["status"] == "succeeded"
    report = run.over()
    check_report(stack, org, run, report)
    assert report["failed"] == 0
    assert left_due(stack, org, to) == []
    check_laws(stack, org)
    for customer_id, _ in (one for one, way in chosen if not way):
        assert len(series(org, customer_id)) == 3


# What is refused


def test_what_a_run_is_already_is_refused(stack, org):
    """Paused twice, resumed twice: all before a worker comes to the run itself."""
    with stack.without_worker():
        path = f"/v1/billing-runs/{org.send('POST', '/v1/billing-runs', {})['resource']['id']}"
        sent = [org.send("POST", f"{path}/{verb}")["operation_id"] for verb in ("pause", "pause", "resume", "resume")]
    outcomes = [org.outcome(one, 60) for one in sent]
    assert [one["status"] for one in outcomes] == ["succeeded", "failed"] * 2
    assert [slug(one["error"]) for one in outcomes[1::2]] == ["billing-run-not-running", "billing-run-not-paused"]


def test_so_many_runs_may_be_open(stack, org):
    """Ten, running or paused; not one more until one is over."""
    with stack.without_worker():
        sent = [org.send("POST", "/v1/billing-runs", {}) for _ in range(11)]
        paused = [org.send("POST", f"/v1/billing-runs/{sent[0]['resource']['id']}/pause")]
    outcomes = [org.outcome(one["operation_id"], 60) for one in sent + paused]
    assert [one["status"] for one in outcomes] == ["succeeded"] * 10 + ["failed", "succeeded"]
    assert slug(outcomes[10]["error"]) == "billing-runs-open"


def test_what_a_run_cannot_be(org):
    """Refused at once, or by the rules."""
    org.refused(422, "invalid-body", "POST", "/v1/billing-runs", {"invoices_max": 0}, ["/invoices_max"])
    org.refused(422, "invalid-body", "POST", "/v1/billing-runs", {"as_of": "soon"}, ["/as_of"])
    late = org.send("POST", "/v1/billing-runs", {"as_of": text_of(ahead(days=367))})
    assert org.outcome(late["operation_id"])["status"] == "failed"
    org.refused(404, "not-found", "GET", f"/v1/billing-runs/{GHOST}")
    unknown = org.send("POST", f"/v1/billing-runs/{GHOST}/pause")
    assert org.outcome(unknown["operation_id"])["status"] == "failed"
    run, _ = run_of(org, ahead(days=366, minutes=-1))
    for verb in ("pause", "resume", "cancel"):
        assert org.outcome(org.send("POST", f"{run.path}/{verb}")["operation_id"])["status"] == "failed", verb
