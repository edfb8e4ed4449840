"""Who bills what falls due: itself, the runs of the hour, or none but those that are asked for; and how runs end."""

import contextlib
import itertools
import json
import signal
import uuid
from datetime import UTC, datetime, timedelta

import programs
import pytest
from billing import Clock, instant, text_of
from prometheus_client.parser import text_string_to_metric_families
from runs import LIMIT_SECONDS, Mass, Run, ahead, billing_by_hand, check_laws, check_report, daily, series
from waiting import eventually
from wire import shard_of

pytestmark = pytest.mark.usefixtures("breaks_servers")

CHAOS = programs.ROOT / "build/chaos"
HOUR = timedelta(hours=1)
QUICK = {"BILLD_DUE_MARGIN_MS": 200, "BILLD_DUE_INTERVAL_MS": 50, "BILLD_RUNS_INTERVAL_MS": 50}
HOURLY = QUICK | {"BILLD_BILLING": "hourly"}
NUMBERS = itertools.count()  # of workers: each has a log of its own


def metrics_of(worker):
    """{(name, its "le" or None): value}"""
    families = text_string_to_metric_families(programs.fetch(worker.url + "/metrics").text)
    return {(sample.name, sample.labels.get("le")): sample.value for family in families for sample in family.samples}


def metric(worker, name, le=None):
    return metrics_of(worker)[name, le]


def overdue(stack, wire, org, count=1, **span):
    """Customers by the day, whose second period began that long ago and is not billed yet."""
    start = ahead(days=-1) - timedelta(**(span or {"hours": 3}))
    accepted_ms = int(start.timestamp() * 1000)
    mass = Mass(org, f"overdue/{start}", count, [daily(org)], accepted_ms=accepted_ms)
    return [home for home, _ in mass.make(stack, wire).members]


def runs_of(org):
    return org.all("/v1/billing-runs")


def await_finished(org, count=1, seconds=LIMIT_SECONDS):
    """Its runs, once there are so many and all are finished."""

    def look():
        runs = runs_of(org)
        return runs if len(runs) >= count and all(run["status"] == "finished" for run in runs) else None

    return eventually(look, f"{count} finished runs", seconds, 0.1)


def check_hours(runs):
    """Each of another hour, and of a full one."""
    hours = [instant(run["as_of"]) for run in runs]
    assert len(set(hours)) == len(hours), runs
    for hour, run in zip(hours, runs, strict=True):
        assert (hour.minute, hour.second) == (0, 0) and run["trigger"] == "schedule" and not run["dry_run"], run
        assert hour <= instant(run["created_at"]) and run["books"] == "balanced", run


def known(org, run):
    return Run.known(org, run["id"], None)


@contextlib.contextmanager
def fleet(stack, count, binaries=None, **settings):
    """So many workers in place of the stack's own; ended, whatever state they are in."""
    workers = [stack.make_worker(f"worker-hourly-{next(NUMBERS)}", **(HOURLY | settings)) for _ in range(count)]
    for worker in workers:
        worker.binaries = binaries or worker.binaries
    if stack.worker.is_running():
        stack.worker.stop()
    try:
        yield workers
    finally:
        for worker in workers:
            worker.end()


def holders(stack):
    """The connections that hold the lock of the hours."""
    return stack.superuser(
        "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted "
        "AND classid = x'62696c6c'::int::oid AND objid = x'64686f72'::int::oid"
    ).split()


def await_told(worker, times=1):
    """It has told an hour, so many times."""

    def look():
        return sum("told of the hour" in line for line in worker.log_lines()) >= times

    eventually(look, f"{worker.name} told the hour", 120, 0.1)


MEDDLE = """
CREATE FUNCTION public.meddle(one uuid) RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
    IF one = '{org}' AND current_query() LIKE '{statement}%' THEN
        {deed};
    END IF;
    RETURN true;
END $$;
CREATE POLICY meddle ON billd.{table} AS RESTRICTIVE FOR SELECT TO billd_worker USING (public.meddle(organisation_id));
"""


SLOW = "as slow as can be"
TIMEOUT = f"RAISE EXCEPTION '{SLOW}' USING ERRCODE = 'query_canceled'"
WAIT = "PERFORM pg_advisory_xact_lock_shared(4711)"


@contextlib.contextmanager
def meddled(stack, org, table, statement, deed=TIMEOUT):
    """Meanwhile a worker's statement that begins so does this when it sees a row of the organisation there."""
    stack.superuser(MEDDLE.format(org=org.organisation_id, table=table, statement=statement, deed=deed))
    try:
        yield
    finally:
        stack.superuser(f"DROP POLICY meddle ON billd.{table}; DROP FUNCTION public.meddle(uuid)")


# By hand


def test_by_hand_nothing_falls_due_by_itself(stack, wire, org):
    """Real time waits for a run, and the metrics say how long; test clocks go on as ever."""
    with billing_by_hand(stack, **QUICK) as worker:
        clock = Clock(org, "2026-01-01T00:00:00Z")
        on_clock = clock.customer()
        org.subscription(on_clock, daily(org))
        (late,) = overdue(stack, wire, org, hours=3)
        clock.advance("2026-01-04T00:00:00Z")
        assert len(series(org, on_clock)) == 4
        eventually(lambda: metric(worker, "billd_due_subscriptions") >= 1, "it is seen", 30, 0.2)
        assert metric(worker, "billd_due_subscriptions_oldest_seconds") >= 3 * 3600
        assert len(series(org, late)) == 1 and runs_of(org) == []

        before = metrics_of(worker)
        run = Run(org)
        check_report(stack, org, run, run.over())
        assert len(series(org, late)) == 2 and len(series(org, on_clock)) == 4
        after = metrics_of(worker)
        grown = {key: after[key] - before[key] for key in after if after[key] != before[key]}
        assert grown["billd_runs_closed_total", None] == grown["billd_run_invoices_total", None] == 1
        assert ("billd_runs_unbalanced_total", None) not in grown
        # Three hours late: neither within one nor beyond six.
        assert grown["billd_invoice_lateness_seconds_count", None] == 1
        assert grown["billd_invoice_lateness_seconds_bucket", "21600"] == 1
        assert ("billd_invoice_lateness_seconds_bucket", "3600") not in grown
        assert 3 * 3600 <= grown["billd_invoice_lateness_seconds_sum", None] < 4 * 3600
    check_laws(stack, org)


def test_by_itself_no_run_is_needed(stack, wire, org):
    """The default: what is due is billed within seconds, by no run."""
    (late,) = overdue(stack, wire, org)
    eventually(lambda: len(series(org, late)) == 2, "it is billed", 30, 0.1)
    assert runs_of(org) == []


# By the hour


def test_a_run_of_the_hour_is_made_once(stack, wire):
    """Of two workers one tells; each organisation with something due has one run, and whoever has nothing has none."""
    orgs, idle = [stack.organisation() for _ in range(3)], stack.organisation()
    with billing_by_hand(stack, **QUICK):
        late = {org: overdue(stack, wire, org, 4) for org in orgs}
        idle.subscription(idle.customer(), daily(idle))
        with fleet(stack, 2) as (first, second):
            first.start()
            second.start()
            for org in orgs:
                check_hours(await_finished(org))
            # Each looks once, and nobody keeps the lock.
            await_told(first)
            await_told(second)
            assert holders(stack) == []
            told = sum(metric(worker, "billd_runs_scheduled_total") for worker in (first, second))
            assert told >= len(orgs)
            # Both die and come back, one after the other; then the first goes for good.
            first.kill()
            second.kill()
            first.start()
            second.start()
            await_told(first, 2)
            first.kill()
            await_told(second, 2)
            for org in orgs:
                org.customer()
                runs = await_finished(org)
                check_hours(runs)
                assert sum(run["invoiced"] for run in runs) == 4
                check_report(stack, org, known(org, runs[-1]), org.get(f"/v1/billing-runs/{runs[-1]['id']}"))
                assert all(len(series(org, one)) == 2 for one in late[org])
                check_laws(stack, org)
            assert runs_of(idle) == []


def test_what_falls_due_within_the_hour_waits(stack, wire, org):
    """A run of the hour goes up to it, and no further; nothing else bills."""
    with billing_by_hand(stack, **QUICK):
        (past,) = overdue(stack, wire, org, hours=2)
        (soon,) = overdue(stack, wire, org, seconds=1)
        with fleet(stack, 1) as (worker,):
            worker.start()
            (run, *_) = await_finished(org)
            check_hours([run])
            assert len(series(org, past)) == 2
            if instant(run["as_of"]) + HOUR > ahead(seconds=5):
                assert len(series(org, soon)) == 1


def test_what_is_parked_alone_makes_no_run_of_the_hour(stack, wire):
    """It would be one each hour until it is mended; beside something that is due it is tried, and billed."""
    alone, beside = stack.organisation(), stack.organisation()
    with billing_by_hand(stack, **QUICK):
        (lonely,), (parked, due) = overdue(stack, wire, alone), overdue(stack, wire, beside, 2)
        for customer_id in (lonely, parked):
            assert stack.superuser(
                "UPDATE billd.subscriptions SET billing_problem = 'dead-letter', due_at = NULL "
                f"WHERE customer_id = '{customer_id}' RETURNING 1"
            ).startswith("1")
        with fleet(stack, 1) as (worker,):
            worker.start()
            runs = await_finished(beside)
            check_hours(runs)
            assert [sum(run[key] for run in runs) for key in ("invoiced", "failed")] == [2, 0]
            assert len(series(beside, parked)) == len(series(beside, due)) == 2
            assert runs_of(alone) == [] and len(series(alone, lonely)) == 1
            # Whoever asks for a run has it tried.
            run = Run(alone)
            check_report(stack, alone, run, run.over())
            assert len(series(alone, lonely)) == 2
    check_laws(stack, alone)


def test_a_worker_that_hangs_in_its_turn_loses_it(stack, wire, org):
    """It holds the lock, and says nothing any more: the database ends its turn, and another tells the hour."""
    with billing_by_hand(stack, **QUICK):
        (late,) = overdue(stack, wire, org)
        # What it looks for is kept from it, so that it is amid its turn.
        with (
            meddled(stack, org, "subscriptions", "SELECT o.organisation_id FROM (", WAIT),
            fleet(stack, 2) as (stopped, other),
        ):
            with stack.connect() as connection, connection.transaction():
                connection.execute("SELECT pg_advisory_xact_lock(4711)")
                stopped.start(wait=False)
                (holder,) = eventually(lambda: holders(stack), "it has the lock", 30, 0.05)
                eventually(lambda: stack.superuser(
                    f"SELECT 1 FROM pg_locks WHERE pid = {holder} AND NOT granted"), "it waits", 30, 0.05)  # fmt: skip
                stopped.signal(signal.SIGSTOP)
            assert holders(stack) == [holder]
            other.start()
            check_hours(await_finished(org, seconds=120))
            assert len(series(org, late)) == 2 and holder not in holders(stack)
            stopped.signal(signal.SIGCONT)
            # Whatever it does now, it is done already.
            await_told(stopped)
            check_hours(await_finished(org))
            assert len(series(org, late)) == 2
    check_laws(stack, org)


def test_a_worker_that_cannot_tell_leaves_it_to_others(stack, wire, org):
    """It reaches the database and not Kafka: it has its turns, and others theirs."""
    with billing_by_hand(stack, **QUICK):
        (late,) = overdue(stack, wire, org)
        with fleet(stack, 1, BILLD_KAFKA_BOOTSTRAP="127.0.0.1:1") as (deaf,), fleet(stack, 1) as (other,):
            deaf.start(wait=False)
            # Without a partition, that is a minute behind the hour at the earliest.
            eventually(lambda: holders(stack), "it has the lock", 90, 0.02)
            other.start()
            check_hours(await_finished(org, seconds=120))
            assert len(series(org, late)) == 2
            assert not any("told of the hour" in line for line in deaf.log_lines())
    check_laws(stack, org)


def failed_in_the_hour_before(stack, org):
    """Its last run of an hour, as if it had listed all that is due of it, whatever the reason."""
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - HOUR
    run_id, at = uuid.uuid4(), f"'{hour.isoformat()}'::timestamptz"
    stack.superuser(f"""
        INSERT INTO billd.billing_runs SELECT '{org.organisation_id}', '{run_id}', {shard_of(org.organisation_id)},
            {at}, false, 100, 'schedule', 'finished', count(*), 0, 0, count(*), '[]', repeat('0', 32), 'balanced',
            extract(epoch FROM {at}) * 1000 + 5000, {at}, {at}, {at}
        FROM billd.subscriptions WHERE organisation_id = '{org.organisation_id}' AND due_at <= {at};
        INSERT INTO billd.billing_run_failures SELECT organisation_id, '{run_id}', id, 0, customer_id, due_at,
            'billing-behind', NULL, {at} + interval '7 s'
        FROM billd.subscriptions WHERE organisation_id = '{org.organisation_id}' AND due_at <= {at};
    """)
    return str(run_id)


def test_what_the_last_run_could_not_bill_makes_no_run_of_the_hour(stack, wire):
    """It would be one each hour, with the same failure; until it is changed, or beside something else that is due."""
    names = ("same", "changed", "moved", "beside", "other", "fresh")
    orgs = {name: stack.organisation() for name in names}
    with billing_by_hand(stack, **QUICK):
        for org in orgs.values():
            overdue(stack, wire, org, days=150)
        planted = {name: failed_in_the_hour_before(stack, orgs[name]) for name in names if name != "fresh"}
        overdue(stack, wire, orgs["beside"])
        of = "UPDATE billd.{} WHERE organisation_id = '{}'"
        # A command that came behind the run; a part that was billed since; a subscription that it did not list.
        stack.superuser(of.format("subscriptions SET updated_at = now()", orgs["changed"].organisation_id))
        stack.superuser(of.format("subscriptions SET due_at = due_at + interval '1 d'", orgs["moved"].organisation_id))
        stack.superuser(of.format(f"billing_run_failures SET subscription_id = '{uuid.uuid4()}'",
                                  orgs["other"].organisation_id))  # fmt: skip
        with fleet(stack, 1) as (worker,):
            worker.start()
            await_told(worker)
            for name in names[1:]:
                runs = await_finished(orgs[name], 2 if name in planted else 1)
                (made, *_) = [run for run in runs if run["id"] != planted.get(name)]
                assert made["failed"] == 1 and made["invoiced"] == (1 if name == "beside" else 0), (name, made)
            assert [run["id"] for run in runs_of(orgs["same"])] == [planted["same"]]
            # Whoever asks for a run that goes so far back has it billed.
            run = Run(orgs["same"], invoices_max=1000)
            assert run.over()["invoiced"] == 151
        # What is due by the rules again: whoever bills it by itself from here on looks closely.
        stack.superuser(of.format("subscriptions SET due_at = due_at - interval '1 d'", orgs["moved"].organisation_id))


def test_a_metric_that_cannot_be_had_keeps_nothing_from_its_turn(stack, wire, org):
    """How late billing is cannot be said: runs are told and closed all the same."""
    behind = stack.organisation()
    with billing_by_hand(stack, **QUICK):
        (late,) = overdue(stack, wire, org)
        overdue(stack, wire, behind, days=150)  # no run of an hour goes so far back: it stays due
        with (
            meddled(stack, behind, "subscriptions", "SELECT (SELECT count(*) FROM (SELECT FROM unnest("),
            fleet(stack, 1) as (worker,),
        ):
            worker.start()
            eventually(lambda: any(SLOW in line for line in worker.log_lines()), "it cannot be said", 60, 0.1)
            Run(org).over()
            runs = await_finished(org, 2)
            check_hours([run for run in runs if run["trigger"] == "schedule"])
            assert len(series(org, late)) == 2
    check_laws(stack, org)


def test_a_run_that_cannot_be_closed_keeps_no_other_from_it(stack, wire):
    """Its documents are not to be read in time, again and again; later runs are closed, and it is when they are."""
    slow, quick = stack.organisation(), stack.organisation()
    with billing_by_hand(stack, **QUICK) as worker:
        overdue(stack, wire, slow)
        overdue(stack, wire, quick)
        with meddled(stack, slow, "invoices", "WITH page AS MATERIALIZED (SELECT r.id, r.created_ms, r.currency"):
            first = Run(slow).started()
            eventually(lambda: first.done() == 1, "it has billed", 30, 0.05)
            eventually(lambda: any(SLOW in line for line in worker.log_lines()), "it is not closed", 30)
            second = Run(quick)
            check_report(stack, quick, second, second.over())
            assert first.now()["status"] == "running"
        check_report(stack, slow, first, first.over(90))
    check_laws(stack, slow)


@pytest.mark.parametrize("point", ["telling:1", "telling:2", "closing:1", "closing:2"])
def test_a_scheduler_that_dies_is_followed_by_another(stack, wire, point):
    """Amid telling organisations of their runs, or with a run added up and not told: once all the same."""
    orgs = [stack.organisation() for _ in range(3)]
    with billing_by_hand(stack, **QUICK):
        late = {org: overdue(stack, wire, org, 2) for org in orgs}
        with fleet(stack, 1, CHAOS, BILLD_CRASH=point) as (doomed,), fleet(stack, 1) as (next_one,):
            doomed.start(wait=False)
            assert doomed.wait(60) == -signal.SIGKILL
            next_one.start()
            for org in orgs:
                runs = await_finished(org)
                check_hours(runs)
                assert sum(run["invoiced"] for run in runs) == 2
                assert all(len(series(org, one)) == 2 for one in late[org])
                told = [event["type"] for event in org.events() if event["type"].startswith("billd.billing_run.")]
                assert told.count("billd.billing_run.finished.v1") == len(runs), told
                check_laws(stack, org)


# What a run's end finds


FALSIFY = """
CREATE FUNCTION public.falsify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    {change};
    RETURN NEW;
END $$;
CREATE TRIGGER falsify BEFORE INSERT ON billd.{table} FOR EACH ROW EXECUTE FUNCTION public.falsify();
"""
FALSE = {
    "totals": ("billing_run_totals", "NEW.total = NEW.total + 1", "its totals are not the sums of its invoices"),
    "count": ("billing_run_totals", "NEW.invoices = NEW.invoices + 1",
              "its parts count other invoices than its totals"),
    "journal": ("journal", "NEW.receivable = NEW.receivable + 1; NEW.cash = NEW.cash - 1",
                "the journal has other entries of its invoices"),
}  # fmt: skip


@contextlib.contextmanager
def falsified(stack, table, change):
    """What is stored there is not what was computed, as a bug would have it."""
    stack.superuser(FALSIFY.format(table=table, change=change))
    try:
        yield
    finally:
        stack.superuser(f"DROP TRIGGER falsify ON billd.{table}; DROP FUNCTION public.falsify()")


@pytest.mark.parametrize("what", FALSE)
def test_a_run_that_does_not_add_up_says_so(stack, wire, org, what):
    """It is finished, and unbalanced: in its report, in the metrics, and in the log."""
    table, change, reason = FALSE[what]
    with billing_by_hand(stack, **QUICK) as worker:
        overdue(stack, wire, org, 3)
        before = metric(worker, "billd_runs_unbalanced_total")
        with falsified(stack, table, change):
            report = Run(org).over()
        assert (report["status"], report["books"], report["invoiced"]) == ("finished", "unbalanced", 3)
        assert metric(worker, "billd_runs_unbalanced_total") == before + 1
        lines = [json.loads(line) for line in worker.log_lines() if report["id"] in line]
        (told,) = [line for line in lines if line["level"] == "error"]
        assert told["reason"] == reason


def test_a_run_over_many_pages_of_documents(stack, wire, org):
    """More invoices than are read at once, among others of their time that are not of the run."""
    with billing_by_hand(stack, **QUICK):
        moment = ahead(days=-1, hours=-2)
        count = 11_000
        mass = Mass(org, "pages", count, [daily(org)], accepted_ms=int(moment.timestamp() * 1000))
        mass.make(stack, wire)
        first = Run(org, text_of(moment + timedelta(hours=1)))
        assert first.over()["invoiced"] == 0
        run = Run(org)
        report = run.over(180)
        assert report["invoiced"] == count
        check_report(stack, org, run, report)
