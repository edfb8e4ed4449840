"""The test bed: a stack of its own with default settings, the bench's programs, and commands to be drained."""

import contextlib
import functools
import json
import os
import secrets
import subprocess
import threading
import time
from pathlib import Path

import profiles
from confluent_kafka.admin import AdminClient, NewTopic
from programs import BIN, ROOT
from stack import Stack, free_ports
from waiting import eventually

OUTPUT = ROOT / "build/bench"
PARTITIONS = 16  # the default
TOPIC = "bench.commands"  # for bare producers: no worker reads it
TABLES = ("subscriptions", "invoices", "invoice_lines", "journal", "operations", "outbox")
HOUR_MS = 3_600_000
WAL_FILES = 32  # of 16 MiB each: more than is written while latency is measured
BUSY_S = 0.2  # a backend that has used so much is the one that works

# What the worker stored for each command, numbered in the order in which it did.
KEEP_ROWS = """
DROP TABLE IF EXISTS bench.subscriptions, bench.invoices, bench.invoice_lines, bench.journal, bench.operations,
    bench.outbox;
CREATE TABLE bench.subscriptions AS SELECT row_number() OVER (ORDER BY ctid) AS n, * FROM billd.subscriptions;
CREATE UNIQUE INDEX ON bench.subscriptions (id);
CREATE TABLE bench.invoices AS
    SELECT s.n, i.* FROM billd.invoices i JOIN bench.subscriptions s ON s.id = i.subscription_id;
CREATE UNIQUE INDEX ON bench.invoices (id);
CREATE TABLE bench.invoice_lines AS
    SELECT i.n, l.* FROM billd.invoice_lines l JOIN bench.invoices i ON i.id = l.invoice_id;
CREATE TABLE bench.journal AS
    SELECT i.n, j.* FROM billd.journal j JOIN bench.invoices i ON i.id = j.document_id;
CREATE TABLE bench.operations AS
    SELECT s.n, o.* FROM billd.operations o JOIN bench.subscriptions s ON s.id = o.resource_id;
CREATE UNIQUE INDEX ON bench.operations (id);
CREATE TABLE bench.outbox AS
    SELECT o.n, e.* FROM billd.outbox e JOIN bench.operations o ON o.id = e.operation_id;
"""


def buffers_mib():
    """PostgreSQL's manual advises a quarter of a machine's memory; more than 4 GiB have no use here."""
    memory_mib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    return min(memory_mib // 4, 4096)


class DefaultStack(Stack):
    """As a user starts it: no setting but where things are, and the memory that a database's machine gives it."""

    def __init__(self):
        super().__init__()
        self.script_environment.pop("BILLD_KAFKA_HEAP")
        self.script_environment |= {"BILLD_POSTGRES_BUFFERS": f"{buffers_mib()}MB", "BILLD_POSTGRES_WAL": "8GB"}

    def settings(self, role):
        settings = super().settings(role)
        del settings["BILLD_PARTITIONS"], settings["BILLD_LOG_LEVEL"]
        return settings


class Bed:
    def __init__(self, profile):
        OUTPUT.mkdir(parents=True, exist_ok=True)
        self.profile = profile
        self.stack = DefaultStack()
        self.next_number = 0
        self.next_round = 1
        self.connection = None
        self.base_ms = int(time.time() * 1000) - HOUR_MS

    def start(self):
        stack = self.stack
        stack.start_servers()
        self.connection = stack.connect("worker")
        password = secrets.token_hex(16)
        stack.superuser(
            f"CREATE ROLE billd_bench LOGIN BYPASSRLS PASSWORD '{password}';"
            "CREATE SCHEMA bench AUTHORIZATION billd_bench; GRANT CONNECT ON DATABASE billd TO billd_bench;"
            "GRANT USAGE ON SCHEMA billd TO billd_bench;"
            "GRANT INSERT ON ALL TABLES IN SCHEMA billd TO billd_bench;"
            # What the api's role has, to read an invoice.
            "GRANT USAGE ON SCHEMA api TO billd_bench;"
            "GRANT SELECT ON api.invoices, billd.invoices, billd.invoice_lines TO billd_bench;"
            "CREATE TABLE bench.commits (number bigint NOT NULL, what text NOT NULL);"
            "GRANT INSERT ON bench.commits TO billd_bench;"
            "GRANT SET ON PARAMETER session_replication_role TO billd_bench"
        )
        host = stack.database_urls["owner"].split("@", 1)[1]
        self.database_url = f"postgresql://billd_bench:{password}@{host}"
        kafka = AdminClient({"bootstrap.servers": stack.bootstrap, "log_level": 0})
        for made in kafka.create_topics([NewTopic(TOPIC, PARTITIONS, 1)]).values():
            made.result(30)
        stack.api = stack.make_api("api", stack.api_port).start()
        stack.worker = stack.make_worker("worker").start()
        self.org = stack.organisation("Bench")
        self.key_id = stack.superuser("SELECT id FROM identity.api_keys")
        self.plan_id = self.org.plan()
        return self

    def ready_wal(self):
        """Have WAL files to be written again, as a server has that has run for a while: whoever commits while a new one
        is made waits 10 ms and more, on either side."""
        self.stack.superuser("ALTER SYSTEM SET min_wal_size = '1GB'")
        self.stack.superuser("SELECT pg_reload_conf()")
        self.stack.superuser(
            f"DO $$ BEGIN FOR i IN 1..{WAL_FILES} LOOP "
            "PERFORM pg_logical_emit_message(false, 'bench', ''), pg_switch_wal(); END LOOP; END $$"
        )
        self.stack.superuser("CHECKPOINT")

    def end(self):
        if self.connection:
            self.connection.close()
        self.stack.end()
        self.stack.remove(keep_logs=False)

    # Programs

    def command(self, name, *arguments):
        return [str(BIN / "bench" / name), *(str(argument) for argument in arguments)]

    def tool(self, name, *arguments, timeout=600):
        """What a program of the bench measured."""
        done = subprocess.run(self.command(name, *arguments), capture_output=True, text=True, timeout=timeout)
        if done.returncode != 0 or done.stderr:
            raise RuntimeError(f"{name} ended with {done.returncode}: {done.stderr}")
        return json.loads(done.stdout)

    @contextlib.contextmanager
    def server(self, name, *arguments):
        """A program of the bench that runs meanwhile; its first argument is a free port, which is given."""
        port = free_ports(1)[0]
        process = subprocess.Popen(self.command(name, port, *arguments))
        try:
            time.sleep(0.5)
            if process.poll() is not None:
                raise RuntimeError(f"{name} ended with {process.returncode} at its start")
            yield port
        finally:
            process.terminate()
            process.wait(10)

    def wire(self):
        """How the programs of the bench make commands: WIRE_USAGE of tests/bench/wire.h."""
        secret, whose = self.stack.secret_file, self.org.organisation_id
        return secret, whose, self.key_id, self.plan_id, self.base_ms, PARTITIONS

    def backends(self):
        """The PostgreSQL processes that serve workers: of each the loop's, and those of its other threads."""
        query = "SELECT pid FROM pg_stat_activity WHERE application_name = 'billd-worker'"
        return [pid for (pid,) in self.connection.execute(query).fetchall()]

    @contextlib.contextmanager
    def profiled(self, name, find_pid):
        """perf's reading of a process meanwhile, in build/bench."""
        if not self.profile:
            yield
            return
        with profiles.perf(OUTPUT / f"profile-{name}.txt", find_pid()):
            yield

    @contextlib.contextmanager
    def backend_profiled(self, name):
        """The same of the PostgreSQL process that works most for a worker, and what it waits for."""
        if not self.profile:
            yield
            return
        before = {pid: cpu_seconds(pid) for pid in self.backends()}
        owner = functools.partial(self.stack.connect, "worker")
        over = threading.Event()

        def used(pid):
            return cpu_seconds(pid) - before.get(pid, 0)

        def look():
            while not over.wait(0.1):
                busiest = max(self.backends(), key=used, default=None)
                if busiest and used(busiest) >= BUSY_S:
                    reading, waits = OUTPUT / f"profile-{name}.txt", OUTPUT / f"waits-{name}.txt"
                    with profiles.perf(reading, busiest), profiles.waits(waits, owner, busiest):
                        over.wait()

        thread = threading.Thread(target=look)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    # The database

    def sql(self, text):
        """As the superuser, each statement by itself."""
        for statement in filter(str.strip, text.split(";")):
            self.stack.superuser(statement)

    def empty_tables(self):
        """Before each turn that is timed: the same empty tables, nothing left to write."""
        names = ", ".join(f"billd.{name}" for name in TABLES)
        self.sql(f"TRUNCATE {names} CASCADE; VACUUM ANALYZE billd.customers; CHECKPOINT")

    def keep_rows(self):
        self.sql(KEEP_ROWS)
        for name in TABLES:
            self.sql(f"CREATE INDEX ON bench.{name} (n); ALTER TABLE bench.{name} OWNER TO billd_bench")
            self.sql(f"VACUUM ANALYZE bench.{name}")

    # Commands

    def done(self):
        """How many messages the worker is done with, and how many events it has not published."""
        return self.connection.execute(
            "SELECT sum(next_offset)::int8, sum(event_number - published_number)::int8 FROM billd.progress"
        ).fetchone()

    def fill(self, kind, count, first=None):
        """Put commands on the topic: the number of the first."""
        if first is None:
            # Of both, two commands are about one customer: fill.c halves the number.
            each = 2 if kind == "both" else 1
            first, self.next_number = self.next_number * each, self.next_number + count // each
        topic = ("billd.commands", *self.wire())
        self.next_round += 1
        self.tool("fill", self.stack.bootstrap, *topic, kind, self.next_round, first, count)
        return first

    def wait_done(self, messages, seconds):
        eventually(lambda: self.done() == (messages, 0), f"{messages} messages are processed", seconds, 0.2)

    def customers(self, count):
        """New customers, made by the worker: the number of the first."""
        before = self.done()[0]
        first = self.fill("customers", count)
        self.wait_done(before + count, 600)
        return first

    def customer_ids(self, first, count):
        """A file with their ids."""
        path = self.stack.directory / f"customers-{first}"
        with open(path, "w", encoding="utf-8") as file:
            ids = self.command("fill", self.stack.bootstrap, "ids", *self.wire(), "customers", 1, first, count)
            subprocess.run(ids, stdout=file, check=True)
        return path

    def invoice_ids(self):
        """A file with the ids of all invoices."""
        path = self.stack.directory / "invoices"
        path.write_text(self.stack.superuser("SELECT id FROM billd.invoices ORDER BY id") + "\n", encoding="utf-8")
        return path

    def get_file(self, target):
        """A GET of something, as tests/bench/load.c sends it."""
        path = Path(self.stack.directory / f"request-{secrets.token_hex(4)}")
        head = f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self.org.key}\r\n\r\n"
        path.write_text(head, encoding="utf-8")
        return path

    def request_file(self, **headers):
        """A POST of a subscription, as tests/bench/load.c sends it."""
        body = json.dumps({"customer_id": "@ID@", "plan_id": self.plan_id})
        headers = {
            "Host": "127.0.0.1",
            "Authorization": f"Bearer {self.org.key}",
            "Content-Type": "application/json",
            "Content-Length": len(body) - len("@ID@") + 36,
        } | headers
        lines = ["POST /v1/subscriptions HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        path = Path(self.stack.directory / f"request-{secrets.token_hex(4)}")
        path.write_bytes(("\r\n".join(lines) + "\r\n\r\n" + body).encode())
        return path


def memory(pid, what):
    """VmRSS or VmHWM of a process, in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{what}:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"process {pid} has no {what}")


def cpu_seconds(pid):
    """What a process has used of the processors, in all of its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
