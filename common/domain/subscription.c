#include "common/domain/subscription.h"

struct status_info {
	struct str name;
	bool live;
};

static const struct status_info status_table[SUBSCRIPTION_STATUS_MAX] = {
#define STATE(name, text, live) [SUBSCRIPTION_##name] = {{text, sizeof(text) - 1}, live},
#include "common/domain/subscription_states.def"
#undef STATE
};

static const bool transition_table[SUBSCRIPTION_STATUS_MAX][SUBSCRIPTION_STATUS_MAX] = {
#define TRANSITION(from, to) [SUBSCRIPTION_##from][SUBSCRIPTION_##to] = true,
#include "common/domain/subscription_states.def"
#undef TRANSITION
};

struct str
subscription_status_name(enum subscription_status status)
{
	CHECK((int)status >= 0 && status < SUBSCRIPTION_STATUS_MAX);
	return status_table[status].name;
}

enum subscription_status
subscription_status_from(struct str name)
{
	int status = 0;

	while (status < SUBSCRIPTION_STATUS_MAX && !str_equal(name, status_table[status].name))
		status++;
	CHECK(status < SUBSCRIPTION_STATUS_MAX);
	return (enum subscription_status)status;
}

bool
subscription_is_live(const struct subscription *subscription)
{
	return status_table[subscription_status_from(subscription->status)].live;
}

bool
subscription_transition_allowed(enum subscription_status from, enum subscription_status to)
{
	CHECK((int)from >= 0 && from < SUBSCRIPTION_STATUS_MAX);
	CHECK((int)to >= 0 && to < SUBSCRIPTION_STATUS_MAX);
	return transition_table[from][to];
}

/* The plan's cadence; the database holds its columns to what a cadence may be. */
static struct cadence
plan_cadence(const struct plan *plan)
{
	struct cadence cadence = {.count = plan->interval_count};
	bool known = interval_from(plan->interval, &cadence.interval);

	CHECK(known);
	return cadence;
}

enum refusal
subscription_create(const struct customer *customer, const struct plan *plan,
    const struct subscription *live, const struct zone *zone, struct instant now,
    struct subscription *subscription)
{
	struct period period;

	CHECK(uuid_equal(customer->organisation_id, plan->organisation_id));
	CHECK(instant_is_valid(now));

	if (!instant_is_none(customer->archived_at))
		return REFUSAL_CUSTOMER_ARCHIVED;
	if (!instant_is_none(plan->archived_at))
		return REFUSAL_PLAN_ARCHIVED;
	if (!currency_equal(customer->currency, plan->currency))
		return REFUSAL_CURRENCY_MISMATCH;
	if (live != NULL && subscription_is_live(live))
		return REFUSAL_SUBSCRIPTION_LIVE_EXISTS;
	if (!calendar_period(zone, now, plan_cadence(plan), 0, &period))
		return REFUSAL_TIME_OUT_OF_RANGE;

	subscription->organisation_id = customer->organisation_id;
	subscription->customer_id = customer->id;
	subscription->plan_id = plan->id;
	subscription->status = subscription_status_name(SUBSCRIPTION_ACTIVE);
	subscription->timezone = customer->timezone;
	subscription->anchor_at = now;
	subscription->period_index = 0;
	subscription->current_period_start = period.start;
	subscription->current_period_end = period.end;
	subscription->started_at = now;
	subscription->cancel_at_period_end = false;
	subscription->canceled_at = INSTANT_NONE;
	subscription->ended_at = INSTANT_NONE;
	subscription->created_at = now;
	subscription->updated_at = now;
	return REFUSAL_NONE;
}

enum refusal
subscription_cancel(
    struct subscription *subscription, enum cancel_effective effective, struct instant now)
{
	enum subscription_status from = subscription_status_from(subscription->status);

	CHECK(instant_is_valid(now));

	if (!subscription_transition_allowed(from, SUBSCRIPTION_CANCELED))
		return REFUSAL_SUBSCRIPTION_FINAL;

	switch (effective) {
	case CANCEL_NOW:
		subscription->status = subscription_status_name(SUBSCRIPTION_CANCELED);
		subscription->cancel_at_period_end = false;
		subscription->canceled_at = now;
		subscription->ended_at = now;
		break;
	case CANCEL_PERIOD_END:
		/* The first wish keeps its date. */
		if (!subscription->cancel_at_period_end)
			subscription->canceled_at = now;
		subscription->cancel_at_period_end = true;
		break;
	}
	subscription->updated_at = now;
	return REFUSAL_NONE;
}
