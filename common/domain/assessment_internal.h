#ifndef COMMON_DOMAIN_ASSESSMENT_INTERNAL_H
#define COMMON_DOMAIN_ASSESSMENT_INTERNAL_H

/*
 * What the files assessment*.c share: sums, percentages, and how an amount is spread over lines.
 * For these files alone.
 */

#include "common/domain/assessment.h"
#include "common/domain/split.h"

#define ASSESSMENT_MILLION 1000000 /* percentages are computed as so many parts of a million */

/* Some lines of a bill, in its order, and each one's exact part of what is spread over them. */
struct assessment_spread {
	size_t len;
	struct bill_line *lines[BILL_LINES_MAX];
	struct split_part parts[BILL_LINES_MAX];
};

/**
 * assessment_spread(spread, ret_total, ret_shares):
 * Round the sum of the parts, and spread it over the charges; a charge's share is spread over its
 * line and its bound's then, by what is left of them.  False when something does not fit.
 */
NODISCARD bool assessment_spread(
    const struct assessment_spread *spread, int64_t *ret_total, int64_t *ret_shares);

/**
 * assessment_millionths(percentage):
 * ${percentage}, which has at most four places, in parts of a million.
 */
NODISCARD int64_t assessment_millionths(struct decimal percentage);

/**
 * assessment_sum(sum, amount):
 * Add to a sum, which can be negated, as it may become a credit.  False, of no use, when it would
 * not fit.
 */
NODISCARD bool assessment_sum(int64_t *sum, int64_t amount);

/**
 * assessment_left(line):
 * What discounts leave of it: never more than the amount, nor of the other sign.
 */
NODISCARD int64_t assessment_left(const struct bill_line *line);

/**
 * assessment_discount(step, bill, discounts):
 * Take the discounts of ${step} off, and let it have them in ${discounts} as they are behind that.
 * False when an amount does not fit.
 */
NODISCARD bool assessment_discount(
    struct step *step, struct bill *bill, struct discount discounts[DISCOUNTS_MAX]);

/**
 * assessment_tax(assessment, step, bill):
 * Add the taxes, unless the customer is exempt.  Refused as assess.
 */
NODISCARD enum refusal assessment_tax(
    const struct assessment *assessment, const struct step *step, struct bill *bill);

#endif
