"""How the sample is found and changed by hand: the means of checker_breaks*.py and of test_checker.py."""

import copy

from checker_index import EVENT_SCHEMAS, told_operation
from checker_sample import PARTITIONS, encode, hexadecimal
from evidence import COMMAND_MARKS, EVENT_MARKS, decode
from history import Attempt
from wire import COMMANDS, EVENTS

STRANGER = "00000000-0000-4000-8000-000000000001"  # an id that nobody has


def rows(evidence, table, **where):
    return [row for row in evidence.tables[table] if all(row[name] == value for name, value in where.items())]


def row(evidence, table, **where):
    return rows(evidence, table, **where)[0]


def records(history, kind):
    return [record for record in history if isinstance(record, kind)]


def attempt(history, path="", **where):
    return next(
        record
        for record in records(history, Attempt)
        if record.path.startswith(path) and all(getattr(record, name) == value for name, value in where.items())
    )


def change(document, **fields):
    document |= fields


def drop(evidence, table, **where):
    evidence.tables[table].remove(row(evidence, table, **where))


def again(evidence, table, changes=None, **where):
    """One more row like one that is there."""
    evidence.tables[table].append(copy.deepcopy(row(evidence, table, **where)) | (changes or {}))


def operation_of(evidence, attempt):
    return row(evidence, "operations", id=told_operation(attempt))


def event_change(evidence, kind, index=0, **fields):
    """An event is told otherwise, in the outbox, on the topic and by the API alike."""
    event = rows(evidence, "outbox", type=f"billd.{kind}.v1")[index]
    name, record = decode(bytes.fromhex(event["value"][2:]), EVENT_MARKS)
    assert set(fields) <= {field["name"] for field in EVENT_SCHEMAS[name]["fields"]}
    event["value"] = hexadecimal(encode(EVENT_MARKS, name, record | fields))
    for message in evidence.topics[EVENTS]:
        if message.headers["ce_id"] == event["id"]:
            message.value = bytes.fromhex(event["value"][2:])


def command_of(evidence, operation_id):
    """(message, schema's name, record) of an operation's first command."""
    for message in evidence.topics[COMMANDS]:
        found = decode(message.value, COMMAND_MARKS)
        if found and found[1]["meta"]["operation_id"] == operation_id:
            return message, *found
    raise LookupError(operation_id)


def command_change(evidence, operation_id, meta=None, **fields):
    message, name, record = command_of(evidence, operation_id)
    record |= fields | {"meta": record["meta"] | (meta or {})}
    message.value = encode(COMMAND_MARKS, name, record)


def append(evidence, topic, message):
    """A message at the end of its partition."""
    message.offset = evidence.ends[topic][message.partition]
    evidence.ends[topic][message.partition] += 1
    evidence.topics[topic].append(message)
    evidence.topics[topic].sort(key=lambda found: (found.partition, found.offset))
    if topic == COMMANDS:
        row(evidence, "progress", partition=message.partition)["next_offset"] += 1


def offsets_renew(evidence, topic):
    """Offsets as they would be if what is there now had been written in this order."""
    for partition in range(PARTITIONS):
        messages = [message for message in evidence.topics[topic] if message.partition == partition]
        evidence.ends[topic][partition] = len(messages)
        for offset, message in enumerate(messages):
            message.offset = offset


def swap(evidence, topic, one, other):
    """Two messages of a partition change their places."""
    one.offset, other.offset = other.offset, one.offset
    evidence.topics[topic].sort(key=lambda message: (message.partition, message.offset))


def first_create(history):
    return attempt(history, "/v1/customers", method="POST", status=202)


def last_sequence(evidence):
    """The partition with the most events, and its last number."""
    return max((progress["event_number"], progress["partition"]) for progress in evidence.tables["progress"])[::-1]
