"""Who may ask for what: every route, by everybody, in every organisation. The routes come from the OpenAPI document.

Requests that are let through must have no effect, so that one team serves all tests: what changes something is sent
with a body and a query that no route takes.
"""

import re
import uuid
from dataclasses import dataclass

import pytest
from client import slug
from money import coupon_by, coupon_of, give, note_of, one_off, pay, payments_of, rate_of
from people import ROLES, invite, members_path
from programs import ROOT, fetch
from runs import run_of

LEAST = {
    "read": "viewer", "bill": "billing", "configure": "admin", "members": "admin", "keys": "admin", "audit": "admin",
    "own": "owner",
}  # fmt: skip

# What is open to whoever comes, and the only such routes.
OPEN = {
    ("POST", "/v1/auth/register"), ("POST", "/v1/auth/login"), ("POST", "/v1/auth/refresh"),
    ("POST", "/v1/auth/logout"), ("GET", "/v1/roles"), ("GET", "/health"), ("GET", "/health/live"),
    ("GET", "/metrics"), ("GET", "/openapi.json"), ("GET", "/docs"), ("GET", "/docs/problems"),
    ("GET", "/docs/problems/{slug}"), ("GET", "/docs/{file}"),
}  # fmt: skip
# What needs no membership.
BY_USERS = {
    ("POST", "/v1/auth/logout-all"), ("POST", "/v1/auth/password"), ("POST", "/v1/invitations/accept"),
    ("POST", "/v1/organisations"),
}  # fmt: skip
BY_CALLERS = {("GET", "/v1/me"), ("GET", "/v1/organisations")}
# What needs another permission than reads, which GET needs, and billing, which all else does. Of a member's removal
# the rest is the action's to say: everybody may leave.
PERMISSIONS = {
    ("PATCH", "/v1/organisations/{organisation_id}"): "configure",
    ("GET", "/v1/organisations/{organisation_id}/members"): "members",
    ("POST", "/v1/organisations/{organisation_id}/members"): "members",
    ("PATCH", "/v1/organisations/{organisation_id}/members/{user_id}"): "members",
    ("DELETE", "/v1/organisations/{organisation_id}/members/{user_id}"): "read",
    ("GET", "/v1/organisations/{organisation_id}/invitations"): "members",
    ("DELETE", "/v1/organisations/{organisation_id}/invitations/{invitation_id}"): "members",
    ("GET", "/v1/api-keys"): "keys",
    ("POST", "/v1/api-keys"): "keys",
    ("DELETE", "/v1/api-keys/{api_key_id}"): "keys",
    ("GET", "/v1/audit-log"): "audit",
    ("POST", "/v1/invoices/preview"): "read",
    ("POST", "/v1/subscriptions/{subscription_id}/change/preview"): "read",
}
METHODS = ("get", "post", "put", "patch", "delete")
PASSES = "passes"


@dataclass(frozen=True)
class Route:
    method: str
    path: str
    access: str
    permission: str

    def __str__(self):
        return f"{self.method} {self.path}"

    @property
    def names_organisation(self):
        return "{organisation_id}" in self.path

    def url(self, ids):
        return re.sub(r"\{(\w+)\}", lambda match: ids[match[1]], self.path)


def told_routes(stack):
    """Every operation of the document; one without x-access fails here."""
    paths = fetch(stack.url + "/openapi.json").json()["paths"]
    operations = [
        (method.upper(), path, operation)
        for path, item in paths.items()
        for method, operation in item.items()
        if method in METHODS
    ]
    silent = [f"{method} {path}" for method, path, operation in operations if "x-access" not in operation]
    assert silent == [], "routes that do not tell who may use them"
    return [Route(m, path, told["x-access"], told.get("x-permission")) for m, path, told in operations]


@pytest.fixture(scope="module")
def routes(stack):
    """Those of the document, and those that are only in the table."""
    told = told_routes(stack)
    known = {(route.method, route.path) for route in told}
    return told + [Route(method, path, "anybody", None) for method, path in sorted(OPEN - known)]


@dataclass
class Scene:
    """Two teams, each with one of everything; `own` and `foreign` are the ids of paths."""

    team: object
    other: object
    own: dict
    foreign: dict
    outsider: object
    invitation: str  # an open one's token, of the other team


def ids_of(team, invitation_id):
    """One of everything in a path, of that team."""
    client = team.owner
    customer_id, plan_id = client.customer(), client.plan()
    subscription_id = client.subscription(customer_id, plan_id)
    operation = client.send("POST", "/v1/customers", {"name": "Other"})
    client.outcome(operation["operation_id"])
    return documents_of(client, customer_id) | {
        "organisation_id": team.organisation_id,
        "user_id": team.people["viewer"].id,
        "invitation_id": invitation_id,
        "api_key_id": team.key_ids["viewer"],
        "customer_id": customer_id,
        "plan_id": plan_id,
        "subscription_id": subscription_id,
        "operation_id": operation["operation_id"],
        "test_clock_id": client.succeed("POST", "/v1/test-clocks", {"now": "2026-01-01T00:00:00Z"}),
        "billing_run_id": run_of(client)[0].id,
        "slug": "forbidden",
        "file": "swagger-ui.css",
    }


def documents_of(client, customer_id):
    """One of everything that is owed or paid, of that customer, who has an open invoice."""
    invoice = client.invoices_of(customer_id)[0]
    pay(client, invoice, "manual", amount=100)
    return {
        "coupon_id": coupon_by(client, coupon_of(client, percent_off="20"))["id"],
        "tax_rate_id": rate_of(client, "19"),
        "item_id": one_off(client, customer_id, 100),
        "credit_entry_id": give(client, customer_id, 100),
        "invoice_id": invoice["id"],
        "payment_id": payments_of(client, invoice)[0]["id"],
        "credit_note_id": note_of(client, invoice, [100])["id"],
    }


def contents(team):
    """What must be the same after all requests that had to have no effect."""
    client = team.owner
    lists = [members_path(client), f"/v1/organisations/{team.organisation_id}/invitations", "/v1/api-keys"]
    lists += ["/v1/customers", "/v1/plans", "/v1/coupons", "/v1/tax-rates", "/v1/subscriptions", "/v1/invoices"]
    lists += ["/v1/payments", "/v1/credit-notes", "/v1/journal", "/v1/billing-runs"]
    found = {path: client.all(path) for path in lists}
    for key in found["/v1/api-keys"]:
        key.pop("last_used_at")
    return found | {"organisation": client.get(f"/v1/organisations/{team.organisation_id}")}


@pytest.fixture(scope="module")
def scene(stack):
    team, other = stack.team("Own"), stack.team("Foreign")
    mine, theirs = (invite(one.owner, "somebody@example.com", "owner") for one in (team, other))
    own, foreign = ids_of(team, mine["id"]), ids_of(other, theirs["id"])
    scene = Scene(team, other, own, foreign, stack.person("Nobody's"), theirs["token"])
    before = contents(team), contents(other)
    yield scene
    assert (contents(team), contents(other)) == before, "a request of these tests had an effect"


def ask(client, route, ids, **more):
    """The answer's (status, slug or None), to a request that can change nothing."""
    body, params = None, None
    if route.method != "GET":
        body, params = {"no_such_field": 1}, {"no_such_parameter": "1"}
    answer = client.request(route.method, route.url(ids), body, params=params, **more)
    told = answer.headers.get("Content-Type", "").startswith("application/problem+json")
    return answer.status_code, slug(answer.json()) if told else None


def passed(route, got):
    """Let through, and then answered as a read is, or refused for the nonsense that came with it."""
    if route.method == "GET":
        return got == (200, None)
    return got in ((400, "bad-parameter"), (422, "invalid-body"))


def may(role, route):
    return ROLES.index(role) >= ROLES.index(LEAST[route.permission])


def check(routes, ask_for, expected):
    """Ask for all; all that was not answered as expected, together."""
    wrong = {}
    for route in routes:
        got, wanted = ask_for(route), expected(route)
        if not (passed(route, got) if wanted == PASSES else got == wanted):
            wrong[str(route)] = f"{got}, not {wanted}"
    assert wrong == {}


# The table of routes itself


def test_the_document_has_every_route(routes):
    """Each pattern of the route table is tested below."""
    source = (ROOT / "api/route.c").read_text()
    patterns = set(re.findall(r'"(/[a-z0-9/{}_.-]*[a-z0-9}])"', source.split("route_table[] =", 1)[1]))
    assert len(patterns) > 30
    assert patterns - {route.path for route in routes} == set()


def test_each_route_is_for_whom_it_should_be(routes):
    """What is open is open on purpose; what is new needs the permission of its kind or a row above."""
    wrong = {}
    for route in routes:
        row = (route.method, route.path)
        access = next(
            (name for name, rows in (("anybody", OPEN), ("user", BY_USERS), ("caller", BY_CALLERS)) if row in rows),
            "member",
        )
        permission = PERMISSIONS.get(row, "read" if route.method == "GET" else "bill") if access == "member" else None
        if route.access != access or (access == "member" and route.permission != permission):
            wrong[str(route)] = f"{route.access} {route.permission}, not {access} {permission}"
    assert wrong == {}


def test_roles_are_told(stack):
    """GET /v1/roles has the matrix by which these tests judge, for anybody."""
    told = stack.stranger().get("/v1/roles")
    matrix = {role["role"]: set(role["permissions"]) for role in told["data"]}
    assert matrix == {
        role: {name for name, least in LEAST.items() if ROLES.index(role) >= ROLES.index(least)} for role in ROLES
    }
    assert {entry["name"]: entry["least"] for entry in told["permissions"]} == LEAST
    assert all(entry["summary"] for entry in told["data"] + told["permissions"])


# Who asks

BAD_CREDENTIALS = {
    "nobody": None,
    "an empty header": "",
    "no token": "Bearer ",
    "something else": "Bearer x",
    "another scheme": "Basic dXNlcjpwYXNz",
    "an unknown key": "Bearer billd_live_" + "A" * 43,
    "an unknown test key": "Bearer billd_test_" + "A" * 43,
    "an unknown refresh token": "Bearer billd_refresh_" + "A" * 43,
    "an unknown invitation": "Bearer billd_invite_" + "A" * 43,
    "a token without a signature": "Bearer eyJhbGciOiJub25lIn0.e30.",
    "dots": "Bearer ..",
}


@pytest.mark.parametrize("authorization", BAD_CREDENTIALS.values(), ids=BAD_CREDENTIALS.keys())
def test_without_good_credentials(stack, routes, scene, authorization):
    """401 for all that is not open; what is open does not even look."""
    client = stack.stranger()
    headers = {"Authorization": authorization, "Billd-Organisation": scene.team.organisation_id}
    check(
        routes,
        lambda route: ask(client, route, scene.own, headers=headers),
        lambda route: PASSES if route.access == "anybody" else (401, "unauthorized"),
    )


def test_refresh_tokens_and_invitations_are_no_credentials(stack, routes, scene):
    """Real ones neither: each opens its own door alone."""
    for token in (scene.team.people["owner"].refresh_token, scene.invitation):
        client = scene.team.members["owner"].known_as(token)
        check(
            routes,
            lambda route, client=client: ask(client, route, scene.own),
            lambda route: PASSES if route.access == "anybody" else (401, "unauthorized"),
        )


@pytest.mark.parametrize("role", ROLES)
def test_a_member_in_the_own_organisation(routes, scene, role):
    """What the role has is let through, all else is 403."""
    client = scene.team.members[role]
    check(
        routes,
        lambda route: ask(client, route, scene.own),
        lambda route: PASSES if route.access != "member" or may(role, route) else (403, "forbidden"),
    )


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("header", ["unnamed", "named"])
def test_a_key_in_the_own_organisation(routes, scene, role, header):
    """Likewise, whether the organisation is named or not; what is for people alone is 403."""
    client = scene.team.keys[role]
    headers = {"Billd-Organisation": scene.team.organisation_id} if header == "named" else None

    def expected(route):
        if route.access == "user" or (route.access == "member" and not may(role, route)):
            return 403, "forbidden"
        return PASSES

    check(routes, lambda route: ask(client, route, scene.own, headers=headers), expected)


@pytest.mark.parametrize("role", ROLES)
def test_a_member_in_a_foreign_organisation(routes, scene, role):
    """404 where the path names it, as if it were not there; 403 where the header does."""
    client = scene.team.people[role].acting_in(scene.other.organisation_id)

    def expected(route):
        if route.access != "member":
            return PASSES
        return (404, "not-found") if route.names_organisation else (403, "forbidden")

    check(routes, lambda route: ask(client, route, scene.foreign), expected)


@pytest.mark.parametrize("role", ROLES)
def test_a_key_in_a_foreign_organisation(routes, scene, role):
    """404 where the path names it; 400 where the header contradicts the key."""
    client = scene.team.keys[role]
    headers = {"Billd-Organisation": scene.other.organisation_id}
    members = [route for route in routes if route.access == "member"]
    by_path = [route for route in members if route.names_organisation]
    by_header = [route for route in members if not route.names_organisation]
    assert by_path and by_header
    check(by_path, lambda route: ask(client, route, scene.foreign), lambda _: (404, "not-found"))
    check(
        by_header,
        lambda route: ask(client, route, scene.foreign, headers=headers),
        lambda _: (400, "bad-organisation"),
    )


def test_an_organisation_that_is_not_there_is_as_a_foreign_one(routes, scene):
    """The same answers, so that nobody learns which organisations there are."""
    ghost = scene.foreign | {"organisation_id": str(uuid.uuid4())}
    client = scene.team.people["owner"].acting_in(ghost["organisation_id"])
    members = [route for route in routes if route.access == "member"]
    check(
        members,
        lambda route: ask(client, route, ghost),
        lambda route: (404, "not-found") if route.names_organisation else (403, "forbidden"),
    )


def test_a_user_without_any_organisation(routes, scene):
    """An outsider is refused in each organisation, and may do what needs none."""
    client = scene.outsider.acting_in(scene.team.organisation_id)

    def expected(route):
        if route.access != "member":
            return PASSES
        return (404, "not-found") if route.names_organisation else (403, "forbidden")

    check(routes, lambda route: ask(client, route, scene.own), expected)


def test_a_user_who_names_no_organisation(routes, scene):
    """400 where one is needed and the path has none."""
    person = scene.team.people["owner"]

    def expected(route):
        if route.access == "member" and not route.names_organisation:
            return 400, "bad-organisation"
        return PASSES

    check(routes, lambda route: ask(person, route, scene.own), expected)


@pytest.mark.parametrize("header", ["", "x", "0", "{%s}", "%s,%s", "%s0", "null"])
def test_a_malformed_organisation_is_refused(scene, header):
    """400 bad-organisation, for people and for keys."""
    told = header.replace("%s", scene.team.organisation_id)
    for client in (scene.team.people["owner"], scene.team.keys["owner"]):
        client.refused(400, "bad-organisation", "GET", "/v1/customers", headers={"Billd-Organisation": told})


def test_the_path_is_what_counts(scene):
    """Where the path names an organisation, the header says nothing, or what the path says; never more."""
    path = f"/v1/organisations/{scene.other.organisation_id}"
    got = scene.team.members["owner"].request("GET", path)
    assert got.status_code == 404, got.text


# Ids of others, by who may all in the own organisation


def foreign_rows(routes):
    """Routes with an id besides the organisation's."""
    return [
        route
        for route in routes
        if route.access == "member" and set(re.findall(r"\{(\w+)\}", route.path)) - {"organisation_id"}
    ]


@pytest.mark.parametrize("kind", ["member", "key"])
def test_reads_of_foreign_ids(routes, scene, kind):
    """404, as for ids that never were."""
    client = scene.team.members["owner"] if kind == "member" else scene.team.keys["owner"]
    ids = scene.foreign | {"organisation_id": scene.team.organisation_id}
    reads = [route for route in foreign_rows(routes) if route.method == "GET"]
    wrong = {}
    for route in reads:
        answer = client.request("GET", route.url(ids))
        nothing = answer.status_code == 404 or (answer.status_code == 200 and answer.json().get("data") == [])
        if not nothing:
            wrong[str(route)] = f"{answer.status_code} {answer.text}"
    assert len(reads) >= 5 and wrong == {}


def test_actions_on_foreign_ids(scene):
    """404, and nothing happens to the other organisation, which the end of this module's tests checks."""
    client = scene.team.owner
    own = f"/v1/organisations/{scene.team.organisation_id}"
    client.refused(404, "not-found", "PATCH", f"{own}/members/{scene.foreign['user_id']}", {"role": "viewer"})
    client.refused(404, "not-found", "DELETE", f"{own}/members/{scene.foreign['user_id']}")
    client.refused(404, "not-found", "DELETE", f"{own}/invitations/{scene.foreign['invitation_id']}")
    client.refused(404, "not-found", "DELETE", f"/v1/api-keys/{scene.foreign['api_key_id']}")


def test_actions_with_ids_that_are_none(scene):
    """404 for what is no UUID, as for any path that names nothing."""
    client, own = scene.team.owner, f"/v1/organisations/{scene.team.organisation_id}"
    for method, path in (
        ("GET", "/v1/organisations/x"),
        ("DELETE", f"{own}/members/x"),
        ("DELETE", f"{own}/invitations/1"),
        ("DELETE", "/v1/api-keys/none"),
        ("GET", f"/v1/organisations/{scene.team.organisation_id}0"),
    ):
        client.refused(404, "not-found", method, path)


def test_the_nil_uuid_names_nothing(stack, scene):
    """On every path, whatever the method: no command is accepted about it."""
    nil, own = str(uuid.UUID(int=0)), scene.team.organisation_id
    wrong, routes = {}, [route for route in told_routes(stack) if re.search(r"\{(?!organisation)\w+_id\}", route.path)]
    for route in routes:
        ids = {name: own if name == "organisation_id" else nil for name in re.findall(r"\{(\w+)\}", route.path)}
        answer = scene.team.owner.request(route.method, route.url(ids), {})
        if answer.status_code != 404:
            wrong[str(route)] = f"{answer.status_code} {answer.text}"
    assert len(routes) > 20 and wrong == {}
