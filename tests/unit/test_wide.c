#include "common/domain/wide.h"

#include "tests/unit/unit.h"

#define RANDOM_CASES 20000

/* Two limbs, the high one first. */
struct pair {
	uint64_t high, low;
};

static uint128
value_of(struct pair pair)
{
	return (uint128)pair.high << 64 | pair.low;
}

static void
assert_wide(struct wide actual, struct wide expected, const char *name)
{
	for (int i = 0; i < WIDE_LIMBS; i++)
		ck_assert_msg(actual.limbs[i] == expected.limbs[i],
		    "%s: limb %d is %" PRIx64 " instead of %" PRIx64, name, i, actual.limbs[i],
		    expected.limbs[i]);
}

struct product_row {
	const char *name;
	struct pair a, b;
	struct wide expected;
};

/* Computed by Python 3.11. */
static const struct product_row product_rows[] = {
    {"nothing times the largest", {0, 0}, {UINT64_MAX, UINT64_MAX}, {{0, 0, 0, 0}}},
    {"one times the largest", {0, 1}, {UINT64_MAX, UINT64_MAX}, {{UINT64_MAX, UINT64_MAX, 0, 0}}},
    {"the largest squared", {UINT64_MAX, UINT64_MAX}, {UINT64_MAX, UINT64_MAX},
	{{1, 0, 0xfffffffffffffffe, UINT64_MAX}}},
    {"a limb's largest squared", {0, UINT64_MAX}, {0, UINT64_MAX}, {{1, 0xfffffffffffffffe, 0, 0}}},
    {"two limbs of one", {1, 1}, {1, 1}, {{1, 2, 1, 0}}},
    {"the largest decimal squared", {0x33b2e3c, 0x9fd0803ce7ffffff},
	{0x33b2e3c, 0x9fd0803ce7ffffff},
	{{0x529eff8630000001, 0xc519990904ef9a04, 0xa70c3c40a64e6, 0}}},
    {"a low limb and a high one", {0, UINT64_MAX}, {UINT64_MAX, 0},
	{{0, 1, 0xfffffffffffffffe, 0}}},
    {"digits without order", {0x123456789abcdef, 0xfedcba9876543210},
	{0xdeadbeefcafebabe, 0xf1e2d3c4b5a6978},
	{{0x9aacd00449a00780, 0x7ddb3b0561c5981, 0x5c78206c7190fee0, 0xfd5bdeeeb2a01e}}},
};

START_TEST(test_product)
{
	const struct product_row *row = &product_rows[_i];

	assert_wide(wide_product(value_of(row->a), value_of(row->b)), row->expected, row->name);
	assert_wide(wide_product(value_of(row->b), value_of(row->a)), row->expected, row->name);
}
END_TEST

struct division_row {
	const char *name;
	struct wide dividend;
	uint64_t divisor;
	struct wide quotient;
	uint64_t remainder;
};

#define LARGEST                                                        \
	{                                                              \
		{                                                      \
			UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX \
		}                                                      \
	}
#define THIRD 0x5555555555555555

/* Computed by Python 3.11. */
static const struct division_row division_rows[] = {
    {"nothing", {{0, 0, 0, 0}}, 7, {{0, 0, 0, 0}}, 0},
    {"by one", LARGEST, 1, LARGEST, 0},
    {"the largest by the largest limb", LARGEST, UINT64_MAX, {{1, 1, 1, 1}}, 0},
    {"the largest by three", LARGEST, 3, {{THIRD, THIRD, THIRD, THIRD}}, 0},
    {"less than the divisor", {{6, 0, 0, 0}}, 7, {{0, 0, 0, 0}}, 6},
    {"the divisor itself", {{7, 0, 0, 0}}, 7, {{1, 0, 0, 0}}, 0},
    {"a power of two by a power of ten", {{0, 0, 0, 1}}, 1000000000000,
	{{0x6e885c8ba7eb31f4, 0x12dea11197f27f0f, 0x1197998, 0}}, 0x6c0a9cc000},
    {"without a remainder", {{0x1000000000000000, 0xd762422c946590d9, 0x4f2726179a224501, 0x9f}},
	1000000000000, {{0x7f41000000000000, 0xe4395d69670b12b, 0xaf298d05, 0}}, 0},
    {"one less", {{0xfffffffffffffff, 0xd762422c946590d9, 0x4f2726179a224501, 0x9f}}, 1000000000000,
	{{0x7f40ffffffffffff, 0xe4395d69670b12b, 0xaf298d05, 0}}, 999999999999},
    {"by more than half of a limb",
	{{0xf1e2d3c4b5a6978, 0xdeadbeefcafebabe, 0x123456789abcdef, 0xfedcba9876543210}},
	0x8000000000000001, {{0xafb43d0521efce2c, 0x6d3a06d3a06d3a7, 0xfdb97530eca8641c, 1}},
	0x5f69f037296a9b4c},
    {"the largest by half of a limb", LARGEST, 0x8000000000000000,
	{{UINT64_MAX, UINT64_MAX, UINT64_MAX, 1}}, 0x7fffffffffffffff},
};

START_TEST(test_divide)
{
	const struct division_row *row = &division_rows[_i];
	uint64_t remainder = 42;

	assert_wide(wide_divide(row->dividend, row->divisor, &remainder), row->quotient, row->name);
	ck_assert_msg(remainder == row->remainder, "%s: remainder %" PRIx64, row->name, remainder);
	assert_wide(wide_divide(row->dividend, row->divisor, NULL), row->quotient, row->name);
}
END_TEST

START_TEST(test_add_and_times)
{
	struct wide largest = LARGEST, one = {{1, 0, 0, 0}};
	struct wide carried = {{0, 0, 0, 1}}, below = {{UINT64_MAX, UINT64_MAX, UINT64_MAX, 0}};

	assert_wide(wide_add(largest, WIDE_ZERO), largest, "the largest and nothing");
	assert_wide(wide_add(below, one), carried, "a carry through all limbs");
	assert_wide(wide_times(largest, 1), largest, "the largest once");
	assert_wide(wide_times(largest, 0), WIDE_ZERO, "the largest, never");
	assert_wide(
	    wide_times((struct wide){{1, 1, 1, 1}}, UINT64_MAX), largest, "up to the largest");
	assert_wide(wide_times((struct wide){{UINT64_MAX, 0, 0, 0}}, UINT64_MAX),
	    (struct wide){{1, 0xfffffffffffffffe, 0, 0}}, "a carry out of a product");
}
END_TEST

START_TEST(test_narrow)
{
	uint128 value = 42;

	ck_assert(!wide_narrow((struct wide){{0, 0, 1, 0}}, &value));
	ck_assert(!wide_narrow((struct wide){{0, 0, 0, 1}}, &value));
	ck_assert_msg(value == 42, "touched");
	ck_assert(wide_narrow((struct wide){{3, 5, 0, 0}}, &value));
	ck_assert(value == value_of((struct pair){5, 3}));
	ck_assert(wide_narrow((struct wide){{UINT64_MAX, UINT64_MAX, 0, 0}}, &value));
	ck_assert(value == ~(uint128)0);
}
END_TEST

/* Random limbs, of which many are empty or full. */
static uint64_t
random_limb(uint64_t *state)
{
	uint64_t limb = unit_random(state, UINT64_MAX);

	switch (unit_random(state, 4)) {
	case 0:
		return 0;
	case 1:
		return UINT64_MAX;
	default:
		return limb >> unit_random(state, 64);
	}
}

/* quotient × divisor + remainder gives back what was divided; products distribute over sums. */
START_TEST(test_laws)
{
	uint64_t state = unit_seed("wide");

	for (int i = 0; i < RANDOM_CASES; i++) {
		struct wide dividend, quotient, left = {{0}};
		uint64_t divisor = random_limb(&state), factor = random_limb(&state) >> 1;
		uint128 a = value_of((struct pair){random_limb(&state) >> 1, random_limb(&state)});
		uint128 b = value_of((struct pair){random_limb(&state) >> 1, random_limb(&state)});

		for (int limb = 0; limb < WIDE_LIMBS; limb++)
			dividend.limbs[limb] = random_limb(&state);
		divisor = divisor == 0 ? 1 : divisor;
		quotient = wide_divide(dividend, divisor, &left.limbs[0]);
		ck_assert(left.limbs[0] < divisor);
		assert_wide(wide_add(wide_times(quotient, divisor), left), dividend, "division");
		assert_wide(wide_add(wide_product(a, factor), wide_product(b, factor)),
		    wide_product(a + b, factor), "distribution");
		assert_wide(
		    wide_times(wide_product(a, 1), factor), wide_product(factor, a), "times");
	}
}
END_TEST

START_TEST(test_a_sum_that_runs_over_is_a_bug)
{
	ck_assert(wide_add((struct wide)LARGEST, (struct wide){{1, 0, 0, 0}}).limbs[0] == 0);
}
END_TEST

START_TEST(test_a_product_that_runs_over_is_a_bug)
{
	ck_assert(wide_times((struct wide){{0, 0, 0, 2}}, UINT64_C(1) << 63).limbs[0] == 0);
}
END_TEST

START_TEST(test_a_division_by_nothing_is_a_bug)
{
	ck_assert(wide_divide(WIDE_ZERO, 0, NULL).limbs[0] == 0);
}
END_TEST

UNIT_MAIN("wide", UNIT_ROWS(test_product, product_rows), UNIT_ROWS(test_divide, division_rows),
    UNIT(test_add_and_times), UNIT(test_narrow), UNIT(test_laws),
    UNIT_ABORTS(test_a_sum_that_runs_over_is_a_bug),
    UNIT_ABORTS(test_a_product_that_runs_over_is_a_bug),
    UNIT_ABORTS(test_a_division_by_nothing_is_a_bug))
