#include "worker/run.h"

#include "tests/unit/worker_world.h"
#include "worker/run_ahead.h"
#include "worker/run_find.h"
#include "worker/run_report.h"

/* What of billing runs can be told without servers: how far they go, who is taken together, and
 * where a part then is.  The rest is tests/integration/test_billing_runs.py. */

static struct partition partition = {.id = 3};

/* A subscription of shard ${shard}. */
static struct uuid
id_in(int32_t shard, uint8_t number)
{
	return id_derive((struct uuid){{0x0b, number}}, ID_SUBSCRIPTION, 0, shard);
}

/* ---- Up to when. */

struct until_row {
	const char *name;
	int64_t as_of_s, created_s, due_until_s; /* the last: -1 for none */
	int64_t expected_s;                      /* -1: none */
	bool settled;
};

static const struct until_row until_rows[] = {
    {"past, and the log is through", 100, 200, 150, 100, true},
    {"at the very moment", 100, 100, 100, 100, true},
    {"the log is not there yet", 100, 100, 95, 95, false},
    {"nothing may be done", 100, 100, -1, -1, false},
    {"ahead, and nothing may be done", 101, 100, -1, -1, false},
    {"ahead, and what was accepted before it may wait", 101, 100, 99, -1, false},
    {"ahead, and that is through", 101, 100, 100, 101, true},
};

START_TEST(test_until)
{
	const struct until_row *row = &until_rows[_i];
	struct partition at = {
	    .due_until = row->due_until_s < 0 ? INSTANT_NONE : (struct instant){row->due_until_s}};
	const struct run_part part = {
	    .partition = &at, .as_of = {row->as_of_s}, .created_at = {row->created_s}};
	bool settled;
	struct instant until = run_until(&part, &settled);

	ck_assert_msg(settled == row->settled, "%s: settled", row->name);
	if (row->expected_s < 0)
		ck_assert_msg(instant_is_none(until), "%s: %lld", row->name, (long long)until.s);
	else
		ck_assert_msg(
		    until.s == row->expected_s, "%s: %lld", row->name, (long long)until.s);
}
END_TEST

/* ---- How far each customer is done. */

static struct due_row
row_of(int32_t shard, uint8_t number, int64_t due_s)
{
	return (struct due_row){.subscription_id = id_in(shard, number), .due_at = {due_s}};
}

static void
assert_horizon(const struct due_row *row, int64_t at_s, struct uuid id)
{
	ck_assert_int_eq(row->horizon.at.s, at_s);
	ck_assert(uuid_equal(row->horizon.id, id));
}

START_TEST(test_what_is_all_there_goes_all_the_way)
{
	struct due_row rows[] = {row_of(3, 1, 10), row_of(19, 2, 5), row_of(19, 3, 7)};

	run_rows_bound(rows, 0, false, (struct instant){50});
	run_rows_bound(rows, ARRAY_LEN(rows), false, (struct instant){50});
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_horizon(&rows[i], 50, HORIZON_ALL);
}
END_TEST

START_TEST(test_the_last_shard_of_a_full_look_ends_with_its_last_row)
{
	struct due_row rows[] = {row_of(3, 1, 10), row_of(19, 2, 5), row_of(19, 3, 7)};

	run_rows_bound(rows, ARRAY_LEN(rows), true, (struct instant){50});
	assert_horizon(&rows[0], 50, HORIZON_ALL);
	assert_horizon(&rows[1], 7, rows[2].subscription_id);
	assert_horizon(&rows[2], 7, rows[2].subscription_id);
}
END_TEST

/* ---- Customers with all that is due of them. */

#define ADA ((struct uuid){{0xad}})
#define BOB ((struct uuid){{0xb0}})

static struct run_customer_row
customer_row(struct uuid customer_id, uint8_t number, int64_t due_s)
{
	return (struct run_customer_row){
	    .due = {.customer_id = customer_id,
		.subscription_id = id_in(3, number),
		.due_at = due_s < 0 ? INSTANT_NONE : (struct instant){due_s}},
	    .parked = due_s < 0,
	};
}

struct take_row {
	const char *name;
	bool dry, cut;
	size_t len; /* of Ada's two and Bob's one */
	size_t taken;
	bool left;
	int64_t horizon_s; /* of the first */
};

static const struct take_row take_rows[] = {
    {"all of two", false, false, 3, 3, false, 50},
    {"all of two, dry", true, false, 3, 3, false, 50},
    {"the second is cut", false, true, 3, 2, true, 50},
    {"the second is cut, dry", true, true, 3, 2, true, 50},
    {"the only one is cut: as far as he is there", false, true, 2, 2, false, 7},
    {"the only one is cut, dry: not at all", true, true, 2, 0, true, 0},
    {"nobody", false, false, 0, 0, false, 0},
};

START_TEST(test_customers_are_taken_whole)
{
	const struct take_row *row = &take_rows[_i];
	const struct run_customer_row rows[] = {
	    customer_row(ADA, 1, 5), customer_row(ADA, 2, 7), customer_row(BOB, 3, 6)};
	const struct run_part part = {.dry_run = row->dry, .partition = &partition};
	struct due_row taken[ARRAY_LEN(rows)];
	bool left;
	size_t len =
	    run_customers_take(&part, (struct instant){50}, rows, row->len, row->cut, taken, &left);

	ck_assert_msg(len == row->taken, "%s: %zu", row->name, len);
	ck_assert_msg(left == row->left, "%s: left", row->name);
	if (len > 0)
		ck_assert_msg(taken[0].horizon.at.s == row->horizon_s, "%s: %lld", row->name,
		    (long long)taken[0].horizon.at.s);
}
END_TEST

/* ---- Where a page of parked ones ends, of which one customer alone came, and not all of him. */

/* What is parked has the id of its number. */
static struct uuid
parked_id(uint8_t number)
{
	return (struct uuid){{number}};
}

struct page_row {
	const char *name;
	const char *page; /* by id, from 1 on: whose each is */
	uint8_t parked;   /* of Ada, up to this one came, */
	bool due;         /* and what is due of her behind */
	uint8_t end;
};

static const struct page_row page_rows[] = {
    {"all are hers, and all of these came", "AAAA", 9, false, 4},
    {"all are hers, and more than came", "AAAA", 3, false, 3},
    {"all that is parked came, and not all that is due", "AAAA", 4, true, 4},
    {"the next customer stands behind her", "AABB", 9, true, 2},
    {"the next customer stands between hers", "ABAA", 9, false, 1},
    {"of one who stands before her nothing came", "BAAB", 9, false, 3},
};

START_TEST(test_a_page_ends_where_all_came)
{
	const struct page_row *row = &page_rows[_i];
	struct run_customer_row rows[16];
	struct due_row page[4];
	size_t len = 0;
	struct uuid end;

	for (uint8_t i = 0; i < ARRAY_LEN(page); i++)
		page[i] = (struct due_row){.customer_id = row->page[i] == 'A' ? ADA : BOB,
		    .subscription_id = parked_id(i + 1)};
	for (uint8_t number = 1; number <= row->parked; number++) {
		if (number <= ARRAY_LEN(page) && row->page[number - 1] != 'A')
			continue;
		rows[len] = customer_row(ADA, number, -1);
		rows[len++].due.subscription_id = parked_id(number);
	}
	if (row->due)
		rows[len++] = customer_row(ADA, 1, 5);
	end = run_page_end(page, ARRAY_LEN(page), rows, len);
	ck_assert_msg(uuid_equal(end, parked_id(row->end)), "%s: %d", row->name, end.b[0]);
}
END_TEST

static struct due_items found;

/* ---- Looking ahead. */

START_TEST(test_what_is_ahead_comes_by_customer)
{
	struct due_row rows[] = {row_of(3, 1, 10), row_of(19, 2, 5), row_of(19, 3, 7),
	    row_of(19, 4, 8), row_of(19, 5, 9)};
	struct run_part part = {.partition = &partition, .organisation_id = {{1}}};
	static struct due_items items;
	struct due_row taken[ARRAY_LEN(rows)];

	rows[0].customer_id = BOB;
	rows[1].customer_id = rows[3].customer_id = rows[4].customer_id = ADA;
	rows[2].customer_id = (struct uuid){{0xc0}};
	part.ahead = run_ahead_new(rows, ARRAY_LEN(rows), true, (struct instant){50});
	/* Ada has three, of which the third would stay behind: no further than the second, and what
	 * is left is looked for anew. */
	ck_assert_uint_eq(run_ahead_take(part.ahead, 2, &part, taken), 2);
	ck_assert(uuid_equal(taken[0].subscription_id, rows[1].subscription_id));
	ck_assert(uuid_equal(taken[0].organisation_id, part.organisation_id));
	ck_assert_ptr_eq(taken[0].partition, &partition);
	assert_horizon(&taken[0], 8, rows[3].subscription_id);
	assert_horizon(&taken[1], 8, rows[3].subscription_id);
	items.len = items.subscriptions_len = 0;
	chunk_items_take(&items, taken, 2);
	part.taken = items.len;
	run_ahead_pass(&part, &items, false);
	ck_assert_ptr_null(part.ahead);
	ck_assert(part.crowded);

	/* With more room she comes as a whole, and the next one, of whom there is more, does not.
	 */
	part.ahead = run_ahead_new(rows, ARRAY_LEN(rows), true, (struct instant){50});
	ck_assert_uint_eq(run_ahead_take(part.ahead, 4, &part, taken), 4);
	/* Behind the last one of a cut shard there may be more; in the shard before there is not.
	 */
	assert_horizon(&taken[0], 9, rows[4].subscription_id);
	ck_assert(uuid_equal(taken[3].customer_id, BOB));
	assert_horizon(&taken[3], 50, HORIZON_ALL);
	items.len = items.subscriptions_len = 0;
	chunk_items_take(&items, taken, 4);
	ck_assert_uint_eq(items.len, 2);
	part.taken = 1;
	run_ahead_pass(&part, &items, false);
	ck_assert(!part.crowded);
	ck_assert_uint_eq(run_ahead_take(part.ahead, ARRAY_LEN(rows), &part, taken), 2);
	ck_assert(uuid_equal(taken[0].customer_id, BOB));
	part.taken = 2;
	items.items[0] = items.items[1];
	run_ahead_pass(&part, &items, false);
	ck_assert_ptr_null(part.ahead);
	run_ahead_pass(&part, &items, false);
}
END_TEST

START_TEST(test_customers_ahead_come_as_a_whole)
{
	struct due_row rows[] = {row_of(19, 1, 1), row_of(19, 2, 2), row_of(19, 3, 3)};
	struct run_part part = {.partition = &partition};
	struct due_row taken[ARRAY_LEN(rows)];

	rows[0].customer_id = ADA;
	rows[1].customer_id = rows[2].customer_id = BOB;
	part.ahead = run_ahead_new(rows, ARRAY_LEN(rows), false, (struct instant){50});
	ck_assert_uint_eq(run_ahead_take(part.ahead, 2, &part, taken), 1);
	ck_assert(uuid_equal(taken[0].customer_id, ADA));
	assert_horizon(&taken[0], 50, HORIZON_ALL);
	free(part.ahead);
}
END_TEST

START_TEST(test_what_is_ahead_and_all_there)
{
	struct due_row rows[] = {row_of(19, 2, 5), row_of(19, 3, 7)};
	struct run_part part = {.partition = &partition};
	struct due_row taken[ARRAY_LEN(rows)];

	part.ahead = run_ahead_new(rows, ARRAY_LEN(rows), false, (struct instant){50});
	ck_assert_uint_eq(run_ahead_take(part.ahead, ARRAY_LEN(rows), &part, taken), 2);
	assert_horizon(&taken[0], 50, HORIZON_ALL);
	assert_horizon(&taken[1], 50, HORIZON_ALL);
	/* More is due of them than was done: they are looked for anew. */
	part.taken = 0;
	run_ahead_pass(&part, &found, true);
	ck_assert_ptr_null(part.ahead);
	ck_assert(part.crowded);
}
END_TEST

/* ---- Where a part then is. */

static void
find_three(void)
{
	struct due_row rows[] = {
	    row_of(3, 1, 10), row_of(19, 2, 5), row_of(19, 3, 7), row_of(19, 4, 8)};

	rows[0].customer_id = ADA;
	rows[1].customer_id = rows[3].customer_id = BOB;
	rows[2].customer_id = (struct uuid){{0xc0}};
	found.len = found.subscriptions_len = 0;
	chunk_items_take(&found, rows, ARRAY_LEN(rows));
	ck_assert_uint_eq(found.len, 3);
}

struct place_row {
	const char *name;
	struct run_cursor at, end;
	size_t done;
	int32_t shard;
	int64_t due_s;  /* -1: none */
	uint8_t number; /* of the id; 0: none */
};

#define AT_SHARD(number)                                         \
	{                                                        \
		.shard = (number), .after_due_at = { INT64_MIN } \
	}
#define AT_END AT_SHARD(SHARDS)

static const struct place_row place_rows[] = {
    {"real: the shard that it is at", AT_SHARD(3), AT_SHARD(3), 2, 3, -1, 0},
    {"dry: all of them", AT_SHARD(3), AT_END, 3, SHARDS, -1, 0},
    {"dry: the first", AT_SHARD(3), AT_END, 1, 3, 10, 1},
    {"dry: the second, by its first subscription", AT_SHARD(3), AT_END, 2, 19, 5, 2},
    {"parked: the second", AT_END,
	{.shard = SHARDS, .after_due_at = {INT64_MIN}, .after_id = {{1}}}, 2, SHARDS, -1, 2},
    {"the last look of a real run", AT_END, AT_END, 2, SHARDS, -1, 0},
};

START_TEST(test_where_a_part_is)
{
	const struct place_row *row = &place_rows[_i];
	struct run_part part = {.partition = &partition, .at = row->at, .end = row->end};
	struct run_report report = {.part = &part};

	find_three();
	ck_assert(instant_is_none(row->at.after_due_at));
	run_part_move(&part, &found, 0, row->done, &report);
	ck_assert_msg(report.at.shard == row->shard, "%s: %d", row->name, report.at.shard);
	ck_assert_msg(row->due_s < 0 ? instant_is_none(report.at.after_due_at)
				     : report.at.after_due_at.s == row->due_s,
	    "%s: %lld", row->name, (long long)report.at.after_due_at.s);
	if (row->number == 0)
		ck_assert_msg(uuid_is_nil(report.at.after_id), "%s", row->name);
	else if (row->number == 1)
		ck_assert_msg(uuid_equal(report.at.after_id, id_in(3, 1)), "%s", row->name);
	else
		ck_assert_msg(uuid_equal(report.at.after_id, id_in(19, 2)), "%s", row->name);
	ck_assert_uint_eq(report.taken, row->done);
	run_part_moved(&part, &report);
	ck_assert_int_eq(part.at.shard, row->shard);
	ck_assert_int_eq(part.stored.shard, row->shard);
	ck_assert_uint_eq(part.taken, row->done);
}
END_TEST

struct cursor_row {
	const char *name;
	bool dry;
	int32_t shard;
	bool by_cursor;
};

static const struct cursor_row cursor_rows[] = {
    {"dry", true, 3, true},
    {"dry, at what is parked", true, SHARDS, true},
    {"real: what is done is not due any more", false, 3, false},
    {"real, at what is parked", false, SHARDS, true},
};

START_TEST(test_what_goes_by_a_cursor)
{
	const struct cursor_row *row = &cursor_rows[_i];
	const struct run_part part = {.dry_run = row->dry, .at = {.shard = row->shard}};

	ck_assert_msg(run_part_is_by_cursor(&part) == row->by_cursor, "%s", row->name);
}
END_TEST

static const struct run_part left_out_rows[] = {
    {.dry_run = true, .taken = 1, .at = AT_SHARD(3)},
    {.taken = 1, .at = AT_END},
};

/* What it left out would not be found again. */
START_TEST(test_by_a_cursor_none_is_left_out)
{
	struct run_part part = left_out_rows[_i];
	struct run_report report = {.part = &part};

	find_three();
	run_part_move(&part, &found, 2, 1, &report);
}
END_TEST

START_TEST(test_without_a_cursor_some_may_be)
{
	struct run_part part = {
	    .partition = &partition, .at = AT_SHARD(3), .end = AT_SHARD(3), .taken = 1};
	struct run_report report = {.part = &part};

	find_three();
	run_part_move(&part, &found, 2, 1, &report);
	ck_assert_uint_eq(report.taken, 3);
}
END_TEST

UNIT_MAIN("run", UNIT_ROWS(test_until, until_rows), UNIT(test_what_is_all_there_goes_all_the_way),
    UNIT(test_the_last_shard_of_a_full_look_ends_with_its_last_row),
    UNIT(test_what_is_ahead_comes_by_customer), UNIT(test_customers_ahead_come_as_a_whole),
    UNIT(test_what_is_ahead_and_all_there), UNIT_ROWS(test_customers_are_taken_whole, take_rows),
    UNIT_ROWS(test_a_page_ends_where_all_came, page_rows),
    UNIT_ROWS(test_where_a_part_is, place_rows), UNIT_ROWS(test_what_goes_by_a_cursor, cursor_rows),
    UNIT_ABORTS_ROWS(test_by_a_cursor_none_is_left_out, left_out_rows),
    UNIT(test_without_a_cursor_some_may_be))
