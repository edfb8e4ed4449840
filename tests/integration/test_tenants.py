"""No organisation sees or touches another's rows: by HTTP, on the topic, and by the database itself."""

import uuid

import psycopg
import pytest
from waiting import eventually
from wire import encode, meta

# What a role may see of every organisation, and why.
SEEN_BY_ALL = {
    ("worker", "billd.outbox"): "a worker that takes a partition over publishes what lies there",
    ("worker", "billd.dead_letters"): "likewise; and of some nobody can tell whose they are",
    ("owner", "billd.dead_letters"): "the operator lists, shows and replays them",
}


@pytest.fixture(scope="module")
def two(stack):
    """Two organisations; the first has one of everything."""
    mine, theirs = stack.organisation("Mine"), stack.organisation("Theirs")
    customer_id, plan_id = mine.customer(external_id="x"), mine.plan(code="team")
    subscription_id = mine.subscription(customer_id, plan_id)
    (invoice,) = mine.invoices_of(customer_id)
    ids = {"customers": customer_id, "plans": plan_id, "subscriptions": subscription_id, "invoices": invoice["id"]}
    theirs.customer(name="Theirs")
    return mine, theirs, ids


def snapshot(client, ids):
    return {kind: client.get(f"/v1/{kind}/{resource_id}") for kind, resource_id in ids.items()}


def test_reads_of_anothers_ids_are_not_found(two):
    """404, as for what was never there; lists and events show their own alone."""
    mine, theirs, ids = two
    for kind, resource_id in ids.items():
        theirs.refused(404, "not-found", "GET", f"/v1/{kind}/{resource_id}")
        assert resource_id not in [item["id"] for item in theirs.all(f"/v1/{kind}")]
    answer = theirs.request("GET", f"/v1/customers/{ids['customers']}/invoices")
    assert answer.status_code == 404 or answer.json()["data"] == []
    assert {event["subject"] for event in theirs.events()}.isdisjoint(ids.values())
    assert len(mine.events()) == 4


def test_commands_on_anothers_ids_fail_as_not_found(two):
    """Each command that names an id of another organisation fails with …-not-found, and changes nothing."""
    mine, theirs, ids = two
    before = snapshot(mine, ids)
    own = theirs.customer(), theirs.plan()
    theirs.fail("customer-not-found", "PATCH", f"/v1/customers/{ids['customers']}", {"name": "stolen"})
    theirs.fail("customer-not-found", "DELETE", f"/v1/customers/{ids['customers']}")
    theirs.fail("plan-not-found", "PATCH", f"/v1/plans/{ids['plans']}", {"name": "stolen"})
    theirs.fail("plan-not-found", "DELETE", f"/v1/plans/{ids['plans']}")
    theirs.fail("subscription-not-found", "POST", f"/v1/subscriptions/{ids['subscriptions']}/cancel")
    for body in (
        {"customer_id": own[0], "plan_id": ids["plans"]},
        {"customer_id": own[0], "plan_code": "team"},
    ):
        theirs.fail("plan-not-found", "POST", "/v1/subscriptions", body)
    body = {"customer_id": ids["customers"], "plan_id": own[1]}
    theirs.fail("customer-not-found", "POST", "/v1/subscriptions", body)
    assert snapshot(mine, ids) == before


def test_names_are_each_organisations_own(two):
    """external_id and code may be the same in two organisations."""
    _, theirs, _ = two
    theirs.customer(external_id="x")
    theirs.plan(code="team")


def test_one_batch_with_commands_of_both_mixes_nothing(stack, two):
    """A worker that takes up many organisations' commands together stores each row where it belongs."""
    mine, theirs, _ = two
    with stack.without_worker():
        accepted = [(client, client.send("POST", "/v1/customers", {"name": f"of {client.organisation_id}"}))
                    for _ in range(15) for client in (mine, theirs)]  # fmt: skip
    for client, answer in accepted:
        assert client.outcome(answer["operation_id"])["status"] == "succeeded"
        customer = client.get(f"/v1/customers/{answer['resource']['id']}")
        assert customer["name"] == f"of {client.organisation_id}"


def test_a_command_for_an_organisation_that_is_not_there_harms_nobody(stack, org, wire):
    """On the topic: no rows come of it, and its partition goes on."""
    ghost = str(uuid.uuid4())
    plan = {"code": "c", "name": "P", "currency": "USD", "interval": "day", "interval_count": 1, "amount": 1}
    partition, offset = wire.put(ghost, encode("CreatePlan", {"meta": meta(ghost), "metadata": {}} | plan))
    eventually(lambda: stack.progress()[partition][0] > offset, f"partition {partition} goes on behind {offset}")
    customer = {"name": "N", "email": None, "external_id": None, "currency": None, "country": None, "timezone": None}
    wire.put(ghost, encode("CreateCustomer", {"meta": meta(ghost), "metadata": {}} | customer))
    org.customer()


def test_a_revoked_key_is_refused_within_seconds(stack, org):
    """It was good and in every cache; once it is revoked, reads and commands answer 401."""
    key = stack.api_key(org.organisation_id, "second")
    client = stack.client(org.organisation_id, key)
    client.customer()
    keys = stack.rows(
        "UPDATE identity.api_keys SET revoked_at = now() WHERE name = 'second' RETURNING id",
        organisation_id=org.organisation_id,
    )
    assert len(keys) == 1
    eventually(lambda: client.request("GET", "/v1/plans").status_code == 401, "reads are refused", 10)
    eventually(
        lambda: client.request("POST", "/v1/customers", {"name": "x"}).status_code == 401, "commands are refused", 10
    )
    assert org.get("/v1/plans")["data"] == []


# The database


def relations(stack):
    """(name, kind, has organisation_id, row security on, forced) of every table and view of ours."""
    return stack.rows("""
        SELECT format('%s.%s', n.nspname, c.relname), c.relkind::text, a.attname IS NOT NULL,
            c.relrowsecurity, c.relforcerowsecurity
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'organisation_id' AND NOT a.attisdropped
        WHERE n.nspname IN ('billd', 'identity', 'api') AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
        ORDER BY 1""")


def test_every_table_of_an_organisation_has_forced_row_level_security(stack):
    """Also those of later migrations."""
    tables = {name: (on, forced) for name, kind, owned, on, forced in relations(stack) if owned and kind in "rp"}
    tables["identity.organisations"] = next(
        (on, f) for name, _, _, on, f in relations(stack) if name == "identity.organisations"
    )
    assert "billd.invoices" in tables and "identity.api_keys" in tables
    assert {name: state for name, state in tables.items() if state != (True, True)} == {}


@pytest.mark.parametrize("role", ["api", "worker", "owner"])
def test_without_the_setting_no_role_sees_a_row(stack, two, role):
    """Every table and view of an organisation, with the role's own password: no row."""
    seen = {}
    with stack.connect(role) as connection:
        for name, _, owned, *_ in relations(stack):
            if not owned or (role, name) in SEEN_BY_ALL:
                continue
            try:
                seen[name] = connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
            except psycopg.errors.InsufficientPrivilege:
                seen[name] = 0
    assert seen and {name: count for name, count in seen.items() if count} == {}


@pytest.mark.parametrize("role", ["api", "worker"])
def test_with_the_setting_a_role_sees_that_organisation_alone(stack, two, role):
    """Rows of the one, none of the other."""
    mine, _, ids = two
    looked = 0
    with stack.connect(role, mine.organisation_id) as connection:
        for name, _, owned, *_ in relations(stack):
            if not owned or (role, name) in SEEN_BY_ALL:
                continue
            try:
                owners = connection.execute(f"SELECT DISTINCT organisation_id::text FROM {name}").fetchall()
            except psycopg.errors.InsufficientPrivilege:
                continue
            assert owners in ([], [(mine.organisation_id,)]), name
            looked += bool(owners)
        assert looked >= 5
        table = "api.customers" if role == "api" else "billd.customers"
        assert connection.execute(f"SELECT count(*) FROM {table} WHERE id = %s", [ids["customers"]]).fetchone() == (1,)


def test_a_worker_cannot_write_for_an_organisation_that_it_did_not_name(stack, two):
    """INSERT is refused, UPDATE finds nothing, and the row's owner cannot be changed."""
    mine, theirs, ids = two
    with stack.connect("worker", theirs.organisation_id) as connection:
        touched = connection.execute("UPDATE billd.customers SET name = 'stolen' WHERE id = %s", [ids["customers"]])
        assert touched.rowcount == 0
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            connection.execute(
                "INSERT INTO billd.operations"
                " (organisation_id, id, command, status, resource_type, resource_id, accepted_at)"
                " VALUES (%s, gen_random_uuid(), 'x', 'succeeded', 'x', gen_random_uuid(), now())",
                [mine.organisation_id],
            )
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            connection.execute("UPDATE billd.customers SET organisation_id = %s", [mine.organisation_id])


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        ("api", "DELETE FROM identity.api_keys"),
        ("api", "SELECT * FROM billd.customers"),
        ("api", "INSERT INTO billd.customers (id) VALUES (gen_random_uuid())"),
        ("worker", "UPDATE billd.invoices SET total = 0"),
        ("worker", "DELETE FROM billd.invoices"),
        ("worker", "DELETE FROM billd.operations"),
        ("worker", "SELECT * FROM identity.api_keys"),
        ("worker", "CREATE TABLE billd.mine (id int)"),
        ("worker", "ALTER TABLE billd.customers DISABLE ROW LEVEL SECURITY"),
        ("api", "CREATE TEMP TABLE mine (id int)"),
        ("api", "SET ROLE billd_owner"),
        ("worker", "SET ROLE billd_owner"),
    ],
)
def test_what_a_role_must_not_do_is_refused(stack, role, statement):
    """An issued invoice never changes, the api writes no billing data, and nobody becomes the owner."""
    with stack.connect(role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement)
