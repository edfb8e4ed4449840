#include "common/domain/money.h"
#include "common/postgres/row_internal.h"
#include "tests/unit/row_pieces.h"

/* Updates of the columns that most updates change alone. */

/* A column of each kind that stays, a list that is no column, and some columns that move. */
struct life {
	struct uuid organisation_id;
	struct uuid id;
	struct str name;
	int32_t count;
	int64_t amount;
	bool is_on;
	struct instant at;
	struct currency currency;
	struct str_map metadata;
	struct str bytes;
	struct str problem;
	int64_t seen_at;
	const struct life *parts;
	size_t parts_len;
	int64_t limit;
	struct decimal price;
	const struct piece *pieces;
	size_t pieces_len;
	struct uuid_list ids;
	struct str_list words;
	struct instant due_at;
	struct str status;
	const struct piece *gifts;
	size_t gifts_len;
};

static const struct record part_record = {.name = "part"};

static const struct field life_fields[] = {
    FIELD(struct life, organisation_id, FIELD_UUID),
    FIELD(struct life, id, FIELD_UUID),
    FIELD(struct life, name, FIELD_STR),
    FIELD(struct life, count, FIELD_INT32),
    FIELD(struct life, amount, FIELD_INT64),
    FIELD(struct life, is_on, FIELD_BOOL),
    FIELD(struct life, at, FIELD_INSTANT),
    FIELD(struct life, currency, FIELD_CURRENCY),
    FIELD(struct life, metadata, FIELD_STR_MAP),
    FIELD(struct life, bytes, FIELD_BYTES),
    FIELD(struct life, problem, FIELD_JSON),
    FIELD(struct life, seen_at, FIELD_MILLIS),
    FIELD_LIST(struct life, parts, &part_record),
    FIELD(struct life, limit, FIELD_INT64_OR_NONE),
    FIELD(struct life, price, FIELD_DECIMAL),
    FIELD_LIST_COLUMN(struct life, pieces, &piece_record),
    FIELD(struct life, ids, FIELD_UUIDS),
    FIELD(struct life, words, FIELD_STRS),
    FIELD(struct life, due_at, FIELD_INSTANT),
    FIELD(struct life, status, FIELD_STR),
    FIELD_LIST_COLUMN(struct life, gifts, &piece_record),
};

static const struct record life_record = RECORD(struct life, "life", life_fields);

#define LIVES                                                                               \
	.name = "lives", .table = "billd.lives", .record = &life_record, .updatable = true, \
	.keys = {"organisation_id", "id"}

static const struct row_table lives = {LIVES, .moving = {"due_at", "status", "gifts"}};

/* Nothing of which moves. */
static const struct row_table still_lives = {LIVES};

static const struct piece pieces[] = {{.name = {"a", 1}}, {.name = {"b", 1}}};

static struct life
life(void)
{
	return (struct life){
	    .organisation_id = {{1}},
	    .id = {{2}},
	    .name = STR("first"),
	    .at = INSTANT_NONE,
	    .limit = INT64_MIN,
	    .price = DECIMAL_NONE,
	    .due_at = INSTANT_NONE,
	    .pieces = pieces,
	    .pieces_len = ARRAY_LEN(pieces),
	};
}

START_TEST(test_writes_what_moves)
{
	const struct life row = life();
	const void *pointer = &row;
	struct arena arena = {0};
	struct pg_params params;
	struct err err;
	struct buf buf;

	buf_init(&buf, 8192);
	row_sql_move(&lives, &buf);
	unit_assert_str(buf_str(&buf),
	    "UPDATE billd.lives t SET \"due_at\" = k.\"due_at\", \"status\" = k.\"status\", "
	    "\"gifts\" = k.\"gifts\"::jsonb FROM (SELECT unnest($1::uuid[]) AS "
	    "\"organisation_id\", unnest($2::uuid[]) AS \"id\", unnest($3::timestamptz[]) AS "
	    "\"due_at\", unnest($4::text[]) AS \"status\", unnest($5::text[]) AS \"gifts\") AS k "
	    "WHERE t.\"organisation_id\" = k.\"organisation_id\" AND t.\"id\" = k.\"id\"",
	    "the statement");
	buf_release(&buf);
	row_pieces_arena(&arena);
	pg_params_init(&params, &arena);
	ck_assert_int_eq(row_params(&lives, ROW_MOVE, &pointer, 1, &params, &err), ERR_NONE);
	ck_assert_int_eq(params.len, 5);
	ck_assert_uint_eq(params.types[2], PG_TIMESTAMPTZ_ARRAY);
	/* The whole update stays what it was. */
	pg_params_init(&params, &arena);
	ck_assert_int_eq(row_params(&lives, ROW_UPDATE, &pointer, 1, &params, &err), ERR_NONE);
	ck_assert_int_eq(params.len, ARRAY_LEN(life_fields) - 1);
	arena_release(&arena);
}
END_TEST

/* Each is a table whose moving columns are wrong. */
static const struct row_table bad_tables[] = {
    {LIVES, .moving = {"status", "nope"}},
    {LIVES, .moving = {"status", "due_at"}}, /* not in the record's order */
    {LIVES, .moving = {"id"}},
    {LIVES, .moving = {"parts"}},
    {LIVES, .moving = {"status"}, .mutable = {"due_at"}},
    {.name = "lives",
	.table = "billd.lives",
	.record = &life_record,
	.keys = {"organisation_id", "id"},
	.moving = {"status"}},
};

START_TEST(test_aborts_on_what_cannot_move)
{
	struct buf buf;

	buf_init(&buf, 8192);
	row_sql_move(&bad_tables[_i], &buf);
}
END_TEST

/* Members of which any byte differs. */
struct member_row {
	const char *name;
	size_t offset, size;
	bool moves;
};

#define MEMBER_OF(member, bytes, does_move)                                                \
	{                                                                                  \
		.name = #member, .offset = offsetof(struct life, member), .size = (bytes), \
		.moves = (does_move),                                                      \
	}
#define MEMBER(member, moves) MEMBER_OF(member, sizeof(((const struct life *)0)->member), moves)
#define POINTER(member, moves) MEMBER_OF(member, sizeof(void *), moves)

static const struct member_row member_rows[] = {
    MEMBER(organisation_id, false),
    MEMBER(id, false),
    MEMBER(name, false),
    MEMBER(count, false),
    MEMBER(amount, false),
    MEMBER(is_on, false),
    MEMBER(at, false),
    MEMBER(currency, false),
    MEMBER(metadata, false),
    MEMBER(bytes, false),
    MEMBER(problem, false),
    MEMBER(seen_at, false),
    MEMBER(limit, false),
    MEMBER(price, false),
    POINTER(pieces, false),
    MEMBER(pieces_len, false),
    MEMBER(ids, false),
    MEMBER(words, false),
    MEMBER(due_at, true),
    MEMBER(status, true),
    POINTER(gifts, true),
    MEMBER(gifts_len, true),
    POINTER(parts, true), /* is no column */
    MEMBER(parts_len, true),
};

START_TEST(test_tells_what_moves)
{
	const struct member_row *row = &member_rows[_i];
	const struct life before = life();

	ck_assert(row_moves(&lives, &before, &before));
	for (size_t i = 0; i < row->size; i++) {
		struct life after = before;

		((unsigned char *)&after)[row->offset + i] ^= 1;
		ck_assert_msg(
		    row_moves(&lives, &before, &after) == row->moves, "%s: byte %zu", row->name, i);
		ck_assert_msg(
		    row_moves(&lives, &after, &before) == row->moves, "%s: byte %zu", row->name, i);
		/* Whatever else moves with it. */
		after.due_at.s++;
		after.status = STR("expired");
		ck_assert_msg(
		    row_moves(&lives, &before, &after) == row->moves, "%s: byte %zu", row->name, i);
	}
}
END_TEST

/* None is not the same as empty, and what was copied is not looked into. */
START_TEST(test_texts_and_lists_that_stand_elsewhere)
{
	char copy[] = "first";
	const struct piece copies[] = {pieces[0], pieces[1]};
	const struct life before = life();
	struct life after = before;

	after.name.ptr = copy;
	ck_assert(!row_moves(&lives, &before, &after));
	after = before;
	after.pieces = copies;
	ck_assert(!row_moves(&lives, &before, &after));
	after = before;
	after.problem = STR("");
	ck_assert(!row_moves(&lives, &before, &after));
	after.problem = STR_NONE;
	ck_assert(row_moves(&lives, &before, &after));
}
END_TEST

START_TEST(test_a_table_of_which_nothing_moves)
{
	const struct life before = life();
	struct life after = before;

	ck_assert(!row_moves(&still_lives, &before, &before));
	after.due_at.s++;
	ck_assert(!row_moves(&still_lives, &before, &after));
}
END_TEST

UNIT_MAIN("row_moves", UNIT(test_writes_what_moves),
    UNIT_ABORTS_ROWS(test_aborts_on_what_cannot_move, bad_tables),
    UNIT_ROWS(test_tells_what_moves, member_rows), UNIT(test_texts_and_lists_that_stand_elsewhere),
    UNIT(test_a_table_of_which_nothing_moves))
