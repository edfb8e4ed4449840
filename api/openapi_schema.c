/*
 * From an Avro schema with our rules to a JSON Schema (2020-12), as OpenAPI 3.1 uses it.
 */

#include "api/openapi.h"
#include "common/base/decimal.h"

static json_t *
json_str(struct str text)
{
	json_t *json = json_stringn(text.ptr, text.len);

	CHECK(json != NULL);
	return json;
}

static void
set(json_t *object, const char *name, json_t *value)
{
	CHECK(json_object_set_new(object, name, value) == 0);
}

static void
set_integer(json_t *object, const char *name, int64_t value)
{
	set(object, name, json_integer(value));
}

static json_t *
array_of_one(json_t *item)
{
	json_t *array = json_array();

	CHECK(json_array_append_new(array, item) == 0);
	return array;
}

static const char *
type_name(enum schema_type type)
{
	switch (type) {
	case SCHEMA_STRING:
	case SCHEMA_ENUM:
		return "string";
	case SCHEMA_INT:
	case SCHEMA_LONG:
		return "integer";
	case SCHEMA_BOOLEAN:
		return "boolean";
	case SCHEMA_ARRAY:
		return "array";
	case SCHEMA_RECORD:
	case SCHEMA_MAP:
		return "object";
	case SCHEMA_TYPE_MAX:
		break;
	}
	CHECK(!"a schema has a type");
	return NULL;
}

static json_t *
enum_symbols(const struct schema *schema)
{
	json_t *symbols = json_array();

	for (size_t i = 0; i < schema->symbols_len; i++)
		json_array_append_new(symbols, json_str(schema->symbols[i]));
	if (schema->nullable)
		json_array_append_new(symbols, json_null());
	return symbols;
}

/* A type without the rules of a field. */
static json_t *
type_schema(const struct schema *schema, bool for_request)
{
	const char *name = schema->logical == SCHEMA_MILLIS ? "string" : type_name(schema->type);
	json_t *json =
	    schema->type == SCHEMA_RECORD ? openapi_schema(schema, for_request) : json_object();

	if (schema->nullable)
		set(json, "type", json_pack("[s,s]", name, "null"));
	else
		set(json, "type", json_string(name));
	if (schema->logical == SCHEMA_UUID)
		set(json, "format", json_string("uuid"));
	else if (schema->logical == SCHEMA_MILLIS)
		set(json, "format", json_string("date-time"));
	else if (schema->type == SCHEMA_INT || schema->type == SCHEMA_LONG)
		set(json, "format", json_string(schema->type == SCHEMA_INT ? "int32" : "int64"));
	if (schema->type == SCHEMA_ENUM)
		set(json, "enum", enum_symbols(schema));
	if (schema->type == SCHEMA_ARRAY)
		set(json, "items", type_schema(schema->items, for_request));
	if (schema->type == SCHEMA_MAP)
		set(json, "additionalProperties", json_pack("{s:s}", "type", "string"));
	return json;
}

/* What a text must be.  The empty text, where it is allowed besides, is in no format. */
static void
put_format(json_t *json, const struct schema_field *field)
{
	static const struct {
		const char *name;    /* NULL: JSON Schema has no word for it */
		const char *pattern; /* NULL: none */
		const char *pattern_or_empty;
	} forms[] = {
	    [FORMAT_ANY] = {NULL, NULL, NULL},
	    [FORMAT_EMAIL] = {"email", NULL, NULL},
	    [FORMAT_CURRENCY] = {NULL, "^[A-Z]{3}$", "^([A-Z]{3})?$"},
	    [FORMAT_COUNTRY] = {NULL, "^[A-Z]{2}$", "^([A-Z]{2})?$"},
	    [FORMAT_TIMEZONE] = {NULL, NULL, NULL},
	    [FORMAT_CODE] = {NULL, "^[A-Za-z0-9][A-Za-z0-9._-]*$",
		"^([A-Za-z0-9][A-Za-z0-9._-]*)?$"},
	    [FORMAT_DECIMAL] = {NULL, NULL, NULL}, /* put_decimal_rules */
	    [FORMAT_ANCHOR] = {NULL, "^(start|calendar|[1-9]|[12][0-9]|3[01])$", NULL},
	};
	const char *pattern = field->allow_empty ? forms[field->format].pattern_or_empty
						 : forms[field->format].pattern;

	if (forms[field->format].name != NULL && !field->allow_empty)
		set(json, "format", json_string(forms[field->format].name));
	if (pattern != NULL)
		set(json, "pattern", json_string(pattern));
}

/* A text that may be given as an integer as well, in that range: a rule for integers says nothing
 * of a text. */
static void
put_integer_form(json_t *json, int64_t minimum, int64_t maximum)
{
	json_t *type = json_object_get(json, "type");

	if (json_is_string(type))
		type = array_of_one(json_incref(type));
	else
		json_incref(type);
	CHECK(json_array_insert_new(type, 1, json_string("integer")) == 0);
	set(json, "type", type);
	set_integer(json, "minimum", minimum);
	set_integer(json, "maximum", maximum);
}

static void
put_decimal_rules(json_t *json, const struct schema_field *field)
{
	char pattern[64];

	CHECK(field->places > 0 && field->places <= DECIMAL_PLACES);
	snprintf(
	    pattern, sizeof(pattern), "^(0|[1-9][0-9]{0,14})(\\.[0-9]{1,%zu})?$", field->places);
	set(json, "pattern", json_string(pattern));
	put_integer_form(json, 0, DECIMAL_WHOLE_MAX);
}

static void
put_text_rules(json_t *json, const struct schema_field *field)
{
	if (field->length_min > 0 && !field->allow_empty)
		set_integer(json, "minLength", (int64_t)field->length_min);
	if (field->length_max < INT32_MAX)
		set_integer(json, "maxLength", (int64_t)field->length_max);
	put_format(json, field);
	if (field->format == FORMAT_DECIMAL)
		put_decimal_rules(json, field);
	if (field->format == FORMAT_ANCHOR)
		put_integer_form(json, 1, 31);
}

static void
put_map_rules(json_t *json, const struct schema_field *field)
{
	json_t *values = json_object_get(json, "additionalProperties");

	if (field->pairs_max < INT32_MAX)
		set_integer(json, "maxProperties", (int64_t)field->pairs_max);
	if (field->key_length_max < INT32_MAX)
		set(json, "propertyNames",
		    json_pack("{s:I}", "maxLength", (json_int_t)field->key_length_max));
	if (field->length_min > 0)
		set_integer(values, "minLength", (int64_t)field->length_min);
	if (field->length_max < INT32_MAX)
		set_integer(values, "maxLength", (int64_t)field->length_max);
}

static void
put_number_rules(json_t *json, const struct schema_field *field)
{
	int64_t least = field->type->type == SCHEMA_INT ? INT32_MIN : INT64_MIN;

	if (field->minimum > least)
		set_integer(json, "minimum", field->minimum);
	if (field->maximum < INT64_MAX)
		set_integer(json, "maximum", field->maximum);
	if (field->non_zero)
		set(json, "not", json_pack("{s:i}", "const", 0));
}

/* An array's rules, and those of a text that go on its items. */
static void
put_list_rules(json_t *json, const struct schema_field *field)
{
	const struct schema *items = field->type->items;

	if (field->items_max < INT32_MAX)
		set_integer(json, "maxItems", (int64_t)field->items_max);
	if (field->items_unique)
		set(json, "uniqueItems", json_true());
	if (items->type == SCHEMA_STRING && items->logical == SCHEMA_PLAIN)
		put_text_rules(json_object_get(json, "items"), field);
}

/* An example that stands for an id of another answer is none that can be sent. */
static bool
is_placeholder(const json_t *example)
{
	const char *text = json_string_value(example);

	return text != NULL && text[0] == '{';
}

static const json_t *
example_of(const struct schema_field *field)
{
	const json_t *example = json_array_get(field->examples, 0);

	return example == NULL || is_placeholder(example) ? NULL : example;
}

static void
put_rules(json_t *json, const struct schema_field *field)
{
	const struct schema *type = field->type;

	if (type->type == SCHEMA_STRING && type->logical == SCHEMA_PLAIN)
		put_text_rules(json, field);
	else if (type->type == SCHEMA_MAP)
		put_map_rules(json, field);
	else if (type->type == SCHEMA_ARRAY)
		put_list_rules(json, field);
	else if (type->logical == SCHEMA_PLAIN &&
		 (type->type == SCHEMA_INT || type->type == SCHEMA_LONG))
		put_number_rules(json, field);
	if (field->fallback != NULL)
		set(json, "default", json_deep_copy(field->fallback));
	if (example_of(field) != NULL)
		set(json, "examples", array_of_one(json_deep_copy(example_of(field))));
}

/* What tells that a field of a group is given: an empty array is not. */
static json_t *
is_given(const struct schema *schema, struct str name)
{
	for (size_t i = 0; i < schema->fields_len; i++)
		if (str_equal(schema->fields[i].name, name) &&
		    schema->fields[i].type->type == SCHEMA_ARRAY)
			return json_pack("{s:i}", "minItems", 1);
	return json_pack("{s:{s:s}}", "not", "type", "null");
}

/* Exactly one of the group is given. */
static json_t *
exactly_one(const struct schema *schema)
{
	json_t *choices = json_array();

	for (size_t i = 0; i < schema->exactly_one_len; i++) {
		json_t *choice = json_object(), *properties = json_object();
		struct str name = schema->exactly_one[i];

		set(choice, "required", array_of_one(json_str(name)));
		CHECK(json_object_setn_new(
			  properties, name.ptr, name.len, is_given(schema, name)) == 0);
		set(choice, "properties", properties);
		json_array_append_new(choices, choice);
	}
	return choices;
}

json_t *
openapi_schema(const struct schema *schema, bool for_request)
{
	json_t *json = json_object(), *properties = json_object(), *required = json_array();

	CHECK(schema->type == SCHEMA_RECORD);
	for (size_t i = 0; i < schema->fields_len; i++) {
		const struct schema_field *field = &schema->fields[i];
		json_t *property;

		if (for_request && field->source != SOURCE_BODY)
			continue;
		/* Of JSON in a text the document says what it is for, no more. */
		property = field->json ? json_object() : type_schema(field->type, for_request);
		if (field->doc.len > 0)
			set(property, "description", json_str(field->doc));
		if (for_request)
			put_rules(property, field);
		if (!for_request || field->fallback == NULL)
			json_array_append_new(required, json_str(field->name));
		CHECK(json_object_setn_new(
			  properties, field->name.ptr, field->name.len, property) == 0);
	}
	set(json, "type", json_string("object"));
	if (schema->doc.len > 0)
		set(json, "description", json_str(schema->doc));
	if (json_array_size(required) > 0)
		set(json, "required", required);
	else
		json_decref(required);
	set(json, "properties", properties);
	if (for_request)
		set(json, "additionalProperties", json_false());
	if (for_request && schema->exactly_one_len > 0)
		set(json, "oneOf", exactly_one(schema));
	return json;
}

json_t *
openapi_example(const struct schema *schema)
{
	json_t *json = json_object();

	for (size_t i = 0; i < schema->fields_len; i++) {
		const struct schema_field *field = &schema->fields[i];
		const json_t *example = example_of(field);

		if (field->source != SOURCE_BODY)
			continue;
		if (example == NULL && field->fallback == NULL) {
			json_decref(json);
			return NULL;
		}
		if (example != NULL)
			CHECK(json_object_setn_new(json, field->name.ptr, field->name.len,
				  json_deep_copy(example)) == 0);
	}
	return json;
}
