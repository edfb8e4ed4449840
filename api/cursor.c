#include "api/cursor.h"

#include "common/base/base64url.h"

#define CURSOR_BYTES 25
#define VARINT_BYTES_MAX 9 /* 63 bits */
/* One kind byte, and for each partition its distance from the one before and its number. */
#define EVENTS_BYTES_MAX (1 + 1024 * (2 + VARINT_BYTES_MAX))

_Static_assert(CURSOR_TEXT_SIZE > BASE64URL_LEN(CURSOR_BYTES), "it fits");

void
cursor_write(enum cursor_kind kind, struct cursor cursor, char ret_text[CURSOR_TEXT_SIZE])
{
	uint8_t bytes[CURSOR_BYTES] = {(uint8_t)kind};

	for (int i = 0; i < 8; i++)
		bytes[1 + i] = (uint8_t)((uint64_t)cursor.position >> (56 - 8 * i));
	memcpy(bytes + 9, cursor.id.b, sizeof(cursor.id.b));
	base64url_write(bytes, sizeof(bytes), ret_text, CURSOR_TEXT_SIZE);
}

bool
cursor_read(struct str text, enum cursor_kind kind, struct cursor *ret_cursor)
{
	uint8_t bytes[CURSOR_BYTES];
	uint64_t position = 0;
	size_t len;

	if (!base64url_read(text, bytes, sizeof(bytes), &len) || len != sizeof(bytes) ||
	    bytes[0] != (uint8_t)kind)
		return false;
	for (int i = 0; i < 8; i++)
		position = position << 8 | bytes[1 + i];
	ret_cursor->position = (int64_t)position;
	memcpy(ret_cursor->id.b, bytes + 9, sizeof(ret_cursor->id.b));
	return true;
}

static size_t
varint_write(uint64_t value, uint8_t *bytes)
{
	size_t len = 0;

	for (; value >= 0x80; value >>= 7)
		bytes[len++] = (uint8_t)(value | 0x80);
	bytes[len++] = (uint8_t)value;
	return len;
}

/* Take one number of at most 63 bits from ${bytes} at ${at}. */
static bool
varint_read(const uint8_t *bytes, size_t len, size_t *at, int64_t *ret_value)
{
	uint64_t value = 0;

	for (int shift = 0; *at < len && shift < 7 * VARINT_BYTES_MAX; shift += 7) {
		uint8_t byte = bytes[(*at)++];

		value |= (uint64_t)(byte & 0x7f) << shift;
		if ((byte & 0x80) == 0) {
			*ret_value = (int64_t)value;
			return true;
		}
	}
	return false;
}

void
cursor_events_write(const int64_t *numbers, size_t partitions, struct buf *buf)
{
	uint8_t bytes[EVENTS_BYTES_MAX] = {CURSOR_EVENTS};
	char text[BASE64URL_LEN(EVENTS_BYTES_MAX) + 1];
	size_t len = 1, next = 0;

	CHECK(partitions <= 1024);

	for (size_t i = 0; i < partitions; i++) {
		if (numbers[i] == 0)
			continue;
		CHECK(numbers[i] > 0);
		len += varint_write(i - next, bytes + len);
		len += varint_write((uint64_t)numbers[i], bytes + len);
		next = i + 1;
	}
	base64url_write(bytes, len, text, sizeof(text));
	buf_append_str(buf, str_from(text));
}

bool
cursor_events_read(struct str text, int64_t *numbers, size_t partitions)
{
	uint8_t bytes[EVENTS_BYTES_MAX];
	size_t len, at = 1, next = 0;

	if (!base64url_read(text, bytes, sizeof(bytes), &len) || len == 0 ||
	    bytes[0] != CURSOR_EVENTS)
		return false;
	for (size_t i = 0; i < partitions; i++)
		numbers[i] = 0;
	while (at < len) {
		int64_t distance, number;

		if (!varint_read(bytes, len, &at, &distance) ||
		    !varint_read(bytes, len, &at, &number) || number == 0 || next >= partitions ||
		    distance >= (int64_t)(partitions - next))
			return false;
		next += (size_t)distance;
		numbers[next++] = number;
	}
	return true;
}
