#ifndef COMMON_DOMAIN_EARNINGS_H
#define COMMON_DOMAIN_EARNINGS_H

/*
 * Earnings: what a bill brings in, at once and over time.  What becomes of the second part is
 * deferral.h's.  Pure.
 */

#include "common/domain/bill.h"
#include "common/domain/lifecycle.h"

/* What of a document's lines is earned when it is issued, and what over time; minor units, without
 * taxes and discounts. */
struct earnings {
	int64_t earned;
	int64_t deferred;
};

/**
 * earnings_of_bill(bill, step):
 * Of the assessed bill of ${step}, whose lines have room together, whatever their signs: charges in
 * advance are deferred, all else is earned.  What is given back of a period that the step ends and
 * another follows comes out of what was earned, as all of it is with the step (deferral_step).
 * Both together are its total without taxes.
 */
NODISCARD struct earnings earnings_of_bill(const struct bill *bill, const struct step *step);

#endif
