#include "common/codec/transcode.h"

#include <inttypes.h>

#include "common/base/decimal.h"
#include "common/base/instant.h"
#include "common/base/utf8.h"
#include "common/base/uuid.h"
#include "common/codec/avro.h"
#include "common/codec/transcode_fault.h"
#include "common/codec/transcode_text.h"

#define MESSAGE_MAX 300
#define INTEGER_TEXT_SIZE 24 /* of any 64-bit integer */

/* One body that is being written. */
struct walk {
	const struct transcode_given *given;
	struct faults *faults;
	struct buf *buf;
};

static void record_walk(
    struct walk *walk, const struct schema *schema, const json_t *json, const struct place *place);

static void
string_walk(struct walk *walk, const struct schema_field *field, const json_t *json,
    const struct place *place)
{
	char bytes[MESSAGE_MAX];
	struct str text = schema_str(json);
	struct buf message = {.ptr = bytes, .capacity = sizeof(bytes), .max = sizeof(bytes)};

	if (text.ptr == NULL)
		fault_at(walk->faults, place, "must be a string");
	else if (!transcode_text_check(field, text, &message))
		fault_at(walk->faults, place, "%.*s", STR_ARG(buf_str(&message)));
	else
		avro_put_string(walk->buf, text);
}

/* A text that a client may write as an integer, too; the same number is the same bytes. */
static void
numeral_walk(struct walk *walk, const struct schema_field *field, const json_t *json,
    const struct place *place)
{
	char bytes[MESSAGE_MAX], number[INTEGER_TEXT_SIZE], canonical[DECIMAL_TEXT_SIZE];
	struct buf message = {.ptr = bytes, .capacity = sizeof(bytes), .max = sizeof(bytes)};
	struct str text = schema_str(json);
	struct decimal decimal;

	if (json_is_integer(json)) {
		snprintf(number, sizeof(number), "%" PRId64, (int64_t)json_integer_value(json));
		text = str_from(number);
	}
	if (text.ptr == NULL) {
		fault_at(walk->faults, place, "must be a string or an integer");
	} else if (!transcode_text_check(field, text, &message)) {
		fault_at(walk->faults, place, "%.*s", STR_ARG(buf_str(&message)));
	} else if (field->format == FORMAT_DECIMAL) {
		CHECK(decimal_read(text, DECIMAL_PLACES, &decimal));
		decimal_write(decimal, canonical);
		avro_put_string(walk->buf, str_from(canonical));
	} else {
		avro_put_string(walk->buf, text);
	}
}

/* The nil UUID stands for "none" in our structs, and names nothing. */
static void
uuid_walk(struct walk *walk, const struct schema_field *field, const json_t *json,
    const struct place *place)
{
	char text[UUID_TEXT_SIZE];
	struct uuid uuid;

	(void)field;
	if (!json_is_string(json)) {
		fault_at(walk->faults, place, "must be a string");
	} else if (!uuid_read(schema_str(json), &uuid) || uuid_is_nil(uuid)) {
		fault_at(walk->faults, place, "must be a UUID, and not the nil one");
	} else {
		uuid_write(uuid, text);
		avro_put_string(walk->buf, str_from(text));
	}
}

static void
integer_walk(struct walk *walk, const struct schema_field *field, const json_t *json,
    const struct place *place)
{
	int64_t value = json_integer_value(json);

	if (!json_is_integer(json))
		fault_at(walk->faults, place, "must be an integer");
	else if (value < field->minimum)
		fault_at(walk->faults, place, "must be at least %" PRId64, field->minimum);
	else if (value > field->maximum)
		fault_at(walk->faults, place, "must be at most %" PRId64, field->maximum);
	else if (value == 0 && field->non_zero)
		fault_at(walk->faults, place, "must not be 0");
	else
		avro_put_long(walk->buf, value);
}

static void
millis_walk(struct walk *walk, const struct schema_field *field, const json_t *json,
    const struct place *place)
{
	struct str text = schema_str(json);
	struct instant instant;

	(void)field;
	if (text.ptr == NULL)
		fault_at(walk->faults, place, "must be a string");
	else if (!instant_read(text.ptr, text.len, &instant))
		fault_at(walk->faults, place,
		    "must be an RFC 3339 time from 1970 to 2199, such as 2026-01-31T00:00:00Z");
	else
		avro_put_long(walk->buf, instant.s * 1000);
}

static void
boolean_walk(struct walk *walk, const struct schema_field *field, const json_t *json,
    const struct place *place)
{
	(void)field;
	if (!json_is_boolean(json))
		fault_at(walk->faults, place, "must be true or false");
	else
		avro_put_boolean(walk->buf, json_is_true(json));
}

static void
symbol_fault(struct walk *walk, const struct schema *type, const struct place *place)
{
	char bytes[MESSAGE_MAX];
	struct buf message = {.ptr = bytes, .capacity = sizeof(bytes), .max = sizeof(bytes)};

	for (size_t i = 0; i < type->symbols_len; i++) {
		buf_append_str(&message, i == 0 ? STR("") : STR(", "));
		buf_append_str(&message, type->symbols[i]);
	}
	fault_at(walk->faults, place, "must be one of: %.*s", STR_ARG(buf_str(&message)));
}

static void
enum_walk(struct walk *walk, const struct schema_field *field, const json_t *json,
    const struct place *place)
{
	const struct schema *type = field->type;

	if (!json_is_string(json)) {
		fault_at(walk->faults, place, "must be a string");
		return;
	}
	for (size_t i = 0; i < type->symbols_len; i++) {
		if (str_equal(type->symbols[i], schema_str(json))) {
			avro_put_long(walk->buf, (int64_t)i);
			return;
		}
	}
	symbol_fault(walk, type, place);
}

static void
pair_walk(struct walk *walk, const struct schema_field *field, struct str key, const json_t *value,
    const struct place *place)
{
	struct place here = {.up = place, .name = key};

	if (transcode_text_has_control(key))
		fault_at(walk->faults, &here, "its name must not contain control characters");
	else if (utf8_count(key) > field->key_length_max)
		fault_at(walk->faults, &here, "its name must be at most %zu characters",
		    field->key_length_max);
	avro_put_string(walk->buf, key);
	string_walk(walk, field, value, &here);
}

static void
map_walk(struct walk *walk, const struct schema_field *field, const json_t *json,
    const struct place *place)
{
	json_t *object = (json_t *)(uintptr_t)json; /* Jansson's iterators know no const */
	size_t len = json_object_size(json);
	size_t max = field->pairs_max < AVRO_ITEMS_MAX ? field->pairs_max : AVRO_ITEMS_MAX;

	if (!json_is_object(json)) {
		fault_at(walk->faults, place, "must be an object");
		return;
	}
	if (len > max) {
		fault_at(walk->faults, place, "must have at most %zu pairs", max);
		return;
	}
	if (len > 0)
		avro_put_long(walk->buf, (int64_t)len);
	for (void *at = json_object_iter(object); at != NULL;
	     at = json_object_iter_next(object, at)) {
		struct str key = {json_object_iter_key(at), json_object_iter_key_len(at)};

		pair_walk(walk, field, key, json_object_iter_value(at), place);
	}
	avro_put_long(walk->buf, 0);
}

static void value_walk(struct walk *walk, const struct schema_field *field, const json_t *json,
    const struct place *place);

/* Whether two texts of a list say the same: UUIDs in whatever case. */
static bool
items_are_same(const struct schema *items, const json_t *a, const json_t *b)
{
	struct uuid a_uuid, b_uuid;

	if (items->logical == SCHEMA_UUID)
		return uuid_read(schema_str(a), &a_uuid) && uuid_read(schema_str(b), &b_uuid) &&
		       uuid_equal(a_uuid, b_uuid);
	return json_is_string(a) && json_equal(a, b);
}

static void
unique_check(struct walk *walk, const struct schema_field *field, const json_t *json,
    const struct place *place)
{
	for (size_t i = 1; i < json_array_size(json); i++) {
		struct place here = {.up = place, .index = i};
		size_t j = 0;

		while (j < i && !items_are_same(field->type->items, json_array_get(json, i),
				    json_array_get(json, j)))
			j++;
		if (j < i)
			fault_at(walk->faults, &here, "stands here twice");
	}
}

static void
array_walk(struct walk *walk, const struct schema_field *field, const json_t *json,
    const struct place *place)
{
	struct schema_field item = *field;
	size_t len = json_array_size(json);
	size_t max = field->items_max < AVRO_ITEMS_MAX ? field->items_max : AVRO_ITEMS_MAX;

	if (!json_is_array(json)) {
		fault_at(walk->faults, place, "must be an array");
		return;
	}
	if (len > max) {
		fault_at(walk->faults, place, "must have at most %zu items", max);
		return;
	}
	item.type = field->type->items; /* the rules for a text are those of its items */
	if (len > 0)
		avro_put_long(walk->buf, (int64_t)len);
	for (size_t i = 0; i < len; i++) {
		struct place here = {.up = place, .index = i};

		value_walk(walk, &item, json_array_get(json, i), &here);
	}
	avro_put_long(walk->buf, 0);
	if (field->items_unique)
		unique_check(walk, field, json, place);
}

static void
nested_walk(struct walk *walk, const struct schema_field *field, const json_t *json,
    const struct place *place)
{
	record_walk(walk, field->type, json, place);
}

static void (*const walks[SCHEMA_TYPE_MAX])(struct walk *walk, const struct schema_field *field,
    const json_t *json, const struct place *place) = {
    [SCHEMA_STRING] = string_walk,
    [SCHEMA_INT] = integer_walk,
    [SCHEMA_LONG] = integer_walk,
    [SCHEMA_BOOLEAN] = boolean_walk,
    [SCHEMA_ENUM] = enum_walk,
    [SCHEMA_RECORD] = nested_walk,
    [SCHEMA_ARRAY] = array_walk,
    [SCHEMA_MAP] = map_walk,
};

/* A value that stands in the body and is not null. */
static void
value_walk(struct walk *walk, const struct schema_field *field, const json_t *json,
    const struct place *place)
{
	const struct schema *type = field->type;

	if (type->nullable)
		avro_put_long(walk->buf, 1);
	if (type->logical == SCHEMA_UUID)
		uuid_walk(walk, field, json, place);
	else if (type->logical == SCHEMA_MILLIS)
		millis_walk(walk, field, json, place);
	else if (field->format == FORMAT_DECIMAL || field->format == FORMAT_ANCHOR)
		numeral_walk(walk, field, json, place);
	else
		walks[type->type](walk, field, json, place);
}

/* The default of a field that may be left out, which schema.c has checked to fit. */
static void
default_put(const struct schema_field *field, struct buf *buf)
{
	const json_t *fallback = field->fallback;
	const struct schema *type = field->type;
	int64_t index = 0;

	switch (json_typeof(fallback)) {
	case JSON_NULL:   /* branch 0 */
	case JSON_ARRAY:  /* empty: no block */
	case JSON_OBJECT: /* the same */
		avro_put_long(buf, 0);
		return;
	case JSON_INTEGER:
		avro_put_long(buf, json_integer_value(fallback));
		return;
	case JSON_TRUE:
	case JSON_FALSE:
		avro_put_boolean(buf, json_is_true(fallback));
		return;
	case JSON_STRING:
		if (type->type == SCHEMA_STRING) {
			avro_put_string(buf, schema_str(fallback));
			return;
		}
		while (!str_equal(type->symbols[index], schema_str(fallback)))
			index++;
		avro_put_long(buf, index);
		return;
	case JSON_REAL:
		break;
	}
	CHECK(!"a default that fits no type");
}

/* What the body says about one field, or does not say. */
static void
field_walk(struct walk *walk, const struct schema_field *field, const json_t *json,
    const struct place *place)
{
	struct place here = {.up = place, .name = field->name};

	if (json != NULL && !json_is_null(json))
		value_walk(walk, field, json, &here);
	else if (json != NULL && !field->type->nullable)
		fault_at(walk->faults, &here, "must not be null");
	else if (json != NULL)
		avro_put_long(walk->buf, 0);
	else if (field->fallback == NULL)
		fault_at(walk->faults, &here, "is missing");
	else
		default_put(field, walk->buf);
}

/* The id of that name in the path; its absence is a route that does not fit its command. */
static void
path_put(const struct walk *walk, const struct schema_field *field)
{
	const struct transcode_given *given = walk->given;
	char text[UUID_TEXT_SIZE];
	struct uuid uuid;
	size_t i = 0;

	while (i < given->path_values_len && !str_equal(given->path_values[i].name, field->name))
		i++;
	CHECK(i < given->path_values_len);
	CHECK(uuid_read(given->path_values[i].text, &uuid) && !uuid_is_nil(uuid));
	uuid_write(uuid, text);
	avro_put_string(walk->buf, str_from(text));
}

/* What is neither left out nor null nor an empty list. */
static bool
is_given(const json_t *json)
{
	return json != NULL && !json_is_null(json) &&
	       !(json_is_array(json) && json_array_size(json) == 0);
}

static void
exactly_one_check(
    struct walk *walk, const struct schema *schema, const json_t *json, const struct place *place)
{
	char bytes[MESSAGE_MAX];
	struct buf names = {.ptr = bytes, .capacity = sizeof(bytes), .max = sizeof(bytes)};
	size_t given = 0;

	if (schema->exactly_one_len == 0)
		return;
	for (size_t i = 0; i < schema->exactly_one_len; i++) {
		struct str name = schema->exactly_one[i];

		given += is_given(json_object_getn(json, name.ptr, name.len));
		buf_append_str(&names, i == 0 ? STR("") : STR(", "));
		buf_append_str(&names, name);
	}
	if (given != 1)
		fault_at(walk->faults, place, "exactly one of %.*s must be given",
		    STR_ARG(buf_str(&names)));
}

static bool
is_body_field(const struct schema *schema, struct str name)
{
	for (size_t i = 0; i < schema->fields_len; i++)
		if (schema->fields[i].source == SOURCE_BODY &&
		    str_equal(schema->fields[i].name, name))
			return true;
	return false;
}

static void
unknown_check(
    struct walk *walk, const struct schema *schema, const json_t *json, const struct place *place)
{
	json_t *object = (json_t *)(uintptr_t)json;

	for (void *at = json_object_iter(object); at != NULL;
	     at = json_object_iter_next(object, at)) {
		struct str key = {json_object_iter_key(at), json_object_iter_key_len(at)};
		struct place here = {.up = place, .name = key};

		if (!is_body_field(schema, key))
			fault_at(walk->faults, &here, "is not a field of this request");
	}
}

static void
record_walk(
    struct walk *walk, const struct schema *schema, const json_t *json, const struct place *place)
{
	size_t known = 0;

	if (!json_is_object(json)) {
		fault_at(walk->faults, place, "must be an object");
		return;
	}
	for (size_t i = 0; i < schema->fields_len; i++) {
		const struct schema_field *field = &schema->fields[i];
		const json_t *value;

		if (field->source == SOURCE_META) {
			avro_encode_body(
			    field->type, walk->given->meta_record, walk->given->meta, walk->buf);
		} else if (field->source == SOURCE_PATH) {
			path_put(walk, field);
		} else {
			value = json_object_getn(json, field->name.ptr, field->name.len);
			known += value != NULL;
			field_walk(walk, field, value, place);
		}
	}
	exactly_one_check(walk, schema, json, place);
	if (known < json_object_size(json))
		unknown_check(walk, schema, json, place);
}

bool
transcode(const struct schema *schema, const json_t *json, const struct transcode_given *given,
    struct faults *faults, struct buf *buf)
{
	struct walk walk = {.given = given, .faults = faults, .buf = buf};
	size_t found = faults->found;

	CHECK(schema->type == SCHEMA_RECORD);
	CHECK(json_is_object(json));

	avro_frame_write(schema, buf);
	record_walk(&walk, schema, json, NULL);
	if (buf->overflow && faults->found == found)
		fault_at(faults, NULL, "is too large");
	return faults->found == found;
}
