/* A subscription stands still for a while, and goes on with what was left of its period. */
#include "common/domain/lifecycle_internal.h"

enum refusal
lifecycle_pause(const struct subscription *subscription, struct instant now, struct step *step)
{
	enum subscription_status status = subscription_status_from(subscription->status);

	if (!subscription_is_live(subscription))
		return REFUSAL_SUBSCRIPTION_FINAL;
	if (!subscription_transition_allowed(status, SUBSCRIPTION_PAUSED))
		return REFUSAL_SUBSCRIPTION_STATE;

	lifecycle_begin(step, subscription, LIFECYCLE_PAUSED, now);
	lifecycle_move(&step->after, SUBSCRIPTION_PAUSED);
	step->after.paused_at = now;
	lifecycle_settle(step);
	return REFUSAL_NONE;
}

/* Move the period, and the natural one that it lies in, by as long as it stood still; what comes
 * behind them is anchored anew, but for a day of the month that was not to be had. */
static bool
periods_move(struct subscription *subscription, const struct terms *terms, int64_t pause_s)
{
	int32_t clipped_day = lifecycle_clipped_day(subscription, terms->version, terms->zone);

	if (pause_s == 0)
		return true;
	subscription->natural_start.s += pause_s;
	subscription->natural_end.s += pause_s;
	subscription->period_moved_s += pause_s;
	subscription->current_period_start.s += pause_s;
	subscription->current_period_end = subscription->natural_end;
	/* It was paused before its end, and is resumed before it: the period keeps a length. */
	if (!instant_is_none(subscription->end_at) &&
	    subscription->end_at.s < subscription->natural_end.s)
		subscription->current_period_end = subscription->end_at;
	return instant_is_valid(subscription->natural_end) &&
	       lifecycle_place_after(subscription, terms->version, terms->zone, clipped_day);
}

/* The trial was over when it was paused; the first period begins now. */
static enum refusal
first_period(struct step *step, const struct terms *terms, struct bill *bill)
{
	struct subscription *after = &step->after;

	after->trial_end = after->paused_at;
	after->natural_end = step->at;
	if (!lifecycle_place_after(after, terms->version, terms->zone, 0))
		return REFUSAL_TIME_OUT_OF_RANGE;
	return lifecycle_enter_period(step, terms, bill);
}

/* What was paused is active again: with what was left of its period, or in its first one. */
static enum refusal
go_on(struct step *step, const struct subscription *subscription, const struct terms *terms,
    struct bill *bill)
{
	struct subscription *after = &step->after;
	enum refusal refusal = REFUSAL_NONE;

	lifecycle_move(after, SUBSCRIPTION_ACTIVE);
	if (lifecycle_was_in_trial(subscription))
		refusal = first_period(step, terms, bill);
	else if (!periods_move(after, terms, step->at.s - subscription->paused_at.s))
		refusal = REFUSAL_TIME_OUT_OF_RANGE;
	after->paused_at = INSTANT_NONE;
	return refusal;
}

enum refusal
lifecycle_resume(const struct subscription *subscription, const struct terms *terms,
    struct instant now, struct step *step, struct bill *bill)
{
	enum refusal refusal;

	bill_init(bill);
	if (!subscription_is_live(subscription))
		return REFUSAL_SUBSCRIPTION_FINAL;
	if (subscription_status_from(subscription->status) != SUBSCRIPTION_PAUSED)
		return REFUSAL_SUBSCRIPTION_STATE;
	CHECK(subscription->paused_at.s <= now.s);
	/* It was over while it was paused, and could not be billed: there is nothing to go on with.
	 */
	if (!instant_is_none(subscription->end_at) && now.s >= subscription->end_at.s)
		return REFUSAL_SUBSCRIPTION_STATE;

	lifecycle_begin(step, subscription, LIFECYCLE_RESUMED, now);
	/* Its trial was over when it was paused, and that was to be its end. */
	if (subscription->cancel_at_period_end && lifecycle_was_in_trial(subscription))
		refusal =
		    lifecycle_finish(step, subscription, terms, SUBSCRIPTION_CANCELED, false, bill);
	else
		refusal = go_on(step, subscription, terms, bill);
	if (refusal == REFUSAL_NONE)
		lifecycle_settle(step);
	return refusal;
}
