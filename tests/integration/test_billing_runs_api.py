"""Billing runs over HTTP: what is asked for and refused, what a report looks like, and the stream of one."""

import contextlib
import json
import os
import re
import signal
import socket
import time
import uuid
from urllib.parse import urlparse

import pytest
import raw
from client import new_session
from waiting import PATIENCE, eventually
from wire import shard_of

RUNS = "/v1/billing-runs"
GHOST = "0198a0d2-0000-8000-8000-000000000001"
EVENTS = "text/event-stream"
OF_ORGANISATION = 64  # streams of one organisation at once, api/stream.h
NAMES = {
    "id", "as_of", "dry_run", "invoices_max", "trigger", "status", "due", "done", "invoiced", "failed",
    "amount_by_currency", "totals", "plans", "previous", "first_invoices", "digest", "books", "parts", "started_at",
    "created_at", "updated_at", "finished_at",
}  # fmt: skip
WHOLE = {"plans", "previous", "first_invoices"}  # only of a single one
SUMS = ("invoices", "subtotal", "discount", "tax", "total", "credit_applied", "amount_due")


def path_of(run_id):
    return f"{RUNS}/{run_id}"


def finished(org, run_id):
    def look():
        run = org.get(path_of(run_id))
        return run if run["status"] == "finished" else None

    return eventually(look, f"billing run {run_id} is finished", 60, 0.1)


# Rows, as a worker would leave them: a run that is paused stays as it is


def write(stack, org, statement, *parameters):
    with stack.connect(organisation_id=org.organisation_id) as connection:
        assert connection.execute(statement, parameters).rowcount > 0, statement


def planted(stack, org, status="paused", at=1, dry_run=False, totals=(), books=None):
    """A run's row; `at`: its place in time."""
    run_id = str(uuid.uuid4())
    write(
        stack, org,
        "INSERT INTO billd.billing_runs VALUES (%s, %s, %s, '2026-01-01T00:00:00Z', %s, 100, 'request', %s, 0, 0, 0, 0,"
        " %s::jsonb, NULL, %s, %s * 1000, to_timestamp(%s), to_timestamp(%s),"
        " CASE WHEN %s IN ('canceled', 'finished') THEN to_timestamp(%s + 100) END)",
        org.organisation_id, run_id, shard_of(org.organisation_id), dry_run, status, json.dumps(totals), books,
        at, at, at, status, at,
    )  # fmt: skip
    return run_id


def plant_part(stack, org, run_id, part=0, done=0, first=()):
    write(
        stack, org,
        "INSERT INTO billd.billing_run_parts (organisation_id, run_id, part, shard, due, done, invoiced, failed,"
        " first_invoices) VALUES (%s, %s, %s, %s, 7, %s, 5, 2, %s::jsonb)",
        org.organisation_id, run_id, part, part, done, json.dumps(first),
    )  # fmt: skip


def plant_sums(stack, org, run_id, part, plan_id, currency, *sums):
    write(
        stack, org, f"INSERT INTO billd.billing_run_totals VALUES (%s, %s, %s, %s, %s{', %s' * len(SUMS)})",
        org.organisation_id, run_id, part, plan_id, currency, *sums,
    )  # fmt: skip


def move(stack, org, run_id, done):
    """A chunk was done."""
    write(stack, org, "UPDATE billd.billing_run_parts SET done = %s WHERE run_id = %s", done, run_id)


def end_run(stack, org, run_id, status="finished"):
    write(
        stack, org, "UPDATE billd.billing_runs SET status = %s, finished_at = now() WHERE id = %s", status, run_id
    )  # fmt: skip


def plant_plans(stack, org, run_id, plans, parts=16):
    """As many plans, each with sums in each part."""
    write(
        stack, org,
        "INSERT INTO billd.billing_run_parts (organisation_id, run_id, part, shard, due, done, invoiced, failed)"
        " SELECT %s, %s, part, part, 7, 0, 5, 2 FROM generate_series(0, %s - 1) part",
        org.organisation_id, run_id, parts,
    )  # fmt: skip
    write(
        stack, org,
        "INSERT INTO billd.billing_run_totals"
        " SELECT %s, %s, part, md5(plan::text)::uuid, 'EUR', 1, 100, 0, 0, 100, 0, 100"
        " FROM generate_series(0, %s - 1) part, generate_series(1, %s) plan",
        org.organisation_id, run_id, parts, plans,
    )  # fmt: skip


def listed(run):
    """What the list shows of it."""
    return {name: run[name] for name in run if name not in WHOLE}


def sums(currency, *numbers):
    return {"currency": currency} | dict(zip(SUMS, numbers, strict=True))


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


# The stream


class Follow:
    """Somebody who follows a run: its events, one after the other."""

    def __init__(self, client, run_id, last=None):
        self.session = new_session()
        headers = {"Authorization": f"Bearer {client.key}", "Accept": EVENTS} | client.headers
        if last:
            headers["Last-Event-ID"] = last
        url = client.url + path_of(run_id)
        self.answer = self.session.get(url, headers=headers, stream=True, timeout=20 * PATIENCE)
        assert self.answer.status_code == 200, self.answer.text
        assert self.answer.headers["Content-Type"] == EVENTS and self.answer.headers["Cache-Control"] == "no-store"
        assert self.answer.headers["X-Request-Id"]
        self.lines = self.answer.iter_lines(chunk_size=1, decode_unicode=True)
        self.beats, self.retry = 0, None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.session.close()
        self.answer.close()

    def next(self):
        """The next event, or None at the end of the answer."""
        event = {}
        for line in self.lines:
            name, _, value = line.partition(": ")
            if line.startswith(":"):
                self.beats += 1
            elif name == "retry":
                self.retry = int(value)
            elif line:
                assert name in ("event", "id", "data") and name not in event, line
                event[name] = value
            elif event:
                assert event["event"] == "billing_run" and event["id"]
                return event | {"data": json.loads(event["data"])}
        assert not event, "an event that was cut off"
        return None

    def beat(self):
        """Wait for a sign of life that tells nothing."""
        before = self.beats
        for line in self.lines:
            assert not line or line.startswith(":"), line
            self.beats += line.startswith(":")
            if self.beats > before:
                return


def test_a_stream_tells_what_is_there_and_what_becomes_of_it(stack, org):
    """At once, after each change, and no more than that; a finished run ends it."""
    run_id = planted(stack, org)
    plant_part(stack, org, run_id)
    with Follow(org, run_id) as stream:
        first = stream.next()
        assert 1000 <= stream.retry < 2000 and first["data"] == org.get(path_of(run_id))
        seen = [first]
        for done in (3, 6):
            move(stack, org, run_id, done)
            changed, began = stream.next(), time.monotonic()
            assert changed["data"] == org.get(path_of(run_id)) and changed["data"]["done"] == done
            assert time.monotonic() - began < 3 * PATIENCE
            seen.append(changed)
        end_run(stack, org, run_id)
        last = stream.next()
        assert last["data"]["status"] == "finished" and last["data"] == org.get(path_of(run_id))
        assert stream.next() is None
        assert len({event["id"] for event in [*seen, last]}) == 4


def test_a_stream_of_what_is_over_ends_at_once(stack, org):
    for status in ("finished", "canceled"):
        with Follow(org, planted(stack, org, status)) as stream:
            assert stream.next()["data"]["status"] == status
            assert stream.next() is None


def test_a_canceled_run_ends_its_stream(stack, org):
    run_id = planted(stack, org)
    with Follow(org, run_id) as stream:
        assert stream.next()["data"]["status"] == "paused"
        org.succeed("POST", f"{path_of(run_id)}/cancel")
        assert stream.next()["data"]["status"] == "canceled" and stream.next() is None


def test_a_quiet_stream_shows_that_it_lives(stack, org):
    """While nothing changes there are comments, and no event; then there is one again."""
    run_id = planted(stack, org)
    plant_part(stack, org, run_id)
    with Follow(org, run_id) as stream:
        stream.next()
        began = time.monotonic()
        stream.beat(), stream.beat()
        assert 5 < time.monotonic() - began < 15 * PATIENCE
        move(stack, org, run_id, 1)
        assert stream.next()["data"]["done"] == 1


def test_whoever_comes_again_goes_on(stack, org):
    """A stream that was lost is no loss: the next one begins with what is there, by the same name if it is the same."""
    run_id = planted(stack, org)
    plant_part(stack, org, run_id)
    with Follow(org, run_id) as stream:
        first = stream.next()
    with Follow(org, run_id, last=first["id"]) as stream:
        assert stream.next() == first
    move(stack, org, run_id, 5)
    with Follow(org, run_id, last=first["id"]) as stream:
        again = stream.next()
        assert again["data"]["done"] == 5 and again["id"] != first["id"]


def test_two_follow_the_same_and_others_follow_others(stack, org):
    """Each sees its own, whichever organisation it is of."""
    other = stack.organisation()
    mine, theirs = planted(stack, org), planted(stack, other)
    plant_part(stack, org, mine), plant_part(stack, other, theirs)
    with Follow(org, mine) as a, Follow(org, mine) as b, Follow(other, theirs) as c:
        assert [stream.next()["data"]["id"] for stream in (a, b, c)] == [mine, mine, theirs]
        move(stack, org, mine, 2)
        assert [stream.next()["data"]["done"] for stream in (a, b)] == [2, 2]
        move(stack, other, theirs, 4)
        told = c.next()["data"]
        assert (told["id"], told["done"]) == (theirs, 4)


def test_what_one_follows_delays_no_other(stack, org):
    """One organisation follows as much as it may, all of it large and moving; another's run is told in time."""
    other = stack.organisation()
    theirs = planted(stack, other)
    plant_part(stack, other, theirs)
    large = [planted(stack, org, at=at) for at in range(1, 25)]
    for run_id in large:
        plant_plans(stack, org, run_id, 2000)
    with contextlib.ExitStack() as streams:
        for run_id in large:
            streams.enter_context(Follow(org, run_id))
        small = streams.enter_context(Follow(other, theirs))
        assert small.next()["data"]["done"] == 0
        for done in range(1, 6):
            write(
                stack, org, "UPDATE billd.billing_run_parts SET done = %s WHERE organisation_id = %s",
                done, org.organisation_id,
            )  # fmt: skip
            move(stack, other, theirs, done)
            began = time.monotonic()
            assert small.next()["data"]["done"] == done
            assert time.monotonic() - began < 3 * PATIENCE
        one = streams.enter_context(Follow(other, theirs))
        began = time.monotonic()
        assert one.next()["data"]["done"] == 5
        assert time.monotonic() - began < 2 * PATIENCE


def test_what_cannot_be_read_in_time_delays_no_other(stack, org):
    """A run whose sums are locked away is left alone; others of the same organisation are told meanwhile."""
    other = stack.organisation()
    stuck, fine, theirs = planted(stack, org), planted(stack, org), planted(stack, other)
    for whose, run_id in ((org, stuck), (org, fine), (other, theirs)):
        plant_part(stack, whose, run_id)
    with Follow(org, stuck) as one, Follow(org, fine) as two, Follow(other, theirs) as three:
        assert all(stream.next() for stream in (one, two, three))
        with stack.connect("owner") as connection, connection.transaction():
            connection.execute("LOCK TABLE billd.billing_run_totals IN ACCESS EXCLUSIVE MODE")
            with stack.connect(organisation_id=org.organisation_id) as mover:
                mover.execute("UPDATE billd.billing_run_parts SET done = 3 WHERE run_id = %s", (stuck,))
            time.sleep(4)
            began = time.monotonic()
        move(stack, other, theirs, 4)
        assert three.next()["data"]["done"] == 4
        move(stack, org, fine, 5)
        assert two.next()["data"]["done"] == 5
        assert time.monotonic() - began < 15 * PATIENCE


def test_a_run_is_followed_from_its_start_to_its_end(org):
    """What the worker does is seen; the last event is the report."""
    run_id = org.succeed("POST", RUNS, {})
    with Follow(org, run_id) as stream:
        events = []
        while event := stream.next():
            events.append(event)
    assert events[-1]["data"] == finished(org, run_id)


@pytest.mark.parametrize(
    ("accept", "streams"),
    [
        ("application/json", False),
        ("*/*", False),
        ("text/*", False),
        ("text/event-stream;q=0", False),
        ("TEXT/event-stream", True),
        ("application/json;q=0.5, text/event-stream", True),
        ("application/json, text/event-stream;q=0.1", False),
    ],
)
def test_who_gets_a_stream(stack, org, accept, streams):
    path = path_of(planted(stack, org, "finished"))
    answer = org.request("GET", path, headers={"Accept": accept})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == (EVENTS if streams else "application/json")
    assert answer.headers["Vary"] == "Accept"
    head = org.request("HEAD", path, headers={"Accept": accept})
    assert head.headers["Content-Type"] == "application/json" and not head.content


def test_a_stream_takes_no_arguments(stack, org):
    path = path_of(planted(stack, org))
    org.refused(400, "bad-parameter", "GET", path, headers={"Accept": EVENTS}, params={"limit": 1})


def test_a_plain_connection_goes_on_behind_a_stream(stack, org):
    """The answer has an end, and the next request on the connection its answer; HTTP/1.0 is closed instead."""
    path = path_of(planted(stack, org, "finished")).encode()
    asked = b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n" + raw.bearer(org) + b"\r\n\r\n"
    address = ("127.0.0.1", urlparse(org.url).port)
    with socket.create_connection(address, timeout=20) as connection:
        connection.sendall(asked + b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        got = read_all(connection)
        assert got.count(b"HTTP/1.1 200") == 2 and b"Transfer-Encoding: chunked" in got and got.endswith(b'"ok"}')
    with socket.create_connection(address, timeout=20) as connection:
        connection.sendall(asked.replace(b"HTTP/1.1", b"HTTP/1.0"))
        got = read_all(connection)
        assert b"chunked" not in got and got.endswith(b"}\n\n") and b"event: billing_run\n" in got


def read_all(connection):
    pieces = []
    while piece := connection.recv(65536):
        pieces.append(piece)
    return b"".join(pieces)


def test_a_revoked_key_ends_its_streams(stack, org):
    """Within seconds; those of another key go on."""
    run_id = planted(stack, org)
    plant_part(stack, org, run_id)
    made = org.made("/v1/api-keys", {"name": "watch", "role": "viewer"})
    with Follow(org.known_as(made["key"]), run_id) as stream, Follow(org, run_id) as stays:
        stream.next(), stays.next()
        org.done("DELETE", f"/v1/api-keys/{made['id']}")
        began = time.monotonic()
        assert stream.next() is None
        assert time.monotonic() - began < 5 * PATIENCE
        move(stack, org, run_id, 1)
        assert stays.next()["data"]["done"] == 1


def test_a_member_who_leaves_sees_no_more(stack):
    team = stack.team()
    run_id = planted(stack, team.owner)
    with Follow(team.members["viewer"], run_id) as stream:
        stream.next()
        team.owner.done("DELETE", f"/v1/organisations/{team.organisation_id}/members/{team.people['viewer'].id}")
        assert stream.next() is None


def test_streams_have_a_limit(stack, org):
    """Of one organisation; others are not touched, nor are its other requests. Whoever goes makes room."""
    run_id = planted(stack, org)
    streams = [Follow(org, run_id) for _ in range(OF_ORGANISATION)]
    try:
        answer = org.refused(503, "overloaded", "GET", path_of(run_id), headers={"Accept": EVENTS})
        assert int(answer.headers["Retry-After"]) > 0
        assert org.get(path_of(run_id))["id"] == run_id
        other = stack.organisation()
        with Follow(other, planted(stack, other)) as one:
            assert one.next()
        assert all(stream.next() for stream in streams)
        for stream in streams[:8]:
            stream.__exit__()
        gone = time.monotonic()

        def room():
            answer = org.session.get(
                org.url + path_of(run_id), stream=True, timeout=20,
                headers={"Authorization": f"Bearer {org.key}", "Accept": EVENTS},
            )  # fmt: skip
            answer.close()
            return answer.status_code == 200

        eventually(room, "there is room for another stream", 30, 0.1)
        assert time.monotonic() - gone < 3 * PATIENCE
    finally:
        for stream in streams:
            stream.__exit__()


def test_a_stopping_api_ends_its_streams(stack, org):
    """At once and cleanly: the client goes to another."""
    run_id = planted(stack, org)
    with stack.another_api() as api:
        there = org.at(api.ready_url.removesuffix("/health"))
        with Follow(there, run_id) as stream:
            stream.next()
            began = time.monotonic()
            api.stop()
            assert time.monotonic() - began < 3 * PATIENCE
            assert stream.next() is None


def test_a_stopping_api_ends_its_streams_whatever_the_database_does(stack, org):
    """It stands still in the middle of a look: they are ended all the same, and the end is clean."""
    run_id = planted(stack, org)
    plant_part(stack, org, run_id)
    with stack.another_api() as api:
        there = org.at(api.ready_url.removesuffix("/health"))
        with Follow(there, run_id) as stream:
            stream.next()
            backends = "SELECT pid FROM pg_stat_activity WHERE application_name = 'billd-api'"
            frozen = [pid for (pid,) in stack.rows(backends)]
            assert frozen
            for pid in frozen:
                os.kill(pid, signal.SIGSTOP)
            try:
                time.sleep(1.5)
                began = time.monotonic()
                api.signal(signal.SIGTERM)
                assert stream.next() is None
                assert time.monotonic() - began < 3 * PATIENCE
                assert api.wait() == 0
            finally:
                for pid in frozen:
                    os.kill(pid, signal.SIGCONT)
