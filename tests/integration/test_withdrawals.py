"""What goes with a right that is taken away: the invitations of who had it, at once and not after some seconds. And who
takes nothing away: who could not give it."""

import re

import pytest
from people import invite, members_path, new_email


@pytest.fixture
def team(stack):
    """A team of the test's own."""
    return stack.team()


def statuses(team):
    """{address: status} of the invitations."""
    path = f"/v1/organisations/{team.organisation_id}/invitations"
    return {one["email"]: one["status"] for one in team.owner.all(path)}


def member_path(team, role):
    return f"{members_path(team.owner)}/{team.people[role].id}"


def last_details(team, action):
    return next(one["details"] for one in team.owner.all("/v1/audit-log") if one["action"] == action)


def refused(person, invitation):
    person.refused(409, "bad-invitation", "POST", "/v1/invitations/accept", {"token": invitation["token"]})


def test_a_demoted_owners_invitations(stack, team):
    """Those to what he may give no more are revoked; the others stay."""
    guest, viewer = stack.person(), new_email()
    team.owner.done("PATCH", member_path(team, "admin"), {"role": "owner"})
    # The role that is remembered is some seconds old: the one that counts is the database's.
    admin = team.members["admin"]
    owners = invite(admin, guest.email, "owner")
    invite(admin, viewer, "viewer")
    team.owner.done("PATCH", member_path(team, "admin"), {"role": "admin"})
    assert statuses(team)[guest.email] == "revoked" and statuses(team)[viewer] == "open"
    refused(guest, owners)
    assert last_details(team, "member.update") == {"from": "owner", "to": "admin", "invitations_revoked": 1}


def test_a_removed_members_invitations(stack, team):
    """All of them; those of others stay."""
    guest, other = stack.person(), new_email()
    his = invite(team.members["admin"], guest.email, "viewer")
    invite(team.owner, other, "viewer")
    team.owner.done("DELETE", member_path(team, "admin"))
    assert statuses(team)[guest.email] == "revoked" and statuses(team)[other] == "open"
    refused(guest, his)
    assert last_details(team, "member.remove") == {"from": "admin", "invitations_revoked": 1}


def test_a_revoked_keys_invitations(stack, team):
    """A key that leaked leaves nobody a way in."""
    guest = stack.person()
    its = invite(team.keys["admin"], guest.email, "admin")
    team.owner.done("DELETE", f"/v1/api-keys/{team.key_ids['admin']}")
    assert statuses(team)[guest.email] == "revoked"
    refused(guest, its)
    assert last_details(team, "api_key.revoke") == {"invitations_revoked": 1}


def test_an_operators_revocation_too(stack, team):
    """The same by the operator's command; the audit log says that it was an operator."""
    guest = stack.person()
    its = invite(team.keys["admin"], guest.email, "admin")
    stack.billd("api-key", "revoke", "--organisation", team.organisation_id, team.key_ids["admin"])
    refused(guest, its)
    entry = team.owner.all("/v1/audit-log")[0]
    assert (entry["actor"], entry["action"], entry["resource"]) == (
        "operator", "api_key.revoke", {"type": "api_key", "id": team.key_ids["admin"]}
    )  # fmt: skip


@pytest.mark.parametrize("change", ["demoted", "removed", "key revoked"])
def test_what_was_taken_away_is_gone_at_once(team, change):
    """Who lost the right gives nobody another, not even while the ingress still remembers the old role."""
    admin, key = team.members["admin"], team.keys["admin"]
    body = {"email": new_email(), "role": "admin"}
    invite(admin, new_email(), "viewer")
    invite(key, new_email(), "viewer")
    if change == "demoted":
        team.owner.done("PATCH", member_path(team, "admin"), {"role": "viewer"})
    elif change == "removed":
        team.owner.done("DELETE", member_path(team, "admin"))
    else:
        team.owner.done("DELETE", f"/v1/api-keys/{team.key_ids['admin']}")
    who = key if change == "key revoked" else admin
    assert who.request("POST", members_path(team.owner), body).status_code in (401, 403, 404)
    assert who.request("POST", "/v1/api-keys", {"name": "back door", "role": "admin"}).status_code in (401, 403, 404)
    assert body["email"] not in statuses(team)


def test_the_operators_keys(stack):
    """Of the role that is told, with a prefix by the kind of the organisation; the list shows both, and no key."""
    made = ("organisation", "create", "--name", "Op", "--currency", "EUR", "--timezone", "Etc/UTC")
    for more, prefix in (((), "billd_live_"), (("--test",), "billd_test_")):
        organisation_id = stack.billd(*made, *more)
        keys = {
            role: stack.billd("api-key", "create", "--organisation", organisation_id, "--name", "k", *arguments)
            for role, arguments in (("admin", ()), ("viewer", ("--role", "viewer")))
        }
        listed = stack.billd("api-key", "list", "--organisation", organisation_id)
        for role, key in keys.items():
            assert key.startswith(prefix) and key not in listed
            assert re.search(rf"\b{role} +{re.escape(key[:15])} +k$", listed, re.MULTILINE), listed
            client = stack.client(organisation_id, key)
            assert [one["role"] for one in client.get("/v1/organisations")["data"]] == [role]
        log = stack.client(organisation_id, keys["admin"]).all("/v1/audit-log")
        assert [(one["actor"], one["action"]) for one in log][-1] == ("operator", "organisation.create")
        assert {one["action"] for one in log} == {"organisation.create", "api_key.create"}


# Who may take


def audited(team):
    """(action, outcome, details) of what was told last."""
    entry = team.owner.all("/v1/audit-log")[0]
    return entry["action"], entry["outcome"], entry["details"]


@pytest.mark.parametrize("by", ["member", "key"])
def test_an_owners_invitation_is_replaced_by_owners_alone(stack, team, by):
    """To invite an address again revokes what was open for it: an admin, who may not revoke it, does not do it so."""
    guest = stack.person()
    admin = (team.members if by == "member" else team.keys)["admin"]
    as_owner = invite(team.owner, guest.email, "owner")
    again = {"email": guest.email.upper(), "role": "viewer"}
    for method, path, body in (
        ("DELETE", f"/v1/organisations/{team.organisation_id}/invitations/{as_owner['id']}", None),
        ("POST", members_path(admin), again),
    ):
        admin.refused(403, "forbidden", method, path, body)
    replaces = {"id": as_owner["id"], "role": "owner"}
    assert audited(team) == ("member.invite", "forbidden", again | {"replaces": replaces})
    assert statuses(team)[guest.email] == "open"
    assert guest.accept(as_owner["token"])["role"] == "owner"


def test_what_an_invitation_replaces_is_told(stack, team):
    """By whoever may; one that has expired is nobody's any more."""
    email = new_email()
    first = invite(team.members["admin"], email, "billing")
    assert audited(team)[2] == {"email": email, "role": "billing"}
    second = invite(team.owner, email, "owner")
    replaces = {"id": first["id"], "role": "billing"}
    assert audited(team)[2] == {"email": email, "role": "owner", "replaces": replaces}
    stack.superuser(f"UPDATE identity.invitations SET expires_at = now() WHERE id = '{second['id']}'")
    third = invite(team.members["admin"], email, "viewer")
    replaces = {"id": second["id"], "role": "owner"}
    assert audited(team) == ("member.invite", "succeeded", {"email": email, "role": "viewer", "replaces": replaces})
    assert third["status"] == "open"


@pytest.mark.parametrize("by", ["member", "key"])
def test_an_owners_key_is_revoked_by_owners_alone(team, by):
    """Nobody revokes a key that he could not have made; his own and lesser ones he does."""
    admin = (team.members if by == "member" else team.keys)["admin"]
    path = f"/v1/api-keys/{team.key_ids['owner']}"
    admin.refused(403, "forbidden", "DELETE", path)
    assert audited(team) == ("api_key.revoke", "forbidden", {"name": "owner's", "role": "owner"})
    assert team.keys["owner"].get("/v1/api-keys")["data"]
    admin.done("DELETE", f"/v1/api-keys/{team.key_ids['billing']}")
    admin.done("DELETE", f"/v1/api-keys/{team.key_ids['admin']}")
    team.owner.done("DELETE", path)
    team.owner.done("DELETE", path)
