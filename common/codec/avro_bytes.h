#ifndef COMMON_CODEC_AVRO_BYTES_H
#define COMMON_CODEC_AVRO_BYTES_H

/*
 * What the readers of Avro share: primitives off bytes that nobody has checked yet, and the place
 * of a fault.  For avro_*.c only.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/record.h"
#include "common/base/str.h"
#include "common/codec/schema.h"

/* Bytes that are being read; `at` never passes `end`. */
struct avro_cursor {
	const unsigned char *at;
	const unsigned char *end;
};

/**
 * avro_cursor_at(body):
 * A cursor at the first byte of ${body}.
 */
NODISCARD struct avro_cursor avro_cursor_at(struct str body);

/**
 * avro_take_long(cursor, ret_value), avro_take_string(cursor, ret_text), ...:
 * Read one value and step behind it.  False when the bytes end first, a number is longer than its
 * type, or a boolean is neither 0 nor 1.  A text is borrowed and may be invalid UTF-8.
 */
NODISCARD bool avro_take_long(struct avro_cursor *cursor, int64_t *ret_value);
NODISCARD bool avro_take_int(struct avro_cursor *cursor, int32_t *ret_value);
NODISCARD bool avro_take_boolean(struct avro_cursor *cursor, bool *ret_value);
NODISCARD bool avro_take_string(struct avro_cursor *cursor, struct str *ret_text);

/* What is wrong with a message, and where: the path is put together from its end, by each reader
 * that the fault passes on its way out. */
struct avro_fault {
	enum err_class class;
	const char *reason;
	size_t path_len;
	char path[120]; /* NUL-terminated; the end of a path that is longer */
};

/**
 * avro_fault(fault, reason), avro_fault_full(fault):
 * Begin a fault: bad bytes, for ${reason}, which is kept; or an arena without room.  Returns false.
 */
bool avro_fault(struct avro_fault *fault, const char *reason);
bool avro_fault_full(struct avro_fault *fault);

/**
 * avro_fault_in_field(fault, name), avro_fault_in_item(fault, index):
 * It lies in that field, or in that item of a list.  Returns false.
 */
bool avro_fault_in_field(struct avro_fault *fault, struct str name);
bool avro_fault_in_item(struct avro_fault *fault, size_t index);

/**
 * avro_fault_err(fault, schema, err):
 * Fill ${err} with "schema: path: reason" and return its class.
 */
enum err_class avro_fault_err(
    const struct avro_fault *fault, const struct schema *schema, struct err *err);

/**
 * avro_field_of(record, name, at):
 * The field ${name} of ${record}, or NULL.  The search begins at ${at} and leaves it behind the
 * find, so that two lists in the same order are matched in one pass.
 */
NODISCARD const struct field *avro_field_of(
    const struct record *record, struct str name, size_t *at);

/**
 * avro_index_of(schema, name, at, ret_index):
 * The same for the fields of the record ${schema}.  False when it has none of that name.
 */
NODISCARD bool avro_index_of(
    const struct schema *schema, struct str name, size_t *at, size_t *ret_index);

#endif
