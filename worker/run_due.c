/* Who is next in a part of a billing run. */

#include "common/base/id.h"
#include "worker/run_ahead.h"
#include "worker/run_find.h"
#include "worker/sight.h"

#define LIVE "r.status IN ('scheduled', 'trialing', 'active', 'past_due', 'paused')"
#define FAILED                                                                                 \
	"EXISTS (SELECT FROM billd.billing_run_failures f WHERE f.organisation_id = $1::uuid " \
	"AND f.run_id = $2::uuid AND f.subscription_id = r.id OFFSET 0)"
#define OURS "r.organisation_id = $1::uuid AND r.test_clock_id IS NULL"

/* All of a customer's that a run may be about, and ${that}. */
#define OF_CUSTOMER(that)                                                          \
	"FROM billd.subscriptions r WHERE r.organisation_id = $1::uuid "           \
	"AND r.customer_id = c.id AND " LIVE " AND r.test_clock_id IS NULL "       \
	"AND (r.billing_problem IS NOT NULL OR r.due_at <= $4::timestamptz) " that \
	"ORDER BY r.billing_problem IS NULL, r.due_at NULLS FIRST, r.id"

static const struct pg_statement statements[] = {
    {"run_due",
	"SELECT t.* FROM (SELECT shard, CASE WHEN n = 1 THEN $6::timestamptz END AS after_due_at "
	"FROM unnest($3::int4[]) WITH ORDINALITY q(shard, n) OFFSET 0) k "
	"CROSS JOIN LATERAL (SELECT r.shard, r.customer_id, r.id, r.due_at "
	"FROM billd.subscriptions r WHERE r.shard = k.shard AND r.due_at IS NOT NULL "
	"AND r.due_at <= $4::timestamptz "
	/* Behind -infinity all are, whatever their id. */
	"AND (r.due_at, r.id) > (coalesce(k.after_due_at, '-infinity'), $7::uuid) "
	"AND " OURS " AND NOT " FAILED
	/* Whoever has something parked comes later, with all of it. */
	" AND ($8::bool OR NOT EXISTS (SELECT FROM billd.subscriptions p "
	"WHERE p.organisation_id = $1::uuid AND p.customer_id = r.customer_id "
	"AND p.billing_problem IS NOT NULL OFFSET 0)) "
	"ORDER BY r.due_at, r.id LIMIT $5::int8) t LIMIT $5::int8"},
    {"run_parked", "SELECT t.customer_id, t.id FROM unnest($3::int4[]) k(shard) "
		   "CROSS JOIN LATERAL (SELECT r.customer_id, r.id FROM billd.subscriptions r "
		   "WHERE r.shard = k.shard AND r.billing_problem IS NOT NULL "
		   "AND ($4::uuid IS NULL OR r.id > $4::uuid) "
		   "AND " OURS " AND " LIVE " AND NOT " FAILED " OFFSET 0) t "
		   "ORDER BY t.id LIMIT $5::int8"},
    {"run_customers",
	"SELECT t.* FROM (SELECT c.id FROM unnest($3::uuid[]) c(id) "
	"CROSS JOIN LATERAL (SELECT r.shard, r.id, r.due_at, r.billing_problem " OF_CUSTOMER(
	    "") " LIMIT 1) first "
		/* A dry run takes a customer once, by the first row: his others are found, too. */
		"WHERE NOT $6::bool OR CASE WHEN $7::bool "
		"THEN first.billing_problem IS NOT NULL AND ($10::uuid IS NULL OR first.id > "
		"$10::uuid) "
		"ELSE first.billing_problem IS NULL AND (first.shard <> $8::int4 "
		"OR $9::timestamptz IS NULL OR (first.due_at, first.id) > ($9::timestamptz, "
		"$10::uuid)) "
		"END OFFSET 0) c "
		"CROSS JOIN LATERAL (SELECT r.customer_id, r.id, r.due_at, "
		"r.billing_problem IS NOT NULL " OF_CUSTOMER(
		    /* But what was tried, and what was not due yet. */
		    "AND NOT " FAILED " AND (r.billing_problem IS NULL OR $10::uuid IS NULL "
		    "OR r.id > $10::uuid) ") " LIMIT $5::int8) t LIMIT $5::int8"},
};

void
run_due_prepare(struct pg *pg)
{
	pg_prepare(pg, statements, ARRAY_LEN(statements));
}

/* Ask ${name} of what the organisation of ${part} has. */
static enum err_class
ask(struct batch_context *context, const struct run_part *part, const char *name,
    const struct pg_params *params, PGresult **ret_result, struct err *err)
{
	struct pg_params organisation;

	pg_params_init(&organisation, &context->arena);
	pg_params_uuid(&organisation, part->organisation_id);
	if (pg_run_within(context->pg, SIGHT_OF, &organisation, name, params, ret_result, err) !=
	    ERR_NONE)
		return err_wrap(err, "%s", name);
	return ERR_NONE;
}

/* A look in a part, while it is made. */
struct look {
	struct batch_context *context;
	struct run_part *part;
	struct instant until;
	size_t rows_max, ahead_max; /* rows, and such of a look ahead */
	struct due_items *found;
	struct run_look *result;
};

static struct due_row *
rows_room(struct look *look, size_t len)
{
	struct due_row *rows = arena_array(&look->context->arena, len + 1, sizeof(*rows));

	CHECK(rows != NULL);
	return rows;
}

/* The shards of our part from ${shard} on. */
static void
params_shards(struct pg_params *params, const struct look *look, int32_t shard)
{
	int32_t shards[SHARDS];
	size_t len = 0;

	for (; shard < SHARDS; shard += look->context->partitions_all)
		shards[len++] = shard;
	pg_params_int32s(params, shards, len);
}

/* ---- Customers, with all that is due of them and all that is parked. */

static bool
is_first_of_customer(const struct run_customer_row *rows, size_t i)
{
	return i == 0 || !uuid_equal(rows[i].due.customer_id, rows[i - 1].due.customer_id);
}

size_t
run_customers_take(const struct run_part *part, struct instant until,
    const struct run_customer_row *rows, size_t len, bool cut, struct due_row *ret_rows,
    bool *ret_left)
{
	struct horizon horizon = HORIZON_AT(until);
	size_t last = len;

	while (cut && last > 0 && !is_first_of_customer(rows, --last))
		continue;
	*ret_left = cut && (last > 0 || part->dry_run);
	if (*ret_left)
		len = last;
	else if (cut && len > 0 && !rows[len - 1].parked)
		horizon =
		    (struct horizon){rows[len - 1].due.due_at, rows[len - 1].due.subscription_id};
	for (size_t i = 0; i < len; i++) {
		ret_rows[i] = rows[i].due;
		ret_rows[i].horizon = horizon;
	}
	return len;
}

struct uuid
run_page_end(
    const struct due_row *page, size_t page_len, const struct run_customer_row *rows, size_t len)
{
	size_t reached = 0, parked = len;
	struct uuid end;

	CHECK(len > 0);
	while (
	    reached < page_len && !uuid_equal(page[reached].customer_id, rows[0].due.customer_id))
		reached++;
	CHECK(reached < page_len);
	/* Whoever else has a row behind was not come to. */
	while (reached + 1 < page_len &&
	       uuid_equal(page[reached + 1].customer_id, rows[0].due.customer_id))
		reached++;
	end = page[reached].subscription_id;
	/* And of this one more may be parked than came. */
	while (parked > 0 && !rows[parked - 1].parked)
		parked--;
	if (parked > 0 && uuid_compare(rows[parked - 1].due.subscription_id, end) < 0)
		end = rows[parked - 1].due.subscription_id;
	return end;
}

static void
customer_row_read(
    const struct look *look, const PGresult *result, int row, struct run_customer_row *ret_row)
{
	*ret_row = (struct run_customer_row){
	    .due = {.organisation_id = look->part->organisation_id,
		.customer_id = pg_get_uuid(result, row, 0),
		.subscription_id = pg_get_uuid(result, row, 1),
		.due_at = pg_get_instant(result, row, 2),
		.partition = look->part->partition},
	    .parked = pg_get_bool(result, row, 3),
	};
}

/* The place behind the item ${item} of what was found. */
static struct run_cursor
cursor_behind(
    const struct run_part *part, const struct due_items *found, const struct due_item *item)
{
	struct uuid id = found->subscription_ids[item->first];

	CHECK(item->len > 0);
	if (part->at.shard == SHARDS)
		return (struct run_cursor){SHARDS, INSTANT_NONE, id};
	return (struct run_cursor){id_shard(id), item->due_at, id};
}

/* The customers of ${rows}, each once, in their order. */
static size_t
customers_of(struct look *look, const struct due_row *rows, size_t len, struct uuid **ret_customers)
{
	struct arena *arena = &look->context->arena;
	struct uuid *customers = arena_array(arena, len + 1, sizeof(*customers));
	size_t customers_len = 0;
	struct index seen;

	CHECK(customers != NULL);
	index_init(&seen, arena);
	for (size_t i = 0; i < len; i++) {
		struct str key = index_key(&rows[i].customer_id);

		if (index_get(&seen, look->part->organisation_id, key) != NULL)
			continue;
		index_put(&seen, look->part->organisation_id, key, customers);
		customers[customers_len++] = rows[i].customer_id;
	}
	*ret_customers = customers;
	return customers_len;
}

/* Find the customers of ${page}, in its order, as many as there is room for.  All of them found,
 * the look ends at part->end. */
static enum err_class
customers_find(struct look *look, const struct due_row *page, size_t page_len, struct err *err)
{
	struct uuid *customers;
	size_t len = customers_of(look, page, page_len, &customers);
	struct run_part *part = look->part;
	struct arena *arena = &look->context->arena;
	struct run_customer_row *rows;
	struct due_row *due_rows;
	struct pg_params params;
	size_t rows_len, taken;
	PGresult *result;
	bool cut, left;

	pg_params_init(&params, arena);
	pg_params_uuid(&params, part->organisation_id);
	pg_params_uuid(&params, part->run_id);
	pg_params_uuids(&params, customers, len);
	pg_params_instant(&params, look->until);
	pg_params_int64(&params, CHUNK_SUBSCRIPTIONS_MAX);
	pg_params_bool(&params, part->dry_run);
	pg_params_bool(&params, part->at.shard == SHARDS);
	pg_params_int32(&params, part->at.shard);
	pg_params_instant(&params, part->at.after_due_at);
	pg_params_uuid(&params, part->at.after_id);
	if (ask(look->context, part, "run_customers", &params, &result, err) != ERR_NONE)
		return err->class;

	rows_len = (size_t)PQntuples(result);
	rows = arena_array(arena, rows_len + 1, sizeof(*rows));
	CHECK(rows != NULL);
	for (size_t i = 0; i < rows_len; i++)
		customer_row_read(look, result, (int)i, &rows[i]);
	PQclear(result);
	due_rows = rows_room(look, rows_len);
	cut = rows_len == CHUNK_SUBSCRIPTIONS_MAX;
	taken = run_customers_take(part, look->until, rows, rows_len, cut, due_rows, &left);
	/* A dry run lists whom it cannot take. */
	look->result->too_much = left && taken == 0;
	for (size_t i = 0; look->result->too_much && i < rows_len; i++)
		due_rows[taken++] = rows[i].due;
	chunk_items_take(look->found, due_rows, taken);
	if (left)
		part->end =
		    cursor_behind(part, look->found, &look->found->items[look->found->len - 1]);
	else if (cut)
		part->end.after_id = run_page_end(page, page_len, rows, rows_len);
	return ERR_NONE;
}

/* Find the customers of ${rows}, a page that ends at part->end.  Where nothing of theirs is to be
 * done, the part moves on. */
static enum err_class
page_find(struct look *look, const struct due_row *rows, size_t len, struct err *err)
{
	if (customers_find(look, rows, len, err) != ERR_NONE)
		return err->class;
	look->result->moved = look->found->len == 0;
	if (look->result->moved)
		look->part->at = look->part->end;
	return ERR_NONE;
}

/* ---- Shard by shard. */

void
run_rows_bound(struct due_row *rows, size_t len, bool cut, struct instant until)
{
	const struct due_row *last = len == 0 ? NULL : &rows[len - 1];

	for (size_t i = 0; i < len; i++) {
		bool open =
		    cut && id_shard(rows[i].subscription_id) == id_shard(last->subscription_id);

		rows[i].horizon = open ? (struct horizon){last->due_at, last->subscription_id}
				       : HORIZON_AT(until);
	}
}

/* What is due in our shards from ${cursor} on, at most ${max} rows; with ${all}, of customers with
 * something parked, too. */
static enum err_class
shards_find(struct look *look, const struct run_cursor *cursor, bool all, size_t max,
    struct due_row **ret_rows, size_t *ret_len, struct err *err)
{
	struct run_part *part = look->part;
	struct pg_params params;
	struct due_row *rows;
	PGresult *result;

	pg_params_init(&params, &look->context->arena);
	pg_params_uuid(&params, part->organisation_id);
	pg_params_uuid(&params, part->run_id);
	params_shards(&params, look, cursor->shard);
	pg_params_instant(&params, look->until);
	pg_params_int64(&params, (int64_t)max);
	pg_params_instant(&params, cursor->after_due_at);
	pg_params_uuid(&params, cursor->after_id);
	pg_params_bool(&params, all);
	if (ask(look->context, part, "run_due", &params, &result, err) != ERR_NONE)
		return err->class;
	*ret_len = (size_t)PQntuples(result);
	*ret_rows = rows = rows_room(look, *ret_len);
	for (int row = 0; row < PQntuples(result); row++)
		rows[row] = (struct due_row){
		    .organisation_id = part->organisation_id,
		    .customer_id = pg_get_uuid(result, row, 1),
		    .subscription_id = pg_get_uuid(result, row, 2),
		    .due_at = pg_get_instant(result, row, 3),
		    .partition = part->partition,
		};
	PQclear(result);
	return ERR_NONE;
}

/* Of a real run: what is found is done, and so not found again.  Shards in which nothing is found
 * are through once it is ${settled} up to when. */
static enum err_class
ahead_find(struct look *look, bool settled, struct err *err)
{
	const struct run_cursor from = {look->part->at.shard, INSTANT_NONE, UUID_NIL};
	struct run_part *part = look->part;
	struct due_row *rows = NULL;
	size_t len = 0;

	if (shards_find(look, &from, false, look->ahead_max, &rows, &len, err) != ERR_NONE)
		return err->class;
	if (settled)
		part->at.shard = len == 0 ? SHARDS : id_shard(rows[0].subscription_id);
	if (len > 0)
		part->ahead = run_ahead_new(rows, len, len == look->ahead_max, look->until);
	return ERR_NONE;
}

static enum err_class
real_shards_find(struct look *look, bool settled, struct err *err)
{
	struct run_part *part = look->part;
	struct due_row *rows;
	size_t len;

	if (part->ahead == NULL && ahead_find(look, settled, err) != ERR_NONE)
		return err->class;
	part->end = part->at;
	if (part->ahead == NULL)
		return ERR_NONE;
	rows = rows_room(look, look->rows_max);
	len = run_ahead_take(part->ahead, look->rows_max, part, rows);
	chunk_items_take(look->found, rows, len);
	return ERR_NONE;
}

/* Of a dry run: the customers who have something behind its cursor, and had nothing before it.  Of
 * one with very many most rows are no first one. */
static enum err_class
dry_shards_find(struct look *look, struct err *err)
{
	struct run_part *part = look->part;
	struct due_row *rows = NULL;
	size_t len = 0;

	if (shards_find(look, &part->at, false, look->rows_max, &rows, &len, err) != ERR_NONE)
		return err->class;
	part->end = (struct run_cursor){SHARDS, INSTANT_NONE, UUID_NIL};
	if (len == look->rows_max) {
		const struct due_row *last = &rows[len - 1];

		part->end = (struct run_cursor){
		    id_shard(last->subscription_id), last->due_at, last->subscription_id};
	}
	return page_find(look, rows, len, err);
}

/* ---- Behind the last shard. */

/* Customers with something parked that was not tried yet. */
static enum err_class
parked_find(struct look *look, struct err *err)
{
	struct run_part *part = look->part;
	struct pg_params params;
	struct due_row *rows;
	PGresult *result;
	size_t len;

	part->end = part->at;
	pg_params_init(&params, &look->context->arena);
	pg_params_uuid(&params, part->organisation_id);
	pg_params_uuid(&params, part->run_id);
	params_shards(&params, look, part->partition->id);
	pg_params_uuid(&params, part->at.after_id);
	pg_params_int64(&params, (int64_t)look->rows_max);
	if (ask(look->context, part, "run_parked", &params, &result, err) != ERR_NONE)
		return err->class;
	len = (size_t)PQntuples(result);
	rows = rows_room(look, len);
	for (size_t i = 0; i < len; i++) {
		rows[i] = (struct due_row){.customer_id = pg_get_uuid(result, (int)i, 0),
		    .subscription_id = pg_get_uuid(result, (int)i, 1)};
		part->end.after_id = rows[i].subscription_id;
	}
	PQclear(result);
	if (len == 0)
		return ERR_NONE;
	return page_find(look, rows, len, err);
}

/* A real run ends where nothing is due any more, wherever it came from meanwhile. */
static enum err_class
rest_find(struct look *look, struct err *err)
{
	const struct run_cursor from = {look->part->partition->id, INSTANT_NONE, UUID_NIL};
	struct due_row *rows = NULL;
	size_t len = 0;

	if (shards_find(look, &from, true, look->rows_max, &rows, &len, err) != ERR_NONE)
		return err->class;
	run_rows_bound(rows, len, len == look->rows_max, look->until);
	chunk_items_take(look->found, rows, len);
	look->part->end = look->part->at;
	return ERR_NONE;
}

enum err_class
run_find(struct run_task *task, struct batch_context *context, struct run_look *ret_look,
    struct err *err)
{
	struct run_part *part = &task->part;
	struct look look = {
	    .context = context,
	    .part = part,
	    .until = task->until,
	    .rows_max = task->chunk_len,
	    .ahead_max = part->crowded || task->ahead_max < task->chunk_len ? task->chunk_len
									    : task->ahead_max,
	    .found = &task->found,
	    .result = ret_look,
	};
	bool settled = task->settled;

	CHECK(look.rows_max > 0 && look.rows_max <= CHUNK_CUSTOMERS_MAX);

	*ret_look = (struct run_look){.through = false};
	task->found.len = task->found.subscriptions_len = 0;
	part->taken = 0;
	if (instant_is_none(task->until) || (part->dry_run && !settled))
		return ERR_NONE;
	if (part->at.shard < SHARDS &&
	    (part->dry_run ? dry_shards_find(&look, err) : real_shards_find(&look, settled, err)) !=
		ERR_NONE)
		return err->class;
	if (look.found->len > 0 || ret_look->moved || !settled)
		return ERR_NONE;
	if (parked_find(&look, err) != ERR_NONE)
		return err->class;
	if (look.found->len > 0 || ret_look->moved)
		return ERR_NONE;
	if (!part->dry_run && rest_find(&look, err) != ERR_NONE)
		return err->class;
	ret_look->through = look.found->len == 0;
	return ERR_NONE;
}
