#include "common/domain/rating.h"

#include "tests/unit/unit.h"

/* What holds of rating whatever the charge: random ones, against slower ways to the same. */

#define RANDOM_CASES 20000

struct random_tiers {
	struct charge charge;
	struct charge_tier tiers[CHARGE_TIERS_MAX];
};

/* Up to fifty tiers of up to nine units each; whole prices. */
static void
tiers_at_random(uint64_t *state, enum charge_model model, struct random_tiers *ret_random)
{
	size_t len = 1 + unit_random(state, CHARGE_TIERS_MAX);
	int64_t up_to = 0;

	for (size_t i = 0; i < len; i++) {
		up_to += 1 + (int64_t)unit_random(state, 9);
		ret_random->tiers[i] = (struct charge_tier){
		    .up_to = i + 1 == len ? AMOUNT_NONE : up_to,
		    .unit_amount = decimal_from((int64_t)unit_random(state, 1000)),
		    .flat_amount = (int64_t)unit_random(state, 3) * 100,
		    .rate = DECIMAL_NONE,
		};
	}
	ret_random->charge = charge_base(STR("Random"), AMOUNT_NONE);
	ret_random->charge.model = charge_model_name(model);
	ret_random->charge.tiers = ret_random->tiers;
	ret_random->charge.tiers_len = len;
}

/* The tier of unit number ${unit}, from 1. */
static const struct charge_tier *
tier_of_unit(const struct charge *charge, int64_t unit)
{
	const struct charge_tier *tier = charge->tiers;

	while (tier->up_to != AMOUNT_NONE && unit > tier->up_to)
		tier++;
	return tier;
}

/* Unit after unit, as nobody would do it. */
static int64_t
graduated_by_units(const struct charge *charge, int64_t quantity)
{
	const struct charge_tier *last = charge->tiers;
	int64_t amount = last->flat_amount;

	for (int64_t unit = 1; unit <= quantity; unit++) {
		const struct charge_tier *tier = tier_of_unit(charge, unit);

		amount += (int64_t)(tier->unit_amount.units / DECIMAL_SCALE);
		if (tier != last)
			amount += tier->flat_amount;
		last = tier;
	}
	return amount;
}

START_TEST(test_tiers_are_what_counting_units_gives)
{
	uint64_t state = unit_seed("rating of tiers");
	struct random_tiers random;
	struct rating rating;

	for (int i = 0; i < RANDOM_CASES / 4; i++) {
		int64_t quantity = (int64_t)unit_random(&state, 300);
		struct usage usage = {.quantity = decimal_from(quantity)};
		const struct charge_tier *tier;

		tiers_at_random(&state, CHARGE_GRADUATED, &random);
		ck_assert_int_eq(
		    rating_compute(&random.charge, &usage, FRACTION_WHOLE, FRACTION_WHOLE, &rating),
		    REFUSAL_NONE);
		ck_assert_int_eq(rating.amount, graduated_by_units(&random.charge, quantity));

		random.charge.model = STR("volume");
		tier = tier_of_unit(&random.charge, quantity);
		ck_assert_int_eq(
		    rating_compute(&random.charge, &usage, FRACTION_WHOLE, FRACTION_WHOLE, &rating),
		    REFUSAL_NONE);
		ck_assert_int_eq(
		    rating.amount, quantity * (int64_t)(tier->unit_amount.units / DECIMAL_SCALE) +
				       tier->flat_amount);
	}
}
END_TEST

/* Small enough that 64 bits hold both sides: tenths of minor units, quarters of units. */
START_TEST(test_rounding_is_half_away_from_zero)
{
	uint64_t state = unit_seed("rating and rounding");
	struct charge charge = charge_base(STR("Random"), AMOUNT_NONE);
	struct rating rating;
	int halves = 0;

	charge.model = STR("per_unit");
	for (int i = 0; i < RANDOM_CASES; i++) {
		int64_t part = (int64_t)unit_random(&state, 8);
		struct fraction fraction = {part, part + 1 + (int64_t)unit_random(&state, 8)};
		int64_t price = (int64_t)unit_random(&state, 1000), quantity;
		struct usage usage = {.transactions = 0};
		int64_t twice, whole;

		quantity = (int64_t)unit_random(&state, 100);
		charge.unit_amount.units = (int128)price * (DECIMAL_SCALE / 10);
		usage.quantity.units = (int128)quantity * (DECIMAL_SCALE / 4);
		ck_assert_int_eq(
		    rating_compute(&charge, &usage, fraction, fraction, &rating), REFUSAL_NONE);
		twice = 2 * price * quantity * fraction.part;
		whole = 40 * fraction.whole;
		/* 2 × amount - 1 <= 2 × exact < 2 × amount + 1 */
		ck_assert((2 * rating.amount - 1) * whole <= twice);
		ck_assert((2 * rating.amount + 1) * whole > twice);
		halves += (2 * rating.amount - 1) * whole == twice;
	}
	ck_assert_int_gt(halves, 100);
}
END_TEST

/* What is left of a period and what was used of it differ from the whole by their roundings only.
 */
START_TEST(test_parts_and_the_whole)
{
	uint64_t state = unit_seed("rating of parts");
	struct charge charge = charge_base(STR("Random"), 0);

	for (int i = 0; i < RANDOM_CASES; i++) {
		int64_t whole_s = 1 + (int64_t)unit_random(&state, INT64_C(400000000));
		int64_t part_s = (int64_t)unit_random(&state, (uint64_t)whole_s + 1);
		struct fraction part = {part_s, whole_s}, rest = {whole_s - part_s, whole_s};
		struct rating whole, used, unused;
		struct usage usage = {.transactions = 0};
		int64_t gap;

		charge.amount =
		    (int64_t)(unit_random(&state, INT64_MAX) >> unit_random(&state, 63));
		ck_assert_int_eq(
		    rating_compute(&charge, &usage, FRACTION_WHOLE, FRACTION_WHOLE, &whole), 0);
		ck_assert_int_eq(rating_compute(&charge, &usage, part, part, &used), 0);
		ck_assert_int_eq(rating_compute(&charge, &usage, rest, rest, &unused), 0);
		ck_assert_int_eq(whole.amount, charge.amount);
		gap = used.amount - (whole.amount - unused.amount);
		/* Both halves of an odd amount are rounded up. */
		ck_assert_int_ge(gap, 0);
		ck_assert_int_le(gap, 1);
		ck_assert(gap == 0 || (int128)2 * charge.amount * part_s % whole_s == 0);
	}
}
END_TEST

UNIT_MAIN("rating_laws", UNIT(test_tiers_are_what_counting_units_gives),
    UNIT(test_rounding_is_half_away_from_zero), UNIT(test_parts_and_the_whole))
