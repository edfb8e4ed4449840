#ifndef WORKER_RUN_REPORT_H
#define WORKER_RUN_REPORT_H

/*
 * What a chunk adds to the report of its billing run: computed from the chunk's own facts, and
 * stored in the chunk's own transaction, so that a report is what was committed.
 */

#include "common/base/decimal.h"
#include "worker/run.h"

/* One sum of a chunk's invoices. */
struct run_sum {
	struct uuid plan_id;
	struct currency currency;
	int64_t invoices;
	int128 subtotal, discount, tax, total, credit_applied, amount_due;
};

struct run_failure {
	struct uuid subscription_id, customer_id;
	struct instant due_at;
	struct str reason; /* a refusal's slug */
	struct str detail; /* or none */
};

/* Lives in the batch's arena.  Begins with its part, and first_due_at none; else zeroed. */
struct run_report {
	const struct run_part *part;
	int64_t done;     /* subscriptions of which nothing is due any more */
	int64_t invoiced; /* invoices */
	struct run_sum *sums;
	size_t sums_len, sums_capacity;
	struct run_failure *failures;
	size_t failures_len, failures_capacity;
	struct index failed;         /* which subscriptions these are */
	uint128 digest;              /* the sum of the invoices', as numbers */
	struct instant first_due_at; /* INSTANT_NONE: no invoice */
	struct str first_invoices; /* of a dry run: a JSON array of those that are issued first, as
				      their events tell them; else none */
	struct run_cursor at;      /* where the part goes on */
	size_t taken;              /* as run_part has it */
	bool finished;             /* the part is through */
};

/**
 * run_report_prepare(pg):
 * Have the statements of this module prepared.
 */
void run_report_prepare(struct pg *pg);

/**
 * run_report_fail(context, report, subscription, reason, detail):
 * ${subscription} could not be billed: of it no more than its ids, and since when, are looked at.
 * Each once.
 */
void run_report_fail(struct batch_context *context, struct run_report *report,
    const struct subscription *subscription, struct str reason, struct str detail);

/**
 * run_report_collect(context, report, found, first, done):
 * Behind the last decision of a chunk, which came to ${done} of the ${found} items, from number
 * ${first} on: add up the invoices of its facts, list the subscriptions
 * whose billing_problem keeps from them what falls due by the run's as_of, and count those that are
 * done.
 */
void run_report_collect(struct batch_context *context, struct run_report *report,
    const struct due_items *found, size_t first, size_t done);

/**
 * run_report_send(report, pg, arena, ret_sent, err):
 * Queue what stores ${report}; ${ret_sent} statements, each with one result.  Of a dry run that is
 * not where its part says any more, as another worker went on with it, nothing is stored.
 */
NODISCARD enum err_class run_report_send(const struct run_report *report, struct pg *pg,
    struct arena *arena, size_t *ret_sent, struct err *err);

#endif
