#ifndef COMMON_DOMAIN_SPLIT_H
#define COMMON_DOMAIN_SPLIT_H

/*
 * Splitting: amounts over lines, so that the parts always add up to the whole (billing-rules:
 * "Money and rounding"): largest remainder, ties to the earlier.  Pure.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/check.h"
#include "common/base/decimal.h"

#define SPLIT_PARTS_MAX 256 /* of one split */
/* That differ, of the parts of one split: any four, or eight below 2^31. */
#define SPLIT_DENOMINATORS_MAX 8

/* An exact part: numerator / denominator, either sign; 1 <= denominator <= INT64_MAX,
 * |numerator| < 2^126. */
struct split_part {
	int128 numerator;
	int64_t denominator;
};

/**
 * split_round(parts, len, ret_total, ret_shares):
 * The sum of all ${parts} (up to SPLIT_PARTS_MAX), rounded once, half away from zero, and each
 * one's share of it: cut off towards minus infinity, and what is then missing given one by one to
 * those with the largest remainder, of equal ones to the earlier.  A sum below 0 is split as its
 * opposite, and so is one of 0 whose first part is below it: of opposite parts, total and shares
 * are opposite.  A share differs from its part by less than 1, and has its sign or is 0.
 *
 * False, both of no use, when the sum or a share is beyond INT64_MAX, to either side, or more than
 * SPLIT_DENOMINATORS_MAX denominators above 1 differ (numbers that are whole by themselves don't
 * count).  With no parts the total is 0.
 */
NODISCARD bool split_round(
    const struct split_part *parts, size_t len, int64_t *ret_total, int64_t *ret_shares);

/**
 * split_amount(amount, weights, len, ret_shares):
 * ${amount} over ${len} (from 1) lines in proportion to ${weights}, whose sum is not 0: shares are
 * of the sign of amount * weight / sum.  False, of no use, when the amount, the sum of the weights
 * or a share is beyond INT64_MAX, to either side.
 */
NODISCARD bool split_amount(
    int64_t amount, const int64_t *weights, size_t len, int64_t *ret_shares);

#endif
