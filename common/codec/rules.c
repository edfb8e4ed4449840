#include "common/codec/rules.h"

#include "common/base/decimal.h"
#include "common/base/uuid.h"
#include "common/codec/transcode_text.h"
#include "common/domain/money.h"

#define WHY_MAX 512

static const struct field *
field_find(const struct record *record, struct str name)
{
	for (size_t i = 0; i < record->fields_len; i++)
		if (str_equal(str_from(record->fields[i].name), name))
			return &record->fields[i];
	return NULL;
}

static bool
number_keeps(const struct schema_field *rules, int64_t number, struct buf *why)
{
	if (number == 0 && rules->non_zero) {
		buf_append_str(why, STR("must not be 0"));
		return false;
	}
	if (number >= rules->minimum && number <= rules->maximum)
		return true;
	buf_printf(
	    why, "must be from %lld to %lld", (long long)rules->minimum, (long long)rules->maximum);
	return false;
}

static bool
text_keeps(const struct schema_field *rules, struct str text, struct buf *why)
{
	/* An enum's symbols were looked up when it was read. */
	return text.ptr == NULL || rules->type->type != SCHEMA_STRING ||
	       transcode_text_check(rules, text, why);
}

static bool
pairs_keep(const struct schema_field *rules, struct str_map map, struct buf *why)
{
	struct schema_field key_rules = *rules;

	key_rules.length_min = 0;
	key_rules.length_max = rules->key_length_max;
	if (map.len > rules->pairs_max) {
		buf_printf(why, "must have at most %zu pairs", rules->pairs_max);
		return false;
	}
	for (size_t i = 0; i < map.len; i++)
		if (!transcode_text_check(&key_rules, map.pairs[i].key, why) ||
		    !transcode_text_check(rules, map.pairs[i].value, why))
			return false;
	return true;
}

/* A list of texts. */
static bool
strs_keep(const struct schema_field *rules, struct str_list list, struct buf *why)
{
	struct schema_field item_rules = *rules;

	item_rules.type = rules->type->items;
	if (list.len > rules->items_max) {
		buf_printf(why, "must have at most %zu items", rules->items_max);
		return false;
	}
	for (size_t i = 0; i < list.len; i++) {
		if (!text_keeps(&item_rules, list.items[i], why))
			return false;
		for (size_t j = 0; rules->items_unique && j < i; j++) {
			if (!str_equal(list.items[i], list.items[j]))
				continue;
			buf_append_str(why, STR("has an item twice"));
			return false;
		}
	}
	return true;
}

/* None is null in a message; the nil UUID itself names nothing. */
static bool
uuid_keeps(const struct schema_field *rules, struct uuid uuid, struct buf *why)
{
	if (rules->type->nullable || !uuid_is_nil(uuid))
		return true;
	buf_append_str(why, STR("is the nil UUID"));
	return false;
}

static bool
uuids_keep(const struct schema_field *rules, struct uuid_list list, struct buf *why)
{
	if (list.len > rules->items_max) {
		buf_printf(why, "must have at most %zu items", rules->items_max);
		return false;
	}
	for (size_t i = 0; i < list.len; i++) {
		if (uuid_is_nil(list.items[i])) {
			buf_append_str(why, STR("has the nil UUID"));
			return false;
		}
		for (size_t j = 0; rules->items_unique && j < i; j++) {
			if (!uuid_equal(list.items[i], list.items[j]))
				continue;
			buf_append_str(why, STR("has an item twice"));
			return false;
		}
	}
	return true;
}

static bool
decimal_keeps(const struct schema_field *rules, struct decimal decimal, struct buf *why)
{
	char text[DECIMAL_TEXT_SIZE];

	if (decimal_is_none(decimal))
		return true;
	decimal_write(decimal, text);
	return transcode_text_check(rules, str_from(text), why);
}

/* A field that is not a list. */
static bool
field_keeps(
    const struct schema_field *rules, const struct field *field, const void *at, struct buf *why)
{
	const struct currency *currency = at;
	const struct decimal *decimal = at;
	const int32_t *int32 = at;
	const int64_t *int64 = at;
	const struct str_map *map = at;
	const struct uuid_list *uuids = at;
	const struct str_list *strs = at;
	const struct uuid *uuid = at;
	const struct str *text = at;

	switch (field->kind) {
	case FIELD_INT32:
		return number_keeps(rules, *int32, why);
	case FIELD_INT64:
		return number_keeps(rules, *int64, why);
	case FIELD_INT64_OR_NONE:
		return *int64 == INT64_MIN || number_keeps(rules, *int64, why);
	case FIELD_DECIMAL:
		return decimal_keeps(rules, *decimal, why);
	case FIELD_STR:
	case FIELD_JSON:
		return text_keeps(rules, *text, why);
	case FIELD_CURRENCY:
		return currency->code[0] == '\0' ||
		       text_keeps(rules, str_from(currency->code), why);
	case FIELD_STR_MAP:
		return pairs_keep(rules, *map, why);
	case FIELD_UUIDS:
		return uuids_keep(rules, *uuids, why);
	case FIELD_STRS:
		return strs_keep(rules, *strs, why);
	case FIELD_UUID:
		return uuid_keeps(rules, *uuid, why);
	case FIELD_BOOL:
	case FIELD_INSTANT:
	case FIELD_RECORD:
	case FIELD_RECORDS:
	case FIELD_BYTES:
	case FIELD_MILLIS:
	case FIELD_KIND_MAX:
		break;
	}
	return true;
}

static size_t
list_len(const struct field *field, const void *value)
{
	size_t len;

	CHECK(field->kind == FIELD_RECORDS);
	memcpy(&len, (const char *)value + field->len_offset, sizeof(len));
	return len;
}

/* The list that ${field} of ${value} is, and what is in its items. */
static enum err_class
list_check(
    const struct schema_field *rules, const struct field *field, const void *value, struct err *err)
{
	size_t len = list_len(field, value);
	const char *items;

	if (len > rules->items_max)
		return err_set(err, ERR_POISON, "%s must have at most %zu items", field->name,
		    rules->items_max);
	memcpy(&items, (const char *)value + field->offset, sizeof(items));
	for (size_t i = 0; i < len; i++)
		if (rules_check(rules->type->items, field->nested, items + i * field->nested->size,
			err) != ERR_NONE)
			return err_wrap(err, "%s[%zu]", field->name, i);
	return ERR_NONE;
}

static enum err_class
field_check(
    const struct schema_field *rules, const struct field *field, const void *value, struct err *err)
{
	enum err_class class = ERR_NONE;
	struct buf why;

	if (field->kind == FIELD_RECORDS)
		return list_check(rules, field, value, err);
	buf_init(&why, WHY_MAX);
	if (!field_keeps(rules, field, (const char *)value + field->offset, &why))
		class = err_set(err, ERR_POISON, "%s %.*s", field->name, STR_ARG(buf_str(&why)));
	buf_release(&why);
	return class;
}

/* Whether a client gave a field that he may leave out. */
static bool
is_given(const struct field *field, const void *value)
{
	const void *at = (const char *)value + field->offset;
	const struct uuid *uuid = at;
	const struct str *text = at;
	const int64_t *int64 = at;
	const struct decimal *decimal = at;

	switch (field->kind) {
	case FIELD_UUID:
		return !uuid_is_nil(*uuid);
	case FIELD_STR:
		return text->ptr != NULL;
	case FIELD_INT64_OR_NONE:
		return *int64 != INT64_MIN;
	case FIELD_DECIMAL:
		return !decimal_is_none(*decimal);
	case FIELD_UUIDS:
		return ((const struct uuid_list *)at)->len > 0;
	case FIELD_STRS:
		return ((const struct str_list *)at)->len > 0;
	case FIELD_RECORDS:
		return list_len(field, value) > 0;
	case FIELD_INT32:
	case FIELD_INT64:
	case FIELD_BOOL:
	case FIELD_INSTANT:
	case FIELD_CURRENCY:
	case FIELD_STR_MAP:
	case FIELD_RECORD:
	case FIELD_BYTES:
	case FIELD_JSON:
	case FIELD_MILLIS:
	case FIELD_KIND_MAX:
		break;
	}
	CHECK(!"a kind that no group of fields has");
	return false;
}

static enum err_class
exactly_one_check(
    const struct schema *schema, const struct record *record, const void *value, struct err *err)
{
	size_t given = 0;

	for (size_t i = 0; i < schema->exactly_one_len; i++) {
		const struct field *field = field_find(record, schema->exactly_one[i]);

		CHECK(field != NULL);
		given += is_given(field, value) ? 1 : 0;
	}
	if (schema->exactly_one_len > 0 && given != 1)
		return err_set(err, ERR_POISON, "not exactly one field of a group is given");
	return ERR_NONE;
}

enum err_class
rules_check(
    const struct schema *schema, const struct record *record, const void *value, struct err *err)
{
	for (size_t i = 0; i < schema->fields_len; i++) {
		const struct schema_field *rules = &schema->fields[i];
		const struct field *field = field_find(record, rules->name);

		CHECK(field != NULL);
		if (rules->source == SOURCE_BODY &&
		    field_check(rules, field, value, err) != ERR_NONE)
			return err->class;
	}
	return exactly_one_check(schema, record, value, err);
}
