"""Rules about billing runs: what they bill, what they report of it and what they could not, and how they move."""

import itertools
from collections import Counter, defaultdict

from checker_index import milliseconds, repeated, slug
from wire import derived_id, partition_of, shard_of

SHARDS = 1024
DAY_MS = 86_400_000
AMOUNTS = ("subtotal", "discount", "tax", "total", "credit_applied", "amount_due")
SUMS = ("invoices", *AMOUNTS)
COUNTS = ("due", "done", "invoiced", "failed")
OVER = ("canceled", "finished")
DIGESTS = 2**128
OPEN_MAX, AHEAD_MAX_MS = 10, 366 * DAY_MS
# What names the end of a run, as an operation names what a command does.
FINISHED_KIND = 21
FINISH, WORKER = "FinishBillingRun", "system:runs"
# command -> (from where it leads, to where, how it is refused where it leads nowhere)
MOVES = {
    "PauseBillingRun": (("running",), "paused", "billing-run-not-running"),
    "ResumeBillingRun": (("paused",), "running", "billing-run-not-paused"),
    "CancelBillingRun": (("running", "paused"), "canceled", None),
    FINISH: (("running", "paused"), "finished", None),
}
STARTS = ("StartBillingRun", "ScheduleBillingRun")
# What says nothing of the run that a command is about.
ELSEWHERE = ("idempotency-key-reused", "dead-letter")


def billed(index):
    """{run's id: the invoices that name it}"""
    found = defaultdict(list)
    for row in index.own("invoices"):
        if row["billing_run_id"] is not None:
            found[row["billing_run_id"]].append(row)
    return found


def runs_bill_what_was_due(index):
    """What a run bills is its own organisation's, fell due in real time up to its as_of, and was done as a step that
    fell due; a subscription gets no more invoices of it than its invoices_max, and a dry run makes none."""
    issued = {row["subject"]: row["operation_id"] for row, _, _ in index.events
              if row["type"] == "billd.invoice.issued.v1"}  # fmt: skip
    for run_id, invoices in billed(index).items():
        run = index.rows["billing_runs"].get(run_id, {"organisation_id": None})
        counts = Counter(row["subscription_id"] for row in invoices)
        for row in invoices:
            said = f"the invoice {row['id']} of the run {run_id}"
            if row["organisation_id"] != run["organisation_id"] or run["dry_run"]:
                yield f"{said}: that is {run}"
                continue
            if milliseconds(row["issued_at"]) > milliseconds(run["as_of"]):
                yield f"{said}: it was issued at {row['issued_at']}, the run was to go up to {run['as_of']}"
            if issued.get(row["id"]) not in index.steps:
                yield f"{said}: it was made by {issued.get(row['id'])}, which is no step that fell due"
            if index.rows["subscriptions"][row["subscription_id"]]["test_clock_id"]:
                yield f"{said}: its customer lives on a test clock"
            if counts[row["subscription_id"]] > run["invoices_max"]:
                yield f"{said}: its subscription has {counts[row['subscription_id']]}, {run['invoices_max']} at most"


# What adds up


def sums_by(rows, key):
    """{key: the sums of rows that have them}"""
    found = defaultdict(Counter)
    for row in rows:
        found[key(row)].update({name: row[name] for name in SUMS})
    return found


def minor(amount):
    """As it is shown: none where it passes 64 bits."""
    return amount if abs(amount) < 2**63 else None


def shown_sums(sums, **names):
    return names | {name: minor(sums[name]) for name in SUMS}


def totals_of(rows):
    """What a run's totals come to, by currency."""
    by_currency = sums_by(rows, lambda row: row["currency"])
    return [shown_sums(sums, currency=currency) for currency, sums in sorted(by_currency.items())]


def report_of(index, run_id):
    """What the parts of a run and their totals come to."""
    parts, totals = index.of_runs("billing_run_parts", run_id), index.of_runs("billing_run_totals", run_id)
    digest = f"{sum(part['digest'] for part in parts) % DIGESTS:032x}"
    counts = {name: sum(part[name] for part in parts) for name in COUNTS}
    return counts | {"totals": totals_of(totals), "digest": digest}


def plan_of(index, invoice):
    """The plan that an invoice counts for: that of the period that it begins. Without a line, nothing tells."""
    lines = index.lines[invoice["id"]]
    return lines[-1]["plan_id"] if lines else None


def part_differs(index, part, totals, invoices):
    """What a real run's part reports otherwise than its invoices say: sentences."""
    told = sums_by(totals, lambda row: (row["plan_id"], row["currency"]))
    amounts = [row | {"invoices": 1} for row in invoices]
    found = sums_by(amounts, lambda row: (plan_of(index, row), row["currency"]))
    for plan_id, currency in sorted(set(told) | set(found), key=str):
        sums, wanted = told[plan_id, currency], found[plan_id, currency]
        # Those without a line, which come to nothing, count for some plan.
        few = sums["invoices"] < wanted["invoices"] and plan_id is not None
        if few or any(sums[name] != wanted[name] for name in AMOUNTS):
            yield f"of {plan_id} in {currency} are told {dict(sums)}, its invoices come to {dict(wanted)}"
    if part["invoiced"] != len(invoices):
        yield f"told are {part['invoiced']} invoices, there are {len(invoices)}"
    digest = sum(int(row["digest"], 16) for row in invoices) % DIGESTS
    if part["digest"] != digest:
        yield f"its digest is {part['digest']:x}, that of its invoices {digest:x}"
    first = min((milliseconds(row["issued_at"]) for row in invoices), default=None)
    if milliseconds(part["first_due_at"]) != first:
        yield f"its first invoice is told to be of {part['first_due_at']}, it is of {first}"


def parts_add_up(index):
    """What each part of a run reports is what its totals by plan and its invoices come to: their number, amounts and
    digest, and which is the first; of a dry run, which has no invoices, the totals alone. Nothing reports of no run."""
    invoices = billed(index)
    for table, found in index.rows_of_runs.items():
        for organisation_id, run_id in found:
            if index.rows["billing_runs"].get(run_id, {}).get("organisation_id") != organisation_id:
                yield f"{table} of {organisation_id}: there is no run {run_id}"
    for run_id, run in index.rows["billing_runs"].items():
        mine = defaultdict(list)
        for row in invoices[run_id]:
            mine[partition_of(row["customer_id"], len(index.progress))].append(row)
        totals = defaultdict(list)
        for row in index.of_runs("billing_run_totals", run_id):
            totals[row["part"]].append(row)
        parts = {part["part"]: part for part in index.of_runs("billing_run_parts", run_id)}
        for number in sorted((set(mine) | set(totals)) - set(parts)):
            yield f"the run {run_id} has billed in partition {number}, of which it has no part"
        for number, part in parts.items():
            said, count = f"the run {run_id}, partition {number}", sum(row["invoices"] for row in totals[number])
            if part["invoiced"] != count:
                yield f"{said}: it has {part['invoiced']} invoices, its totals have {count}"
            if not run["dry_run"]:
                yield from (f"{said}: {what}" for what in part_differs(index, part, totals[number], mine[number]))


def reports_are_the_parts(index):
    """A finished run's report is the sum of its parts; any other run has none yet."""
    for run_id, run in index.rows["billing_runs"].items():
        wanted = dict.fromkeys(COUNTS, 0) | {"totals": [], "digest": None}
        if run["status"] == "finished":
            wanted = report_of(index, run_id)
        wrong = {name: run[name] for name, value in wanted.items() if run[name] != value}
        if wrong:
            yield f"the run {run_id}, {run['status']}, reports {wrong}, its parts come to {wanted}"


def books_are_balanced(index):
    """The books of a finished run are balanced; a dry run, and one that is not finished, has none."""
    for run_id, run in index.rows["billing_runs"].items():
        wanted = "balanced" if run["status"] == "finished" and not run["dry_run"] else None
        if run["books"] != wanted:
            yield f"the books of the run {run_id}, {run['status']}, dry {run['dry_run']}, are {run['books']}"


def failures_are_listed(index):
    """A part lists each subscription that it could not bill, once: one of its organisation and its partition, in real
    time, due by the run's as_of, and too far behind only if it is; none is left because workers died over it."""
    for run_id, run in index.rows["billing_runs"].items():
        failures = index.of_runs("billing_run_failures", run_id)
        counts = Counter(row["part"] for row in failures)
        for part in index.of_runs("billing_run_parts", run_id):
            if part["failed"] != counts.pop(part["part"], 0):
                yield f"the run {run_id}, partition {part['part']}: {part['failed']} failed, listed are others"
        if counts or repeated([row["subscription_id"] for row in failures]):
            yield f"the run {run_id} lists failures twice, or of parts that it has not: {counts}"
        for row in failures:
            said = f"the run {run_id} lists {row['subscription_id']} for {row['reason']}"
            subscription = index.rows["subscriptions"].get(row["subscription_id"])
            if subscription is None or subscription["customer_id"] != row["customer_id"]:
                yield f"{said}: that is {subscription}"
                continue
            if subscription["test_clock_id"]:
                yield f"{said}: its customer lives on a test clock"
            if partition_of(row["customer_id"], len(index.progress)) != row["part"]:
                yield f"{said}: it belongs to another partition than {row['part']}"
            behind = milliseconds(run["as_of"]) - milliseconds(row["due_at"])
            # No two steps fall due on one day but at the ends of trials and of itself.
            far = behind >= (run["invoices_max"] - 2) * DAY_MS or row["reason"] != "billing-behind"
            if behind < 0 or not far:
                yield f"{said}: it is due since {row['due_at']}, the run goes up to {run['as_of']}"
            if row["reason"] == "dead-letter":
                yield f"{said}: {row['detail']}"


# How they move


def runs_come_to_their_end(index):
    """When all is quiet no run goes on; those that are over, and they alone, have an end; a finished one is through in
    every partition, and a part that is through is behind its last shard."""
    for run_id, run in index.rows["billing_runs"].items():
        parts = index.of_runs("billing_run_parts", run_id)
        if run["status"] == "running" or (run["finished_at"] is not None) != (run["status"] in OVER):
            yield f"the run {run_id} is {run['status']}, its end is {run['finished_at']}"
        through = sorted(part["part"] for part in parts if part["finished_at"] is not None)
        if run["status"] == "finished" and through != sorted(index.progress):
            yield f"the run {run_id} is finished, and through in the partitions {through}"
        for part in parts:
            if part["finished_at"] is not None and part["shard"] != SHARDS:
                yield f"the run {run_id} is through in partition {part['part']}, at its shard {part['shard']}"


def expected(command, states):
    """(how a command is refused while runs are so, "" when it is not, and what its run then is)"""
    if command.name in STARTS:
        accepted = command.record["meta"]["accepted_at"] // 1000 * 1000
        if sum(state not in OVER for state in states.values()) >= OPEN_MAX:
            return "billing-runs-open", None
        far = (command.record["as_of"] or 0) - accepted > AHEAD_MAX_MS
        return ("as-of-too-far-ahead", None) if far else ("", "running")
    before, after, otherwise = MOVES[command.name]
    state = states.get(command.record["billing_run_id"])
    if state is None:
        return "billing-run-not-found", None
    if state in OVER:
        return "billing-run-final", None
    return ("", after) if state in before else (otherwise, None)


def runs_move_as_told(index):
    """A run is started, paused, resumed, canceled and finished in the order of the commands: one leads on from where
    the ones before it have led, or is refused as it leads nowhere; what is over stays so."""
    if index.restored or index.topic_again:
        return  # the order is not that of the offsets
    states, order = defaultdict(dict), [copies[0] for copies in index.copies.values()]
    for command in sorted(order, key=lambda command: (command.partition, command.offset)):
        row, of = index.operations.get(command.operation_id), states[command.organisation_id]
        refused = slug(row["problem"]) if row else "dead-letter"
        if command.name not in (*STARTS, *MOVES) or refused in ELSEWHERE:
            continue
        wanted, after = expected(command, of)
        if refused != wanted:
            yield f"{command.name} {command.operation_id} was refused as {refused!r}, expected is {wanted!r}"
        if after:
            of[row["resource_id"]] = after
    told = {one: state for of in states.values() for one, state in of.items()}
    for run_id, run in index.rows["billing_runs"].items():
        if run["status"] != told.get(run_id):
            yield f"the run {run_id} is {run['status']}, its commands make it {told.get(run_id)}"


def ends_are_told_by_workers(index):
    """That a run is through is told by a worker alone, under a name that follows from the run, with what its parts
    come to."""
    asked = {operation_id for _, operation_id in index.told}
    for command in (command for command in index.accepted if command.name == FINISH):
        record, one = command.record, command.operation_id
        run_id, meta = record["billing_run_id"], record["meta"]
        said = f"{FINISH} {one} of {run_id}"
        if one != str(derived_id(run_id, FINISHED_KIND, 0, shard_of(command.organisation_id))):
            yield f"{said}: its name does not follow from that"
        if one in asked or command.key is not None or meta["actor"] != WORKER:
            yield f"{said}: it came from {meta['actor']} with the key {command.key!r}"
        wanted = report_of(index, run_id)
        wrong = {name: record[name] for name, value in wanted.items() if record[name] != value}
        if wrong:
            yield f"{said}: it tells {wrong}, the parts come to {wanted}"


# What the API shows


def shown(index, kind, row):
    """A row as the API shows it: a run that is not finished has what its parts come to by now."""
    if kind != "billing_run" or row["status"] == "finished":
        return row
    return row | {name: value for name, value in report_of(index, row["id"]).items() if name != "digest"}


def less(sums, taken):
    """What is different, by currency."""
    pairs = [({one["currency"]: one for one in side}, sign) for side, sign in ((sums, 1), (taken, -1))]
    found = []
    for currency in sorted({currency for side, _ in pairs for currency in side}):
        there = [(side[currency], sign) for side, sign in pairs if currency in side]
        unknown = {name for name in SUMS if any(one[name] is None for one, _ in there)}
        made = {name: minor(sum(sign * (one[name] or 0) for one, sign in there)) for name in SUMS}
        found.append({"currency": currency} | made | dict.fromkeys(unknown))
    return found


def previous_of(index, run):
    """(id, difference of totals) of the last real run before a finished one that was finished by then."""
    earlier = [
        row for row in index.rows["billing_runs"].values()
        if row["organisation_id"] == run["organisation_id"] and row["status"] == "finished" and not row["dry_run"]
        and milliseconds(row["finished_at"]) <= milliseconds(run["finished_at"])
        and (row["created_ms"], row["id"]) < (run["created_ms"], run["id"])
    ] if run["status"] == "finished" else []  # fmt: skip
    if not earlier:
        return None
    last = max(earlier, key=lambda row: (row["created_ms"], row["id"]))
    return last["id"], less(run["totals"], last["totals"])


def report_shown(index, run):
    """What the API must say of a run."""
    row, parts = shown(index, "billing_run", run), index.of_runs("billing_run_parts", run["id"])
    plans = sums_by(index.of_runs("billing_run_totals", run["id"]), lambda one: (one["plan_id"], one["currency"]))
    names = ("id", "dry_run", "invoices_max", "trigger", "status", *COUNTS, "totals", "digest", "books")
    return {name: row[name] for name in names} | {
        "amount_by_currency": {one["currency"]: one["total"] for one in row["totals"]},
        "plans": [shown_sums(sums, plan_id=one, currency=currency) for (one, currency), sums in sorted(plans.items())],
        "parts": {
            "all": len(index.progress), "begun": len(parts),
            "finished": sum(part["finished_at"] is not None for part in parts),
        },
    }  # fmt: skip


def runs_are_shown(index):
    """The API shows each run as it is: what it came to or has come to so far, by currency and by plan, how far it is,
    how it differs from the one before, and each of its failures."""
    for run_id, run in index.rows["billing_runs"].items():
        report, failures = index.evidence.reports.get(run_id, ({}, []))
        wrong = {name: report.get(name) for name, value in report_shown(index, run).items()
                 if report.get(name) != value}  # fmt: skip
        if wrong:
            yield f"the run {run_id} is shown with {wrong}"
        before = report.get("previous") and (report["previous"]["id"], report["previous"]["totals"])
        if before != previous_of(index, run):
            yield f"the run {run_id} is shown beside {before}, before it was {previous_of(index, run)}"
        listed = [(one["subscription_id"], one["customer_id"], milliseconds(one["due_at"]), one["reason"],
                   one["detail"]) for one in failures]  # fmt: skip
        found = [(row["subscription_id"], row["customer_id"], milliseconds(row["due_at"]), row["reason"],
                  row["detail"]) for row in index.of_runs("billing_run_failures", run_id)]  # fmt: skip
        for strange in itertools.chain(set(listed) ^ set(found), repeated(listed)):
            yield f"the run {run_id}: the failure {strange} is hidden, strange or repeated"


RULES = [
    ("runs-bill-what-was-due", runs_bill_what_was_due),
    ("parts-add-up", parts_add_up),
    ("reports-are-the-parts", reports_are_the_parts),
    ("books-are-balanced", books_are_balanced),
    ("failures-are-listed", failures_are_listed),
    ("runs-come-to-their-end", runs_come_to_their_end),
    ("runs-move-as-told", runs_move_as_told),
    ("ends-are-told-by-workers", ends_are_told_by_workers),
    ("runs-are-shown", runs_are_shown),
]
