"""Ways in which what is owed and paid could go wrong, as in checker_breaks.py: coupons, taxes, items, payments, the
provider's book, credit notes and the journal."""

import copy

from checker_changes import STRANGER, again, change, drop, event_change, row, rows
from checker_index import OUTCOME_KIND, OUTCOMES
from checker_sample import encode
from evidence import COMMAND_MARKS, EVENT_MARKS, decode
from wire import COMMANDS, EVENTS, derived_id, shard_of

OUTCOME = "RecordPaymentOutcome"


def paid(evidence, **where):
    return row(evidence, "payments", **({"kind": "payment", "status": "succeeded"} | where))


def outcome_change(evidence, which, **fields):
    """What a worker told of a payment, otherwise; its operation keeps its name."""
    for message in evidence.topics[COMMANDS]:
        name, record = decode(message.value, COMMAND_MARKS) or (None, None)
        if name == OUTCOME and record["outcome"] == which:
            record["meta"] |= fields.pop("meta", {})
            message.value = encode(COMMAND_MARKS, name, record | fields)
            return
    raise LookupError(which)


# Discounts, taxes, coupons, items


def discount_otherwise(history, evidence):
    line = next(line for line in evidence.tables["invoice_lines"] if line["discounts"])
    line["discounts"] = [line["discounts"][0] | {"amount": line["discount"] - 1}]


def lose_a_share_of_a_tax(history, evidence):
    line = next(line for line in evidence.tables["invoice_lines"] if line["taxes"])
    line["taxes"] = []


def round_a_tax_twice(history, evidence):
    """The shares still add up to the tax, which is one more than its rate comes to."""
    line = next(line for line in evidence.tables["invoice_lines"] if line["taxes"])
    line["taxes"] = [line["taxes"][0] | {"amount": line["tax"] + 1}]
    line["tax"] += 1
    invoice = row(evidence, "invoices", id=line["invoice_id"])
    invoice["taxes"] = [invoice["taxes"][0] | {"amount": invoice["tax"] + 1}]
    change(invoice, tax=invoice["tax"] + 1, total=invoice["total"] + 1)


def tax_who_is_exempt(history, evidence):
    invoice = next(invoice for invoice in evidence.tables["invoices"] if invoice["taxes"])
    change(invoice, tax_exempt="exempt")


def tax_by_a_rate_that_is_not_there(history, evidence):
    drop(evidence, "tax_rates", code="vat")


def tax_twice_by_one_rate(history, evidence):
    line = next(line for line in evidence.tables["invoice_lines"] if line["taxes"])
    line["taxes"] = line["taxes"] * 2


def redeem_without_counting(history, evidence):
    change(row(evidence, "coupons"), redemptions=1)


def count_without_redeeming(history, evidence):
    """It was counted, and the subscription was not made."""
    subscription = next(row for row in evidence.tables["subscriptions"] if row["discounts"])
    subscription["discounts"] = []


def redeem_beyond_the_limit(history, evidence):
    change(row(evidence, "coupons"), max_redemptions=1)


def refuse_what_is_left_of_a_coupon(history, evidence):
    change(row(evidence, "coupons"), max_redemptions=3)


def forget_the_coupons_asked_for(history, evidence):
    index = next(
        number for number, event in enumerate(rows(evidence, "outbox", type="billd.subscription.created.v1"))
        if decode(bytes.fromhex(event["value"][2:]), EVENT_MARKS)[1]["discounts"]
    )  # fmt: skip
    event_change(evidence, "subscription.created", index, discounts=[])


def bill_an_item_twice(history, evidence):
    line = row(evidence, "invoice_lines", kind="item")
    again(evidence, "invoice_lines", {"id": STRANGER, "position": 9}, id=line["id"])


def lose_an_item(history, evidence):
    drop(evidence, "items", status="billed")


def keep_an_item_waiting(history, evidence):
    change(row(evidence, "items", status="billed"), status="pending", invoice_id=None)


def take_an_item_for_nothing(history, evidence):
    change(row(evidence, "items", status="pending"), status="billed", invoice_id=STRANGER)


# Payments


def leave_a_payment_on_its_way(history, evidence):
    change(paid(evidence), status="processing", settled_at=None)


def leave_an_invoice_waiting(history, evidence):
    change(row(evidence, "invoices", status="paid", amount_refunded=0), payment_id=STRANGER)


def tell_who_paid_that_it_failed(history, evidence):
    """The money is there, and the operation says that it will not come."""
    payment, declined = paid(evidence), row(evidence, "operations", command="pay_invoice", status="failed")
    change(row(evidence, "operations", id=payment["operation_id"]), status="failed", problem=declined["problem"])


def lose_the_operation_of_a_payment(history, evidence):
    drop(evidence, "operations", id=paid(evidence)["operation_id"])


def decline_what_cannot_be(history, evidence):
    change(paid(evidence, payment_method="sim_error"), status="failed", failure_code="card_declined")


def take_what_is_declined(history, evidence):
    change(row(evidence, "payments", payment_method="sim_declined"), status="succeeded", failure_code=None)


def fail_a_refund(history, evidence):
    change(row(evidence, "payments", kind="refund"), status="failed", failure_code="card_declined")


def fail_too_often(history, evidence):
    change(paid(evidence, payment_method="sim_fail_n_then_ok:1"), status="failed", failure_code="card_declined")


def count_a_payment_twice(history, evidence):
    invoice = row(evidence, "invoices", id=paid(evidence)["invoice_id"])
    change(invoice, amount_paid=2 * invoice["amount_paid"])


def pay_more_than_is_due(history, evidence):
    """By payments that are all there."""
    payment = paid(evidence)
    again(evidence, "payments", {"id": STRANGER}, id=payment["id"])
    invoice = row(evidence, "invoices", id=payment["invoice_id"])
    change(invoice, amount_paid=invoice["amount_paid"] + payment["amount"])


def refund_more_than_was_paid(history, evidence):
    refund = row(evidence, "payments", kind="refund")
    change(refund, amount=10**6)
    change(row(evidence, "payments", id=refund["refund_of"]), amount_refunded=10**6)
    change(row(evidence, "invoices", id=refund["invoice_id"]), amount_refunded=10**6)


def refund_without_a_refund(history, evidence):
    drop(evidence, "payments", kind="refund")


def void_what_was_paid(history, evidence):
    change(row(evidence, "invoices", id=paid(evidence)["invoice_id"]), status="void")


def charge_twice(history, evidence):
    """By another key, of which we know nothing."""
    again(evidence, "transfers", {"key": STRANGER}, kind="payment")


def lose_a_transfer(history, evidence):
    """We say that the money came, and the provider has never heard of it."""
    drop(evidence, "transfers", key=paid(evidence, payment_method="sim_error")["id"])


def transfer_another_amount(history, evidence):
    transfer = row(evidence, "transfers", outcome="succeeded")
    change(transfer, amount=transfer["amount"] + 1)


def take_money_and_say_declined(history, evidence):
    change(row(evidence, "transfers", outcome="declined"), outcome="succeeded")


def ask_a_provider_for_what_came_by_hand(history, evidence):
    manual = paid(evidence, payment_method="manual")
    again(evidence, "transfers", {"key": manual["id"]}, kind="payment")


# What a worker tells


def name_an_outcome_at_random(history, evidence):
    outcome_change(evidence, "unknown", meta={"operation_id": STRANGER})


def name_an_outcome_by_another(history, evidence):
    outcome_change(evidence, "unknown", outcome="succeeded")


def tell_an_outcome_for_somebody(history, evidence):
    outcome_change(evidence, "unknown", meta={"actor": "api_key:00000000-0000-4000-8000-000000000001"})


def tell_of_another_invoice(history, evidence):
    other = row(evidence, "invoices", status="void")
    outcome_change(evidence, "unknown", invoice_id=other["id"])


def settle_a_payment_in_two_ways(history, evidence):
    """It succeeded, and then it failed, and both had effects."""
    payment = paid(evidence, payment_method="sim_error")
    first = next(
        found for found in rows(evidence, "operations", command="record_payment_outcome")
        if found["resource_id"] == payment["id"]
    )  # fmt: skip
    one = str(derived_id(payment["id"], OUTCOME_KIND, OUTCOMES["failed"], shard_of(payment["customer_id"])))
    again(evidence, "operations", {"id": one}, id=first["id"])
    for message in list(evidence.topics[COMMANDS]):
        name, record = decode(message.value, COMMAND_MARKS) or (None, None)
        if name == OUTCOME and record["payment_id"] == payment["id"] and record["outcome"] == "succeeded":
            record["meta"] |= {"operation_id": one}
            more = copy.deepcopy(message)
            more.value = encode(COMMAND_MARKS, name, record | {"outcome": "failed"})
            evidence.topics[COMMANDS].append(more)


def settle_without_a_word(history, evidence):
    """What was told had no effect, and the payment is settled all the same."""
    payment = paid(evidence, payment_method="sim_error")
    for told in rows(evidence, "operations", command="record_payment_outcome", resource_id=payment["id"]):
        change(told, status="failed", problem=row(evidence, "operations", status="failed")["problem"])


def settle_otherwise_than_was_told(history, evidence):
    outcome_change(evidence, "failed", failure_code="stolen_card")


def lose_the_payment_that_was_declined(history, evidence):
    declined = row(evidence, "operations", command="pay_invoice", status="failed")
    drop(evidence, "outbox", operation_id=declined["id"])


def pay_another_amount(history, evidence):
    """Of a command that said how much."""
    amounts = [
        decode(bytes.fromhex(event["value"][2:]), EVENT_MARKS)[1]["amount"]
        for event in rows(evidence, "outbox", type="billd.payment.created.v1")
    ]
    event_change(evidence, "payment.created", amounts.index(1000), amount=999)


def void_nothing(history, evidence):
    event_change(evidence, "invoice.voided", status="open")


def give_nothing_up(history, evidence):
    event_change(evidence, "invoice.marked_uncollectible", status="open")


def pay_back_what_was_not_to_be(history, evidence):
    index = next(
        number for number, event in enumerate(rows(evidence, "outbox", type="billd.credit_note.issued.v1"))
        if not decode(bytes.fromhex(event["value"][2:]), EVENT_MARKS)[1]["refunded"]
    )  # fmt: skip
    event_change(evidence, "credit_note.issued", index, refunded=1)


def note_another_line(history, evidence):
    event = row(evidence, "outbox", type="billd.credit_note.issued.v1")
    _, record = decode(bytes.fromhex(event["value"][2:]), EVENT_MARKS)
    event_change(evidence, "credit_note.issued", lines=[record["lines"][0] | {"line_id": STRANGER}])


def go_on_behind_the_end(history, evidence):
    """A voided invoice is told of once more, in the outbox and on the topic."""
    event = row(evidence, "outbox", type="billd.invoice.voided.v1")
    message = next(found for found in evidence.topics[EVENTS] if found.headers["ce_id"] == event["id"])
    last = max(found["number"] for found in rows(evidence, "outbox", partition=event["partition"]))
    more = copy.deepcopy(message)
    more.headers |= {"ce_sequence": str(last + 1), "ce_type": "billd.invoice.updated.v1"}
    evidence.topics[EVENTS].append(more)


def tell_paid_and_mean_open(history, evidence):
    """A payment of a part is told as if it was all."""
    change(row(evidence, "outbox", type="billd.invoice.updated.v1"), type="billd.invoice.paid.v1")


def keep_what_is_on_its_way(history, evidence):
    """The row of an invoice still names the payment whose end was told."""
    payment = paid(evidence)
    change(row(evidence, "invoices", id=payment["invoice_id"]), payment_id=payment["id"])


# Credits, notes and numbers


def keep_the_credit_of_a_void_one(history, evidence):
    drop(evidence, "credit_entries", reason="invoice_void")


def note_without_credit(history, evidence):
    drop(evidence, "credit_entries", reason="credit_note")


def take_a_grant_for_a_proration(history, evidence):
    change(row(evidence, "credit_entries", reason="grant"), reason="invoice")


def skip_the_number_of_a_note(history, evidence):
    change(row(evidence, "credit_notes", sequence=2), sequence=3)


def number_a_note_otherwise(history, evidence):
    change(row(evidence, "credit_notes"), number="X-CN-0001")


def skip_a_number_of_the_series(history, evidence):
    change(row(evidence, "number_series"), invoice_count=row(evidence, "number_series")["invoice_count"] + 1)


def leave_the_series_out(history, evidence):
    one = row(evidence, "invoices", series_sequence=1)
    change(one, series_sequence=None)


def number_the_series_otherwise(history, evidence):
    change(row(evidence, "invoices", series_sequence=1), number="ONE-1")


def credit_more_than_a_line(history, evidence):
    note = row(evidence, "credit_notes", sequence=1)
    note["lines"] = [note["lines"][0] | {"amount": 10**6}]
    change(row(evidence, "invoice_lines", id=note["lines"][0]["line_id"]), credited=10**6)


def credit_more_than_the_invoice(history, evidence):
    note = row(evidence, "credit_notes")
    change(row(evidence, "invoices", id=note["invoice_id"]), credited_total=10**6)


def keep_the_tax_of_what_was_credited(history, evidence):
    """All of a line came back, and of its tax one minor unit less, wherever it is told."""
    note = row(evidence, "credit_notes", sequence=1)
    line = row(evidence, "invoice_lines", id=note["lines"][0]["line_id"])
    less = [line["taxes"][0] | {"amount": line["tax"] - 1}]
    line["credited_taxes"], note["lines"] = less, [note["lines"][0] | {"taxes": less}]


def forget_the_tax_of_what_was_credited(history, evidence):
    note = row(evidence, "credit_notes", sequence=1)
    change(row(evidence, "invoice_lines", id=note["lines"][0]["line_id"]), credited_taxes=[])


def pay_back_another_amount_than_the_note(history, evidence):
    note = next(note for note in evidence.tables["credit_notes"] if note["refunded"])
    change(row(evidence, "payments", credit_note_id=note["id"]), amount=1)


def lose_a_part_of_a_note(history, evidence):
    note = row(evidence, "credit_notes", sequence=1)
    change(note, credited=note["credited"] + 1)


def lose_a_note(history, evidence):
    drop(evidence, "credit_notes", sequence=2)


# The journal


def book_one_side(history, evidence):
    change(row(evidence, "journal", reason="payment"), cash=1)


def book_of_nothing(history, evidence):
    change(row(evidence, "journal", reason="payment"), document_id=STRANGER)


def book_twice(history, evidence):
    again(evidence, "journal", {"id": STRANGER}, reason="payment")


def book_a_payment_nowhere(history, evidence):
    drop(evidence, "journal", reason="payment")


def book_a_tax_as_revenue(history, evidence):
    entry = next(found for found in rows(evidence, "journal", reason="invoice") if found["tax_payable"])
    change(entry, revenue=entry["revenue"] + entry["tax_payable"], tax_payable=0)


def book_cash_as_bad_debt(history, evidence):
    entry = row(evidence, "journal", reason="payment")
    change(entry, bad_debt=entry["cash"], cash=0)


def keep_a_refund_on_its_way(history, evidence):
    drop(evidence, "journal", reason="refund")


def defer_what_no_subscription_has(history, evidence):
    entry = row(evidence, "journal", reason="invoice")
    change(entry, deferred_revenue=entry["revenue"], revenue=0)


def balance_without_a_booking(history, evidence):
    drop(evidence, "journal", reason="credit")


def hide_an_entry(history, evidence):
    next(lists for lists in evidence.lists.values() if lists["journal"])["journal"].pop()


def show_an_entry_otherwise(history, evidence):
    next(lists for lists in evidence.lists.values() if lists["journal"])["journal"][0]["postings"].pop()


def show_the_journal_in_another_order(history, evidence):
    next(lists for lists in evidence.lists.values() if len(lists["journal"]) > 2)["journal"].reverse()


def differ_by_the_operators_look(history, evidence):
    evidence.reconciled = [1, "DIFFERS  invoice_sums"]


def fail_to_look(history, evidence):
    evidence.reconciled = [2, "could not reconcile"]


def book_for_another_organisations_customer(history, evidence):
    a, b = (found["id"] for found in evidence.tables["organisations"])
    change(row(evidence, "journal", organisation_id=a), customer_id=row(evidence, "customers", organisation_id=b)["id"])


def forget_a_due_part(history, evidence):
    """A part of a long period is earned before that is over: then it is due."""
    one = row(evidence, "subscriptions", status="active", test_clock_id=None, billing_problem=None)
    change(one, deferred=1, deferred_from="2020-01-01T00:00:00+00:00")


def write_another_payment(history, evidence):
    change(row(evidence, "payments"), reference="otherwise")


def write_another_coupon(history, evidence):
    change(row(evidence, "coupons"), percent_off="21")


def hide_a_payment(history, evidence):
    next(lists for lists in evidence.lists.values() if lists["payments"])["payments"].pop()


def invent_a_payment(history, evidence):
    again(evidence, "payments", {"id": STRANGER}, status="succeeded", kind="payment")


def tell_a_coupon_under_its_own_key(history, evidence):
    event = row(evidence, "outbox", type="billd.coupon.created.v1")
    change(event, key=event["subject"])


# what could happen, the rule that must see it
BREAKS = [
    (discount_otherwise, "shares-add-up"),
    (lose_a_share_of_a_tax, "shares-add-up"),
    (round_a_tax_twice, "shares-add-up"),
    (tax_who_is_exempt, "taxes-are-the-customers"),
    (tax_by_a_rate_that_is_not_there, "taxes-are-the-customers"),
    (tax_twice_by_one_rate, "taxes-are-the-customers"),
    (redeem_without_counting, "coupons-hold"),
    (count_without_redeeming, "coupons-hold"),
    (redeem_beyond_the_limit, "coupons-hold"),
    (refuse_what_is_left_of_a_coupon, "coupons-hold"),
    (forget_the_coupons_asked_for, "effect-is-as-asked"),
    (bill_an_item_twice, "items-are-billed-once"),
    (lose_an_item, "items-are-billed-once"),
    (keep_an_item_waiting, "items-are-billed-once"),
    (take_an_item_for_nothing, "items-are-billed-once"),
    (leave_a_payment_on_its_way, "payments-are-settled"),
    (leave_an_invoice_waiting, "payments-are-settled"),
    (tell_who_paid_that_it_failed, "payments-are-settled"),
    (lose_the_operation_of_a_payment, "payments-are-settled"),
    (lose_the_operation_of_a_payment, "one-outcome"),
    (decline_what_cannot_be, "payments-are-settled"),
    (take_what_is_declined, "payments-are-settled"),
    (fail_a_refund, "payments-are-settled"),
    (fail_too_often, "failures-come-first"),
    (count_a_payment_twice, "paid-is-not-more-than-due"),
    (pay_more_than_is_due, "paid-is-not-more-than-due"),
    (refund_more_than_was_paid, "paid-is-not-more-than-due"),
    (refund_without_a_refund, "paid-is-not-more-than-due"),
    (void_what_was_paid, "paid-is-not-more-than-due"),
    (charge_twice, "transfers-are-the-payments"),
    (lose_a_transfer, "transfers-are-the-payments"),
    (transfer_another_amount, "transfers-are-the-payments"),
    (take_money_and_say_declined, "transfers-are-the-payments"),
    (ask_a_provider_for_what_came_by_hand, "transfers-are-the-payments"),
    (name_an_outcome_at_random, "outcomes-are-told-once"),
    (name_an_outcome_by_another, "outcomes-are-told-once"),
    (tell_an_outcome_for_somebody, "outcomes-are-told-once"),
    (tell_of_another_invoice, "outcomes-are-told-once"),
    (settle_a_payment_in_two_ways, "outcomes-are-told-once"),
    (settle_without_a_word, "outcomes-are-told-once"),
    (settle_otherwise_than_was_told, "effect-is-as-asked"),
    (lose_the_payment_that_was_declined, "effects-have-events"),
    (pay_another_amount, "effect-is-as-asked"),
    (void_nothing, "effect-is-as-asked"),
    (give_nothing_up, "effect-is-as-asked"),
    (pay_back_what_was_not_to_be, "effect-is-as-asked"),
    (note_another_line, "effect-is-as-asked"),
    (go_on_behind_the_end, "causes-come-first"),
    (tell_paid_and_mean_open, "nothing-owed-is-paid"),
    (keep_what_is_on_its_way, "rows-are-as-told"),
    (keep_the_credit_of_a_void_one, "credits-add-up"),
    (note_without_credit, "credits-add-up"),
    (take_a_grant_for_a_proration, "credits-add-up"),
    (skip_the_number_of_a_note, "numbers-are-gapless"),
    (number_a_note_otherwise, "numbers-are-gapless"),
    (skip_a_number_of_the_series, "numbers-are-gapless"),
    (leave_the_series_out, "numbers-are-gapless"),
    (number_the_series_otherwise, "numbers-are-gapless"),
    (credit_more_than_a_line, "notes-are-not-more-than-the-whole"),
    (credit_more_than_the_invoice, "notes-are-not-more-than-the-whole"),
    (keep_the_tax_of_what_was_credited, "notes-are-not-more-than-the-whole"),
    (forget_the_tax_of_what_was_credited, "notes-are-not-more-than-the-whole"),
    (pay_back_another_amount_than_the_note, "notes-are-not-more-than-the-whole"),
    (lose_a_part_of_a_note, "notes-are-not-more-than-the-whole"),
    (lose_a_note, "notes-are-not-more-than-the-whole"),
    (book_one_side, "entries-balance"),
    (book_of_nothing, "entries-balance"),
    (book_twice, "entries-balance"),
    (book_a_payment_nowhere, "receivable-is-what-remains"),
    (book_a_tax_as_revenue, "receivable-is-what-remains"),
    (book_cash_as_bad_debt, "books-agree"),
    (book_a_payment_nowhere, "books-agree"),
    (keep_a_refund_on_its_way, "books-agree"),
    (defer_what_no_subscription_has, "books-agree"),
    (balance_without_a_booking, "books-agree"),
    (hide_an_entry, "journal-is-shown"),
    (show_an_entry_otherwise, "journal-is-shown"),
    (show_the_journal_in_another_order, "journal-is-shown"),
    (differ_by_the_operators_look, "reconcile-finds-nothing"),
    (fail_to_look, "reconcile-finds-nothing"),
    (book_for_another_organisations_customer, "organisations-apart"),
    (forget_a_due_part, "nothing-due-is-left"),
    (write_another_payment, "rows-are-as-told"),
    (write_another_coupon, "rows-are-as-told"),
    (hide_a_payment, "lists-are-the-rows"),
    (invent_a_payment, "nothing-without-a-command"),
    (invent_a_payment, "events-are-counted"),
    (tell_a_coupon_under_its_own_key, "events-have-causes"),
]
