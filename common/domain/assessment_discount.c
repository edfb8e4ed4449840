/* What discounts take off the lines of a bill, and what is left of them. */
#include "common/domain/assessment_internal.h"
#include "common/domain/wide.h"

/* What discounts tell lines apart by. */
enum line_class {
	LINE_CREDITED = 1,
	LINE_PRORATED = 2, /* charged in advance, for a change inside a period */
	LINE_OTHER = 4,
	LINE_CHARGED = LINE_PRORATED | LINE_OTHER,
};

/* How the discounts of one bill are taken. */
struct taking {
	struct bill *bill;
	bool begins;               /* a period begins or ends; see begins_for */
	struct fraction remaining; /* of the natural period, that advance is credited or prorated
				      for; a part of 0 when none is */
};

static bool
is_advance(const struct bill_line *line)
{
	return line->kind != BILL_ITEM &&
	       charge_billing_from(line->rating.charge->billing) == CHARGE_ADVANCE;
}

static enum line_class
class_of(const struct bill_line *line)
{
	if (line->credit)
		return LINE_CREDITED;
	return line->proration && is_advance(line) ? LINE_PRORATED : LINE_OTHER;
}

static struct uuid
plan_of(const struct bill_line *line)
{
	return line->kind == BILL_ITEM ? UUID_NIL : line->version->plan_id;
}

/* The lines of ${classes} that ${discount} is for, each with what is left of it, of one; and their
 * sum. */
static int128
select_lines(struct bill *bill, const struct discount *discount, unsigned classes,
    struct assessment_spread *ret_spread)
{
	int128 sum = 0;

	ret_spread->len = 0;
	for (size_t i = 0; i < bill->len; i++) {
		struct bill_line *line = &bill->lines[i];

		if ((classes & class_of(line)) == 0 || !discount_has_plan(discount, plan_of(line)))
			continue;
		ret_spread->lines[ret_spread->len] = line;
		ret_spread->parts[ret_spread->len++] =
		    (struct split_part){assessment_left(line), 1};
		sum += assessment_left(line);
	}
	return sum;
}

/* Take ${numerator} / ${denominator} of what is left off each line of ${spread}, for the discount
 * at ${place}; it is 1 at most. */
static void
take(struct bill *bill, size_t place, struct assessment_spread *spread, int64_t numerator,
    int64_t denominator)
{
	int64_t shares[BILL_LINES_MAX], total;

	for (size_t i = 0; i < spread->len; i++) {
		spread->parts[i].numerator *= numerator;
		spread->parts[i].denominator = denominator;
	}
	assessment_spread(spread, &total, shares);
	for (size_t i = 0; i < spread->len; i++) {
		spread->lines[i]->discount_shares[place] += shares[i];
		spread->lines[i]->discount += shares[i];
	}
	bill->discounts[place].amount += total;
	bill->discount += total;
}

static void
take_percent(struct bill *bill, size_t place, const struct discount *discount, unsigned classes)
{
	struct assessment_spread spread;

	(void)select_lines(bill, discount, classes, &spread);
	take(
	    bill, place, &spread, assessment_millionths(discount->percent_off), ASSESSMENT_MILLION);
}

/* Take ${amount}, or what is left of the lines when that is less; off credited ones it is given
 * back. */
static void
take_amount(struct bill *bill, size_t place, const struct discount *discount, int64_t amount,
    unsigned classes)
{
	struct assessment_spread spread;
	int128 sum = select_lines(bill, discount, classes, &spread);

	CHECK(amount >= 0);

	/* Credited lines are below 0, and so is what is taken off them. */
	if (classes == LINE_CREDITED)
		sum = -sum;
	CHECK(sum <= INT64_MAX);
	if (amount == 0 || sum <= 0)
		return;
	take(bill, place, &spread, amount < (int64_t)sum ? amount : (int64_t)sum, (int64_t)sum);
}

/* What of ${given} is for the ${remaining} part of its period, which is not more than that part;
 * rounded half up. */
static int64_t
given_for(const struct discount *discount, struct fraction remaining)
{
	uint128 part = (uint128)remaining.part * (uint128)discount->given_whole;
	uint128 whole = (uint128)remaining.whole * (uint128)discount->given_part;
	struct wide rest;
	uint128 amount;

	CHECK(discount->given >= 0);
	if (discount->given == 0 || remaining.part == 0)
		return 0;
	CHECK(discount->given_part > 0 && discount->given_part <= discount->given_whole);
	CHECK(discount->given_whole <= FRACTION_WHOLE_MAX);
	if (part >= whole)
		return discount->given;
	/* Twice the numerator and once the divisor, divided by twice the divisor. */
	rest = wide_add(
	    wide_times(wide_product((uint128)discount->given, part), 2), wide_product(whole, 1));
	rest = wide_divide(rest, 2 * (uint64_t)remaining.whole, NULL);
	rest = wide_divide(rest, (uint64_t)discount->given_part, NULL);
	CHECK(wide_narrow(rest, &amount) && amount <= (uint128)discount->given);
	return (int64_t)amount;
}

static bool
is_good(const struct discount *discount)
{
	return discount->periods_left != 0;
}

/* Whether ${discount} is taken as where a period begins or ends: inside one, too, while it is good
 * and nothing was taken off that period yet. */
static bool
begins_for(const struct taking *taking, const struct discount *discount)
{
	return taking->begins || (is_good(discount) && !discount->covers);
}

/* Take ${discount} off the lines that it is for.  One that is used up and covers the period goes on
 * with what was charged in advance alone: usage that the period's end would not discount is not
 * discounted by a change before that either. */
static void
discount_take(const struct taking *taking, size_t place, const struct discount *discount)
{
	struct bill *bill = taking->bill;
	int64_t given = given_for(discount, taking->remaining);
	unsigned classes = (is_good(discount) ? LINE_CHARGED : 0) |
			   (discount->covers ? LINE_CREDITED | LINE_PRORATED : 0);

	CHECK(discount->periods_left >= 0 || discount->periods_left == COUPON_UNLIMITED);
	CHECK(decimal_is_none(discount->percent_off) == (discount->amount_off != AMOUNT_NONE));

	if (!decimal_is_none(discount->percent_off)) {
		take_percent(bill, place, discount, classes);
		return;
	}
	take_amount(bill, place, discount, given, LINE_CREDITED);
	if (!begins_for(taking, discount))
		take_amount(bill, place, discount, given, LINE_PRORATED);
	else if (is_good(discount))
		take_amount(bill, place, discount, discount->amount_off, LINE_CHARGED);
}

/* ${discount} behind a bill that begins_for it: was it taken off, and if it is an amount, what of
 * it off which part of the period?  Inside a period that it was not taken off, "no" changes
 * nothing: it covered nothing before, and had given nothing. */
static void
discount_begin(const struct bill *bill, size_t place, struct discount *discount)
{
	bool is_amount = discount->amount_off != AMOUNT_NONE;
	struct fraction fraction = {0, 1};
	int128 taken = 0, given = 0;

	for (size_t i = 0; i < bill->len; i++) {
		const struct bill_line *line = &bill->lines[i];

		if (line->credit)
			continue;
		taken += line->discount_shares[place];
		if (!is_amount || !is_advance(line))
			continue;
		given += line->discount_shares[place];
		fraction = line->rating.fraction;
	}
	discount->covers = taken > 0;
	if (taken > 0 && discount->periods_left != COUPON_UNLIMITED)
		discount->periods_left--;
	if (given <= 0 || fraction.part == 0) {
		given = 0;
		fraction = (struct fraction){0, 1};
	}
	/* At most amount_off. */
	discount->given = (int64_t)given;
	discount->given_part = fraction.part;
	discount->given_whole = fraction.whole;
}

/* ${discount} inside a period: what is left of what it gives is for what remains of the period.  It
 * is not less when the new lines are: they may be larger again by the next change. */
static void
discount_go_on(const struct taking *taking, struct discount *discount)
{
	if (taking->remaining.part == 0 || discount->given == 0)
		return;
	discount->given = given_for(discount, taking->remaining);
	discount->given_part = discount->given == 0 ? 0 : taking->remaining.part;
	discount->given_whole = discount->given == 0 ? 1 : taking->remaining.whole;
}

/* The part of the natural period that advance charges are credited or prorated for. */
static struct fraction
remaining_of(const struct bill *bill)
{
	for (size_t i = 0; i < bill->len; i++)
		if (is_advance(&bill->lines[i]) && bill->lines[i].proration)
			return bill->lines[i].rating.fraction;
	return (struct fraction){0, 1};
}

void
assessment_discount(struct step *step, struct bill *bill, struct discount discounts[DISCOUNTS_MAX])
{
	const struct discount *before = step->after.discounts;
	struct taking taking = {bill, step->turns_period, remaining_of(bill)};

	CHECK(step->after.discounts_len <= DISCOUNTS_MAX);
	CHECK(step->after.discounts_len == 0 || before != discounts);

	bill->discounts_len = step->after.discounts_len;
	for (size_t i = 0; i < bill->discounts_len; i++) {
		bill->discounts[i] = (struct bill_discount){&before[i], 0};
		discount_take(&taking, i, &before[i]);
		discounts[i] = before[i];
		if (begins_for(&taking, &before[i]))
			discount_begin(bill, i, &discounts[i]);
		else
			discount_go_on(&taking, &discounts[i]);
	}
	step->after.discounts = discounts;
}

void
assessment_lapse(struct step *step, struct discount discounts[DISCOUNTS_MAX])
{
	CHECK(step->turns_period && !step->bills);
	CHECK(step->after.discounts_len <= DISCOUNTS_MAX);

	for (size_t i = 0; i < step->after.discounts_len; i++) {
		discounts[i] = step->after.discounts[i];
		discounts[i].covers = false;
		discounts[i].given = discounts[i].given_part = 0;
		discounts[i].given_whole = 1;
	}
	step->after.discounts = discounts;
}
