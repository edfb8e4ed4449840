#include "worker/handler.h"

#include "tests/unit/worker_hand.h"

/* What commands make of a subscription's life, of quantities and of test clocks, with what is
 * billed for it. Which amounts come out is domain/'s to test; here, that they get to where they
 * belong. */

static struct hand hand;

static const struct invoice_line *
line_at(size_t index)
{
	return world_row(&hand.world, TABLE_INVOICE_LINES, index);
}

static const struct credit_entry *
entry_at(size_t index)
{
	return world_row(&hand.world, TABLE_CREDIT_ENTRIES, index);
}

/* A plan at ${amount} a month, beside WORLD_PLAN. */
static void
other_plan_add(int64_t amount)
{
	struct plan plan = world_plan(WORLD_OTHER_PLAN);
	static struct charge charge;

	charge = charge_base(STR("Other"), amount);
	plan.code = STR("other");
	plan.charges = &charge;
	world_plan_add(&hand.world, &plan);
}

/* Half of 28 days is left. */
START_TEST(test_an_upgrade_is_invoiced_at_once)
{
	struct change_subscription change;

	hand_open(&hand);
	other_plan_add(5900);
	change = hand_change(hand_subscribe(&hand, WORLD_PLAN), WORLD_OTHER_PLAN);
	hand_at(&hand, "2027-02-14T09:30:00Z");
	hand_do(&hand, COMMAND_CHANGE_SUBSCRIPTION, &change);

	ck_assert_uint_eq(hand_count(&hand, TABLE_INVOICES), 2);
	ck_assert_int_eq(hand_invoice(&hand, 1)->total, 1500);
	unit_assert_str(hand_invoice(&hand, 1)->reason, "subscription_update", "reason");
	unit_assert_str(hand_invoice(&hand, 1)->number, "ABCDEF123456-0002", "number");
	ck_assert_int_eq(line_at(1)->amount, -1450);
	ck_assert(uuid_equal(line_at(1)->plan_id, WORLD_PLAN));
	ck_assert_int_eq(line_at(2)->amount, 2950);
	ck_assert(uuid_equal(line_at(2)->plan_id, WORLD_OTHER_PLAN));
	ck_assert(line_at(1)->proration && line_at(2)->proration);
	unit_assert_str(line_at(1)->explanation,
	    "{\"model\":\"flat\",\"billing\":\"advance\",\"amount\":2900,\"exact\":\"2900\","
	    "\"fraction\":{\"part\":1209600,\"whole\":2419200},"
	    "\"rounding\":\"half_away_from_zero\",\"credit\":true}",
	    "explanation");
	ck_assert(uuid_equal(hand_subscription_at(&hand, 0)->plan_id, WORLD_OTHER_PLAN));
	unit_assert_instant(hand_customer(&hand)->latest_at, "2027-02-14T09:30:00Z", "latest_at");
	hand_assert_events(
	    &hand, "subscription.created invoice.issued subscription.changed invoice.issued");
	hand_close(&hand);
}
END_TEST

START_TEST(test_a_downgrade_is_credited_and_used_up)
{
	struct change_subscription change;
	const struct credit_entry *entry;

	hand_open(&hand);
	other_plan_add(5900);
	change = hand_change(hand_subscribe(&hand, WORLD_OTHER_PLAN), WORLD_PLAN);
	hand_at(&hand, "2027-02-14T09:30:00Z");
	hand_do(&hand, COMMAND_CHANGE_SUBSCRIPTION, &change);

	/* No invoice below zero: the customer's balance has it. */
	ck_assert_uint_eq(hand_count(&hand, TABLE_INVOICES), 1);
	entry = entry_at(0);
	ck_assert_int_eq(entry->amount, 1500);
	ck_assert_int_eq(entry->balance_after, 1500);
	ck_assert_int_eq(entry->sequence, 1);
	unit_assert_str(entry->reason, "proration", "reason");
	ck_assert(uuid_equal(entry->subscription_id, change.subscription_id));
	ck_assert_ptr_nonnull(strstr(entry->lines.ptr, "\"amount\":-2950"));
	ck_assert_ptr_nonnull(strstr(entry->lines.ptr, "\"amount\":1450"));
	ck_assert_int_eq(hand_customer(&hand)->credit_balance, 1500);
	unit_assert_instant(hand_customer(&hand)->updated_at, "2027-02-14T09:30:00Z", "updated_at");

	hand_chunk(&hand, "2027-02-28T09:30:00Z");
	ck_assert_int_eq(hand_invoice(&hand, 1)->total, 2900);
	ck_assert_int_eq(hand_invoice(&hand, 1)->credit_applied, 1500);
	ck_assert_int_eq(hand_invoice(&hand, 1)->amount_due, 1400);
	entry = entry_at(1);
	ck_assert_int_eq(entry->amount, -1500);
	ck_assert_int_eq(entry->balance_after, 0);
	ck_assert_int_eq(entry->sequence, 2);
	unit_assert_str(entry->reason, "invoice", "reason");
	ck_assert(uuid_equal(entry->invoice_id, hand_invoice(&hand, 1)->id));
	unit_assert_str(entry->lines, NULL, "lines");
	ck_assert_int_eq(hand_customer(&hand)->credit_balance, 0);
	ck_assert_int_eq(hand_customer(&hand)->credit_count, 2);
	hand_assert_events(&hand,
	    "subscription.created invoice.issued subscription.changed credit.recorded "
	    "subscription.renewed invoice.issued credit.recorded");
	hand_close(&hand);
}
END_TEST

/* Enough credit pays an invoice at once. */
START_TEST(test_credit_pays_an_invoice)
{
	hand_open(&hand);
	hand_customer(&hand)->credit_balance = 5000;
	hand_customer(&hand)->credit_count = 1;
	hand_subscribe(&hand, WORLD_PLAN);
	unit_assert_str(hand_invoice(&hand, 0)->status, "paid", "status");
	ck_assert_int_eq(hand_invoice(&hand, 0)->amount_due, 0);
	ck_assert_int_eq(hand_customer(&hand)->credit_balance, 2100);
	ck_assert_int_eq(entry_at(0)->sequence, 2);
	hand_assert_events(
	    &hand, "subscription.created invoice.issued invoice.paid credit.recorded");
	hand_close(&hand);
}
END_TEST

START_TEST(test_a_balance_does_not_overflow)
{
	struct cancel_subscription cancel = {.effective = STR("now"), .credit_unused = true};
	struct buf before, after;

	hand_open(&hand);
	buf_init(&before, WORLD_DUMP_MAX);
	buf_init(&after, WORLD_DUMP_MAX);
	cancel.subscription_id = hand_subscribe(&hand, WORLD_PLAN);
	hand_customer(&hand)->credit_balance = INT64_MAX - 2899;
	world_dump(&hand.world, &before);
	ck_assert_int_eq(
	    hand_decide(&hand, COMMAND_CANCEL_SUBSCRIPTION, &cancel), REFUSAL_AMOUNT_OUT_OF_RANGE);
	world_dump(&hand.world, &after);
	ck_assert(str_equal(buf_str(&before), buf_str(&after)));
	/* One minor unit less of it fits. */
	hand_customer(&hand)->credit_balance = INT64_MAX - 2900;
	hand_do(&hand, COMMAND_CANCEL_SUBSCRIPTION, &cancel);
	ck_assert_int_eq(hand_customer(&hand)->credit_balance, INT64_MAX);
	buf_release(&before);
	buf_release(&after);
	hand_close(&hand);
}
END_TEST

START_TEST(test_a_pending_change_takes_effect_and_can_be_undone)
{
	struct change_subscription change;

	hand_open(&hand);
	other_plan_add(5900);
	change = hand_change(hand_subscribe(&hand, WORLD_PLAN), WORLD_OTHER_PLAN);
	change.effective = STR("period_end");
	hand_do(&hand, COMMAND_CHANGE_SUBSCRIPTION, &change);
	ck_assert(uuid_equal(hand_subscription_at(&hand, 0)->pending_version_id, WORLD_OTHER_PLAN));
	/* Back to what it is on: nothing pends any more. */
	change.plan_id = WORLD_PLAN;
	hand_do(&hand, COMMAND_CHANGE_SUBSCRIPTION, &change);
	ck_assert(uuid_is_nil(hand_subscription_at(&hand, 0)->pending_version_id));
	change.plan_id = WORLD_OTHER_PLAN;
	change.quantity = 3;
	hand_do(&hand, COMMAND_CHANGE_SUBSCRIPTION, &change);
	hand_chunk(&hand, "2027-02-28T09:30:00Z");
	ck_assert(uuid_equal(hand_subscription_at(&hand, 0)->plan_id, WORLD_OTHER_PLAN));
	ck_assert_int_eq(hand_subscription_at(&hand, 0)->quantity, 3);
	ck_assert_int_eq(hand_invoice(&hand, 1)->total, 5900);
	unit_assert_str(hand_invoice(&hand, 1)->reason, "subscription_cycle", "reason");
	hand_close(&hand);
}
END_TEST

START_TEST(test_a_pause_moves_the_period)
{
	struct move_subscription move = {.subscription_id = UUID_NIL};

	hand_open(&hand);
	move.subscription_id = hand_subscribe(&hand, WORLD_PLAN);
	hand_at(&hand, "2027-02-10T09:30:00Z");
	hand_do(&hand, COMMAND_PAUSE_SUBSCRIPTION, &move);
	unit_assert_str(hand_subscription_at(&hand, 0)->status, "paused", "status");
	hand_chunk(&hand, "2027-06-01T00:00:00Z");
	ck_assert_uint_eq(hand_count(&hand, TABLE_INVOICES), 1);
	hand_at(&hand, "2027-06-10T09:30:00Z");
	hand_do(&hand, COMMAND_RESUME_SUBSCRIPTION, &move);
	unit_assert_str(hand_subscription_at(&hand, 0)->status, "active", "status");
	unit_assert_instant(hand_subscription_at(&hand, 0)->current_period_end,
	    "2027-06-28T09:30:00Z", "period's end");
	hand_chunk(&hand, "2027-06-28T09:30:00Z");
	ck_assert_uint_eq(hand_count(&hand, TABLE_INVOICES), 2);
	hand_assert_events(&hand,
	    "subscription.created invoice.issued subscription.paused subscription.resumed "
	    "subscription.renewed invoice.issued");
	hand_close(&hand);
}
END_TEST

/* The trial was over when it was paused: it is canceled by the command, and its customer may have
 * another one. */
START_TEST(test_resuming_ends_a_trial_that_was_to_be_canceled)
{
	struct cancel_subscription cancel = {.effective = STR("period_end")};
	struct create_subscription create = hand_subscription(WORLD_PLAN);
	struct move_subscription move;

	hand_open(&hand);
	create.trial_days = 14;
	hand_do(&hand, COMMAND_CREATE_SUBSCRIPTION, &create);
	cancel.subscription_id = hand.resource_id;
	move = (struct move_subscription){.subscription_id = cancel.subscription_id};
	hand_do(&hand, COMMAND_CANCEL_SUBSCRIPTION, &cancel);
	hand_at(&hand, "2027-02-10T09:30:00Z");
	hand_do(&hand, COMMAND_PAUSE_SUBSCRIPTION, &move);
	hand_at(&hand, "2027-06-10T09:30:00Z");
	hand_do(&hand, COMMAND_RESUME_SUBSCRIPTION, &move);
	unit_assert_str(hand_subscription_at(&hand, 0)->status, "canceled", "status");
	unit_assert_instant(
	    hand_subscription_at(&hand, 0)->ended_at, "2027-06-10T09:30:00Z", "ended_at");
	ck_assert_uint_eq(hand_count(&hand, TABLE_INVOICES), 0);
	hand_assert_events(&hand,
	    "subscription.created subscription.updated subscription.paused subscription.canceled");
	hand_subscribe(&hand, WORLD_PLAN);
	hand_close(&hand);
}
END_TEST

START_TEST(test_a_cancellation_is_taken_back_or_falls_due)
{
	struct cancel_subscription cancel = {.effective = STR("period_end")};
	struct move_subscription back;

	hand_open(&hand);
	cancel.subscription_id = hand_subscribe(&hand, WORLD_PLAN);
	back = (struct move_subscription){.subscription_id = cancel.subscription_id};
	hand_do(&hand, COMMAND_CANCEL_SUBSCRIPTION, &cancel);
	hand_do(&hand, COMMAND_UNCANCEL_SUBSCRIPTION, &back);
	hand_chunk(&hand, "2027-02-28T09:30:00Z");
	unit_assert_str(hand_subscription_at(&hand, 0)->status, "active", "status");
	hand_at(&hand, "2027-03-05T00:00:00Z");
	hand_do(&hand, COMMAND_CANCEL_SUBSCRIPTION, &cancel);
	hand_chunk(&hand, "2027-03-31T08:30:00Z");
	unit_assert_str(hand_subscription_at(&hand, 0)->status, "canceled", "status");
	unit_assert_instant(
	    hand_subscription_at(&hand, 0)->ended_at, "2027-03-31T08:30:00Z", "ended_at");
	ck_assert_uint_eq(hand_count(&hand, TABLE_INVOICES), 2);
	hand_assert_events(&hand,
	    "subscription.created invoice.issued subscription.updated subscription.updated "
	    "subscription.renewed invoice.issued subscription.updated subscription.canceled");
	hand_close(&hand);
}
END_TEST

/* A month that costs 10.00, and 0.05 for each call. */
static struct uuid
plan_with_calls(void)
{
	static struct charge charges[2];
	struct create_plan create = {
	    .code = STR("calls"),
	    .name = STR("Calls"),
	    .currency = {"EUR"},
	    .interval = STR("month"),
	    .interval_count = 1,
	    .amount = AMOUNT_NONE,
	    .charges = charges,
	    .charges_len = ARRAY_LEN(charges),
	};

	charges[0] = charge_base(STR("Base"), 1000);
	charges[1] = charge_base(STR("Calls"), AMOUNT_NONE);
	charges[1].code = STR("calls");
	charges[1].model = STR("per_unit");
	charges[1].billing = STR("arrears");
	charges[1].unit_amount = decimal_from(5);
	hand_do(&hand, COMMAND_CREATE_PLAN, &create);
	return hand.resource_id;
}

static const struct quantity *
quantity_at(size_t index)
{
	return world_row(&hand.world, TABLE_QUANTITIES, index);
}

START_TEST(test_quantities_add_up_and_are_billed)
{
	struct report_quantity report = {
	    .charge_code = STR("calls"), .mode = STR("add"), .period_start = INSTANT_NONE};
	const struct event *told;

	hand_open(&hand);
	report.subscription_id = hand_subscribe(&hand, plan_with_calls());
	report.quantity = decimal_from(100);
	hand_do(&hand, COMMAND_REPORT_QUANTITY, &report);
	ck_assert(uuid_equal(hand.resource_id, report.subscription_id));
	ck_assert(!uuid_is_nil(quantity_at(0)->id));
	hand_do(&hand, COMMAND_REPORT_QUANTITY, &report);
	ck_assert_uint_eq(hand_count(&hand, TABLE_QUANTITIES), 1);
	ck_assert_int_eq(decimal_compare(quantity_at(0)->quantity, decimal_from(200)), 0);
	ck_assert_int_eq(quantity_at(0)->transactions, 2);
	report.mode = STR("set");
	report.quantity = decimal_from(30);
	hand_do(&hand, COMMAND_REPORT_QUANTITY, &report);
	ck_assert_int_eq(decimal_compare(quantity_at(0)->quantity, decimal_from(30)), 0);
	ck_assert_int_eq(quantity_at(0)->transactions, 1);

	/* What ended and what begins stand on one invoice. */
	hand_chunk(&hand, "2027-02-28T09:30:00Z");
	told = world_row(&hand.world, TABLE_OUTBOX, hand_count(&hand, TABLE_OUTBOX) - 1);
	ck_assert_int_eq(told->occurred_at, unit_instant("2027-02-28T09:30:00Z").s * 1000);
	ck_assert_int_eq(hand_invoice(&hand, 0)->total, 1000);
	ck_assert_int_eq(hand_invoice(&hand, 1)->total, 1150);
	ck_assert_uint_eq(hand_invoice(&hand, 1)->lines_len, 2);

	/* The next period begins at nothing, and has a row of its own. */
	hand_at(&hand, "2027-03-01T00:00:00Z");
	report.mode = STR("add");
	report.quantity = decimal_from(7);
	hand_do(&hand, COMMAND_REPORT_QUANTITY, &report);
	ck_assert_uint_eq(hand_count(&hand, TABLE_QUANTITIES), 2);
	unit_assert_instant(quantity_at(1)->updated_at, "2027-03-01T00:00:00Z", "updated_at");
	ck_assert_int_eq(decimal_compare(quantity_at(1)->quantity, decimal_from(7)), 0);
	unit_assert_instant(quantity_at(1)->period_start, "2027-02-28T09:30:00Z", "period_start");
	unit_assert_instant(hand_customer(&hand)->latest_at, "2027-03-01T00:00:00Z", "latest_at");
	/* Naming a period that is over is refused, whoever is late. */
	report.period_start = unit_instant(WORLD_NOW);
	ck_assert_int_eq(
	    hand_decide(&hand, COMMAND_REPORT_QUANTITY, &report), REFUSAL_PERIOD_NOT_OPEN);
	hand_assert_events(&hand,
	    "plan.created subscription.created invoice.issued quantity.reported quantity.reported "
	    "quantity.reported subscription.renewed invoice.issued quantity.reported");
	hand_close(&hand);
}
END_TEST

/* A pause moves the period, and what was reported for it goes along. */
START_TEST(test_a_pause_keeps_what_was_reported)
{
	struct report_quantity report = {.charge_code = STR("calls"),
	    .mode = STR("add"),
	    .quantity = decimal_from(100),
	    .period_start = INSTANT_NONE};
	struct move_subscription move;

	hand_open(&hand);
	report.subscription_id = hand_subscribe(&hand, plan_with_calls());
	move = (struct move_subscription){.subscription_id = report.subscription_id};
	hand_do(&hand, COMMAND_REPORT_QUANTITY, &report);
	hand_at(&hand, "2027-02-10T09:30:00Z");
	hand_do(&hand, COMMAND_PAUSE_SUBSCRIPTION, &move);
	hand_at(&hand, "2027-06-10T09:30:00Z");
	hand_do(&hand, COMMAND_RESUME_SUBSCRIPTION, &move);
	/* It goes on to be added to. */
	hand_do(&hand, COMMAND_REPORT_QUANTITY, &report);
	ck_assert_uint_eq(hand_count(&hand, TABLE_QUANTITIES), 1);
	hand_chunk(&hand, "2027-06-28T09:30:00Z");
	ck_assert_int_eq(hand_invoice(&hand, 1)->total, 2000);
	hand_close(&hand);
}
END_TEST

/* What was paused and could not be billed at its end takes what may mend that, for its period. */
START_TEST(test_a_parked_one_is_reported_for_by_name)
{
	struct report_quantity report = {.charge_code = STR("calls"),
	    .mode = STR("set"),
	    .quantity = decimal_from(1),
	    .period_start = INSTANT_NONE};
	struct move_subscription move;

	hand_open(&hand);
	report.subscription_id = hand_subscribe(&hand, plan_with_calls());
	move = (struct move_subscription){.subscription_id = report.subscription_id};
	hand_do(&hand, COMMAND_PAUSE_SUBSCRIPTION, &move);
	hand_park(&hand, report.subscription_id);
	hand_at(&hand, "2027-04-01T00:00:00Z");
	ck_assert_int_eq(
	    hand_decide(&hand, COMMAND_REPORT_QUANTITY, &report), REFUSAL_PERIOD_NOT_OPEN);
	report.period_start = hand_subscription_at(&hand, 0)->current_period_start;
	hand_do(&hand, COMMAND_REPORT_QUANTITY, &report);
	ck_assert_uint_eq(hand_count(&hand, TABLE_QUANTITIES), 1);
	hand_close(&hand);
}
END_TEST

/* A period that ends in the second in which it began is billed then; the one that comes in its
 * place begins at nothing, whatever plan it is on. */
START_TEST(test_what_was_reported_is_billed_once)
{
	struct report_quantity report = {.charge_code = STR("calls"),
	    .mode = STR("add"),
	    .quantity = decimal_from(100),
	    .period_start = INSTANT_NONE};
	struct change_subscription change;
	struct uuid with_calls;

	hand_open(&hand);
	with_calls = plan_with_calls();
	report.subscription_id = hand_subscribe(&hand, with_calls);
	hand_do(&hand, COMMAND_REPORT_QUANTITY, &report);
	change = hand_change(report.subscription_id, WORLD_PLAN);
	hand_do(&hand, COMMAND_CHANGE_SUBSCRIPTION, &change);
	ck_assert_int_eq(hand_invoice(&hand, 1)->total, 500 - 1000 + 2900);
	ck_assert(quantity_at(0)->closed);
	ck_assert_int_eq(decimal_compare(quantity_at(0)->quantity, decimal_from(100)), 0);

	change.plan_id = with_calls;
	hand_do(&hand, COMMAND_CHANGE_SUBSCRIPTION, &change);
	ck_assert_int_eq(hand_customer(&hand)->credit_balance, 2900 - 1000);
	report.quantity = decimal_from(7);
	hand_do(&hand, COMMAND_REPORT_QUANTITY, &report);
	ck_assert_uint_eq(hand_count(&hand, TABLE_QUANTITIES), 2);
	ck_assert(!quantity_at(1)->closed);
	hand_chunk(&hand, "2027-02-28T09:30:00Z");
	ck_assert_int_eq(hand_invoice(&hand, 2)->total, 35 + 1000);
	hand_close(&hand);
}
END_TEST

/* Set to nothing, not even a transaction is left that would cost a fee. */
START_TEST(test_a_quantity_is_taken_back)
{
	struct report_quantity report = {
	    .charge_code = STR("calls"), .mode = STR("set"), .period_start = INSTANT_NONE};

	hand_open(&hand);
	report.subscription_id = hand_subscribe(&hand, plan_with_calls());
	report.quantity = decimal_from(100);
	hand_do(&hand, COMMAND_REPORT_QUANTITY, &report);
	report.quantity = DECIMAL_ZERO;
	hand_do(&hand, COMMAND_REPORT_QUANTITY, &report);
	ck_assert_int_eq(quantity_at(0)->transactions, 0);
	ck_assert(decimal_is_zero(quantity_at(0)->quantity));
	hand_close(&hand);
}
END_TEST

static void
many_may(void)
{
	struct organisation *organisation = world_row(&hand.world, TABLE_ORGANISATIONS, 0);

	organisation->subscriptions_per_customer = STR("many");
}

/* Each with its final invoice and ids of its own, though one operation makes them all. */
START_TEST(test_archiving_cancels_all_that_is_live)
{
	struct report_quantity report = {.charge_code = STR("calls"),
	    .mode = STR("set"),
	    .quantity = decimal_from(10),
	    .period_start = INSTANT_NONE};
	struct archive_customer archive = {.customer_id = WORLD_CUSTOMER};
	struct uuid plan_id;

	hand_open(&hand);
	many_may();
	plan_id = plan_with_calls();
	for (int i = 0; i < 2; i++) {
		report.subscription_id = hand_subscribe(&hand, plan_id);
		hand_do(&hand, COMMAND_REPORT_QUANTITY, &report);
	}
	hand_at(&hand, "2027-02-01T00:00:00Z");
	hand_do(&hand, COMMAND_ARCHIVE_CUSTOMER, &archive);
	for (size_t i = 0; i < 2; i++) {
		unit_assert_str(hand_subscription_at(&hand, i)->status, "canceled", "status");
		unit_assert_str(
		    hand_invoice(&hand, 2 + i)->reason, "subscription_cancel", "reason");
		ck_assert_int_eq(hand_invoice(&hand, 2 + i)->total, 50);
		ck_assert_int_eq(hand_invoice(&hand, 2 + i)->sequence, (int64_t)(3 + i));
	}
	ck_assert(!uuid_equal(hand_invoice(&hand, 2)->id, hand_invoice(&hand, 3)->id));
	ck_assert(!uuid_equal(line_at(2)->id, line_at(3)->id));
	/* By id, whatever order they came in. */
	ck_assert_int_lt(uuid_compare(hand_invoice(&hand, 2)->subscription_id,
			     hand_invoice(&hand, 3)->subscription_id),
	    0);
	hand_assert_events(&hand,
	    "plan.created subscription.created invoice.issued quantity.reported "
	    "subscription.created invoice.issued quantity.reported subscription.canceled "
	    "invoice.issued subscription.canceled invoice.issued customer.archived");
	hand_close(&hand);
}
END_TEST

/* Where more are live than are at hand, not all of them could be canceled with their customer. */
START_TEST(test_who_has_very_many_is_not_archived)
{
	struct archive_customer archive = {.customer_id = WORLD_CUSTOMER};

	hand_open(&hand);
	many_may();
	for (int i = 0; i < FACTS_LIVE_MAX; i++)
		hand_subscribe(&hand, WORLD_PLAN);
	ck_assert(uuid_equal(
	    hand_subscription_at(&hand, 0)->live_slot, hand_subscription_at(&hand, 0)->id));
	ck_assert_int_eq(hand_decide(&hand, COMMAND_ARCHIVE_CUSTOMER, &archive),
	    REFUSAL_SUBSCRIPTION_LIVE_EXISTS);
	ck_assert(instant_is_none(hand_customer(&hand)->archived_at));
	hand_close(&hand);
}
END_TEST

UNIT_MAIN("handler lives", UNIT(test_an_upgrade_is_invoiced_at_once),
    UNIT(test_a_downgrade_is_credited_and_used_up), UNIT(test_credit_pays_an_invoice),
    UNIT(test_a_balance_does_not_overflow),
    UNIT(test_a_pending_change_takes_effect_and_can_be_undone), UNIT(test_a_pause_moves_the_period),
    UNIT(test_resuming_ends_a_trial_that_was_to_be_canceled),
    UNIT(test_a_cancellation_is_taken_back_or_falls_due),
    UNIT(test_quantities_add_up_and_are_billed), UNIT(test_a_pause_keeps_what_was_reported),
    UNIT(test_a_parked_one_is_reported_for_by_name), UNIT(test_what_was_reported_is_billed_once),
    UNIT(test_a_quantity_is_taken_back), UNIT(test_archiving_cancels_all_that_is_live),
    UNIT(test_who_has_very_many_is_not_archived))
