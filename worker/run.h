#ifndef WORKER_RUN_H
#define WORKER_RUN_H

/*
 * Billing runs: all that an organisation has due up to a moment, in chunks (chunk.h).  A run has a
 * part for each partition, whose owner does it: it looks for runs that are on their way, begins or
 * goes on with their parts by turns, one chunk in each turn of the loop, and so leaves the commands
 * their time.  Where a part is stands in its row, which each chunk moves in its own transaction: a
 * crash costs one chunk, and whoever has the partition then goes on.
 *
 * A part does its shards one after the other: what is due there, but of customers with something
 * that is parked.  Behind the last shard these follow, each once.  What could not be billed is
 * listed (billing_run_failures), and left alone by the same run.
 *
 * A real run needs no cursor within a shard: what is done is not due any more.  At its end it looks
 * once more through all of its shards, and ends where nothing is found.  A dry run computes a chunk
 * as a real one does, stores its report and nothing else, and goes on behind the last subscription;
 * a customer's due subscriptions it takes together.
 *
 * A run up to a moment that was past when it was started stays behind the command log, as all that
 * falls due does (due_until): no shard is through before that moment is.  One that bills ahead
 * waits for what was accepted before it alone.
 */

#include "worker/chunk.h"
#include "worker/due.h"

struct run_report;

#define RUN_LOOK_MS 500       /* between two looks for runs while none is on its way */
#define RUN_CHUNK_MS 20       /* as long a chunk may take while commands come, */
#define RUN_CHUNK_IDLE_MS 100 /* and while none do: its size follows from the last one's time */
#define RUN_CHUNK_FIRST 100   /* subscriptions in the first chunk */
#define RUN_CHUNK_MIN 10      /* in any, where there are as many, */
#define RUN_CHUNK_MAX 500     /* and at the most: more are hardly faster, and take memory */
#define RUN_PAGE_MAX 8        /* runs that are looked at in one turn, */
#define RUN_PARTS_MAX 64      /* of all runs, looked at in one turn */
#define RUN_FIRST_INVOICES 20 /* that a dry run shows */
#define RUN_DRY_SUBSCRIPTIONS_MAX \
	CHUNK_SUBSCRIPTIONS_MAX /* due of one customer; one with more is listed as a failure */

/* Where a part is. */
struct run_cursor {
	int32_t shard; /* SHARDS: behind the last, at the customers with parked ones */
	struct instant after_due_at; /* in a dry run: behind this one; INSTANT_NONE: at the first */
	struct uuid after_id;        /* of the parked ones: behind this one */
};

/* One part of a run that is on its way: its row, as it was read last. */
struct run_part {
	struct uuid organisation_id;
	struct uuid run_id;
	struct partition *partition;
	struct instant as_of;
	struct instant created_at;
	int64_t created_ms;
	bool dry_run;
	int64_t invoices_max;
	bool begun; /* there is a row */
	bool held;  /* the run does not go on: it was paused, canceled or finished meanwhile */
	struct run_cursor stored; /* where it goes on, as its row has it, */
	struct run_cursor at;     /* or further, as nothing was found up to there */
	struct run_cursor end;    /* where it is when all that was found last is done */
	size_t taken; /* of what was found last, so many items are done, from the first on: a
			 dry run leaves none out */
};

/* What is kept between two turns. */
struct runs {
	struct due *due;     /* knows how far behind the command log to stay */
	int64_t look_at_ms;  /* steady clock: not before */
	bool left;           /* there is more to do at once */
	int64_t begin_at_ms; /* steady clock: parts without a row are not begun before */
	struct instant now;  /* the database's, when the parts were read */
	/* Behind which part the next turn begins: they go by their run's age, then by partition. */
	int64_t turn_created_ms;
	struct uuid turn_run_id;
	int32_t turn_partition;
	bool page_full; /* there may be more runs, behind this one: */
	int64_t page_created_ms;
	struct uuid page_run_id;
	size_t chunk_len; /* subscriptions that the next chunk takes; 0: RUN_CHUNK_FIRST */
	size_t parts_len;
	struct run_part parts[RUN_PARTS_MAX];
	struct due_items found;
};

/**
 * run_prepare(pg):
 * Have the statements of runs prepared: run.c's, run_find.c's and run_report.c's.
 */
void run_prepare(struct pg *pg);

/**
 * run_step(runs, context, busy, err):
 * When it is time, look for runs, and do one chunk of one: a short one when commands are coming
 * (${busy}).  While Kafka does not tell what waits, nothing is done.  ERR_NONE: runs->left tells
 * whether to come back at once.  ERR_RETRY, ERR_FATAL: as chunk_process.
 */
NODISCARD enum err_class run_step(
    struct runs *runs, struct batch_context *context, bool busy, struct err *err);

/**
 * run_part_move(part, found, first, done, report):
 * Of what was ${found}, ${done} items from number ${first} on are done, and all before them were:
 * set in ${report}, begun with what it is about, where ${part} then is.  Call it behind
 * run_report_collect, before it is stored.
 */
void run_part_move(const struct run_part *part, const struct due_items *found, size_t first,
    size_t done, struct run_report *report);

/**
 * run_part_moved(part, report):
 * ${report} is committed: ${part} is where it says.
 */
void run_part_moved(struct run_part *part, const struct run_report *report);

#endif
