#ifndef COMMON_DOMAIN_PRORATION_H
#define COMMON_DOMAIN_PRORATION_H

/*
 * Proration: which fraction of a period's price a part of it costs (billing-rules: "Periods",
 * "Subscriptions").  Pure.
 */

#include "common/domain/calendar.h"
#include "common/domain/rating.h"

/* The organisation's setting `proration`. */
enum proration {
	PRORATION_SECOND, /* whole seconds */
	PRORATION_DAY,    /* whole local days, the day on which the part begins included */
	PRORATION_NONE,   /* nothing is prorated */
	PRORATION_MAX,
};

/**
 * proration_name(proration), proration_from(name, ret_proration):
 * "second", "day", "none"; and back, false (untouched) for any other name.
 */
NODISCARD struct str proration_name(enum proration proration);
NODISCARD bool proration_from(struct str name, enum proration *ret_proration);

/**
 * proration_fraction(proration, zone, natural, part):
 * What ${part} is of the ${natural} period that it lies in (CHECKed).  By the second: their
 * lengths. By the day: their local days in ${zone}, each counted from the day it begins on up to,
 * and without, the day it ends on; by the second when the natural period begins and ends on one
 * day.  None: a part that begins inside costs nothing, as Stripe bills no period before an anchor
 * then; one that is cut at its end costs the whole.  The used and the unused part of a period
 * make 1.
 */
NODISCARD struct fraction proration_fraction(
    enum proration proration, const struct zone *zone, struct period natural, struct period part);

/**
 * proration_max_fraction(proration, zone, natural, part):
 * What of a period's max_amount bounds ${part}: its proration_fraction.  But time that costs
 * nothing may be used all the same, and so has a maximum: where the fraction of a part with a
 * length is 0, it is the whole if nothing is prorated, and by the second if it has no day.  Of no
 * length: 0.
 */
NODISCARD struct fraction proration_max_fraction(
    enum proration proration, const struct zone *zone, struct period natural, struct period part);

#endif
