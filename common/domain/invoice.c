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

/* The whole units of ${decimal}, cut off. */
static int64_t
whole_of(struct decimal decimal)
{
	return (int64_t)(decimal.units / DECIMAL_SCALE);
}

/* Quantity and price as a reader expects them to stand beside an amount.  What is graduated,
 * packed or bounded has no one price: its explanation tells. */
static void
price_set(struct invoice_line *line, const struct bill_line *billed)
{
	const struct charge *charge = billed->rating.charge;
	enum charge_model model = charge_model_from(charge->model);

	line->quantity_decimal = billed->rating.usage.quantity;
	line->unit_amount_decimal = DECIMAL_NONE;
	if (billed->kind != BILL_CHARGE || model == CHARGE_FLAT)
		line->quantity_decimal = decimal_from(1);
	if (billed->kind == BILL_CHARGE && model == CHARGE_FLAT)
		line->unit_amount_decimal = decimal_from(charge->amount);
	if (billed->kind == BILL_CHARGE && model == CHARGE_PER_UNIT)
		line->unit_amount_decimal = charge->unit_amount;
	line->quantity = whole_of(line->quantity_decimal);
	line->unit_amount =
	    decimal_is_none(line->unit_amount_decimal) ? 0 : whole_of(line->unit_amount_decimal);
}

void
invoice_line_describe(const struct bill_line *billed, struct invoice_line *line)
{
	line->kind = bill_line_kind_name(billed->kind);
	line->charge_code = billed->rating.charge->code;
	line->description = billed->rating.charge->name;
	line->plan_id = billed->version->plan_id;
	line->proration = billed->proration;
	line->amount = billed->amount;
	line->period_start = billed->period.start;
	line->period_end = billed->period.end;
	price_set(line, billed);
}

/* The line's id and explanation are the caller's. */
static void
line_set(struct invoice_line *line, const struct invoice *invoice, int32_t position,
    const struct bill_line *billed)
{
	line->organisation_id = invoice->organisation_id;
	line->invoice_id = invoice->id;
	line->position = position;
	invoice_line_describe(billed, line);
}

/* There are no discounts and taxes yet, so the sums are the lines'. */
static void
sums_set(struct invoice *invoice, int64_t subtotal, int64_t credit_balance)
{
	invoice->subtotal = subtotal;
	invoice->discount = 0;
	invoice->tax = 0;
	invoice->total = subtotal;
	invoice->credit_applied = credit_balance < subtotal ? credit_balance : subtotal;
	invoice->amount_due = invoice->total - invoice->credit_applied;
	invoice->amount_paid = 0;
}

static void
issue(struct invoice *invoice, struct instant at)
{
	bool nothing_due = invoice->amount_due == 0;

	invoice->status = nothing_due ? STR("paid") : STR("open");
	invoice->paid_at = nothing_due ? at : INSTANT_NONE;
	invoice->issued_at = at;
	invoice->due_at = at;
	invoice->created_at = at;
	invoice->updated_at = at;
}

void
invoice_issue(const struct customer *customer, const struct subscription *subscription,
    const struct step *step, const struct bill *bill, struct invoice_line *lines,
    struct invoice *invoice)
{
	CHECK(uuid_equal(subscription->organisation_id, customer->organisation_id));
	CHECK(uuid_equal(subscription->customer_id, customer->id));
	CHECK(customer->credit_balance >= 0);
	CHECK(customer->invoice_count >= 0 && customer->invoice_count < INT64_MAX);
	CHECK(step->bills && step->period.start.s < step->period.end.s);
	CHECK(bill->total >= 0);
	CHECK(bill->len <= INVOICE_LINES_MAX);

	invoice->organisation_id = customer->organisation_id;
	invoice->shard = customer->shard;
	invoice->customer_id = customer->id;
	invoice->subscription_id = subscription->id;
	invoice->sequence = customer->invoice_count + 1;
	invoice->reason = step->reason;
	invoice->currency = customer->currency;
	invoice->period_start = step->period.start;
	invoice->period_end = step->period.end;
	invoice->lines = lines;
	invoice->lines_len = bill->len;
	for (size_t i = 0; i < bill->len; i++) {
		CHECK(currency_equal(bill->lines[i].version->currency, customer->currency));
		line_set(&lines[i], invoice, (int32_t)i + 1, &bill->lines[i]);
	}
	sums_set(invoice, bill->total, customer->credit_balance);
	issue(invoice, step->at);
}
