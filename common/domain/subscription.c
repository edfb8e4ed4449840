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

struct instant
subscription_due_at(const struct subscription *subscription)
{
	if (!subscription_is_live(subscription) || subscription->billing_problem.ptr != NULL)
		return INSTANT_NONE;
	switch (subscription_status_from(subscription->status)) {
	case SUBSCRIPTION_SCHEDULED:
		return subscription->started_at;
	case SUBSCRIPTION_PAUSED:
		return subscription->end_at;
	case SUBSCRIPTION_TRIALING:
	case SUBSCRIPTION_ACTIVE:
	case SUBSCRIPTION_PAST_DUE:
	case SUBSCRIPTION_CANCELED:
	case SUBSCRIPTION_EXPIRED:
	case SUBSCRIPTION_STATUS_MAX:
		break;
	}
	if (subscription->deferred > 0 &&
	    subscription->deferred_from.s + EARNED_AFTER_S < subscription->current_period_end.s)
		return (struct instant){subscription->deferred_from.s + EARNED_AFTER_S};
	/* Which is cut at its end_at. */
	return subscription->current_period_end;
}
