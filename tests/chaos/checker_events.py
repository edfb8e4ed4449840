"""Rules about events, dead letters, order and progress."""

from collections import defaultdict

from checker_index import (
    CREATES,
    EVENT_MARKS,
    KINDS,
    PAST_DUE,
    RECOVERED,
    bytes_of_row,
    document_of_answer,
    milliseconds,
    repeated,
    slug,
)
from wire import COMMANDS, EVENTS, partition_of

# command -> (the events of which it must have one each, those that it may have besides)
CREATED, CANCELED = "billd.subscription.created.v1", "billd.subscription.canceled.v1"
ISSUED, PAID, CREDITED = "billd.invoice.issued.v1", "billd.invoice.paid.v1", "billd.credit.recorded.v1"
PARKED = "billd.subscription.parked.v1"
UPDATED, CHANGED = "billd.subscription.updated.v1", "billd.subscription.changed.v1"
REPORTED = "billd.quantity.reported.v1"
ITEM_BILLED, NOTED = "billd.item.billed.v1", "billd.credit_note.issued.v1"
BEGUN = "billd.payment.created.v1"
INVOICE_UPDATED = "billd.invoice.updated.v1"
VOIDED, GIVEN_UP = "billd.invoice.voided.v1", "billd.invoice.marked_uncollectible.v1"
SETTLED = {f"billd.payment.{what}.v1" for what in ("succeeded", "failed", "unknown")}
RUN_STARTED, RUN_CANCELED, RUN_FINISHED = (
    f"billd.billing_run.{what}.v1" for what in ("started", "canceled", "finished")
)
BILLED = {ISSUED, PAID, CREDITED, ITEM_BILLED}
# What a command or a step can bring several of.
SEVERAL = {ITEM_BILLED, BEGUN, "billd.payment.succeeded.v1"}
EFFECTS = {
    "CreateCustomer": ({"billd.customer.created.v1"}, set()),
    "UpdateCustomer": ({"billd.customer.updated.v1"}, set()),
    "ArchiveCustomer": ({"billd.customer.archived.v1"}, {CANCELED} | BILLED),
    "CreatePlan": ({"billd.plan.created.v1"}, set()),
    "UpdatePlan": ({"billd.plan.updated.v1"}, set()),
    "ArchivePlan": ({"billd.plan.archived.v1"}, set()),
    "CreateSubscription": ({CREATED}, BILLED),
    "ChangeSubscription": (set(), {CHANGED, UPDATED, RECOVERED} | BILLED),
    "CancelSubscription": (set(), {CANCELED, UPDATED} | BILLED),
    "UncancelSubscription": ({UPDATED}, set()),
    "PauseSubscription": ({"billd.subscription.paused.v1"}, set()),
    "ResumeSubscription": (set(), {"billd.subscription.resumed.v1", CANCELED} | BILLED),
    "ReportQuantity": ({REPORTED}, set()),
    "CreateTestClock": ({"billd.test_clock.created.v1"}, set()),
    "AdvanceTestClock": ({"billd.test_clock.advanced.v1"}, set()),
    "CreateCoupon": ({"billd.coupon.created.v1"}, set()),
    "ArchiveCoupon": ({"billd.coupon.archived.v1"}, set()),
    "CreateTaxRate": ({"billd.tax_rate.created.v1"}, set()),
    "ArchiveTaxRate": ({"billd.tax_rate.archived.v1"}, set()),
    "CreateItem": ({"billd.item.created.v1"}, set()),
    "GiveCredit": ({CREDITED}, set()),
    "CreateCreditNote": ({NOTED}, {INVOICE_UPDATED, PAID, CREDITED, BEGUN, RECOVERED, "billd.payment.succeeded.v1"}),
    "PayInvoice": ({BEGUN}, {INVOICE_UPDATED, PAID, RECOVERED, "billd.payment.succeeded.v1"}),
    "VoidInvoice": ({VOIDED}, {CREDITED, RECOVERED}),
    "MarkUncollectible": ({GIVEN_UP}, {RECOVERED}),
    "RecordPaymentOutcome": (set(), {INVOICE_UPDATED, PAID, CREDITED, PAST_DUE, RECOVERED} | SETTLED),
    "StartBillingRun": ({RUN_STARTED}, set()),
    "ScheduleBillingRun": ({RUN_STARTED}, set()),
    "PauseBillingRun": ({"billd.billing_run.paused.v1"}, set()),
    "ResumeBillingRun": ({"billd.billing_run.resumed.v1"}, set()),
    "CancelBillingRun": ({RUN_CANCELED}, set()),
    "FinishBillingRun": ({RUN_FINISHED}, set()),
}
# What falls due makes one of these of a subscription.
DUE = {
    f"billd.subscription.{what}.v1"
    for what in ("started", "trial_ended", "renewed", "canceled", "expired", "parked", "earned")
}
# The type of an event that comes first for its subject -> table of its subject
BEGINNINGS = {
    "billd.customer.created.v1": "customers",
    "billd.plan.created.v1": "plans",
    CREATED: "subscriptions",
    ISSUED: "invoices",
    CREDITED: "credit_entries",
    "billd.test_clock.created.v1": "test_clocks",
    "billd.coupon.created.v1": "coupons",
    "billd.tax_rate.created.v1": "tax_rates",
    "billd.item.created.v1": "items",
    NOTED: "credit_notes",
    BEGUN: "payments",
    RUN_STARTED: "billing_runs",
}
ENDINGS = (
    "billd.customer.archived.v1", "billd.plan.archived.v1", CANCELED, "billd.subscription.expired.v1", RUN_CANCELED,
    RUN_FINISHED,
    "billd.coupon.archived.v1", "billd.tax_rate.archived.v1", VOIDED, GIVEN_UP,
    "billd.payment.succeeded.v1", "billd.payment.failed.v1",
)  # fmt: skip
# What is owed and paid goes on when its customer has ended.
MONEY = ("Invoice", "CreditEntry", "CreditNote", "Payment")

# Causes and effects


def effects_have_events(index):
    """Every command that succeeded has the events of its effects, in one piece of one partition."""
    for operation_id, copies in index.copies.items():
        row, command = index.operations.get(operation_id), copies[0]
        if row is None or (row["status"] != "succeeded" and operation_id not in index.declined):
            continue
        events = index.events_of.get(operation_id, [])
        must, may = EFFECTS[command.name]
        types = [event["type"] for event, _, _ in events]
        if not must <= set(types) <= must | may or not types or set(repeated(types)) - SEVERAL:
            yield f"{command.name} {operation_id} succeeded, and has the events {types}"
        places = [(event["partition"], event["number"]) for event, _, _ in events]
        if places and places != [(places[0][0], places[0][1] + i) for i in range(len(places))]:
            yield f"{command.name} {operation_id}: its events lie apart: {places}"
        about = {event["subject"] for event, _, _ in events}
        about |= {told.get(name) for _, _, told in events for name in ("subscription_id", "invoice_id")}
        if events and row["resource_id"] not in about:
            yield f"{command.name} {operation_id}: no event is about its resource {row['resource_id']}"


def nothing_owed_is_paid(index):
    """What is issued with nothing to pay is told as paid at once; else an invoice is told as paid when a payment or a
    credit note leaves nothing to pay, and only then."""
    for group in index.groups:
        issued = {event["subject"]: told for event, _, told in group if event["type"] == ISSUED}
        nothing = {one for one, told in issued.items() if told["amount_due"] == 0}
        paid = {event["subject"]: told for event, _, told in group if event["type"] == PAID}
        moved = {told["invoice_id"] for event, _, told in group if event["type"] in (NOTED, *SETTLED)}
        for one in sorted(nothing ^ (set(paid) - moved)):
            yield f"the invoice {one}: something is owed and it was paid, or the other way round"
        for event, name, told in group:
            if name == "Invoice" and (event["type"] == PAID) != (told["status"] == "paid" and event["type"] != ISSUED):
                # What is paid can be corrected once more.
                if event["type"] == INVOICE_UPDATED and told["status"] == "paid":
                    continue
                yield f"the invoice {event['subject']} is {told['status']}, and was told by {event['type']}"


def events_are_counted(index):
    """There are as many events that begin a resource as there are resources."""
    types = [event["type"] for event, _, _ in index.events]
    for beginning, table in BEGINNINGS.items():
        if types.count(beginning) != len(index.own(table)):
            yield f"{types.count(beginning)} events {beginning}, {len(index.own(table))} {table}"
    reported = {event["subject"] for event, _, _ in index.events if event["type"] == REPORTED}
    if len(reported) != len(index.own("quantities")):
        yield f"{len(reported)} quantities are told of, {len(index.own('quantities'))} are there"


def key_of(event, name, record):
    """What an event's partition follows from."""
    if name in ("Plan", "Coupon", "TaxRate", "BillingRun"):
        return event["organisation_id"]
    if name == "Quantity":
        return None  # its subscription's customer
    return record.get("customer_id", record["id"])


def events_have_causes(index):
    """Every event has a step that fell due or an operation that succeeded, of its organisation and time, a subject
    that exists, its customer's key."""
    tables = {schema: (table, prefix) for table, schema, prefix in KINDS.values()}
    due = {event["id"] for pieces in index.steps.values() for piece in pieces for event, _, _ in piece}
    for event, name, record in index.events:
        said = f"event {event['partition']}/{event['number']} {event['type']}"
        operation = index.operations.get(event["operation_id"])
        worked = operation is not None and (operation["status"] == "succeeded" or operation["id"] in index.declined)
        if event["id"] not in due and not worked:
            yield f"{said}: its operation {event['operation_id']} is {operation and operation['status']}"
        if name is None or not event["type"].startswith(tables[name][1]):
            yield f"{said}: its value is a {name}"
            continue
        if record["id"] != event["subject"] or event["subject"] not in index.rows[tables[name][0]]:
            yield f"{said}: its subject {event['subject']} is not there"
        key = key_of(event, name, record) or index.rows["subscriptions"][record["subscription_id"]]["customer_id"]
        if event["key"] != key or partition_of(key, len(index.progress)) != event["partition"]:
            yield f"{said}: it has the key {event['key']} and belongs to {key}"
        copies = index.copies.get(event["operation_id"])
        moments = {command.record["meta"]["accepted_at"] for command in copies or ()}
        if copies and milliseconds(event["occurred_at"]) not in moments:
            yield f"{said}: it occurred at {event['occurred_at']}, its command was accepted at {moments}"


def due_steps_are_whole(index):
    """What fell due is done once, in one piece and at its moment: it begins with what became of the subscription."""
    for cause, pieces in index.steps.items():
        kinds = [piece[0][0]["type"] for piece in pieces]
        said = f"the step {cause} of {pieces[0][0][0]['subject']}"
        done = [kind for kind in kinds if kind != PARKED]
        if set(kinds) - DUE or len(done) > 1 or (done and kinds[-1] == PARKED):
            yield f"{said} was done as {kinds}"
        for piece in pieces:
            types = [event["type"] for event, _, _ in piece]
            if not set(types[1:]) <= BILLED | {RECOVERED} or set(repeated(types)) - SEVERAL:
                yield f"{said} has the events {types}"
            if len({(event["occurred_at"], event["key"]) for event, _, _ in piece}) > 1:
                yield f"{said}: its events have other moments or keys than it"


# The outbox and the topic


def outbox_is_gapless(index):
    """Each partition's events are numbered 1, 2, 3, … up to what its progress says, and no event's id comes twice."""
    numbers = defaultdict(list)
    for row in index.evidence.tables["outbox"]:
        numbers[row["partition"]].append(row["number"])
    for partition, row in index.progress.items():
        found = sorted(numbers[partition])
        if found != list(range(1, row["event_number"] + 1)):
            yield f"partition {partition}: {len(found)} events, the last number is {row['event_number']}"
    for one in repeated([row["id"] for row in index.evidence.tables["outbox"]]):
        yield f"the event {one} is there twice"


def topic_is_gapless(index):
    """On the topic each partition's numbers are 1, 2, 3, … in order, once what was seen before is dropped."""
    for partition, numbered in index.published.items():
        last = 0
        for number, message in numbered:
            if number is None or number > last + 1:
                yield f"partition {partition}, offset {message.offset}: number {number} comes behind {last}"
            last = max(last, number or 0)
    for partition, row in index.progress.items():
        last = max(index.first_published.get(partition) or [0])
        if last != row["event_number"]:
            yield f"partition {partition}: {last} of {row['event_number']} events are on the topic"


def repeats_are_identical(index):
    """An event that is on the topic again is the same to the byte."""
    for partition, numbered in index.published.items():
        first = index.first_published[partition]
        for number, message in numbered:
            same = first.get(number, message)
            if (message.key, message.value, message.headers) != (same.key, same.value, same.headers):
                yield f"partition {partition}, number {number}: offset {message.offset} differs from {same.offset}"


def topic_is_the_outbox(index):
    """What is on the topic is what the outbox has: key, value and each attribute."""
    rows = {(row["partition"], row["number"]): row for row in index.evidence.tables["outbox"]}
    published = {
        (partition, number): message
        for partition, found in index.first_published.items()
        for number, message in found.items()
    }
    for place in sorted(set(rows) - set(published)):
        yield f"event {place} is not on the topic"
    for place, message in published.items():
        row = rows.get(place)
        if row is None:
            yield f"event {place} of the topic is not in the outbox"
            continue
        wanted = {
            "ce_specversion": "1.0",
            "ce_id": row["id"],
            "ce_type": row["type"],
            "ce_source": "billd",
            "ce_subject": row["subject"],
            "ce_organisationid": row["organisation_id"],
            "ce_operationid": row["operation_id"],
            "content-type": "application/avro",
        }
        wrong = [name for name, value in wanted.items() if message.headers.get(name) != value]
        if message.headers.get("ce_time") is None or milliseconds(message.headers["ce_time"]) != (
            milliseconds(row["occurred_at"]) // 1000 * 1000
        ):
            wrong.append("ce_time")
        if (message.key or b"").decode(errors="replace") != row["key"]:
            wrong.append("the key")
        if message.value != bytes_of_row(row["value"]):
            wrong.append("the value")
        if wrong:
            yield f"event {place}: {', '.join(wrong)} differ between topic and outbox"


def api_events_are_the_outbox(index):
    """GET /v1/events shows each of the organisation's events once, as it is, in each partition's order."""
    for organisation_id in sorted(index.organisations):
        lists = index.evidence.lists[organisation_id]
        own = {(row["partition"], row["number"]): (row, name, record) for row, name, record in index.events
               if row["organisation_id"] == organisation_id}  # fmt: skip
        shown, last = set(), {}
        for event in lists["events"]:
            place = (event["partition"], int(event["sequence"]))
            row, name, record = own.get(place, (None, None, None))
            if row is None or place in shown or place[1] < last.get(place[0], 0):
                yield f"events of {organisation_id}: {place} is strange, repeated or out of order"
                continue
            shown.add(place)
            last[place[0]] = place[1]
            names = ("id", "type", "subject")
            same = all(event[one] == row[one] for one in names) and event["operationid"] == row["operation_id"]
            if not same or name is None or document_of_answer(name, event["data"]) != record:
                yield f"events of {organisation_id}: {place} is shown as {event}"
        if set(own) - shown:
            yield f"events of {organisation_id}: hidden are {sorted(set(own) - shown)[:3]}"


# Order


def told_on_topic(index):
    """[(said, type, schema's name, subject, record)] of the topic, repeats dropped, partition by partition."""
    for partition, found in sorted(index.first_published.items()):
        for number, message in found.items():
            if message.headers.get("ce_organisationid") not in index.organisations:
                continue
            name, record = index.read(message.value, EVENT_MARKS) or (None, {})
            headers = message.headers
            said = f"event {partition}/{number} {headers.get('ce_type')} of {headers.get('ce_subject')}"
            yield said, headers.get("ce_type"), name, headers.get("ce_subject"), record


PARENTS = (
    ("Customer", "customer_id"), ("Subscription", "subscription_id"), ("Invoice", "invoice_id"),
    ("TestClock", "test_clock_id"), ("CreditNote", "credit_note_id"), ("Payment", "refund_of"),
    ("CreditEntry", "credit_entry_id"), ("Payment", "payment_id"),
)  # fmt: skip


def causes_come_first(index):
    """A resource's events begin with its creation and end with its end; its parents' come before them."""
    begun, ended = set(), set()
    for said, kind, name, subject, record in told_on_topic(index):
        if kind in BEGINNINGS or kind == REPORTED:
            if (name, subject) in begun and kind != REPORTED:
                yield f"{said}: it was created before"
            begun.add((name, subject))
        elif (name, subject) not in begun:
            yield f"{said}: it was not created before"
        for schema, field in PARENTS:
            parent = record.get(field)
            if parent and (schema, parent) not in begun:
                yield f"{said}: the {schema} {parent} was not created before"
        customer = ("Customer", record.get("customer_id", subject))
        goes_on = name in MONEY and kind != ISSUED
        if (name, subject) in ended or (customer in ended and not goes_on):
            yield f"{said}: it had ended before"
        if kind in ENDINGS:
            ended.add((name, subject))


def time_goes_forward(index):
    """Time never goes back: not a customer's from one event of it or its subscriptions to the next, whatever the clocks
    did, nor a plan's or a test clock's; nor from one invoice or credit of a subscription to the next, nor from one step
    that fell due to the next."""
    latest = {}
    for row, name, record in index.events:
        moments = []
        if name in ("Customer", "Subscription"):
            moments.append((row["key"], record.get("updated_at", 0)))
        elif name in ("Plan", "TestClock"):
            moments.append((row["subject"], record.get("now") or record.get("updated_at", 0)))
        elif row["type"] == ISSUED:
            moments.append((record.get("subscription_id"), record.get("issued_at", 0)))
        if row["operation_id"] in index.steps and name == "Subscription":
            moments.append((("due", row["subject"]), milliseconds(row["occurred_at"])))
        for place, at in moments:
            if at < latest.get(place, 0):
                yield f"event {row['partition']}/{row['number']} {row['type']}: at {at}, after {latest[place]}"
            latest[place] = at


def effects_follow_the_topic(index):
    """A partition's events are in the order of their commands; a command lies behind the one whose fruit it names. A
    clock that arrives tells so later, and what falls due has no place."""
    place = {one: (copies[0].partition, copies[0].offset) for one, copies in index.copies.items()}
    last = {}
    for row, _, _ in index.events:
        partition, offset = place.get(row["operation_id"], (None, 0))
        if partition is None or index.copies[row["operation_id"]][0].name == "AdvanceTestClock":
            continue
        if partition != row["partition"] or offset < last.get(partition, -1):
            yield f"event {row['partition']}/{row['number']}: its command lies at {offset} of partition {partition}"
        last[partition] = max(offset, last.get(partition, -1))
    makers = {
        index.operations[one]["resource_id"]: one
        for one, copies in index.copies.items()
        if copies[0].name in CREATES and one in index.operations
    }
    for one, copies in index.copies.items():
        for name in ("customer_id", "subscription_id", "plan_id", "test_clock_id", "coupon_id", "tax_rate_id"):
            maker = makers.get(copies[0].record.get(name))
            if maker and place[maker][0] == place[one][0] and place[maker] > place[one]:
                yield f"operation {one} at {place[one]} lies before {maker} at {place[maker]}, whose fruit it names"


# Progress


def between(times, before_at, at):
    """Whether a fault that moves the truth back lies between two samples; the last one, at the end, has no time."""
    return times is not None and before_at is not None and before_at <= times[1] and (at is None or times[0] <= at)


def progress_goes_forward(index):
    """No offset and no event number ever gets smaller, and no more is published than given."""
    columns = ("next_offset", "event_number", "published_number")
    final = {partition: [row[name] for name in columns] for partition, row in index.progress.items()}
    before_at, before = None, {}
    for at, partitions in [*((sample.at, sample.partitions) for sample in index.samples), (None, final)]:
        when = at or "the end"
        # The numbers that may have got smaller since the sample before.
        free = set(columns) if between(index.restored, before_at, at) else set()
        free |= {"next_offset"} if between(index.topic_again, before_at, at) else set()
        for partition, row in partitions.items():
            for name, now, then in zip(columns, row, before.get(partition, row), strict=True):
                if now < then and name not in free:
                    yield f"partition {partition}: {name} went from {then} back to {now} at {when}"
            if row[2] > row[1]:
                yield f"partition {partition}: {row[2]} of {row[1]} events are published, at {when}"
        if set(before) - set(partitions):
            yield f"partitions vanished at {when}: {sorted(set(before) - set(partitions))}"
        before_at, before = at, partitions


def all_is_done(index):
    """At the end nothing lags behind the topic, and nothing is left to be published."""
    for partition, end in index.evidence.ends[COMMANDS].items():
        row = index.progress.get(partition) or {"next_offset": None, "event_number": 0, "published_number": 0}
        if row["next_offset"] != end:
            yield f"partition {partition} is at offset {row['next_offset']} of {end}"
        if row["published_number"] != row["event_number"]:
            yield f"partition {partition}: {row['published_number']} of {row['event_number']} events are published"
    for (partition, offset), rows in index.letters.items():
        if any(row["organisation_id"] in index.organisations and not row["published"] for row in rows):
            yield f"the dead letter {partition}/{offset} is not published"


# Dead letters


def poison_is_set_aside(index):
    """Each poison message is one dead letter, as it came, in table and topic, and its neighbours have outcomes."""
    for (partition, offset), poison in index.poison.items():
        said = f"poison {partition}/{offset} ({poison.why})"
        rows, message = index.letters.get((partition, offset), []), index.messages_at.get((partition, offset))
        copies = index.published_letters.get((partition, offset), [])
        if message is None:
            yield f"{said}: there is no such message"
            continue
        if len(rows) != 1:
            yield f"{said}: {len(rows)} dead letters"
        for row in rows:
            if (bytes_of_row(row["key"]), bytes_of_row(row["value"])) != (message.key or b"", message.value or b""):
                yield f"{said}: its dead letter has other bytes"
            if not row["reason"] or not row["published"]:
                yield f"{said}: its dead letter has the reason {row['reason']!r}, published is {row['published']}"
        if not copies:
            yield f"{said}: it is not on the topic of dead letters"
        if any((copy.value or b"") != (message.value or b"") or copy.partition != partition for copy in copies):
            yield f"{said}: it is otherwise on the topic of dead letters"
    at = {(command.partition, command.offset): command for command in index.accepted}
    for partition, offset in index.poison:
        for place in ((partition, offset - 1), (partition, offset + 1)):
            neighbour = at.get(place)
            if neighbour and neighbour.operation_id not in index.operations:
                yield f"beside poison {partition}/{offset}: operation {neighbour.operation_id} has no outcome"


def only_poison_is_set_aside(index):
    """No command that came by the API and can be processed is a dead letter."""
    for command in index.accepted:
        place, row = (command.partition, command.offset), index.operations.get(command.operation_id)
        for letter in index.letters.get(place, ()):
            yield f"{command.name} {command.operation_id} at {place} is a dead letter: {letter['reason']}"
        if row and slug(row["problem"]) == "dead-letter":
            yield f"{command.name} {command.operation_id} at {place} failed as a dead letter"


def topics_are_whole(index):
    """Nothing is missing in a topic: offsets begin at 0 and go up to the end without a gap."""
    for topic in (COMMANDS, EVENTS):
        offsets = defaultdict(list)
        for message in index.evidence.topics[topic]:
            offsets[message.partition].append(message.offset)
        for partition, end in index.evidence.ends[topic].items():
            if offsets[partition] != list(range(end)):
                yield f"{topic}, partition {partition}: {len(offsets[partition])} messages up to offset {end}"


RULES = [
    ("effects-have-events", effects_have_events),
    ("nothing-owed-is-paid", nothing_owed_is_paid),
    ("events-are-counted", events_are_counted),
    ("due-steps-are-whole", due_steps_are_whole),
    ("events-have-causes", events_have_causes),
    ("outbox-is-gapless", outbox_is_gapless),
    ("topic-is-gapless", topic_is_gapless),
    ("repeats-are-identical", repeats_are_identical),
    ("topic-is-the-outbox", topic_is_the_outbox),
    ("api-events-are-the-outbox", api_events_are_the_outbox),
    ("causes-come-first", causes_come_first),
    ("time-goes-forward", time_goes_forward),
    ("effects-follow-the-topic", effects_follow_the_topic),
    ("progress-goes-forward", progress_goes_forward),
    ("all-is-done", all_is_done),
    ("topics-are-whole", topics_are_whole),
    ("poison-is-set-aside", poison_is_set_aside),
    ("only-poison-is-set-aside", only_poison_is_set_aside),
]
