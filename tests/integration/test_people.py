"""People: registration, log-in, sessions and passwords, as they are seen from outside."""

import json
import re
import resource
import statistics
import threading
import time
from collections import Counter

import pytest
import raw
from client import slug
from people import invite, new_email, new_password
from waiting import PATIENCE, eventually

# From registration to log-out


def test_the_way_of_a_person(stack):
    """Register, log in, be known, refresh, log out: each step's answer is what the next one needs."""
    person = stack.nobody(name="Ada Lovelace")
    user = person.register()
    assert set(user) == {"id", "email", "name", "created_at"}
    assert (user["email"], user["name"]) == (person.email, "Ada Lovelace")
    tokens = person.log_in()
    assert set(tokens) == {"access_token", "token_type", "expires_in", "refresh_token"}
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 900)
    me = person.get("/v1/me")
    assert me["kind"] == "user" and me["memberships"] == []
    assert {name: me["user"][name] for name in ("id", "email", "name")} == {n: user[n] for n in ("id", "email", "name")}
    renewed = person.refresh()
    assert set(renewed) == set(tokens) and renewed["refresh_token"] != tokens["refresh_token"]
    person.get("/v1/me")
    person.log_out()
    assert person.try_refresh().status_code == 401


def test_no_answer_with_tokens_may_be_kept(stack):
    """Cache-Control: no-store, as RFC 6749 wants it."""
    person = stack.person()
    for answer in (person.try_log_in(), person.try_refresh()):
        assert answer.status_code == 200 and "no-store" in answer.headers.get("Cache-Control", "")


def test_me_shows_memberships(stack):
    """With the organisation and the role in it; an API key sees itself and its one organisation."""
    owner, guest = stack.person(), stack.person()
    home = owner.found(name="Home", test=True)
    guest.accept(invite(home, guest.email, "billing")["token"])
    own = guest.found(name="Own")
    found = {(m["organisation"]["id"], m["organisation"]["name"], m["organisation"]["test"], m["role"])
             for m in guest.get("/v1/me")["memberships"]}  # fmt: skip
    assert found == {(home.organisation_id, "Home", True, "billing"), (own.organisation_id, "Own", False, "owner")}
    key = home.made("/v1/api-keys", {"name": "CI", "role": "viewer"})
    me = stack.client(home.organisation_id, key["key"]).get("/v1/me")
    assert me["kind"] == "api_key" and me["user"] is None
    assert (me["api_key"]["id"], me["api_key"]["role"]) == (key["id"], "viewer")
    assert [m["organisation"]["id"] for m in me["memberships"]] == [home.organisation_id]
    assert key["key"] not in json.dumps(me)


# Registration

EMAILS = [
    "",
    "x",
    "@",
    "a@",
    "@b.c",
    "a b@c.de",
    "a@b@c.de",
    "a@b..de",
    "a\n@b.de",
    "a@b.de\r\nBcc: x@y.z",
    "a" * 320 + "@b.de",
]


@pytest.mark.parametrize("email", EMAILS, ids=[repr(email[:20]) for email in EMAILS])
def test_what_is_no_email_is_refused(stack, email):
    """422, at the field."""
    stack.nobody().refused_registration(422, "invalid-body", ["/email"], email=email)


def test_an_email_has_at_most_320_characters(stack):
    """The limit itself is good."""
    local = new_email().split("@")[0]
    domain = ".".join(["d" * 60] * 5)[: 320 - 65]
    email = local + "x" * (64 - len(local)) + "@" + domain
    assert len(email) == 320
    stack.person(email=email)
    stack.nobody().refused_registration(422, "invalid-body", ["/email"], email=email + "x")


def test_an_email_is_known_again(stack):
    """Once only, in whatever letters; who logs in may write it in any."""
    person = stack.person(email=new_email("grace"))
    for email in (person.email, person.email.upper(), person.email.title()):
        stack.nobody().refused_registration(409, "email-taken", email=email)
        assert person.try_log_in(email=email).status_code == 200
    assert person.get("/v1/me")["user"]["email"] == person.email


def test_one_of_two_registrations_at_the_same_moment_wins(stack):
    """201 once, 409 for all others."""
    email = new_email()
    body = {"email": email, "password": new_password(), "name": "Twin"}
    answers = stack.stranger().in_parallel([lambda c: c.request("POST", "/v1/auth/register", body)] * 6, 6)
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 5


NAMES = ["", "x" * 201, None, 1, ["Ada"]]


@pytest.mark.parametrize("name", NAMES, ids=[repr(name)[:10] for name in NAMES])
def test_a_bad_name_is_refused(stack, name):
    """1 to 200 characters."""
    stack.nobody().refused_registration(422, "invalid-body", ["/name"], name=name)


@pytest.mark.parametrize("field", ["email", "password", "name"])
def test_a_missing_field_is_told(stack, field):
    """422, at its place."""
    body = {"email": new_email(), "password": new_password(), "name": "Ada"}
    del body[field]
    answer = stack.stranger().refused(422, "invalid-body", "POST", "/v1/auth/register", body)
    assert [fault["pointer"] for fault in answer.json()["errors"]] in ([""], [f"/{field}"])


@pytest.mark.parametrize("path", ["register", "login", "refresh", "logout"])
def test_strangers_send_little(stack, path):
    """What anybody may send is held to a few KiB: 413 beyond."""
    body = {"email": new_email(), "password": "x" * 20_000, "refresh_token": "x"}
    stack.stranger().refused(413, "body-too-large", "POST", f"/v1/auth/{path}", body)


# Passwords

LENGTHS = [
    ("x7-Qp" + "a" * 6, 422),
    ("x7-Qpabcdef2", 201),
    ("x7-Qp" + "ab3" * 90, 422),
    ("Zq" + "a1b" * 84 + "w9", 201),
]


@pytest.mark.parametrize(("password", "status"), LENGTHS, ids=[f"{len(row[0])} characters" for row in LENGTHS])
def test_a_password_has_12_to_256_characters(stack, password, status):
    """Both limits, from both sides."""
    person = stack.nobody(password=password)
    if status == 201:
        person.register()
        person.log_in()
    else:
        answer = person.try_register()
        assert answer.status_code == 422 and slug(answer.json()) in ("invalid-body", "weak-password")
        assert password not in answer.text


def test_a_password_is_counted_in_characters(stack):
    """Twelve of four bytes each are enough, 256 are not too many, and each of them counts."""
    faces = [chr(0x1F300 + 37 * n % 256) for n in range(256)]
    for password in ("".join(faces[:12]), "".join(faces)):
        person = stack.person(password=password)
        assert person.try_log_in(password=password[:-1] + "\U0001f4a9").status_code == 401
        assert person.try_log_in(password=password).status_code == 200
    stack.nobody().refused_registration(422, "invalid-body", ["/password"], password="\U0001f600" * 11)


WEAK = [
    "password1234", "PASSWORD1234", "123456789012", "qwertyuiop12", "qwertyuiopasdfgh", "aaaaaaaaaaaa", "unbelievable",
    "abcdefghijkl", "zyxwvutsrqponm", "987654321098", "111111111111", "            ", "passwordpassword",
    "1q2w3e4r5t6y", "administrator",
]  # fmt: skip


@pytest.mark.parametrize("password", WEAK)
def test_a_common_password_is_refused(stack, password):
    """422 weak-password, which does not repeat it."""
    answer = stack.nobody().refused_registration(422, "weak-password", password=password)
    assert password.strip() == "" or password not in answer.text


def test_a_password_that_is_the_person_is_refused(stack):
    """The email, its first part, the name: in whatever letters."""
    email = new_email("grace.brewster.hopper")
    rows = (email, email.upper(), email.split("@")[0], "Grace Brewster Hopper", "grace brewster hopper")
    for password in rows:
        person = stack.nobody(email=email, name="Grace Brewster Hopper")
        person.refused_registration(422, "weak-password", password=password)


def test_a_password_is_kept_as_it_is(stack):
    """Spaces, quotes, NULs of other alphabets: nothing is cut, folded or trimmed."""
    for password in (
        " two  spaces at both ends ",
        'it\'s "quoted" \\ and %s',
        "пароль длинный Ω≈ç√",
        "e\u0301te\u0301 2026 long",
    ):
        person = stack.person(password=password)
        for other in (password.strip(), password.upper(), password + " ", password[:-1]):
            if other != password:
                assert person.try_log_in(password=other).status_code == 401


def test_hashes_are_slow_and_salted(stack):
    """Argon2id with at least 19 MiB and two passes; the same password twice is kept as two texts."""
    password = new_password()
    first, second = stack.person(password=password), stack.person(password=password)
    hashes = stack.superuser(
        f"SELECT password_hash FROM identity.users WHERE id IN ('{first.id}', '{second.id}')"
    ).splitlines()
    assert len(set(hashes)) == 2
    for text in hashes:
        memory_kib, passes = map(int, re.match(r"\$argon2id\$v=19\$m=(\d+),t=(\d+),p=1\$", text).groups())
        assert memory_kib >= 19 * 1024 and passes >= 2


# Log-in


def test_wrong_credentials_are_told_in_one_way(stack):
    """401 bad-credentials, the same for a wrong password and an unknown email."""
    person = stack.person()
    wrong = person.try_log_in(password=new_password())
    unknown = person.try_log_in(email=new_email())
    for answer in (wrong, unknown):
        assert (answer.status_code, slug(answer.json())) == (401, "bad-credentials")
    told = [{name: text for name, text in one.json().items() if name != "request_id"} for one in (wrong, unknown)]
    assert told[0] == told[1]
    assert set(wrong.headers) == set(unknown.headers)


def test_known_and_unknown_emails_take_the_same_time(stack):
    """An unknown email is not told by a quick answer: medians of both, taken in turns."""
    person, tries = stack.person(), 15
    times = {"known": [], "unknown": []}
    for _ in range(tries):
        for kind, email in (("known", person.email), ("unknown", new_email())):
            began = time.monotonic()
            assert person.try_log_in(email=email, password="not the password").status_code == 401
            times[kind].append(time.monotonic() - began)
    known, unknown = (statistics.median(times[kind]) for kind in ("known", "unknown"))
    assert 1 / 1.5 < known / unknown < 1.5, times


class Flood:
    """Log-ins on as many connections, all sent before the first answer is read."""

    def __init__(self, port, email, password, count):
        body = json.dumps({"email": email, "password": password}).encode()
        kind, length = b"Content-Type: application/json", b"Content-Length: %d" % len(body)
        data = raw.request(b"POST /v1/auth/login", kind, length, b"Connection: close", body=body)
        self.sockets = [raw.connect(port, 120) for _ in range(count)]
        for sock in self.sockets:
            raw.send(sock, data)
        self.answers = []
        self.thread = threading.Thread(target=self.read)
        self.thread.start()

    def read(self):
        for sock in self.sockets:
            with sock:
                self.answers += raw.parse(raw.read_all(sock))

    def goes_on(self):
        return self.thread.is_alive()

    def statuses(self):
        """{status: how many}, once all are answered."""
        self.thread.join(150 * PATIENCE)
        assert len(self.answers) == len(self.sockets), f"{len(self.answers)} of {len(self.sockets)} were answered"
        return Counter(answer.status for answer in self.answers)


@pytest.fixture
def many_files():
    """A file for each connection; the tests begin with what the shell gives them."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, limits[1]), limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)


@pytest.mark.parametrize("known", [True, False], ids=["of one account", "of nobody"])
def test_a_flood_of_log_ins_leaves_others_served(stack, org, many_files, known):
    """1,000 at a time: reads, commands and what else people do are answered meanwhile, as quickly as ever."""
    person, spent = stack.person(), []
    crowd = stack.person() if known else stack.nobody()  # whose older sessions make room for the newest
    flood = Flood(stack.api_port, crowd.email, crowd.password, 1000)
    while flood.goes_on():
        began = time.monotonic()
        org.get("/v1/customers")
        org.send("POST", "/v1/customers", {"name": "Meanwhile"})
        person.get("/v1/me")
        person.refresh()
        spent.append((time.monotonic() - began) / 4)
    told = flood.statuses()
    assert set(told) <= {200 if known else 401, 429, 503}, told
    assert told[200 if known else 401] >= 10, told
    assert len(spent) >= 10, f"{len(spent)} rounds in {sum(spent) * 4:.1f} s: {told}"
    assert statistics.median(spent) < 0.2 * PATIENCE and max(spent) < 3 * PATIENCE, (
        statistics.median(spent),
        max(spent),
    )


def test_what_is_refused_for_want_of_room_says_when_to_come_back(stack, many_files):
    """With Retry-After; and nothing is left behind: then it is let in again."""
    person = stack.person()
    flood = Flood(stack.api_port, person.email, new_password(), 800)
    told = flood.statuses()
    assert set(told) <= {401, 429, 503} and told[503] > 0, told
    for answer in flood.answers:
        if answer.status != 401:
            assert answer.problem() and int(answer.headers["retry-after"]) >= 1, answer
    eventually(lambda: person.try_log_in().status_code == 200, "the person is let in again", 60)


# Refresh tokens


def test_a_used_refresh_token_revokes_its_family(stack):
    """Whoever stole it, or whoever it was stolen from, shows it a second time: both are out; other devices are not."""
    person = stack.person()
    other = person.elsewhere()
    first = person.refresh_token
    person.refresh()
    second = person.refresh_token
    person.refresh()
    answer = person.try_refresh(first)
    assert (answer.status_code, slug(answer.json())) == (401, "bad-credentials")
    for token in (second, person.refresh_token):
        assert person.try_refresh(token).status_code == 401
    eventually(lambda: person.request("GET", "/v1/me").status_code == 401, "its access token is refused", 5)
    other.refresh()
    other.get("/v1/me")


def test_one_of_two_refreshes_at_the_same_moment_wins(stack):
    """Never two pairs out of one token; that it came twice revokes the family, as it would for a thief."""
    person = stack.person()
    for _ in range(5):
        body = {"refresh_token": person.refresh_token}
        answers = person.in_parallel([lambda c, b=body: c.request("POST", "/v1/auth/refresh", b)] * 4, 4)
        assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]
        [good] = [answer.json() for answer in answers if answer.status_code == 200]
        assert person.try_refresh(good["refresh_token"]).status_code == 401
        person.log_in()


BAD_REFRESH_TOKENS = [
    "x",
    "billd_refresh_" + "A" * 43,
    "billd_live_" + "A" * 43,
    "billd_refresh_",
    "'; --",
    "\U0001f642",
]


@pytest.mark.parametrize("token", BAD_REFRESH_TOKENS)
def test_a_bad_refresh_token_is_refused(stack, token):
    """401 for a refresh; a log-out with it has nothing to end, and says nothing else."""
    person = stack.nobody()
    answer = person.try_refresh(token)
    assert (answer.status_code, slug(answer.json())) == (401, "bad-credentials")
    person.log_out(token)


def test_other_secrets_are_no_refresh_tokens(stack):
    """An access token, an invitation and an API key of the same person."""
    person = stack.person()
    home = person.found()
    key = home.made("/v1/api-keys", {"name": "k", "role": "owner"})["key"]
    for token in (key, invite(home, new_email(), "owner")["token"]):
        assert person.try_refresh(token).status_code == 401
    assert person.try_refresh(person.key).status_code in (401, 422)


def test_a_log_out_ends_one_session(stack):
    """Again does no harm; the other device goes on."""
    person = stack.person()
    other = person.elsewhere()
    person.log_out()
    person.log_out()
    assert person.try_refresh().status_code == 401
    other.refresh()


def test_a_log_out_with_a_used_token_ends_the_session(stack):
    """Whoever has an old token of the family may end it; nobody is served by a session that goes on."""
    person = stack.person()
    first = person.refresh_token
    person.refresh()
    person.log_out(first)
    assert person.try_refresh().status_code == 401


def test_a_log_out_everywhere_ends_all(stack):
    """The one that asks, too, and nobody else's."""
    person, neighbour = stack.person(), stack.person()
    devices = [person.elsewhere() for _ in range(3)]
    assert person.done("POST", "/v1/auth/logout-all") is None
    for device in [person, *devices]:
        assert device.try_refresh().status_code == 401
        eventually(lambda d=device: d.request("GET", "/v1/me").status_code == 401, "it is refused", 5)
    neighbour.refresh()
    person.log_in()
    person.get("/v1/me")


# Another password


def test_a_new_password(stack):
    """The old one opens nothing any more, and all other sessions end; the one that asked goes on."""
    person = stack.person()
    other = person.elsewhere()
    old, new = person.password, new_password()
    answer = person.try_change(new)
    assert answer.status_code == 204 and answer.content == b"", answer.text
    assert person.try_log_in(password=old).status_code == 401
    assert person.try_log_in(password=new).status_code == 200
    assert other.try_refresh().status_code == 401
    eventually(lambda: other.request("GET", "/v1/me").status_code == 401, "the other device is refused", 5)
    person.refresh()
    person.get("/v1/me")


def test_a_new_password_needs_the_current_one(stack):
    """A stolen access token does not change it: refused, and nothing ends."""
    person = stack.person()
    answer = person.try_change(new_password(), current=new_password())
    assert answer.status_code in (401, 403) and slug(answer.json()) in ("bad-credentials", "forbidden")
    assert person.try_log_in().status_code == 200
    person.refresh()


@pytest.mark.parametrize("password", ["short", "password1234", "aaaaaaaaaaaa", "x" * 257])
def test_a_new_password_is_no_weaker(stack, password):
    """The rules of registration, by both tables."""
    person = stack.person()
    answer = person.try_change(password)
    assert answer.status_code == 422 and slug(answer.json()) in ("weak-password", "invalid-body")
    assert person.try_log_in().status_code == 200


def test_two_changes_at_the_same_moment(stack):
    """One after the other: the password is what the last that succeeded said, and nothing between."""
    person = stack.person()
    news = [new_password() for _ in range(3)]
    bodies = [{"current_password": person.password, "new_password": new} for new in news]
    answers = person.in_parallel([lambda c, b=b: c.request("POST", "/v1/auth/password", b) for b in bodies], 3)
    statuses = [answer.status_code for answer in answers]
    assert 204 in statuses and set(statuses) <= {204, 401}, statuses
    good = [new for new in [person.password, *news] if person.try_log_in(password=new).status_code == 200]
    assert len(good) == 1 and good[0] in news, (statuses, good)
    assert statuses[news.index(good[0])] == 204
