"""No organisation sees or touches another's rows: by HTTP, on the topic, and by the database itself."""

import contextlib
import uuid
from datetime import UTC, datetime

import psycopg
import pytest
from billing import charge, plan_of
from client import slug
from money import coupon_by, coupon_of, one_off, rate_of
from runs import Run, run_of, slow_chunks
from waiting import eventually
from wire import COMMAND_SCHEMAS, derived_id, encode, meta, shard_of

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
    ids["test-clocks"] = mine.succeed("POST", "/v1/test-clocks", {"now": "2026-01-01T00:00:00Z"})
    ids["coupons"] = coupon_by(mine, coupon_of(mine, percent_off="20"))["id"]
    ids["tax-rates"], ids["items"] = rate_of(mine, "19"), one_off(mine, customer_id, 100)
    ids["billing-runs"] = run_of(mine)[0].id
    theirs.customer(name="Theirs")
    return mine, theirs, ids


def snapshot(client, ids):
    return {kind: client.get(f"/v1/{kind}/{resource_id}") for kind, resource_id in ids.items()}


def test_reads_of_anothers_ids_are_not_found(two):
    """404, as for what was never there; lists and events show their own alone."""
    mine, theirs, ids = two
    for kind, resource_id in ids.items():
        theirs.refused(404, "not-found", "GET", f"/v1/{kind}/{resource_id}")
        # Items are listed by customer.
        assert kind == "items" or resource_id not in [one["id"] for one in theirs.all(f"/v1/{kind}")]
    answer = theirs.request("GET", f"/v1/customers/{ids['customers']}/invoices")
    assert answer.status_code == 404 or answer.json()["data"] == []
    assert {event["subject"] for event in theirs.events()}.isdisjoint(ids.values())
    assert len(mine.events()) == 10


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


# Every id of every command

# A worker's own, which nobody else may send.
INTERNAL = {"RecordPaymentOutcome", "ScheduleBillingRun", "FinishBillingRun"}


def id_fields():
    """(command, field) of each id that a command's schema has, whoever fills it in; of its meta, too."""
    for name, (schema, _) in sorted(COMMAND_SCHEMAS.items()):
        if name in INTERNAL:
            continue
        for field in schema["fields"]:
            if field["name"] == "meta":
                yield from ((name, f"meta.{inner['name']}") for inner in field["type"]["fields"] if is_id(inner))
            elif is_id(field):
                yield name, field["name"]


def is_id(field):
    kinds = field["type"] if isinstance(field["type"], list) else [field["type"]]
    return any(isinstance(kind, dict) and kind.get("logicalType") == "uuid" for kind in kinds)


# What a command must be filled with besides ids; a new command says here what it needs.
FILLED = {
    "CreateCustomer": {"name": "N"},
    "CreatePlan": {
        "code": "foreign",
        "name": "P",
        "currency": "USD",
        "interval": "day",
        "interval_count": 1,
        "amount": 1,
    },
    "ReportQuantity": {"charge_code": "use", "quantity": "1"},
    "CreateTestClock": {"now": datetime(2026, 1, 1, tzinfo=UTC)},
    "AdvanceTestClock": {"now": datetime(2026, 2, 1, tzinfo=UTC)},
    "ChangeSubscription": {"quantity": 2},
    "CreateCoupon": {"code": "foreign", "name": "C", "percent_off": "20"},
    "CreateTaxRate": {"code": "foreign", "name": "T", "percentage": "19"},
    "CreateItem": {"amount": 1, "description": "I"},
    "GiveCredit": {"amount": 1, "description": "G"},
    "PayInvoice": {"payment_method": "manual"},
}
NOUNS = {
    "customer_id": "customers",
    "plan_id": "plans",
    "subscription_id": "subscriptions",
    "test_clock_id": "test-clocks",
    "coupon_id": "coupons",
    "tax_rate_id": "tax-rates",
    "invoice_id": "invoices",
    "item_id": "items",
    "billing_run_id": "billing-runs",
}
# What must have been before a command can succeed.
BEFORE = {
    "ResumeBillingRun": ("pause", None),
    "ResumeSubscription": ("pause", None),
    "UncancelSubscription": ("cancel", {"effective": "period_end"}),
}


def filled(name, about, ids):
    """A command of that name with `ids`, a dictionary by noun, for the ids that it has."""
    record = {"meta": about} | FILLED.get(name, {})
    for field in COMMAND_SCHEMAS[name][0]["fields"]:
        if field["name"] in record:
            continue
        if is_id(field):
            record[field["name"]] = ids[NOUNS[field["name"]]]
        else:
            assert "default" in field, f"{name}.{field['name']} has no default: say in FILLED what it is filled with"
            record[field["name"]] = field["default"]
    return record


def place_of(name, record, wire):
    """The key and partition of a command: the shard of its subscription, invoice or item, its customer or, where it has
    none, its tenant.
    """
    within = record.get("subscription_id") or record.get("invoice_id") or record.get("item_id")
    if within:
        shard = int.from_bytes(uuid.UUID(within).bytes[6:8], "big") & 0x3FF
        return within, shard % wire.partitions
    key = record.get("customer_id", record["meta"]["organisation_id"])
    if name == "CreateTestClock":
        key = str(derived_id(record["meta"]["operation_id"], 8))
    elif "test_clock_id" in record:
        key = record["test_clock_id"]  # its customers lie in its shard
    return key, shard_of(key) % wire.partitions


def everything(stack, organisation_id):
    """All rows of an organisation that a command can make or change."""
    tables = ("customers", "plans", "plan_versions", "subscriptions", "quantities", "test_clocks", "invoices",
              "invoice_lines", "credit_entries", "operations", "coupons", "tax_rates", "items", "credit_notes",
              "payments", "journal", "number_series", "billing_runs", "billing_run_parts")  # fmt: skip
    return {
        table: sorted(
            stack.rows(f"SELECT t::text FROM billd.{table} t", role="worker", organisation_id=organisation_id)
        )
        for table in tables
    }


@pytest.mark.parametrize(("name", "field"), list(id_fields()), ids=lambda one: one)
def test_every_id_of_every_command_filled_with_anothers_is_refused(stack, two, wire, name, field):
    """Past the ingress: by an actor of the one, with an id of the other. Nothing of the other's changes."""
    # A run that is to be moved is still on its way when that comes.
    with slow_chunks(stack, 0.5) if "BillingRun" in name else contextlib.nullcontext():
        fill_with_anothers(stack, two, wire, name, field)


def fill_with_anothers(stack, two, wire, name, field):
    mine, theirs, ids = two
    own, about = own_ids(theirs), meta(theirs)
    if "BillingRun" in name:
        own["billing-runs"] = Run(theirs).started().id
    if name in BEFORE:
        verb, body = BEFORE[name]
        noun = "billing-runs" if "BillingRun" in name else "subscriptions"
        theirs.succeed("POST", f"/v1/{noun}/{own[noun]}/{verb}", body)
    if field == "meta.operation_id":
        # It has its outcome there; here it is another one, which neither finds that nor touches it.
        about["operation_id"] = done_operation(mine)
    elif field == "meta.organisation_id":
        about["organisation_id"] = mine.organisation_id
    before = everything(stack, mine.organisation_id)
    record = filled(name, about, own | ({NOUNS[field]: ids[NOUNS[field]]} if field in NOUNS else {}))
    if field == "plan_id" and name == "CreateSubscription":
        record["plan_code"] = None
    key, partition = place_of(name, record, wire)
    _, offset = wire.put(key, encode(name, record), partition)
    eventually(lambda: stack.progress()[partition][0] > offset, f"partition {partition} goes on behind {offset}")

    if field == "meta.organisation_id":
        operation = mine.operation(about["operation_id"])
        assert operation["status"] == "failed" and slug(operation["error"]) == "actor-not-permitted", operation
    elif field == "meta.operation_id":
        # That of an advance comes later than its message is behind the worker.
        operation = theirs.outcome(about["operation_id"], from_topic=True)
        assert (operation["command"], operation["status"]) == (snake(name), "succeeded"), operation
    else:
        operation = theirs.outcome(about["operation_id"])
        assert operation["status"] == "failed", operation
        assert slug(operation["error"]) == field.replace("_id", "-not-found").replace("_", "-"), operation
    after = everything(stack, mine.organisation_id)
    if field == "meta.organisation_id":
        # The refusal itself is an operation; of whom it names, and of nobody else.
        after["operations"] = [row for row in after["operations"] if about["operation_id"] not in row[0]]
    assert after == before


def test_the_ids_of_commands_are_those_we_know():
    """At least those of today; a new one is found by its type."""
    found = set(id_fields())
    assert {field for _, field in found} - {"meta.operation_id", "meta.organisation_id"} == set(NOUNS)
    assert {("CancelSubscription", "subscription_id"), ("CreateSubscription", "plan_id")} <= found
    assert {name for name, _ in found} == set(COMMAND_SCHEMAS) - INTERNAL


def test_what_a_provider_said_is_nobodys_to_say(stack, two, wire):
    """Nor in one's own organisation."""
    mine, _, ids = two
    about, before = meta(mine), snapshot(mine, ids)
    record = {"meta": about, "customer_id": ids["customers"], "invoice_id": ids["invoices"]}
    # Any id of the invoice's shard will do: who asks is looked at first.
    record |= {"payment_id": ids["invoices"], "outcome": "succeeded", "reference": None, "failure_code": None}
    key, partition = place_of("RecordPaymentOutcome", record, wire)
    wire.put(key, encode("RecordPaymentOutcome", record), partition)
    mine.failed(about["operation_id"], "actor-not-permitted", from_topic=True)
    assert snapshot(mine, ids) == before


def snake(name):
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


def done_operation(client):
    """The id of an operation that has succeeded."""
    accepted = client.send("POST", "/v1/customers", {"name": "Mine"})
    assert client.outcome(accepted["operation_id"])["status"] == "succeeded"
    return accepted["operation_id"]


def own_ids(client):
    """One of everything that an organisation has for itself."""
    customer_id, plan_id = client.customer(), client.plan()
    subscriber, other_plan = client.customer(), plan_of(client, charges=[charge("per_unit", unit_amount="1")])
    payer = client.customer()
    client.subscription(payer, plan_id)
    return {
        "customers": customer_id,
        "plans": plan_id,
        "subscriptions": client.subscription(subscriber, other_plan),
        "test-clocks": client.succeed("POST", "/v1/test-clocks", {"now": "2026-01-01T00:00:00Z"}),
        "coupons": coupon_by(client, coupon_of(client, percent_off="20"))["id"],
        "tax-rates": rate_of(client, "19"),
        "invoices": client.invoices_of(payer)[0]["id"],
        "items": one_off(client, customer_id, 100),
    }


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


def test_what_the_api_shows_of_an_organisation_is_read_as_the_api(stack):
    """A table has the api's policy, `shown`, exactly where views read it as the api: a view that is replaced without
    security_invoker reads as the owner, under the policy that is dearer."""
    views = stack.rows("""
        SELECT v.relname::text, coalesce(v.reloptions @> '{security_invoker=true}', false),
            array_agg(DISTINCT t.relname::text), bool_or(p.polname IS NOT NULL), bool_and(p.polname IS NOT NULL)
        FROM pg_rewrite r JOIN pg_class v ON v.oid = r.ev_class AND v.relnamespace = 'api'::regnamespace
        JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
        JOIN pg_class t ON d.refclassid = 'pg_class'::regclass AND t.oid = d.refobjid AND t.relkind = 'r'
        LEFT JOIN pg_policy p ON p.polrelid = t.oid AND p.polname = 'shown'
        GROUP BY 1, 2""")
    invokers = {name: set(tables) for name, invoker, tables, _, every in views if invoker and every}
    assert {name for name, invoker, _, some, _ in views if invoker or some} == set(invokers)
    assert {"invoices", "invoice_lines", "payments", "journal", "customers"} <= set().union(*invokers.values())
    assert len(invokers) >= 14


@pytest.mark.parametrize("view", ["customers", "invoices", "journal", "payments", "subscriptions"])
def test_a_policy_is_no_plan_of_its_own_where_one_resource_is_shown(stack, org, view):
    """An InitPlan for each table costs a read of one row more than all else that the policy does."""
    with stack.connect("api", org.organisation_id) as connection:
        select = f"SELECT json FROM api.{view} WHERE organisation_id = $1::uuid AND id = $2::uuid"
        connection.execute(f"PREPARE one AS {select}")
        connection.execute("SET plan_cache_mode = force_generic_plan")
        plan = "\n".join(row[0] for row in connection.execute("EXPLAIN EXECUTE one (NULL, NULL)").fetchall())
    assert "billd.organisations" in plan, plan
    assert "InitPlan" not in plan, plan


def test_the_setting_names_whole_ids_alone(stack, two):
    """The api finds a row's organisation in the setting as it stands: one of several is seen, half of one is not."""
    mine, theirs, ids = two
    one, other = mine.organisation_id, theirs.organisation_id
    ghost = str(uuid.uuid4())
    cases = {
        f"{{{one}}}": {one},
        f"{{{other},{one}}}": {one, other},
        f"{{{ghost},{other}}}": {other},
        f"{{{ghost}}}": set(),
        f"{{{one[:-1]}}}": set(),
        f"{{{one[1:]}}}": set(),
        f"{{{one[:18]},{one[18:]}}}": set(),
        "{}": set(),
        "": set(),
        "%": set(),
    }
    with stack.connect("api") as connection:
        for setting, seen in cases.items():
            connection.execute("SELECT set_config('billd.organisations', %s, false)", [setting])
            for name in ("api.customers", "billd.customers"):
                rows = connection.execute(f"SELECT DISTINCT organisation_id::text FROM {name}").fetchall()
                assert {owner for (owner,) in rows} == seen, (setting, name)
            invoices = connection.execute("SELECT count(*) FROM api.invoices WHERE id = %s", [ids["invoices"]])
            assert invoices.fetchone() == (1 if one in seen else 0,), setting


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


def columns_of(stack):
    """{table: {column: type}} of what the worker may write: every table of an organisation."""
    found = {}
    for table, column, kind in stack.rows("""
            SELECT format('%s.%s', n.nspname, c.relname), a.attname, format_type(a.atttypid, NULL)
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
            WHERE c.relkind IN ('r', 'p') AND n.nspname IN ('billd', 'identity')
                AND has_table_privilege('billd_worker', c.oid, 'INSERT')"""):
        found.setdefault(table, {})[column] = kind
    return {table: columns for table, columns in found.items() if "organisation_id" in columns}


def test_round_the_handlers_the_database_refuses_every_row_of_another(stack, two):
    """A worker that forgot to look: as its role, with the one organisation named, no row of the other's is seen or
    changed, and none like it can be written. For who is named, the same statements change what there is."""
    mine, theirs, _ = two
    tables, tried = columns_of(stack), 0
    for table, columns in sorted(tables.items()):
        if ("worker", table) in SEEN_BY_ALL:
            continue
        names = ", ".join(columns)
        with stack.connect("worker", mine.organisation_id) as connection:
            rows = connection.execute(f"SELECT {names} FROM {table}").fetchall()
        if not rows:
            continue
        tried += 1
        with stack.connect("worker", theirs.organisation_id) as connection:
            for where in ("true", f"organisation_id = '{mine.organisation_id}'"):
                found = connection.execute(f"SELECT organisation_id::text FROM {table} WHERE {where}").fetchall()
                assert all(row[0] == theirs.organisation_id for row in found), table
            values = ", ".join(f"%s::{kind}" for kind in columns.values())
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
                connection.execute(
                    f"INSERT INTO {table} ({names}) VALUES ({values})", [as_parameter(value) for value in rows[0]]
                )
        for named, touched in ((theirs, 0), (mine, len(rows))):
            with stack.connect("worker", named.organisation_id) as connection:
                if may_change(connection, table):
                    update = f"UPDATE {table} SET organisation_id = organisation_id WHERE organisation_id = %s"
                    assert connection.execute(update, [mine.organisation_id]).rowcount == touched, table
    assert tried >= 6


def as_parameter(value):
    return psycopg.types.json.Jsonb(value) if isinstance(value, dict | list) else value


def may_change(connection, table):
    """Whether the role may update a table's rows at all."""
    return connection.execute("SELECT has_column_privilege(%s, 'organisation_id', 'UPDATE')", [table]).fetchone()[0]


@pytest.mark.parametrize(
    ("reader", "statement"),
    [
        ("worker", "SELECT organisation_id, id, role, revoked_at, expires_at FROM identity.api_keys"),
        ("worker", "SELECT organisation_id, user_id, role FROM identity.memberships"),
    ],
)
def test_who_may_ask_is_seen_of_the_named_organisation_alone(stack, two, reader, statement):
    """What the worker looks at to judge an actor: of the organisation that it acts for, and none without."""
    mine, theirs, _ = two
    with stack.connect(reader) as connection:
        assert connection.execute(statement).fetchall() == []
    with stack.connect(reader, theirs.organisation_id) as connection:
        owners = {str(row[0]) for row in connection.execute(statement).fetchall()}
        assert owners <= {theirs.organisation_id}
    keys = stack.rows("SELECT organisation_id::text FROM identity.api_keys", organisation_id=mine.organisation_id)
    assert set(keys) == {(mine.organisation_id,)}


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        ("api", "DELETE FROM identity.api_keys"),
        ("api", "SELECT * FROM billd.operations"),
        ("api", "UPDATE billd.customers SET credit_balance = 1"),
        ("api", "UPDATE billd.payments SET amount = 1"),
        ("api", "DELETE FROM billd.invoices"),
        ("api", "INSERT INTO billd.plan_versions (id) VALUES (gen_random_uuid())"),
        ("api", "INSERT INTO billd.customers (id) VALUES (gen_random_uuid())"),
        ("worker", "UPDATE billd.invoices SET total = 0"),
        ("worker", "DELETE FROM billd.invoices"),
        ("worker", "DELETE FROM billd.operations"),
        ("worker", "SELECT * FROM identity.api_keys"),
        ("worker", "SELECT key_hash FROM identity.api_keys"),
        ("worker", "SELECT password_hash FROM identity.users"),
        ("worker", "SELECT * FROM identity.sessions"),
        ("worker", "SELECT * FROM identity.audit_log"),
        ("worker", "UPDATE identity.memberships SET role = 'owner'"),
        ("worker", "UPDATE identity.api_keys SET role = 'owner'"),
        ("worker", "INSERT INTO identity.signing_keys (purpose, name) VALUES ('command', 'mine')"),
        ("api", "INSERT INTO identity.signing_keys (purpose, name) VALUES ('command', 'mine')"),
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
