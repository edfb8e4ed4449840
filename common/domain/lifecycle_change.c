/* Changes of plan and quantity: now, with what that costs, or when the period ends. */
#include "common/domain/lifecycle_internal.h"

/* What a change comes to: the version and the quantity that it leads to. */
struct target {
	const struct plan_version *version;
	int64_t quantity;
	bool changes_version;
	bool changes_cadence;
	bool changes; /* anything at all */
};

static struct target
target_of(
    const struct subscription *subscription, const struct change *change, const struct terms *terms)
{
	struct target target = {
	    .version = change->plan == NULL ? terms->version : change->version,
	    .quantity =
		change->quantity == QUANTITY_NONE ? subscription->quantity : change->quantity,
	};

	CHECK(uuid_equal(terms->version->id, subscription->plan_version_id));
	if (change->plan != NULL) {
		CHECK(uuid_equal(target.version->plan_id, change->plan->id));
		CHECK(uuid_equal(target.version->id, change->plan->version_id));
	}
	target.changes_version = !uuid_equal(target.version->id, terms->version->id);
	target.changes_cadence = lifecycle_cadence_differs(target.version, terms->version);
	target.changes = target.changes_version || target.quantity != subscription->quantity;
	return target;
}

static enum refusal
change_refused(const struct customer *customer, const struct subscription *subscription,
    const struct change *change)
{
	if (!subscription_is_live(subscription))
		return REFUSAL_SUBSCRIPTION_FINAL;
	if (change->plan != NULL && !instant_is_none(change->plan->archived_at))
		return REFUSAL_PLAN_ARCHIVED;
	if (change->plan != NULL && !currency_equal(customer->currency, change->plan->currency))
		return REFUSAL_CURRENCY_MISMATCH;
	if (change->plan == NULL && change->quantity == QUANTITY_NONE)
		return REFUSAL_NOTHING_TO_CHANGE;
	if (change->effective == LIFECYCLE_NOW &&
	    subscription_status_from(subscription->status) == SUBSCRIPTION_PAUSED)
		return REFUSAL_SUBSCRIPTION_STATE;
	return REFUSAL_NONE;
}

/* Keep it for the period's end, in place of an earlier change. */
static void
change_later(struct subscription *after, const struct target *target)
{
	after->pending_plan_id = target->changes ? target->version->plan_id : UUID_NIL;
	after->pending_version_id = target->changes ? target->version->id : UUID_NIL;
	after->pending_quantity = target->changes ? target->quantity : QUANTITY_NONE;
}

/* Nothing was charged yet: what is to come is computed for the new version. */
static enum refusal
change_before_charges(
    struct subscription *after, const struct target *target, const struct terms *terms)
{
	bool placed;

	lifecycle_take(after, target->version, target->quantity);
	placed = instant_is_none(after->trial_end)
		     ? lifecycle_place_at(after, target->version, terms->zone, after->started_at)
		     : lifecycle_place_after(after, target->version, terms->zone, 0);
	return placed ? REFUSAL_NONE : REFUSAL_TIME_OUT_OF_RANGE;
}

/*
 * Where the version changes and charges in arrears are among either's, the period is cut in two:
 * the old version's are billed up to now, what is reported from now on is the new one's.
 */
static enum refusal
change_in_period(struct step *step, const struct subscription *subscription,
    const struct target *target, bool prorate, const struct terms *terms, struct bill *bill)
{
	struct subscription *after = &step->after;
	struct period left = {step->at, subscription->current_period_end};
	struct lifecycle_flags charge = {.credit = false, .proration = true};
	enum refusal refusal;

	lifecycle_take(after, target->version, target->quantity);
	if (target->changes_version &&
	    (plan_has_arrears(terms->version) || plan_has_arrears(target->version)))
		after->current_period_start = step->at;
	if (prorate) {
		refusal = lifecycle_add_advance(after, target->version, terms, left, charge, bill);
		if (refusal != REFUSAL_NONE)
			return refusal;
	}
	lifecycle_bills(step, bill, STR("subscription_update"), left, false);
	return REFUSAL_NONE;
}

/* A full new period of another length begins now, which is its anchor. */
static enum refusal
change_of_cadence(
    struct step *step, const struct target *target, const struct terms *terms, struct bill *bill)
{
	struct subscription *after = &step->after;
	enum refusal refusal;

	step->turns_period = true;
	lifecycle_take(after, target->version, target->quantity);
	after->anchor = STR("start");
	if (!lifecycle_place_at(after, target->version, terms->zone, step->at))
		return REFUSAL_TIME_OUT_OF_RANGE;
	refusal = lifecycle_add_advance(after, target->version, terms, lifecycle_current(after),
	    (struct lifecycle_flags){false, false}, bill);
	if (refusal == REFUSAL_NONE)
		lifecycle_bills(
		    step, bill, STR("subscription_update"), lifecycle_current(after), false);
	return refusal;
}

/* Close the books of the old terms, open those of the new ones. */
static enum refusal
change_charged(struct step *step, const struct subscription *subscription,
    const struct target *target, bool prorate, const struct terms *terms, struct bill *bill)
{
	struct period left = {step->at, subscription->current_period_end};
	struct lifecycle_flags credit = {.credit = true, .proration = true};
	enum refusal refusal = REFUSAL_NONE;

	if (target->changes_version) {
		refusal = lifecycle_add_arrears(subscription, terms, step->at, true, bill);
		step->closes_usage = subscription->current_period_start.s == step->at.s;
	}
	if (refusal == REFUSAL_NONE && prorate)
		refusal =
		    lifecycle_add_advance(subscription, terms->version, terms, left, credit, bill);
	if (refusal != REFUSAL_NONE)
		return refusal;
	return target->changes_cadence
		   ? change_of_cadence(step, target, terms, bill)
		   : change_in_period(step, subscription, target, prorate, terms, bill);
}

enum refusal
lifecycle_change(const struct customer *customer, const struct subscription *subscription,
    const struct change *change, const struct terms *terms, struct instant now, struct step *step,
    struct bill *bill)
{
	enum subscription_status status = subscription_status_from(subscription->status);
	bool charged = status == SUBSCRIPTION_ACTIVE || status == SUBSCRIPTION_PAST_DUE;
	/* A parked one stands at its period's end: that is its now. */
	bool later =
	    change->effective == LIFECYCLE_PERIOD_END ||
	    (status != SUBSCRIPTION_SCHEDULED && now.s >= subscription->current_period_end.s);
	struct target target;
	enum refusal refusal;

	bill_init(bill);
	refusal = change_refused(customer, subscription, change);
	if (refusal != REFUSAL_NONE)
		return refusal;
	target = target_of(subscription, change, terms);
	if ((later || !charged) && !lifecycle_anchor_possible(subscription, target.version))
		return REFUSAL_ANCHOR_NOT_POSSIBLE;

	lifecycle_begin(step, subscription, LIFECYCLE_UPDATED, now);
	if (later || !target.changes) {
		change_later(&step->after, &target);
	} else {
		step->event = LIFECYCLE_CHANGED;
		refusal = charged ? change_charged(
					step, subscription, &target, change->prorate, terms, bill)
				  : change_before_charges(&step->after, &target, terms);
	}
	if (refusal == REFUSAL_NONE)
		lifecycle_settle(step);
	return refusal;
}
