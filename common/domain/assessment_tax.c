/* What taxes the lines of a bill have. */
#include "common/domain/assessment_internal.h"

static struct uuid_list
rates_of(const struct assessment *assessment, const struct subscription *subscription,
    const struct bill_line *line)
{
	struct uuid_list own =
	    line->kind == BILL_ITEM ? line->item->tax_rate_ids : line->rating.charge->tax_rate_ids;

	if (own.len > 0)
		return own;
	if (line->kind != BILL_ITEM && subscription->tax_rate_ids.len > 0)
		return subscription->tax_rate_ids;
	if (assessment->customer->tax_rate_ids.len > 0)
		return assessment->customer->tax_rate_ids;
	return assessment->tax_rate_ids;
}

static const struct tax_rate *
rate_find(const struct assessment *assessment, struct uuid id)
{
	for (size_t i = 0; i < assessment->rates_len; i++)
		if (uuid_equal(assessment->rates[i]->id, id))
			return assessment->rates[i];
	return NULL;
}

static struct bill_line_tax *
line_tax_find(struct bill_line *line, const struct tax_rate *rate)
{
	for (size_t i = 0; i < line->taxes_len; i++)
		if (line->taxes[i].rate == rate)
			return &line->taxes[i];
	return NULL;
}

static void
bill_tax_add(struct bill *bill, const struct tax_rate *rate)
{
	for (size_t i = 0; i < bill->taxes_len; i++)
		if (bill->taxes[i].rate == rate)
			return;
	CHECK(bill->taxes_len < BILL_TAXES_MAX);
	bill->taxes[bill->taxes_len++] = (struct bill_tax){rate, 0, 0};
}

/* Name the rates of ${line}, each once. */
static enum refusal
line_name_rates(const struct assessment *assessment, const struct subscription *subscription,
    struct bill *bill, struct bill_line *line)
{
	struct uuid_list ids = rates_of(assessment, subscription, line);

	for (size_t i = 0; i < ids.len; i++) {
		const struct tax_rate *rate = rate_find(assessment, ids.items[i]);

		if (rate == NULL)
			return REFUSAL_TAX_RATE_NOT_FOUND;
		if (line_tax_find(line, rate) != NULL)
			continue;
		CHECK(line->taxes_len < TAX_RATES_MAX);
		line->taxes[line->taxes_len++] = (struct bill_line_tax){rate, 0};
		bill_tax_add(bill, rate);
	}
	return REFUSAL_NONE;
}

/* What a price that contains ${line}'s inclusive rates is, in millionths of one without them. */
static int64_t
price_with_taxes(const struct bill_line *line)
{
	int64_t parts = ASSESSMENT_MILLION;

	for (size_t i = 0; i < line->taxes_len; i++)
		if (line->taxes[i].rate->inclusive)
			parts += assessment_millionths(line->taxes[i].rate->percentage);
	return parts;
}

static bool
too_mixed(const struct bill *bill)
{
	int64_t prices[SPLIT_DENOMINATORS_MAX];
	size_t len = 0;

	for (size_t i = 0; i < bill->len; i++) {
		int64_t price = price_with_taxes(&bill->lines[i]);
		size_t at = 0;

		if (bill->lines[i].taxes_len == 0)
			continue;
		while (at < len && prices[at] != price)
			at++;
		if (at == SPLIT_DENOMINATORS_MAX)
			return true;
		prices[at] = price;
		len = at == len ? len + 1 : len;
	}
	return false;
}

/* Compute ${tax} on the sum of its lines, and spread it over them. */
static void
tax_compute(struct bill *bill, struct bill_tax *tax)
{
	int64_t percentage = assessment_millionths(tax->rate->percentage);
	int64_t shares[BILL_LINES_MAX];
	struct assessment_spread spread;

	spread.len = 0;
	for (size_t i = 0; i < bill->len; i++) {
		struct bill_line *line = &bill->lines[i];

		if (line_tax_find(line, tax->rate) == NULL)
			continue;
		spread.lines[spread.len] = line;
		spread.parts[spread.len++] = (struct split_part){
		    (int128)assessment_left(line) * percentage, price_with_taxes(line)};
	}
	assessment_spread(&spread, &tax->amount, shares);
	for (size_t i = 0; i < spread.len; i++) {
		struct bill_line_tax *line_tax = line_tax_find(spread.lines[i], tax->rate);

		CHECK(line_tax != NULL);
		line_tax->amount = shares[i];
	}
}

/* Sum up the taxes of ${line}. */
static void
line_sum_taxes(struct bill_line *line)
{
	for (size_t i = 0; i < line->taxes_len; i++) {
		line->tax += line->taxes[i].amount;
		if (line->taxes[i].rate->inclusive)
			line->tax_included += line->taxes[i].amount;
	}
}

/* Sum up what the lines of ${tax} leave without the taxes that they contain. */
static void
tax_sum_taxable(struct bill *bill, struct bill_tax *tax)
{
	for (size_t i = 0; i < bill->len; i++) {
		struct bill_line *line = &bill->lines[i];

		if (line_tax_find(line, tax->rate) != NULL)
			tax->taxable += assessment_left(line) - line->tax_included;
	}
}

static void
taxes_sum(struct bill *bill)
{
	for (size_t i = 0; i < bill->len; i++) {
		line_sum_taxes(&bill->lines[i]);
		bill->tax += bill->lines[i].tax;
		bill->tax_included += bill->lines[i].tax_included;
	}
	for (size_t i = 0; i < bill->taxes_len; i++)
		tax_sum_taxable(bill, &bill->taxes[i]);
}

enum refusal
assessment_tax(const struct assessment *assessment, const struct step *step, struct bill *bill)
{
	if (tax_exempt_from(assessment->customer->tax_exempt) != TAX_EXEMPT_NONE)
		return REFUSAL_NONE;
	for (size_t i = 0; i < bill->len; i++) {
		enum refusal refusal =
		    line_name_rates(assessment, &step->after, bill, &bill->lines[i]);

		if (refusal != REFUSAL_NONE)
			return refusal;
	}
	if (too_mixed(bill))
		return REFUSAL_TAX_TOO_MIXED;
	for (size_t i = 0; i < bill->taxes_len; i++)
		tax_compute(bill, &bill->taxes[i]);
	if (!assessment_has_room(bill))
		return REFUSAL_AMOUNT_OUT_OF_RANGE;
	taxes_sum(bill);
	return REFUSAL_NONE;
}
