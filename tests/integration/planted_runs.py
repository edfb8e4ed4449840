"""Billing runs put into the database by hand, as a worker would leave them, and what their documents have."""

import json
import uuid

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
