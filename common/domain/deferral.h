#ifndef COMMON_DOMAIN_DEFERRAL_H
#define COMMON_DOMAIN_DEFERRAL_H

/*
 * Deferral: what is charged in advance is earned as time goes, evenly by the second, up to the end
 * of the period that it was charged for.  Each step of a subscription's life earns what was due up
 * to it, so that what is deferred and what was earned are always all that was charged.  Pure.
 */

#include "common/domain/earnings.h"
#include "common/domain/invoice.h"
#include "common/domain/lifecycle.h"

/**
 * deferral_release(subscription, at):
 * What ${subscription} has earned of what was deferred, at ${at}: all from deferred_until on, 0 up
 * to deferred_from, in proportion to the seconds between; half away from zero.  While it is paused,
 * as it was when it was.
 */
NODISCARD int64_t deferral_release(const struct subscription *subscription, struct instant at);

/**
 * deferral_step(before, step, earnings):
 * Set the deferral of step->after: what ${before} (NULL: it is new) had, less what it has earned up
 * to the step, and ${earnings} of the step's bill (zeros without one) for the time from the step to
 * the end of the current period.  One that ends has earned the rest; a resumed one's time goes on
 * from then, and what its end_at takes off of that is earned.  One that begins another period, be
 * it before the last one's end, has earned the rest, too: a change to another interval is a
 * contract of its own, at its own price (ASC 606-10-25-12), and what it does not give back of the
 * old period is forfeited with that (606-10-55-48).  A step that only notes something changes
 * nothing.  It is never below 0, nor more than fits: what would be is taken from, or given to, what
 * was earned, in ${earnings}, whose sum stays. due_at is then what it is by that.  What was earned
 * by time: for journal_revenue.
 */
NODISCARD int64_t deferral_step(
    const struct subscription *before, struct step *step, struct earnings *earnings);

/**
 * deferral_take(subscription, line, net, at):
 * Of ${net} (minor units, of a line's amount without taxes) that is taken back of ${line} at ${at}:
 * how much was not earned yet, and comes out of what is deferred; the rest comes out of revenue.
 * In proportion to what of the line's period lies behind ${at}, where pauses have moved it to, and
 * at most what ${subscription} has deferred.  0 when that is NULL, has ended, or the line is not
 * deferred or for a period that is over, be it by a change.  To
 * lower what is deferred is the caller's, before the next line.
 */
NODISCARD int64_t deferral_take(const struct subscription *subscription,
    const struct invoice_line *line, int64_t net, struct instant at);

#endif
