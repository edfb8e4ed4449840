/* Lists, such as a plan's charges or the ids of a charge's tax rates: structs in C, a jsonb array
 * of objects or strings in PostgreSQL. */

#include <jansson.h>

#include "common/base/decimal.h"
#include "common/base/utf8.h"
#include "common/domain/money.h"
#include "common/postgres/row_internal.h"

#define EMPTY_LIST STR("[]")

/* One list that is being read. */
struct reading {
	struct arena *arena;
	struct err *err;
};

/* One list that is being written.  An append that finds no room is remembered in the buf. */
struct writing {
	struct buf buf;
	bool not_utf8; /* a text is not */
};

static void
null_write(struct writing *writing)
{
	buf_append_str(&writing->buf, STR("null"));
}

/* A text that needs no escapes. */
static void
plain_write(struct str text, struct writing *writing)
{
	buf_append_char(&writing->buf, '"');
	buf_append_str(&writing->buf, text);
	buf_append_char(&writing->buf, '"');
}

static bool
is_plain(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] < ' ' || text.ptr[i] == '"' || text.ptr[i] == '\\')
			return false;
	return true;
}

static void
escaped_write(struct str text, struct writing *writing)
{
	buf_append_char(&writing->buf, '"');
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if (c < ' ') {
			buf_printf(&writing->buf, "\\u%04x", c);
			continue;
		}
		if (c == '"' || c == '\\')
			buf_append_char(&writing->buf, '\\');
		buf_append_char(&writing->buf, (char)c);
	}
	buf_append_char(&writing->buf, '"');
}

static void
str_write(const void *at, struct writing *writing)
{
	const struct str *text = at;

	if (text->ptr == NULL)
		null_write(writing);
	else if (!utf8_is_valid(*text))
		writing->not_utf8 = true;
	else if (is_plain(*text))
		plain_write(*text, writing);
	else
		escaped_write(*text, writing);
}

static void
int64_write(const void *at, struct writing *writing)
{
	buf_append_int64(&writing->buf, *(const int64_t *)at);
}

static void
int64_or_none_write(const void *at, struct writing *writing)
{
	const int64_t *value = at;

	if (*value == INT64_MIN)
		null_write(writing);
	else
		int64_write(at, writing);
}

static void
decimal_json_write(const void *at, struct writing *writing)
{
	const struct decimal *decimal = at;
	char text[DECIMAL_TEXT_SIZE];

	if (decimal_is_none(*decimal)) {
		null_write(writing);
		return;
	}
	decimal_write(*decimal, text);
	plain_write(str_from(text), writing);
}

static void
bool_write(const void *at, struct writing *writing)
{
	const bool *flag = at;

	buf_append_str(&writing->buf, *flag ? STR("true") : STR("false"));
}

/* In a list of ids none is none. */
static void
uuid_item_write(const void *at, struct writing *writing)
{
	const struct uuid *uuid = at;
	char text[UUID_TEXT_SIZE];

	uuid_write(*uuid, text);
	plain_write((struct str){text, UUID_TEXT_SIZE - 1}, writing);
}

static void
uuid_json_write(const void *at, struct writing *writing)
{
	const struct uuid *uuid = at;

	if (uuid_is_nil(*uuid))
		null_write(writing);
	else
		uuid_item_write(at, writing);
}

static void
currency_write(const void *at, struct writing *writing)
{
	const struct currency *currency = at;

	if (currency->code[0] == '\0')
		null_write(writing);
	else
		plain_write(str_from(currency->code), writing);
}

/* An array of what ${write} makes of each of ${len} items, which are ${size} bytes long. */
static void
array_write(const void *items, size_t len, size_t size,
    void (*write)(const void *at, struct writing *writing), struct writing *writing)
{
	buf_append_char(&writing->buf, '[');
	for (size_t i = 0; i < len; i++) {
		if (i > 0)
			buf_append_char(&writing->buf, ',');
		write((const char *)items + i * size, writing);
	}
	buf_append_char(&writing->buf, ']');
}

static void
uuids_write(const void *at, struct writing *writing)
{
	const struct uuid_list *list = at;

	array_write(list->items, list->len, sizeof(*list->items), uuid_item_write, writing);
}

static void
strs_write(const void *at, struct writing *writing)
{
	const struct str_list *list = at;

	array_write(list->items, list->len, sizeof(*list->items), str_write, writing);
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
	void (*write)(const void *at, struct writing *writing);
	enum err_class (*read)(const json_t *json, void *at, const struct reading *reading);
	void (*none)(void *at); /* of what is null, or not there */
} json_kinds[FIELD_KIND_MAX] = {
    [FIELD_STR] = {str_write, str_read, str_none},
    [FIELD_INT64] = {int64_write, int64_read, int64_zero},
    [FIELD_INT64_OR_NONE] = {int64_or_none_write, int64_read, int64_none},
    [FIELD_DECIMAL] = {decimal_json_write, decimal_json_read, decimal_none},
    [FIELD_BOOL] = {bool_write, bool_read, bool_none},
    [FIELD_UUID] = {uuid_json_write, uuid_json_read, uuid_none},
    [FIELD_CURRENCY] = {currency_write, currency_json_read, currency_none},
    [FIELD_UUIDS] = {uuids_write, uuids_read, uuids_none},
    [FIELD_STRS] = {strs_write, strs_read, strs_none},
};

static void list_write(
    const struct record *record, const char *items, size_t len, struct writing *writing);

static void
field_write(const struct field *field, const char *base, struct writing *writing)
{
	const char *items;
	size_t len;

	if (field->kind != FIELD_RECORDS) {
		CHECK(json_kinds[field->kind].write != NULL);
		json_kinds[field->kind].write(base + field->offset, writing);
		return;
	}
	memcpy(&items, base + field->offset, sizeof(items));
	memcpy(&len, base + field->len_offset, sizeof(len));
	list_write(field->nested, items, len, writing);
}

static void
record_write(const struct record *record, const char *base, struct writing *writing)
{
	buf_append_char(&writing->buf, '{');
	for (size_t i = 0; i < record->fields_len; i++) {
		if (i > 0)
			buf_append_char(&writing->buf, ',');
		plain_write(str_from(record->fields[i].name), writing);
		buf_append_char(&writing->buf, ':');
		field_write(&record->fields[i], base, writing);
	}
	buf_append_char(&writing->buf, '}');
}

static void
list_write(const struct record *record, const char *items, size_t len, struct writing *writing)
{
	buf_append_char(&writing->buf, '[');
	for (size_t i = 0; i < len; i++) {
		if (i > 0)
			buf_append_char(&writing->buf, ',');
		record_write(record, items + i * record->size, writing);
	}
	buf_append_char(&writing->buf, ']');
}

/* Where the length of the list ${field} stands in a struct. */
static size_t
len_offset(const struct field *field)
{
	if (field->kind == FIELD_UUIDS)
		return field->offset + offsetof(struct uuid_list, len);
	if (field->kind == FIELD_STRS)
		return field->offset + offsetof(struct str_list, len);
	CHECK(field->kind == FIELD_RECORDS);
	return field->len_offset;
}

struct row_list
row_list_get(const struct field *field, const void *value)
{
	struct row_list list = {.field = NULL};

	memcpy(&list.items, (const char *)value + field->offset, sizeof(list.items));
	memcpy(&list.len, (const char *)value + len_offset(field), sizeof(list.len));
	return list;
}

void
row_list_put(const struct field *field, const struct row_list *list, void *value)
{
	memcpy((char *)value + field->offset, &list->items, sizeof(list->items));
	memcpy((char *)value + len_offset(field), &list->len, sizeof(list->len));
}

enum err_class
row_list_write(const struct field *field, const void *value, struct arena *arena,
    struct str *ret_json, struct err *err)
{
	struct writing writing = {.not_utf8 = false};
	enum err_class class = ERR_NONE;

	/* Most are: an invoice's line alone has four. */
	if (row_list_get(field, value).len == 0) {
		*ret_json = EMPTY_LIST;
		return ERR_NONE;
	}
	buf_init(&writing.buf, arena->capacity - arena->used);
	field_write(field, value, &writing);
	if (writing.not_utf8)
		class = err_set(err, ERR_POISON, "a list's text is not UTF-8");
	else if (writing.buf.overflow || !arena_str(arena, buf_str(&writing.buf), ret_json))
		class = err_set(err, ERR_POISON, "a row's list exceeds the arena");
	buf_release(&writing.buf);
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
