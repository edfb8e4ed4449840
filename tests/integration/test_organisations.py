"""Organisations, their members, invitations and keys: who may do what to whom, and what two at the same moment do."""

import re
import time
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from client import at_once, slug
from money import GHOST
from people import ROLES, invite, members_path, new_email
from waiting import PATIENCE, eventually

SECONDS = 5  # until a change is known everywhere
NEW = {"name": "Example Ltd.", "currency": "EUR", "timezone": "Europe/Vienna"}


@pytest.fixture
def team(stack):
    """A team of the test's own."""
    return stack.team()


@pytest.fixture(scope="module")
def shared(stack):
    """For tests that change nothing but what they made."""
    return stack.team("Shared")


def organisation_path(client):
    return f"/v1/organisations/{client.organisation_id}"


def invitations_path(client):
    return organisation_path(client) + "/invitations"


def member_path(client, person):
    return f"{members_path(client)}/{person.id}"


def roles_of(client):
    """{user id: role}"""
    return {member["user_id"]: member["role"] for member in client.all(members_path(client))}


def accept(person, token):
    return person.request("POST", "/v1/invitations/accept", {"token": token})


def refused_invitation(person, token):
    person.refused(409, "bad-invitation", "POST", "/v1/invitations/accept", {"token": token})


def joined(client, stack, role="viewer"):
    """A new member with that role."""
    person = stack.person(role.title())
    person.accept(invite(client, person.email, role)["token"])
    return person


# Organisations


def test_an_organisation_is_made_and_shown(stack):
    """By a user, who owns it, sees it, and bills in it."""
    person = stack.person()
    made = person.made("/v1/organisations", NEW | {"country": "AT", "settings": {"footer": "Thank you."}})
    assert {name: made[name] for name in NEW} == NEW
    assert made["country"] == "AT" and made["settings"] == {"footer": "Thank you."} and made["test"] is False
    client = person.acting_in(made["id"])
    assert client.get(organisation_path(client)) == made
    assert [one["id"] for one in person.get("/v1/organisations")["data"]] == [made["id"]]
    assert roles_of(client) == {person.id: "owner"}
    customer = client.get(f"/v1/customers/{client.customer()}")
    assert (customer["currency"], customer["timezone"]) == ("EUR", "Europe/Vienna")


def test_lists_show_ones_own_organisations(stack):
    """In pages, newest first, for a user; its one, for a key; nobody else's."""
    person, other = stack.person(), stack.person()
    mine = [person.found(name=f"Mine {n}").organisation_id for n in range(3)]
    theirs = other.found(name="Theirs")
    guest = [theirs.organisation_id]
    person.accept(invite(theirs, person.email, "viewer")["token"])
    pages = list(person.pages("/v1/organisations", 2))
    assert [one["id"] for page in pages for one in page] == guest + mine[::-1]
    assert [one["id"] for one in other.all("/v1/organisations")] == guest
    key = theirs.made("/v1/api-keys", {"name": "k", "role": "owner"})["key"]
    assert [one["id"] for one in stack.client(guest[0], key).all("/v1/organisations")] == guest


def test_an_organisation_is_changed_where_it_is_told(stack):
    """What is not given stays; an empty value takes a setting away; new customers take the new time zone."""
    client = stack.person().found(**NEW, country="AT", settings={"a": "1", "b": "2"})
    path = organisation_path(client)
    before = client.get(path)
    changed = client.done("PATCH", path, {"name": "Example & Daughters", "settings": {"b": "", "c": "3"}})
    expected = before | {"name": "Example & Daughters", "settings": {"a": "1", "c": "3"}}
    assert changed | {"updated_at": before["updated_at"]} == expected
    assert changed["updated_at"] >= before["updated_at"] and client.get(path) == changed
    client.done("PATCH", path, {"timezone": "Asia/Tokyo", "country": ""})
    assert client.get(path)["country"] is None
    eventually(
        lambda: client.get(f"/v1/customers/{client.customer()}")["timezone"] == "Asia/Tokyo", "the new zone", SECONDS
    )


BAD_ORGANISATIONS = [
    ({"name": ""}, "/name"),
    ({"name": "x" * 201}, "/name"),
    ({"currency": "eur"}, "/currency"),
    ({"currency": "ZZZ"}, "/currency"),
    ({"timezone": "Europe/Nowhere"}, "/timezone"),
    ({"timezone": "../../etc/passwd"}, "/timezone"),
    ({"country": "XY"}, "/country"),
    ({"settings": {"k": 1}}, "/settings/k"),
    ({"settings": {"k" * 41: "v"}}, "/settings/" + "k" * 41),
    ({"settings": {"k": "v" * 501}}, "/settings/k"),
    ({"settings": {str(n): "v" for n in range(51)}}, "/settings"),
    ({"test": "yes"}, "/test"),
    ({"id": GHOST}, "/id"),
    ({"role": "owner"}, "/role"),
]


@pytest.mark.parametrize(("fault", "pointer"), BAD_ORGANISATIONS, ids=[str(row[0])[:30] for row in BAD_ORGANISATIONS])
def test_a_bad_organisation_is_refused(stack, shared, fault, pointer):
    """422, at the place; nothing is made. What cannot be changed is an unknown field of the change."""
    person = shared.people["owner"]
    before = person.get("/v1/me")["memberships"]
    person.refused(422, "invalid-body", "POST", "/v1/organisations", NEW | fault, [pointer])
    shared.owner.refused(422, "invalid-body", "PATCH", organisation_path(shared.owner), fault, [pointer])
    assert person.get("/v1/me")["memberships"] == before


def test_the_currency_stays(shared):
    """It is no field of a change."""
    path = organisation_path(shared.owner)
    shared.owner.refused(422, "invalid-body", "PATCH", path, {"currency": "EUR"}, ["/currency"])


# Invitations


def test_an_invitation_is_accepted_by_a_user(stack, team):
    """The token is shown to whoever invites, once; the invited becomes a member with the role."""
    person = stack.person()
    made = invite(team.owner, person.email, "billing")
    assert made["status"] == "open" and made["email"] == person.email and made["role"] == "billing"
    assert re.fullmatch(r"billd_invite_[A-Za-z0-9_-]{43}", made["token"])
    lasts = datetime.fromisoformat(made["expires_at"]) - datetime.now(UTC)
    assert timedelta(days=6) < lasts < timedelta(days=8)
    membership = person.accept(made["token"])
    assert membership["role"] == "billing" and membership["organisation"]["id"] == team.organisation_id
    assert roles_of(team.owner)[person.id] == "billing"
    person.acting_in(team.organisation_id).customer()
    [listed] = [one for one in team.owner.all(invitations_path(team.owner)) if one["id"] == made["id"]]
    assert listed["status"] == "accepted" and "token" not in listed


def test_an_invitation_is_accepted_at_registration(stack, team):
    """Both or none: with a bad one nobody is registered."""
    person = stack.nobody()
    made = invite(team.owner, person.email.upper(), "admin")
    person.refused_registration(409, "bad-invitation", invitation_token=made["token"][:-1] + "!")
    person.refused_registration(409, "bad-invitation", invitation_token=made["token"], email=new_email())
    assert person.try_log_in().status_code == 401
    person.register(invitation_token=made["token"])
    person.log_in()
    assert roles_of(team.owner)[person.id] == "admin"
    assert [one["role"] for one in person.get("/v1/me")["memberships"]] == ["admin"]


def expired(stack, team, person):
    made = invite(team.owner, person.email, "viewer")
    sql = f"UPDATE identity.invitations SET expires_at = now() - interval '1 second' WHERE id = '{made['id']}'"
    assert stack.superuser(sql) == "UPDATE 1"
    return made["token"]


def revoked(stack, team, person):
    made = invite(team.owner, person.email, "viewer")
    path = f"{invitations_path(team.owner)}/{made['id']}"
    assert team.owner.done("DELETE", path) is None
    team.owner.done("DELETE", path)  # again does no harm
    return made["token"]


def replaced(stack, team, person):
    old = invite(team.owner, person.email, "admin")
    invite(team.owner, person.email, "viewer")
    return old["token"]


def used(stack, team, person):
    """By the same person, who was removed since."""
    made = invite(team.owner, person.email, "viewer")
    person.accept(made["token"])
    team.owner.done("DELETE", member_path(team.owner, person))
    return made["token"]


def of_a_member_who_left(stack, team, person):
    """Who invited is no member any more."""
    admin = joined(team.owner, stack, "admin")
    made = invite(admin.acting_in(team.organisation_id), person.email, "viewer")
    team.owner.done("DELETE", member_path(team.owner, admin))
    return made["token"]


BAD_INVITATIONS = {
    "expired": expired,
    "revoked": revoked,
    "replaced by another one": replaced,
    "used": used,
    "made by somebody who was removed": of_a_member_who_left,
    "of another address": lambda stack, team, person: invite(team.owner, new_email(), "viewer")["token"],
    "of an address that begins likewise": lambda stack, team, person: invite(
        team.owner, person.email + ".example.com", "viewer"
    )["token"],
    "unknown": lambda stack, team, person: "billd_invite_" + "A" * 43,
    "of another form": lambda stack, team, person: "x",
    "an API key": lambda stack, team, person: team.keys["owner"].key,
    "a refresh token": lambda stack, team, person: person.refresh_token,
}


@pytest.mark.parametrize("make", BAD_INVITATIONS.values(), ids=BAD_INVITATIONS.keys())
def test_a_bad_invitation_is_refused(stack, shared, make):
    """409 bad-invitation, to a user and at registration, and nobody becomes a member."""
    person, before = stack.person(), roles_of(shared.owner)
    token = make(stack, shared, person)
    refused_invitation(person, token)
    stack.nobody().refused_registration(409, "bad-invitation", invitation_token=token)
    assert roles_of(shared.owner) == before
    assert person.get("/v1/me")["memberships"] == []


def test_the_one_that_replaced_is_good(stack, shared):
    """With its own role; one open invitation for each address."""
    person = stack.person()
    invite(shared.owner, person.email, "admin")
    last = invite(shared.owner, person.email.upper(), "viewer")
    states = [
        i["status"] for i in shared.owner.all(invitations_path(shared.owner)) if i["email"].lower() == person.email
    ]
    assert sorted(states) == ["open", "revoked"]
    assert person.accept(last["token"])["role"] == "viewer"


def test_a_member_is_not_invited_again(stack, shared):
    """409 already-member, in whatever letters."""
    email = shared.people["viewer"].email
    for written in (email, email.upper()):
        body = {"email": written, "role": "admin"}
        shared.owner.refused(409, "already-member", "POST", members_path(shared.owner), body)
    assert roles_of(shared.owner)[shared.people["viewer"].id] == "viewer"


BAD_INVITES = [
    ({"email": "x", "role": "viewer"}, ["/email"]),
    ({"email": "a@b.de"}, None),
    ({"email": "a@b.de", "role": "root"}, ["/role"]),
    ({"email": "a@b.de", "role": "Owner"}, ["/role"]),
    ({"email": "a@b.de", "role": None}, ["/role"]),
    ({"email": ["a@b.de"], "role": "viewer"}, ["/email"]),
    ({"email": "a@b.de", "role": "viewer", "expires_at": "2100-01-01T00:00:00Z"}, ["/expires_at"]),
]


@pytest.mark.parametrize(("body", "pointers"), BAD_INVITES, ids=[str(row[0]) for row in BAD_INVITES])
def test_a_bad_invite_is_refused(shared, body, pointers):
    """422, at the place."""
    shared.owner.refused(422, "invalid-body", "POST", members_path(shared.owner), body, pointers)


def test_an_invitation_accepted_twice_at_the_same_moment(stack, team):
    """One membership: one is told so, the others that the invitation is used."""
    for _ in range(3):
        person = stack.person()
        token = invite(team.owner, person.email, "viewer")["token"]
        answers = person.in_parallel([lambda c, t=token: accept(c, t)] * 4, 4)
        assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
        assert roles_of(team.owner)[person.id] == "viewer"


def test_an_invitation_accepted_and_revoked_at_the_same_moment(stack, team):
    """Either a member by an accepted one, or none by a revoked one."""
    for _ in range(5):
        person = stack.person()
        made = invite(team.owner, person.email, "viewer")
        path = f"{invitations_path(team.owner)}/{made['id']}"
        taken, ended = at_once(partial(accept, person, made["token"]), partial(team.owner.request, "DELETE", path))
        [state] = [one["status"] for one in team.owner.all(invitations_path(team.owner)) if one["id"] == made["id"]]
        member = person.id in roles_of(team.owner)
        assert (taken.status_code, ended.status_code, state, member) in [
            (200, 409, "accepted", True),
            (409, 204, "revoked", False),
        ]


def test_two_invitations_of_one_address_at_the_same_moment(stack, team):
    """One is open at the end, and only its token is good."""
    person = stack.person()
    body = {"email": person.email, "role": "viewer"}
    path = members_path(team.owner)
    answers = team.owner.in_parallel([lambda c: c.request("POST", path, body)] * 4, 4)
    assert {answer.status_code for answer in answers} <= {201, 409}
    tokens = [answer.json()["token"] for answer in answers if answer.status_code == 201]
    states = [one["status"] for one in team.owner.all(invitations_path(team.owner)) if one["email"] == person.email]
    assert states.count("open") == 1 and len(states) == len(tokens)
    assert sorted(accept(person, token).status_code for token in tokens) == [200] + [409] * (len(tokens) - 1)


# Roles

MAY_GRANT = {"owner": set(ROLES), "admin": {"viewer", "billing", "admin"}, "billing": set(), "viewer": set()}


@pytest.mark.parametrize("by", ["member", "key"])
@pytest.mark.parametrize("granted", ROLES)
@pytest.mark.parametrize("role", ROLES)
def test_who_may_give_which_role(shared, role, granted, by):
    """An owner any, an admin all but ownership, others none: by invitations and keys alike."""
    client = (shared.members if by == "member" else shared.keys)[role]
    invitation = {"email": new_email(), "role": granted}
    key = {"name": "g", "role": granted}
    if granted in MAY_GRANT[role]:
        assert client.made(members_path(client), invitation)["role"] == granted
        assert client.made("/v1/api-keys", key)["role"] == granted
    else:
        client.refused(403, "forbidden", "POST", members_path(client), invitation)
        client.refused(403, "forbidden", "POST", "/v1/api-keys", key)


@pytest.mark.parametrize("by", ["member", "key"])
@pytest.mark.parametrize("role", ["billing", "admin", "owner"])
def test_who_may_change_whose_role(stack, team, role, by):
    """From each role to each: both must be in one's gift, so an admin touches no owner and makes none."""
    client = (team.members if by == "member" else team.keys)[role]
    target = joined(team.owner, stack)
    wrong = {}
    for old in ROLES:
        for new in ROLES:
            team.owner.done("PATCH", member_path(team.owner, target), {"role": old})
            answer = client.request("PATCH", member_path(client, target), {"role": new})
            allowed = {old, new} <= MAY_GRANT[role]
            expected = (200, new) if allowed else (403, old)
            if (answer.status_code, roles_of(team.owner)[target.id]) != expected:
                wrong[old, new] = answer.text
    assert wrong == {}


@pytest.mark.parametrize("role", ["billing", "admin", "owner"])
def test_who_may_remove_whom(stack, team, role):
    """Whom one could have given the role."""
    client, wrong = team.members[role], {}
    for old in ROLES:
        target = joined(team.owner, stack, old)
        answer = client.request("DELETE", member_path(client, target))
        allowed = old in MAY_GRANT[role]
        if (answer.status_code, target.id in roles_of(team.owner)) != ((204, False) if allowed else (403, True)):
            wrong[old] = answer.text
    assert wrong == {}


@pytest.mark.parametrize("role", ["viewer", "billing", "admin"])
def test_everybody_may_leave(team, role):
    """And is no member then, with what the organisation has out of reach; a second time there is nobody."""
    client, person = team.members[role], team.people[role]
    assert client.done("DELETE", member_path(client, person)) is None
    assert person.id not in roles_of(team.owner)
    team.owner.refused(404, "not-found", "DELETE", member_path(team.owner, person))
    eventually(lambda: client.request("GET", "/v1/customers").status_code == 403, "out of reach", SECONDS)
    assert person.get("/v1/me")["memberships"] == []


def test_a_key_has_no_self_to_remove(team):
    """A viewer's key cannot remove the viewer."""
    client = team.keys["viewer"]
    client.refused(403, "forbidden", "DELETE", member_path(client, team.people["viewer"]))


def test_who_comes_back_has_what_was_given_last(stack, team):
    """Removed, invited again with less: the old role is not found again in any cache."""
    person = joined(team.owner, stack, "billing")
    client = person.acting_in(team.organisation_id)
    client.customer()
    team.owner.done("DELETE", member_path(team.owner, person))
    person.accept(invite(team.owner, person.email, "viewer")["token"])
    eventually(
        lambda: client.request("POST", "/v1/customers", {"name": "x"}).status_code == 403, "it is refused", SECONDS
    )
    eventually(lambda: client.request("GET", "/v1/customers").status_code == 200, "reads are let in", SECONDS)


def test_members_are_listed_in_pages(stack, shared):
    """All, once, newest first, with what the organisation knows of them."""
    listed = [member for page in shared.owner.pages(members_path(shared.owner), 2) for member in page]
    assert len({member["user_id"] for member in listed}) == len(listed) >= 4
    assert listed[-1]["user_id"] == shared.people["owner"].id
    times = [member["created_at"] for member in listed]
    assert times == sorted(times, reverse=True)
    assert set(listed[0]) == {"user_id", "email", "name", "role", "created_at"}


# The last owner


def test_the_last_owner_stays(stack, team):
    """409, for a demotion and for leaving; with another owner both go."""
    client, person = team.owner, team.people["owner"]
    path = member_path(client, person)
    client.refused(409, "last-owner", "PATCH", path, {"role": "admin"})
    client.refused(409, "last-owner", "DELETE", path)
    key = team.keys["owner"]
    key.refused(409, "last-owner", "PATCH", path, {"role": "viewer"})
    key.refused(409, "last-owner", "DELETE", path)
    other = joined(client, stack, "owner")
    client.done("PATCH", path, {"role": "admin"})
    assert roles_of(client)[person.id] == "admin"
    successor = other.acting_in(team.organisation_id)
    successor.refused(409, "last-owner", "DELETE", member_path(successor, other))


def two_owners(stack):
    """An organisation with two, and the client of each with the member's path."""
    first = stack.person("First").found()
    people = [joined(first, stack, "owner"), joined(first, stack, "owner")]
    founder = next(iter(set(roles_of(first)) - {person.id for person in people}))
    first.done("DELETE", f"{members_path(first)}/{founder}")
    return [(person.acting_in(first.organisation_id), member_path(first, person)) for person in people]


def owners_left(stack, organisation_id):
    return int(
        stack.superuser(
            f"SELECT count(*) FROM identity.memberships WHERE organisation_id = '{organisation_id}' AND role = 'owner'"
        )
    )


AT_ODDS = {
    "both leave": ("DELETE", None, "own"),
    "both step down": ("PATCH", {"role": "viewer"}, "own"),
    "each removes the other": ("DELETE", None, "other"),
    "each demotes the other": ("PATCH", {"role": "admin"}, "other"),
}


@pytest.mark.parametrize(("method", "body", "whose"), AT_ODDS.values(), ids=AT_ODDS.keys())
def test_two_owners_at_the_same_moment(stack, method, body, whose):
    """One of them stays owner, whatever they do to themselves or each other."""
    for _ in range(4):
        (one, own), (two, other) = two_owners(stack)
        if whose == "other":
            own, other = other, own
        jobs = [partial(client.request, method, path, body) for client, path in ((one, own), (two, other))]
        answers = at_once(*jobs)
        statuses = sorted(answer.status_code for answer in answers)
        assert statuses[0] in (200, 204) and statuses[1] in (403, 404, 409), [answer.text for answer in answers]
        assert owners_left(stack, one.organisation_id) == 1


@pytest.mark.parametrize("role", ["api", "owner"])
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "UPDATE {} SET role = 'viewer'"])
def test_the_database_keeps_the_last_owner(stack, shared, role, statement):
    """Where the code would forget: by a trigger, for every role that may write there."""
    sql = statement.format("identity.memberships") + " WHERE organisation_id = %s AND role = 'owner'"
    with stack.connect(role, shared.organisation_id) as connection, pytest.raises(Exception, match="last owner"):
        connection.execute(sql, [shared.organisation_id])


# API keys


def test_a_key_is_shown_once(stack, team):
    """Later its beginning alone, which tells it from others but opens nothing."""
    made = team.owner.made("/v1/api-keys", {"name": "CI", "role": "billing"})
    key = made["key"]
    assert re.fullmatch(r"billd_live_[A-Za-z0-9_-]{43}", key)
    client = stack.client(team.organisation_id, key)
    client.customer()
    [listed] = [one for one in team.owner.all("/v1/api-keys") if one["id"] == made["id"]]
    assert (listed["name"], listed["role"], listed["expires_at"], listed["revoked_at"]) == ("CI", "billing", None, None)
    assert listed["created_by"] == f"user:{team.people['owner'].id}"
    assert key.startswith(listed["prefix"]) and len("billd_live_") < len(listed["prefix"]) <= 20
    whole = team.owner.request("GET", "/v1/api-keys").text
    assert key[len(listed["prefix"]) :] not in whole


def test_a_test_organisations_keys_say_so(stack):
    """billd_test_… there, billd_live_… elsewhere; the database's own, too."""
    person = stack.person()
    for test, prefix in ((True, "billd_test_"), (False, "billd_live_")):
        client = person.found(test=test)
        made = client.made("/v1/api-keys", {"name": "k", "role": "viewer"})
        assert made["key"].startswith(prefix) and made["prefix"].startswith(prefix)
        assert stack.client(client.organisation_id, made["key"]).get("/v1/customers")["data"] == []
        assert stack.api_key(client.organisation_id).startswith(prefix)
        changed = made["key"].replace(prefix, "billd_live_" if test else "billd_test_")
        assert stack.client(client.organisation_id, changed).request("GET", "/v1/customers").status_code == 401


def test_the_last_use_of_a_key_is_told(stack, team):
    """Within seconds, and not of a key that nobody used."""
    used_key, idle = (team.owner.made("/v1/api-keys", {"name": n, "role": "viewer"}) for n in ("used", "idle"))
    began = datetime.now(UTC).replace(microsecond=0)
    stack.client(team.organisation_id, used_key["key"]).get("/v1/customers")

    def last_use(made):
        return next(one["last_used_at"] for one in team.owner.all("/v1/api-keys") if one["id"] == made["id"])

    told = eventually(lambda: last_use(used_key), "the use is told", 10)
    assert timedelta(seconds=-2) <= datetime.fromisoformat(told) - began < timedelta(seconds=20)
    assert last_use(idle) is None


def test_an_expired_key_is_refused(stack, team):
    """It is good until then, also in the caches, and 401 from then on."""
    wanted = (datetime.now(UTC) + timedelta(seconds=5 * PATIENCE)).strftime("%Y-%m-%dT%H:%M:%SZ")
    made = team.owner.made("/v1/api-keys", {"name": "e", "role": "billing", "expires_at": wanted})
    assert made["expires_at"] == wanted
    ends, statuses = datetime.fromisoformat(wanted), []
    client = stack.client(team.organisation_id, made["key"])
    while datetime.now(UTC) < ends - timedelta(seconds=1):
        statuses.append(client.request("GET", "/v1/customers").status_code)
        time.sleep(0.2)
    assert 200 in statuses and set(statuses[:-1]) <= {200}  # the last one may have come late
    eventually(lambda: client.request("GET", "/v1/customers").status_code == 401, "it is refused", 6)
    assert datetime.now(UTC) >= ends
    client.refused(401, "unauthorized", "POST", "/v1/customers", {"name": "x"})


BAD_KEYS = [
    ({"name": "", "role": "viewer"}, ["/name"]),
    ({"name": "x" * 201, "role": "viewer"}, ["/name"]),
    ({"name": "k", "role": "root"}, ["/role"]),
    ({"name": "k"}, None),
    ({"name": "k", "role": "viewer", "expires_at": "2020-01-01T00:00:00Z"}, ["/expires_at"]),
    ({"name": "k", "role": "viewer", "expires_at": "tomorrow"}, ["/expires_at"]),
    ({"name": "k", "role": "viewer", "expires_at": 1}, ["/expires_at"]),
    ({"name": "k", "role": "viewer", "key": "billd_live_" + "A" * 43}, ["/key"]),
    ({"name": "k", "role": "viewer", "organisation_id": GHOST}, ["/organisation_id"]),
]


@pytest.mark.parametrize(("body", "pointers"), BAD_KEYS, ids=[str(row[0])[:50] for row in BAD_KEYS])
def test_a_bad_key_is_refused(shared, body, pointers):
    """422, at the place."""
    shared.owner.refused(422, "invalid-body", "POST", "/v1/api-keys", body, pointers)


def test_a_revoked_key_is_refused_within_seconds(stack, team):
    """Reads and commands; to revoke it again does no harm, and what never was is not found."""
    made = team.owner.made("/v1/api-keys", {"name": "r", "role": "billing"})
    client = stack.client(team.organisation_id, made["key"])
    client.customer()
    path = f"/v1/api-keys/{made['id']}"
    assert team.owner.done("DELETE", path) is None
    eventually(lambda: client.request("GET", "/v1/customers").status_code == 401, "reads are refused", SECONDS)
    client.refused(401, "unauthorized", "POST", "/v1/customers", {"name": "x"})
    team.owner.done("DELETE", path)
    [listed] = [one for one in team.owner.all("/v1/api-keys") if one["id"] == made["id"]]
    assert listed["revoked_at"]
    team.owner.refused(404, "not-found", "DELETE", f"/v1/api-keys/{GHOST}")


def test_a_key_may_revoke_itself(stack, team):
    """As whoever notices that it leaked would do."""
    key = team.keys["admin"]
    key.done("DELETE", f"/v1/api-keys/{team.key_ids['admin']}")
    eventually(lambda: key.request("GET", "/v1/customers").status_code == 401, "it is refused", SECONDS)


def test_keys_and_members_are_apart(stack, team):
    """A key outlives the member who made it, with its own role; revoking it is another's task."""
    admin = joined(team.owner, stack, "admin")
    made = admin.acting_in(team.organisation_id).made("/v1/api-keys", {"name": "a", "role": "billing"})
    team.owner.done("DELETE", member_path(team.owner, admin))
    stack.client(team.organisation_id, made["key"]).customer()


# Teams beside each other


def test_people_are_in_several_organisations(stack):
    """With a role in each, told apart by the header alone."""
    one, two = stack.team("One"), stack.team("Two")
    person = one.people["viewer"]
    person.accept(invite(two.owner, person.email, "admin")["token"])
    first, second = person.acting_in(one.organisation_id), person.acting_in(two.organisation_id)
    first.refused(403, "forbidden", "POST", "/v1/customers", {"name": "x"})
    customer_id = second.customer()
    second.get(f"/v1/customers/{customer_id}")
    first.refused(404, "not-found", "GET", f"/v1/customers/{customer_id}")
    answer = first.request("GET", "/v1/api-keys")
    assert (answer.status_code, slug(answer.json())) == (403, "forbidden")
    assert second.request("GET", "/v1/api-keys").status_code == 200
