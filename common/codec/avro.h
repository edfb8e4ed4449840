#ifndef COMMON_CODEC_AVRO_H
#define COMMON_CODEC_AVRO_H

/*
 * Avro bytes: C structs to and from single-object encoding (C3 01, the schema's fingerprint in
 * little-endian order, the body), and bytes to JSON for readers.
 *
 * Nothing here trusts the bytes: avro_check walks them by the writer's schema, with every announced
 * length bounded by what is there, before avro-c sees one (it allocates what is announced). Reading
 * goes by field names: a field that the writer's schema lacks gets the reader's default, one that
 * the struct lacks is skipped.  So every schema ever released stays readable.
 *
 * A struct avro_decoder belongs to one thread.  Writing and avro_to_json may be called from
 * several.
 */

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/record.h"
#include "common/base/str.h"
#include "common/codec/schema.h"

#define AVRO_FRAME_BYTES 10
#define AVRO_MESSAGE_MAX (1024 * 1024) /* bytes of one message, frame and all */
#define AVRO_ITEMS_MAX 10000           /* of one array or map */

/**
 * avro_frame_read(message, ret_fingerprint, ret_body):
 * Take the frame off ${message}.  False, outputs untouched, when it has none or is longer than
 * AVRO_MESSAGE_MAX.
 */
NODISCARD bool avro_frame_read(struct str message, uint64_t *ret_fingerprint, struct str *ret_body);

/**
 * avro_frame_write(schema, buf):
 * Append the frame of ${schema}.
 */
void avro_frame_write(const struct schema *schema, struct buf *buf);

/**
 * avro_check(schema, body, err):
 * Whether ${body} is exactly one value of ${schema}: every length within what is there, every text
 * valid UTF-8 without NUL, every union and enum index known, no byte left over.  ERR_POISON with
 * the path of the field and the fault.
 */
NODISCARD enum err_class avro_check(const struct schema *schema, struct str body, struct err *err);

/* The primitives of the encoding, for whoever writes a body as it goes (transcode.c). */
void avro_put_long(
    struct buf *buf, int64_t value); /* also int, enum index, union branch, block count */
void avro_put_boolean(struct buf *buf, bool value);
void avro_put_string(struct buf *buf, struct str text);

/**
 * avro_encode(schema, record, value, buf):
 * Append the frame and the body of ${value}, a struct described by ${record}, as ${schema}.  Every
 * field of ${schema} stands in
 * ${record} with a kind that fits, and none is null where the schema forbids it (CHECKed).  ${buf}
 * remembers an overflow.
 */
void avro_encode(
    const struct schema *schema, const struct record *record, const void *value, struct buf *buf);

/**
 * avro_encode_body(schema, record, value, buf):
 * The same without the frame: one nested record of a larger body.
 */
void avro_encode_body(
    const struct schema *schema, const struct record *record, const void *value, struct buf *buf);

struct avro_decoder;

/**
 * avro_decoder_init(schemas, ret_decoder, err), avro_decoder_free(decoder):
 * A decoder of all of ${schemas}, which outlives it.  ERR_FATAL when avro-c refuses a schema.  Free
 * accepts NULL.
 */
NODISCARD enum err_class avro_decoder_init(
    const struct schemas *schemas, struct avro_decoder **ret_decoder, struct err *err);
void avro_decoder_free(struct avro_decoder *decoder);

/**
 * avro_decode(decoder, writer, body, current, record, arena, value, err):
 * Decode ${body}, which was written with ${writer}, into ${value}, a struct described by ${record};
 * ${current} gives the defaults of fields that ${writer} lacks.  Both are of the decoder's schemas.
 * Texts and lists live in ${arena}, texts of defaults in ${current}.
 * ERR_POISON when the bytes are bad (avro_check is made here), or when a field without a default is
 * missing or of another type; ERR_RETRY when the arena is full.
 */
NODISCARD enum err_class avro_decode(struct avro_decoder *decoder, const struct schema *writer,
    struct str body, const struct schema *current, const struct record *record, struct arena *arena,
    void *value, struct err *err);

/**
 * avro_to_json(schema, body, buf, err):
 * Append ${body} as JSON, in the public form: UUIDs and enums as strings, times in RFC 3339, unions
 * without a wrapper.  ERR_POISON when the bytes are bad.
 */
NODISCARD enum err_class avro_to_json(
    const struct schema *schema, struct str body, struct buf *buf, struct err *err);

#endif
