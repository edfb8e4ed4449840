#include "common/codec/avro.h"

#include "common/base/decimal.h"
#include "common/base/uuid.h"
#include "common/domain/money.h"
#include "tests/unit/codec.h"

#define ARENA_BYTES (1024 * 1024)
#define LINES                                                                                      \
	"{'type':'array','items':{'type':'record','name':'L','fields':[{'name':'a','type':'int'}]" \
	"}}"
#define STRS "{'type':'array','items':'string'}"
#define MAP "{'type':'map','values':'string'}"
#define ENUM "{'type':'enum','name':'E','symbols':['p','q']}"

/* The smallest list item; its schema in a row may lack the field. */
struct line {
	struct uuid id;
};

static const struct field line_fields[] = {FIELD(struct line, id, FIELD_UUID)};
static const struct record line_record = RECORD(struct line, "line", line_fields);

/* How a struct of one field is read from what other schemas wrote. */
struct small {
	struct uuid uuid;
	struct str text;
	int32_t number;
	int64_t large;
	bool flag;
	struct instant instant;
	struct currency currency;
	struct str_map map;
	const struct line *list;
	size_t list_len;
	int64_t maybe;
	struct decimal decimal;
	struct str json;
	struct uuid_list uuids;
	struct str_list strs;
};

static const struct field small_fields[] = {
    FIELD(struct small, uuid, FIELD_UUID),
    FIELD(struct small, text, FIELD_STR),
    FIELD(struct small, number, FIELD_INT32),
    FIELD(struct small, large, FIELD_INT64),
    FIELD(struct small, flag, FIELD_BOOL),
    FIELD(struct small, instant, FIELD_INSTANT),
    FIELD(struct small, currency, FIELD_CURRENCY),
    FIELD(struct small, map, FIELD_STR_MAP),
    FIELD_LIST(struct small, list, &line_record),
    FIELD(struct small, maybe, FIELD_INT64_OR_NONE),
    FIELD(struct small, decimal, FIELD_DECIMAL),
    FIELD(struct small, json, FIELD_JSON),
    FIELD(struct small, uuids, FIELD_UUIDS),
    FIELD(struct small, strs, FIELD_STRS),
};

#define NOW(field) "{'type':'record','name':'R','fields':[" field "]}"
#define ANY "{'name':'other','type':'int','default':0}"

static const struct bind_row {
	const char *name;
	const char *field; /* the one that the struct's table has */
	const char *writer;
	const char *current;
	const char *bytes;
	const char *reason; /* of the error behind "R: ", or NULL */
} bind_rows[] = {
    {"a UUID", "uuid", NOW("{'name':'uuid','type':'string'}"), NULL,
	"48 '0190F1C2-7a00-8000-8000-00000000c001'", NULL},
    {"a text that is no UUID", "uuid", NOW("{'name':'uuid','type':'string'}"), NULL,
	"48 '0190f1c2-7a00-8000-8000-00000000c00x'", "uuid: a text is no UUID"},
    {"an empty text is no UUID", "uuid", NOW("{'name':'uuid','type':'string'}"), NULL, "00",
	"uuid: a text is no UUID"},
    {"null is the nil UUID", "uuid", NOW("{'name':'uuid','type':['null','string']}"), NULL, "00",
	NULL},
    {"a text", "text", NOW("{'name':'text','type':'string'}"), NULL, "02 'a'", NULL},
    {"an enum is a text", "text", NOW("{'name':'text','type':" ENUM "}"), NULL, "02", NULL},
    {"null is no text", "text", NOW("{'name':'text','type':['null','string']}"), NULL, "00", NULL},
    {"a number is no text", "text", NOW("{'name':'text','type':'int'}"), NULL, "00",
	"text: is of another type than we read"},
    {"an int", "number", NOW("{'name':'number','type':'int'}"), NULL, "04", NULL},
    {"a long does not fit an int", "number", NOW("{'name':'number','type':'long'}"), NULL, "04",
	"number: is of another type than we read"},
    {"null is no int", "number", NOW("{'name':'number','type':['null','int']}"), NULL, "00",
	"number: is null, which we cannot keep"},
    {"a long", "large", NOW("{'name':'large','type':'long'}"), NULL, "04", NULL},
    {"an int that became a long", "large", NOW("{'name':'large','type':'int'}"), NULL, "04", NULL},
    {"a boolean", "flag", NOW("{'name':'flag','type':'boolean'}"), NULL, "01", NULL},
    {"a time is cut to its second", "instant",
	NOW("{'name':'instant','type':{'type':'long','logicalType':'timestamp-millis'}}"), NULL,
	"ce 0f", NULL},
    {"a time before 1970", "instant", NOW("{'name':'instant','type':'long'}"), NULL, "01",
	"instant: a time is out of range"},
    {"a time after 2199", "instant", NOW("{'name':'instant','type':'long'}"), NULL,
	"fe ff ff ff ff ff ff ff ff 01", "instant: a time is out of range"},
    {"null is no time", "instant", NOW("{'name':'instant','type':['null','long']}"), NULL, "00",
	NULL},
    {"a currency", "currency", NOW("{'name':'currency','type':'string'}"), NULL, "06 'USD'", NULL},
    {"a currency in lower case", "currency", NOW("{'name':'currency','type':'string'}"), NULL,
	"06 'usd'", "currency: a text is no currency"},
    {"a map", "map", NOW("{'name':'map','type':" MAP "}"), NULL, "02 02 'k' 02 'v' 00", NULL},
    {"no lines", "list", NOW("{'name':'list','type':" LINES "}"), NULL, "00", NULL},
    {"a list's item lacks a field without a default", "list",
	NOW("{'name':'list','type':" LINES "}"), NULL, "02 02 00",
	"list[0].id: is missing and has no default"},
    {"a number that may be none", "maybe", NOW("{'name':'maybe','type':['null','long']}"), NULL,
	"02 04", NULL},
    {"a number that became one that may be none", "maybe", NOW("{'name':'maybe','type':'long'}"),
	NOW("{'name':'maybe','type':['null','long'],'default':null}"), "04", NULL},
    {"null is no number", "maybe", NOW("{'name':'maybe','type':['null','long']}"), NULL, "00",
	NULL},
    {"a decimal number", "decimal", NOW("{'name':'decimal','type':'string'}"), NULL, "06 '2.5'",
	NULL},
    {"null is no decimal number", "decimal", NOW("{'name':'decimal','type':['null','string']}"),
	NULL, "00", NULL},
    {"a negative number is no decimal of ours", "decimal",
	NOW("{'name':'decimal','type':'string'}"), NULL, "04 '-1'",
	"decimal: a text is no decimal number"},
    {"thirteen places are too many", "decimal", NOW("{'name':'decimal','type':'string'}"), NULL,
	"1e '0.0000000000001'", "decimal: a text is no decimal number"},
    {"JSON as a text", "json", NOW("{'name':'json','type':'string'}"), NULL, "02 'a'", NULL},
    {"null is no JSON", "json", NOW("{'name':'json','type':['null','string']}"), NULL, "00", NULL},

    {"ids", "uuids", NOW("{'name':'uuids','type':" STRS "}"), NULL,
	"02 48 '0190F1C2-7a00-8000-8000-00000000c001' 00", NULL},
    {"no ids are an empty list", "uuids", NOW("{'name':'uuids','type':" STRS "}"), NULL, "00",
	NULL},
    {"no ids where there may be null", "uuids", NOW("{'name':'uuids','type':['null'," STRS "]}"),
	NULL, "02 00", NULL},
    {"it is null, and so there are no ids", "uuids",
	NOW("{'name':'uuids','type':['null'," STRS "]}"), NULL, "00", NULL},
    {"a text among ids", "uuids", NOW("{'name':'uuids','type':" STRS "}"), NULL,
	"04 48 '0190F1C2-7a00-8000-8000-00000000c001' 02 'x' 00", "uuids[1]: a text is no UUID"},
    {"records are no ids", "uuids", NOW("{'name':'uuids','type':" LINES "}"), NULL, "00",
	"uuids: is of another type than we read"},
    {"texts in two blocks", "strs", NOW("{'name':'strs','type':" STRS "}"), NULL,
	"02 02 'a' 01 02 00 00", NULL},
    {"no texts are an empty list", "strs", NOW("{'name':'strs','type':" STRS "}"), NULL, "00",
	NULL},
    {"it is null, and so there are no texts", "strs",
	NOW("{'name':'strs','type':['null'," STRS "]}"), NULL, "00", NULL},
    {"a map is no list", "strs", NOW("{'name':'strs','type':" MAP "}"), NULL, "00",
	"strs: is of another type than we read"},
    {"texts are no records", "list", NOW("{'name':'list','type':" STRS "}"), NULL, "00",
	"list: is of another type than we read"},

    {"a field that the writer has and we don't is skipped", "number",
	NOW("{'name':'x','type':" LINES "},{'name':'number','type':'int'},"
	    "{'name':'y','type':['null'," MAP "]}"),
	NULL, "04 02 04 00 04 02 02 02 'k' 02 'v' 00", NULL},
    {"the writer lacks it, the default is a text", "text", NOW(ANY),
	NOW(ANY ",{'name':'text','type':'string','default':'d'}"), "00", NULL},
    {"the writer lacks it, the default is a symbol", "text", NOW(ANY),
	NOW(ANY ",{'name':'text','type':" ENUM ",'default':'p'}"), "00", NULL},
    {"the writer lacks it, the default is null", "text", NOW(ANY),
	NOW(ANY ",{'name':'text','type':['null','string'],'default':null}"), "00", NULL},
    {"the writer lacks a time, the default is null", "instant", NOW(ANY),
	NOW(ANY ",{'name':'instant','type':['null','long'],'default':null}"), "00", NULL},
    {"the writer lacks it, the default is a number", "number", NOW(ANY),
	NOW(ANY ",{'name':'number','type':'int','default':2}"), "00", NULL},
    {"the writer lacks it, the default is a large number", "large", NOW(ANY),
	NOW(ANY ",{'name':'large','type':'long','default':2}"), "00", NULL},
    {"the writer lacks it, the default is a boolean", "flag", NOW(ANY),
	NOW(ANY ",{'name':'flag','type':'boolean','default':true}"), "00", NULL},
    {"the writer lacks it, the default is a currency", "currency", NOW(ANY),
	NOW(ANY ",{'name':'currency','type':'string','default':'USD'}"), "00", NULL},
    {"the writer lacks it, the default is no currency", "currency", NOW(ANY),
	NOW(ANY ",{'name':'currency','type':'string','default':'usd'}"), "00",
	"currency: has a default of another type"},
    {"the writer lacks it, the default is no list", "list", NOW(ANY),
	NOW(ANY ",{'name':'list','type':" LINES ",'default':[]}"), "00", NULL},
    {"the writer lacks ids, the default is null, and so there are no ids", "uuids", NOW(ANY),
	NOW(ANY ",{'name':'uuids','type':['null'," STRS "],'default':null}"), "00", NULL},
    {"the writer lacks texts, the default is none", "strs", NOW(ANY),
	NOW(ANY ",{'name':'strs','type':" STRS ",'default':[]}"), "00", NULL},
    {"the writer lacks a number, the default is null", "maybe", NOW(ANY),
	NOW(ANY ",{'name':'maybe','type':['null','long'],'default':null}"), "00", NULL},
    {"the writer lacks a number that may be none, the default is a number", "maybe", NOW(ANY),
	NOW(ANY ",{'name':'maybe','type':'long','default':2}"), "00", NULL},
    {"the writer lacks it, the default is a decimal number", "decimal", NOW(ANY),
	NOW(ANY ",{'name':'decimal','type':'string','default':'2.5'}"), "00", NULL},
    {"the writer lacks a decimal number, the default is null", "decimal", NOW(ANY),
	NOW(ANY ",{'name':'decimal','type':['null','string'],'default':null}"), "00", NULL},
    {"the writer lacks it, the default is no decimal number", "decimal", NOW(ANY),
	NOW(ANY ",{'name':'decimal','type':'string','default':'x'}"), "00",
	"decimal: has a default of another type"},
    {"the writer lacks it, and there is no default", "text", NOW(ANY),
	NOW(ANY ",{'name':'text','type':'string'}"), "00", "text: is missing and has no default"},
    {"nobody knows it", "text", NOW(ANY), NULL, "00", "text: is missing and has no default"},
};

/* An empty list is another than none. */
static void
lists_check(const struct small *small, const struct bind_row *row)
{
	bool none = strstr(row->name, "is null") != NULL || strstr(row->name, "is none") != NULL;
	bool empty = none || strstr(row->name, "no ") == row->name;

	if (strcmp(row->field, "uuids") == 0) {
		ck_assert_msg(small->uuids.len == (empty ? 0 : 1), "%s", row->name);
		ck_assert_msg((small->uuids.items == NULL) == none, "%s", row->name);
		ck_assert_msg(empty || small->uuids.items[0].b[15] == 1, "%s", row->name);
	}
	if (strcmp(row->field, "strs") == 0) {
		ck_assert_msg(small->strs.len == (empty ? 0 : 2), "%s", row->name);
		ck_assert_msg((small->strs.items == NULL) == none, "%s", row->name);
		if (!empty) {
			unit_assert_str(small->strs.items[0], "a", row->name);
			unit_assert_str(small->strs.items[1], "", row->name);
		}
	}
}

/* What the fields hold after each row that is no error. */
static void
small_check(const struct small *small, const struct bind_row *row)
{
	bool is_null = strstr(row->name, "null") != NULL;
	bool is_default = strstr(row->name, "default") != NULL;
	const char *text = is_null ? NULL : "a";

	if (strcmp(row->field, "uuid") == 0)
		ck_assert_msg(uuid_is_nil(small->uuid) == is_null, "%s", row->name);
	if (strcmp(row->field, "text") == 0) {
		if (strstr(row->name, "symbol") != NULL)
			text = "p";
		else if (strstr(row->name, "enum") != NULL)
			text = "q";
		else if (is_default && !is_null)
			text = "d";
		unit_assert_str(small->text, text, row->name);
	}
	if (strcmp(row->field, "number") == 0)
		ck_assert_msg(small->number == 2, "%s", row->name);
	if (strcmp(row->field, "large") == 0)
		ck_assert_msg(small->large == 2, "%s", row->name);
	if (strcmp(row->field, "flag") == 0)
		ck_assert_msg(small->flag, "%s", row->name);
	if (strcmp(row->field, "instant") == 0)
		unit_assert_instant(
		    small->instant, is_null ? NULL : "1970-01-01T00:00:00Z", row->name);
	if (strcmp(row->field, "currency") == 0)
		unit_assert_str(str_from(small->currency.code), "USD", row->name);
	if (strcmp(row->field, "map") == 0) {
		ck_assert_msg(small->map.len == 1, "%s", row->name);
		unit_assert_str(small->map.pairs[0].key, "k", row->name);
		unit_assert_str(small->map.pairs[0].value, "v", row->name);
	}
	if (strcmp(row->field, "maybe") == 0)
		ck_assert_msg(small->maybe == (is_null ? INT64_MIN : 2), "%s", row->name);
	if (strcmp(row->field, "decimal") == 0)
		ck_assert_msg(is_null ? decimal_is_none(small->decimal)
				      : small->decimal.units == DECIMAL_SCALE * 5 / 2,
		    "%s", row->name);
	if (strcmp(row->field, "json") == 0)
		unit_assert_str(small->json, text, row->name);
	if (strcmp(row->field, "list") == 0)
		ck_assert_msg(small->list == NULL && small->list_len == 0, "%s", row->name);
}

START_TEST(test_bind)
{
	const struct bind_row *row = &bind_rows[_i];
	const char *writer_text = codec_json(row->writer);
	const char *current_text = codec_json(row->current == NULL ? row->writer : row->current);
	const struct embedded_file files[] = {
	    {"schemas/released/v1/r.avsc", writer_text, strlen(writer_text)},
	    {"schemas/commands/r.avsc", current_text, strlen(current_text)},
	};
	struct schema *parsed = codec_schema(row->writer);
	const struct schema *writer, *current;
	struct record record = {.name = "small", .size = sizeof(struct small), .fields_len = 1};
	struct avro_decoder *reader = NULL;
	struct schemas *schemas = NULL;
	struct small small;
	struct arena arena;
	struct err err = {0};
	enum err_class class;
	char expected[256];
	struct buf bytes;

	for (size_t i = 0; i < ARRAY_LEN(small_fields); i++)
		if (strcmp(small_fields[i].name, row->field) == 0)
			record.fields = &small_fields[i];
	buf_init(&bytes, CODEC_TEXT_MAX);
	codec_hex(row->bytes, &bytes);
	arena_init(&arena, ARENA_BYTES);
	ck_assert_msg(schemas_open_files(files, ARRAY_LEN(files), &schemas, &err) == ERR_NONE,
	    "%s: %s", row->name, err.text);
	ck_assert_int_eq(avro_decoder_init(schemas, &reader, &err), ERR_NONE);
	writer = schemas_by_fingerprint(schemas, parsed->fingerprint);
	current = schemas_by_name(schemas, STR("R"));

	class =
	    avro_decode(reader, writer, buf_str(&bytes), current, &record, &arena, &small, &err);
	if (row->reason != NULL) {
		ck_assert_msg(class == ERR_POISON, "%s: accepted", row->name);
		snprintf(expected, sizeof(expected), "R: %s", row->reason);
		unit_assert_str(str_from(err.text), expected, row->name);
	} else {
		ck_assert_msg(class == ERR_NONE, "%s: %s", row->name, err.text);
		small_check(&small, row);
		lists_check(&small, row);
	}
	avro_decoder_free(reader);
	schemas_free(schemas);
	schema_free(parsed);
	arena_release(&arena);
	buf_release(&bytes);
}
END_TEST

/* Write one field of a struct with nothing in it. */
static void
small_write(const char *type, const char *name, const struct small *small)
{
	struct record record = {.name = "small", .size = sizeof(*small), .fields_len = 1};
	struct schema *schema;
	char text[256];
	struct buf buf;

	snprintf(text, sizeof(text), NOW("{'name':'%s','type':%s}"), name, type);
	schema = codec_schema(text);
	for (size_t i = 0; i < ARRAY_LEN(small_fields); i++)
		if (strcmp(small_fields[i].name, name) == 0)
			record.fields = &small_fields[i];
	buf_init(&buf, CODEC_TEXT_MAX);
	avro_encode(schema, record.fields == NULL ? &line_record : &record, small, &buf);
	buf_release(&buf);
	schema_free(schema);
}

static const struct bug_row {
	const char *type;
	const char *field;
} bug_rows[] = {
    {"'string'", "uuid"},     /* nil where null is forbidden */
    {"'string'", "text"},     /* none where null is forbidden */
    {ENUM, "text"},           /* none is no symbol */
    {"'long'", "number"},     /* an int32_t is no long */
    {"'int'", "large"},       /* an int64_t may not fit an int */
    {"'string'", "currency"}, /* the empty code where null is forbidden */
    {"'string'", "unknown"},  /* a field that the table lacks */
    {"'string'", "map"},      /* another type */
    {LINES, "uuids"},         /* an array of another type */
    {LINES, "strs"},          /* likewise */
    {STRS, "list"},           /* likewise */
};

START_TEST(test_writing_what_does_not_fit_is_a_bug)
{
	small_write(bug_rows[_i].type, bug_rows[_i].field, &(const struct small){0});
}
END_TEST

/* None, an empty list and one with items are three. */
START_TEST(test_lists_are_written)
{
	static const char schema_text[] =
	    NOW("{'name':'uuids','type':['null'," STRS "]},{'name':'strs','type':" STRS "}");
	static const struct uuid ids[] = {{{1}}, {{0}}};
	static const struct str texts[] = {{"a", 1}, {"", 0}};
	static const struct {
		const char *name;
		struct small small;
		const char *bytes;
	} rows[] = {
	    {"none", {.number = 1}, "00 00"},
	    {"empty", {.uuids = {ids, 0}, .strs = {texts, 0}}, "02 00 00"},
	    {"both", {.uuids = {ids, 2}, .strs = {texts, 2}},
		"02 04 48 '01000000-0000-0000-0000-000000000000' 48 "
		"'00000000-0000-0000-0000-000000000000' 00 04 02 'a' 00 00"},
	};
	const struct record record = RECORD(struct small, "small", small_fields);
	struct schema *schema = codec_schema(schema_text);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf buf, expected;

		buf_init(&buf, CODEC_TEXT_MAX);
		buf_init(&expected, CODEC_TEXT_MAX);
		codec_hex(rows[i].bytes, &expected);
		avro_encode_body(schema, &record, &rows[i].small, &buf);
		ck_assert_msg(str_equal(buf_str(&buf), buf_str(&expected)), "%s", rows[i].name);
		buf_release(&buf);
		buf_release(&expected);
	}
	schema_free(schema);
}
END_TEST

START_TEST(test_an_unknown_symbol_is_a_bug)
{
	small_write(ENUM, "text", &(const struct small){.text = STR("r")});
}
END_TEST

/* Where the schema has no null. */
START_TEST(test_a_number_that_is_none_is_a_bug)
{
	small_write("'long'", "maybe", &(const struct small){.maybe = INT64_MIN});
}
END_TEST

START_TEST(test_a_decimal_that_is_none_is_a_bug)
{
	small_write("'string'", "decimal", &(const struct small){.decimal = DECIMAL_NONE});
}
END_TEST

START_TEST(test_an_instant_out_of_range_is_a_bug)
{
	small_write("'long'", "instant", &(const struct small){.instant = {-1}});
}
END_TEST

UNIT_MAIN("avro_bind", UNIT_ROWS(test_bind, bind_rows), UNIT(test_lists_are_written),
    UNIT_ABORTS_ROWS(test_writing_what_does_not_fit_is_a_bug, bug_rows),
    UNIT_ABORTS(test_an_unknown_symbol_is_a_bug), UNIT_ABORTS(test_a_number_that_is_none_is_a_bug),
    UNIT_ABORTS(test_a_decimal_that_is_none_is_a_bug),
    UNIT_ABORTS(test_an_instant_out_of_range_is_a_bug))
