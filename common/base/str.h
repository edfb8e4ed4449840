#ifndef COMMON_BASE_STR_H
#define COMMON_BASE_STR_H

/*
 * Strings with a length.  struct str is a borrowed view; struct buf builds bytes in memory that it
 * owns, up to a maximum that is named at init.  A NUL-terminated string appears only at a library's
 * border.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/check.h"

/* A borrowed view of bytes.  {NULL, 0} is "none", which is not the same as the empty string. */
struct str {
	const char *ptr;
	size_t len;
};

#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})
#define STR_NONE ((struct str){NULL, 0})
#define STR_ARG(str) (int)(str).len, (str).ptr /* for "%.*s" */

/* A list of strings; all borrowed. */
struct str_list {
	const struct str *items;
	size_t len;
};

/* One pair of a string map such as metadata; both borrowed. */
struct str_pair {
	struct str key;
	struct str value;
};

/* A map of strings in the order of its keys as they came; borrowed. */
struct str_map {
	const struct str_pair *pairs;
	size_t len;
};

/**
 * str_from(text):
 * A view of the NUL-terminated ${text}, or none when it is NULL.
 */
NODISCARD struct str str_from(const char *text);

/**
 * str_equal(a, b), str_compare(a, b):
 * Byte-wise equality, and order as by memcmp(3), the shorter first.  None equals none only.
 */
NODISCARD bool str_equal(struct str a, struct str b);
NODISCARD int str_compare(struct str a, struct str b);

/**
 * str_read_int64(text, min, max, ret_value):
 * Read all of ${text} as a decimal integer.  False, ${ret_value} untouched, when it is none or lies
 * outside
 * [${min}, ${max}].
 */
NODISCARD bool str_read_int64(struct str text, int64_t min, int64_t max, int64_t *ret_value);

#define INT64_TEXT_SIZE 20 /* 19 digits and the sign; no NUL */

/**
 * str_write_int64(value, text):
 * ${value} as decimal digits, a '-' before them when it is negative; a view of the end of ${text}.
 */
NODISCARD struct str str_write_int64(int64_t value, char text[INT64_TEXT_SIZE]);

/* Bytes being built.  A failed append is remembered in `overflow`, so that a run of appends is
 * checked once. */
struct buf {
	char *ptr;
	size_t len;
	size_t capacity; /* at most max */
	size_t max;      /* len never passes it */
	bool overflow;   /* an append was refused (over max, or out of memory); the bytes are then
			    incomplete */
};

/**
 * buf_init(buf, max):
 * Make ${buf} empty, with at most ${max} bytes to come.  Allocates nothing yet.
 */
void buf_init(struct buf *buf, size_t max);

/**
 * buf_release(buf):
 * Free the bytes.  NULL or a zeroed buf is fine.
 */
void buf_release(struct buf *buf);

/**
 * buf_clear(buf):
 * Forget the bytes and the overflow, keep the memory.
 */
void buf_clear(struct buf *buf);

/**
 * buf_append(buf, bytes, len), buf_append_str(buf, str), buf_append_char(buf, c),
 * buf_append_int64(buf, value), buf_printf(buf, format, ...):
 * Append, or set ${buf}->overflow and append nothing.
 */
void buf_append(struct buf *buf, const void *bytes, size_t len);
void buf_append_str(struct buf *buf, struct str str);
void buf_append_char(struct buf *buf, char c);
void buf_append_int64(struct buf *buf, int64_t value);
void buf_printf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);

/**
 * buf_str(buf):
 * A view of what was built; valid until the next append.
 */
NODISCARD struct str buf_str(const struct buf *buf);

#endif
