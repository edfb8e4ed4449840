#include "tests/unit/worker_money.h"

#include "tests/unit/worker_documents.h"

/* Payments of an invoice and what comes of them, void and uncollectible ones. */

START_TEST(test_manual_pays_at_once)
{
	size_t events;

	setup();
	events = hand_count(&hand, TABLE_OUTBOX);
	DO(pay("manual", INT64_MIN));
	ck_assert(!hand.decision.deferred);
	assert_text(invoice()->status, "paid");
	ck_assert_int_eq(invoice()->amount_paid, PRICE);
	assert_text(payment_at(0)->status, "succeeded");
	assert_text(payment_at(0)->reference, "wire 7");
	assert_events_behind(events, "payment.created payment.succeeded invoice.paid");
	assert_books();
	ck_assert_int_eq(pay("manual", INT64_MIN), REFUSAL_INVOICE_FINAL);
	teardown();
}
END_TEST

START_TEST(test_parts_add_up)
{
	size_t events;

	setup();
	events = hand_count(&hand, TABLE_OUTBOX);
	DO(pay("manual", 1000));
	assert_text(invoice()->status, "open");
	assert_events_behind(events, "payment.created payment.succeeded invoice.updated");
	ck_assert_int_eq(pay("manual", 1901), REFUSAL_PAYMENT_TOO_LARGE);
	DO(pay("manual", 1900));
	assert_text(invoice()->status, "paid");
	ck_assert_uint_eq(hand_count(&hand, TABLE_PAYMENTS), 2);
	assert_books();
	teardown();
}
END_TEST

START_TEST(test_a_provider_is_waited_for)
{
	size_t events;

	setup();
	events = hand_count(&hand, TABLE_OUTBOX);
	DO(pay("sim_ok", INT64_MIN));
	ck_assert(hand.decision.deferred);
	ck_assert_uint_eq(hand_count(&hand, TABLE_OPERATIONS), 0);
	assert_text(payment_at(0)->status, "processing");
	ck_assert_int_eq(payment_at(0)->amount, PRICE);
	ck_assert(payment_at(0)->reference.ptr == NULL);
	ck_assert(uuid_equal(invoice()->payment_id, payment_at(0)->id));
	assert_text(invoice()->status, "open");
	assert_events_behind(events, "payment.created");
	assert_books();

	/* Nothing else happens to the invoice meanwhile. */
	ck_assert_int_eq(pay("sim_ok", INT64_MIN), REFUSAL_PAYMENT_IN_PROGRESS);
	ck_assert_int_eq(pay("manual", 1), REFUSAL_PAYMENT_IN_PROGRESS);
	ck_assert_int_eq(move(COMMAND_VOID_INVOICE), REFUSAL_PAYMENT_IN_PROGRESS);
	ck_assert_int_eq(move(COMMAND_MARK_UNCOLLECTIBLE), REFUSAL_PAYMENT_IN_PROGRESS);
	ck_assert_int_eq(correct(100, false), REFUSAL_PAYMENT_IN_PROGRESS);
	ck_assert_uint_eq(hand_count(&hand, TABLE_PAYMENTS), 1);
	teardown();
}
END_TEST

START_TEST(test_money_that_came)
{
	size_t events;

	setup();
	DO(pay("sim_ok", 2000));
	events = hand_count(&hand, TABLE_OUTBOX);
	DO(record(payment_at(0), "succeeded"));
	ck_assert(!hand.decision.deferred);
	assert_events_behind(events, "payment.succeeded invoice.updated");
	assert_text(payment_at(0)->status, "succeeded");
	assert_text(payment_at(0)->reference, "sim_1");
	ck_assert_int_eq(invoice()->amount_paid, 2000);
	ck_assert(uuid_is_nil(invoice()->payment_id));

	ck_assert_uint_eq(hand_count(&hand, TABLE_OPERATIONS), 1);
	assert_text(operation_at(0)->command, "pay_invoice");
	assert_text(operation_at(0)->status, "succeeded");
	assert_text(operation_at(0)->resource_type, "invoice");
	ck_assert(uuid_equal(operation_at(0)->resource_id, invoice_id));
	ck_assert(uuid_equal(operation_at(0)->id, payment_at(0)->operation_id));
	assert_text(operation_at(0)->actor, WORLD_ACTOR);
	assert_books();

	ck_assert_int_eq(record(payment_at(0), "failed"), REFUSAL_PAYMENT_SETTLED);
	ck_assert_int_eq(record(payment_at(0), "unknown"), REFUSAL_PAYMENT_SETTLED);
	DO(pay("sim_ok", INT64_MIN));
	events = hand_count(&hand, TABLE_OUTBOX);
	DO(record(payment_at(1), "succeeded"));
	assert_text(invoice()->status, "paid");
	assert_events_behind(events, "payment.succeeded invoice.paid");
	assert_books();
	teardown();
}
END_TEST

START_TEST(test_money_that_does_not_come)
{
	size_t events;

	setup();
	DO(pay("sim_declined", INT64_MIN));
	events = hand_count(&hand, TABLE_OUTBOX);
	DO(record(payment_at(0), "failed"));
	assert_events_behind(events, "payment.failed subscription.past_due");
	assert_text(payment_at(0)->status, "failed");
	assert_text(payment_at(0)->failure_code, "card_declined");
	assert_text(invoice()->status, "open");
	ck_assert_int_eq(invoice()->amount_paid, 0);
	ck_assert(uuid_is_nil(invoice()->payment_id));
	assert_text(operation_at(0)->status, "failed");
	ck_assert_ptr_nonnull(memmem(operation_at(0)->problem.ptr, operation_at(0)->problem.len,
	    "payment-declined", strlen("payment-declined")));
	ck_assert_ptr_nonnull(memmem(operation_at(0)->problem.ptr, operation_at(0)->problem.len,
	    "card_declined", strlen("card_declined")));
	assert_books();

	DO(pay("manual", INT64_MIN));
	assert_text(invoice()->status, "paid");
	assert_books();
	teardown();
}
END_TEST

START_TEST(test_no_answer_is_a_state)
{
	size_t events;

	setup();
	DO(pay("sim_error", INT64_MIN));
	events = hand_count(&hand, TABLE_OUTBOX);
	DO(record(payment_at(0), "unknown"));
	assert_events_behind(events, "payment.unknown");
	assert_text(payment_at(0)->status, "unknown");
	ck_assert(instant_is_none(payment_at(0)->settled_at));
	ck_assert_uint_eq(hand_count(&hand, TABLE_OPERATIONS), 0);
	ck_assert_int_eq(pay("manual", 1), REFUSAL_PAYMENT_IN_PROGRESS);
	assert_books();
	DO(record(payment_at(0), "succeeded"));
	assert_text(invoice()->status, "paid");
	assert_text(operation_at(0)->status, "succeeded");
	assert_books();
	teardown();
}
END_TEST

START_TEST(test_the_askers_key_may_be_anothers_by_now)
{
	struct pay_invoice command = {.payment_method = STR("sim_ok"), .amount = INT64_MIN};
	struct operation other = {
	    .organisation_id = WORLD_ORGANISATION,
	    .id = {{0x77}},
	    .command = STR("create_plan"),
	    .status = STR("succeeded"),
	    .idempotency_key = STR("once"),
	};
	struct payment payment;

	setup();
	command.invoice_id = invoice_id;
	hand_do(&hand, COMMAND_PAY_INVOICE, &command);
	payment = *payment_at(0);
	payment.idempotency_key = STR("once");
	facts_change(hand.world.facts, TABLE_PAYMENTS,
	    facts_payment(hand.world.facts, WORLD_ORGANISATION, payment.id), &payment);
	facts_add(hand.world.facts, TABLE_OPERATIONS, &other);
	DO(record(payment_at(0), "succeeded"));
	ck_assert_uint_eq(hand_count(&hand, TABLE_OPERATIONS), 2);
	ck_assert(operation_at(1)->idempotency_key.ptr == NULL);
	teardown();
}
END_TEST

START_TEST(test_an_outcome_names_what_is_there)
{
	struct payment payment;

	setup();
	DO(pay("sim_ok", INT64_MIN));
	payment = *payment_at(0);
	payment.id.b[9] ^= 1;
	ck_assert_int_eq(record(&payment, "succeeded"), REFUSAL_PAYMENT_NOT_FOUND);
	payment = *payment_at(0);
	payment.customer_id = WORLD_OTHER_CUSTOMER;
	ck_assert_int_eq(record(&payment, "succeeded"), REFUSAL_PAYMENT_NOT_FOUND);
	payment = *payment_at(0);
	payment.invoice_id.b[9] ^= 1;
	ck_assert_int_eq(record(&payment, "succeeded"), REFUSAL_PAYMENT_NOT_FOUND);
	assert_text(payment_at(0)->status, "processing");
	teardown();
}
END_TEST

START_TEST(test_a_pay_that_comes_again_is_under_way)
{
	struct pay_invoice command = {.payment_method = STR("sim_ok"), .amount = INT64_MIN};

	setup();
	command.invoice_id = invoice_id;
	command.meta = world_meta((struct uuid){{0x0c}});
	ck_assert(!payments_under_way(hand.world.facts, &command));
	hand_do(&hand, COMMAND_PAY_INVOICE, &command);
	ck_assert(payments_under_way(hand.world.facts, &command));
	command.meta.operation_id = (struct uuid){{0x0d}};
	ck_assert(!payments_under_way(hand.world.facts, &command));
	teardown();
}
END_TEST

START_TEST(test_voided_as_if_it_had_not_been)
{
	size_t events;

	setup();
	events = hand_count(&hand, TABLE_OUTBOX);
	DO(move(COMMAND_VOID_INVOICE));
	assert_text(invoice()->status, "void");
	ck_assert(!instant_is_none(invoice()->voided_at));
	assert_events_behind(events, "invoice.voided");
	ck_assert_int_eq(hand_subscription_at(&hand, 0)->deferred, 0);
	ck_assert_int_eq(BALANCE(revenue), 0);
	assert_books();
	ck_assert_int_eq(move(COMMAND_VOID_INVOICE), REFUSAL_INVOICE_FINAL);
	ck_assert_int_eq(pay("sim_ok", INT64_MIN), REFUSAL_INVOICE_FINAL);
	ck_assert_int_eq(correct(1, false), REFUSAL_INVOICE_FINAL);
	teardown();
}
END_TEST

/* Half a period later half of the price is earned, and comes out of revenue. */
START_TEST(test_voided_amid_the_period)
{
	setup();
	at_part(1, 2);
	DO(move(COMMAND_VOID_INVOICE));
	ck_assert_int_eq(hand_subscription_at(&hand, 0)->deferred, 0);
	ck_assert_int_eq(BALANCE(revenue), 0);
	ck_assert_int_eq(BALANCE(deferred_revenue), 0);
	assert_books();
	teardown();
}
END_TEST

/* From a plan of nothing to 29.00 without proration, and back amid the period: 14.50 come back that
 * nothing was deferred for, on an invoice with an item of 50.00. */
static void
setup_credited(void)
{
	static struct charge nothing;
	struct plan plan = world_plan(WORLD_OTHER_PLAN);
	struct change_subscription change;
	struct uuid id;

	hand_open(&hand);
	nothing = world_charges[0];
	nothing.amount = 0;
	plan.amount = 0;
	plan.charges = &nothing;
	world_plan_add(&hand.world, &plan);
	id = hand_subscribe(&hand, WORLD_OTHER_PLAN);
	change = hand_change(id, WORLD_PLAN);
	change.proration = STR("none");
	hand_do(&hand, COMMAND_CHANGE_SUBSCRIPTION, &change);
	at_part(1, 2);
	(void)money_item_add(&hand, 1, 5000);
	change = hand_change(id, WORLD_OTHER_PLAN);
	hand_do(&hand, COMMAND_CHANGE_SUBSCRIPTION, &change);
	invoice_id = hand_invoice(&hand, 1)->id;
	ck_assert_int_eq(hand_invoice(&hand, 1)->total, 5000 - PRICE / 2);
	ck_assert_int_eq(hand_subscription_at(&hand, 0)->deferred, 0);
}

/* What a credited line gave back is charged again when its invoice is void: for the time left. */
START_TEST(test_voiding_defers_what_a_line_gave_back)
{
	const struct subscription *subscription;

	setup_credited();
	at_part(3, 4);
	DO(move(COMMAND_VOID_INVOICE));
	subscription = hand_subscription_at(&hand, 0);
	ck_assert_int_eq(subscription->deferred, PRICE / 4);
	ck_assert_int_eq(subscription->deferred_from.s * 1000, hand.now_ms / 1000 * 1000);
	ck_assert_int_eq(subscription->deferred_until.s, subscription->current_period_end.s);
	ck_assert_int_eq(subscription->due_at.s, subscription->current_period_end.s);
	assert_books();
	hand_chunk(&hand, "2027-03-01T00:00:00Z");
	ck_assert_int_eq(hand_subscription_at(&hand, 0)->deferred, 0);
	ck_assert_int_eq(BALANCE(revenue), 0);
	assert_books();
	teardown();
}
END_TEST

START_TEST(test_voiding_gives_back_what_it_used_of_the_balance)
{
	struct customer customer;
	struct invoice changed;
	struct journal_entry opening = {
	    .organisation_id = WORLD_ORGANISATION, .receivable = -900, .customer_credit = 900};
	size_t events;

	setup();
	/* As if 9.00 of it had been there. */
	changed = *invoice();
	changed.credit_applied = 900;
	changed.amount_due = PRICE - 900;
	facts_change(hand.world.facts, TABLE_INVOICES,
	    facts_invoice(hand.world.facts, WORLD_ORGANISATION, invoice_id), &changed);
	facts_add(hand.world.facts, TABLE_JOURNAL, &opening);
	opening = (struct journal_entry){.customer_credit = -900, .credits_granted = 900};
	facts_add(hand.world.facts, TABLE_JOURNAL, &opening);
	events = hand_count(&hand, TABLE_OUTBOX);
	DO(move(COMMAND_VOID_INVOICE));
	assert_events_behind(events, "invoice.voided credit.recorded");
	ck_assert_int_eq(hand_customer(&hand)->credit_balance, 900);
	assert_books();

	/* What does not fit is refused, and nothing changes. */
	facts_change(hand.world.facts, TABLE_INVOICES,
	    facts_invoice(hand.world.facts, WORLD_ORGANISATION, invoice_id), &changed);
	customer = *hand_customer(&hand);
	customer.credit_balance = INT64_MAX - 899;
	facts_change(hand.world.facts, TABLE_CUSTOMERS, hand_customer(&hand), &customer);
	events = hand_count(&hand, TABLE_OUTBOX);
	ck_assert_int_eq(move(COMMAND_VOID_INVOICE), REFUSAL_AMOUNT_OUT_OF_RANGE);
	assert_text(invoice()->status, "open");
	ck_assert_uint_eq(hand_count(&hand, TABLE_OUTBOX), events);
	teardown();
}
END_TEST

START_TEST(test_paid_in_part)
{
	size_t events;

	setup();
	DO(pay("manual", 900));
	ck_assert_int_eq(move(COMMAND_VOID_INVOICE), REFUSAL_INVOICE_PARTLY_PAID);
	events = hand_count(&hand, TABLE_OUTBOX);
	DO(move(COMMAND_MARK_UNCOLLECTIBLE));
	assert_text(invoice()->status, "uncollectible");
	ck_assert_int_eq(BALANCE(bad_debt), 2000);
	assert_events_behind(events, "invoice.marked_uncollectible");
	assert_books();
	ck_assert_int_eq(pay("manual", 1), REFUSAL_INVOICE_FINAL);
	teardown();
}
END_TEST

START_TEST(test_no_such_invoice)
{
	setup();
	invoice_id.b[12] ^= 1;
	ck_assert_int_eq(pay("nonsense", INT64_MAX), REFUSAL_INVOICE_NOT_FOUND);
	ck_assert_int_eq(move(COMMAND_VOID_INVOICE), REFUSAL_INVOICE_NOT_FOUND);
	ck_assert_int_eq(move(COMMAND_MARK_UNCOLLECTIBLE), REFUSAL_INVOICE_NOT_FOUND);
	ck_assert_int_eq(correct(INT64_MAX, true), REFUSAL_INVOICE_NOT_FOUND);
	teardown();
}
END_TEST

/* Each refusal of a payment, with what comes behind it. */
START_TEST(test_refusals_of_a_payment_in_order)
{
	setup();
	ck_assert_int_eq(pay("nonsense", PRICE + 1), REFUSAL_PAYMENT_METHOD_UNKNOWN);
	ck_assert_int_eq(pay("sim_ok", PRICE + 1), REFUSAL_PAYMENT_TOO_LARGE);
	for (int i = 0; i < PAYMENTS_MAX; i++) {
		DO(pay("sim_declined", 1));
		DO(record(payment_at((size_t)i), "failed"));
	}
	ck_assert_int_eq(pay("manual", PRICE + 1), REFUSAL_PAYMENT_TOO_LARGE);
	ck_assert_int_eq(pay("manual", 1), REFUSAL_PAYMENTS_TOO_MANY);
	teardown();
}
END_TEST

/* The payer is woken for what it is to ask for, and for nothing else. */
START_TEST(test_what_waits_for_a_provider)
{
	setup();
	DO(pay("manual", 100));
	ck_assert(!payments_wait(hand.world.facts));
	DO(pay("sim_error", 100));
	ck_assert(payments_wait(hand.world.facts));
	DO(record(payment_at(1), "unknown"));
	ck_assert(!payments_wait(hand.world.facts));
	DO(record(payment_at(1), "succeeded"));
	ck_assert(!payments_wait(hand.world.facts));
	teardown();
}
END_TEST

/* Money that came is not held up by a clock that is on its way, nor by what cannot be billed. */
START_TEST(test_an_outcome_waits_for_nobody)
{
	struct test_clock clock = world_clock((struct uuid){{0xcc, 1}});
	struct customer customer;

	setup();
	DO(pay("sim_ok", INT64_MIN));
	clock.status = STR("advancing");
	clock.target_at = unit_instant("2028-01-01T00:00:00Z");
	facts_add(hand.world.facts, TABLE_TEST_CLOCKS, &clock);
	customer = *hand_customer(&hand);
	customer.test_clock_id = clock.id;
	facts_change(hand.world.facts, TABLE_CUSTOMERS, hand_customer(&hand), &customer);
	ck_assert_int_eq(pay("manual", 1), REFUSAL_TEST_CLOCK_ADVANCING);
	DO(record(payment_at(0), "succeeded"));
	assert_text(invoice()->status, "paid");
	teardown();
}
END_TEST

/* What fell due comes before a command, and its invoice is another. */
START_TEST(test_what_fell_due_comes_first)
{
	setup();
	hand_at(&hand, "2027-03-15T00:00:00Z");
	DO(pay("manual", INT64_MIN));
	ck_assert_uint_eq(hand_count(&hand, TABLE_INVOICES), 2);
	assert_text(invoice()->status, "paid");
	assert_text(hand_invoice(&hand, 1)->status, "open");
	teardown();
}
END_TEST

UNIT_MAIN("handler_invoices", UNIT(test_what_waits_for_a_provider), UNIT(test_manual_pays_at_once),
    UNIT(test_parts_add_up), UNIT(test_a_provider_is_waited_for), UNIT(test_money_that_came),
    UNIT(test_money_that_does_not_come), UNIT(test_no_answer_is_a_state),
    UNIT(test_the_askers_key_may_be_anothers_by_now), UNIT(test_an_outcome_names_what_is_there),
    UNIT(test_a_pay_that_comes_again_is_under_way), UNIT(test_voided_as_if_it_had_not_been),
    UNIT(test_voided_amid_the_period), UNIT(test_voiding_defers_what_a_line_gave_back),
    UNIT(test_voiding_gives_back_what_it_used_of_the_balance), UNIT(test_paid_in_part),
    UNIT(test_no_such_invoice), UNIT(test_refusals_of_a_payment_in_order),
    UNIT(test_an_outcome_waits_for_nobody), UNIT(test_what_fell_due_comes_first))
