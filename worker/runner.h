#ifndef WORKER_RUNNER_H
#define WORKER_RUNNER_H

/*
 * Runners: threads beside the loop, each with a connection and memory of its own, that do billing
 * runs' tasks (run_task.h).  The loop fills an idle one's task and partition, lends them, and takes
 * them back when the runner is done: what is in a runner is the loop's while it is not lent, and
 * its thread's alone while it is.
 */

#include <pthread.h>

#include "worker/run_task.h"

#define RUNNERS_MAX 16

enum runner_state {
	RUNNER_IDLE,
	RUNNER_LENT, /* its thread is at it */
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
	struct runners *all;
	enum runner_state state; /* under all->lock */
	pthread_t thread;
	bool started;
	struct arena statements; /* their texts, as long as the connection */
};

struct runners {
	size_t len;
	struct runner *items[RUNNERS_MAX];
	void (*wake)(void *who); /* called behind each task, by the runner's thread */
	void *who;
	pthread_mutex_t lock; /* of stop, and of each state */
	pthread_cond_t lent, done;
	bool stop;
};

struct runners_settings {
	const struct pg_settings *pg;
	size_t len; /* how many; 1 to RUNNERS_MAX */
	int32_t partitions_all;
};

/**
 * runners_open(settings, schemas, metrics, runners, err), runners_close(runners):
 * Make them, without threads and connections yet; ${schemas} and ${metrics} outlive them.  Close
 * ends the threads, each behind its task, and accepts zeroed ones.
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
 * Begin their threads.  ${wake} is told when one is done.
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
