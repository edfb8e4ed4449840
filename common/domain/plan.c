#include "common/domain/plan.h"

struct plan_version
plan_current(const struct plan *plan)
{
	return (struct plan_version){
	    .organisation_id = plan->organisation_id,
	    .id = plan->version_id,
	    .plan_id = plan->id,
	    .version = plan->version,
	    .currency = plan->currency,
	    .interval = plan->interval,
	    .interval_count = plan->interval_count,
	    .trial_days = plan->trial_days,
	    .charges = plan->charges,
	    .charges_len = plan->charges_len,
	    .created_at = plan->updated_at,
	};
}

struct cadence
plan_cadence(const struct plan_version *version)
{
	struct cadence cadence = {.count = version->interval_count};

	CHECK(interval_from(version->interval, &cadence.interval));
	CHECK(cadence.count >= 1 && cadence.count <= INTERVAL_COUNT_MAX);
	return cadence;
}

static bool
is_flat_in_advance(const struct charge *charge)
{
	return charge_model_from(charge->model) == CHARGE_FLAT &&
	       charge_billing_from(charge->billing) == CHARGE_ADVANCE;
}

bool
plan_has_arrears(const struct plan_version *version)
{
	for (size_t i = 0; i < version->charges_len; i++)
		if (charge_billing_from(version->charges[i].billing) == CHARGE_ARREARS)
			return true;
	return false;
}

bool
plan_flat_amount(const struct charge *charges, size_t len, int64_t *ret_amount)
{
	int64_t amount = 0;

	for (size_t i = 0; i < len; i++)
		if (is_flat_in_advance(&charges[i]) &&
		    __builtin_add_overflow(amount, charges[i].amount, &amount))
			return false;
	*ret_amount = amount;
	return true;
}
