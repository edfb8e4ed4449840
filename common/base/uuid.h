#ifndef COMMON_BASE_UUID_H
#define COMMON_BASE_UUID_H

/*
 * UUIDs as 16 bytes, in the order in which they are written.  How ours are derived is id.h's.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/check.h"
#include "common/base/str.h"

struct uuid {
	uint8_t b[16];
};

_Static_assert(sizeof(struct uuid) == 16, "a uuid is its bytes");

/* A list of them; borrowed. */
struct uuid_list {
	const struct uuid *items;
	size_t len;
};

#define UUID_TEXT_SIZE 37 /* 36 characters and the NUL */
#define UUID_NIL ((struct uuid){{0}})

/**
 * uuid_equal(a, b), uuid_compare(a, b), uuid_is_nil(uuid):
 * Equality, order by bytes, and whether all bits are zero.
 */
NODISCARD bool uuid_equal(struct uuid a, struct uuid b);
NODISCARD int uuid_compare(struct uuid a, struct uuid b);
NODISCARD bool uuid_is_nil(struct uuid uuid);

/**
 * uuid_unite(uuids, len):
 * Sort the ${len} at ${uuids} in place and keep each once: how many are left, at the beginning.
 * ${uuids} may be NULL where ${len} is 0.
 */
NODISCARD size_t uuid_unite(struct uuid *uuids, size_t len);

/**
 * uuid_write(uuid, ret_text):
 * Write ${uuid} as 36 lower-case characters and a NUL to ${ret_text}.
 */
void uuid_write(struct uuid uuid, char ret_text[UUID_TEXT_SIZE]);

/**
 * uuid_read(text, ret_uuid):
 * Read the 8-4-4-4-12 form, either case.  False, ${ret_uuid} untouched, when ${text} is anything
 * else.
 */
NODISCARD bool uuid_read(struct str text, struct uuid *ret_uuid);

#endif
