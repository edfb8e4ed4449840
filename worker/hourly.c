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

static const struct pg_statement statements[] = {
    /* The lock belongs to the session, and so does the note that we have it: taken again it would
     * be counted. */
    {"hourly_turn",
	"SELECT CASE WHEN current_setting('billd.hourly', true) = 'on' THEN true "
	"WHEN pg_try_advisory_lock($1::int8) THEN set_config('billd.hourly', 'on', false) = 'on' "
	"ELSE false END, (extract(epoch FROM clock_timestamp()) * 1000)::int8"},
    {"hourly_find",
	"SELECT o.organisation_id FROM (SELECT DISTINCT t.organisation_id "
	"FROM generate_series($1::int4, $2::int4) k(shard) CROSS JOIN LATERAL ("
	"SELECT r.organisation_id FROM billd.subscriptions r WHERE r.shard = k.shard "
	"AND r.due_at IS NOT NULL AND r.test_clock_id IS NULL AND r.due_at <= $3::timestamptz "
	"OFFSET 0) t) o "
	"WHERE NOT EXISTS (SELECT FROM billd.billing_runs b "
	"WHERE b.organisation_id = o.organisation_id AND b.created_ms >= $4::int8 "
	"AND b.as_of = $3::timestamptz AND b.trigger = 'schedule')"},
};

void
hourly_prepare(struct pg *pg)
{
	pg_prepare(pg, statements, ARRAY_LEN(statements));
}

enum err_class
hourly_turn(
    struct pg *pg, struct arena *arena, bool *ret_ours, int64_t *ret_now_ms, struct err *err)
{
	PGresult *result = NULL;
	struct pg_params params;

	pg_params_init(&params, arena);
	pg_params_int64(&params, HOURS_LOCK);
	if (pg_run(pg, "hourly_turn", &params, &result, err) != ERR_NONE)
		return err_wrap(err, "the lock of the hourly runs");
	*ret_ours = pg_get_bool(result, 0, 0);
	*ret_now_ms = pg_get_int64(result, 0, 1);
	PQclear(result);
	return ERR_NONE;
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

static int
compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct uuid));
}

void
hourly_unite(struct hourly_list *list)
{
	size_t len = 0;

	if (list->len == 0)
		return;
	qsort(list->ids, list->len, sizeof(list->ids[0]), compare);
	for (size_t i = 0; i < list->len; i++)
		if (len == 0 || !uuid_equal(list->ids[i], list->ids[len - 1]))
			list->ids[len++] = list->ids[i];
	list->len = len;
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
