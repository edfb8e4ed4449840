#include "worker/billing.h"

#include "common/base/id.h"

/*
 * Where the events of a parking begin among those of its step's cause: the step is tried again at
 * the same moment once the subscription was changed, and tells other things then, and so does the
 * next parking.
 */
#define PARKED_ORDINAL(updated_at) (UINT32_C(1) << 31 | (uint32_t)(updated_at).s)

_Static_assert(FACTS_LIVE_MAX > BILLING_STEPS_MAX, "see facts.h");

/* A version that a subscription is on was loaded with it, or made in this batch; or it is the
 * current one of a plan that a command named, and that plan lends it.  NULL: there is none. */
static const struct plan_version *
version_find(const struct decision *decision, struct uuid organisation_id, struct uuid plan_id,
    struct uuid version_id)
{
	const struct facts *facts = decision->decider->facts;
	const struct plan_version *version = facts_plan_version(facts, organisation_id, version_id);
	struct plan_version *lent;
	const struct plan *plan;

	if (version != NULL)
		return version;
	plan = facts_plan(facts, organisation_id, plan_id);
	if (plan == NULL || !uuid_equal(plan->version_id, version_id))
		return NULL;
	lent = arena_alloc(decision->decider->arena, sizeof(*lent));
	CHECK(lent != NULL);
	*lent = plan_current(plan);
	return lent;
}

enum refusal
billing_settings(struct decision *decision, struct str timezone, struct terms *ret_terms)
{
	struct terms terms = {.pending = NULL};

	if (zone_cache_get(decision->decider->zones, timezone, &terms.zone, &decision->err) !=
	    ERR_NONE)
		return REFUSAL_MAX;
	if (!proration_from(decision->organisation->proration, &terms.proration)) {
		(void)err_set(&decision->err, ERR_POISON,
		    "the organisation's proration is \"%.*s\"",
		    STR_ARG(decision->organisation->proration));
		return REFUSAL_MAX;
	}
	*ret_terms = terms;
	return REFUSAL_NONE;
}

enum refusal
billing_terms(
    struct decision *decision, const struct subscription *subscription, struct terms *ret_terms)
{
	const struct decider *decider = decision->decider;
	struct uuid organisation_id = subscription->organisation_id;
	struct terms terms;

	if (billing_settings(decision, subscription->timezone, &terms) != REFUSAL_NONE)
		return REFUSAL_MAX;
	terms.version = version_find(
	    decision, organisation_id, subscription->plan_id, subscription->plan_version_id);
	if (!uuid_is_nil(subscription->pending_version_id))
		terms.pending = version_find(decision, organisation_id,
		    subscription->pending_plan_id, subscription->pending_version_id);
	if (terms.version == NULL ||
	    (terms.pending == NULL && !uuid_is_nil(subscription->pending_version_id))) {
		(void)err_set(
		    &decision->err, ERR_POISON, "the subscription's plan version is not there");
		return REFUSAL_MAX;
	}
	terms.quantities = facts_quantities(decider->facts, subscription, &terms.quantities_len);
	*ret_terms = terms;
	return REFUSAL_NONE;
}

/* What no command lets come to be, but a row can say: then it is nothing to bill by. */
static enum refusal
terms_judge(const struct customer *customer, const struct terms *terms)
{
	if (!currency_equal(terms->version->currency, customer->currency) ||
	    (terms->pending != NULL &&
		!currency_equal(terms->pending->currency, customer->currency)))
		return REFUSAL_CURRENCY_MISMATCH;
	return REFUSAL_NONE;
}

/* Do what falls due of ${row} next. */
static enum refusal
step_due(struct decision *decision, struct customer *customer, struct subscription *row)
{
	struct bill *bill = decision->decider->bill;
	struct decision before;
	struct terms terms;
	struct step step;
	enum refusal refusal;

	if (billing_terms(decision, row, &terms) != REFUSAL_NONE) {
		/* A command is set aside with what it came upon; of what falls due by itself this
		 * subscription alone is. */
		if (decision->meta != NULL)
			return REFUSAL_MAX;
		memset(&decision->err, 0, sizeof(decision->err));
		billing_park(decision, customer, row, REFUSAL_DEAD_LETTER);
		return REFUSAL_NONE;
	}
	refusal = terms_judge(customer, &terms);
	if (refusal == REFUSAL_NONE)
		refusal = lifecycle_due(row, &terms, &step, bill);
	if (refusal == REFUSAL_NONE) {
		/* What does not move on would be done for ever. */
		CHECK(instant_is_none(step.after.due_at) || step.after.due_at.s > row->due_at.s);
		decision_because(
		    decision, id_due(row->id, row->due_at.s), row->due_at.s * 1000, &before);
		refusal = billing_apply(decision, customer, row, &step, bill);
		decision_resume(decision, &before);
	}
	if (refusal == REFUSAL_MAX || refusal == REFUSAL_NONE)
		return refusal;
	/* What was said of it is not said of the command that it came before. */
	decision->detail[0] = '\0';
	billing_park(decision, customer, row, refusal);
	return REFUSAL_NONE;
}

void
billing_park(struct decision *decision, struct customer *customer, struct subscription *row,
    enum refusal refusal)
{
	struct bill *bill = decision->decider->bill;
	struct decision before;
	struct step step;

	lifecycle_park(row, refusal, &step);
	CHECK(!step.bills && instant_is_none(step.after.due_at));
	decision_because(decision, id_due(row->id, row->due_at.s), row->due_at.s * 1000, &before);
	decision->events = PARKED_ORDINAL(row->updated_at);
	bill_init(bill);
	CHECK(billing_apply(decision, customer, row, &step, bill) == REFUSAL_NONE);
	decision_resume(decision, &before);
}

enum refusal
billing_retry(struct decision *decision, struct customer *customer, struct subscription *row,
    struct horizon horizon)
{
	struct bill *bill = decision->decider->bill;
	struct subscription retried = *row;
	struct terms terms;
	struct step step;
	enum refusal refusal;

	CHECK(row->billing_problem.ptr != NULL);
	retried.billing_problem = STR_NONE;
	retried.due_at = subscription_due_at(&retried);
	if (instant_is_none(retried.due_at) || retried.due_at.s > horizon.at.s)
		return REFUSAL_NONE;
	if (billing_terms(decision, &retried, &terms) != REFUSAL_NONE)
		return REFUSAL_MAX;
	refusal = terms_judge(customer, &terms);
	if (refusal == REFUSAL_NONE)
		refusal = lifecycle_due(&retried, &terms, &step, bill);
	if (refusal == REFUSAL_NONE)
		refusal = billing_refuses(decision, customer, &step, bill);
	if (refusal == REFUSAL_MAX)
		return REFUSAL_MAX;
	if (refusal == REFUSAL_NONE)
		facts_change(decision->decider->facts, TABLE_SUBSCRIPTIONS, row, &retried);
	decision->detail[0] = '\0';
	return REFUSAL_NONE;
}

enum refusal
billing_catch_up(
    struct decision *decision, struct customer *customer, struct horizon horizon, bool *ret_more)
{
	const struct facts *facts = decision->decider->facts;

	for (int steps = 0; steps < BILLING_STEPS_MAX; steps++) {
		struct subscription *row =
		    facts_next_due(facts, customer->organisation_id, customer->id, horizon);

		if (row == NULL)
			break;
		if (step_due(decision, customer, row) != REFUSAL_NONE)
			return REFUSAL_MAX;
	}
	*ret_more = facts_next_due(facts, customer->organisation_id, customer->id, horizon) != NULL;
	return REFUSAL_NONE;
}

enum refusal
billing_bring_up(struct decision *decision, struct customer *customer, struct instant *ret_now)
{
	enum refusal refusal = decision_customer_now(decision, customer, ret_now);
	bool more;

	if (refusal != REFUSAL_NONE)
		return refusal;
	refusal = billing_catch_up(decision, customer, HORIZON_AT(*ret_now), &more);
	if (refusal != REFUSAL_NONE)
		return refusal;
	return more ? REFUSAL_BILLING_BEHIND : REFUSAL_NONE;
}

/* A subscription on its way through what falls due, without an effect. */
struct walk {
	struct decision *decision;
	struct instant until;
	struct subscription after;
	struct terms terms;
	struct step step; /* the last one */
};

/* Do the next step.  False: none falls due any more, or it is refused. */
static bool
walk_on(struct walk *walk)
{
	struct subscription *after = &walk->after;
	struct terms *terms = &walk->terms;
	struct step *step = &walk->step;

	if (instant_is_none(after->due_at) || after->due_at.s > walk->until.s ||
	    lifecycle_due(after, terms, step, walk->decision->decider->bill) != REFUSAL_NONE)
		return false;
	if (!uuid_equal(step->after.plan_version_id, after->plan_version_id)) {
		CHECK(terms->pending != NULL);
		terms->version = terms->pending;
		terms->pending = NULL;
	}
	if (step->turns_period)
		terms->quantities_len = 0;
	*after = step->after;
	return true;
}

size_t
billing_steps_due(struct decision *decision, const struct subscription *subscription,
    const struct terms *terms, struct instant until, size_t max)
{
	struct walk walk = {
	    .decision = decision, .until = until, .after = *subscription, .terms = *terms};
	size_t steps = 0;

	while (steps < max && walk_on(&walk))
		steps++;
	return steps;
}

size_t
billing_bills_due(struct decision *decision, const struct subscription *subscription,
    const struct terms *terms, struct instant until, size_t max)
{
	struct walk walk = {
	    .decision = decision, .until = until, .after = *subscription, .terms = *terms};
	size_t bills = 0;

	for (int steps = 0; bills < max && walk_on(&walk); steps++) {
		if (steps == BILLING_STEPS_LOOKED_AT)
			return max;
		bills += walk.step.bills ? 1 : 0;
	}
	return bills;
}
