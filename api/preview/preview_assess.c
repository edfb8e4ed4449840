/* What a bill comes to behind items, discounts and taxes, and what a new subscription takes of
 * coupons: as a worker would, on copies. */

#include "api/preview/preview_internal.h"

/* Refuse, and say why. */
static PRINTF_LIKE(3, 4) enum refusal
    refuse(struct preview *preview, enum refusal refusal, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(preview->detail, sizeof(preview->detail), format, args);
	va_end(args);
	return refusal;
}

static enum refusal
take_coupons(struct preview *preview)
{
	for (size_t i = 0; i < preview->coupons_len; i++)
		for (size_t j = 0; j < i; j++)
			if (uuid_equal(preview->coupons[i].id, preview->coupons[j].id))
				return refuse(preview, REFUSAL_COUPON_TWICE,
				    "coupon \"%.*s\" is named twice",
				    STR_ARG(preview->coupons[i].code));
	for (size_t i = 0; i < preview->coupons_len; i++) {
		enum refusal refusal = coupon_redeem(&preview->coupons[i], preview->plan.id,
		    preview->customer.currency, preview->now, &preview->taken[i]);

		if (refusal != REFUSAL_NONE)
			return refuse(
			    preview, refusal, "coupon \"%.*s\"", STR_ARG(preview->coupons[i].code));
	}
	return REFUSAL_NONE;
}

/* The rate of that id, among all that were read. */
static const struct tax_rate *
rate_find(const struct preview *preview, struct uuid id)
{
	for (size_t i = 0; i < preview->rates_len; i++)
		if (uuid_equal(preview->rates[i]->id, id))
			return preview->rates[i];
	return NULL;
}

/* Whether all rates that are asked for are there. */
static enum refusal
find_rates(struct preview *preview)
{
	const struct uuid_list ids = preview->tax_rate_ids;
	char text[UUID_TEXT_SIZE];

	for (size_t i = 0; i < ids.len; i++) {
		if (rate_find(preview, ids.items[i]) != NULL)
			continue;
		uuid_write(ids.items[i], text);
		return refuse(preview, REFUSAL_TAX_RATE_NOT_FOUND,
		    "tax rate %s does not exist in this organisation", text);
	}
	return REFUSAL_NONE;
}

/* Whether somebody can take them anew. */
static enum refusal
take_rates(struct preview *preview)
{
	const struct uuid_list ids = preview->tax_rate_ids;
	char text[UUID_TEXT_SIZE];

	for (size_t i = 0; i < ids.len; i++) {
		uuid_write(ids.items[i], text);
		for (size_t j = 0; j < i; j++)
			if (uuid_equal(ids.items[i], ids.items[j]))
				return refuse(preview, REFUSAL_TAX_RATE_INVALID,
				    "tax rate %s is named twice", text);
	}
	for (size_t i = 0; i < ids.len; i++) {
		const struct tax_rate *rate = rate_find(preview, ids.items[i]);

		CHECK(rate != NULL);
		uuid_write(ids.items[i], text);
		if (!instant_is_none(rate->archived_at))
			return refuse(
			    preview, REFUSAL_TAX_RATE_ARCHIVED, "tax rate %s is archived", text);
	}
	return REFUSAL_NONE;
}

enum refusal
preview_take(struct preview *preview)
{
	enum refusal refusal = find_rates(preview);

	if (refusal != REFUSAL_NONE)
		return refusal;
	if (!instant_is_none(preview->customer.archived_at))
		return REFUSAL_CUSTOMER_ARCHIVED;
	if (!instant_is_none(preview->plan.archived_at))
		return REFUSAL_PLAN_ARCHIVED;
	refusal = take_coupons(preview);
	return refusal == REFUSAL_NONE ? take_rates(preview) : refusal;
}

enum refusal
preview_assess(struct preview *preview, struct preview_life *life)
{
	const struct assessment assessment = {
	    .customer = &preview->customer,
	    .tax_rate_ids = {preview->organisation_rates, preview->organisation_rates_len},
	    .rates = preview->rates,
	    .rates_len = preview->rates_len,
	    .items = preview->items,
	    .items_len = preview->items_len,
	};
	enum refusal refusal;

	if (!preview->step.bills && !preview->step.turns_period)
		return REFUSAL_NONE;
	/* What the step found lies in the other one, or in the row. */
	life->turn = 1 - life->turn;
	if (!preview->step.bills) {
		assessment_lapse(&preview->step, life->discounts[life->turn]);
		return REFUSAL_NONE;
	}
	refusal = assess(&assessment, &preview->step, &preview->bill, life->discounts[life->turn]);
	if (refusal == REFUSAL_NONE && !bill_fits(&preview->bill, preview->customer.credit_balance))
		refusal = REFUSAL_AMOUNT_OUT_OF_RANGE;
	return refusal;
}

void
preview_settle(struct preview *preview)
{
	int64_t total = preview->bill.total;
	int64_t *balance = &preview->customer.credit_balance;

	if (!preview->step.bills)
		return;
	/* bill_fits: a credit does not overflow it. */
	*balance -= total < *balance ? total : *balance;
	preview->customer.items_pending = 0;
	preview->items_len = 0;
}
