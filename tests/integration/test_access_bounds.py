"""What opens an account or an organisation: how much of it there can be, also when several ask at the same moment, and
that it is found by an index."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from client import slug
from people import invite, members_path, new_email
from waiting import eventually

API_KEYS_MAX, INVITATIONS_MAX, SESSIONS_MAX = 200, 200, 100
HASH = "sha256(gen_random_uuid()::text::bytea)"  # no two are the same, and nobody has what it is of


@pytest.fixture(autouse=True)
def planted_sessions_go(stack):
    """Nobody logged in to begin them: neither a token nor a line of the audit log is of theirs, as of all others."""
    yield
    stack.superuser(
        "DELETE FROM identity.sessions s WHERE NOT EXISTS"
        " (SELECT FROM identity.refresh_tokens t WHERE t.session_id = s.id)"
    )


@pytest.fixture
def team(stack):
    return stack.team()


def add_keys(stack, organisation_id, count, **more):
    """API keys, as if they had been made before."""
    add(stack, organisation_id, "api_keys", count, more,
        id="gen_random_uuid()", name="'k' || n", role="'viewer'", key_hash=HASH, prefix="'billd_live_'")  # fmt: skip


def add_invitations(stack, organisation_id, count, **more):
    add(stack, organisation_id, "invitations", count, more,
        id="gen_random_uuid()", email="n || '@example.org'", email_key="gen_random_uuid()", role="'viewer'",
        token_hash=HASH, invited_by="'operator'", expires_at="now() + interval '1 day'")  # fmt: skip


def add(stack, organisation_id, table, count, more, **values):
    """Rows of identity.`table`, by SQL for each column, in which n is the number of the row."""
    values |= {"organisation_id": f"'{organisation_id}'"} | more
    statement = f"INSERT INTO identity.{table} ({', '.join(values)}) SELECT {', '.join(values.values())}"
    with stack.connect("owner", organisation_id) as connection:
        connection.execute(f"{statement} FROM generate_series(1, {count}) n")


def add_sessions(stack, person, count, age="1 day", **more):
    """Sessions of that age, the first of them the oldest."""
    began = f"now() - interval '{age}' + n * interval '1 second'"
    values = {"id": "gen_random_uuid()", "user_id": f"'{person.id}'", "created_at": began,
              "expires_at": f"{began} + interval '30 days'"} | more  # fmt: skip
    statement = f"INSERT INTO identity.sessions ({', '.join(values)}) SELECT {', '.join(values.values())}"
    with stack.connect("owner") as connection:
        connection.execute(f"{statement} FROM generate_series(1, {count}) n")


def live_sessions(stack, person):
    sql = "SELECT count(*) FROM identity.sessions WHERE user_id = %s AND revoked_at IS NULL AND expires_at > now()"
    return stack.rows(sql, [person.id])[0][0]


@contextmanager
def held(stack, table, row_id, waiting, organisation_id=None):
    """A row is held until `waiting` others wait for it: the connection that holds it, to do what came first."""
    with stack.connect("owner", organisation_id) as connection, connection.transaction():
        connection.execute(f"SELECT FROM identity.{table} WHERE id = %s FOR NO KEY UPDATE", [row_id])
        yield connection
        sql = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype IN ('transactionid', 'tuple')"
        eventually(lambda: stack.rows(sql)[0][0] >= waiting, f"{waiting} wait for the row", 10)


# API keys

KEY = {"name": "k", "role": "viewer"}


def test_an_organisation_has_so_many_api_keys(stack, team):
    """One more is refused, to the operator as well, until one is revoked; the neighbour has its own."""
    neighbour = stack.organisation()
    add_keys(stack, team.organisation_id, API_KEYS_MAX - len(team.keys) - 1)
    last = team.owner.made("/v1/api-keys", KEY)
    answer = team.owner.refused(409, "api-keys-too-many", "POST", "/v1/api-keys", KEY)
    assert str(API_KEYS_MAX) in answer.json()["detail"]
    told = stack.billd("api-key", "create", "--organisation", team.organisation_id, "--name", "k", expect=2)
    assert f"{API_KEYS_MAX} may be" in told
    stack.api_key(neighbour.organisation_id)
    team.owner.done("DELETE", f"/v1/api-keys/{last['id']}")
    stack.api_key(team.organisation_id)
    team.owner.refused(409, "api-keys-too-many", "POST", "/v1/api-keys", KEY)


def test_keys_that_are_over_do_not_count(stack, team):
    """Neither those that are revoked nor those that have expired; those that expire some day do."""
    add_keys(stack, team.organisation_id, API_KEYS_MAX, revoked_at="now()")
    add_keys(stack, team.organisation_id, API_KEYS_MAX, expires_at="now()")
    team.owner.made("/v1/api-keys", KEY)
    add_keys(stack, team.organisation_id, API_KEYS_MAX, expires_at="now() + interval '1 day'")
    team.owner.refused(409, "api-keys-too-many", "POST", "/v1/api-keys", KEY)


@pytest.mark.parametrize("by", ["http", "operator"])
def test_two_keys_at_the_same_moment(stack, team, by):
    """There is room for one: whoever waited sees what the other one left."""
    add_keys(stack, team.organisation_id, API_KEYS_MAX - len(team.keys) - 1)

    def make():
        if by == "http":
            team.owner.refused(409, "api-keys-too-many", "POST", "/v1/api-keys", KEY)
        else:
            stack.billd("api-key", "create", "--organisation", team.organisation_id, "--name", "k", expect=2)

    with ThreadPoolExecutor(1) as pool:
        with held(stack, "organisations", team.organisation_id, 1, team.organisation_id) as first:
            made = pool.submit(make)
            first.execute(
                "INSERT INTO identity.api_keys (organisation_id, id, name, role, key_hash, prefix)"
                f" VALUES (%s, gen_random_uuid(), 'first', 'viewer', {HASH}, 'billd_live_')",
                [team.organisation_id],
            )
        made.result()


def test_many_keys_at_the_same_moment(stack, team):
    """As many as there is room for."""
    add_keys(stack, team.organisation_id, API_KEYS_MAX - len(team.keys) - 3)
    jobs = [lambda client: client.request("POST", "/v1/api-keys", KEY)] * 8
    statuses = [answer.status_code for answer in team.owner.in_parallel(jobs, 8)]
    assert sorted(statuses) == [201] * 3 + [409] * 5


# Invitations


def test_an_organisation_has_so_many_open_invitations(stack, team):
    """One more is refused until one is revoked; to invite an address again is not one more."""
    path = f"/v1/organisations/{team.organisation_id}/invitations"
    add_invitations(stack, team.organisation_id, INVITATIONS_MAX - 1)
    last, more = invite(team.owner, new_email(), "viewer"), {"email": new_email(), "role": "viewer"}
    answer = team.owner.refused(409, "invitations-too-many", "POST", members_path(team.owner), more)
    assert str(INVITATIONS_MAX) in answer.json()["detail"]
    again = invite(team.owner, last["email"], "billing")
    team.owner.done("DELETE", f"{path}/{again['id']}")
    team.owner.made(members_path(team.owner), more)
    team.owner.refused(409, "invitations-too-many", "POST", members_path(team.owner), more | {"email": new_email()})


def test_invitations_that_are_over_do_not_count(stack, team):
    """Neither those that were accepted or revoked, nor those that have expired."""
    for column in ("accepted_at", "revoked_at", "expires_at"):
        add_invitations(stack, team.organisation_id, INVITATIONS_MAX, **{column: "now()"})
    invite(team.owner, new_email(), "viewer")


def test_many_invitations_at_the_same_moment(stack, team):
    """As many as there is room for."""
    add_invitations(stack, team.organisation_id, INVITATIONS_MAX - 3)
    bodies = [{"email": new_email(), "role": "viewer"} for _ in range(8)]
    path = members_path(team.owner)
    answers = team.owner.in_parallel([lambda c, b=body: c.request("POST", path, b) for body in bodies], 8)
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 5


# Sessions


def oldest(stack):
    """Somebody whose oldest session, of two days, is the one that is asked with."""
    person = stack.person()
    with stack.connect("owner") as connection:
        connection.execute(
            "UPDATE identity.sessions SET created_at = created_at - interval '2 days',"
            " expires_at = expires_at - interval '2 days' WHERE user_id = %s",
            [person.id],
        )
    return person


def test_one_session_more_ends_the_oldest(stack):
    """Nobody is kept out by log-ins of long ago; the second oldest goes on, and so does whoever else there is."""
    person, neighbour = oldest(stack), stack.person()
    home = person.found()
    second = person.elsewhere()
    add_sessions(stack, person, SESSIONS_MAX - 2)
    newest = person.elsewhere()
    assert live_sessions(stack, person) == SESSIONS_MAX
    answer = person.try_refresh()
    assert (answer.status_code, slug(answer.json())) == (401, "bad-credentials")
    eventually(lambda: person.request("GET", "/v1/me").status_code == 401, "its access token is refused", 5)
    reasons = stack.rows("SELECT reason FROM identity.sessions WHERE user_id = %s AND reason <> ''", [person.id])
    assert reasons == [("too_many",)]
    for client in (second, newest, neighbour):
        client.refresh()
    [told, _] = [entry for entry in newest.acting_in(home.organisation_id).all("/v1/audit-log")
                 if entry["action"] == "session.login"]  # fmt: skip
    assert told["details"] == {"sessions_ended": 1}


def test_sessions_that_are_over_end_nobody(stack):
    """Neither those that were ended nor those that have expired count."""
    person = oldest(stack)
    add_sessions(stack, person, SESSIONS_MAX, revoked_at="now()", reason="'logout'")
    add_sessions(stack, person, SESSIONS_MAX, age="40 days")
    newest = person.elsewhere()
    assert live_sessions(stack, person) == 2
    for client in (person, newest):
        client.refresh()


def test_more_sessions_than_there_can_be(stack):
    """As there may be from before there was a limit: the next log-in leaves as many as it says."""
    person = oldest(stack)
    add_sessions(stack, person, 3 * SESSIONS_MAX)
    newest = person.elsewhere()
    assert live_sessions(stack, person) == SESSIONS_MAX
    assert person.try_refresh().status_code == 401
    newest.refresh()


def test_many_log_ins_at_the_same_moment(stack):
    """Nobody is kept out, and there are no more than there can be."""
    person = oldest(stack)
    add_sessions(stack, person, SESSIONS_MAX - 1)
    body = {"email": person.email, "password": person.password}
    with ThreadPoolExecutor(2) as pool:
        with held(stack, "users", person.id, 2):
            asked = [pool.submit(person.twin().request, "POST", "/v1/auth/login", body) for _ in range(2)]
        assert [one.result().status_code for one in asked] == [200, 200]
    assert live_sessions(stack, person) == SESSIONS_MAX


def test_a_log_out_everywhere_waits_for_a_log_in(stack):
    """Both work on many sessions of one user: one after the other."""
    person = stack.person()
    with ThreadPoolExecutor(1) as pool:
        with held(stack, "users", person.id, 1):
            asked = pool.submit(person.request, "POST", "/v1/auth/logout-all")
        assert asked.result().status_code == 204
    assert live_sessions(stack, person) == 0


# What is found by an index

LISTS = {"api_keys": add_keys, "invitations": add_invitations}


def plan_of(stack, organisation_id, table, statement, types, values):
    """What is done for the ingress, whatever the parameters are: the lines of the plan."""
    with stack.connect("owner") as connection:
        connection.execute(f"ANALYZE identity.{table}")  # as the server does by itself, some time
    with stack.connect("api", organisation_id) as connection:
        connection.execute("SET plan_cache_mode = force_generic_plan")
        connection.execute(f"PREPARE asked ({types}) AS {statement}")
        return [line for (line,) in connection.execute(f"EXPLAIN (ANALYZE) EXECUTE asked ({values})").fetchall()]


@pytest.mark.parametrize("table", LISTS)
def test_a_page_needs_no_sort(stack, org, table):
    """As the lists of api/statements.c ask: the index has the order, and where the cursor goes on."""
    LISTS[table](stack, org.organisation_id, 1000, created_at="now() - n * interval '1 minute'")
    plan = plan_of(
        stack, org.organisation_id, table,
        f"SELECT json::text, position, id FROM api.{table} WHERE organisation_id = $1::uuid"
        " AND (position, id) < ($2::int8, $3::uuid) ORDER BY position DESC, id DESC LIMIT $4::int4",
        "uuid, int8, uuid, int4",
        f"'{org.organisation_id}', (extract(epoch FROM now() - interval '500 minutes') * 1000)::int8,"
        " gen_random_uuid(), 21",
    )  # fmt: skip
    text = "\n".join(plan)
    assert f"Index Scan Backward using {table}_list on {table} " in text and "Sort" not in text, text
    assert any("Index Cond" in line and "ROW(created_ms, id) <" in line for line in plan), text
    assert "Rows Removed" not in text, text


@pytest.mark.parametrize("table", LISTS)
def test_pages_show_each_once_newest_first(stack, team, table):
    """Those of the same moment, too."""
    path = {"api_keys": "/v1/api-keys", "invitations": f"/v1/organisations/{team.organisation_id}/invitations"}[table]
    began = team.owner.all(path)
    LISTS[table](stack, team.organisation_id, 30, created_at="now() - (n / 10) * interval '1 hour'")
    pages = [item for page in team.owner.pages(path, 7) for item in page]
    assert len(pages) == len({item["id"] for item in pages}) == len(began) + 30
    assert [item["created_at"] for item in pages] == sorted((item["created_at"] for item in pages), reverse=True)


@pytest.mark.parametrize("table", LISTS)
def test_a_place_in_a_list_is_what_it_was(stack, org, table):
    """Before there was a column for it, so that cursors go on: the moment to the millisecond, in whatever time zone."""
    moments = "timestamptz '2026-03-29 01:30:00.0005+01' + n * interval '1.000499 seconds'"
    LISTS[table](stack, org.organisation_id, 1000, created_at=moments)
    with stack.connect("owner", org.organisation_id) as connection:
        connection.execute("SET TimeZone = 'Asia/Kathmandu'")
        same = "position = (extract(epoch FROM created_at) * 1000)::int8"
        sql = f"SELECT count(*) FROM api.{table} JOIN identity.{table} USING (organisation_id, id) WHERE {same}"
        assert connection.execute(sql).fetchone()[0] >= 1000


def test_those_that_count_are_found_by_an_index(stack, org):
    """Active keys and live sessions, among any number that are over."""
    person = stack.person()
    add_keys(stack, org.organisation_id, 1000, expires_at="now()")
    add_sessions(stack, person, 1000, age="40 days")
    keys = "SELECT count(*) FROM identity.api_keys WHERE organisation_id = $1::uuid AND revoked_at IS NULL AND"
    sessions = "SELECT id FROM identity.sessions WHERE user_id = $1::uuid AND revoked_at IS NULL AND expires_at > now()"
    statements = {
        "api_keys_active": (
            "api_keys",
            org.organisation_id,
            f"SELECT ({keys} expires_at IS NULL) + ({keys} expires_at > now())",
        ),
        "sessions_user": ("sessions", person.id, f"{sessions} ORDER BY expires_at DESC, id DESC OFFSET 99"),
    }
    for index, (table, of, statement) in statements.items():
        plan = "\n".join(plan_of(stack, org.organisation_id, table, statement, "uuid", f"'{of}'"))
        assert f"{index} " in plan and "Rows Removed" not in plan, plan
