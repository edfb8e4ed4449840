"""How much each may ask: of one key, of one organisation, of log-ins; and that nobody else is the slower for it."""

import re
import secrets
import time
from itertools import pairwise

import pytest
from client import slug
from people import new_email, new_password
from raw import port_of
from waiting import PATIENCE, eventually

RATE = 2  # a second
BURST = 10 * RATE  # what an idle bucket holds
SLACK = 8  # what may flow in while a burst is sent, on a machine that is not busy


@pytest.fixture(scope="module")
def at(stack):
    """at(**settings): the url of an api with these, one for each set of them."""
    apis = {}

    def start(**settings):
        name = str(settings)
        if name not in apis:
            context = stack.another_api(**settings)
            apis[name] = context, context.__enter__()
        return f"http://127.0.0.1:{port_of(apis[name][1])}"

    yield start
    for context, _ in apis.values():
        context.__exit__(None, None, None)


def flown_in(began):
    """What may have flowed in since then, and the one that was under way."""
    return max(SLACK, RATE * (time.monotonic() - began) + 2)


def burst(client, count=2 * BURST, path="/v1/plans"):
    """So many requests as quickly as they are answered: the answers."""
    return [client.request("GET", path) for _ in range(count)]


def passed(answers):
    """How many were let through; the others are 429, which says when to come again."""
    for answer in answers:
        assert answer.status_code in (200, 429), answer.text
        if answer.status_code == 429:
            assert slug(answer.json()) == "too-many-requests"
            assert 1 <= int(answer.headers["Retry-After"]) <= 60
    return sum(answer.status_code == 200 for answer in answers)


def limits_told(answer, header="RateLimit"):
    """{policy: {parameter: number}} of a header."""
    policies = re.findall(r'"([a-z-]+)"((?:;[a-z]+=\d+)+)', answer.headers.get(header, ""))
    return {name: {k: int(v) for k, v in re.findall(r"([a-z]+)=(\d+)", rest)} for name, rest in policies}


# Requests


def test_without_a_limit_nobody_is_counted(org):
    """As it is unless the settings say otherwise; and no header speaks of limits."""
    answers = burst(org, 100)
    assert passed(answers) == 100
    assert not [name for name in answers[-1].headers if name.lower().startswith("ratelimit")]


def test_a_key_has_a_limit(stack, org, at):
    """Ten seconds' worth at once, then as much as flows in; the organisation's other key is not concerned."""
    url = at(BILLD_RATE_CALLER=RATE)
    other = stack.client(org.organisation_id, stack.api_key(org.organisation_id, "other"), url)
    noisy, began = org.at(url), time.monotonic()
    answers = burst(noisy)
    assert BURST <= passed(answers) <= BURST + flown_in(began)
    assert answers[-1].status_code == 429
    assert passed(burst(other, 10)) == 10
    wait = int(answers[-1].headers["Retry-After"])
    time.sleep(wait)
    assert noisy.request("GET", "/v1/plans").status_code == 200


def test_what_is_left_is_told(stack, at):
    """RateLimit-Policy and RateLimit, of what is let through and of what is not."""
    client = stack.organisation().at(at(BILLD_RATE_CALLER=RATE))
    answers = burst(client)
    left = [limits_told(answer)["caller"]["r"] for answer in answers]
    for answer in answers:
        assert limits_told(answer, "RateLimit-Policy")["caller"] == {"q": BURST, "w": 10}
        assert 0 <= limits_told(answer)["caller"]["t"] <= 10
    assert left[0] == BURST - 1 and left[-1] == 0
    assert all(after <= before + 1 for before, after in pairwise(left))
    assert "RateLimit" in client.request("POST", "/v1/plans", {"x": 1}).headers


def test_a_command_over_the_limit_has_no_effect(stack, at):
    """As many customers as 202s."""
    org = stack.organisation()
    client, began = org.at(at(BILLD_RATE_CALLER=RATE)), time.monotonic()
    answers = [client.request("POST", "/v1/customers", {"name": "Ada"}) for _ in range(BURST + SLACK + 5)]
    most = BURST + flown_in(began)
    accepted = [answer.json() for answer in answers if answer.status_code == 202]
    assert {answer.status_code for answer in answers} == {202, 429}
    for one in accepted:
        assert org.outcome(one["operation_id"])["status"] == "succeeded"
    assert len(org.all("/v1/customers")) == len(accepted) <= most


def test_an_organisation_has_a_limit(stack, org, at):
    """All of its keys and members together; another organisation is not concerned, in the middle of the noise."""
    url = at(BILLD_RATE_ORGANISATION=RATE)
    quiet = stack.organisation().at(url)
    keys = [stack.client(org.organisation_id, stack.api_key(org.organisation_id, f"k{n}"), url) for n in range(3)]
    answers, began = [], time.monotonic()
    for _ in range(BURST):
        answers += [key.request("GET", "/v1/plans") for key in keys]
    assert BURST <= passed(answers) <= BURST + flown_in(began)
    assert limits_told(answers[-1])["organisation"]["r"] == 0
    began = time.monotonic()
    assert passed(burst(quiet, BURST)) == BURST
    assert time.monotonic() - began < 10 * PATIENCE


def test_a_member_counts_for_each_organisation(stack, at):
    """One person's noise in one organisation leaves the other one's limit whole."""
    person = stack.person()
    url = at(BILLD_RATE_ORGANISATION=RATE)
    first, second = person.found().at(url), person.found().at(url)
    began = time.monotonic()
    assert passed(burst(first)) <= BURST + flown_in(began)
    assert passed(burst(second, BURST)) == BURST


def test_a_user_has_one_limit_wherever_it_acts(stack, at):
    """Organisations and sessions do not multiply it."""
    person = stack.person()
    url = at(BILLD_RATE_CALLER=RATE)
    clients = [person.found().at(url), person.found().at(url)]
    device = person.elsewhere()
    clients.append(device.acting_in(clients[0].organisation_id).at(url))
    answers, began = [], time.monotonic()
    for _ in range(BURST):
        answers += [client.request("GET", "/v1/plans") for client in clients]
    assert BURST <= passed(answers) <= BURST + flown_in(began)


def test_what_is_open_has_no_such_limit(stack, at):
    """Health and documents are for whoever comes."""
    client = stack.stranger().at(at(BILLD_RATE_CALLER=RATE, BILLD_RATE_ORGANISATION=RATE))
    for path in ("/health/live", "/v1/roles"):
        assert passed(burst(client, 3 * BURST, path)) == 3 * BURST


def test_a_bad_key_uses_up_nobodys_limit(stack, at):
    """Whoever guesses is told 401, and those who are in stay in."""
    url = at(BILLD_RATE_CALLER=RATE, BILLD_RATE_ORGANISATION=RATE)
    org = stack.organisation().at(url)
    guesser = org.known_as("billd_live_" + "A" * 43)
    for _ in range(2 * BURST):
        assert guesser.request("GET", "/v1/plans").status_code == 401
    assert passed(burst(org, BURST)) == BURST


# Log-ins


def tries(person, count, password=None, **more):
    """The statuses of so many log-ins."""
    bad = password or new_password()
    return [person.try_log_in(password=bad, **more).status_code for _ in range(count)]


def elsewhere(person, url):
    """The same user at another api."""
    person.url = url
    return person


def test_an_account_has_a_limit_of_failures(stack, at):
    """The right password is of no use then; another account's is."""
    url = at(BILLD_LOGIN_RATE_ACCOUNT=3)
    person, neighbour = elsewhere(stack.person(), url), elsewhere(stack.person(), url)
    assert tries(person, 5) == [401, 401, 401, 429, 429]
    answer = person.try_log_in()
    assert (answer.status_code, slug(answer.json())) == (429, "too-many-requests")
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert neighbour.try_log_in().status_code == 200
    assert person.at(stack.url).request("GET", "/v1/me").status_code == 200, "a session that there is goes on"


def test_an_account_is_one_in_whatever_letters(stack, at):
    """Capitals do not multiply the guesses."""
    person = elsewhere(stack.person(), at(BILLD_LOGIN_RATE_ACCOUNT=3))
    statuses = [tries(person, 1, email=email)[0] for email in (person.email, person.email.upper()) * 3]
    assert statuses == [401, 401, 401, 429, 429, 429]


def test_an_unknown_account_has_the_same_limit(stack, at):
    """So that the limit does not tell who is registered."""
    person = elsewhere(stack.nobody(), at(BILLD_LOGIN_RATE_ACCOUNT=3))
    assert tries(person, 5) == [401, 401, 401, 429, 429]


def test_success_costs_nothing(stack, at):
    """Who knows the password may log in as often as need be; failures between stay counted."""
    person = elsewhere(stack.person(), at(BILLD_LOGIN_RATE_ACCOUNT=3))
    assert tries(person, 10, person.password) == [200] * 10
    assert tries(person, 2) == [401, 401]
    assert tries(person, 5, person.password) == [200] * 5
    assert tries(person, 2) == [401, 429]


def test_guesses_at_the_same_moment_are_counted(stack, at):
    """A bucket is taken from before a password is looked at."""
    person = elsewhere(stack.person(), at(BILLD_LOGIN_RATE_ACCOUNT=3))
    body = {"email": person.email, "password": new_password()}
    jobs = [lambda client: client.request("POST", "/v1/auth/login", body, headers={"Authorization": None})] * 12
    statuses = [answer.status_code for answer in person.in_parallel(jobs, 12)]
    assert sorted(statuses) == [401] * 3 + [429] * 9


def test_a_change_of_password_is_limited_likewise(stack, at):
    """It is another place to guess at, with a stolen token."""
    person = elsewhere(stack.person(), at(BILLD_LOGIN_RATE_ACCOUNT=3))
    statuses = [person.try_change(new_password(), current=new_password()).status_code for _ in range(5)]
    assert statuses == [401, 401, 401, 429, 429]


def test_the_limit_passes(stack, at):
    """What a minute gives flows in all the time."""
    person = elsewhere(stack.person(), at(BILLD_LOGIN_RATE_ACCOUNT=20))
    assert tries(person, 22)[-1] == 429
    eventually(lambda: person.try_log_in().status_code == 200, "the person is let in again", 15, 0.5)


# From where


def test_an_address_has_a_limit_of_failures(stack, at):
    """Whatever accounts it tries."""
    url = at(BILLD_LOGIN_RATE_ADDRESS=4)
    person = elsewhere(stack.person(), url)
    statuses = [tries(person, 1, email=new_email())[0] for _ in range(6)]
    assert statuses == [401] * 4 + [429] * 2
    assert person.try_log_in().status_code == 429


def test_a_header_of_the_client_is_not_believed(stack, at):
    """Unless the settings say that a proxy writes it: else everybody had as many addresses as wishes."""
    person = elsewhere(stack.person(), at(BILLD_LOGIN_RATE_ADDRESS=4, BILLD_FORWARDED=0))
    statuses = [log_in_from(person, f"192.0.2.{n}", new_email()).status_code for n in range(6)]
    assert statuses == [401] * 4 + [429] * 2


def log_in_from(person, forwarded, email, password=None):
    headers = {"X-Forwarded-For": forwarded, "Authorization": None}
    body = {"email": email, "password": password or new_password()}
    return person.request("POST", "/v1/auth/login", body, headers=headers)


ADDRESSES = {
    "one address": ("192.0.2.1", "192.0.2.1", True),
    "another address": ("192.0.2.2", "192.0.2.3", False),
    "what the client wrote before": ("10.0.0.1, 192.0.2.4", "10.9.9.9, 192.0.2.4", True),
    "spaces": ("192.0.2.5", "1.1.1.1 ,  192.0.2.5 ", True),
    "another last entry": ("10.0.0.1, 192.0.2.6", "10.0.0.1, 192.0.2.7", False),
    "an IPv6 address": ("2001:db8:1::1", "2001:db8:1::1", True),
    "its other form": ("2001:db8:2::1", "2001:0DB8:2:0:0:0:0:1", True),
    "the same /64": ("2001:db8:3::1", "2001:db8:3::ffff:2", True),
    "another /64": ("2001:db8:4:1::1", "2001:db8:4:2::1", False),
    "an IPv4 address in IPv6": ("192.0.2.8", "::ffff:192.0.2.8", True),
}


@pytest.mark.parametrize(("first", "second", "same"), ADDRESSES.values(), ids=ADDRESSES.keys())
def test_behind_a_proxy_the_last_entry_counts(stack, at, first, second, same):
    """It is the one that the proxy wrote."""
    person = elsewhere(stack.nobody(), at(BILLD_LOGIN_RATE_ADDRESS=3, BILLD_FORWARDED=1))
    for _ in range(3):
        assert log_in_from(person, first, new_email()).status_code == 401
    assert log_in_from(person, first, new_email()).status_code == 429
    assert log_in_from(person, second, new_email()).status_code == (429 if same else 401)


@pytest.mark.parametrize(
    "forwarded", ["", "x", "192.0.2.300", "192.0.2.1, unknown", "[2001:db8::1]", "192.0.2.1;", "a" * 4000]
)
def test_what_is_no_address_counts_for_the_proxy(stack, at, forwarded):
    """It is answered, and never taken for somebody."""
    person = elsewhere(stack.person(), at(BILLD_FORWARDED=1))
    client = person.found()
    answer = log_in_from(person, forwarded, person.email, person.password)
    assert answer.status_code == 200, answer.text
    entry = entry_of(client, answer)
    assert entry["address"] == "127.0.0.1"


# Refresh tokens


def show_from(person, forwarded, token, path="refresh"):
    """The status of an exchange, or a log-out, that shows a token from that address."""
    headers = {"X-Forwarded-For": forwarded, "Authorization": None}
    return person.request("POST", f"/v1/auth/{path}", {"refresh_token": token}, headers=headers).status_code


def made_up():
    return "billd_refresh_" + secrets.token_urlsafe(32)


MADE_UP = {
    "of our form": (made_up, "refresh", "198.51.100.10", 401),
    "of no form": (lambda: "x", "refresh", "198.51.100.11", 401),
    "to log out with": (made_up, "logout", "198.51.100.12", 204),
}


@pytest.mark.parametrize(("token", "path", "address", "status"), MADE_UP.values(), ids=MADE_UP.keys())
def test_made_up_refresh_tokens_count_for_their_address(stack, at, token, path, address, status):
    """As wrong passwords do. A good one is not looked at there then, and stays good: nobody elsewhere is held up."""
    person = elsewhere(stack.person(), at(BILLD_LOGIN_RATE_ADDRESS=4, BILLD_FORWARDED=1))
    assert [show_from(person, address, token(), path) for _ in range(6)] == [status] * 4 + [429] * 2
    assert show_from(person, address, person.refresh_token) == 429
    assert log_in_from(person, address, person.email, person.password).status_code == 429
    assert show_from(person, "198.51.100.20", person.refresh_token) == 200


def test_wrong_passwords_and_made_up_tokens_count_together(stack, at):
    """Who may guess four times may not guess eight times."""
    person = elsewhere(stack.person(), at(BILLD_LOGIN_RATE_ADDRESS=4, BILLD_FORWARDED=1))
    address = "198.51.100.13"
    assert [log_in_from(person, address, new_email()).status_code for _ in range(3)] == [401] * 3
    assert [show_from(person, address, made_up()) for _ in range(2)] == [401, 429]


def test_tokens_of_ours_cost_nothing(stack, at):
    """Good ones, and those that are good no more: a device that was logged out holds up nobody who is beside it."""
    person = elsewhere(stack.person(), at(BILLD_LOGIN_RATE_ADDRESS=4, BILLD_FORWARDED=1))
    address, old = "198.51.100.14", person.refresh_token
    for _ in range(10):
        person.take(person.request("POST", "/v1/auth/refresh", {"refresh_token": person.refresh_token},
                                   headers={"X-Forwarded-For": address, "Authorization": None}).json())  # fmt: skip
    assert [show_from(person, address, old) for _ in range(10)] == [401] * 10
    assert [show_from(person, address, old, "logout") for _ in range(10)] == [204] * 10
    assert [show_from(person, address, made_up()) for _ in range(5)] == [401] * 4 + [429]


def entry_of(client, answer):
    entries = client.all("/v1/audit-log")
    return next(entry for entry in entries if entry["request_id"] == answer.headers["X-Request-Id"])


@pytest.mark.parametrize("forwarded", ["198.51.100.7", "2001:db8::7"])
def test_the_audit_log_has_the_address(stack, at, forwarded):
    """Behind a proxy that of the client, of an action and of a command; else that of the connection."""
    person = stack.person()
    client = person.found()
    headers = {"X-Forwarded-For": f"10.0.0.1, {forwarded}"}
    for url, expected in ((at(BILLD_FORWARDED=1), forwarded), (stack.url, "127.0.0.1")):
        behind = client.at(url)
        answer = behind.request("POST", "/v1/api-keys", {"name": "k", "role": "viewer"}, headers=headers)
        assert entry_of(client, answer)["address"] == expected
        answer = behind.request("POST", "/v1/customers", {"name": "Ada"}, headers=headers)
        client.outcome(answer.json()["operation_id"])
        assert entry_of(client, answer)["address"] == expected
