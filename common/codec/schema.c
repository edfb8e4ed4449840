#include "common/codec/schema.h"

#include <stdarg.h>

#include "common/base/arena.h"
#include "common/codec/fingerprint.h"
#include "common/codec/schema_build.h"

#define SCHEMA_NAMED_MAX 64   /* records and enums of one file */
#define SCHEMA_SYMBOLS_MAX 64 /* of one enum */
#define SCHEMA_CANONICAL_MAX (1024 * 1024)

/* One schema that is being read. */
struct builder {
	struct arena *arena;
	struct err *err;
	struct str space; /* the namespace that short names are in */
	size_t depth;     /* records around what is being read */
	size_t named_len;
	const struct schema *named[SCHEMA_NAMED_MAX]; /* defined so far: a later use is by name */
};

static bool type_read(
    struct builder *builder, const json_t *json, const struct schema **ret_schema);

/* Fill the error and return false, so that a reader can end with it. */
PRINTF_LIKE(2, 3)
static bool
refuse(struct builder *builder, const char *format, ...)
{
	char text[ERR_TEXT_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	err_set(builder->err, ERR_FATAL, "%s", text);
	return false;
}

struct str
schema_str(const json_t *json)
{
	if (!json_is_string(json))
		return STR_NONE;
	return (struct str){json_string_value(json), json_string_length(json)};
}

/* Avro: letters, digits and '_', no digit first; a full name is such names joined by dots. */
static bool
name_is_valid(struct str name, bool dots)
{
	bool first = true;

	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];
		bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';

		if (letter || (!first && c >= '0' && c <= '9'))
			first = false;
		else if (dots && !first && c == '.')
			first = true;
		else
			return false;
	}
	return !first;
}

/* ${name} with the namespace before it, unless it has one or there is none. */
static bool
full_name(struct builder *builder, struct str name, struct str *ret_name)
{
	struct buf buf;
	bool ok;

	CHECK(name.ptr != NULL);
	if (builder->space.len == 0 || memchr(name.ptr, '.', name.len) != NULL) {
		*ret_name = name;
		return true;
	}
	buf_init(&buf, builder->space.len + 1 + name.len);
	buf_append_str(&buf, builder->space);
	buf_append_char(&buf, '.');
	buf_append_str(&buf, name);
	ok = !buf.overflow && arena_str(builder->arena, buf_str(&buf), ret_name);
	buf_release(&buf);
	return ok || refuse(builder, "the schema is too large");
}

/* Read name and namespace of a record or enum; what is inside it has the same namespace. */
static bool
name_read(struct builder *builder, const json_t *json, struct schema *schema)
{
	struct str name = schema_str(json_object_get(json, "name"));
	const json_t *space = json_object_get(json, "namespace");
	const char *dot;

	if (space != NULL) {
		builder->space = schema_str(space);
		if (!name_is_valid(builder->space, true))
			return refuse(builder, "a namespace is names joined by dots");
	}
	if (!name_is_valid(name, true))
		return refuse(builder, "a record or enum needs a valid name");
	if (!full_name(builder, name, &schema->name))
		return false;
	for (size_t i = 0; i < builder->named_len; i++)
		if (str_equal(builder->named[i]->name, schema->name))
			return refuse(builder, "%.*s is defined twice", STR_ARG(schema->name));
	CHECK(schema->name.ptr != NULL);
	dot = memrchr(schema->name.ptr, '.', schema->name.len);
	builder->space = dot == NULL
			     ? STR_NONE
			     : (struct str){schema->name.ptr, (size_t)(dot - schema->name.ptr)};
	return true;
}

/* A type can be used by its name once it is complete, so none can hold itself. */
static bool
name_define(struct builder *builder, const struct schema *schema)
{
	if (builder->named_len == SCHEMA_NAMED_MAX)
		return refuse(builder, "more than %d named types", SCHEMA_NAMED_MAX);
	builder->named[builder->named_len++] = schema;
	return true;
}

static bool
enum_read(struct builder *builder, const json_t *json, struct schema *schema)
{
	const json_t *list = json_object_get(json, "symbols");
	struct str space = builder->space;
	struct str *symbols;

	if (!name_read(builder, json, schema))
		return false;
	builder->space = space;
	schema->symbols_len = json_array_size(list);
	if (schema->symbols_len == 0 || schema->symbols_len > SCHEMA_SYMBOLS_MAX)
		return refuse(builder, "an enum has 1 to %d symbols", SCHEMA_SYMBOLS_MAX);
	symbols = arena_array(builder->arena, schema->symbols_len, sizeof(*symbols));
	if (symbols == NULL)
		return refuse(builder, "the schema is too large");
	for (size_t i = 0; i < schema->symbols_len; i++) {
		symbols[i] = schema_str(json_array_get(list, i));
		if (!name_is_valid(symbols[i], false))
			return refuse(builder, "symbol %zu is not a valid name", i);
		for (size_t j = 0; j < i; j++)
			if (str_equal(symbols[i], symbols[j]))
				return refuse(
				    builder, "symbol %.*s stands twice", STR_ARG(symbols[i]));
	}
	schema->symbols = symbols;
	return name_define(builder, schema);
}

static bool
field_read(struct builder *builder, const json_t *json, struct schema_field *field)
{
	const json_t *doc = json_object_get(json, "doc");

	field->name = schema_str(json_object_get(json, "name"));
	if (!name_is_valid(field->name, false))
		return refuse(builder, "a field needs a valid name");
	field->doc = schema_str(doc);
	field->fallback = json_object_get(json, "default");
	if (doc != NULL && !json_is_string(doc)) {
		refuse(builder, "doc must be a string");
		goto out;
	}
	if (!type_read(builder, json_object_get(json, "type"), &field->type))
		goto out;
	if (schema_rules_read(json, field, builder->err) != ERR_NONE)
		goto out;
	if (field->source != SOURCE_BODY && builder->depth > 1) {
		refuse(builder, "only a field of the top record can come from elsewhere");
		goto out;
	}
	return true;

out:
	err_wrap(builder->err, "field %.*s", STR_ARG(field->name));
	return false;
}

static const struct schema_field *
field_find(const struct schema *record, struct str name)
{
	for (size_t i = 0; i < record->fields_len; i++)
		if (str_equal(record->fields[i].name, name))
			return &record->fields[i];
	return NULL;
}

/* Whether a client may leave it out, and that shows: by null, or by an array that is empty. */
static bool
is_optional(const struct schema_field *field)
{
	return field->source == SOURCE_BODY && field->fallback != NULL &&
	       (field->type->nullable || field->type->type == SCHEMA_ARRAY);
}

/* A group can be kept only by fields that a client gives and may leave out. */
static bool
exactly_one_read(struct builder *builder, const json_t *list, struct schema *schema)
{
	struct str *names;

	if (list == NULL)
		return true;
	schema->exactly_one_len = json_array_size(list);
	if (schema->exactly_one_len < 2 || schema->exactly_one_len > schema->fields_len)
		return refuse(builder, "exactlyOne is a list of two or more fields");
	names = arena_array(builder->arena, schema->exactly_one_len, sizeof(*names));
	if (names == NULL)
		return refuse(builder, "the schema is too large");
	for (size_t i = 0; i < schema->exactly_one_len; i++) {
		const struct schema_field *field;

		names[i] = schema_str(json_array_get(list, i));
		field = field_find(schema, names[i]);
		if (field == NULL || !is_optional(field))
			return refuse(builder, "exactlyOne: %.*s is not an optional field",
			    STR_ARG(names[i]));
	}
	schema->exactly_one = names;
	return true;
}

static bool
record_read(struct builder *builder, const json_t *json, struct schema *schema)
{
	const json_t *list = json_object_get(json, "fields");
	struct str space = builder->space;
	struct schema_field *fields;
	size_t len = json_array_size(list);

	if (!name_read(builder, json, schema))
		return false;
	/* No empty record: each value then takes a byte, so a count cannot pass the bytes. */
	if (len == 0 || len > SCHEMA_FIELDS_MAX)
		return refuse(builder, "a record has 1 to %d fields", SCHEMA_FIELDS_MAX);
	if (++builder->depth > SCHEMA_DEPTH_MAX)
		return refuse(builder, "records are nested deeper than %d", SCHEMA_DEPTH_MAX);
	fields = arena_array(builder->arena, len, sizeof(*fields));
	if (fields == NULL)
		return refuse(builder, "the schema is too large");
	schema->fields = fields;
	for (size_t i = 0; i < len; i++) {
		if (!field_read(builder, json_array_get(list, i), &fields[i]))
			return false;
		if (field_find(schema, fields[i].name) != NULL)
			return refuse(builder, "field %.*s stands twice", STR_ARG(fields[i].name));
		schema->fields_len = i + 1;
	}
	if (!exactly_one_read(builder, json_object_get(json, "exactlyOne"), schema))
		return false;
	builder->depth--;
	builder->space = space;
	return name_define(builder, schema);
}

static bool
array_read(struct builder *builder, const json_t *json, struct schema *schema)
{
	if (!type_read(builder, json_object_get(json, "items"), &schema->items))
		return false;
	if ((schema->items->type != SCHEMA_RECORD && schema->items->type != SCHEMA_STRING) ||
	    schema->items->nullable)
		return refuse(builder, "an array must be of records or strings");
	return true;
}

static bool
map_read(struct builder *builder, const json_t *json, struct schema *schema)
{
	(void)schema;
	if (!str_equal(schema_str(json_object_get(json, "values")), STR("string")))
		return refuse(builder, "a map must be of strings");
	return true;
}

static bool
primitive_read(struct builder *builder, const json_t *json, struct schema *schema)
{
	static const struct {
		const char *name;
		enum schema_type type;
		enum schema_logical logical;
	} logicals[] = {
	    {"uuid", SCHEMA_STRING, SCHEMA_UUID},
	    {"timestamp-millis", SCHEMA_LONG, SCHEMA_MILLIS},
	};
	const json_t *logical = json_object_get(json, "logicalType");

	if (logical == NULL)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(logicals); i++) {
		if (logicals[i].type != schema->type ||
		    !str_equal(str_from(logicals[i].name), schema_str(logical)))
			continue;
		schema->logical = logicals[i].logical;
		return true;
	}
	return refuse(builder, "the logical type is not one of ours");
}

#define ATTRIBUTES_MAX 6

/* The types of the subset, and the attributes that each may have beside "type". */
static const struct type_reader {
	const char *name;
	enum schema_type type;
	bool bare; /* may stand as a mere string */
	bool (*read)(struct builder *builder, const json_t *json, struct schema *schema);
	const char *attributes[ATTRIBUTES_MAX];
} type_readers[] = {
    {"string", SCHEMA_STRING, true, primitive_read, {"logicalType"}},
    {"int", SCHEMA_INT, true, primitive_read, {"logicalType"}},
    {"long", SCHEMA_LONG, true, primitive_read, {"logicalType"}},
    {"boolean", SCHEMA_BOOLEAN, true, primitive_read, {"logicalType"}},
    {"enum", SCHEMA_ENUM, false, enum_read, {"name", "namespace", "doc", "symbols"}},
    {"record", SCHEMA_RECORD, false, record_read,
	{"name", "namespace", "doc", "fields", "exactlyOne"}},
    {"array", SCHEMA_ARRAY, false, array_read, {"items"}},
    {"map", SCHEMA_MAP, false, map_read, {"values"}},
};

static const struct type_reader *
reader_find(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(type_readers); i++)
		if (str_equal(str_from(type_readers[i].name), name))
			return &type_readers[i];
	return NULL;
}

/* A typo in an attribute must not pass for a comment. */
static bool
attributes_are_known(struct builder *builder, const struct type_reader *reader, const json_t *json)
{
	for (void *at = json_object_iter((json_t *)(uintptr_t)json); at != NULL;
	     at = json_object_iter_next((json_t *)(uintptr_t)json, at)) {
		const char *key = json_object_iter_key(at);
		bool known = strcmp(key, "type") == 0;

		for (size_t i = 0; !known && i < ATTRIBUTES_MAX; i++)
			known = reader->attributes[i] != NULL &&
				strcmp(key, reader->attributes[i]) == 0;
		if (!known)
			return refuse(
			    builder, "unknown attribute %s of type %s", key, reader->name);
	}
	return true;
}

static bool
type_object_read(struct builder *builder, const json_t *json, const struct schema **ret_schema)
{
	struct str name = schema_str(json_object_get(json, "type"));
	const struct type_reader *reader = reader_find(name);
	struct schema *schema;

	if (reader == NULL)
		return refuse(builder, "\"%.*s\" is no type of our subset", STR_ARG(name));
	if (!attributes_are_known(builder, reader, json))
		return false;
	schema = arena_alloc(builder->arena, sizeof(*schema));
	if (schema == NULL)
		return refuse(builder, "the schema is too large");
	schema->type = reader->type;
	schema->doc = schema_str(json_object_get(json, "doc"));
	*ret_schema = schema;
	return reader->read(builder, json, schema);
}

/* A primitive, or a record or enum that was defined before. */
static bool
type_name_read(struct builder *builder, const json_t *json, const struct schema **ret_schema)
{
	struct str name = schema_str(json);
	const struct type_reader *reader = reader_find(name);
	struct schema *schema;

	if (reader != NULL && reader->bare) {
		schema = arena_alloc(builder->arena, sizeof(*schema));
		if (schema == NULL)
			return refuse(builder, "the schema is too large");
		schema->type = reader->type;
		*ret_schema = schema;
		return true;
	}
	if (!name_is_valid(name, true) || !full_name(builder, name, &name))
		return refuse(builder, "a type must be named, or an object, or an array");
	for (size_t i = 0; i < builder->named_len; i++) {
		if (str_equal(builder->named[i]->name, name)) {
			*ret_schema = builder->named[i];
			return true;
		}
	}
	return refuse(builder, "\"%.*s\" is no type of our subset, nor defined before its use",
	    STR_ARG(name));
}

/* The one union that we have: null, first, and something else. */
static bool
union_read(struct builder *builder, const json_t *json, const struct schema **ret_schema)
{
	const struct schema *other = NULL;
	struct schema *schema;

	if (json_array_size(json) != 2 ||
	    !str_equal(schema_str(json_array_get(json, 0)), STR("null")))
		return refuse(builder, "a union must be of null, first, and one other type");
	if (!type_read(builder, json_array_get(json, 1), &other))
		return false;
	CHECK(other != NULL);
	if (other->nullable)
		return refuse(builder, "a union cannot hold a union");
	schema = arena_alloc(builder->arena, sizeof(*schema));
	if (schema == NULL)
		return refuse(builder, "the schema is too large");
	*schema = *other;
	schema->nullable = true;
	*ret_schema = schema;
	return true;
}

static bool
type_read(struct builder *builder, const json_t *json, const struct schema **ret_schema)
{
	if (json_is_array(json))
		return union_read(builder, json, ret_schema);
	if (json_is_object(json))
		return type_object_read(builder, json, ret_schema);
	return type_name_read(builder, json, ret_schema);
}

enum err_class
schema_load(struct str text, json_t **ret_json, struct err *err)
{
	json_error_t error;
	json_t *json = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, &error);

	if (json == NULL)
		return err_set(err, ERR_FATAL, "line %d: %s", error.line, error.text);
	*ret_json = json;
	return ERR_NONE;
}

enum err_class
schema_build(struct arena *arena, struct str text, const json_t *json,
    const struct schema **ret_schema, struct err *err)
{
	struct builder builder = {.arena = arena, .err = err};
	const struct schema *tree = NULL;
	struct schema *top;
	struct buf canonical;
	bool overflow;

	if (!type_read(&builder, json, &tree))
		return err->class;
	CHECK(tree != NULL);
	if (tree->type != SCHEMA_RECORD || tree->nullable)
		return err_set(err, ERR_FATAL, "the top of a schema must be a record");
	top = arena_alloc(arena, sizeof(*top));
	if (top == NULL)
		return err_set(err, ERR_FATAL, "the schema is too large");
	*top = *tree;
	if (!arena_str(arena, text, &top->text))
		return err_set(err, ERR_FATAL, "the schema is too large");

	buf_init(&canonical, SCHEMA_CANONICAL_MAX);
	fingerprint_canonical(top, &canonical);
	top->fingerprint = fingerprint_bytes(buf_str(&canonical));
	overflow = canonical.overflow;
	buf_release(&canonical);
	if (overflow)
		return err_set(err, ERR_FATAL, "the schema is too large");
	*ret_schema = top;
	return ERR_NONE;
}
