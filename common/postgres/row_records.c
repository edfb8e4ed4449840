/* Lists, such as a plan's charges or the ids of a charge's tax rates: structs in C, a jsonb array
 * of objects or strings in PostgreSQL. */

#include <jansson.h>

#include "common/base/decimal.h"
#include "common/domain/money.h"
#include "common/postgres/row_internal.h"

#define EMPTY_LIST STR("[]")

/* One list that is being read. */
struct reading {
	struct arena *arena;
	struct err *err;
};

static json_t *
str_json(const void *at)
{
	const struct str *text = at;

	return text->ptr == NULL ? json_null() : json_stringn(text->ptr, text->len);
}

static json_t *
int64_json(const void *at)
{
	const int64_t *value = at;

	return json_integer(*value);
}

static json_t *
int64_or_none_json(const void *at)
{
	const int64_t *value = at;

	return *value == INT64_MIN ? json_null() : json_integer(*value);
}

static json_t *
decimal_json(const void *at)
{
	const struct decimal *decimal = at;
	char text[DECIMAL_TEXT_SIZE];

	if (decimal_is_none(*decimal))
		return json_null();
	decimal_write(*decimal, text);
	return json_string(text);
}

static json_t *
bool_json(const void *at)
{
	const bool *flag = at;

	return json_boolean(*flag);
}

/* In a list of ids none is none. */
static json_t *
uuid_item_json(const void *at)
{
	const struct uuid *uuid = at;
	char text[UUID_TEXT_SIZE];

	uuid_write(*uuid, text);
	return json_string(text);
}

static json_t *
uuid_json(const void *at)
{
	const struct uuid *uuid = at;

	return uuid_is_nil(*uuid) ? json_null() : uuid_item_json(at);
}

static json_t *
currency_json(const void *at)
{
	const struct currency *currency = at;

	return currency->code[0] == '\0' ? json_null() : json_string(currency->code);
}

/* An array of what ${write} makes of each of ${len} items, which are ${size} bytes long. */
static json_t *
array_json(const void *items, size_t len, size_t size, json_t *(*write)(const void *at))
{
	json_t *array = json_array();

	for (size_t i = 0; array != NULL && i < len; i++) {
		if (json_array_append_new(array, write((const char *)items + i * size)) != 0) {
			json_decref(array);
			array = NULL;
		}
	}
	return array;
}

static json_t *
uuids_json(const void *at)
{
	const struct uuid_list *list = at;

	return array_json(list->items, list->len, sizeof(*list->items), uuid_item_json);
}

static json_t *
strs_json(const void *at)
{
	const struct str_list *list = at;

	return array_json(list->items, list->len, sizeof(*list->items), str_json);
}

static enum err_class
misfit(const struct reading *reading)
{
	return err_set(reading->err, ERR_FATAL, "a row's list has a value of another type");
}

static enum err_class
str_read(const json_t *json, void *at, const struct reading *reading)
{
	struct str text = {json_string_value(json), json_string_length(json)};

	if (text.ptr == NULL)
		return misfit(reading);
	if (!arena_str(reading->arena, text, at))
		return err_set(reading->err, ERR_POISON, "a row's list exceeds the arena");
	return ERR_NONE;
}

static enum err_class
int64_read(const json_t *json, void *at, const struct reading *reading)
{
	int64_t *value = at;

	if (!json_is_integer(json))
		return misfit(reading);
	*value = json_integer_value(json);
	return ERR_NONE;
}

static enum err_class
decimal_json_read(const json_t *json, void *at, const struct reading *reading)
{
	struct str text = {json_string_value(json), json_string_length(json)};

	return decimal_read(text, DECIMAL_PLACES, at) ? ERR_NONE : misfit(reading);
}

static enum err_class
bool_read(const json_t *json, void *at, const struct reading *reading)
{
	bool *flag = at;

	if (!json_is_boolean(json))
		return misfit(reading);
	*flag = json_is_true(json);
	return ERR_NONE;
}

static enum err_class
uuid_json_read(const json_t *json, void *at, const struct reading *reading)
{
	struct str text = {json_string_value(json), json_string_length(json)};

	return text.ptr != NULL && uuid_read(text, at) ? ERR_NONE : misfit(reading);
}

static enum err_class
currency_json_read(const json_t *json, void *at, const struct reading *reading)
{
	struct str text = {json_string_value(json), json_string_length(json)};

	return text.ptr != NULL && currency_from(text, at) ? ERR_NONE : misfit(reading);
}

/* Each item of an array by ${read} to memory of the arena, ${size} bytes for each; none for no
 * item. */
static enum err_class
array_read(const json_t *json, size_t size,
    enum err_class (*read)(const json_t *json, void *at, const struct reading *reading),
    const struct reading *reading, void **ret_items, size_t *ret_len)
{
	size_t len = json_array_size(json);
	char *items = NULL;

	if (!json_is_array(json))
		return misfit(reading);
	if (len > 0) {
		items = arena_array(reading->arena, len, size);
		if (items == NULL)
			return err_set(reading->err, ERR_POISON, "a row's list exceeds the arena");
	}
	for (size_t i = 0; i < len; i++)
		if (read(json_array_get(json, i), items + i * size, reading) != ERR_NONE)
			return err_wrap(reading->err, "item %zu", i);
	*ret_items = items;
	*ret_len = len;
	return ERR_NONE;
}

static enum err_class
uuids_read(const json_t *json, void *at, const struct reading *reading)
{
	struct uuid_list *list = at;
	void *items = NULL;
	enum err_class class =
	    array_read(json, sizeof(*list->items), uuid_json_read, reading, &items, &list->len);

	list->items = items;
	return class;
}

static enum err_class
strs_read(const json_t *json, void *at, const struct reading *reading)
{
	struct str_list *list = at;
	void *items = NULL;
	enum err_class class =
	    array_read(json, sizeof(*list->items), str_read, reading, &items, &list->len);

	list->items = items;
	return class;
}

static void
bool_none(void *at)
{
	*(bool *)at = false;
}

static void
uuid_none(void *at)
{
	*(struct uuid *)at = UUID_NIL;
}

static void
uuids_none(void *at)
{
	*(struct uuid_list *)at = (struct uuid_list){NULL, 0};
}

static void
strs_none(void *at)
{
	*(struct str_list *)at = (struct str_list){NULL, 0};
}

static void
str_none(void *at)
{
	*(struct str *)at = STR_NONE;
}

static void
currency_none(void *at)
{
	*(struct currency *)at = (struct currency){""};
}

static void
int64_zero(void *at)
{
	*(int64_t *)at = 0;
}

static void
int64_none(void *at)
{
	*(int64_t *)at = INT64_MIN;
}

static void
decimal_none(void *at)
{
	*(struct decimal *)at = DECIMAL_NONE;
}

/* How the kinds that records in a list are made of stand in JSON; records in these are apart. */
static const struct json_kind {
	json_t *(*write)(const void *at); /* a new value; NULL for a text that is not UTF-8 */
	enum err_class (*read)(const json_t *json, void *at, const struct reading *reading);
	void (*none)(void *at); /* of what is null, or not there */
} json_kinds[FIELD_KIND_MAX] = {
    [FIELD_STR] = {str_json, str_read, str_none},
    [FIELD_INT64] = {int64_json, int64_read, int64_zero},
    [FIELD_INT64_OR_NONE] = {int64_or_none_json, int64_read, int64_none},
    [FIELD_DECIMAL] = {decimal_json, decimal_json_read, decimal_none},
    [FIELD_BOOL] = {bool_json, bool_read, bool_none},
    [FIELD_UUID] = {uuid_json, uuid_json_read, uuid_none},
    [FIELD_CURRENCY] = {currency_json, currency_json_read, currency_none},
    [FIELD_UUIDS] = {uuids_json, uuids_read, uuids_none},
    [FIELD_STRS] = {strs_json, strs_read, strs_none},
};

static json_t *list_json(const struct record *record, const char *items, size_t len);

static json_t *
field_json(const struct field *field, const char *base)
{
	const char *items;
	size_t len;

	if (field->kind != FIELD_RECORDS) {
		CHECK(json_kinds[field->kind].write != NULL);
		return json_kinds[field->kind].write(base + field->offset);
	}
	memcpy(&items, base + field->offset, sizeof(items));
	memcpy(&len, base + field->len_offset, sizeof(len));
	return list_json(field->nested, items, len);
}

/* All of these give NULL when a text is not UTF-8: Jansson's setters refuse a NULL. */
static json_t *
record_json(const struct record *record, const char *base)
{
	json_t *object = json_object();

	for (size_t i = 0; object != NULL && i < record->fields_len; i++) {
		const struct field *field = &record->fields[i];

		if (json_object_set_new(object, field->name, field_json(field, base)) != 0) {
			json_decref(object);
			object = NULL;
		}
	}
	return object;
}

static json_t *
list_json(const struct record *record, const char *items, size_t len)
{
	json_t *array = json_array();

	for (size_t i = 0; array != NULL && i < len; i++) {
		if (json_array_append_new(array, record_json(record, items + i * record->size)) !=
		    0) {
			json_decref(array);
			array = NULL;
		}
	}
	return array;
}

/* Most lists are: an invoice's line alone has four. */
static bool
list_is_empty(const struct field *field, const char *base)
{
	const struct uuid_list *uuids = (const void *)(base + field->offset);
	const struct str_list *strs = (const void *)(base + field->offset);
	size_t len;

	if (field->kind == FIELD_UUIDS)
		return uuids->len == 0;
	if (field->kind == FIELD_STRS)
		return strs->len == 0;
	CHECK(field->kind == FIELD_RECORDS);
	memcpy(&len, base + field->len_offset, sizeof(len));
	return len == 0;
}

enum err_class
row_list_write(const struct field *field, const void *value, struct arena *arena,
    struct str *ret_json, struct err *err)
{
	enum err_class class = ERR_NONE;
	json_t *array;
	char *text = NULL;

	if (list_is_empty(field, value)) {
		*ret_json = EMPTY_LIST;
		return ERR_NONE;
	}
	array = field_json(field, value);
	if (array == NULL)
		return err_set(err, ERR_POISON, "a list's text is not UTF-8");
	text = json_dumps(array, JSON_COMPACT);
	if (text == NULL || !arena_str(arena, str_from(text), ret_json))
		class = err_set(err, ERR_POISON, "a row's list exceeds the arena");
	free(text);
	json_decref(array);
	return class;
}

static enum err_class list_read(
    const json_t *json, const struct field *field, char *base, const struct reading *reading);

/* What a record lacks, as it was written before there was such a field, is none. */
static enum err_class
member_read(
    const json_t *json, const struct field *field, char *base, const struct reading *reading)
{
	const struct json_kind *kind = &json_kinds[field->kind];

	if (field->kind == FIELD_RECORDS)
		return list_read(json, field, base, reading);
	CHECK(kind->read != NULL);
	if (json != NULL && !json_is_null(json))
		return kind->read(json, base + field->offset, reading);
	kind->none(base + field->offset);
	return ERR_NONE;
}

static enum err_class
record_read(
    const json_t *json, const struct record *record, char *base, const struct reading *reading)
{
	if (!json_is_object(json))
		return misfit(reading);
	for (size_t i = 0; i < record->fields_len; i++) {
		const struct field *field = &record->fields[i];

		if (member_read(json_object_get(json, field->name), field, base, reading) !=
		    ERR_NONE)
			return err_wrap(reading->err, "%s", field->name);
	}
	return ERR_NONE;
}

static enum err_class
list_read(const json_t *json, const struct field *field, char *base, const struct reading *reading)
{
	const struct record *nested = field->nested;
	size_t len = json_array_size(json);
	char *items = NULL;

	if (json != NULL && !json_is_array(json))
		return misfit(reading);
	if (len > 0) {
		items = arena_array(reading->arena, len, nested->size);
		if (items == NULL)
			return err_set(reading->err, ERR_POISON, "a row's list exceeds the arena");
	}
	for (size_t i = 0; i < len; i++)
		if (record_read(json_array_get(json, i), nested, items + i * nested->size,
			reading) != ERR_NONE)
			return err_wrap(reading->err, "item %zu", i);
	memcpy(base + field->offset, &items, sizeof(items));
	memcpy(base + field->len_offset, &len, sizeof(len));
	return ERR_NONE;
}

enum err_class
row_list_read(
    struct str json, const struct field *field, struct arena *arena, void *value, struct err *err)
{
	const struct reading reading = {arena, err};
	json_t *array = NULL;
	enum err_class class;

	if (json.ptr != NULL && !str_equal(json, EMPTY_LIST)) {
		array = json_loadb(json.ptr, json.len, JSON_REJECT_DUPLICATES, NULL);
		if (!json_is_array(array)) {
			json_decref(array);
			return err_set(err, ERR_FATAL, "a row's list is no JSON array");
		}
	}
	class = member_read(array, field, value, &reading);
	json_decref(array);
	return class;
}
