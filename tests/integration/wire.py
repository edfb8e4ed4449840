"""Our formats on Kafka as an outside party sees them: by the published schemas, Kafka's own partitioner and fastavro.

Nothing here comes from the project's code but schemas/ and the layout of ids that common/base/id.h documents.
"""

import hashlib
import io
import json
import struct
import time
import uuid

import fastavro
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from fastavro.schema import fingerprint, to_parsing_canonical_form
from programs import ROOT
from waiting import PATIENCE, eventually

SHARDS = 1024
COMMANDS, EVENTS, DEAD_LETTERS = "billd.commands", "billd.events", "billd.dead_letters"


def schemas_read(kind):
    """{name: (schema, fingerprint)} of schemas/<kind>."""
    found = {}
    for path in sorted((ROOT / "schemas" / kind).glob("*.avsc")):
        schema = json.loads(path.read_text())
        mark = bytes.fromhex(fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO"))
        found[schema["name"]] = (fastavro.parse_schema(schema), mark)
    return found


COMMAND_SCHEMAS = schemas_read("commands")
EVENT_SCHEMAS = schemas_read("events")


def murmur2(data):
    """Kafka's hash of keys, after org.apache.kafka.common.utils.Utils."""
    m, mask = 0x5BD1E995, 0xFFFFFFFF
    h = 0x9747B28C ^ len(data)
    whole = len(data) // 4 * 4
    for (k,) in struct.iter_unpack("<I", data[:whole]):
        k = k * m & mask
        k ^= k >> 24
        h = (h * m & mask) ^ (k * m & mask)
    rest = data[whole:]
    if rest:
        h ^= int.from_bytes(rest, "little")
        h = h * m & mask
    h ^= h >> 13
    h = h * m & mask
    return h ^ h >> 15


def shard_of(key):
    return (murmur2(str(key).encode()) & 0x7FFFFFFF) % SHARDS


def partition_of(key, partitions):
    """Where any Kafka client with the Java-compatible partitioner puts a key."""
    return (murmur2(str(key).encode()) & 0x7FFFFFFF) % partitions


def derived_id(operation_id, kind, ordinal=0, shard=0):
    """The id of what an operation makes (common/base/id.h): kind 1 is a customer, 2 a plan, 3 a subscription."""
    operation = uuid.UUID(str(operation_id)).bytes
    use_resource = b"\x03"
    mark = hashlib.blake2b(use_resource + operation + struct.pack(">BI", kind, ordinal), digest_size=16).digest()
    made = bytearray(operation[:6] + mark[6:])
    made[6] = 0x80 | made[6] & 0x0C | shard >> 8
    made[7] = shard & 0xFF
    made[8] = 0x80 | made[8] & 0x3F
    return uuid.UUID(bytes=bytes(made))


def encode(name, record):
    """A command in single-object encoding."""
    schema, mark = COMMAND_SCHEMAS[name]
    body = io.BytesIO()
    fastavro.schemaless_writer(body, schema, record)
    return b"\xc3\x01" + mark + body.getvalue()


def decode(value, schemas=None):
    """(name, record) of a value in single-object encoding."""
    assert value[:2] == b"\xc3\x01", value[:10].hex()
    for name, (schema, mark) in (schemas or EVENT_SCHEMAS).items():
        if mark == value[2:10]:
            body = io.BytesIO(value[10:])
            record = fastavro.schemaless_reader(body, schema)
            assert body.read() == b"", f"bytes are left behind a {name}"
            return name, record
    raise AssertionError(f"no published schema has the fingerprint {value[2:10].hex()}")


ACTORS = {}  # {organisation's id: the key of its client}, as they were asked for


def actor_of(client):
    """The API key with which an organisation's client asks, as commands name it."""
    one = client.organisation_id
    if one not in ACTORS:
        keys = client.get("/v1/api-keys", params={"limit": 100})["data"]
        ACTORS[one] = "api_key:" + next(key["id"] for key in reversed(keys) if key["revoked_at"] is None)
    return ACTORS[one]


def meta(whose, operation_id=None, accepted_ms=None, key=None, actor=None, address=None):
    """What every command begins with; of an organisation that is named by its client, or by an id: then nobody asks."""
    is_id = isinstance(whose, str | uuid.UUID)
    if actor is None:
        actor = f"api_key:{uuid.UUID(int=0)}" if is_id else actor_of(whose)
    return {
        "operation_id": str(operation_id or uuid.uuid4()),
        "organisation_id": str(whose if is_id else whose.organisation_id),
        "actor": actor,
        "accepted_at": int(time.time() * 1000) if accepted_ms is None else accepted_ms,
        "idempotency_key": key,
        "address": address,
    }


class Wire:
    """A producer and readers of one stack's Kafka."""

    def __init__(self, bootstrap, partitions):
        self.bootstrap, self.partitions = bootstrap, partitions
        self.producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "linger.ms": 2})

    def put_all(self, messages):
        """Put (partition, key, value), or with headers behind, on billd.commands, in order: their offsets."""
        offsets = [None] * len(messages)

        def note(index):
            def report(error, message):
                assert error is None, error
                offsets[index] = message.offset()

            return report

        for index, (partition, key, value, *more) in enumerate(messages):
            key = None if key is None else str(key).encode()
            self.producer.produce(
                COMMANDS, value, key, partition, on_delivery=note(index), headers=more[0] if more else None
            )
        left = self.producer.flush(30 * PATIENCE)
        assert left == 0 and None not in offsets, f"{left} of {len(messages)} messages are not confirmed"
        return offsets

    def put(self, key, value, partition=None, headers=None):
        """Put one message where its key belongs, or elsewhere: (partition, offset)."""
        if partition is None:
            partition = partition_of(key, self.partitions)
        return partition, self.put_all([(partition, key, value, headers)])[0]

    def read_all(self, topic, seconds=30):
        """Every message that a topic holds now, partition by partition."""
        consumer = Consumer(
            {
                "bootstrap.servers": self.bootstrap,
                "group.id": f"test-{uuid.uuid4()}",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
            }
        )
        found, open_partitions = [], set(range(self.partitions))
        try:
            consumer.assign([TopicPartition(topic, number, 0) for number in open_partitions])
            deadline = time.monotonic() + seconds * PATIENCE
            while open_partitions:
                assert time.monotonic() < deadline, f"{topic} was not read within {seconds} s; open: {open_partitions}"
                message = consumer.poll(0.5)
                if message is None:
                    continue
                if message.error() is None:
                    found.append(message)
                elif message.error().code() == KafkaError._PARTITION_EOF:
                    open_partitions.discard(message.partition())
                else:
                    raise AssertionError(f"{topic}: {message.error()}")
        finally:
            consumer.close()
        return found

    def events_of(self, organisation_id):
        """The events of an organisation, in the order of each partition."""
        return [
            message
            for message in self.read_all(EVENTS)
            if headers(message).get("ce_organisationid") == str(organisation_id)
        ]

    def await_events(self, organisation_id, count, seconds=30):
        """Its events once there are that many; they are published a moment after their operation is done."""

        def enough():
            found = self.events_of(organisation_id)
            return found if len({headers(message)["ce_id"] for message in found}) >= count else None

        return eventually(enough, f"{count} events of {organisation_id} are on {EVENTS}", seconds, 0.2)


def headers(message):
    return {name: value.decode(errors="replace") for name, value in message.headers() or []}
