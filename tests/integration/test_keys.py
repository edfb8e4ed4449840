"""billd keys: rotation as the operator does it, on a database of its own, and then while the programs run."""

import datetime
import threading
from typing import NamedTuple

import pytest
from client import at_once
from waiting import eventually
from wire import COMMANDS, headers

PURPOSES = ("command", "token")
GRACE_DAYS = {"command": 90, "token": 1 / 24}
MOST = 16  # keys of a purpose that verify at a time
SETTLED = 20  # seconds after which a new key signs, generously


class Key(NamedTuple):
    purpose: str
    name: str
    created: str
    retires: str
    state: str


@pytest.fixture(scope="module")
def scratch(stack):
    """A database that no program uses: the settings to reach it."""
    name = "keys"
    stack.superuser(f"CREATE DATABASE {name} OWNER billd_owner")
    url = stack.database_urls["owner"].rsplit("/", 1)[0] + "/" + name
    settings = {"BILLD_DATABASE_URL": url}
    stack.billd("migrate", "up", **settings)
    yield settings
    stack.superuser(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def keys(stack, scratch):
    """billd keys …, on a database where each purpose has one key, as after the migrations."""
    run(stack, "DELETE FROM identity.signing_keys")
    run(
        stack, "INSERT INTO identity.signing_keys (purpose, name) VALUES ('command', 'command-1'), ('token', 'token-1')"
    )
    return lambda *arguments, **more: stack.billd("keys", *arguments, **scratch, **more)


def run(stack, statement, *parameters):
    """Change what the operator's command cannot."""
    with stack.connect(database="keys") as connection:
        connection.execute(statement, parameters)


def listed(keys):
    """What billd keys list shows, below its heading."""
    heading, *rows = keys("list").splitlines()
    assert heading.split() == ["purpose", "name", "created", "retires", "state"]
    return [Key(*row.split()) for row in rows]


def signing(rows, purpose):
    (name,) = [key.name for key in rows if key.purpose == purpose and key.state == "signs"]
    return name


def age(stack, seconds=60):
    """As if all that was done had been done before."""
    run(stack, "UPDATE identity.signing_keys SET created_at = created_at - make_interval(secs => %s)", seconds)


def days_until(text):
    moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (moment - datetime.datetime.now(datetime.UTC)) / datetime.timedelta(days=1)


# The command alone


def test_the_migrations_leave_a_key_of_each_purpose(stack, keys):
    """Both sign, and none is retired; a list changes nothing."""
    rows = listed(keys)
    assert [(key.purpose, key.state, key.retires) for key in rows] == [(p, "signs", "-") for p in PURPOSES]
    assert listed(keys) == rows
    fresh = stack.rows("SELECT purpose, count(*) FROM identity.signing_keys GROUP BY purpose ORDER BY purpose")
    assert [purpose for purpose, count in fresh if count >= 1] == list(PURPOSES)


def test_a_rotation_makes_one_of_each_and_tells_so(stack, keys):
    """The old ones verify for as long as what they have signed may be under way."""
    age(stack)
    said = keys("rotate")
    rows = listed(keys)
    for purpose in PURPOSES:
        new, old = [key for key in rows if key.purpose == purpose]
        assert old.name == f"{purpose}-1" and new.retires == "-"
        assert days_until(old.retires) == pytest.approx(GRACE_DAYS[purpose], abs=0.01)
        assert f"{purpose} key {new.name} is new" in said
        assert f"{purpose} key {old.name} verifies until {old.retires}" in said
    assert len(said.splitlines()) == len(rows) == 4


def test_a_new_key_signs_when_all_programs_know_it(stack, keys):
    """Until then it only verifies, so that no program refuses what another has signed."""
    age(stack)
    keys("rotate")
    before = listed(keys)
    assert [signing(before, purpose) for purpose in PURPOSES] == ["command-1", "token-1"]
    assert {key.state for key in before} == {"signs", "verifies"}
    age(stack)
    after = listed(keys)
    assert [signing(after, purpose) for purpose in PURPOSES] == [key.name for key in after if key.retires == "-"]


def test_names_are_of_their_form_and_never_the_same(keys):
    """They say nothing, and a program derives a key from each."""
    for _ in range(3):
        keys("rotate")
    names = [key.name for key in listed(keys) if not key.name.endswith("-1")]
    assert len(set(names)) == len(names) == 6
    assert all(len(name) == 32 and set(name) <= set("0123456789abcdef") for name in names)


@pytest.mark.parametrize("purpose", PURPOSES)
def test_one_purpose_alone(keys, purpose):
    """The other one's keys are what they were."""
    before = listed(keys)
    said = keys("rotate", "--purpose", purpose)
    after = listed(keys)
    assert [key for key in after if key.purpose != purpose] == [key for key in before if key.purpose != purpose]
    assert len([key for key in after if key.purpose == purpose]) == 2
    assert all(line.startswith(purpose) for line in said.splitlines())


def test_rotating_again_never_puts_a_retirement_off(stack, keys):
    """Nor takes away the one key that is not to be retired."""
    keys("rotate")
    run(stack, "UPDATE identity.signing_keys SET retires_at = retires_at - interval '10 minutes'")
    first = {key.name: key.retires for key in listed(keys) if key.retires != "-"}
    for _ in range(3):
        keys("rotate")
        rows = listed(keys)
        assert {key.name: key.retires for key in rows if key.name in first} == first
        assert sorted(key.purpose for key in rows if key.retires == "-") == list(PURPOSES)
        assert all(signing(rows, purpose) for purpose in PURPOSES)


def test_rotations_at_the_same_moment(stack, keys):
    """Each makes its key and sees those before it: one of each purpose is left that nobody retires."""
    at_once(*[lambda: keys("rotate")] * 4)
    rows = listed(keys)
    assert sorted(key.purpose for key in rows) == ["command"] * 5 + ["token"] * 5
    assert sorted(key.purpose for key in rows if key.retires == "-") == list(PURPOSES)
    age(stack)
    for purpose in PURPOSES:
        assert signing(listed(keys), purpose) in [key.name for key in rows if key.retires == "-"]


def test_a_retired_key_is_shown_as_such(stack, keys):
    """It stays in the list, and does not count among those that verify."""
    keys("rotate")
    run(stack, "UPDATE identity.signing_keys SET retires_at = now() WHERE retires_at IS NOT NULL")
    rows = listed(keys)
    assert [key.state for key in rows if key.name.endswith("-1")] == ["retired", "retired"]
    assert [signing(rows, purpose) for purpose in PURPOSES] == [key.name for key in rows if key.retires == "-"]


def test_a_new_key_is_the_newest_whatever_the_clock_says(stack, keys):
    """The server's clock was put back since the last one was made."""
    run(stack, "UPDATE identity.signing_keys SET created_at = now() + interval '1 day'")
    keys("rotate")
    rows = listed(keys)
    for purpose in PURPOSES:
        assert signing(rows, purpose) != f"{purpose}-1"


def test_without_a_key_one_is_made(stack, keys):
    """Whatever became of the others."""
    run(stack, "DELETE FROM identity.signing_keys WHERE purpose = 'token'")
    keys("rotate", "--purpose", "token")
    assert signing(listed(keys), "token")


def test_more_than_programs_hold_are_not_made(stack, keys):
    """Rather than that keys which still verify are forgotten; all or nothing, and again when one has been retired."""
    for _ in range(MOST - 1):
        keys("rotate", "--purpose", "command")
    full = listed(keys)
    for arguments in ([], ["--purpose", "command"]):
        said = keys("rotate", *arguments, expect=2)
        assert "nothing is rotated" in said and str(MOST) in said
        assert listed(keys) == full
    keys("rotate", "--purpose", "token")
    run(stack, "UPDATE identity.signing_keys SET retires_at = now() WHERE name = 'command-1'")
    keys("rotate")
    assert len([key for key in listed(keys) if key.purpose == "command" and key.state != "retired"]) == MOST


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["rotate", "--purpose", "tokens"], '"tokens" is neither token nor command'),
        (["rotate", "--purpose", ""], "is neither token nor command"),
        (["rotate", "--purpose"], "--purpose needs a value"),
        (["rotate", "token"], "unexpected argument token"),
        (["list", "--purpose", "token"], "unknown option --purpose"),
        (["retire"], "unknown"),
        ([], "keys"),
    ],
)
def test_what_is_not_understood_is_refused(keys, arguments, told):
    """With the reason, and nothing changed."""
    before = listed(keys)
    assert told in keys(*arguments, expect=2)
    assert listed(keys) == before


@pytest.mark.parametrize("role", ["api", "worker"])
def test_the_programs_may_not_rotate(stack, role):
    """They read the names alone."""
    before = stack.rows("SELECT * FROM identity.signing_keys ORDER BY purpose, name")
    assert "permission denied" in stack.billd("keys", "rotate", role=role, expect=2)
    assert stack.rows("SELECT * FROM identity.signing_keys ORDER BY purpose, name") == before


# While the programs run


def test_a_rotation_is_not_felt(stack, org, wire):
    """Commands go on, accepted by two ingresses and believed by a worker that takes signed ones alone; then the new
    key has signed them."""

    def signers():
        found = [headers(message) for message in wire.read_all(COMMANDS)]
        return {names["billd_signature"].split(".")[0] for names in found if "billd_signature" in names}

    def newest():
        statement = "SELECT name FROM identity.signing_keys WHERE purpose = 'command' AND retires_at IS NULL"
        return stack.rows(statement)[0][0]

    with stack.without_worker(), stack.another_api() as api:
        worker = stack.make_worker("signed", BILLD_SIGNED_COMMANDS=1)
        stack.others.append(worker)
        clients = org, org.at(f"http://127.0.0.1:{api.settings['BILLD_PORT']}")
        over = threading.Event()

        def go_on(client):
            made = []
            while not over.is_set():
                made.append(client.customer())
            return made

        def rotate():
            try:
                stack.billd("keys", "rotate")
                new = newest()
                assert new not in signers(), "it signs before all programs can know it"
                eventually(lambda: new in signers(), "the new key signs", SETTLED, 0.5)
            finally:
                over.set()

        try:
            worker.start()
            *made, _ = at_once(*[lambda client=client: go_on(client) for client in clients], rotate)
        finally:
            worker.end()
            stack.others.remove(worker)
    assert all(made)
    assert {customer["id"] for customer in org.all("/v1/customers")} == set(made[0] + made[1])
