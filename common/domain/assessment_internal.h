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
 * Round the sum of the parts, none of which is more than what is left of its line, and spread it
 * over the charges; a charge's share is spread over its line and its bound's then, by what is left
 * of them.
 */
void assessment_spread(
    const struct assessment_spread *spread, int64_t *ret_total, int64_t *ret_shares);

/**
 * assessment_millionths(percentage):
 * ${percentage}, which has at most four places, in parts of a million.
 */
NODISCARD int64_t assessment_millionths(struct decimal percentage);

/**
 * assessment_has_room(bill):
 * Whether all lines and taxes that ${bill} has, whatever their signs, fit together: then so does
 * every sum of parts of them, and its opposite, here, in the journal, in credit notes, and in the
 * database's own checks.
 */
NODISCARD bool assessment_has_room(const struct bill *bill);

/**
 * assessment_left(line):
 * What discounts leave of it: never more than the amount, nor of the other sign.
 */
NODISCARD int64_t assessment_left(const struct bill_line *line);

/**
 * assessment_discount(step, bill, discounts):
 * Take the discounts of ${step} off the lines, which have room, and let it have them in
 * ${discounts} as they are behind that.
 */
void assessment_discount(
    struct step *step, struct bill *bill, struct discount discounts[DISCOUNTS_MAX]);

/**
 * assessment_tax(assessment, step, bill):
 * Add the taxes of lines that have room, unless the customer is exempt.  Refused as assess.
 */
NODISCARD enum refusal assessment_tax(
    const struct assessment *assessment, const struct step *step, struct bill *bill);

#endif
