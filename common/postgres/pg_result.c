/* The binary forms of PostgreSQL's types to ours. */

#include "common/postgres/pg_internal.h"

#define EPOCH_MS INT64_C(946684800000) /* 2000-01-01, where PostgreSQL's times begin */

/* The bytes of a value that has ${len} of them, or NULL for NULL. */
static const char *
fixed(const PGresult *result, int row, int column, int len)
{
	if (PQgetisnull(result, row, column) == 1)
		return NULL;
	CHECK(PQfformat(result, column) == 1);
	CHECK(PQgetlength(result, row, column) == len);
	return PQgetvalue(result, row, column);
}

static uint64_t
big_endian(const char *bytes, int len)
{
	uint64_t value = 0;

	for (int i = 0; i < len; i++)
		value = value << 8 | (uint8_t)bytes[i];
	return value;
}

struct uuid
pg_get_uuid(const PGresult *result, int row, int column)
{
	const char *bytes = fixed(result, row, column, sizeof(struct uuid));
	struct uuid uuid = UUID_NIL;

	if (bytes != NULL)
		memcpy(uuid.b, bytes, sizeof(uuid.b));
	return uuid;
}

struct str
pg_get_str(const PGresult *result, int row, int column)
{
	CHECK(column < PQnfields(result) && row < PQntuples(result));
	if (PQgetisnull(result, row, column) == 1)
		return STR_NONE;
	CHECK(PQfformat(result, column) == 1);
	return (struct str){
	    PQgetvalue(result, row, column), (size_t)PQgetlength(result, row, column)};
}

int32_t
pg_get_int32(const PGresult *result, int row, int column)
{
	const char *bytes = fixed(result, row, column, 4);

	return bytes == NULL ? 0 : (int32_t)big_endian(bytes, 4);
}

int64_t
pg_get_int64(const PGresult *result, int row, int column)
{
	const char *bytes = fixed(result, row, column, 8);

	return bytes == NULL ? 0 : (int64_t)big_endian(bytes, 8);
}

bool
pg_get_bool(const PGresult *result, int row, int column)
{
	const char *bytes = fixed(result, row, column, 1);

	return bytes != NULL && bytes[0] != 0;
}

/* Division that rounds down, also below zero. */
static int64_t
floor_div(int64_t value, int64_t by)
{
	return value / by - (value % by < 0);
}

struct instant
pg_get_instant(const PGresult *result, int row, int column)
{
	if (PQgetisnull(result, row, column) == 1)
		return INSTANT_NONE;
	return (struct instant){floor_div(pg_get_millis(result, row, column), 1000)};
}

int64_t
pg_get_millis(const PGresult *result, int row, int column)
{
	if (PQgetisnull(result, row, column) == 1)
		return 0;
	return floor_div(pg_get_int64(result, row, column), 1000) + EPOCH_MS;
}

int64_t
pg_changed(const PGresult *result)
{
	/* libpq's signature lacks a const; it changes nothing. */
	union {
		const PGresult *in;
		PGresult *out;
	} same = {.in = result};
	struct str count = str_from(PQcmdTuples(same.out));
	int64_t changed = 0;

	return str_read_int64(count, 0, INT64_MAX, &changed) ? changed : 0;
}
