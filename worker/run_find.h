#ifndef WORKER_RUN_FIND_H
#define WORKER_RUN_FIND_H

/*
 * What billing runs have to do: which parts of ours are on their way, and who has something due in
 * one of them.  Each function is a transaction of its own, and changes nothing but the rows of
 * parts that begin.
 */

#include "worker/run_task.h"

/* What a look in a part came to, beside what it found. */
struct run_look {
	bool through;  /* nothing is left */
	bool moved;    /* nobody was found, but the part is further, which is to be kept */
	bool too_much; /* whoever was found has more due than a dry run takes together */
};

/**
 * run_find_prepare(pg), run_due_prepare(pg):
 * Have the statements of run_find.c prepared; those of run_due.c.
 */
void run_find_prepare(struct pg *pg);
void run_due_prepare(struct pg *pg);

/**
 * run_find_parts(runs, context, err):
 * Read the database's time and the parts of running runs in our partitions that are not finished,
 * from runs->turn_* on, at most RUN_PARTS_MAX.
 */
NODISCARD enum err_class run_find_parts(
    struct runs *runs, struct batch_context *context, struct err *err);

/**
 * run_find_begin(runs, context, first, ret_begun, err):
 * Make rows of the parts in runs->parts that are of the run of ${first} and have none: of all that
 * have nothing to do and whose moment is settled (run_until), finished; and of one that has, with
 * how many subscriptions are due.  How many were made.
 */
NODISCARD enum err_class run_find_begin(const struct runs *runs, struct batch_context *context,
    const struct run_part *first, int64_t *ret_begun, struct err *err);

/**
 * run_until(part, ret_settled):
 * Up to when what falls due in ${part} may be done now: INSTANT_NONE for nothing.  ${ret_settled}
 * tells whether that is all of it.
 */
NODISCARD struct instant run_until(const struct run_part *part, bool *ret_settled);

/**
 * run_find(task, context, ret_look, err):
 * Behind transaction_begin: who is next in the part of ${task}, to task->found: at most
 * task->chunk_len subscriptions, but a dry run takes all that are due of a customer.  Nobody, and
 * not through: nothing is to be done now.
 */
NODISCARD enum err_class run_find(struct run_task *task, struct batch_context *context,
    struct run_look *ret_look, struct err *err);

/**
 * run_rows_bound(rows, len, cut, until):
 * Set how far each customer of ${rows}, which come by shard, due_at and id, is done: up to
 * ${until}; in the last shard, where the look was ${cut}, no further than its last row.
 */
void run_rows_bound(struct due_row *rows, size_t len, bool cut, struct instant until);

/* A row of a customer who was found, with all that is due of him and all that is parked. */
struct run_customer_row {
	struct due_row due; /* due_at: none of one that is parked */
	bool parked;
};

/**
 * run_customers_take(part, until, rows, len, cut, ret_rows, ret_left):
 * Of ${rows}, which are of one customer after the other, each one's parked ones first, by id, then
 * those that are due, by due_at and id, take to ${ret_rows}, which has as much room, what ${part}
 * is to do now, up to ${until}.  Where ${cut}, the last customer's may not all be there: he is
 * left (${ret_left}), unless he is the only one, and of a real run, which comes back for the rest.
 * How many rows were taken.
 */
NODISCARD size_t run_customers_take(const struct run_part *part, struct instant until,
    const struct run_customer_row *rows, size_t len, bool cut, struct due_row *ret_rows,
    bool *ret_left);

/**
 * run_page_end(page, page_len, rows, len):
 * Of a ${page} of parked ones, by id, all ${rows} that came are one customer's, and cut: behind
 * which parked one nobody was left out.
 */
NODISCARD struct uuid run_page_end(
    const struct due_row *page, size_t page_len, const struct run_customer_row *rows, size_t len);

#endif
