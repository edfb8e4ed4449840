#ifndef COMMON_DOMAIN_PLAN_H
#define COMMON_DOMAIN_PLAN_H

/*
 * A plan: what an organisation sells, a flat amount in advance for each period.  Plain facts,
 * borrowed texts.
 */

#include "common/base/instant.h"
#include "common/base/str.h"
#include "common/base/uuid.h"
#include "common/domain/calendar.h"
#include "common/domain/money.h"

struct plan {
	struct uuid organisation_id;
	struct uuid id;
	struct str code; /* names one plan that is not archived */
	struct str name;
	struct currency currency;
	struct str interval;    /* as interval_name gives it */
	int32_t interval_count; /* 1 to INTERVAL_COUNT_MAX */
	int64_t amount;         /* minor units a period, not negative */
	struct str_map metadata;
	int64_t created_ms; /* milliseconds: when its command was accepted; lists go by it */
	struct instant created_at;
	struct instant updated_at;
	struct instant archived_at; /* INSTANT_NONE while it is not */
};

#endif
