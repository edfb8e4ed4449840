#include "common/domain/split.h"

#include "common/domain/wide.h"

#define NUMERATOR_END ((int128)1 << 126)
#define PRODUCT_BITS_MAX 252 /* of all denominators: twice that has room in a struct wide */

/* What cutting off leaves of a part: part / whole, 0 <= part < whole. */
struct rest {
	uint64_t part;
	uint64_t whole;
};

/* The sum of what was cut off: whole numbers, and rests of at most so many kinds. */
struct sum {
	int128 whole;
	struct rest rests[SPLIT_DENOMINATORS_MAX];
	size_t rests_len;
	int bits; /* of the product of their denominators, at most */
};

/* ${sign} times ${part}, cut off towards minus infinity.  False when that does not fit. */
static bool
cut_off(const struct split_part *part, int sign, int64_t *ret_whole, struct rest *ret_rest)
{
	int128 numerator = sign * part->numerator;
	int128 quotient = numerator / part->denominator;
	int64_t whole = (int64_t)quotient;
	int64_t rest;

	if (quotient < -INT64_MAX || quotient > INT64_MAX)
		return false;
	/* Towards 0 so far; what is less than the denominator fits. */
	rest = (int64_t)(numerator - (int128)whole * part->denominator);
	if (rest < 0) {
		whole--;
		rest += part->denominator;
	}
	*ret_whole = whole;
	*ret_rest = (struct rest){(uint64_t)rest, (uint64_t)part->denominator};
	return true;
}

/* False when ${rest} is of one kind more than there is room for. */
static bool
sum_add(struct sum *sum, int64_t whole, struct rest rest)
{
	size_t i = 0;

	sum->whole += whole;
	if (rest.part == 0)
		return true;
	while (i < sum->rests_len && sum->rests[i].whole != rest.whole)
		i++;
	if (i == sum->rests_len) {
		sum->bits += 64 - __builtin_clzll(rest.whole);
		if (i == SPLIT_DENOMINATORS_MAX || sum->bits > PRODUCT_BITS_MAX)
			return false;
		sum->rests[sum->rests_len++] = (struct rest){0, rest.whole};
	}
	/* Both are below 2^63. */
	sum->rests[i].part += rest.part;
	if (sum->rests[i].part >= rest.whole) {
		sum->rests[i].part -= rest.whole;
		sum->whole++;
	}
	return true;
}

static bool
wide_less(struct wide a, struct wide b)
{
	for (int i = WIDE_LIMBS - 1; i > 0; i--)
		if (a.limbs[i] != b.limbs[i])
			return a.limbs[i] < b.limbs[i];
	return a.limbs[0] < b.limbs[0];
}

/* How many whole halves the rests of ${sum} make, cut off, and whether that is all of them.  Each
 * rest is less than 1. */
static int
halves_of(const struct sum *sum, bool *ret_exact)
{
	struct wide numerator = WIDE_ZERO, denominator = wide_product(1, 1), twice;
	int halves = 0;

	for (size_t i = 0; i < sum->rests_len; i++) {
		struct rest rest = sum->rests[i];

		numerator =
		    wide_add(wide_times(numerator, rest.whole), wide_times(denominator, rest.part));
		denominator = wide_times(denominator, rest.whole);
	}
	twice = wide_times(numerator, 2);
	while (!wide_less(twice, wide_times(denominator, (uint64_t)halves + 1)))
		halves++;
	*ret_exact = !wide_less(wide_times(denominator, (uint64_t)halves), twice);
	return halves;
}

/* Cut off ${sign} times each of the parts, and add them up. */
static bool
cut_off_all(const struct split_part *parts, size_t len, int sign, int64_t *ret_shares,
    struct rest *ret_rests, struct sum *ret_sum)
{
	*ret_sum = (struct sum){.rests_len = 0};
	for (size_t i = 0; i < len; i++) {
		CHECK(parts[i].denominator > 0);
		CHECK(parts[i].numerator > -NUMERATOR_END && parts[i].numerator < NUMERATOR_END);
		if (!cut_off(&parts[i], sign, &ret_shares[i], &ret_rests[i]) ||
		    !sum_add(ret_sum, ret_shares[i], ret_rests[i]))
			return false;
	}
	return true;
}

/* Whether ${parts}, whose ${sum} this is, are split as their opposites. */
static bool
is_below(const struct split_part *parts, size_t len, const struct sum *sum)
{
	bool exact;
	int halves = halves_of(sum, &exact);
	int128 whole = sum->whole + halves / 2;

	if (whole != 0 || halves % 2 != 0 || !exact)
		return whole < 0;
	for (size_t i = 0; i < len; i++)
		if (parts[i].numerator != 0)
			return parts[i].numerator < 0;
	return false;
}

static bool
rest_less(struct rest a, struct rest b)
{
	return (uint128)a.part * b.whole < (uint128)b.part * a.whole;
}

/* Give 1 each to the ${missing} shares with the largest rests.  False when one does not fit. */
static bool
give_missing(int64_t missing, struct rest *rests, size_t len, int64_t *shares)
{
	for (; missing > 0; missing--) {
		size_t largest = 0;

		for (size_t i = 1; i < len; i++)
			if (rest_less(rests[largest], rests[i]))
				largest = i;
		CHECK(rests[largest].part > 0);
		if (shares[largest] == INT64_MAX)
			return false;
		shares[largest]++;
		rests[largest].part = 0;
	}
	return true;
}

/* Of parts whose ${sum} is not below 0, ${shares} being what they are cut off. */
static bool
round_up(const struct sum *sum, struct rest *rests, size_t len, int64_t *ret_total, int64_t *shares)
{
	bool exact;
	int128 total = sum->whole + (halves_of(sum, &exact) + 1) / 2, missing = total;

	for (size_t i = 0; i < len; i++)
		missing -= shares[i];
	/* Less than one for each part that has a rest. */
	CHECK(missing >= 0 && missing <= (int128)len);
	if (total > INT64_MAX || !give_missing((int64_t)missing, rests, len, shares))
		return false;
	for (size_t i = 0; i < len; i++)
		if (shares[i] == INT64_MIN)
			return false;
	*ret_total = (int64_t)total;
	return true;
}

bool
split_round(const struct split_part *parts, size_t len, int64_t *ret_total, int64_t *ret_shares)
{
	struct rest rests[SPLIT_PARTS_MAX];
	struct sum sum;
	bool below;

	CHECK(len <= SPLIT_PARTS_MAX);

	if (!cut_off_all(parts, len, 1, ret_shares, rests, &sum))
		return false;
	below = is_below(parts, len, &sum);
	if (below && !cut_off_all(parts, len, -1, ret_shares, rests, &sum))
		return false;
	if (!round_up(&sum, rests, len, ret_total, ret_shares))
		return false;
	if (!below)
		return true;
	*ret_total = -*ret_total;
	for (size_t i = 0; i < len; i++)
		ret_shares[i] = -ret_shares[i];
	return true;
}

bool
split_amount(int64_t amount, const int64_t *weights, size_t len, int64_t *ret_shares)
{
	struct split_part parts[SPLIT_PARTS_MAX];
	int128 sum = 0;
	int64_t total, sign;

	CHECK(len >= 1 && len <= SPLIT_PARTS_MAX);

	for (size_t i = 0; i < len; i++)
		sum += weights[i];
	CHECK(sum != 0);
	if (amount == INT64_MIN || sum < -INT64_MAX || sum > INT64_MAX)
		return false;
	sign = sum < 0 ? -1 : 1;
	for (size_t i = 0; i < len; i++)
		parts[i] =
		    (struct split_part){(int128)amount * weights[i] * sign, (int64_t)sum * sign};
	if (!split_round(parts, len, &total, ret_shares))
		return false;
	CHECK(total == amount);
	return true;
}
