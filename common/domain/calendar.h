#ifndef COMMON_DOMAIN_CALENDAR_H
#define COMMON_DOMAIN_CALENDAR_H

/*
 * The calendar: boundaries of billing periods in a customer's time zone (billing-rules: "Periods").
 * Month arithmetic lives here alone.  Pure: a time zone comes in as a plain table (zone/zone.h
 * reads it).
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/base/check.h"
#include "common/base/instant.h"
#include "common/base/str.h"

#define ZONE_TRANSITIONS_MAX 1024
#define INTERVAL_COUNT_MAX 3660 /* ten years of days */
#define PERIOD_INDEX_MAX 100000 /* a daily subscription for 273 years */

/* From that moment on, local time is UTC plus that offset. */
struct zone_transition {
	int64_t at_s;     /* seconds since the epoch */
	int32_t offset_s; /* local time minus UTC */
};

/* A time zone between INSTANT_MIN_S and INSTANT_MAX_S. */
struct zone {
	int32_t offset_first_s; /* before the first transition */
	uint32_t transitions_len;
	struct zone_transition transitions[ZONE_TRANSITIONS_MAX]; /* by time, ascending */
};

enum interval {
	INTERVAL_DAY = 0,
	INTERVAL_WEEK,
	INTERVAL_MONTH,
	INTERVAL_YEAR,
	INTERVAL_MAX,
};

/* How long a period is: ${count} times ${interval}. */
struct cadence {
	enum interval interval;
	int32_t count; /* 1 to INTERVAL_COUNT_MAX */
};

/* A span of time, [start, end). */
struct period {
	struct instant start;
	struct instant end;
};

/**
 * interval_name(interval), interval_from(name, ret_interval):
 * "day", "week", "month", "year" for a valid ${interval}; and back, false (untouched) for any other
 * name.
 */
NODISCARD const char *interval_name(enum interval interval);
NODISCARD bool interval_from(struct str name, enum interval *ret_interval);

/**
 * calendar_boundary(zone, anchor, cadence, k, ret_boundary):
 * The start of period number ${k} (0 is the one that begins at ${anchor}): ${anchor} plus k
 * cadences on the calendar of
 * ${zone}, keeping the local time of day.  A day that a month lacks becomes its last; a local time
 * that does not exist moves forward by the gap, an ambiguous one is the first.  Always computed
 * from the anchor, so 31 January gives 28 February and then 31 March.  Boundary 0 is ${anchor}
 * itself.  Boundaries ascend; only where a zone once left out a whole day (Pacific/Apia,
 * 2011-12-30) is a period of one day, that day's, empty.  ${k} is 0 to PERIOD_INDEX_MAX.  False,
 * ${ret_boundary} untouched, when it lies beyond INSTANT_MAX_S.
 */
NODISCARD bool calendar_boundary(const struct zone *zone, struct instant anchor,
    struct cadence cadence, int32_t k, struct instant *ret_boundary);

/**
 * calendar_period(zone, anchor, cadence, k, ret_period):
 * Period number ${k}: from boundary k to boundary k + 1.  False as calendar_boundary.
 */
NODISCARD bool calendar_period(const struct zone *zone, struct instant anchor,
    struct cadence cadence, int32_t k, struct period *ret_period);

#endif
