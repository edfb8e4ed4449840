#include "common/domain/invoice.h"

#define PREFIX_MAX 32
#define SERIES_PREFIX_MAX 16
#define SEQUENCE_DIGITS_MIN 4
#define SERIES_DIGITS_MIN 6
#define SEQUENCE_DIGITS_MAX 19 /* INT64_MAX has as many */
#define DAY_S 86400

_Static_assert(PREFIX_MAX + 1 + SEQUENCE_DIGITS_MAX + 1 <= INVOICE_NUMBER_SIZE, "a number fits");

/* By hand, because domain/ imports no printf. */
static void
number_write(
    struct str prefix, int64_t sequence, size_t digits_min, char ret_text[INVOICE_NUMBER_SIZE])
{
	char digits[SEQUENCE_DIGITS_MAX]; /* the last digit first */
	size_t len = 0;
	char *at = ret_text;

	CHECK(prefix.len >= 1 && prefix.len <= PREFIX_MAX);
	CHECK(sequence > 0);

	for (; sequence > 0 || len < digits_min; sequence /= 10)
		digits[len++] = (char)('0' + sequence % 10);
	memcpy(at, prefix.ptr, prefix.len);
	at += prefix.len;
	*at++ = '-';
	while (len > 0)
		*at++ = digits[--len];
	*at = '\0';
}

void
invoice_number_write(struct str prefix, int64_t sequence, char ret_text[INVOICE_NUMBER_SIZE])
{
	number_write(prefix, sequence, SEQUENCE_DIGITS_MIN, ret_text);
}

void
invoice_series_number_write(struct str prefix, int64_t sequence, char ret_text[INVOICE_NUMBER_SIZE])
{
	CHECK(prefix.len <= SERIES_PREFIX_MAX);
	number_write(prefix, sequence, SERIES_DIGITS_MIN, ret_text);
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

static void
charge_describe(const struct bill_line *billed, struct invoice_line *line)
{
	const struct charge *charge = billed->rating.charge;

	line->charge_code = charge->code;
	line->description = charge->name;
	line->plan_id = billed->version->plan_id;
	line->deferred = charge_billing_from(charge->billing) == CHARGE_ADVANCE;
	price_set(line, billed);
}

/* One of its amount, which may be more than a decimal holds: then it says no price. */
static void
item_describe(const struct item *item, struct invoice_line *line)
{
	bool has_price = item->amount <= DECIMAL_WHOLE_MAX;

	line->charge_code = STR("item");
	line->description = item->description;
	line->plan_id = UUID_NIL;
	line->deferred = false;
	line->quantity = 1;
	line->quantity_decimal = decimal_from(1);
	line->unit_amount = has_price ? item->amount : 0;
	line->unit_amount_decimal = has_price ? decimal_from(item->amount) : DECIMAL_NONE;
}

void
invoice_line_describe(const struct bill_line *billed, struct invoice_line *line)
{
	CHECK(billed->kind != BILL_ITEM || billed->item != NULL);

	if (billed->kind == BILL_ITEM)
		item_describe(billed->item, line);
	else
		charge_describe(billed, line);
	line->kind = bill_line_kind_name(billed->kind);
	line->proration = billed->proration;
	line->amount = billed->amount;
	line->period_start = billed->period.start;
	line->period_end = billed->period.end;
}

void
invoice_parts_write(const struct bill *bill, const struct invoice_room *room,
    size_t *ret_discounts_len, size_t *ret_taxes_len)
{
	size_t discounts_len = 0;

	CHECK(bill->discounts_len <= DISCOUNTS_MAX);
	CHECK(bill->taxes_len <= BILL_TAXES_MAX);

	for (size_t i = 0; i < bill->discounts_len; i++) {
		const struct bill_discount *taken = &bill->discounts[i];

		if (bill_has_discount(bill, i))
			room->discounts[discounts_len++] = (struct invoice_discount){
			    .coupon_id = taken->discount->coupon_id,
			    .code = taken->discount->code,
			    .name = taken->discount->name,
			    .amount = taken->amount,
			};
	}
	for (size_t i = 0; i < bill->taxes_len; i++) {
		const struct tax_rate *rate = bill->taxes[i].rate;

		room->taxes[i] = (struct invoice_tax){
		    .tax_rate_id = rate->id,
		    .code = rate->code,
		    .name = rate->name,
		    .percentage = rate->percentage,
		    .inclusive = rate->inclusive,
		    .taxable = bill->taxes[i].taxable,
		    .amount = bill->taxes[i].amount,
		};
	}
	*ret_discounts_len = discounts_len;
	*ret_taxes_len = bill->taxes_len;
}

/* Room for the lines' lists, as far as it is used up. */
struct room_used {
	struct line_discount *discounts;
	struct line_tax *taxes;
};

/* The shares of ${billed} in the bill's discounts and taxes. */
static void
line_parts_set(struct invoice_line *line, const struct bill *bill, const struct bill_line *billed,
    struct room_used *used)
{
	int64_t discount = 0, tax = 0, included = 0;

	CHECK(billed->taxes_len <= TAX_RATES_MAX);

	line->discounts = used->discounts;
	line->taxes = used->taxes;
	for (size_t i = 0; i < bill->discounts_len; i++) {
		int64_t share = billed->discount_shares[i];

		if (share == 0)
			continue;
		discount += share;
		*used->discounts++ =
		    (struct line_discount){bill->discounts[i].discount->coupon_id, share};
	}
	for (size_t i = 0; i < billed->taxes_len; i++) {
		const struct bill_line_tax *share = &billed->taxes[i];

		tax += share->amount;
		included += share->rate->inclusive ? share->amount : 0;
		*used->taxes++ =
		    (struct line_tax){share->rate->id, share->rate->inclusive, share->amount};
	}
	CHECK(discount == billed->discount);
	CHECK(tax == billed->tax && included == billed->tax_included);
	line->discount = discount;
	line->discounts_len = (size_t)(used->discounts - line->discounts);
	line->tax = tax;
	line->tax_included = included;
	line->taxes_len = (size_t)(used->taxes - line->taxes);
	line->credited = 0;
	line->credited_taxes = NULL;
	line->credited_taxes_len = 0;
}

/* The line's id and explanation are the caller's. */
static void
line_set(struct invoice_line *line, const struct invoice *invoice, int32_t position,
    const struct bill_line *billed, struct uuid plan_id)
{
	line->organisation_id = invoice->organisation_id;
	line->invoice_id = invoice->id;
	line->position = position;
	invoice_line_describe(billed, line);
	if (billed->kind == BILL_ITEM)
		line->plan_id = plan_id;
}

static struct currency
currency_of(const struct bill_line *billed)
{
	return billed->kind == BILL_ITEM ? billed->item->currency : billed->version->currency;
}

static void
lines_set(struct invoice *invoice, const struct bill *bill, const struct invoice_room *room,
    struct uuid plan_id)
{
	struct room_used used = {room->line_discounts, room->line_taxes};

	for (size_t i = 0; i < bill->len; i++) {
		struct invoice_line *line = &room->lines[i];

		CHECK(currency_equal(currency_of(&bill->lines[i]), invoice->currency));
		line_set(line, invoice, (int32_t)i + 1, &bill->lines[i], plan_id);
		line_parts_set(line, bill, &bill->lines[i], &used);
	}
	invoice->lines = room->lines;
	invoice->lines_len = bill->len;
}

static void
sums_set(struct invoice *invoice, const struct bill *bill, int64_t credit_balance)
{
	invoice->subtotal = bill->subtotal;
	invoice->discount = bill->discount;
	invoice->tax = bill->tax;
	invoice->tax_included = bill->tax_included;
	invoice->total = bill->total;
	invoice->credit_applied = credit_balance < bill->total ? credit_balance : bill->total;
	invoice->amount_due = invoice->total - invoice->credit_applied;
	invoice->amount_paid = 0;
	invoice->amount_credited = 0;
	invoice->amount_refunded = 0;
	invoice->credited_total = 0;
	invoice->payment_id = UUID_NIL;
}

/* When ${customer} has to pay what is issued at ${at}; the last moment that there is at most. */
static struct instant
due_at(const struct customer *customer, const struct invoice_terms *terms, struct instant at)
{
	int64_t days = customer->net_terms_days == INT64_MIN ? terms->net_terms_days
							     : customer->net_terms_days;

	CHECK(days >= 0 && days <= NET_TERMS_DAYS_MAX);
	CHECK(instant_is_valid(at));
	at.s += days * DAY_S;
	return at.s <= INSTANT_MAX_S ? at : (struct instant){INSTANT_MAX_S};
}

static void
dates_set(struct invoice *invoice, struct instant at)
{
	bool nothing_due = invoice->amount_due == 0;

	invoice->status = invoice_status_name(nothing_due ? INVOICE_PAID : INVOICE_OPEN);
	invoice->paid_at = nothing_due ? at : INSTANT_NONE;
	invoice->voided_at = INSTANT_NONE;
	invoice->uncollectible_at = INSTANT_NONE;
	invoice->issued_at = at;
	invoice->created_at = at;
	invoice->updated_at = at;
}

void
invoice_issue(const struct customer *customer, const struct subscription *subscription,
    const struct step *step, const struct bill *bill, const struct invoice_terms *terms,
    const struct invoice_room *room, struct invoice *invoice)
{
	CHECK(uuid_equal(subscription->organisation_id, customer->organisation_id));
	CHECK(uuid_equal(subscription->customer_id, customer->id));
	CHECK(customer->credit_balance >= 0);
	CHECK(customer->invoice_count >= 0 && customer->invoice_count < INT64_MAX);
	CHECK(step->bills && step->period.start.s < step->period.end.s);
	CHECK(bill->total >= 0 && bill->len <= INVOICE_LINES_MAX);
	CHECK((int128)bill->subtotal - bill->discount + bill->tax - bill->tax_included ==
	      bill->total);

	invoice->organisation_id = customer->organisation_id;
	invoice->shard = customer->shard;
	invoice->customer_id = customer->id;
	invoice->subscription_id = subscription->id;
	invoice->sequence = customer->invoice_count + 1;
	invoice->reason = step->reason;
	invoice->currency = customer->currency;
	invoice->period_start = step->period.start;
	invoice->period_end = step->period.end;
	invoice->tax_exempt = customer->tax_exempt;
	invoice->tax_exempt_reason = customer->tax_exempt_reason;
	invoice->discounts = room->discounts;
	invoice->taxes = room->taxes;
	invoice_parts_write(bill, room, &invoice->discounts_len, &invoice->taxes_len);
	lines_set(invoice, bill, room, subscription->plan_id);
	sums_set(invoice, bill, customer->credit_balance);
	invoice->due_at = due_at(customer, terms, step->at);
	dates_set(invoice, step->at);
}
