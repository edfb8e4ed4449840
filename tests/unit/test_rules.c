#include "common/codec/rules.h"

#include "common/codec/command.h"
#include "common/icu/iso.h"
#include "common/zone/zone.h"
#include "tests/unit/codec.h"

/* Commands as only a stranger would write them, each with one thing wrong. */

static const struct schemas *schemas;

static void
rules_open(void)
{
	struct err err;

	schemas = codec_schemas();
	ck_assert_int_eq(iso_init(&err), ERR_NONE);
	ck_assert_int_eq(zone_init(&err), ERR_NONE);
}

static enum err_class
rules_of(enum command_type type, const void *command, struct err *err)
{
	const struct command_info *info = &command_table[type];
	const struct schema *schema = schemas_by_name(schemas, str_from(info->schema_name));

	ck_assert_ptr_nonnull(schema);
	return rules_check(schema, info->record, command, err);
}

/* ${reason} is a part of the error's text; NULL: all rules are kept. */
static void
assert_rules(enum command_type type, const void *command, const char *reason, const char *name)
{
	struct err err = {0};
	enum err_class class;

	rules_open();
	class = rules_of(type, command, &err);
	if (reason == NULL) {
		ck_assert_msg(class == ERR_NONE, "%s: %s", name, err.text);
	} else {
		ck_assert_msg(class == ERR_POISON, "%s: %d", name, (int)class);
		ck_assert_msg(strstr(err.text, reason) != NULL, "%s: %s", name, err.text);
	}
}

/* What a plan's charge may hold. */
struct charge_row {
	const char *name;
	struct str code, text;
	int64_t amount, package_size;
	int64_t unit_amount, rate, free_units; /* trillionths */
	const char *reason;
};

#define NONE (-1)

static const struct charge_row charge_rows[] = {
    {"a charge like others", {"base", 4}, {"Base", 4}, 2900, AMOUNT_NONE, NONE, NONE, NONE, NULL},
    {"all of its numbers at their limits", {"a", 1}, {"b", 1}, INT64_C(999999999999999), 1, 1, 100,
	1000000, NULL},
    {"an empty code", {"", 0}, {"b", 1}, 0, AMOUNT_NONE, NONE, NONE, NONE,
	"charges[0]: code must be at least 1 character"},
    {"a code of two words", {"a b", 3}, {"b", 1}, 0, AMOUNT_NONE, NONE, NONE, NONE,
	"charges[0]: code must be letters"},
    {"an empty name", {"a", 1}, {"", 0}, 0, AMOUNT_NONE, NONE, NONE, NONE,
	"charges[0]: name must be at least 1 character"},
    {"a negative amount", {"a", 1}, {"b", 1}, -1, AMOUNT_NONE, NONE, NONE, NONE,
	"charges[0]: amount must be from 0 to 999999999999999"},
    {"an amount beyond all bounds", {"a", 1}, {"b", 1}, INT64_MAX, AMOUNT_NONE, NONE, NONE, NONE,
	"charges[0]: amount must be from"},
    {"packages of nothing", {"a", 1}, {"b", 1}, 0, 0, NONE, NONE, NONE,
	"charges[0]: package_size must be from 1 to"},
    {"a rate of eleven places", {"a", 1}, {"b", 1}, 0, AMOUNT_NONE, NONE, 10, NONE,
	"charges[0]: rate must have at most 10 digits behind the point"},
    {"free units of seven places", {"a", 1}, {"b", 1}, 0, AMOUNT_NONE, NONE, NONE, 100000,
	"charges[0]: free_units must have at most 6 digits behind the point"},
};

static struct create_plan
plan_of(const struct charge *charges, size_t charges_len)
{
	return (struct create_plan){
	    .code = STR("pro"),
	    .name = STR("Pro"),
	    .currency = {"EUR"},
	    .interval = STR("month"),
	    .interval_count = 1,
	    .amount = AMOUNT_NONE,
	    .charges = charges,
	    .charges_len = charges_len,
	};
}

/* A charge in which nothing is given but its names. */
static struct charge
plain_charge(void)
{
	struct charge charge = charge_base(STR("b"), AMOUNT_NONE);

	charge.code = STR("a");
	return charge;
}

START_TEST(test_charges)
{
	const struct charge_row *row = &charge_rows[_i];
	struct charge charge = plain_charge();
	struct create_plan plan = plan_of(&charge, 1);

	charge.code = row->code;
	charge.name = row->text;
	charge.amount = row->amount;
	charge.package_size = row->package_size;
	charge.unit_amount.units = row->unit_amount;
	charge.rate.units = row->rate;
	charge.free_units.units = row->free_units;
	assert_rules(COMMAND_CREATE_PLAN, &plan, row->reason, row->name);
}
END_TEST

/* What is wrong deeper down is told with its place. */
START_TEST(test_tiers)
{
	struct charge_tier tiers[CHARGE_TIERS_MAX + 1];
	struct charge charges[] = {plain_charge(), plain_charge()};
	struct create_plan plan = plan_of(charges, ARRAY_LEN(charges));

	for (size_t i = 0; i < ARRAY_LEN(tiers); i++)
		tiers[i] = (struct charge_tier){AMOUNT_NONE, DECIMAL_ZERO, 0, DECIMAL_NONE};
	charges[1].tiers = tiers;
	charges[1].tiers_len = CHARGE_TIERS_MAX;
	assert_rules(COMMAND_CREATE_PLAN, &plan, NULL, "as many tiers as there may be");
	charges[1].tiers_len++;
	assert_rules(COMMAND_CREATE_PLAN, &plan, "charges[1]: tiers must have at most 50 items",
	    "one tier more");
	charges[1].tiers_len = 3;
	tiers[2].up_to = 0;
	assert_rules(COMMAND_CREATE_PLAN, &plan, "charges[1]: tiers[2]: up_to must be from 1 to",
	    "a tier up to nothing");
}
END_TEST

START_TEST(test_so_many_charges)
{
	struct charge charges[CHARGES_MAX + 1];
	struct create_plan plan = plan_of(charges, CHARGES_MAX);

	for (size_t i = 0; i < ARRAY_LEN(charges); i++)
		charges[i] = plain_charge();
	assert_rules(COMMAND_CREATE_PLAN, &plan, NULL, "as many charges as there may be");
	plan.charges_len++;
	assert_rules(
	    COMMAND_CREATE_PLAN, &plan, "charges must have at most 20 items", "one charge more");
}
END_TEST

/* Zero is an amount that is given, no charges are a list that is not. */
START_TEST(test_one_of_a_group)
{
	static const char group[] = "not exactly one field of a group is given";
	const struct charge charge = plain_charge();
	struct create_plan plan = plan_of(&charge, 1);

	assert_rules(COMMAND_CREATE_PLAN, &plan, NULL, "charges alone");
	plan.amount = 0;
	assert_rules(COMMAND_CREATE_PLAN, &plan, group, "both");
	plan.charges_len = 0;
	assert_rules(COMMAND_CREATE_PLAN, &plan, NULL, "an amount alone");
	plan.amount = AMOUNT_NONE;
	assert_rules(COMMAND_CREATE_PLAN, &plan, group, "neither");
}
END_TEST

struct subscription_row {
	const char *name;
	struct str anchor;
	int64_t quantity, trial_days;
	const char *reason;
};

static const struct subscription_row subscription_rows[] = {
    {"the defaults", {"start", 5}, 1, INT64_MIN, NULL},
    {"the last day of a month, no units, the longest trial", {"31", 2}, 0, 730, NULL},
    {"the calendar, as many units as there may be", {"calendar", 8}, 1000000000, 0, NULL},
    {"a day that no month has", {"32", 2}, 1, 0, "anchor must be start, calendar or"},
    {"an empty anchor", {"", 0}, 1, 0, "anchor must be start, calendar or"},
    {"an unknown anchor", {"end", 3}, 1, 0, "anchor must be start, calendar or"},
    {"less than nothing", {"start", 5}, -1, 0, "quantity must be from 0 to 1000000000"},
    {"too many units", {"start", 5}, 1000000001, 0, "quantity must be from 0 to"},
    {"a trial of two years and a day", {"start", 5}, 1, 731, "trial_days must be from 0 to 730"},
    {"a trial that ended before it began", {"start", 5}, 1, -1, "trial_days must be from"},
};

START_TEST(test_subscriptions)
{
	const struct subscription_row *row = &subscription_rows[_i];
	const struct create_subscription command = {
	    .customer_id = {{1}},
	    .plan_id = {{2}},
	    .quantity = row->quantity,
	    .start_at = INSTANT_NONE,
	    .end_at = INSTANT_NONE,
	    .trial_days = row->trial_days,
	    .anchor = row->anchor,
	};

	assert_rules(COMMAND_CREATE_SUBSCRIPTION, &command, row->reason, row->name);
}
END_TEST

/* What is unchanged is held to nothing. */
START_TEST(test_what_is_not_given_breaks_no_rule)
{
	const struct update_plan plan = {.plan_id = {{1}},
	    .interval_count = INT64_MIN,
	    .trial_days = INT64_MIN,
	    .amount = AMOUNT_NONE};
	const struct change_subscription change = {.subscription_id = {{1}},
	    .quantity = INT64_MIN,
	    .effective = STR("now"),
	    .proration = STR("none")};

	assert_rules(COMMAND_UPDATE_PLAN, &plan, NULL, "a plan");
	assert_rules(COMMAND_CHANGE_SUBSCRIPTION, &change, NULL, "a subscription");
}
END_TEST

START_TEST(test_the_nil_uuid)
{
	struct create_subscription command = {
	    .customer_id = {{1}},
	    .plan_id = {{2}},
	    .quantity = 1,
	    .start_at = INSTANT_NONE,
	    .end_at = INSTANT_NONE,
	    .trial_days = INT64_MIN,
	    .anchor = STR("start"),
	};

	command.plan_code = STR("pro");
	command.plan_id = UUID_NIL;
	assert_rules(COMMAND_CREATE_SUBSCRIPTION, &command, NULL, "where there may be none");
	command.customer_id = UUID_NIL;
	assert_rules(COMMAND_CREATE_SUBSCRIPTION, &command, "customer_id is the nil UUID",
	    "where there must be one");
}
END_TEST

START_TEST(test_a_reported_quantity)
{
	struct report_quantity command = {.subscription_id = {{1}},
	    .charge_code = STR("api-calls"),
	    .quantity = {DECIMAL_SCALE / 1000000},
	    .mode = STR("set"),
	    .period_start = INSTANT_NONE};

	assert_rules(COMMAND_REPORT_QUANTITY, &command, NULL, "a millionth");
	command.quantity.units /= 10;
	assert_rules(COMMAND_REPORT_QUANTITY, &command,
	    "quantity must have at most 6 digits behind the point", "a tenth of that");
}
END_TEST

/* Lists of texts and ids, each with one thing wrong. */
START_TEST(test_lists)
{
	static const struct uuid ids[] = {{{1}}, {{2}}, {{3}}, {{4}}, {{5}}, {{6}}};
	static const struct uuid nil[] = {{{1}}, {{0}}}, twice[] = {{{1}}, {{2}}, {{1}}};
	static const struct str codes[] = {{"a", 1}, {"a", 1}, {"b", 1}, {"c", 1}, {"d", 1},
	    {"e", 1}, {"f", 1}, {"g", 1}, {"h", 1}, {"i", 1}, {"j", 1}};
	static const struct str empty[] = {{"a", 1}, {"", 0}};
	static const struct {
		const char *name;
		struct str_list codes;
		struct uuid_list ids;
		const char *reason;
	} rows[] = {
	    {"none", {NULL, 0}, {NULL, 0}, NULL},
	    {"as many as there may be; a code twice", {codes, 10}, {ids, 5}, NULL},
	    {"a code more", {codes, 11}, {NULL, 0}, "coupon_codes must have at most 10 items"},
	    {"an empty code", {empty, 2}, {NULL, 0}, "coupon_codes must be at least 1 character"},
	    {"an id more", {NULL, 0}, {ids, 6}, "tax_rate_ids must have at most 5 items"},
	    {"the nil id", {NULL, 0}, {nil, 2}, "tax_rate_ids has the nil UUID"},
	    {"an id twice", {NULL, 0}, {twice, 3}, "tax_rate_ids has an item twice"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct create_subscription command = {
		    .customer_id = {{1}},
		    .plan_id = {{2}},
		    .quantity = 1,
		    .start_at = INSTANT_NONE,
		    .end_at = INSTANT_NONE,
		    .trial_days = INT64_MIN,
		    .anchor = STR("start"),
		    .coupon_codes = rows[i].codes,
		    .tax_rate_ids = rows[i].ids,
		};

		assert_rules(COMMAND_CREATE_SUBSCRIPTION, &command, rows[i].reason, rows[i].name);
	}
}
END_TEST

START_TEST(test_terms_of_a_coupon)
{
	static const char group[] = "not exactly one field of a group is given";
	struct create_coupon command = {.code = STR("a"),
	    .name = STR("b"),
	    .percent_off = {DECIMAL_SCALE / 10000},
	    .amount_off = AMOUNT_NONE,
	    .duration = STR("once"),
	    .duration_periods = INT64_MIN,
	    .max_redemptions = INT64_MIN,
	    .redeem_by = INSTANT_NONE};

	assert_rules(COMMAND_CREATE_COUPON, &command, NULL, "a ten-thousandth of a percent");
	command.amount_off = 1;
	assert_rules(COMMAND_CREATE_COUPON, &command, group, "and an amount");
	command.percent_off = DECIMAL_NONE;
	assert_rules(COMMAND_CREATE_COUPON, &command, NULL, "an amount alone");
	command.amount_off = AMOUNT_NONE;
	assert_rules(COMMAND_CREATE_COUPON, &command, group, "neither");
	command.percent_off = (struct decimal){1};
	assert_rules(COMMAND_CREATE_COUPON, &command,
	    "percent_off must have at most 4 digits behind the point", "a trillionth");
}
END_TEST

START_TEST(test_credit)
{
	struct give_credit command = {.customer_id = {{1}}, .amount = -1, .description = STR("a")};

	assert_rules(COMMAND_GIVE_CREDIT, &command, NULL, "taken back");
	command.amount = 0;
	assert_rules(COMMAND_GIVE_CREDIT, &command, "amount must not be 0", "nothing");
	command.amount = INT64_MIN;
	assert_rules(COMMAND_GIVE_CREDIT, &command, "amount must be from -", "beyond all bounds");
}
END_TEST

UNIT_MAIN("rules", UNIT_ROWS(test_charges, charge_rows), UNIT(test_tiers),
    UNIT(test_so_many_charges), UNIT(test_one_of_a_group),
    UNIT_ROWS(test_subscriptions, subscription_rows), UNIT(test_what_is_not_given_breaks_no_rule),
    UNIT(test_the_nil_uuid), UNIT(test_a_reported_quantity), UNIT(test_lists),
    UNIT(test_terms_of_a_coupon), UNIT(test_credit))
