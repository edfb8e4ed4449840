#include "tests/unit/worker_money.h"

#include "tests/unit/worker_documents.h"

/* Credit notes, and the refunds that they bring. */

static const struct credit_note *
note_at(size_t index)
{
	return world_row(&hand.world, TABLE_CREDIT_NOTES, index);
}

static const struct invoice_line *
line_at(size_t index)
{
	return world_row(&hand.world, TABLE_INVOICE_LINES, index);
}

START_TEST(test_a_note_on_what_is_still_to_be_paid)
{
	size_t events;

	setup();
	events = hand_count(&hand, TABLE_OUTBOX);
	DO(correct(900, true));
	assert_text(note_at(0)->number, "ABCDEF123456-CN-0001");
	assert_text(note_at(0)->reason, "broken");
	ck_assert_int_eq(note_at(0)->applied, 900);
	ck_assert_int_eq(note_at(0)->refunded, 0);
	ck_assert_int_eq(note_at(0)->credited, 0);
	ck_assert(uuid_equal(note_at(0)->id, hand.resource_id));
	ck_assert_int_eq(note_at(0)->series_sequence, INT64_MIN);
	assert_events_behind(events, "credit_note.issued invoice.updated");
	ck_assert_int_eq(invoice()->amount_credited, 900);
	ck_assert_int_eq(line_at(0)->credited, 900);
	ck_assert_int_eq(hand_customer(&hand)->credit_note_count, 1);
	assert_books();
	ck_assert_int_eq(correct(2001, false), REFUSAL_CREDIT_NOTE_TOO_LARGE);

	events = hand_count(&hand, TABLE_OUTBOX);
	DO(correct(0, false));
	ck_assert_int_eq(note_at(1)->total, 2000);
	assert_text(note_at(1)->number, "ABCDEF123456-CN-0002");
	assert_text(invoice()->status, "paid");
	assert_events_behind(events, "credit_note.issued invoice.paid");
	ck_assert_int_eq(BALANCE(deferred_revenue), 0);
	ck_assert_int_eq(BALANCE(revenue), 0);
	assert_books();
	ck_assert_int_eq(correct(0, false), REFUSAL_NOTHING_TO_CREDIT);
	teardown();
}
END_TEST

START_TEST(test_a_note_on_what_was_paid_is_credit)
{
	size_t events;

	setup();
	DO(pay("manual", INT64_MIN));
	events = hand_count(&hand, TABLE_OUTBOX);
	DO(correct(1000, false));
	ck_assert_int_eq(note_at(0)->credited, 1000);
	ck_assert_int_eq(hand_customer(&hand)->credit_balance, 1000);
	assert_events_behind(events, "credit_note.issued invoice.updated credit.recorded");
	ck_assert_uint_eq(hand_count(&hand, TABLE_PAYMENTS), 1);
	assert_books();
	/* Also a cent is paid back. */
	DO(correct(1, true));
	ck_assert_uint_eq(hand_count(&hand, TABLE_PAYMENTS), 2);
	ck_assert_int_eq(payment_at(1)->amount, 1);
	assert_books();
	hand_customer(&hand)->credit_balance = INT64_MAX - 899;
	ck_assert_int_eq(correct(900, false), REFUSAL_AMOUNT_OUT_OF_RANGE);
	ck_assert_uint_eq(hand_count(&hand, TABLE_CREDIT_NOTES), 2);
	DO(correct(899, false));
	teardown();
}
END_TEST

/* 20.00 manual, then 9.00 by a provider: 15.00 go back, the newest first. */
static void
refund_over_two(void)
{
	DO(pay("manual", 2000));
	DO(pay("sim_ok", INT64_MIN));
	DO(record(payment_at(1), "succeeded"));
	DO(correct(1500, true));
}

START_TEST(test_refunds_go_back_to_the_newest_first)
{
	size_t events;

	setup();
	refund_over_two();
	ck_assert_int_eq(note_at(0)->refunded, 1500);
	ck_assert_uint_eq(hand_count(&hand, TABLE_PAYMENTS), 4);
	assert_text(payment_at(2)->kind, "refund");
	assert_text(payment_at(2)->payment_method, "sim_ok");
	assert_text(payment_at(2)->status, "processing");
	ck_assert_int_eq(payment_at(2)->amount, 900);
	ck_assert(uuid_equal(payment_at(2)->refund_of, payment_at(1)->id));
	ck_assert(uuid_equal(payment_at(2)->credit_note_id, note_at(0)->id));
	assert_text(payment_at(3)->payment_method, "manual");
	assert_text(payment_at(3)->status, "succeeded");
	ck_assert_int_eq(payment_at(3)->amount, 600);
	ck_assert(uuid_equal(payment_at(3)->refund_of, payment_at(0)->id));
	ck_assert_int_eq(payment_at(0)->amount_refunded, 600);
	ck_assert_int_eq(payment_at(1)->amount_refunded, 900);
	ck_assert_int_eq(invoice()->amount_refunded, 1500);
	ck_assert_int_eq(BALANCE(refunds_payable), -900);
	assert_books();

	/* A refund on its way holds nothing up. */
	DO(correct(500, true));
	ck_assert_int_eq(payment_at(4)->amount, 500);
	ck_assert_int_eq(payment_at(0)->amount_refunded, 1100);
	DO(record(payment_at(2), "unknown"));
	events = hand_count(&hand, TABLE_OUTBOX);
	DO(record(payment_at(2), "succeeded"));
	assert_events_behind(events, "payment.succeeded");
	ck_assert_int_eq(payment_at(1)->amount_refunded, 900);
	ck_assert_int_eq(invoice()->amount_refunded, 2000);
	ck_assert_int_eq(BALANCE(refunds_payable), 0);
	/* Its note was answered when it was issued. */
	ck_assert_uint_eq(hand_count(&hand, TABLE_OPERATIONS), 1);
	assert_books();
	teardown();
}
END_TEST

START_TEST(test_a_refund_that_fails_is_credit)
{
	size_t events;

	setup();
	refund_over_two();
	hand_customer(&hand)->credit_balance = INT64_MAX - 899;
	ck_assert_int_eq(record(payment_at(2), "failed"), REFUSAL_AMOUNT_OUT_OF_RANGE);
	assert_text(payment_at(2)->status, "processing");
	hand_customer(&hand)->credit_balance = 0;
	events = hand_count(&hand, TABLE_OUTBOX);
	DO(record(payment_at(2), "failed"));
	assert_events_behind(events, "payment.failed credit.recorded invoice.updated");
	ck_assert_int_eq(hand_customer(&hand)->credit_balance, 900);
	ck_assert_int_eq(BALANCE(refunds_payable), 0);
	ck_assert_int_eq(payment_at(1)->amount_refunded, 0);
	ck_assert_int_eq(invoice()->amount_refunded, 600);
	assert_books();
	teardown();
}
END_TEST

START_TEST(test_numbers_of_the_organisation)
{
	struct organisation *organisation;

	setup();
	organisation = world_row(&hand.world, TABLE_ORGANISATIONS, 0);
	organisation->invoice_numbering = STR("organisation");
	organisation->invoice_prefix = STR("ACME");
	DO(correct(100, false));
	DO(correct(100, false));
	assert_text(note_at(0)->number, "ACME-CN-000001");
	assert_text(note_at(1)->number, "ACME-CN-000002");
	ck_assert_int_eq(note_at(1)->sequence, 2);
	ck_assert_int_eq(note_at(1)->series_sequence, 2);
	teardown();
}
END_TEST

/* A third of the line at two thirds of its time: what was not earned comes out of what is
 * deferred. */
START_TEST(test_a_note_amid_the_period)
{
	setup();
	at_part(1, 4);
	DO(correct(1000, false));
	/* A quarter of 2900 was earned, and of the 1000 a quarter, too. */
	ck_assert_int_eq(BALANCE(revenue), -(725 - 250));
	ck_assert_int_eq(hand_subscription_at(&hand, 0)->deferred, 2900 - 725 - 750);
	assert_books();
	teardown();
}
END_TEST

static struct subscription *
subscription_row(void)
{
	return facts_subscription(
	    hand.world.facts, WORLD_ORGANISATION, hand_subscription_at(&hand, 0)->id);
}

/* Of what has ended nothing is deferred any more. */
START_TEST(test_a_note_behind_the_end)
{
	struct cancel_subscription cancel = {.effective = STR("now")};

	setup();
	at_part(1, 4);
	cancel.subscription_id = hand_subscription_at(&hand, 0)->id;
	hand_do(&hand, COMMAND_CANCEL_SUBSCRIPTION, &cancel);
	ck_assert_int_eq(BALANCE(revenue), -PRICE);
	DO(correct(1000, false));
	ck_assert_int_eq(BALANCE(revenue), -(PRICE - 1000));
	assert_books();
	teardown();
}
END_TEST

/* What stands still earns nothing meanwhile, and keeps where it stands. */
START_TEST(test_a_note_while_it_is_paused)
{
	struct move_subscription pause = {.subscription_id = UUID_NIL};
	struct instant paused_at;

	setup();
	at_part(1, 4);
	pause.subscription_id = hand_subscription_at(&hand, 0)->id;
	hand_do(&hand, COMMAND_PAUSE_SUBSCRIPTION, &pause);
	paused_at = hand_subscription_at(&hand, 0)->paused_at;
	at_part(1, 2);
	DO(correct(1000, false));
	ck_assert_int_eq(BALANCE(revenue), -(725 - 250));
	ck_assert_int_eq(hand_subscription_at(&hand, 0)->deferred, 2900 - 725 - 750);
	ck_assert_int_eq(hand_subscription_at(&hand, 0)->deferred_from.s, paused_at.s);
	assert_books();
	teardown();
}
END_TEST

/* A parked one's time is over: all of it was earned, and no more time is behind it. */
START_TEST(test_a_note_on_a_parked_one)
{
	struct instant until;

	setup();
	until = hand_subscription_at(&hand, 0)->deferred_until;
	hand_park(&hand, hand_subscription_at(&hand, 0)->id);
	at_part(3, 2);
	DO(correct(1000, false));
	ck_assert_int_eq(BALANCE(revenue), -(PRICE - 1000));
	ck_assert_int_eq(hand_subscription_at(&hand, 0)->deferred, 0);
	ck_assert_int_eq(hand_subscription_at(&hand, 0)->deferred_from.s, until.s);
	assert_books();
	teardown();
}
END_TEST

/* Charges of 29.00 and 10.00 and an item of 50.00, ten percent off all, with a tax of 20 percent
 * that is contained and one of 10 percent that is not. */
static void
setup_taxed(void)
{
	static const struct uuid rates[] = {{{0x7a, 1}}, {{0x7a, 2}}};
	static const struct str code = {"TEN", 3};
	const struct coupon coupon = {
	    .organisation_id = WORLD_ORGANISATION,
	    .id = MONEY_COUPON,
	    .code = code,
	    .name = STR("Ten off"),
	    .percent_off = decimal_from(10),
	    .amount_off = AMOUNT_NONE,
	    .duration = STR("once"),
	    .duration_periods = COUPON_UNLIMITED,
	    .max_redemptions = COUPON_UNLIMITED,
	    .redeem_by = INSTANT_NONE,
	    .archived_at = INSTANT_NONE,
	};
	static struct charge charges[2];
	struct create_subscription create = hand_subscription(WORLD_OTHER_PLAN);
	struct plan plan = world_plan(WORLD_OTHER_PLAN);

	hand_open(&hand);
	charges[0] = world_charges[0];
	charges[1] = charge_base(STR("More"), 1000);
	charges[1].code = STR("more");
	plan.charges = charges;
	plan.charges_len = ARRAY_LEN(charges);
	world_plan_add(&hand.world, &plan);
	for (size_t i = 0; i < ARRAY_LEN(rates); i++) {
		const struct tax_rate rate = {
		    .organisation_id = WORLD_ORGANISATION,
		    .id = rates[i],
		    .code = STR("vat"),
		    .name = STR("VAT"),
		    .percentage = decimal_from(i == 0 ? 20 : 10),
		    .inclusive = i == 0,
		    .archived_at = INSTANT_NONE,
		};

		facts_add(hand.world.facts, TABLE_TAX_RATES, &rate);
	}
	facts_add(hand.world.facts, TABLE_COUPONS, &coupon);
	money_item_add(&hand, 1, 5000)->tax_rate_ids = (struct uuid_list){rates, 2};
	create.tax_rate_ids = (struct uuid_list){rates, 2};
	create.coupon_codes = (struct str_list){&code, 1};
	hand_do(&hand, COMMAND_CREATE_SUBSCRIPTION, &create);
	invoice_id = hand_invoice(&hand, 0)->id;
	ck_assert_int_eq(invoice()->total, 2610 + 900 + 4500 + 668);
	ck_assert_int_eq(hand_subscription_at(&hand, 0)->deferred, 2610 - 435 + 900 - 150);
}

/* More is deferred than the invoice brought, so that what is taken back of it can be told. */
static void
defer_more(int64_t amount)
{
	struct subscription subscription = *subscription_row();
	const struct journal_entry opening = {.organisation_id = WORLD_ORGANISATION,
	    .receivable = amount,
	    .deferred_revenue = -amount};

	subscription.deferred += amount;
	facts_change(hand.world.facts, TABLE_SUBSCRIPTIONS, subscription_row(), &subscription);
	facts_add(hand.world.facts, TABLE_JOURNAL, &opening);
}

/* A note takes what it has of each line out of the books, voiding all the rest: net of discounts
 * and of the taxes that it contains. */
START_TEST(test_a_taxed_invoice_is_credited_in_part_and_void)
{
	struct credit_wish wishes[] = {{.amount = 1000}, {.amount = 600}, {.amount = 900}};
	struct create_credit_note command = {
	    .lines = wishes, .lines_len = ARRAY_LEN(wishes), .reason = STR("broken")};
	const struct event *issued;
	size_t events;

	setup_taxed();
	defer_more(10000);
	for (size_t i = 0; i < ARRAY_LEN(wishes); i++)
		wishes[i].line_id = line_at(i)->id;
	command.invoice_id = invoice_id;
	events = hand_count(&hand, TABLE_OUTBOX);
	hand_do(&hand, COMMAND_CREATE_CREDIT_NOTE, &command);
	ck_assert_int_eq(note_at(0)->subtotal, 2500);
	issued = world_row(&hand.world, TABLE_OUTBOX, events);
	ck_assert(uuid_equal(issued->subject, note_at(0)->id));
	ck_assert(uuid_equal(issued->key, WORLD_CUSTOMER));
	/* Of the charges alone, which contain 4.35 of 26.10 and 1.50 of 9.00. */
	ck_assert_int_eq(BALANCE(deferred_revenue), -(10000 + 2925 - (1000 - 167) - (600 - 100)));
	DO(move(COMMAND_VOID_INVOICE));
	ck_assert_int_eq(BALANCE(deferred_revenue), -10000);
	ck_assert_int_eq(hand_subscription_at(&hand, 0)->deferred, 10000);
	ck_assert_int_eq(BALANCE(revenue), 0);
	ck_assert_int_eq(BALANCE(tax_payable), 0);
	ck_assert_int_eq(BALANCE(receivable), 10000);
	teardown();
}
END_TEST

/* As many payments and refunds as an invoice may have, less one. */
START_TEST(test_refunds_are_bounded)
{
	struct payment failed;
	size_t events;

	setup();
	DO(pay("manual", 2000));
	DO(pay("manual", INT64_MIN));
	failed = *payment_at(0);
	failed.kind = STR("refund");
	failed.status = STR("failed");
	for (uint8_t i = 0; hand_count(&hand, TABLE_PAYMENTS) < PAYMENTS_AND_REFUNDS_MAX - 1; i++) {
		failed.id.b[1] = i;
		failed.id.b[2] = (uint8_t)(hand_count(&hand, TABLE_PAYMENTS) / 256);
		failed.id.b[3] ^= 1;
		facts_add(hand.world.facts, TABLE_PAYMENTS, &failed);
	}
	events = hand_count(&hand, TABLE_OUTBOX);
	ck_assert_int_eq(correct(901, true), REFUSAL_PAYMENTS_TOO_MANY);
	ck_assert_uint_eq(hand_count(&hand, TABLE_OUTBOX), events);
	ck_assert_uint_eq(hand_count(&hand, TABLE_CREDIT_NOTES), 0);
	DO(correct(500, true));
	ck_assert_uint_eq(hand_count(&hand, TABLE_PAYMENTS), PAYMENTS_AND_REFUNDS_MAX);
	ck_assert_int_eq(payment_at(1)->amount_refunded, 500);
	ck_assert_int_eq(correct(1, true), REFUSAL_PAYMENTS_TOO_MANY);
	DO(correct(1, false));
	teardown();
}
END_TEST

UNIT_MAIN("handler_credit_notes", UNIT(test_refunds_are_bounded),
    UNIT(test_a_note_on_what_is_still_to_be_paid), UNIT(test_a_note_on_what_was_paid_is_credit),
    UNIT(test_refunds_go_back_to_the_newest_first), UNIT(test_a_refund_that_fails_is_credit),
    UNIT(test_numbers_of_the_organisation), UNIT(test_a_note_amid_the_period),
    UNIT(test_a_note_behind_the_end), UNIT(test_a_note_while_it_is_paused),
    UNIT(test_a_note_on_a_parked_one), UNIT(test_a_taxed_invoice_is_credited_in_part_and_void))
