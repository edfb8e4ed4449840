#include "common/codec/avro.h"
#include "common/codec/avro_bytes.h"

#include "tests/unit/codec.h"

static const struct long_row {
	const char *name;
	int64_t value;
	const char *bytes;
} long_rows[] = {
    {"zero", 0, "00"},
    {"minus one", -1, "01"},
    {"one", 1, "02"},
    {"the last of one byte", -64, "7f"},
    {"the last positive of one byte", 63, "7e"},
    {"the first of two bytes", 64, "8001"},
    {"the first negative of two bytes", -65, "8101"},
    {"the largest int", INT32_MAX, "fe ff ff ff 0f"},
    {"the smallest int", INT32_MIN, "ff ff ff ff 0f"},
    {"the largest long", INT64_MAX, "fe ff ff ff ff ff ff ff ff 01"},
    {"the smallest long", INT64_MIN, "ff ff ff ff ff ff ff ff ff 01"},
};

START_TEST(test_long)
{
	const struct long_row *row = &long_rows[_i];
	struct buf expected, actual;

	buf_init(&expected, 64);
	buf_init(&actual, 64);
	codec_hex(row->bytes, &expected);
	avro_put_long(&actual, row->value);
	ck_assert_msg(str_equal(buf_str(&actual), buf_str(&expected)), "%s", row->name);
	buf_release(&expected);
	buf_release(&actual);
}
END_TEST

/* Names that begin alike, found in their order, out of it, and not at all. */
START_TEST(test_field_of)
{
	static const struct field fields[] = {
	    {.name = "tax"}, {.name = "taxes"}, {.name = "t"}, {.name = "amount"}};
	static const struct record record = {.fields_len = ARRAY_LEN(fields), .fields = fields};
	size_t at = 0;

	for (size_t round = 0; round < 2; round++)
		for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
			ck_assert_ptr_eq(
			    avro_field_of(&record, str_from(fields[i].name), &at), &fields[i]);
			ck_assert_uint_eq(at, i + 1);
		}
	for (size_t i = ARRAY_LEN(fields); i-- > 0;)
		ck_assert_ptr_eq(avro_field_of(&record, str_from(fields[i].name), &at), &fields[i]);
	ck_assert_ptr_null(avro_field_of(&record, STR("ta"), &at));
	ck_assert_ptr_null(avro_field_of(&record, STR("amounts"), &at));
	ck_assert_ptr_null(avro_field_of(&record, STR("x"), &at));
	ck_assert_uint_eq(at, 1);
}
END_TEST

START_TEST(test_other_primitives)
{
	struct buf expected, actual;

	buf_init(&expected, 64);
	buf_init(&actual, 64);
	codec_hex("01 00 06 'foo' 00 06 e2 82 ac", &expected);
	avro_put_boolean(&actual, true);
	avro_put_boolean(&actual, false);
	avro_put_string(&actual, STR("foo"));
	avro_put_string(&actual, STR(""));
	avro_put_string(&actual, STR("\xe2\x82\xac"));
	ck_assert(str_equal(buf_str(&actual), buf_str(&expected)));
	buf_release(&expected);
	buf_release(&actual);
}
END_TEST

START_TEST(test_frame)
{
	const struct schema schema = {.fingerprint = UINT64_C(0x0123456789abcdef)};
	uint64_t fingerprint = 7;
	struct str body = STR("untouched");
	struct buf buf;

	buf_init(&buf, AVRO_MESSAGE_MAX + 1);
	avro_frame_write(&schema, &buf);
	ck_assert(!buf.overflow);
	ck_assert(memcmp(buf.ptr, "\xc3\x01\xef\xcd\xab\x89\x67\x45\x23\x01", 10) == 0);

	for (size_t len = 0; len < AVRO_FRAME_BYTES; len++)
		ck_assert(!avro_frame_read((struct str){buf.ptr, len}, &fingerprint, &body));
	ck_assert_uint_eq(fingerprint, 7);
	unit_assert_str(body, "untouched", "the body");

	buf_append_str(&buf, STR("body"));
	ck_assert(avro_frame_read(buf_str(&buf), &fingerprint, &body));
	ck_assert_uint_eq(fingerprint, schema.fingerprint);
	unit_assert_str(body, "body", "what stands behind the frame");

	buf.ptr[1] = 2;
	ck_assert(!avro_frame_read(buf_str(&buf), &fingerprint, &body));
	buf.ptr[1] = 1;
	while (buf.len <= AVRO_MESSAGE_MAX && !buf.overflow)
		buf_append_char(&buf, 'x');
	ck_assert(!buf.overflow);
	ck_assert(!avro_frame_read(buf_str(&buf), &fingerprint, &body));
	buf_release(&buf);
}
END_TEST

/* One field, `f`, of the type ${type}; bytes that are not a value of it. */
#define LINES                                                                                      \
	"{'type':'array','items':{'type':'record','name':'L','fields':[{'name':'a','type':'int'}]" \
	"}}"
#define STRS "{'type':'array','items':'string'}"
#define MAP "{'type':'map','values':'string'}"
#define ENUM "{'type':'enum','name':'E','symbols':['p','q']}"

static const struct bytes_row {
	const char *name;
	const char *type;
	const char *bytes;
	const char *outcome; /* JSON of the field, or the error behind "R: " */
} bytes_rows[] = {
    {"a text", "'string'", "04 'ab'", "'ab'"},
    {"a text of no bytes", "'string'", "00", "''"},
    {"a text with all that JSON escapes", "'string'", "12 22 5c 2f 08 0c 0a 0d 09 7f",
	"'\\'\\\\/\\b\\f\\n\\r\\t\\u007f'"},
    {"other control characters", "'string'", "04 01 1f", "'\\u0001\\u001f'"},
    {"a text beyond ASCII", "'string'", "0e e2 82 ac f0 9f 9a 80",
	"'\xe2\x82\xac\xf0\x9f\x9a\x80'"},
    {"no bytes at all", "'string'", "", "f: a text is longer than the message"},
    {"a text that is cut off", "'string'", "06 'ab'", "f: a text is longer than the message"},
    {"a negative length", "'string'", "01", "f: a text is longer than the message"},
    {"a length of 2^62", "'string'", "80 80 80 80 80 80 80 80 80 01 'ab'",
	"f: a text is longer than the message"},
    {"the smallest long as length", "'string'", "ff ff ff ff ff ff ff ff ff 01 'ab'",
	"f: a text is longer than the message"},
    {"bytes that are no UTF-8", "'string'", "02 ff", "f: a text is not UTF-8, or has a NUL"},
    {"an overlong form", "'string'", "04 c0 af", "f: a text is not UTF-8, or has a NUL"},
    {"an overlong form of three bytes", "'string'", "06 e0 80 af",
	"f: a text is not UTF-8, or has a NUL"},
    {"a surrogate", "'string'", "06 ed a0 80", "f: a text is not UTF-8, or has a NUL"},
    {"over U+10FFFF", "'string'", "08 f4 90 80 80", "f: a text is not UTF-8, or has a NUL"},
    {"a character that is cut off", "'string'", "04 e2 82", "f: a text is not UTF-8, or has a NUL"},
    {"a NUL", "'string'", "02 00", "f: a text is not UTF-8, or has a NUL"},

    {"texts", STRS, "04 02 'a' 00 00", "['a','']"},
    {"texts in two blocks, one with its size", STRS, "02 02 'a' 01 04 02 'b' 00", "['a','b']"},
    {"no texts", STRS, "00", "[]"},
    {"no texts where there may be null", "['null'," STRS "]", "02 00", "[]"},
    {"null where there may be texts", "['null'," STRS "]", "00", "null"},
    {"a text of a list that is cut off", STRS, "04 02 'a' 04 'b'",
	"f[1]: a text is longer than the message"},
    {"a text of a list that is no UTF-8", STRS, "04 02 'a' 02 ff 00",
	"f[1]: a text is not UTF-8, or has a NUL"},
    {"more texts than there are bytes", STRS, "10 00", "f[1]: a text is longer than the message"},

    {"an int", "'int'", "fe ff ff ff 0f", "2147483647"},
    {"an int over its range", "'int'", "80 80 80 80 10", "f: an int is cut off or too large"},
    {"an int that is cut off", "'int'", "80", "f: an int is cut off or too large"},
    {"the smallest long", "'long'", "ff ff ff ff ff ff ff ff ff 01", "-9223372036854775808"},
    {"a long written with more bytes than needed", "'long'", "82 80 00", "1"},
    {"a long of eleven bytes", "'long'", "80 80 80 80 80 80 80 80 80 80 00",
	"f: a long is cut off or too large"},
    {"a long of more than 64 bits", "'long'", "80 80 80 80 80 80 80 80 80 02",
	"f: a long is cut off or too large"},
    {"true", "'boolean'", "01", "true"},
    {"a boolean of 2", "'boolean'", "02", "f: a boolean is cut off or neither 0 nor 1"},
    {"a time", "{'type':'long','logicalType':'timestamp-millis'}", "80 c0 cb 95 82 67",
	"'2026-01-31T00:00:00Z'"},
    {"a time before the epoch", "{'type':'long','logicalType':'timestamp-millis'}", "01",
	"f: a time is out of range"},
    {"a time after 2199", "{'type':'long','logicalType':'timestamp-millis'}",
	"fe ff ff ff ff ff ff ff ff 01", "f: a time is out of range"},

    {"a symbol", ENUM, "02", "'q'"},
    {"a symbol behind the last", ENUM, "04", "f: an enum has no such symbol"},
    {"a negative symbol", ENUM, "01", "f: an enum has no such symbol"},
    {"null", "['null','int']", "00", "null"},
    {"not null", "['null','int']", "02 04", "2"},
    {"an unknown branch", "['null','int']", "04 04", "f: a union has no such branch"},
    {"a negative branch", "['null','int']", "01", "f: a union has no such branch"},

    {"no pairs", MAP, "00", "{}"},
    {"two pairs", MAP, "04 02 'a' 02 'b' 02 'c' 00 00", "{'a':'b','c':''}"},
    {"two blocks", MAP, "02 02 'a' 02 'b' 02 02 'c' 00 00", "{'a':'b','c':''}"},
    {"a block that says its size", MAP, "03 10 02 'a' 02 'b' 02 'c' 02 'd' 00",
	"{'a':'b','c':'d'}"},
    {"a block of another size than it says", MAP, "03 0e 02 'a' 02 'b' 02 'c' 02 'd' 00",
	"f: a block has another size than it says"},
    {"a block's size beyond the message", MAP, "03 7e 02 'a' 02 'b' 00",
	"f: a block is longer than the message"},
    {"a negative block's size", MAP, "03 01 02 'a' 02 'b' 00",
	"f: a block is longer than the message"},
    {"a map without an end", MAP, "02 02 'a' 02 'b'", "f: a list is cut off"},
    {"a pair that is cut off", MAP, "04 02 'a' 02 'b' 02 'c'",
	"f[1]: a text is longer than the message"},
    {"a key that is no UTF-8", MAP, "02 02 ff 02 'b' 00",
	"f[0]: a text is not UTF-8, or has a NUL"},
    {"2^62 pairs", MAP, "80 80 80 80 80 80 80 80 80 01", "f: a list has too many items"},
    {"as many pairs as the smallest long", MAP, "ff ff ff ff ff ff ff ff ff 01 00",
	"f: a list has too many items"},

    {"an array", LINES, "04 02 04 00", "[{'a':1},{'a':2}]"},
    {"no items", LINES, "00", "[]"},
    {"an item that is cut off", LINES, "04 02", "f[1].a: an int is cut off or too large"},
    {"10001 items", LINES, "a2 9c 01", "f: a list has too many items"},

    {"a text of JSON stands as what it holds", "'string','json':true", "16 '{' 22 'a' 22 ':[1,2]}'",
	"{'a':[1,2]}"},
    {"a number is JSON, too", "'string','json':true", "04 '12'", "12"},
    {"no JSON at all", "['null','string'],'json':true", "00", "null"},
    {"JSON that may be null and is not", "['null','string'],'json':true", "02 04 '[]'", "[]"},
    {"a text that is no JSON", "'string','json':true", "02 '{'", "f: a text is no JSON"},
    {"an empty text is no JSON", "'string','json':true", "00", "f: a text is no JSON"},
    {"JSON and more", "'string','json':true", "06 '1 2'", "f: a text is no JSON"},

    {"a byte is left over", "'int'", "02 00", "1 bytes are left over"},
};

START_TEST(test_bytes)
{
	const struct bytes_row *row = &bytes_rows[_i];
	bool is_error = strchr("'[{-0123456789tn", row->outcome[0]) == NULL ||
			strstr(row->outcome, "left over") != NULL;
	struct buf schema_text, bytes, json;
	char expected[512];
	struct schema *schema;
	struct err err = {0};
	enum err_class class;

	buf_init(&schema_text, CODEC_TEXT_MAX);
	buf_init(&bytes, CODEC_TEXT_MAX);
	buf_init(&json, CODEC_TEXT_MAX);
	buf_printf(&schema_text, "{'type':'record','name':'R','fields':[{'name':'f','type':%s}]}",
	    row->type);
	buf_append_char(&schema_text, '\0');
	ck_assert(!schema_text.overflow);
	schema = codec_schema(schema_text.ptr);
	codec_hex(row->bytes, &bytes);

	class = avro_to_json(schema, buf_str(&bytes), &json, &err);
	if (is_error) {
		ck_assert_msg(class == ERR_POISON, "%s: accepted", row->name);
		snprintf(expected, sizeof(expected), "R: %s", row->outcome);
		unit_assert_str(str_from(err.text), expected, row->name);
	} else {
		ck_assert_msg(class == ERR_NONE, "%s: %s", row->name, err.text);
		snprintf(expected, sizeof(expected), "{\"f\":%s}", codec_json(row->outcome));
		unit_assert_str(buf_str(&json), expected, row->name);
	}
	schema_free(schema);
	buf_release(&schema_text);
	buf_release(&bytes);
	buf_release(&json);
}
END_TEST

/* Many items, each within its block's limit, and blocks without end. */
START_TEST(test_items_are_counted_over_blocks)
{
	struct schema *schema =
	    codec_schema("{'type':'record','name':'R','fields':[{'name':'f','type':" LINES "}]}");
	struct err err = {0};
	struct buf buf;

	buf_init(&buf, AVRO_MESSAGE_MAX);
	for (int i = 0; i < AVRO_ITEMS_MAX; i++) {
		avro_put_long(&buf, 1);
		avro_put_long(&buf, i);
	}
	avro_put_long(&buf, 0);
	ck_assert_int_eq(avro_check(schema, buf_str(&buf), &err), ERR_NONE);

	buf.len--;
	avro_put_long(&buf, 1);
	avro_put_long(&buf, 1);
	avro_put_long(&buf, 0);
	ck_assert_int_eq(avro_check(schema, buf_str(&buf), &err), ERR_POISON);
	ck_assert_str_eq(err.text, "R: f: a list has too many items");
	buf_release(&buf);
	schema_free(schema);
}
END_TEST

UNIT_MAIN("avro", UNIT_ROWS(test_long, long_rows), UNIT(test_other_primitives), UNIT(test_field_of),
    UNIT(test_frame), UNIT_ROWS(test_bytes, bytes_rows), UNIT(test_items_are_counted_over_blocks))
