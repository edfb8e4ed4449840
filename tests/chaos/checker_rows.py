"""Rules about resources: as asked for, as told, and who may see what. What is billed: checker_billing.py."""

from collections import defaultdict
from decimal import Decimal

from checker_index import KINDS, LISTED, UNTOLD, document_of_answer, repeated
from checker_runs import shown as shown_row

DAY_MS = 86_400_000

# As asked


def created_as_asked(index, record, told, organisation):
    """[(field, asked, told)] of what a creation's event has otherwise than its command."""
    wanted = {name: value for name, value in record.items() if name not in ("meta", "plan_code")}
    if "charges" in wanted and not wanted["charges"]:
        del wanted["charges"]  # an amount is a charge, too
    elif wanted.get("charges"):
        del wanted["amount"]  # what its flat charges come to
    for name in ("currency", "timezone"):
        if name in wanted and wanted[name] is None:
            wanted[name] = organisation[name]
    if "plan_code" in record and record["plan_id"] is None:
        del wanted["plan_id"]
        wanted["plan_code"] = record["plan_code"]
        plan = index.rows["plans"].get(told.get("plan_id"), {})
        told = told | {"plan_code": plan.get("code")}
    return [(name, value, told.get(name)) for name, value in wanted.items() if told.get(name) != value]


def updated_as_asked(index, record, told, organisation):
    """The same for a change: what is given is set, the empty text takes away, what isn't given stays."""
    wanted = {name: value or None for name, value in record.items() if name in told and value not in (None, [])}
    pairs, now = wanted.pop("metadata", None) or {}, told["metadata"]
    wrong = [(name, value, told[name]) for name, value in wanted.items() if told[name] != value]
    for name, value in pairs.items():
        if value != now.get(name, ""):
            wrong.append((f"metadata {name}", value, now.get(name)))
    return wrong


def archived_as_asked(index, record, told, organisation):
    return [("archived_at", "a time", None)] if told.get("archived_at") is None else []


def subscribed_as_asked(index, record, told, organisation):
    """Like any creation; when it starts and how long it tries has other names in what is told."""
    begun = {"start_at": told["started_at"]} if record["start_at"] is not None else {"start_at": None}
    if record["trial_days"] is not None:
        days = ((told["trial_end"] or 0) - (told["trial_start"] or 0)) / DAY_MS
        # A day of a zone's may have an hour more or less.
        begun["trial_days"] = record["trial_days"] if abs(days - record["trial_days"]) < 0.1 else days
    begun["coupon_codes"] = [discount["code"] for discount in told["discounts"]]
    return created_as_asked(index, record, told | begun, organisation)


def changed_as_asked(index, record, told, organisation):
    """At once, or noted for the period's end; so, too, when a parked one is changed now."""
    asked = {name: record[name] for name in ("plan_id", "quantity") if record[name] is not None}
    pending = {name: told[f"pending_{name}"] for name in asked}
    if all(told[name] == value for name, value in asked.items()):
        return []
    return [(name, value, (told[name], pending[name])) for name, value in asked.items() if pending[name] != value]


def canceled_as_asked(index, record, told, organisation):
    if record["effective"] == "now":
        return [] if told["status"] == "canceled" else [("status", "canceled", told["status"])]
    noted = told["cancel_at_period_end"] or told["status"] == "canceled"
    return [] if noted else [("cancel_at_period_end", True, False)]


def uncanceled_as_asked(index, record, told, organisation):
    return [("cancel_at_period_end", False, True)] if told["cancel_at_period_end"] else []


def paused_as_asked(index, record, told, organisation):
    return [] if told["status"] == "paused" else [("status", "paused", told["status"])]


def resumed_as_asked(index, record, told, organisation):
    """One that was paused in a trial, and was to end with it, does."""
    wanted = "canceled" if told["status"] == "canceled" and told["cancel_at_period_end"] else "active"
    return [] if told["status"] == wanted else [("status", wanted, told["status"])]


def reported_as_asked(index, record, told, organisation):
    asked, got = Decimal(record["quantity"]), Decimal(told["quantity"])
    wrong = got < asked if record["mode"] == "add" else got != asked
    names = ("subscription_id", "charge_code")
    return [("quantity", asked, got)] * wrong + [
        (name, record[name], told[name]) for name in names if record[name] != told[name]
    ]


def advanced_as_asked(index, record, told, organisation):
    wanted = {"now": record["now"], "status": "ready", "target_at": None}
    return [(name, value, told[name]) for name, value in wanted.items() if told[name] != value]


def coupon_as_asked(index, record, told, organisation):
    """Whose currency is that of its amount, and none without."""
    wanted = {name: value for name, value in record.items() if name != "meta"}
    return [(name, value, told[name]) for name, value in wanted.items() if told[name] != value]


def noted_as_asked(index, record, told, organisation):
    """Each line that was named, over as much; nothing is paid back that was not to be."""
    wanted = {"invoice_id": record["invoice_id"], "reason": record["reason"]}
    wrong = [(name, value, told[name]) for name, value in wanted.items() if told[name] != value]
    lines = {line["line_id"]: line["amount"] for line in told["lines"]}
    asked = {line["line_id"]: line["amount"] for line in record["lines"]}
    if asked and asked != lines:
        wrong.append(("lines", asked, lines))
    if told["refunded"] and not record["refund"]:
        wrong.append(("refund", False, told["refunded"]))
    return wrong


def paid_as_asked(index, record, told, organisation):
    """By that method, as much as was told; a manual one at once."""
    wanted = {name: record[name] for name in ("invoice_id", "payment_method")} | {"kind": "payment"}
    if record["amount"] is not None:
        wanted["amount"] = record["amount"]
    if record["payment_method"] == "manual":
        wanted["reference"] = record["reference"]
    return [(name, value, told[name]) for name, value in wanted.items() if told[name] != value]


def settled_as_told(index, record, told, organisation):
    wanted = {name: record[name] for name in ("customer_id", "invoice_id", "failure_code")}
    wanted |= {"id": record["payment_id"], "status": record["outcome"]}
    if record["reference"] is not None:
        wanted["reference"] = record["reference"]
    return [(name, value, told[name]) for name, value in wanted.items() if told[name] != value]


def voided_as_asked(index, record, told, organisation):
    return [] if told["status"] == "void" else [("status", "void", told["status"])]


def given_up_as_asked(index, record, told, organisation):
    return [] if told["status"] == "uncollectible" else [("status", "uncollectible", told["status"])]


def started_as_asked(index, record, told, organisation):
    """Up to the moment of the command, where none was named."""
    wanted = {name: record[name] for name in ("dry_run", "invoices_max")} | {"status": "running"}
    wanted["as_of"] = record["as_of"] if record["as_of"] is not None else record["meta"]["accepted_at"] // 1000 * 1000
    return [(name, value, told[name]) for name, value in wanted.items() if told[name] != value]


def moved_to(status):
    def moved_as_asked(index, record, told, organisation):
        return [] if told["status"] == status else [("status", status, told["status"])]

    return moved_as_asked


# command -> (the schema of the event that tells its effect, how the effect is compared with the wish)
EFFECTS = {
    "CreateCustomer": ("Customer", created_as_asked),
    "UpdateCustomer": ("Customer", updated_as_asked),
    "ArchiveCustomer": ("Customer", archived_as_asked),
    "CreatePlan": ("Plan", created_as_asked),
    "UpdatePlan": ("Plan", updated_as_asked),
    "ArchivePlan": ("Plan", archived_as_asked),
    "CreateSubscription": ("Subscription", subscribed_as_asked),
    "ChangeSubscription": ("Subscription", changed_as_asked),
    "CancelSubscription": ("Subscription", canceled_as_asked),
    "UncancelSubscription": ("Subscription", uncanceled_as_asked),
    "PauseSubscription": ("Subscription", paused_as_asked),
    "ResumeSubscription": ("Subscription", resumed_as_asked),
    "ReportQuantity": ("Quantity", reported_as_asked),
    "CreateTestClock": ("TestClock", created_as_asked),
    "AdvanceTestClock": ("TestClock", advanced_as_asked),
    "CreateCoupon": ("Coupon", coupon_as_asked),
    "ArchiveCoupon": ("Coupon", archived_as_asked),
    "CreateTaxRate": ("TaxRate", created_as_asked),
    "ArchiveTaxRate": ("TaxRate", archived_as_asked),
    "CreateItem": ("Item", created_as_asked),
    "GiveCredit": ("CreditEntry", created_as_asked),
    "CreateCreditNote": ("CreditNote", noted_as_asked),
    "PayInvoice": ("Payment", paid_as_asked),
    "VoidInvoice": ("Invoice", voided_as_asked),
    "MarkUncollectible": ("Invoice", given_up_as_asked),
    "RecordPaymentOutcome": ("Payment", settled_as_told),
    "StartBillingRun": ("BillingRun", started_as_asked),
    "ScheduleBillingRun": ("BillingRun", started_as_asked),
    "PauseBillingRun": ("BillingRun", moved_to("paused")),
    "ResumeBillingRun": ("BillingRun", moved_to("running")),
    "CancelBillingRun": ("BillingRun", moved_to("canceled")),
    "FinishBillingRun": ("BillingRun", moved_to("finished")),
}
# What these change has an id of its own: it is below the resource that they name.
BELOW = ("ReportQuantity", "PayInvoice")


def effect_is_as_asked(index):
    """What a command that succeeded created or changed has the fields that were asked for."""
    for operation_id, copies in index.copies.items():
        row, command = index.operations.get(operation_id), copies[0]
        if row is None or (row["status"] != "succeeded" and operation_id not in index.declined):
            continue
        schema, compare = EFFECTS[command.name]
        for event, name, told in index.events_of.get(operation_id, ()):
            if name != schema or (command.name not in BELOW and event["subject"] != row["resource_id"]):
                continue
            for what, asked, got in compare(index, command.record, told, index.settings[row["organisation_id"]]):
                yield f"{command.name} {operation_id}: {what} was asked as {asked!r}, and is {got!r}"


def rows_are_as_told(index):
    """Each resource's row is what the last event about it says."""
    for kind, (table, schema, _) in KINDS.items():
        for one, row in index.rows[table].items():
            told, document = index.last_told.get((schema, one)), index.document(kind, row)
            if told is None:
                yield f"the {kind} {one} has no event"
                continue
            wrong = {name for name in document if document[name] != told.get(name)} - set(UNTOLD.get(kind, ()))
            if wrong:
                wrong = sorted(wrong)
                yield f"the {kind} {one}: {', '.join(wrong)} differ from the last event"


# Organisations apart

# table -> {field: the table whose ids it holds}
REFERENCES = {
    "subscriptions": {"customer_id": "customers", "plan_id": "plans"},
    "invoices": {"customer_id": "customers", "subscription_id": "subscriptions"},
    "invoice_lines": {"invoice_id": "invoices", "plan_id": "plans"},
    "plan_versions": {"plan_id": "plans"},
    "quantities": {"subscription_id": "subscriptions"},
    "credit_entries": {"customer_id": "customers"},
    "items": {"customer_id": "customers"},
    "credit_notes": {"customer_id": "customers", "invoice_id": "invoices"},
    "payments": {"customer_id": "customers", "invoice_id": "invoices"},
    "journal": {"customer_id": "customers"},
}
EVENT_REFERENCES = {
    "customer_id": "customers", "plan_id": "plans", "subscription_id": "subscriptions", "invoice_id": "invoices",
    "test_clock_id": "test_clocks", "credit_note_id": "credit_notes", "payment_id": "payments",
    "refund_of": "payments", "credit_entry_id": "credit_entries",
}  # fmt: skip


def owners(index):
    """{(table, id): the organisations that have it}, over all that there are."""
    found = defaultdict(set)
    for table in (*(table for table, _, _ in KINDS.values()), "invoice_lines", "operations", "outbox"):
        for row in index.evidence.tables[table]:
            found[table, row["id"]].add(row["organisation_id"])
    return found


def events_apart(index, owner):
    """What an event names belongs to the organisation that it is for."""
    for row, name, record in index.events:
        mine, said = {row["organisation_id"]}, f"{row['type']} {row['id']} of {row['organisation_id']}"
        kinds = [table for table, schema, _ in KINDS.values() if schema == name]
        places = [(table, row["subject"]) for table in kinds] + [("operations", row["operation_id"])]
        places += [(table, record[field]) for field, table in EVENT_REFERENCES.items() if record.get(field)]
        if row["key"] != row["organisation_id"]:
            places.append(("test_clocks" if name == "TestClock" else "customers", row["key"]))
        for table, one in places:
            if owner.get((table, one), mine) != mine:
                yield f"{said} is about {one} of {owner[table, one]}"


def organisations_apart(index):
    """Each id belongs to one organisation, and no row, event or answer names what is another's."""
    owner = owners(index)
    for (table, one), found in owner.items():
        if len(found) > 1:
            yield f"{table}: {one} belongs to {sorted(found)}"
    for table, fields in REFERENCES.items():
        for row in index.own(table):
            for name, other in fields.items():
                found = owner.get((other, row[name]))
                if found != {row["organisation_id"]}:
                    yield f"{table} {row['id']} of {row['organisation_id']}: its {name} is of {found}"
    yield from events_apart(index, owner)
    for attempt, operation_id in index.told:
        if owner.get(("operations", operation_id), {attempt.organisation_id}) != {attempt.organisation_id}:
            yield f"operation {operation_id} was told to {attempt.organisation_id}, and is another's"
    for sight in index.sights:
        mine = {sight.organisation_id}
        if sight.status == 200 and owner.get(("operations", sight.operation_id), mine) != mine:
            yield f"operation {sight.operation_id} was shown to {sight.organisation_id}, and is another's"


def lists_are_the_rows(index):
    """The API's lists show each of the organisation's rows once, as it is, newest first, and nothing else."""
    for organisation_id in sorted(index.organisations):
        lists = index.evidence.lists[organisation_id]
        for kind in LISTED:
            table, schema, _ = KINDS[kind]
            rows = {one: row for one, row in index.rows[table].items() if row["organisation_id"] == organisation_id}
            shown = [document["id"] for document in lists[table]]
            said = f"{table} of {organisation_id}"
            if repeated(shown) or set(shown) != set(rows):
                strange, hidden = sorted(set(shown) - set(rows)), sorted(set(rows) - set(shown))
                yield f"{said}: strange {strange[:3]}, hidden {hidden[:3]}, repeated {repeated(shown)[:3]}"
                continue
            moments = [rows[one]["created_ms"] for one in shown]
            if moments != sorted(moments, reverse=True):
                yield f"{said} are not the newest first"
            for document in lists[table]:
                row = shown_row(index, kind, rows[document["id"]])
                if document_of_answer(schema, document) != index.document(kind, row):
                    yield f"{said}: {document['id']} is shown as {document}"


RULES = [
    ("effect-is-as-asked", effect_is_as_asked),
    ("rows-are-as-told", rows_are_as_told),
    ("organisations-apart", organisations_apart),
    ("lists-are-the-rows", lists_are_the_rows),
]
