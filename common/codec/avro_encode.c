#include <string.h>

#include "common/base/decimal.h"
#include "common/base/instant.h"
#include "common/base/uuid.h"
#include "common/codec/avro.h"
#include "common/codec/avro_bytes.h"
#include "common/domain/money.h"

static bool
uuid_is_none(const void *at)
{
	const struct uuid *uuid = at;

	return uuid_is_nil(*uuid);
}

static void
uuid_put(const struct schema *schema, const void *at, struct buf *buf)
{
	const struct uuid *uuid = at;
	char text[UUID_TEXT_SIZE];

	(void)schema;
	uuid_write(*uuid, text);
	avro_put_string(buf, (struct str){text, sizeof(text) - 1});
}

static bool
str_is_none(const void *at)
{
	const struct str *text = at;

	return text->ptr == NULL;
}

static void
str_put(const struct schema *schema, const void *at, struct buf *buf)
{
	const struct str *text = at;
	size_t index = 0;

	if (schema->type == SCHEMA_STRING) {
		avro_put_string(buf, *text);
		return;
	}
	while (index < schema->symbols_len && !str_equal(schema->symbols[index], *text))
		index++;
	CHECK(index < schema->symbols_len);
	avro_put_long(buf, (int64_t)index);
}

static bool
is_never_none(const void *at)
{
	(void)at;
	return false;
}

static void
int32_put(const struct schema *schema, const void *at, struct buf *buf)
{
	const int32_t *value = at;

	(void)schema;
	avro_put_long(buf, *value);
}

static void
int64_put(const struct schema *schema, const void *at, struct buf *buf)
{
	const int64_t *value = at;

	(void)schema;
	avro_put_long(buf, *value);
}

static void
bool_put(const struct schema *schema, const void *at, struct buf *buf)
{
	const bool *value = at;

	(void)schema;
	avro_put_boolean(buf, *value);
}

static bool
instant_none(const void *at)
{
	const struct instant *instant = at;

	return instant_is_none(*instant);
}

static void
instant_put(const struct schema *schema, const void *at, struct buf *buf)
{
	const struct instant *instant = at;

	(void)schema;
	CHECK(instant_is_valid(*instant));
	avro_put_long(buf, instant->s * 1000);
}

static bool
currency_is_none(const void *at)
{
	const struct currency *currency = at;

	return currency->code[0] == '\0';
}

static void
currency_put(const struct schema *schema, const void *at, struct buf *buf)
{
	const struct currency *currency = at;

	(void)schema;
	avro_put_string(buf, (struct str){currency->code, strnlen(currency->code, 3)});
}

static bool
int64_is_none(const void *at)
{
	const int64_t *value = at;

	return *value == INT64_MIN;
}

static bool
decimal_none(const void *at)
{
	const struct decimal *decimal = at;

	return decimal_is_none(*decimal);
}

static void
decimal_put(const struct schema *schema, const void *at, struct buf *buf)
{
	const struct decimal *decimal = at;
	char text[DECIMAL_TEXT_SIZE];

	(void)schema;
	decimal_write(*decimal, text);
	avro_put_string(buf, str_from(text));
}

static bool
map_is_none(const void *at)
{
	const struct str_map *map = at;

	return map->len == 0;
}

static void
map_put(const struct schema *schema, const void *at, struct buf *buf)
{
	const struct str_map *map = at;

	(void)schema;
	CHECK(map->len <= AVRO_ITEMS_MAX);
	if (map->len > 0)
		avro_put_long(buf, (int64_t)map->len);
	for (size_t i = 0; i < map->len; i++) {
		avro_put_string(buf, map->pairs[i].key);
		avro_put_string(buf, map->pairs[i].value);
	}
	avro_put_long(buf, 0);
}

static bool
uuids_is_none(const void *at)
{
	const struct uuid_list *list = at;

	return list->items == NULL;
}

static void
uuids_put(const struct schema *schema, const void *at, struct buf *buf)
{
	const struct uuid_list *list = at;

	CHECK(schema->items->type == SCHEMA_STRING);
	CHECK(list->len <= AVRO_ITEMS_MAX);
	if (list->len > 0)
		avro_put_long(buf, (int64_t)list->len);
	for (size_t i = 0; i < list->len; i++)
		uuid_put(schema->items, &list->items[i], buf);
	avro_put_long(buf, 0);
}

static bool
strs_is_none(const void *at)
{
	const struct str_list *list = at;

	return list->items == NULL;
}

static void
strs_put(const struct schema *schema, const void *at, struct buf *buf)
{
	const struct str_list *list = at;

	CHECK(schema->items->type == SCHEMA_STRING);
	CHECK(list->len <= AVRO_ITEMS_MAX);
	if (list->len > 0)
		avro_put_long(buf, (int64_t)list->len);
	for (size_t i = 0; i < list->len; i++)
		avro_put_string(buf, list->items[i]);
	avro_put_long(buf, 0);
}

/* How a kind is written: as which types, when it is null, and its bytes.  Records are apart. */
static const struct kind {
	unsigned types;
	bool null_is_empty; /* "none" is a value of its own where the schema has no null */
	bool (*is_none)(const void *at);
	void (*put)(const struct schema *schema, const void *at, struct buf *buf);
} kinds[FIELD_KIND_MAX] = {
    [FIELD_UUID] = {1u << SCHEMA_STRING, false, uuid_is_none, uuid_put},
    [FIELD_STR] = {1u << SCHEMA_STRING | 1u << SCHEMA_ENUM, false, str_is_none, str_put},
    [FIELD_INT32] = {1u << SCHEMA_INT, false, is_never_none, int32_put},
    [FIELD_INT64] = {1u << SCHEMA_LONG, false, is_never_none, int64_put},
    [FIELD_BOOL] = {1u << SCHEMA_BOOLEAN, false, is_never_none, bool_put},
    [FIELD_INSTANT] = {1u << SCHEMA_LONG, false, instant_none, instant_put},
    [FIELD_CURRENCY] = {1u << SCHEMA_STRING, false, currency_is_none, currency_put},
    [FIELD_STR_MAP] = {1u << SCHEMA_MAP, true, map_is_none, map_put},
    [FIELD_RECORD] = {1u << SCHEMA_RECORD, false, is_never_none, NULL},
    [FIELD_RECORDS] = {1u << SCHEMA_ARRAY, true, is_never_none, NULL},
    [FIELD_INT64_OR_NONE] = {1u << SCHEMA_LONG, false, int64_is_none, int64_put},
    [FIELD_DECIMAL] = {1u << SCHEMA_STRING, false, decimal_none, decimal_put},
    [FIELD_JSON] = {1u << SCHEMA_STRING, false, str_is_none, str_put},
    [FIELD_UUIDS] = {1u << SCHEMA_ARRAY, true, uuids_is_none, uuids_put},
    [FIELD_STRS] = {1u << SCHEMA_ARRAY, true, strs_is_none, strs_put},
};

static void
list_put(const struct schema *schema, const struct field *field, const char *base, struct buf *buf)
{
	const struct record *nested = field->nested;
	const char *items;
	size_t len;

	memcpy(&items, base + field->offset, sizeof(items));
	memcpy(&len, base + field->len_offset, sizeof(len));
	CHECK(schema->items->type == SCHEMA_RECORD);
	CHECK(len <= AVRO_ITEMS_MAX);
	if (len > 0)
		avro_put_long(buf, (int64_t)len);
	for (size_t i = 0; i < len; i++)
		avro_encode_body(schema->items, nested, items + i * nested->size, buf);
	avro_put_long(buf, 0);
}

static void
field_put(const struct schema *schema, const struct field *field, const char *base, struct buf *buf)
{
	const struct kind *kind = &kinds[field->kind];
	bool none;

	CHECK((kind->types & 1u << schema->type) != 0);

	none = kind->is_none(base + field->offset);
	if (schema->nullable) {
		avro_put_long(buf, none ? 0 : 1);
		if (none)
			return;
	}
	CHECK(!none || kind->null_is_empty);
	if (field->kind == FIELD_RECORD)
		avro_encode_body(schema, field->nested, base + field->offset, buf);
	else if (field->kind == FIELD_RECORDS)
		list_put(schema, field, base, buf);
	else
		kind->put(schema, base + field->offset, buf);
}

void
avro_encode_body(
    const struct schema *schema, const struct record *record, const void *value, struct buf *buf)
{
	size_t at = 0;

	CHECK(schema->type == SCHEMA_RECORD);

	for (size_t i = 0; i < schema->fields_len; i++) {
		const struct field *field = avro_field_of(record, schema->fields[i].name, &at);

		CHECK(field != NULL);
		field_put(schema->fields[i].type, field, value, buf);
	}
}

void
avro_encode(
    const struct schema *schema, const struct record *record, const void *value, struct buf *buf)
{
	avro_frame_write(schema, buf);
	avro_encode_body(schema, record, value, buf);
}
