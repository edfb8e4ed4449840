#include "common/domain/money.h"
#include "common/postgres/row_internal.h"
#include "tests/unit/row_pieces.h"

#define COLUMNS 16

/* A column of each kind, and a list that is none. */
struct thing {
	struct uuid organisation_id;
	struct str position; /* a word of SQL */
	int32_t count;
	int64_t amount;
	bool is_on;
	struct instant at;
	struct currency currency;
	struct str_map metadata;
	struct str bytes;
	struct str problem;
	int64_t seen_at;
	const struct thing *parts;
	size_t parts_len;
	int64_t limit;
	struct decimal price;
	const struct piece *pieces;
	size_t pieces_len;
	struct uuid_list ids;
	struct str_list words;
};

static const struct record part_record = {.name = "part"};

static const struct field thing_fields[] = {
    FIELD(struct thing, organisation_id, FIELD_UUID),
    FIELD(struct thing, position, FIELD_STR),
    FIELD(struct thing, count, FIELD_INT32),
    FIELD(struct thing, amount, FIELD_INT64),
    FIELD(struct thing, is_on, FIELD_BOOL),
    FIELD(struct thing, at, FIELD_INSTANT),
    FIELD_LIST(struct thing, parts, &part_record),
    FIELD(struct thing, currency, FIELD_CURRENCY),
    FIELD(struct thing, metadata, FIELD_STR_MAP),
    FIELD(struct thing, bytes, FIELD_BYTES),
    FIELD(struct thing, problem, FIELD_JSON),
    FIELD(struct thing, seen_at, FIELD_MILLIS),
    FIELD(struct thing, limit, FIELD_INT64_OR_NONE),
    FIELD(struct thing, price, FIELD_DECIMAL),
    FIELD_LIST_COLUMN(struct thing, pieces, &piece_record),
    FIELD(struct thing, ids, FIELD_UUIDS),
    FIELD(struct thing, words, FIELD_STRS),
};

static const struct record thing_record = RECORD(struct thing, "thing", thing_fields);

static const struct row_table things = {.name = "things",
    .table = "billd.things",
    .record = &thing_record,
    .keys = {"organisation_id", "position"},
    .updatable = true};

/* Of which little changes. */
static const struct row_table papers = {.name = "papers",
    .table = "billd.papers",
    .record = &thing_record,
    .keys = {"organisation_id", "position"},
    .updatable = true,
    .mutable = {"words", "amount"}};

static struct arena arena;

static void
write_select(const struct row_table *table, struct buf *buf)
{
	row_sql_select(table, "FROM billd.things t WHERE t.count = $1::int4", buf);
}

struct sql_row {
	const char *name;
	void (*write)(const struct row_table *table, struct buf *buf);
	const char *expected;
};

#define T_COLUMNS                                                                                \
	"SELECT t.\"organisation_id\", t.\"position\", t.\"count\", t.\"amount\", t.\"is_on\", " \
	"t.\"at\", t.\"currency\", t.\"metadata\"::text, t.\"bytes\", t.\"problem\"::text, "     \
	"t.\"seen_at\", t.\"limit\", t.\"price\"::text, t.\"pieces\"::text, "                    \
	"t.\"ids\"::text, t.\"words\"::text "
#define UNNEST                                                                                    \
	"(SELECT unnest($1::uuid[]) AS \"organisation_id\", unnest($2::text[]) AS \"position\", " \
	"unnest($3::int4[]) AS \"count\", unnest($4::int8[]) AS \"amount\", unnest($5::bool[]) "  \
	"AS \"is_on\", unnest($6::timestamptz[]) AS \"at\", unnest($7::text[]) AS \"currency\", " \
	"unnest($8::text[]) AS \"metadata\", unnest($9::bytea[]) AS \"bytes\", "                  \
	"unnest($10::text[]) AS \"problem\", unnest($11::timestamptz[]) AS \"seen_at\", "         \
	"unnest($12::int8[]) AS \"limit\", unnest($13::text[]) AS \"price\", "                    \
	"unnest($14::text[]) AS \"pieces\", unnest($15::text[]) AS \"ids\", unnest($16::text[]) " \
	"AS \"words\") AS k"

static const struct sql_row sql_rows[] = {
    {"load: one array for each key", row_sql_load,
	T_COLUMNS "FROM unnest($1::uuid[], $2::text[]) AS k(\"organisation_id\", \"position\") "
		  "JOIN billd.things t USING (\"organisation_id\", \"position\")"},
    {"another load: the same columns", write_select,
	T_COLUMNS "FROM billd.things t WHERE t.count = $1::int4"},
    {"insert: one array for each column", row_sql_insert,
	"INSERT INTO billd.things (\"organisation_id\", \"position\", \"count\", \"amount\", "
	"\"is_on\", \"at\", \"currency\", \"metadata\", \"bytes\", \"problem\", \"seen_at\", "
	"\"limit\", \"price\", \"pieces\", \"ids\", \"words\") "
	"SELECT k.\"organisation_id\", k.\"position\", k.\"count\", k.\"amount\", k.\"is_on\", "
	"k.\"at\", k.\"currency\", k.\"metadata\"::jsonb, k.\"bytes\", k.\"problem\"::json, "
	"k.\"seen_at\", k.\"limit\", k.\"price\"::numeric, k.\"pieces\"::jsonb, "
	"k.\"ids\"::jsonb, k.\"words\"::jsonb FROM " UNNEST},
    {"update: all but the keys", row_sql_update,
	"UPDATE billd.things t SET \"count\" = k.\"count\", \"amount\" = k.\"amount\", "
	"\"is_on\" = k.\"is_on\", \"at\" = k.\"at\", \"currency\" = k.\"currency\", "
	"\"metadata\" = k.\"metadata\"::jsonb, \"bytes\" = k.\"bytes\", "
	"\"problem\" = k.\"problem\"::json, \"seen_at\" = k.\"seen_at\", "
	"\"limit\" = k.\"limit\", \"price\" = k.\"price\"::numeric, "
	"\"pieces\" = k.\"pieces\"::jsonb, \"ids\" = k.\"ids\"::jsonb, "
	"\"words\" = k.\"words\"::jsonb FROM " UNNEST
	" WHERE t.\"organisation_id\" = k.\"organisation_id\" AND t.\"position\" = k.\"position\""},
};

START_TEST(test_writes_sql)
{
	const struct sql_row *row = &sql_rows[_i];
	struct buf buf;

	buf_init(&buf, 8192);
	row->write(&things, &buf);
	ck_assert(!buf.overflow);
	unit_assert_str(buf_str(&buf), row->expected, row->name);
	buf_release(&buf);
}
END_TEST

/* An update of what hardly changes has the keys and that, and no parameters for the rest. */
START_TEST(test_updates_what_may_change)
{
	const struct thing row = {.organisation_id = {{1}}, .amount = 7};
	const void *pointer = &row;
	struct pg_params params;
	struct err err;
	struct buf buf;

	buf_init(&buf, 8192);
	row_sql_update(&papers, &buf);
	unit_assert_str(buf_str(&buf),
	    "UPDATE billd.papers t SET \"amount\" = k.\"amount\", \"words\" = k.\"words\"::jsonb "
	    "FROM (SELECT unnest($1::uuid[]) AS \"organisation_id\", unnest($2::text[]) AS "
	    "\"position\", unnest($3::int8[]) AS \"amount\", unnest($4::text[]) AS \"words\") AS k "
	    "WHERE t.\"organisation_id\" = k.\"organisation_id\" AND t.\"position\" = "
	    "k.\"position\"",
	    "the statement");
	buf_release(&buf);
	row_pieces_arena(&arena);
	pg_params_init(&params, &arena);
	ck_assert_int_eq(row_params(&papers, ROW_UPDATE, &pointer, 1, &params, &err), ERR_NONE);
	ck_assert_int_eq(params.len, 4);
	ck_assert_uint_eq(params.types[2], PG_INT8_ARRAY);
	pg_params_init(&params, &arena);
	ck_assert_int_eq(row_params(&papers, ROW_INSERT, &pointer, 1, &params, &err), ERR_NONE);
	ck_assert_int_eq(params.len, COLUMNS);
}
END_TEST

START_TEST(test_key_without_column)
{
	const struct row_table bad = {.name = "things",
	    .table = "billd.things",
	    .record = &thing_record,
	    .keys = {"nope"},
	    .updatable = true};
	struct buf buf;

	buf_init(&buf, 8192);
	row_sql_load(&bad, &buf);
}
END_TEST

static const struct str_pair pairs[] = {{{"z", 1}, {"1 \"q\"\n", 6}}, {{"", 0}, {"\xc3\xa4", 2}}};

static const struct piece inner[] = {{.name = {"\xc3\xa4\"", 3}}, {.name = {"", 0}}};

static const struct uuid ids[] = {
    {{0xab, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}},
    {{0}},
};

static const struct str words[] = {{"\xc3\xa4\"", 3}, {"", 0}};

static const struct piece pieces[] = {
    {{"a", 1}, INT64_MAX, INT64_MIN, {1}, inner, ARRAY_LEN(inner), true, {{0xff}}, {ids, 1},
	{words, 2}, {"EUR"}},
    {{NULL, 0}, -1, 0, {-1}, NULL, 0, false, {{0}}, {NULL, 0}, {NULL, 0}, {""}},
};

static struct thing
full_thing(void)
{
	return (struct thing){
	    .organisation_id = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}},
	    .position = STR("first"),
	    .count = -2,
	    .amount = INT64_MIN,
	    .is_on = true,
	    .at = {INSTANT_MIN_S},
	    .currency = {"KWD"},
	    .metadata = {pairs, ARRAY_LEN(pairs)},
	    .bytes = {"\0\xff", 2},
	    .problem = STR("{\"a\":1}"),
	    .seen_at = 946684800001,
	    .limit = -1,
	    .price = {DECIMAL_SCALE * 3 / 2},
	    .pieces = pieces,
	    .pieces_len = ARRAY_LEN(pieces),
	    .ids = {ids, ARRAY_LEN(ids)},
	    .words = {words, ARRAY_LEN(words)},
	};
}

static struct thing
empty_thing(void)
{
	return (struct thing){.at = INSTANT_NONE, .limit = INT64_MIN, .price = DECIMAL_NONE};
}

static struct pg_params
make_params(const struct thing *rows, size_t len)
{
	const void *pointers[4];
	struct pg_params params;
	struct err err;

	ck_assert_uint_le(len, ARRAY_LEN(pointers));
	for (size_t i = 0; i < len; i++)
		pointers[i] = &rows[i];
	pg_params_init(&params, &arena);
	ck_assert_msg(row_params(&things, ROW_INSERT, pointers, len, &params, &err) == ERR_NONE,
	    "%s", err.text);
	ck_assert(!params.overflow);
	ck_assert_int_eq(params.len, COLUMNS);
	return params;
}

#define HEAD(type_high, type_low, count) \
	"\0\0\0\1\0\0\0\1\0\0" type_high type_low "\0\0\0" count "\0\0\0\1"
#define BYTES(literal) literal, sizeof(literal) - 1

/* Two rows, the full thing and the empty one, as the wire has each column. */
struct column_row {
	const char *name;
	int column;
	Oid type;
	const char *bytes;
	size_t len;
};

#define PIECES                                                                                   \
	"[{\"name\":\"a\",\"size\":9223372036854775807,\"limit\":null,"                          \
	"\"price\":\"0.000000000001\",\"pieces\":[{\"name\":\"\xc3\xa4\\\"\"},{\"name\":\"\"}]," \
	"\"is_on\":true,\"id\":\"ff000000-0000-0000-0000-000000000000\","                        \
	"\"ids\":[\"ab020304-0506-0708-090a-0b0c0d0e0f10\"],\"words\":[\"\xc3\xa4\\\"\",\"\"],"  \
	"\"currency\":\"EUR\"},"                                                                 \
	"{\"name\":null,\"size\":-1,\"limit\":0,\"price\":null,\"pieces\":[],"                   \
	"\"is_on\":false,\"id\":null,\"ids\":[],\"words\":[],\"currency\":null}]"

static const struct column_row column_rows[] = {
    {"uuid; nil is NULL", 0, PG_UUID_ARRAY,
	BYTES(HEAD("\x0b", "\x86", "\2") "\0\0\0\x10\1\2\3\4\5\6\7\x8\x9\xa\xb\xc\xd\xe\xf\x10"
					 "\xff\xff\xff\xff")},
    {"text; none is NULL", 1, PG_TEXT_ARRAY,
	BYTES(HEAD("\0", "\x19", "\2") "\0\0\0\5"
				       "first"
				       "\xff\xff\xff\xff")},
    {"int4", 2, PG_INT4_ARRAY,
	BYTES(HEAD("\0", "\x17", "\2") "\0\0\0\4\xff\xff\xff\xfe"
				       "\0\0\0\4\0\0\0\0")},
    {"int8", 3, PG_INT8_ARRAY,
	BYTES(HEAD("\0", "\x14", "\2") "\0\0\0\x8\x80\0\0\0\0\0\0\0"
				       "\0\0\0\x8\0\0\0\0\0\0\0\0")},
    {"bool", 4, PG_BOOL_ARRAY,
	BYTES(HEAD("\0", "\x10", "\2") "\0\0\0\1\1"
				       "\0\0\0\1\0")},
    /* 1970-01-01 is 946684800000000 microseconds before 2000-01-01: 0xfffca2fec4c82000. */
    {"timestamptz; none is NULL", 5, PG_TIMESTAMPTZ_ARRAY,
	BYTES(HEAD("\x04", "\xa0", "\2") "\0\0\0\x8\xff\xfc\xa2\xfe\xc4\xc8\x20\0"
					 "\xff\xff\xff\xff")},
    {"currency; empty is NULL", 6, PG_TEXT_ARRAY,
	BYTES(HEAD("\0", "\x19", "\2") "\0\0\0\3KWD"
				       "\xff\xff\xff\xff")},
    {"map, in its order; no pairs are an empty object", 7, PG_TEXT_ARRAY,
	BYTES(HEAD("\0", "\x19", "\2") "\0\0\0\x19{\"z\":\"1 \\\"q\\\"\\n\",\"\":\"\xc3\xa4\"}"
				       "\0\0\0\2{}")},
    {"bytea; none is NULL", 8, PG_BYTEA_ARRAY,
	BYTES(HEAD("\0", "\x11", "\2") "\0\0\0\2\0\xff"
				       "\xff\xff\xff\xff")},
    {"json; none is NULL", 9, PG_TEXT_ARRAY,
	BYTES(HEAD("\0", "\x19", "\2") "\0\0\0\7{\"a\":1}"
				       "\xff\xff\xff\xff")},
    {"milliseconds: 1 after 2000-01-01, and 1970-01-01", 10, PG_TIMESTAMPTZ_ARRAY,
	BYTES(HEAD("\x04", "\xa0", "\2") "\0\0\0\x8\0\0\0\0\0\0\3\xe8"
					 "\0\0\0\x8\xff\xfc\xa2\xfe\xc4\xc8\x20\0")},
    {"int8; none is NULL", 11, PG_INT8_ARRAY,
	BYTES(HEAD("\0", "\x14", "\2") "\0\0\0\x8\xff\xff\xff\xff\xff\xff\xff\xff"
				       "\xff\xff\xff\xff")},
    {"decimal, as text; none is NULL", 12, PG_TEXT_ARRAY,
	BYTES(HEAD("\0", "\x19", "\2") "\0\0\0\3"
				       "1.5"
				       "\xff\xff\xff\xff")},
    {"a list, each field by its name; none is an empty array", 13, PG_TEXT_ARRAY,
	BYTES(HEAD("\0", "\x19", "\2") "\0\0\1\x7a" PIECES "\0\0\0\2[]")},
    {"ids as texts, the nil one too; none are an empty array", 14, PG_TEXT_ARRAY,
	BYTES(HEAD("\0", "\x19", "\2") "\0\0\0\x4f"
				       "[\"ab020304-0506-0708-090a-0b0c0d0e0f10\","
				       "\"00000000-0000-0000-0000-000000000000\"]"
				       "\0\0\0\2[]")},
    {"texts; none are an empty array", 15, PG_TEXT_ARRAY,
	BYTES(HEAD("\0", "\x19", "\2") "\0\0\0\xb[\"\xc3\xa4\\\"\",\"\"]"
				       "\0\0\0\2[]")},
};

START_TEST(test_encodes_columns)
{
	const struct column_row *row = &column_rows[_i];
	const struct thing rows[] = {full_thing(), empty_thing()};
	struct pg_params params;

	row_pieces_arena(&arena);
	params = make_params(rows, ARRAY_LEN(rows));
	ck_assert_msg(params.types[row->column] == row->type, "%s: type %u", row->name,
	    params.types[row->column]);
	ck_assert_int_eq(params.formats[row->column], 1);
	ck_assert_msg((size_t)params.lengths[row->column] == row->len, "%s: %d bytes, not %zu",
	    row->name, params.lengths[row->column], row->len);
	ck_assert_msg(
	    memcmp(params.values[row->column], row->bytes, row->len) == 0, "%s: bytes", row->name);
}
END_TEST

START_TEST(test_encodes_empty_array)
{
	static const char expected[] = "\0\0\0\0\0\0\0\1\0\0\x0b\x86";
	struct pg_params params;

	row_pieces_arena(&arena);
	pg_params_init(&params, &arena);
	pg_params_uuids(&params, NULL, 0);
	ck_assert_int_eq(params.lengths[0], sizeof(expected) - 1);
	ck_assert_mem_eq(params.values[0], expected, sizeof(expected) - 1);
}
END_TEST

static int32_t
int32_at(const char *bytes)
{
	uint32_t value = 0;

	for (int i = 0; i < 4; i++)
		value = value << 8 | (uint8_t)bytes[i];
	return (int32_t)value;
}

/* What PostgreSQL would answer to a load, had it stored ${params}. */
static PGresult *
echo(const struct pg_params *params, int rows)
{
	PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
	char name[] = "column";
	PGresAttDesc columns[COLUMNS];

	for (int i = 0; i < COLUMNS; i++)
		columns[i] = (PGresAttDesc){.name = name, .format = 1};
	ck_assert_int_eq(PQsetResultAttrs(result, COLUMNS, columns), 1);
	for (int column = 0; column < COLUMNS; column++) {
		const char *at = params->values[column] + 20;

		for (int row = 0; row < rows; row++) {
			int32_t len = int32_at(at);
			char value[512];

			at += 4;
			ck_assert_int_le(len, (int32_t)sizeof(value));
			memcpy(value, at, len < 0 ? 0 : (size_t)len);
			ck_assert_int_eq(
			    PQsetvalue(result, row, column, len < 0 ? NULL : value, len), 1);
			at += len < 0 ? 0 : len;
		}
	}
	return result;
}

static void
assert_same_lists(struct uuid_list ids_actual, struct uuid_list ids_expected,
    struct str_list actual, struct str_list expected, const char *name)
{
	ck_assert_msg(ids_actual.len == ids_expected.len, "%s: ids", name);
	ck_assert_msg(ids_actual.len > 0 || ids_actual.items == NULL, "%s: no ids", name);
	for (size_t i = 0; i < ids_actual.len; i++)
		ck_assert_msg(uuid_equal(ids_actual.items[i], ids_expected.items[i]), "%s", name);
	ck_assert_msg(actual.len == expected.len, "%s: words", name);
	ck_assert_msg(actual.len > 0 || actual.items == NULL, "%s: no words", name);
	for (size_t i = 0; i < actual.len; i++)
		ck_assert_msg(str_equal(actual.items[i], expected.items[i]), "%s", name);
}

static void
assert_same_pieces(const struct piece *actual, size_t actual_len, const struct piece *expected,
    size_t expected_len, const char *name)
{
	ck_assert_msg(actual_len == expected_len, "%s: %zu pieces", name, actual_len);
	ck_assert_msg(actual_len > 0 || actual == NULL, "%s: no pieces are NULL", name);
	for (size_t i = 0; i < actual_len; i++) {
		const struct piece *a = &actual[i], *e = &expected[i];

		ck_assert_msg(str_equal(a->name, e->name), "%s: name of %zu", name, i);
		ck_assert_msg(a->size == e->size && a->limit == e->limit, "%s: size", name);
		ck_assert_msg(a->price.units == e->price.units, "%s: price of %zu", name, i);
		ck_assert_msg(a->pieces_len == e->pieces_len, "%s: pieces of %zu", name, i);
		ck_assert_msg(a->is_on == e->is_on, "%s: bool of %zu", name, i);
		ck_assert_msg(uuid_equal(a->id, e->id), "%s: id of %zu", name, i);
		assert_same_lists(a->ids, e->ids, a->words, e->words, name);
		ck_assert_str_eq(a->currency.code, e->currency.code);
		for (size_t j = 0; j < a->pieces_len; j++)
			ck_assert_msg(str_equal(a->pieces[j].name, e->pieces[j].name),
			    "%s: name of %zu in %zu", name, j, i);
	}
}

static void
assert_same(const struct thing *actual, const struct thing *expected, const char *name)
{
	ck_assert_msg(uuid_equal(actual->organisation_id, expected->organisation_id), "%s", name);
	ck_assert_msg(str_equal(actual->position, expected->position), "%s: text", name);
	ck_assert_msg(actual->count == expected->count, "%s: int4", name);
	ck_assert_msg(actual->amount == expected->amount, "%s: int8", name);
	ck_assert_msg(actual->is_on == expected->is_on, "%s: bool", name);
	ck_assert_msg(actual->at.s == expected->at.s, "%s: instant", name);
	ck_assert_msg(currency_equal(actual->currency, expected->currency), "%s: currency", name);
	ck_assert_msg(str_equal(actual->bytes, expected->bytes), "%s: bytea", name);
	ck_assert_msg(str_equal(actual->problem, expected->problem), "%s: json", name);
	ck_assert_msg(actual->seen_at == expected->seen_at, "%s: milliseconds", name);
	ck_assert_msg(actual->limit == expected->limit, "%s: int8 or none", name);
	ck_assert_msg(actual->price.units == expected->price.units, "%s: decimal", name);
	assert_same_pieces(
	    actual->pieces, actual->pieces_len, expected->pieces, expected->pieces_len, name);
	assert_same_lists(actual->ids, expected->ids, actual->words, expected->words, name);
	ck_assert_msg(actual->metadata.len == expected->metadata.len, "%s: map", name);
	for (size_t i = 0; i < actual->metadata.len; i++) {
		const struct str_pair *a = &actual->metadata.pairs[i];
		const struct str_pair *e = &expected->metadata.pairs[i];

		ck_assert_msg(str_equal(a->key, e->key), "%s: key %zu", name, i);
		ck_assert_msg(str_equal(a->value, e->value), "%s: value %zu", name, i);
	}
}

START_TEST(test_reads_what_it_wrote)
{
	const struct thing rows[] = {full_thing(), empty_thing()};
	struct pg_params params;
	PGresult *result;

	row_pieces_arena(&arena);
	params = make_params(rows, ARRAY_LEN(rows));
	result = echo(&params, ARRAY_LEN(rows));
	for (int i = 0; i < (int)ARRAY_LEN(rows); i++) {
		struct thing back = {.parts = &rows[0], .parts_len = 7};
		struct err err;

		ck_assert_msg(
		    row_read(&things, result, i, &arena, &back, &err) == ERR_NONE, "%s", err.text);
		assert_same(&back, &rows[i], i == 0 ? "full" : "empty");
		ck_assert_msg(back.parts_len == 7, "what is no column is left alone");
	}
	PQclear(result);
}
END_TEST

/* Texts must outlive the result that they came from. */
START_TEST(test_texts_live_in_the_arena)
{
	const struct thing row = full_thing();
	struct pg_params params;
	struct thing back;
	PGresult *result;
	struct err err;

	row_pieces_arena(&arena);
	params = make_params(&row, 1);
	result = echo(&params, 1);
	ck_assert_int_eq(row_read(&things, result, 0, &arena, &back, &err), ERR_NONE);
	PQclear(result);
	assert_same(&back, &row, "after PQclear");
}
END_TEST

/* Every capacity below what it takes is refused, and that one is enough. */
START_TEST(test_arena_too_small_to_read)
{
	const struct thing row = full_thing();
	struct pg_params params;
	struct thing back;
	PGresult *result;
	struct err err;
	size_t needed;

	row_pieces_arena(&arena);
	params = make_params(&row, 1);
	result = echo(&params, 1);
	needed = arena.used;
	ck_assert_int_eq(row_read(&things, result, 0, &arena, &back, &err), ERR_NONE);
	needed = arena.used - needed;
	for (size_t capacity = 0; capacity <= needed; capacity += 16) {
		struct arena small;

		arena_init(&small, capacity);
		ck_assert_int_eq(row_read(&things, result, 0, &small, &back, &err),
		    capacity < needed ? ERR_POISON : ERR_NONE);
		arena_release(&small);
	}
	PQclear(result);
}
END_TEST

START_TEST(test_arena_too_small_to_write)
{
	const struct thing row = full_thing();
	const void *pointer = &row;
	size_t needed;

	row_pieces_arena(&arena);
	(void)make_params(&row, 1);
	needed = arena.used;
	for (size_t capacity = 0; capacity <= needed; capacity += 16) {
		struct arena small;
		struct pg_params params;
		struct err err;
		enum err_class class;

		arena_init(&small, capacity);
		pg_params_init(&params, &small);
		class = row_params(&things, ROW_INSERT, &pointer, 1, &params, &err);
		ck_assert_msg((class == ERR_POISON || params.overflow) == (capacity < needed),
		    "%zu of %zu bytes", capacity, needed);
		arena_release(&small);
	}
}
END_TEST

START_TEST(test_map_that_is_not_utf8)
{
	const struct str_pair bad[] = {{{"k", 1}, {"\xff", 1}}};
	const struct str_map map = {bad, 1};
	struct str json;
	struct err err;

	row_pieces_arena(&arena);
	ck_assert_int_eq(row_map_write(&map, &arena, &json, &err), ERR_POISON);
}
END_TEST

struct map_row {
	const char *name;
	const char *json; /* NULL: SQL's NULL */
	enum err_class class;
	size_t len;
};

static const struct map_row map_rows[] = {
    {"NULL has no pairs", NULL, ERR_NONE, 0},
    {"an empty object", "{}", ERR_NONE, 0},
    {"an empty object with a space", "{ }", ERR_NONE, 0},
    {"two pairs, as PostgreSQL writes them", "{\"a\": \"1\", \"b\": \"\"}", ERR_NONE, 2},
    {"a number is no text", "{\"a\": 1}", ERR_FATAL, 0},
    {"nor is null", "{\"a\": null}", ERR_FATAL, 0},
    {"nor is an object", "{\"a\": \"1\", \"b\": {}}", ERR_FATAL, 0},
    {"an array is no map", "[\"a\"]", ERR_FATAL, 0},
    {"cut short", "{\"a\": \"1\"", ERR_FATAL, 0},
    {"empty text", "", ERR_FATAL, 0},
};

START_TEST(test_reads_maps)
{
	const struct map_row *row = &map_rows[_i];
	struct str_map map;
	struct err err;

	row_pieces_arena(&arena);
	ck_assert_msg(
	    row_map_read(str_from(row->json), &arena, &map, &err) == row->class, "%s", row->name);
	if (row->class == ERR_NONE)
		ck_assert_msg(map.len == row->len, "%s: %zu", row->name, map.len);
}
END_TEST

UNIT_MAIN("row", UNIT_ROWS(test_writes_sql, sql_rows), UNIT(test_updates_what_may_change),
    UNIT_ABORTS(test_key_without_column), UNIT_ROWS(test_encodes_columns, column_rows),
    UNIT(test_encodes_empty_array), UNIT(test_reads_what_it_wrote),
    UNIT(test_texts_live_in_the_arena), UNIT(test_arena_too_small_to_read),
    UNIT(test_arena_too_small_to_write), UNIT(test_map_that_is_not_utf8),
    UNIT_ROWS(test_reads_maps, map_rows))
