/* Which parts of billing runs are ours to do, and their beginning.  Who is due in one is
 * run_due.c's. */

#include "worker/run_find.h"

#include "common/base/id.h"
#include "worker/sight.h"

/* Behind each shard of a part q: what is due of the organisation, and what is parked. */
#define SHARDS_OF_PART "generate_series(q.part, $6::int4 - 1, $5::int4) k(shard)"
#define DUE_IN_SHARD                                                              \
	"billd.subscriptions r WHERE r.shard = k.shard AND r.due_at IS NOT NULL " \
	"AND r.test_clock_id IS NULL AND r.due_at <= $4::timestamptz "            \
	"AND r.organisation_id = $1::uuid"
#define PARKED_IN_SHARD                                                                    \
	"billd.subscriptions r WHERE r.shard = k.shard AND r.billing_problem IS NOT NULL " \
	"AND r.test_clock_id IS NULL AND r.organisation_id = $1::uuid"
#define ANY_OF(rows)                                                                   \
	"EXISTS (SELECT FROM " SHARDS_OF_PART " CROSS JOIN LATERAL (SELECT FROM " rows \
	" LIMIT 1) t OFFSET 0)"
#define COUNT_OF(rows)                                                                   \
	"(SELECT count(*) FROM " SHARDS_OF_PART " CROSS JOIN LATERAL (SELECT FROM " rows \
	" OFFSET 0) t)"

#define TEXT(value) #value
#define NUMBER(value) TEXT(value)
/* So many runs from the turn on: however many are on their way, a look is short. */
#define RUNS_OF_PAGE(created_ms, id)                                    \
	"FROM billd.billing_runs WHERE status = 'running' "             \
	"AND (created_ms, id) >= (" created_ms "::int8, " id "::uuid) " \
	"ORDER BY created_ms, id LIMIT " NUMBER(RUN_PAGE_MAX)

static const struct pg_statement statements[] = {
    {"run_page", "SELECT created_ms, id " RUNS_OF_PAGE("$1", "$2")},
    {"run_parts",
	"SELECT r.organisation_id, r.id, q.part, r.as_of, r.created_at, r.created_ms, r.dry_run, "
	"r.invoices_max, p.part IS NOT NULL, coalesce(p.shard, q.part), p.after_due_at, p.after_id "
	"FROM (SELECT * " RUNS_OF_PAGE(
	    "$2", "$3") ") r "
			"CROSS JOIN unnest($1::int4[]) q(part) "
			"LEFT JOIN LATERAL (SELECT * FROM billd.billing_run_parts p "
			"WHERE p.organisation_id = r.organisation_id AND p.run_id = r.id AND "
			"p.part = q.part "
			"OFFSET 0) p ON true "
			"WHERE p.finished_at IS NULL "
			"AND (r.created_ms, r.id, q.part) > ($2::int8, $3::uuid, $4::int4) "
			"ORDER BY r.created_ms, r.id, q.part LIMIT $5::int8"},
    {"run_begin_through",
	"INSERT INTO billd.billing_run_parts (organisation_id, run_id, part, shard, finished_at) "
	"SELECT $1::uuid, $2::uuid, q.part, $6::int4, now() FROM unnest($3::int4[]) q(part) "
	"WHERE NOT " ANY_OF(DUE_IN_SHARD) " AND NOT " ANY_OF(
	    PARKED_IN_SHARD) " ON CONFLICT DO NOTHING"},
    {"run_begin",
	"INSERT INTO billd.billing_run_parts (organisation_id, run_id, part, shard, due) "
	"SELECT $1::uuid, $2::uuid, q.part, q.part, " COUNT_OF(DUE_IN_SHARD) " + " COUNT_OF(
	    PARKED_IN_SHARD) " FROM (SELECT q.part FROM unnest($3::int4[]) q(part) "
			     "WHERE " ANY_OF(DUE_IN_SHARD) " OR " ANY_OF(
				 PARKED_IN_SHARD) " LIMIT 1) q "
						  "ON CONFLICT DO NOTHING"},
};

void
run_find_prepare(struct pg *pg)
{
	pg_prepare(pg, statements, ARRAY_LEN(statements));
}

struct instant
run_until(const struct run_part *part, bool *ret_settled)
{
	struct instant until = part->as_of;

	*ret_settled = false;
	if (instant_is_none(part->partition->due_until))
		return INSTANT_NONE;
	if (part->as_of.s <= part->created_at.s) {
		if (part->partition->due_until.s < until.s)
			until = part->partition->due_until;
	} else if (part->partition->due_until.s < part->created_at.s) {
		/* Ahead of its own beginning a run was asked to be, but not of what was accepted
		 * before it. */
		return INSTANT_NONE;
	}
	*ret_settled = until.s == part->as_of.s;
	return until;
}

/* ---- Our parts. */

static enum err_class
parts_send(const struct runs *runs, struct batch_context *context, struct err *err)
{
	const struct partitions *partitions = context->partitions;
	int32_t ids[CONSUMER_PARTITIONS_MAX];
	struct pg *pg = context->pg;
	struct pg_params page, params;

	for (size_t i = 0; i < partitions->len; i++)
		ids[i] = partitions->items[i].id;
	pg_params_init(&page, &context->arena);
	pg_params_int64(&page, runs->turn_created_ms);
	pg_params_uuid(&page, runs->turn_run_id);
	pg_params_init(&params, &context->arena);
	pg_params_int32s(&params, ids, partitions->len);
	pg_params_int64(&params, runs->turn_created_ms);
	pg_params_uuid(&params, runs->turn_run_id);
	pg_params_int32(&params, runs->turn_partition);
	pg_params_int64(&params, RUN_PARTS_MAX);
	if (pg_connect(pg, err) != ERR_NONE || pg_send(pg, SIGHT_DUE, NULL, err) != ERR_NONE ||
	    pg_send(pg, "run_page", &page, err) != ERR_NONE ||
	    pg_send(pg, "run_parts", &params, err) != ERR_NONE || pg_sync(pg, err) != ERR_NONE)
		return err->class;
	return ERR_NONE;
}

static void
parts_take(struct runs *runs, struct batch_context *context, const PGresult *result)
{
	for (int row = 0; row < PQntuples(result); row++) {
		struct partition *partition =
		    partitions_find(context->partitions, pg_get_int32(result, row, 2));
		struct run_part *part = &runs->parts[runs->parts_len++];

		CHECK(partition != NULL);
		*part = (struct run_part){
		    .organisation_id = pg_get_uuid(result, row, 0),
		    .run_id = pg_get_uuid(result, row, 1),
		    .partition = partition,
		    .as_of = pg_get_instant(result, row, 3),
		    .created_at = pg_get_instant(result, row, 4),
		    .created_ms = pg_get_int64(result, row, 5),
		    .dry_run = pg_get_bool(result, row, 6),
		    .invoices_max = pg_get_int64(result, row, 7),
		    .begun = pg_get_bool(result, row, 8),
		    .stored = {.shard = pg_get_int32(result, row, 9),
			.after_due_at = pg_get_instant(result, row, 10),
			.after_id = pg_get_uuid(result, row, 11)},
		};
		part->at = part->end = part->stored;
	}
}

enum err_class
run_find_parts(struct runs *runs, struct batch_context *context, struct err *err)
{
	PGresult *see = NULL, *page = NULL, *parts = NULL;
	enum err_class class = ERR_NONE;
	struct pg *pg = context->pg;

	runs->parts_len = 0;
	arena_reset(&context->arena);
	if (parts_send(runs, context, err) != ERR_NONE || pg_receive(pg, &see, err) != ERR_NONE ||
	    pg_receive(pg, &page, err) != ERR_NONE || pg_receive(pg, &parts, err) != ERR_NONE ||
	    pg_finish(pg, err) != ERR_NONE) {
		class = err_wrap(err, "run parts");
		pg_rollback(pg);
		goto out;
	}
	runs->page_full = PQntuples(page) == RUN_PAGE_MAX;
	if (runs->page_full) {
		runs->page_created_ms = pg_get_int64(page, RUN_PAGE_MAX - 1, 0);
		runs->page_run_id = pg_get_uuid(page, RUN_PAGE_MAX - 1, 1);
	}
	parts_take(runs, context, parts);
out:
	PQclear(see);
	PQclear(page);
	PQclear(parts);
	return class;
}

/* ---- Their beginning. */

static void
params_begin(struct pg_params *params, const struct batch_context *context,
    const struct run_part *first, const int32_t *ids, size_t len)
{
	pg_params_uuid(params, first->organisation_id);
	pg_params_uuid(params, first->run_id);
	pg_params_int32s(params, ids, len);
	pg_params_instant(params, first->as_of);
	pg_params_int32(params, context->partitions_all);
	pg_params_int32(params, SHARDS);
}

enum err_class
run_find_begin(const struct runs *runs, struct batch_context *context, const struct run_part *first,
    int64_t *ret_begun, struct err *err)
{
	int32_t all[RUN_PARTS_MAX], settled[RUN_PARTS_MAX];
	PGresult *act = NULL, *through = NULL, *begun = NULL;
	size_t all_len = 0, settled_len = 0;
	struct pg_params organisation, params_through, params_all;
	enum err_class class = ERR_NONE;
	struct pg *pg = context->pg;

	for (const struct run_part *part = first; part < runs->parts + runs->parts_len; part++) {
		bool is_settled;

		if (part->begun || !uuid_equal(part->run_id, first->run_id) ||
		    instant_is_none(run_until(part, &is_settled)))
			continue;
		all[all_len++] = part->partition->id;
		if (is_settled)
			settled[settled_len++] = part->partition->id;
	}
	arena_reset(&context->arena);
	pg_params_init(&params_through, &context->arena);
	params_begin(&params_through, context, first, settled, settled_len);
	pg_params_init(&params_all, &context->arena);
	params_begin(&params_all, context, first, all, all_len);
	pg_params_init(&organisation, &context->arena);
	pg_params_uuid(&organisation, first->organisation_id);
	if (pg_connect(pg, err) != ERR_NONE ||
	    pg_send(pg, SIGHT_OF, &organisation, err) != ERR_NONE ||
	    pg_send(pg, "run_begin_through", &params_through, err) != ERR_NONE ||
	    pg_send(pg, "run_begin", &params_all, err) != ERR_NONE ||
	    pg_sync(pg, err) != ERR_NONE || pg_receive(pg, &act, err) != ERR_NONE ||
	    pg_receive(pg, &through, err) != ERR_NONE || pg_receive(pg, &begun, err) != ERR_NONE ||
	    pg_finish(pg, err) != ERR_NONE) {
		class = err_wrap(err, "run begin");
		pg_rollback(pg);
		goto out;
	}
	*ret_begun = pg_changed(through) + pg_changed(begun);
out:
	PQclear(act);
	PQclear(through);
	PQclear(begun);
	return class;
}
