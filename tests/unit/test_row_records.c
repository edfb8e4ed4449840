#include "common/postgres/row_internal.h"
#include "tests/unit/row_pieces.h"

struct thing {
	int64_t before;
	const struct piece *pieces;
	size_t pieces_len;
};

static const struct field list_field = FIELD_LIST_COLUMN(struct thing, pieces, &piece_record);

static struct arena arena;

START_TEST(test_list_that_is_not_utf8)
{
	const struct piece bad = {.name = {"\xff", 1}};
	const struct piece outer = {.name = STR("a"), .pieces = &bad, .pieces_len = 1};
	const struct thing thing = {.pieces = &outer, .pieces_len = 1};
	struct str json;
	struct err err;

	row_pieces_arena(&arena);
	ck_assert_int_eq(row_list_write(&list_field, &thing, &arena, &json, &err), ERR_POISON);
}
END_TEST

/* What is written reads the same, to us and to every other reader of JSON. */
START_TEST(test_escapes)
{
	static const char text[] = "\"\\/\n\x01\x7f\xc3\xa4";
	const struct piece piece = {.name = {text, sizeof(text) - 1}, .size = INT64_MIN};
	const struct thing thing = {.pieces = &piece, .pieces_len = 1};
	struct thing back;
	struct str json;
	struct err err;

	row_pieces_arena(&arena);
	ck_assert_int_eq(row_list_write(&list_field, &thing, &arena, &json, &err), ERR_NONE);
	ck_assert_ptr_nonnull(strstr(json.ptr,
	    "[{\"name\":\"\\\"\\\\/\\u000a\\u0001\x7f\xc3\xa4\",\"size\":-9223372036854775808,"));
	ck_assert_int_eq(row_list_read(json, &list_field, &arena, &back, &err), ERR_NONE);
	ck_assert(str_equal(back.pieces[0].name, piece.name));
	ck_assert(back.pieces[0].size == INT64_MIN);
}
END_TEST

/* No list that was begun is left half in the arena. */
START_TEST(test_an_arena_without_room_to_write)
{
	const struct piece piece = {.name = STR("a")};
	const struct thing thing = {.pieces = &piece, .pieces_len = 1};
	struct arena small;
	struct str json;
	struct err err;

	arena_init(&small, 64);
	ck_assert_int_eq(row_list_write(&list_field, &thing, &small, &json, &err), ERR_POISON);
	ck_assert_uint_eq(small.used, 0);
	arena_release(&small);
}
END_TEST

struct list_row {
	const char *name;
	const char *json; /* NULL: SQL's NULL */
	enum err_class class;
	const char *reason; /* of the error */
	size_t len;
};

static const struct list_row list_rows[] = {
    {"NULL is no list", NULL, ERR_NONE, NULL, 0},
    {"an empty list", "[]", ERR_NONE, NULL, 0},
    {"an empty list with a space", "[ ]", ERR_NONE, NULL, 0},
    {"what is not there is none", "[{}, {\"zz\": 1, \"name\": null}]", ERR_NONE, NULL, 2},
    {"nor is what is null", "[{\"name\": null, \"size\": null, \"limit\": null, \"price\": null}]",
	ERR_NONE, NULL, 1},
    {"a decimal with zeros at its end, as numeric may have them",
	"[{\"price\": \"1.500000000000\"}]", ERR_NONE, NULL, 1},
    {"so it is with the others",
	"[{\"pieces\": [], \"is_on\": null, \"id\": null, \"ids\": null, \"words\": [], "
	"\"currency\": null}]",
	ERR_NONE, NULL, 1},
    {"a number is no flag", "[{\"is_on\": 1}]", ERR_FATAL, "is_on", 0},
    {"a text is no id", "[{\"id\": \"a\"}]", ERR_FATAL, "id", 0},
    {"a number is no id", "[{\"id\": 1}]", ERR_FATAL, "id", 0},
    {"a text is no list of ids", "[{\"ids\": \"a\"}]", ERR_FATAL, "ids", 0},
    {"a text among ids", "[{\"ids\": [\"0190f1c2-7a00-8000-8000-00000000c001\", \"a\"]}]",
	ERR_FATAL, "ids: item 1", 0},
    {"null among ids", "[{\"ids\": [null]}]", ERR_FATAL, "ids: item 0", 0},
    {"null among texts", "[{\"words\": [\"a\", null]}]", ERR_FATAL, "words: item 1", 0},
    {"an object among texts", "[{\"words\": [{}]}]", ERR_FATAL, "words: item 0", 0},
    {"a number is no currency", "[{\"currency\": 1}]", ERR_FATAL, "currency", 0},
    {"nor are small letters", "[{\"currency\": \"eur\"}]", ERR_FATAL, "currency", 0},
    {"an object is no list", "{}", ERR_FATAL, "no JSON array", 0},
    {"a text is no object", "[\"a\"]", ERR_FATAL, "item 0", 0},
    {"null is no object", "[{}, null]", ERR_FATAL, "item 1", 0},
    {"a number is no text", "[{\"name\": 1}]", ERR_FATAL, "name", 0},
    {"a text is no number", "[{\"size\": \"1\"}]", ERR_FATAL, "size", 0},
    {"a fraction is no number", "[{\"limit\": 1.5}]", ERR_FATAL, "limit", 0},
    {"a number is no decimal", "[{\"price\": 1}]", ERR_FATAL, "price", 0},
    {"a negative decimal", "[{\"price\": \"-1\"}]", ERR_FATAL, "price", 0},
    {"a list in it that is none", "[{\"pieces\": {}}]", ERR_FATAL, "pieces", 0},
    {"an item of a list in it", "[{\"pieces\": [{\"name\": 1}]}]", ERR_FATAL,
	"item 0: pieces: item 0: name", 0},
    {"cut short", "[{}", ERR_FATAL, "no JSON array", 0},
    {"empty text", "", ERR_FATAL, "no JSON array", 0},
};

START_TEST(test_reads_lists)
{
	const struct list_row *row = &list_rows[_i];
	static const struct piece old;
	struct thing thing = {.before = 5, .pieces = &old, .pieces_len = 1};
	struct err err;
	enum err_class class;

	row_pieces_arena(&arena);
	class = row_list_read(str_from(row->json), &list_field, &arena, &thing, &err);
	ck_assert_msg(class == row->class, "%s: %d", row->name, (int)class);
	if (class != ERR_NONE) {
		ck_assert_msg(strstr(err.text, row->reason) != NULL, "%s: %s", row->name, err.text);
		return;
	}
	ck_assert_int_eq(thing.before, 5);
	ck_assert_msg(thing.pieces_len == row->len, "%s: %zu", row->name, thing.pieces_len);
	for (size_t i = 0; i < thing.pieces_len; i++) {
		const struct piece *piece = &thing.pieces[i];
		bool priced = strstr(row->json, "1.5") != NULL;

		ck_assert_msg(piece->name.ptr == NULL && piece->size == 0 &&
				  piece->limit == INT64_MIN && piece->pieces_len == 0 &&
				  !piece->is_on && uuid_is_nil(piece->id) &&
				  piece->ids.items == NULL && piece->ids.len == 0 &&
				  piece->words.items == NULL && piece->words.len == 0 &&
				  piece->currency.code[0] == '\0',
		    "%s", row->name);
		ck_assert_msg(priced ? piece->price.units == DECIMAL_SCALE * 3 / 2
				     : decimal_is_none(piece->price),
		    "%s", row->name);
	}
}
END_TEST

/* Less room than a list in a list takes asks for a smaller batch. */
START_TEST(test_an_arena_without_room)
{
	static const char json[] =
	    "[{\"name\": \"abc\", \"pieces\": [{\"name\": \"d\"}, {}]}, {\"name\": \"e\", "
	    "\"ids\": [\"0190f1c2-7a00-8000-8000-00000000c001\"], \"words\": [\"a\"]}]";
	struct thing thing;
	struct err err;
	enum err_class class = ERR_POISON;
	size_t needed;

	for (needed = 0; class != ERR_NONE; needed += 16) {
		struct arena small;

		ck_assert_uint_lt(needed, ROW_PIECES_ARENA_BYTES);
		arena_init(&small, needed);
		class = row_list_read(str_from(json), &list_field, &small, &thing, &err);
		ck_assert_msg(class == ERR_NONE || class == ERR_POISON, "%zu bytes", needed);
		arena_release(&small);
	}
	ck_assert_uint_gt(needed, 3 * sizeof(struct piece));
}
END_TEST

/* A record in a list has no such kind: our tables say so, not the database. */
START_TEST(test_a_kind_that_no_list_has_is_a_bug)
{
	static const struct field fields[] = {FIELD(struct thing, before, FIELD_INT32)};
	static const struct record record = RECORD(struct thing, "odd", fields);
	const struct field field = FIELD_LIST(struct thing, pieces, &record);
	struct thing thing;
	struct err err;

	row_pieces_arena(&arena);
	ck_assert_int_eq(row_list_read(STR("[{}]"), &field, &arena, &thing, &err), ERR_NONE);
}
END_TEST

/* Lists of ids and texts as columns of their own. */
START_TEST(test_lists_of_texts)
{
	static const struct field ids = FIELD(struct piece, ids, FIELD_UUIDS);
	static const struct field words = FIELD(struct piece, words, FIELD_STRS);
	static const struct str bad[] = {{"\xff", 1}};
	static const struct {
		const char *json; /* NULL: SQL's NULL */
		enum err_class class;
		size_t len;
	} rows[] = {{NULL, ERR_NONE, 0}, {"[]", ERR_NONE, 0}, {"[ ]", ERR_NONE, 0},
	    {"[\"0190f1c2-7a00-8000-8000-00000000c001\"]", ERR_NONE, 1}, {"{}", ERR_FATAL, 0},
	    {"null", ERR_FATAL, 0}, {"[1]", ERR_FATAL, 0}, {"[\"", ERR_FATAL, 0}};
	const struct uuid old_id = {{1}};
	const struct str old_word = STR("a");
	struct str json;
	struct err err;

	row_pieces_arena(&arena);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct str text = str_from(rows[i].json);
		struct piece piece = {.ids = {&old_id, 1}, .words = {&old_word, 1}};

		ck_assert_int_eq(row_list_read(text, &ids, &arena, &piece, &err), rows[i].class);
		ck_assert_int_eq(row_list_read(text, &words, &arena, &piece, &err), rows[i].class);
		if (rows[i].class != ERR_NONE)
			continue;
		ck_assert_uint_eq(piece.ids.len, rows[i].len);
		ck_assert_uint_eq(piece.words.len, rows[i].len);
	}
	ck_assert_int_eq(
	    row_list_write(&words, &(const struct piece){.words = {bad, 1}}, &arena, &json, &err),
	    ERR_POISON);
}
END_TEST

/* Rows of one result, of which some have the same lists. */
START_TEST(test_lists_that_are_the_same)
{
	static const char *const texts[] = {
	    "[{\"size\": 1}]", "[]", "[{\"size\": 2}]", NULL, "[{\"size\": 1}]", "[{\"size\": 2}]"};
	static const struct record record = {"thing", sizeof(struct thing), 1, &list_field};
	static const struct row_table table = {.name = "things", .record = &record};
	char name[] = "pieces";
	PGresAttDesc column = {.name = name, .format = 1};
	PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
	struct row_lists lists = {.next = ROW_LISTS_MAX - 1};
	struct thing things[ARRAY_LEN(texts)];
	struct err err;

	row_pieces_arena(&arena);
	ck_assert_int_eq(PQsetResultAttrs(result, 1, &column), 1);
	for (int i = 0; i < (int)ARRAY_LEN(texts); i++) {
		char text[32] = "";

		snprintf(text, sizeof(text), "%s", texts[i] == NULL ? "" : texts[i]);
		ck_assert_int_eq(PQsetvalue(result, i, 0, texts[i] == NULL ? NULL : text,
				     texts[i] == NULL ? -1 : (int)strlen(text)),
		    1);
		ck_assert_int_eq(
		    row_read_next(&table, result, i, &lists, &arena, &things[i], &err), ERR_NONE);
	}
	ck_assert_ptr_eq(things[4].pieces, things[0].pieces);
	ck_assert_ptr_eq(things[5].pieces, things[2].pieces);
	ck_assert(things[4].pieces_len == 1 && things[4].pieces[0].size == 1);
	ck_assert(things[5].pieces_len == 1 && things[5].pieces[0].size == 2);
	ck_assert(things[1].pieces_len == 0 && things[3].pieces_len == 0);
	PQclear(result);
}
END_TEST

UNIT_MAIN("row_records", UNIT(test_list_that_is_not_utf8), UNIT(test_escapes),
    UNIT(test_an_arena_without_room_to_write), UNIT(test_lists_that_are_the_same),
    UNIT(test_lists_of_texts), UNIT_ROWS(test_reads_lists, list_rows),
    UNIT(test_an_arena_without_room), UNIT_ABORTS(test_a_kind_that_no_list_has_is_a_bug))
