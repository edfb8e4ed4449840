#ifndef COMMON_BASE_RECORD_H
#define COMMON_BASE_RECORD_H

/*
 * Records: a C struct described once by a table of its fields.  Avro reads and writes it by these
 * names (codec/record.h), PostgreSQL loads and stores it by the same names as columns
 * (postgres/row.h), so that a field is added in one place.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/check.h"

/* How a field is kept in C, in Avro and in PostgreSQL.  "None" stands for null where the schema
 * allows null. */
enum field_kind {
	FIELD_UUID,     /* struct uuid; Avro string (logical uuid); uuid.  None: nil */
	FIELD_STR,      /* struct str; Avro string or enum; text.  None: STR_NONE */
	FIELD_INT32,    /* int32_t; Avro int; int4 */
	FIELD_INT64,    /* int64_t; Avro long; int8 */
	FIELD_BOOL,     /* bool; Avro boolean; bool */
	FIELD_INSTANT,  /* struct instant; Avro long (timestamp-millis); timestamptz.  None:
			   INSTANT_NONE */
	FIELD_CURRENCY, /* struct currency; Avro string; text.  None: empty code */
	FIELD_STR_MAP,  /* struct str_map; Avro map of string; jsonb object of strings.  None: no
			   pairs */
	FIELD_RECORD,   /* a nested struct; Avro record; not a column */
	FIELD_RECORDS,  /* const T *items and size_t items_len; Avro array of records; not a column,
			   unless `column` says so: then a jsonb array of objects, by the nested
			   record's names */
	FIELD_INT64_OR_NONE, /* int64_t; Avro long; int8.  None: INT64_MIN */
	FIELD_DECIMAL,       /* struct decimal; Avro string; numeric, and in JSON a string.  None:
				DECIMAL_NONE */
	FIELD_BYTES,         /* struct str; not in Avro; bytea.  None: STR_NONE */
	FIELD_JSON,   /* struct str; Avro string; json, which keeps it byte for byte, or jsonb.
			 None: STR_NONE */
	FIELD_MILLIS, /* int64_t milliseconds since the epoch; not in Avro; timestamptz */
	FIELD_UUIDS,  /* struct uuid_list; Avro array of string (logical uuid); jsonb array of
			 strings */
	FIELD_STRS,   /* struct str_list; Avro array of string; jsonb array of strings */
	FIELD_KIND_MAX,
};

struct record;

struct field {
	const char *name; /* in Avro, in JSON, as a column */
	enum field_kind kind;
	size_t offset;               /* in the struct */
	size_t len_offset;           /* FIELD_RECORDS: where the size_t count is */
	const struct record *nested; /* FIELD_RECORD, FIELD_RECORDS: what it holds */
	bool column;                 /* FIELD_RECORDS: kept in a column of its own */
};

struct record {
	const char *name; /* for messages: "customer" */
	size_t size;      /* sizeof the struct */
	size_t fields_len;
	const struct field *fields;
};

/* One row of a field table: FIELD(struct customer, name, FIELD_STR). */
#define FIELD(type, member, field_kind)                                                  \
	{                                                                                \
		.name = #member, .kind = (field_kind), .offset = offsetof(type, member), \
	}

#define FIELD_NESTED(type, member, record)                                               \
	{                                                                                \
		.name = #member, .kind = FIELD_RECORD, .offset = offsetof(type, member), \
		.nested = (record),                                                      \
	}

/* A pointer `member` and its count `member_len`. */
#define FIELD_LIST(type, member, record)                                                  \
	{                                                                                 \
		.name = #member, .kind = FIELD_RECORDS, .offset = offsetof(type, member), \
		.len_offset = offsetof(type, member##_len), .nested = (record),           \
	}

/* The same, as a column of jsonb. */
#define FIELD_LIST_COLUMN(type, member, record)                                                 \
	{                                                                                       \
		.name = #member, .kind = FIELD_RECORDS, .offset = offsetof(type, member),       \
		.len_offset = offsetof(type, member##_len), .nested = (record), .column = true, \
	}

#define RECORD(type, record_name, field_table)                                \
	{                                                                     \
		.name = (record_name), .size = sizeof(type),                  \
		.fields_len = sizeof(field_table) / sizeof((field_table)[0]), \
		.fields = (field_table),                                      \
	}

#endif
