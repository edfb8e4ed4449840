#include "common/codec/rules.h"

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

static bool
field_keeps(
    const struct schema_field *rules, const struct field *field, const void *at, struct buf *why)
{
	const struct currency *currency = at;
	const int32_t *int32 = at;
	const int64_t *int64 = at;
	const struct str_map *map = at;
	const struct str *text = at;

	switch (field->kind) {
	case FIELD_INT32:
		return number_keeps(rules, *int32, why);
	case FIELD_INT64:
		return number_keeps(rules, *int64, why);
	case FIELD_STR:
		return text_keeps(rules, *text, why);
	case FIELD_CURRENCY:
		return currency->code[0] == '\0' ||
		       text_keeps(rules, str_from(currency->code), why);
	case FIELD_STR_MAP:
		return pairs_keep(rules, *map, why);
	case FIELD_UUID:
	case FIELD_BOOL:
	case FIELD_INSTANT:
	case FIELD_RECORD:
	case FIELD_RECORDS:
	case FIELD_BYTES:
	case FIELD_JSON:
	case FIELD_MILLIS:
	case FIELD_KIND_MAX:
		break;
	}
	return true;
}

static bool
is_given(const struct field *field, const void *at)
{
	const struct uuid *uuid = at;
	const struct str *text = at;

	CHECK(field->kind == FIELD_UUID || field->kind == FIELD_STR);
	return field->kind == FIELD_UUID ? !uuid_is_nil(*uuid) : text->ptr != NULL;
}

enum err_class
rules_check(
    const struct schema *schema, const struct record *record, const void *value, struct err *err)
{
	enum err_class class = ERR_NONE;
	size_t given = 0;
	struct buf why;

	buf_init(&why, WHY_MAX);
	for (size_t i = 0; i < schema->fields_len && class == ERR_NONE; i++) {
		const struct schema_field *rules = &schema->fields[i];
		const struct field *field = field_find(record, rules->name);

		CHECK(field != NULL);
		if (rules->source == SOURCE_BODY &&
		    !field_keeps(rules, field, (const char *)value + field->offset, &why))
			class = err_set(err, ERR_POISON, "%.*s %.*s", STR_ARG(rules->name),
			    STR_ARG(buf_str(&why)));
	}
	for (size_t i = 0; i < schema->exactly_one_len; i++) {
		const struct field *field = field_find(record, schema->exactly_one[i]);

		CHECK(field != NULL);
		given += is_given(field, (const char *)value + field->offset) ? 1 : 0;
	}
	if (class == ERR_NONE && schema->exactly_one_len > 0 && given != 1)
		class = err_set(err, ERR_POISON, "not exactly one field of a group is given");
	buf_release(&why);
	return class;
}
