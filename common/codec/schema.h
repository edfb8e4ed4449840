#ifndef COMMON_CODEC_SCHEMA_H
#define COMMON_CODEC_SCHEMA_H

/*
 * Avro schemas: what schemas/ holds, embedded in the program, parsed once.
 *
 * We use a subset of Avro: record, string, int, long, boolean, enum, array of records or strings,
 * map of strings, and the union of null with one of these.  A schema outside the subset is refused
 * when it is opened.  Extra attributes on a field (minimum, maxLength, format, in, …) are our rules
 * for a client's JSON; they are no part of Avro and not of the fingerprint.
 *
 * Schemas of actions (schemas/actions/) are rules for a body and nothing else: none is ever on the
 * wire, so none is released or found by fingerprint, and all of their fields come from the body.
 *
 * A set is read-only after schemas_open and may be read by several threads, except where avro.h
 * says otherwise.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/embedded.h"
#include "common/base/err.h"
#include "common/base/str.h"

#define SCHEMA_FIELDS_MAX 64 /* of one record */
#define SCHEMA_DEPTH_MAX 8   /* records in records */
#define SCHEMAS_MAX 256      /* of all versions that were ever released */

enum schema_type {
	SCHEMA_STRING,
	SCHEMA_INT,
	SCHEMA_LONG,
	SCHEMA_BOOLEAN,
	SCHEMA_ENUM,
	SCHEMA_RECORD,
	SCHEMA_ARRAY, /* of records, or of strings (also UUIDs) */
	SCHEMA_MAP,   /* of strings */
	SCHEMA_TYPE_MAX,
};

enum schema_logical {
	SCHEMA_PLAIN,
	SCHEMA_UUID,   /* a string that is a UUID */
	SCHEMA_MILLIS, /* a long that counts milliseconds since the epoch: RFC 3339 in JSON */
};

/* What a text must be, beyond its length. */
enum schema_format {
	FORMAT_ANY,
	FORMAT_EMAIL,
	FORMAT_CURRENCY, /* ISO 4217, known, upper case */
	FORMAT_COUNTRY,  /* ISO 3166-1 alpha-2, known, upper case */
	FORMAT_TIMEZONE, /* known tz database name */
	FORMAT_CODE,     /* letters, digits, '-', '_', '.', starting with a letter or digit */
	FORMAT_DECIMAL,  /* as decimal_read takes it; in JSON an integer, too */
	FORMAT_ANCHOR,   /* "start", "calendar", or "1" to "31"; in JSON an integer, too */
};

/* Who supplies a field of a command. */
enum schema_source {
	SOURCE_BODY, /* the client's JSON */
	SOURCE_PATH, /* an id in the path */
	SOURCE_META, /* the ingress */
};

struct schema;

struct schema_field {
	struct str name;
	struct str doc;
	const struct schema *type;
	/* The default, or NULL when the field must be given.  Null for every nullable field that
	 * has one; {} and [] are the only ones of a map and an array; a record has none. */
	const json_t *fallback;
	enum schema_source source;
	/* Rules for a client's JSON; the defaults allow all that the type allows. */
	enum schema_format format;
	bool allow_empty; /* the empty string passes, whatever the format and length_min say */
	int64_t minimum;  /* of a number */
	int64_t maximum;
	bool non_zero;     /* of a number */
	size_t length_min; /* of a text, of a map's values or an array's, in code points */
	size_t length_max;
	size_t pairs_max; /* of a map */
	size_t key_length_max;
	size_t items_max;       /* of an array */
	bool items_unique;      /* of an array of strings: none stands twice */
	size_t places;          /* of a decimal: digits behind the point */
	bool json;              /* a text that holds JSON: the public form has the value itself */
	const json_t *examples; /* an array, or NULL */
};

struct schema {
	enum schema_type type;
	enum schema_logical logical;
	bool nullable;   /* the union of null and this; null is branch 0 */
	struct str name; /* full name of a record or enum: "billd.command.CreateCustomer" */
	struct str doc;
	size_t symbols_len; /* SCHEMA_ENUM */
	const struct str *symbols;
	size_t fields_len; /* SCHEMA_RECORD */
	const struct schema_field *fields;
	const struct schema *items; /* SCHEMA_ARRAY */
	size_t exactly_one_len;     /* SCHEMA_RECORD: of these fields, exactly one is given; an
				       empty array is not */
	const struct str *exactly_one;
	uint64_t fingerprint; /* of a top record: CRC-64-AVRO of its Parsing Canonical Form */
	struct str text;      /* of a top record: the .avsc as it stands in schemas/ */
};

struct schemas;

/**
 * schemas_open(ret_schemas, err):
 * Parse every schema that is embedded in the program: the current ones and all released ones.
 * ERR_FATAL when one is malformed or outside the subset, or two current ones have one name.  The
 * caller frees with schemas_free, which accepts NULL.  Called before there are threads: from here
 * on the process stops when there is no memory for Jansson, which could not bear it.
 */
NODISCARD enum err_class schemas_open(struct schemas **ret_schemas, struct err *err);

/**
 * schemas_open_files(files, files_len, ret_schemas, err):
 * The same from ${files}: current are those under schemas/commands/, schemas/events/ and
 * schemas/actions/, only for reading those under schemas/released/, and any other is passed over.
 * ERR_FATAL as well when an action has a field from elsewhere than the body.
 */
NODISCARD enum err_class schemas_open_files(const struct embedded_file *files, size_t files_len,
    struct schemas **ret_schemas, struct err *err);
void schemas_free(struct schemas *schemas);

/**
 * schemas_by_name(schemas, name):
 * The current schema of that full name, or NULL.
 */
NODISCARD const struct schema *schemas_by_name(const struct schemas *schemas, struct str name);

/**
 * schemas_by_fingerprint(schemas, fingerprint):
 * The current or released schema with that fingerprint, or NULL; an action's is not found.
 */
NODISCARD const struct schema *schemas_by_fingerprint(
    const struct schemas *schemas, uint64_t fingerprint);

/**
 * schemas_at(schemas, index):
 * The current schemas one by one, commands, events, actions; NULL behind the last.
 */
NODISCARD const struct schema *schemas_at(const struct schemas *schemas, size_t index);

/**
 * schemas_any_at(schemas, index):
 * All schemas one by one, current and released, by fingerprint, but for those of actions; NULL
 * behind the last.
 */
NODISCARD const struct schema *schemas_any_at(const struct schemas *schemas, size_t index);

/**
 * schema_parse(text, ret_schema, err), schema_free(schema):
 * Parse one .avsc apart from any set.  ERR_FATAL as schemas_open.
 */
NODISCARD enum err_class schema_parse(struct str text, struct schema **ret_schema, struct err *err);
void schema_free(struct schema *schema);

/**
 * schema_str(json):
 * A view of the JSON string ${json}, or none when it is anything else.
 */
NODISCARD struct str schema_str(const json_t *json);

#endif
