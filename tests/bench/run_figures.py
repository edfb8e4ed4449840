"""What is measured of billing runs: figures as tests/bench/figures.py gives them."""

import contextlib
import json
import os
import threading
import time
from datetime import datetime
from pathlib import Path

import profiles
import psycopg
from bed import OUTPUT, PARTITIONS, cpu_seconds, memory
from figures import TURNS, WARM_UP_S, Figure, quantile, rate, rounded
from fill_runs import Pool
from programs import fetch, number_told, tail
from waiting import eventually

RECONCILE_SECONDS = 600
SUBSCRIPTIONS = 100_000  # unless RUN_SUBSCRIPTIONS tells another number
SMALL = 10_000  # what growth is measured from
LIVE_RATE = 100  # POSTs a second beside a run
LIVE_CONNECTIONS = 64
LIVE_SECONDS = 8
LOOK_S = 0.02
RUN_SECONDS = 3600  # for a run to end
COPY_INVOICES = 10_000  # of whose rows each COPY has all
COPY_BYTES = 1 << 20
SETTINGS = ("shared_buffers", "min_wal_size", "max_wal_size", "checkpoint_timeout", "wal_compression",
            "full_page_writes", "data_checksums", "synchronous_commit")  # fmt: skip
# What the run stored, in the order in which it did: n is the number of the invoice that it is of.
TABLES = {"invoices": "id", "invoice_lines": "invoice_id", "journal": "document_id", "outbox": "subject",
          "subscriptions": "id"}  # fmt: skip
KEEP = """
DROP TABLE IF EXISTS bench.kept, bench.kept_invoices, bench.kept_invoice_lines, bench.kept_journal,
    bench.kept_outbox, bench.kept_subscriptions;
CREATE UNLOGGED TABLE bench.kept AS SELECT made.n, about.id FROM
    (SELECT row_number() OVER (ORDER BY ctid) AS n, id, subscription_id FROM billd.invoices) made
    CROSS JOIN LATERAL (VALUES (made.id), (made.subscription_id)) about(id);
ANALYZE bench.kept;
"""
KEEP_TABLE = """
CREATE UNLOGGED TABLE bench.kept_{table} AS
    SELECT k.n, t.* FROM billd.{table} t JOIN bench.kept k ON k.id = t.{about};
CREATE INDEX ON bench.kept_{table} (n);
ALTER TABLE bench.kept_{table} OWNER TO billd_bench;
ANALYZE bench.kept_{table};
"""

REPORT = """
SELECT extract(epoch FROM accepted_at)::float8, run.status, run.due, run.invoiced, run.failed, run.books
FROM billd.billing_runs run JOIN billd.operations told ON told.organisation_id = run.organisation_id
    AND told.resource_id = run.id AND told.command = 'start_billing_run'
WHERE run.id = %s
"""
PARTS_FINISHED = "SELECT count(*) FROM billd.billing_run_parts WHERE run_id = %s AND finished_at IS NOT NULL"


# The processes of the stack


def postgres_processes():
    """{pid: what it is} of the clusters' processes whose titles can be read."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            title = path.read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            if title.startswith("postgres: "):
                found[int(path.parent.name)] = title.removeprefix("postgres: ")
    return found


class Cpu:
    """What each process of the stack has used since: told for each invoice."""

    def __init__(self, bed, workers):
        self.bed, self.workers = bed, workers
        self.before = self.look()
        self.machine = self.idle()

    def idle(self):
        fields = Path("/proc/stat").read_text(encoding="utf-8").split("\n", 1)[0].split()[1:]
        return int(fields[3]) / os.sysconf("SC_CLK_TCK"), time.monotonic()

    def look(self):
        """{(kind, pid): seconds}"""
        stack = self.bed.stack
        ours = [(f"worker {n}", one.process.pid) for n, one in enumerate(self.workers, 1)]
        ours.append(("api", stack.api.process.pid))
        ours.append(("Kafka", int((stack.directory / "kafka.pid").read_text().split()[0])))
        mine = set(map(int, stack.superuser(
            "SELECT pid FROM pg_stat_activity WHERE datname = 'billd' OR datname IS NULL").split()))  # fmt: skip
        backends = [(pid, title) for pid, title in postgres_processes().items() if pid in mine]
        for pid, title in backends:
            kind = next((kind for name, kind in (("billd_worker", "backends of workers"), ("autovacuum", "autovacuum"))
                         if name in title), "other of PostgreSQL")  # fmt: skip
            ours.append((kind, pid))
        found = {}
        for kind, pid in ours:
            with contextlib.suppress(OSError):
                found[kind, pid] = cpu_seconds(pid)
        return found

    def told(self, invoices):
        """A text: microseconds of processor of an invoice, by kind; idle as a share of the machine."""
        used = {}
        for (kind, pid), seconds in self.look().items():
            used[kind] = used.get(kind, 0) + seconds - self.before.get((kind, pid), 0)
        idle, at = self.idle()
        share = (idle - self.machine[0]) / (at - self.machine[1]) / os.cpu_count()
        parts = [f"{kind} {seconds * 1e6 / invoices:.0f}" for kind, seconds in used.items()
                 if seconds * 1e6 / invoices >= 0.5]  # fmt: skip
        return f"{', '.join(parts)} µs; processors idle {share:.0%}"


# Runs


class RunBed:
    """Whoever is to be billed, and runs over them; kept on the bed for all stages."""

    def __init__(self, bed, scale):
        self.bed = bed
        told = os.environ.get("RUN_SUBSCRIPTIONS")
        self.count = int(number_told("RUN_SUBSCRIPTIONS", 0, least=100)) if told else scale(SUBSCRIPTIONS, SMALL // 2)
        # A million takes long enough to be told once.
        self.turns = TURNS if self.count <= 2 * SUBSCRIPTIONS else 1
        self.pool = Pool(bed, self.count)
        self.settings = dict(bed.stack.worker.settings)
        bed.ready_wal()
        rows = [(name, bed.connection.execute(f"SHOW {name}").fetchone()[0]) for name in SETTINGS]
        self.said = "; ".join(f"{name}={value}" for name, value in rows)
        self.alone = []

    @contextlib.contextmanager
    def by_hand(self, count, more=()):
        """`count` subscriptions are due, and workers run that bill nothing by themselves."""
        workers = [self.bed.stack.worker, *more]
        self.bed.stack.worker.stop()
        self.pool.restore(count)
        try:
            for worker in workers:
                worker.settings["BILLD_BILLING"] = "manual"
                worker.start()
            eventually(lambda: self.is_shared(workers), f"{len(workers)} workers have their partitions", 60, 0.1)
            yield workers
        finally:
            for worker in more:
                worker.end()
            self.bed.stack.worker.end()
            self.bed.stack.worker.settings = dict(self.settings)
            self.pool.empty()
            self.bed.stack.worker.start()

    def is_shared(self, workers):
        """Whether every partition has a worker, and each worker some."""
        owned = []
        for worker in workers:
            lines = fetch(worker.url + "/metrics").text.splitlines()
            owned.append(next(int(line.split()[1]) for line in lines if line.startswith("billd_partitions ")))
        return sum(owned) == PARTITIONS and all(owned)

    def run(self, count, workers, meanwhile=None):
        """One run over `count` due subscriptions, and what it took."""
        bed, org = self.bed, self.bed.org
        logs = [(worker.log, worker.log.stat().st_size) for worker in workers]
        cpu = Cpu(bed, workers)
        run_id = org.send("POST", "/v1/billing-runs", {"as_of": self.pool.as_of})["resource"]["id"]
        beside = threading.Thread(target=meanwhile) if meanwhile else None
        if beside:
            beside.start()
        with bed.stack.connect("worker", org.organisation_id) as connection:
            published = self.wait_published(connection, run_id, workers)
            told = cpu.told(count)
            self.wait_finished(connection, run_id, workers)
            closed = time.time()
            accepted, *outcome = connection.execute(REPORT, (run_id,)).fetchone()
        if beside:
            beside.join()
        assert outcome == ["finished", count, count, 0, "balanced"], outcome
        chunks = sorted((chunk for log in logs for chunk in chunks_of(*log, run_id)), key=lambda chunk: chunk["at"])
        assert sum(chunk["invoices"] for chunk in chunks) == count
        last = chunks[-1]["at"]
        return {
            "count": count,
            "seconds": last - accepted,
            "first": chunks[0]["at"] - chunks[0]["microseconds"] / 1e6 - accepted,
            "chunk": count / len(chunks),
            "chunk_us": sum(chunk["microseconds"] for chunk in chunks) / count,
            "closed": closed - last,
            "lag": max(0.0, published - last),
            "cpu": told,
            "peak": max(memory(worker.process.pid, "VmHWM") for worker in workers),
        }

    def wait_published(self, connection, run_id, workers):
        """Until all parts are finished and no event waits: when that was."""

        def is_published():
            self.check_workers(workers)
            parts = connection.execute(PARTS_FINISHED, (run_id,)).fetchone()[0]
            return parts == PARTITIONS and self.bed.done()[1] == 0

        eventually(is_published, f"billing run {run_id} is done and published", RUN_SECONDS, LOOK_S)
        return time.time()

    def wait_finished(self, connection, run_id, workers):
        def is_finished():
            self.check_workers(workers)
            return connection.execute(REPORT, (run_id,)).fetchone()[1] != "running"

        eventually(is_finished, f"billing run {run_id} is finished", RUN_SECONDS, LOOK_S)

    @staticmethod
    def check_workers(workers):
        for worker in workers:
            assert worker.is_running(), f"{worker.name} ended:\n{tail(worker.log)}"

    # What is compared with

    def reconcile(self):
        """The operator's look at all books, right behind a run: how many seconds. It finds what SQL filled in."""
        began = time.monotonic()
        told = self.bed.stack.billd("reconcile", timeout=RECONCILE_SECONDS, expect=1)
        found = [line.split()[1] for line in told.splitlines() if line.startswith("DIFFERS")]
        assert found == ["deferred_revenue", "redemptions"], told
        return time.monotonic() - began

    def keep_rows(self):
        """Those of the run that was: how many are of an invoice."""
        self.pool.superuser(KEEP)
        rows = 0
        for table, about in TABLES.items():
            self.pool.superuser(KEEP_TABLE.format(table=table, about=about))
            rows += int(self.pool.superuser(f"SELECT count(*) FROM bench.kept_{table}"))
        return rows / self.count

    def copy(self):
        """The kept rows by binary COPY, into emptied tables, one session."""
        self.pool.empty()
        lots = [(first, first + COPY_INVOICES) for first in range(1, self.count + 1, COPY_INVOICES)]
        files = {lot: self.bed.stack.directory / f"lot-{lot[0]}" for lot in lots}
        with psycopg.connect(self.bed.database_url, autocommit=True) as connection:
            names = {table: self.dump(connection, table, files) for table in TABLES}
            self.pool.superuser("CHECKPOINT")
            seconds = sum(copy_lot(connection, names, files[lot]) for lot in lots)
        for file in files.values():
            for table in TABLES:
                file.with_suffix(f".{table}").unlink()
        return {"count": self.count, "seconds": seconds}

    def dump(self, connection, table, files):
        """A file for each lot of its rows: the columns' names."""
        names = connection.execute(
            "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute "
            f"WHERE attrelid = 'bench.kept_{table}'::regclass AND attnum > 1"
        ).fetchone()[0]
        for (first, end), file in files.items():
            query = f"SELECT {names} FROM bench.kept_{table} WHERE n >= {first} AND n < {end} ORDER BY n"
            with (
                connection.cursor().copy(f"COPY ({query}) TO STDOUT (FORMAT binary)") as rows,
                open(file.with_suffix(f".{table}"), "wb") as data,
            ):
                data.writelines(rows)
        return names


def copy_lot(connection, names, file):
    """One transaction: how long it took."""
    began = time.monotonic()
    with connection.transaction():
        for table, columns in names.items():
            # A run's new version of a subscription keeps its customer: no foreign key is looked at.
            connection.execute(
                f"SET LOCAL session_replication_role = {'replica' if table == 'subscriptions' else 'origin'}"
            )
            command = f"COPY billd.{table} ({columns}) FROM STDIN (FORMAT binary)"
            with open(file.with_suffix(f".{table}"), "rb") as data, connection.cursor().copy(command) as rows:
                while block := data.read(COPY_BYTES):
                    rows.write(block)
    return time.monotonic() - began


def chunks_of(log, offset, run_id):
    """What a worker's log says of the chunks of a run from there on, each with the moment of its commit."""
    with open(log, "rb") as file:
        file.seek(offset)
        for line in file:
            if run_id.encode() in line and b'"event":"due"' in line:
                chunk = json.loads(line)
                yield chunk | {"at": datetime.fromisoformat(chunk["ts"]).timestamp()}


# Figures


def run_bed(bed, scale):
    """The one for all stages."""
    if not hasattr(bed, "runs"):
        bed.runs = RunBed(bed, scale)
    return bed.runs


def alone(runs):
    """A turn of one worker on an idle stack; profiled where that is wanted."""
    bed = runs.bed
    with runs.by_hand(runs.count) as workers:
        pid, number = workers[0].process.pid, len(runs.alone)
        with (
            bed.profiled(f"run-{number}", lambda: pid),
            bed.backend_profiled(f"run-{number}-postgres"),
        ):
            turn = runs.run(runs.count, workers)
        if not runs.alone:
            runs.reconciled = runs.reconcile()
            runs.rows = runs.keep_rows()
    runs.alone.append(turn)
    return turn


def said_of(runs, turns):
    """What is the same for all figures of runs."""
    last = turns[-1]
    return (
        f"{runs.count} subscriptions due, {runs.rows:.1f} rows an invoice; from the command to the first chunk "
        f"{last['first']:.2f} s; {last['chunk']:.0f} invoices a chunk, {last['chunk_us']:.0f} µs each within; "
        f"closed {last['closed']:.1f} s after the last commit; reconcile, then, {runs.reconciled:.1f} s; "
        f"CPU of an invoice: {last['cpu']}; "
        f"turns: {rounded(turns)}"
    )


def one_worker(bed, scale):
    runs = run_bed(bed, scale)
    small = min(SMALL, runs.count // 2)
    copies, few = [], []
    for _ in range(runs.turns):
        alone(runs)
        copies.append(runs.copy())
        with runs.by_hand(small) as workers:
            few.append(runs.run(small, workers))
    if bed.profile:
        with profiles.statements(OUTPUT / "profile-run-statements.txt", bed.stack), runs.by_hand(small) as workers:
            runs.run(small, workers)
    turns, said = runs.alone, f"{said_of(runs, runs.alone)}; {runs.said}"
    yield Figure("run_invoices", rate(turns), "invoices/s", conditions=f"1 worker; {said}")
    yield Figure(
        "run_vs_copy", rate(turns) * runs.rows, "rows/s",
        "the same rows (invoice, lines, journal, outbox, subscription) by binary COPY into the same tables with their "
        f"indexes, 1 session, {COPY_INVOICES} invoices a transaction", rate(copies) * runs.rows,
        f"COPY in invoices/s {rounded(copies)}; {said}",
    )  # fmt: skip

    def each(some):
        return sum(turn["seconds"] - turn["first"] for turn in some) / sum(turn["count"] for turn in some) * 1e6

    yield Figure(
        "run_growth", each(turns), "µs/invoice", f"the same with {small} subscriptions", each(few),
        f"{runs.count} subscriptions, from the first chunk on; turns with {small}: {rounded(few)}/s",
    )  # fmt: skip
    yield Figure(
        "run_event_lag", max(turn["lag"] for turn in turns), "s",
        conditions=f"from the last commit of a run of {runs.count} until all of its events are published; "
        f"turns: {'/'.join(format(turn['lag'], '.2f') for turn in turns)}",
    )  # fmt: skip
    yield Figure(
        "rss_run", max(turn["peak"] for turn in turns), "MiB", conditions=f"peak; {runs.count} subscriptions, 1 worker"
    )


def two_workers(bed, scale):
    runs = run_bed(bed, scale)
    ones, pairs = [], []
    for number in range(runs.turns):
        ones.append(alone(runs))
        with runs.by_hand(runs.count, [bed.stack.make_worker(f"runs-{number}")]) as workers:
            pairs.append(runs.run(runs.count, workers))
    yield Figure(
        "run_two_workers", rate(pairs), "invoices/s", "one worker", rate(ones),
        f"2 workers; {said_of(runs, pairs)}; one worker: {rounded(ones)}, CPU {ones[-1]['cpu']}",
    )  # fmt: skip


def live(bed, scale):
    runs = run_bed(bed, scale)
    if not runs.alone:
        alone(runs)
    # The run is to last longer than the requests come.
    seconds = max(2, min(LIVE_SECONDS, int(0.8 * runs.alone[-1]["seconds"]) - 2))
    each = LIVE_RATE * (seconds + WARM_UP_S + 1)
    request = bed.request_file(Prefer="wait=20")
    found = []

    def ask(first):
        began = time.monotonic()
        found.append(
            bed.tool("load", bed.stack.api_port, LIVE_CONNECTIONS, seconds, LIVE_RATE, 201, request,
                     bed.customer_ids(first, each))
        )  # fmt: skip
        found[-1]["lasted"] = time.monotonic() - began

    idle, beside, ran = [], [], []
    for _ in range(runs.turns):
        with runs.by_hand(runs.count) as workers:
            first = bed.customers(2 * each)
            ask(first)
            ran.append(runs.run(runs.count, workers, lambda first=first: ask(first + each)))
            idle.append(found[-2])
            beside.append(found[-1])
    wrong = sum(turn["wrong"] for turn in found)
    assert wrong == 0, f"{wrong} answers were not a 201"

    def told(turns, share=0.99):
        return quantile([one for turn in turns for one in turn["times_us"]], share) / 1000

    lasted = "/".join(
        f"{run['seconds']:.1f} s, requests {turn['lasted']:.1f} s" for run, turn in zip(ran, beside, strict=True)
    )
    yield Figure(
        "run_live_p99", told(beside), "ms", "the same without a run", told(idle),
        f"{LIVE_RATE} POST /v1/subscriptions a second with Prefer: wait, from the plan's moment to the 201; "
        f"p50 {told(beside, 0.5):.1f} against {told(idle, 0.5):.1f}, most {told(beside, 1):.0f} against "
        f"{told(idle, 1):.0f} ms; the run {rounded(ran)} invoices/s and lasted {lasted}",
    )  # fmt: skip


STAGES = [
    (one_worker, ("run_invoices", "run_vs_copy", "run_growth", "run_event_lag", "rss_run"), 110),
    (two_workers, ("run_two_workers",), 90),
    (live, ("run_live_p99",), 80),
]
