#include "common/domain/split.h"

#include "tests/unit/unit.h"

#define PARTS 9
#define RANDOM_CASES 20000

/* ---- Rows of fractions. */

struct round_row {
	const char *name;
	struct split_part parts[PARTS];
	size_t len;
	int64_t total;
	int64_t shares[PARTS];
};

#define HALF_MAX (INT64_MAX / 2) /* 2 times it, and 1, is INT64_MAX */

static const struct round_row round_rows[] = {
    {"no parts", {{0, 1}}, 0, 0, {0}},
    {"whole numbers", {{3, 1}, {-5, 1}}, 2, -2, {3, -5}},
    {"a half is rounded up", {{1, 2}}, 1, 1, {1}},
    {"and away from zero below it", {{-1, 2}}, 1, -1, {-1}},
    {"less than a half is cut off", {{4, 10}}, 1, 0, {0}},
    {"and so it is below zero", {{-4, 10}}, 1, 0, {0}},
    {"thirds: the earlier ones", {{10, 3}, {10, 3}, {10, 3}}, 3, 10, {4, 3, 3}},
    {"and of a negative whole the same", {{-10, 3}, {-10, 3}, {-10, 3}}, 3, -10, {-4, -3, -3}},
    {"the largest remainder first", {{12, 10}, {17, 10}, {13, 10}}, 3, 4, {1, 2, 1}},
    {"two are missing", {{12, 10}, {17, 10}, {19, 10}}, 3, 5, {1, 2, 2}},
    {"what is nothing gets nothing", {{0, 1}, {1, 2}, {0, 7}, {1, 2}}, 4, 1, {0, 1, 0, 0}},
    {"denominators that differ", {{1, 3}, {1, 2}, {1, 6}}, 3, 1, {0, 1, 0}},
    {"four of them, exactly a half", {{1, 3}, {1, 5}, {-1, 30}, {0, 1}}, 4, 1, {1, 0, 0, 0}},
    {"equal remainders of unlike writing", {{1, 2}, {2, 4}}, 2, 1, {1, 0}},
    {"whole numbers have no denominator",
	{{4, 2}, {9, 3}, {16, 4}, {25, 5}, {36, 6}, {49, 7}, {64, 8}, {81, 9}, {1, 10}}, 9, 44,
	{2, 3, 4, 5, 6, 7, 8, 9, 0}},
    {"signs that differ", {{-15, 10}, {30, 10}}, 2, 2, {-1, 3}},
    {"and the other way round", {{15, 10}, {-30, 10}}, 2, -2, {1, -3}},
    {"nothing in all, the first above", {{1, 2}, {-1, 2}}, 2, 0, {1, -1}},
    {"nothing in all, the first below", {{-1, 2}, {1, 2}}, 2, 0, {-1, 1}},
    {"nothing in all, by unlike writing", {{0, 1}, {-1, 3}, {2, 6}}, 3, 0, {0, 0, 0}},
    {"nothing in all, the first of any size below", {{0, 1}, {-1, 2}, {1, 2}}, 3, 0, {0, -1, 1}},
    {"a half in all, the first below", {{-1, 4}, {6, 8}}, 2, 1, {0, 1}},
    {"almost nothing", {{-1, 2}, {1, 3}}, 2, 0, {0, 0}},
    {"almost nothing is not nothing", {{-1, 2}, {1, 2}, {1, 5}}, 3, 0, {0, 0, 0}},
    {"the largest", {{INT64_MAX, 1}}, 1, INT64_MAX, {INT64_MAX}},
    {"the least", {{-(int128)INT64_MAX, 1}}, 1, -INT64_MAX, {-INT64_MAX}},
    {"a sum up to it", {{HALF_MAX, 1}, {HALF_MAX, 1}, {1, 2}}, 3, INT64_MAX,
	{HALF_MAX, HALF_MAX, 1}},
    {"large ones that make up for each other", {{INT64_MAX, 1}, {-(int128)INT64_MAX, 1}}, 2, 0,
	{INT64_MAX, -INT64_MAX}},
    {"the largest product", {{(int128)INT64_MAX * INT64_MAX, INT64_MAX}}, 1, INT64_MAX,
	{INT64_MAX}},
    {"large denominators that differ",
	{{INT64_MAX - 1, INT64_MAX}, {INT64_MAX - 2, INT64_MAX - 1}, {INT64_MAX - 3, INT64_MAX - 2},
	    {INT64_MAX - 4, INT64_MAX - 3}},
	4, 4, {1, 1, 1, 1}},
    {"a bit above a half", {{1, INT64_MAX}, {1, 2}}, 2, 1, {0, 1}},
    {"a bit below a half", {{-1, INT64_MAX}, {1, 2}}, 2, 0, {0, 0}},
};

static void
assert_shares(const struct round_row *row, int sign)
{
	struct split_part parts[PARTS];
	int64_t total = 77, shares[PARTS];

	for (size_t i = 0; i < row->len; i++)
		parts[i] =
		    (struct split_part){sign * row->parts[i].numerator, row->parts[i].denominator};
	ck_assert_msg(split_round(parts, row->len, &total, shares), "%s: refused", row->name);
	ck_assert_msg(total == sign * row->total, "%s: %" PRId64, row->name, total);
	for (size_t i = 0; i < row->len; i++)
		ck_assert_msg(shares[i] == sign * row->shares[i], "%s: share %zu is %" PRId64,
		    row->name, i, shares[i]);
}

START_TEST(test_parts_are_rounded_to_a_whole)
{
	assert_shares(&round_rows[_i], 1);
	assert_shares(&round_rows[_i], -1);
}
END_TEST

struct refused_row {
	const char *name;
	struct split_part parts[PARTS];
	size_t len;
};

static const struct refused_row refused_rows[] = {
    {"a share beyond 64 bits", {{(int128)INT64_MAX + 1, 1}}, 1},
    {"also where the sum is not", {{(int128)INT64_MAX + 1, 1}, {-5, 1}}, 2},
    {"the number that has no opposite", {{INT64_MIN, 1}}, 1},
    {"also as one of the shares", {{INT64_MIN, 1}, {INT64_MAX, 1}, {9, 1}}, 3},
    {"a sum beyond 64 bits", {{INT64_MAX, 1}, {1, 1}}, 2},
    {"a share that is rounded up to it", {{(int128)2 * INT64_MAX + 1, 2}}, 1},
    {"that a share is, though the sum is not", {{(int128)2 * INT64_MAX + 1, 2}, {-1, 1}}, 2},
    {"the largest numerator", {{((int128)1 << 126) - 1, 1}}, 1},
    {"nine denominators", {{1, 2}, {1, 3}, {1, 4}, {1, 5}, {1, 6}, {1, 7}, {1, 8}, {1, 9}, {1, 10}},
	9},
    {"five large ones",
	{{1, INT64_MAX}, {1, INT64_MAX - 1}, {1, INT64_MAX - 2}, {1, INT64_MAX - 3},
	    {1, INT64_MAX - 4}},
	5},
};

START_TEST(test_what_does_not_fit_is_refused)
{
	const struct refused_row *row = &refused_rows[_i];
	struct split_part parts[PARTS];
	int64_t total, shares[PARTS];

	ck_assert_msg(!split_round(row->parts, row->len, &total, shares), "%s", row->name);
	for (size_t i = 0; i < row->len; i++)
		parts[i] = (struct split_part){-row->parts[i].numerator, row->parts[i].denominator};
	ck_assert_msg(!split_round(parts, row->len, &total, shares), "%s, negated", row->name);
}
END_TEST

/* ---- Rows of amounts. */

struct amount_row {
	const char *name;
	int64_t amount, weights[PARTS];
	size_t len;
	int64_t shares[PARTS]; /* all 0: refused */
};

static const struct amount_row amount_rows[] = {
    {"one line", 7, {3}, 1, {7}},
    {"even ones", 10, {1, 1}, 2, {5, 5}},
    {"the last cent to the earlier", 100, {1, 1, 1}, 3, {34, 33, 33}},
    {"by their weights", 1000, {3000, 1500, 500}, 3, {600, 300, 100}},
    {"a weight of 0 has none", 10, {0, 3, 0, 3}, 4, {0, 5, 0, 5}},
    {"less than there are lines", 2, {5, 5, 5}, 3, {1, 1, 0}},
    {"an amount that is given back", -100, {1, 1, 1}, 3, {-34, -33, -33}},
    {"weights below 0", -100, {-1, -1, -1}, 3, {-34, -33, -33}},
    {"weights below 0, an amount above", 100, {-2, -1}, 2, {67, 33}},
    {"a weight against the others", 300, {1000, -400}, 2, {500, -200}},
    {"and more of them", -300, {-1000, 400}, 2, {-500, 200}},
    {"the whole", 5, {2, -1, 4}, 3, {2, -1, 4}},
    {"the largest", INT64_MAX, {INT64_MAX - 1, 1}, 2, {INT64_MAX - 1, 1}},
    {"the largest below 0", -INT64_MAX, {-(INT64_MAX - 1), -1}, 2, {-(INT64_MAX - 1), -1}},
    {"large weights of unlike sign", 1, {INT64_MAX, -INT64_MAX, 1, 0}, 4,
	{INT64_MAX, -INT64_MAX, 1, 0}},
    {"weights whose sum does not fit", 10, {INT64_MAX, 1}, 2, {0}},
    {"nor below 0", 10, {-INT64_MAX, -1}, 2, {0}},
    {"an amount without an opposite", INT64_MIN, {1}, 1, {0}},
    {"shares beyond 64 bits", 3, {INT64_MAX, -(INT64_MAX - 1)}, 2, {0}},
};

START_TEST(test_an_amount_is_spread_by_weights)
{
	const struct amount_row *row = &amount_rows[_i];
	bool refused = true;
	int64_t shares[PARTS];

	for (size_t i = 0; i < row->len; i++)
		refused = refused && row->shares[i] == 0;
	ck_assert_msg(
	    split_amount(row->amount, row->weights, row->len, shares) == !refused, "%s", row->name);
	for (size_t i = 0; !refused && i < row->len; i++)
		ck_assert_msg(shares[i] == row->shares[i], "%s: share %zu is %" PRId64, row->name,
		    i, shares[i]);
}
END_TEST

START_TEST(test_nothing_is_spread)
{
	int64_t weights[] = {5, 7}, shares[2] = {1, 1};

	ck_assert(split_amount(0, weights, 2, shares));
	ck_assert(shares[0] == 0 && shares[1] == 0);
}
END_TEST

/* ---- Laws. */

static int64_t
random_amount(uint64_t *state)
{
	int64_t amount = (int64_t)(unit_random(state, INT64_MAX) >> unit_random(state, 62));

	return unit_random(state, 3) == 0 ? -amount : amount;
}

static int128
part_of(int64_t amount, int64_t weight, int64_t sum)
{
	return (int128)amount * weight / sum;
}

/* Shares add up, differ from their exact part by less than one, and opposites have opposite ones.
 */
START_TEST(test_shares_add_up)
{
	uint64_t state = unit_seed("split");
	int64_t weights[SPLIT_PARTS_MAX], opposite[SPLIT_PARTS_MAX];
	int64_t shares[SPLIT_PARTS_MAX], others[SPLIT_PARTS_MAX];
	int tried = 0;

	for (int n = 0; n < RANDOM_CASES; n++) {
		size_t len = 1 + unit_random(&state, n % 100 == 0 ? SPLIT_PARTS_MAX : 8);
		int64_t amount = random_amount(&state), total = 0;
		int128 sum = 0;

		for (size_t i = 0; i < len; i++) {
			weights[i] = random_amount(&state) / (int64_t)len;
			opposite[i] = -weights[i];
			sum += weights[i];
		}
		if (sum == 0 || !split_amount(amount, weights, len, shares))
			continue;
		tried++;
		ck_assert(split_amount(amount, opposite, len, others));
		for (size_t i = 0; i < len; i++) {
			int128 gap = shares[i] - part_of(amount, weights[i], (int64_t)sum);

			ck_assert(gap >= -1 && gap <= 1);
			ck_assert(shares[i] == others[i]);
			total += shares[i];
		}
		ck_assert_int_eq(total, amount);
		ck_assert(split_amount(-amount, weights, len, others));
		for (size_t i = 0; i < len; i++)
			ck_assert(shares[i] == -others[i]);
	}
	ck_assert_int_gt(tried, RANDOM_CASES / 2);
}
END_TEST

/* Of up to four small denominators, against their common one; whatever the order. */
START_TEST(test_fractions_against_their_common_denominator)
{
	static const int64_t denominators[] = {7, 9, 10, 16};
	const int64_t common = 7 * 9 * 10 * 16;
	uint64_t state = unit_seed("split of fractions");

	for (int n = 0; n < RANDOM_CASES; n++) {
		struct split_part parts[PARTS], turned[PARTS];
		int64_t shares[PARTS], others[PARTS], total, other, twice = 0, sum = 0;
		size_t len = 1 + unit_random(&state, PARTS);

		for (size_t i = 0; i < len; i++) {
			int64_t denominator = denominators[unit_random(&state, 4)];
			int64_t numerator = (int64_t)unit_random(&state, 100) - 40;

			parts[i] = (struct split_part){numerator, denominator};
			turned[len - 1 - i] = parts[i];
			twice += 2 * numerator * (common / denominator);
		}
		ck_assert(split_round(parts, len, &total, shares));
		/* 2 × |total| - 1 <= 2 × |exact| < 2 × |total| + 1 */
		if (twice < 0)
			ck_assert(2 * total * common - common < twice &&
				  twice <= 2 * total * common + common);
		else
			ck_assert(2 * total * common - common <= twice &&
				  twice < 2 * total * common + common);
		for (size_t i = 0; i < len; i++) {
			int128 rest = shares[i] * (int128)parts[i].denominator - parts[i].numerator;

			ck_assert(rest > -parts[i].denominator && rest < parts[i].denominator);
			sum += shares[i];
		}
		ck_assert_int_eq(sum, total);
		ck_assert(split_round(turned, len, &other, others));
		ck_assert_int_eq(other, total);
	}
}
END_TEST

START_TEST(test_weights_of_nothing_are_a_bug)
{
	int64_t weights[] = {5, -5}, shares[2];

	(void)!split_amount(1, weights, 2, shares);
}
END_TEST

START_TEST(test_a_denominator_of_nothing_is_a_bug)
{
	struct split_part part = {1, 0};
	int64_t total, share;

	(void)!split_round(&part, 1, &total, &share);
}
END_TEST

UNIT_MAIN("split", UNIT_ROWS(test_parts_are_rounded_to_a_whole, round_rows),
    UNIT_ROWS(test_what_does_not_fit_is_refused, refused_rows),
    UNIT_ROWS(test_an_amount_is_spread_by_weights, amount_rows), UNIT(test_nothing_is_spread),
    UNIT(test_shares_add_up), UNIT(test_fractions_against_their_common_denominator),
    UNIT_ABORTS(test_weights_of_nothing_are_a_bug),
    UNIT_ABORTS(test_a_denominator_of_nothing_is_a_bug))
