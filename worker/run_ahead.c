#include "worker/run_ahead.h"

#include <stdlib.h>

#include "common/base/id.h"

/* In the order of customers' ids; of each, in that in which it is done. */
static int
compare(const void *a, const void *b)
{
	const struct run_ahead_row *one = a, *other = b;
	int order = uuid_compare(one->customer_id, other->customer_id);

	if (order != 0)
		return order;
	if (one->due_at.s != other->due_at.s)
		return one->due_at.s < other->due_at.s ? -1 : 1;
	return uuid_compare(one->subscription_id, other->subscription_id);
}

struct run_ahead *
run_ahead_new(const struct due_row *rows, size_t len, bool cut, struct instant until)
{
	struct run_ahead *ahead = malloc(sizeof(*ahead) + len * sizeof(ahead->rows[0]));

	CHECK(ahead != NULL && len > 0);
	*ahead = (struct run_ahead){.until = until, .open_shard = -1, .len = len};
	if (cut) {
		ahead->open_shard = id_shard(rows[len - 1].subscription_id);
		ahead->open = (struct horizon){rows[len - 1].due_at, rows[len - 1].subscription_id};
	}
	for (size_t i = 0; i < len; i++)
		ahead->rows[i] = (struct run_ahead_row){
		    rows[i].customer_id, rows[i].subscription_id, rows[i].due_at};
	qsort(ahead->rows, len, sizeof(ahead->rows[0]), compare);
	return ahead;
}

/* How far the customer of ${row} is done, as far as the look knew. */
static struct horizon
horizon_of(const struct run_ahead *ahead, const struct run_ahead_row *row)
{
	return id_shard(row->subscription_id) == ahead->open_shard ? ahead->open
								   : HORIZON_AT(ahead->until);
}

size_t
run_ahead_take(const struct run_ahead *ahead, size_t max, const struct run_part *part,
    struct due_row *ret_rows)
{
	const struct run_ahead_row *rows = &ahead->rows[ahead->next];
	size_t left = ahead->len - ahead->next, len = left < max ? left : max, whole = len;

	/* A customer comes as a whole where there is room. */
	while (whole > 0 && whole < left &&
	       uuid_equal(rows[whole].customer_id, rows[whole - 1].customer_id))
		whole--;
	if (whole > 0)
		len = whole;
	for (size_t i = 0; i < len; i++)
		ret_rows[i] = (struct due_row){
		    .organisation_id = part->organisation_id,
		    .customer_id = rows[i].customer_id,
		    .subscription_id = rows[i].subscription_id,
		    .due_at = rows[i].due_at,
		    .horizon = horizon_of(ahead, &rows[i]),
		    .partition = part->partition,
		};
	for (size_t i = 0; whole == 0 && i < len; i++)
		ret_rows[i].horizon =
		    (struct horizon){rows[len - 1].due_at, rows[len - 1].subscription_id};
	return len;
}

void
run_ahead_pass(struct run_part *part, const struct due_items *found, bool unfinished)
{
	struct run_ahead *ahead = part->ahead;
	const struct run_ahead_row *next;

	part->crowded = unfinished;
	if (ahead == NULL)
		return;
	for (size_t i = 0; i < part->taken; i++)
		ahead->next += found->items[i].len;
	CHECK(ahead->next <= ahead->len);
	next = &ahead->rows[ahead->next];
	/* What was done of a customer may be due again before the rest. */
	part->crowded |= ahead->next > 0 && ahead->next < ahead->len &&
			 uuid_equal(next->customer_id, (next - 1)->customer_id);
	if (ahead->next < ahead->len && !part->crowded)
		return;
	free(ahead);
	part->ahead = NULL;
}
