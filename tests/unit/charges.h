#ifndef TESTS_UNIT_CHARGES_H
#define TESTS_UNIT_CHARGES_H

/*
 * Charges as tables of tests write them: what a row does not name is not given.
 */

#include "common/domain/charge.h"
#include "tests/unit/unit.h"

#define CHARGES_TIERS_MAX 6 /* of a row */

/* A tier; up_to 0 is the last one's, without an end. */
struct tier_text {
	int64_t up_to;
	const char *price; /* unit_amount, or the rate of a percentage */
	int64_t flat_amount;
};

/* A charge.  Amounts of 0 are none, but the amount of the models that have one. */
struct charge_text {
	enum charge_model model;
	enum charge_billing billing;
	int64_t amount;
	const char *price; /* unit_amount, or the rate of a percentage */
	struct tier_text tiers[CHARGES_TIERS_MAX];
	int64_t package_size;
	int64_t fixed_amount;
	int64_t transaction_min_amount, transaction_max_amount;
	const char *free_units;
	int64_t min_amount, max_amount;
	bool max_zero; /* a max_amount of 0 */
};

/**
 * charges_decimal(text):
 * The decimal that ${text} writes; none for NULL.
 */
static inline struct decimal
charges_decimal(const char *text)
{
	struct decimal decimal = DECIMAL_NONE;

	ck_assert_msg(text == NULL || decimal_read(str_from(text), DECIMAL_PLACES, &decimal),
	    "the test's own number \"%s\" is bad", text);
	return decimal;
}

static inline int64_t
charges_amount(int64_t amount)
{
	return amount == 0 ? AMOUNT_NONE : amount;
}

/**
 * charges_make(text, code, ret_tiers):
 * The charge of a row.  The tiers are written to ${ret_tiers}, which has to live as long.
 */
static inline struct charge
charges_make(const struct charge_text *text, struct str code,
    struct charge_tier ret_tiers[CHARGES_TIERS_MAX])
{
	bool percentage = text->model == CHARGE_PERCENTAGE;
	struct charge charge = charge_base(STR("A charge"), text->amount);

	charge.code = code;
	charge.model = charge_model_name(text->model);
	charge.billing = charge_billing_name(text->billing);
	if (text->model != CHARGE_FLAT && text->model != CHARGE_PACKAGE)
		charge.amount = AMOUNT_NONE;
	*(percentage ? &charge.rate : &charge.unit_amount) = charges_decimal(text->price);
	for (size_t i = 0; i < CHARGES_TIERS_MAX && text->tiers[i].price != NULL; i++) {
		struct decimal price = charges_decimal(text->tiers[i].price);

		ret_tiers[i] = (struct charge_tier){
		    .up_to = charges_amount(text->tiers[i].up_to),
		    .unit_amount = percentage ? DECIMAL_NONE : price,
		    .rate = percentage ? price : DECIMAL_NONE,
		    .flat_amount = text->tiers[i].flat_amount,
		};
		charge.tiers = ret_tiers;
		charge.tiers_len = i + 1;
	}
	charge.package_size = charges_amount(text->package_size);
	charge.fixed_amount = charges_amount(text->fixed_amount);
	charge.transaction_min_amount = charges_amount(text->transaction_min_amount);
	charge.transaction_max_amount = charges_amount(text->transaction_max_amount);
	charge.free_units = charges_decimal(text->free_units);
	charge.min_amount = charges_amount(text->min_amount);
	charge.max_amount = text->max_zero ? 0 : charges_amount(text->max_amount);
	return charge;
}

#endif
