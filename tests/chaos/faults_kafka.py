"""Faults of Kafka: it stops, crashes, and the topic of commands is deleted and made again."""

import time

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic
from history import Attempt
from programs import ROOT
from waiting import PATIENCE
from wire import COMMANDS

MANUAL = "docs/operation.md"
ADOPT = ("topics", "adopt")  # what it says is to be run
PAST = 40  # messages of each partition, before its topic goes
NEW_SECONDS = 8  # of load on the new topic, at least


def outages(spell, how):
    while True:
        spell.pause(0.2, 1.5)
        spell.stack.script("kafka", how)
        try:
            spell.hit(f"{how} of Kafka")
            spell.pause(0, 2)
        finally:
            spell.stack.script("kafka", "start")
        spell.note("Kafka is back")
        # Both sides of it work again: commands come in, and workers get them.
        spell.await_commit()
        if spell.is_over():
            return


def stop_kafka(spell):
    outages(spell, "stop")


def kill_kafka(spell):
    outages(spell, "kill")


def admin(stack):
    return AdminClient({"bootstrap.servers": stack.bootstrap})


def topic_again(spell):
    """Nothing is skipped: each worker stops and names the manual, whose procedure brings them to work again."""
    stack, fleet, drill = spell.stack, spell.fleet, spell.drill
    # A worker that runs finds no message at its offset, unless the new topic is filled up to there within the second
    # that it takes to look: so each partition has some past.
    spell.wait(lambda: min(row[0] for row in stack.progress().values()) >= PAST, "every partition has a past", 120)
    with drill.load.silence():
        # What was accepted and not processed would be gone with the topic; no rule could ask for it.
        drill.await_quiet()
        before, poison_share = stack.progress(), drill.load.options.poison_share
        since, told = len(fleet.deaths), len(drill.history)
        drill.load.options.poison_share = 0  # what is written between the topics is nobody's to judge
        kafka = admin(stack)
        kafka.delete_topics([COMMANDS], operation_timeout=30)[COMMANDS].result(30 * PATIENCE)
        spell.note("the topic of commands is deleted")
        spell.pause(0, 2)
        spell.wait(lambda: make_topic(kafka, drill.partitions), "the topic can be made again", 60)
        spell.hit("the topic of commands is made again")
    refused_by(spell, since)
    after = stack.progress()
    assert {p: row[0] for p, row in after.items()} == {p: row[0] for p, row in before.items()}, (
        f"a worker moved on in a topic that it did not know: {before} became {after}"
    )
    follow_the_manual(spell)
    spell.await_commit()
    promised = drill.history[told:]
    drill.renew_load("new-topic", poison_share=poison_share)
    time.sleep(max(NEW_SECONDS, spell.until - time.monotonic()))
    with drill.load.silence():
        drill.await_quiet()
        assert_done(stack, promised)


def assert_done(stack, promised):
    """What was accepted on the new topic while no worker knew it is done."""
    told = {
        record.answer["operation_id"] for record in promised if isinstance(record, Attempt) and record.status == 202
    }
    assert told, "nothing was accepted on the new topic before the workers were told of it"
    done = set(stack.superuser("SELECT id FROM billd.operations").split())
    assert told <= done, f"accepted on the new topic and never done: {sorted(told - done)[:5]}"


def make_topic(kafka, partitions):
    """As somebody would with Kafka's own tools, who knows nothing of billd; not while it is still being deleted."""
    try:
        kafka.create_topics([NewTopic(COMMANDS, partitions, 1)])[COMMANDS].result(30 * PATIENCE)
    except KafkaException:
        return False
    return True


def refused_by(spell, since):
    """Every worker stops with exit code 1 and says where to read on."""
    names = {member.program.name for member in spell.fleet.wanted("worker")}

    def all_stopped():
        died = spell.deaths("worker", since, 1)
        return died if names <= {death.name for death in died} else None

    died = spell.wait(all_stopped, f"{names} stop with exit code 1", 90)
    silent = [death for death in died if MANUAL not in death.last]
    assert not silent, f"these stopped and did not say what to do: {silent}"


def follow_the_manual(spell):
    """docs/operation.md, "The topic was deleted and made again"; with workers that a supervisor goes on starting, or
    not."""
    fleet, count = spell.fleet, len(spell.fleet.wanted("worker"))
    assert f"`billd {' '.join(ADOPT)}`" in (ROOT / MANUAL).read_text(), f"{MANUAL} names another command than ours"
    if spell.random.random() < 0.5:
        fleet.size(0)
        spell.wait(fleet.gone, "all workers are stopped")
    spell.stack.billd(*ADOPT)
    spell.note("the topic is adopted, as the manual says")
    fleet.size(count)
