#include "tests/unit/worker_documents.h"

/* Credit notes, and the refunds that they bring. */

static const struct credit_note *
note_at(size_t index)
{
	return world_row(&hand.world, TABLE_CREDIT_NOTES, index);
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
	assert_events_behind(events, "credit_note.issued invoice.updated");
	ck_assert_int_eq(invoice()->amount_credited, 900);
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
	DO(record(payment_at(2), "succeeded"));
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
    UNIT(test_numbers_of_the_organisation), UNIT(test_a_note_amid_the_period))
