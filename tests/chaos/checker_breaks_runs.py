"""Ways in which billing runs could go wrong, as in checker_breaks.py: what they bill and report, and how they move."""

from checker_changes import STRANGER, attempt, change, drop, event_change, operation_of, row, rows
from checker_index import told_operation
from checker_runs import FINISH
from checker_sample import encode
from evidence import COMMAND_MARKS, decode
from wire import COMMANDS


def run(evidence, **where):
    return row(evidence, "billing_runs", **({"status": "finished", "dry_run": False} | where))


def part(evidence, of, **where):
    return row(evidence, "billing_run_parts", run_id=of["id"], **where)


def its_invoice(evidence, of):
    return row(evidence, "invoices", billing_run_id=of["id"])


def finish_change(evidence, of, meta=None, **fields):
    """What was told of a run's end, otherwise."""
    for message in evidence.topics[COMMANDS]:
        name, record = decode(message.value, COMMAND_MARKS) or (None, None)
        if name == FINISH and record["billing_run_id"] == of["id"]:
            record["meta"] |= meta or {}
            message.value = encode(COMMAND_MARKS, name, record | fields)
            return
    raise LookupError(of)


# What they bill


def bill_in_a_run_that_is_not_there(history, evidence):
    change(its_invoice(evidence, run(evidence)), billing_run_id=STRANGER)


def bill_in_anothers_run(history, evidence):
    change(run(evidence), organisation_id=evidence.tables["organisations"][1]["id"])


def bill_in_a_dry_run(history, evidence):
    change(its_invoice(evidence, run(evidence)), billing_run_id=run(evidence, dry_run=True)["id"])


def bill_beyond_the_runs_moment(history, evidence):
    one = run(evidence)
    change(one, as_of="2023-01-01T00:00:00+00:00")


def bill_a_command_in_a_run(history, evidence):
    change(row(evidence, "invoices", reason="subscription_create"), billing_run_id=run(evidence)["id"])


def bill_a_test_clock_in_a_run(history, evidence):
    clock = evidence.tables["test_clocks"][0]["id"]
    subscription = row(evidence, "subscriptions", test_clock_id=clock)
    invoice = row(evidence, "invoices", subscription_id=subscription["id"], reason="subscription_cycle")
    change(invoice, billing_run_id=run(evidence)["id"])


def bill_more_than_the_most(history, evidence):
    change(run(evidence), invoices_max=0)


# What they report


def count_an_invoice_twice(history, evidence):
    one = part(evidence, run(evidence), invoiced=1)
    change(one, invoiced=2)


def add_an_amount_twice(history, evidence):
    total = row(evidence, "billing_run_totals", run_id=run(evidence)["id"])
    change(total, total=total["total"] * 2)


def add_to_another_plan(history, evidence):
    change(row(evidence, "billing_run_totals", run_id=run(evidence)["id"]), plan_id=STRANGER)


def forget_a_digest(history, evidence):
    change(part(evidence, run(evidence), invoiced=1), digest=0)


def forget_which_was_first(history, evidence):
    change(part(evidence, run(evidence), invoiced=1), first_due_at=None)


def lose_a_part(history, evidence):
    drop(evidence, "billing_run_parts", run_id=run(evidence)["id"], invoiced=1)


def report_of_no_run(history, evidence):
    change(part(evidence, run(evidence), invoiced=0, failed=0), run_id=STRANGER)


def total_of_nothing(history, evidence):
    """Of a dry run, of which nothing else is known."""
    drop(evidence, "billing_run_totals", run_id=run(evidence, dry_run=True)["id"])


def report_another_number(history, evidence):
    one = run(evidence)
    change(one, due=one["due"] + 1)


def report_another_total(history, evidence):
    one = run(evidence)
    one["totals"] = [one["totals"][0] | {"tax": 7}]


def report_another_digest(history, evidence):
    change(run(evidence), digest="0" * 32)


def report_before_the_end(history, evidence):
    change(run(evidence, status="canceled"), done=1)


def balance_nothing(history, evidence):
    change(run(evidence), books="unbalanced")


def forget_the_books(history, evidence):
    change(run(evidence), books=None)


def balance_a_dry_run(history, evidence):
    change(run(evidence, dry_run=True), books="balanced")


# What they could not bill


def listed(evidence, reason):
    return row(evidence, "billing_run_failures", reason=reason)


def fail_silently(history, evidence):
    drop(evidence, "billing_run_failures", reason="billing-behind")


def fail_whom_nobody_knows(history, evidence):
    change(listed(evidence, "billing-behind"), subscription_id=STRANGER)


def fail_anothers_customer(history, evidence):
    change(listed(evidence, "billing-behind"), customer_id=evidence.tables["customers"][0]["id"])


def fail_in_another_partition(history, evidence):
    one = listed(evidence, "billing-behind")
    mine = part(evidence, {"id": one["run_id"]}, part=one["part"])
    other = part(evidence, {"id": one["run_id"]}, failed=0)
    change(one, part=other["part"])
    change(mine, failed=mine["failed"] - 1)
    change(other, failed=1)


def fail_twice(history, evidence):
    one = listed(evidence, "billing-behind")
    evidence.tables["billing_run_failures"].append(dict(one))
    mine = part(evidence, {"id": one["run_id"]}, part=one["part"])
    change(mine, failed=mine["failed"] + 1)


def fail_before_it_is_due(history, evidence):
    change(listed(evidence, "billing-behind"), due_at="2033-01-01T00:00:00+00:00")


def call_it_far_behind(history, evidence):
    change(row(evidence, "billing_runs", id=listed(evidence, "billing-behind")["run_id"]), invoices_max=1000)


def bury_a_subscription(history, evidence):
    change(listed(evidence, "billing-behind"), reason="dead-letter")


# How they move


def leave_a_run_running(history, evidence):
    change(run(evidence, status="paused"), status="running")


def end_while_it_stands_still(history, evidence):
    change(run(evidence, status="paused"), finished_at="2023-12-01T00:00:00+00:00")


def end_midway(history, evidence):
    change(part(evidence, run(evidence), invoiced=0, failed=0), finished_at=None)


def end_before_the_last_shard(history, evidence):
    change(part(evidence, run(evidence), invoiced=0, failed=0), shard=7)


def outcome_of(evidence, command, status="succeeded"):
    return row(evidence, "operations", command=command, status=status)


def refuse(evidence, operation, name):
    """It failed for something else than it was told."""
    operation["problem"]["type"] = f"/docs/problems/{name}"


def pause_what_stands_still(history, evidence):
    """A refusal that was told otherwise."""
    refuse(evidence, outcome_of(evidence, "pause_billing_run", "failed"), "billing-run-final")


def find_no_run(history, evidence):
    refuse(evidence, outcome_of(evidence, "resume_billing_run", "failed"), "billing-run-not-found")


def refuse_one_of_few_runs(history, evidence):
    refuse(evidence, outcome_of(evidence, "start_billing_run", "failed"), "billing-runs-open")


def go_on_behind_the_end_of_a_run(history, evidence):
    """That it was canceled was forgotten."""
    change(run(evidence, status="canceled"), status="paused", finished_at=None)


def pause_on_its_own(history, evidence):
    one = run(evidence, status="paused")
    where = {"command": "pause_billing_run", "resource_id": one["id"]}
    change(row(evidence, "operations", **where), status="failed", problem={"type": "/docs/problems/billing-run-final"})


def start_up_to_another_moment(history, evidence):
    event_change(evidence, "billing_run.started", 1, as_of=1_600_000_000_000)


def pause_and_tell_that_it_runs(history, evidence):
    event_change(evidence, "billing_run.paused", status="running")


def end_twice(history, evidence):
    """A run goes on behind its end: it is told so under another type."""
    event = rows(evidence, "outbox", type="billd.billing_run.paused.v1")[0]
    change(event, type="billd.billing_run.canceled.v1")
    for message in evidence.topics["billd.events"]:
        if message.headers["ce_id"] == event["id"]:
            message.headers["ce_type"] = event["type"]


def tell_the_end_under_any_name(history, evidence):
    one = run(evidence)
    finish_change(evidence, one, {"operation_id": STRANGER})


def tell_the_end_for_somebody(history, evidence):
    finish_change(evidence, run(evidence), {"actor": "api_key:1"})


def tell_another_end(history, evidence):
    finish_change(evidence, run(evidence), done=9)


def ask_for_the_end(history, evidence):
    """Somebody was told of it as of a request of his."""
    start = attempt(history, "/v1/billing-runs", status=202)
    finish = outcome_of(evidence, "finish_billing_run")
    assert told_operation(start) != finish["id"] and operation_of(evidence, start)
    start.answer["operation_id"] = finish["id"]


# What the API shows


def shown(evidence, of):
    return evidence.reports[of["id"]]


def show_another_sum(history, evidence):
    change(shown(evidence, run(evidence))[0], invoiced=0)


def show_another_plan(history, evidence):
    change(shown(evidence, run(evidence))[0], plans=[])


def show_all_parts_of_a_canceled_run(history, evidence):
    report, _ = shown(evidence, run(evidence, status="canceled"))
    report["parts"] = report["parts"] | {"finished": 4}


def hide_what_a_canceled_run_came_to(history, evidence):
    """The list shows its row, as it is empty."""
    one = run(evidence, status="canceled")
    document = next(
        found for found in evidence.lists[one["organisation_id"]]["billing_runs"] if found["id"] == one["id"]
    )
    change(document, invoiced=0)


def compare_with_no_run(history, evidence):
    change(shown(evidence, run(evidence, dry_run=True))[0], previous=None)


def differ_from_another_run(history, evidence):
    report, _ = shown(evidence, run(evidence, dry_run=True))
    report["previous"] = report["previous"] | {"totals": []}


def hide_a_failure(history, evidence):
    shown(evidence, run(evidence))[1].clear()


def hide_a_run(history, evidence):
    del evidence.reports[run(evidence)["id"]]


BREAKS = [
    (bill_in_a_run_that_is_not_there, "runs-bill-what-was-due"),
    (bill_in_anothers_run, "runs-bill-what-was-due"),
    (bill_in_a_dry_run, "runs-bill-what-was-due"),
    (bill_beyond_the_runs_moment, "runs-bill-what-was-due"),
    (bill_a_command_in_a_run, "runs-bill-what-was-due"),
    (bill_a_test_clock_in_a_run, "runs-bill-what-was-due"),
    (bill_more_than_the_most, "runs-bill-what-was-due"),
    (count_an_invoice_twice, "parts-add-up"),
    (add_an_amount_twice, "parts-add-up"),
    (add_to_another_plan, "parts-add-up"),
    (forget_a_digest, "parts-add-up"),
    (forget_which_was_first, "parts-add-up"),
    (lose_a_part, "parts-add-up"),
    (report_of_no_run, "parts-add-up"),
    (total_of_nothing, "parts-add-up"),
    (report_another_number, "reports-are-the-parts"),
    (report_another_total, "reports-are-the-parts"),
    (report_another_digest, "reports-are-the-parts"),
    (report_before_the_end, "reports-are-the-parts"),
    (balance_nothing, "books-are-balanced"),
    (forget_the_books, "books-are-balanced"),
    (balance_a_dry_run, "books-are-balanced"),
    (fail_silently, "failures-are-listed"),
    (fail_whom_nobody_knows, "failures-are-listed"),
    (fail_anothers_customer, "failures-are-listed"),
    (fail_in_another_partition, "failures-are-listed"),
    (fail_twice, "failures-are-listed"),
    (fail_before_it_is_due, "failures-are-listed"),
    (call_it_far_behind, "failures-are-listed"),
    (bury_a_subscription, "failures-are-listed"),
    (leave_a_run_running, "runs-come-to-their-end"),
    (end_while_it_stands_still, "runs-come-to-their-end"),
    (end_midway, "runs-come-to-their-end"),
    (end_before_the_last_shard, "runs-come-to-their-end"),
    (pause_what_stands_still, "runs-move-as-told"),
    (find_no_run, "runs-move-as-told"),
    (refuse_one_of_few_runs, "runs-move-as-told"),
    (go_on_behind_the_end_of_a_run, "runs-move-as-told"),
    (pause_on_its_own, "runs-move-as-told"),
    (start_up_to_another_moment, "effect-is-as-asked"),
    (pause_and_tell_that_it_runs, "effect-is-as-asked"),
    (end_twice, "causes-come-first"),
    (tell_the_end_under_any_name, "ends-are-told-by-workers"),
    (tell_the_end_for_somebody, "ends-are-told-by-workers"),
    (tell_another_end, "ends-are-told-by-workers"),
    (ask_for_the_end, "ends-are-told-by-workers"),
    (show_another_sum, "runs-are-shown"),
    (show_another_plan, "runs-are-shown"),
    (show_all_parts_of_a_canceled_run, "runs-are-shown"),
    (hide_what_a_canceled_run_came_to, "lists-are-the-rows"),
    (compare_with_no_run, "runs-are-shown"),
    (differ_from_another_run, "runs-are-shown"),
    (hide_a_failure, "runs-are-shown"),
    (hide_a_run, "runs-are-shown"),
]
