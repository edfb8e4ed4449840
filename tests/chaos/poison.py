"""Messages that no worker can process, written straight to billd.commands, past the ingress that would refuse them."""

import threading
import time
import uuid

from confluent_kafka import Producer
from history import Poison
from waiting import PATIENCE
from wire import COMMANDS, EVENT_SCHEMAS, encode, meta, partition_of

MESSAGE_MAX = 1024 * 1024  # what a worker takes, frame and all (common/codec/avro.h)
TOPIC_MAX = 1_114_112  # what billd.commands takes of a batch (cli/topics.c)
BATCH_OVERHEAD = 128  # bytes that a batch of one message has beside key and value
FRAME = b"\xc3\x01"


def customer(organisation_id, name="Poison"):
    """A CreateCustomer that a worker takes, on its own partition."""
    record = {"email": None, "external_id": None, "currency": None, "country": None, "timezone": None, "metadata": {}}
    return encode("CreateCustomer", {"meta": meta(organisation_id), "name": name} | record)


def big(random, size):
    """A good frame whose body is far too long, and noise."""
    return customer(str(uuid.UUID(int=0)))[:10] + random.randbytes(size - 10)


# what it is: its value, from a random source and an organisation's id
KINDS = {
    "garbage": lambda random, _: random.randbytes(random.randrange(1, 400)),
    "an empty value": lambda random, _: b"",
    "no value": lambda random, _: None,
    "an unknown fingerprint": lambda random, org: FRAME + random.randbytes(8) + customer(org)[10:],
    "an event's fingerprint": lambda random, org: FRAME + EVENT_SCHEMAS["Plan"][1] + customer(org)[10:],
    "truncated Avro": lambda random, org: customer(org)[: -random.randrange(1, 20)],
    "bytes behind the end": lambda random, org: customer(org) + b"\0",
    "a name beyond the rules": lambda random, org: customer(org, "n" * 5000),
}
LARGE = {
    "noise as large as a worker takes": lambda random, _: random.randbytes(MESSAGE_MAX),
    "a frame as large as a worker takes": lambda random, _: big(random, MESSAGE_MAX),
    "over 1 MiB": lambda random, _: random.randbytes(MESSAGE_MAX + 1),
    "as large as the topic takes": lambda random, _: random.randbytes(TOPIC_MAX - BATCH_OVERHEAD),
}


class Poisoner:
    """Writes poison, and records each message at its offset once Kafka has it, however long that takes."""

    def __init__(self, stack, history, random, partitions):
        self.history, self.random, self.partitions = history, random, partitions
        self.lock = threading.Lock()
        self.failures = []
        self.producer = Producer(
            {
                "bootstrap.servers": stack.bootstrap,
                # Retried for ever and never twice: so what is on the topic is what was recorded.
                "enable.idempotence": True,
                "message.timeout.ms": 0,
                "message.max.bytes": TOPIC_MAX + 1000,
                "linger.ms": 0,
                "log_level": 0,  # that Kafka is away is no news here
                # Each in a batch of its own, so that the largest fits.
                "batch.num.messages": 1,
            }
        )

    def write(self, organisation_id, customer_id, large=False):
        """One message of a random kind, with a customer's key."""
        with self.lock:
            # A good command where its customer does not belong is as bad as noise.
            wrong = not large and self.random.random() < 1 / (len(KINDS) + 1)
            partition = partition_of(customer_id, self.partitions)
            if wrong:
                partition = (partition + self.random.randrange(1, self.partitions)) % self.partitions
                why, value = "a customer's command on another's partition", self._update(organisation_id, customer_id)
            else:
                kinds = LARGE if large else KINDS
                why = self.random.choice(list(kinds))
                value = kinds[why](self.random, organisation_id)
        self.producer.produce(COMMANDS, value, customer_id.encode(), partition, on_delivery=self._note(why))
        self.producer.poll(0)

    def _update(self, organisation_id, customer_id):
        nothing = {"name": "Wrong", "email": None, "external_id": None, "country": None, "timezone": None}
        command = {"meta": meta(organisation_id), "customer_id": customer_id, "metadata": {}} | nothing
        return encode("UpdateCustomer", command)

    def _note(self, why):
        def report(error, message):
            if error is None:
                self.history.append(Poison(time.time(), message.partition(), message.offset(), why))
            else:
                self.failures.append(f"{why}: {error}")

        return report

    def flush(self, seconds=60):
        """All that was written is on the topic and recorded."""
        left = self.producer.flush(seconds * PATIENCE)
        assert left == 0, f"{left} messages of poison did not get to Kafka within {seconds} s"
        assert not self.failures, self.failures
