"""A stack for the tests alone: PostgreSQL, Kafka, the api and workers, in a directory and on ports of its own."""

import contextlib
import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import uuid
from pathlib import Path

import programs
import psycopg
from client import Client
from people import Person, Team
from programs import ROOT, Program
from waiting import PATIENCE, eventually

PARTITIONS = 8  # not the default, so that the setting itself is used
# All tests log in from one address, and some many times.
NO_LIMITS = {"BILLD_LOGIN_RATE_ACCOUNT": 0, "BILLD_LOGIN_RATE_ADDRESS": 0, "BILLD_PASSWORD_THREADS": 2}


# Of processes that test side by side: which this one is. Its servers' ports lie below those of outgoing connections.
LANE = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
LANES_MAX = 4
LANE_PORTS = 12000 // LANES_MAX
assert LANE < LANES_MAX


def free_ports(count):
    """Ports below the range from which the kernel takes those of outgoing connections: nobody gets one meanwhile."""
    first = 20000 + LANE * LANE_PORTS
    sockets = []
    while len(sockets) < count:
        with contextlib.suppress(OSError):
            sock = socket.socket()
            sock.bind(("127.0.0.1", random.randrange(first, first + LANE_PORTS)))
            sockets.append(sock)
    ports = [sock.getsockname()[1] for sock in sockets]
    for sock in sockets:
        sock.close()
    return ports


class Stack:
    def __init__(self, binaries=programs.BIN):
        self.binaries = Path(binaries)
        self.directory = Path(tempfile.mkdtemp(prefix="billd-tests-"))
        # PostgreSQL's user must get through when we are root.
        self.directory.chmod(0o755)
        self.logs = self.directory / "log"
        self.logs.mkdir()
        self.postgres_port, self.kafka_port, controller_port, self.api_port = free_ports(4)
        self.bootstrap = f"127.0.0.1:{self.kafka_port}"
        self.url = f"http://127.0.0.1:{self.api_port}"
        self.script_environment = programs.clean_environment(
            {
                "BILLD_RUN_DIR": self.directory,
                "BILLD_POSTGRES_PORT": self.postgres_port,
                "BILLD_KAFKA_PORT": self.kafka_port,
                "BILLD_KAFKA_CONTROLLER_PORT": controller_port,
                "BILLD_KAFKA_HEAP": "384m",
            }
        )
        self.secret_file = self.directory / "request-secret"
        self.secret_file.write_text(secrets.token_hex(32) + "\n")
        self.api = None
        self.worker = None
        self.others = []
        self.database_urls = {}
        self.problem_pages = {}

    # Servers

    def script(self, name, *arguments, timeout=120):
        """Run deploy/<name>.sh for this stack: what it prints."""
        done = subprocess.run(
            [ROOT / "deploy" / f"{name}.sh", *arguments],
            env=self.script_environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout * PATIENCE,
            check=False,
        )
        assert done.returncode == 0, f"deploy/{name}.sh {' '.join(arguments)} failed:\n{done.stderr}"
        return done.stdout.strip()

    def start_servers(self):
        """PostgreSQL and Kafka, with tables and topics; none of our daemons."""
        kafka = threading.Thread(target=self.script, args=("kafka", "start"))
        kafka.start()
        self.script("postgres", "start")
        kafka.join()
        for role in ("owner", "api", "worker"):
            self.database_urls[role] = self.script("postgres", "url", role)
        self.billd("migrate", "up")
        self.billd("topics", "apply")
        return self

    def start(self):
        self.start_servers()
        self.api = self.make_api("api", self.api_port).start()
        self.worker = self.make_worker("worker").start()
        return self

    def end(self):
        for program in [*self.others, *self.ours()]:
            program.end()
        for server in ("kafka", "postgres"):
            with contextlib.suppress(Exception):
                self.script(server, "wipe")

    def remove(self, keep_logs, kept=ROOT / f"build/integration/{LANE}"):
        if keep_logs:
            shutil.rmtree(kept, ignore_errors=True)
            shutil.copytree(self.logs, kept, dirs_exist_ok=True)
        shutil.rmtree(self.directory, ignore_errors=True)

    # Our programs

    def settings(self, role):
        return {
            "BILLD_DATABASE_URL": self.database_urls[role],
            "BILLD_KAFKA_BOOTSTRAP": self.bootstrap,
            "BILLD_PARTITIONS": PARTITIONS,
            "BILLD_SECRET_FILE": self.secret_file,
            "BILLD_LOG_LEVEL": "debug",
        }

    def make_api(self, name, port, **more):
        settings = self.settings("api") | {"BILLD_LISTEN": "127.0.0.1", "BILLD_PORT": port} | NO_LIMITS | more
        return Program(name, "billd-api", settings, self.logs, f"http://127.0.0.1:{port}/health", self.binaries)

    def make_worker(self, name, **more):
        port = free_ports(1)[0]
        worker = Program(
            name,
            "billd-worker",
            self.settings("worker") | {"BILLD_METRICS_PORT": port} | more,
            self.logs,
            f"http://127.0.0.1:{port}/metrics",
            self.binaries,
        )
        worker.url = f"http://127.0.0.1:{port}"
        return worker

    @contextlib.contextmanager
    def another_api(self, **more):
        """One more api on the same servers, for as long as it is needed."""
        port = free_ports(1)[0]
        api = self.make_api(f"api-{port}", port, **more)
        self.others.append(api)
        try:
            yield api.start()
        finally:
            api.end()
            self.others.remove(api)

    def ours(self):
        """The programs that run from the first test to the last."""
        return [program for program in (self.api, self.worker) if program]

    @contextlib.contextmanager
    def without_worker(self):
        """Commands pile up meanwhile; the worker is back afterwards, whatever happens."""
        self.worker.stop()
        try:
            yield
        finally:
            self.ensure()

    def ensure(self):
        """Bring back what a test took away."""
        self.script("postgres", "start")
        self.script("kafka", "start")
        for program in self.ours():
            if not program.is_running():
                program.start()
        eventually(lambda: programs.answers(self.url + "/health"), "the stack is healthy again", 60, 0.1)

    def billd(self, *arguments, timeout=60, expect=0, role="owner", **more):
        """Run the operator's command: what it prints."""
        done = programs.run(self.binaries / "billd", *arguments, env=self.settings(role) | more, timeout=timeout)
        assert done.returncode == expect, (
            f"billd {' '.join(arguments)} ended with {done.returncode}, not {expect}:\n{done.stdout}{done.stderr}"
        )
        return done.stdout.strip() if expect == 0 else done.stdout + done.stderr

    # Who asks

    def organisation(self, name="Test", currency="USD", timezone="Etc/UTC", country="US"):
        """A new organisation's client."""
        organisation_id = self.billd(
            "organisation", "create",
            "--name", name, "--currency", currency, "--timezone", timezone, "--country", country,
        )  # fmt: skip
        uuid.UUID(organisation_id)
        return self.client(organisation_id, self.api_key(organisation_id))

    def api_key(self, organisation_id, name="test"):
        return self.billd("api-key", "create", "--organisation", organisation_id, "--name", name)

    def client(self, organisation_id, key, url=None):
        return Client(url or self.url, key, organisation_id, self.problem_pages)

    def nobody(self, name="Ada Lovelace", **more):
        """Somebody who is not registered yet."""
        return Person(self.url, self.problem_pages, name, **more)

    def person(self, name="Ada Lovelace", **more):
        """A new user, who is logged in."""
        person = self.nobody(name, **more)
        person.register()
        person.log_in()
        return person

    def stranger(self):
        """A client without a key."""
        return self.client(None, None)

    def team(self, name="Team", **more):
        """A new organisation with a member and a key of each role."""
        return Team(self, name, **more)

    # The database

    def connect(self, role="owner", organisation_id=None, database=None):
        """A connection as a role; with an organisation's rows in sight when one is named."""
        url = self.database_urls[role]
        if database:
            url = url.rsplit("/", 1)[0] + "/" + database
        connection = psycopg.connect(url, autocommit=True, connect_timeout=10)
        if organisation_id:
            connection.execute("SELECT set_config('billd.organisations', %s, false)", ["{" + organisation_id + "}"])
        return connection

    def rows(self, statement, parameters=None, role="owner", organisation_id=None):
        with self.connect(role, organisation_id) as connection:
            return connection.execute(statement, parameters).fetchall()

    def superuser(self, sql):
        """SQL that only the superuser may run; row-level security does not bind it."""
        return self.script("postgres", "psql", "-At", "-d", "billd", "-c", sql)

    @contextlib.contextmanager
    def frozen_connections(self):
        """Those that every api has to the database stand still meanwhile: nothing is refused, and nothing answered."""
        frozen = [pid for (pid,) in self.rows("SELECT pid FROM pg_stat_activity WHERE application_name = 'billd-api'")]
        assert frozen
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in frozen:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def data_directory(self):
        """Where the cluster is; asked while it answers."""
        return self.superuser("SHOW data_directory")

    def keep_database(self):
        """A copy of the whole cluster as it is now, for restore_database."""
        data = self.data_directory()
        older = data + ".older"
        self.script("postgres", "stop")
        subprocess.run(["cp", "-a", data, older], check=True, capture_output=True, timeout=120 * PATIENCE)
        self.script("postgres", "start")
        return data, older

    def restore_database(self, kept):
        """The cluster becomes what keep_database kept, once."""
        data, older = kept
        self.script("postgres", "kill")
        shutil.rmtree(data)
        os.rename(older, data)
        self.script("postgres", "start")

    def progress(self):
        """{partition: (next_offset, event_number, published_number)}"""
        rows = self.rows(
            "SELECT partition, next_offset, event_number, published_number FROM billd.progress", role="worker"
        )
        return {row[0]: row[1:] for row in rows}
