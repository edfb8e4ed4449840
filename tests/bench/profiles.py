"""Where the time goes: perf, what a PostgreSQL process waits for, and each statement's share."""

import collections
import contextlib
import re
import signal
import subprocess
import threading
import time

SAMPLES_S = 0.005
# "duration: 1.234 ms  bind customers_insert: INSERT …", as log_min_duration_statement = 0 writes it.
DURATION = re.compile(r"billd_worker@billd LOG:  duration: ([0-9.]+) ms  (parse|bind|execute) (\w+)")


@contextlib.contextmanager
def perf(path, pid):
    """The functions in which a process is, meanwhile."""
    data = path.with_suffix(".data")
    recorder = subprocess.Popen(
        ["perf", "record", "-q", "-F", "499", "-p", str(pid), "-o", data], stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        recorder.send_signal(signal.SIGINT)
        recorder.wait(30)
    with open(path, "w", encoding="utf-8") as report:
        for sort in ("comm", "comm,dso", "comm,dso,symbol"):
            command = ["perf", "report", "--stdio", "--sort", sort, "--percent-limit", "0.4", "-i", data]
            subprocess.run(command, stdout=report, stderr=subprocess.DEVNULL, check=True)
    data.unlink()


@contextlib.contextmanager
def waits(path, connect, pid):
    """What a PostgreSQL process waits for, meanwhile: a look every few milliseconds."""
    over, seen = threading.Event(), collections.Counter()

    def look():
        query = "SELECT coalesce(wait_event_type || ':' || wait_event, 'running') FROM pg_stat_activity WHERE pid = %s"
        with connect() as connection:
            while not over.wait(SAMPLES_S):
                row = connection.execute(query, (pid,)).fetchone()
                seen[row[0] if row else "gone"] += 1

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    total = sum(seen.values()) or 1
    lines = [f"{count / total:7.1%}  {what}\n" for what, count in seen.most_common()]
    path.write_text("".join(lines), encoding="utf-8")


@contextlib.contextmanager
def statements(path, stack):
    """How long PostgreSQL worked on each of the worker's statements, of which planning (bind) and running (execute)."""
    log = stack.logs / "postgres.log"
    stack.superuser("ALTER ROLE billd_worker SET log_min_duration_statement = 0")
    begin = log.stat().st_size
    try:
        yield
    finally:
        stack.superuser("ALTER ROLE billd_worker RESET log_min_duration_statement")
    time.sleep(0.2)
    with open(log, encoding="utf-8", errors="replace") as file:
        file.seek(begin)
        rows = collections.defaultdict(lambda: [0, 0.0, 0.0, 0.0])
        for line in file:
            if found := DURATION.search(line):
                row = rows[found[3]]
                row[0] += found[2] == "execute"
                row[1 + ("parse", "bind", "execute").index(found[2])] += float(found[1])
    total = sum(sum(row[1:]) for row in rows.values()) or 1
    lines = [f"{'statement':28} {'runs':>6} {'share':>6} {'bind ms/run':>12} {'execute ms/run':>15}\n"]
    for name, row in sorted(rows.items(), key=lambda item: -sum(item[1][1:])):
        runs = row[0] or 1
        share = sum(row[1:]) / total
        lines.append(f"{name:28} {row[0]:6} {share:6.1%} {row[2] / runs:12.3f} {row[3] / runs:15.3f}\n")
    path.write_text("".join(lines), encoding="utf-8")
