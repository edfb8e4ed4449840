"""Faults of our own programs: workers and apis that die, stop, come and go, or live in another time."""

import os
import signal
import tempfile
import time
from pathlib import Path

from client import slug
from history import Attempt, Poison
from programs import tail
from waiting import eventually

WORKER_POINTS = ("loaded", "storing", "committing", "committed", "publishing", "due_loaded", "due_committed")
# Of the thread that has payments settled: before and after it asks, when the provider has done it, when it was told.
PAYER_POINTS = ("paying", "transferred", "paid", "telling")
# Of what is due, in a billing run, and of the end of a run's part.
RUN_POINTS = ("due_loaded", "due_committed", "run_part_storing", "run_part_stored")
API_POINTS = ("produced", "persisted")
DOOM = "a name over which a worker aborts"
DAY_SECONDS = 86400
FAKETIME = "/usr/lib/*/faketime/libfaketimeMT.so.1"


def kill(spell, kind):
    members = spell.fleet.running(kind)
    if members:
        member = spell.random.choice(members)
        spell.fleet.signal(member, signal.SIGKILL)
        spell.hit(f"{member.program.name} is killed")


def kill_workers(spell):
    """Each time as soon as someone works again, at a random moment of that work."""
    while not spell.is_over():
        spell.await_commit()
        spell.pause(0, 1.5)
        kill(spell, "worker")


def kill_apis(spell):
    while not spell.is_over():
        spell.pause(0.3, 2)
        kill(spell, "api")
        spell.wait(lambda: spell.fleet.running("api"), "the api is started again")


def kill_while(spell, rows, what, most_s):
    """A worker, again and again, up to so long after there are such rows."""
    while not spell.is_over():
        spell.wait(lambda: counted(spell.stack, rows) > 0, what)
        spell.pause(0, most_s)
        kill(spell, "worker")
        spell.await_commit()


def kill_payers(spell):
    """While money is on its way: some payment's row is committed, and nobody knows yet what became of it."""
    kill_while(spell, "billd.payments WHERE status IN ('processing', 'unknown')", "a payment is on its way", 0.05)


def kill_runners(spell):
    """While a billing run is on its way: in its chunks, or through, and not told yet."""
    kill_while(spell, "billd.billing_runs WHERE status = 'running'", "a billing run is on its way", 0.5)


def counted(stack, rows):
    """So many; 0 while another fault has the database."""
    try:
        return int(stack.superuser(f"SELECT count(*) FROM {rows}"))
    except Exception:
        return 0


def at_points(spell, kind, points, most=8):
    """All programs of a kind are started so that each dies at a point, at the latest when it comes there for the
    `most`th time; in the end every point had its death."""
    left = list(points)
    spell.random.shuffle(left)
    while left or not spell.is_over():
        since, armed = len(spell.fleet.deaths), {}
        for member in spell.wait(lambda: spell.fleet.ready(kind), f"a running {kind}"):
            point, nth = left.pop() if left else spell.random.choice(points), spell.random.randint(1, most)
            armed[member.program.name] = f"{point}:{nth}"
            spell.fleet.restart(member, BILLD_CRASH=f"{point}:{nth}")

        def died(since=since, armed=armed):
            return set(armed) <= {death.name for death in spell.deaths(kind, since, -signal.SIGKILL)}

        spell.wait(died, f"all of {armed} come to their points")
        for name, point in armed.items():
            spell.hit(f"{name} died at {point}")
        if kind == "worker":
            # The next owner commits first: else the deaths of several add up to a suspicion against a good command.
            spell.await_commit()


def workers_at_points(spell):
    at_points(spell, "worker", WORKER_POINTS)


def payers_at_points(spell):
    # Under other faults a worker with a few partitions has a payment every ten or twenty seconds.
    at_points(spell, "worker", PAYER_POINTS, most=2)


def runners_at_points(spell):
    at_points(spell, "worker", RUN_POINTS)


def apis_at_points(spell):
    at_points(spell, "api", API_POINTS)


def doom_workers(spell):
    """A command that aborts whoever decides it: it ends as a dead letter, and its neighbours take effect."""
    load, fleet, since = spell.drill.load, spell.fleet, len(spell.fleet.deaths)
    fleet.always["worker"]["BILLD_ABORT_ON"] = DOOM
    fleet.restart_all("worker")
    spell.wait(lambda: len(spell.deaths("worker", since, 0)) >= len(fleet.running("worker")), "workers are restarted")
    tenant = load.tenants[0]
    attempt = spell.wait(
        lambda: next((a for a in [load.command(tenant, "/v1/customers", {"name": DOOM})] if a.status == 202), None),
        "the doomed command is accepted",
    )
    operation_id = attempt.answer["operation_id"]
    # Three takeovers, four deaths over it alone, each with a session that must time out.
    outcome = eventually(lambda: spell.drill.outcome(tenant, operation_id), "the doomed command is set aside", 240, 0.2)
    assert outcome["status"] == "failed" and slug(outcome["error"]) == "dead-letter", outcome
    died = spell.deaths("worker", since, -signal.SIGABRT)
    assert 4 <= len(died) <= 12, f"{len(died)} workers died over one command"
    assert all("panic" in death.last for death in died), died[0]
    spell.times = len(died)
    spell.note(f"{len(died)} workers died over it")
    spell.drill.doomed(operation_id)
    del fleet.always["worker"]["BILLD_ABORT_ON"]


def stop_until_moved(spell):
    """A worker sleeps until others have its partitions and went on with them; then it wakes up and knows nothing."""
    while True:
        owners = spell.wait(
            lambda: [m for m in spell.fleet.running("worker") if (spell.metric(m, "billd_partitions") or 0) > 0],
            "some worker has partitions",
        )
        sleeper = spell.random.choice(owners)
        held = spell.metric(sleeper, "billd_partitions") or 0
        spell.fleet.signal(sleeper, signal.SIGSTOP)
        try:
            spell.note(f"{sleeper.program.name} is stopped with {held} partitions")
            spell.wait(lambda who=sleeper: others_have_all(spell, who), "its partitions move")
            spell.await_commit()
            spell.pause(0, 1)
            spell.hit(f"{sleeper.program.name} goes on after its partitions moved")
        finally:
            spell.fleet.signal(sleeper, signal.SIGCONT)
        if spell.is_over():
            return
        spell.await_commit()


def others_have_all(spell, sleeper):
    others = [m for m in spell.fleet.running("worker") if m.program.name != sleeper.program.name]
    return sum(spell.metric(member, "billd_partitions") or 0 for member in others) == spell.drill.partitions


def come_and_go(spell):
    before = len(spell.fleet.running("worker"))
    try:
        while not spell.is_over():
            count = spell.random.randrange(1, 5)
            spell.fleet.size(count)
            spell.hit(f"{count} workers")
            spell.pause(1.5, 4)
    finally:
        spell.fleet.size(before)


def nothing(spell):
    time.sleep(max(0.0, spell.until - time.monotonic()))
    spell.times = 1


def hot_key(spell):
    nothing(spell)
    attempts = [record for record in spell.drill.history if isinstance(record, Attempt)]
    hot = spell.drill.load.hot.id
    made = [a for a in attempts if a.status == 202 and (a.body or {}).get("customer_id") == hot]
    names = {hot, *(attempt.answer["resource"]["id"] for attempt in made)}
    about = [a for a in attempts if names & {(a.body or {}).get("customer_id"), *a.path.split("/")}]
    spell.times = len(about)
    assert len(about) > 0.4 * len(attempts), f"{len(about)} of {len(attempts)} requests are about the hot customer"


def poison(spell):
    nothing(spell)
    spell.drill.load.poisoner.flush()
    spell.times = sum(isinstance(record, Poison) for record in spell.drill.history)


# Another time


def faketime_library():
    found = sorted(Path("/").glob(FAKETIME.lstrip("/")))
    return str(found[0]) if found else None


def no_faketime():
    return None if faketime_library() else "libfaketime is not installed (package faketime)"


def move_clock(spell):
    """Workers' clocks jump by a day, back, and a day back: what they decide carries the commands' times alone."""
    fleet, began = spell.fleet, time.time()
    with tempfile.TemporaryDirectory(prefix="billd-clock-") as directory:
        Path(directory).chmod(0o755)
        clock = Path(directory) / "clock"
        clock.write_text("+0\n")
        mine = {
            "LD_PRELOAD": faketime_library(),
            "FAKETIME_TIMESTAMP_FILE": str(clock),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DONT_RESET": "1",
        }
        fleet.always["worker"].update(mine)
        try:
            since = len(fleet.deaths)
            count = len(fleet.running("worker"))
            fleet.restart_all("worker")
            spell.wait(lambda: len(spell.deaths("worker", since, 0)) >= count, "workers are restarted")
            spell.await_commit()
            days = [1, 0, -1, 0]
            for day in days * 3:
                if spell.is_over() and spell.times >= len(days):
                    break
                clock.with_suffix(".new").write_text(f"{day * DAY_SECONDS:+d}\n")
                os.replace(clock.with_suffix(".new"), clock)
                spell.await_commit()
                spell.wait(lambda day=day: log_has_day(fleet, day), f"a worker lives {day:+d} days from now")
                spell.hit(f"the workers' clocks are {day:+d} days off")
                spell.pause(0.5, 2)
            with spell.drill.load.silence():
                spell.drill.await_quiet()
                notice = untimely_rows(spell.stack, began)
                assert not notice, f"rows of another day: {notice}"
        finally:
            for name in mine:
                fleet.always["worker"].pop(name, None)
            fleet.restart_all("worker")


def log_has_day(fleet, day):
    """Whether the last line of a worker's log is of that day, by its own clock."""
    wanted = time.strftime('"ts":"%Y-%m-%dT', time.gmtime(time.time() + day * DAY_SECONDS))
    return any(wanted in tail(member.program.log, 1) for member in fleet.running("worker"))


def untimely_rows(stack, began):
    """Rows that were made since then and carry another day's time; who lives on a test clock has another time."""
    low, high = f"to_timestamp({began - 60})", f"to_timestamp({time.time() + 60})"
    real = "NOT EXISTS (SELECT FROM billd.customers c WHERE c.test_clock_id IS NOT NULL AND c.id = {})"
    found = {}
    for table, column, customer in (
        ("customers", "created_at", "t.id"), ("plans", "created_at", "NULL"),
        ("subscriptions", "created_at", "t.customer_id"), ("invoices", "issued_at", "t.customer_id"),
        ("operations", "accepted_at", "NULL"), ("payments", "created_at", "t.customer_id"),
        ("credit_notes", "created_at", "t.customer_id"), ("items", "created_at", "t.customer_id"),
    ):  # fmt: skip
        of = f"SELECT count(*) FROM billd.{table} t WHERE {real.format(customer)} AND"
        count = int(stack.superuser(f"{of} {column} > {high}"))
        # Of the past, by their place: what came before this fault is older, and by a day at most.
        early = f"{column} < {low} AND {column} > to_timestamp({began - 2 * DAY_SECONDS})"
        early += f" AND {column} < to_timestamp({began - DAY_SECONDS / 2})"
        # What is billed for a start in the past is dated then.
        count += int(stack.superuser(f"{of} {early}")) if table != "invoices" else 0
        if count:
            found[table] = count
    return found
