#include "common/codec/avro_bind.h"

#include "common/base/decimal.h"
#include "common/base/instant.h"
#include "common/base/uuid.h"
#include "common/domain/money.h"

/* What every step of one reading needs. */
struct binding {
	struct arena *arena;
	struct avro_fault *fault;
};

static bool record_bind(const struct schema *writer, const avro_value_t *value,
    const struct schema *current, const struct record *record, char *base, struct binding *binding);

/* A text that is only looked at: it stays valid until the next message. */
static struct str
text_view(const avro_value_t *value)
{
	struct str text;
	size_t size;

	CHECK(avro_value_get_string(value, &text.ptr, &size) == 0 && size > 0);
	text.len = size - 1;
	return text;
}

static bool
text_bind(const avro_value_t *value, struct binding *binding, struct str *ret_text)
{
	return arena_str(binding->arena, text_view(value), ret_text) ||
	       avro_fault_full(binding->fault);
}

static bool
uuid_bind(const struct schema *schema, const avro_value_t *value, void *at, struct binding *binding)
{
	(void)schema;
	return uuid_read(text_view(value), at) || avro_fault(binding->fault, "a text is no UUID");
}

static bool
str_bind(const struct schema *schema, const avro_value_t *value, void *at, struct binding *binding)
{
	struct str *text = at;
	int index;

	if (schema->type == SCHEMA_STRING)
		return text_bind(value, binding, text);
	CHECK(avro_value_get_enum(value, &index) == 0);
	CHECK(index >= 0 && (size_t)index < schema->symbols_len);
	*text = schema->symbols[index]; /* lives as long as the schemas */
	return true;
}

/* An int or, where the struct has room for it, a long. */
static int64_t
number_view(const struct schema *schema, const avro_value_t *value)
{
	int64_t wide = 0;
	int32_t narrow = 0;

	if (schema->type == SCHEMA_LONG) {
		CHECK(avro_value_get_long(value, &wide) == 0);
		return wide;
	}
	CHECK(avro_value_get_int(value, &narrow) == 0);
	return narrow;
}

static bool
int32_bind(
    const struct schema *schema, const avro_value_t *value, void *at, struct binding *binding)
{
	int32_t *number = at;

	(void)binding;
	*number = (int32_t)number_view(schema, value);
	return true;
}

static bool
int64_bind(
    const struct schema *schema, const avro_value_t *value, void *at, struct binding *binding)
{
	int64_t *number = at;

	(void)binding;
	*number = number_view(schema, value);
	return true;
}

static bool
bool_bind(const struct schema *schema, const avro_value_t *value, void *at, struct binding *binding)
{
	bool *flag = at;
	int number;

	(void)schema;
	(void)binding;
	CHECK(avro_value_get_boolean(value, &number) == 0);
	*flag = number != 0;
	return true;
}

static bool
millis_bind(int64_t ms, struct instant *ret_instant, struct binding *binding)
{
	if (ms < 0 || !instant_is_valid(instant_from_ms(ms)))
		return avro_fault(binding->fault, "a time is out of range");
	*ret_instant = instant_from_ms(ms);
	return true;
}

static bool
instant_bind(
    const struct schema *schema, const avro_value_t *value, void *at, struct binding *binding)
{
	return millis_bind(number_view(schema, value), at, binding);
}

static bool
currency_bind(
    const struct schema *schema, const avro_value_t *value, void *at, struct binding *binding)
{
	(void)schema;
	return currency_from(text_view(value), at) ||
	       avro_fault(binding->fault, "a text is no currency");
}

static bool
decimal_bind(
    const struct schema *schema, const avro_value_t *value, void *at, struct binding *binding)
{
	(void)schema;
	return decimal_read(text_view(value), DECIMAL_PLACES, at) ||
	       avro_fault(binding->fault, "a text is no decimal number");
}

static bool
map_bind(const struct schema *schema, const avro_value_t *value, void *at, struct binding *binding)
{
	struct str_map *map = at;
	struct str_pair *pairs;
	size_t len;

	(void)schema;
	CHECK(avro_value_get_size(value, &len) == 0);
	if (len == 0)
		return true;
	pairs = arena_array(binding->arena, len, sizeof(*pairs));
	if (pairs == NULL)
		return avro_fault_full(binding->fault);
	for (size_t i = 0; i < len; i++) {
		avro_value_t item;
		const char *key;

		CHECK(avro_value_get_by_index(value, i, &item, &key) == 0);
		if (!arena_str(binding->arena, str_from(key), &pairs[i].key))
			return avro_fault_full(binding->fault);
		if (!text_bind(&item, binding, &pairs[i].value))
			return false;
	}
	*map = (struct str_map){pairs, len};
	return true;
}

/* What an empty list points to, so that it is another than none. */
static const struct uuid no_uuids[1];
static const struct str no_strs[1];

static bool
uuids_bind(
    const struct schema *schema, const avro_value_t *value, void *at, struct binding *binding)
{
	struct uuid_list *list = at;
	struct uuid *items;
	size_t len;

	CHECK(avro_value_get_size(value, &len) == 0);
	*list = (struct uuid_list){no_uuids, len};
	if (len == 0)
		return true;
	items = arena_array(binding->arena, len, sizeof(*items));
	if (items == NULL)
		return avro_fault_full(binding->fault);
	for (size_t i = 0; i < len; i++) {
		avro_value_t item;

		CHECK(avro_value_get_by_index(value, i, &item, NULL) == 0);
		if (!uuid_bind(schema->items, &item, &items[i], binding))
			return avro_fault_in_item(binding->fault, i);
	}
	list->items = items;
	return true;
}

static bool
strs_bind(const struct schema *schema, const avro_value_t *value, void *at, struct binding *binding)
{
	struct str_list *list = at;
	struct str *items;
	size_t len;

	(void)schema;
	CHECK(avro_value_get_size(value, &len) == 0);
	*list = (struct str_list){no_strs, len};
	if (len == 0)
		return true;
	items = arena_array(binding->arena, len, sizeof(*items));
	if (items == NULL)
		return avro_fault_full(binding->fault);
	for (size_t i = 0; i < len; i++) {
		avro_value_t item;

		CHECK(avro_value_get_by_index(value, i, &item, NULL) == 0);
		if (!text_bind(&item, binding, &items[i]))
			return avro_fault_in_item(binding->fault, i);
	}
	list->items = items;
	return true;
}

static bool
none_default(const json_t *json, void *at)
{
	(void)at; /* zeroed: the empty list and the empty map */
	return json_is_array(json) || json_is_object(json);
}

static bool
str_default(const json_t *json, void *at)
{
	struct str *text = at;

	*text = schema_str(json);
	return text->ptr != NULL;
}

static bool
currency_default(const json_t *json, void *at)
{
	return currency_from(schema_str(json), at);
}

static bool
decimal_default(const json_t *json, void *at)
{
	return decimal_read(schema_str(json), DECIMAL_PLACES, at);
}

static bool
int32_default(const json_t *json, void *at)
{
	int32_t *number = at;

	*number = (int32_t)json_integer_value(json);
	return json_is_integer(json) && *number == json_integer_value(json);
}

static bool
int64_default(const json_t *json, void *at)
{
	int64_t *number = at;

	*number = json_integer_value(json);
	return json_is_integer(json);
}

static bool
bool_default(const json_t *json, void *at)
{
	bool *flag = at;

	*flag = json_is_true(json);
	return json_is_boolean(json);
}

static bool
no_default(const json_t *json, void *at)
{
	(void)json;
	(void)at;
	return false;
}

#define TEXTS (1u << SCHEMA_STRING)
#define NUMBERS (1u << SCHEMA_INT | 1u << SCHEMA_LONG)

/* How a kind is read: from which types, from a value, from a default, and whether it can be none.
 * Records are apart: they need the current schema's defaults inside. */
static const struct kind {
	unsigned types;
	bool has_none;
	bool (*bind)(const struct schema *schema, const avro_value_t *value, void *at,
	    struct binding *binding);
	bool (*fallback)(const json_t *json, void *at);
} kinds[FIELD_KIND_MAX] = {
    [FIELD_UUID] = {TEXTS, true, uuid_bind, no_default},
    [FIELD_STR] = {TEXTS | 1u << SCHEMA_ENUM, true, str_bind, str_default},
    [FIELD_INT32] = {1u << SCHEMA_INT, false, int32_bind, int32_default},
    [FIELD_INT64] = {NUMBERS, false, int64_bind, int64_default},
    [FIELD_BOOL] = {1u << SCHEMA_BOOLEAN, false, bool_bind, bool_default},
    [FIELD_INSTANT] = {1u << SCHEMA_LONG, true, instant_bind, no_default},
    [FIELD_CURRENCY] = {TEXTS, true, currency_bind, currency_default},
    [FIELD_STR_MAP] = {1u << SCHEMA_MAP, true, map_bind, none_default},
    [FIELD_RECORD] = {1u << SCHEMA_RECORD, false, NULL, no_default},
    [FIELD_RECORDS] = {1u << SCHEMA_ARRAY, true, NULL, none_default},
    [FIELD_INT64_OR_NONE] = {NUMBERS, true, int64_bind, int64_default},
    [FIELD_DECIMAL] = {TEXTS, true, decimal_bind, decimal_default},
    [FIELD_JSON] = {TEXTS, true, str_bind, str_default},
    [FIELD_UUIDS] = {1u << SCHEMA_ARRAY, true, uuids_bind, none_default},
    [FIELD_STRS] = {1u << SCHEMA_ARRAY, true, strs_bind, none_default},
};

/* The struct is zeroed, which is none for all kinds but these. */
static bool
none_bind(const struct field *field, void *at, struct binding *binding)
{
	if (!kinds[field->kind].has_none)
		return avro_fault(binding->fault, "is null, which we cannot keep");
	if (field->kind == FIELD_INSTANT)
		*(struct instant *)at = INSTANT_NONE;
	else if (field->kind == FIELD_INT64_OR_NONE)
		*(int64_t *)at = INT64_MIN;
	else if (field->kind == FIELD_DECIMAL)
		*(struct decimal *)at = DECIMAL_NONE;
	return true;
}

static bool
list_bind(const struct schema *writer, const avro_value_t *value, const struct schema *current,
    const struct field *field, char *base, struct binding *binding)
{
	const struct record *nested = field->nested;
	const struct schema *items = current == NULL ? NULL : current->items;
	char *list;
	size_t len;

	CHECK(avro_value_get_size(value, &len) == 0);
	if (len == 0)
		return true;
	list = arena_array(binding->arena, len, nested->size);
	if (list == NULL)
		return avro_fault_full(binding->fault);
	for (size_t i = 0; i < len; i++) {
		avro_value_t item;

		CHECK(avro_value_get_by_index(value, i, &item, NULL) == 0);
		if (!record_bind(
			writer->items, &item, items, nested, list + i * nested->size, binding))
			return avro_fault_in_item(binding->fault, i);
	}
	memcpy(base + field->offset, &list, sizeof(list));
	memcpy(base + field->len_offset, &len, sizeof(len));
	return true;
}

/* Whether ${field} is read from that type, and a list from its items. */
static bool
type_fits(const struct schema *schema, const struct field *field)
{
	enum schema_type items = field->kind == FIELD_RECORDS ? SCHEMA_RECORD : SCHEMA_STRING;

	return (kinds[field->kind].types & 1u << schema->type) != 0 &&
	       (schema->type != SCHEMA_ARRAY || schema->items->type == items);
}

/* One field that the writer has. */
static bool
value_bind(const struct schema *writer, const avro_value_t *value, const struct schema *current,
    const struct field *field, char *base, struct binding *binding)
{
	avro_value_t branch = *value;
	int index;

	if (!type_fits(writer, field))
		return avro_fault(binding->fault, "is of another type than we read");
	if (current != NULL && current->type != writer->type)
		current = NULL;
	if (writer->nullable) {
		CHECK(avro_value_get_discriminant(value, &index) == 0);
		if (index == 0)
			return none_bind(field, base + field->offset, binding);
		CHECK(avro_value_get_current_branch(value, &branch) == 0);
	}
	if (field->kind == FIELD_RECORD)
		return record_bind(
		    writer, &branch, current, field->nested, base + field->offset, binding);
	if (field->kind == FIELD_RECORDS)
		return list_bind(writer, &branch, current, field, base, binding);
	return kinds[field->kind].bind(writer, &branch, base + field->offset, binding);
}

/* One field that the writer lacks. */
static bool
default_bind(const struct schema_field *current, const struct field *field, char *base,
    struct binding *binding)
{
	if (current == NULL || current->fallback == NULL)
		return avro_fault(binding->fault, "is missing and has no default");
	if (json_is_null(current->fallback))
		return none_bind(field, base + field->offset, binding);
	return kinds[field->kind].fallback(current->fallback, base + field->offset) ||
	       avro_fault(binding->fault, "has a default of another type");
}

static bool
record_bind(const struct schema *writer, const avro_value_t *value, const struct schema *current,
    const struct record *record, char *base, struct binding *binding)
{
	size_t writer_at = 0, current_at = 0;

	for (size_t i = 0; i < record->fields_len; i++) {
		const struct field *field = &record->fields[i];
		const struct schema_field *in_current = NULL;
		struct str name = str_from(field->name);
		size_t index;
		bool ok;

		if (current != NULL && avro_index_of(current, name, &current_at, &index))
			in_current = &current->fields[index];
		if (avro_index_of(writer, name, &writer_at, &index)) {
			avro_value_t child;

			CHECK(avro_value_get_by_index(value, index, &child, NULL) == 0);
			ok = value_bind(writer->fields[index].type, &child,
			    in_current == NULL ? NULL : in_current->type, field, base, binding);
		} else {
			ok = default_bind(in_current, field, base, binding);
		}
		if (!ok)
			return avro_fault_in_field(binding->fault, name);
	}
	return true;
}

bool
avro_bind(const struct schema *writer, const avro_value_t *value, const struct schema *current,
    const struct record *record, struct arena *arena, void *at, struct avro_fault *fault)
{
	struct binding binding = {arena, fault};

	return record_bind(writer, value, current, record, at, &binding);
}
