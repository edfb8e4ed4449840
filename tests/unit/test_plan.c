#include "common/domain/plan.h"

#include "tests/unit/charges.h"

START_TEST(test_the_current_version_is_the_plans)
{
	struct charge charge = charge_base(STR("Pro"), 1999);
	struct plan plan = {
	    .organisation_id = {{1}},
	    .id = {{2}},
	    .version_id = {{3}},
	    .version = 4,
	    .currency = {"EUR"},
	    .interval = STR("month"),
	    .interval_count = 3,
	    .trial_days = 14,
	    .charges = &charge,
	    .charges_len = 1,
	    .created_at = unit_instant("2026-01-01T00:00:00Z"),
	    .updated_at = unit_instant("2026-02-01T00:00:00Z"),
	    .archived_at = INSTANT_NONE,
	};
	struct plan_version version = plan_current(&plan);
	struct cadence cadence = plan_cadence(&version);

	ck_assert(uuid_equal(version.organisation_id, plan.organisation_id));
	ck_assert(uuid_equal(version.id, plan.version_id));
	ck_assert(uuid_equal(version.plan_id, plan.id));
	ck_assert_int_eq(version.version, 4);
	ck_assert_str_eq(version.currency.code, "EUR");
	unit_assert_str(version.interval, "month", "interval");
	ck_assert_int_eq(version.interval_count, 3);
	ck_assert_int_eq(version.trial_days, 14);
	ck_assert_ptr_eq(version.charges, &charge);
	ck_assert_uint_eq(version.charges_len, 1);
	unit_assert_instant(version.created_at, "2026-02-01T00:00:00Z", "created_at");
	ck_assert_int_eq(cadence.interval, INTERVAL_MONTH);
	ck_assert_int_eq(cadence.count, 3);
}
END_TEST

struct sum_row {
	const char *name;
	struct charge_text charges[3];
	size_t len;
	bool fits;
	int64_t sum;
};

static const struct sum_row sum_rows[] = {
    {"one", {{CHARGE_FLAT, .amount = 1999}}, 1, true, 1999},
    {"of nothing", {{.model = CHARGE_FLAT}}, 1, true, 0},
    {"two", {{CHARGE_FLAT, .amount = 1999}, {CHARGE_FLAT, .amount = 1}}, 2, true, 2000},
    {"what is in arrears does not count",
	{{CHARGE_FLAT, .billing = CHARGE_ARREARS, .amount = 500}, {CHARGE_FLAT, .amount = 1}}, 2,
	true, 1},
    {"nor does what has another model",
	{{CHARGE_PACKAGE, .amount = 7, .package_size = 1}, {CHARGE_PER_UNIT, .price = "5"},
	    {CHARGE_VOLUME, .tiers = {{0, "1", 9}}}},
	3, true, 0},
    {"up to the largest amount",
	{{CHARGE_FLAT, .amount = INT64_MAX - 1}, {CHARGE_FLAT, .amount = 1}}, 2, true, INT64_MAX},
    {"beyond it", {{CHARGE_FLAT, .amount = INT64_MAX}, {CHARGE_FLAT, .amount = 1}}, 2, false, 42},
};

START_TEST(test_flat_amounts)
{
	const struct sum_row *row = &sum_rows[_i];
	struct charge_tier tiers[3][CHARGES_TIERS_MAX];
	struct charge charges[3];
	int64_t sum = 42;

	for (size_t i = 0; i < row->len; i++)
		charges[i] = charges_make(&row->charges[i], STR("charge"), tiers[i]);
	ck_assert_msg(plan_flat_amount(charges, row->len, &sum) == row->fits, "%s", row->name);
	ck_assert_msg(sum == row->sum, "%s: %" PRId64, row->name, sum);
}
END_TEST

START_TEST(test_an_unknown_interval_is_a_bug)
{
	struct plan_version version = {.interval = STR("fortnight"), .interval_count = 1};

	ck_assert_int_eq(plan_cadence(&version).count, 1);
}
END_TEST

START_TEST(test_an_interval_count_of_0_is_a_bug)
{
	struct plan_version version = {.interval = STR("day"), .interval_count = 0};

	ck_assert_int_eq(plan_cadence(&version).count, 0);
}
END_TEST

UNIT_MAIN("plan", UNIT(test_the_current_version_is_the_plans),
    UNIT_ROWS(test_flat_amounts, sum_rows), UNIT_ABORTS(test_an_unknown_interval_is_a_bug),
    UNIT_ABORTS(test_an_interval_count_of_0_is_a_bug))
