"""Access tokens: only those that we made, for us, in time, and of a session that goes on. The tests forge them with
the real key, so that each row differs from a good token in one thing."""

import base64
import hashlib
import hmac
import json
import struct
import time
import uuid

import pytest
from client import slug
from people import invite, members_path
from waiting import eventually

SECONDS = 5  # after a log-out or a removal; the api looks again every two
SETTLED = 20  # after a rotation; a new key signs only when every program must know it


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def text_of(document):
    return json.dumps(document, separators=(",", ":")).encode()


def signing_key(stack, name, purpose="token"):
    """A key as common/base/signing.h derives it from its name: each part behind its length, keyed by the secret."""
    secret = bytes.fromhex(stack.secret_file.read_text())
    parts = (b"billd signing key 1", purpose.encode(), name.encode())
    message = b"".join(struct.pack("<Q", len(part)) + part for part in parts)
    return hashlib.blake2b(message, key=secret, digest_size=32).digest()


class Forge:
    """A good token, taken apart, and the key that made it."""

    def __init__(self, stack, person):
        self.stack, self.person = stack, person
        self.head_text, self.claims_text, self.signature = person.key.split(".")
        self.head, self.claims = json.loads(decoded(self.head_text)), json.loads(decoded(self.claims_text))
        self.name = self.head["kid"]
        self.key = signing_key(stack, self.name)

    def sign(self, head=None, claims=None, key=None, digest="sha256"):
        """A token with other members of the head or the claims; None takes one away."""
        head = {name: value for name, value in (self.head | (head or {})).items() if value is not None}
        claims = {name: value for name, value in (self.claims | (claims or {})).items() if value is not None}
        return self.sign_texts(text_of(head), text_of(claims), key, digest)

    def sign_texts(self, head, claims, key=None, digest="sha256"):
        message = f"{encoded(head)}.{encoded(claims)}"
        return f"{message}.{encoded(hmac.digest(key or self.key, message.encode(), digest))}"

    def name_of(self, purpose):
        """The newest key of a purpose."""
        statement = "SELECT name FROM identity.signing_keys WHERE purpose = %s ORDER BY created_at DESC LIMIT 1"
        return self.stack.rows(statement, [purpose])[0][0]


@pytest.fixture(scope="module")
def person(stack):
    person = stack.person()
    person.home = person.found()
    return person


@pytest.fixture(scope="module")
def forge(stack, person):
    return Forge(stack, person)


def now():
    return int(time.time())


def flipped(forge, part):
    """One bit of one part is another."""
    parts = [decoded(text) for text in (forge.head_text, forge.claims_text, forge.signature)]
    parts[part] = parts[part][:-3] + bytes([parts[part][-3] ^ 1]) + parts[part][-2:]
    return ".".join(encoded(data) for data in parts)


def other_purpose(forge):
    name = forge.name_of("command")
    return forge.sign({"kid": name}, key=signing_key(forge.stack, name, "command"))


def sloppy_end(forge):
    """The signature's last character with bits that stand for nothing: another text of the same bytes."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet[alphabet.index(forge.signature[-1]) ^ 1]
    assert decoded(forge.signature[:-1] + last) == decoded(forge.signature)
    return f"{forge.head_text}.{forge.claims_text}.{forge.signature[:-1]}{last}"


def algorithm(name, signature=None):
    """The good head with another algorithm, signed as ours are unless another signature is given."""

    def make(forge):
        token = forge.sign({"alg": name})
        return token if signature is None else token.rpartition(".")[0] + "." + signature(forge)

    return make


BAD_TOKENS = {
    "no algorithm and no signature": algorithm("none", lambda _: ""),
    "no algorithm, in capitals": algorithm("NONE", lambda _: ""),
    "no algorithm, with mixed letters": algorithm("nOnE", lambda _: ""),
    "no algorithm, and the good signature": algorithm("none", lambda forge: forge.signature),
    "no algorithm, signed": algorithm("none"),
    "our algorithm, and no signature": algorithm("HS256", lambda _: ""),
    "an empty algorithm": algorithm(""),
    "no algorithm told": algorithm(None),
    "our algorithm in small letters": algorithm("hs256"),
    "HS384": lambda f: f.sign({"alg": "HS384"}, digest="sha384"),
    "HS512": lambda f: f.sign({"alg": "HS512"}, digest="sha512"),
    "HS256 said, SHA-512 done": lambda f: f.sign(digest="sha512"),
    "RS256, signed with our key": algorithm("RS256"),
    "ES256, signed with our key": algorithm("ES256"),
    "EdDSA, signed with our key": algorithm("EdDSA"),
    "an algorithm that is a list": algorithm(["HS256"]),
    "an unknown key's name": lambda f: f.sign({"kid": "unknown"}),
    "an unknown key's name, and the key that it would have": lambda f: f.sign(
        {"kid": "unknown"}, key=signing_key(f.stack, "unknown")
    ),
    "no key's name": lambda f: f.sign({"kid": None}),
    "an empty key's name": lambda f: f.sign({"kid": ""}),
    "a key's name that is a number": lambda f: f.sign({"kid": 0}),
    "a key's name that is a path": lambda f: f.sign({"kid": "../../../dev/null"}, key=b"\0"),
    "a key's name that is SQL": lambda f: f.sign({"kid": "' OR purpose = 'token"}),
    "the key of another purpose": other_purpose,
    "the key of another purpose under our name": lambda f: f.sign(key=signing_key(f.stack, f.name, "command")),
    "another secret": lambda f: f.sign(key=hashlib.sha256(b"other").digest()),
    "an empty secret": lambda f: f.sign(key=b"\0" * 32),
    "the key's name as the key": lambda f: f.sign(key=f.name.encode()),
    "a critical extension": lambda f: f.sign({"crit": ["exp"]}),
    "a key that it brings along": lambda f: f.sign({"jwk": {"kty": "oct", "k": encoded(b"x" * 32)}}, key=b"x" * 32),
    "a place where its key lies": lambda f: f.sign({"jku": "http://127.0.0.1/keys"}),
    "another type": lambda f: f.sign({"typ": "logout+jwt"}),
    "another issuer": lambda f: f.sign(claims={"iss": "somebody"}),
    "no issuer": lambda f: f.sign(claims={"iss": None}),
    "an issuer that begins as ours": lambda f: f.sign(claims={"iss": f.claims["iss"] + ".example"}),
    "another audience": lambda f: f.sign(claims={"aud": "other-api"}),
    "no audience": lambda f: f.sign(claims={"aud": None}),
    "an empty audience": lambda f: f.sign(claims={"aud": ""}),
    "expired": lambda f: f.sign(claims={"iat": now() - 1000, "exp": now() - 100}),
    "expired in 1970": lambda f: f.sign(claims={"iat": 0, "exp": 1}),
    "a day": lambda f: f.sign(claims={"exp": now() + 86_400}),
    "an end before its beginning": lambda f: f.sign(claims={"iat": now(), "exp": now() - 10}),
    "no expiry": lambda f: f.sign(claims={"exp": None}),
    "an expiry that is a text": lambda f: f.sign(claims={"exp": str(now() + 600)}),
    "an expiry over 64 bits": lambda f: f.sign(claims={"exp": 2**64 + now()}),
    "from the future": lambda f: f.sign(claims={"iat": now() + 600, "exp": now() + 1200}),
    "no time of issue": lambda f: f.sign(claims={"iat": None}),
    "no user": lambda f: f.sign(claims={"sub": None}),
    "an unknown user": lambda f: f.sign(claims={"sub": str(uuid.uuid4())}),
    "a user that is no id": lambda f: f.sign(claims={"sub": f.person.email}),
    "a user that is a list": lambda f: f.sign(claims={"sub": [f.claims["sub"]]}),
    "no session": lambda f: f.sign(claims={"sid": None}),
    "an unknown session": lambda f: f.sign(claims={"sid": str(uuid.uuid4())}),
    "a session of nobody": lambda f: f.sign(claims={"sid": str(uuid.UUID(int=0))}),
    "a bit of the head": lambda f: flipped(f, 0),
    "a bit of the claims": lambda f: flipped(f, 1),
    "a bit of the signature": lambda f: flipped(f, 2),
    "another user's claims with our signature": lambda f: ".".join(
        [f.head_text, encoded(text_of(f.claims | {"sub": str(uuid.uuid4())})), f.signature]
    ),
    "half a signature": lambda f: f.person.key[:-20],
    "a signature with more behind it": lambda f: f.person.key + "AAAA",
    "a signature that is not written as it should be": sloppy_end,
    "padding": lambda f: f.person.key + "=",
    "two parts": lambda f: f"{f.head_text}.{f.claims_text}",
    "four parts": lambda f: f.person.key + "." + f.signature,
    "five parts, as of an encrypted one": lambda f: f"{f.person.key}.{f.claims_text}.{f.signature}",
    "a space inside": lambda f: f.person.key.replace(".", ". ", 1),
    "a part that is no base64url": lambda f: f"{f.head_text}.{f.claims_text[:-2]}+/.{f.signature}",
    "claims that are no JSON": lambda f: f.sign_texts(text_of(f.head), b"{"),
    "claims that are a list": lambda f: f.sign_texts(text_of(f.head), text_of([f.claims])),
    "claims that come twice": lambda f: f.sign_texts(
        text_of(f.head), text_of(f.claims)[:-1] + b',"sub":"' + str(uuid.uuid4()).encode() + b'"}'
    ),
    "claims with bad UTF-8": lambda f: f.sign_texts(text_of(f.head), text_of(f.claims)[:-1] + b',"x":"\xff"}'),
    "no claims": lambda f: f.sign_texts(text_of(f.head), b"{}"),
    "empty claims": lambda f: f.sign_texts(text_of(f.head), b""),
    "a head that is no JSON": lambda f: f.sign_texts(b"x", text_of(f.claims)),
    "claims that are too long": lambda f: f.sign(claims={"x": "x" * 8000}),
}


def test_the_forge_makes_good_tokens(forge, person):
    """What is not changed is let in, so the rows below are refused for what they change."""
    forged = forge.sign()
    assert person.known_as(forged).get("/v1/me")["user"]["id"] == person.id
    assert person.home.known_as(forged).get("/v1/customers")["data"] == []
    later = forge.sign(claims={"iat": now() - 5, "exp": now() + 60})
    assert later != person.key and person.home.known_as(later).request("GET", "/v1/customers").status_code == 200


@pytest.mark.parametrize("make", BAD_TOKENS.values(), ids=BAD_TOKENS.keys())
def test_a_bad_token_is_refused(forge, person, make):
    """401 with WWW-Authenticate, wherever it comes to, and nothing that says more."""
    token = make(forge)
    assert token != person.key
    for client, method, path in (
        (person, "GET", "/v1/me"),
        (person, "POST", "/v1/organisations"),
        (person.home, "GET", "/v1/customers"),
        (person.home, "GET", f"/v1/organisations/{person.home.organisation_id}"),
    ):
        answer = client.known_as(token).refused(401, "unauthorized", method, path)
        assert "Bearer" in answer.headers["WWW-Authenticate"]
        assert forge.signature[:20] not in answer.text


def test_a_token_tells_what_it_should(forge, person):
    """Fifteen minutes, no name and no address of the person, and the algorithm that we chose."""
    assert forge.head["alg"] == "HS256"
    assert forge.claims["sub"] == person.id
    assert forge.claims["exp"] - forge.claims["iat"] == 15 * 60
    assert abs(forge.claims["iat"] - time.time()) < 60
    whole = text_of(forge.head | forge.claims).decode()
    assert person.email not in whole and person.name not in whole


def test_a_token_with_another_users_session_is_refused(stack, forge, person):
    """Both are real, and signed: they do not belong together."""
    other = stack.person("Eve")
    theirs = Forge(stack, other)
    for claims in ({"sub": other.id}, {"sid": theirs.claims["sid"]}):
        mixed = forge.sign(claims=claims)
        person.known_as(mixed).refused(401, "unauthorized", "GET", "/v1/me")
        person.home.known_as(mixed).refused(401, "unauthorized", "GET", "/v1/customers")


# What ends while a token lasts


def status(client, path="/v1/customers"):
    answer = client.request("GET", path)
    return answer.status_code, slug(answer.json()) if answer.status_code >= 400 else None


def test_a_session_that_ended_is_refused(person):
    """Its token has minutes left; after the log-out it is refused within seconds, and other sessions are not."""
    device = person.elsewhere()
    client = device.acting_in(person.home.organisation_id)
    assert status(client) == status(device, "/v1/me") == (200, None)
    device.log_out()
    eventually(lambda: status(client) == (401, "unauthorized"), "reads are refused", SECONDS)
    eventually(lambda: status(device, "/v1/me") == (401, "unauthorized"), "the user is refused", SECONDS)
    assert status(person.home) == (200, None)


def test_a_session_that_expired_is_refused(stack, person):
    """As one that was ended: a token is worth nothing without its session."""
    device = person.elsewhere()
    client = device.acting_in(person.home.organisation_id)
    assert status(client) == (200, None)
    session_id = Forge(stack, device).claims["sid"]
    sql = f"UPDATE identity.sessions SET expires_at = now() - interval '1 second' WHERE id = '{session_id}'"
    assert stack.superuser(sql) == "UPDATE 1"
    eventually(lambda: status(client) == (401, "unauthorized"), "reads are refused", SECONDS)
    assert device.try_refresh().status_code == 401


def test_a_session_that_ends_within_this_second_is_over(stack, person):
    """Expiries are compared in whole seconds: what is left of one is no time to make a token for."""
    device = person.elsewhere()
    session_id = Forge(stack, device).claims["sid"]
    ends = "date_trunc('second', clock_timestamp()) + interval '0.95 s'"
    assert stack.superuser(f"UPDATE identity.sessions SET expires_at = {ends} WHERE id = '{session_id}'") == "UPDATE 1"
    assert device.try_refresh().status_code == 401
    assert stack.api.is_running()


def test_a_membership_that_ended_is_refused(stack, person):
    """In that organisation alone: 403 as for whoever was never in it, within seconds."""
    guest = stack.person("Guest")
    guest.accept(invite(person.home, guest.email, "viewer")["token"])
    client, own = guest.acting_in(person.home.organisation_id), guest.found()
    assert status(client) == status(own) == (200, None)
    person.home.done("DELETE", f"{members_path(person.home)}/{guest.id}")
    eventually(lambda: status(client) == (403, "forbidden"), "reads are refused", SECONDS)
    assert status(own) == (200, None)


def test_a_role_that_was_lowered_counts_at_once(stack, person):
    """Who may no longer bill is told so within seconds, with the same token."""
    clerk = stack.person("Clerk")
    clerk.accept(invite(person.home, clerk.email, "billing")["token"])
    client = clerk.acting_in(person.home.organisation_id)
    client.customer()
    person.home.done("PATCH", f"{members_path(person.home)}/{clerk.id}", {"role": "viewer"})
    eventually(
        lambda: client.request("POST", "/v1/customers", {"name": "x"}).status_code == 403, "it is refused", SECONDS
    )
    assert status(client) == (200, None)


# Rotation


def retire(stack, name):
    """As time does it."""
    sql = f"UPDATE identity.signing_keys SET retires_at = now() WHERE purpose = 'token' AND name = '{name}'"
    assert stack.superuser(sql) == "UPDATE 1"


def test_both_keys_are_good_during_a_rotation(stack, person):
    """Who is logged in stays so; new tokens have the new key; only the retired one fails at the end."""
    before = person.elsewhere()
    old = Forge(stack, before)
    stack.billd("keys", "rotate")
    after = person.elsewhere()

    def renewed():
        after.refresh()
        return Forge(stack, after).name != old.name

    eventually(renewed, "new tokens are signed by the new key", SETTLED, 0.2)
    new = Forge(stack, after)
    assert new.name == new.name_of("token")
    assert status(before, "/v1/me") == status(after, "/v1/me") == (200, None)
    crossed = old.sign({"kid": new.name}), new.sign({"kid": old.name})
    for token in crossed:
        before.known_as(token).refused(401, "unauthorized", "GET", "/v1/me")

    retire(stack, old.name)
    eventually(lambda: status(before, "/v1/me") == (401, "unauthorized"), "the old key is refused", SECONDS)
    assert status(after, "/v1/me") == (200, None)
    before.refresh()  # a session does not depend on a key
    assert status(before, "/v1/me") == (200, None)


def test_all_ingresses_agree_on_the_keys(stack, person):
    """A token of one is good at another, which began before or after it."""
    with stack.another_api() as api:
        url = f"http://127.0.0.1:{api.settings['BILLD_PORT']}"
        device = person.elsewhere()
        assert status(device.at(url), "/v1/me") == (200, None)
        stack.billd("keys", "rotate")

        def renewed():
            name = Forge(stack, device).name
            device.refresh()
            assert status(device.at(url), "/v1/me")[0] == 200, "the other does not know the newest key"
            return Forge(stack, device).name != name

        eventually(renewed, "the new key is used", SETTLED, 0.1)
