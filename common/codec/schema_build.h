#ifndef COMMON_CODEC_SCHEMA_BUILD_H
#define COMMON_CODEC_SCHEMA_BUILD_H

/*
 * What the files of the schema parser share: schema.c reads types and fields, schema_rules.c the
 * rules on a field, schema_set.c all the files of a program.  For these only.
 */

#include <jansson.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/str.h"
#include "common/codec/schema.h"

/**
 * schema_build(arena, text, json, ret_schema, err):
 * Make the tree of ${json}, which was parsed from ${text}, in ${arena}.  The tree borrows from
 * ${json}; ${text} is copied.  ERR_FATAL when it is malformed, outside the subset or does not fit.
 */
NODISCARD enum err_class schema_build(struct arena *arena, struct str text, const json_t *json,
    const struct schema **ret_schema, struct err *err);

/**
 * schema_load(text, ret_json, err):
 * Parse ${text} as JSON without duplicate keys.  The caller releases with json_decref.
 */
NODISCARD enum err_class schema_load(struct str text, json_t **ret_json, struct err *err);

/**
 * schema_rules_read(json, field, err):
 * Read every attribute of the field ${json} that is not Avro's own into ${field}, whose type and
 * default are known.  ERR_FATAL for an attribute or a format that we don't know, for one that the
 * type cannot have, and for a default that breaks the rules.
 */
NODISCARD enum err_class schema_rules_read(
    const json_t *json, struct schema_field *field, struct err *err);

#endif
