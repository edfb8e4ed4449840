/* What falls due by itself: starts, ends of trials and periods, ends. */
#include "common/domain/deferral.h"
#include "common/domain/lifecycle_internal.h"

/* What was scheduled begins, as it was computed when it was scheduled. */
static enum refusal
start(struct step *step, const struct terms *terms, struct bill *bill)
{
	struct subscription *after = &step->after;
	enum refusal refusal;

	step->event = LIFECYCLE_STARTED;
	if (!instant_is_none(after->trial_end)) {
		lifecycle_move(after, SUBSCRIPTION_TRIALING);
		return REFUSAL_NONE;
	}
	step->turns_period = true;
	lifecycle_move(after, SUBSCRIPTION_ACTIVE);
	refusal = lifecycle_add_advance(after, terms->version, terms, lifecycle_current(after),
	    (struct lifecycle_flags){false, false}, bill);
	if (refusal == REFUSAL_NONE)
		lifecycle_bills(
		    step, bill, STR("subscription_cycle"), lifecycle_current(after), true);
	return refusal;
}

enum refusal
lifecycle_enter_period(struct step *step, const struct terms *terms, struct bill *bill)
{
	struct subscription *after = &step->after;
	const struct plan_version *version = terms->version;
	enum refusal refusal;

	step->turns_period = true;
	if (!uuid_is_nil(after->pending_version_id)) {
		CHECK(terms->pending != NULL);
		CHECK(uuid_equal(terms->pending->id, after->pending_version_id));
		version = terms->pending;
		lifecycle_take(after, version, after->pending_quantity);
		if (lifecycle_cadence_differs(version, terms->version) &&
		    !lifecycle_place_after(after, version, terms->zone,
			lifecycle_clipped_day(after, terms->version, terms->zone)))
			return REFUSAL_TIME_OUT_OF_RANGE;
	}
	if (!lifecycle_next_period(after, version, terms->zone))
		return REFUSAL_TIME_OUT_OF_RANGE;
	/* All of the period that ended is earned; what this one's bill defers comes to it with
	 * deferral_step. */
	after->deferred = 0;
	refusal = lifecycle_add_advance(after, version, terms, lifecycle_current(after),
	    (struct lifecycle_flags){false, false}, bill);
	if (refusal == REFUSAL_NONE)
		lifecycle_bills(
		    step, bill, STR("subscription_cycle"), lifecycle_current(after), true);
	return refusal;
}

/* The period, or the trial, is over and the next one begins. */
static enum refusal
renew(struct step *step, const struct subscription *subscription, const struct terms *terms,
    struct bill *bill)
{
	enum refusal refusal;

	if (subscription_status_from(subscription->status) == SUBSCRIPTION_TRIALING) {
		step->event = LIFECYCLE_TRIAL_ENDED;
		lifecycle_move(&step->after, SUBSCRIPTION_ACTIVE);
	} else {
		step->event = LIFECYCLE_RENEWED;
		refusal = lifecycle_add_arrears(
		    subscription, terms, subscription->current_period_end, false, bill);
		if (refusal != REFUSAL_NONE)
			return refusal;
	}
	return lifecycle_enter_period(step, terms, bill);
}

/* It is over by its end_at.  What is not active then cannot expire: it is canceled. */
static enum refusal
end(struct step *step, const struct subscription *subscription, const struct terms *terms,
    struct bill *bill)
{
	enum subscription_status status = subscription_status_from(subscription->status);

	return lifecycle_finish(step, subscription, terms,
	    status == SUBSCRIPTION_ACTIVE ? SUBSCRIPTION_EXPIRED : SUBSCRIPTION_CANCELED, false,
	    bill);
}

/* Time went by, and nothing else: so much of what was charged for it is earned. */
static void
earn(struct step *step, const struct subscription *subscription)
{
	step->event = LIFECYCLE_EARNED;
	step->after.deferred -= deferral_release(subscription, step->at);
	step->after.deferred_from = step->at;
}

enum refusal
lifecycle_due(const struct subscription *subscription, const struct terms *terms, struct step *step,
    struct bill *bill)
{
	enum subscription_status status = subscription_status_from(subscription->status);
	struct instant at = subscription->due_at;
	enum refusal refusal = REFUSAL_NONE;

	CHECK(!instant_is_none(at));
	CHECK(at.s == subscription_due_at(subscription).s);

	bill_init(bill);
	lifecycle_begin(step, subscription, LIFECYCLE_EVENT_MAX, at);
	/* When a wish to cancel and its end fall together, it was canceled. */
	if (status == SUBSCRIPTION_SCHEDULED)
		refusal = start(step, terms, bill);
	else if (status != SUBSCRIPTION_PAUSED && at.s < subscription->current_period_end.s)
		earn(step, subscription);
	else if (subscription->cancel_at_period_end)
		refusal =
		    lifecycle_finish(step, subscription, terms, SUBSCRIPTION_CANCELED, false, bill);
	else if (at.s == subscription->end_at.s)
		refusal = end(step, subscription, terms, bill);
	else
		refusal = renew(step, subscription, terms, bill);
	if (refusal != REFUSAL_NONE)
		return refusal;

	lifecycle_settle(step);
	/* So no two steps of a subscription fall due in one second: id_due builds on it. */
	CHECK(instant_is_none(step->after.due_at) || step->after.due_at.s > at.s);
	return REFUSAL_NONE;
}

void
lifecycle_park(const struct subscription *subscription, enum refusal refusal, struct step *step)
{
	CHECK(!instant_is_none(subscription->due_at));

	lifecycle_begin(step, subscription, LIFECYCLE_PARKED, subscription->due_at);
	step->after.billing_problem = str_from(refusal_info(refusal)->slug);
	lifecycle_settle(step);
}
