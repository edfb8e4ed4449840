"""Who asked is asked again when a command takes effect, and where signatures are demanded, who wrote it."""

import contextlib
import hashlib
import struct
import time
import uuid

import pytest
from client import slug
from people import ROLES, Team
from waiting import eventually
from wire import COMMANDS, encode, headers, meta, partition_of

NOT_PERMITTED = "actor-not-permitted"
UNSIGNED = "not signed by an ingress of ours"


@pytest.fixture(scope="module")
def team(stack):
    return Team(stack)


def plan(number):
    return {"code": f"p-{number}-{uuid.uuid4()}", "name": "P", "currency": "USD", "interval": "day", "amount": 1}


def new_key(client, role="billing", **more):
    """The document of a new API key, with the key."""
    return client.made("/v1/api-keys", {"name": "short-lived", "role": role} | more)


def owner_sql(stack, organisation_id, statement, parameters):
    """A change that is not made over HTTP; of one row."""
    with stack.connect("owner", organisation_id) as connection:
        assert connection.execute(statement, parameters).rowcount == 1, statement


def code_of(org, resource_id):
    """The code of a plan, or None when there is none."""
    answer = org.request("GET", f"/v1/plans/{resource_id}")
    return answer.json()["code"] if answer.status_code == 200 else None


# What happens between acceptance and effect


def revoke_key(stack, team, key, person):
    team.owner.done("DELETE", f"/v1/api-keys/{key['id']}")


def lower_key(stack, team, key, person):
    owner_sql(stack, team.organisation_id, "UPDATE identity.api_keys SET role = 'viewer' WHERE id = %s", [key["id"]])


def expire_key(stack, team, key, person):
    owner_sql(stack, team.organisation_id, "UPDATE identity.api_keys SET expires_at = now() WHERE id = %s", [key["id"]])


def expire_key_in_the_past(stack, team, key, person):
    statement = "UPDATE identity.api_keys SET expires_at = '2001-01-01' WHERE id = %s"
    owner_sql(stack, team.organisation_id, statement, [key["id"]])


def never_expire_key(stack, team, key, person):
    statement = "UPDATE identity.api_keys SET expires_at = 'infinity' WHERE id = %s"
    owner_sql(stack, team.organisation_id, statement, [key["id"]])


def remove_member(stack, team, key, person):
    team.owner.done("DELETE", f"/v1/organisations/{team.organisation_id}/members/{person.id}")


def lower_member(stack, team, key, person):
    path = f"/v1/organisations/{team.organisation_id}/members/{person.id}"
    team.owner.done("PATCH", path, {"role": "viewer"})


def raise_member(stack, team, key, person):
    path = f"/v1/organisations/{team.organisation_id}/members/{person.id}"
    team.owner.done("PATCH", path, {"role": "admin"})


def log_out(stack, team, key, person):
    person.log_out()


# what happens, whether that refuses commands that were accepted before: by a key, by a member
BETWEEN = {
    "the key is revoked": (revoke_key, True, False),
    "the key may only read now": (lower_key, True, False),
    "the key expires": (expire_key, False, False),
    "the key had expired before": (expire_key_in_the_past, True, False),
    "the key never expires now": (never_expire_key, False, False),
    "the member is removed": (remove_member, False, True),
    "the member may only read now": (lower_member, False, True),
    "the member may more now": (raise_member, False, False),
    "the member logs out": (log_out, False, False),
}


@pytest.mark.parametrize(("between", "key_refused", "member_refused"), BETWEEN.values(), ids=BETWEEN.keys())
def test_what_changes_before_the_effect_counts(stack, between, key_refused, member_refused):
    """Accepted while the worker was stopped: when it is back, what is true then decides. Reads go on."""
    team = Team(stack)
    person, member = team.people["billing"], team.members["billing"]
    key = new_key(team.owner)
    by_key = stack.client(team.organisation_id, key["key"])
    with stack.without_worker():
        sent = [
            (client, refused, client.send("POST", "/v1/plans", plan(number)))
            for number in range(3)
            for client, refused in ((by_key, key_refused), (member, member_refused), (team.keys["owner"], False))
        ]
        between(stack, team, key, person)
    for client, refused, accepted in sent:
        operation = team.owner.outcome(accepted["operation_id"])
        made = code_of(team.owner, accepted["resource"]["id"])
        if refused:
            assert operation["status"] == "failed", (client.key, operation)
            team.owner.check_problem_document(operation["error"])
            assert slug(operation["error"]) == NOT_PERMITTED and operation["error"]["status"] == 403, operation
            assert made is None
        else:
            assert operation["status"] == "succeeded" and made, operation


def test_a_refused_command_has_no_event_and_its_key_stays_used(stack, team):
    """It has an outcome like any other: the same request again finds it."""
    key = new_key(team.owner)
    client, again = stack.client(team.organisation_id, key["key"]), {"Idempotency-Key": str(uuid.uuid4())}
    body = plan(1)
    before = len(team.owner.events())
    with stack.without_worker():
        first = client.send("POST", "/v1/plans", body, headers=again)
        revoke_key(stack, team, key, None)
    team.owner.failed(first["operation_id"], NOT_PERMITTED)
    assert len(team.owner.events()) == before
    second = team.keys["owner"].request("POST", "/v1/plans", body, headers=again)
    assert second.status_code == 202 and second.json()["operation_id"] == first["operation_id"], second.text
    team.owner.failed(first["operation_id"], NOT_PERMITTED)


def test_who_asked_stands_beside_the_outcome(stack, team):
    """Actor, address and request, for the audit log."""
    for client, begins in ((team.keys["billing"], f"api_key:{team.key_ids['billing']}"),
                           (team.members["billing"], f"user:{team.people['billing'].id}:")):  # fmt: skip
        request_id = f"asked-{uuid.uuid4()}"
        accepted = client.send("POST", "/v1/plans", plan(1), headers={"X-Request-Id": request_id})
        client.outcome(accepted["operation_id"])
        ((actor, address, stored),) = stack.rows(
            "SELECT actor, address, request_id FROM billd.operations WHERE id = %s",
            [accepted["operation_id"]], organisation_id=team.organisation_id,
        )  # fmt: skip
        assert actor.startswith(begins) and (address, stored) == ("127.0.0.1", request_id)
        assert len(actor) == len(begins) + (36 if begins.startswith("user") else 0)


# What others write


def put_plan(wire, team, actor, accepted_ms=None):
    """A CreatePlan straight on the topic: its operation's id."""
    operation_id = str(uuid.uuid4())
    about = meta(team.owner, operation_id, accepted_ms, actor=actor)
    command = {"meta": about, "metadata": {}, "interval_count": 1} | plan(1)
    wire.put(team.organisation_id, encode("CreatePlan", command))
    return operation_id


@pytest.mark.parametrize("role", ROLES)
def test_every_role_as_an_actor(team, wire, role):
    """A key and a member of each, written past the ingress: a viewer's command is refused, theirs who bill are not."""
    actors = [f"api_key:{team.key_ids[role]}", f"user:{team.people[role].id}:{uuid.uuid4()}"]
    for operation_id in [put_plan(wire, team, actor) for actor in actors]:
        if role == "viewer":
            team.owner.failed(operation_id, NOT_PERMITTED, from_topic=True)
        else:
            assert team.owner.outcome(operation_id, from_topic=True)["status"] == "succeeded"


def test_actors_that_are_nobody_here(stack, team, wire):
    """Another organisation's key and owner, ids of the other kind, ids that nobody has, and no ids at all."""
    other, nobody = Team(stack), uuid.uuid4()
    key, user = team.key_ids["owner"], team.people["owner"].id
    actors = [
        f"api_key:{other.key_ids['owner']}", f"user:{other.people['owner'].id}:{nobody}",
        f"api_key:{user}", f"user:{key}:{nobody}", f"api_key:{nobody}", f"user:{nobody}:{nobody}",
        f"user:{user}", f"api_key:{key}:{nobody}", "", "operator", "billd", f"API_KEY:{key}", str(key), "';--",
    ]  # fmt: skip
    for actor, operation_id in [(actor, put_plan(wire, team, actor)) for actor in actors]:
        operation = team.owner.outcome(operation_id, from_topic=True)
        assert operation["status"] == "failed" and slug(operation["error"]) == NOT_PERMITTED, (actor, operation)


def test_a_key_that_had_expired_when_the_command_says_it_was_accepted(team, wire):
    """To the millisecond, by the command's own time."""
    expires = int(time.time()) + 3600
    text = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(expires))
    actor = "api_key:" + new_key(team.owner, expires_at=text)["id"]
    before, then = (put_plan(wire, team, actor, expires * 1000 + ms) for ms in (-1, 0))
    assert team.owner.outcome(before, from_topic=True)["status"] == "succeeded"
    team.owner.failed(then, NOT_PERMITTED, from_topic=True)


# Signed commands


def parts_hash(key, *parts):
    """Keyed BLAKE2b-256 of each part's length and bytes, as common/base/signing.h has it."""
    data = b"".join(struct.pack("<Q", len(part)) + part for part in parts)
    return hashlib.blake2b(data, key=key, digest_size=32).digest()


def signature(stack, name, key, value, partition):
    """What an ingress writes beside a message, by the key of that name."""
    secret = bytes.fromhex(stack.secret_file.read_text().strip())
    signing_key = parts_hash(secret, b"billd signing key 1", b"command", name.encode())
    return f"{name}.{parts_hash(signing_key, str(key).encode(), value, str(partition).encode()).hex()}"


def key_names(stack):
    """The names of the keys of commands, the newest first."""
    rows = stack.rows("SELECT name FROM identity.signing_keys WHERE purpose = 'command' ORDER BY created_at DESC")
    return [name for (name,) in rows]


@contextlib.contextmanager
def signing_worker(stack):
    """In place of the worker one that takes signed commands only."""
    worker = stack.make_worker("worker-signed", BILLD_SIGNED_COMMANDS=1)
    stack.worker.stop()
    stack.others.append(worker)
    try:
        yield worker.start()
    finally:
        worker.end()
        stack.others.remove(worker)
        stack.ensure()


def reason_of(stack, partition, offset):
    """Why a message is a dead letter, once it was processed; None when it is none."""
    eventually(lambda: stack.progress()[partition][0] > offset, f"partition {partition} is behind {offset}")
    rows = stack.rows(
        'SELECT reason, organisation_id, operation_id FROM billd.dead_letters WHERE partition = %s AND "offset" = %s',
        [partition, offset],
    )
    return rows[0] if rows else None


def command(team, operation_id):
    """The key, value and partition of a plan that the rules take."""
    about = meta(team.owner, operation_id, actor=f"api_key:{team.key_ids['owner']}")
    value = encode("CreatePlan", {"meta": about, "metadata": {}, "interval_count": 1} | plan(1))
    return team.organisation_id, value


def find(wire, operation_id):
    """The message on the topic that has this operation."""
    (message,) = [one for one in wire.read_all(COMMANDS) if operation_id.encode() in (one.value() or b"")]
    return message


def test_the_api_signs_every_command(stack, team, wire):
    """With the key that signs, over key, value and partition; computed here by other means."""
    accepted = team.keys["billing"].send("POST", "/v1/plans", plan(1))
    message = find(wire, accepted["operation_id"])
    written = headers(message)["billd_signature"]
    name = written.split(".")[0]
    assert name in key_names(stack)
    assert written == signature(stack, name, message.key().decode(), message.value(), message.partition())


def test_only_what_an_ingress_wrote_takes_effect(stack, team, wire):
    """No signature, a wrong one, one of another message: dead letters, and no operation comes of them."""
    newest = key_names(stack)[0]
    home = partition_of(team.organisation_id, wire.partitions)
    with signing_worker(stack):
        good = team.keys["billing"].send("POST", "/v1/plans", plan(1))
        assert team.owner.outcome(good["operation_id"])["status"] == "succeeded"
        key, value = command(team, str(uuid.uuid4()))
        right, wrong = signature(stack, newest, key, value, home), signature(stack, newest, key, value + b" ", home)
        forged = {
            "none": None,
            "an empty one": "",
            "of another value": wrong,
            "with another key's name": "none." + right.split(".")[1],
            "in capitals": newest + "." + right.split(".")[1].upper(),
            "cut off": right[:-1],
            "of a customer": signature(stack, newest, uuid.uuid4(), value, home),
            "of another partition": signature(stack, newest, key, value, home + wire.partitions),
            "no text": b"\xff\x00.\xfe" * 30,
        }
        ids = {what: str(uuid.uuid4()) for what in forged}
        for what, text in forged.items():
            key, value = command(team, ids[what])
            # Those that were made for another message are as good as any.
            place = wire.put(key, value, headers=None if text is None else {"billd_signature": text})
            assert reason_of(stack, *place) == (UNSIGNED, None, None), what
            assert team.owner.request("GET", f"/v1/operations/{ids[what]}").status_code == 404, what
        # The same with a good one: what was wrong was the signature alone.
        operation_id = str(uuid.uuid4())
        key, value = command(team, operation_id)
        place = wire.put(key, value, headers={"billd_signature": signature(stack, newest, key, value, home)})
        assert reason_of(stack, *place) is None
        assert team.owner.outcome(operation_id, from_topic=True)["status"] == "succeeded"


def test_a_message_that_is_moved_is_not_signed(stack, team, wire):
    """What the api wrote, word for word, on another partition or under another key; again in its place it is one."""
    customer = team.keys["billing"].customer()
    accepted = team.keys["billing"].send("PATCH", f"/v1/customers/{customer}", {"name": "Moved"})
    team.owner.outcome(accepted["operation_id"])
    message = find(wire, accepted["operation_id"])
    with signing_worker(stack):
        elsewhere = (message.partition() + 1) % wire.partitions
        sent = dict(message.headers())
        for place in (
            wire.put(message.key().decode(), message.value(), elsewhere, headers=sent),
            wire.put(uuid.uuid4(), message.value(), message.partition(), headers=sent),
            wire.put("", message.value(), message.partition(), headers=sent),
        ):
            assert reason_of(stack, *place) == (UNSIGNED, None, None)
        place = wire.put(message.key().decode(), message.value(), message.partition(), headers=sent)
        assert reason_of(stack, *place) is None


def test_keys_rotate_under_a_backlog(stack, team, wire):
    """What an old key signed verifies after a rotation, and so does the new one at once; a retired one does not."""
    home = partition_of(team.organisation_id, wire.partitions)
    old = key_names(stack)[0]

    def put(name):
        operation_id = str(uuid.uuid4())
        key, value = command(team, operation_id)
        return operation_id, wire.put(key, value, headers={"billd_signature": signature(stack, name, key, value, home)})

    with signing_worker(stack) as worker:
        assert reason_of(stack, *put(old)[1]) is None
        worker.stop()
        waiting, _ = put(old)
        backlog = team.keys["billing"].send("POST", "/v1/plans", plan(1))
        stack.billd("keys", "rotate")
        new = key_names(stack)[0]
        assert new != old
        worker.start()
        for operation_id in (waiting, backlog["operation_id"], put(old)[0], put(new)[0]):
            assert team.owner.outcome(operation_id, from_topic=True)["status"] == "succeeded"
        # A key that is made while the worker runs is known by the first message that names it.
        stack.billd("keys", "rotate")
        assert reason_of(stack, *put(key_names(stack)[0])[1]) is None
        with stack.connect("owner") as connection:
            connection.execute("UPDATE identity.signing_keys SET retires_at = now() WHERE name = %s", [old])
        eventually(lambda: reason_of(stack, *put(old)[1]) == (UNSIGNED, None, None), "the old key is retired", 30, 1)
        assert reason_of(stack, *put(new)[1]) is None
    # Where nobody asks for signatures, nobody looks at them.
    operation_id = put("none")[0]
    assert team.owner.outcome(operation_id, from_topic=True)["status"] == "succeeded"


def test_a_replay_is_signed_anew(stack, team, wire):
    """The operator vouches for what is sent again one by one, with the secret; without it, it is set aside again."""
    home = partition_of(team.organisation_id, wire.partitions)
    with signing_worker(stack):
        operation_id = str(uuid.uuid4())
        place = wire.put(*command(team, operation_id))
        assert reason_of(stack, *place) == (UNSIGNED, None, None)
        stack.billd("dead-letters", "replay", "--all")
        assert stack.rows(
            'SELECT replayed_at FROM billd.dead_letters WHERE (partition, "offset") = (%s, %s)', place
        ) == [(None,)]
        replay = ("dead-letters", "replay", *map(str, place))
        stack.billd(*replay, BILLD_SECRET_FILE="")
        _, offset = place
        eventually(lambda: stack.progress()[home][0] > offset + 1, "the replay is processed")
        assert team.owner.request("GET", f"/v1/operations/{operation_id}").status_code == 404
        stack.billd(*replay, "--again")
        assert team.owner.outcome(operation_id, from_topic=True)["status"] == "succeeded"


@pytest.mark.parametrize(
    ("settings", "word"),
    [({"BILLD_SECRET_FILE": ""}, "BILLD_SECRET"), ({"BILLD_SECRET": "00"}, "BILLD_SECRET")],
    ids=["none", "one that is too short"],
)
def test_without_a_secret_nothing_can_be_demanded(stack, settings, word):
    """The worker does not start, and says which variable it is."""
    worker = stack.make_worker("worker-no-secret", BILLD_SIGNED_COMMANDS=1, **settings).start(wait=False)
    try:
        assert worker.wait() != 0
    finally:
        worker.end()
    assert word in worker.log_lines()[-1]
