"""Ways in which billd could fail its callers and its books, done to the sample: each with the rule that must see it."""

import copy

from checker_changes import (
    STRANGER,
    again,
    append,
    attempt,
    change,
    command_change,
    command_of,
    drop,
    event_change,
    first_create,
    offsets_renew,
    operation_of,
    records,
    row,
    rows,
)
from checker_index import told_operation
from checker_sample import PARTITIONS, encode, problem
from evidence import COMMAND_MARKS, Message, decode
from history import Attempt, Sight
from wire import COMMANDS


def lose_a_command(history, evidence):
    operation_id = told_operation(first_create(history))
    for message in list(evidence.topics[COMMANDS]):
        found = decode(message.value, COMMAND_MARKS)
        if found and found[1]["meta"]["operation_id"] == operation_id:
            evidence.topics[COMMANDS].remove(message)
    offsets_renew(evidence, COMMANDS)


def lose_an_accepted_request(history, evidence):
    """Nothing of it is left, as if the topic had lost it before a worker saw it."""
    lose_a_command(history, evidence)
    drop(evidence, "operations", id=told_operation(first_create(history)))


def send_another_body(history, evidence):
    command_change(evidence, told_operation(first_create(history)), name="Somebody else")


def lose_the_key_on_the_way(history, evidence):
    command_change(evidence, told_operation(first_create(history)), meta={"idempotency_key": None})


def put_into_another_partition(history, evidence):
    message, _, _ = command_of(evidence, told_operation(first_create(history)))
    evidence.topics[COMMANDS].remove(message)
    message.partition = (message.partition + 1) % PARTITIONS
    evidence.topics[COMMANDS].append(message)
    offsets_renew(evidence, COMMANDS)


def leave_an_operation_pending(history, evidence):
    drop(evidence, "operations", id=told_operation(first_create(history)))


def decide_twice(history, evidence):
    again(evidence, "operations", {"status": "failed", "problem": problem("x")}, status="succeeded")


def fail_without_a_problem(history, evidence):
    change(row(evidence, "operations", status="failed"), problem=None)


def answer_pending_at_the_end(history, evidence):
    one = next(iter(evidence.operations))
    evidence.operations[one][1] |= {"status": "pending", "completed_at": None}


def answer_unknown_at_the_end(history, evidence):
    one = next(iter(evidence.operations))
    evidence.operations[one] = [404, problem("not-found")]


def answer_another_resource(history, evidence):
    next(iter(evidence.operations.values()))[1]["resource"]["id"] = STRANGER


def give_a_retry_another_operation(history, evidence):
    retries = [found for found in records(history, Attempt) if found.idempotency_key == "c1"]
    retries[1].answer["operation_id"] = STRANGER


def give_a_retry_another_resource(history, evidence):
    retries = [found for found in records(history, Attempt) if found.idempotency_key == "c1"]
    retries[1].answer["resource"]["id"] = STRANGER


def let_a_used_key_pass(history, evidence):
    failed = next(found for found in rows(evidence, "operations", status="failed", idempotency_key="c0"))
    change(failed, status="succeeded", problem=None)


def take_effect_twice_without_an_answer(history, evidence):
    """The one attempt that got no answer is two commands."""
    lost = attempt(history, "/v1/subscriptions", status=None)
    operation = next(
        found
        for found in rows(evidence, "operations", resource_type="subscription", status="succeeded")
        if found["id"] not in {told_operation(made) for made in records(history, Attempt)}
        and command_of(evidence, found["id"])[2]["customer_id"] == lost.body["customer_id"]
    )
    message, name, record = command_of(evidence, operation["id"])
    record["meta"]["operation_id"] = STRANGER
    append(evidence, COMMANDS, Message(message.partition, 0, message.key, encode(COMMAND_MARKS, name, record), {}))
    again(evidence, "operations", {"id": STRANGER}, id=operation["id"])


def take_a_refused_request(history, evidence):
    """What was answered 422 lies on the topic."""
    refused = attempt(history, "/v1/customers", status=422)
    message, name, record = command_of(evidence, told_operation(first_create(history)))
    record |= {"name": refused.body["name"]}
    record["meta"] |= {"operation_id": STRANGER, "idempotency_key": refused.idempotency_key}
    append(evidence, COMMANDS, Message(message.partition, 0, message.key, encode(COMMAND_MARKS, name, record), {}))


def forget_what_was_told_as_done(history, evidence):
    """A 201, and its command is nowhere."""
    history.append(Attempt(2e9, first_create(history).organisation_id, "POST", "/v1/customers", {"name": "New"}, None,
                           201, {"id": STRANGER}))  # fmt: skip


def promise_another_resource(history, evidence):
    made = first_create(history)
    for found in records(history, Attempt):
        if told_operation(found) == told_operation(made):
            found.answer["resource"] = {"type": "customer", "id": STRANGER}


def tell_another_problem(history, evidence):
    attempt(history, "/v1/subscriptions", status=409).answer["title"] = "Something else"


def tell_as_done_what_failed(history, evidence):
    waited = attempt(history, "/v1/subscriptions", status=201)
    operation = row(evidence, "operations", resource_id=waited.answer["id"])
    change(operation, status="failed", problem=problem("subscription-live-exists"))


def tell_as_done_a_retry_that_failed(history, evidence):
    refused = next(
        found
        for found in records(history, Attempt)
        if found.status == 202 and operation_of(evidence, found)["status"] == "failed" and found.idempotency_key
    )
    retry = copy.deepcopy(refused)
    retry.status, retry.answer = 201, {"id": refused.answer["resource"]["id"]}
    history.append(retry)


def forget_an_operation_once(history, evidence):
    told = first_create(history)
    history.append(Sight(told.at + 100, told.organisation_id, told_operation(told), 404, problem("not-found"), None))


def change_an_outcome(history, evidence):
    sight = records(history, Sight)[0]
    sight.answer = sight.answer | {"status": "failed", "error": problem("x")}


def change_the_time_of_an_outcome(history, evidence):
    records(history, Sight)[0].answer["completed_at"] = "2020-01-01T00:00:00Z"


def say_pending_after_the_outcome(history, evidence):
    sight = records(history, Sight)[0]
    answer = {"id": sight.operation_id, "status": "pending"}
    history.append(Sight(sight.until + 1, sight.organisation_id, sight.operation_id, 200, answer, sight.until + 2))


def lose_a_created_resource(history, evidence):
    drop(evidence, "customers", id=first_create(history).answer["resource"]["id"])


def create_it_twice(history, evidence):
    again(evidence, "customers", id=first_create(history).answer["resource"]["id"])


def fail_with_an_event(history, evidence):
    failed = row(evidence, "operations", status="failed", resource_type="subscription")
    again(evidence, "outbox", {"operation_id": failed["id"]}, type="billd.subscription.created.v1")


def fail_with_a_resource(history, evidence):
    failed = row(evidence, "operations", status="failed", resource_type="plan")
    again(evidence, "plans", {"id": failed["resource_id"]}, code="basic")


def invent_a_customer(history, evidence):
    again(evidence, "customers", {"id": STRANGER}, name="Gone")


def invent_an_invoice(history, evidence):
    again(evidence, "invoices", {"id": STRANGER})


def invent_an_operation(history, evidence):
    again(evidence, "operations", {"id": STRANGER})


def change_what_was_asked(history, evidence):
    made = first_create(history).answer["resource"]["id"]
    index = [found["subject"] for found in rows(evidence, "outbox", type="billd.customer.created.v1")].index(made)
    event_change(evidence, "customer.created", index, name="Somebody else")


def update_nothing(history, evidence):
    event_change(evidence, "customer.updated", name="As before")


def sell_another_plan(history, evidence):
    free = row(evidence, "plans", code="free")
    event_change(evidence, "subscription.created", plan_id=free["id"])


def lose_an_update(history, evidence):
    """The event told it, the row doesn't have it."""
    change(row(evidence, "customers", name="Renamed"), name="Customer 0")


def change_an_invoice_later(history, evidence):
    change(row(evidence, "invoices"), due_at="2031-01-01T00:00:00+00:00")


def change_without_an_event(history, evidence):
    again(evidence, "plans", {"id": STRANGER}, code="basic")


def revive_a_subscription(history, evidence):
    change(row(evidence, "subscriptions", status="canceled"), status="active")


def line_otherwise(history, evidence):
    change(row(evidence, "invoice_lines"), amount=2901)


def total_otherwise(history, evidence):
    change(row(evidence, "invoices"), total=2800)


def owe_another_amount(history, evidence):
    change(row(evidence, "invoices"), amount_due=1)


def count_in_fractions(history, evidence):
    change(row(evidence, "invoices"), subtotal=2900.0)


def lose_a_line(history, evidence):
    drop(evidence, "invoice_lines")


def leave_nothing_owed_open(history, evidence):
    amounts = dict.fromkeys(("subtotal", "total", "amount_due"), 0)
    change(row(evidence, "invoices"), **amounts)
    change(row(evidence, "invoice_lines"), amount=0)


def mix_currencies(history, evidence):
    change(row(evidence, "invoices"), currency="EUR")


def skip_a_number(history, evidence):
    change(rows(evidence, "invoices", sequence=2)[0], sequence=3)


def number_otherwise(history, evidence):
    change(row(evidence, "invoices"), number="X-0001")


def count_too_few(history, evidence):
    change(row(evidence, "customers", invoice_count=2), invoice_count=1)


def number_in_another_order(history, evidence):
    first = row(evidence, "invoices", sequence=1)
    second = row(evidence, "invoices", sequence=2, customer_id=first["customer_id"])
    first["id"], second["id"] = second["id"], first["id"]


def share_an_id(history, evidence):
    b = evidence.tables["organisations"][1]["id"]
    again(evidence, "customers", {"organisation_id": b}, name="Gone")


def bill_another_organisations_customer(history, evidence):
    a, b = (found["id"] for found in evidence.tables["organisations"])
    theirs = row(evidence, "customers", organisation_id=b)
    change(row(evidence, "subscriptions", organisation_id=a), customer_id=theirs["id"])


def tell_another_organisation(history, evidence):
    a, b = (found["id"] for found in evidence.tables["organisations"])
    change(row(evidence, "outbox", organisation_id=a, type="billd.invoice.issued.v1"), organisation_id=b)


def answer_with_another_organisations_operation(history, evidence):
    stolen = copy.deepcopy(first_create(history))
    stolen.organisation_id = evidence.tables["organisations"][1]["id"]
    history.append(stolen)


def show_another_organisations_operation(history, evidence):
    sight = records(history, Sight)[0]
    history.append(Sight(sight.at, evidence.tables["organisations"][1]["id"], sight.operation_id, 200, sight.answer))


def list_another_organisations_row(history, evidence):
    a, b = (found["id"] for found in evidence.tables["organisations"])
    evidence.lists[a]["customers"].append(evidence.lists[b]["customers"][0])


def hide_a_row(history, evidence):
    evidence.lists[evidence.tables["organisations"][0]["id"]]["invoices"].pop()


def list_a_row_twice(history, evidence):
    customers = evidence.lists[evidence.tables["organisations"][0]["id"]]["customers"]
    customers.append(customers[-1])


def list_in_another_order(history, evidence):
    evidence.lists[evidence.tables["organisations"][0]["id"]]["customers"].reverse()


def show_a_row_otherwise(history, evidence):
    evidence.lists[evidence.tables["organisations"][0]["id"]]["invoices"][0]["lines"][0]["amount"] += 1


# what could happen, the rule that must see it
BREAKS = [
    (lose_a_command, "accepted-is-queued"),
    (lose_an_accepted_request, "accepted-is-queued"),
    (lose_an_accepted_request, "one-outcome"),
    (send_another_body, "accepted-is-queued"),
    (lose_the_key_on_the_way, "accepted-is-queued"),
    (put_into_another_partition, "partition-is-the-customers"),
    (leave_an_operation_pending, "one-outcome"),
    (decide_twice, "one-outcome"),
    (fail_without_a_problem, "one-outcome"),
    (answer_pending_at_the_end, "api-tells-the-table"),
    (answer_unknown_at_the_end, "api-tells-the-table"),
    (answer_another_resource, "api-tells-the-table"),
    (give_a_retry_another_operation, "one-operation-per-key"),
    (give_a_retry_another_resource, "one-operation-per-key"),
    (let_a_used_key_pass, "one-effect-per-key"),
    (take_effect_twice_without_an_answer, "no-answer-zero-or-one"),
    (take_a_refused_request, "no-answer-zero-or-one"),
    (forget_what_was_told_as_done, "no-answer-zero-or-one"),
    (promise_another_resource, "answers-hold"),
    (tell_another_problem, "answers-hold"),
    (tell_as_done_what_failed, "answers-hold"),
    (tell_as_done_a_retry_that_failed, "answers-hold"),
    (forget_what_was_told_as_done, "answers-hold"),
    (forget_an_operation_once, "final-stays-final"),
    (change_an_outcome, "final-stays-final"),
    (change_the_time_of_an_outcome, "final-stays-final"),
    (say_pending_after_the_outcome, "final-stays-final"),
    (lose_a_created_resource, "created-exists"),
    (create_it_twice, "created-exists"),
    (fail_with_an_event, "failed-has-no-effect"),
    (fail_with_a_resource, "failed-has-no-effect"),
    (invent_a_customer, "nothing-without-a-command"),
    (invent_an_invoice, "nothing-without-a-command"),
    (invent_an_operation, "nothing-without-a-command"),
    (lose_a_command, "nothing-without-a-command"),
    (change_what_was_asked, "effect-is-as-asked"),
    (update_nothing, "effect-is-as-asked"),
    (sell_another_plan, "effect-is-as-asked"),
    (lose_an_update, "rows-are-as-told"),
    (change_an_invoice_later, "rows-are-as-told"),
    (change_without_an_event, "rows-are-as-told"),
    (revive_a_subscription, "one-live-subscription"),
    (line_otherwise, "totals-are-the-lines"),
    (total_otherwise, "totals-are-the-lines"),
    (owe_another_amount, "totals-are-the-lines"),
    (count_in_fractions, "totals-are-the-lines"),
    (lose_a_line, "totals-are-the-lines"),
    (leave_nothing_owed_open, "totals-are-the-lines"),
    (mix_currencies, "prices-are-the-plans"),
    (skip_a_number, "numbers-are-gapless"),
    (number_otherwise, "numbers-are-gapless"),
    (count_too_few, "numbers-are-gapless"),
    (number_in_another_order, "numbers-are-gapless"),
    (share_an_id, "organisations-apart"),
    (bill_another_organisations_customer, "organisations-apart"),
    (tell_another_organisation, "organisations-apart"),
    (answer_with_another_organisations_operation, "organisations-apart"),
    (show_another_organisations_operation, "organisations-apart"),
    (list_another_organisations_row, "lists-are-the-rows"),
    (hide_a_row, "lists-are-the-rows"),
    (list_a_row_twice, "lists-are-the-rows"),
    (list_in_another_order, "lists-are-the-rows"),
    (show_a_row_otherwise, "lists-are-the-rows"),
    (lose_a_created_resource, "events-are-counted"),
]
