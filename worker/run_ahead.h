#ifndef WORKER_RUN_AHEAD_H
#define WORKER_RUN_AHEAD_H

/*
 * What a part of a real run looked ahead, and does piece by piece.  It belongs to whoever has the
 * part, and goes along when that is lent and comes back.
 */

#include "worker/run.h"

/* What a real run's part found and has not done yet, by customer, then due_at and id. */
struct run_ahead {
	struct instant until; /* up to when it was looked at */
	int32_t open_shard;   /* of which there may be more, behind ${open}; -1: of none */
	struct horizon open;
	size_t len, next; /* ${next}: the first that is not done */
	struct run_ahead_row {
		struct uuid customer_id, subscription_id;
		struct instant due_at;
	} rows[];
};

/**
 * run_ahead_new(rows, len, cut, until):
 * What a look up to ${until} found, as what is to be done: ${rows}, which come by shard, due_at and
 * id; where it was ${cut}, there may be more of the last one's shard.  The caller frees it with
 * free(3).
 */
NODISCARD struct run_ahead *run_ahead_new(
    const struct due_row *rows, size_t len, bool cut, struct instant until);

/**
 * run_ahead_take(ahead, max, part, ret_rows):
 * The next ones of ${ahead}, at most ${max}, to ${ret_rows}, each with how far its customer is
 * done.  Customers come as a whole; only the first, when he has more than ${max}, comes in part,
 * and is done no further than the last row that comes along.  How many.
 */
NODISCARD size_t run_ahead_take(const struct run_ahead *ahead, size_t max,
    const struct run_part *part, struct due_row *ret_rows);

/**
 * run_ahead_pass(part, found, unfinished):
 * Of the items that were ${found} in the ahead of ${part}, part->taken are done.  With
 * ${unfinished}, or where a customer came in part, not wholly: what is left is looked for anew, a
 * chunk at a time.
 */
void run_ahead_pass(struct run_part *part, const struct due_items *found, bool unfinished);

#endif
