/* Parameters to the binary forms of PostgreSQL's types. */

#include "common/postgres/pg_internal.h"

#define EPOCH_S INT64_C(946684800) /* 2000-01-01, where PostgreSQL's times begin */
#define ARRAY_HEAD_BYTES 20        /* of one dimension */
#define ARRAY_EMPTY_BYTES 12

void
pg_put_int32(char *bytes, int32_t value)
{
	uint32_t bits = (uint32_t)value;

	for (int i = 0; i < 4; i++)
		bytes[i] = (char)(bits >> (24 - 8 * i));
}

void
pg_put_int64(char *bytes, int64_t value)
{
	uint64_t bits = (uint64_t)value;

	for (int i = 0; i < 8; i++)
		bytes[i] = (char)(bits >> (56 - 8 * i));
}

int64_t
pg_micros_from_instant(struct instant instant)
{
	CHECK(instant_is_valid(instant));
	return (instant.s - EPOCH_S) * 1000000;
}

int64_t
pg_micros_from_millis(int64_t ms)
{
	CHECK(ms > -(INT64_C(1) << 50) && ms < INT64_C(1) << 50);
	return (ms - EPOCH_S * 1000) * 1000;
}

void
pg_params_init(struct pg_params *params, struct arena *arena)
{
	*params = (struct pg_params){.arena = arena};
}

/* The next parameter: ${value} of ${len} bytes, which outlive the sending; NULL for NULL. */
static void
add(struct pg_params *params, enum pg_oid type, const char *value, size_t len)
{
	CHECK(params->len < PG_PARAMS_MAX);
	CHECK(len <= INT32_MAX);
	params->types[params->len] = type;
	params->values[params->len] = value;
	params->lengths[params->len] = (int)len;
	params->formats[params->len] = 1;
	params->len++;
}

/* ${len} bytes to be filled by the caller; NULL, remembered, when the arena is full. */
static char *
take(struct pg_params *params, size_t len)
{
	char *bytes = len > INT32_MAX ? NULL : arena_alloc(params->arena, len);

	if (bytes == NULL)
		params->overflow = true;
	return bytes;
}

static void
add_str(struct pg_params *params, enum pg_oid type, struct str value)
{
	/* A pointer that is NULL is NULL, also to libpq. */
	CHECK(value.ptr != NULL || value.len == 0);
	add(params, type, value.ptr, value.len);
}

void
pg_params_uuid(struct pg_params *params, struct uuid value)
{
	char *bytes = take(params, sizeof(value.b));

	if (bytes != NULL)
		memcpy(bytes, value.b, sizeof(value.b));
	add(params, PG_UUID, uuid_is_nil(value) ? NULL : bytes, sizeof(value.b));
}

void
pg_params_str(struct pg_params *params, struct str value)
{
	add_str(params, PG_TEXT, value);
}

void
pg_params_bytes(struct pg_params *params, struct str value)
{
	add_str(params, PG_BYTEA, value);
}

static void
add_int64(struct pg_params *params, enum pg_oid type, int64_t value)
{
	char *bytes = take(params, 8);

	if (bytes != NULL)
		pg_put_int64(bytes, value);
	add(params, type, bytes, 8);
}

void
pg_params_int32(struct pg_params *params, int32_t value)
{
	char *bytes = take(params, 4);

	if (bytes != NULL)
		pg_put_int32(bytes, value);
	add(params, PG_INT4, bytes, 4);
}

void
pg_params_int64(struct pg_params *params, int64_t value)
{
	add_int64(params, PG_INT8, value);
}

void
pg_params_bool(struct pg_params *params, bool value)
{
	add(params, PG_BOOL, value ? "\1" : "\0", 1);
}

void
pg_params_instant(struct pg_params *params, struct instant value)
{
	if (instant_is_none(value))
		pg_params_null(params, PG_TIMESTAMPTZ);
	else
		add_int64(params, PG_TIMESTAMPTZ, pg_micros_from_instant(value));
}

void
pg_params_null(struct pg_params *params, Oid type)
{
	add(params, type, NULL, 0);
}

/* An array that is being written: libpq's head, then each element behind its length. */
struct array {
	char *at; /* NULL when there is no room */
};

/* Begin an array of ${len} elements that have ${bytes} bytes together; those of NULL count 0. */
static struct array
array_begin(
    struct pg_params *params, enum pg_oid array, enum pg_oid element, size_t len, size_t bytes)
{
	size_t size = len == 0 ? ARRAY_EMPTY_BYTES : ARRAY_HEAD_BYTES + 4 * len + bytes;
	char *head = take(params, size);

	add(params, array, head, head == NULL ? 0 : size);
	if (head == NULL)
		return (struct array){NULL};
	pg_put_int32(head, len == 0 ? 0 : 1); /* dimensions */
	pg_put_int32(head + 4, 1);            /* there may be NULLs */
	pg_put_int32(head + 8, (int32_t)element);
	if (len == 0)
		return (struct array){head + ARRAY_EMPTY_BYTES};
	pg_put_int32(head + 12, (int32_t)len);
	pg_put_int32(head + 16, 1); /* the index of the first */
	return (struct array){head + ARRAY_HEAD_BYTES};
}

static void
array_add(struct array *array, const void *bytes, size_t len)
{
	if (array->at == NULL)
		return;
	pg_put_int32(array->at, bytes == NULL ? -1 : (int32_t)len);
	array->at += 4;
	if (bytes == NULL || len == 0)
		return;
	memcpy(array->at, bytes, len);
	array->at += len;
}

void
pg_params_cells(struct pg_params *params, enum pg_oid array, enum pg_oid element,
    const struct str *cells, size_t len)
{
	size_t bytes = 0;
	struct array written;

	for (size_t i = 0; i < len; i++)
		bytes += cells[i].len;
	written = array_begin(params, array, element, len, bytes);
	for (size_t i = 0; i < len; i++)
		array_add(&written, cells[i].ptr, cells[i].len);
}

void
pg_params_uuids(struct pg_params *params, const struct uuid *values, size_t len)
{
	struct array written =
	    array_begin(params, PG_UUID_ARRAY, PG_UUID, len, len * sizeof(struct uuid));

	for (size_t i = 0; i < len; i++)
		array_add(&written, values[i].b, sizeof(values[i].b));
}

void
pg_params_strs(struct pg_params *params, const struct str *values, size_t len)
{
	pg_params_cells(params, PG_TEXT_ARRAY, PG_TEXT, values, len);
}

void
pg_params_bytes_array(struct pg_params *params, const struct str *values, size_t len)
{
	pg_params_cells(params, PG_BYTEA_ARRAY, PG_BYTEA, values, len);
}

void
pg_params_int32s(struct pg_params *params, const int32_t *values, size_t len)
{
	struct array written = array_begin(params, PG_INT4_ARRAY, PG_INT4, len, len * 4);

	for (size_t i = 0; i < len; i++) {
		char bytes[4];

		pg_put_int32(bytes, values[i]);
		array_add(&written, bytes, sizeof(bytes));
	}
}

void
pg_params_int64s(struct pg_params *params, const int64_t *values, size_t len)
{
	struct array written = array_begin(params, PG_INT8_ARRAY, PG_INT8, len, len * 8);

	for (size_t i = 0; i < len; i++) {
		char bytes[8];

		pg_put_int64(bytes, values[i]);
		array_add(&written, bytes, sizeof(bytes));
	}
}
