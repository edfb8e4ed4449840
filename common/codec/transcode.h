#ifndef COMMON_CODEC_TRANSCODE_H
#define COMMON_CODEC_TRANSCODE_H

/*
 * A client's JSON to a command's Avro bytes, in one walk of the command's schema that checks and
 * writes. Every fault is found, not only the first.  Knows schemas, not commands.
 */

#include <jansson.h>

#include "common/base/arena.h"
#include "common/base/record.h"
#include "common/base/str.h"
#include "common/codec/schema.h"

#define FAULTS_MAX 64 /* those beyond are only counted */

/* One thing that is wrong with a body. */
struct fault {
	struct str
	    pointer; /* JSON pointer to it, RFC 6901: "/metadata/a~1b"; "" is the whole body */
	struct str detail; /* for the reader: "must be at most 200 characters" */
};

struct faults {
	struct arena *arena; /* holds their texts */
	size_t len;          /* of those kept */
	size_t found;        /* of all */
	struct fault items[FAULTS_MAX];
};

/* A path parameter: the id as it stood in the path, a valid UUID. */
struct path_value {
	struct str name;
	struct str text;
};

/* What does not come from the body. */
struct transcode_given {
	const struct record *meta_record; /* describes meta */
	const void *meta;
	const struct path_value *path_values;
	size_t path_values_len;
};

/**
 * transcode_parse(body, ret_json, faults):
 * Parse ${body} as one JSON object: no duplicate keys, no NUL, valid UTF-8, bounded depth.  An
 * empty body is an empty object.  On a fault return false and tell it, with line and column, in
 * ${faults}.  The caller releases with json_decref.
 */
NODISCARD bool transcode_parse(struct str body, json_t **ret_json, struct faults *faults);

/**
 * transcode(schema, json, given, faults, buf):
 * Append the framed Avro of the command ${schema}, with the body fields from ${json} and the others
 * from ${given}.  False, with every fault in
 * ${faults} and ${buf}'s bytes of no use, when ${json} breaks the schema or its rules: unknown
 * field, missing field, wrong type, out of range, too long, bad format, not exactly one of a group.
 * A field that is absent or null gets its default; null is a fault where the type does not allow
 * it.  A decimal number may be a JSON integer, as an anchor may, and is written without needless
 * zeros.  A full ${buf} is a fault of the whole body.
 */
NODISCARD bool transcode(const struct schema *schema, const json_t *json,
    const struct transcode_given *given, struct faults *faults, struct buf *buf);

/**
 * fault_add(faults, pointer, format, ...):
 * Note one more fault; also for the ingress's own checks (headers, query strings).
 */
void fault_add(struct faults *faults, struct str pointer, const char *format, ...)
    PRINTF_LIKE(3, 4);

#endif
