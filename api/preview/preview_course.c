/* Subscriptions of one customer on their way, step by step, in the order in which workers take
 * them: they share a balance and what waits for the next bill. */

#include "api/preview/preview_internal.h"

#define STEPS_MAX \
	100 /* that fell due before now, as a worker does for one command; or to the first bill */
#define STEPS_OTHERS_MAX 1000 /* ahead, of the customer's other subscriptions */

struct terms
preview_terms(const struct preview *preview, const struct preview_life *life)
{
	const struct subscription *subscription = &life->subscription;

	return (struct terms){
	    .zone = life->zone,
	    .proration = preview->proration,
	    .version = preview_version(preview, subscription->plan_version_id),
	    .pending = preview_version(preview, subscription->pending_version_id),
	    .quantities = life->quantities,
	    .quantities_len = life->quantities_len,
	};
}

void
preview_take_step(struct preview *preview, struct preview_life *life)
{
	const struct subscription *after = &preview->step.after;

	/* What was reported belongs to the period that ends with it. */
	if (preview->step.closes_usage ||
	    after->current_period_start.s != life->subscription.current_period_start.s)
		life->quantities_len = 0;
	life->subscription = *after;
}

/* Whether what is due of ${a} comes before what is due of ${b}.  One that is yet to be made will
 * have a later id. */
static bool
is_before(const struct subscription *a, const struct subscription *b)
{
	if (a->due_at.s != b->due_at.s)
		return a->due_at.s < b->due_at.s;
	return !uuid_is_nil(a->id) && (uuid_is_nil(b->id) || uuid_compare(a->id, b->id) < 0);
}

/* Of the first ${len}, the one of which something falls due first; NULL when there is none. */
static struct preview_life *
next_due(struct preview *preview, size_t len)
{
	struct preview_life *next = NULL;

	for (size_t i = 0; i < len; i++) {
		struct preview_life *life = &preview->lives[i];

		if (!instant_is_none(life->subscription.due_at) &&
		    (next == NULL || is_before(&life->subscription, &next->subscription)))
			next = life;
	}
	return next;
}

/* Take one step that is due. */
static enum refusal
step_due(struct preview *preview, struct preview_life *life)
{
	struct terms terms = preview_terms(preview, life);
	enum refusal refusal =
	    lifecycle_due(&life->subscription, &terms, &preview->step, &preview->bill);

	if (refusal == REFUSAL_NONE)
		refusal = preview_assess(preview, life);
	if (refusal == REFUSAL_NONE)
		preview_take_step(preview, life);
	return refusal;
}

/* Take one step that is due and past, or park what cannot be billed. */
static void
step_past(struct preview *preview, struct preview_life *life)
{
	enum refusal refusal = step_due(preview, life);

	if (refusal == REFUSAL_NONE) {
		preview_settle(preview);
		return;
	}
	lifecycle_park(&life->subscription, refusal, &preview->step);
	preview_take_step(preview, life);
}

enum refusal
preview_catch_up(struct preview *preview)
{
	struct preview_life *life;

	for (int steps = 0; (life = next_due(preview, preview->lives_len)) != NULL &&
			    life->subscription.due_at.s <= preview->now.s;
	     steps++) {
		if (steps == STEPS_MAX)
			return REFUSAL_BILLING_BEHIND;
		step_past(preview, life);
	}
	return REFUSAL_NONE;
}

/* Whether the customer's other subscriptions can make a difference. */
static bool
others_matter(const struct preview *preview)
{
	return preview->items_len > 0 || preview->customer.credit_balance > 0;
}

enum refusal
preview_follow(struct preview *preview)
{
	struct preview_life *subject = &preview->lives[0], *life;
	int steps = 0, others = 0;

	while (!preview->step.bills && !instant_is_none(subject->subscription.due_at)) {
		bool alone = others == STEPS_OTHERS_MAX || !others_matter(preview);

		life = next_due(preview, alone ? 1 : preview->lives_len);
		CHECK(life != NULL);
		if (life == subject) {
			enum refusal refusal =
			    steps < STEPS_MAX ? step_due(preview, life) : REFUSAL_BILLING_BEHIND;

			if (refusal != REFUSAL_NONE)
				return refusal;
			steps++;
		} else {
			step_past(preview, life);
			preview->step.bills = false;
			others++;
		}
	}
	return REFUSAL_NONE;
}
