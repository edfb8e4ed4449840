/* From a bill's lines to what is owed of them; and what discounts and taxes share. */
#include "common/domain/assessment_internal.h"

#define UNITS_PER_MILLIONTH (DECIMAL_SCALE / 10000) /* of a percentage's trillionths */

_Static_assert(BILL_LINES_MAX <= SPLIT_PARTS_MAX, "all lines can be split over");

int64_t
assessment_millionths(struct decimal percentage)
{
	int128 parts = percentage.units / UNITS_PER_MILLIONTH;

	CHECK(parts >= 0 && parts <= ASSESSMENT_MILLION);
	CHECK(parts * UNITS_PER_MILLIONTH == percentage.units);
	return (int64_t)parts;
}

bool
assessment_has_room(const struct bill *bill)
{
	int128 all = 0;

	for (size_t i = 0; i < bill->len; i++) {
		const struct bill_line *line = &bill->lines[i];

		all += line->amount < 0 ? -(int128)line->amount : line->amount;
		for (size_t j = 0; j < line->taxes_len; j++)
			all += line->taxes[j].amount < 0 ? -(int128)line->taxes[j].amount
							 : line->taxes[j].amount;
	}
	return all <= INT64_MAX;
}

int64_t
assessment_left(const struct bill_line *line)
{
	return line->amount - line->discount;
}

/* Whether ${line} is the bound of the charge whose line ${before} is. */
static bool
is_bound_of(const struct bill_line *line, const struct bill_line *before)
{
	return (line->kind == BILL_MINIMUM || line->kind == BILL_MAXIMUM) &&
	       before->kind == BILL_CHARGE && line->credit == before->credit &&
	       line->rating.charge == before->rating.charge;
}

/* The charges of ${spread}, each with its bound as one part; ${ret_firsts} has the first line of
 * each, and the end. */
static size_t
spread_charges(const struct assessment_spread *spread, struct split_part *ret_parts,
    size_t ret_firsts[BILL_LINES_MAX + 1])
{
	size_t len = 0;

	for (size_t i = 0; i < spread->len; i++) {
		const struct split_part *part = &spread->parts[i];

		if (i > 0 && is_bound_of(spread->lines[i], spread->lines[i - 1])) {
			CHECK(part->denominator == ret_parts[len - 1].denominator);
			ret_parts[len - 1].numerator += part->numerator;
			continue;
		}
		ret_firsts[len] = i;
		ret_parts[len++] = *part;
	}
	ret_firsts[len] = spread->len;
	return len;
}

/* Spread the ${share} of a charge over its line and its bound's, by what is left of them; where
 * nothing is left of both together, it is 0. */
static void
spread_bound(
    const struct assessment_spread *spread, size_t first, int64_t share, int64_t *ret_shares)
{
	int64_t weights[] = {
	    assessment_left(spread->lines[first]), assessment_left(spread->lines[first + 1])};

	ret_shares[0] = ret_shares[1] = 0;
	if (share != 0)
		CHECK(split_amount(share, weights, ARRAY_LEN(weights), ret_shares));
}

void
assessment_spread(const struct assessment_spread *spread, int64_t *ret_total, int64_t *ret_shares)
{
	struct split_part parts[BILL_LINES_MAX];
	size_t firsts[BILL_LINES_MAX + 1], len;
	int64_t shares[BILL_LINES_MAX];

	parts[0] = (struct split_part){0, 1}; /* also without lines */
	len = spread_charges(spread, parts, firsts);
	/* No part is more than its lines, which have room. */
	CHECK(split_round(parts, len, ret_total, shares));
	for (size_t i = 0; i < len; i++) {
		size_t first = firsts[i];

		if (firsts[i + 1] == first + 1)
			ret_shares[first] = shares[i];
		else
			spread_bound(spread, first, shares[i], &ret_shares[first]);
	}
}

static enum refusal
items_append(const struct assessment *assessment, const struct step *step, struct bill *bill)
{
	CHECK(assessment->items_len <= ITEMS_PENDING_MAX);

	for (size_t i = 0; i < assessment->items_len; i++) {
		const struct item *item = assessment->items[i];
		enum refusal refusal;

		CHECK(uuid_equal(item->customer_id, assessment->customer->id));
		CHECK(currency_equal(item->currency, assessment->customer->currency));
		refusal = bill_add_item(bill, item, step->period);
		if (refusal != REFUSAL_NONE)
			return refusal;
	}
	return REFUSAL_NONE;
}

enum refusal
assess(const struct assessment *assessment, struct step *step, struct bill *bill,
    struct discount discounts[DISCOUNTS_MAX])
{
	enum refusal refusal;

	CHECK(step->bills);
	CHECK(bill->discounts_len == 0 && bill->taxes_len == 0);

	bill->plan_id = step->after.plan_id;
	refusal = items_append(assessment, step, bill);
	if (refusal != REFUSAL_NONE)
		return refusal;
	if (!assessment_has_room(bill))
		return REFUSAL_AMOUNT_OUT_OF_RANGE;
	assessment_discount(step, bill, discounts);
	refusal = assessment_tax(assessment, step, bill);
	if (refusal != REFUSAL_NONE)
		return refusal;
	bill->total = bill->subtotal - bill->discount + bill->tax - bill->tax_included;
	return REFUSAL_NONE;
}
