#ifndef WORKER_RUNNER_H
#define WORKER_RUNNER_H

/*
 * Runners: helpers, each with a connection and memory of its own, that do billing runs' tasks
 * (run_task.h).  The loop fills an idle one's task and partition, lends it these, and takes them
 * back when the runner is done.
 */

#include "worker/helper.h"
#include "worker/run_task.h"

#define RUNNERS_MAX 16

enum runner_state {
	RUNNER_IDLE,
	RUNNER_LENT, /* its helper is at it */
	RUNNER_DONE, /* and has come to an end, which nobody has looked at yet */
};

struct runner {
	struct run_task task;
	struct partitions partitions; /* the one that it was lent, as it is there */
	/* Without a publisher: whoever takes it back publishes. */
	struct batch_context context;
	enum err_class class; /* what came of it */
	struct err err;
	int64_t lent_ms; /* steady clock: since when it is lent */

	/* runner.c's own. */
	struct helper helper;
	bool out;                /* lent, and not taken back yet */
	struct arena statements; /* their texts, as long as the connection */
};

struct runners {
	size_t len;
	struct runner *items[RUNNERS_MAX];
};

struct runners_settings {
	const struct pg_settings *pg;
	size_t len; /* how many; 1 to RUNNERS_MAX */
	int32_t partitions_all;
};

/**
 * runners_open(settings, schemas, metrics, runners, err), runners_close(runners):
 * Make them, without helpers and connections yet; ${schemas} and ${metrics} outlive them.  Close
 * ends the helpers, each behind its task, and accepts zeroed ones.
 */
NODISCARD enum err_class runners_open(const struct runners_settings *settings,
    const struct schemas *schemas, struct metrics *metrics, struct runners *runners,
    struct err *err);
void runners_close(struct runners *runners);

/**
 * runners_check(runners, err):
 * Whether every statement fits the database.
 */
NODISCARD enum err_class runners_check(struct runners *runners, struct err *err);

/**
 * runners_start(runners, wake, who):
 * Begin their helpers, which call ${wake} behind each task.
 */
void runners_start(struct runners *runners, void (*wake)(void *who), void *who);

/**
 * runners_idle(runners, len):
 * One that is idle, of the first ${len}; NULL: none is.
 */
NODISCARD struct runner *runners_idle(const struct runners *runners, size_t len);

/**
 * runner_lend(runner), runner_state(runner), runner_await(runner):
 * Have an idle one do its task; how it is; and wait until it is not at it any more.
 */
void runner_lend(struct runner *runner);
NODISCARD enum runner_state runner_state(struct runner *runner);
void runner_await(struct runner *runner);

/**
 * runner_take(runner):
 * What it is done with was looked at: it is idle again.
 */
void runner_take(struct runner *runner);

#endif
