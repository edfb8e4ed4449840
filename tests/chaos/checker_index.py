"""History and evidence as the rules need them: decoded once, and found by what names them.

All that is here follows from the routes, schemas/ and the tables' names; nothing from how a worker works.
"""

import json
import math
import re
import uuid
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property

from checker_told import last_told
from evidence import COMMAND_MARKS, EVENT_MARKS, decode
from history import Attempt, Fault, Poison, Progress, Sight
from wire import COMMANDS, DEAD_LETTERS, EVENTS, derived_id

# Two faults move the truth back. Fault records with these names say from when until when.
RESTORED = "database restored"  # its state is an older one; what came behind it is processed again
TOPIC_AGAIN = "topic-again"  # the topic of commands is another one, with offsets of its own

# (method, path, schema of the command, the field that the path names)
UUID = r"([0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})"
ROUTES = [
    (method, re.compile(pattern.replace("{}", UUID) + "$"), schema, field)
    for method, pattern, schema, field in (
        ("POST", "/v1/customers", "CreateCustomer", None),
        ("PATCH", "/v1/customers/{}", "UpdateCustomer", "customer_id"),
        ("DELETE", "/v1/customers/{}", "ArchiveCustomer", "customer_id"),
        ("POST", "/v1/plans", "CreatePlan", None),
        ("PATCH", "/v1/plans/{}", "UpdatePlan", "plan_id"),
        ("DELETE", "/v1/plans/{}", "ArchivePlan", "plan_id"),
        ("POST", "/v1/subscriptions", "CreateSubscription", None),
        ("POST", "/v1/subscriptions/{}/cancel", "CancelSubscription", "subscription_id"),
        ("POST", "/v1/subscriptions/{}/uncancel", "UncancelSubscription", "subscription_id"),
        ("POST", "/v1/subscriptions/{}/change", "ChangeSubscription", "subscription_id"),
        ("POST", "/v1/subscriptions/{}/pause", "PauseSubscription", "subscription_id"),
        ("POST", "/v1/subscriptions/{}/resume", "ResumeSubscription", "subscription_id"),
        ("POST", "/v1/subscriptions/{}/quantities", "ReportQuantity", "subscription_id"),
        ("POST", "/v1/coupons", "CreateCoupon", None),
        ("DELETE", "/v1/coupons/{}", "ArchiveCoupon", "coupon_id"),
        ("POST", "/v1/tax-rates", "CreateTaxRate", None),
        ("DELETE", "/v1/tax-rates/{}", "ArchiveTaxRate", "tax_rate_id"),
        ("POST", "/v1/customers/{}/items", "CreateItem", "customer_id"),
        ("POST", "/v1/customers/{}/credits", "GiveCredit", "customer_id"),
        ("POST", "/v1/invoices/{}/pay", "PayInvoice", "invoice_id"),
        ("POST", "/v1/invoices/{}/void", "VoidInvoice", "invoice_id"),
        ("POST", "/v1/invoices/{}/mark_uncollectible", "MarkUncollectible", "invoice_id"),
        ("POST", "/v1/credit-notes", "CreateCreditNote", None),
        ("POST", "/v1/test-clocks", "CreateTestClock", None),
        ("POST", "/v1/test-clocks/{}/advance", "AdvanceTestClock", "test_clock_id"),
        ("POST", "/v1/billing-runs", "StartBillingRun", None),
        ("POST", "/v1/billing-runs/{}/pause", "PauseBillingRun", "billing_run_id"),
        ("POST", "/v1/billing-runs/{}/resume", "ResumeBillingRun", "billing_run_id"),
        ("POST", "/v1/billing-runs/{}/cancel", "CancelBillingRun", "billing_run_id"),
    )
]
# What each kind of resource is called: type -> (its table, the schema of its events, what its events' types begin with)
KINDS = {
    "customer": ("customers", "Customer", "billd.customer."),
    "plan": ("plans", "Plan", "billd.plan."),
    "subscription": ("subscriptions", "Subscription", "billd.subscription."),
    "invoice": ("invoices", "Invoice", "billd.invoice."),
    "quantity": ("quantities", "Quantity", "billd.quantity."),
    "credit_entry": ("credit_entries", "CreditEntry", "billd.credit."),
    "test_clock": ("test_clocks", "TestClock", "billd.test_clock."),
    "coupon": ("coupons", "Coupon", "billd.coupon."),
    "tax_rate": ("tax_rates", "TaxRate", "billd.tax_rate."),
    "item": ("items", "Item", "billd.item."),
    "credit_note": ("credit_notes", "CreditNote", "billd.credit_note."),
    "payment": ("payments", "Payment", "billd.payment."),
    "billing_run": ("billing_runs", "BillingRun", "billd.billing_run."),
}
# Those that the API lists for a whole organisation; quantities, items and credits are listed below what they belong to.
LISTED = (
    "customer", "plan", "subscription", "invoice", "test_clock", "coupon", "tax_rate", "credit_note", "payment",
    "billing_run",
)  # fmt: skip
CREATES = {
    "CreateCustomer": "customer", "CreatePlan": "plan", "CreateSubscription": "subscription",
    "CreateTestClock": "test_clock", "CreateCoupon": "coupon", "CreateTaxRate": "tax_rate", "CreateItem": "item",
    "GiveCredit": "credit_entry", "CreateCreditNote": "credit_note", "StartBillingRun": "billing_run",
}  # fmt: skip
OWN = "RecordPaymentOutcome"  # the command that workers themselves send; nobody can ask for it
OWN_OF_RUNS = ("ScheduleBillingRun", "FinishBillingRun")  # likewise
# What names an outcome, as an operation names what a command does: derived from the payment, its number by the outcome.
OUTCOME_KIND, OUTCOMES = 19, {"succeeded": 0, "failed": 1, "unknown": 2}
# What changes of a resource and is told by no event of it.
UNTOLD = {"coupon": ("redemptions", "updated_at")}
# What an invoice makes of its subscription's standing: the latest one's failed payment, and that it is open no more.
PAST_DUE, RECOVERED = "billd.subscription.past_due.v1", "billd.subscription.recovered.v1"
# What names a step that fell due at an even or an odd second, as an operation names what a command does.
DUE_KINDS = (11, 12)
SCHEMAS = dict(COMMAND_MARKS.values())
EVENT_SCHEMAS = dict(EVENT_MARKS.values())
EVENT_SCHEMAS["InvoiceLine"] = next(
    field["type"]["items"] for field in EVENT_SCHEMAS["Invoice"]["fields"] if field["name"] == "lines"
)
# The records inside of events by their full names, as a schema has them that names one again.
RECORDS = {}


def records_keep(kind):
    for inner in kind if isinstance(kind, list) else [kind]:
        if isinstance(inner, dict):
            if inner["type"] == "record":
                RECORDS[inner["name"]] = inner
            for deeper in (inner.get("items"), *(field["type"] for field in inner.get("fields", ()))):
                records_keep(deeper)


records_keep(list(EVENT_SCHEMAS.values()))
EPOCH, MILLISECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(milliseconds=1)
IS_UUID = re.compile(UUID + "$")
TIMES = (
    "period_start", "period_end", "current_period_start", "current_period_end", "trial_start", "trial_end", "now",
    "as_of",
)  # fmt: skip


@dataclass
class Command:
    """A message of the topic of commands that can be read, of an organisation of the history."""

    partition: int
    offset: int
    name: str  # of its schema
    record: dict
    wish: tuple

    @property
    def operation_id(self):
        return self.record["meta"]["operation_id"]

    @property
    def organisation_id(self):
        return self.record["meta"]["organisation_id"]

    @property
    def key(self):
        return self.record["meta"]["idempotency_key"]


@cache
def milliseconds(text):
    """A row's or an answer's time as events have it."""
    return None if text is None else (datetime.fromisoformat(text) - EPOCH) // MILLISECOND


def document_of_answer(schema, document):
    """An API's document as an event has it."""
    made = as_event(document, schema)
    if schema == "Invoice":
        made["lines"] = [as_event(line, "InvoiceLine") for line in document["lines"]]
    return made


def slug(problem):
    return (problem or {}).get("type", "").rsplit("/", 1)[-1]


def field_names(schema):
    return [field["name"] for field in EVENT_SCHEMAS[schema]["fields"]]


def is_time(name):
    return name.endswith("_at") or name in TIMES


def comparable(field, value):
    """A field's value as rows, answers and events alike have it: JSON is text in Avro, a numeric a number in a row."""
    if value is None:
        return None
    if is_time(field["name"]):
        return milliseconds(value)
    if field.get("json"):
        found = json.loads(value, parse_float=str) if isinstance(value, str) else value
        return json.dumps(found, sort_keys=True)
    return shaped(field["type"], value)


def shaped(kind, value):
    """A value as an event's type has it: of the records in a list the published fields alone."""
    if isinstance(kind, list) and value is not None:
        return shaped(kind[-1], value)
    kind = RECORDS.get(kind, kind) if isinstance(kind, str) else kind
    if value is None or kind == "string":
        return str(value) if isinstance(value, int | float) else value
    if isinstance(kind, dict) and kind["type"] == "array":
        return [shaped(kind["items"], item) for item in value]
    if isinstance(kind, dict) and kind["type"] == "record":
        return {
            field["name"]: comparable(field, value.get(field["name"], field.get("default"))) for field in kind["fields"]
        }
    return value


def as_event(document, schema):
    """A row or an API's document as an event has it, apart from an invoice's lines."""
    return {field["name"]: comparable(field, document[field["name"]]) for field in EVENT_SCHEMAS[schema]["fields"]}


def json_alike(schema, record):
    """A decoded value whose JSON is written as comparable() writes it."""
    fields = [field for field in EVENT_SCHEMAS[schema]["fields"] if field.get("json")]
    return record | {field["name"]: comparable(field, record[field["name"]]) for field in fields}


def of_event(found):
    """What was decoded, comparable."""
    if not found or found[0] not in EVENT_SCHEMAS:
        return found
    name, record = found
    if name == "Invoice":
        record = record | {"lines": [json_alike("InvoiceLine", line) for line in record["lines"]]}
    return name, json_alike(name, record)


def filled(kind, name, value):
    """A body's value as a command of that type has it: what is not given has its default, a time is a number."""
    if isinstance(kind, list):
        return None if value is None else filled(kind[-1], name, value)
    if isinstance(kind, dict) and kind["type"] == "array":
        return [filled(kind["items"], name, item) for item in value]
    if isinstance(kind, dict) and kind["type"] == "record":
        return {
            field["name"]: filled(field["type"], field["name"], value.get(field["name"], field.get("default")))
            for field in kind["fields"]
        }
    if isinstance(value, str) and is_time(name):
        return milliseconds(value)
    return value.lower() if isinstance(value, str) and IS_UUID.match(value) else value


def wish_of(organisation_id, name, arguments):
    """What a request or a command asks for, whatever it is named and when it came: comparable, hashable."""
    given = {}
    for field in SCHEMAS[name]["fields"][1:]:
        value = arguments.get(field["name"], field.get("default"))
        given[field["name"]] = filled(field["type"], field["name"], value)
    if set(arguments) - set(given) - {"meta"}:
        return None  # no such command
    return organisation_id, name, json.dumps(given, sort_keys=True)


def wish_of_attempt(attempt):
    """None for a request that can't become a command."""
    for method, pattern, name, field in ROUTES:
        match = pattern.match(attempt.path) if method == attempt.method else None
        if match and isinstance(attempt.body, dict | None):
            path = {field: match[1]} if field else {}
            return wish_of(attempt.organisation_id, name, (attempt.body or {}) | path)
    return None


def told_operation(attempt):
    """The operation that an answer names: of a 202, or of a problem that is an operation's outcome."""
    answer = attempt.answer if isinstance(attempt.answer, dict) else {}
    if attempt.status == 202:
        return answer.get("operation_id")
    instance = answer.get("instance") or ""
    if attempt.status and attempt.status >= 400 and instance.startswith("/v1/operations/"):
        return instance.rsplit("/", 1)[-1]
    return None


def told_done(attempt):
    """Whether the answer is the resource as the command left it (Prefer: wait)."""
    return attempt.status in (200, 201) and isinstance(attempt.answer, dict) and "id" in attempt.answer


class Index:
    def __init__(self, history, evidence):
        self.history, self.evidence = history, evidence
        self.cache = {}

    def records(self, kind):
        return [record for record in self.history if isinstance(record, kind)]

    def read(self, value, marks):
        """decode(), once for each value."""
        if (value, id(marks)) not in self.cache:
            self.cache[value, id(marks)] = of_event(decode(value, marks))
        return self.cache[value, id(marks)]

    # The history

    @cached_property
    def attempts(self):
        return self.records(Attempt)

    @cached_property
    def organisations(self):
        """Others may use the same servers: what is theirs is not ours to judge."""
        return {attempt.organisation_id for attempt in self.attempts}

    @cached_property
    def told(self):
        """[(attempt, operation id)] of all attempts whose answer names an operation."""
        return [(attempt, told_operation(attempt)) for attempt in self.attempts if told_operation(attempt)]

    @cached_property
    def sights(self):
        return self.records(Sight)

    @cached_property
    def samples(self):
        return sorted(self.records(Progress), key=lambda sample: sample.at)

    @cached_property
    def poison(self):
        return {(record.partition, record.offset): record for record in self.records(Poison)}

    def times_of(self, name):
        """The first and the last moment of a fault; one that was told once goes on to the end. None: it never was."""
        times = [fault.at for fault in self.records(Fault) if fault.name == name]
        return (min(times), max(times) if len(times) > 1 else math.inf) if times else None

    @cached_property
    def restored(self):
        return self.times_of(RESTORED)

    @cached_property
    def topic_again(self):
        return self.times_of(TOPIC_AGAIN)

    # Tables

    def own(self, table):
        return [row for row in self.evidence.tables[table] if row["organisation_id"] in self.organisations]

    @cached_property
    def rows(self):
        """{table: {id: row}} of the organisations' resources and operations."""
        return {
            table: {row["id"]: row for row in self.own(table)}
            for table in (*(table for table, _, _ in KINDS.values()), "operations")
        }

    @cached_property
    def operations(self):
        return self.rows["operations"]

    @cached_property
    def lines(self):
        """{invoice id: its lines in order}"""
        found = defaultdict(list)
        for row in sorted(self.own("invoice_lines"), key=lambda row: row["position"]):
            found[row["invoice_id"]].append(row)
        return found

    @cached_property
    def rows_of_runs(self):
        found = {}
        for table in ("billing_run_parts", "billing_run_totals", "billing_run_failures"):
            found[table] = defaultdict(list)
            for row in self.own(table):
                found[table][row["organisation_id"], row["run_id"]].append(row)
        return found

    def of_runs(self, table, run_id):
        """What there is of a billing run of the organisation that has it."""
        run = self.rows["billing_runs"].get(run_id)
        return self.rows_of_runs[table][run["organisation_id"], run_id] if run else []

    @cached_property
    def progress(self):
        return {row["partition"]: row for row in self.evidence.tables["progress"]}

    @cached_property
    def settings(self):
        return {row["id"]: row for row in self.evidence.tables["organisations"]}

    def document(self, kind, row):
        """A row as an event of it would tell it."""
        table, schema, _ = KINDS[kind]
        made = as_event(row | {"lines": row.get("lines")}, schema)
        if table == "invoices":
            made["lines"] = [as_event(line, "InvoiceLine") for line in self.lines[row["id"]]]
        return made

    # The topic of commands

    @cached_property
    def commands(self):
        """All commands of the organisations that can be read, partition by partition, by offset."""
        found = []
        for message in self.evidence.topics[COMMANDS]:
            name, record = self.read(message.value, COMMAND_MARKS) or (None, None)
            if name and record["meta"]["organisation_id"] in self.organisations:
                wish = wish_of(record["meta"]["organisation_id"], name, record)
                found.append(Command(message.partition, message.offset, name, record, wish))
        return found

    @cached_property
    def accepted(self):
        """Those that came by the API, or from a worker itself, and can be processed."""
        return [command for command in self.commands if (command.partition, command.offset) not in self.poison]

    @cached_property
    def declined(self):
        """The operations that failed as their payment did: of these alone something is left."""
        return {
            one for one, row in self.operations.items()
            if row["command"] == "pay_invoice" and slug(row["problem"]) == "payment-declined"
        }  # fmt: skip

    @cached_property
    def copies(self):
        """{operation id: its commands, by offset}; a command may lie at several offsets."""
        found = defaultdict(list)
        for command in self.commands:
            found[command.operation_id].append(command)
        return found

    @cached_property
    def messages_at(self):
        """{(partition, offset): message of the topic of commands}"""
        return {(message.partition, message.offset): message for message in self.evidence.topics[COMMANDS]}

    # Dead letters

    @cached_property
    def letters(self):
        """{(partition, offset): its rows}; of a topic that is gone, none."""
        found = defaultdict(list)
        for row in self.evidence.tables["dead_letters"]:
            place = row["partition"], row["offset"]
            message = self.messages_at.get(place)
            if not self.topic_again or (message and (message.value or b"") == bytes_of_row(row["value"])):
                found[place].append(row)
        return found

    @cached_property
    def buried(self):
        """The operations that a dead letter speaks for: it names them, or stands for one of their messages."""
        named = {row["operation_id"] for rows in self.letters.values() for row in rows}
        return named | {c.operation_id for c in self.commands if (c.partition, c.offset) in self.letters}

    @cached_property
    def published_letters(self):
        """{(partition, offset): its messages on billd.dead_letters}"""
        found = defaultdict(list)
        for message in self.evidence.topics[DEAD_LETTERS]:
            place = message.headers.get("billd_partition", ""), message.headers.get("billd_offset", "")
            if not all(text.isdigit() for text in place):
                continue
            place = int(place[0]), int(place[1])
            command = self.messages_at.get(place)
            if not self.topic_again or (command and command.value == message.value):
                found[place].append(message)
        return found

    # Events

    @cached_property
    def events(self):
        """The organisations' rows of the outbox with their decoded value: [(row, schema's name, record)]"""
        found = []
        for row in self.own("outbox"):
            name, record = self.read(bytes_of_row(row["value"]), EVENT_MARKS) or (None, {})
            found.append((row, name, record))
        return sorted(found, key=lambda event: (event[0]["partition"], event[0]["number"]))

    @cached_property
    def events_of(self):
        """{operation id: its events, by number}"""
        found = defaultdict(list)
        for event in self.events:
            found[event[0]["operation_id"]].append(event)
        return found

    @cached_property
    def steps(self):
        """{cause: its pieces} of what fell due by itself: events one behind the other whose cause is that of the first
        one's subscription and moment, and no command's. A parking and another try have the cause of their step, and a
        renewal with nothing to pay may recover it."""
        found, last = defaultdict(list), (None, None, None)
        for event in self.events:
            row, name, _ = event
            cause, place = row["operation_id"], (row["operation_id"], row["partition"], row["number"])
            if cause in self.copies or cause in self.operations:
                continue
            goes_on = name != "Subscription" or row["type"] == RECOVERED
            if last == (cause, row["partition"], row["number"] - 1) and goes_on:
                found[cause][-1].append(event)
            elif name == "Subscription" and cause == due_cause(row["subject"], milliseconds(row["occurred_at"])):
                found[cause].append([event])
            else:
                continue
            last = place
        return found

    @cached_property
    def groups(self):
        """All that happened at once: the events of each operation, and of each piece of a step that fell due."""
        return [*self.events_of_operations.values(), *(piece for pieces in self.steps.values() for piece in pieces)]

    @cached_property
    def events_of_operations(self):
        return {one: events for one, events in self.events_of.items() if one in self.copies or one in self.operations}

    @cached_property
    def lives(self):
        """{subscription: its events, each with all that happened at once with it}, in order."""
        found = defaultdict(list)
        for group in self.groups:
            for event in group:
                if event[1] == "Subscription":
                    found[event[0]["subject"]].append((event, group))
        for life in found.values():
            life.sort(key=lambda one: (one[0][0]["partition"], one[0][0]["number"]))
        return found

    @cached_property
    def last_told(self):
        """{(schema's name, subject): what the last event says of it, and what later ones say of others that it is}"""
        return last_told(self.events)

    @cached_property
    def published(self):
        """{partition: [(number, message)] of billd.events, as they lie there}; number None: no readable ce_sequence."""
        found = defaultdict(list)
        for message in self.evidence.topics[EVENTS]:
            text = message.headers.get("ce_sequence", "")
            found[message.partition].append((int(text) if text.isdigit() else None, message))
        return found

    @cached_property
    def first_published(self):
        """{partition: {number: message}}, repeats dropped."""
        found = {}
        for partition, numbered in self.published.items():
            kept = found[partition] = {}
            for number, message in numbered:
                if number is not None:
                    kept.setdefault(number, message)
        return found


def bytes_of_row(text):
    """A bytea as row_to_json writes it."""
    return bytes.fromhex((text or "\\x")[2:])


def due_cause(subscription_id, moment):
    """The id that names what falls due of a subscription at a moment in milliseconds (common/base/id.h)."""
    own = uuid.UUID(subscription_id).bytes
    seconds = moment // 1000
    kind = DUE_KINDS[seconds % 2]
    return str(derived_id(subscription_id, kind, seconds // 2, (own[6] & 3) << 8 | own[7]))


def repeated(items):
    """What is there more than once."""
    return [item for item, count in Counter(items).items() if count > 1]
