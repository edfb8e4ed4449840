"""No secret is anywhere but where it was given: all that is done with them is done, and then everything is searched."""

import base64
import json
import re
import time
from urllib.parse import unquote, urlparse

import pytest
from client import Client
from people import invite, members_path, new_email, new_password
from test_tokens import Forge, signing_key
from waiting import eventually
from wire import COMMANDS, DEAD_LETTERS, EVENTS

TAIL = 24  # of a key or token; its beginning may be shown, so that it is known again


class Secrets:
    """What must not be found, by what it is; and what must be, so that the search is one."""

    def __init__(self):
        self.named, self.markers = {}, {}

    def add(self, what, text):
        number = sum(name.startswith(what) for name in self.named)
        self.named[f"{what} {number}"] = text
        return text

    def needles(self):
        """(what, bytes) in the forms in which it could have been written."""
        for what, text in self.named.items():
            tail = text if "password" in what else text[-TAIL:]
            assert len(tail) >= 12, what
            yield what, tail.encode()
            if text.count(".") == 2:  # a token that was cut short, as a long line may be
                yield f"claims of {what}", text.split(".")[1][48 : 48 + TAIL].encode()
            yield f"{what} in hexadecimal", text.encode().hex().encode()
            yield f"{what} in base64", base64.b64encode(text.encode())[:-4]
            if re.fullmatch(r"[0-9a-f]{64}", text):
                yield f"{what} as bytes", bytes.fromhex(text)

    def found_in(self, data):
        return sorted({what for what, needle in self.needles() if needle in data})


class Recorder:
    """Keeps each answer of every client, with what was asked."""

    def __init__(self, monkeypatch):
        self.answers = []
        request = Client.request

        def recorded(client, method, path, *arguments, **more):
            answer = request(client, method, path, *arguments, **more)
            self.answers.append((method, path, answer))
            return answer

        monkeypatch.setattr(Client, "request", recorded)

    def errors(self):
        for method, path, answer in self.answers:
            if answer.status_code >= 400:
                headers = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
                yield f"{method} {path.split('?')[0]} {answer.status_code}", (headers + answer.text).encode()


# What is done


def people(stack, secrets):
    """Passwords, good, bad and changed; tokens used, reused, forged and refused."""
    person = stack.nobody(name="Marker Person", password=secrets.add("password", new_password()))
    person.register()
    person.log_in()
    secrets.markers["email"] = person.email
    for _ in range(2):
        secrets.add("access token", person.key)
        secrets.add("refresh token", person.refresh_token)
        person.refresh()
    assert person.try_log_in(password=secrets.add("wrong password", new_password())).status_code == 401
    assert (
        person.try_log_in(email=new_email(), password=secrets.add("wrong password", new_password())).status_code == 401
    )
    weak = secrets.add("weak password", "Q" * 40)
    person.refused_registration(422, "weak-password", password=weak, email=new_email())
    person.refused_registration(409, "email-taken", password=secrets.add("password", new_password()))
    current, person.password = person.password, secrets.add("password", new_password())
    assert person.try_change(person.password, current=current).status_code == 204
    device = person.elsewhere()
    secrets.add("refresh token", device.refresh_token)
    secrets.add("access token", device.key)
    used = device.refresh_token
    device.refresh()
    assert device.try_refresh(used).status_code == 401
    forge = Forge(stack, person)
    for forged in (forge.sign({"kid": "unknown"}), forge.sign(claims={"exp": 1, "iat": 0}), forge.sign()[:-2] + "AA"):
        assert person.known_as(secrets.add("forged token", forged)).request("GET", "/v1/me").status_code == 401
    secrets.add("key of tokens", forge.key.hex())
    secrets.add("key of commands", signing_key(stack, forge.name_of("command"), "command").hex())
    return person


def malformed(person, secrets):
    """Secrets in bodies and places where nobody expects them: the answers must not repeat them."""
    text = secrets.add("password", new_password())
    good = {"email": new_email(), "password": text}
    for path in ("/v1/auth/register", "/v1/auth/login", "/v1/auth/password", "/v1/auth/refresh"):
        for data in (
            json.dumps(good)[:-1].encode(),
            json.dumps(good).replace('"password"', '"password":1,"password"').encode(),
            json.dumps({"email": text, "password": [text], "name": {"x": text}, "refresh_token": [text]}).encode(),
            json.dumps({**good, "pasword": text, "name": "x" * 300}).encode(),
            b"password=" + text.encode(),
            json.dumps({text: "as a name"}).encode(),
        ):
            answer = person.request("POST", path, data=data)
            assert answer.status_code in (400, 422), (path, data, answer.text)
        answer = person.request("POST", path, data=json.dumps(good), headers={"Content-Type": "text/plain"})
        assert answer.status_code == 415, answer.text
    return text


def misplaced(stack, secrets, client):
    """Keys and tokens in headers, queries and paths where they do not belong."""
    key = secrets.add("misplaced key", client.made("/v1/api-keys", {"name": "m", "role": "viewer"})["key"])
    token = secrets.add("misplaced token", new_password())
    stranger = stack.stranger()
    for headers in (
        {"Authorization": f"Basic {key}"},
        {"Authorization": key},
        {"Authorization": f"Bearer {key}x"},
        {"Authorization": f"Bearer {token}"},
        {"Authorization": f"Bearer {key} {key}"},
        {"X-Api-Key": key},
        {"Cookie": f"token={token}"},
    ):
        stranger.refused(401, "unauthorized", "GET", "/v1/customers", headers=headers)
    for path in (f"/v1/api-keys/{key}", f"/v1/customers/{token}", f"/{token}", f"/docs/{key}"):
        client.refused(404, "not-found", "GET" if "api-keys" not in path else "DELETE", path)
    for query in (f"?key={key}", f"?{token}", f"?cursor={token}", f"?limit={token}"):
        assert client.request("GET", "/v1/customers" + query).status_code == 400
    client.refused(400, "bad-idempotency-key", "POST", "/v1/plans", {}, headers={"Idempotency-Key": f"{token} {key}"})
    headers = {"Billd-Organisation": key, "Idempotency-Key": "once"}
    client.refused(400, "bad-organisation", "GET", "/v1/customers", headers=headers)


def organisations(stack, secrets, person):
    """Invitations and keys: made, used, refused, revoked; and commands by them."""
    client = person.found(name="Marker Organisation")
    guest = stack.nobody(password=secrets.add("password", new_password()))
    guest.register()
    guest.log_in()
    secrets.add("access token", guest.key)
    token = secrets.add("invitation", invite(client, guest.email, "admin")["token"])
    guest.accept(token)
    guest.refused(409, "bad-invitation", "POST", "/v1/invitations/accept", {"token": token})
    open_one = secrets.add("invitation", invite(client, new_email(), "viewer")["token"])
    guest.refused(409, "bad-invitation", "POST", "/v1/invitations/accept", {"token": open_one})
    stack.nobody().refused_registration(409, "bad-invitation", invitation_token=open_one)
    for number in range(3):
        made = client.made("/v1/api-keys", {"name": f"k{number}", "role": "admin"})
        key = secrets.add("API key", made["key"])
    by_key = stack.client(client.organisation_id, key)
    secrets.markers["customer"] = "Marker Customer"
    by_key.customer(name="Marker Customer")
    by_key.fail("plan-not-found", "PATCH", "/v1/plans/0198a0d2-0000-8000-8000-000000000001", {"name": "x"})
    client.done("DELETE", f"/v1/api-keys/{made['id']}")
    eventually(lambda: by_key.request("GET", "/v1/customers").status_code == 401, "the key is refused", 5)
    client.request("GET", "/v1/audit-log")
    client.request("GET", "/v1/api-keys")
    client.request("GET", members_path(client))
    secrets.add("API key", stack.api_key(client.organisation_id))
    return client


def a_dead_letter(wire, organisation_id):
    """Something that no worker can read."""
    before = len(wire.read_all(DEAD_LETTERS))
    wire.put(organisation_id, b"\xc3\x01" + b"Marker Letter")
    eventually(lambda: len(wire.read_all(DEAD_LETTERS)) > before, "the dead letter is there", 30, 0.2)


def an_outage(stack, person):
    """Errors of the database, while people log in."""
    stack.script("postgres", "kill")
    client = person.acting_in("0198a0d2-0000-8000-8000-000000000001")
    answer = person.try_log_in()
    assert answer.status_code == 503, answer.text
    assert client.request("GET", "/v1/customers").status_code in (401, 403, 503)
    stack.ensure()
    eventually(lambda: person.try_log_in().status_code == 200, "people log in again", 30, 0.2)


def own(stack, secrets):
    """What the programs themselves are given."""
    secrets.add("BILLD_SECRET", stack.secret_file.read_text().strip())
    for role, url in stack.database_urls.items():
        assert secrets.add(f"database password of {role}", unquote(urlparse(url).password))


@pytest.fixture(scope="module")
def done(stack, wire):
    """Everything, once: (the secrets, what was answered)."""
    secrets = Secrets()
    with pytest.MonkeyPatch.context() as patch:
        recorder = Recorder(patch)
        own(stack, secrets)
        person = people(stack, secrets)
        malformed(person, secrets)
        client = organisations(stack, secrets, person)
        misplaced(stack, secrets, client)
        a_dead_letter(wire, client.organisation_id)
        an_outage(stack, person)
    time.sleep(0.2)  # the request log is held for a moment
    return secrets, recorder


# What is searched


def test_no_secret_is_in_a_log(stack, done):
    """Of the api, the worker, PostgreSQL and Kafka; they are at their most talkative."""
    secrets, recorder = done
    logs = sorted(stack.logs.glob("*"))
    assert {"api.log", "worker.log", "postgres.log", "kafka.log"} <= {log.name for log in logs}
    found = {log.name: secrets.found_in(log.read_bytes()) for log in logs}
    assert {name: what for name, what in found.items() if what} == {}
    request_id = recorder.answers[0][2].headers["X-Request-Id"].encode()
    assert request_id in (stack.logs / "api.log").read_bytes()


@pytest.mark.parametrize("topic", [COMMANDS, EVENTS, DEAD_LETTERS])
def test_no_secret_is_on_a_topic(wire, done, topic):
    """Keys, values and headers of all messages."""
    secrets, _ = done
    parts = []
    for message in wire.read_all(topic):
        parts += [message.key() or b"", message.value() or b""]
        parts += [name.encode() + b": " + (value or b"") for name, value in message.headers() or []]
    data = b"\n".join(parts)
    assert secrets.found_in(data) == []
    marker = b"Marker Letter" if topic == DEAD_LETTERS else secrets.markers["customer"].encode()
    assert marker in data


def test_no_secret_is_in_an_error(done):
    """Bodies and headers of all answers from 400 on."""
    secrets, recorder = done
    found = {}
    for what, data in recorder.errors():
        # Where a fault is, whoever caused it is told in his own words.
        places = re.compile(rb'"(pointer|instance)":"[^"]*"')
        if told := secrets.found_in(places.sub(b"", data)):
            found[what] = told
    assert found == {}
    statuses = {answer.status_code for _, _, answer in recorder.answers}
    assert {400, 401, 409, 415, 422, 503} <= statuses


def test_a_secret_is_answered_once(done):
    """Where it is made, and never again: not by lists, not by a read of the same."""
    secrets, recorder = done
    wrong = {}
    for what, text in secrets.named.items():
        if not what.startswith(("API key", "invitation", "refresh token", "access token")):
            continue
        given = [f"{method} {path}" for method, path, answer in recorder.answers if text in answer.text]
        # Two access tokens of one session and one second are the same; one key was printed by the operator's command.
        often = what.startswith("access token") and set(given) <= {"POST /v1/auth/login", "POST /v1/auth/refresh"}
        if not often and (len(given) > 1 or (given == []) != (what == "API key 3") or "GET" in str(given)):
            wrong[what] = given
    assert wrong == {}


def dump(stack):
    """Every row of ours as text, past row-level security."""
    tables = stack.superuser(
        "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname IN ('billd', 'identity')"
    ).splitlines()
    assert {"identity.users", "identity.sessions", "billd.operations"} <= set(tables)
    return {table: stack.superuser(f"SELECT t::text FROM {table} t").encode() for table in tables}


def test_no_secret_is_in_the_database(stack, done):
    """Hashes and names alone, in every table."""
    secrets, _ = done
    tables = dump(stack)
    assert {name: told for name, data in tables.items() if (told := secrets.found_in(data))} == {}
    assert secrets.markers["email"].encode() in tables["identity.users"]
    assert secrets.markers["customer"].encode() in tables["billd.customers"]


def test_no_secret_is_in_what_is_told_to_anybody(stack, done):
    """Metrics, documents, and the command lines of the programs, which other users of the machine see."""
    secrets, _ = done
    stranger = stack.stranger()
    for path in ("/metrics", "/openapi.json", "/health", "/v1/roles", "/docs/problems"):
        assert secrets.found_in(stranger.request("GET", path).content) == [], path
    for program in stack.ours():
        with open(f"/proc/{program.process.pid}/cmdline", "rb") as file:
            assert secrets.found_in(file.read()) == [], program.name
