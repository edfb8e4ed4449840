#include "common/domain/rating.h"

#include "common/domain/wide.h"

#define SCALE ((uint128)DECIMAL_SCALE)
#define SQUARE (SCALE * SCALE) /* a price times a quantity has 24 places */
#define UNITS_END ((uint128)(DECIMAL_WHOLE_MAX + 1) * SCALE) /* no decimal has as many units */
#define PERCENT 100

/* What is owed, exact: minor units with 24 places. */
struct owed {
	struct wide prices;  /* of units, at 24 places */
	uint128 flat_amount; /* whole minor units: fifty amounts, or one times a count */
};

static bool
is_given(int64_t amount)
{
	return amount != AMOUNT_NONE;
}

static uint128
units_of(struct decimal decimal)
{
	CHECK(decimal.units >= 0);
	return (uint128)decimal.units;
}

static uint128
minor_of(int64_t amount)
{
	CHECK(amount >= 0);
	return (uint128)amount;
}

static struct decimal
decimal_or_zero(struct decimal decimal)
{
	return decimal_is_none(decimal) ? DECIMAL_ZERO : decimal;
}

/* ${rate} percent as a factor; with at most ten places it is exact. */
static struct decimal
percent(struct decimal rate)
{
	uint128 units = units_of(decimal_or_zero(rate));
	/* What is usual fits a register, where dividing by a constant is a multiplication. */
	uint128 factor = units <= UINT64_MAX ? (uint64_t)units / PERCENT : units / PERCENT;

	CHECK(factor * PERCENT == units);
	return (struct decimal){(int128)factor};
}

static void
owed_add_units(struct owed *owed, struct decimal quantity, struct decimal price)
{
	struct wide product = wide_product(units_of(quantity), units_of(price));

	owed->prices = wide_add(owed->prices, product);
}

/* What ${free_units} leave of ${quantity}. */
static struct decimal
less_free(struct decimal quantity, struct decimal free_units)
{
	int128 left = quantity.units - decimal_or_zero(free_units).units;

	return (struct decimal){left > 0 ? left : 0};
}

/* ---- Models: each adds what it owes for rating->billable. */

static void
rate_flat(struct rating *rating, struct owed *owed)
{
	rating->line = true;
	owed->flat_amount += minor_of(rating->charge->amount);
}

static void
rate_per_unit(struct rating *rating, struct owed *owed)
{
	owed_add_units(owed, rating->billable, rating->charge->unit_amount);
}

/* ${quantity} units fall in tier ${at}. */
static void
add_tier(struct rating *rating, size_t at, struct decimal quantity, bool by_rate, struct owed *owed)
{
	const struct charge_tier *tier = &rating->charge->tiers[at];
	struct rated_tier *rated = &rating->tiers[rating->tiers_len++];

	rated->above = at == 0 ? 0 : tier[-1].up_to;
	rated->up_to = tier->up_to;
	rated->quantity = quantity;
	rated->unit_amount = by_rate ? percent(tier->rate) : decimal_or_zero(tier->unit_amount);
	rated->flat_amount = tier->flat_amount;
	owed->flat_amount += minor_of(tier->flat_amount);
	owed_add_units(owed, quantity, rated->unit_amount);
}

/* Where tier ${at} ends for ${billable} units: at them, or at its up_to when they are more. */
static int128
tier_end(const struct charge *charge, size_t at, struct decimal billable)
{
	int64_t up_to = charge->tiers[at].up_to;
	int128 end = (int128)up_to * DECIMAL_SCALE;

	/* The last one has no end. */
	CHECK(is_given(up_to) == (at + 1 < charge->tiers_len));
	return is_given(up_to) && end < billable.units ? end : billable.units;
}

static void
add_each_tier(struct rating *rating, bool by_rate, struct owed *owed)
{
	int128 above = 0;
	size_t at = 0;

	rating->line = true;
	do {
		int128 end = tier_end(rating->charge, at, rating->billable);

		add_tier(rating, at++, (struct decimal){end - above}, by_rate, owed);
		above = end;
	} while (above < rating->billable.units);
}

static void
rate_graduated(struct rating *rating, struct owed *owed)
{
	add_each_tier(rating, false, owed);
}

static void
rate_volume(struct rating *rating, struct owed *owed)
{
	size_t at = 0;

	while (tier_end(rating->charge, at, rating->billable) < rating->billable.units)
		at++;
	rating->line = true;
	add_tier(rating, at, rating->billable, false, owed);
}

static void
rate_package(struct rating *rating, struct owed *owed)
{
	uint128 size = minor_of(rating->charge->package_size) * SCALE;

	CHECK(size > 0);
	rating->packages = (int64_t)((units_of(rating->billable) + size - 1) / size);
	owed->flat_amount += minor_of(rating->charge->amount) * minor_of(rating->packages);
}

static bool
bounds_transactions(const struct charge *charge)
{
	return is_given(charge->transaction_min_amount) || is_given(charge->transaction_max_amount);
}

static void
rate_percentage(struct rating *rating, struct owed *owed)
{
	const struct charge *charge = rating->charge;

	/* These were computed one by one, as they came. */
	if (bounds_transactions(charge)) {
		owed_add_units(owed, rating->usage.fees, (struct decimal){DECIMAL_SCALE});
		return;
	}
	if (charge->tiers_len > 0)
		add_each_tier(rating, true, owed);
	else
		owed_add_units(owed, rating->billable, percent(charge->rate));
	if (is_given(charge->fixed_amount))
		owed->flat_amount +=
		    minor_of(charge->fixed_amount) * minor_of(rating->usage.transactions);
}

static void (*const rate_table[CHARGE_MODEL_MAX])(struct rating *, struct owed *) = {
    [CHARGE_FLAT] = rate_flat,
    [CHARGE_PER_UNIT] = rate_per_unit,
    [CHARGE_GRADUATED] = rate_graduated,
    [CHARGE_VOLUME] = rate_volume,
    [CHARGE_PACKAGE] = rate_package,
    [CHARGE_PERCENTAGE] = rate_percentage,
};

/* ---- Sums and rounding. */

/* All of it as one number of 24 places.  Prices are at most 2^180, packages 2^193; and fees of
 * transactions, which are never prorated, 2^206. */
static struct wide
owed_sum(const struct owed *owed)
{
	return wide_add(owed->prices, wide_product(owed->flat_amount, SQUARE));
}

/* As a decimal, cut off; none when it is out of range. */
static struct decimal
sum_exact(struct wide sum)
{
	uint128 units;

	if (!wide_narrow(wide_divide(sum, DECIMAL_SCALE, NULL), &units) || units >= UNITS_END)
		return DECIMAL_NONE;
	return (struct decimal){(int128)units};
}

/* ${sum} times ${fraction} in whole minor units, half of one up: twice the numerator and once the
 * divisor, divided by twice the divisor, in three steps.  False when it does not fit. */
static bool
sum_round(struct wide sum, struct fraction fraction, int64_t *ret_amount)
{
	struct wide half = wide_times(wide_product(SQUARE, 1), (uint64_t)fraction.whole);
	struct wide rest = wide_add(wide_times(sum, 2 * (uint64_t)fraction.part), half);
	uint128 amount;

	rest = wide_divide(rest, 2 * (uint64_t)DECIMAL_SCALE, NULL);
	rest = wide_divide(rest, DECIMAL_SCALE, NULL);
	rest = wide_divide(rest, (uint64_t)fraction.whole, NULL);
	if (!wide_narrow(rest, &amount) || amount > INT64_MAX)
		return false;
	*ret_amount = (int64_t)amount;
	return true;
}

/* ${amount} times ${fraction}, rounded likewise; never more than ${amount}. */
static int64_t
amount_round(int64_t amount, struct fraction fraction)
{
	uint128 twice = 2 * minor_of(amount) * minor_of(fraction.part);
	uint128 whole = minor_of(fraction.whole);

	return (int64_t)((twice + whole) / (2 * whole));
}

/* What the period's bounds add to the amount, or take off.  Both are rounded alike, so that the
 * least is never above the most. */
static void
rate_bounds(struct rating *rating)
{
	const struct charge *charge = rating->charge;

	if (is_given(charge->min_amount)) {
		int64_t least = amount_round(charge->min_amount, rating->min_fraction);

		rating->minimum = least > rating->amount ? least - rating->amount : 0;
	}
	/* No time bounds nothing: what was used in it is owed. */
	if (is_given(charge->max_amount) && rating->max_fraction.part > 0) {
		int64_t most = amount_round(charge->max_amount, rating->max_fraction);

		rating->maximum = most < rating->amount ? rating->amount - most : 0;
	}
}

/* Field by field: to clear all of the tiers would take longer than to rate. */
static void
rating_begin(const struct charge *charge, const struct usage *usage, struct rating *ret_rating)
{
	ret_rating->charge = charge;
	ret_rating->usage = *usage;
	ret_rating->billable = less_free(usage->quantity, charge->free_units);
	ret_rating->packages = 0;
	ret_rating->fraction = FRACTION_WHOLE;
	ret_rating->line = false;
	ret_rating->amount = 0;
	ret_rating->minimum = 0;
	ret_rating->maximum = 0;
	ret_rating->tiers_len = 0;
}

static bool
fraction_is_valid(struct fraction fraction)
{
	return fraction.whole > 0 && fraction.whole <= FRACTION_WHOLE_MAX && fraction.part >= 0 &&
	       fraction.part <= fraction.whole;
}

static bool
fraction_equal(struct fraction a, struct fraction b)
{
	return a.part == b.part && a.whole == b.whole;
}

enum refusal
rating_compute(const struct charge *charge, const struct usage *usage, struct fraction fraction,
    struct fraction max_fraction, struct rating *ret_rating)
{
	enum charge_model model = charge_model_from(charge->model);
	bool advance = charge_billing_from(charge->billing) == CHARGE_ADVANCE;
	struct owed owed = {.flat_amount = 0};
	struct wide sum;

	CHECK(fraction_is_valid(fraction) && fraction_is_valid(max_fraction));
	CHECK(fraction.part == 0 || fraction_equal(fraction, max_fraction));
	CHECK(usage->quantity.units >= 0 && usage->transactions >= 0 && usage->fees.units >= 0);
	CHECK(charge->tiers_len <= CHARGE_TIERS_MAX);

	rating_begin(charge, usage, ret_rating);
	ret_rating->min_fraction = fraction;
	ret_rating->max_fraction = max_fraction;
	if (advance || model == CHARGE_FLAT)
		ret_rating->fraction = fraction;
	rate_table[model](ret_rating, &owed);
	sum = owed_sum(&owed);
	ret_rating->exact = sum_exact(sum);
	if (!sum_round(sum, ret_rating->fraction, &ret_rating->amount))
		return REFUSAL_AMOUNT_OUT_OF_RANGE;
	if (!decimal_is_zero(ret_rating->billable) || ret_rating->exact.units != 0)
		ret_rating->line = true;
	rate_bounds(ret_rating);
	return REFUSAL_NONE;
}

void
rating_copy(const struct rating *rating, struct rating *ret_rating)
{
	CHECK(rating->tiers_len <= CHARGE_TIERS_MAX);
	memcpy(ret_rating, rating,
	    offsetof(struct rating, tiers) + rating->tiers_len * sizeof(rating->tiers[0]));
}

/* ---- Transactions that are bounded one by one. */

/* The units of one transaction's fee, ${left} being what is not free of it; UNITS_END and more for
 * what no decimal has. */
static uint128
fee_compute(const struct charge *charge, struct decimal left)
{
	struct wide product = wide_product(units_of(left), units_of(decimal_or_zero(charge->rate)));
	uint128 fee;

	product = wide_divide(product, PERCENT * (uint64_t)DECIMAL_SCALE, NULL);
	if (!wide_narrow(product, &fee) || fee > UNITS_END)
		fee = UNITS_END;
	if (is_given(charge->fixed_amount))
		fee += minor_of(charge->fixed_amount) * SCALE;
	if (is_given(charge->transaction_min_amount) &&
	    fee < minor_of(charge->transaction_min_amount) * SCALE)
		fee = minor_of(charge->transaction_min_amount) * SCALE;
	if (is_given(charge->transaction_max_amount) &&
	    fee > minor_of(charge->transaction_max_amount) * SCALE)
		fee = minor_of(charge->transaction_max_amount) * SCALE;
	return fee;
}

/* False, untouched, when the sum is beyond a decimal.  Neither comes near 2^127. */
static bool
decimal_grow(struct decimal decimal, uint128 more, struct decimal *ret_sum)
{
	uint128 sum = units_of(decimal) + more;

	if (sum >= UNITS_END)
		return false;
	ret_sum->units = (int128)sum;
	return true;
}

enum refusal
rating_transaction(const struct charge *charge, const struct usage *usage, struct decimal base,
    struct usage *ret_usage)
{
	struct decimal free_left = less_free(decimal_or_zero(charge->free_units), usage->quantity);
	struct usage after = *usage;

	CHECK(charge_billing_from(charge->billing) == CHARGE_ARREARS);

	if (!decimal_grow(usage->quantity, units_of(base), &after.quantity) ||
	    __builtin_add_overflow(usage->transactions, 1, &after.transactions))
		return REFUSAL_AMOUNT_OUT_OF_RANGE;
	if (bounds_transactions(charge) &&
	    !decimal_grow(
		usage->fees, fee_compute(charge, less_free(base, free_left)), &after.fees))
		return REFUSAL_AMOUNT_OUT_OF_RANGE;
	*ret_usage = after;
	return REFUSAL_NONE;
}
