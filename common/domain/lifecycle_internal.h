#ifndef COMMON_DOMAIN_LIFECYCLE_INTERNAL_H
#define COMMON_DOMAIN_LIFECYCLE_INTERNAL_H

/*
 * What the files lifecycle*.c share: how a step begins and ends, how periods follow each other, and
 * what a part of a period is billed by.  For these files alone.
 *
 * What holds between steps: the natural period [natural_start, natural_end) contains the current
 * one, which ends with it or, earlier, at end_at; the next one begins where the natural one ends.
 */

#include "common/domain/lifecycle.h"

/**
 * lifecycle_begin(step, subscription, event, at):
 * ${step} is ${event} at ${at}, changes nothing yet and bills nothing; a note of what could not be
 * billed is taken away.
 */
void lifecycle_begin(struct step *step, const struct subscription *subscription,
    enum lifecycle_event event, struct instant at);

/**
 * lifecycle_settle(step):
 * The last touch: when the next thing falls due.
 */
void lifecycle_settle(struct step *step);

/**
 * lifecycle_bills(step, bill, reason, period, always):
 * Have ${bill} issued for ${reason} and ${period}; without ${always} only if it has lines.
 */
void lifecycle_bills(struct step *step, const struct bill *bill, struct str reason,
    struct period period, bool always);

/**
 * lifecycle_move(subscription, to):
 * Change the status; an arrow that the table lacks is a bug.
 */
void lifecycle_move(struct subscription *subscription, enum subscription_status to);

/**
 * lifecycle_take(subscription, version, quantity):
 * Put it on ${version} with ${quantity}; nothing is pending any more.
 */
void lifecycle_take(
    struct subscription *subscription, const struct plan_version *version, int64_t quantity);

/**
 * lifecycle_cadence_differs(a, b), lifecycle_anchor_possible(subscription, version):
 * Whether the versions' periods are of different length; whether ${subscription}'s anchoring can be
 * that of
 * ${version}'s periods.
 */
NODISCARD bool lifecycle_cadence_differs(
    const struct plan_version *a, const struct plan_version *b);
NODISCARD bool lifecycle_anchor_possible(
    const struct subscription *subscription, const struct plan_version *version);

/**
 * lifecycle_place_at(subscription, version, zone, at):
 * Its period begins at ${at}, as its anchoring and the cadence of ${version} have it.  False,
 * untouched, when that is out of range.
 */
NODISCARD bool lifecycle_place_at(struct subscription *subscription,
    const struct plan_version *version, const struct zone *zone, struct instant at);

/**
 * lifecycle_clipped_day(subscription, version, zone):
 * The day of the month that its natural_end, the end of a period of ${version}, stands in for, as
 * calendar_clipped_day has it.
 */
NODISCARD int32_t lifecycle_clipped_day(const struct subscription *subscription,
    const struct plan_version *version, const struct zone *zone);

/**
 * lifecycle_place_after(subscription, version, zone, clipped_day):
 * The periods behind its natural_end are anchored anew, there or on the calendar.  So that no short
 * month moves the anchor, a day that the end in whose place this one comes stood in for
 * (${clipped_day}; 0: none) stays the anchor's where this one stands in for it, too.  False,
 * untouched, when they are out of range.
 */
NODISCARD bool lifecycle_place_after(struct subscription *subscription,
    const struct plan_version *version, const struct zone *zone, int32_t clipped_day);

/**
 * lifecycle_next_period(subscription, version, zone):
 * Its next period begins, at natural_end.  False, untouched, when that ends out of range.
 */
NODISCARD bool lifecycle_next_period(
    struct subscription *subscription, const struct plan_version *version, const struct zone *zone);

/**
 * lifecycle_current(subscription), lifecycle_natural(subscription):
 * Its current period, and the natural one that this lies in.
 */
NODISCARD struct period lifecycle_current(const struct subscription *subscription);
NODISCARD struct period lifecycle_natural(const struct subscription *subscription);

/**
 * lifecycle_was_in_trial(subscription):
 * Of one that is paused: whether it was paused in its trial.
 */
NODISCARD bool lifecycle_was_in_trial(const struct subscription *subscription);

/* Of which kind lines are: as struct bill_part has them. */
struct lifecycle_flags {
	bool credit;
	bool proration;
};

/**
 * lifecycle_add_advance(subscription, version, terms, part, flags, bill):
 * Add the charges of ${version} in advance for ${part} of ${subscription}'s natural period.
 */
NODISCARD enum refusal lifecycle_add_advance(const struct subscription *subscription,
    const struct plan_version *version, const struct terms *terms, struct period part,
    struct lifecycle_flags flags, struct bill *bill);

/**
 * lifecycle_add_arrears(subscription, terms, until, proration, bill):
 * Add the charges in arrears for the current period up to ${until}.  An empty part has those alone
 * that something was reported for.
 */
NODISCARD enum refusal lifecycle_add_arrears(const struct subscription *subscription,
    const struct terms *terms, struct instant until, bool proration, struct bill *bill);

/**
 * lifecycle_finish(step, subscription, terms, to, credit_unused, bill):
 * ${subscription} ends at step->at as ${to}, canceled or expired: what is left is billed.
 */
NODISCARD enum refusal lifecycle_finish(struct step *step, const struct subscription *subscription,
    const struct terms *terms, enum subscription_status to, bool credit_unused, struct bill *bill);

/**
 * lifecycle_enter_period(step, terms, bill):
 * What step->after has pending takes effect, its next period begins and is billed in advance.
 */
NODISCARD enum refusal lifecycle_enter_period(
    struct step *step, const struct terms *terms, struct bill *bill);

#endif
