#ifndef COMMON_DOMAIN_SUBSCRIPTION_H
#define COMMON_DOMAIN_SUBSCRIPTION_H

/*
 * A subscription: a customer on a plan's version, and the states of its life (billing-rules:
 * "Subscriptions").  What moves it from one to another is lifecycle.h's.  Pure.
 */

#include "common/base/instant.h"
#include "common/base/str.h"
#include "common/base/uuid.h"
#include "common/domain/calendar.h"
#include "common/domain/coupon.h"
#include "common/domain/plan.h"

#define QUANTITY_NONE INT64_MIN
#define SUBSCRIPTION_QUANTITY_MAX INT64_C(1000000000)
/* What is deferred is earned at the latest so long after the last time: longer than any month, so
 * that periods of one need no step for it. */
#define EARNED_AFTER_S (INT64_C(32) * 86400)

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
	struct uuid test_clock_id; /* the customer's; nil: it lives in real time */
	struct uuid live_slot; /* of its customer's live subscriptions: nil where there may be one
				  only, else its id */
	struct uuid plan_id;
	struct uuid plan_version_id;
	int64_t quantity;  /* for charges in advance; 0 to SUBSCRIPTION_QUANTITY_MAX */
	struct str status; /* as subscription_status_name gives it */
	struct str
	    timezone; /* in which its periods are computed: the customer's when it was made */

	struct str anchor;        /* as anchoring_from reads it */
	struct instant anchor_at; /* boundary 0; every boundary is computed from it, */
	int32_t anchor_day;       /* and this: as struct anchor has it */
	int32_t period_index;     /* number of the natural period that the current one lies in; one
				     before the first, as of a trial, may be -1 */
	bool realigns; /* the next period begins inside its natural one, as this one ends off the
			  calendar: a trial, or moved by a pause */
	struct instant current_period_start; /* of what is billed: of a trial the trial's, */
	struct instant current_period_end;   /* of one that is scheduled its first period's */
	struct instant natural_start; /* the natural period that it lies in: the whole of a */
	struct instant natural_end;   /* proration.  The current one ends with it, or at end_at */

	int64_t period_moved_s; /* seconds by which pauses have moved that period since it began:
				   what was charged for it says where it was */

	struct instant started_at;  /* when it starts or started */
	struct instant trial_start; /* INSTANT_NONE: without a trial */
	struct instant trial_end;
	struct instant end_at; /* when it ends by itself; INSTANT_NONE: never */
	bool cancel_at_period_end;
	struct instant canceled_at; /* when cancelling was asked for; INSTANT_NONE until then */
	struct instant ended_at;    /* when it became final; INSTANT_NONE until then */
	struct instant paused_at;   /* INSTANT_NONE while it is not */

	struct uuid pending_plan_id;    /* what it changes to when the period ends; nil: nothing */
	struct uuid pending_version_id; /* likewise */
	int64_t pending_quantity;       /* with it; else QUANTITY_NONE */

	const struct discount *discounts; /* the coupons that it came with, in their order */
	size_t discounts_len;             /* 0 to DISCOUNTS_MAX */
	struct uuid_list tax_rate_ids;    /* none: the customer's */

	int64_t deferred; /* minor units, not negative: charged in advance, and not earned yet: */
	struct instant deferred_from;  /* for the time from here */
	struct instant deferred_until; /* up to here; INSTANT_NONE before anything was charged */

	struct uuid latest_invoice_id; /* of its invoices that with the highest number: what its
					  standing follows from; nil before the first */
	struct instant due_at;      /* when something falls due next; INSTANT_NONE: nothing does */
	struct str billing_problem; /* why what fell due could not be billed (a refusal's slug);
				       none while all is well */

	struct str_map metadata;
	int64_t created_ms; /* milliseconds: when its command was accepted; lists go by it */
	struct instant created_at;
	struct instant updated_at;
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
 * subscription_due_at(subscription):
 * When something falls due by itself: its start, the end of its trial or period, its own end (a
 * paused one waits for that alone), in long periods that a part of them was earned; INSTANT_NONE
 * for one that has ended or is parked by a billing_problem.  Every function of lifecycle.h sets
 * due_at to this.
 */
NODISCARD struct instant subscription_due_at(const struct subscription *subscription);

#endif
