#ifndef COMMON_DOMAIN_BILLING_RUN_H
#define COMMON_DOMAIN_BILLING_RUN_H

/*
 * A billing run: all that an organisation's subscriptions have due up to a moment, done in one go,
 * or computed without being stored.  Customers on test clocks live in their own time and are no
 * part of it.  Plain facts; how a run goes is worker/run.h's.
 */

#include "common/base/instant.h"
#include "common/base/str.h"
#include "common/base/uuid.h"
#include "common/domain/money.h"

/* How far ahead of its command a run may bill. */
#define BILLING_RUN_AHEAD_MAX_S (INT64_C(366) * 86400)
/* Runs that an organisation may have open, running or paused. */
#define BILLING_RUNS_OPEN_MAX 10
/* Invoices that one subscription gets in a run unless told otherwise. */
#define BILLING_RUN_INVOICES_MAX INT64_C(100)

/* What the invoices of a run in one currency come to, in minor units; INT64_MIN where a sum does
 * not fit. */
struct billing_run_total {
	struct currency currency;
	int64_t invoices;
	int64_t subtotal, discount, tax, total, credit_applied, amount_due;
};

struct billing_run {
	struct uuid organisation_id;
	struct uuid id;
	int32_t shard; /* the organisation's */
	struct instant as_of;
	bool dry_run;
	int64_t invoices_max;
	struct str trigger; /* "request" or "schedule" */
	struct str status;  /* "running", "paused", "canceled", "finished" */

	/* As it was closed; 0, none and empty until then. */
	int64_t due;      /* subscriptions */
	int64_t done;     /* likewise */
	int64_t invoiced; /* invoices */
	int64_t failed;   /* subscriptions */
	const struct billing_run_total *totals;
	size_t totals_len;
	struct str digest; /* of all its invoices, in hexadecimal */
	struct str books;  /* "balanced", "unbalanced"; a dry run has none */

	int64_t created_ms; /* milliseconds: when its command was accepted; lists go by it */
	struct instant created_at;
	struct instant updated_at;
	struct instant finished_at; /* INSTANT_NONE while it is on its way */
};

#endif
