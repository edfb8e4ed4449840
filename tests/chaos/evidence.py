"""What is found from outside once the faults have ended: the tables, the topics, and the API's answers.

`quiet` waits until there is nothing left to do, `collect` reads everything then, and an Observer looks on while the
faults still go on. Nothing here judges; that is checker.py, and with `save` and `load` it can be repeated from a file.
"""

import base64
import contextlib
import gzip
import io
import json
import random
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import fastavro
import programs
import psycopg
import requests
from confluent_kafka import Consumer, TopicPartition
from fastavro.schema import fingerprint, to_parsing_canonical_form
from history import Attempt, Progress, Sight
from programs import ROOT
from waiting import PATIENCE
from wire import COMMANDS, DEAD_LETTERS, EVENTS, Wire

# name -> where it is and in which order its rows are read.
TABLES = {
    "organisations": ("identity.organisations", "id"),
    "customers": ("billd.customers", "organisation_id, id"),
    "plans": ("billd.plans", "organisation_id, id"),
    "subscriptions": ("billd.subscriptions", "organisation_id, id"),
    "invoices": ("billd.invoices", "organisation_id, customer_id, sequence"),
    "invoice_lines": ("billd.invoice_lines", "organisation_id, invoice_id, position"),
    "plan_versions": ("billd.plan_versions", "organisation_id, plan_id, version"),
    "quantities": ("billd.quantities", "organisation_id, subscription_id, id"),
    "credit_entries": ("billd.credit_entries", "organisation_id, customer_id, sequence"),
    "test_clocks": ("billd.test_clocks", "organisation_id, id"),
    "coupons": ("billd.coupons", "organisation_id, id"),
    "tax_rates": ("billd.tax_rates", "organisation_id, id"),
    "items": ("billd.items", "organisation_id, id"),
    "credit_notes": ("billd.credit_notes", "organisation_id, customer_id, sequence"),
    "payments": ("billd.payments", "organisation_id, created_ms, id"),
    "journal": ("billd.journal", "organisation_id, created_ms, id"),
    "billing_runs": ("billd.billing_runs", "organisation_id, created_ms, id"),
    "billing_run_parts": ("billd.billing_run_parts", "organisation_id, run_id, part"),
    "billing_run_totals": ("billd.billing_run_totals", "organisation_id, run_id, part, plan_id, currency"),
    "billing_run_failures": ("billd.billing_run_failures", "organisation_id, run_id, subscription_id"),
    "number_series": ("billd.number_series", "organisation_id"),
    "transfers": ("simulated_provider.transfers", "key"),  # the provider's own book: it knows no organisations
    "operations": ("billd.operations", "organisation_id, id"),
    "outbox": ("billd.outbox", "partition, number"),
    "dead_letters": ("billd.dead_letters", 'partition, "offset"'),
    "progress": ("billd.progress", "partition"),
}
TOPICS = (COMMANDS, EVENTS, DEAD_LETTERS)
# What the API lists for a whole organisation; and events, whose pages are made otherwise.
LISTS = (
    "customers", "plans", "subscriptions", "invoices", "test_clocks", "coupons", "tax_rates", "credit_notes",
    "payments", "journal", "billing_runs",
)  # fmt: skip
DUE_SECONDS = 8  # so late may be what falls due by itself: a worker's margin, and what it takes to look
RECONCILE_SECONDS = 120
COLLECTIONS_MAX = 20  # until nothing fell due meanwhile
CONNECTIONS = 4  # to the API at a time


@dataclass
class Message:
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: dict[str, str]


@dataclass
class Evidence:
    """One moment. Rows are as PostgreSQL's row_to_json gives them: times in ISO form, bytea as \\x and hexadecimal
    digits."""

    tables: dict[str, list[dict]] = field(default_factory=dict)
    topics: dict[str, list[Message]] = field(default_factory=dict)  # partition by partition, by offset
    ends: dict[str, dict[int, int]] = field(default_factory=dict)  # {topic: {partition: end offset}}
    operations: dict[str, list] = field(default_factory=dict)  # {operation id: [HTTP status, JSON]}, of a sample
    lists: dict[str, dict[str, list[dict]]] = field(default_factory=dict)  # {organisation id: {noun: documents}}
    reports: dict[str, list] = field(default_factory=dict)  # {billing run's id: [its report, its failures]}
    at: float = 0.0  # when, by the database: seconds since the epoch
    reconciled: list = field(default_factory=lambda: [0, ""])  # exit code and output of `billd reconcile`


# Values on the topics, by the published schemas alone


def plain(schema):
    """The schema without its logical types: then UUIDs are read as text and times as milliseconds."""
    if isinstance(schema, dict):
        return {name: plain(value) for name, value in schema.items() if name != "logicalType"}
    return [plain(item) for item in schema] if isinstance(schema, list) else schema


def plain_schemas(kind):
    """{fingerprint: (name, schema)} of schemas/<kind>."""
    found = {}
    for path in sorted((ROOT / "schemas" / kind).glob("*.avsc")):
        schema = json.loads(path.read_text())
        mark = bytes.fromhex(fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO"))
        found[mark] = (schema["name"], fastavro.parse_schema(plain(schema)))
    return found


COMMAND_MARKS = plain_schemas("commands")
EVENT_MARKS = plain_schemas("events")


def decode(value, marks):
    """(schema's name, record) of a value in single-object encoding; None for what no published schema has written."""
    if value is None or value[:2] != b"\xc3\x01" or value[2:10] not in marks:
        return None
    name, schema = marks[value[2:10]]
    body = io.BytesIO(value[10:])
    # Whatever a hostile message makes of the reader: it is no value of ours.
    with contextlib.suppress(Exception):
        record = fastavro.schemaless_reader(body, schema)
        if not body.read():
            return name, record
    return None


# Quiet


def end_offsets(stack, topic, partitions):
    """{partition: the offset that its next message will have}."""
    consumer = Consumer({"bootstrap.servers": stack.bootstrap, "group.id": "evidence", "enable.auto.commit": False})
    try:
        return {
            number: consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=20 * PATIENCE)[1]
            for number in range(partitions)
        }
    finally:
        consumer.close()


LATE = """
SELECT what || ': ' || count(*) FROM (
    SELECT 'due and not done' AS what FROM billd.subscriptions WHERE test_clock_id IS NULL
        AND due_at < now() - make_interval(secs => {seconds})
    UNION ALL SELECT 'clocks on their way' FROM billd.test_clocks WHERE status = 'advancing'
    UNION ALL SELECT 'billing runs on their way' FROM billd.billing_runs WHERE status = 'running'
    UNION ALL SELECT 'payments on their way' FROM billd.payments WHERE status IN ('processing', 'unknown')
) late
GROUP BY what
"""


def left(stack, due_seconds=DUE_SECONDS):
    """What is still to be done, a line for each partition where something is."""
    progress = stack.progress()
    ends = end_offsets(stack, COMMANDS, len(progress))
    found = []
    for number, (next_offset, given, published) in sorted(progress.items()):
        if next_offset != ends[number]:
            found.append(f"partition {number}: at offset {next_offset} of {ends[number]}")
        if published != given:
            found.append(f"partition {number}: {published} of {given} events are published")
    due = stack.rows("SELECT partition, count(*) FROM billd.dead_letters WHERE NOT published GROUP BY 1", role="worker")
    found += [f"partition {number}: {count} dead letters are to be published" for number, count in due]
    return found + stack.superuser(LATE.format(seconds=due_seconds)).splitlines()


def quiet(stack, seconds=60, due_seconds=DUE_SECONDS):
    """Wait until every command is processed, what fell due is done, every payment is settled, no billing run goes on,
    and all is published; else an AssertionError with what is left."""
    deadline = time.monotonic() + seconds * PATIENCE
    while True:
        try:
            what = left(stack, due_seconds)
        except Exception as error:  # a server may still be on its way up
            what = [f"{type(error).__name__}: {error}"]
        if not what:
            return
        assert time.monotonic() < deadline, f"not quiet after {seconds * PATIENCE:.0f} s:\n" + "\n".join(what)
        time.sleep(0.2)


# Collecting


def read_table(stack, name):
    table, order = TABLES[name]
    # By line feeds alone: JSON has none inside, and other separators of lines as they are.
    text = stack.superuser(f"SELECT row_to_json(t) FROM {table} t ORDER BY {order}")
    return [json.loads(line, parse_float=str) for line in text.split("\n") if line]


def read_topic(stack, topic, partitions, seconds=120):
    found = [
        Message(
            message.partition(),
            message.offset(),
            message.key(),
            message.value(),
            {name: (value or b"").decode(errors="replace") for name, value in message.headers() or []},
        )
        for message in Wire(stack.bootstrap, partitions).read_all(topic, seconds)
    ]
    return sorted(found, key=lambda message: (message.partition, message.offset))


def organisations_of(history):
    return sorted({record.organisation_id for record in history if isinstance(record, Attempt)})


def told_operations(history):
    """{operation id: organisation id} of all that a 202 named."""
    return {
        record.answer["operation_id"]: record.organisation_id
        for record in history
        if isinstance(record, Attempt) and record.status == 202 and record.answer
    }


def ask_operations(client, ids):
    """[(id, [status, answer])]"""
    answers = [(one, client.request("GET", f"/v1/operations/{one}")) for one in ids]
    return [(one, [answer.status_code, answer.json()]) for one, answer in answers]


def ask(clients, history, sample, seed):
    """The API's lists of each organisation, and its answers for a sample of the operations: (lists, operations)."""
    told = told_operations(history)
    chosen = random.Random(seed).sample(sorted(told), min(sample, len(told)))
    lists, operations = {organisation_id: {} for organisation_id in clients}, {}
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        asked = [
            pool.submit(ask_operations, client.twin(), [one for one in chosen if told[one] == organisation_id])
            for organisation_id, client in clients.items()
        ]
        jobs = {}
        for organisation_id, client in clients.items():
            for noun in LISTS:
                jobs[organisation_id, noun] = pool.submit(client.twin().all, f"/v1/{noun.replace('_', '-')}")
            jobs[organisation_id, "events"] = pool.submit(client.twin().events)
        for (organisation_id, noun), job in jobs.items():
            lists[organisation_id][noun] = job.result()
        for job in asked:
            operations.update(job.result())
    return lists, operations


def ask_reports(clients, lists):
    """What the API tells of each billing run that it lists: {its id: [its report, its failures]}"""

    def ask_one(client, path):
        client = client.twin()
        return [client.get(path), client.all(f"{path}/failures")]

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        jobs = {
            run["id"]: pool.submit(ask_one, client, f"/v1/billing-runs/{run['id']}")
            for organisation_id, client in clients.items() for run in lists[organisation_id]["billing_runs"]
        }  # fmt: skip
        return {one: job.result() for one, job in jobs.items()}


def collect(stack, history, clients=None, sample=2000, seed=0):
    """The evidence for a history, from a quiet stack; clients, {organisation id: Client}, are made where they miss.
    Time goes on: once more, when something fell due meanwhile."""
    known = clients or {}
    clients = {
        one: known.get(one) or stack.client(one, stack.api_key(one, "evidence")) for one in organisations_of(history)
    }
    for _ in range(COLLECTIONS_MAX):
        before = stack.progress()
        evidence = collect_once(stack, history, clients, sample, seed)
        if stack.progress() == before:
            return evidence
    raise AssertionError(f"something was done during each of {COLLECTIONS_MAX} looks at a quiet stack")


def collect_once(stack, history, clients, sample, seed):
    partitions = len(stack.progress())
    evidence = Evidence(
        at=float(stack.superuser("SELECT extract(epoch FROM now())")),
        tables={name: read_table(stack, name) for name in TABLES},
        topics={topic: read_topic(stack, topic, partitions) for topic in TOPICS},
        ends={topic: end_offsets(stack, topic, partitions) for topic in TOPICS},
    )
    evidence.lists, evidence.operations = ask(clients, history, sample, seed)
    evidence.reports = ask_reports(clients, evidence.lists)
    evidence.reconciled = reconcile(stack)
    return evidence


def reconcile(stack):
    """What the operator's own comparison says of the books, of all organisations: [exit code, output]."""
    done = programs.run(stack.binaries / "billd", "reconcile", env=stack.settings("owner"), timeout=RECONCILE_SECONDS)
    return [done.returncode, done.stdout + done.stderr]


# Files


def text_of(value):
    return None if value is None else base64.b64encode(value).decode()


def bytes_of(text):
    return None if text is None else base64.b64decode(text)


def save(path, evidence):
    """Write it as compressed JSON."""
    messages = {
        topic: [[m.partition, m.offset, text_of(m.key), text_of(m.value), m.headers] for m in found]
        for topic, found in evidence.topics.items()
    }
    document = {"at": evidence.at, "tables": evidence.tables, "topics": messages, "ends": evidence.ends}
    document |= {"operations": evidence.operations, "lists": evidence.lists, "reports": evidence.reports}
    document |= {"reconciled": evidence.reconciled}
    with gzip.open(path, "wt", encoding="utf-8", compresslevel=3) as file:
        json.dump(document, file)


def load(path):
    with gzip.open(path, "rt", encoding="utf-8") as file:
        document = json.load(file)
    topics = {
        topic: [Message(row[0], row[1], bytes_of(row[2]), bytes_of(row[3]), row[4]) for row in rows]
        for topic, rows in document.pop("topics").items()
    }
    ends = {
        topic: {int(number): end for number, end in numbers.items()} for topic, numbers in document.pop("ends").items()
    }
    return Evidence(topics=topics, ends=ends, **document)


# Looking on


class Observer(threading.Thread):
    """Adds Progress and Sight records to a history while others add to it; a server that is away is no error.

    `history` is a list, to which records are only appended; `clients` are {organisation id: Client}.
    """

    def __init__(self, stack, clients, history, seed=0, every=0.05, sights=3):
        super().__init__(name="observer", daemon=True)
        self.stack, self.clients, self.history = stack, clients, history
        self.random, self.every, self.sights = random.Random(seed), every, sights
        self.sessions = {organisation_id: client.twin() for organisation_id, client in clients.items()}
        self.known, self.read = [], 0  # (organisation, operation), and how much of the history was read for them
        self.connection = None
        self.ended = threading.Event()
        self.failure = None  # a fault of the observer must not pass for a quiet system

    def run(self):
        try:
            self.watch()
        except Exception:
            self.failure = traceback.format_exc()

    def watch(self):
        while not self.ended.wait(self.every):
            self.sample_progress()
            self.learn()
            for organisation_id, operation_id in self.random.sample(self.known, min(self.sights, len(self.known))):
                self.look(organisation_id, operation_id)
        if self.connection:
            self.connection.close()

    def stop(self):
        self.ended.set()
        self.join()

    def sample_progress(self):
        at = time.time()
        try:
            if self.connection is None:
                self.connection = self.stack.connect("worker")
                self.connection.execute("SET statement_timeout = '5s'")
            rows = self.connection.execute(
                "SELECT partition, next_offset, event_number, published_number FROM billd.progress"
            ).fetchall()
        except (psycopg.Error, OSError):
            with contextlib.suppress(Exception):
                self.connection.close()
            self.connection = None
            return
        self.history.append(Progress(at, {row[0]: list(row[1:]) for row in rows}))

    def learn(self):
        """The operations that were handed out since the last look."""
        end = len(self.history)
        told = told_operations(self.history[self.read : end])
        self.known += [(owner, one) for one, owner in told.items() if owner in self.clients]
        self.read = end

    def look(self, organisation_id, operation_id):
        client, at = self.sessions[organisation_id], time.time()
        # Not by Client.request, whose promises need a server that is there.
        try:
            answer = client.session.get(
                f"{client.url}/v1/operations/{operation_id}",
                headers={"Authorization": f"Bearer {client.key}"},
                timeout=5,
            )
            document = answer.json()
        except (requests.RequestException, ValueError):
            return
        self.history.append(Sight(at, organisation_id, operation_id, answer.status_code, document, time.time()))
