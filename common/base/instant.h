#ifndef COMMON_BASE_INSTANT_H
#define COMMON_BASE_INSTANT_H

/*
 * A moment, as billing knows it: whole seconds since 1970-01-01T00:00:00Z, without leap seconds.
 * Pure: reading the clock is clock.h's, calendars and time zones are domain/calendar.h's.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/check.h"

struct instant {
	int64_t s; /* seconds since the epoch, INSTANT_MIN_S to INSTANT_MAX_S */
};

#define INSTANT_MIN_S INT64_C(0)                   /* 1970-01-01T00:00:00Z */
#define INSTANT_MAX_S INT64_C(7258118399)          /* 2199-12-31T23:59:59Z */
#define INSTANT_NONE ((struct instant){INT64_MIN}) /* "never", "not yet": not a valid instant */
#define INSTANT_TEXT_SIZE 21                       /* "2026-01-31T00:00:00Z" and the NUL */

/**
 * instant_is_valid(instant):
 * Whether ${instant} lies in the range that billing handles.
 */
NODISCARD bool instant_is_valid(struct instant instant);

/**
 * instant_is_none(instant):
 * Whether it is INSTANT_NONE.
 */
NODISCARD bool instant_is_none(struct instant instant);

/**
 * instant_later(a, b):
 * The later one of ${a} and ${b}.
 */
NODISCARD struct instant instant_later(struct instant a, struct instant b);

/**
 * instant_from_ms(ms):
 * The whole second that ${ms} (milliseconds since the epoch, not negative) lies in.
 */
NODISCARD struct instant instant_from_ms(int64_t ms);

/**
 * instant_write(instant, ret_text):
 * Write valid ${instant} in RFC 3339 form, UTC, with its NUL, to ${ret_text}.
 */
void instant_write(struct instant instant, char ret_text[INSTANT_TEXT_SIZE]);

/**
 * instant_read(text, len, ret_instant):
 * Read the RFC 3339 date-time of ${len} bytes at ${text}: "Z" or a numeric offset, an optional
 * fraction of a second, which is cut off.  Return false, and leave ${ret_instant} untouched, when
 * it is malformed, names a day or time that does not exist, or is out of range.
 */
NODISCARD bool instant_read(const char *text, size_t len, struct instant *ret_instant);

#endif
