#include "worker/hourly.h"

#include <stdlib.h>

#include "common/base/id.h"
#include "worker/actor.h"
#include "worker/sight.h"

#define HOUR_S INT64_C(3600)
#define HOUR_MS (HOUR_S * 1000)
#define HOURS_LOCK INT64_C(0x62696c6c64686f72) /* "billdhor": no other lock of ours has it */
#define SHARDS_OF_GROUP (SHARDS / HOURLY_GROUPS)
#define CAPACITY_FIRST 64
#define DUE                                                     \
	"AND r.due_at IS NOT NULL AND r.test_clock_id IS NULL " \
	"AND r.due_at <= $3::timestamptz "

static const struct pg_statement statements[] = {
    {"hourly_begin", "BEGIN"},
    {"hourly_lock", "SELECT pg_try_advisory_xact_lock($1::int8)"},
    {"hourly_end", "COMMIT"},
    /* Whose last run failed at nothing is not looked at again; whose did is, shard by shard, up to
     * the first row that is no such failure.  A failure is none any more once its subscription has
     * moved (due_at), or was changed by a command that came behind the run's hour. */
    {"hourly_find",
	"SELECT o.organisation_id FROM (SELECT s.organisation_id, array_agg(s.shard) AS shards "
	"FROM (SELECT DISTINCT t.organisation_id, k.shard "
	"FROM generate_series($1::int4, $2::int4) k(shard) CROSS JOIN LATERAL ("
	"SELECT r.organisation_id FROM billd.subscriptions r WHERE r.shard = k.shard " DUE
	"OFFSET 0) t) s GROUP BY s.organisation_id OFFSET 0) o "
	"WHERE NOT EXISTS (SELECT FROM billd.billing_runs b "
	"WHERE b.organisation_id = o.organisation_id AND b.created_ms >= $4::int8 "
	"AND b.as_of = $3::timestamptz AND b.trigger = 'schedule' OFFSET 0) "
	"AND coalesce((SELECT l.failed = 0 OR EXISTS (SELECT FROM unnest(o.shards) k(shard) "
	"CROSS JOIN LATERAL (SELECT FROM billd.subscriptions r "
	"WHERE r.organisation_id = o.organisation_id AND r.shard = k.shard " DUE
	"AND NOT EXISTS (SELECT FROM billd.billing_run_failures f "
	"WHERE f.organisation_id = o.organisation_id AND f.run_id = l.id "
	"AND f.subscription_id = r.id AND f.due_at = r.due_at AND r.updated_at < l.as_of "
	"OFFSET 0) LIMIT 1) u) FROM billd.billing_runs l "
	"WHERE l.organisation_id = o.organisation_id AND l.trigger = 'schedule' "
	"AND l.status = 'finished' ORDER BY l.created_ms DESC, l.id DESC LIMIT 1), true)"},
};

void
hourly_prepare(struct pg *pg)
{
	pg_prepare(pg, statements, ARRAY_LEN(statements));
}

enum err_class
hourly_begin(struct pg *pg, struct arena *arena, bool *ret_ours, struct err *err)
{
	PGresult *result = NULL;
	struct pg_params params;

	pg_params_init(&params, arena);
	pg_params_int64(&params, HOURS_LOCK);
	if (pg_run_within(pg, "hourly_begin", NULL, "hourly_lock", &params, &result, err) !=
	    ERR_NONE)
		return err_wrap(err, "the lock of the hourly runs");
	*ret_ours = pg_get_bool(result, 0, 0);
	PQclear(result);
	return ERR_NONE;
}

enum err_class
hourly_hold(struct pg *pg, struct arena *arena, struct err *err)
{
	PGresult *result = NULL;
	struct pg_params params;
	bool ours;

	pg_params_init(&params, arena);
	pg_params_int64(&params, HOURS_LOCK);
	if (pg_run(pg, "hourly_lock", &params, &result, err) != ERR_NONE)
		return err_wrap(err, "the lock of the hourly runs");
	ours = pg_get_bool(result, 0, 0);
	PQclear(result);
	/* Whoever has it gets it again. */
	CHECK(ours);
	return ERR_NONE;
}

enum err_class
hourly_end(struct pg *pg, struct err *err)
{
	if (pg_run(pg, "hourly_end", NULL, NULL, err) == ERR_NONE)
		return ERR_NONE;
	pg_rollback(pg);
	return err_wrap(err, "the lock of the hourly runs");
}

int64_t
hourly_hour(int64_t now_ms, int64_t margin_ms)
{
	CHECK(margin_ms >= 0 && now_ms >= margin_ms);

	return (now_ms - margin_ms) / HOUR_MS;
}

static void
list_add(struct hourly_list *list, struct uuid id)
{
	if (list->len == list->capacity) {
		list->capacity = list->capacity == 0 ? CAPACITY_FIRST : list->capacity * 2;
		list->ids = realloc(list->ids, list->capacity * sizeof(list->ids[0]));
		CHECK(list->ids != NULL);
	}
	list->ids[list->len++] = id;
}

enum err_class
hourly_find(struct pg *pg, struct arena *arena, int32_t group, int64_t hour,
    struct hourly_list *list, struct err *err)
{
	struct pg_params params;
	PGresult *found;

	CHECK(group >= 0 && group < HOURLY_GROUPS);
	pg_params_init(&params, arena);
	pg_params_int32(&params, group * SHARDS_OF_GROUP);
	pg_params_int32(&params, (group + 1) * SHARDS_OF_GROUP - 1);
	pg_params_instant(&params, (struct instant){hour * HOUR_S});
	pg_params_int64(&params, hour * HOUR_MS);
	if (pg_run_within(pg, SIGHT_DUE, NULL, "hourly_find", &params, &found, err) != ERR_NONE)
		return err_wrap(err, "what is due at the hour");
	for (int row = 0; row < PQntuples(found); row++)
		list_add(list, pg_get_uuid(found, row, 0));
	PQclear(found);
	return ERR_NONE;
}

void
hourly_unite(struct hourly_list *list)
{
	list->len = uuid_unite(list->ids, list->len);
}

void
hourly_release(struct hourly_list *list)
{
	free(list->ids);
	*list = (struct hourly_list){.len = 0};
}

struct start_billing_run
hourly_command(struct uuid organisation_id, int64_t hour, int64_t now_ms)
{
	CHECK(hour >= 0 && hour <= UINT32_MAX);

	return (struct start_billing_run){
	    .meta =
		{
		    .operation_id = id_derive(organisation_id, ID_RUN_OF_HOUR, (uint32_t)hour,
			id_shard_of_key(organisation_id)),
		    .organisation_id = organisation_id,
		    .actor = ACTOR_RUNS,
		    .accepted_at = now_ms,
		},
	    .as_of = {hour * HOUR_S},
	    .dry_run = false,
	    .invoices_max = BILLING_RUN_INVOICES_MAX,
	};
}
