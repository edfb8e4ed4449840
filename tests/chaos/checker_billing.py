"""Rules about what is billed: periods, money, numbers, credit, and that nothing that fell due is left undone."""

import itertools
import json
from collections import Counter, defaultdict
from decimal import Decimal

from billing import check_explanation
from checker_index import PAST_DUE, RECOVERED, milliseconds, repeated

FINAL = ("void", "uncollectible")  # states of an invoice that nothing more is paid of
LIVE = ("scheduled", "trialing", "active", "past_due", "paused")
INT64 = range(-(2**63), 2**63)
AMOUNTS = (
    "subtotal", "discount", "tax", "tax_included", "total", "credit_applied", "amount_due", "amount_paid",
    "amount_credited", "amount_refunded", "credited_total",
)  # fmt: skip
LINE_AMOUNTS = ("quantity", "unit_amount", "amount", "discount", "tax", "tax_included", "credited")
BEGINS = ("subscription_create", "subscription_cycle")  # reasons: a period begins
ENDS = ("subscription_cancel", "subscription_end")
EARNED_AFTER_MS = 32 * 86_400_000
DUE_SECONDS = 20  # what fell due so long ago is done on a stack that is quiet, or parked


def one_live_subscription(index):
    """A customer has at most one live subscription."""
    live = [row["customer_id"] for row in index.rows["subscriptions"].values() if row["status"] in LIVE]
    for customer_id in repeated(live):
        yield f"the customer {customer_id} has {live.count(customer_id)} live subscriptions"


# Periods


def one_invoice_per_period(index):
    """A subscription is invoiced once for each period that begins, and once at its end."""
    begun, ended = [], []
    for row in index.own("invoices"):
        if row["reason"] in BEGINS:
            begun.append((row["subscription_id"], row["period_start"]))
        elif row["reason"] in ENDS:
            ended.append(row["subscription_id"])
    for one, start in repeated(begun):
        yield f"the subscription {one} is invoiced twice for the period from {start}"
    for one in repeated(ended):
        yield f"the subscription {one} is invoiced twice for its end"


def begins(reason, told):
    """The one invoice of a period that begins."""
    return [(reason, told["current_period_start"], told["current_period_end"])]


def period_of(told):
    return told["current_period_start"], told["current_period_end"]


def after_creation(before, told):
    if told["status"] == "active":
        return told["current_period_start"] == told["started_at"], begins("subscription_create", told)
    return told["status"] in ("trialing", "scheduled"), []


def after_start(before, told):
    active = told["status"] == "active"
    return period_of(told) == period_of(before), begins("subscription_cycle", told) if active else []


def after_period(before, told):
    return told["current_period_start"] == before["current_period_end"], begins("subscription_cycle", told)


def after_change(before, told):
    """In a period that costs something it stays, or is cut at the change, or a new one begins there."""
    start, end = period_of(told)
    same_end = end == before["current_period_end"]
    charged = before["status"] in ("active", "past_due")
    fits = start == told["updated_at"] or (start == before["current_period_start"] and (same_end or not charged))
    return fits, []


def after_resumption(before, told):
    """The period goes on with what was left of it; a trial that was paused is over, and the first period begins."""
    if before["trial_end"] and before["current_period_start"] < before["trial_end"]:
        return told["current_period_start"] == told["updated_at"], begins("subscription_cycle", told)
    pause = told["updated_at"] - before["paused_at"]
    start, end = period_of(told)
    ends = (before["current_period_end"] + pause, told["end_at"])
    return start == before["current_period_start"] + pause and (end in ends), []


def after_anything_else(before, told):
    return period_of(told) == period_of(before), []


# What an event makes of the period: whether that fits what was told before, and which invoice it begins with.
STEPS = {
    "created": after_creation,
    "started": after_start,
    "trial_ended": after_period,
    "renewed": after_period,
    "changed": after_change,
    "resumed": after_resumption,
}


def periods_tile(index):
    """A subscription's periods follow each other without gap or overlap from its start to its end, moved by pauses and
    changes alone, and each has its invoice, made with it; no other is made for a period."""
    counted = 0
    for one, life in index.lives.items():
        before = None
        for (event, _, told), group in life:
            kind = event["type"].split(".")[2]
            said = f"the subscription {one}, {kind} with event {event['partition']}/{event['number']}"
            if (before is None) != (kind == "created"):
                yield f"{said}: that is no order"
                break
            fits, wanted = STEPS.get(kind, after_anything_else)(before, told)
            if not fits or told["current_period_start"] >= told["current_period_end"]:
                yield f"{said}: its period {period_of(told)} comes behind {before and period_of(before)}"
            made = [
                (record["reason"], record["period_start"], record["period_end"])
                for row, name, record in group
                if row["type"] == "billd.invoice.issued.v1" and record["subscription_id"] == one
                and record["reason"] in BEGINS and event["type"] not in STANDS
            ]  # fmt: skip
            counted += len(made)
            if made != wanted:
                yield f"{said}: its invoices are {made}, not {wanted}"
            before = told
    there = sum(row["reason"] in BEGINS for row in index.own("invoices"))
    if there != counted:
        yield f"{there} invoices are for periods, {counted} periods began"


# Standing

STANDS = {PAST_DUE: ("active", "past_due"), RECOVERED: ("past_due", "active")}


def standing_is_the_latest_invoices(index):
    """A subscription names its latest invoice. It is past due from a failed payment of that on, and until its latest
    one is open no more; other events leave it so, unless they end or pause it, and a pause is a new beginning."""
    latest = {row["subscription_id"]: row for row in sorted(index.own("invoices"), key=lambda row: row["sequence"])}
    attempts = [row for row in index.own("payments") if row["kind"] == "payment"]
    failed = {row["invoice_id"] for row in attempts if row["status"] == "failed"}
    for one, row in index.rows["subscriptions"].items():
        invoice, life = latest.get(one), index.lives.get(one, ())
        kinds = {event["type"].split(".")[2] for (event, _, _), _ in life}
        if row["latest_invoice_id"] != (invoice and invoice["id"]):
            yield f"the subscription {one} has {row['latest_invoice_id']} as its latest invoice, of {invoice}"
        owes = invoice is not None and invoice["status"] == "open"
        if row["status"] == "past_due" and not owes:
            yield f"the subscription {one} is past due, and owes nothing of its latest invoice"
        if row["status"] == "active" and owes and invoice["id"] in failed and "resumed" not in kinds:
            yield f"the subscription {one} is active, and a payment of its latest invoice failed"
        for ((_, _, before), _), ((event, _, told), _) in itertools.pairwise(life):
            moved = before["status"], told["status"]
            stays = moved[0] == moved[1] or "past_due" not in moved or moved[1] in ("paused", "canceled")
            if moved != STANDS.get(event["type"], moved if stays else None):
                yield f"the subscription {one}: {event['type']} made it {moved[1]}, and it was {moved[0]}"


# Money


def totals_are_the_lines(index):
    """Whole numbers in range; sums are what they sum; nothing is negative; what owes nothing is paid, and only that,
    unless it was voided or given up."""
    for one, row in index.rows["invoices"].items():
        lines, sums = index.lines[one], {name: row[name] for name in AMOUNTS}
        numbers = [*sums.values(), *(line[name] for line in lines for name in LINE_AMOUNTS)]
        if not all(type(number) is int and number in INT64 for number in numbers):
            yield f"the invoice {one} has amounts that are no whole numbers of 64 bits: {numbers}"
            continue
        if [line["position"] for line in lines] != list(range(1, len(lines) + 1)):
            yield f"the invoice {one} has the lines {[line['position'] for line in lines]}"
        if not lines and row["reason"] not in BEGINS:
            yield f"the invoice {one} has no lines, and is for {row['reason']}"
        wanted = {
            "subtotal": sum(line["amount"] for line in lines),
            "discount": sum(line["discount"] for line in lines),
            "tax": sum(line["tax"] for line in lines),
            "tax_included": sum(line["tax_included"] for line in lines),
            "total": row["subtotal"] - row["discount"] + row["tax"] - row["tax_included"],
            "amount_due": row["total"] - row["credit_applied"],
        }
        for name, amount in wanted.items():
            if row[name] != amount:
                yield f"the invoice {one}: {name} is {row[name]}, its parts give {amount}"
        remaining = row["amount_due"] - row["amount_paid"] - row["amount_credited"]
        # What credited lines give back can be more than the others have, of each part of the sum but the whole.
        if min(remaining, *(row[name] for name in AMOUNTS[AMOUNTS.index("total") :])) < 0:
            yield f"the invoice {one} is negative: {sums}"
        if row["status"] not in FINAL and (remaining == 0) != (row["status"] == "paid"):
            yield f"the invoice {one}, of which {remaining} remains, is {row['status']}"


def lines_are_explained(index):
    """Each line's amount follows from its explanation, by pencil; those of credits, too."""
    credited = [(row["id"], line) for row in index.own("credit_entries") for line in row["lines"] or []]
    billed = [(one, line) for one, lines in index.lines.items() for line in lines]
    for one, line in credited + billed:
        why = line["explanation"]
        line = line | {"explanation": json.loads(why) if isinstance(why, str) else why}
        try:
            check_explanation(line)
        except (AssertionError, KeyError, ValueError) as error:
            yield f"a line of {one}: {type(error).__name__} {error}"


def prices_are_the_plans(index):
    """An invoice is in its customer's currency, and its lines have model and price of a charge of their plan."""
    versions = defaultdict(list)
    for row in index.own("plan_versions"):
        versions[row["plan_id"]].append(row)
    for one, row in index.rows["invoices"].items():
        currencies = {row["currency"], index.rows["customers"].get(row["customer_id"], {}).get("currency")}
        for line in index.lines[one]:
            if line["kind"] == "item":
                continue
            currencies |= {version["currency"] for version in versions[line["plan_id"]]}
            charges = [charge for version in versions[line["plan_id"]] for charge in version["charges"]]
            if not any(charge["code"] == line["charge_code"] and is_price(charge, line) for charge in charges):
                yield f"the invoice {one} has the line {line}, which no version of its plan charges"
        if len(currencies) > 1:
            yield f"the invoice {one} mixes currencies: {sorted(map(str, currencies))}"


def is_price(charge, line):
    why = line["explanation"]
    why = json.loads(why) if isinstance(why, str) else why
    if line["kind"] != "charge":
        return why[f"{line['kind'][:3]}_amount"] == charge[f"{line['kind'][:3]}_amount"]
    if why["model"] != charge["model"]:
        return False
    if why["model"] == "flat":
        return why["amount"] == charge["amount"]
    if why["model"] == "per_unit":
        return Decimal(why["unit_amount"]) == Decimal(charge["unit_amount"])
    return True


# reason of a credit: the signs that its amount can have
CREDIT_SIGNS = {
    "proration": (1,), "invoice": (-1,), "grant": (1, -1), "invoice_void": (1,), "credit_note": (1,),
    "refund_failed": (1,),
}  # fmt: skip


def credits_add_up(index):
    """A customer's credit balance is the sum of its entries, numbered without a gap, none of which overdraws it; what
    an invoice took of it is an entry, and so is what a void one, a credit note or a failed refund gave back."""
    entries, taken, back = defaultdict(list), defaultdict(int), defaultdict(int)
    for row in index.own("credit_entries"):
        entries[row["customer_id"]].append(row)
        if row["reason"] == "invoice":
            taken[row["invoice_id"]] -= row["amount"]
        elif row["reason"] == "invoice_void":
            back["invoice", row["invoice_id"]] += row["amount"]
        elif row["reason"] in ("credit_note", "refund_failed"):
            back[row["reason"], row["credit_note_id"]] += row["amount"]
        given = sum(line["amount"] for line in row["lines"] or [])
        given += row["tax"] - row["discount"] - row["tax_included"]
        sign = (row["amount"] > 0) - (row["amount"] < 0)
        if sign not in CREDIT_SIGNS[row["reason"]] or (row["lines"] and given != -row["amount"]):
            yield f"the credit {row['id']} over {row['amount']} is for {row['reason']}, its lines come to {given}"
    for customer_id, customer in index.rows["customers"].items():
        rows = sorted(entries[customer_id], key=lambda row: row["sequence"])
        balances = list(itertools.accumulate(row["amount"] for row in rows))
        if [row["sequence"] for row in rows] != list(range(1, customer["credit_count"] + 1)):
            yield f"the customer {customer_id} counts {customer['credit_count']} credits of {len(rows)}"
        if [row["balance_after"] for row in rows] != balances or min(balances, default=0) < 0:
            yield f"the customer {customer_id}: its credits come to {balances}, told is otherwise"
        if customer["credit_balance"] != (balances or [0])[-1]:
            yield f"the customer {customer_id} has {customer['credit_balance']}, its credits come to {balances[-1:]}"
    for one, row in index.rows["invoices"].items():
        if taken[one] != row["credit_applied"]:
            yield f"the invoice {one} took {row['credit_applied']} of the balance, booked are {taken[one]}"
        if back["invoice", one] != (row["credit_applied"] if row["status"] == "void" else 0):
            yield f"the invoice {one} is {row['status']}, {back['invoice', one]} went back to the balance"
    failed = defaultdict(int)
    for row in index.own("payments"):
        if row["kind"] == "refund" and row["status"] == "failed":
            failed[row["credit_note_id"]] += row["amount"]
    for one, row in index.rows["credit_notes"].items():
        told, wanted = (back["credit_note", one], back["refund_failed", one]), (row["credited"], failed[one])
        if told != wanted:
            yield f"the credit note {one}: {told} went to the balance, {wanted} was to"


def numbers_are_gapless(index):
    """A customer's invoices are numbered 1, 2, 3, … in the order in which they were issued, with its one prefix; where
    the organisation has one series, that is numbered so."""
    counted = {row["organisation_id"]: row for row in index.own("number_series")}
    for organisation_id in sorted(index.organisations):
        settings = index.settings[organisation_id].get("settings") or {}
        series = counted.get(organisation_id, {"invoice_count": 0, "credit_note_count": 0})
        for table, infix in (("invoices", ""), ("credit_notes", "-CN")):
            rows = [row for row in index.own(table) if row["organisation_id"] == organisation_id]
            has_series = settings.get("invoice_numbering") == "organisation"
            numbers = sorted(row["series_sequence"] for row in rows if row["series_sequence"] is not None)
            count = series[f"{table[:-1]}_count"]
            if numbers != list(range(1, count + 1)) or (has_series and len(numbers) != len(rows)):
                said = f"the organisation {organisation_id} has {len(rows)} {table}"
                yield f"{said}, of its series {len(numbers)} up to {numbers[-1:]}, counted are {count}"
            prefix = f"{settings.get('invoice_prefix', 'INV')}{infix}"
            for row in rows:
                wanted = row["series_sequence"] and f"{prefix}-{row['series_sequence']:06}"
                if wanted and row["number"] != wanted:
                    yield f"the organisation {organisation_id}: {table} {wanted} has the number {row['number']}"
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
            wanted = f"{customer['number_prefix']}-{row['sequence']:04}"
            if row["series_sequence"] is None and row["number"] != wanted:
                yield f"the customer {customer_id}: invoice {row['sequence']} has the number {row['number']}"
        order = [issued.get(row["id"], -1) for row in rows]
        if order != sorted(order):
            yield f"the customer {customer_id}: its invoices were issued in another order than they are numbered"
    yield from notes_are_numbered(index)
    for organisation_id, number in repeated([(row["organisation_id"], row["number"]) for row in index.own("invoices")]):
        yield f"organisation {organisation_id} has the invoice number {number} more than once"


def notes_are_numbered(index):
    """The same of a customer's credit notes."""
    series = defaultdict(list)
    for row in index.own("credit_notes"):
        series[row["customer_id"]].append(row)
    for customer_id, customer in index.rows["customers"].items():
        rows = sorted(series[customer_id], key=lambda row: row["sequence"])
        if [row["sequence"] for row in rows] != list(range(1, customer["credit_note_count"] + 1)):
            yield f"the customer {customer_id} counts {customer['credit_note_count']} credit notes of {len(rows)}"
        for row in rows:
            wanted = f"{customer['number_prefix']}-CN-{row['sequence']:04}"
            if row["series_sequence"] is None and row["number"] != wanted:
                yield f"the customer {customer_id}: credit note {row['sequence']} has the number {row['number']}"


# What falls due


def due_of(row):
    """When a live subscription falls due by what it says of itself; None: never, or not while it is so."""
    if row["status"] not in LIVE or row["billing_problem"] is not None:
        return None
    if row["status"] == "paused":
        return milliseconds(row["end_at"])
    if row["status"] == "scheduled":
        return milliseconds(row["started_at"])
    end = milliseconds(row["current_period_end"])
    # Inside a long period a part of it is earned.
    earned = milliseconds(row["deferred_from"]) + EARNED_AFTER_MS if row["deferred"] else end
    return min(earned, end)


def nothing_due_is_left(index):
    """Nothing that fell due some seconds ago is undone, by real time or by a test clock's, unless it is parked."""
    clocks = {one: milliseconds(row["now"]) for one, row in index.rows["test_clocks"].items()}
    real = (index.evidence.at - DUE_SECONDS) * 1000
    for one, row in index.rows["subscriptions"].items():
        now, due = clocks.get(row["test_clock_id"], real), due_of(row)
        if due != milliseconds(row["due_at"]):
            yield f"the subscription {one}, {row['status']}, is due at {row['due_at']}, and says otherwise of itself"
        if due is not None and due <= now:
            yield f"the subscription {one} fell due at {row['due_at']}, and nothing was done"


def nothing_is_early(index):
    """Nothing is done before it falls due, whatever a worker's clock said, nor on a test clock before that is there;
    but a billing run may have been asked to bill ahead."""
    ahead = defaultdict(int)
    for run in index.rows["billing_runs"].values():
        one, as_of = run["organisation_id"], milliseconds(run["as_of"])
        if not run["dry_run"] and as_of > milliseconds(run["created_at"]):
            ahead[one] = max(ahead[one], as_of)
    for pieces in index.steps.values():
        row, _, told = pieces[0][0]
        clock = index.rows["test_clocks"].get(told["test_clock_id"])
        now = milliseconds(clock["now"]) if clock else max(index.evidence.at * 1000, ahead[row["organisation_id"]])
        if milliseconds(row["occurred_at"]) > now:
            yield f"the subscription {row['subject']} fell due at {row['occurred_at']}, and that was done before"


def clocks_arrive(index):
    """A test clock stands where the last advance that succeeded was to go, and each of these moved it forward once."""
    targets = defaultdict(list)
    for command in index.accepted:
        row = index.operations.get(command.operation_id)
        if command.name == "AdvanceTestClock" and row and row["status"] == "succeeded":
            targets[command.record["test_clock_id"]].append((command.operation_id, command.record["now"]))
    told = Counter(event["operation_id"] for event, _, _ in index.events
                   if event["type"] == "billd.test_clock.advanced.v1")  # fmt: skip
    first = {event["subject"]: record["now"] for event, name, record in reversed(index.events) if name == "TestClock"}
    for one, row in index.rows["test_clocks"].items():
        moves = list(dict(targets[one]).items())
        ways = [first.get(one, 0), *(now for _, now in moves)]
        if row["status"] != "ready" or row["target_at"] is not None:
            yield f"the test clock {one} is {row['status']} on its way to {row['target_at']}"
        if milliseconds(row["now"]) != ways[-1] or sorted(set(ways)) != ways:
            yield f"the test clock {one} stands at {row['now']}, and was to go {ways}"
        for operation_id, now in moves:
            if told[operation_id] != 1:
                yield f"the test clock {one}: that it got to {now} is told {told[operation_id]} times"


RULES = [
    ("one-live-subscription", one_live_subscription),
    ("one-invoice-per-period", one_invoice_per_period),
    ("periods-tile", periods_tile),
    ("standing-is-the-latest-invoices", standing_is_the_latest_invoices),
    ("totals-are-the-lines", totals_are_the_lines),
    ("lines-are-explained", lines_are_explained),
    ("prices-are-the-plans", prices_are_the_plans),
    ("credits-add-up", credits_add_up),
    ("numbers-are-gapless", numbers_are_gapless),
    ("nothing-due-is-left", nothing_due_is_left),
    ("nothing-is-early", nothing_is_early),
    ("clocks-arrive", clocks_arrive),
]
