"""Rules about requests, operations and idempotency: what was promised, and what became of it."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import lru_cache

from checker_index import (
    CREATES,
    KINDS,
    OUTCOME_KIND,
    OUTCOMES,
    OWN,
    OWN_OF_RUNS,
    milliseconds,
    slug,
    told_done,
    told_operation,
    wish_of_attempt,
)
from wire import derived_id, partition_of, shard_of

FINAL = ("succeeded", "failed")
# An answer without an end is taken to have come this long after it was asked for, at most.
ANSWER_SECONDS = 60


def accepted_is_queued(index):
    """Every operation that an answer named lies on the topic of commands, as it was asked for."""
    for attempt, operation_id in index.told:
        copies = index.copies.get(operation_id)
        if not copies:
            yield f"{attempt.method} {attempt.path}: operation {operation_id} is not on the topic"
            continue
        wish = wish_of_attempt(attempt)
        for command in copies:
            if command.wish != wish or command.organisation_id != attempt.organisation_id:
                yield f"operation {operation_id}: asked was {wish}, on the topic is {command.wish}"
            if command.key != attempt.idempotency_key:
                yield f"operation {operation_id}: its key {attempt.idempotency_key!r} became {command.key!r}"


def home(index, command):
    """The key that a command belongs to: its customer or its organisation; None when nothing tells."""
    record = command.record
    if "customer_id" in record:
        return record["customer_id"]
    for name, table in (("subscription_id", "subscriptions"), ("invoice_id", "invoices")):
        if name in record:
            row = index.rows[table].get(record[name])
            return row and row["customer_id"]
    if "test_clock_id" in record and command.name != "CreateCustomer":
        return record["test_clock_id"]
    if command.name in ("CreateCustomer", "CreateTestClock"):
        row = index.operations.get(command.operation_id)
        return row and row["resource_id"]
    return command.organisation_id


def partition_is_the_customers(index):
    """A command lies in the partition that Kafka's partitioner picks for its customer, else for its organisation."""
    partitions = len(index.progress)
    for command in index.accepted:
        key = home(index, command)
        if key and partition_of(key, partitions) != command.partition:
            yield f"operation {command.operation_id} of {key} lies in partition {command.partition}"


def one_outcome(index):
    """Every operation that was told, and every command on the topic, has exactly one outcome."""
    rows = Counter(row["id"] for row in index.own("operations"))
    wanted = {operation_id for _, operation_id in index.told} | set(index.copies)
    for operation_id in sorted(wanted):
        if rows[operation_id] == 0 and operation_id not in index.buried:
            yield f"operation {operation_id} has no outcome"
        if rows[operation_id] > 1:
            yield f"operation {operation_id} has {rows[operation_id]} outcomes"
    for operation_id, row in index.operations.items():
        if row["status"] not in FINAL or (row["status"] == "failed") != (row["problem"] is not None):
            yield f"operation {operation_id} is {row['status']} with the problem {row['problem']}"


def operation_document(row):
    """What GET must say of an operation's row."""
    seconds = {name: milliseconds(row[name]) // 1000 * 1000 for name in ("accepted_at", "completed_at")}
    return {
        "id": row["id"],
        "command": row["command"],
        "status": row["status"],
        "resource": {"type": row["resource_type"], "id": row["resource_id"]},
        "error": row["problem"],
    } | seconds


def operation_answer(answer):
    return answer | {name: milliseconds(answer.get(name)) for name in ("accepted_at", "completed_at")}


def api_tells_the_table(index):
    """The API's answer about an operation is the table's row; none is pending, none unknown."""
    for operation_id, (status, answer) in index.evidence.operations.items():
        row = index.operations.get(operation_id)
        if status != 200:
            yield f"operation {operation_id}: the API answers {status}"
        elif row is None:
            if operation_id not in index.buried:
                yield f"operation {operation_id}: the API says {answer['status']}, there is no row"
        elif operation_answer(answer) != operation_document(row):
            yield f"operation {operation_id}: the API says {answer}, the row {row}"


def one_operation_per_key(index):
    """The same request with the same key is the same operation in each answer, with the same resource."""
    answers = defaultdict(set)
    for attempt in index.attempts:
        if attempt.idempotency_key is None or attempt.status is None or not isinstance(attempt.answer, dict):
            continue
        wish, named = (attempt.organisation_id, attempt.idempotency_key), told_operation(attempt)
        wish += (attempt.method, attempt.path, repr(attempt.body))
        resource = attempt.answer.get("resource") if attempt.status == 202 else None
        if named:
            answers["operation", *wish].add(named)
        if resource:
            answers["resource", *wish].add(resource["id"])
        if told_done(attempt):
            answers["resource", *wish].add(attempt.answer["id"])
    for (what, _, key, method, path, _), found in answers.items():
        if len(found) > 1:
            yield f"{method} {path} with the key {key!r} had {len(found)} {what}s: {sorted(found)}"


def one_effect_per_key(index):
    """Of all commands with one key, one operation at most has an outcome of its own; others are refused for the key."""
    outcomes = defaultdict(list)
    for operation_id in index.copies:
        key = index.copies[operation_id][0].key
        row = index.operations.get(operation_id)
        if key is not None and row and slug(row["problem"]) not in ("idempotency-key-reused", "dead-letter"):
            outcomes[row["organisation_id"], key].append(f"{row['command']} {operation_id}: {row['status']}")
    for (_, key), found in outcomes.items():
        if len(found) > 1:
            yield f"the key {key!r} has {len(found)} effects: {found}"


@dataclass
class Bucket:
    """All requests that ask for the same with the same key, or without one, beside their commands on the topic."""

    named: set = field(default_factory=set)  # operations that an answer named
    done: set = field(default_factory=set)  # those of them that were told as done
    least: int = 0  # how many other commands there must be, all done
    most: int = 0  # and how many there can be
    present: set = field(default_factory=set)  # operations on the topic


@lru_cache(maxsize=1)  # for the two rules that need it
def buckets(index):
    """{(wish, key): Bucket}"""
    requests = defaultdict(list)
    for number, attempt in enumerate(index.attempts):
        key = attempt.idempotency_key
        # Retries with a key are one request; without, each attempt is one.
        same = repr((attempt.method, attempt.path, attempt.body)) if key is not None else number
        requests[wish_of_attempt(attempt), key, same].append(attempt)
    found = defaultdict(Bucket)
    for (wish, key, _), attempts in requests.items():
        bucket = found[wish, key]
        named = {told_operation(attempt) for attempt in attempts} - {None}
        done = any(told_done(attempt) for attempt in attempts)
        # An answer that was cut off tells as little as none.
        unknown = any(attempt.status is None or attempt.status >= 500 or attempt.status < 300 for attempt in attempts)
        bucket.named |= named
        bucket.done |= named if done else set()
        bucket.least += done and not named
        bucket.most += (done or unknown) and not named
    for command in index.accepted:
        if command.name not in (OWN, *OWN_OF_RUNS):
            found[command.wish, command.key].present.add(command.operation_id)
    return {of: bucket for of, bucket in found.items() if of[0] is not None}


def no_answer_zero_or_one(index):
    """An attempt without an answer is at most one command, a refused one none; and no command comes from nowhere."""
    for (wish, key), bucket in buckets(index).items():
        rest = bucket.present - bucket.named
        if not bucket.least <= len(rest) <= bucket.most:
            yield (
                f"{wish[1]} {wish[2]} with the key {key!r}: {len(rest)} commands that no answer named"
                f" {sorted(rest)[:3]}, where there can be {bucket.least} to {bucket.most}"
            )


def answers_hold(index):
    """What an answer told of the outcome is the outcome: done is succeeded, a problem is that failure."""
    for attempt, operation_id in index.told:
        row = index.operations.get(operation_id)
        if row is None:
            continue
        resource = {"type": row["resource_type"], "id": row["resource_id"]}
        if attempt.status == 202 and attempt.answer.get("resource") != resource:
            yield f"operation {operation_id}: promised was {attempt.answer.get('resource')}, it became {resource}"
        if attempt.status != 202 and attempt.answer != row["problem"]:
            yield f"operation {operation_id}: told was {attempt.answer}, it is {row['status']}: {row['problem']}"
    resources = {one: row["resource_id"] for one, row in index.operations.items() if row["status"] == "succeeded"}
    succeeded = set(resources)
    for (wish, key), bucket in buckets(index).items():
        for operation_id in sorted(bucket.done - succeeded):
            yield f"operation {operation_id} was told as done, and did not succeed"
        if len((bucket.present - bucket.named) & succeeded) < bucket.least:
            yield f"{wish[1]} {wish[2]} with the key {key!r}: told as done {bucket.least} times, succeeded less often"
    touched = set(resources.values())
    for attempt in index.attempts:
        if told_done(attempt) and attempt.answer["id"] not in touched:
            yield f"{attempt.method} {attempt.path}: {attempt.answer['id']} was told as done, nothing succeeded there"


def during_restore(index, moment):
    return index.restored is not None and index.restored[0] <= moment


def sight_is_final(sight):
    return sight.status == 200 and (sight.answer or {}).get("status") in FINAL


def final_stays_final(index):
    """Once succeeded or failed is told, it is told for ever, with the same document; a told operation is never 404."""
    told = {}
    for attempt, one in index.told:
        told[attempt.organisation_id, one] = min(attempt.at, told.get((attempt.organisation_id, one), attempt.at))
    finals = {}  # operation -> the earliest moment from which its outcome was known
    for sight in index.sights:
        name = f"operation {sight.operation_id}"
        row = index.operations.get(sight.operation_id)
        if sight.status == 404 and told.get((sight.organisation_id, sight.operation_id), sight.at + 1) <= sight.at:
            yield f"{name} was unknown at {sight.at}"
        if not sight_is_final(sight):
            continue
        known = sight.until or sight.at + ANSWER_SECONDS
        finals[sight.operation_id] = min(known, finals.get(sight.operation_id, known))
        document = operation_document(row) if row else {}
        seen = operation_answer(sight.answer)
        if index.restored and sight.at <= index.restored[1]:
            # Its command was processed again: at another time.
            document.pop("completed_at", None), seen.pop("completed_at", None)
        if seen != document:
            yield f"{name} was {sight.answer} at {sight.at}, and is {row}"
    for sight in index.sights:
        known = finals.get(sight.operation_id)
        pending = sight.status == 200 and not sight_is_final(sight)
        if pending and known is not None and sight.at > known and not during_restore(index, sight.at):
            yield f"operation {sight.operation_id} was pending at {sight.at}, after its outcome was told"


def outcomes_are_told_once(index):
    """What a provider said is told by a worker alone, of a payment that it was asked for, under a name that follows
    from the payment and the outcome; it takes effect once, and nothing else settles such a payment."""
    asked = {operation_id for _, operation_id in index.told}
    effects = defaultdict(set)
    for command in (command for command in index.accepted if command.name == OWN):
        record, one = command.record, command.operation_id
        said = f"{OWN} {one} of {record['payment_id']}"
        payment = index.rows["payments"].get(record["payment_id"])
        number, shard = OUTCOMES[record["outcome"]], shard_of(record["customer_id"])
        if one != str(derived_id(record["payment_id"], OUTCOME_KIND, number, shard)):
            yield f"{said}: its name does not follow from that, {record['outcome']}"
        if one in asked or command.key is not None or record["meta"]["actor"] != "system:payments":
            yield f"{said}: it came from {record['meta']['actor']} with the key {command.key!r}"
        if payment is None or any(payment[name] != record[name] for name in ("customer_id", "invoice_id")):
            yield f"{said}: the payment is {payment}"
        elif payment["payment_method"] == "manual":
            yield f"{said}: nobody was to be asked about it"
        row = index.operations.get(one)
        if row and row["status"] == "succeeded" and record["outcome"] != "unknown":
            effects[record["payment_id"]].add(record["outcome"])
    for one, row in index.rows["payments"].items():
        settled = row["status"] in FINAL and row["payment_method"] != "manual"
        if effects[one] != ({row["status"]} if settled else set()):
            yield f"the payment {one} is {row['status']}, told with effect was {sorted(effects[one])}"


def created_ids(index):
    """{type: ids of the resources of creations that succeeded}"""
    found = {kind: set() for kind in KINDS}
    for operation_id, copies in index.copies.items():
        row = index.operations.get(operation_id)
        if copies[0].name in CREATES and row and row["status"] == "succeeded":
            found[CREATES[copies[0].name]].add(row["resource_id"])
    return found


def created_exists(index):
    """A creation that succeeded has its one resource, with the id that was promised."""
    counts = {table: Counter(row["id"] for row in index.own(table)) for table, _, _ in KINDS.values()}
    for kind, ids in created_ids(index).items():
        for one in sorted(ids):
            count = counts[KINDS[kind][0]][one]
            if count != 1:
                yield f"the {kind} {one} was created and is there {count} times"


def failed_has_no_effect(index):
    """What failed left nothing: no event, and no resource where it would have created one; what failed as its payment
    was declined left that payment."""
    for operation_id, row in index.operations.items():
        if row["status"] != "failed" or operation_id in index.declined:
            continue
        for event, _, _ in index.events_of.get(operation_id, ()):
            yield f"operation {operation_id} failed and made {event['type']} of {event['subject']}"
        copies = index.copies.get(operation_id)
        table = copies and copies[0].name in CREATES and KINDS[CREATES[copies[0].name]][0]
        if table and row["resource_id"] in index.rows[table]:
            yield f"operation {operation_id} failed and made {row['resource_type']} {row['resource_id']}"


def nothing_without_a_command(index):
    """Nothing exists without a command on the topic that made it, or a step that fell due."""
    commands = {command.operation_id for command in index.commands}
    for operation_id in sorted(set(index.operations) - commands):
        yield f"operation {operation_id} has no command"
    due = {event["id"] for pieces in index.steps.values() for piece in pieces for event, _, _ in piece}
    for row, _, _ in index.events:
        if row["operation_id"] not in commands and row["id"] not in due:
            yield f"{row['type']} of {row['subject']} has no command"
    made = created_ids(index)
    for kind in ("invoice", "quantity", "credit_entry", "payment"):
        made[kind] = {row["subject"] for row, name, _ in index.events if name == KINDS[kind][1]}
    for kind, (table, _, _) in KINDS.items():
        for one in sorted(set(index.rows[table]) - made[kind]):
            yield f"the {kind} {one} was made by no command"
    for invoice_id in sorted(set(index.lines) - set(index.rows["invoices"])):
        yield f"lines of no invoice: {invoice_id}"


RULES = [
    ("accepted-is-queued", accepted_is_queued),
    ("partition-is-the-customers", partition_is_the_customers),
    ("one-outcome", one_outcome),
    ("api-tells-the-table", api_tells_the_table),
    ("one-operation-per-key", one_operation_per_key),
    ("one-effect-per-key", one_effect_per_key),
    ("no-answer-zero-or-one", no_answer_zero_or_one),
    ("answers-hold", answers_hold),
    ("final-stays-final", final_stays_final),
    ("outcomes-are-told-once", outcomes_are_told_once),
    ("created-exists", created_exists),
    ("failed-has-no-effect", failed_has_no_effect),
    ("nothing-without-a-command", nothing_without_a_command),
]
