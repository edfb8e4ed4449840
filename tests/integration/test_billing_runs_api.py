"""Billing runs over HTTP: what is asked for and refused, and what a report looks like."""

import json
import re
import time
import uuid
from urllib.parse import urlparse

import pytest
from planted_runs import (
    EVENTS,
    GHOST,
    NAMES,
    RUNS,
    WHOLE,
    Follow,
    finished,
    listed,
    path_of,
    plant_part,
    plant_plans,
    plant_sums,
    planted,
    sums,
    write,
)
from waiting import PATIENCE

# What is asked for


def test_a_run_is_started_and_shown(org):
    """202 with its place; a report with every field; the list has it."""
    answer = org.request("POST", RUNS, {})
    assert answer.status_code == 202, answer.text
    accepted = answer.json()
    assert accepted["resource"]["type"] == "billing_run"
    assert urlparse(answer.headers["Location"]).path == f"/v1/operations/{accepted['operation_id']}"
    operation = org.outcome(accepted["operation_id"])
    assert (operation["command"], operation["status"]) == ("start_billing_run", "succeeded")
    run = finished(org, accepted["resource"]["id"])
    assert set(run) == NAMES
    assert (run["trigger"], run["dry_run"], run["invoices_max"], run["books"]) == ("request", False, 100, "balanced")
    assert run["as_of"] == run["created_at"] == run["started_at"] == operation["accepted_at"]
    assert (run["due"], run["invoiced"], run["failed"], run["totals"], run["plans"]) == (0, 0, 0, [], [])
    assert run["amount_by_currency"] == {} and run["previous"] is None and run["first_invoices"] == []
    assert run["parts"]["all"] == run["parts"]["begun"] == run["parts"]["finished"] > 0
    assert org.all(RUNS) == [listed(run)] and org.all(path_of(run["id"]) + "/failures") == []


def test_it_is_made_at_once_for_who_waits(org):
    """201 with the run, where it was asked for; the wish is kept."""
    wish = {"as_of": "2026-02-01T12:00:00+02:00", "dry_run": True, "invoices_max": 1}
    answer = org.request("POST", RUNS, wish, headers={"Prefer": "wait=10"})
    assert answer.status_code == 201, answer.text
    run = answer.json()
    assert urlparse(answer.headers["Location"]).path == path_of(run["id"])
    assert (run["as_of"], run["dry_run"], run["invoices_max"]) == ("2026-02-01T10:00:00Z", True, 1)
    assert finished(org, run["id"])["books"] is None


def test_the_same_request_again_is_the_same_run(org):
    headers = {"Idempotency-Key": "nightly"}
    first, second = (org.send("POST", RUNS, {}, headers=headers) for _ in range(2))
    assert first == second
    assert [run["id"] for run in org.all(RUNS)] in ([], [first["resource"]["id"]])
    finished(org, first["resource"]["id"])
    assert len(org.all(RUNS)) == 1
    org.refused(422, "idempotency-key-reused", "POST", RUNS, {"dry_run": True}, headers=headers)


def test_runs_are_listed_newest_first(stack, org):
    """Page by page, of one size and another; each is there once."""
    made = [planted(stack, org, at=at) for at in (1, 2, 2, 3, 5)]
    for limit in (1, 2, 100):
        listed = [run["id"] for run in org.all(RUNS, limit)]
        assert sorted(listed) == sorted(made) and listed[0] == made[4] and listed[4] == made[0]
        assert listed[1] == made[3] and set(listed[2:4]) == set(made[1:3])


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({"as_of": "yesterday"}, ["/as_of"]),
        ({"as_of": "2026-02-30T00:00:00Z"}, ["/as_of"]),
        ({"as_of": 1769851815}, ["/as_of"]),
        ({"as_of": "9999-12-31T23:59:59Z"}, ["/as_of"]),
        ({"dry_run": "yes"}, ["/dry_run"]),
        ({"dry_run": None}, ["/dry_run"]),
        ({"invoices_max": 0}, ["/invoices_max"]),
        ({"invoices_max": 1001}, ["/invoices_max"]),
        ({"invoices_max": 1.5}, ["/invoices_max"]),
        ({"asof": "2026-01-01T00:00:00Z"}, ["/asof"]),
        ({"trigger": "schedule", "invoices_max": -1}, ["/invoices_max", "/trigger"]),
    ],
    ids=str,
)
def test_what_is_no_wish_is_refused_at_once(org, body, pointers):
    org.refused(422, "invalid-body", "POST", RUNS, body, pointers)
    assert org.all(RUNS) == []


def test_a_run_ahead_has_its_bounds(org):
    """Some months ahead is fine; more than a year is refused, and leaves nothing."""
    soon = time.strftime("%Y-%m-%dT00:00:00Z", time.gmtime(time.time() + 300 * 86400))
    far = time.strftime("%Y-%m-%dT00:00:00Z", time.gmtime(time.time() + 400 * 86400))
    org.fail("as-of-too-far-ahead", "POST", RUNS, {"as_of": far})
    assert org.all(RUNS) == []
    assert finished(org, org.succeed("POST", RUNS, {"as_of": soon, "dry_run": True}))["as_of"] == soon


@pytest.mark.parametrize("run_id", [GHOST, "x", GHOST + "0"])
def test_a_run_that_is_not_there(org, run_id):
    for path in (path_of(run_id), path_of(run_id) + "/failures"):
        org.refused(404, "not-found", "GET", path)
    org.refused(404, "not-found", "GET", path_of(run_id), headers={"Accept": EVENTS})
    for verb in ("pause", "resume", "cancel"):
        if run_id == GHOST:
            org.fail("billing-run-not-found", "POST", f"{path_of(run_id)}/{verb}")
        else:
            org.refused(404, "not-found", "POST", f"{path_of(run_id)}/{verb}")


def test_anothers_run_is_not_there(stack, org):
    other = stack.organisation()
    run_id = planted(stack, other)
    plant_part(stack, other, run_id)
    before = other.get(path_of(run_id))
    org.refused(404, "not-found", "GET", path_of(run_id))
    org.refused(404, "not-found", "GET", path_of(run_id) + "/failures")
    org.refused(404, "not-found", "GET", path_of(run_id), headers={"Accept": EVENTS})
    for verb in ("pause", "resume", "cancel"):
        org.fail("billing-run-not-found", "POST", f"{path_of(run_id)}/{verb}")
    assert org.all(RUNS) == [] and other.get(path_of(run_id)) == before


def test_who_may_what(stack):
    """A viewer sees runs and follows them; starting and moving them takes a right to bill."""
    team = stack.team()
    run_id = planted(stack, team.owner)
    for viewer in (team.keys["viewer"], team.members["viewer"]):
        assert viewer.get(path_of(run_id))["id"] == viewer.all(RUNS)[0]["id"] == run_id
        viewer.refused(403, "forbidden", "POST", RUNS, {})
        for verb in ("pause", "resume", "cancel"):
            viewer.refused(403, "forbidden", "POST", f"{path_of(run_id)}/{verb}")
        with Follow(viewer, run_id) as stream:
            assert stream.next()["data"]["id"] == run_id
    stack.stranger().refused(401, "unauthorized", "GET", path_of(run_id), headers={"Accept": EVENTS})
    team.keys["billing"].succeed("POST", f"{path_of(run_id)}/cancel")


def test_how_a_run_is_moved(stack, org):
    """Each from where it may be; what it was refused changes nothing."""
    run_id = planted(stack, org)
    path = path_of(run_id)
    org.fail("billing-run-not-running", "POST", f"{path}/pause")
    assert org.succeed("POST", f"{path}/cancel") == run_id
    run = org.get(path)
    assert run["status"] == "canceled" and run["finished_at"] == run["updated_at"] > run["created_at"]
    for verb in ("pause", "resume", "cancel"):
        org.fail("billing-run-final", "POST", f"{path}/{verb}")
    assert org.get(path) == run
    going = planted(stack, org)
    org.succeed("POST", f"{path_of(going)}/resume")
    finished(org, going)
    assert [event["type"] for event in org.events() if event["subject"] == going] == [
        "billd.billing_run.resumed.v1", "billd.billing_run.finished.v1",
    ]  # fmt: skip


def test_a_move_takes_no_body(stack, org):
    path = f"{path_of(planted(stack, org))}/pause"
    org.refused(422, "invalid-body", "POST", path, {"billing_run_id": GHOST}, ["/billing_run_id"])


# The report


def test_a_report_while_it_is_on_its_way(stack, org):
    """Counts and sums are those of the parts by now, in any order; what passes 64 bits is told as none."""
    run_id = planted(stack, org)
    one, other = sorted(str(uuid.uuid4()) for _ in range(2))
    for part in (0, 1):
        plant_part(stack, org, run_id, part, done=part)
    plant_sums(stack, org, run_id, 0, other, "USD", 2, 100, 10, 9, 99, 0, 99)
    plant_sums(stack, org, run_id, 0, one, "USD", 1, 9223372036854775807, 0, 0, 1, 0, 1)
    plant_sums(stack, org, run_id, 1, other, "USD", 3, 200, 0, 1, 201, 1, 200)
    plant_sums(stack, org, run_id, 1, one, "EUR", 1, 5, 0, 0, 5, 0, 5)
    run = org.get(path_of(run_id))
    assert (run["due"], run["done"], run["invoiced"], run["failed"]) == (14, 1, 10, 4)
    assert run["totals"] == [sums("EUR", 1, 5, 0, 0, 5, 0, 5), sums("USD", 6, None, 10, 10, 301, 1, 300)]
    assert run["amount_by_currency"] == {"EUR": 5, "USD": 301}
    assert run["plans"] == [
        {"plan_id": one} | sums("EUR", 1, 5, 0, 0, 5, 0, 5),
        {"plan_id": one} | sums("USD", 1, 9223372036854775807, 0, 0, 1, 0, 1),
        {"plan_id": other} | sums("USD", 5, 300, 10, 10, 300, 1, 299),
    ]
    assert run["previous"] is None and run["parts"]["begun"] == 2 and run["parts"]["finished"] == 0


def test_what_is_different_to_the_run_before(stack, org):
    """The last real one that was finished by then, whatever else there was; by currency and by plan."""
    plan_id = str(uuid.uuid4())
    before = [sums("EUR", 1, 50, 0, 0, 50, 0, 50), sums("USD", 2, 200, 0, 0, 200, 0, None)]
    after = [sums("USD", 3, 150, 0, 0, 150, 0, 150)]
    first = planted(stack, org, "finished", at=1, totals=before, books="balanced")
    planted(stack, org, "finished", at=2, dry_run=True, totals=after)
    planted(stack, org, "canceled", at=3)
    second = planted(stack, org, "finished", at=4, dry_run=True, totals=after)
    for run_id, amount in ((first, 200), (second, 150)):
        plant_part(stack, org, run_id)
        plant_sums(stack, org, run_id, 0, plan_id, "USD", 2, amount, 0, 0, amount, 0, amount)
    assert org.get(path_of(first))["previous"] is None
    assert org.get(path_of(second))["previous"] == {
        "id": first,
        "as_of": "2026-01-01T00:00:00Z",
        "totals": [sums("EUR", -1, -50, 0, 0, -50, 0, -50), sums("USD", 1, -50, 0, 0, -50, 0, None)],
        "plans": [{"plan_id": plan_id} | sums("USD", 0, -50, 0, 0, -50, 0, -50)],
    }
    # Of a run that is finished the row counts, which its event has told.
    assert org.get(path_of(second))["totals"] == after and org.get(path_of(second))["invoiced"] == 0


def test_the_first_invoices_of_all_parts(stack, org):
    """The first twenty by when they would be issued, whichever part has them."""
    run_id = planted(stack, org, dry_run=True)
    for part in (0, 1):
        days = [f"2026-01-{day:02}T00:00:00Z" for day in range(1 + part, 31, 2)]
        plant_part(stack, org, run_id, part, first=[{"issued_at": day, "subscription_id": GHOST} for day in days])
    shown = [invoice["issued_at"] for invoice in org.get(path_of(run_id))["first_invoices"]]
    assert shown == [f"2026-01-{day:02}T00:00:00Z" for day in range(1, 21)]


def test_a_list_shows_no_plan(stack, org):
    """So it is there however many plans there are; its sums are those of each."""
    made = [planted(stack, org, status, at=at) for at, status in enumerate(["paused", "canceled", "finished"] * 8, 1)]
    for run_id in made:
        plant_plans(stack, org, run_id, 1000)
    began = time.monotonic()
    answer = org.get(RUNS, params={"limit": 100})
    assert time.monotonic() - began < 2 * PATIENCE
    assert [run["id"] for run in answer["data"]] == made[::-1] and answer["next_cursor"] is None
    assert len(json.dumps(answer)) < 64 * 1024
    for run in answer["data"][:3]:
        assert set(run) == NAMES - WHOLE
        whole = org.get(path_of(run["id"]))
        assert listed(whole) == run and len(whole["plans"]) == 1000
    assert answer["data"][1]["totals"] == [sums("EUR", 16000, 1600000, 0, 0, 1600000, 0, 1600000)]


def test_whether_a_run_is_there_adds_nothing_up(stack, org):
    """A page of failures looks at the run's row and at no sum; the look of the streams at its parts as well."""
    run_id = planted(stack, org)
    plant_plans(stack, org, run_id, 10)

    def tables(columns):
        with stack.connect("api", organisation_id=org.organisation_id) as connection:
            rows = connection.execute(
                f"EXPLAIN SELECT {columns} FROM api.billing_run_summaries WHERE organisation_id = %s AND id = %s",
                (org.organisation_id, run_id),
            )  # fmt: skip
            return {name for (line,) in rows for name in re.findall(r"\bon (billing_\w+?)(?:_pkey)?\b", line)}

    assert tables("id") == {"billing_runs"}
    assert tables("mark") == {"billing_runs", "billing_run_parts"}
    assert tables("json") == {"billing_runs", "billing_run_parts", "billing_run_totals"}


def test_failures_are_listed(stack, org):
    """Page by page, each once, by subscription; of this run alone."""
    run_id, other = planted(stack, org), planted(stack, org)
    subscriptions = sorted((str(uuid.uuid4()) for _ in range(7)), reverse=True)
    for one in (run_id, other):
        plant_part(stack, org, one)
    insert = "INSERT INTO billd.billing_run_failures VALUES (%s, %s, %s, 0, %s, '2026-01-01T00:00:00Z', %s, %s)"
    for number, subscription_id in enumerate(subscriptions):
        more = ("billing-behind", "how far") if number else ("currency-mismatch", None)
        write(stack, org, insert, org.organisation_id, run_id, subscription_id, GHOST, *more)
    write(stack, org, insert, org.organisation_id, other, GHOST, GHOST, "dead-letter", None)
    for limit in (1, 3, 7, 100):
        listed = org.all(path_of(run_id) + "/failures", limit)
        assert [failure["subscription_id"] for failure in listed] == subscriptions
    names = {"subscription_id", "customer_id", "due_at", "reason", "detail", "failed_at"}
    assert all(set(failure) == names and failure["due_at"] == "2026-01-01T00:00:00Z" for failure in listed)
    assert [(failure["reason"], failure["detail"]) for failure in listed[:2]] == [
        ("currency-mismatch", None), ("billing-behind", "how far"),
    ]  # fmt: skip
    cursor = org.get(path_of(run_id) + "/failures", params={"limit": 2})["next_cursor"]
    org.refused(400, "bad-cursor", "GET", RUNS, params={"cursor": cursor})
    assert len(org.all(path_of(other) + "/failures")) == 1
