#ifndef COMMON_CODEC_RULES_H
#define COMMON_CODEC_RULES_H

/*
 * The rules of a command's schema (ranges, lengths, formats), held against a decoded command.  The
 * ingress holds them against JSON (transcode.h); the topic can be written by others, so the worker
 * holds them again.
 */

#include "common/base/err.h"
#include "common/base/record.h"
#include "common/codec/schema.h"

/**
 * rules_check(schema, record, value, err):
 * Whether ${value}, a struct described by ${record} that was read with the current ${schema}, keeps
 * all rules of its body fields, and of those of records in its lists.  ERR_POISON naming the first
 * field that breaks one.
 */
NODISCARD enum err_class rules_check(
    const struct schema *schema, const struct record *record, const void *value, struct err *err);

#endif
