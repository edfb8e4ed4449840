#ifndef COMMON_CODEC_FINGERPRINT_H
#define COMMON_CODEC_FINGERPRINT_H

/*
 * What names a schema on the wire: CRC-64-AVRO of its Parsing Canonical Form, which keeps what
 * matters for reading bytes (names, types, order) and drops the rest (docs, defaults, our rules).
 * So a rule can change without a new fingerprint, and a field cannot.
 */

#include <stdint.h>

#include "common/base/str.h"
#include "common/codec/schema.h"

/**
 * fingerprint_bytes(bytes):
 * CRC-64-AVRO of ${bytes}.
 */
NODISCARD uint64_t fingerprint_bytes(struct str bytes);

/**
 * fingerprint_canonical(schema, buf):
 * Append the Parsing Canonical Form of ${schema}.  ${buf} remembers an overflow.
 */
void fingerprint_canonical(const struct schema *schema, struct buf *buf);

#endif
