"""What the driver was told while faults went on: the only memory that the checker trusts.

A history is a list of these records, in the order of their `at`; as a file it is one JSON object a line:
{"record": <class>, …}.
"""

import json
from dataclasses import asdict, dataclass


@dataclass
class Attempt:
    """One HTTP request that should change something, and what came back. A retry is an attempt of its own."""

    at: float  # seconds since the epoch, when it was sent
    organisation_id: str
    method: str
    path: str
    body: dict | None
    idempotency_key: str | None
    status: int | None = None  # None: no answer; whether it takes effect is open
    answer: dict | None = None  # its JSON


@dataclass
class Sight:
    """What GET /v1/operations/{id} said at some moment."""

    at: float
    organisation_id: str
    operation_id: str
    status: int  # of HTTP
    answer: dict | None
    until: float | None = None  # when the answer was there; None: not noted, so at any moment after `at`


@dataclass
class Progress:
    """billd.progress at some moment: {partition: [next_offset, event_number, published_number]}."""

    at: float
    partitions: dict[int, list[int]]


@dataclass
class Poison:
    """A message that the driver itself wrote to the topic of commands, which no worker can process."""

    at: float
    partition: int
    offset: int
    why: str


@dataclass
class Fault:
    """A fault began or ended. For whoever reads the history; no rule depends on it."""

    at: float
    name: str
    what: str


RECORDS = {record.__name__: record for record in (Attempt, Sight, Progress, Poison, Fault)}


def write(path, records):
    with open(path, "w", encoding="utf-8") as file:
        for record in records:
            file.write(json.dumps({"record": type(record).__name__, **asdict(record)}) + "\n")


def read(path):
    records = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            fields = json.loads(line)
            record = RECORDS[fields.pop("record")](**fields)
            if isinstance(record, Progress):
                record.partitions = {int(number): row for number, row in record.partitions.items()}
            records.append(record)
    return records
