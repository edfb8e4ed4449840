#include "common/domain/charge.h"

#include "tests/unit/charges.h"

#define TIERS_GOOD                           \
	{                                    \
		{5, "7", 0}, {10, "6.5", 0}, \
		{                            \
			0, "6", 0            \
		}                            \
	}
#define RATES_GOOD                    \
	{                             \
		{1000, "2", 0},       \
		{                     \
			0, "1.5", 100 \
		}                     \
	}

struct fault_row {
	const char *name;
	struct charge_text text;
	void (*spoil)(struct charge *charge, struct charge_tier *tiers);
	enum charge_fault fault;
	const char *field;
};

static void
spoil_amount_missing(struct charge *charge, struct charge_tier *tiers)
{
	(void)tiers;
	charge->amount = AMOUNT_NONE;
}

static void
spoil_amount_given(struct charge *charge, struct charge_tier *tiers)
{
	(void)tiers;
	charge->amount = 0;
}

static void
spoil_free_units_zero(struct charge *charge, struct charge_tier *tiers)
{
	(void)tiers;
	charge->free_units = DECIMAL_ZERO;
}

static void
spoil_tier_rate(struct charge *charge, struct charge_tier *tiers)
{
	(void)charge;
	tiers[1].rate = decimal_from(1);
}

static void
spoil_tier_unit_amount(struct charge *charge, struct charge_tier *tiers)
{
	(void)charge;
	tiers[0].unit_amount = (struct decimal){1};
}

static void
spoil_tier_unit_amount_zero(struct charge *charge, struct charge_tier *tiers)
{
	(void)charge;
	tiers[0].unit_amount = DECIMAL_ZERO;
}

static void
spoil_tier_price(struct charge *charge, struct charge_tier *tiers)
{
	(void)charge;
	tiers[2].unit_amount = DECIMAL_NONE;
}

static void
spoil_tier_price_flat(struct charge *charge, struct charge_tier *tiers)
{
	(void)charge;
	tiers[2].unit_amount = DECIMAL_NONE;
	tiers[2].flat_amount = 1000;
}

static void
spoil_first_and_last_tier(struct charge *charge, struct charge_tier *tiers)
{
	(void)charge;
	tiers[0].rate = decimal_from(1);
	tiers[2].unit_amount = DECIMAL_NONE;
}

static void
spoil_rate_price(struct charge *charge, struct charge_tier *tiers)
{
	(void)charge;
	tiers[0].rate = DECIMAL_NONE;
}

static void
spoil_end(struct charge *charge, struct charge_tier *tiers)
{
	(void)charge;
	tiers[2].up_to = 15;
}

static void
spoil_middle(struct charge *charge, struct charge_tier *tiers)
{
	(void)charge;
	tiers[1].up_to = AMOUNT_NONE;
}

static void
spoil_first(struct charge *charge, struct charge_tier *tiers)
{
	(void)charge;
	tiers[0].up_to = 0;
}

static void
spoil_equal(struct charge *charge, struct charge_tier *tiers)
{
	(void)charge;
	tiers[1].up_to = tiers[0].up_to;
}

static void
spoil_order_over_a_gap(struct charge *charge, struct charge_tier *tiers)
{
	(void)charge;
	tiers[1].up_to = AMOUNT_NONE;
	tiers[2].up_to = 5;
}

static void
spoil_package_size(struct charge *charge, struct charge_tier *tiers)
{
	(void)tiers;
	charge->package_size = AMOUNT_NONE;
}

static void
spoil_min_and_max_equal(struct charge *charge, struct charge_tier *tiers)
{
	(void)tiers;
	charge->min_amount = charge->max_amount = 0;
}

#define IN_ARREARS .billing = CHARGE_ARREARS

static const struct fault_row fault_rows[] = {
    {"flat", {CHARGE_FLAT, .amount = 1999}, NULL, CHARGE_GOOD, NULL},
    {"flat, of nothing", {.model = CHARGE_FLAT}, NULL, CHARGE_GOOD, NULL},
    {"flat, in arrears, with both bounds",
	{CHARGE_FLAT, IN_ARREARS, 1999, .min_amount = 1, .max_amount = 2}, NULL, CHARGE_GOOD, NULL},
    {"flat without an amount", {.model = CHARGE_FLAT}, spoil_amount_missing, CHARGE_FIELD_MISSING,
	"amount"},
    {"flat with a unit_amount", {CHARGE_FLAT, .amount = 1, .price = "1"}, NULL, CHARGE_FIELD_UNUSED,
	"unit_amount"},
    {"flat with free units", {CHARGE_FLAT, .amount = 1, .free_units = "5"}, NULL,
	CHARGE_FIELD_UNUSED, "free_units"},
    {"flat with 0 free units", {CHARGE_FLAT, .amount = 1}, spoil_free_units_zero,
	CHARGE_FIELD_UNUSED, "free_units"},
    {"flat with tiers", {CHARGE_FLAT, .amount = 1, .tiers = TIERS_GOOD}, NULL, CHARGE_FIELD_UNUSED,
	"tiers"},
    {"what is missing is told before what is not used", {CHARGE_FLAT, .price = "1"},
	spoil_amount_missing, CHARGE_FIELD_MISSING, "amount"},

    {"per_unit", {CHARGE_PER_UNIT, .price = "0.0004", .free_units = "10"}, NULL, CHARGE_GOOD, NULL},
    {"per_unit without a unit_amount", {.model = CHARGE_PER_UNIT}, NULL, CHARGE_FIELD_MISSING,
	"unit_amount"},
    {"per_unit with an amount", {CHARGE_PER_UNIT, .price = "1"}, spoil_amount_given,
	CHARGE_FIELD_UNUSED, "amount"},
    {"per_unit with a package_size", {CHARGE_PER_UNIT, .price = "1", .package_size = 10}, NULL,
	CHARGE_FIELD_UNUSED, "package_size"},
    {"per_unit with a fixed_amount", {CHARGE_PER_UNIT, .price = "1", .fixed_amount = 10}, NULL,
	CHARGE_FIELD_UNUSED, "fixed_amount"},

    {"graduated", {CHARGE_GRADUATED, .tiers = TIERS_GOOD, .free_units = "1.5"}, NULL, CHARGE_GOOD,
	NULL},
    {"graduated, with a single tier", {CHARGE_GRADUATED, .tiers = {{0, "1", 0}}}, NULL, CHARGE_GOOD,
	NULL},
    {"a single tier has an end", {CHARGE_GRADUATED, .tiers = {{10, "1", 0}}}, NULL,
	CHARGE_TIERS_UNENDED, "tiers"},
    {"the first of two tiers has none", {CHARGE_GRADUATED, .tiers = {{0, "1", 0}, {0, "2", 0}}},
	NULL, CHARGE_TIERS_UNENDED, "tiers"},
    {"graduated without tiers", {.model = CHARGE_GRADUATED}, NULL, CHARGE_FIELD_MISSING, "tiers"},
    {"graduated with a unit_amount", {CHARGE_GRADUATED, .price = "1", .tiers = TIERS_GOOD}, NULL,
	CHARGE_FIELD_UNUSED, "unit_amount"},
    {"graduated with a rate in a tier", {CHARGE_GRADUATED, .tiers = TIERS_GOOD}, spoil_tier_rate,
	CHARGE_FIELD_UNUSED, "rate of a tier"},
    {"graduated with a tier without any price", {CHARGE_GRADUATED, .tiers = TIERS_GOOD},
	spoil_tier_price, CHARGE_FIELD_MISSING, "unit_amount of a tier"},
    {"a later tier's missing price is told before an earlier one's rate",
	{CHARGE_GRADUATED, .tiers = TIERS_GOOD}, spoil_first_and_last_tier, CHARGE_FIELD_MISSING,
	"unit_amount of a tier"},
    {"graduated with a tier that has a flat_amount alone", {CHARGE_GRADUATED, .tiers = TIERS_GOOD},
	spoil_tier_price_flat, CHARGE_GOOD, NULL},
    {"the last tier has an end", {CHARGE_GRADUATED, .tiers = TIERS_GOOD}, spoil_end,
	CHARGE_TIERS_UNENDED, "tiers"},
    {"a tier in the middle has none", {CHARGE_GRADUATED, .tiers = TIERS_GOOD}, spoil_middle,
	CHARGE_TIERS_UNENDED, "tiers"},
    {"the first tier is empty", {CHARGE_GRADUATED, .tiers = TIERS_GOOD}, spoil_first,
	CHARGE_TIERS_MISORDERED, "tiers"},
    {"a tier ends where the one before ends", {CHARGE_GRADUATED, .tiers = TIERS_GOOD}, spoil_equal,
	CHARGE_TIERS_MISORDERED, "tiers"},
    {"misordered and unended: misordered", {CHARGE_GRADUATED, .tiers = TIERS_GOOD},
	spoil_order_over_a_gap, CHARGE_TIERS_MISORDERED, "tiers"},

    {"volume", {CHARGE_VOLUME, IN_ARREARS, .tiers = TIERS_GOOD, .max_amount = 9}, NULL, CHARGE_GOOD,
	NULL},
    {"volume without tiers", {.model = CHARGE_VOLUME}, NULL, CHARGE_FIELD_MISSING, "tiers"},
    {"volume with an end", {CHARGE_VOLUME, .tiers = TIERS_GOOD}, spoil_end, CHARGE_TIERS_UNENDED,
	"tiers"},

    {"package", {CHARGE_PACKAGE, .amount = 500, .package_size = 100, .free_units = "50"}, NULL,
	CHARGE_GOOD, NULL},
    {"package without a size", {CHARGE_PACKAGE, .amount = 500, .package_size = 1},
	spoil_package_size, CHARGE_FIELD_MISSING, "package_size"},
    {"package without an amount", {CHARGE_PACKAGE, .package_size = 1}, spoil_amount_missing,
	CHARGE_FIELD_MISSING, "amount"},
    {"package with tiers", {CHARGE_PACKAGE, .amount = 5, .package_size = 1, .tiers = TIERS_GOOD},
	NULL, CHARGE_FIELD_UNUSED, "tiers"},

    {"percentage with everything",
	{CHARGE_PERCENTAGE, IN_ARREARS, .price = "2.9", .fixed_amount = 30,
	    .transaction_min_amount = 50, .transaction_max_amount = 500, .free_units = "1000",
	    .min_amount = 1, .max_amount = 2},
	NULL, CHARGE_GOOD, NULL},
    {"percentage by tiers",
	{CHARGE_PERCENTAGE, IN_ARREARS, .tiers = RATES_GOOD, .fixed_amount = 30}, NULL, CHARGE_GOOD,
	NULL},
    {"percentage by a single tier", {CHARGE_PERCENTAGE, IN_ARREARS, .tiers = {{0, "1", 0}}}, NULL,
	CHARGE_GOOD, NULL},
    {"percentage with neither rate nor tiers", {CHARGE_PERCENTAGE, IN_ARREARS}, NULL,
	CHARGE_FIELD_MISSING, "rate"},
    {"percentage with both", {CHARGE_PERCENTAGE, IN_ARREARS, .price = "1", .tiers = RATES_GOOD},
	NULL, CHARGE_FIELD_UNUSED, "rate"},
    {"percentage by tiers with a least fee",
	{CHARGE_PERCENTAGE, IN_ARREARS, .tiers = RATES_GOOD, .transaction_min_amount = 1}, NULL,
	CHARGE_FIELD_UNUSED, "transaction_min_amount"},
    {"percentage by tiers with a largest fee",
	{CHARGE_PERCENTAGE, IN_ARREARS, .tiers = RATES_GOOD, .transaction_max_amount = 1}, NULL,
	CHARGE_FIELD_UNUSED, "transaction_max_amount"},
    {"percentage with a unit_amount in a tier",
	{CHARGE_PERCENTAGE, IN_ARREARS, .tiers = RATES_GOOD}, spoil_tier_unit_amount,
	CHARGE_FIELD_UNUSED, "unit_amount of a tier"},
    {"percentage with a unit_amount of 0 in a tier, which is what a tier has unless told",
	{CHARGE_PERCENTAGE, IN_ARREARS, .tiers = RATES_GOOD}, spoil_tier_unit_amount_zero,
	CHARGE_GOOD, NULL},
    {"percentage with a tier without any price",
	{CHARGE_PERCENTAGE, IN_ARREARS, .tiers = RATES_GOOD}, spoil_rate_price,
	CHARGE_FIELD_MISSING, "rate of a tier"},
    {"percentage in advance", {CHARGE_PERCENTAGE, .price = "1"}, NULL, CHARGE_PERCENTAGE_ADVANCE,
	"billing"},
    {"percentage in advance, with a wrong field: that is told first",
	{CHARGE_PERCENTAGE, .price = "1", .package_size = 1}, NULL, CHARGE_FIELD_UNUSED,
	"package_size"},
    {"fees of transactions are bounded the wrong way round",
	{CHARGE_PERCENTAGE, IN_ARREARS, .price = "1", .transaction_min_amount = 2,
	    .transaction_max_amount = 1},
	NULL, CHARGE_BOUNDS_CROSSED, "transaction_min_amount"},
    {"a period is bounded the wrong way round",
	{CHARGE_FLAT, .amount = 1, .min_amount = 2, .max_amount = 1}, NULL, CHARGE_BOUNDS_CROSSED,
	"min_amount"},
    {"a least amount above a largest one of 0",
	{CHARGE_FLAT, .amount = 1, .min_amount = 2, .max_zero = true}, NULL, CHARGE_BOUNDS_CROSSED,
	"min_amount"},
    {"both bounds may be equal", {CHARGE_FLAT, .amount = 1}, spoil_min_and_max_equal, CHARGE_GOOD,
	NULL},
    {"unended tiers are told before crossed bounds",
	{CHARGE_VOLUME, .tiers = TIERS_GOOD, .min_amount = 2, .max_amount = 1}, spoil_end,
	CHARGE_TIERS_UNENDED, "tiers"},
};

/* Alone, and behind two good charges. */
START_TEST(test_faults)
{
	const struct fault_row *row = &fault_rows[_i];
	struct charge_tier tiers[CHARGES_TIERS_MAX];
	struct charge charges[3] = {charge_base(STR("One"), 1), charge_base(STR("Two"), 2)};

	charges[1].code = STR("two");
	charges[2] = charges_make(&row->text, STR("three"), tiers);
	if (row->spoil != NULL)
		row->spoil(&charges[2], tiers);
	for (size_t before = 0; before <= 2; before += 2) {
		const char *field = "untouched";
		size_t index = 42;
		bool good = row->fault == CHARGE_GOOD;

		ck_assert_msg(
		    charge_check(charges + 2 - before, before + 1, &index, &field) == row->fault,
		    "%s: %s", row->name, field);
		ck_assert_msg(index == (good ? 42 : before), "%s: of %zu", row->name, index);
		ck_assert_msg(strcmp(field, good ? "untouched" : row->field) == 0, "%s: %s",
		    row->name, field);
	}
}
END_TEST

START_TEST(test_codes_are_told_apart)
{
	struct charge charges[3] = {
	    charge_base(STR("One"), 1), charge_base(STR("Two"), 2), charge_base(STR("Three"), 3)};
	const char *field = NULL;
	size_t index = 42;

	charges[1].code = STR("other");
	/* That charge's own faults come later. */
	charges[2].amount = AMOUNT_NONE;
	ck_assert_int_eq(charge_check(charges, 3, &index, &field), CHARGE_CODE_TWICE);
	ck_assert_uint_eq(index, 2);
	ck_assert_str_eq(field, "code");
	/* That of the one before it, too. */
	charges[2].code = STR("other");
	ck_assert_int_eq(charge_check(charges, 3, &index, &field), CHARGE_CODE_TWICE);
	ck_assert_uint_eq(index, 2);
	/* But an earlier charge's fault is told before a later one's, whatever it is. */
	charges[1].min_amount = 2;
	charges[1].max_amount = 1;
	ck_assert_int_eq(charge_check(charges, 3, &index, &field), CHARGE_BOUNDS_CROSSED);
	ck_assert_uint_eq(index, 1);
}
END_TEST

START_TEST(test_names)
{
	static const char *const models[] = {
	    "flat", "per_unit", "graduated", "volume", "package", "percentage"};

	ck_assert_int_eq(CHARGE_MODEL_MAX, ARRAY_LEN(models));
	for (int i = 0; i < CHARGE_MODEL_MAX; i++) {
		unit_assert_str(charge_model_name((enum charge_model)i), models[i], "model");
		ck_assert_int_eq(charge_model_from(str_from(models[i])), i);
	}
	unit_assert_str(charge_billing_name(CHARGE_ADVANCE), "advance", "billing");
	unit_assert_str(charge_billing_name(CHARGE_ARREARS), "arrears", "billing");
	ck_assert_int_eq(charge_billing_from(STR("advance")), CHARGE_ADVANCE);
	ck_assert_int_eq(charge_billing_from(STR("arrears")), CHARGE_ARREARS);
}
END_TEST

START_TEST(test_each_fault_has_words_of_its_own)
{
	for (int a = CHARGE_GOOD + 1; a < CHARGE_FAULT_MAX; a++) {
		const char *text = charge_fault_text((enum charge_fault)a);

		ck_assert_uint_gt(strlen(text), 10);
		for (int b = CHARGE_GOOD + 1; b < a; b++)
			ck_assert_str_ne(text, charge_fault_text((enum charge_fault)b));
	}
}
END_TEST

START_TEST(test_the_charge_of_a_plan_by_amount)
{
	struct charge charge = charge_base(STR("Pro"), 1999);
	const char *field = NULL;
	size_t index = 0;

	unit_assert_str(charge.code, "base", "code");
	unit_assert_str(charge.name, "Pro", "name");
	unit_assert_str(charge.model, "flat", "model");
	unit_assert_str(charge.billing, "advance", "billing");
	ck_assert_int_eq(charge.amount, 1999);
	ck_assert_int_eq(charge_check(&charge, 1, &index, &field), CHARGE_GOOD);
}
END_TEST

static void
ask_model(void)
{
	ck_assert_int_eq(charge_model_from(STR("flatrate")), CHARGE_FLAT);
}

static void
ask_billing(void)
{
	ck_assert_int_eq(charge_billing_from(STR_NONE), CHARGE_ADVANCE);
}

static void
ask_no_charges(void)
{
	size_t index;
	const char *field;

	ck_assert_int_eq(charge_check(NULL, 0, &index, &field), CHARGE_GOOD);
}

static void
ask_text_of_good(void)
{
	ck_assert_ptr_null(charge_fault_text(CHARGE_GOOD));
}

struct bug_row {
	const char *name;
	void (*ask)(void);
};

static const struct bug_row bug_rows[] = {
    {"an unknown model", ask_model},
    {"an unknown billing", ask_billing},
    {"no charges", ask_no_charges},
    {"words for no fault", ask_text_of_good},
};

START_TEST(test_bugs_are_caught)
{
	bug_rows[_i].ask();
}
END_TEST

UNIT_MAIN("charge", UNIT_ROWS(test_faults, fault_rows), UNIT(test_codes_are_told_apart),
    UNIT(test_names), UNIT(test_each_fault_has_words_of_its_own),
    UNIT(test_the_charge_of_a_plan_by_amount), UNIT_ABORTS_ROWS(test_bugs_are_caught, bug_rows))
