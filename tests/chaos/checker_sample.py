"""A small world in which all is well: a history and its evidence, made by hand, for the tests of the checker.

It is no copy of the worker: it knows for each request what must come of it, because the test says so.
"""

import copy
import io
import json
import re
import uuid
from datetime import UTC, datetime

import fastavro
from checker_index import (
    CREATES,
    EVENT_SCHEMAS,
    KINDS,
    LISTED,
    UUID,
    field_names,
    filled,
    is_time,
    milliseconds,
    wish_of_attempt,
)
from checker_money import ACCOUNTS
from evidence import COMMAND_MARKS, EVENT_MARKS, TABLES, Evidence, Message
from history import Attempt, Poison, Progress, Sight
from wire import COMMANDS, DEAD_LETTERS, EVENTS, partition_of

PARTITIONS = 4
BEGAN = 1_700_000_000  # seconds since the epoch
PERIOD_MS = 30 * 86_400_000
NIL = dict.fromkeys(("archived_at", "canceled_at", "ended_at", "paid_at"))
NO_CHARGE = {
    "billing": "advance", "amount": None, "unit_amount": None, "tiers": [], "package_size": None, "rate": None,
    "fixed_amount": None, "transaction_min_amount": None, "transaction_max_amount": None, "free_units": None,
    "min_amount": None, "max_amount": None, "tax_rate_ids": [],
}  # fmt: skip


def iso(ms):
    return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC).isoformat()


def encode(marks, name, record):
    """A value in single-object encoding."""
    mark, schema = next((mark, schema) for mark, (found, schema) in marks.items() if found == name)
    body = io.BytesIO()
    fastavro.schemaless_writer(body, schema, record)
    return b"\xc3\x01" + mark + body.getvalue()


def hexadecimal(value):
    return None if value is None else "\\x" + value.hex()


def problem(name, operation_id=None, path="/v1/customers", status=409):
    instance = f"/v1/operations/{operation_id}" if operation_id else path
    type_uri = f"/docs/problems/{name}"
    return {"type": type_uri, "title": name, "status": status, "detail": name, "instance": instance}


class World:
    def __init__(self):
        self.seconds, self.made = 0, 0
        self.history = []
        self.evidence = Evidence(
            tables={name: [] for name in TABLES},
            topics={COMMANDS: [], EVENTS: [], DEAD_LETTERS: []},
        )
        self.next_offset, self.numbers = [0] * PARTITIONS, [0] * PARTITIONS
        self.resources = {}  # id -> (kind, row)
        self.operations = {}  # id -> row

    def new_id(self):
        self.made += 1
        return str(uuid.uuid5(uuid.NAMESPACE_OID, str(self.made)))

    def now(self):
        """Each look at the clock is a second later."""
        self.seconds += 1
        return BEGAN + self.seconds

    def time(self):
        """The same without a look."""
        return BEGAN + self.seconds

    def organisation(self):
        one = self.new_id()
        row = {"id": one, "currency": "USD", "timezone": "Etc/UTC", "settings": {}}
        self.evidence.tables["organisations"].append(row)
        return one

    def one_series(self, organisation_id):
        """From now on its documents are numbered over all of its customers."""
        settings = {"invoice_numbering": "organisation", "invoice_prefix": "ONE"}
        rows = {row["id"]: row for row in self.evidence.tables["organisations"]}
        rows[organisation_id]["settings"] = settings
        counts = {"invoice_count": 0, "credit_note_count": 0}
        self.evidence.tables["number_series"].append({"organisation_id": organisation_id} | counts)

    # A request and its command

    def attempt(self, organisation_id, method, path, body=None, key=None, status=None, answer=None):
        attempt = Attempt(float(self.now()), organisation_id, method, path, body, key, status, answer)
        self.history.append(attempt)
        return attempt

    def put(self, partition, key, value):
        """A message on the topic of commands: its offset."""
        offset = self.next_offset[partition]
        self.next_offset[partition] += 1
        self.evidence.topics[COMMANDS].append(Message(partition, offset, key, value, {}))
        return offset

    def command(self, attempt, home, operation_id, accepted_ms):
        """The command that an accepted attempt becomes: its record."""
        _, name, _ = wish_of_attempt(attempt)
        schema = next(schema for found, schema in COMMAND_MARKS.values() if found == name)
        path_id = (re.findall(UUID, attempt.path) or [None])[0]
        record = {
            field["name"]: filled(
                field["type"], field["name"],
                (attempt.body or {}).get(field["name"], field.get("default", path_id)),
            )
            for field in schema["fields"][1:]
        }  # fmt: skip
        record["meta"] = {
            "operation_id": operation_id,
            "organisation_id": attempt.organisation_id,
            "actor": f"api_key:{uuid.UUID(int=1)}",
            "accepted_at": accepted_ms,
            "idempotency_key": attempt.idempotency_key,
            "address": "127.0.0.1",
        }
        self.put(partition_of(home, PARTITIONS), home.encode(), encode(COMMAND_MARKS, name, record))
        return name, record

    def send(self, organisation_id, method, path, body=None, key=None, home=None, refusal=None, told=202, into=None):
        """A request that is accepted, and its outcome: (operation id, resource id).

        home is what its partition belongs to, refusal the problem with which it fails, told the status of its answer:
        202, 201, 200 (it waited), None (no answer), 409 (it waited, and it failed).
        """
        attempt = self.attempt(organisation_id, method, path, body, key)
        operation_id, accepted_ms = self.new_id(), int(attempt.at * 1000)
        name = wish_of_attempt(attempt)[1]
        resource_id = into or self.new_id()
        kind = CREATES.get(name) or path.split("/")[2][:-1].replace("-", "_")
        name, record = self.command(attempt, home or resource_id, operation_id, accepted_ms)
        failure = problem(refusal, operation_id) if refusal else None
        self.operations[operation_id] = {
            "organisation_id": organisation_id, "id": operation_id, "command": snake(name),
            "status": "failed" if refusal else "succeeded", "resource_type": kind, "resource_id": resource_id,
            "problem": failure, "idempotency_key": key, "accepted_at": iso(accepted_ms),
            "completed_at": iso(accepted_ms + 1_234),
        }  # fmt: skip
        self.evidence.tables["operations"].append(self.operations[operation_id])
        if not refusal:
            self.apply(name, record, kind, resource_id, accepted_ms)
        attempt.status = told
        if told == 202:
            resource = {"type": kind, "id": resource_id}
            attempt.answer = {"operation_id": operation_id, "status": "pending", "resource": resource}
        elif told in (200, 201):
            attempt.answer = self.document(resource_id)
        elif told:
            attempt.answer = copy.deepcopy(failure)
        return operation_id, resource_id

    # What comes of a command

    def apply(self, name, record, kind, resource_id, now):
        meta = record["meta"]
        common = {"organisation_id": meta["organisation_id"], "id": resource_id, "created_ms": now}
        fields = {name: value for name, value in record.items() if name not in ("meta", "plan_code")}
        if name in CREATES:
            row = common | fields | {"created_at": iso(now), "updated_at": iso(now)}
            self.resources[resource_id] = kind, row
            self.evidence.tables[KINDS[kind][0]].append(row)
            getattr(self, f"create_{kind}")(meta, row, record, now)
            return
        if name == "ReportQuantity":
            return
        _, row = self.resources[resource_id]
        row["updated_at"] = iso(now)
        if name.startswith("Archive"):
            row["archived_at"] = iso(now)
            self.event(meta, f"{kind}.archived", resource_id, now)
        elif name == "CancelSubscription":
            row |= {"status": "canceled", "canceled_at": iso(now), "ended_at": iso(now), "due_at": None}
            self.event(meta, "subscription.canceled", resource_id, now)
        else:
            if kind not in ("customer", "plan"):
                return
            changes = {name: value for name, value in fields.items() if value not in (None, []) and name in row}
            row |= changes | {"metadata": row["metadata"] | changes["metadata"]}
            self.event(meta, f"{kind}.updated", resource_id, now)

    def create_customer(self, meta, row, record, now):
        row |= {"currency": "USD", "timezone": row["timezone"] or "Etc/UTC", "archived_at": None}
        row |= {"credit_balance": 0, "credit_count": 0, "credit_note_count": 0, "items_pending": 0}
        row |= {"number_prefix": row["id"][:8].upper(), "invoice_count": 0}
        self.event(meta, "customer.created", row["id"], now)

    def create_plan(self, meta, row, record, now):
        row |= {"archived_at": None, "version_id": row["id"], "version": 1}
        row["charges"] = [NO_CHARGE | {"code": "base", "name": row["name"], "model": "flat", "amount": row["amount"]}]
        fields = ("organisation_id", "currency", "interval", "interval_count", "trial_days", "charges")
        self.evidence.tables["plan_versions"].append(
            {name: row[name] for name in fields} | {"id": row["id"], "plan_id": row["id"], "version": 1}
        )
        self.event(meta, "plan.created", row["id"], now)

    def create_test_clock(self, meta, row, record, now):
        row |= {"now": iso(record["now"]), "status": "ready", "target_at": None}
        self.event(meta, "test_clock.created", row["id"], now)

    def create_subscription(self, meta, row, record, now):
        plans = [plan for plan in self.evidence.tables["plans"] if plan["organisation_id"] == meta["organisation_id"]]
        plan = next(plan for plan in plans if record["plan_id"] == plan["id"] or record["plan_code"] == plan["code"])
        begun = record["start_at"] or now
        start, end = iso(begun), iso(begun + PERIOD_MS)
        row |= NIL | {"plan_id": plan["id"], "status": "active", "timezone": "Etc/UTC", "anchor_at": start}
        row |= {"current_period_start": start, "current_period_end": end, "started_at": start}
        row |= {"cancel_at_period_end": False, "plan_version_id": plan["id"]}
        row |= {"deferred": 0, "deferred_from": None, "deferred_until": None}
        row["discounts"] = [self.redeem(meta["organisation_id"], code) for code in row.pop("coupon_codes")]
        row["test_clock_id"] = self.resources[record["customer_id"]][1]["test_clock_id"]
        empty = ("trial_start", "trial_end", "paused_at", "pending_plan_id", "pending_version_id",
                 "pending_quantity", "billing_problem")  # fmt: skip
        row |= dict.fromkeys(empty)
        row |= {"due_at": end, "latest_invoice_id": self.new_id()}
        self.event(meta, "subscription.created", row["id"], now)
        self.invoice(meta, row, plan, begun)

    def redeem(self, organisation_id, code):
        """What a subscription takes of a coupon."""
        coupons = [row for row in self.evidence.tables["coupons"] if row["organisation_id"] == organisation_id]
        coupon = next(row for row in coupons if row["code"] == code)
        coupon["redemptions"] += 1
        names = ("code", "name", "percent_off", "amount_off", "duration", "plan_ids")
        return {name: coupon[name] for name in names} | {"coupon_id": coupon["id"], "periods_left": None, "given": 0}

    def invoice(self, meta, subscription, plan, now, reason="subscription_create"):
        """For the current period, with the items that wait. Discounts and taxes must come to whole units."""
        _, customer = self.resources[subscription["customer_id"]]
        customer["invoice_count"] += 1
        sequence, series = customer["invoice_count"], self.series_next(meta["organisation_id"], "invoice")
        span = {"period_start": subscription["current_period_start"], "period_end": subscription["current_period_end"]}
        row = NIL | span | {
            "organisation_id": meta["organisation_id"], "id": subscription["latest_invoice_id"],
            "customer_id": customer["id"], "subscription_id": subscription["id"], "sequence": sequence,
            "reason": reason, "currency": "USD", "series_sequence": series,
            "number": f"ONE-{series:06}" if series else f"{customer['number_prefix']}-{sequence:04}",
            "issued_at": iso(now), "due_at": iso(now), "amount_paid": 0, "amount_credited": 0, "amount_refunded": 0,
            "credited_total": 0, "payment_id": None, "voided_at": None, "uncollectible_at": None, "digest": "d1",
            "billing_run_id": None,
            "tax_exempt": customer["tax_exempt"], "tax_exempt_reason": customer["tax_exempt_reason"],
            "created_ms": now, "created_at": iso(now), "updated_at": iso(now),
        }  # fmt: skip
        whose = span | {"organisation_id": meta["organisation_id"], "invoice_id": row["id"]}
        charge = {"description": plan["name"], "plan_id": plan["id"], "kind": "charge", "charge_code": "base"}
        lines = [self.line(whose | charge, 1, plan["amount"], explained(plan["amount"]))]
        items = [item for item in self.items_of(customer["id"]) if item["status"] == "pending"]
        for place, item in enumerate(items, 2):
            what = {"description": item["description"], "plan_id": plan["id"], "kind": "item", "charge_code": "item"}
            lines.append(self.line(whose | what, place, item["amount"], {"amount": item["amount"]}))
        row |= self.assess(customer, subscription, lines)
        row["credit_applied"] = credit = min(customer["credit_balance"], row["total"])
        row["amount_due"] = due = row["total"] - credit
        row |= {"status": "open" if due else "paid", "paid_at": None if due else iso(now)}
        self.evidence.tables["invoices"].append(row)
        self.evidence.tables["invoice_lines"] += lines
        row["lines"] = lines
        self.resources[row["id"]] = "invoice", row
        self.book(customer, "invoice", "invoice", row["id"], now, receivable=due, customer_credit=credit,
                  revenue=row["tax"] - row["total"], tax_payable=-row["tax"])  # fmt: skip
        # The event's moment is the command's, or that of the step.
        now = self.moment(meta, now)
        self.event(meta, "invoice.issued", row["id"], now)
        if not due:
            self.event(meta, "invoice.paid", row["id"], now)
        if credit:
            self.credit(meta, customer, -credit, now, "invoice", invoice_id=row["id"])
        for item in items:
            item |= {"status": "billed", "invoice_id": row["id"]}
            customer["items_pending"] -= 1
            self.event(meta, "item.billed", item["id"], now)

    def series_next(self, organisation_id, what):
        for row in self.evidence.tables["number_series"]:
            if row["organisation_id"] == organisation_id:
                row[f"{what}_count"] += 1
                return row[f"{what}_count"]
        return None

    def items_of(self, customer_id):
        return [row for row in self.evidence.tables["items"] if row["customer_id"] == customer_id]

    def line(self, what, position, amount, explanation):
        return what | {
            "position": position, "id": self.new_id(), "quantity": 1, "unit_amount": amount, "amount": amount,
            "proration": False, "quantity_decimal": "1", "unit_amount_decimal": None, "explanation": explanation,
            "deferred": False, "credited": 0, "credited_taxes": [],
        }  # fmt: skip

    def assess(self, customer, subscription, lines):
        """Discounts and exclusive taxes to the lines: the document's sums."""
        for line in lines:
            left, line["discounts"], line["taxes"] = line["amount"], [], []
            for discount in subscription["discounts"]:
                amount = whole(left, discount["percent_off"])
                line["discounts"].append({"coupon_id": discount["coupon_id"], "amount": amount})
                left -= amount
            for one in customer["tax_rate_ids"]:
                amount = whole(left, self.resources[one][1]["percentage"])
                line["taxes"].append({"tax_rate_id": one, "inclusive": False, "amount": amount})
            line |= {"discount": line["amount"] - left, "tax": sum(tax["amount"] for tax in line["taxes"])}
            line["tax_included"] = 0
        sums = {name: sum(line[name] for line in lines) for name in ("discount", "tax", "tax_included")}
        sums["subtotal"] = sum(line["amount"] for line in lines)
        sums["total"] = sums["subtotal"] - sums["discount"] + sums["tax"]
        net = sums["subtotal"] - sums["discount"]
        sums["discounts"] = [
            {name: discount[name] for name in ("coupon_id", "code", "name")}
            | {"amount": sum(line["discounts"][place]["amount"] for line in lines)}
            for place, discount in enumerate(subscription["discounts"])
        ]
        rates = [self.resources[one][1] for one in customer["tax_rate_ids"]]
        sums["taxes"] = [
            {name: rate[name] for name in ("code", "name", "percentage", "inclusive")}
            | {"tax_rate_id": rate["id"], "taxable": net, "amount": sum(line["taxes"][i]["amount"] for line in lines)}
            for i, rate in enumerate(rates)
        ]
        return sums

    def book(self, customer, reason, kind, document_id, now, **accounts):
        """An entry of the journal; of nothing, none."""
        assert sum(accounts.values()) == 0, (reason, accounts)
        if not any(accounts.values()):
            return
        self.evidence.tables["journal"].append(
            {
                "organisation_id": customer["organisation_id"], "id": self.new_id(), "customer_id": customer["id"],
                "test_clock_id": customer["test_clock_id"], "reason": reason, "document_type": kind,
                "document_id": document_id, "currency": "USD", "created_ms": now, "booked_at": iso(now),
            } | dict.fromkeys(ACCOUNTS, 0) | accounts
        )  # fmt: skip

    def moment(self, meta, now):
        row = self.operations.get(meta["operation_id"])
        return milliseconds(row["accepted_at"]) if row else now

    def credit(self, meta, customer, amount, now, reason, row=None, **fields):
        """An entry of a customer's balance; its row, where a command has made one."""
        customer["credit_balance"] += amount
        customer["credit_count"] += 1
        customer["updated_at"] = max(customer["updated_at"], iso(now))
        nothing = dict.fromkeys(("subscription_id", "invoice_id", "credit_note_id", "description", "lines"))
        entry = {"organisation_id": meta["organisation_id"], "id": self.new_id()} if row is None else row
        entry |= nothing | {
            "customer_id": customer["id"], "sequence": customer["credit_count"], "reason": reason, "amount": amount,
            "balance_after": customer["credit_balance"], "currency": "USD", "discount": 0, "discounts": [], "tax": 0,
            "tax_included": 0, "taxes": [], "created_ms": now, "created_at": iso(now),
        } | fields  # fmt: skip
        if row is None:
            self.evidence.tables["credit_entries"].append(entry)
        self.resources[entry["id"]] = "credit_entry", entry
        self.event(meta, "credit.recorded", entry["id"], now)
        if reason in ("proration", "grant"):
            accounts = {"customer_credit": -amount, "revenue" if reason == "proration" else "credits_granted": amount}
            self.book(customer, "credit", "credit_entry", entry["id"], now, **accounts)

    def event(self, meta, what, subject, now):
        kind, row = self.resources[subject]
        everybodys = kind in ("plan", "coupon", "tax_rate", "billing_run")
        home = meta["organisation_id"] if everybodys else row.get("customer_id", subject)
        if kind == "quantity":
            home = self.resources[row["subscription_id"]][1]["customer_id"]
        partition = partition_of(home, PARTITIONS)
        self.numbers[partition] += 1
        schema = KINDS[kind][1]
        value = encode(EVENT_MARKS, schema, in_milliseconds(row, schema))
        self.evidence.tables["outbox"].append(
            {
                "organisation_id": meta["organisation_id"], "partition": partition, "number": self.numbers[partition],
                "id": self.new_id(), "type": f"billd.{what}.v1", "subject": subject, "key": home,
                "operation_id": meta["operation_id"], "occurred_at": iso(now), "value": hexadecimal(value),
            }
        )  # fmt: skip

    def document(self, one):
        kind, row = self.resources[one]
        names = field_names(KINDS[kind][1])
        return copy.deepcopy({name: row[name] for name in names})

    # Poison, looks, and the end

    def poison(self, partition, value=b"no message of ours"):
        offset = self.put(partition, None, value)
        self.history.append(Poison(float(self.now()), partition, offset, "noise"))
        self.evidence.tables["dead_letters"].append(
            {
                "partition": partition, "offset": offset, "organisation_id": None, "operation_id": None,
                "reason": "noise", "key": None, "value": hexadecimal(value), "published": True,
            }
        )  # fmt: skip
        headers = {"billd_reason": "noise", "billd_partition": str(partition), "billd_offset": str(offset)}
        end = len([message for message in self.evidence.topics[DEAD_LETTERS] if message.partition == partition])
        self.evidence.topics[DEAD_LETTERS].append(Message(partition, end, None, value, headers))

    def operation_answer(self, operation_id):
        row = self.operations[operation_id]
        return {
            "id": row["id"], "command": row["command"], "status": row["status"], "error": copy.copy(row["problem"]),
            "resource": {"type": row["resource_type"], "id": row["resource_id"]},
            "accepted_at": row["accepted_at"], "completed_at": seconds_only(row["completed_at"]),
        }  # fmt: skip

    def sight(self, organisation_id, operation_id, status=200, answer=None):
        at = float(self.now())
        self.history.append(
            Sight(at, organisation_id, operation_id, status, answer or self.operation_answer(operation_id), at + 0.1)
        )

    def sample(self):
        rows = {number: [self.next_offset[number], self.numbers[number], 0] for number in range(PARTITIONS)}
        self.history.append(Progress(float(self.now()), rows))

    def finish(self, repeats=2):
        """Publish, list and answer: (history, evidence). The last events of each partition are on the topic again."""
        tables, topics = self.evidence.tables, self.evidence.topics
        for partition in range(PARTITIONS):
            rows = [row for row in tables["outbox"] if row["partition"] == partition]
            for offset, row in enumerate(rows + rows[-repeats:]):
                topics[EVENTS].append(published(row, offset))
            numbers = {"event_number": len(rows), "published_number": len(rows)}
            tables["progress"].append({"partition": partition, "next_offset": self.next_offset[partition]} | numbers)
        for messages in topics.values():
            messages.sort(key=lambda message: (message.partition, message.offset))
        self.evidence.ends = {
            topic: {number: sum(m.partition == number for m in messages) for number in range(PARTITIONS)}
            for topic, messages in topics.items()
        }
        self.evidence.operations = {row["id"]: [200, self.operation_answer(row["id"])] for row in tables["operations"]}
        for organisation in tables["organisations"]:
            self.evidence.lists[organisation["id"]] = self.lists(organisation["id"])
        return self.history, self.evidence

    def lists(self, organisation_id):
        tables, found = self.evidence.tables, {}
        self.evidence.at = float(self.now())
        for table in (KINDS[kind][0] for kind in LISTED):
            rows = [row for row in tables[table] if row["organisation_id"] == organisation_id]
            rows.sort(key=lambda row: row["created_ms"], reverse=True)
            found[table] = [self.document(row["id"]) for row in rows]
        entries = [row for row in tables["journal"] if row["organisation_id"] == organisation_id]
        names = ("id", "reason", "document_type", "document_id", "customer_id", "test_clock_id", "currency")
        found["journal"] = [
            {name: row[name] for name in names}
            | {"postings": [{"account": name, "amount": row[name]} for name in ACCOUNTS if row[name]]}
            for row in sorted(entries, key=lambda row: row["created_ms"], reverse=True)
        ]
        found["events"] = [
            {
                "id": row["id"], "type": row["type"], "subject": row["subject"], "operationid": row["operation_id"],
                "partition": row["partition"], "sequence": str(row["number"]), "data": self.told(row),
            }
            for row in tables["outbox"] if row["organisation_id"] == organisation_id
        ]  # fmt: skip
        return found

    def told(self, row):
        """An event's value as the API shows it."""
        schema = next(schema for _, schema, prefix in KINDS.values() if row["type"].startswith(prefix))
        found = next(found for name, found in EVENT_MARKS.values() if name == schema)
        record = fastavro.schemaless_reader(io.BytesIO(bytes.fromhex(row["value"][2:])[10:]), found)
        return in_text(record, schema)


def snake(name):
    """A command's name as its operation has it."""
    return re.sub("(?<!^)([A-Z])", r"_\1", name).lower()


def whole(amount, percentage):
    """So many percent, which are a whole number."""
    assert amount * int(percentage) % 100 == 0, (amount, percentage)
    return amount * int(percentage) // 100


def meta_of(world, operation_id):
    return {"organisation_id": world.operations[operation_id]["organisation_id"], "operation_id": operation_id}


def explained(amount, credit=False, **more):
    """A flat charge's, in short."""
    return {"model": "flat", "amount": amount, "credit": credit, "rounding": "half_away_from_zero"} | more


def in_milliseconds(row, schema):
    """A row as Avro has it."""
    made = {}
    for field in EVENT_SCHEMAS[schema]["fields"]:
        value = row[field["name"]]
        if value is not None and is_time(field["name"]):
            value = round(datetime.fromisoformat(value).timestamp() * 1000)
        if field["type"] == "string" and isinstance(value, int):
            value = str(value)  # a numeric
        made[field["name"]] = json.dumps(value) if value is not None and field.get("json") else value
    if schema == "Invoice":
        made["lines"] = [in_milliseconds(line, "InvoiceLine") for line in row["lines"]]
    return made


def in_text(record, schema):
    """What Avro had as the API shows it."""
    made = {}
    for field in EVENT_SCHEMAS[schema]["fields"]:
        value = record[field["name"]]
        if value is not None and is_time(field["name"]):
            value = iso(value)
        made[field["name"]] = json.loads(value) if value is not None and field.get("json") else value
    if schema == "Invoice":
        made["lines"] = [in_text(line, "InvoiceLine") for line in record["lines"]]
    return made


def seconds_only(text):
    return datetime.fromisoformat(text).replace(microsecond=0).isoformat()


def published(row, offset):
    headers = {
        "ce_specversion": "1.0", "ce_id": row["id"], "ce_type": row["type"], "ce_source": "billd",
        "ce_subject": row["subject"], "ce_time": seconds_only(row["occurred_at"]),
        "ce_organisationid": row["organisation_id"], "ce_operationid": row["operation_id"],
        "ce_sequence": str(row["number"]), "content-type": "application/avro",
    }  # fmt: skip
    value = bytes.fromhex(row["value"][2:])
    return Message(row["partition"], offset, row["key"].encode(), value, headers)


def begin(world):
    """Two organisations in which most kinds of things happened once or twice: (one of them, a plan of it)."""
    a, b = world.organisation(), world.organisation()
    world.one_series(b)
    _, plan = world.send(a, "POST", "/v1/plans", PLAN, home=a)
    world.send(a, "POST", "/v1/plans", PLAN, home=a, refusal="plan-code-taken")
    _, free = world.send(a, "POST", "/v1/plans", PLAN | {"code": "free", "amount": 0}, key="free", home=a)
    world.send(a, "PATCH", f"/v1/plans/{free}", {"name": "Free"}, home=a, into=free, told=200)
    world.send(a, "DELETE", f"/v1/plans/{free}", home=a, into=free)
    world.send(b, "POST", "/v1/plans", PLAN, home=b)
    for number in range(6):
        owner = b if number == 5 else a
        body = {"name": f"Customer {number}"}
        operation, customer = world.send(owner, "POST", "/v1/customers", body, key=f"c{number}")
        retry(world, -1)
        world.sight(owner, operation)
        world.sample()
        body = {"customer_id": customer} | ({"plan_code": "basic"} if owner == b else {"plan_id": plan})
        _, first = world.send(owner, "POST", "/v1/subscriptions", body, home=customer)
        refused = {"refusal": "subscription-live-exists", "told": 409}
        world.send(owner, "POST", "/v1/subscriptions", body, home=customer, **refused)
        path = f"/v1/subscriptions/{first}/cancel"
        world.send(owner, "POST", path, {"effective": "now"}, home=customer, into=first)
        world.send(owner, "POST", "/v1/subscriptions", body, home=customer, told=None if number % 2 else 201)
        update = {"name": "Renamed", "metadata": {"note": str(number)}}
        world.send(owner, "PATCH", f"/v1/customers/{customer}", update, home=customer, into=customer)
        world.poison(number % PARTITIONS)
    world.send(a, "POST", "/v1/customers", {"name": "Other"}, key="c0", refusal="idempotency-key-reused")
    world.attempt(a, "POST", "/v1/customers", {"name": "Another"}, "c0", 422, problem("idempotency-key-reused"))
    world.attempt(a, "POST", "/v1/customers", {"name": "Lost"})
    world.attempt(a, "POST", "/v1/customers", {}, None, 400, problem("invalid-body"))
    operation, gone = world.send(a, "POST", "/v1/customers", {"name": "Gone"}, told=201)
    world.send(a, "DELETE", f"/v1/customers/{gone}", home=gone, into=gone)
    world.sample()
    return a, plan


def retry(world, index):
    """The last attempt again: the same operation, which lies on the topic once more."""
    attempt = copy.deepcopy([record for record in world.history if isinstance(record, Attempt)][index])
    attempt.at = float(world.now())
    world.history.append(attempt)
    message = world.evidence.topics[COMMANDS][-1]
    world.put(message.partition, message.key, message.value)


PLAN = {"code": "basic", "name": "Basic", "currency": "USD", "interval": "day", "interval_count": 30, "amount": 2900}
