#ifndef WORKER_RUN_TASK_H
#define WORKER_RUN_TASK_H

/*
 * What is done of a billing run's part at a time: a look for who is next, and a chunk of them; or
 * the part's end.  In the thread of a runner, to which the part and its partition were lent.
 */

#include "worker/run.h"

struct run_report;

/* One thing to do of a part, and what came of it. */
struct run_task {
	struct run_part part; /* moved */
	struct instant until; /* up to when it may be done, and whether that is all: run_until's */
	bool settled;
	int64_t target_us; /* as long a chunk is to take */
	size_t ahead_max;  /* so many subscriptions a look ahead may find */
	bool did;          /* there was something to do */

	/* Kept from one task to the next. */
	size_t chunk_len; /* subscriptions that the next chunk takes */
	struct due_items found;
};

/**
 * run_task_prepare(pg):
 * Have the statements prepared that a task needs: run_due.c's and run_report.c's.
 */
void run_task_prepare(struct pg *pg);

/**
 * run_task_do(task, context, err):
 * Do it.  ERR_RETRY, ERR_FATAL: as chunk_process.
 */
NODISCARD enum err_class run_task_do(
    struct run_task *task, struct batch_context *context, struct err *err);

/**
 * run_part_is_by_cursor(part):
 * Whether ${part} now passes what it finds by a cursor: a dry run leaves what it did as it was, and
 * what is parked may stay so.  What is left out behind the cursor is not found again.
 */
NODISCARD bool run_part_is_by_cursor(const struct run_part *part);

/**
 * run_part_move(part, found, first, done, report):
 * Of what was ${found}, ${done} items from number ${first} on are done, and all before them were:
 * set in ${report}, begun with what it is about, where ${part} then is.  Call it behind
 * run_report_collect, before it is stored.
 */
void run_part_move(const struct run_part *part, const struct due_items *found, size_t first,
    size_t done, struct run_report *report);

/**
 * run_part_tell(what, part):
 * A line of the log: ${what} happened to ${part}.
 */
void run_part_tell(const char *what, const struct run_part *part);

/**
 * run_part_moved(part, report):
 * ${report} is committed: ${part} is where it says.
 */
void run_part_moved(struct run_part *part, const struct run_report *report);

#endif
