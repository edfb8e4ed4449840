#include "common/base/utf8.h"
#include "common/codec/avro.h"
#include "common/codec/avro_bytes.h"

static bool value_check(
    const struct schema *schema, struct avro_cursor *cursor, struct avro_fault *fault);

static bool
string_check(const struct schema *schema, struct avro_cursor *cursor, struct avro_fault *fault)
{
	struct str text;

	(void)schema;
	if (!avro_take_string(cursor, &text))
		return avro_fault(fault, "a text is longer than the message");
	if (!utf8_is_valid(text))
		return avro_fault(fault, "a text is not UTF-8, or has a NUL");
	return true;
}

static bool
int_check(const struct schema *schema, struct avro_cursor *cursor, struct avro_fault *fault)
{
	int32_t value;

	(void)schema;
	return avro_take_int(cursor, &value) || avro_fault(fault, "an int is cut off or too large");
}

static bool
long_check(const struct schema *schema, struct avro_cursor *cursor, struct avro_fault *fault)
{
	int64_t value;

	(void)schema;
	return avro_take_long(cursor, &value) ||
	       avro_fault(fault, "a long is cut off or too large");
}

static bool
boolean_check(const struct schema *schema, struct avro_cursor *cursor, struct avro_fault *fault)
{
	bool value;

	(void)schema;
	return avro_take_boolean(cursor, &value) ||
	       avro_fault(fault, "a boolean is cut off or neither 0 nor 1");
}

static bool
enum_check(const struct schema *schema, struct avro_cursor *cursor, struct avro_fault *fault)
{
	int32_t index;

	if (!avro_take_int(cursor, &index) || index < 0 || (size_t)index >= schema->symbols_len)
		return avro_fault(fault, "an enum has no such symbol");
	return true;
}

static bool
record_check(const struct schema *schema, struct avro_cursor *cursor, struct avro_fault *fault)
{
	for (size_t i = 0; i < schema->fields_len; i++)
		if (!value_check(schema->fields[i].type, cursor, fault))
			return avro_fault_in_field(fault, schema->fields[i].name);
	return true;
}

static bool
item_check(const struct schema *schema, struct avro_cursor *cursor, struct avro_fault *fault)
{
	if (schema->type == SCHEMA_ARRAY)
		return value_check(schema->items, cursor, fault);
	return string_check(schema, cursor, fault) && string_check(schema, cursor, fault);
}

/* One block of ${len} items; when its size in bytes was announced it must be that. */
static bool
block_check(const struct schema *schema, size_t first, size_t len, const unsigned char *end,
    struct avro_cursor *cursor, struct avro_fault *fault)
{
	for (size_t i = 0; i < len; i++)
		if (!item_check(schema, cursor, fault))
			return avro_fault_in_item(fault, first + i);
	if (end != NULL && cursor->at != end)
		return avro_fault(fault, "a block has another size than it says");
	return true;
}

/* Arrays and maps: blocks of a count and that many items, and a count of 0. */
static bool
blocks_check(const struct schema *schema, struct avro_cursor *cursor, struct avro_fault *fault)
{
	size_t items_len = 0;

	for (;;) {
		const unsigned char *end = NULL;
		int64_t count, size;

		if (!avro_take_long(cursor, &count))
			return avro_fault(fault, "a list is cut off");
		if (count == 0)
			return true;
		if (count > AVRO_ITEMS_MAX || count < -AVRO_ITEMS_MAX)
			return avro_fault(fault, "a list has too many items");
		if (count < 0) {
			count = -count;
			if (!avro_take_long(cursor, &size) || size < 0 ||
			    size > cursor->end - cursor->at)
				return avro_fault(fault, "a block is longer than the message");
			end = cursor->at + size;
		}
		if ((size_t)count > AVRO_ITEMS_MAX - items_len)
			return avro_fault(fault, "a list has too many items");
		if (!block_check(schema, items_len, (size_t)count, end, cursor, fault))
			return false;
		items_len += (size_t)count;
	}
}

static bool (*const checks[SCHEMA_TYPE_MAX])(
    const struct schema *, struct avro_cursor *, struct avro_fault *) = {
    [SCHEMA_STRING] = string_check,
    [SCHEMA_INT] = int_check,
    [SCHEMA_LONG] = long_check,
    [SCHEMA_BOOLEAN] = boolean_check,
    [SCHEMA_ENUM] = enum_check,
    [SCHEMA_RECORD] = record_check,
    [SCHEMA_ARRAY] = blocks_check,
    [SCHEMA_MAP] = blocks_check,
};

static bool
value_check(const struct schema *schema, struct avro_cursor *cursor, struct avro_fault *fault)
{
	int64_t branch;

	if (schema->nullable) {
		if (!avro_take_long(cursor, &branch) || branch < 0 || branch > 1)
			return avro_fault(fault, "a union has no such branch");
		if (branch == 0)
			return true;
	}
	return checks[schema->type](schema, cursor, fault);
}

enum err_class
avro_check(const struct schema *schema, struct str body, struct err *err)
{
	struct avro_cursor cursor = avro_cursor_at(body);
	struct avro_fault fault;

	if (body.len > AVRO_MESSAGE_MAX)
		return err_set(err, ERR_POISON, "%.*s: %zu bytes are more than a message has",
		    STR_ARG(schema->name), body.len);
	if (!value_check(schema, &cursor, &fault))
		return avro_fault_err(&fault, schema, err);
	if (cursor.at != cursor.end)
		return err_set(err, ERR_POISON, "%.*s: %td bytes are left over",
		    STR_ARG(schema->name), cursor.end - cursor.at);
	return ERR_NONE;
}
