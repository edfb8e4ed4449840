/* How a subscription ends: at once, at its period's end, and how that is taken back. */
#include "common/domain/lifecycle_internal.h"

/* The moment in its current period up to which it was used, at ${at}: it stands still while it is
 * paused, and a parked one at its period's end. */
static struct instant
used_until(const struct subscription *subscription, struct instant at)
{
	struct instant until =
	    instant_is_none(subscription->paused_at) ? at : subscription->paused_at;

	return until.s < subscription->current_period_end.s ? until
							    : subscription->current_period_end;
}

/* Whether its time costs anything: not before it began, nor in a trial. */
static bool
is_charged(const struct subscription *subscription)
{
	enum subscription_status status = subscription_status_from(subscription->status);

	if (status == SUBSCRIPTION_PAUSED)
		return !lifecycle_was_in_trial(subscription);
	return status == SUBSCRIPTION_ACTIVE || status == SUBSCRIPTION_PAST_DUE;
}

/* What is still to be charged for, and what was charged for and is not used. */
static enum refusal
final_lines(const struct subscription *subscription, const struct terms *terms,
    struct instant until, bool credit_unused, struct bill *bill)
{
	struct period unused = {until, subscription->current_period_end};
	bool inside = unused.start.s < unused.end.s;
	enum refusal refusal;

	refusal = lifecycle_add_arrears(subscription, terms, until, inside, bill);
	if (refusal != REFUSAL_NONE || !credit_unused || !inside)
		return refusal;
	return lifecycle_add_advance(subscription, terms->version, terms, unused,
	    (struct lifecycle_flags){.credit = true, .proration = true}, bill);
}

enum refusal
lifecycle_finish(struct step *step, const struct subscription *subscription,
    const struct terms *terms, enum subscription_status to, bool credit_unused, struct bill *bill)
{
	struct subscription *after = &step->after;
	struct instant until = used_until(subscription, step->at);
	struct period period = {subscription->current_period_start, until};
	bool canceled = to == SUBSCRIPTION_CANCELED;

	if (is_charged(subscription)) {
		enum refusal refusal = final_lines(subscription, terms, until, credit_unused, bill);

		if (refusal != REFUSAL_NONE)
			return refusal;
		/* An invoice's period has a length. */
		if (period.start.s >= period.end.s)
			period = lifecycle_natural(subscription);
		lifecycle_bills(step, bill,
		    canceled ? STR("subscription_cancel") : STR("subscription_end"), period, false);
	}
	step->event = canceled ? LIFECYCLE_CANCELED : LIFECYCLE_EXPIRED;
	step->turns_period = true;
	lifecycle_move(after, to);
	if (canceled && instant_is_none(after->canceled_at))
		after->canceled_at = step->at;
	after->ended_at = step->at;
	after->paused_at = INSTANT_NONE;
	after->pending_plan_id = UUID_NIL;
	after->pending_version_id = UUID_NIL;
	after->pending_quantity = QUANTITY_NONE;
	return REFUSAL_NONE;
}

/* Note the wish; the first one keeps its date. */
static void
cancel_later(const struct subscription *subscription, struct instant now, struct step *step)
{
	lifecycle_begin(step, subscription, LIFECYCLE_UPDATED, now);
	if (!subscription->cancel_at_period_end)
		step->after.canceled_at = now;
	step->after.cancel_at_period_end = true;
	lifecycle_settle(step);
}

enum refusal
lifecycle_cancel(const struct subscription *subscription, enum lifecycle_effective effective,
    bool credit_unused, const struct terms *terms, struct instant now, struct step *step,
    struct bill *bill)
{
	enum subscription_status status = subscription_status_from(subscription->status);
	enum refusal refusal;

	bill_init(bill);
	if (!subscription_transition_allowed(status, SUBSCRIPTION_CANCELED))
		return REFUSAL_SUBSCRIPTION_FINAL;
	if (effective == LIFECYCLE_PERIOD_END && status != SUBSCRIPTION_SCHEDULED &&
	    status != SUBSCRIPTION_PAUSED) {
		cancel_later(subscription, now, step);
		return REFUSAL_NONE;
	}

	lifecycle_begin(step, subscription, LIFECYCLE_CANCELED, now);
	step->after.cancel_at_period_end = false;
	step->after.canceled_at = now;
	refusal =
	    lifecycle_finish(step, subscription, terms, SUBSCRIPTION_CANCELED, credit_unused, bill);
	if (refusal == REFUSAL_NONE)
		lifecycle_settle(step);
	return refusal;
}

enum refusal
lifecycle_uncancel(const struct subscription *subscription, struct instant now, struct step *step)
{
	if (!subscription_is_live(subscription))
		return REFUSAL_SUBSCRIPTION_FINAL;
	if (!subscription->cancel_at_period_end)
		return REFUSAL_NOT_CANCELING;

	lifecycle_begin(step, subscription, LIFECYCLE_UPDATED, now);
	step->after.cancel_at_period_end = false;
	step->after.canceled_at = INSTANT_NONE;
	lifecycle_settle(step);
	return REFUSAL_NONE;
}
