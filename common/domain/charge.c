#include "common/domain/charge.h"

#include <stddef.h>

static const char *const model_names[CHARGE_MODEL_MAX] = {
    [CHARGE_FLAT] = "flat",
    [CHARGE_PER_UNIT] = "per_unit",
    [CHARGE_GRADUATED] = "graduated",
    [CHARGE_VOLUME] = "volume",
    [CHARGE_PACKAGE] = "package",
    [CHARGE_PERCENTAGE] = "percentage",
};

static const char *const billing_names[CHARGE_BILLING_MAX] = {
    [CHARGE_ADVANCE] = "advance",
    [CHARGE_ARREARS] = "arrears",
};

/* Each goes on after the name of a field. */
static const char *const fault_texts[CHARGE_FAULT_MAX] = {
    [CHARGE_CODE_TWICE] = "is that of another charge of the plan",
    [CHARGE_FIELD_MISSING] = "is needed by this model",
    [CHARGE_FIELD_UNUSED] = "is not used by this model",
    [CHARGE_PERCENTAGE_ADVANCE] =
	"must be arrears: a percentage has no base before its period has ended",
    [CHARGE_TIERS_MISORDERED] =
	"must ascend: each up_to above the one before, and the first above 0",
    [CHARGE_TIERS_UNENDED] = "must end with a tier without up_to, and have no other such",
    [CHARGE_BOUNDS_CROSSED] = "is above its maximum",
};

/* What a model does with a field. */
enum use {
	UNUSED = 0,
	OPTIONAL,
	NEEDED,
};

/* The fields that not all models use. */
enum field {
	AMOUNT,
	UNIT_AMOUNT,
	TIERS,
	PACKAGE_SIZE,
	RATE,
	FIXED_AMOUNT,
	TRANSACTION_MIN_AMOUNT,
	TRANSACTION_MAX_AMOUNT,
	FREE_UNITS,
	FIELD_MAX,
};

static const char *const field_names[FIELD_MAX] = {
    [AMOUNT] = "amount",
    [UNIT_AMOUNT] = "unit_amount",
    [TIERS] = "tiers",
    [PACKAGE_SIZE] = "package_size",
    [RATE] = "rate",
    [FIXED_AMOUNT] = "fixed_amount",
    [TRANSACTION_MIN_AMOUNT] = "transaction_min_amount",
    [TRANSACTION_MAX_AMOUNT] = "transaction_max_amount",
    [FREE_UNITS] = "free_units",
};

#define PERCENTAGE_BY_TIERS CHARGE_MODEL_MAX /* a row of its own */

static const enum use use_table[CHARGE_MODEL_MAX + 1][FIELD_MAX] = {
    [CHARGE_FLAT] = {[AMOUNT] = NEEDED},
    [CHARGE_PER_UNIT] = {[UNIT_AMOUNT] = NEEDED, [FREE_UNITS] = OPTIONAL},
    [CHARGE_GRADUATED] = {[TIERS] = NEEDED, [FREE_UNITS] = OPTIONAL},
    [CHARGE_VOLUME] = {[TIERS] = NEEDED, [FREE_UNITS] = OPTIONAL},
    [CHARGE_PACKAGE] = {[AMOUNT] = NEEDED, [PACKAGE_SIZE] = NEEDED, [FREE_UNITS] = OPTIONAL},
    [CHARGE_PERCENTAGE] = {[RATE] = NEEDED,
	[FIXED_AMOUNT] = OPTIONAL,
	[TRANSACTION_MIN_AMOUNT] = OPTIONAL,
	[TRANSACTION_MAX_AMOUNT] = OPTIONAL,
	[FREE_UNITS] = OPTIONAL},
    [PERCENTAGE_BY_TIERS] = {[TIERS] = NEEDED, [FIXED_AMOUNT] = OPTIONAL, [FREE_UNITS] = OPTIONAL},
};

/* Which of the names it is; one of them, as its schema says. */
static size_t
index_of(struct str name, const char *const *names, size_t names_len)
{
	size_t index = 0;

	while (index < names_len && !str_equal(name, str_from(names[index])))
		index++;
	CHECK(index < names_len);
	return index;
}

struct str
charge_model_name(enum charge_model model)
{
	CHECK(model >= CHARGE_FLAT && model < CHARGE_MODEL_MAX);
	return str_from(model_names[model]);
}

enum charge_model
charge_model_from(struct str name)
{
	return (enum charge_model)index_of(name, model_names, CHARGE_MODEL_MAX);
}

struct str
charge_billing_name(enum charge_billing billing)
{
	CHECK(billing >= CHARGE_ADVANCE && billing < CHARGE_BILLING_MAX);
	return str_from(billing_names[billing]);
}

enum charge_billing
charge_billing_from(struct str name)
{
	return (enum charge_billing)index_of(name, billing_names, CHARGE_BILLING_MAX);
}

struct charge
charge_base(struct str name, int64_t amount)
{
	return (struct charge){
	    .code = STR("base"),
	    .name = name,
	    .model = charge_model_name(CHARGE_FLAT),
	    .billing = charge_billing_name(CHARGE_ADVANCE),
	    .amount = amount,
	    .unit_amount = DECIMAL_NONE,
	    .package_size = AMOUNT_NONE,
	    .rate = DECIMAL_NONE,
	    .fixed_amount = AMOUNT_NONE,
	    .transaction_min_amount = AMOUNT_NONE,
	    .transaction_max_amount = AMOUNT_NONE,
	    .free_units = DECIMAL_NONE,
	    .min_amount = AMOUNT_NONE,
	    .max_amount = AMOUNT_NONE,
	};
}

static enum charge_fault
fault_of(enum charge_fault fault, const char *field, const char **ret_field)
{
	*ret_field = field;
	return fault;
}

/* Which of its fields ${charge} has. */
static void
fields_given(const struct charge *charge, bool ret_given[FIELD_MAX])
{
	ret_given[AMOUNT] = charge->amount != AMOUNT_NONE;
	ret_given[UNIT_AMOUNT] = !decimal_is_none(charge->unit_amount);
	ret_given[TIERS] = charge->tiers_len > 0;
	ret_given[PACKAGE_SIZE] = charge->package_size != AMOUNT_NONE;
	ret_given[RATE] = !decimal_is_none(charge->rate);
	ret_given[FIXED_AMOUNT] = charge->fixed_amount != AMOUNT_NONE;
	ret_given[TRANSACTION_MIN_AMOUNT] = charge->transaction_min_amount != AMOUNT_NONE;
	ret_given[TRANSACTION_MAX_AMOUNT] = charge->transaction_max_amount != AMOUNT_NONE;
	ret_given[FREE_UNITS] = !decimal_is_none(charge->free_units);
}

/* Each tier of a percentage has a rate, each other one a unit_amount; a flat_amount will do in
 * place of either. */
static enum charge_fault
check_tier_fields(const struct charge *charge, enum charge_model model, const char **ret_field)
{
	bool percentage = model == CHARGE_PERCENTAGE;
	const char *used = percentage ? "rate of a tier" : "unit_amount of a tier";
	const char *unused = percentage ? "unit_amount of a tier" : "rate of a tier";
	enum charge_fault fault = CHARGE_GOOD;

	for (size_t i = 0; i < charge->tiers_len && fault != CHARGE_FIELD_MISSING; i++) {
		const struct charge_tier *tier = &charge->tiers[i];
		struct decimal price = percentage ? tier->rate : tier->unit_amount;
		struct decimal other = percentage ? tier->unit_amount : tier->rate;

		if (decimal_is_none(price) && tier->flat_amount == 0)
			fault = fault_of(CHARGE_FIELD_MISSING, used, ret_field);
		else if (!decimal_is_none(other) && !decimal_is_zero(other))
			fault = fault_of(CHARGE_FIELD_UNUSED, unused, ret_field);
	}
	return fault;
}

static enum charge_fault
check_fields(const struct charge *charge, enum charge_model model, const char **ret_field)
{
	bool by_tiers = model == CHARGE_PERCENTAGE && charge->tiers_len > 0;
	const enum use *uses = use_table[by_tiers ? PERCENTAGE_BY_TIERS : (int)model];
	bool given[FIELD_MAX];

	fields_given(charge, given);
	for (int i = 0; i < FIELD_MAX; i++)
		if (uses[i] == NEEDED && !given[i])
			return fault_of(CHARGE_FIELD_MISSING, field_names[i], ret_field);
	for (int i = 0; i < FIELD_MAX; i++)
		if (uses[i] == UNUSED && given[i])
			return fault_of(CHARGE_FIELD_UNUSED, field_names[i], ret_field);
	return check_tier_fields(charge, model, ret_field);
}

static enum charge_fault
check_tiers(const struct charge *charge, const char **ret_field)
{
	int64_t above = 0;

	CHECK(charge->tiers_len <= CHARGE_TIERS_MAX);

	for (size_t i = 0; i < charge->tiers_len; i++) {
		if (charge->tiers[i].up_to == AMOUNT_NONE)
			continue;
		if (charge->tiers[i].up_to <= above)
			return fault_of(CHARGE_TIERS_MISORDERED, "tiers", ret_field);
		above = charge->tiers[i].up_to;
	}
	for (size_t i = 0; i < charge->tiers_len; i++)
		if ((charge->tiers[i].up_to == AMOUNT_NONE) != (i + 1 == charge->tiers_len))
			return fault_of(CHARGE_TIERS_UNENDED, "tiers", ret_field);
	return CHARGE_GOOD;
}

static bool
bounds_crossed(int64_t min_amount, int64_t max_amount)
{
	return min_amount != AMOUNT_NONE && max_amount != AMOUNT_NONE && min_amount > max_amount;
}

static enum charge_fault
check_bounds(const struct charge *charge, const char **ret_field)
{
	if (bounds_crossed(charge->transaction_min_amount, charge->transaction_max_amount))
		return fault_of(CHARGE_BOUNDS_CROSSED, "transaction_min_amount", ret_field);
	if (bounds_crossed(charge->min_amount, charge->max_amount))
		return fault_of(CHARGE_BOUNDS_CROSSED, "min_amount", ret_field);
	return CHARGE_GOOD;
}

/* The first fault of charge ${at}. */
static enum charge_fault
check_one(const struct charge *charges, size_t at, const char **ret_field)
{
	const struct charge *charge = &charges[at];
	enum charge_model model = charge_model_from(charge->model);
	enum charge_fault fault;

	for (size_t i = 0; i < at; i++)
		if (str_equal(charges[i].code, charge->code))
			return fault_of(CHARGE_CODE_TWICE, "code", ret_field);
	fault = check_fields(charge, model, ret_field);
	if (fault != CHARGE_GOOD)
		return fault;
	if (model == CHARGE_PERCENTAGE && charge_billing_from(charge->billing) == CHARGE_ADVANCE)
		return fault_of(CHARGE_PERCENTAGE_ADVANCE, "billing", ret_field);
	fault = check_tiers(charge, ret_field);
	return fault != CHARGE_GOOD ? fault : check_bounds(charge, ret_field);
}

enum charge_fault
charge_check(const struct charge *charges, size_t len, size_t *ret_index, const char **ret_field)
{
	CHECK(len >= 1 && len <= CHARGES_MAX);

	for (size_t i = 0; i < len; i++) {
		enum charge_fault fault = check_one(charges, i, ret_field);

		if (fault == CHARGE_GOOD)
			continue;
		*ret_index = i;
		return fault;
	}
	return CHARGE_GOOD;
}

const char *
charge_fault_text(enum charge_fault fault)
{
	CHECK(fault > CHARGE_GOOD && fault < CHARGE_FAULT_MAX);
	return fault_texts[fault];
}
