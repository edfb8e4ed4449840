#ifndef COMMON_DOMAIN_PLAN_H
#define COMMON_DOMAIN_PLAN_H

/*
 * A plan: what an organisation sells.  Its versions hold the prices and never change; the plan has
 * the current one's, and new subscriptions take that.  Plain facts, borrowed texts.
 */

#include "common/base/instant.h"
#include "common/base/str.h"
#include "common/base/uuid.h"
#include "common/domain/calendar.h"
#include "common/domain/charge.h"
#include "common/domain/money.h"

#define TRIAL_DAYS_MAX 730

/* The prices that subscriptions are on.  Written once. */
struct plan_version {
	struct uuid organisation_id;
	struct uuid id; /* of the first version: the plan's */
	struct uuid plan_id;
	int32_t version; /* 1, 2, … */
	struct currency currency;
	struct str interval;    /* as interval_name gives it */
	int32_t interval_count; /* 1 to INTERVAL_COUNT_MAX */
	int32_t trial_days;     /* 0 to TRIAL_DAYS_MAX, unless a subscription names others */
	const struct charge *charges;
	size_t charges_len; /* 1 to CHARGES_MAX */
	struct instant created_at;
};

struct plan {
	struct uuid organisation_id;
	struct uuid id;
	struct uuid version_id; /* the current version, */
	int32_t version;        /* its number, and its prices: */
	struct str code;        /* names one plan that is not archived */
	struct str name;
	struct currency currency;
	struct str interval;
	int32_t interval_count;
	int32_t trial_days;
	int64_t amount; /* minor units: the sum of its flat charges in advance */
	const struct charge *charges;
	size_t charges_len;
	struct str_map metadata;
	int64_t created_ms; /* milliseconds: when its command was accepted; lists go by it */
	struct instant created_at;
	struct instant updated_at;
	struct instant archived_at; /* INSTANT_NONE while it is not */
};

/**
 * plan_current(plan):
 * The current version of ${plan}, which lends it its texts and charges.  It was made when the plan
 * was last updated: right for one that is being written, no matter for the rules.
 */
NODISCARD struct plan_version plan_current(const struct plan *plan);

/**
 * plan_cadence(version):
 * How long its periods are.  The database holds its columns to what a cadence may be, so anything
 * else is a bug.
 */
NODISCARD struct cadence plan_cadence(const struct plan_version *version);

/**
 * plan_has_arrears(version):
 * Whether any of its charges is billed when a period is over.
 */
NODISCARD bool plan_has_arrears(const struct plan_version *version);

/**
 * plan_flat_amount(charges, len, ret_amount):
 * The sum of the flat charges in advance, which charge_check found good.  False, untouched, when it
 * does not fit.
 */
NODISCARD bool plan_flat_amount(const struct charge *charges, size_t len, int64_t *ret_amount);

#endif
