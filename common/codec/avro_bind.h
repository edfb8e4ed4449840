#ifndef COMMON_CODEC_AVRO_BIND_H
#define COMMON_CODEC_AVRO_BIND_H

/*
 * From avro-c's generic value to a struct of ours, field by field, by name.  For avro_decode.c
 * only.
 */

#include <avro.h>

#include "common/base/arena.h"
#include "common/base/record.h"
#include "common/codec/avro_bytes.h"
#include "common/codec/schema.h"

/**
 * avro_bind(writer, value, current, record, arena, at, fault):
 * Fill the zeroed struct ${at}, described by ${record}, from ${value}, which ${writer} describes.
 * What ${writer} lacks gets ${current}'s default.  False with ${fault} filled.
 */
NODISCARD bool avro_bind(const struct schema *writer, const avro_value_t *value,
    const struct schema *current, const struct record *record, struct arena *arena, void *at,
    struct avro_fault *fault);

#endif
