"""Ways in which events, order, progress and dead letters could go wrong, as in checker_breaks.py."""

import copy

from checker_changes import (
    STRANGER,
    again,
    append,
    change,
    command_of,
    drop,
    event_change,
    first_create,
    last_sequence,
    offsets_renew,
    operation_of,
    records,
    row,
    swap,
)
from checker_index import RESTORED, told_operation
from checker_sample import encode, hexadecimal, problem, published
from evidence import COMMAND_MARKS, Message, decode
from history import Fault, Poison, Progress
from wire import COMMANDS, DEAD_LETTERS, EVENTS


def commit_without_an_event(history, evidence):
    drop(evidence, "outbox", type="billd.subscription.canceled.v1")


def tell_an_event_twice(history, evidence):
    again(evidence, "outbox", {"number": 999}, type="billd.subscription.canceled.v1")


def tell_of_another_resource(history, evidence):
    event = row(evidence, "outbox", type="billd.customer.updated.v1")
    event["subject"] = row(evidence, "customers", name="Gone")["id"]


def scatter_a_commands_events(history, evidence):
    change(row(evidence, "outbox", type="billd.invoice.issued.v1"), number=999)


def tell_without_a_cause(history, evidence):
    change(row(evidence, "outbox"), operation_id=STRANGER)


def tell_for_a_failure(history, evidence):
    failed = row(evidence, "operations", status="failed")
    change(row(evidence, "outbox"), operation_id=failed["id"])


def tell_of_what_is_not_there(history, evidence):
    change(row(evidence, "outbox", type="billd.customer.created.v1"), subject=STRANGER)


def tell_under_another_key(history, evidence):
    change(row(evidence, "outbox", type="billd.customer.created.v1"), key=STRANGER)


def tell_by_the_workers_clock(history, evidence):
    change(row(evidence, "outbox"), occurred_at="2031-01-01T00:00:00+00:00")


def write_garbage(history, evidence):
    change(row(evidence, "outbox"), value="\\x00")


def skip_an_event_number(history, evidence):
    partition, number = last_sequence(evidence)
    change(row(evidence, "outbox", partition=partition, number=number), number=number + 1)


def count_events_otherwise(history, evidence):
    partition, _ = last_sequence(evidence)
    row(evidence, "progress", partition=partition)["event_number"] += 1


def give_two_events_one_id(history, evidence):
    change(evidence.tables["outbox"][1], id=evidence.tables["outbox"][0]["id"])


def topic_without(evidence, partition, number):
    evidence.topics[EVENTS] = [
        message
        for message in evidence.topics[EVENTS]
        if (message.partition, message.headers["ce_sequence"]) != (partition, str(number))
    ]
    offsets_renew(evidence, EVENTS)


def never_publish_the_last_event(history, evidence):
    topic_without(evidence, *last_sequence(evidence))


def never_publish_one_in_the_middle(history, evidence):
    partition, number = last_sequence(evidence)
    topic_without(evidence, partition, number // 2)


def publish_out_of_order(history, evidence):
    partition, _ = last_sequence(evidence)
    messages = [message for message in evidence.topics[EVENTS] if message.partition == partition]
    swap(evidence, EVENTS, messages[1], messages[2])


def repeat_an_event_otherwise(history, evidence):
    partition, _ = last_sequence(evidence)
    last = [message for message in evidence.topics[EVENTS] if message.partition == partition][-1]
    last.value += b"\0"


def repeat_an_event_with_another_id(history, evidence):
    partition, _ = last_sequence(evidence)
    last = [message for message in evidence.topics[EVENTS] if message.partition == partition][-1]
    last.headers = last.headers | {"ce_id": STRANGER}


def publish_another_value(history, evidence):
    evidence.topics[EVENTS][0].value = evidence.topics[EVENTS][1].value


def publish_another_owner(history, evidence):
    evidence.topics[EVENTS][0].headers["ce_organisationid"] = STRANGER


def publish_another_key(history, evidence):
    evidence.topics[EVENTS][0].key = STRANGER.encode()


def publish_what_was_never_committed(history, evidence):
    partition, number = last_sequence(evidence)
    event = row(evidence, "outbox", partition=partition, number=number) | {"number": number + 1}
    append(evidence, EVENTS, published(event, 0))


def hide_an_event(history, evidence):
    evidence.lists[evidence.tables["organisations"][0]["id"]]["events"].pop(3)


def show_an_event_otherwise(history, evidence):
    evidence.lists[evidence.tables["organisations"][0]["id"]]["events"][0]["data"]["name"] = "Other"


def show_events_out_of_order(history, evidence):
    evidence.lists[evidence.tables["organisations"][0]["id"]]["events"].reverse()


def retype(evidence, kind, changed):
    """The first event of a type is on the topic as one of another."""
    for message in evidence.topics[EVENTS]:
        if message.headers["ce_type"] == f"billd.{kind}.v1":
            message.headers["ce_type"] = f"billd.{changed}.v1"
            return


def tell_a_change_before_the_creation(history, evidence):
    retype(evidence, "customer.created", "customer.updated")


def create_what_was_created(history, evidence):
    retype(evidence, "customer.updated", "customer.created")


def go_on_after_the_end(history, evidence):
    retype(evidence, "customer.updated", "customer.archived")
    # Something of the same customer comes behind it.
    kept = next(m for m in evidence.topics[EVENTS] if m.headers["ce_type"] == "billd.customer.archived.v1")
    behind = copy.deepcopy(kept)
    number = row(evidence, "progress", partition=kept.partition)["event_number"] + 1
    behind.headers |= {"ce_type": "billd.customer.updated.v1", "ce_sequence": str(number)}
    append(evidence, EVENTS, behind)


def invoice_before_the_subscription(history, evidence):
    """The two events of one creation change their numbers, in the outbox and on the topic."""
    created = row(evidence, "outbox", type="billd.subscription.created.v1")
    partition, number = created["partition"], created["number"]
    issued = row(evidence, "outbox", partition=partition, number=number + 1)
    created["number"], issued["number"] = issued["number"], created["number"]
    pair = [m for m in evidence.topics[EVENTS] if m.headers["ce_id"] in (created["id"], issued["id"])][:2]
    pair[0].headers["ce_sequence"], pair[1].headers["ce_sequence"] = str(number + 1), str(number)
    swap(evidence, EVENTS, pair[0], pair[1])


def turn_time_back(history, evidence):
    event_change(evidence, "customer.updated", updated_at=1_000_000_000_000)


def apply_in_another_order(history, evidence):
    """The events are as they were, the commands lie the other way round on the topic."""
    event = row(evidence, "outbox", type="billd.subscription.canceled.v1")
    before = row(evidence, "outbox", type="billd.subscription.created.v1", subject=event["subject"])
    one, other = (command_of(evidence, found["operation_id"])[0] for found in (before, event))
    swap(evidence, COMMANDS, one, other)


def use_before_it_is_created(history, evidence):
    """A customer's creation lies behind a refused subscription of it; no event shows that."""
    failed = row(evidence, "operations", status="failed", resource_type="subscription")
    message, _, record = command_of(evidence, failed["id"])
    created = row(evidence, "operations", resource_id=record["customer_id"], command="create_customer")
    for copied in list(evidence.topics[COMMANDS]):
        found = decode(copied.value, COMMAND_MARKS)
        if found and found[1]["meta"]["operation_id"] == created["id"]:
            evidence.topics[COMMANDS].remove(copied)
    evidence.topics[COMMANDS].append(Message(message.partition, 0, *copy_of(evidence, record, created), {}))
    offsets_renew(evidence, COMMANDS)


def copy_of(evidence, record, created):
    """(key, value) of a customer's creation, made anew."""
    meta = record["meta"] | {"operation_id": created["id"], "idempotency_key": created["idempotency_key"]}
    nothing = dict.fromkeys(("email", "external_id", "currency", "country", "timezone"))
    command = nothing | {"meta": meta, "name": "Customer 0", "metadata": {}}
    return created["resource_id"].encode(), encode(COMMAND_MARKS, "CreateCustomer", command)


def move_an_offset_back(history, evidence):
    sample = records(history, Progress)[-1]
    partition = max(sample.partitions, key=lambda number: sample.partitions[number][0])
    back = copy.deepcopy(sample)
    back.at, back.partitions[partition][0] = sample.at + 1, sample.partitions[partition][0] - 1
    history.append(back)


def move_an_event_number_back_at_the_end(history, evidence):
    sample = records(history, Progress)[-1]
    partition, number = last_sequence(evidence)
    sample.partitions[partition][1] = number + 1


def restore_too_late(history, evidence):
    """A restored database excuses no step back that came before it."""
    move_an_offset_back(history, evidence)
    history.append(Fault(records(history, Progress)[-1].at + 50, RESTORED, "begins"))
    steady = copy.deepcopy(records(history, Progress)[-1])
    steady.at += 10
    history.append(steady)


def publish_more_than_given(history, evidence):
    records(history, Progress)[0].partitions[0][2] = 10**6


def forget_a_partition(history, evidence):
    del records(history, Progress)[-1].partitions[0]


def stop_before_the_end(history, evidence):
    evidence.tables["progress"][0]["next_offset"] -= 1


def leave_events_unpublished(history, evidence):
    evidence.tables["progress"][0]["published_number"] -= 1


def leave_a_dead_letter_unpublished(history, evidence):
    ours = evidence.tables["organisations"][0]["id"]
    change(row(evidence, "dead_letters"), published=False, organisation_id=ours)


def lose_a_message(history, evidence):
    evidence.topics[COMMANDS].remove(evidence.topics[COMMANDS][0])


def skip_poison(history, evidence):
    drop(evidence, "dead_letters")


def keep_poison_twice(history, evidence):
    again(evidence, "dead_letters")


def keep_poison_otherwise(history, evidence):
    change(row(evidence, "dead_letters"), value="\\x00")


def keep_poison_without_a_reason(history, evidence):
    change(row(evidence, "dead_letters"), reason="")


def never_publish_poison(history, evidence):
    evidence.topics[DEAD_LETTERS].clear()


def publish_poison_otherwise(history, evidence):
    evidence.topics[DEAD_LETTERS][0].value = b"other"


def take_a_neighbour_along(history, evidence):
    """The command behind a poison message has no outcome."""
    poison = {(found.partition, found.offset) for found in records(history, Poison)}
    for message in evidence.topics[COMMANDS]:
        if (message.partition, message.offset - 1) in poison and (message.partition, message.offset) not in poison:
            drop(evidence, "operations", id=decode(message.value, COMMAND_MARKS)[1]["meta"]["operation_id"])
            return
    raise LookupError("poison has no neighbour")


def bury_a_good_command(history, evidence):
    message, _, _ = command_of(evidence, told_operation(first_create(history)))
    place = {"partition": message.partition, "offset": message.offset, "value": hexadecimal(message.value)}
    again(evidence, "dead_letters", place)


def fail_a_good_command_as_dead(history, evidence):
    change(operation_of(evidence, first_create(history)), status="failed", problem=problem("dead-letter"))


# what could happen, the rule that must see it
BREAKS = [
    (tell_without_a_cause, "nothing-without-a-command"),
    (commit_without_an_event, "effects-have-events"),
    (tell_an_event_twice, "effects-have-events"),
    (tell_of_another_resource, "effects-have-events"),
    (scatter_a_commands_events, "effects-have-events"),
    (tell_an_event_twice, "outbox-is-gapless"),
    (tell_for_a_failure, "events-have-causes"),
    (tell_of_what_is_not_there, "events-have-causes"),
    (tell_under_another_key, "events-have-causes"),
    (tell_by_the_workers_clock, "events-have-causes"),
    (write_garbage, "events-have-causes"),
    (skip_an_event_number, "outbox-is-gapless"),
    (count_events_otherwise, "outbox-is-gapless"),
    (give_two_events_one_id, "outbox-is-gapless"),
    (never_publish_the_last_event, "topic-is-gapless"),
    (never_publish_one_in_the_middle, "topic-is-gapless"),
    (publish_out_of_order, "topic-is-gapless"),
    (repeat_an_event_otherwise, "repeats-are-identical"),
    (repeat_an_event_with_another_id, "repeats-are-identical"),
    (never_publish_the_last_event, "topic-is-the-outbox"),
    (publish_another_value, "topic-is-the-outbox"),
    (publish_another_owner, "topic-is-the-outbox"),
    (publish_another_key, "topic-is-the-outbox"),
    (publish_what_was_never_committed, "topic-is-the-outbox"),
    (hide_an_event, "api-events-are-the-outbox"),
    (show_an_event_otherwise, "api-events-are-the-outbox"),
    (show_events_out_of_order, "api-events-are-the-outbox"),
    (tell_a_change_before_the_creation, "causes-come-first"),
    (create_what_was_created, "causes-come-first"),
    (go_on_after_the_end, "causes-come-first"),
    (invoice_before_the_subscription, "causes-come-first"),
    (turn_time_back, "time-goes-forward"),
    (apply_in_another_order, "effects-follow-the-topic"),
    (use_before_it_is_created, "effects-follow-the-topic"),
    (move_an_offset_back, "progress-goes-forward"),
    (move_an_event_number_back_at_the_end, "progress-goes-forward"),
    (restore_too_late, "progress-goes-forward"),
    (publish_more_than_given, "progress-goes-forward"),
    (forget_a_partition, "progress-goes-forward"),
    (stop_before_the_end, "all-is-done"),
    (leave_events_unpublished, "all-is-done"),
    (leave_a_dead_letter_unpublished, "all-is-done"),
    (lose_a_message, "topics-are-whole"),
    (skip_poison, "poison-is-set-aside"),
    (keep_poison_twice, "poison-is-set-aside"),
    (keep_poison_otherwise, "poison-is-set-aside"),
    (keep_poison_without_a_reason, "poison-is-set-aside"),
    (never_publish_poison, "poison-is-set-aside"),
    (publish_poison_otherwise, "poison-is-set-aside"),
    (take_a_neighbour_along, "poison-is-set-aside"),
    (bury_a_good_command, "only-poison-is-set-aside"),
    (fail_a_good_command_as_dead, "only-poison-is-set-aside"),
]
