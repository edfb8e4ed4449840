"""Billing runs while workers are killed and servers crash: nobody billed twice, nobody forgotten, and the same report.

RUN_SUBSCRIPTIONS  how many subscriptions the large one has (5,000)
RUN_FAULTS         how many faults it meets (3)
RUN_SEED           which ones, and when; another one each time unless told, and shown
"""

import contextlib
import itertools
import os
import random
import signal
import time
from datetime import timedelta

import programs
import psycopg
import pytest
from billing import plan_of, text_of
from programs import number_told
from runs import (
    Run,
    Shop,
    ahead,
    billing_by_hand,
    by_hand,
    check_laws,
    check_report,
    check_same,
    left_due,
    midway,
    pace,
    reconcile,
    rows_of,
    run_of,
    slow_chunks,
    what_it_did,
)
from waiting import PATIENCE, eventually
from wire import EVENTS, headers, shard_of

pytestmark = pytest.mark.usefixtures("breaks_servers")

CHAOS = programs.ROOT / "build/chaos"
SUBSCRIPTIONS = int(number_told("RUN_SUBSCRIPTIONS", 5000, 100))
FAULTS = int(number_told("RUN_FAULTS", 3, 1))
SEED = os.environ.get("RUN_SEED") or str(random.randrange(10**9))
DAYS = 2  # periods of each subscription
# That a chunk takes longer: faults take seconds, and are all to come midway.
SLOW_SECONDS, FAULT_SECONDS = 0.04, 1
RUN_SECONDS = 240 + 15 * FAULTS + SUBSCRIPTIONS / 50


@pytest.fixture(scope="module", autouse=True)
def nothing_by_itself(stack):
    """What is due waits for a run."""
    with billing_by_hand(stack):
        yield


@contextlib.contextmanager
def another_worker(stack, name, **more):
    worker = by_hand(stack.make_worker(name, **more))
    try:
        yield worker
    finally:
        worker.end()


# The whole of it


class Faults:
    """What happens to a run, at moments of no choice."""

    def __init__(self, stack, workers, dice):
        self.stack, self.workers, self.dice, self.told = stack, workers, dice, []

    def kill_a_worker(self):
        worker = self.dice.choice(self.workers)
        worker.kill()
        self.pause()
        worker.start()

    def kill_all_workers(self):
        for worker in self.workers:
            worker.kill()
        for worker in self.workers:
            worker.start()

    def server(name, how):
        def fault(self):
            self.stack.script(name, how)
            self.pause()
            self.stack.script(name, "start")

        fault.__name__ = f"{how} {name}"
        return fault

    crash_postgres, stop_postgres = server("postgres", "kill"), server("postgres", "stop")
    crash_kafka, stop_kafka = server("kafka", "kill"), server("kafka", "stop")
    # One of each kind before the second of any.
    ROUNDS = ((kill_a_worker, crash_postgres, crash_kafka), (kill_all_workers, stop_postgres, stop_kafka))

    def pause(self):
        time.sleep(self.dice.uniform(0, 1))

    def chosen(self, count):
        found = []
        for kinds in itertools.islice(itertools.cycle(self.ROUNDS), count):
            found += self.dice.sample(kinds, len(kinds))
        return found[:count]

    def strike(self, run, whole):
        """Each when the run has come some way, which is chosen by dice: how many came before its end."""
        midway, done = 0, 0
        for left, fault in zip(range(FAULTS, 0, -1), self.chosen(FAULTS), strict=True):
            least = done + (whole - done) * self.dice.uniform(0, 1 / left)
            done = eventually(lambda least=least: self.reached(run, least), f"{least:.0f} are done", RUN_SECONDS)
            self.told.append(f"{fault.__name__} at {done} of {whole}")
            midway += done < whole
            if left > 1:
                pace(self.stack, FAULT_SECONDS)
            fault(self)
            pace(self.stack, SLOW_SECONDS)
        return midway

    def reached(self, run, least):
        """How many it has done, when that is enough; servers and their answers may be away."""
        done = None
        with contextlib.suppress(psycopg.Error):
            count = "SELECT coalesce(sum(done), 0)::int8 FROM billd.billing_run_parts WHERE run_id = %s"
            ((done,),) = rows_of(self.stack, run.org, count, run.id)
        return done if done is not None and done >= least else None


def check_periods(stack, org, count):
    """Each subscription has one invoice for each of its periods."""
    wrong = rows_of(
        stack, org, "SELECT subscription.id, count(invoice.id) FROM billd.subscriptions subscription"
        " LEFT JOIN billd.invoices invoice ON invoice.subscription_id = subscription.id"
        " GROUP BY 1 HAVING count(invoice.id) <> %s OR count(DISTINCT period_start) <> %s", count, count)  # fmt: skip
    assert wrong == [], (len(wrong), wrong[:5])


def check_topic(stack, wire, org, invoices):
    """Every event is on the topic, numbered without gaps; repeats are repeats."""
    eventually(
        lambda: all(given == published for _, given, published in stack.progress().values()),
        "everything is published", 60, 0.1,
    )  # fmt: skip
    numbers, issued = {}, set()
    for message in wire.read_all(EVENTS, 60):
        told = headers(message)
        numbers.setdefault(message.partition(), []).append(int(told["ce_sequence"]))
        if told["ce_organisationid"] == org.organisation_id and told["ce_type"] == "billd.invoice.issued.v1":
            issued.add(told["ce_subject"])
    assert len(issued) == invoices
    for partition, (_, given, _) in stack.progress().items():
        assert list(dict.fromkeys(numbers.get(partition, []))) == list(range(1, given + 1)), f"partition {partition}"


def test_a_large_run_under_faults_gives_what_the_dry_run_said(stack, wire):
    """Kill -9 of workers, crashes of both servers, at random moments; the judgement is by SQL, topic and reconcile."""
    print(f"RUN_SEED={SEED} RUN_SUBSCRIPTIONS={SUBSCRIPTIONS} RUN_FAULTS={FAULTS}")
    shop, start = Shop(stack, wire), ahead(hours=2)
    org, to = shop.org, start + timedelta(days=DAYS - 1, hours=1)
    shop.fill(SUBSCRIPTIONS, start)
    _, dry = run_of(org, to, RUN_SECONDS, dry_run=True)
    assert dry["invoiced"] == SUBSCRIPTIONS * DAYS and dry["failed"] == 0
    with another_worker(stack, "worker-run-beside") as beside, slow_chunks(stack, SLOW_SECONDS):
        beside.start()
        faults = Faults(stack, [stack.worker, beside], random.Random(f"faults/{SEED}"))
        run = Run(org, to).started()
        midway = faults.strike(run, SUBSCRIPTIONS)
        report = run.over(RUN_SECONDS)
        print("\n".join(faults.told))
    assert report["status"] == "finished", (report, faults.told)
    assert 2 * midway > FAULTS, faults.told
    check_same(dry, report)
    check_report(stack, org, run, report)
    check_periods(stack, org, DAYS)
    assert left_due(stack, org, to) == []
    check_laws(stack, org)
    check_topic(stack, wire, org, SUBSCRIPTIONS * DAYS)
    reconcile(stack, org)


# Line by line

FEW = 90
# The first of them in CI: a COMMIT that nobody knows of, and a run that is through and not told. All with RUN_FAULTS.
POINTS = ("committing:5", "closing:1", "due_loaded:3", "storing:6", "due_committed:2", "due_committed:7", "telling:2",
          "run_part_storing:2", "run_part_stored:1")[:9 if FAULTS > 3 else 2]  # fmt: skip


@pytest.mark.parametrize("point", POINTS)
def test_wherever_a_worker_dies_runs_go_on(stack, wire, point):
    """A real run and a dry one: the next worker takes them over; what was done is not done again, what was not is."""
    runs, start = [], ahead(hours=2)
    to = start + timedelta(hours=1)
    for dry_run in (False, True):
        shop = Shop(stack, wire)
        shop.fill(FEW, start)
        runs.append((shop.org, {"as_of": to, "dry_run": dry_run}))
    with another_worker(stack, f"worker-{point.replace(':', '-')}", BILLD_CRASH=point) as worker:
        worker.binaries = CHAOS
        with stack.without_worker():
            runs = [(org, Run(org, **wish)) for org, wish in runs]
            worker.start(wait=False)
            assert worker.wait(60 * PATIENCE) == -signal.SIGKILL
    for org, run in runs:
        report = run.over()
        counts = [report[name] for name in ("due", "done", "invoiced", "failed")]
        assert (report["status"], counts) == ("finished", [FEW, FEW, FEW, 0])
        if not report["dry_run"]:
            check_report(stack, org, run, report)
            check_periods(stack, org, 1)
        check_laws(stack, org)


def die_until_parked(stack, org, bad_id, begin):
    """Workers die over the one that is named "doomed", until it is parked: what begin() gave, once they had stopped."""
    with another_worker(stack, "worker-run-doomed", BILLD_ABORT_ON="doomed") as worker:
        worker.binaries = CHAOS
        with stack.without_worker():
            stack.superuser("UPDATE billd.progress SET attempts = 9")
            begun, deaths = begin(), 0
            worker.start(wait=False)
            until = time.monotonic() + 150 * PATIENCE
            while org.get(f"/v1/subscriptions/{bad_id}")["billing_problem"] is None:
                assert time.monotonic() < until, f"not parked after {deaths} deaths"
                if worker.process.poll() is not None:
                    assert worker.process.returncode == -signal.SIGABRT
                    deaths += 1
                    assert deaths <= 4
                    worker.start(wait=False)
                time.sleep(0.2)
    return begun


def test_one_over_whom_workers_die_is_listed(stack, org):
    """After three more deaths it is not tried again: parked, listed by the run, and the others are billed."""
    plan_id, start = plan_of(org, amount=100, interval="day"), ahead(hours=1)
    bad, good = org.customer(name="doomed"), [org.customer() for _ in range(20)]  # in all partitions
    bad_id, *_ = (org.subscription(one, plan_id, start_at=text_of(start)) for one in (bad, *good))
    run = die_until_parked(stack, org, bad_id, lambda: Run(org, start))
    report = run.over()
    assert report["failed"] == 1 and run.reasons() == {bad_id: "dead-letter"}, report
    assert all(len(org.invoices_of(one)) == 1 for one in good) and org.invoices_of(bad) == []


def test_deaths_are_counted_beside_another_run(stack, wire, org):
    """Another organisation's run has its turn in the same partition before each death: none is forgotten over it."""
    other, start = stack.organisation(), ahead(hours=1)
    bad, place = org.customer(name="doomed"), lambda one: shard_of(one) % wire.partitions
    beside = [one for one in (other.customer() for _ in range(150)) if place(one) == place(bad)][:9]
    bad_id = org.subscription(bad, plan_of(org, amount=100, interval="day"), start_at=text_of(start))
    plan_id = plan_of(other, amount=100, interval="day")
    for one in beside:
        other.subscription(one, plan_id, start_at=text_of(start))
    assert len(beside) == 9, "too few of them for a death each"
    theirs, ours = die_until_parked(stack, org, bad_id, lambda: (Run(other, start), Run(org, start)))
    assert (theirs.over()["invoiced"], theirs.failures()) == (len(beside), [])
    report = ours.over()
    assert report["failed"] == 1 and ours.reasons() == {bad_id: "dead-letter"}, report
    forgotten = "SELECT count(*) FROM billd.due_suspects"
    eventually(lambda: stack.superuser(forgotten).strip() == "0", "nobody is suspected any more")


# One that stands still


def test_a_worker_that_stood_still_amid_a_run(stack, wire):
    """SIGSTOP until another did the rest, then SIGCONT: what its runners held is dropped, nobody is billed twice."""
    shop, start = Shop(stack, wire), ahead(hours=2)
    org, to = shop.org, start + timedelta(hours=1)
    shop.fill(600, start)
    _, dry = run_of(org, to, dry_run=True)
    with another_worker(stack, "worker-run-awake") as awake:
        with slow_chunks(stack):
            run = Run(org, to).started()
            midway(run)
            stack.worker.signal(signal.SIGSTOP)
            awake.start()
        try:
            report = run.over(120 * PATIENCE)
        finally:
            stack.worker.signal(signal.SIGCONT)
        check_same(dry, report)
        check_report(stack, org, run, report)
        check_periods(stack, org, 1)
        _, again = run_of(org, to)
        assert (again["due"], again["invoiced"], again["failed"]) == (0, 0, 0)
        check_laws(stack, org)


# The database cut off

CUT = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'billd_worker'"


def test_connections_that_are_cut_amid_a_run(stack, wire):
    """Again and again: a COMMIT whose answer is lost is neither repeated nor forgotten."""
    shop, start = Shop(stack, wire), ahead(hours=2)
    org, to = shop.org, start + timedelta(hours=1)
    shop.fill(600, start)
    _, dry = run_of(org, to, dry_run=True)
    dice = random.Random(SEED)
    with slow_chunks(stack, 0.03):
        run = Run(org, to).started()
        for _ in range(8):
            time.sleep(dice.uniform(0.05, 0.4))
            stack.superuser(CUT)
        report = run.over(120)
    check_same(dry, report)
    check_report(stack, org, run, report)
    check_periods(stack, org, 1)
    check_laws(stack, org)


# The database of before


def test_a_restored_database_is_told_of_the_end_of_a_run_that_is_to_be_done_again(stack, wire):
    """The log has the run's start and its end: the end waits until its parts have come to it once more."""
    shop, start = Shop(stack, wire), ahead(hours=2)
    org, to = shop.org, start + timedelta(hours=1)
    shop.fill(600, start)
    kept = stack.keep_database()
    run = Run(org, to)
    first = run.over()
    assert first["status"] == "finished" and first["invoiced"] == 600, first
    with stack.without_worker():
        stack.restore_database(kept)
    again = run.over()
    assert what_it_did(again) == what_it_did(first)
    check_report(stack, org, run, again)
    check_periods(stack, org, 1)
    assert left_due(stack, org, to) == []
    check_laws(stack, org)
    reconcile(stack, org)
