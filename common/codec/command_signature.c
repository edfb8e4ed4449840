#include "common/codec/command_signature.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void
command_parts_init(struct command_parts *parts, struct str key, struct str value, int32_t partition)
{
	int len;

	*parts = (struct command_parts){.parts = {key, value}};
	len = snprintf(parts->partition, sizeof(parts->partition), "%" PRId32, partition);
	CHECK(len > 0 && (size_t)len < sizeof(parts->partition));
	parts->parts[COMMAND_PARTS - 1] = (struct str){parts->partition, (size_t)len};
}

bool
command_signature_is_good(const struct signing_ring *ring, struct str text, struct str key,
    struct str value, int32_t partition)
{
	struct command_parts parts;

	command_parts_init(&parts, key, value, partition);
	return signature_is_good(ring, text, parts.parts, COMMAND_PARTS);
}

bool
command_signature_is_known(const struct signing_ring *ring, struct str text)
{
	const char *dot = text.len == 0 ? NULL : memchr(text.ptr, '.', text.len);

	return dot != NULL && signing_ring_find(ring, SIGNING_COMMAND,
				  (struct str){text.ptr, (size_t)(dot - text.ptr)}) != NULL;
}
