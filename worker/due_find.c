/* Who has something due: looked up shard by shard, as row-level security cannot know whose it is.
 */

#include "common/base/id.h"
#include "worker/due.h"
#include "worker/sight.h"

#define DUE_NOW "r.due_at IS NOT NULL AND r.test_clock_id IS NULL AND r.due_at <= k.until"
#define DUE_ON_CLOCK \
	"r.due_at IS NOT NULL AND r.test_clock_id IS NOT NULL AND r.due_at <= c.target_at"

static const struct pg_statement statements[] = {
    {"due_subscriptions",
	/* OFFSET 0: the time is computed before it meets a policy, so that an index may use it. */
	"SELECT t.* FROM (SELECT shard, to_timestamp(until_s) AS until "
	"FROM unnest($1::int4[], $2::int8[]) q(shard, until_s) OFFSET 0) k "
	"CROSS JOIN LATERAL (SELECT r.organisation_id, r.customer_id, r.id, r.shard, r.due_at, "
	"k.until "
	"FROM billd.subscriptions r WHERE r.shard = k.shard AND " DUE_NOW
	" AND r.customer_id <> ALL ($4::uuid[])"
	" ORDER BY r.due_at, r.id LIMIT $3::int8) t LIMIT $3::int8"},
    /* A clock without a customer in its row has nothing left. */
    {"due_clocks",
	"SELECT c.organisation_id, c.id, c.shard, c.target_at, s.customer_id, s.id, s.due_at "
	"FROM (SELECT t.* FROM unnest($1::int4[]) k(shard) "
	"CROSS JOIN LATERAL (SELECT r.organisation_id, r.id, r.shard, r.target_at "
	"FROM billd.test_clocks r WHERE r.shard = k.shard AND r.status = 'advancing' "
	"LIMIT $2::int8) t LIMIT $2::int8) c "
	"LEFT JOIN LATERAL (SELECT r.customer_id, r.id, r.due_at FROM billd.subscriptions r "
	"WHERE r.test_clock_id = c.id AND r.organisation_id = c.organisation_id AND " DUE_ON_CLOCK
	" ORDER BY r.due_at, r.id LIMIT $2::int8) s ON true LIMIT $2::int8"},
};

void
due_prepare(struct pg *pg)
{
	pg_prepare(pg, statements, ARRAY_LEN(statements));
}

/* The shards of our partitions, those of partition number ${turn} first, and up to when each is
 * looked at. */
static size_t
shards_list(const struct batch_context *context, int32_t turn, int32_t *shards, int64_t *until_s)
{
	const struct partitions *partitions = context->partitions;
	size_t len = 0;

	for (size_t i = 0; i < partitions->len; i++) {
		const struct partition *partition =
		    &partitions->items[((size_t)turn + i) % partitions->len];

		if (!due_looks_at(partition))
			continue;
		for (int32_t shard = partition->id; shard < SHARDS;
		     shard += context->partitions_all) {
			shards[len] = shard;
			until_s[len++] = partition->due_until.s;
		}
	}
	return len;
}

static enum err_class
find_send(struct batch_context *context, bool continuous, const int32_t *shards,
    const int64_t *until_s, size_t len, const struct uuid *left_alone, size_t left_len,
    struct err *err)
{
	struct pg *pg = context->pg;
	struct pg_params due, clocks;

	pg_params_init(&due, &context->arena);
	pg_params_int32s(&due, shards, continuous ? len : 0);
	pg_params_int64s(&due, until_s, continuous ? len : 0);
	pg_params_int64(&due, DUE_FOUND_MAX);
	pg_params_uuids(&due, left_alone, left_len);
	pg_params_init(&clocks, &context->arena);
	pg_params_int32s(&clocks, shards, len);
	pg_params_int64(&clocks, DUE_FOUND_MAX);
	if (pg_connect(pg, err) != ERR_NONE || pg_send(pg, SIGHT_DUE, NULL, err) != ERR_NONE ||
	    pg_send(pg, "due_clocks", &clocks, err) != ERR_NONE ||
	    pg_send(pg, "due_subscriptions", &due, err) != ERR_NONE || pg_sync(pg, err) != ERR_NONE)
		return err->class;
	return ERR_NONE;
}

static struct partition *
partition_of(const struct batch_context *context, int32_t shard)
{
	struct partition *partition =
	    partitions_find(context->partitions, shard & (context->partitions_all - 1));

	CHECK(partition != NULL);
	return partition;
}

/* Where a look was full, rows of the last clock or shard may be missing: nothing goes behind the
 * last one that was found of each. */
static void
rows_bound(struct due_row *rows, size_t len)
{
	struct horizon horizon = HORIZON_AT(INSTANT_NONE);

	if (len < DUE_FOUND_MAX)
		return;
	for (size_t i = len; i-- > 0;) {
		const struct due_row *next = &rows[i + 1];

		if (uuid_is_nil(rows[i].subscription_id))
			continue;
		if (i + 1 == len ||
		    id_shard(rows[i].subscription_id) != id_shard(next->subscription_id) ||
		    !uuid_equal(rows[i].test_clock_id, next->test_clock_id))
			horizon = (struct horizon){rows[i].due_at, rows[i].subscription_id};
		rows[i].horizon = horizon;
	}
}

static void
clocks_take(
    const struct batch_context *context, const PGresult *result, struct due_items *ret_items)
{
	struct due_row rows[DUE_FOUND_MAX];
	size_t len = (size_t)PQntuples(result);

	for (int row = 0; row < (int)len; row++)
		rows[row] = (struct due_row){
		    .organisation_id = pg_get_uuid(result, row, 0),
		    .test_clock_id = pg_get_uuid(result, row, 1),
		    .partition = partition_of(context, pg_get_int32(result, row, 2)),
		    .horizon = HORIZON_AT(pg_get_instant(result, row, 3)),
		    .customer_id = pg_get_uuid(result, row, 4),
		    .subscription_id = pg_get_uuid(result, row, 5),
		    .due_at = pg_get_instant(result, row, 6),
		};
	rows_bound(rows, len);
	chunk_items_take(ret_items, rows, len);
}

static void
subscriptions_take(
    const struct batch_context *context, const PGresult *result, struct due_items *ret_items)
{
	struct due_row rows[DUE_FOUND_MAX];
	size_t len = (size_t)PQntuples(result);

	for (int row = 0; row < (int)len; row++)
		rows[row] = (struct due_row){
		    .organisation_id = pg_get_uuid(result, row, 0),
		    .customer_id = pg_get_uuid(result, row, 1),
		    .subscription_id = pg_get_uuid(result, row, 2),
		    .partition = partition_of(context, pg_get_int32(result, row, 3)),
		    .due_at = pg_get_instant(result, row, 4),
		    .horizon = HORIZON_AT(pg_get_instant(result, row, 5)),
		};
	rows_bound(rows, len);
	chunk_items_take(ret_items, rows, len);
}

enum err_class
due_find(struct batch_context *context, int32_t turn, bool continuous,
    const struct uuid *left_alone, size_t left_len, struct due_items *ret_items, struct err *err)
{
	int32_t shards[SHARDS];
	int64_t until_s[SHARDS];
	size_t len = shards_list(context, turn, shards, until_s);
	PGresult *see = NULL, *clocks = NULL, *due = NULL;
	enum err_class class = ERR_NONE;
	struct pg *pg = context->pg;

	ret_items->len = ret_items->subscriptions_len = 0;
	if (len == 0)
		return ERR_NONE;
	arena_reset(&context->arena);
	if (find_send(context, continuous, shards, until_s, len, left_alone, left_len, err) !=
		ERR_NONE ||
	    pg_receive(pg, &see, err) != ERR_NONE || pg_receive(pg, &clocks, err) != ERR_NONE ||
	    pg_receive(pg, &due, err) != ERR_NONE || pg_finish(pg, err) != ERR_NONE) {
		class = err_wrap(err, "due");
		pg_rollback(pg);
		goto out;
	}
	/* By turns, as a chunk may be full before it comes to the second. */
	if (turn % 2 == 0)
		clocks_take(context, clocks, ret_items);
	subscriptions_take(context, due, ret_items);
	if (turn % 2 != 0)
		clocks_take(context, clocks, ret_items);
out:
	PQclear(see);
	PQclear(clocks);
	PQclear(due);
	return class;
}
