#include "common/base/uuid.h"

#include <stdlib.h>

/* Where the dash stands before the byte of that index. */
static bool
dash_before(size_t byte)
{
	return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

bool
uuid_equal(struct uuid a, struct uuid b)
{
	return memcmp(a.b, b.b, sizeof(a.b)) == 0;
}

int
uuid_compare(struct uuid a, struct uuid b)
{
	return memcmp(a.b, b.b, sizeof(a.b));
}

bool
uuid_is_nil(struct uuid uuid)
{
	return uuid_equal(uuid, UUID_NIL);
}

static int
order(const void *a, const void *b)
{
	const struct uuid *uuid_a = a, *uuid_b = b;

	return uuid_compare(*uuid_a, *uuid_b);
}

size_t
uuid_unite(struct uuid *uuids, size_t len)
{
	size_t kept = 0;

	if (len == 0)
		return 0;
	qsort(uuids, len, sizeof(*uuids), order);
	for (size_t i = 0; i < len; i++)
		if (kept == 0 || !uuid_equal(uuids[i], uuids[kept - 1]))
			uuids[kept++] = uuids[i];
	return kept;
}

void
uuid_write(struct uuid uuid, char ret_text[UUID_TEXT_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	char *at = ret_text;

	for (size_t i = 0; i < sizeof(uuid.b); i++) {
		if (dash_before(i))
			*at++ = '-';
		*at++ = digits[uuid.b[i] >> 4];
		*at++ = digits[uuid.b[i] & 15];
	}
	*at = '\0';
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool
uuid_read(struct str text, struct uuid *ret_uuid)
{
	struct uuid uuid;
	size_t at = 0;

	if (text.len != UUID_TEXT_SIZE - 1)
		return false;
	for (size_t i = 0; i < sizeof(uuid.b); i++) {
		int high, low;

		if (dash_before(i) && text.ptr[at++] != '-')
			return false;
		high = hex_digit(text.ptr[at++]);
		low = hex_digit(text.ptr[at++]);
		if (high < 0 || low < 0)
			return false;
		uuid.b[i] = (uint8_t)(high << 4 | low);
	}
	*ret_uuid = uuid;
	return true;
}
