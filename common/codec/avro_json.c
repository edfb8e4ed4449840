#include <jansson.h>

#include "common/base/instant.h"
#include "common/codec/avro.h"
#include "common/codec/avro_bytes.h"

/* The bytes were checked before: a primitive that cannot be taken is our bug. */
#define TAKE(taken) CHECK(taken)

static bool value_print(const struct schema *schema, struct avro_cursor *cursor, struct buf *buf,
    struct avro_fault *fault);

static void
escape_print(unsigned char c, struct buf *buf)
{
	static const char *const short_forms[0x20] = {
	    ['\b'] = "\\b", ['\t'] = "\\t", ['\n'] = "\\n", ['\f'] = "\\f", ['\r'] = "\\r"};

	if (c == '"' || c == '\\') {
		buf_append_char(buf, '\\');
		buf_append_char(buf, (char)c);
	} else if (c < ARRAY_LEN(short_forms) && short_forms[c] != NULL) {
		buf_append_str(buf, str_from(short_forms[c]));
	} else {
		buf_printf(buf, "\\u%04x", c);
	}
}

static void
text_print(struct str text, struct buf *buf)
{
	size_t plain = 0; /* from where the bytes need no escape */

	buf_append_char(buf, '"');
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f)
			continue;
		buf_append(buf, text.ptr + plain, i - plain);
		escape_print(c, buf);
		plain = i + 1;
	}
	buf_append(buf, text.ptr + plain, text.len - plain);
	buf_append_char(buf, '"');
}

static bool
string_print(const struct schema *schema, struct avro_cursor *cursor, struct buf *buf,
    struct avro_fault *fault)
{
	struct str text;

	(void)schema;
	(void)fault;
	TAKE(avro_take_string(cursor, &text));
	text_print(text, buf);
	return true;
}

static bool
number_print(const struct schema *schema, struct avro_cursor *cursor, struct buf *buf,
    struct avro_fault *fault)
{
	char text[INSTANT_TEXT_SIZE];
	int64_t value;

	TAKE(avro_take_long(cursor, &value));
	if (schema->logical != SCHEMA_MILLIS) {
		buf_append_int64(buf, value);
		return true;
	}
	if (value < 0 || !instant_is_valid(instant_from_ms(value)))
		return avro_fault(fault, "a time is out of range");
	instant_write(instant_from_ms(value), text);
	text_print(str_from(text), buf);
	return true;
}

static bool
boolean_print(const struct schema *schema, struct avro_cursor *cursor, struct buf *buf,
    struct avro_fault *fault)
{
	bool value;

	(void)schema;
	(void)fault;
	TAKE(avro_take_boolean(cursor, &value));
	buf_append_str(buf, value ? STR("true") : STR("false"));
	return true;
}

static bool
enum_print(const struct schema *schema, struct avro_cursor *cursor, struct buf *buf,
    struct avro_fault *fault)
{
	int32_t index;

	(void)fault;
	TAKE(avro_take_int(cursor, &index));
	text_print(schema->symbols[index], buf);
	return true;
}

/* A text that holds JSON stands as what it holds.  Who wrote the bytes may have put anything there.
 */
static bool
json_print(const struct schema *schema, struct avro_cursor *cursor, struct buf *buf,
    struct avro_fault *fault)
{
	struct str text;
	int64_t branch = 1;
	json_t *json;

	if (schema->nullable)
		TAKE(avro_take_long(cursor, &branch));
	if (branch == 0) {
		buf_append_str(buf, STR("null"));
		return true;
	}
	TAKE(avro_take_string(cursor, &text));
	json = json_loadb(text.ptr, text.len, JSON_DECODE_ANY, NULL);
	if (json == NULL)
		return avro_fault(fault, "a text is no JSON");
	json_decref(json);
	buf_append_str(buf, text);
	return true;
}

static bool
record_print(const struct schema *schema, struct avro_cursor *cursor, struct buf *buf,
    struct avro_fault *fault)
{
	for (size_t i = 0; i < schema->fields_len; i++) {
		const struct schema_field *field = &schema->fields[i];

		buf_append_char(buf, i == 0 ? '{' : ',');
		text_print(field->name, buf);
		buf_append_char(buf, ':');
		if (!(field->json ? json_print : value_print)(field->type, cursor, buf, fault))
			return avro_fault_in_field(fault, field->name);
	}
	buf_append_char(buf, '}');
	return true;
}

static bool
item_print(const struct schema *schema, struct avro_cursor *cursor, struct buf *buf,
    struct avro_fault *fault)
{
	if (schema->type == SCHEMA_ARRAY)
		return value_print(schema->items, cursor, buf, fault);
	if (!string_print(schema, cursor, buf, fault))
		return false;
	buf_append_char(buf, ':');
	return string_print(schema, cursor, buf, fault);
}

/* The items that the next block of an array or map has; 0 behind the last. */
static size_t
block_len(struct avro_cursor *cursor)
{
	int64_t count, size;

	TAKE(avro_take_long(cursor, &count));
	if (count >= 0)
		return (size_t)count;
	TAKE(avro_take_long(cursor, &size));
	return (size_t)-count;
}

static bool
blocks_print(const struct schema *schema, struct avro_cursor *cursor, struct buf *buf,
    struct avro_fault *fault)
{
	bool is_array = schema->type == SCHEMA_ARRAY;
	size_t index = 0;

	buf_append_char(buf, is_array ? '[' : '{');
	for (size_t left = block_len(cursor); left > 0; left = block_len(cursor)) {
		for (; left > 0; left--, index++) {
			if (index > 0)
				buf_append_char(buf, ',');
			if (!item_print(schema, cursor, buf, fault))
				return avro_fault_in_item(fault, index);
		}
	}
	buf_append_char(buf, is_array ? ']' : '}');
	return true;
}

static bool (*const prints[SCHEMA_TYPE_MAX])(
    const struct schema *, struct avro_cursor *, struct buf *, struct avro_fault *) = {
    [SCHEMA_STRING] = string_print,
    [SCHEMA_INT] = number_print,
    [SCHEMA_LONG] = number_print,
    [SCHEMA_BOOLEAN] = boolean_print,
    [SCHEMA_ENUM] = enum_print,
    [SCHEMA_RECORD] = record_print,
    [SCHEMA_ARRAY] = blocks_print,
    [SCHEMA_MAP] = blocks_print,
};

static bool
value_print(const struct schema *schema, struct avro_cursor *cursor, struct buf *buf,
    struct avro_fault *fault)
{
	int64_t branch;

	if (schema->nullable) {
		TAKE(avro_take_long(cursor, &branch));
		if (branch == 0) {
			buf_append_str(buf, STR("null"));
			return true;
		}
	}
	return prints[schema->type](schema, cursor, buf, fault);
}

enum err_class
avro_to_json(const struct schema *schema, struct str body, struct buf *buf, struct err *err)
{
	struct avro_cursor cursor = avro_cursor_at(body);
	struct avro_fault fault;

	if (avro_check(schema, body, err) != ERR_NONE)
		return err->class;
	if (!value_print(schema, &cursor, buf, &fault))
		return avro_fault_err(&fault, schema, err);
	CHECK(cursor.at == cursor.end);
	return ERR_NONE;
}
