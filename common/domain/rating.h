#ifndef COMMON_DOMAIN_RATING_H
#define COMMON_DOMAIN_RATING_H

/*
 * Rating: what one charge comes to for a quantity and a part of a period (billing-rules: "Charges",
 * "Money and rounding").  Exact to the end, and rounded once there, half away from zero.  Keeps how
 * it was computed, so that an invoice's line can tell.  Pure.
 */

#include "common/base/decimal.h"
#include "common/domain/charge.h"
#include "common/domain/refusal.h"

#define FRACTION_WHOLE_MAX (INT64_C(1) << 40) /* more seconds than calendars have */

/* A part of a whole, 0 <= part <= whole, 1 <= whole <= FRACTION_WHOLE_MAX: seconds, or days. */
struct fraction {
	int64_t part;
	int64_t whole;
};

#define FRACTION_WHOLE ((struct fraction){1, 1})

/* What was used of a charge. */
struct usage {
	struct decimal quantity; /* units; of a percentage: the base, in minor units */
	int64_t transactions;    /* of a percentage: how many made up the base */
	struct decimal fees; /* of a percentage with bounds for each transaction: the sum of their
				fees, as rating_transaction gave them; else 0 */
};

/* What one tier came to. */
struct rated_tier {
	int64_t above, up_to;       /* units: above this, up to that (AMOUNT_NONE: without end) */
	struct decimal quantity;    /* of the units that fell in it */
	struct decimal unit_amount; /* minor units; of a percentage: its rate / 100 */
	int64_t flat_amount;        /* minor units */
};

/* How a charge was rated. */
struct rating {
	const struct charge *charge;
	struct usage usage;
	struct decimal billable;  /* the quantity less free units */
	int64_t packages;         /* of a package charge; else 0 */
	struct fraction fraction; /* that prices were multiplied by; FRACTION_WHOLE where the charge
				     is not prorated */
	struct decimal exact; /* before the fraction, cut off at 12 places: for the reader.  None
				 when it is out of a decimal's range */
	bool line;            /* whether it makes a line */
	int64_t amount;       /* minor units, rounded; 0 without a line */
	int64_t minimum;      /* minor units that min_amount adds, as a line of its own; or 0 */
	int64_t maximum;      /* minor units that max_amount takes off, likewise; or 0 */
	struct fraction min_fraction; /* that min_amount was multiplied by */
	struct fraction max_fraction; /* likewise max_amount; of part 0: there is no maximum */
	size_t tiers_len;             /* tiers that have a part in it; of a volume charge the one */
	struct rated_tier tiers[CHARGE_TIERS_MAX]; /* those behind tiers_len are not written */
};

/**
 * rating_compute(charge, usage, fraction, max_fraction, ret_rating):
 * Rate ${charge}, which charge_check found good, for ${usage} in ${fraction} of a period.  Charges
 * in advance are prorated as a whole.  Of charges in arrears only what time alone makes is: a flat
 * amount and min_amount; a reported quantity is what was used, in whatever part.  max_amount is
 * prorated by ${max_fraction}, which is ${fraction} where that is above 0 (CHECKed), so that the
 * least is never above the most.  Where it is 0, time that costs nothing has a maximum all the
 * same, by a ${max_fraction} of its own; no time has none, by one of 0.
 *
 * A flat charge always makes a line.  So does one with tiers: of no units it owes the first tier's
 * flat_amount, even when that is 0.  The others make one when units are left to be billed, or
 * transactions make a fee.  Where a charge makes no line, its min_amount is still owed.
 *
 * Refused, ${ret_rating} of no use: AMOUNT_OUT_OF_RANGE, when the amount does not fit 64 bits.
 */
NODISCARD enum refusal rating_compute(const struct charge *charge, const struct usage *usage,
    struct fraction fraction, struct fraction max_fraction, struct rating *ret_rating);

/**
 * rating_copy(rating, ret_rating):
 * Copy ${rating} with those tiers that it has, which is much less than all of the struct.
 */
void rating_copy(const struct rating *rating, struct rating *ret_rating);

/**
 * rating_transaction(charge, usage, base, ret_usage):
 * Add one transaction over ${base} to the ${usage} of a charge in arrears: the quantity grows by
 * it, transactions by one and, where the charge bounds single transactions, fees by its fee: rate
 * of what free units leave of it, and fixed_amount, within the bounds; cut off at 12 places.  Free
 * units are used up by the transactions that come first; one that they cover altogether owes its
 * fixed_amount all the same.  ${usage} and ${ret_usage} may be the same.  Refused, untouched:
 * AMOUNT_OUT_OF_RANGE, when the quantity or the fees are beyond a decimal.
 */
NODISCARD enum refusal rating_transaction(const struct charge *charge, const struct usage *usage,
    struct decimal base, struct usage *ret_usage);

#endif
