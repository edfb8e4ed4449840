#ifndef WORKER_SCHEDULER_H
#define WORKER_SCHEDULER_H

/*
 * The scheduler: a thread beside the loop, with a connection of its own, for what must not keep
 * commands waiting.  It changes no row; what is to be done it tells as a command (teller.h).
 *
 *   runs that are through   every part of a run of ours is finished: its sums are taken, compared
 *                           with its invoices and the journal, and told (FinishBillingRun)
 *   runs of the hour        where BILLD_BILLING is "hourly": of all workers the one that holds the
 *                           advisory lock tells a run (ScheduleBillingRun) for each organisation
 *                           that has something due at the full hour.  Its operation's id derives
 *                           from organisation and hour: whoever tells it, and however often, it
 *                           takes effect once.  Each worker takes the lock once in an hour: who
 *                           has the first partition at once, the others a minute later, when runs
 *                           are there and nobody is left to be told
 *   lateness                how many subscriptions of ours are due, and since when, for the metrics
 *
 * What fails of one of these keeps neither the others nor other runs from their turn.
 */

#include "common/codec/schema.h"
#include "common/postgres/pg.h"
#include "worker/metrics.h"
#include "worker/progress.h"
#include "worker/teller.h"

struct scheduler;

struct scheduler_settings {
	const struct pg_settings *pg; /* copied */
	struct teller_settings teller;
	bool hourly;
	int64_t interval_ms; /* between two looks */
	int64_t margin_ms;   /* that the runs of an hour come behind its beginning */
};

/**
 * scheduler_open(settings, schemas, metrics, ret_scheduler, err), scheduler_free(scheduler):
 * One that owns nothing and does not run yet; ${schemas} and ${metrics} outlive it.  ERR_FATAL when
 * the settings are none to work with.  Free stops it, waits for its end, and accepts NULL.
 */
NODISCARD enum err_class scheduler_open(const struct scheduler_settings *settings,
    const struct schemas *schemas, struct metrics *metrics, struct scheduler **ret_scheduler,
    struct err *err);
void scheduler_free(struct scheduler *scheduler);

/**
 * scheduler_check(scheduler, err):
 * Whether every statement fits the database.  Before scheduler_start.
 */
NODISCARD enum err_class scheduler_check(struct scheduler *scheduler, struct err *err);

/**
 * scheduler_start(scheduler), scheduler_stop(scheduler):
 * Begin, and end.  Stop is fine without start, and twice.
 */
void scheduler_start(struct scheduler *scheduler);
void scheduler_stop(struct scheduler *scheduler);

/**
 * scheduler_own(scheduler, partitions):
 * From now on look after the runs and subscriptions of these partitions alone.
 */
void scheduler_own(struct scheduler *scheduler, const struct partitions *partitions);

#endif
