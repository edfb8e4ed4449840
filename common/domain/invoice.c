#include "common/domain/invoice.h"

#define PREFIX_MAX 32
#define SEQUENCE_DIGITS_MIN 4
#define SEQUENCE_DIGITS_MAX 19 /* INT64_MAX has as many */

_Static_assert(PREFIX_MAX + 1 + SEQUENCE_DIGITS_MAX + 1 <= INVOICE_NUMBER_SIZE, "a number fits");

/* By hand, because domain/ imports no printf. */
void
invoice_number_write(struct str prefix, int64_t sequence, char ret_text[INVOICE_NUMBER_SIZE])
{
	char digits[SEQUENCE_DIGITS_MAX]; /* the last digit first */
	size_t len = 0;
	char *at = ret_text;

	CHECK(prefix.len >= 1 && prefix.len <= PREFIX_MAX);
	CHECK(sequence > 0);

	for (; sequence > 0 || len < SEQUENCE_DIGITS_MIN; sequence /= 10)
		digits[len++] = (char)('0' + sequence % 10);
	memcpy(at, prefix.ptr, prefix.len);
	at += prefix.len;
	*at++ = '-';
	while (len > 0)
		*at++ = digits[--len];
	*at = '\0';
}

/* The one line of a flat plan: its price for the period. */
static struct invoice_line
line_for_plan(const struct plan *plan, const struct subscription *subscription, struct uuid id,
    struct uuid invoice_id, struct money amount)
{
	return (struct invoice_line){
	    .organisation_id = subscription->organisation_id,
	    .id = id,
	    .invoice_id = invoice_id,
	    .position = 1,
	    .description = plan->name,
	    .plan_id = plan->id,
	    .quantity = 1,
	    .unit_amount = plan->amount,
	    .amount = amount.minor,
	    .period_start = subscription->current_period_start,
	    .period_end = subscription->current_period_end,
	};
}

/* There are no discounts, taxes and credits yet, so all sums are the one line's. */
static void
sums_set(struct invoice *invoice, struct money subtotal)
{
	invoice->currency = subtotal.currency;
	invoice->subtotal = subtotal.minor;
	invoice->discount = 0;
	invoice->tax = 0;
	invoice->total = subtotal.minor;
	invoice->credit_applied = 0;
	invoice->amount_due = subtotal.minor;
	invoice->amount_paid = 0;
}

static void
issue(struct invoice *invoice, struct instant now)
{
	bool nothing_due = invoice->total == 0;

	invoice->status = nothing_due ? STR("paid") : STR("open");
	invoice->paid_at = nothing_due ? now : INSTANT_NONE;
	invoice->issued_at = now;
	invoice->due_at = now;
	invoice->created_at = now;
	invoice->updated_at = now;
}

enum refusal
invoice_for_period(const struct customer *customer, const struct plan *plan,
    const struct subscription *subscription, struct str reason, struct instant now,
    struct invoice_line *line, struct invoice *invoice)
{
	struct money amount;

	CHECK(uuid_equal(subscription->organisation_id, customer->organisation_id));
	CHECK(uuid_equal(subscription->customer_id, customer->id));
	CHECK(uuid_equal(subscription->plan_id, plan->id));
	CHECK(currency_equal(customer->currency, plan->currency));
	CHECK(plan->amount >= 0);
	CHECK(customer->invoice_count >= 0 && customer->invoice_count < INT64_MAX);
	CHECK(instant_is_valid(now));

	if (!money_times((struct money){plan->amount, plan->currency}, 1, &amount))
		return REFUSAL_AMOUNT_OUT_OF_RANGE;

	*line = line_for_plan(plan, subscription, line->id, invoice->id, amount);
	invoice->organisation_id = customer->organisation_id;
	invoice->shard = customer->shard;
	invoice->customer_id = customer->id;
	invoice->subscription_id = subscription->id;
	invoice->sequence = customer->invoice_count + 1;
	invoice->reason = reason;
	invoice->period_start = subscription->current_period_start;
	invoice->period_end = subscription->current_period_end;
	invoice->lines = line;
	invoice->lines_len = 1;
	sums_set(invoice, amount);
	issue(invoice, now);
	return REFUSAL_NONE;
}
