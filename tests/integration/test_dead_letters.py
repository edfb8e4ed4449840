"""What no worker can process: set aside with its reason, its neighbours commit, and the operator may replay it."""

import os
import uuid

import pytest
from confluent_kafka import Producer
from waiting import eventually
from wire import COMMAND_SCHEMAS, COMMANDS, DEAD_LETTERS, EVENT_SCHEMAS, encode, headers, meta, partition_of

FRAME = b"\xc3\x01"


def plan_command(org, code, operation_id=None, **changes):
    """A CreatePlan that the rules take, unless it is changed."""
    plan = {"code": code, "name": "P", "currency": "USD", "interval": "day", "interval_count": 1, "amount": 1}
    return encode("CreatePlan", {"meta": meta(org, operation_id), "metadata": {}} | plan | changes)


def long(number):
    """Avro's variable-length zigzag."""
    zigzag, out = (number << 1) ^ (number >> 63), b""
    while zigzag > 0x7F:
        out += bytes([zigzag & 0x7F | 0x80])
        zigzag >>= 7
    return out + bytes([zigzag])


def customer_mark():
    return COMMAND_SCHEMAS["CreateCustomer"][1]


def poison(org):
    """{what it is: value} of messages that must end as dead letters."""
    good = plan_command(org, "good")
    text = org.organisation_id.encode()
    return {
        "random bytes": os.urandom(200),
        "an empty value": b"",
        "no value": None,
        "one byte": b"\xc3",
        "JSON": b'{"name":"x"}',
        "a frame and nothing": FRAME,
        "half a fingerprint": FRAME + customer_mark()[:4],
        "an unknown schema": FRAME + b"\x00" * 8 + good[10:],
        "an event's schema": FRAME + EVENT_SCHEMAS["Plan"][1] + good[10:],
        "a frame without a body": good[:10],
        "truncated Avro": good[:-3],
        "truncated in the middle": good[:40],
        "bytes behind the end": good + b"\x00",
        "announced length 2^62": good[:10] + long(2**62) + text,
        "announced length 2^31": good[:10] + long(2**31) + text,
        "negative length": good[:10] + long(-5) + text,
        "a length that never ends": good[:10] + b"\xff" * 50,
        "an operation id that is no UUID": good[:10] + long(36) + b"z" * 36 + good[47:],
        "bad UTF-8": good.replace(long(4) + b"good", long(4) + b"\xff\xfe\xff\xfe"),
        "a map of 2^60 pairs": good[:-1] + long(2**60),
        "about the nil UUID": encode("ArchivePlan", {"meta": meta(org), "plan_id": str(uuid.UUID(int=0))}),
        "the body of another schema": FRAME + customer_mark() + good[10:],
    }


def letters(stack, partition, low, high):
    return dict(
        stack.rows(
            'SELECT "offset", reason FROM billd.dead_letters WHERE partition = %s AND "offset" BETWEEN %s AND %s',
            [partition, low, high],
            role="worker",
        )
    )


def processed(stack, partition, offset):
    return eventually(
        lambda: stack.progress()[partition][0] > offset, f"partition {partition} goes on behind offset {offset}", 60
    )


def test_poison_is_set_aside_and_its_neighbours_commit(stack, org, wire):
    """One batch: good, bad, good, bad, … All good ones take effect, all bad ones are kept with a reason."""
    partition, bad = partition_of(org.organisation_id, wire.partitions), poison(org)
    messages = []
    for number, value in enumerate(bad.values()):
        messages.append((partition, org.organisation_id, plan_command(org, f"n{number}")))
        messages.append((partition, org.organisation_id, value))
    messages.append((partition, org.organisation_id, plan_command(org, "last")))
    with stack.without_worker():
        offsets = wire.put_all(messages)
    processed(stack, partition, offsets[-1])

    codes = {plan["code"] for plan in org.all("/v1/plans")}
    assert codes == {f"n{number}" for number in range(len(bad))} | {"last"}
    kept = letters(stack, partition, offsets[0], offsets[-1])
    missing = [name for name, offset in zip(bad, offsets[1::2], strict=True) if not kept.get(offset)]
    assert missing == [], "no dead letter, or one without a reason"
    assert set(kept) == set(offsets[1::2])

    def published():
        found = {
            int(headers(message)["billd_offset"]): message
            for message in wire.read_all(DEAD_LETTERS)
            if headers(message)["billd_partition"] == str(partition)
        }
        return found if set(kept) <= set(found) else None

    found = eventually(published, "the dead letters are on their topic", 30, 0.3)
    for value, offset in zip(bad.values(), offsets[1::2], strict=True):
        message = found[offset]
        assert message.value() == value and message.key().decode() == org.organisation_id
        assert headers(message)["billd_reason"] == kept[offset] and message.partition() == partition


def test_where_not_even_the_operation_can_be_written(stack, org, wire):
    """Whatever is wrong with one message keeps nobody behind it waiting."""
    partition, doomed = partition_of(org.organisation_id, wire.partitions), str(uuid.uuid4())
    stack.superuser(f"ALTER TABLE billd.operations ADD CONSTRAINT doomed CHECK (id <> '{doomed}') NOT VALID")
    try:
        values = [plan_command(org, "before"), plan_command(org, "doomed", doomed), plan_command(org, "behind")]
        offsets = wire.put_all([(partition, org.organisation_id, value) for value in values])
        processed(stack, partition, offsets[-1])
    finally:
        stack.superuser("ALTER TABLE billd.operations DROP CONSTRAINT doomed")
    assert {plan["code"] for plan in org.all("/v1/plans")} == {"before", "behind"}
    kept = letters(stack, partition, offsets[0], offsets[-1])
    assert list(kept) == [offsets[1]] and "doomed" in kept[offsets[1]], kept
    assert org.request("GET", f"/v1/operations/{doomed}").status_code == 404


LARGE_KEYS = [(b"large", b"large"), (bytes(2_000_000), None)]


@pytest.mark.parametrize(("key", "told"), LARGE_KEYS, ids=["a value", "and a key"])
def test_a_letter_larger_than_any_message_is_told_without_it(stack, org, wire, key, told):
    """A stranger's compressed message may unpack to more than topics take; it keeps nobody behind it waiting."""
    partition, size = partition_of(org.organisation_id, wire.partitions), 2_000_000
    stranger = Producer({
        "bootstrap.servers": stack.bootstrap, "compression.codec": "lz4", "message.max.bytes": 50_000_000,
        "batch.size": 50_000_000})  # fmt: skip
    stranger.produce(COMMANDS, bytes(size), key=key, partition=partition)
    assert stranger.flush(30) == 0
    (behind,) = wire.put_all([(partition, org.organisation_id, b"small")])
    processed(stack, partition, behind)

    def published():
        found = {
            int(headers(message)["billd_offset"]): message
            for message in wire.read_all(DEAD_LETTERS)
            if headers(message)["billd_partition"] == str(partition)
        }
        return found if {behind - 1, behind} <= set(found) else None

    found = eventually(published, "both dead letters are on their topic", 30, 0.3)
    large, small = found[behind - 1], found[behind]
    assert large.key() == told and large.value() is None
    assert headers(large)["billd_value_left_out"] == str(size)
    assert small.value() == b"small" and "billd_value_left_out" not in headers(small)
    kept = stack.rows(
        'SELECT length(key), length(value) FROM billd.dead_letters WHERE partition = %s AND "offset" = %s',
        [partition, behind - 1],
    )
    assert kept == [(len(key), size)]


def test_poison_alone_on_each_partition_stops_nobody(stack, org, wire):
    """Random bytes without a key on every partition: the worker lives and all goes on."""
    pid = stack.worker.process.pid
    offsets = wire.put_all([(partition, None, os.urandom(64)) for partition in range(wire.partitions)])
    for partition, offset in enumerate(offsets):
        processed(stack, partition, offset)
        assert letters(stack, partition, offset, offset)
    assert stack.worker.process.pid == pid and stack.worker.is_running()
    org.customer()


def test_a_command_on_another_shards_partition_is_a_dead_letter(stack, org, wire):
    """A good command where its organisation or customer does not belong has no effect."""
    right = partition_of(org.organisation_id, wire.partitions)
    wrong = (right + 1) % wire.partitions
    operation_id = str(uuid.uuid4())
    _, offset = wire.put(org.organisation_id, plan_command(org, "lost", operation_id), wrong)
    processed(stack, wrong, offset)
    assert letters(stack, wrong, offset, offset)[offset]
    assert org.all("/v1/plans") == []

    customer_id = org.customer(name="Before")
    wrong = (partition_of(customer_id, wire.partitions) + 1) % wire.partitions
    update = {"name": "After", "email": None, "external_id": None, "country": None, "timezone": None, "metadata": {}}
    command = {"meta": meta(org), "customer_id": customer_id} | update
    _, offset = wire.put(customer_id, encode("UpdateCustomer", command), wrong)
    processed(stack, wrong, offset)
    assert org.get(f"/v1/customers/{customer_id}")["name"] == "Before"


def test_a_dead_letter_tells_its_operation_where_it_can_be_read(stack, org, wire):
    """Whoever polls for the operation of a command that died sees it fail with dead-letter."""
    wrong = (partition_of(org.organisation_id, wire.partitions) + 1) % wire.partitions
    operation_id = str(uuid.uuid4())
    _, offset = wire.put(org.organisation_id, plan_command(org, "lost", operation_id), wrong)
    processed(stack, wrong, offset)
    rows = stack.rows(
        "SELECT organisation_id::text, operation_id::text FROM billd.dead_letters"
        ' WHERE partition = %s AND "offset" = %s',
        [wrong, offset],
        role="worker",
    )
    assert rows == [(org.organisation_id, operation_id)]
    org.failed(operation_id, "dead-letter")


def test_what_is_out_of_the_rules_of_a_client_is_no_crash(stack, org, wire):
    """Values that the ingress never lets through, in valid Avro: an outcome or a dead letter, and the worker lives."""
    pid = stack.worker.process.pid
    odd = [
        {"amount": -1}, {"amount": 2**63 - 1}, {"interval_count": 0}, {"interval_count": -(2**31)},
        {"interval_count": 2**31 - 1}, {"currency": ""}, {"currency": "usd"}, {"currency": "A" * 5000},
        {"code": ""}, {"code": "x\x00y"}, {"name": ""}, {"name": "x" * 500_000}, {"metadata": {"": ""}},
        {"metadata": {f"{i}": "x" * 100 for i in range(5000)}}, {"metadata": {"a\x00": "b\x00"}},
    ]  # fmt: skip
    partition = partition_of(org.organisation_id, wire.partitions)
    values = [plan_command(org, **({"code": f"o{i}"} | change)) for i, change in enumerate(odd)]
    times = [meta(org, accepted_ms=ms) for ms in (0, -1, -(2**63), 2**63 - 1, 253402300800000)]
    plan = {"name": "P", "currency": "USD", "interval": "day", "interval_count": 1, "amount": 1, "metadata": {}}
    values += [encode("CreatePlan", {"meta": time, "code": f"t{i}"} | plan) for i, time in enumerate(times)]
    offsets = wire.put_all([(partition, org.organisation_id, value) for value in values])
    org.plan(code="behind")
    processed(stack, partition, offsets[-1])
    assert stack.worker.is_running() and stack.worker.process.pid == pid
    outcomes = stack.rows("SELECT count(*) FROM billd.operations", organisation_id=org.organisation_id)[0][0]
    assert outcomes - 1 + len(letters(stack, partition, offsets[0], offsets[-1])) >= len(values)
    assert all(plan["amount"] >= 0 and plan["interval_count"] > 0 for plan in org.all("/v1/plans"))


# The operator's command


@pytest.fixture
def lost(stack, org, wire):
    """A good command that died on a wrong partition: where it lies, and the code of its plan."""
    right = partition_of(org.organisation_id, wire.partitions)
    wrong = (right + 1) % wire.partitions
    operation_id = str(uuid.uuid4())
    partition, offset = wire.put(org.organisation_id, plan_command(org, "lost", operation_id), wrong)
    processed(stack, partition, offset)
    return partition, offset, operation_id


def test_the_operator_lists_and_shows_dead_letters(stack, org, lost):
    """list has its place and reason; show has what it holds, as far as it can be read."""
    partition, offset, operation_id = lost
    (reason,) = letters(stack, partition, offset, offset).values()
    rows = [row for row in stack.billd("dead-letters", "list").splitlines() if reason in row]
    assert any(str(offset) in row and str(partition) in row for row in rows), rows
    shown = stack.billd("dead-letters", "show", str(partition), str(offset))
    for word in (reason, operation_id, org.organisation_id, "lost"):
        assert word in shown, shown


def test_a_replayed_dead_letter_takes_effect(stack, org, wire):
    """One whose reason is gone, for example a fault of the worker that was mended: it is put on the topic again."""
    right, operation_id = partition_of(org.organisation_id, wire.partitions), str(uuid.uuid4())
    value = plan_command(org, "mended", operation_id)
    place = -int(uuid.uuid4()) % 10**9 + 10**12  # an offset that no message has
    stack.rows(
        'INSERT INTO billd.dead_letters (partition, "offset", organisation_id, operation_id, reason,'
        " key, value, published)"
        " VALUES (%s, %s, %s, %s, 'a test', %s, %s, true) RETURNING 1",
        [right, place, org.organisation_id, operation_id, org.organisation_id.encode(), value],
        organisation_id=org.organisation_id,
    )
    stack.billd("dead-letters", "replay", str(right), str(place))
    assert org.outcome(operation_id, from_topic=True)["status"] == "succeeded"
    assert [plan["code"] for plan in org.all("/v1/plans")] == ["mended"]
    (row,) = stack.rows(
        'SELECT replayed_at IS NOT NULL FROM billd.dead_letters WHERE partition = %s AND "offset" = %s', [right, place]
    )
    assert row == (True,)


def test_replaying_what_is_still_poison_makes_it_a_dead_letter_again(stack, org, wire):
    """It dies again at its new offset; nothing is lost and nothing stands still."""
    partition, offset = wire.put(org.organisation_id, b"still poison")
    processed(stack, partition, offset)
    stack.billd("dead-letters", "replay", str(partition), str(offset))
    eventually(lambda: len(letters(stack, partition, offset, offset + 1000)) >= 2, "it is a dead letter again")
    org.plan()


def test_what_is_no_dead_letter_cannot_be_shown_or_replayed(stack):
    """An error with a message."""
    for action in ("show", "replay"):
        said = stack.billd("dead-letters", action, "0", "999999999999", expect=2)
        assert said.strip(), action
