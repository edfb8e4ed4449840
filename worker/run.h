#ifndef WORKER_RUN_H
#define WORKER_RUN_H

/*
 * Billing runs: all that an organisation has due up to a moment, in chunks (chunk.h).  A run has a
 * part for each partition, whose owner does it.  The loop looks for runs that are on their way,
 * begins their parts, and lends them by turns, each with its partition, to runners (runner.h),
 * which do a chunk and give both back (run_task.h); so several parts are done side by side, and
 * commands in other partitions meanwhile.  Where a part is stands in its row, which each chunk
 * moves in its own transaction: a crash costs one chunk of each runner, and whoever has the
 * partition then goes on.
 *
 * A part does its shards one after the other: what is due there, but of customers with something
 * that is parked.  Behind the last shard these follow, each once.  What could not be billed is
 * listed (billing_run_failures), and left alone by the same run.
 *
 * A real run needs no cursor within a shard: what is done is not due any more.  It looks ahead, and
 * does what it found customer by customer in the order of their ids, that of their rows and index
 * entries: neighbours are done together, by all parts at about the same time.  At its end it looks
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

struct run_ahead;
struct runners;

#define RUN_LOOK_MS 500       /* between two looks for runs while none is on its way */
#define RUN_CHUNK_MS 5        /* to decide and store a chunk while commands come, */
#define RUN_CHUNK_IDLE_MS 200 /* and while none do: its size follows from the last one's time */
#define RUN_CHUNK_FIRST 100   /* subscriptions in the first chunk */
#define RUN_CHUNK_MIN 25      /* in any, where there are as many: they share a commit; */
#define RUN_CHUNK_MAX 1000    /* and at the most: more are hardly faster, and take memory */
#define RUN_AHEAD_MAX 16384   /* subscriptions that a part looks ahead, */
#define RUN_AHEAD_ALL 262144  /* and all parts together, some 10 MiB */
#define RUN_PAGE_MAX 32       /* runs that are looked at in one turn, */
#define RUN_PARTS_MAX 256     /* of all runs, looked at in one turn */
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
	bool begun;   /* there is a row */
	bool held;    /* the run does not go on: it was paused, canceled or finished meanwhile */
	bool through; /* nothing is left of it */
	struct run_cursor stored; /* where it goes on, as its row has it, */
	struct run_cursor at;     /* or further, as nothing was found up to there */
	struct run_cursor end;    /* where it is when all that was found last is done */
	size_t taken; /* of what was found last, so many items are done, from the first on: by a
			 cursor none is left out */
	bool waits;   /* there was nothing to do of it, and it is not tried before it is time */
	bool crowded; /* a customer has more due than is done at once: it is not looked far ahead */
	int64_t turn; /* its last one, by runs->turns; 0: none yet */
	struct run_ahead *ahead; /* owned by whoever has the part; NULL: nothing */
};

/* What the loop keeps of runs: a list of parts, which it passes once, then reads anew. */
struct runs {
	struct due *due;         /* knows how far behind the command log to stay */
	struct runners *runners; /* that parts are lent to */
	int64_t look_at_ms;      /* steady clock: not before, while nothing is left */
	bool left;               /* there is more to lend at once */
	int64_t begin_at_ms;     /* steady clock: parts without a row are not begun before */
	/* Behind which part the list begins: they go by their run's age, then by partition. */
	int64_t turn_created_ms;
	struct uuid turn_run_id;
	int32_t turn_partition;
	bool page_full; /* there may be more runs, behind this one: */
	int64_t page_created_ms;
	struct uuid page_run_id;
	bool again;             /* it is to be read anew at once, as parts of it have begun */
	bool did;               /* since the first list was read, something was done of a part */
	bool from_start;        /* nothing comes before it, */
	bool more;              /* or something behind it */
	int64_t turns;          /* that were lent */
	size_t parts_len, next; /* ${next}: the first that was not passed yet */
	struct run_part parts[RUN_PARTS_MAX];
};

/**
 * run_prepare(pg):
 * Have the statements prepared that the loop needs.
 */
void run_prepare(struct pg *pg);

/**
 * run_step(runs, context, busy, err):
 * When it is time, look for runs; lend parts to runners, as many as are idle, for short chunks when
 * commands are coming (${busy}).  While Kafka does not tell what waits, nothing is done.  ERR_NONE:
 * runs->left tells whether to come back at once, else it is time again when a runner is done.
 * ERR_RETRY: the database failed.  ERR_FATAL: exit.
 */
NODISCARD enum err_class run_step(
    struct runs *runs, struct batch_context *context, bool busy, struct err *err);

/**
 * run_collect(runs, context, err):
 * Take back what runners are done with, and have its events published.  The first error among what
 * came of them, as chunk_process gives it; before all others one to exit with (ERR_FATAL), also of
 * a runner that does not come back.
 */
NODISCARD enum err_class run_collect(
    struct runs *runs, struct batch_context *context, struct err *err);

/**
 * run_recall(runs, context, partition, err):
 * Wait until ${partition} is not lent any more, or with NULL until none is, and take back likewise.
 */
NODISCARD enum err_class run_recall(struct runs *runs, struct batch_context *context,
    const struct partition *partition, struct err *err);

/**
 * run_forget(runs):
 * Wait for the runners, and forget what came of them and all parts: what the database says is read
 * anew.
 */
void run_forget(struct runs *runs);

#endif
