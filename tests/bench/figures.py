"""What is measured: each function gives figures, in the order in which they can be taken on one bed."""

import os
import time
from dataclasses import dataclass

import profiles
import requests
from bed import OUTPUT, TOPIC, cpu_seconds, memory

TURNS = 2  # of the worker and of what it is compared with, in alternation
BATCH = 500  # BILLD_BATCH_MAX's default
SINGLE_CONNECTIONS = 8
SINGLE_SHARE = 0.1  # of the commands: one for each transaction is slow
RATE = 500  # POSTs a second while latency is measured
COMMIT_RATE = 100
WAITING_CONNECTIONS = 256
YOUNG_TURNS = 2  # of latency that do not count
READ_CONNECTIONS = 64
DATABASE_CONNECTIONS = 4  # BILLD_DATABASE_CONNECTIONS's default
HTTP_THREADS = 2  # BILLD_HTTP_THREADS's default
HTTP_CONNECTIONS_MAX = 10000  # BILLD_CONNECTIONS's default
POISON_EVERY = 100  # of tests/bench/fill.c
WARM_UP_S = 1  # of tests/bench/load.c
MODELS = ("flat", "per_unit", "graduated", "volume", "package", "percentage")


@dataclass
class Figure:
    name: str
    value: float
    unit: str
    limit: str | None = None
    limit_value: float | None = None
    conditions: str = ""

    @property
    def ratio(self):
        return self.value / self.limit_value if self.limit_value else None


def rate(turns, unit="seconds"):
    """Of several turns together."""
    return sum(turn["count"] for turn in turns) / sum(turn[unit] for turn in turns)


def quantile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))]


def rounded(turns):
    return "/".join(f"{turn['count'] / turn['seconds']:.0f}" for turn in turns)


# The worker


def drain(bed, first, count, name, more=()):
    """Commands a second by which the worker, and `more` of them, drain what they find on the topic."""
    workers = [bed.stack.worker, *more]
    bed.stack.worker.stop()
    bed.empty_tables()
    before = bed.done()[0]
    bed.fill("subscriptions", count, first)
    bed.sql("CHECKPOINT")
    for worker in workers:
        worker.start()
    pids = [worker.process.pid for worker in workers]
    with bed.profiled(name, lambda: pids[0]), bed.backend_profiled(f"{name}-postgres"):
        bed.wait_done(before + count, 600)
        cpu = [sum(cpu_seconds(pid) for pid in part) * 1e6 / count for part in (pids, bed.backends())]
    for worker in more:
        worker.stop()
    # By when its transactions began: from the first to the last one, whose commands do not count.
    row = bed.stack.superuser(
        "WITH batches AS (SELECT completed_at, count(*) AS commands FROM billd.operations "
        "WHERE status = 'succeeded' AND command = 'create_subscription' GROUP BY completed_at), "
        "ends AS (SELECT min(completed_at) AS first, max(completed_at) AS last FROM batches) "
        "SELECT sum(commands), count(*), sum(commands) FILTER (WHERE completed_at < last), "
        "extract(epoch FROM last - first) FROM batches, ends GROUP BY first, last"
    )
    total, batches, counted, seconds = row.split("|")
    assert int(total) == count, f"{total} of {count} commands succeeded"
    return {"count": int(counted), "seconds": float(seconds), "batch": count / int(batches), "cpu_us": cpu}


def worker(bed, scale):
    count = scale(200_000, 10_000)
    single = scale(int(200_000 * SINGLE_SHARE), 4_000)
    first = bed.customers(count)
    more = [bed.stack.make_worker(f"worker-{number}") for number in range(1, os.cpu_count())]
    ours, every, unnest, one, piped = [], [], [], [], []
    for number in range(TURNS):
        ours.append(drain(bed, first, count, f"worker-{number}"))
        if number == 0:
            bed.keep_rows()
        bed.empty_tables()
        every.append(drain(bed, first, count, f"workers-{number}", more))
        bed.empty_tables()
        unnest.append(bed.tool("bare_insert", bed.database_url, "unnest", count, BATCH))
        for mode, turns in (("single", one), ("piped", piped)):
            bed.empty_tables()
            turns.append(bed.tool("bare_insert", bed.database_url, mode, single, SINGLE_CONNECTIONS))
    if bed.profile:
        with profiles.statements(OUTPUT / "profile-statements.txt", bed.stack):
            drain(bed, first, count, "statements")
    bed.empty_tables()
    rows = "subscription, invoice, line, operation, 2 events"

    def said(turns, workers):
        own, backend = turns[-1]["cpu_us"]
        return (
            f"{count} commands, {turns[0]['batch']:.0f} a batch, workers: {workers}; CPU of a command: "
            f"worker {own:.0f} µs, its PostgreSQL backends {backend:.0f} µs; turns: {rounded(turns)}"
        )

    yield Figure(
        "worker_vs_unnest", rate(ours), "commands/s",
        f"the same rows ({rows}) by bare UNNEST inserts, {BATCH} a transaction, 1 connection",
        rate(unnest), f"{said(ours, 1)}; bare {rounded(unnest)}",
    )  # fmt: skip
    yield Figure(
        "worker_vs_single", rate(every), "commands/s",
        f"the same rows, a transaction for each command, {SINGLE_CONNECTIONS} connections, prepared statements",
        rate(one),
        f"{said(every, 1 + len(more))}, one for each processor; bare {single} commands, {rounded(one)}; "
        f"each transaction as one pipeline {rounded(piped)}",
    )  # fmt: skip


# Rating


def rates(bed, scale):
    milliseconds, rounds = scale(300, 100), scale(5, 3)
    measured = bed.tool("rate", milliseconds, rounds)
    assert measured["allocations"] == 0, f"rating allocated {measured['allocations']} times"
    bare = quantile(measured["bare"], 0.5)
    for model in MODELS:
        turns = measured[model]
        yield Figure(
            f"rate_{model}", quantile(turns, 0.5), "lines/s",
            "a bare loop that multiplies and divides 64 bits once for each line", bare,
            f"one thread, the middle one of {rounds} turns of {milliseconds} ms; allocations: "
            f"{measured['allocations']}; turns in thousands: {'/'.join(f'{turn / 1e3:.0f}' for turn in turns)}",
        )  # fmt: skip


# Publishing


def publish(bed, scale):
    count = scale(20_000, 2_000)
    before = bed.done()[0]
    bed.fill("both", count)
    bed.wait_done(before + count, 300)
    rounds = 3
    measured = bed.tool(
        "publish", bed.stack.bootstrap, bed.stack.database_urls["worker"], count, scale(5, 2), rounds
    )  # fmt: skip
    ours, bare = (sum(measured[side]) / rounds for side in ("ours", "bare"))
    turns = " against ".join("/".join(f"{turn:.0f}" for turn in measured[side]) for side in ("ours", "bare"))
    yield Figure(
        "publish", ours, "events/s",
        "a bare producer of the same bytes with the same settings",
        bare, f"{measured['bytes']} bytes an event with key and headers, lz4, idempotent, acks=all; turns: {turns}",
    )  # fmt: skip


# Latency


def latency(bed, scale):
    rounds, seconds = scale(3, 1), scale(8, 3)
    each = RATE * (seconds + WARM_UP_S + 1)
    first = bed.customers(each * (YOUNG_TURNS + rounds))
    request = bed.request_file(Prefer="wait=20")
    waited, produced, committed, wrong = [], [], [], 0
    bed.ready_wal()
    for number in range(YOUNG_TURNS + rounds):
        ids = bed.customer_ids(first + number * each, each)
        produce = bed.tool("bare_produce", bed.stack.bootstrap, TOPIC, *bed.wire(), "rate", RATE, seconds)
        commit = bed.tool("bare_insert", bed.database_url, "commit", seconds, COMMIT_RATE)
        load = bed.tool("load", bed.stack.api_port, WAITING_CONNECTIONS, seconds, RATE, 201, request, ids)
        wrong += load["wrong"]
        # At first a young broker still compiles its code, which takes half of a core.
        if number >= YOUNG_TURNS:
            produced += produce["times_us"]
            committed += commit["times_us"]
            waited += load["times_us"]
    assert wrong == 0, f"{wrong} of {len(waited)} answers were not a 201"
    said = f"{RATE}/s, open loop over {WAITING_CONNECTIONS} connections, timed from the planned moment, "
    for name, share in (("latency_p50", 0.5), ("latency_p99", 0.99)):
        produce, commit = quantile(produced, share) / 1000, quantile(committed, share) / 1000
        yield Figure(
            name, quantile(waited, share) / 1000, "ms",
            f"produce round trip + one commit, each at the same percentile, {produce:.2f} + {commit:.2f}",
            produce + commit,
            f"{said}{len(waited)} requests; produce {RATE}/s with the ingress's settings, commit {COMMIT_RATE}/s",
        )  # fmt: skip


# Reads


def reads(bed, scale):
    count, seconds, rounds = scale(20_000, 2_000), scale(5, 2), scale(3, 1)
    before = bed.done()[0]
    bed.fill("both", count)
    bed.wait_done(before + count, 300)
    ids = bed.invoice_ids()
    bed.sql("VACUUM ANALYZE billd.invoices; VACUUM ANALYZE billd.invoice_lines; CHECKPOINT")
    request = bed.get_file("/v1/invoices/@ID@")
    load = ("load", bed.stack.api_port, READ_CONNECTIONS, seconds, 0, 200, request, ids)
    # As the api's role, which row-level security binds, and as one that it does not bind, in turns of its own.
    roles = (bed.stack.database_urls["api"], bed.database_url)
    bare = ("bare_select", bed.org.organisation_id, DATABASE_CONNECTIONS, len(roles) * seconds, ids, *roles)
    ours, secured, unsecured, cpu = [], [], [], 0
    for number in range(rounds):
        used = cpu_seconds(bed.stack.api.process.pid)
        with bed.profiled(f"read-{number}", lambda: bed.stack.api.process.pid):
            ours.append(bed.tool(*load))
        cpu += (cpu_seconds(bed.stack.api.process.pid) - used) * seconds / (seconds + WARM_UP_S)
        for turns, turn in zip((secured, unsecured), bed.tool(*bare)["sides"], strict=True):
            turns.append(turn)
    wrong = sum(turn["wrong"] for turn in ours)
    assert wrong == 0, f"{wrong} answers were not a 200"
    said = f"invoices with one line, {len(ids.read_text().split())} of them, {DATABASE_CONNECTIONS} connections"
    yield Figure(
        "read_vs_select", rate(ours), "answers/s", "a bare prepared SELECT of the same JSON, row-level security off",
        rate(unsecured),
        f"{said} to PostgreSQL on either side, {READ_CONNECTIONS} of HTTP; CPU of a request in the api: "
        f"{cpu * 1e6 / sum(turn['count'] for turn in ours):.0f} µs; turns: {rounded(ours)}, bare {rounded(unsecured)}",
    )  # fmt: skip
    bound, unbound = (rate(turns, "cpu_seconds") for turns in (secured, unsecured))
    yield Figure(
        "rls_cost", bound, "rows/s of CPU", "the same SELECT with row-level security off", unbound,
        f"{said} a role; CPU of a row in PostgreSQL: {1e6 / bound:.1f} and {1e6 / unbound:.1f} µs; "
        f"rows/s by the clock, turns: {rounded(secured)} and {rounded(unsecured)}",
    )  # fmt: skip


# Memory of the worker


def rss_worker(bed, scale):
    count = scale(1_000_000, 50_000)
    worker = bed.stack.worker
    worker.stop()
    before = bed.done()[0]
    bed.fill("both", count)
    worker.start()
    bed.wait_done(before + count, 800)
    yield Figure(
        "rss_worker", memory(worker.process.pid, "VmHWM"), "MiB",
        conditions=f"peak; {count} commands on the topic, half create a customer, half subscribe it",
    )  # fmt: skip


def rss_worker_poison(bed, scale):
    count = scale(1_000_000, 50_000)
    worker = bed.stack.worker
    worker.stop()
    before = bed.done()[0]
    letters = int(bed.stack.superuser("SELECT count(*) FROM billd.dead_letters"))
    first = bed.fill("poison", count)
    worker.start()
    while bed.done()[0] < before + count // 10:
        time.sleep(0.05)
    base = memory(worker.process.pid, "VmRSS")
    bed.wait_done(before + count, 800)
    letters = int(bed.stack.superuser("SELECT count(*) FROM billd.dead_letters")) - letters
    poison = (first + count - 1) // POISON_EVERY - (first - 1) // POISON_EVERY
    assert letters == poison, f"{letters} dead letters, {poison} of {count} messages were poison"
    peak = memory(worker.process.pid, "VmHWM")
    yield Figure(
        "rss_worker_poison", peak - base, "MiB",
        conditions=f"peak less what it was after a tenth ({base:.1f}); {count} messages, {letters} of them poison",
    )  # fmt: skip


# The ingress


def answer_file(bed, ids):
    """An answer of the ingress's, for the bare server to give."""
    with open(ids, encoding="utf-8") as file:
        body = {"customer_id": file.readline().strip(), "plan_id": bed.plan_id}
    answer = bed.org.request("POST", "/v1/subscriptions", body)
    assert answer.status_code == requests.codes.accepted, answer.text
    others = ("Date", "Content-Length", "Connection")  # libmicrohttpd writes them
    own = [(name, value) for name, value in answer.headers.items() if name not in others]
    path = bed.stack.directory / "answer"
    path.write_text("".join(f"{name}: {value}\n" for name, value in own) + "\n" + answer.text, encoding="utf-8")
    return path


def ingress_at(bed, connections, seconds, rounds, request, ids, answer):
    stack = bed.stack
    ours, http, produced, cpu = [], [], [], 0
    stack.api.stop()
    stack.api.start()
    load = ("load", connections, seconds, 0, 202, request, ids)
    for number in range(rounds):
        with bed.profiled(f"api-{connections}-{number}", lambda: stack.api.process.pid):
            used = cpu_seconds(stack.api.process.pid)
            ours.append(bed.tool(load[0], stack.api_port, *load[1:]))
            # It used as much a second while it warmed up.
            cpu += (cpu_seconds(stack.api.process.pid) - used) * seconds / (seconds + WARM_UP_S)
        with bed.server("bare_http", HTTP_THREADS, HTTP_CONNECTIONS_MAX, answer) as port:
            http.append(bed.tool(load[0], port, *load[1:]))
        produced.append(
            bed.tool("bare_produce", stack.bootstrap, TOPIC, *bed.wire(), "window", connections, seconds)
        )  # fmt: skip
    wrong = sum(turn["wrong"] for turn in ours + http)
    assert wrong == 0, f"{wrong} answers were not a 202"
    limits = {"bare libmicrohttpd POST→202": rate(http), "bare idempotent produce, acks=all": rate(produced)}
    name, limit = min(limits.items(), key=lambda pair: pair[1])
    return Figure(
        f"ingress_{connections}", rate(ours), "answers/s", name, limit,
        f"{connections} connections, {HTTP_THREADS} event loops; CPU of a request: "
        f"{cpu * 1e6 / sum(turn['count'] for turn in ours):.0f} µs; turns: {rounded(ours)}, "
        f"bare libmicrohttpd {rounded(http)}, bare produce with {connections} in flight {rounded(produced)}",
    )  # fmt: skip


def ingress(bed, scale):
    """The last: its commands stay on the topic."""
    seconds, rounds = scale(6, 2), scale(3, 1)
    ids = bed.customer_ids(0, 20_000)
    request = bed.request_file()
    answer = answer_file(bed, ids)
    bed.stack.worker.stop()
    for connections in (64, 1000):
        yield ingress_at(bed, connections, seconds, rounds, request, ids, answer)
    yield Figure(
        "rss_api", memory(bed.stack.api.process.pid, "VmHWM"), "MiB",
        conditions=f"peak; 1000 connections under load for {rounds} turns of {seconds + WARM_UP_S} s",
    )  # fmt: skip


# Which function gives which figures, in the order in which they run, and the seconds that it takes at full length.
STAGES = [
    (rates, tuple(f"rate_{model}" for model in MODELS), 12),
    (worker, ("worker_vs_unnest", "worker_vs_single"), 150),
    (publish, ("publish",), 45),
    (latency, ("latency_p50", "latency_p99"), 85),
    (reads, ("read_vs_select", "rls_cost"), 65),
    (rss_worker, ("rss_worker",), 190),
    (rss_worker_poison, ("rss_worker_poison",), 90),
]
LAST = (ingress, ("ingress_64", "ingress_1000", "rss_api"), 140)
