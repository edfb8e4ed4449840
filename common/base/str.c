#include "common/base/str.h"

#include <stdarg.h>

#define BUF_CAPACITY_FIRST 256

struct str
str_from(const char *text)
{
	return text == NULL ? STR_NONE : (struct str){text, strlen(text)};
}

bool
str_equal(struct str a, struct str b)
{
	if (a.ptr == NULL || b.ptr == NULL)
		return a.ptr == b.ptr;
	return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0;
}

int
str_compare(struct str a, struct str b)
{
	size_t shared = a.len < b.len ? a.len : b.len;
	int order = shared == 0 ? 0 : memcmp(a.ptr, b.ptr, shared);

	if (order != 0)
		return order;
	return (a.len > b.len) - (a.len < b.len);
}

bool
str_read_int64(struct str text, int64_t min, int64_t max, int64_t *ret_value)
{
	size_t at = text.len > 0 && text.ptr[0] == '-' ? 1 : 0;
	bool negative = at == 1;
	int64_t value = 0;

	if (at == text.len)
		return false;
	for (; at < text.len; at++) {
		int64_t digit = text.ptr[at] - '0';

		if (digit < 0 || digit > 9)
			return false;
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, negative ? -digit : digit, &value))
			return false;
	}
	if (value < min || value > max)
		return false;
	*ret_value = value;
	return true;
}

struct str
str_write_int64(int64_t value, char text[INT64_TEXT_SIZE])
{
	/* The smallest number has no positive one as an int64_t. */
	uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
	size_t first = INT64_TEXT_SIZE;

	do {
		text[--first] = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest > 0);
	if (value < 0)
		text[--first] = '-';
	return (struct str){text + first, INT64_TEXT_SIZE - first};
}

void
buf_init(struct buf *buf, size_t max)
{
	*buf = (struct buf){.max = max};
}

void
buf_release(struct buf *buf)
{
	if (buf == NULL)
		return;
	free(buf->ptr);
	*buf = (struct buf){.max = buf->max};
}

void
buf_clear(struct buf *buf)
{
	buf->len = 0;
	buf->overflow = false;
}

/* Make room for ${more} bytes behind what is there, or remember that there is none. */
static bool
buf_grow(struct buf *buf, size_t more)
{
	size_t capacity = buf->capacity == 0 ? BUF_CAPACITY_FIRST : buf->capacity;
	char *grown;

	if (buf->overflow || more > buf->max - buf->len) {
		buf->overflow = true;
		return false;
	}
	while (capacity < buf->len + more)
		capacity *= 2;
	if (capacity > buf->max)
		capacity = buf->max;
	grown = realloc(buf->ptr, capacity);
	if (grown == NULL) {
		buf->overflow = true;
		return false;
	}
	buf->ptr = grown;
	buf->capacity = capacity;
	return true;
}

/* The capacity never passes the maximum, so that what fits into it may be appended. */
static bool
buf_reserve(struct buf *buf, size_t more)
{
	return (more <= buf->capacity - buf->len && !buf->overflow) || buf_grow(buf, more);
}

void
buf_append(struct buf *buf, const void *bytes, size_t len)
{
	if (len == 0 || !buf_reserve(buf, len))
		return;
	memcpy(buf->ptr + buf->len, bytes, len);
	buf->len += len;
}

void
buf_append_str(struct buf *buf, struct str str)
{
	buf_append(buf, str.ptr, str.len);
}

void
buf_append_char(struct buf *buf, char c)
{
	if (buf_reserve(buf, 1))
		buf->ptr[buf->len++] = c;
}

void
buf_append_int64(struct buf *buf, int64_t value)
{
	char text[INT64_TEXT_SIZE];

	buf_append_str(buf, str_write_int64(value, text));
}

void
buf_printf(struct buf *buf, const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	CHECK(len >= 0);
	/* The NUL that vsnprintf adds needs a byte, which is not counted. */
	if (buf->max - buf->len <= (size_t)len || !buf_reserve(buf, (size_t)len + 1)) {
		buf->overflow = true;
		return;
	}
	va_start(args, format);
	vsnprintf(buf->ptr + buf->len, (size_t)len + 1, format, args);
	va_end(args);
	buf->len += (size_t)len;
}

struct str
buf_str(const struct buf *buf)
{
	return (struct str){buf->ptr == NULL ? "" : buf->ptr, buf->len};
}
