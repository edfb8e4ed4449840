#include "common/domain/bill.h"

static const char *const kind_names[BILL_LINE_KIND_MAX] = {
    [BILL_CHARGE] = "charge",
    [BILL_MINIMUM] = "minimum",
    [BILL_MAXIMUM] = "maximum",
    [BILL_ITEM] = "item",
};

struct str
bill_line_kind_name(enum bill_line_kind kind)
{
	CHECK(kind >= BILL_CHARGE && kind < BILL_LINE_KIND_MAX);
	return str_from(kind_names[kind]);
}

/* Lines and taxes are not cleared: they are large, and most are never used. */
void
bill_init(struct bill *bill)
{
	bill->subtotal = 0;
	bill->discount = 0;
	bill->tax = 0;
	bill->tax_included = 0;
	bill->total = 0;
	bill->plan_id = UUID_NIL;
	bill->discounts_len = 0;
	bill->taxes_len = 0;
	bill->len = 0;
}

/* What is rated of ${charge}: the subscription's quantity in advance, what was reported in arrears,
 * and nothing when nothing was. */
static struct usage
usage_of(const struct bill_part *part, const struct charge *charge)
{
	if (part->billing == CHARGE_ADVANCE)
		return (struct usage){.quantity = decimal_from(part->quantity)};
	for (size_t i = 0; i < part->quantities_len; i++) {
		const struct quantity *quantity = &part->quantities[i];

		if (str_equal(quantity->charge_code, charge->code))
			return (struct usage){
			    .quantity = quantity->quantity,
			    .transactions = quantity->transactions,
			    .fees = quantity->fees,
			};
	}
	return (struct usage){.transactions = 0};
}

/* A line of ${amount} for nothing yet; all but the rating is written. */
static void
line_begin(struct bill_line *line, enum bill_line_kind kind, int64_t amount)
{
	line->kind = kind;
	line->credit = false;
	line->proration = false;
	line->version = NULL;
	line->item = NULL;
	line->amount = amount;
	line->discount = 0;
	memset(line->discount_shares, 0, sizeof(line->discount_shares));
	line->tax = 0;
	line->tax_included = 0;
	line->taxes_len = 0;
}

/* Whether anything was used: what was set to nothing was taken back. */
static bool
is_used(const struct usage *usage)
{
	return !decimal_is_zero(usage->quantity) || usage->transactions != 0 ||
	       !decimal_is_zero(usage->fees);
}

/* Count the line behind the last one.  Sums can be negated: they may become a credit. */
static enum refusal
line_count(struct bill *bill)
{
	if (__builtin_add_overflow(
		bill->subtotal, bill->lines[bill->len].amount, &bill->subtotal) ||
	    bill->subtotal == INT64_MIN)
		return REFUSAL_AMOUNT_OUT_OF_RANGE;
	bill->total = bill->subtotal;
	bill->len++;
	return REFUSAL_NONE;
}

/* Add a line for ${rating}, which may be what lies in its place already.  Lines of nothing are for
 * whole periods' charges only. */
static enum refusal
line_add(struct bill *bill, const struct bill_part *part, enum bill_line_kind kind, int64_t amount,
    const struct rating *rating)
{
	struct bill_line *line = &bill->lines[bill->len];

	if (amount == 0 && (part->proration || kind != BILL_CHARGE))
		return REFUSAL_NONE;
	CHECK(bill->len < BILL_CHARGE_LINES_MAX);
	line_begin(line, kind, part->credit ? -amount : amount);
	line->credit = part->credit;
	line->proration = part->proration;
	line->version = part->version;
	line->period = part->period;
	if (rating != &line->rating)
		rating_copy(rating, &line->rating);
	return line_count(bill);
}

/* The charge's own line and that of its bound; at most one of the bounds is not 0. */
static enum refusal
charge_add(struct bill *bill, const struct bill_part *part, const struct charge *charge)
{
	struct usage usage = usage_of(part, charge);
	enum refusal refusal;
	struct rating *rating;

	CHECK(bill->len < BILL_CHARGE_LINES_MAX);

	if (part->used_only && !is_used(&usage))
		return REFUSAL_NONE;
	rating = &bill->lines[bill->len].rating;
	refusal = rating_compute(charge, &usage, part->fraction, part->max_fraction, rating);
	if (refusal == REFUSAL_NONE && rating->line)
		refusal = line_add(bill, part, BILL_CHARGE, rating->amount, rating);
	if (refusal == REFUSAL_NONE)
		refusal = line_add(bill, part, BILL_MINIMUM, rating->minimum, rating);
	if (refusal == REFUSAL_NONE)
		refusal = line_add(bill, part, BILL_MAXIMUM, -rating->maximum, rating);
	return refusal;
}

enum refusal
bill_add(struct bill *bill, const struct bill_part *part)
{
	CHECK(part->quantity >= 0);
	CHECK(part->version->charges_len <= CHARGES_MAX);
	/* What was assessed takes no more lines. */
	CHECK(bill->discounts_len == 0 && bill->taxes_len == 0);

	for (size_t i = 0; i < part->version->charges_len; i++) {
		const struct charge *charge = &part->version->charges[i];
		enum refusal refusal;

		if (charge_billing_from(charge->billing) != part->billing)
			continue;
		refusal = charge_add(bill, part, charge);
		if (refusal != REFUSAL_NONE)
			return refusal;
	}
	return REFUSAL_NONE;
}

enum refusal
bill_add_item(struct bill *bill, const struct item *item, struct period period)
{
	struct bill_line *line = &bill->lines[bill->len];

	CHECK(bill->len < BILL_LINES_MAX);
	CHECK(item->amount > 0);

	line_begin(line, BILL_ITEM, item->amount);
	line->item = item;
	line->period = period;
	return line_count(bill);
}

bool
bill_has_discount(const struct bill *bill, size_t place)
{
	CHECK(place < bill->discounts_len);
	for (size_t i = 0; i < bill->len; i++)
		if (bill->lines[i].discount_shares[place] != 0)
			return true;
	return false;
}

bool
bill_fits(const struct bill *bill, int64_t credit_balance)
{
	int64_t balance;

	CHECK(credit_balance >= 0);
	return !__builtin_sub_overflow(credit_balance, bill->total, &balance);
}
