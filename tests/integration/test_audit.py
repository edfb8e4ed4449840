"""The audit log: who did what, when, from where, by which key or session, on which resource, and what came of it."""

import base64
import json
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from people import invite, members_path, new_email, new_password
from waiting import eventually

FIELDS = {"id", "at", "actor", "address", "request_id", "action", "resource", "outcome", "details"}


def session_id(client):
    claims = client.key.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["sid"]


def by_user(person):
    return f"user:{person.id}:{session_id(person)}"


def by_key(team, role):
    return f"api_key:{team.key_ids[role]}"


@pytest.fixture(scope="module")
def team(stack):
    return stack.team("Audited")


def log_of(client, limit=100):
    return client.all("/v1/audit-log", limit)


def entry_of(team, answer, seconds=20):
    """What the log has of one request; of a command once it has taken effect."""
    request_id = answer.headers["X-Request-Id"]

    def find():
        page = team.owner.get("/v1/audit-log", params={"limit": 100})["data"]
        return [entry for entry in page if entry["request_id"] == request_id]

    [entry] = eventually(find, f"the log has the request {request_id}", seconds, 0.1)
    return entry


@dataclass
class Did:
    """A request that was answered, and what the log must say of it."""

    answer: object
    actor: str
    action: str
    resource: tuple = None
    outcome: str = "succeeded"
    details: dict = field(default_factory=dict)


def organisation_update(stack, team):
    path = f"/v1/organisations/{team.organisation_id}"
    answer = team.owner.request("PATCH", path, {"name": "Audited again"})
    return Did(answer, by_user(team.people["owner"]), "organisation.update", ("organisation", team.organisation_id))


def member_invite(stack, team):
    email = new_email()
    answer = team.members["admin"].request("POST", members_path(team.owner), {"email": email, "role": "viewer"})
    resource = "invitation", answer.json()["id"]
    return Did(
        answer, by_user(team.people["admin"]), "member.invite", resource, details={"email": email, "role": "viewer"}
    )


def member_invite_by_a_key(stack, team):
    answer = team.keys["admin"].request("POST", members_path(team.owner), {"email": new_email(), "role": "viewer"})
    return Did(answer, by_key(team, "admin"), "member.invite", ("invitation", answer.json()["id"]))


def member_invite_refused(stack, team):
    """Who asks for more than is in his gift is noted, too."""
    email = new_email()
    answer = team.members["admin"].request("POST", members_path(team.owner), {"email": email, "role": "owner"})
    details = {"email": email, "role": "owner"}
    return Did(answer, by_user(team.people["admin"]), "member.invite", None, "forbidden", details)


def invitation_accept(stack, team):
    person = stack.person()
    made = invite(team.owner, person.email, "viewer")
    answer = person.request("POST", "/v1/invitations/accept", {"token": made["token"]})
    return Did(answer, by_user(person), "invitation.accept", ("invitation", made["id"]))


def invitation_revoke(stack, team):
    made = invite(team.owner, new_email(), "viewer")
    answer = team.owner.request("DELETE", f"/v1/organisations/{team.organisation_id}/invitations/{made['id']}")
    return Did(answer, by_user(team.people["owner"]), "invitation.revoke", ("invitation", made["id"]))


def joined(stack, team, role="viewer"):
    person = stack.person()
    person.accept(invite(team.owner, person.email, role)["token"])
    return person


def member_update(stack, team):
    person = joined(stack, team)
    answer = team.owner.request("PATCH", f"{members_path(team.owner)}/{person.id}", {"role": "billing"})
    details = {"from": "viewer", "to": "billing"}
    return Did(answer, by_user(team.people["owner"]), "member.update", ("member", person.id), details=details)


def member_remove(stack, team):
    person = joined(stack, team)
    answer = team.members["admin"].request("DELETE", f"{members_path(team.owner)}/{person.id}")
    return Did(
        answer, by_user(team.people["admin"]), "member.remove", ("member", person.id), details={"from": "viewer"}
    )


def member_leave(stack, team):
    person = joined(stack, team)
    answer = person.acting_in(team.organisation_id).request("DELETE", f"{members_path(team.owner)}/{person.id}")
    return Did(answer, by_user(person), "member.remove", ("member", person.id))


def api_key_create(stack, team):
    answer = team.owner.request("POST", "/v1/api-keys", {"name": "CI", "role": "viewer"})
    resource, details = ("api_key", answer.json()["id"]), {"name": "CI", "role": "viewer"}
    return Did(answer, by_user(team.people["owner"]), "api_key.create", resource, details=details)


def api_key_revoke(stack, team):
    made = team.owner.made("/v1/api-keys", {"name": "CI", "role": "viewer"})
    answer = team.keys["owner"].request("DELETE", f"/v1/api-keys/{made['id']}")
    return Did(answer, by_key(team, "owner"), "api_key.revoke", ("api_key", made["id"]))


def log_in(stack, team):
    person = joined(stack, team)
    answer = person.try_log_in()
    person.take(answer.json())
    return Did(answer, by_user(person), "session.login")


def log_in_refused(stack, team):
    """Somebody tries the passwords of a member: who, nobody knows; whose, the organisation is told."""
    person = joined(stack, team)
    answer = person.try_log_in(password=new_password())
    return Did(answer, "nobody", "session.login", ("user", person.id), "bad-credentials")


def refresh_reuse(stack, team):
    person = joined(stack, team)
    actor, token = by_user(person), person.refresh_token
    person.refresh()
    return Did(person.try_refresh(token), actor, "session.refresh_reuse", outcome="bad-credentials")


def log_out(stack, team):
    person = joined(stack, team)
    answer = person.request("POST", "/v1/auth/logout", {"refresh_token": person.refresh_token})
    return Did(answer, by_user(person), "session.logout")


def log_out_everywhere(stack, team):
    person = joined(stack, team)
    return Did(person.request("POST", "/v1/auth/logout-all"), by_user(person), "session.logout_all")


def password_change(stack, team):
    person = joined(stack, team)
    return Did(person.try_change(new_password()), by_user(person), "user.password_change")


def password_change_refused(stack, team):
    """Somebody has a member's access token, and wants more."""
    person = joined(stack, team)
    answer = person.try_change(new_password(), current=new_password())
    return Did(answer, by_user(person), "user.password_change", outcome="bad-credentials")


def command_by_a_user(stack, team):
    answer = team.members["billing"].request("POST", "/v1/customers", {"name": "Ada"})
    resource = "customer", answer.json()["resource"]["id"]
    return Did(answer, by_user(team.people["billing"]), "create_customer", resource)


def command_by_a_key(stack, team):
    answer = team.keys["billing"].request("POST", "/v1/customers", {"name": "Ada"})
    return Did(answer, by_key(team, "billing"), "create_customer", ("customer", answer.json()["resource"]["id"]))


def command_refused(stack, team):
    ghost = str(uuid.uuid4())
    answer = team.keys["billing"].request("PATCH", f"/v1/customers/{ghost}", {"name": "x"})
    return Did(answer, by_key(team, "billing"), "update_customer", ("customer", ghost), "customer-not-found")


DEEDS = [
    organisation_update, member_invite, member_invite_by_a_key, member_invite_refused, invitation_accept,
    invitation_revoke, member_update, member_remove, member_leave, api_key_create, api_key_revoke, log_in,
    log_in_refused, refresh_reuse, log_out, log_out_everywhere, password_change, password_change_refused,
    command_by_a_user, command_by_a_key, command_refused,
]  # fmt: skip


@pytest.mark.parametrize("deed", DEEDS, ids=[deed.__name__ for deed in DEEDS])
def test_each_deed_has_its_entry(stack, team, deed):
    """One, with all that is asked of it."""
    did = deed(stack, team)
    entry = entry_of(team, did.answer)
    assert set(entry) == FIELDS
    assert (entry["actor"], entry["action"], entry["outcome"]) == (did.actor, did.action, did.outcome), entry
    assert entry["address"] == "127.0.0.1"
    if did.resource or did.outcome == "forbidden":
        assert entry["resource"] == (dict(zip(("type", "id"), did.resource, strict=True)) if did.resource else None)
    assert did.details.items() <= (entry["details"] or {}).items()
    age = datetime.now(UTC) - datetime.fromisoformat(entry["at"])
    assert timedelta(seconds=-2) < age < timedelta(seconds=90), entry


def test_what_was_refused_at_the_door_is_no_deed(stack, team):
    """Reads, and requests without the right to it, leave nothing: who may do nothing fills no log."""
    before = len(log_of(team.owner))
    team.members["viewer"].request("GET", "/v1/customers")
    team.members["viewer"].refused(403, "forbidden", "POST", "/v1/customers", {"name": "x"})
    team.members["viewer"].refused(403, "forbidden", "POST", "/v1/api-keys", {"name": "x", "role": "viewer"})
    stack.person().acting_in(team.organisation_id).request("GET", "/v1/customers")
    team.owner.refused(422, "invalid-body", "POST", "/v1/api-keys", {"name": "x"})
    assert len(log_of(team.owner)) == before


def test_the_making_of_an_organisation_is_its_first_entry(stack):
    """By its founder."""
    person = stack.person()
    client = person.found()
    first = log_of(client)[-1]
    assert (first["action"], first["actor"]) == ("organisation.create", by_user(person))
    assert first["resource"] == {"type": "organisation", "id": client.organisation_id}


def test_a_registration_by_an_invitation_is_told(stack, team):
    """The new member is the actor, though nobody was logged in."""
    person = stack.nobody()
    answer = person.try_register(invitation_token=invite(team.owner, person.email, "viewer")["token"])
    request_id = answer.headers["X-Request-Id"]
    entries = [entry for entry in log_of(team.owner) if entry["request_id"] == request_id]
    told = {(entry["action"], entry["actor"]) for entry in entries}
    assert ("invitation.accept", f"user:{answer.json()['id']}") in told


def test_each_organisation_of_a_user_is_told(stack, team):
    """Of a log-in, which opens all of them; of what was done in one, that one alone."""
    person = joined(stack, team)
    own = person.found()
    answer = person.try_log_in()
    for client in (own, team.owner):
        assert answer.headers["X-Request-Id"] in [entry["request_id"] for entry in log_of(client)]
    answer = own.request("POST", "/v1/api-keys", {"name": "x", "role": "viewer"})
    assert answer.headers["X-Request-Id"] not in [entry["request_id"] for entry in log_of(team.owner)]


def test_nobody_sees_anothers(stack, team):
    """Two organisations' entries have nothing in common."""
    other = stack.team("Other")
    other.owner.customer()
    mine, theirs = log_of(team.owner), log_of(other.owner)
    assert len(mine) > 5 and len(theirs) > 5
    assert {entry["id"] for entry in mine}.isdisjoint(entry["id"] for entry in theirs)
    assert not [entry for entry in theirs if team.organisation_id in json.dumps(entry)]


def test_owners_and_admins_read_it(team):
    """By token and by key; others are refused."""
    for clients in (team.members, team.keys):
        for role in ("owner", "admin"):
            assert clients[role].get("/v1/audit-log")["data"]
        for role in ("billing", "viewer"):
            clients[role].refused(403, "forbidden", "GET", "/v1/audit-log")


def test_pages_are_whole(stack):
    """Newest first, each entry once, whatever the length of a page; actions and commands together."""
    team = stack.team("Paged")
    for number in range(6):
        team.owner.customer()
        team.owner.made("/v1/api-keys", {"name": f"k{number}", "role": "viewer"})
    whole = log_of(team.owner)
    times = [entry["at"] for entry in whole]
    assert times == sorted(times, reverse=True) and len({entry["id"] for entry in whole}) == len(whole)
    kinds = {entry["action"] for entry in whole}
    assert "api_key.create" in kinds and any("customer" in kind.lower() for kind in kinds)
    for limit in (1, 3, 7):
        assert log_of(team.owner, limit) == whole
    cursor = team.owner.get("/v1/audit-log", params={"limit": 1})["next_cursor"]
    team.owner.refused(400, "bad-cursor", "GET", "/v1/customers", params={"cursor": cursor})


def test_a_page_goes_on_where_it_ended(stack):
    """What comes meanwhile stands before it, and moves nothing."""
    team = stack.team("Moved")
    whole = log_of(team.owner)
    page = team.owner.get("/v1/audit-log", params={"limit": 3})
    team.owner.made("/v1/api-keys", {"name": "late", "role": "viewer"})
    rest = team.owner.get("/v1/audit-log", params={"limit": 100, "cursor": page["next_cursor"]})
    assert page["data"] + rest["data"] == whole


# The database


@pytest.mark.parametrize("role", ["api", "worker"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE identity.audit_log SET outcome = 'succeeded'",
        "DELETE FROM identity.audit_log",
        "TRUNCATE identity.audit_log",
        "DELETE FROM billd.operations",
        "TRUNCATE billd.operations",
        "UPDATE billd.operations SET actor = 'user:x'",
        "ALTER TABLE identity.audit_log DISABLE ROW LEVEL SECURITY",
        "DROP TABLE identity.audit_log",
    ],
)
def test_what_was_written_stays(stack, team, role, statement):
    """Neither program's role can change or take away an entry, its own organisation's neither."""
    refused = pytest.raises(psycopg.errors.InsufficientPrivilege)
    with stack.connect(role, team.organisation_id) as connection, refused:
        connection.execute(statement)


def test_an_entry_cannot_be_written_for_another_organisation(stack, team):
    """The api's role writes for the one that its transaction is for, or for none."""
    insert = (
        "INSERT INTO identity.audit_log (id, organisation_id, actor, action, outcome)"
        " VALUES (gen_random_uuid(), %s, 'user:x', 'x', 'succeeded')"
    )
    own, other = team.organisation_id, stack.person().found().organisation_id
    for role, scope, reason in (("api", other, "row-level security"), ("worker", own, "permission denied")):
        refused = pytest.raises(psycopg.errors.InsufficientPrivilege, match=reason)
        with stack.connect(role, scope) as connection, refused:
            connection.execute(insert, [own])
