#ifndef COMMON_DOMAIN_SUBSCRIPTION_H
#define COMMON_DOMAIN_SUBSCRIPTION_H

/*
 * A subscription: a customer on a plan, and the rules of its life (billing-rules: "Subscriptions").
 * Pure: facts in, the new facts or a refusal out.
 */

#include "common/base/instant.h"
#include "common/base/str.h"
#include "common/base/uuid.h"
#include "common/domain/calendar.h"
#include "common/domain/customer.h"
#include "common/domain/plan.h"
#include "common/domain/refusal.h"

enum subscription_status {
#define STATE(name, text, live) SUBSCRIPTION_##name,
#include "common/domain/subscription_states.def"
#undef STATE
	SUBSCRIPTION_STATUS_MAX,
};

struct subscription {
	struct uuid organisation_id;
	struct uuid id;
	int32_t shard; /* the customer's */
	struct uuid customer_id;
	struct uuid plan_id;
	struct str status;   /* as subscription_status_name gives it */
	struct str timezone; /* in which its periods are computed: the customer's when it began */
	struct instant anchor_at;            /* boundary 0; every boundary is computed from it */
	int32_t period_index;                /* number of the current period */
	struct instant current_period_start; /* boundary period_index */
	struct instant current_period_end;   /* boundary period_index + 1 */
	struct instant started_at;
	bool cancel_at_period_end;
	struct instant canceled_at; /* when cancelling was asked for; INSTANT_NONE until then */
	struct instant ended_at;    /* when it became final; INSTANT_NONE until then */
	struct str_map metadata;
	int64_t created_ms; /* milliseconds: when its command was accepted; lists go by it */
	struct instant created_at;
	struct instant updated_at;
};

enum cancel_effective {
	CANCEL_NOW,        /* ends at once */
	CANCEL_PERIOD_END, /* stays active until the period ends; until then it can be taken back */
};

/**
 * subscription_status_name(status), subscription_status_from(name):
 * The name of a valid status and back.  An unknown name is a bug (the database's CHECK holds the
 * same list).
 */
NODISCARD struct str subscription_status_name(enum subscription_status status);
NODISCARD enum subscription_status subscription_status_from(struct str name);

/**
 * subscription_is_live(subscription):
 * Whether it counts against the one live subscription of its customer.
 */
NODISCARD bool subscription_is_live(const struct subscription *subscription);

/**
 * subscription_transition_allowed(from, to):
 * Whether the table of states has that arrow.
 */
NODISCARD bool subscription_transition_allowed(
    enum subscription_status from, enum subscription_status to);

/**
 * subscription_create(customer, plan, live, zone, now, subscription):
 * Start ${customer} on ${plan} (of the same organisation) at ${now}; ${live} is the customer's live
 * subscription, or NULL; one that has ended since it was loaded does not count.  ${zone} is the
 * customer's time zone.  The caller has set id, shard and metadata in ${subscription}; all else is
 * set here: active, anchored at ${now}, in its period 0.  Refused, ${subscription} untouched:
 * CUSTOMER_ARCHIVED, PLAN_ARCHIVED, CURRENCY_MISMATCH, SUBSCRIPTION_LIVE_EXISTS, TIME_OUT_OF_RANGE,
 * in this order.
 */
NODISCARD enum refusal subscription_create(const struct customer *customer, const struct plan *plan,
    const struct subscription *live, const struct zone *zone, struct instant now,
    struct subscription *subscription);

/**
 * subscription_cancel(subscription, effective, now):
 * End ${subscription} at once, or note that it ends with its period.  Asking again for the period's
 * end changes nothing but updated_at; canceling now overrides an earlier wish.  Refused, untouched:
 * SUBSCRIPTION_FINAL.
 */
NODISCARD enum refusal subscription_cancel(
    struct subscription *subscription, enum cancel_effective effective, struct instant now);

#endif
