#ifndef COMMON_DOMAIN_WIDE_H
#define COMMON_DOMAIN_WIDE_H

/*
 * Whole numbers from 0 to 2^256 - 1, in which a line is computed before it is rounded.  Pure.
 *
 * Room enough: a price and a quantity (struct decimal) have 90 bits each, an amount or a count 63,
 * the square of a decimal's scale 80 and a fraction's part 41.  What is computed of them has at
 * most 235 bits.  So running over is a bug, and a CHECK.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/base/check.h"
#include "common/base/decimal.h"

#define WIDE_LIMBS 4

struct wide {
	uint64_t limbs[WIDE_LIMBS]; /* the least first */
};

#define WIDE_ZERO ((struct wide){{0}})

/**
 * wide_product(a, b):
 * ${a} times ${b}, which always has room.
 */
NODISCARD struct wide wide_product(uint128 a, uint128 b);

/**
 * wide_add(a, b), wide_times(wide, factor):
 * The sum and the product; CHECKed to have room.
 */
NODISCARD struct wide wide_add(struct wide a, struct wide b);
NODISCARD struct wide wide_times(struct wide wide, uint64_t factor);

/**
 * wide_divide(wide, divisor, ret_remainder):
 * ${wide} divided by ${divisor}, which is not 0, cut off; and what is left over, unless
 * ${ret_remainder} is NULL.
 */
NODISCARD struct wide wide_divide(struct wide wide, uint64_t divisor, uint64_t *ret_remainder);

/**
 * wide_narrow(wide, ret_value):
 * The same number in 128 bits.  False, untouched, when it does not fit.
 */
NODISCARD bool wide_narrow(struct wide wide, uint128 *ret_value);

#endif
