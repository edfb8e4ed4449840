#ifndef TESTS_UNIT_WORKER_DOCUMENTS_H
#define TESTS_UNIT_WORKER_DOCUMENTS_H

/*
 * Commands on issued invoices, decided over facts in memory: each test has one invoice of 29.00
 * EUR, open, for a period of a month that is charged in advance.
 */

#include "tests/unit/worker_hand.h"
#include "worker/payments.h"

#define PRICE 2900

static struct hand hand;
static struct uuid invoice_id;

/* Begin with a customer that has just begun; and end. */
static inline void
setup(void)
{
	hand_open(&hand);
	hand_subscribe(&hand, WORLD_PLAN);
	invoice_id = hand_invoice(&hand, 0)->id;
}

static inline void
teardown(void)
{
	hand_close(&hand);
}

/* What there is. */
static inline const struct invoice *
invoice(void)
{
	return hand_invoice(&hand, 0);
}

static inline const struct payment *
payment_at(size_t index)
{
	return world_row(&hand.world, TABLE_PAYMENTS, index);
}

static inline const struct operation *
operation_at(size_t index)
{
	return world_row(&hand.world, TABLE_OPERATIONS, index);
}

static inline void
assert_text(struct str text, const char *expected)
{
	unit_assert_str(text, expected, "text");
}

/* The next commands come when ${part} / ${whole} of the period have passed. */
static inline void
at_part(int64_t part, int64_t whole)
{
	const struct subscription *subscription = hand_subscription_at(&hand, 0);
	int64_t start_s = subscription->current_period_start.s;
	int64_t period_s = subscription->current_period_end.s - start_s;

	hand.now_ms = (start_s + period_s * part / whole) * 1000;
}

/* What becomes of a command; 0 credits all that is left, INT64_MIN pays all that remains. */
static inline enum refusal
pay(const char *method, int64_t amount)
{
	struct pay_invoice command = {
	    .invoice_id = invoice_id,
	    .payment_method = str_from(method),
	    .amount = amount,
	    .reference = STR("wire 7"),
	};

	return hand_decide(&hand, COMMAND_PAY_INVOICE, &command);
}

static inline enum refusal
move(enum command_type type)
{
	struct move_invoice command = {.invoice_id = invoice_id};

	return hand_decide(&hand, type, &command);
}

static inline enum refusal
correct(int64_t amount, bool refund)
{
	const struct credit_wish wish = {
	    .line_id =
		((const struct invoice_line *)world_row(&hand.world, TABLE_INVOICE_LINES, 0))->id,
	    .amount = amount,
	};
	struct create_credit_note command = {
	    .invoice_id = invoice_id,
	    .lines = &wish,
	    .lines_len = amount == 0 ? 0 : 1,
	    .reason = STR("broken"),
	    .refund = refund,
	};

	return hand_decide(&hand, COMMAND_CREATE_CREDIT_NOTE, &command);
}

static inline enum refusal
record(const struct payment *payment, const char *outcome)
{
	struct record_payment_outcome command = {
	    .customer_id = payment->customer_id,
	    .invoice_id = payment->invoice_id,
	    .payment_id = payment->id,
	    .outcome = str_from(outcome),
	};

	if (strcmp(outcome, "succeeded") == 0)
		command.reference = STR("sim_1");
	if (strcmp(outcome, "failed") == 0)
		command.failure_code = STR("card_declined");
	return hand_decide(&hand, COMMAND_RECORD_PAYMENT_OUTCOME, &command);
}

#define DO(call) ck_assert_int_eq((call), REFUSAL_NONE)

/* The sum of one account over the whole journal; debits are positive. */
#define BALANCE(account) balance_of(offsetof(struct journal_entry, account))

static inline int64_t
balance_of(size_t offset)
{
	const struct fact_list *list = &hand.world.facts->lists[TABLE_JOURNAL];
	int64_t sum = 0;

	for (size_t i = 0; i < list->len; i++)
		sum += *(const int64_t *)(const void *)((const char *)list->values[i] + offset);
	return sum;
}

/* What holds whatever was done. */
static inline void
assert_books(void)
{
	const struct fact_list *payments = &hand.world.facts->lists[TABLE_PAYMENTS];
	const struct subscription *subscription = hand_subscription_at(&hand, 0);
	int64_t remaining = invoice_remaining(invoice());
	int64_t cash = 0;

	for (size_t i = 0; i < payments->len; i++) {
		const struct payment *payment = payments->values[i];

		if (payment_status_from(payment->status) == PAYMENT_SUCCEEDED)
			cash += str_equal(payment->kind, STR("refund")) ? -payment->amount
									: payment->amount;
	}
	ck_assert_int_eq(BALANCE(cash), cash);
	ck_assert_int_eq(BALANCE(receivable), remaining);
	ck_assert_int_eq(BALANCE(customer_credit), -hand_customer(&hand)->credit_balance);
	ck_assert_int_eq(BALANCE(deferred_revenue), -subscription->deferred);
	ck_assert_int_le(invoice()->amount_refunded, invoice()->amount_paid);
}

/* The types of what was emitted behind the first ${skip} events. */
static inline void
assert_events_behind(size_t skip, const char *expected)
{
	const struct fact_list *list = &hand.world.facts->lists[TABLE_OUTBOX];
	struct buf types;

	buf_init(&types, 4096);
	for (size_t i = skip; i < list->len; i++) {
		const struct event *event = list->values[i];

		ck_assert(uuid_equal(event->key, WORLD_CUSTOMER));
		buf_printf(&types, "%s%.*s", i == skip ? "" : " ", (int)event->type.len - 9,
		    event->type.ptr + 6);
	}
	unit_assert_str(buf_str(&types), expected, "events");
	buf_release(&types);
}

#endif
