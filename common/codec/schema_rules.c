#include "common/base/decimal.h"
#include "common/codec/schema_build.h"

/* What a rule may stand on: a type of the subset, one of the two with a meaning of their own, or an
 * array of strings, on whose items rules for a text go.  ON(SCHEMA_ARRAY) is one of records. */
#define ON(type) (1u << (type))
#define ON_UUID (1u << (SCHEMA_TYPE_MAX))
#define ON_MILLIS (1u << (SCHEMA_TYPE_MAX + 1))
#define ON_STRS (1u << (SCHEMA_TYPE_MAX + 2))
#define ON_UUIDS (1u << (SCHEMA_TYPE_MAX + 3))
#define ON_TEXT (ON(SCHEMA_STRING) | ON_STRS)
#define ON_LIST (ON(SCHEMA_ARRAY) | ON_STRS | ON_UUIDS)
#define ON_ANY (~0u)

/* A word in a schema and the enum value that it stands for. */
struct word {
	const char *text;
	int value;
};

static const struct word formats[] = {
    {"email", FORMAT_EMAIL},
    {"currency", FORMAT_CURRENCY},
    {"country", FORMAT_COUNTRY},
    {"timezone", FORMAT_TIMEZONE},
    {"code", FORMAT_CODE},
    {"decimal", FORMAT_DECIMAL},
    {"anchor", FORMAT_ANCHOR},
};

static const struct word sources[] = {
    {"body", SOURCE_BODY},
    {"path", SOURCE_PATH},
    {"meta", SOURCE_META},
};

static bool
word_find(const struct word *words, size_t len, const json_t *json, int *ret_value)
{
	for (size_t i = 0; i < len; i++) {
		if (str_equal(str_from(words[i].text), schema_str(json))) {
			*ret_value = words[i].value;
			return true;
		}
	}
	return false;
}

static bool
format_read(const json_t *json, struct schema_field *field, void *at)
{
	int value;

	(void)at;
	if (!word_find(formats, ARRAY_LEN(formats), json, &value))
		return false;
	field->format = (enum schema_format)value;
	return true;
}

/* The ingress has only UUIDs in its paths, and one record of its own. */
static bool
source_read(const json_t *json, struct schema_field *field, void *at)
{
	int value;

	(void)at;
	if (!word_find(sources, ARRAY_LEN(sources), json, &value))
		return false;
	field->source = (enum schema_source)value;
	if (field->source == SOURCE_PATH)
		return field->type->logical == SCHEMA_UUID && !field->type->nullable;
	if (field->source == SOURCE_META)
		return field->type->type == SCHEMA_RECORD && !field->type->nullable;
	return true;
}

static bool
integer_read(const json_t *json, struct schema_field *field, void *at)
{
	int64_t *value = at;

	(void)field;
	if (!json_is_integer(json))
		return false;
	*value = json_integer_value(json);
	return true;
}

static bool
size_read(const json_t *json, struct schema_field *field, void *at)
{
	size_t *value = at;

	(void)field;
	if (!json_is_integer(json) || json_integer_value(json) < 0)
		return false;
	*value = (size_t)json_integer_value(json);
	return true;
}

static bool
bool_read(const json_t *json, struct schema_field *field, void *at)
{
	bool *value = at;

	(void)field;
	if (!json_is_boolean(json))
		return false;
	*value = json_is_true(json);
	return true;
}

static bool
examples_read(const json_t *json, struct schema_field *field, void *at)
{
	(void)at;
	field->examples = json;
	return json_array_size(json) > 0;
}

/* Every attribute of a field that is not Avro's. */
static const struct rule {
	const char *name;
	unsigned on;
	bool (*read)(const json_t *json, struct schema_field *field, void *at);
	size_t offset; /* what `at` points to, in the field */
} rules[] = {
    {"in", ON_ANY, source_read, 0},
    {"examples", ON_ANY, examples_read, 0},
    {"format", ON_TEXT, format_read, 0},
    {"allowEmpty", ON(SCHEMA_STRING), bool_read, offsetof(struct schema_field, allow_empty)},
    {"minimum", ON(SCHEMA_INT) | ON(SCHEMA_LONG), integer_read,
	offsetof(struct schema_field, minimum)},
    {"maximum", ON(SCHEMA_INT) | ON(SCHEMA_LONG), integer_read,
	offsetof(struct schema_field, maximum)},
    {"nonZero", ON(SCHEMA_INT) | ON(SCHEMA_LONG), bool_read,
	offsetof(struct schema_field, non_zero)},
    {"minLength", ON_TEXT | ON(SCHEMA_MAP), size_read, offsetof(struct schema_field, length_min)},
    {"maxLength", ON_TEXT | ON(SCHEMA_MAP), size_read, offsetof(struct schema_field, length_max)},
    {"maxProperties", ON(SCHEMA_MAP), size_read, offsetof(struct schema_field, pairs_max)},
    {"maxKeyLength", ON(SCHEMA_MAP), size_read, offsetof(struct schema_field, key_length_max)},
    {"maxItems", ON_LIST, size_read, offsetof(struct schema_field, items_max)},
    {"uniqueItems", ON_STRS | ON_UUIDS, bool_read, offsetof(struct schema_field, items_unique)},
    {"places", ON(SCHEMA_STRING), size_read, offsetof(struct schema_field, places)},
    {"json", ON(SCHEMA_STRING), bool_read, offsetof(struct schema_field, json)},
};

static unsigned
rule_place(const struct schema *type)
{
	if (type->logical == SCHEMA_UUID)
		return ON_UUID;
	if (type->logical == SCHEMA_MILLIS)
		return ON_MILLIS;
	if (type->type == SCHEMA_ARRAY && type->items->type == SCHEMA_STRING)
		return type->items->logical == SCHEMA_UUID ? ON_UUIDS : ON_STRS;
	return ON(type->type);
}

static enum err_class
rule_read(const char *key, const json_t *json, struct schema_field *field, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		const struct rule *rule = &rules[i];

		if (strcmp(rule->name, key) != 0)
			continue;
		if ((rule->on & rule_place(field->type)) == 0)
			return err_set(err, ERR_FATAL, "%s is no rule for its type", key);
		if (!rule->read(json, field, (char *)field + rule->offset))
			return err_set(err, ERR_FATAL, "%s has a value that it cannot have", key);
		return ERR_NONE;
	}
	return err_set(err, ERR_FATAL, "unknown attribute %s", key);
}

static bool
symbol_is_known(const struct schema *type, struct str text)
{
	for (size_t i = 0; i < type->symbols_len; i++)
		if (str_equal(type->symbols[i], text))
			return true;
	return false;
}

/* Avro's rule for defaults, and ours: lists and maps are empty ones, records have none. */
static bool
default_fits(const struct schema_field *field)
{
	const struct schema *type = field->type;
	const json_t *json = field->fallback;
	struct decimal decimal;

	if (type->nullable) /* null is the first branch, and a default is of the first branch */
		return json_is_null(json);
	switch (type->type) {
	case SCHEMA_STRING:
		return json_is_string(json) && type->logical == SCHEMA_PLAIN &&
		       (field->format != FORMAT_DECIMAL ||
			   decimal_read(schema_str(json), (int)field->places, &decimal));
	case SCHEMA_INT:
	case SCHEMA_LONG:
		return json_is_integer(json) && json_integer_value(json) >= field->minimum &&
		       json_integer_value(json) <= field->maximum &&
		       !(field->non_zero && json_integer_value(json) == 0);
	case SCHEMA_BOOLEAN:
		return json_is_boolean(json);
	case SCHEMA_ENUM:
		return symbol_is_known(type, schema_str(json));
	case SCHEMA_ARRAY:
		return json_is_array(json) && json_array_size(json) == 0;
	case SCHEMA_MAP:
		return json_is_object(json) && json_object_size(json) == 0;
	case SCHEMA_RECORD:
	case SCHEMA_TYPE_MAX:
		return false;
	}
	return false;
}

static bool
is_avros_own(const char *key)
{
	static const char *const names[] = {"name", "type", "doc", "default"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(names[i], key) == 0)
			return true;
	return false;
}

enum err_class
schema_rules_read(const json_t *json, struct schema_field *field, struct err *err)
{
	bool is_int = field->type->type == SCHEMA_INT;
	int64_t minimum = is_int ? INT32_MIN : INT64_MIN;
	int64_t maximum = is_int ? INT32_MAX : INT64_MAX;
	json_t *object = (json_t *)(uintptr_t)json; /* Jansson's iterators know no const */

	field->minimum = minimum;
	field->maximum = maximum;
	field->length_max = SIZE_MAX;
	field->pairs_max = SIZE_MAX;
	field->key_length_max = SIZE_MAX;
	field->items_max = SIZE_MAX;
	field->places = DECIMAL_PLACES;

	for (void *at = json_object_iter(object); at != NULL;
	     at = json_object_iter_next(object, at)) {
		const char *key = json_object_iter_key(at);

		if (!is_avros_own(key) &&
		    rule_read(key, json_object_iter_value(at), field, err) != ERR_NONE)
			return err->class;
	}

	if (field->minimum < minimum || field->maximum > maximum ||
	    field->minimum > field->maximum || field->length_min > field->length_max)
		return err_set(err, ERR_FATAL, "its minimum and maximum leave no value");
	if (field->places > DECIMAL_PLACES)
		return err_set(err, ERR_FATAL, "a decimal has at most %d places", DECIMAL_PLACES);
	if (field->format == FORMAT_DECIMAL && field->allow_empty)
		return err_set(err, ERR_FATAL, "an empty text is no decimal");
	if (field->fallback != NULL && !default_fits(field))
		return err_set(err, ERR_FATAL, "its default does not fit its type");
	return ERR_NONE;
}
