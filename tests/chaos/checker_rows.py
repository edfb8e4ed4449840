"""Rules about what is billed: resources as asked for, money, numbers, and who may see what."""

import itertools
from collections import defaultdict

from checker_index import KINDS, document_of_answer, milliseconds, repeated

LIVE = ("scheduled", "trialing", "active", "past_due", "paused")
INT64 = range(-(2**63), 2**63)
AMOUNTS = ("subtotal", "discount", "tax", "total", "credit_applied", "amount_due", "amount_paid")

# As asked


def created_as_asked(index, record, told, organisation):
    """[(field, asked, told)] of what a creation's event has otherwise than its command."""
    wanted = {name: value for name, value in record.items() if name not in ("meta", "plan_code")}
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
    wanted = {name: value or None for name, value in record.items() if name in told and value is not None}
    pairs, now = wanted.pop("metadata", None) or {}, told["metadata"]
    wrong = [(name, value, told[name]) for name, value in wanted.items() if told[name] != value]
    for name, value in pairs.items():
        if value != now.get(name, ""):
            wrong.append((f"metadata {name}", value, now.get(name)))
    return wrong


def archived_as_asked(index, record, told, organisation):
    return [("archived_at", "a time", None)] if told.get("archived_at") is None else []


def canceled_as_asked(index, record, told, organisation):
    if record["effective"] == "now":
        return [] if told["status"] == "canceled" else [("status", "canceled", told["status"])]
    return [] if told["cancel_at_period_end"] else [("cancel_at_period_end", True, False)]


# command -> (the schema of the event that tells its effect, how the effect is compared with the wish)
EFFECTS = {
    "CreateCustomer": ("Customer", created_as_asked),
    "UpdateCustomer": ("Customer", updated_as_asked),
    "ArchiveCustomer": ("Customer", archived_as_asked),
    "CreatePlan": ("Plan", created_as_asked),
    "UpdatePlan": ("Plan", updated_as_asked),
    "ArchivePlan": ("Plan", archived_as_asked),
    "CreateSubscription": ("Subscription", created_as_asked),
    "CancelSubscription": ("Subscription", canceled_as_asked),
}


def effect_is_as_asked(index):
    """What a command that succeeded created or changed has the fields that were asked for."""
    for operation_id, copies in index.copies.items():
        row, command = index.operations.get(operation_id), copies[0]
        if row is None or row["status"] != "succeeded":
            continue
        schema, compare = EFFECTS[command.name]
        for event, name, told in index.events_of.get(operation_id, ()):
            if name != schema or event["subject"] != row["resource_id"]:
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
            elif told != document:
                wrong = sorted(name for name in document if document[name] != told.get(name))
                yield f"the {kind} {one}: {', '.join(wrong)} differ from the last event"


# Money


def one_live_subscription(index):
    """A customer has at most one live subscription."""
    live = [row["customer_id"] for row in index.rows["subscriptions"].values() if row["status"] in LIVE]
    for customer_id in repeated(live):
        yield f"the customer {customer_id} has {live.count(customer_id)} live subscriptions"


def one_invoice_per_period(index):
    """A subscription has an invoice for its first period, and its invoices' periods don't overlap."""
    periods = defaultdict(list)
    for row in index.own("invoices"):
        periods[row["subscription_id"]].append((milliseconds(row["period_start"]), milliseconds(row["period_end"])))
    for one, found in periods.items():
        found.sort()
        for before, after in itertools.pairwise(found):
            if after[0] < before[1]:
                yield f"the subscription {one} is invoiced twice for a period: {before}, {after}"
    for one, row in index.rows["subscriptions"].items():
        if milliseconds(row["started_at"]) not in {start for start, _ in periods[one]}:
            yield f"the subscription {one} has no invoice for its first period"


def totals_are_the_lines(index):
    """Whole numbers in range; a line is quantity times price, sums are what they sum, one currency; 0 is paid."""
    for one, row in index.rows["invoices"].items():
        lines, sums = index.lines[one], {name: row[name] for name in AMOUNTS}
        numbers = [*sums.values(), *(line[name] for line in lines for name in ("quantity", "unit_amount", "amount"))]
        if not all(type(number) is int and number in INT64 for number in numbers):
            yield f"the invoice {one} has amounts that are no whole numbers of 64 bits: {numbers}"
            continue
        if not lines or [line["position"] for line in lines] != list(range(1, len(lines) + 1)):
            yield f"the invoice {one} has the lines {[line['position'] for line in lines]}"
        for line in lines:
            if line["amount"] != line["quantity"] * line["unit_amount"]:
                yield f"a line of the invoice {one}: {line['quantity']} * {line['unit_amount']} is {line['amount']}"
        wanted = {
            "subtotal": sum(line["amount"] for line in lines),
            "total": row["subtotal"] - row["discount"] + row["tax"],
            "amount_due": row["total"] - row["credit_applied"],
        }
        for name, amount in wanted.items():
            if row[name] != amount:
                yield f"the invoice {one}: {name} is {row[name]}, its parts give {amount}"
        if row["total"] == 0 and row["status"] != "paid":
            yield f"the invoice {one} over 0 is {row['status']}"


def prices_are_the_plans(index):
    """An invoice is in its customer's currency, and its lines have the price and the currency of their plan."""
    for one, row in index.rows["invoices"].items():
        currencies = {row["currency"], index.rows["customers"].get(row["customer_id"], {}).get("currency")}
        for line in index.lines[one]:
            plan = index.rows["plans"].get(line["plan_id"], {})
            currencies.add(plan.get("currency"))
            if line["unit_amount"] != plan.get("amount"):
                yield f"the invoice {one} charges {line['unit_amount']} for a plan of {plan.get('amount')}"
        if len(currencies) > 1:
            yield f"the invoice {one} mixes currencies: {sorted(map(str, currencies))}"


def numbers_are_gapless(index):
    """A customer's invoices are numbered 1, 2, 3, … in the order in which they were issued, with its one prefix."""
    series = defaultdict(list)
    issued = {row["subject"]: number for number, (row, _, _) in reversed(list(enumerate(index.events)))}
    for row in index.own("invoices"):
        series[row["customer_id"]].append(row)
    for customer_id, customer in index.rows["customers"].items():
        rows = sorted(series[customer_id], key=lambda row: row["sequence"])
        if [row["sequence"] for row in rows] != list(range(1, len(rows) + 1)):
            yield f"the customer {customer_id} has the invoices {[row['sequence'] for row in rows]}"
        if customer["invoice_count"] != len(rows):
            yield f"the customer {customer_id} counts {customer['invoice_count']} invoices of {len(rows)}"
        for row in rows:
            if row["number"] != f"{customer['number_prefix']}-{row['sequence']:04}":
                yield f"the customer {customer_id}: invoice {row['sequence']} has the number {row['number']}"
        order = [issued.get(row["id"], -1) for row in rows]
        if order != sorted(order):
            yield f"the customer {customer_id}: its invoices were issued in another order than they are numbered"
    for organisation_id, number in repeated([(row["organisation_id"], row["number"]) for row in index.own("invoices")]):
        yield f"organisation {organisation_id} has the invoice number {number} more than once"


# Organisations apart

# table -> {field: the table whose ids it holds}
REFERENCES = {
    "subscriptions": {"customer_id": "customers", "plan_id": "plans"},
    "invoices": {"customer_id": "customers", "subscription_id": "subscriptions"},
    "invoice_lines": {"invoice_id": "invoices", "plan_id": "plans"},
}
EVENT_REFERENCES = {"customer_id": "customers", "plan_id": "plans", "subscription_id": "subscriptions"}


def owners(index):
    """{(table, id): the organisations that have it}, over all that there are."""
    found = defaultdict(set)
    for table in ("customers", "plans", "subscriptions", "invoices", "invoice_lines", "operations", "outbox"):
        for row in index.evidence.tables[table]:
            found[table, row["id"]].add(row["organisation_id"])
    return found


def events_apart(index, owner):
    """What an event names belongs to the organisation that it is for."""
    for row, name, record in index.events:
        mine, said = {row["organisation_id"]}, f"{row['type']} {row['id']} of {row['organisation_id']}"
        kinds = [table for table, schema, _ in KINDS.values() if schema == name]
        places = [(table, row["subject"]) for table in kinds] + [("operations", row["operation_id"])]
        places += [(table, record[field]) for field, table in EVENT_REFERENCES.items() if field in record]
        if row["key"] != row["organisation_id"]:
            places.append(("customers", row["key"]))
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
        for kind, (table, schema, _) in KINDS.items():
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
                if document_of_answer(schema, document) != index.document(kind, rows[document["id"]]):
                    yield f"{said}: {document['id']} is shown as {document}"


RULES = [
    ("effect-is-as-asked", effect_is_as_asked),
    ("rows-are-as-told", rows_are_as_told),
    ("one-live-subscription", one_live_subscription),
    ("one-invoice-per-period", one_invoice_per_period),
    ("totals-are-the-lines", totals_are_the_lines),
    ("prices-are-the-plans", prices_are_the_plans),
    ("numbers-are-gapless", numbers_are_gapless),
    ("organisations-apart", organisations_apart),
    ("lists-are-the-rows", lists_are_the_rows),
]
