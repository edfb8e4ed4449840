#include "common/codec/fingerprint.h"

#define FINGERPRINT_EMPTY UINT64_C(0xc15d213aa4d7a795)
#define NAMES_MAX 64 /* named types of one schema, as schema.c allows */

uint64_t
fingerprint_bytes(struct str bytes)
{
	uint64_t crc = FINGERPRINT_EMPTY;

	/* Bit by bit: it runs a few times at start, a table would be more code than it saves. */
	for (size_t i = 0; i < bytes.len; i++) {
		crc ^= (unsigned char)bytes.ptr[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ ((crc & 1) != 0 ? FINGERPRINT_EMPTY : 0);
	}
	return crc;
}

/* The types whose definition stands in the form already: from then on their names do. */
struct defined {
	size_t len;
	struct str names[NAMES_MAX];
};

static const char *const type_names[SCHEMA_TYPE_MAX] = {
    [SCHEMA_STRING] = "string",
    [SCHEMA_INT] = "int",
    [SCHEMA_LONG] = "long",
    [SCHEMA_BOOLEAN] = "boolean",
    [SCHEMA_ENUM] = "enum",
    [SCHEMA_RECORD] = "record",
    [SCHEMA_ARRAY] = "array",
    [SCHEMA_MAP] = "map",
};

static void type_put(const struct schema *schema, struct defined *defined, struct buf *buf);

/* Names and symbols are letters, digits, '_' and '.', so nothing is escaped. */
static void
quoted_put(struct str text, struct buf *buf)
{
	buf_append_char(buf, '"');
	buf_append_str(buf, text);
	buf_append_char(buf, '"');
}

static void
key_put(const char *before, struct str value, struct buf *buf)
{
	buf_append_str(buf, str_from(before));
	quoted_put(value, buf);
}

static void
symbols_put(const struct schema *schema, struct buf *buf)
{
	buf_append_str(buf, STR(",\"symbols\":["));
	for (size_t i = 0; i < schema->symbols_len; i++)
		key_put(i == 0 ? "" : ",", schema->symbols[i], buf);
	buf_append_char(buf, ']');
}

static void
fields_put(const struct schema *schema, struct defined *defined, struct buf *buf)
{
	buf_append_str(buf, STR(",\"fields\":["));
	for (size_t i = 0; i < schema->fields_len; i++) {
		key_put(i == 0 ? "{\"name\":" : ",{\"name\":", schema->fields[i].name, buf);
		buf_append_str(buf, STR(",\"type\":"));
		type_put(schema->fields[i].type, defined, buf);
		buf_append_char(buf, '}');
	}
	buf_append_char(buf, ']');
}

static void
named_put(const struct schema *schema, struct defined *defined, struct buf *buf)
{
	for (size_t i = 0; i < defined->len; i++) {
		if (str_equal(defined->names[i], schema->name)) {
			quoted_put(schema->name, buf);
			return;
		}
	}
	CHECK(defined->len < NAMES_MAX);
	defined->names[defined->len++] = schema->name;

	key_put("{\"name\":", schema->name, buf);
	key_put(",\"type\":", str_from(type_names[schema->type]), buf);
	if (schema->type == SCHEMA_ENUM)
		symbols_put(schema, buf);
	else
		fields_put(schema, defined, buf);
	buf_append_char(buf, '}');
}

static void
branch_put(const struct schema *schema, struct defined *defined, struct buf *buf)
{
	switch (schema->type) {
	case SCHEMA_STRING:
	case SCHEMA_INT:
	case SCHEMA_LONG:
	case SCHEMA_BOOLEAN:
		quoted_put(str_from(type_names[schema->type]), buf);
		return;
	case SCHEMA_ENUM:
	case SCHEMA_RECORD:
		named_put(schema, defined, buf);
		return;
	case SCHEMA_ARRAY:
		buf_append_str(buf, STR("{\"type\":\"array\",\"items\":"));
		type_put(schema->items, defined, buf);
		buf_append_char(buf, '}');
		return;
	case SCHEMA_MAP:
		buf_append_str(buf, STR("{\"type\":\"map\",\"values\":\"string\"}"));
		return;
	case SCHEMA_TYPE_MAX:
		break;
	}
	CHECK(!"a schema of no type");
}

static void
type_put(const struct schema *schema, struct defined *defined, struct buf *buf)
{
	if (schema->nullable)
		buf_append_str(buf, STR("[\"null\","));
	branch_put(schema, defined, buf);
	if (schema->nullable)
		buf_append_char(buf, ']');
}

void
fingerprint_canonical(const struct schema *schema, struct buf *buf)
{
	struct defined defined = {.len = 0};

	type_put(schema, &defined, buf);
}
