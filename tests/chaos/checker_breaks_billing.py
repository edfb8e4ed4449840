"""Ways in which billing could go wrong by itself, as in checker_breaks.py: what falls due, credit, periods, clocks."""

import copy

from checker_changes import STRANGER, again, change, drop, event_change, row, rows
from checker_index import EPOCH, milliseconds
from checker_sample import iso

RENEWED = "billd.subscription.renewed.v1"


def renewal(evidence, index=0):
    """The events of a step that fell due."""
    first = rows(evidence, "outbox", type=RENEWED)[index]
    return rows(evidence, "outbox", operation_id=first["operation_id"])


def name_a_step_otherwise(history, evidence):
    """By whoever did it, as if it was random."""
    for event in renewal(evidence):
        event["operation_id"] = STRANGER


def name_a_part_of_a_step_otherwise(history, evidence):
    renewal(evidence)[-1]["operation_id"] = STRANGER


def take_a_step_for_an_operation(history, evidence):
    """What fell due is told as the effect of a command on the subscription."""
    created = row(evidence, "outbox", type="billd.subscription.created.v1", subject=renewal(evidence)[0]["subject"])
    for event in renewal(evidence):
        event["operation_id"] = created["operation_id"]


def do_a_step_twice(history, evidence):
    """Two workers did it, and both told."""
    partition = renewal(evidence)[0]["partition"]
    last = row(evidence, "progress", partition=partition)["event_number"]
    for number, event in enumerate(renewal(evidence), last + 1):
        evidence.tables["outbox"].append(event | {"id": f"{STRANGER[:-4]}{number:04}", "number": number})


def do_a_step_at_two_moments(history, evidence):
    event = renewal(evidence)[-1]
    event["occurred_at"] = iso(milliseconds(event["occurred_at"]) + 1000)


def do_something_else_in_a_step(history, evidence):
    change(renewal(evidence)[0], type="billd.subscription.paused.v1")


def renew_in_another_order(history, evidence):
    """The later period was billed before the earlier one."""
    first, second = renewal(evidence, 0), renewal(evidence, 1)
    assert first[0]["subject"] == second[0]["subject"]
    for one, other in zip(first, second, strict=True):
        one["number"], other["number"] = other["number"], one["number"]


def invoice_a_period_twice(history, evidence):
    one = row(evidence, "invoices", reason="subscription_cycle")
    again(evidence, "invoices", {"id": STRANGER, "sequence": 99, "number": "X-0099"}, id=one["id"])


def invoice_an_end_twice(history, evidence):
    for sequence in (98, 99):
        number = {"id": f"{STRANGER[:-2]}{sequence}", "sequence": sequence, "number": f"X-{sequence}"}
        again(evidence, "invoices", number | {"reason": "subscription_end"})


def forget_an_invoice(history, evidence):
    drop(evidence, "invoices", reason="subscription_cycle")


def renew_without_an_invoice(history, evidence):
    for event in renewal(evidence)[1:]:
        evidence.tables["outbox"].remove(event)


def leave_a_gap(history, evidence):
    """A renewal begins a second late."""
    begun = row(evidence, "outbox", type=RENEWED)
    event_change(evidence, "subscription.renewed", current_period_start=milliseconds(begun["occurred_at"]) + 1000)


def overlap(history, evidence):
    begun = row(evidence, "outbox", type=RENEWED)
    event_change(evidence, "subscription.renewed", current_period_start=milliseconds(begun["occurred_at"]) - 1000)


def give_time_away(history, evidence):
    """A pause makes the period longer than it lasted."""
    end = row(evidence, "subscriptions", id=row(evidence, "outbox", type="billd.subscription.resumed.v1")["subject"])
    event_change(evidence, "subscription.resumed", current_period_end=milliseconds(end["current_period_end"]) + 60_000)


def bill_another_period(history, evidence):
    index = [found["subject"] for found in rows(evidence, "outbox", type="billd.invoice.issued.v1")].index(
        row(evidence, "invoices", reason="subscription_cycle")["id"]
    )
    event_change(evidence, "invoice.issued", index, period_end=(row_time(evidence) + 1) * 1000)


def row_time(evidence):
    return int(evidence.at)


def explain_otherwise(history, evidence):
    line = row(evidence, "invoice_lines")
    line["explanation"] = line["explanation"] | {"amount": 2901}


def explain_a_credit_otherwise(history, evidence):
    lines = row(evidence, "credit_entries", reason="proration")["lines"]
    lines[0]["explanation"] = lines[0]["explanation"] | {"fraction": {"part": 1, "whole": 3}}


def charge_what_no_version_has(history, evidence):
    line = row(evidence, "invoice_lines")
    line |= {"amount": 2901, "explanation": line["explanation"] | {"amount": 2901}}


def charge_another_charge(history, evidence):
    change(row(evidence, "invoice_lines"), charge_code="other")


def credit_without_an_entry(history, evidence):
    drop(evidence, "credit_entries", reason="proration")


def take_credit_without_an_entry(history, evidence):
    drop(evidence, "credit_entries", reason="invoice")


def take_credit_twice(history, evidence):
    entry = row(evidence, "credit_entries", reason="invoice")
    again(evidence, "credit_entries", {"id": STRANGER, "sequence": 3}, id=entry["id"])


def count_credit_otherwise(history, evidence):
    change(row(evidence, "customers", credit_count=2), credit_count=3)


def keep_another_balance(history, evidence):
    change(row(evidence, "customers", credit_count=2), credit_balance=1)


def overdraw(history, evidence):
    entry = row(evidence, "credit_entries", reason="invoice")
    change(entry, amount=-901, balance_after=-1)


def leave_something_due(history, evidence):
    """A period was over an hour before the end, and nothing happened."""
    over = iso(round(evidence.at) * 1000 - 3_600_000)
    change(row(evidence, "subscriptions", status="active", test_clock_id=None, billing_problem=None),
           current_period_end=over, due_at=over)  # fmt: skip


def forget_when_it_is_due(history, evidence):
    change(row(evidence, "subscriptions", status="active", billing_problem=None), due_at=None)


def wake_what_is_parked(history, evidence):
    parked = row(evidence, "subscriptions", billing_problem="amount-out-of-range")
    change(parked, due_at=parked["current_period_end"])


def leave_something_due_on_a_clock(history, evidence):
    clock = row(evidence, "test_clocks")
    one = row(evidence, "subscriptions", test_clock_id=clock["id"])
    change(one, current_period_end=clock["now"], due_at=clock["now"])


def bill_tomorrow_today(history, evidence):
    """By a clock that is ahead."""
    evidence.at = milliseconds(renewal(evidence)[0]["occurred_at"]) / 1000 - 3600


def bill_ahead_of_a_clock(history, evidence):
    clock = row(evidence, "test_clocks")
    change(clock, now=iso(milliseconds(clock["now"]) - 30 * 86_400_000))


def stop_a_clock_on_its_way(history, evidence):
    clock = row(evidence, "test_clocks")
    change(clock, status="advancing", target_at=clock["now"])


def move_a_clock_too_far(history, evidence):
    clock = row(evidence, "test_clocks")
    change(clock, now=iso(milliseconds(clock["now"]) + 1000))


def arrive_twice(history, evidence):
    again(evidence, "outbox", {"number": 999}, type="billd.test_clock.advanced.v1")


def arrive_elsewhere(history, evidence):
    event_change(evidence, "test_clock.advanced", now=1_600_000_000_000)


def pay_what_is_owed_at_once(history, evidence):
    issued = row(evidence, "outbox", type="billd.invoice.issued.v1")
    paid = copy.deepcopy(issued) | {"type": "billd.invoice.paid.v1", "number": issued["number"] + 1}
    evidence.tables["outbox"].append(paid)


def never_pay_nothing(history, evidence):
    event_change(evidence, "invoice.issued", amount_due=0)


def report_another_quantity(history, evidence):
    event_change(evidence, "quantity.reported", quantity="13")


def leave_a_report_behind(history, evidence):
    """A pause moved the period that it is for, and not it."""
    quantity = row(evidence, "quantities")
    change(quantity, period_start=iso(milliseconds(quantity["period_start"]) - 1000))


def pause_nothing(history, evidence):
    event_change(evidence, "subscription.paused", status="active")


def change_nothing(history, evidence):
    event_change(evidence, "subscription.changed", quantity=1)


def lose_a_report(history, evidence):
    drop(evidence, "quantities")


def issue_in_the_past(history, evidence):
    """A later invoice of a subscription is dated before an earlier one."""
    index = [found["subject"] for found in rows(evidence, "outbox", type="billd.invoice.issued.v1")].index(
        rows(evidence, "invoices", reason="subscription_cycle")[1]["id"]
    )
    event_change(evidence, "invoice.issued", index, issued_at=(EPOCH.year - 1969) * 1000)


# Standing


def past_due_one(evidence):
    return row(evidence, "subscriptions", status="past_due")


def name_another_latest_invoice(history, evidence):
    change(past_due_one(evidence), latest_invoice_id=STRANGER)


def shrug_off_a_failure(history, evidence):
    change(past_due_one(evidence), status="active")


def stay_past_due(history, evidence):
    """What it owed is given up."""
    change(row(evidence, "invoices", id=past_due_one(evidence)["latest_invoice_id"]), status="uncollectible")


def become_past_due_by_itself(history, evidence):
    event_change(evidence, "subscription.renewed", status="past_due")


def recover_what_was_active(history, evidence):
    event_change(evidence, "subscription.past_due", status="active")


# what could happen, the rule that must see it
BREAKS = [
    (name_a_step_otherwise, "nothing-without-a-command"),
    (name_a_step_otherwise, "events-have-causes"),
    (name_a_part_of_a_step_otherwise, "nothing-without-a-command"),
    (take_a_step_for_an_operation, "effects-have-events"),
    (do_a_step_twice, "due-steps-are-whole"),
    (do_a_step_at_two_moments, "due-steps-are-whole"),
    (do_something_else_in_a_step, "due-steps-are-whole"),
    (renew_in_another_order, "periods-tile"),
    (renew_in_another_order, "time-goes-forward"),
    (invoice_a_period_twice, "one-invoice-per-period"),
    (invoice_an_end_twice, "one-invoice-per-period"),
    (invoice_a_period_twice, "periods-tile"),
    (name_another_latest_invoice, "standing-is-the-latest-invoices"),
    (shrug_off_a_failure, "standing-is-the-latest-invoices"),
    (stay_past_due, "standing-is-the-latest-invoices"),
    (become_past_due_by_itself, "standing-is-the-latest-invoices"),
    (recover_what_was_active, "standing-is-the-latest-invoices"),
    (shrug_off_a_failure, "rows-are-as-told"),
    (forget_an_invoice, "periods-tile"),
    (renew_without_an_invoice, "periods-tile"),
    (leave_a_gap, "periods-tile"),
    (overlap, "periods-tile"),
    (give_time_away, "periods-tile"),
    (bill_another_period, "periods-tile"),
    (do_a_step_twice, "periods-tile"),
    (explain_otherwise, "lines-are-explained"),
    (explain_a_credit_otherwise, "lines-are-explained"),
    (charge_what_no_version_has, "prices-are-the-plans"),
    (charge_another_charge, "prices-are-the-plans"),
    (credit_without_an_entry, "credits-add-up"),
    (take_credit_without_an_entry, "credits-add-up"),
    (take_credit_twice, "credits-add-up"),
    (count_credit_otherwise, "credits-add-up"),
    (keep_another_balance, "credits-add-up"),
    (overdraw, "credits-add-up"),
    (leave_something_due, "nothing-due-is-left"),
    (forget_when_it_is_due, "nothing-due-is-left"),
    (wake_what_is_parked, "nothing-due-is-left"),
    (leave_something_due_on_a_clock, "nothing-due-is-left"),
    (bill_tomorrow_today, "nothing-is-early"),
    (bill_ahead_of_a_clock, "nothing-is-early"),
    (stop_a_clock_on_its_way, "clocks-arrive"),
    (move_a_clock_too_far, "clocks-arrive"),
    (arrive_twice, "clocks-arrive"),
    (arrive_elsewhere, "effect-is-as-asked"),
    (arrive_elsewhere, "time-goes-forward"),
    (pay_what_is_owed_at_once, "nothing-owed-is-paid"),
    (never_pay_nothing, "nothing-owed-is-paid"),
    (report_another_quantity, "effect-is-as-asked"),
    (leave_a_report_behind, "rows-are-as-told"),
    (pause_nothing, "effect-is-as-asked"),
    (change_nothing, "effect-is-as-asked"),
    (lose_a_report, "events-are-counted"),
    (issue_in_the_past, "time-goes-forward"),
]
